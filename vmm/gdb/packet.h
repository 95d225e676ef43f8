/*
 * The packets of gdb's remote protocol: from bytes to packets and back, with checksums, escapes and
 * acknowledgements. GDB manual, appendix E.1 (Overview) and E.10 (Packet Acknowledgment).
 */
#ifndef VMM_GDB_PACKET_H
#define VMM_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GDB_PACKET_MAX 16384 /* bytes between $ and #, as they are sent */

/* What has come from a client, up to the packet that is being read. */
struct gdb_packets {
    enum { GDB_BETWEEN, GDB_INSIDE, GDB_SUM_1, GDB_SUM_2 } state;
    uint8_t sum, wanted;
    bool is_escaped, is_too_long;
    size_t length;
    char data[GDB_PACKET_MAX + 1];
};

/* What a byte has completed. */
enum gdb_event {
    GDB_NOTHING,
    GDB_PACKET,    /* data and length are it, and a NUL behind; a new one overwrites it */
    GDB_INTERRUPT, /* Ctrl-C */
    GDB_DAMAGED,   /* a packet whose checksum is wrong, or that is too long: ask for it again */
    GDB_RESEND,    /* the client asks for our last packet again */
};

/* A byte from the client. */
enum gdb_event gdb_take(struct gdb_packets *packets, uint8_t byte);

/* Writes a packet around `data`: returns its length; `to` has room for 2 * length + 4. */
size_t gdb_wrap(const char *data, size_t length, char *to);

/* Hexadecimal: the value of a digit, or -1; a number up to 64 bits, which moves `text` behind it.
 * False: there is none, or it is too large. */
int gdb_digit(char c);
bool gdb_number(const char **text, uint64_t *number);

/* Bytes as pairs of digits. gdb_to_hex writes 2 * count characters and a NUL; gdb_from_hex wants
 * exactly 2 * count digits: false if they are none. */
void gdb_to_hex(const uint8_t *bytes, size_t count, char *to);
bool gdb_from_hex(const char *text, size_t count, uint8_t *to);

#endif
