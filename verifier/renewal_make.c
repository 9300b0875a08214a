/* renewal_make.c - lists the files of a log's directory for a renewal (format.md 9.5). */
#include "store_list.h"

#include <akashi/renewal.h>

#include <stdio.h>
#include <stdlib.h>

#define HEAD_BYTES 1024u

static enum ak_code add_files(FILE *out, int dir_fd, const struct ak_list *list, uint64_t *count,
                              struct ak_error *err)
{
    char line[AK_RENEWAL_LINE_BYTES_MAX + 1];
    enum ak_code rc = AK_OK;

    for (size_t i = 0; rc == AK_OK && i < list->count; i++) {
        struct ak_renewal_file file = {0};
        if (!ak_renewal_holds(list->file[i].name))
            continue;
        (void)snprintf(file.name, sizeof(file.name), "%s", list->file[i].name);
        rc = ak_renewal_digest(dir_fd, &file, err);
        if (rc == AK_OK) {
            fwrite(line, 1, ak_renewal_write_line(line, sizeof(line), &file), out);
            ++*count;
        }
    }
    if (rc == AK_OK && *count == 0)
        rc = ak_fail(err, AK_ENOTFOUND,
                     "the log has no sealed segment and no time stamp: there is nothing to renew");
    return rc;
}

enum ak_code ak_renewal_make(int dir_fd, const char *origin, uint64_t size, char **text,
                             size_t *len, uint64_t *count, struct ak_error *err)
{
    char head[HEAD_BYTES];
    struct ak_list list = {0};
    FILE *out;
    enum ak_code rc;

    *text = NULL;
    *count = 0;
    out = open_memstream(text, len);
    if (out == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the list");
    rc = ak_list_log_dir(dir_fd, &list, err);
    if (rc == AK_OK && list.full)
        rc = ak_fail(err, AK_ELIMIT, "the log has more than %u files", AK_LIST_FILES_MAX);
    if (rc == AK_OK) {
        fwrite(head, 1, ak_renewal_write_head(head, sizeof(head), origin, size), out);
        rc = add_files(out, dir_fd, &list, count, err);
    }
    if (fclose(out) != 0 && rc == AK_OK)
        rc = ak_fail(err, AK_ENOMEM, "no memory for the list");
    ak_list_free(&list);
    if (rc != AK_OK) {
        free(*text);
        *text = NULL;
    }
    return rc;
}
