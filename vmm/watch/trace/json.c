/*
 * A trace in Trace Event Format, as an array of events: a guest is a process, an IRQ two threads of
 * it, one with slices from the line's edge to its INTA, one from there to the EOI. They are two,
 * since the line may rise again while it is served, and slices of one thread must lie within each
 * other.
 */
#include "writer.h"

#include "base/clock.h"
#include "base/json.h"
#include "cpu/arch.h"

#include <inttypes.h>

/* Threads, in the order in which they are shown. */
enum { TRACK_CPU = 1, TRACK_PORTS, TRACK_MEMORY, TRACK_DISK, TRACK_INPUT, TRACK_IRQ = 16 };

static unsigned waiting_track(unsigned irq)
{
    return TRACK_IRQ + 2 * irq;
}

static unsigned service_track(unsigned irq)
{
    return waiting_track(irq) + 1;
}

void trace_json_begin(FILE *file)
{
    fprintf(file, "[\n");
}

void trace_json_end(FILE *file)
{
    fprintf(file, "\n]\n");
}

/* Begins an object, up to its name. */
static void begin(struct trace_writer *writer, char phase, unsigned track)
{
    fprintf(writer->file, "%s{\"ph\":\"%c\",\"pid\":%u,\"tid\":%u",
            *writer->has_events ? ",\n" : "", phase, writer->number, track);
    *writer->has_events = true;
}

static void begin_at(struct trace_writer *writer, char phase, unsigned track, uint64_t time)
{
    begin(writer, phase, track);
    fprintf(writer->file, ",\"ts\":%" PRIu64 ".%03" PRIu64, time / 1000, time % 1000);
}

static void name_track(struct trace_writer *writer, unsigned track, const char *name)
{
    begin(writer, 'M', track);
    fprintf(writer->file, ",\"name\":\"thread_name\",\"args\":{\"name\":\"%s\"}}", name);
    begin(writer, 'M', track);
    fprintf(writer->file, ",\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":%u}}", track);
}

void trace_json_guest(struct trace_writer *writer)
{
    char name[32];

    begin(writer, 'M', 0);
    fprintf(writer->file, ",\"name\":\"process_name\",\"args\":{\"name\":");
    json_put_string(writer->file, writer->name);
    fprintf(writer->file, "}}");
    name_track(writer, TRACK_CPU, "CPU");
    name_track(writer, TRACK_PORTS, "ports");
    name_track(writer, TRACK_MEMORY, "registers in memory");
    name_track(writer, TRACK_DISK, "disks");
    name_track(writer, TRACK_INPUT, "input");
    for (unsigned irq = 0; irq < 16; irq++) {
        snprintf(name, sizeof(name), "IRQ %u waits", irq);
        name_track(writer, waiting_track(irq), name);
        snprintf(name, sizeof(name), "IRQ %u in service", irq);
        name_track(writer, service_track(irq), name);
    }
}

/* A slice begins, up to its arguments; `open`: the bits of those that have. */
static void begin_slice(struct trace_writer *writer, unsigned track, uint64_t *open, unsigned bit,
                        const struct trace_event *event, const char *name)
{
    *open |= UINT64_C(1) << bit;
    begin_at(writer, 'B', track, event->time);
    fprintf(writer->file, ",\"name\":");
    json_put_string(writer->file, name);
}

static void end_slice(struct trace_writer *writer, unsigned track, uint64_t *open, unsigned bit,
                      const struct trace_event *event)
{
    if (!(*open >> bit & 1))
        return;
    *open &= ~(UINT64_C(1) << bit);
    begin_at(writer, 'E', track, event->time);
    fprintf(writer->file, "}");
}

/* An instant, up to its arguments. */
static void begin_instant(struct trace_writer *writer, unsigned track,
                          const struct trace_event *event, const char *name)
{
    begin_at(writer, 'i', track, event->time);
    fprintf(writer->file, ",\"s\":\"t\",\"name\":");
    json_put_string(writer->file, name);
}

static void put_place(struct trace_writer *writer, const struct trace_event *event)
{
    fprintf(writer->file, ",\"args\":{\"eip\":\"0x%08" PRIx32 "\"", event->eip);
    if (event->place) {
        fprintf(writer->file, ",\"place\":");
        json_put_string(writer->file, event->place);
    }
}

static void put_state(struct trace_writer *writer, const char *state)
{
    fprintf(writer->file, ",\"args\":{\"state\":");
    json_put_string(writer->file, state ? state : "");
    fprintf(writer->file, "}}");
}

static void put_irq(struct trace_writer *writer, const struct trace_event *event)
{
    unsigned irq = event->irq, waits = waiting_track(irq), service = service_track(irq);
    char name[64];

    switch (event->kind) {
    case TRACE_RAISE:
        if (!(writer->waits >> irq & 1)) {
            begin_slice(writer, waits, &writer->waits, irq, event, event->name);
            put_state(writer, event->state);
        }
        break;
    case TRACE_ACK:
    case TRACE_POLL:
        end_slice(writer, waits, &writer->waits, irq, event);
        end_slice(writer, service, &writer->serves, irq, event);
        if (event->state) /* no EOI will follow */
            break;
        snprintf(name, sizeof(name), "vector 0x%02x", event->vector);
        begin_slice(writer, service, &writer->serves, irq, event, name);
        fprintf(writer->file, "}");
        break;
    case TRACE_HANDLER:
        begin_instant(writer, service, event, event->place ? event->place : "handler");
        put_place(writer, event);
        fprintf(writer->file, ",\"back\":\"0x%08" PRIx64 "\"}}", event->value);
        break;
    case TRACE_EOI:
        end_slice(writer, service, &writer->serves, irq, event);
        break;
    case TRACE_FORGET:
        end_slice(writer, waits, &writer->waits, irq, event);
        end_slice(writer, service, &writer->serves, irq, event);
        break;
    default:
        snprintf(name, sizeof(name), "%s", trace_kinds[event->kind].name);
        begin_instant(writer, event->kind == TRACE_LOST ? waits : service, event, name);
        put_state(writer, event->state);
    }
    begin_at(writer, 'C', 0, event->time);
    fprintf(writer->file, ",\"name\":\"interrupts\",\"args\":{\"waiting\":%u,\"in service\":%u}}",
            event->pending, event->taken);
}

static void put_access(struct trace_writer *writer, const struct trace_event *event, unsigned track)
{
    char name[64];

    snprintf(name, sizeof(name), "%s %s", trace_kinds[event->kind].name,
             event->name ? event->name : "nothing");
    begin_instant(writer, track, event, name);
    fprintf(writer->file, ",\"args\":{\"at\":\"0x%" PRIx64 "\",\"value\":\"0x%0*" PRIx64 "\"}}",
            event->address, 2 * event->width, event->value);
}

static void put_other(struct trace_writer *writer, const struct trace_event *event)
{
    char name[64];

    switch (event->kind) {
    case TRACE_IN:
    case TRACE_OUT:
        put_access(writer, event, TRACK_PORTS);
        break;
    case TRACE_READ:
    case TRACE_WRITE:
        put_access(writer, event, TRACK_MEMORY);
        break;
    case TRACE_CALL:
        begin_instant(writer, TRACK_CPU, event, event->name ? event->name : "hypercall");
        fprintf(writer->file, ",\"args\":{\"ebx\":\"0x%" PRIx64 "\"}}", event->value);
        break;
    case TRACE_DISK:
        snprintf(name, sizeof(name), "%s: %s", event->name, event->state);
        begin_instant(writer, TRACK_DISK, event, name);
        fprintf(writer->file, ",\"args\":{\"sector\":%" PRIu64 ",\"bytes\":%" PRIu64 "}}",
                event->address, event->value);
        break;
    case TRACE_HALT:
        if (!writer->halts) {
            begin_at(writer, 'B', TRACK_CPU, event->time);
            fprintf(writer->file, ",\"name\":\"halted\"");
            put_place(writer, event);
            fprintf(writer->file, "}}");
        }
        writer->halts = true;
        break;
    case TRACE_EXCEPTION:
    case TRACE_SOFTWARE:
        if (event->kind == TRACE_EXCEPTION && event->vector < 32)
            snprintf(name, sizeof(name), "%s", arch_exception_name(event->vector));
        else
            snprintf(name, sizeof(name), "INT 0x%02x", event->vector);
        begin_instant(writer, TRACK_CPU, event, name);
        put_place(writer, event);
        fprintf(writer->file, ",\"error\":\"0x%" PRIx64 "\"}}", event->value);
        break;
    case TRACE_UNDELIVERED:
        begin_instant(writer, TRACK_CPU, event, event->state);
        put_place(writer, event);
        fputs("}}", writer->file);
        break;
    case TRACE_KEY:
    case TRACE_SERIAL:
        snprintf(name, sizeof(name), "%s 0x%02" PRIx64 " %s", trace_kinds[event->kind].name,
                 event->value, event->state ? event->state : "");
        begin_instant(writer, TRACK_INPUT, event, name);
        fprintf(writer->file, "}");
        break;
    default:
        if (writer->halts) {
            begin_at(writer, 'E', TRACK_CPU, event->time);
            fprintf(writer->file, "}");
        }
        writer->halts = false;
        if (event->kind != TRACE_WAKE) {
            begin_instant(writer, TRACK_CPU, event, trace_kinds[event->kind].name);
            put_state(writer, event->state);
        }
    }
}

void trace_json_put(struct trace_writer *writer, const struct trace_event *event)
{
    if (trace_kinds[event->kind].category == CATEGORY_IRQ)
        put_irq(writer, event);
    else
        put_other(writer, event);
}
