/*
 * Fuzz target for the image loaders (vmm/load): loads each input the ways a user could ask for.
 * RAM is a heap block, so that AddressSanitizer sees a write past it; on top of that a refused
 * image must leave RAM alone and an accepted one must be where the loader says.
 */
#include "load/image.h"

#include <stdlib.h>
#include <string.h>

#define RAM  0x140000u
#define FILL 0xcc

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool unchanged(const uint8_t *ram, uint64_t from, uint64_t to)
{
    return from >= to ||
           (ram[from] == FILL && memcmp(ram + from, ram + from + 1, to - from - 1) == 0);
}

static void check_refusal(const uint8_t *ram, const char *message)
{
    require(message[0] != 0);
    for (const char *c = message; *c; c++)
        require((unsigned char)*c >= 0x20);
    require(unchanged(ram, 0, RAM));
}

static void check_success(const uint8_t *ram, const struct image *image)
{
    if (image->start == IMAGE_START_BIOS) {
        require(image->disk && image->disk_size > 511 && unchanged(ram, 0, RAM));
        free(image->disk);
        return;
    }
    require(image->lowest < image->highest && image->highest <= RAM);
    require(image->entry >= image->lowest && image->entry < image->highest);
    require(unchanged(ram, IMAGE_VIDEO_BASE, IMAGE_VIDEO_END));
    if (image->start != IMAGE_START_REAL)
        require(unchanged(ram, IMAGE_RESERVED_BASE, IMAGE_RESERVED_END));
    if (image->start == IMAGE_START_MULTIBOOT) {
        require(image->ebx < RAM - 116 &&
                (image->ebx >= image->highest || image->ebx + 116 <= image->lowest));
    } else {
        require(unchanged(ram, 0, image->lowest) && unchanged(ram, image->highest, RAM));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct image_request requests[] = {
        {.path = "a"},
        {.path = "a", .command_line = "quiet"},
        {.path = "a", .mode = IMAGE_REAL16, .has_load_address = true, .load_address = 0x7c00},
        {.path = "a", .mode = IMAGE_PM32},
    };
    static struct memory memory;

    if (!memory.base) {
        memory = (struct memory){.base = malloc(RAM), .size = RAM};
        require(memory.base != NULL);
        memset(memory.base, FILL, RAM);
    }
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct image image;
        char message[300] = "";

        if (image_load_bytes(&requests[i], data, size, &memory, &image, message, sizeof(message)) <
            0) {
            check_refusal(memory.base, message);
        } else {
            check_success(memory.base, &image);
            memset(memory.base, FILL, RAM);
        }
    }
    return 0;
}
