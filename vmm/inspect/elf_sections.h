/*
 * The sections of an ELF file (TIS ELF 1.2; also the 64-bit form, which kernels are linked as
 * before objcopy), little-endian. The file is a stranger's: nothing in it is believed, and only
 * what is asked for is read.
 */
#ifndef VMM_INSPECT_ELF_SECTIONS_H
#define VMM_INSPECT_ELF_SECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_SECTION_BYTES (UINT64_C(64) << 20) /* more of one section is not read */

struct elf_section {
    char name[24]; /* its beginning */
    uint32_t type, link;
    uint64_t flags, address, offset, size;
};

struct elf_sections {
    int fd;
    bool is_64;
    uint64_t file_size;
    struct elf_section *section;
    unsigned count;
};

/* Opens a file and reads its table of sections. 0; or -1 with one sentence in `error`, and then
 * nothing is to be closed. */
int elf_sections_open(struct elf_sections *elf, const char *path, char *error, size_t error_size);
void elf_sections_close(struct elf_sections *elf);

/* The first section with a name, or of a type (a name of NULL). NULL: there is none. */
const struct elf_section *elf_sections_find(const struct elf_sections *elf, const char *name,
                                            uint32_t type);

/* The bytes of a section with a NUL behind them, from malloc, at most `limit` of them. NULL: there
 * is no section (NULL), it has none, they are compressed or not all in the file, or no memory is.
 */
uint8_t *elf_sections_read(const struct elf_sections *elf, const struct elf_section *section,
                           uint64_t limit, size_t *size);

#endif
