/*
 * A recording that `vmm run --cast` has made, as a picture (SVG): a moving one, or with --at the
 * screen at one moment.
 *
 * A screen is a column of lines, and most of them stay while one changes. So each line that is ever
 * seen is drawn once, each row of the screen is a strip of those that it shows, and CSS moves the
 * strips behind windows of one line. The same recording always gives the same bytes.
 */
#include "front/screen/vt.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pixels. A monospaced font's characters are three fifths of its size wide. */
enum { CELL_WIDTH = 9, CELL_HEIGHT = 18, FONT_SIZE = 15, BASELINE = 14, MARGIN = 12 };

#define FRAME_S 0.1 /* what changes within it is shown at once */
#define HOLD_S  4.0 /* the last frame, before it begins again */

#define FOREGROUND 0xd8dee9u
#define BACKGROUND 0x12161eu

/* A row of the screen: which lines it shows, and from when on each. */
struct strip {
    size_t *lines; /* each once: places in the strip */
    size_t line_count;
    struct change {
        double time; /* s */
        size_t place;
    } * changes;
    size_t change_count;
};

struct picture {
    struct vt vt;
    char **lines; /* SVG of every line that was seen */
    size_t line_count;
    struct strip *strips; /* a row each */
    double end;           /* s */
};

/* An array of `count` that takes one more: its size is the next power of two. */
static void *with_room(void *array, size_t count, size_t size)
{
    if ((count & (count - 1)) == 0)
        array = reallocarray(array, count ? 2 * count : 1, size);
    if (!array)
        err(2, NULL);
    return array;
}

/* ---- a line ---- */

static uint32_t palette(uint32_t index)
{
    static const uint32_t first[16] = {0x2e3440, 0xe06c75, 0x98c379, 0xe5c07b, 0x61afef, 0xc678dd,
                                       0x56b6c2, 0xd8dee9, 0x5c6370, 0xff7a85, 0xb5e890, 0xffd68a,
                                       0x82c4ff, 0xe29bf5, 0x7fdbe6, 0xffffff};
    static const uint32_t cube[6] = {0, 95, 135, 175, 215, 255};

    if (index < 16)
        return first[index];
    if (index >= 232)
        return (8 + 10 * (index - 232)) * 0x010101;
    index -= 16;
    return cube[index / 36] << 16 | cube[index / 6 % 6] << 8 | cube[index % 6];
}

static uint32_t rgb(uint32_t colour, uint32_t otherwise)
{
    if (!colour)
        return otherwise;
    return colour >> 24 == 1 ? palette(colour & 0xff) : colour & 0xffffff;
}

/* A style as it is painted. */
struct paint {
    uint32_t fg, bg;
    uint32_t bits; /* of STYLE_: all but STYLE_REVERSE */
};

static struct paint paint_of(struct style style)
{
    uint32_t fg = rgb(style.fg, FOREGROUND), bg = rgb(style.bg, BACKGROUND);
    bool is_reverse = style.bits & STYLE_REVERSE;

    return (struct paint){is_reverse ? bg : fg, is_reverse ? fg : bg,
                          style.bits & ~(uint32_t)STYLE_REVERSE};
}

static bool is_ascii(const struct cell *cell)
{
    return cell->code > ' ' && cell->code < 0x7f;
}

static bool is_blank(const struct cell *cell)
{
    return cell->code == 0 || cell->code == ' ' || cell->code == CELL_TAIL;
}

/* How many cells from `at` on are one piece of text: fonts differ on how wide what is not ASCII is.
 */
static int text_length(const struct cell *cells, int at, int count)
{
    struct paint paint = paint_of(cells[at].style);
    int length = 1;

    if (!is_ascii(&cells[at]))
        return at + 1 < count && cells[at + 1].code == CELL_TAIL ? 2 : 1;
    for (int next = at + 1; next < count; next++) {
        struct paint other = paint_of(cells[next].style);
        if (other.fg != paint.fg || other.bits != paint.bits)
            break;
        if (is_ascii(&cells[next]))
            length = next + 1 - at;
        else if (!is_blank(&cells[next]) || next > at + length)
            break; /* one blank is part of the text, two are not */
    }
    return length;
}

static void put_code(FILE *to, uint32_t code)
{
    if (code == 0)
        code = ' ';
    if (code > ' ' && code < 0x7f && !strchr("&<>", (int)code))
        fputc((int)code, to);
    else if (code == ' ')
        fputc(' ', to);
    else
        fprintf(to, "&#x%x;", (code & 0xfffe) == 0xfffe ? 0xfffd : code); /* U+FFFE is no XML */
}

static void put_text(FILE *to, const struct cell *cells, int at, int length)
{
    struct paint paint = paint_of(cells[at].style);

    fprintf(to, "<text x=\"%d\" y=\"%d\"", at * CELL_WIDTH, BASELINE);
    if (length > 1 && is_ascii(&cells[at]))
        fprintf(to, " textLength=\"%d\"", length * CELL_WIDTH);
    if (paint.fg != FOREGROUND)
        fprintf(to, " fill=\"#%06x\"", paint.fg);
    if (paint.bits)
        fprintf(to, " class=\"%s%s%s\"", paint.bits & STYLE_BOLD ? "b " : "",
                paint.bits & STYLE_UNDERLINE ? "u " : "", paint.bits & STYLE_DIM ? "d" : "");
    fputc('>', to);
    for (int i = 0; i < length; i++) {
        if (cells[at + i].code != CELL_TAIL)
            put_code(to, cells[at + i].code);
    }
    fputs("</text>", to);
}

/* The lines of a split screen, which must meet: no font's do everywhere. */
static bool put_border(FILE *to, const struct cell *cells, int at, int *length, int count)
{
    struct paint paint = paint_of(cells[at].style);
    uint32_t code = cells[at].code;
    int end = at + 1;

    if (code != 0x2500 && code != 0x2502)
        return false;
    while (code == 0x2500 && end < count && cells[end].code == code &&
           paint_of(cells[end].style).bits == paint.bits)
        end++;
    *length = end - at;
    if (code == 0x2500)
        fprintf(to, "<path d=\"M%d %dh%d\"", at * CELL_WIDTH, CELL_HEIGHT / 2,
                *length * CELL_WIDTH);
    else
        fprintf(to, "<path d=\"M%d.5 0v%d\"", at * CELL_WIDTH + CELL_WIDTH / 2, CELL_HEIGHT);
    fprintf(to, "%s/>", paint.bits & STYLE_DIM ? " class=\"d\"" : "");
    return true;
}

static void put_backgrounds(FILE *to, const struct cell *cells, int count)
{
    for (int at = 0, end; at < count; at = end) {
        uint32_t bg = paint_of(cells[at].style).bg;
        for (end = at + 1; end < count && paint_of(cells[end].style).bg == bg;)
            end++;
        if (bg != BACKGROUND)
            fprintf(to, "<rect x=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%06x\"/>",
                    at * CELL_WIDTH, (end - at) * CELL_WIDTH, CELL_HEIGHT, bg);
    }
}

/* SVG of a line of cells, to be freed. */
static char *draw_line(const struct cell *cells, int count)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);

    if (!to)
        err(2, NULL);
    put_backgrounds(to, cells, count);
    for (int at = 0, length; at < count; at += length) {
        length = 1;
        if (is_blank(&cells[at]) || put_border(to, cells, at, &length, count))
            continue;
        length = text_length(cells, at, count);
        put_text(to, cells, at, length);
    }
    if (fclose(to) != 0)
        err(2, NULL);
    return text;
}

/* ---- frames ---- */

/* The number of a line, which is the picture's from now on. */
static size_t number_of(struct picture *picture, char *line)
{
    for (size_t i = 0; i < picture->line_count; i++) {
        if (strcmp(picture->lines[i], line) == 0) {
            free(line);
            return i;
        }
    }
    picture->lines = with_room(picture->lines, picture->line_count, sizeof(*picture->lines));
    picture->lines[picture->line_count] = line;
    return picture->line_count++;
}

static size_t place_of(struct strip *strip, size_t line)
{
    for (size_t i = 0; i < strip->line_count; i++) {
        if (strip->lines[i] == line)
            return i;
    }
    strip->lines = with_room(strip->lines, strip->line_count, sizeof(*strip->lines));
    strip->lines[strip->line_count] = line;
    return strip->line_count++;
}

static void show(struct strip *strip, size_t line, double time)
{
    size_t place = place_of(strip, line), count = strip->change_count;

    if (count > 0 && strip->changes[count - 1].place == place)
        return;
    strip->changes = with_room(strip->changes, count, sizeof(*strip->changes));
    strip->changes[count] = (struct change){count ? time : 0, place};
    strip->change_count++;
}

/* What the terminal shows now is what is to be seen from `time` on. */
static void take_frame(struct picture *picture, double time)
{
    const struct vt *vt = &picture->vt;
    struct cell cells[GRID_COLUMNS_MAX];

    for (int row = 0; row < vt->rows; row++) {
        memcpy(cells, vt->cells + row * vt->columns, (size_t)vt->columns * sizeof(*cells));
        if (vt->is_visible && vt->cursor.row == row)
            cells[vt->cursor.column].style.bits ^= STYLE_REVERSE;
        show(&picture->strips[row], number_of(picture, draw_line(cells, vt->columns)), time);
    }
    picture->end = time;
}

/* ---- the recording ---- */

/* The text of a string of JSON, in its place, up to the closing quote; NULL: it is none of ours. */
static char *unescape(char *from, size_t *length)
{
    char *to = from, *begin = from;
    unsigned code;
    int used;

    while (*from != '"') {
        if (!*from)
            return NULL;
        if (*from != '\\') {
            *to++ = *from++;
        } else if (strchr("\"\\/", from[1]) && from[1]) {
            *to++ = from[1];
            from += 2;
        } else if (sscanf(from, "\\u%4x%n", &code, &used) == 1 && used == 6 && code < 0x80) {
            *to++ = (char)code;
            from += used;
        } else {
            return NULL;
        }
    }
    *length = (size_t)(to - begin);
    return begin;
}

static void begin(struct picture *picture, const char *header)
{
    const char *width = strstr(header, "\"width\":"), *height = strstr(header, "\"height\":");
    int columns = width ? atoi(width + strlen("\"width\":")) : 0;
    int rows = height ? atoi(height + strlen("\"height\":")) : 0;

    if (!strstr(header, "\"version\": 2") || rows < 1 || columns < 1 || rows > GRID_ROWS_MAX ||
        columns > GRID_COLUMNS_MAX)
        errx(2, "the first line is no header of asciinema's version 2 with a size");
    if (!vt_init(&picture->vt, rows, columns))
        err(2, NULL);
    picture->strips = calloc((size_t)rows, sizeof(*picture->strips));
    if (!picture->strips)
        err(2, NULL);
}

/* Plays a recording up to `until`, s; below 0: all of it, and keeps what was seen on the way. */
static void play(struct picture *picture, FILE *file, double until)
{
    double time, since = -1; /* when what is not yet a frame has begun */
    size_t size = 0, length;
    char *line = NULL, kind;

    if (getline(&line, &size, file) < 0)
        errx(2, "the recording is empty");
    begin(picture, line);
    for (int number = 2, text; getline(&line, &size, file) >= 0; number++) {
        char *bytes;
        if (sscanf(line, "[%lf, \"%c\", \"%n", &time, &kind, &text) != 2)
            errx(2, "line %d is no event", number);
        if (kind == 'r')
            errx(2, "line %d: a screen that changes its size makes no picture", number);
        if (kind != 'o')
            continue;
        bytes = unescape(line + text, &length);
        if (!bytes)
            errx(2, "line %d is not as vmm writes it", number);
        if (until >= 0 && time > until)
            break;
        if (until < 0 && since >= 0 && time - since >= FRAME_S) {
            take_frame(picture, since);
            since = -1;
        }
        vt_write(&picture->vt, bytes, length);
        since = since < 0 ? time : since;
    }
    free(line);
    take_frame(picture, since < 0 ? 0 : since);
}

/* ---- the picture ---- */

static const char style[] =
    "text{font:%dpx ui-monospace,'SF Mono',Menlo,'DejaVu Sans Mono',Consolas,'Liberation Mono',"
    "'Noto Sans Mono CJK KR',D2Coding,monospace}path{stroke:#%06x}"
    ".b{font-weight:bold}.d{opacity:.5}.u{text-decoration:underline}\n";

/* When a row shows which of its lines, in percent of the whole. */
static void put_keyframes(const struct strip *strip, int row, double duration)
{
    if (strip->change_count < 2)
        return;
    printf("#r%d{animation:k%d %.2fs step-end infinite}@keyframes k%d{", row, row, duration, row);
    for (size_t i = 0; i < strip->change_count; i++)
        printf("%.3f%%{transform:translateY(-%zupx)}", strip->changes[i].time / duration * 100,
               strip->changes[i].place * CELL_HEIGHT);
    printf("}\n");
}

static void put_strip(const struct strip *strip, int row, int width)
{
    size_t last = strip->changes[strip->change_count - 1].place;

    printf("<svg y=\"%d\" width=\"%d\" height=\"%d\"><g id=\"r%d\"", row * CELL_HEIGHT, width,
           CELL_HEIGHT, row);
    if (last > 0) /* without animations the end is shown */
        printf(" transform=\"translate(0,-%zu)\"", last * CELL_HEIGHT);
    putchar('>');
    for (size_t i = 0; i < strip->line_count; i++)
        printf("<use href=\"#l%zu\" y=\"%zu\"/>", strip->lines[i], i * CELL_HEIGHT);
    printf("</g></svg>\n");
}

static void put_picture(const struct picture *picture)
{
    const struct vt *vt = &picture->vt;
    int width = vt->columns * CELL_WIDTH, height = vt->rows * CELL_HEIGHT;

    printf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
           "height=\"%d\">\n<style>",
           width + 2 * MARGIN, height + 2 * MARGIN, width + 2 * MARGIN, height + 2 * MARGIN);
    printf(style, FONT_SIZE, FOREGROUND);
    for (int row = 0; row < vt->rows; row++)
        put_keyframes(&picture->strips[row], row, picture->end + HOLD_S);
    printf("@media (prefers-reduced-motion){g{animation:none!important}}</style>\n<defs>\n");
    for (size_t i = 0; i < picture->line_count; i++)
        printf("<g id=\"l%zu\">%s</g>\n", i, picture->lines[i]);
    printf("</defs>\n<rect width=\"100%%\" height=\"100%%\" rx=\"8\" fill=\"#%06x\"/>\n"
           "<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%06x\">\n",
           BACKGROUND, MARGIN, MARGIN, width, height, FOREGROUND);
    for (int row = 0; row < vt->rows; row++)
        put_strip(&picture->strips[row], row, width);
    printf("</svg>\n</svg>\n");
}

static void free_picture(struct picture *picture)
{
    for (int row = 0; row < picture->vt.rows; row++) {
        free(picture->strips[row].lines);
        free(picture->strips[row].changes);
    }
    for (size_t i = 0; i < picture->line_count; i++)
        free(picture->lines[i]);
    free(picture->lines);
    free(picture->strips);
    vt_free(&picture->vt);
}

int main(int argc, char **argv)
{
    struct picture picture = {0};
    bool is_still = argc == 4 && strcmp(argv[1], "--at") == 0;
    double until = is_still ? atof(argv[2]) : -1;
    FILE *file;

    if (argc != 2 && !is_still)
        errx(2, "usage: cast2svg [--at SECONDS] CAST >SVG");
    file = fopen(argv[argc - 1], "re");
    if (!file)
        err(2, "can't read %s", argv[argc - 1]);
    play(&picture, file, until);
    fclose(file);
    put_picture(&picture);
    free_picture(&picture);
    if (fflush(stdout) != 0 || ferror(stdout))
        err(2, "can't write the picture");
    return 0;
}
