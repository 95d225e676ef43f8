/*
 * What gdb is told of the machine: its registers (target.xml) and its memory.
 */
#ifndef VMM_GDB_DESCRIPTION_H
#define VMM_GDB_DESCRIPTION_H

#include <stddef.h>

/* The text of an object that gdb reads by its name and annex ("features", "target.xml"), freed by
 * the caller. NULL: there is none, or no memory. */
char *gdb_object(const char *name, const char *annex);

#endif
