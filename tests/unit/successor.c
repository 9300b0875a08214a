/* successor.c - a successor that is made, waits and follows: what the store says at each step, and
 * what a crash or a failure at each call of the disk leaves behind. */
#include <akashi/log_tree.h>
#include <akashi/succession.h>

#include <disk.h>
#include <init.h>
#include <keys.h>
#include <succeed.h>
#include <successor.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATH_ROOM 256
#define SECRETS   2u /* of a log: log.key and epoch.seed */
#define CRASHED   9

static char folder[64];
static char store_path[sizeof(folder) + 8];
static char old_id[AK_LOG_ID_CHARS + 1];
static char old_origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
static unsigned char secret[SECRETS][32];
static unsigned calls;
static unsigned fail_at; /* call that fails or is the last; 0: none */
static bool crash;

static int count_calls(enum ak_disk_call call, size_t *bytes)
{
    (void)call;
    (void)bytes;
    if (++calls != fail_at)
        return 0;
    if (crash)
        _exit(CRASHED);
    return EIO;
}

static void run(const char *format, ...)
{
    char command[1024];
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(command, sizeof(command), format, ap);
    va_end(ap);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a folder of our own making */
}

static void read_secret(const char *name, unsigned char *out)
{
    char path[PATH_ROOM];
    unsigned char *data;
    size_t len;

    (void)snprintf(path, sizeof(path), "%s/keys/%s/%s", store_path, old_id, name);
    assert_int_equal(ak_disk_read(AT_FDCWD, path, 64, &data, &len, NULL, NULL, NULL), AK_OK);
    memcpy(out, data + len - 32, 32);
    free(data);
}

/* A store with the log `a`, and a copy of it in `first`. */
static int set_up(void **state)
{
    const struct ak_init_options options = {
        .store = store_path, .log = "a", .origin = "test.example/a", .epochs = 4};
    struct ak_vkey vkey;

    (void)state;
    /* In memory where that is possible: some thousand syncs, of which none is looked at. */
    (void)snprintf(folder, sizeof(folder), "%s/akashi-successor-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(store_path, sizeof(store_path), "%s/store", folder);
    assert_int_equal(ak_init_log(&options, &vkey, NULL), AK_OK);
    (void)snprintf(old_origin, sizeof(old_origin), "%s", vkey.name);
    memcpy(old_id, vkey.name + strlen(vkey.name) - AK_LOG_ID_CHARS, sizeof(old_id));
    read_secret("log.key", secret[0]);
    read_secret("epoch.seed", secret[1]);
    run("cp -a %s %s/first", store_path, folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ak_disk_fault = NULL;
    run("rm -r %s", folder);
    return 0;
}

static void as_first(void)
{
    run("rm -r %s && cp -a %s/first %s", store_path, folder, store_path);
}

/* The log's own directory is as it was. */
static void check_old(void)
{
    run("diff -r %s/%s %s/first/%s", store_path, old_id, folder, old_id);
}

static bool found_secret;

static int look_at(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    unsigned char *data;
    size_t len;

    (void)st;
    (void)ftw;
    if (type != FTW_F ||
        ak_disk_read(AT_FDCWD, path, 1u << 20, &data, &len, NULL, NULL, NULL) != AK_OK)
        return 0;
    for (unsigned i = 0; i < SECRETS; i++)
        found_secret = found_secret || memmem(data, len, secret[i], 32) != NULL;
    free(data);
    return 0;
}

/* Whether a seed of the old log stands in any file of the store. */
static bool secrets_there(void)
{
    found_secret = false;
    assert_int_equal(nftw(store_path, look_at, 8, FTW_PHYS), 0);
    return found_secret;
}

static struct ak_store open_store(void)
{
    struct ak_store store;
    struct ak_error err = {0};

    if (ak_store_open(store_path, "test", NULL, &store, &err) != AK_OK)
        fail_msg("%s", err.text);
    return store;
}

/* What `names` says of the store. */
enum stage { UNTOUCHED, WAITS, FOLLOWS };

static enum stage stage_of(const struct ak_store *store, char id[AK_LOG_ID_CHARS + 1])
{
    struct ak_successor_mark mark;
    char old[AK_LOG_ID_CHARS + 1];

    if (ak_successor_find(store, "a", id, &mark, NULL) == AK_OK) {
        assert_int_equal(ak_store_find(store->fd, "a", old, NULL), AK_OK);
        assert_string_equal(old, old_id);
        return WAITS;
    }
    assert_int_equal(ak_store_find(store->fd, "a", id, NULL), AK_OK);
    if (strcmp(id, old_id) == 0)
        return UNTOUCHED;
    assert_int_equal(ak_store_find(store->fd, "a-1", old, NULL), AK_OK);
    assert_string_equal(old, old_id);
    return FOLLOWS;
}

static unsigned directories(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY);
    DIR *dir = fdopendir(fd);
    const struct dirent *entry;
    unsigned count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        count += strlen(entry->d_name) == AK_LOG_ID_CHARS;
    (void)closedir(dir);
    return count;
}

static enum ak_successor_state mark_of(const struct ak_store *store, const char *id)
{
    struct ak_successor_mark mark;

    assert_int_equal(ak_successor_mark_of(store, id, &mark, NULL), AK_OK);
    return mark.state;
}

/* Nothing but what the stage says is there. */
static void check_stage(const struct ak_store *store, enum stage stage, const char *id)
{
    unsigned logs = stage == UNTOUCHED ? 1 : 2;
    struct ak_keys *keys = NULL;
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];

    assert_int_equal(directories(store->fd), logs);
    assert_int_equal(directories(store->keys_fd), logs);
    assert_int_equal(secrets_there(), stage != FOLLOWS);
    check_old();
    if (stage != FOLLOWS) { /* the old log can go on, should it be put right */
        assert_int_equal(ak_keys_load(store->keys_fd, old_origin, &keys, NULL), AK_OK);
        ak_keys_free(keys);
    }
    if (stage == UNTOUCHED)
        return;
    if (stage == WAITS)
        assert_int_equal(mark_of(store, id), AK_SUCCESSOR_WAITING);
    else
        assert_true(mark_of(store, id) >= AK_SUCCESSOR_FOLLOWED);
    assert_int_equal(ak_store_origin(store->fd, id, origin, NULL), AK_OK);
    assert_int_equal(strncmp(origin, "test.example/a/2/", 17), 0);
    assert_int_equal(ak_keys_load(store->keys_fd, origin, &keys, NULL),
                     stage == WAITS ? AK_EKEY : AK_OK);
    ak_keys_free(keys);
    assert_int_equal(ak_keys_load_public(store->keys_fd, origin, &keys, NULL), AK_OK);
    assert_int_equal(ak_keys_state(keys, NULL), 2);
    ak_keys_free(keys);
}

static const struct ak_succeed_options given = {
    .store = store_path, .log = "a", .reason = "the key was stolen"};
static const struct ak_succeed_options other = {
    .store = store_path, .log = "a", .reason = "it was stolen again"};
static const struct ak_succeed_options silent = {.store = store_path, .log = "a"};

/* The whole command, but for opening the log in between. */
static enum ak_code succeed_by(const struct ak_succeed_options *options, struct ak_error *err)
{
    struct ak_succeeded done;
    enum ak_code rc = ak_succeed_prepare(options, &done, err);

    if (rc == AK_OK)
        rc = ak_succeed_follow(options, &done, err);
    free(done.more);
    return rc == AK_OK ? ak_succeed_end(options, &done, err) : rc;
}

static enum ak_code succeed(struct ak_error *err)
{
    return succeed_by(&given, err);
}

/* What a collector that starts makes, without a word of the operator. */
static enum ak_code start(struct ak_error *err)
{
    struct ak_store store;
    struct ak_successor_options options = {
        .store = &store, .path = store_path, .log = "a", .cause = "the key\nis away"};
    enum ak_code rc = ak_store_open(store_path, "test", NULL, &store, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_successor_mend(&store, true, err);
    if (rc == AK_OK)
        rc = ak_successor_make(&options, err);
    ak_store_close(&store);
    return rc;
}

/* The call `n` of the disk is the last one of a process, or fails. False: there are fewer. */
static bool break_at(enum ak_code (*what)(struct ak_error *err), unsigned n, bool by_crash)
{
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        fail_at = n;
        crash = by_crash;
        calls = 0;
        ak_disk_fault = count_calls;
        _exit(what(NULL) == AK_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_true(n < 500);
    return WEXITSTATUS(status) != 0;
}

/* Step by step, as everybody sees it. */
static void steps(void **state)
{
    struct ak_error err = {0};
    struct ak_succeeded done;
    struct ak_successor_mark mark;
    char id[AK_LOG_ID_CHARS + 1];
    struct ak_store store;

    (void)state;
    assert_int_equal(start(&err), AK_OK);
    store = open_store();
    assert_int_equal(stage_of(&store, id), WAITS);
    check_stage(&store, WAITS, id);
    assert_int_equal(ak_successor_mark_of(&store, id, &mark, NULL), AK_OK);
    assert_string_equal(mark.cause, "the key?is away");
    assert_string_equal(mark.old, old_id);
    ak_store_close(&store);

    assert_int_equal(ak_succeed_prepare(&given, &done, &err), AK_OK);
    assert_string_equal(done.id, id);
    assert_string_equal(done.old_origin, old_origin);
    assert_int_equal(done.size, 1);
    assert_int_equal(done.known, 1);
    assert_int_equal(done.entries, 2);
    assert_non_null(done.more); /* the reason is new */
    free(done.more);
    assert_int_equal(ak_succeed_follow(&given, &done, &err), AK_OK);
    assert_string_equal(done.closed, "a-1");
    store = open_store();
    assert_int_equal(stage_of(&store, id), FOLLOWS);
    assert_false(secrets_there());
    assert_int_equal(mark_of(&store, id), AK_SUCCESSOR_FOLLOWED);
    ak_store_close(&store);

    /* The command is given again: the same successor, not one more. */
    assert_int_equal(ak_succeed_prepare(&given, &done, &err), AK_OK);
    assert_true(done.follows);
    assert_null(done.more);
    assert_string_equal(done.id, id);
    assert_string_equal(done.closed, "a-1");
    assert_int_equal(ak_succeed_follow(&given, &done, &err), AK_OK);
    assert_int_equal(ak_succeed_end(&given, &done, &err), AK_OK);
    store = open_store();
    assert_int_equal(stage_of(&store, id), FOLLOWS);
    check_stage(&store, FOLLOWS, id);
    assert_int_equal(mark_of(&store, id), AK_SUCCESSOR_ENDED);
    ak_store_close(&store);
}

static unsigned logs_there(void)
{
    struct ak_store store = open_store();
    unsigned logs = directories(store.fd);

    assert_int_equal(directories(store.keys_fd), logs);
    ak_store_close(&store);
    return logs;
}

/* The same words open no second successor, and none at all do; other words open one, but only when
 * the command before has ended, whatever starts and ends in between. */
static void other_words(void **state)
{
    struct ak_error err = {0};
    struct ak_succeeded done;
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    char id[AK_LOG_ID_CHARS + 1];
    struct ak_store store;

    (void)state;
    assert_int_equal(ak_succeed_prepare(&given, &done, &err), AK_OK);
    assert_int_equal(ak_succeed_follow(&given, &done, &err), AK_OK);
    for (unsigned starts = 0; starts < 2; starts++) {
        assert_int_equal(succeed_by(&other, &err), AK_EUSAGE);
        assert_non_null(strstr(err.text, "log a is the successor of a-1 by a command that had"));
        store = open_store();
        assert_int_equal(ak_successor_mend(&store, true, &err), AK_OK);
        assert_false(secrets_there());
        ak_store_close(&store);
    }
    assert_int_equal(ak_succeed_prepare(&silent, &done, &err), AK_OK);
    assert_true(done.follows);
    assert_int_equal(ak_succeed_end(&silent, &done, &err), AK_OK);

    assert_int_equal(succeed_by(&given, &err), AK_EUSAGE);
    assert_non_null(strstr(err.text, "log a: this very command was given before, and ended: it "
                                     "opened test.example/a/2/"));
    assert_int_equal(succeed_by(&silent, &err), AK_EUSAGE);
    assert_non_null(strstr(err.text, "log a can be signed as it is"));
    assert_int_equal(logs_there(), 2);

    assert_int_equal(succeed_by(&other, &err), AK_OK);
    assert_int_equal(logs_there(), 3);
    store = open_store();
    assert_int_equal(ak_store_find(store.fd, "a", id, NULL), AK_OK);
    assert_int_equal(ak_store_origin(store.fd, id, origin, NULL), AK_OK);
    assert_int_equal(strncmp(origin, "test.example/a/3/", 17), 0);
    assert_int_equal(ak_store_find(store.fd, "a-2", id, NULL), AK_OK);
    ak_store_close(&store);
    assert_int_equal(succeed_by(&given, &err), AK_OK); /* not what opened this one */
    assert_int_equal(logs_there(), 4);
}

/* A log that cannot be signed gets its successor, whatever was said before. */
static void same_words_in_need(void **state)
{
    struct ak_error err = {0};
    char id[AK_LOG_ID_CHARS + 1];
    struct ak_store store;

    (void)state;
    assert_int_equal(succeed(&err), AK_OK);
    store = open_store();
    assert_int_equal(stage_of(&store, id), FOLLOWS);
    run("rm %s/keys/%s/log.key", store_path, id);
    ak_store_close(&store);
    assert_int_equal(succeed(&err), AK_OK);
    assert_int_equal(logs_there(), 3);
}

/* A successor of the successor that waits is what is meant, whatever did not end before. */
static void waiting_first(void **state)
{
    struct ak_error err = {0};
    struct ak_succeeded done;
    char waits[AK_LOG_ID_CHARS + 1];
    char id[AK_LOG_ID_CHARS + 1];
    struct ak_successor_mark mark;
    struct ak_store store;

    (void)state;
    assert_int_equal(ak_succeed_prepare(&given, &done, &err), AK_OK);
    assert_int_equal(ak_succeed_follow(&given, &done, &err), AK_OK);
    assert_int_equal(start(&err), AK_OK);
    store = open_store();
    assert_int_equal(ak_successor_find(&store, "a", waits, &mark, NULL), AK_OK);
    ak_store_close(&store);
    assert_int_equal(succeed_by(&silent, &err), AK_OK);
    store = open_store();
    assert_int_equal(ak_store_find(store.fd, "a", id, NULL), AK_OK);
    assert_string_equal(id, waits);
    assert_int_equal(mark_of(&store, id), AK_SUCCESSOR_ENDED);
    ak_store_close(&store);
    assert_int_equal(logs_there(), 3);
}

/* Which checkpoints are given, and what they say, is of the words too. */
static void words_of_checkpoints(void **state)
{
    char first[PATH_ROOM];
    const char *const files[] = {first};
    const struct ak_succeed_options with = {.store = store_path,
                                            .log = "a",
                                            .reason = "the key was stolen",
                                            .checkpoint = files,
                                            .checkpoint_count = 1};
    struct ak_error err = {0};
    struct ak_succeeded done;

    (void)state;
    (void)snprintf(first, sizeof(first), "%s/first/%s/checkpoint", folder, old_id);
    assert_int_equal(ak_succeed_prepare(&with, &done, &err), AK_OK);
    free(done.more);
    assert_int_equal(ak_succeed_follow(&with, &done, &err), AK_OK);
    assert_int_equal(succeed_by(&given, &err), AK_EUSAGE);
    assert_non_null(strstr(err.text, "by a command that had another --reason or --checkpoint"));
    assert_int_equal(succeed_by(&with, &err), AK_OK);
    assert_int_equal(succeed_by(&with, &err), AK_EUSAGE);
    assert_non_null(strstr(err.text, "this very command was given before"));
    assert_int_equal(logs_there(), 2);
    (void)snprintf(first, sizeof(first), "%s/none", folder);
    assert_int_equal(succeed_by(&with, &err), AK_EUSAGE);
    assert_non_null(strstr(err.text, "--checkpoint: "));
}

/* A crash, or a failure, at each call of making one: the next start has all or nothing. */
static void made_and_broken(bool by_crash)
{
    unsigned waits = 0;
    unsigned n = 1;

    for (; break_at(start, n, by_crash); n++) {
        struct ak_store store = open_store();
        struct ak_error err = {0};
        char id[AK_LOG_ID_CHARS + 1];
        enum stage stage;

        if (ak_successor_mend(&store, true, &err) != AK_OK)
            fail_msg("call %u: %s", n, err.text);
        stage = stage_of(&store, id);
        assert_int_not_equal(stage, FOLLOWS);
        check_stage(&store, stage, id);
        waits += stage == WAITS;
        ak_store_close(&store);
        if (stage == UNTOUCHED)
            assert_int_equal(start(&err), AK_OK);
        as_first();
    }
    assert_true(n > 20 && waits > 0); /* otherwise the calls were not seen */
    as_first();
}

static void made_and_crashed(void **state)
{
    (void)state;
    made_and_broken(true);
}

static void made_and_failed(void **state)
{
    (void)state;
    made_and_broken(false);
}

/* The same command again, behind whatever came of the first: one successor, and no old secret. */
static void give_again(unsigned n)
{
    struct ak_store store = open_store();
    struct ak_error err = {0};
    char id[AK_LOG_ID_CHARS + 1];
    bool ended = stage_of(&store, id) == FOLLOWS && mark_of(&store, id) == AK_SUCCESSOR_ENDED;
    enum ak_code rc;

    ak_store_close(&store);
    rc = succeed(&err);
    if (rc != (ended ? AK_EUSAGE : AK_OK))
        fail_msg("call %u: %s", n, err.text);
    store = open_store();
    assert_int_equal(stage_of(&store, id), FOLLOWS);
    check_stage(&store, FOLLOWS, id);
    assert_int_equal(mark_of(&store, id), AK_SUCCESSOR_ENDED);
    ak_store_close(&store);
}

/* The same of the command: given again it ends, and no old secret is left. The next start leaves
 * none either once the successor follows, and none of a log that goes on is touched; the command
 * that is given behind it is still the same one. */
static void followed_and_broken(bool by_crash, bool after_start)
{
    unsigned seen[3] = {0};
    unsigned n = 1;

    if (after_start)
        assert_int_equal(start(NULL), AK_OK);
    run("rm -rf %s/ready && cp -a %s %s/ready", folder, store_path, folder);
    for (; break_at(succeed, n, by_crash); n++) {
        struct ak_error err = {0};
        char id[AK_LOG_ID_CHARS + 1];
        struct ak_store store;
        enum stage stage;

        run("rm -rf %s/broken && cp -a %s %s/broken", folder, store_path, folder);
        store = open_store(); /* the next start */
        if (ak_successor_mend(&store, true, &err) != AK_OK)
            fail_msg("call %u: %s", n, err.text);
        stage = stage_of(&store, id);
        check_stage(&store, stage, id);
        seen[stage]++;
        ak_store_close(&store);
        give_again(n);

        run("rm -r %s && cp -a %s/broken %s", store_path, folder, store_path);
        give_again(n);
        run("rm -r %s && cp -a %s/ready %s", store_path, folder, store_path);
    }
    assert_true(n > 10 && seen[FOLLOWS] > 0 && seen[after_start ? WAITS : UNTOUCHED] > 0);
    as_first();
}

static void followed_and_crashed(void **state)
{
    (void)state;
    followed_and_broken(true, true);
    followed_and_broken(true, false);
}

static void followed_and_failed(void **state)
{
    (void)state;
    followed_and_broken(false, true);
    followed_and_broken(false, false);
}

/* What is not ours to clear away stays: keys of a successor that waits in another store, keys of a
 * log that lost its line, a mark that nobody wrote. */
static void left_alone(void **state)
{
    struct ak_error err = {0};
    char id[AK_LOG_ID_CHARS + 1];
    struct ak_store store;

    (void)state;
    assert_int_equal(start(&err), AK_OK);
    store = open_store();
    assert_int_equal(stage_of(&store, id), WAITS);
    ak_store_close(&store);
    run("cd %s && grep -v next names > n && mv n names && mv %s ..", store_path, id);
    store = open_store();
    assert_int_equal(ak_successor_mend(&store, true, &err), AK_OK);
    assert_int_equal(directories(store.keys_fd), 2);
    ak_store_close(&store);

    /* It is brought back, with its line. */
    run("cd %s && mv ../%s . && echo a.next %s >> names", store_path, id, id);
    store = open_store();
    assert_int_equal(ak_successor_mend(&store, true, &err), AK_OK);
    assert_int_equal(stage_of(&store, id), WAITS);
    check_stage(&store, WAITS, id);
    run("cd %s/keys/%s && chmod 600 successor && echo nonsense > successor", store_path, id);
    assert_int_equal(ak_successor_mend(&store, true, &err), AK_EMALFORMED);
    assert_int_equal(directories(store.keys_fd), 2);
    ak_store_close(&store);
}

/* What no line of `names` has is cleared away; where `names` itself is not there, nothing is. */
static void names_away(void **state)
{
    static const char stray[] = "00112233445566778899aabbccddeeff";
    char name[AK_STORE_NAME_BYTES_MAX + 1];
    struct ak_error err = {0};
    struct ak_store store = open_store();

    (void)state;
    run("mkdir %s/keys/%s && mv %s/names %s", store_path, stray, store_path, folder);
    assert_int_equal(ak_store_name_of(store.fd, old_id, name, &err), AK_EIO);
    assert_int_equal(err.code, AK_EIO);
    assert_int_equal(ak_successor_mend(&store, true, &err), AK_EIO);
    assert_int_equal(directories(store.keys_fd), 2);

    run("mv %s/names %s", folder, store_path);
    assert_int_equal(ak_store_name_of(store.fd, stray, name, &err), AK_ENOTFOUND);
    assert_int_equal(ak_store_name_of(store.fd, old_id, name, &err), AK_OK);
    assert_string_equal(name, "a");
    assert_int_equal(ak_successor_mend(&store, true, &err), AK_OK);
    assert_int_equal(directories(store.keys_fd), 1);
    ak_store_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(steps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(same_words_in_need, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waiting_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(words_of_checkpoints, set_up, tear_down),
        cmocka_unit_test_setup_teardown(made_and_crashed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(made_and_failed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(followed_and_crashed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(followed_and_failed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_away, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
