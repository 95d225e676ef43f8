/*
 * Tests of ELF images (vmm/load/elf).
 */
#include "load.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
