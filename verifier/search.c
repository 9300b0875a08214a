/* search.c - one log from its first file to its last: blocks go to threads (search_block.c),
 * and come back in order (search_take.c).
 *
 * A sealed file whose manifest is proven is *known*: the digests of its frames are gathered on the
 * way, and when the digest over them is the one that the manifest names, all of its blocks are
 * those that the log speaks of. If it is not, the file is gone through once more, every block
 * proven by the tree. Other files are gone through like that in the first place. */
#include "search_private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Blocks on their way for each thread: one that is worked on, and one that waits. And one more,
 * which is done and waits for its right neighbour. */
#define BLOCKS_EACH 2u
#define BLOCKS_MORE 1u

/* ---- Frames ---- */

/* Whether what is behind the last index that is asked for is of no more use: of a known file the
 * digests of all frames are. */
static bool may_stop(const struct ak_search_run *r)
{
    return r->stop && !r->at.known;
}

static enum ak_code put_block(struct ak_search_run *r, const struct ak_frame *columns,
                              struct ak_error *err)
{
    struct ak_search_block *b;
    enum ak_code rc = AK_OK;

    if (r->put - r->done == r->ring_size)
        rc = ak_search_take_oldest(r, err);
    b = r->ring[r->put % r->ring_size];
    b->task.run = ak_search_block_run;
    b->filter = &r->search->filter;
    b->look = !r->at.again;
    b->invert = r->search->invert;
    b->trust = r->prover == NULL || r->at.known;
    b->prove = r->prover != NULL;
    b->digest = r->at.known;
    b->fd = r->at.fd;
    b->columns_frame = *columns;
    b->has_data = ak_frame_next(r->walk, &b->data_frame, NULL) == AK_OK &&
                  b->data_frame.type == AK_FRAME_DATA;
    if (rc != AK_OK || may_stop(r))
        return rc;
    if (b->digest) {
        b->place_of_columns = ak_search_frames_place(&r->frames);
        b->place_of_data = ak_search_frames_place(&r->frames);
    }
    r->put++;
    ak_tasks_put(r->search->tasks, &b->task);
    return AK_OK;
}

/* HEADER or NOTE of a known file. */
static void put_small(struct ak_search_run *r, const struct ak_frame *frame)
{
    struct ak_hash digest;

    if (ak_frame_digest(r->at.fd, frame, &digest, NULL) == AK_OK)
        ak_search_frames_put(&r->frames, ak_search_frames_place(&r->frames), &digest);
    else
        ak_search_frames_break(&r->frames);
}

static enum ak_code put_frames(struct ak_search_run *r, struct ak_error *err)
{
    struct ak_error why = {0};
    struct ak_frame frame;
    uint64_t skipped;
    enum ak_code rc = AK_OK;

    while (rc == AK_OK && !may_stop(r) && r->walk->at < r->at.limit) {
        uint64_t from = r->walk->at;
        enum ak_code walked = ak_frame_next(r->walk, &frame, &why);
        bool torn = walked == AK_OK && frame.type == AK_FRAME_TORN;
        if (walked == AK_OK && frame.type == AK_FRAME_END)
            break;
        if (!torn &&
            (walked == AK_OK || (walked == AK_EMALFORMED && frame.type != AK_FRAME_NONE))) {
            if (frame.type == AK_FRAME_COLUMNS)
                rc = put_block(r, &frame, err);
            else if (r->at.known && frame.type != AK_FRAME_FOOTER && frame.type != AK_FRAME_SEEK)
                put_small(r, &frame);
            if (!r->at.again)
                r->search->on_bytes(r->search->ctx, r->walk->at - from);
            continue;
        }
        rc = ak_search_take_all(r, err);
        ak_search_passed_over(r, torn ? "the file ends within a frame" : why.text);
        if ((walked != AK_EMALFORMED && !torn) || ak_frame_resync(r->walk, &skipped, &why) != AK_OK)
            break;
    }
    return rc != AK_OK ? rc : ak_search_take_all(r, err);
}

/* ---- Files ---- */

/* Whether a proven manifest names this file: by what it holds, whatever its own name is. */
static bool is_known(struct ak_search_run *r)
{
    return r->prover != NULL && !r->search->full && !r->at.file->named_open &&
           ak_prover_manifest(r->prover, r->at.file->first, &r->at.manifest) &&
           r->at.manifest.bytes == r->at.bytes;
}

static enum ak_code walk_file(struct ak_search_run *r, struct ak_error *err)
{
    struct ak_error why = {0};

    r->after.there = false;
    if (ak_frame_walk_begin(r->walk, r->at.fd, &why) != AK_OK) {
        ak_search_passed_over(r, why.text);
        return AK_OK;
    }
    return put_frames(r, err);
}

/* A known file is gone through, and the digest of its frames compared; without it, or where a hit
 * did not lead to what was signed, once more. */
static enum ak_code walk_known(struct ak_search_run *r, struct ak_error *err)
{
    uint64_t by_tree = r->result->by_tree;
    enum ak_code rc;

    ak_search_frames_begin(&r->frames);
    rc = walk_file(r, err);
    if (rc != AK_OK)
        return rc;
    if (!r->at.doubtful && ak_search_frames_are(&r->frames, &r->at.manifest.frames)) {
        r->result->by_file += r->at.by_file;
        return AK_OK;
    }
    r->result->by_tree = by_tree; /* and all is counted anew */
    r->at.known = false;
    r->at.again = true;
    return walk_file(r, err);
}

static enum ak_code search_file(struct ak_search_run *r, const struct ak_check_file *file,
                                struct ak_error *err)
{
    struct ak_error why = {0};
    struct ak_check_look look;
    enum ak_code rc = AK_OK;

    memset(&r->at, 0, sizeof(r->at));
    r->at.file = file;
    if (ak_list_open_file(r->state->dir_fd, file->name, &r->at.fd, &r->at.bytes, &why) != AK_OK) {
        ak_search_passed_over(r, why.text);
        return AK_OK;
    }
    r->at.known = is_known(r);
    r->at.limit = r->at.bytes;
    if (!r->at.known) {
        rc = ak_check_scan(r->state, r->at.fd, ak_check_next_first(r->state, file), &look, &why);
        if (rc == AK_OK) {
            ak_check_judge_look(r->state, file, r->at.bytes, &look);
            r->at.limit = look.limit;
        } else {
            ak_search_passed_over(r, why.text);
        }
    }
    if (rc == AK_OK)
        rc = r->at.known ? walk_known(r, err) : walk_file(r, err);
    else
        rc = AK_OK;
    close(r->at.fd);
    return rc;
}

static enum ak_code search_files(struct ak_search_run *r, struct ak_error *err)
{
    const struct ak_check_state *state = r->state;
    const struct ak_log_filter *filter = &r->search->filter;
    enum ak_code rc = AK_OK;

    r->started = !state->single;
    for (size_t i = 0; i < state->file_count && rc == AK_OK && !r->stop; i++) {
        const struct ak_check_file *file = &state->file[i];
        size_t next = i + 1;
        if (!file->counts)
            continue;
        while (next < state->file_count && !state->file[next].counts)
            next++;
        if (next < state->file_count && state->file[next].first <= filter->first) {
            r->next = state->file[next].first; /* nothing of it is asked for */
            r->started = true;
            continue;
        }
        if (file->first > filter->last && file->first != UINT64_MAX)
            break;
        r->at.file = file;
        if (file->first != UINT64_MAX && r->started && file->first > r->next)
            ak_search_pass_to(r, file->first, 0);
        rc = search_file(r, file, err);
    }
    return rc;
}

/* What stands behind the last block that was found. */
static void close_log(struct ak_search_run *r)
{
    uint64_t newest = r->prover == NULL ? 0 : ak_prover_newest(r->prover);
    uint64_t end = newest;

    if (!r->stop && !r->state->single && newest > r->next && r->next <= r->search->filter.last) {
        if (end - 1 > r->search->filter.last)
            end = r->search->filter.last + 1;
        ak_search_tell(
            r, r->have_why ? AK_FINDING_ALTERED : AK_FINDING_MISSING, r->next, end, NULL, 0,
            r->have_why ? r->why : "a checkpoint covers them, and no file here holds them");
    } else if (!r->stop && r->have_why) {
        ak_search_tell(r, AK_FINDING_ALTERED, r->next, r->next + 1, NULL, 0, r->why);
    }
    ak_search_flush(r);
    ak_search_removed_close(r);
    r->result->end = r->next;
}

static void tell_total(const struct ak_search_run *r)
{
    uint64_t total = 0;

    for (size_t i = 0; i < r->state->file_count; i++)
        total += r->state->file[i].counts ? r->state->file[i].bytes : 0;
    r->search->on_total(r->search->ctx, total);
}

static enum ak_code allocate(struct ak_search_run *r, struct ak_error *err)
{
    unsigned threads = ak_tasks_threads(r->search->tasks);
    enum ak_code rc = AK_OK;

    r->ring_size = (threads == 0 ? 1 : threads * (size_t)BLOCKS_EACH) + BLOCKS_MORE;
    r->ring = calloc(r->ring_size, sizeof(struct ak_search_block *));
    r->walk = malloc(sizeof(*r->walk));
    r->proven = calloc(AK_BLOCK_ENTRIES_MAX, sizeof(*r->proven));
    if (r->ring == NULL || r->walk == NULL || r->proven == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to search");
    for (size_t i = 0; i < r->ring_size && rc == AK_OK; i++)
        rc = ak_search_block_new(&r->ring[i], r->search->matcher, err);
    return rc;
}

static void release(struct ak_search_run *r)
{
    for (size_t i = 0; r->ring != NULL && i < r->ring_size; i++)
        ak_search_block_free(r->ring[i]);
    free(r->ring);
    free(r->walk);
    free(r->proven);
    ak_ordered_free(&r->ordered);
}

enum ak_code ak_search_log(const struct ak_search *search, const char *path,
                           struct ak_prover *prover, struct ak_search_result *result,
                           struct ak_error *err)
{
    struct ak_search_run *r = calloc(1, sizeof(*r));
    struct ak_listing *listing = NULL;
    char *segment = NULL;
    int dir_fd = -1;
    enum ak_code rc;

    memset(result, 0, sizeof(*result));
    if (r == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to search");
    r->search = search;
    r->result = result;
    r->prover = prover;
    rc = ak_listing_open_path(path, &dir_fd, &segment, err);
    if (rc == AK_OK) {
        listing = ak_listing_new(dir_fd, segment);
        rc = listing == NULL ? ak_fail(err, AK_ENOMEM, "no memory to search") : allocate(r, err);
    }
    if (rc == AK_OK) {
        r->state = &listing->state;
        rc = ak_check_prepare(r->state, err);
    }
    if (rc == AK_OK) {
        tell_total(r);
        rc = search_files(r, err);
    }
    if (rc == AK_OK)
        close_log(r);
    release(r);
    ak_listing_free(listing);
    free(segment);
    free(r);
    if (dir_fd >= 0)
        close(dir_fd);
    return rc;
}
