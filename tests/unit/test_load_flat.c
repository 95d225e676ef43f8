/*
 * Tests of flat images (vmm/load/flat): 16-bit and 32-bit ones, and files that are something else.
 */
#include "load.h"

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

/* Whatever its size: tutorials put a kernel behind it with cat. Not with an address, or --mode. */
static void what_ends_its_first_sector_in_55_aa_is_the_bios_s_to_start(void **state)
{
    struct image_request request = {
        .path = "a", .mode = IMAGE_REAL16, .has_load_address = true, .load_address = 0x7c00};

    (void)state;
    memset(file, 0, sizeof(file));
    file[510] = 0x55;
    file[511] = 0xaa;
    file[600] = 0x77;
    for (size_t size = 512; size < 700; size += 89) {
        loaded(file, size);
        assert_int_equal(image.start, IMAGE_START_BIOS);
        assert_int_equal(image.disk_size, size);
        assert_memory_equal(image.disk, file, size);
        free(image.disk);
    }
    loaded(file, 511);
    assert_int_equal(image.start, IMAGE_START_REAL);
    assert_int_equal(load_with(&request, file, 512), 0);
    assert_int_equal(image.start, IMAGE_START_REAL);
    assert_int_equal(image.segment, 0); /* as a BIOS would start it */
    assert_int_equal(image.entry, 0x7c00);
}

/* A disk may hold a Multiboot kernel: the first sector says what it is. */
static void a_boot_sector_goes_before_a_multiboot_header_further_in(void **state)
{
    static const uint8_t header[12] = {0x02, 0xb0, 0xad, 0x1b, 0, 0, 0, 0, 0xfe, 0x4f, 0x52, 0xe4};

    (void)state;
    memset(file, 0, sizeof(file));
    memcpy(file + 4096, header, sizeof(header));
    file[510] = 0x55;
    file[511] = 0xaa;
    loaded(file, 8192);
    assert_int_equal(image.start, IMAGE_START_BIOS);
    free(image.disk);
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
        TEST(what_ends_its_first_sector_in_55_aa_is_the_bios_s_to_start),
        TEST(a_boot_sector_goes_before_a_multiboot_header_further_in),
        TEST(files_of_other_kinds_are_named),
        TEST(short_or_binary_files_are_not_taken_for_text),
        TEST(options_for_multiboot_are_refused_for_other_images),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
