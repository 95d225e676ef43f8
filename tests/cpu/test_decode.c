/*
 * The software CPU's decoder against Zydis, a disassembler: the same bytes must be the same
 * instruction, of the same length and with the same operands, or undefined in both.
 *
 *   test_decode [STRINGS [SEED]]
 *
 * First every opcode of one and two bytes with every ModRM byte and the prefixes below, in 16-bit
 * and 32-bit code; then STRINGS random byte strings, some cut short. Whether an instruction is
 * undefined is found out by executing it, for some are known as such only then.
 */
#include "cpu/arch.h"
#include "cpu/soft/code/decode.h"
#include "cpu/soft/interp/interp.h"
#include "cpu/soft/state/paging.h"
#include "cpu/soft/state/segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <Zydis/Zydis.h>

#define CODE UINT32_C(0x4000)
#define MOST 15 /* bytes of an instruction */

static struct {
    uint64_t random;
    uint64_t done, valid, undefined, failed;
    struct memory memory;
    struct soft *soft;
    struct soft_state modes[2]; /* 16-bit and 32-bit code, ring 0 */
    ZydisDecoder zydis[2];
} test;

static uint32_t random32(void)
{
    test.random ^= test.random << 13;
    test.random ^= test.random >> 7;
    test.random ^= test.random << 17;
    return (uint32_t)(test.random >> 16);
}

/* What either side makes of some bytes. */
struct verdict {
    enum { VALID, UNDEFINED, TOO_LONG, CUT_SHORT } is;
    unsigned length;
};

struct subject {
    uint8_t bytes[MOST + 1];
    unsigned available;
    unsigned is_32;
    struct verdict soft, zydis;
    struct op op;
    ZydisDecodedInstruction in;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

static const char *const verdicts[] = {"valid", "undefined", "too long", "cut short"};

/* ---- what the two may differ in ---- */

/* What of Zydis's instructions this processor does not have, though their sets are claimed below.
 */
static const struct {
    ZydisMnemonic mnemonic;
    const char *why;
} not_had[] = {
    {ZYDIS_MNEMONIC_UD0, "is there to be undefined"},
    {ZYDIS_MNEMONIC_UD1, "is there to be undefined"},
    {ZYDIS_MNEMONIC_UD2, "is there to be undefined"},
    {ZYDIS_MNEMONIC_RSM, "undefined outside of system-management mode"},
    {ZYDIS_MNEMONIC_CVTPI2PS, "of MMX registers, even if this one is of memory"},
    {ZYDIS_MNEMONIC_CVTPI2PD, "of MMX registers, even if this one is of memory"},
    {ZYDIS_MNEMONIC_SYSENTER, "not claimed: CPUID.1:EDX.SEP is clear"},
    {ZYDIS_MNEMONIC_SYSEXIT, "not claimed: CPUID.1:EDX.SEP is clear"},
};

/* The sets of instructions this processor has; all others must be undefined. Those after the first
 * block are claimed by CPUID. Their forms with MMX registers are not: CPUID.1:EDX.MMX is clear. */
static bool is_claimed(const ZydisDecodedInstruction *in, const ZydisDecodedOperand *operands)
{
    if (in->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
        return false; /* VEX, EVEX, XOP, 3DNow! */
    for (unsigned i = 0; i < sizeof(not_had) / sizeof(not_had[0]); i++) {
        if (in->mnemonic == not_had[i].mnemonic)
            return false;
    }
    for (unsigned i = 0; i < in->operand_count; i++) {
        if (operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
            ZydisRegisterGetClass(operands[i].reg.value) == ZYDIS_REGCLASS_MMX)
            return false;
    }
    switch (in->meta.isa_set) {
    case ZYDIS_ISA_SET_I86:
    case ZYDIS_ISA_SET_I186:
    case ZYDIS_ISA_SET_I286REAL:
    case ZYDIS_ISA_SET_I286PROTECTED:
    case ZYDIS_ISA_SET_I386:
    case ZYDIS_ISA_SET_I486:
    case ZYDIS_ISA_SET_I486REAL:
    case ZYDIS_ISA_SET_PENTIUMREAL:
    case ZYDIS_ISA_SET_PPRO:
    case ZYDIS_ISA_SET_LAHF:
    case ZYDIS_ISA_SET_RDPMC:
    case ZYDIS_ISA_SET_FAT_NOP:

    case ZYDIS_ISA_SET_X87:
    case ZYDIS_ISA_SET_CMOV:
    case ZYDIS_ISA_SET_FCMOV:
    case ZYDIS_ISA_SET_FXSAVE:
    case ZYDIS_ISA_SET_SSE:
    case ZYDIS_ISA_SET_SSEMXCSR:
    case ZYDIS_ISA_SET_SSE_PREFETCH:
    case ZYDIS_ISA_SET_SSE2:
        return true;
    /* Hints, no-operations to processors that don't know them. */
    case ZYDIS_ISA_SET_PAUSE:
    case ZYDIS_ISA_SET_PREFETCHWT1:
        return true;
    /* 0F 0D: with a register operand a no-operation by Intel, undefined by AMD and here. */
    case ZYDIS_ISA_SET_PREFETCH_NOP:
        return in->raw.modrm.mod != 3;
    default:
        return false;
    }
}

/* Where the operand's size has no meaning to the instruction, the two call it differently. */
static bool has_operand_size(const ZydisDecodedInstruction *in)
{
    switch (in->meta.isa_set) {
    case ZYDIS_ISA_SET_SSE: /* 66 selects the instruction */
    case ZYDIS_ISA_SET_SSE2:
        return false;
    default:
        break;
    }
    switch (in->mnemonic) {
    case ZYDIS_MNEMONIC_INVLPG:
    case ZYDIS_MNEMONIC_CMPXCHG8B:
    case ZYDIS_MNEMONIC_NOP:
        return false;
    case ZYDIS_MNEMONIC_MOV: /* of control and debug registers: always 32 bits */
        return in->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT;
    default:
        return true;
    }
}

/* ---- the two decoders ---- */

static void ask_zydis(struct subject *s)
{
    ZyanStatus status =
        ZydisDecoderDecodeFull(&test.zydis[s->is_32], s->bytes, s->available, &s->in, s->operands);

    s->zydis = (struct verdict){.is = UNDEFINED};
    if (ZYAN_SUCCESS(status))
        s->zydis =
            (struct verdict){is_claimed(&s->in, s->operands) ? VALID : UNDEFINED, s->in.length};
    else if (status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG)
        s->zydis.is = TOO_LONG;
    else if (status == ZYDIS_STATUS_NO_MORE_DATA)
        s->zydis.is = s->available < MOST ? CUT_SHORT : TOO_LONG;
}

/* Executes the instruction once, to see if it raises #UD. */
static bool is_undefined(const struct subject *s)
{
    struct soft *c = test.soft;

    c->s = test.modes[s->is_32];
    memory_write(&test.memory, CODE, s->bytes, sizeof(s->bytes));
    c->epoch++;
    soft_tlb_flush(c);
    soft_mode_changed(c);
    c->raised = RAISED_NOTHING;
    c->halts = c->in_new_task = false;
    c->logged = c->replayed = 0;
    c->budget = 1;
    soft_execute(c, true);
    soft_fpu_leave(c);
    soft_sse_leave(c);
    return c->raised == RAISED_EXCEPTION && c->vector == EXCEPTION_UD;
}

static void ask_soft(struct subject *s)
{
    enum decoded decoded =
        soft_decode(&s->op, s->bytes, s->available, CODE, s->is_32 ? MODE_CODE32 : 0, UINT32_MAX);
    s->soft = (struct verdict){VALID, s->op.next - CODE};
    if (decoded == DECODED_SHORT)
        s->soft.is = CUT_SHORT;
    else if (s->op.kind == KIND_TOO_LONG)
        s->soft.is = TOO_LONG;
    else if (s->op.kind == KIND_UNDEFINED || is_undefined(s))
        s->soft.is = UNDEFINED;
}

/* ---- operands ---- */

/* What differs, or NULL. */
static const char *compare_memory(const struct subject *s, const ZydisDecodedOperandMem *m)
{
    static const ZydisRegister segments[] = {ZYDIS_REGISTER_ES, ZYDIS_REGISTER_CS,
                                             ZYDIS_REGISTER_SS, ZYDIS_REGISTER_DS,
                                             ZYDIS_REGISTER_FS, ZYDIS_REGISTER_GS};
    const struct op *op = &s->op;
    uint32_t mask = s->in.address_width == 16 ? 0xffff : UINT32_MAX;
    unsigned base = m->base ? (unsigned)ZydisRegisterGetId(m->base) : CPU_GPRS;
    unsigned index = m->index ? (unsigned)ZydisRegisterGetId(m->index) : CPU_GPRS;

    if (!(op->flags & OP_MEMORY))
        return "no memory operand";
    if (op->mask != mask)
        return "address size";
    if (op->base != base || op->index != index)
        return "base or index";
    if (m->index && 1u << op->scale != m->scale)
        return "scale";
    if ((op->disp & mask) != ((uint32_t)m->disp.value & mask))
        return "displacement";
    /* The segment is nothing to LEA. */
    if (m->type != ZYDIS_MEMOP_TYPE_AGEN && segments[op->seg] != m->segment)
        return "segment";
    return NULL;
}

static unsigned byte_number(unsigned offset)
{
    return (offset >> 2) + (offset & 3) * 4;
}

static const char *compare_register(const struct subject *s, const ZydisDecodedOperand *o)
{
    const struct op *op = &s->op;
    ZydisRegisterClass class = ZydisRegisterGetClass(o->reg.value);
    unsigned want = (unsigned)ZydisRegisterGetId(o->reg.value), got;
    bool swapped = s->in.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && s->in.raw.modrm.mod == 3 &&
                   ((op->opcode < 0x40 && (op->opcode & 6) == 2) || (op->opcode & 0xfe) == 0x8a);
    bool is_reg = (o->encoding == ZYDIS_OPERAND_ENCODING_MODRM_REG) != swapped;

    if (class == ZYDIS_REGCLASS_SEGMENT || class == ZYDIS_REGCLASS_CONTROL ||
        class == ZYDIS_REGCLASS_DEBUG)
        got = op->modrm >> 3 & 7;
    else if (class == ZYDIS_REGCLASS_X87)
        got = op->modrm & 7;
    else
        got = is_reg ? op->reg : op->rm;
    if (class == ZYDIS_REGCLASS_GPR8)
        got = byte_number(got);
    return got == want ? NULL : is_reg ? "reg" : "r/m";
}

static const char *compare_immediate(const struct subject *s, const ZydisDecodedOperand *o)
{
    const struct op *op = &s->op;
    uint32_t want = (uint32_t)o->imm.value.u, got = op->imm, mask = UINT32_MAX;

    if (o->imm.is_relative) {
        want += CODE + s->in.length;
        mask = s->in.operand_width == 16 ? 0xffff : UINT32_MAX;
        return got == (want & mask) ? NULL : "target";
    }
    if (s->in.mnemonic == ZYDIS_MNEMONIC_ENTER && o->id == 1)
        got = op->imm2;
    else if ((op->opcode & 0xfe) == 0xc0 && s->in.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT)
        mask = 31; /* a count */
    else if (o->size < 32)
        mask = (UINT32_C(1) << o->size) - 1;
    return ((got ^ want) & mask) == 0 ? NULL : "immediate";
}

/* String instructions, XLAT, MASKMOVDQU: their operand isn't in `op`, but its segment is. */
static const char *compare_hidden(const struct subject *s, const ZydisDecodedOperand *o)
{
    struct subject whole = *s;

    if (o->type != ZYDIS_OPERAND_TYPE_MEMORY || o->mem.segment == ZYDIS_REGISTER_SS ||
        (o->mem.segment == ZYDIS_REGISTER_ES && s->op.seg != CPU_ES))
        return NULL;
    whole.op.flags |= OP_MEMORY;
    whole.op.mask = s->op.flags & OP_ADDR32 ? UINT32_MAX : 0xffff;
    whole.op.base = (uint8_t)ZydisRegisterGetId(o->mem.base);
    if (o->mem.index)
        whole.op.index = (uint8_t)ZydisRegisterGetId(o->mem.index);
    return compare_memory(&whole, &o->mem);
}

static const char *compare_operand(const struct subject *s, const ZydisDecodedOperand *o)
{
    switch (o->encoding) {
    case ZYDIS_OPERAND_ENCODING_NONE:
        return compare_hidden(s, o);
    case ZYDIS_OPERAND_ENCODING_MODRM_REG:
    case ZYDIS_OPERAND_ENCODING_MODRM_RM:
    case ZYDIS_OPERAND_ENCODING_OPCODE:
        if (o->type == ZYDIS_OPERAND_TYPE_MEMORY)
            return compare_memory(s, &o->mem);
        return compare_register(s, o);
    default:
        if (o->type == ZYDIS_OPERAND_TYPE_MEMORY)
            return compare_memory(s, &o->mem);
        if (o->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
            return compare_immediate(s, o);
        if (o->type == ZYDIS_OPERAND_TYPE_POINTER)
            return s->op.imm == o->ptr.offset && s->op.imm2 == o->ptr.segment ? NULL : "pointer";
        return "an operand of a kind unknown to the test";
    }
}

static const char *compare(const struct subject *s)
{
    const ZydisInstructionAttributes repeats =
        ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE;

    if (s->soft.is != s->zydis.is)
        return "verdict";
    if (s->soft.is != VALID)
        return NULL;
    if (s->soft.length != s->zydis.length)
        return "length";
    if (has_operand_size(&s->in) && s->in.operand_width != 8u * s->op.size)
        return "operand size";
    if (!(s->op.flags & OP_ADDR32) != (s->in.address_width == 16))
        return "address size";
    if (!(s->in.attributes & repeats) != !op_is_repeated(&s->op))
        return "repetition";
    if ((s->in.attributes & (ZYDIS_ATTRIB_HAS_REPE)) && !(s->op.flags & OP_REP))
        return "REPE";
    if ((s->in.attributes & (ZYDIS_ATTRIB_HAS_REPNE)) && !(s->op.flags & OP_REPNE))
        return "REPNE";
    for (unsigned i = 0; i < s->in.operand_count; i++) {
        const char *what = compare_operand(s, &s->operands[i]);
        if (what)
            return what;
    }
    return NULL;
}

static void print(const struct subject *s, const char *what)
{
    ZydisFormatter formatter;
    char text[96] = "";

    if (s->zydis.length &&
        ZYAN_SUCCESS(ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL)))
        ZydisFormatterFormatInstruction(&formatter, &s->in, s->operands,
                                        s->in.operand_count_visible, text, sizeof(text), CODE,
                                        NULL);
    printf("%u-bit", s->is_32 ? 32 : 16);
    for (unsigned i = 0; i < s->available; i++)
        printf(" %02x", s->bytes[i]);
    printf(": %s differs: soft %s %u, zydis %s %u: %s (%s)\n", what, verdicts[s->soft.is],
           s->soft.length, verdicts[s->zydis.is], s->zydis.length, text,
           s->zydis.length ? ZydisISASetGetString(s->in.meta.isa_set) : "");
    printf(
        "    op: size %u flags %02x reg %u rm %u base %u index %u scale %u seg %u disp %x imm %x "
        "imm2 %x\n",
        s->op.size, s->op.flags, s->op.reg, s->op.rm, s->op.base, s->op.index, s->op.scale,
        s->op.seg, s->op.disp, s->op.imm, s->op.imm2);
}

/* An undefined instruction has no length: which of its bytes are missed first, or are beyond the
 * 15th, is no difference. */
static bool same_in_full(const struct subject *s)
{
    struct subject full = *s;

    if (s->soft.is == VALID || s->zydis.is == VALID)
        return false;
    full.available = MOST;
    ask_zydis(&full);
    ask_soft(&full);
    return full.soft.is == full.zydis.is ||
           (full.soft.is == UNDEFINED && full.zydis.is == TOO_LONG) ||
           (full.soft.is == TOO_LONG && full.zydis.is == UNDEFINED);
}

static void try(struct subject *s)
{
    const char *what;

    ask_zydis(s);
    ask_soft(s);
    what = compare(s);
    if (what && s->soft.is != s->zydis.is && same_in_full(s))
        what = NULL;
    test.done++;
    test.valid += s->soft.is == VALID;
    test.undefined += s->soft.is == UNDEFINED;
    if (what && test.failed++ < 20)
        print(s, what);
}

static void fill(struct subject *s, unsigned from)
{
    for (unsigned i = from; i < sizeof(s->bytes); i++)
        s->bytes[i] = (uint8_t)random32();
}

static void enumerate(void)
{
    static const char *const prefixes[] = {
        "",         "\x66",     "\x67",     "\x66\x67", "\xf0",     "\xf2",         "\xf3",
        "\x66\xf2", "\x66\xf3", "\xf0\x66", "\xf0\xf3", "\x26\x64", "\x36\x66\x67", "\xf3\xf2",
    };

    for (unsigned is_32 = 0; is_32 < 2; is_32++) {
        for (unsigned p = 0; p < sizeof(prefixes) / sizeof(prefixes[0]); p++) {
            unsigned length = (unsigned)strlen(prefixes[p]);
            for (unsigned opcode = 0; opcode < 512; opcode++) {
                for (unsigned modrm = 0; modrm < 256; modrm++) {
                    struct subject s = {.is_32 = is_32, .available = MOST};
                    unsigned at = length;
                    memcpy(s.bytes, prefixes[p], length);
                    if (opcode >= 256)
                        s.bytes[at++] = 0x0f;
                    s.bytes[at++] = (uint8_t)opcode;
                    s.bytes[at++] = (uint8_t)modrm;
                    fill(&s, at);
                    try(&s);
                }
            }
        }
    }
}

static void random_string(void)
{
    static const uint8_t prefixes[] = {0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26,
                                       0x2e, 0x36, 0x3e, 0x64, 0x65};
    struct subject s = {.is_32 = random32() & 1, .available = MOST};
    unsigned at = 0, many = random32() % 8 ? 3 : MOST;

    while (at < many && random32() % 8 < (many > 3 ? 7 : 3))
        s.bytes[at++] = prefixes[random32() % sizeof(prefixes)];
    if (random32() % 2 && at < MOST)
        s.bytes[at++] = 0x0f;
    fill(&s, at);
    if (random32() % 4 == 0)
        s.available = 1 + random32() % MOST;
    try(&s);
}

static bool set_up(void)
{
    static const ZydisDecoderMode newer[] = {
        ZYDIS_DECODER_MODE_MPX,   ZYDIS_DECODER_MODE_CET,      ZYDIS_DECODER_MODE_LZCNT,
        ZYDIS_DECODER_MODE_TZCNT, ZYDIS_DECODER_MODE_CLDEMOTE,
    };
    struct cpu_state state;
    struct cpu *cpu;
    char why[160];

    if (memory_init(&test.memory, MEMORY_MIN) < 0)
        return false;
    cpu = cpu_soft_create(&test.memory, why, sizeof(why));
    if (!cpu)
        return false;
    test.soft = soft_of(cpu);
    for (unsigned is_32 = 0; is_32 < 2; is_32++) {
        ZydisDecoderInit(&test.zydis[is_32],
                         is_32 ? ZYDIS_MACHINE_MODE_LEGACY_32 : ZYDIS_MACHINE_MODE_LEGACY_16,
                         is_32 ? ZYDIS_STACK_WIDTH_32 : ZYDIS_STACK_WIDTH_16);
        for (unsigned i = 0; i < sizeof(newer) / sizeof(newer[0]); i++)
            ZydisDecoderEnableMode(&test.zydis[is_32], newer[i], ZYAN_FALSE);
        arch_flat_protected(&state, CODE, 0x8000, (struct cpu_table){0, 0},
                            (struct cpu_table){0, 0});
        if (!is_32)
            state.segment[CPU_CS].attributes &= (uint16_t)~SEGMENT_DB;
        state.cr0 |= CR0_NE;
        state.cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
        if (cpu->ops->set_state(cpu, &state) < 0)
            return false;
        test.modes[is_32] = test.soft->s;
    }
    return true;
}

int main(int argc, char **argv)
{
    uint64_t strings = argc > 1 ? strtoull(argv[1], NULL, 0) : 500000;

    test.random = (argc > 2 ? strtoull(argv[2], NULL, 0) : 1) * UINT64_C(0x9e3779b97f4a7c15);
    if (!set_up()) {
        printf("0 passed, 1 failed: no memory\n");
        return 1;
    }
    enumerate();
    for (uint64_t i = 0; i < strings; i++)
        random_string();
    printf("%llu byte strings: %llu instructions, %llu undefined\n", (unsigned long long)test.done,
           (unsigned long long)test.valid, (unsigned long long)test.undefined);
    printf("%llu passed, %llu failed\n", (unsigned long long)(test.done - test.failed),
           (unsigned long long)test.failed);
    test.soft->cpu.ops->destroy(&test.soft->cpu);
    memory_free(&test.memory);
    return test.failed != 0;
}
