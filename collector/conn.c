/* conn.c - the life of one connection.
 *
 * The happy path is:
 *   1. on_read: bytes come in; with TLS they are decrypted first, and once it is known who sends
 *      the log is found (identify).
 *   2. the protocol cuts them into records and hands them over (ak_conn_record).
 *   3. when records became durable the protocol answers (on_durable); what is to be sent goes out
 *      at the end of the turn (ak_conns_talk).
 *   4. at the end (settle) what was not finished becomes a fragment with its event, what was not
 *      acknowledged an event; then the connection is closed.
 * Possible failure modes are:
 *   - the log has no room: reading stops (block) until it has (on_room); nothing is dropped.
 *   - a refused peer, lost framing, a deadline: an event, then closed. */
#include "conn.h"

#include "log.h"
#include "server.h"

#include <akashi/format.h>

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NS_PER_S         1000000000ull
#define RECHECK_NS       (60 * NS_PER_S) /* how long an expired certificate may go on at most */
#define LINGER_NS        (2 * NS_PER_S)  /* until the peer has read our last words */
#define LAST_ACK_NS      (30 * NS_PER_S) /* a connection we end waits for its commit so long */
#define QUIET_NS         NS_PER_S        /* then the first frame does not wait for what follows */
#define OUT_BYTES_MAX    1048576u        /* answers that the peer does not read */
#define WARN_AGAIN_NS    (24 * 3600 * NS_PER_S)
#define OUT_BYTES_FIRST  512u
#define READ_SHORT_BYTES 16384u /* of one read while memory for unfinished frames is used up */

static bool declare(struct ak_conn *conn);
static void settle(struct ak_conn *conn);
static void resume(struct ak_conn *conn);

static int64_t now_seconds(const struct ak_server *server)
{
    return (int64_t)(server->wall / NS_PER_S);
}

/* ---- memory and the end of it */

static void free_when_done(struct ak_conn *conn)
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
    free_when_done(conn);
}

static void drop_held(struct ak_conn *conn)
{
    conn->server->frames.used -= conn->held_len;
    free(conn->held);
    conn->held = NULL;
    conn->held_len = conn->held_at = 0;
}

static void close_now(struct ak_conn *conn)
{
    if (conn->closing)
        return;
    conn->closing = true;
    conn->stream->count--;
    conn->server->conn_count--;
    drop_held(conn);
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

/* ---- sending */

static void will_talk(struct ak_conn *conn)
{
    if (conn->talks || conn->closing)
        return;
    conn->talks = true;
    conn->next_talker = conn->server->talkers;
    conn->server->talkers = conn;
}

/* False if the connection was closed: the peer does not read, or there is no memory. */
static bool append_out(struct ak_conn *conn, const void *data, size_t len)
{
    size_t cap = conn->out_cap > 0 ? conn->out_cap : OUT_BYTES_FIRST;
    uint8_t *grown;

    if (len == 0)
        return true;
    while (cap < conn->out_len + len)
        cap *= 2;
    if (cap > conn->out_cap) {
        grown = cap <= OUT_BYTES_MAX ? realloc(conn->out, cap) : NULL;
        if (grown == NULL) {
            ak_log(AK_LOG_WARNING,
                   "listener %s: %s does not read its acknowledgements: closed; it will send its "
                   "records again",
                   conn->stream->intake.url, conn->address);
            close_now(conn);
            return false;
        }
        conn->out = grown;
        conn->out_cap = cap;
    }
    memcpy(conn->out + conn->out_len, data, len);
    conn->out_len += len;
    return true;
}

/* What TLS wants to send. */
static void collect_tls(struct ak_conn *conn)
{
    uint8_t *cipher;
    size_t n;

    if (conn->tls == NULL)
        return;
    cipher = ak_tls_output(conn->tls, &n);
    if (n > 0 && append_out(conn, cipher, n))
        will_talk(conn);
    free(cipher);
}

void ak_conn_say(struct ak_conn *conn, const void *data, size_t len)
{
    struct ak_error err = {0};

    if (conn->closing)
        return;
    if (conn->tls == NULL) {
        if (append_out(conn, data, len))
            will_talk(conn);
        return;
    }
    if (ak_tls_write(conn->tls, data, len, &err) != AK_OK) {
        ak_log(AK_LOG_WARNING, "listener %s: %s: closed: %s", conn->stream->intake.url,
               conn->address, err.text);
        close_now(conn);
        return;
    }
    will_talk(conn);
}

static void on_written(uv_write_t *write, int status)
{
    struct ak_conn *conn = write->data;

    free(conn->writing);
    conn->writing = NULL;
    if (conn->closing)
        return;
    if (status < 0) {
        close_now(conn);
        return;
    }
    will_talk(conn);
}

/* Discards what still comes: closing with unread bytes would make the kernel throw away what the
 * peer has not read yet. */
static void on_discard(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    if (n < 0)
        close_now(handle->data);
}

static void on_discard_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    const struct ak_conn *conn = handle->data;

    (void)size;
    *buf = uv_buf_init((char *)conn->server->read_scratch, AK_READ_BYTES);
}

/* All is said: our side of the connection ends, then, when the peer has ended too, all of it. */
static void linger(struct ak_conn *conn)
{
    uv_os_fd_t fd;

    if (conn->ended || uv_fileno((uv_handle_t *)&conn->tcp, &fd) != 0) {
        close_now(conn);
        return;
    }
    (void)shutdown(fd, SHUT_WR);
    conn->close_at = conn->server->boot + LINGER_NS;
    if (uv_read_start((uv_stream_t *)&conn->tcp, on_discard_alloc, on_discard) != 0)
        close_now(conn);
}

/* Nothing more will be said but the end of TLS. */
static void say_goodbye(struct ak_conn *conn)
{
    conn->said_all = conn->stopping = true;
    if (conn->tls != NULL)
        ak_tls_close(conn->tls);
    will_talk(conn);
}

static void talk(struct ak_conn *conn)
{
    uv_buf_t buf;
    int n;

    if (conn->retry && !conn->reader.waiting)
        resume(conn);
    if (conn->stopping && !conn->closing)
        settle(conn);
    if (conn->protocol->speak != NULL && !conn->closing && !conn->said_all)
        conn->protocol->speak(conn);
    collect_tls(conn);
    if (conn->closing || conn->writing != NULL)
        return;
    if (conn->out_len > 0) {
        buf = uv_buf_init((char *)conn->out, (unsigned)conn->out_len);
        n = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
        if (n < 0 && n != UV_EAGAIN) {
            close_now(conn);
            return;
        }
        if (n < 0)
            n = 0;
        if ((size_t)n < conn->out_len) {
            /* The rest waits in a buffer of its own, which the kernel reads from later. */
            conn->writing = conn->out;
            buf = uv_buf_init((char *)conn->out + n, (unsigned)(conn->out_len - (size_t)n));
            conn->out = NULL;
            conn->out_len = conn->out_cap = 0;
            conn->write.data = conn;
            if (uv_write(&conn->write, (uv_stream_t *)&conn->tcp, &buf, 1, on_written) != 0)
                close_now(conn);
            return;
        }
        free(conn->out);
        conn->out = NULL;
        conn->out_len = conn->out_cap = 0;
    }
    if (conn->protocol->finished != NULL && conn->protocol->finished(conn) && !conn->said_all)
        say_goodbye(conn);
    else if (conn->said_all && conn->close_at == 0)
        linger(conn);
}

/* Memory for unfinished frames was given back: those that waited for it go on. */
static void retry_all(struct ak_server *server)
{
    while (server->frames.released) {
        server->frames.released = server->frames.wanted = false;
        for (struct ak_conn *conn = server->conns; conn != NULL; conn = conn->next) {
            if (conn->retry && !conn->closing && !conn->reader.waiting)
                resume(conn);
        }
    }
}

void ak_conns_talk(struct ak_server *server)
{
    retry_all(server);
    while (server->talkers != NULL) {
        struct ak_conn *conn = server->talkers;
        server->talkers = conn->next_talker;
        conn->talks = false;
        talk(conn);
    }
}

/* ---- events */

void ak_conn_tell_expiring(struct ak_runlog *log, const char *side, const char *name, int64_t end,
                           const char *listener)
{
    struct ak_payload p;

    ak_payload_event(&p, "certificate-expiring", side);
    ak_payload_string(&p, "name", name);
    ak_payload_dec(&p, "until", end > 0 ? (uint64_t)end * NS_PER_S : 0);
    ak_payload_string(&p, "listener", listener);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
}

/* Framing is lost: what is at hand is kept as a fragment, with the event that says why. The log has
 * room. */
static void fault(struct ak_conn *conn, const struct ak_frame *frame)
{
    struct ak_payload p;

    conn->faulty = conn->told = true;
    ak_payload_event(&p, "framing-error", "sender");
    if (frame->len > 0 && (conn->ordinal != 0 || declare(conn))) {
        size_t limit = conn->log->options.record_bytes_max;
        size_t len = frame->len < limit ? frame->len : limit;
        uint64_t index =
            ak_runlog_record(conn->log, conn->ordinal, AK_KIND_FRAGMENT, frame->data, len, NULL);
        ak_payload_dec(&p, "index", index);
    }
    if (conn->ordinal != 0)
        ak_payload_number(&p, "source", conn->ordinal);
    ak_payload_string(&p, "listener", conn->stream->intake.url);
    ak_payload_string(&p, "address", conn->address);
    ak_payload_string(&p, "reason", frame->reason);
    ak_payload_string(&p, "text", frame->text);
    ak_runlog_own(conn->log, AK_KIND_EVENT, &p);
    ak_log(AK_LOG_WARNING,
           "listener %s: %s: %s. What came before is kept; the connection is closed.",
           conn->stream->intake.url, conn->address, frame->text);
}

/* The beginning of a record that will not be finished. */
static void tell_unfinished(struct ak_conn *conn, const struct ak_frame *frame)
{
    size_t limit = conn->log->options.record_bytes_max;
    size_t kept = frame->len < limit ? frame->len : limit;
    struct ak_payload p;
    uint64_t index;

    if (conn->ordinal == 0 && !declare(conn))
        return;
    index = ak_runlog_record(conn->log, conn->ordinal, AK_KIND_FRAGMENT, frame->data, kept, NULL);

    ak_payload_event(&p, "unfinished", "sender");
    ak_payload_number(&p, "source", conn->ordinal);
    ak_payload_dec(&p, "index", index);
    ak_payload_dec(&p, "kept", kept);
    ak_payload_string(&p, "listener", conn->stream->intake.url);
    if (conn->reason[0] != '\0')
        ak_payload_string(&p, "reason", conn->reason);
    ak_runlog_own(conn->log, AK_KIND_EVENT, &p);
}

static void tell_unacknowledged(struct ak_conn *conn)
{
    uint64_t count = conn->protocol->waiting != NULL ? conn->protocol->waiting(conn) : 0;
    struct ak_payload p;

    if (count == 0 || conn->ordinal == 0 || conn->counted)
        return;
    conn->counted = true;
    ak_payload_event(&p, "connection-unacknowledged", "network");
    ak_payload_number(&p, "source", conn->ordinal);
    ak_payload_dec(&p, "count", count);
    ak_payload_string(&p, "listener", conn->stream->intake.url);
    ak_runlog_own(conn->log, AK_KIND_EVENT, &p);
}

/* ---- who sends */

const char *ak_conn_route(struct ak_conn *conn)
{
    const char *const *names = NULL;
    const char *reason = NULL;
    size_t n = conn->tls != NULL ? ak_tls_names(conn->tls, &names) : 0;
    struct ak_runlog *log = ak_intake_route(
        &conn->stream->intake, (const struct sockaddr *)&conn->peer, names, n, &reason);

    if (log != NULL && conn->log == NULL)
        conn->log = log;
    else if (log != NULL && log != conn->log)
        reason = "the configuration sends it to another log now: it may connect again";
    return reason;
}

static void refuse(struct ak_conn *conn, const char *reason)
{
    ak_intake_refuse(&conn->stream->intake, (const struct sockaddr *)&conn->peer, reason);
    conn->faulty = conn->told = true;
}

static bool too_many_of_certificate(const struct ak_conn *conn, const struct ak_tls_peer *peer)
{
    uint64_t count = 0;

    for (const struct ak_conn *other = conn->server->conns; other != NULL; other = other->next) {
        const struct ak_tls_peer *its =
            other->stream == conn->stream && other->tls != NULL && !other->closing
                ? ak_tls_peer(other->tls)
                : NULL;
        count += its != NULL && its->verified &&
                 memcmp(its->fingerprint, peer->fingerprint, sizeof(peer->fingerprint)) == 0;
    }
    return count > conn->stream->intake.config->limits.connections_per_certificate;
}

/* The handshake is complete: which log? False if the peer is refused. */
static bool identify(struct ak_conn *conn)
{
    const struct ak_tls_peer *peer = ak_tls_peer(conn->tls);
    const char *reason = NULL;

    if (conn->log != NULL)
        return true;
    if (conn->faulty)
        return false; /* refused already */
    assert(peer != NULL);
    if (conn->stream->closed)
        reason = "the listener is being closed";
    else if (peer->verified && too_many_of_certificate(conn, peer))
        reason = "its certificate has as many connections as `connections_per_certificate` allows";
    else
        reason = ak_conn_route(conn);
    if (reason != NULL)
        refuse(conn, reason);
    return reason == NULL;
}

/* The certificate of a source that is about to end is told once a day. */
static void look_at_end_of_certificate(struct ak_conn *conn, const struct ak_tls_peer *peer)
{
    struct ak_source *source = ak_sources_at(conn->log->sources, conn->ordinal);
    int64_t left = peer->not_after - now_seconds(conn->server);

    if (left > (int64_t)(conn->server->config->certificate_warning / NS_PER_S) ||
        (source->warned != 0 && conn->server->boot - source->warned < WARN_AGAIN_NS))
        return;
    source->warned = conn->server->boot;
    if (left > 0)
        ak_log(AK_LOG_WARNING,
               "listener %s: the certificate of %s (%s) expires in %lld days; then it is refused "
               "and keeps its records. Renew it there.",
               conn->stream->intake.url, peer->name, conn->address, (long long)(left / 86400));
    ak_conn_tell_expiring(conn->log, "sender", peer->name, peer->not_after,
                          conn->stream->intake.url);
}

static bool declare(struct ak_conn *conn)
{
    const struct ak_tls_peer *peer = conn->tls != NULL ? ak_tls_peer(conn->tls) : NULL;
    const char *const *names = NULL;
    size_t n = conn->tls != NULL ? ak_tls_names(conn->tls, &names) : 0;
    bool verified = peer != NULL && peer->verified;

    conn->ordinal = ak_intake_stream_source(
        &conn->stream->intake, conn->log, (const struct sockaddr *)&conn->peer,
        verified ? peer->name : NULL, verified ? peer->fingerprint : NULL, names, n);
    if (conn->ordinal != 0 && verified)
        look_at_end_of_certificate(conn, peer);
    return conn->ordinal != 0;
}

/* ---- records and acknowledgements */

static void take_record(struct ak_conn *conn, const struct ak_frame *frame)
{
    bool waits = conn->protocol->durable != NULL;
    struct ak_frame none = {.reason = "no-source", .text = "the log can take no new sender"};

    if (conn->ordinal == 0 && !declare(conn)) {
        fault(conn, &none);
        return;
    }
    conn->frame_since = 0;
    if (waits)
        conn->outstanding++;
    ak_intake_record(conn->log, conn->ordinal, frame->data, frame->len, frame->received,
                     waits ? &conn->acker : NULL);
}

static void on_durable(struct ak_acker *acker, uint32_t count)
{
    struct ak_conn *conn = (struct ak_conn *)((char *)acker - offsetof(struct ak_conn, acker));

    assert(conn->outstanding >= count);
    conn->outstanding -= count;
    if (conn->closing) {
        free_when_done(conn);
        return;
    }
    conn->protocol->durable(conn, count);
    will_talk(conn); /* answers, and what waited for them, at the end of the turn */
}

/* ---- reading */

/* Cuts `len` bytes into frames and takes them. Gives how many were used: fewer if the log has no
 * room (then we wait for it) or acknowledgements or memory must come first (retry). */
static size_t take(struct ak_conn *conn, const uint8_t *data, size_t len)
{
    const struct ak_protocol *protocol = conn->protocol;
    struct ak_frame frame;
    size_t at = 0;

    conn->retry = false;
    while (!conn->faulty && !conn->stopping) {
        size_t used = 0;
        if (!ak_runlog_ready(conn->log))
            return at;
        if (protocol->window_full != NULL && protocol->window_full(conn)) {
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
            take_record(conn, &frame);
        if (frame.kind == AK_FRAME_ERROR)
            fault(conn, &frame);
    }
    return len; /* what follows has no meaning any more */
}

static size_t on_plain(void *ctx, const uint8_t *plain, size_t n)
{
    struct ak_conn *conn = ctx;

    if (!identify(conn))
        return n;
    return take(conn, plain, n);
}

static void on_tls_failure(struct ak_conn *conn, const struct ak_error *err)
{
    if (conn->log == NULL) {
        refuse(conn, err->text);
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
        .now = now_seconds(conn->server),
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
        (void)identify(conn);
    collect_tls(conn);
    return rc == AK_OK ? input.consumed : len;
}

/* Gives how many bytes were used; see take. */
static size_t feed(struct ak_conn *conn, const uint8_t *data, size_t len)
{
    return conn->tls != NULL ? feed_tls(conn, data, len) : take(conn, data, len);
}

/* Input waits: for room in the log, or (retry) for acknowledgements or memory. */
static void block(struct ak_conn *conn)
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
        fault(conn, &none);
        return;
    }
    memcpy(conn->held, data, len);
    conn->held_len = len;
    conn->held_at = 0;
    conn->server->frames.used += len;
}

static bool ending(const struct ak_conn *conn)
{
    return conn->faulty || conn->stopping || conn->closing;
}

/* Behind every input: the clock of an unfinished frame, and the end. */
static void after_input(struct ak_conn *conn)
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
    if (ending(conn) || ((conn->ended || conn->notified) && !conn->reader.waiting && !conn->retry))
        settle(conn);
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
            refuse(conn, err.text);
        conn->faulty = conn->told = true;
    } else if (cut && conn->reason[0] == '\0') {
        (void)snprintf(conn->reason, sizeof(conn->reason), "%s", err.text);
    }
}

/* Input is left that was received already. */
static bool is_held(const struct ak_conn *conn)
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
        block(conn);
        return;
    }
    if (n < 0) {
        on_end_of_input(conn);
        after_input(conn);
        return;
    }
    conn->last_byte = conn->server->boot;
    used = feed(conn, (const uint8_t *)buf->base, (size_t)n);
    if (!ending(conn) && (used < (size_t)n || is_held(conn))) {
        hold(conn, (const uint8_t *)buf->base + used, (size_t)n - used);
        if (!ending(conn))
            block(conn);
    }
    after_input(conn);
}

static void start_reading(struct ak_conn *conn)
{
    if (conn->reading || conn->ended)
        return;
    conn->reading = uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read) == 0;
}

/* What was held goes on, then reading. */
static void resume(struct ak_conn *conn)
{
    if (!ending(conn) && is_held(conn)) {
        conn->held_at += feed(conn, conn->held + conn->held_at, conn->held_len - conn->held_at);
        if (conn->held_at == conn->held_len)
            drop_held(conn);
        if (!ending(conn) && is_held(conn))
            block(conn);
    } else {
        conn->retry = false;
    }
    after_input(conn);
    if (!ending(conn) && !conn->reader.waiting && !conn->retry)
        start_reading(conn);
}

static void on_room(struct ak_reader *reader)
{
    struct ak_conn *conn = (struct ak_conn *)((char *)reader - offsetof(struct ak_conn, reader));

    ak_server_look(conn->server);
    resume(conn);
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
            block(conn);
            return false;
        }
        conn->protocol->end(conn, &frame);
        if (frame.kind == AK_FRAME_NONE)
            conn->told = true;
        else if (frame.kind == AK_FRAME_ERROR)
            fault(conn, &frame);
        else if (frame.kind == AK_FRAME_UNFINISHED)
            tell_unfinished(conn, &frame);
        else
            take_record(conn, &frame);
    }
    return true;
}

/* Nothing more is taken in: what is left is told, acknowledged, and the connection closed. Called
 * again until all of it is done. */
static void settle(struct ak_conn *conn)
{
    if (conn->closing || conn->said_all)
        return;
    if (conn->reading)
        (void)uv_read_stop((uv_stream_t *)&conn->tcp);
    conn->reading = false;
    conn->stopping = true;
    drop_held(conn);
    if (!tell_end(conn))
        return;
    if ((conn->ended || conn->notified) && conn->log != NULL)
        tell_unacknowledged(conn);
    if (conn->ended) {
        close_now(conn);
        return;
    }
    if (conn->notified) { /* what waits to be said is dropped (RFC 5246 7.2.1) */
        say_goodbye(conn);
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
        say_goodbye(conn);
}

void ak_conn_stop(struct ak_conn *conn)
{
    uv_os_fd_t fd;

    if (conn->closing || conn->stopping)
        return;
    if (conn->protocol->durable != NULL || conn->log == NULL) {
        /* What was not acknowledged comes again: nothing of it is kept here. */
        conn->told = conn->stopping = true;
        settle(conn);
        return;
    }
    /* What the kernel holds is read to its end; nothing new comes. */
    if (uv_fileno((uv_handle_t *)&conn->tcp, &fd) == 0)
        (void)shutdown(fd, SHUT_RD);
    (void)snprintf(conn->reason, sizeof(conn->reason), "the collector stopped");
    start_reading(conn);
}

void ak_conn_drop(struct ak_conn *conn)
{
    conn->told = true;
    close_now(conn);
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
    conn->acker.on_durable = on_durable;
    conn->reader.on_room = on_room;
    conn->opened = conn->last_byte = server->boot;
    conn->next_recheck = server->boot + RECHECK_NS;
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
        close_now(conn);
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
    start_reading(conn);
}

/* ---- once a second */

/* What was received and waits for memory is taken before the connection is ended; once, so for this
 * the budget does not count. */
static void take_what_waits(struct ak_conn *conn)
{
    struct ak_frame_budget *budget = &conn->server->frames;
    uint64_t max = budget->max;

    if (!conn->retry || !is_held(conn))
        return;
    budget->max = UINT64_MAX;
    resume(conn);
    budget->max = max;
}

static void end_late_frame(struct ak_conn *conn)
{
    take_what_waits(conn);
    if (conn->frame_since == 0 || ending(conn))
        return;
    (void)snprintf(conn->reason, sizeof(conn->reason),
                   "a record was not finished within `frame_timeout`");
    ak_log(AK_LOG_WARNING, "listener %s: %s: %s: closed", conn->stream->intake.url, conn->address,
           conn->reason);
    conn->stopping = true;
    settle(conn);
}

static void look_at_deadlines(struct ak_conn *conn)
{
    const struct ak_config_limits *limits = &conn->stream->intake.config->limits;
    uint64_t boot = conn->server->boot;

    if (conn->tls != NULL && ak_tls_peer(conn->tls) == NULL &&
        boot - conn->opened > limits->handshake_timeout) {
        refuse(conn, "its TLS handshake was not finished within `handshake_timeout`");
        settle(conn);
    } else if (conn->frame_since != 0 && limits->frame_timeout != 0 && !conn->reader.waiting &&
               boot - conn->frame_since > limits->frame_timeout) {
        end_late_frame(conn);
    } else if (limits->idle_timeout != 0 && conn->reading && conn->outstanding == 0 &&
               boot - conn->last_byte > limits->idle_timeout) {
        ak_conn_stop(conn);
    }
}

/* By the time, and by the configuration in force: may it still send? */
static void recheck(struct ak_conn *conn)
{
    struct ak_error err = {0};
    const char *reason = NULL;

    conn->next_recheck = conn->server->boot + RECHECK_NS;
    if (conn->log == NULL)
        return;
    if (conn->tls != NULL &&
        ak_tls_recheck(conn->tls, conn->stream->tls, now_seconds(conn->server), &err) != AK_OK)
        reason = err.text;
    if (reason == NULL)
        reason = ak_conn_route(conn);
    if (reason == NULL)
        return;
    ak_intake_refuse(&conn->stream->intake, (const struct sockaddr *)&conn->peer, reason);
    (void)snprintf(conn->reason, sizeof(conn->reason), "%s", reason);
    conn->stopping = true;
    settle(conn);
}

/* The first record of a stream may wait for what follows it: not for ever. */
static void look_at_quiet(struct ak_conn *conn)
{
    if (conn->protocol->quiet == NULL || conn->log == NULL || conn->retry || conn->reader.waiting ||
        conn->held != NULL || conn->server->boot - conn->last_byte < QUIET_NS ||
        !conn->protocol->quiet(conn))
        return;
    if (ak_runlog_ready(conn->log))
        (void)take(conn, NULL, 0);
    after_input(conn);
}

void ak_conns_tick(struct ak_server *server)
{
    struct ak_conn *next;

    for (struct ak_conn *conn = server->conns; conn != NULL; conn = next) {
        next = conn->next;
        if (conn->closing)
            continue;
        if ((conn->close_at != 0 && server->boot >= conn->close_at) ||
            (conn->close_at_commit != 0 && server->boot >= conn->close_at_commit)) {
            close_now(conn);
            continue;
        }
        if (conn->retry && !conn->reader.waiting)
            resume(conn);
        if (conn->closing || conn->stopping || conn->stream->closed)
            continue;
        look_at_quiet(conn);
        if (server->boot >= conn->next_recheck)
            recheck(conn);
        if (!conn->stopping && !conn->closing)
            look_at_deadlines(conn);
    }
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
        close_now(conn);
    }
}
