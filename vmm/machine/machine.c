/*
 * The machine: how it is made, and the loop that runs the CPU between devices. The order of the
 * loop is what makes interrupts right; see machine_run.
 */
#include "internal.h"

#include "boot.h"
#include "cpu/arch.h"
#include "cpu/soft/soft.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- output, warnings ---- */

static void pass_time(struct machine *machine, uint64_t time);

/* --baud: the guest stands still in its OUT until the character has gone out. */
void machine_wait_for_line(struct machine *machine)
{
    uint64_t end = clock_now(&machine->clock) + 10 * NS_PER_SECOND / machine->config.baud;

    output_flush(&machine->output);
    while (clock_now(&machine->clock) < end && !atomic_load(&machine->config.inbox->quit))
        pass_time(machine, end);
}

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

bool machine_describe(struct machine *machine, uint32_t address, char *to, size_t size)
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

/* ---- turns ---- */

/* How long the CPU may run between two turns: as nothing to the guest, as much to the host. */
#define TURN_NS UINT64_C(1000000)

/* Sleeps until the inbox has something, or the time is up. Others may compute; and what a guest
 * does when it wakes up is done without waiting for a turn, if it is not more than one. */
static void sleep_for(struct machine *machine, uint64_t ns)
{
    turn_give(&machine->turn);
    machine->turn_end = 0;
    inbox_wait(machine->config.inbox, ns);
}

/* When the CPU must come back at the latest, to take a turn, or another one. */
static uint64_t turn_deadline(struct machine *machine)
{
    if (!machine->config.turns)
        return CLOCK_NEVER;
    if (!machine->turn_end)
        machine->turn_end = clock_now(&machine->clock) + TURN_NS;
    return machine->turn_end;
}

static void change_turns(struct machine *machine)
{
    if (!machine->turn_end || clock_now(&machine->clock) < machine->turn_end)
        return;
    turn_give(&machine->turn);
    turn_take(&machine->turn);
    machine->turn_end = 0;
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

static bool has_come_to_pause(struct machine *machine)
{
    const struct machine_pause *pause = machine->pause;
    struct cpu *cpu = machine->cpu;

    if (machine->pause_wanted || (pause && pause->time <= clock_now(&machine->clock)))
        return true;
    if (!pause || !cpu->ops->instructions)
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
        place = now + left * SOFT_NS_PER_INSTRUCTION;
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

void machine_show(struct machine *machine)
{
    struct inbox *inbox = machine->config.inbox;

    if (atomic_exchange(&inbox->look, false) && machine->config.show)
        machine->config.show(machine->config.owner, machine);
}

void machine_stood_still(struct machine *machine, uint64_t ns)
{
    if (machine->cpu->ops->take_back)
        machine->cpu->ops->take_back(machine->cpu, ns);
}

static void look_into_inbox(struct machine *machine)
{
    struct inbox *inbox = machine->config.inbox;
    bool news = atomic_load_explicit(&inbox->news, memory_order_relaxed) &&
                atomic_exchange(&inbox->news, false);

    if (news) {
        machine_show(machine);
        if (atomic_load(&inbox->paused) || atomic_load(&inbox->asked))
            machine_pause(machine);
    }
    if (atomic_load_explicit(&inbox->quit, memory_order_relaxed))
        input_give(machine, INPUT_QUIT, (struct inbox_event){0});
    /* A guest that has opened IRQ1 wants keys, even if it never looked at the controller. */
    if (!machine->keyboard.s.listening && i8259_is_enabled(&machine->pic, IRQ_KEYBOARD))
        i8042_listen(&machine->keyboard);
    if (machine->config.replay)
        input_replay(machine);
    else if (news || machine->input_ready)
        input_take(machine);
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
    turn_init(&machine->turn, config->turns);
    machine->replay = config->replay;
    failure = memory_init(&machine->memory, config->memory_size);
    if (failure < 0) {
        snprintf(error, error_size, "can't reserve %llu MiB of guest memory: %s (give less: -m)",
                 (unsigned long long)(config->memory_size >> 20), strerror(-failure));
        goto failed;
    }
    if (config->image.path &&
        image_load(&config->image, &machine->memory, &machine->image, error, error_size) < 0)
        goto failed;
    machine->cpu = config->make_cpu(&machine->memory, error, error_size);
    if (!machine->cpu)
        goto failed;

    bus_init(&machine->ports);
    bus_init(&machine->mmio);
    clock_init(&machine->clock, machine->cpu->ops->now, machine->cpu);
    output_init(&machine->output, &machine->clock, config->print, config->owner);
    timer_init(&machine->timeout, end_with_timeout, machine);
    machine_set_timeout(machine, config->timeout);
    if (!board_build(machine)) {
        snprintf(error, error_size, "two devices claim the same ports"); /* a bug of ours */
        goto failed;
    }
    failure = 0;
    if (config->image.path) {
        boot_prepare(&machine->image, &machine->memory, &machine->ports, &state);
        failure = machine->cpu->ops->set_state(machine->cpu, &state);
    }
    if (failure < 0) {
        snprintf(error, error_size, "the %s engine refused the start state: %s",
                 machine->cpu->ops->name, strerror(-failure));
        goto failed;
    }
    inbox_listen(config->inbox, machine->cpu);
    machine->input_ready = true;
    return machine;

failed:
    machine_destroy(machine);
    return NULL;
}

void machine_destroy(struct machine *machine)
{
    if (machine->config.inbox)
        inbox_listen(machine->config.inbox, NULL);
    if (machine->cpu)
        machine->cpu->ops->destroy(machine->cpu);
    memory_free(&machine->memory);
    turn_free(&machine->turn);
    if (machine->observer)
        machine->observer->free(machine->observer);
    free(machine);
}

/* ---- running ---- */

void machine_set_timeout(struct machine *machine, uint64_t timeout)
{
    machine->config.timeout = timeout;
    machine->host_used = 0;
    if (timeout != CLOCK_NEVER)
        timeout += clock_now(&machine->clock);
    timer_arm(&machine->clock, &machine->timeout, timeout);
}

uint32_t machine_read(struct machine *machine, struct bus *bus, uint32_t address, unsigned width)
{
    struct machine_observer *observer = machine->observer;
    uint32_t value;

    if (!observer)
        return bus_read(bus, address, width);
    observer->access(observer, bus, address, width, false, 0);
    value = bus_read(bus, address, width);
    observer->was_read(observer, bus, address, width, value);
    return value;
}

/* What an access does is told behind it. */
void machine_write(struct machine *machine, struct bus *bus, uint32_t address, unsigned width,
                   uint32_t value)
{
    struct machine_observer *observer = machine->observer;

    if (observer)
        observer->access(observer, bus, address, width, true, value);
    bus_write(bus, address, width, value);
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
            machine_write(machine, &machine->ports, exit->port.port, width, value);
        } else {
            value = machine_read(machine, &machine->ports, exit->port.port, width);
            memcpy(data, &value, width);
        }
    }
}

static void do_mmio(struct machine *machine)
{
    struct cpu_exit *exit = &machine->cpu->exit;
    uint64_t address = exit->mmio.address;
    unsigned left = exit->mmio.width;
    uint8_t *data = exit->mmio.data;

    while (left > 0) {
        unsigned width = left >= 4 ? 4 : left >= 2 ? 2 : 1;
        uint32_t value = UINT32_MAX;

        if (exit->mmio.is_write) {
            memcpy(&value, data, width);
            if (address <= UINT32_MAX)
                machine_write(machine, &machine->mmio, (uint32_t)address, width, value);
        } else {
            if (address <= UINT32_MAX)
                value = machine_read(machine, &machine->mmio, (uint32_t)address, width);
            memcpy(data, &value, width);
        }
        address += width;
        data += width;
        left -= width;
    }
}

/* Injects the PIC's request if the CPU can take it now, and asks for a window if one is left. True
 * if the guest is at its handler. */
static bool offer_interrupt(struct machine *machine)
{
    struct cpu *cpu = machine->cpu;
    bool taken = i8259_has_request(&machine->pic) && cpu->ops->can_interrupt(cpu);

    if (taken) {
        uint8_t vector = i8259_acknowledge(&machine->pic);
        int error = cpu->ops->interrupt(cpu, vector);
        if (error < 0)
            machine_end(machine, END_CPU_FAILED, STATUS_CPU_FAILED,
                        "the %s engine refused an interrupt: %s", cpu->ops->name, strerror(-error));
        if (machine->observer)
            machine->observer->interrupt(machine->observer, vector);
        machine->halted = false;
    }
    cpu->ops->want_window(cpu, i8259_has_request(&machine->pic));
    return taken;
}

static void count_wakeup(struct machine_counts *counts, uint64_t late_ns)
{
    counts->wakeups++;
    counts->late_wakeups += late_ns > MACHINE_LAG_NS;
    if (late_ns > counts->latest_ns)
        counts->latest_ns = late_ns;
}

/*
 * Lets the guest's time come to `time`, or to where it is when the inbox has something: by sleeping
 * where it is the host's time, or is to look like it; at once where it is counted and nobody waits.
 */
static void pass_time(struct machine *machine, uint64_t time)
{
    struct cpu *cpu = machine->cpu;
    bool is_counted = cpu->ops->skip_to != NULL;
    uint64_t now = clock_now(&machine->clock);

    if (is_counted && machine->config.virtual_time && time != CLOCK_NEVER) {
        cpu->ops->skip_to(cpu, time);
        return;
    }
    if (is_counted) {
        uint64_t host = clock_host_ns() - machine->host_start;
        if (host > now + MACHINE_LAG_NS)
            machine->host_start += host - now;
        else
            now = host;
    }
    if (time > now) {
        sleep_for(machine, time == CLOCK_NEVER ? CLOCK_NEVER : time - now);
        now = is_counted ? clock_host_ns() - machine->host_start : clock_now(&machine->clock);
        if (now >= time)
            count_wakeup(&machine->counts, now - time);
    }
    if (is_counted)
        cpu->ops->skip_to(cpu, now < time ? now : time);
}

/* A software CPU may be faster than its clock says: then the host's time catches up here. If it is
 * slower, the time limit is the host's all the same. */
static void pace(struct machine *machine)
{
    if (!machine->cpu->ops->skip_to || machine->config.virtual_time)
        return;
    pass_time(machine, clock_now(&machine->clock));
    if (machine->host_used + clock_host_ns() - machine->host_begin >= machine->config.timeout)
        end_with_timeout(machine);
}

/* --cpu-limit: how long the CPU may run before it is looked at. */
#define LIMIT_SLICE_NS UINT64_C(5000000)

static uint64_t thread_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * NS_PER_SECOND + (uint64_t)used.tv_nsec;
}

/* Sleeps off what the thread has used over its share since it was last here. */
static void keep_limit(struct machine *machine)
{
    struct inbox *inbox = machine->config.inbox;
    uint64_t now = clock_host_ns(), used, end;

    if (now - machine->slice_start < LIMIT_SLICE_NS)
        return;
    used = thread_ns();
    end = machine->slice_start + (used - machine->slice_used) * 100 / machine->config.cpu_limit;
    for (; now < end && !atomic_load(&inbox->quit); now = clock_host_ns()) {
        sleep_for(machine, end - now);
        machine_show(machine);
    }
    machine->slice_start = now;
    machine->slice_used = used;
}

/* The timer's interrupt is masked, and pending already: more edges would change nothing. In virtual
 * time they cost nothing, and are counted. */
static bool is_deaf_to_timer(const struct machine *machine)
{
    return !machine->config.virtual_time && !i8259_is_enabled(&machine->pic, IRQ_TIMER) &&
           (i8259_irr(&machine->pic.master) & 1 << IRQ_TIMER);
}

/* Lets time pass up to the next deadline; one edge of a timer that nobody hears stands for all that
 * there are until then. */
static void pass_idle_time(struct machine *machine)
{
    struct timer *timer = &machine->pit.timer;
    uint64_t edge = timer->deadline;
    bool is_deaf = is_deaf_to_timer(machine);

    if (is_deaf)
        timer_arm(&machine->clock, timer, CLOCK_NEVER);
    pass_time(machine, next_deadline(machine));
    if (is_deaf)
        timer_arm(&machine->clock, timer, edge);
}

/* HLT: sleeps until a timer or the inbox has something, or ends a sleep that has no end. */
static void sleep_halted(struct machine *machine)
{
    struct cpu *cpu = machine->cpu;
    bool enabled = cpu->ops->interrupts_enabled(cpu);
    char place[64];
    uint64_t start;

    output_flush(&machine->output);
    if (!enabled || !i8259_can_request(&machine->pic)) {
        machine_end(machine, END_HALTED, 0, "the guest halted %s%s: nothing can wake it",
                    machine_where(machine, place, sizeof(place)),
                    enabled ? ", all of them masked in the PIC" : "");
        return;
    }
    start = clock_now(&machine->clock);
    pass_idle_time(machine);
    machine->counts.idle_ns += clock_now(&machine->clock) - start;
    machine->timers_due = true;
}

static void handle_stop(struct machine *machine, enum cpu_stop stop)
{
    switch (stop) {
    case CPU_STOP_PORT:
        do_port(machine);
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
        pace(machine);
        change_turns(machine);
        machine->timers_due = true;
        break;
    case CPU_STOP_SHUTDOWN:
        end_with_shutdown(machine);
        break;
    case CPU_STOP_FAILED:
        end_with_failure(machine);
        break;
    case CPU_STOP_WINDOW:
    case CPU_STOP_DEBUG: /* no timer is due there: that would have been CPU_STOP_KICKED */
    case CPU_STOPS:
        break;
    }
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

bool machine_run_until(struct machine *machine, const struct machine_pause *pause)
{
    struct machine_outcome *outcome = &machine->outcome;
    bool between = false; /* two instructions, for sure, and not where the last pause was */

    machine->pause = pause;
    machine->pause_wanted = false;
    machine->must_step = !stop_at_addresses(machine);
    machine->timers_due = true;
    machine->host_begin = clock_host_ns();
    machine->host_start = machine->host_begin - clock_now(&machine->clock);
    machine->slice_start = machine->host_begin;
    machine->slice_used = thread_ns();
    while (outcome->end == END_NONE) {
        /* What happened outside comes first, then what time brings, so that every line is at its
         * level before the PIC is asked; a kick that comes later makes cpu_run return at once. */
        look_into_inbox(machine);
        if (machine->timers_due) {
            machine->timers_due = false;
            clock_run_due(&machine->clock);
        }
        between = offer_interrupt(machine) || between;
        if (outcome->end != END_NONE || (between && has_come_to_pause(machine)))
            break;
        if (machine->halted) {
            sleep_halted(machine);
            between = true;
            continue;
        }
        uint64_t deadline = sooner(next_deadline(machine), turn_deadline(machine));
        if (machine->config.cpu_limit) {
            keep_limit(machine);
            deadline = sooner(deadline, clock_now(&machine->clock) + LIMIT_SLICE_NS);
        }
        enum cpu_stop stop = cpu_run(machine->cpu, deadline);
        machine->counts.exits[stop]++;
        handle_stop(machine, stop);
        between = stop != CPU_STOP_PORT && stop != CPU_STOP_MMIO;
    }
    machine->pause = NULL;
    turn_give(&machine->turn);
    machine->host_used += clock_host_ns() - machine->host_begin;
    output_flush(&machine->output);
    if (outcome->end != END_NONE && machine->observer)
        machine->observer->end(machine->observer, machine_end_name(outcome->end));
    outcome->guest_ns = clock_now(&machine->clock);
    return outcome->end == END_NONE;
}

const struct machine_outcome *machine_run(struct machine *machine)
{
    machine_run_until(machine, NULL);
    return &machine->outcome;
}
