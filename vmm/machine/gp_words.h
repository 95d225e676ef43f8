/*
 * Causes of general protection faults whose error code names nothing.
 */
#ifndef VMM_MACHINE_GP_WORDS_H
#define VMM_MACHINE_GP_WORDS_H

#include "fault_words.h"

/* A #GP with error code 0 of the instruction at CS:EIP: what it was not allowed, with "separator"
 * before it. Nothing if that is not known. */
void gp_words_tell(struct words *to, const struct fault_view *view, const char *separator);

/* Of an IRET that finds these words on its stack: says so if the frame is one word higher. */
void gp_words_tell_shifted(struct words *to, const struct fault_view *view,
                           const uint32_t frame[3]);

#endif
