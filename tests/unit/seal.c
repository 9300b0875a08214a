/* seal.c - a sealed segment holds what the open one held, proves the same, and is made whole or not
 * at all; what is not as it was signed is left as it is. */
#include "life.h"

#include <segments.h>

#include <disk.h>

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
#include <zstd.h>

#define FILE_BYTES (16u << 20)

static struct ak_seal_memory *memory;
static char path[LIFE_PATH_BYTES];
static struct life life;
static struct ak_error err;
static uint64_t first; /* of the segment that is sealed */
static uint64_t end;

static void check(enum ak_code rc)
{
    if (rc != AK_OK)
        fail_msg("%s: %s", ak_code_name(rc), err.text);
}

static int setup(void **state)
{
    (void)state;
    memory = ak_seal_memory_new();
    assert_non_null(memory);
    life_home(path);
    life_make(path);
    check(life_begin(&life, path, &err));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ak_disk_fault = NULL;
    life_free(&life);
    life_away(path);
    ak_seal_memory_free(memory);
    return 0;
}

static const char *open_name(void)
{
    static char name[AK_FILE_NAME_BYTES];

    (void)snprintf(name, sizeof(name), "%020" PRIu64 ".open.zst", first);
    return name;
}

/* A file of the log's directory; freed by the caller. NULL if it is not there. */
static unsigned char *read_file(const char *name, size_t *len)
{
    unsigned char *data = malloc(FILE_BYTES);
    int fd = openat(life.dir_fd, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, data, FILE_BYTES) : -1;

    assert_non_null(data);
    if (fd >= 0)
        (void)close(fd);
    if (n < 0) {
        free(data);
        return NULL;
    }
    *len = (size_t)n;
    return data;
}

static void put_file(const char *name, const void *data, size_t len)
{
    int fd;

    (void)unlinkat(life.dir_fd, name, 0);
    fd = openat(life.dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), (ssize_t)len);
    (void)close(fd);
}

static bool there(const char *name)
{
    return faccessat(life.dir_fd, name, F_OK, 0) == 0;
}

/* Files in a directory whose name ends so. */
static unsigned count_files(int dir_fd, const char *suffix)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fdopendir(fd);
    const struct dirent *entry;
    unsigned n = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name);
        n += entry->d_name[0] != '.' && len >= strlen(suffix) &&
             strcmp(entry->d_name + len - strlen(suffix), suffix) == 0;
    }
    (void)closedir(dir);
    return n;
}

/* What `zstd -dc` prints of a file. */
static unsigned char *text_of(const char *name, size_t *len)
{
    size_t n = 0;
    unsigned char *data = read_file(name, &n);
    unsigned char *text = malloc(FILE_BYTES);
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    ZSTD_inBuffer in = {data, n, 0};
    ZSTD_outBuffer out = {text, FILE_BYTES, 0};

    assert_true(data != NULL && text != NULL && ctx != NULL);
    while (in.pos < in.size)
        assert_false(ZSTD_isError(ZSTD_decompressStream(ctx, &out, &in)));
    ZSTD_freeDCtx(ctx);
    free(data);
    *len = out.pos;
    return text;
}

static enum ak_code seal(bool copy, struct ak_sealed *sealed)
{
    struct ak_seal_log log = life_seal_log(&life);
    uint64_t good;

    err.text[0] = 0;
    return ak_seal(&log, memory, first, end, copy, sealed, &good, &err);
}

/* Ends the segment: signed, and no other behind it yet. */
static void close_segment(void)
{
    if (life.batch->count > 0)
        life_commit(&life);
    life_sign(&life);
    life_note(&life);
    life_publish(&life);
    end = life.next_index;
    life_roll(&life);
}

/* The process goes on with the manifest of what was sealed, and all is judged. */
static void go_on(const struct ak_sealed *sealed, unsigned remarks)
{
    struct ak_seal_log log = life_seal_log(&life);

    (void)life_check(path, LIFE_ONLY_VALID, remarks | LIFE_TWIN | LIFE_NO_MANIFEST);
    life_manifest(&life, sealed);
    life_commit(&life);
    life_sign(&life);
    life_note(&life);
    check(ak_seal_remove(&log, first, &err));
    assert_false(there(open_name()));
    check(ak_seal_remove(&log, first, &err)); /* it is gone: no fault */
    (void)life_check(path, LIFE_ONLY_VALID, remarks);
}

/* Records of every shape in commits of every size: what comes of them is VALID, in the log and by
 * itself, and `zstd -dc` prints the same. */
static void seal_shapes(bool copy)
{
    struct ak_sealed sealed;
    uint32_t a = life_source(&life);
    uint32_t b = life_source(&life);
    size_t before_len = 0, after_len = 0;
    unsigned char *before, *after;

    first = life.next_index - life.batch->count;
    life_add(&life, AK_KIND_RECORD, a, "", 0);
    life_add(&life, AK_KIND_RECORD, a, "\n\n\n", 3);
    life_add(&life, AK_KIND_RECORD, b, "\0\0", 2);
    life_commit(&life);
    life_sign(&life);
    for (unsigned i = 0; i < 30; i++) { /* groups over blocks, with notes between */
        life_records(&life, i % 2 ? a : b, 37, 40);
        life_commit(&life);
        if (i % 4 == 3)
            life_sign(&life);
        if (i % 8 == 7)
            life_note(&life);
    }
    life_add(&life, AK_KIND_FRAGMENT, a, "cut in the mid", 14);
    life_event(&life, "cut", "sender");
    for (unsigned i = 0; i < 6; i++) { /* blocks that are full by text */
        life_records(&life, a, 16, 60000);
        life_commit(&life);
        life_sign(&life);
    }
    life_records(&life, b, 8000, 3); /* and by entries */
    life_commit(&life);
    life_records(&life, b, 1900, 3);
    life_state(&life);
    close_segment();
    before = text_of(open_name(), &before_len);
    check(seal(copy, &sealed));
    assert_true(there(sealed.file) && there(open_name()));
    assert_true(sealed.made);
    after = text_of(sealed.file, &after_len);
    assert_int_equal(before_len, after_len);
    assert_memory_equal(before, after, after_len);
    free(before);
    free(after);
    (void)life_check_file(path, sealed.file, LIFE_ONLY_VALID);
    go_on(&sealed, LIFE_NO_MANIFEST); /* the init's segment has none */
}

static void test_shapes(void **state)
{
    (void)state;
    seal_shapes(false);
}

static void test_shapes_copied(void **state)
{
    (void)state;
    seal_shapes(true);
}

static void small_segment(void)
{
    uint32_t a = life_source(&life);

    first = life.next_index - life.batch->count;
    for (unsigned i = 0; i < 5; i++) {
        life_records(&life, a, 30 + 30 * i, 30);
        life_commit(&life);
        if (i % 2 == 0)
            life_sign(&life);
    }
    close_segment();
}

/* Any changed byte of the open file stops it: that stays as it is, and nothing else appears. */
static void test_changed_byte(void **state)
{
    struct ak_sealed sealed;
    unsigned char *data;
    size_t len = 0;

    (void)state;
    small_segment();
    data = read_file(open_name(), &len);
    for (size_t at = 0; at < len; at += 3) {
        unsigned char *after;
        size_t after_len = 0;
        enum ak_code rc;
        data[at] ^= (unsigned char)(1u << at % 8);
        put_file(open_name(), data, len);
        rc = seal(at % 2 == 0, &sealed);
        if (rc != AK_EINTEGRITY && rc != AK_EUNSUPPORTED)
            fail_msg("byte %zu: %s %s", at, ak_code_name(rc), err.text);
        after = read_file(open_name(), &after_len);
        assert_int_equal(after_len, len);
        assert_memory_equal(after, data, len);
        free(after);
        assert_int_equal(count_files(life.dir_fd, ".0.zst"), 0);
        assert_int_equal(count_files(life.dir_fd, ".torn"), 0);
        assert_int_equal(count_files(life.store.tmp_fd, ""), 0);
        data[at] ^= (unsigned char)(1u << at % 8);
    }
    put_file(open_name(), data, len);
    free(data);
    check(seal(false, &sealed));
    go_on(&sealed, 0);
}

static unsigned found_open, found_sealed;
static uint64_t removed; /* bytes of open files that went */
static struct ak_sealed found;

static void on_found(void *ctx, uint64_t at, uint64_t to, const struct ak_sealed *sealed)
{
    (void)ctx;
    assert_true(at < to);
    if (sealed == NULL) {
        found_open++;
        return;
    }
    found_sealed++;
    found = *sealed;
}

/* A collector that stops does not wait for a segment under way: all stays as it was, and the next
 * attempt seals it. */
static void test_stopped(void **state)
{
    struct ak_seal_log log = life_seal_log(&life);
    atomic_bool stop = true;
    struct ak_sealed sealed;

    (void)state;
    first = life.next_index - life.batch->count;
    life_records(&life, life_source(&life), 300, 40);
    close_segment();
    ak_seal_memory_stop(memory, &stop);
    assert_int_equal(seal(false, &sealed), AK_EBUSY);
    assert_int_equal(ak_seal_find(&log, memory, end, on_found, NULL, &removed, &err), AK_EBUSY);
    assert_true(there(open_name()));
    assert_int_equal(count_files(life.dir_fd, ".0.zst"), 0);
    assert_int_equal(count_files(life.store.tmp_fd, ""), 0);
    stop = false;
    check(seal(false, &sealed));
    ak_seal_memory_stop(memory, NULL);
    go_on(&sealed, 0);
}

/* Without a signature of its end it is not sealed, unless the next segment goes on from there. */
static void test_unsigned(void **state)
{
    struct ak_sealed sealed;
    uint32_t a = life_source(&life);

    (void)state;
    first = life.next_index - life.batch->count;
    life_records(&life, a, 30, 30);
    life_commit(&life);
    life_sign(&life);
    life_records(&life, a, 30, 30);
    life_commit(&life); /* with the note of the commit before in front */
    end = life.next_index;
    assert_int_equal(seal(false, &sealed), AK_EINTEGRITY);
    assert_non_null(strstr(err.text, "is signed"));
    life_roll(&life);
    life_records(&life, a, 3, 30);
    life_commit(&life);
    life_sign(&life);
    life_note(&life);
    check(seal(false, &sealed));
    go_on(&sealed, 0);
}

/* Bytes behind the end are kept in a file of their own, once, whatever other bytes were cut there
 * before; and a NOTE that is none belongs to them. */
static void test_tail(void **state)
{
    static const unsigned char no_note[] = "\x5a\x2a\x4d\x18\x11\x00\x00\x00\x04\x01no checkpoint.";
    static const unsigned char junk[] = "half a commit that nobody was told of";
    struct ak_sealed sealed;
    unsigned char *data, *torn;
    size_t len = 0, torn_len = 0;
    char name[AK_FILE_NAME_BYTES];

    (void)state;
    small_segment();
    data = read_file(open_name(), &len);
    memcpy(data + len, no_note, sizeof(no_note));
    memcpy(data + len + sizeof(no_note), junk, sizeof(junk));
    put_file(open_name(), data, len + sizeof(no_note) + sizeof(junk));
    for (unsigned i = 0; i < 3; i++) {
        if (i == 2) {
            (void)snprintf(name, sizeof(name), "%020" PRIu64 ".torn", first);
            put_file(name, "other bytes", 11); /* in the way: of another cut */
        }
        check(seal(i % 2 == 0, &sealed));
        assert_int_equal(count_files(life.dir_fd, ".torn"), i < 2 ? 1 : 2);
        (void)snprintf(name, sizeof(name), i < 2 ? "%020" PRIu64 ".torn" : "%020" PRIu64 ".1.torn",
                       first);
        torn = read_file(name, &torn_len);
        assert_non_null(torn);
        assert_int_equal(torn_len, sizeof(no_note) + sizeof(junk));
        assert_memory_equal(torn, data + len, torn_len);
        free(torn);
        assert_int_equal(unlinkat(life.dir_fd, sealed.file, 0), 0);
    }
    free(data);
}

/* ---- a disk that fails ---- */

static unsigned calls;
static unsigned failing;
static int failure;
static bool for_ever;

static int on_call(enum ak_disk_call call, size_t *bytes)
{
    unsigned number = calls++;

    if (call == AK_DISK_WRITE && number % 3 == 1 && *bytes > 100)
        *bytes = 100; /* short writes are gone on from */
    return number == failing || (for_ever && number > failing) ? failure : 0;
}

/* Whichever call fails, once or from then on, in a disk without room or a broken one: the open file
 * is untouched, the final name has a whole file or none, and the next attempt succeeds. */
static void test_failing_disk(void **state)
{
    static const int failures[] = {ENOSPC, EIO};
    static const unsigned char junk[] = "a torn end";
    struct ak_sealed sealed;
    unsigned char *data, *after;
    size_t len = 0, after_len = 0;
    unsigned tried = 0;

    (void)state;
    small_segment();
    data = read_file(open_name(), &len);
    memcpy(data + len, junk, sizeof(junk));
    len += sizeof(junk);
    put_file(open_name(), data, len);
    for (unsigned kind = 0; kind < 4; kind++) {
        enum ak_code rc;
        bool done = false;
        failure = failures[kind % 2];
        for_ever = kind >= 2;
        for (failing = 0; !done; failing++, tried++) {
            calls = 0;
            ak_disk_fault = on_call;
            rc = seal(kind % 2 == 0, &sealed);
            ak_disk_fault = NULL;
            done = failing >= calls;
            assert_true(!done || rc == AK_OK);
            assert_true(rc == AK_OK || rc == AK_ENOSPC || rc == AK_EIO);
            after = read_file(open_name(), &after_len);
            assert_int_equal(after_len, len);
            assert_memory_equal(after, data, len);
            free(after);
            check(seal(false, &sealed));
            (void)life_check_file(path, sealed.file, LIFE_ONLY_VALID);
            assert_int_equal(count_files(life.dir_fd, ".torn"), 1);
            assert_int_equal(count_files(life.store.tmp_fd, ".seal"), 0);
            assert_int_equal(unlinkat(life.dir_fd, sealed.file, 0), 0);
        }
        assert_true(failing >
                    8); /* the sealed file and the torn one: create, write, sync, rename */
    }
    print_message("%u failures\n", tried);
    free(data);
}

/* ---- what a start finds ---- */

static void find(unsigned opens, unsigned seals)
{
    struct ak_seal_log log = life_seal_log(&life);

    removed = 0;
    found_open = found_sealed = 0;
    check(ak_seal_find(&log, memory, life.recovered.range.end, on_found, NULL, &removed, &err));
    assert_int_equal(found_open, opens);
    assert_int_equal(found_sealed, seals);
}

/* A new process, after one that was killed (or ended in order). */
static void restart(bool in_order)
{
    if (in_order) {
        life_end(&life);
    } else {
        life_free(&life);
    }
    check(life_begin(&life, path, &err));
}

/* The first commit of a process, signed: what it finds is dealt with behind that. */
static void settle(void)
{
    life_commit(&life);
    life_sign(&life);
    life_note(&life);
    life_publish(&life);
}

static void same_sealed(const struct ak_sealed *a, const struct ak_sealed *b)
{
    assert_int_equal(a->first, b->first);
    assert_int_equal(a->end, b->end);
    assert_int_equal(a->generation, b->generation);
    assert_string_equal(a->file, b->file);
    assert_int_equal(a->bytes, b->bytes);
    assert_int_equal(a->open_bytes, b->open_bytes);
    assert_memory_equal(a->sha512, b->sha512, sizeof(a->sha512));
    assert_memory_equal(&a->header, &b->header, sizeof(a->header));
    assert_memory_equal(&a->frames, &b->frames, sizeof(a->frames));
    assert_memory_equal(&a->root, &b->root, sizeof(a->root));
    assert_memory_equal(&a->positions, &b->positions, sizeof(a->positions));
}

/* A process that dies between any two steps of sealing leaves what the next one goes on from. */
static void test_died_between_steps(void **state)
{
    struct ak_sealed sealed, zero;
    uint64_t zero_first = 0;

    (void)state;
    /* The init's segment, sealed and told, so that it is out of the way. */
    first = zero_first;
    end = 1;
    settle();
    check(seal(false, &zero));
    go_on(&zero, 0);
    first = 1; /* where this process began */

    /* Before S1, within S2: tmp/ holds a part. */
    restart(false);
    settle();
    end = life.recovered.range.end;
    find(1, 0);
    {
        char name[AK_LOG_ID_CHARS + 8];
        int fd;
        (void)snprintf(name, sizeof(name), "%s.seal", life.id);
        fd = openat(life.store.tmp_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, "half a file", 11), 11);
        (void)close(fd);
    }
    restart(false);
    assert_int_equal(count_files(life.store.tmp_fd, ""), 0);
    settle();
    find(2, 0); /* the segments of two processes */

    /* After S3: both files are there, no manifest. */
    check(seal(false, &sealed));
    (void)life_check(path, LIFE_ONLY_VALID, LIFE_NO_MANIFEST | LIFE_TWIN);
    restart(false);
    settle();
    find(2, 1);
    sealed.made = found.made;
    same_sealed(&found, &sealed);
    assert_true(there(open_name()));

    /* After S4: the manifest is there, and the open file goes. */
    life_manifest(&life, &found);
    settle();
    restart(false);
    settle();
    find(3, 0);
    assert_false(there(open_name()));
    assert_int_equal(removed, sealed.open_bytes);
    (void)life_check(path, LIFE_ONLY_VALID, 0);
}

/* An orderly stop seals its segment and takes the open file away; the next process writes the
 * manifest, and the one after it finds nothing to do. */
static void test_orderly_stop(void **state)
{
    struct ak_sealed sealed;

    (void)state;
    settle();
    first = 0;
    end = 1;
    check(seal(false, &sealed));
    go_on(&sealed, 0);
    first = 1;
    end = life.next_index;
    check(seal(true, &sealed));
    {
        struct ak_seal_log log = life_seal_log(&life);
        check(ak_seal_remove(&log, first, &err));
    }
    restart(false);
    assert_int_equal(life.recovered.torn_count, 0); /* that was an end in order */
    settle();
    find(0, 1);
    life_manifest(&life, &found);
    settle();
    restart(true);
    settle();
    find(1, 0);
    (void)life_check(path, LIFE_ONLY_VALID, 0);
}

/* A checkpoint that was kept speaks of a size in the middle of a sealed segment: at the border of a
 * group, or beside one. */
static void test_kept_checkpoint(void **state)
{
    struct ak_sealed sealed;
    char note[3][AK_NOTE_BYTES_MAX];
    size_t len[3];
    uint32_t a = life_source(&life);

    (void)state;
    first = life.next_index - life.batch->count;
    for (unsigned i = 0; i < 3; i++) {
        unsigned border = 511 + 257 * i;
        life_records(&life, a, (unsigned)(border - life.next_index), 9);
        life_commit(&life);
        life_sign(&life);
        memcpy(note[i], life.note, life.note_len);
        len[i] = life.note_len;
    }
    life_records(&life, a, 200, 9);
    close_segment();
    check(seal(true, &sealed)); /* a block ends there too */
    for (unsigned i = 0; i < 3; i++)
        life_check_kept(path, note[i], len[i]);
    go_on(&sealed, 0);
    for (unsigned i = 0; i < 3; i++)
        life_check_kept(path, note[i], len[i]);
}

/* A segment whose predecessor is damaged is not called damaged itself. */
static void test_damage_before(void **state)
{
    struct ak_sealed sealed;
    unsigned char *data;
    size_t len = 0;
    char before[AK_FILE_NAME_BYTES];

    (void)state;
    small_segment();
    (void)snprintf(before, sizeof(before), "%s", open_name());
    first = end;
    small_segment();
    data = read_file(before, &len);
    data[8 + 100] ^= 0x10; /* in its HEADER: it still says how far the sources had counted */
    put_file(before, data, len);
    check(seal(false, &sealed));
    assert_int_equal(unlinkat(life.dir_fd, sealed.file, 0), 0);
    for (size_t at = 0; at + 2 < len; at++) { /* the first COLUMNS */
        if (memcmp(data + at, "\x5a\x2a\x4d\x18", 4) == 0 && data[at + 8] == 2) {
            data[at + 8 + 2 + 4 + 4 + 32] ^= 1; /* its first index */
            break;
        }
    }
    put_file(before, data, len);
    free(data);
    assert_int_equal(seal(false, &sealed), AK_ENOTFOUND);
    assert_non_null(strstr(err.text, before));
    assert_true(there(open_name()));
}

/* One bit of a sealed file's FOOTER, behind its end, turned; given back by the same call. */
static void turn_bit(const char *name)
{
    size_t len = 0;
    unsigned char *data = read_file(name, &len);
    size_t at;

    assert_non_null(data);
    for (at = len - 8; at > 0 && memcmp(data + at, "\x2a\x4d\x18", 3) != 0; at--)
        ;
    data[at - 20] ^= 1; /* in `self`, in front of the seek table */
    put_file(name, data, len);
    free(data);
}

/* What is listed as sealed: `wanted` first indices, in their order. */
static void expect_sealed(const uint64_t *wanted, size_t count)
{
    struct ak_segment_files files;
    size_t n = 0;

    check(ak_segment_files_list(life.dir_fd, &files, &err));
    for (size_t i = 0; i < files.count; i++) {
        if (!files.file[i].sealed)
            continue;
        if (n < count)
            assert_int_equal(files.file[i].first, wanted[n]);
        n++;
    }
    assert_int_equal(n, count);
    ak_segment_files_free(&files);
}

/* Whose digests do not come out is not sealed where that decides something: where the open file is
 * there too, and where the log would go on from it. */
static void test_listed(void **state)
{
    struct ak_sealed sealed[3];
    uint64_t firsts[3] = {0};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        small_segment();
        check(seal(false, &sealed[i]));
        firsts[i] = first;
    }
    expect_sealed(firsts, 3);
    turn_bit(sealed[0].file); /* its open file is there */
    expect_sealed(firsts + 1, 2);
    turn_bit(sealed[0].file);
    for (unsigned i = 0; i < 3; i++) {
        struct ak_seal_log log = life_seal_log(&life);
        check(ak_seal_remove(&log, firsts[i], &err));
    }
    turn_bit(sealed[1].file); /* nothing is decided by it */
    expect_sealed(firsts, 3);
    turn_bit(sealed[1].file);
    turn_bit(sealed[2].file); /* the newest */
    expect_sealed(firsts, 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_shapes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shapes_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changed_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unsigned, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stopped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tail, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failing_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_died_between_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_orderly_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage_before, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kept_checkpoint, setup, teardown),
        cmocka_unit_test_setup_teardown(test_listed, setup, teardown),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
