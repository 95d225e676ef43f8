/*
 * Fuzz target for reports: registers, tables and a stack that hold anything. The report is short,
 * and nothing in it that a terminal would obey. The input is the CPU's state, then what lies in RAM
 * at 0, at the stack, at EBP and at the page directory.
 */
#include "explain/crash.h"
#include "machine/fault_words.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RAM         (UINT64_C(1) << 20)
#define REPORT_MAX  8000
#define REPORT_LINE 300

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_text(const char *text, size_t size)
{
    const char *begin = text;

    require(size < REPORT_MAX);
    for (size_t i = 0; i < size; i++) {
        require(text[i] == '\n' || (text[i] >= 0x20 && text[i] < 0x7f));
        if (text[i] == '\n') {
            require(text + i - begin < REPORT_LINE);
            begin = text + i + 1;
        }
    }
}

static struct machine *make(void)
{
    static struct machine *machine;
    const struct machine_config config = {
        .memory_size = RAM, .make_cpu = cpu_soft_create, .timeout = CLOCK_NEVER};
    char why[300];

    if (!machine)
        machine = machine_create(&config, why, sizeof(why));
    require(machine != NULL);
    return machine;
}

static void fill(struct machine *machine, const struct cpu_state *state, const uint8_t *data,
                 size_t size)
{
    const uint32_t places[] = {0, state->segment[CPU_SS].base + state->gpr[CPU_ESP],
                               state->segment[CPU_SS].base + state->gpr[CPU_EBP],
                               state->cr3 & UINT32_C(0xfffff000),
                               state->segment[CPU_CS].base + state->eip};

    memset(machine->memory.base, 0, RAM);
    size = size < RAM ? size : RAM;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        uint64_t room = places[i] < RAM ? RAM - places[i] : 0;
        memory_write(&machine->memory, places[i], data, size < room ? size : room);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct machine *machine = make();
    struct cpu_state *state = &machine->outcome.state;
    size_t taken = size < sizeof(*state) ? size : sizeof(*state);
    const struct fault_view view = {&machine->memory, state, NULL};
    char *text = NULL, words[1000] = "";
    struct words_buffer buffer = {words, sizeof(words)};
    struct words to = words_to_buffer(&buffer);
    size_t length = 0;
    FILE *file;

    memset(state, 0, sizeof(*state));
    memcpy(state, data, taken);
    machine->outcome.has_state = true;
    machine->outcome.end = END_FAULT;
    machine->image.lowest = 0;
    machine->image.highest = (uint32_t)RAM;
    fill(machine, state, data + taken, size - taken);
    file = open_memstream(&text, &length);
    require(file != NULL);
    crash_print(file, machine);
    fclose(file);
    check_text(text, length);
    free(text);
    fault_words_tell(&to, &view, state->dr[0] & 31, state->dr[1], ": ");
    words_print(&to, "; ");
    fault_words_undelivered(&to, &view, state->dr[2] & 31, state->dr[3], state->dr[5]);
    check_text(words, strlen(words));
    return 0;
}
