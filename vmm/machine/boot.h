/*
 * What the machine does before a guest's first instruction: the code and tables of boot/ placed in
 * guest memory, the PIC and PIT as a BIOS leaves them, the CPU's start state.
 */
#ifndef VMM_MACHINE_BOOT_H
#define VMM_MACHINE_BOOT_H

#include "base/bus.h"
#include "base/memory.h"
#include "cpu/cpu.h"
#include "load/image.h"

/* Prepares memory and chips for a loaded image and fills in the state its CPU starts with. */
void boot_prepare(const struct image *image, const struct memory *memory, struct bus *ports,
                  struct cpu_state *state);

#endif
