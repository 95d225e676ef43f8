/*
 * A virtio device on the memory-mapped transport: registers, one split virtqueue, an interrupt
 * line. After Virtual I/O Device (VIRTIO) 1.1: 4.2 the registers, 4.2.4 the legacy ones, 2.6 the
 * queue. The device's function carries out the requests (virtio_blk.h).
 *
 * It does one request at a time: all of its work at once, when it is notified of it, but shows it
 * in the used ring, with the interrupt, VIRTIO_LATENCY_NS of the guest's time later, and then
 * begins the next one. So the used ring is not written, nor the interrupt raised, from within the
 * notify, as with hardware; in virtual time every run is the same, since the host's speed does not
 * show; and no notify is more work than one request. What a read gives is in RAM from the notify
 * on.
 *
 * A queue that breaks the rules stops the device until it is reset (DEVICE_NEEDS_RESET), with a
 * sentence for people, once for each kind of mistake.
 */
#ifndef VMM_DEV_VIRTIO_MMIO_H
#define VMM_DEV_VIRTIO_MMIO_H

#include "base/clock.h"
#include "base/irq_line.h"
#include "device.h"

#include <stdbool.h>
#include <stdint.h>

#define VIRTIO_MMIO_SIZE  0x200
#define VIRTIO_QUEUE_MAX  256
#define VIRTIO_LATENCY_NS UINT64_C(50000)

#define VIRTIO_F_ANY_LAYOUT (UINT64_C(1) << 27) /* legacy: buffers may be cut anywhere */
#define VIRTIO_F_VERSION_1  (UINT64_C(1) << 32)

struct bus;
struct memory;

/* A request: buffers in guest RAM, the `readable` first ones to be read, the others written. */
struct virtio_request {
    const struct memory *memory;
    unsigned count, readable;
    uint64_t readable_bytes, writable_bytes;
    struct virtio_buffer {
        uint64_t address;
        uint32_t length;
    } buffer[VIRTIO_QUEUE_MAX];
};

/*
 * Copy from the readable bytes, and to the writable ones, of a request as if each were in one
 * piece. False, with nothing copied, unless `length` bytes are there from `offset` on.
 */
bool virtio_request_read(const struct virtio_request *request, uint64_t offset, void *to,
                         uint64_t length);
bool virtio_request_write(const struct virtio_request *request, uint64_t offset, const void *from,
                          uint64_t length);

/* What kind of device it is. */
struct virtio_function {
    const char *name;
    uint32_t device_id;
    uint64_t features; /* offered, without those of the transport; only bits 0 to 23 */
    const uint8_t *config;
    uint32_t config_size;
    /* Does a request and stores how many bytes it wrote; false if it can't even say that it failed.
     */
    bool (*serve)(void *device, const struct virtio_request *request, uint32_t *written);
    void *device;
};

struct virtio_mmio_state {
    uint32_t device_features_sel;
    uint32_t driver_features_sel;
    uint64_t driver_features;
    uint32_t queue_sel;
    uint32_t queue_num;
    uint32_t guest_page_size; /* legacy; 0: never written */
    uint32_t queue_align;     /* legacy; 0: never written */
    uint32_t queue_pfn;       /* legacy */
    uint64_t queue_desc;      /* these three: version 2 */
    uint64_t queue_driver;
    uint64_t queue_device;
    bool queue_ready;
    uint8_t status;
    uint8_t interrupt_status;
    uint16_t next_available; /* the ring entries that come next */
    uint16_t next_used;
    bool busy;        /* a request has been done and not yet shown: */
    uint16_t head;    /* its first descriptor */
    uint32_t written; /* what it wrote, in bytes */
    uint64_t done_at; /* when it will be shown, ns */
};

struct virtio_mmio {
    struct virtio_mmio_state s;
    struct virtio_function function; /* device_id 0: an empty slot */
    bool modern;                     /* version 2 */
    const struct memory *memory;
    struct clock *clock;
    struct timer timer;
    struct irq_line irq;
    uint32_t base;
    /* Takes a sentence about the guest's driver; may be NULL. */
    void (*warn)(void *owner, const char *text);
    void *owner;
    uint32_t told; /* mistakes that it has been given, a bit each */
};

/* A device after its reset; with `function` NULL a slot without one. Copies `function`. */
void virtio_mmio_init(struct virtio_mmio *mmio, const struct virtio_function *function, bool modern,
                      const struct memory *memory, struct clock *clock,
                      void (*warn)(void *owner, const char *text), void *owner);

/* Attaches VIRTIO_MMIO_SIZE bytes of registers; false if some of them are taken. */
bool virtio_mmio_attach(struct virtio_mmio *mmio, struct bus *bus, uint32_t base);

/* Whether a state is one that this device could have (device.h). */
bool virtio_mmio_valid(const struct virtio_mmio *mmio, const struct virtio_mmio_state *s);

/* To be called after `s` was replaced by a valid one: drives the line, arms the timer again. */
void virtio_mmio_restored(struct virtio_mmio *mmio);

/* Says how driver, queue and interrupt are. */
void virtio_mmio_tell(const struct virtio_mmio *mmio, struct words *to);

/* The driver has accepted all of these features. */
bool virtio_mmio_has(const struct virtio_mmio *mmio, uint64_t features);

/* Warns, in the device's name. */
__attribute__((format(printf, 2, 3))) void virtio_mmio_warn(const struct virtio_mmio *mmio,
                                                            const char *format, ...);

#endif
