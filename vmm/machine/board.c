/*
 * The board: the table of devices, which line ends at which input of the interrupt controllers,
 * where what the chips print goes.
 */
#include "internal.h"

#include "base/disk.h"

#include <stdlib.h>

/* Where QEMU's microvm has its virtio devices, a slot a disk. */
#define VIRTIO_BASE UINT32_C(0xfeb00000)

/* ---- what chips call ---- */

/* The gate has two switches, which agree: the last one that was moved counts. */
static void on_a20(void *owner, bool is_open)
{
    struct machine *machine = owner;

    machine->keyboard.s.a20 = is_open;
    system_control_set_a20(&machine->system_control, is_open);
    memory_map_set_a20(&machine->memory, is_open);
}

static void on_input_ready(void *owner)
{
    ((struct machine *)owner)->input_ready = true;
}

/* --baud: a character has ten bits; until they have gone out the guest stands still. */
static void stall(struct machine *machine)
{
    uint64_t now = clock_now(&machine->clock);

    if (machine->line_free < now)
        machine->line_free = now;
    machine->line_free += 10 * NS_PER_SECOND / machine->config.baud;
}

static void put(struct machine *machine, enum machine_outlet outlet, uint8_t byte)
{
    output_put(&machine->output, byte);
    if (machine->config.heard)
        machine->config.heard(machine->config.owner, outlet, byte);
    if (machine->config.baud)
        stall(machine);
}

static void put_serial(void *owner, uint8_t byte)
{
    put(owner, OUTLET_SERIAL, byte);
}

static void put_debug(void *owner, uint8_t byte)
{
    put(owner, OUTLET_DEBUG, byte);
}

static void on_unknown_hypercall(void *owner, uint8_t number)
{
    machine_warn(owner,
                 "unknown hypercall %#x ignored (al=0 exit, 1 putchar, 2 putnum, 3 newline, 4 exit "
                 "with status)",
                 number);
}

static uint32_t hypercall_ebx(void *owner)
{
    struct cpu *cpu = ((struct machine *)owner)->cpu;

    return cpu->ops->gpr(cpu, CPU_EBX);
}

static const struct hypercall_host hypercall_host = {
    .ebx = hypercall_ebx,
    .put = put_debug,
    .exit = end_with_status,
    .power_off = end_with_power_off,
    .fault = end_with_fault,
    .returned = end_with_return,
    .software = warn_of_int,
    .unknown = on_unknown_hypercall,
};

static void on_unknown_service(void *owner, uint8_t interrupt, uint16_t ax, uint16_t cs,
                               uint16_t ip)
{
    machine_warn(owner,
                 "INT %02Xh, AX %04X, called before %04x:%04x: this BIOS has no such service",
                 interrupt, ax, cs, ip);
}

static const struct bios_host bios_host = {on_unknown_service, end_with_no_boot, boot_leave_bios};

static void wait_for_beam(void *owner, uint64_t time)
{
    ((struct machine *)owner)->beam = time;
}

/* ---- how each is made ---- */

static bool build_i8259(struct machine *machine, void *device, const struct board_row *row)
{
    (void)row;
    i8259_init(device);
    return i8259_attach(device, &machine->ports);
}

static bool build_i8254(struct machine *machine, void *device, const struct board_row *row)
{
    (void)row;
    i8254_init(device, &machine->clock);
    return i8254_attach(device, &machine->ports);
}

static bool build_com1(struct machine *machine, void *device, const struct board_row *row)
{
    ns16550_init(device, &machine->clock, put_serial, on_input_ready, machine);
    return ns16550_attach(device, &machine->ports, (uint16_t)row->base);
}

static bool build_com2(struct machine *machine, void *device, const struct board_row *row)
{
    const struct machine_config *config = &machine->config;

    ns16550_init(device, &machine->clock, config->com2, NULL, config->com2_owner);
    return ns16550_attach(device, &machine->ports, (uint16_t)row->base);
}

static bool build_i8042(struct machine *machine, void *device, const struct board_row *row)
{
    (void)row;
    i8042_init(device, &machine->clock, on_input_ready, end_with_reset, on_a20, machine);
    return i8042_attach(device, &machine->ports);
}

/* For another BIOS than ours, which knows no bios_port; the numbers are the same. */
static void set_boot_order(struct mc146818 *rtc, const enum bios_drive_kind order[BIOS_ORDER_MAX])
{
    uint8_t kinds[BIOS_ORDER_MAX] = {BIOS_DRIVE_FLOPPY, BIOS_DRIVE_DISK, BIOS_DRIVE_CD};

    for (unsigned i = 0; i < BIOS_ORDER_MAX && order[0] != BIOS_DRIVE_NONE; i++)
        kinds[i] = (uint8_t)order[i];
    mc146818_set_boot_order(rtc, kinds);
}

static bool build_mc146818(struct machine *machine, void *device, const struct board_row *row)
{
    (void)row;
    mc146818_init(device, &machine->clock, machine->config.epoch);
    mc146818_set_memory(device, machine->memory.size);
    set_boot_order(device, machine->config.boot_order);
    return mc146818_attach(device, &machine->ports);
}

static bool build_vga(struct machine *machine, void *device, const struct board_row *row)
{
    (void)row;
    vga_init(device, &machine->memory, &machine->clock, wait_for_beam, machine);
    return vga_attach(device, &machine->ports, &machine->mmio);
}

static bool build_debug_ports(struct machine *machine, void *device, const struct board_row *row)
{
    (void)row;
    debug_ports_init(device, put_debug, end_with_status, machine);
    return debug_ports_attach(device, &machine->ports);
}

static bool build_system_control(struct machine *machine, void *device, const struct board_row *row)
{
    (void)row;
    system_control_init(device, end_with_reset, end_with_power_off, on_a20, machine);
    return system_control_attach(device, &machine->ports);
}

static bool build_hypercall(struct machine *machine, void *device, const struct board_row *row)
{
    (void)row;
    hypercall_init(device, &hypercall_host, machine);
    return hypercall_attach(device, &machine->ports);
}

static bool build_disk(struct machine *machine, void *device, const struct board_row *row)
{
    const struct machine_config *config = &machine->config;
    struct virtio_blk *blk = device;
    unsigned slot = (row->base - VIRTIO_BASE) / VIRTIO_MMIO_SIZE;

    virtio_blk_init(blk, config->disks[slot], &machine->memory, &machine->clock, config->warn,
                    config->owner);
    return virtio_mmio_attach(&blk->mmio, &machine->mmio, row->base);
}

static bool is_hard_disk(const struct disk *disk)
{
    return disk && !disk->is_cd;
}

static bool has_hard_disk(const struct machine_config *config)
{
    bool any = false;

    for (unsigned i = 0; i < MACHINE_ATA_DISKS; i++)
        any = any || is_hard_disk(config->ata_disks[i]);
    return any;
}

/* The disks that the chips have, where the image has left room: floppies, hard disks in their
 * order, the first CD. */
static void insert_disks(struct bios_port *bios, const struct machine_config *config)
{
    unsigned next = BIOS_FIRST_DISK;

    for (unsigned i = 0; i < MACHINE_FLOPPIES; i++) {
        if (config->floppies[i] && !bios->drives[i].disk)
            bios_port_insert(bios, i, config->floppies[i]);
    }
    for (unsigned i = 0; i < MACHINE_ATA_DISKS; i++) {
        const struct disk *disk = config->ata_disks[i];
        if (disk && disk->is_cd && !bios->drives[BIOS_FIRST_CD].disk)
            bios_port_insert(bios, BIOS_FIRST_CD, disk);
        next += bios->drives[next].disk != NULL && next < BIOS_FIRST_CD;
        if (is_hard_disk(disk) && next < BIOS_FIRST_CD)
            bios_port_insert(bios, next, disk);
    }
}

/*
 * The image is in the floppy drive if it is as long as a floppy, on the first disk if it has
 * partitions or is longer. Any other, a boot sector and what it loads, is in both, unless there is
 * a hard disk: some such load themselves from where they were started, some from one of them.
 */
static bool build_bios(struct machine *machine, void *device, const struct board_row *row)
{
    struct bios_port *bios = device;
    const struct disk *disk = &machine->image_disk.disk;
    bool is_floppy =
        machine->image_disk.bytes && bios_fits_floppy(disk) && !bios_is_partitioned(disk);

    (void)row;
    bios_port_init(bios, &machine->memory, machine->config.boot_order, &bios_host, machine);
    if (is_floppy)
        bios_port_insert(bios, 0, disk);
    if (machine->image_disk.bytes && !bios_is_floppy(disk) &&
        !(is_floppy && has_hard_disk(&machine->config)))
        bios_port_insert(bios, BIOS_FIRST_DISK, disk);
    insert_disks(bios, &machine->config);
    return bios_port_attach(bios, &machine->ports);
}

/* The Device Control register is 0x206 ports behind the first of the eight. */
static bool build_ata(struct machine *machine, void *device, const struct board_row *row)
{
    const struct machine_config *config = &machine->config;
    size_t first = (size_t)((struct ata *)device - machine->ata) * ATA_DEVICES;

    ata_init(device, config->ata_disks + first, &machine->clock, config->warn, config->owner);
    return ata_attach(device, &machine->ports, (uint16_t)row->base, (uint16_t)(row->base + 0x206));
}

/* These two are there if there is a floppy disk: nothing else here uses DMA. */
static bool has_floppy(const struct machine *machine)
{
    return machine->config.floppies[0] || machine->config.floppies[1];
}

static bool build_dma(struct machine *machine, void *device, const struct board_row *row)
{
    (void)row;
    i8237_init(device, &machine->memory);
    return !has_floppy(machine) || i8237_attach(device, &machine->ports);
}

static uint8_t drive_type(const struct disk *disk)
{
    const struct floppy_format *format = disk ? floppy_format(disk->sectors) : NULL;

    return format ? format->drive_type : 0;
}

static bool build_floppy(struct machine *machine, void *device, const struct board_row *row)
{
    const struct machine_config *config = &machine->config;

    (void)row;
    mc146818_set_floppies(&machine->rtc, drive_type(config->floppies[0]),
                          drive_type(config->floppies[1]));
    i82077_init(device, config->floppies, &machine->dma, &machine->clock, config->warn,
                config->owner);
    return !has_floppy(machine) || i82077_attach(device, &machine->ports);
}

/* ---- the table ---- */

#define AT(member) .at = offsetof(struct machine, member)

/* A slot of the virtio disks. */
#define DISK(slot, irq_input)                                                                  \
    {                                                                                          \
        .name = "disk-" #slot, .kind = &virtio_blk_kind, AT(disks[slot]), .build = build_disk, \
        .base = VIRTIO_BASE + slot * VIRTIO_MMIO_SIZE, .irq = {{irq_input, "disk " #slot}},    \
        .subject = "disk", .help = "virtio disks and their drivers", .label = "slot " #slot    \
    }

const struct board_row board_rows[] = {
    {"i8259", &i8259_kind, AT(pic), build_i8259, .irq = {{I8259_CASCADE, "cascade"}},
     .subject = "pic", .help = "interrupt controllers: what is requested, masked, in service"},
    {"i8254", &i8254_kind, AT(pit), build_i8254, .irq = {{IRQ_TIMER, "timer"}}, .subject = "pit",
     .help = "the timer's three channels"},
    {"i8042", &i8042_kind, AT(keyboard), build_i8042,
     .irq = {{IRQ_KEYBOARD, "keyboard"}, {IRQ_AUX, "mouse"}}, .subject = "kbd",
     .help = "keyboard and its controller"},
    {"ns16550", &ns16550_kind, AT(com1), build_com1, .base = 0x3f8, .irq = {{IRQ_COM1, "COM1"}},
     .subject = "serial", .help = "serial lines", .label = "COM1"},
    {"ns16550-2", &ns16550_kind, .build = build_com2, .base = 0x2f8, .irq = {{IRQ_COM2, "COM2"}},
     .subject = "serial", .label = "COM2"},
    {"mc146818", &mc146818_kind, AT(rtc), build_mc146818, .irq = {{IRQ_RTC, "clock"}},
     .subject = "rtc", .help = "the clock and its interrupts"},
    {"vga", &vga_kind, AT(vga), build_vga},
    {"debug-ports", &debug_ports_kind, AT(debug_ports), build_debug_ports},
    {"system-control", &system_control_kind, AT(system_control), build_system_control},
    {"hypercall", &hypercall_kind, AT(hypercall), build_hypercall},
    {"bios", &bios_port_kind, AT(bios), build_bios},
    DISK(0, 5),
    DISK(1, 9),
    DISK(2, 10),
    DISK(3, 11),
    {"ata-0", &ata_kind, AT(ata[0]), build_ata, .base = 0x1f0, .irq = {{IRQ_ATA_PRIMARY, "ATA 0"}},
     .subject = "ata", .help = "ATA disks and CDs: what each channel does",
     .label = "primary channel"},
    {"ata-1", &ata_kind, AT(ata[1]), build_ata, .base = 0x170,
     .irq = {{IRQ_ATA_SECONDARY, "ATA 1"}}, .subject = "ata", .label = "secondary channel"},
    {"i8237", &i8237_kind, AT(dma), build_dma, .subject = "dma", .help = "DMA channels"},
    {"i82077", &i82077_kind, AT(floppy), build_floppy, .irq = {{IRQ_FLOPPY, "floppy"}},
     .subject = "floppy", .help = "the floppy controller and its drives"},
};

const unsigned board_count = sizeof(board_rows) / sizeof(board_rows[0]);

_Static_assert(sizeof(board_rows) / sizeof(board_rows[0]) <= MACHINE_DEVICES_MAX,
               "struct machine has no room for so many");

void *board_device(const struct machine *machine, unsigned row)
{
    return machine->devices[row];
}

/* The row with a line that ends at an input, and which of its lines; NULL: none. */
static const struct board_row *row_at(unsigned irq, unsigned *line)
{
    for (unsigned i = 0; i < board_count; i++) {
        for (*line = 0; *line < DEVICE_LINES; ++*line) {
            if (board_rows[i].irq[*line].label && board_rows[i].irq[*line].input == irq)
                return &board_rows[i];
        }
    }
    return NULL;
}

const char *board_irq_device(unsigned irq)
{
    unsigned line;
    const struct board_row *row = row_at(irq, &line);

    return row && row->kind->line[line].name ? row->kind->line[line].name : "nothing";
}

const char *board_irq_label(unsigned irq)
{
    unsigned line;
    const struct board_row *row = row_at(irq, &line);

    return row ? row->irq[line].label : "";
}

/* ---- building ---- */

/* Where the lines of the board end: at the same input of every controller. */
static void on_line(void *owner, unsigned input, bool level)
{
    struct machine *machine = owner;

    if (machine->is_restoring) /* they have seen these edges before */
        return;
    for (unsigned i = 0; i < machine->sink_count; i++)
        machine->sinks[i].controller->set_line(machine->sinks[i].chip, input, level);
}

/* The first controller of the table is the one that the CPU asks. */
static void add_controller(struct machine *machine, const struct interrupt_controller *controller,
                           void *chip)
{
    if (machine->sink_count == 0) {
        machine->interrupts = controller;
        machine->interrupt_chip = chip;
    }
    machine->sinks[machine->sink_count].controller = controller;
    machine->sinks[machine->sink_count++].chip = chip;
}

static void wire(struct machine *machine, void *device, const struct board_row *row)
{
    for (unsigned i = 0; i < DEVICE_LINES; i++) {
        struct irq_line *line = (struct irq_line *)((char *)device + row->kind->line[i].at);
        if (!row->kind->line[i].name)
            continue;
        line->set = on_line;
        line->sink = machine;
        line->input = row->irq[i].input;
    }
}

bool board_build(struct machine *machine)
{
    for (unsigned i = 0; i < board_count; i++) {
        const struct board_row *row = &board_rows[i];
        void *device = row->at ? (char *)machine + row->at : calloc(1, row->kind->size);
        machine->devices[i] = device;
        if (!device || !row->build(machine, device, row))
            return false;
        wire(machine, device, row);
        if (row->kind->interrupts)
            add_controller(machine, row->kind->interrupts, device);
    }
    return true;
}

void board_free(struct machine *machine)
{
    vga_free(&machine->vga);
    for (unsigned i = 0; i < board_count; i++) {
        if (!board_rows[i].at)
            free(machine->devices[i]);
    }
}

void machine_raise(struct machine *machine, unsigned irq, uint8_t scancode)
{
    bool level = machine_input(machine, irq).is_high;

    if (irq == IRQ_KEYBOARD) {
        if (machine->keyboard.s.scanning) {
            machine->keyboard.s.next_at = 0; /* it comes now, whenever the last one did */
            i8042_raw(&machine->keyboard, scancode);
        }
        return;
    }
    /* An edge, after which the line is as its device has it. */
    on_line(machine, irq, !level);
    on_line(machine, irq, level);
}
