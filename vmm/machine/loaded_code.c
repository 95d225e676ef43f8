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
#define AROUND   8                    /* bytes at a place that are compared */

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

bool machine_is_overwritten(const struct machine *machine, const struct cpu_state *state,
                            uint32_t linear, uint32_t count)
{
    const struct image *image = &machine->image;
    uint64_t physical;
    const uint8_t *now;

    if (!machine->loaded_code || !arch_translate(state, &machine->memory, linear, &physical) ||
        physical < image->code_lowest || physical >= image->code_highest)
        return false;
    if (count > image->code_highest - physical)
        count = (uint32_t)(image->code_highest - physical);
    now = memory_at(&machine->memory, physical, count);
    return now && memcmp(now, machine->loaded_code + (physical - image->code_lowest), count) != 0;
}

const char *machine_put_overwritten(const struct machine *machine, const struct cpu_state *state,
                                    uint32_t linear, char *to, size_t size)
{
    to[0] = '\0';
    if (machine_is_overwritten(machine, state, linear, AROUND))
        snprintf(to, size, "; the code at %#x was overwritten: it is not what was loaded", linear);
    return to;
}
