/*
 * The 8237A pair: registers, and transfers that devices ask for. Memory to memory is not there, as
 * it is of no use on a PC/AT.
 */
#include "i8237.h"

#include "base/bus.h"
#include "base/memory.h"

#include <string.h>

#define FIRST_BASE  0x00
#define SECOND_BASE 0xc0 /* its registers are two ports apart */
#define PAGE_BASE   0x81

/* Registers above the channels' (data sheet, figure 6). */
enum {
    STATUS_OR_COMMAND = 8,
    REQUEST,
    SINGLE_MASK,
    MODE,
    CLEAR_FLIP_FLOP,
    MASTER_CLEAR, /* read: the temporary register */
    CLEAR_MASK,
    ALL_MASKS,
    REGISTERS
};

#define COMMAND_DISABLE 0x04

/* The Mode register; verify is 0. */
#define MODE_TRANSFER 0x0c
#define MODE_WRITE    0x04 /* to memory */
#define MODE_READ     0x08
#define MODE_AUTO     0x10
#define MODE_DOWN     0x20
#define MODE_CHANNEL  0x03

#define SET_BIT 0x04 /* of SINGLE_MASK and REQUEST */

/* ---- transfers ---- */

/* The page register of each of the channels 0 to 3, by offset from 0x80. */
static const uint8_t pages[4] = {0x7, 0x3, 0x1, 0x2};

static uint64_t address_of(const struct i8237_state *s, unsigned channel)
{
    return (uint64_t)s->page[pages[channel]] << 16 | s->channel[channel].address;
}

/* A byte was moved. True: it was the last one. */
static bool advance(struct i8237_state *s, unsigned channel)
{
    struct i8237_channel *c = &s->channel[channel];
    uint8_t bit = (uint8_t)(1u << channel);

    c->address = (uint16_t)(c->mode & MODE_DOWN ? c->address - 1 : c->address + 1);
    if (c->count-- != 0)
        return false;
    s->controller[0].reached |= bit;
    s->controller[0].request &= (uint8_t)~bit;
    if (c->mode & MODE_AUTO) {
        c->address = c->base_address;
        c->count = c->base_count;
    } else {
        s->controller[0].mask |= bit;
    }
    return true;
}

size_t i8237_move(struct i8237 *dma, unsigned channel, const uint8_t *from, uint8_t *to,
                  size_t length, bool *ended)
{
    struct i8237_state *s = &dma->s;
    uint8_t wanted = from ? MODE_WRITE : to ? MODE_READ : 0;
    size_t done = 0;

    *ended = false;
    if (channel >= 4 || s->controller[0].mask & 1u << channel ||
        s->controller[0].command & COMMAND_DISABLE ||
        (s->channel[channel].mode & MODE_TRANSFER) != wanted)
        return 0;
    for (; done < length && !*ended; done++) {
        uint64_t address = address_of(s, channel);
        if (from) {
            memory_write(dma->memory, address, from + done, 1);
        } else if (to) {
            to[done] = 0xff;
            memory_read(dma->memory, address, to + done, 1);
        }
        *ended = advance(s, channel);
    }
    return done;
}

/* ---- registers ---- */

static void clear(struct i8237_controller *c)
{
    memset(c, 0, sizeof(*c));
    c->mask = 0x0f;
}

/* An address or a count, a byte at a time: the low one first. */
static uint8_t read_half(struct i8237_controller *c, uint16_t value)
{
    c->second_byte = !c->second_byte;
    return (uint8_t)(c->second_byte ? value : value >> 8);
}

static void write_half(struct i8237_controller *c, uint16_t *to, uint8_t value)
{
    *to = (uint16_t)(c->second_byte ? (*to & 0x00ff) | value << 8 : (*to & 0xff00) | value);
    c->second_byte = !c->second_byte;
}

static uint8_t read_register(struct i8237_state *s, unsigned which, unsigned reg)
{
    struct i8237_controller *c = &s->controller[which];
    const struct i8237_channel *channel = &s->channel[4 * which + reg / 2 % 4];
    uint8_t value = 0;

    if (reg < STATUS_OR_COMMAND)
        return read_half(c, reg % 2 ? channel->count : channel->address);
    if (reg == STATUS_OR_COMMAND) {
        value = (uint8_t)(c->reached | c->request << 4);
        c->reached = 0;
    } else if (reg == ALL_MASKS) {
        value = c->mask | 0xf0;
    }
    return value;
}

static void set_bit(uint8_t *to, uint8_t value)
{
    uint8_t bit = (uint8_t)(1u << (value & MODE_CHANNEL));

    *to = (uint8_t)(value & SET_BIT ? *to | bit : *to & ~bit);
}

static void write_register(struct i8237_state *s, unsigned which, unsigned reg, uint8_t value)
{
    struct i8237_controller *c = &s->controller[which];
    struct i8237_channel *channel = &s->channel[4 * which + reg / 2 % 4];

    switch (reg) {
    case STATUS_OR_COMMAND:
        c->command = value;
        break;
    case REQUEST:
        set_bit(&c->request, value);
        break;
    case SINGLE_MASK:
        set_bit(&c->mask, value);
        break;
    case MODE:
        s->channel[4 * which + (value & MODE_CHANNEL)].mode = value;
        break;
    case CLEAR_FLIP_FLOP:
        c->second_byte = false;
        break;
    case MASTER_CLEAR:
        clear(c);
        break;
    case CLEAR_MASK:
        c->mask = 0;
        break;
    case ALL_MASKS:
        c->mask = value & 0x0f;
        break;
    default: /* base and current register at once */
        if (reg % 2) {
            write_half(c, &channel->base_count, value);
            channel->count = channel->base_count;
        } else {
            write_half(c, &channel->base_address, value);
            channel->address = channel->base_address;
        }
        break;
    }
}

static uint32_t first_read(void *device, uint32_t offset, unsigned width)
{
    (void)width;
    return read_register(&((struct i8237 *)device)->s, 0, offset);
}

static void first_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    (void)width;
    write_register(&((struct i8237 *)device)->s, 0, offset, (uint8_t)value);
}

static uint32_t second_read(void *device, uint32_t offset, unsigned width)
{
    (void)width;
    return read_register(&((struct i8237 *)device)->s, 1, offset / 2);
}

static void second_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    (void)width;
    write_register(&((struct i8237 *)device)->s, 1, offset / 2, (uint8_t)value);
}

static uint32_t page_read(void *device, uint32_t offset, unsigned width)
{
    (void)width;
    return ((struct i8237 *)device)->s.page[1 + offset];
}

static void page_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    (void)width;
    ((struct i8237 *)device)->s.page[1 + offset] = (uint8_t)value;
}

/* ---- building ---- */

void i8237_init(struct i8237 *dma, const struct memory *memory)
{
    memset(dma, 0, sizeof(*dma));
    dma->memory = memory;
    clear(&dma->s.controller[0]);
    clear(&dma->s.controller[1]);
}

bool i8237_attach(struct i8237 *dma, struct bus *ports)
{
    const struct bus_region regions[] = {
        {"8237A", FIRST_BASE, REGISTERS, 1, first_read, first_write, .device = dma},
        {"8237A", SECOND_BASE, 2 * REGISTERS, 1, second_read, second_write, .device = dma},
        {"DMA page", PAGE_BASE, 15, 1, page_read, page_write, .device = dma},
    };

    for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
        if (bus_add(ports, &regions[i]))
            return false;
    }
    return true;
}

/* ---- what snapshots and the monitor ask ---- */

static bool valid(const void *device, const void *state)
{
    const struct i8237_state *s = state;

    (void)device;
    return ARE_BOOLS(&s->controller[0].second_byte, &s->controller[1].second_byte);
}

static void tell(const void *device, struct words *to)
{
    static const char *const directions[] = {"verify", "to memory", "from memory", "no direction"};
    const struct i8237_state *s = &((const struct i8237 *)device)->s;

    for (unsigned i = 0; i < 4; i++) {
        const struct i8237_channel *c = &s->channel[i];
        words_print(to, "channel %u: %s, at 0x%06llx, %u bytes to go%s%s\n", i,
                    directions[(c->mode & MODE_TRANSFER) >> 2],
                    (unsigned long long)address_of(s, i), c->count + 1u,
                    s->controller[0].mask & 1u << i ? ", masked" : "",
                    s->controller[0].reached & 1u << i ? ", terminal count reached" : "");
    }
}

const struct device_kind i8237_kind = {
    DEVICE_STATE(struct i8237, s),
    .valid = valid,
    .tell = tell,
};
