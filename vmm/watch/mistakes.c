/*
 * Mistakes that are told or kept.
 */
#include "mistakes.h"

#include "machine/machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Those that are not listed are a matter of style. */
static const enum gravity gravities[MISTAKES] = {
    [EOI_LOST] = GRAVITY_HARM,          [KEY_UNREAD] = GRAVITY_HARM,
    [RTC_UNREAD] = GRAVITY_HARM,        [ICW_BROKEN_OFF] = GRAVITY_HARM,
    [ICW_MISSING] = GRAVITY_HARM,       [ICW3_WIRING] = GRAVITY_HARM,
    [ICW4_IS_MASK] = GRAVITY_HARM,      [PIT_CONTROL] = GRAVITY_HARM,
    [PIT_DIVISOR] = GRAVITY_HARM,       [VGA_BEHIND] = GRAVITY_HARM,
    [STACK_LOST] = GRAVITY_HARM,        [STACK_IN_CODE] = GRAVITY_HARM,
    [ESP0_UNSET] = GRAVITY_HARM,        [IRQ_MASKED] = GRAVITY_HARM,
    [LOADERS_IDT] = GRAVITY_FATAL,      [LOADERS_GDT] = GRAVITY_FATAL,
    [IRQ_AT_EXCEPTION] = GRAVITY_FATAL, [STI_FORGOTTEN] = GRAVITY_FATAL,
    [HANDLER_RET] = GRAVITY_FATAL,      [ICW_UNFINISHED] = GRAVITY_FATAL,
};

bool mistake_is_new(struct mistakes *mistakes, enum mistake mistake, unsigned which)
{
    uint16_t bit = (uint16_t)(1u << which);
    bool new = !(mistakes->seen[mistake] & bit);

    mistakes->seen[mistake] |= bit;
    return new;
}

void mistake_put(struct machine *machine, const struct kept_mistake *kept, char *to, unsigned size)
{
    char place[160];

    if (!kept->has_eip)
        snprintf(to, size, "%s", kept->text);
    else if (machine_describe(machine, kept->eip, place, sizeof(place)))
        snprintf(to, size, "at eip %#x, %s: %s", kept->eip, place, kept->text);
    else
        snprintf(to, size, "at eip %#x: %s", kept->eip, kept->text);
}

void mistake_at(struct mistakes *mistakes, enum mistake mistake, unsigned which, uint32_t eip,
                const char *format, ...)
{
    struct kept_mistake kept = {mistake, which, !mistakes->is_looking_back, eip, ""};
    char text[MISTAKE_TEXT + 200];
    va_list arguments;

    if (memory_kind(&mistakes->machine->memory, eip) == MEMORY_ROM) {
        mistakes->seen[mistake] &= (uint16_t) ~(1u << which);
        return;
    }
    va_start(arguments, format);
    vsnprintf(kept.text, sizeof(kept.text), format, arguments);
    va_end(arguments);
    if (mistakes->is_quiet) {
        if (mistakes->count < MISTAKES_KEPT)
            mistakes->kept[mistakes->count++] = kept;
        return;
    }
    mistake_put(mistakes->machine, &kept, text, sizeof(text));
    machine_warn(mistakes->machine, "%s", text);
}

enum gravity mistake_gravity(enum mistake mistake)
{
    return gravities[mistake];
}

bool mistakes_are_fatal(const struct mistakes *mistakes)
{
    for (unsigned i = 0; i < MISTAKES; i++) {
        if (mistakes->seen[i] && gravities[i] == GRAVITY_FATAL)
            return true;
    }
    return false;
}

void mistakes_forget(struct mistakes *mistakes)
{
    memset(mistakes->seen, 0, sizeof(mistakes->seen));
    mistakes->count = 0;
}
