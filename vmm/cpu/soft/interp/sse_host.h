/*
 * Floating-point arithmetic of SSE and SSE2 on the host: on x86 hosts by the host's own
 * instructions, with the guest's rounding and all exceptions masked in MXCSR; its sticky flags are
 * the guest's. Elsewhere by C, see sse_portable.h.
 */
#ifndef VMM_CPU_SOFT_SSE_HOST_H
#define VMM_CPU_SOFT_SSE_HOST_H

#include "cpu/soft/state/state.h"

/* Changes *d by *s; `imm` is the immediate byte of those that have one. */
typedef void sse_kernel(union xmm *d, const union xmm *s, unsigned imm);

#ifdef SOFT_HOST_X86

static inline void host_set_mxcsr(uint32_t value)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(value));
}

static inline uint32_t host_get_mxcsr(void)
{
    uint32_t value;

    __asm__ volatile("stmxcsr %0" : "=m"(value));
    return value;
}

/* xmm0 = *d, xmm1 = *s, the instruction, *d = xmm0. */
#define HOST_SSE(name)                                                      \
    static void host_##name(union xmm *d, const union xmm *s, unsigned imm) \
    {                                                                       \
        (void)imm;                                                          \
        __asm__ volatile("movups %0, %%xmm0\n\tmovups %1, %%xmm1\n\t" #name \
                         " %%xmm1, %%xmm0\n\tmovups %%xmm0, %0"             \
                         : "+m"(*d)                                         \
                         : "m"(*s)                                          \
                         : "xmm0", "xmm1");                                 \
    }
#define HOST_SSE4(name) HOST_SSE(name##ps) HOST_SSE(name##pd) HOST_SSE(name##ss) HOST_SSE(name##sd)
HOST_SSE4(add)
HOST_SSE4(mul)
HOST_SSE4(sub)
HOST_SSE4(min)
HOST_SSE4(div)
HOST_SSE4(max)
HOST_SSE4(sqrt)
HOST_SSE(rsqrtps)
HOST_SSE(rsqrtss)
HOST_SSE(rcpps)
HOST_SSE(rcpss)
HOST_SSE(cvtps2pd)
HOST_SSE(cvtpd2ps)
HOST_SSE(cvtss2sd)
HOST_SSE(cvtsd2ss)
HOST_SSE(cvtdq2ps)
HOST_SSE(cvtps2dq)
HOST_SSE(cvttps2dq)
HOST_SSE(cvtdq2pd)
HOST_SSE(cvtpd2dq)
HOST_SSE(cvttpd2dq)

/* The low doubleword of *s into a float or double, or the other way: *d is an integer then. */
#define HOST_SSE_FROM_INT(name)                                                            \
    static void host_##name(union xmm *d, const union xmm *s, unsigned imm)                \
    {                                                                                      \
        (void)imm;                                                                         \
        __asm__ volatile("movups %0, %%xmm0\n\t" #name "l %1, %%xmm0\n\tmovups %%xmm0, %0" \
                         : "+m"(*d)                                                        \
                         : "m"(s->d[0])                                                    \
                         : "xmm0");                                                        \
    }
HOST_SSE_FROM_INT(cvtsi2ss)
HOST_SSE_FROM_INT(cvtsi2sd)

#define HOST_SSE_TO_INT(name)                                               \
    static void host_##name(union xmm *d, const union xmm *s, unsigned imm) \
    {                                                                       \
        (void)imm;                                                          \
        __asm__ volatile("movups %1, %%xmm1\n\t" #name " %%xmm1, %0"        \
                         : "=r"(d->d[0])                                    \
                         : "m"(*s)                                          \
                         : "xmm1");                                         \
    }
HOST_SSE_TO_INT(cvtss2si)
HOST_SSE_TO_INT(cvtsd2si)
HOST_SSE_TO_INT(cvttss2si)
HOST_SSE_TO_INT(cvttsd2si)

/* CMPccPS and relatives: one instruction for each of the eight predicates. */
#define HOST_SSE_COMPARE1(name, n)                                                  \
    case n:                                                                         \
        __asm__ volatile("movups %0, %%xmm0\n\tmovups %1, %%xmm1\n\t" #name " $" #n \
                         ", %%xmm1, %%xmm0\n\tmovups %%xmm0, %0"                    \
                         : "+m"(*d)                                                 \
                         : "m"(*s)                                                  \
                         : "xmm0", "xmm1");                                         \
        break;
#define HOST_SSE_COMPARE(name)                                              \
    static void host_##name(union xmm *d, const union xmm *s, unsigned imm) \
    {                                                                       \
        switch (imm & 7) {                                                  \
            HOST_SSE_COMPARE1(name, 0)                                      \
            HOST_SSE_COMPARE1(name, 1)                                      \
            HOST_SSE_COMPARE1(name, 2)                                      \
            HOST_SSE_COMPARE1(name, 3)                                      \
            HOST_SSE_COMPARE1(name, 4)                                      \
            HOST_SSE_COMPARE1(name, 5)                                      \
            HOST_SSE_COMPARE1(name, 6)                                      \
            HOST_SSE_COMPARE1(name, 7)                                      \
        }                                                                   \
    }
HOST_SSE_COMPARE(cmpps)
HOST_SSE_COMPARE(cmppd)
HOST_SSE_COMPARE(cmpss)
HOST_SSE_COMPARE(cmpsd)

/* Flags of UCOMIS and COMIS as EFLAGS; into d->d[0]. */
#define HOST_SSE_FLAGS(name)                                                          \
    static void host_##name(union xmm *d, const union xmm *s, unsigned imm)           \
    {                                                                                 \
        uint8_t zf, pf, cf;                                                           \
        (void)imm;                                                                    \
        __asm__ volatile("movups %3, %%xmm0\n\tmovups %4, %%xmm1\n\t" #name           \
                         " %%xmm1, %%xmm0\n\tsetz %0\n\tsetp %1\n\tsetc %2"           \
                         : "=q"(zf), "=q"(pf), "=q"(cf)                               \
                         : "m"(*d), "m"(*s)                                           \
                         : "xmm0", "xmm1", "cc");                                     \
        d->d[0] = (zf ? EFLAGS_ZF : 0) | (pf ? EFLAGS_PF : 0) | (cf ? EFLAGS_CF : 0); \
    }
HOST_SSE_FLAGS(ucomiss)
HOST_SSE_FLAGS(ucomisd)
HOST_SSE_FLAGS(comiss)
HOST_SSE_FLAGS(comisd)

#else
#include "sse_portable.h"
#endif

#endif
