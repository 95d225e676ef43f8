/*
 * Multiboot 1 (Multiboot Specification 0.6.96): finds the header, plans the image by its address
 * fields or as ELF, the modules behind it, and the information structure EBX will point to.
 *
 * Where things go: modules from the first page boundary at or above both the image's end and 1 MiB,
 * each on a page of its own, asked for or not. The information at IMAGE_MULTIBOOT_INFO; if the
 * image is in the way, right behind it in low memory; if there is no room, behind the last module.
 *
 * Given: memory sizes and map, command line, modules, loader name; for a kernel that asks for a
 * video mode, a description of the text mode there is (the header's mode is only a preference, so
 * such kernels are not refused). Not given: boot device, symbols, drives, APM, VBE.
 */
#include "formats.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_MAGIC   UINT32_C(0x1badb002)
#define HEADER_WINDOW  8192u  /* the header must end in this */
#define SEARCHED       65536u /* looked through for misplaced headers, to say so */
#define HEADER_PLAIN   12u
#define HEADER_ADDRESS 32u
#define BOOT_MAGIC     UINT32_C(0x2badb002) /* EAX at entry */
#define HEADER2_MAGIC  UINT32_C(0xe85250d6)
#define HEADER2_WINDOW 32768u
#define HEADER2_PLAIN  16u

/* Header flags. Those in REQUIRED must be understood or the image refused; the rest are options. */
#define HEADER_ALIGN_MODULES UINT32_C(0x00000001)
#define HEADER_WANT_MEMORY   UINT32_C(0x00000002)
#define HEADER_WANT_VIDEO    UINT32_C(0x00000004)
#define HEADER_HAS_ADDRESSES UINT32_C(0x00010000)
#define HEADER_REQUIRED      UINT32_C(0x0000ffff)
#define HEADER_KNOWN         (HEADER_ALIGN_MODULES | HEADER_WANT_MEMORY | HEADER_WANT_VIDEO)

/* The information structure: offsets of its fields, and flags that say which are there. */
#define INFO_FLAGS       0u
#define INFO_MEM_LOWER   4u
#define INFO_MEM_UPPER   8u
#define INFO_CMDLINE     16u
#define INFO_MODS_COUNT  20u
#define INFO_MODS_ADDR   24u
#define INFO_MMAP_LENGTH 44u
#define INFO_MMAP_ADDR   48u
#define INFO_LOADER_NAME 64u
#define INFO_FB_ADDR     88u
#define INFO_FB_PITCH    96u
#define INFO_FB_WIDTH    100u
#define INFO_FB_HEIGHT   104u
#define INFO_FB_BPP      108u
#define INFO_FB_TYPE     109u
#define INFO_SIZE        116u

#define FLAG_MEMORY      UINT32_C(0x0001)
#define FLAG_CMDLINE     UINT32_C(0x0004)
#define FLAG_MODS        UINT32_C(0x0008)
#define FLAG_MMAP        UINT32_C(0x0040)
#define FLAG_LOADER_NAME UINT32_C(0x0200)
#define FLAG_FRAMEBUFFER UINT32_C(0x1000)

#define MODULE_SIZE  16u
#define MMAP_SIZE    24u /* with the size field, which counts the 20 bytes after it */
#define MMAP_ENTRIES 4u
#define MMAP_USABLE  1u
#define MMAP_HIDDEN  2u

#define FB_TYPE_TEXT 2u
#define TEXT_ADDRESS UINT32_C(0xb8000)
#define TEXT_COLUMNS 80u
#define TEXT_ROWS    25u

#define PAGE        UINT64_C(4096)
#define LOW_END     UINT64_C(0x9fc00) /* the last KiB is the BIOS's, as on a PC */
#define HIGH_BASE   UINT64_C(0x100000)
#define DEVICES     UINT64_C(0xfeb00000) /* memory-mapped registers, up to 4 GiB */
#define SPACE_END   UINT64_C(0x100000000)
#define LOADER_NAME "vmm"

/* Where things are, between their planning and the writing of the information. */
struct placed_module {
    uint32_t start, end;
    const char *path, *command_line;
};

struct placement {
    uint32_t header_flags;
    struct placed_module *modules;
    unsigned module_count;
    uint64_t next; /* the first free address above the image and the modules planned so far */
};

/* The information, built in host memory; `base` is where the guest will see it. */
struct info {
    uint8_t *bytes;
    size_t size, used;
    uint32_t base;
};

static bool is_header(const struct loader *loader, size_t offset)
{
    const uint8_t *at = loader->bytes + offset;

    return loader->size - offset >= HEADER_PLAIN && load_u32(at) == HEADER_MAGIC &&
           load_u32(at) + load_u32(at + 4) + load_u32(at + 8) == 0;
}

/* The magic with flags that nothing but a header would have behind it. */
static bool is_header_but_for_checksum(const struct loader *loader, size_t offset)
{
    const uint8_t *at = loader->bytes + offset;

    return offset % 4 == 0 && loader->size - offset >= HEADER_PLAIN &&
           load_u32(at) == HEADER_MAGIC &&
           (load_u32(at + 4) & ~(HEADER_KNOWN | HEADER_HAS_ADDRESSES)) == 0;
}

static bool has_multiboot2_header(const struct loader *loader)
{
    for (size_t i = 0; i + HEADER2_PLAIN <= loader->size && i + HEADER2_PLAIN <= HEADER2_WINDOW;
         i += 8) {
        const uint8_t *at = loader->bytes + i;

        if (load_u32(at) == HEADER2_MAGIC &&
            load_u32(at) + load_u32(at + 4) + load_u32(at + 8) + load_u32(at + 12) == 0)
            return true;
    }
    return false;
}

static int check_misplaced(const struct loader *loader)
{
    size_t end = loader->size < SEARCHED ? loader->size : SEARCHED;

    for (size_t i = 0; i < end; i++) {
        if (is_header(loader, i) && i % 4 != 0)
            return load_fail(loader,
                             "its Multiboot header is at offset 0x%zx of the file, not a multiple "
                             "of 4: put an align 4 before it",
                             i);
        if (is_header(loader, i))
            return load_fail(loader,
                             "its Multiboot header is at offset 0x%zx of the file, and must end "
                             "within the first 8192 bytes: have the linker script place its "
                             "section first",
                             i);
        if (i < HEADER_WINDOW && is_header_but_for_checksum(loader, i))
            return load_fail(loader,
                             "the checksum of its Multiboot header, at offset 0x%zx, is 0x%" PRIx32
                             ", not 0x%" PRIx32 ": it must be -(magic + flags)",
                             i, load_u32(loader->bytes + i + 8),
                             0 - HEADER_MAGIC - load_u32(loader->bytes + i + 4));
    }
    if (has_multiboot2_header(loader))
        return load_fail(loader, "has a Multiboot 2 header only, and this machine speaks "
                                 "Multiboot 1: add a header with magic 0x1badb002");
    return 0;
}

int load_multiboot_find(const struct loader *loader, uint32_t *header)
{
    for (uint32_t i = 0; i + HEADER_PLAIN <= HEADER_WINDOW && i < loader->size; i += 4) {
        if (is_header(loader, i)) {
            *header = i;
            return 1;
        }
    }
    return check_misplaced(loader);
}

/* Bits this loader does not know: 3 to 15 ask for something a kernel can't do without. */
static int check_flags(const struct loader *loader, uint32_t flags)
{
    uint32_t unknown = flags & HEADER_REQUIRED & ~HEADER_KNOWN;
    unsigned bit = 0;

    if (unknown == 0)
        return 0;
    while (!(unknown >> bit & 1))
        bit++;
    return load_fail(loader,
                     "the flags of its Multiboot header, 0x%" PRIx32 ", require feature bit %u, "
                     "which this machine does not have: clear it",
                     flags, bit);
}

/* The address fields of the header (section 3.1.3). */
struct addresses {
    uint32_t header, load, load_end, bss_end, entry;
};

static int read_addresses(const struct loader *loader, uint32_t header, struct addresses *a)
{
    const uint8_t *at = loader->bytes + header;

    if (loader->size - header < HEADER_ADDRESS || header + HEADER_ADDRESS > HEADER_WINDOW)
        return load_fail(loader,
                         "its Multiboot header at offset 0x%" PRIx32 " is cut short: with flag "
                         "bit 16 it takes 32 bytes, within the file and its first 8192 bytes",
                         header);
    a->header = load_u32(at + 12);
    a->load = load_u32(at + 16);
    a->load_end = load_u32(at + 20);
    a->bss_end = load_u32(at + 24);
    a->entry = load_u32(at + 28);
    return 0;
}

/* Finds what of the file is loaded: `size` bytes from `offset`. */
static int find_data(const struct loader *loader, uint32_t header, const struct addresses *a,
                     uint64_t *offset, uint64_t *size)
{
    if (a->load > a->header)
        return load_fail(loader,
                         "Multiboot load_addr 0x%" PRIx32 " is above header_addr 0x%" PRIx32,
                         a->load, a->header);
    if (a->header - a->load > header)
        return load_fail(loader,
                         "Multiboot load_addr 0x%" PRIx32 " is 0x%" PRIx32 " bytes before "
                         "header_addr, but the header is only 0x%" PRIx32 " bytes into the file",
                         a->load, a->header - a->load, header);
    *offset = header - (a->header - a->load);
    *size = loader->size - *offset;
    if (a->load_end == 0)
        return 0;
    if (a->load_end <= a->load)
        return load_fail(loader,
                         "Multiboot load_end_addr 0x%" PRIx32 " is not above load_addr 0x%" PRIx32,
                         a->load_end, a->load);
    if (a->load_end - a->load > *size)
        return load_fail(loader,
                         "Multiboot load_end_addr 0x%" PRIx32 " asks for 0x%" PRIx32 " bytes, but "
                         "the file has only 0x%" PRIx64 " from load_addr on: it may be cut short",
                         a->load_end, a->load_end - a->load, *size);
    *size = a->load_end - a->load;
    return 0;
}

/* Plans the image by the header's address fields, whatever else the file is. */
static int plan_addresses(struct loader *loader, uint32_t header, uint32_t *entry)
{
    struct load_segment segment = {0};
    struct addresses a = {0};
    uint64_t offset = 0, end;

    if (read_addresses(loader, header, &a) < 0 ||
        find_data(loader, header, &a, &offset, &segment.file_size) < 0)
        return -1;
    end = a.load + segment.file_size;
    if (a.bss_end != 0 && a.bss_end < end)
        return load_fail(loader,
                         "Multiboot bss_end_addr 0x%" PRIx32 " is below the end of the data, "
                         "0x%" PRIx64 ": raise it, or set load_end_addr if that is 0",
                         a.bss_end, end);
    if (a.bss_end != 0)
        end = a.bss_end;
    if (a.entry < a.load || a.entry >= end)
        return load_fail(loader,
                         "Multiboot entry_addr 0x%" PRIx32 " is outside what is loaded, "
                         "0x%" PRIx32 "-0x%" PRIx64,
                         a.entry, a.load, end - 1);
    *entry = a.entry;
    segment.address = a.load;
    segment.memory_size = end - a.load;
    segment.bytes = loader->bytes + offset;
    snprintf(segment.what, sizeof(segment.what), "the image (Multiboot load_addr 0x%" PRIx32 ")",
             a.load);
    return load_add(loader, &segment);
}

static uint64_t align_up(uint64_t value, uint64_t to)
{
    return (value + to - 1) / to * to;
}

static int plan_module(struct loader *loader, const struct image_module *module, unsigned index,
                       struct placement *placement)
{
    struct placed_module *placed = &placement->modules[index];
    struct load_segment segment = {.address = placement->next};
    char prefix[128];
    uint8_t *bytes;
    size_t size, length = strlen(module->path);

    snprintf(prefix, sizeof(prefix), "module %u, %s%s, ", index, length > 80 ? "..." : "",
             module->path + (length > 80 ? length - 80 : 0));
    if (load_read_file(loader, prefix, module->path, &bytes, &size) < 0)
        return -1;
    segment.memory_size = segment.file_size = size;
    segment.bytes = segment.owned = bytes;
    snprintf(segment.what, sizeof(segment.what), "module %u (0x%zx bytes)", index, size);
    if (load_add(loader, &segment) < 0)
        return -1;
    placed->start = (uint32_t)segment.address;
    placed->end = (uint32_t)(segment.address + size);
    placed->path = module->path;
    placed->command_line = module->command_line;
    placement->next = align_up(segment.address + size, PAGE);
    return 0;
}

/* "path arguments", or the path alone. */
static size_t line_size(const char *path, const char *arguments)
{
    size_t size = strlen(path) + 1;

    return arguments && arguments[0] ? size + 1 + strlen(arguments) : size;
}

static void put_u32(struct info *info, size_t offset, uint32_t value)
{
    for (size_t i = 0; i < 4; i++)
        info->bytes[offset + i] = (uint8_t)(value >> 8 * i);
}

static void put_u64(struct info *info, size_t offset, uint64_t value)
{
    put_u32(info, offset, (uint32_t)value);
    put_u32(info, offset + 4, (uint32_t)(value >> 32));
}

/* Sets aside `size` bytes, and returns their offset. */
static size_t take(struct info *info, size_t size)
{
    size_t offset = info->used;

    info->used += size;
    return offset;
}

/* Returns the guest address of the line. */
static uint32_t put_line(struct info *info, const char *path, const char *arguments)
{
    size_t size = line_size(path, arguments), offset = take(info, size);

    snprintf((char *)info->bytes + offset, size, "%s%s%s", path,
             arguments && arguments[0] ? " " : "", arguments ? arguments : "");
    return info->base + (uint32_t)offset;
}

static void put_memory_map(struct info *info, uint64_t ram)
{
    const struct {
        uint64_t base, end;
        uint32_t type;
    } areas[MMAP_ENTRIES] = {
        {0, LOW_END, MMAP_USABLE},
        {LOW_END, HIGH_BASE, MMAP_HIDDEN},
        {HIGH_BASE, ram, MMAP_USABLE},
        {DEVICES, SPACE_END, MMAP_HIDDEN},
    };
    size_t start = info->used;

    for (size_t i = 0; i < MMAP_ENTRIES; i++) {
        size_t offset;

        if (areas[i].end <= areas[i].base)
            continue;
        offset = take(info, MMAP_SIZE);
        put_u32(info, offset, MMAP_SIZE - 4);
        put_u64(info, offset + 4, areas[i].base);
        put_u64(info, offset + 12, areas[i].end - areas[i].base);
        put_u32(info, offset + 20, areas[i].type);
    }
    put_u32(info, INFO_MMAP_LENGTH, (uint32_t)(info->used - start));
    put_u32(info, INFO_MMAP_ADDR, info->base + (uint32_t)start);
}

static void put_modules(struct info *info, const struct placement *placement)
{
    size_t table = take(info, placement->module_count * (size_t)MODULE_SIZE);

    put_u32(info, INFO_MODS_COUNT, placement->module_count);
    put_u32(info, INFO_MODS_ADDR, info->base + (uint32_t)table);
    for (unsigned i = 0; i < placement->module_count; i++) {
        const struct placed_module *module = &placement->modules[i];
        size_t entry = table + i * (size_t)MODULE_SIZE;

        put_u32(info, entry, module->start);
        put_u32(info, entry + 4, module->end);
        put_u32(info, entry + 8, put_line(info, module->path, module->command_line));
    }
}

static void put_text_mode(struct info *info)
{
    put_u64(info, INFO_FB_ADDR, TEXT_ADDRESS);
    put_u32(info, INFO_FB_PITCH, TEXT_COLUMNS * 2);
    put_u32(info, INFO_FB_WIDTH, TEXT_COLUMNS);
    put_u32(info, INFO_FB_HEIGHT, TEXT_ROWS);
    info->bytes[INFO_FB_BPP] = 16;
    info->bytes[INFO_FB_TYPE] = FB_TYPE_TEXT;
}

static void put_info(struct info *info, const struct loader *loader, const char *path,
                     const struct placement *placement)
{
    uint64_t ram = loader->memory->size;
    uint32_t flags = FLAG_MEMORY | FLAG_CMDLINE | FLAG_MODS | FLAG_MMAP | FLAG_LOADER_NAME;

    take(info, INFO_SIZE);
    put_u32(info, INFO_MEM_LOWER, (uint32_t)(LOW_END / 1024));
    put_u32(info, INFO_MEM_UPPER, ram > HIGH_BASE ? (uint32_t)((ram - HIGH_BASE) / 1024) : 0);
    put_memory_map(info, ram);
    put_modules(info, placement);
    put_u32(info, INFO_CMDLINE, put_line(info, path, loader->request->command_line));
    put_u32(info, INFO_LOADER_NAME, put_line(info, LOADER_NAME, NULL));
    if (placement->header_flags & HEADER_WANT_VIDEO) {
        flags |= FLAG_FRAMEBUFFER;
        put_text_mode(info);
    }
    put_u32(info, INFO_FLAGS, flags);
}

static uint64_t info_address(const struct image *image, size_t size,
                             const struct placement *placement)
{
    uint64_t behind = align_up(image->highest, 16);

    if (IMAGE_MULTIBOOT_INFO + size <= LOW_END &&
        (image->lowest >= IMAGE_MULTIBOOT_INFO + size || image->highest <= IMAGE_MULTIBOOT_INFO))
        return IMAGE_MULTIBOOT_INFO;
    if (behind + size <= LOW_END)
        return behind;
    return placement->next;
}

static int plan_info(struct loader *loader, const struct placement *placement, struct image *image)
{
    const char *path = loader->request->path ? loader->request->path : "image";
    struct load_segment segment = {.what = "the Multiboot information"};
    struct info info = {0};

    info.size = INFO_SIZE + MMAP_ENTRIES * MMAP_SIZE + placement->module_count * MODULE_SIZE +
                line_size(path, loader->request->command_line) + line_size(LOADER_NAME, NULL);
    for (unsigned i = 0; i < placement->module_count; i++)
        info.size += line_size(placement->modules[i].path, placement->modules[i].command_line);
    info.bytes = calloc(1, info.size);
    if (!info.bytes)
        return load_fail(loader, "out of memory");

    segment.address = info_address(image, info.size, placement);
    segment.memory_size = segment.file_size = info.size;
    segment.bytes = segment.owned = info.bytes;
    info.base = (uint32_t)segment.address;
    put_info(&info, loader, path, placement);
    image->ebx = info.base;
    return load_add(loader, &segment);
}

int load_multiboot(struct loader *loader, uint32_t header, struct image *image)
{
    const struct image_request *request = loader->request;
    struct placement placement = {.header_flags = load_u32(loader->bytes + header + 4)};
    int result = -1;

    loader->boot_area_reserved = true;
    if (check_flags(loader, placement.header_flags) < 0)
        return -1;
    if (placement.header_flags & HEADER_HAS_ADDRESSES) {
        if (plan_addresses(loader, header, &image->entry) < 0)
            return -1;
    } else if (!load_is_elf(loader)) {
        return load_fail(loader, "has a Multiboot header without address fields (flag bit 16), and "
                                 "is no ELF file: nothing says where to load it");
    } else if (load_elf(loader, image) < 0) {
        return -1;
    }
    image->format = "Multiboot 1";
    image->start = IMAGE_START_MULTIBOOT;
    image->eax = BOOT_MAGIC;
    image->lowest = (uint32_t)loader->lowest;
    image->highest = (uint32_t)loader->highest;

    placement.next = align_up(loader->highest > HIGH_BASE ? loader->highest : HIGH_BASE, PAGE);
    placement.module_count = request->module_count;
    placement.modules = calloc(request->module_count + 1u, sizeof(*placement.modules));
    if (!placement.modules)
        return load_fail(loader, "out of memory");
    for (unsigned i = 0; i < request->module_count; i++) {
        if (plan_module(loader, &request->modules[i], i, &placement) < 0)
            goto out;
    }
    result = plan_info(loader, &placement, image);
out:
    free(placement.modules);
    return result;
}
