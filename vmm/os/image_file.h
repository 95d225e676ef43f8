/*
 * Images and their modules, read from files.
 */
#ifndef VMM_OS_IMAGE_FILE_H
#define VMM_OS_IMAGE_FILE_H

#include <stddef.h>
#include <stdint.h>

/* For struct image_request: reads a file, of any kind that can be read to an end. */
int image_file_read(void *unused, const char *path, uint64_t limit, uint8_t **bytes, size_t *size);

enum image_file_kind {
    IMAGE_FILE_OTHER,
    IMAGE_FILE_ELF,
    /* What a BIOS starts: */
    IMAGE_FILE_FLOPPY,      /* it begins with a boot sector, and fits on a floppy disk */
    IMAGE_FILE_BOOT_SECTOR, /* it does not, but fits into memory */
    IMAGE_FILE_DISK,        /* it does not fit */
    IMAGE_FILE_CD,
};

/* What a file begins with; IMAGE_FILE_OTHER for one that can't be read twice. */
enum image_file_kind image_file_kind(const char *path);

#endif
