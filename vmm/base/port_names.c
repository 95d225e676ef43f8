/*
 * Ports by number, in order. Those of chips that are not here are left out.
 */
#include "port_names.h"

#include <stddef.h>

/* The eight registers of a PC16550D. */
#define UART(base, com)                                                             \
    {base, com " RBR", com " THR"}, {(base) + 1, com " IER", com " IER"},           \
        {(base) + 2, com " IIR", com " FCR"}, {(base) + 3, com " LCR", com " LCR"}, \
        {(base) + 4, com " MCR", com " MCR"}, {(base) + 5, com " LSR", com " LSR"}, \
        {(base) + 6, com " MSR", com " MSR"},                                       \
    {                                                                               \
        (base) + 7, com " SCR", com " SCR"                                          \
    }

/* The eight registers of an ATA channel. */
#define ATA(base, channel)                                                                         \
    {base, channel " data", channel " data"}, {(base) + 1, channel " error", channel " features"}, \
        {(base) + 2, channel " count", channel " count"},                                          \
        {(base) + 3, channel " LBA low", channel " LBA low"},                                      \
        {(base) + 4, channel " LBA mid", channel " LBA mid"},                                      \
        {(base) + 5, channel " LBA high", channel " LBA high"},                                    \
        {(base) + 6, channel " device", channel " device"},                                        \
    {                                                                                              \
        (base) + 7, channel " status", channel " command"                                          \
    }

static const struct {
    uint16_t port;
    const char *read, *write;
} names[] = {
    {0x20, "8259 master IRR/ISR", "8259 master command"},
    {0x21, "8259 master IMR", "8259 master IMR"},
    {0x40, "8254 counter 0", "8254 counter 0"},
    {0x41, "8254 counter 1", "8254 counter 1"},
    {0x42, "8254 counter 2", "8254 counter 2"},
    {0x43, "8254 control", "8254 control"},
    {0x60, "8042 data", "8042 data"},
    {0x61, "8254 speaker", "8254 speaker"},
    {0x64, "8042 status", "8042 command"},
    {0x70, "RTC index", "RTC index"},
    {0x71, "RTC data", "RTC data"},
    {0x80, "POST code", "POST code"},
    {0x92, "system control A", "system control A"},
    {0xa0, "8259 slave IRR/ISR", "8259 slave command"},
    {0xa1, "8259 slave IMR", "8259 slave IMR"},
    {0xe9, "debug console", "debug console"},
    {0xed, "delay", "delay"},
    {0xf4, "debug exit", "debug exit"},
    ATA(0x170, "ATA 1"),
    ATA(0x1f0, "ATA 0"),
    UART(0x2f8, "COM2"),
    {0x376, "ATA 1 alternate status", "ATA 1 control"},
    {0x3c0, "VGA attribute", "VGA attribute"},
    {0x3d4, "VGA CRTC index", "VGA CRTC index"},
    {0x3d5, "VGA CRTC data", "VGA CRTC data"},
    {0x3da, "VGA status", "VGA feature"},
    {0x3f2, "floppy DOR", "floppy DOR"},
    {0x3f4, "floppy MSR", "floppy DSR"},
    {0x3f5, "floppy FIFO", "floppy FIFO"},
    {0x3f6, "ATA 0 alternate status", "ATA 0 control"},
    {0x3f7, "floppy DIR", "floppy CCR"},
    UART(0x3f8, "COM1"),
    {0x4d0, "8259 master ELCR", "8259 master ELCR"},
    {0x4d1, "8259 slave ELCR", "8259 slave ELCR"},
    {0x500, "hypercall", "hypercall"},
    {0x501, "debug exit", "debug exit"},
    {0x604, "power off", "power off"},
    {0xb004, "power off", "power off"},
    {0xcf9, "reset control", "reset control"},
    {0x4004, "power off", "power off"},
};

const char *port_name(uint32_t port, bool is_write)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].port == port)
            return is_write ? names[i].write : names[i].read;
    }
    return NULL;
}

/* Where other PCs have devices: IBM PC/AT Technical Reference, and the data sheets of later chips.
 */
struct absent {
    uint32_t first, last;
    const char *device;
};

static const struct absent ports[] = {
    {0x00, 0x0f, "the DMA controller"},
    {0x22, 0x23, "the IMCR"},
    {0x81, 0x8f, "the DMA controller's pages"},
    {0xb2, 0xb3, "APM"},
    {0xc0, 0xdf, "the second DMA controller"},
    {0x170, 0x177, "the secondary ATA disk"},
    {0x1f0, 0x1f7, "the primary ATA disk"},
    {0x200, 0x207, "the game port"},
    {0x220, 0x22f, "a Sound Blaster"},
    {0x278, 0x27a, "LPT2"},
    {0x2e8, 0x2ef, "COM4"},
    {0x300, 0x31f, "an NE2000 network card"},
    {0x330, 0x331, "MIDI"},
    {0x376, 0x376, "the secondary ATA disk"},
    {0x378, 0x37a, "LPT1"},
    {0x388, 0x38b, "an AdLib sound card"},
    {0x3b0, 0x3bb, "a monochrome adapter"},
    {0x3bc, 0x3be, "LPT3"},
    {0x3c0, 0x3df, "VGA registers"},
    {0x3e8, 0x3ef, "COM3"},
    {0x3f0, 0x3f5, "the floppy disk"},
    {0x3f6, 0x3f6, "the primary ATA disk"},
    {0x3f7, 0x3f7, "the floppy disk"},
    {0x402, 0x402, "a debug console of firmware"},
    {0x510, 0x51b, "QEMU's firmware configuration"},
    {0xa79, 0xa79, "ISA Plug and Play"},
    {0xcf8, 0xcff, "the PCI configuration"},
    {0x5658, 0x5658, "VMware's backdoor"},
};

static const struct absent addresses[] = {
    {0xe0000000, 0xefffffff, "the PCI configuration"},
    {0xfec00000, 0xfec00fff, "the I/O APIC"},
    {0xfed00000, 0xfed003ff, "the HPET"},
    {0xfee00000, 0xfee00fff, "the local APIC"},
};

static const char *find_absent(const struct absent *table, size_t count, uint32_t at)
{
    for (size_t i = 0; i < count; i++) {
        if (at >= table[i].first && at <= table[i].last)
            return table[i].device;
    }
    return NULL;
}

const char *port_absent_device(uint32_t port)
{
    return find_absent(ports, sizeof(ports) / sizeof(ports[0]), port);
}

const char *address_absent_device(uint32_t address)
{
    return find_absent(addresses, sizeof(addresses) / sizeof(addresses[0]), address);
}
