/*
 * The pair of 8237A DMA controllers of a PC/AT, with their page registers. After Intel's data sheet
 * (231466) and, for the pages, the PC/AT's Technical Reference. A device that has data, or wants
 * some, moves it through its channel, all that is there at once.
 */
#ifndef VMM_DEV_I8237_H
#define VMM_DEV_I8237_H

#include "device.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define I8237_CHANNELS 8 /* 0 to 3 move bytes, 5 to 7 words; 4 is the first controller's */

struct bus;
struct memory;

struct i8237_state {
    struct i8237_channel {
        uint16_t base_address, base_count; /* as written: what autoinitialization brings back */
        uint16_t address, count;           /* of what is left: one less than the transfers */
        uint8_t mode;
    } channel[I8237_CHANNELS];
    struct i8237_controller {
        bool second_byte; /* the flip-flop: what of a 16-bit register is accessed next */
        uint8_t command;
        uint8_t mask;    /* a bit a channel: its requests are not heard */
        uint8_t request; /* by software */
        uint8_t reached; /* terminal count, since the status was read */
    } controller[2];
    uint8_t page[16]; /* ports 0x80 to 0x8f: the first is not here */
};

struct i8237 {
    struct i8237_state s;
    const struct memory *memory;
};

/* After a reset: all channels masked. */
void i8237_init(struct i8237 *dma, const struct memory *memory);

/* Attaches ports 0x00-0x0f, 0xc0-0xdf and 0x81-0x8f; false if one of them is taken. */
bool i8237_attach(struct i8237 *dma, struct bus *ports);

/*
 * A device moves up to `length` bytes over one of the channels 0 to 3: `from` it to memory, or, if
 * that is NULL, from memory `to` it; with both NULL it is verified. Returns how many: fewer when
 * the terminal count is reached, which `ended` tells; none if the channel is masked, disabled or
 * programmed for another direction. What lies outside of RAM reads as ones and vanishes.
 */
size_t i8237_move(struct i8237 *dma, unsigned channel, const uint8_t *from, uint8_t *to,
                  size_t length, bool *ended);

extern const struct device_kind i8237_kind;

#endif
