/*
 * Gathering a guest's output: at once after a pause, else when the buffer is full, a millisecond
 * has passed, or the machine is about to sleep and calls output_flush.
 */
#include "output.h"

static void on_timer(void *owner)
{
    output_flush(owner);
}

void output_init(struct output *output, struct clock *clock,
                 void (*write)(void *owner, const uint8_t *bytes, size_t count), void *owner)
{
    output->clock = clock;
    timer_init(&output->timer, on_timer, output);
    output->write = write;
    output->owner = owner;
    output->last_flush = 0;
    output->total = 0;
    output->used = 0;
}

void output_flush(struct output *output)
{
    timer_arm(output->clock, &output->timer, CLOCK_NEVER);
    if (output->used == 0)
        return;
    output->write(output->owner, output->bytes, output->used);
    output->used = 0;
    output->last_flush = clock_now(output->clock);
}

void output_put(struct output *output, uint8_t byte)
{
    bool first_ever = output->total == 0;

    output->bytes[output->used++] = byte;
    output->total++;
    if (output->used == OUTPUT_SIZE) {
        output_flush(output);
    } else if (output->used == 1) {
        uint64_t due = output->last_flush + OUTPUT_DELAY_NS;
        if (first_ever || clock_now(output->clock) >= due)
            output_flush(output);
        else
            timer_arm(output->clock, &output->timer, due);
    }
}
