/*
 * Turns an observer's calls into events of a trace, and passes them to the rules of --strict.
 */
#include "watch.h"

#include "base/port_names.h"
#include "cpu/arch.h"
#include "machine/machine.h"
#include "machine/recent.h"
#include "mistakes.h"
#include "strict.h"

#include <stdio.h>
#include <stdlib.h>

struct watch {
    struct machine_observer observer; /* first: the machine's pointer is to this */
    struct machine *machine;
    struct watch_config config;
    struct trace *trace;   /* NULL: none */
    struct strict *strict; /* likewise */
    struct recent recent;
    /* By IRQ, when it was raised, and when taken; CLOCK_NEVER: it was not. */
    uint64_t raised_at[INTERRUPT_INPUTS_MAX], taken_at[INTERRUPT_INPUTS_MAX];
    uint64_t halted_at;
    uint32_t back; /* where the CPU was when an interrupt was acknowledged */
    unsigned irq;  /* which */
};

static void put(struct watch *watch, struct trace_event *event)
{
    if (event->time == 0)
        event->time = clock_now(&watch->machine->clock);
    trace_put(watch->trace, event);
}

static bool wants(const struct watch *watch, enum trace_category category)
{
    return watch->trace && trace_wants(watch->trace, category);
}

/* Puts an event of an instruction, with its symbol. */
static void put_at(struct watch *watch, struct trace_event *event, uint32_t eip)
{
    char place[160];

    event->eip = eip;
    if (machine_describe(watch->machine, eip, place, sizeof(place)))
        event->place = place;
    put(watch, event);
}

/* ---- interrupts ---- */

/* What keeps a request from the CPU. */
static const char *state_of_request(const struct machine *machine, unsigned irq)
{
    struct interrupt_input input = machine_input(machine, irq);
    struct cpu *cpu = machine->cpu;

    if (!machine->interrupts->is_enabled(machine->interrupt_chip, irq))
        return input.is_uninitialised ? "uninitialised" : "masked";
    if (input.held_by >= 0)
        return "held";
    return cpu->ops->interrupts_enabled(cpu) ? "open" : "if-clear";
}

static const char *words_of_eoi(uint8_t ocw2)
{
    static const char *const words[2][2] = {{"non-specific", "specific"},
                                            {"non-specific, rotates", "specific, rotates"}};

    return words[ocw2 >> 7][ocw2 >> 6 & 1];
}

static void put_irq(struct watch *watch, enum trace_kind kind, unsigned irq, uint64_t since,
                    uint8_t detail, const char *state)
{
    const struct machine *machine = watch->machine;
    unsigned pending, taken;
    struct trace_event event = {.kind = kind,
                                .since = since,
                                .irq = irq,
                                .vector = detail,
                                .value = detail,
                                .name = board_irq_device(irq),
                                .state = state};

    machine->interrupts->count(machine->interrupt_chip, &pending, &taken);
    event.pending = (uint8_t)pending;
    event.taken = (uint8_t)taken;
    put(watch, &event);
}

/* Traces requests and services of `count` inputs that end without INTA or EOI. */
static void forget(struct watch *watch, unsigned first, unsigned count, const char *how)
{
    for (unsigned irq = first; irq < first + count; irq++) {
        uint64_t *raised = &watch->raised_at[irq], *taken = &watch->taken_at[irq];
        if (*taken != CLOCK_NEVER)
            put_irq(watch, TRACE_FORGET, irq, *taken, 0, how);
        else if (*raised != CLOCK_NEVER)
            put_irq(watch, TRACE_FORGET, irq, *raised, 0, how);
        *raised = *taken = CLOCK_NEVER;
    }
}

static void trace_interrupt(struct watch *watch, enum interrupt_event event, unsigned irq,
                            uint8_t detail)
{
    struct machine *machine = watch->machine;
    uint64_t now = clock_now(&machine->clock), *raised = &watch->raised_at[irq],
             *taken = &watch->taken_at[irq];
    bool ends = !machine_input(machine, irq).is_in_service; /* at once: automatic EOI */

    switch (event) {
    case INTERRUPT_RAISED:
        if (*raised == CLOCK_NEVER)
            *raised = now;
        put_irq(watch, TRACE_RAISE, irq, CLOCK_NEVER, 0, state_of_request(machine, irq));
        break;
    case INTERRUPT_LOST:
        put_irq(watch, TRACE_LOST, irq, CLOCK_NEVER, 0, state_of_request(machine, irq));
        break;
    case INTERRUPT_ACKNOWLEDGED:
    case INTERRUPT_POLLED:
        put_irq(watch, event == INTERRUPT_POLLED ? TRACE_POLL : TRACE_ACK, irq, *raised, detail,
                ends ? "automatic EOI" : NULL);
        *raised = CLOCK_NEVER;
        *taken = ends ? CLOCK_NEVER : now;
        break;
    case INTERRUPT_SPURIOUS:
        put_irq(watch, TRACE_SPURIOUS, irq, CLOCK_NEVER, detail, NULL);
        break;
    case INTERRUPT_EOI:
        put_irq(watch, TRACE_EOI, irq, *taken, detail, words_of_eoi(detail));
        *taken = CLOCK_NEVER;
        break;
    case INTERRUPT_EOI_IN_VAIN:
        put_irq(watch, TRACE_VAIN_EOI, irq, CLOCK_NEVER, detail,
                detail & 0x40 ? "this input is not in service" : "nothing is in service there");
        break;
    case INTERRUPT_INITIALISED:
        forget(watch, irq, 8, "ICW1");
        break;
    }
}

static void on_interrupt_event(void *observer, enum interrupt_event event, unsigned irq,
                               uint8_t detail)
{
    struct watch *watch = observer;

    if (event == INTERRUPT_ACKNOWLEDGED || event == INTERRUPT_SPURIOUS)
        watch->recent.irq = irq;
    if (wants(watch, CATEGORY_IRQ) &&
        (event == INTERRUPT_ACKNOWLEDGED || event == INTERRUPT_SPURIOUS)) {
        watch->irq = irq;
        watch->back = machine_eip(watch->machine);
    }
    if (wants(watch, CATEGORY_IRQ))
        trace_interrupt(watch, event, irq, detail);
    if (watch->strict)
        strict_pic(watch->strict, event, irq, detail);
}

/* Where a vector's handler is; 0 if that is not known. */
static uint32_t handler_of(struct machine *machine, uint8_t vector)
{
    struct cpu_state state;
    uint32_t address;

    if (machine->cpu->ops->get_state(machine->cpu, &state) < 0 ||
        !arch_handler(&state, &machine->memory, vector, &address))
        return 0;
    return address;
}

static void on_interrupt(struct machine_observer *observer, uint8_t vector)
{
    struct watch *watch = (struct watch *)observer;
    struct machine *machine = watch->machine;
    struct trace_event event = {.kind = TRACE_HANDLER, .irq = watch->irq, .value = watch->back};
    bool is_there = machine->cpu->ops->instructions != NULL; /* else it takes it when it runs */

    if (machine->halted && wants(watch, CATEGORY_HALT)) {
        struct trace_event wake = {.kind = TRACE_WAKE, .since = watch->halted_at};
        put(watch, &wake);
    }
    watch->halted_at = CLOCK_NEVER;
    watch->recent.interrupts++;
    watch->recent.interrupt_at = clock_now(&machine->clock);
    if (!wants(watch, CATEGORY_IRQ))
        return;
    event.state = is_there ? NULL : "(by the IDT)";
    put_at(watch, &event, is_there ? machine_eip(machine) : handler_of(machine, vector));
}

/* ---- the CPU ---- */

/* A step of what may become a triple fault. */
static void put_undelivered(struct watch *watch, const struct cpu_call *call)
{
    struct trace_event event = {
        .kind = TRACE_UNDELIVERED, .time = call->time, .vector = call->vector};
    char why[400];

    if (!wants(watch, CATEGORY_EXC))
        return;
    event.state = machine_explain_undelivered(watch->machine, call->undelivered, why, sizeof(why));
    put_at(watch, &event, call->from);
}

static void trace_call(struct watch *watch, const struct cpu_call *call)
{
    struct trace_event event = {.kind = call->is_software ? TRACE_SOFTWARE : TRACE_EXCEPTION,
                                .time = call->time,
                                .vector = call->vector,
                                .has_error = call->has_error,
                                .value = call->error};

    if (call->undelivered)
        put_undelivered(watch, call);
    else if (wants(watch, trace_kinds[event.kind].category))
        put_at(watch, &event, call->from);
}

static void on_call(void *observer, const struct cpu_call *call)
{
    struct watch *watch = observer;

    if (!call->is_software && !call->undelivered)
        recent_exception(&watch->recent, call);
    if (watch->trace)
        trace_call(watch, call);
}

static void on_fault(struct machine_observer *observer, const struct cpu_call *call)
{
    struct watch *watch = (struct watch *)observer;

    if (!watch->machine->cpu->ops->instructions)
        on_call(watch, call);
}

/* As often as anybody waits for a warning; else at the first ones, and ever more rarely. */
static void look_at_halt(struct watch *watch)
{
    uint64_t count = watch->machine->counts.exits[CPU_STOP_HALTED];

    if (watch->config.strict || !(count & (count - 1)))
        strict_look(watch->strict);
}

static void on_halt(struct machine_observer *observer)
{
    struct watch *watch = (struct watch *)observer;
    struct trace_event event = {.kind = TRACE_HALT};

    watch->halted_at = clock_now(&watch->machine->clock);
    if (watch->strict)
        look_at_halt(watch);
    if (wants(watch, CATEGORY_HALT))
        put_at(watch, &event, machine_eip(watch->machine));
}

static void on_lap(struct machine_observer *observer)
{
    struct watch *watch = (struct watch *)observer;
    struct machine *machine = watch->machine;
    uint64_t now = clock_now(&machine->clock);

    if (!recent_wants_lap(&watch->recent, now))
        return;
    recent_lap(&watch->recent, now, machine_eip(machine));
    if (watch->strict)
        strict_look(watch->strict);
}

/* ---- accesses ---- */

static const char *name_of(const struct watch *watch, const struct bus *bus, uint32_t address,
                           bool is_write)
{
    const char *name = bus == &watch->machine->ports ? port_name(address, is_write) : NULL;
    const struct bus_region *region = bus_find(bus, address);

    if (!region)
        return "(nothing is there)";
    return name ? name : region->name;
}

static void put_access(struct watch *watch, const struct bus *bus, uint32_t address, unsigned width,
                       bool is_write, uint32_t value)
{
    bool is_port = bus == &watch->machine->ports;
    struct trace_event event = {.kind = is_port ? (is_write ? TRACE_OUT : TRACE_IN)
                                                : (is_write ? TRACE_WRITE : TRACE_READ),
                                .address = address,
                                .width = (uint8_t)width,
                                .value = value};

    if (!wants(watch, trace_kinds[event.kind].category))
        return;
    event.name = name_of(watch, bus, address, is_write);
    put(watch, &event);
}

static void put_hypercall(struct watch *watch, uint8_t number)
{
    struct cpu *cpu = watch->machine->cpu;
    struct trace_event event = {.kind = TRACE_CALL,
                                .address = number,
                                .value = cpu->ops->gpr(cpu, CPU_EBX),
                                .name = hypercall_name(number)};

    put(watch, &event);
}

/* Without a trace, at the ports that the rules look at. */
static void check_access(struct machine_observer *observer, struct bus *bus, uint32_t address,
                         unsigned width, bool is_write, uint32_t value)
{
    (void)bus;
    (void)width;
    strict_port(((struct watch *)observer)->strict, address, is_write, value);
}

static void on_access(struct machine_observer *observer, struct bus *bus, uint32_t address,
                      unsigned width, bool is_write, uint32_t value)
{
    struct watch *watch = (struct watch *)observer;

    if (is_write)
        put_access(watch, bus, address, width, true, value);
    if (is_write && bus == &watch->machine->ports && address == HYPERCALL_PORT &&
        wants(watch, CATEGORY_HYPERCALL))
        put_hypercall(watch, (uint8_t)value);
    if (watch->strict && bus == &watch->machine->ports)
        strict_port(watch->strict, address, is_write, value);
}

static void on_read(struct machine_observer *observer, struct bus *bus, uint32_t address,
                    unsigned width, uint32_t value)
{
    put_access((struct watch *)observer, bus, address, width, false, value);
}

/* `slot`: of the virtio disks, then of the ATA ones, which are called as in Linux and QEMU. */
static void on_request(void *observer, unsigned slot, const char *what, uint64_t sector,
                       uint64_t bytes, bool ok)
{
    struct watch *watch = observer;
    char name[32];
    struct trace_event event = {.kind = TRACE_DISK,
                                .address = sector,
                                .value = bytes,
                                .name = name,
                                .state = ok ? what : "failed"};

    if (slot < MACHINE_DISKS)
        snprintf(name, sizeof(name), "disk %u", slot);
    else
        snprintf(name, sizeof(name), "hd%c", 'a' + (int)(slot - MACHINE_DISKS));
    if (wants(watch, CATEGORY_DISK))
        put(watch, &event);
}

static void on_input(struct machine_observer *observer, bool is_key, unsigned code, bool down)
{
    struct watch *watch = (struct watch *)observer;
    struct trace_event event = {.kind = is_key ? TRACE_KEY : TRACE_SERIAL,
                                .value = code,
                                .state = !is_key ? NULL
                                         : down  ? "down"
                                                 : "up"};

    if (wants(watch, CATEGORY_INPUT))
        put(watch, &event);
}

/* ---- beginning and end ---- */

/* What is known of interrupts when the watch begins in the middle: that they ask, or are served. */
static void know_nothing(struct watch *watch)
{
    for (unsigned irq = 0; irq < INTERRUPT_INPUTS_MAX; irq++)
        watch->raised_at[irq] = watch->taken_at[irq] = CLOCK_NEVER;
    watch->halted_at = CLOCK_NEVER;
}

static void on_free(struct machine_observer *observer)
{
    struct watch *watch = (struct watch *)observer;

    if (!watch)
        return;
    strict_free(watch->strict);
    free(watch);
}

static void on_restored(struct machine_observer *observer)
{
    struct watch *watch = (struct watch *)observer;
    struct trace_event event = {.kind = TRACE_RESTORED, .since = CLOCK_NEVER};

    watch->recent = (struct recent){0};
    if (watch->strict)
        strict_restored(watch->strict);
    if (!watch->trace)
        return;
    forget(watch, 0, INTERRUPT_INPUTS_MAX, "a snapshot");
    know_nothing(watch);
    put(watch, &event);
}

static void on_end(struct machine_observer *observer, const char *how)
{
    struct watch *watch = (struct watch *)observer;
    struct trace_event event = {.kind = TRACE_END, .since = CLOCK_NEVER, .state = how};

    if (watch->strict) {
        strict_end(watch->strict);
        if (mistakes_are_fatal(strict_mistakes(watch->strict)))
            machine_blame(watch->machine);
    }
    if (!watch->trace)
        return;
    if (wants(watch, CATEGORY_IRQ))
        forget(watch, 0, INTERRUPT_INPUTS_MAX, "the end");
    put(watch, &event);
}

static const struct machine_observer observer = {
    .access = on_access,
    .was_read = on_read,
    .interrupt = on_interrupt,
    .fault = on_fault,
    .halt = on_halt,
    .lap = on_lap,
    .input = on_input,
    .restored = on_restored,
    .end = on_end,
    .free = on_free,
};

bool watch_attach(struct machine *machine, const struct watch_config *config)
{
    struct watch *watch;

    if (!config->trace && !config->strict && !config->remembers)
        return true;
    watch = calloc(1, sizeof(*watch));
    if (!watch)
        return false;
    watch->observer = observer;
    watch->observer.recent = &watch->recent;
    if (!config->trace) {
        watch->observer.ports = strict_ports;
        watch->observer.access = check_access;
        watch->observer.was_read = NULL;
    }
    watch->machine = machine;
    watch->config = *config;
    watch->trace = config->trace;
    know_nothing(watch);
    if (config->strict || config->remembers) {
        watch->strict = strict_new(machine, &watch->recent, !config->strict);
        if (!watch->strict) {
            free(watch);
            return false;
        }
    }
    machine->observer = &watch->observer;
    machine->interrupts->set_observer(machine->interrupt_chip, on_interrupt_event, watch);
    if (watch->strict || wants(watch, CATEGORY_EXC) || wants(watch, CATEGORY_INT)) {
        machine->cpu->calls = on_call;
        machine->cpu->tells_software = wants(watch, CATEGORY_INT);
        machine->cpu->observer = watch;
        machine->cpu->repeated = watch->trace ? NULL : &watch->recent.call[0];
    }
    for (unsigned slot = 0; slot < MACHINE_DISKS; slot++) {
        machine->disks[slot].observe = on_request;
        machine->disks[slot].observer = watch;
        machine->disks[slot].slot = slot;
    }
    for (unsigned i = 0; i < sizeof(machine->ata) / sizeof(machine->ata[0]); i++) {
        machine->ata[i].observe = on_request;
        machine->ata[i].observer = watch;
        machine->ata[i].slot = MACHINE_DISKS + i * ATA_DEVICES;
    }
    return true;
}

/* Nothing else observes machines. */
static struct watch *watch_of(const struct machine *machine)
{
    return (struct watch *)machine->observer;
}

const struct recent *watch_recent(const struct machine *machine)
{
    return machine->observer ? &watch_of(machine)->recent : NULL;
}

struct mistakes *watch_mistakes(const struct machine *machine)
{
    struct watch *watch = watch_of(machine);

    return watch && watch->strict ? strict_mistakes(watch->strict) : NULL;
}
