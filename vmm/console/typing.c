/*
 * Typing ahead: a queue before the inbox.
 */
#include "typing.h"

#include <string.h>

/* What waits is not looked at before it is put there: most of it is never touched. */
void typing_init(struct typing *typing)
{
    typing->keymap = (struct keymap){0};
    typing->count = 0;
    typing->is_closed = false;
}

bool typing_byte(struct typing *typing, enum inbox_ring ring, uint8_t byte)
{
    struct inbox_event *to = typing->waiting + typing->count;

    if (typing->count >= TYPING_MAX)
        return false;
    if (ring == INBOX_SERIAL) {
        *to = (struct inbox_event){.code = byte};
        typing->count++;
    } else {
        typing->count += keymap_type(&typing->keymap, byte, to);
    }
    return true;
}

bool typing_has_room(const struct typing *typing, unsigned bytes)
{
    return typing->count + bytes * KEYMAP_EVENTS_MAX <= TYPING_MAX;
}

void typing_post(struct typing *typing, enum inbox_ring ring, struct inbox *inbox)
{
    unsigned posted = 0;

    while (posted < typing->count && inbox_post(inbox, ring, typing->waiting[posted]))
        posted++;
    typing->count -= posted;
    memmove(typing->waiting, typing->waiting + posted, typing->count * sizeof(typing->waiting[0]));
    if (typing->is_closed && typing->count == 0)
        inbox_close(inbox);
}

void typing_close(struct typing *typing, enum inbox_ring ring, struct inbox *inbox)
{
    typing->is_closed = true;
    typing_flush(typing, ring, inbox);
}

bool typing_holds_escape(const struct typing *typing)
{
    return typing->keymap.length == 1;
}

void typing_flush(struct typing *typing, enum inbox_ring ring, struct inbox *inbox)
{
    if (typing->count < TYPING_MAX)
        typing->count += keymap_flush(&typing->keymap, typing->waiting + typing->count);
    typing_post(typing, ring, inbox);
}
