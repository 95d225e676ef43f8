/*
 * Fuzz target for symbols and lines: an ELF file that anybody may have made. What is said of any
 * address is short, and nothing that a terminal would obey.
 */
#include "inspect/symbols.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void require_clean(const char *text)
{
    for (; *text; text++)
        require((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void look(const struct symbols *symbols)
{
    uint32_t addresses[4], address = 0, size;
    char text[200], why[300], name[300];

    for (uint32_t i = 0; i < 64; i++) {
        memset(text, 'x', sizeof(text));
        if (symbols_describe(symbols, i < 32 ? 0x100000 + i * 7 : i << 26, text, sizeof(text))) {
            require(memchr(text, 0, sizeof(text)) != NULL);
            require_clean(text);
        }
    }
    for (size_t i = 0; i < 32 && symbols_name(symbols, i, name, sizeof(name)); i++) {
        require_clean(name);
        if (symbols_find(symbols, name, &address, why, sizeof(why)) == 0)
            symbols_value(symbols, name, &address, &size);
        if (symbols_describe(symbols, address, text, sizeof(text)))
            require_clean(text);
    }
    for (unsigned line = 0; line < 8; line++) {
        int count = symbols_find_line(symbols, line & 1 ? "a.c" : "src/a.c", line, addresses, 4,
                                      why, sizeof(why));
        require(count <= 4);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("image", MFD_CLOEXEC);
    struct symbols *symbols;
    char path[40], why[300];

    require(fd >= 0);
    if (write(fd, data, size) == (ssize_t)size) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        symbols = symbols_open(path, why, sizeof(why));
        if (symbols)
            look(symbols);
        else
            require_clean(why);
        symbols_free(symbols);
    }
    close(fd);
    return 0;
}
