/*
 * The machine: how it is made, and the loop that runs the CPU between devices. The order of the
 * loop is what makes interrupts right; see machine_run.
 */
#include "internal.h"

#include "base/blobs.h"
#include "cpu/arch.h"
#include "recent.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- output, warnings ---- */

void machine_warn(struct machine *machine, const char *format, ...)
{
    char text[500];
    va_list arguments;

    if (!machine->config.warn)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    output_flush(&machine->output); /* what was printed before is shown before */
    machine->config.warn(machine->config.owner, text);
}

bool machine_describe(const struct machine *machine, uint32_t address, char *to, size_t size)
{
    const struct machine_config *config = &machine->config;

    if (!config->describe || !config->describe(config->symbols, address, to, size))
        return false;
    for (; *to; to++) { /* it comes from the guest's file, and goes to the user's terminal */
        if ((unsigned char)*to < ' ' || *to == 0x7f)
            *to = '?';
    }
    return true;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- pauses ---- */

void machine_pause(struct machine *machine)
{
    machine->pause_wanted = true;
    machine->cpu->ops->kick(machine->cpu); /* it finishes the present instruction first */
}

uint32_t machine_eip(struct machine *machine)
{
    struct cpu_state state;

    if (machine->cpu->ops->get_state(machine->cpu, &state) < 0)
        return 0;
    return state.segment[CPU_CS].base + state.eip;
}

bool machine_is_at(struct machine *machine, const struct machine_pause *pause)
{
    struct cpu *cpu = machine->cpu;

    if (pause->time <= clock_now(&machine->clock))
        return true;
    if (!cpu->ops->instructions)
        return false;
    if (cpu->ops->instructions(cpu) >= pause->instructions)
        return true;
    if (machine->halted || pause->address_count == 0)
        return false;
    uint32_t eip = machine_eip(machine);
    for (unsigned i = 0; i < pause->address_count; i++) {
        if (pause->addresses[i] == eip)
            return true;
    }
    return false;
}

static bool has_come_to_pause(struct machine *machine)
{
    return machine->pause_wanted || machine->has_access ||
           (machine->pause && machine_is_at(machine, machine->pause));
}

/* When the CPU must come back at the latest, to be asked whether this is the place. */
static uint64_t pause_deadline(const struct machine *machine)
{
    const struct machine_pause *pause = machine->pause;
    uint64_t now, place = CLOCK_NEVER;

    if (!pause)
        return CLOCK_NEVER;
    now = clock_now(&machine->clock);
    if (machine->must_step && !machine->halted) {
        place = now + 1;
    } else if (pause->instructions != UINT64_MAX && !machine->halted) {
        uint64_t count = machine->cpu->ops->instructions(machine->cpu);
        uint64_t left = pause->instructions > count ? pause->instructions - count : 0;
        place = now + left * machine->cpu->ops->ns_per_instruction;
    }
    return sooner(place, pause->time);
}

/*
 * When the CPU must come back at the latest: for a timer, a pause, or the next input of a recorded
 * run. If that came behind an access of the instruction that is next, it is to begin.
 */
static uint64_t next_deadline(const struct machine *machine)
{
    uint64_t deadline = clock_deadline(&machine->clock), pause = pause_deadline(machine);
    uint64_t input = CLOCK_NEVER;

    if (machine->replay != machine->config.replay_end) {
        uint64_t now = clock_now(&machine->clock);
        input = machine->replay->time > now ? machine->replay->time : now + 1;
    }
    return sooner(sooner(deadline, pause), input);
}

void machine_stood_still(struct machine *machine, uint64_t ns)
{
    if (machine->cpu->ops->take_back)
        machine->cpu->ops->take_back(machine->cpu, ns);
}

void machine_input_came(struct machine *machine)
{
    machine->input_ready = true;
}

void machine_input_closed(struct machine *machine)
{
    if (!machine->config.replay && !machine->silence.is_closed)
        input_give(machine, INPUT_CLOSED, (struct inbox_event){0});
}

uint64_t machine_idle_ns(const struct machine *machine)
{
    uint64_t idle = machine->counts.idle_ns;

    if (machine->idle_since != CLOCK_NEVER)
        idle += clock_now(&machine->clock) - machine->idle_since;
    return idle;
}

void machine_quit(struct machine *machine)
{
    input_give(machine, INPUT_QUIT, (struct inbox_event){0});
}

void machine_time_out(struct machine *machine)
{
    end_with_timeout(machine);
}

/* ---- building ---- */

struct machine *machine_create(const struct machine_config *config, char *error, size_t error_size)
{
    struct machine *machine = calloc(1, sizeof(*machine));
    struct cpu_state state;
    int failure;

    if (!machine) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    machine->config = *config;
    memcpy(machine->script, config->script, sizeof(machine->script));
    machine->replay = config->replay;
    failure = (config->make_memory ? config->make_memory : memory_init)(&machine->memory,
                                                                        config->memory_size);
    if (failure < 0) {
        snprintf(error, error_size, "can't reserve %llu MiB of guest memory: %s (give less: -m)",
                 (unsigned long long)(config->memory_size >> 20), strerror(-failure));
        goto failed;
    }
    if (image_is_asked(&config->image) && config->start.is_real)
        boot_fill(&machine->memory, config->start.seed);
    if (image_is_asked(&config->image) &&
        image_load(&config->image, &machine->memory, &machine->image, error, error_size) < 0)
        goto failed;
    loaded_code_keep(machine);
    memory_disk_init(&machine->image_disk, machine->image.disk, machine->image.disk_size);
    machine->cpu = config->make_cpu(&machine->memory, error, error_size);
    if (!machine->cpu)
        goto failed;

    machine->cpu->is_code = astray_is_code;
    machine->cpu->judge = machine;

    bus_init(&machine->ports);
    bus_init(&machine->mmio);
    clock_init(&machine->clock, machine->cpu->ops->now, machine->cpu);
    output_init(&machine->output, &machine->clock, config->print, config->owner);
    timer_init(&machine->timeout, end_with_timeout, machine);
    machine_set_timeout(machine, config->timeout);
    silence_init(machine);
    if (!board_build(machine)) {
        snprintf(error, error_size, "two devices claim the same ports"); /* a bug of ours */
        goto failed;
    }
    failure = 0;
    if (image_is_asked(&config->image)) {
        if (machine->image.start == IMAGE_START_BIOS && !machine->image.has_bios)
            bios_port_map(&machine->bios, boot_bios, (size_t)(boot_bios_end - boot_bios));
        boot_prepare(machine, &state);
        failure = machine->cpu->ops->set_state(machine->cpu, &state);
    }
    if (failure < 0) {
        snprintf(error, error_size, "the %s engine refused the start state: %s",
                 machine->cpu->ops->name, strerror(-failure));
        goto failed;
    }
    machine->input_ready = true;
    machine->idle_since = CLOCK_NEVER;
    return machine;

failed:
    machine_destroy(machine);
    return NULL;
}

void machine_destroy(struct machine *machine)
{
    if (machine->cpu)
        machine->cpu->ops->destroy(machine->cpu);
    board_free(machine);
    memory_disk_free(&machine->image_disk);
    free(machine->loaded_code);
    memory_free(&machine->memory);
    if (machine->observer)
        machine->observer->free(machine->observer);
    free(machine);
}

/* ---- running ---- */

/* After so many exits machine_advance comes back, so that whoever runs the machine can look at it.
 */
#define EXITS_AT_ONCE 4096

void machine_set_timeout(struct machine *machine, uint64_t timeout)
{
    machine->config.timeout = timeout;
    if (timeout != CLOCK_NEVER)
        timeout += clock_now(&machine->clock);
    timer_arm(&machine->clock, &machine->timeout, timeout);
}

static inline bool is_observed(const struct machine_observer *observer, bool is_port,
                               uint32_t address)
{
    return !observer->ports || (is_port && address < OBSERVED_PORTS &&
                                (observer->ports[address / 64] >> (address % 64) & 1));
}

/* Accesses are many, and most are not observed: those get by with a few stores. */
__attribute__((noinline)) static void write_observed(struct machine *machine, struct bus *bus,
                                                     uint32_t address, unsigned width,
                                                     uint32_t value)
{
    machine->observer->access(machine->observer, bus, address, width, true, value);
    bus_write(bus, address, width, value);
}

__attribute__((noinline)) static uint32_t read_observed(struct machine *machine, struct bus *bus,
                                                        uint32_t address, unsigned width)
{
    struct machine_observer *observer = machine->observer;
    uint32_t value;

    observer->access(observer, bus, address, width, false, 0);
    value = bus_read(bus, address, width);
    if (observer->was_read)
        observer->was_read(observer, bus, address, width, value);
    return value;
}

static inline uint32_t read_bus(struct machine *machine, struct bus *bus, uint32_t address,
                                unsigned width)
{
    struct machine_observer *observer = machine->observer;
    bool is_port = bus == &machine->ports;
    struct recent_access *access;
    uint32_t value;

    if (!observer)
        return bus_read(bus, address, width);
    access = recent_access(observer->recent, address, is_port, false, 0);
    if (is_observed(observer, is_port, address))
        value = read_observed(machine, bus, address, width);
    else
        value = bus_read(bus, address, width);
    access->value = (uint8_t)value;
    return value;
}

static inline void write_bus(struct machine *machine, struct bus *bus, uint32_t address,
                             unsigned width, uint32_t value)
{
    struct machine_observer *observer = machine->observer;
    bool is_port = bus == &machine->ports;

    if (observer) {
        recent_access(observer->recent, address, is_port, true, value);
        if (is_observed(observer, is_port, address)) {
            write_observed(machine, bus, address, width, value);
            return;
        }
    }
    bus_write(bus, address, width, value);
}

uint32_t machine_read(struct machine *machine, struct bus *bus, uint32_t address, unsigned width)
{
    return read_bus(machine, bus, address, width);
}

void machine_write(struct machine *machine, struct bus *bus, uint32_t address, unsigned width,
                   uint32_t value)
{
    write_bus(machine, bus, address, width, value);
}

static void do_port(struct machine *machine)
{
    struct cpu_exit *exit = &machine->cpu->exit;
    unsigned width = exit->port.width;
    uint8_t *data = exit->port.data;

    for (uint32_t i = 0; i < exit->port.count; i++, data += width) {
        uint32_t value = 0;

        if (exit->port.is_write) {
            memcpy(&value, data, width);
            write_bus(machine, &machine->ports, exit->port.port, width, value);
        } else {
            value = read_bus(machine, &machine->ports, exit->port.port, width);
            memcpy(data, &value, width);
        }
    }
}

static void do_mmio(struct machine *machine)
{
    struct cpu_exit *exit = &machine->cpu->exit;
    uint64_t address = memory_wire(&machine->memory, exit->mmio.address);
    unsigned left = exit->mmio.width;
    uint8_t *data = exit->mmio.data;

    while (left > 0) {
        unsigned width = left >= 4 ? 4 : left >= 2 ? 2 : 1;
        uint32_t value = UINT32_MAX;

        if (exit->mmio.is_write) {
            memcpy(&value, data, width);
            if (address <= UINT32_MAX)
                write_bus(machine, &machine->mmio, (uint32_t)address, width, value);
        } else {
            if (address <= UINT32_MAX)
                value = read_bus(machine, &machine->mmio, (uint32_t)address, width);
            memcpy(data, &value, width);
        }
        address += width;
        data += width;
        left -= width;
    }
}

/* --baud: the guest is not to run before the line is free. Its OUT has to be finished first. */
static bool is_stalled(const struct machine *machine)
{
    return (machine->line_free || machine->beam) && machine->between;
}

static void stall(struct machine *machine)
{
    if (clock_now(&machine->clock) >= machine->line_free)
        machine->line_free = 0;
    else if (!machine->between)
        machine->cpu->ops->kick(machine->cpu);
}

/* The same for the beam, but that an interrupt is not to wait. */
static void wait_for_beam(struct machine *machine)
{
    if (clock_now(&machine->clock) >= machine->beam ||
        (machine->between && machine->interrupts->has_request(machine->interrupt_chip) &&
         machine->cpu->ops->can_interrupt(machine->cpu)))
        machine->beam = 0;
    else if (!machine->between)
        machine->cpu->ops->kick(machine->cpu);
}

/* Injects the controller's request if the CPU can take it now, and asks for a window if one is
 * left. True if the guest is at its handler. */
static bool offer_interrupt(struct machine *machine)
{
    const struct interrupt_controller *interrupts = machine->interrupts;
    void *chip = machine->interrupt_chip;
    struct cpu *cpu = machine->cpu;
    bool taken = interrupts->has_request(chip) && cpu->ops->can_interrupt(cpu);

    if (taken) {
        uint8_t vector = interrupts->acknowledge(chip);
        int error = cpu->ops->interrupt(cpu, vector);
        if (error < 0)
            machine_end(machine, END_CPU_FAILED, STATUS_CPU_FAILED,
                        "the %s engine refused an interrupt: %s", cpu->ops->name, strerror(-error));
        if (machine->observer)
            machine->observer->interrupt(machine->observer, vector);
        machine->halted = false;
    }
    cpu->ops->want_window(cpu, interrupts->has_request(chip));
    return taken;
}

static bool holds_interrupts_back(const struct machine *machine)
{
    return machine->pause && machine->pause->no_interrupts && !machine->halted;
}

/* The timer's interrupt is masked, and pending already: more edges would change nothing. In virtual
 * time they cost nothing, and are counted. */
static bool is_deaf_to_timer(const struct machine *machine)
{
    return !machine->config.virtual_time &&
           !machine->interrupts->is_enabled(machine->interrupt_chip, IRQ_TIMER) &&
           machine_input(machine, IRQ_TIMER).is_requested;
}

/* One edge of a timer whose input is masked stands for all until the next deadline. */
uint64_t machine_deadline(struct machine *machine)
{
    struct timer *timer = &machine->pit.timer;
    uint64_t edge = timer->deadline, deadline;
    bool is_deaf = machine->halted && is_deaf_to_timer(machine);

    if (is_deaf)
        timer_arm(&machine->clock, timer, CLOCK_NEVER);
    deadline = next_deadline(machine);
    if (is_deaf)
        timer_arm(&machine->clock, timer, edge);
    if (is_stalled(machine) && machine->line_free)
        deadline = sooner(deadline, machine->line_free);
    if (is_stalled(machine) && machine->beam)
        deadline = sooner(deadline, machine->beam);
    return deadline;
}

void machine_skip_to(struct machine *machine, uint64_t time)
{
    machine->cpu->ops->skip_to(machine->cpu, time);
}

/* HLT: false if nothing can end it. With interrupts off that may be how the guest ends; a guest
 * that has them on waits for one, in vain. */
static bool can_wake(struct machine *machine)
{
    bool enabled = machine->cpu->ops->interrupts_enabled(machine->cpu);
    char place[MACHINE_PLACE + 64];

    if (enabled && machine->interrupts->can_request(machine->interrupt_chip))
        return true;
    machine_end(machine, END_HALTED, enabled ? STATUS_SHUTDOWN : machine->config.halt_status,
                "the guest halted %s%s: nothing can wake it",
                machine_where(machine, place, sizeof(place)),
                enabled ? ", all of them masked in the PIC" : "");
    return false;
}

static void handle_stop(struct machine *machine, enum cpu_stop stop)
{
    switch (stop) {
    case CPU_STOP_PORT:
        do_port(machine);
        if (machine->silence.is_closed)
            silence_count(machine);
        break;
    case CPU_STOP_MMIO:
        do_mmio(machine);
        break;
    case CPU_STOP_HALTED:
        machine->halted = true;
        if (machine->observer)
            machine->observer->halt(machine->observer);
        break;
    case CPU_STOP_KICKED:
        machine->timers_due = true;
        break;
    case CPU_STOP_SHUTDOWN:
        end_with_shutdown(machine);
        break;
    case CPU_STOP_FAILED:
        end_with_failure(machine);
        break;
    case CPU_STOP_ASTRAY:
        end_astray(machine);
        break;
    case CPU_STOP_WATCH:
        machine->access = machine->cpu->exit.access;
        machine->has_access = machine->timers_due = true;
        break;
    case CPU_STOP_WINDOW:
    case CPU_STOP_DEBUG: /* no timer is due there: that would have been CPU_STOP_KICKED */
    case CPU_STOPS:
        break;
    }
}

static enum machine_stop lap(struct machine *machine)
{
    if (machine->observer)
        machine->observer->lap(machine->observer);
    return MACHINE_RUNNING;
}

/* Has the CPU come back at the pause's addresses; false if it can't. */
static bool stop_at_addresses(struct machine *machine)
{
    const struct machine_pause *pause = machine->pause;
    const struct cpu_ops *ops = machine->cpu->ops;
    unsigned count = pause ? pause->address_count : 0;

    if (!ops->stop_at)
        return count == 0;
    return ops->stop_at(machine->cpu, count ? pause->addresses : NULL, count);
}

static void watch_accesses(struct machine *machine)
{
    const struct machine_pause *pause = machine->pause;
    const struct cpu_ops *ops = machine->cpu->ops;

    if (ops->watch)
        ops->watch(machine->cpu, pause ? pause->watches : NULL, pause ? pause->watch_count : 0);
}

void machine_begin(struct machine *machine, const struct machine_pause *pause)
{
    machine->pause = pause;
    machine->pause_wanted = machine->between = machine->has_access = false;
    watch_accesses(machine);
    machine->must_step = !stop_at_addresses(machine);
    machine->timers_due = true;
}

/* The run is over, for now or for good. */
static enum machine_stop leave(struct machine *machine, enum machine_stop stop)
{
    struct machine_outcome *outcome = &machine->outcome;

    machine->pause = NULL;
    output_flush(&machine->output);
    if (stop == MACHINE_ENDED && machine->observer)
        machine->observer->end(machine->observer, machine_end_name(outcome->end));
    outcome->guest_ns = clock_now(&machine->clock);
    return stop;
}

enum machine_stop machine_advance(struct machine *machine, uint64_t slice_end)
{
    const struct machine_outcome *outcome = &machine->outcome;

    if (machine->idle_since != CLOCK_NEVER) {
        machine->counts.idle_ns += clock_now(&machine->clock) - machine->idle_since;
        machine->idle_since = CLOCK_NEVER;
        machine->timers_due = true;
    }
    for (unsigned exits = 0; outcome->end == END_NONE; exits++) {
        enum cpu_stop stop;

        /* Input comes first, then what time brings, so that every line is at its level before the
         * PIC is asked; a kick that comes later makes cpu_run return at once. */
        input_look(machine);
        if (machine->timers_due) {
            machine->timers_due = false;
            clock_run_due(&machine->clock);
        }
        if (machine->line_free)
            stall(machine);
        if (machine->beam)
            wait_for_beam(machine);
        if (!is_stalled(machine) && !holds_interrupts_back(machine))
            machine->between = offer_interrupt(machine) || machine->between;
        if (outcome->end != END_NONE)
            break;
        if (machine->between && has_come_to_pause(machine))
            return leave(machine, MACHINE_PAUSED);
        if (is_stalled(machine) || (machine->halted && can_wake(machine))) {
            output_flush(&machine->output);
            machine->idle_since = machine->halted ? clock_now(&machine->clock) : CLOCK_NEVER;
            machine->timers_due = machine->between = true;
            return MACHINE_IDLE;
        }
        if (machine->halted) /* for good */
            break;
        if (exits == EXITS_AT_ONCE)
            return lap(machine);
        stop = cpu_run(machine->cpu, sooner(next_deadline(machine), slice_end));
        machine->counts.exits[stop]++;
        handle_stop(machine, stop);
        machine->between = stop != CPU_STOP_PORT && stop != CPU_STOP_MMIO;
        if (stop == CPU_STOP_KICKED)
            return lap(machine);
    }
    return leave(machine, MACHINE_ENDED);
}

bool machine_run_until(struct machine *machine, const struct machine_pause *pause)
{
    machine_begin(machine, pause);
    for (;;) {
        enum machine_stop stop = machine_advance(machine, CLOCK_NEVER);

        if (stop == MACHINE_ENDED || stop == MACHINE_PAUSED)
            return stop == MACHINE_PAUSED;
        if (stop == MACHINE_IDLE && machine_deadline(machine) == CLOCK_NEVER)
            end_with_silence(machine);
        else if (stop == MACHINE_IDLE)
            machine_skip_to(machine, machine_deadline(machine));
    }
}

const struct machine_outcome *machine_run(struct machine *machine)
{
    machine_run_until(machine, NULL);
    return &machine->outcome;
}
