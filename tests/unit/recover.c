/* recover.c - what a start makes of what a crash, a failing disk or an old copy left: nothing that
 * was committed is lost, nothing is made up, and what comes after verifies. */
#include "recover_victim.h"

#include <disk.h>

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
#include <unistd.h>

#include <cmocka.h>

/* ---- a torn end ---- */

/* Whatever part of the newest file is left, the log goes on from its last whole commit. */
static void cut_everywhere(bool sealed)
{
    unsigned tried = 0;
    unsigned gone_on = 0;

    victim_make(sealed);
    for (uint64_t len = 0; len <= victim.bytes; len += sealed ? 5 : 1) {
        const struct victim_step *mark = victim_last_step(len, false);
        const struct victim_step *good = victim_last_step(len, true);
        const struct ak_range *expected = mark != NULL ? &mark->range : &victim.begin;
        uint64_t kept = mark != NULL ? good->bytes : 0;
        struct ak_recovered out;
        struct ak_range whole = {0};
        struct ak_error err = {0};
        victim_put_file(victim.data, len);
        victim_check(victim_recover(&out, &whole, &err), &err);
        tried++;
        if (!victim_range_equal(&out.range, expected) || !victim_range_equal(&whole, expected))
            fail_msg("cut to %llu: goes on from %llu, not %llu", (unsigned long long)len,
                     (unsigned long long)out.range.end, (unsigned long long)expected->end);
        assert_int_equal(out.torn_count, 1);
        assert_false(out.torn[0].corruption);
        assert_int_equal(out.torn[0].size, expected->end);
        if (out.torn[0].good != kept || out.torn[0].cut != len - kept)
            fail_msg("cut to %llu: good %llu, cut %llu", (unsigned long long)len,
                     (unsigned long long)out.torn[0].good, (unsigned long long)out.torn[0].cut);
        victim_remove_torn();
        if (len % 1009 != 0 && (good == NULL || good->note || len != good->bytes + 1))
            continue;
        victim_put_file(victim.data, len);
        victim_go_on(LIFE_NOT_INVALID, LIFE_ONLY_VALID, sealed ? LIFE_NO_MANIFEST : 0);
        gone_on++;
    }
    print_message("cut at %u lengths, gone on from %u\n", tried, gone_on);
    victim_away();
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
    victim_check(life_begin(&life, path, &err), &err);
    (void)snprintf(id, sizeof(id), "%s", life.id);
    life_records(&life, life_source(&life), 10, 30);
    life_end(&life);
    life_copy(from, to); /* the old state of both */
    victim_check(life_begin(&life, path, &err), &err);
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
    victim_check(life_begin(&life, path, &err), &err);
    life_records(&life, AK_SOURCE_FIRST, 5, 30);
    life_end(&life);
    replace_dir(id, path, old); /* new log, older keys */
    victim_check(life_begin(&life, old, &err), &err);
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
        victim_make(i % 2 == 0);
        (void)snprintf(file, sizeof(file), "%s/checkpoint", victim.dir);
        assert_int_equal(unlink(file), 0);
        if (contents[i] != NULL) {
            FILE *f = fopen(file, "we");
            assert_non_null(f);
            (void)fputs(contents[i], f);
            (void)fclose(f);
        }
        victim_check(victim_recover(&out, &whole, &err), &err);
        assert_true(victim_range_equal(&whole, &victim.step[victim.steps - 1].range));
        victim_away();
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
        victim_make(false);
        if (torn)
            victim_put_file(victim.data, victim.bytes - 5);
        victim_check(life_begin(&life, victim.path, &err), &err);
        life_commit(&life);
        life_free(&life);
        end = victim.step[victim.steps - (torn ? 2 : 1)].range.end;
        free(victim.data);
        (void)snprintf(victim.file, sizeof(victim.file), "%s/%020" PRIu64 ".open.zst", victim.dir,
                       end);
        victim_read_file(); /* the segment that was begun */
        for (unsigned times = 1; times <= 3; times++) {
            victim_put_file(victim.data, victim.frame[0].bytes * parts[k / 2] / 100);
            victim_check(victim_recover(&out, &whole, &err), &err);
            assert_int_equal(out.range.end, end);
            assert_int_equal(out.torn_count, times + torn);
            assert_int_equal(access(victim.file, F_OK), -1);
        }
        victim_go_on(LIFE_NOT_INVALID, LIFE_ONLY_VALID, 0);
        victim_away();
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
    victim_check(life_begin(&life, path, &err), &err);
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
        victim_check(life_try_commit(&life, &err), &err); /* the same batch first */
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
    victim_check(life_begin(&life, path, &err), &err);
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
    victim_check(life_begin(&life, path, &err), &err);
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
    victim_seal(&life, first, life.next_index, &sealed);
    life_free(&life);
    victim_check(life_begin(&life, path, &err), &err);
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
