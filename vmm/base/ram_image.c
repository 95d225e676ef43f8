/*
 * Images of RAM: tables of counted pages. RAM is always the last image taken or restored, its
 * `base`, but for the pages on the list of dirty ones.
 */
#include "ram_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ram_image *ram_image_new(uint64_t memory_size)
{
    uint32_t count = (uint32_t)(memory_size / MEMORY_PAGE);
    struct ram_image *image = calloc(1, sizeof(*image) + count * sizeof(image->pages[0]));

    if (image) {
        image->users = 1;
        image->page_count = count;
    }
    return image;
}

static void drop_page(struct ram_page *page)
{
    if (page && --page->users == 0)
        free(page);
}

bool ram_image_set(struct ram_image *image, uint32_t page, const uint8_t *bytes)
{
    struct ram_page *copy = malloc(sizeof(*copy));

    if (!copy)
        return false;
    copy->users = 1;
    memcpy(copy->bytes, bytes, MEMORY_PAGE);
    drop_page(image->pages[page]);
    image->pages[page] = copy;
    return true;
}

void ram_image_free(struct ram_image *image)
{
    if (!image || --image->users > 0)
        return;
    for (uint32_t i = 0; i < image->page_count; i++)
        drop_page(image->pages[i]);
    free(image);
}

static const uint8_t *ram_page_of(const struct memory *memory, uint32_t page)
{
    return memory->base + (uint64_t)page * MEMORY_PAGE;
}

static bool is_zero(const uint8_t *page)
{
    return page[0] == 0 && memcmp(page, page + 1, MEMORY_PAGE - 1) == 0;
}

/* From now on RAM is `image`, and no page is dirty. */
static void set_base(struct memory_log *log, struct ram_image *image)
{
    image->users++;
    ram_image_free(log->base);
    log->base = image;
    log->drop = ram_image_free;
    for (uint32_t i = 0; i < log->dirty_count; i++)
        log->is_dirty[log->dirty[i]] = false;
    log->dirty_count = 0;
}

/* Begins to keep the list. */
static bool track(const struct memory *memory)
{
    struct memory_log *log = memory->log;
    size_t count = memory->size / MEMORY_PAGE;

    if (!log->is_dirty)
        log->is_dirty = calloc(count, sizeof(log->is_dirty[0]));
    if (!log->dirty)
        log->dirty = malloc(count * sizeof(log->dirty[0]));
    return log->is_dirty && log->dirty;
}

static bool copy_page(const struct memory *memory, struct ram_image *image, uint32_t page)
{
    const uint8_t *bytes = ram_page_of(memory, page);

    if (!is_zero(bytes))
        return ram_image_set(image, page, bytes);
    drop_page(image->pages[page]);
    image->pages[page] = NULL;
    return true;
}

struct ram_image *ram_image_take(const struct memory *memory)
{
    struct memory_log *log = memory->log;
    struct ram_image *image = ram_image_new(memory->size);
    bool ok = image && track(memory);

    if (ok && log->base) {
        memcpy(image->pages, log->base->pages, image->page_count * sizeof(image->pages[0]));
        for (uint32_t i = 0; i < image->page_count; i++) {
            if (image->pages[i])
                image->pages[i]->users++;
        }
        for (uint32_t i = 0; ok && i < log->dirty_count; i++)
            ok = copy_page(memory, image, log->dirty[i]);
    } else {
        uint8_t *given = memory_given(memory);
        for (uint32_t i = 0; ok && i < image->page_count; i++)
            ok = (given && !given[i]) || copy_page(memory, image, i);
        free(given);
    }
    if (!ok) {
        ram_image_free(image);
        return NULL;
    }
    set_base(log, image);
    return image;
}

static void restore_page(const struct memory *memory, const struct ram_image *image, uint32_t page)
{
    uint8_t *to = memory->base + (uint64_t)page * MEMORY_PAGE;

    if (image->pages[page])
        memcpy(to, image->pages[page]->bytes, MEMORY_PAGE);
    else if (!is_zero(to)) /* so that memory the host has not given yet stays so */
        memset(to, 0, MEMORY_PAGE);
}

int ram_image_restore(const struct memory *memory, struct ram_image *image)
{
    struct memory_log *log = memory->log;

    if (!track(memory))
        return -ENOMEM;
    for (uint32_t i = 0; i < log->dirty_count; i++)
        restore_page(memory, image, log->dirty[i]);
    if (log->base != image) {
        uint8_t *given = log->base ? NULL : memory_given(memory);
        for (uint32_t i = 0; i < image->page_count; i++) {
            if (log->base ? log->base->pages[i] != image->pages[i]
                          : image->pages[i] || !given || given[i])
                restore_page(memory, image, i);
        }
        free(given);
    }
    set_base(log, image);
    log->changes++;
    return 0;
}
