/* check_run.c - what a user names, taken apart into logs, segments and checkpoints, each checked by
 * itself; the whole has the worst verdict. */
#include "check_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Results of one run: a store has at most AK_LIST_LOGS_MAX, and paths are typed. */
#define RESULTS_MAX 65536u

struct run {
    const struct ak_check_options *options;
    struct ak_check *check;
    struct ak_check_progress progress;
    struct ak_check_pool *pool;
    bool *kept_matched;
    bool *log_matched; /* names in options->logs that some store had */
};

static char *join_path(const char *path, const char *name)
{
    char *joined = NULL;

    return asprintf(&joined, "%s/%s", path, name) < 0 ? NULL : joined;
}

static struct ak_check_log *add_result(struct run *run, enum ak_check_kind kind, const char *path,
                                       const char *name, struct ak_error *err)
{
    struct ak_check *check = run->check;
    bool demanded = run->options->policy != NULL &&
                    strcmp(ak_policy_quorum_name(run->options->policy), "none") != 0;
    struct ak_check_log *log;

    if (check->count == RESULTS_MAX) {
        (void)ak_fail(err, AK_ELIMIT, "more than %u logs", RESULTS_MAX);
        return NULL;
    }
    if ((check->count & (check->count - 1)) == 0) {
        size_t cap = check->count == 0 ? 1 : check->count * 2;
        log = reallocarray(check->logs, cap, sizeof(*log));
        if (log == NULL)
            goto no_memory;
        check->logs = log;
    }
    log = &check->logs[check->count];
    memset(log, 0, sizeof(*log));
    log->kind = kind;
    log->path = strdup(path);
    log->name = strdup(name);
    if (demanded)
        log->quorum = strdup(ak_policy_quorum_name(run->options->policy));
    check->count++;
    if (log->path != NULL && log->name != NULL && (!demanded || log->quorum != NULL))
        return log;

no_memory:
    (void)ak_fail(err, AK_ENOMEM, "no memory for a result");
    return NULL;
}

static void finish(struct run *run, struct ak_check_log *log)
{
    if (log->origin[0] != '\0' && ak_origin_check(log->origin, strlen(log->origin), NULL) == AK_OK)
        (void)snprintf(log->id, sizeof(log->id), "%s", ak_origin_id(log->origin));
    if (log->verdict > run->check->verdict)
        run->check->verdict = log->verdict;
}

/* A directory named as log directories are says which log is meant, if nothing else can. */
static void take_id(struct ak_check_log *log)
{
    const char *slash = strrchr(log->path, '/');
    const char *name = slash == NULL ? log->path : slash + 1;

    if (strlen(name) == AK_LOG_ID_CHARS && strspn(name, "0123456789abcdef") == AK_LOG_ID_CHARS)
        (void)snprintf(log->id, sizeof(log->id), "%s", name);
}

/* One log's directory, or one segment in `dir_fd`. */
static enum ak_code run_log(struct run *run, struct ak_check_log *log, int dir_fd,
                            const char *segment, struct ak_error *err)
{
    struct ak_check_state *state = calloc(1, sizeof(*state));
    enum ak_code rc;

    if (state == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a check");
    state->options = run->options;
    state->log = log;
    state->progress = &run->progress;
    state->pool = run->pool;
    state->dir_fd = dir_fd;
    state->single = segment != NULL;
    state->single_name = segment;
    state->kept_matched = run->kept_matched;
    state->entries_before = run->progress.entries;
    if (log->id[0] == '\0' && segment == NULL)
        take_id(log);
    rc = ak_check_log_run(state, err);
    ak_check_state_free(state);
    free(state);
    if (rc == AK_OK)
        finish(run, log);
    else
        ak_wrap(err, "%s", log->path);
    return rc;
}

static bool is_wanted(const struct run *run, const struct ak_list_log *log)
{
    bool wanted = run->options->logs == NULL;

    for (size_t i = 0; run->options->logs != NULL && i < run->options->log_count; i++) {
        const char *name = run->options->logs[i];
        if (strcmp(name, log->id) == 0 || (log->name[0] != '\0' && strcmp(name, log->name) == 0)) {
            run->log_matched[i] = true;
            wanted = true;
        }
    }
    return wanted;
}

static void report_alone(struct run *run, struct ak_check_log *log,
                         const struct ak_finding *finding)
{
    struct ak_check_state state = {.options = run->options, .log = log};

    ak_check_report(&state, finding);
}

static enum ak_code run_store_log(struct run *run, const char *path, int store_fd,
                                  const struct ak_list_log *listed, struct ak_error *err)
{
    char *joined = join_path(path, listed->id);
    struct ak_check_log *log =
        joined == NULL ? NULL : add_result(run, AK_CHECK_LOG, joined, listed->name, err);
    struct ak_finding finding;
    struct ak_error why = {0};
    enum ak_code rc;
    int fd = -1;

    free(joined);
    if (log == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a result");
    memcpy(log->id, listed->id, sizeof(log->id));
    rc = ak_list_open_dir(store_fd, listed->id, &fd, &why);
    if (rc == AK_OK) {
        rc = run_log(run, log, fd, NULL, err);
        close(fd);
        return rc;
    }
    finding = rc == AK_ENOTFOUND
                  ? ak_finding_make(AK_FINDING_MISSING, "9.1",
                                    "the store's list of names has this log, but its directory is "
                                    "not there.")
                  : ak_finding_make(AK_FINDING_IO_ERROR, "9.1", "%s.", why.text);
    report_alone(run, log, &finding);
    finish(run, log);
    return AK_OK;
}

static enum ak_code run_store(struct run *run, const char *path, int fd, struct ak_error *err)
{
    struct ak_list_logs logs;
    enum ak_code rc = ak_list_store(fd, &logs, err);

    if (rc != AK_OK)
        return rc;
    if (logs.full)
        rc = ak_fail(err, AK_ELIMIT, "%s holds more than %u logs", path, AK_LIST_LOGS_MAX);
    for (size_t i = 0; rc == AK_OK && i < logs.count; i++) {
        if (is_wanted(run, &logs.log[i]))
            rc = run_store_log(run, path, fd, &logs.log[i], err);
    }
    ak_list_logs_free(&logs);
    return rc;
}

static enum ak_code run_segment(struct run *run, const char *path, struct ak_error *err)
{
    struct ak_check_log *log = add_result(run, AK_CHECK_SEGMENT, path, "", err);
    char *real = log == NULL ? NULL : realpath(path, NULL); /* the user may have typed a link */
    char *slash = real == NULL ? NULL : strrchr(real, '/');
    enum ak_code rc;
    int fd;

    if (log == NULL || slash == NULL) {
        rc = log == NULL ? AK_ENOMEM : ak_fail_errno(err, errno, "open %s", path);
        free(real);
        return rc;
    }
    *slash = '\0';
    fd = open(real[0] == '\0' ? "/" : real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        rc = ak_fail_errno(err, errno, "open the directory of %s", path);
    } else {
        rc = run_log(run, log, fd, slash + 1, err);
        close(fd);
    }
    free(real);
    return rc;
}

static const struct ak_vkey *find_key(const struct run *run, const char *origin)
{
    for (size_t i = 0; i < run->options->key_count; i++) {
        if (strcmp(run->options->keys[i].name, origin) == 0)
            return &run->options->keys[i];
    }
    return NULL;
}

/* What the policy demands of it. */
static void judge_quorum(struct run *run, struct ak_check_log *log, const char *data, size_t len)
{
    struct ak_claim claim = {0};
    struct ak_finding finding;
    struct ak_quorum quorum;

    if (run->options->policy == NULL)
        return;
    ak_policy_claim(run->options->policy, data, len, &claim, &quorum);
    if (claim.told) {
        finding = ak_finding_make(claim.code, claim.rule, "%s", claim.text);
        report_alone(run, log, &finding);
    } else if (quorum.demanded) {
        log->witnessed_size = log->checkpoint_size;
        log->existed_by = quorum.existed_by;
    }
}

/* A checkpoint alone: the log key's line can be judged, that of the epoch cannot. */
static void judge_checkpoint(struct run *run, struct ak_check_log *log, const char *data,
                             size_t len)
{
    struct ak_log_checkpoint checkpoint;
    struct ak_checkpoint text;
    struct ak_error err = {0};
    struct ak_finding finding;
    struct ak_note note;
    const struct ak_vkey *key;
    enum ak_code rc = ak_note_parse(&note, data, len, &err);

    if (rc == AK_OK)
        rc = ak_checkpoint_parse(&text, note.text, note.text_len, false, &err);
    if (rc != AK_OK) {
        finding = ak_finding_make(ak_finding_of_code(rc), "4.3", "%s.", err.text);
        report_alone(run, log, &finding);
        return;
    }
    (void)snprintf(log->origin, sizeof(log->origin), "%.*s", (int)AK_LOG_ORIGIN_BYTES_MAX,
                   text.origin);
    log->exercise = strncmp(log->origin, "exercise.", 9) == 0;
    key = find_key(run, text.origin);
    log->key_given = key != NULL;
    if (key == NULL) {
        finding = ak_finding_make(AK_FINDING_UNTRUSTED_KEY, "R32",
                                  "no key was given whose name is this checkpoint's origin.");
        report_alone(run, log, &finding);
        return;
    }
    log->key = *key;
    rc = ak_log_checkpoint_verify(key, NULL, data, len, &checkpoint, &err);
    if (rc == AK_EKEY)
        finding = ak_finding_make(AK_FINDING_UNTRUSTED_KEY, "R32", "%s.", err.text);
    else if (rc != AK_OK)
        finding = ak_finding_make(ak_finding_of_code(rc), "R7", "%s.", err.text);
    else
        finding = ak_finding_make(AK_FINDING_EPOCH_NOT_CHECKED, "R6",
                                  "the key of the epoch is only known together with the log.");
    report_alone(run, log, &finding);
    if (rc != AK_OK)
        return;
    log->has_checkpoint = true;
    log->checkpoint_size = checkpoint.checkpoint.size;
    log->checkpoint_root = checkpoint.checkpoint.root;
    judge_quorum(run, log, data, len);
    log->checkpoint_note = malloc(len + 1);
    if (log->checkpoint_note != NULL) {
        memcpy(log->checkpoint_note, data, len);
        log->checkpoint_note[len] = '\0';
        log->checkpoint_len = len;
    }
}

static enum ak_code run_checkpoint(struct run *run, const char *path, int fd, struct ak_error *err)
{
    struct ak_check_log *log = add_result(run, AK_CHECK_CHECKPOINT, path, "", err);
    struct ak_finding finding;
    char *data;
    ssize_t got;

    if (log == NULL)
        return AK_ENOMEM;
    data = malloc(AK_NOTE_BYTES_MAX + 1);
    if (data == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a checkpoint");
    got = ak_list_pread(fd, data, AK_NOTE_BYTES_MAX + 1, 0);
    if (got < 0) {
        free(data);
        return ak_fail_errno(err, errno, "read %s", path);
    }
    judge_checkpoint(run, log, data, (size_t)got);
    if (log->exercise) {
        finding = ak_finding_make(AK_FINDING_EXERCISE, "2", "the origin begins with exercise.");
        report_alone(run, log, &finding);
    }
    finish(run, log);
    free(data);
    return AK_OK;
}

static enum ak_code run_path(struct run *run, const char *path, struct ak_error *err)
{
    struct ak_check_log *log;
    enum ak_path_kind kind;
    enum ak_code rc;
    int fd;

    rc = ak_list_path(path, &kind, &fd, err);
    if (rc != AK_OK)
        return rc;
    switch (kind) {
    case AK_PATH_STORE:
        rc = run_store(run, path, fd, err);
        break;
    case AK_PATH_LOG:
        log = add_result(run, AK_CHECK_LOG, path, "", err);
        rc = log == NULL ? AK_ENOMEM : run_log(run, log, fd, NULL, err);
        break;
    case AK_PATH_SEGMENT:
        rc = run_segment(run, path, err);
        break;
    case AK_PATH_CHECKPOINT:
        rc = run_checkpoint(run, path, fd, err);
        break;
    }
    close(fd);
    return rc;
}

static enum ak_code check_matched(const struct run *run, struct ak_error *err)
{
    for (size_t i = 0; run->options->logs != NULL && i < run->options->log_count; i++) {
        if (!run->log_matched[i])
            return ak_fail(err, AK_ENOTFOUND, "no store here has a log %s", run->options->logs[i]);
    }
    for (size_t i = 0; i < run->options->kept_count; i++) {
        if (!run->kept_matched[i])
            return ak_fail(err, AK_EUSAGE,
                           "checkpoint %s belongs to no log that was looked at with its key",
                           run->options->kept[i].name);
    }
    return AK_OK;
}

enum ak_code ak_check_run(const char *const *paths, size_t count,
                          const struct ak_check_options *options, struct ak_check **out,
                          struct ak_error *err)
{
    struct run run = {.options = options};
    enum ak_code rc = AK_OK;

    *out = NULL;
    run.check = calloc(1, sizeof(*run.check));
    run.kept_matched = calloc(options->kept_count + 1, sizeof(bool));
    run.log_matched = calloc(options->log_count + 1, sizeof(bool));
    if (run.check == NULL || run.kept_matched == NULL || run.log_matched == NULL)
        rc = ak_fail(err, AK_ENOMEM, "no memory for a check");
    if (rc == AK_OK)
        rc = ak_check_pool_new(options->jobs, &run.pool, err);
    for (size_t i = 0; rc == AK_OK && i < count; i++)
        rc = run_path(&run, paths[i], err);
    if (rc == AK_OK)
        rc = check_matched(&run, err);
    if (rc == AK_OK)
        ak_check_successions(run.check, options);
    ak_check_pool_free(run.pool);
    free(run.kept_matched);
    free(run.log_matched);
    if (rc != AK_OK) {
        ak_check_free(run.check);
        return rc;
    }
    *out = run.check;
    return AK_OK;
}

void ak_check_free(struct ak_check *check)
{
    if (check == NULL)
        return;
    for (size_t i = 0; i < check->count; i++) {
        struct ak_check_log *log = &check->logs[i];
        free(log->path);
        free(log->name);
        free(log->findings);
        free(log->ranges);
        free(log->checkpoint_note);
        free(log->quorum);
        free(log->witnessed_by);
        free(log->bounds);
        free(log->anchors);
        ak_check_succession_free(log);
    }
    free(check->logs);
    free(check);
}

bool ak_check_proven(const struct ak_check_log *log, uint64_t index)
{
    size_t low = 0;
    size_t high = log->range_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index < log->ranges[middle].begin)
            high = middle;
        else if (index >= log->ranges[middle].end)
            low = middle + 1;
        else
            return true;
    }
    return false;
}
