/*
 * Register-state templates, page-table walk and exception names. Intel SDM volume 3, chapters 3,
 * 4, 6 and 9.
 */
#include "arch.h"

#include <string.h>

#define CODE_FLAT UINT16_C(0xc09b) /* G, D, present, code, readable, accessed */
#define DATA_FLAT UINT16_C(0xc093) /* G, B, present, data, writable, accessed */
#define CODE_REAL UINT16_C(0x009b)
#define DATA_REAL UINT16_C(0x0093)
#define TSS_BUSY  UINT16_C(0x008b)
#define LDT       UINT16_C(0x0082)

/* What reset leaves in registers that no template sets: Intel SDM vol. 3, table 9-1. */
static void reset(struct cpu_state *state)
{
    memset(state, 0, sizeof(*state));
    state->eflags = EFLAGS_RESERVED;
    state->cr0 = CR0_ET;
    state->ldtr = (struct cpu_segment){.limit = 0xffff, .attributes = LDT};
    state->tr = (struct cpu_segment){.limit = 0xffff, .attributes = TSS_BUSY};
    state->dr[6] = UINT32_C(0xffff0ff0);
    state->dr[7] = UINT32_C(0x00000400);
}

void arch_real_mode(struct cpu_state *state, uint16_t segment, uint16_t ip, uint16_t sp)
{
    reset(state);
    for (unsigned i = 0; i < CPU_SEGMENTS; i++) {
        state->segment[i] = (struct cpu_segment){
            .base = (uint32_t)segment << 4,
            .limit = 0xffff,
            .selector = segment,
            .attributes = i == CPU_CS ? CODE_REAL : DATA_REAL,
        };
    }
    state->idtr = (struct cpu_table){.base = 0, .limit = 0x3ff};
    state->gdtr = (struct cpu_table){.base = 0, .limit = 0xffff};
    state->eip = ip;
    state->gpr[CPU_ESP] = sp;
}

void arch_flat_protected(struct cpu_state *state, uint32_t eip, uint32_t esp, struct cpu_table gdtr,
                         struct cpu_table idtr)
{
    reset(state);
    state->cr0 |= CR0_PE;
    state->ldtr = (struct cpu_segment){.attributes = 0};
    for (unsigned i = 0; i < CPU_SEGMENTS; i++) {
        state->segment[i] = (struct cpu_segment){
            .limit = UINT32_MAX,
            .selector = i == CPU_CS ? 0x08 : 0x10,
            .attributes = i == CPU_CS ? CODE_FLAT : DATA_FLAT,
        };
    }
    state->gdtr = gdtr;
    state->idtr = idtr;
    state->eip = eip;
    state->gpr[CPU_ESP] = esp;
}

#define PTE_P  UINT32_C(0x001)
#define PDE_PS UINT32_C(0x080)

bool arch_translate(const struct cpu_state *state, const struct memory *memory, uint32_t linear,
                    uint64_t *physical)
{
    uint32_t pde, pte;

    if (!(state->cr0 & CR0_PG)) {
        *physical = memory_wire(memory, linear);
        return true;
    }
    if (!memory_read(memory,
                     memory_wire(memory, (state->cr3 & ~UINT32_C(0xfff)) + (linear >> 22) * 4),
                     &pde, 4) ||
        !(pde & PTE_P))
        return false;
    if ((pde & PDE_PS) && (state->cr4 & CR4_PSE)) {
        /* PSE-36: bits 13-16 are physical address bits 32-35. */
        *physical =
            memory_wire(memory, (uint64_t)(pde >> 13 & 0xf) << 32 | (pde & UINT32_C(0xffc00000)) |
                                    (linear & UINT32_C(0x003fffff)));
        return true;
    }
    if (!memory_read(memory,
                     memory_wire(memory, (pde & ~UINT32_C(0xfff)) + (linear >> 12 & 0x3ff) * 4),
                     &pte, 4) ||
        !(pte & PTE_P))
        return false;
    *physical = memory_wire(memory, (pte & ~UINT32_C(0xfff)) | (linear & UINT32_C(0xfff)));
    return true;
}

size_t arch_read_linear(const struct cpu_state *state, const struct memory *memory, uint32_t linear,
                        void *to, size_t length)
{
    size_t done;
    uint64_t physical;

    for (done = 0; done < length; done++) {
        if (!arch_translate(state, memory, linear + (uint32_t)done, &physical) ||
            !memory_read(memory, physical, (uint8_t *)to + done, 1))
            break;
    }
    return done;
}

size_t arch_write_linear(const struct cpu_state *state, const struct memory *memory,
                         uint32_t linear, const void *from, size_t length)
{
    size_t done;
    uint64_t physical;

    for (done = 0; done < length; done++) {
        if (!arch_translate(state, memory, linear + (uint32_t)done, &physical) ||
            !memory_write(memory, physical, (const uint8_t *)from + done, 1))
            break;
    }
    return done;
}

bool arch_handler(const struct cpu_state *state, const struct memory *memory, unsigned vector,
                  uint32_t *address)
{
    bool real = !(state->cr0 & CR0_PE);
    uint32_t size = real ? 4 : 8;
    uint16_t gate[4] = {0};

    if (vector * size + size - 1 > state->idtr.limit ||
        arch_read_linear(state, memory, state->idtr.base + vector * size, gate, size) < size)
        return false;
    *address = real ? gate[1] * 16u + gate[0] : (uint32_t)gate[3] << 16 | gate[0];
    /* Present, and an interrupt or trap gate. */
    return real || ((gate[2] & 0x8000) && (gate[2] & 0x1600) == 0x0600);
}

/* Intel SDM vol. 3, table 6-1. */
static const char *const exception_names[32] = {
    [0] = "#DE divide error",
    [1] = "#DB debug exception",
    [2] = "non-maskable interrupt",
    [3] = "#BP breakpoint",
    [4] = "#OF overflow",
    [5] = "#BR bound range exceeded",
    [6] = "#UD invalid opcode",
    [7] = "#NM device not available",
    [8] = "#DF double fault",
    [9] = "coprocessor segment overrun",
    [10] = "#TS invalid TSS",
    [11] = "#NP segment not present",
    [12] = "#SS stack-segment fault",
    [13] = "#GP general protection",
    [14] = "#PF page fault",
    [16] = "#MF x87 floating-point error",
    [17] = "#AC alignment check",
    [18] = "#MC machine check",
    [19] = "#XM SIMD floating-point exception",
    [20] = "#VE virtualization exception",
    [21] = "#CP control protection exception",
};

bool arch_is_reset(const struct cpu_state *state)
{
    return state->eip == 0xfff0 && state->segment[CPU_CS].selector == 0xf000;
}

const char *arch_exception_name(unsigned vector)
{
    return vector < 32 && exception_names[vector] ? exception_names[vector] : "reserved";
}
