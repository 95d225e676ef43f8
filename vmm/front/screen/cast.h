/*
 * A recording of the screen in asciinema's format, version 2: a header, then events, a line of JSON
 * each (docs.asciinema.org/manual/asciicast/v2).
 */
#ifndef VMM_FRONT_SCREEN_CAST_H
#define VMM_FRONT_SCREEN_CAST_H

#include <stdint.h>
#include <stdio.h>

struct cast {
    FILE *file;
    uint64_t start; /* host ns */
};

/* Begins a recording in a file of that name; returns 0, or an errno. */
int cast_open(struct cast *cast, const char *path, int rows, int columns);

/* What the terminal is sent now: whole characters of UTF-8. */
void cast_output(struct cast *cast, const char *bytes, size_t count);
void cast_resize(struct cast *cast, int rows, int columns);

/* Returns 0, or an errno if something could not be written. Does nothing if it was not opened. */
int cast_close(struct cast *cast);

#endif
