/*
 * Tests of the image loaders (vmm/load). Images are built here, byte by byte, from the TIS ELF 1.2
 * and Multiboot 0.6.96 specifications. Every load goes through load(), which also holds what is
 * true of all of them: a refusal is one sentence and leaves RAM alone, a success writes only where
 * it says, and nothing is written outside RAM.
 */
#include "../../vmm/load/image.h"

#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* cmocka needs the headers above. */
#include <cmocka.h>

#define GUARD 0x10000u
#define RAM   0x140000u /* 1.25 MiB */
#define FILL  0xcc      /* what RAM holds before a load */

#define KERNEL        0x100000u
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* ---- The machine: RAM between guards ---- */

static uint8_t *block;
static struct memory ram;
static struct image image;
static char message[300];

static int set_up(void **state)
{
    (void)state;
    block = malloc(RAM + 2 * GUARD);
    assert_non_null(block);
    memset(block, FILL, RAM + 2 * GUARD);
    ram = (struct memory){.base = block + GUARD, .size = RAM};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(block);
    return 0;
}

/* Do bytes [from, to) of the block of RAM and guards still hold FILL? */
static bool unchanged(uint64_t from, uint64_t to)
{
    return from == to ||
           (block[from] == FILL && memcmp(block + from, block + from + 1, to - from - 1) == 0);
}

static void check_refusal(void)
{
    size_t length = strlen(message);

    assert_in_range(length, 10, sizeof(message) - 2);
    for (size_t i = 0; i < length; i++)
        assert_false((unsigned char)message[i] < 0x20 || message[i] == 0x7f);
    assert_true(message[length - 1] != '.' && message[length - 1] != ' ');
    assert_true(unchanged(0, RAM + 2 * GUARD));
}

static void check_success(void)
{
    assert_true(image.lowest < image.highest);
    assert_true(image.highest <= ram.size);
    assert_true(image.entry >= image.lowest && image.entry < image.highest);
    assert_non_null(image.format);
    assert_true(unchanged(0, GUARD));
    assert_true(unchanged(GUARD + ram.size, RAM + 2 * GUARD));
    if (image.start != IMAGE_START_REAL)
        assert_true(unchanged(GUARD + IMAGE_RESERVED_BASE, GUARD + IMAGE_RESERVED_END));
    assert_true(unchanged(GUARD + IMAGE_VIDEO_BASE, GUARD + IMAGE_VIDEO_END));
    if (image.start != IMAGE_START_MULTIBOOT) {
        assert_true(unchanged(GUARD, GUARD + image.lowest));
        assert_true(unchanged(GUARD + image.highest, GUARD + ram.size));
        assert_int_equal(image.eax, 0);
        assert_int_equal(image.ebx, 0);
    }
}

/* Loads a copy without a spare byte behind it, so that a sanitizer sees reads past its end. */
static int load_with(const struct image_request *request, const void *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    int result;

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    memset(block, FILL, RAM + 2 * GUARD);
    memset(message, 0, sizeof(message));
    result = image_load_bytes(request, copy, size, &ram, &image, message, sizeof(message));
    free(copy);
    assert_true(result == 0 || result == -1);
    if (result < 0)
        check_refusal();
    else
        check_success();
    return result;
}

static int load(const void *bytes, size_t size)
{
    return load_with(&(struct image_request){.path = "os.img"}, bytes, size);
}

static void assert_message(const char *part)
{
    if (!strstr(message, part))
        fail_msg("\"%s\" is not in \"%s\"", part, message);
}

static void refused_with(const struct image_request *request, const void *bytes, size_t size,
                         const char *part)
{
    if (load_with(request, bytes, size) == 0)
        fail_msg("loaded, but should say \"%s\"", part);
    assert_message(part);
}

static void refused(const void *bytes, size_t size, const char *part)
{
    refused_with(&(struct image_request){.path = "os.img"}, bytes, size, part);
    assert_memory_equal(message, "os.img: ", 8);
}

static void loaded(const void *bytes, size_t size)
{
    if (load(bytes, size) < 0)
        fail_msg("refused: %s", message);
}

static uint8_t guest8(uint32_t address)
{
    assert_true(address < ram.size);
    return ram.base[address];
}

static uint32_t guest32(uint32_t address)
{
    return guest8(address) | (uint32_t)guest8(address + 1) << 8 |
           (uint32_t)guest8(address + 2) << 16 | (uint32_t)guest8(address + 3) << 24;
}

static uint64_t guest64(uint32_t address)
{
    return guest32(address) | (uint64_t)guest32(address + 4) << 32;
}

static const char *guest_string(uint32_t address)
{
    assert_true(address < ram.size);
    assert_non_null(memchr(ram.base + address, 0, ram.size - address));
    return (const char *)ram.base + address;
}

static bool guest_all(uint32_t address, uint32_t size, uint8_t value)
{
    for (uint32_t i = 0; i < size; i++) {
        if (guest8(address + i) != value)
            return false;
    }
    return true;
}

/* ---- Images ---- */

static uint8_t file[0x8000];

static void put(size_t offset, unsigned width, uint32_t value)
{
    for (unsigned i = 0; i < width; i++)
        file[offset + i] = (uint8_t)(value >> 8 * i);
}

struct segment {
    uint32_t type, offset, vaddr, paddr, filesz, memsz;
};

#define EH(field) offsetof(Elf32_Ehdr, field)
#define PH(index, field) \
    (sizeof(Elf32_Ehdr) + (index) * sizeof(Elf32_Phdr) + offsetof(Elf32_Phdr, field))
#define BODY              0x200u /* file offset of what segments hold */
#define BODY_BYTE(offset) ((uint8_t)((offset)*7 + 1))

/* Builds an ELF with those segments in `file`; returns its size, to the end of the last segment. */
static size_t make_elf(const struct segment *segments, unsigned count, uint32_t entry)
{
    size_t size = BODY;

    memset(file, 0, sizeof(file));
    memcpy(file, ELFMAG, SELFMAG);
    file[EI_CLASS] = ELFCLASS32;
    file[EI_DATA] = ELFDATA2LSB;
    file[EI_VERSION] = EV_CURRENT;
    put(EH(e_type), 2, ET_EXEC);
    put(EH(e_machine), 2, EM_386);
    put(EH(e_version), 4, EV_CURRENT);
    put(EH(e_entry), 4, entry);
    put(EH(e_phoff), 4, sizeof(Elf32_Ehdr));
    put(EH(e_ehsize), 2, sizeof(Elf32_Ehdr));
    put(EH(e_phentsize), 2, sizeof(Elf32_Phdr));
    put(EH(e_phnum), 2, count);
    for (unsigned i = 0; i < count; i++) {
        const struct segment *s = &segments[i];

        put(PH(i, p_type), 4, s->type);
        put(PH(i, p_offset), 4, s->offset);
        put(PH(i, p_vaddr), 4, s->vaddr);
        put(PH(i, p_paddr), 4, s->paddr);
        put(PH(i, p_filesz), 4, s->filesz);
        put(PH(i, p_memsz), 4, s->memsz);
        put(PH(i, p_flags), 4, PF_R | PF_X);
        put(PH(i, p_align), 4, 0x1000);
        if (s->offset + s->filesz > size)
            size = s->offset + s->filesz;
    }
    for (size_t i = BODY; i < size; i++)
        file[i] = BODY_BYTE(i);
    return size;
}

/* One segment of 0x300 bytes, 0x500 in memory, at 1 MiB. */
static size_t make_plain_elf(void)
{
    return make_elf(&(struct segment){PT_LOAD, BODY, KERNEL, KERNEL, 0x300, 0x500}, 1,
                    KERNEL + 0x10);
}

/* Two segments with a hole between them. */
static size_t make_two_segments(uint32_t second, uint32_t memsz)
{
    return make_elf((struct segment[]){{PT_LOAD, BODY, KERNEL, KERNEL, 0x100, 0x1000},
                                       {PT_LOAD, BODY + 0x100, second, second, 0x80, memsz}},
                    2, KERNEL);
}

#define MB_MAGIC 0x1badb002u

static void put_multiboot(size_t offset, uint32_t flags)
{
    put(offset, 4, MB_MAGIC);
    put(offset + 4, 4, flags);
    put(offset + 8, 4, 0 - MB_MAGIC - flags);
}

static size_t make_multiboot_elf(uint32_t flags)
{
    size_t size = make_plain_elf();

    put_multiboot(BODY, flags);
    return size;
}

#define MB_AT   0x40u /* where the header of make_multiboot_flat is */
#define MB_SIZE 0x400u

/* 0x400 bytes at 1 MiB and as many of bss, placed by address fields. */
static size_t make_multiboot_flat(uint32_t flags)
{
    for (size_t i = 0; i < MB_SIZE; i++)
        file[i] = BODY_BYTE(i);
    put_multiboot(MB_AT, flags | 0x10000);
    put(MB_AT + 12, 4, KERNEL + MB_AT);
    put(MB_AT + 16, 4, KERNEL);
    put(MB_AT + 20, 4, KERNEL + MB_SIZE);
    put(MB_AT + 24, 4, KERNEL + 2 * MB_SIZE);
    put(MB_AT + 28, 4, KERNEL + 0x80);
    return MB_SIZE;
}

/* ---- Flat images ---- */

static const uint8_t hlt[] = {0xf4, 0, 1, 2, 3};

static void flat_without_options_is_16_bit_at_0(void **state)
{
    (void)state;
    loaded(hlt, sizeof(hlt));
    assert_string_equal(image.format, "flat 16-bit");
    assert_int_equal(image.start, IMAGE_START_REAL);
    assert_int_equal(image.entry, 0);
    assert_int_equal(image.segment, 0);
    assert_int_equal(image.lowest, 0);
    assert_int_equal(image.highest, sizeof(hlt));
    assert_memory_equal(ram.base, hlt, sizeof(hlt));
}

static void load_option_moves_a_16_bit_image_with_its_segment(void **state)
{
    static const uint32_t addresses[] = {0x10,    0x600,   0x1000,  0x7c00,
                                         0x10000, 0x9fff0, 0xc0000, 0xffff0};

    (void)state;
    for (size_t i = 0; i < LENGTH(addresses); i++) {
        struct image_request request = {
            .path = "a", .has_load_address = true, .load_address = addresses[i]};

        assert_int_equal(load_with(&request, hlt, sizeof(hlt)), 0);
        assert_int_equal(image.entry, addresses[i]);
        assert_int_equal(image.segment * 16, addresses[i]);
        assert_memory_equal(ram.base + addresses[i], hlt, sizeof(hlt));
    }
}

static void load_option_of_a_16_bit_image_is_aligned_and_below_1_mib(void **state)
{
    struct image_request request = {.path = "a", .has_load_address = true};

    (void)state;
    request.load_address = 0x7c01;
    refused_with(&request, hlt, sizeof(hlt), "not a multiple of 16");
    request.load_address = 0xfffff;
    refused_with(&request, hlt, sizeof(hlt), "not a multiple of 16");
    request.load_address = 0x100000;
    refused_with(&request, hlt, sizeof(hlt), "--load 0x100000 is not below 1 MiB");
    assert_message("--mode pm32");
    request.load_address = UINT32_MAX;
    refused_with(&request, hlt, sizeof(hlt), "is not below 1 MiB");
    request.load_address = 0xa0000;
    refused_with(&request, hlt, sizeof(hlt), "video memory");
    request.load_address = 0xffff0;
    refused_with(&request, file, 17, "ends above 1 MiB");
}

static void flat_16_bit_may_be_larger_than_a_segment_but_not_meet_video_memory(void **state)
{
    size_t most = IMAGE_VIDEO_BASE;
    uint8_t *large = calloc(1, 0x200000);

    (void)state;
    assert_non_null(large);
    loaded(large, 0x10001);
    loaded(large, most);
    refused(large, most + 1, "video memory is at 0xa0000-0xbffff");
    refused(large, 0x100001, "ends above 1 MiB");
    refused(large, 0x200000, "--mode pm32");
    free(large);
}

static void pm32_is_loaded_at_1_mib_or_at_the_load_option(void **state)
{
    struct image_request request = {.path = "a", .mode = IMAGE_PM32};

    (void)state;
    assert_int_equal(load_with(&request, hlt, sizeof(hlt)), 0);
    assert_string_equal(image.format, "flat 32-bit");
    assert_int_equal(image.start, IMAGE_START_PROTECTED);
    assert_int_equal(image.entry, KERNEL);
    assert_int_equal(image.lowest, KERNEL);
    assert_int_equal(image.highest, KERNEL + sizeof(hlt));
    assert_memory_equal(ram.base + KERNEL, hlt, sizeof(hlt));

    request.has_load_address = true;
    request.load_address = 0x4001;
    assert_int_equal(load_with(&request, hlt, sizeof(hlt)), 0);
    assert_int_equal(image.entry, 0x4001);
    request.load_address = RAM - sizeof(hlt);
    assert_int_equal(load_with(&request, hlt, sizeof(hlt)), 0);
}

static void pm32_outside_ram_or_over_the_boot_area_is_refused(void **state)
{
    struct image_request request = {.path = "a", .mode = IMAGE_PM32, .has_load_address = true};

    (void)state;
    request.load_address = RAM - sizeof(hlt) + 1;
    refused_with(&request, hlt, sizeof(hlt), "RAM ends at 0x140000");
    assert_message("-m 2M");
    request.load_address = UINT32_MAX - 3;
    refused_with(&request, hlt, sizeof(hlt), "4 GiB");
    request.load_address = 0xf0000000;
    refused_with(&request, hlt, sizeof(hlt), "place it lower");
    request.load_address = 0x1000;
    refused_with(&request, hlt, sizeof(hlt), "boot tables at 0x1000-0x3fff");
    request.load_address = 0x0ffc;
    refused_with(&request, hlt, sizeof(hlt), "boot tables");
    request.load_address = 0x3fff;
    refused_with(&request, hlt, sizeof(hlt), "boot tables");
    request.load_address = 0x0ffb;
    assert_int_equal(load_with(&request, hlt, sizeof(hlt)), 0);
    request.load_address = 0x4000;
    assert_int_equal(load_with(&request, hlt, sizeof(hlt)), 0);
}

static void a_flat_image_larger_than_ram_is_told_of_m(void **state)
{
    struct image_request request = {.path = "a", .mode = IMAGE_PM32};
    uint8_t *large = calloc(1, 0x200000);

    (void)state;
    assert_non_null(large);
    refused_with(&request, large, 0x200000, "-m 3M");
    free(large);
}

static void an_empty_file_is_refused_in_every_mode(void **state)
{
    (void)state;
    for (int mode = IMAGE_AUTO; mode <= IMAGE_PM32; mode++)
        refused_with(&(struct image_request){.path = "a", .mode = (enum image_mode)mode}, "", 0,
                     "empty");
}

static void a_boot_sector_is_refused_with_the_way_to_force_it(void **state)
{
    struct image_request request = {
        .path = "a", .mode = IMAGE_REAL16, .has_load_address = true, .load_address = 0x7c00};

    (void)state;
    memset(file, 0, sizeof(file));
    file[510] = 0x55;
    file[511] = 0xaa;
    refused(file, 512, "boot sectors are not supported yet");
    assert_message("--mode real --load 0x7c00");
    refused(file, 1024, "boot sectors are not supported yet");
    assert_int_equal(load_with(&request, file, 512), 0);
    assert_int_equal(image.segment, 0); /* as a BIOS would start it */
    assert_int_equal(image.entry, 0x7c00);
}

static void bytes_55_aa_in_a_file_of_no_whole_sectors_mean_nothing(void **state)
{
    (void)state;
    memset(file, 0, sizeof(file));
    file[510] = 0x55;
    file[511] = 0xaa;
    loaded(file, 513);
    loaded(file, 1023);
}

#define BYTES(string) (string), sizeof(string) - 1

static void files_of_other_kinds_are_named(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *part;
    } cases[] = {
        {BYTES("#!/bin/sh\n"), "script"},
        {BYTES("MZ\x90\0\3\0\0\0"), "Windows"},
        {BYTES("\xcf\xfa\xed\xfe\7\0\0\1"), "Mach-O"},
        {BYTES("\xce\xfa\xed\xfe\7\0\0\1"), "Mach-O"},
        {BYTES("\xfe\xed\xfa\xce\0\0\0\7"), "Mach-O"},
        {BYTES("!<arch>\n/   "), "library"},
        {BYTES("\x1f\x8b\x08\0\0\0"), "gzip"},
        {BYTES("PK\3\4\0\0\0\0"), "zip"},
        {BYTES("; boot.asm\nbits 16\nhlt\n"), "is text"},
        {BYTES("#include <stdio.h>\nint main(void) {}\n"), "is text"},
        {BYTES("; gr\xc3\xbc\xc3\x9f"
               "e aus Bremen\n\tbits 16\n\torg 0\n"),
         "is text"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct image_request request = {.path = "a", .mode = IMAGE_REAL16};

        refused(cases[i].bytes, cases[i].size, cases[i].part);
        assert_message("--mode real");
        assert_int_equal(load_with(&request, cases[i].bytes, cases[i].size), 0);
        request.mode = IMAGE_PM32;
        assert_int_equal(load_with(&request, cases[i].bytes, cases[i].size), 0);
    }
}

static void short_or_binary_files_are_not_taken_for_text(void **state)
{
    (void)state;
    loaded(BYTES("hlt\n"));
    loaded(BYTES("no newline in this one, so a program"));
    loaded(BYTES("line\nline\nline\nline\n\0"));
}

static void options_for_multiboot_are_refused_for_other_images(void **state)
{
    struct image_module module = {.path = "m"};
    struct image_request request = {.path = "a", .command_line = "quiet"};

    (void)state;
    refused_with(&request, hlt, sizeof(hlt), "--append needs");
    refused_with(&request, file, make_plain_elf(), "this one is ELF32");
    request.command_line = "";
    assert_int_equal(load_with(&request, hlt, sizeof(hlt)), 0);
    request.modules = &module;
    request.module_count = 1;
    refused_with(&request, hlt, sizeof(hlt), "--module needs");
}

/* ---- ELF ---- */

static void elf_segment_is_copied_to_p_paddr_and_its_bss_zeroed(void **state)
{
    size_t size = make_plain_elf();

    (void)state;
    loaded(file, size);
    assert_string_equal(image.format, "ELF32");
    assert_int_equal(image.start, IMAGE_START_PROTECTED);
    assert_int_equal(image.entry, KERNEL + 0x10);
    assert_int_equal(image.lowest, KERNEL);
    assert_int_equal(image.highest, KERNEL + 0x500);
    assert_memory_equal(ram.base + KERNEL, file + BODY, 0x300);
    assert_true(guest_all(KERNEL + 0x300, 0x200, 0));
}

static void elf_segments_leave_the_hole_between_them_alone(void **state)
{
    (void)state;
    loaded(file, make_two_segments(0x120000, 0x3000));
    assert_memory_equal(ram.base + KERNEL, file + BODY, 0x100);
    assert_true(guest_all(KERNEL + 0x100, 0xf00, 0));
    assert_true(guest_all(KERNEL + 0x1000, 0x1f000, FILL));
    assert_memory_equal(ram.base + 0x120000, file + BODY + 0x100, 0x80);
    assert_true(guest_all(0x120080, 0x2f80, 0));
    assert_int_equal(image.highest, 0x123000);
}

static void elf_segments_may_touch_but_not_overlap(void **state)
{
    (void)state;
    loaded(file, make_two_segments(KERNEL + 0x1000, 0x80));
    refused(file, make_two_segments(KERNEL + 0xfff, 0x80), "overlaps");
    refused(file, make_two_segments(KERNEL, 0x80), "overlaps");
    loaded(file, make_two_segments(KERNEL - 0x80, 0x80));
    refused(file, make_two_segments(KERNEL - 0x80, 0x81), "overlaps segment 0");
    /* One that covers the other. */
    refused(file, make_two_segments(KERNEL - 0x1000, 0x4000), "overlaps");
}

static void elf_segments_may_come_in_any_order_and_below_1_mib(void **state)
{
    (void)state;
    loaded(file, make_two_segments(0x8000, 0x1000));
    assert_int_equal(image.lowest, 0x8000);
    assert_int_equal(image.highest, KERNEL + 0x1000);
}

static void elf_segments_without_memory_are_skipped(void **state)
{
    size_t size = make_elf((struct segment[]){{PT_LOAD, 0, 0x2000, 0x2000, 0, 0},
                                              {PT_NOTE, 0, ~0u, ~0u, 0, ~0u},
                                              {PT_LOAD, BODY, KERNEL, KERNEL, 4, 4}},
                           3, KERNEL);

    (void)state;
    loaded(file, size);
    assert_int_equal(image.lowest, KERNEL);
    put(PH(2, p_type), 4, PT_NULL);
    refused(file, size, "nothing to load");
}

static void elf_of_bss_only_is_loaded(void **state)
{
    size_t size = make_elf(&(struct segment){PT_LOAD, 0, KERNEL, KERNEL, 0, 0x1800}, 1, KERNEL);

    (void)state;
    loaded(file, size);
    assert_true(guest_all(KERNEL, 0x1800, 0));
}

static void elf_fills_ram_to_its_last_byte_and_no_further(void **state)
{
    size_t size = make_plain_elf();

    (void)state;
    put(PH(0, p_memsz), 4, RAM - KERNEL);
    loaded(file, size);
    assert_int_equal(image.highest, RAM);
    put(PH(0, p_memsz), 4, RAM - KERNEL + 1);
    refused(file, size, "RAM ends at 0x140000");
    assert_message("-m 2M");
    put(PH(0, p_memsz), 4, 0x7f00000);
    refused(file, size, "-m 128M");
    put(PH(0, p_memsz), 4, 0xe0000000);
    refused(file, size, "place it lower");
}

static void elf_address_wrap_is_refused(void **state)
{
    size_t size = make_plain_elf();

    (void)state;
    put(PH(0, p_paddr), 4, 0xffffff00);
    refused(file, size, "4 GiB");
    put(PH(0, p_paddr), 4, KERNEL);
    put(PH(0, p_memsz), 4, UINT32_MAX);
    refused(file, size, "4 GiB");
}

static void elf_over_the_boot_area_or_video_memory_is_refused(void **state)
{
    static const uint32_t bad[] = {0x0c00, 0x1000, 0x3fff, 0x9fc00, 0xa0000, 0xbffff};
    static const uint32_t good[] = {0, 0xb00, 0x4000, 0x9fb00, 0xc0000};

    (void)state;
    for (size_t i = 0; i < LENGTH(bad); i++) {
        size_t size = make_plain_elf();

        put(PH(0, p_paddr), 4, bad[i]);
        refused(file, size, bad[i] < 0x4000 ? "boot tables" : "video memory");
    }
    for (size_t i = 0; i < LENGTH(good); i++) {
        size_t size = make_plain_elf();

        put(PH(0, p_paddr), 4, good[i]);
        loaded(file, size);
    }
}

static void elf_entry_may_be_physical_or_virtual(void **state)
{
    size_t size = make_elf((struct segment[]){{PT_LOAD, BODY, KERNEL, KERNEL, 0x10, 0x10},
                                              {PT_LOAD, BODY, 0xc0101000, 0x101000, 0x10, 0x20}},
                           2, KERNEL);

    (void)state;
    loaded(file, size);
    assert_int_equal(image.entry, KERNEL);
    put(EH(e_entry), 4, 0x101000);
    loaded(file, size);
    assert_int_equal(image.entry, 0x101000);
    put(EH(e_entry), 4, 0xc010101f);
    loaded(file, size);
    assert_int_equal(image.entry, 0x10101f);
    put(EH(e_entry), 4, 0xc0101020);
    refused(file, size, "e_entry 0xc0101020 is in no PT_LOAD segment");
    put(EH(e_entry), 4, 0x100010);
    refused(file, size, "e_entry");
}

static void elf_physical_entry_wins_over_a_virtual_one(void **state)
{
    size_t size = make_elf((struct segment[]){{PT_LOAD, BODY, 0x101000, 0x120000, 0x10, 0x10},
                                              {PT_LOAD, BODY, 0x120000, 0x101000, 0x10, 0x10}},
                           2, 0x101004);

    (void)state;
    loaded(file, size);
    assert_int_equal(image.entry, 0x101004);
}

static void elf_at_unaligned_offsets_is_loaded(void **state)
{
    size_t size = make_plain_elf();

    (void)state;
    memmove(file + 0x101, file + sizeof(Elf32_Ehdr), sizeof(Elf32_Phdr));
    put(EH(e_phoff), 4, 0x101);
    put(0x101 + offsetof(Elf32_Phdr, p_offset), 4, BODY + 3);
    put(0x101 + offsetof(Elf32_Phdr, p_filesz), 4, 0x2fd);
    loaded(file, size);
    assert_memory_equal(ram.base + KERNEL, file + BODY + 3, 0x2fd);
}

static void elf_for_another_machine_is_named(void **state)
{
    static const struct {
        uint8_t class, data, low, high;
        const char *part;
    } cases[] = {
        {1, 1, 243, 0, "is an ELF for RISC-V (EM 243); this machine runs 32-bit x86 (EM_386)"},
        {2, 1, 62, 0, "is a 64-bit little-endian ELF for x86-64 (EM 62)"},
        {2, 1, 183, 0, "64-bit ARM (EM 183)"},
        {1, 1, 40, 0, "ARM (EM 40)"},
        {2, 1, 243, 0, "64-bit little-endian ELF for RISC-V"},
        {1, 2, 0, 20, "32-bit big-endian ELF for PowerPC (EM 20)"},
        {1, 1, 62, 0, "x86-64 (EM 62)"},
        {2, 1, 3, 0, "64-bit little-endian ELF for x86 (EM 3)"},
        {1, 1, 0, 0, "a machine unknown here (EM 0)"},
        {1, 1, 0xff, 0xff, "EM 65535"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        size_t size = make_multiboot_elf(0x10000); /* a header does not change that */

        file[EI_CLASS] = cases[i].class;
        file[EI_DATA] = cases[i].data;
        file[EH(e_machine)] = cases[i].low;
        file[EH(e_machine) + 1] = cases[i].high;
        refused(file, size, cases[i].part);
    }
}

static void elf_of_another_type_is_refused_with_the_remedy(void **state)
{
    static const struct {
        uint16_t type;
        const char *part;
    } cases[] = {{ET_NONE, "e_type of the ELF header is 0"},
                 {ET_REL, "ld -m elf_i386"},
                 {ET_DYN, "-no-pie"},
                 {ET_CORE, "core dump"},
                 {0xffff, "65535"}};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        size_t size = make_plain_elf();

        put(EH(e_type), 2, cases[i].type);
        refused(file, size, cases[i].part);
    }
}

static void elf_program_for_an_operating_system_is_refused(void **state)
{
    size_t size = make_two_segments(0x120000, 0x80);

    (void)state;
    put(PH(1, p_type), 4, PT_INTERP);
    refused(file, size, "PT_INTERP");
}

static void elf_messages_name_field_value_and_limit(void **state)
{
    size_t size = make_plain_elf();

    (void)state;
    put(EH(e_phnum), 2, 0);
    refused(file, size, "e_phnum is 0");
    put(EH(e_phnum), 2, PN_XNUM);
    refused(file, size, "PN_XNUM");
    put(EH(e_phnum), 2, 200);
    refused(file, size,
            "the 200 program headers at e_phoff 0x34 end past the end of the file, 0x500");
    size = make_plain_elf();
    put(EH(e_phentsize), 2, 56);
    refused(file, size, "e_phentsize is 56, not 32");
    size = make_plain_elf();
    put(PH(0, p_filesz), 4, 0x501);
    refused(file, size, "program header 0: p_filesz 0x501 is larger than p_memsz 0x500");
    size = make_plain_elf();
    put(PH(0, p_offset), 4, BODY + 1);
    refused(file, size, "p_offset 0x201 + p_filesz 0x300 is past the end of the file, 0x500");
    put(PH(0, p_offset), 4, UINT32_MAX);
    refused(file, size, "p_offset 0xffffffff");
}

static void forced_mode_refuses_elf(void **state)
{
    struct image_request request = {.path = "a", .mode = IMAGE_REAL16};
    size_t size = make_plain_elf();

    (void)state;
    refused_with(&request, file, size, "--mode real can't start");
    refused_with(&request, ELFMAG, SELFMAG, "leave --mode out");
    request.mode = IMAGE_PM32;
    refused_with(&request, file, size, "--mode pm32 can't start");
}

static void load_option_is_refused_for_elf_and_multiboot(void **state)
{
    struct image_request request = {.path = "a", .has_load_address = true, .load_address = 0x7c00};

    (void)state;
    refused_with(&request, file, make_plain_elf(), "--load 0x7c00 is for flat images");
    refused_with(&request, file, make_multiboot_flat(0), "this is Multiboot 1");
}

static void elf_cut_short_anywhere_is_refused(void **state)
{
    size_t size = make_two_segments(0x120000, 0x80);

    (void)state;
    for (size_t length = SELFMAG; length < size; length++)
        assert_int_equal(load(file, length), -1);
    loaded(file, size);
}

/* Bits of struct field.accepted. */
enum { ZERO = 1, ONE = 2, TOP = 4, MAX_1 = 8, MAX = 16, ALL = 31 };

struct field {
    const char *name;
    size_t offset;
    unsigned width;
    unsigned accepted; /* which of 0, 1, the top bit, max-1 and max do no harm */
};

static void check_extremes(const struct field *field, size_t size)
{
    uint32_t max = field->width == 4 ? UINT32_MAX : (UINT32_C(1) << 8 * field->width) - 1;
    const uint32_t values[] = {0, 1, max / 2 + 1, max - 1, max};
    uint8_t saved[4];

    memcpy(saved, file + field->offset, field->width);
    for (unsigned i = 0; i < LENGTH(values); i++) {
        int expected = field->accepted >> i & 1 ? 0 : -1;

        put(field->offset, field->width, values[i]);
        if (load(file, size) != expected)
            fail_msg("%s = 0x%x: %s", field->name, values[i],
                     expected ? "loaded" : (char *)message);
    }
    memcpy(file + field->offset, saved, field->width);
    loaded(file, size);
}

static void elf_fields_at_their_extremes(void **state)
{
    static const struct field fields[] = {
        {"EI_CLASS", EI_CLASS, 1, ONE},
        {"EI_DATA", EI_DATA, 1, ONE},
        {"EI_VERSION", EI_VERSION, 1, ONE},
        {"EI_OSABI", EI_OSABI, 1, ALL},
        {"e_type", EH(e_type), 2, 0},
        {"e_machine", EH(e_machine), 2, 0},
        {"e_version", EH(e_version), 4, ONE},
        {"e_entry", EH(e_entry), 4, 0},
        {"e_phoff", EH(e_phoff), 4, 0},
        {"e_shoff", EH(e_shoff), 4, ALL},
        {"e_flags", EH(e_flags), 4, ALL},
        {"e_ehsize", EH(e_ehsize), 2, ALL},
        {"e_phentsize", EH(e_phentsize), 2, 0},
        {"e_phnum", EH(e_phnum), 2, ONE},
        {"e_shentsize", EH(e_shentsize), 2, ALL},
        {"e_shnum", EH(e_shnum), 2, ALL},
        {"e_shstrndx", EH(e_shstrndx), 2, ALL},
        {"p_type", PH(0, p_type), 4, ONE},
        {"p_offset", PH(0, p_offset), 4, ZERO | ONE},
        {"p_vaddr", PH(0, p_vaddr), 4, ALL},
        {"p_paddr", PH(0, p_paddr), 4, ZERO | ONE},
        {"p_filesz", PH(0, p_filesz), 4, ZERO | ONE},
        {"p_memsz", PH(0, p_memsz), 4, 0},
        {"p_flags", PH(0, p_flags), 4, ALL},
        {"p_align", PH(0, p_align), 4, ALL},
    };
    size_t size = make_plain_elf();

    (void)state;
    for (size_t i = 0; i < LENGTH(fields); i++)
        check_extremes(&fields[i], size);
}

static void elf_program_headers_may_end_with_the_file_but_not_after_it(void **state)
{
    size_t size = sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr);

    (void)state;
    make_elf(&(struct segment){PT_LOAD, 0, KERNEL, KERNEL, 0, 0x1800}, 1, KERNEL);
    loaded(file, size);
    refused(file, size - 1, "the 1 program headers at e_phoff 0x34 end past");
}

static void elf_with_the_most_program_headers_is_loaded(void **state)
{
    unsigned count = PN_XNUM - 1;
    size_t size = sizeof(Elf32_Ehdr) + count * sizeof(Elf32_Phdr);
    uint8_t *large = calloc(1, size);

    (void)state;
    assert_non_null(large);
    make_plain_elf();
    put(EH(e_phnum), 2, count);
    memcpy(large, file, sizeof(Elf32_Ehdr));
    for (unsigned i = 0; i < count; i++) {
        put(PH(0, p_offset), 4, 0);
        put(PH(0, p_paddr), 4, KERNEL + 4 * (count - 1 - i));
        put(PH(0, p_filesz), 4, 4);
        put(PH(0, p_memsz), 4, 4);
        memcpy(large + PH(i, p_type), file + PH(0, p_type), sizeof(Elf32_Phdr));
    }
    loaded(large, size);
    assert_int_equal(image.highest, KERNEL + 4 * count);
    /* Two of them at one place. */
    memcpy(large + PH(0, p_type), large + PH(count - 1, p_type), sizeof(Elf32_Phdr));
    refused(large, size, "overlaps");
    free(large);
}

/* ---- Multiboot ---- */

static void multiboot_elf_starts_as_the_protocol_says(void **state)
{
    size_t size = make_multiboot_elf(3);

    (void)state;
    loaded(file, size);
    assert_string_equal(image.format, "Multiboot 1");
    assert_int_equal(image.start, IMAGE_START_MULTIBOOT);
    assert_int_equal(image.eax, 0x2badb002);
    assert_int_equal(image.entry, KERNEL + 0x10);
    assert_int_equal(image.ebx, IMAGE_MULTIBOOT_INFO);
    assert_memory_equal(ram.base + KERNEL, file + BODY, 0x300);
    assert_true(guest_all(KERNEL + 0x300, 0x200, 0));
}

static void multiboot_addresses_place_the_image(void **state)
{
    size_t size = make_multiboot_flat(0);

    (void)state;
    loaded(file, size);
    assert_int_equal(image.entry, KERNEL + 0x80);
    assert_int_equal(image.lowest, KERNEL);
    assert_int_equal(image.highest, KERNEL + 2 * MB_SIZE);
    assert_memory_equal(ram.base + KERNEL, file, MB_SIZE);
    assert_true(guest_all(KERNEL + MB_SIZE, MB_SIZE, 0));
    assert_true(guest_all(KERNEL + 2 * MB_SIZE, 0x1000, FILL));

    /* 0 means to the end of the file, and no bss. */
    put(MB_AT + 20, 4, 0);
    put(MB_AT + 24, 4, 0);
    loaded(file, size + 0x100);
    assert_int_equal(image.highest, KERNEL + MB_SIZE + 0x100);

    /* load_addr at the header: what comes before it in the file is left out. */
    put(MB_AT + 16, 4, KERNEL + MB_AT);
    loaded(file, size);
    assert_int_equal(image.lowest, KERNEL + MB_AT);
    assert_memory_equal(ram.base + KERNEL + MB_AT, file + MB_AT, size - MB_AT);
}

static void multiboot_addresses_win_over_elf(void **state)
{
    size_t size = make_plain_elf();

    (void)state;
    put_multiboot(BODY, 0x10000);
    put(BODY + 12, 4, 0x110000);
    put(BODY + 16, 4, 0x110000);
    put(BODY + 20, 4, 0);
    put(BODY + 24, 4, 0);
    put(BODY + 28, 4, 0x110020);
    loaded(file, size);
    assert_int_equal(image.lowest, 0x110000);
    assert_int_equal(image.highest, 0x110300);
    assert_int_equal(image.entry, 0x110020);
}

static void multiboot_info_tells_of_memory(void **state)
{
    static const uint64_t map[][3] = {{0, 0x9fc00, 1},
                                      {0x9fc00, 0x60400, 2},
                                      {0x100000, RAM - 0x100000, 1},
                                      {0xfeb00000, 0x1500000, 2}};
    uint32_t info, at;

    (void)state;
    loaded(file, make_multiboot_elf(2));
    info = image.ebx;
    assert_int_equal(guest32(info), 0x24d);
    assert_int_equal(guest32(info + 4), 639);
    assert_int_equal(guest32(info + 8), 256);
    assert_int_equal(guest32(info + 44), 4 * 24);
    at = guest32(info + 48);
    for (size_t i = 0; i < LENGTH(map); i++, at += 24) {
        assert_int_equal(guest32(at), 20);
        assert_int_equal(guest64(at + 4), map[i][0]);
        assert_int_equal(guest64(at + 12), map[i][1]);
        assert_int_equal(guest32(at + 20), map[i][2]);
    }
}

static void multiboot_map_of_1_mib_has_no_memory_above(void **state)
{
    size_t size = make_multiboot_elf(2);

    (void)state;
    put(PH(0, p_paddr), 4, 0x10000);
    put(EH(e_entry), 4, 0x10000);
    ram.size = 0x100000;
    loaded(file, size);
    assert_int_equal(guest32(image.ebx + 8), 0);
    assert_int_equal(guest32(image.ebx + 44), 3 * 24);
}

static void multiboot_command_line_is_path_and_arguments(void **state)
{
    struct image_request request = {.path = "build/os.elf", .command_line = "quiet a=b"};

    (void)state;
    assert_int_equal(load_with(&request, file, make_multiboot_elf(0)), 0);
    assert_string_equal(guest_string(guest32(image.ebx + 16)), "build/os.elf quiet a=b");
    assert_string_equal(guest_string(guest32(image.ebx + 64)), "vmm");
    request.command_line = NULL;
    assert_int_equal(load_with(&request, file, make_multiboot_elf(0)), 0);
    assert_string_equal(guest_string(guest32(image.ebx + 16)), "build/os.elf");
    request.command_line = "";
    assert_int_equal(load_with(&request, file, make_multiboot_elf(0)), 0);
    assert_string_equal(guest_string(guest32(image.ebx + 16)), "build/os.elf");
}

static void multiboot_video_request_gets_the_text_mode(void **state)
{
    (void)state;
    loaded(file, make_multiboot_elf(4));
    assert_int_equal(guest32(image.ebx), 0x124d);
    assert_int_equal(guest64(image.ebx + 88), 0xb8000);
    assert_int_equal(guest32(image.ebx + 96), 160);
    assert_int_equal(guest32(image.ebx + 100), 80);
    assert_int_equal(guest32(image.ebx + 104), 25);
    assert_int_equal(guest8(image.ebx + 108), 16);
    assert_int_equal(guest8(image.ebx + 109), 2);
}

static void multiboot_required_bits_3_to_15_are_refused_by_number(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        size_t size = make_multiboot_elf(UINT32_C(1) << bit);
        char part[32];

        snprintf(part, sizeof(part), "feature bit %u,", bit);
        if (bit >= 3 && bit < 16)
            refused(file, size, part);
        else if (bit != 16)
            loaded(file, size);
    }
    refused(file, make_multiboot_elf(0xff80), "feature bit 7,");
}

static void multiboot_header_is_found_at_any_multiple_of_4_in_8192_bytes(void **state)
{
    struct segment segment = {PT_LOAD, BODY, KERNEL, KERNEL, 0x3000, 0x3000};

    (void)state;
    for (uint32_t at = BODY; at <= 8192 - 12; at += 4) {
        size_t size = make_elf(&segment, 1, KERNEL);

        put_multiboot(at, 0);
        assert_int_equal(load(file, size), 0);
        assert_int_equal(image.start, IMAGE_START_MULTIBOOT);
    }
}

static void misplaced_multiboot_headers_are_explained(void **state)
{
    struct segment segment = {PT_LOAD, BODY, KERNEL, KERNEL, 0x3000, 0x3000};
    size_t size = make_elf(&segment, 1, KERNEL);

    (void)state;
    put_multiboot(8192 - 8, 0);
    refused(file, size, "must end within the first 8192 bytes");
    make_elf(&segment, 1, KERNEL);
    put_multiboot(0x302, 0);
    refused(file, size, "offset 0x302 of the file, not a multiple of 4");
    make_elf(&segment, 1, KERNEL);
    put_multiboot(0x300, 3);
    put(0x308, 4, 0);
    refused(file, size, "is 0x0, not 0xe4524ffb");
    /* The magic alone, as in code that looks for it, is none. */
    make_elf(&segment, 1, KERNEL);
    put(0x300, 4, MB_MAGIC);
    put(0x304, 4, 0x0000840f);
    loaded(file, size);
    assert_int_equal(image.start, IMAGE_START_PROTECTED);
}

static void a_multiboot_2_header_alone_is_refused(void **state)
{
    size_t size = make_plain_elf();

    (void)state;
    put(BODY + 0x40, 4, 0xe85250d6);
    put(BODY + 0x44, 4, 0);
    put(BODY + 0x48, 4, 24);
    put(BODY + 0x4c, 4, 0u - 0xe85250d6u - 24u);
    refused(file, size, "Multiboot 2");
    put_multiboot(BODY, 0);
    loaded(file, size);
}

static void a_multiboot_header_in_no_elf_needs_addresses(void **state)
{
    (void)state;
    make_multiboot_flat(0);
    put_multiboot(MB_AT, 0);
    refused(file, MB_SIZE, "flag bit 16");
}

static void forced_mode_ignores_a_multiboot_header(void **state)
{
    struct image_request request = {.path = "a", .mode = IMAGE_PM32};

    (void)state;
    assert_int_equal(load_with(&request, file, make_multiboot_flat(0)), 0);
    assert_string_equal(image.format, "flat 32-bit");
}

static void multiboot_addresses_at_their_extremes(void **state)
{
    static const struct field fields[] = {
        {"header_addr", MB_AT + 12, 4, 0},      {"load_addr", MB_AT + 16, 4, 0},
        {"load_end_addr", MB_AT + 20, 4, ZERO}, {"bss_end_addr", MB_AT + 24, 4, ZERO},
        {"entry_addr", MB_AT + 28, 4, 0},       {"checksum", MB_AT + 8, 4, 0},
    };
    size_t size = make_multiboot_flat(3);

    (void)state;
    for (size_t i = 0; i < LENGTH(fields); i++)
        check_extremes(&fields[i], size);
}

static void multiboot_address_messages_name_the_field(void **state)
{
    static const struct {
        size_t offset;
        uint32_t value;
        const char *part;
    } cases[] = {
        {16, KERNEL + MB_AT + 1, "load_addr 0x100041 is above header_addr 0x100040"},
        {16, KERNEL - 1, "the header is only 0x40 bytes into the file"},
        {16, 0, "header_addr"},
        {20, KERNEL, "load_end_addr 0x100000 is not above load_addr"},
        {20, KERNEL + MB_SIZE + 1, "has only 0x400 from load_addr on"},
        {20, 1, "load_end_addr 0x1 "},
        {24, KERNEL + MB_SIZE - 1, "bss_end_addr 0x1003ff is below the end of the data, 0x100400"},
        {24, RAM + 1, "RAM ends at"},
        {24, 0xffffffff, "place it lower"},
        {28, KERNEL - 1, "entry_addr 0xfffff is outside what is loaded, 0x100000-0x1007ff"},
        {28, KERNEL + 2 * MB_SIZE, "entry_addr"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        size_t size = make_multiboot_flat(0);

        put(MB_AT + cases[i].offset, 4, cases[i].value);
        refused(file, size, cases[i].part);
    }
}

static void multiboot_load_past_4_gib_is_refused(void **state)
{
    (void)state;
    make_multiboot_flat(0);
    put(MB_AT + 12, 4, 0xffffff00 + MB_AT);
    put(MB_AT + 16, 4, 0xffffff00);
    put(MB_AT + 20, 4, 0);
    put(MB_AT + 24, 4, 0);
    put(MB_AT + 28, 4, 0xffffff80);
    refused(file, MB_SIZE, "4 GiB");
}

static void multiboot_flat_cut_short_is_never_started_as_multiboot(void **state)
{
    size_t size = make_multiboot_flat(0);

    (void)state;
    for (size_t length = 1; length < size; length++) {
        int result = load(file, length);

        /* Until its header is whole, nothing tells it from a 16-bit program. */
        assert_int_equal(result, length < MB_AT + 12 ? 0 : -1);
    }
    loaded(file, size);
}

static void multiboot_info_keeps_out_of_the_image(void **state)
{
    static const struct {
        uint32_t paddr, memsz, info;
    } cases[] = {
        {0x100000, 0x500, 0x9000},   {0x8000, 0x500, 0x9000},    {0x8000, 0x1000, 0x9000},
        {0x8000, 0x1001, 0x9010},    {0x9000, 0x500, 0x9500},    {0x9080, 0x500, 0x9580},
        {0x9400, 0x500, 0x9000},     {0x90df, 0x500, 0x9000},    {0x90de, 0x500, 0x95e0},
        {0x8000, 0x97c00, 0x100000}, {0x4000, 0x9bb11, 0x9fb20}, {0x4000, 0x9bb21, 0x100000},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        size_t size = make_multiboot_elf(0);

        put(PH(0, p_paddr), 4, cases[i].paddr);
        put(PH(0, p_memsz), 4, cases[i].memsz);
        put(EH(e_entry), 4, cases[i].paddr);
        loaded(file, size);
        assert_int_equal(image.ebx, cases[i].info);
        assert_memory_equal(ram.base + cases[i].paddr, file + BODY, 0x300);
        assert_true(guest_all(cases[i].paddr + 0x300, cases[i].memsz - 0x300, 0));
    }
}

static void multiboot_command_line_may_be_long_but_must_fit(void **state)
{
    struct image_request request = {.path = "k"};
    char *line = malloc(0x100001);

    (void)state;
    assert_non_null(line);
    memset(line, 'x', 0x100000);
    line[0x100000] = 0;
    request.command_line = line;
    refused_with(&request, file, make_multiboot_elf(0), "the Multiboot information");
    line[0xa0000] = 0;
    refused_with(&request, file, make_multiboot_elf(0), "-m 2M");
    line[0x3a000] = 0;
    assert_int_equal(load_with(&request, file, make_multiboot_elf(0)), 0);
    assert_int_equal(image.ebx, IMAGE_MULTIBOOT_INFO);
    assert_int_equal(strlen(guest_string(guest32(image.ebx + 16))), 0x3a002);
    free(line);
}

/* ---- Files ---- */

static char directory[64], path[96], second_path[96];

static void make_file(char *name, size_t name_size, const char *leaf, const void *bytes,
                      size_t size)
{
    FILE *stream;

    if (!directory[0]) {
        snprintf(directory, sizeof(directory), "/tmp/test_load.XXXXXX");
        assert_non_null(mkdtemp(directory));
    }
    snprintf(name, name_size, "%s/%s", directory, leaf);
    stream = fopen(name, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
}

static int load_path(const struct image_request *request)
{
    int result;

    memset(block, FILL, RAM + 2 * GUARD);
    memset(message, 0, sizeof(message));
    result = image_load(request, &ram, &image, message, sizeof(message));
    if (result < 0)
        check_refusal();
    else
        check_success();
    return result;
}

static int remove_files(void **state)
{
    if (path[0])
        unlink(path);
    if (second_path[0])
        unlink(second_path);
    if (directory[0])
        rmdir(directory);
    directory[0] = path[0] = second_path[0] = 0;
    return tear_down(state);
}

static void a_file_is_loaded(void **state)
{
    size_t size = make_plain_elf();

    (void)state;
    make_file(path, sizeof(path), "os.elf", file, size);
    assert_int_equal(load_path(&(struct image_request){.path = path}), 0);
    assert_memory_equal(ram.base + KERNEL, file + BODY, 0x300);
}

static void files_that_can_not_be_read_are_explained(void **state)
{
    (void)state;
    assert_int_equal(load_path(&(struct image_request){.path = "/no/such/os.elf"}), -1);
    assert_message("/no/such/os.elf: no such file");
    assert_int_equal(load_path(&(struct image_request){.path = "/tmp"}), -1);
    assert_message("is a directory");
    assert_int_equal(load_path(&(struct image_request){.path = "/dev/null"}), -1);
    assert_message("is empty");
    assert_int_equal(load_path(&(struct image_request){.path = "/dev/zero"}), -1);
    assert_message("larger than 64 MiB");
    assert_int_equal(load_path(&(struct image_request){.path = ""}), -1);
    assert_int_equal(load_path(&(struct image_request){.path = "/dev/null/x"}), -1);
    assert_message("can't be opened: ");
}

static void a_huge_file_is_refused_without_reading_it(void **state)
{
    (void)state;
    make_file(path, sizeof(path), "huge", "", 0);
    assert_int_equal(truncate(path, INT64_C(1) << 40), 0);
    assert_int_equal(load_path(&(struct image_request){.path = path}), -1);
    assert_message("-m");
}

static void on_alarm(int number)
{
    (void)number;
}

/* Writes `size` bytes of `bytes` to `fd` in pieces of odd sizes, with pauses. */
static void write_in_pieces(int fd, const uint8_t *bytes, size_t size)
{
    for (size_t done = 0, piece = 1; done < size; piece = piece * 2 + 1) {
        size_t length = piece < size - done ? piece : size - done;
        ssize_t written = write(fd, bytes + done, length);

        if (written < 0)
            _exit(1);
        done += (size_t)written;
        usleep(2000);
    }
    _exit(0);
}

static void a_pipe_is_read_to_its_end_in_spite_of_short_reads_and_signals(void **state)
{
    size_t size = 0x30001;
    uint8_t *bytes = malloc(size);
    struct sigaction action = {.sa_handler = on_alarm}, old; /* no SA_RESTART */
    struct itimerval often = {{0, 1500}, {0, 1500}}, never = {{0, 0}, {0, 0}};
    int ends[2], status;
    char name[32];
    pid_t child;

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = BODY_BYTE(i);
    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        write_in_pieces(ends[1], bytes, size);
    }
    close(ends[1]);
    snprintf(name, sizeof(name), "/dev/fd/%d", ends[0]);
    sigaction(SIGALRM, &action, &old);
    setitimer(ITIMER_REAL, &often, NULL);
    status = load_path(&(struct image_request){.path = name, .mode = IMAGE_PM32});
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &old, NULL);
    assert_int_equal(status, 0);
    assert_int_equal(image.highest - image.lowest, size);
    assert_memory_equal(ram.base + KERNEL, bytes, size);
    while (waitpid(child, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    assert_int_equal(status, 0);
    close(ends[0]);
    free(bytes);
}

static void hostile_names_stay_one_line_and_short(void **state)
{
    char name[1000];

    (void)state;
    refused_with(&(struct image_request){.path = "a\nb\033[2J"}, "", 0, "a?b?[2J: is empty");
    memset(name, 'n', sizeof(name));
    memcpy(name + sizeof(name) - 5, "tail", 5);
    refused_with(&(struct image_request){.path = name}, "", 0, "nntail: is empty");
    assert_memory_equal(message, "...n", 4);
}

static void a_small_error_buffer_is_not_overrun(void **state)
{
    struct image_request request = {.path = "a"};
    char small[4] = "xyz";

    (void)state;
    assert_int_equal(image_load_bytes(&request, "", 0, &ram, &image, small, 0), -1);
    assert_string_equal(small, "xyz");
    assert_int_equal(image_load_bytes(&request, "", 0, &ram, &image, small, 1), -1);
    assert_string_equal(small, "");
    assert_int_equal(small[1], 'y');
    assert_int_equal(image_load_bytes(&request, "", 0, &ram, &image, small, sizeof(small)), -1);
    assert_string_equal(small, "a: ");
    assert_int_equal(image_load_bytes(&request, "", 0, &ram, &image, NULL, 0), -1);
}

static void multiboot_modules_follow_the_image_on_pages_of_their_own(void **state)
{
    static uint8_t first[0x1001];
    struct image_module modules[3];
    struct image_request request = {.path = "k", .modules = modules, .module_count = 3};
    uint32_t table;

    (void)state;
    memset(first, 0x5a, sizeof(first));
    make_file(path, sizeof(path), "disk.tar", first, sizeof(first));
    make_file(second_path, sizeof(second_path), "empty", "", 0);
    modules[0] = (struct image_module){path, NULL};
    modules[1] = (struct image_module){second_path, "with nothing"};
    modules[2] = (struct image_module){path, "again"};
    if (load_with(&request, file, make_multiboot_elf(1)) < 0)
        fail_msg("%s", message);

    assert_int_equal(guest32(image.ebx + 20), 3);
    table = guest32(image.ebx + 24);
    assert_int_equal(guest32(table), 0x101000);
    assert_int_equal(guest32(table + 4), 0x102001);
    assert_string_equal(guest_string(guest32(table + 8)), path);
    assert_int_equal(guest32(table + 12), 0);
    assert_int_equal(guest32(table + 16), 0x103000);
    assert_int_equal(guest32(table + 20), 0x103000);
    assert_non_null(strstr(guest_string(guest32(table + 24)), "/empty with nothing"));
    assert_int_equal(guest32(table + 32), 0x103000);
    assert_int_equal(guest32(table + 36), 0x104001);
    assert_non_null(strstr(guest_string(guest32(table + 40)), "/disk.tar again"));
    assert_true(guest_all(0x101000, 0x1001, 0x5a));
    assert_true(guest_all(0x102001, 0xfff, FILL));
    assert_true(guest_all(0x103000, 0x1001, 0x5a));
    assert_true(guest_all(0x104001, RAM - 0x104001, FILL));
    assert_int_equal(image.highest, KERNEL + 0x500);
}

static void multiboot_modules_of_a_low_image_are_above_1_mib(void **state)
{
    struct image_module module = {path, NULL};
    struct image_request request = {.path = "k", .modules = &module, .module_count = 1};
    size_t size;

    (void)state;
    make_file(path, sizeof(path), "m", "module", 6);
    size = make_multiboot_elf(0);
    put(PH(0, p_paddr), 4, 0x8000);
    assert_int_equal(load_with(&request, file, size), 0);
    assert_int_equal(guest32(guest32(image.ebx + 24)), 0x100000);
    assert_memory_equal(ram.base + 0x100000, "module", 6);
}

static void multiboot_modules_that_do_not_fit_or_exist_are_refused(void **state)
{
    static uint8_t large[RAM - KERNEL - 0x1000 + 1];
    struct image_module module = {path, NULL};
    struct image_request request = {.path = "k", .modules = &module, .module_count = 1};

    (void)state;
    make_file(path, sizeof(path), "m", large, sizeof(large));
    refused_with(&request, file, make_multiboot_elf(0),
                 "module 0 (0x3f001 bytes) ends at 0x140001");
    make_file(path, sizeof(path), "m", large, sizeof(large) - 1);
    assert_int_equal(load_with(&request, file, make_multiboot_elf(0)), 0);
    unlink(path);
    refused_with(&request, file, make_multiboot_elf(0), "no such file");
    assert_memory_equal(message, "k: module 0, /tmp/", 18);
}

/* ---- Random changes ---- */

static uint64_t random_state = 20240229;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 32) % limit);
}

static uint32_t random_value(void)
{
    static const uint32_t likely[] = {
        0,        1,        2,      3,          4,          0x1f,       0x20,       0x34,
        0x200,    0x1000,   0x4000, 0x7fffffff, 0x80000000, 0x9000,     0xa0000,    0x100000,
        0x100010, 0x101000, RAM,    RAM - 1,    0xfffffffe, 0xffffffff, 0xfffff000, MB_MAGIC};

    return random_below(4) ? likely[random_below(LENGTH(likely))]
                           : random_below(UINT32_MAX) * 2 + random_below(2);
}

static size_t make_random(void)
{
    size_t size;

    switch (random_below(6)) {
    case 0:
        size = make_plain_elf();
        break;
    case 1:
        size = make_two_segments(0x120000, 0x3000);
        break;
    case 2:
        size = make_multiboot_elf(random_below(8));
        break;
    case 3:
        size = make_multiboot_flat(random_below(8));
        break;
    case 4:
        make_multiboot_elf(3);
        size = 512;
        file[510] = 0x55;
        file[511] = 0xaa;
        break;
    default:
        size = 1 + random_below(0x600);
        break;
    }
    return size;
}

static size_t mutate(size_t size)
{
    for (uint32_t i = 1 + random_below(6); i > 0; i--) {
        /* Headers, mostly. */
        uint32_t within = random_below(3) ? 0x80 : (uint32_t)size;
        uint32_t at = random_below(within < size ? within : (uint32_t)size);

        switch (random_below(5)) {
        case 0:
            file[at] = (uint8_t)random_below(256);
            break;
        case 1:
            file[at] ^= (uint8_t)(1 << random_below(8));
            break;
        case 2:
        case 3:
            put(at & ~3u, 4, random_value());
            break;
        default:
            put(at & ~1u, 2, random_value());
            break;
        }
    }
    if (random_below(8) == 0)
        size = 1 + random_below((uint32_t)size);
    return size;
}

/* Else hardly a changed Multiboot header would be looked at. */
static void mend_checksums(size_t size)
{
    for (size_t i = 0; i + 12 <= size; i += 4) {
        if (memcmp(file + i, "\x02\xb0\xad\x1b", 4) == 0) {
            uint32_t flags = file[i + 4] | (uint32_t)file[i + 5] << 8 |
                             (uint32_t)file[i + 6] << 16 | (uint32_t)file[i + 7] << 24;

            put_multiboot(i, flags);
        }
    }
}

static void ten_thousand_changed_images_do_no_harm(void **state)
{
    unsigned started[IMAGE_START_MULTIBOOT + 1] = {0}, not_started = 0;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        struct image_request request = {.path = "random"};
        size_t size = mutate(make_random());

        if (random_below(2))
            mend_checksums(size);
        if (random_below(8) == 0)
            request.mode = (enum image_mode)random_below(3);
        if (random_below(8) == 0) {
            request.has_load_address = true;
            request.load_address = random_value();
        }
        if (random_below(4) == 0)
            request.command_line = "quiet";
        if (load_with(&request, file, size) == 0)
            started[image.start]++;
        else
            not_started++;
    }
    /* The seed is fixed: these say that the images are neither all good nor all bad. */
    for (int start = 0; start <= IMAGE_START_MULTIBOOT; start++)
        assert_true(started[start] > 300);
    assert_true(not_started > 3000);
}

#define TEST(name)      cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_FILE(name) cmocka_unit_test_setup_teardown(name, set_up, remove_files)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(flat_without_options_is_16_bit_at_0),
        TEST(load_option_moves_a_16_bit_image_with_its_segment),
        TEST(load_option_of_a_16_bit_image_is_aligned_and_below_1_mib),
        TEST(flat_16_bit_may_be_larger_than_a_segment_but_not_meet_video_memory),
        TEST(pm32_is_loaded_at_1_mib_or_at_the_load_option),
        TEST(pm32_outside_ram_or_over_the_boot_area_is_refused),
        TEST(a_flat_image_larger_than_ram_is_told_of_m),
        TEST(an_empty_file_is_refused_in_every_mode),
        TEST(a_boot_sector_is_refused_with_the_way_to_force_it),
        TEST(bytes_55_aa_in_a_file_of_no_whole_sectors_mean_nothing),
        TEST(files_of_other_kinds_are_named),
        TEST(short_or_binary_files_are_not_taken_for_text),
        TEST(options_for_multiboot_are_refused_for_other_images),
        TEST(elf_segment_is_copied_to_p_paddr_and_its_bss_zeroed),
        TEST(elf_segments_leave_the_hole_between_them_alone),
        TEST(elf_segments_may_touch_but_not_overlap),
        TEST(elf_segments_may_come_in_any_order_and_below_1_mib),
        TEST(elf_segments_without_memory_are_skipped),
        TEST(elf_of_bss_only_is_loaded),
        TEST(elf_fills_ram_to_its_last_byte_and_no_further),
        TEST(elf_address_wrap_is_refused),
        TEST(elf_over_the_boot_area_or_video_memory_is_refused),
        TEST(elf_entry_may_be_physical_or_virtual),
        TEST(elf_physical_entry_wins_over_a_virtual_one),
        TEST(elf_at_unaligned_offsets_is_loaded),
        TEST(elf_for_another_machine_is_named),
        TEST(elf_of_another_type_is_refused_with_the_remedy),
        TEST(elf_program_for_an_operating_system_is_refused),
        TEST(elf_messages_name_field_value_and_limit),
        TEST(forced_mode_refuses_elf),
        TEST(load_option_is_refused_for_elf_and_multiboot),
        TEST(elf_cut_short_anywhere_is_refused),
        TEST(elf_fields_at_their_extremes),
        TEST(elf_program_headers_may_end_with_the_file_but_not_after_it),
        TEST(elf_with_the_most_program_headers_is_loaded),
        TEST(multiboot_elf_starts_as_the_protocol_says),
        TEST(multiboot_addresses_place_the_image),
        TEST(multiboot_addresses_win_over_elf),
        TEST(multiboot_info_tells_of_memory),
        TEST(multiboot_map_of_1_mib_has_no_memory_above),
        TEST(multiboot_command_line_is_path_and_arguments),
        TEST(multiboot_video_request_gets_the_text_mode),
        TEST(multiboot_required_bits_3_to_15_are_refused_by_number),
        TEST(multiboot_header_is_found_at_any_multiple_of_4_in_8192_bytes),
        TEST(misplaced_multiboot_headers_are_explained),
        TEST(a_multiboot_2_header_alone_is_refused),
        TEST(a_multiboot_header_in_no_elf_needs_addresses),
        TEST(forced_mode_ignores_a_multiboot_header),
        TEST(multiboot_addresses_at_their_extremes),
        TEST(multiboot_address_messages_name_the_field),
        TEST(multiboot_load_past_4_gib_is_refused),
        TEST(multiboot_flat_cut_short_is_never_started_as_multiboot),
        TEST(multiboot_info_keeps_out_of_the_image),
        TEST(multiboot_command_line_may_be_long_but_must_fit),
        TEST_FILE(a_file_is_loaded),
        TEST_FILE(files_that_can_not_be_read_are_explained),
        TEST_FILE(a_huge_file_is_refused_without_reading_it),
        TEST_FILE(a_pipe_is_read_to_its_end_in_spite_of_short_reads_and_signals),
        TEST_FILE(hostile_names_stay_one_line_and_short),
        TEST_FILE(a_small_error_buffer_is_not_overrun),
        TEST_FILE(multiboot_modules_follow_the_image_on_pages_of_their_own),
        TEST_FILE(multiboot_modules_of_a_low_image_are_above_1_mib),
        TEST_FILE(multiboot_modules_that_do_not_fit_or_exist_are_refused),
        TEST(ten_thousand_changed_images_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
