/*
 * 8042: commands to the controller (port 0x64), commands to the keyboard (port 0x60), and the
 * way of a byte: keyboard buffer, translation, output buffer, IRQ.
 */
#include "i8042.h"

#include "base/bus.h"

#include <string.h>

#define STATUS_OBF     0x01
#define STATUS_SYS     0x04
#define STATUS_A2      0x08
#define STATUS_NO_LOCK 0x10
#define STATUS_AUX     0x20
#define STATUS_TIMEOUT 0x40

#define MODE_INT1        0x01
#define MODE_INT12       0x02
#define MODE_SYS         0x04
#define MODE_DISABLE     0x10
#define MODE_DISABLE_AUX 0x20
#define MODE_TRANSLATE   0x40

#define COMMAND_READ_RAM     0x20 /* to 0x3f */
#define COMMAND_WRITE_RAM    0x60 /* to 0x7f */
#define COMMAND_HAS_PASSWORD 0xa4
#define COMMAND_DISABLE_AUX  0xa7
#define COMMAND_ENABLE_AUX   0xa8
#define COMMAND_TEST_AUX     0xa9
#define COMMAND_SELF_TEST    0xaa
#define COMMAND_TEST         0xab
#define COMMAND_DISABLE      0xad
#define COMMAND_ENABLE       0xae
#define COMMAND_READ_INPUT   0xc0
#define COMMAND_READ_OUTPUT  0xd0
#define COMMAND_WRITE_OUTPUT 0xd1
#define COMMAND_WRITE_DBB    0xd2
#define COMMAND_WRITE_AUXDBB 0xd3
#define COMMAND_WRITE_AUX    0xd4
#define COMMAND_A20_OFF      0xdd
#define COMMAND_A20_ON       0xdf
#define COMMAND_TEST_INPUTS  0xe0
#define COMMAND_PULSE        0xf0 /* to 0xff: the zeros in the low bits pulse */

#define OUTPUT_NO_RESET 0x01
#define OUTPUT_A20      0x02
#define OUTPUT_IRQ1     0x10
#define OUTPUT_IRQ12    0x20
#define OUTPUT_WIRES    0xc0
#define INPUT_NO_LOCK   0x80

#define KEYBOARD_LEDS      0xed
#define KEYBOARD_ECHO      0xee
#define KEYBOARD_SET       0xf0
#define KEYBOARD_IDENTIFY  0xf2
#define KEYBOARD_TYPEMATIC 0xf3
#define KEYBOARD_ENABLE    0xf4
#define KEYBOARD_DISABLE   0xf5
#define KEYBOARD_DEFAULTS  0xf6
#define KEYBOARD_RESEND    0xfe
#define KEYBOARD_RESET     0xff
#define KEYBOARD_ACK       0xfa
#define KEYBOARD_PASSED    0xaa
#define DEFAULT_TYPEMATIC  0x2b /* 10.9 a second after 500 ms */

#define BREAK_BIT    0x80 /* of a set 1 code */
#define BREAK_PREFIX 0xf0 /* before a set 2 code */

/* What the buffers hold: a byte and where it comes from. */
#define AS_IT_IS 0x100 /* not to be translated */
#define FROM_AUX 0x200

/* How the controller turns set 2 into set 1; what is above the table passes unchanged. */
static const uint8_t set1_from_set2[] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29,
    0x59, 0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11,
    0x03, 0x5b, 0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14,
    0x13, 0x06, 0x5d, 0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24,
    0x16, 0x08, 0x09, 0x5f, 0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35,
    0x26, 0x27, 0x19, 0x0c, 0x61, 0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36,
    0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76, 0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c,
    0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f, 0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45,
    0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54, 0x80, 0x81, 0x82, 0x41, 0x54,
};

/* The set 2 code of a key, from its set 1 make code. Downwards: F7 and SysRq stand twice. */
static uint8_t set2_from_set1(uint8_t make)
{
    for (unsigned code = sizeof(set1_from_set2); code-- > 0;) {
        if (set1_from_set2[code] == make)
            return (uint8_t)code;
    }
    return 0;
}

/* Turns one byte of set 2 into set 1; false for a break prefix, which becomes a bit of the next. */
static bool translate(struct i8042_state *s, uint8_t *byte)
{
    if (*byte == BREAK_PREFIX) {
        s->break_prefix = true;
        return false;
    }
    if (*byte < sizeof(set1_from_set2)) {
        *byte = set1_from_set2[*byte];
        if (s->break_prefix)
            *byte |= BREAK_BIT;
    }
    s->break_prefix = false;
    return true;
}

/* Moves a byte into the empty output buffer. */
static void load_dbb(struct i8042_state *s, uint16_t entry)
{
    uint8_t byte = (uint8_t)entry;

    if (!(entry & AS_IT_IS)) {
        if (byte != KEYBOARD_RESEND)
            s->last_sent = byte;
        if (s->ram[0] & MODE_TRANSLATE && !translate(s, &byte))
            return;
    }
    s->dbb = byte;
    s->aux = entry & FROM_AUX;
    s->obf = true;
}

static uint16_t take(uint16_t *queue, unsigned *count)
{
    uint16_t first = queue[0];

    --*count;
    memmove(queue, queue + 1, *count * sizeof(*queue));
    return first;
}

/* A scan code may not come yet, but would if the wire were free. */
static bool wire_is_awaited(const struct i8042_state *s)
{
    return !s->obf && s->buffered && !(s->ram[0] & MODE_DISABLE);
}

static void i8042_update_irq(struct i8042 *kbc)
{
    struct i8042_state *s = &kbc->s;
    bool full = s->obf;

    irq_line_set(&kbc->irq1, full && !s->aux && s->ram[0] & MODE_INT1);
    irq_line_set(&kbc->irq12, full && s->aux && s->ram[0] & MODE_INT12);
    timer_arm(kbc->clock, &kbc->timer, wire_is_awaited(s) ? s->next_at : CLOCK_NEVER);

    bool can = i8042_can_type(kbc);
    bool turned = can && !s->was_ready;
    s->was_ready = can;
    if (turned && kbc->ready)
        kbc->ready(kbc->owner);
}

/*
 * Fills the output buffer if it is empty and a byte is there. The lines are driven before, so
 * that the PIC sees an edge for each byte.
 */
static void pump(struct i8042 *kbc)
{
    struct i8042_state *s = &kbc->s;

    i8042_update_irq(kbc);
    while (!s->obf && s->reply_count)
        load_dbb(s, take(s->replies, &s->reply_count));
    while (wire_is_awaited(s) && clock_now(kbc->clock) >= s->next_at)
        load_dbb(s, take(s->buffer, &s->buffered));
    i8042_update_irq(kbc);
}

static void wire_is_free(void *owner)
{
    pump(owner);
}

static void listen(struct i8042 *kbc)
{
    if (!kbc->s.listening)
        kbc->s.next_at = clock_now(kbc->clock) + I8042_BYTE_NS;
    kbc->s.listening = true;
}

static void reply(struct i8042_state *s, unsigned entry)
{
    if (s->reply_count < I8042_REPLIES)
        s->replies[s->reply_count++] = (uint16_t)entry;
}

static void set_a20(struct i8042 *kbc, bool on)
{
    if (kbc->s.a20 == on)
        return;
    kbc->s.a20 = on;
    if (kbc->a20)
        kbc->a20(kbc->owner, on);
}

static void write_output_port(struct i8042 *kbc, uint8_t value)
{
    set_a20(kbc, value & OUTPUT_A20);
    if (!(value & OUTPUT_NO_RESET) && kbc->reset)
        kbc->reset(kbc->owner, I8042_DATA);
}

static uint8_t output_port(const struct i8042_state *s)
{
    unsigned value = OUTPUT_NO_RESET | OUTPUT_WIRES;

    if (s->a20)
        value |= OUTPUT_A20;
    if (s->obf)
        value |= s->aux ? OUTPUT_IRQ12 : OUTPUT_IRQ1;
    return (uint8_t)value;
}

static void keyboard_defaults(struct i8042_state *s)
{
    s->set = 2;
    s->typematic = DEFAULT_TYPEMATIC;
    s->buffered = 0;
}

/* The byte after a keyboard command that has an option. */
static void keyboard_option(struct i8042_state *s, uint8_t command, uint8_t option)
{
    if (command == KEYBOARD_SET && option > 2) { /* there is no set 3 here */
        reply(s, KEYBOARD_RESEND);
        return;
    }
    reply(s, KEYBOARD_ACK);
    if (command == KEYBOARD_LEDS) {
        s->leds = option & 7;
    } else if (command == KEYBOARD_TYPEMATIC) {
        s->typematic = option & 0x7f;
    } else if (option == 0) {
        reply(s, s->set);
    } else {
        s->set = option;
        s->buffered = 0;
    }
}

static void keyboard_write(struct i8042_state *s, uint8_t value)
{
    uint8_t command = s->keyboard_command;

    s->keyboard_command = 0;
    if (command && value < KEYBOARD_LEDS) { /* else it is a new command */
        keyboard_option(s, command, value);
        return;
    }
    switch (value) {
    case KEYBOARD_ECHO:
        reply(s, KEYBOARD_ECHO);
        return;
    case KEYBOARD_RESEND:
        reply(s, s->last_sent);
        return;
    case KEYBOARD_LEDS:
    case KEYBOARD_SET:
    case KEYBOARD_TYPEMATIC:
        s->keyboard_command = value;
        break;
    case KEYBOARD_IDENTIFY:
        reply(s, KEYBOARD_ACK);
        reply(s, 0xab);
        reply(s, 0x83);
        return;
    case KEYBOARD_ENABLE:
        s->scanning = true;
        s->buffered = 0;
        break;
    case KEYBOARD_DISABLE:
        s->scanning = false;
        keyboard_defaults(s);
        break;
    case KEYBOARD_DEFAULTS:
        keyboard_defaults(s);
        break;
    case KEYBOARD_RESET:
        s->scanning = true;
        s->leds = 0;
        keyboard_defaults(s);
        reply(s, KEYBOARD_ACK);
        reply(s, KEYBOARD_PASSED);
        return;
    default:
        /* F7 to FA set key types for all keys, of which set 2 takes no notice. */
        if (value < 0xf7 || value > 0xfa) {
            reply(s, KEYBOARD_RESEND);
            return;
        }
        break;
    }
    reply(s, KEYBOARD_ACK);
}

/* The data byte of a controller command. */
static void command_data(struct i8042 *kbc, uint8_t command, uint8_t value)
{
    struct i8042_state *s = &kbc->s;

    switch (command) {
    case COMMAND_WRITE_OUTPUT:
        write_output_port(kbc, value);
        break;
    case COMMAND_WRITE_DBB:
        reply(s, value | AS_IT_IS);
        break;
    case COMMAND_WRITE_AUXDBB:
        reply(s, value | AS_IT_IS | FROM_AUX);
        break;
    case COMMAND_WRITE_AUX: /* no device is there */
        s->timeout = true;
        reply(s, KEYBOARD_RESEND | AS_IT_IS | FROM_AUX);
        break;
    default:
        s->ram[command - COMMAND_WRITE_RAM] = value;
        break;
    }
}

static void write_data(struct i8042 *kbc, uint8_t value)
{
    struct i8042_state *s = &kbc->s;
    uint8_t command = s->command;

    s->a2 = false;
    s->command = 0;
    if (command) {
        command_data(kbc, command, value);
        return;
    }
    s->ram[0] &= (uint8_t)~MODE_DISABLE; /* so that the keyboard can answer */
    keyboard_write(s, value);
}

static void write_command(struct i8042 *kbc, uint8_t command)
{
    struct i8042_state *s = &kbc->s;

    s->a2 = true;
    s->command = 0;
    if (command >= COMMAND_PULSE) {
        if (!(command & OUTPUT_NO_RESET) && kbc->reset)
            kbc->reset(kbc->owner, I8042_COMMAND);
        return;
    }
    if ((command & 0xe0) == COMMAND_READ_RAM) {
        reply(s, s->ram[command - COMMAND_READ_RAM] | AS_IT_IS);
        return;
    }
    if ((command & 0xe0) == COMMAND_WRITE_RAM) {
        s->command = command;
        return;
    }
    switch (command) {
    case COMMAND_HAS_PASSWORD:
        reply(s, 0xf1 | AS_IT_IS); /* no */
        break;
    case COMMAND_DISABLE_AUX:
        s->ram[0] |= MODE_DISABLE_AUX;
        break;
    case COMMAND_ENABLE_AUX:
        s->ram[0] &= (uint8_t)~MODE_DISABLE_AUX;
        break;
    case COMMAND_SELF_TEST:
        s->ram[0] |= MODE_SYS;
        reply(s, 0x55 | AS_IT_IS);
        break;
    case COMMAND_TEST:
    case COMMAND_TEST_AUX:
    case COMMAND_TEST_INPUTS:
        reply(s, 0x00 | AS_IT_IS);
        break;
    case COMMAND_DISABLE:
        s->ram[0] |= MODE_DISABLE;
        break;
    case COMMAND_ENABLE:
        s->ram[0] &= (uint8_t)~MODE_DISABLE;
        break;
    case COMMAND_READ_INPUT:
        reply(s, INPUT_NO_LOCK | AS_IT_IS);
        break;
    case COMMAND_READ_OUTPUT:
        reply(s, output_port(s) | AS_IT_IS);
        break;
    case COMMAND_WRITE_OUTPUT:
    case COMMAND_WRITE_DBB:
    case COMMAND_WRITE_AUXDBB:
    case COMMAND_WRITE_AUX:
        s->command = command;
        break;
    case COMMAND_A20_OFF:
    case COMMAND_A20_ON:
        set_a20(kbc, command == COMMAND_A20_ON);
        break;
    default:
        break;
    }
}

static uint32_t data_read(void *device, uint32_t offset, unsigned width)
{
    struct i8042 *kbc = device;
    struct i8042_state *s = &kbc->s;
    uint8_t value = s->dbb;

    (void)offset;
    (void)width;
    listen(kbc);
    if (s->obf) {
        s->obf = false;
        s->timeout = false;
        s->next_at = clock_now(kbc->clock) + I8042_BYTE_NS;
    }
    pump(kbc);
    return value;
}

static void data_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    (void)offset;
    (void)width;
    write_data(device, (uint8_t)value);
    pump(device);
}

static uint32_t status_read(void *device, uint32_t offset, unsigned width)
{
    struct i8042 *kbc = device;
    struct i8042_state *s = &kbc->s;
    uint32_t value = STATUS_NO_LOCK;

    (void)offset;
    (void)width;
    listen(kbc);
    pump(kbc);
    kbc->vain_reads += !s->obf;
    if (s->obf)
        value |= s->aux ? STATUS_OBF | STATUS_AUX : STATUS_OBF;
    if (s->ram[0] & MODE_SYS)
        value |= STATUS_SYS;
    if (s->a2)
        value |= STATUS_A2;
    if (s->timeout)
        value |= STATUS_TIMEOUT;
    return value;
}

static void command_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    (void)offset;
    (void)width;
    write_command(device, (uint8_t)value);
    pump(device);
}

void i8042_init(struct i8042 *kbc, struct clock *clock, void (*ready)(void *owner),
                void (*reset)(void *owner, uint16_t port), void (*a20)(void *owner, bool on),
                void *owner)
{
    memset(kbc, 0, sizeof(*kbc));
    kbc->clock = clock;
    kbc->ready = ready;
    kbc->reset = reset;
    kbc->a20 = a20;
    kbc->owner = owner;
    kbc->s.ram[0] = MODE_INT1 | MODE_SYS | MODE_DISABLE_AUX | MODE_TRANSLATE;
    kbc->s.a20 = true;
    kbc->s.scanning = true;
    keyboard_defaults(&kbc->s);
    timer_init(&kbc->timer, wire_is_free, kbc);
}

bool i8042_attach(struct i8042 *kbc, struct bus *ports)
{
    const struct bus_region data = {"i8042 data", I8042_DATA,   1, 1, data_read,
                                    data_write,   .device = kbc};
    const struct bus_region command = {"i8042 command", I8042_COMMAND, 1, 1, status_read,
                                       command_write,   .device = kbc};

    return !bus_add(ports, &data) && !bus_add(ports, &command);
}

void i8042_restored(void *device)
{
    struct i8042 *kbc = device;

    if (kbc->a20)
        kbc->a20(kbc->owner, kbc->s.a20);
    i8042_update_irq(kbc);
}

/* Adds bytes to the keyboard's buffer, or the overrun code if they do not all fit. */
static void buffer_put(struct i8042_state *s, const uint16_t *entries, unsigned count)
{
    uint16_t overrun = s->set == 1 ? 0xff : 0x00;

    if (s->buffered + count <= I8042_BUFFER) {
        memcpy(&s->buffer[s->buffered], entries, count * sizeof(*entries));
        s->buffered += count;
    } else if (s->buffered <= I8042_BUFFER && s->buffer[s->buffered - 1] != overrun) {
        s->buffer[s->buffered++] = overrun;
    }
}

void i8042_key(struct i8042 *kbc, uint16_t set1_make, bool down)
{
    static const uint8_t print_down[] = {0xe0, 0x2a, 0xe0, 0x37},
                         print_up[] = {0xe0, 0xb7, 0xe0, 0xaa},
                         pause[] = {0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5};
    uint8_t plain[2];
    const uint8_t *set1 = plain;
    unsigned length = 0, count = 0;
    uint16_t entries[2 * sizeof(pause)];

    if (!kbc->s.scanning)
        return;
    if (set1_make == I8042_KEY_PAUSE) { /* this key has no break code */
        set1 = pause;
        length = down ? sizeof(pause) : 0;
    } else if (set1_make == I8042_KEY_PRINT_SCREEN) {
        set1 = down ? print_down : print_up;
        length = sizeof(print_down);
    } else {
        if (set1_make >> 8)
            plain[length++] = (uint8_t)(set1_make >> 8);
        plain[length++] = (uint8_t)((set1_make & 0x7f) | (down ? 0 : BREAK_BIT));
    }
    for (unsigned i = 0; i < length; i++) {
        if (kbc->s.set == 1 || set1[i] == 0xe0 || set1[i] == 0xe1) {
            entries[count++] = set1[i];
            continue;
        }
        if (set1[i] & BREAK_BIT)
            entries[count++] = BREAK_PREFIX;
        entries[count++] = set2_from_set1(set1[i] & 0x7f);
    }
    buffer_put(&kbc->s, entries, count);
    pump(kbc);
}

void i8042_raw(struct i8042 *kbc, uint8_t byte)
{
    const uint16_t entry = byte | AS_IT_IS;

    buffer_put(&kbc->s, &entry, 1);
    pump(kbc);
}

void i8042_listen(struct i8042 *kbc)
{
    listen(kbc);
    i8042_update_irq(kbc);
}

bool i8042_waits(const struct i8042 *kbc)
{
    return kbc->s.ram[0] & MODE_INT1 && kbc->s.scanning && !kbc->s.obf;
}

bool i8042_can_type(const struct i8042 *kbc)
{
    const struct i8042_state *s = &kbc->s;

    return s->listening && s->scanning && !(s->ram[0] & MODE_DISABLE) && !s->obf &&
           !s->reply_count && !s->buffered;
}

/* ---- what snapshots and the monitor ask ---- */

static bool waits_for_data(uint8_t command)
{
    return command == 0 || (command & 0xe0) == COMMAND_WRITE_RAM ||
           (command >= COMMAND_WRITE_OUTPUT && command <= COMMAND_WRITE_AUX);
}

static bool valid(const void *device, const void *state)
{
    const struct i8042_state *s = state;

    (void)device;
    return s->reply_count <= I8042_REPLIES && s->buffered <= I8042_BUFFER + 1 &&
           waits_for_data(s->command) && (s->set == 1 || s->set == 2) && s->next_at <= CLOCK_MAX &&
           ARE_BOOLS(&s->obf, &s->aux, &s->a2, &s->timeout, &s->a20, &s->break_prefix,
                     &s->listening, &s->was_ready, &s->scanning);
}

static void tell(const void *device, struct words *to)
{
    static const char *const leds[8] = {"scroll lock", "num lock", "caps lock"};
    const struct i8042_state *s = &((const struct i8042 *)device)->s;

    if (s->obf)
        words_print(to, "port 0x60: 0x%02x from the %s, not read yet\n", s->dbb,
                    s->aux ? "second port" : "keyboard or controller");
    else
        words_print(to, "port 0x60: empty (the last byte was 0x%02x)\n", s->dbb);
    words_print(to, "controller: keyboard %s, IRQ 1 %s, %s, A20 %s",
                s->ram[0] & MODE_DISABLE ? "disabled" : "enabled",
                s->ram[0] & MODE_INT1 ? "on" : "off",
                s->ram[0] & MODE_TRANSLATE ? "translates to set 1" : "no translation",
                s->a20 ? "on" : "off");
    if (s->command)
        words_print(to, ", command 0x%02x waits for its byte", s->command);
    words_print(to, "\nkeyboard: %s, scan code set %u, %u codes in its buffer",
                s->scanning ? "scanning" : "not scanning", s->set, s->buffered);
    if (s->keyboard_command)
        words_print(to, ", command 0x%02x waits for its byte", s->keyboard_command);
    words_print(to, "\nLEDs: ");
    words_list_bits(to, s->leds, leds);
    words_end_list(to, "off");
    words_print(to, "the guest %s\n", s->listening ? "listens" : "has not used it yet: keys wait");
}

const struct device_kind i8042_kind = {
    DEVICE_STATE(struct i8042, s),
    .line = {{offsetof(struct i8042, irq1), "i8042"}, {offsetof(struct i8042, irq12), "i8042-aux"}},
    .valid = valid,
    .restored = i8042_restored,
    .tell = tell,
};
