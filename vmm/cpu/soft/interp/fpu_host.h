/*
 * x87 arithmetic on the host. On x86 hosts each operation is the host's own instruction, so results
 * and exception flags are exact. Elsewhere long double stands in, with the host's precision and
 * the flags of fenv.h, see fpu_portable.h. Operands are in memory because the compiler must not
 * keep values in x87 registers around these.
 *
 * Every function returns the host's status word: exceptions in bits 0-5 (sticky until host_clear),
 * C1 in bit 9, C0 C2 C3 in bits 8, 10 and 14.
 */
#ifndef VMM_CPU_SOFT_FPU_HOST_H
#define VMM_CPU_SOFT_FPU_HOST_H

#include "cpu/soft/state/state.h"

#define FPU_IE 0x0001u
#define FPU_DE 0x0002u
#define FPU_ZE 0x0004u
#define FPU_OE 0x0008u
#define FPU_UE 0x0010u
#define FPU_PE 0x0020u
#define FPU_SF 0x0040u
#define FPU_ES 0x0080u
#define FPU_C0 0x0100u
#define FPU_C1 0x0200u
#define FPU_C2 0x0400u
#define FPU_C3 0x4000u
#define FPU_B  0x8000u

#define FPU_EXCEPTIONS 0x3fu

typedef uint16_t fpu_unary(const union fpu_register *a, union fpu_register *r);
typedef uint16_t fpu_binary(const union fpu_register *a, const union fpu_register *b,
                            union fpu_register *r);
typedef uint16_t fpu_compare(const union fpu_register *a, const union fpu_register *b);
typedef uint16_t fpu_memory(const union fpu_register *a, const void *b, union fpu_register *r);
typedef uint16_t fpu_load(const void *from, union fpu_register *r);
typedef uint16_t fpu_store(const union fpu_register *a, void *to);

#ifdef SOFT_HOST_X86

/* Precision and rounding of the guest, all exceptions masked. */
static inline void host_begin(uint16_t guest_control)
{
    uint16_t control = (guest_control & 0x0f00) | 0x007f;
    __asm__ volatile("fnclex\n\tfldcw %0" : : "m"(control));
}

static inline void host_end(void)
{
    uint16_t control = 0x037f;
    __asm__ volatile("fnclex\n\tfldcw %0" : : "m"(control));
}

static inline void host_clear(void)
{
    __asm__ volatile("fnclex");
}

/* ST0 = a, ST1 = b, an instruction that leaves its result in ST0, ST1 thrown away. */
#define HOST_BINARY(name, instruction)                                                           \
    static inline uint16_t host_##name(const union fpu_register *a, const union fpu_register *b, \
                                       union fpu_register *r)                                    \
    {                                                                                            \
        uint16_t status;                                                                         \
        __asm__ volatile("fldt %3\n\tfldt %2\n\t" instruction "\n\tfnstsw %1\n\tfstpt %0\n\t"    \
                         "fstp %%st(0)"                                                          \
                         : "=m"(r->value), "=a"(status)                                          \
                         : "m"(a->value), "m"(b->value)                                          \
                         : "st", "st(1)");                                                       \
        return status;                                                                           \
    }
HOST_BINARY(add, "fadd %%st(1), %%st")
HOST_BINARY(mul, "fmul %%st(1), %%st")
HOST_BINARY(sub, "fsub %%st(1), %%st")
HOST_BINARY(subr, "fsubr %%st(1), %%st")
HOST_BINARY(div, "fdiv %%st(1), %%st")
HOST_BINARY(divr, "fdivr %%st(1), %%st")
HOST_BINARY(prem, "fprem")
HOST_BINARY(prem1, "fprem1")
HOST_BINARY(scale, "fscale")

/* Instructions that pop: ST1 becomes the result. */
#define HOST_POPPING(name, instruction)                                                          \
    static inline uint16_t host_##name(const union fpu_register *a, const union fpu_register *b, \
                                       union fpu_register *r)                                    \
    {                                                                                            \
        uint16_t status;                                                                         \
        __asm__ volatile("fldt %3\n\tfldt %2\n\t" instruction "\n\tfnstsw %1\n\tfstpt %0"        \
                         : "=m"(r->value), "=a"(status)                                          \
                         : "m"(a->value), "m"(b->value)                                          \
                         : "st", "st(1)");                                                       \
        return status;                                                                           \
    }
HOST_POPPING(yl2x, "fyl2x")
HOST_POPPING(yl2xp1, "fyl2xp1")
HOST_POPPING(patan, "fpatan")

#define HOST_UNARY(name, instruction)                                                      \
    static inline uint16_t host_##name(const union fpu_register *a, union fpu_register *r) \
    {                                                                                      \
        uint16_t status;                                                                   \
        __asm__ volatile("fldt %2\n\t" instruction "\n\tfnstsw %1\n\tfstpt %0"             \
                         : "=m"(r->value), "=a"(status)                                    \
                         : "m"(a->value)                                                   \
                         : "st");                                                          \
        return status;                                                                     \
    }
HOST_UNARY(sqrt, "fsqrt")
HOST_UNARY(rndint, "frndint")
HOST_UNARY(2xm1, "f2xm1")
HOST_UNARY(sin, "fsin")
HOST_UNARY(cos, "fcos")

/* One operand, two results; `second` is what becomes ST0. With C2 set there is only the first. */
#define HOST_PAIR(name, instruction)                                                           \
    static inline uint16_t host_##name(const union fpu_register *a, union fpu_register *first, \
                                       union fpu_register *second)                             \
    {                                                                                          \
        uint16_t status;                                                                       \
        __asm__ volatile("fldt %3\n\t" instruction "\n\tfnstsw %%ax\n\ttestw $0x400, %%ax\n\t" \
                         "jnz 1f\n\tfstpt %2\n1:\tfstpt %0"                                    \
                         : "=m"(first->value), "=&a"(status), "=m"(second->value)              \
                         : "m"(a->value)                                                       \
                         : "st", "st(1)", "cc");                                               \
        return status;                                                                         \
    }
HOST_PAIR(ptan, "fptan")
HOST_PAIR(sincos, "fsincos")
/* FXTRACT leaves C2 as it is. */
static inline uint16_t host_xtract(const union fpu_register *a, union fpu_register *first,
                                   union fpu_register *second)
{
    uint16_t status;
    __asm__ volatile("fldt %3\n\tfxtract\n\tfnstsw %1\n\tfstpt %2\n\tfstpt %0"
                     : "=m"(first->value), "=&a"(status), "=m"(second->value)
                     : "m"(a->value)
                     : "st", "st(1)");
    return status;
}

#define HOST_COMPARE(name, instruction)                                                          \
    static inline uint16_t host_##name(const union fpu_register *a, const union fpu_register *b) \
    {                                                                                            \
        uint16_t status;                                                                         \
        __asm__ volatile("fldt %2\n\tfldt %1\n\t" instruction " %%st(1)\n\tfnstsw %0\n\t"        \
                         "fstp %%st(0)\n\tfstp %%st(0)"                                          \
                         : "=a"(status)                                                          \
                         : "m"(a->value), "m"(b->value)                                          \
                         : "st", "st(1)");                                                       \
        return status;                                                                           \
    }
/* The same with an operand of another format in memory, whose own exceptions count too. */
#define HOST_MEMORY(name, T, instruction)                                             \
    static inline uint16_t host_##name(const union fpu_register *a, const void *from, \
                                       union fpu_register *r)                         \
    {                                                                                 \
        uint16_t status;                                                              \
        T data;                                                                       \
        memcpy(&data, from, sizeof(data));                                            \
        __asm__ volatile("fldt %2\n\t" instruction " %3\n\tfnstsw %1\n\tfstpt %0"     \
                         : "=m"(r->value), "=a"(status)                               \
                         : "m"(a->value), "m"(data)                                   \
                         : "st");                                                     \
        return status;                                                                \
    }
#define HOST_MEMORY8(format, T, prefix, suffix)         \
    HOST_MEMORY(add_##format, T, prefix "add" suffix)   \
    HOST_MEMORY(mul_##format, T, prefix "mul" suffix)   \
    HOST_MEMORY(com_##format, T, prefix "com" suffix)   \
    HOST_MEMORY(sub_##format, T, prefix "sub" suffix)   \
    HOST_MEMORY(subr_##format, T, prefix "subr" suffix) \
    HOST_MEMORY(div_##format, T, prefix "div" suffix)   \
    HOST_MEMORY(divr_##format, T, prefix "divr" suffix)
HOST_MEMORY8(f32, uint32_t, "f", "s")
HOST_MEMORY8(f64, uint64_t, "f", "l")
HOST_MEMORY8(i16, uint16_t, "fi", "s")
HOST_MEMORY8(i32, uint32_t, "fi", "l")

HOST_COMPARE(com, "fcom")
HOST_COMPARE(ucom, "fucom")

#define HOST_LOAD(name, T, instruction)                                              \
    static inline uint16_t host_load_##name(const void *from, union fpu_register *r) \
    {                                                                                \
        uint16_t status;                                                             \
        T data;                                                                      \
        memcpy(&data, from, sizeof(data));                                           \
        __asm__ volatile(instruction " %2\n\tfnstsw %1\n\tfstpt %0"                  \
                         : "=m"(r->value), "=a"(status)                              \
                         : "m"(data)                                                 \
                         : "st");                                                    \
        return status;                                                               \
    }
struct fpu_packed {
    uint8_t bytes[10];
};
HOST_LOAD(f32, uint32_t, "flds")
HOST_LOAD(f64, uint64_t, "fldl")
HOST_LOAD(i16, uint16_t, "filds")
HOST_LOAD(i32, uint32_t, "fildl")
HOST_LOAD(i64, uint64_t, "fildll")
HOST_LOAD(bcd, struct fpu_packed, "fbld")

#define HOST_STORE(name, T, instruction)                                            \
    static inline uint16_t host_store_##name(const union fpu_register *a, void *to) \
    {                                                                               \
        uint16_t status;                                                            \
        T data;                                                                     \
        __asm__ volatile("fldt %2\n\t" instruction " %0\n\tfnstsw %1"               \
                         : "=m"(data), "=a"(status)                                 \
                         : "m"(a->value)                                            \
                         : "st");                                                   \
        memcpy(to, &data, sizeof(data));                                            \
        return status;                                                              \
    }
HOST_STORE(f32, uint32_t, "fstps")
HOST_STORE(f64, uint64_t, "fstpl")
HOST_STORE(i16, uint16_t, "fistps")
HOST_STORE(i32, uint32_t, "fistpl")
HOST_STORE(i64, uint64_t, "fistpll")
HOST_STORE(bcd, struct fpu_packed, "fbstp")

#else
#include "fpu_portable.h"
#endif

#endif
