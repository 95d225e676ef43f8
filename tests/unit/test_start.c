/*
 * --start real: the rubbish that a machine begins with, what of it is in order all the same, and
 * that a seed says all of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine/machine.h"
#include "os/image_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAM   (UINT64_C(2) << 20)
#define SEEDS 200

/* A flat image of 16 bytes in memory, instead of a file. */
static const uint8_t flat[16] = {0xf4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static int read_flat(void *files, const char *path, uint64_t limit, uint8_t **bytes, size_t *size)
{
    (void)files;
    (void)path;
    (void)limit;
    *bytes = malloc(sizeof(flat));
    assert_non_null(*bytes);
    memcpy(*bytes, flat, sizeof(flat));
    *size = sizeof(flat);
    return 0;
}

static void print(void *owner, const uint8_t *bytes, size_t count)
{
    (void)owner;
    (void)bytes;
    (void)count;
}

static struct machine *make(const struct machine_config *wanted)
{
    struct machine_config config = *wanted;
    struct machine *machine;
    char error[300];

    config.memory_size = RAM;
    config.make_cpu = cpu_soft_create;
    config.timeout = CLOCK_NEVER;
    config.print = print;
    config.virtual_time = true;
    machine = machine_create(&config, error, sizeof(error));
    if (!machine)
        fail_msg("%s", error);
    return machine;
}

/* At 0x7c00 in real mode, or at 0x100000 with --mode pm32. */
static struct machine *make_flat(enum image_mode mode, bool is_real, uint64_t seed)
{
    bool is_16 = mode == IMAGE_REAL16;

    return make(&(struct machine_config){
        .image = {.path = "flat",
                  .read = read_flat,
                  .mode = mode,
                  .has_load_address = is_16,
                  .load_address = is_16 ? 0x7c00 : 0},
        .start = {is_real, seed},
    });
}

static struct machine *make_file(const char *path, bool is_real, uint64_t seed)
{
    return make(&(struct machine_config){
        .image = {.path = path, .read = image_file_read},
        .start = {is_real, seed},
    });
}

static struct cpu_state state_of(struct machine *machine)
{
    struct cpu_state state;

    assert_int_equal(machine->cpu->ops->get_state(machine->cpu, &state), 0);
    return state;
}

static unsigned count_zeros(const struct machine *machine, uint64_t from, uint64_t to)
{
    const uint8_t *bytes = memory_at(&machine->memory, from, to - from);
    unsigned zeros = 0;

    assert_non_null(bytes);
    for (uint64_t i = 0; i < to - from; i++)
        zeros += bytes[i] == 0;
    return zeros;
}

/* A byte of rubbish is zero once in 256 times. */
static void assert_rubbish(const struct machine *machine, uint64_t from, uint64_t to)
{
    assert_true(count_zeros(machine, from, to) < (to - from) / 64 + 8);
}

static void assert_same_bytes(const struct machine *a, const struct machine *b, uint64_t from,
                              uint64_t to)
{
    assert_memory_equal(memory_at(&a->memory, from, to - from),
                        memory_at(&b->memory, from, to - from), to - from);
}

static void rubbish_is_everywhere_but_in_the_image(void **unused)
{
    (void)unused;
    struct machine *machine = make_flat(IMAGE_REAL16, true, 1);

    assert_int_equal(count_zeros(machine, 0, 0x500), 0x500); /* vectors and BIOS data */
    assert_rubbish(machine, 0x500, 0x7c00);
    assert_memory_equal(memory_at(&machine->memory, 0x7c00, sizeof(flat)), flat, sizeof(flat));
    for (uint64_t at = 0x7c00 + sizeof(flat); at < 0xa0000; at += 0x400)
        assert_rubbish(machine, at, at + 0x400 < 0xa0000 ? at + 0x400 : 0xa0000);
    for (uint64_t at = 0xc0000; at < RAM; at += 0x400)
        assert_rubbish(machine, at, at + 0x400);
    machine_destroy(machine);
}

static void video_memory_is_as_ever(void **unused)
{
    (void)unused;
    struct machine *real = make_flat(IMAGE_REAL16, true, 1);
    struct machine *friendly = make_flat(IMAGE_REAL16, false, 1);

    assert_same_bytes(real, friendly, 0xa0000, 0xc0000);
    machine_destroy(real);
    machine_destroy(friendly);
}

static void a_seed_says_all(void **unused)
{
    (void)unused;
    for (unsigned mode = IMAGE_REAL16; mode <= IMAGE_PM32; mode++) {
        struct machine *first = make_flat(mode, true, 7), *again = make_flat(mode, true, 7);
        struct machine *other = make_flat(mode, true, 8);
        struct cpu_state a = state_of(first), b = state_of(again), c = state_of(other);

        assert_memory_equal(&a, &b, sizeof(a));
        assert_memory_not_equal(a.gpr, c.gpr, sizeof(a.gpr));
        assert_int_equal(memory_hash(&first->memory), memory_hash(&again->memory));
        assert_int_not_equal(memory_hash(&first->memory), memory_hash(&other->memory));
        machine_destroy(first);
        machine_destroy(again);
        machine_destroy(other);
    }
}

/* The segments of an ELF file with their .bss are what they are, whatever was there before. */
static void bss_is_cleared_by_rule(void **unused)
{
    (void)unused;
    struct machine *real = make_file("build/guests/paging.elf", true, 3);
    struct machine *friendly = make_file("build/guests/paging.elf", false, 3);

    assert_true(real->image.highest > real->image.lowest);
    assert_true(count_zeros(real, real->image.lowest, real->image.highest) > 4096);
    assert_same_bytes(real, friendly, real->image.lowest, real->image.lowest + 0x100);
    assert_same_bytes(real, friendly, real->image.highest - 0x3000, real->image.highest);
    assert_rubbish(real, real->image.highest, real->image.highest + 0x1000);
    machine_destroy(real);
    machine_destroy(friendly);
}

static bool is_disjoint(uint32_t base, uint32_t end, uint32_t other, uint32_t other_end)
{
    return end <= other || base >= other_end;
}

static void a_boot_sector_gets_what_a_bios_promises(void **unused)
{
    (void)unused;
    unsigned with_df = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine *machine = make_flat(IMAGE_REAL16, true, seed);
        struct cpu_state state = state_of(machine);
        const struct cpu_segment *stack = &state.segment[CPU_SS];

        assert_int_equal(state.segment[CPU_CS].base + state.eip, 0x7c00);
        assert_int_equal(state.gpr[CPU_EDX] & 0xff, 0x80);
        assert_false(state.eflags & (EFLAGS_IF | EFLAGS_TF | EFLAGS_NT | EFLAGS_VM));
        with_df += (state.eflags & EFLAGS_DF) != 0;
        for (unsigned i = 0; i < CPU_SEGMENTS; i++) {
            assert_int_equal(state.segment[i].base, (uint32_t)state.segment[i].selector << 4);
            if (i != CPU_CS && i != CPU_SS) {
                assert_int_not_equal(state.segment[i].selector, 0);
                assert_int_not_equal(state.segment[i].selector, state.segment[CPU_CS].selector);
            }
        }
        /* It may be used, and nobody has anything there. */
        assert_int_not_equal(stack->selector, 0);
        assert_true(state.gpr[CPU_ESP] >= 0x200 && state.gpr[CPU_ESP] <= 0x1200);
        assert_true(stack->base >= 0x500 && stack->base + state.gpr[CPU_ESP] <= 0x9fc00);
        assert_true(is_disjoint(stack->base, stack->base + state.gpr[CPU_ESP], 0x7c00, 0x7c10));
        machine_destroy(machine);
    }
    assert_true(with_df > SEEDS / 4 && with_df < SEEDS * 3 / 4);
}

static void a20_is_closed_in_real_mode_alone(void **unused)
{
    (void)unused;
    const struct {
        struct machine *machine;
        bool is_open;
    } made[] = {
        {make_flat(IMAGE_REAL16, true, 1), false},
        {make_flat(IMAGE_REAL16, false, 1), true},
        {make_flat(IMAGE_PM32, true, 1), true},
        {make_file("build/guests/multiboot.elf", true, 1), true},
    };

    for (unsigned i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        struct machine *machine = made[i].machine;
        assert_int_equal(memory_wire(&machine->memory, 0x100500),
                         made[i].is_open ? 0x100500 : 0x500);
        assert_int_equal(bus_read(&machine->ports, 0x92, 1) >> 1 & 1, made[i].is_open);
        machine_destroy(machine);
    }
}

static void a_32_bit_entry_is_called(void **unused)
{
    (void)unused;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine *real = make_flat(IMAGE_PM32, true, seed);
        struct machine *friendly = make_flat(IMAGE_PM32, false, seed);
        struct cpu_state a = state_of(real), b = state_of(friendly);

        assert_int_not_equal(a.gpr[CPU_ESI], 0);
        assert_int_equal(a.gpr[CPU_ESP], b.gpr[CPU_ESP]);
        assert_false(a.eflags & (EFLAGS_DF | EFLAGS_IF));
        assert_memory_equal(a.segment, b.segment, sizeof(a.segment));
        assert_int_equal(a.idtr.base, b.idtr.base);
        assert_same_bytes(real, friendly, 0x100000, 0x100000 + sizeof(flat));
        machine_destroy(real);
        machine_destroy(friendly);
    }
}

static void a_multiboot_kernel_gets_what_is_specified(void **unused)
{
    (void)unused;
    struct machine *real = make_file("build/guests/multiboot.elf", true, 1);
    struct machine *friendly = make_file("build/guests/multiboot.elf", false, 1);
    struct cpu_state a = state_of(real), b = state_of(friendly);

    assert_int_equal(a.eip, b.eip);
    assert_int_equal(a.gpr[CPU_EAX], 0x2badb002);
    assert_int_equal(a.gpr[CPU_EBX], b.gpr[CPU_EBX]);
    assert_same_bytes(real, friendly, a.gpr[CPU_EBX], a.gpr[CPU_EBX] + 116);
    assert_int_not_equal(a.gpr[CPU_ESP], b.gpr[CPU_ESP]);
    assert_int_equal(a.cr0, b.cr0);
    for (unsigned i = 0; i < CPU_SEGMENTS; i++) {
        assert_int_equal(a.segment[i].base, 0);
        assert_int_equal(a.segment[i].limit, UINT32_MAX);
        assert_int_equal(a.segment[i].attributes, b.segment[i].attributes);
    }
    assert_int_equal(a.gdtr.limit, 0);
    assert_int_equal(a.idtr.base, 0);
    assert_rubbish(real, 0x1000, 0x4000); /* none of the VMM's tables */
    assert_int_equal(bus_read(&real->ports, 0x21, 1), 0xb8);
    assert_int_equal(bus_read(&real->ports, 0xa1, 1), 0x8e);
    machine_destroy(real);
    machine_destroy(friendly);
}

static void an_answer_is_left_in_the_keyboard_controller(void **unused)
{
    (void)unused;
    struct machine *real = make_flat(IMAGE_REAL16, true, 1);
    struct machine *friendly = make_flat(IMAGE_REAL16, false, 1);

    assert_int_equal(bus_read(&friendly->ports, 0x64, 1) & 1, 0);
    assert_false(real->keyboard.s.listening); /* what is typed waits for the guest all the same */
    assert_int_equal(bus_read(&real->ports, 0x64, 1) & 1, 1);
    assert_int_equal(bus_read(&real->ports, 0x60, 1), 0xfa);
    assert_int_equal(bus_read(&real->ports, 0x64, 1) & 1, 0);
    machine_destroy(real);
    machine_destroy(friendly);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rubbish_is_everywhere_but_in_the_image),
        cmocka_unit_test(video_memory_is_as_ever),
        cmocka_unit_test(a_seed_says_all),
        cmocka_unit_test(bss_is_cleared_by_rule),
        cmocka_unit_test(a_boot_sector_gets_what_a_bios_promises),
        cmocka_unit_test(a20_is_closed_in_real_mode_alone),
        cmocka_unit_test(a_32_bit_entry_is_called),
        cmocka_unit_test(a_multiboot_kernel_gets_what_is_specified),
        cmocka_unit_test(an_answer_is_left_in_the_keyboard_controller),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
