/*
 * Intel 8259A pair. A request is what a chip would put through now: the highest of IRR that is
 * not masked and stands above everything in service. All else follows from that one function.
 */
#include "i8259.h"

#include "base/bus.h"

#include <stdio.h>
#include <string.h>

#define ICW1_MARK 0x10 /* in a write to the even port: this is ICW1 */
#define ICW1_IC4  0x01 /* ICW4 will follow */
#define ICW1_SNGL 0x02 /* no cascade, no ICW3 */
#define ICW1_LTIM 0x08 /* every input level triggered */
#define ICW2_BASE 0xf8
#define ICW4_AEOI 0x02
#define ICW4_SFNM 0x10

#define OCW3_MARK 0x08 /* in a write to the even port without ICW1_MARK: OCW3, else OCW2 */
#define OCW3_RIS  0x01
#define OCW3_RR   0x02
#define OCW3_POLL 0x04
#define OCW3_SMM  0x20
#define OCW3_ESMM 0x40

#define OCW2_EOI   0x20
#define OCW2_SL    0x40 /* the low three bits name the input */
#define OCW2_R     0x80 /* rotate */
#define OCW2_LEVEL 0x07

#define POLL_REQUEST 0x80
#define SPURIOUS     7
#define NONE         (-1)

/* Inputs that a PC holds to edges: timer, keyboard, cascade; clock and coprocessor. */
#define ELCR_MASTER_WRITABLE 0xf8
#define ELCR_SLAVE_WRITABLE  0xde

static uint8_t bit(int input)
{
    return (uint8_t)(1u << input);
}

static uint8_t level_triggered(const struct i8259 *chip)
{
    return chip->icw1 & ICW1_LTIM ? 0xff : chip->elcr;
}

uint8_t i8259_irr(const struct i8259 *chip)
{
    uint8_t level = level_triggered(chip);

    return (uint8_t)((chip->lines & level) | (chip->latched & ~level));
}

/* The first of `inputs` in order of priority, which starts after the lowest; NONE if empty. */
static int highest(const struct i8259 *chip, uint8_t inputs)
{
    for (int i = 1; inputs && i <= 8; i++) {
        int input = (chip->lowest + i) & 7;
        if (inputs & bit(input))
            return input;
    }
    return NONE;
}

static void tell(const struct i8259_pair *pair, enum interrupt_event event, unsigned input,
                 uint8_t detail)
{
    if (pair->observe)
        pair->observe(pair->observer, event, input, detail);
}

/* The number of a chip's first input. */
static unsigned first_input(const struct i8259_pair *pair, const struct i8259 *chip)
{
    return chip == &pair->slave ? 8 : 0;
}

/* How far an input is from the top of priority: 0 to 7; for NONE, below them all. */
static int rank(const struct i8259 *chip, int input)
{
    return input == NONE ? 8 : (input - chip->lowest - 1) & 7;
}

/* What is in service and not below an input, or NONE. */
static int holder(const struct i8259 *chip, bool is_master, int input)
{
    uint8_t blocking = chip->isr;

    if (chip->special_mask)
        blocking &= (uint8_t)~chip->imr;
    if (is_master && input == I8259_CASCADE && chip->icw4 & ICW4_SFNM)
        blocking &= (uint8_t)~bit(I8259_CASCADE); /* the slave does its own nesting */
    int first = highest(chip, blocking);
    return rank(chip, first) <= rank(chip, input) ? first : NONE;
}

/* The input whose request the chip puts through, or NONE: its INT pin. */
static int request(const struct i8259 *chip, bool is_master)
{
    int input = highest(chip, i8259_irr(chip) & (uint8_t)~chip->imr);

    if (chip->awaited_icw || input == NONE)
        return NONE;
    return holder(chip, is_master, input) == NONE ? input : NONE;
}

static void set_input(struct i8259 *chip, int input, bool level)
{
    uint8_t mask = bit(input);

    if (level && !(chip->lines & mask) && !(level_triggered(chip) & mask))
        chip->latched |= mask;
    chip->lines = (uint8_t)(level ? chip->lines | mask : chip->lines & ~mask);
}

/* The wire from the slave's INT to the master; the master's INT is looked at by the CPU. */
static void i8259_update_irq(struct i8259_pair *pair)
{
    set_input(&pair->master, I8259_CASCADE, request(&pair->slave, false) != NONE);
}

/* The slave's INT is low while it is acknowledged: what else it has is a new edge to the master. */
static void pulse_cascade(struct i8259_pair *pair)
{
    set_input(&pair->master, I8259_CASCADE, false);
    i8259_update_irq(pair);
}

/* An input enters service: by INTA, or by a poll. */
static void accept(struct i8259 *chip, int input)
{
    chip->latched &= (uint8_t)~bit(input);
    if (!(chip->icw4 & ICW4_AEOI))
        chip->isr |= bit(input);
    else if (chip->rotate_in_aeoi)
        chip->lowest = (uint8_t)input;
}

static void write_icw1(struct i8259 *chip, uint8_t value)
{
    chip->icw1 = value;
    chip->icw3 = 0;
    chip->icw4 = 0;
    chip->latched = 0; /* an input that is high must fall and rise again */
    chip->imr = 0;
    chip->isr = 0;
    chip->lowest = 7;
    chip->special_mask = false;
    chip->rotate_in_aeoi = false;
    chip->read_isr = false;
    chip->poll = false;
    chip->awaited_icw = 2;
}

static void write_icw2_to_4(struct i8259 *chip, uint8_t value)
{
    switch (chip->awaited_icw) {
    case 2:
        chip->icw2 = value;
        if (!(chip->icw1 & ICW1_SNGL)) {
            chip->awaited_icw = 3;
            return;
        }
        break;
    case 3:
        chip->icw3 = value;
        break;
    case 4:
        chip->icw4 = value;
        chip->awaited_icw = 0;
        return;
    default:
        return; /* ICW1 has not been written yet */
    }
    chip->awaited_icw = chip->icw1 & ICW1_IC4 ? 4 : 0;
}

static void write_ocw2(struct i8259_pair *pair, struct i8259 *chip, uint8_t value)
{
    int input = value & OCW2_LEVEL;
    unsigned first = first_input(pair, chip);

    if (value & OCW2_EOI) {
        /* In special mask mode a masked input is out of reach of the plain EOI. */
        uint8_t in_service = chip->special_mask ? chip->isr & (uint8_t)~chip->imr : chip->isr;
        if (!(value & OCW2_SL))
            input = highest(chip, in_service);
        if (input == NONE) {
            tell(pair, INTERRUPT_EOI_IN_VAIN, first, value);
            return;
        }
        bool ends = chip->isr & bit(input);
        chip->isr &= (uint8_t)~bit(input);
        if (value & OCW2_R)
            chip->lowest = (uint8_t)input;
        tell(pair, ends ? INTERRUPT_EOI : INTERRUPT_EOI_IN_VAIN, first + (unsigned)input, value);
    } else if (!(value & OCW2_SL)) {
        chip->rotate_in_aeoi = value & OCW2_R;
    } else if (value & OCW2_R) {
        chip->lowest = (uint8_t)input;
    }
}

static void write_ocw3(struct i8259 *chip, uint8_t value)
{
    if (value & OCW3_ESMM)
        chip->special_mask = value & OCW3_SMM;
    if (value & OCW3_POLL)
        chip->poll = true;
    else if (value & OCW3_RR)
        chip->read_isr = value & OCW3_RIS;
}

static void chip_write(struct i8259_pair *pair, struct i8259 *chip, uint32_t offset, uint8_t value)
{
    if (offset == 0 && value & ICW1_MARK) {
        write_icw1(chip, value);
        tell(pair, INTERRUPT_INITIALISED, first_input(pair, chip), value);
    } else if (offset == 0 && value & OCW3_MARK)
        write_ocw3(chip, value);
    else if (offset == 0)
        write_ocw2(pair, chip, value);
    else if (chip->awaited_icw)
        write_icw2_to_4(chip, value);
    else
        chip->imr = value;
}

static uint8_t chip_read(struct i8259_pair *pair, struct i8259 *chip, uint32_t offset)
{
    if (chip->poll) {
        int input = request(chip, chip == &pair->master);
        chip->poll = false;
        if (input == NONE)
            return 0;
        accept(chip, input);
        tell(pair, INTERRUPT_POLLED, first_input(pair, chip) + (unsigned)input, 0);
        return (uint8_t)(POLL_REQUEST | input);
    }
    if (offset == 1)
        return chip->imr;
    return chip->read_isr ? chip->isr : i8259_irr(chip);
}

static uint32_t master_read(void *device, uint32_t offset, unsigned width)
{
    struct i8259_pair *pair = device;

    (void)width;
    return chip_read(pair, &pair->master, offset);
}

static void master_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct i8259_pair *pair = device;

    (void)width;
    chip_write(pair, &pair->master, offset, (uint8_t)value);
    i8259_update_irq(pair);
}

static uint32_t slave_read(void *device, uint32_t offset, unsigned width)
{
    struct i8259_pair *pair = device;
    bool was_poll = pair->slave.poll;
    uint8_t value = chip_read(pair, &pair->slave, offset);

    (void)width;
    if (was_poll)
        pulse_cascade(pair);
    return value;
}

static void slave_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct i8259_pair *pair = device;

    (void)width;
    chip_write(pair, &pair->slave, offset, (uint8_t)value);
    i8259_update_irq(pair);
}

static uint32_t elcr_read(void *device, uint32_t offset, unsigned width)
{
    struct i8259_pair *pair = device;

    (void)width;
    return offset == 0 ? pair->master.elcr : pair->slave.elcr;
}

static void elcr_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct i8259_pair *pair = device;
    struct i8259 *chip = offset == 0 ? &pair->master : &pair->slave;

    (void)width;
    chip->elcr = (uint8_t)(value & (offset == 0 ? ELCR_MASTER_WRITABLE : ELCR_SLAVE_WRITABLE));
    chip->latched &= (uint8_t)~chip->elcr; /* what was an edge does not come back later */
    i8259_update_irq(pair);
}

void i8259_init(struct i8259_pair *pair)
{
    memset(pair, 0, sizeof(*pair));
    pair->master.imr = pair->slave.imr = 0xff;
    pair->master.lowest = pair->slave.lowest = 7;
    pair->master.awaited_icw = pair->slave.awaited_icw = 1;
}

bool i8259_attach(struct i8259_pair *pair, struct bus *ports)
{
    const struct bus_region regions[] = {
        {"i8259 master", I8259_MASTER, 2, 1, master_read, master_write, .device = pair},
        {"i8259 slave", I8259_SLAVE, 2, 1, slave_read, slave_write, .device = pair},
        {"i8259 ELCR", I8259_ELCR_MASTER, 2, 1, elcr_read, elcr_write, .device = pair},
    };

    for (unsigned i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
        if (bus_add(ports, &regions[i]))
            return false;
    }
    return true;
}

void i8259_set_line(void *sink, unsigned input, bool level)
{
    struct i8259_pair *pair = sink;

    if (input >= I8259_INPUTS || input == I8259_CASCADE)
        return;
    struct i8259 *chip = input < 8 ? &pair->master : &pair->slave;
    bool rises = level && !(chip->lines & bit(input & 7));
    bool is_lost = rises && (chip->latched & bit(input & 7));
    if (rises)
        pair->raised[input]++;
    set_input(chip, input & 7, level);
    i8259_update_irq(pair);
    if (rises)
        tell(pair, is_lost ? INTERRUPT_LOST : INTERRUPT_RAISED, input, 0);
}

bool i8259_has_request(const void *chips)
{
    const struct i8259_pair *pair = chips;

    return request(&pair->master, true) != NONE;
}

/* An INTA cycle that found no request at a chip. */
static uint8_t spurious(const struct i8259_pair *pair, const struct i8259 *chip)
{
    uint8_t vector = (uint8_t)((chip->icw2 & ICW2_BASE) | SPURIOUS);

    tell(pair, INTERRUPT_SPURIOUS, first_input(pair, chip) + SPURIOUS, vector);
    return vector;
}

uint8_t i8259_acknowledge(void *chips)
{
    struct i8259_pair *pair = chips;
    struct i8259 *chip = &pair->master;
    int input = request(chip, true);
    uint8_t vector;

    if (input == NONE)
        return spurious(pair, chip);
    accept(chip, input);
    if (input == I8259_CASCADE && !(chip->icw1 & ICW1_SNGL)) {
        chip = &pair->slave;
        input = request(chip, false);
        if (input != NONE)
            accept(chip, input);
        pulse_cascade(pair);
        if (input == NONE)
            return spurious(pair, chip);
    }
    input += (int)first_input(pair, chip);
    vector = (uint8_t)((chip->icw2 & ICW2_BASE) | (input & 7));
    pair->acknowledged[input]++;
    tell(pair, INTERRUPT_ACKNOWLEDGED, (unsigned)input, vector);
    return vector;
}

bool i8259_is_enabled(const void *chips, unsigned input)
{
    const struct i8259_pair *pair = chips;
    const struct i8259 *master = &pair->master, *slave = &pair->slave;

    if (input >= I8259_INPUTS || master->awaited_icw)
        return false;
    if (input < 8)
        return input != I8259_CASCADE && !(master->imr & bit((int)input));
    return !(master->imr & bit(I8259_CASCADE)) && !slave->awaited_icw &&
           !(slave->imr & bit((int)input - 8));
}

int i8259_held_by(const struct i8259_pair *pair, unsigned input)
{
    int at_slave = input < 8 ? NONE : holder(&pair->slave, false, (int)input - 8);

    if (at_slave != NONE)
        return at_slave + 8;
    return holder(&pair->master, true, input < 8 ? (int)input : I8259_CASCADE);
}

bool i8259_can_request(const void *pair)
{
    for (unsigned input = 0; input < I8259_INPUTS; input++) {
        if (i8259_is_enabled(pair, input))
            return true;
    }
    return i8259_has_request(pair);
}

/* ---- what the machine and its monitor ask ---- */

static const struct i8259 *chip_of(const struct i8259_pair *pair, unsigned input)
{
    return input < 8 ? &pair->master : &pair->slave;
}

static struct interrupt_input look(const void *chips, unsigned input)
{
    const struct i8259_pair *pair = chips;
    const struct i8259 *chip = chip_of(pair, input);
    uint8_t mask = bit(input & 7);

    return (struct interrupt_input){
        .vector = (uint8_t)((chip->icw2 & ICW2_BASE) + (input & 7)),
        .is_requested = i8259_irr(chip) & mask,
        .is_in_service = chip->isr & mask,
        .is_masked = chip->imr & mask,
        .is_controller_masked = input >= 8 && (pair->master.imr & bit(I8259_CASCADE)),
        .is_uninitialised = chip->awaited_icw,
        .is_cascade = input == I8259_CASCADE,
        .is_high = chip->lines & mask,
        .is_level_triggered = chip->elcr & mask,
        .held_by = i8259_held_by(pair, input),
        .raised = pair->raised[input],
        .taken = pair->acknowledged[input],
    };
}

static unsigned count_bits(uint8_t master, uint8_t slave)
{
    unsigned bits = (unsigned)(slave << 8 | (master & (uint8_t)~bit(I8259_CASCADE))), total = 0;

    for (; bits; bits &= bits - 1)
        total++;
    return total;
}

static void count(const void *chips, unsigned *requested, unsigned *in_service)
{
    const struct i8259_pair *pair = chips;

    *requested = count_bits(i8259_irr(&pair->master), i8259_irr(&pair->slave));
    *in_service = count_bits(pair->master.isr, pair->slave.isr);
}

static void tell_registers(const void *chips, struct words *to)
{
    const struct i8259_pair *pair = chips;

    for (unsigned i = 0; i < 2; i++) {
        const struct i8259 *chip = i ? &pair->slave : &pair->master;
        words_print(to, "pic%u: irr %02x  isr %02x  imr %02x  base %02x\n", i, i8259_irr(chip),
                    chip->isr, chip->imr, chip->icw2);
    }
}

static void set_observer(void *chips,
                         void (*observe)(void *observer, enum interrupt_event event, unsigned input,
                                         uint8_t detail),
                         void *observer)
{
    struct i8259_pair *pair = chips;

    pair->observe = observe;
    pair->observer = observer;
}

static const struct interrupt_controller controller = {
    .inputs = I8259_INPUTS,
    .set_line = i8259_set_line,
    .has_request = i8259_has_request,
    .acknowledge = i8259_acknowledge,
    .can_request = i8259_can_request,
    .is_enabled = i8259_is_enabled,
    .look = look,
    .count = count,
    .tell_registers = tell_registers,
    .set_observer = set_observer,
};

static bool is_valid_chip(const struct i8259 *chip)
{
    return chip->awaited_icw <= 4 && chip->lowest <= 7 &&
           ARE_BOOLS(&chip->special_mask, &chip->rotate_in_aeoi, &chip->read_isr, &chip->poll);
}

static bool valid(const void *device, const void *state)
{
    const struct i8259_pair *pair = state; /* up to its observer */

    (void)device;
    return is_valid_chip(&pair->master) && is_valid_chip(&pair->slave);
}

static void tell_chip(const struct i8259 *chip, const char *name, struct words *to)
{
    char awaited[40];

    snprintf(awaited, sizeof(awaited), "not initialised, waits for ICW%u", chip->awaited_icw);
    words_print(to, "%s: ", name);
    words_list(to, chip->awaited_icw, awaited);
    words_list(to, !(chip->icw4 & 1), "8080 mode");
    words_list(to, chip->icw4 & ICW4_AEOI, "automatic EOI");
    words_list(to, chip->icw4 & ICW4_SFNM, "special fully nested");
    words_list(to, chip->special_mask, "special mask mode");
    words_list(to, chip->lowest != 7, "priorities rotated");
    words_list(to, chip->read_isr, "reads give ISR");
    words_list(to, chip->poll, "the next read is a poll");
    words_end_list(to, "initialised");
}

static void tell_pair(const void *device, struct words *to)
{
    const struct i8259_pair *pair = device;

    tell_chip(&pair->master, "master", to);
    tell_chip(&pair->slave, "slave", to);
    words_print(to, "INT to the CPU is %s\n",
                i8259_has_request(pair) ? "high: an interrupt is requested" : "low");
}

const struct device_kind i8259_kind = {
    .size = sizeof(struct i8259_pair),
    .state_size = offsetof(struct i8259_pair, observe),
    .valid = valid,
    .tell = tell_pair,
    .interrupts = &controller,
};
