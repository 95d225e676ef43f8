/*
 * How a run ends: its status, and the sentence that says why. The guest asked for the end, or
 * crashed, or the run was ended from outside.
 */
#include "internal.h"

#include "cpu/arch.h"
#include "fault_words.h"
#include "services.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const end_names[END_KINDS] = {
    [END_NONE] = "running",        [END_EXIT] = "exit",
    [END_POWER_OFF] = "power-off", [END_HALTED] = "halted",
    [END_RESET] = "reset",         [END_SHUTDOWN] = "triple-fault",
    [END_FAULT] = "exception",     [END_CPU_FAILED] = "cpu-failed",
    [END_TIMEOUT] = "timeout",     [END_QUIT] = "quit",
    [END_DIVERGED] = "diverged",   [END_INPUT] = "input-ended",
};

const char *machine_end_name(enum machine_end end)
{
    return end_names[end];
}

bool machine_end_is_death(enum machine_end end)
{
    return end == END_SHUTDOWN || end == END_FAULT || end == END_CPU_FAILED || end == END_HALTED ||
           end == END_TIMEOUT || end == END_DIVERGED;
}

/* At the end of the sentence, if there is room. */
static void add(struct machine_outcome *outcome, const char *text)
{
    size_t length = strlen(outcome->text);

    snprintf(outcome->text + length, sizeof(outcome->text) - length, "%s", text);
}

void machine_end(struct machine *machine, enum machine_end end, int status, const char *format, ...)
{
    struct machine_outcome *outcome = &machine->outcome;
    va_list arguments;

    if (outcome->end != END_NONE)
        return;
    outcome->end = end;
    outcome->status = status;
    va_start(arguments, format);
    vsnprintf(outcome->text, sizeof(outcome->text), format, arguments);
    va_end(arguments);
    if (!outcome->has_state)
        outcome->has_state = machine->cpu->ops->get_state(machine->cpu, &outcome->state) == 0;
    if ((end == END_FAULT || end == END_TIMEOUT || end == END_HALTED) && outcome->has_state &&
        end_is_still_real(machine, &outcome->state))
        add(outcome, "; " STILL_REAL);
}

void machine_blame(struct machine *machine)
{
    if (machine->outcome.end == END_HALTED)
        machine->outcome.status = STATUS_SHUTDOWN;
}

/* "at eip 0x10002c", or "at 07c0:0012" in real mode. */
static void put_eip(const struct cpu_state *state, char *to, size_t size)
{
    if (state->cr0 & CR0_PE)
        snprintf(to, size, "at eip %#x", state->eip);
    else
        snprintf(to, size, "at %04x:%04x", state->segment[CPU_CS].selector, state->eip & 0xffff);
}

/* " (tick+0x12 (clock.c:88))" for a linear address, or "". Returns `to`. */
static const char *put_symbol(struct machine *machine, uint32_t address, char *to, size_t size)
{
    char place[160];

    to[0] = '\0';
    if (machine_describe(machine, address, place, sizeof(place)))
        snprintf(to, size, " (%s)", place);
    return to;
}

const char *machine_where(struct machine *machine, char *to, size_t size)
{
    struct cpu_state state;
    char eip[32], symbol[MACHINE_PLACE];

    if (machine->cpu->ops->get_state(machine->cpu, &state) < 0) {
        snprintf(to, size, "at an unknown address");
        return to;
    }
    put_eip(&state, eip, sizeof(eip));
    put_symbol(machine, state.segment[CPU_CS].base + state.eip, symbol, sizeof(symbol));
    snprintf(to, size, "%s%s, interrupts %s", eip, symbol, state.eflags & EFLAGS_IF ? "on" : "off");
    return to;
}

void end_with_status(void *owner, int status)
{
    machine_end(owner, END_EXIT, status, "%s", "");
}

void end_with_power_off(void *owner)
{
    machine_end(owner, END_POWER_OFF, 0, "%s", "");
}

void machine_reset(struct machine *machine, const char *who)
{
    machine_end(machine, END_RESET, 0, "%s asked for a reset", who);
}

void end_with_reset(void *owner, uint16_t port)
{
    struct machine *machine = owner;
    char eip[32] = "at an unknown place", place[120] = "";
    struct cpu_state state;
    bool is_known = false;

    if (machine->cpu->ops->get_state(machine->cpu, &state) == 0) {
        put_eip(&state, eip, sizeof(eip));
        is_known =
            machine_describe(machine, state.segment[CPU_CS].base + state.eip, place, sizeof(place));
    }
    machine_end(machine, END_RESET, 0, "the guest asked for a reset by port %#x %s%s%s", port, eip,
                is_known ? ", " : "", is_known ? place : "");
}

/* An end from outside, and where the guest was. */
static void end_from_outside(struct machine *machine, enum machine_end end, int status,
                             const char *what)
{
    char place[MACHINE_PLACE + 64];

    machine_end(machine, end, status, "%s; the guest was %s %s", what,
                machine->halted ? "waiting in HLT" : "running",
                machine_where(machine, place, sizeof(place)));
}

void end_with_timeout(void *owner)
{
    end_from_outside(owner, END_TIMEOUT, STATUS_TIMEOUT, "timed out (--timeout)");
}

void end_with_quit(struct machine *machine)
{
    end_from_outside(machine, END_QUIT, STATUS_QUIT, "quit");
}

/* What the default handlers push, from the address in EBX up (boot/pm32.asm). */
struct fault_frame {
    uint32_t edi, esi, ebp, unused_esp, ebx, edx, ecx, eax;
    uint32_t vector, error, eip, cs, eflags;
};

/* The exceptions for which the CPU pushes an error code: 8, 10 to 14, 17, 21, 29, 30. */
#define ERROR_CODE_VECTORS UINT32_C(0x60227d00)

int machine_irq_in_service(const struct machine *machine, uint32_t vector)
{
    for (unsigned i = 0; i < machine->interrupts->inputs; i++) {
        struct interrupt_input input = machine_input(machine, i);
        if (input.is_in_service && input.vector == vector)
            return (int)i;
    }
    return -1;
}

/* Before `eip` is an INT of this vector. */
static bool is_behind_int(struct machine *machine, uint32_t eip, uint32_t vector)
{
    uint8_t bytes[2];

    return arch_read_linear(&machine->outcome.state, &machine->memory, eip - 2, bytes, 2) == 2 &&
           bytes[0] == 0xcd && bytes[1] == vector;
}

/*
 * What brought the CPU to the default handlers. An engine that keeps its branches knows: the
 * handlers are short, so it is the last one. Else the PIC or the guest's code shows it. INT3 and
 * INTO are exceptions, which one asks for.
 */
static struct cpu_branch what_came(struct machine *machine, const struct fault_frame *frame)
{
    const struct cpu_ops *ops = machine->cpu->ops;
    struct cpu_branch all[CPU_BRANCHES], came = {.vector = (uint8_t)frame->vector};
    unsigned count = ops->branches ? ops->branches(machine->cpu, all) : 0;
    bool may_shift = frame->vector < 32 && (ERROR_CODE_VECTORS >> frame->vector & 1);
    uint32_t eip = may_shift ? frame->error : frame->eip;

    came.kind = CPU_BRANCH_EXCEPTION;
    came.from = frame->eip;
    if (count > 0 && all[count - 1].kind >= CPU_BRANCH_EXCEPTION &&
        all[count - 1].vector == frame->vector)
        came = all[count - 1];
    else if (machine_irq_in_service(machine, frame->vector) >= 0)
        came.kind = CPU_BRANCH_INTERRUPT;
    else if (is_behind_int(machine, eip, frame->vector))
        came = (struct cpu_branch){
            .kind = CPU_BRANCH_SOFTWARE, .vector = came.vector, .from = eip - 2};
    if (came.kind == CPU_BRANCH_SOFTWARE && (frame->vector == 3 || frame->vector == 4))
        came.kind = CPU_BRANCH_EXCEPTION;
    return came;
}

static void end_with_int(struct machine *machine, const struct cpu_branch *came)
{
    const struct cpu_state *state = &machine->outcome.state;
    const char *owner = service_owner(came->vector);
    char event[64], at[MACHINE_PLACE], why[120] = "the guest has loaded no IDT of its own (LIDT)";

    if (owner)
        snprintf(why, sizeof(why), "there is no %s in protected mode", owner);
    else if (came->vector < 32)
        snprintf(why, sizeof(why),
                 "an instruction, not the exception %s; there is no BIOS in protected mode",
                 arch_exception_name(came->vector));
    machine_end(machine, END_FAULT, STATUS_SHUTDOWN, "%s at eip %#x%s: %s",
                machine_put_event(machine, state, came->kind, came->vector, event, sizeof(event)),
                state->eip, put_symbol(machine, came->from, at, sizeof(at)), why);
}

static void end_with_exception(struct machine *machine, const struct fault_frame *frame,
                               const struct cpu_branch *came)
{
    char cause[400] = "", at[MACHINE_PLACE], over[100];
    struct words_buffer buffer = {cause, sizeof(cause)};
    struct words words = words_to_buffer(&buffer);
    const struct fault_view view = {&machine->memory, &machine->outcome.state, NULL};
    int irq = machine_irq_in_service(machine, frame->vector);

    put_symbol(machine, machine->outcome.state.segment[CPU_CS].base + frame->eip, at, sizeof(at));
    if (came->kind == CPU_BRANCH_INTERRUPT && irq >= 0) {
        machine_end(machine, END_FAULT, STATUS_SHUTDOWN,
                    "the guest has no handler for IRQ %d, vector %#x, which came at eip %#x%s%s",
                    irq, frame->vector, frame->eip, at,
                    frame->vector < 32 ? ": move the PIC to vectors above 31 (ICW2) before STI"
                                       : "");
        return;
    }
    if (frame->vector >= 32) {
        machine_end(machine, END_FAULT, STATUS_SHUTDOWN,
                    "the guest has no handler for interrupt %#x, which came before eip %#x%s",
                    frame->vector, frame->eip, at);
        return;
    }
    if (frame->vector == VECTOR_PF)
        words_print(&words, ", cr2 %#x", machine->outcome.state.cr2);
    fault_words_tell(&words, &view, frame->vector, frame->error, ": ");
    machine_put_overwritten(machine, &machine->outcome.state,
                            machine->outcome.state.segment[CPU_CS].base + frame->eip, over,
                            sizeof(over));
    machine_end(machine, END_FAULT, STATUS_SHUTDOWN,
                "exception %u, %s, error code %#x, at eip %#x%s%s%s", frame->vector,
                arch_exception_name(frame->vector), frame->error, frame->eip, at, cause, over);
}

/* For --trace on a CPU that tells of no exceptions itself. */
static void report_fault(struct machine *machine, const struct fault_frame *frame,
                         const struct cpu_branch *came)
{
    const struct cpu_state *state = &machine->outcome.state;
    struct cpu_call call = {.time = clock_now(&machine->clock),
                            .vector = (uint8_t)frame->vector,
                            .is_software = came->kind == CPU_BRANCH_SOFTWARE,
                            .from = state->segment[CPU_CS].base + frame->eip,
                            .cr2 = state->cr2};

    if (!machine->observer || frame->vector >= 32)
        return;
    if (came->kind == CPU_BRANCH_EXCEPTION) {
        call.has_error = ERROR_CODE_VECTORS >> frame->vector & 1;
        call.error = frame->error;
    }
    machine->observer->fault(machine->observer, &call);
}

/* A bare guest's exception has come to the default handlers, which hand it over. */
void end_with_fault(void *owner, uint32_t address)
{
    struct machine *machine = owner;
    struct cpu_state *state = &machine->outcome.state;
    struct fault_frame frame;
    struct cpu_branch came;
    uint32_t size = sizeof(frame);

    if (machine->outcome.end != END_NONE || machine->cpu->ops->get_state(machine->cpu, state) < 0)
        return;
    machine->outcome.has_state = true;
    if (arch_read_linear(state, &machine->memory, address, &frame, sizeof(frame)) < sizeof(frame)) {
        machine_end(machine, END_FAULT, STATUS_SHUTDOWN,
                    "an exception or interrupt came, but the stack for it (esp %#x) is not in RAM",
                    state->gpr[CPU_ESP]);
        return;
    }
    came = what_came(machine, &frame);
    /* A vector with an error code, but from the PIC or an INT, which push none. */
    if (frame.vector < 32 && (UINT32_C(1) << frame.vector & ERROR_CODE_VECTORS) &&
        came.kind != CPU_BRANCH_EXCEPTION) {
        frame.eflags = frame.cs;
        frame.cs = frame.eip;
        frame.eip = frame.error;
        size -= (uint32_t)sizeof(frame.error);
    }
    /* The registers as they were at the fault, not in the handler. */
    const uint32_t gpr[CPU_GPRS] = {
        [CPU_EAX] = frame.eax, [CPU_ECX] = frame.ecx,      [CPU_EDX] = frame.edx,
        [CPU_EBX] = frame.ebx, [CPU_EBP] = frame.ebp,      [CPU_ESI] = frame.esi,
        [CPU_EDI] = frame.edi, [CPU_ESP] = address + size,
    };
    memcpy(state->gpr, gpr, sizeof(gpr));
    state->eip =
        came.kind == CPU_BRANCH_SOFTWARE ? came.from - state->segment[CPU_CS].base : frame.eip;
    state->eflags = frame.eflags;
    report_fault(machine, &frame, &came);
    if (came.kind == CPU_BRANCH_SOFTWARE)
        end_with_int(machine, &came);
    else
        end_with_exception(machine, &frame, &came);
}

/* What the default handlers of IRQs have pushed (boot/pm32.asm). */
struct int_frame {
    uint32_t eax, vector, eip, cs, eflags;
};

void warn_of_int(void *owner, uint32_t address)
{
    struct machine *machine = owner;
    struct cpu_state state;
    struct int_frame frame;
    const char *service;
    char event[64], at[MACHINE_PLACE], why[60] = "";

    if (machine->cpu->ops->get_state(machine->cpu, &state) < 0 ||
        arch_read_linear(&state, &machine->memory, address, &frame, sizeof(frame)) <
            sizeof(frame) ||
        frame.vector - 0x20 > 15 || machine_irq_in_service(machine, frame.vector) >= 0 ||
        (machine->warned_of_int >> (frame.vector - 0x20) & 1))
        return;
    machine->warned_of_int |= (uint16_t)(1u << (frame.vector - 0x20));
    state.gpr[CPU_EAX] = frame.eax;
    service = service_owner((uint8_t)frame.vector);
    if (service)
        snprintf(why, sizeof(why), "there is no %s in protected mode; ", service);
    machine_warn(machine, "%s at eip %#x%s: %sthe VMM's handler of IRQ %u has returned from it",
                 machine_put_event(machine, &state, CPU_BRANCH_SOFTWARE, (uint8_t)frame.vector,
                                   event, sizeof(event)),
                 frame.eip - 2,
                 put_symbol(machine, state.segment[CPU_CS].base + frame.eip - 2, at, sizeof(at)),
                 why, frame.vector - 0x20);
}

void end_with_return(void *owner)
{
    machine_end(owner, END_HALTED, STATUS_SHUTDOWN,
                "the guest returned from its entry point, which nothing has called: end with HLT "
                "or a hypercall");
}

void end_with_no_boot(void *owner)
{
    machine_end(owner, END_HALTED, STATUS_SHUTDOWN,
                "the BIOS found no drive to start from: the first sector of a floppy or hard disk "
                "must end in 55 AA, a CD must have an El Torito boot record");
}

/* The engine can't go on. A stack outside RAM is the guest's own mistake, and a common one. */
void end_with_failure(struct machine *machine)
{
    struct cpu_state state;
    bool has_stack = true;
    uint32_t push;
    uint8_t byte;

    if (machine->cpu->ops->get_state(machine->cpu, &state) == 0) {
        push = state.gpr[CPU_ESP] - 1;
        if (!(state.segment[CPU_SS].attributes & SEGMENT_DB))
            push &= 0xffff;
        has_stack = arch_read_linear(&state, &machine->memory, state.segment[CPU_SS].base + push,
                                     &byte, 1) == 1;
    }
    if (!has_stack)
        machine_end(machine, END_FAULT, STATUS_SHUTDOWN,
                    "an exception or interrupt came, but the stack for it (esp %#x) is not in RAM",
                    state.gpr[CPU_ESP]);
    else
        machine_end(machine, END_CPU_FAILED, STATUS_CPU_FAILED, "%s: try --cpu soft",
                    machine->cpu->exit.failure);
}

/* What is known where the engine can't see what led to it: the place, if the processor has kept it.
 */
static void put_shutdown(struct machine *machine, char *to, size_t size)
{
    const struct cpu_state *state = &machine->outcome.state;
    char eip[32] = "", symbol[MACHINE_PLACE] = "";

    if (machine->outcome.has_state && !arch_is_reset(state)) {
        put_eip(state, eip, sizeof(eip));
        put_symbol(machine, state->segment[CPU_CS].base + state->eip, symbol, sizeof(symbol));
    }
    snprintf(
        to, size,
        "the guest's IDT could deliver neither an exception nor the double fault after it%s%s%s",
        eip[0] ? ", " : "", eip, symbol);
}

void end_with_shutdown(struct machine *machine)
{
    struct machine_outcome *outcome = &machine->outcome;
    char why[sizeof(outcome->text) - 20] = "";

    outcome->has_state = machine->cpu->ops->get_state(machine->cpu, &outcome->state) == 0;
    if (outcome->has_state)
        end_explain_shutdown(machine, &outcome->state, why, sizeof(why));
    if (!why[0])
        put_shutdown(machine, why, sizeof(why));
    machine_end(machine, END_SHUTDOWN, STATUS_SHUTDOWN, "triple fault: %s", why);
}

void end_with_silence(void *owner)
{
    machine_end(
        owner, END_INPUT, 0,
        "the guest waits for input, and its input has ended (--keep-open keeps it running)");
}
