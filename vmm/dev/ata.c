/*
 * An ATA channel: registers, BSY and interrupts by the clock, resets; what its devices have in
 * common. Numbers of sections are of ATA-6.
 */
#include "ata_parts.h"

#include "base/bus.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Offsets of the ports from the base; the Device Control register is elsewhere (7). */
enum {
    DATA,
    ERROR_OR_FEATURES,
    SECTOR_COUNT,
    LBA_LOW,
    LBA_MID,
    LBA_HIGH,
    DEVICE,
    STATUS_OR_COMMAND,
    PORTS
};

/* The Device Control register (7.10). */
#define CONTROL_NIEN 0x02
#define CONTROL_SRST 0x04
#define CONTROL_HOB  0x80

#define DEVICE_FIXED_BITS 0xa0 /* read as ones, from before there was LBA */

/* What is read where nothing drives the cable: DD7 has a resistor to ground, so that BSY is clear
 * (ATA-6, 4.2, note); the others are high. */
#define FLOATING_BYTE 0x7f
#define FLOATING_WORD 0xff7f

#define DIAGNOSTIC_PASSED 0x01
#define SIGNATURE_CD_MID  0x14
#define SIGNATURE_CD_HIGH 0xeb

#define TOLD_BUSY ATA_OPERATIONS /* the bits of `told` after the operations' */

__attribute__((format(printf, 2, 3))) static void warn(const struct ata *ata, const char *format,
                                                       ...)
{
    char text[200];
    va_list arguments;
    int length;

    if (!ata->warn)
        return;
    length = snprintf(text, sizeof(text), "ATA at %#x: ", ata->base);
    va_start(arguments, format);
    vsnprintf(text + length, sizeof(text) - (size_t)length, format, arguments);
    va_end(arguments);
    ata->warn(ata->owner, text);
}

static bool is_first_time(struct ata *ata, unsigned what)
{
    bool is_first = !(ata->told & 1u << what);

    ata->told |= 1u << what;
    return is_first;
}

/* ---- the host ---- */

bool ata_host_did(struct ata *ata, enum ata_operation operation, int error)
{
    static const char *const verbs[] = {
        [ATA_READ] = "read", [ATA_WRITE] = "write", [ATA_FLUSH] = "flush"};

    if (error && is_first_time(ata, operation))
        warn(ata, "can't %s the file %.*s: %s; the guest gets an error", verbs[operation],
             DISK_NAME_SIZE, ata_disk(ata)->name, strerror(-error));
    return error == 0;
}

static void observe(struct ata *ata, const char *what, uint64_t sector, uint32_t count, bool ok)
{
    if (ata->observe)
        ata->observe(ata->observer, ata->slot + ata_selected(ata), what, sector,
                     (uint64_t)count * DISK_SECTOR, ok);
}

bool ata_disk_read(struct ata *ata, uint64_t sector, uint32_t count)
{
    int error = disk_read(ata_disk(ata), sector, ata->s.buffer, (size_t)count * DISK_SECTOR);
    bool ok = ata_host_did(ata, ATA_READ, error);

    observe(ata, "read", sector, count, ok);
    return ok;
}

bool ata_disk_write(struct ata *ata, uint64_t sector, uint32_t count)
{
    int error = disk_write(ata_disk(ata), sector, ata->s.buffer, (size_t)count * DISK_SECTOR);
    bool ok = ata_host_did(ata, ATA_WRITE, error);

    ata->has_written = true;
    observe(ata, "write", sector, count, ok);
    return ok;
}

bool ata_disk_flush(struct ata *ata)
{
    bool ok = ata_host_did(ata, ATA_FLUSH, disk_flush(ata_disk(ata)));

    observe(ata, "flush", 0, 0, ok);
    return ok;
}

/* ---- time ---- */

/* Drives the line, and arms the timer. A device drives the line only while it is selected (5.2.9).
 * While SRST is set, BSY has no end. */
static void ata_update_irq(struct ata *ata)
{
    const struct ata_state *s = &ata->s;

    timer_arm(ata->clock, &ata->timer,
              s->is_due && !(s->control & CONTROL_SRST) ? s->done_at : CLOCK_NEVER);
    irq_line_set(&ata->irq, ata_disk(ata) && s->device[ata_selected(ata)].interrupt &&
                                !(s->control & CONTROL_NIEN));
}

static void be_busy(struct ata *ata, uint64_t ns)
{
    ata->s.busy = ata->s.is_due = true;
    ata->s.done_at = clock_now(ata->clock) + ns;
}

static void time_is_up(void *owner)
{
    struct ata *ata = owner;

    ata->s.busy = ata->s.is_due = false;
    if (!ata->s.is_quiet && ata_disk(ata))
        ata_device(ata)->interrupt = true;
    ata_update_irq(ata);
}

/* The status was read, or a command is written: an interrupt that is pending is not any more (9.1).
 * One that is still to come, of a command that is seen to be done, comes all the same, for a driver
 * may look and then wait for it; but neither over a new command, nor to a driver that only polls.
 */
static void take_interrupt_back(struct ata *ata, bool is_command)
{
    struct ata_state *s = &ata->s;

    ata_device(ata)->interrupt = false;
    if (!s->busy && (is_command || s->control & CONTROL_NIEN))
        s->is_due = false;
}

/* ---- what commands do ---- */

void ata_give(struct ata *ata, enum ata_phase phase, uint32_t bytes)
{
    struct ata_state *s = &ata->s;

    s->phase = (uint8_t)phase;
    s->at = 0;
    s->filled = s->block = bytes;
}

void ata_succeed(struct ata *ata)
{
    ata->s.phase = ATA_IDLE;
    ata_device(ata)->error = 0;
    ata_device(ata)->status = ATA_DRDY | ATA_DSC;
}

void ata_fail(struct ata *ata, uint8_t error)
{
    ata->s.phase = ATA_IDLE;
    ata_device(ata)->error = error;
    ata_device(ata)->status = ATA_DRDY | ATA_DSC | ATA_ERR;
}

void ata_set_signature(struct ata *ata, unsigned device)
{
    struct ata_device_state *to = &ata->s.device[device];
    bool is_cd = ata->disk[device]->is_cd;

    to->count = to->low = 1;
    to->mid = is_cd ? SIGNATURE_CD_MID : 0;
    to->high = is_cd ? SIGNATURE_CD_HIGH : 0;
}

void ata_identify_text(uint8_t *to, unsigned words, const char *text, size_t size)
{
    size_t length = strnlen(text, size);

    for (size_t i = 0; i < 2 * (size_t)words; i++) {
        char c = i < length ? text[i] : ' ';
        to[i ^ 1] = c < ' ' || c > '~' ? '?' : (uint8_t)c;
    }
}

/* ---- resets ---- */

/* A device has been reset, or has tested itself: it shows what it is, a hard disk that it is ready,
 * too (9.2, 9.12). */
static void be_reset(struct ata *ata, unsigned device)
{
    struct ata_device_state *to = &ata->s.device[device];

    ata_set_signature(ata, device);
    to->error = DIAGNOSTIC_PASSED;
    to->status = ata->disk[device]->is_cd ? 0 : ATA_DRDY | ATA_DSC;
    to->interrupt = to->standby = false;
}

/* All that was going on is forgotten; what was written is on the disk. */
static void reset_all(struct ata *ata)
{
    ata->s.phase = ATA_IDLE;
    ata->s.select = DEVICE_FIXED_BITS;
    for (unsigned i = 0; i < ATA_DEVICES; i++) {
        if (ata->disk[i])
            be_reset(ata, i);
    }
}

/* SRST is set: a software reset begins (9.2). When it is cleared it takes its time. */
static void write_control(struct ata *ata, uint8_t value)
{
    struct ata_state *s = &ata->s;
    uint8_t changed = s->control ^ value;

    s->control = value;
    if (!(changed & CONTROL_SRST))
        return;
    if (value & CONTROL_SRST) {
        for (unsigned i = 0; i < ATA_DEVICES; i++) {
            if (ata->disk[i] && !s->device[i].keeps_settings)
                ata_disk_set_defaults(ata, i);
        }
        reset_all(ata);
    }
    s->is_quiet = true;
    be_busy(ata, ATA_RESET_NS);
}

/* ---- commands ---- */

enum { NOP = 0x00, DEVICE_RESET = 0x08, EXECUTE_DEVICE_DIAGNOSTIC = 0x90 };

/* Both devices test themselves, and the first answers (8.9). */
static void execute_diagnostic(struct ata *ata)
{
    reset_all(ata);
}

/* Of a CD, at any time (8.7). */
static void device_reset(struct ata *ata)
{
    ata->s.phase = ATA_IDLE;
    ata->s.is_quiet = true;
    be_reset(ata, ata_selected(ata));
}

/* Those that are the channel's. */
static const struct ata_command common_commands[] = {
    {EXECUTE_DEVICE_DIAGNOSTIC, EXECUTE_DEVICE_DIAGNOSTIC, "EXECUTE DEVICE DIAGNOSTIC",
     execute_diagnostic, true},
    {0},
};
static const struct ata_command reset_command = {DEVICE_RESET, DEVICE_RESET, "DEVICE RESET",
                                                 device_reset, true};

static const struct ata_command *find_in(const struct ata_command *list, uint8_t code)
{
    while (list->begin && (code < list->first || code > list->last))
        list++;
    return list->begin ? list : NULL;
}

/* A command of the device that is selected; NULL: it has none of this code. */
static const struct ata_command *find_command(const struct ata *ata, uint8_t code)
{
    const struct ata_command *found = find_in(common_commands, code);
    bool is_cd = ata_disk(ata) && ata_disk(ata)->is_cd;

    if (!found && is_cd && code == DEVICE_RESET)
        found = &reset_command;
    return found ? found : find_in(is_cd ? ata_cd_commands : ata_disk_commands, code);
}

/* A command is written. A device that isn't there takes none, but the first one hears what is for
 * both (9.16.1); nor does one that is still at the last one. */
static void begin_command(struct ata *ata, uint8_t code)
{
    const struct ata_command *command = find_command(ata, code);
    struct ata_state *s = &ata->s;

    if (!ata_disk(ata) && code != EXECUTE_DEVICE_DIAGNOSTIC)
        return;
    if ((s->busy || s->phase != ATA_IDLE) && command != &reset_command) {
        if (is_first_time(ata, TOLD_BUSY))
            warn(ata, "command 0x%02x ignored, since the last one (0x%02x) has not ended: %s", code,
                 s->command, s->busy ? "BSY is set" : "DRQ is set, its data was not all moved");
        return;
    }
    s->command = code;
    s->is_quiet = false;
    ata->commands++;
    take_interrupt_back(ata, true);
    if (command)
        command->begin(ata);
    else
        ata_fail(ata, ATA_ABRT);
    if (s->phase == ATA_OUT || s->phase == ATA_PACKET)
        s->is_quiet = true; /* the first DRQ for data of the guest's has no interrupt (9.7) */
    be_busy(ata, ATA_COMMAND_NS);
    s->busy = command && command->takes_time;
    s->is_due = s->busy || !s->is_quiet;
}

/* ---- data ---- */

/* The last word of a DRQ block has been moved. */
static void block_moved(struct ata *ata)
{
    ata->s.is_quiet = false;
    if (ata_disk(ata)->is_cd ? ata_cd_moved(ata) : ata_disk_moved(ata))
        be_busy(ata, ATA_BLOCK_NS);
}

static void count_word(struct ata_state *s)
{
    uint32_t bytes = s->block < 2 ? s->block : 2;

    s->at += bytes;
    s->block -= bytes;
}

static uint16_t read_data(struct ata *ata)
{
    struct ata_state *s = &ata->s;
    uint16_t word;

    if (!ata_disk(ata))
        return ata_selected(ata) ? 0 : FLOATING_WORD;
    if (s->busy || s->phase != ATA_IN)
        return 0;
    word = s->buffer[s->at];
    if (s->at + 1 < s->filled)
        word |= (uint16_t)(s->buffer[s->at + 1] << 8);
    count_word(s);
    if (s->block == 0)
        block_moved(ata);
    else if (s->at == s->filled)
        ata_cd_refill(ata);
    return word;
}

static void write_data(struct ata *ata, uint16_t word)
{
    struct ata_state *s = &ata->s;

    if (s->busy || (s->phase != ATA_OUT && s->phase != ATA_PACKET))
        return;
    s->buffer[s->at] = (uint8_t)word;
    s->buffer[s->at + 1] = (uint8_t)(word >> 8);
    count_word(s);
    if (s->block == 0)
        block_moved(ata);
}

/* ---- registers ---- */

/* A register that is two bytes deep. */
static uint16_t *deep_register(struct ata_device_state *device, unsigned offset)
{
    switch (offset) {
    case ERROR_OR_FEATURES:
        return &device->feature;
    case SECTOR_COUNT:
        return &device->count;
    case LBA_LOW:
        return &device->low;
    case LBA_MID:
        return &device->mid;
    default:
        return &device->high;
    }
}

/* Who answers: the device that is selected, or the first for a second one that isn't there. */
static struct ata_device_state *answering(struct ata *ata)
{
    return &ata->s.device[ata_disk(ata) ? ata_selected(ata) : 0];
}

/* The first device answers for the second with a status of 0 (9.16.1); nobody for the first. */
static uint8_t status_of(const struct ata *ata)
{
    const struct ata_state *s = &ata->s;

    if (!ata_disk(ata))
        return ata_selected(ata) ? 0 : FLOATING_BYTE;
    if (s->busy)
        return ATA_BSY;
    return s->device[ata_selected(ata)].status | (s->phase != ATA_IDLE ? ATA_DRQ : 0);
}

static uint8_t read_register(struct ata *ata, unsigned offset)
{
    struct ata_device_state *device = answering(ata);
    uint8_t status = status_of(ata);

    if (!ata_disk(ata) && !ata_selected(ata))
        return FLOATING_BYTE;
    switch (offset) {
    case STATUS_OR_COMMAND:
        if (ata_disk(ata))
            take_interrupt_back(ata, false);
        return status;
    case DEVICE:
        return ata->s.select;
    case ERROR_OR_FEATURES:
        return device->error;
    default:
        return (uint8_t)(*deep_register(device, offset) >> (ata->s.control & CONTROL_HOB ? 8 : 0));
    }
}

/* Both devices take what is written (7.1), unless one is at work. */
static void write_register(struct ata *ata, unsigned offset, uint8_t value)
{
    struct ata_state *s = &ata->s;

    s->control &= (uint8_t)~CONTROL_HOB;
    if (offset == STATUS_OR_COMMAND) {
        begin_command(ata, value);
        return;
    }
    if (s->busy || s->phase != ATA_IDLE)
        return;
    if (offset == DEVICE) {
        s->select = value | DEVICE_FIXED_BITS;
        return;
    }
    for (unsigned i = 0; i < ATA_DEVICES; i++) {
        uint16_t *deep = deep_register(&s->device[i], offset);
        if (ata->disk[i])
            *deep = (uint16_t)(*deep << 8 | value);
    }
}

/* The data register has 16 bits. A byte of it is a word whose upper half is lost; 32 bits are two
 * words, as PCI's controllers make of them. */
static uint32_t port_read(void *owner, uint32_t offset, unsigned width)
{
    struct ata *ata = owner;
    uint32_t value = 0;

    if (offset == DATA) {
        value = read_data(ata);
        if (width == 4)
            value |= (uint32_t)read_data(ata) << 16;
    } else {
        for (unsigned i = 0; i < width; i++)
            value |= (uint32_t)read_register(ata, offset + i) << (8 * i);
    }
    ata_update_irq(ata);
    return value;
}

static void port_write(void *owner, uint32_t offset, unsigned width, uint32_t value)
{
    struct ata *ata = owner;

    if (offset == DATA) {
        write_data(ata, (uint16_t)value);
        if (width == 4)
            write_data(ata, (uint16_t)(value >> 16));
    } else {
        for (unsigned i = 0; i < width; i++)
            write_register(ata, offset + i, (uint8_t)(value >> (8 * i)));
    }
    ata_update_irq(ata);
}

/* The Alternate Status register, which leaves the interrupt alone. */
static uint32_t control_read(void *owner, uint32_t offset, unsigned width)
{
    (void)offset;
    (void)width;
    return status_of(owner);
}

static void control_write(void *owner, uint32_t offset, unsigned width, uint32_t value)
{
    (void)offset;
    (void)width;
    write_control(owner, (uint8_t)value);
    ata_update_irq(owner);
}

/* ---- building ---- */

static bool is_empty(const struct ata *ata)
{
    return !ata->disk[0] && !ata->disk[1];
}

void ata_init(struct ata *ata, const struct disk *const disk[ATA_DEVICES], struct clock *clock,
              void (*warn_with)(void *owner, const char *text), void *owner)
{
    memset(ata, 0, sizeof(*ata));
    ata->clock = clock;
    ata->warn = warn_with;
    ata->owner = owner;
    timer_init(&ata->timer, time_is_up, ata);
    for (unsigned i = 0; i < ATA_DEVICES; i++) {
        ata->disk[i] = disk[i];
        if (disk[i])
            ata_disk_set_defaults(ata, i);
    }
    reset_all(ata);
}

bool ata_attach(struct ata *ata, struct bus *ports, uint16_t base, uint16_t control)
{
    const struct bus_region command = {"ATA", base, PORTS, 4, port_read, port_write, .device = ata};
    const struct bus_region device_control = {"ATA",         control,      1, 1, control_read,
                                              control_write, .device = ata};

    ata->base = base;
    return is_empty(ata) || (!bus_add(ports, &command) && !bus_add(ports, &device_control));
}

/* ---- what snapshots and the monitor ask ---- */

/* Whether the data that is on its way is within the buffer, and what is left is what there is. */
static bool is_transfer_valid(const struct ata *ata, const struct ata_state *s)
{
    const struct disk *disk = ata->disk[s->select & ATA_DEV ? 1 : 0];
    uint32_t ready = s->filled - s->at;

    if (s->at > s->filled || s->filled > ATA_BUFFER)
        return false;
    if (s->phase == ATA_IDLE)
        return true;
    if (!disk || ready == 0 || s->at % 2 || s->block == 0)
        return false;
    switch (s->phase) {
    case ATA_IN:
        if (!disk->is_cd)
            return s->block == ready;
        return s->block <= ready + (uint64_t)s->left * 2048 && (s->filled % 2 == 0 || !s->left) &&
               s->limit >= 2 && s->limit % 2 == 0;
    case ATA_OUT:
        return !disk->is_cd && s->block == ready && s->filled % DISK_SECTOR == 0 &&
               s->filled / DISK_SECTOR <= s->left;
    default:
        return disk->is_cd && s->block == ready && s->filled == 12;
    }
}

static bool is_device_valid(const struct ata_device_state *d)
{
    return d->multiple <= ATA_MULTIPLE && d->heads > 0 && d->heads <= 16 && d->sectors > 0 &&
           ARE_BOOLS(&d->interrupt, &d->writes_through, &d->keeps_settings, &d->standby,
                     &d->is_locked, &d->is_open);
}

static bool valid(const void *device, const void *state)
{
    static const struct ata_device_state absent;
    const struct ata *ata = device;
    const struct ata_state *s = state;
    struct ata fresh;

    if (is_empty(ata)) { /* nothing can be written there, so it stays as it is */
        ata_init(&fresh, ata->disk, ata->clock, NULL, NULL);
        return memcmp(s, &fresh.s, sizeof(*s)) == 0;
    }
    for (unsigned i = 0; i < ATA_DEVICES; i++) {
        if (ata->disk[i] ? !is_device_valid(&s->device[i])
                         : memcmp(&s->device[i], &absent, sizeof(absent)) != 0)
            return false;
    }
    return s->phase < ATA_PHASES && s->done_at <= CLOCK_MAX &&
           ARE_BOOLS(&s->busy, &s->is_due, &s->is_quiet, &s->has_failed) &&
           (s->is_due || !s->busy) && (s->busy || !(s->control & CONTROL_SRST)) &&
           is_transfer_valid(ata, s);
}

static void restored(void *device)
{
    ata_update_irq(device);
}

static void tell_device(const struct ata *ata, unsigned which, struct words *to)
{
    const struct ata_device_state *device = &ata->s.device[which];
    const struct disk *disk = ata->disk[which];

    words_print(to, "  %s: ", which ? "slave" : "master");
    if (!disk) {
        words_print(to, "absent\n");
        return;
    }
    words_print(to, "%.*s, %s, %llu sectors of 512 bytes%s", DISK_NAME_SIZE, disk->name,
                disk->is_cd ? "CD" : "hard disk", (unsigned long long)disk->sectors,
                disk->read_only && !disk->is_cd ? ", read-only" : "");
    if (!disk->is_cd)
        words_print(to, ", %u heads, %u sectors a track, blocks of %u", device->heads,
                    device->sectors, device->multiple);
    words_print(to, "\n    status 0x%02x, error 0x%02x, interrupt: %s\n", device->status,
                device->error, device->interrupt ? "requested, status not read" : "none");
}

static void tell(const void *owner, struct words *to)
{
    const struct ata *ata = owner;
    const struct ata_state *s = &ata->s;
    const struct ata_command *command = find_command(ata, s->command);
    uint64_t now = clock_now(ata->clock);

    if (is_empty(ata)) {
        words_print(to, "absent: no devices, and nothing answers at its ports\n");
        return;
    }
    words_print(to, "ports from 0x%x, %s selected, last command 0x%02x%s%s\n", ata->base,
                ata_selected(ata) ? "slave" : "master", s->command, command ? " " : "",
                command ? command->name : "");
    words_print(to, "  ");
    if (s->control & CONTROL_SRST) {
        words_print(to, "held in reset (SRST)");
    } else if (s->busy) {
        words_print(to, "busy for ");
        words_time(to, s->done_at > now ? s->done_at - now : 0);
    } else if (s->phase != ATA_IDLE) {
        words_print(to, "waits for %u bytes to be %s (DRQ)", s->block,
                    s->phase == ATA_IN ? "read" : "written");
    } else {
        words_print(to, "idle");
    }
    words_print(to, "%s\n", s->control & CONTROL_NIEN ? ", interrupts off (nIEN)" : "");
    for (unsigned i = 0; i < ATA_DEVICES; i++)
        tell_device(ata, i, to);
}

const struct device_kind ata_kind = {
    DEVICE_STATE(struct ata, s),
    .line = {{offsetof(struct ata, irq), "ata"}},
    .valid = valid,
    .restored = restored,
    .tell = tell,
};
