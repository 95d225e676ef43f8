/*
 * Formats of results: ours, TAP 13 (testanything.org), and the JUnit XML that CI systems read.
 */
#include "results.h"

#include <errno.h>
#include <string.h>

static void print_indented(const char *text, const char *indent)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        printf("%s%.*s\n", indent, (int)length, text);
        text += length + (text[length] == '\n');
    }
}

void results_print(const struct result *result, size_t number, bool tap)
{
    bool passed = result->verdict == VERDICT_PASS;

    if (tap) {
        printf("%sok %zu - %s\n", passed ? "" : "not ", number, result->path);
        print_indented(result->text, "# ");
        return;
    }
    printf("%s  %s  (%.2f s)\n", passed ? "ok  " : "FAIL", result->path, result->seconds);
    print_indented(result->text, "  ");
}

static void put_escaped(FILE *to, const char *text)
{
    for (; *text; text++) {
        const char *entity = *text == '<'   ? "&lt;"
                             : *text == '>' ? "&gt;"
                             : *text == '&' ? "&amp;"
                             : *text == '"' ? "&quot;"
                                            : NULL;
        if (entity)
            fputs(entity, to);
        else
            fputc((unsigned char)*text < 0x20 && *text != '\n' ? '?' : *text, to);
    }
}

int results_write_junit(const char *path, const struct result *results, size_t count)
{
    FILE *file = fopen(path, "we");
    size_t failed = 0;
    double seconds = 0;
    bool ok;

    if (!file)
        return -errno;
    for (size_t i = 0; i < count; i++) {
        failed += results[i].verdict != VERDICT_PASS;
        seconds += results[i].seconds;
    }
    fprintf(file,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuite name=\"vmm test\" tests=\"%zu\" failures=\"%zu\" time=\"%.3f\">\n",
            count, failed, seconds);
    for (size_t i = 0; i < count; i++) {
        fprintf(file, "  <testcase classname=\"vmm\" name=\"");
        put_escaped(file, results[i].path);
        fprintf(file, "\" time=\"%.3f\"", results[i].seconds);
        if (results[i].verdict == VERDICT_PASS) {
            fprintf(file, "/>\n");
            continue;
        }
        fprintf(file, ">\n    <failure message=\"");
        put_escaped(file, results[i].verdict == VERDICT_TIMEOUT ? "timeout" : "failed");
        fprintf(file, "\">");
        put_escaped(file, results[i].text);
        fprintf(file, "</failure>\n  </testcase>\n");
    }
    fprintf(file, "</testsuite>\n");
    ok = !ferror(file);
    if (fclose(file) != 0 || !ok)
        return errno ? -errno : -EIO;
    return 0;
}
