/*
 * National PC16550D UART, as on a PC's COM ports. After its data sheet (TL/C/8652).
 *
 * A byte written to THR is out at once, so THRE and TEMT always read as set. A byte received is
 * there at once; only the FIFO's time-out of four characters takes the time that the programmed
 * rate asks for. On the wire of a PC: CTS, DSR and DCD are on, RI is off, and OUT2 lets the
 * interrupt through.
 */
#ifndef VMM_DEV_NS16550_H
#define VMM_DEV_NS16550_H

#include "base/clock.h"
#include "base/irq_line.h"
#include "device.h"

#include <stdbool.h>
#include <stdint.h>

#define NS16550_COM1      0x3f8
#define NS16550_REGISTERS 8
#define NS16550_FIFO      16

struct bus;

struct ns16550_state {
    uint8_t ier;
    uint8_t fcr;
    uint8_t lcr;
    uint8_t mcr;
    uint8_t lsr; /* OE and BI only, the rest is derived */
    uint8_t msr; /* lines and their deltas */
    uint8_t scr;
    uint16_t divisor;
    uint8_t fifo[NS16550_FIFO];    /* received; without FIFOs one entry is used */
    bool fifo_break[NS16550_FIFO]; /* it came as a break */
    unsigned count;                /* entries, oldest first */
    uint8_t rbr;                   /* the byte read last, which an empty RBR gives again */
    bool thre_pending;             /* THR has emptied, and IIR has not reported it */
    bool timeout_pending;          /* bytes lay in the FIFO for four characters' time */
    bool listening;                /* the guest has looked for input */
    uint8_t lsr_reads;             /* since THR was last written, up to 2 */
    bool was_ready;                /* can_receive when it was looked at last */
    uint64_t fifo_touched;         /* ns: the FIFO was last filled or read */
    uint64_t sent;                 /* bytes, not those looped back */
};

struct ns16550 {
    struct ns16550_state s;
    struct clock *clock;
    struct timer timer;
    struct irq_line irq;
    void (*transmit)(void *owner, uint8_t byte);
    void (*ready)(void *owner);
    void *owner;
    uint64_t vain_reads; /* of RBR and LSR, while nothing was received */
};

/*
 * Power on. `transmit` gets each byte sent (not those looped back), from within the register
 * write; `ready` is called when can_receive turns true and may call ns16550_receive at once.
 * Either may be NULL.
 */
void ns16550_init(struct ns16550 *uart, struct clock *clock,
                  void (*transmit)(void *owner, uint8_t byte), void (*ready)(void *owner),
                  void *owner);

/* Attaches the eight ports at `base`; false if one of them is taken. */
bool ns16550_attach(struct ns16550 *uart, struct bus *ports, uint16_t base);

/* To be called after `s` was replaced: drives irq and arms the timer again. */
void ns16550_restored(void *uart);

/* Whether the guest is to be interrupted when a byte is received: IER says so. */
bool ns16550_waits(const struct ns16550 *uart);

/*
 * A byte given now would reach the guest: there is room, the receiver is connected (no loopback),
 * and the guest is listening, that is, has read RBR, or LSR twice without
 * writing THR between, or enabled the receive interrupt.
 */
bool ns16550_can_receive(const struct ns16550 *uart);

/* A byte arrives: without room it is an overrun, in loopback mode it is ignored. */
void ns16550_receive(struct ns16550 *uart, uint8_t byte);

/* A break comes in: a zero byte with BI. */
void ns16550_receive_break(struct ns16550 *uart);

extern const struct device_kind ns16550_kind;

#endif
