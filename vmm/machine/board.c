/*
 * The board: which chip answers at which ports, which line ends at which input of the interrupt
 * controllers, where what the chips print goes.
 */
#include "internal.h"

#define COM1_BASE 0x3f8

static const char *const irq_devices[I8259_INPUTS] = {[IRQ_TIMER] = "i8254",
                                                      [IRQ_KEYBOARD] = "i8042",
                                                      [IRQ_COM1] = "16550A",
                                                      [IRQ_RTC] = "mc146818",
                                                      [IRQ_AUX] = "i8042-aux"};

/* Where QEMU's microvm has its virtio devices, a slot a disk; and inputs that nothing else uses. */
#define VIRTIO_BASE 0xfeb00000
static const unsigned virtio_irq[MACHINE_DISKS] = {5, 9, 10, 11};

const char *machine_irq_device(unsigned irq)
{
    for (unsigned i = 0; i < MACHINE_DISKS; i++) {
        if (virtio_irq[i] == irq)
            return "virtio-blk";
    }
    return irq < I8259_INPUTS && irq_devices[irq] ? irq_devices[irq] : "nothing";
}

/* ---- what chips call ---- */

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
    .unknown = on_unknown_hypercall,
};

static void wire(struct machine *machine, struct irq_line *line, unsigned input)
{
    line->set = i8259_set_line;
    line->sink = &machine->pic;
    line->input = input;
}

static bool add_disks(struct machine *machine)
{
    const struct machine_config *config = &machine->config;

    for (unsigned i = 0; i < MACHINE_DISKS; i++) {
        struct virtio_blk *disk = &machine->disks[i];
        virtio_blk_init(disk, config->disks[i], &machine->memory, &machine->clock, config->warn,
                        config->owner);
        wire(machine, &disk->mmio.irq, virtio_irq[i]);
        if (!virtio_mmio_attach(&disk->mmio, &machine->mmio, VIRTIO_BASE + i * VIRTIO_MMIO_SIZE))
            return false;
    }
    return true;
}

bool board_build(struct machine *machine)
{
    struct bus *ports = &machine->ports;

    i8259_init(&machine->pic);
    i8254_init(&machine->pit, &machine->clock);
    ns16550_init(&machine->com1, &machine->clock, put_serial, on_input_ready, machine);
    i8042_init(&machine->keyboard, &machine->clock, on_input_ready, end_with_reset, NULL, machine);
    mc146818_init(&machine->rtc, &machine->clock, machine->config.epoch);
    mc146818_set_memory(&machine->rtc, machine->memory.size);
    vga_text_init(&machine->vga, &machine->memory);
    debug_ports_init(&machine->debug_ports, put_debug, end_with_status, machine);
    system_control_init(&machine->system_control, end_with_reset, end_with_power_off, machine);
    hypercall_init(&machine->hypercall, &hypercall_host, machine);

    wire(machine, &machine->pit.out0, IRQ_TIMER);
    wire(machine, &machine->keyboard.irq1, IRQ_KEYBOARD);
    wire(machine, &machine->com1.irq, IRQ_COM1);
    wire(machine, &machine->rtc.irq8, IRQ_RTC);
    wire(machine, &machine->keyboard.irq12, IRQ_AUX);

    return i8259_attach(&machine->pic, ports) && i8254_attach(&machine->pit, ports) &&
           ns16550_attach(&machine->com1, ports, COM1_BASE) &&
           i8042_attach(&machine->keyboard, ports) && mc146818_attach(&machine->rtc, ports) &&
           vga_text_attach(&machine->vga, ports) &&
           debug_ports_attach(&machine->debug_ports, ports) &&
           system_control_attach(&machine->system_control, ports) &&
           hypercall_attach(&machine->hypercall, ports) && add_disks(machine);
}

void machine_raise(struct machine *machine, unsigned irq, uint8_t scancode)
{
    const struct i8259 *chip = irq < 8 ? &machine->pic.master : &machine->pic.slave;
    bool level = chip->lines >> (irq & 7) & 1;

    if (irq == IRQ_KEYBOARD) {
        if (machine->keyboard.s.scanning) {
            machine->keyboard.s.next_at = 0; /* it comes now, whenever the last one did */
            i8042_raw(&machine->keyboard, scancode);
        }
        return;
    }
    /* An edge, after which the line is as its device has it. */
    i8259_set_line(&machine->pic, irq, !level);
    i8259_set_line(&machine->pic, irq, level);
}
