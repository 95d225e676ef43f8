/*
 * From names to addresses.
 */
#include "place.h"

#include <stdio.h>

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
