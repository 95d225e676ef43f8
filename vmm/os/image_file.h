/*
 * Images and their modules, read from files.
 */
#ifndef VMM_OS_IMAGE_FILE_H
#define VMM_OS_IMAGE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For struct image_request: reads a file, of any kind that can be read to an end. */
int image_file_read(void *unused, const char *path, uint64_t limit, uint8_t **bytes, size_t *size);

/* Whether a file, of a kind that can be read twice, begins with a boot sector. */
bool image_file_is_boot_sector(const char *path);

/* Whether such a file is an ELF file. */
bool image_file_is_elf(const char *path);

#endif
