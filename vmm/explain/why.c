/*
 * The guest's state and what it did lately (watch/recent.h), looked at by rules: the first one that
 * holds says what the guest does, and the first one of a second table what keeps interrupts away.
 */
#include "why.h"

#include "base/port_names.h"
#include "cpu/arch.h"
#include "hints.h"
#include "machine/board.h"
#include "machine/recent.h"
#include "watch/mistakes.h"
#include "watch/state_rules.h"
#include "watch/watch.h"

#include <stdlib.h>
#include <string.h>

#define HINTS_MAX 3

#define ATA_PRIMARY 0x1f0u /* the first of its ports */

/* The same exception so often, and no further apart than that on average, is no progress. */
#define FAULTS       1000
#define FAULT_GAP_NS UINT64_C(100000)

/* Of the last accesses, so many must be of one kind to be called polling. */
#define POLLS         64
#define POLLS_PERCENT 40
#define POLLED_MAX    5 /* different accesses: more is work */

/* Code that is no longer is a loop that waits. */
#define LOOP_BYTES 64
#define LOOP_LAPS  4

/* Without an interrupt for so long, nothing comes. */
#define SILENCE_NS UINT64_C(500000000)

struct look {
    struct machine *machine;
    struct cpu_state state;
    const struct recent *recent;
    uint64_t now;
    uint32_t eip; /* linear */
    bool is_on;   /* IF */
    bool is_told; /* that it waits in HLT or runs, and where, has been said */
    FILE *to;
    /* What the rules have found. */
    bool is_stuck;         /* it can't go on by itself, and it is no input that is missing */
    bool tells_eoi;        /* an EOI that is missing was told */
    bool tells_absent;     /* likewise what is not there */
    bool tells_recursion;  /* which ends with the stack anywhere */
    bool waits_interrupts; /* it may be waiting for one */
};

static bool take_look(struct look *look, struct machine *machine, FILE *to)
{
    const struct machine_outcome *outcome = &machine->outcome;

    *look = (struct look){.machine = machine, .recent = watch_recent(machine), .to = to};
    if (outcome->end != END_NONE && outcome->has_state)
        look->state = outcome->state;
    else if (machine->cpu->ops->get_state(machine->cpu, &look->state) < 0)
        return false;
    look->now = outcome->end != END_NONE ? outcome->guest_ns : clock_now(&machine->clock);
    look->eip = look->state.segment[CPU_CS].base + look->state.eip;
    look->is_on = look->state.eflags & EFLAGS_IF;
    return look->recent != NULL;
}

/* "0x10002c (main+0x4 (k.c:3))", "07c0:0012" of real mode, for a linear address in CS. */
static void put_place(const struct look *look, uint32_t address)
{
    const struct cpu_segment *cs = &look->state.segment[CPU_CS];
    char place[160];

    if (look->state.cr0 & CR0_PE)
        fprintf(look->to, "%#x", address);
    else
        fprintf(look->to, "%04x:%04x", cs->selector, (address - cs->base) & 0xffff);
    if (machine_describe(look->machine, address, place, sizeof(place)))
        fprintf(look->to, " (%s)", place);
}

static struct interrupt_input input_of(const struct look *look, unsigned irq)
{
    return machine_input(look->machine, irq);
}

static bool is_enabled(const struct look *look, unsigned irq)
{
    return look->machine->interrupts->is_enabled(look->machine->interrupt_chip, irq);
}

/* "IRQ 0 (timer)". */
static void put_irq(const struct look *look, unsigned irq)
{
    const char *label = board_irq_label(irq);

    fprintf(look->to, *label ? "IRQ %u (%s)" : "IRQ %u", irq, label);
}

/* ---- what it does: exceptions ---- */

static bool takes_one_fault(struct look *look)
{
    const struct cpu_call_count *call = &look->recent->call[0];

    if (call->count < FAULTS || look->now - call->last > FAULT_GAP_NS ||
        (call->last - call->first) / call->count > FAULT_GAP_NS)
        return false;
    fprintf(look->to, "it takes the same exception again and again, %llu times so far: %s at eip ",
            (unsigned long long)call->count, arch_exception_name(call->vector));
    put_place(look, call->from);
    if (call->vector == 14)
        fprintf(look->to, ", cr2 %#x", call->cr2);
    fprintf(look->to, ": its handler returns without having removed the cause\n");
    look->is_stuck = true;
    return true;
}

/* ---- what it does: HLT ---- */

static bool waits_in_hlt(struct look *look)
{
    if (!look->machine->halted)
        return false;
    if (!look->is_told) {
        fprintf(look->to, "it waits in HLT%s at ", look->is_on ? "" : ", with interrupts off,");
        put_place(look, look->eip);
        fputc('\n', look->to);
    }
    look->is_stuck = !look->is_on;
    look->waits_interrupts = true;
    return true;
}

/* ---- what it does: polling ---- */

/* What a device's register says as long as there is nothing to do. */
static const struct idle_value {
    uint32_t port;
    uint8_t mask, value;
    const char *meaning;
    bool is_input; /* which may yet come */
} idle_values[] = {
    {0x3fd, 0x01, 0x00, "no byte has come in on COM1", true},
    {0x2fd, 0x01, 0x00, "no byte has come in on COM2", true},
    {0x64, 0x01, 0x00, "the keyboard has sent nothing", true},
    {0x64, 0x01, 0x01, "bit 0: a byte waits in port 0x60 to be read", false},
    {0x60, 0x00, 0x00, "the last byte of the keyboard: bit 0 of port 0x64 says when another came",
     true},
};

/* What is read most often of late. */
struct polled {
    struct recent_access access;
    bool is_steady; /* always with the same value */
};

static bool is_same_access(const struct recent_access *a, const struct recent_access *b)
{
    return a->address == b->address && a->is_port == b->is_port && a->is_write == b->is_write;
}

/* False: it does not poll. */
static bool find_polled(const struct look *look, struct polled *polled)
{
    const struct recent *recent = look->recent;
    unsigned kinds = 0, best = 0, counts[POLLED_MAX] = {0};
    struct polled found[POLLED_MAX];
    unsigned size =
        recent->accesses < RECENT_ACCESSES ? (unsigned)recent->accesses : RECENT_ACCESSES;

    for (unsigned i = 0; i < size; i++) {
        const struct recent_access *access = &recent->access[i];
        unsigned kind = 0;
        while (kind < kinds && !is_same_access(access, &found[kind].access))
            kind++;
        if (kind == POLLED_MAX)
            return false;
        if (kind == kinds)
            found[kinds++] = (struct polled){*access, true};
        found[kind].is_steady = found[kind].is_steady && found[kind].access.value == access->value;
        counts[kind]++;
        if (!access->is_write && (counts[kind] > counts[best] || found[best].access.is_write))
            best = kind;
    }
    if (kinds == 0 || found[best].access.is_write || counts[best] < POLLS ||
        counts[best] * 100 < size * POLLS_PERCENT)
        return false;
    *polled = found[best];
    return true;
}

/* It has gone on with its accesses since the CPU came back before the last time. */
static bool is_accessing(const struct look *look)
{
    const struct recent *recent = look->recent;
    uint64_t before;

    if (recent->laps < 2)
        return recent->accesses >= RECENT_ACCESSES;
    before = recent->lap[(recent->laps - 2) % RECENT_LAPS].accesses;
    return recent->accesses - before >= POLLS;
}

static const char *name_of(const struct look *look, const struct recent_access *access)
{
    const struct bus *bus = access->is_port ? &look->machine->ports : &look->machine->mmio;
    const struct bus_region *region = bus_find(bus, access->address);
    const char *name = access->is_port ? port_name(access->address, access->is_write) : NULL;

    if (!region)
        return access->is_port ? port_absent_device(access->address)
                               : address_absent_device(access->address);
    return name ? name : region->name;
}

/* "port 0x1f7 (the primary ATA disk)". */
static void put_access(const struct look *look, const struct recent_access *access)
{
    const char *name = name_of(look, access);

    fprintf(look->to, "%s %#x", access->is_port ? "port" : "address", access->address);
    if (name)
        fprintf(look->to, " (%s)", name);
}

static const struct idle_value *idle_value(const struct polled *polled)
{
    const struct recent_access *access = &polled->access;

    for (size_t i = 0; i < sizeof(idle_values) / sizeof(idle_values[0]); i++) {
        const struct idle_value *idle = &idle_values[i];
        if (access->is_port && access->address == idle->port && polled->is_steady &&
            (access->value & idle->mask) == idle->value)
            return idle;
    }
    return NULL;
}

static bool polls(struct look *look)
{
    struct polled polled;
    const struct idle_value *idle;

    if (!is_accessing(look) || !find_polled(look, &polled))
        return false;
    idle = idle_value(&polled);
    fprintf(look->to, "it polls ");
    put_access(look, &polled.access);
    if (polled.access.is_absent) {
        fprintf(look->to, ", where this machine has no device: each read gives 0x%02x%s",
                polled.access.value,
                polled.access.is_port && (polled.access.address & ~7u) == ATA_PRIMARY
                    ? " (--hda FILE is one)"
                    : "");
        look->is_stuck = look->tells_absent = true;
    } else if (polled.is_steady) {
        fprintf(look->to, ", which reads 0x%02x each time%s%s", polled.access.value,
                idle ? ": " : "", idle ? idle->meaning : "");
        look->is_stuck = !(idle && idle->is_input) && !look->is_on;
    }
    fprintf(look->to, "; it is at ");
    put_place(look, look->eip);
    fputc('\n', look->to);
    look->waits_interrupts = !polled.access.is_absent;
    return true;
}

/* ---- what it does: loops ---- */

/* A jump to itself: JMP rel8, JMP rel32, rel16. */
static bool jumps_to_itself(const struct look *look)
{
    uint8_t code[5] = {0};

    arch_read_linear(&look->state, &look->machine->memory, look->eip, code, sizeof(code));
    return memcmp(code, "\xeb\xfe", 2) == 0 || memcmp(code, "\xe9\xfb\xff\xff\xff", 5) == 0 ||
           memcmp(code, "\xe9\xfd\xff", 3) == 0;
}

/* The places where it was lately, in [*low, *high]; how many. */
static unsigned find_loop(const struct look *look, uint32_t *low, uint32_t *high)
{
    const struct recent *recent = look->recent;
    unsigned count = recent->laps < RECENT_LAPS / 2 ? (unsigned)recent->laps : RECENT_LAPS / 2;

    *low = *high = look->eip;
    for (unsigned i = 1; i <= count; i++) {
        uint32_t eip = recent->lap[(recent->laps - i) % RECENT_LAPS].eip;
        if (eip < *low)
            *low = eip;
        if (eip > *high)
            *high = eip;
    }
    return count;
}

static bool goes_round(struct look *look)
{
    uint32_t low, high;
    unsigned laps = find_loop(look, &low, &high);

    if (jumps_to_itself(look)) {
        fprintf(look->to, "it jumps to itself at ");
        put_place(look, look->eip);
    } else if (laps >= LOOP_LAPS && high - low <= LOOP_BYTES && !is_accessing(look)) {
        fprintf(look->to, "it goes round in a loop %s ", low == high ? "at" : "between");
        put_place(look, low);
        if (low != high) {
            fprintf(look->to, " and ");
            put_place(look, high);
        }
    } else {
        return false;
    }
    fprintf(look->to, look->is_on ? "\n" : ", with interrupts off\n");
    look->is_stuck = !look->is_on;
    look->waits_interrupts = true;
    return true;
}

static bool runs(struct look *look)
{
    if (!look->is_told) {
        fprintf(look->to, "it runs at ");
        put_place(look, look->eip);
        fprintf(look->to, ", with interrupts %s\n", look->is_on ? "on" : "off");
    }
    return true;
}

/* ---- why no interrupt comes ---- */

static bool has_half_a_controller(struct look *look)
{
    const struct i8259_pair *pic = &look->machine->pic;
    const struct i8259 *chip = pic->master.awaited_icw >= 2 ? &pic->master : &pic->slave;

    if (chip->awaited_icw < 2)
        return false;
    fprintf(look->to,
            "the %s 8259 got ICW1, and still waits for ICW%u (port %#x): until then it "
            "lets no interrupt through\n",
            chip == &pic->master ? "master" : "slave", chip->awaited_icw,
            chip == &pic->master ? I8259_MASTER + 1 : I8259_SLAVE + 1);
    look->is_stuck = true;
    return true;
}

static bool has_interrupts_off(struct look *look)
{
    if (look->is_on)
        return false;
    for (unsigned irq = 0; irq < look->machine->interrupts->inputs; irq++) {
        struct interrupt_input input = input_of(look, irq);
        if (!input.is_requested || input.is_cascade || !is_enabled(look, irq))
            continue;
        put_irq(look, irq);
        fprintf(look->to,
                input.held_by < 0 ? " is pending, but interrupts are off (IF)%s\n"
                                  : " is pending, but interrupts are off, and an IRQ "
                                    "is in service%s\n",
                look->recent->interrupts ||
                        !state_rules_has_handler(look->machine, &look->state, input.vector)
                    ? ""
                    : ", and none was ever taken: STI was forgotten");
        return true;
    }
    return false;
}

static bool has_lost_eoi(struct look *look)
{
    for (unsigned irq = 0; irq < look->machine->interrupts->inputs; irq++) {
        struct interrupt_input input = input_of(look, irq);
        if (!input.is_requested || input.is_cascade || input.held_by < 0 || !is_enabled(look, irq))
            continue;
        put_irq(look, irq);
        fprintf(look->to, " is pending, but ");
        if (input.held_by == (int)irq)
            fprintf(look->to, "the one before");
        else
            put_irq(look, (unsigned)input.held_by);
        fprintf(look->to,
                " is still in service: its handler has sent no EOI (0x20 to port 0x20%s)\n",
                input.held_by >= 8 || irq >= 8 ? ", and to 0xa0" : "");
        look->tells_eoi = true;
        look->is_stuck = true;
        return true;
    }
    return false;
}

/* A device holds its line up, so that it never rises again. */
static bool has_unread_device(struct look *look)
{
    const struct machine *machine = look->machine;

    if (machine->keyboard.s.obf && input_of(look, 1).is_high && is_enabled(look, 1) &&
        !input_of(look, 1).is_requested) {
        fprintf(look->to, "IRQ 1 (keyboard) can't come again before the last byte is read from "
                          "port 0x60\n");
    } else if (input_of(look, 8).is_high && is_enabled(look, 8) &&
               !input_of(look, 8).is_requested) {
        fprintf(look->to, "IRQ 8 (clock) can't come again before the RTC's register C is read "
                          "(0x0c to port 0x70, then port 0x71)\n");
    } else {
        return false;
    }
    look->is_stuck = true;
    return true;
}

/* They do come. */
static bool has_interrupts(struct look *look)
{
    const struct recent *recent = look->recent;

    if (recent->interrupts == 0 || look->now - recent->interrupt_at > SILENCE_NS)
        return false;
    fprintf(look->to, "the last interrupt, ");
    put_irq(look, recent->irq);
    fprintf(look->to, ", came %.1f ms ago\n", (double)(look->now - recent->interrupt_at) / 1e6);
    return true;
}

/* Why a device whose input is open would never raise its line; NULL: it may. */
static const char *reason_of_silence(const struct look *look, unsigned irq)
{
    const struct machine *machine = look->machine;

    switch (irq) {
    case 0:
        return machine->pit.s.rise_at == CLOCK_NEVER
                   ? "counter 0 of the 8254 is not counting towards an interrupt"
                   : NULL;
    case 1:
        return !i8042_waits(&machine->keyboard)
                   ? "bit 0 of the 8042's command byte (command 0x60) is clear"
                   : NULL;
    case 4:
        return !ns16550_waits(&machine->com1) ? "bit 0 of COM1's IER (port 0x3f9) is clear" : NULL;
    case 8:
        return !(machine->rtc.s.cmos[0x0b] & 0x70) ? "bits 4 to 6 of the RTC's register B are clear"
                                                   : NULL;
    default:
        return NULL;
    }
}

static bool has_masked_request(struct look *look)
{
    for (unsigned irq = 0; irq < look->machine->interrupts->inputs; irq++) {
        struct interrupt_input input = input_of(look, irq);
        if (!input.is_requested || input.is_cascade || is_enabled(look, irq) ||
            !state_rules_has_handler(look->machine, &look->state, input.vector))
            continue;
        put_irq(look, irq);
        fprintf(look->to, " is pending, but %s\n",
                input.is_uninitialised ? "its 8259 is not initialised"
                : input.is_masked      ? "masked in the 8259 (IMR)"
                                  : "all of the second 8259 are masked (IRQ 2 at the first one)");
        return true;
    }
    return false;
}

/* What is open, and why nothing comes of it. */
static bool has_silent_inputs(struct look *look)
{
    unsigned open = 0;

    if (!look->is_on)
        return false;
    for (unsigned irq = 0; irq < look->machine->interrupts->inputs; irq++) {
        const char *reason;
        if (input_of(look, irq).is_cascade || !is_enabled(look, irq) || !*board_irq_label(irq))
            continue;
        reason = reason_of_silence(look, irq);
        if (open > 0 && reason)
            continue; /* one that may come is of more use */
        fprintf(look->to, open ? ", " : "open inputs: ");
        put_irq(look, irq);
        if (reason)
            fprintf(look->to, ", which never comes: %s", reason);
        open++;
    }
    if (!open)
        fprintf(look->to, "no input of the 8259s is open");
    fputc('\n', look->to);
    return true;
}

/* ---- all of it ---- */

static void find_first(struct look *look, bool (*const rules[])(struct look *look), unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (rules[i](look))
            return;
    }
}

static bool (*const activities[])(struct look *look) = {
    takes_one_fault, waits_in_hlt, polls, goes_round, runs,
};

static bool (*const obstacles[])(struct look *look) = {
    has_half_a_controller, has_interrupts_off, has_lost_eoi,      has_unread_device,
    has_interrupts,        has_masked_request, has_silent_inputs,
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void tell(struct look *look)
{
    find_first(look, activities, COUNT(activities));
    if (look->waits_interrupts)
        find_first(look, obstacles, COUNT(obstacles));
}

/* ---- mistakes ---- */

/* An access to nothing, among the last ones. */
static void tell_absent(const struct look *look)
{
    const struct recent *recent = look->recent;

    for (uint64_t i = 1; i <= 8 && i <= recent->accesses; i++) {
        const struct recent_access *access =
            &recent->access[(recent->accesses - i) % RECENT_ACCESSES];
        if (!access->is_absent)
            continue;
        fprintf(look->to, "  hint: one of the last accesses was a %s ",
                access->is_write ? "write to" : "read of");
        put_access(look, access);
        fprintf(look->to, ", where this machine has no device\n");
        return;
    }
}

/* Others say more of it: what is told of an EOI above, of a stack that is still lost in the notes
 * on the end (hints.c). */
static bool is_said(const struct look *look, enum mistake mistake)
{
    const struct cpu_state *state = &look->state;
    uint32_t stack = state->segment[CPU_SS].base + state->gpr[CPU_ESP] - 1;
    uint8_t byte;

    return (mistake == EOI_LOST && look->tells_eoi) ||
           ((mistake == STACK_LOST || mistake == STACK_IN_CODE) && look->tells_recursion) ||
           (mistake == STACK_LOST && look->machine->outcome.end != END_NONE &&
            arch_read_linear(state, &look->machine->memory, stack, &byte, 1) == 0);
}

static unsigned tell_mistakes(const struct look *look, enum gravity least)
{
    const struct mistakes *mistakes = watch_mistakes(look->machine);
    unsigned told = 0;

    for (int gravity = GRAVITY_FATAL; mistakes && gravity >= (int)least; gravity--) {
        for (unsigned i = 0; i < mistakes->count && told < HINTS_MAX; i++) {
            const struct kept_mistake *kept = &mistakes->kept[i];
            char text[MISTAKE_TEXT + 200];
            if ((int)mistake_gravity(kept->mistake) != gravity || is_said(look, kept->mistake))
                continue;
            mistake_put(look->machine, kept, text, sizeof(text));
            fprintf(look->to, "  hint: %s\n", text);
            told++;
        }
    }
    return told;
}

/* Puts `before` before each line of a text. */
static void put_lines(FILE *to, const char *before, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        fprintf(to, "%s%.*s\n", before, (int)length, text);
        text += length + (text[length] == '\n');
    }
}

/* What the guest does, to a text, for it depends on what is found whether it is shown. */
static char *tell_text(struct look *look)
{
    char *text = NULL;
    size_t size;
    FILE *to = look->to;

    look->to = open_memstream(&text, &size);
    if (look->to) {
        tell(look);
        fclose(look->to);
    }
    look->to = to;
    return text;
}

void why_tell(FILE *to, struct machine *machine)
{
    struct look look;

    if (!take_look(&look, machine, to)) {
        fprintf(to, "nothing is known of what the guest does\n");
        return;
    }
    tell(&look);
    if (tell_mistakes(&look, GRAVITY_STYLE) < HINTS_MAX && !look.tells_absent)
        tell_absent(&look);
}

/* What is worth being said of a run that ended in this way. */
static enum gravity least_gravity(const struct look *look)
{
    switch (look->machine->outcome.end) {
    case END_HALTED: /* CLI and HLT are a usual end */
        return look->is_on ? GRAVITY_HARM : GRAVITY_FATAL;
    case END_SHUTDOWN:
    case END_FAULT:
    case END_CPU_FAILED:
    case END_TIMEOUT:
        return GRAVITY_STYLE;
    case END_QUIT:
        return look->is_stuck ? GRAVITY_STYLE : GRAVITY_HARM;
    default:
        return GRAVITY_FATAL;
    }
}

/* The notes on a guest that is dead, or stands still, where its registers are its own. */
static bool print_notes(FILE *to, const struct machine *machine)
{
    const struct machine_outcome *outcome = &machine->outcome;
    const struct info info = {.machine = machine, .state = &outcome->state, .to = to};

    if (!outcome->has_state || (outcome->end == END_SHUTDOWN && arch_is_reset(&outcome->state)) ||
        (!machine_end_is_death(outcome->end) && outcome->end != END_QUIT))
        return false;
    return hints_print(&info);
}

void why_conclude(FILE *to, struct machine *machine)
{
    enum machine_end end = machine->outcome.end;
    bool is_still = end == END_TIMEOUT || end == END_QUIT;
    enum gravity least;
    struct look look;
    char *text;

    if (!take_look(&look, machine, to))
        return;
    look.is_told = end == END_TIMEOUT;
    text = is_still ? tell_text(&look) : NULL;
    if (text && (look.is_stuck || end == END_TIMEOUT))
        put_lines(to, "  why: ", text);
    free(text);
    look.tells_recursion = print_notes(to, machine);
    least = least_gravity(&look);
    if (tell_mistakes(&look, least) < HINTS_MAX && least == GRAVITY_STYLE && !look.tells_absent &&
        !look.tells_recursion)
        tell_absent(&look);
}
