/*
 * Writing a recording.
 */
#include "cast.h"

#include "base/clock.h"
#include "base/json.h"
#include "os/file.h"
#include "os/host_clock.h"

#include <errno.h>
#include <time.h>

int cast_open(struct cast *cast, const char *path, int rows, int columns)
{
    cast->file = file_stream(path, FILE_WRITE);
    if (!cast->file)
        return errno;
    cast->start = clock_host_ns();
    fprintf(cast->file,
            "{\"version\": 2, \"width\": %d, \"height\": %d, \"timestamp\": %lld, "
            "\"env\": {\"TERM\": \"xterm-256color\"}}\n",
            columns, rows, (long long)time(NULL));
    return 0;
}

static double seconds(const struct cast *cast)
{
    return (double)(clock_host_ns() - cast->start) / 1e9;
}

void cast_output(struct cast *cast, const char *bytes, size_t count)
{
    if (!cast->file || count == 0)
        return;
    fprintf(cast->file, "[%.6f, \"o\", ", seconds(cast));
    json_put_bytes(cast->file, bytes, count);
    fprintf(cast->file, "]\n");
}

void cast_resize(struct cast *cast, int rows, int columns)
{
    if (cast->file)
        fprintf(cast->file, "[%.6f, \"r\", \"%dx%d\"]\n", seconds(cast), columns, rows);
}

int cast_close(struct cast *cast)
{
    int error = 0;

    if (!cast->file)
        return 0;
    if (fflush(cast->file) != 0 || ferror(cast->file))
        error = errno ? errno : EIO;
    fclose(cast->file);
    cast->file = NULL;
    return error;
}
