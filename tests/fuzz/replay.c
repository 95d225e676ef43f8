/*
 * Gives a fuzz target the files of directories, one after the other: its corpus as a quick test,
 * without clang.   fuzz_NAME DIRECTORY...
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void give(const char *path)
{
    FILE *file = fopen(path, "re");
    uint8_t *bytes = NULL;
    size_t size = 0;
    FILE *to = open_memstream((char **)&bytes, &size);
    int c;

    if (!file || !to) {
        perror(path);
        exit(2);
    }
    while ((c = getc(file)) != EOF)
        putc(c, to);
    fclose(file);
    fclose(to);
    /* A block of its size, so that a read behind it is seen. */
    uint8_t *data = malloc(size ? size : 1);
    if (!data)
        exit(2);
    memcpy(data, bytes, size);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    free(bytes);
}

int main(int argc, char **argv)
{
    unsigned count = 0;

    for (int i = 1; i < argc; i++) {
        struct dirent **names;
        int found = scandir(argv[i], &names, NULL, alphasort);
        if (found < 0) {
            perror(argv[i]);
            return 2;
        }
        for (int j = 0; j < found; j++) {
            char *path = NULL;
            if (names[j]->d_name[0] != '.' &&
                asprintf(&path, "%s/%s", argv[i], names[j]->d_name) > 0) {
                printf("# %s\n", path); /* if it is the one that fails */
                fflush(stdout);
                give(path);
                count++;
            }
            free(path);
            free(names[j]);
        }
        free(names);
    }
    if (count == 0) {
        fprintf(stderr, "%s: there is nothing in the corpus\n", argv[0]);
        return 1;
    }
    printf("ok - %u inputs\n", count);
    return 0;
}
