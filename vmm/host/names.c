/*
 * A search tree (tsearch(3)); each name knows the last number that was put behind it.
 */
#include "names.h"

#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct name {
    unsigned number;
    char text[256];
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

/* The name in the tree, which it may have been before; NULL: no memory. */
static struct name *add(struct names *names, const char *text, bool *is_new)
{
    struct name *name = malloc(sizeof(*name)), **found;

    if (!name)
        return NULL;
    name->number = 1;
    snprintf(name->text, sizeof(name->text), "%s", text);
    found = tsearch(name, &names->tree, compare);
    *is_new = found && *found == name;
    if (!*is_new)
        free(name);
    return found ? *found : NULL;
}

const char *names_take(struct names *names, const char *wanted)
{
    bool is_new;
    struct name *first = add(names, wanted, &is_new), *name = first;
    char text[256];

    while (name && !is_new) {
        snprintf(text, sizeof(text), "%.200s-%u", wanted, ++first->number);
        name = add(names, text, &is_new);
    }
    return name ? name->text : NULL;
}

void names_free(struct names *names)
{
    tdestroy(names->tree, free);
    names->tree = NULL;
}
