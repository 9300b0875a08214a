/* recover.c - the steps of a start, in order: list, tail, keys, torn bytes, sources.
 *
 * The happy path is: everything is sealed and the newest FOOTER ends in a signed head; or one
 * segment is open, its newest MARK is covered by a checkpoint, and what lies behind it comes out.
 * Failure modes: bytes behind the last good MARK (told, kept); less than was signed, or something
 * else (refused: going on would make a fork). */
#include "recover_private.h"

#include "disk.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Splits the list into what is sealed and what is open behind it. */
static enum ak_code divide(struct ak_recovery *r, struct ak_error *err)
{
    size_t n = r->files.count;
    uint64_t end = 0;

    while (n > 0 && !r->files.file[n - 1].sealed)
        n--;
    r->base = n > 0 ? &r->files.file[n - 1] : NULL;
    r->open = r->files.file + n;
    r->open_count = r->files.count - n;
    if (r->files.count == 0)
        return ak_fail(err, AK_EINTEGRITY,
                       "its directory holds no segment. Bring back the newest copy of the store");
    if (r->base != NULL)
        end = r->base->end;
    if (r->open_count > 0 && r->open[0].first != end)
        return ak_fail(err, AK_EINTEGRITY,
                       "the segments that hold entries %" PRIu64 " to %" PRIu64
                       " are missing or damaged. Bring back good copies and start again",
                       end, r->open[0].first - 1);
    return AK_OK;
}

/* A HEADER that is damaged: the log goes on behind it all the same, and that is told. Claims go on
 * from the newest HEADER that can be read. */
static enum ak_code without_head(struct ak_recovery *r, const struct ak_segment_file *last,
                                 struct ak_error *err)
{
    struct ak_torn *torn = &r->out->torn[r->out->torn_count];

    if (r->out->torn_count == AK_TORN_MAX)
        return ak_fail(err, AK_ELIMIT, "more damaged files than can be told of");
    r->out->torn_count++;
    memset(torn, 0, sizeof(*torn));
    (void)snprintf(torn->file, sizeof(torn->file), "%s", last->name);
    (void)snprintf(torn->reason, sizeof(torn->reason), "its HEADER is damaged");
    torn->corruption = true;
    for (const struct ak_segment_file *at = last; at > r->files.file; at--) {
        int fd;
        enum ak_code rc = ak_segment_file_open(r->dir_fd, at[-1].name, &fd, err);
        if (rc != AK_OK)
            return rc;
        rc = ak_segment_head_read(fd, r->origin, &r->head, NULL);
        (void)close(fd);
        if (rc == AK_OK) {
            r->out->claim = r->head.header.claim;
            return AK_OK;
        }
    }
    return AK_OK;
}

/* The header chain and the claims go on from the newest segment that stays. */
static enum ak_code take_head(struct ak_recovery *r, struct ak_error *err)
{
    const struct ak_segment_file *last = r->open_count > 0 ? &r->open[r->open_count - 1] : r->base;
    enum ak_code rc = AK_OK;
    int fd;

    if (last == NULL)
        return AK_OK; /* nothing was ever committed */
    rc = ak_segment_file_open(r->dir_fd, last->name, &fd, err);
    if (rc != AK_OK)
        return rc;
    rc = ak_segment_head_read(fd, r->origin, &r->head, err);
    (void)close(fd);
    if (rc == AK_EMALFORMED)
        return without_head(r, last, err);
    if (rc != AK_OK) {
        ak_wrap(err, "%s", last->name);
        return rc;
    }
    r->out->previous = r->head.digest;
    if (r->head.header.claim > r->out->claim)
        r->out->claim = r->head.header.claim;
    return AK_OK;
}

/* Less is here than was signed: because the file is damaged before its end, or because it is an
 * older copy. */
static enum ak_code tell_less(const struct ak_recovery *r, struct ak_error *err)
{
    const struct ak_segment_file *last = r->open_count > 0 ? &r->open[r->good_file] : NULL;
    struct stat st;

    if (last == NULL || fstatat(r->dir_fd, last->name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        (uint64_t)st.st_size <= r->good_bytes)
        return ak_keys_older(r->keys, r->trusted.end, err);
    return ak_fail(err, AK_EINTEGRITY,
                   "%s is damaged behind byte %" PRIu64 " (entry %" PRIu64 "), but %" PRIu64
                   " entries were signed. Nothing is written. Bring back a good copy of this file, "
                   "or the newest copy of the store, and start again",
                   last->name, r->good_bytes, r->out->range.end, r->claimed);
}

static enum ak_code resume(struct ak_recovery *r, struct ak_error *err)
{
    if (r->claimed > r->trusted.end)
        return tell_less(r, err);
    return ak_keys_resume(r->keys, r->note, r->note_len, &r->trusted, err);
}

enum ak_code ak_recover(int log_dir_fd, const char *origin, struct ak_keys *keys,
                        ak_recover_source_fn on_source, void *ctx, struct ak_recovered *out,
                        struct ak_error *err)
{
    struct ak_recovery *r = calloc(1, sizeof(*r));
    enum ak_code rc;

    memset(out, 0, sizeof(*out));
    if (r == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to recover");
    *r = (struct ak_recovery){.dir_fd = log_dir_fd,
                              .origin = origin,
                              .keys = keys,
                              .on_source = on_source,
                              .ctx = ctx,
                              .out = out};
    rc = ak_block_reader_init(&r->reader, err);
    if (rc == AK_OK)
        rc = ak_segment_files_list(log_dir_fd, &r->files, err);
    if (rc == AK_OK)
        rc = divide(r, err);
    if (rc == AK_OK)
        rc = ak_recover_tail(r, err);
    if (rc == AK_OK)
        rc = resume(r, err);
    if (rc == AK_OK)
        rc = ak_recover_torn(r, err);
    if (rc == AK_OK)
        rc = take_head(r, err);
    if (rc == AK_OK)
        rc = ak_recover_sources(r, err);
    if (rc == AK_OK) {
        out->note = r->note;
        out->note_len = r->note_len;
        r->note = NULL;
    } else {
        if (rc == AK_EIO)
            ak_wrap(err, "its segments cannot be read. Nothing is written before they can: look at "
                         "the disk");
        ak_recovered_free(out);
    }
    free(r->note);
    free(r->heads[0].note);
    ak_segment_files_free(&r->files);
    ak_block_reader_free(&r->reader);
    free(r);
    return rc;
}

void ak_recovered_free(struct ak_recovered *recovered)
{
    if (recovered == NULL)
        return;
    free(recovered->note);
    free(recovered->epoch_note);
    ak_positions_free(&recovered->positions);
    recovered->note = NULL;
    recovered->epoch_note = NULL;
}
