/*
 * A bench for the image loaders (vmm/load): RAM between guards, images built byte by byte from the
 * TIS ELF 1.2 and Multiboot 0.6.96 specifications. Every load goes through load_with(), which also
 * holds what is true of all of them: a refusal is one sentence and leaves RAM alone, a success
 * writes only where it says, and nothing is written outside RAM. For test_load_*.c.
 */
#ifndef TESTS_UNIT_LOAD_H
#define TESTS_UNIT_LOAD_H

#include "load/image.h"
#include "os/image_file.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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

static inline int set_up(void **state)
{
    (void)state;
    block = malloc(RAM + 2 * GUARD);
    assert_non_null(block);
    memset(block, FILL, RAM + 2 * GUARD);
    ram = (struct memory){.base = block + GUARD, .size = RAM};
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    free(block);
    return 0;
}

/* Do bytes [from, to) of the block of RAM and guards still hold FILL? */
static inline bool unchanged(uint64_t from, uint64_t to)
{
    return from == to ||
           (block[from] == FILL && memcmp(block + from, block + from + 1, to - from - 1) == 0);
}

static inline void check_refusal(void)
{
    size_t length = strlen(message);

    assert_in_range(length, 10, sizeof(message) - 2);
    for (size_t i = 0; i < length; i++)
        assert_false((unsigned char)message[i] < 0x20 || message[i] == 0x7f);
    assert_true(message[length - 1] != '.' && message[length - 1] != ' ');
    assert_true(unchanged(0, RAM + 2 * GUARD));
}

static inline void check_success(void)
{
    if (image.start == IMAGE_START_BIOS) { /* the BIOS reads it, later */
        assert_true(unchanged(0, RAM + 2 * GUARD));
        return;
    }
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
static inline int load_with(const struct image_request *request, const void *bytes, size_t size)
{
    struct image_request with_files = *request;
    uint8_t *copy = malloc(size ? size : 1);
    int result;

    with_files.read = image_file_read;
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    memset(block, FILL, RAM + 2 * GUARD);
    memset(message, 0, sizeof(message));
    result = image_load_bytes(&with_files, copy, size, &ram, &image, message, sizeof(message));
    free(copy);
    assert_true(result == 0 || result == -1);
    if (result < 0)
        check_refusal();
    else
        check_success();
    return result;
}

static inline int load(const void *bytes, size_t size)
{
    return load_with(&(struct image_request){.path = "os.img"}, bytes, size);
}

static inline void assert_message(const char *part)
{
    if (!strstr(message, part))
        fail_msg("\"%s\" is not in \"%s\"", part, message);
}

static inline void refused_with(const struct image_request *request, const void *bytes, size_t size,
                                const char *part)
{
    if (load_with(request, bytes, size) == 0)
        fail_msg("loaded, but should say \"%s\"", part);
    assert_message(part);
}

static inline void refused(const void *bytes, size_t size, const char *part)
{
    refused_with(&(struct image_request){.path = "os.img"}, bytes, size, part);
    assert_memory_equal(message, "os.img: ", 8);
}

static inline void loaded(const void *bytes, size_t size)
{
    if (load(bytes, size) < 0)
        fail_msg("refused: %s", message);
}

static inline uint8_t guest8(uint32_t address)
{
    assert_true(address < ram.size);
    return ram.base[address];
}

static inline uint32_t guest32(uint32_t address)
{
    return guest8(address) | (uint32_t)guest8(address + 1) << 8 |
           (uint32_t)guest8(address + 2) << 16 | (uint32_t)guest8(address + 3) << 24;
}

static inline uint64_t guest64(uint32_t address)
{
    return guest32(address) | (uint64_t)guest32(address + 4) << 32;
}

static inline const char *guest_string(uint32_t address)
{
    assert_true(address < ram.size);
    assert_non_null(memchr(ram.base + address, 0, ram.size - address));
    return (const char *)ram.base + address;
}

static inline bool guest_all(uint32_t address, uint32_t size, uint8_t value)
{
    for (uint32_t i = 0; i < size; i++) {
        if (guest8(address + i) != value)
            return false;
    }
    return true;
}

/* ---- Images ---- */

static uint8_t file[0x8000];

static inline void put(size_t offset, unsigned width, uint32_t value)
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
static inline size_t make_elf(const struct segment *segments, unsigned count, uint32_t entry)
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
static inline size_t make_plain_elf(void)
{
    return make_elf(&(struct segment){PT_LOAD, BODY, KERNEL, KERNEL, 0x300, 0x500}, 1,
                    KERNEL + 0x10);
}

/* Two segments with a hole between them. */
static inline size_t make_two_segments(uint32_t second, uint32_t memsz)
{
    return make_elf((struct segment[]){{PT_LOAD, BODY, KERNEL, KERNEL, 0x100, 0x1000},
                                       {PT_LOAD, BODY + 0x100, second, second, 0x80, memsz}},
                    2, KERNEL);
}

#define MB_MAGIC 0x1badb002u

static inline void put_multiboot(size_t offset, uint32_t flags)
{
    put(offset, 4, MB_MAGIC);
    put(offset + 4, 4, flags);
    put(offset + 8, 4, 0 - MB_MAGIC - flags);
}

static inline size_t make_multiboot_elf(uint32_t flags)
{
    size_t size = make_plain_elf();

    put_multiboot(BODY, flags);
    return size;
}

#define MB_AT   0x40u /* where the header of make_multiboot_flat is */
#define MB_SIZE 0x400u

/* 0x400 bytes at 1 MiB and as many of bss, placed by address fields. */
static inline size_t make_multiboot_flat(uint32_t flags)
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

/* ---- Fields at their extremes ---- */

/* Bits of struct field.accepted. */
enum { ZERO = 1, ONE = 2, TOP = 4, MAX_1 = 8, MAX = 16, ALL = 31 };

struct field {
    const char *name;
    size_t offset;
    unsigned width;
    unsigned accepted; /* which of 0, 1, the top bit, max-1 and max do no harm */
};

static inline void check_extremes(const struct field *field, size_t size)
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
