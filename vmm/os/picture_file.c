/*
 * Pictures of a screen as PNG files, by libpng; without it there are none.
 */
#include "picture_file.h"

#include "file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_LIBPNG
#include <png.h>

#define SIZE_MAX_OF_PICTURE 4096 /* each way */

static int fail(char *error, size_t error_size, const char *what, const char *path, const char *why)
{
    snprintf(error, error_size, "can't %s the picture %s: %s", what, path, why);
    return -1;
}

/* Bytes red, green, blue; to be freed. NULL: no memory. */
static uint8_t *to_bytes(const struct display *display)
{
    size_t count = (size_t)display->width * display->height;
    uint8_t *bytes = malloc(3 * count);

    for (size_t i = 0; bytes && i < count; i++) {
        bytes[3 * i] = (uint8_t)(display->pixels[i] >> 16);
        bytes[3 * i + 1] = (uint8_t)(display->pixels[i] >> 8);
        bytes[3 * i + 2] = (uint8_t)display->pixels[i];
    }
    return bytes;
}

int picture_write(const struct display *display, const char *path, char *error, size_t error_size)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = display->width,
                       .height = display->height,
                       .format = PNG_FORMAT_RGB};
    uint8_t *bytes = to_bytes(display);
    FILE *file = bytes ? file_stream(path, FILE_DRAFT) : NULL;
    int failure;
    bool ok;

    if (!file) {
        failure = bytes ? errno : ENOMEM;
        free(bytes);
        return fail(error, error_size, "write", path, strerror(failure));
    }
    ok = png_image_write_to_stdio(&image, file, 0, bytes, 0, NULL);
    free(bytes);
    failure = fclose(file) == 0 ? 0 : errno;
    if (!ok || failure) {
        file_do(path, FILE_DROP);
        return fail(error, error_size, "write", path, ok ? strerror(failure) : image.message);
    }
    failure = -file_do(path, FILE_KEEP);
    return failure > 0 ? fail(error, error_size, "write", path, strerror(failure)) : 0;
}

/* Reads what follows the header; the colours of pixels that are not opaque are those on black. */
static bool read_pixels(png_image *image, struct display *display)
{
    static const png_color black = {0, 0, 0};
    size_t count;
    uint8_t *bytes;

    image->format = PNG_FORMAT_RGB;
    if (image->width > SIZE_MAX_OF_PICTURE || image->height > SIZE_MAX_OF_PICTURE) {
        snprintf(image->message, sizeof(image->message), "it is larger than a screen");
        return false;
    }
    count = (size_t)image->width * image->height;
    bytes = malloc(3 * count);
    if (!bytes || !display_set_size(display, image->width, image->height)) {
        snprintf(image->message, sizeof(image->message), "out of memory");
        free(bytes);
        return false;
    }
    if (!png_image_finish_read(image, &black, bytes, 0, NULL)) {
        free(bytes);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        display->pixels[i] =
            (uint32_t)bytes[3 * i] << 16 | (uint32_t)bytes[3 * i + 1] << 8 | bytes[3 * i + 2];
    free(bytes);
    return true;
}

int picture_read(struct display *display, const char *path, char *error, size_t error_size)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    FILE *file = file_stream(path, FILE_READ);
    bool ok;

    if (!file)
        return fail(error, error_size, "read", path, strerror(errno));
    ok = png_image_begin_read_from_stdio(&image, file) && read_pixels(&image, display);
    fclose(file);
    if (!ok)
        fail(error, error_size, "read", path, image.message);
    png_image_free(&image);
    return ok ? 0 : -1;
}

#else

static int refuse(const char *path, char *error, size_t error_size)
{
    snprintf(error, error_size,
             "%s: this vmm was built without libpng: install libpng-dev, and build it anew", path);
    return -1;
}

int picture_write(const struct display *display, const char *path, char *error, size_t error_size)
{
    (void)display;
    return refuse(path, error, error_size);
}

int picture_read(struct display *display, const char *path, char *error, size_t error_size)
{
    (void)display;
    return refuse(path, error, error_size);
}

#endif
