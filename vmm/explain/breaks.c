/*
 * The monitor's breakpoints and watchpoints, and its changes of registers and memory.
 */
#include "call.h"

#include "cpu/arch.h"
#include "info.h"
#include "inspect/registers.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The owner of those that people set. */
static const char people[] = "people";

/* ---- telling ---- */

static const char *kind_name(const struct run_break *at)
{
    return at->address_count                    ? "breakpoint"
           : at->watch.kinds == CPU_WATCH_WRITE ? "watchpoint"
           : at->watch.kinds == CPU_WATCH_READ  ? "read watchpoint"
                                                : "access watchpoint";
}

void call_print_reason(struct call *call)
{
    const struct run_reason *reason = &call->monitor->run->reason;
    const struct run_break *at = reason->at;

    if (!at || !run_control_is_held(call->monitor->run))
        return;
    if (at->number)
        fprintf(call->to, "%s %u, %s: ", kind_name(at), at->number, at->text);
    if (at->number && at->address_count == 0) {
        fprintf(call->to, "0x%08x was %s", reason->access.address,
                reason->access.is_write ? "written" : "read");
        if (reason->access.is_write)
            fprintf(call->to, ", 0x%llx before and 0x%llx now", (unsigned long long)reason->before,
                    (unsigned long long)reason->value);
        fprintf(call->to, "; ");
    }
}

void info_breakpoints(const struct info *info)
{
    bool any = false;

    for (const struct run_break *at = info->run ? info->run->breaks : NULL; at; at = at->next) {
        if (!at->number)
            continue;
        any = true;
        fprintf(info->to, "%u  %s %s, met %llu times\n", at->number, kind_name(at), at->text,
                (unsigned long long)at->hits);
        for (unsigned i = 0; i < at->address_count; i++) {
            fprintf(info->to, "   ");
            info_print_place(info, at->addresses[i]);
            fputc('\n', info->to);
        }
        if (at->address_count == 0)
            fprintf(info->to, "   0x%08x, %u bytes: 0x%llx\n", at->watch.address, at->watch.length,
                    (unsigned long long)at->value);
    }
    if (!any)
        fprintf(info->to, "there are no breakpoints: 'break PLACE' and 'watch ADDRESS' set them\n");
}

/* ---- setting and removing ---- */

static bool add(struct call *call, struct run_break *wanted)
{
    const struct run_break *made;
    char why[200];

    wanted->number = 1;
    wanted->owner = people;
    snprintf(wanted->text, sizeof(wanted->text), "%s", call->argument);
    made = run_control_break(call->monitor->run, call->machine, wanted, why, sizeof(why));
    if (made)
        fprintf(call->to, "%s %u at 0x%08x%s\n", kind_name(made), made->number,
                made->address_count ? made->addresses[0] : made->watch.address,
                made->address_count > 1 ? " and other places of that line" : "");
    else
        fprintf(call->to, "%s\n", why);
    return false;
}

bool call_break(struct call *call)
{
    struct run_break wanted = {0};
    struct place place = {0};
    bool ok = call_take_place(call, &place);

    free(place.name);
    if (!ok)
        return false;
    if (place.address_count == 0) {
        fprintf(call->to, "'until' runs to a time or a count; 'break' takes a symbol, FILE:LINE or "
                          "0xADDRESS\n");
        return false;
    }
    memcpy(wanted.addresses, place.address, sizeof(wanted.addresses));
    wanted.address_count = place.address_count;
    return add(call, &wanted);
}

/* ADDRESS [LENGTH]; false with a sentence. */
static bool take_bytes(struct call *call, struct cpu_watch *watch)
{
    const char *rest = call->argument;
    uint64_t address, length = 4;
    char *end;

    if (!call_evaluate(call, &rest, "0123456789", &address))
        return false;
    if (*rest)
        length = strtoull(rest, &end, 0);
    if ((*rest && *end) || length == 0 || address > UINT32_MAX ||
        length > UINT64_C(0x100000000) - address) {
        fprintf(call->to,
                "expected an address and how many bytes, as in 'watch ticks 4', not '%s'\n",
                call->argument);
        return false;
    }
    watch->address = (uint32_t)address;
    watch->length = (uint32_t)length;
    return true;
}

static bool watch(struct call *call, unsigned kinds)
{
    struct run_break wanted = {.watch.kinds = kinds};

    return take_bytes(call, &wanted.watch) && add(call, &wanted);
}

bool call_watch_writes(struct call *call)
{
    return watch(call, CPU_WATCH_WRITE);
}

bool call_watch_reads(struct call *call)
{
    return watch(call, CPU_WATCH_READ);
}

bool call_watch_all(struct call *call)
{
    return watch(call, CPU_WATCH_READ | CPU_WATCH_WRITE);
}

bool call_delete(struct call *call)
{
    struct run_control *run = call->monitor->run;
    uint64_t number;

    if (!call_take_number(call, "the number of a breakpoint", 0, UINT32_MAX, &number))
        return false;
    if (!*call->argument) {
        run_control_unbreak_all(run, people);
        return false;
    }
    for (const struct run_break *at = run->breaks; at; at = at->next) {
        if (at->number && at->number == number) {
            run_control_unbreak(run, at);
            return false;
        }
    }
    fprintf(call->to, "there is no breakpoint %llu: 'info breakpoints' lists them\n",
            (unsigned long long)number);
    return false;
}

/* ---- back in time ---- */

void call_note_change(struct call *call)
{
    struct history *history = call->monitor->run->history;

    if (!history)
        return;
    history_forget(history);
    fprintf(call->to, "another past begins here: 'back' leads no further\n");
}

static bool has_history(struct call *call)
{
    const struct run_control *run = call->monitor->run;

    if (!run->history)
        fprintf(call->to, "%s\n",
                run->no_history[0] ? run->no_history
                                   : "no past is kept: --history has it kept, with --cpu soft");
    return run->history;
}

/* It stands still, elsewhere in time: the call's registers are those of there. */
static void arrive(struct call *call, bool reached)
{
    run_control_hold(call->monitor->run, true);
    call->machine->cpu->ops->get_state(call->machine->cpu, &call->state);
    if (!reached)
        fprintf(call->to, "this is the beginning; ");
    call_print_stop(call);
}

/* back until PLACE: with no other stops on the way. */
static bool back_until(struct call *call)
{
    struct run_control *run = call->monitor->run;
    struct place place = {0};
    struct machine_pause stops = run_control_never;
    struct history_hit hit;
    bool ok = call_take_place(call, &place);

    free(place.name);
    if (!ok || !has_history(call))
        return false;
    stops.addresses = place.address;
    stops.address_count = place.address_count;
    if (place.kind == PLACE_INSTRUCTIONS) {
        arrive(call, run_control_back_to(run, call->machine, place.number));
    } else if (place.address_count > 0) {
        ok = history_search(run->history, &stops, &hit);
        run_control_arrived(run, call->machine);
        arrive(call, ok);
    } else {
        fprintf(call->to, "'back until' takes a symbol, FILE:LINE, 0xADDRESS or COUNT insn\n");
    }
    return false;
}

bool call_back(struct call *call)
{
    static const char until[] = "until ";
    uint64_t count, now;

    if (strncmp(call->argument, until, strlen(until)) == 0) {
        call->argument += strlen(until) + strspn(call->argument + strlen(until), " \t");
        return back_until(call);
    }
    if (!call_take_number(call, "a count of instructions", 1, UINT64_MAX / 2, &count) ||
        !has_history(call))
        return false;
    now = call->machine->cpu->ops->instructions(call->machine->cpu);
    arrive(call,
           run_control_back_to(call->monitor->run, call->machine, now > count ? now - count : 0));
    return false;
}

/* With no other stops on the way. */
bool call_last_write(struct call *call)
{
    struct cpu_watch watch = {.kinds = CPU_WATCH_WRITE};
    struct machine_pause stops = {
        .time = CLOCK_NEVER, .instructions = UINT64_MAX, .watches = &watch, .watch_count = 1};
    struct run_control *run = call->monitor->run;
    uint64_t before = 0, after = 0;
    struct history_hit hit;
    bool found;

    if (!take_bytes(call, &watch) || !has_history(call))
        return false;
    arch_read_linear(&call->state, &call->machine->memory, watch.address, &after,
                     watch.length < 8 ? watch.length : 8);
    found = history_search(run->history, &stops, &hit);
    run_control_arrived(run, call->machine);
    call->machine->cpu->ops->get_state(call->machine->cpu, &call->state);
    arch_read_linear(&call->state, &call->machine->memory, watch.address, &before,
                     watch.length < 8 ? watch.length : 8);
    if (found)
        fprintf(call->to, "0x%08x is written next, 0x%llx before and 0x%llx after; ",
                hit.access.address, (unsigned long long)before, (unsigned long long)after);
    else
        fprintf(call->to, "nothing has written there since the past begins; ");
    arrive(call, found);
    return false;
}

/* ---- changing ---- */

/* The name of a register at a line's begin, as $eax, %eax or eax; -1: it is none. Moves `text`
 * behind it. */
static int take_register(const char **text)
{
    const char *name = *text + (**text == '$' || **text == '%');
    size_t length = 0;
    int number;

    while (isalnum((unsigned char)name[length]) || name[length] == '_')
        length++;
    number = register_find(name, length);
    if (number >= 0)
        *text = name + length + strspn(name + length, " \t");
    return number;
}

static void set_register(struct call *call, unsigned number, uint64_t value)
{
    const struct cpu_ops *ops = call->machine->cpu->ops;
    const struct register_row *row = &register_rows[number];
    struct registers registers = {.state = call->state};
    uint8_t bytes[REGISTER_BYTES_MAX];
    bool ok;

    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i < 4 ? value >> 8 * i : 0);
    ok = row->bits == 32 && value <= UINT32_MAX &&
         ops->get_fpu(call->machine->cpu, &registers.fpu) == 0 &&
         register_put(&registers, &call->machine->memory, number, bytes);
    if (ok)
        ok = ops->set_state(call->machine->cpu, &registers.state) == 0 &&
             ops->set_fpu(call->machine->cpu, &registers.fpu) == 0;
    if (ok)
        call_note_change(call);
    if (!ok)
        fprintf(call->to, "%s can't be set to 0x%llx%s\n", row->name, (unsigned long long)value,
                row->bits > 32 ? ": only gdb (--gdb) sets a register of that size" : "");
}

static void set_memory(struct call *call, uint64_t address, unsigned size, uint64_t value)
{
    uint8_t bytes[4], old[4];

    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    if (size < 4 ? value >> 8 * size : value > UINT32_MAX)
        fprintf(call->to, "0x%llx does not fit into %u bytes\n", (unsigned long long)value, size);
    else if (address > UINT32_MAX ||
             arch_read_linear(&call->state, &call->machine->memory, (uint32_t)address, old, size) <
                 size ||
             arch_write_linear(&call->state, &call->machine->memory, (uint32_t)address, bytes,
                               size) < size)
        fprintf(call->to, "no memory that can be written is at 0x%08llx\n",
                (unsigned long long)address);
    else
        call_note_change(call);
}

/* Takes /b, /h or /w; false with a sentence. */
static bool take_size(struct call *call, const char **text, unsigned *size)
{
    const char *at = *text;

    *size = 4;
    if (*at != '/')
        return true;
    *size = at[1] == 'b' ? 1 : at[1] == 'h' ? 2 : 4;
    if (!at[1] || !strchr("bhw", at[1]) || (at[2] != ' ' && at[2] != '\t')) {
        fprintf(call->to, "expected /b, /h or /w: 1, 2 or 4 bytes\n");
        return false;
    }
    *text = at + 2 + strspn(at + 2, " \t");
    return true;
}

bool call_set(struct call *call)
{
    const char *text = call->argument;
    uint64_t address = 0, value;
    unsigned size;
    int number;

    if (!take_size(call, &text, &size))
        return false;
    number = take_register(&text);
    if (number < 0 && !call_evaluate(call, &text, "=", &address))
        return false;
    if (*text != '=' || text[1] == '=') {
        fprintf(call->to,
                "expected = and a value behind it, as in 'set $eax = 5' or 'set/b 0x1000 = 5'\n");
        return false;
    }
    text++;
    if (!call_evaluate(call, &text, "", &value))
        return false;
    if (number >= 0)
        set_register(call, (unsigned)number, value);
    else
        set_memory(call, address, size, value);
    return false;
}
