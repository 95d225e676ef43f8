/*
 * A trace as lines: [GUEST:] SECONDS CATEGORY EVENT KEY=VALUE... WORDS. What comes before the words
 * `vmm trace summary` reads, too. Times are in ns, but for the first.
 */
#include "writer.h"

#include "base/clock.h"
#include "cpu/arch.h"

#include <inttypes.h>

void trace_text_begin(FILE *file)
{
    fprintf(file, TRACE_TEXT_MAGIC ": seconds of the guest's time, what, its details\n");
}

/* A piece in front of which a blank belongs; none if it is NULL. */
static void put_words(FILE *to, const char *words)
{
    if (words)
        fprintf(to, " %s", words);
}

static void put_after(FILE *to, const struct trace_event *event)
{
    if (event->since != CLOCK_NEVER)
        fprintf(to, " after=%" PRIu64 "ns", event->time - event->since);
}

static void put_eip(FILE *to, const struct trace_event *event)
{
    fprintf(to, " eip=0x%08" PRIx32, event->eip);
    put_words(to, event->place);
}

static void put_irq(FILE *to, const struct trace_event *event)
{
    fprintf(to, " irq=%-2u", event->irq);
    switch (event->kind) {
    case TRACE_RAISE:
    case TRACE_LOST:
        fprintf(to, " from=%s", event->name);
        if (event->state)
            fprintf(to, " state=%s", event->state);
        break;
    case TRACE_ACK:
    case TRACE_SPURIOUS:
        fprintf(to, " vector=0x%02x", event->vector);
        put_after(to, event);
        put_words(to, event->state);
        break;
    case TRACE_HANDLER:
        fprintf(to, " back=0x%08" PRIx64, event->value);
        put_eip(to, event);
        put_words(to, event->state);
        break;
    case TRACE_EOI:
    case TRACE_VAIN_EOI:
        fprintf(to, " ocw2=0x%02" PRIx64, event->value);
        put_after(to, event);
        put_words(to, event->state);
        break;
    default:
        put_after(to, event);
        put_words(to, event->state);
    }
}

static void put_access(FILE *to, const struct trace_event *event, const char *what)
{
    fprintf(to, " %s=0x%0*" PRIx64 " value=0x%0*" PRIx64, what, event->kind <= TRACE_OUT ? 3 : 8,
            event->address, 2 * event->width, event->value);
    put_words(to, event->name);
}

static void put_details(FILE *to, const struct trace_event *event)
{
    switch (event->kind) {
    case TRACE_EXCEPTION:
        fprintf(to, " vector=%u", event->vector);
        if (event->has_error)
            fprintf(to, " error=0x%" PRIx64, event->value);
        put_eip(to, event);
        if (event->vector < 32)
            put_words(to, arch_exception_name(event->vector));
        break;
    case TRACE_UNDELIVERED:
        fprintf(to, " vector=%u", event->vector);
        put_eip(to, event);
        put_words(to, event->state);
        break;
    case TRACE_SOFTWARE:
        fprintf(to, " vector=0x%02x", event->vector);
        put_eip(to, event);
        break;
    case TRACE_IN:
    case TRACE_OUT:
        put_access(to, event, "port");
        break;
    case TRACE_READ:
    case TRACE_WRITE:
        put_access(to, event, "address");
        break;
    case TRACE_CALL:
        fprintf(to, " number=%" PRIu64 " ebx=0x%" PRIx64, event->address, event->value);
        put_words(to, event->name);
        break;
    case TRACE_DISK:
        fprintf(to, " sector=%" PRIu64 " bytes=%" PRIu64, event->address, event->value);
        put_words(to, event->name);
        put_words(to, event->state);
        break;
    case TRACE_HALT:
        put_eip(to, event);
        break;
    case TRACE_KEY:
    case TRACE_SERIAL:
        fprintf(to, " code=0x%02" PRIx64, event->value);
        put_words(to, event->state);
        break;
    case TRACE_WAKE:
        put_after(to, event);
        break;
    default:
        put_words(to, event->state);
    }
}

void trace_text_put(struct trace_writer *writer, const struct trace_event *event)
{
    const struct trace_kind_info *kind = &trace_kinds[event->kind];
    FILE *to = writer->file;

    if (*writer->is_shared)
        fprintf(to, "%s: ", writer->name);
    fprintf(to, "%5" PRIu64 ".%09" PRIu64 " %-9s %-9s", event->time / NS_PER_SECOND,
            event->time % NS_PER_SECOND, trace_categories[kind->category], kind->name);
    if (kind->category == CATEGORY_IRQ)
        put_irq(to, event);
    else
        put_details(to, event);
    fputc('\n', to);
}
