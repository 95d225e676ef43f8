/*
 * The instructions that are functions (see op_call in code/op.h), by the file that has them.
 */
#ifndef VMM_CPU_SOFT_OPS_H
#define VMM_CPU_SOFT_OPS_H

#include "handler.h"
#include "interp.h"

/* ops_rare.c */
op_call do_push, do_pop, do_push_imm, do_push_segment, do_pop_segment, do_pusha, do_popa, do_enter,
    do_leave, do_pushf, do_popf, do_sahf, do_lahf, do_xlat, do_salc, do_daa, do_das, do_aaa, do_aas,
    do_aam, do_aad, do_bound, do_shift, do_shld, do_shrd, do_mul, do_imul, do_div, do_idiv,
    do_imul_ge, do_imul_gei, do_flag, do_bit_e, do_bit_i, do_bsf, do_bsr, do_bswap, do_cmpxchg,
    do_cmpxchg8b, do_xadd, do_call, do_call_e, do_jmp_e, do_ret, do_loop, do_jcc_outside,
    do_jmp_outside;

/* ops_string.c */
op_call do_movs, do_cmps, do_stos, do_lods, do_scas, do_ins, do_outs;

/* ops_system.c */
op_call do_ud, do_too_long, do_in, do_out, do_hlt, do_cli, do_sti, do_clts, do_mov_from_control,
    do_mov_to_control, do_mov_from_debug, do_mov_to_debug, do_mov_from_segment, do_mov_to_segment,
    do_load_far, do_group6, do_group7, do_lar_lsl, do_arpl, do_invd, do_rdtsc, do_rdmsr, do_wrmsr,
    do_rdpmc, do_cpuid, do_int3, do_int, do_into, do_icebp, do_iret, do_jmp_far, do_jmp_far_e,
    do_call_far, do_call_far_e, do_ret_far;

/* fpu.c; and by kind, NULL for those that are not x87's */
op_call do_fwait;
extern op_call *const soft_x87_calls[KINDS];
bool soft_fxsave(struct soft *c, struct op *op);
bool soft_fxrstor(struct soft *c, struct op *op);

/* sse.c */
op_call do_group15;
op_call *soft_sse_call(const struct op *op);

#endif
