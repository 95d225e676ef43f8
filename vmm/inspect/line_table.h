/*
 * Source lines of an ELF file: its .debug_line, versions 2 to 5 (DWARF 5, section 6.2), as a table.
 * Read by ourselves since a report has 10 ms: elfutils reads all a unit has at 100 ns a row, and
 * can't be given a limit for a file that somebody made to be slow.
 */
#ifndef VMM_INSPECT_LINE_TABLE_H
#define VMM_INSPECT_LINE_TABLE_H

#include "elf_sections.h"

#define LINE_TABLE_BYTES (UINT64_C(4) << 20) /* of .debug_line; what is behind is not read */

struct line_table;

/* NULL: there are no lines, or no memory. Needs the file no longer afterwards. */
struct line_table *line_table_read(const struct elf_sections *elf);
void line_table_free(struct line_table *table);

/* A name of a source file: its directory, "" if none is known, and what is below that. Raw: not to
 * be shown before text_clean. */
struct line_file {
    const char *directory, *name;
};

/* The file and line that an address belongs to; false: it is not known. */
bool line_table_find(const struct line_table *table, uint32_t address, struct line_file *file,
                     unsigned *line);

/* The addresses where statements of a line begin, at most `max`, and their number. The file's name
 * may lack leading directories; *has_file: it is there at all. */
unsigned line_table_addresses(const struct line_table *table, const char *file, unsigned line,
                              uint32_t *addresses, unsigned max, bool *has_file);

#endif
