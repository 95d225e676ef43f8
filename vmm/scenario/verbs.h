/*
 * What follows each verb on its line.
 */
#ifndef VMM_SCENARIO_VERBS_H
#define VMM_SCENARIO_VERBS_H

#include "inspect/cursor.h"
#include "scenario.h"

struct verb_kind {
    const char *name, *rest; /* for people */
    /* Reads the rest of the line; false, refused. */
    bool (*parse)(struct cursor *cursor, struct step *step);
};

extern const struct verb_kind verb_kinds[VERBS];

#endif
