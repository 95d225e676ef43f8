/*
 * What the machine does before a guest's first instruction: the code and tables of boot/ placed in
 * guest memory, the PIC and PIT as a BIOS leaves them, the CPU's start state. All of it in order,
 * or as real hardware leaves it to a kernel, with rubbish wherever nobody promises anything.
 */
#ifndef VMM_MACHINE_BOOT_H
#define VMM_MACHINE_BOOT_H

#include "base/memory.h"
#include "cpu/cpu.h"

#include <stdbool.h>

struct bios_registers;
struct machine;

/* --start, --seed. */
struct boot_start {
    bool is_real;  /* as real hardware leaves it */
    uint64_t seed; /* of the rubbish: the same one, the same bytes */
};

/*
 * Fills RAM with rubbish, before an image is loaded. Three places are what firmware has in order on
 * a real machine, and stay as they are: the vectors and the BIOS's data area, up to 0x500, and
 * video memory. What is at an address follows from that and the seed alone.
 */
void boot_fill(const struct memory *memory, uint64_t seed);

/* Prepares memory and chips for the image that the machine has loaded, as its configuration says,
 * and fills in the state its CPU starts with. */
void boot_prepare(struct machine *machine, struct cpu_state *state);

/* The BIOS has done its part, and a boot sector begins, with these registers; owner: the machine.
 */
void boot_leave_bios(void *owner, struct bios_registers *registers);

/* Whether the `count` bytes at a physical address are those of its tables, as they were placed. */
bool boot_is_table(uint64_t physical, const uint8_t *bytes, uint32_t count);

/* Whether this is where a guest's entry point returns to, which nothing of the guest has called. */
bool boot_is_return(const struct memory *memory, uint32_t address);

#endif
