/*
 * Requests: memory and registers by the guest's own page tables and state; breakpoints are run
 * control's, and never written into memory.
 */
#include "request.h"

#include "cpu/arch.h"
#include "inspect/registers.h"
#include "packet.h"

#include <stdlib.h>
#include <string.h>

/* Signals, by gdb's numbers. */
enum { SIGNAL_INT = 2, SIGNAL_TRAP = 5, SIGNAL_SEGV = 11 };

/* Errors: gdb shows the number only. */
#define NO_MEMORY_THERE "E14" /* EFAULT */
#define WRONG           "E22" /* EINVAL */

#define READ_MAX ((GDB_PACKET_MAX - 16) / 2)

/* A request that is being done. */
struct doing {
    struct gdb_request *request;
    struct desk *desk;
    struct machine *machine;
    const char *packet;
    FILE *to;
};

/* ---- registers ---- */

/* gdb knows no segments: what it is told of EIP is the linear address of the next instruction,
 * where breakpoints and `x/i $pc` look. So moves EIP of a copy there, or back. */
static void move_eip(struct registers *registers, bool to_linear)
{
    uint32_t base = registers->state.segment[CPU_CS].base;

    registers->state.eip += to_linear ? base : 0 - base;
}

static bool get_registers(const struct machine *machine, struct registers *registers)
{
    const struct cpu_ops *ops = machine->cpu->ops;

    *registers = (struct registers){0};
    if (ops->get_fpu(machine->cpu, &registers->fpu) < 0)
        return false;
    if (machine->outcome.end != END_NONE && machine->outcome.has_state)
        registers->state = machine->outcome.state;
    else if (ops->get_state(machine->cpu, &registers->state) < 0)
        return false;
    move_eip(registers, true);
    return true;
}

static bool set_registers(const struct machine *machine, struct registers *registers)
{
    const struct cpu_ops *ops = machine->cpu->ops;

    move_eip(registers, false);
    return machine->outcome.end == END_NONE &&
           ops->set_state(machine->cpu, &registers->state) == 0 &&
           ops->set_fpu(machine->cpu, &registers->fpu) == 0;
}

static void print_register(FILE *to, const struct registers *registers, unsigned number)
{
    uint8_t bytes[REGISTER_BYTES_MAX];
    char hex[2 * REGISTER_BYTES_MAX + 1];

    register_get(registers, number, bytes);
    gdb_to_hex(bytes, register_rows[number].bits / 8, hex);
    fputs(hex, to);
}

/* What `g` has is what gdb takes a processor to have that it has read no description of, as of all
 * guests but the first; it asks for the rest with `p`. */
static bool is_in_g(unsigned number)
{
    return register_rows[number].set != REGISTERS_SYSTEM;
}

/* g, and p N. */
static void read_registers(struct doing *doing)
{
    const char *at = doing->packet + 1;
    struct registers registers;
    uint64_t number;

    if (!get_registers(doing->machine, &registers)) {
        fputs(WRONG, doing->to);
    } else if (doing->packet[0] == 'g') {
        for (unsigned i = 0; i < register_count && is_in_g(i); i++)
            print_register(doing->to, &registers, i);
    } else if (gdb_number(&at, &number) && number < register_count) {
        print_register(doing->to, &registers, (unsigned)number);
    } else {
        fputs(WRONG, doing->to);
    }
}

/* The past is not what led here any more. */
static void note_change(const struct doing *doing)
{
    if (doing->desk->monitor.run->history)
        history_forget(doing->desk->monitor.run->history);
}

/* Takes a register's digits from *text; false: they are not as many, or the value can't be. */
static bool take_register(const struct doing *doing, struct registers *registers, unsigned number,
                          const char **text)
{
    size_t count = register_rows[number].bits / 8;
    uint8_t bytes[REGISTER_BYTES_MAX];
    char digits[2 * REGISTER_BYTES_MAX + 1];

    if (strnlen(*text, 2 * count) < 2 * count)
        return false;
    memcpy(digits, *text, 2 * count);
    digits[2 * count] = '\0';
    *text += 2 * count;
    return gdb_from_hex(digits, count, bytes) &&
           register_put(registers, &doing->machine->memory, number, bytes);
}

/* G, and P N=VALUE. Nothing is changed unless all can be. */
static void write_registers(struct doing *doing)
{
    const char *at = doing->packet + 1;
    struct registers registers;
    uint64_t number = 0;
    bool ok = get_registers(doing->machine, &registers);

    if (doing->packet[0] == 'G') {
        for (unsigned i = 0; ok && i < register_count && is_in_g(i); i++)
            ok = take_register(doing, &registers, i, &at);
    } else {
        ok = ok && gdb_number(&at, &number) && number < register_count && *at++ == '=' &&
             take_register(doing, &registers, (unsigned)number, &at);
    }
    ok = ok && !*at && set_registers(doing->machine, &registers);
    if (ok)
        note_change(doing);
    fputs(ok ? "OK" : WRONG, doing->to);
}

/* ---- memory ---- */

/* ADDRESS,LENGTH; false: it is not that. */
static bool take_range(const char **at, uint32_t *address, uint64_t *length)
{
    uint64_t number;

    if (!gdb_number(at, &number) || number > UINT32_MAX || *(*at)++ != ',' ||
        !gdb_number(at, length))
        return false;
    *address = (uint32_t)number;
    return *length <= UINT64_C(0x100000000) - number;
}

/* m ADDRESS,LENGTH: as much as is there; a device's registers are not. */
static void read_memory(struct doing *doing)
{
    const char *at = doing->packet + 1;
    struct registers registers;
    uint8_t bytes[READ_MAX];
    char hex[2 * READ_MAX + 1];
    uint32_t address;
    uint64_t length;
    size_t count;

    if (!take_range(&at, &address, &length) || *at || !get_registers(doing->machine, &registers)) {
        fputs(WRONG, doing->to);
        return;
    }
    if (length > READ_MAX)
        length = READ_MAX;
    count = arch_read_linear(&registers.state, &doing->machine->memory, address, bytes, length);
    gdb_to_hex(bytes, count, hex);
    fputs(count > 0 || length == 0 ? hex : NO_MEMORY_THERE, doing->to);
}

/* Whether all of these can be written: then they are. */
static bool write_bytes(const struct doing *doing, uint32_t address, const uint8_t *bytes,
                        size_t length)
{
    const struct memory *memory = &doing->machine->memory;
    struct registers registers;
    uint64_t physical;

    if (!get_registers(doing->machine, &registers) || doing->machine->outcome.end != END_NONE)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!arch_translate(&registers.state, memory, address + (uint32_t)i, &physical) ||
            memory_kind(memory, physical) != MEMORY_RAM || physical >= memory->size)
            return false;
    }
    if (arch_write_linear(&registers.state, memory, address, bytes, length) < length)
        return false;
    if (length > 0)
        note_change(doing);
    return true;
}

/* M ADDRESS,LENGTH:DIGITS, and X with the bytes as they are. */
static void write_memory(struct doing *doing)
{
    const char *at = doing->packet + 1, *end = doing->packet + doing->request->length;
    uint8_t bytes[READ_MAX];
    uint32_t address;
    uint64_t length;
    bool ok = take_range(&at, &address, &length) && *at++ == ':';

    if (ok && doing->packet[0] == 'X')
        ok = length == (uint64_t)(end - at);
    else
        ok = ok && length <= READ_MAX && gdb_from_hex(at, (size_t)length, bytes);
    if (!ok)
        fputs(WRONG, doing->to);
    else
        fputs(write_bytes(doing, address, doing->packet[0] == 'X' ? (const uint8_t *)at : bytes,
                          (size_t)length)
                  ? "OK"
                  : NO_MEMORY_THERE,
              doing->to);
}

/* ---- breakpoints ---- */

/* What a packet Z or z is about: TYPE,ADDRESS,KIND, where a watchpoint's kind is its length. What
 * follows, conditions, is gdb's to ask for. */
static bool take_break(const struct doing *doing, struct run_break *wanted)
{
    static const unsigned kinds[] = {0, 0, CPU_WATCH_WRITE, CPU_WATCH_READ,
                                     CPU_WATCH_READ | CPU_WATCH_WRITE};
    char type = doing->packet[1];
    const char *at = doing->packet + 2;
    uint64_t length;
    uint32_t address;

    if (type < '0' || type > '4' || *at++ != ',' || !take_range(&at, &address, &length) ||
        (*at && *at != ';'))
        return false;
    *wanted = (struct run_break){.owner = doing->request->owner, .text = {type}};
    if (type <= '1') {
        wanted->addresses[0] = address;
        wanted->address_count = 1;
    } else {
        wanted->watch = (struct cpu_watch){address, (uint32_t)length, kinds[type - '0']};
    }
    return type <= '1' || (length > 0 && length <= UINT32_MAX);
}

static const struct run_break *find_break(const struct doing *doing, const struct run_break *wanted)
{
    const struct run_break *at = doing->desk->monitor.run->breaks;

    for (; at; at = at->next) {
        if (at->owner == wanted->owner && at->text[0] == wanted->text[0] &&
            at->address_count == wanted->address_count &&
            at->addresses[0] == wanted->addresses[0] &&
            memcmp(&at->watch, &wanted->watch, sizeof(at->watch)) == 0)
            break;
    }
    return at;
}

static void change_break(struct doing *doing)
{
    struct run_control *run = doing->desk->monitor.run;
    const struct run_break *present;
    struct run_break wanted;
    char why[200];

    if (!take_break(doing, &wanted)) {
        fputs(WRONG, doing->to);
        return;
    }
    present = find_break(doing, &wanted);
    if (doing->packet[0] == 'z')
        run_control_unbreak(run, present);
    else if (!present && !run_control_break(run, doing->machine, &wanted, why, sizeof(why))) {
        fputs(WRONG, doing->to);
        return;
    }
    fputs("OK", doing->to);
}

/* ---- stops ---- */

static void print_hex(FILE *to, const char *text)
{
    for (; *text; text++)
        fprintf(to, "%02x", (unsigned char)*text);
}

/* gdb shows it as what the program has printed. */
static void print_console(FILE *to, const char *text)
{
    fputc('O', to);
    print_hex(to, text);
    fputc('\n', to);
}

/* A guest that has asked for its end is gone; one that died is there to be looked at. */
static void print_end(const struct doing *doing)
{
    const struct machine_outcome *outcome = &doing->machine->outcome;
    char text[640];

    if (outcome->end == END_EXIT || outcome->end == END_POWER_OFF || outcome->end == END_QUIT ||
        outcome->end == END_INPUT) {
        fprintf(doing->to, "W%02x", (unsigned)outcome->status & 0xff);
        return;
    }
    snprintf(text, sizeof(text), "%s%s%.600s\n", machine_end_name(outcome->end),
             outcome->text[0] ? ": " : "", outcome->text);
    if (doing->request->what == GDB_GO) /* nothing else has an answer in between */
        print_console(doing->to, text);
    fprintf(doing->to, "T%02x",
            outcome->end == END_SHUTDOWN || outcome->end == END_FAULT ? SIGNAL_SEGV : SIGNAL_TRAP);
}

/* Why the guest stands still, as a packet without the thread. */
static void print_stop(const struct doing *doing)
{
    static const char *const watches[] = {"watch", "rwatch", "awatch"};
    const struct run_reason *reason = &doing->desk->monitor.run->reason;
    const struct run_break *at = reason->at;

    if (doing->machine->outcome.end != END_NONE) {
        print_end(doing);
    } else if (at && at->owner == doing->request->owner) {
        fprintf(doing->to, "T%02x", SIGNAL_TRAP);
        if (at->address_count > 0)
            fprintf(doing->to, "%s:;", at->text[0] == '0' ? "swbreak" : "hwbreak");
        else
            fprintf(doing->to, "%s:%x;", watches[at->text[0] - '2'], reason->access.address);
    } else {
        fprintf(doing->to, "T%02x",
                doing->request->question.is_interrupted && !at ? SIGNAL_INT : SIGNAL_TRAP);
    }
}

/* ---- running ---- */

static bool go(struct doing *doing)
{
    struct run_control *run = doing->desk->monitor.run;
    struct machine *machine = doing->machine;
    struct question *question = &doing->request->question;
    struct run_wait *wait = &question->wait.run;
    const char *at = doing->packet + 1;
    uint64_t begin = 0, end = 0;

    wait->pause = run_control_never;
    if (machine->outcome.end != END_NONE || run->is_over) {
        if (machine->outcome.end != END_RESET || !run->boots_again) {
            run_control_hold(run, false);
            fprintf(doing->to, "X%02x", SIGNAL_SEGV);
            return false;
        }
        question->passes_reset = true;
        if (doing->packet[0] != 'c')
            wait->pause.instructions = 0; /* the first of the next boot */
    } else if (doing->packet[0] != 'c') {
        if (!machine->cpu->ops->instructions ||
            (doing->packet[0] == 'r' && (!gdb_number(&at, &begin) || *at++ != ',' ||
                                         !gdb_number(&at, &end) || end > UINT32_MAX))) {
            fputs(WRONG, doing->to);
            return false;
        }
        wait->pause.instructions = machine->cpu->ops->instructions(machine->cpu) + 1;
        wait->pause.no_interrupts = doing->request->no_interrupts;
        wait->range = (uint32_t)begin;
        wait->range_end = (uint32_t)end;
    }
    if (doing->packet[0] == 'c') /* gdb steps over its breakpoints before */
        run_control_rearm(run, machine, doing->request->owner);
    if (run_control_wait(run, machine, wait))
        return true;
    fputs(WRONG, doing->to);
    return false;
}

/* bs, bc. */
static void go_back(struct doing *doing)
{
    struct run_control *run = doing->desk->monitor.run;
    struct machine *machine = doing->machine;
    bool was_over = machine->outcome.end != END_NONE, reached;
    uint64_t count;

    if (!run->history) { /* gdb shows the text */
        fprintf(doing->to, "E.%s",
                run->no_history[0] ? run->no_history : "no past of this guest is kept");
        return;
    }
    count = machine->cpu->ops->instructions(machine->cpu);
    if (doing->packet[0] == 'c') {
        reached = run_control_back(run, machine);
    } else {
        reached = run_control_back_to(run, machine, was_over ? count : count - (count > 0));
        if (reached && machine->outcome.end != END_NONE) /* its last instruction counts */
            reached = run_control_back_to(run, machine, count - (count > 0));
    }
    if (reached)
        print_stop(doing);
    else
        fprintf(doing->to, "T%02xreplaylog:begin;", SIGNAL_TRAP);
}

static void attach(struct doing *doing)
{
    struct run_control *run = doing->desk->monitor.run;

    fputs("OK", doing->to);
    run->held_before = run_control_is_held(run);
    run->is_debugged = true;
    run_control_hold(run, true);
}

static void detach(struct doing *doing)
{
    struct run_control *run = doing->desk->monitor.run;

    run_control_unbreak_all(run, doing->request->owner);
    run->is_debugged = false;
    run_control_hold(run, run->held_before && strcmp(doing->packet, "before") == 0);
    fputs("OK", doing->to);
}

/* ---- the monitor ---- */

static void ask_monitor(struct doing *doing)
{
    struct monitor *monitor = &doing->desk->monitor;
    struct question *question = &doing->request->question;
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    uint32_t eip = doing->machine ? machine_eip(doing->machine) : 0;

    if (!to) {
        fputs(WRONG, doing->to);
        return;
    }
    if (monitor_moves(doing->packet))
        fprintf(to, "gdb runs and stops this guest: continue, stepi, advance, Ctrl-C\n");
    else if (monitor_command(monitor, doing->machine, doing->packet, &question->wait, to))
        monitor_leave(monitor, &question->wait);
    if (doing->machine && machine_eip(doing->machine) != eip)
        fprintf(to, "'maintenance flush register-cache' has gdb look where that is\n");
    if (fclose(to) != 0)
        fputs(WRONG, doing->to);
    else if (*text)
        print_hex(doing->to, text);
    else
        fputs("OK", doing->to);
    free(text);
}

/* ---- requests ---- */

static void access_guest(struct doing *doing)
{
    switch (doing->packet[0]) {
    case 'g':
    case 'p':
        read_registers(doing);
        break;
    case 'G':
    case 'P':
        write_registers(doing);
        break;
    case 'm':
        read_memory(doing);
        break;
    case 'M':
    case 'X':
        write_memory(doing);
        break;
    case 'Z':
    case 'z':
        change_break(doing);
        break;
    default:
        fputs(WRONG, doing->to);
    }
}

static bool begin(struct question *question, struct desk *desk, struct machine *machine, FILE *to)
{
    struct gdb_request *request = (struct gdb_request *)question;
    struct doing doing = {request, desk, machine, request->packet, to};

    if (request->what == GDB_MONITOR) {
        ask_monitor(&doing);
    } else if (!machine) {
        fputs("E03", to); /* ESRCH */
    } else {
        switch (request->what) {
        case GDB_ATTACH:
            attach(&doing);
            break;
        case GDB_DETACH:
            detach(&doing);
            break;
        case GDB_STATUS:
            print_stop(&doing);
            break;
        case GDB_ACCESS:
            access_guest(&doing);
            break;
        case GDB_GO:
            return go(&doing);
        case GDB_BACK:
            go_back(&doing);
            break;
        case GDB_KILL:
            inbox_quit(desk->monitor.run->inbox);
            fputs("OK", to);
            break;
        case GDB_MONITOR:
            break;
        }
    }
    return false;
}

static void end(struct question *question, struct desk *desk, struct machine *machine, FILE *to)
{
    struct gdb_request *request = (struct gdb_request *)question;
    struct doing doing = {request, desk, machine, request->packet, to};

    print_stop(&doing);
}

struct gdb_request *gdb_request_new(enum gdb_what what, const void *owner, const char *packet,
                                    size_t length)
{
    struct gdb_request *request = calloc(1, sizeof(*request) + length + 1);

    if (!request)
        return NULL;
    request->question.begin = begin;
    request->question.end = end;
    request->what = what;
    request->owner = owner;
    request->length = length;
    memcpy(request->packet, packet, length);
    return request;
}
