/* ended.c - reads what is left of a log, in a store at rest. */
#include "ended.h"

#include "disk.h"
#include "keys.h"
#include "log.h"
#include "store_list.h"

#include <akashi/log_tree.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_BYTES    (8u + AK_HASH_BYTES) /* keys.h: u64 size, root */
#define COSIGNED_BYTES sizeof("00000000000000000000.cosigned")
#define PATH_BYTES     4200u

/* ---- what the old log is ---- */

/* Its first start note names origin and keys; the published checkpoint is not needed. */
static enum ak_code read_start(struct ak_ended *e, struct ak_error *err)
{
    uint8_t *note = NULL;
    struct ak_vkey named;
    size_t len;
    enum ak_code rc = ak_log_tree_epoch_note(e->tree, 0, false, &note, &len, err);

    if (rc == AK_OK)
        rc = ak_epoch_note_parse(&e->start, note, len, ak_log_tree_origin(e->tree), err);
    named = e->start.log;
    if (rc == AK_OK)
        rc = ak_epoch_note_verify(&e->start, note, len, &named, NULL, err);
    free(note);
    if (rc != AK_OK) {
        ak_wrap(err, "the first entry of log %s, which names its keys, cannot be read", e->log);
        return rc;
    }
    memcpy(e->said.origin, e->start.origin, sizeof(e->said.origin));
    e->said.key = e->start.log;
    return AK_OK;
}

static bool root_of(struct ak_log_tree *tree, uint64_t size, struct ak_hash *root)
{
    struct ak_range range;

    return ak_log_tree_range(tree, 0, size, &range, NULL) == AK_OK &&
           ak_range_root(&range, root, NULL) == AK_OK;
}

static enum ak_code open_tree(struct ak_ended *e, enum ak_log_tree_manner manner,
                              struct ak_error *err)
{
    char path[PATH_BYTES];
    int n = snprintf(path, sizeof(path), "%s/%s", e->path, e->id);

    if (n < 0 || (size_t)n >= sizeof(path))
        return ak_fail(err, AK_ELIMIT, "the store's path is too long");
    ak_log_tree_close(e->tree);
    e->tree = NULL;
    return ak_log_tree_open(&e->tree, path, NULL, manner, err);
}

/* Size and root of what is there; past damage by the careful manner. */
static enum ak_code read_size(struct ak_ended *e, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    for (unsigned i = 0; i < 2; i++) {
        e->said.size = ak_log_tree_end(e->tree);
        if (e->said.size > 0 && root_of(e->tree, e->said.size, &e->said.root))
            return AK_OK;
        rc = i == 0 ? open_tree(e, AK_LOG_TREE_CAREFUL, err) : AK_OK;
        if (rc != AK_OK)
            return rc;
    }
    return ak_fail(
        err, AK_EINTEGRITY,
        "log %s is damaged: its tree cannot be computed. akashi-verify check %s/%s names "
        "the place; bring back a good copy of that file, then succeed",
        e->log, e->path, e->id);
}

/* ---- what is known of it ---- */

/* Keeps a checkpoint by its size; the smallest makes room where there is none. Takes `text`. */
static void keep_note(struct ak_ended *e, char *text, size_t len,
                      const struct ak_checkpoint *checkpoint)
{
    struct ak_succession *said = &e->said;
    unsigned at = 0;

    while (at < said->note_count && said->note[at].checkpoint.size < checkpoint->size)
        at++;
    if ((at < said->note_count && said->note[at].checkpoint.size == checkpoint->size) ||
        (said->note_count == AK_SUCCESSION_NOTES_MAX && at == 0)) {
        free(text);
        return;
    }
    if (said->note_count == AK_SUCCESSION_NOTES_MAX) {
        free(e->note[0]);
        at--;
        memmove(&e->note[0], &e->note[1], at * sizeof(e->note[0]));
        memmove(&said->note[0], &said->note[1], at * sizeof(said->note[0]));
    } else {
        unsigned behind = said->note_count++ - at;
        memmove(&e->note[at + 1], &e->note[at], behind * sizeof(e->note[0]));
        memmove(&said->note[at + 1], &said->note[at], behind * sizeof(said->note[0]));
    }
    e->note[at] = text;
    said->note[at] =
        (struct ak_succession_note){.text = text, .len = len, .checkpoint = *checkpoint};
}

/* A checkpoint in a file; it must carry a valid line of the old log's key. */
static enum ak_code take_note(struct ak_ended *e, int dir_fd, const char *name,
                              struct ak_error *err)
{
    struct ak_log_checkpoint judged;
    unsigned char *data;
    size_t len;
    enum ak_code rc =
        ak_disk_read(dir_fd, name, AK_SUCCESSION_NOTE_BYTES_MAX, &data, &len, NULL, NULL, err);

    if (rc == AK_OK) {
        rc = ak_log_checkpoint_verify(&e->said.key, NULL, data, len, &judged, err);
        if (rc == AK_OK)
            keep_note(e, (char *)data, len, &judged.checkpoint);
        else
            free(data);
    }
    if (rc != AK_OK)
        ak_wrap(err, "%s", name);
    return rc;
}

/* What lies in the log's own directory: what cannot be used there is told and left out. */
static void take_own(struct ak_ended *e, int dir_fd, const char *name)
{
    struct ak_error err = {0};

    if (take_note(e, dir_fd, name, &err) != AK_OK && err.code != AK_ENOTFOUND)
        ak_log(AK_LOG_WARNING, "log %s: this checkpoint is not named in the successor: %s", e->log,
               err.text);
}

static void on_name(void *ctx, const struct ak_list_file *file)
{
    char *newest = ctx;

    if (file->type == AK_LIST_COSIGNED && strcmp(file->name, newest) > 0)
        (void)snprintf(newest, COSIGNED_BYTES, "%s", file->name);
}

/* The newest checkpoint that witnesses have signed, and the published one. */
static enum ak_code take_directory(struct ak_ended *e, struct ak_error *err)
{
    char newest[COSIGNED_BYTES] = "";
    int fd;
    enum ak_code rc = ak_list_open_dir(e->store->fd, e->id, &fd, err);

    if (rc == AK_OK)
        rc = ak_list_each_name(fd, on_name, newest, err);
    if (rc != AK_OK)
        ak_wrap(err, "could not list the directory of log %s", e->log);
    if (rc == AK_OK && newest[0] != '\0')
        take_own(e, fd, newest);
    if (rc == AK_OK)
        take_own(e, fd, "checkpoint");
    if (fd >= 0)
        (void)close(fd); /* only read through */
    return rc;
}

/* What lies beside the keys says what they signed last, also where the keys are gone. */
static void take_state(struct ak_ended *e)
{
    char path[AK_LOG_ID_CHARS + sizeof("/state")];
    unsigned char *data;
    size_t len;

    (void)snprintf(path, sizeof(path), "%s/state", e->id);
    if (ak_disk_read(e->store->keys_fd, path, STATE_BYTES, &data, &len, NULL, NULL, NULL) != AK_OK)
        return;
    if (len == STATE_BYTES) {
        for (unsigned i = 0; i < 8; i++)
            e->said.signed_size = e->said.signed_size << 8 | data[i];
        memcpy(e->said.signed_root.b, data + 8, AK_HASH_BYTES);
        e->said.has_signed = e->said.signed_size > 0 && e->said.signed_size <= AK_TREE_SIZE_MAX;
    }
    free(data);
}

/* The greatest size that anything speaks of. */
static void take_known(struct ak_ended *e)
{
    struct ak_succession *said = &e->said;

    said->known = said->size;
    if (said->has_signed && said->signed_size > said->known)
        said->known = said->signed_size;
    if (said->note_count > 0 && said->note[said->note_count - 1].checkpoint.size > said->known)
        said->known = said->note[said->note_count - 1].checkpoint.size;
}

enum ak_code ak_ended_read(struct ak_ended *e, struct ak_error *err)
{
    enum ak_code rc = open_tree(e, AK_LOG_TREE_QUICK, err);

    if (rc == AK_OK)
        rc = read_start(e, err);
    if (rc == AK_OK)
        rc = read_size(e, err);
    if (rc == AK_OK)
        rc = take_directory(e, err);
    if (rc == AK_OK) {
        take_state(e);
        take_known(e);
    }
    return rc;
}

enum ak_code ak_ended_add(struct ak_ended *e, const char *file, struct ak_error *err)
{
    enum ak_code rc = take_note(e, AT_FDCWD, file, err);

    if (rc != AK_OK) {
        ak_wrap(err, "--checkpoint");
        return err != NULL ? (err->code = AK_EUSAGE) : rc;
    }
    take_known(e);
    return AK_OK;
}

bool ak_ended_key_is_elsewhere(const struct ak_ended *e)
{
    char path[AK_LOG_ID_CHARS + sizeof("/log.source")];

    (void)snprintf(path, sizeof(path), "%s/log.source", e->id);
    return faccessat(e->store->keys_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool ak_ended_can_be_signed(const struct ak_ended *e)
{
    struct ak_keys *keys = NULL;
    bool can = e->said.known == e->said.size &&
               !ak_keys_are_revoked(e->store->keys_fd, e->said.origin) &&
               (ak_ended_key_is_elsewhere(e) ||
                ak_keys_load(e->store->keys_fd, e->said.origin, &keys, NULL) == AK_OK);

    ak_keys_free(keys);
    return can;
}

void ak_ended_free(struct ak_ended *e)
{
    ak_log_tree_close(e->tree);
    for (unsigned i = 0; i < AK_SUCCESSION_NOTES_MAX; i++)
        free(e->note[i]);
}
