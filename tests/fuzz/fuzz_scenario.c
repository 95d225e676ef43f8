/*
 * Fuzz target for scenario files: whatever the text, it is a scenario or one sentence that names a
 * line and a column in it. What a pattern of it makes of the text itself ends within bounds.
 */
#include "scenario/scenario.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), error[600] = "";
    struct scenario *scenario;
    unsigned line = 0, column = 0;

    if (!text || memchr(data, '\0', size)) {
        free(text);
        return -1;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    scenario = scenario_parse("a", text, error, sizeof(error));
    if (!scenario && (sscanf(error, "a:%u:%u: ", &line, &column) != 2 || line == 0 || column == 0))
        abort();
    for (const char *c = error; *c; c++) {
        if ((unsigned char)*c < 0x20)
            abort();
    }
    if (scenario && (scenario->count == 0 || scenario->steps[0].verb != VERB_BOOT))
        abort();
    for (size_t i = 0; scenario && i < scenario->count; i++) {
        if (scenario->steps[i].pattern)
            pattern_is_in(scenario->steps[i].pattern, text, size);
    }
    scenario_free(scenario);
    free(text);
    return 0;
}
