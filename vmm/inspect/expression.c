/*
 * Expressions: a comparison of sums of what the tables below name. A tree, evaluated in 64 bits.
 */
#include "expression.h"

#include "cpu/arch.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32

enum kind {
    NUMBER,
    SYMBOL,
    NAMED, /* names[which] */
    INDEXED /* indexed[which], of left */,
    BINARY /* operators[which], of left and right */
};

struct expression {
    enum kind kind;
    unsigned which;
    uint64_t number; /* a symbol's address, once resolved */
    char *symbol;
    struct expression *left, *right;
};

/* ---- what has a name ---- */

struct named {
    const char *name;
    uint64_t (*value)(struct machine *machine, const struct cpu_state *state, unsigned which);
    unsigned which;
};

static uint64_t gpr32(struct machine *machine, const struct cpu_state *state, unsigned which)
{
    (void)machine;
    return state->gpr[which];
}

static uint64_t gpr16(struct machine *machine, const struct cpu_state *state, unsigned which)
{
    return gpr32(machine, state, which) & 0xffff;
}

/* AL to BL, then AH to BH. */
static uint64_t gpr8(struct machine *machine, const struct cpu_state *state, unsigned which)
{
    return gpr32(machine, state, which & 3) >> (which & 4 ? 8 : 0) & 0xff;
}

static uint64_t eip(struct machine *machine, const struct cpu_state *state, unsigned which)
{
    (void)machine;
    (void)which;
    return state->eip;
}

static uint64_t eflags(struct machine *machine, const struct cpu_state *state, unsigned which)
{
    (void)machine;
    return which == 32 ? state->eflags : state->eflags >> which & 1;
}

static uint64_t selector(struct machine *machine, const struct cpu_state *state, unsigned which)
{
    (void)machine;
    return state->segment[which].selector;
}

static uint64_t control(struct machine *machine, const struct cpu_state *state, unsigned which)
{
    const uint32_t values[] = {state->cr0, 0, state->cr2, state->cr3, state->cr4};

    (void)machine;
    return values[which];
}

static uint64_t pic(struct machine *machine, const struct cpu_state *state, unsigned which)
{
    const struct i8259 *chip = which & 4 ? &machine->pic.slave : &machine->pic.master;

    (void)state;
    switch (which & 3) {
    case 0:
        return i8259_irr(chip);
    case 1:
        return chip->isr;
    case 2:
        return chip->imr;
    default:
        return chip->icw2;
    }
}

static uint64_t pit_out(struct machine *machine, const struct cpu_state *state, unsigned which)
{
    (void)state;
    return i8254_out(&machine->pit, which);
}

static uint64_t pit_mode(struct machine *machine, const struct cpu_state *state, unsigned which)
{
    (void)state;
    return i8254_mode(&machine->pit, which);
}

enum { KEYBOARD_FULL, KEYBOARD_BUFFERED, KEYBOARD_DISABLED };

static uint64_t keyboard(struct machine *machine, const struct cpu_state *state, unsigned which)
{
    const struct i8042_state *s = &machine->keyboard.s;

    (void)state;
    return which == KEYBOARD_FULL       ? s->obf
           : which == KEYBOARD_BUFFERED ? s->buffered
                                        : !s->scanning || (s->ram[0] & 0x10);
}

static uint64_t is_halted(struct machine *machine, const struct cpu_state *state, unsigned which)
{
    (void)state;
    (void)which;
    return machine->halted;
}

static uint64_t instructions(struct machine *machine, const struct cpu_state *state, unsigned which)
{
    (void)state;
    (void)which;
    return machine->cpu->ops->instructions ? machine->cpu->ops->instructions(machine->cpu) : 0;
}

static uint64_t now(struct machine *machine, const struct cpu_state *state, unsigned which)
{
    (void)state;
    (void)which;
    return clock_now(&machine->clock);
}

static const struct named names[] = {
    {"eax", gpr32, CPU_EAX},
    {"ecx", gpr32, CPU_ECX},
    {"edx", gpr32, CPU_EDX},
    {"ebx", gpr32, CPU_EBX},
    {"esp", gpr32, CPU_ESP},
    {"ebp", gpr32, CPU_EBP},
    {"esi", gpr32, CPU_ESI},
    {"edi", gpr32, CPU_EDI},
    {"ax", gpr16, CPU_EAX},
    {"cx", gpr16, CPU_ECX},
    {"dx", gpr16, CPU_EDX},
    {"bx", gpr16, CPU_EBX},
    {"sp", gpr16, CPU_ESP},
    {"bp", gpr16, CPU_EBP},
    {"si", gpr16, CPU_ESI},
    {"di", gpr16, CPU_EDI},
    {"al", gpr8, 0},
    {"cl", gpr8, 1},
    {"dl", gpr8, 2},
    {"bl", gpr8, 3},
    {"ah", gpr8, 4},
    {"ch", gpr8, 5},
    {"dh", gpr8, 6},
    {"bh", gpr8, 7},
    {"eip", eip, 0},
    {"eflags", eflags, 32},
    {"cf", eflags, 0},
    {"pf", eflags, 2},
    {"zf", eflags, 6},
    {"sf", eflags, 7},
    {"if", eflags, 9},
    {"df", eflags, 10},
    {"of", eflags, 11},
    {"es", selector, CPU_ES},
    {"cs", selector, CPU_CS},
    {"ss", selector, CPU_SS},
    {"ds", selector, CPU_DS},
    {"fs", selector, CPU_FS},
    {"gs", selector, CPU_GS},
    {"cr0", control, 0},
    {"cr2", control, 2},
    {"cr3", control, 3},
    {"cr4", control, 4},
    {"pic0.irr", pic, 0},
    {"pic0.isr", pic, 1},
    {"pic0.imr", pic, 2},
    {"pic0.base", pic, 3},
    {"pic1.irr", pic, 4},
    {"pic1.isr", pic, 5},
    {"pic1.imr", pic, 6},
    {"pic1.base", pic, 7},
    {"pit0.out", pit_out, 0},
    {"pit1.out", pit_out, 1},
    {"pit2.out", pit_out, 2},
    {"pit0.mode", pit_mode, 0},
    {"pit1.mode", pit_mode, 1},
    {"pit2.mode", pit_mode, 2},
    {"keyboard.full", keyboard, KEYBOARD_FULL},
    {"keyboard.buffered", keyboard, KEYBOARD_BUFFERED},
    {"keyboard.disabled", keyboard, KEYBOARD_DISABLED},
    {"halted", is_halted, 0},
    {"insn", instructions, 0},
    {"ns", now, 0},
};

/* ---- what has an index ---- */

struct place {
    struct machine *machine;
    const struct cpu_state *state;
    char *error;
    size_t error_size;
};

/* Little-endian bytes at a linear address, as a read by the kernel would find them. */
static bool read_memory(const struct place *place, uint64_t address, unsigned bytes,
                        uint64_t *value)
{
    *value = 0;
    if (address <= UINT32_MAX && arch_read_linear(place->state, &place->machine->memory,
                                                  (uint32_t)address, value, bytes) == bytes)
        return true;
    snprintf(place->error, place->error_size, "no memory is at %#llx", (unsigned long long)address);
    return false;
}

static bool memory(const struct place *place, uint64_t index, unsigned which, uint64_t *value)
{
    return read_memory(place, index, which, value);
}

/* Intel SDM vol. 3, figure 6-2; in real mode a gate is offset and selector. */
enum { GATE_OFFSET, GATE_SELECTOR, GATE_TYPE, GATE_DPL, GATE_PRESENT };

static bool gate(const struct place *place, uint64_t index, unsigned which, uint64_t *value)
{
    bool real = !(place->state->cr0 & CR0_PE);
    unsigned size = real ? 4 : 8;
    uint64_t bits, base = place->state->idtr.base;

    if (index > 255 || index * size + size - 1 > place->state->idtr.limit) {
        snprintf(place->error, place->error_size, "the IDT (limit %#x) has no gate %#llx",
                 place->state->idtr.limit, (unsigned long long)index);
        return false;
    }
    if (!read_memory(place, base + index * size, size, &bits))
        return false;
    if (real)
        bits = (bits & 0xffff) | (bits >> 16 & 0xffff) << 16 | UINT64_C(0x8600) << 32;
    switch (which) {
    case GATE_OFFSET:
        *value = (bits & 0xffff) | (bits >> 32 & 0xffff0000);
        if (real)
            *value = bits & 0xffff;
        break;
    case GATE_SELECTOR:
        *value = bits >> 16 & 0xffff;
        break;
    case GATE_TYPE:
        *value = bits >> 40 & 0x1f;
        break;
    case GATE_DPL:
        *value = bits >> 45 & 3;
        break;
    default:
        *value = bits >> 47 & 1;
    }
    return true;
}

enum { IRQ_RAISED, IRQ_TAKEN };

static bool irq_count(const struct place *place, uint64_t index, unsigned which, uint64_t *value)
{
    struct interrupt_input input;

    if (index >= place->machine->interrupts->inputs) {
        snprintf(place->error, place->error_size, "there is no IRQ %llu, only 0 to %u",
                 (unsigned long long)index, place->machine->interrupts->inputs - 1);
        return false;
    }
    input = machine_input(place->machine, (unsigned)index);
    *value = which == IRQ_RAISED ? input.raised : input.taken;
    return true;
}

static const struct {
    const char *name, *field; /* name[index], name[index].field */
    bool (*value)(const struct place *place, uint64_t index, unsigned which, uint64_t *value);
    unsigned which;
} indexed[] = {
    {"mem8", "", memory, 1},
    {"mem16", "", memory, 2},
    {"mem32", "", memory, 4},
    {"idt", ".offset", gate, GATE_OFFSET},
    {"idt", ".selector", gate, GATE_SELECTOR},
    {"idt", ".type", gate, GATE_TYPE},
    {"idt", ".dpl", gate, GATE_DPL},
    {"idt", ".present", gate, GATE_PRESENT},
    {"irq", ".raised", irq_count, IRQ_RAISED},
    {"irq", ".taken", irq_count, IRQ_TAKEN},
};

static uint64_t is_equal(uint64_t a, uint64_t b)
{
    return a == b;
}
static uint64_t differs(uint64_t a, uint64_t b)
{
    return a != b;
}
static uint64_t is_at_most(uint64_t a, uint64_t b)
{
    return a <= b;
}
static uint64_t is_at_least(uint64_t a, uint64_t b)
{
    return a >= b;
}
static uint64_t is_less(uint64_t a, uint64_t b)
{
    return a < b;
}
static uint64_t is_more(uint64_t a, uint64_t b)
{
    return a > b;
}
static uint64_t add(uint64_t a, uint64_t b)
{
    return a + b;
}
static uint64_t subtract(uint64_t a, uint64_t b)
{
    return a - b;
}
static uint64_t both(uint64_t a, uint64_t b)
{
    return a & b;
}
static uint64_t either(uint64_t a, uint64_t b)
{
    return a | b;
}

static const struct {
    char text[4];
    bool compares;
    uint64_t (*value)(uint64_t a, uint64_t b);
} operators[] = {
    {"==", true, is_equal},    {"!=", true, differs},  {"<=", true, is_at_most},
    {">=", true, is_at_least}, {"<", true, is_less},   {">", true, is_more},
    {"+", false, add},         {"-", false, subtract}, {"&", false, both},
    {"|", false, either},
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* ---- parsing ---- */

struct parser {
    const char *at, *expected;
    unsigned depth;
};

static struct expression *expects(struct parser *parser, const char *what)
{
    if (!parser->expected)
        parser->expected = what;
    return NULL;
}

static struct expression *node(enum kind kind, unsigned which)
{
    struct expression *made = calloc(1, sizeof(*made));

    if (made) {
        made->kind = kind;
        made->which = which;
    }
    return made;
}

static void skip_blanks(struct parser *parser)
{
    while (*parser->at == ' ' || *parser->at == '\t')
        parser->at++;
}

bool expression_is_name(char c, bool first)
{
    return isalpha((unsigned char)c) || c == '_' || (c == '.' && first) || c == '$' ||
           (!first && (isdigit((unsigned char)c) || c == '.' || c == ':'));
}

static struct expression *sum(struct parser *parser);

static struct expression *number(struct parser *parser)
{
    struct expression *made;
    char *end;
    uint64_t value;

    if (parser->at[0] == '\'' && parser->at[1] && parser->at[2] == '\'') {
        value = (uint8_t)parser->at[1];
        end = (char *)parser->at + 3;
    } else {
        errno = 0;
        value = strtoull(parser->at, &end, 0);
        if (errno == ERANGE)
            return expects(parser, "a number of at most 64 bits");
    }
    if (expression_is_name(*end, true))
        return expects(parser, "a number");
    made = node(NUMBER, 0);
    if (made)
        made->number = value;
    parser->at = end;
    return made;
}

static struct expression *with_index(struct parser *parser, const char *name, size_t length)
{
    struct expression *made = node(INDEXED, 0), *index;

    parser->at++; /* the bracket */
    index = sum(parser);
    skip_blanks(parser);
    if (!made || !index || *parser->at != ']') {
        expects(parser, "']'");
        expression_free(made);
        expression_free(index);
        return NULL;
    }
    parser->at++;
    made->left = index;
    for (; made->which < LENGTH(indexed); made->which++) {
        const char *field = indexed[made->which].field;
        if (strlen(indexed[made->which].name) != length ||
            memcmp(indexed[made->which].name, name, length) != 0 ||
            strncmp(parser->at, field, strlen(field)) != 0 ||
            expression_is_name(parser->at[strlen(field)], false))
            continue;
        parser->at += strlen(field);
        return made;
    }
    expression_free(made);
    return expects(parser, *name == 'm' ? "nothing behind this ']'"
                           : *name == 'i' && name[1] == 'd'
                               ? ".offset, .selector, .type, .dpl or .present"
                               : ".raised or .taken");
}

/* The register, or what else has a name, that a text begins with, and its length; LENGTH(names):
 * none. $pc, $sp and $fp are gdb's. */
static unsigned register_at(const char *text, size_t *length)
{
    static const char *const of_gdb[][2] = {{"pc", "eip"}, {"sp", "esp"}, {"fp", "ebp"}};
    const char *name = text;
    size_t name_length;

    for (*length = 0; expression_is_name(text[*length], *length == 0);)
        ++*length;
    name_length = *length;
    for (size_t i = 0; i < LENGTH(of_gdb); i++) {
        if (text[-1] == '$' && *length == 2 && memcmp(text, of_gdb[i][0], 2) == 0) {
            name = of_gdb[i][1];
            name_length = 3;
        }
    }
    for (unsigned i = 0; i < LENGTH(names); i++) {
        if (strlen(names[i].name) == name_length && memcmp(names[i].name, name, name_length) == 0)
            return i;
    }
    return LENGTH(names);
}

static struct expression *named(struct parser *parser)
{
    const char *name = parser->at;
    struct expression *made;
    size_t length = 0;

    if ((*name == '$' || *name == '%') && register_at(name + 1, &length) != LENGTH(names)) {
        parser->at += length + 1; /* as gdb and AT&T's assembler write it */
        return node(NAMED, register_at(name + 1, &length));
    }
    if (*name == '&' && expression_is_name(name[1], true))
        parser->at = ++name; /* a symbol is its address already */
    while (expression_is_name(name[length], length == 0))
        length++;
    if (length == 0)
        return expects(parser, "a number, a register, mem32[...], idt[...] or a symbol");
    if (name[length] == '[') {
        bool known = false;
        for (size_t i = 0; i < LENGTH(indexed); i++)
            known = known || (strlen(indexed[i].name) == length &&
                              memcmp(indexed[i].name, name, length) == 0);
        if (!known)
            return expects(parser, "mem8, mem16, mem32, idt or irq before '['");
        parser->at += length;
        return with_index(parser, name, length);
    }
    parser->at += length;
    for (unsigned i = 0; i < LENGTH(names); i++) {
        if (strlen(names[i].name) == length && memcmp(names[i].name, name, length) == 0)
            return node(NAMED, i);
    }
    made = node(SYMBOL, 0);
    if (made)
        made->symbol = strndup(name, length);
    return made;
}

static struct expression *operand(struct parser *parser)
{
    struct expression *made;

    skip_blanks(parser);
    if (++parser->depth > DEPTH_MAX)
        return expects(parser, "something simpler");
    if (*parser->at == '(') {
        parser->at++;
        made = sum(parser);
        skip_blanks(parser);
        if (made && *parser->at != ')') {
            expression_free(made);
            return expects(parser, "')'");
        }
        parser->at += made != NULL;
    } else if (isdigit((unsigned char)*parser->at) || *parser->at == '\'') {
        made = number(parser);
    } else {
        made = named(parser);
    }
    parser->depth--;
    return made;
}

/* The operator at the parser, of those that compare or of the others; -1: none. */
static int operator_at(struct parser *parser, bool compares)
{
    skip_blanks(parser);
    for (size_t i = 0; i < LENGTH(operators); i++) {
        if (operators[i].compares == compares &&
            strncmp(parser->at, operators[i].text, strlen(operators[i].text)) == 0)
            return (int)i;
    }
    return -1;
}

static struct expression *join(struct parser *parser, struct expression *left, int which,
                               struct expression *(*parse)(struct parser *))
{
    struct expression *made = node(BINARY, (unsigned)which);

    parser->at += strlen(operators[which].text);
    if (made) {
        made->left = left;
        made->right = parse(parser);
    }
    if (made && made->right)
        return made;
    expression_free(made ? made : left);
    return NULL;
}

static struct expression *sum(struct parser *parser)
{
    struct expression *made = operand(parser);
    unsigned terms = 0;

    for (int which; made && (which = operator_at(parser, false)) >= 0;) {
        if (++terms > DEPTH_MAX) {
            expression_free(made);
            return expects(parser, "something simpler");
        }
        made = join(parser, made, which, operand);
    }
    return made;
}

struct expression *expression_parse(const char **text, const char **expected)
{
    struct parser parser = {.at = *text};
    struct expression *made = sum(&parser);
    int which;

    if (made && (which = operator_at(&parser, true)) >= 0)
        made = join(&parser, made, which, sum);
    *expected = parser.expected;
    *text = parser.at;
    return made;
}

const char *expression_symbol(const struct expression *expression)
{
    return expression->kind == SYMBOL ? expression->symbol : NULL;
}

void expression_free(struct expression *expression)
{
    if (!expression)
        return;
    expression_free(expression->left);
    expression_free(expression->right);
    free(expression->symbol);
    free(expression);
}

/* ---- values ---- */

int expression_resolve(struct expression *expression,
                       int (*find)(void *owner, const char *name, uint32_t *address), void *owner)
{
    uint32_t address;

    if (!expression)
        return 0;
    if (expression->kind == SYMBOL) {
        if (find(owner, expression->symbol, &address) < 0)
            return -1;
        expression->number = address;
    }
    if (expression_resolve(expression->left, find, owner) < 0)
        return -1;
    return expression_resolve(expression->right, find, owner);
}

static bool evaluate(const struct expression *expression, const struct place *place,
                     uint64_t *value)
{
    uint64_t left, right;

    switch (expression->kind) {
    case NUMBER:
    case SYMBOL:
        *value = expression->number;
        return true;
    case NAMED:
        *value = names[expression->which].value(place->machine, place->state,
                                                names[expression->which].which);
        return true;
    case INDEXED:
        return evaluate(expression->left, place, &left) &&
               indexed[expression->which].value(place, left, indexed[expression->which].which,
                                                value);
    default:
        if (!evaluate(expression->left, place, &left) ||
            !evaluate(expression->right, place, &right))
            return false;
        *value = operators[expression->which].value(left, right);
        return true;
    }
}

bool expression_value(const struct expression *expression, struct machine *machine, uint64_t *value,
                      char *error, size_t error_size)
{
    struct cpu_state state;
    struct place place = {machine, &state, error, error_size};

    if (machine->outcome.end != END_NONE && machine->outcome.has_state) {
        state = machine->outcome.state; /* where it died, not in the handler that says so */
    } else if (machine->cpu->ops->get_state(machine->cpu, &state) < 0) {
        snprintf(error, error_size, "the %s engine does not give its registers",
                 machine->cpu->ops->name);
        return false;
    }
    return evaluate(expression, &place, value);
}

void expression_explain(const struct expression *expression, struct machine *machine, char *to,
                        size_t size)
{
    uint64_t left, right;
    char error[160];

    to[0] = '\0';
    if (expression->kind == BINARY && operators[expression->which].compares &&
        expression_value(expression->left, machine, &left, error, sizeof(error)) &&
        expression_value(expression->right, machine, &right, error, sizeof(error)))
        snprintf(to, size, "%#llx %s %#llx does not hold", (unsigned long long)left,
                 operators[expression->which].text, (unsigned long long)right);
}
