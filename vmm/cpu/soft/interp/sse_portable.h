/*
 * SSE arithmetic where the host isn't x86-64: in C, with the flags of fenv.h. Not exact: NaN
 * signs and payloads are the host's, flush-to-zero and denormals-are-zero are ignored, the
 * approximations (RCPPS, RSQRTPS) are exact quotients. Included by sse_host.h only.
 */
#include <fenv.h>
#include <math.h>

static inline void host_set_mxcsr(uint32_t value)
{
    static const int modes[4] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};

    fesetround(modes[value >> 13 & 3]);
    feclearexcept(FE_ALL_EXCEPT);
}

static inline uint32_t host_get_mxcsr(void)
{
    int flags = fetestexcept(FE_ALL_EXCEPT);

    return (flags & FE_INVALID ? 1u : 0) | (flags & FE_DIVBYZERO ? 4u : 0) |
           (flags & FE_OVERFLOW ? 8u : 0) | (flags & FE_UNDERFLOW ? 16u : 0) |
           (flags & FE_INEXACT ? 32u : 0);
}

#define HOST_SSE_LANES(name, T, lane, count, expression)                    \
    static void host_##name(union xmm *d, const union xmm *s, unsigned imm) \
    {                                                                       \
        (void)imm;                                                          \
        for (unsigned i = 0; i < (count); i++) {                            \
            T a = d->lane[i], b = s->lane[i];                               \
            (void)a;                                                        \
            d->lane[i] = (T)(expression);                                   \
        }                                                                   \
    }
#define HOST_SSE4(name, expression)                    \
    HOST_SSE_LANES(name##ps, float, f, 4, expression)  \
    HOST_SSE_LANES(name##pd, double, g, 2, expression) \
    HOST_SSE_LANES(name##ss, float, f, 1, expression)  \
    HOST_SSE_LANES(name##sd, double, g, 1, expression)
HOST_SSE4(add, a + b)
HOST_SSE4(mul, a *b)
HOST_SSE4(sub, a - b)
HOST_SSE4(min, a < b ? a : b)
HOST_SSE4(div, a / b)
HOST_SSE4(max, a > b ? a : b)
HOST_SSE4(sqrt, sqrt((double)b))
HOST_SSE_LANES(rsqrtps, float, f, 4, 1 / sqrt((double)b))
HOST_SSE_LANES(rsqrtss, float, f, 1, 1 / sqrt((double)b))
HOST_SSE_LANES(rcpps, float, f, 4, 1 / b)
HOST_SSE_LANES(rcpss, float, f, 1, 1 / b)

/* A double to a doubleword; what doesn't fit is the indefinite integer. */
static inline uint32_t to_integer(double value, bool truncates)
{
    double whole = truncates ? trunc(value) : nearbyint(value); /* neither raises a flag */

    if (!(whole >= -2147483648.0 && whole < 2147483648.0)) {
        feraiseexcept(FE_INVALID);
        return UINT32_C(0x80000000);
    }
    if (whole != value)
        feraiseexcept(FE_INEXACT);
    return (uint32_t)(int32_t)whole;
}

#define HOST_SSE_CONVERT(name, statements)                                  \
    static void host_##name(union xmm *d, const union xmm *s, unsigned imm) \
    {                                                                       \
        union xmm b = *s;                                                   \
        (void)imm;                                                          \
        statements                                                          \
    }
HOST_SSE_CONVERT(cvtps2pd, d->g[0] = (double)b.f[0]; d->g[1] = (double)b.f[1];)
HOST_SSE_CONVERT(cvtpd2ps, d->f[0] = (float)b.g[0]; d->f[1] = (float)b.g[1]; d->q[1] = 0;)
HOST_SSE_CONVERT(cvtss2sd, d->g[0] = (double)b.f[0];)
HOST_SSE_CONVERT(cvtsd2ss, d->f[0] = (float)b.g[0];)
HOST_SSE_CONVERT(cvtdq2ps, for (unsigned i = 0; i < 4; i++) d->f[i] = (float)(int32_t)b.d[i];)
HOST_SSE_CONVERT(cvtps2dq,
                 for (unsigned i = 0; i < 4; i++) d->d[i] = to_integer((double)b.f[i], false);)
HOST_SSE_CONVERT(cvttps2dq,
                 for (unsigned i = 0; i < 4; i++) d->d[i] = to_integer((double)b.f[i], true);)
HOST_SSE_CONVERT(cvtdq2pd, d->g[0] = (int32_t)b.d[0]; d->g[1] = (int32_t)b.d[1];)
HOST_SSE_CONVERT(cvtpd2dq, d->d[0] = to_integer(b.g[0], false); d->d[1] = to_integer(b.g[1], false);
                 d->q[1] = 0;)
HOST_SSE_CONVERT(cvttpd2dq, d->d[0] = to_integer(b.g[0], true); d->d[1] = to_integer(b.g[1], true);
                 d->q[1] = 0;)
HOST_SSE_CONVERT(cvtsi2ss, d->f[0] = (float)(int32_t)b.d[0];)
HOST_SSE_CONVERT(cvtsi2sd, d->g[0] = (int32_t)b.d[0];)
HOST_SSE_CONVERT(cvtss2si, d->d[0] = to_integer((double)b.f[0], false);)
HOST_SSE_CONVERT(cvtsd2si, d->d[0] = to_integer(b.g[0], false);)
HOST_SSE_CONVERT(cvttss2si, d->d[0] = to_integer((double)b.f[0], true);)
HOST_SSE_CONVERT(cvttsd2si, d->d[0] = to_integer(b.g[0], true);)

static inline bool predicate(double a, double b, unsigned imm)
{
    static const uint8_t when_less[4] = {0, 1, 1, 0}, when_equal[4] = {1, 0, 1, 0};
    unsigned kind = imm & 3;
    bool holds;

    if (isunordered(a, b)) {
        if (kind == 1 || kind == 2)
            feraiseexcept(FE_INVALID);
        holds = kind == 3;
    } else {
        holds = a < b ? when_less[kind] : a == b ? when_equal[kind] : false;
    }
    return holds != !!(imm & 4);
}

#define HOST_SSE_COMPARE(name, lane, bits, count, T)                                         \
    static void host_##name(union xmm *d, const union xmm *s, unsigned imm)                  \
    {                                                                                        \
        for (unsigned i = 0; i < (count); i++)                                               \
            d->bits[i] = predicate((double)d->lane[i], (double)s->lane[i], imm) ? (T)-1 : 0; \
    }
HOST_SSE_COMPARE(cmpps, f, d, 4, uint32_t)
HOST_SSE_COMPARE(cmppd, g, q, 2, uint64_t)
HOST_SSE_COMPARE(cmpss, f, d, 1, uint32_t)
HOST_SSE_COMPARE(cmpsd, g, q, 1, uint64_t)

static inline uint32_t order(double a, double b, bool signals)
{
    if (isunordered(a, b)) {
        if (signals)
            feraiseexcept(FE_INVALID);
        return EFLAGS_ZF | EFLAGS_PF | EFLAGS_CF;
    }
    return a < b ? EFLAGS_CF : a == b ? EFLAGS_ZF : 0;
}
HOST_SSE_CONVERT(ucomiss, d->d[0] = order((double)d->f[0], (double)b.f[0], false);)
HOST_SSE_CONVERT(ucomisd, d->d[0] = order(d->g[0], b.g[0], false);)
HOST_SSE_CONVERT(comiss, d->d[0] = order((double)d->f[0], (double)b.f[0], true);)
HOST_SSE_CONVERT(comisd, d->d[0] = order(d->g[0], b.g[0], true);)
