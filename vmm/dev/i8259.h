/*
 * Two Intel 8259A interrupt controllers wired as in a PC: the master's INT goes to the CPU, the
 * slave's INT to the master's input 2, and an edge/level register (ELCR) stands beside each.
 *
 * After the 8259A data sheet (231468). The board decides what the chip leaves open: an edge once
 * seen stays in IRR until it is acknowledged, even if the line falls meanwhile, as in the PC
 * chipsets; ICW3 is taken but the cascade is where it is soldered; 8080 mode (ICW4 absent or
 * without uPM) gives the same vectors as 8086 mode, since the CPU is not an 8080.
 */
#ifndef VMM_DEV_I8259_H
#define VMM_DEV_I8259_H

#include "device.h"

#include <stdbool.h>
#include <stdint.h>

#define I8259_MASTER      0x20
#define I8259_SLAVE       0xa0
#define I8259_ELCR_MASTER 0x4d0
#define I8259_CASCADE     2 /* the master's input that the slave drives */
#define I8259_INPUTS      16

struct bus;

struct i8259 {
    uint8_t lines;   /* levels at the inputs */
    uint8_t latched; /* rising edges not acknowledged yet */
    uint8_t imr;
    uint8_t isr;
    uint8_t elcr; /* 1: level triggered */
    uint8_t icw1;
    uint8_t icw2;
    uint8_t icw3;
    uint8_t icw4;
    uint8_t awaited_icw; /* number of the next ICW; 0: initialised */
    uint8_t lowest;      /* the input of lowest priority, 7 unless rotated */
    bool special_mask;
    bool rotate_in_aeoi;
    bool read_isr; /* reads of the command port give ISR, not IRR */
    bool poll;     /* the next read is a poll */
};

struct i8259_pair {
    struct i8259 master;
    struct i8259 slave;
    /* Statistics, by input of the pair: rising edges seen, vectors delivered to the CPU. */
    uint64_t raised[I8259_INPUTS];
    uint64_t acknowledged[I8259_INPUTS];
    /* Told of each event, when it has happened; NULL: nobody is. What stands before this line
     * holds no pointers: a copy of it is a snapshot. */
    void (*observe)(void *observer, enum interrupt_event event, unsigned input, uint8_t detail);
    void *observer;
};

/* Power on: all masked, and no request reaches the CPU until the ICWs have been written. */
void i8259_init(struct i8259_pair *pair);

/* Attaches ports 0x20-21, 0xa0-a1 and 0x4d0-4d1; false if one of them is taken. */
bool i8259_attach(struct i8259_pair *pair, struct bus *ports);

/* Drives an input, 0 to 15. The cascade (2) and inputs above 15 are ignored. */
void i8259_set_line(void *pair, unsigned input, bool level);

/* The master's INT pin: the CPU is asked for an acknowledge cycle. */
bool i8259_has_request(const void *pair);

/*
 * The CPU's INTA cycle: returns the vector to take. Without a request it is the spurious one: the
 * master's input 7, or the slave's input 7 if the slave's request has gone meanwhile.
 */
uint8_t i8259_acknowledge(void *pair);

/* The interrupt request register: what asks, masked or not. */
uint8_t i8259_irr(const struct i8259 *chip);

/* An input's requests can reach the CPU: chips initialised, neither it nor the cascade masked. */
bool i8259_is_enabled(const void *pair, unsigned input);

/* The input in service that would hold back a request of this one; -1: none does. */
int i8259_held_by(const struct i8259_pair *pair, unsigned input);

/* Some input is enabled, or a request is there already: an interrupt may still come. */
bool i8259_can_request(const void *pair);

extern const struct device_kind i8259_kind;

#endif
