/*
 * Puts a guest's image into its RAM: finds out what kind of file it is, checks every field before
 * a byte of RAM changes, and says where the processor starts. Formats: flat 16-bit and 32-bit,
 * ELF32 for the 386 (TIS ELF 1.2), Multiboot 1 (Multiboot Specification 0.6.96).
 */
#ifndef VMM_LOAD_IMAGE_H
#define VMM_LOAD_IMAGE_H

#include "base/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* [base, end) in guest memory where the machine keeps the default GDT, IDT and handlers of 32-bit
 * guests. No 32-bit image may meet it. */
#define IMAGE_RESERVED_BASE UINT32_C(0x1000)
#define IMAGE_RESERVED_END  UINT32_C(0x4000)

/* [base, end) of video memory: what an image put there would be hidden behind the adapter. */
#define IMAGE_VIDEO_BASE UINT32_C(0xa0000)
#define IMAGE_VIDEO_END  UINT32_C(0xc0000)

/* The first of the addresses the Multiboot information is tried at; see multiboot.c. */
#define IMAGE_MULTIBOOT_INFO UINT32_C(0x9000)

/* What the user said about a flat image: nothing, --mode real, --mode pm32. */
enum image_mode { IMAGE_AUTO, IMAGE_REAL16, IMAGE_PM32 };

enum image_start {
    IMAGE_START_REAL,
    IMAGE_START_PROTECTED,
    IMAGE_START_MULTIBOOT,
    IMAGE_START_BIOS
};

struct image_module {
    const char *path;
    const char *command_line; /* may be NULL */
};

struct image_request {
    const char *path;
    bool from_drives;              /* there is no file: the BIOS starts a drive of the machine */
    const char *bios, *option_rom; /* --bios, --option-rom; may be NULL */
    /* Reads a whole file into a block from malloc that is the caller's, of `limit` bytes at most.
     * Returns 0 or -errno: -EFBIG for a larger one. */
    int (*read)(void *files, const char *path, uint64_t limit, uint8_t **bytes, size_t *size);
    void *files; /* for read */
    enum image_mode mode;
    bool has_load_address;
    uint32_t load_address;    /* --load */
    const char *command_line; /* --append, may be NULL */
    const struct image_module *modules;
    unsigned module_count;
};

/* Whether there is something to start. */
static inline bool image_is_asked(const struct image_request *request)
{
    return request->path || request->from_drives;
}

struct image {
    /* "flat 16-bit", "flat 32-bit", "ELF32", "Multiboot 1", "boot sector", "drive" */
    const char *format;
    enum image_start start;
    uint32_t entry;    /* linear address of the first instruction */
    bool has_bios;     /* in RAM, instead of ours */
    uint16_t segment;  /* real mode: CS=DS=ES=SS; the offset of the entry is 0 */
    uint32_t eax, ebx; /* Multiboot: what the protocol promises; otherwise 0 */

    /* The guest addresses of the image itself, its bss included: [lowest, highest). Multiboot
     * modules and the information structure are not counted. */
    uint32_t lowest, highest;

    /* What begins with a boot sector: all of the file, from malloc, which is a drive of the BIOS.
     * The caller's, to be freed. */
    uint8_t *disk;
    size_t disk_size;

    /* ELF: [code_lowest, code_highest) is the segment with the entry, if its flags say that it is
     * code which is not written; else both are 0. */
    uint32_t code_lowest, code_highest;
    bool has_more_code; /* other segments are code as well */
};

/* A BIOS ends where the first MiB does, which is where the processor begins; an option ROM, of a
 * display adapter for example, is where a BIOS looks for those. */
#define IMAGE_BIOS_END        UINT32_C(0x100000)
#define IMAGE_BIOS_MAX        UINT32_C(0x20000)
#define IMAGE_OPTION_ROM      UINT32_C(0xc0000)
#define IMAGE_OPTION_ROM_SIZE UINT32_C(0x10000)

/* Of a file; unless RAM is larger. */
#define IMAGE_FILE_MAX (UINT64_C(64) << 20)

#define IMAGE_SECTOR       512u
#define IMAGE_BOOT_ADDRESS UINT32_C(0x7c00) /* of a boot sector */

/* Whether a file that begins with these bytes is one that a BIOS starts: its first sector ends in
 * 55 AA. */
static inline bool image_is_boot_sector(const uint8_t *bytes, size_t size)
{
    return size >= IMAGE_SECTOR && bytes[IMAGE_SECTOR - 2] == 0x55 &&
           bytes[IMAGE_SECTOR - 1] == 0xaa;
}

/* What a CD has there: ECMA-119, section 8.4. */
#define IMAGE_CD_AT    0x8001u
#define IMAGE_CD_WORD  "CD001"
#define IMAGE_CD_BYTES (sizeof(IMAGE_CD_WORD) - 1)

/*
 * Loads the file request->path into memory and fills image; nothing with from_drives. Returns 0; or
 * -1 with one sentence, without a newline, in error: the file, the field at fault with its value
 * and the limit, and the remedy where there is one. After a failure no byte of memory has changed.
 *
 * --load and --append/--module are refused, not ignored, where the format has no use for them.
 */
int image_load(const struct image_request *request, const struct memory *memory,
               struct image *image, char *error, size_t error_size);

/* The same from `size` bytes already read; request->path is only the name in messages (and in a
 * Multiboot command line). The bytes are not kept. */
int image_load_bytes(const struct image_request *request, const void *bytes, size_t size,
                     const struct memory *memory, struct image *image, char *error,
                     size_t error_size);

#endif
