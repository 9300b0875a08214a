/* cmd_succeed.c - `succeed`: a successor for a log that can be signed no more; with --order, the
 * authorities' word on it. */
#include "ask.h"
#include "cmdline.h"
#include "config.h"
#include "log.h"
#include "sandbox.h"
#include "server.h"
#include "succeed.h"

#include "show.h"

#include <akashi/format.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define COMMAND "akashi-collector succeed"

/* ---- the successor as a log, opened for a moment */

struct once {
    const struct ak_succeeded *done;
    bool has_signed;
};

/* One more event, for what --reason and --checkpoint add: durable before the successor follows. */
static enum ak_code on_add(struct ak_server *server, void *ctx, struct ak_error *err)
{
    const struct once *once = ctx;
    struct ak_runlog *log = server->logs;
    uint64_t size;

    if (!log->succeeds)
        return ak_fail(err, AK_EBUSY,
                       "its successor does not wait any more: give the command again");
    ak_runlog_own_text(log, AK_KIND_EVENT, once->done->more, once->done->more_len);
    size = log->next_index;
    while (log->durable < size && !log->full && !log->write_failed) {
        ak_runlog_flush(log);
        (void)uv_run(&server->loop, UV_RUN_ONCE);
    }
    return log->durable >= size ? AK_OK
                                : ak_fail(err, AK_EIO,
                                          "the event with --reason and --checkpoint could not be "
                                          "written; nothing was changed");
}

/* All that the successor took in is signed. */
static enum ak_code on_sign(struct ak_server *server, void *ctx, struct ak_error *err)
{
    struct once *once = ctx;
    const struct ak_runlog *log = server->logs;

    (void)err;
    while (log->signed_size < log->began && !log->refused)
        (void)uv_run(&server->loop, UV_RUN_ONCE);
    once->has_signed = !log->refused;
    return AK_OK;
}

/* ---- the command */

/* What came of a command that was given before. */
static void tell_again(const struct ak_cmdline *line, const struct ak_succeeded *done,
                       bool has_signed)
{
    ak_log(AK_LOG_NOTICE,
           "log %s: no other log was opened: %s is the successor of %s by a command that was given "
           "before and did not end. Now it has%s. Start the collector",
           line->value[AK_FLAG_LOG], done->vkey.name, done->old_origin,
           has_signed ? "" : "; the next start signs what the successor holds");
}

static void tell(const struct ak_cmdline *line, const struct ak_succeeded *done, bool has_signed)
{
    char a[AK_SHOW_NUMBER_BYTES];
    char b[AK_SHOW_NUMBER_BYTES];
    char c[AK_SHOW_NUMBER_BYTES];

    ak_log(AK_LOG_NOTICE,
           "log %s: %s is closed with %s entries, is called %s from now on, and stays as it is; %s "
           "entries behind these are known to be lost. The successor is %s, with %s entries%s; no "
           "order of authorities confirms it yet. Start the collector",
           line->value[AK_FLAG_LOG], done->old_origin, ak_show_count(a, done->size), done->closed,
           ak_show_count(b, done->known - done->size), done->vkey.name,
           ak_show_count(c, done->entries), has_signed ? "" : ", which the next start signs");
}

/* What is not signed now is signed at the next start. */
static bool sign(const struct ak_cmdline *line, const struct ak_succeeded *done)
{
    struct once once = {.done = done};
    struct ak_error err = {0};

    if (ak_ask_stopped_as(line, COMMAND, AK_UNSIGNED_OPENED, on_sign, &once, &err) != AK_OK)
        ak_log(AK_LOG_WARNING, "log %s: its successor is not signed yet: %s",
               line->value[AK_FLAG_LOG], err.text);
    return once.has_signed;
}

static enum ak_code succeed(const struct ak_cmdline *line, const struct ak_succeed_options *options,
                            struct ak_succeeded *done, bool *has_signed, struct ak_error *err)
{
    struct once once = {.done = done};
    enum ak_code rc = ak_sandbox_undumpable(err);

    if (rc == AK_OK)
        rc = ak_succeed_prepare(options, done, err);
    if (rc == AK_OK && done->more != NULL)
        rc = ak_ask_stopped_as(line, COMMAND, AK_UNSIGNED_OPENED, on_add, &once, err);
    if (rc == AK_OK)
        rc = ak_succeed_follow(options, done, err);
    free(done->more);
    done->more = NULL;
    if (rc != AK_OK)
        return rc;
    *has_signed = sign(line, done);
    return AK_OK;
}

/* The answer comes before the end: a command that has ended has given it. */
static enum ak_code answer(const struct ak_succeed_options *options,
                           const struct ak_succeeded *done, struct ak_error *err)
{
    char text[AK_VKEY_TEXT_BYTES_MAX];

    (void)ak_vkey_format(text, sizeof(text), &done->vkey); /* always fits */
    if (printf("%s\n", text) < 0 || fflush(stdout) != 0)
        return ak_fail_errno(err, errno, "print the vkey of the successor");
    return ak_succeed_end(options, done, err);
}

/* A configuration gives the store and where the successor's log key is. */
static enum ak_code from_config(const struct ak_config *config, struct ak_succeed_options *options,
                                struct ak_error *err)
{
    size_t log = ak_config_find_log(config, options->log);

    if (log == AK_CONFIG_NO_LOG)
        return ak_fail(err, AK_EUSAGE, "log %s is not in the configuration", options->log);
    options->store = config->store;
    options->source = config->logs[log].log_key;
    return AK_OK;
}

enum ak_code ak_cmd_succeed(const struct ak_cmdline *line, struct ak_error *err)
{
    const char *path = line->value[AK_FLAG_CONFIG];
    struct ak_succeed_options options = {.store = line->value[AK_FLAG_STORE],
                                         .log = line->value[AK_FLAG_LOG],
                                         .reason = line->value[AK_FLAG_REASON],
                                         .checkpoint = line->checkpoint,
                                         .checkpoint_count = line->checkpoint_count};
    struct ak_config *config = NULL;
    struct ak_succeeded done = {0};
    bool has_signed = false;
    enum ak_code rc;

    if (line->value[AK_FLAG_ORDER] != NULL) {
        if (options.reason != NULL || options.checkpoint_count > 0)
            return ak_fail(err, AK_EUSAGE,
                           "--reason and --checkpoint belong to the making of a successor, --order "
                           "to one that is there");
        return ak_cmd_order(line, err);
    }
    if (line->value[AK_FLAG_CONTROL] != NULL)
        return ak_fail(err, AK_EUSAGE,
                       "--control belongs to --order: a successor is opened in a store at rest");
    rc = ak_cmdline_need(
        line, AK_FLAG_BIT(AK_FLAG_LOG) | (path == NULL ? AK_FLAG_BIT(AK_FLAG_STORE) : 0), err);
    if (rc == AK_OK && path != NULL && options.store != NULL)
        rc = ak_fail(err, AK_EUSAGE, "--config and --store both name the store; give one");
    if (rc == AK_OK && path != NULL)
        rc = ak_config_load(path, &config, err);
    if (rc == AK_OK && config != NULL)
        rc = from_config(config, &options, err);
    if (rc == AK_OK)
        rc = succeed(line, &options, &done, &has_signed, err);
    if (rc == AK_OK)
        rc = answer(&options, &done, err);
    if (rc == AK_OK)
        (done.follows ? tell_again : tell)(line, &done, has_signed);
    ak_config_free(config);
    return rc;
}
