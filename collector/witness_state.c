/* witness_state.c - the directory of a witness.
 *
 * Happy path: DIR is locked, the key loaded, and for each log of the policy its checkpoint is read
 * and judged as a stranger's would be: by the log's key, by the witness's own, and by the mark that
 * lies with the key. Whatever does not fit stops the start: a witness that forgets what it cosigned
 * vouches for two histories. */
#include "witness_state.h"

#include "disk.h"
#include "log.h"
#include "witness_fork.h"

#include <akashi/base64.h>
#include <akashi/cosignature.h>
#include <akashi/tree.h>

#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_NAME       "witness.key"
#define SEEN_BYTES_MAX 128u
#define NAME_BYTES     (AK_WITNESS_ID_CHARS + 16u)

/* ---- making and opening the directory */

static bool is_empty(int fd)
{
    DIR *dir = fdopendir(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    const struct dirent *e;
    bool empty = dir != NULL;

    while (dir != NULL && (e = readdir(dir)) != NULL)
        empty = empty && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0);
    if (dir != NULL)
        (void)closedir(dir);
    return empty;
}

static enum ak_code make_parts(int dir_fd, const char *name, struct ak_vkey *vkey,
                               struct ak_error *err)
{
    static const char *const parts[] = {"tmp", "logs", "forks"};
    struct ak_witness_key *key = NULL;
    int keys_fd = -1;
    enum ak_code rc = AK_OK;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && rc == AK_OK; i++)
        rc = ak_disk_mkdir(dir_fd, parts[i], 0700, NULL, err);
    if (rc == AK_OK)
        rc = ak_disk_mkdir(dir_fd, "keys", 0700, &keys_fd, err);
    if (rc == AK_OK)
        rc = ak_witness_key_make(&key, keys_fd, KEY_NAME, name, err);
    if (rc == AK_OK)
        *vkey = *ak_witness_key_vkey(key);
    ak_witness_key_free(key);
    if (keys_fd >= 0)
        (void)close(keys_fd);
    return rc;
}

enum ak_code ak_witness_init(const char *dir, const char *name, struct ak_vkey *vkey,
                             struct ak_error *err)
{
    int fd;
    enum ak_code rc;

    if (!ak_key_name_valid(name, strlen(name)))
        return ak_fail(err, AK_EUSAGE,
                       "--init: the name of a witness is 1 to %d bytes of UTF-8 without white "
                       "space, control characters and '+', as power-b.example/witness",
                       AK_KEY_NAME_BYTES_MAX);
    rc = ak_disk_mkdir(AT_FDCWD, dir, 0700, NULL, err);
    if (rc != AK_OK && rc != AK_EEXIST)
        return rc;
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ak_fail_errno(err, errno, "open %s", dir);
    if (is_empty(fd))
        rc = make_parts(fd, name, vkey, err);
    else
        rc = ak_fail(err, AK_EEXIST,
                     "%s is not empty, and a witness is never made over another one: choose "
                     "another directory",
                     dir);
    (void)close(fd);
    return rc;
}

static enum ak_code open_part(int dir_fd, const char *name, int *fd, struct ak_error *err)
{
    *fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0)
        return ak_fail(err, errno == ENOENT ? AK_ENOTFOUND : AK_EIO,
                       "%s of the state: %s; `akashi-collector witness --state DIR --init NAME` "
                       "makes a state, once",
                       name, strerror(errno));
    return AK_OK;
}

static enum ak_code open_parts(struct ak_witness *w, const char *dir, struct ak_error *err)
{
    struct stat st;
    enum ak_code rc;

    w->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->dir_fd < 0)
        return ak_fail_errno(err, errno,
                             "state %s (`akashi-collector witness --state DIR --init NAME` makes "
                             "one)",
                             dir);
    rc = open_part(w->dir_fd, "keys", &w->keys_fd, err);
    if (rc == AK_OK)
        rc = open_part(w->dir_fd, "logs", &w->logs_fd, err);
    if (rc == AK_OK)
        rc = open_part(w->dir_fd, "forks", &w->forks_fd, err);
    if (rc == AK_OK)
        rc = open_part(w->dir_fd, "tmp", &w->tmp_fd, err);
    if (rc != AK_OK)
        return rc;
    if (fstat(w->dir_fd, &st) != 0 || (st.st_mode & 022) != 0)
        return ak_fail(err, AK_EKEY,
                       "state %s can be written by others than its owner: see who had access, "
                       "then chmod 0700 it",
                       dir);
    w->lock_fd = openat(w->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (w->lock_fd < 0)
        return ak_fail_errno(err, errno, "lock of state %s", dir);
    if (flock(w->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return ak_fail(err, AK_EBUSY, "state %s: another witness runs on it", dir);
    return AK_OK;
}

/* ---- logs of the policy */

static int by_origin(const void *a, const void *b)
{
    return strcmp(((const struct ak_witness_log *)a)->origin,
                  ((const struct ak_witness_log *)b)->origin);
}

static struct ak_witness_log *log_of(struct ak_witness *w, const char *origin)
{
    struct ak_witness_log *log;
    struct ak_hash hash;

    for (size_t i = 0; i < w->log_count; i++) {
        if (strcmp(w->log[i].origin, origin) == 0)
            return &w->log[i];
    }
    log = &w->log[w->log_count++];
    (void)snprintf(log->origin, sizeof(log->origin), "%s", origin);
    ak_sha256(&hash, origin, strlen(origin));
    (void)ak_hex_encode(log->id, sizeof(log->id), hash.b, sizeof(hash.b));
    ak_hash_empty(&log->record.root);
    return log;
}

static enum ak_code take_logs(struct ak_witness *w, const struct ak_policy *policy,
                              struct ak_error *err)
{
    size_t count;
    const struct ak_policy_log *logs = ak_policy_logs(policy, &count);

    w->log = calloc(count == 0 ? 1 : count, sizeof(*w->log));
    if (w->log == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for %zu logs", count);
    for (size_t i = 0; i < count; i++) {
        struct ak_witness_log *log;
        if (!logs[i].checkable) {
            ak_log(AK_LOG_WARNING,
                   "policy: the key of log %s is not of type Ed25519: nothing of it can be "
                   "cosigned here",
                   logs[i].vkey.name);
            continue;
        }
        log = log_of(w, logs[i].vkey.name);
        if (log->key_count == AK_WITNESS_KEYS_MAX)
            return ak_fail(err, AK_ELIMIT, "policy: log %s has more than %u keys", log->origin,
                           AK_WITNESS_KEYS_MAX);
        log->key[log->key_count++] = logs[i].vkey;
    }
    if (w->log_count == 0)
        return ak_fail(err, AK_EUSAGE,
                       "the policy has no `log` line with an Ed25519 key: nothing would be "
                       "cosigned");
    qsort(w->log, w->log_count, sizeof(*w->log), by_origin);
    return AK_OK;
}

struct ak_witness_log *ak_witness_find(const struct ak_witness *w, const char *origin)
{
    struct ak_witness_log want;

    (void)snprintf(want.origin, sizeof(want.origin), "%s", origin);
    return bsearch(&want, w->log, w->log_count, sizeof(*w->log), by_origin);
}

struct ak_witness_log *ak_witness_find_id(const struct ak_witness *w, const char *id, size_t len)
{
    for (size_t i = 0; len == AK_WITNESS_ID_CHARS && i < w->log_count; i++) {
        if (memcmp(w->log[i].id, id, len) == 0)
            return &w->log[i];
    }
    return NULL;
}

/* ---- reading records */

enum ak_code ak_witness_check_log(const struct ak_witness_log *log, const struct ak_note *note,
                                  bool *verified, struct ak_error *err)
{
    bool unused[AK_WITNESS_KEYS_MAX];

    return ak_note_verify(note, log->key, log->key_count, verified == NULL ? unused : verified,
                          err);
}

/* The witness's own line: valid, and one. */
static enum ak_code check_own(const struct ak_witness *w, const struct ak_note *note,
                              uint64_t *time, struct ak_error *err)
{
    const struct ak_vkey *own = ak_witness_key_vkey(w->key);

    *time = 0;
    for (unsigned i = 0; i < note->count; i++) {
        const struct ak_note_signature *sig = &note->sig[i];
        enum ak_code rc;
        if (sig->id != own->id || sig->name_len != strlen(own->name) ||
            memcmp(sig->name, own->name, sig->name_len) != 0)
            continue;
        if (*time != 0)
            return ak_fail(err, AK_EMALFORMED, "it has two lines of this witness");
        rc = ak_cosignature_verify(note, sig, own, time, err);
        if (rc != AK_OK)
            return rc;
    }
    return *time != 0 ? AK_OK : ak_fail(err, AK_EKEY, "this witness's key has not cosigned it");
}

static enum ak_code read_note(const struct ak_witness *w, const struct ak_witness_log *log,
                              struct ak_witness_record *record, struct ak_error *err)
{
    struct ak_checkpoint cp;
    struct ak_note note;
    enum ak_code rc = ak_note_parse(&note, record->note, record->note_len, err);

    if (rc == AK_OK)
        rc = ak_checkpoint_parse(&cp, note.text, note.text_len, true, err);
    if (rc == AK_OK && strcmp(cp.origin, log->origin) != 0)
        rc = ak_fail(err, AK_EMALFORMED, "it is of another log");
    if (rc == AK_OK)
        rc = ak_witness_check_log(log, &note, NULL, err);
    if (rc == AK_OK)
        rc = check_own(w, &note, &record->time, err);
    if (rc == AK_OK) {
        record->size = cp.size;
        record->root = cp.root;
    }
    return rc;
}

/* What the mark beside the key says; size 0 without one. */
static enum ak_code read_seen(const struct ak_witness *w, const struct ak_witness_log *log,
                              uint64_t *size, struct ak_hash *root, struct ak_error *err)
{
    char name[NAME_BYTES];
    unsigned char *data = NULL;
    struct ak_text rest;
    struct ak_text line;
    const char *space;
    size_t len = 0;
    size_t n = 0;
    enum ak_code rc;

    *size = 0;
    ak_hash_empty(root);
    (void)snprintf(name, sizeof(name), "%s.seen", log->id);
    rc = ak_disk_read(w->keys_fd, name, SEEN_BYTES_MAX, &data, &len, NULL, NULL, err);
    if (rc == AK_ENOTFOUND)
        return AK_OK;
    if (rc != AK_OK)
        return rc;
    rest = (struct ak_text){(const char *)data, len};
    if (!ak_text_line(&rest, &line) || rest.len != 0 ||
        (space = memchr(line.p, ' ', line.len)) == NULL ||
        !ak_text_decimal((struct ak_text){line.p, (size_t)(space - line.p)}, AK_TREE_SIZE_MAX,
                         size) ||
        ak_base64_decode(root->b, sizeof(root->b), &n, space + 1,
                         line.len - (size_t)(space + 1 - line.p), NULL) != AK_OK ||
        n != sizeof(root->b))
        rc = ak_fail(err, AK_EMALFORMED,
                     "keys/%s is damaged: what was cosigned last is not known. Bring back the file "
                     "as it was; without it make a new witness, under a new name",
                     name);
    free(data);
    return rc;
}

/* The checkpoint must not be behind the mark. */
static enum ak_code check_seen(const struct ak_witness *w, const struct ak_witness_log *log,
                               struct ak_witness_record *record, struct ak_error *err)
{
    struct ak_hash root;
    uint64_t size;
    enum ak_code rc = read_seen(w, log, &size, &root, err);

    if (rc != AK_OK)
        return rc;
    if (record->size < size || (record->size == size && !ak_hash_equal(&record->root, &root)))
        return ak_fail(err, AK_EMALFORMED,
                       "log %s: size %" PRIu64 " was cosigned, but logs/%s tells of size %" PRIu64
                       ": the state was brought back from an older copy. Nothing is cosigned from "
                       "it. Bring back the newest state, or make a new witness, under a new name",
                       log->origin, size, log->id, record->size);
    record->marked = record->size == size && size > 0;
    return AK_OK;
}

enum ak_code ak_witness_load(const struct ak_witness *w, const struct ak_witness_log *log,
                             struct ak_witness_record *record, struct ak_error *err)
{
    unsigned char *data = NULL;
    size_t len = 0;
    enum ak_code rc;

    memset(record, 0, sizeof(*record));
    ak_hash_empty(&record->root);
    rc = ak_disk_read(w->logs_fd, log->id, AK_WITNESS_NOTE_BYTES_MAX, &data, &len, NULL, NULL, err);
    if (rc == AK_OK) {
        record->note = (char *)data;
        record->note_len = len;
        rc = read_note(w, log, record, err);
    } else if (rc == AK_ENOTFOUND) {
        rc = AK_OK;
    }
    if (rc != AK_OK)
        ak_wrap(err,
                "logs/%s, the newest checkpoint of %s, cannot be trusted; bring back the file as "
                "it was, or make a new witness, under a new name",
                log->id, log->origin);
    else
        rc = check_seen(w, log, record, err);
    if (rc != AK_OK)
        ak_witness_record_free(record);
    return rc;
}

void ak_witness_record_free(struct ak_witness_record *record)
{
    free(record->note);
    memset(record, 0, sizeof(*record));
    ak_hash_empty(&record->root);
}

/* ---- storing */

enum ak_code ak_witness_store(const struct ak_witness *w, const struct ak_witness_log *log,
                              const struct ak_witness_record *was, struct ak_witness_record *record,
                              struct ak_error *err)
{
    char name[NAME_BYTES];
    char mark[SEEN_BYTES_MAX];
    char root[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];
    int n;
    enum ak_code rc = ak_disk_put(w->tmp_fd, log->id, w->logs_fd, log->id, 0600, record->note,
                                  record->note_len, err);

    if (rc != AK_OK)
        return rc;
    record->marked = was->marked && was->size == record->size;
    if (record->marked)
        return AK_OK;
    (void)ak_base64_encode(root, sizeof(root), record->root.b, sizeof(record->root.b));
    n = snprintf(mark, sizeof(mark), "%" PRIu64 " %s\n", record->size, root);
    (void)snprintf(name, sizeof(name), "%s.seen", log->id);
    rc = ak_disk_put(w->tmp_fd, name, w->keys_fd, name, 0600, mark, (size_t)n, err);
    record->marked = rc == AK_OK;
    return rc;
}

/* ---- the whole */

/* States of logs that the policy does not name stay as they are, and are told of. */
static void tell_strangers(const struct ak_witness *w)
{
    DIR *dir = fdopendir(openat(w->logs_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const struct dirent *e;
    unsigned count = 0;

    if (dir == NULL)
        return;
    while ((e = readdir(dir)) != NULL)
        count += e->d_name[0] != '.' && ak_witness_find_id(w, e->d_name, strlen(e->d_name)) == NULL;
    (void)closedir(dir);
    if (count > 0)
        ak_log(AK_LOG_NOTICE,
               "%u log%s that this state knows %s not in the policy: their checkpoints are kept, "
               "nothing is cosigned for them",
               count, count == 1 ? "" : "s", count == 1 ? "is" : "are");
}

/* A mark without a checkpoint is looked at too: ak_witness_load does. */
static enum ak_code load_all(struct ak_witness *w, struct ak_error *err)
{
    for (size_t i = 0; i < w->log_count; i++) {
        struct ak_witness_log *log = &w->log[i];
        enum ak_code rc = ak_witness_load(w, log, &log->record, err);
        if (rc != AK_OK)
            return rc;
    }
    tell_strangers(w);
    return ak_witness_forks_count(w, err);
}

enum ak_code ak_witness_open(struct ak_witness *w, const char *dir, const struct ak_policy *policy,
                             struct ak_error *err)
{
    enum ak_code rc;

    memset(w, 0, sizeof(*w));
    w->dir_fd = w->lock_fd = w->keys_fd = w->logs_fd = w->forks_fd = w->tmp_fd = -1;
    rc = open_parts(w, dir, err);
    if (rc == AK_OK)
        rc = ak_witness_key_load(&w->key, w->keys_fd, KEY_NAME, err);
    if (rc == AK_OK)
        rc = take_logs(w, policy, err);
    if (rc == AK_OK)
        rc = load_all(w, err);
    if (rc != AK_OK)
        ak_witness_close(w);
    return rc;
}

void ak_witness_close(struct ak_witness *w)
{
    int *fd[] = {&w->tmp_fd, &w->forks_fd, &w->logs_fd, &w->keys_fd, &w->lock_fd, &w->dir_fd};

    for (size_t i = 0; w->log != NULL && i < w->log_count; i++)
        ak_witness_record_free(&w->log[i].record);
    free(w->log);
    w->log = NULL;
    w->log_count = 0;
    ak_witness_key_free(w->key);
    w->key = NULL;
    for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++) {
        if (*fd[i] >= 0)
            (void)close(*fd[i]);
        *fd[i] = -1;
    }
}
