/*
 * The virtio block device: from requests to the disk and back.
 */
#include "virtio_blk.h"

#include "base/disk.h"

#include <string.h>

#define DEVICE_BLOCK 2

#define F_SEG_MAX  (UINT64_C(1) << 2)
#define F_RO       (UINT64_C(1) << 5)
#define F_BLK_SIZE (UINT64_C(1) << 6)
#define F_FLUSH    (UINT64_C(1) << 9)

#define SEG_MAX (VIRTIO_QUEUE_MAX - 2) /* header and status are segments too */

/* In the configuration. */
#define CONFIG_CAPACITY 0
#define CONFIG_SEG_MAX  12
#define CONFIG_BLK_SIZE 20

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8 };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };

struct header {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
};

/* What the host does for a request; also the bit of `told`. */
enum operation { READ, WRITE, FLUSH };

static uint8_t status_of(struct virtio_blk *blk, enum operation operation, int error)
{
    static const char *const verbs[] = {[READ] = "read", [WRITE] = "write", [FLUSH] = "flush"};

    if (error == 0)
        return S_OK;
    if (!(blk->told & 1u << operation)) {
        blk->told |= 1u << operation;
        virtio_mmio_warn(&blk->mmio, "can't %s the file %.*s: %s; the guest gets an I/O error",
                         verbs[operation], DISK_NAME_SIZE, blk->disk->name, strerror(-error));
    }
    return S_IOERR;
}

static uint8_t flush(struct virtio_blk *blk)
{
    return status_of(blk, FLUSH, disk_flush(blk->disk));
}

/* `length` bytes of data from a sector on are on the disk, and not too many. */
static bool is_on_disk(struct virtio_blk *blk, uint64_t sector, uint64_t length)
{
    uint64_t sectors = blk->disk->sectors;

    return length % DISK_SECTOR == 0 && length <= VIRTIO_BLK_REQUEST_MAX && sector <= sectors &&
           length / DISK_SECTOR <= sectors - sector;
}

/* Reads; stores how many bytes the guest got. */
static uint8_t read_sectors(struct virtio_blk *blk, const struct virtio_request *request,
                            uint64_t sector, uint32_t *written)
{
    uint64_t length = request->writable_bytes - 1;

    if (!is_on_disk(blk, sector, length))
        return S_IOERR;
    for (uint64_t done = 0; done < length; done = *written) {
        size_t part = length - done < sizeof(blk->bounce) ? length - done : sizeof(blk->bounce);
        int error = disk_read(blk->disk, sector + done / DISK_SECTOR, blk->bounce, part);
        if (error)
            return status_of(blk, READ, error);
        virtio_request_write(request, done, blk->bounce, part);
        *written = (uint32_t)(done + part);
    }
    return S_OK;
}

static uint8_t write_sectors(struct virtio_blk *blk, const struct virtio_request *request,
                             uint64_t sector)
{
    uint64_t length = request->readable_bytes - sizeof(struct header);

    if (blk->disk->read_only || !is_on_disk(blk, sector, length))
        return S_IOERR;
    for (uint64_t done = 0; done < length;) {
        size_t part = length - done < sizeof(blk->bounce) ? length - done : sizeof(blk->bounce);
        virtio_request_read(request, sizeof(struct header) + done, blk->bounce, part);
        int error = disk_write(blk->disk, sector + done / DISK_SECTOR, blk->bounce, part);
        if (error)
            return status_of(blk, WRITE, error);
        blk->has_written = true;
        done += part;
    }
    return virtio_mmio_has(&blk->mmio, F_FLUSH) ? S_OK : flush(blk);
}

/* A name of 20 bytes, filled up with zeros; no more than the guest has room for. */
static uint8_t get_id(struct virtio_blk *blk, const struct virtio_request *request,
                      uint32_t *written)
{
    uint64_t room = request->writable_bytes - 1;

    *written = room < DISK_NAME_SIZE ? (uint32_t)room : DISK_NAME_SIZE;
    virtio_request_write(request, 0, blk->disk->name, *written);
    return S_OK;
}

static void tell(const struct virtio_blk *blk, const struct virtio_request *request,
                 const struct header *header, uint8_t status)
{
    static const char *const names[] = {
        [T_IN] = "read", [T_OUT] = "write", [T_FLUSH] = "flush", [T_GET_ID] = "id"};
    const char *what = header->type <= T_GET_ID ? names[header->type] : NULL;
    uint64_t bytes = header->type == T_IN    ? request->writable_bytes - 1
                     : header->type == T_OUT ? request->readable_bytes - sizeof(*header)
                                             : 0;

    if (blk->observe)
        blk->observe(blk->observer, blk->slot, what ? what : "unknown", header->sector, bytes,
                     status == S_OK);
}

/* Header first, status last, data between them, however they are cut into buffers (2.6.4). */
static bool serve(void *device, const struct virtio_request *request, uint32_t *written)
{
    struct virtio_blk *blk = device;
    struct header header;
    uint8_t status = S_UNSUPP;

    if (!virtio_request_read(request, 0, &header, sizeof(header)) || request->writable_bytes == 0)
        return false;
    *written = 0;
    switch (header.type) {
    case T_IN:
        status = read_sectors(blk, request, header.sector, written);
        break;
    case T_OUT:
        status = write_sectors(blk, request, header.sector);
        break;
    case T_FLUSH:
        status = flush(blk);
        break;
    case T_GET_ID:
        status = get_id(blk, request, written);
        break;
    default:
        break;
    }
    virtio_request_write(request, request->writable_bytes - 1, &status, sizeof(status));
    *written += (uint32_t)sizeof(status);
    tell(blk, request, &header, status);
    return true;
}

static void configure(struct virtio_blk *blk)
{
    const uint32_t seg_max = SEG_MAX, blk_size = DISK_SECTOR;

    memcpy(blk->config + CONFIG_CAPACITY, &blk->disk->sectors, sizeof(blk->disk->sectors));
    memcpy(blk->config + CONFIG_SEG_MAX, &seg_max, sizeof(seg_max));
    memcpy(blk->config + CONFIG_BLK_SIZE, &blk_size, sizeof(blk_size));
}

void virtio_blk_init(struct virtio_blk *blk, const struct disk *disk, const struct memory *memory,
                     struct clock *clock, void (*warn)(void *owner, const char *text), void *owner)
{
    const struct virtio_function function = {
        .name = "virtio-blk",
        .device_id = DEVICE_BLOCK,
        .features = F_SEG_MAX | F_BLK_SIZE | F_FLUSH | (disk && disk->read_only ? F_RO : 0),
        .config = blk->config,
        .config_size = VIRTIO_BLK_CONFIG,
        .serve = serve,
        .device = blk,
    };

    memset(blk, 0, sizeof(*blk));
    blk->disk = disk;
    if (disk)
        configure(blk);
    virtio_mmio_init(&blk->mmio, disk ? &function : NULL, disk && disk->modern, memory, clock, warn,
                     owner);
}

/* ---- what snapshots and the monitor ask ---- */

static bool valid(const void *device, const void *state)
{
    return virtio_mmio_valid(&((const struct virtio_blk *)device)->mmio, state);
}

static void restored(void *device)
{
    virtio_mmio_restored(&((struct virtio_blk *)device)->mmio);
}

static void tell_disk(const void *device, struct words *to)
{
    const struct virtio_blk *blk = device;
    const struct disk *disk = blk->disk;

    if (!disk) {
        words_print(to, "empty\n");
        return;
    }
    words_print(to, "%.*s, %llu sectors%s, registers of version %d at 0x%08x\n", DISK_NAME_SIZE,
                disk->name, (unsigned long long)disk->sectors, disk->read_only ? ", read-only" : "",
                blk->mmio.modern ? 2 : 1, blk->mmio.base);
    virtio_mmio_tell(&blk->mmio, to);
}

const struct device_kind virtio_blk_kind = {
    DEVICE_STATE(struct virtio_blk, mmio.s),
    .line = {{offsetof(struct virtio_blk, mmio.irq), "virtio-blk"}},
    .valid = valid,
    .restored = restored,
    .tell = tell_disk,
};
