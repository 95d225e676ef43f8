/*
 * Notes on a guest's end. Each is a fact that is seen in its registers and memory, and reads a
 * bounded part of it.
 */
#include "hints.h"

#include "cpu/arch.h"
#include "machine/recent.h"
#include "watch/mistakes.h"
#include "watch/watch.h"

#include <string.h>

#define SCANNED_WORDS 16384 /* of the stack */
#define CALLS_TOLD    64    /* so many of one function to itself are worth a line */

static bool read_linear(const struct info *info, uint32_t address, void *to, size_t size)
{
    return arch_read_linear(info->state, &info->machine->memory, address, to, size) == size;
}

static bool is_32_bit(const struct info *info)
{
    const struct cpu_segment *segment = info->state->segment;

    return (segment[CPU_SS].attributes & SEGMENT_DB) && (segment[CPU_CS].attributes & SEGMENT_DB);
}

/* ---- who calls himself ---- */

#define TRIED_MAX 8 /* calls that are looked at: each costs two symbols */

/* The symbol of an address, without its offset and line; "" if none is known. */
static const char *function_of(const struct info *info, uint32_t address, char *to, size_t size)
{
    if (!info_describe(info, address, to, size))
        to[0] = '\0';
    to[strcspn(to, "+ ")] = '\0';
    return to;
}

/* Whether a near CALL that returns to `address` is a function's to itself, whose name it stores. */
static bool is_own_call(const struct info *info, uint32_t address, char *name, size_t size)
{
    char other[200];
    uint8_t call[5];
    int32_t distance;

    if (!read_linear(info, address - 5, call, 5) || call[0] != 0xe8)
        return false;
    memcpy(&distance, call + 1, 4);
    return distance < 0 && *function_of(info, address - 5, name, size) &&
           strcmp(name, function_of(info, address + (uint32_t)distance, other, sizeof(other))) == 0;
}

/* The function at EIP, if it calls itself: one of the calls around is to its beginning. */
static bool find_own_call(const struct info *info, char *name, size_t size)
{
    uint32_t eip = info->state->segment[CPU_CS].base + info->state->eip;
    unsigned tried = 0;
    char here[200];
    uint8_t byte;

    function_of(info, eip, here, sizeof(here));
    for (uint32_t at = eip - 64; *here && at != eip + 64 && tried < TRIED_MAX; at++) {
        if (!read_linear(info, at - 5, &byte, 1) || byte != 0xe8)
            continue;
        tried++;
        if (is_own_call(info, at, name, size) && strcmp(name, here) == 0)
            return true;
    }
    return false;
}

/* How often the first return address of such a call is among the words above ESP. */
static unsigned count_own_calls(const struct info *info, char *name, size_t size)
{
    uint32_t at = info->state->segment[CPU_SS].base + info->state->gpr[CPU_ESP];
    const struct image *image = &info->machine->image;
    unsigned count = 0, tried = 0;
    uint32_t word, found = 0;

    for (unsigned i = 0; i < SCANNED_WORDS && read_linear(info, at + i * 4, &word, 4); i++) {
        if (count > 0)
            count += word == found;
        else if (word >= image->lowest && word < image->highest && tried++ < TRIED_MAX &&
                 is_own_call(info, word, name, size)) {
            found = word;
            count = 1;
        }
    }
    return count;
}

/* ---- the notes ---- */

/* How often a word is on the stack above ESP. */
static unsigned count_words(const struct info *info, uint32_t wanted)
{
    uint32_t at = info->state->segment[CPU_SS].base + info->state->gpr[CPU_ESP], word;
    unsigned count = 0;

    for (unsigned i = 0; i < SCANNED_WORDS && read_linear(info, at + i * 4, &word, 4); i++)
        count += word == wanted;
    return count;
}

/* An exception comes in its own handler. Each time has left its frame. */
static bool note_nested(const struct info *info)
{
    const struct recent *recent = watch_recent(info->machine);
    const struct cpu_call_count *call = recent ? &recent->call[0] : NULL;
    unsigned count;

    if (!call || call->count < CALLS_TOLD || !is_32_bit(info))
        return false;
    count = count_words(info, call->from - info->state->segment[CPU_CS].base);
    if (count < CALLS_TOLD)
        return false;
    fprintf(info->to, "  note: %s comes again in its own handler, at ",
            arch_exception_name(call->vector));
    info_print_place(info, call->from);
    fprintf(info->to, ": %u frames of it are on the stack\n", count);
    return true;
}

static bool note_recursion(const struct info *info)
{
    const struct cpu_state *state = info->state;
    uint32_t linear = state->segment[CPU_SS].base + state->gpr[CPU_ESP];
    unsigned calls = 0;
    char name[200];
    uint8_t byte;

    if (!is_32_bit(info) || state->gpr[CPU_ESP] == 0)
        return false;
    if (read_linear(info, linear - 1, &byte, 1))
        calls = count_own_calls(info, name, sizeof(name));
    if (calls < CALLS_TOLD)
        return false;
    fprintf(info->to,
            "  note: %s calls itself: %u return addresses of that call are on the stack\n", name,
            calls);
    return true;
}

static void note_stack(const struct info *info)
{
    const struct cpu_state *state = info->state;
    uint32_t esp = state->gpr[CPU_ESP], linear = state->segment[CPU_SS].base + esp;
    char name[200], place[200];
    uint8_t byte;

    if (!is_32_bit(info) || esp == 0) /* no stack was ever set */
        return;
    if (!read_linear(info, linear - 1, &byte, 1)) {
        if (!read_linear(info, state->segment[CPU_CS].base + state->eip, &byte, 1))
            return; /* all of it is gone */
        fprintf(info->to, "  note: the stack %s: esp is 0x%08x",
                state->cr0 & CR0_PG ? "is not mapped" : "has left the guest's memory", esp);
        if (find_own_call(info, name, sizeof(name)))
            fprintf(info->to, "; %s calls itself", name);
        fputc('\n', info->to);
        return;
    }
    /* Only code has lines. */
    if (info_describe(info, linear, place, sizeof(place)) && strrchr(place, '(') &&
        strchr(strrchr(place, '('), ':'))
        fprintf(info->to, "  note: the stack lies in code: esp is 0x%08x, %s\n", esp, place);
}

#define SCREEN_ADDRESSES 4

bool hints_stack_is_on_screen(const struct info *info)
{
    const struct vga_text_size screen = vga_text_size(&info->machine->vga);
    const struct image *image = &info->machine->image;
    unsigned count = 0;
    uint32_t word;

    if (vga_is_graphic(&info->machine->vga))
        return false;
    for (uint32_t at = 0; at < screen.pitch * screen.rows * 2; at += 4) {
        if (memory_read(&info->machine->memory, VGA_TEXT_ADDRESS + at, &word, 4))
            count += word >= image->lowest && word < image->highest;
    }
    return (info->state->cr0 & CR0_PE) && count >= SCREEN_ADDRESSES;
}

static bool is_reserved(uint32_t address)
{
    return address >= IMAGE_RESERVED_BASE && address < IMAGE_RESERVED_END;
}

static void note_gdt(const struct info *info)
{
    const struct cpu_state *state = info->state;
    const struct mistakes *mistakes = watch_mistakes(info->machine);

    if (mistakes && mistakes->seen[LOADERS_GDT])
        return; /* it was told where it was found */
    if (info->machine->image.start == IMAGE_START_MULTIBOOT && (state->cr0 & CR0_PE) &&
        is_reserved(state->gdtr.base) && !is_reserved(state->idtr.base))
        fprintf(
            info->to,
            "  note: the kernel has an IDT of its own and the boot loader's GDT: selectors such "
            "as 0x%02x\n        are not its own, and other boot loaders have others (LGDT is "
            "missing)\n",
            state->segment[CPU_CS].selector);
}

/* Of the image, at a linear address: code, or something else. Where that is not known, neither. */
static bool is_part(const struct info *info, uint32_t linear, bool code)
{
    const struct image *image = &info->machine->image;
    uint64_t at;

    if (!image->code_highest || image->has_more_code ||
        !arch_translate(info->state, &info->machine->memory, linear, &at))
        return false;
    if (code)
        return at >= image->code_lowest && at < image->code_highest;
    return at >= image->lowest && at < image->highest &&
           !(at >= image->code_lowest && at < image->code_highest);
}

/* Data ran as code, and led here: how the CPU came there. */
static void note_data(const struct info *info)
{
    struct cpu_branch all[CPU_BRANCHES];
    const struct cpu_ops *ops = info->machine->cpu->ops;
    unsigned count = ops->branches ? ops->branches(info->machine->cpu, all) : 0;
    uint32_t eip = info->state->segment[CPU_CS].base + info->state->eip;

    while (count-- > 0 && !is_part(info, all[count].to, true)) {
        if (!is_part(info, all[count].from, true) || !is_part(info, all[count].to, false))
            continue;
        if (all[count].to == eip && all[count].kind != CPU_BRANCH_RET)
            return; /* the first line tells it, or the handler's gate */
        fprintf(info->to, "  note: data ran as code: the branch from ");
        info_print_place(info, all[count].from);
        fprintf(info->to, " went to ");
        info_print_place(info, all[count].to);
        fprintf(info->to, ", which is no code of the image\n");
        return;
    }
}

/* The last interrupt or exception that no IRET came after. */
static void note_event(const struct info *info)
{
    const struct mistakes *mistakes = watch_mistakes(info->machine);
    const struct cpu_ops *ops = info->machine->cpu->ops;
    uint32_t eip = info->state->segment[CPU_CS].base + info->state->eip;
    struct cpu_branch all[CPU_BRANCHES];
    unsigned count = ops->branches ? ops->branches(info->machine->cpu, all) : 0;
    enum cpu_branch_kind kind;

    do {
        if (count-- == 0 || all[count].kind == CPU_BRANCH_IRET)
            return;
        kind = (enum cpu_branch_kind)all[count].kind;
    } while (kind != CPU_BRANCH_EXCEPTION && kind != CPU_BRANCH_INTERRUPT);
    if (all[count].to == eip || all[count].from == eip || is_reserved(all[count].to) ||
        (info->state->eflags & EFLAGS_IF) || (mistakes && mistakes->seen[HANDLER_RET]))
        return; /* it is what the first line tells; or it may be over */
    if (kind == CPU_BRANCH_EXCEPTION)
        fprintf(info->to, "  note: %s", arch_exception_name(all[count].vector));
    else
        fprintf(info->to, "  note: the interrupt at vector %#x", all[count].vector);
    fprintf(info->to, " came before, at ");
    info_print_place(info, all[count].from);
    fprintf(info->to, ", and no IRET has come since\n");
}

/* A boot sector whose last two bytes were forgotten is a flat image, at another address. Whole
 * sectors are one; of others it is said if they have crashed. */
static void note_signature(const struct info *info)
{
    const struct image_request *request = &info->machine->config.image;
    const struct image *image = &info->machine->image;
    enum machine_end end = info->machine->outcome.end;
    bool is_crash = end == END_FAULT || end == END_SHUTDOWN;

    if (image->start != IMAGE_START_REAL || request->mode != IMAGE_AUTO ||
        request->has_load_address ||
        (!is_crash && (image->highest - image->lowest) % IMAGE_SECTOR != 0))
        return;
    fprintf(info->to, "  note: it is a flat image, loaded at 0000:0000, with no BIOS; a boot "
                      "sector, which has one\n        and is loaded at 0000:7c00, ends in 55 AA at "
                      "offset 510\n");
}

bool hints_print(const struct info *info)
{
    bool nested = note_nested(info), recursion = note_recursion(info);

    note_signature(info);
    if (!nested)
        note_event(info);
    note_data(info);
    note_stack(info);
    note_gdt(info);
    return nested || recursion;
}
