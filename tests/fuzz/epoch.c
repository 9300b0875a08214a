/* epoch.c - start notes of epochs from hostile bytes, under the origin that they name themselves,
 * as whoever made up a log of his own would have it: what is taken is within its bounds and fits
 * that origin, what is refused says why, no change of a note keeps its signatures, and the keys of
 * a note vouch for no other. */
#include <akashi/epoch.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* The second line; false if there is none that can be an origin. */
static bool named_origin(const char *text, size_t len, char origin[AK_LOG_ORIGIN_BYTES_MAX + 1])
{
    const char *begin = memchr(text, '\n', len);
    const char *end;

    if (begin == NULL)
        return false;
    begin++;
    end = memchr(begin, '\n', len - (size_t)(begin - text));
    if (end == NULL || ak_origin_check(begin, (size_t)(end - begin), NULL) != AK_OK)
        return false;
    memcpy(origin, begin, (size_t)(end - begin));
    origin[end - begin] = '\0';
    return true;
}

static void judge_changed(const struct ak_epoch_note *good, const uint8_t *data, size_t size)
{
    const struct ak_vkey log = good->log;
    struct ak_epoch_note note;
    uint8_t *changed = malloc(size);

    check(changed != NULL);
    for (size_t at = 0; at < size; at += 1 + size / 16) {
        memcpy(changed, data, size);
        changed[at] ^= 1;
        check(ak_epoch_note_verify(&note, changed, size, &log, NULL, NULL) != AK_OK ||
              good->epoch > 0); /* the line of the epoch before is not checked here */
    }
    free(changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    struct ak_log_checkpoint checkpoint;
    struct ak_epoch_note note, again;
    struct ak_error err = {0};
    enum ak_code rc;

    if (!named_origin((const char *)data, size, origin))
        return 0;
    rc = ak_epoch_note_parse(&note, data, size, origin, &err);
    check(rc == AK_OK || err.text[0] != '\0');
    if (rc != AK_OK)
        return 0;
    check(strcmp(note.origin, origin) == 0 && strcmp(note.log.name, origin) == 0);
    check(note.epoch < note.epochs && note.epochs <= AK_EPOCHS_MAX);
    check(note.proof_count <= AK_PROOF_HASHES_MAX && note.index <= AK_TREE_SIZE_MAX);
    check(ak_epoch_note_parse(&again, data, size,
                              "other.example/"
                              "00000000000000000000000000000000",
                              NULL) != AK_OK);
    rc = ak_epoch_note_verify(&again, data, size, &note.log, NULL, &err);
    check(rc == AK_OK || rc == AK_ESIGNATURE || rc == AK_EKEY);
    if (rc == AK_OK)
        judge_changed(&note, data, size);
    check(ak_epoch_note_verify(&again, data, size, &note.key, NULL, NULL) != AK_OK);
    rc = ak_log_checkpoint_verify(&note.log, &note.key, data, size, &checkpoint, &err);
    check(rc != AK_OK); /* a start note is no checkpoint */
    return 0;
}
