/*
 * The virtio block device: a disk of the host, as a guest's. After Virtual I/O Device (VIRTIO) 1.1,
 * section 5.2. All of its state is the transport's (mmio.s).
 *
 * A request that was shown as done is in the host's page cache; for a driver that did not accept
 * VIRTIO_BLK_F_FLUSH, and so can't ask for more, it is on the medium (5.2.6.2).
 */
#ifndef VMM_DEV_VIRTIO_BLK_H
#define VMM_DEV_VIRTIO_BLK_H

#include "device.h"
#include "virtio_mmio.h"

/* The longest request, in bytes of data: the most work that one notify can be. */
#define VIRTIO_BLK_REQUEST_MAX (UINT64_C(64) << 20)

#define VIRTIO_BLK_CONFIG 24 /* bytes: up to blk_size */
#define VIRTIO_BLK_BOUNCE 65536

struct disk;

struct virtio_blk {
    struct virtio_mmio mmio;
    const struct disk *disk;
    unsigned told;    /* operations that have failed on the host, a bit each */
    bool has_written; /* the guest, to the disk */
    /* Told of each request when it has been done; NULL: nobody is. */
    void (*observe)(void *observer, unsigned slot, const char *what, uint64_t sector,
                    uint64_t bytes, bool ok);
    void *observer;
    unsigned slot; /* as the observer calls it */
    uint8_t config[VIRTIO_BLK_CONFIG];
    uint8_t bounce[VIRTIO_BLK_BOUNCE]; /* data on its way between disk and guest */
};

/*
 * A device after its reset, with registers as disk->modern says; with `disk` NULL an empty slot.
 * `warn`, which may be NULL, takes sentences about the guest's driver and the host's file. The rest
 * is done on `mmio`: its irq, virtio_mmio_attach, virtio_mmio_restored.
 */
void virtio_blk_init(struct virtio_blk *blk, const struct disk *disk, const struct memory *memory,
                     struct clock *clock, void (*warn)(void *owner, const char *text), void *owner);

extern const struct device_kind virtio_blk_kind;

#endif
