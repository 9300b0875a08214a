/* stamped_read.c - what was stamped at one size of a log, out of the files beside it
 * (docs/format.md 9.4), for whoever hands a part of the log over.
 *
 * Failure modes: what is not right beside the log is passed over, since nothing may be handed over
 * that would not stand; check tells of it. */
#include <akashi/stamped.h>

#include <akashi/note.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Replies that are looked at of one size. */
#define LOOKED_AT_MAX 64u

/* Longest name beside a log: 20 digits, and the longest K of a reply. */
#define NAME_BYTES 64u

static char *read_beside(const struct ak_log_tree *tree, uint64_t size, const char *rest,
                         size_t max, size_t *len)
{
    char name[NAME_BYTES];
    char *data = NULL;

    (void)snprintf(name, sizeof(name), "%020" PRIu64 ".%s", size, rest);
    return ak_log_tree_beside(tree, name, max, &data, len, NULL) == AK_OK ? data : NULL;
}

static void read_replies(const struct ak_log_tree *tree, uint64_t size, struct ak_stamped *out)
{
    uint64_t number[LOOKED_AT_MAX];
    size_t n = ak_log_tree_stamps(tree, size, number, LOOKED_AT_MAX);

    for (size_t i = 0; i < n && out->count < AK_STAMPED_REPLIES; i++) {
        struct ak_timestamp stamp;
        char rest[NAME_BYTES / 2];
        size_t len;
        char *data;

        (void)snprintf(rest, sizeof(rest), "%" PRIu64 ".tsr", number[i]);
        data = read_beside(tree, size, rest, AK_TIMESTAMP_BYTES_MAX, &len);
        if (data == NULL)
            continue;
        if (ak_timestamp_judge(data, len, out->note, out->len, NULL, &stamp, NULL) == AK_OK)
            out->reply[out->count++] = (struct ak_stamped_reply){data, len};
        else
            free(data);
    }
}

bool ak_stamped_read(const struct ak_log_tree *tree, uint64_t size, struct ak_stamped *out)
{
    struct ak_note parsed;

    memset(out, 0, sizeof(*out));
    out->note = read_beside(tree, size, "stamped", AK_NOTE_BYTES_MAX, &out->len);
    if (out->note != NULL && ak_note_parse(&parsed, out->note, out->len, NULL) == AK_OK &&
        parsed.count == 2)
        read_replies(tree, size, out);
    if (out->count > 0)
        return true;
    ak_stamped_free(out);
    return false;
}

char *ak_stamped_cosigned(const struct ak_log_tree *tree, uint64_t size,
                          const struct ak_stamped *stamped, size_t *len)
{
    char *note = read_beside(tree, size, "cosigned", AK_NOTE_BYTES_MAX, len);
    struct ak_note a;
    struct ak_note b;

    if (note != NULL && ak_note_parse(&a, note, *len, NULL) == AK_OK &&
        ak_note_parse(&b, stamped->note, stamped->len, NULL) == AK_OK && a.text_len == b.text_len &&
        memcmp(a.text, b.text, a.text_len) == 0)
        return note;
    free(note);
    return NULL;
}
