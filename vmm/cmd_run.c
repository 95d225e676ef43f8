/*
 * vmm run: options, then the guest.
 */
#include "cmd.h"
#include "solo.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: vmm run [OPTION...] IMAGE\n"
    "       vmm run [OPTION...] --restore FILE [IMAGE]\n\n"
    "Runs IMAGE (flat 16-bit, ELF32 or Multiboot; flat 32-bit with --mode pm32) with its serial\n"
    "line on this terminal. Ctrl-A X quits, Ctrl-A H lists the keys.\n\n"
    "  -m, --memory SIZE        guest RAM in MiB, or with a suffix K, M, G (default 64M)\n"
    "      --cpu ENGINE         auto (default), kvm or soft; 'vmm probe' tells what works\n"
    "      --clock real|virtual with --cpu soft: virtual time does not wait for the host's\n"
    "      --mode auto|real|pm32  how a flat image starts (default auto: 16-bit real mode)\n"
    "      --load ADDRESS       where a flat image goes (default 0; pm32: 0x100000)\n"
    "      --append TEXT        the kernel's command line (Multiboot)\n"
    "      --module FILE[=TEXT] a Multiboot module and its command line; may be repeated\n"
    "      --disk FILE[,ro][,modern]  a disk (virtio-blk), up to four; ',,' is a comma\n"
    "      --input serial|keyboard  where typing goes: COM1 (default) or the PS/2 keyboard\n"
    "      --timeout TIME       end the run after TIME (2, 2s, 500ms) with status 124\n"
    "      --report FILE        write how the run went, as JSON ('-': standard output)\n"
    "      --save FILE          keep the machine's state when the run ends by timeout or quit\n"
    "      --restore FILE       go on from such a state\n"
    "      --record FILE        with --cpu soft: write down each input and when it came\n"
    "      --replay FILE        repeat a recorded run\n"
    "      --no-reboot          a reset by the guest ends the run\n"
    "      --strict             warn of each use of an address where nothing is\n"
    "  -h, --help               this text\n\n"
    "Status: the guest's own (odd: a debug exit), 0 power off or halted, 2 usage or image "
    "refused,\n"
    "4 the engine failed, 6 triple fault or unhandled exception, 124 timeout, 130 quit.\n";

/* getopt's values: the index of an option's kind, from here on. */
#define FIRST_KIND 256
#define KINDS_MAX  32

static const struct option_kind *find_kind(const char *name)
{
    const struct option_kind *kind = option_kinds;

    while (kind->name && strcmp(kind->name, name) != 0)
        kind++;
    return kind;
}

/* All options of a guest, and --help. */
static void list_options(struct option list[KINDS_MAX])
{
    size_t count = 0;

    for (const struct option_kind *kind = option_kinds; kind->name; kind++)
        list[count++] = (struct option){kind->name, kind->has_value, NULL,
                                        FIRST_KIND + (int)(kind - option_kinds)};
    list[count++] = (struct option){"help", no_argument, NULL, 'h'};
    list[count] = (struct option){0};
}

static bool take_option(struct options *options, int option)
{
    const struct option_kind *kind =
        option == 'm' ? find_kind("memory") : &option_kinds[option - FIRST_KIND];
    char shown[320];

    snprintf(shown, sizeof(shown), "%s%s %s", option == 'm' ? "-" : "--",
             option == 'm' ? "m" : kind->name, optarg ? optarg : "");
    return kind->take(options, shown, optarg);
}

static int run_guest(struct options *options)
{
    struct guest guest;
    char note[320];
    int status = STATUS_USAGE, ready = guest_init(&guest, options, note, sizeof(note));

    if (note[0])
        fprintf(stderr, "vmm: %s\n", note);
    if (ready < 0)
        fprintf(stderr, "vmm: %s\n", guest.error);
    else
        status = solo_run(&guest);
    if (!guest.is_running) /* else it hangs in something: the process's end ends it */
        guest_free(&guest);
    return status;
}

int cmd_run(int argc, char **argv)
{
    struct option list[KINDS_MAX];
    struct options options;
    int option, status;

    options_init(&options);
    list_options(list);
    while ((option = getopt_long(argc, argv, "m:h", list, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (option == '?') { /* getopt_long has said what is wrong */
            fprintf(stderr, "Try 'vmm run --help'.\n");
            return STATUS_USAGE;
        }
        if (!take_option(&options, option))
            return STATUS_USAGE;
    }
    if (argc - optind != 1 && !(argc == optind && options.restore)) {
        fprintf(stderr, "vmm: %s\nTry 'vmm run --help'.\n",
                argc == optind ? "no image given" : "more than one image given");
        return STATUS_USAGE;
    }
    if (optind < argc && !options_take_image(&options, argv[optind]))
        return STATUS_USAGE;
    status = options_check(&options) ? run_guest(&options) : STATUS_USAGE;
    options_free(&options);
    return status;
}
