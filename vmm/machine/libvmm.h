/*
 * The VMM as a library: one guest on the software CPU, in virtual time. It uses libc and no
 * operating system: no file, thread, signal or clock. Two runs with the same calls are the same to
 * the last instruction. docs/embed.c is a whole program. Link with build/libvmm.a and -lm.
 */
#ifndef VMM_MACHINE_LIBVMM_H
#define VMM_MACHINE_LIBVMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vmm;

struct vmm_config {
    const void *image; /* ELF32, Multiboot 1, or flat 16-bit code; not kept */
    size_t image_size;
    const char *name;         /* for messages and a Multiboot command line; NULL: "image" */
    const char *command_line; /* Multiboot; may be NULL */
    uint64_t memory_size;     /* bytes, 1 MiB to 3.5 GiB; 0: 64 MiB */
    /* Takes what the guest prints on its serial line and debug port; may be NULL. */
    void (*print)(void *owner, const uint8_t *bytes, size_t count);
    /* Takes one sentence about the guest, without its newline; may be NULL. */
    void (*warn)(void *owner, const char *text);
    void *owner;
};

enum vmm_state {
    VMM_RUNNING, /* its time is over for now; call vmm_run again */
    VMM_WAITING, /* it is halted, and only input can wake it; its time has passed */
    VMM_ENDED,   /* vmm_text says how, vmm_status in a number */
};

/* Makes a guest. NULL with one sentence in `error`. Freed by vmm_free. */
struct vmm *vmm_new(const struct vmm_config *config, char *error, size_t error_size);
void vmm_free(struct vmm *vmm);

/* Runs it for `ns` of its own time. */
enum vmm_state vmm_run(struct vmm *vmm, uint64_t ns);

/* Gives a byte to its serial line, or a key to its keyboard: a set 1 make code (0x1e, 0xe048) going
 * down or up. It waits until the guest looks for it. False: out of memory. */
bool vmm_type(struct vmm *vmm, uint8_t byte);
bool vmm_key(struct vmm *vmm, uint16_t code, bool down);

/* Its time in ns; how many instructions it has executed. */
uint64_t vmm_now(const struct vmm *vmm);
uint64_t vmm_instructions(const struct vmm *vmm);

/* Once it has ended: the status of `vmm run`, and one sentence or "". */
int vmm_status(const struct vmm *vmm);
const char *vmm_text(const struct vmm *vmm);

/* Copies `size` bytes of its RAM from physical `address` on; false, and nothing done, unless all
 * of them are in RAM. */
bool vmm_read(const struct vmm *vmm, uint64_t address, void *to, size_t size);

#endif
