/*
 * A kernel that dies of a stack overwritten long before: docs/debugging.md finds out where.
 */
static unsigned memory[50000];
static unsigned checksum;

static void copy(char *to, const char *from)
{
    while (*from)
        *to++ = *from++;
    *to = '\0';
}

static void check_memory(void)
{
    for (unsigned i = 0; i < sizeof(memory) / sizeof(memory[0]); i++)
        checksum += memory[i];
}

static void boot(const char *title)
{
    char name[16];

    copy(name, title);
    check_memory();
}

void start(void)
{
    boot("A small kernel, to learn from");
    for (;;)
        __asm__ volatile("hlt");
}
