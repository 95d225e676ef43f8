/*
 * The code as it was loaded, kept to be compared with what is there when the guest dies: code that
 * was overwritten explains what is executed in its place.
 */
#include "internal.h"

#include "cpu/arch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_MAX (UINT32_C(16) << 20) /* bytes; of more nothing is kept */
/* What is compared at a place: what led to it, and what follows. */
#define BEFORE 16
#define BEHIND 8

void loaded_code_keep(struct machine *machine)
{
    const struct image *image = &machine->image;
    uint32_t size = image->code_highest - image->code_lowest;
    const uint8_t *code = memory_at(&machine->memory, image->code_lowest, size);

    if (size == 0 || size > KEPT_MAX || !code)
        return;
    machine->loaded_code = malloc(size); /* without memory, less is known at the end */
    if (machine->loaded_code)
        memcpy(machine->loaded_code, code, size);
}

/* The first byte of code in [from, to), linear, that is not as it was loaded; false: none is. */
static bool find_overwritten(const struct machine *machine, const struct cpu_state *state,
                             uint32_t from, uint32_t to, uint32_t *where)
{
    const struct image *image = &machine->image;
    uint64_t physical;
    uint8_t now;

    for (*where = from; machine->loaded_code && *where != to; (*where)++) {
        if (arch_translate(state, &machine->memory, *where, &physical) &&
            physical >= image->code_lowest && physical < image->code_highest &&
            memory_read(&machine->memory, physical, &now, 1) &&
            now != machine->loaded_code[physical - image->code_lowest])
            return true;
    }
    return false;
}

const char *machine_put_overwritten(const struct machine *machine, const struct cpu_state *state,
                                    uint32_t linear, char *to, size_t size)
{
    uint32_t where;

    to[0] = '\0';
    if (find_overwritten(machine, state, linear - BEFORE, linear + BEHIND, &where))
        snprintf(to, size, "; the code at %#x was overwritten: it is not what was loaded", where);
    return to;
}
