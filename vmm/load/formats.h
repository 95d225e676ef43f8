/*
 * What the loaders of single formats share, private to this folder. A loader only makes a plan: a
 * list of segments, each checked as it is added. image.c carries the plan out when all of it is
 * known to be good, so a refused image leaves RAM as it was.
 */
#ifndef VMM_LOAD_FORMATS_H
#define VMM_LOAD_FORMATS_H

#include "image.h"

/* `memory_size` bytes at guest address `address`: the first `file_size` copied, the rest zero. */
struct load_segment {
    char what[64]; /* for messages */
    uint64_t address, memory_size;
    const uint8_t *bytes;
    uint64_t file_size;
    void *owned; /* freed with the plan; NULL if `bytes` belong to someone else */
};

struct loader {
    const struct image_request *request;
    const struct memory *memory;
    const uint8_t *bytes; /* the image file */
    size_t size;
    char name[96]; /* the file's, shortened, for messages */
    char *error;
    size_t error_size;

    bool boot_area_reserved; /* segments may not meet IMAGE_RESERVED_BASE to _END */
    struct load_segment *segments;
    size_t segment_count, segment_room;
    uint64_t lowest, highest; /* of all segments that take space; UINT64_MAX and 0 for none */
};

/* Writes the error sentence, after the file's name. Always returns -1. */
int load_fail(const struct loader *loader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds a copy of `segment` to the plan; file_size must not be above memory_size. Takes over
 * segment->owned whatever happens. Returns -1 unless it lies in RAM, clear of the video memory
 * and, if reserved, the boot area; one without memory is left out, wherever it is. Overlaps are
 * found later, when the plan is whole. */
int load_add(struct loader *loader, const struct load_segment *segment);

/* Reads the whole file `path`, of any kind that can be read to an end, into a malloc'ed block that
 * is the caller's. `prefix` goes before the message. Returns 0 or -1. */
int load_read_file(const struct loader *loader, const char *prefix, const char *path,
                   uint8_t **bytes, size_t *size);

/* Little-endian fields, at any alignment. */
uint16_t load_u16(const uint8_t *bytes);
uint32_t load_u32(const uint8_t *bytes);

/* The formats. Each returns 0 with the plan made and `image` filled except for lowest and
 * highest, which Multiboot sets too; or -1. */
int load_flat16(struct loader *loader, struct image *image);
int load_flat32(struct loader *loader, struct image *image);
int load_boot_sector(struct loader *loader, struct image *image);
int load_elf(struct loader *loader, struct image *image);
int load_multiboot(struct loader *loader, uint32_t header, struct image *image);

bool load_is_elf(const struct loader *loader);
/* Is this ELF for this machine, and its header whole? 0 or -1. Comes before load_elf. */
int load_elf_check(const struct loader *loader);

/* Refuses what is obviously no flat program: other formats, sources, text. 0 or -1. */
int load_flat_check(const struct loader *loader);

/* Looks for a Multiboot header: 1 with its file offset, 0 if there is none, -1 if there is one
 * that was meant as such but will not do. */
int load_multiboot_find(const struct loader *loader, uint32_t *header);

#endif
