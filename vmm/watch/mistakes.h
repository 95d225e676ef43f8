/*
 * The kinds of mistakes, and what becomes of one: with --strict it is told at once; without, it is
 * kept, to be told at a bad end. Each kind once.
 */
#ifndef VMM_WATCH_MISTAKES_H
#define VMM_WATCH_MISTAKES_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

enum mistake {
    ABSENT,      /* an access to where nothing is: each has its own warning */
    EOI_IN_VAIN, /* by chip */
    EOI_AFTER_SPURIOUS,
    EOI_LOST, /* by IRQ */
    KEY_UNREAD,
    RTC_UNREAD,
    ICW_BROKEN_OFF, /* by chip, as the next ones */
    ICW_AGAIN,
    ICW_MISSING,
    ICW3_WIRING,
    ICW4_IS_MASK,
    ICW4_8080,
    PIT_UNLATCHED, /* by counter, as the next one */
    PIT_CONTROL,
    PIT_DIVISOR,
    PIT_RATE,
    KBC_UNASKED,
    THR_FULL,
    VGA_BEHIND,
    LOADERS_IDT,
    LOADERS_GDT,
    IRQ_AT_EXCEPTION, /* by IRQ */
    STI_FORGOTTEN,
    ICW_UNFINISHED, /* by chip */
    IRQ_MASKED,     /* by IRQ */
    STACK_LOST,
    STACK_IN_CODE,
    ESP0_UNSET,
    HANDLER_RET,
    DF_SET,
    PAGE_0,
    MISTAKES
};

/* How sure it is that a mistake of a kind has done harm. */
enum gravity {
    GRAVITY_STYLE, /* it works here, and often elsewhere */
    GRAVITY_HARM,  /* something can't work, here or on hardware */
    GRAVITY_FATAL, /* what the guest does is not what it was written for: no end of it is good */
};

#define MISTAKES_KEPT 16
#define MISTAKE_TEXT  300

struct kept_mistake {
    enum mistake mistake;
    unsigned which;
    bool has_eip; /* it is known where */
    uint32_t eip;
    char text[MISTAKE_TEXT];
};

struct mistakes {
    struct machine *machine;
    bool is_quiet;
    bool is_looking_back;    /* the run is over: what is found now has no place */
    uint16_t seen[MISTAKES]; /* a bit for each `which` */
    struct kept_mistake kept[MISTAKES_KEPT];
    unsigned count;
};

/* Whether the `which`-th (0 to 15) mistake of its kind is new; from now on it is not. */
bool mistake_is_new(struct mistakes *mistakes, enum mistake mistake, unsigned which);

/* Tells a mistake at a linear address, or keeps it. One of code in ROM is none of the guest's: it
 * is as if it had not been seen. */
__attribute__((format(printf, 5, 6))) void mistake_at(struct mistakes *mistakes,
                                                      enum mistake mistake, unsigned which,
                                                      uint32_t eip, const char *format, ...);

/* The same of the next instruction, or the present one, unless it was told or kept before. */
#define MISTAKE(mistakes, mistake, which, ...)                                                   \
    do {                                                                                         \
        if (mistake_is_new(mistakes, mistake, which))                                            \
            mistake_at(mistakes, mistake, which, machine_eip((mistakes)->machine), __VA_ARGS__); \
    } while (0)

/* What any mistake of this kind means. */
enum gravity mistake_gravity(enum mistake mistake);

/* Whether one that is fatal was seen. */
bool mistakes_are_fatal(const struct mistakes *mistakes);

/* "at eip 0x10, main+0x4 (k.c:3): " before it; without a place, nothing. Writes a whole sentence.
 */
void mistake_put(struct machine *machine, const struct kept_mistake *kept, char *to, unsigned size);

/* Nothing was seen. */
void mistakes_forget(struct mistakes *mistakes);

#endif
