/*
 * Writing JSON.
 */
#ifndef VMM_BASE_JSON_H
#define VMM_BASE_JSON_H

#include <stddef.h>
#include <stdio.h>

/* Writes a string in quotes; what is no UTF-8 becomes U+FFFD. */
void json_put_string(FILE *to, const char *string);

/* The same of `count` bytes, which may be of any value. */
void json_put_bytes(FILE *to, const char *bytes, size_t count);

#endif
