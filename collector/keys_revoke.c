/* keys_revoke.c - the end of a log's keys (akashi-collector key revoke).
 *
 * The happy path: the file `revoked` beside the keys is durable, then every file with a secret is
 * overwritten and removed. A crash between leaves the file, by which nothing loads the keys any
 * more, and the next call goes on. */
#include "disk.h"
#include "keys_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK   "revoked"  /* the vkey and a line end: nothing secret */
#define PINNED "log.vkey" /* the vkey */

/* Every name under which a seed may lie: the keys, what a change of epoch leaves, temporary files
 * of either. */
static const char *const secret[] = {"log.key", "epoch.seed", "epoch.new", "epoch.old"};

enum ak_code ak_keys_revoked(const struct ak_keys *keys, struct ak_error *err)
{
    struct stat st;

    if (fstatat(keys->dir_fd, MARK, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT)
            return AK_OK;
        return ak_fail_errno(err, errno, "look for the file " MARK);
    }
    return ak_fail(err, AK_EKEY,
                   "these keys were revoked for good: nothing is signed with them any more");
}

static enum ak_code open_dir(int keys_dir_fd, const char *origin, struct ak_keys **keys,
                             struct ak_error *err)
{
    enum ak_code rc = ak_keys_new(false, keys, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_keys_open(*keys, keys_dir_fd, origin, err);
    if (rc == AK_OK)
        return AK_OK;
    ak_keys_free(*keys);
    *keys = NULL;
    return rc;
}

enum ak_code ak_keys_pinned(int dir_fd, struct ak_vkey *vkey, struct ak_error *err)
{
    unsigned char *text = NULL;
    size_t len = 0;
    enum ak_code rc =
        ak_disk_read(dir_fd, PINNED, AK_VKEY_TEXT_BYTES_MAX, &text, &len, NULL, NULL, err);

    if (rc == AK_ENOTFOUND) /* made before there was such a file */
        rc = ak_disk_read(dir_fd, MARK, AK_VKEY_TEXT_BYTES_MAX, &text, &len, NULL, NULL, err);
    if (rc != AK_OK)
        return rc;
    rc = ak_vkey_parse(vkey, (const char *)text, len - (len > 0 && text[len - 1] == '\n'), err);
    free(text);
    return rc;
}

bool ak_keys_are_revoked(int keys_dir_fd, const char *origin)
{
    struct ak_keys *keys;
    bool revoked;

    if (open_dir(keys_dir_fd, origin, &keys, NULL) != AK_OK)
        return false;
    revoked = ak_keys_revoked(keys, NULL) == AK_EKEY;
    ak_keys_free(keys);
    return revoked;
}

enum ak_code ak_keys_vkey(int keys_dir_fd, const char *origin, struct ak_vkey *vkey,
                          struct ak_error *err)
{
    struct ak_keys *keys;
    enum ak_code rc = open_dir(keys_dir_fd, origin, &keys, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_keys_pinned(keys->dir_fd, vkey, err);
    ak_keys_free(keys);
    if (rc == AK_ENOTFOUND) {
        rc = ak_keys_load(keys_dir_fd, origin, &keys, err);
        if (rc == AK_OK)
            *vkey = *ak_keys_log(keys);
        ak_keys_free(keys);
    }
    return rc;
}

enum ak_code ak_keys_erase(int dir_fd, struct ak_error *err)
{
    for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++) {
        enum ak_code rc = ak_disk_wipe(dir_fd, secret[i], err);
        if (rc != AK_OK && rc != AK_ENOTFOUND) {
            ak_wrap(err, "erase %s", secret[i]);
            return rc;
        }
    }
    return AK_OK;
}

enum ak_code ak_keys_revoke(int keys_dir_fd, const char *origin, const struct ak_vkey *vkey,
                            struct ak_error *err)
{
    char text[AK_VKEY_TEXT_BYTES_MAX + 1];
    size_t len;
    struct ak_keys *keys;
    enum ak_code rc = open_dir(keys_dir_fd, origin, &keys, err);

    if (rc != AK_OK)
        return rc;
    (void)ak_vkey_format(text, AK_VKEY_TEXT_BYTES_MAX, vkey); /* always fits */
    len = strlen(text);
    text[len++] = '\n';
    rc = ak_disk_put(keys->dir_fd, "revoked.new", keys->dir_fd, MARK, 0400, text, len, err);
    if (rc == AK_OK)
        rc = ak_keys_erase(keys->dir_fd, err);
    ak_keys_free(keys);
    return rc;
}
