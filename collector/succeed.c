/* succeed.c - closes a log at what is there, and opens its successor.
 *
 *     store and lock -> what the old log is (origin, key, size, root) -> what is known of it
 *     (checkpoints, state of its keys) -> successor with that as its entry 1 -> `names` -> old
 *     secrets erased
 *
 * A crash before the line in `names` leaves a directory that no list names, as of an init; behind
 * it the successor is in force, and only old secrets may be left over. */
#include "succeed.h"

#include "disk.h"
#include "init.h"
#include "keys.h"
#include "log.h"

#include <akashi/epoch.h>
#include <akashi/log_tree.h>
#include <akashi/succession.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND "akashi-collector succeed"

#define STATE_BYTES     (8u + AK_HASH_BYTES) /* keys.h: u64 size, root */
#define SIZE_DIGITS     20u
#define COSIGNED_ENDING ".cosigned"
#define NAME_TRIES      1000u /* endings -1, -2, ... of a closed log's name */
#define ENDING_BYTES    8u    /* "-1000" and to spare */
#define PATH_BYTES      4200u

struct succeed {
    const struct ak_succeed_options *options;
    struct ak_store store;
    char id[AK_LOG_ID_CHARS + 1];
    struct ak_log_tree *tree;
    struct ak_epoch_note start;
    struct ak_succession said;
    char *note[AK_SUCCESSION_NOTES_MAX];      /* what `said.note` borrows from */
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1]; /* name of the successor's origin */
    char closed[AK_LOG_NAME_BYTES_MAX + 1];
};

/* ---- what the old log is ---- */

/* Its first start note names origin and keys; the published checkpoint is not needed. */
static enum ak_code read_start(struct succeed *s, struct ak_error *err)
{
    uint8_t *note = NULL;
    struct ak_vkey named;
    size_t len;
    enum ak_code rc = ak_log_tree_epoch_note(s->tree, 0, false, &note, &len, err);

    if (rc == AK_OK)
        rc = ak_epoch_note_parse(&s->start, note, len, ak_log_tree_origin(s->tree), err);
    named = s->start.log;
    if (rc == AK_OK)
        rc = ak_epoch_note_verify(&s->start, note, len, &named, NULL, err);
    free(note);
    if (rc != AK_OK) {
        ak_wrap(err, "the first entry of log %s, which names its keys, cannot be read",
                s->options->log);
        return rc;
    }
    memcpy(s->said.origin, s->start.origin, sizeof(s->said.origin));
    s->said.key = s->start.log;
    return AK_OK;
}

static bool root_of(struct ak_log_tree *tree, uint64_t size, struct ak_hash *root)
{
    struct ak_range range;

    return ak_log_tree_range(tree, 0, size, &range, NULL) == AK_OK &&
           ak_range_root(&range, root, NULL) == AK_OK;
}

static enum ak_code open_tree(struct succeed *s, enum ak_log_tree_manner manner,
                              struct ak_error *err)
{
    char path[PATH_BYTES];
    int n = snprintf(path, sizeof(path), "%s/%s", s->options->store, s->id);

    if (n < 0 || (size_t)n >= sizeof(path))
        return ak_fail(err, AK_ELIMIT, "the store's path is too long");
    ak_log_tree_close(s->tree);
    s->tree = NULL;
    return ak_log_tree_open(&s->tree, path, NULL, manner, err);
}

/* Size and root of what is there; past damage by the careful manner. */
static enum ak_code read_size(struct succeed *s, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    for (unsigned i = 0; i < 2; i++) {
        s->said.size = ak_log_tree_end(s->tree);
        if (s->said.size > 0 && root_of(s->tree, s->said.size, &s->said.root))
            return AK_OK;
        rc = i == 0 ? open_tree(s, AK_LOG_TREE_CAREFUL, err) : AK_OK;
        if (rc != AK_OK)
            return rc;
    }
    return ak_fail(
        err, AK_EINTEGRITY,
        "log %s is damaged: its tree cannot be computed. akashi-verify check %s/%s names "
        "the place; bring back a good copy of that file, then succeed",
        s->options->log, s->options->store, s->id);
}

/* ---- what is known of it ---- */

/* Keeps a checkpoint by its size; the smallest makes room where there is none. Takes `text`. */
static void keep_note(struct succeed *s, char *text, size_t len,
                      const struct ak_checkpoint *checkpoint)
{
    struct ak_succession *said = &s->said;
    unsigned at = 0;

    while (at < said->note_count && said->note[at].checkpoint.size < checkpoint->size)
        at++;
    if ((at < said->note_count && said->note[at].checkpoint.size == checkpoint->size) ||
        (said->note_count == AK_SUCCESSION_NOTES_MAX && at == 0)) {
        free(text);
        return;
    }
    if (said->note_count == AK_SUCCESSION_NOTES_MAX) {
        free(s->note[0]);
        at--;
        memmove(&s->note[0], &s->note[1], at * sizeof(s->note[0]));
        memmove(&said->note[0], &said->note[1], at * sizeof(said->note[0]));
    } else {
        unsigned behind = said->note_count++ - at;
        memmove(&s->note[at + 1], &s->note[at], behind * sizeof(s->note[0]));
        memmove(&said->note[at + 1], &said->note[at], behind * sizeof(said->note[0]));
    }
    s->note[at] = text;
    said->note[at] =
        (struct ak_succession_note){.text = text, .len = len, .checkpoint = *checkpoint};
}

/* A checkpoint in a file; it must carry a valid line of the old log's key. */
static enum ak_code take_note(struct succeed *s, int dir_fd, const char *name, struct ak_error *err)
{
    struct ak_log_checkpoint judged;
    unsigned char *data;
    size_t len;
    enum ak_code rc =
        ak_disk_read(dir_fd, name, AK_SUCCESSION_NOTE_BYTES_MAX, &data, &len, NULL, NULL, err);

    if (rc == AK_OK) {
        rc = ak_log_checkpoint_verify(&s->said.key, NULL, data, len, &judged, err);
        if (rc == AK_OK)
            keep_note(s, (char *)data, len, &judged.checkpoint);
        else
            free(data);
    }
    if (rc != AK_OK)
        ak_wrap(err, "%s", name);
    return rc;
}

/* What lies in the log's own directory: what cannot be used there is told and left out. */
static void take_own(struct succeed *s, int dir_fd, const char *name)
{
    struct ak_error err = {0};

    if (take_note(s, dir_fd, name, &err) != AK_OK && err.code != AK_ENOTFOUND)
        ak_log(AK_LOG_WARNING, "log %s: this checkpoint is not named in the successor: %s",
               s->options->log, err.text);
}

static bool is_cosigned(const char *name)
{
    return strspn(name, "0123456789") == SIZE_DIGITS &&
           strcmp(name + SIZE_DIGITS, COSIGNED_ENDING) == 0;
}

/* The newest checkpoint that witnesses have signed, and the published one. */
static enum ak_code take_directory(struct succeed *s, struct ak_error *err)
{
    char newest[SIZE_DIGITS + sizeof(COSIGNED_ENDING)] = "";
    int fd = openat(s->store.fd, s->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;

    if (dir == NULL) {
        enum ak_code rc =
            ak_fail_errno(err, errno, "could not list the directory of log %s", s->options->log);
        if (copy >= 0)
            (void)close(copy);
        if (fd >= 0)
            (void)close(fd);
        return rc;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (is_cosigned(entry->d_name) && strcmp(entry->d_name, newest) > 0)
            memcpy(newest, entry->d_name, SIZE_DIGITS + sizeof(COSIGNED_ENDING));
    }
    (void)closedir(dir);
    if (newest[0] != '\0')
        take_own(s, fd, newest);
    take_own(s, fd, "checkpoint");
    (void)close(fd); /* only read through */
    return AK_OK;
}

/* What lies beside the keys says what they signed last, also where the keys are gone. */
static void take_state(struct succeed *s)
{
    char path[AK_LOG_ID_CHARS + sizeof("/state")];
    unsigned char *data;
    size_t len;

    (void)snprintf(path, sizeof(path), "%s/state", s->id);
    if (ak_disk_read(s->store.keys_fd, path, STATE_BYTES, &data, &len, NULL, NULL, NULL) != AK_OK)
        return;
    if (len == STATE_BYTES) {
        for (unsigned i = 0; i < 8; i++)
            s->said.signed_size = s->said.signed_size << 8 | data[i];
        memcpy(s->said.signed_root.b, data + 8, AK_HASH_BYTES);
        s->said.has_signed = s->said.signed_size > 0 && s->said.signed_size <= AK_TREE_SIZE_MAX;
    }
    free(data);
}

static enum ak_code gather(struct succeed *s, struct ak_error *err)
{
    enum ak_code rc = take_directory(s, err);

    for (size_t i = 0; rc == AK_OK && i < s->options->checkpoint_count; i++) {
        rc = take_note(s, AT_FDCWD, s->options->checkpoint[i], err);
        if (rc != AK_OK) {
            ak_wrap(err, "--checkpoint");
            rc = err != NULL ? (err->code = AK_EUSAGE) : rc;
        }
    }
    if (rc == AK_OK)
        take_state(s);
    s->said.reason = s->options->reason;
    s->said.known = s->said.size;
    if (s->said.has_signed && s->said.signed_size > s->said.known)
        s->said.known = s->said.signed_size;
    if (s->said.note_count > 0 &&
        s->said.note[s->said.note_count - 1].checkpoint.size > s->said.known)
        s->said.known = s->said.note[s->said.note_count - 1].checkpoint.size;
    return rc;
}

/* Whether the log key lies elsewhere (keys_source.h): in a token, or a credential that this process
 * was not given. */
static bool key_is_elsewhere(const struct succeed *s)
{
    char path[AK_LOG_ID_CHARS + sizeof("/log.source")];

    (void)snprintf(path, sizeof(path), "%s/log.source", s->id);
    return faccessat(s->store.keys_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A log that needs no successor gets none by mistake. */
static enum ak_code check_need(struct succeed *s, struct ak_error *err)
{
    struct ak_keys *keys = NULL;
    bool good = s->options->reason == NULL && s->said.known == s->said.size &&
                !ak_keys_are_revoked(s->store.keys_fd, s->said.origin) &&
                (key_is_elsewhere(s) ||
                 ak_keys_load(s->store.keys_fd, s->said.origin, &keys, NULL) == AK_OK);

    ak_keys_free(keys);
    if (!good)
        return AK_OK;
    return ak_fail(err, AK_EUSAGE,
                   "log %s can be signed as it is: its keys are there, and no checkpoint is newer "
                   "than the store. Start the collector. If the key was stolen, say so with "
                   "--reason TEXT; if a newer checkpoint is known, give it with --checkpoint FILE",
                   s->options->log);
}

/* ---- the successor ---- */

/* "power-a.example/syslog" becomes "power-a.example/syslog/2", and that ".../3". */
static enum ak_code name_origin(struct succeed *s, struct ak_error *err)
{
    size_t len = strlen(s->said.origin) - AK_LOG_ID_CHARS - 1;
    const char *slash = memrchr(s->said.origin, '/', len);
    size_t digits = slash == NULL ? 0 : strspn(slash + 1, "0123456789");
    unsigned long number = 1;
    int n;

    if (slash != NULL && digits > 0 && digits <= 6 && slash + 1 + digits == s->said.origin + len &&
        slash[1] != '0')
        number = strtoul(slash + 1, NULL, 10);
    if (number >= 2)
        len = (size_t)(slash - s->said.origin);
    n = snprintf(s->origin, sizeof(s->origin), "%.*s/%lu", (int)len, s->said.origin, number + 1);
    if (n < 0 || (size_t)n + 1 + AK_LOG_ID_CHARS > AK_LOG_ORIGIN_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "the origin %s has no room for /%lu", s->said.origin,
                       number + 1);
    return AK_OK;
}

/* The first of NAME-1, NAME-2, ... that no log has. */
static enum ak_code name_closed(struct succeed *s, struct ak_error *err)
{
    char id[AK_LOG_ID_CHARS + 1];

    for (unsigned i = 1; i <= NAME_TRIES; i++) {
        enum ak_code rc;
        (void)snprintf(s->closed, sizeof(s->closed), "%.*s-%u",
                       (int)(AK_LOG_NAME_BYTES_MAX - ENDING_BYTES), s->options->log, i);
        rc = ak_store_find(s->store.fd, s->closed, id, err);
        if (rc != AK_OK)
            return rc == AK_ENOTFOUND ? AK_OK : rc;
    }
    return ak_fail(err, AK_ELIMIT, "no name is left for the old log: %s-1 to %s-%u are taken",
                   s->options->log, s->options->log, NAME_TRIES);
}

static enum ak_code open_successor(struct succeed *s, struct ak_vkey *vkey, struct ak_error *err)
{
    const struct ak_init_options options = {.store = s->options->store,
                                            .log = s->options->log,
                                            .origin = s->origin,
                                            .epochs = s->start.epochs};
    struct ak_init_successor successor = {.closed = s->closed};
    char *event = NULL;
    enum ak_code rc = ak_succession_make(&s->said, &event, &successor.event_len, err);

    successor.event = event;
    if (rc == AK_OK)
        rc = ak_init_successor(&s->store, &options, &successor, vkey, err);
    free(event);
    return rc;
}

/* Nothing is signed any more with the old keys. */
static void erase_secrets(const struct succeed *s)
{
    static const char *const secret[] = {"epoch.seed", "log.key"};
    int fd = openat(s->store.keys_fd, s->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct ak_error err = {0};

    if (fd < 0)
        return; /* they were lost before */
    if (key_is_elsewhere(s))
        ak_log(AK_LOG_WARNING,
               "log %s: its log key lies in a token or credential, which this command does not "
               "erase; remove it there",
               s->closed);
    for (unsigned i = 0; i < sizeof(secret) / sizeof(secret[0]); i++) {
        if (ak_disk_wipe(fd, secret[i], &err) != AK_OK && err.code != AK_ENOTFOUND)
            ak_log(AK_LOG_WARNING,
                   "log %s: an old secret key is left in keys/%s and should be removed: %s",
                   s->closed, s->id, err.text);
    }
    (void)close(fd); /* only worked through */
}

static enum ak_code work(struct succeed *s, struct ak_succeeded *out, struct ak_error *err)
{
    enum ak_code rc = ak_store_find(s->store.fd, s->options->log, s->id, err);

    if (rc == AK_OK)
        rc = open_tree(s, AK_LOG_TREE_QUICK, err);
    if (rc == AK_OK)
        rc = read_start(s, err);
    if (rc == AK_OK)
        rc = read_size(s, err);
    if (rc == AK_OK)
        rc = gather(s, err);
    if (rc == AK_OK)
        rc = check_need(s, err);
    if (rc == AK_OK)
        rc = name_origin(s, err);
    if (rc == AK_OK)
        rc = name_closed(s, err);
    if (rc == AK_OK)
        rc = open_successor(s, &out->vkey, err);
    if (rc != AK_OK)
        return rc;
    erase_secrets(s);
    memcpy(out->old_origin, s->said.origin, sizeof(out->old_origin));
    memcpy(out->closed, s->closed, sizeof(out->closed));
    out->size = s->said.size;
    out->lost = ak_succession_lost(&s->said);
    return AK_OK;
}

enum ak_code ak_succeed(const struct ak_succeed_options *options, struct ak_succeeded *out,
                        struct ak_error *err)
{
    struct succeed *s;
    enum ak_code rc;

    if (!ak_log_name_valid(options->log))
        return ak_fail(err, AK_EUSAGE, "log name %s: it must be 1 to %u of a-z, 0-9 and '-'",
                       options->log, AK_LOG_NAME_BYTES_MAX);
    s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to succeed a log");
    s->options = options;
    rc = ak_store_open(options->store, COMMAND, NULL, &s->store, err);
    if (rc == AK_OK) {
        rc = work(s, out, err);
        ak_store_close(&s->store);
    } else if (rc == AK_EBUSY) {
        ak_wrap(err, "stop the collector first: a successor is opened in a store at rest");
    }
    ak_log_tree_close(s->tree);
    for (unsigned i = 0; i < AK_SUCCESSION_NOTES_MAX; i++)
        free(s->note[i]);
    free(s);
    return rc;
}
