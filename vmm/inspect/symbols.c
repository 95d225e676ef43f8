/*
 * Symbols by libelf, source lines by libdw (elfutils), both as sorted tables.
 */
#include "symbols.h"

#include "os/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_LIBDW
#include <elfutils/libdw.h>
#include <gelf.h>
#endif

struct symbol {
    uint32_t address, size;
    char *name;
    bool is_function, is_constant;
};

struct line {
    uint32_t address;
    unsigned number; /* 0: behind the end of a sequence */
    unsigned order;  /* in the file, where addresses are equal */
    bool is_statement;
    const char *file; /* libdw's */
};

struct symbols {
    char *path;
    int fd;
    struct symbol *symbol;
    size_t symbol_count;
    struct line *line;
    size_t line_count;
#ifdef HAVE_LIBDW
    Elf *elf;
    Dwarf *dwarf;
#endif
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

#ifdef HAVE_LIBDW

/* Room for one more in a table that doubles. */
static void *grow(void *table, size_t count, size_t size)
{
    if (count & (count - 1))
        return table;
    return realloc(table, (count ? 2 * count : 1) * size);
}

/*
 * Rust's legacy mangling, _ZN 4name 3and ... 17h0123456789abcdef E, as name::and. Anything else
 * stays what it is.
 */
static char *readable_name(const char *name)
{
    char *to = malloc(strlen(name) + 1), *end = to;
    const char *at = name + 3;

    if (!to || strncmp(name, "_ZN", 3) != 0)
        return to ? strcpy(to, name) : NULL;
    while (*at >= '1' && *at <= '9') {
        char *part;
        size_t length = strtoul(at, &part, 10);
        if (length > strlen(part))
            break;
        if (length == 17 && part[0] == 'h' && part[length] == 'E' && end > to)
            at = part + length; /* the hash */
        else {
            end += sprintf(end, "%s%.*s", end > to ? "::" : "", (int)length, part);
            at = part + length;
        }
    }
    return *at == 'E' && end > to ? to : strcpy(to, name);
}

static int by_address(const void *a, const void *b)
{
    const struct symbol *x = a, *y = b;

    return (x->address > y->address) - (x->address < y->address);
}

static bool read_table(struct symbols *symbols, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;

    for (size_t i = 0; data && i < count && i < INT32_MAX; i++) {
        GElf_Sym symbol;
        const char *name;
        void *grown;
        if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF ||
            GELF_ST_TYPE(symbol.st_info) == STT_FILE || GELF_ST_TYPE(symbol.st_info) == STT_SECTION)
            continue;
        name = elf_strptr(symbols->elf, header->sh_link, symbol.st_name);
        if (!name || !*name)
            continue;
        grown = grow(symbols->symbol, symbols->symbol_count, sizeof(*symbols->symbol));
        if (!grown)
            return false;
        symbols->symbol = grown;
        symbols->symbol[symbols->symbol_count] = (struct symbol){
            .address = (uint32_t)symbol.st_value,
            .size = (uint32_t)symbol.st_size,
            .is_constant = symbol.st_shndx == SHN_ABS,
            .is_function = GELF_ST_TYPE(symbol.st_info) == STT_FUNC,
            .name = readable_name(name),
        };
        if (!symbols->symbol[symbols->symbol_count++].name)
            return false;
    }
    return true;
}

static bool read_symbols(struct symbols *symbols)
{
    for (Elf_Scn *section = NULL; (section = elf_nextscn(symbols->elf, section));) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) && header.sh_type == SHT_SYMTAB &&
            !read_table(symbols, section, &header))
            return false;
    }
    if (symbols->symbol_count > 0)
        qsort(symbols->symbol, symbols->symbol_count, sizeof(*symbols->symbol), by_address);
    return true;
}

static int by_line_address(const void *a, const void *b)
{
    const struct line *x = a, *y = b;

    if (x->address != y->address)
        return x->address > y->address ? 1 : -1;
    return x->order > y->order ? 1 : -1;
}

static bool add_line(struct symbols *symbols, Dwarf_Line *from)
{
    struct line line = {.order = (unsigned)symbols->line_count};
    Dwarf_Addr address;
    int number = 0;
    bool ends = false;
    void *grown = grow(symbols->line, symbols->line_count, sizeof(*symbols->line));

    if (!grown)
        return false;
    symbols->line = grown;
    if (dwarf_lineaddr(from, &address) != 0 || dwarf_lineno(from, &number) != 0 ||
        dwarf_linebeginstatement(from, &line.is_statement) != 0 ||
        dwarf_lineendsequence(from, &ends) != 0)
        return true;
    line.address = (uint32_t)address;
    line.number = ends ? 0 : (unsigned)number;
    line.file = dwarf_linesrc(from, NULL, NULL);
    if (line.file)
        symbols->line[symbols->line_count++] = line;
    return true;
}

static bool read_lines(struct symbols *symbols)
{
    Dwarf_Off unit = 0, next;
    size_t header;

    symbols->dwarf = dwarf_begin_elf(symbols->elf, DWARF_C_READ, NULL);
    for (; symbols->dwarf &&
           dwarf_nextcu(symbols->dwarf, unit, &next, &header, NULL, NULL, NULL) == 0;
         unit = next) {
        Dwarf_Die die;
        Dwarf_Lines *lines;
        size_t count;
        if (!dwarf_offdie(symbols->dwarf, unit + header, &die) ||
            dwarf_getsrclines(&die, &lines, &count) != 0)
            continue;
        for (size_t i = 0; i < count; i++) {
            if (!add_line(symbols, dwarf_onesrcline(lines, i)))
                return false;
        }
    }
    if (symbols->line_count > 0)
        qsort(symbols->line, symbols->line_count, sizeof(*symbols->line), by_line_address);
    return true;
}

struct symbols *symbols_open(const char *path, char *error, size_t error_size)
{
    struct symbols *symbols = calloc(1, sizeof(*symbols));

    if (!symbols || !(symbols->path = strdup(path))) {
        free(symbols);
        fail(error, error_size, "no memory for the symbols of %s", path);
        return NULL;
    }
    symbols->fd = file_do(path, FILE_READ);
    if (symbols->fd < 0) {
        fail(error, error_size, "can't read %s: %s", path, strerror(-symbols->fd));
        goto failed;
    }
    elf_version(EV_CURRENT);
    symbols->elf = elf_begin(symbols->fd, ELF_C_READ_MMAP, NULL);
    if (!symbols->elf || elf_kind(symbols->elf) != ELF_K_ELF) {
        fail(error, error_size, "%s has no symbols: it is not an ELF file", path);
        goto failed;
    }
    if (!read_symbols(symbols) || !read_lines(symbols)) {
        fail(error, error_size, "no memory for the symbols of %s", path);
        goto failed;
    }
    if (symbols->symbol_count == 0 && symbols->line_count == 0) {
        fail(error, error_size, "%s has no symbols: it was stripped, or linked with -s", path);
        goto failed;
    }
    return symbols;

failed:
    symbols_free(symbols);
    return NULL;
}

static void close_files(struct symbols *symbols)
{
    dwarf_end(symbols->dwarf);
    elf_end(symbols->elf);
}

#else

struct symbols *symbols_open(const char *path, char *error, size_t error_size)
{
    fail(error, error_size,
         "can't read the symbols of %s: this vmm was built without libdw (install libdw-dev, then "
         "make clean and make)",
         path);
    return NULL;
}

static void close_files(struct symbols *symbols)
{
    (void)symbols;
}

#endif

void symbols_free(struct symbols *symbols)
{
    if (!symbols)
        return;
    close_files(symbols);
    for (size_t i = 0; i < symbols->symbol_count; i++)
        free(symbols->symbol[i].name);
    free(symbols->symbol);
    free(symbols->line);
    free(symbols->path);
    if (symbols->fd >= 0)
        close(symbols->fd);
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
    const struct symbol *found = NULL, *other = NULL;

    for (size_t i = 0; i < symbols->symbol_count; i++) {
        const struct symbol *symbol = &symbols->symbol[i];
        if (strcmp(symbol->name, name) == 0 && (!found || strcmp(found->name, name) != 0))
            found = symbol, other = NULL; /* the whole name goes before a part of one */
        else if (found && strcmp(found->name, name) == 0 && strcmp(symbol->name, name) != 0)
            continue;
        else if (ends_in(symbol->name, name, "::") && !found)
            found = symbol;
        else if (ends_in(symbol->name, name, "::") && symbol->address != found->address)
            other = symbol;
    }
    if (!found)
        return fail(
            error, error_size,
            "there is no symbol '%s' in %s (of inlined code there are only lines, FILE:LINE)", name,
            symbols->path);
    if (other)
        return fail(error, error_size, "'%s' is %s at %#x and %s at %#x: say more of its name",
                    name, found->name, found->address, other->name, other->address);
    *address = found->address;
    return 0;
}

int symbols_find_line(const struct symbols *symbols, const char *file, unsigned line,
                      uint32_t *addresses, unsigned max, char *error, size_t error_size)
{
    unsigned count = 0;
    bool has_file = false, was_there = false;

    if (symbols->line_count == 0)
        return fail(error, error_size, "%s knows no source lines: build it with -g", symbols->path);
    for (size_t i = 0; i < symbols->line_count; i++) {
        const struct line *entry = &symbols->line[i];
        bool is_there = entry->number == line && ends_in(entry->file, file, "/");
        has_file = has_file || ends_in(entry->file, file, "/");
        if (is_there && !was_there && entry->is_statement && count < max &&
            (count == 0 || addresses[count - 1] != entry->address))
            addresses[count++] = entry->address;
        was_there = is_there;
    }
    if (!has_file)
        return fail(error, error_size, "there is no source file '%s' in %s", file, symbols->path);
    if (count == 0)
        return fail(error, error_size, "no code of %s:%u is in %s", file, line, symbols->path);
    return (int)count;
}

/* The last entry at or before an address; the table is sorted. */
static const struct symbol *symbol_before(const struct symbols *symbols, uint32_t address)
{
    const struct symbol *best = NULL;

    for (size_t i = 0; i < symbols->symbol_count && symbols->symbol[i].address <= address; i++) {
        const struct symbol *symbol = &symbols->symbol[i];
        if (symbol->is_constant || (symbol->size > 0 && address - symbol->address >= symbol->size))
            continue;
        /* Of several at one address: a function, which has a size. */
        if (!best || symbol->address > best->address || symbol->is_function)
            best = symbol;
    }
    return best;
}

static const struct line *line_before(const struct symbols *symbols, uint32_t address)
{
    size_t low = 0, high = symbols->line_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (symbols->line[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && symbols->line[low - 1].number > 0 ? &symbols->line[low - 1] : NULL;
}

bool symbols_describe(const struct symbols *symbols, uint32_t address, char *to, size_t size)
{
    const struct symbol *symbol = symbol_before(symbols, address);
    const struct line *line = line_before(symbols, address);
    const char *slash = line ? strrchr(line->file, '/') : NULL;
    char offset[16] = "";
    int used = 0;

    /* A symbol far away and without a size is no answer. */
    if (symbol && symbol->size == 0 && address - symbol->address >= 0x10000)
        symbol = NULL;
    if (!symbol && !line)
        return false;
    if (symbol && address != symbol->address)
        snprintf(offset, sizeof(offset), "+%#x", address - symbol->address);
    if (symbol)
        used = snprintf(to, size, "%s%s", symbol->name, offset);
    if (line && used >= 0 && (size_t)used < size)
        snprintf(to + used, size - (size_t)used, symbol ? " (%s:%u)" : "%s:%u",
                 slash ? slash + 1 : line->file, line->number);
    return true;
}

const char *symbols_name(const struct symbols *symbols, size_t number)
{
    return number < symbols->symbol_count ? symbols->symbol[number].name : NULL;
}
