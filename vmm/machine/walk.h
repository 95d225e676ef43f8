/*
 * The walk through the page tables in words: which entry does not allow an access, and where it is.
 */
#ifndef VMM_MACHINE_WALK_H
#define VMM_MACHINE_WALK_H

#include "base/memory.h"
#include "base/words.h"
#include "cpu/cpu.h"

/*
 * Says why an access to a linear address faulted, "PDE 0x48 at 0x105120 is not present", or how it
 * is mapped if the tables allow it now. `error` is the page fault's error code (Intel SDM vol. 3,
 * figure 4-12), which says what the access was.
 */
void walk_tell(struct words *to, const struct memory *memory, const struct cpu_state *state,
               uint32_t linear, uint32_t error);

#endif
