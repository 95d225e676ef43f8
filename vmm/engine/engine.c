/*
 * The table of engines and the choice for --cpu.
 */
#include "engine.h"

#include "probe.h"

#include <stdio.h>
#include <string.h>

const struct engine engines[] = {
#ifdef CPU_HAS_KVM
    {"kvm", &cpu_kvm_ops, cpu_kvm_create, true},
#endif
    {"soft", &cpu_soft_ops, cpu_soft_create, false},
    {NULL, NULL, NULL, false},
};

static const struct engine *choose_working(char *note, size_t note_size)
{
    const struct engine *passed_over = NULL;

    for (const struct engine *engine = engines; engine->name; engine++) {
        struct probe probe = {.works = true};
        if (engine->needs_probe)
            probe_run(&probe, engine->create);
        if (probe.works) {
            if (passed_over)
                snprintf(note, note_size,
                         "%s does not work here ('vmm probe' says why); using --cpu %s",
                         passed_over->name, engine->name);
            return engine;
        }
        passed_over = engine;
        snprintf(note, note_size, "no CPU engine works here; %s: %.160s", engine->name, probe.why);
    }
    return NULL;
}

const struct engine *engine_choose(const char *name, char *note, size_t note_size)
{
    size_t used;

    note[0] = '\0';
    if (strcmp(name, "auto") == 0)
        return choose_working(note, note_size);
    for (const struct engine *engine = engines; engine->name; engine++) {
        if (strcmp(engine->name, name) == 0)
            return engine;
    }
    used = (size_t)snprintf(note, note_size, "--cpu %.40s: no such engine; there are auto", name);
    for (const struct engine *engine = engines; engine->name && used < note_size; engine++)
        used += (size_t)snprintf(note + used, note_size - used, ", %s", engine->name);
    return NULL;
}
