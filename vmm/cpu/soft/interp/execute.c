/*
 * The interpreter as a back end: what executes each operation, by a table from kind, form and size;
 * and the loop that goes from block to block.
 */
#include "ops.h"

/* What there is for a kind: handlers by form, and a function for what they leave. */
struct choice {
    const struct handlers *handlers[FORMS];
    op_call *call;
    bool on_stack32;   /* the handlers are for 32-bit operands on a 32-bit stack */
    bool by_condition; /* `handlers` is the first of 16 */
};

#define TWO_OPERANDS(name)                                                                  \
    {                                                                                       \
        .handlers = { &handlers_##name##_eg, &handlers_##name##_ge, &handlers_##name##_ei } \
    }
#define HANDLERS(name)                   \
    {                                    \
        .handlers = { &handlers_##name } \
    }
#define FUNCTION(name)      \
    {                       \
        .call = (do_##name) \
    }
#define BOTH(name)                                          \
    {                                                       \
        .handlers = {&handlers_##name}, .call = (do_##name) \
    }
#define ON_STACK(name, function)                                               \
    {                                                                          \
        .handlers = {&handlers_##name}, .call = (function), .on_stack32 = true \
    }
#define CONDITIONAL(name)                                   \
    {                                                       \
        .handlers = {handlers_##name}, .by_condition = true \
    }
#define SHIFT(name)                                                                       \
    {                                                                                     \
        .handlers = {[FORM_EG] = &handlers_##name##_c, [FORM_EI] = &handlers_##name##_i}, \
        .call = do_shift                                                                  \
    }

static const struct choice choices[KINDS] = {
    [KIND_UNDEFINED] = FUNCTION(ud),
    [KIND_TOO_LONG] = FUNCTION(too_long),
    [KIND_END] = HANDLERS(end),
    [KIND_ADD] = TWO_OPERANDS(add),
    [KIND_OR] = TWO_OPERANDS(or),
    [KIND_ADC] = TWO_OPERANDS(adc),
    [KIND_SBB] = TWO_OPERANDS(sbb),
    [KIND_AND] = TWO_OPERANDS(and),
    [KIND_SUB] = TWO_OPERANDS(sub),
    [KIND_XOR] = TWO_OPERANDS(xor),
    [KIND_CMP] = TWO_OPERANDS(cmp),
    [KIND_TEST] = TWO_OPERANDS(test),
    [KIND_MOV] = TWO_OPERANDS(mov),
    [KIND_INC] = HANDLERS(inc),
    [KIND_DEC] = HANDLERS(dec),
    [KIND_NOT] = HANDLERS(not ),
    [KIND_NEG] = HANDLERS(neg),
    [KIND_MUL] = FUNCTION(mul),
    [KIND_IMUL] = FUNCTION(imul),
    [KIND_DIV] = FUNCTION(div),
    [KIND_IDIV] = FUNCTION(idiv),
    [KIND_ROTATE] = FUNCTION(shift),
    [KIND_SHL] = SHIFT(shl),
    [KIND_SHR] = SHIFT(shr),
    [KIND_SAR] = SHIFT(sar),
    [KIND_XCHG] = HANDLERS(xchg),
    [KIND_LEA] = HANDLERS(lea),
    [KIND_MOVZX8] = HANDLERS(movzx8),
    [KIND_MOVZX16] = HANDLERS(movzx16),
    [KIND_MOVSX8] = HANDLERS(movsx8),
    [KIND_MOVSX16] = HANDLERS(movsx16),
    [KIND_IMUL_GE] = BOTH(imul_ge),
    [KIND_IMUL_GEI] = BOTH(imul_gei),
    [KIND_CBW] = HANDLERS(cbw),
    [KIND_CWD] = HANDLERS(cwd),
    [KIND_NOP] = HANDLERS(nop),
    [KIND_SETCC] = CONDITIONAL(setcc),
    [KIND_CMOVCC] = CONDITIONAL(cmov),
    [KIND_SHLD] = FUNCTION(shld),
    [KIND_SHRD] = FUNCTION(shrd),
    [KIND_BIT_E] = FUNCTION(bit_e),
    [KIND_BIT_I] = FUNCTION(bit_i),
    [KIND_BSF] = FUNCTION(bsf),
    [KIND_BSR] = FUNCTION(bsr),
    [KIND_BSWAP] = FUNCTION(bswap),
    [KIND_CMPXCHG] = FUNCTION(cmpxchg),
    [KIND_CMPXCHG8B] = FUNCTION(cmpxchg8b),
    [KIND_XADD] = FUNCTION(xadd),
    [KIND_BOUND] = FUNCTION(bound),
    [KIND_XLAT] = FUNCTION(xlat),
    [KIND_SALC] = FUNCTION(salc),
    [KIND_DAA] = FUNCTION(daa),
    [KIND_DAS] = FUNCTION(das),
    [KIND_AAA] = FUNCTION(aaa),
    [KIND_AAS] = FUNCTION(aas),
    [KIND_AAM] = FUNCTION(aam),
    [KIND_AAD] = FUNCTION(aad),
    [KIND_SAHF] = FUNCTION(sahf),
    [KIND_LAHF] = FUNCTION(lahf),
    [KIND_FLAG] = FUNCTION(flag),
    [KIND_PUSH] = ON_STACK(push, do_push),
    [KIND_PUSH_I] = ON_STACK(push_i, do_push_imm),
    [KIND_PUSH_SEGMENT] = FUNCTION(push_segment),
    [KIND_PUSHA] = FUNCTION(pusha),
    [KIND_PUSHF] = FUNCTION(pushf),
    [KIND_POP] = ON_STACK(pop, do_pop),
    [KIND_POP_SEGMENT] = FUNCTION(pop_segment),
    [KIND_POPA] = FUNCTION(popa),
    [KIND_POPF] = FUNCTION(popf),
    [KIND_ENTER] = FUNCTION(enter),
    [KIND_LEAVE] = ON_STACK(leave, do_leave),
    [KIND_MOVS] = FUNCTION(movs),
    [KIND_CMPS] = FUNCTION(cmps),
    [KIND_STOS] = FUNCTION(stos),
    [KIND_LODS] = FUNCTION(lods),
    [KIND_SCAS] = FUNCTION(scas),
    [KIND_INS] = FUNCTION(ins),
    [KIND_OUTS] = FUNCTION(outs),
    [KIND_JCC] = CONDITIONAL(jcc),
    [KIND_JMP] = HANDLERS(jmp),
    [KIND_CALL] = ON_STACK(call, do_call),
    [KIND_LOOP] = FUNCTION(loop),
    [KIND_RET] = ON_STACK(ret, do_ret),
    [KIND_JMP_E] = BOTH(jmp_e),
    [KIND_CALL_E] = ON_STACK(call_e, do_call_e),
    [KIND_JCC_OUTSIDE] = FUNCTION(jcc_outside),
    [KIND_JMP_OUTSIDE] = FUNCTION(jmp_outside),
    [KIND_JMP_FAR] = FUNCTION(jmp_far),
    [KIND_CALL_FAR] = FUNCTION(call_far),
    [KIND_JMP_FAR_E] = FUNCTION(jmp_far_e),
    [KIND_CALL_FAR_E] = FUNCTION(call_far_e),
    [KIND_RET_FAR] = FUNCTION(ret_far),
    [KIND_INT3] = FUNCTION(int3),
    [KIND_INT] = FUNCTION(int),
    [KIND_INTO] = FUNCTION(into),
    [KIND_ICEBP] = FUNCTION(icebp),
    [KIND_IRET] = FUNCTION(iret),
    [KIND_MOV_FROM_SEGMENT] = FUNCTION(mov_from_segment),
    [KIND_MOV_TO_SEGMENT] = FUNCTION(mov_to_segment),
    [KIND_LOAD_FAR] = FUNCTION(load_far),
    [KIND_GROUP6] = FUNCTION(group6),
    [KIND_GROUP7] = FUNCTION(group7),
    [KIND_LAR_LSL] = FUNCTION(lar_lsl),
    [KIND_ARPL] = FUNCTION(arpl),
    [KIND_MOV_FROM_CONTROL] = FUNCTION(mov_from_control),
    [KIND_MOV_TO_CONTROL] = FUNCTION(mov_to_control),
    [KIND_MOV_FROM_DEBUG] = FUNCTION(mov_from_debug),
    [KIND_MOV_TO_DEBUG] = FUNCTION(mov_to_debug),
    [KIND_CLTS] = FUNCTION(clts),
    [KIND_INVD] = FUNCTION(invd),
    [KIND_CLI] = FUNCTION(cli),
    [KIND_STI] = FUNCTION(sti),
    [KIND_HLT] = FUNCTION(hlt),
    [KIND_IN] = FUNCTION(in),
    [KIND_OUT] = FUNCTION(out),
    [KIND_RDTSC] = FUNCTION(rdtsc),
    [KIND_RDMSR] = FUNCTION(rdmsr),
    [KIND_WRMSR] = FUNCTION(wrmsr),
    [KIND_RDPMC] = FUNCTION(rdpmc),
    [KIND_CPUID] = FUNCTION(cpuid),
    [KIND_FWAIT] = FUNCTION(fwait),
    [KIND_GROUP15] = FUNCTION(group15),
};

static const struct handlers *find_handlers(const struct block *block, const struct op *op)
{
    const struct choice *choice = &choices[op->kind];
    const struct handlers *handlers = choice->handlers[op->form];

    if (!handlers || (choice->on_stack32 && !(op->size == 4 && (block->mode & MODE_STACK32))))
        return NULL;
    if (op->form == FORM_EI && op->imm == 0 && choice->call == do_shift)
        return NULL; /* it changes nothing, no flags either */
    return choice->by_condition ? handlers + (op->opcode & 15) : handlers;
}

/* The function of what has no handlers. */
static op_call *find_function(const struct op *op)
{
    if (op->kind == KIND_SSE)
        return soft_sse_call(op);
    return choices[op->kind].call ? choices[op->kind].call : soft_x87_calls[op->kind];
}

static void choose(struct soft *c, const struct block *block, struct op *op)
{
    const struct handlers *handlers = find_handlers(block, op);
    unsigned size = op->size >> 1;

    op->run = NULL;
    if (handlers)
        op->run =
            op->flags & OP_MEMORY ? handlers->with_memory[size] : handlers->with_register[size];
    if (op->run) {
        op->link = c->no_block;
        return;
    }
    op->call = find_function(op);
    op->run = op->flags & OP_LAST  ? op_call_last
              : op_is_repeated(op) ? op_repeat
                                   : op_call_function;
}

static void prepare(struct soft *c, struct block *block)
{
    for (unsigned i = 0; i <= block->count; i++)
        choose(c, block, &block->ops[i]);
    soft_drop_flags(block->ops, block->count);
}

static void discard(struct block *block)
{
    for (unsigned i = 0; i < block->count; i++)
        block->ops[i].run = op_stale;
}

const struct back_end soft_interpreter = {.prepare = prepare, .discard = discard};

#ifdef SOFT_LOOP
static void run_ops(struct soft *c, struct op *op)
{
    while (op)
        op = op->run(c, op);
}
#else
static void run_ops(struct soft *c, struct op *op)
{
    op->run(c, op);
}
#endif

void soft_execute(struct soft *c, bool step)
{
    c->pending_link = NULL;
    for (;;) {
        struct block *block = soft_find_block(c, step);
        if (!block)
            return;
        if (c->pending_link) {
            if (block != c->scratch)
                *c->pending_link = block;
            c->pending_link = NULL;
        }
        if (c->budget < block->count)
            return;
        c->budget -= block->count;
        c->block = block;
        run_ops(c, block->ops);
        if (unlikely(c->raised || c->attention))
            return;
    }
}
