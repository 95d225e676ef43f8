/*
 * Reads a line word by word, with messages for mistakes in it. Words are separated
 * by blanks; a '#' that begins a word begins a comment.
 */
#ifndef VMM_INSPECT_CURSOR_H
#define VMM_INSPECT_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The line that is being read. */
struct cursor {
    const char *path; /* of the file, for messages; NULL: it is no file's */
    const char *begin, *at;
    unsigned line;
    bool counts_alone; /* a number without a unit counts instructions */
    char *error;
    size_t error_size;
};

/* Writes one sentence, with FILE:LINE:COLUMN before it where there is a file. Returns false. */
__attribute__((format(printf, 2, 3))) bool cursor_refuse(struct cursor *cursor, const char *format,
                                                         ...);

/* Refuses the next word: "expected WHAT, not 'word'". Returns false. */
bool cursor_expected(struct cursor *cursor, const char *what);

/* Says that memory is out. Returns false. */
bool cursor_out_of_memory(struct cursor *cursor);

/* Whether `c` separates words. */
bool cursor_is_blank(char c);

void cursor_skip_blanks(struct cursor *cursor);

/* Whether nothing but blanks and a comment is left. */
bool cursor_at_end(struct cursor *cursor);

/* Takes the next word, which stays part of the line. Returns its length in bytes; 0 at the end. */
size_t cursor_word(struct cursor *cursor, const char **word);

/* Takes the next word if it is `text`. */
bool cursor_if(struct cursor *cursor, const char *text);

/* Takes a number from 0 to `max`, in C's notation. False, refused as not being `what`. */
bool cursor_number(struct cursor *cursor, const char *what, uint64_t max, uint64_t *number);

/* Whether a word of `length` bytes is a time ("3.5ms"); stores it, in ns. */
bool cursor_is_time(const char *word, size_t length, uint64_t *ns);

/* Takes a time above 0, in ns. False, refused. */
bool cursor_time(struct cursor *cursor, uint64_t *ns);

#endif
