/* conn.c - the life of one connection, from accept to the last free.
 *
 * The happy path is:
 *   1. conn_read.c: bytes come in; with TLS they are decrypted first, and once it is known who
 *      sends the log is found (conn_who.c).
 *   2. the protocol cuts them into records and hands them over (conn_read.c).
 *   3. when records became durable the protocol answers (conn_read.c); what is to be sent goes out
 *      at the end of the turn (conn_send.c).
 *   4. at the end (ak_conn_settle) what was not finished becomes a fragment with its event, what
 *      was not acknowledged an event (conn_tell.c); then the connection is closed.
 * Possible failure modes are:
 *   - the log has no room: reading stops (ak_conn_block) until it has; nothing is dropped.
 *   - a refused peer, lost framing, a deadline (conn_tick.c): an event, then closed. */
#include "conn_private.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define LAST_ACK_NS (30 * AK_NS_PER_S) /* a connection we end waits for its commit so long */

/* ---- memory and the end of it */

void ak_conn_free_when_done(struct ak_conn *conn)
{
    struct ak_server *server = conn->server;

    if (!conn->closed || conn->outstanding > 0)
        return;
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        server->conns = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    if (server->look_next == conn)
        server->look_next = conn->next;
    conn->protocol->free(conn);
    ak_tls_session_free(conn->tls);
    ak_stream_unref(conn->stream);
    free(conn->held);
    free(conn->out);
    free(conn->writing);
    free(conn);
}

static void on_closed(uv_handle_t *handle)
{
    struct ak_conn *conn = handle->data;

    conn->closed = true;
    ak_conn_free_when_done(conn);
}

void ak_conn_drop_held(struct ak_conn *conn)
{
    conn->server->frames.used -= conn->held_len;
    free(conn->held);
    conn->held = NULL;
    conn->held_len = conn->held_at = 0;
}

void ak_conn_close_now(struct ak_conn *conn)
{
    if (conn->closing)
        return;
    conn->closing = true;
    conn->stream->count--;
    conn->server->conn_count--;
    ak_conn_drop_held(conn);
    if (conn->reader.waiting)
        ak_runlog_unwait(conn->log, &conn->reader);
    if (conn->talks) {
        struct ak_conn **at = &conn->server->talkers;
        while (*at != conn)
            at = &(*at)->next_talker;
        *at = conn->next_talker;
        conn->talks = false;
    }
    uv_close((uv_handle_t *)&conn->tcp, on_closed);
}

/* ---- the end */

/* What is left of the input becomes records or a fragment, with the events of the end; false if the
 * log has no room for them now. */
static bool tell_end(struct ak_conn *conn)
{
    struct ak_frame frame;

    while (!conn->told && conn->log != NULL) {
        if (!ak_runlog_ready(conn->log)) {
            conn->retry = false;
            ak_conn_block(conn);
            return false;
        }
        conn->protocol->end(conn, &frame);
        if (frame.kind == AK_FRAME_NONE)
            conn->told = true;
        else if (frame.kind == AK_FRAME_ERROR)
            ak_conn_fault(conn, &frame);
        else if (frame.kind == AK_FRAME_UNFINISHED)
            ak_conn_tell_unfinished(conn, &frame);
        else
            ak_conn_take_record(conn, &frame);
    }
    return true;
}

void ak_conn_settle(struct ak_conn *conn)
{
    if (conn->closing || conn->said_all)
        return;
    if (conn->reading)
        (void)uv_read_stop((uv_stream_t *)&conn->tcp);
    conn->reading = false;
    conn->stopping = true;
    ak_conn_drop_held(conn);
    if (!tell_end(conn))
        return;
    if ((conn->ended || conn->notified) && conn->log != NULL)
        ak_conn_tell_unacknowledged(conn);
    if (conn->ended) {
        ak_conn_close_now(conn);
        return;
    }
    if (conn->notified) { /* what waits to be said is dropped (RFC 5246 7.2.1) */
        ak_conn_say_goodbye(conn);
        return;
    }
    if (conn->outstanding > 0) { /* acknowledgements first: talk comes back here */
        if (conn->close_at_commit == 0)
            conn->close_at_commit = conn->server->boot + LAST_ACK_NS;
        return;
    }
    if (conn->protocol->farewell != NULL)
        conn->protocol->farewell(conn);
    if (conn->protocol->speak != NULL)
        conn->protocol->speak(conn);
    if (!conn->closing)
        ak_conn_say_goodbye(conn);
}

void ak_conn_stop(struct ak_conn *conn)
{
    uv_os_fd_t fd;

    if (conn->closing || conn->stopping)
        return;
    if (conn->protocol->durable != NULL || conn->log == NULL) {
        /* What was not acknowledged comes again: nothing of it is kept here. */
        conn->told = conn->stopping = true;
        ak_conn_settle(conn);
        return;
    }
    /* What the kernel holds is read to its end; nothing new comes. */
    if (uv_fileno((uv_handle_t *)&conn->tcp, &fd) == 0)
        (void)shutdown(fd, SHUT_RD);
    (void)snprintf(conn->reason, sizeof(conn->reason), "the collector stopped");
    ak_conn_start_reading(conn);
}

void ak_conn_drop(struct ak_conn *conn)
{
    conn->told = true;
    ak_conn_close_now(conn);
}

/* ---- the beginning */

enum ak_code ak_conn_new(struct ak_stream *stream, struct ak_conn **out, struct ak_error *err)
{
    struct ak_server *server = stream->server;
    bool relp = ak_transport_is_relp(stream->intake.transport);
    struct ak_conn *conn = calloc(1, sizeof(*conn));
    int len = sizeof(conn->peer);
    enum ak_code rc = AK_OK;
    int uv;

    *out = NULL;
    if (conn == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a connection");
    conn->server = server;
    conn->stream = stream;
    conn->protocol = relp ? &ak_protocol_relp : &ak_protocol_syslog;
    conn->acker.on_durable = ak_conn_on_durable;
    conn->reader.on_room = ak_conn_on_room;
    conn->opened = conn->last_byte = server->boot;
    conn->next_recheck = server->boot + AK_CONN_RECHECK_NS;
    if (stream->tls != NULL)
        rc = ak_tls_session_new(stream->tls, &conn->tls, err);
    if (rc == AK_OK)
        rc = conn->protocol->begin(conn, err);
    if (rc != AK_OK) {
        ak_tls_session_free(conn->tls);
        free(conn);
        return rc;
    }
    (void)uv_tcp_init(&server->loop, &conn->tcp);
    conn->tcp.data = conn;
    conn->next = server->conns;
    if (conn->next != NULL)
        conn->next->prev = conn;
    server->conns = conn;
    stream->refs++;
    stream->count++;
    server->conn_count++;
    uv = uv_accept((uv_stream_t *)&stream->tcp, (uv_stream_t *)&conn->tcp);
    if (uv == 0)
        uv = uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&conn->peer, &len);
    if (uv != 0) {
        ak_conn_close_now(conn);
        return ak_fail(err, AK_EIO, "a connection was gone at once: %s", uv_strerror(uv));
    }
    ak_intake_address((const struct sockaddr *)&conn->peer, conn->address);
    *out = conn;
    return AK_OK;
}

void ak_conn_start(struct ak_conn *conn)
{
    (void)uv_tcp_nodelay(&conn->tcp, 1); /* acknowledgements are small and waited for */
    (void)uv_tcp_keepalive(&conn->tcp, 1, 60);
    ak_log(AK_LOG_INFO, "listener %s: connection from %s", conn->stream->intake.url, conn->address);
    ak_conn_start_reading(conn);
}

bool ak_conns_open(const struct ak_server *server)
{
    for (const struct ak_conn *conn = server->conns; conn != NULL; conn = conn->next) {
        if (!conn->closed)
            return true;
    }
    return false;
}

void ak_conns_abort(struct ak_server *server)
{
    struct ak_conn *next;

    for (struct ak_conn *conn = server->conns; conn != NULL; conn = next) {
        next = conn->next;
        ak_conn_close_now(conn);
    }
}
