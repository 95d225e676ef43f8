/*
 * The file of a snapshot: a header, the state of the CPU and of each part by name, scripted input,
 * the pages of RAM that are not zero, a checksum.
 */
#include "machine/snapshot_parts.h"

#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* To be raised when a part changes its meaning and not its size. */
#define VERSION 2

static const char magic[8] = "vmmsnap";

struct header {
    char magic[8];
    uint32_t version;
    uint32_t host; /* what decides how the structs lie in memory */
    uint64_t memory_size;
    char engine[8];
    uint32_t parts, pages;
};

/* Before the bytes of each part; then, for scripts, come as many of `struct inbox_event`. */
struct section {
    char name[16];
    uint64_t size;
};

static const char cpu_name[] = "cpu", disk_kinds[] = "disks";

static const char *const script_names[INBOX_RINGS] = {
    [INBOX_SERIAL] = "serial-input",
    [INBOX_KEYBOARD] = "key-input",
};

static uint32_t this_host(void)
{
#if defined(__x86_64__)
    return 1;
#else
    return 2 + (uint32_t)sizeof(long double);
#endif
}

/* 64-bit FNV-1a. */
static uint64_t checksum(uint64_t sum, const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;

    for (size_t i = 0; i < size; i++)
        sum = (sum ^ byte[i]) * UINT64_C(0x100000001b3);
    return sum;
}

#define CHECKSUM_START UINT64_C(0xcbf29ce484222325)

struct writer {
    FILE *file;
    uint64_t sum;
};

static void put(struct writer *writer, const void *bytes, size_t size)
{
    if (size > 0)
        fwrite(bytes, 1, size, writer->file); /* errors are asked for at the end */
    writer->sum = checksum(writer->sum, bytes, size);
}

static void put_section(struct writer *writer, const char *name, const void *bytes, size_t size)
{
    struct section section = {.size = size};

    snprintf(section.name, sizeof(section.name), "%s", name);
    put(writer, &section, sizeof(section));
    put(writer, bytes, size);
}

/* Pages that are not zero; those of the framebuffer are numbered behind those of RAM. */
static uint32_t count_pages(const struct ram_image *image)
{
    uint32_t count = 0;

    for (uint32_t i = 0; image && i < image->page_count; i++)
        count += image->pages[i] != NULL;
    return count;
}

static void put_pages(struct writer *writer, const struct ram_image *image, uint32_t first)
{
    for (uint32_t i = 0; image && i < image->page_count; i++) {
        uint32_t number = first + i;
        if (!image->pages[i])
            continue;
        put(writer, &number, sizeof(number));
        put(writer, image->pages[i]->bytes, MEMORY_PAGE);
    }
}

static void put_all(struct writer *writer, const struct snapshot *snapshot)
{
    const struct ram_image *ram = snapshot->ram;
    struct header header = {
        .version = VERSION,
        .host = this_host(),
        .memory_size = snapshot_memory_size(snapshot),
        .parts = snapshot_part_count(),
    };

    memcpy(header.magic, magic, sizeof(magic));
    memcpy(header.engine, snapshot->engine, sizeof(header.engine));
    header.pages = count_pages(ram) + count_pages(snapshot->frame);
    put(writer, &header, sizeof(header));
    put_section(writer, cpu_name, snapshot->cpu, snapshot->cpu_size);
    for (unsigned i = 0; i < snapshot_part_count(); i++)
        put_section(writer, snapshot_part(i).name, snapshot->part[i], snapshot_part(i).size);
    put_section(writer, disk_kinds, snapshot->disks, sizeof(snapshot->disks));
    for (unsigned ring = 0; ring < INBOX_RINGS; ring++)
        put_section(writer, script_names[ring], snapshot->script[ring].left.events,
                    snapshot->script[ring].left.count * sizeof(struct inbox_event));
    put_pages(writer, ram, 0);
    put_pages(writer, snapshot->frame, ram->page_count);
    fwrite(&writer->sum, 1, sizeof(writer->sum), writer->file);
}

static int refuse_path(const char *path, char *error, size_t error_size)
{
    return snapshot_refuse(error, error_size, "can't write the snapshot %s: %s", path,
                           errno == EINVAL ? "it is there, and no file" : strerror(errno));
}

int snapshot_can_write(const char *path, char *error, size_t error_size)
{
    int fd = file_do(path, FILE_DRAFT);

    if (fd < 0) {
        errno = -fd;
        return refuse_path(path, error, error_size);
    }
    close(fd);
    file_do(path, FILE_DROP);
    return 0;
}

int snapshot_write(const struct snapshot *snapshot, const char *path, char *error,
                   size_t error_size)
{
    struct writer writer = {.file = file_stream(path, FILE_DRAFT), .sum = CHECKSUM_START};
    bool ok;
    int failure;

    if (!writer.file)
        return refuse_path(path, error, error_size);
    put_all(&writer, snapshot);
    ok = !ferror(writer.file) && fflush(writer.file) == 0 && fsync(fileno(writer.file)) == 0;
    failure = ok ? 0 : -errno;
    if (fclose(writer.file) != 0 && ok)
        failure = -errno;
    if (failure == 0)
        failure = file_do(path, FILE_KEEP);
    if (failure == 0)
        return 0;
    file_do(path, FILE_DROP);
    errno = -failure;
    return refuse_path(path, error, error_size);
}

/* What is left of a file that was read. */
struct reader {
    const uint8_t *at, *end;
};

static const void *get(struct reader *reader, size_t size)
{
    const uint8_t *bytes = reader->at;

    if ((size_t)(reader->end - reader->at) < size)
        return NULL;
    reader->at += size;
    return bytes;
}

/* A section's bytes; NULL if the next one has another name, or another size (but for 0: any). */
static const void *get_section(struct reader *reader, const char *name, size_t *size)
{
    struct section section;
    const void *bytes = get(reader, sizeof(section));

    if (!bytes)
        return NULL;
    memcpy(&section, bytes, sizeof(section));
    if (strncmp(section.name, name, sizeof(section.name)) != 0 ||
        (*size && section.size != *size) || section.size > (size_t)(reader->end - reader->at))
        return NULL;
    *size = (size_t)section.size;
    return get(reader, *size);
}

static bool set_page(struct snapshot *snapshot, uint32_t page, const uint8_t *bytes)
{
    if (page < snapshot->ram->page_count)
        return ram_image_set(snapshot->ram, page, bytes);
    page -= snapshot->ram->page_count;
    if (!snapshot->frame)
        snapshot->frame = ram_image_new(VGA_FRAME_SIZE);
    return snapshot->frame && page < snapshot->frame->page_count &&
           ram_image_set(snapshot->frame, page, bytes);
}

/* Everything behind the header. False: out of memory, or not what this program writes. */
static bool get_all(struct reader *reader, const struct header *header, struct snapshot **to)
{
    size_t size = 0;
    const void *bytes = get_section(reader, cpu_name, &size);
    struct snapshot *snapshot = bytes ? snapshot_new(header->engine, size) : NULL;

    *to = snapshot;
    if (!snapshot || header->parts != snapshot_part_count())
        return false;
    memcpy(snapshot->cpu, bytes, size);
    for (unsigned i = 0; i < snapshot_part_count(); i++) {
        size = snapshot_part(i).size;
        bytes = get_section(reader, snapshot_part(i).name, &size);
        if (!bytes)
            return false;
        memcpy(snapshot->part[i], bytes, size);
    }
    size = sizeof(snapshot->disks);
    bytes = get_section(reader, disk_kinds, &size);
    if (!bytes)
        return false;
    memcpy(snapshot->disks, bytes, size);
    for (unsigned ring = 0; ring < INBOX_RINGS; ring++) {
        struct script *script = &snapshot->script[ring];
        size = 0;
        bytes = get_section(reader, script_names[ring], &size);
        if (!bytes || size % sizeof(struct inbox_event) != 0)
            return false;
        script->own = malloc(size + 1);
        if (!script->own)
            return false;
        memcpy(script->own, bytes, size);
        script->left.events = script->own;
        script->left.count = size / sizeof(struct inbox_event);
        for (size_t i = 0; i < script->left.count; i++) {
            if (!ARE_BOOLS(&script->left.events[i].down))
                return false;
        }
    }
    snapshot->ram = ram_image_new(header->memory_size);
    for (uint32_t i = 0; snapshot->ram && i < header->pages; i++) {
        uint32_t page;
        bytes = get(reader, sizeof(page) + MEMORY_PAGE);
        if (!bytes)
            return false;
        memcpy(&page, bytes, sizeof(page));
        if (!set_page(snapshot, page, (const uint8_t *)bytes + sizeof(page)))
            return false;
    }
    return snapshot->ram && reader->at == reader->end;
}

static bool has_magic(const uint8_t *bytes, size_t size)
{
    return size >= sizeof(magic) && memcmp(bytes, magic, sizeof(magic)) == 0;
}

struct snapshot *snapshot_parse(const char *name, const uint8_t *bytes, size_t size, char *error,
                                size_t error_size)
{
    struct reader reader = {bytes, bytes + size};
    struct snapshot *snapshot = NULL;
    struct header header;
    uint64_t sum;

    if (size < sizeof(header) + sizeof(sum) || !has_magic(bytes, size)) {
        snapshot_refuse(error, error_size,
                        "%s is not a snapshot ('vmm run --save FILE' writes one)", name);
        return NULL;
    }
    memcpy(&header, get(&reader, sizeof(header)), sizeof(header));
    reader.end -= sizeof(sum);
    memcpy(&sum, reader.end, sizeof(sum));
    if (header.version != VERSION)
        snapshot_refuse(error, error_size,
                        "%s is a snapshot of version %u, this vmm has version %u", name,
                        header.version, VERSION);
    else if (sum != checksum(CHECKSUM_START, bytes, size - sizeof(sum)))
        snapshot_refuse(error, error_size, "%s is damaged or cut short: its checksum is wrong",
                        name);
    else if (header.host != this_host())
        snapshot_refuse(error, error_size, "%s was written on another kind of processor", name);
    else if (header.memory_size < MEMORY_MIN || header.memory_size > MEMORY_MAX ||
             header.memory_size % MEMORY_PAGE != 0 || header.engine[sizeof(header.engine) - 1] ||
             !get_all(&reader, &header, &snapshot))
        snapshot_refuse(error, error_size,
                        "%s was written by another build of vmm, with other devices", name);
    else
        return snapshot;
    snapshot_free(snapshot);
    return NULL;
}

struct snapshot *snapshot_read(const char *path, char *error, size_t error_size)
{
    struct snapshot *snapshot = NULL;
    FILE *file = file_stream(path, FILE_READ);
    uint8_t *bytes = NULL;
    size_t size = 0, room = 0, count = 1;

    while (file && count > 0) {
        if (size == room) {
            uint8_t *grown = realloc(bytes, room = 2 * room + 65536);
            if (!grown) {
                errno = ENOMEM;
                break;
            }
            bytes = grown;
        }
        count = fread(bytes + size, 1, room - size, file);
        size += count;
        if (!has_magic(bytes, size))
            break; /* what it is may have no end */
    }
    if (!file || (file && ferror(file)) || (count > 0 && has_magic(bytes, size)))
        snapshot_refuse(error, error_size, "can't read the snapshot %s: %s", path, strerror(errno));
    else
        snapshot = snapshot_parse(path, bytes, size, error, error_size);
    if (file)
        fclose(file);
    free(bytes);
    return snapshot;
}
