/*
 * Fuzz target for gdb's protocol: whatever a client sends, in pieces of any size, each reply is a
 * packet, and when the client has gone no breakpoint is left and the guests go on. Two guests on
 * this thread; the first byte is how large a piece is.
 */
#include "gdb/packet.h"
#include "gdb/session.h"
#include "machine/machine.h"
#include "os/inbox.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define GUESTS       2
#define INSTRUCTIONS 500 /* that a guest runs for before it is looked at */

static struct guest {
    struct inbox inbox;
    struct run_control control;
    struct desk desk;
    struct machine *machine;
} guests[GUESTS];

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void print(void *owner, const uint8_t *bytes, size_t count)
{
    (void)owner;
    (void)bytes;
    (void)count;
}

/* Counts, writes and calls itself, in 16-bit code. */
static const uint8_t code[] = {0x40, 0xa3, 0x00, 0x20, 0x50, 0x5b, 0xe8, 0x02, 0x00,
                               0xeb, 0xf5, 0x41, 0x8b, 0x16, 0x00, 0x20, 0xc3};

static int read_code(void *files, const char *path, uint64_t limit, uint8_t **bytes, size_t *size)
{
    (void)files;
    (void)path;
    require(limit >= sizeof(code));
    *bytes = malloc(sizeof(code));
    require(*bytes);
    memcpy(*bytes, code, sizeof(code));
    *size = sizeof(code);
    return 0;
}

static void begin(struct guest *guest)
{
    struct machine_config config = {
        .image = {.path = "code", .mode = IMAGE_REAL16, .read = read_code},
        .memory_size = MEMORY_MIN,
        .make_cpu = cpu_soft_create,
        .timeout = CLOCK_NEVER,
        .inbox = &guest->inbox,
        .take = inbox_take,
        .print = print,
        .virtual_time = true,
    };
    char error[320];

    require(inbox_init(&guest->inbox) == 0);
    guest->machine = machine_create(&config, error, sizeof(error));
    require(guest->machine);
    run_control_init(&guest->control, &guest->inbox);
    require(desk_init(&guest->desk, &guest->control, NULL) == 0);
    guest->desk.is_served = true;
}

static void end(struct guest *guest)
{
    if (!atomic_load(&guest->inbox.quit)) { /* it was not killed */
        for (const struct run_break *at = guest->control.breaks; at; at = at->next)
            require(at->number != 0); /* it is the monitor's, and stays */
        require(!guest->control.is_debugged);
        require(guest->control.count == 0);
        require(guest->control.breaks || !run_control_is_held(&guest->control));
    }
    desk_free(&guest->desk);
    run_control_free(&guest->control);
    machine_destroy(guest->machine);
    inbox_free(&guest->inbox);
}

/* What a guest's thread does: it answers, and runs as far as it may. */
static void serve(struct guest *guest)
{
    struct machine *machine = guest->machine;

    desk_serve(&guest->desk, machine);
    if (!run_control_is_held(&guest->control) && machine->outcome.end == END_NONE) {
        const struct machine_pause *wanted = run_control_pause(&guest->control);
        struct machine_pause pause = wanted ? *wanted : run_control_never;
        uint64_t most = machine->cpu->ops->instructions(machine->cpu) + INSTRUCTIONS;
        if (pause.instructions > most)
            pause.instructions = most;
        machine_run_until(machine, &pause);
        desk_serve(&guest->desk, machine);
    }
}

/* All that is sent is packets and acknowledgements. */
static void check(void *owner, const char *bytes, size_t count)
{
    static struct gdb_packets packets;

    (void)owner;
    for (size_t i = 0; i < count; i++) {
        enum gdb_event event;
        if (packets.state == GDB_BETWEEN && packets.sum == 0 && i == 0)
            require(strchr("+-$", bytes[0]));
        event = gdb_take(&packets, (uint8_t)bytes[i]);
        require(event != GDB_DAMAGED && event != GDB_INTERRUPT);
    }
    require(packets.state == GDB_BETWEEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gdb_guest list[GUESTS];
    struct gdb_session *session;
    size_t piece = size > 0 ? data[0] + 1u : 1;

    for (unsigned i = 0; i < GUESTS; i++) {
        begin(&guests[i]);
        list[i] = (struct gdb_guest){i ? "second" : "first", &guests[i].desk};
    }
    session = gdb_session_new(list, GUESTS, check, NULL);
    require(session);
    for (size_t at = 1; at < size;) {
        size_t count = size - at < piece ? size - at : piece;
        at += gdb_session_take(session, data + at, count);
        for (unsigned i = 0; i < GUESTS; i++)
            serve(&guests[i]);
        gdb_session_update(session);
    }
    gdb_session_free(session);
    for (unsigned i = 0; i < GUESTS; i++) {
        serve(&guests[i]);
        end(&guests[i]);
    }
    return 0;
}
