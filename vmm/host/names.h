/*
 * Names that are unlike each other, of any number of guests.
 */
#ifndef VMM_HOST_NAMES_H
#define VMM_HOST_NAMES_H

/* To be zeroed before use. */
struct names {
    void *tree;
};

/*
 * The name that is wanted, or, if that is taken, with the next free number behind it: the second
 * hello.bin is hello.bin-2. Names end after 255 bytes. It stays until names_free; NULL: no memory.
 */
const char *names_take(struct names *names, const char *wanted);
void names_free(struct names *names);

#endif
