/*
 * The library (vmm/machine/libvmm): what its functions return when a guest waits, runs on, or can't
 * be.
 */
#include "machine/libvmm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* sti; mov al, 0xfd; out 0x21, al; hlt; jmp to the hlt: only the keyboard can wake it. */
static const uint8_t waits_for_a_key[] = {0xfb, 0xb0, 0xfd, 0xe6, 0x21, 0xf4, 0xeb, 0xfd};

/* jmp $ */
static const uint8_t spins[] = {0xeb, 0xfe};

static struct vmm *make(const uint8_t *image, size_t size)
{
    const struct vmm_config config = {.image = image, .image_size = size};
    char error[200];
    struct vmm *vmm = vmm_new(&config, error, sizeof(error));

    assert_non_null(vmm);
    return vmm;
}

static void a_guest_that_only_a_key_can_wake_is_waiting(void **state)
{
    struct vmm *vmm = make(waits_for_a_key, sizeof(waits_for_a_key));

    (void)state;
    assert_int_equal(vmm_run(vmm, 1000000000), VMM_WAITING);
    assert_true(vmm_now(vmm) >= 1000000000);
    assert_int_equal(vmm_instructions(vmm), 4);
    assert_int_equal(vmm_run(vmm, UINT64_MAX), VMM_WAITING);
    assert_int_equal(vmm_instructions(vmm), 4);
    assert_true(vmm_key(vmm, 0x1e, true));
    vmm_run(vmm, 1000000);
    assert_true(vmm_instructions(vmm) > 4); /* at the vector of IRQ 1, whatever is there */
    vmm_free(vmm);
}

static void a_guest_that_spins_runs_for_its_time(void **state)
{
    struct vmm *vmm = make(spins, sizeof(spins));

    (void)state;
    assert_int_equal(vmm_run(vmm, 1000000), VMM_RUNNING);
    assert_in_range(vmm_now(vmm), 1000000, 1000100);
    assert_int_equal(vmm_run(vmm, 0), VMM_RUNNING);
    vmm_free(vmm);
}

static void impossible_sizes_are_refused(void **state)
{
    static const uint64_t sizes[] = {1, 4096, 0xfffff, UINT64_C(0xe0000001), UINT64_MAX};
    char error[200];

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const struct vmm_config config = {
            .image = spins, .image_size = sizeof(spins), .memory_size = sizes[i]};
        assert_null(vmm_new(&config, error, sizeof(error)));
        assert_non_null(strstr(error, "1 MiB to 3.5 GiB"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_that_only_a_key_can_wake_is_waiting),
        cmocka_unit_test(a_guest_that_spins_runs_for_its_time),
        cmocka_unit_test(impossible_sizes_are_refused),
    };

    return cmocka_run_group_tests_name("libvmm", tests, NULL, NULL);
}
