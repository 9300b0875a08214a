/* cmd_renew.c - renews the time stamps of a log (format.md 9.5): checks the log, lists its files by
 * SHA-512, asks authorities for a stamp over the list, and puts list and stamps beside the log.
 *
 * The collector may be running: nothing that is there is changed. Nothing is written before a good
 * answer is there; the list goes first, so that no stamp is ever without it. */
#include "cmdline.h"
#include "config.h"
#include "disk.h"
#include "http.h"
#include "keys.h"
#include "sandbox.h"
#include "store.h"

#include "show.h"

#include <akashi/check.h>
#include <akashi/renewal.h>
#include <akashi/timestamp.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MS   30000u /* an authority answers in well under a second */
#define FILE_MODE   0444   /* evidence, never written again */
#define REPLIES_MAX 1000u  /* over one list */
#define NAME_BYTES  64u
#define JOBS        2u /* beside a collector that is to go on */

struct renew {
    int store_fd;
    int tmp_fd;
    int keys_fd;
    int dir_fd;
    char id[AK_LOG_ID_CHARS + 1];
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    struct ak_config *config;        /* NULL: --stamp is given */
    const struct ak_config_log *log; /* in it */
    const char *store;
    const char *ca;
    struct ak_tsa *tsa;
    uint64_t size;
    char *list;
    size_t len;
    uint64_t count;
    bool listed; /* it lies beside the log */
    unsigned char *request;
    size_t request_len;
    unsigned kept;
};

/* ---- What is to be renewed ---- */

/* Whom to ask, and the store, from the options or from the configuration. */
static enum ak_code settings(struct renew *r, const struct ak_cmdline *line, struct ak_error *err)
{
    const char *name = line->value[AK_FLAG_LOG];
    const char *path = line->value[AK_FLAG_CONFIG];
    bool given = line->value[AK_FLAG_STAMP] != NULL;
    size_t i;
    enum ak_code rc = ak_cmdline_need(line, AK_FLAG_BIT(AK_FLAG_LOG), err);

    if (rc == AK_OK && path == NULL)
        rc = ak_cmdline_need(line,
                             AK_FLAG_BIT(AK_FLAG_STORE) | AK_FLAG_BIT(AK_FLAG_STAMP) |
                                 AK_FLAG_BIT(AK_FLAG_STAMP_CA),
                             err);
    if (rc == AK_OK && given != (line->value[AK_FLAG_STAMP_CA] != NULL))
        rc = ak_fail(err, AK_EUSAGE, "--stamp and --stamp-ca belong together");
    if (rc == AK_OK && given)
        rc = ak_http_url_check(line->value[AK_FLAG_STAMP], err);
    r->store = line->value[AK_FLAG_STORE];
    r->ca = line->value[AK_FLAG_STAMP_CA];
    if (rc != AK_OK || path == NULL)
        return rc;
    rc = ak_config_load(path, &r->config, err);
    if (rc != AK_OK)
        return rc;
    if (r->store == NULL)
        r->store = r->config->store;
    if (given)
        return AK_OK;
    i = ak_config_find_log(r->config, name);
    if (i == AK_CONFIG_NO_LOG || r->config->logs[i].stamp_count == 0)
        return ak_fail(err, AK_EUSAGE,
                       "%s names no time-stamping authority of log %s: give --stamp URL and "
                       "--stamp-ca FILE",
                       path, name);
    r->log = &r->config->logs[i];
    r->ca = r->log->stamp_ca;
    return AK_OK;
}

static enum ak_code open_in(int fd, const char *name, int *out, struct ak_error *err)
{
    *out = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *out >= 0 ? AK_OK : ak_fail_errno(err, errno, "could not open directory %s", name);
}

static enum ak_code open_log(struct renew *r, const char *name, struct ak_error *err)
{
    enum ak_code rc;

    r->store_fd = open(r->store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->store_fd < 0)
        return ak_fail_errno(err, errno, "could not open store %s", r->store);
    rc = ak_store_find(r->store_fd, name, r->id, err);
    if (rc == AK_OK)
        rc = ak_store_origin(r->store_fd, r->id, r->origin, err);
    if (rc == AK_OK)
        rc = open_in(r->store_fd, "tmp", &r->tmp_fd, err);
    if (rc == AK_OK)
        rc = open_in(r->store_fd, "keys", &r->keys_fd, err);
    if (rc == AK_OK)
        rc = open_in(r->store_fd, r->id, &r->dir_fd, err);
    return rc;
}

static enum ak_code read_ca(struct renew *r, struct ak_error *err)
{
    unsigned char *pem = NULL;
    size_t len = 0;
    enum ak_code rc =
        ak_disk_read(AT_FDCWD, r->ca, AK_TSA_FILE_BYTES_MAX, &pem, &len, NULL, NULL, err);

    if (rc == AK_OK)
        rc = ak_tsa_new(&r->tsa, err);
    if (rc == AK_OK) {
        rc = ak_tsa_add(r->tsa, pem, len, err);
        if (rc != AK_OK)
            ak_wrap(err, "%s", r->ca);
    }
    free(pem);
    return rc;
}

static enum ak_code judge(struct renew *r, const struct ak_check *check, struct ak_error *err)
{
    const struct ak_check_log *log = &check->logs[0];
    char name[NAME_BYTES];

    if (log->verdict >= AK_NOT_CHECKABLE || !log->has_checkpoint)
        return ak_fail(err, AK_EINTEGRITY,
                       "the log is %s, and what is not good is not renewed: see `akashi-verify "
                       "check`",
                       ak_verdict_name(log->verdict));
    r->size = log->checkpoint_size;
    (void)snprintf(name, sizeof(name), "%020" PRIu64 ".renewal", r->size);
    if (faccessat(r->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return ak_fail(err, AK_EEXIST,
                       "the log was renewed at this size already (%s); a new list is made when it "
                       "has grown",
                       name);
    return AK_OK;
}

/* A log that is not good is not renewed: an outside word would make its files look good. */
static enum ak_code check_log(struct renew *r, struct ak_error *err)
{
    struct ak_vkey vkey;
    struct ak_check_options how = {.jobs = JOBS, .keys = &vkey, .key_count = 1};
    struct ak_check *check = NULL;
    char *path = NULL;
    const char *paths[1];
    enum ak_code rc = ak_sandbox_undumpable(err);

    if (rc == AK_OK)
        rc = ak_keys_vkey(r->keys_fd, r->origin, &vkey, err);
    if (rc == AK_OK && asprintf(&path, "%s/%s", r->store, r->id) < 0) {
        path = NULL;
        rc = ak_fail(err, AK_ENOMEM, "no memory for a path");
    }
    paths[0] = path;
    if (rc == AK_OK)
        rc = ak_check_run(paths, 1, &how, &check, err);
    if (rc == AK_OK)
        rc = judge(r, check, err);
    ak_check_free(check);
    free(path);
    return rc;
}

/* ---- One authority ---- */

struct asking {
    struct ak_http *http;
    char *reply;
    size_t len;
    bool done;
    enum ak_code rc;
    struct ak_error err;
};

static void on_answer(void *ctx, const struct ak_http_answer *answer)
{
    struct asking *a = ctx;

    a->done = true;
    if (answer->error != NULL) {
        a->rc = ak_fail(&a->err, AK_EIO, "%s", answer->error);
    } else if (answer->status != 200 ||
               strcmp(answer->content_type, "application/timestamp-reply") != 0) {
        a->rc = ak_fail(&a->err, AK_EIO, "it answers with status %d, type \"%.80s\"",
                        answer->status, answer->content_type);
    } else {
        a->reply = malloc(answer->len + 1);
        if (a->reply == NULL) {
            a->rc = ak_fail(&a->err, AK_ENOMEM, "no memory for an answer");
            return;
        }
        memcpy(a->reply, answer->body, answer->len);
        a->len = answer->len;
    }
}

/* Asks, and waits for the answer. */
static enum ak_code ask(const struct renew *r, const char *url, struct asking *a,
                        struct ak_error *err)
{
    struct ak_http_request request = {.url = url,
                                      .content_type = "application/timestamp-query",
                                      .body = r->request,
                                      .len = r->request_len,
                                      .timeout_ms = ANSWER_MS,
                                      .answer_max = AK_TIMESTAMP_BYTES_MAX};
    enum ak_code rc = AK_OK;
    uv_loop_t loop;

    if (uv_loop_init(&loop) != 0)
        return ak_fail(err, AK_ENOMEM, "no memory for a loop");
    rc = ak_http_new(&loop, &a->http, err);
    if (rc == AK_OK) {
        rc = ak_http_start(a->http, &request, on_answer, a, NULL, err);
        while (rc == AK_OK && !a->done)
            (void)uv_run(&loop, UV_RUN_ONCE);
        ak_http_close(a->http, NULL, NULL);
    }
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop);
    if (rc == AK_OK && a->rc != AK_OK) {
        *err = a->err;
        rc = a->rc;
    }
    return rc;
}

static enum ak_code put(const struct renew *r, const char *name, const void *data, size_t len,
                        struct ak_error *err)
{
    char tmp[NAME_BYTES];

    (void)snprintf(tmp, sizeof(tmp), "renew.%ld", (long)getpid());
    return ak_disk_put(r->tmp_fd, tmp, r->dir_fd, name, FILE_MODE, data, len, err);
}

static enum ak_code keep(struct renew *r, const struct asking *a, struct ak_error *err)
{
    char name[NAME_BYTES];
    enum ak_code rc = AK_OK;

    (void)snprintf(name, sizeof(name), "%020" PRIu64 ".renewal", r->size);
    if (!r->listed)
        rc = put(r, name, r->list, r->len, err);
    if (rc != AK_OK)
        return rc;
    r->listed = true;
    for (unsigned k = 0; k < REPLIES_MAX; k++) {
        (void)snprintf(name, sizeof(name), "%020" PRIu64 ".renewal.%u.tsr", r->size, k);
        if (faccessat(r->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            continue;
        if (errno != ENOENT)
            return ak_fail_errno(err, errno, "look for %s", name);
        return put(r, name, a->reply, a->len, err);
    }
    return ak_fail(err, AK_ELIMIT, "%u time stamps over one list", REPLIES_MAX);
}

static enum ak_code renew_by(struct renew *r, const char *url, struct ak_error *err)
{
    struct asking a = {0};
    struct ak_timestamp stamp;
    enum ak_code rc = ask(r, url, &a, err);

    if (rc == AK_OK)
        rc = ak_timestamp_judge(a.reply, a.len, r->list, r->len, r->tsa, &stamp, err);
    if (rc == AK_OK)
        rc = ak_timestamp_answers(r->request, r->request_len, r->list, r->len, &stamp, err);
    if (rc == AK_OK && stamp.imprint_bytes != AK_SHA512_BYTES)
        rc = ak_fail(err, AK_EINTEGRITY, "its stamp is not by SHA-512");
    if (rc == AK_OK)
        rc = keep(r, &a, err);
    free(a.reply);
    if (rc != AK_OK) {
        ak_wrap(err, "no time stamp from %s", url);
        return rc;
    }
    r->kept++;
    (void)printf("%" PRIu64 " files renewed, %" PRIu64 " entries, by ", r->count, r->size);
    ak_show_text(stdout, url);
    (void)printf("\n");
    return AK_OK;
}

/* All authorities; one that fails keeps no other one from being asked. */
static enum ak_code renew_all(struct renew *r, const char *url, struct ak_error *err)
{
    enum ak_code worst = AK_OK;

    if (url != NULL)
        return renew_by(r, url, err);
    for (size_t i = 0; i < r->log->stamp_count; i++) {
        struct ak_error one = {0};
        enum ak_code rc = renew_by(r, r->log->stamp[i], &one);
        if (rc == AK_OK)
            continue;
        if (worst != AK_OK) {
            ak_show_text(stderr, err->text);
            fputc('\n', stderr);
        }
        worst = rc;
        *err = one;
    }
    return worst;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd); /* only read through, or synced */
}

enum ak_code ak_cmd_renew(const struct ak_cmdline *line, struct ak_error *err)
{
    struct renew r = {.store_fd = -1, .tmp_fd = -1, .keys_fd = -1, .dir_fd = -1};
    enum ak_code rc = settings(&r, line, err);

    if (rc == AK_OK)
        rc = open_log(&r, line->value[AK_FLAG_LOG], err);
    if (rc == AK_OK)
        rc = read_ca(&r, err);
    if (rc == AK_OK)
        rc = check_log(&r, err);
    if (rc == AK_OK)
        rc = ak_renewal_make(r.dir_fd, r.origin, r.size, &r.list, &r.len, &r.count, err);
    if (rc == AK_OK)
        rc = ak_timestamp_request(r.list, r.len, &r.request, &r.request_len, err);
    if (rc == AK_OK)
        rc = renew_all(&r, line->value[AK_FLAG_STAMP], err);
    close_fd(r.store_fd);
    close_fd(r.tmp_fd);
    close_fd(r.keys_fd);
    close_fd(r.dir_fd);
    free(r.list);
    free(r.request);
    ak_tsa_free(r.tsa);
    ak_config_free(r.config);
    return rc;
}
