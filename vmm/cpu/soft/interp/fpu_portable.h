/*
 * x87 arithmetic where the host has no x87: in long double, rounded to the 64-bit significand of
 * the format. Not exact: precision control is ignored, there is no denormal exception, and where
 * long double is no wider than double, results have its 53 bits. Included by fpu_host.h only.
 */
#include <fenv.h>
#include <float.h>
#include <math.h>

static inline void host_begin(uint16_t guest_control)
{
    static const int modes[4] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};

    feclearexcept(FE_ALL_EXCEPT);
    fesetround(modes[guest_control >> 10 & 3]);
}

static inline void host_end(void)
{
    fesetround(FE_TONEAREST);
    feclearexcept(FE_ALL_EXCEPT);
}

static inline void host_clear(void)
{
    feclearexcept(FE_ALL_EXCEPT);
}

static inline uint16_t host_status(void)
{
    int flags = fetestexcept(FE_ALL_EXCEPT);

    return (uint16_t)((flags & FE_INVALID ? FPU_IE : 0) | (flags & FE_DIVBYZERO ? FPU_ZE : 0) |
                      (flags & FE_OVERFLOW ? FPU_OE : 0) | (flags & FE_UNDERFLOW ? FPU_UE : 0) |
                      (flags & FE_INEXACT ? FPU_PE : 0));
}

static inline long double to_host(const union fpu_register *a)
{
    int exponent = a->bits.exponent & 0x7fff;
    long double value;

    if (exponent == 0x7fff)
        value = a->bits.significand << 1 ? (long double)NAN : (long double)INFINITY;
    else
        value = ldexpl((long double)a->bits.significand, (exponent ? exponent : 1) - 16383 - 63);
    return a->bits.exponent & 0x8000 ? -value : value;
}

/* Passes a value on when it is there, with its flags: to the compiler, which has no notion of the
 * floating-point environment, arithmetic could as well come before or after the calls around it. */
static inline long double computed(long double value)
{
    volatile long double there = value;

    return there;
}

static inline uint16_t from_host(long double result, union fpu_register *r)
{
    long double value = computed(result), fraction;
    int exponent;

    r->bits.exponent = signbit(value) ? 0x8000 : 0;
    r->bits.significand = 0;
    if (isnan(value)) {
        r->bits.exponent |= 0x7fff;
        r->bits.significand = UINT64_C(0xc000000000000000);
        if (host_status() & FPU_IE)
            r->bits.exponent = 0xffff;
    } else if (isinf(value)) {
        r->bits.exponent |= 0x7fff;
        r->bits.significand = UINT64_C(1) << 63;
    } else if (value != 0) {
        fraction = frexpl(value, &exponent);
        if (exponent + 16382 < 1) {
            value = ldexpl(value, 16382 + 63);
            fraction = computed(rintl(value));
            if (fraction != value)
                feraiseexcept(FE_UNDERFLOW);
            r->bits.significand = (uint64_t)fabsl(fraction);
            r->bits.exponent |= (uint16_t)(r->bits.significand >> 63);
        } else {
            fraction = fabsl(computed(rintl(ldexpl(fraction, 64))));
            if (fraction >= 18446744073709551616.0L) {
                fraction = 9223372036854775808.0L;
                exponent++;
            }
            r->bits.significand = (uint64_t)fraction;
            r->bits.exponent |= (uint16_t)(exponent + 16382);
        }
    }
    return host_status();
}

#define HOST_BINARY(name, expression)                                                            \
    static inline uint16_t host_##name(const union fpu_register *x, const union fpu_register *y, \
                                       union fpu_register *r)                                    \
    {                                                                                            \
        long double a = to_host(x), b = to_host(y);                                              \
        return from_host((expression), r);                                                       \
    }
HOST_BINARY(add, a + b)
HOST_BINARY(mul, a *b)
HOST_BINARY(sub, a - b)
HOST_BINARY(subr, b - a)
HOST_BINARY(div, a / b)
HOST_BINARY(divr, b / a)
HOST_BINARY(scale, scalbnl(a, (int)fmaxl(-40000, fminl(40000, truncl(b)))))
HOST_BINARY(yl2x, b *log2l(a))
HOST_BINARY(yl2xp1, b *(log1pl(a) / 0.693147180559945309417232121458176568L))
HOST_BINARY(patan, atan2l(b, a))

/* The remainder is always complete; the low bits of the quotient go to C1, C3 and C0. */
static inline uint16_t remainder_codes(long double quotient)
{
    unsigned q = (unsigned)fmodl(fabsl(quotient), 8);

    return (uint16_t)((q & 4 ? FPU_C0 : 0) | (q & 2 ? FPU_C3 : 0) | (q & 1 ? FPU_C1 : 0));
}

static inline uint16_t host_prem(const union fpu_register *x, const union fpu_register *y,
                                 union fpu_register *r)
{
    long double a = to_host(x), b = to_host(y), rest = fmodl(a, b);
    uint16_t codes = isfinite(rest) && b != 0 ? remainder_codes((a - rest) / b) : 0;

    return (uint16_t)(from_host(rest, r) & ~FPU_PE) | codes;
}

static inline uint16_t host_prem1(const union fpu_register *x, const union fpu_register *y,
                                  union fpu_register *r)
{
    long double a = to_host(x), b = to_host(y), rest = remainderl(a, b);
    uint16_t codes = isfinite(rest) && b != 0 ? remainder_codes((a - rest) / b) : 0;

    return (uint16_t)(from_host(rest, r) & ~FPU_PE) | codes;
}

#define HOST_UNARY(name, expression)                                                       \
    static inline uint16_t host_##name(const union fpu_register *x, union fpu_register *r) \
    {                                                                                      \
        long double a = to_host(x);                                                        \
        return from_host((expression), r);                                                 \
    }
HOST_UNARY(sqrt, sqrtl(a))
HOST_UNARY(rndint, rintl(a))
HOST_UNARY(2xm1, exp2l(a) - 1)
HOST_UNARY(sin, sinl(a))
HOST_UNARY(cos, cosl(a))

#define HOST_PAIR(name, one, two)                                                              \
    static inline uint16_t host_##name(const union fpu_register *x, union fpu_register *first, \
                                       union fpu_register *second)                             \
    {                                                                                          \
        long double a = to_host(x);                                                            \
        from_host((one), first);                                                               \
        return from_host((two), second);                                                       \
    }
HOST_PAIR(ptan, tanl(a), isfinite(a) ? 1.0L : a)
HOST_PAIR(sincos, sinl(a), cosl(a))
HOST_PAIR(xtract, logbl(a), a == 0 || !isfinite(a) ? a : scalbnl(a, -ilogbl(a)))

static inline uint16_t compare_codes(long double a, long double b)
{
    return isunordered(a, b) ? FPU_C0 | FPU_C2 | FPU_C3 : a < b ? FPU_C0 : a == b ? FPU_C3 : 0;
}

static inline uint16_t host_ucom(const union fpu_register *x, const union fpu_register *y)
{
    return compare_codes(to_host(x), to_host(y));
}

static inline uint16_t host_com(const union fpu_register *x, const union fpu_register *y)
{
    uint16_t codes = host_ucom(x, y);

    return codes & FPU_C2 ? codes | FPU_IE : codes;
}

#define HOST_LOAD(name, T)                                                           \
    static inline uint16_t host_load_##name(const void *from, union fpu_register *r) \
    {                                                                                \
        T data;                                                                      \
        memcpy(&data, from, sizeof(data));                                           \
        return from_host((long double)data, r);                                      \
    }
HOST_LOAD(f32, float)
HOST_LOAD(f64, double)
HOST_LOAD(i16, int16_t)
HOST_LOAD(i32, int32_t)
HOST_LOAD(i64, int64_t)

static inline uint16_t host_load_bcd(const void *from, union fpu_register *r)
{
    const uint8_t *bytes = from;
    uint64_t value = 0;

    for (unsigned i = 9; i-- > 0;)
        value = value * 100 + (bytes[i] >> 4) * 10u + (bytes[i] & 15);
    return from_host(bytes[9] & 0x80 ? -(long double)value : (long double)value, r);
}

#define HOST_STORE_REAL(name, T)                                                    \
    static inline uint16_t host_store_##name(const union fpu_register *a, void *to) \
    {                                                                               \
        volatile T there = (T)to_host(a); /* as in computed() */                    \
        T data = there;                                                             \
        memcpy(to, &data, sizeof(data));                                            \
        return host_status();                                                       \
    }
HOST_STORE_REAL(f32, float)
HOST_STORE_REAL(f64, double)

#define HOST_STORE_INTEGER(name, T, least, limit)                                   \
    static inline uint16_t host_store_##name(const union fpu_register *a, void *to) \
    {                                                                               \
        long double value = computed(rintl(to_host(a)));                            \
        bool fits = value >= (least) && value < (limit);                            \
        T data = (T)(fits ? value : (least));                                       \
        memcpy(to, &data, sizeof(data));                                            \
        return fits ? host_status() : FPU_IE;                                       \
    }
HOST_STORE_INTEGER(i16, int16_t, -32768.0L, 32768.0L)
HOST_STORE_INTEGER(i32, int32_t, -2147483648.0L, 2147483648.0L)
HOST_STORE_INTEGER(i64, int64_t, -9223372036854775808.0L, 9223372036854775808.0L)

static inline uint16_t host_store_bcd(const union fpu_register *a, void *to)
{
    static const uint8_t none[10] = {0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff};
    long double value = computed(rintl(to_host(a)));
    uint8_t bytes[10] = {0};
    uint64_t rest;

    if (!(fabsl(value) < 1e18L)) {
        memcpy(to, none, 10);
        return FPU_IE;
    }
    rest = (uint64_t)fabsl(value);
    for (unsigned i = 0; i < 9; i++, rest /= 100)
        bytes[i] = (uint8_t)(rest % 10 | rest / 10 % 10 << 4);
    bytes[9] = signbit(value) ? 0x80 : 0;
    memcpy(to, bytes, 10);
    return host_status();
}

/* With an operand in memory. */
#define HOST_MEMORY(name, operation, format)                                                     \
    static inline uint16_t host_##name##_##format(const union fpu_register *a, const void *from, \
                                                  union fpu_register *r)                         \
    {                                                                                            \
        union fpu_register b = {{0, 0}};                                                         \
        host_load_##format(from, &b);                                                            \
        return operation;                                                                        \
    }
#define HOST_MEMORY8(format)                             \
    HOST_MEMORY(add, host_add(a, &b, r), format)         \
    HOST_MEMORY(mul, host_mul(a, &b, r), format)         \
    HOST_MEMORY(com, ((void)r, host_com(a, &b)), format) \
    HOST_MEMORY(sub, host_sub(a, &b, r), format)         \
    HOST_MEMORY(subr, host_subr(a, &b, r), format)       \
    HOST_MEMORY(div, host_div(a, &b, r), format)         \
    HOST_MEMORY(divr, host_divr(a, &b, r), format)
HOST_MEMORY8(f32)
HOST_MEMORY8(f64)
HOST_MEMORY8(i16)
HOST_MEMORY8(i32)
