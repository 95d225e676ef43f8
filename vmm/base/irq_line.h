/*
 * An interrupt line: the wire between a chip's output and whatever listens to it.
 * The chip sets a level; the machine decides where the wire ends (machine/board.c: at an input of
 * each interrupt controller).
 */
#ifndef VMM_BASE_IRQ_LINE_H
#define VMM_BASE_IRQ_LINE_H

#include <stdbool.h>

struct irq_line {
    void (*set)(void *sink, unsigned input, bool level); /* NULL: the wire ends nowhere */
    void *sink;
    unsigned input;
    bool level;
};

/* Drives the wire to a level; the listener is called only when the level changes. */
static inline void irq_line_set(struct irq_line *line, bool level)
{
    if (line->level == level)
        return;
    line->level = level;
    if (line->set)
        line->set(line->sink, line->input, level);
}

#endif
