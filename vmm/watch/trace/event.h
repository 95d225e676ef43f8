/*
 * The events of a machine that --trace writes.
 */
#ifndef VMM_WATCH_TRACE_EVENT_H
#define VMM_WATCH_TRACE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

/* What can be asked for. */
enum trace_category {
    CATEGORY_IRQ,       /* the life of an interrupt */
    CATEGORY_EXC,       /* exceptions */
    CATEGORY_INT,       /* INT instructions */
    CATEGORY_IO,        /* accesses to ports */
    CATEGORY_MMIO,      /* and to devices in memory */
    CATEGORY_HYPERCALL, /* port 0x500 */
    CATEGORY_DISK,      /* requests of virtio block devices */
    CATEGORY_HALT,      /* HLT, and what wakes from it */
    CATEGORY_INPUT,     /* keys, and bytes to COM1, when they reach the guest */
    CATEGORIES,
    CATEGORY_MACHINE = CATEGORIES, /* resets and ends, told always */
};

enum trace_kind {
    TRACE_RAISE,    /* a line of `name` rises; `state`: what becomes of it */
    TRACE_LOST,     /* likewise, while an edge was latched there */
    TRACE_ACK,      /* INTA: the vector; since it was raised */
    TRACE_SPURIOUS, /* INTA without a request */
    TRACE_POLL,     /* taken by a poll; since it was raised */
    TRACE_HANDLER,  /* at the handler's first instruction; `value`: where it came from */
    TRACE_EOI,      /* `value`: the OCW2; since the INTA */
    TRACE_VAIN_EOI, /* an EOI that ended nothing */
    TRACE_FORGET,   /* a request or service that ends otherwise; `state`: how */
    TRACE_EXCEPTION,
    TRACE_UNDELIVERED, /* an event without a handler; `state`: which, and why */
    TRACE_SOFTWARE,
    TRACE_IN,
    TRACE_OUT,
    TRACE_READ,
    TRACE_WRITE,
    TRACE_CALL, /* hypercall; `value`: EBX */
    TRACE_DISK, /* `address`: the sector, `value`: bytes */
    TRACE_HALT,
    TRACE_WAKE, /* since the HLT */
    TRACE_KEY,
    TRACE_SERIAL,
    TRACE_RESTORED, /* a snapshot was put back */
    TRACE_END,      /* of the machine; `state`: how */
    TRACE_KINDS
};

struct trace_event {
    enum trace_kind kind;
    uint64_t time;  /* of the guest, ns */
    uint64_t since; /* when what ends here began; CLOCK_NEVER: not known */
    unsigned irq;
    uint8_t vector;
    uint8_t width; /* of an access, bytes */
    bool has_error;
    uint64_t address;       /* port, memory or sector */
    uint64_t value;         /* of an access, the error code, EBX, ... */
    uint32_t eip;           /* linear */
    const char *name;       /* of a device or register; NULL: none is known */
    const char *state;      /* a word; NULL: none */
    const char *place;      /* of eip, by symbols; NULL: not known */
    uint8_t pending, taken; /* inputs that ask, and that are in service */
};

/* A kind's name in a trace, and what it belongs to. */
extern const struct trace_kind_info {
    const char *name;
    enum trace_category category;
} trace_kinds[TRACE_KINDS];

extern const char *const trace_categories[CATEGORIES + 1];

#endif
