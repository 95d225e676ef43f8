/*
 * The virtio transport: registers, and the way of a request from the available to the used ring.
 * Ring contents are untrusted: each field is read once, checked, and only then used.
 */
#include "virtio_mmio.h"

#include "base/bus.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    MAGIC_VALUE = 0x000,
    VERSION = 0x004,
    DEVICE_ID = 0x008,
    VENDOR_ID = 0x00c,
    DEVICE_FEATURES = 0x010, /* legacy name: HostFeatures */
    DEVICE_FEATURES_SEL = 0x014,
    DRIVER_FEATURES = 0x020, /* GuestFeatures */
    DRIVER_FEATURES_SEL = 0x024,
    GUEST_PAGE_SIZE = 0x028, /* legacy */
    QUEUE_SEL = 0x030,
    QUEUE_NUM_MAX = 0x034,
    QUEUE_NUM = 0x038,
    QUEUE_ALIGN = 0x03c, /* legacy */
    QUEUE_PFN = 0x040,   /* legacy */
    QUEUE_READY = 0x044,
    QUEUE_NOTIFY = 0x050,
    INTERRUPT_STATUS = 0x060,
    INTERRUPT_ACK = 0x064,
    STATUS = 0x070,
    QUEUE_DESC_LOW = 0x080,
    QUEUE_DESC_HIGH = 0x084,
    QUEUE_DRIVER_LOW = 0x090,
    QUEUE_DRIVER_HIGH = 0x094,
    QUEUE_DEVICE_LOW = 0x0a0,
    QUEUE_DEVICE_HIGH = 0x0a4,
    CONFIG = 0x100,
};

#define MAGIC  0x74726976 /* "virt" */
#define VENDOR 0x204d4d56 /* "VMM " */

#define STATUS_DRIVER_OK   0x04
#define STATUS_FEATURES_OK 0x08
#define STATUS_NEEDS_RESET 0x40

#define INTERRUPT_USED   0x1
#define INTERRUPT_CONFIG 0x2

#define DESC_NEXT     0x1
#define DESC_WRITE    0x2
#define DESC_INDIRECT 0x4

#define AVAIL_NO_INTERRUPT 0x1

#define DEFAULT_ALIGN 4096

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

struct used_element {
    uint32_t id;
    uint32_t length;
};

/* Offsets in the two rings: flags, idx, then the entries. */
#define RING_FLAGS   0
#define RING_IDX     2
#define RING_ENTRIES 4

/* ---- what a driver can do wrong ---- */

enum mistake {
    BAD_WRITE,
    BAD_POWER,
    BAD_QUEUE_NUM,
    BAD_NOTIFY,
    EARLY_NOTIFY,
    BAD_FEATURES,
    FATAL, /* those that follow */
    BAD_PLACE = FATAL,
    BAD_AVAILABLE,
    BAD_INDEX,
    BAD_LOOP,
    BAD_INDIRECT,
    BAD_ORDER,
    BAD_BUFFER,
    BAD_REQUEST,
};

/* Each takes one number. */
static const char *const mistakes[] = {
    [BAD_WRITE] = "a write to offset %#llx, which is not an aligned one of 4 bytes",
    [BAD_POWER] = "%#llx as a page size or alignment, which is no power of two",
    [BAD_QUEUE_NUM] = "a queue size of %llu, which is no power of two up to 256",
    [BAD_NOTIFY] = "a notify of queue %llu, where only queue 0 is",
    [EARLY_NOTIFY] = "a notify before its queue and its Status (%#llx) are set up",
    [BAD_FEATURES] = "FEATURES_OK for features %#llx: not offered, or VERSION_1 is not among them",
    [BAD_PLACE] = "a queue at %#llx that is not aligned, or not all in RAM",
    [BAD_AVAILABLE] = "%llu new requests at once, more than its queue holds",
    [BAD_INDEX] = "descriptor %llu, which is outside the table",
    [BAD_LOOP] = "a chain at descriptor %llu that is longer than the table",
    [BAD_INDIRECT] = "an indirect descriptor, %llu, which was not offered",
    [BAD_ORDER] = "descriptor %llu, which the device reads, after one that it writes",
    [BAD_BUFFER] = "descriptor %llu with a buffer that is not all in RAM",
    [BAD_REQUEST] = "a request at descriptor %llu without its header or its status byte",
};

void virtio_mmio_warn(const struct virtio_mmio *mmio, const char *format, ...)
{
    char text[200];
    va_list arguments;
    int length;

    if (!mmio->warn)
        return;
    length = snprintf(text, sizeof(text), "%s at %#x: ", mmio->function.name, mmio->base);
    va_start(arguments, format);
    vsnprintf(text + length, sizeof(text) - (size_t)length, format, arguments);
    va_end(arguments);
    mmio->warn(mmio->owner, text);
}

static void tell(struct virtio_mmio *mmio, enum mistake mistake, uint64_t number)
{
    char text[128];

    if (mmio->told & UINT32_C(1) << mistake)
        return;
    mmio->told |= UINT32_C(1) << mistake;
    snprintf(text, sizeof(text), mistakes[mistake], (unsigned long long)number);
    virtio_mmio_warn(mmio, "%s; %s", text,
                     mistake < FATAL ? "ignored" : "stopped until the guest resets it");
}

/* Drives the line, and arms the timer for the request that is done but not shown. */
static void virtio_mmio_update_irq(struct virtio_mmio *mmio)
{
    const struct virtio_mmio_state *s = &mmio->s;

    timer_arm(mmio->clock, &mmio->timer, s->busy ? s->done_at : CLOCK_NEVER);
    irq_line_set(&mmio->irq, s->interrupt_status != 0);
}

/* Stops the device. Returns false, for those who have to say that they failed. */
static bool stop(struct virtio_mmio *mmio, enum mistake mistake, uint64_t number)
{
    struct virtio_mmio_state *s = &mmio->s;

    tell(mmio, mistake, number);
    s->busy = false;
    s->status |= STATUS_NEEDS_RESET;
    if (s->status & STATUS_DRIVER_OK)
        s->interrupt_status |= INTERRUPT_CONFIG;
    return false;
}

/* ---- the queue ---- */

struct queue {
    uint64_t descriptors, available, used; /* guest addresses */
};

/* Where the queue lies; false, and the device stopped, if it can't lie there. */
static bool find_queue(struct virtio_mmio *mmio, struct queue *queue)
{
    const struct virtio_mmio_state *s = &mmio->s;
    uint64_t align = s->queue_align ? s->queue_align : DEFAULT_ALIGN, page = s->guest_page_size;

    /* 2.6.2: descriptors, the available ring, which ends with a word more, and at the next aligned
     * address the used ring. Where no page size was ever set, drivers give an address, as QEMU
     * takes it, or count in pages of 4 KiB; the address is a whole page's. */
    if (page == 0)
        page = s->queue_pfn % DEFAULT_ALIGN ? DEFAULT_ALIGN : 1;
    if (mmio->modern) {
        *queue = (struct queue){s->queue_desc, s->queue_driver, s->queue_device};
    } else {
        queue->descriptors = s->queue_pfn * page;
        queue->available = queue->descriptors + s->queue_num * sizeof(struct descriptor);
        queue->used = queue->available + RING_ENTRIES + (s->queue_num + 1) * sizeof(uint16_t);
        queue->used = (queue->used + align - 1) & ~(align - 1);
    }
    if (queue->descriptors % 16 || queue->available % 2 || queue->used % 4 ||
        !memory_at(mmio->memory, queue->descriptors, s->queue_num * sizeof(struct descriptor)) ||
        !memory_at(mmio->memory, queue->available,
                   RING_ENTRIES + s->queue_num * sizeof(uint16_t)) ||
        !memory_at(mmio->memory, queue->used,
                   RING_ENTRIES + s->queue_num * sizeof(struct used_element)))
        return stop(mmio, BAD_PLACE, queue->descriptors);
    return true;
}

/* 16 bits of a ring that find_queue has found. */
static uint16_t ring_word(const struct virtio_mmio *mmio, uint64_t address)
{
    uint16_t word = 0;

    memory_read(mmio->memory, address, &word, sizeof(word));
    return word;
}

/* Collects the buffers of the chain that begins at a descriptor. */
static bool gather(struct virtio_mmio *mmio, const struct queue *queue, uint32_t index,
                   struct virtio_request *request)
{
    uint32_t table = mmio->s.queue_num;
    struct descriptor descriptor;

    request->memory = mmio->memory;
    request->count = request->readable = 0;
    request->readable_bytes = request->writable_bytes = 0;
    for (uint32_t length = 0; length < table; length++, index = descriptor.next) {
        if (index >= table)
            return stop(mmio, BAD_INDEX, index);
        memory_read(mmio->memory, queue->descriptors + index * sizeof(descriptor), &descriptor,
                    sizeof(descriptor));
        bool is_write = descriptor.flags & DESC_WRITE;
        if (descriptor.flags & DESC_INDIRECT)
            return stop(mmio, BAD_INDIRECT, index);
        if (!is_write && request->readable < request->count)
            return stop(mmio, BAD_ORDER, index);
        if (!memory_at(mmio->memory, descriptor.address, descriptor.length))
            return stop(mmio, BAD_BUFFER, index);
        request->buffer[request->count++] =
            (struct virtio_buffer){descriptor.address, descriptor.length};
        request->readable += !is_write;
        *(is_write ? &request->writable_bytes : &request->readable_bytes) += descriptor.length;
        if (!(descriptor.flags & DESC_NEXT))
            return true;
    }
    return stop(mmio, BAD_LOOP, index);
}

/* A driver of before version 1 may use its queue before it says that it will. */
static bool is_live(const struct virtio_mmio *mmio)
{
    const struct virtio_mmio_state *s = &mmio->s;

    if (s->status & STATUS_NEEDS_RESET)
        return false;
    return mmio->modern ? s->queue_ready && s->status & STATUS_DRIVER_OK : s->queue_pfn != 0;
}

/* Does the next request, if there is one and the last one has been shown. */
static void begin_request(struct virtio_mmio *mmio)
{
    struct virtio_mmio_state *s = &mmio->s;
    struct virtio_request request;
    struct queue queue;
    uint16_t waiting;

    if (s->busy || !is_live(mmio) || !find_queue(mmio, &queue))
        return;
    waiting = (uint16_t)(ring_word(mmio, queue.available + RING_IDX) - s->next_available);
    if (waiting == 0)
        return;
    if (waiting > s->queue_num) {
        stop(mmio, BAD_AVAILABLE, waiting);
        return;
    }
    s->head = ring_word(mmio, queue.available + RING_ENTRIES +
                                  s->next_available % s->queue_num * sizeof(uint16_t));
    s->next_available++;
    if (!gather(mmio, &queue, s->head, &request))
        return;
    if (!mmio->function.serve(mmio->function.device, &request, &s->written)) {
        stop(mmio, BAD_REQUEST, s->head);
        return;
    }
    s->busy = true;
    s->done_at = clock_now(mmio->clock) + VIRTIO_LATENCY_NS;
}

/* Shows a request in the used ring: first its entry, then the index that makes it one. */
static void end_request(struct virtio_mmio *mmio)
{
    struct virtio_mmio_state *s = &mmio->s;
    const struct used_element element = {.id = s->head, .length = s->written};
    struct queue queue;

    s->busy = false;
    if (!is_live(mmio) || !find_queue(mmio, &queue))
        return;
    memory_write(mmio->memory,
                 queue.used + RING_ENTRIES + s->next_used % s->queue_num * sizeof(element),
                 &element, sizeof(element));
    s->next_used++;
    memory_write(mmio->memory, queue.used + RING_IDX, &s->next_used, sizeof(s->next_used));
    if (!(ring_word(mmio, queue.available + RING_FLAGS) & AVAIL_NO_INTERRUPT))
        s->interrupt_status |= INTERRUPT_USED;
}

static void time_is_up(void *owner)
{
    struct virtio_mmio *mmio = owner;

    end_request(mmio);
    begin_request(mmio);
    virtio_mmio_update_irq(mmio);
}

/* A queue is given, or taken away. */
static void restart_queue(struct virtio_mmio_state *s)
{
    s->next_available = s->next_used = 0;
    s->busy = false;
}

/* Copies readable bytes `to` the host, or writable ones `from` it: one of the two is NULL. */
static bool copy(const struct virtio_request *request, uint64_t offset, uint8_t *to,
                 const uint8_t *from, uint64_t length)
{
    uint64_t total = from ? request->writable_bytes : request->readable_bytes;
    const struct virtio_buffer *buffer = request->buffer + (from ? request->readable : 0);

    if (offset > total || length > total - offset)
        return false;
    for (; length > 0; buffer++) {
        if (offset >= buffer->length) {
            offset -= buffer->length;
            continue;
        }
        uint64_t part = buffer->length - offset < length ? buffer->length - offset : length;
        if (from) {
            memory_write(request->memory, buffer->address + offset, from, part);
            from += part;
        } else {
            memory_read(request->memory, buffer->address + offset, to, part);
            to += part;
        }
        length -= part;
        offset = 0;
    }
    return true;
}

bool virtio_request_read(const struct virtio_request *request, uint64_t offset, void *to,
                         uint64_t length)
{
    return copy(request, offset, to, NULL, length);
}

bool virtio_request_write(const struct virtio_request *request, uint64_t offset, const void *from,
                          uint64_t length)
{
    return copy(request, offset, NULL, from, length);
}

/* ---- registers ---- */

bool virtio_mmio_has(const struct virtio_mmio *mmio, uint64_t features)
{
    return (mmio->s.driver_features & features) == features;
}

static uint64_t offered(const struct virtio_mmio *mmio)
{
    return mmio->function.features | (mmio->modern ? VIRTIO_F_VERSION_1 : VIRTIO_F_ANY_LAYOUT);
}

/* Half of a 64-bit value; there are no features from bit 64 on. */
static uint32_t half(uint64_t value, uint32_t which)
{
    return which < 2 ? (uint32_t)(value >> (32 * which)) : 0;
}

static void set_half(uint64_t *value, uint32_t which, uint32_t bits)
{
    if (which < 2)
        *value = (*value & UINT64_C(0xffffffff) << (32 * (1 - which))) | (uint64_t)bits
                                                                             << (32 * which);
}

static void reset(struct virtio_mmio *mmio)
{
    memset(&mmio->s, 0, sizeof(mmio->s)); /* padding too: equal states are equal bytes */
    mmio->s.queue_num = VIRTIO_QUEUE_MAX;
}

static void write_status(struct virtio_mmio *mmio, uint8_t value)
{
    struct virtio_mmio_state *s = &mmio->s;

    if (value == 0) {
        reset(mmio);
        return;
    }
    if (mmio->modern && value & ~s->status & STATUS_FEATURES_OK &&
        (s->driver_features & ~offered(mmio) || !virtio_mmio_has(mmio, VIRTIO_F_VERSION_1))) {
        tell(mmio, BAD_FEATURES, s->driver_features);
        value &= (uint8_t)~STATUS_FEATURES_OK;
    }
    s->status = (uint8_t)((value & ~STATUS_NEEDS_RESET) | (s->status & STATUS_NEEDS_RESET));
    if (value & STATUS_DRIVER_OK)
        begin_request(mmio); /* what was made available before */
}

static void notify(struct virtio_mmio *mmio, uint32_t queue)
{
    if (queue != 0)
        tell(mmio, BAD_NOTIFY, queue);
    else if (is_live(mmio))
        begin_request(mmio);
    else if (!(mmio->s.status & STATUS_NEEDS_RESET))
        tell(mmio, EARLY_NOTIFY, mmio->s.status);
}

static bool is_power_of_two(uint32_t value)
{
    return value && !(value & (value - 1));
}

static bool is_queue_size(uint32_t value)
{
    return value <= VIRTIO_QUEUE_MAX && is_power_of_two(value);
}

/* A page size or an alignment; 0 is as good as never written. */
static void set_power(struct virtio_mmio *mmio, uint32_t *to, uint32_t value)
{
    if (value == 0 || is_power_of_two(value))
        *to = value;
    else
        tell(mmio, BAD_POWER, value);
}

/* Registers of the selected queue: only queue 0 has any. */
static void write_queue(struct virtio_mmio *mmio, uint32_t offset, uint32_t value)
{
    struct virtio_mmio_state *s = &mmio->s;

    if (s->queue_sel != 0)
        return;
    if (offset == QUEUE_NUM) {
        if (is_queue_size(value))
            s->queue_num = value;
        else
            tell(mmio, BAD_QUEUE_NUM, value);
        return;
    }
    if (!mmio->modern) {
        if (offset == QUEUE_ALIGN) {
            set_power(mmio, &s->queue_align, value);
        } else if (offset == QUEUE_PFN) {
            s->queue_pfn = value;
            restart_queue(s);
        }
        return;
    }
    switch (offset) {
    case QUEUE_READY:
        s->queue_ready = value & 1;
        restart_queue(s);
        break;
    case QUEUE_DESC_LOW:
    case QUEUE_DESC_HIGH:
        set_half(&s->queue_desc, offset == QUEUE_DESC_HIGH, value);
        break;
    case QUEUE_DRIVER_LOW:
    case QUEUE_DRIVER_HIGH:
        set_half(&s->queue_driver, offset == QUEUE_DRIVER_HIGH, value);
        break;
    case QUEUE_DEVICE_LOW:
    case QUEUE_DEVICE_HIGH:
        set_half(&s->queue_device, offset == QUEUE_DEVICE_HIGH, value);
        break;
    default:
        break;
    }
}

static void write_register(struct virtio_mmio *mmio, uint32_t offset, uint32_t value)
{
    struct virtio_mmio_state *s = &mmio->s;

    switch (offset) {
    case DEVICE_FEATURES_SEL:
        s->device_features_sel = value;
        break;
    case DRIVER_FEATURES_SEL:
        s->driver_features_sel = value;
        break;
    case DRIVER_FEATURES:
        if (!(s->status & STATUS_FEATURES_OK)) /* then they are settled */
            set_half(&s->driver_features, s->driver_features_sel, value);
        break;
    case GUEST_PAGE_SIZE:
        if (!mmio->modern)
            set_power(mmio, &s->guest_page_size, value);
        break;
    case QUEUE_SEL:
        s->queue_sel = value;
        break;
    case QUEUE_NOTIFY:
        notify(mmio, value);
        break;
    case INTERRUPT_ACK:
        s->interrupt_status &= (uint8_t)~value;
        break;
    case STATUS:
        write_status(mmio, (uint8_t)value);
        break;
    default:
        write_queue(mmio, offset, value);
        break;
    }
}

static uint32_t read_config(const struct virtio_mmio *mmio, uint32_t at)
{
    uint32_t value = 0, size = mmio->function.config_size;

    if (at < size)
        memcpy(&value, mmio->function.config + at, size - at < 4 ? size - at : 4);
    return value;
}

static uint32_t read_register(const struct virtio_mmio *mmio, uint32_t offset)
{
    const struct virtio_mmio_state *s = &mmio->s;

    if (offset >= CONFIG)
        return read_config(mmio, offset - CONFIG);
    switch (offset) {
    case MAGIC_VALUE:
        return MAGIC;
    case VERSION:
        return mmio->modern ? 2 : 1;
    case DEVICE_ID:
        return mmio->function.device_id;
    case VENDOR_ID:
        return VENDOR;
    case DEVICE_FEATURES:
        return half(offered(mmio), s->device_features_sel);
    case QUEUE_NUM_MAX:
        return s->queue_sel == 0 ? VIRTIO_QUEUE_MAX : 0;
    case QUEUE_PFN:
        return s->queue_sel == 0 ? s->queue_pfn : 0;
    case QUEUE_READY:
        return s->queue_sel == 0 && s->queue_ready;
    case INTERRUPT_STATUS:
        return s->interrupt_status;
    case STATUS:
        return s->status;
    default:
        return 0;
    }
}

/* An empty slot shows what it is, and nothing else (4.2.2.2). */
static uint32_t read_slot(const struct virtio_mmio *mmio, uint32_t offset)
{
    return mmio->function.device_id || offset <= VENDOR_ID ? read_register(mmio, offset) : 0;
}

/* Reads of any width give the bytes that are there. */
static uint32_t mmio_read(void *device, uint32_t offset, unsigned width)
{
    const struct virtio_mmio *mmio = device;
    uint32_t aligned = offset & ~UINT32_C(3);
    uint64_t value = read_slot(mmio, aligned);

    if (offset + width > aligned + 4)
        value |= (uint64_t)read_slot(mmio, aligned + 4) << 32;
    return (uint32_t)(value >> (8 * (offset - aligned)));
}

static void mmio_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct virtio_mmio *mmio = device;

    if (mmio->function.device_id == 0 || offset >= CONFIG)
        return; /* no function has anything to write there */
    if (width != 4 || offset % 4) {
        tell(mmio, BAD_WRITE, offset);
        return;
    }
    write_register(mmio, offset, value);
    virtio_mmio_update_irq(mmio);
}

/* ---- building ---- */

void virtio_mmio_init(struct virtio_mmio *mmio, const struct virtio_function *function, bool modern,
                      const struct memory *memory, struct clock *clock,
                      void (*warn)(void *owner, const char *text), void *owner)
{
    memset(mmio, 0, sizeof(*mmio));
    if (function)
        mmio->function = *function;
    mmio->modern = modern;
    mmio->memory = memory;
    mmio->clock = clock;
    mmio->warn = warn;
    mmio->owner = owner;
    timer_init(&mmio->timer, time_is_up, mmio);
    reset(mmio);
}

bool virtio_mmio_attach(struct virtio_mmio *mmio, struct bus *bus, uint32_t base)
{
    const struct bus_region region = {"virtio-mmio", base,       VIRTIO_MMIO_SIZE, 4,
                                      mmio_read,     mmio_write, .device = mmio};

    mmio->base = base;
    return !bus_add(bus, &region);
}

bool virtio_mmio_valid(const struct virtio_mmio *mmio, const struct virtio_mmio_state *s)
{
    struct virtio_mmio empty = {.s.queue_num = 0};

    if (mmio->function.device_id == 0) { /* an empty slot takes nothing, and stays as it is */
        reset(&empty);
        return memcmp(s, &empty.s, sizeof(*s)) == 0;
    }
    return s->queue_num > 0 && is_queue_size(s->queue_num) &&
           (s->queue_align == 0 || is_power_of_two(s->queue_align)) &&
           (s->guest_page_size == 0 || is_power_of_two(s->guest_page_size)) &&
           s->done_at <= CLOCK_MAX && ARE_BOOLS(&s->queue_ready, &s->busy);
}

void virtio_mmio_restored(struct virtio_mmio *mmio)
{
    virtio_mmio_update_irq(mmio);
}

void virtio_mmio_tell(const struct virtio_mmio *mmio, struct words *to)
{
    static const char *const statuses[8] = {"acknowledged",    "driver found", "driver ready",
                                            "features agreed", NULL,           NULL,
                                            "needs a reset",   "driver failed"};
    const struct virtio_mmio_state *s = &mmio->s;
    uint64_t now = clock_now(mmio->clock);

    words_print(to, "  driver: ");
    words_list_bits(to, s->status, statuses);
    words_end_list(to, "none yet");
    words_print(to, "  queue: %u descriptors, %u requests begun, %u completed", s->queue_num,
                s->next_available, s->next_used);
    if (s->busy) {
        words_print(to, ", one completes in ");
        words_time(to, s->done_at > now ? s->done_at - now : 0);
    }
    words_print(to, "\n  interrupt: %s\n",
                s->interrupt_status ? "requested, not acknowledged" : "none");
}
