/*
 * The table of commands and what they do. Names are those of QEMU's monitor and of gdb.
 */
#include "call.h"

#include "backtrace.h"
#include "cpu/arch.h"
#include "disassemble.h"
#include "info.h"
#include "inspect/expression.h"
#include "inspect/keys.h"
#include "machine/snapshot.h"
#include "os/picture_file.h"
#include "why.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a command needs. */
enum { HAS_NOT_ENDED = 1, IS_NOT_RECORDED = 2, IS_NOT_REPLAY = 4 };

/* What may stand behind it. */
enum completions { WORDS_NONE, WORDS_COMMANDS, WORDS_SUBJECTS, WORDS_SYMBOLS, WORDS_KEYS };

struct command {
    const char *names; /* the name, then its other ones */
    const char *arguments;
    const char *help;
    enum completions words;
    unsigned needs;
    /* True if the answer is complete only when the guest has stopped: call->wait is for that. */
    bool (*run)(struct call *call);
};

static const struct command commands[26]; /* the last one has no name */

/* ---- words ---- */

/* The next of some names with blanks between, and its length; 0: that was the last. */
static size_t next_name(const char **names, const char **name)
{
    size_t length;

    *names += strspn(*names, " ");
    length = strcspn(*names, " ");
    *name = *names;
    *names += length;
    return length;
}

/* How well a word names a command: 2 as a whole, 1 as the beginning, 0 not. */
static unsigned names_command(const struct command *command, const char *word, size_t length)
{
    const char *names = command->names, *name;
    unsigned best = 0;

    for (size_t size; (size = next_name(&names, &name)) > 0;) {
        if (size >= length && memcmp(name, word, length) == 0)
            best = size == length ? 2 : best ? best : 1;
    }
    return best;
}

static void print_first_name(FILE *to, const struct command *command)
{
    fprintf(to, "%.*s", (int)strcspn(command->names, " "), command->names);
}

/* The command that a word is, or begins as the only one; NULL if it begins none or several. */
static const struct command *match_command(const char *word, size_t length, unsigned *count)
{
    const struct command *found = NULL;

    *count = 0;
    for (const struct command *command = commands; command->names; command++) {
        unsigned how = names_command(command, word, length);
        if (how == 2)
            return command;
        if (how == 1) {
            found = command;
            ++*count;
        }
    }
    return *count == 1 ? found : NULL;
}

/* The same; NULL with a sentence. */
static const struct command *find_command(const char *word, size_t length, FILE *to)
{
    unsigned count;
    const struct command *found = match_command(word, length, &count);

    if (found)
        return found;
    if (count == 0) {
        fprintf(to, "there is no command '%.*s': 'help' lists them\n", (int)length, word);
        return NULL;
    }
    fprintf(to, "'%.*s' could be", (int)length, word);
    for (const struct command *command = commands; command->names; command++) {
        if (names_command(command, word, length)) {
            fputc(' ', to);
            print_first_name(to, command);
        }
    }
    fputc('\n', to);
    return NULL;
}

bool call_take_number(struct call *call, const char *what, uint64_t otherwise, uint64_t max,
                      uint64_t *number)
{
    char *end;

    *number = otherwise;
    if (!*call->argument)
        return true;
    errno = 0;
    *number = strtoull(call->argument, &end, 0);
    if (isdigit((unsigned char)*call->argument) && !*end && errno == 0 && *number <= max)
        return true;
    fprintf(call->to, "expected %s, not '%s'\n", what, call->argument);
    return false;
}

/* ---- symbols and expressions ---- */

static struct symbols *symbols(struct monitor *monitor)
{
    if (!monitor->symbols && !monitor->no_symbols[0]) {
        snprintf(monitor->no_symbols, sizeof(monitor->no_symbols), "there are no symbols");
        if (monitor->image)
            monitor->symbols =
                symbols_open(monitor->image, monitor->no_symbols, sizeof(monitor->no_symbols));
    }
    return monitor->symbols;
}

static int find_symbol(void *owner, const char *name, uint32_t *address)
{
    struct call *call = owner;
    char why[300];

    if (!symbols(call->monitor))
        fprintf(call->to, "%s\n", call->monitor->no_symbols);
    else if (symbols_find(call->monitor->symbols, name, address, why, sizeof(why)) < 0)
        fprintf(call->to, "%s\n", why);
    else
        return 0;
    return -1;
}

static struct info info_of(struct call *call)
{
    return (struct info){call->machine, run_control_is_held(call->monitor->run),
                         &call->state,  symbols(call->monitor),
                         call->to,      call->monitor->run};
}

bool call_evaluate(struct call *call, const char **rest, const char *end, uint64_t *value)
{
    const char *expected, *text = *rest;
    struct expression *expression = expression_parse(&text, &expected);
    char why[200];
    bool ok = false;

    text += strspn(text, " \t");
    *rest = text;
    if (!expression && !expected)
        fprintf(call->to, "out of memory\n");
    else if (!expression || (*text && !strchr(end, *text)))
        fprintf(call->to, "expected %s%s%s%s\n", expression ? "an operator, or nothing," : expected,
                *text ? " at '" : "", text, *text ? "'" : "");
    else if (expression_resolve(expression, find_symbol, call) == 0) {
        ok = expression_value(expression, call->machine, value, why, sizeof(why));
        if (!ok)
            fprintf(call->to, "%s\n", why);
    }
    expression_free(expression);
    return ok;
}

/* The value of an expression, of all of `text`; false with a sentence. */
static bool evaluate(struct call *call, const char *text, uint64_t *value)
{
    return call_evaluate(call, &text, "", value);
}

/* ---- looking ---- */

static void print_subjects(FILE *to, const char *before)
{
    struct info_subject subject;

    for (unsigned i = 0; info_subject_at(i, &subject); i++)
        fprintf(to, "%sinfo %-8s %s\n", before, subject.name, subject.help);
}

static bool do_help(struct call *call)
{
    const struct command *command = commands;

    if (*call->argument) {
        command = find_command(call->argument, strlen(call->argument), call->to);
        if (!command)
            return false;
        fprintf(call->to, "%s %s\n    %s\n", command->names, command->arguments, command->help);
        if (command->words == WORDS_SUBJECTS)
            print_subjects(call->to, "    ");
        return false;
    }
    for (; command->names; command++) {
        int used;
        print_first_name(call->to, command);
        used = (int)strcspn(command->names, " ");
        fprintf(call->to, " %-*s %s\n", 22 - used, command->arguments, command->help);
    }
    fprintf(call->to, "Names may be shortened; Tab completes them. 'help COMMAND' says more.\n");
    return false;
}

static bool do_info(struct call *call)
{
    struct info_subject subject, found = {.name = NULL};
    const struct info info = info_of(call);
    size_t length = strlen(call->argument);
    unsigned count = 0;

    if (length > 4 && strncmp("registers", call->argument, length) == 0) { /* gdb's name */
        call->argument = "regs";
        length = 4;
    }
    for (unsigned i = 0; length && info_subject_at(i, &subject); i++) {
        if (strncmp(subject.name, call->argument, length) != 0)
            continue;
        if (!subject.name[length] || count == 0)
            found = subject;
        count = subject.name[length] ? count + 1 : 1;
        if (!subject.name[length])
            break;
    }
    if (count == 1) {
        info_tell(&info, &found);
        return false;
    }
    if (length)
        fprintf(call->to, "'%s' is %s of these:\n", call->argument,
                count ? "more than one" : "none");
    print_subjects(call->to, "");
    return false;
}

static bool do_why(struct call *call)
{
    why_tell(call->to, call->machine);
    return false;
}

/* The value of a variable, if that is all that was asked for; false: it is not. */
static bool print_variable(struct call *call)
{
    const char *text = call->argument, *expected;
    struct expression *expression = *text == '&' ? NULL : expression_parse(&text, &expected);
    const char *name = expression ? expression_symbol(expression) : NULL;
    uint32_t address, size;
    uint64_t value = 0;
    bool is_variable =
        name && !*text && symbols(call->monitor) &&
        symbols_value(call->monitor->symbols, name, &address, &size) &&
        (size == 1 || size == 2 || size == 4 || size == 8) &&
        arch_read_linear(&call->state, &call->machine->memory, address, &value, size) == size;

    if (is_variable)
        fprintf(call->to, "%s = 0x%llx = %llu (%u byte%s at 0x%08x)\n", name,
                (unsigned long long)value, (unsigned long long)value, size, size > 1 ? "s" : "",
                address);
    expression_free(expression);
    return is_variable;
}

static bool do_print(struct call *call)
{
    char name[200];
    uint64_t value;

    if (print_variable(call) || !evaluate(call, call->argument, &value))
        return false;
    fprintf(call->to, "0x%llx = %llu", (unsigned long long)value, (unsigned long long)value);
    if (value <= UINT32_MAX && symbols(call->monitor) &&
        symbols_describe(call->monitor->symbols, (uint32_t)value, name, sizeof(name)))
        fprintf(call->to, " <%s>", name);
    fputc('\n', call->to);
    return false;
}

static bool do_backtrace(struct call *call)
{
    const struct info info = info_of(call);
    uint64_t max;

    if (!call_take_number(call, "how many frames, 1 to 64", 20, BACKTRACE_MAX, &max) ||
        backtrace_print(&info, (unsigned)max, "") > 0)
        return false;
    fprintf(call->to, "#0  ");
    info_print_place(&info, call->state.segment[CPU_CS].base + call->state.eip);
    fprintf(call->to, "\nno caller is known: ebp, 0x%08x, leads to no frame\n",
            call->state.gpr[CPU_EBP]);
    return false;
}

#define DUMP_MAX 4096 /* bytes */

/* What `x` shows: so many of that size, in that form. */
struct dump {
    unsigned count, size;
    char form; /* x, d, u, c, or i: instructions */
};

/* /8xw; false with a sentence. Moves the argument behind it. */
static bool take_format(struct call *call, struct dump *dump)
{
    const char *at = call->argument;
    unsigned long count = 1;
    char *end;

    *dump = (struct dump){1, 4, 'x'};
    if (*at != '/')
        return true;
    at++;
    if (isdigit((unsigned char)*at)) {
        count = strtoul(at, &end, 10);
        at = end;
    }
    for (; isalpha((unsigned char)*at); at++) {
        if (*at == 'b' || *at == 'h' || *at == 'w')
            dump->size = *at == 'b' ? 1 : *at == 'h' ? 2 : 4;
        else if (strchr("xduci", *at))
            dump->form = *at;
        else
            break;
    }
    if (dump->form == 'c')
        dump->size = 1;
    if ((*at && *at != ' ') || count == 0 || count > DUMP_MAX / dump->size) {
        fprintf(call->to, "expected /, a count up to %u, x d u c or i, and b h or w, as in /8xw\n",
                DUMP_MAX / dump->size);
        return false;
    }
    dump->count = (unsigned)count;
    call->argument = at + strspn(at, " ");
    return true;
}

static void print_value(FILE *to, const struct dump *dump, uint32_t value)
{
    int32_t number = dump->size == 1   ? (int8_t)value
                     : dump->size == 2 ? (int16_t)value
                                       : (int32_t)value;

    switch (dump->form) {
    case 'd':
        fprintf(to, " %d", number);
        break;
    case 'u':
        fprintf(to, " %u", value);
        break;
    case 'c':
        fprintf(to, value >= 0x20 && value < 0x7f ? " '%c'" : " \\x%02x", value);
        break;
    default:
        fprintf(to, " 0x%0*x", (int)dump->size * 2, value);
    }
}

static bool do_dump(struct call *call)
{
    const struct info info = info_of(call);
    struct dump dump;
    uint64_t address;

    if (!take_format(call, &dump))
        return false;
    if (dump.form == 'i' && !*call->argument)
        address = call->state.segment[CPU_CS].base + call->state.eip;
    else if (!evaluate(call, call->argument, &address))
        return false;
    if (dump.form == 'i' && address <= UINT32_MAX) {
        disassemble_print(&info, (uint32_t)address,
                          dump.count < DISASSEMBLE_MAX ? dump.count : DISASSEMBLE_MAX, "");
        return false;
    }
    for (unsigned i = 0; i < dump.count; i++) {
        uint32_t at = (uint32_t)address + i * dump.size, value = 0;
        if (address > UINT32_MAX || arch_read_linear(&call->state, &call->machine->memory, at,
                                                     &value, dump.size) < dump.size) {
            fprintf(call->to, "%sno memory is at 0x%08llx\n", i ? "\n" : "",
                    (unsigned long long)address + i * dump.size);
            return false;
        }
        if (i * dump.size % 16 == 0)
            fprintf(call->to, "%s0x%08x:", i ? "\n" : "", at);
        print_value(call->to, &dump, value);
    }
    fputc('\n', call->to);
    return false;
}

static bool do_screen(struct call *call)
{
    const struct vga *vga = &call->machine->vga;
    char screen[VGA_TEXT_DUMP_MAX];
    unsigned column, row;

    if (vga_is_graphic(vga)) {
        fprintf(call->to, "the screen shows pixels, not text\n");
        return false;
    }
    if (vga_text_dump(vga, screen, sizeof(screen)) == 0)
        fprintf(call->to, "the screen is blank\n");
    else
        fputs(screen, call->to);
    if (vga_text_cursor(vga, &column, &row))
        fprintf(call->to, "(the cursor is in row %u, column %u, counted from 0)\n", row, column);
    else
        fprintf(call->to, "(no cursor)\n");
    return false;
}

static bool do_screenshot(struct call *call)
{
    char why[300] = "expected a file's name";
    struct display display = {0};

    vga_draw(&call->machine->vga, &display);
    if (*call->argument && !display.width)
        fprintf(call->to, "the screen shows nothing\n");
    else if (*call->argument && picture_write(&display, call->argument, why, sizeof(why)) == 0)
        fprintf(call->to, "%u x %u pixels are in %s\n", display.width, display.height,
                call->argument);
    else
        fprintf(call->to, "%s%s\n", why,
                strstr(why, strerror(EACCES))
                    ? " (the sandbox allows only files that --screenshot names)"
                    : "");
    display_free(&display);
    return false;
}

/* ---- stopping and going on ---- */

static void print_end(struct call *call)
{
    const struct machine_outcome *outcome = &call->machine->outcome;
    const struct info info = info_of(call);

    fprintf(call->to, "the guest has ended: %s%s%s", machine_end_name(outcome->end),
            outcome->text[0] ? ": " : "", outcome->text);
    if (outcome->has_state && !outcome->text[0]) { /* which has the place */
        fprintf(call->to, ", at ");
        info_print_place(&info, call->state.segment[CPU_CS].base + call->state.eip);
    }
    fputc('\n', call->to);
}

void call_print_stop(struct call *call)
{
    const struct info info = info_of(call);
    struct machine *machine = call->machine;

    if (machine->outcome.end == END_RESET) { /* which may not be its end */
        fprintf(call->to, "the guest did not get there: %s\n", machine->outcome.text);
        return;
    }
    if (machine->outcome.end != END_NONE) {
        print_end(call);
        return;
    }
    call_print_reason(call);
    fprintf(call->to, "stopped %s ", machine->halted ? "in HLT before" : "at");
    info_print_place(&info, call->state.segment[CPU_CS].base + call->state.eip);
    fprintf(call->to, ", %.9f s", (double)clock_now(&machine->clock) / 1e9);
    if (machine->cpu->ops->instructions)
        fprintf(call->to, ", %llu instructions",
                (unsigned long long)machine->cpu->ops->instructions(machine->cpu));
    fputc('\n', call->to);
}

static bool do_stop(struct call *call)
{
    run_control_hold(call->monitor->run, true);
    call_print_stop(call);
    return false;
}

/* Lets it run to what the call waits for. */
static bool wait_for_stop(struct call *call)
{
    if (run_control_wait(call->monitor->run, call->machine, &call->wait->run))
        return true;
    fprintf(call->to, "%u others wait for this guest to stop: 'stop' stops it\n",
            RUN_CONTROL_WAITS);
    return false;
}

/* Where a breakpoint may stop it, the answer is that it has. */
static bool do_continue(struct call *call)
{
    if (!call->monitor->run->breaks) {
        run_control_hold(call->monitor->run, false);
        return false;
    }
    call->wait->run.pause = run_control_never;
    return wait_for_stop(call);
}

static bool can_count(struct call *call)
{
    const struct cpu_ops *ops = call->machine->cpu->ops;

    if (!ops->instructions)
        fprintf(call->to, "only --cpu soft stops at an exact place; this guest runs on %s\n",
                ops->name);
    return ops->instructions;
}

static bool do_step(struct call *call)
{
    struct machine_pause *pause = &call->wait->run.pause;
    uint64_t count;

    if (!can_count(call) ||
        !call_take_number(call, "a count of instructions", 1, UINT64_MAX / 2, &count))
        return false;
    *pause = run_control_never;
    pause->instructions = call->machine->cpu->ops->instructions(call->machine->cpu) + count;
    return wait_for_stop(call);
}

bool call_take_place(struct call *call, struct place *place)
{
    struct monitor *monitor = call->monitor;
    char why[300];

    if (!place_parse(call->argument, place, why, sizeof(why)) ||
        (place->name && !symbols(monitor) &&
         snprintf(why, sizeof(why), "%s", monitor->no_symbols)) ||
        !place_resolve(place, &monitor->symbols, monitor->symbols != NULL, why, sizeof(why))) {
        fprintf(call->to, "%s\n", why);
        return false;
    }
    return true;
}

/* Has the call wait for a place; false with a sentence. */
static bool wait_for_place(struct call *call)
{
    struct machine_pause *pause = &call->wait->run.pause;
    struct place *place = &call->wait->place;

    *pause = run_control_never;
    if (!call_take_place(call, place))
        return false;
    if (place->kind == PLACE_TIME)
        pause->time = place->number;
    else if (!can_count(call))
        return false;
    else if (place->kind == PLACE_INSTRUCTIONS)
        pause->instructions = place->number;
    pause->addresses = place->address;
    pause->address_count = place->address_count;
    return true;
}

static bool do_until(struct call *call)
{
    struct machine_pause ahead;

    if (!wait_for_place(call))
        return false;
    ahead = call->wait->run.pause;
    ahead.address_count = 0; /* the guest may come there again */
    if (!machine_is_at(call->machine, &ahead))
        return wait_for_stop(call);
    fprintf(call->to, "that is past; ");
    run_control_hold(call->monitor->run, true);
    call_print_stop(call);
    return false;
}

/* ---- changing ---- */

static bool do_irq(struct call *call)
{
    const struct info info = info_of(call);
    const struct i8042_state *keyboard = &call->machine->keyboard.s;
    struct interrupt_input input = {.is_cascade = true};
    uint64_t irq;

    if (!call_take_number(call, "the number of an IRQ, 0 to 15", UINT64_MAX, 15, &irq))
        return false;
    if (irq <= 15)
        input = machine_input(call->machine, (unsigned)irq);
    if (input.is_cascade)
        fprintf(call->to,
                "expected an IRQ from 0 to 15, but not 2, which is the second controller's\n");
    else if (input.is_level_triggered)
        fprintf(call->to, "the guest has made this input level triggered, where an edge is no "
                          "request\n");
    else if (irq == 1 && !keyboard->scanning)
        fprintf(call->to, "the guest has switched the keyboard off, so it sends nothing\n");
    else {
        machine_raise(call->machine, (unsigned)irq, MACHINE_SCANCODE);
        call_note_change(call);
        info_print_irq(&info, (unsigned)irq);
        if (irq == 1)
            fprintf(call->to, "port 0x60: 0x%02x%s\n", keyboard->dbb,
                    keyboard->buffered ? ", and a byte waits in the keyboard" : "");
    }
    return false;
}

static bool do_sendkey(struct call *call)
{
    struct inbox *inbox = call->monitor->run->inbox;
    uint16_t codes[KEYS_AT_ONCE];
    const char *wrong;
    unsigned count =
        keys_parse(call->argument, strlen(call->argument), codes, KEYS_AT_ONCE, &wrong);
    bool posted = true;

    if (count == 0) {
        fprintf(call->to, "expected a key's name, as in ctrl-alt-delete, at '%s'\n", wrong);
        return false;
    }
    for (unsigned i = 0; i < count; i++)
        posted = posted && inbox_post(inbox, INBOX_KEYBOARD, (struct inbox_event){codes[i], true});
    for (unsigned i = count; i-- > 0;)
        posted = posted && inbox_post(inbox, INBOX_KEYBOARD, (struct inbox_event){codes[i], false});
    if (!posted)
        fprintf(call->to, "too many keys wait for the guest to read them\n");
    return false;
}

static bool do_snapshot(struct call *call)
{
    char why[300] = "expected a file's name";
    struct snapshot *snapshot =
        *call->argument ? snapshot_take(call->machine, why, sizeof(why)) : NULL;

    if (snapshot && snapshot_write(snapshot, call->argument, why, sizeof(why)) == 0)
        fprintf(call->to, "saved; 'vmm run --restore %s' resumes here\n", call->argument);
    else
        fprintf(call->to, "%s%s\n", why,
                snapshot && strstr(why, strerror(EACCES))
                    ? " (the sandbox allows only files that --save and --snapshot name)"
                    : "");
    snapshot_free(snapshot);
    return false;
}

static bool do_reset(struct call *call)
{
    machine_reset(call->machine, "the monitor");
    return false;
}

static bool do_quit(struct call *call)
{
    inbox_quit(call->monitor->run->inbox);
    return false;
}

/* ---- the table ---- */

static const struct command commands[26] = {
    {"help h ?", "[COMMAND]", "this list, or what a command does", WORDS_COMMANDS, 0, do_help},
    {"info i", "SUBJECT", "shows a part of the machine: 'help info'", WORDS_SUBJECTS, 0, do_info},
    {"why", "", "what the guest does, what it waits for, and what may be wrong", WORDS_NONE, 0,
     do_why},
    {"print p", "EXPRESSION", "a value: eax, mem32[0x1020], irq[0].taken, variable, symbol+4",
     WORDS_SYMBOLS, 0, do_print},
    {"x", "/8xw ADDRESS", "shows memory: count; x d u c or i (instructions); size b h or w",
     WORDS_SYMBOLS, 0, do_dump},
    {"backtrace bt where", "[COUNT]", "who called: frames with their symbols and lines", WORDS_NONE,
     0, do_backtrace},
    {"screen", "", "shows the VGA text screen, and where its cursor is", WORDS_NONE, 0, do_screen},
    {"screenshot screendump", "FILE.png", "writes what the screen shows", WORDS_NONE, 0,
     do_screenshot},
    {"stop pause", "", "pauses the guest and its time", WORDS_NONE, HAS_NOT_ENDED, do_stop},
    {"cont c continue resume", "", "resumes the guest", WORDS_NONE, HAS_NOT_ENDED, do_continue},
    {"step s si stepi", "[COUNT]", "executes COUNT instructions (1), then stops", WORDS_NONE,
     HAS_NOT_ENDED, do_step},
    {"until u advance", "PLACE", "runs to a symbol, FILE:LINE, 0xADDRESS, 3.5ms or COUNT insn",
     WORDS_SYMBOLS, HAS_NOT_ENDED, do_until},
    {"break b", "PLACE", "stops there each time: a symbol, FILE:LINE or 0xADDRESS", WORDS_SYMBOLS,
     HAS_NOT_ENDED, call_break},
    {"watch", "ADDRESS [LENGTH]", "stops behind each write to these bytes (4 of them)",
     WORDS_SYMBOLS, HAS_NOT_ENDED, call_watch_writes},
    {"rwatch", "ADDRESS [LENGTH]", "stops behind each read of them", WORDS_SYMBOLS, HAS_NOT_ENDED,
     call_watch_reads},
    {"awatch", "ADDRESS [LENGTH]", "stops behind each read or write of them", WORDS_SYMBOLS,
     HAS_NOT_ENDED, call_watch_all},
    {"delete d", "[NUMBER]", "removes a breakpoint or watchpoint, or all: 'info breakpoints'",
     WORDS_NONE, 0, call_delete},
    {"set", "[/b] $eax|ADDRESS = VALUE", "changes a register, or memory: size b h or w",
     WORDS_SYMBOLS, HAS_NOT_ENDED | IS_NOT_RECORDED | IS_NOT_REPLAY, call_set},
    {"back", "[COUNT|until PLACE]", "goes back COUNT instructions (1), or to a place: --history",
     WORDS_SYMBOLS, 0, call_back},
    {"last-write", "ADDRESS [LENGTH]", "goes back to before the last write to these bytes (4)",
     WORDS_SYMBOLS, 0, call_last_write},
    {"irq", "N", "raises an interrupt; 1 comes with a byte in port 0x60", WORDS_NONE,
     HAS_NOT_ENDED | IS_NOT_RECORDED | IS_NOT_REPLAY, do_irq},
    {"sendkey", "KEY[-KEY...]", "presses keys together, by QEMU's names: ctrl-alt-delete",
     WORDS_KEYS, HAS_NOT_ENDED | IS_NOT_REPLAY, do_sendkey},
    {"snapshot savevm", "FILE", "writes the machine's state, for --restore", WORDS_NONE,
     HAS_NOT_ENDED, do_snapshot},
    {"reset system_reset", "", "boots the guest again", WORDS_NONE,
     HAS_NOT_ENDED | IS_NOT_RECORDED | IS_NOT_REPLAY, do_reset},
    {"quit q exit", "", "ends the guest", WORDS_NONE, 0, do_quit},
    {0},
};

/* Whether a command can be done now; if not, says why. */
static bool is_possible(const struct command *command, struct call *call)
{
    const struct monitor *monitor = call->monitor;

    if (!call->machine && command->run != do_help && command->run != do_quit)
        fprintf(call->to, "the guest is not running now\n");
    else if ((command->needs & HAS_NOT_ENDED) && call->machine->outcome.end != END_NONE)
        print_end(call);
    else if ((command->needs & HAS_NOT_ENDED) && monitor->run->is_over)
        fprintf(call->to, "the guest has ended: it can be looked at where it was before, and go "
                          "back, but it runs no more\n");
    else if ((command->needs & IS_NOT_RECORDED) && monitor->is_recorded)
        fprintf(call->to,
                "not with --record: its log holds only typing, so the replay would differ\n");
    else if ((command->needs & IS_NOT_REPLAY) && monitor->is_replay)
        fprintf(call->to, "not with --replay: all input comes from the log\n");
    else
        return true;
    return false;
}

static void make_call(struct call *call, struct monitor *monitor, struct machine *machine, FILE *to)
{
    *call = (struct call){.monitor = monitor, .machine = machine, .argument = "", .to = to};
    if (machine && machine->outcome.end != END_NONE && machine->outcome.has_state)
        call->state = machine->outcome.state;
    else if (machine && machine->cpu->ops->get_state(machine->cpu, &call->state) < 0)
        fprintf(to, "the %s engine does not give its registers: they read as 0\n",
                machine->cpu->ops->name);
}

/* How long the name of a line's command is. */
static size_t name_length(const char *line)
{
    size_t length = line[0] == '?' ? 1 : strspn(line, "abcdefghijklmnopqrstuvwxyz_-");

    return line[length] && !strchr(" \t\r/", line[length]) ? strcspn(line, " \t\r") : length;
}

static const struct command *command_of(const char *line)
{
    unsigned count;

    line += strspn(line, " \t");
    return *line ? match_command(line, name_length(line), &count) : NULL;
}

bool monitor_is_stop(const char *line)
{
    const struct command *command = command_of(line);

    return command && command->run == do_stop;
}

bool monitor_moves(const char *line)
{
    const struct command *command = command_of(line);

    return command && (command->run == do_stop || command->run == do_continue ||
                       command->run == do_step || command->run == do_until);
}

bool monitor_command(struct monitor *monitor, struct machine *machine, const char *line,
                     struct monitor_wait *wait, FILE *to)
{
    const struct command *command;
    char text[MONITOR_LINE];
    struct call call;
    size_t length, end;

    line += strspn(line, " \t");
    end = strlen(line);
    end = end < sizeof(text) ? end : sizeof(text) - 1;
    while (end > 0 && isspace((unsigned char)line[end - 1]))
        end--;
    memcpy(text, line, end);
    text[end] = '\0';
    if (!*text)
        return false;
    length = name_length(text);
    command = find_command(text, length, to);
    if (!command)
        return false;
    make_call(&call, monitor, machine, to);
    call.argument = text + length + strspn(text + length, " \t");
    if (!is_possible(command, &call))
        return false;
    if (*call.argument && !*command->arguments) {
        fprintf(to, "this command takes no argument, but got '%s'\n", call.argument);
        return false;
    }
    call.wait = wait;
    if (command->run(&call))
        return true;
    monitor_leave(monitor, wait);
    return false;
}

void monitor_stopped(struct monitor *monitor, struct machine *machine, struct monitor_wait *wait,
                     FILE *to)
{
    monitor_leave(monitor, wait);
    monitor_tell_stop(monitor, machine, to);
}

void monitor_tell_stop(struct monitor *monitor, struct machine *machine, FILE *to)
{
    struct call call;

    make_call(&call, monitor, machine, to);
    call_print_stop(&call);
}

void monitor_leave(struct monitor *monitor, struct monitor_wait *wait)
{
    run_control_leave(monitor->run, &wait->run);
    free(wait->place.name);
    wait->place.name = NULL;
}

/* ---- completion ---- */

#define COMPLETIONS_MAX 500

static void complete_symbols(struct monitor *monitor, const char *word, FILE *to)
{
    size_t length = strlen(word);
    unsigned count = 0;
    char text[300];

    if (!symbols(monitor))
        return;
    for (size_t i = 0;
         symbols_name(monitor->symbols, i, text, sizeof(text)) && count < COMPLETIONS_MAX; i++) {
        /* Of a Rust name leading parts may be left out. */
        for (const char *name = text; name;
             name = strstr(name, "::") ? strstr(name, "::") + 2 : NULL) {
            if (strncmp(name, word, length) == 0) {
                fprintf(to, "%s\n", name);
                count++;
                break;
            }
        }
    }
}

static void complete_words(struct monitor *monitor, enum completions words, const char *word,
                           FILE *to)
{
    size_t length = strlen(word);
    struct info_subject subject;
    const char *name;

    switch (words) {
    case WORDS_COMMANDS:
        for (const struct command *command = commands; command->names; command++) {
            if (strncmp(command->names, word, length) == 0) {
                print_first_name(to, command);
                fputc('\n', to);
            }
        }
        break;
    case WORDS_SUBJECTS:
        for (unsigned i = 0; info_subject_at(i, &subject); i++) {
            if (strncmp(subject.name, word, length) == 0)
                fprintf(to, "%s\n", subject.name);
        }
        break;
    case WORDS_KEYS:
        for (size_t i = 0; (name = keys_name(i)); i++) {
            if (strncmp(name, word, length) == 0)
                fprintf(to, "%s\n", name);
        }
        break;
    case WORDS_SYMBOLS:
        complete_symbols(monitor, word, to);
        break;
    case WORDS_NONE:
        break;
    }
}

void monitor_complete(struct monitor *monitor, const char *line, FILE *to)
{
    const char *word = line + strlen(line);
    const struct command *found = NULL;
    size_t length;
    unsigned best = 0;

    line += strspn(line, " \t");
    length = strcspn(line, " \t/");
    if (!line[length]) {
        complete_words(monitor, WORDS_COMMANDS, line, to);
        return;
    }
    for (const struct command *command = commands; command->names; command++) {
        unsigned how = names_command(command, line, length);
        if (how > best) {
            best = how;
            found = command;
        }
    }
    while (word > line + length && expression_is_name(word[-1], false))
        word--;
    if (found)
        complete_words(monitor, found->words, word, to);
}

/* ---- beginning and end ---- */

void monitor_init(struct monitor *monitor, struct run_control *run, const char *image)
{
    *monitor = (struct monitor){.run = run, .image = image};
}

void monitor_free(struct monitor *monitor)
{
    symbols_free(monitor->symbols);
    *monitor = (struct monitor){0};
}
