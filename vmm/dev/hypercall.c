/*
 * The hypercall port, one byte wide: the next port, 0x501, is the debug exit.
 */
#include "hypercall.h"

#include <stdio.h>

void hypercall_init(struct hypercall *hypercall, const struct hypercall_host *host, void *owner)
{
    hypercall->host = host;
    hypercall->owner = owner;
    hypercall->unknown_seen = false;
}

static void put_number(struct hypercall *hypercall, uint16_t number)
{
    char digits[8];
    int length = snprintf(digits, sizeof(digits), "%u", number);

    for (int i = 0; i < length; i++)
        hypercall->host->put(hypercall->owner, (uint8_t)digits[i]);
}

static void hypercall_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct hypercall *hypercall = device;
    const struct hypercall_host *host = hypercall->host;
    void *owner = hypercall->owner;
    uint8_t number = (uint8_t)value;

    (void)offset;
    (void)width;
    switch (number) {
    case HC_EXIT:
        host->power_off(owner);
        break;
    case HC_PUTCHAR:
        host->put(owner, (uint8_t)host->ebx(owner));
        break;
    case HC_PUTNUM:
        put_number(hypercall, (uint16_t)host->ebx(owner));
        break;
    case HC_NEWLINE:
        host->put(owner, '\n');
        break;
    case HC_EXIT_STATUS:
        host->exit(owner, (uint8_t)(host->ebx(owner) << 1 | 1));
        break;
    case HC_FAULT:
        host->fault(owner, host->ebx(owner));
        break;
    case HC_RETURNED:
        host->returned(owner);
        break;
    case HC_INT:
        host->software(owner, host->ebx(owner));
        break;
    default:
        if (!hypercall->unknown_seen)
            host->unknown(owner, number);
        hypercall->unknown_seen = true;
    }
}

bool hypercall_attach(struct hypercall *hypercall, struct bus *ports)
{
    const struct bus_region region = {
        .name = "hypercall",
        .base = HYPERCALL_PORT,
        .size = 1,
        .max_width = 1,
        .write = hypercall_write,
        .device = hypercall,
    };
    return bus_add(ports, &region) == NULL;
}

const char *hypercall_name(uint8_t number)
{
    static const char *const names[] = {
        [HC_EXIT] = "exit",
        [HC_PUTCHAR] = "putchar",
        [HC_PUTNUM] = "putnum",
        [HC_NEWLINE] = "newline",
        [HC_EXIT_STATUS] = "exit-status",
        [HC_FAULT] = "fault",
        [HC_RETURNED] = "returned",
        [HC_INT] = "int",
    };

    return number < sizeof(names) / sizeof(names[0]) ? names[number] : NULL;
}

static bool valid(const void *device, const void *state)
{
    (void)device;
    return ARE_BOOLS((const bool *)state);
}

const struct device_kind hypercall_kind = {DEVICE_STATE(struct hypercall, unknown_seen),
                                           .valid = valid};
