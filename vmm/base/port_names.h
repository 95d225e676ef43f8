/*
 * What the registers at a PC's I/O ports are called, by their data sheets.
 */
#ifndef VMM_BASE_PORT_NAMES_H
#define VMM_BASE_PORT_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/* "i8042 data", "i8259 master OCW2"; NULL where nothing known is. Reads and writes of a port may
 * have different names. */
const char *port_name(uint32_t port, bool is_write);

/* What a PC may have at a port, or at an address outside of RAM, where this one has nothing: "the
 * primary ATA disk"; NULL: nothing that is known. */
const char *port_absent_device(uint32_t port);
const char *address_absent_device(uint32_t address);

#endif
