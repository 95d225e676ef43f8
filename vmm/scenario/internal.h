/*
 * What the files of a session share: session.c (the steps, and waiting), boot.c (the machine),
 * begin.c (the verbs), failure.c. Private to this folder.
 */
#ifndef VMM_SCENARIO_INTERNAL_H
#define VMM_SCENARIO_INTERNAL_H

#include "session.h"

/* ---- session.c ---- */

/* Ends the session at its present step, with a message. Returns false, to be passed on. */
__attribute__((format(printf, 3, 4))) bool
session_fail(struct session *session, enum verdict verdict, const char *format, ...);

static inline const struct step *session_step(const struct session *session)
{
    return &session->scenario->steps[session->s.at];
}

/* Whether the guest can be stopped at an exact place. */
static inline bool session_is_exact(const struct session *session)
{
    return session->machine->cpu->ops->instructions != NULL;
}

static inline uint64_t session_now(const struct session *session)
{
    return clock_now(&session->machine->clock);
}

/* Whether the present step expects output that was printed. */
bool session_has_output(const struct session *session);

/* ---- boot.c ---- */

/* Makes the machine of a `boot`. */
bool session_boot(struct session *session, const struct step *step);
void session_forget_machine(struct session *session);

/* ---- begin.c ---- */

/* What each verb does first. False: see message. */
extern bool (*const session_begin[VERBS])(struct session *session, const struct step *step);

#endif
