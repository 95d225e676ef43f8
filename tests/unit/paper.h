/*
 * A CPU of paper: it does what a script says, or nothing, and its clock is a variable. With it a
 * machine is tested from outside. To be included behind <cmocka.h>, once in a program.
 */
#ifndef TESTS_UNIT_PAPER_H
#define TESTS_UNIT_PAPER_H

#include "machine/machine.h"
#include "os/image_file.h"
#include "os/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEPS_MAX 32

/* One return from cpu_run. */
struct step {
    enum cpu_stop stop;
    uint16_t port;
    uint8_t width;
    uint32_t count;
    const char *out;    /* bytes the guest writes; NULL: it reads */
    bool interrupts_on; /* IF and readiness from now on */
    uint64_t ns;        /* time that passes first */
};

struct paper_cpu {
    struct cpu cpu;
    const struct step *script;
    unsigned at;
    uint64_t now;
    bool ready, window_wanted;
    uint8_t data[64];
    uint8_t injected[STEPS_MAX];
    unsigned injected_count;
    uint64_t deadline; /* of the last run */
    struct cpu_state state;
};

static struct paper_cpu paper;
static char printed[256];
static char warned[512];
static struct inbox inbox;
static char image_path[] = "/tmp/machine-test-XXXXXX";

static inline enum cpu_stop paper_run(struct cpu *cpu, uint64_t deadline)
{
    struct paper_cpu *p = (struct paper_cpu *)cpu;
    const struct step *step = &p->script[p->at];

    assert_true(p->at < STEPS_MAX);
    p->deadline = deadline;
    if (step->stop == CPU_STOP_KICKED && deadline < p->now + step->ns)
        p->now = deadline;
    else
        p->now += step->ns;
    p->at++;
    p->ready = step->interrupts_on;
    if (step->stop == CPU_STOP_PORT) {
        cpu->exit.port.port = step->port;
        cpu->exit.port.width = step->width ? step->width : 1;
        cpu->exit.port.count = step->count ? step->count : 1;
        cpu->exit.port.is_write = step->out != NULL;
        cpu->exit.port.data = p->data;
        if (step->out)
            memcpy(p->data, step->out, cpu->exit.port.count * cpu->exit.port.width);
    }
    if (step->stop == CPU_STOP_FAILED)
        snprintf(cpu->exit.failure, sizeof(cpu->exit.failure), "made of paper");
    return step->stop;
}

static inline uint64_t paper_now(void *cpu)
{
    return ((struct paper_cpu *)cpu)->now;
}

static inline void paper_skip_to(struct cpu *cpu, uint64_t time)
{
    ((struct paper_cpu *)cpu)->now = time;
}

static inline bool paper_ready(struct cpu *cpu)
{
    return ((struct paper_cpu *)cpu)->ready;
}

static inline int paper_interrupt(struct cpu *cpu, uint8_t vector)
{
    struct paper_cpu *p = (struct paper_cpu *)cpu;

    assert_true(p->ready);
    p->ready = false;
    p->injected[p->injected_count++] = vector;
    return 0;
}

static inline void paper_want_window(struct cpu *cpu, bool wanted)
{
    ((struct paper_cpu *)cpu)->window_wanted = wanted;
}

static inline uint32_t paper_gpr(struct cpu *cpu, unsigned which)
{
    return ((struct paper_cpu *)cpu)->state.gpr[which];
}

static inline int paper_get_state(struct cpu *cpu, struct cpu_state *state)
{
    *state = ((struct paper_cpu *)cpu)->state;
    return 0;
}

static inline int paper_set_state(struct cpu *cpu, const struct cpu_state *state)
{
    ((struct paper_cpu *)cpu)->state = *state;
    return 0;
}

static inline void paper_nothing(struct cpu *cpu)
{
    (void)cpu;
}

static const struct cpu_ops paper_ops = {
    .name = "paper",
    .run = paper_run,
    .now = paper_now,
    .skip_to = paper_skip_to,
    .can_interrupt = paper_ready,
    .interrupts_enabled = paper_ready,
    .interrupt = paper_interrupt,
    .want_window = paper_want_window,
    .gpr = paper_gpr,
    .get_state = paper_get_state,
    .set_state = paper_set_state,
    .kick = paper_nothing,
    .destroy = paper_nothing,
};

static inline struct cpu *make_paper(const struct memory *memory, char *why, size_t why_size)
{
    (void)memory;
    (void)why;
    (void)why_size;
    paper.cpu.ops = &paper_ops;
    return &paper.cpu;
}

static inline void print(void *owner, const uint8_t *bytes, size_t count)
{
    (void)owner;
    strncat(printed, (const char *)bytes, count);
}

static inline void warn(void *owner, const char *text)
{
    (void)owner;
    snprintf(warned, sizeof(warned), "%s", text);
}

/* Makes a machine whose CPU follows the script; the configuration lacks all but options. */
static inline struct machine *paper_machine(const struct step *script,
                                            const struct machine_config *options)
{
    struct machine_config config = *options;
    char error[320];
    struct machine *machine;

    config.image.path = image_path;
    config.memory_size = MEMORY_MIN;
    config.make_cpu = make_paper;
    config.inbox = &inbox;
    config.take = inbox_take;
    config.image.read = image_file_read;
    config.print = print;
    config.warn = warn;
    memset(&paper, 0, sizeof(paper));
    paper.script = script;
    printed[0] = warned[0] = '\0';
    machine = machine_create(&config, error, sizeof(error));
    assert_non_null(machine);
    return machine;
}

static inline int paper_set_up(void **unused)
{
    (void)unused;
    int fd = mkstemp(image_path);

    return fd < 0 || write(fd, "\xf4", 1) != 1 || close(fd) < 0 || inbox_init(&inbox) < 0;
}

static inline int paper_tear_down(void **unused)
{
    (void)unused;
    inbox_free(&inbox);
    return unlink(image_path);
}

#endif
