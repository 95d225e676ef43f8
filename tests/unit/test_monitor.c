/*
 * The monitor's commands on guests of the software CPU: what it says of them, what it changes, and
 * that no line can do harm. Then its two ends: the desk, with a thread behind it, and the prompt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "explain/monitor.h"
#include "front/prompt.h"
#include "host/guest.h"
#include "host/monitor_socket.h"
#include "machine/snapshot.h"
#include "os/image_file.h"
#include "os/inbox.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct inbox inbox;
static struct run_control control;
static struct monitor monitor;
static struct machine *machine;
static char *answer;
static size_t answer_size;

static void print(void *owner, const uint8_t *bytes, size_t count)
{
    (void)owner;
    (void)bytes;
    (void)count;
}

static void begin(const char *path, enum image_mode mode)
{
    struct machine_config config = {
        .image = {.path = path, .mode = mode, .read = image_file_read},
        .memory_size = UINT64_C(4) << 20,
        .make_cpu = cpu_soft_create,
        .timeout = CLOCK_NEVER,
        .epoch = 946684800,
        .inbox = &inbox,
        .take = inbox_take,
        .print = print,
        .virtual_time = true,
    };
    char error[320];

    assert_int_equal(inbox_init(&inbox), 0);
    machine = machine_create(&config, error, sizeof(error));
    if (!machine)
        fail_msg("%s", error);
    run_control_init(&control, &inbox);
    monitor_init(&monitor, &control, path);
}

static void end(void)
{
    monitor_free(&monitor);
    machine_destroy(machine);
    run_control_free(&control);
    inbox_free(&inbox);
    free(answer);
    answer = NULL;
}

/* Does a line, and runs the guest if that is part of the answer. */
static const char *say(const char *line)
{
    struct monitor_wait wait = {0};
    FILE *to;

    free(answer);
    to = open_memstream(&answer, &answer_size);
    assert_non_null(to);
    if (monitor_command(&monitor, machine, line, &wait, to)) {
        machine_run_until(machine, run_control_pause(&control));
        assert_true(run_control_has_stopped(&control, machine));
        monitor_stopped(&monitor, machine, &wait, to);
    }
    assert_true(control.breaks || !run_control_pause(&control));
    fclose(to);
    return answer;
}

static const char *complete(const char *line)
{
    FILE *to;

    free(answer);
    to = open_memstream(&answer, &answer_size);
    assert_non_null(to);
    monitor_complete(&monitor, line, to);
    fclose(to);
    return answer;
}

#define SAYS(line, text)                                                  \
    do {                                                                  \
        if (!strstr(say(line), text))                                     \
            fail_msg("%s: there is no '%s' in:\n%s", line, text, answer); \
    } while (0)
#define SAYS_NOT(line, text)                                             \
    do {                                                                 \
        if (strstr(say(line), text))                                     \
            fail_msg("%s: there is a '%s' in:\n%s", line, text, answer); \
    } while (0)

/* Runs the guest for so long, of its own time. */
static void run_for(uint64_t ns)
{
    struct machine_pause pause = {.time = clock_now(&machine->clock) + ns,
                                  .instructions = UINT64_MAX};

    machine_input_came(machine);
    assert_true(machine_run_until(machine, &pause));
}

/* ---- looking ---- */

static void monitor_says_how_interrupts_stand(void **unused)
{
    (void)unused;
    begin("build/guests/timer_keys.elf", IMAGE_AUTO);
    run_for(1000000);
    SAYS("info pic", "IRQ 0  timer    vector 0x20: open\n");
    SAYS("info pic", "IRQ 8  clock    vector 0x28: open\n");
    SAYS("info irq", "no interrupt was raised\n");
    say("sendkey m"); /* the guest masks IRQ 0 */
    run_for(10000000);
    SAYS("info pic", "IRQ 0  timer    vector 0x20: masked\n");
    SAYS("irq 0", "IRQ 0  timer    vector 0x20: requested, masked\n");
    SAYS("info irq", "IRQ 0  timer    raised 1, taken 0\n");
    say("sendkey u");
    run_for(10000000);
    SAYS("info irq", "IRQ 0  timer    raised 1, taken 1\n");
    SAYS("info irq", "IRQ 1  keyboard raised 4, taken 4\n"); /* two keys, down and up */
    SAYS("until on_tick", "");
    end();
}

static void monitor_says_what_the_timer_does(void **unused)
{
    (void)unused;
    begin("build/guests/timer_keys.elf", IMAGE_AUTO);
    run_for(1000000);
    SAYS("info pit", "channel 0 (IRQ 0): mode 3 square wave, reload 65536 (18.207 Hz), OUT ");
    say("sendkey 2");
    run_for(1000000);
    SAYS("info pit", "channel 0 (IRQ 0): mode 2 rate generator, reload 11931 (100.007 Hz), OUT "
                     "high, next edge in 9.");
    SAYS("info serial", "COM1: 9600 baud, 5N1\n");
    SAYS("info serial", "COM2: 9600 baud, 5N1\n");
    SAYS("info serial", "transmitter: 0 bytes sent\n");
    SAYS("info disk", "slot 3: empty\n");
    SAYS("info pit", "channel 2 (speaker): mode 3 square wave, no count was written, gate low");
    say("sendkey 0");
    run_for(1000000);
    SAYS("info pit", "mode 0 interrupt on terminal count, reload 11931 (9.999 ms), OUT low");
    end();
}

static void monitor_says_what_the_keyboard_holds(void **unused)
{
    (void)unused;
    begin("build/guests/keyboard_off.elf", IMAGE_AUTO);
    SAYS("info kbd", "port 0x60: empty");
    SAYS("info kbd", "has not used it yet: keys wait");
    SAYS("irq 1", "port 0x60: 0xd8");
    SAYS("info kbd", "port 0x60: 0xd8 from the keyboard or controller, not read yet");
    SAYS("irq 1", "a byte waits in the keyboard");
    SAYS("info kbd", "1 codes in its buffer");
    end();
}

static void monitor_says_how_the_serial_line_is_set(void **unused)
{
    (void)unused;
    begin("build/guests/timer_keys.elf", IMAGE_AUTO);
    SAYS("info serial", "the guest has not read it yet: typing waits");
    bus_write(&machine->ports, 0x3fb, 1, 0x80);
    SAYS("info serial", "DLAB set: ports 0 and 1 are the divisor");
    bus_write(&machine->ports, 0x3f8, 1, 12);
    bus_write(&machine->ports, 0x3fb, 1, 0x1e);
    SAYS("info serial", "COM1: 9600 baud, 7E2\n");
    SAYS("info serial",
         "FIFOs off\ntransmitter: 0 bytes sent\ninterrupts enabled: none\noutputs: none\n");
    bus_write(&machine->ports, 0x3fc, 1, 9);
    bus_write(&machine->ports, 0x3fa, 1, 1);
    bus_write(&machine->ports, 0x3f9, 1, 3);
    SAYS("info serial", "FIFOs on\ntransmitter: 0 bytes sent\ninterrupts enabled: received data, "
                        "transmitter empty\n"
                        "outputs: DTR, OUT2 (lets interrupts through)\nits interrupt line is high");
    end();
}

static void monitor_says_what_the_clock_shows(void **unused)
{
    (void)unused;
    begin("build/guests/timer_keys.elf", IMAGE_AUTO);
    SAYS("info rtc", "time: 2000-01-01 00:00:00 UTC, BCD, 24 hours\nperiodic rate: 1024 Hz\n"
                     "interrupts enabled: none\nflags in register C: none\n");
    bus_write(&machine->ports, 0x70, 1, 0x0a);
    bus_write(&machine->ports, 0x71, 1, 0x21);
    bus_write(&machine->ports, 0x70, 1, 0x0b);
    bus_write(&machine->ports, 0x71, 1, 0xf4);
    SAYS("info rtc", "binary, 12 hours, stopped while it is set\nperiodic rate: 256 Hz\n"
                     "interrupts enabled: alarm, periodic\n");
    bus_write(&machine->ports, 0x70, 1, 0x0a);
    bus_write(&machine->ports, 0x71, 1, 0x20);
    SAYS("info rtc", "periodic rate: none\n");
    end();
}

static void monitor_says_what_gates_and_segments_are(void **unused)
{
    (void)unused;
    begin("build/guests/timer_keys.elf", IMAGE_AUTO);
    run_for(1000000);
    SAYS("info idt", "0x20      interrupt gate, ring 0 -> 0x08:0x0");
    SAYS("info idt", " on_tick");
    SAYS("info gdt", "0x08 code, 32-bit, readable, ring 0, base 0x00000000, limit 0xffffffff\n");
    SAYS("info tss", "no TSS is loaded");
    SAYS("info pages", "paging is off");
    end();

    begin("build/guests/ring3.elf", IMAGE_AUTO);
    SAYS("until user", "stopped at 0x");
    SAYS("info tss", "32-bit TSS at 0x");
    SAYS("info tss", "ring 0's stack: 0x10:0x");
    end();

    begin("build/guests/timer16.bin", IMAGE_AUTO);
    SAYS("info gdt", "real mode");
    SAYS("info idt", "limit 0x3ff\n0x00      -> ");
    end();
}

static void monitor_merges_pages_into_ranges(void **unused)
{
    /* A directory at 0x10000, whose entries 0 and 2 lead to the table at 0x80000. */
    static const uint32_t directory[] = {0x80007, 0, 0x80005},
                          table[] = {0x0007, 0x1007, 0x9007, 0, 0x4005};
    struct cpu_state state;

    (void)unused;
    begin("build/guests/timer_keys.elf", IMAGE_AUTO);
    assert_int_equal(machine->cpu->ops->get_state(machine->cpu, &state), 0);
    state.cr0 |= CR0_PG;
    state.cr3 = 0x10000;
    assert_true(memory_write(&machine->memory, 0x10000, directory, sizeof(directory)));
    assert_true(memory_write(&machine->memory, 0x80000, table, sizeof(table)));
    assert_int_equal(machine->cpu->ops->set_state(machine->cpu, &state), 0);
    SAYS("info pages", "page directory at 0x00010000\n"
                       "0x00000000-0x00002fff       12 KiB  rw user    to scattered pages\n"
                       "0x00004000-0x00004fff        4 KiB  r- user    to the same addresses\n"
                       "0x00800000-0x00802fff       12 KiB  r- user    to scattered pages\n"
                       "0x00804000-0x00804fff        4 KiB  r- user    to 0x00004000\n");
    state.cr3 = 0x7ffff000;
    assert_int_equal(machine->cpu->ops->set_state(machine->cpu, &state), 0);
    SAYS("info pages", "the page directory (cr3 0x7ffff000) is not in RAM");
    end();
}

static void monitor_evaluates_expressions_and_shows_memory(void **unused)
{
    static const uint8_t bytes[] = {'v', 'm', 'm', 0xff, 0x80};

    (void)unused;
    begin("build/guests/race_counter.elf", IMAGE_AUTO);
    assert_true(memory_write(&machine->memory, 0x80000, bytes, sizeof(bytes)));
    SAYS("print 3 + 4", "0x7 = 7\n");
    SAYS("print mem8[0x80000] == 'v'", "0x1 = 1\n");
    SAYS("print work", "<work");
    SAYS("print frobnicate", "there is no symbol 'frobnicate' in build/guests/race_counter.elf");
    SAYS("print 3 +", "expected a number, a register, mem32[...], idt[...] or a symbol");
    SAYS("print 3 4", "expected an operator, or nothing, at '4'");
    SAYS("x 0x80000", "0x00080000: 0xff6d6d76\n");
    SAYS("x/3cb 0x80000", "0x00080000: 'v' 'm' 'm'\n");
    SAYS("x /2dh 0x80002", "0x00080002: -147 128\n");
    SAYS("x/9xw 0x80000", "\n0x00080010: 0x00000000");
    SAYS("x/2xw 0x3ffffc", "0x003ffffc: 0x00000000\nno memory is at 0x00400000\n");
    SAYS("x/0xw 0", "expected /, a count");
    SAYS("x/5000xb 0", "a count up to 4096");
    SAYS("x/8qw 0", "expected /, a count");
    SAYS("info regs", "=> ");
    SAYS("info registers", "  eax ");
    SAYS("x/2i", "=> ");
    SAYS("x/3i work", "   0010");
    SAYS("x/2i 0x80000000", "(no memory can be read here)");
    SAYS("x/1i $eip", "=> ");
    SAYS("bt", "#0  0x");
    SAYS("backtrace 999", "expected how many frames");
    SAYS("print $esp", "0x");
    SAYS("print %esp + 4 == $sp + 4", "0x1 = 1\n");
    SAYS("print $pc == eip", "0x1 = 1\n");
    SAYS("print $nothing", "there is no symbol '$nothing'");
    SAYS("print counter", "counter = 0x0 = 0 (4 bytes at 0x");
    SAYS("print &counter", "<counter");
    SAYS("print work", "<work");
    end();
}

/* ---- running ---- */

static void monitor_steps_and_runs_to_places(void **unused)
{
    (void)unused;
    begin("build/guests/race_counter.elf", IMAGE_AUTO);
    SAYS("step", ", 1 instructions\n");
    SAYS("step 9", ", 10 instructions\n");
    SAYS("until work", "stopped at 0x");
    SAYS("print eip == work", "0x1 = 1\n");
    SAYS("until race_counter.asm:28", "(race_counter.asm:28)");
    SAYS("until 3", "that is past; stopped at 0x");
    SAYS("until 1ns", "that is past; ");
    SAYS("until nowhere", "there is no symbol 'nowhere'");
    SAYS("until 3 4", "expected a place");
    SAYS("step many", "expected a count of instructions, not 'many'");
    assert_true(run_control_is_held(&control));
    say("cont");
    assert_false(run_control_is_held(&control));
    SAYS("until 0x1", "the guest has ended: power-off");
    SAYS("step", "the guest has ended: power-off");
    SAYS("info status", "ended: power-off, status 0\n");
    SAYS("info regs", "  eax ");
    end();
}

static void monitor_stops_at_breakpoints(void **unused)
{
    (void)unused;
    begin("build/guests/timer_keys.elf", IMAGE_AUTO);
    SAYS("info breakpoints", "there are no breakpoints");
    SAYS("break nowhere", "there is no symbol 'nowhere'");
    SAYS("break 3ms", "'until' runs to a time");
    SAYS("b on_tick", "breakpoint 1 at 0x");
    SAYS("break timer_keys.asm:53", "breakpoint 2 at 0x"); /* iret */
    SAYS("cont", "breakpoint 1, on_tick: stopped at 0x");
    SAYS("cont", "breakpoint 2, timer_keys.asm:53: stopped at 0x");
    SAYS("cont", "breakpoint 1, on_tick: stopped at 0x");
    SAYS("step", "on_tick+0x1");
    SAYS_NOT("step", "breakpoint");
    SAYS("until 1s", "breakpoint 2, "); /* whoever waits for whatever */
    SAYS("info break", "1  breakpoint on_tick, met 2 times\n");
    SAYS("info break", "2  breakpoint timer_keys.asm:53, met 2 times\n");
    SAYS("delete 3", "there is no breakpoint 3");
    SAYS("delete 1", "");
    SAYS_NOT("info break", "on_tick,");
    SAYS("cont", "breakpoint 2, ");
    SAYS("delete", "");
    SAYS("info break", "there are no breakpoints");
    SAYS("break on_tick", "breakpoint 3 at 0x");
    end();
}

static void monitor_watches_memory(void **unused)
{
    (void)unused;
    begin("build/guests/timer_keys.elf", IMAGE_AUTO);
    SAYS("watch", "expected a number");
    SAYS("watch ticks x", "expected");
    SAYS("watch ticks 0", "expected an address and how many bytes");
    SAYS("watch 0xffffffff 2", "expected an address and how many bytes");
    SAYS("watch ticks", "watchpoint 1 at 0x");
    SAYS("cont", "watchpoint 1, ticks: 0x");
    SAYS("cont", " was written, 0x1 before and 0x2 now; stopped at 0x");
    SAYS("print mem32[ticks]", "0x2 ");
    SAYS("delete", "");
    SAYS("rwatch deepest 1", "read watchpoint 2 at 0x");
    SAYS("cont", " was read; stopped at 0x");
    SAYS("print mem32[ticks]", "0x2 ");
    SAYS("delete", "");
    SAYS("awatch depth 4", "access watchpoint 3 at 0x");
    SAYS("cont", " was written, 0x1 before and 0x0 now; "); /* dec: of its two the write */
    SAYS("cont", " was written, 0x0 before and 0x1 now; ");
    SAYS("cont", " was read; ");
    SAYS("info breakpoints", "3  access watchpoint depth 4, met 3 times\n");
    end();
}

static void monitor_changes_registers_and_memory(void **unused)
{
    (void)unused;
    begin("build/guests/timer_keys.elf", IMAGE_AUTO);
    SAYS("until on_tick", "on_tick");
    SAYS("set $eax = 0x12345678", "");
    SAYS("print eax", "0x12345678 ");
    SAYS("set esi = eax + 1", "");
    SAYS("print esi", "0x12345679 ");
    SAYS("set %eflags = 0x202", "");
    SAYS("print eflags", "0x202 ");
    SAYS("set eflags = 0x20002", ""); /* no debugger makes it virtual 8086 */
    SAYS("print eflags", "0x2 ");
    SAYS("set $ds = 0x1234", "ds can't be set to 0x1234");
    SAYS("set $cs = 0x10", "cs can't be set to 0x10"); /* it is data */
    SAYS("set $cr0 = 0", "cr0 can't be set to 0x0");
    SAYS("set $st0 = 0", "only gdb");
    SAYS("set $eip = 0x100000000", "eip can't be set");
    SAYS("set $gs = 0", "");
    SAYS("print gs", "0x0 ");
    SAYS("set ticks = 0x11223344", "");
    SAYS("set/b ticks + 1 = 0xff", "");
    SAYS("set/h ticks + 2 = 1", "");
    SAYS("print mem32[ticks]", "0x1ff44 ");
    SAYS("set/b ticks = 256", "does not fit into 1 bytes");
    SAYS("set/q ticks = 1", "expected /b, /h or /w");
    SAYS("set 0xfee00000 = 1", "no memory that can be written is at 0xfee00000");
    SAYS("set ticks", "expected = and a value");
    SAYS("set ticks == 1", "expected = and a value");
    SAYS("step 2", "on_tick");
    SAYS("print mem32[esp + 4]", "0x12345678 "); /* push eax; push ecx */
    end();
}

static void monitor_explains_a_guest_that_has_crashed(void **unused)
{
    (void)unused;
    begin("build/guests/divide.bin", IMAGE_PM32);
    SAYS("until 0x1", "the guest has ended: exception: exception 0, #DE divide error");
    SAYS("info regs", "  eip 00100020"); /* the fault's, not the handler's */
    SAYS("irq 0", "the guest has ended");
    SAYS("print eip", "0x100020 = "); /* likewise */
    end();
}

static void monitor_resets_and_quits(void **unused)
{
    (void)unused;
    begin("build/guests/timer_keys.elf", IMAGE_AUTO);
    say("reset");
    assert_int_equal(machine->outcome.end, END_RESET);
    say("quit");
    assert_true(atomic_load(&inbox.quit));
    end();
}

static void monitor_writes_a_snapshot_that_goes_on(void **unused)
{
    char path[] = "/tmp/monitor-test-XXXXXX", line[100], error[320];
    struct snapshot *snapshot;
    uint64_t before;
    int fd = mkstemp(path);

    (void)unused;
    begin("build/guests/timer_keys.elf", IMAGE_AUTO);
    SAYS("snapshot", "expected a file's name");
    SAYS("snapshot /nowhere/at/all", "/nowhere/at/all");
    say("sendkey a");
    SAYS("until on_key", "on_key");
    before = machine->cpu->ops->instructions(machine->cpu);
    snprintf(line, sizeof(line), "savevm %s", path);
    SAYS(line, "resumes here");
    run_for(1000);
    snapshot = snapshot_read(path, error, sizeof(error));
    assert_non_null(snapshot);
    assert_int_equal(snapshot_restore(machine, snapshot, error, sizeof(error)), 0);
    assert_int_equal(machine->cpu->ops->instructions(machine->cpu), before);
    snapshot_free(snapshot);
    end();
    close(fd);
    unlink(path);
}

static void monitor_changes_no_run_that_is_on_record(void **unused)
{
    (void)unused;
    begin("build/guests/timer_keys.elf", IMAGE_AUTO);
    monitor.is_recorded = true;
    SAYS("irq 0", "not with --record");
    SAYS("reset", "not with --record");
    assert_string_equal(say("sendkey a"), "");
    monitor.is_recorded = false;
    monitor.is_replay = true;
    SAYS("irq 0", "not with --replay");
    SAYS("sendkey a", "not with --replay");
    SAYS("info pic", "master");
    assert_int_equal(machine->pic.raised[0], 0);
    end();
}

/* ---- the language ---- */

static void monitor_takes_names_cut_short(void **unused)
{
    (void)unused;
    begin("build/guests/timer_keys.elf", IMAGE_AUTO);
    SAYS("h", "sendkey KEY");
    SAYS("?", "sendkey KEY");
    SAYS("i stat", "running");
    SAYS("info p", "'p' is more than one of these:\ninfo status");
    SAYS("info frob", "'frob' is none of these");
    SAYS("inf pi", "'pi' is more than one");
    SAYS("s", ", 1 instructions"); /* a name of its own, though others begin with it */
    SAYS("st", "'st' could be stop step");
    SAYS("frob", "there is no command 'frob'");
    SAYS("stop now", "this command takes no argument, but got 'now'");
    SAYS("help un", "until u advance PLACE");
    SAYS("sendkey ctrl-frob", "expected a key's name, as in ctrl-alt-delete, at 'frob'");
    SAYS("sendkey a-b-c-d-e-f-g-h-i", "expected a key's name");
    SAYS("irq 2", "not 2, which is the second controller's");
    SAYS("irq 16", "expected the number of an IRQ, 0 to 15, not '16'");
    assert_string_equal(say("   "), "");
    end();
}

static void monitor_completes_words(void **unused)
{
    (void)unused;
    begin("build/guests/timer_keys.elf", IMAGE_AUTO);
    assert_string_equal(complete("unt"), "until\n");
    assert_string_equal(complete("s"), "screen\nscreenshot\nstop\nstep\nset\nsendkey\nsnapshot\n");
    assert_string_equal(complete("info pi"), "pic\npit\n");
    assert_string_equal(complete("i pag"), "pages\n");
    assert_string_equal(complete("until on_k"), "on_key\n");
    assert_string_equal(complete("print mem32[tic"), "ticks\n");
    assert_string_equal(complete("sendkey ctrl-alt-del"), "delete\n");
    assert_string_equal(complete("irq "), "");
    assert_string_equal(complete("frob "), "");
    end();
}

/* Lines of words that mean something and of bytes that do not: each is answered, none does harm. */
static void monitor_survives_any_line(void **unused)
{
    static const char *const words[] = {"help",
                                        "info",
                                        "pic",
                                        "idt",
                                        "gdt",
                                        "tss",
                                        "pages",
                                        "print",
                                        "x",
                                        "/8xw",
                                        "x/4cb",
                                        "step",
                                        "until",
                                        "irq",
                                        "cont",
                                        "stop",
                                        "sendkey",
                                        "ctrl-alt-delete",
                                        "1",
                                        "0xffffffff",
                                        "99999999999999999999",
                                        "mem32[",
                                        "]",
                                        "+",
                                        "idt[0x21].offset",
                                        "on_tick",
                                        "on_tick+",
                                        "timer_keys.asm:40",
                                        "eip",
                                        "(((((",
                                        "3.5ms",
                                        "1e300s",
                                        "insn",
                                        "-",
                                        "==",
                                        "'a'"};
    uint32_t seed = 1;

    (void)unused;
    begin("build/guests/timer_keys.elf", IMAGE_AUTO);
    machine_set_timeout(machine, UINT64_C(200000000));
    for (unsigned i = 0; i < 4000; i++) {
        char line[400] = "";
        size_t length = 0;
        for (unsigned j = 0; j < 1 + i % 6; j++) {
            seed = seed * 1664525 + 1013904223;
            if (seed >> 28 == 0) {
                for (unsigned k = 0; k < 50; k++)
                    line[length++] = (char)((seed = seed * 1664525 + 1013904223) >> 24 | 1);
                line[length] = '\0';
            } else {
                length +=
                    (size_t)snprintf(line + length, 60, "%s ",
                                     words[(seed >> 16) % (sizeof(words) / sizeof(words[0]))]);
            }
        }
        complete(line);
        say(line);
    }
    end();
}

/* ---- the desk, the prompt and the socket, at a guest with a thread ---- */

static struct guest guest;
static struct options options;
static char shown[200000];
static size_t shown_count;

static void show(void *owner, const char *bytes, size_t count)
{
    (void)owner;
    assert_true(count < sizeof(shown));
    if (shown_count + count >= sizeof(shown))
        shown_count = 0;
    memcpy(shown + shown_count, bytes, count);
    shown_count += count;
    shown[shown_count] = '\0';
}

static void warn(void *owner, const char *text)
{
    (void)owner;
    (void)text;
}

static void get_ready(const char *path)
{
    char note[320], *image = strdup(path);

    shown_count = 0;
    shown[0] = '\0';
    options_init(&options);
    options.cpu = "soft";
    options.config.memory_size = UINT64_C(4) << 20;
    assert_true(options_take_image(&options, image));
    assert_int_equal(guest_init(&guest, &options, note, sizeof(note)), 0);
}

static void begin_guest(const char *path)
{
    get_ready(path);
    assert_int_equal(guest_start(&guest, print, warn, NULL), 0);
}

static void conclude(void)
{
    FILE *nowhere = fopen("/dev/null", "w");

    guest_wait(&guest);
    guest_conclude(&guest, nowhere);
    fclose(nowhere);
}

static void end_guest(void)
{
    inbox_quit(&guest.inbox);
    guest_wait(&guest);
    guest_free(&guest);
    free((char *)options.config.image.path);
    options_free(&options);
}

static void wait_readable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    assert_int_equal(poll(&poll_fd, 1, 20000), 1);
}

/* Types at a prompt, and waits for the answers. */
static void type(struct prompt *prompt, const char *keys)
{
    for (; *keys; keys++)
        assert_true(prompt_type(prompt, (uint8_t)*keys));
    while (prompt->question) {
        uint64_t count;
        wait_readable(guest.desk.fd);
        assert_int_equal(read(guest.desk.fd, &count, sizeof(count)), sizeof(count));
        assert_true(prompt_update(prompt));
    }
}

#define SHOWN(text)                                            \
    do {                                                       \
        if (!strstr(shown, text))                              \
            fail_msg("there is no '%s' in:\n%s", text, shown); \
        shown_count = 0;                                       \
    } while (0)

static void prompt_edits_completes_and_remembers(void **unused)
{
    static struct prompt prompt;

    (void)unused;
    begin_guest("build/guests/timer_keys.elf");
    prompt_init(&prompt, &guest, show, NULL);
    prompt_show(&prompt, true);
    SHOWN("(vmm) ");
    type(&prompt, "stop\r");
    SHOWN("stopped ");
    type(&prompt, "inf\t");
    assert_int_equal(prompt.length, 5);
    type(&prompt, "pi\t");
    SHOWN("pic  pit\n");
    type(&prompt, "t\r");
    SHOWN("channel 0");
    type(&prompt, "\033[A\027pic\r"); /* the last line, its last word another */
    SHOWN("INT to the CPU is ");
    type(&prompt, "xinfo irq\033[H\033[3~\033OF\r");
    SHOWN("(vmm) info irq\033[K\n");
    type(&prompt, "frob frob\025info status\r");
    SHOWN("paused");
    type(&prompt, "step\rstep\rinfo stat\t\r"); /* ahead of the answers */
    SHOWN("paused");
    type(&prompt, "abc\003");
    assert_int_equal(prompt.length, 0);
    assert_false(prompt_type(&prompt, 4)); /* Ctrl-D */
    for (unsigned i = 0; i < 20000; i++)   /* any keys, but Enter and Tab */
        prompt_type(&prompt, (uint8_t)(14 + (i * 7919u >> 4) % 242));
    shown_count = 0;
    type(&prompt, "\003\003\003\003\003\003\003info pic\r");
    SHOWN("INT to the CPU is ");
    prompt_free(&prompt);
    end_guest();
}

static void prompt_stops_a_guest_that_runs_to_nowhere(void **unused)
{
    static struct prompt prompt;

    (void)unused;
    begin_guest("build/guests/timer_keys.elf");
    prompt_init(&prompt, &guest, show, NULL);
    type(&prompt, "until 0x1\r\003");
    SHOWN("stopped ");
    assert_true(run_control_is_held(&guest.control));
    type(&prompt, "until 0x1\r\003cont\r");
    assert_false(run_control_is_held(&guest.control));
    inbox_quit(&guest.inbox);
    conclude();
    type(&prompt, "info status\r"); /* of what is left */
    SHOWN("ended: quit");
    prompt_free(&prompt);
    end_guest();
}

/* A CPU that may be kicked while the thread it was made on is there, and is freed by that one
 * alone: KVM's sends that thread a signal. */
static struct cpu_ops watched_ops;
static const struct cpu_ops *ops_below;
static pthread_t maker;
static pthread_key_t on_exit_of_maker;
static atomic_bool maker_is_gone;
static atomic_uint kicks, freed;

static void note_exit(void *value)
{
    (void)value;
    atomic_store(&maker_is_gone, true);
}

static void watched_kick(struct cpu *cpu)
{
    assert_false(atomic_load(&maker_is_gone));
    atomic_fetch_add(&kicks, 1);
    ops_below->kick(cpu);
}

static void watched_destroy(struct cpu *cpu)
{
    assert_true(pthread_equal(maker, pthread_self()));
    atomic_fetch_add(&freed, 1);
    ops_below->destroy(cpu);
}

static struct cpu *make_watched(const struct memory *memory, char *why, size_t why_size)
{
    struct cpu *cpu = cpu_soft_create(memory, why, why_size);

    maker = pthread_self();
    pthread_setspecific(on_exit_of_maker, &maker);
    ops_below = cpu->ops;
    watched_ops = *cpu->ops;
    watched_ops.kick = watched_kick;
    watched_ops.destroy = watched_destroy;
    cpu->ops = &watched_ops;
    return cpu;
}

static void a_cpu_is_kicked_and_freed_while_its_thread_is_there(void **unused)
{
    static struct prompt prompt;

    (void)unused;
    assert_int_equal(pthread_key_create(&on_exit_of_maker, note_exit), 0);
    get_ready("build/guests/timer_keys.elf");
    guest.config.make_cpu = make_watched;
    assert_int_equal(guest_start(&guest, print, warn, NULL), 0);
    prompt_init(&prompt, &guest, show, NULL);
    type(&prompt, "until 10ms\rcont\r");
    for (unsigned i = 0; i < 100; i++) /* while it runs */
        inbox_look(&guest.inbox);
    inbox_quit(&guest.inbox);
    conclude();
    assert_true(atomic_load(&kicks) > 0);
    type(&prompt, "info status\r"); /* of what is left */
    SHOWN("ended: quit");
    assert_int_equal(atomic_load(&freed), 0);
    prompt_free(&prompt);
    end_guest();
    assert_int_equal(atomic_load(&freed), 1);
    assert_true(atomic_load(&maker_is_gone));
}

/* A guest that was got ready and never started, or could not even be that, answers, too. */
static void a_guest_without_a_thread_answers(void **unused)
{
    struct question question = {.line = "info status"};

    (void)unused;
    get_ready("build/guests/hello.bin");
    desk_ask(&guest.desk, &question);
    assert_true(question.is_answered);
    assert_string_equal(question.answer, "the guest is not running now\n");
    end_guest();
    free(question.answer);
    memset(&question, 0, sizeof(question));
    desk_ask(&guest.desk, &question);
    assert_true(question.is_answered);
}

/* ---- several at one guest ---- */

static struct question *ask(const char *line)
{
    struct question *question = calloc(1, sizeof(*question));

    snprintf(question->line, sizeof(question->line), "%s", line);
    desk_ask(&guest.desk, question);
    return question;
}

static void await(struct question *question)
{
    uint64_t count;

    while (!desk_has_answered(&guest.desk, question)) {
        wait_readable(guest.desk.fd);
        assert_int_equal(read(guest.desk.fd, &count, sizeof(count)), sizeof(count));
    }
}

/* Waits for an answer, which has `text`. */
static void expect(struct question *question, const char *text)
{
    await(question);
    if (!strstr(question->answer, text))
        fail_msg("%s: there is no '%s' in:\n%s", question->line, text, question->answer);
    free(question->answer);
    free(question);
}

/* A guest that is held at its first instruction. */
static void begin_held(void)
{
    get_ready("build/guests/timer_keys.elf");
    run_control_hold(&guest.control, true);
    assert_int_equal(guest_start(&guest, print, warn, NULL), 0);
}

static void a_question_ends_no_wait(void **unused)
{
    struct question *until;
    char path[] = "/tmp/monitor-test-XXXXXX", line[60];
    int fd = mkstemp(path);

    (void)unused;
    begin_held();
    until = ask("until 300ms");
    expect(ask("info status"), "running");
    expect(ask("cont"), "");
    expect(ask("sendkey a"), "");
    expect(ask("irq 0"), "IRQ 0 ");
    snprintf(line, sizeof(line), "snapshot %s", path);
    expect(ask(line), "saved");
    expect(ask("frobnicate"), "there is no command");
    expect(until, ", 0.300000000 s");
    expect(ask("info status"), "paused");
    end_guest();
    close(fd);
    unlink(path);
}

static void the_first_stop_ends_all_waits(void **unused)
{
    struct question *nowhere, *late, *soon;

    (void)unused;
    begin_held();
    nowhere = ask("until 0x1");
    late = ask("until 60s");
    soon = ask("until 50ms");
    expect(soon, ", 0.050000000 s");
    expect(nowhere, ", 0.050000000 s");
    expect(late, ", 0.050000000 s");
    assert_true(run_control_is_held(&guest.control));
    nowhere = ask("until 0x1");
    late = ask("step 1");
    expect(late, "stopped ");
    expect(nowhere, "stopped ");
    late = ask("until 60s");
    expect(ask("stop"), "stopped ");
    expect(late, "stopped ");
    late = ask("until 60s");
    expect(ask("info status"), "running");
    run_control_hold(&guest.control, true); /* a key on the screen */
    expect(late, "stopped ");
    late = ask("until 60s");
    expect(ask("reset"), "");
    expect(late, "the guest did not get there: the monitor asked for a reset");
    end_guest();
}

static void who_goes_away_stops_no_guest(void **unused)
{
    struct question *until;

    (void)unused;
    begin_held();
    until = ask("until 200ms");
    expect(ask("info status"), "running");
    desk_withdraw(&guest.desk, until);
    until = ask("until 300ms");
    expect(until, ", 0.300000000 s"); /* not at 200 */
    desk_withdraw(&guest.desk, ask("until 310ms"));
    for (unsigned i = 0; i < 20; i++) { /* nobody is there when it comes by */
        expect(ask("info status"), "running");
        usleep(2000);
    }
    end_guest();
}

static void no_more_than_some_wait(void **unused)
{
    struct question *waits[RUN_CONTROL_WAITS];

    (void)unused;
    begin_held();
    for (unsigned i = 0; i < RUN_CONTROL_WAITS; i++)
        waits[i] = ask("until 60s");
    expect(ask("until 1s"), "8 others wait for this guest to stop");
    assert_false(run_control_is_held(&guest.control));
    expect(ask("stop"), "stopped ");
    for (unsigned i = 0; i < RUN_CONTROL_WAITS; i++)
        expect(waits[i], "stopped ");
    end_guest();
}

static unsigned long ticks(void)
{
    struct question *question = ask("print mem32[ticks]");
    unsigned long value;

    await(question);
    value = strtoul(question->answer, NULL, 0);
    expect(question, "0x");
    return value;
}

/* Questions that come when the guest is where it is waited for, or has just left: it has to come
 * there anew, and is not missed. */
static void a_wait_for_an_address_survives_questions(void **unused)
{
    struct question *until;
    unsigned long before;

    (void)unused;
    begin_held();
    expect(ask("sendkey 2"), ""); /* 100 Hz */
    expect(ask("until on_tick"), "on_tick");
    for (unsigned i = 0; i < 3; i++) {
        before = ticks();
        until = ask("until on_tick");
        for (unsigned j = 0; j < 50; j++)
            expect(ask("print eip"), "0x");
        expect(until, "on_tick");
        assert_int_equal(ticks(), before + 1);
    }
    end_guest();
}

static struct monitor_socket *open_socket(const char *path)
{
    char where[100], error[320];
    struct monitor_socket *made;

    snprintf(where, sizeof(where), "unix:%s", path);
    made = monitor_socket_open(where, error, sizeof(error));
    if (!made)
        snprintf(shown, sizeof(shown), "%s", error);
    return made;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* Serves the socket until the client has `text`, or the end of what there is. */
static void serve(struct monitor_socket *made, int fd, const char *text)
{
    enum { SOCKET, ANSWER, CLIENT, FDS };
    uint64_t count;

    for (shown_count = 0, shown[0] = '\0'; !strstr(shown, text);) {
        struct pollfd fds[FDS] = {{.fd = monitor_socket_fd(made), .events = POLLIN},
                                  {.fd = guest.desk.fd, .events = POLLIN},
                                  {.fd = fd, .events = POLLIN}};
        if (poll(fds, FDS, 20000) <= 0)
            fail_msg("there is no '%s' in:\n%s", text, shown);
        if (fds[ANSWER].revents)
            assert_int_equal(read(guest.desk.fd, &count, sizeof(count)), sizeof(count));
        monitor_socket_update(made, &guest.desk);
        if (fds[CLIENT].revents) {
            char bytes[4096];
            ssize_t got = read(fd, bytes, sizeof(bytes));
            if (got <= 0)
                break;
            show(NULL, bytes, (size_t)got);
        }
    }
    if (!strstr(shown, text))
        fail_msg("there is no '%s' in:\n%s", text, shown);
}

static void send_text(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void socket_answers_one_client_at_a_time(void **unused)
{
    char directory[] = "/tmp/monitor-test-XXXXXX", path[64];
    struct monitor_socket *made;
    int first, second;

    (void)unused;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/socket", directory);
    begin_guest("build/guests/timer_keys.elf");
    made = open_socket(path);
    assert_non_null(made);
    assert_null(open_socket(path));
    assert_non_null(strstr(shown, "another program listens at "));
    assert_null(open_socket("/nowhere/at/all"));
    assert_non_null(strstr(shown, "can't listen at /nowhere/at/all: No such file"));

    first = connect_to(path);
    serve(made, first, "(vmm) ");
    second = connect_to(path);
    serve(made, second, "somebody else is at this monitor\n");
    close(second);
    send_text(first, "stop\ninfo status\n");
    serve(made, first, "paused");
    send_text(first, "until 0x1\n");
    send_text(first, "stop\ninfo irq\ncont\n");
    serve(made, first, "stopped ");
    serve(made, first, "raised");
    send_text(first, "info pic\ninfo pit"); /* the last line has no end */
    shutdown(first, SHUT_WR);
    serve(made, first, "channel 2");
    serve(made, first, "");
    while (monitor_socket_is_busy(made))
        monitor_socket_update(made, &guest.desk);
    close(first);

    first = connect_to(path); /* goes away while it waits */
    send_text(first, "cont\nuntil 0x1\n");
    serve(made, first, "(vmm) (vmm) ");
    close(first);
    while (monitor_socket_is_busy(made)) {
        wait_readable(monitor_socket_fd(made));
        monitor_socket_update(made, &guest.desk);
    }
    first = connect_to(path);
    send_text(first, "info status\nquit\n");
    serve(made, first, "running");
    close(first);
    conclude();
    monitor_socket_free(made);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(rmdir(directory), 0);
    end_guest();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monitor_says_how_interrupts_stand),
        cmocka_unit_test(monitor_says_what_the_timer_does),
        cmocka_unit_test(monitor_says_what_the_keyboard_holds),
        cmocka_unit_test(monitor_says_how_the_serial_line_is_set),
        cmocka_unit_test(monitor_says_what_the_clock_shows),
        cmocka_unit_test(monitor_says_what_gates_and_segments_are),
        cmocka_unit_test(monitor_merges_pages_into_ranges),
        cmocka_unit_test(monitor_evaluates_expressions_and_shows_memory),
        cmocka_unit_test(monitor_steps_and_runs_to_places),
        cmocka_unit_test(monitor_stops_at_breakpoints),
        cmocka_unit_test(monitor_watches_memory),
        cmocka_unit_test(monitor_changes_registers_and_memory),
        cmocka_unit_test(monitor_explains_a_guest_that_has_crashed),
        cmocka_unit_test(monitor_resets_and_quits),
        cmocka_unit_test(monitor_writes_a_snapshot_that_goes_on),
        cmocka_unit_test(monitor_changes_no_run_that_is_on_record),
        cmocka_unit_test(monitor_takes_names_cut_short),
        cmocka_unit_test(monitor_completes_words),
        cmocka_unit_test(monitor_survives_any_line),
        cmocka_unit_test(prompt_edits_completes_and_remembers),
        cmocka_unit_test(prompt_stops_a_guest_that_runs_to_nowhere),
        cmocka_unit_test(a_cpu_is_kicked_and_freed_while_its_thread_is_there),
        cmocka_unit_test(a_guest_without_a_thread_answers),
        cmocka_unit_test(a_question_ends_no_wait),
        cmocka_unit_test(the_first_stop_ends_all_waits),
        cmocka_unit_test(who_goes_away_stops_no_guest),
        cmocka_unit_test(no_more_than_some_wait),
        cmocka_unit_test(a_wait_for_an_address_survives_questions),
        cmocka_unit_test(socket_answers_one_client_at_a_time),
    };

    signal(SIGPIPE, SIG_IGN); /* as signals_open does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
