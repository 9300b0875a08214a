/* succeed.c - the steps of the command, each under the store's lock.
 *
 *     prepare: a successor waits, found or made -> (what the options add: one more event in it) ->
 *     follow: `names` changed over, old secrets erased -> (it is opened and signed) -> end
 *
 * A crash between leaves a successor that waits, or one that follows with its mark: the command
 * given again goes on from either. The next start erases the old secrets, but the command has not
 * ended by that: nobody has seen its answer, and who gives it again means the same succession. */
#include "succeed.h"

#include "disk.h"
#include "ended.h"
#include "keys.h"
#include "log.h"
#include "successor.h"

#include <akashi/base64.h>
#include <akashi/log_tree.h>
#include <akashi/succession.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND    "akashi-collector succeed"
#define PATH_BYTES 4200u

/* What the successor says in its entry 1. `*object` as of ak_succession_read. */
static enum ak_code read_said(const struct ak_succeed_options *options, const char *id,
                              struct ak_succession *said, void **object, uint64_t *entries,
                              struct ak_error *err)
{
    char path[PATH_BYTES];
    struct ak_log_tree *tree = NULL;
    struct ak_log_tree_entry entry;
    int n = snprintf(path, sizeof(path), "%s/%s", options->store, id);
    enum ak_code rc = n < 0 || (size_t)n >= sizeof(path)
                          ? ak_fail(err, AK_ELIMIT, "the store's path is too long")
                          : ak_log_tree_open(&tree, path, NULL, AK_LOG_TREE_QUICK, err);

    *object = NULL;
    if (rc == AK_OK)
        rc = ak_log_tree_entry(tree, AK_SUCCESSION_INDEX, &entry, err);
    if (rc == AK_OK)
        rc = ak_succession_read(said, object, entry.payload, entry.len, err);
    if (rc == AK_OK)
        *entries = ak_log_tree_end(tree);
    else
        ak_wrap(err, "entry 1 of the successor of log %s cannot be read", options->log);
    ak_log_tree_close(tree);
    return rc;
}

/* Whether the event that is there has this checkpoint. */
static bool has_note(const struct ak_succession *said, const struct ak_succession_note *note)
{
    for (unsigned i = 0; i < said->note_count; i++) {
        if (said->note[i].len == note->len &&
            memcmp(said->note[i].text, note->text, note->len) == 0)
            return true;
    }
    return false;
}

/* The event that says what the options add to what the successor said when it was made. */
static enum ak_code make_more(const struct ak_succeed_options *options,
                              const struct ak_store *store, const struct ak_successor_mark *mark,
                              const struct ak_succession *said, struct ak_succeeded *out,
                              struct ak_error *err)
{
    struct ak_ended *given = calloc(1, sizeof(*given));
    bool adds = options->reason != NULL && strcmp(options->reason, said->reason) != 0;
    enum ak_code rc = AK_OK;

    if (given == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to succeed a log");
    given->store = store;
    given->path = options->store;
    given->log = options->log;
    memcpy(given->id, mark->old, sizeof(given->id));
    memcpy(given->said.origin, said->origin, sizeof(said->origin));
    given->said.key = said->key;
    given->said.size = said->size;
    given->said.root = said->root;
    for (size_t i = 0; rc == AK_OK && i < options->checkpoint_count; i++)
        rc = ak_ended_add(given, options->checkpoint[i], err);
    for (unsigned i = 0; rc == AK_OK && i < given->said.note_count; i++)
        adds = adds || !has_note(said, &given->said.note[i]);
    given->said.reason = options->reason;
    if (rc == AK_OK && given->said.known > out->known)
        out->known = given->said.known;
    if (rc == AK_OK && adds)
        rc = ak_succession_make(&given->said, &out->more, &out->more_len, err);
    ak_ended_free(given);
    free(given);
    return rc;
}

/* Describes the successor with this id. */
static enum ak_code describe(const struct ak_succeed_options *options, const struct ak_store *store,
                             const char *id, const struct ak_successor_mark *mark, bool made,
                             struct ak_succeeded *out, struct ak_error *err)
{
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    struct ak_succession *said = malloc(sizeof(*said));
    void *object = NULL;
    enum ak_code rc = said == NULL ? ak_fail(err, AK_ENOMEM, "no memory to succeed a log")
                                   : ak_store_origin(store->fd, id, origin, err);

    if (rc == AK_OK)
        rc = ak_keys_vkey(store->keys_fd, origin, &out->vkey, err);
    if (rc != AK_OK && rc != AK_ENOMEM)
        rc =
            ak_fail(err, AK_EKEY,
                    "the keys of its successor, which waits, are not there: bring keys/%s back; if "
                    "that is lost, give its line in `names` another name, and this command again",
                    id);
    if (rc == AK_OK)
        rc = read_said(options, id, said, &object, &out->entries, err);
    if (rc == AK_OK) {
        memcpy(out->id, id, AK_LOG_ID_CHARS + 1);
        memcpy(out->old_origin, said->origin, sizeof(out->old_origin));
        out->size = said->size;
        out->known = said->known;
        if (!made && !out->follows)
            rc = make_more(options, store, mark, said, out, err);
    }
    ak_succession_done(object);
    free(said);
    return rc;
}

/* What tells this command from another one: its reason, and what its checkpoints say. */
static enum ak_code take_words(const struct ak_succeed_options *options, struct ak_succeeded *out,
                               struct ak_error *err)
{
    struct ak_sha256_ctx all;
    struct ak_hash one;

    ak_sha256_init(&all);
    if (options->reason != NULL)
        ak_sha256_update(&all, options->reason, strlen(options->reason) + 1);
    for (size_t i = 0; i < options->checkpoint_count; i++) {
        unsigned char *data = NULL;
        size_t len = 0;
        enum ak_code rc = ak_disk_read(AT_FDCWD, options->checkpoint[i],
                                       AK_SUCCESSION_NOTE_BYTES_MAX, &data, &len, NULL, NULL, err);
        if (rc != AK_OK) {
            ak_wrap(err, "--checkpoint: %s", options->checkpoint[i]);
            return err != NULL ? (err->code = AK_EUSAGE) : rc;
        }
        ak_sha256(&one, data, len);
        ak_sha256_update(&all, one.b, sizeof(one.b));
        free(data);
    }
    ak_sha256_final(&all, &one);
    (void)ak_hex_encode(out->words, sizeof(out->words), one.b, sizeof(one.b)); /* always fits */
    return AK_OK;
}

/* Whether the log that has the name was opened by this command, and whether that ended. */
static enum ak_code find_follower(const struct ak_succeed_options *options,
                                  const struct ak_store *store, char id[AK_LOG_ID_CHARS + 1],
                                  struct ak_successor_mark *mark, struct ak_succeeded *out,
                                  struct ak_error *err)
{
    char name[AK_STORE_NAME_BYTES_MAX + 1];
    bool silent = options->reason == NULL && options->checkpoint_count == 0;
    enum ak_code rc = ak_store_find(store->fd, options->log, id, err);
    bool same;

    if (rc != AK_OK || ak_successor_mark_of(store, id, mark, NULL) != AK_OK)
        return rc;
    same = strcmp(mark->words, out->words) == 0;
    out->ended = same && mark->state == AK_SUCCESSOR_ENDED;
    if (mark->state != AK_SUCCESSOR_FOLLOWED)
        return rc;
    rc = ak_store_name_of(store->fd, mark->old, name, err);
    if (rc != AK_OK && rc != AK_ENOTFOUND)
        return rc;
    if (rc == AK_OK && ak_log_name_valid(name)) /* not that of one that waits */
        memcpy(out->closed, name, strlen(name) + 1);
    if (!same && !silent)
        return ak_fail(err, AK_EUSAGE,
                       "log %s is the successor of %s by a command that had another --reason or "
                       "--checkpoint and did not end; nothing was done now. End that one: give it "
                       "without both. If the successor too shall be closed, give this one then",
                       options->log, out->closed[0] != '\0' ? out->closed : mark->old);
    out->follows = true;
    return AK_OK;
}

/* The successor that waits, or the one that follows already, or a new one. */
static enum ak_code prepare(const struct ak_succeed_options *options, const struct ak_store *store,
                            struct ak_succeeded *out, struct ak_error *err)
{
    struct ak_successor_options make = {.store = store,
                                        .path = options->store,
                                        .log = options->log,
                                        .cause = "akashi-collector succeed was given",
                                        .source = options->source,
                                        .source_asked = true,
                                        .reason = options->reason,
                                        .checkpoint = options->checkpoint,
                                        .checkpoint_count = options->checkpoint_count,
                                        .needed = true};
    struct ak_successor_mark mark = {0};
    char id[AK_LOG_ID_CHARS + 1];
    bool made = false;
    enum ak_code rc = ak_successor_mend(store, false, err);

    if (rc == AK_OK)
        rc = take_words(options, out, err);
    if (rc != AK_OK)
        return rc;
    /* One that waits comes first: what was asked for before is of the log that it succeeds. */
    rc = ak_successor_find(store, options->log, id, &mark, err);
    if (rc == AK_ENOTFOUND) {
        rc = find_follower(options, store, id, &mark, out, err);
        made = rc == AK_OK && !out->follows;
        make.again = out->ended;
    }
    if (made)
        rc = ak_successor_make(&make, err);
    if (made && rc == AK_OK)
        rc = ak_successor_find(store, options->log, id, &mark, err);
    return rc == AK_OK ? describe(options, store, id, &mark, made, out, err) : rc;
}

static enum ak_code follow(const struct ak_succeed_options *options, const struct ak_store *store,
                           struct ak_succeeded *out, struct ak_error *err)
{
    enum ak_code rc = out->follows
                          ? AK_OK
                          : ak_successor_follow(store, options->log, out->words, out->closed, err);

    return rc == AK_OK ? ak_successor_erase_old(store, out->id, err) : rc;
}

static enum ak_code lock(const struct ak_succeed_options *options, struct ak_store *store,
                         struct ak_error *err)
{
    enum ak_code rc = ak_store_open(options->store, COMMAND, NULL, store, err);

    if (rc == AK_EBUSY)
        ak_wrap(err, "stop the collector first, give this command, and start it again: that takes "
                     "seconds, and senders that wait for answers go on by themselves");
    return rc;
}

enum ak_code ak_succeed_prepare(const struct ak_succeed_options *options, struct ak_succeeded *out,
                                struct ak_error *err)
{
    struct ak_store store;
    enum ak_code rc;

    memset(out, 0, sizeof(*out));
    if (!ak_log_name_valid(options->log))
        return ak_fail(err, AK_EUSAGE, "log name %s: it must be 1 to %u of a-z, 0-9 and '-'",
                       options->log, AK_LOG_NAME_BYTES_MAX);
    rc = lock(options, &store, err);
    if (rc != AK_OK)
        return rc;
    rc = prepare(options, &store, out, err);
    ak_store_close(&store);
    return rc;
}

enum ak_code ak_succeed_follow(const struct ak_succeed_options *options, struct ak_succeeded *out,
                               struct ak_error *err)
{
    struct ak_store store;
    enum ak_code rc = lock(options, &store, err);

    if (rc != AK_OK)
        return rc;
    rc = follow(options, &store, out, err);
    ak_store_close(&store);
    return rc;
}

enum ak_code ak_succeed_end(const struct ak_succeed_options *options,
                            const struct ak_succeeded *done, struct ak_error *err)
{
    struct ak_store store;
    enum ak_code rc = lock(options, &store, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_successor_end(&store, done->id, err);
    ak_store_close(&store);
    return rc;
}
