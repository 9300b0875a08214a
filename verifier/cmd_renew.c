/* cmd_renew.c - renew: lists the files of a good log by SHA-512 and asks for a time stamp over the
 * list; with --reply the answer is judged and put beside it (format.md 9.5).
 *
 * Nothing is sent anywhere: the request goes to an authority by the reader's own means. Nothing is
 * written into a store unless --output names it, and nothing is ever overwritten. */
#include "commands.h"

#include "output.h"
#include "show.h"
#include "store_list.h"
#include "when.h"

#include <akashi/renewal.h>
#include <akashi/timestamp.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A request has about 140 bytes. */
#define REQUEST_BYTES_MAX 65536u

/* Replies over one list. */
#define REPLIES_MAX 1000u

/* Writes a file that is not there yet, whole or not at all, and waits until its name is on the
 * medium. */
static enum ak_code put_new(const char *path, const void *data, size_t len, struct ak_error *err)
{
    char *dir = strdup(path);
    char *slash = dir == NULL ? NULL : strrchr(dir, '/');
    struct stat st;
    enum ak_code rc;
    int fd;

    if (dir == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to write %s", path);
    if (slash != NULL)
        slash[slash == dir ? 1 : 0] = '\0';
    rc = lstat(path, &st) == 0
             ? ak_fail(err, AK_EEXIST, "%s is there already, and is never overwritten", path)
             : ak_output_replace(path, data, len, err);
    fd = rc == AK_OK ? open(slash == NULL ? "." : dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        if (fsync(fd) != 0 && errno != EINVAL) /* not every file system can */
            rc = ak_fail_errno(err, errno, "write %s", path);
        close(fd);
    }
    free(dir);
    return rc;
}

/* ---- the list ---- */

struct list_text {
    char *text;
    size_t len;
    uint64_t count;
};

static enum ak_code make_list(struct list_text *out, const struct ak_check_log *log,
                              struct ak_error *err)
{
    int fd = open(log->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum ak_code rc;

    if (fd < 0)
        return ak_fail_errno(err, errno, "open %s", log->path);
    rc = ak_renewal_make(fd, log->origin, log->checkpoint_size, &out->text, &out->len, &out->count,
                         err);
    close(fd);
    return rc;
}

/* A second renewal at one size would have the name of the first. */
static enum ak_code not_renewed_yet(const struct ak_check_log *log, struct ak_error *err)
{
    struct stat st;
    char *path = NULL;
    enum ak_code rc = AK_OK;

    if (asprintf(&path, "%s/%020" PRIu64 ".renewal", log->path, log->checkpoint_size) < 0)
        return ak_fail(err, AK_ENOMEM, "no memory for a name");
    if (lstat(path, &st) == 0)
        rc = ak_fail(err, AK_EEXIST,
                     "the log was renewed at this size already: %s. More authorities can stamp "
                     "that list; a new one is made when the log has grown",
                     path);
    free(path);
    return rc;
}

static enum ak_code request(const struct ak_options *options, const struct ak_check_log *log,
                            struct ak_error *err)
{
    const char *request_path = ak_options_value(options, AK_OPTION_REQUEST);
    struct list_text list = {0};
    unsigned char *der = NULL;
    char *path = NULL;
    size_t len = 0;
    enum ak_code rc = not_renewed_yet(log, err);

    if (rc == AK_OK)
        rc = make_list(&list, log, err);
    if (rc == AK_OK)
        rc = ak_timestamp_request(list.text, list.len, &der, &len, err);
    if (rc == AK_OK &&
        asprintf(&path, "%s/%020" PRIu64 ".renewal", ak_options_value(options, AK_OPTION_OUTPUT),
                 log->checkpoint_size) < 0) {
        path = NULL;
        rc = ak_fail(err, AK_ENOMEM, "no memory for a name");
    }
    if (rc == AK_OK)
        rc = put_new(path, list.text, list.len, err);
    if (rc == AK_OK) {
        rc = put_new(request_path, der, len, err);
        if (rc != AK_OK)
            (void)unlink(path);
    }
    if (rc == AK_OK && !ak_options_has(options, AK_OPTION_QUIET)) {
        printf("list      ");
        ak_show_text(stdout, path);
        printf("\nrequest   ");
        ak_show_text(stdout, request_path);
        printf("\nLet an authority answer the request, then: akashi-verify renew LIST --request "
               "FILE --reply FILE --tsa-ca FILE --output DIR\n");
    }
    if (rc == AK_OK)
        printf("LISTED %" PRIu64 " files by SHA-512, %" PRIu64 " entries\n", list.count,
               log->checkpoint_size);
    free(path);
    free(der);
    free(list.text);
    return rc;
}

/* A log that is not good is not renewed: an outside word would make its files look good. */
static enum ak_code request_checked(const struct ak_options *options, struct ak_check *check,
                                    int *status, struct ak_error *err)
{
    const struct ak_check_log *log = check->count == 1 ? &check->logs[0] : NULL;
    enum ak_code rc;

    if (log == NULL || log->kind != AK_CHECK_LOG)
        return ak_fail(err, AK_EUSAGE, "renew takes one log: give its directory, or --log");
    if (log->verdict >= AK_NOT_CHECKABLE || !log->has_checkpoint) {
        *status = ak_verdict_exit(check->verdict);
        ak_show_verdict(stdout, check->verdict, isatty(STDOUT_FILENO) == 1);
        puts(" and not renewed: see `akashi-verify check`");
        return AK_OK;
    }
    rc = request(options, log, err);
    *status = 0;
    return rc;
}

static enum ak_code ask(const struct ak_options *options, int *status, struct ak_error *err)
{
    struct ak_trust trust = {0};
    struct ak_check_options how = {0};
    struct ak_check *check = NULL;
    enum ak_code rc = ak_cmd_prepare(options, &trust, &how, err);

    if (rc == AK_OK)
        rc = ak_cmd_judge(options, options->words, options->word_count, &how, &check, err);
    if (rc == AK_OK)
        rc = request_checked(options, check, status, err);
    ak_check_free(check);
    ak_trust_free(&trust);
    return rc;
}

/* ---- the reply ---- */

struct answer {
    char *list;
    char *request;
    char *reply;
    size_t list_len;
    size_t request_len;
    size_t reply_len;
    struct ak_renewal renewal;
    struct ak_timestamp stamp;
};

static enum ak_code read_one(const char *path, size_t max, char **data, size_t *len,
                             struct ak_error *err)
{
    return ak_list_read_file(AT_FDCWD, path, max, data, len, err);
}

static enum ak_code judge_answer(const struct ak_options *options, struct answer *a,
                                 struct ak_tsa *tsa, struct ak_error *err)
{
    const char *list = options->words[0];
    const char *request_path = ak_options_value(options, AK_OPTION_REQUEST);
    const char *reply = ak_options_value(options, AK_OPTION_REPLY);
    enum ak_code rc = read_one(list, AK_RENEWAL_BYTES_MAX, &a->list, &a->list_len, err);

    if (rc == AK_OK) {
        rc = ak_renewal_parse(&a->renewal, a->list, a->list_len, err);
        if (rc != AK_OK)
            ak_wrap(err, "%s", list);
    }
    if (rc == AK_OK)
        rc = read_one(request_path, REQUEST_BYTES_MAX, &a->request, &a->request_len, err);
    if (rc == AK_OK)
        rc = read_one(reply, AK_TIMESTAMP_BYTES_MAX, &a->reply, &a->reply_len, err);
    if (rc != AK_OK)
        return rc;
    rc = ak_timestamp_judge(a->reply, a->reply_len, a->list, a->list_len, tsa, &a->stamp, err);
    if (rc == AK_OK && a->stamp.imprint_bytes != AK_SHA512_BYTES)
        rc = ak_fail(err, AK_EMALFORMED, "the stamp is not by SHA-512");
    if (rc != AK_OK) {
        ak_wrap(err, "%s", reply);
        return rc;
    }
    rc = ak_timestamp_answers(a->request, a->request_len, a->list, a->list_len, &a->stamp, err);
    if (rc != AK_OK)
        ak_wrap(err, "%s", request_path);
    return rc;
}

/* The list, if it is not there yet; another one in its place is refused. */
static enum ak_code keep_list(const char *dir, const struct answer *a, struct ak_error *err)
{
    char *path = NULL;
    char *there = NULL;
    size_t len;
    enum ak_code rc;

    if (asprintf(&path, "%s/%020" PRIu64 ".renewal", dir, a->renewal.size) < 0)
        return ak_fail(err, AK_ENOMEM, "no memory for a name");
    rc = ak_list_read_file(AT_FDCWD, path, AK_RENEWAL_BYTES_MAX, &there, &len, err);
    if (rc == AK_ENOTFOUND) {
        *err = (struct ak_error){0};
        rc = put_new(path, a->list, a->list_len, err);
    } else if (rc == AK_OK && (len != a->list_len || memcmp(there, a->list, len) != 0)) {
        rc = ak_fail(err, AK_EEXIST, "%s is there already, and is another list", path);
    }
    free(there);
    free(path);
    return rc;
}

static enum ak_code keep_reply(const char *dir, const struct answer *a, char **path,
                               struct ak_error *err)
{
    for (unsigned k = 0; k < REPLIES_MAX; k++) {
        struct stat st;
        if (asprintf(path, "%s/%020" PRIu64 ".renewal.%u.tsr", dir, a->renewal.size, k) < 0) {
            *path = NULL;
            return ak_fail(err, AK_ENOMEM, "no memory for a name");
        }
        if (lstat(*path, &st) != 0)
            return put_new(*path, a->reply, a->reply_len, err);
        free(*path);
        *path = NULL;
    }
    return ak_fail(err, AK_ELIMIT, "there are %u replies over this list", REPLIES_MAX);
}

static enum ak_code keep(const struct ak_options *options, struct ak_tsa *tsa, struct ak_error *err)
{
    const char *dir = ak_options_value(options, AK_OPTION_OUTPUT);
    char time[AK_WHEN_TEXT_BYTES];
    struct answer a = {0};
    char *path = NULL;
    enum ak_code rc = judge_answer(options, &a, tsa, err);

    if (rc == AK_OK)
        rc = keep_list(dir, &a, err);
    if (rc == AK_OK)
        rc = keep_reply(dir, &a, &path, err);
    if (rc == AK_OK && !ak_options_has(options, AK_OPTION_QUIET)) {
        printf("stamp     ");
        ak_show_text(stdout, path);
        fputc('\n', stdout);
    }
    if (rc == AK_OK) {
        printf("RENEWED %zu files, %" PRIu64 " entries by %s, by the clock of ", a.renewal.count,
               a.renewal.size, ak_when_format_seconds(time, a.stamp.time));
        ak_show_text(stdout,
                     a.stamp.authority[0] == '\0' ? "an authority given" : a.stamp.authority);
        fputc('\n', stdout);
    }
    free(path);
    free(a.list);
    free(a.request);
    free(a.reply);
    return rc;
}

static enum ak_code take_reply(const struct ak_options *options, int *status, struct ak_error *err)
{
    struct ak_trust trust = {0};
    struct ak_check_options unused = {0};
    enum ak_code rc = AK_OK;

    if (!ak_options_has(options, AK_OPTION_TSA_CA))
        return ak_fail(err, AK_EUSAGE,
                       "--reply wants --tsa-ca FILE, the authority's certificates: what cannot be "
                       "judged is not kept");
    rc = ak_cmd_prepare(options, &trust, &unused, err);
    if (rc == AK_OK)
        rc = keep(options, trust.tsa, err);
    *status = 0;
    ak_trust_free(&trust);
    return rc;
}

enum ak_code ak_cmd_renew(const struct ak_options *options, int *status, struct ak_error *err)
{
    if (!ak_options_has(options, AK_OPTION_REQUEST) || !ak_options_has(options, AK_OPTION_OUTPUT))
        return ak_fail(err, AK_EUSAGE,
                       "renew wants --request FILE and --output DIR, where list and stamps go");
    return ak_options_has(options, AK_OPTION_REPLY) ? take_reply(options, status, err)
                                                    : ask(options, status, err);
}
