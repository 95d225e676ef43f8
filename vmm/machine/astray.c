/*
 * Execution where no code is: through a null or wrong pointer, a wrong return address, an empty
 * vector, or past the end of a function. What is no code is judged by what is there, so a guest's
 * own code runs wherever the guest has put it: a trampoline in low memory, a copy at address 0.
 */
#include "internal.h"

#include "base/blobs.h"
#include "boot.h"
#include "cpu/arch.h"
#include "services.h"

#include <stdio.h>
#include <string.h>

/* 00 00 is ADD [EAX],AL, or ADD [BX+SI],AL. So many bytes of it are no program, and more than what
 * aligns one. */
#define ZEROS 32

/* So many bytes that are as the VMM wrote them are its tables. */
#define SAME 8

#define CELLS 16 /* bytes of a text screen */

#define VECTORS_END UINT32_C(0x400) /* of real mode's table */

enum astray {
    ASTRAY_NOT,
    ASTRAY_NOTHING,
    ASTRAY_VIDEO,
    ASTRAY_ZEROS,
    ASTRAY_TABLES,
    ASTRAY_VECTORS
};

static const char *const places[] = {
    [ASTRAY_NOT] = "it is no code",
    [ASTRAY_NOTHING] = "no memory is there",
    [ASTRAY_VIDEO] = "that is video memory",
    [ASTRAY_ZEROS] = "only zeros are there",
    [ASTRAY_VECTORS] = "the interrupt vector table is there",
    [ASTRAY_TABLES] = "the VMM's descriptor tables are there",
};

/* Text in video memory: characters at even addresses, beside them one colour. */
static bool is_text(uint64_t physical, const uint8_t *bytes)
{
    for (unsigned i = 0; i < CELLS; i++) {
        uint8_t byte = bytes[i];

        if ((physical + i) & 1 ? byte != bytes[~physical & 1] : byte && (byte < ' ' || byte > '~'))
            return false;
    }
    return true;
}

/* Vectors as the BIOS sets them: of four in a row, all lead to its segment. */
static bool is_vectors(uint64_t physical, const uint8_t *bytes, uint32_t count)
{
    uint32_t at = (4 - physical % 4) % 4;

    if (physical >= VECTORS_END || at + 16 > count)
        return false;
    for (unsigned i = 0; i < 4; i++, at += 4) {
        if (bytes[at + 2] != 0x00 || bytes[at + 3] != 0xf0)
            return false;
    }
    return true;
}

static enum astray judge(uint64_t physical, const uint8_t *bytes, uint32_t count)
{
    static const uint8_t zeros[ZEROS];
    bool is_video = physical >= IMAGE_VIDEO_BASE && physical < IMAGE_VIDEO_END, is_zeros;

    if (count > 0 && bytes[0] && physical >= IMAGE_RESERVED_END && !is_video)
        return ASTRAY_NOT; /* nearly all code, and at once */
    is_zeros = count >= ZEROS && memcmp(bytes, zeros, ZEROS) == 0;
    if (is_video && (is_zeros || count == 0 || (count >= CELLS && is_text(physical, bytes))))
        return ASTRAY_VIDEO;
    if (count == 0)
        return ASTRAY_NOTHING;
    if (is_zeros)
        return ASTRAY_ZEROS;
    if (is_vectors(physical, bytes, count))
        return ASTRAY_VECTORS;
    if (count >= SAME && memcmp(bytes, zeros, SAME) != 0 && boot_is_table(physical, bytes, SAME))
        return ASTRAY_TABLES;
    return ASTRAY_NOT;
}

bool astray_is_code(void *machine, uint64_t physical, const uint8_t *bytes, uint32_t count)
{
    (void)machine;
    return judge(physical, bytes, count) == ASTRAY_NOT;
}

/* What was wrong with the address, by how the CPU came to it: if it is 0, and if it is another. */
static const struct {
    const char *what, *null, *other;
} branches[CPU_BRANCH_KINDS] = {
    [CPU_BRANCH_UNKNOWN] = {"a branch", "", ""},
    [CPU_BRANCH_JUMP] = {"a jump", ": was its target linked?", ""},
    [CPU_BRANCH_CALL] = {"a call", ": was the function linked?", ""},
    [CPU_BRANCH_JUMP_INDIRECT] = {"a jump", ": a null pointer", ": a wrong pointer"},
    [CPU_BRANCH_CALL_INDIRECT] = {"a call", ": a null function pointer",
                                  ": a wrong function pointer"},
    [CPU_BRANCH_RET] = {"a RET", ": no return address was on the stack",
                        ": no return address was on the stack, or it was overwritten"},
    [CPU_BRANCH_JUMP_FAR] = {"a far jump", ": a null pointer", ": a wrong address, or not loaded"},
    [CPU_BRANCH_CALL_FAR] = {"a far call", ": a null pointer", ": a wrong address, or not loaded"},
    [CPU_BRANCH_RET_FAR] = {"a far RET", ": no return address was on the stack",
                            ": no return address was on the stack, or it was overwritten"},
    [CPU_BRANCH_IRET] = {"an IRET", ": no return address was on the stack",
                         ": no return address was on the stack, or it was overwritten"},
};

static bool is_event(const struct cpu_branch *branch)
{
    return branch->kind >= CPU_BRANCH_EXCEPTION;
}

/* " 0x100012 (main+0x12 (main.c:9))", or " 7c00:0012" in real mode where CS is that of `state`. */
static const char *put_place(struct machine *machine, const struct cpu_state *state, bool same_cs,
                             uint32_t linear, char *to, size_t size)
{
    const struct cpu_segment *cs = &state->segment[CPU_CS];
    char place[MACHINE_PLACE - 12];
    bool is_known = machine_describe(machine, linear, place, sizeof(place));

    if (!(state->cr0 & CR0_PE) && same_cs)
        snprintf(to, size, "%04x:%04x%s%s%s", cs->selector, (linear - cs->base) & 0xffff,
                 is_known ? " (" : "", is_known ? place : "", is_known ? ")" : "");
    else
        snprintf(to, size, "%#x%s%s%s", linear, is_known ? " (" : "", is_known ? place : "",
                 is_known ? ")" : "");
    return to;
}

const char *machine_put_event(struct machine *machine, const struct cpu_state *state,
                              enum cpu_branch_kind kind, uint8_t vector, char *to, size_t size)
{
    uint8_t ah = (uint8_t)(state->gpr[CPU_EAX] >> 8);
    int irq = machine_irq_in_service(machine, vector);
    const char *service = service_name(vector, ah);

    if (kind == CPU_BRANCH_SOFTWARE && service)
        snprintf(to, size, "INT %#x (AH %#04x, %s)", vector, ah, service);
    else if (kind == CPU_BRANCH_SOFTWARE)
        snprintf(to, size, "INT %#x", vector);
    else if (kind == CPU_BRANCH_INTERRUPT && irq >= 0)
        snprintf(to, size, "IRQ %d at vector %#x", irq, vector);
    else if (kind == CPU_BRANCH_INTERRUPT)
        snprintf(to, size, "the interrupt at vector %#x", vector);
    else
        snprintf(to, size, "%s", arch_exception_name(vector));
    return to;
}

/* The registers as they were before an event in real mode, whose frame of three words is on the
 * stack. */
static void undo_event(struct machine *machine, struct cpu_state *state,
                       const struct cpu_branch *came)
{
    struct cpu_segment *cs = &state->segment[CPU_CS];
    uint32_t sp = state->gpr[CPU_ESP] & 0xffff;
    uint16_t frame[3]; /* IP, CS, FLAGS */

    if (arch_read_linear(state, &machine->memory, state->segment[CPU_SS].base + sp, frame,
                         sizeof(frame)) < sizeof(frame))
        return;
    state->gpr[CPU_ESP] = (state->gpr[CPU_ESP] & 0xffff0000) | ((sp + 6) & 0xffff);
    cs->selector = frame[1];
    cs->base = (uint32_t)frame[1] << 4;
    state->eip = (came->from - cs->base) & 0xffff;
    state->eflags = (state->eflags & 0xffff0000) | frame[2];
}

/* Real mode: through a vector that is 0000:0000. */
static void end_at_empty_vector(struct machine *machine, struct cpu_state *state,
                                const struct cpu_branch *came)
{
    const char *owner = service_owner(came->vector);
    char event[64], place[MACHINE_PLACE], why[80] = "no handler was installed";

    undo_event(machine, state, came);
    if (came->kind == CPU_BRANCH_SOFTWARE && owner)
        snprintf(why, sizeof(why), "there is no %s", owner);
    machine_end(machine, END_FAULT, STATUS_SHUTDOWN, "%s at %s goes through an empty vector: %s",
                machine_put_event(machine, state, came->kind, came->vector, event, sizeof(event)),
                put_place(machine, state, true, came->from, place, sizeof(place)), why);
}

/* A handler's address, of a gate or a vector, is wrong. */
static void end_at_handler(struct machine *machine, const struct cpu_state *state,
                           const struct cpu_branch *came, enum astray astray)
{
    char event[64], from[MACHINE_PLACE], to[MACHINE_PLACE];
    const struct cpu_table *idt = &state->idtr;
    uint8_t type = 0x0e;

    if (state->cr0 & CR0_PE)
        arch_read_linear(state, &machine->memory, idt->base + came->vector * 8 + 5, &type, 1);
    machine_end(machine, END_FAULT, STATUS_SHUTDOWN,
                "%s at %s went to its handler at %s: %s: is its %s right?%s",
                machine_put_event(machine, state, came->kind, came->vector, event, sizeof(event)),
                put_place(machine, state, false, came->from, from, sizeof(from)),
                put_place(machine, state, true, came->to, to, sizeof(to)), places[astray],
                state->cr0 & CR0_PE ? "gate" : "vector",
                type & 8 ? ""
                         : " It is a 16-bit one, of 16 bits of the offset: 32-bit ones have type "
                           "0xe or 0xf");
}

static bool is_return(const struct cpu_branch *branch)
{
    return branch->kind == CPU_BRANCH_RET || branch->kind == CPU_BRANCH_RET_FAR ||
           branch->kind == CPU_BRANCH_IRET;
}

/* What a RET has taken from a stack that is no memory was never pushed. */
static const char *put_lost_stack(const struct machine *machine, const struct cpu_state *state,
                                  const struct cpu_branch *came, char *to, size_t size)
{
    bool is_big = state->segment[CPU_SS].attributes & SEGMENT_DB;
    uint32_t sp = (state->gpr[CPU_ESP] - (is_big ? 4 : 2)) & (is_big ? UINT32_MAX : 0xffff);
    uint8_t byte;

    to[0] = '\0';
    if (is_return(came) &&
        arch_read_linear(state, &machine->memory, state->segment[CPU_SS].base + sp, &byte, 1) == 0)
        snprintf(to, size, ": the stack is not in RAM (esp was %#x): what is pushed there is lost",
                 sp);
    return to;
}

static void end_at_branch(struct machine *machine, const struct cpu_state *state,
                          const struct cpu_branch *came, enum astray astray)
{
    bool is_far = came->kind >= CPU_BRANCH_JUMP_FAR || came->kind == CPU_BRANCH_UNKNOWN;
    char from[MACHINE_PLACE], to[MACHINE_PLACE], over[100], lost[100];
    const char *what = branches[came->kind].what, *other = branches[came->kind].other;

    machine_put_overwritten(machine, state, came->from, over, sizeof(over));
    if (*put_lost_stack(machine, state, came, lost, sizeof(lost)))
        other = lost;
    put_place(machine, state, !is_far, came->from, from, sizeof(from));
    put_place(machine, state, true, came->to, to, sizeof(to));
    if (came->kind == CPU_BRANCH_UNKNOWN)
        machine_end(machine, END_FAULT, STATUS_SHUTDOWN, "execution has come to %s: %s%s", to,
                    places[astray], over);
    else if (came->to == 0)
        machine_end(machine, END_FAULT, STATUS_SHUTDOWN, "%s to address 0 from %s%s%s", what, from,
                    *lost ? lost : branches[came->kind].null, over);
    else
        machine_end(machine, END_FAULT, STATUS_SHUTDOWN, "%s to %s from %s: %s%s%s", what, to, from,
                    places[astray], other, over);
}

/* `last` is the branch before, or NULL. */
static void end_at_next(struct machine *machine, const struct cpu_state *state,
                        const struct cpu_branch *came, const struct cpu_branch *last,
                        enum astray astray)
{
    char behind[MACHINE_PLACE], to[MACHINE_PLACE], from[MACHINE_PLACE], before[2 * MACHINE_PLACE];
    char over[100];

    before[0] = '\0';
    if (last && !is_event(last))
        snprintf(before, sizeof(before), "; before that, %s from %s to %#x",
                 branches[last->kind].what,
                 put_place(machine, state, false, last->from, from, sizeof(from)), last->to);
    machine_end(machine, END_FAULT, STATUS_SHUTDOWN, "execution went on behind %s to %s: %s%s%s",
                put_place(machine, state, true, came->from, behind, sizeof(behind)),
                put_place(machine, state, true, came->to, to, sizeof(to)), places[astray],
                *machine_put_overwritten(machine, state, came->from, over, sizeof(over))
                    ? over
                    : "; no JMP, RET or HLT ended the code",
                before);
}

#define CALL_LONGEST 8 /* bytes, with a prefix */

/* Where the call is that a return to `to` belongs to: one of the last branches, or a direct CALL,
 * which isn't among them, by its bytes. False: nowhere. */
static bool find_call(struct machine *machine, const struct cpu_state *state,
                      const struct cpu_branch *all, unsigned count, uint32_t to, uint32_t *call)
{
    uint32_t length = state->segment[CPU_CS].attributes & SEGMENT_DB ? 5 : 3;
    uint8_t opcode;

    while (count-- > 0) {
        uint8_t kind = all[count].kind;
        *call = all[count].from;
        if ((kind == CPU_BRANCH_CALL_INDIRECT || kind == CPU_BRANCH_CALL_FAR ||
             kind == CPU_BRANCH_SOFTWARE) &&
            to - *call <= CALL_LONGEST)
            return true;
    }
    *call = to - length;
    return arch_read_linear(state, &machine->memory, *call, &opcode, 1) == 1 && opcode == 0xe8;
}

static enum astray judge_place(struct machine *machine, const struct cpu_state *state,
                               uint32_t linear)
{
    const struct memory *memory = &machine->memory;
    uint32_t count = MEMORY_PAGE - linear % MEMORY_PAGE;
    uint64_t physical;
    const uint8_t *bytes;

    if (!arch_translate(state, memory, linear, &physical))
        return ASTRAY_NOT;
    physical = memory_wire(memory, physical);
    bytes = memory_at(memory, physical, count);
    return judge(physical, bytes, bytes ? count : 0);
}

void end_astray(struct machine *machine)
{
    struct cpu_state *state = &machine->outcome.state;
    const struct cpu_ops *ops = machine->cpu->ops;
    const struct cpu_branch *came = &machine->cpu->exit.came, *last;
    struct cpu_branch behind = {.kind = CPU_BRANCH_NEXT, .to = came->to};
    struct cpu_branch all[CPU_BRANCHES];
    unsigned count = ops->branches ? ops->branches(machine->cpu, all) : 0;
    enum astray astray;
    bool is_real;

    if (ops->get_state(machine->cpu, state) < 0)
        return;
    machine->outcome.has_state = true;
    astray = judge_place(machine, state, came->to);
    is_real = !(state->cr0 & CR0_PE);
    last = count ? &all[count - 1] : NULL;
    if (is_real && last && is_event(last) && last->to == 0 && came->to < VECTORS_END &&
        (last->from == came->from || came->kind == CPU_BRANCH_NEXT))
        end_at_empty_vector(machine, state, last);
    else if (is_event(came))
        end_at_handler(machine, state, came, astray);
    else if (is_return(came) && find_call(machine, state, all, count, came->to, &behind.from))
        end_at_next(machine, state, &behind, last, astray);
    else if (came->kind == CPU_BRANCH_NEXT)
        end_at_next(machine, state, came, last, astray);
    else
        end_at_branch(machine, state, came, astray);
}
