/*
 * The common services: Ralf Brown's Interrupt List, release 61.
 */
#include "services.h"

#include <stddef.h>

static const struct {
    uint8_t first, last;
    const char *owner;
} owners[] = {
    {0x10, 0x1a, "BIOS"},
    {0x20, 0x2f, "DOS"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    uint8_t vector, ah;
    const char *name;
} services[] = {
    {0x10, 0x00, "set video mode"},
    {0x10, 0x01, "set cursor shape"},
    {0x10, 0x02, "set cursor position"},
    {0x10, 0x03, "get cursor position"},
    {0x10, 0x06, "scroll up"},
    {0x10, 0x07, "scroll down"},
    {0x10, 0x09, "write character and attribute"},
    {0x10, 0x0a, "write character"},
    {0x10, 0x0c, "write pixel"},
    {0x10, 0x0e, "teletype output"},
    {0x10, 0x13, "write string"},
    {0x10, 0x4f, "VESA video modes"},
    {0x13, 0x00, "reset disk"},
    {0x13, 0x02, "read sectors"},
    {0x13, 0x03, "write sectors"},
    {0x13, 0x08, "get drive parameters"},
    {0x13, 0x15, "get disk type"},
    {0x13, 0x41, "check for extensions"},
    {0x13, 0x42, "read sectors by LBA"},
    {0x14, 0x00, "set up serial port"},
    {0x14, 0x01, "write to serial port"},
    {0x14, 0x02, "read from serial port"},
    {0x15, 0x24, "A20 gate"},
    {0x15, 0x53, "power management (APM)"},
    {0x15, 0x86, "wait"},
    {0x15, 0x87, "copy extended memory"},
    {0x15, 0x88, "get extended memory size"},
    {0x15, 0xe8, "get memory map"},
    {0x16, 0x00, "read key"},
    {0x16, 0x01, "check for key"},
    {0x16, 0x02, "get shift flags"},
    {0x16, 0x10, "read key"},
    {0x1a, 0x00, "get ticks"},
    {0x1a, 0x02, "get time of RTC"},
    {0x1a, 0x04, "get date of RTC"},
    {0x1a, 0xb1, "PCI BIOS"},
    {0x21, 0x01, "read character"},
    {0x21, 0x02, "write character"},
    {0x21, 0x09, "write string"},
    {0x21, 0x0a, "read line"},
    {0x21, 0x25, "set vector"},
    {0x21, 0x35, "get vector"},
    {0x21, 0x3d, "open file"},
    {0x21, 0x3f, "read from file"},
    {0x21, 0x40, "write to file"},
    {0x21, 0x4c, "end the program"},
};

const char *service_owner(uint8_t vector)
{
    for (size_t i = 0; i < COUNT(owners); i++) {
        if (vector >= owners[i].first && vector <= owners[i].last)
            return owners[i].owner;
    }
    return NULL;
}

const char *service_name(uint8_t vector, uint8_t ah)
{
    for (size_t i = 0; i < COUNT(services); i++) {
        if (services[i].vector == vector && services[i].ah == ah)
            return services[i].name;
    }
    return NULL;
}
