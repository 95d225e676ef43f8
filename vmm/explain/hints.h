/*
 * What a guest's state at its end says of the mistake behind it, where that can be known.
 */
#ifndef VMM_EXPLAIN_HINTS_H
#define VMM_EXPLAIN_HINTS_H

#include "info.h"

/*
 * Prints a line for each of these that holds, "  note: ...":
 * the stack has left RAM, or lies in code; a function has called itself many times; a Multiboot
 * kernel has an IDT of its own and the boot loader's GDT.
 */
void hints_print(const struct info *info);

#endif
