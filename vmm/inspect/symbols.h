/*
 * Names and source lines of a guest, from the symbol table and the DWARF of its ELF file.
 */
#ifndef VMM_INSPECT_SYMBOLS_H
#define VMM_INSPECT_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbols;

/*
 * Reads them from an ELF file, which is not needed afterwards. NULL with one sentence in `error`:
 * there are none. Freed by symbols_free. The file may be anybody's: what is read of it, and so the
 * time, is limited (line_table.h), and no name has bytes that a terminal would obey.
 */
struct symbols *symbols_open(const char *path, char *error, size_t error_size);
void symbols_free(struct symbols *symbols);

/*
 * The address of a name: as in the file; or, of Rust code, with "::", where leading parts may be
 * left out ("process::tick"). 0, or -1 with one sentence in `error`: unknown, or several have it.
 */
int symbols_find(const struct symbols *symbols, const char *name, uint32_t *address, char *error,
                 size_t error_size);

/* The addresses where code of a source line begins, at most `max`. The file's name may lack leading
 * directories. Returns their number, or -1 with one sentence in `error`. */
int symbols_find_line(const struct symbols *symbols, const char *file, unsigned line,
                      uint32_t *addresses, unsigned max, char *error, size_t error_size);

/* "tick+0x12 (process.rs:88)", as much of it as is known; false if nothing is. */
bool symbols_describe(const struct symbols *symbols, uint32_t address, char *to, size_t size);

/* The address and size in bytes of a variable; false: it is none. */
bool symbols_value(const struct symbols *symbols, const char *name, uint32_t *address,
                   uint32_t *size);

/* The name of the symbol with this number, from 0 up; false behind the last. */
bool symbols_name(const struct symbols *symbols, size_t number, char *to, size_t size);

#endif
