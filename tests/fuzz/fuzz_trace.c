/*
 * Fuzz target for `vmm trace summary`: whatever the file, it has a summary, or one sentence that
 * names a line of it; and nothing that a terminal takes for a command comes out.
 */
#include "watch/trace/summary.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[400] = "", *text = NULL;
    size_t length = 0;
    unsigned line = 0;
    FILE *from = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
    FILE *to = open_memstream(&text, &length);
    bool ok;

    if (!from || !to) {
        if (from)
            fclose(from);
        if (to)
            fclose(to);
        free(text);
        return -1;
    }
    ok = trace_summary(from, "a", to, error, sizeof(error));
    fclose(from);
    fclose(to);
    if (!ok && (sscanf(error, "a:%u: ", &line) != 1 || line == 0 || length > 0))
        abort();
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < ' ' && text[i] != '\n')
            abort();
    }
    free(text);
    return 0;
}
