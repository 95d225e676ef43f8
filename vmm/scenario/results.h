/*
 * Results of scenarios as text for people, as TAP, and as JUnit's XML.
 */
#ifndef VMM_SCENARIO_RESULTS_H
#define VMM_SCENARIO_RESULTS_H

#include <stdint.h>
#include <stdio.h>

#include "session.h"

struct result {
    const char *path; /* of the scenario */
    enum verdict verdict;
    char *text;     /* what went wrong, lines; empty if it passed */
    double seconds; /* of the host */
};

/* One result, as it is known. `number` counts from 1. */
void results_print(const struct result *result, size_t number, bool tap);

/* Writes all of them. Returns 0, or -errno. */
int results_write_junit(const char *path, const struct result *results, size_t count);

#endif
