/*
 * The library: a machine, and a queue of what is typed to it.
 */
#include "libvmm.h"

#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MEMORY (UINT64_C(64) << 20)

/* What the guest's real-time clock shows at its start: 2000-01-01 00:00:00. */
#define EPOCH INT64_C(946684800)

struct queue {
    struct inbox_event *events;
    size_t first, count, room;
};

struct vmm {
    struct machine *machine;
    struct vmm_config config;
    struct queue queue[INBOX_RINGS];
};

static int read_image(void *files, const char *path, uint64_t limit, uint8_t **bytes, size_t *size)
{
    const struct vmm_config *config = files;

    (void)path;
    if (config->image_size > limit)
        return -EFBIG;
    *bytes = malloc(config->image_size + 1);
    if (!*bytes)
        return -ENOMEM;
    memcpy(*bytes, config->image, config->image_size);
    *size = config->image_size;
    return 0;
}

static void print(void *owner, const uint8_t *bytes, size_t count)
{
    const struct vmm_config *config = &((struct vmm *)owner)->config;

    if (config->print)
        config->print(config->owner, bytes, count);
}

static void warn(void *owner, const char *text)
{
    const struct vmm_config *config = &((struct vmm *)owner)->config;

    if (config->warn)
        config->warn(config->owner, text);
}

static bool take(struct inbox *inbox, enum inbox_ring ring, struct inbox_event *event)
{
    struct queue *queue = &((struct vmm *)(void *)inbox)->queue[ring];

    if (queue->count == 0)
        return false;
    *event = queue->events[queue->first++];
    queue->count--;
    return true;
}

static bool post(struct vmm *vmm, enum inbox_ring ring, struct inbox_event event)
{
    struct queue *queue = &vmm->queue[ring];

    if (queue->count > 0 && queue->first >= queue->count) { /* half of the room is free */
        memcpy(queue->events, queue->events + queue->first, queue->count * sizeof(event));
        queue->first = 0;
    } else if (queue->count == 0) {
        queue->first = 0;
    }
    if (queue->first + queue->count == queue->room) {
        size_t room = 2 * queue->room + 64;
        struct inbox_event *grown = realloc(queue->events, room * sizeof(*grown));
        if (!grown)
            return false;
        queue->events = grown;
        queue->room = room;
    }
    queue->events[queue->first + queue->count++] = event;
    machine_input_came(vmm->machine);
    return true;
}

struct vmm *vmm_new(const struct vmm_config *config, char *error, size_t error_size)
{
    struct vmm *vmm = calloc(1, sizeof(*vmm));
    struct machine_config machine = {
        .image = {.path = config->name ? config->name : "image",
                  .read = read_image,
                  .command_line = config->command_line},
        .memory_size = config->memory_size ? config->memory_size : DEFAULT_MEMORY,
        .make_cpu = cpu_soft_create,
        .timeout = CLOCK_NEVER,
        .epoch = EPOCH,
        .take = take,
        .inbox = (struct inbox *)(void *)vmm,
        .print = print,
        .warn = warn,
        .owner = vmm,
    };

    if (machine.memory_size < MEMORY_MIN || machine.memory_size > MEMORY_MAX) {
        snprintf(error, error_size, "a machine has 1 MiB to 3.5 GiB of RAM");
        free(vmm);
        return NULL;
    }
    if (!vmm) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    vmm->config = *config;
    machine.image.files = &vmm->config;
    vmm->machine = machine_create(&machine, error, error_size);
    vmm->config.image = NULL;
    if (!vmm->machine) {
        vmm_free(vmm);
        return NULL;
    }
    return vmm;
}

void vmm_free(struct vmm *vmm)
{
    if (!vmm)
        return;
    if (vmm->machine)
        machine_destroy(vmm->machine);
    for (unsigned ring = 0; ring < INBOX_RINGS; ring++)
        free(vmm->queue[ring].events);
    free(vmm);
}

/* Lets time pass while the guest is idle; false if nothing but input can wake it. */
static bool wait(struct machine *machine, const struct machine_pause *pause)
{
    uint64_t deadline;

    machine->pause = NULL; /* which is no reason to wake */
    deadline = machine_deadline(machine);
    machine->pause = pause;
    if (deadline == CLOCK_NEVER && pause->time != CLOCK_NEVER)
        machine_skip_to(machine, pause->time);
    else if (deadline != CLOCK_NEVER)
        machine_skip_to(machine, deadline < pause->time ? deadline : pause->time);
    return deadline != CLOCK_NEVER;
}

enum vmm_state vmm_run(struct vmm *vmm, uint64_t ns)
{
    struct machine *machine = vmm->machine;
    uint64_t end = vmm_now(vmm) + ns;
    struct machine_pause pause = {.time = end < ns ? CLOCK_NEVER : end, .instructions = UINT64_MAX};
    enum machine_stop stop;

    if (machine->outcome.end != END_NONE)
        return VMM_ENDED;
    machine_begin(machine, &pause);
    do {
        stop = machine_advance(machine, CLOCK_NEVER);
        if (stop == MACHINE_IDLE && !wait(machine, &pause))
            return VMM_WAITING;
    } while (stop == MACHINE_IDLE || stop == MACHINE_RUNNING);
    return stop == MACHINE_ENDED ? VMM_ENDED : VMM_RUNNING;
}

bool vmm_type(struct vmm *vmm, uint8_t byte)
{
    return post(vmm, INBOX_SERIAL, (struct inbox_event){.code = byte});
}

bool vmm_key(struct vmm *vmm, uint16_t code, bool down)
{
    return post(vmm, INBOX_KEYBOARD, (struct inbox_event){.code = code, .down = down});
}

uint64_t vmm_now(const struct vmm *vmm)
{
    return clock_now(&vmm->machine->clock);
}

uint64_t vmm_instructions(const struct vmm *vmm)
{
    return vmm->machine->cpu->ops->instructions(vmm->machine->cpu);
}

int vmm_status(const struct vmm *vmm)
{
    return vmm->machine->outcome.status;
}

const char *vmm_text(const struct vmm *vmm)
{
    return vmm->machine->outcome.text;
}

bool vmm_read(const struct vmm *vmm, uint64_t address, void *to, size_t size)
{
    return memory_read(&vmm->machine->memory, address, to, size);
}
