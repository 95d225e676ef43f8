/*
 * vmm sweep and vmm replay: run a scenario with an interrupt at every place, and at one of them.
 */
#include "cmd.h"
#include "inspect/keys.h"
#include "scenario/sweep.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char sweep_usage[] =
    "usage: vmm sweep [OPTION...] SCENARIO\n\n"
    "Runs SCENARIO once as it is, then once for every boundary between two instructions with an\n"
    "interrupt raised there, and compares output, checks and end.\n\n"
    "      --irq N        which interrupt (default 0, the timer's); 1 comes with a key\n"
    "      --key KEY      press KEY for IRQ 1 (default: F12 released)\n"
    "      --scancode B   put byte B into port 0x60 for IRQ 1\n"
    "      --ignore-output  compare checks and end only\n"
    "      --from PLACE   first boundary (default: the first 'snapshot', else the start)\n"
    "      --to PLACE     last boundary (default: the end of the scenario)\n"
    "  -j, --jobs N       use N processes (default 1)\n"
    "      --bound 2      then raise two interrupts, at every pair of boundaries\n"
    "      --budget N     at most N pairs, chosen at random if there are more (default 100000)\n"
    "      --jitter N     instead: N runs with 1 to 8 interrupts at random boundaries\n"
    "      --seed N       seed of the random choices (default 1)\n"
    "      --host-timeout TIME  end a run that takes more of the host's time (default 60s;\n"
    "                     0: no limit)\n"
    "  -h, --help         this text\n\n"
    "PLACE: the name of a snapshot, or as in a scenario: 1000 insn, 3.5ms, SYMBOL, FILE:LINE.\n"
    "Status: 0 no run failed, 1 a run failed, 2 wrong usage, 124 runs took too long.\n";

static const char replay_usage[] =
    "usage: vmm replay [OPTION...] --at COUNT[,COUNT...] SCENARIO\n\n"
    "Runs SCENARIO with an interrupt raised after COUNT instructions, and explains what "
    "happens.\n\n"
    "      --irq N, --key KEY, --scancode B, --ignore-output   as in 'vmm sweep'\n"
    "      --host-timeout TIME   as in 'vmm sweep'\n"
    "      --at COUNT     instructions since the start, up to eight numbers, ascending\n"
    "  -h, --help         this text\n\n"
    "Status: 0 the run is as without the interrupt, 1 it differs, 2 wrong usage, 124 it took too\n"
    "long.\n";

enum {
    OPTION_IRQ = 256,
    OPTION_KEY,
    OPTION_SCANCODE,
    OPTION_IGNORE,
    OPTION_FROM,
    OPTION_TO,
    OPTION_BOUND,
    OPTION_BUDGET,
    OPTION_JITTER,
    OPTION_SEED,
    OPTION_AT,
    OPTION_HOST_TIMEOUT
};

/* ---- values ---- */

static bool take_number(const char *name, const char *text, uint64_t min, uint64_t max,
                        uint64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 0);
    if (end != text && !*end && *text != '-' && !errno && *number >= min && *number <= max)
        return true;
    fprintf(stderr, "vmm: %s %s: not a number from %llu to %llu\n", name, text,
            (unsigned long long)min, (unsigned long long)max);
    return false;
}

static bool take_irq(struct sweep_request *request, const char *text)
{
    uint64_t number;

    if (!take_number("--irq", text, 0, 15, &number))
        return false;
    request->irq = (unsigned)number;
    if (number == 2)
        fprintf(stderr, "vmm: --irq 2: that input is the second controller's\n");
    return number != 2;
}

static bool take_key(struct sweep_request *request, const char *text)
{
    uint16_t code = keys_find(text, strlen(text));

    if (!code || code > 0xff) {
        fprintf(stderr, "vmm: --key %s: not a key with a scan code of one byte\n", text);
        return false;
    }
    request->scancode = (uint8_t)code;
    return true;
}

static bool take_scancode(struct sweep_request *request, const char *text)
{
    uint64_t number;

    if (!take_number("--scancode", text, 0, 255, &number))
        return false;
    request->scancode = (uint8_t)number;
    return true;
}

/* COUNT,COUNT,...; returns how many, 0 with a message. */
static unsigned take_counts(char *text, uint64_t at[SWEEP_AT_ONCE])
{
    unsigned count = 0;

    for (char *part = strtok(text, ","); part; part = strtok(NULL, ",")) {
        if (count == SWEEP_AT_ONCE) {
            fprintf(stderr, "vmm: --at: more than %d numbers\n", SWEEP_AT_ONCE);
            return 0;
        }
        if (!take_number("--at", part, count ? at[count - 1] : 0, UINT64_MAX - 1, &at[count]))
            return 0;
        count++;
    }
    if (count == 0)
        fprintf(stderr, "vmm: --at: no number\n");
    return count;
}

static bool take_option(struct sweep_request *request, int option)
{
    uint64_t number;

    switch (option) {
    case OPTION_IRQ:
        return take_irq(request, optarg);
    case OPTION_KEY:
        return take_key(request, optarg);
    case OPTION_SCANCODE:
        return take_scancode(request, optarg);
    case OPTION_IGNORE:
        return request->ignores_output = true;
    case OPTION_HOST_TIMEOUT:
        return host_limit_parse(optarg, &request->limit);
    case OPTION_FROM:
        request->from = optarg;
        return true;
    case OPTION_TO:
        request->to = optarg;
        return true;
    case OPTION_BOUND:
        if (!take_number("--bound", optarg, 1, 2, &number))
            return false;
        request->bound = (unsigned)number;
        return true;
    case OPTION_BUDGET:
        return take_number("--budget", optarg, 1, UINT64_C(100000000), &request->budget);
    case OPTION_JITTER:
        return take_number("--jitter", optarg, 1, UINT64_C(100000000), &request->jitter);
    case OPTION_SEED:
        return take_number("--seed", optarg, 0, UINT64_MAX, &request->seed);
    case 'j':
        if (!take_number("--jobs", optarg, 1, 256, &number))
            return false;
        request->jobs = (unsigned)number;
        return true;
    default: /* getopt_long has said what is wrong */
        return false;
    }
}

/* ---- the commands ---- */

#define COMMON_OPTIONS                                                                          \
    {"irq", required_argument, NULL, OPTION_IRQ}, {"key", required_argument, NULL, OPTION_KEY}, \
        {"scancode", required_argument, NULL, OPTION_SCANCODE},                                 \
        {"ignore-output", no_argument, NULL, OPTION_IGNORE},                                    \
        {"host-timeout", required_argument, NULL, OPTION_HOST_TIMEOUT},                         \
    {                                                                                           \
        "help", no_argument, NULL, 'h'                                                          \
    }

static bool take_path(struct sweep_request *request, int argc, char **argv, const char *command)
{
    if (argc - optind == 1) {
        request->path = argv[optind];
        return true;
    }
    fprintf(stderr, "vmm: %s\nTry 'vmm %s --help'.\n",
            argc == optind ? "no scenario given" : "more than one scenario given", command);
    return false;
}

int cmd_sweep(int argc, char **argv)
{
    static const struct option options[] = {
        COMMON_OPTIONS,
        {"from", required_argument, NULL, OPTION_FROM},
        {"to", required_argument, NULL, OPTION_TO},
        {"bound", required_argument, NULL, OPTION_BOUND},
        {"budget", required_argument, NULL, OPTION_BUDGET},
        {"jitter", required_argument, NULL, OPTION_JITTER},
        {"seed", required_argument, NULL, OPTION_SEED},
        {"jobs", required_argument, NULL, 'j'},
        {0},
    };
    struct sweep_request request = {.scancode = MACHINE_SCANCODE,
                                    .bound = 1,
                                    .budget = 100000,
                                    .seed = 1,
                                    .jobs = 1,
                                    .limit = {.allowed = HOST_LIMIT_DEFAULT}};
    int option;

    while ((option = getopt_long(argc, argv, "j:h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(sweep_usage, stdout);
            return 0;
        }
        if (!take_option(&request, option)) {
            fprintf(stderr, "Try 'vmm sweep --help'.\n");
            return STATUS_USAGE;
        }
    }
    if (!take_path(&request, argc, argv, "sweep"))
        return STATUS_USAGE;
    return (int)sweep_run(&request);
}

int cmd_replay(int argc, char **argv)
{
    static const struct option options[] = {
        COMMON_OPTIONS, {"at", required_argument, NULL, OPTION_AT}, {0}};
    struct sweep_request request = {
        .scancode = MACHINE_SCANCODE, .jobs = 1, .limit = {.allowed = HOST_LIMIT_DEFAULT}};
    uint64_t at[SWEEP_AT_ONCE];
    unsigned count = 0;
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(replay_usage, stdout);
            return 0;
        }
        if (option == OPTION_AT ? !(count = take_counts(optarg, at))
                                : !take_option(&request, option)) {
            fprintf(stderr, "Try 'vmm replay --help'.\n");
            return STATUS_USAGE;
        }
    }
    if (!take_path(&request, argc, argv, "replay"))
        return STATUS_USAGE;
    if (count == 0) {
        fprintf(stderr, "vmm: no place given (--at COUNT)\nTry 'vmm replay --help'.\n");
        return STATUS_USAGE;
    }
    return (int)sweep_replay(&request, at, count);
}
