/* cmd_key.c - `key show`: the vkey of a log again, as `init` printed it. The store may be in use:
 * nothing is written, and the lock is not taken. */
#include "cmdline.h"
#include "keys.h"
#include "store.h"

#include <akashi/nearest.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static enum ak_code key_show(int store_fd, const char *log, struct ak_error *err)
{
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    char id[AK_LOG_ID_CHARS + 1];
    char text[AK_VKEY_TEXT_BYTES_MAX];
    struct ak_keys *keys = NULL;
    int keys_fd;
    enum ak_code rc = ak_store_find(store_fd, log, id, err);

    if (rc == AK_OK)
        rc = ak_store_origin(store_fd, id, origin, err);
    if (rc != AK_OK)
        return rc;
    keys_fd = openat(store_fd, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (keys_fd < 0)
        return ak_fail_errno(err, errno, "could not open directory keys");
    rc = ak_keys_load(keys_fd, origin, &keys, err);
    if (rc == AK_OK && ak_vkey_format(text, sizeof(text), ak_keys_log(keys)) > 0)
        (void)printf("%s\n", text);
    ak_keys_free(keys);
    (void)close(keys_fd); /* only read through */
    return rc;
}

enum ak_code ak_cmd_key(const struct ak_cmdline *line, struct ak_error *err)
{
    static const char *const orders[] = {"show"};
    const char *store = line->value[AK_FLAG_STORE];
    const char *order = line->words[0];
    enum ak_code rc;
    int fd;

    if (strcmp(order, "show") != 0)
        return ak_fail(err, AK_EUSAGE, "there is no 'key %s'; %s", order,
                       ak_nearest(order, strlen(order), orders, 1) != NULL
                           ? "did you mean 'key show'?"
                           : "there is 'key show'");
    rc = ak_cmdline_need(line, AK_FLAG_BIT(AK_FLAG_STORE) | AK_FLAG_BIT(AK_FLAG_LOG), err);
    if (rc != AK_OK)
        return rc;
    fd = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ak_fail_errno(err, errno, "could not open store %s", store);
    rc = key_show(fd, line->value[AK_FLAG_LOG], err);
    if (rc != AK_OK)
        ak_wrap(err, "store %s", store);
    (void)close(fd); /* only read through */
    return rc;
}
