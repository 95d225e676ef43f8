/*
 * Text from strangers that a terminal will show.
 */
#ifndef VMM_INSPECT_CLEAN_H
#define VMM_INSPECT_CLEAN_H

#include <stddef.h>

/*
 * Replaces what could move a terminal's cursor, switch its state or turn text round by '?', in
 * place: control characters, bytes that are no UTF-8, marks of the writing direction. NULs stay.
 */
void text_clean(char *text, size_t size);

#endif
