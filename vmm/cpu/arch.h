/*
 * The IA-32 facts that the VMM itself needs, whatever engine runs the guest: the register states a
 * guest starts in, segment descriptors, the page-table walk, the names of exceptions.
 */
#ifndef VMM_CPU_ARCH_H
#define VMM_CPU_ARCH_H

#include "cpu.h"

/* Real mode: all segments at `segment` (base segment * 16, limit 64 KiB), IP and SP as given, IF=0.
 * Intel SDM vol. 3, table 9-1, but for the segments. */
void arch_real_mode(struct cpu_state *state, uint16_t segment, uint16_t ip, uint16_t sp);

/* 32-bit protected mode, paging off: CS=0x08, DS..SS=0x10, both flat; GDT and IDT as given, no
 * LDT; IF=0. The selectors must describe the same segments in that GDT. */
void arch_flat_protected(struct cpu_state *state, uint32_t eip, uint32_t esp, struct cpu_table gdtr,
                         struct cpu_table idtr);

/*
 * Translates a linear address as a supervisor read would, without touching accessed bits. Returns
 * false where no page is present. Intel SDM vol. 3, section 4.3 (32-bit paging, 4 KiB and 4 MiB).
 */
bool arch_translate(const struct cpu_state *state, const struct memory *memory, uint32_t linear,
                    uint64_t *physical);

/* Copies from linear addresses; returns how many bytes, from the first, could be read. */
size_t arch_read_linear(const struct cpu_state *state, const struct memory *memory, uint32_t linear,
                        void *to, size_t length);

/* Copies to linear addresses, whatever the pages' rights; returns how many bytes, from the first,
 * could be written. */
size_t arch_write_linear(const struct cpu_state *state, const struct memory *memory,
                         uint32_t linear, const void *from, size_t length);

/* Whether it is at the first instruction after a reset. After a triple fault on AMD's SVM it is,
 * and what the guest had in its registers is lost (APM vol. 2, 15.14.3: the state is undefined, and
 * KVM makes it a reset's); on Intel's VMX they are as the first of the faults found them (SDM vol.
 * 3, 27.3.3). */
bool arch_is_reset(const struct cpu_state *state);

/* Where the handler of a vector (0 to 255) is, by the vector table in real mode, else by the IDT:
 * its offset in a segment that begins at 0, as is usual there. False: no gate with an address is
 * there. Intel SDM vol. 3, section 6.11. */
bool arch_handler(const struct cpu_state *state, const struct memory *memory, unsigned vector,
                  uint32_t *address);

/* "#PF page fault" for 14; "reserved" for the numbers Intel keeps. Vectors 0 to 31. */
const char *arch_exception_name(unsigned vector);

#endif
