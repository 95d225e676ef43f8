/* A whole VMM: runs the image named first and types the text named second to its serial line.
 *   cc -Ivmm docs/embed.c build/libvmm.a -lm -o embed && ./embed build/os1k.elf 'hello
 *   shutdown
 *   ' */
#include "machine/libvmm.h"

#include <stdio.h>

static uint8_t image[8 << 20];

static void print(void *owner, const uint8_t *bytes, size_t count)
{
    fwrite(bytes, 1, count, owner);
}

int main(int argc, char **argv)
{
    struct vmm_config config = {.image = image, .print = print, .owner = stdout};
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    char error[320];

    config.image_size = file ? fread(image, 1, sizeof(image), file) : 0;
    struct vmm *vmm = vmm_new(&config, error, sizeof(error));
    if (!vmm)
        return fprintf(stderr, "%s\n", error), 2;
    for (const char *c = argc > 2 ? argv[2] : ""; *c; c++)
        vmm_type(vmm, *c == '\n' ? '\r' : (uint8_t)*c);
    while (vmm_run(vmm, 1000000000) == VMM_RUNNING && vmm_now(vmm) < 60000000000)
        continue;
    fprintf(stderr, "%s\nafter %llu instructions\n", vmm_text(vmm),
            (unsigned long long)vmm_instructions(vmm));
    return vmm_status(vmm);
}
