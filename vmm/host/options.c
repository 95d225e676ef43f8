/*
 * Options of a guest, as a table of names and of functions that take their values.
 */
#include "options.h"

#include "os/image_file.h"
#include "os/ram.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_MEMORY (UINT64_C(64) << 20)
#define DEFAULT_SEED   1 /* the same one every time: the same command is the same run */

void options_init(struct options *options)
{
    *options = (struct options){
        .config = {.image.read = image_file_read,
                   .memory_size = DEFAULT_MEMORY,
                   .start.seed = DEFAULT_SEED,
                   .make_memory = ram_init,
                   .timeout = CLOCK_NEVER},
        .cpu = "auto",
        .input = INBOX_SERIAL,
    };
    options->config.image.modules = options->modules;
}

void options_copy(struct options *to, const struct options *from)
{
    *to = *from;
    to->config.image.modules = to->modules;
    to->drives.count = 0;
    to->drives.are_open = false;
    to->monitor = NULL;
    trace_file_hold(to->trace_file);
    memset(to->config.disks, 0, sizeof(to->config.disks));
    memset(to->config.ata_disks, 0, sizeof(to->config.ata_disks));
    memset(to->config.floppies, 0, sizeof(to->config.floppies));
}

void options_move(struct options *to, const struct options *from)
{
    *to = *from;
    to->config.image.modules = to->modules;
    drives_place(&to->drives, &to->config);
}

/* A file's name without directories. */
static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The bus of the drive that an image is to be; DRIVE_VIRTIO: none. Our BIOS has boot sectors in
 * memory, another one knows only the chips. */
static enum drive_bus bus_of_image(const struct options *options, enum image_file_kind kind)
{
    switch (kind) {
    case IMAGE_FILE_CD:
    case IMAGE_FILE_DISK:
        return DRIVE_ATA;
    case IMAGE_FILE_FLOPPY:
        return options->config.image.bios ? DRIVE_FLOPPY : DRIVE_VIRTIO;
    case IMAGE_FILE_BOOT_SECTOR:
        return options->config.image.bios ? DRIVE_ATA : DRIVE_VIRTIO;
    default:
        return DRIVE_VIRTIO;
    }
}

static bool image_becomes_drive(struct options *options)
{
    static const enum bios_drive_kind kinds[] = {[IMAGE_FILE_CD] = BIOS_DRIVE_CD,
                                                 [IMAGE_FILE_DISK] = BIOS_DRIVE_DISK,
                                                 [IMAGE_FILE_BOOT_SECTOR] = BIOS_DRIVE_DISK,
                                                 [IMAGE_FILE_FLOPPY] = BIOS_DRIVE_FLOPPY};
    struct image_request *image = &options->config.image;
    enum image_file_kind kind = IMAGE_FILE_OTHER;
    enum drive_bus bus;

    if (image->path && image->mode == IMAGE_AUTO && !image->has_load_address)
        kind = image_file_kind(image->path);
    bus = bus_of_image(options, kind);
    if (bus == DRIVE_VIRTIO)
        return true;
    if (!drives_take_image(&options->drives, image->path, bus, kind == IMAGE_FILE_CD))
        return false;
    image->path = NULL;
    if (options->config.boot_order[0] == BIOS_DRIVE_NONE)
        options->config.boot_order[0] = kinds[kind];
    return true;
}

bool options_starts_drives(const struct options *options)
{
    return !options->config.image.path && !options->restore && drives_first(&options->drives);
}

bool options_open_disks(struct options *options)
{
    if (!image_becomes_drive(options))
        return false;
    options->config.image.from_drives = options_starts_drives(options);
    if (options->config.image.from_drives && !options->name)
        options->name = name_of(drives_first(&options->drives));
    return drives_open(&options->drives, &options->config);
}

void options_close_monitor(struct options *options)
{
    monitor_socket_free(options->monitor);
    options->monitor = NULL;
}

void options_free(struct options *options)
{
    drives_close(&options->drives);
    options_close_monitor(options);
    trace_file_release(options->trace_file);
    options->trace_file = NULL;
}

/* A number and one of the suffixes; `units` pairs them. False if it is anything else. */
struct unit {
    const char *suffix;
    double factor;
};

static bool parse_quantity(const char *text, const struct unit *units, double *value)
{
    char *end;

    *value = strtod(text, &end);
    if (end == text || !(*value >= 0))
        return false;
    for (; units->suffix; units++) {
        if (strcmp(end, units->suffix) == 0) {
            *value *= units->factor;
            return true;
        }
    }
    return false;
}

/* Sizes are in MiB where they have no unit, as QEMU's -m. */
static const struct unit size_units[] = {{"", 1048576},     {"K", 1024},    {"k", 1024},
                                         {"M", 1048576},    {"m", 1048576}, {"G", 1073741824},
                                         {"g", 1073741824}, {NULL, 0}};

static bool take_history(struct options *options, const char *shown, char *value)
{
    double bytes;

    if (!parse_quantity(value, size_units, &bytes) || bytes < 1048576 || bytes > 1e12) {
        fprintf(stderr, "vmm: %s: not a size such as 64M or 1G\n", shown);
        return false;
    }
    options->history = (uint64_t)bytes;
    return true;
}

static bool take_memory(struct options *options, const char *shown, char *value)
{
    double bytes;

    if (!parse_quantity(value, size_units, &bytes) || bytes < (double)MEMORY_MIN ||
        bytes > (double)MEMORY_MAX) {
        fprintf(stderr, "vmm: %s: not a size from 1M to 3584M\n", shown);
        return false;
    }
    options->config.memory_size = (uint64_t)bytes;
    options->has_memory = true;
    return true;
}

bool options_parse_time(const char *shown, const char *value, uint64_t *time)
{
    static const struct unit units[] = {{"", 1e9},   {"s", 1e9},  {"ms", 1e6},
                                        {"us", 1e3}, {"m", 60e9}, {NULL, 0}};
    double ns;

    if (!parse_quantity(value, units, &ns) || ns < 1 || ns > 1e18) {
        fprintf(stderr, "vmm: %s: not a time such as 2, 2s or 500ms\n", shown);
        return false;
    }
    *time = (uint64_t)ns;
    return true;
}

static bool take_timeout(struct options *options, const char *shown, char *value)
{
    return options_parse_time(shown, value, &options->config.timeout);
}

/* What `vmm run` may end with. */
#define STATUS_MAX 255

static bool take_halt_status(struct options *options, const char *shown, char *value)
{
    char *end;
    unsigned long status = strtoul(value, &end, 0);

    if (end == value || *end || *value == '-' || status > STATUS_MAX) {
        fprintf(stderr, "vmm: %s: not a status from 0 to %d\n", shown, STATUS_MAX);
        return false;
    }
    options->config.halt_status = (int)status;
    return true;
}

static bool take_restart(struct options *options, const char *shown, char *value)
{
    return options_parse_time(shown, value, &options->restart);
}

static bool take_load(struct options *options, const char *shown, char *value)
{
    char *end;
    unsigned long long address = strtoull(value, &end, 0);

    if (end == value || *end || *value == '-' || address > UINT32_MAX) {
        fprintf(stderr, "vmm: %s: not an address such as 0x7c00\n", shown);
        return false;
    }
    options->config.image.has_load_address = true;
    options->config.image.load_address = (uint32_t)address;
    return true;
}

/* The index of `value` in a list that ends with NULL, or -1 with a message. */
static int parse_choice(const char *shown, const char *value, const char *const *choices)
{
    for (int i = 0; choices[i]; i++) {
        if (strcmp(choices[i], value) == 0)
            return i;
    }
    fprintf(stderr, "vmm: %s: not one of", shown);
    for (int i = 0; choices[i]; i++)
        fprintf(stderr, " %s", choices[i]);
    fputc('\n', stderr);
    return -1;
}

static bool take_mode(struct options *options, const char *shown, char *value)
{
    static const char *const modes[] = {"auto", "real", "pm32", NULL};
    static const enum image_mode meanings[] = {IMAGE_AUTO, IMAGE_REAL16, IMAGE_PM32};
    int choice = parse_choice(shown, value, modes);

    if (choice >= 0)
        options->config.image.mode = meanings[choice];
    return choice >= 0;
}

static bool take_start(struct options *options, const char *shown, char *value)
{
    static const char *const starts[] = {"friendly", "real", NULL};
    int choice = parse_choice(shown, value, starts);

    options->config.start.is_real = choice == 1;
    return choice >= 0;
}

static bool take_seed(struct options *options, const char *shown, char *value)
{
    char *end;

    errno = 0;
    options->config.start.seed = strtoull(value, &end, 0);
    if (!isdigit((unsigned char)*value) || *end || errno) {
        fprintf(stderr, "vmm: %s: not a number such as 7\n", shown);
        return false;
    }
    return options->has_seed = true;
}

static bool take_clock(struct options *options, const char *shown, char *value)
{
    static const char *const clocks[] = {"real", "virtual", NULL};
    int choice = parse_choice(shown, value, clocks);

    options->config.virtual_time = choice == 1;
    return choice >= 0;
}

static bool take_display(struct options *options, const char *shown, char *value)
{
    static const char *const displays[] = {"auto", "screen", "serial", "both", "none", NULL};
    int choice = parse_choice(shown, value, displays);

    options->display = (enum display_choice)choice;
    return choice >= 0;
}

static bool take_input(struct options *options, const char *shown, char *value)
{
    static const char *const inputs[] = {"serial", "keyboard", NULL};
    int choice = parse_choice(shown, value, inputs);

    options->input = choice == 1 ? INBOX_KEYBOARD : INBOX_SERIAL;
    options->has_input = true;
    return choice >= 0;
}

static bool take_cpu_limit(struct options *options, const char *shown, char *value)
{
    static const struct unit units[] = {{"", 1}, {"%", 1}, {NULL, 0}};
    double percent;

    if (!parse_quantity(value, units, &percent) || percent < 1 || percent > 100) {
        fprintf(stderr, "vmm: %s: not a percentage from 1 to 100\n", shown);
        return false;
    }
    options->run.cpu_limit = percent < 100 ? (unsigned)percent : 0;
    return true;
}

static bool take_baud(struct options *options, const char *shown, char *value)
{
    static const struct unit units[] = {{"", 1}, {NULL, 0}};
    double baud;

    if (!parse_quantity(value, units, &baud) || baud < 1 || baud > 4e6) {
        fprintf(stderr, "vmm: %s: not a speed such as 300 or 9600\n", shown);
        return false;
    }
    options->config.baud = (unsigned)baud;
    return true;
}

static bool take_module(struct options *options, const char *shown, char *value)
{
    struct image_request *image = &options->config.image;
    char *separator = strchr(value, '=');

    if (image->module_count == OPTIONS_MODULES) {
        fprintf(stderr, "vmm: %s: more than %d modules\n", shown, OPTIONS_MODULES);
        return false;
    }
    if (separator)
        *separator = '\0';
    options->modules[image->module_count++] =
        (struct image_module){.path = value, .command_line = separator ? separator + 1 : NULL};
    return true;
}

static bool take_snapshot(struct options *options, const char *shown, char *value)
{
    if (options->snapshot_count == OPTIONS_SNAPSHOTS) {
        fprintf(stderr, "vmm: %s: more than %d snapshots\n", shown, OPTIONS_SNAPSHOTS);
        return false;
    }
    options->snapshots[options->snapshot_count++] = value;
    return true;
}

static bool take_screenshot(struct options *options, const char *shown, char *value)
{
    if (options->screenshot_count == OPTIONS_SCREENSHOTS) {
        fprintf(stderr, "vmm: %s: more than %d screenshots\n", shown, OPTIONS_SCREENSHOTS);
        return false;
    }
    options->screenshots[options->screenshot_count++] = value;
    return true;
}

static bool take_disk(struct options *options, const char *shown, char *value)
{
    return drives_take_disk(&options->drives, shown, value);
}

static bool take_drive(struct options *options, const char *shown, char *value)
{
    return drives_take_drive(&options->drives, shown, value);
}

/* The ATA disks, each with a place of its own. */
#define TAKE_ATA(function, option, index, is_cd)                                      \
    static bool function(struct options *options, const char *shown, char *value)     \
    {                                                                                 \
        return drives_take_ata(&options->drives, shown, option, index, is_cd, value); \
    }
TAKE_ATA(take_hda, "--hda", 0, false)
TAKE_ATA(take_hdb, "--hdb", 1, false)
TAKE_ATA(take_hdc, "--hdc", 2, false)
TAKE_ATA(take_hdd, "--hdd", 3, false)
TAKE_ATA(take_cdrom, "--cdrom", 2, true)

static bool take_fda(struct options *options, const char *shown, char *value)
{
    return drives_take_floppy(&options->drives, shown, "--fda", 0, value);
}

static bool take_fdb(struct options *options, const char *shown, char *value)
{
    return drives_take_floppy(&options->drives, shown, "--fdb", 1, value);
}

static bool take_boot(struct options *options, const char *shown, char *value)
{
    return drives_take_boot(shown, value, options->config.boot_order);
}

static bool take_overlay(struct options *options, const char *shown, char *value)
{
    (void)shown;
    (void)value;
    return options->drives.overlay = true;
}

static bool take_monitor(struct options *options, const char *shown, char *value)
{
    char error[320];

    if (options->monitor) {
        fprintf(stderr, "vmm: %s: more than one monitor\n", shown);
        return false;
    }
    options->monitor = monitor_socket_open(value, error, sizeof(error));
    if (!options->monitor)
        fprintf(stderr, "vmm: %s: %s\n", shown, error);
    return options->monitor;
}

/* Those without a value. */
#define TAKE_FLAG(function, member)                                               \
    static bool function(struct options *options, const char *shown, char *value) \
    {                                                                             \
        (void)shown;                                                              \
        (void)value;                                                              \
        return options->member = true;                                            \
    }
TAKE_FLAG(take_no_reboot, no_reboot)
TAKE_FLAG(take_keep_open, keep_open)
TAKE_FLAG(take_strict, watch.strict)
TAKE_FLAG(take_hold, hold)
TAKE_FLAG(take_paused, paused)
TAKE_FLAG(take_no_second_opinion, no_second_opinion)

static bool take_trace(struct options *options, const char *shown, char *value)
{
    char error[200];

    options->trace = trace_parse(value, error, sizeof(error));
    if (!options->trace)
        fprintf(stderr, "vmm: %s: %s\n", shown, error);
    return options->trace != 0;
}

static bool take_trace_file(struct options *options, const char *shown, char *value)
{
    trace_file_release(options->trace_file);
    options->trace_file = trace_file_new(value);
    if (!options->trace_file)
        fprintf(stderr, "vmm: %s: out of memory\n", shown);
    return options->trace_file != NULL;
}

/* Those that are kept as they are. */
#define TAKE_TEXT(function, member)                                               \
    static bool function(struct options *options, const char *shown, char *value) \
    {                                                                             \
        (void)shown;                                                              \
        options->member = value;                                                  \
        return true;                                                              \
    }
TAKE_TEXT(take_name, name)
TAKE_TEXT(take_cpu, cpu)
TAKE_TEXT(take_append, config.image.command_line)
TAKE_TEXT(take_bios, config.image.bios)
TAKE_TEXT(take_option_rom, config.image.option_rom)
TAKE_TEXT(take_report, report)
TAKE_TEXT(take_save, save)
TAKE_TEXT(take_restore, restore)
TAKE_TEXT(take_record, record)
TAKE_TEXT(take_replay, replay)
TAKE_TEXT(take_com2, com2)

const struct option_kind option_kinds[] = {
    {"name", true, take_name},
    {"memory", true, take_memory},
    {"mem", true, take_memory},
    {"cpu", true, take_cpu},
    {"cpu-limit", true, take_cpu_limit},
    {"baud", true, take_baud},
    {"clock", true, take_clock},
    {"mode", true, take_mode},
    {"load", true, take_load},
    {"start", true, take_start},
    {"seed", true, take_seed},
    {"append", true, take_append},
    {"module", true, take_module},
    {"disk", true, take_disk},
    {"fda", true, take_fda},
    {"fdb", true, take_fdb},
    {"hda", true, take_hda},
    {"hdb", true, take_hdb},
    {"hdc", true, take_hdc},
    {"hdd", true, take_hdd},
    {"cdrom", true, take_cdrom},
    {"drive", true, take_drive},
    {"boot", true, take_boot},
    {"bios", true, take_bios},
    {"option-rom", true, take_option_rom},
    {"overlay", false, take_overlay},
    {"input", true, take_input},
    {"display", true, take_display},
    {"timeout", true, take_timeout},
    {"report", true, take_report},
    {"save", true, take_save},
    {"snapshot", true, take_snapshot},
    {"screenshot", true, take_screenshot},
    {"restore", true, take_restore},
    {"monitor", true, take_monitor},
    {"history", true, take_history},
    {"record", true, take_record},
    {"replay", true, take_replay},
    {"com2", true, take_com2},
    {"restart", true, take_restart},
    {"no-reboot", false, take_no_reboot},
    {"keep-open", false, take_keep_open},
    {"hold", false, take_hold},
    {"paused", false, take_paused},
    {"no-second-opinion", false, take_no_second_opinion},
    {"halt-status", true, take_halt_status},
    {"strict", false, take_strict},
    {"trace", true, take_trace},
    {"trace-file", true, take_trace_file},
    {0},
};

const char *options_conflict(const struct options *options)
{
    if (options->has_seed && !options->config.start.is_real && !options->replay)
        return "--seed is of --start real, and the start is friendly: give both, or none";
    return NULL;
}

const char *options_long_name(const char *word)
{
    static const struct {
        const char *theirs, *ours;
    } names[] = {{"-fda", "--fda"},
                 {"-fdb", "--fdb"},
                 {"-hda", "--hda"},
                 {"-hdb", "--hdb"},
                 {"-hdc", "--hdc"},
                 {"-hdd", "--hdd"},
                 {"-cdrom", "--cdrom"},
                 {"-drive", "--drive"},
                 {"-boot", "--boot"},
                 {"-bios", "--bios"},
                 {"-option-rom", "--option-rom"},
                 {"-snapshot", "--overlay"}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(word, names[i].theirs) == 0)
            return names[i].ours;
    }
    return word;
}

size_t options_files(const struct options *options, struct option_file files[OPTIONS_FILES])
{
    const struct option_file named[] = {
        {"the image", options->config.image.path, FILE_READ},
        {"--bios", options->config.image.bios, FILE_READ},
        {"--option-rom", options->config.image.option_rom, FILE_READ},
        {"--restore", options->restore, FILE_READ},
        {"--replay", options->replay, FILE_READ},
        {"--record", options->record, FILE_WRITE},
        {"--report", options->report, FILE_WRITE},
        {"--com2", options->com2, FILE_WRITE},
        {"--trace-file", trace_file_path(options->trace_file), FILE_WRITE},
        {"--save", options->save, FILE_DRAFT},
        {"--monitor", options->monitor ? monitor_socket_path(options->monitor) : NULL, FILE_REMOVE},
    };
    size_t count = 0;

    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        bool is_stream =
            named[i].use == FILE_WRITE && named[i].path && strcmp(named[i].path, "-") == 0;
        if (named[i].path && !is_stream)
            files[count++] = named[i];
    }
    for (unsigned i = 0; i < options->config.image.module_count; i++)
        files[count++] = (struct option_file){"--module", options->modules[i].path, FILE_READ};
    for (unsigned i = 0; i < options->snapshot_count; i++)
        files[count++] = (struct option_file){"--snapshot", options->snapshots[i], FILE_DRAFT};
    for (unsigned i = 0; i < options->screenshot_count; i++)
        files[count++] = (struct option_file){"--screenshot", options->screenshots[i], FILE_DRAFT};
    return count;
}

/* A file that an option names, or a disk. */
struct used_file {
    struct option_file file; /* path NULL: a disk */
    struct stat status;      /* st_mode 0: it is not there */
};

#define USED_MAX (OPTIONS_FILES + DRIVES_MAX)

static bool is_same_file(const struct used_file *a, const struct used_file *b)
{
    if (a->status.st_mode && b->status.st_mode)
        return S_ISREG(a->status.st_mode) && a->status.st_ino == b->status.st_ino &&
               a->status.st_dev == b->status.st_dev;
    return a->file.path && b->file.path && strcmp(a->file.path, b->file.path) == 0;
}

/* Lists the files of a guest and its disks; returns how many they are. */
static size_t list_used(const struct options *options, struct used_file used[USED_MAX])
{
    struct option_file files[OPTIONS_FILES];
    size_t count = options_files(options, files);

    for (size_t i = 0; i < count; i++) {
        used[i].file = files[i];
        if (stat(files[i].path, &used[i].status) < 0)
            used[i].status.st_mode = 0;
    }
    for (unsigned i = 0; i < options->drives.count; i++) {
        const struct drive *drive = &options->drives.drive[i];
        used[count].file =
            (struct option_file){.option = drive->request.option,
                                 .use = drive->file.disk.read_only ? FILE_READ : FILE_WRITE};
        if (fstat(drive->file.fd, &used[count].status) == 0)
            count++;
    }
    return count;
}

/* Whether two uses of files don't harm each other; of one guest, or of two. */
static bool are_compatible(const struct used_file *a, const struct used_file *b, bool of_one)
{
    const char *option = a->file.option;

    if ((a->file.use == FILE_READ && b->file.use == FILE_READ) || !is_same_file(a, b))
        return true;
    if (!a->file.path && !b->file.path)
        return true; /* the locks of disks see to it */
    if (strcmp(option, "--trace-file") == 0 && a->file.path == b->file.path)
        return true; /* one trace of all guests */
    if (a->file.use == FILE_DRAFT && b->file.use == FILE_DRAFT)
        return of_one; /* the last one stays */
    /* A snapshot may take the place of the one it goes on from. */
    return of_one && strcmp(option, "--restore") == 0 && b->file.use == FILE_DRAFT;
}

bool options_check(const struct options *options, size_t guests)
{
    struct used_file *files = calloc(guests * USED_MAX, sizeof(*files));
    size_t *owner = calloc(guests * USED_MAX, sizeof(*owner)), count = 0;
    bool ok = files && owner;

    if (!ok)
        fprintf(stderr, "vmm: no memory for the options of %zu guests\n", guests);
    for (size_t i = 0; ok && i < guests; i++) {
        size_t more = list_used(&options[i], files + count);
        while (more-- > 0)
            owner[count++] = i;
    }
    for (size_t a = 0; ok && a < count; a++) {
        for (size_t b = a + 1; ok && b < count; b++) {
            ok = are_compatible(&files[a], &files[b], owner[a] == owner[b]);
            if (!ok)
                fprintf(stderr, "vmm: %s and %s are the same file%s%s\n", files[a].file.option,
                        files[b].file.option, files[a].file.path ? ": " : "",
                        files[a].file.path ? files[a].file.path : "");
        }
    }
    free(files);
    free(owner);
    return ok;
}

bool options_begin_trace(struct options *options, const char *guest, char *error, size_t error_size)
{
    options->watch.trace = NULL;
    if (options->trace_file && !options->trace)
        options->trace = TRACE_ALL;
    if (!options->trace)
        return true;
    if (!options->trace_file)
        options->trace_file = trace_file_new("-");
    if (options->trace_file)
        options->watch.trace =
            trace_open(options->trace_file, options->trace, guest, error, error_size);
    else
        snprintf(error, error_size, "out of memory");
    return options->watch.trace != NULL;
}

static bool take_word(struct options *options, char *word)
{
    char shown[320];
    char *value = strchr(word, '=');

    snprintf(shown, sizeof(shown), "%s", word);
    if (value)
        *value++ = '\0';
    for (const struct option_kind *kind = option_kinds; kind->name; kind++) {
        if (strcmp(kind->name, word) != 0)
            continue;
        if (kind->has_value != (value != NULL)) {
            fprintf(stderr, "vmm: %s: %s\n", shown,
                    value ? "this takes no value" : "this needs a value (NAME=VALUE)");
            return false;
        }
        return kind->take(options, shown, value);
    }
    fprintf(stderr,
            "vmm: %s: a guest has no such option (a comma in a file's name is written "
            "twice)\n",
            shown);
    return false;
}

static void take_path(struct options *options, const char *path)
{
    options->config.image.path = path;
    if (!options->name)
        options->name = name_of(path);
}

bool options_take_image(struct options *options, char *text)
{
    char *rest = drives_cut_word(text);

    take_path(options, text);
    while (rest) {
        char *word = rest;
        rest = drives_cut_word(word);
        if (!take_word(options, word))
            return false;
    }
    return true;
}

/* Ends the word at `text` at a blank that is in no quotes, which vanish. Returns what is behind it,
 * or NULL. */
static char *cut_quoted(char *text)
{
    char *to = text;
    bool is_quoted = false;

    for (; *text && (is_quoted || !strchr(" \t", *text)); text++) {
        if (*text == '"')
            is_quoted = !is_quoted;
        else
            *to++ = *text;
    }
    if (*text)
        text++;
    else
        text = NULL;
    *to = '\0';
    return text ? text + strspn(text, " \t") : NULL;
}

bool options_take_line(struct options *options, char *text)
{
    char *rest = cut_quoted(text);

    take_path(options, text);
    while (rest && *rest) {
        char *word = rest;
        rest = cut_quoted(word);
        if (!take_word(options, word))
            return false;
    }
    return true;
}
