/* config.c - reading a configuration, letting go of it, and the questions the loop asks of it. */
#include "config.h"
#include "config_marks.h"
#include "config_read.h"
#include "config_schema.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* The absolute directory that `name` lies in. Freed by the caller; NULL: errno says why. */
static char *directory_of(const char *name)
{
    const char *slash = strrchr(name, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(name, (size_t)(slash - name) + 1);
    char *absolute = folder == NULL ? NULL : realpath(folder, NULL);

    free(folder);
    return absolute;
}

enum ak_code ak_config_parse(const char *name, const void *text, size_t len, struct ak_config **out,
                             struct ak_error *err)
{
    struct ak_reader reader = {.name = name, .err = err};
    struct ak_marks marks;
    struct raw_config *raw = NULL;
    char *directory;
    enum ak_code rc;

    *out = NULL;
    if (len > AK_CONFIG_FILE_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT,
                       "%s: longer than %u bytes; a configuration is not so long, so this is "
                       "probably another file",
                       name, AK_CONFIG_FILE_BYTES_MAX);
    directory = directory_of(name);
    if (directory == NULL)
        return ak_fail_errno(err, errno, "%s: its directory", name);
    rc = ak_marks_read(name, text, len, &marks, err);
    if (rc == AK_OK) {
        reader.directory = directory;
        reader.marks = &marks;
        rc = ak_schema_load(name, text, len, &marks, &raw, err);
        if (rc == AK_OK)
            rc = ak_config_from_raw(&reader, raw, out);
        ak_schema_free(raw);
        ak_marks_free(&marks);
    }
    free(directory);
    return rc;
}

/* Reads at most one byte more than is allowed, so that too much is seen and never held. */
static enum ak_code file_read(int fd, const char *path, char *text, size_t *len,
                              struct ak_error *err)
{
    *len = 0;
    while (*len <= AK_CONFIG_FILE_BYTES_MAX) {
        ssize_t got = read(fd, text + *len, AK_CONFIG_FILE_BYTES_MAX + 1 - *len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ak_fail_errno(err, errno, "%s: cannot be read", path);
        if (got == 0)
            break;
        *len += (size_t)got;
    }
    return AK_OK;
}

enum ak_code ak_config_load(const char *path, struct ak_config **out, struct ak_error *err)
{
    size_t len = 0;
    char *text;
    enum ak_code rc;
    int fd;

    *out = NULL;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return ak_fail_errno(err, errno, "%s: the configuration cannot be opened", path);
    text = malloc(AK_CONFIG_FILE_BYTES_MAX + 1);
    if (text == NULL)
        rc = ak_fail(err, AK_ENOMEM, "%s: no memory", path);
    else
        rc = file_read(fd, path, text, &len, err);
    (void)close(fd);
    if (rc == AK_OK)
        rc = ak_config_parse(path, text, len, out, err);
    free(text);
    return rc;
}

static void log_free(struct ak_config_log *log)
{
    for (size_t i = 0; i < log->expected_count; i++)
        free(log->expected[i].peer.certificate);
    for (size_t i = 0; i < log->relay_count; i++)
        free(log->relays[i].certificate);
    for (size_t i = 0; i < log->anchor_count; i++)
        free(log->anchor[i]);
    free(log->anchor);
    for (size_t i = 0; i < log->stamp_count; i++)
        free(log->stamp[i]);
    free(log->stamp);
    free(log->stamp_ca);
    free(log->stamp_policy);
    free(log->expected);
    free(log->log_key);
    free(log->policy);
    free(log->witness_ca);
    free(log->relays);
}

static void listener_free(struct ak_config_listener *listener)
{
    for (size_t i = 0; i < listener->route_count; i++)
        free(listener->route[i].peer.certificate);
    for (size_t i = 0; i < listener->tls.name_count; i++)
        free(listener->tls.names[i]);
    free(listener->route);
    free(listener->allow);
    free(listener->tls.names);
    free(listener->tls.fingerprints);
    free(listener->tls.certificate);
    free(listener->tls.key);
    free(listener->tls.ca);
    free(listener->tls.crl);
}

void ak_config_free(struct ak_config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->log_count; i++)
        log_free(&config->logs[i]);
    for (size_t i = 0; i < config->listener_count; i++)
        listener_free(&config->listeners[i]);
    free(config->logs);
    free(config->listeners);
    free(config->store);
    free(config->control);
    free(config);
}

size_t ak_config_find_log(const struct ak_config *config, const char *name)
{
    for (size_t i = 0; i < config->log_count; i++) {
        if (strcmp(config->logs[i].name, name) == 0)
            return i;
    }
    return AK_CONFIG_NO_LOG;
}

bool ak_config_allows(const struct ak_config_listener *listener, const struct sockaddr *peer)
{
    if (listener->allow_count == 0)
        return true;
    for (size_t i = 0; i < listener->allow_count; i++) {
        if (ak_cidr_match(&listener->allow[i], peer))
            return true;
    }
    return false;
}

bool ak_config_is_peer(const struct ak_config_peer *described, const struct sockaddr *peer,
                       const char *const *names, size_t name_count)
{
    if (described->certificate == NULL)
        return peer != NULL && ak_cidr_match(&described->address, peer);
    for (size_t i = 0; i < name_count; i++) {
        /* Names of machines know no letter case: RFC 5280 7.2, RFC 4343. */
        if (strcasecmp(described->certificate, names[i]) == 0)
            return true;
    }
    return false;
}

size_t ak_config_route(const struct ak_config_listener *listener, const struct sockaddr *peer,
                       const char *const *names, size_t name_count)
{
    for (size_t i = 0; i < listener->route_count; i++) {
        if (ak_config_is_peer(&listener->route[i].peer, peer, names, name_count))
            return listener->route[i].log;
    }
    return listener->log;
}
