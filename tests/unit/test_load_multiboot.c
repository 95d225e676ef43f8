/*
 * Tests of Multiboot images (vmm/load/multiboot): the header, and what the kernel finds.
 */
#include "load.h"

#include <stdio.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
