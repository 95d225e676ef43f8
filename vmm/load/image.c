/*
 * Detects an image's format, has the format's loader plan what goes where, and carries the plan
 * out. All writes to guest RAM happen at the end of this file.
 */
#include "formats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB UINT64_C(0x100000)

/* A file may be larger than RAM (debug information is not loaded), but not without end. */
#define FILE_LIMIT IMAGE_FILE_MAX

#define ROM_UNIT 0x10000

int load_fail(const struct loader *loader, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (loader->error_size == 0)
        return -1;
    snprintf(loader->error, loader->error_size, "%s: %s", loader->name, text);
    /* Names come from outside: keep the message one line, and harmless to a terminal. */
    for (char *c = loader->error; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
    return -1;
}

uint16_t load_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

uint32_t load_u32(const uint8_t *bytes)
{
    return load_u16(bytes) | (uint32_t)load_u16(bytes + 2) << 16;
}

static bool overlap(uint64_t base, uint64_t end, uint64_t other_base, uint64_t other_end)
{
    return base < other_end && other_base < end;
}

static int fail_past_ram(const struct loader *loader, const char *what, uint64_t end)
{
    uint64_t ram = loader->memory->size, wanted = (end + MIB - 1) / MIB;

    if (wanted * MIB > MEMORY_MAX)
        return load_fail(loader,
                         "%s ends at 0x%" PRIx64 ", above the 0x%" PRIx64
                         " bytes of RAM a machine can have: place it lower",
                         what, end, MEMORY_MAX);
    return load_fail(loader,
                     "%s ends at 0x%" PRIx64 ", but RAM ends at 0x%" PRIx64
                     ": give the machine more with -m %" PRIu64 "M, or place it lower",
                     what, end, ram, wanted);
}

static int check_place(const struct loader *loader, const struct load_segment *segment)
{
    uint64_t base = segment->address, end = base + segment->memory_size;

    if (end < base || end > UINT64_C(0x100000000))
        return load_fail(loader, "%s at 0x%" PRIx64 " goes past the end of the 4 GiB address space",
                         segment->what, base);
    if (end > loader->memory->size)
        return fail_past_ram(loader, segment->what, end);
    if (loader->boot_area_reserved && overlap(base, end, IMAGE_RESERVED_BASE, IMAGE_RESERVED_END))
        return load_fail(loader,
                         "%s takes 0x%" PRIx64 "-0x%" PRIx64
                         ", but the machine keeps its boot tables at 0x%" PRIx32 "-0x%" PRIx32
                         ": place it elsewhere, 0x100000 is usual",
                         segment->what, base, end - 1, IMAGE_RESERVED_BASE, IMAGE_RESERVED_END - 1);
    if (overlap(base, end, IMAGE_VIDEO_BASE, IMAGE_VIDEO_END))
        return load_fail(loader,
                         "%s takes 0x%" PRIx64 "-0x%" PRIx64 ", but video memory is at 0x%" PRIx32
                         "-0x%" PRIx32 ": keep it below, or above",
                         segment->what, base, end - 1, IMAGE_VIDEO_BASE, IMAGE_VIDEO_END - 1);
    return 0;
}

static bool make_room(struct loader *loader)
{
    size_t room = loader->segment_room ? loader->segment_room * 2 : 8;
    struct load_segment *segments;

    if (loader->segment_count < loader->segment_room)
        return true;
    segments = realloc(loader->segments, room * sizeof(*segments));
    if (!segments)
        return false;
    loader->segments = segments;
    loader->segment_room = room;
    return true;
}

int load_add(struct loader *loader, const struct load_segment *segment)
{
    if (segment->memory_size == 0) {
        free(segment->owned);
        return 0;
    }
    if (check_place(loader, segment) < 0)
        goto drop;
    if (!make_room(loader)) {
        load_fail(loader, "out of memory");
        goto drop;
    }
    loader->segments[loader->segment_count++] = *segment;
    if (segment->address < loader->lowest)
        loader->lowest = segment->address;
    if (segment->address + segment->memory_size > loader->highest)
        loader->highest = segment->address + segment->memory_size;
    return 0;

drop:
    free(segment->owned);
    return -1;
}

int load_read_file(const struct loader *loader, const char *prefix, const char *path,
                   uint8_t **bytes, size_t *size)
{
    uint64_t limit = loader->memory->size > FILE_LIMIT ? loader->memory->size : FILE_LIMIT;
    const struct image_request *request = loader->request;
    int error = request->read ? request->read(request->files, path, limit, bytes, size) : -ENOENT;

    switch (error) {
    case 0:
        return 0;
    case -ENOENT:
        return load_fail(loader, "%sno such file: check the path, or build it first", prefix);
    case -EISDIR:
        return load_fail(loader, "%sis a directory: give a file in it", prefix);
    case -EFBIG:
        return load_fail(loader,
                         "%sis larger than %" PRIu64 " MiB, and RAM is 0x%" PRIx64
                         " bytes: give the machine more with -m",
                         prefix, limit / MIB, loader->memory->size);
    default:
        return load_fail(loader, "%scan't be read: %s", prefix, strerror(-error));
    }
}

/* --append and --module reach only a Multiboot guest. */
static int check_no_multiboot_options(const struct loader *loader, const struct image *image)
{
    const struct image_request *request = loader->request;
    const char *option = NULL;

    if (request->module_count > 0)
        option = "--module";
    else if (request->command_line && request->command_line[0])
        option = "--append";
    if (!option)
        return 0;
    return load_fail(loader,
                     "%s needs an image with a Multiboot 1 header, and this one is %s: add the "
                     "header, or leave the option out",
                     option, image->format);
}

static int plan_forced(struct loader *loader, struct image *image)
{
    bool real = loader->request->mode == IMAGE_REAL16;

    if (load_is_elf(loader))
        return load_fail(loader,
                         "is an ELF file, which --mode %s can't start: leave --mode out, or make "
                         "a flat image with objcopy -O binary",
                         real ? "real" : "pm32");
    return real ? load_flat16(loader, image) : load_flat32(loader, image);
}

/* What a file of os/snapshot_file.c begins with. */
static const char snapshot_magic[] = "vmmsnap";

static int plan_detected(struct loader *loader, struct image *image)
{
    bool elf = load_is_elf(loader);
    uint32_t header = 0;
    int found;

    if (loader->size >= strlen(snapshot_magic) &&
        memcmp(loader->bytes, snapshot_magic, strlen(snapshot_magic)) == 0)
        return load_fail(loader, "is a snapshot, not an image: vmm run --restore FILE resumes it");
    /* First of all: no header can make code for another machine run. */
    if (elf && load_elf_check(loader) < 0)
        return -1;
    /* A disk may well hold a kernel with a Multiboot header, further in. */
    if (!elf && !loader->request->has_load_address &&
        image_is_boot_sector(loader->bytes, loader->size))
        return load_boot_sector(loader, image);
    found = load_multiboot_find(loader, &header);
    if (found < 0)
        return -1;
    if ((elf || found) && loader->request->has_load_address)
        return load_fail(loader,
                         "--load 0x%" PRIx32 " is for flat images; this is %s, and its own "
                         "headers say where it goes: leave --load out",
                         loader->request->load_address, found ? "Multiboot 1" : "ELF32");
    if (found)
        return load_multiboot(loader, header, image);
    if (elf)
        return load_elf(loader, image);
    if (load_flat_check(loader) < 0)
        return -1;
    return load_flat16(loader, image);
}

static int by_address(const void *left, const void *right)
{
    const struct load_segment *a = left, *b = right;

    return (a->address > b->address) - (a->address < b->address);
}

static int check_overlaps(struct loader *loader)
{
    qsort(loader->segments, loader->segment_count, sizeof(*loader->segments), by_address);
    for (size_t i = 1; i < loader->segment_count; i++) {
        const struct load_segment *a = &loader->segments[i - 1], *b = &loader->segments[i];

        if (a->address + a->memory_size > b->address)
            return load_fail(loader, "%s overlaps %s: give each its own addresses", a->what,
                             b->what);
    }
    return 0;
}

/* Zeroes RAM, but leaves alone what is zero, so that a large bss takes no host memory before the
 * guest uses it. */
static void zero(const struct memory *memory, uint64_t address, uint64_t length)
{
    static const uint8_t zeros[4096];

    while (length > 0) {
        uint64_t step = sizeof(zeros) - address % sizeof(zeros);
        const void *now;

        if (step > length)
            step = length;
        now = memory_at(memory, address, step);
        if (now && memcmp(now, zeros, step) != 0)
            memory_write(memory, address, zeros, step);
        address += step;
        length -= step;
    }
}

static void carry_out(const struct loader *loader)
{
    for (size_t i = 0; i < loader->segment_count; i++) {
        const struct load_segment *segment = &loader->segments[i];

        if (segment->file_size > 0)
            memory_write(loader->memory, segment->address, segment->bytes, segment->file_size);
        zero(loader->memory, segment->address + segment->file_size,
             segment->memory_size - segment->file_size);
    }
}

/* A ROM of at most `most` bytes that begins at `address`, or ends there. It is in RAM, and may be
 * written to, as after the chip set has copied it there. */
static int plan_rom(struct loader *loader, const char *option, const char *path, uint32_t address,
                    bool ends, size_t most)
{
    struct load_segment rom = {0};
    uint8_t *bytes;
    size_t size;

    snprintf(rom.what, sizeof(rom.what), "%s %s", option, path);
    snprintf(loader->name, sizeof(loader->name), "%s", rom.what);
    if (load_read_file(loader, "", path, &bytes, &size) < 0)
        return -1;
    rom.address = ends ? address - size : address;
    rom.memory_size = rom.file_size = size;
    rom.bytes = rom.owned = bytes;
    if (size > 0 && size <= most && (!ends || size % ROM_UNIT == 0))
        return load_add(loader, &rom);
    free(bytes);
    return load_fail(loader, "its %zu bytes are not a ROM of %s%u KiB%s", size,
                     ends ? "64 or " : "1 to ", (unsigned)most / 1024,
                     ends ? ": SeaBIOS's of 128 KiB is bios.bin" : "");
}

static int plan_bios(struct loader *loader, struct image *image)
{
    const struct image_request *request = loader->request;

    image->has_bios = request->bios;
    if (request->bios &&
        plan_rom(loader, "--bios", request->bios, IMAGE_BIOS_END, true, IMAGE_BIOS_MAX) < 0)
        return -1;
    if (request->option_rom && plan_rom(loader, "--option-rom", request->option_rom,
                                        IMAGE_OPTION_ROM, false, IMAGE_OPTION_ROM_SIZE) < 0)
        return -1;
    return 0;
}

/* Likewise --bios and --option-rom: only a boot sector or a drive needs a BIOS. */
static int check_no_rom(const struct loader *loader, const struct image *image)
{
    const struct image_request *request = loader->request;

    if (!request->bios && !request->option_rom)
        return 0;
    return load_fail(loader, "%s is for boot sectors and drives, and this is %s: leave it out",
                     request->bios ? "--bios" : "--option-rom", image->format);
}

static int plan_image(struct loader *loader, struct image *image)
{
    if (loader->request->from_drives) {
        *image = (struct image){
            .format = "drive", .start = IMAGE_START_BIOS, .entry = IMAGE_BOOT_ADDRESS};
        return 0;
    }
    if (loader->size == 0)
        return load_fail(loader, "is empty: there is nothing to run");
    return loader->request->mode == IMAGE_AUTO ? plan_detected(loader, image)
                                               : plan_forced(loader, image);
}

static int plan(struct loader *loader, struct image *image)
{
    if (plan_image(loader, image) < 0)
        return -1;
    if (image->start == IMAGE_START_BIOS) /* nothing else is in RAM yet */
        return check_no_multiboot_options(loader, image) < 0 ? -1 : plan_bios(loader, image);
    if (check_no_rom(loader, image) < 0)
        return -1;
    if (image->start != IMAGE_START_MULTIBOOT) {
        if (check_no_multiboot_options(loader, image) < 0)
            return -1;
        image->lowest = (uint32_t)loader->lowest;
        image->highest = (uint32_t)loader->highest;
    }
    return check_overlaps(loader);
}

static void set_up(struct loader *loader, const struct image_request *request,
                   const struct memory *memory, char *error, size_t error_size)
{
    const char *path = request->path ? request->path : "image";
    size_t length = strlen(path), most = sizeof(loader->name) - 4;

    *loader = (struct loader){
        .request = request,
        .memory = memory,
        .error = error,
        .error_size = error_size,
        .lowest = UINT64_MAX,
    };
    if (length > most)
        snprintf(loader->name, sizeof(loader->name), "...%s", path + length - most);
    else
        snprintf(loader->name, sizeof(loader->name), "%s", path);
}

int image_load_bytes(const struct image_request *request, const void *bytes, size_t size,
                     const struct memory *memory, struct image *image, char *error,
                     size_t error_size)
{
    struct loader loader;
    int result;

    set_up(&loader, request, memory, error, error_size);
    loader.bytes = bytes;
    loader.size = size;
    *image = (struct image){0};
    result = plan(&loader, image);
    if (result == 0) {
        carry_out(&loader);
    } else {
        free(image->disk);
        image->disk = NULL;
    }
    for (size_t i = 0; i < loader.segment_count; i++)
        free(loader.segments[i].owned);
    free(loader.segments);
    return result;
}

int image_load(const struct image_request *request, const struct memory *memory,
               struct image *image, char *error, size_t error_size)
{
    struct loader loader;
    uint8_t *bytes;
    size_t size;
    int result;

    set_up(&loader, request, memory, error, error_size);
    *image = (struct image){0};
    if (request->from_drives)
        return image_load_bytes(request, NULL, 0, memory, image, error, error_size);
    if (!request->path || !request->path[0])
        return load_fail(&loader, "no image file was named");
    if (load_read_file(&loader, "", request->path, &bytes, &size) < 0)
        return -1;
    result = image_load_bytes(request, bytes, size, memory, image, error, error_size);
    free(bytes);
    return result;
}
