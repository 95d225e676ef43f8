/*
 * What a guest's state at its end says of the mistake behind it, where that can be known.
 */
#ifndef VMM_EXPLAIN_HINTS_H
#define VMM_EXPLAIN_HINTS_H

#include "info.h"

/*
 * Prints a line for each of these that holds, "  note: ...": an exception's handler has met the
 * same exception, or a function has called itself, many times; the stack has left RAM, or lies in
 * code; data ran as code; a Multiboot kernel has an IDT of its own and the boot loader's GDT.
 * Returns whether the first, which explains what has become of the stack and of what was below it.
 */
bool hints_print(const struct info *info);

/* Whether the screen's memory holds addresses of the image: a stack has run through it. */
bool hints_stack_is_on_screen(const struct info *info);

#endif
