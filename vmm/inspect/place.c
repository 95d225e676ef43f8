/*
 * Places: from text to names, from names to addresses.
 */
#include "place.h"

#include "cursor.h"
#include "expression.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* FILE:LINE, if that is what the word is. */
static bool is_line(const char *word, size_t length, struct place *place)
{
    const char *colon = memrchr(word, ':', length);
    char *end;

    if (!colon || colon == word || colon[-1] == ':' || !isdigit((unsigned char)colon[1]))
        return false;
    place->number = strtoull(colon + 1, &end, 10);
    if (end != word + length || place->number == 0 || place->number > UINT32_MAX)
        return false;
    place->kind = PLACE_LINE;
    place->name = strndup(word, (size_t)(colon - word));
    return true;
}

/* SYMBOL, SYMBOL+N or SYMBOL-N. */
static bool is_symbol(const char *word, size_t length, struct place *place)
{
    size_t name = 0;
    char *end = (char *)word + length;

    for (; name < length && expression_is_name(word[name], name == 0); name++) {
        if (name > 0 && word[name - 1] == ':' && isdigit((unsigned char)word[name]))
            return false; /* a line that is none */
    }
    if (name == 0)
        return false;
    if (name < length) {
        if ((word[name] != '+' && word[name] != '-') || !isdigit((unsigned char)word[name + 1]))
            return false;
        place->number = strtoull(word + name + 1, &end, 0);
        if (word[name] == '-')
            place->number = -place->number;
    }
    place->kind = PLACE_SYMBOL;
    place->name = strndup(word, name);
    return end == word + length;
}

static const char a_place[] =
    "a place: 1000 insn, 3.5ms, SYMBOL, SYMBOL+0x12, FILE:LINE or 0xADDRESS";

bool place_take(struct cursor *cursor, struct place *place)
{
    const char *word;
    size_t length = cursor_word(cursor, &word);
    char *end = NULL;

    *place = (struct place){0};
    if (length > 0 && cursor_is_time(word, length, &place->number)) {
        place->kind = PLACE_TIME;
        return true;
    }
    if (length > 0 && isdigit((unsigned char)*word)) {
        bool address = length > 2 && word[0] == '0' && word[1] == 'x';
        errno = 0;
        place->number = strtoull(word, &end, address ? 16 : 10);
        place->kind = address ? PLACE_SYMBOL : PLACE_INSTRUCTIONS;
        place->address[0] = (uint32_t)place->number;
        place->address_count = address;
        if (end == word + length && errno == 0 && (!address || place->number <= UINT32_MAX) &&
            (address || cursor_if(cursor, "insn") ||
             (cursor->counts_alone && cursor_at_end(cursor))))
            return true;
    } else if (length > 0 && (is_line(word, length, place) || is_symbol(word, length, place))) {
        return place->name || cursor_out_of_memory(cursor);
    }
    free(place->name);
    *place = (struct place){0};
    cursor->at = word;
    return cursor_expected(cursor, a_place);
}

bool place_parse(const char *text, struct place *place, char *error, size_t error_size)
{
    struct cursor cursor = {
        .begin = text, .at = text, .counts_alone = true, .error = error, .error_size = error_size};

    return place_take(&cursor, place) &&
           (cursor_at_end(&cursor) || cursor_expected(&cursor, "nothing behind the place"));
}

bool place_resolve(struct place *place, struct symbols *const *symbols, unsigned count, char *error,
                   size_t error_size)
{
    bool is_line = place->kind == PLACE_LINE;
    int found = -1;

    if (!place->name)
        return true;
    snprintf(error, error_size, "there are no symbols");
    for (unsigned i = 0; i < count && found < 0; i++) {
        if (is_line)
            found = symbols_find_line(symbols[i], place->name, (unsigned)place->number,
                                      place->address, PLACE_ADDRESSES, error, error_size);
        else if (symbols_find(symbols[i], place->name, &place->address[0], error, error_size) == 0)
            found = 1;
    }
    place->address_count = found > 0 ? (unsigned)found : 0;
    if (found > 0 && !is_line)
        place->address[0] += (uint32_t)place->number;
    return found > 0;
}
