/*
 * What gdb asks of one guest: done on the guest's thread, between two instructions, through its
 * desk. The answer's text is the reply to gdb.
 */
#ifndef VMM_GDB_REQUEST_H
#define VMM_GDB_REQUEST_H

#include "explain/desk.h"

enum gdb_what {
    GDB_ATTACH,  /* the guest stops */
    GDB_DETACH,  /* breakpoints are removed; it goes on, or, if the packet is "before", is as it was
                  */
    GDB_STATUS,  /* why it stands still */
    GDB_ACCESS,  /* registers, memory, breakpoints: the packet says which */
    GDB_MONITOR, /* the packet is a line for its monitor */
    GDB_GO,      /* it runs: the packet is c, s, or rBEGIN,END; the answer is why it has stopped */
    GDB_BACK,    /* back in time: the packet is s or c; the answer is where that ended */
    GDB_KILL,    /* it ends */
};

struct gdb_request {
    struct question question; /* first: the desk frees it where it was withdrawn */
    enum gdb_what what;
    const void *owner;  /* whose breakpoints are meant */
    bool no_interrupts; /* on a step */
    size_t length;
    char packet[]; /* a NUL behind it */
};

/* Makes a request, to be given to desk_ask as its question, and freed, with the question's answer,
 * by who asks. NULL: no memory. */
struct gdb_request *gdb_request_new(enum gdb_what what, const void *owner, const char *packet,
                                    size_t length);

#endif
