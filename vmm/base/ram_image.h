/*
 * What guest RAM held at a moment. Images of the same RAM share the pages that did not change
 * between them, and taking or restoring one touches only the pages that did.
 */
#ifndef VMM_BASE_RAM_IMAGE_H
#define VMM_BASE_RAM_IMAGE_H

#include "memory.h"

struct ram_page {
    uint32_t users;
    uint8_t bytes[MEMORY_PAGE];
};

struct ram_image {
    uint32_t users;
    uint32_t page_count;
    struct ram_page *pages[]; /* NULL: zeros */
};

/*
 * Takes an image. The list of dirty pages must be up to date (cpu_ops.collect_writes), and is
 * emptied. NULL: out of memory, nothing has changed. Freed by ram_image_free.
 */
struct ram_image *ram_image_take(const struct memory *memory);

/* Makes RAM what it was; `image` is of RAM of the same size. The list of dirty pages must be up to
 * date, and is emptied. Returns 0, or -ENOMEM with nothing changed. */
int ram_image_restore(const struct memory *memory, struct ram_image *image);

/* An image of zeros, to be filled with ram_image_set; NULL: out of memory. */
struct ram_image *ram_image_new(uint64_t memory_size);
/* Sets a page below page_count to MEMORY_PAGE bytes. False: out of memory. */
bool ram_image_set(struct ram_image *image, uint32_t page, const uint8_t *bytes);

void ram_image_free(struct ram_image *image);

#endif
