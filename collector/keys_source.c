/* keys_source.c - reads log.source and the key that it names. */
#include "keys_source.h"

#include "disk.h"
#include "keys_private.h"
#include "keys_token.h"

#include <akashi/epoch.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOURCE     "log.source"
#define CREDENTIAL "credential:"
#define TOKEN      "pkcs11:"

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

enum ak_code ak_keys_source_check(const char *text, struct ak_error *err)
{
    const char *name = text + strlen(CREDENTIAL);

    if (strlen(text) < AK_KEY_SOURCE_BYTES_MAX && strpbrk(text, "\r\n") == NULL &&
        (begins(text, TOKEN) || (begins(text, CREDENTIAL) && name[0] != '\0' && name[0] != '.' &&
                                 strchr(name, '/') == NULL)))
        return AK_OK;
    return ak_fail(err, AK_EUSAGE,
                   "\"%.200s\" is no place of a log key: write credential:NAME, or the "
                   "pkcs11: URI of a key in a token",
                   text);
}

int ak_keys_credentials(void)
{
    static int fd = -2;
    const char *path;

    if (fd != -2)
        return fd;
    path = getenv("CREDENTIALS_DIRECTORY"); /* where systemd says it is, and nowhere else */
    fd = path != NULL ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    return fd;
}

static enum ak_code read_credential(struct ak_keys *keys, const char *name, struct ak_error *err)
{
    int dir = ak_keys_credentials();
    unsigned char *data;
    size_t len;
    enum ak_code rc;

    if (dir < 0)
        return ak_fail(
            err, AK_EKEY,
            "the log key is credential %s, but there is no $CREDENTIALS_DIRECTORY: start "
            "the collector by systemd, with LoadCredential in its unit",
            name);
    rc = ak_disk_read(dir, name, AK_SEED_BYTES, &data, &len, NULL, NULL, err);
    if (rc != AK_OK) {
        ak_wrap(err, "credential");
        return rc == AK_ENOTFOUND ? AK_EKEY : rc;
    }
    if (len == AK_SEED_BYTES)
        memcpy(keys->secrets->log_seed, data, AK_SEED_BYTES);
    sodium_memzero(data, len);
    free(data);
    return len == AK_SEED_BYTES ? AK_OK
                                : ak_fail(err, AK_EKEY, "credential %s has %zu bytes, not %u", name,
                                          len, AK_SEED_BYTES);
}

enum ak_code ak_keys_source_open(struct ak_keys *keys, const char *source, struct ak_error *err)
{
    enum ak_code rc = ak_keys_source_check(source, err);

    if (rc != AK_OK)
        return rc;
    if (begins(source, CREDENTIAL))
        return read_credential(keys, source + strlen(CREDENTIAL), err);
    return ak_token_open(source, &keys->token, keys->token_pk, err);
}

enum ak_code ak_keys_source_read(int dir_fd, char *source, struct ak_error *err)
{
    unsigned char *data;
    size_t len;
    mode_t mode;
    enum ak_code rc =
        ak_disk_read(dir_fd, SOURCE, AK_KEY_SOURCE_BYTES_MAX - 1, &data, &len, &mode, NULL, err);

    source[0] = '\0';
    if (rc != AK_OK)
        return rc == AK_ENOTFOUND ? AK_OK : rc;
    if ((mode & (S_IWGRP | S_IWOTH)) != 0)
        rc = ak_fail(err, AK_EKEY, "%s can be written by others: chmod 0400 %s", SOURCE, SOURCE);
    else
        (void)snprintf(source, AK_KEY_SOURCE_BYTES_MAX, "%.*s",
                       (int)strcspn((const char *)data, "\n"), (const char *)data);
    free(data);
    return rc;
}

bool ak_keys_tokens_in(int keys_dir_fd)
{
    int fd = openat(keys_dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    bool found = false;

    if (dir == NULL && fd >= 0)
        (void)close(fd);
    while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
        char source[AK_KEY_SOURCE_BYTES_MAX] = "";
        int log =
            openat(keys_dir_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (log >= 0 && entry->d_name[0] != '.')
            (void)ak_keys_source_read(log, source, NULL);
        if (log >= 0)
            (void)close(log);
        found = begins(source, TOKEN);
    }
    if (dir != NULL)
        (void)closedir(dir);
    return found;
}

void ak_keys_source_left(int keys_dir_fd, const char *origin, char out[AK_KEY_LEFT_BYTES])
{
    char source[AK_KEY_SOURCE_BYTES_MAX] = "";
    char command[AK_TOKEN_DESTROY_BYTES];
    int log = openat(keys_dir_fd, ak_origin_id(origin), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    out[0] = '\0';
    if (log >= 0) {
        (void)ak_keys_source_read(log, source, NULL);
        (void)close(log); /* only read */
    }
    if (begins(source, TOKEN)) {
        ak_token_destroy_command(source, command);
        (void)snprintf(out, AK_KEY_LEFT_BYTES,
                       "The log key is still in its token, where this program changes nothing: "
                       "whoever has the token and its PIN can sign with it. Destroy it there: %s",
                       command);
    } else if (begins(source, CREDENTIAL)) {
        (void)snprintf(out, AK_KEY_LEFT_BYTES,
                       "The log key is still the credential %s, where this program changes "
                       "nothing: take it out of the unit and destroy its file",
                       source + strlen(CREDENTIAL));
    }
}
