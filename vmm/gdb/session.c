/*
 * The session: one question at a time to a guest that stands still, and one to each that runs,
 * whose answer is that it has stopped. GDB manual, appendix E.
 */
#include "session.h"

#include "description.h"
#include "packet.h"
#include "request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLY_MAX (GDB_PACKET_MAX - 4)

/* What is known of a guest here, on this side of its desk. */
struct inferior {
    struct gdb_guest guest;
    bool is_attached;            /* not detached, killed or ended */
    bool has_run;                /* gdb has let it run */
    struct gdb_request *running; /* it runs; NULL: it stands still */
    char *stop; /* why it has stopped, at the same time as another that was told first; or NULL */
};

struct gdb_session {
    struct gdb_packets in;
    void (*send)(void *owner, const char *bytes, size_t count);
    void *owner;
    struct inferior *inferiors;
    size_t count, current;      /* current: that registers and memory are meant of */
    struct gdb_request *asked;  /* of one that stands still; its answer is the reply */
    size_t asked_of, attaching; /* attaching: the next that is to be stopped; `count`: all were */
    bool no_acks, has_processes, no_interrupts, goes; /* goes: the stop reply is due */
    char *object;                                     /* that is being read, and its name */
    char object_name[64];
    char last[2 * GDB_PACKET_MAX + 16]; /* what was sent, should the client want it again */
    size_t last_length;
};

/* ---- replies ---- */

static void send_packet(struct gdb_session *s, const char *data, size_t length)
{
    s->last_length = gdb_wrap(data, length < REPLY_MAX ? length : REPLY_MAX, s->last);
    s->send(s->owner, s->last, s->last_length);
}

static void reply(struct gdb_session *s, const char *text)
{
    send_packet(s, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static void replyf(struct gdb_session *s, const char *format,
                                                         ...)
{
    char text[600];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    reply(s, text);
}

/* "p2.1": the only thread of the second process; a client without processes has threads. */
static void print_thread(const struct gdb_session *s, size_t number, char *to, size_t size)
{
    if (s->has_processes)
        snprintf(to, size, "p%zx.1", number + 1);
    else
        snprintf(to, size, "%zx", number + 1);
}

/* The reply to a stop of the n-th guest: lines of what it has said come before. */
static void send_stop(struct gdb_session *s, size_t number, const char *text)
{
    const char *end;
    char thread[24];

    for (; (end = strchr(text, '\n')); text = end + 1)
        send_packet(s, text, (size_t)(end - text));
    print_thread(s, number, thread, sizeof(thread));
    if (*text == 'T')
        replyf(s, "%sthread:%s;", text, thread);
    else if ((*text == 'W' || *text == 'X') && s->has_processes)
        replyf(s, "%s;process:%zx", text, number + 1);
    else
        reply(s, text);
    if (*text == 'W' || *text == 'X')
        s->inferiors[number].is_attached = false;
    else
        s->current = number;
}

/* ---- asking ---- */

static void ask_as_is(struct gdb_session *s, size_t of, enum gdb_what what, const char *packet,
                      size_t length)
{
    s->asked = gdb_request_new(what, s, packet, length);
    s->asked_of = of;
    if (s->asked)
        desk_ask(s->inferiors[of].guest.desk, &s->asked->question);
    else
        reply(s, "E0c"); /* ENOMEM */
}

/* Of a guest that stands still. */
static void ask(struct gdb_session *s, size_t of, enum gdb_what what, const char *packet,
                size_t length)
{
    if (of >= s->count || !s->inferiors[of].is_attached || s->inferiors[of].running)
        reply(s, "E03"); /* ESRCH */
    else
        ask_as_is(s, of, what, packet, length);
}

static void free_request(struct gdb_request *request)
{
    free(request->question.answer);
    free(request);
}

/* The answer, NULL if there is none yet; the request is freed with it. */
static const char *answer_of(struct gdb_session *s, const struct gdb_request *request, size_t of)
{
    if (!request || !desk_has_answered(s->inferiors[of].guest.desk, &request->question))
        return NULL;
    return request->question.answer && *request->question.answer ? request->question.answer : "E0c";
}

/* ---- which guest ---- */

static size_t first_attached(const struct gdb_session *s)
{
    size_t i = 0;

    while (i < s->count && !s->inferiors[i].is_attached)
        i++;
    return i;
}

/* pPID.TID, or TID: the guest's number; *all: -1 was said, or 0, any. False: it is none. */
static bool take_thread(const struct gdb_session *s, const char **text, size_t *number, bool *all)
{
    bool is_process = **text == 'p';
    uint64_t id = 0;

    *text += is_process;
    *all = strncmp(*text, "-1", 2) == 0;
    if (*all)
        *text += 2;
    else if (!gdb_number(text, &id))
        return false;
    if (id == 0)
        *all = true;
    if (is_process && **text == '.') {
        uint64_t thread;
        (*text)++;
        if (strncmp(*text, "-1", 2) == 0)
            *text += 2;
        else if (!gdb_number(text, &thread))
            return false;
    }
    *number = *all ? first_attached(s) : (size_t)id - 1;
    return *all || *number < s->count;
}

static void do_thread(struct gdb_session *s, const char *at)
{
    size_t number;
    bool all, is_general = *at == 'g';

    at++;
    if (!take_thread(s, &at, &number, &all)) {
        reply(s, "E22");
        return;
    }
    if (is_general && number < s->count && (!all || !s->inferiors[s->current].is_attached))
        s->current = number;
    reply(s, "OK");
}

static void do_is_alive(struct gdb_session *s, const char *at)
{
    size_t number;
    bool all;

    reply(s, take_thread(s, &at, &number, &all) && number < s->count &&
                     s->inferiors[number].is_attached
                 ? "OK"
                 : "E03");
}

static void list_threads(struct gdb_session *s)
{
    char text[REPLY_MAX] = "m", thread[24];
    size_t length = 1;

    for (size_t i = 0; i < s->count && length + sizeof(thread) < sizeof(text); i++) {
        if (!s->inferiors[i].is_attached)
            continue;
        print_thread(s, i, thread, sizeof(thread));
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
                                   length > 1 ? "," : "", thread);
    }
    reply(s, length > 1 ? text : "l");
}

static void describe_thread(struct gdb_session *s, const char *at)
{
    char text[100], hex[2 * sizeof(text)];
    size_t number;
    bool all;

    if (!take_thread(s, &at, &number, &all) || number >= s->count) {
        reply(s, "E22");
        return;
    }
    snprintf(text, sizeof(text), "%s", s->inferiors[number].guest.name);
    gdb_to_hex((const uint8_t *)text, strlen(text), hex);
    reply(s, hex);
}

/* ---- running ---- */

/* An action of vCont: c, s, r; C and S with a signal, which no guest takes. */
struct action {
    char kind; /* 0: it stays */
    char text[40];
};

/* The action for one guest: the first that names it, or all. */
static bool find_action(const struct gdb_session *s, const char *at, size_t number,
                        struct action *action)
{
    *action = (struct action){0};
    while (*at == ';') {
        const char *begin = ++at;
        size_t length = strcspn(at, ":;"), which = number;
        bool all = true;

        at += length;
        if (*at == ':') {
            at++;
            if (!take_thread(s, &at, &which, &all))
                return false;
        }
        if (!strchr("cCsSr", *begin) || length == 0 || length >= sizeof(action->text))
            return false;
        if (action->kind || (!all && which != number))
            continue;
        action->kind = *begin == 'C' ? 'c' : *begin == 'S' ? 's' : *begin;
        snprintf(action->text, sizeof(action->text), "%c%.*s", action->kind,
                 action->kind == 'r' ? (int)length - 1 : 0, begin + 1);
    }
    return *at == '\0';
}

static void let_run(struct gdb_session *s, struct inferior *inferior, const struct action *action)
{
    inferior->running = gdb_request_new(GDB_GO, s, action->text, strlen(action->text));
    if (!inferior->running)
        return;
    inferior->running->no_interrupts = s->no_interrupts && action->kind != 'c';
    inferior->has_run = true;
    desk_ask(inferior->guest.desk, &inferior->running->question);
}

/* A stop that came together with another one is told before anything runs. */
static bool tell_pending(struct gdb_session *s)
{
    for (size_t i = 0; i < s->count; i++) {
        char *stop = s->inferiors[i].stop;
        if (!stop)
            continue;
        s->inferiors[i].stop = NULL;
        send_stop(s, i, stop);
        free(stop);
        return true;
    }
    return false;
}

static void go(struct gdb_session *s, const char *actions)
{
    struct action action;
    bool any = false;

    for (size_t i = 0; i < s->count; i++) {
        if (!find_action(s, actions, i, &action)) {
            reply(s, "E22");
            return;
        }
    }
    if (tell_pending(s))
        return;
    for (size_t i = 0; i < s->count; i++) {
        find_action(s, actions, i, &action);
        if (s->inferiors[i].is_attached && action.kind) {
            let_run(s, &s->inferiors[i], &action);
            any = any || s->inferiors[i].running;
        }
    }
    s->goes = any;
    if (!any)
        reply(s, "E03");
}

/* c, s, C, S: of the present guest. An address to go on at is not taken. */
static void go_alone(struct gdb_session *s, const char *packet)
{
    char actions[64], thread[24];
    bool steps = packet[0] == 's' || packet[0] == 'S';

    if ((packet[0] == 'c' || packet[0] == 's') && packet[1]) {
        reply(s, "E22");
        return;
    }
    print_thread(s, s->current, thread, sizeof(thread));
    snprintf(actions, sizeof(actions), ";%c:%s", steps ? 's' : 'c', thread);
    go(s, actions);
}

static void stop_all(struct gdb_session *s)
{
    for (size_t i = 0; i < s->count; i++) {
        struct inferior *inferior = &s->inferiors[i];
        if (inferior->running)
            desk_interrupt(inferior->guest.desk, &inferior->running->question);
    }
}

/* Whether a guest's answer is that it has come to something by itself. */
static bool is_own_stop(const struct gdb_request *request, const char *answer)
{
    return !request->question.is_interrupted || strncmp(answer, "T02", 3) != 0;
}

/* Takes the answers of guests that have run. When one has stopped the others are stopped, and when
 * all have, the first is told; those that have come to something by themselves meanwhile, next. */
static void take_stops(struct gdb_session *s)
{
    bool runs = false, any = false;
    size_t which = s->count; /* of those that were stopped: gdb's present one, or the first */

    for (size_t i = 0; s->goes && i < s->count; i++) {
        struct inferior *inferior = &s->inferiors[i];
        const char *answer = answer_of(s, inferior->running, i);
        runs = runs || (inferior->running && !answer);
        any = any || answer || inferior->stop;
    }
    if (!any)
        return;
    if (runs) {
        stop_all(s);
        return; /* their answers come soon, and bring us here again */
    }
    for (size_t i = 0; i < s->count; i++) {
        struct inferior *inferior = &s->inferiors[i];
        const char *answer = answer_of(s, inferior->running, i);
        if (!answer)
            continue;
        if (is_own_stop(inferior->running, answer))
            inferior->stop = strdup(answer);
        else if (i == s->current || which == s->count)
            which = i;
        free_request(inferior->running);
        inferior->running = NULL;
    }
    s->goes = false;
    if (!tell_pending(s))
        send_stop(s, which < s->count ? which : s->current, "T02");
}

/* ---- beginning and end ---- */

static void detach_one(struct gdb_session *s, struct inferior *inferior, bool runs)
{
    const char *how = runs ? "" : "before";
    struct gdb_request *request = gdb_request_new(GDB_DETACH, s, how, strlen(how));

    if (inferior->running)
        desk_withdraw(inferior->guest.desk, &inferior->running->question);
    inferior->running = NULL;
    if (request) {
        desk_ask(inferior->guest.desk, &request->question);
        desk_withdraw(inferior->guest.desk, &request->question);
    }
    inferior->is_attached = false;
    free(inferior->stop);
    inferior->stop = NULL;
}

/* D, D;PID. */
static void do_detach(struct gdb_session *s, const char *at)
{
    uint64_t id = 0;

    if (*at == ';') {
        at++;
        if (!gdb_number(&at, &id) || id == 0 || id > s->count) {
            reply(s, "E22");
            return;
        }
    }
    for (size_t i = 0; i < s->count; i++) {
        if (s->inferiors[i].is_attached && (id == 0 || id == i + 1))
            detach_one(s, &s->inferiors[i], true);
    }
    reply(s, "OK");
}

/* vKill;PID: that one ends; k: all do, and nobody waits for a reply. */
static void do_kill(struct gdb_session *s, const char *at)
{
    uint64_t id;

    if (*at != ';' || (at++, !gdb_number(&at, &id)) || id == 0 || id > s->count ||
        !s->inferiors[id - 1].is_attached) {
        reply(s, "E03");
        return;
    }
    ask(s, (size_t)id - 1, GDB_KILL, "", 0);
    s->inferiors[id - 1].is_attached = false;
}

static void kill_all(struct gdb_session *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->inferiors[i].is_attached)
            inbox_quit(s->inferiors[i].guest.desk->monitor.run->inbox);
    }
}

/* Stops the next guest, as the session begins. */
static void attach_next(struct gdb_session *s)
{
    while (s->attaching < s->count && s->inferiors[s->attaching].guest.desk->fd < 0)
        s->attaching++;
    if (s->attaching < s->count)
        ask_as_is(s, s->attaching, GDB_ATTACH, "", 0);
    else
        s->current = first_attached(s);
}

static void take_attached(struct gdb_session *s, const char *answer)
{
    struct inferior *inferior = &s->inferiors[s->asked_of];

    inferior->is_attached = strcmp(answer, "OK") == 0;
    s->attaching++;
    attach_next(s);
}

/* ---- queries ---- */

static void do_supported(struct gdb_session *s, const char *packet)
{
    s->has_processes = strstr(packet, "multiprocess+") != NULL;
    replyf(s,
           "PacketSize=%x;qXfer:features:read+;qXfer:memory-map:read+;QStartNoAckMode+;"
           "vContSupported+;swbreak+;hwbreak+;ReverseStep+;ReverseContinue+%s",
           GDB_PACKET_MAX, s->has_processes ? ";multiprocess+" : "");
}

/* qXfer:OBJECT:read:ANNEX:OFFSET,LENGTH */
static void do_transfer(struct gdb_session *s, const char *packet)
{
    char object[24] = "", annex[32] = "", name[64], part[REPLY_MAX];
    const char *at = packet + strlen("qXfer:");
    size_t first = strcspn(at, ":"), second, size;
    uint64_t offset, length;

    if (first >= sizeof(object) || strncmp(at + first, ":read:", 6) != 0) {
        reply(s, "");
        return;
    }
    memcpy(object, at, first);
    at += first + 6;
    second = strcspn(at, ":");
    if (second >= sizeof(annex) || at[second] != ':') {
        reply(s, "E00");
        return;
    }
    memcpy(annex, at, second);
    at += second + 1;
    snprintf(name, sizeof(name), "%s:%s", object, annex);
    if (strcmp(name, s->object_name) != 0 || !s->object) {
        free(s->object);
        s->object = gdb_object(object, annex);
        snprintf(s->object_name, sizeof(s->object_name), "%s", name);
    }
    if (!s->object || !gdb_number(&at, &offset) || *at++ != ',' || !gdb_number(&at, &length)) {
        reply(s, "E00");
        return;
    }
    size = strlen(s->object);
    offset = offset < size ? offset : size;
    length = length < sizeof(part) / 2 - 1 ? length : sizeof(part) / 2 - 1; /* some are escaped */
    length = length < size - offset ? length : size - offset;
    part[0] = offset + length < size ? 'm' : 'l';
    memcpy(part + 1, s->object + offset, length);
    send_packet(s, part, (size_t)length + 1);
}

/* `monitor step-interrupts on|off` is about this session, anything else the guest's monitor. */
static void do_monitor(struct gdb_session *s, const char *hex)
{
    static const char name[] = "step-interrupts";
    char line[MONITOR_LINE] = "";
    size_t length = strlen(hex) / 2;
    const char *argument = line + sizeof(name) - 1;

    if (length >= sizeof(line) || !gdb_from_hex(hex, length, (uint8_t *)line)) {
        reply(s, "E22");
        return;
    }
    line[length] = '\0';
    if (strncmp(line, name, sizeof(name) - 1) != 0) {
        ask(s, s->current, GDB_MONITOR, line, strlen(line));
        return;
    }
    argument += strspn(argument, " ");
    if (strcmp(argument, "on") == 0 || strcmp(argument, "off") == 0)
        s->no_interrupts = argument[1] == 'f';
    snprintf(line, sizeof(line), "steps %s\n",
             s->no_interrupts ? "take no interrupts" : "take interrupts as they come");
    {
        char answer[2 * sizeof(line)];
        gdb_to_hex((const uint8_t *)line, strlen(line), answer);
        reply(s, answer);
    }
}

static bool begins(const char *packet, const char *name)
{
    return strncmp(packet, name, strlen(name)) == 0;
}

static void do_query(struct gdb_session *s, const char *packet)
{
    char thread[24];

    if (begins(packet, "qSupported")) {
        do_supported(s, packet);
    } else if (begins(packet, "qXfer:")) {
        do_transfer(s, packet);
    } else if (strcmp(packet, "qC") == 0) {
        print_thread(s, s->current, thread, sizeof(thread));
        replyf(s, "QC%s", thread);
    } else if (strcmp(packet, "qfThreadInfo") == 0) {
        list_threads(s);
    } else if (strcmp(packet, "qsThreadInfo") == 0) {
        reply(s, "l");
    } else if (begins(packet, "qThreadExtraInfo,")) {
        describe_thread(s, packet + strlen("qThreadExtraInfo,"));
    } else if (begins(packet, "qAttached")) {
        reply(s, "1"); /* so that gdb detaches as it ends, and kills nothing */
    } else if (begins(packet, "qRcmd,")) {
        do_monitor(s, packet + strlen("qRcmd,"));
    } else if (begins(packet, "qSymbol:")) {
        reply(s, "OK");
    } else {
        reply(s, "");
    }
}

/* ---- packets ---- */

static void do_packet(struct gdb_session *s, const char *packet, size_t length)
{
    switch (*packet) {
    case 'q':
        do_query(s, packet);
        break;
    case 'Q':
        reply(s, strcmp(packet, "QStartNoAckMode") == 0 ? "OK" : "");
        s->no_acks = s->no_acks || strcmp(packet, "QStartNoAckMode") == 0;
        break;
    case 'g':
    case 'G':
    case 'p':
    case 'P':
    case 'm':
    case 'M':
    case 'X':
    case 'Z':
    case 'z':
        ask(s, s->current, GDB_ACCESS, packet, length);
        break;
    case '?':
        if (s->current < s->count && s->inferiors[s->current].is_attached)
            ask(s, s->current, GDB_STATUS, "", 0);
        else
            reply(s, "W00");
        break;
    case 'c':
    case 'C':
    case 's':
    case 'S':
        go_alone(s, packet);
        break;
    case 'b':
        if (strcmp(packet, "bs") == 0 || strcmp(packet, "bc") == 0)
            ask(s, s->current, GDB_BACK, packet + 1, 1);
        else
            reply(s, "");
        break;
    case 'H':
        do_thread(s, packet + 1);
        break;
    case 'T':
        do_is_alive(s, packet + 1);
        break;
    case 'D':
        do_detach(s, packet + 1);
        break;
    case 'k':
        kill_all(s);
        break;
    case '!':
        reply(s, "OK");
        break;
    case 'v':
        if (strcmp(packet, "vCont?") == 0)
            reply(s, "vCont;c;C;s;S;r");
        else if (begins(packet, "vCont;"))
            go(s, packet + strlen("vCont"));
        else if (begins(packet, "vKill"))
            do_kill(s, packet + strlen("vKill"));
        else
            reply(s, "");
        break;
    default:
        reply(s, "");
    }
}

/* Text of the monitor, in hexadecimal: more than a packet holds goes in pieces, which gdb prints as
 * they come. GDB manual, appendix E.4 (qRcmd). */
static void reply_text(struct gdb_session *s, const char *hex)
{
    char part[REPLY_MAX];
    size_t count;

    if (strlen(hex) <= REPLY_MAX) {
        reply(s, hex);
        return;
    }
    for (part[0] = 'O'; *hex; hex += count) {
        count = strnlen(hex, (REPLY_MAX - 1) / 2 * 2);
        memcpy(part + 1, hex, count);
        send_packet(s, part, count + 1);
    }
    reply(s, "OK");
}

/* The answer of the guest that was asked is the reply. */
static void take_answer(struct gdb_session *s)
{
    const char *answer = answer_of(s, s->asked, s->asked_of);
    struct gdb_request *request = s->asked;

    if (!answer)
        return;
    s->asked = NULL;
    if (request->what == GDB_ATTACH)
        take_attached(s, answer);
    else if (request->what == GDB_STATUS || request->what == GDB_BACK)
        send_stop(s, s->asked_of, answer);
    else if (request->what == GDB_MONITOR)
        reply_text(s, answer);
    else
        reply(s, answer);
    free_request(request);
}

void gdb_session_update(struct gdb_session *session)
{
    while (session->asked && answer_of(session, session->asked, session->asked_of))
        take_answer(session);
    take_stops(session);
}

static void take_event(struct gdb_session *s, enum gdb_event event)
{
    switch (event) {
    case GDB_PACKET:
        if (!s->no_acks)
            s->send(s->owner, "+", 1);
        if (!s->goes) /* while guests run there is nothing to ask but to stop them */
            do_packet(s, s->in.data, s->in.length);
        break;
    case GDB_DAMAGED:
        if (!s->no_acks)
            s->send(s->owner, "-", 1);
        break;
    case GDB_RESEND:
        if (!s->no_acks)
            s->send(s->owner, s->last, s->last_length);
        break;
    case GDB_INTERRUPT:
        if (s->goes)
            stop_all(s);
        break;
    case GDB_NOTHING:
        break;
    }
}

size_t gdb_session_take(struct gdb_session *session, const uint8_t *bytes, size_t count)
{
    size_t taken = 0;

    gdb_session_update(session);
    while (taken < count && !session->asked) {
        take_event(session, gdb_take(&session->in, bytes[taken++]));
        gdb_session_update(session);
    }
    return taken;
}

struct gdb_session *gdb_session_new(const struct gdb_guest *guests, size_t count,
                                    void (*send)(void *owner, const char *bytes, size_t count),
                                    void *owner)
{
    struct gdb_session *s = calloc(1, sizeof(*s));

    if (s)
        s->inferiors = calloc(count, sizeof(*s->inferiors));
    if (!s || !s->inferiors) {
        free(s);
        return NULL;
    }
    s->send = send;
    s->owner = owner;
    s->count = count;
    for (size_t i = 0; i < count; i++)
        s->inferiors[i].guest = guests[i];
    attach_next(s);
    gdb_session_update(s);
    return s;
}

void gdb_session_free(struct gdb_session *session)
{
    if (!session)
        return;
    if (session->asked) {
        if (session->asked->what == GDB_ATTACH) /* it may be stopped by now */
            session->inferiors[session->asked_of].is_attached = true;
        desk_withdraw(session->inferiors[session->asked_of].guest.desk, &session->asked->question);
    }
    for (size_t i = 0; i < session->count; i++) {
        struct inferior *inferior = &session->inferiors[i];
        if (inferior->is_attached)
            detach_one(session, inferior, inferior->has_run);
        free(inferior->stop);
    }
    free(session->object);
    free(session->inferiors);
    free(session);
}
