/*
 * libFuzzer target: the software CPU on whatever bytes come. The first byte chooses the mode, the
 * rest is the guest's memory from address 0 on; execution starts in its middle. Any report is a bug
 * of the VMM. The CPU is kept from one input to the next: its caches must cope with that too.
 */
#include "cpu/arch.h"
#include "cpu/soft/soft.h"

#include <stdlib.h>
#include <string.h>

#define INSTRUCTIONS 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct memory memory;
    static struct cpu *cpu;
    struct cpu_state state;
    char why[160];
    uint64_t end;
    uint32_t start;
    bool over = false;

    if (size < 2 || size > MEMORY_MIN)
        return 0;
    if (!memory.base && memory_init(&memory, MEMORY_MIN) < 0)
        abort();
    memset(memory.base, 0, 0x10000);
    memory_write(&memory, 0, data + 1, size - 1);
    start = (uint32_t)(size / 2);
    if (!cpu)
        cpu = cpu_soft_create(&memory, why, sizeof(why));
    if (!cpu)
        abort();
    end = cpu->ops->now(cpu) + INSTRUCTIONS * cpu->ops->ns_per_instruction;
    if (data[0] & 1) {
        arch_flat_protected(&state, start, start, (struct cpu_table){0, 0xff},
                            (struct cpu_table){0, 0x1ff});
        if (data[0] & 2)
            state.cr0 |= CR0_PG;
        if (data[0] & 4)
            state.segment[CPU_CS].attributes &= (uint16_t)~SEGMENT_DB;
    } else {
        arch_real_mode(&state, 0, (uint16_t)start, 0x8000);
    }
    if (data[0] & 8)
        state.eflags |= EFLAGS_TF;
    if (data[0] & 16)
        state.cr4 = CR4_PSE | 0x600;
    cpu_soft_set_stepping(cpu, data[0] & 32);
    cpu->ops->set_state(cpu, &state);
    while (!over && cpu->ops->now(cpu) < end) {
        switch (cpu_run(cpu, end)) {
        case CPU_STOP_HALTED:
        case CPU_STOP_SHUTDOWN:
        case CPU_STOP_FAILED:
            over = true;
            break;
        default:
            break;
        }
    }
    return 0;
}
