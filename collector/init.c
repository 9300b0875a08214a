/* init.c - a new log, in an order that leaves a whole log or one that no list names.
 *
 *     store and lock -> keys/ID -> ID/ -> segment with entry 0, durable -> NOTE -> state of the
 *     keys -> checkpoint -> line in `names`
 *
 * A crash in between leaves keys or a directory under an id that `names` does not know; the id is
 * random, so nothing is in the way of anything, but it is told. A successor is made in the same
 * order, but not signed, with a mark beside its keys by which the next start clears away what a
 * crash left of it (successor.c). */
#include "init.h"

#include "batch.h"
#include "clock.h"
#include "disk.h"
#include "keys.h"
#include "segment_writer.h"
#include "successor_mark.h"

#include <akashi/format.h>

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND "akashi-collector init"

/* Modes: whoever may read a log's directory may read the log; its checkpoint is public. */
#define LOG_DIR_MODE    0700
#define CHECKPOINT_MODE 0644

struct init {
    const struct ak_init_options *options;
    const struct ak_init_successor *successor; /* NULL: a log of its own */
    struct ak_store store;
    struct ak_keys *keys;
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    const char *id; /* in `origin` */
    int dir_fd;     /* the log's directory */
    struct ak_writer *writer;
    struct ak_batch *batch;
    struct ak_prepare_scratch *scratch;
    char note[AK_NOTE_BYTES_MAX];
};

static enum ak_code on_known(void *ctx, const char *name, const char *id, struct ak_error *err)
{
    const struct init *init = ctx;
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    size_t len = strlen(init->options->origin);
    enum ak_code rc;

    if (init->successor == NULL && strcmp(name, init->options->log) == 0)
        return ak_fail(
            err, AK_EEXIST,
            "log %s is in this store already and is left as it is; take another name for a "
            "new log, or see this one's key with akashi-collector key show",
            name);
    rc = ak_store_origin(init->store.fd, id, origin, err);
    if (rc != AK_OK && init->successor != NULL)
        return AK_OK; /* the log that is closed may have no checkpoint that can be read */
    if (rc != AK_OK) {
        ak_wrap(err, "log %s", name);
        return rc;
    }
    if (strlen(origin) == len + 1 + AK_LOG_ID_CHARS &&
        memcmp(origin, init->options->origin, len) == 0)
        return ak_fail(err, AK_EEXIST,
                       "origin %s is that of log %s already: two logs of one origin could not be "
                       "told apart in a proof. Take another one",
                       init->options->origin, name);
    return AK_OK;
}

/* Whether a name in the store is that of a log's directory. */
static bool is_id(const char *name)
{
    return strlen(name) == AK_LOG_ID_CHARS && strspn(name, "0123456789abcdef") == AK_LOG_ID_CHARS;
}

static enum ak_code check_leftover(const struct init *init, const char *where, const char *id,
                                   struct ak_error *err)
{
    char name[AK_STORE_NAME_BYTES_MAX + 1];
    enum ak_code rc = ak_store_name_of(init->store.fd, id, name, err);

    if (rc == AK_ENOTFOUND)
        rc =
            ak_fail(err, AK_EEXIST,
                    "%s/%s%s is in no line of `names`: an init that did not end left it, or a line "
                    "was removed. If it holds no records, remove %s and keys/%s there and run init "
                    "again; else put the line \"NAME %s\" back",
                    init->options->store, where, id, id, id, id);
    return rc;
}

/* Looks for directories of logs that `names` does not know, in the store or in keys/. */
static enum ak_code find_leftovers(const struct init *init, int dir_fd, const char *where,
                                   struct ak_error *err)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    enum ak_code rc = AK_OK;
    struct dirent *entry;

    if (dir == NULL) {
        rc = ak_fail_errno(err, errno, "could not list %s", init->options->store);
        if (fd >= 0)
            (void)close(fd);
        return rc;
    }
    while (rc == AK_OK && (entry = readdir(dir)) != NULL) {
        if (is_id(entry->d_name))
            rc = check_leftover(init, where, entry->d_name, err);
    }
    (void)closedir(dir);
    return rc;
}

static enum ak_code check_store(const struct init *init, struct ak_error *err)
{
    enum ak_code rc = ak_store_each(init->store.fd, on_known, (void *)(uintptr_t)init, err);

    if (init->successor != NULL)
        return rc; /* what is left of others is in nobody's way */
    if (rc == AK_OK)
        rc = find_leftovers(init, init->store.keys_fd, "keys/", err);
    if (rc == AK_OK)
        rc = find_leftovers(init, init->store.fd, "", err);
    return rc;
}

/* Entry 0: the start note of epoch 0, in a batch of its own. */
static enum ak_code fill_batch(struct init *init, struct ak_error *err)
{
    uint64_t now = ak_clock_wall();
    struct ak_run run = {
        .received = now - now % AK_TIME_UNIT, .source = AK_KIND_EPOCH, .kind = AK_KIND_EPOCH};
    size_t len;
    enum ak_code rc = ak_keys_epoch_note(init->keys, init->note, sizeof(init->note), &len, err);

    if (rc != AK_OK)
        return rc;
    init->batch = ak_batch_new();
    init->scratch = ak_prepare_scratch_new();
    if (init->batch == NULL || init->scratch == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the first entry");
    ak_batch_begin(init->batch, NULL);
    assert(ak_batch_fits(init->batch, len));
    ak_batch_add(init->batch, &run, init->note, len);
    if (init->successor != NULL) {
        run.source = run.kind = AK_KIND_EVENT;
        assert(ak_batch_fits(init->batch, init->successor->event_len));
        ak_batch_add(init->batch, &run, init->successor->event, init->successor->event_len);
    }
    init->batch->first = 0;
    init->batch->new_segment = true;
    if (init->options->seed == NULL)
        randombytes_buf(init->batch->group_key[0], AK_GROUP_KEY_BYTES);
    else
        memcpy(init->batch->group_key[0], init->options->seed + 64, AK_GROUP_KEY_BYTES);
    if (ak_prepare(init->batch, init->scratch) != AK_OK) {
        if (err != NULL)
            *err = init->batch->err;
        return init->batch->rc;
    }
    return AK_OK;
}

static enum ak_code write_segment(struct init *init, struct ak_commit_result *result,
                                  struct ak_error *err)
{
    const struct ak_writer_options options = {
        .log_dir_fd = init->dir_fd, .origin = init->origin, .claim = 1};
    struct ak_range empty;
    enum ak_code rc;

    ak_range_init(&empty, 0);
    rc = ak_writer_new(&options, &empty, &init->writer, err);
    if (rc == AK_OK)
        rc = ak_writer_commit(init->writer, &init->batch, 1, NULL, 0, NULL, 0, ak_clock_wall(),
                              result, err);
    return rc;
}

/* Signs what is durable; NOTE, state of the keys and `checkpoint`, in this order. */
static enum ak_code sign(struct init *init, const struct ak_range *range, struct ak_error *err)
{
    size_t len;
    enum ak_code rc = ak_keys_sign(init->keys, range, init->note, sizeof(init->note), &len, err);

    if (rc == AK_OK)
        rc = ak_writer_note(init->writer, init->note, len, err);
    if (rc == AK_OK)
        rc = ak_keys_save(init->keys, err);
    if (rc == AK_OK)
        rc = ak_disk_put(init->store.tmp_fd, "checkpoint", init->dir_fd, "checkpoint",
                         CHECKPOINT_MODE, init->note, len, err);
    return rc;
}

/* Nothing is signed, but what the first signature must go on from stands beside the keys. */
static enum ak_code make_wait(struct init *init, const struct ak_range *range,
                              struct ak_successor_mark *mark, struct ak_error *err)
{
    char next[AK_STORE_NAME_BYTES_MAX + 1];
    enum ak_code rc = ak_keys_expect(init->keys, range, err);
    int keys_fd;

    ak_store_next_name(init->options->log, next);
    if (rc == AK_OK)
        rc = ak_store_add(&init->store, next, init->id, err);
    if (rc != AK_OK)
        return rc;
    keys_fd = openat(init->store.keys_fd, init->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (keys_fd < 0)
        return ak_fail_errno(err, errno, "open keys/%s", init->id);
    mark->state = AK_SUCCESSOR_WAITING;
    rc = ak_successor_mark_put(keys_fd, mark, err);
    (void)close(keys_fd); /* only worked through */
    return rc;
}

static enum ak_code make_log(struct init *init, struct ak_error *err)
{
    struct ak_successor_mark mark = {.state = AK_SUCCESSOR_MAKING};
    char text[AK_SUCCESSOR_MARK_BYTES_MAX];
    struct ak_commit_result result;
    enum ak_code rc;

    if (init->successor != NULL) {
        (void)snprintf(mark.old, sizeof(mark.old), "%s", init->successor->old);
        (void)snprintf(mark.cause, sizeof(mark.cause), "%s", init->successor->cause);
        (void)ak_successor_mark_text(&mark, text);
    }
    rc = ak_keys_make_from(init->store.keys_fd, init->options->origin, init->options->epochs,
                           init->options->seed, init->options->source,
                           init->successor == NULL ? NULL : text, init->origin, &init->keys, err);
    if (rc != AK_OK)
        return rc;
    init->id = init->origin + strlen(init->origin) - AK_LOG_ID_CHARS;
    if (init->successor != NULL &&
        memcmp(ak_keys_log(init->keys)->key, init->successor->old_key, AK_ED25519_KEY_BYTES) == 0)
        return ak_fail(err, AK_EKEY,
                       "`log_key` is the key of the log that is closed; name another one");
    rc = ak_disk_mkdir(init->store.fd, init->id, LOG_DIR_MODE, &init->dir_fd, err);
    if (rc == AK_OK)
        rc = fill_batch(init, err);
    if (rc == AK_OK)
        rc = write_segment(init, &result, err);
    if (rc == AK_OK && init->successor != NULL)
        return make_wait(init, &result.range, &mark, err);
    if (rc == AK_OK)
        rc = sign(init, &result.range, err);
    return rc == AK_OK ? ak_store_add(&init->store, init->options->log, init->id, err) : rc;
}

static void init_free(struct init *init)
{
    ak_writer_free(init->writer);
    ak_prepare_scratch_free(init->scratch);
    ak_batch_free(init->batch);
    ak_keys_free(init->keys);
    if (init->dir_fd >= 0)
        (void)close(init->dir_fd); /* only read through */
    if (init->successor == NULL)   /* else it is the caller's */
        ak_store_close(&init->store);
    free(init);
}

enum ak_code ak_init_successor(const struct ak_store *store, const struct ak_init_options *options,
                               const struct ak_init_successor *successor,
                               char id[AK_LOG_ID_CHARS + 1], struct ak_error *err)
{
    struct init *init = calloc(1, sizeof(*init));
    enum ak_code rc;

    if (init == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to make a log");
    init->options = options;
    init->successor = successor;
    init->store = *store;
    init->dir_fd = -1;
    rc = check_store(init, err);
    if (rc == AK_OK)
        rc = make_log(init, err);
    if (rc == AK_OK)
        memcpy(id, init->id, AK_LOG_ID_CHARS + 1);
    init_free(init);
    return rc;
}

enum ak_code ak_init_log(const struct ak_init_options *options, struct ak_vkey *vkey,
                         struct ak_error *err)
{
    struct init *init;
    enum ak_code rc;

    if (!ak_log_name_valid(options->log))
        return ak_fail(err, AK_EUSAGE,
                       "log name %s: it must be 1 to %u of a-z, 0-9 and '-'. It is your own word "
                       "for the log; the origin is what others see",
                       options->log, AK_LOG_NAME_BYTES_MAX);
    init = calloc(1, sizeof(*init));
    if (init == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to make a log");
    init->options = options;
    init->dir_fd = -1;
    rc = ak_store_make(options->store, COMMAND, &init->store, err);
    if (rc == AK_OK)
        rc = check_store(init, err);
    if (rc == AK_OK)
        rc = make_log(init, err);
    if (rc == AK_OK)
        *vkey = *ak_keys_log(init->keys);
    init_free(init);
    return rc;
}
