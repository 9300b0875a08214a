/* keys_public.c - what is known of a log's keys where nothing can be signed with them: enough to
 * recover the log and to go on receiving, with no secret opened. */
#include "disk.h"
#include "keys_private.h"

#include <akashi/epoch.h>

#include <stdlib.h>
#include <string.h>

/* The start note that ended an epoch, if one lies there: its entry may not be durable yet. */
static enum ak_code load_ending(struct ak_keys *keys, struct ak_error *err)
{
    struct ak_epoch_note note;
    unsigned char *data;
    size_t len;
    enum ak_code rc = ak_disk_read(keys->dir_fd, "epoch.next", AK_EPOCH_NOTE_BYTES_MAX, &data, &len,
                                   NULL, NULL, err);

    if (rc != AK_OK)
        return rc == AK_ENOTFOUND ? AK_OK : rc;
    rc = ak_epoch_note_verify(&note, data, len, &keys->log, NULL, err);
    if (rc != AK_OK) {
        free(data);
        return rc;
    }
    keys->ending = (char *)data;
    keys->ending_len = len;
    keys->ending_index = note.index;
    return AK_OK;
}

static enum ak_code load(struct ak_keys *keys, struct ak_error *err)
{
    enum ak_code rc = ak_keys_load_list(keys, err);

    if (rc == AK_OK)
        rc = ak_keys_pinned(keys->dir_fd, &keys->log, err);
    if (rc == AK_OK && strcmp(keys->log.name, keys->origin) != 0)
        rc = ak_fail(err, AK_EKEY, "log.vkey is not that of this log: bring back a good copy");
    if (rc == AK_OK)
        rc = load_ending(keys, err);
    return rc == AK_OK ? ak_keys_load_state(keys, err) : rc;
}

enum ak_code ak_keys_load_public(int keys_dir_fd, const char *origin, struct ak_keys **out,
                                 struct ak_error *err)
{
    return ak_keys_load_by(keys_dir_fd, origin, false, load, out, err);
}

bool ak_keys_only_public(const struct ak_keys *keys)
{
    return keys->secrets == NULL && keys->channel == NULL;
}
