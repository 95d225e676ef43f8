/*
 * One guest: RAM, a CPU, two buses, the chips of a small PC, a clock. Built from a configuration,
 * run to its end on one thread, then read for its outcome. Nothing here is shared between machines.
 */
#ifndef VMM_MACHINE_MACHINE_H
#define VMM_MACHINE_MACHINE_H

#include "base/bus.h"
#include "base/clock.h"
#include "base/interrupts.h"
#include "base/memory.h"
#include "base/memory_disk.h"
#include "board.h"
#include "boot.h"
#include "cpu/cpu.h"
#include "dev/ata.h"
#include "dev/bios_port.h"
#include "dev/debug_ports.h"
#include "dev/hypercall.h"
#include "dev/i8042.h"
#include "dev/i82077.h"
#include "dev/i8237.h"
#include "dev/i8254.h"
#include "dev/i8259.h"
#include "dev/mc146818.h"
#include "dev/ns16550.h"
#include "dev/system_control.h"
#include "dev/vga_text.h"
#include "dev/virtio_blk.h"
#include "input.h"
#include "load/image.h"
#include "observer.h"
#include "output.h"

/* An input as it came to the guest: the order of accesses to devices says on which side of an
 * access it came, where time is counted in instructions. */
struct machine_input {
    uint64_t time;     /* of the machine's clock, ns */
    uint64_t accesses; /* exits for ports and MMIO before it */
    enum machine_input_kind {
        INPUT_SERIAL = INBOX_SERIAL,
        INPUT_KEY = INBOX_KEYBOARD,
        INPUT_QUIT,
        INPUT_CLOSED, /* there is no more */
        INPUT_RESET,  /* by the guest, with whose next boot time begins anew; not for a machine */
    } kind;
    struct inbox_event event;
};

#define MACHINE_DISKS       4 /* virtio */
#define MACHINE_ATA_DISKS   4 /* masters and slaves of two channels */
#define MACHINE_FLOPPIES    2
#define MACHINE_ALL_DISKS   (MACHINE_DISKS + MACHINE_ATA_DISKS + MACHINE_FLOPPIES)
#define MACHINE_DEVICES_MAX 32
#define MACHINE_SINKS_MAX   4

/* Where what a guest prints comes out of it. */
enum machine_outlet { OUTLET_SERIAL, OUTLET_DEBUG, MACHINE_OUTLETS };

struct disk;
struct inbox;
struct machine;

/* What a machine is made from. Everything pointed to must outlive the machine. */
struct machine_config {
    struct image_request image; /* none asked for: RAM stays empty, for snapshot_restore */
    struct boot_start start;    /* of the image */
    uint64_t memory_size;       /* bytes, MEMORY_MIN to MEMORY_MAX */
    /* Makes the RAM, of zeros: 0 or -errno. NULL: memory_init. */
    int (*make_memory)(struct memory *memory, uint64_t size);
    /* Makes the CPU: cpu_kvm_create, ... */
    struct cpu *(*make_cpu)(const struct memory *memory, char *why, size_t why_size);
    uint64_t timeout; /* ns of the guest's time; CLOCK_NEVER for none */
    int halt_status;  /* of a guest that halts with interrupts off, which may be its way to end */
    int64_t epoch;    /* seconds since 1970: what the RTC shows at time 0 */
    const struct disk *disks[MACHINE_DISKS];         /* virtio, by slot; NULL: none */
    const struct disk *ata_disks[MACHINE_ATA_DISKS]; /* primary master, slave, secondary ... */
    const struct disk *floppies[MACHINE_FLOPPIES];
    enum bios_drive_kind boot_order[BIOS_ORDER_MAX];
    struct input_script script[INBOX_RINGS]; /* input that comes before any other */
    /* Takes the oldest input that has come for a device, if there is any. Called on the machine's
     * thread, after machine_input_came and when a device has room again. NULL: none ever comes. */
    bool (*take)(struct inbox *inbox, enum inbox_ring ring, struct inbox_event *event);
    struct inbox *inbox;
    /* Takes what the guest prints; called on the machine's thread. */
    void (*print)(void *owner, const uint8_t *bytes, size_t count);
    /* Takes each byte of it at once, and where it came out; may be NULL. */
    void (*heard)(void *owner, enum machine_outlet outlet, uint8_t byte);
    /* Takes each byte that it sends over COM2; may be NULL: nobody is at the other end. */
    void (*com2)(void *com2_owner, uint8_t byte);
    /* Takes a line about the guest, without its newline; may be NULL. */
    void (*warn)(void *owner, const char *text);
    /* Says what is at a linear address, "tick+0x12 (process.rs:88)"; false: not known. May be NULL.
     */
    bool (*describe)(void *symbols, uint32_t address, char *to, size_t size);
    /* Takes each input when it reaches the guest; may be NULL. */
    void (*record)(void *log, const struct machine_input *input);
    void *owner, *com2_owner, *log, *symbols;
    /* The input of a recorded run, instead of the inbox's; NULL for none. In the order it came. */
    const struct machine_input *replay, *replay_end;
    unsigned baud;     /* how fast it prints, in characters of ten bits; 0: at once */
    bool virtual_time; /* where time is counted: it passes as fast as it can, not as the host's */
};

/* Where a configuration has a disk, by its number among those of all kinds: virtio, ATA, floppies.
 */
static inline const struct disk **machine_config_disk(struct machine_config *config,
                                                      unsigned number)
{
    if (number < MACHINE_DISKS)
        return &config->disks[number];
    number -= MACHINE_DISKS;
    return number < MACHINE_ATA_DISKS ? &config->ata_disks[number]
                                      : &config->floppies[number - MACHINE_ATA_DISKS];
}

enum machine_end {
    END_NONE,       /* still running */
    END_EXIT,       /* the guest wrote a status to a debug-exit port */
    END_POWER_OFF,  /* HC_EXIT or a power-off port */
    END_HALTED,     /* HLT that nothing can wake */
    END_RESET,      /* the guest asked for a reset */
    END_SHUTDOWN,   /* triple fault */
    END_FAULT,      /* an exception reached the default handlers */
    END_CPU_FAILED, /* the engine can't run this guest */
    END_TIMEOUT,
    END_QUIT,     /* the user quit */
    END_DIVERGED, /* the run is not the one that was recorded */
    END_INPUT,    /* it waits for input, and none can come */
    END_KINDS
};

/* How a run ended. */
struct machine_outcome {
    enum machine_end end;
    int status;      /* of `vmm run`, see its manual */
    char text[1000]; /* one sentence for people; empty when there is nothing to say */
    bool has_state;  /* `state` is the guest's at the end, or at its fault */
    struct cpu_state state;
    uint64_t guest_ns; /* the guest's clock at the end */
};

/*
 * Where machine_run_until comes back, whatever is first; always between two instructions, with the
 * interrupts delivered that are due there. Counts and addresses need a CPU that counts.
 */
struct machine_pause {
    uint64_t time;             /* of the machine's clock, ns; CLOCK_NEVER: no such */
    uint64_t instructions;     /* this many executed; UINT64_MAX: no such */
    const uint32_t *addresses; /* linear ones of the next instruction */
    unsigned address_count;
    const struct cpu_watch *watches; /* behind accesses to these: machine->access; where the CPU
                                        can't watch so many, behind none */
    unsigned watch_count;
    bool no_interrupts; /* none is taken on the way, but by a guest in HLT */
};

/* Since the machine was made, or the one whose snapshot it continues. */
struct machine_counts {
    uint64_t exits[CPU_STOPS];
    uint64_t idle_ns; /* of the guest's time, halted */
};

/* What silence.c knows of a guest whose input has ended. */
struct silence {
    struct timer timer;
    bool is_closed;         /* it has */
    unsigned reads, sleeps; /* looks in turn that found that it only polled, or slept */
    struct silence_signs {
        uint64_t printed, mmio, inputs, commands; /* commands: of disks */
    } signs;                                      /* of life, when it was looked last */
    uint64_t inputs;                              /* given so far */
    uint64_t idle, accesses, vain;
};

struct machine {
    struct machine_config config;
    struct memory memory;
    struct bus ports, mmio;
    struct clock clock;
    struct cpu *cpu;
    struct image image;
    void *devices[MACHINE_DEVICES_MAX]; /* by row of the board's table; some are these: */
    struct i8259_pair pic;
    struct i8254 pit;
    struct ns16550 com1;
    struct i8042 keyboard;
    struct mc146818 rtc;
    struct vga vga;
    struct debug_ports debug_ports;
    struct system_control system_control;
    struct hypercall hypercall;
    struct bios_port bios;
    uint8_t *loaded_code; /* the image's code as it was loaded (loaded_code.c); NULL: none kept */
    struct memory_disk image_disk; /* the image, where it begins with a boot sector */
    struct virtio_blk disks[MACHINE_DISKS];
    struct ata ata[MACHINE_ATA_DISKS / ATA_DEVICES];
    struct i8237 dma;
    struct i82077 floppy;
    /* The controller that the CPU's interrupt pin hangs on; and all that hear the lines, it too. */
    const struct interrupt_controller *interrupts;
    void *interrupt_chip;
    struct {
        const struct interrupt_controller *controller;
        void *chip;
    } sinks[MACHINE_SINKS_MAX];
    unsigned sink_count;
    bool is_restoring; /* devices drive their lines, and nobody listens */
    struct output output;
    struct timer timeout;
    struct silence silence;
    struct input_script script[INBOX_RINGS]; /* what is left of it */
    uint64_t idle_since;                     /* ns, in HLT; CLOCK_NEVER: the CPU runs */
    uint64_t
        line_free; /* --baud: when the line takes another character; until then it stands still */
    uint64_t beam; /* it polls until the VGA's beam is elsewhere, then: it stands still until then,
                    * or until an interrupt comes; 0: it does not */
    bool halted;   /* in HLT: the CPU does not run until an interrupt comes */
    bool input_ready; /* a device may have room for input that waits */
    bool timers_due;  /* a timer's deadline may have come since they were last fired */
    const struct machine_pause *pause; /* of machine_begin; NULL: none */
    bool between;      /* two instructions, for sure, and not where machine_begin was called */
    bool must_step;    /* its addresses are too many for the CPU: looks after each instruction */
    bool pause_wanted; /* by machine_pause */
    bool has_access;   /* it has paused since this has met one of the pause's watches */
    struct cpu_access access;
    const struct machine_input *replay; /* what is next */
    uint16_t warned_of_int; /* by bit, the vectors from 0x20 up that warn_of_int has told */
    struct machine_observer *observer; /* NULL: none; freed with the machine */
    struct machine_counts counts;
    struct machine_outcome outcome;
};

/*
 * Builds a machine and loads its image, on the thread that will run it. Returns NULL with one
 * sentence in `error` when anything is refused. Freed by machine_destroy, on the same thread.
 */
struct machine *machine_create(const struct machine_config *config, char *error, size_t error_size);
void machine_destroy(struct machine *machine);

/* Why machine_advance came back. */
enum machine_stop {
    MACHINE_ENDED,   /* machine->outcome says how */
    MACHINE_PAUSED,  /* it has come to the pause of machine_begin, or to that of machine_pause */
    MACHINE_IDLE,    /* nothing is to be done before machine_deadline, unless input comes */
    MACHINE_RUNNING, /* its slice is over, or it was kicked (cpu_ops.kick); it wants to go on */
};

/*
 * Runs the guest up to a pause (NULL: to its end): machine_begin, then machine_advance until it
 * says MACHINE_ENDED or MACHINE_PAUSED. An address counts only where the guest comes to it: not
 * where it is when machine_begin is called. The pause must stay meanwhile.
 */
void machine_begin(struct machine *machine, const struct machine_pause *pause);

/* Goes on, until the machine's clock says `slice_end` (ns; CLOCK_NEVER) or soon after. */
enum machine_stop machine_advance(struct machine *machine, uint64_t slice_end);

/* After MACHINE_IDLE: up to when (ns) the guest's time may pass; CLOCK_NEVER: for ever. */
uint64_t machine_deadline(struct machine *machine);

/* After MACHINE_IDLE, where time is counted: it is `time` now; it never goes back. */
void machine_skip_to(struct machine *machine, uint64_t time);

/* The same in virtual time, for a CPU that counts it: idle time passes at once, and a guest that
 * waits for what can't come is ended. True at a pause; false once the guest has ended. */
bool machine_run_until(struct machine *machine, const struct machine_pause *pause);

/* Likewise, to the end; the outcome belongs to the machine. */
const struct machine_outcome *machine_run(struct machine *machine);

/* Input may have come, for config.take. */
void machine_input_came(struct machine *machine);

/* No more input will come: a guest that does nothing but wait for it, for two seconds of its time,
 * is ended. Not while a run is repeated, whose log says it. */
void machine_input_closed(struct machine *machine);

/* How long it has been halted so far, ns of its time. */
uint64_t machine_idle_ns(const struct machine *machine);

/* Ends the run since the user quits; or since --timeout was reached. */
void machine_quit(struct machine *machine);
void machine_time_out(struct machine *machine);

/* From the observer's `end`: the guest is known to have made a mistake. If it halted, as
 * if all were well, its status is that of a crash. */
void machine_blame(struct machine *machine);

/* Between two instructions: whether it is where this pause is. */
bool machine_is_at(struct machine *machine, const struct machine_pause *pause);

/* From a callback of a running machine: it pauses behind the present instruction. */
void machine_pause(struct machine *machine);

/* An access of `width` (1, 2 or 4) bytes to one of its buses, as the CPU makes it: the observer is
 * told. */
uint32_t machine_read(struct machine *machine, struct bus *bus, uint32_t address, unsigned width);
void machine_write(struct machine *machine, struct bus *bus, uint32_t address, unsigned width,
                   uint32_t value);

/* The address of the next instruction: EIP with the base of CS. 0 if the engine can't say. */
uint32_t machine_eip(struct machine *machine);

/*
 * Between two instructions: raises an edge at an input of the PIC pair (0 to 15, not the cascade),
 * whatever its device does; what is masked or in service holds it back. The keyboard's, 1, comes
 * with `scancode` in port 0x60, or not at all if the keyboard is switched off.
 */
void machine_raise(struct machine *machine, unsigned irq, uint8_t scancode);

/* What IRQ 1 comes with where nothing else is said: F12 comes up, which few guests take notice of.
 */
#define MACHINE_SCANCODE 0xd8

/* Ends the run, from its thread, as if the guest had asked for a reset; `who` did. */
void machine_reset(struct machine *machine, const char *who);

/* It did not run for the host's last `ns`: they are none of the guest's time. */
void machine_stood_still(struct machine *machine, uint64_t ns);

/* Gives the guest this much time (ns; CLOCK_NEVER for no limit) from now on. */
void machine_set_timeout(struct machine *machine, uint64_t timeout);

/* Gives a warning about the guest to config's callback. */
__attribute__((format(printf, 2, 3))) void machine_warn(struct machine *machine, const char *format,
                                                        ...);

/* What the configuration knows of a linear address; false: nothing. */
bool machine_describe(const struct machine *machine, uint32_t address, char *to, size_t size);

/* "#UD invalid opcode: gate 6 of the IDT is not present": of an event that has just failed, why.
 * Returns `to`. */
const char *machine_explain_undelivered(struct machine *machine,
                                        const struct cpu_undelivered *event, char *to, size_t size);

/* An input of the interrupt controller, below its `inputs`, as it is now. */
static inline struct interrupt_input machine_input(const struct machine *machine, unsigned irq)
{
    return machine->interrupts->look(machine->interrupt_chip, irq);
}

/* "power off", "triple fault", ...: for reports. */
const char *machine_end_name(enum machine_end end);

/* Whether a guest that has ended so is dead: it did not ask for its end, and nobody else did. A
 * reset is the guest's wish. */
bool machine_end_is_death(enum machine_end end);

#endif
