/*
 * An exception's cause in words: what its error code names and what is wrong with it, from the
 * guest's tables, its instruction and its control registers.
 */
#ifndef VMM_MACHINE_FAULT_WORDS_H
#define VMM_MACHINE_FAULT_WORDS_H

#include "base/words.h"
#include "cpu/cpu.h"

struct memory;

enum {
    VECTOR_UD = 6,
    VECTOR_NM,
    VECTOR_DF,
    VECTOR_TS = 10,
    VECTOR_NP,
    VECTOR_SS,
    VECTOR_GP,
    VECTOR_PF
};

/* What is asked about: the guest's memory, and its processor as it was at the exception. */
struct fault_view {
    const struct memory *memory;
    const struct cpu_state *state;
    bool *has_hinted; /* a guess at the mistake was made: it is made once; NULL: each time */
};

/*
 * The cause of an exception of the instruction at CS:EIP, with "separator" before it: ": selector
 * 0x10 is beyond the GDT's limit 0xf". Nothing if it is not known. Of a page fault, state->cr2 is
 * its address.
 */
void fault_words_tell(struct words *to, const struct fault_view *view, unsigned vector,
                      uint32_t error, const char *separator);

/*
 * Why an event could not be delivered, `vector` being the exception that came of trying, with its
 * error code and CR2: "gate 6 (#UD) is not present". Intel SDM vol. 3, section 6.13.
 */
void fault_words_undelivered(struct words *to, const struct fault_view *view, unsigned vector,
                             uint32_t error, uint32_t cr2);

#endif
