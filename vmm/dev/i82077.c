/*
 * The floppy controller: registers, commands with their bytes and results, and what they do.
 * Numbers of sections are of the data sheet.
 */
#include "i82077.h"

#include "base/bus.h"
#include "base/disk.h"
#include "i8237.h"

#include <stdio.h>
#include <string.h>

enum { STATUS_A, STATUS_B, DIGITAL_OUTPUT, TAPE_DRIVE, MAIN_STATUS, FIFO, UNUSED, DIGITAL_INPUT };

#define DOR_DRIVE   0x03
#define DOR_NRESET  0x04
#define DOR_DMAGATE 0x08

#define DSR_RESET 0x80

/* The Main Status Register (2.1.4). */
#define MSR_RQM  0x80
#define MSR_DIO  0x40 /* to the guest */
#define MSR_BUSY 0x10 /* in a command or its result */

#define DIR_CHANGED 0x80

/* Status registers of results (section 6). */
#define ST0_ABNORMAL 0x40
#define ST0_INVALID  0x80
#define ST0_CHANGED  0xc0 /* ready has changed: a reset */
#define ST0_SEEK_END 0x20
#define ST1_MISSING  0x01 /* no address mark */
#define ST1_READONLY 0x02
#define ST1_NO_DATA  0x04
#define ST1_OVERRUN  0x10
#define ST1_CRC      0x20
#define ST1_END      0x80 /* behind the last sector of a cylinder, and no terminal count */
#define ST2_CYLINDER 0x10 /* the wrong one */
#define ST3_READONLY 0x40
#define ST3_READY    0x20
#define ST3_TRACK_0  0x10
#define ST3_TWO      0x08 /* sides */

#define MULTI_TRACK 0x80 /* in a command: goes on on the other side */
#define SECTOR_CODE 2    /* 512 bytes */
#define VERSION     0x90

/* ---- disks ---- */

const struct floppy_format *floppy_format(uint64_t sectors)
{
    static const struct floppy_format formats[] = {
        {320, 40, 1, 8, 1},   {360, 40, 1, 9, 1},
        {640, 40, 2, 8, 1},   {720, 40, 2, 9, 1},
        {1440, 80, 2, 9, 3},  {2400, 80, 2, 15, 2},
        {2880, 80, 2, 18, 4}, {I82077_SECTORS, 80, 2, 36, 5},
    };

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (sectors <= formats[i].sectors)
            return &formats[i];
    }
    return NULL;
}

/* The drive that a command is for: its second byte has it; NULL: there is none, or it is empty. */
static const struct disk *disk_of(const struct i82077 *fdc)
{
    unsigned drive = fdc->s.fifo[1] & DOR_DRIVE;

    return drive < I82077_DRIVES ? fdc->disk[drive] : NULL;
}

static bool host_did(struct i82077 *fdc, int error)
{
    char text[160];

    if (error && !fdc->is_told && fdc->warn) {
        fdc->is_told = true;
        snprintf(text, sizeof(text), "floppy: the file %.*s: %s; the guest gets an error",
                 DISK_NAME_SIZE, disk_of(fdc)->name, strerror(-error));
        fdc->warn(fdc->owner, text);
    }
    return error == 0;
}

/* ---- time, results ---- */

/* Drives the line, which the guest can switch off, and arms the timer for the end of a command. */
static void i82077_update_irq(struct i82077 *fdc)
{
    const struct i82077_state *s = &fdc->s;

    timer_arm(fdc->clock, &fdc->timer, s->busy && s->dor & DOR_NRESET ? s->done_at : CLOCK_NEVER);
    irq_line_set(&fdc->irq, s->interrupt && s->dor & DOR_DMAGATE);
}

static void be_busy(struct i82077 *fdc)
{
    fdc->s.busy = true;
    fdc->s.done_at = clock_now(fdc->clock) + I82077_NS;
}

static void time_is_up(void *owner)
{
    struct i82077 *fdc = owner;

    fdc->s.busy = false;
    fdc->s.interrupt = true;
    i82077_update_irq(fdc);
}

/* The result of a command: bytes that the guest is to read. */
static void give(struct i82077_state *s, const uint8_t *bytes, uint8_t count)
{
    memcpy(s->fifo, bytes, count);
    s->at = 0;
    s->length = count;
}

/* A command that has no result is over. */
static void give_nothing(struct i82077_state *s)
{
    s->at = s->length = 0;
}

/* ---- commands that move data (5.1) ---- */

/* Where a transfer is. */
struct place {
    uint8_t cylinder, head, sector, code;
};

/* The result of those: ST0 to ST2, and where it ended. */
static void give_transfer(struct i82077 *fdc, uint8_t st1, uint8_t st2, struct place place)
{
    uint8_t st0 = (uint8_t)((st1 || st2 ? ST0_ABNORMAL : 0) | (fdc->s.fifo[1] & 7));
    const uint8_t result[] = {st0, st1, st2, place.cylinder, place.head, place.sector, place.code};

    give(&fdc->s, result, sizeof(result));
    be_busy(fdc);
}

/* Why a sector can't be found; 0: it is there. */
static uint8_t missing(const struct i82077 *fdc, struct place place, uint8_t *st2)
{
    const struct disk *disk = disk_of(fdc);
    const struct floppy_format *format = disk ? floppy_format(disk->sectors) : NULL;

    *st2 = 0;
    if (!format)
        return ST1_MISSING;
    if (place.cylinder != fdc->s.cylinder[fdc->s.fifo[1] & DOR_DRIVE]) {
        *st2 = ST2_CYLINDER;
        return ST1_NO_DATA;
    }
    if (place.cylinder >= format->cylinders || place.head >= format->heads || place.sector == 0 ||
        place.sector > format->of_track || place.code != SECTOR_CODE)
        return ST1_NO_DATA;
    return 0;
}

static uint64_t sector_at(const struct i82077 *fdc, struct place place)
{
    const struct floppy_format *format = floppy_format(disk_of(fdc)->sectors);

    return ((uint64_t)place.cylinder * format->heads + place.head) * format->of_track +
           place.sector - 1u;
}

/* The next sector, on the other side if the command goes on there. False: the cylinder is over. */
static bool go_on(struct place *place, bool is_multi, uint8_t last)
{
    if (place->sector++ != last)
        return true;
    place->sector = 1;
    if (is_multi && place->head == 0) {
        place->head = 1;
        return true;
    }
    if (is_multi)
        place->head = 0;
    place->cylinder++;
    return false;
}

enum direction { READ, WRITE, VERIFY };

/* One sector, between disk and memory; returns bits of ST1. What is behind the end of a file that
 * is smaller than its format reads as zeros, and can't be written. */
static uint8_t move_sector(struct i82077 *fdc, uint64_t sector, enum direction direction,
                           bool *ended)
{
    const struct disk *disk = disk_of(fdc);
    uint8_t *buffer = fdc->buffer;

    if (direction == WRITE) {
        memset(buffer, 0, DISK_SECTOR);
        if (i8237_move(fdc->dma, I82077_DMA, NULL, buffer, DISK_SECTOR, ended) == 0)
            return ST1_OVERRUN;
        if (sector >= disk->sectors)
            return ST1_NO_DATA;
        fdc->has_written = true;
        return host_did(fdc, disk_write(disk, sector, buffer, DISK_SECTOR)) ? 0 : ST1_CRC;
    }
    if (!host_did(fdc, disk_read(disk, sector, buffer, DISK_SECTOR)))
        return ST1_CRC;
    if (direction == READ &&
        i8237_move(fdc->dma, I82077_DMA, buffer, NULL, DISK_SECTOR, ended) == 0)
        return ST1_OVERRUN;
    return 0;
}

/* Sectors up to terminal count, or the last one of the track (EOT). */
static void transfer(struct i82077 *fdc, enum direction direction)
{
    const uint8_t *fifo = fdc->s.fifo;
    struct place place = {fifo[2], fifo[3], fifo[4], fifo[5]};
    bool is_multi = fifo[0] & MULTI_TRACK, ended = false, is_over = false;
    uint8_t last = fifo[6], st1 = 0, st2 = 0;

    if (direction == WRITE && disk_of(fdc) && disk_of(fdc)->read_only)
        st1 = ST1_READONLY;
    while (!st1 && !ended && !is_over) {
        st1 = missing(fdc, place, &st2);
        if (!st1)
            st1 = move_sector(fdc, sector_at(fdc, place), direction, &ended);
        if (!st1)
            is_over = !go_on(&place, is_multi, last);
    }
    if (!st1 && !ended && direction != VERIFY)
        st1 = ST1_END;
    give_transfer(fdc, st1, st2, place);
}

static void read_data(struct i82077 *fdc)
{
    transfer(fdc, READ);
}

static void write_data(struct i82077 *fdc)
{
    transfer(fdc, WRITE);
}

static void verify(struct i82077 *fdc)
{
    transfer(fdc, VERIFY);
}

/* The first sector's address that comes by: the track's first. */
static void read_id(struct i82077 *fdc)
{
    unsigned drive = fdc->s.fifo[1] & DOR_DRIVE;
    struct place place = {fdc->s.cylinder[drive % I82077_DRIVES],
                          (uint8_t)(fdc->s.fifo[1] >> 2 & 1), 1, SECTOR_CODE};
    uint8_t st2, st1 = missing(fdc, place, &st2);

    give_transfer(fdc, st1 ? ST1_MISSING : 0, st2, place);
}

/* FORMAT TRACK: four bytes of each sector come by DMA, and it is filled with one. */
static void format_track(struct i82077 *fdc)
{
    const uint8_t *fifo = fdc->s.fifo;
    uint8_t count = fifo[3], fill = fifo[5], id[4], st1 = 0, st2 = 0;
    bool ended = false;

    if (disk_of(fdc) && disk_of(fdc)->read_only)
        st1 = ST1_READONLY;
    for (uint8_t i = 0; i < count && !st1 && !ended; i++) {
        struct place place;
        fdc->has_written = true;
        if (i8237_move(fdc->dma, I82077_DMA, NULL, id, sizeof(id), &ended) != sizeof(id))
            st1 = ST1_OVERRUN;
        place = (struct place){id[0], id[1], id[2], id[3]};
        if (!st1)
            st1 = missing(fdc, place, &st2);
        memset(fdc->buffer, fill, sizeof(fdc->buffer));
        if (!st1 && sector_at(fdc, place) < disk_of(fdc)->sectors &&
            !host_did(fdc,
                      disk_write(disk_of(fdc), sector_at(fdc, place), fdc->buffer, DISK_SECTOR)))
            st1 = ST1_CRC;
    }
    give_transfer(fdc, st1, st2, (struct place){0, 0, 0, fifo[2]});
}

/* ---- the others (5.2) ---- */

static void specify(struct i82077 *fdc)
{
    memcpy(fdc->s.specify, fdc->s.fifo + 1, sizeof(fdc->s.specify));
    give_nothing(&fdc->s);
}

static void configure(struct i82077 *fdc)
{
    memcpy(fdc->s.configure, fdc->s.fifo + 1, sizeof(fdc->s.configure));
    give_nothing(&fdc->s);
}

static void perpendicular(struct i82077 *fdc)
{
    give_nothing(&fdc->s);
}

static void sense_drive(struct i82077 *fdc)
{
    unsigned drive = fdc->s.fifo[1] & DOR_DRIVE;
    const struct disk *disk = disk_of(fdc);
    const uint8_t st3 =
        (uint8_t)((fdc->s.fifo[1] & 7) | ST3_READY | ST3_TWO |
                  (disk && disk->read_only ? ST3_READONLY : 0) |
                  (drive < I82077_DRIVES && fdc->s.cylinder[drive] == 0 ? ST3_TRACK_0 : 0));

    give(&fdc->s, &st3, 1);
}

static void move_heads(struct i82077 *fdc, uint8_t cylinder)
{
    struct i82077_state *s = &fdc->s;
    unsigned drive = s->fifo[1] & DOR_DRIVE;

    if (drive < I82077_DRIVES) {
        s->cylinder[drive] = cylinder;
        s->has_changed[drive] = s->has_changed[drive] && !fdc->disk[drive];
    }
    s->has_sought = true;
    s->st0 = (uint8_t)(ST0_SEEK_END | (s->fifo[1] & 7));
    give_nothing(s);
    be_busy(fdc);
}

static void recalibrate(struct i82077 *fdc)
{
    fdc->s.fifo[1] &= DOR_DRIVE;
    move_heads(fdc, 0);
}

static void seek(struct i82077 *fdc)
{
    move_heads(fdc, fdc->s.fifo[2]);
}

static void sense_interrupt(struct i82077 *fdc)
{
    struct i82077_state *s = &fdc->s;
    uint8_t result[2] = {ST0_INVALID, 0};

    if (s->resets > 0) { /* one drive after the other */
        result[0] = (uint8_t)(ST0_CHANGED | (4 - s->resets));
        s->resets--;
    } else if (s->has_sought) {
        result[0] = s->st0;
        s->has_sought = false;
    }
    if ((result[0] & DOR_DRIVE) < I82077_DRIVES)
        result[1] = s->cylinder[result[0] & DOR_DRIVE];
    s->interrupt = false;
    give(s, result, result[0] == ST0_INVALID ? 1 : 2);
}

static void dump_registers(struct i82077 *fdc)
{
    const struct i82077_state *s = &fdc->s;
    const uint8_t result[10] = {s->cylinder[0],  s->cylinder[1], 0, 0,
                                s->specify[0],   s->specify[1],  0, (uint8_t)(s->is_locked << 7),
                                s->configure[1], s->configure[2]};

    give(&fdc->s, result, sizeof(result));
}

static void version(struct i82077 *fdc)
{
    give(&fdc->s, (const uint8_t[]){VERSION}, 1);
}

static void lock(struct i82077 *fdc)
{
    fdc->s.is_locked = fdc->s.fifo[0] & 0x80;
    give(&fdc->s, (const uint8_t[]){(uint8_t)(fdc->s.is_locked << 4)}, 1);
}

static void invalid(struct i82077 *fdc)
{
    give(&fdc->s, (const uint8_t[]){ST0_INVALID}, 1);
}

/* By their first byte, without the bits that are options; how many bytes they have. */
static const struct command {
    uint8_t mask, code, length;
    const char *name;
    void (*begin)(struct i82077 *fdc);
} commands[] = {
    {0xff, 0x03, 3, "SPECIFY", specify},
    {0xff, 0x04, 2, "SENSE DRIVE STATUS", sense_drive},
    {0x3f, 0x05, 9, "WRITE DATA", write_data},
    {0x1f, 0x06, 9, "READ DATA", read_data},
    {0xff, 0x07, 2, "RECALIBRATE", recalibrate},
    {0xff, 0x08, 1, "SENSE INTERRUPT STATUS", sense_interrupt},
    {0xbf, 0x0a, 2, "READ ID", read_id},
    {0xbf, 0x0d, 6, "FORMAT TRACK", format_track},
    {0xff, 0x0e, 1, "DUMPREG", dump_registers},
    {0xff, 0x0f, 3, "SEEK", seek},
    {0xff, 0x10, 1, "VERSION", version},
    {0xff, 0x12, 2, "PERPENDICULAR MODE", perpendicular},
    {0xff, 0x13, 4, "CONFIGURE", configure},
    {0x7f, 0x14, 1, "LOCK", lock},
    {0x1f, 0x16, 9, "VERIFY", verify},
    {0x00, 0x00, 1, "an invalid command", invalid}, /* whatever is left */
};

static const struct command *command_of(uint8_t code)
{
    const struct command *command = commands;

    while ((code & command->mask) != command->code)
        command++;
    return command;
}

/* ---- resets, registers ---- */

/* By software: the drives report, one after the other (4.2, polling). */
static void reset(struct i82077 *fdc)
{
    struct i82077_state *s = &fdc->s;

    give_nothing(s);
    if (!s->is_locked)
        memset(s->configure, 0, sizeof(s->configure));
    s->interrupt = s->has_sought = false;
    s->resets = 4;
    be_busy(fdc);
}

static void write_dor(struct i82077 *fdc, uint8_t value)
{
    bool is_released = value & ~fdc->s.dor & DOR_NRESET;

    fdc->s.dor = value;
    if (!(value & DOR_NRESET)) {
        give_nothing(&fdc->s);
        fdc->s.interrupt = false;
    }
    if (is_released)
        reset(fdc);
}

static void write_fifo(struct i82077 *fdc, uint8_t value)
{
    struct i82077_state *s = &fdc->s;

    if (s->busy || s->length > 0 || !(s->dor & DOR_NRESET))
        return;
    s->fifo[s->at++] = value;
    if (s->at < command_of(s->fifo[0])->length)
        return;
    fdc->commands++;
    command_of(s->fifo[0])->begin(fdc);
}

static uint8_t read_fifo(struct i82077_state *s)
{
    uint8_t value;

    if (s->busy || s->length == 0)
        return 0;
    s->interrupt = false; /* the first byte of a result takes it back (2.2) */
    value = s->fifo[s->at++];
    if (s->at == s->length)
        give_nothing(s);
    return value;
}

static uint8_t main_status(const struct i82077_state *s)
{
    if (!(s->dor & DOR_NRESET))
        return 0;
    if (s->busy)
        return s->resets == 4 ? 0 : MSR_BUSY;
    if (s->length > 0)
        return MSR_RQM | MSR_DIO | MSR_BUSY;
    return s->at > 0 ? MSR_RQM | MSR_BUSY : MSR_RQM;
}

static uint8_t digital_input(const struct i82077_state *s)
{
    unsigned drive = s->dor & DOR_DRIVE;
    bool is_on = s->dor & 0x10 << drive; /* only a drive whose motor is on answers */

    return is_on && (drive >= I82077_DRIVES || s->has_changed[drive]) ? DIR_CHANGED : 0;
}

static uint32_t port_read(void *device, uint32_t offset, unsigned width)
{
    struct i82077 *fdc = device;
    uint8_t value = 0xff;

    (void)width;
    switch (offset) {
    case DIGITAL_OUTPUT:
        value = fdc->s.dor;
        break;
    case MAIN_STATUS:
        value = main_status(&fdc->s);
        break;
    case FIFO:
        value = read_fifo(&fdc->s);
        break;
    default:
        break;
    }
    i82077_update_irq(fdc);
    return value;
}

static void port_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct i82077 *fdc = device;

    (void)width;
    if (offset == DIGITAL_OUTPUT)
        write_dor(fdc, (uint8_t)value);
    else if (offset == FIFO)
        write_fifo(fdc, (uint8_t)value);
    else if (offset == MAIN_STATUS && value & DSR_RESET && fdc->s.dor & DOR_NRESET)
        reset(fdc); /* the Data Rate Select Register */
    i82077_update_irq(fdc);
}

static uint32_t input_read(void *device, uint32_t offset, unsigned width)
{
    (void)offset;
    (void)width;
    return digital_input(&((struct i82077 *)device)->s);
}

/* ---- building ---- */

void i82077_init(struct i82077 *fdc, const struct disk *const disk[I82077_DRIVES],
                 struct i8237 *dma, struct clock *clock,
                 void (*warn)(void *owner, const char *text), void *owner)
{
    memset(fdc, 0, sizeof(*fdc));
    for (unsigned i = 0; i < I82077_DRIVES; i++) {
        fdc->disk[i] = disk[i];
        fdc->s.has_changed[i] = true;
    }
    fdc->dma = dma;
    fdc->clock = clock;
    fdc->warn = warn;
    fdc->owner = owner;
    fdc->s.dor = DOR_NRESET | DOR_DMAGATE; /* as firmware leaves it */
    timer_init(&fdc->timer, time_is_up, fdc);
}

bool i82077_attach(struct i82077 *fdc, struct bus *ports)
{
    const struct bus_region registers = {"82077AA", I82077_PORT, UNUSED,       1,
                                         port_read, port_write,  .device = fdc};
    const struct bus_region input = {"82077AA",    I82077_PORT + DIGITAL_INPUT, 1, 1, input_read,
                                     .device = fdc};

    return !bus_add(ports, &registers) && !bus_add(ports, &input);
}

/* ---- what snapshots and the monitor ask ---- */

static bool valid(const void *device, const void *state)
{
    const struct i82077_state *s = state;
    bool is_command = s->length == 0;

    (void)device;
    return s->length <= I82077_FIFO && s->resets <= 4 && s->done_at <= CLOCK_MAX &&
           s->at < (is_command ? command_of(s->fifo[0])->length : s->length) &&
           ARE_BOOLS(&s->is_locked, &s->has_changed[0], &s->has_changed[1], &s->busy, &s->interrupt,
                     &s->has_sought);
}

static void restored(void *device)
{
    i82077_update_irq(device);
}

static void tell(const void *device, struct words *to)
{
    const struct i82077 *fdc = device;
    const struct i82077_state *s = &fdc->s;

    words_print(to, "%s\n",
                !(s->dor & DOR_NRESET) ? "held in reset"
                : s->busy              ? "at work"
                : s->length > 0        ? "a result is to be read"
                : s->at > 0            ? "a command is not complete"
                                       : "idle");
    if (s->at > 0 && s->length == 0)
        words_print(to, "  command 0x%02x %s: %u of %u bytes\n", s->fifo[0],
                    command_of(s->fifo[0])->name, s->at, command_of(s->fifo[0])->length);
    for (unsigned i = 0; i < I82077_DRIVES; i++) {
        const struct disk *disk = fdc->disk[i];
        words_print(to, "  drive %u: ", i);
        if (disk)
            words_print(to, "%.*s, %llu sectors%s, ", DISK_NAME_SIZE, disk->name,
                        (unsigned long long)disk->sectors, disk->read_only ? ", read-only" : "");
        else
            words_print(to, "empty, ");
        words_print(to, "at cylinder %u, motor %s\n", s->cylinder[i],
                    s->dor & 0x10 << i ? "on" : "off");
    }
    words_print(to, "  interrupt: %s\n", s->interrupt ? "requested" : "none");
}

const struct device_kind i82077_kind = {
    DEVICE_STATE(struct i82077, s),
    .line = {{offsetof(struct i82077, irq), "82077aa"}},
    .valid = valid,
    .restored = restored,
    .tell = tell,
};
