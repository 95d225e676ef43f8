/*
 * Start-up. The blob of boot/pm32.asm begins with a table that says where its parts are; the image
 * loaders keep its place free (IMAGE_RESERVED_BASE).
 */
#include "boot.h"

#include "machine.h"

#include "base/blobs.h"
#include "cpu/arch.h"

#include <string.h>

/* The first words of boot/pm32.asm, all guest addresses. */
struct pm32_header {
    uint32_t entry;       /* remaps the PIC, then jumps to `guest_entry` */
    uint32_t guest_entry; /* filled in here */
    uint32_t stack;
    uint32_t gdt, gdt_size;
    uint32_t idt, idt_size;
    uint32_t returned; /* goes on the stack, as if it had called the guest */
};

/* Where a processor begins, if the ROM is below 1 MiB: Intel SDM vol. 3, section 9.1.4. */
#define RESET_SEGMENT 0xf000
#define RESET_OFFSET  0xfff0

struct port_write {
    uint16_t port;
    uint8_t value;
};

/* As after a PC's power-on self test: vectors 0x08 and 0x70, all inputs masked (a BIOS would have
 * handlers for some; here the guest unmasks what it handles), the PIT at 18.2 Hz. 8259A and 8254
 * datasheets. */
static const struct port_write post[] = {
    {0x20, 0x11}, {0x21, 0x08}, {0x21, 0x04}, {0x21, 0x01}, {0x21, 0xff}, /* master */
    {0xa0, 0x11}, {0xa1, 0x70}, {0xa1, 0x02}, {0xa1, 0x01}, {0xa1, 0xff}, /* slave */
    {0x43, 0x36}, {0x40, 0x00}, {0x40, 0x00},                             /* channel 0, mode 3 */
    {0},
};

/* A boot sector finds the A20 gate closed, as the first PCs had no such line. */
static const struct port_write a20_closed[] = {{SYSTEM_CONTROL_PORT_A, 0x00}, {0}};

/* A boot loader leaves the inputs open for which the BIOS has handlers (SeaBIOS: timer, keyboard,
 * cascade and floppy; clock, mouse, FPU and disk). They can't be reached from protected mode. */
static const struct port_write bios_inputs[] = {{0x21, 0xb8}, {0xa1, 0x8e}, {0}};

static void write_ports(struct machine *machine, const struct port_write *write)
{
    for (; write->port; write++)
        bus_write(&machine->ports, write->port, 1, write->value);
}

/* ---- what nobody promises ---- */

#define BIOS_END     UINT32_C(0x500)   /* vectors, and the BIOS's data area */
#define LOW_END      UINT32_C(0x9fc00) /* the last KiB of low memory is the BIOS's */
#define BOOT_DRIVE   0x80              /* the first hard disk: what a BIOS has in DL */
#define STACK_LEAST  0x200             /* bytes of a BIOS's stack, at least */
#define STALE_REPLY  0xfa              /* a keyboard's: it has taken a command */
#define STATUS_FLAGS (EFLAGS_CF | EFLAGS_PF | EFLAGS_AF | EFLAGS_ZF | EFLAGS_SF | EFLAGS_OF)

/* What is at an 8-byte word's number: a mixer of 64 bits (SplitMix64's), so that neither the order
 * of the questions nor the size of RAM counts. */
static uint64_t rubbish(uint64_t seed, uint64_t number)
{
    uint64_t x = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ number * UINT64_C(0xd1342543de82ef95);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* Words that are nobody's memory: for registers. */
static uint64_t draw(uint64_t seed, unsigned number)
{
    return rubbish(seed, ~(uint64_t)number);
}

static void fill(const struct memory *memory, uint64_t seed, uint64_t address, uint64_t end)
{
    uint64_t words[MEMORY_PAGE / 8];

    while (address < end) {
        uint64_t length = MEMORY_PAGE - address % MEMORY_PAGE;
        if (length > end - address)
            length = end - address;
        for (uint64_t i = 0; i < length / 8; i++)
            words[i] = rubbish(seed, address / 8 + i);
        memory_write(memory, address, words, length);
        address += length;
    }
}

void boot_fill(const struct memory *memory, uint64_t seed)
{
    fill(memory, seed, BIOS_END, IMAGE_VIDEO_BASE);
    fill(memory, seed, IMAGE_VIDEO_END, memory->size);
}

/* The general registers but ESP, and of the flags these. IF stays clear: with interrupts on, the
 * first one would go through a vector that has no BIOS behind it. */
static void fill_registers(struct cpu_state *state, uint64_t seed, uint32_t flags)
{
    for (unsigned i = 0; i < CPU_GPRS; i++) {
        if (i != CPU_ESP)
            state->gpr[i] = (uint32_t)draw(seed, i);
    }
    state->eflags |= (uint32_t)draw(seed, CPU_GPRS) & flags;
}

static void set_segment(struct cpu_segment *segment, uint16_t selector)
{
    segment->selector = selector;
    segment->base = (uint32_t)selector << 4;
}

/* A stack as a BIOS has one: somewhere in low memory, where nothing else is. */
static void place_stack(struct cpu_state *state, const struct image *image, uint64_t seed)
{
    for (unsigned attempt = 0; attempt < 64; attempt++) {
        uint64_t drawn = draw(seed, 32 + attempt);
        uint32_t size = STACK_LEAST + (uint32_t)(drawn & 0xffe);
        uint32_t base =
            BIOS_END + (uint32_t)((drawn >> 16) % (LOW_END - BIOS_END - size)) / 16 * 16;

        set_segment(&state->segment[CPU_SS], (uint16_t)(base / 16));
        state->gpr[CPU_ESP] = size;
        if (base + size <= image->lowest || base >= image->highest)
            break;
    }
}

/* All that a BIOS promises is CS:IP and DL. No selector is 0, or the image's. */
static void leave_real_mode(struct cpu_state *state, const struct image *image, uint64_t seed)
{
    static const unsigned data[] = {CPU_ES, CPU_DS, CPU_FS, CPU_GS};

    fill_registers(state, seed, STATUS_FLAGS | EFLAGS_DF);
    state->gpr[CPU_EDX] = (state->gpr[CPU_EDX] & ~UINT32_C(0xff)) | BOOT_DRIVE;
    for (unsigned i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
        uint16_t selector = (uint16_t)draw(seed, 16 + i);
        while (selector == 0 || selector == image->segment)
            selector += 0x1111;
        set_segment(&state->segment[data[i]], selector);
    }
    place_stack(state, image, seed);
}

void boot_leave_bios(void *owner, struct bios_registers *registers)
{
    struct machine *machine = owner;
    const uint64_t seed = machine->config.start.seed;
    const uint8_t drive = (uint8_t)registers->general[5];

    if (!machine->config.start.is_real)
        return;
    for (unsigned i = 0; i < 4; i++)
        registers->segment[i] = (uint16_t)(draw(seed, 16 + i) | 1); /* never 0 */
    for (unsigned i = 0; i < 8; i++)
        registers->general[i] = (uint32_t)draw(seed, i);
    registers->general[5] = (registers->general[5] & ~UINT32_C(0xff)) | drive;
    registers->flags |= (uint16_t)(draw(seed, CPU_GPRS) & (STATUS_FLAGS | EFLAGS_DF));
    write_ports(machine, a20_closed);
}

/* Multiboot Specification 0.6.96, section 3.2: no stack, no GDT (the selectors are GRUB 2's, whose
 * descriptors are gone), no IDT (as GRUB leaves it, the table of real mode). */
static void leave_multiboot(struct cpu_state *state, uint64_t seed)
{
    const struct cpu_table none = {0}, real_mode = {.limit = 0x3ff};

    arch_flat_protected(state, 0, (uint32_t)draw(seed, CPU_ESP), none, real_mode);
    fill_registers(state, seed, STATUS_FLAGS | EFLAGS_DF);
    for (unsigned i = 0; i < CPU_SEGMENTS; i++)
        state->segment[i].selector = i == CPU_CS ? 0x10 : 0x18;
}

/* ---- */

/* The tables of boot/pm32.asm, and the CPU at their entry. */
static void start_with_tables(struct machine *machine, struct cpu_state *state)
{
    const struct memory *memory = &machine->memory;
    struct pm32_header header;

    /* RAM is at least 1 MiB, so these can't fail. */
    memory_write(memory, IMAGE_RESERVED_BASE, boot_pm32, (size_t)(boot_pm32_end - boot_pm32));
    memory_read(memory, IMAGE_RESERVED_BASE, &header, sizeof(header));
    header.guest_entry = machine->image.entry;
    memory_write(memory, IMAGE_RESERVED_BASE, &header, sizeof(header));
    memory_write(memory, header.stack, &header.returned, sizeof(header.returned));
    arch_flat_protected(
        state, header.entry, header.stack,
        (struct cpu_table){.base = header.gdt, .limit = (uint16_t)(header.gdt_size - 1)},
        (struct cpu_table){.base = header.idt, .limit = (uint16_t)(header.idt_size - 1)});
}

void boot_prepare(struct machine *machine, struct cpu_state *state)
{
    const struct image *image = &machine->image;
    const struct boot_start *start = &machine->config.start;

    write_ports(machine, post);
    switch (image->start) {
    case IMAGE_START_BIOS: /* what it starts, it asks for: boot_leave_bios */
        arch_real_mode(state, RESET_SEGMENT, RESET_OFFSET, 0);
        return;
    case IMAGE_START_REAL:
        /* SP 0: the first push goes to the top of the 64 KiB. */
        arch_real_mode(state, image->segment,
                       (uint16_t)(image->entry - ((uint32_t)image->segment << 4)), 0);
        if (start->is_real) {
            write_ports(machine, a20_closed);
            leave_real_mode(state, image, start->seed);
        }
        break;
    case IMAGE_START_PROTECTED:
        start_with_tables(machine, state);
        if (start->is_real) /* a call by the System V ABI: DF is clear */
            fill_registers(state, start->seed, STATUS_FLAGS);
        break;
    case IMAGE_START_MULTIBOOT:
        if (start->is_real) {
            write_ports(machine, bios_inputs);
            leave_multiboot(state, start->seed);
        } else {
            start_with_tables(machine, state);
        }
        /* The specification's machine state: straight to the kernel, the PIC not remapped. */
        state->eip = image->entry;
        state->gpr[CPU_EAX] = image->eax;
        state->gpr[CPU_EBX] = image->ebx;
    }
    if (start->is_real)
        i8042_raw(&machine->keyboard, STALE_REPLY);
}

static bool is_within(uint64_t address, uint32_t count, uint32_t base, uint32_t size)
{
    return address >= base && address - base + count <= size;
}

bool boot_is_table(uint64_t physical, const uint8_t *bytes, uint32_t count)
{
    struct pm32_header header;

    memcpy(&header, boot_pm32, sizeof(header));
    return (is_within(physical, count, header.gdt, header.gdt_size) ||
            is_within(physical, count, header.idt, header.idt_size)) &&
           memcmp(bytes, boot_pm32 + (physical - IMAGE_RESERVED_BASE), count) == 0;
}

bool boot_is_return(const struct memory *memory, uint32_t address)
{
    struct pm32_header header;
    uint8_t now[4];

    memcpy(&header, boot_pm32, sizeof(header));
    return address == header.returned && memory_read(memory, address, now, sizeof(now)) &&
           memcmp(now, boot_pm32 + (address - IMAGE_RESERVED_BASE), sizeof(now)) == 0;
}
