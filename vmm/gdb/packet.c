/*
 * Packets: a small automaton, a byte at a time, since they come in pieces.
 */
#include "packet.h"

#define ESCAPE     '}'
#define ESCAPE_BIT 0x20
#define CTRL_C     0x03

static void put(struct gdb_packets *packets, uint8_t byte)
{
    if (packets->length == GDB_PACKET_MAX)
        packets->is_too_long = true;
    else
        packets->data[packets->length++] = (char)byte;
}

static void take_inside(struct gdb_packets *packets, uint8_t byte)
{
    if (byte == '#') {
        packets->state = GDB_SUM_1;
        return;
    }
    packets->sum = (uint8_t)(packets->sum + byte);
    if (packets->is_escaped) {
        put(packets, byte ^ ESCAPE_BIT);
        packets->is_escaped = false;
    } else if (byte == ESCAPE) {
        packets->is_escaped = true;
    } else {
        put(packets, byte);
    }
}

static void begin(struct gdb_packets *packets)
{
    packets->state = GDB_INSIDE;
    packets->sum = packets->wanted = 0;
    packets->is_escaped = packets->is_too_long = false;
    packets->length = 0;
}

enum gdb_event gdb_take(struct gdb_packets *packets, uint8_t byte)
{
    int digit = gdb_digit((char)byte);

    if (byte == '$' && !packets->is_escaped) { /* also where the last one was cut off */
        begin(packets);
        return GDB_NOTHING;
    }
    switch (packets->state) {
    case GDB_BETWEEN:
        return byte == CTRL_C ? GDB_INTERRUPT : byte == '-' ? GDB_RESEND : GDB_NOTHING;
    case GDB_INSIDE:
        take_inside(packets, byte);
        return GDB_NOTHING;
    case GDB_SUM_1:
        packets->state = digit < 0 ? GDB_BETWEEN : GDB_SUM_2;
        packets->wanted = (uint8_t)(digit < 0 ? 0 : digit << 4);
        return digit < 0 ? GDB_DAMAGED : GDB_NOTHING;
    case GDB_SUM_2:
        packets->state = GDB_BETWEEN;
        packets->data[packets->length] = '\0';
        return digit < 0 || (packets->wanted | digit) != packets->sum || packets->is_too_long
                   ? GDB_DAMAGED
                   : GDB_PACKET;
    }
    return GDB_NOTHING;
}

static const char digits[] = "0123456789abcdef";

size_t gdb_wrap(const char *data, size_t length, char *to)
{
    size_t at = 0;
    uint8_t sum = 0;

    to[at++] = '$';
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = (uint8_t)data[i];
        if (byte == '$' || byte == '#' || byte == ESCAPE || byte == '*') {
            to[at++] = ESCAPE;
            sum = (uint8_t)(sum + ESCAPE);
            byte ^= ESCAPE_BIT;
        }
        to[at++] = (char)byte;
        sum = (uint8_t)(sum + byte);
    }
    to[at++] = '#';
    to[at++] = digits[sum >> 4];
    to[at++] = digits[sum & 15];
    return at;
}

int gdb_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool gdb_number(const char **text, uint64_t *number)
{
    const char *at = *text;

    *number = 0;
    for (; gdb_digit(*at) >= 0; at++) {
        if (*number >> 60)
            return false;
        *number = *number << 4 | (uint64_t)gdb_digit(*at);
    }
    if (at == *text)
        return false;
    *text = at;
    return true;
}

void gdb_to_hex(const uint8_t *bytes, size_t count, char *to)
{
    for (size_t i = 0; i < count; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    *to = '\0';
}

bool gdb_from_hex(const char *text, size_t count, uint8_t *to)
{
    for (size_t i = 0; i < count; i++) {
        int high = gdb_digit(text[2 * i]), low = high < 0 ? -1 : gdb_digit(text[2 * i + 1]);
        if (low < 0)
            return false;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return text[2 * count] == '\0';
}
