/*
 * Frames as compilers with -fno-omit-frame-pointer make them (System V ABI for i386, figure 3-15):
 * at EBP the caller's EBP, above it the address where the function returns. In 16-bit code the same
 * with SS:BP and two bytes each. The stack is the guest's, and may hold anything.
 */
#include "backtrace.h"

#include "cpu/arch.h"
#include "machine/boot.h"

#include <string.h>

#define FOLLOWED_MAX 1000 /* frames that are looked at, of which few are printed */
#define SCANNED      64   /* words of the stack where there is no chain */
#define SCANNED_MAX  4    /* of them shown */

struct walk {
    const struct info *info;
    const char *indent;
    bool is_wide;         /* 32-bit code */
    uint32_t code, stack; /* bases of CS and SS */
    uint32_t sp;
    unsigned printed, max;
};

static struct walk begin(const struct info *info, unsigned max, const char *indent)
{
    const struct cpu_state *state = info->state;
    bool is_big = state->segment[CPU_SS].attributes & SEGMENT_DB;

    return (struct walk){.info = info,
                         .indent = indent,
                         .is_wide = state->segment[CPU_CS].attributes & SEGMENT_DB,
                         .code = state->segment[CPU_CS].base,
                         .stack = state->segment[CPU_SS].base,
                         .sp = state->gpr[CPU_ESP] & (is_big ? UINT32_MAX : 0xffff),
                         .max = max};
}

static uint32_t width(const struct walk *walk)
{
    return walk->is_wide ? 4 : 2;
}

static bool read_bytes(const struct walk *walk, uint32_t linear, void *to, size_t size)
{
    return arch_read_linear(walk->info->state, &walk->info->machine->memory, linear, to, size) ==
           size;
}

/* A word of the stack, in the code's width. */
static bool read_word(const struct walk *walk, uint32_t offset, uint32_t *word)
{
    *word = 0;
    return read_bytes(walk, walk->stack + offset, word, width(walk));
}

/* Whether a CALL ends where this address (of the code segment) begins: near, or through a register
 * or memory. */
static bool follows_call(const struct walk *walk, uint32_t address)
{
    uint32_t at = walk->code + address, near = width(walk) + 1;
    uint8_t bytes[7];

    if (address < 7 || !read_bytes(walk, at - 7, bytes, 7))
        return false;
    if (bytes[7 - near] == 0xe8)
        return true;
    for (unsigned length = 2; length <= 7; length++) {
        if (bytes[7 - length] == 0xff && (bytes[7 - length + 1] & 0x38) == 0x10)
            return true;
    }
    return false;
}

/* Prints a frame, and before the first caller that of EIP, which alone says nothing new. */
static void print_frame(struct walk *walk, unsigned number, uint32_t address, bool is_sure)
{
    if (number > 0 && walk->printed == 0)
        print_frame(walk, 0, walk->info->state->eip, true);

    const struct cpu_segment *cs = &walk->info->state->segment[CPU_CS];
    FILE *to = walk->info->to;

    fprintf(to, is_sure ? "%s#%-2u " : "%s?   ", walk->indent, number);
    if (walk->is_wide)
        fprintf(to, "0x%08x", address);
    else
        fprintf(to, "%04x:%04x", cs->selector, address & 0xffff);
    /* The call is before the address where it returns: its line is meant. */
    info_print_name(walk->info, walk->code + address - (number > 0), " %s");
    fputc('\n', to);
    walk->printed++;
}

/* ---- the caller of a function whose frame is not made yet ---- */

/* Where on the stack the return address is, in words from SP, if EIP is before or behind the frame
 * of its function, or where there is no code; -1: its frame is there. */
static int bare_caller(const struct walk *walk)
{
    uint32_t at = walk->code + walk->info->state->eip;
    uint8_t bytes[4] = {0};

    if (!read_bytes(walk, at, bytes + 1, 3))
        return 0;
    if (bytes[1] == 0x55 || bytes[1] == 0xc3) /* PUSH EBP; RET */
        return 0;
    if (read_bytes(walk, at - 1, bytes, 1) && bytes[0] == 0x55 &&
        ((bytes[1] == 0x89 && bytes[2] == 0xe5) || (bytes[1] == 0x8b && bytes[2] == 0xec)))
        return 1;                                   /* MOV EBP, ESP behind it */
    return bytes[1] == 0 && bytes[2] == 0 ? 0 : -1; /* zeros are no function */
}

/* ---- the chain ---- */

/* Why a frame can't be followed; NULL: it can. */
static const char *broken(const struct walk *walk, uint32_t bp, uint32_t before, unsigned depth)
{
    uint32_t word;

    if (!read_word(walk, bp, &word) || !read_word(walk, bp + width(walk), &word))
        return "is not in RAM";
    if (depth == 0 && bp < walk->sp)
        return "is below the stack pointer";
    if (depth > 0 && bp == before)
        return "is the same again";
    if (depth > 0 && bp < before)
        return "leads back: the chain repeats or was overwritten";
    return NULL;
}

static void print_same(struct walk *walk, unsigned first, unsigned last)
{
    if (last > first)
        fprintf(walk->info->to, "%s    #%u to #%u are the same\n", walk->indent, first + 1, last);
}

/* Prints the frames above frame `number`; whether there was one. */
static bool print_chain(struct walk *walk, unsigned number)
{
    const struct cpu_state *state = walk->info->state;
    uint32_t bp = state->gpr[CPU_EBP] & (walk->is_wide ? UINT32_MAX : 0xffff), before = 0;
    uint32_t address = 0, last_address = 0;
    const char *why = NULL;
    unsigned depth = 0, same_since = number, first = number;

    for (; bp && depth < FOLLOWED_MAX; depth++) {
        why = broken(walk, bp, before, depth);
        if (why || !read_word(walk, bp + width(walk), &address) || address == 0 ||
            boot_is_return(&walk->info->machine->memory, address))
            break;
        number++;
        if (depth == 0 || address != last_address) {
            if (depth > 0)
                print_same(walk, same_since, number - 1);
            if (walk->printed >= walk->max) {
                fprintf(walk->info->to, "%s    and more\n", walk->indent);
                return true;
            }
            print_frame(walk, number, address, true);
            same_since = number;
        }
        last_address = address;
        before = bp;
        read_word(walk, bp, &bp);
    }
    print_same(walk, same_since, number);
    if (depth == FOLLOWED_MAX)
        fprintf(walk->info->to, "%s    and more\n", walk->indent);
    if (why && number > first)
        fprintf(walk->info->to, "%s    %s 0x%x %s\n", walk->indent, walk->is_wide ? "ebp" : "bp",
                bp, why);
    return number > first;
}

/* Return addresses among the first words of the stack. */
static void scan(struct walk *walk)
{
    uint32_t word;
    unsigned found = 0;

    for (uint32_t i = 0; i < SCANNED && found < SCANNED_MAX; i++) {
        if (!read_word(walk, walk->sp + i * width(walk), &word))
            break;
        if (follows_call(walk, word)) {
            print_frame(walk, 1, word, false);
            found++;
        }
    }
}

unsigned backtrace_print(const struct info *info, unsigned max, const char *indent)
{
    struct walk walk = begin(info, max, indent);
    int bare = bare_caller(&walk);
    uint32_t address;
    unsigned number = 0;

    if (bare >= 0 && read_word(&walk, walk.sp + (uint32_t)bare * width(&walk), &address) &&
        follows_call(&walk, address))
        print_frame(&walk, ++number, address, true);
    if (!print_chain(&walk, number) && number == 0)
        scan(&walk);
    return walk.printed;
}
