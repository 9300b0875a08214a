/* stream.c - accepting connections, and what is looked at for all of them once a second.
 *
 * The happy path is: a connection is accepted, counted against the limits of the listener, of its
 * address and later of its certificate, and handed to conn.c. Failure modes: a limit is reached or
 * the address is not allowed (refused, with an event); as many descriptors are used as connections
 * may have (nobody is refused: what waits stays in the kernel's queue, and is looked at each
 * second; libuv itself would accept and close them, and the log could not open its next segment); a
 * certificate cannot be loaded (the listener does not open, or a reload keeps the old one). */
#include "stream.h"

#include "clock.h"
#include "conn.h"
#include "listener.h"
#include "log.h"
#include "server.h"

#include <akashi/format.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NS_PER_S        1000000000ull
#define BACKLOG         1024 /* connections the kernel keeps while we are busy */
#define WARNING_NS      (24 * 3600 * NS_PER_S)
#define ACCEPT_PAUSE_NS NS_PER_S
#define HANDSHAKES_MAX  256u /* under way on one listener: 1.2 ms of a core each */

static int64_t seconds(uint64_t ns)
{
    return (int64_t)(ns / NS_PER_S);
}

static void on_remark(void *ctx, const char *text)
{
    (void)ctx;
    ak_log(AK_LOG_WARNING, "%s", text);
}

static enum ak_code load_tls(const struct ak_config_listener *config, bool remarks,
                             struct ak_tls_context **out, struct ak_error *err)
{
    char place[AK_URL_TEXT_BYTES + 16];
    struct ak_tls_options options = {
        .place = place,
        .certificate_file = config->tls.certificate,
        .key_file = config->tls.key,
        .ca_file = config->tls.ca,
        .crl_file = config->tls.crl,
        .names = (const char *const *)config->tls.names,
        .name_count = config->tls.name_count,
        .fingerprints = config->tls.fingerprints,
        .fingerprint_count = config->tls.fingerprint_count,
        .server_only = config->tls.authentication == AK_AUTHENTICATION_NONE,
        .accept_expired = config->tls.expired == AK_EXPIRED_ACCEPT_AND_RECORD,
        .now = seconds(ak_clock_wall()),
        .on_remark = remarks ? on_remark : NULL,
    };

    *out = NULL;
    if (!ak_transport_is_tls(config->url.transport))
        return AK_OK;
    (void)snprintf(place, sizeof(place), "listener %s", config->url.text);
    return ak_tls_context_new(&options, out, err);
}

enum ak_code ak_stream_check_tls(const struct ak_config *config, struct ak_error *err)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        struct ak_tls_context *context;
        enum ak_code rc = load_tls(&config->listeners[i], false, &context, err);
        if (rc != AK_OK)
            return rc;
        ak_tls_context_unref(context);
    }
    return AK_OK;
}

/* Handshakes under way, and connections of one address. */
static void count_conns(const struct ak_stream *stream, const struct ak_conn *of,
                        uint64_t *handshakes, uint64_t *same_address)
{
    *handshakes = *same_address = 0;
    for (const struct ak_conn *conn = stream->server->conns; conn != NULL; conn = conn->next) {
        if (conn->stream != stream)
            continue;
        *handshakes += conn->tls != NULL && ak_tls_peer(conn->tls) == NULL;
        *same_address += strcmp(conn->address, of->address) == 0;
    }
}

/* NULL if the connection may stay. */
static const char *refusal_of(struct ak_stream *stream, const struct ak_conn *conn)
{
    const struct ak_config_limits *limits = &stream->intake.config->limits;
    const char *reason = NULL;
    uint64_t handshakes, same_address;

    if (!ak_config_allows(stream->intake.config, (const struct sockaddr *)&conn->peer))
        return "its address is not in `allow` of the listener";
    count_conns(stream, conn, &handshakes, &same_address);
    if (stream->count > limits->connections)
        reason = "the listener has as many connections as `connections` allows";
    else if (same_address > limits->connections_per_address)
        reason = "its address has as many connections as `connections_per_address` allows";
    else if (handshakes > HANDSHAKES_MAX)
        reason = "too many TLS handshakes at once";
    return reason;
}

static void on_connection(uv_stream_t *handle, int status)
{
    struct ak_stream *stream = handle->data;
    struct ak_error err = {0};
    struct ak_conn *conn;
    const char *reason;

    ak_server_look(stream->server);
    if (status < 0) {
        ak_log(AK_LOG_ERROR,
               "listener %s: accepting a connection failed: %s. Tried again in a second; senders "
               "wait. If files ran out, raise LimitNOFILE.",
               stream->intake.url, uv_strerror(status));
        stream->accept_again = stream->server->boot + ACCEPT_PAUSE_NS;
        return;
    }
    if (stream->server->conn_count >= stream->server->conns_max) {
        /* As long as this one is not accepted libuv asks the kernel for no other. */
        ak_log(AK_LOG_ERROR,
               "listener %s: %llu connections are open, more files are not allowed: senders wait "
               "until one is closed. Raise LimitNOFILE (ulimit -n), or lower `connections`.",
               stream->intake.url, (unsigned long long)stream->server->conn_count);
        stream->waits = true;
        return;
    }
    if (ak_conn_new(stream, &conn, &err) != AK_OK) {
        ak_log(AK_LOG_ERROR, "listener %s: %s", stream->intake.url, err.text);
        return;
    }
    reason = refusal_of(stream, conn);
    if (reason == NULL && stream->tls == NULL)
        reason = ak_conn_route(conn);
    if (reason == NULL) {
        ak_conn_start(conn);
        return;
    }
    ak_intake_refuse(&stream->intake, (const struct sockaddr *)&conn->peer, reason);
    ak_conn_drop(conn);
}

/* libuv stops telling of new connections while one was not accepted; listening again goes on. */
static void accept_again(struct ak_stream *stream)
{
    if (stream->waits && stream->server->conn_count < stream->server->conns_max) {
        stream->waits = false;
        on_connection((uv_stream_t *)&stream->tcp, 0);
    }
    if (stream->accept_again == 0 || stream->server->boot < stream->accept_again)
        return;
    stream->accept_again = 0;
    (void)uv_listen((uv_stream_t *)&stream->tcp, BACKLOG, on_connection);
}

enum ak_code ak_stream_open(struct ak_server *server, const struct ak_config_listener *config,
                            struct ak_stream **out, char *url, struct ak_error *err)
{
    struct ak_stream *stream = calloc(1, sizeof(*stream));
    enum ak_code rc;
    int fd = -1;
    int uv;

    *out = NULL;
    if (stream == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for listener %s", config->url.text);
    stream->server = server;
    rc = load_tls(config, true, &stream->tls, err);
    if (rc == AK_OK)
        rc = ak_listener_bind(&config->url, &fd, url, err);
    if (rc != AK_OK) {
        ak_tls_context_unref(stream->tls);
        free(stream);
        return rc;
    }
    ak_intake_init(&stream->intake, server, config);
    (void)uv_tcp_init(&server->loop, &stream->tcp);
    stream->tcp.data = stream;
    stream->refs = 1;
    uv = uv_tcp_open(&stream->tcp, fd);
    if (uv != 0)
        (void)close(fd);
    else
        uv = uv_listen((uv_stream_t *)&stream->tcp, BACKLOG, on_connection);
    if (uv != 0) {
        ak_stream_close(stream);
        return ak_fail(err, AK_EIO, "listener %s: %s%s", config->url.text, uv_strerror(uv),
                       uv == UV_EADDRINUSE ? "; another program has it: `ss -lntup` shows which"
                                           : "");
    }
    *out = stream;
    return AK_OK;
}

enum ak_code ak_stream_reload(struct ak_stream *stream, const struct ak_config_listener *config,
                              struct ak_error *err)
{
    struct ak_tls_context *tls;
    enum ak_code rc = load_tls(config, true, &tls, err);

    ak_intake_reload(&stream->intake, config);
    stream->next_warning = 0;
    if (rc == AK_OK) {
        ak_tls_context_unref(stream->tls);
        stream->tls = tls;
    }
    for (struct ak_conn *conn = stream->server->conns; conn != NULL; conn = conn->next) {
        if (conn->stream == stream)
            conn->next_recheck = 0;
    }
    return rc;
}

static void warn_of_own_end(struct ak_stream *stream)
{
    struct ak_runlog *logs[AK_INTAKE_LOGS_MAX];
    int64_t now = seconds(stream->server->wall);
    int64_t end;
    unsigned n;

    if (stream->tls == NULL || stream->server->boot < stream->next_warning)
        return;
    stream->next_warning = stream->server->boot + WARNING_NS;
    end = ak_tls_context_not_after(stream->tls);
    if (end - now > seconds(stream->server->config->certificate_warning))
        return;
    ak_log(AK_LOG_WARNING,
           "listener %s: our certificate %s %s %lld days%s: then senders will refuse to send. "
           "Renew it and reload (kill -HUP).",
           stream->intake.url, ak_tls_context_name(stream->tls),
           end > now ? "expires in" : "expired",
           (long long)((end > now ? end - now : now - end) / 86400), end > now ? "" : " ago");
    n = ak_intake_logs(&stream->intake, logs);
    for (unsigned i = 0; i < n; i++)
        ak_conn_tell_expiring(logs[i], "operator", ak_tls_context_name(stream->tls), end,
                              stream->intake.url);
}

void ak_stream_tick(struct ak_stream *stream)
{
    accept_again(stream);
    warn_of_own_end(stream);
    ak_intake_tick(&stream->intake);
}

static void on_closed(uv_handle_t *handle)
{
    ak_stream_unref(handle->data);
}

void ak_stream_unref(struct ak_stream *stream)
{
    if (--stream->refs > 0)
        return;
    ak_tls_context_unref(stream->tls);
    free(stream);
}

void ak_stream_close(struct ak_stream *stream)
{
    struct ak_conn *next;

    stream->closed = true;
    ak_intake_tick(&stream->intake);
    for (struct ak_conn *conn = stream->server->conns; conn != NULL; conn = next) {
        next = conn->next;
        if (conn->stream == stream)
            ak_conn_stop(conn);
    }
    uv_close((uv_handle_t *)&stream->tcp, on_closed);
}

unsigned ak_stream_connections(const struct ak_stream *stream)
{
    return stream->count;
}
