/*
 * The line-number programs are executed once, and their rows kept by sequence, in which addresses
 * only grow. Every read is checked against the unit's end.
 */
#include "line_table.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX      (1u << 20)
#define SEQUENCES_MAX (1u << 16)
#define UNITS_MAX     (1u << 14)
#define RANGES_MAX    64 /* sections with code */
#define NO_FILE       UINT32_MAX

struct row {
    uint32_t address;
    uint32_t line : 31, is_statement : 1;
    uint32_t file; /* in files */
};

/* Rows of code that lies together: [low, high). */
struct sequence {
    uint32_t low, high;
    uint32_t first, count;
};

struct line_table {
    struct line_file *file;
    struct row *row;
    struct sequence *sequence;
    size_t file_count, row_count, sequence_count;
    uint8_t *lines, *line_strings, *strings; /* the sections, which names lie in */
    size_t lines_size, line_strings_size, strings_size;
    struct {
        uint64_t low, high;
    } code[RANGES_MAX];
    unsigned code_count;
};

/* Bytes that are read one after the other, never behind `end`. */
struct reader {
    const uint8_t *at, *end;
    bool is_bad; /* something was behind the end */
};

/* What a unit's header says. */
struct unit {
    struct reader program;
    unsigned version, offset_size;
    uint8_t minimum_length, line_range, opcode_base;
    bool default_is_statement;
    int8_t line_base;
    const uint8_t *lengths; /* of the operands of standard opcodes */
    size_t first_file;      /* in table->file */
    size_t files, directories;
    const char **directory;
};

/* ---- reading ---- */

static uint64_t fixed(struct reader *reader, size_t size)
{
    uint64_t value = 0;

    if (size > 8 || (size_t)(reader->end - reader->at) < size) {
        reader->is_bad = true;
        reader->at = reader->end;
        return 0;
    }
    memcpy(&value, reader->at, size); /* little-endian, as every host here */
    reader->at += size;
    return value;
}

static uint64_t uleb(struct reader *reader)
{
    uint64_t value = 0;

    for (unsigned shift = 0; reader->at < reader->end; shift += 7) {
        uint8_t byte = *reader->at++;
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    reader->is_bad = true;
    return 0;
}

static int64_t sleb(struct reader *reader)
{
    uint64_t value = 0;

    for (unsigned shift = 0; reader->at < reader->end;) {
        uint8_t byte = *reader->at++;
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
        if (!(byte & 0x80)) {
            if ((byte & 0x40) && shift < 64)
                value |= ~UINT64_C(0) << shift;
            return (int64_t)value;
        }
    }
    reader->is_bad = true;
    return 0;
}

static void skip(struct reader *reader, uint64_t size)
{
    if ((uint64_t)(reader->end - reader->at) < size)
        reader->is_bad = true;
    reader->at = reader->is_bad ? reader->end : reader->at + size;
}

/* A string that ends before the reader does. */
static const char *string(struct reader *reader)
{
    const uint8_t *begin = reader->at;
    const uint8_t *end = memchr(begin, 0, (size_t)(reader->end - begin));

    if (!end) {
        reader->is_bad = true;
        reader->at = reader->end;
        return "";
    }
    reader->at = end + 1;
    return (const char *)begin;
}

/* A string of a section with a NUL behind it. */
static const char *string_at(const uint8_t *section, size_t size, uint64_t offset)
{
    return section && offset < size ? (const char *)section + offset : "";
}

/* Room for one more in a table that doubles. */
static void *grow(void *table, size_t count, size_t size)
{
    return count & (count - 1) ? table : realloc(table, (count ? 2 * count : 1) * size);
}

/* ---- headers ---- */

static bool add_file(struct line_table *table, const char *directory, const char *name)
{
    struct line_file *grown = grow(table->file, table->file_count, sizeof(*grown));

    if (!grown)
        return false;
    table->file = grown;
    table->file[table->file_count++] = (struct line_file){directory, name};
    return true;
}

static bool add_directory(struct unit *unit, const char *name)
{
    const char **grown = grow(unit->directory, unit->directories, sizeof(*grown));

    if (!grown)
        return false;
    unit->directory = grown;
    unit->directory[unit->directories++] = name;
    return true;
}

static const char *directory_of(const struct unit *unit, uint64_t number)
{
    return number < unit->directories ? unit->directory[number] : "";
}

/* Versions 2 to 4: directories from 1, files from 1. */
static bool read_names(struct line_table *table, struct unit *unit, struct reader *reader)
{
    const char *name;

    if (!add_directory(unit, "")) /* where the compiler ran: not said here */
        return false;
    while (*(name = string(reader))) {
        if (!add_directory(unit, name))
            return false;
    }
    if (!add_file(table, "", "")) /* 0: none */
        return false;
    while (!reader->is_bad && *(name = string(reader))) {
        uint64_t directory = uleb(reader);
        uleb(reader); /* time */
        uleb(reader); /* length */
        if (!add_file(table, directory_of(unit, directory), name))
            return false;
    }
    return !reader->is_bad;
}

enum { CONTENT_PATH = 1, CONTENT_DIRECTORY = 2 };

enum {
    FORM_DATA2 = 0x05,
    FORM_DATA4,
    FORM_DATA8,
    FORM_STRING,
    FORM_BLOCK,
    FORM_DATA1 = 0x0b,
    FORM_STRP = 0x0e,
    FORM_UDATA = 0x0f,
    FORM_DATA16 = 0x1e,
    FORM_LINE_STRP = 0x1f
};

/* A value of an entry: a name, or a number. */
static bool read_form(const struct line_table *table, const struct unit *unit,
                      struct reader *reader, uint64_t form, const char **name, uint64_t *number)
{
    switch (form) {
    case FORM_STRING:
        *name = string(reader);
        return true;
    case FORM_LINE_STRP:
        *name = string_at(table->line_strings, table->line_strings_size,
                          fixed(reader, unit->offset_size));
        return true;
    case FORM_STRP:
        *name = string_at(table->strings, table->strings_size, fixed(reader, unit->offset_size));
        return true;
    case FORM_UDATA:
        *number = uleb(reader);
        return true;
    case FORM_DATA1:
        *number = fixed(reader, 1);
        return true;
    case FORM_DATA2:
        *number = fixed(reader, 2);
        return true;
    case FORM_DATA4:
        *number = fixed(reader, 4);
        return true;
    case FORM_DATA8:
        *number = fixed(reader, 8);
        return true;
    case FORM_DATA16:
        skip(reader, 16);
        return true;
    case FORM_BLOCK:
        skip(reader, uleb(reader));
        return true;
    default:
        return false;
    }
}

#define FORMATS_MAX 8

/* Version 5: a list of directories, or of files, each entry as the formats before them say. */
static bool read_entries(struct line_table *table, struct unit *unit, struct reader *reader,
                         bool are_files)
{
    uint64_t format[FORMATS_MAX][2], count;
    unsigned formats = (unsigned)fixed(reader, 1);

    if (formats > FORMATS_MAX)
        return false;
    for (unsigned i = 0; i < formats; i++) {
        format[i][0] = uleb(reader);
        format[i][1] = uleb(reader);
    }
    count = uleb(reader);
    if (formats == 0)
        return count == 0;
    for (; count > 0 && !reader->is_bad; count--) {
        const char *name = "", *ignored;
        uint64_t directory = 0, other;
        for (unsigned i = 0; i < formats; i++) {
            if (!read_form(table, unit, reader, format[i][1],
                           format[i][0] == CONTENT_PATH ? &name : &ignored,
                           format[i][0] == CONTENT_DIRECTORY ? &directory : &other))
                return false;
        }
        if (are_files ? !add_file(table, directory_of(unit, directory), name)
                      : !add_directory(unit, name))
            return false;
    }
    return !reader->is_bad;
}

/* Reads a header up to its program; false: it is of a kind that is not known, or damaged. */
static bool read_header(struct line_table *table, struct unit *unit, struct reader reader)
{
    uint64_t length;

    unit->version = (unsigned)fixed(&reader, 2);
    if (unit->version < 2 || unit->version > 5)
        return false;
    if (unit->version == 5)
        fixed(&reader, 2); /* sizes of an address and of a segment */
    length = fixed(&reader, unit->offset_size);
    unit->program = reader;
    skip(&unit->program, length);
    unit->minimum_length = (uint8_t)fixed(&reader, 1);
    if (unit->version >= 4)
        fixed(&reader, 1); /* operations an instruction: of other processors */
    unit->default_is_statement = fixed(&reader, 1);
    unit->line_base = (int8_t)fixed(&reader, 1);
    unit->line_range = (uint8_t)fixed(&reader, 1);
    unit->opcode_base = (uint8_t)fixed(&reader, 1);
    unit->lengths = reader.at;
    skip(&reader, unit->opcode_base > 0 ? unit->opcode_base - 1u : 0);
    if (reader.is_bad || unit->program.is_bad || unit->line_range == 0 || unit->opcode_base == 0)
        return false;
    unit->first_file = table->file_count;
    if (unit->version == 5 ? !read_entries(table, unit, &reader, false) ||
                                 !read_entries(table, unit, &reader, true)
                           : !read_names(table, unit, &reader))
        return false;
    unit->files = table->file_count - unit->first_file;
    return true;
}

/* ---- programs ---- */

/* The registers of the state machine. */
struct registers {
    uint64_t address, file, line;
    bool is_statement;
};

static struct registers initial(const struct unit *unit)
{
    return (struct registers){.file = 1, .line = 1, .is_statement = unit->default_is_statement};
}

static bool add_row(struct line_table *table, const struct unit *unit,
                    const struct registers *registers)
{
    struct row *grown =
        table->row_count < ROWS_MAX ? grow(table->row, table->row_count, sizeof(*grown)) : NULL;

    if (!grown)
        return false;
    table->row = grown;
    table->row[table->row_count++] = (struct row){
        .address = (uint32_t)registers->address,
        .line = registers->line & INT32_MAX,
        .is_statement = registers->is_statement,
        .file = registers->file < unit->files ? (uint32_t)(unit->first_file + registers->file)
                                              : NO_FILE,
    };
    return true;
}

static bool is_code(const struct line_table *table, uint64_t address)
{
    for (unsigned i = 0; i < table->code_count; i++) {
        if (address >= table->code[i].low && address < table->code[i].high)
            return true;
    }
    return false;
}

/* The rows since `first` are a sequence up to `end`, if code is there and they are in order: of
 * functions that the linker has dropped, rows stay, at 0. */
static bool end_sequence(struct line_table *table, size_t first, uint64_t end)
{
    const struct row *row = table->row ? table->row + first : NULL;
    struct sequence *grown;
    size_t count = table->row_count - first;
    bool is_good = count > 0 && end <= UINT32_MAX && is_code(table, row->address);

    for (size_t i = 1; is_good && i < count; i++)
        is_good = row[i].address >= row[i - 1].address;
    if (!is_good || end < row[count - 1].address) {
        table->row_count = first;
        return true;
    }
    grown = table->sequence_count < SEQUENCES_MAX
                ? grow(table->sequence, table->sequence_count, sizeof(*grown))
                : NULL;
    if (!grown)
        return false;
    table->sequence = grown;
    table->sequence[table->sequence_count++] =
        (struct sequence){row[0].address, (uint32_t)end, (uint32_t)first, (uint32_t)count};
    return true;
}

enum {
    STANDARD_COPY = 1,
    STANDARD_ADVANCE_PC,
    STANDARD_ADVANCE_LINE,
    STANDARD_SET_FILE,
    STANDARD_SET_COLUMN,
    STANDARD_NEGATE,
    STANDARD_BLOCK,
    STANDARD_CONST_ADD_PC,
    STANDARD_FIXED_ADVANCE_PC
};
enum { EXTENDED_END = 1, EXTENDED_SET_ADDRESS };

/* An extended opcode; *ends: it was the end of a sequence. */
static void extended(struct reader *program, struct registers *registers, bool *ends)
{
    uint64_t length = uleb(program);
    struct reader operands = *program;
    uint64_t opcode;

    skip(program, length);
    if (program->is_bad || length == 0)
        return;
    opcode = fixed(&operands, 1);
    *ends = opcode == EXTENDED_END;
    if (opcode == EXTENDED_SET_ADDRESS)
        registers->address = fixed(&operands, (size_t)length - 1);
}

/* A standard opcode but COPY. */
static void standard(const struct unit *unit, struct reader *program, struct registers *registers,
                     uint8_t opcode)
{
    switch (opcode) {
    case STANDARD_ADVANCE_PC:
        registers->address += uleb(program) * unit->minimum_length;
        break;
    case STANDARD_ADVANCE_LINE:
        registers->line += (uint64_t)sleb(program);
        break;
    case STANDARD_SET_FILE:
        registers->file = uleb(program);
        break;
    case STANDARD_NEGATE:
        registers->is_statement = !registers->is_statement;
        break;
    case STANDARD_CONST_ADD_PC:
        registers->address += (255u - unit->opcode_base) / unit->line_range * unit->minimum_length;
        break;
    case STANDARD_FIXED_ADVANCE_PC:
        registers->address += fixed(program, 2);
        break;
    default:
        for (uint8_t i = 0; i < unit->lengths[opcode - 1]; i++)
            uleb(program);
    }
}

/* Executes a unit's program; false: there is no more room. */
static bool execute(struct line_table *table, const struct unit *unit)
{
    struct reader program = unit->program;
    struct registers registers = initial(unit);
    size_t first = table->row_count;

    while (program.at < program.end && !program.is_bad) {
        uint8_t opcode = *program.at++;
        bool ends = false;
        if (opcode >= unit->opcode_base) {
            unsigned adjusted = (unsigned)(opcode - unit->opcode_base);
            registers.address += adjusted / unit->line_range * unit->minimum_length;
            registers.line +=
                (uint64_t)(int64_t)(unit->line_base + (int)(adjusted % unit->line_range));
        } else if (opcode == 0) {
            extended(&program, &registers, &ends);
        } else if (opcode != STANDARD_COPY) {
            standard(unit, &program, &registers, opcode);
        }
        if ((opcode >= unit->opcode_base || opcode == STANDARD_COPY) &&
            !add_row(table, unit, &registers))
            return false;
        if (ends) {
            if (!end_sequence(table, first, registers.address))
                return false;
            first = table->row_count;
            registers = initial(unit);
        }
    }
    table->row_count = first; /* what has no end */
    return true;
}

/* ---- the table ---- */

/* The next unit; false: there is none. */
static bool next_unit(struct reader *section, struct unit *unit, struct reader *bytes)
{
    uint64_t length = fixed(section, 4);

    *unit = (struct unit){.offset_size = 4};
    if (length == UINT32_MAX) {
        length = fixed(section, 8);
        unit->offset_size = 8;
    }
    *bytes = *section;
    skip(section, length);
    bytes->end = section->at;
    return !section->is_bad;
}

static int by_low(const void *a, const void *b)
{
    const struct sequence *x = a, *y = b;

    return (x->low > y->low) - (x->low < y->low);
}

static void note_code(struct line_table *table, const struct elf_sections *elf)
{
    for (unsigned i = 0; i < elf->count && table->code_count < RANGES_MAX; i++) {
        const struct elf_section *section = &elf->section[i];
        if ((section->flags & SHF_EXECINSTR) && section->size <= UINT64_MAX - section->address) {
            table->code[table->code_count].low = section->address;
            table->code[table->code_count++].high = section->address + section->size;
        }
    }
}

struct line_table *line_table_read(const struct elf_sections *elf)
{
    struct line_table *table = calloc(1, sizeof(*table));
    struct reader section, bytes;
    struct unit unit;
    bool has_room = true;

    if (!table)
        return NULL;
    note_code(table, elf);
    table->lines = elf_sections_read(elf, elf_sections_find(elf, ".debug_line", 0),
                                     LINE_TABLE_BYTES, &table->lines_size);
    table->line_strings = elf_sections_read(elf, elf_sections_find(elf, ".debug_line_str", 0),
                                            LINE_TABLE_BYTES, &table->line_strings_size);
    table->strings = elf_sections_read(elf, elf_sections_find(elf, ".debug_str", 0),
                                       LINE_TABLE_BYTES, &table->strings_size);
    if (table->lines)
        section = (struct reader){table->lines, table->lines + table->lines_size, false};
    for (unsigned i = 0; i < UNITS_MAX && table->lines && has_room && section.at < section.end &&
                         next_unit(&section, &unit, &bytes);
         i++) {
        has_room = !read_header(table, &unit, bytes) || execute(table, &unit);
        free(unit.directory);
    }
    if (table->sequence_count == 0) {
        line_table_free(table);
        return NULL;
    }
    qsort(table->sequence, table->sequence_count, sizeof(*table->sequence), by_low);
    return table;
}

void line_table_free(struct line_table *table)
{
    if (!table)
        return;
    free(table->file);
    free(table->row);
    free(table->sequence);
    free(table->lines);
    free(table->line_strings);
    free(table->strings);
    free(table);
}

bool line_table_find(const struct line_table *table, uint32_t address, struct line_file *file,
                     unsigned *line)
{
    size_t low = 0, high = table->sequence_count;
    const struct sequence *sequence;
    const struct row *row;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (table->sequence[middle].low <= address)
            low = middle + 1;
        else
            high = middle;
    }
    sequence = low > 0 ? &table->sequence[low - 1] : NULL;
    if (!sequence || address >= sequence->high)
        return false;
    for (low = 0, high = sequence->count; low < high;) {
        size_t middle = (low + high) / 2;
        if (table->row[sequence->first + middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    row = &table->row[sequence->first + low - 1]; /* the first row is at sequence->low */
    if (row->line == 0 || row->file == NO_FILE)
        return false;
    *file = table->file[row->file];
    *line = row->line;
    return true;
}

/* Whether a file is `name`, which may lack leading directories. */
static bool is_named(const struct line_file *file, const char *name)
{
    size_t wanted = strlen(name), base = strlen(file->name), directory = strlen(file->directory);

    if (wanted <= base)
        return strcmp(file->name + base - wanted, name) == 0 &&
               (wanted == base || file->name[base - wanted - 1] == '/');
    if (strcmp(name + wanted - base, file->name) != 0 || name[wanted - base - 1] != '/')
        return false;
    wanted -= base + 1;
    return wanted <= directory && memcmp(file->directory + directory - wanted, name, wanted) == 0 &&
           (wanted == directory || file->directory[directory - wanted - 1] == '/');
}

unsigned line_table_addresses(const struct line_table *table, const char *file, unsigned line,
                              uint32_t *addresses, unsigned max, bool *has_file)
{
    bool *matches = calloc(table->file_count + 1, sizeof(*matches));
    bool was_there = false;
    unsigned count = 0;

    *has_file = false;
    for (size_t i = 0; matches && i < table->file_count; i++) {
        matches[i] = is_named(&table->file[i], file);
        *has_file = *has_file || matches[i];
    }
    for (size_t i = 0; *has_file && i < table->row_count && count < max; i++) {
        const struct row *row = &table->row[i];
        bool is_there = row->line == line && row->file != NO_FILE && matches[row->file];
        if (is_there && !was_there && row->is_statement &&
            (count == 0 || addresses[count - 1] != row->address))
            addresses[count++] = row->address;
        was_there = is_there;
    }
    free(matches);
    return count;
}
