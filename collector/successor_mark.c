/* successor_mark.c - the text of a mark: word, id and cause, a line each, and one of the command's
 * words where it was given. */
#include "successor_mark.h"

#include "disk.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK_MODE 0400

static const char *const word[] = {"none", "making", "waiting", "followed", "ended"};

size_t ak_successor_mark_text(const struct ak_successor_mark *mark, char *out)
{
    char cause[AK_ERROR_TEXT_BYTES];
    size_t len = strnlen(mark->cause, sizeof(cause) - 1);
    int n;

    for (size_t i = 0; i < len; i++)
        cause[i] =
            (unsigned char)mark->cause[i] < 0x20 || mark->cause[i] == 0x7f ? '?' : mark->cause[i];
    cause[len] = '\0';
    n = snprintf(out, AK_SUCCESSOR_MARK_BYTES_MAX, "%s\n%s\n%s\n%s%s", word[mark->state], mark->old,
                 cause, mark->words, mark->words[0] == '\0' ? "" : "\n");
    return n < 0 ? 0 : (size_t)n; /* all four always fit */
}

/* Takes the next line off `*at`, which ends in a NUL; NULL if there is none. */
static char *next_line(char **at)
{
    char *line = *at;
    char *end = strchr(line, '\n');

    if (end == NULL)
        return NULL;
    *end = '\0';
    *at = end + 1;
    return line;
}

static bool is_hex(const char *text, size_t len)
{
    return strlen(text) == len && strspn(text, "0123456789abcdef") == len;
}

static enum ak_code parse(char *text, struct ak_successor_mark *mark)
{
    const char *state = next_line(&text);
    const char *old = state == NULL ? NULL : next_line(&text);
    const char *cause = old == NULL ? NULL : next_line(&text);
    const char *words = cause == NULL ? NULL : next_line(&text);

    if (cause == NULL || !is_hex(old, AK_LOG_ID_CHARS) ||
        (words != NULL && !is_hex(words, sizeof(mark->words) - 1)))
        return AK_EMALFORMED;
    for (unsigned i = AK_SUCCESSOR_MAKING; i <= AK_SUCCESSOR_ENDED; i++) {
        if (strcmp(state, word[i]) == 0)
            mark->state = (enum ak_successor_state)i;
    }
    memcpy(mark->old, old, sizeof(mark->old));
    (void)snprintf(mark->cause, sizeof(mark->cause), "%s", cause);
    (void)snprintf(mark->words, sizeof(mark->words), "%s", words == NULL ? "" : words);
    return mark->state == AK_SUCCESSOR_NONE ? AK_EMALFORMED : AK_OK;
}

enum ak_code ak_successor_mark_read(int dir_fd, struct ak_successor_mark *mark,
                                    struct ak_error *err)
{
    unsigned char *data;
    size_t len;
    enum ak_code rc = ak_disk_read(dir_fd, AK_SUCCESSOR_MARK_FILE, AK_SUCCESSOR_MARK_BYTES_MAX,
                                   &data, &len, NULL, NULL, err);

    memset(mark, 0, sizeof(*mark));
    if (rc != AK_OK)
        return rc == AK_ENOTFOUND ? AK_OK : rc;
    rc = parse((char *)data, mark);
    free(data);
    return rc == AK_OK
               ? rc
               : ak_fail(err, rc,
                         "the file " AK_SUCCESSOR_MARK_FILE " is none that the collector wrote");
}

enum ak_code ak_successor_mark_put(int dir_fd, const struct ak_successor_mark *mark,
                                   struct ak_error *err)
{
    char text[AK_SUCCESSOR_MARK_BYTES_MAX];
    size_t len = ak_successor_mark_text(mark, text);

    return ak_disk_put(dir_fd, AK_SUCCESSOR_MARK_FILE ".new", dir_fd, AK_SUCCESSOR_MARK_FILE,
                       MARK_MODE, text, len, err);
}
