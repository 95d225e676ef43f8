/*
 * Mistakes of guests that work here but fail on real hardware. Each has its rule in a function; a
 * rule knows the ports, the chips' states, and the clock. A warning says what, where, and what
 * real hardware does.
 */
#include "strict.h"

#include "base/port_names.h"
#include "machine/machine.h"
#include "machine/recent.h"
#include "mistakes.h"
#include "pit_rules.h"
#include "state_rules.h"

#include <stdlib.h>
#include <string.h>

/* How long an interrupt may be in service while another waits for it, and a key or the RTC's
 * register C stay unread. */
#define LONG_NS (100 * UINT64_C(1000000))

#define UNMAPPED_PORTS  0x10000
#define UNMAPPED_BLOCKS 0x10000 /* of 64 KiB */

struct strict {
    struct machine *machine;
    struct mistakes mistakes;
    struct recent *recent;
    struct pit_rules pit;
    struct state_rules state;
    struct timer timer; /* for what is a mistake only if it lasts */
    uint64_t taken_at[I8259_INPUTS];
    /* By chip: a spurious interrupt came when ESP was this; nothing was acknowledged since. */
    bool is_spurious[2];
    uint32_t spurious_esp[2];
    uint16_t opened; /* inputs that the guest itself has unmasked */
    bool key_is_due; /* IRQ 1 was taken, and port 0x60 not read since */
    uint64_t key_since;
    uint32_t key_eip; /* of its EOI */
    bool rtc_is_due;  /* likewise IRQ 8 and register C */
    uint64_t rtc_since;
    uint32_t rtc_eip;
    bool kbc_is_unasked;  /* the 8042 was written, and its status not read since */
    uint64_t thr_busy_to; /* when the bytes given to THR would be on the wire */
    unsigned absent_told;
    uint8_t unmapped[(UNMAPPED_PORTS + UNMAPPED_BLOCKS) / 8];
};

static const char *const chip_names[] = {"master", "slave"};

/* Of the next instruction, or the present one, unless it was told before. */
#define WARN(strict, mistake, which, ...) MISTAKE(&(strict)->mistakes, mistake, which, __VA_ARGS__)

/* ---- addresses where nothing is ---- */

/* A stack that runs through all addresses finds a new block of them each moment. */
#define ABSENT_TOLD 64

static bool first_time(struct strict *strict, uint32_t which)
{
    uint8_t bit = (uint8_t)(1 << (which % 8)), *byte = &strict->unmapped[which / 8];
    bool first = !(*byte & bit);

    *byte |= bit;
    if (first && ++strict->absent_told == ABSENT_TOLD)
        machine_warn(strict->machine, "more accesses to where nothing is are not told");
    return first && strict->absent_told < ABSENT_TOLD;
}

/* All that is done of it where nobody waits for a warning. The access is among the recent ones by
 * now. */
static void note_absent(void *recent, uint32_t address, unsigned width, bool is_write)
{
    (void)address;
    (void)width;
    (void)is_write;
    recent_last_access(recent)->is_absent = true;
}

static void on_unmapped_port(void *owner, uint32_t port, unsigned width, bool is_write)
{
    struct strict *strict = owner;
    const char *device;

    note_absent(strict->recent, port, width, is_write);
    if (!first_time(strict, port))
        return;
    device = port_absent_device(port);
    mistake_at(&strict->mistakes, ABSENT, 0, machine_eip(strict->machine),
               "%u-byte %s port %#x%s%s%s, where no device is", width,
               is_write ? "write to" : "read from", port, device ? " (" : "", device ? device : "",
               device ? ")" : "");
}

static void on_unmapped_memory(void *owner, uint32_t address, unsigned width, bool is_write)
{
    struct strict *strict = owner;

    note_absent(strict->recent, address, width, is_write);
    if (first_time(strict, UNMAPPED_PORTS + (address >> 16)))
        mistake_at(&strict->mistakes, ABSENT, 0, machine_eip(strict->machine),
                   "%u-byte %s address %#x, where %s", width, is_write ? "write to" : "read from",
                   address,
                   memory_kind(&strict->machine->memory, address) == MEMORY_ROM
                       ? "ROM is"
                       : "neither RAM nor a device is");
}

/* ---- interrupts that do not end, and ends without an interrupt ---- */

static uint32_t esp(const struct strict *strict)
{
    struct cpu *cpu = strict->machine->cpu;

    return cpu->ops->gpr(cpu, CPU_ESP);
}

/* Has on_long look, unless it will anyway. */
static void look_later(struct strict *strict)
{
    if (!strict->mistakes.is_quiet && strict->timer.deadline == CLOCK_NEVER)
        timer_arm(&strict->machine->clock, &strict->timer,
                  clock_now(&strict->machine->clock) + LONG_NS);
}

/* An input's request that would reach the CPU if `irq` were not in service; -1: there is none. */
static int held_request(const struct machine *machine, unsigned irq)
{
    const struct i8259_pair *pic = &machine->pic;

    for (unsigned other = 0; other < I8259_INPUTS; other++) {
        const struct i8259 *chip = other < 8 ? &pic->master : &pic->slave;
        if ((i8259_irr(chip) >> (other & 7) & 1) && i8259_is_enabled(pic, other) &&
            i8259_held_by(pic, other) == (int)irq)
            return (int)other;
    }
    return -1;
}

/* It is none while the guest keeps interrupts off: then it has not come back from anything. */
static void check_eoi(struct strict *strict, unsigned irq, uint64_t now)
{
    struct machine *machine = strict->machine;
    int held = held_request(machine, irq);

    if (held < 0 || now - strict->taken_at[irq] < LONG_NS ||
        !machine->cpu->ops->interrupts_enabled(machine->cpu))
        return;
    WARN(strict, EOI_LOST, irq,
         "IRQ %u%s has been in service for %llu ms, interrupts are on, and IRQ %d waits for its "
         "EOI: it was lost, or the handler is too slow",
         irq, irq == I8259_CASCADE ? " (the slave's, at the master)" : "",
         (unsigned long long)((now - strict->taken_at[irq]) / 1000000), held);
}

static void check_key(struct strict *strict, uint64_t now)
{
    if (!strict->key_is_due || strict->key_since == CLOCK_NEVER ||
        now - strict->key_since < LONG_NS || !strict->machine->keyboard.s.obf)
        return;
    if (mistake_is_new(&strict->mistakes, KEY_UNREAD, 0))
        mistake_at(&strict->mistakes, KEY_UNREAD, 0, strict->key_eip,
                   "IRQ 1 was ended here, but port 0x60 has not been read since: the keyboard "
                   "sends no more bytes until it is");
}

/* Bit 7 of register C, IRQF, holds the line up until the register is read. */
static void check_rtc(struct strict *strict, uint64_t now)
{
    if (!strict->rtc_is_due || strict->rtc_since == CLOCK_NEVER ||
        now - strict->rtc_since < LONG_NS || !machine_input(strict->machine, 8).is_high)
        return;
    if (mistake_is_new(&strict->mistakes, RTC_UNREAD, 0))
        mistake_at(&strict->mistakes, RTC_UNREAD, 0, strict->rtc_eip,
                   "IRQ 8 was ended here, but the RTC's register C (0x0c to port 0x70, then a read "
                   "of 0x71) has not been read since: it interrupts no more until it is");
}

/* Looks for what lasts too long; whether more of that may be found later. */
static bool check_lasting(struct strict *strict)
{
    const struct i8259_pair *pic = &strict->machine->pic;
    uint64_t now = clock_now(&strict->machine->clock);
    bool goes_on = (strict->key_is_due && !strict->mistakes.seen[KEY_UNREAD]) ||
                   (strict->rtc_is_due && !strict->mistakes.seen[RTC_UNREAD]);

    check_key(strict, now);
    check_rtc(strict, now);
    for (unsigned irq = 0; irq < I8259_INPUTS; irq++) {
        const struct i8259 *chip = irq < 8 ? &pic->master : &pic->slave;
        if (!(chip->isr >> (irq & 7) & 1) || strict->taken_at[irq] == CLOCK_NEVER)
            continue;
        check_eoi(strict, irq, now);
        goes_on = goes_on || !(strict->mistakes.seen[EOI_LOST] >> irq & 1);
    }
    return goes_on;
}

static void on_long(void *owner)
{
    struct strict *strict = owner;

    if (check_lasting(strict))
        look_later(strict);
}

static void on_taken(struct strict *strict, unsigned irq)
{
    uint64_t now = clock_now(&strict->machine->clock);

    strict->is_spurious[irq / 8] = false;
    strict->taken_at[irq] = now;
    if (irq >= 8)
        strict->taken_at[I8259_CASCADE] = now;
    if (irq == 1) {
        strict->key_is_due = true;
        strict->key_since = CLOCK_NEVER;
    }
    if (irq == 8) {
        strict->rtc_is_due = true;
        strict->rtc_since = CLOCK_NEVER;
    }
    look_later(strict);
}

/* The handler of a spurious interrupt runs: above where ESP was then, it has returned. */
static bool is_in_spurious(const struct strict *strict, unsigned chip)
{
    return strict->is_spurious[chip] && esp(strict) < strict->spurious_esp[chip];
}

static void check_df(struct strict *strict, unsigned irq)
{
    struct cpu *cpu = strict->machine->cpu;
    struct cpu_state state;

    if (cpu->ops->get_state(cpu, &state) == 0)
        state_rules_eoi(&strict->state, &strict->mistakes, irq, state.eflags);
}

static void on_eoi(struct strict *strict, unsigned irq)
{
    unsigned chip = irq / 8;

    strict->taken_at[irq] = CLOCK_NEVER;
    if (irq == 1 && strict->key_is_due) {
        strict->key_since = clock_now(&strict->machine->clock);
        strict->key_eip = machine_eip(strict->machine);
        look_later(strict);
    }
    if (irq == 8 && strict->rtc_is_due) {
        strict->rtc_since = clock_now(&strict->machine->clock);
        strict->rtc_eip = machine_eip(strict->machine);
        look_later(strict);
    }
    if (strict->state.had_df)
        check_df(strict, irq);
    if (is_in_spurious(strict, chip))
        WARN(strict, EOI_AFTER_SPURIOUS, chip,
             "an EOI to the %s 8259 for a spurious IRQ %u, which needs none, ended IRQ %u, which "
             "was still in service: read the ISR first",
             chip_names[chip], 8 * chip + 7, irq);
}

static void on_eoi_in_vain(struct strict *strict, unsigned irq, uint8_t ocw2)
{
    unsigned chip = irq / 8;

    if (is_in_spurious(strict, chip))
        WARN(strict, EOI_AFTER_SPURIOUS, chip,
             "an EOI to the %s 8259 for a spurious IRQ %u, which needs none: it would have ended "
             "another IRQ in service; read the ISR first",
             chip_names[chip], 8 * chip + 7);
    else if (ocw2 & 0x40)
        WARN(strict, EOI_IN_VAIN, chip,
             "a specific EOI to the %s 8259 for IRQ %u, which is not in service: the IRQ that is "
             "in service gets no EOI",
             chip_names[chip], irq);
    else
        WARN(
            strict, EOI_IN_VAIN, chip,
            "an EOI to the %s 8259, where nothing is in service: it would have ended any interrupt "
            "that came just before it",
            chip_names[chip]);
}

/* Where nobody waits for a warning it is looked now and then: at the first interrupts of an IRQ,
 * and ever more rarely, since some engines give their state slowly. */
static void check_state(struct strict *strict, unsigned irq, uint8_t vector)
{
    struct cpu *cpu = strict->machine->cpu;
    uint64_t taken = machine_input(strict->machine, irq).taken;
    struct cpu_state state;

    if ((strict->mistakes.is_quiet && (taken & (taken - 1))) ||
        cpu->ops->get_state(cpu, &state) < 0)
        return;
    state_rules_interrupt(&strict->state, &strict->mistakes, &state, irq, vector);
}

void strict_pic(struct strict *strict, enum interrupt_event event, unsigned irq, uint8_t detail)
{
    const struct i8259 *chip = irq < 8 ? &strict->machine->pic.master : &strict->machine->pic.slave;

    switch (event) {
    case INTERRUPT_ACKNOWLEDGED:
        check_state(strict, irq, detail);
        on_taken(strict, irq);
        if (!(chip->isr >> (irq & 7) & 1)) /* automatic EOI */
            on_eoi(strict, irq);
        break;
    case INTERRUPT_POLLED:
        on_taken(strict, irq);
        if (!(chip->isr >> (irq & 7) & 1)) /* automatic EOI */
            on_eoi(strict, irq);
        break;
    case INTERRUPT_SPURIOUS:
        strict->is_spurious[irq / 8] = true;
        strict->spurious_esp[irq / 8] = esp(strict);
        if (irq >= 8) /* to the master it is a real one */
            strict->taken_at[I8259_CASCADE] = clock_now(&strict->machine->clock);
        look_later(strict);
        break;
    case INTERRUPT_EOI:
        on_eoi(strict, irq);
        break;
    case INTERRUPT_EOI_IN_VAIN:
        on_eoi_in_vain(strict, irq, detail);
        break;
    case INTERRUPT_INITIALISED:
        for (unsigned i = 0; i < 8; i++)
            strict->taken_at[irq + i] = CLOCK_NEVER;
        strict->is_spurious[irq / 8] = false;
        break;
    case INTERRUPT_RAISED:
    case INTERRUPT_LOST:
        break;
    }
}

/* ---- programming the 8259 ---- */

/* Data sheet of the 8259A, "Initialization Command Words": ICW1 to ICW4 follow each other. */
static void check_command(struct strict *strict, unsigned which, const struct i8259 *chip,
                          uint8_t value)
{
    const char *name = chip_names[which];
    bool is_icw1 = value & 0x10;

    if (chip->awaited_icw >= 2 && !is_icw1)
        WARN(strict, ICW_BROKEN_OFF, which,
             "OCW%d (%#04x) to the %s 8259, which waits for ICW%u: ICW1 to ICW4 go together",
             value & 0x08 ? 3 : 2, value, name, chip->awaited_icw);
    if (chip->awaited_icw >= 2 && is_icw1)
        WARN(strict, ICW_AGAIN, which,
             "ICW1 to the %s 8259, which still waits for ICW%u of the previous ICW1", name,
             chip->awaited_icw);
    if (is_icw1 && !(value & 1))
        WARN(strict, ICW4_8080, which,
             "ICW1 %#04x to the %s 8259 says that no ICW4 follows: a real 8259 then answers INTA "
             "with the CALL of an 8080",
             value, name);
}

/* The start-up code of boot/pm32.asm opens all, and a BIOS in ROM some; that is not the guest's
 * wish. */
static void note_opened(struct strict *strict, unsigned which, uint8_t inputs)
{
    uint16_t opened = (uint16_t)(inputs << 8 * which);
    uint32_t eip;

    if ((strict->opened & opened) == opened)
        return;
    eip = machine_eip(strict->machine);
    if ((eip < IMAGE_RESERVED_BASE || eip >= IMAGE_RESERVED_END) &&
        memory_kind(&strict->machine->memory, eip) != MEMORY_ROM)
        strict->opened |= opened;
}

static void check_data(struct strict *strict, unsigned which, const struct i8259 *chip,
                       uint8_t value)
{
    const char *name = chip_names[which];

    switch (chip->awaited_icw) {
    case 0:
        note_opened(strict, which, (uint8_t)~value);
        break;
    case 1:
        WARN(strict, ICW_MISSING, which,
             "a mask for the %s 8259, which was never initialised (ICW1 to ICW4)", name);
        break;
    case 3:
        if (which == 0 ? value != 0x04 : (value & 7) != 2)
            WARN(strict, ICW3_WIRING, which,
                 "ICW3 %#04x to the %s 8259: on a PC the slave is at input 2 (%#04x), and its "
                 "interrupts would be lost",
                 value, name, which == 0 ? 0x04 : 0x02);
        break;
    case 4:
        if (value & 0xe0)
            WARN(strict, ICW4_IS_MASK, which,
                 "ICW4 %#04x to the %s 8259 looks like a mask: was an ICW left out?", value, name);
        else if (!(value & 1))
            WARN(strict, ICW4_8080, which,
                 "ICW4 %#04x to the %s 8259: without bit 0 a real 8259 answers INTA with the CALL "
                 "of an 8080",
                 value, name);
        break;
    default:
        break;
    }
}

/* ---- other chips ---- */

static void check_counter_read(struct strict *strict, unsigned which)
{
    const struct i8254_counter *counter = &strict->machine->pit.s.counter[which];
    bool is_two_bytes = (counter->control >> 4 & 3) == 3;

    if (!is_two_bytes || counter->count_latched || counter->status_latched || !counter->loaded ||
        counter->stopped)
        return;
    WARN(strict, PIT_UNLATCHED, which,
         "counter %u of the 8254 is read while it counts, without a latch command (port 0x43, "
         "%#04x): its two bytes may be from different counts",
         which, which << 6);
}

static void check_kbc_write(struct strict *strict, uint32_t port)
{
    if (strict->kbc_is_unasked)
        WARN(strict, KBC_UNASKED, 0,
             "port %#x is written, but port 0x64 was not read since the last such write: a real "
             "8042 may be busy (bit 1, IBF), and then loses the byte",
             port);
    strict->kbc_is_unasked = true;
}

/* THR holds a byte, or 16 with FIFOs, besides the one that is sent; a frame has 10 bits at least.
 */
static void check_thr_write(struct strict *strict)
{
    const struct ns16550_state *uart = &strict->machine->com1.s;
    uint64_t now = clock_now(&strict->machine->clock);
    uint64_t frame = UINT64_C(10) * (uart->divisor ? uart->divisor : 1) * NS_PER_SECOND / 115200;
    uint64_t room = uart->fcr & 1 ? NS16550_FIFO : 1;

    if (uart->lcr & 0x80) /* it is the divisor */
        return;
    if (strict->thr_busy_to < now)
        strict->thr_busy_to = now;
    if (strict->thr_busy_to - now > room * frame)
        WARN(strict, THR_FULL, 0,
             "a byte is written to COM1 before it can have sent the previous ones, and LSR (port "
             "0x3fd, bit 5) was not read: a real UART loses it");
    strict->thr_busy_to += frame;
}

static void on_read(struct strict *strict, uint32_t port)
{
    switch (port) {
    case 0x40:
    case 0x41:
    case 0x42:
        check_counter_read(strict, port - 0x40);
        break;
    case 0x60:
        strict->key_is_due = false;
        break;
    case MC146818_PORT + 1:
        if (strict->machine->rtc.s.index == 0x0c)
            strict->rtc_is_due = false;
        break;
    case 0x64:
        strict->kbc_is_unasked = false;
        break;
    case NS16550_COM1 + 2:
    case NS16550_COM1 + 5:
        strict->thr_busy_to = 0;
        break;
    default:
        break;
    }
}

#define PORT_BIT(port) (UINT64_C(1) << ((port) % 64))

const uint64_t strict_ports[OBSERVED_PORTS / 64] = {
    [0x00 / 64] = PORT_BIT(I8259_MASTER) | PORT_BIT(I8259_MASTER + 1),
    [0x40 / 64] = PORT_BIT(0x40) | PORT_BIT(0x41) | PORT_BIT(0x42) | PORT_BIT(0x43) |
                  PORT_BIT(0x60) | PORT_BIT(0x64) | PORT_BIT(MC146818_PORT + 1),
    [0xa0 / 64] = PORT_BIT(I8259_SLAVE) | PORT_BIT(I8259_SLAVE + 1),
    [NS16550_COM1 / 64] =
        PORT_BIT(NS16550_COM1) | PORT_BIT(NS16550_COM1 + 2) | PORT_BIT(NS16550_COM1 + 5),
};

void strict_port(struct strict *strict, uint32_t port, bool is_write, uint32_t value)
{
    const struct i8259_pair *pic = &strict->machine->pic;

    if (!is_write) {
        on_read(strict, port);
        return;
    }
    switch (port) {
    case I8259_MASTER:
        check_command(strict, 0, &pic->master, (uint8_t)value);
        break;
    case I8259_MASTER + 1:
        check_data(strict, 0, &pic->master, (uint8_t)value);
        break;
    case I8259_SLAVE:
        check_command(strict, 1, &pic->slave, (uint8_t)value);
        break;
    case I8259_SLAVE + 1:
        check_data(strict, 1, &pic->slave, (uint8_t)value);
        break;
    case 0x40:
    case 0x41:
    case 0x42:
    case 0x43:
        pit_rules_write(&strict->pit, &strict->mistakes, &strict->machine->pit, port - 0x40,
                        (uint8_t)value);
        break;
    case 0x60:
    case 0x64:
        check_kbc_write(strict, port);
        break;
    case NS16550_COM1:
        check_thr_write(strict);
        break;
    default:
        break;
    }
}

/* ---- beginning and end ---- */

void strict_look(struct strict *strict)
{
    struct cpu *cpu = strict->machine->cpu;
    struct cpu_state state;

    if (cpu->ops->get_state(cpu, &state) == 0)
        state_rules_look(&strict->state, &strict->mistakes, &state);
    if (!strict->mistakes.is_quiet)
        state_rules_screen(&strict->mistakes);
}

void strict_end(struct strict *strict)
{
    const struct machine_outcome *outcome = &strict->machine->outcome;

    check_lasting(strict);
    if (outcome->has_state)
        state_rules_look(&strict->state, &strict->mistakes, &outcome->state);
    if (outcome->has_state && !(outcome->state.eflags & EFLAGS_IF))
        state_rules_handlers(&strict->mistakes);
    if (outcome->end == END_HALTED && strict->machine->halted && outcome->has_state)
        state_rules_halted(&strict->mistakes, &outcome->state,
                           strict->recent->interrupts ? 0 : strict->opened);
    strict->mistakes.is_looking_back = true;
    state_rules_screen(&strict->mistakes);
}

struct mistakes *strict_mistakes(struct strict *strict)
{
    return &strict->mistakes;
}

void strict_restored(struct strict *strict)
{
    mistakes_forget(&strict->mistakes); /* what is said does not depend on the past */
    memset(strict->unmapped, 0, sizeof(strict->unmapped));
    strict->absent_told = 0;
    for (unsigned irq = 0; irq < I8259_INPUTS; irq++)
        strict->taken_at[irq] = CLOCK_NEVER;
    strict->is_spurious[0] = strict->is_spurious[1] = false;
    strict->key_is_due = strict->rtc_is_due = strict->kbc_is_unasked = false;
    strict->state.had_df = false;
    strict->opened = 0;
    strict->pit = (struct pit_rules){.begun = 7}; /* nobody knows how it was set up */
    strict->thr_busy_to = 0;
    timer_arm(&strict->machine->clock, &strict->timer, CLOCK_NEVER);
}

struct strict *strict_new(struct machine *machine, struct recent *recent, bool is_quiet)
{
    struct strict *strict = calloc(1, sizeof(*strict));

    if (!strict)
        return NULL;
    strict->machine = machine;
    strict->recent = recent;
    strict->mistakes.machine = machine;
    strict->mistakes.is_quiet = is_quiet;
    timer_init(&strict->timer, on_long, strict);
    state_rules_init(&strict->state, machine);
    strict_restored(strict);
    strict->pit.begun = 0;
    machine->ports.unmapped = is_quiet ? note_absent : on_unmapped_port;
    machine->mmio.unmapped = is_quiet ? note_absent : on_unmapped_memory;
    machine->ports.unmapped_context = machine->mmio.unmapped_context =
        is_quiet ? (void *)recent : strict;
    return strict;
}

void strict_free(struct strict *strict)
{
    free(strict);
}
