/*
 * Why a triple fault came: the events that led to it, in words. Each could not be delivered; the
 * exception that came of trying says why.
 */
#include "internal.h"

#include "cpu/arch.h"
#include "fault_words.h"
#include "services.h"

#include <string.h>

enum { DESCRIPTOR_D = 0x400000 };

/* What is looked at, and where words go. */
struct telling {
    struct machine *machine;
    struct fault_view view;
    struct words to;
};

/* An exception by its whole name, or, where it came of another, by "#GP". */
static void tell_exception(struct telling *telling, const struct cpu_undelivered *event,
                           bool is_first)
{
    const char *name = arch_exception_name(event->vector);
    int length = is_first ? (int)strlen(name) : (int)strcspn(name, " ");

    words_print(&telling->to, "%.*s", length, name);
    if (event->has_error && event->error && event->vector != VECTOR_PF)
        words_print(&telling->to, " (error code %#x)", event->error);
}

static void tell_event(struct telling *telling, const struct cpu_undelivered *event, bool is_first)
{
    static const enum cpu_branch_kind kinds[] = {
        [CPU_EVENT_SOFTWARE] = CPU_BRANCH_SOFTWARE, [CPU_EVENT_INTERRUPT] = CPU_BRANCH_INTERRUPT};
    char name[80];

    if (event->kind == CPU_EVENT_EXCEPTION) {
        tell_exception(telling, event, is_first);
        return;
    }
    words_print(&telling->to, "%s",
                machine_put_event(telling->machine, telling->view.state, kinds[event->kind],
                                  event->vector, name, sizeof(name)));
    if (event->kind == CPU_EVENT_INTERRUPT && event->vector < 32)
        words_print(&telling->to, " (that of %s: the PIC was not moved, ICW2)",
                    arch_exception_name(event->vector));
}

/* The cause of an exception, as the CPU was then. */
static void tell_cause(struct telling *telling, const struct cpu_undelivered *event)
{
    struct cpu_state then = *telling->view.state;
    const struct fault_view past = {telling->view.memory, &then, telling->view.has_hinted};

    if (event->kind != CPU_EVENT_EXCEPTION)
        return;
    if (event->vector == VECTOR_PF) {
        then.cr2 = event->cr2;
        words_print(&telling->to, ", cr2 %#x", event->cr2);
    }
    fault_words_tell(&telling->to, &past, event->vector, event->error, ": ");
}

static void tell_reason(struct telling *telling, const struct cpu_undelivered *event)
{
    fault_words_undelivered(&telling->to, &telling->view, event->by, event->by_error,
                            event->by_cr2);
}

/* What an INT was meant to reach. */
static void tell_service(struct telling *telling, const struct cpu_undelivered *event)
{
    const char *owner = service_owner(event->vector);

    if (event->kind == CPU_EVENT_SOFTWARE && owner)
        words_print(&telling->to, "; there is no %s in protected mode", owner);
}

bool end_is_still_real(struct machine *machine, const struct cpu_state *state)
{
    const struct cpu_segment *cs = &state->segment[CPU_CS];
    uint32_t entry[2];

    if (!(state->cr0 & CR0_PE) || (state->eflags & EFLAGS_VM) || (cs->attributes & SEGMENT_DB) ||
        cs->base != (uint32_t)cs->selector << 4)
        return false;
    return !(cs->selector & 0xfffc) || (cs->selector | 7u) > state->gdtr.limit ||
           arch_read_linear(state, &machine->memory, state->gdtr.base + (cs->selector & 0xfff8u),
                            entry, 8) < 8 ||
           (entry[1] & 0x1800) != 0x1800 || (entry[1] & DESCRIPTOR_D);
}

const char *machine_explain_undelivered(struct machine *machine,
                                        const struct cpu_undelivered *event, char *text,
                                        size_t size)
{
    struct cpu_state state;
    struct words_buffer buffer = {text, size};
    struct telling telling = {machine, {&machine->memory, &state, NULL}, words_to_buffer(&buffer)};

    text[0] = '\0';
    if (machine->cpu->ops->get_state(machine->cpu, &state) < 0)
        return text;
    tell_event(&telling, event, true);
    words_print(&telling.to, ": ");
    tell_reason(&telling, event);
    return text;
}

void end_explain_shutdown(struct machine *machine, const struct cpu_state *state, char *text,
                          size_t size)
{
    const struct cpu_exit *exit = &machine->cpu->exit;
    bool has_hinted = false;
    struct words_buffer buffer = {text, size};
    struct telling telling = {
        machine, {&machine->memory, state, &has_hinted}, words_to_buffer(&buffer)};
    char place[160];

    if (end_is_still_real(machine, state))
        words_print(&telling.to, STILL_REAL ": ");
    for (unsigned i = 0; i < exit->undelivered_count; i++) {
        const struct cpu_undelivered *event = &exit->undelivered[i];

        words_print(&telling.to, "%s", i == 0 ? "" : "; then ");
        tell_event(&telling, event, i == 0);
        if (i == 0) {
            words_print(&telling.to, " at eip %#x", state->eip);
            if (machine_describe(machine, state->segment[CPU_CS].base + state->eip, place,
                                 sizeof(place)))
                words_print(&telling.to, " (%s)", place);
            tell_cause(&telling, event);
            words_print(&telling.to, "%s",
                        machine_put_overwritten(machine, state,
                                                state->segment[CPU_CS].base + state->eip, place,
                                                sizeof(place)));
        }
        words_print(&telling.to, "%s", i == 0 ? "; it could not be delivered: " : ": ");
        tell_reason(&telling, event);
        if (i == 0)
            tell_service(&telling, event);
    }
}
