/*
 * The table of registers. The x87 registers that gdb has 32 bits for have 16 in the processor.
 */
#include "registers.h"

#include "cpu/arch.h"

#include <string.h>

/* ---- those that need care ---- */

/* Flags that a debugger may change: not VM, with which all segments would change their meaning. */
#define EFLAGS_WRITABLE UINT32_C(0x00247fd5)

static bool put_eflags(struct registers *registers, const struct memory *memory, unsigned which,
                       uint32_t value)
{
    uint32_t *eflags = &registers->state.eflags;

    (void)memory;
    (void)which;
    *eflags = (*eflags & ~EFLAGS_WRITABLE) | (value & EFLAGS_WRITABLE);
    return true;
}

static bool is_real(const struct cpu_state *state)
{
    return !(state->cr0 & CR0_PE) || (state->eflags & EFLAGS_VM);
}

/* The segment that a selector names in the GDT or LDT: Intel SDM vol. 3, figure 3-8. */
static bool find_segment(const struct cpu_state *state, const struct memory *memory,
                         uint16_t selector, struct cpu_segment *segment)
{
    struct cpu_table table = {state->ldtr.base, (uint16_t)state->ldtr.limit};
    uint32_t low = 0, high = 0, at = selector & ~7u;

    if (!(selector & 4))
        table = state->gdtr;
    if (at + 7 > table.limit || arch_read_linear(state, memory, table.base + at, &low, 4) < 4 ||
        arch_read_linear(state, memory, table.base + at + 4, &high, 4) < 4)
        return false;
    *segment = (struct cpu_segment){
        .base = low >> 16 | (high & 0xff) << 16 | (high & UINT32_C(0xff000000)),
        .limit = (low & 0xffff) | (high & 0xf0000),
        .selector = selector,
        .attributes = (uint16_t)(high >> 8 & 0xf0ff),
    };
    if (segment->attributes & SEGMENT_G)
        segment->limit = segment->limit << 12 | 0xfff;
    return (segment->attributes & SEGMENT_P) && (segment->attributes & SEGMENT_S);
}

/* As the processor would load it, but for its checks of privilege. */
static bool put_selector(struct registers *registers, const struct memory *memory, unsigned which,
                         uint32_t value)
{
    struct cpu_state *state = &registers->state;
    struct cpu_segment *segment = &state->segment[which], found = {.selector = (uint16_t)value};
    bool is_code = which == CPU_CS;

    if (value == segment->selector)
        return true;
    if (value > UINT16_MAX)
        return false;
    if (is_real(state)) {
        segment->selector = (uint16_t)value;
        segment->base = value << 4;
        return true;
    }
    if (value >= 4 && !find_segment(state, memory, (uint16_t)value, &found))
        return false;
    if ((is_code || which == CPU_SS) &&
        (value < 4 || is_code != !!(found.attributes & 8) ||
         SEGMENT_DPL(found.attributes) != SEGMENT_DPL(state->segment[CPU_SS].attributes)))
        return false; /* code is code, a stack data, of the present privilege */
    *segment = found;
    return true;
}

/* Paging without protection is no mode of the processor, nor is protection turned on or off here:
 * it is the next jump that makes it so. */
static bool put_cr0(struct registers *registers, const struct memory *memory, unsigned which,
                    uint32_t value)
{
    (void)memory;
    (void)which;
    if ((value ^ registers->state.cr0) & CR0_PE || ((value & CR0_PG) && !(value & CR0_PE)))
        return false;
    registers->state.cr0 = value | CR0_ET;
    return true;
}

/* What can only be read: it follows from what the guest loads. */
static bool put_nothing(struct registers *registers, const struct memory *memory, unsigned which,
                        uint32_t value)
{
    (void)registers;
    (void)memory;
    (void)which;
    (void)value;
    return false;
}

/* ---- the table ---- */

#define STATE(member) \
    offsetof(struct registers, state.member), sizeof(((struct registers *)0)->state.member)
#define FPU(member) \
    offsetof(struct registers, fpu.member), sizeof(((struct registers *)0)->fpu.member)

#define GPR(name, which)                                     \
    {                                                        \
        name, REGISTERS_CORE, 32, STATE(gpr[which]), NULL, 0 \
    }
#define SELECTOR(name, which)                                                         \
    {                                                                                 \
        name, REGISTERS_CORE, 32, STATE(segment[which].selector), put_selector, which \
    }
#define BASE(name, which)                                                      \
    {                                                                          \
        name, REGISTERS_SYSTEM, 32, STATE(segment[which].base), put_nothing, 0 \
    }
#define ST(name, which)                                  \
    {                                                    \
        name, REGISTERS_X87, 80, FPU(st[which]), NULL, 0 \
    }
#define X87(name, member)                             \
    {                                                 \
        name, REGISTERS_X87, 32, FPU(member), NULL, 0 \
    }
#define XMM(name, which)                                   \
    {                                                      \
        name, REGISTERS_SSE, 128, FPU(xmm[which]), NULL, 0 \
    }
#define SYSTEM(name, member)                               \
    {                                                      \
        name, REGISTERS_SYSTEM, 32, STATE(member), NULL, 0 \
    }
#define SHOWN(name, member)                                       \
    {                                                             \
        name, REGISTERS_SYSTEM, 32, STATE(member), put_nothing, 0 \
    }

const struct register_row register_rows[] = {
    GPR("eax", CPU_EAX),
    GPR("ecx", CPU_ECX),
    GPR("edx", CPU_EDX),
    GPR("ebx", CPU_EBX),
    GPR("esp", CPU_ESP),
    GPR("ebp", CPU_EBP),
    GPR("esi", CPU_ESI),
    GPR("edi", CPU_EDI),
    {"eip", REGISTERS_CORE, 32, STATE(eip), NULL, 0},
    {"eflags", REGISTERS_CORE, 32, STATE(eflags), put_eflags, 0},
    SELECTOR("cs", CPU_CS),
    SELECTOR("ss", CPU_SS),
    SELECTOR("ds", CPU_DS),
    SELECTOR("es", CPU_ES),
    SELECTOR("fs", CPU_FS),
    SELECTOR("gs", CPU_GS),
    ST("st0", 0),
    ST("st1", 1),
    ST("st2", 2),
    ST("st3", 3),
    ST("st4", 4),
    ST("st5", 5),
    ST("st6", 6),
    ST("st7", 7),
    X87("fctrl", control),
    X87("fstat", status),
    X87("ftag", valid),
    X87("fiseg", code_selector),
    X87("fioff", code_offset),
    X87("foseg", data_selector),
    X87("fooff", data_offset),
    X87("fop", opcode),
    XMM("xmm0", 0),
    XMM("xmm1", 1),
    XMM("xmm2", 2),
    XMM("xmm3", 3),
    XMM("xmm4", 4),
    XMM("xmm5", 5),
    XMM("xmm6", 6),
    XMM("xmm7", 7),
    {"mxcsr", REGISTERS_SSE, 32, FPU(mxcsr), NULL, 0},
    {"cr0", REGISTERS_SYSTEM, 32, STATE(cr0), put_cr0, 0},
    SYSTEM("cr2", cr2),
    SYSTEM("cr3", cr3),
    SHOWN("cr4", cr4),
    BASE("cs_base", CPU_CS),
    BASE("ss_base", CPU_SS),
    BASE("ds_base", CPU_DS),
    BASE("es_base", CPU_ES),
    BASE("fs_base", CPU_FS),
    BASE("gs_base", CPU_GS),
    SHOWN("gdt_base", gdtr.base),
    SHOWN("gdt_limit", gdtr.limit),
    SHOWN("idt_base", idtr.base),
    SHOWN("idt_limit", idtr.limit),
    SHOWN("ldtr", ldtr.selector),
    SHOWN("tr", tr.selector),
    SHOWN("dr6", dr[6]),
    SHOWN("dr7", dr[7]),
};

const unsigned register_count = sizeof(register_rows) / sizeof(register_rows[0]);

int register_find(const char *name, size_t length)
{
    for (unsigned i = 0; i < register_count; i++) {
        if (strlen(register_rows[i].name) == length &&
            memcmp(register_rows[i].name, name, length) == 0)
            return (int)i;
    }
    return -1;
}

/* ---- the tag word ---- */

/* gdb wants FSAVE's: two bits a register by what it holds, of which 3 is "empty" (Intel SDM vol. 1,
 * figure 8-7). What is kept is FXSAVE's, a bit that says whether there is anything. */
static bool is_tag(const struct register_row *row)
{
    return row->at == offsetof(struct registers, fpu.valid);
}

static uint32_t full_tag(uint8_t valid)
{
    uint32_t tag = 0;

    for (unsigned i = 0; i < 8; i++)
        tag |= valid >> i & 1 ? 0 : 3u << 2 * i;
    return tag;
}

static uint8_t short_tag(uint32_t tag)
{
    uint8_t valid = 0;

    for (unsigned i = 0; i < 8; i++)
        valid |= (uint8_t)(((tag >> 2 * i & 3) != 3) << i);
    return valid;
}

/* ---- reading and writing ---- */

static uint32_t number_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

void register_get(const struct registers *registers, unsigned number, uint8_t *to)
{
    const struct register_row *row = &register_rows[number];

    memset(to, 0, row->bits / 8);
    memcpy(to, (const uint8_t *)registers + row->at, row->bytes);
    if (is_tag(row)) {
        uint32_t tag = full_tag(registers->fpu.valid);
        to[0] = (uint8_t)tag;
        to[1] = (uint8_t)(tag >> 8);
    }
}

bool register_put(struct registers *registers, const struct memory *memory, unsigned number,
                  const uint8_t *from)
{
    const struct register_row *row = &register_rows[number];
    uint8_t now[REGISTER_BYTES_MAX];

    register_get(registers, number, now);
    if (memcmp(now, from, row->bits / 8) == 0)
        return true; /* what can't be changed may be written back */
    if (row->put)
        return row->put(registers, memory, row->which, number_at(from));
    if (is_tag(row))
        registers->fpu.valid = short_tag(number_at(from));
    else
        memcpy((uint8_t *)registers + row->at, from, row->bytes);
    return true;
}
