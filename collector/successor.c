/* successor.c - the steps of a successor, each durable before the next:
 *
 *   - make: keys/ID with its mark (MAKING); ID/ with entries 0 and 1; NAME.next in `names`; the
 *     mark says WAITING
 *
 *   - follow: the mark has the command's words; in `names` the old log is NAME-1 and the successor
 *     NAME; the mark says FOLLOWED
 *
 *   - erase: the old log's secrets are gone
 *
 *   - end: the mark says ENDED
 *
 * Records are taken in from WAITING on, so what is MAKING without a line in `names` holds none. */
#include "successor.h"

#include "disk.h"
#include "ended.h"
#include "init.h"
#include "keys.h"
#include "log.h"
#include "store_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_TRIES   1000u /* endings -1, -2, ... of a closed log's name */
#define ENDING_BYTES 8u    /* "-1000" and to spare */

/* ---- made ---- */

/* "power-a.example/syslog" becomes "power-a.example/syslog/2", and that ".../3". */
static enum ak_code name_origin(const char *old, char *origin, struct ak_error *err)
{
    size_t len = strlen(old) - AK_LOG_ID_CHARS - 1;
    const char *slash = memrchr(old, '/', len);
    size_t digits = slash == NULL ? 0 : strspn(slash + 1, "0123456789");
    unsigned long number = 1;
    int n;

    if (slash != NULL && digits > 0 && digits <= 6 && slash + 1 + digits == old + len &&
        slash[1] != '0')
        number = strtoul(slash + 1, NULL, 10);
    if (number >= 2)
        len = (size_t)(slash - old);
    n = snprintf(origin, AK_LOG_ORIGIN_BYTES_MAX + 1, "%.*s/%lu", (int)len, old, number + 1);
    if (n < 0 || (size_t)n + 1 + AK_LOG_ID_CHARS > AK_LOG_ORIGIN_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "the origin %s has no room for /%lu", old, number + 1);
    return AK_OK;
}

/* A log that needs no successor gets none by mistake. */
static enum ak_code check_need(const struct ak_successor_options *options,
                               const struct ak_ended *old, struct ak_error *err)
{
    if (!options->needed || options->reason != NULL || !ak_ended_can_be_signed(old))
        return AK_OK;
    return ak_fail(err, AK_EUSAGE,
                   "log %s can be signed as it is: its keys are there, and no checkpoint is newer "
                   "than the store. Start the collector. If the key was stolen, say so with "
                   "--reason TEXT; if a newer checkpoint is known, give it with --checkpoint FILE",
                   options->log);
}

/* The command by which this very log was opened, given once more, is no word against it. */
static enum ak_code check_again(const struct ak_successor_options *options,
                                const struct ak_ended *old, struct ak_error *err)
{
    if (!options->again || !ak_ended_can_be_signed(old))
        return AK_OK;
    return ak_fail(err, AK_EUSAGE,
                   "log %s: this very command was given before, and ended: it opened %s, which "
                   "goes on. Nothing was done now. Its vkey: akashi-collector key show; if it too "
                   "shall be closed, say in --reason what is new",
                   options->log, old->said.origin);
}

static enum ak_code make(const struct ak_successor_options *options, struct ak_ended *old,
                         const char *source, struct ak_error *err)
{
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    char id[AK_LOG_ID_CHARS + 1];
    const struct ak_init_options init = {.store = options->path,
                                         .log = options->log,
                                         .origin = origin,
                                         .epochs = old->start.epochs,
                                         .source = source};
    struct ak_init_successor successor = {
        .old = old->id, .old_key = old->said.key.key, .cause = options->cause};
    char *event = NULL;
    enum ak_code rc = name_origin(old->said.origin, origin, err);

    if (rc == AK_OK)
        rc = ak_succession_make(&old->said, &event, &successor.event_len, err);
    successor.event = event;
    if (rc == AK_OK)
        rc = ak_init_successor(options->store, &init, &successor, id, err);
    free(event);
    return rc;
}

/* A key from elsewhere that cannot be had, or is the old log's, must not keep records out. */
static enum ak_code make_with_source(const struct ak_successor_options *options,
                                     struct ak_ended *old, struct ak_error *err)
{
    struct ak_error why = {0};
    enum ak_code rc = make(options, old, options->source, &why);

    if (rc == AK_OK || options->source == NULL || options->source_asked || rc != AK_EKEY) {
        if (rc != AK_OK && err != NULL)
            *err = why;
        return rc;
    }
    ak_log(AK_LOG_WARNING, "log %s: the log key of its successor is made in a file: %s",
           options->log, why.text);
    (void)ak_successor_mend(options->store, false, NULL);
    return make(options, old, NULL, err);
}

enum ak_code ak_successor_make(const struct ak_successor_options *options, struct ak_error *err)
{
    struct ak_ended *old = calloc(1, sizeof(*old));
    enum ak_code rc;

    if (old == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to succeed a log");
    old->store = options->store;
    old->path = options->path;
    old->log = options->log;
    rc = ak_store_find(options->store->fd, options->log, old->id, err);
    if (rc == AK_OK)
        rc = ak_ended_read(old, err);
    if (rc == AK_OK)
        rc = check_again(options, old, err);
    for (size_t i = 0; rc == AK_OK && i < options->checkpoint_count; i++)
        rc = ak_ended_add(old, options->checkpoint[i], err);
    if (rc == AK_OK)
        rc = check_need(options, old, err);
    old->said.reason = options->reason;
    if (rc == AK_OK)
        rc = make_with_source(options, old, err);
    ak_ended_free(old);
    free(old);
    return rc;
}

/* ---- found ---- */

static int open_keys(const struct ak_store *store, const char *id)
{
    return openat(store->keys_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

enum ak_code ak_successor_mark_of(const struct ak_store *store, const char *id,
                                  struct ak_successor_mark *mark, struct ak_error *err)
{
    int fd = open_keys(store, id);
    enum ak_code rc;

    memset(mark, 0, sizeof(*mark));
    if (fd < 0)
        return ak_fail_errno(err, errno, "open keys/%s", id);
    rc = ak_successor_mark_read(fd, mark, err);
    (void)close(fd);
    if (rc != AK_OK)
        ak_wrap(err, "keys/%s", id);
    return rc;
}

enum ak_code ak_successor_find(const struct ak_store *store, const char *log,
                               char id[AK_LOG_ID_CHARS + 1], struct ak_successor_mark *mark,
                               struct ak_error *err)
{
    char next[AK_STORE_NAME_BYTES_MAX + 1];
    enum ak_code rc;

    ak_store_next_name(log, next);
    rc = ak_store_find(store->fd, next, id, err);
    /* Its keys may be gone, as all keys may: it waits all the same. */
    if (rc == AK_OK && ak_successor_mark_of(store, id, mark, NULL) != AK_OK)
        memset(mark, 0, sizeof(*mark));
    return rc;
}

/* ---- mended ---- */

/* Names in a directory, one at a time, while they are removed; false at the end. */
static bool any_name(int dir_fd, char name[NAME_MAX + 1])
{
    DIR *dir = ak_list_stream(dir_fd, NULL);
    const struct dirent *entry;
    bool found = false;

    while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
        /* The mark goes last: with it the rest is found again. */
        found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
                strcmp(entry->d_name, AK_SUCCESSOR_MARK_FILE) != 0;
        if (found)
            (void)snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
    }
    if (dir != NULL)
        (void)closedir(dir);
    return found;
}

/* Removes a directory of files, which are overwritten. */
static enum ak_code clear(int parent_fd, const char *id, struct ak_error *err)
{
    int fd = openat(parent_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    char name[NAME_MAX + 1];
    enum ak_code rc = AK_OK;

    if (fd < 0)
        return errno == ENOENT ? AK_OK : ak_fail_errno(err, errno, "open %s", id);
    while (rc == AK_OK && any_name(fd, name))
        rc = ak_disk_wipe(fd, name, err);
    if (rc == AK_OK && faccessat(fd, AK_SUCCESSOR_MARK_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        rc = ak_disk_unlink(fd, AK_SUCCESSOR_MARK_FILE, err);
    (void)close(fd);
    return rc == AK_OK ? ak_disk_rmdir(parent_fd, id, err) : rc;
}

/* A directory of keys/ that no line names and that holds no more than a mark cut short: a crash
 * came before the first secret. */
static bool holds_nothing(int fd)
{
    char name[NAME_MAX + 1];

    return !any_name(fd, name) || strcmp(name, AK_SUCCESSOR_MARK_FILE ".new") == 0;
}

static enum ak_code mend_one(const struct ak_store *store, const char *id, int fd, bool finish,
                             struct ak_error *err)
{
    char name[AK_STORE_NAME_BYTES_MAX + 1];
    struct ak_successor_mark mark;
    enum ak_code rc = ak_store_name_of(store->fd, id, name, err);
    bool named = rc == AK_OK;
    bool waits = named && strstr(name, AK_STORE_NEXT) != NULL;

    if (!named && rc != AK_ENOTFOUND)
        return rc;
    rc = ak_successor_mark_read(fd, &mark, err);
    if (!named && mark.state == AK_SUCCESSOR_NONE && holds_nothing(fd))
        return clear(store->keys_fd, id, err);
    if (!named && mark.state == AK_SUCCESSOR_MAKING) {
        rc = clear(store->fd, id, err);
        return rc == AK_OK ? clear(store->keys_fd, id, err) : rc;
    }
    if (rc != AK_OK || mark.state == AK_SUCCESSOR_NONE || !named)
        return rc;
    if (waits && mark.state == AK_SUCCESSOR_MAKING) {
        mark.state = AK_SUCCESSOR_WAITING;
        return ak_successor_mark_put(fd, &mark, err);
    }
    if (!waits && mark.state < AK_SUCCESSOR_FOLLOWED) {
        mark.state = AK_SUCCESSOR_FOLLOWED;
        rc = ak_successor_mark_put(fd, &mark, err);
    }
    return rc == AK_OK && !waits && finish ? ak_successor_erase_old(store, id, err) : rc;
}

/* The directories of keys/, listed before any of them is touched. */
static enum ak_code list_keys(const struct ak_store *store, char (**ids)[AK_LOG_ID_CHARS + 1],
                              size_t *count, struct ak_error *err)
{
    DIR *dir = ak_list_stream(store->keys_fd, err);
    const struct dirent *entry;
    enum ak_code rc = AK_OK;

    *ids = NULL;
    *count = 0;
    if (dir == NULL) {
        ak_wrap(err, "could not list keys");
        return AK_EIO;
    }
    while (rc == AK_OK && (entry = readdir(dir)) != NULL) {
        char(*grown)[AK_LOG_ID_CHARS + 1];
        if (strlen(entry->d_name) != AK_LOG_ID_CHARS ||
            strspn(entry->d_name, "0123456789abcdef") != AK_LOG_ID_CHARS)
            continue;
        grown = realloc(*ids, (*count + 1) * sizeof(**ids));
        if (grown == NULL) {
            rc = ak_fail(err, AK_ENOMEM, "no memory to list keys");
            break;
        }
        *ids = grown;
        memcpy(grown[(*count)++], entry->d_name, sizeof(**ids));
    }
    (void)closedir(dir);
    return rc;
}

enum ak_code ak_successor_mend(const struct ak_store *store, bool finish, struct ak_error *err)
{
    char(*ids)[AK_LOG_ID_CHARS + 1];
    size_t count;
    enum ak_code rc = list_keys(store, &ids, &count, err);

    for (size_t i = 0; i < count; i++) {
        int fd = open_keys(store, ids[i]);
        enum ak_code one =
            fd < 0 ? AK_OK : mend_one(store, ids[i], fd, finish, rc == AK_OK ? err : NULL);
        if (one != AK_OK && rc == AK_OK) {
            ak_wrap(err, "keys/%s", ids[i]);
            rc = one;
        }
        if (fd >= 0)
            (void)close(fd);
    }
    free(ids);
    return rc;
}

/* ---- follows ---- */

/* The first of NAME-1, NAME-2, ... that no log has. */
static enum ak_code name_closed(const struct ak_store *store, const char *log, char *closed,
                                struct ak_error *err)
{
    char id[AK_LOG_ID_CHARS + 1];

    for (unsigned i = 1; i <= NAME_TRIES; i++) {
        enum ak_code rc;
        (void)snprintf(closed, AK_LOG_NAME_BYTES_MAX + 1, "%.*s-%u",
                       (int)(AK_LOG_NAME_BYTES_MAX - ENDING_BYTES), log, i);
        rc = ak_store_find(store->fd, closed, id, err);
        if (rc != AK_OK)
            return rc == AK_ENOTFOUND ? AK_OK : rc;
    }
    return ak_fail(err, AK_ELIMIT, "no name is left for the old log: %s-1 to %s-%u are taken", log,
                   log, NAME_TRIES);
}

enum ak_code ak_successor_follow(const struct ak_store *store, const char *log, const char *words,
                                 char *closed, struct ak_error *err)
{
    struct ak_successor_mark mark;
    char id[AK_LOG_ID_CHARS + 1];
    enum ak_code rc = ak_successor_find(store, log, id, &mark, err);
    int fd = rc == AK_OK ? open_keys(store, id) : -1;

    if (rc == AK_OK && fd < 0)
        rc = ak_fail_errno(err, errno, "open keys/%s", id);
    if (rc == AK_OK && mark.state != AK_SUCCESSOR_WAITING)
        rc = ak_fail(err, AK_EKEY,
                     "keys/%s has no mark that its log waits: bring back the newest copy of the "
                     "keys' directory",
                     id);
    if (rc == AK_OK)
        rc = name_closed(store, log, closed, err);
    (void)snprintf(mark.words, sizeof(mark.words), "%s", words);
    if (rc == AK_OK) /* before the name is changed over: there is no moment without them */
        rc = ak_successor_mark_put(fd, &mark, err);
    if (rc == AK_OK)
        rc = ak_store_succeed(store, log, closed, err);
    mark.state = AK_SUCCESSOR_FOLLOWED;
    if (rc == AK_OK)
        rc = ak_successor_mark_put(fd, &mark, err);
    if (fd >= 0)
        (void)close(fd);
    return rc;
}

enum ak_code ak_successor_erase_old(const struct ak_store *store, const char *id,
                                    struct ak_error *err)
{
    struct ak_successor_mark mark;
    enum ak_code rc = ak_successor_mark_of(store, id, &mark, err);
    int fd;

    if (rc != AK_OK || mark.state != AK_SUCCESSOR_FOLLOWED)
        return rc;
    fd = open_keys(store, mark.old);
    if (fd < 0)
        return AK_OK; /* they were lost before */
    if (faccessat(fd, "log.source", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        ak_log(AK_LOG_WARNING,
               "keys/%s: the log key of the log that was closed lies in a token or credential, "
               "which is not erased; remove it there",
               mark.old);
    rc = ak_keys_erase(fd, err);
    (void)close(fd);
    if (rc != AK_OK)
        ak_wrap(err, "keys/%s: an old secret key is left and must be removed", mark.old);
    return rc;
}

enum ak_code ak_successor_end(const struct ak_store *store, const char *id, struct ak_error *err)
{
    struct ak_successor_mark mark;
    int fd = open_keys(store, id);
    enum ak_code rc;

    if (fd < 0)
        return ak_fail_errno(err, errno, "open keys/%s", id);
    rc = ak_successor_mark_read(fd, &mark, err);
    if (rc == AK_OK && mark.state == AK_SUCCESSOR_FOLLOWED) {
        mark.state = AK_SUCCESSOR_ENDED;
        rc = ak_successor_mark_put(fd, &mark, err);
    }
    (void)close(fd);
    return rc;
}
