/* conn_read.c - from the bytes of a read to records handed over to the log, and the acknowledgement
 * of those that became durable. */
#include "conn_private.h"
#include "log.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_SHORT_BYTES 16384u /* of one read while memory for unfinished frames is used up */

/* ---- records and acknowledgements */

void ak_conn_take_record(struct ak_conn *conn, const struct ak_frame *frame)
{
    bool waits = conn->protocol->durable != NULL;
    struct ak_frame none = {.reason = "no-source", .text = "the log can take no new sender"};

    if (conn->ordinal == 0 && !ak_conn_declare(conn)) {
        ak_conn_fault(conn, &none);
        return;
    }
    conn->frame_since = 0;
    if (waits)
        conn->outstanding++;
    ak_intake_record(conn->log, conn->ordinal, frame->data, frame->len, frame->received,
                     waits ? &conn->acker : NULL);
}

void ak_conn_on_durable(struct ak_acker *acker, uint32_t count)
{
    struct ak_conn *conn = (struct ak_conn *)((char *)acker - offsetof(struct ak_conn, acker));

    assert(conn->outstanding >= count);
    conn->outstanding -= count;
    if (conn->closing) {
        ak_conn_free_when_done(conn);
        return;
    }
    conn->protocol->durable(conn, count);
    ak_conn_will_talk(conn); /* answers, and what waited for them, at the end of the turn */
}

/* ---- reading */

size_t ak_conn_take(struct ak_conn *conn, const uint8_t *data, size_t len)
{
    const struct ak_protocol *protocol = conn->protocol;
    struct ak_frame frame;
    size_t at = 0;

    conn->retry = false;
    while (!conn->faulty && !conn->stopping) {
        size_t used = 0;
        if (!ak_runlog_ready(conn->log))
            return at;
        if (protocol->window_full != NULL &&
            (protocol->window_full(conn) || ak_conn_unread(conn))) {
            conn->retry = true;
            return at;
        }
        protocol->next(conn, data + at, len - at, &used, &frame);
        at += used;
        if (frame.kind == AK_FRAME_NONE)
            return len;
        if (frame.kind == AK_FRAME_NO_ROOM) {
            conn->retry = true;
            return at;
        }
        if (frame.kind != AK_FRAME_ERROR &&
            (protocol->judge == NULL || protocol->judge(conn, &frame)))
            ak_conn_take_record(conn, &frame);
        if (frame.kind == AK_FRAME_ERROR)
            ak_conn_fault(conn, &frame);
    }
    return len; /* what follows has no meaning any more */
}

static size_t on_plain(void *ctx, const uint8_t *plain, size_t n)
{
    struct ak_conn *conn = ctx;

    if (!ak_conn_identify(conn))
        return n;
    return ak_conn_take(conn, plain, n);
}

static void on_tls_failure(struct ak_conn *conn, const struct ak_error *err)
{
    if (conn->log == NULL) {
        ak_conn_refuse(conn, err->text);
        return;
    }
    ak_log(AK_LOG_WARNING, "listener %s: %s: %s", conn->stream->intake.url, conn->address,
           err->text);
    conn->stopping = true;
    (void)snprintf(conn->reason, sizeof(conn->reason), "%s", err->text);
}

static size_t feed_tls(struct ak_conn *conn, const uint8_t *data, size_t len)
{
    struct ak_tls_input input = {
        .cipher = data,
        .n = len,
        .now = ak_conn_now_seconds(conn->server),
        .scratch = conn->server->plain_scratch,
        .scratch_bytes = AK_TLS_PLAIN_BYTES_MAX,
        .on_plain = on_plain,
        .ctx = conn,
    };
    struct ak_error err = {0};
    enum ak_code rc = ak_tls_feed(conn->tls, &input, &err);

    if (rc != AK_OK)
        on_tls_failure(conn, &err);
    else if (ak_tls_peer(conn->tls) != NULL)
        (void)ak_conn_identify(conn);
    ak_conn_collect_tls(conn);
    return rc == AK_OK ? input.consumed : len;
}

/* Gives how many bytes were used; see take. */
static size_t feed(struct ak_conn *conn, const uint8_t *data, size_t len)
{
    return conn->tls != NULL ? feed_tls(conn, data, len) : ak_conn_take(conn, data, len);
}

void ak_conn_block(struct ak_conn *conn)
{
    if (conn->reading)
        (void)uv_read_stop((uv_stream_t *)&conn->tcp);
    conn->reading = false;
    if (!conn->retry && !conn->reader.waiting)
        ak_runlog_wait(conn->log, &conn->reader);
}

static void hold(struct ak_conn *conn, const uint8_t *data, size_t len)
{
    struct ak_frame none = {.reason = "memory", .text = "no memory for what it sent"};

    assert(conn->held == NULL);
    if (len == 0)
        return;
    conn->held = malloc(len);
    if (conn->held == NULL) {
        ak_conn_fault(conn, &none);
        return;
    }
    memcpy(conn->held, data, len);
    conn->held_len = len;
    conn->held_at = 0;
    conn->server->frames.used += len;
}

bool ak_conn_ending(const struct ak_conn *conn)
{
    return conn->faulty || conn->stopping || conn->closing;
}

void ak_conn_after_input(struct ak_conn *conn)
{
    if (conn->closing)
        return;
    if (!conn->protocol->in_frame(conn))
        conn->frame_since = 0;
    else if (conn->frame_since == 0)
        conn->frame_since = conn->server->boot;
    /* close_notify is answered with our own, and then the connection ends (RFC 5425 4.4). */
    if (conn->tls != NULL && ak_tls_ended_cleanly(conn->tls))
        conn->notified = true;
    if (ak_conn_ending(conn) ||
        ((conn->ended || conn->notified) && !conn->reader.waiting && !conn->retry))
        ak_conn_settle(conn);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct ak_conn *conn = handle->data;
    bool room = conn->log == NULL || ak_runlog_ready(conn->log);
    unsigned bytes = AK_READ_BYTES;

    /* What finds no room in the framer is held: many connections must not hold much each. */
    if (conn->server->frames.used >= conn->server->frames.max)
        bytes = READ_SHORT_BYTES;
    (void)size;
    *buf = uv_buf_init((char *)conn->server->read_scratch, room ? bytes : 0);
}

static void on_end_of_input(struct ak_conn *conn)
{
    struct ak_error err = {0};
    bool cut;

    conn->ended = true;
    conn->reading = false;
    (void)uv_read_stop((uv_stream_t *)&conn->tcp);
    if (conn->tls == NULL || conn->faulty)
        return;
    cut = ak_tls_eof(conn->tls, &err) != AK_OK;
    if (conn->log == NULL) {
        if (cut && conn->server->boot != conn->opened)
            ak_conn_refuse(conn, err.text);
        conn->faulty = conn->told = true;
    } else if (cut && conn->reason[0] == '\0') {
        (void)snprintf(conn->reason, sizeof(conn->reason), "%s", err.text);
    }
}

bool ak_conn_is_held(const struct ak_conn *conn)
{
    return conn->held != NULL || (conn->tls != NULL && ak_tls_is_held(conn->tls));
}

static void on_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf)
{
    struct ak_conn *conn = handle->data;
    size_t used;

    if (n == 0)
        return;
    ak_server_look(conn->server);
    if (n == UV_ENOBUFS) {
        ak_conn_block(conn);
        return;
    }
    if (n < 0) {
        on_end_of_input(conn);
        ak_conn_after_input(conn);
        return;
    }
    conn->last_byte = conn->server->boot;
    used = feed(conn, (const uint8_t *)buf->base, (size_t)n);
    if (!ak_conn_ending(conn) && (used < (size_t)n || ak_conn_is_held(conn))) {
        hold(conn, (const uint8_t *)buf->base + used, (size_t)n - used);
        if (!ak_conn_ending(conn))
            ak_conn_block(conn);
    }
    ak_conn_after_input(conn);
}

void ak_conn_start_reading(struct ak_conn *conn)
{
    if (conn->reading || conn->ended)
        return;
    conn->reading = uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read) == 0;
}

void ak_conn_resume(struct ak_conn *conn)
{
    if (!ak_conn_ending(conn) && ak_conn_is_held(conn)) {
        conn->held_at += feed(conn, conn->held + conn->held_at, conn->held_len - conn->held_at);
        if (conn->held_at == conn->held_len)
            ak_conn_drop_held(conn);
        if (!ak_conn_ending(conn) && ak_conn_is_held(conn))
            ak_conn_block(conn);
    } else {
        conn->retry = false;
    }
    ak_conn_after_input(conn);
    if (!ak_conn_ending(conn) && !conn->reader.waiting && !conn->retry)
        ak_conn_start_reading(conn);
}

void ak_conn_on_room(struct ak_reader *reader)
{
    struct ak_conn *conn = (struct ak_conn *)((char *)reader - offsetof(struct ak_conn, reader));

    ak_server_look(conn->server);
    ak_conn_resume(conn);
}
