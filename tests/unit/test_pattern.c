/*
 * Patterns that output is searched for. The C library's regexec, asked again after each byte about
 * the whole line, says where a match must be found; it is what must not be done to a guest's
 * output.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "os/host_clock.h"
#include "scenario/automaton.h"
#include "scenario/pattern.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOWHERE SIZE_MAX

static uint64_t state[AUTOMATON_POSITIONS / 64];

static struct pattern *regex(const char *source)
{
    char why[100] = "";
    struct pattern *pattern = pattern_of_regex(source, why, sizeof(why));

    if (!pattern)
        fail_msg("/%s/: %s", source, why);
    return pattern;
}

/* How many bytes of the text are read when a match is found; NOWHERE: none is, unless at the end.
 */
static size_t read_to(const struct pattern *pattern, const char *text, size_t length)
{
    pattern_begin(pattern, state, true);
    for (size_t i = 0; i < length; i++) {
        if (pattern_feed(pattern, state, (uint8_t)text[i]))
            return i + 1;
    }
    return NOWHERE;
}

static void assert_read_to(const char *source, const char *text, size_t expected)
{
    struct pattern *pattern = regex(source);
    size_t found = read_to(pattern, text, strlen(text));

    pattern_free(pattern);
    if (found != expected)
        fail_msg("/%s/ in \"%s\": after %zd, not %zd", source, text, (ssize_t)found,
                 (ssize_t)expected);
}

/* ---- text ---- */

static void text_is_found_at_its_last_byte(void **unused)
{
    struct pattern *pattern = pattern_of_text("aab", 3);

    (void)unused;
    assert_int_equal(read_to(pattern, "aaaab", 5), 5);
    assert_int_equal(read_to(pattern, "aaa\nab", 6), NOWHERE);
    assert_false(pattern_at_end(pattern, state));
    assert_true(pattern_is_in(pattern, "xaab", 4));
    assert_false(pattern_is_in(pattern, "xaa", 3));
    pattern_free(pattern);
}

/* For a `never` whose step comes between two matches. */
static void matches_may_share_bytes(void **unused)
{
    struct pattern *pattern = pattern_of_text("aba", 3);

    (void)unused;
    assert_int_equal(read_to(pattern, "aba", 3), 3);
    assert_false(pattern_feed(pattern, state, 'b'));
    assert_true(pattern_feed(pattern, state, 'a'));
    pattern_free(pattern);
}

static void text_may_hold_any_byte(void **unused)
{
    struct pattern *pattern = pattern_of_text("\0\n\xff", 3);

    (void)unused;
    assert_int_equal(read_to(pattern, "\0\0\n\xff", 4), 4);
    pattern_free(pattern);
}

/* As memmem has it, for all texts of two letters: their periods are what goes wrong. */
static void text_is_found_where_memmem_finds_it(void **unused)
{
    char needle[6], text[13];

    (void)unused;
    for (unsigned length = 1; length <= 6; length++) {
        for (unsigned n = 0; n < 1u << length; n++) {
            struct pattern *pattern;
            for (unsigned i = 0; i < length; i++)
                needle[i] = (n >> i & 1) ? 'a' : 'b';
            pattern = pattern_of_text(needle, length);
            for (unsigned t = 0; t < 1u << 13; t += 7) {
                const char *at;
                for (unsigned i = 0; i < 13; i++)
                    text[i] = (t >> i & 1) ? 'a' : 'b';
                at = memmem(text, 13, needle, length);
                assert_int_equal(read_to(pattern, text, 13),
                                 at ? (size_t)(at - text) + length : NOWHERE);
            }
            pattern_free(pattern);
        }
    }
}

/* ---- regular expressions ---- */

static void a_match_is_found_as_soon_as_it_is_there(void **unused)
{
    (void)unused;
    assert_read_to("[0-9]+", "pid 12\n", 5);
    assert_read_to("b|abc", "abc", 2);
    assert_read_to("^ok", "not ok\nok", 9);
    assert_read_to("a.c", "a\nc abc", 7);
    assert_read_to("x[^y]z", "x\nz xyz xaz", 11);
    assert_read_to("(ab){2,3}c", "ababababc", 9);
    assert_read_to("(ab){2,3}c", "abcababc", 8);
    assert_read_to("^(ab){2,3}c", "ababababc", NOWHERE);
    assert_read_to("\\.[[:digit:]]\\)", "v1.2)", 5);
    assert_read_to("\\w+ \\S", "a  b c", 6);
    assert_read_to("[]a-]x", "bx]x", 4);
    assert_read_to("done)", "(done)", 6);
}

static void the_end_of_a_line_is_waited_for(void **unused)
{
    struct pattern *pattern = regex("ok$");

    (void)unused;
    assert_int_equal(read_to(pattern, "okay ok\n", 8), 8);
    assert_int_equal(read_to(pattern, "okay ok", 7), NOWHERE);
    assert_true(pattern_at_end(pattern, state));
    assert_int_equal(read_to(pattern, "ok", 2), NOWHERE);
    assert_false(pattern_feed(pattern, state, 'x'));
    assert_false(pattern_at_end(pattern, state));
    pattern_free(pattern);
    assert_read_to("^$", "a\n\nb", 3);
}

/* What follows the last newline is no line until something is printed there. */
static void nothing_behind_the_last_newline_is_no_line(void **unused)
{
    struct pattern *pattern = regex("^$");

    (void)unused;
    assert_int_equal(read_to(pattern, "ab\n", 3), NOWHERE);
    assert_false(pattern_at_end(pattern, state));
    pattern_free(pattern);
}

static void a_search_may_begin_within_a_line(void **unused)
{
    struct pattern *pattern = regex("^a");

    (void)unused;
    pattern_begin(pattern, state, false);
    assert_false(pattern_feed(pattern, state, 'a'));
    assert_false(pattern_feed(pattern, state, '\n'));
    assert_true(pattern_feed(pattern, state, 'a'));
    assert_false(pattern_feed(pattern, state, 'b')); /* a match is told once */
    pattern_free(pattern);
}

static void a_screen_is_searched_as_a_whole(void **unused)
{
    struct pattern *pattern = regex("^b+$");

    (void)unused;
    assert_true(pattern_is_in(pattern, "a\nbb", 4));
    assert_true(pattern_is_in(pattern, "bb\na", 4));
    assert_false(pattern_is_in(pattern, "abb\nbba", 7));
    assert_false(pattern_is_in(pattern, "", 0));
    pattern_free(pattern);
}

static void what_is_wrong_is_told(void **unused)
{
    static const struct {
        const char *source, *why;
    } cases[] = {
        {"(", "a '(' has no ')'"},
        {"[a", "a '[' has no ']'"},
        {"[b-a]", "a range ends"},
        {"[[:letter:]]", "there is no such class"},
        {"[[.ab.]]", "only one character"},
        {"*a", "there is nothing to repeat"},
        {"a|+", "there is nothing to repeat"},
        {"^*", "there is nothing to repeat"},
        {"a{", "expected a number"},
        {"a{2", "a '{' has no '}'"},
        {"a{3,2}", "a {least,most}"},
        {"a{2000}", "it is too large"},
        {"(a{100}){100}", "it is too large"},
        {"((a{1,255}){1,255}){1,255}", "it is too large"},
        {"(a)\\1", "back-references such as \\1 are not supported"},
        {"\\bword", "after a backslash"},
        {"\\<word\\>", "after a backslash"},
        {"a\\", "after a backslash"},
        {"a*", "it matches the empty string"},
        {"x|$", "it matches the empty string"},
    };
    char why[100], nested[400];

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_null(pattern_of_regex(cases[i].source, why, sizeof(why)));
        if (strncmp(why, cases[i].why, strlen(cases[i].why)) != 0)
            fail_msg("/%s/: \"%s\" is not \"%s...\"", cases[i].source, why, cases[i].why);
    }
    memset(nested, '(', 300);
    nested[300] = '\0';
    assert_null(pattern_of_regex(nested, why, sizeof(why)));
    assert_string_equal(why, "it has too many parentheses in each other");
}

/* ---- against the C library ---- */

static uint32_t seed = 1;

static unsigned draw(unsigned below)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 16) % below;
}

static void draw_piece(char *to, unsigned depth)
{
    static const char *const atoms[] = {"a", "b", ".", "[ab]", "[^a]", "\\.", "c", "[[:alpha:]]"};
    static const char *const repeats[] = {"*",     "+",    "?", "{2}", "{1,2}",
                                          "{0,2}", "{2,}", "",  "",    ""};
    static const char *const anchors[] = {"^", "$"};
    unsigned pieces = 1 + draw(3);

    for (unsigned i = 0; i < pieces; i++) {
        if (depth == 2 && draw(8) == 0) { /* the C library's go wrong in what is repeated */
            strcat(to, anchors[draw(2)]);
            continue;
        }
        if (depth > 0 && draw(3) == 0) {
            strcat(to, "(");
            draw_piece(to, depth - 1);
            strcat(to, draw(2) ? "|" : "");
            draw_piece(to, depth - 1);
            strcat(to, ")");
        } else {
            strcat(to, atoms[draw(sizeof(atoms) / sizeof(atoms[0]))]);
        }
        strcat(to, repeats[draw(sizeof(repeats) / sizeof(repeats[0]))]);
    }
    if (depth == 2 && draw(4) == 0) {
        strcat(to, "|");
        draw_piece(to, 1);
    }
}

/* Where a match is found first by asking about the last line after each byte. */
static size_t slow_read_to(const regex_t *expression, const char *text, size_t length)
{
    for (size_t end = 1, line = 0; end <= length; end++) {
        bool ends = text[end - 1] == '\n';
        regmatch_t match = {.rm_so = 0, .rm_eo = (regoff_t)(end - line - ends)};
        if (regexec(expression, text + line, 1, &match, REG_STARTEND | (ends ? 0 : REG_NOTEOL)) ==
            0)
            return end;
        if (ends)
            line = end;
    }
    return NOWHERE;
}

static void matches_end_where_regexec_says(void **unused)
{
    unsigned found = 0, missed = 0;

    (void)unused;
    for (unsigned i = 0; i < 5000; i++) {
        char source[2000] = "", text[13], why[100];
        struct pattern *pattern;
        regex_t expression;
        draw_piece(source, 2);
        if (regcomp(&expression, source, REG_EXTENDED | REG_NEWLINE) != 0)
            fail_msg("/%s/ is not one to the C library", source);
        pattern = pattern_of_regex(source, why, sizeof(why));
        if (!pattern)
            assert_string_equal(why, "it matches the empty string");
        assert_int_equal(!pattern, regexec(&expression, "", 0, NULL, REG_NOTBOL) == 0);
        for (unsigned t = 0; pattern && t < 20; t++) {
            size_t expected;
            for (size_t j = 0; j < sizeof(text) - 1; j++)
                text[j] = "aaabbc.\n"[draw(8)];
            text[sizeof(text) - 1] = '\0';
            expected = slow_read_to(&expression, text, sizeof(text) - 1);
            if (read_to(pattern, text, sizeof(text) - 1) != expected)
                fail_msg("/%s/ in \"%s\": after %zd, not %zd", source, text,
                         (ssize_t)read_to(pattern, text, sizeof(text) - 1), (ssize_t)expected);
            found += expected != NOWHERE;
            missed += expected == NOWHERE;
        }
        pattern_free(pattern);
        regfree(&expression);
    }
    assert_true(found > 1000 && missed > 1000);
}

/* ---- time ---- */

/* A line of a megabyte, with patterns that go wrong where all of it is looked at again. */
static void a_long_line_is_read_in_linear_time(void **unused)
{
    static const char *const sources[] = {"needle", "a*b", "(a|aa)+b", "(a*)*b", "a.{40}b", "x$"};
    uint64_t start = clock_host_ns();

    (void)unused;
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        struct pattern *pattern = regex(sources[i]);
        pattern_begin(pattern, state, true);
        for (unsigned j = 0; j < 1 << 20; j++)
            assert_false(pattern_feed(pattern, state, 'a'));
        pattern_free(pattern);
    }
    assert_true(clock_host_ns() - start < 60 * NS_PER_SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_found_at_its_last_byte),
        cmocka_unit_test(matches_may_share_bytes),
        cmocka_unit_test(text_may_hold_any_byte),
        cmocka_unit_test(text_is_found_where_memmem_finds_it),
        cmocka_unit_test(a_match_is_found_as_soon_as_it_is_there),
        cmocka_unit_test(the_end_of_a_line_is_waited_for),
        cmocka_unit_test(nothing_behind_the_last_newline_is_no_line),
        cmocka_unit_test(a_search_may_begin_within_a_line),
        cmocka_unit_test(a_screen_is_searched_as_a_whole),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(matches_end_where_regexec_says),
        cmocka_unit_test(a_long_line_is_read_in_linear_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
