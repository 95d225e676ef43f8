/*
 * What the user says about a guest: its image, its machine, the files of its run. The same names
 * are options (--cpu soft), parts of an argument (IMAGE,cpu=soft) and words in a file of guests.
 */
#ifndef VMM_HOST_OPTIONS_H
#define VMM_HOST_OPTIONS_H

#include "drives.h"
#include "machine/machine.h"
#include "monitor_socket.h"
#include "os/file.h"
#include "os/runner.h"
#include "watch/watch.h"

#define OPTIONS_MODULES     16
#define OPTIONS_SNAPSHOTS   16
#define OPTIONS_SCREENSHOTS 16

/* --display: what of a guest is shown while it runs. */
enum display_choice {
    DISPLAY_AUTO,   /* its screen, if it draws and prints nothing; else what it prints */
    DISPLAY_SCREEN, /* its screen; what it prints comes when that is gone */
    DISPLAY_SERIAL, /* what it prints */
    DISPLAY_BOTH,   /* its screen, and below it what it prints */
    DISPLAY_NONE,   /* what it prints; nor is its screen shown at its end */
};

struct options {
    const char *name; /* of the guest; by default its image's or drive's, without directories */
    /* image, memory_size, timeout, halt_status, disks, virtual_time; the rest is whoever runs it's
     */
    struct machine_config config;
    struct runner_config run;  /* cpu_limit */
    struct watch_config watch; /* the trace once options_begin_trace has begun it */
    struct image_module modules[OPTIONS_MODULES];
    struct drives drives;
    bool has_memory; /* the size was given */
    bool has_seed;   /* likewise */
    const char *cpu; /* "auto" or an engine's name */
    enum inbox_ring input;
    bool has_input; /* that was given */
    enum display_choice display;
    bool no_reboot, keep_open;
    bool hold;              /* it stays for the monitor when it is dead */
    bool paused;            /* it stops before its first instruction */
    bool no_second_opinion; /* see second_opinion.h */
    uint64_t history;       /* bytes for the guest's past; 0: as much as a debugger needs */
    uint64_t restart;       /* ns after its end; 0: not at all */
    struct monitor_socket *monitor;
    const char *report, *save, *restore, *record, *replay, *com2; /* files, or NULL */
    const char *snapshots[OPTIONS_SNAPSHOTS];                     /* that its monitor may write */
    unsigned snapshot_count;
    const char *screenshots[OPTIONS_SCREENSHOTS]; /* likewise */
    unsigned screenshot_count;
    unsigned trace;                /* categories, a bit each; 0: none */
    struct trace_file *trace_file; /* shared by copies; NULL: none */
};

/*
 * The name of an option that is written as QEMU writes it, "-hda", as ours is, "--hda"; any other
 * word stays as it is. Its -snapshot, which takes no file, is --overlay.
 */
const char *options_long_name(const char *word);

/* One option by name. */
struct option_kind {
    const char *name;
    bool has_value;
    /* Takes the value; false, with a message, if it is wrong. `shown` is what the user wrote. */
    bool (*take)(struct options *options, const char *shown, char *value);
};

/* All of them; ends with one without a name. */
extern const struct option_kind option_kinds[];

/* A time such as 2, 2s or 500ms, in ns. False, with a message that begins with `shown`. */
bool options_parse_time(const char *shown, const char *value, uint64_t *time);

/* The defaults: 64 MiB, any engine that works, no limit of time. */
void options_init(struct options *options);

/* Copies what was said so far, as the beginning of another guest's. Disks and a monitor's
 * socket belong to one guest, and are not copied. */
void options_copy(struct options *to, const struct options *from);

/* A file that an option names, and what for: see struct named_file. */
struct option_file {
    const char *option, *path;
    enum file_request use;
};

#define OPTIONS_FILES (11 + OPTIONS_MODULES + OPTIONS_SNAPSHOTS + OPTIONS_SCREENSHOTS)

/* What contradicts itself in them, in one sentence; NULL: nothing. */
const char *options_conflict(const struct options *options);

/* Whether there is no image, but a drive that the BIOS can look at. */
bool options_starts_drives(const struct options *options);

/* Opens the disks, once all options are known: also an image that is to be one. False, with a
 * message. */
bool options_open_disks(struct options *options);

/* Lists the files of a guest, but disks, which are open; returns how many they are. */
size_t options_files(const struct options *options, struct option_file files[OPTIONS_FILES]);

/* Whether no file is to be written that is used for something else, too, by one of these guests.
 * False, with a message. */
bool options_check(const struct options *options, size_t guests);

/* Begins the trace that was asked for, if any was, as watch.trace; whoever calls closes it. False
 * with one sentence in `error`. */
bool options_begin_trace(struct options *options, const char *guest, char *error,
                         size_t error_size);

/* Moves all to a place that holds nothing; `from` is to be forgotten. */
void options_move(struct options *to, const struct options *from);

/* Closes the monitor's socket, if there is one, and removes its file. */
void options_close_monitor(struct options *options);

/* Closes that, the disks, and the trace that no other guest has. */
void options_free(struct options *options);

/*
 * The image of a guest with options of its own behind it: IMAGE[,NAME=VALUE]... or IMAGE[,NAME]. A
 * comma in a name or value is written twice. `text` is changed and must stay. False, with a
 * message, if something is wrong.
 */
bool options_take_image(struct options *options, char *text);

/* The same as words with blanks between: IMAGE NAME=VALUE NAME ..., a word with blanks in double
 * quotes. */
bool options_take_line(struct options *options, char *text);

#endif
