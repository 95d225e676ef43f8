/*
 * Second opinions: `vmm run`'s guest on a CPU like an AMD processor under KVM. It is the software
 * CPU, whose registers are as after a reset once it has shut down, and which does not know why.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/guest.h"
#include "os/host_clock.h"
#include "os/image_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- the engine ---- */

static struct {
    bool fails;    /* instead of shutting down */
    uint16_t port; /* a read of it, or a write of a byte 0, shuts it down, too; 0: none does */
} forgetful;

static enum cpu_stop forgetful_run(struct cpu *cpu, uint64_t deadline)
{
    enum cpu_stop stop = cpu_soft_ops.run(cpu, deadline);
    struct cpu_state state = {.eip = 0xfff0, .eflags = EFLAGS_RESERVED};

    if (stop != CPU_STOP_SHUTDOWN &&
        !(stop == CPU_STOP_PORT && forgetful.port && cpu->exit.port.port == forgetful.port &&
          (!cpu->exit.port.is_write || cpu->exit.port.data[0] == 0)))
        return stop;
    stop = CPU_STOP_SHUTDOWN;
    cpu->exit.undelivered_count = 0;
    if (forgetful.fails) {
        snprintf(cpu->exit.failure, sizeof(cpu->exit.failure), "it can't go on");
        return CPU_STOP_FAILED;
    }
    for (unsigned i = 0; i < CPU_SEGMENTS; i++)
        state.segment[i] = (struct cpu_segment){.limit = 0xffff, .attributes = 0x93};
    state.segment[CPU_CS].selector = 0xf000;
    state.segment[CPU_CS].base = 0xffff0000;
    state.idtr.limit = state.gdtr.limit = 0xffff;
    assert_int_equal(cpu_soft_ops.set_state(cpu, &state), 0);
    return stop;
}

static struct cpu_ops forgetful_ops;

static struct cpu *forgetful_create(const struct memory *memory, char *why, size_t why_size)
{
    struct cpu *cpu = cpu_soft_create(memory, why, why_size);

    if (cpu)
        cpu->ops = &forgetful_ops;
    return cpu;
}

static const struct engine forgetful_engine = {
    .name = "forgetful", .ops = &forgetful_ops, .create = forgetful_create};

/* ---- guests ---- */

static char directory[] = "/tmp/test-second-opinion-XXXXXX";
static char image_path[64];

static int set_up(void **unused)
{
    (void)unused;
    forgetful_ops = cpu_soft_ops;
    forgetful_ops.name = "forgetful";
    forgetful_ops.ns_per_instruction = 0;
    forgetful_ops.run = forgetful_run;
    if (!mkdtemp(directory))
        return -1;
    snprintf(image_path, sizeof(image_path), "%s/image", directory);
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    unlink(image_path);
    return rmdir(directory);
}

static void put_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void forget(void *owner, const uint8_t *bytes, size_t count)
{
    FILE *output = owner;

    fwrite(bytes, 1, count, output);
}

/* What a run has said. */
static struct {
    struct options options;
    struct guest guest;
    int status;
    char *end, *output;
    char opinion[4000];
    bool was_due;
    size_t end_size, output_size;
} run;

static void (*at_end)(void);    /* of the first run; or NULL */
static void (*meanwhile)(void); /* while the opinion is awaited; or NULL */

/* Runs an image, which is NULL or put into a file, to its end, and to the second opinion if one is
 * due. `input` is typed. */
static void run_image(const char *path, const char *input)
{
    char note[320];
    const char *text;
    FILE *end, *output;
    size_t length;

    run.options.config.image.path = path;
    run.options.cpu = "soft";
    assert_int_equal(guest_init(&run.guest, &run.options, note, sizeof(note)), 0);
    run.guest.engine = &forgetful_engine;
    run.guest.config.make_cpu = forgetful_create;
    output = open_memstream(&run.output, &run.output_size);
    end = open_memstream(&run.end, &run.end_size);
    for (; *input; input++)
        inbox_post(&run.guest.inbox, INBOX_SERIAL, (struct inbox_event){.code = (uint8_t)*input});
    assert_int_equal(guest_start(&run.guest, forget, NULL, output), 0);
    guest_wait(&run.guest);
    if (at_end)
        at_end();
    run.status = guest_conclude(&run.guest, end);
    run.opinion[0] = '\0';
    run.was_due = guest_awaits_opinion(&run.guest);
    if (run.was_due) {
        if (meanwhile)
            meanwhile();
        text = guest_hear_opinion(&run.guest, &length);
        assert_int_equal(strlen(text), length);
        snprintf(run.opinion, sizeof(run.opinion), "%s", text);
        assert_false(guest_awaits_opinion(&run.guest));
    }
    fclose(end);
    fclose(output);
}

static void run_bytes(const void *bytes, size_t size, const char *input)
{
    put_file(image_path, bytes, size);
    run_image(image_path, input);
}

static void begin(void)
{
    memset(&forgetful, 0, sizeof(forgetful));
    at_end = meanwhile = NULL;
    options_init(&run.options);
    run.options.config.memory_size = UINT64_C(16) << 20;
}

static void end(void)
{
    guest_free(&run.guest);
    free(run.end);
    free(run.output);
    options_free(&run.options);
}

static void says(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in: %s", part, text);
}

/* lidt of a limit of 0; int3. */
static const uint8_t triple[] = {0x0f, 0x01, 0x1e, 0x06, 0x00, 0xcc, 0, 0, 0, 0, 0, 0};

/* Reads a byte from COM1 by polling. Behind an 'x' it dies as above, else it powers off. */
static const uint8_t reader[] = {0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xfb, 0xba,
                                 0xf8, 0x03, 0xec, 0xee, 0x3c, 'x',  0x75, 0x06, 0x0f,
                                 0x01, 0x1e, 0x1e, 0x00, 0xcc, 0xba, 0x04, 0x06, 0xb8,
                                 0x00, 0x20, 0xef, 0,    0,    0,    0,    0,    0};

/* in al, 0x77; jmp $. */
static const uint8_t spinner[] = {0xe4, 0x77, 0xeb, 0xfe};

/* ---- what it says ---- */

static void opinion_tells_what_a_triple_fault_came_of(void **unused)
{
    (void)unused;
    begin();
    run_bytes(triple, sizeof(triple), "");
    assert_int_equal(run.status, 6);
    assert_true(run.was_due);
    says(run.end, "a second opinion from the software CPU follows");
    assert_null(strstr(run.end, "INT 0x3"));
    says(run.opinion, "/image: second opinion, from the software CPU: triple fault: INT 0x3 at ");
    says(run.opinion, "is beyond the IDT's limit 0");
    says(run.opinion, "=> 0000:0005  cc ");
    end();
}

static bool go_on(void *unused)
{
    (void)unused;
    return true;
}

static void opinion_gives_the_same_input(void **unused)
{
    (void)unused;
    begin();
    run_bytes(reader, sizeof(reader), "x");
    says(run.opinion, "triple fault: INT 0x3 at eip 0x16");
    assert_int_equal(run.output_size, 1); /* once: its own output goes nowhere */
    assert_string_equal(run.output, "x");
    end();
}

/* Ten hours of polling, by the first run's clock, but not many accesses. */
static void opinion_gives_a_guest_that_polls_its_input_after_as_many_accesses(void **unused)
{
    struct machine_config config = {.image = {.path = image_path, .read = image_file_read},
                                    .memory_size = UINT64_C(16) << 20,
                                    .make_cpu = forgetful_create,
                                    .timeout = CLOCK_NEVER,
                                    .print = forget,
                                    .owner = stdout};
    struct machine_input input = {.time = UINT64_C(36000000000000),
                                  .accesses = 100000,
                                  .kind = INPUT_SERIAL,
                                  .event.code = 'x'};
    struct second_opinion opinion = {0};
    struct machine *first;
    char why[320], *text;
    size_t size;
    FILE *to = open_memstream(&text, &size);

    (void)unused;
    put_file(image_path, reader, sizeof(reader));
    first = machine_create(&config, why, sizeof(why));
    assert_non_null(first);
    second_opinion_hear(&opinion, &input);
    second_opinion_give(&opinion, first, "image", go_on, NULL, to);
    fclose(to);
    says(text, "image: second opinion, from the software CPU: triple fault: INT 0x3 at eip 0x16");
    assert_true(opinion.machine->counts.exits[CPU_STOP_PORT] >= 100000);
    second_opinion_free(&opinion);
    machine_destroy(first);
    free(text);
}

static void opinion_is_for_deaths_alone(void **unused)
{
    (void)unused;
    begin();
    run_bytes(reader, sizeof(reader), "y");
    assert_int_equal(run.guest.machine->outcome.end, END_POWER_OFF);
    assert_false(run.was_due);
    end();
}

static void opinion_is_not_given_where_nothing_is_open(void **unused)
{
    (void)unused;
    begin();
    run.options.config.image.mode = IMAGE_PM32;
    run_image("build/guests/divide.bin", "");
    assert_int_equal(run.status, 6);
    assert_false(run.was_due);
    end();
}

static void opinion_is_given_where_it_is_open_how_the_guest_came_there(void **unused)
{
    (void)unused;
    begin();
    run.options.config.image.mode = IMAGE_PM32;
    run_image("build/guests/wild_jump.bin", "");
    assert_int_equal(run.guest.machine->outcome.end, END_FAULT);
    assert_true(run.was_due);
    says(run.opinion, "second opinion, from the software CPU: ");
    says(run.opinion, "0xdeadbeef");
    end();
}

static void opinion_can_be_switched_off(void **unused)
{
    (void)unused;
    begin();
    run.options.no_second_opinion = true;
    run_bytes(triple, sizeof(triple), "");
    assert_int_equal(run.status, 6);
    assert_false(run.was_due);
    end();
}

static void opinion_on_an_engine_that_failed(void **unused)
{
    (void)unused;
    begin();
    forgetful.fails = true;
    run_bytes(triple, sizeof(triple), "");
    assert_int_equal(run.status, 4);
    says(run.opinion, "triple fault: INT 0x3");
    end();
}

static void opinion_says_that_the_guest_ended_otherwise(void **unused)
{
    (void)unused;
    begin();
    forgetful.port = 0x604; /* instead of powering off */
    run_bytes(reader, sizeof(reader), "y");
    assert_int_equal(run.status, 6);
    says(run.opinion, "the guest did not die, but ended: power-off\n");
    end();
}

static void opinion_says_that_the_guest_did_not_die_in_time(void **unused)
{
    uint64_t start = clock_host_ns();

    (void)unused;
    begin();
    forgetful.port = 0x77;
    run_bytes(spinner, sizeof(spinner), "");
    says(run.opinion, "the guest had not died after 2.0 s (");
    assert_true(clock_host_ns() - start >= SECOND_OPINION_NS);
    assert_null(run.guest.opinion.machine);
    end();
}

static void quit(void)
{
    inbox_quit(&run.guest.inbox);
}

static void opinion_is_cut_short(void **unused)
{
    uint64_t start = clock_host_ns();

    (void)unused;
    begin();
    forgetful.port = 0x77;
    meanwhile = quit;
    run_bytes(spinner, sizeof(spinner), "");
    assert_true(run.was_due);
    assert_string_equal(run.opinion, "");
    assert_true(clock_host_ns() - start < SECOND_OPINION_NS);
    end();
}

static void opinion_does_not_outlive_its_guest(void **unused)
{
    uint64_t start = clock_host_ns();
    char note[320];
    FILE *end_text;

    (void)unused;
    begin();
    forgetful.port = 0x77;
    put_file(image_path, spinner, sizeof(spinner));
    run.options.config.image.path = image_path;
    run.options.cpu = "soft";
    assert_int_equal(guest_init(&run.guest, &run.options, note, sizeof(note)), 0);
    run.guest.engine = &forgetful_engine;
    run.guest.config.make_cpu = forgetful_create;
    assert_int_equal(guest_start(&run.guest, forget, NULL, stdout), 0);
    guest_wait(&run.guest);
    end_text = fopen("/dev/null", "w");
    guest_conclude(&run.guest, end_text);
    fclose(end_text);
    assert_true(guest_awaits_opinion(&run.guest));
    guest_free(&run.guest);
    assert_true(clock_host_ns() - start < SECOND_OPINION_NS);
    options_free(&run.options);
}

/* ---- what is left of it ---- */

static char *ask(const char *line)
{
    static struct question question;
    const struct timespec moment = {.tv_nsec = 1000000};

    snprintf(question.line, sizeof(question.line), "%s", line);
    desk_ask(&run.guest.desk, &question);
    while (!desk_has_answered(&run.guest.desk, &question))
        nanosleep(&moment, NULL);
    return question.answer;
}

static void ask_meanwhile(void)
{
    says(ask("info status"), "CPU forgetful");
}

static void opinion_is_what_the_monitor_looks_at(void **unused)
{
    (void)unused;
    begin();
    meanwhile = ask_meanwhile;
    forgetful.port = 0x77;
    run_bytes(spinner, sizeof(spinner), "");
    end();
    begin();
    run_bytes(triple, sizeof(triple), "");
    says(ask("info status"), "CPU soft");
    says(ask("print eip"), "0x5 = 5");
    says(ask("step"), "the guest has ended: triple-fault: triple fault: INT 0x3 at ");
    end();
}

/* ---- disks ---- */

static struct {
    uint8_t bytes[16 * DISK_SECTOR];
    unsigned reads, writes;
} below;

static int read_below(const struct disk *disk, uint64_t sector, void *to, size_t length)
{
    (void)disk;
    memcpy(to, below.bytes + sector * DISK_SECTOR, length);
    below.reads++;
    return 0;
}

static int write_below(const struct disk *disk, uint64_t sector, const void *from, size_t length)
{
    (void)disk;
    memcpy(below.bytes + sector * DISK_SECTOR, from, length);
    below.writes++;
    return 0;
}

static int flush_below(const struct disk *disk)
{
    (void)disk;
    return 0;
}

static const struct disk_host below_host = {
    .read = read_below, .write = write_below, .flush = flush_below};

static unsigned first_reads, first_writes;

static void count_accesses(void)
{
    first_reads = below.reads;
    first_writes = below.writes;
}

static void opinion_writes_no_disk(void **unused)
{
    static const struct disk disk = {.host = &below_host, .sectors = 16};
    static const struct {
        unsigned number; /* of machine_config_disk */
        const char *path;
    } guests[] = {{0, "build/guests/disk.elf"},
                  {MACHINE_DISKS, "build/guests/ata.elf"},
                  {MACHINE_DISKS + MACHINE_ATA_DISKS, "build/guests/floppy.elf"}};

    (void)unused;
    for (unsigned i = 0; i < sizeof(guests) / sizeof(guests[0]); i++) {
        begin();
        memset(&below, 0, sizeof(below));
        memset(below.bytes, '\n', sizeof(below.bytes));
        *machine_config_disk(&run.options.config, guests[i].number) = &disk;
        forgetful.port = 0x500; /* where it would exit */
        at_end = count_accesses;
        run_image(guests[i].path, "");
        assert_int_equal(run.status, 6);
        says(run.opinion, "(its disk was as the first run had left it)\n");
        assert_true(first_writes > 0);
        assert_int_equal(below.writes, first_writes);
        assert_true(below.reads > first_reads);
        end();
    }
}

static void overlay_keeps_what_is_written_to_itself(void **unused)
{
    const struct disk disk = {.host = &below_host, .sectors = 8};
    struct disk_overlay overlay;
    uint8_t written[3 * DISK_SECTOR], back[sizeof(below.bytes)];

    (void)unused;
    memset(below.bytes, 0x11, sizeof(below.bytes));
    memset(written, 0x22, sizeof(written));
    below.writes = 0;
    disk_overlay_init(&overlay, &disk);
    assert_int_equal(disk_write(&overlay.disk, 2, written, sizeof(written)), 0);
    memset(written, 0x33, sizeof(written));
    assert_int_equal(disk_write(&overlay.disk, 3, written, DISK_SECTOR), 0);
    assert_int_equal(disk_flush(&overlay.disk), 0);
    assert_int_equal(disk_read(&overlay.disk, 0, back, sizeof(back)), 0);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(back[i * DISK_SECTOR], i == 3 ? 0x33 : i == 2 || i == 4 ? 0x22 : 0x11);
    assert_int_equal(below.writes, 0);
    disk_overlay_free(&overlay);
}

static void overlay_has_an_end(void **unused)
{
    const struct disk disk = {.host = &below_host, .sectors = UINT64_C(1) << 40};
    struct disk_overlay overlay;
    uint8_t sector[DISK_SECTOR] = {0};

    (void)unused;
    disk_overlay_init(&overlay, &disk);
    for (uint64_t i = 0; i < DISK_OVERLAY_SECTORS; i++)
        assert_int_equal(disk_write(&overlay.disk, i << 13, sector, sizeof(sector)), 0);
    assert_int_equal(disk_write(&overlay.disk, 1, sector, sizeof(sector)), -ENOSPC);
    disk_overlay_free(&overlay);
}

static void inputs_beyond_the_limit_are_not_kept(void **unused)
{
    struct second_opinion opinion = {0};
    const struct machine_input input = {.kind = INPUT_SERIAL};

    (void)unused;
    for (unsigned i = 0; i < SECOND_OPINION_INPUTS; i++)
        second_opinion_hear(&opinion, &input);
    assert_false(opinion.is_cut);
    second_opinion_hear(&opinion, &input);
    assert_true(opinion.is_cut);
    assert_int_equal(opinion.count, SECOND_OPINION_INPUTS);
    second_opinion_begin(&opinion);
    second_opinion_hear(&opinion, &input);
    assert_int_equal(opinion.count, 1);
    assert_false(opinion.is_cut);
    second_opinion_free(&opinion);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opinion_tells_what_a_triple_fault_came_of),
        cmocka_unit_test(opinion_gives_the_same_input),
        cmocka_unit_test(opinion_gives_a_guest_that_polls_its_input_after_as_many_accesses),
        cmocka_unit_test(opinion_is_for_deaths_alone),
        cmocka_unit_test(opinion_is_not_given_where_nothing_is_open),
        cmocka_unit_test(opinion_is_given_where_it_is_open_how_the_guest_came_there),
        cmocka_unit_test(opinion_can_be_switched_off),
        cmocka_unit_test(opinion_on_an_engine_that_failed),
        cmocka_unit_test(opinion_says_that_the_guest_ended_otherwise),
        cmocka_unit_test(opinion_says_that_the_guest_did_not_die_in_time),
        cmocka_unit_test(opinion_is_cut_short),
        cmocka_unit_test(opinion_does_not_outlive_its_guest),
        cmocka_unit_test(opinion_is_what_the_monitor_looks_at),
        cmocka_unit_test(opinion_writes_no_disk),
        cmocka_unit_test(overlay_keeps_what_is_written_to_itself),
        cmocka_unit_test(overlay_has_an_end),
        cmocka_unit_test(inputs_beyond_the_limit_are_not_kept),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
