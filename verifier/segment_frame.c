/* segment_frame.c - from one frame of a segment to the next (format.md 6.1).
 *
 * The happy path is: look at the first bytes of what should be a frame, check its length against
 * its type's limit and the file, check that the grammar allows it here, move behind it. A DATA
 * frame does not say its own length before it is decoded, so it is what the COLUMNS before it say.
 *
 * Possible failure modes are: the file ends within a frame (a torn tail, or a cut); no frame begins
 * here (damage: ak_frame_resync looks for the next one); a frame stands where the grammar has none
 * (it is given nevertheless, so that its content can still be judged). */
#include <akashi/segment.h>

#include "segment_file.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

/* What is looked at in a frame before it is read: frame header, type, version and, of COLUMNS, the
 * length of the DATA frame behind it. */
#define PEEK_BYTES (AK_FRAME_HEAD_BYTES + 2u + 4u)

/* How far the search for a frame goes on behind what cannot be read. */
#define RESYNC_SKIP_BYTES 4096u

/* Shortest content of a seek table: number of frames, descriptor, magic. */
#define SEEK_CONTENT_MIN 9u

static uint32_t load_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24;
}

static enum ak_code measure(int fd, uint64_t *size, struct ak_error *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return ak_fail_errno(err, errno, "looking at a segment's file");
    if (!S_ISREG(st.st_mode))
        return ak_fail(err, AK_EIO, "it is not a regular file");
    if ((uint64_t)st.st_size > AK_SEGMENT_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT,
                       "a file of %" PRIu64 " bytes is longer than a segment may be",
                       (uint64_t)st.st_size);
    *size = (uint64_t)st.st_size;
    return AK_OK;
}

enum ak_code ak_frame_walk_begin(struct ak_frame_walk *walk, int fd, struct ak_error *err)
{
    walk->fd = fd;
    walk->size = 0;
    walk->at = 0;
    walk->state = AK_SEGMENT_UNDECIDED;
    walk->last = AK_FRAME_NONE;
    walk->resumed = false;
    walk->data_bytes = 0;
    walk->window_at = 0;
    walk->window_len = 0;
    return measure(fd, &walk->size, err);
}

enum ak_code ak_frame_walk_measure(struct ak_frame_walk *walk, struct ak_error *err)
{
    uint64_t size = 0;
    enum ak_code rc = measure(walk->fd, &size, err);

    if (rc != AK_OK)
        return rc;
    if (size < walk->at)
        return ak_fail(err, AK_EINTEGRITY,
                       "the file has %" PRIu64 " bytes now, %" PRIu64 " were read before", size,
                       walk->at);
    walk->size = size;
    walk->window_len = 0;
    return AK_OK;
}

enum ak_code ak_frame_walk_seek(struct ak_frame_walk *walk, uint64_t offset, struct ak_error *err)
{
    if (offset > walk->size)
        return ak_fail(err, AK_EUSAGE, "byte %" PRIu64 " is behind the end of the file", offset);
    walk->at = offset;
    walk->last = AK_FRAME_NONE;
    walk->resumed = true;
    return AK_OK;
}

/* Gives up to `n` bytes at `offset` (fewer at the end of the file), out of the window. */
static enum ak_code peek(struct ak_frame_walk *walk, uint64_t offset, size_t *n,
                         const uint8_t **out, struct ak_error *err)
{
    uint64_t left = walk->size - offset;
    enum ak_code rc;

    if (*n > left)
        *n = (size_t)left;
    if (offset < walk->window_at || offset + *n > walk->window_at + walk->window_len) {
        walk->window_at = offset;
        walk->window_len = left < sizeof(walk->window) ? (size_t)left : sizeof(walk->window);
        rc = ak_segment_pread(walk->fd, offset, walk->window, walk->window_len, err);
        if (rc == AK_EIO && *n < walk->window_len) { /* a bad sector behind what is asked for */
            walk->window_len = *n;
            rc = ak_segment_pread(walk->fd, offset, walk->window, *n, err);
        }
        if (rc != AK_OK) {
            walk->window_len = 0;
            return rc;
        }
    }
    *out = walk->window + (offset - walk->window_at);
    return AK_OK;
}

static uint64_t content_max(unsigned type)
{
    switch (type) {
    case AK_FRAME_HEADER:
        return AK_HEADER_BYTES_MAX;
    case AK_FRAME_COLUMNS:
        return AK_COLUMNS_BYTES_MAX;
    case AK_FRAME_MARK:
        return AK_MARK_BYTES_MAX;
    case AK_FRAME_NOTE:
        return AK_NOTE_FRAME_BYTES_MAX;
    case AK_FRAME_FOOTER:
        return AK_FOOTER_BYTES_MAX;
    case AK_FRAME_SEEK:
        return UINT32_MAX;
    default:
        return 0;
    }
}

static const char *type_name(unsigned type)
{
    switch (type) {
    case AK_FRAME_HEADER:
        return "HEADER";
    case AK_FRAME_COLUMNS:
        return "COLUMNS";
    case AK_FRAME_MARK:
        return "MARK";
    case AK_FRAME_NOTE:
        return "NOTE";
    case AK_FRAME_FOOTER:
        return "FOOTER";
    case AK_FRAME_SEEK:
        return "seek table";
    case AK_FRAME_DATA:
        return "DATA";
    default:
        return "nothing";
    }
}

/* Whether the bytes, fewer than a frame header, can be the beginning of one of our frames. */
static bool may_begin_frame(const uint8_t *p, size_t n)
{
    static const uint8_t ours[4] = {0x5a, 0x2a, 0x4d, 0x18};
    static const uint8_t seek[4] = {0x5e, 0x2a, 0x4d, 0x18};
    size_t compare = n < 4 ? n : 4;

    return memcmp(p, ours, compare) == 0 || memcmp(p, seek, compare) == 0;
}

static enum ak_code no_frame(struct ak_frame *frame, const char *why, struct ak_error *err)
{
    frame->type = AK_FRAME_NONE;
    return ak_fail(err, AK_EMALFORMED, "R19: no frame begins at byte %" PRIu64 ": %s",
                   frame->offset, why);
}

static enum ak_code torn(const struct ak_frame_walk *walk, struct ak_frame *frame)
{
    frame->type = AK_FRAME_TORN;
    frame->bytes = walk->size - frame->offset;
    frame->content_bytes = 0;
    return AK_OK;
}

/* Reads the head of a frame of ours at frame->offset; `at` are the `n` bytes there, at least 1. */
static enum ak_code read_head(const struct ak_frame_walk *walk, struct ak_frame *frame,
                              const uint8_t *at, size_t n, struct ak_error *err)
{
    uint32_t magic;

    if (!may_begin_frame(at, n))
        return no_frame(frame,
                        n >= 4 && load_le32(at) == AK_DATA_MAGIC ? "data without columns"
                                                                 : "unknown magic",
                        err);
    if (n < AK_FRAME_HEAD_BYTES + 2)
        return torn(walk, frame);
    magic = load_le32(at);
    frame->content_bytes = load_le32(at + 4);
    frame->bytes = AK_FRAME_HEAD_BYTES + frame->content_bytes;
    if (magic == AK_SEEK_MAGIC)
        frame->type = AK_FRAME_SEEK;
    else if (frame->content_bytes < 2)
        return no_frame(frame, "too short for type and version", err);
    else if (at[8] < AK_FRAME_HEADER || at[8] > AK_FRAME_FOOTER)
        return no_frame(frame, "unknown type", err);
    else
        frame->type = at[8];
    if (frame->content_bytes > content_max(frame->type))
        return no_frame(frame, "its length is over the limit of its type", err);
    if (frame->type == AK_FRAME_SEEK && frame->content_bytes < SEEK_CONTENT_MIN)
        return no_frame(frame, "too short for a seek table", err);
    if (frame->bytes > walk->size - frame->offset)
        return torn(walk, frame);
    if (magic == AK_FRAME_MAGIC && at[9] != AK_FRAME_VERSION) {
        frame->type = AK_FRAME_NONE;
        return ak_fail(err, AK_EUNSUPPORTED, "the frame at byte %" PRIu64 " has version %u",
                       frame->offset, at[9]);
    }
    return AK_OK;
}

/* Whether the grammar of 6.1 allows the type behind what was there, in open or sealed segments. */
static bool allowed(const struct ak_frame_walk *walk, unsigned type)
{
    unsigned last = walk->last;

    if (last == AK_FRAME_NONE)
        return walk->resumed ? type != AK_FRAME_HEADER : type == AK_FRAME_HEADER;
    switch (type) {
    case AK_FRAME_COLUMNS:
        return last == AK_FRAME_HEADER || last == AK_FRAME_DATA || last == AK_FRAME_MARK ||
               last == AK_FRAME_NOTE;
    case AK_FRAME_DATA:
        return last == AK_FRAME_COLUMNS;
    case AK_FRAME_MARK:
        return last == AK_FRAME_DATA && walk->state != AK_SEGMENT_SEALED;
    case AK_FRAME_NOTE:
        if (last == AK_FRAME_DATA)
            return walk->state != AK_SEGMENT_OPEN;
        return last == AK_FRAME_HEADER || last == AK_FRAME_MARK || last == AK_FRAME_NOTE;
    case AK_FRAME_FOOTER:
        return walk->state != AK_SEGMENT_OPEN &&
               (last == AK_FRAME_HEADER || last == AK_FRAME_DATA || last == AK_FRAME_NOTE);
    case AK_FRAME_SEEK:
        return last == AK_FRAME_FOOTER;
    default:
        return false;
    }
}

/* What the type, where it stands, says about the file. */
static void decide(struct ak_frame_walk *walk, unsigned type)
{
    if (walk->last == AK_FRAME_NONE && type == AK_FRAME_NOTE)
        return; /* behind a gap: either */
    if (type == AK_FRAME_MARK || (type == AK_FRAME_NOTE && walk->last == AK_FRAME_HEADER))
        walk->state = AK_SEGMENT_OPEN;
    else if (type == AK_FRAME_FOOTER || type == AK_FRAME_SEEK ||
             (type == AK_FRAME_NOTE && walk->last == AK_FRAME_DATA))
        walk->state = AK_SEGMENT_SEALED;
}

/* Judges a whole frame by what stands before it, and moves behind it. */
static enum ak_code step(struct ak_frame_walk *walk, const struct ak_frame *frame,
                         struct ak_error *err)
{
    unsigned last = walk->last;
    bool good = allowed(walk, frame->type);

    if (good)
        decide(walk, frame->type);
    walk->last = frame->type;
    walk->at = frame->offset + frame->bytes;
    if (good)
        return AK_OK;
    return ak_fail(err, AK_EMALFORMED, "R19: the %s frame at byte %" PRIu64 " stands behind %s%s",
                   type_name(frame->type), frame->offset, type_name(last),
                   walk->state == AK_SEGMENT_OPEN     ? " of an open segment"
                   : walk->state == AK_SEGMENT_SEALED ? " of a sealed segment"
                                                      : "");
}

/* Takes the length of the DATA frame from the COLUMNS frame before it. If it cannot be one, nothing
 * is known about what follows. */
static enum ak_code expect_data(struct ak_frame_walk *walk, const struct ak_frame *frame,
                                const uint8_t *at, size_t n, struct ak_error *err)
{
    walk->data_bytes = n == PEEK_BYTES && frame->bytes >= PEEK_BYTES ? load_be32(at + 10) : 0;
    if (walk->data_bytes >= 1 && walk->data_bytes <= AK_DATA_BYTES_MAX)
        return AK_OK;
    walk->last = AK_FRAME_NONE;
    walk->resumed = true;
    return ak_fail(err, AK_EMALFORMED,
                   "R12: the COLUMNS frame at byte %" PRIu64 " is followed by %u bytes of data",
                   frame->offset, walk->data_bytes);
}

static enum ak_code data_frame(struct ak_frame_walk *walk, struct ak_frame *frame,
                               struct ak_error *err)
{
    if (walk->data_bytes > walk->size - walk->at)
        return torn(walk, frame);
    frame->type = AK_FRAME_DATA;
    frame->bytes = walk->data_bytes;
    frame->content_bytes = walk->data_bytes;
    return step(walk, frame, err);
}

enum ak_code ak_frame_next(struct ak_frame_walk *walk, struct ak_frame *frame, struct ak_error *err)
{
    const uint8_t *at = NULL;
    size_t n = PEEK_BYTES;
    enum ak_code rc;

    *frame = (struct ak_frame){.type = AK_FRAME_END, .offset = walk->at};
    if (walk->at == walk->size)
        return AK_OK;
    if (walk->last == AK_FRAME_SEEK)
        return no_frame(frame, "the segment ended before", err);
    if (walk->last == AK_FRAME_COLUMNS)
        return data_frame(walk, frame, err);
    rc = peek(walk, walk->at, &n, &at, err);
    if (rc == AK_OK)
        rc = read_head(walk, frame, at, n, err);
    else
        frame->type = AK_FRAME_NONE;
    if (rc != AK_OK || frame->type == AK_FRAME_TORN)
        return rc;
    rc = step(walk, frame, err);
    if (frame->type == AK_FRAME_COLUMNS) {
        enum ak_code second = expect_data(walk, frame, at, n, rc == AK_OK ? err : NULL);
        rc = rc == AK_OK ? second : rc;
    }
    return rc;
}

bool ak_frame_may_end(const struct ak_frame_walk *walk)
{
    if (walk->last == AK_FRAME_SEEK)
        return true;
    return walk->state != AK_SEGMENT_SEALED &&
           (walk->last == AK_FRAME_HEADER || walk->last == AK_FRAME_MARK ||
            walk->last == AK_FRAME_NOTE);
}

/* Whether a frame that readers could go on from begins at `offset`. */
static bool plausible(struct ak_frame_walk *walk, uint64_t offset, const uint8_t *at, size_t n)
{
    struct ak_frame frame = {.offset = offset};
    uint32_t data;

    if (read_head(walk, &frame, at, n, NULL) != AK_OK)
        return false;
    if (frame.type == AK_FRAME_MARK || frame.type == AK_FRAME_NOTE || frame.type == AK_FRAME_FOOTER)
        return true;
    if (frame.type != AK_FRAME_COLUMNS || n < PEEK_BYTES)
        return false;
    data = load_be32(at + 10);
    return frame.bytes >= AK_FRAME_HEAD_BYTES + AK_COLUMNS_FIXED_BYTES && data >= 1 &&
           data <= AK_DATA_BYTES_MAX;
}

/* How many bytes to look at: what is left of the window, or a new one when that is too little. */
static size_t scan_bytes(const struct ak_frame_walk *walk, uint64_t offset)
{
    uint64_t end = walk->window_at + walk->window_len;

    return offset >= walk->window_at && offset + PEEK_BYTES < end ? (size_t)(end - offset)
                                                                  : sizeof(walk->window);
}

enum ak_code ak_frame_resync(struct ak_frame_walk *walk, uint64_t *skipped, struct ak_error *err)
{
    uint64_t offset = walk->at + 1;

    while (offset < walk->size) {
        const uint8_t *at = NULL;
        const uint8_t *found;
        size_t n = scan_bytes(walk, offset);
        enum ak_code rc = peek(walk, offset, &n, &at, err);
        if (rc == AK_EIO) { /* passed over, in pieces that disks have */
            offset = (offset / RESYNC_SKIP_BYTES + 1) * RESYNC_SKIP_BYTES;
            continue;
        }
        if (rc != AK_OK)
            return rc;
        found = memchr(at, (int)(AK_FRAME_MAGIC & 0xff), n);
        if (found == NULL) {
            offset += n;
            continue;
        }
        offset += (uint64_t)(found - at);
        n = PEEK_BYTES;
        rc = peek(walk, offset, &n, &at, err);
        if (rc != AK_OK && rc != AK_EIO)
            return rc;
        if (rc == AK_OK && plausible(walk, offset, at, n)) {
            *skipped = offset - walk->at;
            return ak_frame_walk_seek(walk, offset, err);
        }
        offset++;
    }
    return ak_fail(err, AK_ENOTFOUND, "no frame begins behind byte %" PRIu64, walk->at);
}
