/*
 * Causes of exceptions. Error codes: Intel SDM vol. 3, section 6.13; what a segment register takes:
 * sections 3.5 and 5.5; TSS: figure 7-2.
 */
#include "fault_words.h"

#include "cpu/arch.h"
#include "gp_words.h"
#include "instruction.h"
#include "walk.h"

#include <string.h>

#define ERROR_IDT  UINT32_C(2)
#define ERROR_LDT  UINT32_C(4)
#define CR4_OSFXSR UINT32_C(0x200)

enum { TYPE_TSS = 9, TYPE_TSS_BUSY = 11, TYPE_TASK = 5, TYPE_LDT = 2 };

/* The second word of a descriptor or gate. */
#define ENTRY_P(word)    ((word) >> 15 & 1)
#define ENTRY_DPL(word)  ((word) >> 13 & 3)
#define ENTRY_S(word)    ((word) >> 12 & 1)
#define ENTRY_TYPE(word) ((word) >> 8 & 15)

static unsigned cpl_of(const struct cpu_state *state)
{
    return state->segment[CPU_CS].selector & 3;
}

static bool read_linear(const struct fault_view *view, uint32_t address, void *to, size_t size)
{
    return arch_read_linear(view->state, view->memory, address, to, size) == size;
}

/* Whether a guess at the mistake is to be made: the first of several. */
static bool may_hint(const struct fault_view *view)
{
    bool may = !view->has_hinted || !*view->has_hinted;

    if (view->has_hinted)
        *view->has_hinted = true;
    return may;
}

/* ---- the instruction ---- */

/* What an instruction loads with a selector. */
enum target {
    LOADS_ES,
    LOADS_CS,
    LOADS_SS,
    LOADS_DS,
    LOADS_FS,
    LOADS_GS,
    LOADS_TR,
    LOADS_LDTR,
    LOADS_BY_IRET,
    LOADS_UNKNOWN
};

static const char *const target_names[] = {"ES", "CS", "SS", "DS", "FS", "GS", "TR", "LDTR"};

static enum target find_target(const struct instruction *instruction)
{
    static const struct {
        uint8_t opcode[2]; /* the second one where the first is 0x0f */
        int8_t reg;        /* of ModR/M; -1: any */
        uint8_t target;
    } loads[] = {
        {{0x07}, -1, LOADS_ES},       {{0x17}, -1, LOADS_SS},       {{0x1f}, -1, LOADS_DS},
        {{0x9a}, -1, LOADS_CS},       {{0xea}, -1, LOADS_CS},       {{0xca}, -1, LOADS_CS},
        {{0xcb}, -1, LOADS_CS},       {{0xcf}, -1, LOADS_BY_IRET},  {{0xc4}, -1, LOADS_ES},
        {{0xc5}, -1, LOADS_DS},       {{0xff}, 3, LOADS_CS},        {{0xff}, 5, LOADS_CS},
        {{0x0f, 0xa1}, -1, LOADS_FS}, {{0x0f, 0xa9}, -1, LOADS_GS}, {{0x0f, 0xb2}, -1, LOADS_SS},
        {{0x0f, 0xb4}, -1, LOADS_FS}, {{0x0f, 0xb5}, -1, LOADS_GS}, {{0x0f, 0x00}, 2, LOADS_LDTR},
        {{0x0f, 0x00}, 3, LOADS_TR},
    };
    const uint8_t *bytes = instruction->bytes;
    unsigned modrm = bytes[bytes[0] == 0x0f ? 2 : 1] >> 3 & 7;

    if (bytes[0] == 0x8e && modrm <= 5)
        return (enum target)modrm;
    for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        if (bytes[0] == loads[i].opcode[0] &&
            (bytes[0] != 0x0f || bytes[1] == loads[i].opcode[1]) &&
            (loads[i].reg < 0 || loads[i].reg == (int8_t)modrm))
            return loads[i].target;
    }
    return LOADS_UNKNOWN;
}

/* ---- descriptors ---- */

static const char *descriptor_name(uint32_t word)
{
    static const char *const systems[16] = {"a reserved type",
                                            "a 16-bit TSS",
                                            "an LDT",
                                            "a busy 16-bit TSS",
                                            "a call gate",
                                            "a task gate",
                                            "an interrupt gate",
                                            "a trap gate",
                                            "a reserved type",
                                            "a TSS",
                                            "a reserved type",
                                            "a busy TSS",
                                            "a call gate",
                                            "a reserved type",
                                            "an interrupt gate",
                                            "a trap gate"};
    unsigned type = ENTRY_TYPE(word);

    if (!ENTRY_S(word))
        return systems[type];
    if (type & 8)
        return type & 2 ? "a code segment" : "an execute-only code segment";
    return type & 2 ? "a data segment" : "a read-only data segment";
}

/* Whether a register takes a segment of this kind, its privileges aside. */
static bool takes(enum target target, uint32_t word)
{
    unsigned type = ENTRY_TYPE(word);
    bool is_code = ENTRY_S(word) && (type & 8);

    switch (target) {
    case LOADS_CS:
        return is_code || (!ENTRY_S(word) && (type == 4 || type == 5 || type == 9 || type == 12));
    case LOADS_SS:
        return ENTRY_S(word) && !is_code && (type & 2);
    case LOADS_TR:
        return !ENTRY_S(word) && (type == 1 || type == TYPE_TSS);
    case LOADS_LDTR:
        return !ENTRY_S(word) && type == TYPE_LDT;
    case LOADS_BY_IRET:
    case LOADS_UNKNOWN:
        return true;
    default:
        return ENTRY_S(word) && (!is_code || (type & 2));
    }
}

/*
 * LGDT and LIDT take the limit first, then the base. A structure that has the base first gives a
 * base whose low half is the true base's high one: says so where a table is found there that way.
 */
static bool tell_swapped(struct words *to, const struct fault_view *view, const char *name,
                         const struct cpu_table *table, uint32_t selector)
{
    uint32_t base = table->base << 16 | table->limit, limit = table->base >> 16, entry[2];

    if ((limit & 7) != 7 || (selector & ~UINT32_C(7)) + 7 > limit ||
        !read_linear(view, base + (selector & ~UINT32_C(7)), entry, 8) || !ENTRY_P(entry[1]))
        return false;
    if (!may_hint(view))
        return true;
    words_print(to,
                " (%s's base %#x and limit %#x look swapped, for base %#x and limit %#x: the limit "
                "comes first)",
                name, table->base, table->limit, base, limit);
    return true;
}

/* Whether a table has a present entry among its first. */
static bool has_entries(const struct fault_view *view, const struct cpu_table *table)
{
    uint32_t entry[2];

    for (uint32_t at = 8; at + 7 <= table->limit && at < 64 * 8; at += 8) {
        if (read_linear(view, table->base + at, entry, 8) && ENTRY_P(entry[1]))
            return true;
    }
    return false;
}

/* What is said of a selector that the GDT has no descriptor for. */
static void tell_missing(struct words *to, const struct fault_view *view, uint32_t selector)
{
    const struct cpu_table *gdtr = &view->state->gdtr;

    if (tell_swapped(to, view, "GDTR", gdtr, selector))
        return;
    if (gdtr->limit >= 15 && !has_entries(view, gdtr) && may_hint(view))
        words_print(to,
                    ", and no descriptor is present in the GDT at %#x (is GDTR's base right, or "
                    "was the boot loader's GDT overwritten?)",
                    gdtr->base);
}

/* What is wrong with a descriptor that is there, for a register that code of `ring` is to have. */
static void tell_descriptor(struct words *to, uint32_t word, enum target target, unsigned ring)
{
    unsigned dpl = ENTRY_DPL(word);
    bool is_conforming = ENTRY_S(word) && (ENTRY_TYPE(word) & 12) == 12;

    words_print(to, "is %s", descriptor_name(word));
    if (!takes(target, word))
        words_print(to, ": it can't be loaded into %s", target_names[target]);
    else if (!ENTRY_P(word))
        words_print(to, " that is not present");
    else if ((target == LOADS_SS && dpl != ring) ||
             (target == LOADS_CS && !is_conforming && dpl != ring) ||
             (target <= LOADS_GS && !is_conforming && dpl < ring))
        words_print(to, " of ring %u (DPL): ring %u can't have it in %s", dpl, ring,
                    target_names[target]);
    else
        words_print(to, " of ring %u (DPL), used in ring %u: is the selector's RPL right?", dpl,
                    ring);
}

/* What is wrong with the selector that an error code names. */
static void tell_selector(struct words *to, const struct fault_view *view, const char *what,
                          uint32_t error, enum target target, unsigned ring)
{
    const struct cpu_state *state = view->state;
    bool is_local = error & ERROR_LDT;
    uint32_t selector = error & 0xfffc, entry[2];
    uint32_t base = is_local ? state->ldtr.base : state->gdtr.base;
    uint32_t limit = is_local ? state->ldtr.limit : state->gdtr.limit;
    const char *table = is_local ? "LDT" : "GDT";

    words_print(to, "%s %#x ", what, selector);
    if (is_local && !(state->ldtr.selector & 0xfffc)) {
        words_print(to, "is in the LDT, and there is none (LDTR is 0)");
    } else if ((selector | 7) > limit) {
        words_print(to, "is beyond the %s's limit %#x", table, limit);
        if (!is_local)
            tell_missing(to, view, selector);
    } else if (!read_linear(view, base + (selector & ~UINT32_C(7)), entry, 8)) {
        words_print(to, "can't be read: the %s is at %#x", table, base);
        if (!is_local)
            tell_missing(to, view, selector);
    } else if (!ENTRY_P(entry[1]) && !entry[0] && !entry[1]) {
        words_print(to, "is an empty entry of the %s", table);
        if (!is_local)
            tell_missing(to, view, selector);
    } else {
        tell_descriptor(to, entry[1], target, ring);
    }
}

/* What IRET takes from the stack: EIP, CS, EFLAGS, ESP, SS. */
static void tell_iret(struct words *to, const struct fault_view *view, uint32_t error)
{
    const struct cpu_state *state = view->state;
    uint32_t frame[5] = {0};
    bool is_stack;

    arch_read_linear(state, view->memory, state->segment[CPU_SS].base + state->gpr[CPU_ESP], frame,
                     sizeof(frame));
    is_stack = (frame[1] & 0xfffc) != (error & 0xfffc) && (frame[4] & 0xfffc) == (error & 0xfffc);
    tell_selector(to, view, is_stack ? "IRET to SS" : "IRET to CS", error,
                  is_stack ? LOADS_SS : LOADS_CS, frame[1] & 3);
    gp_words_tell_shifted(to, view, frame);
}

/* ---- gates ---- */

static void tell_gate_number(struct words *to, unsigned vector)
{
    const char *name = vector < 32 ? arch_exception_name(vector) : "";

    if (vector < 32 && name[0] == '#')
        words_print(to, "gate %u (%.*s)", vector, (int)strcspn(name, " "), name);
    else
        words_print(to, vector < 32 ? "gate %u" : "gate %#x", vector);
}

static void tell_gate(struct words *to, const struct fault_view *view, uint32_t error)
{
    const struct cpu_table *idt = &view->state->idtr;
    unsigned number = error >> 3, size = view->state->cr0 & CR0_PE ? 8 : 4;
    uint32_t gate[2];

    tell_gate_number(to, number);
    if (number * size + size - 1 > idt->limit) {
        words_print(to, " is beyond the IDT's limit %#x", idt->limit);
        if (!tell_swapped(to, view, "IDTR", idt, number * 8) && idt->limit == 0 && may_hint(view))
            words_print(to, " (was LIDT forgotten?)");
        return;
    }
    if (!read_linear(view, idt->base + number * 8, gate, 8))
        words_print(to, ", at %#x, can't be read", idt->base + number * 8);
    else if (!ENTRY_P(gate[1])) {
        words_print(to, " is not present%s", gate[0] || gate[1] ? "" : " (it is empty)");
        tell_swapped(to, view, "IDTR", idt, number * 8);
    } else if (ENTRY_S(gate[1]) || (ENTRY_TYPE(gate[1]) != TYPE_TASK && (gate[1] >> 8 & 6) != 6))
        words_print(to, " is %s, not an interrupt, trap or task gate", descriptor_name(gate[1]));
    else
        words_print(to, " has DPL %u, and INT came from ring %u", ENTRY_DPL(gate[1]),
                    cpl_of(view->state));
}

/* ---- stacks ---- */

/* #TS without a selector: the stack for an inner ring is not there. */
static void tell_no_stack(struct words *to, const struct fault_view *view)
{
    const struct cpu_segment *tr = &view->state->tr;
    bool is_wide = tr->attributes & 8;
    uint16_t narrow[2] = {0};
    uint32_t wide[2] = {0};

    if (!(tr->selector & 0xfffc))
        words_print(to,
                    "no TSS is loaded (TR is 0), so there is no stack for ring 0: LTR is missing");
    else if (!read_linear(view, tr->base + (is_wide ? 4 : 2), is_wide ? (void *)wide : narrow,
                          is_wide ? 8 : 4))
        words_print(to, "the TSS at %#x can't be read", tr->base);
    else
        words_print(to, "SS0:ESP0 of the TSS is %#x:%#x: there is no stack for ring 0",
                    is_wide ? wide[1] & 0xffff : narrow[1], is_wide ? wide[0] : narrow[0]);
}

/* ---- instructions that a control register forbids ---- */

/* #UD of SSE and MMX, #NM of x87. Intel SDM vol. 3, sections 2.5, 13.1. */
static const char *forbidden(const struct fault_view *view, unsigned vector)
{
    uint32_t cr0 = view->state->cr0, cr4 = view->state->cr4;
    struct instruction instruction;
    const uint8_t *bytes = instruction.bytes;
    bool is_x87, is_media, is_sse;

    instruction_read(view, &instruction);
    is_x87 = (bytes[0] & 0xf8) == 0xd8 || bytes[0] == 0x9b;
    is_media = bytes[0] == 0x0f && ((bytes[1] >= 0x60 && bytes[1] <= 0x7f) || bytes[1] >= 0xd0 ||
                                    bytes[1] == 0x38 || bytes[1] == 0x3a);
    is_sse = bytes[0] == 0x0f &&
             ((is_media && (instruction.has_66 || instruction.has_repeat)) ||
              (bytes[1] >= 0x10 && bytes[1] <= 0x17) || (bytes[1] >= 0x28 && bytes[1] <= 0x2f) ||
              (bytes[1] >= 0x50 && bytes[1] <= 0x5f) || bytes[1] == 0xc2 || bytes[1] == 0xc6);
    if (vector == VECTOR_UD && is_sse && !(cr4 & CR4_OSFXSR))
        return "an SSE instruction, and CR4.OSFXSR is 0: set it, or compile with -mno-sse";
    if (vector == VECTOR_UD && (is_sse || is_media) && (cr0 & CR0_EM))
        return "an SSE or MMX instruction, and CR0.EM is 1: clear it, or compile with -mno-sse "
               "-mno-mmx";
    if (vector == VECTOR_NM && is_x87 && (cr0 & CR0_EM))
        return "an x87 instruction, and CR0.EM is 1: clear it, or compile with -mno-80387";
    if (vector == VECTOR_NM && (cr0 & CR0_TS))
        return "the FPU is used, and CR0.TS is 1: CLTS clears it";
    return NULL;
}

/* ---- page faults ---- */

/* Whether the instruction before EIP has loaded CR0 or CR3; it is read where it was before, too,
 * since now its page may have gone. */
static bool follows_paging(const struct fault_view *view)
{
    uint32_t at = view->state->segment[CPU_CS].base + view->state->eip - 3;
    uint8_t bytes[3];

    return (read_linear(view, at, bytes, 3) || memory_read(view->memory, at, bytes, 3)) &&
           bytes[0] == 0x0f && bytes[1] == 0x22 &&
           ((bytes[2] & 0xf8) == 0xc0 || (bytes[2] & 0xf8) == 0xd8);
}

static void tell_page_fault(struct words *to, const struct fault_view *view, uint32_t error)
{
    const struct cpu_state *state = view->state;
    uint32_t eip = state->segment[CPU_CS].base + state->eip;

    if (state->cr2 == eip || error & 16) {
        if (state->cr2 == eip && !(error & 1) && follows_paging(view))
            words_print(to, "EIP's own page has no entry in the directory just loaded (CR3 %#x)",
                        state->cr3);
        else
            words_print(to, "the next instruction is not mapped");
    } else {
        words_print(to, "a %s %s %s", error & 2 ? "write to" : "read of",
                    error & 1 ? "a protected page" : "a page that is not present",
                    error & 4 ? "by user code" : "by supervisor code");
    }
    words_print(to, ": ");
    walk_tell(to, view->memory, state, state->cr2, error);
}

/* ---- the two questions ---- */

void fault_words_tell(struct words *to, const struct fault_view *view, unsigned vector,
                      uint32_t error, const char *separator)
{
    struct instruction instruction;
    const char *why;
    enum target target;

    if (vector == VECTOR_PF) {
        words_print(to, "%s", separator);
        tell_page_fault(to, view, error);
    } else if (vector == VECTOR_UD || vector == VECTOR_NM) {
        why = forbidden(view, vector);
        words_print(to, "%s%s", why ? separator : "", why ? why : "");
    } else if (vector == VECTOR_GP && error == 0) {
        gp_words_tell(to, view, separator);
    } else if (vector >= VECTOR_TS && vector <= VECTOR_GP && error & 0xfffe) {
        words_print(to, "%s", separator);
        instruction_read(view, &instruction);
        target = find_target(&instruction);
        if (error & ERROR_IDT)
            tell_gate(to, view, error);
        else if (target == LOADS_BY_IRET)
            tell_iret(to, view, error);
        else
            tell_selector(to, view, "selector", error, target, cpl_of(view->state));
    }
}

void fault_words_undelivered(struct words *to, const struct fault_view *view, unsigned vector,
                             uint32_t error, uint32_t cr2)
{
    const struct cpu_state *state = view->state;
    uint32_t selector = error & 0xfffc;

    if (vector == VECTOR_PF) {
        words_print(to, "%s at %#x is %s: ",
                    cr2 - state->idtr.base <= state->idtr.limit   ? "the IDT"
                    : cr2 - state->gdtr.base <= state->gdtr.limit ? "the GDT"
                                                                  : "the stack",
                    cr2, error & 1 ? "protected" : "not mapped");
        walk_tell(to, view->memory, state, cr2, error);
    } else if (error & ERROR_IDT && vector >= VECTOR_TS) {
        tell_gate(to, view, error);
    } else if (vector == VECTOR_TS && !selector) {
        tell_no_stack(to, view);
    } else if (vector == VECTOR_GP && !selector) {
        words_print(to, "its gate's selector is 0, or its offset is beyond its segment's limit");
    } else if (vector == VECTOR_SS && !selector) {
        words_print(to, "its stack has no room (esp %#x)", state->gpr[CPU_ESP]);
    } else if (vector == VECTOR_SS || vector == VECTOR_TS) {
        tell_selector(to, view, "the stack's selector", error, LOADS_SS, 0);
    } else if (vector == VECTOR_NP || vector == VECTOR_GP) {
        tell_selector(to, view, "its handler's selector", error, LOADS_CS, 0);
    } else {
        words_print(to, "%s", arch_exception_name(vector));
    }
}
