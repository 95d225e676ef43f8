/*
 * Pictures of a screen as PNG files.
 */
#ifndef VMM_OS_PICTURE_FILE_H
#define VMM_OS_PICTURE_FILE_H

#include "base/display.h"

/* Writes the pixels of a display; they take the place of what was there when all is written.
 * Returns 0, or -1 with one sentence in `error`. */
int picture_write(const struct display *display, const char *path, char *error, size_t error_size);

/* Reads a picture into a display, which the caller frees. Returns 0, or -1 with one sentence. */
int picture_read(struct display *display, const char *path, char *error, size_t error_size);

#endif
