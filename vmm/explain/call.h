/*
 * A command of the monitor on its way: what the files that do commands share. Private to this room.
 */
#ifndef VMM_EXPLAIN_CALL_H
#define VMM_EXPLAIN_CALL_H

#include "monitor.h"

struct call {
    struct monitor *monitor;
    struct machine *machine;
    struct cpu_state state; /* at the end of a guest that has ended, or now */
    const char *argument;   /* what follows the command's name */
    struct monitor_wait *wait;
    FILE *to;
};

/* ---- monitor.c ---- */

/* The argument as a number, and nothing behind it; an empty one is `otherwise`. False with a
 * sentence that names `what` was expected. */
bool call_take_number(struct call *call, const char *what, uint64_t otherwise, uint64_t max,
                      uint64_t *number);

/* The value of the expression at *rest, which is moved behind it, where the text ends or one of the
 * characters of `end` is. False with a sentence. */
bool call_evaluate(struct call *call, const char **rest, const char *end, uint64_t *value);

/* The argument as a place, with its addresses; its name is to be freed. False with a sentence. */
bool call_take_place(struct call *call, struct place *place);

/* Where the guest stands, in a line. */
void call_print_stop(struct call *call);

/* ---- breaks.c ---- */

/* The breakpoint or watchpoint that has stopped the guest, in a line; nothing if none has. */
void call_print_reason(struct call *call);

/* The guest was changed by hand: its past is not what led here any more. */
void call_note_change(struct call *call);

/* Commands: see struct command. */
bool call_break(struct call *call);
bool call_watch_writes(struct call *call);
bool call_watch_reads(struct call *call);
bool call_watch_all(struct call *call);
bool call_delete(struct call *call);
bool call_set(struct call *call);
bool call_back(struct call *call);
bool call_last_write(struct call *call);

#endif
