/* writer.c - group commits on a disk that fails: each system call of a short life of a log fails
 * once, or from then on until the disk is repaired, and what was acknowledged is read back with
 * the library's own reader after every step. */
#include <akashi/segment.h>

#include <batch.h>
#include <disk.h>
#include <segment_writer.h>
#include <torn.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ORIGIN   "writer.example/00112233445566778899aabbccddeeff"
#define ROOT     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define NOW      UINT64_C(1700000000000000000)
#define FILES    16
#define OFFERS   3  /* how often a commit is offered while the disk is broken */
#define CALLS    64 /* more than the life of a log below has */
#define SHORTEST 5  /* bytes of a write cut short */

/* The life of a log: batches of these sizes, from the index that `begin_log` gets. A group is
 * completed in the second one; the fourth begins a segment. */
static const unsigned sizes[] = {5, 300, 1, 200, 7};
#define BATCHES (sizeof(sizes) / sizeof(sizes[0]))

static struct ak_batch *batch[BATCHES];
static struct ak_prepare_scratch *scratch;
static struct ak_columns *columns;
static struct ak_block *block;
static uint8_t buffer[AK_FRAME_BUFFER_BYTES];
static uint8_t data_buffer[AK_FRAME_BUFFER_BYTES];

/* ---- The disk ---- */

enum mode { GOOD, ONCE, BROKEN };

static struct {
    enum mode mode;
    int error;       /* errno to fail with */
    bool torn;       /* a write that fails leaves its first bytes in the file */
    unsigned n;      /* the call that fails, counted from 0 */
    unsigned calls;  /* so far */
    unsigned failed; /* calls that failed so far */
    bool cut_now;    /* the write that goes on behind a short one fails */
    bool only_short; /* every write is cut short, none fails */
    enum ak_disk_call first_failed;
    char order[CALLS + 1]; /* a letter for each call: see `letters` */
} disk;

/* Create, write, sync, sync of the Directory, rename, truncate, unlink, mkdir. */
static const char letters[] = "CWSDRTUM";

static int on_call(enum ak_disk_call call, size_t *bytes)
{
    unsigned number = disk.calls++;
    bool fails = disk.cut_now || (disk.mode == ONCE && number == disk.n) ||
                 (disk.mode == BROKEN && number >= disk.n);

    if (number < CALLS)
        disk.order[number] = letters[call];
    if (call == AK_DISK_WRITE && disk.only_short && *bytes > SHORTEST)
        *bytes = SHORTEST + number % 700;
    if (!fails)
        return 0;
    if (call == AK_DISK_WRITE && disk.torn && !disk.cut_now && *bytes > SHORTEST) {
        *bytes = SHORTEST;
        disk.cut_now = true;
        return 0;
    }
    disk.cut_now = false;
    if (disk.failed++ == 0)
        disk.first_failed = call;
    return disk.error;
}

/* ---- The log ---- */

static char path[64];
static int dir_fd;
static struct ak_writer *writer;
static struct ak_commit_result result;
static uint64_t first; /* of the log's first entry here */
static uint64_t acknowledged;
static struct ak_range history; /* [0, first) */
static struct ak_range history_group;
static struct ak_hash before; /* of the HEADER before the first one here */

static size_t payload_of(uint64_t index, char out[64])
{
    return index % 11 == 0 ? 0
                           : (size_t)snprintf(out, 64, "record %" PRIu64 "%s", index,
                                              index % 7 == 0 ? "\nof two lines" : "");
}

static void make_batch(struct ak_batch *b, unsigned n, uint64_t from)
{
    char data[64];

    b->state = AK_BATCH_FREE;
    ak_batch_begin(b, NULL);
    b->first = from;
    for (unsigned g = 0; g < AK_BATCH_GROUPS_MAX; g++)
        memset(b->group_key[g], (int)(from / AK_GROUP_ENTRIES + g), 32);
    for (unsigned i = 0; i < n; i++) {
        struct ak_run run = {
            .received = NOW, .seq = from + i, .source = AK_SOURCE_FIRST, .kind = AK_KIND_RECORD};
        ak_batch_add(b, &run, data, payload_of(from + i, data));
    }
    assert_int_equal(ak_prepare(b, scratch), AK_OK);
}

static int setup_all(void **state)
{
    (void)state;
    scratch = ak_prepare_scratch_new();
    columns = ak_columns_new();
    block = ak_block_new();
    assert_non_null(scratch);
    assert_non_null(columns);
    assert_non_null(block);
    for (size_t i = 0; i < BATCHES; i++) {
        batch[i] = ak_batch_new();
        assert_non_null(batch[i]);
    }
    return 0;
}

static int teardown_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < BATCHES; i++)
        ak_batch_free(batch[i]);
    ak_prepare_scratch_free(scratch);
    ak_columns_free(columns);
    ak_block_free(block);
    return 0;
}

/* Batches for a log that goes on at `from`. They serve for many lives: a commit changes nothing in
 * them that a second one would not make the same. */
static void make_batches(uint64_t from)
{
    struct ak_hash leaf;

    first = from;
    memset(before.b, from > 0 ? 7 : 0, sizeof(before.b));
    memset(leaf.b, 0x55, sizeof(leaf.b));
    ak_range_init(&history, 0);
    ak_range_init(&history_group, from - from % AK_GROUP_ENTRIES);
    for (uint64_t i = 0; i < from; i++)
        assert_int_equal(ak_range_append(&history, &leaf), AK_OK);
    for (uint64_t i = 0; i < from % AK_GROUP_ENTRIES; i++)
        assert_int_equal(ak_range_append(&history_group, &leaf), AK_OK);
    for (size_t i = 0; i < BATCHES; i++) {
        make_batch(batch[i], sizes[i], from);
        from += sizes[i];
    }
    batch[3]->new_segment = true;
}

static void begin_log(void)
{
    struct ak_writer_options options = {.origin = ORIGIN, .claim = 1};
    struct ak_error err;

    (void)snprintf(path, sizeof(path), "/tmp/akashi-writer-XXXXXX");
    assert_non_null(mkdtemp(path));
    dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(dir_fd >= 0);
    options.log_dir_fd = dir_fd;
    if (first > 0) {
        options.epoch_note = (const unsigned char *)"not looked at here";
        options.epoch_note_len = 18;
        options.previous = before;
    }
    assert_int_equal(ak_writer_new(&options, &history, &writer, &err), AK_OK);
    acknowledged = first;
    disk.calls = 0;
    memset(disk.order, 0, sizeof(disk.order));
    disk.failed = 0;
    disk.cut_now = false;
    ak_disk_fault = on_call;
}

static void end_log(void)
{
    struct dirent *entry;
    DIR *dir;

    ak_disk_fault = NULL;
    ak_writer_free(writer);
    dir = fdopendir(dir_fd); /* its descriptor too */
    assert_non_null(dir);
    rewinddir(dir);
    while ((entry = readdir(dir)) != NULL)
        (void)unlinkat(dir_fd, entry->d_name, 0);
    assert_int_equal(closedir(dir), 0);
    assert_int_equal(rmdir(path), 0);
}

/* A checkpoint as the writer sees it: its size counts, its signature is looked at elsewhere. */
static size_t make_note(uint64_t size, char out[512])
{
    return (size_t)snprintf(out, 512,
                            ORIGIN "\n%" PRIu64 "\n" ROOT "\n\n\xe2\x80\x94 " ORIGIN
                                   " AAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
                            size);
}

/* ---- Reading back ---- */

struct found {
    uint64_t first;
    char name[AK_FILE_NAME_BYTES];
};

static int by_first(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

/* Files of the log, in order. A name that is not an open segment's must not be there. */
static size_t list(struct found found[FILES])
{
    size_t n = 0;
    struct dirent *entry;
    DIR *dir = opendir(path);

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        char wanted[AK_FILE_NAME_BYTES];
        if (entry->d_name[0] == '.')
            continue;
        assert_true(n < FILES);
        found[n].first = strtoull(entry->d_name, NULL, 10);
        (void)snprintf(wanted, sizeof(wanted), "%020" PRIu64 ".open.zst", found[n].first);
        assert_string_equal(entry->d_name, wanted);
        memcpy(found[n++].name, wanted, sizeof(wanted));
    }
    assert_int_equal(closedir(dir), 0);
    qsort(found, n, sizeof(*found), by_first);
    return n;
}

/* What was read of the log so far. */
struct reading {
    struct ak_range range; /* as far as a MARK has said */
    struct ak_hash header; /* digest of the HEADER before */
    struct ak_range group; /* leaves since the last multiple of 256 */
    uint64_t good;         /* of the file: end of the last MARK or NOTE that counts */
    unsigned marks;        /* in the file */
};

/* Takes the leaf; at the end of a group its hash must be the next one that the columns tell. */
static void read_leaf(uint64_t index, const struct ak_hash *leaf, struct ak_range *group,
                      uint32_t *ended)
{
    if (index % AK_GROUP_ENTRIES == 0)
        ak_range_init(group, index);
    assert_int_equal(ak_range_append(group, leaf), AK_OK);
    if ((index + 1) % AK_GROUP_ENTRIES != 0)
        return;
    assert_true(*ended < columns->level8_count);
    assert_memory_equal(columns->level8[*ended].b, group->hash[0].b, AK_HASH_BYTES);
    (*ended)++;
}

static void read_block(const uint8_t *data, size_t len, struct ak_range *range,
                       struct ak_range *group)
{
    uint32_t ended = 0;
    struct ak_error err;

    assert_int_equal(ak_block_open(block, columns, data, len, NULL, &err), AK_OK);
    assert_int_equal(block->first, range->end);
    for (uint32_t i = 0; i < block->count; i++) {
        char text[64];
        size_t n = payload_of(block->first + i, text);
        assert_int_equal(block->payload[i].len, n);
        assert_memory_equal(block->payload[i].p, text, n);
        assert_int_equal(block->entry[i].source_seq, block->first + i);
        assert_int_equal(block->entry[i].received, NOW);
        assert_int_equal(ak_range_append(range, &block->leaf[i]), AK_OK);
        read_leaf(block->first + i, &block->leaf[i], group, &ended);
    }
    assert_int_equal(ended, columns->level8_count);
}

static void read_mark(const uint8_t *content, size_t len, const struct ak_range *range,
                      struct ak_sha256_ctx *frames)
{
    struct ak_segment_mark mark;
    struct ak_hash digest;
    struct ak_error err;

    assert_int_equal(ak_segment_mark_decode(&mark, content, len, &err), AK_OK);
    assert_int_equal(mark.range.end, range->end);
    assert_memory_equal(mark.range.hash, range->hash, range->count * sizeof(range->hash[0]));
    ak_sha256_final(frames, &digest);
    assert_memory_equal(mark.digest.b, digest.b, AK_HASH_BYTES);
    ak_sha256_init(frames);
}

static void read_header(const uint8_t *content, size_t len, const struct ak_hash *digest,
                        struct reading *reading)
{
    struct ak_segment_header header;
    struct ak_error err;

    assert_int_equal(ak_segment_header_decode(&header, content, len, &err), AK_OK);
    assert_int_equal(header.first, reading->range.end);
    assert_memory_equal(header.previous.b, reading->header.b, AK_HASH_BYTES);
    assert_int_equal(header.range.count, reading->range.count);
    assert_memory_equal(header.range.hash, reading->range.hash,
                        reading->range.count * sizeof(reading->range.hash[0]));
    reading->header = *digest;
}

/* One frame into the reading; `range` and `group` run ahead of what a MARK has said. */
static void read_frame(int fd, const struct ak_frame *frame, struct ak_range *range,
                       struct ak_range *group, struct ak_sha256_ctx *frames,
                       struct reading *reading)
{
    uint8_t *bytes = frame->type == AK_FRAME_DATA ? data_buffer : buffer;
    const uint8_t *content = bytes + ak_frame_head(frame);
    size_t len = (size_t)frame->content_bytes;
    struct ak_hash digest;
    struct ak_error err;

    assert_int_equal(ak_frame_read(fd, frame, bytes, AK_FRAME_BUFFER_BYTES, &digest, &err), AK_OK);
    if (frame->type == AK_FRAME_HEADER)
        read_header(content, len, &digest, reading);
    else if (frame->type == AK_FRAME_COLUMNS)
        assert_int_equal(ak_columns_decode(columns, content, len, &err), AK_OK);
    else if (frame->type == AK_FRAME_DATA)
        read_block(content, len, range, group);
    if (frame->type == AK_FRAME_MARK)
        read_mark(content, len, range, frames);
    else
        ak_sha256_update(frames, digest.b, AK_HASH_BYTES);
}

/* Reads one segment as far as it counts: up to the last MARK at or before index `limit`, where the
 * next segment begins. What lies behind was not acknowledged. */
static void read_segment(const char *name, uint64_t limit, struct reading *reading)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    struct ak_frame frame = {.type = AK_FRAME_NONE};
    struct ak_range range = reading->range;
    struct ak_range group = reading->group;
    struct ak_sha256_ctx frames;
    struct ak_frame_walk walk;
    struct ak_error err;

    assert_true(fd >= 0);
    reading->good = 0;
    reading->marks = 0;
    ak_sha256_init(&frames);
    assert_int_equal(ak_frame_walk_begin(&walk, fd, &err), AK_OK);
    while (ak_frame_next(&walk, &frame, &err) == AK_OK && frame.type != AK_FRAME_END &&
           frame.type != AK_FRAME_TORN) {
        if (frame.type == AK_FRAME_COLUMNS && range.end == limit)
            break;
        read_frame(fd, &frame, &range, &group, &frames, reading);
        if (frame.type == AK_FRAME_MARK) {
            reading->marks++;
            reading->range = range;
            reading->group = group;
        }
        if (frame.type == AK_FRAME_MARK || frame.type == AK_FRAME_NOTE)
            reading->good = frame.offset + frame.bytes;
    }
    assert_int_equal(close(fd), 0);
}

/* All that was acknowledged is there; when `whole`, each file holds some of it. */
static void check_log(bool whole)
{
    struct reading reading = {.range = history, .header = before, .group = history_group};
    struct found found[FILES];
    size_t n = list(found);

    for (size_t i = 0; i < n; i++) {
        struct stat st;
        assert_int_equal(fstatat(dir_fd, found[i].name, &st, 0), 0);
        if (!whole && i + 1 == n && st.st_size == 0)
            break; /* its HEADER could not be written, nor it be removed */
        read_segment(found[i].name, i + 1 < n ? found[i + 1].first : UINT64_MAX, &reading);
        assert_true(!whole || reading.marks > 0);
        if (disk.mode == ONCE) /* a dead file without records could be removed */
            assert_true(reading.marks > 0 || found[i].first == ak_writer_segment(writer, NULL));
    }
    assert_true(reading.range.end >= acknowledged);
    assert_true(!whole || reading.range.end == acknowledged);
}

/* What the writer tells of a dead segment is what lies there. */
static void check_torn(const struct ak_torn *torn, uint64_t end)
{
    struct ak_hash digest;
    unsigned char *data;
    struct ak_error err;
    size_t len;

    assert_int_equal(ak_disk_read(dir_fd, torn->file, 1u << 20, &data, &len, NULL, NULL, &err),
                     AK_OK);
    assert_false(torn->corruption);
    assert_true(torn->cut > 0);
    assert_int_equal(torn->good + torn->cut, len);
    assert_int_equal(torn->size, end);
    ak_sha256(&digest, data + torn->good, (size_t)torn->cut);
    assert_memory_equal(torn->sha256.b, digest.b, AK_HASH_BYTES);
    free(data);
}

/* ---- Commits ---- */

static uint64_t size_of_open(void)
{
    uint64_t bytes;

    (void)ak_writer_segment(writer, &bytes);
    return bytes;
}

/* What a commit that failed must have left. */
static void check_failure(enum ak_code rc, uint64_t segment, uint64_t bytes,
                          const struct ak_error *err)
{
    uint64_t now;

    assert_true(rc == AK_EIO || rc == AK_ENOSPC);
    assert_int_equal(err->code, rc);
    assert_true(err->text[0] != '\0');
    if (ak_writer_segment(writer, &now) == segment && segment != UINT64_MAX)
        assert_int_equal(now, bytes); /* alive: nothing has changed */
    check_log(false);
}

/* Commits batches [at, at + count), offered again until it succeeds; the disk is repaired behind
 * the third offer. Gives the number of offers. */
static unsigned commit(size_t at, size_t count, const char *note, size_t note_len,
                       const char *checkpoint, size_t checkpoint_len)
{
    uint64_t end = batch[at + count - 1]->first + batch[at + count - 1]->count;
    uint64_t segment = ak_writer_segment(writer, NULL);
    unsigned failed_before = disk.failed;
    unsigned offers = 0;
    enum ak_code rc;

    do {
        uint64_t open = ak_writer_segment(writer, NULL);
        uint64_t bytes = size_of_open();
        struct ak_error err = {0};
        rc = ak_writer_commit(writer, &batch[at], count, note, note_len, checkpoint, checkpoint_len,
                              NOW + 7, &result, &err);
        if (rc != AK_OK)
            check_failure(rc, open, bytes, &err);
        if (++offers == OFFERS)
            disk.mode = GOOD;
        assert_true(offers <= 2 * OFFERS);
    } while (rc != AK_OK);
    assert_true(offers == 1 || disk.failed > failed_before);
    assert_int_equal(result.size, end);
    assert_int_equal(result.range.end, end);
    assert_int_equal(result.file_bytes, size_of_open());
    assert_int_equal(result.segment_first, ak_writer_segment(writer, NULL));
    assert_int_equal(result.rolled, result.segment_first != segment);
    if (result.has_torn)
        check_torn(&result.torn, batch[at]->first);
    acknowledged = end;
    check_log(true);
    return offers;
}

/* A life with two segments, a note by itself and one in front of a commit. */
static void live(void)
{
    char note[512];
    size_t len;
    struct ak_error err;

    (void)commit(0, 2, NULL, 0, NULL, 0);
    len = make_note(acknowledged, note);
    (void)ak_writer_note(writer, note, len, &err); /* it may fail: the records stay */
    check_log(false);
    (void)commit(2, 1, NULL, 0, note, len);
    (void)commit(3, 1, note, len, note, len); /* dropped: it is older than the new segment */
    len = make_note(acknowledged, note);
    (void)commit(4, 1, note, len, note, len);
}

/* Runs the life with each of its calls failing; gives how many calls it had. */
static unsigned live_with_faults(enum mode mode, int error, bool torn)
{
    for (unsigned n = 0;; n++) {
        assert_true(n < CALLS);
        disk.mode = mode;
        disk.error = error;
        disk.torn = torn;
        disk.n = n;
        begin_log();
        live();
        end_log();
        if (disk.failed == 0)
            return n;
    }
}

static int setup_life(void **state)
{
    (void)state;
    memset(&disk, 0, sizeof(disk));
    make_batches(251);
    return 0;
}

/* Without a fault every commit is acknowledged at the first offer, in two segments; what it wrote
 * is synced before, and the name of a new segment too. */
static void test_good_disk(void **state)
{
    struct found found[FILES];

    (void)state;
    begin_log();
    live();
    assert_int_equal(list(found), 2);
    assert_int_equal(found[0].first, 251);
    assert_int_equal(found[1].first, batch[3]->first);
    /* A new segment and a commit, a note, a commit; the same with a new segment; a commit. */
    assert_string_equal(disk.order, "CWSDWS"
                                    "WS"
                                    "WS"
                                    "CWSDWS"
                                    "WS");
    end_log();
}

/* A call fails once, and the same batches are offered again. */
static void test_io_error_once(void **state)
{
    (void)state;
    assert_true(live_with_faults(ONCE, EIO, false) > 10);
    assert_true(live_with_faults(ONCE, EIO, true) > 10);
}

/* All calls fail from one on; the batches are offered until the disk is repaired. */
static void test_io_error_stays(void **state)
{
    (void)state;
    assert_true(live_with_faults(BROKEN, EIO, false) > 10);
    assert_true(live_with_faults(BROKEN, EIO, true) > 10);
}

/* The disk is full for one call: nothing may be acknowledged, nothing that was may go. */
static void test_no_room_once(void **state)
{
    (void)state;
    assert_true(live_with_faults(ONCE, ENOSPC, false) > 10);
    assert_true(live_with_faults(ONCE, ENOSPC, true) > 10);
}

/* The disk is full and stays so for a while; even cutting and removing fails. */
static void test_no_room_stays(void **state)
{
    (void)state;
    assert_true(live_with_faults(BROKEN, ENOSPC, false) > 10);
    assert_true(live_with_faults(BROKEN, EDQUOT, true) > 10);
}

/* A log's very first segment, which has no epoch note in its HEADER. */
static void test_first_segment(void **state)
{
    (void)state;
    make_batches(0);
    for (unsigned n = 0; n == 0 || disk.failed > 0; n++) {
        assert_true(n < CALLS);
        disk.mode = ONCE;
        disk.error = EIO;
        disk.n = n;
        begin_log();
        (void)commit(0, 2, NULL, 0, NULL, 0);
        assert_int_equal(ak_writer_segment(writer, NULL), 0);
        end_log();
    }
}

/* Writes that are cut short are gone on from: the same bytes are in the file. */
static void test_short_writes(void **state)
{
    unsigned char *whole;
    unsigned char *pieces;
    struct found found[FILES];
    size_t whole_len;
    size_t pieces_len;

    (void)state;
    begin_log();
    (void)commit(0, 2, NULL, 0, NULL, 0);
    assert_int_equal(list(found), 1);
    assert_int_equal(
        ak_disk_read(dir_fd, found[0].name, 1u << 20, &whole, &whole_len, NULL, NULL, NULL), AK_OK);
    end_log();
    disk.only_short = true;
    begin_log();
    (void)commit(0, 2, NULL, 0, NULL, 0);
    assert_true(disk.calls > 10);
    assert_int_equal(
        ak_disk_read(dir_fd, found[0].name, 1u << 20, &pieces, &pieces_len, NULL, NULL, NULL),
        AK_OK);
    end_log();
    assert_int_equal(whole_len, pieces_len);
    assert_memory_equal(whole, pieces, whole_len);
    free(whole);
    free(pieces);
}

/* A sync fails behind an acknowledged commit: the same batches go to a new segment, the old one
 * stays with all that was acknowledged, and what lies behind is told of. */
static void test_sync_fails_behind_records(void **state)
{
    struct found found[FILES];
    uint64_t good;

    (void)state;
    begin_log();
    (void)commit(0, 2, NULL, 0, NULL, 0);
    good = result.file_bytes;
    disk.mode = ONCE;
    disk.error = ENOSPC; /* whatever the errno of a sync: the file is in no known state */
    disk.n = disk.calls + 1;
    assert_int_equal(commit(2, 1, NULL, 0, NULL, 0), 2);
    assert_int_equal(disk.first_failed, AK_DISK_SYNC);
    assert_true(result.rolled);
    assert_int_equal(result.segment_first, batch[2]->first);
    assert_true(result.has_torn);
    assert_int_equal(result.torn.good, good);
    assert_int_equal(result.torn.size, batch[2]->first);
    assert_int_equal(list(found), 2);
    assert_string_equal(result.torn.file, found[0].name);
    disk.mode = GOOD;
    (void)commit(3, 1, NULL, 0, NULL, 0);
    assert_false(result.has_torn); /* told once */
    end_log();
}

/* No room while writing: the file is cut back and the batches go into it later. */
static void test_full_disk_goes_on_in_place(void **state)
{
    struct found found[FILES];
    uint64_t good;

    (void)state;
    begin_log();
    (void)commit(0, 2, NULL, 0, NULL, 0);
    good = result.file_bytes;
    disk.mode = ONCE;
    disk.error = ENOSPC;
    disk.torn = true;
    disk.n = disk.calls;
    assert_int_equal(commit(2, 1, NULL, 0, NULL, 0), 2);
    assert_int_equal(disk.first_failed, AK_DISK_WRITE);
    assert_false(result.rolled);
    assert_false(result.has_torn);
    assert_int_equal(result.file_bytes, good + result.written);
    assert_int_equal(list(found), 1);
    end_log();
}

/* Batches that do not go on from the end of the log are refused, and nothing is written. */
static void test_refused(void **state)
{
    struct ak_error err;

    (void)state;
    begin_log();
    (void)commit(0, 2, NULL, 0, NULL, 0);
    assert_int_equal(ak_writer_commit(writer, &batch[1], 1, NULL, 0, NULL, 0, NOW, &result, &err),
                     AK_EUSAGE);
    assert_string_equal(err.text, "a batch at 256 cannot be committed at 556");
    assert_int_equal(ak_writer_commit(writer, &batch[2], 0, NULL, 0, NULL, 0, NOW, &result, &err),
                     AK_EUSAGE);
    assert_int_equal(ak_writer_commit(writer, &batch[2], 2, NULL, 0, NULL, 0, NOW, &result, &err),
                     AK_EUSAGE);
    assert_string_equal(err.text, "a new segment begins with a commit");
    check_log(true);
    (void)commit(2, 1, NULL, 0, NULL, 0);
    end_log();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_good_disk, setup_life),
        cmocka_unit_test_setup(test_io_error_once, setup_life),
        cmocka_unit_test_setup(test_io_error_stays, setup_life),
        cmocka_unit_test_setup(test_no_room_once, setup_life),
        cmocka_unit_test_setup(test_no_room_stays, setup_life),
        cmocka_unit_test_setup(test_first_segment, setup_life),
        cmocka_unit_test_setup(test_short_writes, setup_life),
        cmocka_unit_test_setup(test_sync_fails_behind_records, setup_life),
        cmocka_unit_test_setup(test_full_disk_goes_on_in_place, setup_life),
        cmocka_unit_test_setup(test_refused, setup_life),
    };
    return cmocka_run_group_tests_name("writer", tests, setup_all, teardown_all);
}
