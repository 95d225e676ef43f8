/*
 * What INT n asks for on a PC: the BIOS's services and those of DOS. Here is neither; but a guest
 * that asks is told what it has asked for.
 */
#ifndef VMM_MACHINE_SERVICES_H
#define VMM_MACHINE_SERVICES_H

#include <stdint.h>

/* "BIOS" or "DOS", or NULL if nothing is known behind a vector. */
const char *service_owner(uint8_t vector);

/* "teletype output": what a function number in AH means there; NULL if that isn't known. */
const char *service_name(uint8_t vector, uint8_t ah);

#endif
