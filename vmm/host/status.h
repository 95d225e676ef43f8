/*
 * What every command of vmm has in common with the process it runs in: its version, and the exit
 * status for a command line or an image that is refused.
 */
#ifndef VMM_HOST_STATUS_H
#define VMM_HOST_STATUS_H

#define VMM_VERSION "0.1.0"

#define STATUS_USAGE 2

/* What guests have printed could not be written: as if the user had ended them. */
#define STATUS_LOST 130

#endif
