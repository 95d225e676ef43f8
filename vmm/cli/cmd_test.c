/*
 * vmm test: runs scenarios, each in a process of its own, and prints their results.
 */
#include "cmd.h"
#include "os/host_clock.h"
#include "scenario/results.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 256

static const char usage[] =
    "usage: vmm test [OPTION...] SCENARIO...\n\n"
    "Runs each SCENARIO: it starts a guest, gives it input, and checks what it prints and does.\n"
    "Guests run on the software CPU in virtual time, so every run is the same.\n\n"
    "  -j, --jobs N        run N scenarios at a time (default 1)\n"
    "      --cpu ENGINE    soft (default), kvm or auto, instead of the scenario's own\n"
    "      --tap           write the Test Anything Protocol\n"
    "      --junit FILE    also write the results as JUnit XML\n"
    "      --host-timeout TIME  a scenario that takes more of the host's time has failed (status\n"
    "                      124; default 60s; 0: no limit)\n"
    "  -v, --verbose       show what the guests print\n"
    "  -h, --help          this text\n\n"
    "A scenario has one verb a line; '#' begins a comment:\n\n";

static const char usage_end[] =
    "\nPLACE: 1000 insn (since the start), 3.5ms, SYMBOL, SYMBOL+0x12, FILE:LINE, 0xADDRESS.\n"
    "Files are looked for in the current directory. docs/testing-interrupts.md is an "
    "introduction.\n\n"
    "Status: 0 all passed, 1 one failed, 2 wrong usage or a mistake in a scenario, 124 a "
    "timeout.\n";

struct job {
    pid_t pid; /* 0: not started, or done */
    FILE *output;
    uint64_t start;
};

struct tests {
    char **paths;
    size_t count;
    const char *cpu, *junit;
    bool tap, verbose;
    unsigned jobs;
    struct host_limit limit; /* of a scenario */
    struct job *job;
    struct result *result;
};

/* ---- in the process of a scenario ---- */

static enum verdict run_scenario(struct tests *tests, const char *path, FILE *output)
{
    char error[600];
    struct scenario *scenario;
    struct session session;
    enum verdict verdict;

    host_limit_begin(&tests->limit);
    scenario = scenario_read(path, error, sizeof(error));
    if (!scenario) {
        fprintf(output, "%s\n", error);
        return VERDICT_REFUSED;
    }
    if (session_init(&session, scenario)) {
        session.cpu = tests->cpu;
        session.verbose = tests->verbose;
        session.limit = &tests->limit;
        session_run(&session);
    }
    verdict = session.verdict;
    if (verdict != VERDICT_PASS)
        fprintf(output, "%s\n", session.message);
    if (verdict == VERDICT_FAIL || verdict == VERDICT_TIMEOUT)
        session_explain(&session, output);
    session_free(&session);
    scenario_free(scenario);
    return verdict;
}

/* ---- in the first process ---- */

static bool start(struct tests *tests, size_t which)
{
    struct job *job = &tests->job[which];

    job->start = clock_host_ns();
    job->output = tmpfile();
    fflush(stdout);
    job->pid = job->output ? fork() : -1;
    if (job->pid == 0) {
        enum verdict verdict = run_scenario(tests, tests->paths[which], job->output);
        fflush(stdout);
        _exit(fflush(job->output) == 0 ? (int)verdict : VERDICT_REFUSED);
    }
    if (job->pid < 0)
        fprintf(stderr, "vmm: can't start a process for %s: %s\n", tests->paths[which],
                strerror(errno));
    return job->pid > 0;
}

/* Waits for one to end, and keeps its result. False: there is none. */
static bool collect(struct tests *tests)
{
    struct result *result;
    struct job *job;
    size_t which = 0, size;
    int status;
    pid_t pid;

    do
        pid = waitpid(-1, &status, 0);
    while (pid < 0 && errno == EINTR);
    while (pid > 0 && which < tests->count && tests->job[which].pid != pid)
        which++;
    if (pid < 0 || which == tests->count)
        return false;
    job = &tests->job[which];
    result = &tests->result[which];
    size = (size_t)lseek(fileno(job->output), 0, SEEK_END);
    result->text = calloc(1, size + 200);
    rewind(job->output);
    if (result->text)
        size = fread(result->text, 1, size, job->output);
    result->verdict = WIFEXITED(status) ? (enum verdict)WEXITSTATUS(status) : VERDICT_FAIL;
    if (WIFSIGNALED(status) && result->text)
        snprintf(result->text + size, 200, "%s: vmm itself was ended by signal %d (%s)\n",
                 tests->paths[which], WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (result->verdict == VERDICT_TIMEOUT && size == 0 && result->text)
        snprintf(result->text, 200, "%s: vmm itself took longer than --host-timeout allows\n",
                 tests->paths[which]);
    result->path = tests->paths[which];
    result->seconds = (double)(clock_host_ns() - job->start) / 1e9;
    fclose(job->output);
    job->pid = 0;
    return result->text != NULL;
}

/* Runs them all, and prints each result when it and those before it are there. */
static bool run_all(struct tests *tests)
{
    size_t started = 0, printed = 0, running = 0;

    while (printed < tests->count) {
        while (started < tests->count && running < tests->jobs) {
            if (!start(tests, started++))
                return false;
            running++;
        }
        if (!collect(tests))
            return false;
        running--;
        for (; printed < tests->count && tests->result[printed].path; printed++) {
            results_print(&tests->result[printed], printed + 1, tests->tap);
            fflush(stdout);
        }
    }
    return true;
}

static int conclude(const struct tests *tests)
{
    static const enum verdict order[] = {VERDICT_REFUSED, VERDICT_FAIL, VERDICT_TIMEOUT};
    size_t passed = 0;

    for (size_t i = 0; i < tests->count; i++)
        passed += tests->result[i].verdict == VERDICT_PASS;
    if (!tests->tap)
        printf("%zu passed, %zu failed\n", passed, tests->count - passed);
    if (tests->junit) {
        int failure = results_write_junit(tests->junit, tests->result, tests->count);
        if (failure < 0) {
            fprintf(stderr, "vmm: can't write the results to %s: %s\n", tests->junit,
                    strerror(-failure));
            return STATUS_USAGE;
        }
    }
    for (size_t j = 0; j < sizeof(order) / sizeof(order[0]); j++) {
        for (size_t i = 0; i < tests->count; i++) {
            if (tests->result[i].verdict == order[j])
                return (int)order[j];
        }
    }
    return passed == tests->count ? 0 : VERDICT_FAIL;
}

static int run_tests(struct tests *tests)
{
    int status = STATUS_USAGE;

    tests->job = calloc(tests->count, sizeof(*tests->job));
    tests->result = calloc(tests->count, sizeof(*tests->result));
    if (tests->tap)
        printf("TAP version 13\n1..%zu\n", tests->count);
    if (tests->job && tests->result && run_all(tests))
        status = conclude(tests);
    for (size_t i = 0; tests->result && i < tests->count; i++)
        free(tests->result[i].text);
    free(tests->result);
    free(tests->job);
    return status;
}

int cmd_test(int argc, char **argv)
{
    enum { OPTION_CPU = 256, OPTION_TAP, OPTION_JUNIT, OPTION_HOST_TIMEOUT };
    static const struct option options[] = {
        {"jobs", required_argument, NULL, 'j'},
        {"cpu", required_argument, NULL, OPTION_CPU},
        {"tap", no_argument, NULL, OPTION_TAP},
        {"junit", required_argument, NULL, OPTION_JUNIT},
        {"host-timeout", required_argument, NULL, OPTION_HOST_TIMEOUT},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct tests tests = {.jobs = 1, .limit = {.allowed = HOST_LIMIT_DEFAULT}};
    int option;

    while ((option = getopt_long(argc, argv, "j:vh", options, NULL)) != -1) {
        switch (option) {
        case 'j':
            tests.jobs = (unsigned)strtoul(optarg, NULL, 10);
            if (tests.jobs < 1 || tests.jobs > JOBS_MAX) {
                fprintf(stderr, "vmm: -j %s: not a number from 1 to %d\n", optarg, JOBS_MAX);
                return STATUS_USAGE;
            }
            break;
        case OPTION_CPU:
            tests.cpu = optarg;
            break;
        case OPTION_TAP:
            tests.tap = true;
            break;
        case OPTION_JUNIT:
            tests.junit = optarg;
            break;
        case OPTION_HOST_TIMEOUT:
            if (!host_limit_parse(optarg, &tests.limit))
                return STATUS_USAGE;
            break;
        case 'v':
            tests.verbose = true;
            break;
        case 'h':
            fputs(usage, stdout);
            scenario_list_verbs(stdout);
            fputs(usage_end, stdout);
            return 0;
        default:
            fprintf(stderr, "Try 'vmm test --help'.\n");
            return STATUS_USAGE;
        }
    }
    if (optind == argc) {
        fprintf(stderr, "vmm: no scenario given\nTry 'vmm test --help'.\n");
        return STATUS_USAGE;
    }
    tests.paths = argv + optind;
    tests.count = (size_t)(argc - optind);
    return run_tests(&tests);
}
