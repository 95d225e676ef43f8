/*
 * Fuzz target for the options of guests: an image's argument (IMAGE,cpu=soft), or, if the first
 * byte is odd, a line of a file of guests. It is taken without a word, and all in it is within
 * limits, or refused in one sentence. Names of files lead into an empty directory.
 */
#include "host/options.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check(const struct options *options)
{
    const struct machine_config *config = &options->config;
    struct option_file files[OPTIONS_FILES];
    size_t count = options_files(options, files);

    require(config->image.path && options->name);
    require(config->memory_size >= MEMORY_MIN && config->memory_size <= MEMORY_MAX);
    require(config->timeout > 0);
    require(config->image.module_count <= OPTIONS_MODULES);
    require(config->image.modules == options->modules);
    require(options->snapshot_count <= OPTIONS_SNAPSHOTS);
    require(options->drives.count <= DRIVES_MAX);
    require(count > 0 && count <= OPTIONS_FILES);
    for (size_t i = 0; i < count; i++)
        require(files[i].path);
    for (unsigned i = 0; i < options->drives.count; i++)
        require(options->drives.drive[i].request.path);
}

/* What is said goes to `said`, which is to be freed. */
static bool take(struct options *options, char *text, bool is_line, char **said)
{
    size_t length = 0;
    FILE *before = stderr, *to = open_memstream(said, &length);
    struct options copy, moved;
    bool ok;

    require(to);
    stderr = to;
    options_init(options);
    ok = is_line ? options_take_line(options, text) : options_take_image(options, text);
    if (ok)
        check(options);
    options_copy(&copy, options);
    require(copy.drives.count == 0 && !copy.monitor && copy.config.image.modules == copy.modules);
    options_free(&copy);
    options_move(&moved, options);
    if (ok)
        check(&moved);
    options_free(&moved);
    stderr = before;
    fclose(to);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int outside, inside; /* the fuzzer's directory, and the empty one */
    char *text = malloc(size + 1), *said = NULL;
    struct options options;
    bool is_line = size > 0 && data[0] & 1;

    require(text);
    if (!inside) {
        char directory[] = "/tmp/vmm-fuzz-XXXXXX";
        outside = open(".", O_PATH | O_DIRECTORY);
        require(mkdtemp(directory));
        inside = open(directory, O_PATH | O_DIRECTORY);
        require(outside >= 0 && inside >= 0 &&
                rmdir(directory) == 0); /* nothing can be made there */
    }
    if (size > 0)
        memcpy(text, data + 1, size - 1);
    text[size > 0 ? size - 1 : 0] = '\0';
    /* It is opened, wherever it is. */
    if (strchr(text, '/') && strstr(text, "monitor")) {
        free(text);
        return -1;
    }
    require(fchdir(inside) == 0);
    if (take(&options, text, is_line, &said))
        require(!*said);
    else
        require(strncmp(said, "vmm: ", 5) == 0 && said[strlen(said) - 1] == '\n');
    require(fchdir(outside) == 0);
    free(said);
    free(text);
    return 0;
}
