/*
 * What stands between a machine's interrupt lines and its CPU, whatever chip it is. The machine
 * asks one controller, which may ask another behind it; a line may end at several.
 */
#ifndef VMM_BASE_INTERRUPTS_H
#define VMM_BASE_INTERRUPTS_H

#include <stdbool.h>
#include <stdint.h>

struct words;

#define INTERRUPT_INPUTS_MAX 32

/* What happens at an input, and what goes with it. */
enum interrupt_event {
    INTERRUPT_RAISED,       /* a line has risen */
    INTERRUPT_LOST,         /* likewise; but an edge was latched there, and the two are one */
    INTERRUPT_ACKNOWLEDGED, /* INTA; the vector */
    INTERRUPT_SPURIOUS,     /* INTA without a request: the input whose vector it is; the vector */
    INTERRUPT_POLLED,       /* taken by a poll */
    INTERRUPT_EOI,          /* its service has ended; the command that ended it */
    INTERRUPT_EOI_IN_VAIN,  /* a command that ended none: the input it names, or the chip's first */
    INTERRUPT_INITIALISED,  /* the chip of this input has forgotten all; the command */
};

/* An input as it is now. */
struct interrupt_input {
    uint8_t vector;
    bool is_requested, is_in_service;
    bool is_masked;            /* by itself */
    bool is_controller_masked; /* with all that come by the same way */
    bool is_uninitialised;     /* its chip has not been set up */
    bool is_cascade;           /* another controller's: no device is there */
    bool is_high;              /* its line */
    bool is_level_triggered;
    int held_by;            /* the input in service that would hold a request back; -1: none */
    uint64_t raised, taken; /* how often, since power on */
};

/* A kind of controller. All of it is set. */
struct interrupt_controller {
    unsigned inputs; /* INTERRUPT_INPUTS_MAX at most */
    /* Drives an input; of one that is not there, nothing is heard. */
    void (*set_line)(void *chip, unsigned input, bool level);
    /* The CPU is asked for an acknowledge cycle. */
    bool (*has_request)(const void *chip);
    /* That cycle: returns the vector to take. Without a request it is a spurious one. */
    uint8_t (*acknowledge)(void *chip);
    /* Some input is enabled, or a request is there already: an interrupt may still come. */
    bool (*can_request)(const void *chip);
    /* An input's requests can reach the CPU. */
    bool (*is_enabled)(const void *chip, unsigned input);
    /* `input` is below `inputs`. */
    struct interrupt_input (*look)(const void *chip, unsigned input);
    /* How many inputs are requested, and in service. */
    void (*count)(const void *chip, unsigned *requested, unsigned *in_service);
    /* The registers that decide, a line a chip. */
    void (*tell_registers)(const void *chip, struct words *to);
    /* From now on `observe` is told of each event, when it has happened; NULL: nobody is. */
    void (*set_observer)(void *chip,
                         void (*observe)(void *observer, enum interrupt_event event, unsigned input,
                                         uint8_t detail),
                         void *observer);
};

#endif
