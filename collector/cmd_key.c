/* cmd_key.c - `key show`: the vkey of a log again, as `init` printed it. The store may be in use:
 * nothing is written, and the lock is not taken. `key rotate`: the next epoch of a log, by a
 * running collector or, of a stopped one, by opening the log for this. `key revoke`: the last entry
 * of a stopped log, and the end of its keys. */
#include "ask.h"
#include "cmdline.h"
#include "epochs.h"
#include "keys.h"
#include "keys_source.h"
#include "sandbox.h"
#include "server.h"
#include "store.h"

#include <akashi/nearest.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAIT_NS    50000000
#define WAIT_TRIES 200 /* 10 s: a change takes milliseconds unless the disk is full */

static enum ak_code key_show(int store_fd, const char *log, struct ak_error *err)
{
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    char id[AK_LOG_ID_CHARS + 1];
    char text[AK_VKEY_TEXT_BYTES_MAX];
    struct ak_vkey vkey;
    int keys_fd;
    enum ak_code rc = ak_store_find(store_fd, log, id, err);

    if (rc == AK_OK)
        rc = ak_store_origin(store_fd, id, origin, err);
    if (rc != AK_OK)
        return rc;
    keys_fd = openat(store_fd, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (keys_fd < 0)
        return ak_fail_errno(err, errno, "could not open directory keys");
    rc = ak_sandbox_undumpable(err);
    if (rc == AK_OK)
        rc = ak_keys_vkey(keys_fd, origin, &vkey, err);
    if (rc == AK_OK && ak_vkey_format(text, sizeof(text), &vkey) > 0)
        (void)printf("%s\n", text);
    (void)close(keys_fd); /* only read through */
    return rc;
}

/* ---- rotate */

/* Waits until the log is in a later epoch than `before`. */
static enum ak_code wait_for(const char *path, const struct ak_cmdline *line, uint64_t before,
                             uint64_t *now, struct ak_error *err)
{
    const struct timespec wait = {.tv_nsec = WAIT_NS};

    for (unsigned i = 0; i < WAIT_TRIES; i++) {
        json_t *status = NULL;
        enum ak_code rc =
            ak_ask(path, line->value[AK_FLAG_CONFIG], "{\"order\":\"status\"}", &status, err);
        *now = ak_ask_log_number(status, line->value[AK_FLAG_LOG], "epoch");
        json_decref(status);
        if (rc != AK_OK || *now > before)
            return rc;
        (void)nanosleep(&wait, NULL);
    }
    return ak_fail(err, AK_EIO,
                   "the order was taken, but epoch %" PRIu64 " still runs after 10 s: the "
                   "collector's diagnostics say why",
                   before);
}

static enum ak_code ask_rotate(const char *path, const struct ak_cmdline *line, uint64_t *epoch,
                               struct ak_error *err)
{
    json_t *order = json_pack("{s:s, s:s}", "order", "rotate", "log", line->value[AK_FLAG_LOG]);
    char *text = json_dumps(order, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_t *answer = NULL;
    enum ak_code rc = text == NULL ? ak_fail(err, AK_EUSAGE, "the log's name is no text")
                                   : ak_ask(path, line->value[AK_FLAG_CONFIG], text, &answer, err);
    const char *error = json_string_value(json_object_get(answer, "error"));

    if (rc == AK_OK && error != NULL)
        rc = ak_fail(err, AK_EUSAGE, "%s", error);
    if (rc == AK_OK)
        rc = wait_for(path, line, (uint64_t)json_integer_value(json_object_get(answer, "epoch")),
                      epoch, err);
    json_decref(answer);
    json_decref(order);
    free(text);
    return rc;
}

static enum ak_code on_started(struct ak_server *server, void *ctx, struct ak_error *err)
{
    uint64_t *epoch = ctx;
    uint64_t before = server->logs->epoch.number;

    ak_epoch_want(server->logs);
    while (server->logs->epoch.wanted || server->logs->epoch.placed ||
           server->logs->epoch.beginning)
        (void)uv_run(&server->loop, UV_RUN_ONCE);
    *epoch = server->logs->epoch.number;
    if (*epoch > before)
        return AK_OK;
    return ak_fail(err, AK_EIO, "epoch %" PRIu64 " goes on: the lines above say why", before);
}

static enum ak_code rotate(const struct ak_cmdline *line, struct ak_error *err)
{
    char *path = NULL;
    uint64_t epoch = 0;
    enum ak_code rc = ak_cmdline_need(line, AK_FLAG_BIT(AK_FLAG_LOG), err);

    if (rc == AK_OK)
        rc = ak_ask_path(line, &path, err);
    if (rc == AK_OK) {
        rc = ask_rotate(path, line, &epoch, err);
        if (rc == AK_ENOTFOUND && line->value[AK_FLAG_CONTROL] == NULL)
            rc = ak_ask_stopped(line, "akashi-collector key rotate", on_started, &epoch, err);
    }
    free(path);
    if (rc == AK_OK)
        (void)printf("epoch %" PRIu64 " of log %s has begun; the key of the one before is erased\n",
                     epoch, line->value[AK_FLAG_LOG]);
    return rc;
}

/* ---- revoke */

/* The end statement: the stop event, which is the log's last entry, says it. */
static enum ak_code on_last(struct ak_server *server, void *ctx, struct ak_error *err)
{
    (void)ctx;
    (void)err;
    ak_server_stop(server, "revoked");
    return AK_OK;
}

/* Where the log's keys lie, with the store's lock held. */
static enum ak_code find_log(const struct ak_store *store, const char *log, char *origin,
                             struct ak_vkey *vkey, struct ak_error *err)
{
    char id[AK_LOG_ID_CHARS + 1];
    enum ak_code rc = ak_store_find(store->fd, log, id, err);

    if (rc == AK_OK)
        rc = ak_store_origin(store->fd, id, origin, err);
    return rc == AK_OK ? ak_keys_vkey(store->keys_fd, origin, vkey, err) : rc;
}

/* Erases the secrets, and fills in what is left to do elsewhere; `*before`: whether the log had
 * ended so already. Without `erase` only that is found out. */
static enum ak_code end_keys(const char *path, const char *log, bool erase, bool *before,
                             char left[AK_KEY_LEFT_BYTES], struct ak_error *err)
{
    struct ak_store store = {.fd = -1, .tmp_fd = -1, .keys_fd = -1, .lock_fd = -1};
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    struct ak_vkey vkey;
    enum ak_code rc = ak_store_open(path, "akashi-collector key revoke", NULL, &store, err);

    if (rc == AK_OK)
        rc = find_log(&store, log, origin, &vkey, err);
    *before = rc == AK_OK && ak_keys_are_revoked(store.keys_fd, origin);
    if (rc == AK_OK && erase)
        rc = ak_keys_revoke(store.keys_fd, origin, &vkey, err);
    if (rc == AK_OK)
        ak_keys_source_left(store.keys_fd, origin, left);
    ak_store_close(&store);
    return rc;
}

static enum ak_code end_log(const struct ak_cmdline *line, struct ak_error *err)
{
    const char *store = line->value[AK_FLAG_STORE];
    const char *log = line->value[AK_FLAG_LOG];
    char left[AK_KEY_LEFT_BYTES] = "";
    bool before = false;
    enum ak_code rc =
        ak_cmdline_need(line, AK_FLAG_BIT(AK_FLAG_STORE) | AK_FLAG_BIT(AK_FLAG_LOG), err);

    if (rc == AK_OK)
        rc = ak_sandbox_undumpable(err);
    if (rc == AK_OK)
        rc = end_keys(store, log, false, &before, left, err);
    if (rc == AK_OK && !before)
        rc = ak_ask_stopped(line, "akashi-collector key revoke", on_last, NULL, err);
    if (rc != AK_OK) {
        ak_wrap(err, "nothing was revoked");
        return rc;
    }
    rc = end_keys(store, log, true, &before, left, err);
    if (rc != AK_OK) {
        ak_wrap(err, "the log has ended, but its keys are not all erased; give the order again");
        return rc;
    }
    (void)printf("log %s has ended, and its keys are erased; go on with: akashi-collector succeed "
                 "--store %s --log %s\n",
                 log, store, log);
    if (left[0] != '\0')
        (void)printf("%s\n", left);
    return AK_OK;
}

enum ak_code ak_cmd_key(const struct ak_cmdline *line, struct ak_error *err)
{
    static const char *const orders[] = {"show", "rotate", "revoke"};
    const char *store = line->value[AK_FLAG_STORE];
    const char *order = line->words[0];
    enum ak_code rc;
    int fd;

    if (strcmp(order, "rotate") == 0)
        return rotate(line, err);
    if (strcmp(order, "revoke") == 0)
        return end_log(line, err);
    if (strcmp(order, "show") != 0) {
        const char *near = ak_nearest(order, strlen(order), orders, 3);
        return near != NULL ? ak_fail(err, AK_EUSAGE,
                                      "there is no 'key %s'; did you mean 'key %s'?", order, near)
                            : ak_fail(err, AK_EUSAGE,
                                      "there is no 'key %s'; there are 'key show', 'key rotate' "
                                      "and 'key revoke'",
                                      order);
    }
    rc = ak_cmdline_need(line, AK_FLAG_BIT(AK_FLAG_STORE) | AK_FLAG_BIT(AK_FLAG_LOG), err);
    if (rc != AK_OK)
        return rc;
    fd = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ak_fail_errno(err, errno, "could not open store %s", store);
    rc = key_show(fd, line->value[AK_FLAG_LOG], err);
    if (rc != AK_OK)
        ak_wrap(err, "store %s", store);
    (void)close(fd); /* only read through */
    return rc;
}
