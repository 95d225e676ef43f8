/*
 * Summing up the lines of trace/text.c. They are untrusted: each is checked, and memory is taken
 * per guest, not per line.
 */
#include "summary.h"

#include "base/clock.h"
#include "base/port_names.h"
#include "cpu/arch.h"
#include "dev/i8259.h"
#include "writer.h"

#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 1024
#define GUESTS_MAX     1024
#define PORTS          65536
#define TOP_PORTS      12
#define LOG2_BUCKETS   64
#define STARS          40

/* So many interrupts of one line within so much time are a storm. */
#define STORM_COUNT 100
#define STORM_NS    UINT64_C(1000000)

/* In service for so long, or a key unread, when the trace ends: its EOI, or the key, was lost. */
#define LONG_NS UINT64_C(100000000)

struct histogram {
    uint64_t count[LOG2_BUCKETS]; /* [i]: 2^(i-1) to 2^i - 1 ns */
    uint64_t total, longest;
};

struct irq_summary {
    char device[24];
    uint64_t raised, lost, taken, spurious, ended, in_vain;
    struct histogram waits, serves;
    bool is_served; /* taken, and no EOI yet */
    uint64_t since;
    uint64_t held;                /* requests that have waited for that EOI */
    uint64_t recent[STORM_COUNT]; /* when it was taken: a ring */
    uint64_t storms, storm_at;
};

struct guest_summary {
    char name[64];        /* the first, so that a guest is compared as its name */
    uint64_t first, last; /* ns */
    uint64_t base;        /* of a boot after --restart, whose times follow those of the last one */
    bool has_ended;
    uint64_t events[TRACE_KINDS];
    struct irq_summary irq[I8259_INPUTS];
    uint64_t vectors[2][256]; /* exceptions, INT instructions */
    uint64_t *ports[2];       /* PORTS each: in, out */
    uint64_t halted_ns;
    uint64_t unread, unread_at; /* IRQ 1 without a read of port 0x60 */
    bool key_is_due;
    uint64_t key_at;
};

struct line {
    const char *guest; /* "" where there is one only */
    uint64_t time;
    enum trace_kind kind;
    const char *details;
};

struct summary {
    struct guest_summary **guests; /* as they came */
    size_t count;
    void *by_name; /* a tree of the same */
};

/* ---- a line ---- */

/* The word at *text, ended with a zero; *text is behind it. NULL: there is none. */
static char *take_word(char **text)
{
    char *word = *text + strspn(*text, " ");
    size_t length = strcspn(word, " ");

    *text = word + length;
    if (**text)
        *(*text)++ = '\0';
    return length > 0 ? word : NULL;
}

/* SECONDS.NNNNNNNNN */
static bool parse_time(const char *word, uint64_t *time)
{
    size_t seconds = strspn(word, "0123456789");

    if (seconds == 0 || seconds > 9 || word[seconds] != '.' ||
        strspn(word + seconds + 1, "0123456789") != 9 || word[seconds + 10])
        return false;
    *time = strtoull(word, NULL, 10) * NS_PER_SECOND + strtoull(word + seconds + 1, NULL, 10);
    return true;
}

static bool parse_kind(const char *category, const char *name, enum trace_kind *kind)
{
    for (*kind = 0; *kind < TRACE_KINDS; ++*kind) {
        const struct trace_kind_info *info = &trace_kinds[*kind];
        if (strcmp(info->name, name) == 0 &&
            strcmp(trace_categories[info->category], category) == 0)
            return true;
    }
    return false;
}

/* Parses a line. Returns what is wrong with it, or NULL. */
static const char *parse_line(char *text, struct line *line)
{
    char *word, *name;
    size_t length;

    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return "it has a control character";
    }
    word = take_word(&text);
    length = word ? strlen(word) : 0;
    line->guest = "";
    if (length > 1 && word[length - 1] == ':') {
        word[length - 1] = '\0';
        line->guest = word;
        word = take_word(&text);
    }
    if (!word || !parse_time(word, &line->time))
        return "it does not begin with a time such as 0.000254812";
    word = take_word(&text);
    name = take_word(&text);
    if (!word || !name || !parse_kind(word, name, &line->kind))
        return "there is no such event";
    line->details = text;
    return NULL;
}

/* The number behind " KEY=". */
static bool find_number(const struct line *line, const char *key, uint64_t *number)
{
    size_t length = strlen(key);

    for (const char *at = line->details; *at; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        if (strncmp(at, key, length) == 0 && at[length] == '=') {
            const char *digits = at + length + 1;
            char *end;
            *number = strtoull(digits, &end, 0);
            return end != digits && *digits != '-';
        }
    }
    return false;
}

static bool has_word(const struct line *line, const char *word)
{
    return strstr(line->details, word) != NULL;
}

/* ---- adding one ---- */

/* Names are told apart by as much of them as is kept. */
static int compare_names(const void *a, const void *b)
{
    return strncmp(a, b, sizeof(((struct guest_summary *)NULL)->name) - 1);
}

static struct guest_summary *add_guest(struct summary *summary, const struct line *line)
{
    struct guest_summary *guest = calloc(1, sizeof(*guest)), **grown;

    grown = realloc(summary->guests, (summary->count + 1) * sizeof(*grown));
    if (grown)
        summary->guests = grown;
    if (guest) {
        snprintf(guest->name, sizeof(guest->name), "%s", line->guest);
        guest->first = line->time;
    }
    if (!guest || !grown || !tsearch(guest, &summary->by_name, compare_names)) {
        free(guest);
        return NULL;
    }
    return summary->guests[summary->count++] = guest;
}

static struct guest_summary *find_guest(struct summary *summary, const struct line *line)
{
    struct guest_summary **found = tfind(line->guest, &summary->by_name, compare_names);

    if (found)
        return *found;
    return summary->count < GUESTS_MAX ? add_guest(summary, line) : NULL;
}

static void add_time(struct histogram *histogram, uint64_t ns)
{
    unsigned bucket = ns == 0 ? 0 : 64 - (unsigned)__builtin_clzll(ns);

    histogram->count[bucket < LOG2_BUCKETS ? bucket : LOG2_BUCKETS - 1]++;
    histogram->total++;
    if (ns > histogram->longest)
        histogram->longest = ns;
}

static void note_unread(struct guest_summary *guest, uint64_t now, uint64_t at_least)
{
    if (guest->key_is_due && now - guest->key_at >= at_least && guest->unread++ == 0)
        guest->unread_at = guest->key_at;
    guest->key_is_due = false;
}

static void add_taken(struct guest_summary *guest, unsigned number, const struct line *line)
{
    struct irq_summary *irq = &guest->irq[number];
    uint64_t *oldest = &irq->recent[irq->taken % STORM_COUNT], after;

    if (irq->taken >= STORM_COUNT && line->time - *oldest < STORM_NS && irq->storms++ == 0)
        irq->storm_at = *oldest;
    *oldest = line->time;
    irq->taken++;
    irq->is_served = !has_word(line, "automatic EOI");
    irq->since = line->time;
    irq->held = 0;
    if (find_number(line, "after", &after))
        add_time(&irq->waits, after);
    if (number == 1) {
        note_unread(guest, line->time, 0);
        guest->key_is_due = true;
        guest->key_at = line->time;
    }
}

static void add_raised(struct guest_summary *guest, struct irq_summary *irq,
                       const struct line *line)
{
    const char *device = strstr(line->details, "from=");

    irq->raised++;
    irq->lost += line->kind == TRACE_LOST;
    if (device)
        snprintf(irq->device, sizeof(irq->device), "%.*s", (int)strcspn(device + 5, " "),
                 device + 5);
    for (unsigned i = 0; has_word(line, "state=held") && i < I8259_INPUTS; i++)
        guest->irq[i].held++;
}

static const char *add_irq(struct guest_summary *guest, const struct line *line)
{
    struct irq_summary *irq;
    uint64_t number, after;

    if (!find_number(line, "irq", &number) || number >= I8259_INPUTS)
        return "it has no irq=0 to irq=15";
    irq = &guest->irq[number];
    switch (line->kind) {
    case TRACE_RAISE:
    case TRACE_LOST:
        add_raised(guest, irq, line);
        break;
    case TRACE_ACK:
    case TRACE_POLL:
        add_taken(guest, (unsigned)number, line);
        break;
    case TRACE_SPURIOUS:
        irq->spurious++;
        break;
    case TRACE_EOI:
        irq->ended++;
        irq->is_served = false;
        if (find_number(line, "after", &after))
            add_time(&irq->serves, after);
        break;
    case TRACE_VAIN_EOI:
        irq->in_vain++;
        break;
    case TRACE_FORGET:
        if (!has_word(line, "the end"))
            irq->is_served = false;
        break;
    default:
        break;
    }
    return NULL;
}

static const char *add_port(struct guest_summary *guest, const struct line *line)
{
    unsigned direction = line->kind == TRACE_OUT;
    uint64_t port;

    if (!find_number(line, "port", &port) || port >= PORTS)
        return "it has no port=0x0 to port=0xffff";
    if (!guest->ports[direction])
        guest->ports[direction] = calloc(PORTS, sizeof(uint64_t));
    if (guest->ports[direction])
        guest->ports[direction][port]++;
    if (line->kind == TRACE_IN && port == 0x60)
        guest->key_is_due = false;
    return NULL;
}

static const char *add(struct summary *summary, struct line *line)
{
    struct guest_summary *guest = find_guest(summary, line);
    uint64_t number;

    if (!guest)
        return "no memory for so many guests";
    if (guest->has_ended && guest->base + line->time < guest->last)
        guest->base = guest->last;
    guest->has_ended = line->kind == TRACE_END;
    line->time += guest->base;
    guest->last = line->time;
    guest->events[line->kind]++;
    switch (line->kind) {
    case TRACE_IN:
    case TRACE_OUT:
        return add_port(guest, line);
    case TRACE_EXCEPTION:
    case TRACE_SOFTWARE:
        if (!find_number(line, "vector", &number) || number > 255)
            return "it has no vector=0 to vector=255";
        guest->vectors[line->kind == TRACE_SOFTWARE][number]++;
        return NULL;
    case TRACE_WAKE:
        if (find_number(line, "after", &number))
            guest->halted_ns += number;
        return NULL;
    default:
        return trace_kinds[line->kind].category == CATEGORY_IRQ ? add_irq(guest, line) : NULL;
    }
}

/* ---- printing: sections with an empty line before each that is there ---- */

static void begin_section(FILE *to, bool *has_begun)
{
    if (!*has_begun)
        fputc('\n', to);
    *has_begun = true;
}

static void print_histogram(FILE *to, const struct histogram *histogram)
{
    unsigned first = 0, last = LOG2_BUCKETS - 1;
    uint64_t most = 1;

    while (first < last && histogram->count[first] == 0)
        first++;
    while (last > first && histogram->count[last] == 0)
        last--;
    for (unsigned i = first; i <= last; i++)
        most = histogram->count[i] > most ? histogram->count[i] : most;
    fprintf(to, "%24s : %-9s distribution\n", "ns", "count");
    for (unsigned i = first; i <= last; i++) {
        uint64_t low = i < 2 ? i : UINT64_C(1) << (i - 1);
        uint64_t high = i < 1 ? 0 : (UINT64_C(1) << i) - 1;
        int stars = (int)(histogram->count[i] * STARS / most);
        fprintf(to, "%10" PRIu64 " -> %-10" PRIu64 " : %-9" PRIu64 "|%-*.*s|\n", low, high,
                histogram->count[i], STARS, stars, "****************************************");
    }
}

static void print_irqs(FILE *to, const struct guest_summary *guest)
{
    bool has_title = false;

    for (unsigned i = 0; i < I8259_INPUTS; i++) {
        const struct irq_summary *irq = &guest->irq[i];
        if (irq->raised + irq->taken + irq->spurious + irq->ended + irq->in_vain == 0)
            continue;
        if (!has_title)
            fprintf(to, "\n%-22s %9s %7s %9s %8s %9s %9s %12s %14s\n", "IRQ", "raised", "lost",
                    "taken", "spurious", "EOI", "vain EOI", "longest wait", "longest served");
        has_title = true;
        fprintf(to,
                "%3u %-18s %9" PRIu64 " %7" PRIu64 " %9" PRIu64 " %8" PRIu64 " %9" PRIu64
                " %9" PRIu64 " %9" PRIu64 " ns %11" PRIu64 " ns\n",
                i, irq->device, irq->raised, irq->lost, irq->taken, irq->spurious, irq->ended,
                irq->in_vain, irq->waits.longest, irq->serves.longest);
    }
    for (unsigned i = 0; i < I8259_INPUTS; i++) {
        const struct irq_summary *irq = &guest->irq[i];
        if (irq->waits.total > 0) {
            fprintf(to, "\nIRQ %u, from its line's edge to INTA\n", i);
            print_histogram(to, &irq->waits);
        }
        if (irq->serves.total > 0) {
            fprintf(to, "\nIRQ %u, from INTA to EOI\n", i);
            print_histogram(to, &irq->serves);
        }
    }
}

static uint64_t port_count(const struct guest_summary *guest, unsigned direction, uint32_t port)
{
    return guest->ports[direction] ? guest->ports[direction][port] : 0;
}

/* The ports with the most accesses, at most TOP_PORTS, in order; of as many, the lower ones. */
static unsigned find_top_ports(const struct guest_summary *guest, uint32_t top[TOP_PORTS])
{
    uint64_t counts[TOP_PORTS];
    unsigned found = 0;

    for (uint32_t port = 0; port < PORTS; port++) {
        uint64_t count = port_count(guest, 0, port) + port_count(guest, 1, port);
        unsigned at = found;
        if (count == 0 || (found == TOP_PORTS && count <= counts[found - 1]))
            continue;
        found += found < TOP_PORTS;
        at = at < TOP_PORTS ? at : TOP_PORTS - 1;
        for (; at > 0 && counts[at - 1] < count; at--) {
            counts[at] = counts[at - 1];
            top[at] = top[at - 1];
        }
        counts[at] = count;
        top[at] = port;
    }
    return found;
}

static void print_ports(FILE *to, const struct guest_summary *guest)
{
    uint32_t top[TOP_PORTS];
    unsigned count;

    if (!guest->ports[0] && !guest->ports[1])
        return;
    fprintf(to, "\n%-6s %-24s %9s %9s\n", "port", "", "in", "out");
    count = find_top_ports(guest, top);
    for (unsigned i = 0; i < count; i++) {
        const char *name = port_name(top[i], port_count(guest, 0, top[i]) == 0);
        fprintf(to, "0x%-4x %-24s %9" PRIu64 " %9" PRIu64 "\n", top[i], name ? name : "",
                port_count(guest, 0, top[i]), port_count(guest, 1, top[i]));
    }
}

static void print_vectors(FILE *to, const struct guest_summary *guest)
{
    bool has_begun = false;

    for (unsigned i = 0; i < 256; i++) {
        if (guest->vectors[0][i] + guest->vectors[1][i] > 0)
            begin_section(to, &has_begun);
        if (guest->vectors[0][i] > 0)
            fprintf(to, "%" PRIu64 " of exception %u, %s\n", guest->vectors[0][i], i,
                    i < 32 ? arch_exception_name(i) : "");
        if (guest->vectors[1][i] > 0)
            fprintf(to, "%" PRIu64 " of INT 0x%02x\n", guest->vectors[1][i], i);
    }
}

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

static void print_irq_wrongs(FILE *to, const struct guest_summary *guest, bool *has_begun)
{
    for (unsigned i = 0; i < I8259_INPUTS; i++) {
        const struct irq_summary *irq = &guest->irq[i];
        bool is_lost = irq->is_served && (irq->held > 0 || guest->last - irq->since >= LONG_NS);
        if (irq->storms > 0 || is_lost || irq->in_vain > 0)
            begin_section(to, has_begun);
        if (irq->storms > 0)
            fprintf(to, "storm: IRQ %u was taken %d times within 1 ms, first at %.9f s\n", i,
                    STORM_COUNT, seconds(irq->storm_at));
        if (is_lost)
            fprintf(to,
                    "lost EOI: IRQ %u was taken at %.9f s and never ended; requests held "
                    "back since: %" PRIu64 "\n",
                    i, seconds(irq->since), irq->held);
        if (irq->in_vain > 0)
            fprintf(to, "EOI in vain: %" PRIu64 ", naming IRQ %u or its controller\n", irq->in_vain,
                    i);
    }
}

static void print_wrongs(FILE *to, const struct guest_summary *guest)
{
    bool has_io = guest->ports[0] || guest->ports[1], has_begun = false;

    print_irq_wrongs(to, guest, &has_begun);
    if (!has_io && guest->irq[1].taken > 0) {
        begin_section(to, &has_begun);
        fprintf(to, "whether port 0x60 was read is not in this trace (--trace irq,io)\n");
    } else if (guest->unread > 0) {
        begin_section(to, &has_begun);
        fprintf(to,
                "unread key: port 0x60 was not read after %" PRIu64 " of IRQ 1, first at %.9f s\n",
                guest->unread, seconds(guest->unread_at));
    }
}

static void print_guest(FILE *to, const char *name, struct guest_summary *guest)
{
    uint64_t events = 0, length = guest->last - guest->first;

    for (unsigned i = 0; i < TRACE_KINDS; i++)
        events += guest->events[i];
    fprintf(to, "%s: %" PRIu64 " events in %.9f s\n", guest->name[0] ? guest->name : name, events,
            seconds(length));
    for (unsigned i = 0; i < TRACE_KINDS; i++) {
        if (guest->events[i] > 0)
            fprintf(to, "  %-9s %-9s %9" PRIu64 "\n", trace_categories[trace_kinds[i].category],
                    trace_kinds[i].name, guest->events[i]);
    }
    if (guest->halted_ns > 0 && length > 0)
        fprintf(to, "  halted for %.1f %% of the time\n",
                100 * (double)guest->halted_ns / (double)length);
    note_unread(guest, guest->last, LONG_NS);
    print_irqs(to, guest);
    print_ports(to, guest);
    print_vectors(to, guest);
    print_wrongs(to, guest);
}

/* ---- the whole ---- */

/* Adds the lines behind the first. Returns as trace_summary. */
static bool read_lines(struct summary *summary, FILE *from, const char *name, char *error,
                       size_t error_size)
{
    char text[LINE_MAX_BYTES];
    unsigned long number = 1;
    struct line line;

    while (fgets(text, sizeof(text), from)) {
        size_t length = strlen(text);
        const char *wrong;
        number++;
        if (length == 0 || text[length - 1] != '\n') {
            bool is_last = length > 0 && length < sizeof(text) - 1 && getc(from) == EOF;
            snprintf(error, error_size, "%s:%lu: %s", name, number,
                     is_last ? "the trace is cut short here; the summary is of what is before"
                             : "this is no line of a trace");
            return is_last;
        }
        text[length - 1] = '\0';
        if (text[0] == '#')
            continue;
        wrong = parse_line(text, &line);
        if (!wrong)
            wrong = add(summary, &line);
        if (wrong) {
            snprintf(error, error_size, "%s:%lu: this is no line of a trace: %s", name, number,
                     wrong);
            return false;
        }
    }
    if (ferror(from))
        snprintf(error, error_size, "%s: it can't be read", name);
    return !ferror(from);
}

static void keep(void *guest)
{
    (void)guest;
}

static void free_summary(struct summary *summary)
{
    tdestroy(summary->by_name, keep);
    for (size_t i = 0; i < summary->count; i++) {
        free(summary->guests[i]->ports[0]);
        free(summary->guests[i]->ports[1]);
        free(summary->guests[i]);
    }
    free(summary->guests);
}

bool trace_summary(FILE *from, const char *name, FILE *to, char *error, size_t error_size)
{
    char first[LINE_MAX_BYTES] = "";
    struct summary summary = {0};
    bool ok;

    error[0] = '\0';
    if (!fgets(first, sizeof(first), from) ||
        strncmp(first, TRACE_TEXT_MAGIC, strlen(TRACE_TEXT_MAGIC)) != 0) {
        snprintf(error, error_size, "%s:1: %s", name,
                 first[0] == '['
                     ? "this is for Perfetto; a summary is made of lines, from a --trace-file that "
                       "is not called .json"
                     : "this is no trace of vmm run --trace");
        return false;
    }
    ok = read_lines(&summary, from, name, error, error_size);
    for (size_t i = 0; ok && i < summary.count; i++) {
        if (i > 0)
            fputc('\n', to);
        print_guest(to, name, summary.guests[i]);
    }
    if (ok && summary.count == 0)
        fprintf(to, "%s: nothing happened\n", name);
    free_summary(&summary);
    return ok;
}
