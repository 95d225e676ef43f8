/*
 * The hypercalls: a guest's shortest way to print and to end, by OUT to port 0x500 with the call's
 * number in AL and its argument in BL, BX or EBX. Numbers 0 to 3 are the first guests'.
 */
#ifndef VMM_DEV_HYPERCALL_H
#define VMM_DEV_HYPERCALL_H

#include "base/bus.h"
#include "device.h"

#define HYPERCALL_PORT 0x500

enum hypercall_number {
    HC_EXIT = 0x00,        /* ends the guest with status 0 */
    HC_PUTCHAR = 0x01,     /* BL: a character */
    HC_PUTNUM = 0x02,      /* BX: a number from 0 to 65535, printed in decimal */
    HC_NEWLINE = 0x03,     /* prints a line feed */
    HC_EXIT_STATUS = 0x04, /* BL: ends the guest with status (BL << 1) | 1, as the debug exit */
    HC_FAULT = 0x05,       /* EBX: an exception's frame, as the default handlers push it */
    HC_RETURNED = 0x06,    /* the guest has returned to where it was never called from */
    HC_INT = 0x07,         /* EBX: the frame of an INT at a default handler of IRQs */
};

/* What the calls need from the machine. `ebx` reads the register as the guest has it now. */
struct hypercall_host {
    uint32_t (*ebx)(void *owner);
    void (*put)(void *owner, uint8_t byte);
    void (*exit)(void *owner, int status);
    void (*power_off)(void *owner);
    void (*fault)(void *owner, uint32_t frame);
    void (*returned)(void *owner);
    void (*software)(void *owner, uint32_t frame);
    void (*unknown)(void *owner, uint8_t number); /* called for the first one only */
};

struct hypercall {
    const struct hypercall_host *host;
    void *owner;
    bool unknown_seen;
};

/* `host` must outlive the device; every member is set. */
void hypercall_init(struct hypercall *hypercall, const struct hypercall_host *host, void *owner);
bool hypercall_attach(struct hypercall *hypercall, struct bus *ports);

/* "putchar": what a number is called; NULL if there is no such call. */
const char *hypercall_name(uint8_t number);

extern const struct device_kind hypercall_kind;

#endif
