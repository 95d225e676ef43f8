/*
 * Intel 8042 keyboard controller with a 101-key keyboard on its first port and nothing on its
 * second. After the IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary
 * Device Controller" and "101/102-Key Keyboard".
 *
 * As firmware leaves it: keyboard enabled in scan code set 2, translated to set 1, IRQ 1 on, A20
 * on. Commands are answered at once; scan codes come at the pace of the wire, so that a guest
 * which reads port 0x60 twice gets the same byte twice, as on hardware.
 */
#ifndef VMM_DEV_I8042_H
#define VMM_DEV_I8042_H

#include "base/clock.h"
#include "base/irq_line.h"
#include "device.h"

#include <stdbool.h>
#include <stdint.h>

#define I8042_DATA    0x60
#define I8042_COMMAND 0x64
#define I8042_BUFFER  16 /* scan codes that the keyboard holds */
#define I8042_REPLIES 8
#define I8042_BYTE_NS UINT64_C(250000) /* between scan codes: faster than the real wire's 1 ms */

/* Keys for i8042_key whose sequences are longer than a prefix and a code. */
#define I8042_KEY_PRINT_SCREEN 0xe037
#define I8042_KEY_PAUSE        0xe11d

struct bus;

struct i8042_state {
    /* The controller. */
    uint8_t ram[32]; /* ram[0] is the command byte */
    uint8_t dbb;     /* output buffer; keeps the last byte when it is empty */
    bool obf;        /* it is full */
    bool aux;        /* from the second port */
    bool a2;         /* the last write was to the command port */
    bool timeout;    /* the second port did not answer */
    bool a20;
    uint8_t command;                 /* that waits for its data byte; 0: none */
    bool break_prefix;               /* translation has swallowed an F0 */
    bool listening;                  /* the guest has looked at the ports */
    bool was_ready;                  /* can_type when it was looked at last */
    uint64_t next_at;                /* ns: the wire is free for the next scan code */
    uint16_t replies[I8042_REPLIES]; /* of controller and keyboard, go before scan codes */
    unsigned reply_count;

    /* The keyboard. */
    bool scanning;
    uint8_t set; /* scan code set, 1 or 2 */
    uint8_t leds;
    uint8_t typematic;
    uint8_t keyboard_command;          /* that waits for its option; 0: none */
    uint8_t last_sent;                 /* for resend */
    uint16_t buffer[I8042_BUFFER + 1]; /* the last one is for the overrun code only */
    unsigned buffered;
};

struct i8042 {
    struct i8042_state s;
    struct clock *clock;
    struct timer timer;
    struct irq_line irq1;
    struct irq_line irq12;
    void (*ready)(void *owner);
    void (*reset)(void *owner, uint16_t port);
    void (*a20)(void *owner, bool on);
    void *owner;
    uint64_t vain_reads; /* of the status, while there was nothing to read */
};

/*
 * Power on. `ready` is called when can_type turns true and may type at once; `reset` when the
 * guest pulses the CPU's reset line, with the port that it wrote; `a20` when it switches that gate;
 * the latter two from within a register write. Each may be NULL.
 */
void i8042_init(struct i8042 *kbc, struct clock *clock, void (*ready)(void *owner),
                void (*reset)(void *owner, uint16_t port), void (*a20)(void *owner, bool on),
                void *owner);

/* Attaches ports 0x60 and 0x64; false if one of them is taken. */
bool i8042_attach(struct i8042 *kbc, struct bus *ports);

/* To be called after `s` was replaced: sets the A20 gate, drives the lines and arms the timer
 * again. */
void i8042_restored(void *kbc);

/*
 * A key goes down or up. It is named by its set 1 make code, with 0xe000 added if that has the
 * prefix, or by one of the constants above. A disabled keyboard ignores it; one that has no room
 * takes the overrun code.
 */
void i8042_key(struct i8042 *kbc, uint16_t set1_make, bool down);

/* One byte from the keyboard that port 0x60 will give as it is, for tests. */
void i8042_raw(struct i8042 *kbc, uint8_t byte);

/*
 * The guest listens: IRQ 1 has been unmasked, which this chip cannot see. Until this call, or an
 * access to port 0x60 or 0x64, can_type is false.
 */
void i8042_listen(struct i8042 *kbc);

/* Whether the guest is to be interrupted when a key is pressed: the mode says so. */
bool i8042_waits(const struct i8042 *kbc);

/* A key given now would reach the guest, and the guest has read all that was typed before. */
bool i8042_can_type(const struct i8042 *kbc);

extern const struct device_kind i8042_kind;

#endif
