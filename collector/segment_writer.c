/* segment_writer.c - the open segment of one log: roll, group commit, what a failure leaves.
 *
 *     no file -> OPEN (HEADER durable) -> MARKED (a MARK durable) -> closed by the next roll
 *     OPEN, MARKED -> DEAD (a write or sync failed) -> removed, or left behind with its tail told
 *
 * Happy path: one writev of NOTE? (COLUMNS DATA)+ MARK, one fdatasync. The tree, the length and the
 * digest for the next MARK move on only when the sync has returned, so an offer that fails can be
 * made again as it was. One MARK per fdatasync, always: of two that shared one the second could
 * persist without the first, and an honest crash would read as corruption. */
#include "segment_writer.h"

#include "disk.h"
#include "encode.h"

#include <akashi/checkpoint.h>
#include <akashi/format.h>
#include <akashi/note.h>

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Evidence is read by others through the operator's hand only. */
#define SEGMENT_MODE 0600

/* Room for the HEADER, or for a NOTE and a MARK. */
#define SCRATCH_BYTES (AK_FRAME_HEAD_BYTES + AK_HEADER_BYTES_MAX)

static_assert(2 * AK_FRAME_HEAD_BYTES + AK_NOTE_FRAME_BYTES_MAX + AK_MARK_BYTES_MAX < SCRATCH_BYTES,
              "a NOTE and a MARK fit into the scratch");

struct ak_writer {
    struct ak_writer_options options;
    struct ak_range range; /* [0, end), durable */
    int fd;                /* -1: no segment */
    char name[AK_FILE_NAME_BYTES];
    uint64_t first;
    uint64_t bytes;     /* length up to which the file is durable: end of HEADER, MARK or NOTE */
    uint64_t note_size; /* of the newest NOTE in it */
    uint64_t noted;     /* the same of all segments of this writer */
    size_t note_bytes;  /* of the NOTE in front of what is being written; it lies in `scratch` */
    bool marked;        /* a MARK is durable: the file holds acknowledged entries */
    bool dead;
    uint64_t grown;              /* bytes written that no commit has told of */
    bool rolled;                 /* begun, and no commit has told the caller yet */
    struct ak_hash header;       /* digest of its HEADER frame */
    struct ak_hash previous;     /* of the newest HEADER before it */
    struct ak_sha256_ctx frames; /* over the digests of the frames since the last MARK */
    bool has_torn;
    struct ak_torn torn;
    unsigned char scratch[SCRATCH_BYTES];
};

enum ak_code ak_writer_new(const struct ak_writer_options *options, const struct ak_range *range,
                           struct ak_writer **out, struct ak_error *err)
{
    struct ak_writer *writer;

    *out = NULL;
    if (range->begin != 0 || (range->end > 0) != (options->epoch_note_len > 0))
        return ak_fail(err, AK_EUSAGE, "a log goes on from a whole tree and an epoch note");
    writer = calloc(1, sizeof(*writer));
    if (writer == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a log's writer");
    writer->options = *options;
    writer->range = *range;
    writer->previous = options->previous;
    writer->fd = -1;
    *out = writer;
    return AK_OK;
}

void ak_writer_epoch(struct ak_writer *writer, const unsigned char *note, size_t len)
{
    writer->options.epoch_note = note;
    writer->options.epoch_note_len = len;
}

void ak_writer_free(struct ak_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->fd >= 0)
        (void)close(writer->fd);
    free(writer);
}

uint64_t ak_writer_segment(const struct ak_writer *writer, uint64_t *file_bytes)
{
    bool open = writer->fd >= 0 && !writer->dead;

    if (file_bytes != NULL)
        *file_bytes = open ? writer->bytes : 0;
    return open ? writer->first : UINT64_MAX;
}

bool ak_writer_torn(struct ak_writer *writer, struct ak_torn *torn)
{
    bool any = writer->has_torn;

    if (any)
        *torn = writer->torn;
    writer->has_torn = false;
    return any;
}

uint64_t ak_writer_noted(const struct ak_writer *writer)
{
    return writer->noted;
}

static void close_file(struct ak_writer *writer)
{
    (void)close(writer->fd); /* everything in it is synced, or it is given up */
    writer->fd = -1;
    writer->dead = false;
    writer->marked = false;
}

/* Removes a dead file that acknowledged nothing; it stays dead if that fails. */
static enum ak_code discard(struct ak_writer *writer, struct ak_error *err)
{
    enum ak_code rc = ak_disk_unlink(writer->options.log_dir_fd, writer->name, err);

    assert(writer->dead && !writer->marked);
    if (rc != AK_OK && rc != AK_ENOTFOUND)
        return rc;
    close_file(writer);
    writer->rolled = false;
    return AK_OK;
}

/* Where the tail begins: a NOTE that came into the file whole belongs to the log (format.md 9.3).
 */
static uint64_t tail_begin(const struct ak_writer *writer, int fd)
{
    unsigned char *there;
    bool whole;

    if (writer->note_bytes == 0)
        return writer->bytes;
    there = malloc(writer->note_bytes);
    if (there == NULL)
        return writer->bytes;
    whole =
        pread(fd, there, writer->note_bytes, (off_t)writer->bytes) == (ssize_t)writer->note_bytes &&
        memcmp(there, writer->scratch, writer->note_bytes) == 0;
    free(there);
    return whole ? writer->bytes + writer->note_bytes : writer->bytes;
}

/* Leaves a dead file behind and remembers its tail for the event. A disk that cannot even be read
 * must not hold the log: then the event says that. */
static void leave_dead(struct ak_writer *writer)
{
    struct ak_error why;
    enum ak_code rc = AK_EIO;
    int fd = openat(writer->options.log_dir_fd, writer->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd >= 0) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* what the disk has is asked for */
        rc = ak_torn_measure(&writer->torn, fd, writer->name, tail_begin(writer, fd),
                             writer->range.end, &why);
        (void)close(fd);
    }
    if (rc != AK_OK) {
        memset(&writer->torn, 0, sizeof(writer->torn));
        (void)snprintf(writer->torn.file, sizeof(writer->torn.file), "%s", writer->name);
        (void)snprintf(writer->torn.reason, sizeof(writer->torn.reason),
                       "written without success and not readable behind byte %" PRIu64,
                       writer->bytes);
        writer->torn.good = writer->bytes;
        writer->torn.size = writer->range.end;
        writer->torn.corruption = true;
    }
    writer->has_torn = writer->torn.cut > 0 || writer->torn.corruption;
    writer->previous = writer->header;
    close_file(writer);
}

/* The file is in no known state from now on. */
static void die(struct ak_writer *writer)
{
    writer->dead = true;
    if (writer->marked)
        leave_dead(writer);
    else
        (void)discard(writer, NULL); /* if this fails too, the next offer tries again */
}

static enum ak_code write_header(struct ak_writer *writer, const void *checkpoint,
                                 size_t checkpoint_len, uint64_t now_ns, struct ak_error *err)
{
    const struct ak_encode_header header = {
        .first = writer->range.end,
        .opened = now_ns - now_ns % AK_TIME_UNIT,
        .claim = writer->options.claim,
        .previous = writer->previous,
        .origin = writer->options.origin,
        .range = &writer->range,
        .epoch_note = writer->range.end == 0 ? NULL : writer->options.epoch_note,
        .epoch_note_len = writer->range.end == 0 ? 0 : writer->options.epoch_note_len,
        .checkpoint = checkpoint,
        .checkpoint_len = checkpoint == NULL ? 0 : checkpoint_len};
    struct ak_sink sink = {.data = writer->scratch, .cap = sizeof(writer->scratch)};
    enum ak_code rc = ak_encode_header(&sink, &header, err);

    if (rc == AK_OK)
        rc = ak_disk_write(writer->fd, sink.data, sink.len, err);
    if (rc == AK_OK)
        rc = ak_disk_sync(writer->fd, err);
    if (rc == AK_OK)
        rc = ak_disk_sync_dir(writer->options.log_dir_fd, err);
    if (rc != AK_OK)
        return rc;
    ak_sha256(&writer->header, sink.data, sink.len);
    ak_sha256_init(&writer->frames);
    ak_sha256_update(&writer->frames, writer->header.b, AK_HASH_BYTES);
    writer->bytes = sink.len;
    writer->grown += sink.len;
    return AK_OK;
}

/* Begins the segment at the end of the tree. */
static enum ak_code roll(struct ak_writer *writer, const void *checkpoint, size_t checkpoint_len,
                         uint64_t now_ns, struct ak_error *err)
{
    enum ak_code rc;

    assert(writer->fd < 0);
    writer->first = writer->range.end;
    writer->note_size = 0;
    writer->note_bytes = 0;
    (void)snprintf(writer->name, sizeof(writer->name), "%020" PRIu64 ".open.zst", writer->first);
    rc = ak_disk_create(writer->options.log_dir_fd, writer->name, SEGMENT_MODE, &writer->fd, err);
    if (rc != AK_OK)
        return rc;
    rc = write_header(writer, checkpoint, checkpoint_len, now_ns, err);
    if (rc != AK_OK) {
        ak_wrap(err, "new segment %s", writer->name);
        die(writer);
        return rc;
    }
    writer->rolled = true;
    return AK_OK;
}

/* Makes sure that a segment is open that may take the batches. */
static enum ak_code ready(struct ak_writer *writer, bool new_segment, const void *checkpoint,
                          size_t checkpoint_len, uint64_t now_ns, struct ak_error *err)
{
    if (writer->fd >= 0 && writer->dead) {
        enum ak_code rc = discard(writer, err);
        if (rc != AK_OK)
            return rc;
    }
    if (writer->fd >= 0 && new_segment && writer->marked) {
        writer->previous = writer->header;
        close_file(writer);
    }
    return writer->fd >= 0 ? AK_OK : roll(writer, checkpoint, checkpoint_len, now_ns, err);
}

static enum ak_code note_size(const void *note, size_t note_len, uint64_t *size,
                              struct ak_error *err)
{
    struct ak_note parsed;
    struct ak_checkpoint checkpoint;
    enum ak_code rc = ak_note_parse(&parsed, note, note_len, err);

    if (rc == AK_OK)
        rc = ak_checkpoint_parse(&checkpoint, parsed.text, parsed.text_len, false, err);
    if (rc != AK_OK)
        ak_wrap(err, "a note that was to be written into a segment");
    else
        *size = checkpoint.size;
    return rc;
}

/* Whether a NOTE of this size may stand at the present end of the file (6.6). */
static bool note_fits(const struct ak_writer *writer, uint64_t size)
{
    return size >= writer->first && size >= writer->note_size && size <= writer->range.end;
}

/* Encodes the NOTE if it fits; its digest goes into `frames`. `*size` is that of the newest NOTE
 * behind it. */
static enum ak_code put_note(const struct ak_writer *writer, struct ak_sink *sink, const void *note,
                             size_t note_len, struct ak_sha256_ctx *frames, uint64_t *size,
                             struct ak_error *err)
{
    struct ak_hash digest;
    uint64_t mine;
    enum ak_code rc;

    *size = writer->note_size;
    if (note == NULL)
        return AK_OK;
    rc = note_size(note, note_len, &mine, err);
    if (rc != AK_OK || !note_fits(writer, mine))
        return rc;
    rc = ak_encode_note(sink, note, note_len, err);
    if (rc != AK_OK)
        return rc;
    ak_sha256(&digest, sink->data, sink->len);
    ak_sha256_update(frames, digest.b, AK_HASH_BYTES);
    *size = mine;
    return AK_OK;
}

void ak_batch_patch_level8(struct ak_batch *batch, const struct ak_range *range)
{
    uint64_t begin = batch->first - batch->first % AK_GROUP_ENTRIES;
    unsigned before = (unsigned)__builtin_popcountll(batch->first - begin);
    struct ak_node nodes[AK_RANGE_HASHES_MAX];
    struct ak_range group;
    unsigned n;
    enum ak_code rc;

    if (batch->level8_count == 0 || !batch->level8_first_open)
        return;
    rc = ak_range_load(&group, begin, batch->first, &range->hash[range->count - before], before,
                       NULL);
    assert(rc == AK_OK);
    n = ak_range_nodes(batch->first, begin + AK_GROUP_ENTRIES, nodes);
    for (unsigned i = 0; i < n; i++) {
        rc = ak_range_append_node(&group, nodes[i].level, &batch->range.hash[i]);
        assert(rc == AK_OK);
    }
    (void)rc;
    assert(group.count == 1);
    batch->level8[0] = group.hash[0];
    memcpy(batch->frames + batch->columns_bytes - (size_t)AK_HASH_BYTES * batch->level8_count,
           group.hash[0].b, AK_HASH_BYTES);
}

/* Takes the batch into the tree and its two frames into the digest. */
static enum ak_code take_batch(struct ak_batch *batch, struct ak_range *range,
                               struct ak_sha256_ctx *frames, struct ak_error *err)
{
    struct ak_sha256_ctx columns = batch->columns_ctx;
    struct ak_hash digest;

    if (batch->rc != AK_OK || batch->count == 0 || batch->first != range->end)
        return ak_fail(err, AK_EUSAGE, "a batch at %" PRIu64 " cannot be committed at %" PRIu64,
                       batch->first, range->end);
    ak_batch_patch_level8(batch, range);
    ak_sha256_update(&columns,
                     batch->frames + batch->columns_bytes -
                         (size_t)AK_HASH_BYTES * batch->level8_count,
                     (size_t)AK_HASH_BYTES * batch->level8_count);
    ak_sha256_final(&columns, &digest);
    ak_sha256_update(frames, digest.b, AK_HASH_BYTES);
    ak_sha256_update(frames, batch->data_digest.b, AK_HASH_BYTES);
    return ak_range_merge(range, &batch->range, err);
}

/* Writes and syncs what `iov` holds; the file dies, or is cut back when there is no room. */
static enum ak_code append(struct ak_writer *writer, struct iovec *iov, int count,
                           struct ak_error *err)
{
    enum ak_code rc = ak_disk_writev(writer->fd, iov, count, err);
    bool cut = rc == AK_ENOSPC && ak_disk_truncate(writer->fd, writer->bytes, NULL) == AK_OK;

    if (rc == AK_OK)
        rc = ak_disk_sync(writer->fd, err);
    if (rc == AK_OK)
        return AK_OK;
    ak_wrap(err, "segment %s", writer->name);
    if (!cut)
        die(writer);
    return rc;
}

static void fill_result(struct ak_writer *writer, struct ak_commit_result *result)
{
    result->size = writer->range.end;
    result->range = writer->range;
    result->file_bytes = writer->bytes;
    result->segment_first = writer->first;
    result->rolled = writer->rolled;
    result->written = writer->grown;
    result->has_torn = writer->has_torn;
    result->torn = writer->torn;
    writer->grown = 0;
    writer->rolled = false;
    writer->has_torn = false;
}

/* The group commit itself, into the open segment. */
static enum ak_code commit(struct ak_writer *writer, struct ak_batch *const *batches, size_t count,
                           const void *note, size_t note_len, struct ak_error *err)
{
    struct iovec iov[AK_WRITER_BATCHES_MAX + 2];
    struct ak_sink sink = {.data = writer->scratch, .cap = sizeof(writer->scratch)};
    struct ak_sha256_ctx frames = writer->frames;
    struct ak_range range = writer->range;
    struct ak_hash digest;
    uint64_t newest_note;
    uint64_t written = 0;
    enum ak_code rc = put_note(writer, &sink, note, note_len, &frames, &newest_note, err);
    size_t mark_at = sink.len;

    for (size_t i = 0; i < count && rc == AK_OK; i++) {
        rc = take_batch(batches[i], &range, &frames, err);
        iov[i + 1] = (struct iovec){.iov_base = batches[i]->frames,
                                    .iov_len = batches[i]->columns_bytes + batches[i]->data_bytes};
    }
    ak_sha256_final(&frames, &digest);
    if (rc == AK_OK)
        rc = ak_encode_mark(&sink, &range, &digest, err);
    if (rc != AK_OK)
        return rc;
    writer->note_bytes = mark_at;
    iov[0] = (struct iovec){.iov_base = sink.data, .iov_len = mark_at};
    iov[count + 1] = (struct iovec){.iov_base = sink.data + mark_at, .iov_len = sink.len - mark_at};
    for (size_t i = 0; i < count + 2; i++)
        written += iov[i].iov_len;
    rc = append(writer, iov, (int)count + 2, err);
    if (rc != AK_OK)
        return rc;
    writer->range = range;
    writer->bytes += written;
    writer->grown += written;
    writer->note_size = newest_note;
    if (mark_at > 0)
        writer->noted = newest_note;
    writer->marked = true;
    ak_sha256_init(&writer->frames);
    return AK_OK;
}

enum ak_code ak_writer_commit(struct ak_writer *writer, struct ak_batch *const *batches,
                              size_t count, const void *note, size_t note_len,
                              const void *checkpoint, size_t checkpoint_len, uint64_t now_ns,
                              struct ak_commit_result *result, struct ak_error *err)
{
    enum ak_code rc;

    if (count == 0 || count > AK_WRITER_BATCHES_MAX)
        return ak_fail(err, AK_EUSAGE, "a commit of %zu batches", count);
    for (size_t i = 1; i < count; i++) {
        if (batches[i]->new_segment)
            return ak_fail(err, AK_EUSAGE, "a new segment begins with a commit");
    }
    rc = ready(writer, batches[0]->new_segment, checkpoint, checkpoint_len, now_ns, err);
    if (rc == AK_OK)
        rc = commit(writer, batches, count, note, note_len, err);
    if (rc == AK_OK)
        fill_result(writer, result);
    return rc;
}

enum ak_code ak_writer_note(struct ak_writer *writer, const void *note, size_t note_len,
                            struct ak_error *err)
{
    struct ak_sink sink = {.data = writer->scratch, .cap = sizeof(writer->scratch)};
    struct ak_sha256_ctx frames = writer->frames;
    struct iovec iov;
    uint64_t newest;
    enum ak_code rc;

    if (writer->fd < 0 || writer->dead)
        return AK_OK;
    rc = put_note(writer, &sink, note, note_len, &frames, &newest, err);
    if (rc != AK_OK || sink.len == 0)
        return rc;
    writer->note_bytes = sink.len;
    iov = (struct iovec){.iov_base = sink.data, .iov_len = sink.len};
    rc = append(writer, &iov, 1, err);
    if (rc != AK_OK)
        return rc;
    writer->bytes += sink.len;
    writer->grown += sink.len;
    writer->note_size = writer->noted = newest;
    writer->frames = frames;
    return AK_OK;
}
