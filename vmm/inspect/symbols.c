/*
 * Symbols as the file has them, in its order; source lines from line_table.c. Names lie in the
 * file's table of strings, cleaned for terminals.
 */
#include "symbols.h"

#include "clean.h"
#include "elf_sections.h"
#include "line_table.h"

#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOLS_MAX (1u << 16)
#define STRINGS_MAX (UINT64_C(4) << 20)
#define NAME_MAX    1024 /* a longer one of Rust's is shown mangled */
#define NAME_SHOWN  120  /* bytes of a name in a description */

struct symbol {
    const char *name; /* as the file has it */
    uint32_t address, size;
    uint64_t end; /* of its section: EIP is there behind a HLT that is its last instruction */
    bool is_function, is_object, is_constant;
};

struct symbols {
    char *path;
    char *strings;
    struct symbol *symbol;
    size_t symbol_count;
    struct line_table *lines; /* NULL: none */
};

__attribute__((format(printf, 3, 4))) static int fail(char *error, size_t size, const char *format,
                                                      ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, size, format, arguments);
    va_end(arguments);
    return -1;
}

/*
 * A name as it was written. Rust's legacy mangling, _ZN 4name 3and ... 17h0123456789abcdef E, is
 * name::and, in `to` of NAME_MAX bytes; anything else stays what it is.
 */
static const char *readable_name(const char *name, char *to)
{
    const char *at = name + 3;
    size_t used = 0;

    if (strncmp(name, "_ZN", 3) != 0)
        return name;
    while (*at >= '1' && *at <= '9') {
        char *part;
        size_t length = strtoul(at, &part, 10);
        if (length >= NAME_MAX || length > strnlen(part, length))
            return name;
        at = part + length;
        if (length == 17 && part[0] == 'h' && *at == 'E' && used > 0)
            break; /* the hash */
        used += (size_t)snprintf(to + used, NAME_MAX - used, "%s%.*s", used > 0 ? "::" : "",
                                 (int)length, part);
        if (used >= NAME_MAX)
            return name;
    }
    return *at == 'E' && used > 0 ? to : name;
}

/* Takes a symbol that has a name and is somewhere. NASM's labels local to macros (..@) are left
 * out: nobody has written their names. */
static void take(struct symbols *symbols, const struct elf_sections *elf, const char *name,
                 uint64_t value, uint64_t size, unsigned type, unsigned section)
{
    const struct elf_section *in = section < elf->count ? &elf->section[section] : NULL;

    if (section == SHN_UNDEF || type == STT_FILE || type == STT_SECTION || !*name ||
        strncmp(name, "..@", 3) == 0)
        return;
    symbols->symbol[symbols->symbol_count++] = (struct symbol){
        .name = name,
        .address = (uint32_t)value,
        .size = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX,
        .end = in && (in->flags & SHF_ALLOC) ? in->address + in->size : UINT64_MAX,
        .is_constant = section == SHN_ABS,
        .is_function = type == STT_FUNC,
        .is_object = type == STT_OBJECT,
    };
}

/* False: there is no memory. */
static bool read_symbols(struct symbols *symbols, const struct elf_sections *elf)
{
    const struct elf_section *section = elf_sections_find(elf, NULL, SHT_SYMTAB);
    size_t entry = elf->is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym), size = 0, strings_size = 0;
    uint8_t *bytes = elf_sections_read(elf, section, SYMBOLS_MAX * entry, &size);

    if (!bytes || section->link >= elf->count)
        goto out;
    symbols->strings =
        (char *)elf_sections_read(elf, &elf->section[section->link], STRINGS_MAX, &strings_size);
    if (!symbols->strings)
        goto out;
    text_clean(symbols->strings, strings_size);
    symbols->symbol = malloc((size / entry + 1) * sizeof(*symbols->symbol));
    for (size_t at = 0; symbols->symbol && at + entry <= size; at += entry) {
        Elf32_Sym narrow;
        Elf64_Sym wide;
        memcpy(&narrow, bytes + at, sizeof(narrow));
        if (elf->is_64) {
            memcpy(&wide, bytes + at, sizeof(wide));
            if (wide.st_name < strings_size)
                take(symbols, elf, symbols->strings + wide.st_name, wide.st_value, wide.st_size,
                     ELF64_ST_TYPE(wide.st_info), wide.st_shndx);
        } else if (narrow.st_name < strings_size) {
            take(symbols, elf, symbols->strings + narrow.st_name, narrow.st_value, narrow.st_size,
                 ELF32_ST_TYPE(narrow.st_info), narrow.st_shndx);
        }
    }
    free(bytes);
    return symbols->symbol;

out:
    free(bytes);
    return true;
}

struct symbols *symbols_open(const char *path, char *error, size_t error_size)
{
    struct symbols *symbols = calloc(1, sizeof(*symbols));
    struct elf_sections elf;
    bool has_memory;

    if (!symbols || !(symbols->path = strdup(path))) {
        free(symbols);
        fail(error, error_size, "no memory for the symbols of %s", path);
        return NULL;
    }
    if (elf_sections_open(&elf, path, error, error_size) < 0) {
        symbols_free(symbols);
        return NULL;
    }
    has_memory = read_symbols(symbols, &elf);
    symbols->lines = has_memory ? line_table_read(&elf) : NULL;
    elf_sections_close(&elf);
    if (has_memory && (symbols->symbol_count > 0 || symbols->lines))
        return symbols;
    if (has_memory)
        fail(error, error_size, "%s has no symbols: it was stripped, or linked with -s", path);
    else
        fail(error, error_size, "no memory for the symbols of %s", path);
    symbols_free(symbols);
    return NULL;
}

void symbols_free(struct symbols *symbols)
{
    if (!symbols)
        return;
    line_table_free(symbols->lines);
    free(symbols->symbol);
    free(symbols->strings);
    free(symbols->path);
    free(symbols);
}

/* Whether `whole` is `part`, or ends in it behind a separator. */
static bool ends_in(const char *whole, const char *part, const char *separator)
{
    size_t length = strlen(whole), tail = strlen(part), between = strlen(separator);

    if (length == tail)
        return strcmp(whole, part) == 0;
    return length >= tail + between && strcmp(whole + length - tail, part) == 0 &&
           memcmp(whole + length - tail - between, separator, between) == 0;
}

int symbols_find(const struct symbols *symbols, const char *name, uint32_t *address, char *error,
                 size_t error_size)
{
    const struct symbol *whole = NULL, *found = NULL, *other = NULL;
    char text[NAME_MAX], other_text[NAME_MAX];

    for (size_t i = 0; i < symbols->symbol_count && !whole; i++) {
        const struct symbol *symbol = &symbols->symbol[i];
        const char *readable = readable_name(symbol->name, text);
        if (strcmp(readable, name) == 0)
            whole = symbol; /* goes before a part of a name */
        else if (!found && ends_in(readable, name, "::"))
            found = symbol;
        else if (found && symbol->address != found->address && ends_in(readable, name, "::"))
            other = symbol;
    }
    if (!whole && !found)
        return fail(
            error, error_size,
            "there is no symbol '%s' in %s (of inlined code there are only lines, FILE:LINE)", name,
            symbols->path);
    if (!whole && other)
        return fail(error, error_size, "'%s' is %s at %#x and %s at %#x: say more of its name",
                    name, readable_name(found->name, text), found->address,
                    readable_name(other->name, other_text), other->address);
    *address = whole ? whole->address : found->address;
    return 0;
}

int symbols_find_line(const struct symbols *symbols, const char *file, unsigned line,
                      uint32_t *addresses, unsigned max, char *error, size_t error_size)
{
    bool has_file;
    unsigned count;

    if (!symbols->lines)
        return fail(error, error_size, "%s knows no source lines: build it with -g", symbols->path);
    count = line_table_addresses(symbols->lines, file, line, addresses, max, &has_file);
    if (!has_file)
        return fail(error, error_size, "there is no source file '%s' in %s", file, symbols->path);
    if (count == 0)
        return fail(error, error_size, "no code of %s:%u is in %s", file, line, symbols->path);
    return (int)count;
}

/* What is at an address: of the symbols at or before it, the last. A symbol that has a size is not
 * behind its end; one that has none, not far away, nor in another section. */
static const struct symbol *symbol_at(const struct symbols *symbols, uint32_t address)
{
    const struct symbol *best = NULL;

    for (size_t i = 0; i < symbols->symbol_count; i++) {
        const struct symbol *symbol = &symbols->symbol[i];
        if (symbol->address > address || symbol->is_constant ||
            (symbol->size > 0 && address - symbol->address >= symbol->size) ||
            address > symbol->end)
            continue;
        /* Of several at one address: a function, which has a size. */
        if (!best || symbol->address > best->address ||
            (symbol->address == best->address && symbol->is_function))
            best = symbol;
    }
    return best && best->size == 0 && address - best->address >= 0x10000 ? NULL : best;
}

bool symbols_describe(const struct symbols *symbols, uint32_t address, char *to, size_t size)
{
    const struct symbol *symbol = symbol_at(symbols, address);
    struct line_file file;
    const char *slash, *name;
    unsigned line = 0;
    char offset[16] = "", text[NAME_MAX];
    int used = 0;

    if (symbols->lines && !line_table_find(symbols->lines, address, &file, &line))
        line = 0;
    if (!symbol && !line)
        return false;
    if (symbol && address != symbol->address)
        snprintf(offset, sizeof(offset), "+%#x", address - symbol->address);
    if (symbol) {
        name = readable_name(symbol->name, text);
        used = snprintf(to, size, "%.*s%s%s", NAME_SHOWN, name,
                        strnlen(name, NAME_SHOWN + 1) > NAME_SHOWN ? "..." : "", offset);
    }
    if (line && used >= 0 && (size_t)used < size) {
        slash = strrchr(file.name, '/');
        snprintf(to + used, size - (size_t)used, symbol ? " (%.*s:%u)" : "%.*s:%u", NAME_SHOWN,
                 slash ? slash + 1 : file.name, line);
    }
    text_clean(to, strlen(to));
    return true;
}

bool symbols_value(const struct symbols *symbols, const char *name, uint32_t *address,
                   uint32_t *size)
{
    char error[8];

    if (symbols_find(symbols, name, address, error, sizeof(error)) < 0)
        return false;
    *size = 0;
    for (size_t i = 0; i < symbols->symbol_count; i++) {
        const struct symbol *symbol = &symbols->symbol[i];
        if (symbol->address == *address && symbol->is_object && !symbol->is_constant)
            *size = symbol->size;
    }
    return *size > 0;
}

bool symbols_name(const struct symbols *symbols, size_t number, char *to, size_t size)
{
    char text[NAME_MAX];

    if (number >= symbols->symbol_count)
        return false;
    snprintf(to, size, "%s", readable_name(symbols->symbol[number].name, text));
    return true;
}
