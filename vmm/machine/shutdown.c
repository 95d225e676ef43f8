/*
 * Why a triple fault came: the events that led to it, in words. Each could not be delivered; the
 * exception that came of trying says why, by its error code and by what is in the guest's tables.
 * Error codes: Intel SDM vol. 3, section 6.13.
 */
#include "internal.h"

#include "cpu/arch.h"
#include "services.h"

#include <stdarg.h>
#include <stdio.h>

#define ERROR_IDT UINT32_C(2)
#define ERROR_LDT UINT32_C(4)

enum { GATE_P = 0x8000, DESCRIPTOR_D = 0x400000, TYPE_TASK = 5 };
enum { VECTOR_TS = 10, VECTOR_NP, VECTOR_SS, VECTOR_GP, VECTOR_PF };

/* Text that grows up to its end, where the rest is lost. */
struct text {
    char *at;
    size_t room;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(text->at, text->room, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= text->room)
        length = text->room > 0 ? (int)text->room - 1 : 0;
    text->at += length;
    text->room -= (size_t)length;
}

struct guest_view {
    struct machine *machine;
    const struct cpu_state *state;
};

/* The two words of an entry of a table; false: they can't be read. */
static bool read_entry(const struct guest_view *view, uint32_t address, uint32_t words[2])
{
    return arch_read_linear(view->state, &view->machine->memory, address, words, 8) == 8;
}

static void put_gate(struct text *to, const struct guest_view *view,
                     const struct cpu_undelivered *event)
{
    const struct cpu_table *idt = &view->state->idtr;
    unsigned number = event->by_error >> 3, size = view->state->cr0 & CR0_PE ? 8 : 4, type;
    uint32_t gate[2];

    if (number * size + size - 1 > idt->limit) {
        bool is_first = event == view->machine->cpu->exit.undelivered;
        put(to, "gate %u is beyond the IDT's limit %#x%s", number, idt->limit,
            is_first && idt->limit == 0 ? " (was LIDT forgotten?)" : "");
        return;
    }
    if (!read_entry(view, idt->base + number * 8, gate)) {
        put(to, "gate %u of the IDT, at %#x, can't be read", number, idt->base + number * 8);
        return;
    }
    type = gate[1] >> 8 & 31;
    if (!(gate[1] & GATE_P))
        put(to, "gate %u of the IDT is not present%s", number,
            gate[0] == 0 && gate[1] == 0 ? " (it is empty)" : "");
    else if (type != TYPE_TASK && (type & 0x16) != 6)
        put(to, "gate %u of the IDT has type %#x, which is no interrupt, trap or task gate", number,
            type);
    else
        put(to, "gate %u of the IDT has DPL %u, and INT came from ring %u", number,
            gate[1] >> 13 & 3, view->state->segment[CPU_CS].selector & 3);
}

/* What is wrong with the selector that an error code names. */
static void put_selector(struct text *to, const struct guest_view *view, const char *what,
                         uint32_t error)
{
    const struct cpu_state *state = view->state;
    uint32_t selector = error & 0xfffc, entry[2];

    put(to, "%s %#x ", what, selector);
    if (selector & ERROR_LDT)
        put(to, "is in the LDT (LDTR is %#x)", state->ldtr.selector);
    else if (selector + 7 > state->gdtr.limit)
        put(to, "is beyond the GDT's limit %#x", state->gdtr.limit);
    else if (!read_entry(view, state->gdtr.base + selector, entry))
        put(to, "can't be read: the GDT is at %#x", state->gdtr.base);
    else if (!(entry[1] & GATE_P))
        put(to, "is of a descriptor that is not present%s",
            entry[0] == 0 && entry[1] == 0 ? " (it is empty)" : "");
    else
        put(to, "is of a descriptor of type %#x and DPL %u, which won't do", entry[1] >> 8 & 31,
            entry[1] >> 13 & 3);
}

static void put_page(struct text *to, const struct guest_view *view,
                     const struct cpu_undelivered *event)
{
    const struct cpu_state *state = view->state;
    uint32_t at = event->by_cr2;
    const char *what = "the stack";

    if (at - state->idtr.base <= state->idtr.limit)
        what = "the IDT";
    else if (at - state->gdtr.base <= state->gdtr.limit)
        what = "the GDT";
    put(to, "%s at %#x is %s", what, at, event->by_error & 1 ? "protected" : "not mapped");
}

/* Why the event was not delivered. */
static void put_reason(struct text *to, const struct guest_view *view,
                       const struct cpu_undelivered *event)
{
    uint32_t selector = event->by_error & 0xfffc;

    if (event->by == VECTOR_PF)
        put_page(to, view, event);
    else if (event->by_error & ERROR_IDT && event->by >= VECTOR_TS)
        put_gate(to, view, event);
    else if (event->by == VECTOR_TS && !selector)
        put(to, "the TSS has no stack for it (is SS0:ESP0 set, and TR loaded?)");
    else if (event->by == VECTOR_GP && !selector)
        put(to, "its gate's selector is 0, or its offset is beyond its segment's limit");
    else if (event->by == VECTOR_SS && !selector)
        put(to, "its stack has no room (esp %#x)", view->state->gpr[CPU_ESP]);
    else if (event->by >= VECTOR_TS && event->by <= VECTOR_GP)
        put_selector(to, view,
                     event->by == VECTOR_SS || event->by == VECTOR_TS ? "the stack's selector"
                                                                      : "its handler's selector",
                     event->by_error);
    else
        put(to, "%s", arch_exception_name(event->by));
}

static void put_exception(struct text *to, const struct guest_view *view,
                          const struct cpu_undelivered *event)
{
    uint32_t eip = view->state->segment[CPU_CS].base + view->state->eip;
    bool has_selector = event->vector >= VECTOR_TS && event->vector <= VECTOR_GP &&
                        event->error & 0xfffc && !(event->error & ERROR_IDT);

    put(to, "%s", arch_exception_name(event->vector));
    if (event->vector == VECTOR_PF && event->cr2 == eip)
        put(to, " (the next instruction is not mapped)");
    else if (event->vector == VECTOR_PF)
        put(to, " %s %#x", event->error & 2 ? "writing" : "reading", event->cr2);
    else if (event->has_error && event->error)
        put(to, " (error code %#x", event->error);
    else
        return;
    if (has_selector) {
        put(to, ": ");
        put_selector(to, view, "selector", event->error);
    }
    if (event->vector != VECTOR_PF)
        put(to, ")");
}

static void put_event(struct text *to, const struct guest_view *view,
                      const struct cpu_undelivered *event)
{
    static const enum cpu_branch_kind kinds[] = {
        [CPU_EVENT_SOFTWARE] = CPU_BRANCH_SOFTWARE, [CPU_EVENT_INTERRUPT] = CPU_BRANCH_INTERRUPT};
    char name[80];

    if (event->kind == CPU_EVENT_EXCEPTION) {
        put_exception(to, view, event);
        return;
    }
    put(to, "%s",
        machine_put_event(view->machine, view->state, kinds[event->kind], event->vector, name,
                          sizeof(name)));
    if (event->kind == CPU_EVENT_INTERRUPT && event->vector < 32)
        put(to, " (that of %s: the PIC was not moved, ICW2)", arch_exception_name(event->vector));
}

/* What an INT was meant to reach. */
static void put_service(struct text *to, const struct cpu_undelivered *event)
{
    const char *owner = service_owner(event->vector);

    if (event->kind == CPU_EVENT_SOFTWARE && owner)
        put(to, "; there is no %s in protected mode", owner);
}

bool end_is_still_real(struct machine *machine, const struct cpu_state *state)
{
    const struct guest_view view = {machine, state};
    const struct cpu_segment *cs = &state->segment[CPU_CS];
    uint32_t entry[2];

    if (!(state->cr0 & CR0_PE) || (state->eflags & EFLAGS_VM) || (cs->attributes & SEGMENT_DB) ||
        cs->base != (uint32_t)cs->selector << 4)
        return false;
    return !(cs->selector & 0xfffc) || (cs->selector | 7u) > state->gdtr.limit ||
           !read_entry(&view, state->gdtr.base + (cs->selector & 0xfff8u), entry) ||
           (entry[1] & 0x1800) != 0x1800 || (entry[1] & DESCRIPTOR_D);
}

const char *machine_explain_undelivered(struct machine *machine,
                                        const struct cpu_undelivered *event, char *to, size_t size)
{
    struct cpu_state state;
    const struct guest_view view = {machine, &state};
    struct text text = {to, size};

    to[0] = '\0';
    if (machine->cpu->ops->get_state(machine->cpu, &state) < 0)
        return to;
    put_event(&text, &view, event);
    put(&text, ": ");
    put_reason(&text, &view, event);
    return to;
}

void end_explain_shutdown(struct machine *machine, const struct cpu_state *state, char *to,
                          size_t size)
{
    const struct cpu_exit *exit = &machine->cpu->exit;
    const struct guest_view view = {machine, state};
    struct text text = {to, size};
    char place[160];

    if (end_is_still_real(machine, state))
        put(&text, STILL_REAL ": ");
    for (unsigned i = 0; i < exit->undelivered_count; i++) {
        const struct cpu_undelivered *event = &exit->undelivered[i];

        put(&text, i == 0 ? "" : "; then ");
        put_event(&text, &view, event);
        if (i == 0) {
            put(&text, " at eip %#x", state->eip);
            if (machine_describe(machine, state->segment[CPU_CS].base + state->eip, place,
                                 sizeof(place)))
                put(&text, " (%s)", place);
        }
        put(&text, ": ");
        put_reason(&text, &view, event);
        if (i == 0)
            put_service(&text, event);
    }
}
