/*
 * Writing JSON.
 */
#ifndef VMM_JSON_H
#define VMM_JSON_H

#include <stdio.h>

/* Writes a string in quotes; what is no UTF-8 becomes U+FFFD. */
void json_put_string(FILE *to, const char *string);

#endif
