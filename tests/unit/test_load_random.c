/*
 * Ten thousand images with random changes: any of them may be loaded or refused, and does no harm.
 */
#include "load.h"

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
    unsigned started[IMAGE_START_BIOS + 1] = {0}, not_started = 0;

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
        if (load_with(&request, file, size) == 0) {
            started[image.start]++;
            free(image.disk);
        } else {
            not_started++;
        }
    }
    /* The seed is fixed: these say that the images are neither all good nor all bad. */
    for (int start = 0; start <= IMAGE_START_MULTIBOOT; start++)
        assert_true(started[start] > 300);
    assert_true(not_started > 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ten_thousand_changed_images_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
