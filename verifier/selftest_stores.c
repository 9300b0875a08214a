/* selftest_stores.c - the store inside the program, good and forged, judged as any store is.
 *
 * Each is written to a private directory below /tmp, judged, and removed again. */
#include "selftest.h"

#include <akashi/base64.h>
#include <akashi/check.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A forged file is not longer than the good one with all that is put in. */
#define FILE_BYTES_MAX 65536u

#define FILES_MAX 8u

/* The case that nothing was done. */
#define GOOD SIZE_MAX

struct stores {
    char path[64];            /* the private directory */
    char log[128];            /* of the log in it */
    uint8_t *data[FILES_MAX]; /* good files, decoded */
    uint8_t *inserted;
    struct ak_vkey key;
};

static enum ak_code decode(uint8_t **out, const char *text, size_t len, struct ak_error *err)
{
    size_t n;

    *out = malloc(len + 1);
    if (*out == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the self-test");
    if (ak_base64_decode(*out, len, &n, text, strlen(text), err) != AK_OK || n != len)
        return ak_fail(err, AK_EINTEGRITY, "the program's own test data are damaged");
    return AK_OK;
}

static enum ak_code stores_open(struct stores *stores, struct ak_error *err)
{
    enum ak_code rc =
        decode(&stores->inserted, ak_selftest_inserted, ak_selftest_inserted_len, err);

    for (size_t i = 0; i < ak_selftest_file_count && rc == AK_OK; i++)
        rc = decode(&stores->data[i], ak_selftest_files[i].data, ak_selftest_files[i].len, err);
    if (rc == AK_OK)
        rc = ak_vkey_parse(&stores->key, ak_selftest_vkey, strlen(ak_selftest_vkey), err);
    if (rc != AK_OK)
        return rc;
    (void)snprintf(stores->path, sizeof(stores->path), "/tmp/akashi-selftest.XXXXXX");
    if (mkdtemp(stores->path) == NULL) {
        stores->path[0] = '\0';
        return ak_fail_errno(err, errno, "make a private directory in /tmp");
    }
    (void)snprintf(stores->log, sizeof(stores->log), "%s/%s", stores->path, ak_selftest_log_id);
    return AK_OK;
}

static void stores_close(struct stores *stores)
{
    if (stores->path[0] != '\0')
        (void)rmdir(stores->path);
    for (size_t i = 0; i < FILES_MAX; i++)
        free(stores->data[i]);
    free(stores->inserted);
}

static const struct ak_selftest_case *case_of(size_t number)
{
    return number == GOOD ? NULL : &ak_selftest_cases[number];
}

/* Content of a file in a case; gives its length. */
static size_t make_content(const struct stores *stores, size_t number, size_t file,
                           uint8_t out[FILE_BYTES_MAX])
{
    const struct ak_selftest_case *of = case_of(number);
    const uint8_t *good = stores->data[file];
    size_t from = 0;
    size_t len = 0;

    for (uint32_t i = 0; of != NULL && i < of->edits; i++) {
        const struct ak_selftest_edit *edit = &ak_selftest_edits[of->edit + i];
        if (edit->file != file)
            continue;
        memcpy(out + len, good + from, edit->offset - from);
        len += edit->offset - from;
        memcpy(out + len, stores->inserted + edit->at, edit->insert);
        len += edit->insert;
        from = (size_t)edit->offset + edit->remove;
    }
    memcpy(out + len, good + from, ak_selftest_files[file].len - from);
    return len + ak_selftest_files[file].len - from;
}

static enum ak_code write_file(int dir, const char *name, const uint8_t *data, size_t len,
                               struct ak_error *err)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    enum ak_code rc = AK_OK;

    if (fd < 0)
        return ak_fail_errno(err, errno, "write test data below /tmp");
    if (write(fd, data, len) != (ssize_t)len)
        rc = ak_fail_errno(err, errno, "write test data below /tmp");
    close(fd);
    return rc;
}

static enum ak_code write_store(const struct stores *stores, size_t number, struct ak_error *err)
{
    const struct ak_selftest_case *of = case_of(number);
    uint8_t *content = malloc(FILE_BYTES_MAX);
    enum ak_code rc = AK_OK;
    int dir = -1;

    if (content == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the self-test");
    if (mkdir(stores->log, 0700) != 0 ||
        (dir = open(stores->log, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
        rc = ak_fail_errno(err, errno, "make a directory below /tmp");
    for (size_t i = 0; i < ak_selftest_file_count && rc == AK_OK; i++) {
        size_t len = make_content(stores, number, i, content);
        if (of == NULL || of->removed != (int)i)
            rc = write_file(dir, ak_selftest_files[i].name, content, len, err);
    }
    free(content);
    if (dir >= 0)
        close(dir);
    return rc;
}

static void remove_store(const struct stores *stores)
{
    char path[256];

    for (size_t i = 0; i < ak_selftest_file_count; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", stores->log, ak_selftest_files[i].name);
        (void)unlink(path);
    }
    (void)rmdir(stores->log);
}

/* Whether a judgement is the right one. */
static bool is_right(const struct ak_check_log *log, const struct ak_selftest_case *of)
{
    if (of == NULL)
        return log->verdict == AK_VALID && log->proven == ak_selftest_entries;
    return log->verdict == of->verdict && log->code_counts[of->code] > 0;
}

static void describe(char *out, size_t cap, const struct ak_check_log *log)
{
    size_t used = (size_t)snprintf(out, cap, "%s", ak_verdict_name(log->verdict));

    for (unsigned code = 0; code < AK_FINDING_CODES && used < cap; code++) {
        if (log->code_counts[code] > 0)
            used += (size_t)snprintf(out + used, cap - used, " %s",
                                     ak_finding_info((enum ak_finding_code)code)->name);
    }
}

static enum ak_code judge(const struct stores *stores, size_t number, ak_selftest_fn tell,
                          void *ctx, struct ak_error *err)
{
    const struct ak_selftest_case *of = case_of(number);
    struct ak_check_options options = {.keys = &stores->key, .key_count = 1, .jobs = 1};
    const char *path = stores->log;
    struct ak_check *check = NULL;
    char what[160];
    char said[256];
    enum ak_code rc = ak_check_run(&path, 1, &options, &check, err);

    if (rc != AK_OK)
        return rc;
    if (of == NULL)
        (void)snprintf(what, sizeof(what), "the good store");
    else
        (void)snprintf(what, sizeof(what), "forgery %zu: %s", number + 1, of->what);
    if (check->count == 1) {
        describe(said, sizeof(said), &check->logs[0]);
        tell(ctx, what, is_right(&check->logs[0], of), said);
    } else {
        tell(ctx, what, false, "no log was found");
    }
    ak_check_free(check);
    return AK_OK;
}

enum ak_code ak_selftest_stores(ak_selftest_fn tell, void *ctx, struct ak_error *err)
{
    struct stores stores = {0};
    enum ak_code rc = stores_open(&stores, err);

    for (size_t i = 0; i <= ak_selftest_case_count && rc == AK_OK; i++) {
        size_t number = i == 0 ? GOOD : i - 1;
        rc = write_store(&stores, number, err);
        if (rc == AK_OK)
            rc = judge(&stores, number, tell, ctx, err);
        remove_store(&stores);
    }
    stores_close(&stores);
    return rc;
}
