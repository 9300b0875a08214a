/* store_names.c - what the names in a log's directory say (docs/format.md 9.1), one by one.
 *
 * A name is taken for what it says only in its one form. Nothing is opened. */
#include "store_list.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define INDEX_DIGITS   20u
#define RENEWAL_PREFIX "renewal."

/* Twenty digits that are below 2^63, in front of a '.'. */
static bool read_index(const char *name, uint64_t *index)
{
    *index = 0;
    if (strspn(name, "0123456789") != INDEX_DIGITS || name[INDEX_DIGITS] != '.')
        return false;
    for (unsigned i = 0; i < INDEX_DIGITS; i++) {
        if (*index > ((uint64_t)INT64_MAX - 9) / 10)
            return false;
        *index = *index * 10 + (uint64_t)(name[i] - '0');
    }
    return true;
}

/* A decimal number below 2^32 in its one form, ended by `end`. */
static bool read_number(const char *text, const char *end, uint32_t *number)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t value = 0;

    if (digits == 0 || digits > 9 || (digits > 1 && text[0] == '0') ||
        strcmp(text + digits, end) != 0)
        return false;
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (uint64_t)(text[i] - '0');
    *number = (uint32_t)value;
    return true;
}

void ak_list_read_name(struct ak_list_file *file)
{
    const char *rest;
    uint32_t number;

    if (strcmp(file->name, "checkpoint") == 0)
        file->type = AK_LIST_CHECKPOINT;
    if (!read_index(file->name, &file->first))
        return;
    rest = file->name + INDEX_DIGITS + 1;
    if (strcmp(rest, "open.zst") == 0) {
        file->named = true;
        file->open = true;
        file->type = AK_LIST_SEGMENT;
    } else if (read_number(rest, ".zst", &file->generation)) {
        file->named = true;
        file->type = AK_LIST_SEGMENT;
    } else if (strcmp(rest, "torn") == 0 || read_number(rest, ".torn", &number)) {
        file->type = AK_LIST_TORN;
    } else if (strcmp(rest, "cosigned") == 0) {
        file->type = AK_LIST_COSIGNED;
    } else if (strcmp(rest, "stamped") == 0) {
        file->type = AK_LIST_STAMPED;
    } else if (read_number(rest, ".tsr", &file->generation)) {
        file->type = AK_LIST_STAMP;
    } else if (strcmp(rest, "renewal") == 0) {
        file->type = AK_LIST_RENEWAL;
    } else if (strncmp(rest, RENEWAL_PREFIX, sizeof(RENEWAL_PREFIX) - 1) == 0 &&
               read_number(rest + sizeof(RENEWAL_PREFIX) - 1, ".tsr", &file->generation)) {
        file->type = AK_LIST_RENEWAL_STAMP;
    }
}

DIR *ak_list_stream(int dir_fd, struct ak_error *err)
{
    int own = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = own < 0 ? NULL : fdopendir(own);

    if (dir == NULL) {
        (void)ak_fail_errno(err, errno, "list the directory");
        if (own >= 0)
            close(own);
    }
    return dir;
}

enum ak_code ak_list_each_name(int dir_fd, ak_list_name_fn on_name, void *ctx, struct ak_error *err)
{
    DIR *dir = ak_list_stream(dir_fd, err);
    struct dirent *entry;

    if (dir == NULL)
        return AK_EIO;
    while ((entry = readdir(dir)) != NULL) {
        struct ak_list_file file = {.name = entry->d_name, .type = AK_LIST_UNKNOWN};
        ak_list_read_name(&file);
        on_name(ctx, &file);
    }
    closedir(dir);
    return AK_OK;
}
