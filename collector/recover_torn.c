/* recover_torn.c - bytes that are no committed part of the log: what must be told, and kept.
 *
 * - Behind the last good MARK or NOTE of the last open segment: a crash within a commit. If another
 *   whole MARK stands behind, the part in between was durable once: that is damage, not a torn end.
 * - A last segment without one good MARK acknowledged nothing; its name is needed, so it becomes
 *   FIRST.torn.
 * - The same of an earlier start that itself was cut off before its events were durable. */
#include "recover_private.h"

#include <akashi/note.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum ak_code add(struct ak_recovery *r, struct ak_torn **torn, struct ak_error *err)
{
    *torn = NULL;
    if (r->out->torn_count == AK_TORN_MAX)
        return ak_fail(err, AK_ELIMIT,
                       "more than %u files were not ended in order: look at the disk", AK_TORN_MAX);
    *torn = &r->out->torn[r->out->torn_count++];
    return AK_OK;
}

/* Measures bytes from `good` on in a file of this name. */
static enum ak_code measure(struct ak_recovery *r, const char *name, uint64_t good, uint64_t size,
                            struct ak_torn *torn, struct ak_error *err)
{
    int fd;
    enum ak_code rc = ak_segment_file_open(r->dir_fd, name, &fd, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_torn_measure(torn, fd, name, good, size, err);
    (void)close(fd);
    return rc;
}

/* Whole MARKs behind byte `at` that speak of more than what is good. */
static enum ak_code count_marks(struct ak_recovery *r, const char *name, uint64_t at,
                                unsigned *count, struct ak_error *err)
{
    struct ak_recovery_walk *walk = malloc(sizeof(*walk));
    struct ak_frame frame = {.type = AK_FRAME_NONE};
    enum ak_code rc;
    int fd;

    *count = 0;
    if (walk == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to look at a torn end");
    rc = ak_segment_file_open(r->dir_fd, name, &fd, err);
    if (rc != AK_OK) {
        free(walk);
        return rc;
    }
    rc = ak_recovery_walk_begin(walk, r, fd, at, err);
    while (rc == AK_OK && frame.type != AK_FRAME_END) {
        rc = ak_recovery_walk_next(walk, &frame, err);
        *count +=
            rc == AK_OK && frame.type == AK_FRAME_MARK && walk->mark.range.end > r->out->range.end;
    }
    if (rc != AK_OK)
        ak_wrap(err, "%s", name);
    free(walk);
    (void)close(fd);
    return rc;
}

/* The last open segment: its tail, or all of it. */
static enum ak_code look_at_last(struct ak_recovery *r, struct ak_error *err)
{
    struct ak_segment_file *last = &r->open[r->open_count - 1];
    bool holds_nothing = r->out->range.end == last->first;
    uint64_t good = holds_nothing ? 0 : r->good_bytes;
    struct ak_torn *torn;
    unsigned marks;
    enum ak_code rc = add(r, &torn, err);

    if (rc != AK_OK)
        return rc;
    rc = measure(r, last->name, good, r->out->range.end, torn, err);
    if (rc == AK_OK && torn->cut == 0 && !holds_nothing) {
        r->out->torn_count--;
        return AK_OK;
    }
    if (rc == AK_OK)
        rc = count_marks(r, last->name, good, &marks, err);
    /* One MARK ends each sync: a torn commit leaves one whole MARK at most. */
    if (rc == AK_OK && marks > 1) {
        torn->corruption = true;
        (void)snprintf(torn->reason, sizeof(torn->reason),
                       "damaged behind entry %" PRIu64 ", where commits stand that were durable",
                       r->out->range.end);
    }
    if (rc == AK_OK && holds_nothing) {
        rc = ak_torn_move(r->dir_fd, last->name, r->dir_fd, last->first, torn->file, err);
        r->open_count--;
        r->moved = true;
    }
    return rc;
}

/* A file of cut bytes is told of by the first entries of the segment that begins at its index. */
static enum ak_code look_at_old(struct ak_recovery *r, const char *name, struct ak_error *err)
{
    uint64_t first = strtoull(name, NULL, 10);
    struct ak_torn *torn;
    enum ak_code rc;

    for (size_t i = 0; i < r->files.count; i++) {
        const struct ak_segment_file *file = &r->files.file[i];
        bool moved = file >= r->open + r->open_count;
        if (file->first == first && !moved)
            return AK_OK;
    }
    rc = add(r, &torn, err);
    if (rc == AK_OK)
        rc = measure(r, name, 0, r->out->range.end, torn, err);
    return rc;
}

enum ak_code ak_recover_left_behind(struct ak_recovery *r, const char *name, uint64_t good,
                                    uint64_t size, struct ak_error *err)
{
    struct ak_torn *torn;
    enum ak_code rc = add(r, &torn, err);

    return rc == AK_OK ? measure(r, name, good, size, torn, err) : rc;
}

enum ak_code ak_recover_torn(struct ak_recovery *r, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    if (r->open_count > 0)
        rc = look_at_last(r, err);
    for (size_t i = 0; i < r->files.torn_count && rc == AK_OK; i++)
        rc = look_at_old(r, r->files.torn[i], err);
    return rc;
}
