/*
 * The CPU engines this program was built with, and the choice among them.
 */
#ifndef VMM_ENGINE_ENGINE_H
#define VMM_ENGINE_ENGINE_H

#include "cpu/cpu.h"

struct engine {
    const char *name; /* as in --cpu NAME */
    const struct cpu_ops *ops;
    struct cpu *(*create)(const struct memory *memory, char *why, size_t why_size);
    bool needs_probe; /* it may be there and yet not work */
};

/* Whether time is counted in instructions, so that a run is repeatable. */
static inline bool engine_counts_time(const struct engine *engine)
{
    return engine->ops->ns_per_instruction != 0;
}

/* All engines, the fastest first; ends with one whose name is NULL. */
extern const struct engine engines[];

/*
 * The engine for --cpu NAME. "auto" is the first that works here; where that is not the first of
 * all, `note` says which was passed over and why (else it is empty). Any other name is taken at its
 * word. Returns NULL, with one sentence in `note`, when there is none.
 */
const struct engine *engine_choose(const char *name, char *note, size_t note_size);

#endif
