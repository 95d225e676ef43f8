/*
 * Devices in words: what each row of the board's table says of itself, and the interrupt lines.
 */
#include "info.h"

#include <string.h>

static void put_text(void *to, const char *text)
{
    fputs(text, to);
}

static struct words words_of(const struct info *info)
{
    return (struct words){.put = put_text, .to = info->to};
}

void info_print_irq(const struct info *info, unsigned irq)
{
    struct interrupt_input input = machine_input(info->machine, irq);
    struct words words = words_of(info);

    words_print(&words, "IRQ %-2u %-8s vector 0x%02x: ", irq, board_irq_label(irq), input.vector);
    words_list(&words, input.is_requested, "requested");
    words_list(&words, input.is_in_service, "in service");
    words_list(&words, true, input.is_masked ? "masked" : "open");
    words_list(&words, input.is_controller_masked, "its controller masked");
    words_list(&words, input.is_high, "line high");
    words_list(&words, input.is_level_triggered, "level triggered");
    words_end_list(&words, "");
}

static void print_inputs(const struct info *info)
{
    for (unsigned irq = 0; irq < info->machine->interrupts->inputs; irq++) {
        struct interrupt_input input = machine_input(info->machine, irq);
        bool is_active = input.is_requested || input.is_in_service || !input.is_masked;
        if (!input.is_cascade && (*board_irq_label(irq) || is_active))
            info_print_irq(info, irq);
    }
}

void info_irq(const struct info *info)
{
    unsigned told = 0;

    for (unsigned irq = 0; irq < info->machine->interrupts->inputs; irq++) {
        struct interrupt_input input = machine_input(info->machine, irq);
        if (!input.raised && !input.taken)
            continue;
        told++;
        fprintf(info->to, "IRQ %-2u %-8s raised %llu, taken %llu\n", irq, board_irq_label(irq),
                (unsigned long long)input.raised, (unsigned long long)input.taken);
    }
    if (!told)
        fprintf(info->to, "no interrupt was raised\n");
}

void info_device(const struct info *info, const char *subject)
{
    for (unsigned i = 0; i < board_count; i++) {
        const struct board_row *row = &board_rows[i];
        struct words words = words_of(info);
        if (!row->subject || strcmp(row->subject, subject) != 0)
            continue;
        if (row->kind->interrupts == info->machine->interrupts)
            print_inputs(info);
        if (row->label)
            words_print(&words, "%s: ", row->label);
        row->kind->tell(board_device(info->machine, i), &words);
    }
}
