/* listener.c - sockets of listeners, and the list of them. */
#include "listener.h"

#include "datagram.h"
#include "log.h"
#include "server.h"
#include "stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static enum ak_code fail_bind(const struct ak_url *url, int error, struct ak_error *err)
{
    const char *remedy = "look at the address";

    if (error == EADDRINUSE)
        remedy = "another program has it: `ss -lntup` shows which; stop that one or choose another "
                 "port";
    else if (error == EACCES)
        remedy = "ports below 1024 need root, CAP_NET_BIND_SERVICE or socket activation; or choose "
                 "a port from 1024 on";
    else if (error == EADDRNOTAVAIL)
        remedy = "this machine does not have that address: `ip address` shows which it has";
    return ak_fail(err, AK_EIO, "listener %s: cannot bind: %s; %s", url->text, strerror(error),
                   remedy);
}

/* A socket file that nobody serves stays behind when a process is killed. */
static void remove_stale(const struct ak_url *url)
{
    struct stat st;
    int fd;

    if (lstat(url->path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)&url->addr, url->len) != 0 && errno == ECONNREFUSED)
        (void)unlink(url->path);
    (void)close(fd);
}

static int socket_of(const struct ak_url *url, int family)
{
    bool stream = ak_transport_is_stream(url->transport);
    int type = (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int fd = socket(family, type, 0);
    int on = 1;
    int six_only = url->any ? 0 : 1;

    if (fd < 0)
        return -1;
    if (stream)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &six_only, sizeof(six_only));
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);

    memset(&addr, 0, sizeof(addr));
    if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
        return 0;
    if (addr.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)(const void *)&addr)->sin_port);
    return ntohs(((const struct sockaddr_in6 *)(const void *)&addr)->sin6_port);
}

enum ak_code ak_listener_bind(const struct ak_url *url, int *fd, char *bound, struct ak_error *err)
{
    struct sockaddr_storage addr = url->addr;
    socklen_t len = url->len;
    int s;

    *fd = -1;
    if (url->transport == AK_TRANSPORT_UNIX)
        remove_stale(url);
    s = socket_of(url, addr.ss_family);
    if (s < 0 && url->any && errno == EAFNOSUPPORT) {
        /* No IPv6 on this machine: every address is every IPv4 address. */
        struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(ak_url_port(url))};
        memset(&addr, 0, sizeof(addr));
        memcpy(&addr, &four, sizeof(four));
        len = sizeof(four);
        s = socket_of(url, AF_INET);
    }
    if (s < 0)
        return ak_fail_errno(err, errno, "listener %s: no socket", url->text);
    if (bind(s, (const struct sockaddr *)&addr, len) != 0) {
        int error = errno;
        (void)close(s);
        return fail_bind(url, error, err);
    }
    *fd = s;
    (void)ak_url_text(url, url->transport == AK_TRANSPORT_UNIX ? 0 : port_of(s), bound);
    return AK_OK;
}

static const struct ak_config_listener *in_config(const struct ak_config *config, const char *url)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        if (strcmp(config->listeners[i].url.text, url) == 0)
            return &config->listeners[i];
    }
    return NULL;
}

static struct ak_listener *find(const struct ak_server *server, const char *url)
{
    struct ak_listener *listener = server->listeners;

    while (listener != NULL && strcmp(listener->url, url) != 0)
        listener = listener->next;
    return listener;
}

static void close_one(struct ak_listener *listener)
{
    if (listener->datagram != NULL)
        ak_datagram_close(listener->datagram);
    if (listener->stream != NULL)
        ak_stream_close(listener->stream);
    free(listener);
}

static enum ak_code open_one(struct ak_server *server, const struct ak_config_listener *config,
                             struct ak_error *err)
{
    struct ak_listener *listener = calloc(1, sizeof(*listener));
    struct ak_listener **at = &server->listeners;
    enum ak_code rc;

    if (listener == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for listener %s", config->url.text);
    (void)snprintf(listener->url, sizeof(listener->url), "%s", config->url.text);
    if (ak_transport_is_stream(config->url.transport))
        rc = ak_stream_open(server, config, &listener->stream, listener->bound, err);
    else
        rc = ak_datagram_open(server, config, &listener->datagram, listener->bound, err);
    if (rc != AK_OK) {
        free(listener);
        return rc;
    }
    while (*at != NULL)
        at = &(*at)->next;
    *at = listener;
    return AK_OK;
}

static enum ak_code renew(struct ak_listener *listener, const struct ak_config_listener *config,
                          struct ak_error *err)
{
    if (listener->stream != NULL)
        return ak_stream_reload(listener->stream, config, err);
    ak_datagram_reload(listener->datagram, config);
    return AK_OK;
}

enum ak_code ak_listeners_open(struct ak_server *server, struct ak_error *err)
{
    const struct ak_config *config = server->config;
    enum ak_code rc = AK_OK;

    for (struct ak_listener **at = &server->listeners; *at != NULL;) {
        struct ak_listener *listener = *at;
        if (in_config(config, listener->url) != NULL) {
            at = &listener->next;
            continue;
        }
        *at = listener->next;
        ak_log(AK_LOG_NOTICE, "listener %s: closed, it is not configured any more", listener->url);
        close_one(listener);
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct ak_config_listener *wanted = &config->listeners[i];
        struct ak_listener *listener = find(server, wanted->url.text);
        struct ak_error one = {0};
        enum ak_code code =
            listener != NULL ? renew(listener, wanted, &one) : open_one(server, wanted, &one);
        if (code != AK_OK && rc == AK_OK) {
            rc = code;
            if (err != NULL)
                *err = one;
        }
    }
    return rc;
}

void ak_listeners_print(const struct ak_server *server)
{
    for (const struct ak_listener *l = server->listeners; l != NULL; l = l->next)
        (void)printf("listening %s\n", l->bound);
}

void ak_listeners_tick(struct ak_server *server)
{
    for (struct ak_listener *l = server->listeners; l != NULL; l = l->next) {
        if (l->datagram != NULL)
            ak_datagram_tick(l->datagram);
        else
            ak_stream_tick(l->stream);
    }
}

void ak_listeners_stop(struct ak_server *server)
{
    while (server->listeners != NULL) {
        struct ak_listener *listener = server->listeners;
        server->listeners = listener->next;
        close_one(listener);
    }
}

json_t *ak_listeners_json(const struct ak_server *server)
{
    json_t *array = json_array();

    for (const struct ak_listener *l = server->listeners; l != NULL && array != NULL; l = l->next) {
        unsigned connections = l->stream != NULL ? ak_stream_connections(l->stream) : 0;
        json_t *one = json_pack("{s:s, s:s}", "url", l->bound, "configured", l->url);
        if (one != NULL && l->stream != NULL)
            (void)json_object_set_new(one, "connections", json_integer(connections));
        (void)json_array_append_new(array, one);
    }
    return array;
}
