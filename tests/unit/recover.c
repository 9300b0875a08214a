/* recover.c - what a start makes of what a crash, a bad disk or an old copy left: nothing that was
 * committed is lost, nothing is made up, and what comes after verifies. */
#include "life.h"

#include <disk.h>
#include <segments.h>

#include <akashi/format.h>

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

#define STEPS_MAX  64u
#define FRAMES_MAX 256u

/* The end of a MARK or NOTE in the newest segment, as it was written. */
struct step {
    uint64_t bytes;
    struct ak_range range; /* of a MARK: what is durable then */
    bool note;
    uint64_t size; /* of a NOTE: what it speaks of */
};

/* A log whose newest segment is to suffer. */
static struct {
    char path[LIFE_PATH_BYTES];
    char dir[2 * LIFE_PATH_BYTES];  /* the log's directory */
    char file[3 * LIFE_PATH_BYTES]; /* the newest segment */
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    uint64_t first;
    struct ak_range begin; /* [0, first) */
    unsigned char *data;
    uint64_t bytes;
    struct step step[STEPS_MAX];
    unsigned steps;
    struct ak_frame frame[FRAMES_MAX];
    unsigned frames;
    uint64_t state; /* size that the keys remember */
    int keys_fd;
    int dir_fd;
} made;

static void check(enum ak_code rc, const struct ak_error *err)
{
    if (rc != AK_OK)
        fail_msg("%s: %s", ak_code_name(rc), err->text);
}

/* ---- making ---- */

static void put_file(const void *data, size_t len)
{
    int fd;

    (void)unlink(made.file);
    fd = open(made.file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), (ssize_t)len);
    (void)close(fd);
}

static void read_file(void)
{
    struct ak_frame_walk *walk = malloc(sizeof(*walk));
    struct ak_error err = {0};
    struct stat st;
    int fd = open(made.file, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_non_null(walk);
    assert_int_equal(fstat(fd, &st), 0);
    made.bytes = (uint64_t)st.st_size;
    made.data = malloc(made.bytes + 1);
    assert_non_null(made.data);
    assert_int_equal(pread(fd, made.data, made.bytes, 0), st.st_size);
    check(ak_frame_walk_begin(walk, fd, &err), &err);
    for (made.frames = 0; made.frames < FRAMES_MAX; made.frames++) {
        check(ak_frame_next(walk, &made.frame[made.frames], &err), &err);
        if (made.frame[made.frames].type == AK_FRAME_END)
            break;
    }
    assert_true(made.frames < FRAMES_MAX);
    free(walk);
    (void)close(fd);
}

static void add_step(const struct life *life, bool note)
{
    struct step *step = &made.step[made.steps++];

    assert_true(made.steps <= STEPS_MAX);
    step->note = note;
    (void)ak_writer_segment(life->writer, &step->bytes);
    step->range = life->result.range;
    step->size = ak_keys_signed(life->keys)->end;
}

static void commit(struct life *life)
{
    uint64_t before = 0;
    bool note = life->note_waits && !life->new_segment;

    (void)ak_writer_segment(life->writer, &before);
    life_commit(life);
    if (note) { /* it went in front: where it ends is found among the frames */
        add_step(life, true);
        made.step[made.steps - 1].bytes = before;
    }
    add_step(life, false);
}

static void note(struct life *life)
{
    life_sign(life);
    life_note(life);
    add_step(life, true);
}

static void seal(struct life *life, uint64_t first, uint64_t end, struct ak_sealed *sealed)
{
    struct ak_seal_memory *memory = ak_seal_memory_new();
    struct ak_seal_log seal_log = life_seal_log(life);
    struct ak_error err = {0};
    uint64_t good;

    assert_non_null(memory);
    check(ak_seal(&seal_log, memory, first, end, false, sealed, &good, &err), &err);
    check(ak_seal_remove(&seal_log, first, &err), &err);
    ak_seal_memory_free(memory);
}

/* A NOTE in front of a commit: its end is that of the NOTE frame there. */
static void find_notes(void)
{
    for (unsigned i = 0; i < made.steps; i++) {
        for (unsigned f = 0; f < made.frames; f++) {
            if (made.step[i].note && made.frame[f].type == AK_FRAME_NOTE &&
                made.frame[f].offset == made.step[i].bytes)
                made.step[i].bytes += made.frame[f].bytes;
        }
    }
}

static void open_dirs(void)
{
    char path[2 * LIFE_PATH_BYTES];

    (void)snprintf(path, sizeof(path), "%s/store/keys", made.path);
    made.keys_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(made.keys_fd >= 0);
    made.dir_fd = open(made.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(made.dir_fd >= 0);
}

/* Segment 0 of init, one of a first process, and the newest one, with what comes in the life of a
 * log; its last two commits are not signed. */
static void make(bool sealed)
{
    struct ak_sealed first, second;
    struct ak_error err = {0};
    struct life life;
    uint32_t a, b;
    uint64_t end;

    memset(&made, 0, sizeof(made));
    life_home(made.path);
    life_make(made.path);
    check(life_begin(&life, made.path, &err), &err);
    (void)snprintf(made.origin, sizeof(made.origin), "%s", life.origin);
    (void)snprintf(made.dir, sizeof(made.dir), "%s/store/%s", made.path, life.id);
    a = life_source(&life);
    life_records(&life, a, 20, 60);
    life_commit(&life);
    life_sign(&life);
    life_note(&life);
    life_publish(&life);
    made.state = ak_keys_signed(life.keys)->end;
    end = life.next_index;
    if (sealed) {
        seal(&life, 0, 1, &first);
        seal(&life, 1, end, &second);
        life_manifest(&life, &first);
        life_manifest(&life, &second);
    }
    life_roll(&life);
    made.first = end;
    made.begin = life.result.range;
    (void)snprintf(made.file, sizeof(made.file), "%s/%020" PRIu64 ".open.zst", made.dir, end);
    life_records(&life, a, 3, 40);
    commit(&life);
    life_sign(&life);
    life_records(&life, a, 300, 6);
    commit(&life); /* with the note in front */
    note(&life);
    life_event(&life, "disk-low", "collector");
    commit(&life);
    b = life_source(&life);
    life_records(&life, b, 5, 50);
    life_state(&life);
    commit(&life);
    life_sign(&life);
    life_records(&life, a, 2, 0);
    commit(&life);
    note(&life);
    life_records(&life, b, 9, 80);
    commit(&life);
    life_records(&life, a, 4, 30);
    life_event(&life, "disk-low", "collector");
    commit(&life);
    life_free(&life); /* it just stops */
    read_file();
    find_notes();
    open_dirs();
}

static void away(void)
{
    (void)close(made.keys_fd);
    (void)close(made.dir_fd);
    free(made.data);
    life_away(made.path);
}

/* ---- judging ---- */

static void remove_torn(void)
{
    DIR *dir = opendir(made.dir);
    const struct dirent *entry;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (strstr(entry->d_name, ".torn") != NULL)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    (void)closedir(dir);
}

static bool range_equal(const struct ak_range *a, const struct ak_range *b)
{
    return a->begin == b->begin && a->end == b->end && a->count == b->count &&
           memcmp(a->hash, b->hash, a->count * sizeof(a->hash[0])) == 0;
}

/* The last step that ends at or before byte `bytes`, of MARKs only or of both; NULL: none. */
static const struct step *last_step(uint64_t bytes, bool notes)
{
    const struct step *found = NULL;

    for (unsigned i = 0; i < made.steps; i++) {
        if (made.step[i].bytes <= bytes && (notes || !made.step[i].note) &&
            (found == NULL || made.step[i].bytes >= found->bytes))
            found = &made.step[i];
    }
    return found;
}

/* One recovery of the directory as it is; what comes of it. Memory of `out` is freed. */
static enum ak_code recover(struct ak_recovered *out, struct ak_range *whole, struct ak_error *err)
{
    struct ak_keys *keys;
    enum ak_code rc;

    check(ak_keys_load(made.keys_fd, made.origin, &keys, err), err);
    rc = ak_recover(made.dir_fd, made.origin, keys, NULL, NULL, out, err);
    if (rc == AK_OK) {
        *whole = *ak_keys_signed(keys);
        check(ak_range_merge(whole, &out->more, err), err);
        assert_int_equal(out->positions.size, out->range.end);
    }
    ak_recovered_free(out);
    ak_keys_free(keys);
    return rc;
}

/* The log goes on as a collector would, and is judged before and after. */
static void go_on(unsigned before, unsigned after, unsigned remarks)
{
    struct ak_error err = {0};
    struct life life;
    char copy[LIFE_PATH_BYTES];
    char from[LIFE_PATH_BYTES + 8];
    char to[LIFE_PATH_BYTES + 8];

    life_home(copy);
    (void)snprintf(from, sizeof(from), "%s/store", made.path);
    (void)snprintf(to, sizeof(to), "%s/store", copy);
    life_copy(from, to);
    (void)life_check(copy, before, remarks);
    check(life_begin(&life, copy, &err), &err);
    life_records(&life, life_source(&life), 3, 20);
    life_records(&life, AK_SOURCE_FIRST, 2, 20);
    life_commit(&life);
    (void)life_check(copy, before | after, remarks);
    life_sign(&life);
    life_end(&life);
    (void)life_check(copy, after, remarks);
    check(life_begin(&life, copy, &err), &err); /* and nothing is told a second time */
    assert_int_equal(life.recovered.torn_count, 0);
    life_end(&life);
    (void)life_check(copy, after, remarks);
    life_away(copy);
}

/* ---- a torn end ---- */

/* Whatever part of the newest file is left, the log goes on from its last whole commit. */
static void cut_everywhere(bool sealed)
{
    unsigned tried = 0;
    unsigned gone_on = 0;

    make(sealed);
    for (uint64_t len = 0; len <= made.bytes; len += sealed ? 5 : 1) {
        const struct step *mark = last_step(len, false);
        const struct step *good = last_step(len, true);
        const struct ak_range *expected = mark != NULL ? &mark->range : &made.begin;
        uint64_t kept = mark != NULL ? good->bytes : 0;
        struct ak_recovered out;
        struct ak_range whole = {0};
        struct ak_error err = {0};
        put_file(made.data, len);
        check(recover(&out, &whole, &err), &err);
        tried++;
        if (!range_equal(&out.range, expected) || !range_equal(&whole, expected))
            fail_msg("cut to %llu: goes on from %llu, not %llu", (unsigned long long)len,
                     (unsigned long long)out.range.end, (unsigned long long)expected->end);
        assert_int_equal(out.torn_count, 1);
        assert_false(out.torn[0].corruption);
        assert_int_equal(out.torn[0].size, expected->end);
        if (out.torn[0].good != kept || out.torn[0].cut != len - kept)
            fail_msg("cut to %llu: good %llu, cut %llu", (unsigned long long)len,
                     (unsigned long long)out.torn[0].good, (unsigned long long)out.torn[0].cut);
        remove_torn();
        if (len % 1009 != 0 && (good == NULL || good->note || len != good->bytes + 1))
            continue;
        put_file(made.data, len);
        go_on(LIFE_NOT_INVALID, LIFE_ONLY_VALID, sealed ? LIFE_NO_MANIFEST : 0);
        gone_on++;
    }
    print_message("cut at %u lengths, gone on from %u\n", tried, gone_on);
    away();
}

static void test_cut(void **state)
{
    (void)state;
    cut_everywhere(false);
}

static void test_cut_behind_sealed(void **state)
{
    (void)state;
    cut_everywhere(true);
}

/* ---- damage ---- */

/* The frame that holds a byte. */
static const struct ak_frame *frame_at(uint64_t at)
{
    const struct ak_frame *found = &made.frame[0];

    for (unsigned f = 0; f < made.frames; f++) {
        if (made.frame[f].offset <= at)
            found = &made.frame[f];
    }
    return found;
}

/* The newest size that is signed in the file, by NOTEs but the one that ends at byte `but`, or by
 * the keys' state. */
static uint64_t signed_size(uint64_t but)
{
    uint64_t size = made.state;

    for (unsigned i = 0; i < made.steps; i++) {
        if (made.step[i].note && made.step[i].bytes != but && made.step[i].size > size)
            size = made.step[i].size;
    }
    return size;
}

/* The MARK that ends the commit in which a byte lies; NULL behind the last one. */
static const struct step *commit_at(uint64_t at)
{
    for (unsigned i = 0; i < made.steps; i++) {
        if (!made.step[i].note && at < made.step[i].bytes)
            return &made.step[i];
    }
    return NULL;
}

/* What must come of a changed byte: all commits, if it is in what is signed or behind the last one;
 * else those before it. A NOTE belongs to the commit behind it. */
static const struct ak_range *expected_for(uint64_t at)
{
    const struct ak_frame *frame = frame_at(at);
    const struct step *hit = commit_at(at);
    const struct step *before;

    if (hit == NULL || hit->range.end <= signed_size(frame->offset + frame->bytes))
        return &made.step[made.steps - 1].range;
    before = last_step(frame->offset, false);
    return before != NULL ? &before->range : &made.begin;
}

/* A changed byte in what is signed takes nothing away, wherever it is; in what is not signed yet it
 * takes that commit and those behind it, and where those were durable that is told as damage. */
static void test_changed_byte(void **state)
{
    unsigned damage = 0;
    unsigned unsupported = 0;

    (void)state;
    make(false);
    for (uint64_t at = 0; at < made.bytes; at++) {
        const struct ak_range *expected = expected_for(at);
        unsigned char was = made.data[at];
        const struct step *hit = commit_at(at);
        bool unsigned_part = hit != NULL && hit->range.end > signed_size(0);
        struct ak_recovered out;
        struct ak_range whole = {0};
        struct ak_error err = {0};
        enum ak_code rc;
        made.data[at] ^= (unsigned char)(1u << at % 8);
        put_file(made.data, made.bytes);
        rc = recover(&out, &whole, &err);
        made.data[at] = was;
        if (rc == AK_EUNSUPPORTED && frame_at(at)->type == AK_FRAME_HEADER) {
            unsupported++; /* a later version's: hands off */
            continue;
        }
        if (rc != AK_OK)
            fail_msg("byte %llu of a frame of type %u: %s", (unsigned long long)at,
                     frame_at(at)->type, err.text);
        if (!range_equal(&out.range, expected) || !range_equal(&whole, expected))
            fail_msg("byte %llu (%llu of a frame of type %u): goes on from %llu, not %llu",
                     (unsigned long long)at, (unsigned long long)(at - frame_at(at)->offset),
                     frame_at(at)->type, (unsigned long long)out.range.end,
                     (unsigned long long)expected->end);
        assert_int_equal(out.torn_count, 1);
        damage += out.torn[0].corruption;
        if (unsigned_part && hit != &made.step[made.steps - 1] &&
            frame_at(at)->type == AK_FRAME_DATA && !out.torn[0].corruption)
            fail_msg("byte %llu: durable commits behind it are called torn",
                     (unsigned long long)at);
        if (unsigned_part && hit == &made.step[made.steps - 1] && out.torn[0].corruption)
            fail_msg("byte %llu: a torn end is called damage", (unsigned long long)at);
        remove_torn();
    }
    assert_true(damage > 0 && unsupported > 0 && unsupported < 8);
    print_message("%llu bytes changed, %u told as damage\n", (unsigned long long)made.bytes,
                  damage);
    away();
}

/* A frame that says it is of another kind, or a longer or shorter one, hides nothing behind it. */
static void test_frame_lies(void **state)
{
    static const struct {
        unsigned offset;
        unsigned char value;
    } lies[] = {{0, 0x5e}, {4, 2}, {4, 200}, {5, 1}, {5, 7}, {6, 1}, {7, 1}, {8, 0},
                {8, 1},    {8, 2}, {8, 3},   {8, 4}, {8, 5}, {8, 6}, {9, 0}, {9, 2}};
    unsigned tried = 0;

    (void)state;
    make(false);
    for (unsigned f = 1; f < made.frames; f++) {
        uint64_t at = made.frame[f].offset;
        for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
            unsigned char was = made.data[at + lies[i].offset];
            const struct ak_range *expected = expected_for(at);
            struct ak_recovered out;
            struct ak_range whole = {0};
            struct ak_error err = {0};
            if (was == lies[i].value || made.frame[f].type == AK_FRAME_DATA)
                continue;
            made.data[at + lies[i].offset] = lies[i].value;
            put_file(made.data, made.bytes);
            made.data[at + lies[i].offset] = was;
            check(recover(&out, &whole, &err), &err);
            if (!range_equal(&out.range, expected) || !range_equal(&whole, expected))
                fail_msg("frame %u of type %u, byte %u is %u: goes on from %llu, not %llu", f,
                         made.frame[f].type, lies[i].offset, lies[i].value,
                         (unsigned long long)out.range.end, (unsigned long long)expected->end);
            remove_torn();
            tried++;
        }
    }
    assert_true(tried > 200);
    away();
}

/* Zeroed sectors: the same. What a signature covers and nothing else leads to is never given up:
 * then the start is refused, with what to do. */
static void test_zeroed_sector(void **state)
{
    unsigned refused = 0;

    (void)state;
    make(false);
    for (uint64_t at = 0; at + 16 <= made.bytes; at += 16) {
        uint64_t n = at + 512 <= made.bytes ? 512 : made.bytes - at;
        unsigned char *copy = malloc(made.bytes);
        struct ak_recovered out;
        struct ak_range whole = {0};
        struct ak_error err = {0};
        enum ak_code rc;
        assert_non_null(copy);
        memcpy(copy, made.data, made.bytes);
        memset(copy + at, 0, n);
        put_file(copy, made.bytes);
        free(copy);
        rc = recover(&out, &whole, &err);
        remove_torn();
        if (rc == AK_OK) {
            const struct step *last = &made.step[made.steps - 1];
            bool known = range_equal(&out.range, &made.begin);
            for (unsigned i = 0; i < made.steps; i++)
                known =
                    known || (!made.step[i].note && range_equal(&out.range, &made.step[i].range));
            assert_true(known);
            assert_true(range_equal(&whole, &out.range));
            assert_true(out.range.end >= signed_size(0) || out.range.end >= last->range.end ||
                        at < last_step(made.bytes, true)->bytes);
        } else {
            refused++;
            if (rc != AK_EINTEGRITY)
                fail_msg("sector at %llu: %s", (unsigned long long)at, err.text);
            if (strstr(err.text, "Bring back") == NULL)
                fail_msg("no remedy: %s", err.text);
        }
    }
    print_message("sectors refused: %u\n", refused);
    away();
}

/* ---- copies ---- */

static void replace_dir(const char *name, const char *from, const char *to)
{
    char source[3 * LIFE_PATH_BYTES], target[3 * LIFE_PATH_BYTES];

    (void)snprintf(source, sizeof(source), "%s/store/%s", from, name);
    (void)snprintf(target, sizeof(target), "%s/store/%s", to, name);
    life_away(target);
    life_copy(source, target);
}

/* A log's directory from before, with the keys of now, is refused; the keys from before, with the
 * log of now, are not: they learn from its signatures. */
static void test_older_copy(void **state)
{
    char path[LIFE_PATH_BYTES], old[LIFE_PATH_BYTES];
    char from[LIFE_PATH_BYTES + 8], to[LIFE_PATH_BYTES + 8];
    char id[AK_LOG_ID_CHARS + 1];
    struct ak_error err = {0};
    struct life life;

    (void)state;
    life_home(path);
    life_home(old);
    life_make(path);
    (void)snprintf(from, sizeof(from), "%s/store", path);
    (void)snprintf(to, sizeof(to), "%s/store", old);
    check(life_begin(&life, path, &err), &err);
    (void)snprintf(id, sizeof(id), "%s", life.id);
    life_records(&life, life_source(&life), 10, 30);
    life_end(&life);
    life_copy(from, to); /* the old state of both */
    check(life_begin(&life, path, &err), &err);
    life_records(&life, AK_SOURCE_FIRST, 10, 30);
    life_end(&life);

    replace_dir("keys", path, old); /* new keys, old log */
    assert_int_equal(life_begin(&life, old, &err), AK_EINTEGRITY);
    assert_non_null(strstr(err.text, "an older copy of this store"));
    assert_int_equal(life_begin(&life, old, &err), AK_EINTEGRITY); /* again, nothing was changed */
    assert_non_null(strstr(err.text, "an older copy of this store"));

    life_away(old);
    life_home(old);
    (void)snprintf(to, sizeof(to), "%s/store", old);
    life_copy(from, to);
    check(life_begin(&life, path, &err), &err);
    life_records(&life, AK_SOURCE_FIRST, 5, 30);
    life_end(&life);
    replace_dir(id, path, old); /* new log, older keys */
    check(life_begin(&life, old, &err), &err);
    assert_true(life.next_index > 10);
    life_end(&life);
    (void)life_check(old, LIFE_ONLY_VALID, 0);
    life_away(path);
    life_away(old);
}

/* Without the published checkpoint, with one that is none, and with one of nobody, a start goes on
 * from what the segments and the keys say. */
static void test_checkpoint_file(void **state)
{
    static const char *const contents[] = {NULL, "", "no checkpoint\n",
                                           "other/00112233445566778899aabbccddeeff\n9\nAAAA\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        char file[3 * LIFE_PATH_BYTES];
        struct ak_recovered out;
        struct ak_range whole = {0};
        struct ak_error err = {0};
        make(i % 2 == 0);
        (void)snprintf(file, sizeof(file), "%s/checkpoint", made.dir);
        assert_int_equal(unlink(file), 0);
        if (contents[i] != NULL) {
            FILE *f = fopen(file, "we");
            assert_non_null(f);
            (void)fputs(contents[i], f);
            (void)fclose(f);
        }
        check(recover(&out, &whole, &err), &err);
        assert_true(range_equal(&whole, &made.step[made.steps - 1].range));
        away();
    }
}

/* ---- crashes between the steps ---- */

/* A process that died before its first commit was durable leaves a HEADER, a part of one, or an
 * empty file. It goes out of the way and is told of, as often as it happens, and once it is told in
 * a commit never again. */
static void test_died_at_once(void **state)
{
    static const unsigned parts[] = {0, 1, 40, 100}; /* per cent of the HEADER */

    (void)state;
    for (size_t k = 0; k < 2 * sizeof(parts) / sizeof(parts[0]); k++) {
        bool torn = k % 2 == 1; /* the process before it died within a commit */
        struct ak_recovered out;
        struct ak_range whole = {0};
        struct ak_error err = {0};
        struct life life;
        uint64_t end;
        make(false);
        if (torn)
            put_file(made.data, made.bytes - 5);
        check(life_begin(&life, made.path, &err), &err);
        life_commit(&life);
        life_free(&life);
        end = made.step[made.steps - (torn ? 2 : 1)].range.end;
        free(made.data);
        (void)snprintf(made.file, sizeof(made.file), "%s/%020" PRIu64 ".open.zst", made.dir, end);
        read_file(); /* the segment that was begun */
        for (unsigned times = 1; times <= 3; times++) {
            put_file(made.data, made.frame[0].bytes * parts[k / 2] / 100);
            check(recover(&out, &whole, &err), &err);
            assert_int_equal(out.range.end, end);
            assert_int_equal(out.torn_count, times + torn);
            assert_int_equal(access(made.file, F_OK), -1);
        }
        go_on(LIFE_NOT_INVALID, LIFE_ONLY_VALID, 0);
        away();
    }
}

/* ---- a disk that fails ---- */

static unsigned sync_calls;
static unsigned sync_fails; /* which one of them, from 1 */

static int on_disk(enum ak_disk_call call, size_t *bytes)
{
    (void)bytes;
    return call == AK_DISK_SYNC && ++sync_calls == sync_fails ? EIO : 0;
}

/* The sync of a commit fails though all of it came into the file, with a note in front or without.
 * The same records are in the next segment; the old one's end is told of. Whatever becomes of that
 * process then: the next one goes on, and the store is never INVALID. */
static void dead_segment(bool note_in_front, unsigned further_commits, bool sign)
{
    char path[LIFE_PATH_BYTES];
    struct ak_error err = {0};
    struct ak_torn torn;
    struct life life;
    uint64_t end;

    life_home(path);
    life_make(path);
    check(life_begin(&life, path, &err), &err);
    life_records(&life, life_source(&life), 10, 30);
    life_commit(&life);
    life_sign(&life);
    if (!note_in_front)
        life_note(&life);
    life_records(&life, AK_SOURCE_FIRST, 20, 30);
    sync_calls = 0;
    sync_fails = 1;
    ak_disk_fault = on_disk;
    assert_int_equal(life_try_commit(&life, &err), AK_EIO);
    ak_disk_fault = NULL;
    assert_true(ak_writer_torn(life.writer, &torn));
    assert_false(ak_writer_torn(life.writer, &torn));
    assert_true(torn.cut > 0);
    for (unsigned i = 0; i < further_commits; i++) {
        check(life_try_commit(&life, &err), &err); /* the same batch first */
        life_records(&life, AK_SOURCE_FIRST, 2, 30);
        if (i == 0 && sign)
            life_torn(&life, &torn);
    }
    if (sign) {
        life_commit(&life);
        life_sign(&life);
        life_note(&life);
    }
    /* What nobody knows of yet may be there: the disk had all of it. */
    end = further_commits > 0 ? life.result.size : life.next_index;
    life_free(&life);
    if (sign)
        (void)life_check(path, LIFE_ONLY_VALID, 0);
    check(life_begin(&life, path, &err), &err);
    assert_int_equal(life.recovered.range.end, end);
    life_records(&life, AK_SOURCE_FIRST, 2, 30);
    life_commit(&life);
    life_sign(&life);
    life_end(&life);
    (void)life_check(path, LIFE_ONLY_VALID, 0);
    life_away(path);
}

static void test_dead_segment(void **state)
{
    (void)state;
    for (unsigned commits = 0; commits < 4; commits++) {
        dead_segment(false, commits, false);
        dead_segment(true, commits, false);
        if (commits > 0) {
            dead_segment(false, commits, true);
            dead_segment(true, commits, true);
        }
    }
}

/* A source that was declared in a segment which waits to be sealed while the one behind it is
 * sealed already is known all the same. */
static void test_declared_in_open(void **state)
{
    char path[LIFE_PATH_BYTES];
    struct ak_error err = {0};
    struct ak_sealed sealed;
    struct life life;
    uint64_t first;

    (void)state;
    life_home(path);
    life_make(path);
    check(life_begin(&life, path, &err), &err);
    (void)life_source(&life);
    life_records(&life, AK_SOURCE_FIRST, 10, 30);
    life_commit(&life);
    life_sign(&life);
    life_note(&life);
    life_roll(&life);
    first = life.next_index;
    life_records(&life, life_source(&life), 10, 30);
    life_event(&life, "stop", "operator");
    life_commit(&life);
    life_sign(&life);
    life_note(&life);
    life_publish(&life);
    seal(&life, first, life.next_index, &sealed);
    life_free(&life);
    check(life_begin(&life, path, &err), &err);
    assert_int_equal(life.sources_known, 2);
    life_end(&life);
    (void)life_check(path, LIFE_ONLY_VALID, LIFE_NO_MANIFEST);
    life_away(path);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_cut_behind_sealed),
        cmocka_unit_test(test_changed_byte),
        cmocka_unit_test(test_frame_lies),
        cmocka_unit_test(test_zeroed_sector),
        cmocka_unit_test(test_older_copy),
        cmocka_unit_test(test_checkpoint_file),
        cmocka_unit_test(test_died_at_once),
        cmocka_unit_test(test_dead_segment),
        cmocka_unit_test(test_declared_in_open),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
