/*
 * What `assert` asks: numbers, registers, memory, the interrupt controllers, gates of the IDT,
 * symbols, added up and compared. Parsed once, resolved against a guest's symbols, evaluated on its
 * machine.
 */
#ifndef VMM_INSPECT_EXPRESSION_H
#define VMM_INSPECT_EXPRESSION_H

#include "machine/machine.h"

struct expression;

/*
 * Reads one from *text, and moves *text behind it. NULL if there is none, with what was expected in
 * *expected (static; NULL: out of memory), and *text where that was. Freed by expression_free.
 */
struct expression *expression_parse(const char **text, const char **expected);
void expression_free(struct expression *expression);

/* The name, if all of it is one symbol; else NULL. */
const char *expression_symbol(const struct expression *expression);

/* Gives the symbols in it their addresses: find returns 0, or -1, which ends it and is returned. */
int expression_resolve(struct expression *expression,
                       int (*find)(void *owner, const char *name, uint32_t *address), void *owner);

/* True with the value (of a comparison: 0 or 1) in *value; false with one sentence in `error`. */
bool expression_value(const struct expression *expression, struct machine *machine, uint64_t *value,
                      char *error, size_t error_size);

/* Both sides of a comparison, for a message; nothing of an expression that is none. */
void expression_explain(const struct expression *expression, struct machine *machine, char *to,
                        size_t size);

/* Whether `c` may begin a name of a symbol, or go on with it. */
bool expression_is_name(char c, bool first);

#endif
