/*
 * Line editing as in a shell: the line is written again after each key. The terminal needs only CR,
 * ESC [ K and ESC [ n D.
 */
#include "prompt.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CTRL(letter) ((letter)&0x1f)
#define ESC          0x1b
#define BACKSPACE    0x7f
#define LIST_WIDTH   78 /* of a list of completions */

void prompt_init(struct prompt *prompt, struct guest *guest,
                 void (*write)(void *owner, const char *bytes, size_t count), void *owner)
{
    *prompt = (struct prompt){.guest = guest, .write = write, .owner = owner};
}

void prompt_free(struct prompt *prompt)
{
    if (prompt->question)
        desk_withdraw(&prompt->guest->desk, prompt->question);
    prompt->question = NULL;
}

/* ---- what is shown ---- */

static void put(struct prompt *prompt, const char *text)
{
    prompt->write(prompt->owner, text, strlen(text));
}

static void paint(struct prompt *prompt)
{
    char back[32];

    if (prompt->is_hidden)
        return;
    put(prompt, "\r" MONITOR_PROMPT);
    prompt->write(prompt->owner, prompt->line, prompt->length);
    put(prompt, "\033[K");
    if (prompt->cursor < prompt->length) {
        snprintf(back, sizeof(back), "\033[%zuD", prompt->length - prompt->cursor);
        put(prompt, back);
    }
}

void prompt_show(struct prompt *prompt, bool is_shown)
{
    prompt->is_hidden = !is_shown;
    if (!prompt->question)
        paint(prompt);
}

/* ---- the line ---- */

static void set_line(struct prompt *prompt, const char *text)
{
    prompt->length = prompt->cursor = strlen(text);
    memcpy(prompt->line, text, prompt->length);
}

static void insert(struct prompt *prompt, const char *text, size_t count)
{
    char *at = prompt->line + prompt->cursor;

    if (prompt->length + count >= MONITOR_LINE)
        return;
    memmove(at + count, at, prompt->length - prompt->cursor);
    memcpy(at, text, count);
    prompt->length += count;
    prompt->cursor += count;
}

/* Takes away what lies between a place before the cursor, or behind it, and the cursor. */
static void erase_to(struct prompt *prompt, size_t place)
{
    size_t from = place < prompt->cursor ? place : prompt->cursor;
    size_t to = place < prompt->cursor ? prompt->cursor : place;

    memmove(prompt->line + from, prompt->line + to, prompt->length - to);
    prompt->length -= to - from;
    prompt->cursor = from;
}

static size_t word_start(const struct prompt *prompt)
{
    size_t at = prompt->cursor;

    while (at > 0 && prompt->line[at - 1] == ' ')
        at--;
    while (at > 0 && prompt->line[at - 1] != ' ')
        at--;
    return at;
}

/* The line that was entered so many lines ago; 0: an empty one. */
static void recall(struct prompt *prompt, unsigned back)
{
    unsigned kept = prompt->history_count < PROMPT_HISTORY ? prompt->history_count : PROMPT_HISTORY;

    if (back > kept)
        return;
    prompt->back = back;
    set_line(prompt, back ? prompt->history[(prompt->history_count - back) % PROMPT_HISTORY] : "");
}

static void ask(struct prompt *prompt, const char *line, size_t length, bool completes)
{
    struct question *question = calloc(1, sizeof(*question));

    if (!question) {
        put(prompt, "out of memory\n");
        return;
    }
    memcpy(question->line, line, length);
    question->completes = completes;
    prompt->question = question;
    desk_ask(&prompt->guest->desk, question);
}

static void enter(struct prompt *prompt)
{
    char *kept = prompt->history[prompt->history_count % PROMPT_HISTORY];

    put(prompt, "\n");
    prompt->line[prompt->length] = '\0';
    if (prompt->length > 0) {
        memcpy(kept, prompt->line, prompt->length + 1);
        prompt->history_count++;
    }
    prompt->back = 0;
    ask(prompt, prompt->line, prompt->length, false);
    prompt->length = prompt->cursor = 0;
}

/* ---- keys ---- */

enum motion { NO_MOTION, UP, DOWN, RIGHT, LEFT, HOME, END, DELETE };

/* What an escape sequence means; *goes_on: it is not complete. */
static enum motion motion_of(const char *sequence, size_t length, bool *goes_on)
{
    static const struct {
        const char *sequence;
        enum motion motion;
    } table[] = {{"[A", UP},    {"OA", UP},   {"[B", DOWN}, {"OB", DOWN}, {"[C", RIGHT},
                 {"OC", RIGHT}, {"[D", LEFT}, {"OD", LEFT}, {"[H", HOME}, {"OH", HOME},
                 {"[1~", HOME}, {"[F", END},  {"OF", END},  {"[4~", END}, {"[3~", DELETE}};

    *goes_on = length == 0 || (length == 1 && strchr("[O", sequence[0])) ||
               (length > 1 && length < 6 && !isalpha((unsigned char)sequence[length - 1]) &&
                sequence[length - 1] != '~');
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strlen(table[i].sequence) == length && memcmp(table[i].sequence, sequence, length) == 0)
            return table[i].motion;
    }
    return NO_MOTION;
}

static void move(struct prompt *prompt, enum motion motion)
{
    switch (motion) {
    case UP:
        recall(prompt, prompt->back + 1);
        break;
    case DOWN:
        if (prompt->back > 0)
            recall(prompt, prompt->back - 1);
        break;
    case RIGHT:
        prompt->cursor += prompt->cursor < prompt->length;
        break;
    case LEFT:
        prompt->cursor -= prompt->cursor > 0;
        break;
    case HOME:
        prompt->cursor = 0;
        break;
    case END:
        prompt->cursor = prompt->length;
        break;
    case DELETE:
        if (prompt->cursor < prompt->length)
            erase_to(prompt, prompt->cursor + 1);
        break;
    case NO_MOTION:
        break;
    }
}

static void type_sequence(struct prompt *prompt, uint8_t byte)
{
    size_t length = prompt->sequence_length; /* the ESC counts */
    bool goes_on;
    enum motion motion;

    prompt->sequence[length - 1] = (char)byte;
    motion = motion_of(prompt->sequence, length, &goes_on);
    prompt->sequence_length = goes_on && motion == NO_MOTION ? length + 1 : 0;
    move(prompt, motion);
}

/* A key that edits the line. */
static void edit(struct prompt *prompt, uint8_t byte)
{
    char c = (char)byte;

    switch (byte) {
    case ESC:
        prompt->sequence_length = 1;
        break;
    case BACKSPACE:
    case CTRL('H'):
        if (prompt->cursor > 0)
            erase_to(prompt, prompt->cursor - 1);
        break;
    case CTRL('U'):
        erase_to(prompt, 0);
        break;
    case CTRL('W'):
        erase_to(prompt, word_start(prompt));
        break;
    case CTRL('K'):
        erase_to(prompt, prompt->length);
        break;
    case CTRL('C'):
        put(prompt, "^C\n");
        prompt->length = prompt->cursor = prompt->back = 0;
        break;
    case CTRL('P'):
        move(prompt, UP);
        break;
    case CTRL('N'):
        move(prompt, DOWN);
        break;
    case CTRL('B'):
        move(prompt, LEFT);
        break;
    case CTRL('F'):
        move(prompt, RIGHT);
        break;
    case CTRL('E'):
        move(prompt, END);
        break;
    default:
        if (byte >= 0x20)
            insert(prompt, &c, 1);
    }
}

/* While an answer is awaited: Ctrl-C ends `until` and `step`. */
static void type_ahead(struct prompt *prompt, uint8_t byte)
{
    if (byte == CTRL('C')) {
        put(prompt, "^C\n");
        prompt->ahead_count = 0;
        desk_interrupt(&prompt->guest->desk, prompt->question);
    } else if (prompt->ahead_count < PROMPT_AHEAD) {
        prompt->ahead[prompt->ahead_count++] = byte;
    } else {
        put(prompt, "\a");
    }
}

static bool type(struct prompt *prompt, uint8_t byte)
{
    if (prompt->sequence_length > 0)
        type_sequence(prompt, byte);
    else if (byte == CTRL('D') && prompt->length == 0)
        return false;
    else if (byte == '\r' || byte == '\n')
        enter(prompt);
    else if (byte == '\t')
        ask(prompt, prompt->line, prompt->cursor, true);
    else
        edit(prompt, byte);
    if (!prompt->question)
        paint(prompt);
    return true;
}

void prompt_ask(struct prompt *prompt, const char *line)
{
    if (!prompt->question)
        ask(prompt, line, strlen(line), false);
}

bool prompt_type(struct prompt *prompt, uint8_t byte)
{
    if (prompt->question) {
        type_ahead(prompt, byte);
        return true;
    }
    return type(prompt, byte) && prompt_update(prompt);
}

/* ---- answers ---- */

/* How many bytes two words have in common, from the first. */
static size_t common(const char *a, const char *b, size_t most)
{
    size_t length = 0;

    while (length < most && a[length] == b[length])
        length++;
    return length;
}

static void list_words(struct prompt *prompt, const char *words)
{
    size_t column = 0;

    put(prompt, "\n");
    while (*words) {
        size_t length = strcspn(words, "\n");
        if (column > 0 && column + 2 + length > LIST_WIDTH) {
            put(prompt, "\n");
            column = 0;
        }
        put(prompt, column ? "  " : "");
        prompt->write(prompt->owner, words, length);
        column += length + (column ? 2 : 0);
        words += length + 1;
    }
    put(prompt, "\n");
}

/* What the words have in common behind what was typed is inserted; if that is nothing, they are
 * listed. */
static void complete(struct prompt *prompt, const char *words)
{
    size_t length = strcspn(words, "\n"), typed = length;
    bool is_only = true;

    if (!*words)
        return;
    for (const char *next = words + length + 1; *next; next += strcspn(next, "\n") + 1) {
        length = common(words, next, length);
        is_only = false;
    }
    if (typed > prompt->cursor)
        typed = prompt->cursor;
    while (typed > 0 && memcmp(prompt->line + prompt->cursor - typed, words, typed) != 0)
        typed--;
    if (is_only || length > typed) {
        insert(prompt, words + typed, length > typed ? length - typed : 0);
        if (is_only)
            insert(prompt, " ", 1);
    } else {
        list_words(prompt, words);
    }
}

static bool take_answer(struct prompt *prompt)
{
    struct question *question = prompt->question;

    if (!question || !desk_has_answered(&prompt->guest->desk, question))
        return false;
    prompt->question = NULL;
    if (!question->answer)
        put(prompt, "out of memory\n");
    else if (question->completes)
        complete(prompt, question->answer);
    else
        put(prompt, question->answer);
    free(question->answer);
    free(question);
    paint(prompt);
    return true;
}

bool prompt_update(struct prompt *prompt)
{
    bool stays = true;

    while (take_answer(prompt)) {
        size_t used = 0;
        while (stays && !prompt->question && used < prompt->ahead_count)
            stays = type(prompt, prompt->ahead[used++]);
        prompt->ahead_count -= used;
        memmove(prompt->ahead, prompt->ahead + used, prompt->ahead_count);
    }
    return stays;
}
