/*
 * What a guest has done lately, for who asks why nothing moves: its last accesses to devices, where
 * it was when its CPU came back, the exceptions that come again and again, the last interrupt. It
 * is always kept; so each event costs a few stores.
 */
#ifndef VMM_MACHINE_RECENT_H
#define VMM_MACHINE_RECENT_H

#include "cpu/cpu.h"

#define RECENT_ACCESSES 256 /* a power of two, as the next one */
#define RECENT_LAPS     32
#define RECENT_CALLS    4
#define RECENT_LAP_NS   UINT64_C(10000000)

struct recent_access {
    uint32_t address;
    uint8_t value; /* the low byte of what was read or written */
    bool is_port, is_write;
    bool is_absent; /* no device is there */
};

/* The CPU came back from a run. */
struct recent_lap {
    uint64_t time;
    uint64_t accesses; /* so far */
    uint32_t eip;      /* linear */
};

struct recent {
    struct recent_access access[RECENT_ACCESSES]; /* rings: `accesses` modulo their size is next */
    struct recent_lap lap[RECENT_LAPS];
    struct cpu_call_count call[RECENT_CALLS]; /* 0 is the last one that came, and so on */
    uint64_t accesses, laps;
    uint64_t interrupts, interrupt_at; /* injected so far; when the last one was, */
    unsigned irq;                      /* and which */
};

/* An access begins. Of a read the value is put into what is returned, when it is there. */
static inline struct recent_access *recent_access(struct recent *recent, uint32_t address,
                                                  bool is_port, bool is_write, uint32_t value)
{
    struct recent_access *access = &recent->access[recent->accesses++ % RECENT_ACCESSES];

    access->address = address;
    access->value = (uint8_t)value;
    access->is_port = is_port;
    access->is_write = is_write;
    access->is_absent = false;
    return access;
}

/* The last access; if there was none, one that will be overwritten before it counts. */
static inline struct recent_access *recent_last_access(struct recent *recent)
{
    return &recent->access[(recent->accesses - 1) % RECENT_ACCESSES];
}

/* Whether the last lap was long ago: to ask some engines where they are takes microseconds. */
static inline bool recent_wants_lap(const struct recent *recent, uint64_t now)
{
    return recent->laps == 0 ||
           now - recent->lap[(recent->laps - 1) % RECENT_LAPS].time >= RECENT_LAP_NS;
}

static inline void recent_lap(struct recent *recent, uint64_t time, uint32_t eip)
{
    recent->lap[recent->laps++ % RECENT_LAPS] = (struct recent_lap){time, recent->accesses, eip};
}

/* An exception's handler was called. */
void recent_exception(struct recent *recent, const struct cpu_call *call);

#endif
