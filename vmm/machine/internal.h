/*
 * What the files of a machine share: machine.c (the loop), board.c (chips and wires), input.c,
 * silence.c (the end of input), end.c, shutdown.c (triple faults), astray.c (execution of what
 * is no code). Private to this folder.
 */
#ifndef VMM_MACHINE_INTERNAL_H
#define VMM_MACHINE_INTERNAL_H

#include "machine.h"

/* Inputs of the PIC pair on a PC. */
enum { IRQ_TIMER = 0, IRQ_KEYBOARD = 1, IRQ_COM2 = 3, IRQ_COM1 = 4, IRQ_RTC = 8, IRQ_AUX = 12 };
enum { IRQ_FLOPPY = 6, IRQ_ATA_PRIMARY = 14, IRQ_ATA_SECONDARY = 15 };

/* ---- board.c ---- */

/* Every chip, its ports and where its lines end. False: two of them claim the same addresses, or
 * there is no memory for one. */
bool board_build(struct machine *machine);
void board_free(struct machine *machine);

/* ---- input.c ---- */

/* An input comes to the guest, now. */
void input_give(struct machine *machine, enum machine_input_kind kind, struct inbox_event event);

/* Gives the guest the input that has come, as far as its devices have room; or, where a run is
 * repeated, what came at this point of it. */
void input_look(struct machine *machine);

/* ---- silence.c ---- */

void silence_init(struct machine *machine);

/* The guest's input has ended: from now on it is looked whether it only waits for more. */
void silence_begin(struct machine *machine);

/* After that, when the guest has accessed a port. */
void silence_count(struct machine *machine);

/* ---- end.c ---- */

#define MACHINE_PLACE 170 /* bytes of a symbol and its line in a message */

/* Statuses of `vmm run` that are the VMM's own: all even, the guest's being odd. */
enum { STATUS_CPU_FAILED = 4, STATUS_SHUTDOWN = 6, STATUS_TIMEOUT = 124, STATUS_QUIT = 130 };

/* Notes how the run ends; the first call counts. The loop stops before the next instruction. */
__attribute__((format(printf, 4, 5))) void
machine_end(struct machine *machine, enum machine_end end, int status, const char *format, ...);

/* "at eip 0x10002c, interrupts on", or "at 07c0:0012, ..." in real mode: for the sentence of an
 * end. Returns `to`. */
const char *machine_where(struct machine *machine, char *to, size_t size);

/* What ends a run; `owner` is the machine. For devices and timers. */
void end_with_status(void *owner, int status);
void end_with_power_off(void *owner);
void end_with_reset(void *owner, uint16_t port);
void end_with_timeout(void *owner);
void end_with_quit(struct machine *machine);
void end_with_return(void *owner);
void end_with_no_boot(void *owner);

/* The guest waits for input, and none can come any more. */
void end_with_silence(void *owner);

/* A bare guest's exception has come to the default handlers (boot/pm32.asm), whose frame is at
 * linear `address`. */
void end_with_fault(void *owner, uint32_t address);

/* An INT has come to a default handler of IRQs, which returns; its frame is at linear `address`. */
void warn_of_int(void *owner, uint32_t address);

/* The IRQ that is in service and has this vector, or -1. */
int machine_irq_in_service(const struct machine *machine, uint32_t vector);

/* ---- loaded_code.c ---- */

/* Keeps the code of the image that was just loaded, if its file says what is code. */
void loaded_code_keep(struct machine *machine);

/* "; the code at 0x10004c was overwritten...", if that is so, else "". Returns `to`. */
const char *machine_put_overwritten(const struct machine *machine, const struct cpu_state *state,
                                    uint32_t linear, char *to, size_t size);

/* ---- astray.c ---- */

/* For cpu.is_code. */
bool astray_is_code(void *machine, uint64_t physical, const uint8_t *bytes, uint32_t count);

/* The CPU stands before what is no code. */
void end_astray(struct machine *machine);

/* "INT 0x10 (AH 0x0e, teletype output)", "IRQ 0 at vector 0x8", "#DE divide error". Returns `to`.
 */
const char *machine_put_event(struct machine *machine, const struct cpu_state *state,
                              enum cpu_branch_kind kind, uint8_t vector, char *to, size_t size);

/* ---- shutdown.c ---- */

/* What led to the CPU's shutdown, in a sentence; nothing if the engine can't say. */
void end_explain_shutdown(struct machine *machine, const struct cpu_state *state, char *to,
                          size_t size);

/* CS is as real mode left it: PE is set, and no descriptor of the GDT can have made CS so. */
bool end_is_still_real(struct machine *machine, const struct cpu_state *state);

#define STILL_REAL \
    "CS is still real mode's 16-bit segment: no far jump followed the setting of CR0.PE"

/* The CPU has shut down (triple fault), or its engine has given up. */
void end_with_shutdown(struct machine *machine);
void end_with_failure(struct machine *machine);

#endif
