/*
 * Section headers of both classes, checked against the file's size.
 */
#include "elf_sections.h"

#include "os/file.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_MAX (UINT64_C(1) << 20)

static bool read_at(const struct elf_sections *elf, uint64_t offset, void *to, size_t size)
{
    size_t done = 0;

    if (offset > elf->file_size || size > elf->file_size - offset)
        return false;
    while (done < size) {
        ssize_t count = pread(elf->fd, (uint8_t *)to + done, size - done, (off_t)(offset + done));
        if (count <= 0)
            return false; /* it was made shorter meanwhile */
        done += (size_t)count;
    }
    return true;
}

/* Where the headers are, how many, and which one has the names. */
struct table {
    uint64_t offset;
    size_t entry_size;
    unsigned count, names;
};

static bool read_header(struct elf_sections *elf, struct table *table)
{
    uint8_t ident[EI_NIDENT];
    Elf32_Ehdr narrow;
    Elf64_Ehdr wide;

    if (!read_at(elf, 0, ident, sizeof(ident)) || memcmp(ident, ELFMAG, SELFMAG) != 0 ||
        ident[EI_DATA] != ELFDATA2LSB)
        return false;
    elf->is_64 = ident[EI_CLASS] == ELFCLASS64;
    if (elf->is_64 ? !read_at(elf, 0, &wide, sizeof(wide))
                   : !read_at(elf, 0, &narrow, sizeof(narrow)))
        return false;
    if (elf->is_64)
        *table = (struct table){wide.e_shoff, wide.e_shentsize, wide.e_shnum, wide.e_shstrndx};
    else
        *table =
            (struct table){narrow.e_shoff, narrow.e_shentsize, narrow.e_shnum, narrow.e_shstrndx};
    return true;
}

static struct elf_section from_header(const struct elf_sections *elf, const uint8_t *at,
                                      uint32_t *name)
{
    Elf32_Shdr narrow;
    Elf64_Shdr wide;

    if (elf->is_64) {
        memcpy(&wide, at, sizeof(wide));
        *name = wide.sh_name;
        return (struct elf_section){.type = wide.sh_type,
                                    .link = wide.sh_link,
                                    .flags = wide.sh_flags,
                                    .address = wide.sh_addr,
                                    .offset = wide.sh_offset,
                                    .size = wide.sh_size};
    }
    memcpy(&narrow, at, sizeof(narrow));
    *name = narrow.sh_name;
    return (struct elf_section){.type = narrow.sh_type,
                                .link = narrow.sh_link,
                                .flags = narrow.sh_flags,
                                .address = narrow.sh_addr,
                                .offset = narrow.sh_offset,
                                .size = narrow.sh_size};
}

/* Reads the headers; false: there is no memory. A table that is damaged is an empty one. */
static bool read_sections(struct elf_sections *elf, const struct table *table)
{
    size_t header = elf->is_64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr), names_size = 0;
    size_t size = table->entry_size * table->count;
    uint32_t *name;
    uint8_t *headers, *names;

    if (table->entry_size < header || table->count == 0 || table->offset > elf->file_size ||
        size > elf->file_size - table->offset)
        return true;
    headers = malloc(size);
    name = malloc(table->count * sizeof(*name));
    elf->section = malloc(table->count * sizeof(*elf->section));
    if (!headers || !name || !elf->section) {
        free(headers);
        free(name);
        return false;
    }
    if (read_at(elf, table->offset, headers, size))
        elf->count = table->count;
    for (unsigned i = 0; i < elf->count; i++)
        elf->section[i] = from_header(elf, headers + i * table->entry_size, &name[i]);
    names = table->names < elf->count
                ? elf_sections_read(elf, &elf->section[table->names], NAMES_MAX, &names_size)
                : NULL;
    for (unsigned i = 0; i < elf->count; i++) {
        if (names && name[i] < names_size)
            snprintf(elf->section[i].name, sizeof(elf->section[i].name), "%.*s",
                     (int)sizeof(elf->section[i].name) - 1, (const char *)names + name[i]);
    }
    free(names);
    free(name);
    free(headers);
    return true;
}

int elf_sections_open(struct elf_sections *elf, const char *path, char *error, size_t error_size)
{
    struct table table;
    struct stat info;

    *elf = (struct elf_sections){.fd = file_do(path, FILE_READ)};
    if (elf->fd < 0) {
        snprintf(error, error_size, "can't read %s: %s", path, strerror(-elf->fd));
        return -1;
    }
    if (fstat(elf->fd, &info) == 0 && S_ISREG(info.st_mode))
        elf->file_size = (uint64_t)info.st_size;
    if (!read_header(elf, &table))
        snprintf(error, error_size, "%s has no symbols: it is not an ELF file", path);
    else if (!read_sections(elf, &table))
        snprintf(error, error_size, "no memory for the symbols of %s", path);
    else
        return 0;
    elf_sections_close(elf);
    return -1;
}

void elf_sections_close(struct elf_sections *elf)
{
    free(elf->section);
    close(elf->fd);
    *elf = (struct elf_sections){.fd = -1};
}

const struct elf_section *elf_sections_find(const struct elf_sections *elf, const char *name,
                                            uint32_t type)
{
    for (unsigned i = 0; i < elf->count; i++) {
        const struct elf_section *section = &elf->section[i];
        if (name ? strcmp(section->name, name) == 0 : section->type == type)
            return section;
    }
    return NULL;
}

uint8_t *elf_sections_read(const struct elf_sections *elf, const struct elf_section *section,
                           uint64_t limit, size_t *size)
{
    uint8_t *bytes;

    if (!section || section->type == SHT_NOBITS || section->flags & SHF_COMPRESSED ||
        section->size > elf->file_size)
        return NULL;
    *size = (size_t)(section->size < limit ? section->size : limit);
    bytes = malloc(*size + 1);
    if (!bytes || !read_at(elf, section->offset, bytes, *size)) {
        free(bytes);
        return NULL;
    }
    bytes[*size] = '\0';
    return bytes;
}
