/*
 * Tests of the 8259A pair (vmm/dev/i8259): lines in, ports in and out, vectors out. Priorities,
 * modes and spurious vectors are those of the Intel data sheet.
 */
#include "chip.h"
#include "dev/i8259.h"

#define EOI 0x20

static struct i8259_pair pic;

static void raise_line(unsigned input)
{
    i8259_set_line(&pic, input, true);
}

static void lower_line(unsigned input)
{
    i8259_set_line(&pic, input, false);
}

static void pulse(unsigned input)
{
    raise_line(input);
    lower_line(input);
}

static uint8_t irr(uint32_t chip)
{
    out(chip, 0x0a);
    return in(chip);
}

static uint8_t isr(uint32_t chip)
{
    out(chip, 0x0b);
    return in(chip);
}

static void program(uint8_t icw1, uint8_t icw4)
{
    out(0x20, icw1);
    out(0x21, 0x20);
    out(0x21, 0x04);
    out(0x21, icw4);
    out(0xa0, icw1);
    out(0xa1, 0x28);
    out(0xa1, 0x02);
    out(0xa1, icw4);
}

static void assert_quiet(void)
{
    assert_false(i8259_has_request(&pic));
}

static void assert_vector(uint8_t vector)
{
    assert_true(i8259_has_request(&pic));
    assert_int_equal(i8259_acknowledge(&pic), vector);
}

/* As an operating system sets it up: vectors 0x20 and 0x28, nothing masked. */
static int set_up(void **state)
{
    (void)state;
    bus_init(&ports);
    i8259_init(&pic);
    assert_true(i8259_attach(&pic, &ports));
    program(0x11, 0x01);
    return 0;
}

/* ---- initialisation ---- */

static void i8259_gives_no_request_before_initialisation(void **state)
{
    (void)state;
    i8259_init(&pic);
    raise_line(1);
    out(0x21, 0x00);
    assert_quiet();
    assert_false(i8259_can_request(&pic));
    assert_int_equal(in(0x21), 0xff);
    assert_int_equal(in(0xa1), 0xff);
}

static void i8259_gives_no_request_between_icw1_and_the_last_icw(void **state)
{
    (void)state;
    out(0x20, 0x11);
    raise_line(1);
    assert_quiet();
    out(0x21, 0x40);
    out(0x21, 0x04);
    assert_quiet();
    out(0x21, 0x01);
    assert_vector(0x41);
}

static void i8259_icw1_clears_mask_service_and_edges(void **state)
{
    (void)state;
    raise_line(3);
    assert_vector(0x23);
    raise_line(4);
    out(0x21, 0xff);
    out(0x20, 0x11);
    out(0x21, 0x20);
    out(0x21, 0x04);
    out(0x21, 0x01);
    assert_int_equal(in(0x21), 0);
    assert_int_equal(isr(0x20), 0);
    assert_int_equal(irr(0x20), 0);
    assert_quiet();
    lower_line(4);
    raise_line(4); /* a line that stayed high needs a new edge */
    assert_vector(0x24);
}

static void i8259_icw1_selects_irr_and_lowest_priority_7(void **state)
{
    (void)state;
    out(0x20, 0x0b);
    out(0x20, 0xc3); /* lowest: 3 */
    program(0x11, 0x01);
    raise_line(0);
    raise_line(4);
    assert_int_equal(in(0x20), 0x11);
    assert_vector(0x20);
}

static void i8259_icw1_ends_every_special_mode(void **state)
{
    (void)state;
    out(0x20, 0x68); /* special mask */
    out(0x20, 0x80); /* rotate in AEOI */
    out(0x20, 0x0c); /* poll */
    program(0x11, 0x03);
    assert_int_equal(in(0x20), 0);
    pulse(0);
    assert_vector(0x20);
    pulse(1);
    pulse(0);
    assert_vector(0x20); /* did not rotate */
    assert_vector(0x21);
    program(0x11, 0x01);
    pulse(1);
    assert_vector(0x21);
    out(0x21, 0x02);
    pulse(3);
    assert_quiet();
}

static void i8259_single_takes_no_icw3(void **state)
{
    (void)state;
    out(0x20, 0x13);
    out(0x21, 0x50);
    out(0x21, 0x01); /* ICW4 */
    out(0x21, 0xfd); /* the mask */
    assert_int_equal(in(0x21), 0xfd);
    raise_line(1);
    assert_vector(0x51);
}

static void i8259_without_ic4_takes_no_icw4(void **state)
{
    (void)state;
    out(0x20, 0x10);
    out(0x21, 0x50);
    out(0x21, 0x04);
    out(0x21, 0xfb); /* the mask already */
    assert_int_equal(in(0x21), 0xfb);

    out(0x20, 0x12); /* single and no ICW4: two words in all */
    out(0x21, 0x60);
    out(0x21, 0xfe);
    assert_int_equal(in(0x21), 0xfe);
    raise_line(0);
    assert_vector(0x60);
}

static void i8259_without_ic4_forgets_auto_eoi(void **state)
{
    (void)state;
    program(0x11, 0x03);
    out(0x20, 0x10);
    out(0x21, 0x20);
    out(0x21, 0x04);
    raise_line(1);
    assert_vector(0x21);
    assert_int_equal(isr(0x20), 0x02);
}

static void i8259_takes_only_the_high_bits_of_icw2(void **state)
{
    (void)state;
    out(0x20, 0x11);
    out(0x21, 0x27);
    out(0x21, 0x04);
    out(0x21, 0x01);
    raise_line(1);
    assert_vector(0x21);
}

/* ---- requests ---- */

static void i8259_passes_an_edge_as_a_vector(void **state)
{
    (void)state;
    raise_line(1);
    assert_int_equal(irr(0x20), 0x02);
    assert_vector(0x21);
    assert_int_equal(irr(0x20), 0);
    assert_int_equal(isr(0x20), 0x02);
    assert_quiet();
}

static void i8259_latches_request_while_masked(void **state)
{
    (void)state;
    out(0x21, 0xff);
    raise_line(4);
    assert_quiet();
    assert_int_equal(irr(0x20), 0x10);
    out(0x21, 0xef);
    assert_vector(0x24);
}

static void i8259_keeps_an_edge_after_the_line_has_fallen(void **state)
{
    (void)state;
    out(0x21, 0xff);
    pulse(0);
    out(0x21, 0x00);
    assert_vector(0x20);
    assert_quiet();
}

static void i8259_takes_one_request_from_many_edges(void **state)
{
    (void)state;
    out(0x21, 0xff);
    for (int i = 0; i < 10; i++) {
        raise_line(0);
        raise_line(0); /* no edge */
        lower_line(0);
    }
    out(0x21, 0x00);
    assert_vector(0x20);
    out(0x20, EOI);
    assert_quiet();
    assert_int_equal(pic.raised[0], 10);
    assert_int_equal(pic.acknowledged[0], 1);
}

static void i8259_wants_a_new_edge_after_acknowledge(void **state)
{
    (void)state;
    raise_line(1);
    assert_vector(0x21);
    out(0x20, EOI);
    assert_quiet();
    raise_line(1); /* still high: no edge */
    assert_quiet();
    lower_line(1);
    raise_line(1);
    assert_vector(0x21);
}

static void i8259_latches_an_edge_while_its_input_is_in_service(void **state)
{
    (void)state;
    pulse(0);
    assert_vector(0x20);
    pulse(0);
    assert_quiet();
    out(0x20, EOI);
    assert_vector(0x20);
}

static void i8259_serves_the_highest_priority_first(void **state)
{
    (void)state;
    raise_line(7);
    raise_line(3);
    raise_line(5);
    assert_vector(0x23);
    assert_quiet();
    out(0x20, EOI);
    assert_vector(0x25);
    out(0x20, EOI);
    assert_vector(0x27);
}

static void i8259_lets_only_higher_priorities_interrupt_service(void **state)
{
    (void)state;
    raise_line(3);
    assert_vector(0x23);
    raise_line(4);
    assert_quiet();
    pulse(7);
    assert_quiet();
    raise_line(1);
    assert_vector(0x21);
    assert_int_equal(isr(0x20), 0x0a);
    out(0x20, EOI); /* of 1, the higher */
    assert_int_equal(isr(0x20), 0x08);
    assert_quiet();
    out(0x20, EOI);
    assert_vector(0x24);
}

static void i8259_lost_eoi_blocks_equal_and_lower_until_it_comes(void **state)
{
    (void)state;
    pulse(1);
    assert_vector(0x21);
    pulse(1);
    pulse(5);
    for (int i = 0; i < 100; i++)
        assert_quiet();
    pulse(0);
    assert_vector(0x20);
    out(0x20, EOI);
    out(0x20, EOI);
    assert_vector(0x21);
}

static void i8259_specific_eoi_ends_the_named_input(void **state)
{
    (void)state;
    raise_line(5);
    assert_vector(0x25);
    raise_line(1);
    assert_vector(0x21);
    out(0x20, 0x65);
    assert_int_equal(isr(0x20), 0x02);
    out(0x20, 0x61);
    assert_int_equal(isr(0x20), 0);
}

static void i8259_eoi_with_nothing_in_service_does_nothing(void **state)
{
    struct i8259_pair before = pic;

    (void)state;
    out(0x20, EOI);
    out(0x20, 0xa0); /* not even rotate */
    assert_memory_equal(&before, &pic, sizeof(pic));
}

static void i8259_masking_does_not_end_service(void **state)
{
    (void)state;
    raise_line(1);
    assert_vector(0x21);
    out(0x21, 0x02);
    raise_line(3);
    assert_quiet();
    out(0x20, EOI);
    assert_vector(0x23);
}

/* ---- spurious ---- */

static void i8259_spurious_irq7_has_no_service_bit(void **state)
{
    (void)state;
    assert_int_equal(i8259_acknowledge(&pic), 0x27);
    assert_int_equal(isr(0x20), 0);
    raise_line(7);
    assert_vector(0x27);
    assert_int_equal(isr(0x20), 0x80); /* how a handler tells the two apart */
    assert_int_equal(pic.acknowledged[7], 1);
}

static void i8259_request_withdrawn_by_mask_is_spurious_irq7(void **state)
{
    (void)state;
    raise_line(4);
    assert_true(i8259_has_request(&pic));
    out(0x21, 0x10);
    assert_int_equal(i8259_acknowledge(&pic), 0x27);
    assert_int_equal(isr(0x20), 0);
    out(0x21, 0x00);
    assert_vector(0x24);
}

static void i8259_spurious_irq15_puts_only_the_cascade_in_service(void **state)
{
    (void)state;
    out(0x4d1, 0x02); /* input 9 by level */
    raise_line(9);
    lower_line(9);
    assert_vector(0x2f);
    assert_int_equal(isr(0xa0), 0);
    assert_int_equal(isr(0x20), 0x04);
    assert_int_equal(pic.acknowledged[15], 0);
    out(0x20, EOI); /* the master's alone */
    assert_quiet();
}

/* ---- cascade ---- */

static void i8259_slave_request_comes_through_the_cascade(void **state)
{
    (void)state;
    raise_line(12);
    assert_vector(0x2c);
    assert_int_equal(isr(0x20), 0x04);
    assert_int_equal(isr(0xa0), 0x10);
    assert_int_equal(pic.raised[12], 1);
    assert_int_equal(pic.acknowledged[12], 1);
}

static void i8259_slave_stands_at_the_priority_of_input_2(void **state)
{
    (void)state;
    raise_line(3);
    raise_line(15);
    raise_line(1);
    assert_vector(0x21);
    out(0x20, EOI);
    assert_vector(0x2f);
    assert_quiet();
    out(0xa0, EOI);
    assert_quiet();
    out(0x20, EOI);
    assert_vector(0x23);
}

static void i8259_second_slave_request_waits_for_both_eois(void **state)
{
    (void)state;
    raise_line(8);
    raise_line(9);
    assert_vector(0x28);
    out(0x20, EOI);
    assert_quiet(); /* 8 is in service in the slave */
    out(0xa0, EOI);
    assert_vector(0x29);
}

static void i8259_second_slave_request_comes_in_either_order_of_eois(void **state)
{
    (void)state;
    raise_line(8);
    raise_line(9);
    assert_vector(0x28);
    out(0xa0, EOI);
    assert_quiet();
    out(0x20, EOI);
    assert_vector(0x29);
}

static void i8259_masked_cascade_holds_the_slave(void **state)
{
    (void)state;
    out(0x21, 0x04);
    raise_line(8);
    assert_quiet();
    assert_int_equal(irr(0xa0), 0x01);
    out(0x21, 0x00);
    assert_vector(0x28);
}

static void i8259_slave_in_aeoi_loses_no_request(void **state)
{
    (void)state;
    program(0x11, 0x03);
    raise_line(8);
    raise_line(9);
    raise_line(10);
    assert_vector(0x28);
    assert_vector(0x29);
    assert_vector(0x2a);
    assert_quiet();
}

static void i8259_cascade_input_has_no_line_outside(void **state)
{
    (void)state;
    raise_line(2);
    raise_line(16);
    raise_line(4000000000u);
    assert_quiet();
    assert_int_equal(irr(0x20), 0);
}

static void i8259_special_fully_nested_lets_the_slave_nest(void **state)
{
    (void)state;
    raise_line(12);
    assert_vector(0x2c);
    raise_line(8);
    assert_quiet(); /* plain nesting: the cascade is in service */

    program(0x11, 0x11);
    lower_line(12);
    lower_line(8);
    raise_line(12);
    assert_vector(0x2c);
    raise_line(8);
    assert_vector(0x28);
    raise_line(14);
    assert_quiet();
    pulse(8);
    assert_quiet(); /* of the same input */
    raise_line(3);
    assert_quiet(); /* below the cascade */
    raise_line(0);
    assert_vector(0x20);
}

/* ---- modes ---- */

static void i8259_special_fully_nested_slave_has_no_cascade_of_its_own(void **state)
{
    (void)state;
    program(0x11, 0x11);
    pulse(10); /* the slave's input 2 */
    assert_vector(0x2a);
    pulse(10);
    assert_quiet();
}

static void i8259_aeoi_leaves_nothing_in_service(void **state)
{
    (void)state;
    program(0x11, 0x03);
    raise_line(3);
    raise_line(6);
    assert_vector(0x23);
    assert_int_equal(isr(0x20), 0);
    assert_vector(0x26);
    assert_quiet();
}

static void i8259_rotate_in_aeoi_moves_the_served_input_to_the_end(void **state)
{
    (void)state;
    program(0x11, 0x03);
    out(0x20, 0x80);
    pulse(5);
    assert_vector(0x25);
    pulse(5);
    pulse(6);
    pulse(0);
    assert_vector(0x26);
    assert_vector(0x20);
    assert_vector(0x25);
    out(0x20, 0x00); /* off: priorities stay as they are, 6 is first */
    pulse(6);
    assert_vector(0x26);
    pulse(7);
    pulse(6);
    assert_vector(0x26);
    assert_vector(0x27);
}

static void i8259_rotate_on_eoi_moves_the_ended_input_to_the_end(void **state)
{
    (void)state;
    raise_line(4);
    assert_vector(0x24);
    out(0x20, 0xa0);
    assert_int_equal(isr(0x20), 0);
    raise_line(3);
    raise_line(5);
    assert_vector(0x25);
}

static void i8259_rotate_on_specific_eoi_names_the_input(void **state)
{
    (void)state;
    raise_line(6);
    assert_vector(0x26);
    raise_line(1);
    assert_vector(0x21);
    out(0x20, 0xe6); /* 7 is the first now, 6 the last */
    assert_int_equal(isr(0x20), 0x02);
    raise_line(7);
    raise_line(3);
    assert_vector(0x27);
}

static void i8259_set_priority_names_the_lowest_input(void **state)
{
    (void)state;
    out(0x20, 0xc5);
    raise_line(5);
    raise_line(0);
    raise_line(6);
    assert_vector(0x26);
    out(0x20, EOI);
    assert_vector(0x20);
    out(0x20, EOI);
    assert_vector(0x25);
}

static void i8259_plain_eoi_follows_rotated_priority(void **state)
{
    (void)state;
    out(0x20, 0xc2); /* 3 is the first */
    raise_line(1);
    assert_vector(0x21);
    raise_line(4);
    assert_vector(0x24);
    out(0x20, EOI);
    assert_int_equal(isr(0x20), 0x02);
}

static void i8259_ocw2_without_operation_changes_nothing(void **state)
{
    raise_line(4);
    assert_vector(0x24);
    struct i8259_pair before = pic;

    (void)state;
    out(0x20, 0x44);
    assert_memory_equal(&before, &pic, sizeof(pic));
}

static void i8259_special_mask_lets_lower_inputs_interrupt(void **state)
{
    (void)state;
    raise_line(1);
    assert_vector(0x21);
    raise_line(6);
    out(0x21, 0x02);
    assert_quiet();
    out(0x20, 0x68);
    assert_vector(0x26);
    lower_line(1);
    raise_line(1);
    assert_quiet(); /* itself masked */
}

static void i8259_special_mask_plain_eoi_skips_the_masked_input(void **state)
{
    (void)state;
    raise_line(1);
    assert_vector(0x21);
    out(0x21, 0x02);
    out(0x20, 0x68);
    raise_line(6);
    assert_vector(0x26);
    out(0x20, EOI);
    assert_int_equal(isr(0x20), 0x02);
    out(0x20, EOI);
    assert_int_equal(isr(0x20), 0x02);
    out(0x20, 0x61);
    assert_int_equal(isr(0x20), 0);
}

static void i8259_special_mask_ends_by_its_own_command_only(void **state)
{
    (void)state;
    raise_line(1);
    assert_vector(0x21);
    out(0x21, 0x02);
    out(0x20, 0x68);
    out(0x20, 0x2a); /* SMM without ESMM: a read select */
    raise_line(6);
    assert_true(i8259_has_request(&pic));
    out(0x20, 0x48);
    assert_quiet();
}

static void i8259_poll_acknowledges_and_names_the_input(void **state)
{
    (void)state;
    raise_line(5);
    raise_line(3);
    out(0x20, 0x0c);
    assert_int_equal(in(0x20), 0x83);
    assert_int_equal(isr(0x20), 0x08);
    assert_int_equal(in(0x20), 0x08); /* one read only */
}

static void i8259_poll_without_request_gives_no_flag(void **state)
{
    (void)state;
    out(0x20, 0x0c);
    assert_int_equal(in(0x20) & 0x80, 0);
    assert_int_equal(isr(0x20), 0);
}

static void i8259_poll_of_the_slave_withdraws_its_request(void **state)
{
    (void)state;
    out(0x21, 0x04);
    raise_line(9);
    out(0xa0, 0x0c);
    assert_int_equal(in(0xa0), 0x81);
    assert_int_equal(isr(0xa0), 0x02);
    raise_line(8);
    out(0x21, 0x00);
    assert_vector(0x28);
}

static void i8259_poll_wins_over_read_select(void **state)
{
    (void)state;
    raise_line(1);
    out(0x20, 0x0f);
    assert_int_equal(in(0x20), 0x81);
    assert_int_equal(in(0x20), 0); /* IRR, as selected before */
}

static void i8259_elcr_level_repeats_while_the_line_is_high(void **state)
{
    (void)state;
    out(0x4d0, 0x20);
    raise_line(5);
    assert_vector(0x25);
    assert_int_equal(irr(0x20), 0x20);
    assert_quiet();
    out(0x20, EOI);
    assert_vector(0x25);
    lower_line(5);
    out(0x20, EOI);
    assert_quiet();
    assert_int_equal(irr(0x20), 0);
}

static void i8259_elcr_level_request_falls_with_the_line(void **state)
{
    (void)state;
    out(0x4d1, 0x08);
    out(0x21, 0xff);
    raise_line(11);
    assert_int_equal(irr(0xa0), 0x08);
    lower_line(11);
    assert_int_equal(irr(0xa0), 0);
    assert_int_equal(i8259_acknowledge(&pic), 0x27);
}

static void i8259_elcr_forgets_edges_of_level_inputs_alone(void **state)
{
    (void)state;
    out(0x21, 0xff);
    pulse(5);
    pulse(6);
    out(0x4d0, 0x20);
    out(0x4d0, 0x00);
    assert_int_equal(irr(0x20), 0x40);
}

static void i8259_elcr_keeps_the_board_inputs_on_edges(void **state)
{
    (void)state;
    out(0x4d0, 0xff);
    out(0x4d1, 0xff);
    assert_int_equal(in(0x4d0), 0xf8);
    assert_int_equal(in(0x4d1), 0xde);
    assert_int_equal(bus_read(&ports, 0x4d0, 2), 0xdef8);
}

static void i8259_ltim_makes_every_input_level(void **state)
{
    (void)state;
    program(0x19, 0x01);
    raise_line(1);
    assert_vector(0x21);
    out(0x20, EOI);
    assert_vector(0x21);
    out(0x20, EOI);
    lower_line(1);
    assert_quiet();
    raise_line(9);
    assert_vector(0x29);
    out(0xa0, EOI);
    out(0x20, EOI);
    assert_vector(0x29);
}

static void i8259_read_select_is_kept(void **state)
{
    (void)state;
    raise_line(1);
    assert_vector(0x21);
    raise_line(4);
    out(0x20, 0x0b);
    assert_int_equal(in(0x20), 0x02);
    assert_int_equal(in(0x20), 0x02);
    out(0x20, 0x08); /* no RR: unchanged */
    assert_int_equal(in(0x20), 0x02);
    out(0x20, 0x0a);
    assert_int_equal(in(0x20), 0x10);
}

static void i8259_knows_what_can_still_come(void **state)
{
    (void)state;
    assert_true(i8259_can_request(&pic));
    assert_true(i8259_is_enabled(&pic, 9));
    assert_false(i8259_is_enabled(&pic, 2));
    assert_false(i8259_is_enabled(&pic, 16));
    out(0x21, 0xff);
    assert_false(i8259_can_request(&pic));
    assert_false(i8259_is_enabled(&pic, 9));
    out(0x21, 0xfb);
    assert_true(i8259_can_request(&pic));
    out(0xa1, 0xff);
    assert_false(i8259_can_request(&pic));
    out(0x21, 0xfd);
    assert_true(i8259_can_request(&pic));
    assert_true(i8259_is_enabled(&pic, 1));

    out(0x21, 0xfb);
    out(0xa1, 0x00);
    raise_line(9);
    out(0xa1, 0xff); /* withdrawn, but the master's edge is there: a spurious one will come */
    assert_true(i8259_can_request(&pic));
    assert_vector(0x2f);
    assert_false(i8259_can_request(&pic));
}

static void i8259_knows_what_holds_a_request_back(void **state)
{
    (void)state;
    assert_int_equal(i8259_held_by(&pic, 4), -1);
    pulse(4);
    assert_vector(0x24);
    assert_int_equal(i8259_held_by(&pic, 3), -1);
    assert_int_equal(i8259_held_by(&pic, 4), 4);
    assert_int_equal(i8259_held_by(&pic, 7), 4);
    assert_int_equal(i8259_held_by(&pic, 8), -1); /* the slave stands at 2 */
    pulse(10);
    assert_vector(0x2a);
    assert_int_equal(i8259_held_by(&pic, 12), 10);
    assert_int_equal(i8259_held_by(&pic, 9), 2); /* unless the master nests specially */
    assert_int_equal(i8259_held_by(&pic, 3), 2);
    assert_int_equal(i8259_held_by(&pic, 1), -1);
    out(0xa0, EOI);
    assert_int_equal(i8259_held_by(&pic, 12), 2);
    out(0x20, EOI);
    assert_int_equal(i8259_held_by(&pic, 12), -1);
}

static void i8259_attach_is_refused_a_taken_port(void **state)
{
    const struct bus_region taken = {"taken", 0xa1, 1, 1, NULL, NULL, .device = NULL};

    (void)state;
    bus_init(&ports);
    assert_null(bus_add(&ports, &taken));
    assert_false(i8259_attach(&pic, &ports));
}

/* ---- anything at all ---- */

#define SEED 8259

/* What must be true of every state; leaves it as it was. */
static void check_invariants(void)
{
    struct i8259_pair before = pic;
    bool request = i8259_has_request(&pic);
    uint8_t vector = i8259_acknowledge(&pic);

    if (request) {
        HOLDS(memcmp(&before, &pic, sizeof(pic)) != 0);
        HOLDS(i8259_can_request(&before));
    } else {
        HOLDS(vector == ((before.master.icw2 & 0xf8) | 7));
        HOLDS(memcmp(&before, &pic, sizeof(pic)) == 0);
    }
    pic = before;

    /* A poll, had it been asked for, tells the same as the INT pin; so does the cascade wire. */
    out(0x20, 0x0c);
    HOLDS(in(0x20) >> 7 == request);
    pic = before;
    out(0xa0, 0x0c);
    HOLDS(in(0xa0) >> 7 == (before.master.lines >> 2 & 1));
    pic = before;

    pic.master.poll = false;
    HOLDS(!request || irr(0x20) & ~in(0x21));
    pic = before;
}

static void i8259_survives_ten_thousand_random_accesses(void **state)
{
    static const uint32_t port[] = {0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1};
    static const unsigned width[] = {1, 1, 1, 2, 4};

    (void)state;
    srand(SEED);
    for (round_number = 0; round_number < 10000; round_number++) {
        uint32_t at = port[rand() % 6];
        unsigned w = width[rand() % 5];
        switch (rand() % 6) {
        case 0:
            bus_read(&ports, at, w);
            break;
        case 1:
            bus_write(&ports, at, w, (uint32_t)rand());
            break;
        case 2:
        case 3:
            i8259_set_line(&pic, (unsigned)rand() % 18, rand() & 1);
            break;
        case 4:
            i8259_acknowledge(&pic);
            break;
        default:
            if (rand() % 40 == 0)
                program(rand() & 1 ? 0x11 : 0x19, (uint8_t)(rand() & 0x13));
            else
                out(rand() & 1 ? 0x20 : 0xa0, EOI);
            break;
        }
        check_invariants();
    }
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(i8259_gives_no_request_before_initialisation),
        TEST(i8259_gives_no_request_between_icw1_and_the_last_icw),
        TEST(i8259_icw1_clears_mask_service_and_edges),
        TEST(i8259_icw1_selects_irr_and_lowest_priority_7),
        TEST(i8259_icw1_ends_every_special_mode),
        TEST(i8259_single_takes_no_icw3),
        TEST(i8259_without_ic4_takes_no_icw4),
        TEST(i8259_without_ic4_forgets_auto_eoi),
        TEST(i8259_takes_only_the_high_bits_of_icw2),
        TEST(i8259_passes_an_edge_as_a_vector),
        TEST(i8259_latches_request_while_masked),
        TEST(i8259_keeps_an_edge_after_the_line_has_fallen),
        TEST(i8259_takes_one_request_from_many_edges),
        TEST(i8259_wants_a_new_edge_after_acknowledge),
        TEST(i8259_latches_an_edge_while_its_input_is_in_service),
        TEST(i8259_serves_the_highest_priority_first),
        TEST(i8259_lets_only_higher_priorities_interrupt_service),
        TEST(i8259_lost_eoi_blocks_equal_and_lower_until_it_comes),
        TEST(i8259_specific_eoi_ends_the_named_input),
        TEST(i8259_eoi_with_nothing_in_service_does_nothing),
        TEST(i8259_masking_does_not_end_service),
        TEST(i8259_spurious_irq7_has_no_service_bit),
        TEST(i8259_request_withdrawn_by_mask_is_spurious_irq7),
        TEST(i8259_spurious_irq15_puts_only_the_cascade_in_service),
        TEST(i8259_slave_request_comes_through_the_cascade),
        TEST(i8259_slave_stands_at_the_priority_of_input_2),
        TEST(i8259_second_slave_request_waits_for_both_eois),
        TEST(i8259_second_slave_request_comes_in_either_order_of_eois),
        TEST(i8259_masked_cascade_holds_the_slave),
        TEST(i8259_slave_in_aeoi_loses_no_request),
        TEST(i8259_cascade_input_has_no_line_outside),
        TEST(i8259_special_fully_nested_lets_the_slave_nest),
        TEST(i8259_special_fully_nested_slave_has_no_cascade_of_its_own),
        TEST(i8259_aeoi_leaves_nothing_in_service),
        TEST(i8259_rotate_in_aeoi_moves_the_served_input_to_the_end),
        TEST(i8259_rotate_on_eoi_moves_the_ended_input_to_the_end),
        TEST(i8259_rotate_on_specific_eoi_names_the_input),
        TEST(i8259_set_priority_names_the_lowest_input),
        TEST(i8259_plain_eoi_follows_rotated_priority),
        TEST(i8259_ocw2_without_operation_changes_nothing),
        TEST(i8259_special_mask_lets_lower_inputs_interrupt),
        TEST(i8259_special_mask_plain_eoi_skips_the_masked_input),
        TEST(i8259_special_mask_ends_by_its_own_command_only),
        TEST(i8259_poll_acknowledges_and_names_the_input),
        TEST(i8259_poll_without_request_gives_no_flag),
        TEST(i8259_poll_of_the_slave_withdraws_its_request),
        TEST(i8259_poll_wins_over_read_select),
        TEST(i8259_elcr_level_repeats_while_the_line_is_high),
        TEST(i8259_elcr_level_request_falls_with_the_line),
        TEST(i8259_elcr_forgets_edges_of_level_inputs_alone),
        TEST(i8259_elcr_keeps_the_board_inputs_on_edges),
        TEST(i8259_ltim_makes_every_input_level),
        TEST(i8259_read_select_is_kept),
        TEST(i8259_knows_what_can_still_come),
        TEST(i8259_knows_what_holds_a_request_back),
        TEST(i8259_attach_is_refused_a_taken_port),
        TEST(i8259_survives_ten_thousand_random_accesses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
