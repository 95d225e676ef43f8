/*
 * Guest code that is part of the VMM's executable, assembled from boot/ (see blobs.S).
 */
#ifndef VMM_BASE_BLOBS_H
#define VMM_BASE_BLOBS_H

#include <stdint.h>

extern const uint8_t boot_pm32[], boot_pm32_end[];   /* boot/pm32.asm */
extern const uint8_t boot_font[], boot_font_end[];   /* boot/font.asm */
extern const uint8_t boot_bios[], boot_bios_end[];   /* boot/bios.asm */
extern const uint8_t boot_probe[], boot_probe_end[]; /* boot/probe.asm */

#endif
