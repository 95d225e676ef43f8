/*
 * A small printer: what a chip says of itself in words, for whoever wants to read it. Where the
 * text goes is its owner's business.
 */
#ifndef VMM_BASE_WORDS_H
#define VMM_BASE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct words {
    void (*put)(void *to, const char *text); /* takes a piece of text */
    void *to;
    unsigned listed; /* words in the list that is being written */
};

/* Room for text with a NUL behind it; what is longer is cut. */
struct words_buffer {
    char *at;
    size_t room;
};

/* A printer into a buffer, which must outlive it. */
struct words words_to_buffer(struct words_buffer *buffer);

/* Up to 500 bytes at once. */
__attribute__((format(printf, 2, 3))) void words_print(struct words *words, const char *format,
                                                       ...);

/* A list: "requested, masked\n", or "none\n" if no word of it holds. */
void words_list(struct words *words, bool holds, const char *word);
/* The words of the bits that are set, from bit 0 up; NULL: a bit without a word. */
void words_list_bits(struct words *words, unsigned value, const char *const names[8]);
void words_end_list(struct words *words, const char *otherwise);

/* "3.2 ms": a time that is not too far away. */
void words_time(struct words *words, uint64_t ns);

#endif
