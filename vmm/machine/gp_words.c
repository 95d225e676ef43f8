/*
 * Rules, of which the first that holds names the cause. Intel SDM vol. 3, section 6.15, "Interrupt
 * 13"; vol. 2, "IRET/IRETD", "MOVAPS".
 */
#include "gp_words.h"

#include "cpu/arch.h"
#include "instruction.h"

/* What a rule looks at. */
struct question {
    const struct fault_view *view;
    const struct cpu_state *state;
    struct instruction instruction;
    const char *separator;
    unsigned ring;
};

static unsigned reg_of(const uint8_t *bytes, unsigned modrm)
{
    return bytes[modrm] >> 3 & 7;
}

/* Instructions of ring 0; `reg` of ModR/M, or -1: any. */
static const struct {
    uint8_t opcode[2];
    int8_t reg;
    const char *name;
} privileged[] = {
    {{0xf4}, -1, "HLT"},
    {{0x0f, 0x00}, 2, "LLDT"},
    {{0x0f, 0x00}, 3, "LTR"},
    {{0x0f, 0x01}, 2, "LGDT"},
    {{0x0f, 0x01}, 3, "LIDT"},
    {{0x0f, 0x01}, 6, "LMSW"},
    {{0x0f, 0x01}, 7, "INVLPG"},
    {{0x0f, 0x06}, -1, "CLTS"},
    {{0x0f, 0x08}, -1, "INVD"},
    {{0x0f, 0x09}, -1, "WBINVD"},
    {{0x0f, 0x20}, -1, "MOV from a control register"},
    {{0x0f, 0x21}, -1, "MOV from a debug register"},
    {{0x0f, 0x22}, -1, "MOV to a control register"},
    {{0x0f, 0x23}, -1, "MOV to a debug register"},
    {{0x0f, 0x30}, -1, "WRMSR"},
    {{0x0f, 0x32}, -1, "RDMSR"},
};

static bool is_privileged(struct words *to, const struct question *question)
{
    const uint8_t *bytes = question->instruction.bytes;

    for (size_t i = 0; question->ring > 0 && i < sizeof(privileged) / sizeof(privileged[0]); i++) {
        if (bytes[0] != privileged[i].opcode[0] ||
            (bytes[0] == 0x0f && bytes[1] != privileged[i].opcode[1]) ||
            (privileged[i].reg >= 0 && reg_of(bytes, 2) != (unsigned)privileged[i].reg))
            continue;
        words_print(to, "%s%s is for ring 0 alone, and this is ring %u", question->separator,
                    privileged[i].name, question->ring);
        return true;
    }
    return false;
}

static bool is_input_output(struct words *to, const struct question *question)
{
    uint8_t opcode = question->instruction.bytes[0];
    unsigned iopl = (question->state->eflags & EFLAGS_IOPL) >> 12;
    bool is_flag = opcode == 0xfa || opcode == 0xfb;
    bool is_port = (opcode >= 0x6c && opcode <= 0x6f) || (opcode >= 0xe4 && opcode <= 0xe7) ||
                   (opcode >= 0xec && opcode <= 0xef);

    if (question->ring <= iopl || (!is_flag && !is_port))
        return false;
    words_print(to, "%s%s in ring %u, and IOPL is %u%s", question->separator,
                is_port          ? "an access to a port"
                : opcode == 0xfa ? "CLI"
                                 : "STI",
                question->ring, iopl,
                is_port ? ": nor does the I/O map of the TSS allow that port" : "");
    return true;
}

static bool is_control(struct words *to, const struct question *question)
{
    const uint8_t *bytes = question->instruction.bytes;
    uint32_t ecx = question->state->gpr[CPU_ECX], value;

    if (bytes[0] != 0x0f || question->ring > 0)
        return false;
    if (bytes[1] == 0x30 || bytes[1] == 0x32) {
        words_print(to, "%sthis processor has no such MSR (ECX %#x), or not that value of it",
                    question->separator, ecx);
        return true;
    }
    if (bytes[1] != 0x22)
        return false;
    value = question->state->gpr[bytes[2] & 7];
    if (reg_of(bytes, 2) == 0 && (value & (CR0_PG | CR0_PE)) == CR0_PG)
        words_print(to, "%sCR0.PG needs CR0.PE (the value is %#x)", question->separator, value);
    else
        words_print(to, "%s%#x is no value for CR%u: a bit is reserved, or goes with another",
                    question->separator, value, reg_of(bytes, 2));
    return true;
}

void gp_words_tell_shifted(struct words *to, const struct fault_view *view, const uint32_t frame[3])
{
    const struct cpu_state *state = view->state;
    uint32_t cs = state->segment[CPU_CS].selector;

    if (frame[1] == cs || frame[2] != cs)
        return;
    if (state->gpr[CPU_EBP] == state->gpr[CPU_ESP])
        words_print(to, " (the EBP that the function has pushed is still on the stack: a handler "
                        "that a compiler makes needs a stub, or __attribute__((interrupt)))");
    else if (frame[0] > 0xffff)
        words_print(to, " (a word that the handler has pushed is still on the stack)");
    else
        words_print(to, " (the error code is still on the stack: ADD ESP, 4 before IRET)");
}

/* IRET takes EIP, CS and EFLAGS from the stack. */
static bool is_iret(struct words *to, const struct question *question)
{
    const struct cpu_state *state = question->state;
    bool is_big = state->segment[CPU_SS].attributes & SEGMENT_DB;
    uint32_t at =
        state->segment[CPU_SS].base + (is_big ? state->gpr[CPU_ESP] : state->gpr[CPU_ESP] & 0xffff);
    uint32_t frame[5] = {0}; /* EIP, CS, EFLAGS; from an inner ring ESP, SS too */

    if (question->instruction.bytes[0] != 0xcf || question->instruction.has_66)
        return false;
    if (arch_read_linear(state, question->view->memory, at, frame, sizeof(frame)) < 12) {
        words_print(to, "%sits stack (esp %#x) is not in RAM: what was pushed there is lost",
                    question->separator, state->gpr[CPU_ESP]);
        return true;
    }
    words_print(to, "%sIRET takes EIP %#x and CS %#x from the stack", question->separator, frame[0],
                frame[1]);
    if ((frame[1] & 3) > question->ring && !(frame[4] & 0xfffc))
        words_print(to, ", of ring %u, and SS %#x: no selector of a stack", frame[1] & 3, frame[4]);
    else if (!(frame[1] & 0xfffc))
        words_print(to, ": no selector of code; is it the frame of the interrupt?");
    gp_words_tell_shifted(to, question->view, frame);
    return true;
}

/* Instructions of SSE whose 16 bytes in memory must be aligned: all but the ones that say "U", and
 * those of one element. */
static bool wants_alignment(const struct instruction *instruction)
{
    uint8_t opcode = instruction->bytes[1];

    if (instruction->bytes[0] != 0x0f || instruction->has_repeat)
        return false;
    return opcode == 0x28 || opcode == 0x29 || opcode == 0x2b ||
           (opcode >= 0x51 && opcode <= 0x5f && opcode != 0x5a) || opcode == 0xc6 ||
           (instruction->has_66 && (opcode == 0x6f || opcode == 0x7f || opcode == 0xe7 ||
                                    (opcode >= 0xd4 && opcode != 0xd6 && opcode != 0xd7)));
}

static bool is_unaligned(struct words *to, const struct question *question)
{
    uint32_t offset;
    unsigned segment;

    if (!wants_alignment(&question->instruction) ||
        !instruction_operand(question->view, &question->instruction, 2, &offset, &segment) ||
        (question->state->segment[segment].base + offset) % 16 == 0)
        return false;
    words_print(to, "%sthe operand at %#x is not aligned to 16 bytes, as this instruction wants it",
                question->separator, offset);
    if (segment == CPU_SS)
        words_print(to, ": ESP must be a multiple of 16 where a function of C is called");
    return true;
}

/* Where ModR/M is, of instructions that access memory there; 0: of others. */
static unsigned modrm_of(const uint8_t *bytes)
{
    uint8_t opcode = bytes[0];

    if (opcode == 0x0f)
        return (bytes[1] & 0xf6) == 0xb6 ? 2 : 0; /* MOVZX, MOVSX */
    return (opcode < 0x40 && (opcode & 7) < 4) || (opcode >= 0x80 && opcode <= 0x8b) ||
           opcode == 0xc6 || opcode == 0xc7 || opcode == 0xf6 || opcode == 0xf7 || opcode == 0xfe ||
           opcode == 0xff;
}

/* The segment and the offset that the instruction accesses. False: not known. */
static bool find_access(const struct question *question, unsigned *segment, uint32_t *offset)
{
    const uint8_t *bytes = question->instruction.bytes;
    uint8_t opcode = bytes[0];
    unsigned modrm = modrm_of(bytes);

    *segment = CPU_DS;
    *offset = 0;
    if (opcode >= 0xa0 && opcode <= 0xa3) { /* MOV with EAX: the offset is in the instruction */
        return !question->instruction.segment;
    } else if (opcode >= 0xa4 && opcode <= 0xaf && (opcode & 0xfe) != 0xa8) { /* strings */
        if ((opcode & 0xfe) != 0xac) {
            *segment = CPU_ES;
            *offset = question->state->gpr[CPU_EDI];
        }
        return true;
    }
    return modrm &&
           instruction_operand(question->view, &question->instruction, modrm, offset, segment);
}

static bool is_segment(struct words *to, const struct question *question)
{
    static const char *const names[CPU_SEGMENTS] = {"ES", "CS", "SS", "DS", "FS", "GS"};
    const struct cpu_segment *used;
    unsigned segment;
    uint32_t offset;

    if (!find_access(question, &segment, &offset))
        return false;
    used = &question->state->segment[segment];
    if (!(used->selector & 0xfffc))
        words_print(to, "%s%s is %#x, a null selector: no memory can be accessed through it",
                    question->separator, names[segment], used->selector);
    else if ((used->attributes & 0x18) == 0x18 || !(used->attributes & 2))
        words_print(to, "%s%s, %#x, is %s segment: it can't be written to", question->separator,
                    names[segment], used->selector,
                    (used->attributes & 0x18) == 0x18 ? "a code" : "a read-only data");
    else if (!(used->attributes & 4) && offset > used->limit)
        words_print(to, "%s%#x is beyond the limit %#x of %s", question->separator, offset,
                    used->limit, names[segment]);
    else
        return false;
    return true;
}

static bool (*const rules[])(struct words *to, const struct question *question) = {
    is_privileged, is_input_output, is_control, is_iret, is_unaligned, is_segment,
};

void gp_words_tell(struct words *to, const struct fault_view *view, const char *separator)
{
    struct question question = {.view = view,
                                .state = view->state,
                                .separator = separator,
                                .ring = view->state->segment[CPU_CS].selector & 3};

    if (!(view->state->cr0 & CR0_PE) || (view->state->eflags & EFLAGS_VM))
        return;
    instruction_read(view, &question.instruction);
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i](to, &question))
            return;
    }
}
