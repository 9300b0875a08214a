/* ask.c - orders to a running collector from the command line: connect, ask, take the answer.
 *
 * The answer comes from a process of the same user or root, yet it is bounded and parsed as what a
 * stranger says. Failure modes: nobody runs; a collector that is stopping, or too busy. */
#include "ask.h"

#include "config.h"
#include "control.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_BYTES_MAX 67108864u /* 1,024 logs with 100 silent sources each stay far below */
#define ANSWER_SECONDS   10        /* as long as the collector keeps a client */

static enum ak_code nobody(const char *path, const char *config, int error, struct ak_error *err)
{
    if (error == EACCES || error == EPERM)
        return ak_fail(err, AK_EIO,
                       "%s: %s; only root and the collector's own user may ask. Try: sudo -u USER "
                       "akashi-collector status ...",
                       path, strerror(error));
    if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR)
        return ak_fail(err, AK_ENOTFOUND,
                       "no collector runs here: nobody answers at %s. Start it: akashi-collector "
                       "run --config %s",
                       path, config != NULL ? config : "FILE");
    return ak_fail_errno(err, error, "%s", path);
}

static enum ak_code ask(const char *path, const char *config, const char *order, int *fd,
                        struct ak_error *err)
{
    char line[AK_CONTROL_LINE_BYTES_MAX];
    size_t len = strlen(order);
    const struct timeval wait = {.tv_sec = ANSWER_SECONDS};
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    assert(path != NULL);
    if (strlen(path) >= sizeof(addr.sun_path))
        return ak_fail(err, AK_EUSAGE,
                       "%s: a Unix socket's path has at most %zu bytes; give the real one with "
                       "--control",
                       path, sizeof(addr.sun_path) - 1);
    memcpy(addr.sun_path, path, strlen(path) + 1);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return ak_fail_errno(err, errno, "socket");
    (void)setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    (void)setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    if (connect(*fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0)
        return nobody(path, config, errno, err);
    assert(len + 1 < sizeof(line));
    (void)snprintf(line, sizeof(line), "%s\n", order);
    len++;
    if (send(*fd, line, len, MSG_NOSIGNAL) != (ssize_t)len)
        return ak_fail_errno(err, errno, "%s: ask", path);
    return AK_OK;
}

/* Reads one line; `*text` is malloc'ed. */
static enum ak_code answer_read(const char *path, int fd, char **text, size_t *len,
                                struct ak_error *err)
{
    size_t cap = 65536;

    *len = 0;
    *text = malloc(cap);
    while (*text != NULL) {
        ssize_t n = recv(fd, *text + *len, cap - *len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ak_fail(err, AK_EIO,
                           "%s: the collector hung up or said nothing for %d seconds; it may be "
                           "stopping, or too busy: look at its diagnostics",
                           path, ANSWER_SECONDS);
        *len += (size_t)n;
        if ((*text)[*len - 1] == '\n')
            return AK_OK;
        if (*len == cap) {
            char *longer = cap >= ANSWER_BYTES_MAX ? NULL : realloc(*text, cap * 2);
            if (longer == NULL)
                break;
            *text = longer;
            cap *= 2;
        }
    }
    return ak_fail(err, AK_ELIMIT, "%s: no memory for the answer", path);
}

enum ak_code ak_ask(const char *path, const char *config, const char *order, json_t **answer,
                    struct ak_error *err)
{
    char *text = NULL;
    size_t len = 0;
    int fd = -1;
    enum ak_code rc = ask(path, config, order, &fd, err);

    *answer = NULL;
    if (rc == AK_OK)
        rc = answer_read(path, fd, &text, &len, err);
    if (fd >= 0)
        (void)close(fd);
    if (rc == AK_OK) {
        *answer = json_loadb(text, len, 0, NULL);
        if (!json_is_object(*answer))
            rc = ak_fail(err, AK_EMALFORMED,
                         "%s: the answer is none; is this socket an akashi-collector's?", path);
    }
    free(text);
    return rc;
}

enum ak_code ak_ask_path(const struct ak_cmdline *line, char **path, struct ak_error *err)
{
    const char *control = line->value[AK_FLAG_CONTROL];
    const char *store = line->value[AK_FLAG_STORE];
    struct ak_config *config = NULL;
    enum ak_code rc = AK_OK;

    *path = NULL;
    if ((control != NULL) + (store != NULL) + (line->value[AK_FLAG_CONFIG] != NULL) != 1)
        return ak_fail(err, AK_EUSAGE,
                       "%s wants one of --config FILE, --store DIR and --control PATH; for "
                       "example: %s",
                       line->command->name, line->command->example);
    if (control != NULL) {
        *path = strdup(control);
    } else if (store != NULL) {
        if (asprintf(path, "%s/control", store) < 0)
            *path = NULL;
    } else {
        rc = ak_config_load(line->value[AK_FLAG_CONFIG], &config, err);
        if (rc == AK_OK)
            *path = strdup(config->control);
        ak_config_free(config);
    }
    if (rc == AK_OK && *path == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory");
    return rc;
}

uint64_t ak_ask_log_number(const json_t *status, const char *log, const char *member)
{
    const json_t *at;
    size_t i;

    json_array_foreach(json_object_get(status, "logs"), i, at)
    {
        const char *name = json_string_value(json_object_get(at, "name"));
        if (name != NULL && strcmp(name, log) == 0)
            return (uint64_t)json_integer_value(json_object_get(at, member));
    }
    return 0;
}

enum ak_code ak_ask_stopped(const struct ak_cmdline *line, const char *command,
                            ak_server_once_fn once, void *ctx, struct ak_error *err)
{
    return ak_ask_stopped_as(line, command, AK_UNSIGNED_REFUSED, once, ctx, err);
}

enum ak_code ak_ask_stopped_as(const struct ak_cmdline *line, const char *command,
                               enum ak_unsigned manner, ak_server_once_fn once, void *ctx,
                               struct ak_error *err)
{
    struct ak_config_options options = {
        .store = line->value[AK_FLAG_STORE], .log = line->value[AK_FLAG_LOG], .closed = true};
    struct ak_config *file = NULL;
    struct ak_config *config = NULL;
    enum ak_code rc = AK_OK;

    if (line->value[AK_FLAG_CONFIG] != NULL)
        rc = ak_config_load(line->value[AK_FLAG_CONFIG], &file, err);
    if (rc == AK_OK && file != NULL)
        options.store = file->store;
    if (rc == AK_OK)
        rc = ak_config_from_options(&options, &config, err);
    ak_config_free(file);
    return rc == AK_OK ? ak_server_once(config, command, manner, once, ctx, err) : rc;
}
