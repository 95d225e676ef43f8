/*
 * Marks, in the order of time; the input since the first of them; and the present, which is the
 * latest moment that there was.
 */
#include "history.h"

#include "internal.h"
#include "snapshot.h"

#include "base/disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A mark is made so many instructions before a place gone back to: of the distance of marks. */
#define NEAR(interval) ((interval) / 200)

/* A guest in HLT is looked at no more often. */
#define IDLE_NS UINT64_C(10000000)

struct mark {
    struct snapshot *snapshot;
    uint64_t time, count;
    uint64_t bytes; /* about what it takes */
    size_t inputs;  /* that came before it */
    bool is_closed; /* its input had ended */
};

struct history {
    struct machine *machine;
    uint64_t budget, used, interval;
    struct mark *marks;
    size_t count, room;
    struct machine_input *inputs;
    size_t input_count, input_room;
    bool is_past, is_full; /* full: no memory for an input, so that nothing can be kept any more */
    bool replays_log;      /* the machine repeats a recorded run by itself */
    uint64_t present;      /* the latest moment, if this is past */
    uint64_t printed;      /* bytes of the guest's output that are out */
    /* What the machine had. */
    void (*print)(void *owner, const uint8_t *bytes, size_t count);
    void *print_owner;
    void (*record)(void *log, const struct machine_input *input);
    void *log;
};

static uint64_t now(const struct history *h)
{
    return clock_now(&h->machine->clock);
}

static uint64_t instructions(const struct history *h)
{
    return h->machine->cpu->ops->instructions(h->machine->cpu);
}

/* ---- what goes in and out ---- */

static void print(void *owner, const uint8_t *bytes, size_t count)
{
    struct history *h = owner;
    uint64_t total = h->machine->output.total, fresh = total > h->printed ? total - h->printed : 0;

    if (fresh > count)
        fresh = count;
    if (fresh > 0)
        h->print(h->print_owner, bytes + (count - fresh), (size_t)fresh);
    if (total > h->printed)
        h->printed = total;
}

static void keep_input(void *owner, const struct machine_input *input)
{
    struct history *h = owner;

    if (h->is_past && input->kind != INPUT_QUIT)
        return;
    if (h->record)
        h->record(h->log, input);
    if (h->replays_log || input->kind == INPUT_QUIT)
        return;
    if (h->input_count == h->input_room) {
        struct machine_input *grown = realloc(h->inputs, 2 * h->input_room * sizeof(*grown));
        if (!grown) {
            h->is_full = true;
            return;
        }
        h->inputs = grown;
        h->input_room *= 2;
    }
    h->inputs[h->input_count++] = *input;
}

/* ---- marks ---- */

static void drop_mark(struct history *h, size_t which)
{
    h->used -= h->marks[which].bytes;
    snapshot_free(h->marks[which].snapshot);
    h->count--;
    memmove(&h->marks[which], &h->marks[which + 1], (h->count - which) * sizeof(*h->marks));
}

/* Drops marks until the rest is within the budget: of each two that are older, one, so that the
 * distances double with age. The first and the last stay. */
static void thin(struct history *h)
{
    while (h->used > h->budget && h->count > 2) {
        size_t before = h->count;
        for (size_t i = 1; i + 1 < h->count && i < before / 2; i++)
            drop_mark(h, i);
        if (h->count == before)
            drop_mark(h, 1);
    }
}

/* A mark where the machine is, in its place among the others; without memory, none. */
static void add_mark(struct history *h)
{
    struct machine *machine = h->machine;
    char error[200];
    struct mark mark = {.time = now(h), .count = instructions(h)};
    size_t at = h->count;

    while (at > 0 && h->marks[at - 1].time >= mark.time)
        at--;
    if (h->is_full || (at < h->count && h->marks[at].time == mark.time))
        return;
    if (h->count == h->room) {
        struct mark *grown = realloc(h->marks, (2 * h->room + 16) * sizeof(*grown));
        if (!grown)
            return;
        h->marks = grown;
        h->room = 2 * h->room + 16;
    }
    mark.inputs = h->is_past ? (size_t)(machine->replay - h->inputs) : h->input_count;
    mark.is_closed = machine->silence.is_closed;
    machine->cpu->ops->collect_writes(machine->cpu);
    mark.bytes = (uint64_t)machine->memory.log->dirty_count * MEMORY_PAGE +
                 machine->memory.size / MEMORY_PAGE * sizeof(void *) +
                 machine->cpu->ops->saved_size + 32768;
    mark.snapshot = snapshot_take(machine, error, sizeof(error));
    if (!mark.snapshot)
        return;
    memmove(&h->marks[at + 1], &h->marks[at], (h->count - at) * sizeof(*h->marks));
    h->marks[at] = mark;
    h->count++;
    h->used += mark.bytes;
    thin(h);
}

/* ---- going ---- */

static bool put_back(struct history *h, const struct mark *mark)
{
    struct machine *machine = h->machine;
    char error[200];

    machine->silence.is_closed = mark->is_closed;
    if (snapshot_restore(machine, mark->snapshot, error, sizeof(error)) < 0)
        return false;
    if (h->replays_log)
        return true;
    machine->config.replay = h->inputs;
    machine->config.replay_end = h->inputs + h->input_count;
    machine->replay = h->inputs + mark->inputs;
    return true;
}

/* Runs without those who watch: they have seen it. */
static void run_until(struct history *h, const struct machine_pause *pause)
{
    struct machine *machine = h->machine;
    struct machine_observer *observer = machine->observer;
    void (*calls)(void *, const struct cpu_call *) = machine->cpu->calls;
    void (*warn)(void *, const char *) = machine->config.warn;

    machine->observer = NULL;
    machine->cpu->calls = NULL;
    machine->config.warn = NULL;
    machine_run_until(machine, pause);
    machine->observer = observer;
    machine->cpu->calls = calls;
    machine->config.warn = warn;
}

static void run_to_count(struct history *h, uint64_t count)
{
    const struct machine_pause pause = {.time = CLOCK_NEVER, .instructions = count};

    if (instructions(h) < count)
        run_until(h, &pause);
}

/* From now on the machine is in its past. */
static void enter_past(struct history *h)
{
    if (!h->is_past)
        h->present = now(h);
    h->is_past = true;
}

/* The last mark before a count of instructions; the first if there is none. */
static size_t mark_before(const struct history *h, uint64_t count)
{
    size_t at = h->count;

    while (at > 1 && h->marks[at - 1].count > count)
        at--;
    return at - 1;
}

bool history_go(struct history *h, uint64_t count)
{
    const struct mark *mark;

    enter_past(h);
    mark = &h->marks[mark_before(h, count)];
    if (!put_back(h, mark))
        return false;
    if (count < mark->count)
        return false;
    if (count - mark->count > 2 * NEAR(h->interval)) {
        run_to_count(h, count - NEAR(h->interval));
        add_mark(h); /* the next step back begins here */
    }
    run_to_count(h, count);
    return true;
}

static bool is_at_address(const struct history *h, const struct machine_pause *stops)
{
    uint32_t eip = machine_eip(h->machine);

    for (unsigned i = 0; i < stops->address_count && !h->machine->halted; i++) {
        if (stops->addresses[i] == eip)
            return true;
    }
    return false;
}

/* The last stop from a mark on, before `end` (ns), where the machine is put back. */
struct last_stop {
    bool any;
    uint64_t time, count; /* count: of a watch, where the access is yet to come */
    struct history_hit hit;
};

static void note_stop(struct history *h, const struct machine_pause *stops, uint64_t end,
                      struct last_stop *last)
{
    if (h->machine->has_access) {
        *last = (struct last_stop){.any = true,
                                   .count = instructions(h) - 1,
                                   .hit = {.is_watch = true, .access = h->machine->access}};
    } else if (now(h) < end && is_at_address(h, stops)) {
        *last = (struct last_stop){.any = true, .time = now(h)};
    }
}

static struct last_stop find_last(struct history *h, const struct mark *mark,
                                  const struct machine_pause *stops, uint64_t end)
{
    struct machine_pause pause = *stops;
    struct last_stop last = {0};

    if (!put_back(h, mark))
        return last;
    pause.time = end;
    pause.instructions = UINT64_MAX;
    note_stop(h, stops, end, &last); /* it may be there already */
    while (now(h) < end && h->machine->outcome.end == END_NONE) {
        run_until(h, &pause);
        if (h->machine->outcome.end == END_NONE)
            note_stop(h, stops, end, &last);
    }
    return last;
}

static void go_to_stop(struct history *h, const struct last_stop *last)
{
    const struct machine_pause pause = {.time = last->time, .instructions = UINT64_MAX};

    if (last->hit.is_watch)
        run_to_count(h, last->count);
    else if (now(h) < last->time)
        run_until(h, &pause);
}

bool history_search(struct history *h, const struct machine_pause *stops, struct history_hit *hit)
{
    uint64_t end = now(h);

    enter_past(h);
    for (size_t i = h->count; i-- > 0;) {
        const struct mark *mark = &h->marks[i];
        struct last_stop last;
        if (mark->time >= end)
            continue;
        last = find_last(h, mark, stops, end);
        if (last.any) {
            if (last.hit.is_watch) {
                history_go(h, last.count);
            } else if (put_back(h, mark)) {
                go_to_stop(h, &last);
            }
            *hit = last.hit;
            return true;
        }
        end = mark->time;
    }
    put_back(h, &h->marks[0]);
    return false;
}

/* ---- going on ---- */

bool history_is_past(const struct history *history)
{
    return history->is_past;
}

uint64_t history_first(const struct history *history)
{
    return history->marks[0].count;
}

uint64_t history_deadline(const struct history *history)
{
    uint64_t due = history->marks[history->count - 1].count + history->interval;
    uint64_t done = instructions(history), left = due > done ? due - done : 0;

    if (history->is_past)
        return history->present;
    left *= history->machine->cpu->ops->ns_per_instruction;
    if (history->machine->halted && left < IDLE_NS)
        left = IDLE_NS; /* it sleeps, most of the time */
    return now(history) + left;
}

void history_look(struct history *history)
{
    struct machine *machine = history->machine;

    if (machine->outcome.end != END_NONE)
        return;
    if (history->is_past && now(history) >= history->present) {
        history->is_past = false;
        if (!history->replays_log) {
            machine->config.replay = machine->config.replay_end = machine->replay = NULL;
            machine->input_ready = true;
        }
    }
    if (!history->is_past &&
        instructions(history) >= history->marks[history->count - 1].count + history->interval)
        add_mark(history);
}

void history_forget(struct history *history)
{
    struct machine *machine = history->machine;

    while (history->count > 0)
        drop_mark(history, history->count - 1);
    history->is_past = false;
    history->input_count = 0;
    history->printed = machine->output.total;
    if (!history->replays_log)
        machine->config.replay = machine->config.replay_end = machine->replay = NULL;
    machine->input_ready = true;
    add_mark(history);
}

/* ---- beginning and end ---- */

static bool can_keep(const struct machine *machine, char *error, size_t error_size)
{
    if (!machine->cpu->ops->instructions || !machine->memory.log) {
        snprintf(error, error_size, "only --cpu soft can go back in time; this guest runs on %s",
                 machine->cpu->ops->name);
        return false;
    }
    for (unsigned i = 0; i < MACHINE_DISKS; i++) {
        const struct disk *disk = machine->config.disks[i];
        if (disk && !disk->read_only) {
            snprintf(error, error_size,
                     "a disk that the guest can write does not go back in time: "
                     "give it read-only (--disk FILE,ro)");
            return false;
        }
    }
    return true;
}

struct history *history_begin(struct machine *machine, uint64_t budget, uint64_t interval,
                              char *error, size_t error_size)
{
    struct history *h;

    if (!can_keep(machine, error, error_size))
        return NULL;
    h = calloc(1, sizeof(*h));
    if (h) {
        h->input_room = 64;
        h->inputs = malloc(h->input_room * sizeof(*h->inputs));
    }
    if (!h || !h->inputs) {
        free(h);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    h->machine = machine;
    h->budget = budget;
    h->interval = interval;
    h->replays_log = machine->config.replay != NULL;
    h->printed = machine->output.total;
    h->print = machine->output.write;
    h->print_owner = machine->output.owner;
    h->record = machine->config.record;
    h->log = machine->config.log;
    add_mark(h);
    if (h->count == 0) {
        free(h->inputs);
        free(h);
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    machine->output.write = print;
    machine->output.owner = h;
    machine->config.record = keep_input;
    machine->config.log = h;
    return h;
}

void history_free(struct history *history)
{
    struct machine *machine;

    if (!history)
        return;
    machine = history->machine;
    output_flush(&machine->output);
    machine->output.write = history->print;
    machine->output.owner = history->print_owner;
    machine->config.record = history->record;
    machine->config.log = history->log;
    while (history->count > 0)
        drop_mark(history, history->count - 1);
    free(history->marks);
    free(history->inputs);
    free(history);
}
