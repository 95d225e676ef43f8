/*
 * Flat images: the bytes of the program and nothing else. Since anything could be a 16-bit
 * program, files that are obviously something else are refused here by their signatures, unless
 * --mode says that they are meant.
 */
#include "formats.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REAL_MODE_END     UINT32_C(0x100000) /* what segment:offset reaches, A20 apart */
#define FLAT32_DEFAULT    UINT32_C(0x100000)
#define PARAGRAPH         16u
#define TEXT_SAMPLE       4096u
#define TEXT_SMALLEST     16u
#define HOW_TO_FORCE      "if it is a program all the same, give --mode real or --mode pm32"
#define SIGNATURE(string) (const uint8_t *)(string), sizeof(string) - 1

static const struct signature {
    size_t offset;
    const uint8_t *bytes;
    size_t length;
    const char *what;
    const char *remedy;
} signatures[] = {
    {0, SIGNATURE("#!"), "a script", "give the image it builds"},
    {514, SIGNATURE("HdrS"), "a Linux kernel", "this machine boots toy kernels, see the manual"},
    {0, SIGNATURE("MZ"), "a DOS or Windows program (MZ)",
     "build a flat image, or an ELF for i386-elf"},
    {0, SIGNATURE("\xfe\xed\xfa\xce"), "a Mach-O file", "build with a cross compiler for i386-elf"},
    {0, SIGNATURE("\xfe\xed\xfa\xcf"), "a Mach-O file", "build with a cross compiler for i386-elf"},
    {0, SIGNATURE("\xce\xfa\xed\xfe"), "a Mach-O file", "build with a cross compiler for i386-elf"},
    {0, SIGNATURE("\xcf\xfa\xed\xfe"), "a Mach-O file", "build with a cross compiler for i386-elf"},
    {0, SIGNATURE("\xca\xfe\xba\xbe"), "a Mach-O or Java file",
     "build with a cross compiler for i386-elf"},
    {0, SIGNATURE("!<arch>\n"), "a library (ar archive)", "link it to an image with ld"},
    {0, SIGNATURE("\x1f\x8b\x08"), "compressed with gzip", "unpack it first"},
    {0, SIGNATURE("PK\x03\x04"), "a zip archive", "unpack it first"},
    {0, SIGNATURE("\xfd\x37zXZ"), "compressed with xz", "unpack it first"},
    {0, SIGNATURE("QFI\xfb"), "a qcow disk image", "give a kernel or a flat image"},
    {IMAGE_CD_AT, SIGNATURE(IMAGE_CD_WORD), "a CD image", "give it as --cdrom FILE"},
};

/* Lines of printable characters; a few others may come from UTF-8 in comments. */
static bool looks_like_text(const struct loader *loader)
{
    size_t sample = loader->size < TEXT_SAMPLE ? loader->size : TEXT_SAMPLE, high = 0, lines = 0;

    for (size_t i = 0; i < sample; i++) {
        uint8_t byte = loader->bytes[i];

        if (byte == '\n')
            lines++;
        else if (byte >= 0x80)
            high++;
        else if ((byte < 0x20 && byte != '\t' && byte != '\r') || byte == 0x7f)
            return false;
    }
    return sample >= TEXT_SMALLEST && lines > 0 && high * 4 < sample;
}

int load_flat_check(const struct loader *loader)
{
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
        const struct signature *s = &signatures[i];

        if (loader->size >= s->offset && loader->size - s->offset >= s->length &&
            memcmp(loader->bytes + s->offset, s->bytes, s->length) == 0)
            return load_fail(loader, "is %s, not an image: %s; " HOW_TO_FORCE, s->what, s->remedy);
    }
    if (looks_like_text(loader))
        return load_fail(loader, "is text, perhaps the source of an image: give the file that the "
                                 "assembler or linker makes of it; " HOW_TO_FORCE);
    return 0;
}

static int add_file(struct loader *loader, uint32_t address, const char *what)
{
    struct load_segment segment = {
        .address = address,
        .memory_size = loader->size,
        .bytes = loader->bytes,
        .file_size = loader->size,
    };

    snprintf(segment.what, sizeof(segment.what), "%s", what);
    return load_add(loader, &segment);
}

/*
 * One address serves as segment (address / 16) and entry (offset 0). An image may be longer than
 * the 64 KiB that CS reaches, as long as it stays clear of video memory: the program gets at the
 * rest by loading segment registers, as it would had it read it from a disk. It may also lie in
 * the ROM area 0xc0000-0xfffff. A boot sector at its own address starts where a BIOS would start
 * it, in segment 0.
 */
int load_flat16(struct loader *loader, struct image *image)
{
    uint32_t address = loader->request->has_load_address ? loader->request->load_address : 0;

    if (address >= REAL_MODE_END)
        return load_fail(loader,
                         "--load 0x%" PRIx32 " is not below 1 MiB (0x%" PRIx32 "), where a 16-bit "
                         "image must be: for a 32-bit one add --mode pm32",
                         address, REAL_MODE_END);
    if (address % PARAGRAPH != 0)
        return load_fail(loader,
                         "--load 0x%" PRIx32 " is not a multiple of 16, as the segment of a "
                         "16-bit image must be: 0x%" PRIx32 " is",
                         address, address - address % PARAGRAPH);
    if (loader->size > REAL_MODE_END - address)
        return load_fail(loader,
                         "a 16-bit image of %zu bytes at 0x%" PRIx32 " ends above 1 MiB (0x%" PRIx32
                         "): make it smaller, or build it as 32-bit for --mode pm32",
                         loader->size, address, REAL_MODE_END);
    image->format = "flat 16-bit";
    image->start = IMAGE_START_REAL;
    image->entry = address;
    image->segment = (uint16_t)(address / PARAGRAPH);
    if (address == IMAGE_BOOT_ADDRESS && image_is_boot_sector(loader->bytes, loader->size))
        image->segment = 0;
    return add_file(loader, address, "the 16-bit image");
}

/* The BIOS reads it, as a disk that the guest may write to; so a copy. */
int load_boot_sector(struct loader *loader, struct image *image)
{
    image->disk = malloc(loader->size);
    if (!image->disk)
        return load_fail(loader, "out of memory");
    memcpy(image->disk, loader->bytes, loader->size);
    image->disk_size = loader->size;
    image->format = "boot sector";
    image->start = IMAGE_START_BIOS;
    image->entry = IMAGE_BOOT_ADDRESS;
    return 0;
}

int load_flat32(struct loader *loader, struct image *image)
{
    const struct image_request *request = loader->request;
    uint32_t address = request->has_load_address ? request->load_address : FLAT32_DEFAULT;

    loader->boot_area_reserved = true;
    image->format = "flat 32-bit";
    image->start = IMAGE_START_PROTECTED;
    image->entry = address;
    return add_file(loader, address, "the 32-bit image");
}
