/*
 * Start-up. The blob of boot/pm32.asm begins with a table that says where its parts are; the image
 * loaders keep its place free (IMAGE_RESERVED_BASE).
 */
#include "boot.h"

#include "base/blobs.h"
#include "cpu/arch.h"

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
};

void boot_prepare(const struct image *image, const struct memory *memory, struct bus *ports,
                  struct cpu_state *state)
{
    struct pm32_header header;
    size_t size = (size_t)(boot_pm32_end - boot_pm32);

    for (size_t i = 0; i < sizeof(post) / sizeof(post[0]); i++)
        bus_write(ports, post[i].port, 1, post[i].value);

    if (image->start == IMAGE_START_BIOS) {
        arch_real_mode(state, RESET_SEGMENT, RESET_OFFSET, 0);
        return;
    }
    if (image->start == IMAGE_START_REAL) {
        /* SP 0: the first push goes to the top of the 64 KiB. */
        arch_real_mode(state, image->segment,
                       (uint16_t)(image->entry - ((uint32_t)image->segment << 4)), 0);
        return;
    }
    /* RAM is at least 1 MiB, so these can't fail. */
    memory_write(memory, IMAGE_RESERVED_BASE, boot_pm32, size);
    memory_read(memory, IMAGE_RESERVED_BASE, &header, sizeof(header));
    header.guest_entry = image->entry;
    memory_write(memory, IMAGE_RESERVED_BASE, &header, sizeof(header));
    memory_write(memory, header.stack, &header.returned, sizeof(header.returned));
    arch_flat_protected(
        state, header.entry, header.stack,
        (struct cpu_table){.base = header.gdt, .limit = (uint16_t)(header.gdt_size - 1)},
        (struct cpu_table){.base = header.idt, .limit = (uint16_t)(header.idt_size - 1)});
    if (image->start == IMAGE_START_MULTIBOOT) {
        /* The specification's machine state: straight to the kernel, the PIC not remapped. */
        state->eip = image->entry;
        state->gpr[CPU_EAX] = image->eax;
        state->gpr[CPU_EBX] = image->ebx;
    }
}
