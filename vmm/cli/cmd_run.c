/*
 * vmm run: options, then the guest.
 */
#include "cmd.h"
#include "front/plain.h"
#include "front/screen/screen.h"
#include "front/solo.h"
#include "host/sandbox.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: vmm run [OPTION...] IMAGE\n"
    "       vmm run [OPTION...] -fda FILE | -hda FILE | -cdrom FILE\n"
    "       vmm run [OPTION...] --restore FILE [IMAGE]\n"
    "       vmm run [OPTION...] IMAGE[,OPTION=VALUE...] IMAGE...\n\n"
    "Runs IMAGE (boot sector, ELF32, Multiboot or flat 16-bit; flat 32-bit with --mode pm32) with\n"
    "its screen or serial line on this terminal. Several images run side by side. Ctrl-A X quits,\n"
    "Ctrl-A H lists the keys. Options apply to all guests; those for one guest follow its image:\n"
    "a.bin,mode=pm32,name=first.\n\n"
    "  -m, --memory SIZE        guest RAM in MiB, or with a suffix K, M, G (default 64M)\n"
    "      --cpu ENGINE         auto (default), kvm or soft; 'vmm probe' says what works\n"
    "      --clock real|virtual with --cpu soft: virtual time does not wait for the host's\n"
    "      --mode auto|real|pm32  how a flat image starts (default auto: 16-bit real mode)\n"
    "      --load ADDRESS       where a flat image is loaded (default 0; pm32: 0x100000)\n"
    "      --start friendly|real  all in order (default), or as hardware leaves it to a kernel:\n"
    "                           RAM and registers of rubbish, A20 closed for 16-bit images\n"
    "      --seed N             of the rubbish of --start real (default 1)\n"
    "      --append TEXT        the kernel's command line (Multiboot)\n"
    "      --module FILE[=TEXT] a Multiboot module and its command line; may be repeated\n"
    "      --disk FILE[,ro][,modern]  a disk (virtio-blk), up to four; ',,' is a comma\n"
    "      --fda, --fdb FILE    a floppy disk\n"
    "      --hda, --hdb, --hdc, --hdd FILE  an ATA hard disk\n"
    "      --cdrom FILE         a CD, in the place of --hdc\n"
    "      --drive file=FILE[,if=ide|virtio|floppy][,index=N][,media=disk|cdrom][,readonly=on]...\n"
    "      --boot [order=]LETTERS  without an image: what to start from first: a floppy, c disk,\n"
    "                           d CD (default acd)\n"
    "      --bios FILE          another BIOS than ours: SeaBIOS's bios.bin, for example\n"
    "      --option-rom FILE    a ROM at 0xc0000: that of a display adapter, which needs --bios\n"
    "      --overlay            what is written to disks stays in memory (QEMU's -snapshot)\n"
    "      --input serial|keyboard  where typing goes: COM1 (default) or the PS/2 keyboard\n"
    "                           (default for boot sectors, and while the screen is shown)\n"
    "      --display WHAT       auto (default), screen, serial, both or none: what is shown\n"
    "      --timeout TIME       end the run after TIME (2, 2s, 500ms) with status 124\n"
    "      --report FILE        write how the run went, as JSON ('-': standard output)\n"
    "      --save FILE          save the machine's state when the run ends by timeout or quit\n"
    "      --restore FILE       resume from a saved state\n"
    "      --record FILE        with --cpu soft: record each input and its time\n"
    "      --replay FILE        repeat a recorded run\n"
    "      --monitor unix:PATH  the monitor (Ctrl-A C) at a socket, for scripts\n"
    "  -s, --gdb [HOST:]PORT|unix:PATH  for gdb: 'target remote :PORT' (-s: 127.0.0.1:1234)\n"
    "      --history SIZE       memory for the guest's past, to go back in time (256M with --gdb)\n"
    "      --snapshot FILE      a file that the monitor's snapshot may write; may be repeated\n"
    "      --screenshot FILE    a file that the monitor's screenshot may write; may be repeated\n"
    "      --no-reboot          a reset by the guest ends the run\n"
    "      --hold               keep a dead guest for the monitor instead of ending\n"
    "  -S, --paused             stop before the first instruction; gdb's or the monitor's "
    "continue\n"
    "                           starts it\n"
    "      --halt-status N      what a halt with interrupts off ends with (default 0)\n"
    "      --no-second-opinion  with kvm: do not run a crashed guest on the software CPU, too\n"
    "      --keep-open          run on when input has ended and the guest waits for more\n"
    "      --strict             warn of what real hardware punishes: lost EOIs, unread keys...\n"
    "      --trace LIST         tell of irq,exc,int,io,mmio,hypercall,disk,halt,input or all\n"
    "      --trace-file FILE    there, not on standard error; FILE.json is for Perfetto\n"
    "      --name TEXT          what the guest is called (its image's name)\n"
    "      --restart TIME       start the guest again so long after each end\n"
    "      --com2 FILE          write there what comes over the second serial line, COM2\n"
    "      --baud SPEED         print no faster than a serial line: 300, 9600\n"
    "      --cpu-limit PERCENT  limit the guest to this share of one host processor\n"
    "      --guests FILE        more guests, one a line: IMAGE OPTION=VALUE...; # comments\n"
    "      --plain              several guests as lines with their names, not side by side\n"
    "      --exit               leave the screen when all guests have ended\n"
    "      --cast FILE          record the screen (asciinema v2); needs no terminal\n"
    "      --no-sandbox         disable the sandbox\n"
    "  -h, --help               this text\n\n"
    "Status: the guest's own (odd: a debug exit), 0 power off or halted, 2 wrong usage or image\n"
    "refused, 4 the engine failed, 6 the guest's mistake (triple fault, unhandled exception, a "
    "halt\n"
    "that waits in vain), 124 timeout, 130 quit.\n";

/* Ends the usage: what the sandbox restricts on this host. */
static void show_sandbox(void)
{
    struct sandbox offered = sandbox_offered();

    printf("The sandbox on this host: %s; %s.\n",
           offered.calls ? "system calls are restricted (seccomp)"
                         : "system calls are not restricted (no seccomp here)",
           offered.files ? "files are restricted (Landlock)"
                         : "files are not restricted (no Landlock here)");
}

/* getopt's values: the index of an option's kind, from here on. */
#define FIRST_KIND 256
#define KINDS_MAX  64

static const struct option_kind *find_kind(const char *name)
{
    const struct option_kind *kind = option_kinds;

    while (kind->name && strcmp(kind->name, name) != 0)
        kind++;
    return kind;
}

/* Options of the whole run, not of a guest. */
enum { OPTION_GUESTS = 1, OPTION_CAST, OPTION_PLAIN, OPTION_EXIT, OPTION_NO_SANDBOX, OPTION_GDB };
static const struct option common_options[] = {
    {"help", no_argument, NULL, 'h'},
    {"guests", required_argument, NULL, OPTION_GUESTS},
    {"cast", required_argument, NULL, OPTION_CAST},
    {"plain", no_argument, NULL, OPTION_PLAIN},
    {"exit", no_argument, NULL, OPTION_EXIT},
    {"no-sandbox", no_argument, NULL, OPTION_NO_SANDBOX},
    {"gdb", required_argument, NULL, OPTION_GDB},
};

/* All options. */
static void list_options(struct option list[KINDS_MAX])
{
    size_t count = 0;

    for (const struct option_kind *kind = option_kinds; kind->name; kind++)
        list[count++] = (struct option){kind->name, kind->has_value, NULL,
                                        FIRST_KIND + (int)(kind - option_kinds)};
    for (size_t i = 0; i < sizeof(common_options) / sizeof(common_options[0]); i++)
        list[count++] = common_options[i];
    list[count] = (struct option){0};
}

static bool take_option(struct options *options, int option)
{
    const struct option_kind *kind = option == 'm'   ? find_kind("memory")
                                     : option == 'S' ? find_kind("paused")
                                                     : &option_kinds[option - FIRST_KIND];
    char shown[320];

    snprintf(shown, sizeof(shown), "%s%s %s", option == 'm' ? "-" : "--",
             option == 'm' ? "m" : kind->name, optarg ? optarg : "");
    return kind->take(options, shown, optarg);
}

/* The options of the whole run. */
struct common {
    const char *guests; /* --guests FILE */
    const char *cast;
    struct gdb_socket *gdb;
    bool plain, exit, no_sandbox;
    bool is_wrong; /* which was said */
};

/* False, with a message: nothing may run. */
static bool enter_sandbox(const struct options *options, size_t guests, const struct common *common)
{
    char error[200];

    if (common->no_sandbox ||
        sandbox_enter(options, guests, common->cast,
                      common->gdb ? gdb_socket_path(common->gdb) : NULL, error, sizeof(error)) == 0)
        return true;
    fprintf(stderr, "vmm: %s\n", error);
    return false;
}

/* ---- the guests ---- */

struct group {
    struct options *options;
    size_t count, size;
    char *text; /* of --guests, which the options point into */
};

/* One more guest, which begins with the options for all guests; NULL: out of memory. */
static struct options *add_guest(struct group *group, const struct options *base)
{
    if (group->count == group->size) {
        size_t size = 2 * group->size + 4;
        struct options *grown = calloc(size, sizeof(*grown));
        if (!grown)
            return NULL;
        for (size_t i = 0; i < group->count; i++)
            options_move(&grown[i], &group->options[i]);
        free(group->options);
        group->options = grown;
        group->size = size;
    }
    options_copy(&group->options[group->count], base);
    return &group->options[group->count++];
}

/* --guests: a guest a line; # begins a comment. */
static bool read_guests(struct group *group, const char *path, const struct options *base)
{
    FILE *file = fopen(path, "re");
    size_t size = 0;
    char *line, *next;

    if (!file || getdelim(&group->text, &size, '\0', file) < 0) {
        fprintf(stderr, "vmm: can't read the guests in %s: %s\n", path,
                file && feof(file) ? "it is empty" : strerror(errno));
        if (file)
            fclose(file);
        return false;
    }
    fclose(file);
    for (line = group->text; line; line = next) {
        struct options *options;
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        line += strspn(line, " \t\r");
        line[strcspn(line, "\r")] = '\0';
        if (!*line || *line == '#')
            continue;
        options = add_guest(group, base);
        if (!options || !options_take_line(options, line)) {
            fprintf(stderr, "vmm: the line is in %s\n", path);
            return false;
        }
    }
    return true;
}

/* Whether an option is given to all guests that only one can have, since they would write to it at
 * the same time. */
static bool is_for_one(const struct options *base)
{
    bool has_disk = base->drives.count > 0;
    const struct {
        const char *name;
        bool is_given;
    } own[] = {{has_disk ? base->drives.drive[0].request.option + 2 : "disk", has_disk},
               {"report", base->report},
               {"save", base->save},
               {"snapshot", base->snapshot_count > 0},
               {"screenshot", base->screenshot_count > 0},
               {"monitor", base->monitor},
               {"record", base->record},
               {"com2", base->com2}};

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (own[i].is_given) {
            fprintf(stderr,
                    "vmm: --%s is for one guest: with several, give it after that guest's image "
                    "(IMAGE,%s=FILE)\n",
                    own[i].name, own[i].name);
            return true;
        }
    }
    return false;
}

/* One guest, whose terminal is the user's. */
static bool is_alone(const struct group *group, const struct common *common)
{
    return group->count == 1 && !group->options[0].restart && !common->guests && !common->cast &&
           !common->plain;
}

static bool has_screen(const struct group *group, const struct common *common)
{
    return common->cast || (!common->plain && !is_alone(group, common) && screen_is_possible());
}

/* Whether a trace would go to the terminal that shows the split screen. */
static bool is_over_screen(const struct group *group, const struct common *common)
{
    if (!has_screen(group, common) || !screen_is_possible() || !isatty(STDERR_FILENO))
        return false;
    for (size_t i = 0; i < group->count; i++) {
        const char *path = trace_file_path(group->options[i].trace_file);
        if ((path || group->options[i].trace) && (!path || strcmp(path, "-") == 0)) {
            fprintf(stderr, "vmm: --trace would write over the guests on this screen: give "
                            "--trace-file FILE, or --plain\n");
            return true;
        }
    }
    return false;
}

/* Whether a guest that is to stand still has a monitor that somebody can come to: Ctrl-A C on a
 * terminal, or a socket. Else it would stand for ever. False, with a message. */
static bool can_be_asked(const struct group *group, const struct common *common)
{
    bool keys = common->gdb || has_screen(group, common) ||
                (is_alone(group, common) && isatty(STDIN_FILENO));

    for (size_t i = 0; i < group->count && !keys; i++) {
        const struct options *options = &group->options[i];
        if ((options->hold || options->paused) && !options->monitor) {
            fprintf(
                stderr,
                "vmm: --%s needs a monitor that somebody can come to: Ctrl-A C where standard "
                "input is a terminal and there is no --plain, or --monitor unix:PATH; or --gdb\n",
                options->hold ? "hold" : "paused");
            return false;
        }
    }
    return true;
}

static int show_group(const struct group *group, struct many *many, const struct common *common)
{
    if (has_screen(group, common))
        return screen_run(many, common->cast, common->exit);
    return is_alone(group, common) ? solo_run(many) : plain_run(many);
}

static int run_group(const struct group *group, struct common *common)
{
    struct many many;
    int status;

    for (size_t i = 0; i < group->count; i++) {
        if (!options_open_disks(&group->options[i]))
            return STATUS_USAGE;
    }
    if (!options_check(group->options, group->count) || is_over_screen(group, common) ||
        !can_be_asked(group, common))
        return STATUS_USAGE;
    status = many_init(&many, group->options, group->count);
    if (status == 0)
        many_set_gdb(&many, common->gdb);
    if (status == 0 && !enter_sandbox(group->options, group->count, common))
        status = STATUS_USAGE;
    if (status == 0)
        status = show_group(group, &many, common);
    many_free(&many);
    gdb_socket_free(common->gdb);
    common->gdb = NULL;
    for (size_t i = 0; i < group->count; i++)
        options_close_monitor(&group->options[i]);
    sandbox_end();
    many_raise(&many);
    return status;
}

static int run_many(const struct options *base, struct common *common, char **images, int count)
{
    struct group group = {0};
    int status = STATUS_USAGE;
    bool ok = !is_for_one(base) && (!common->guests || read_guests(&group, common->guests, base));

    for (int i = 0; ok && i < count; i++) {
        struct options *options = add_guest(&group, base);
        ok = options && options_take_image(options, images[i]);
    }
    if (ok && group.count == 0)
        fprintf(stderr, "vmm: there is no guest in %s\n", common->guests);
    else if (ok)
        status = run_group(&group, common);
    for (size_t i = 0; i < group.count; i++)
        options_free(&group.options[i]);
    free(group.options);
    free(group.text);
    return status;
}

/* ---- the command line ---- */

/* Where QEMU's -s listens. */
#define GDB_DEFAULT "127.0.0.1:1234"

/* --gdb. */
static bool open_gdb(struct common *common, const char *where)
{
    char error[320] = "more than one place for gdb";
    struct gdb_socket *made = common->gdb ? NULL : gdb_socket_open(where, error, sizeof(error));

    if (!made) {
        fprintf(stderr, "vmm: --gdb %s: %s\n", where, error);
        common->is_wrong = true;
    } else {
        common->gdb = made;
    }
    return true;
}

static bool take_common(struct common *common, int option)
{
    switch (option) {
    case OPTION_GUESTS:
        common->guests = optarg;
        return true;
    case OPTION_CAST:
        common->cast = optarg;
        return true;
    case OPTION_PLAIN:
        return common->plain = true;
    case OPTION_EXIT:
        return common->exit = true;
    case OPTION_GDB:
        return open_gdb(common, optarg);
    case 's':
        return open_gdb(common, GDB_DEFAULT);
    case OPTION_NO_SANDBOX:
        return common->no_sandbox = true;
    default:
        return false;
    }
}

/* Writes QEMU's names of options as ours. What follows an option is its value, whatever it looks
 * like. */
static void take_long_names(int argc, char **argv, const struct option *list)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const struct option *option = list;
        const char *name = options_long_name(argv[i]);

        argv[i] = (char *)name;
        while (option->name && (strncmp(name, "--", 2) != 0 || strcmp(name + 2, option->name) != 0))
            option++;
        if ((option->name && option->has_arg) || strcmp(name, "-m") == 0)
            i++;
    }
}

/* Everything behind `vmm run`. */
static int run_arguments(int argc, char **argv, struct options *options, struct common *common)
{
    struct option list[KINDS_MAX];
    int option;

    list_options(list);
    take_long_names(argc, argv, list);
    while ((option = getopt_long(argc, argv, "m:hsS", list, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            show_sandbox();
            return 0;
        }
        if (option == '?') { /* getopt_long has said what is wrong */
            fprintf(stderr, "Try 'vmm run --help'.\n");
            return STATUS_USAGE;
        }
        if (!take_common(common, option) && !take_option(options, option))
            return STATUS_USAGE;
        if (common->is_wrong)
            return STATUS_USAGE;
    }
    if (argc == optind && !options->restore && !common->guests && !options_starts_drives(options)) {
        fprintf(stderr, "vmm: no image given, and no disk to start from (-fda, -hda, -cdrom)\n"
                        "Try 'vmm run --help'.\n");
        return STATUS_USAGE;
    }
    if (argc - optind > 1 || common->guests)
        return run_many(options, common, argv + optind, argc - optind);
    if (optind < argc && !options_take_image(options, argv[optind]))
        return STATUS_USAGE;
    return run_group(&(struct group){.options = options, .count = 1}, common);
}

int cmd_run(int argc, char **argv)
{
    struct common common = {0};
    struct options options;
    int status;

    options_init(&options);
    status = run_arguments(argc, argv, &options, &common);
    gdb_socket_free(common.gdb);
    options_free(&options);
    sandbox_end();
    return status;
}
