/* witness_conn.c - connections of a witness: bytes in, answers out, deadlines.
 *
 * READING -> ANSWERING -> READING or closed. While a request is answered nothing is read, so a
 * client that sends more waits in the kernel. Whatever comes behind a request within one read is
 * not looked at, and the connection ends with the answer.
 *
 * Failure modes: a client that is slow, silent or does not take its answer runs into its deadline;
 * one that leaves while its request is judged misses the answer, and what was stored stands. */
#include "witness_private.h"

#include "clock.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S   1000000000ull
#define REQUEST_MS 15000u /* from the first byte of a request (or the accept) to its last */
#define IDLE_MS    60000u /* between two requests */
#define WRITE_MS   15000u /* to take an answer */
#define DRAIN_MS   2000u  /* for the client to see our end before its bytes reset the connection */
#define HEAD_BYTES 512u
#define DATE_BYTES 40u

struct out {
    uv_write_t write;
    struct ak_witness_conn *conn;
    void *data; /* owned */
};

static const char *reason_of(unsigned status)
{
    switch (status) {
    case 200:
        return "OK";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 409:
        return "Conflict";
    case 413:
        return "Content Too Large";
    case 417:
        return "Expectation Failed";
    case 422:
        return "Unprocessable Content";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 503:
        return "Service Unavailable";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Bad Request";
    }
}

/* ---- the end */

static void on_closed(uv_handle_t *handle)
{
    struct ak_witness_conn *conn = handle->data;
    struct ak_witness_server *server = conn->listener->server;

    if (conn->job != NULL)
        conn->job->conn = NULL;
    if (conn->client != NULL)
        ak_witness_limit_leave(conn->client);
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        server->conns = conn->next;
    server->conn_count--;
    ak_tls_session_free(conn->tls);
    ak_witness_parser_free(conn->parser);
    free(conn);
    ak_witness_maybe_end(server);
}

void ak_witness_conn_close(struct ak_witness_conn *conn)
{
    if (conn->closing)
        return;
    conn->closing = true;
    if (conn->job != NULL) {
        conn->job->conn = NULL;
        conn->job = NULL;
    }
    uv_close((uv_handle_t *)&conn->tcp, on_closed);
}

/* ---- writing */

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);
static void on_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf);

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct ak_witness_conn *conn = request->data;

    if (status < 0)
        ak_witness_conn_close(conn);
}

/* The last answer is written. Closing while bytes of the client are unread would reset the
 * connection, and the client could miss the answer. */
static void drain(struct ak_witness_conn *conn)
{
    conn->draining = true;
    conn->deadline = uv_now(&conn->listener->server->loop) + DRAIN_MS;
    conn->shutdown.data = conn;
    if (uv_shutdown(&conn->shutdown, (uv_stream_t *)&conn->tcp, on_shutdown) != 0 ||
        (uv_is_active((const uv_handle_t *)&conn->tcp) == 0 &&
         uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read) != 0))
        ak_witness_conn_close(conn);
}

static void read_on(struct ak_witness_conn *conn);

static void on_written(uv_write_t *write, int status)
{
    struct out *out = write->data;
    struct ak_witness_conn *conn = out->conn;

    free(out->data);
    free(out);
    conn->writing--;
    if (conn->closing)
        return;
    if (status < 0)
        ak_witness_conn_close(conn);
    else if (conn->writing == 0 && conn->last && !conn->answering)
        drain(conn);
    else if (conn->writing == 0 && conn->replied)
        read_on(conn);
}

/* Hands bytes to the kernel; takes `data`. */
static void send_bytes(struct ak_witness_conn *conn, void *data, size_t len)
{
    struct out *out = malloc(sizeof(*out));
    uv_buf_t buf = uv_buf_init(data, (unsigned)len);

    if (out == NULL) {
        free(data);
        ak_witness_conn_close(conn);
        return;
    }
    out->conn = conn;
    out->data = data;
    out->write.data = out;
    conn->writing++;
    if (uv_write(&out->write, (uv_stream_t *)&conn->tcp, &buf, 1, on_written) != 0) {
        conn->writing--;
        free(data);
        free(out);
        ak_witness_conn_close(conn);
    }
}

/* What TLS has to send, if anything. */
static void flush_tls(struct ak_witness_conn *conn)
{
    size_t n;
    uint8_t *data = conn->closing ? NULL : ak_tls_output(conn->tls, &n);

    if (data != NULL)
        send_bytes(conn, data, n);
}

/* Sends plain bytes; takes `data`. */
static void send_plain(struct ak_witness_conn *conn, char *data, size_t len)
{
    struct ak_error err = {0};
    enum ak_code rc;

    if (conn->tls == NULL) {
        send_bytes(conn, data, len);
        return;
    }
    rc = ak_tls_write(conn->tls, data, len, &err);
    free(data);
    if (rc != AK_OK) {
        ak_witness_conn_close(conn);
        return;
    }
    if (conn->last)
        ak_tls_close(conn->tls);
    flush_tls(conn);
}

static void date_text(char *out)
{
    time_t now = (time_t)(ak_clock_wall() / NS_PER_S);
    struct tm tm;

    out[0] = '\0';
    if (gmtime_r(&now, &tm) != NULL)
        (void)strftime(out, DATE_BYTES, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

void ak_witness_conn_answer(struct ak_witness_conn *conn, unsigned status, const char *type,
                            const char *body, size_t len)
{
    const struct ak_witness_http *http = ak_witness_parser_request(conn->parser);
    bool head_only = http->method == AK_WITNESS_HEAD;
    char *data = malloc(HEAD_BYTES + len);
    char date[DATE_BYTES];
    int n;

    if (data == NULL) {
        ak_witness_conn_close(conn);
        return;
    }
    conn->last = conn->last || !http->keep_alive || conn->listener->server->stopping;
    date_text(date);
    n = snprintf(data, HEAD_BYTES,
                 "HTTP/1.1 %u %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                 "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n%s%sConnection: "
                 "%s\r\n\r\n",
                 status, reason_of(status), date, type, len,
                 status == 405 ? "Allow: GET, HEAD, POST\r\n" : "",
                 status == 429 || status == 503 ? "Retry-After: 1\r\n" : "",
                 conn->last ? "close" : "keep-alive");
    if (!head_only && len > 0)
        memcpy(data + n, body, len);
    conn->listener->server->answered++;
    conn->answering = false;
    conn->continued = false;
    conn->replied = true;
    conn->deadline = uv_now(&conn->listener->server->loop) + WRITE_MS;
    ak_witness_parser_reset(conn->parser);
    send_plain(conn, data, (size_t)n + (head_only ? 0 : len));
}

/* ---- reading */

static void say(struct ak_witness_conn *conn, unsigned status, const char *text)
{
    char body[128];
    int n = snprintf(body, sizeof(body), "%s\n", text);

    ak_witness_conn_answer(conn, status, "text/plain; charset=utf-8", body, (size_t)n);
}

static void continue_if_asked(struct ak_witness_conn *conn)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char *data;

    if (conn->continued || !ak_witness_parser_request(conn->parser)->expects_continue)
        return;
    conn->continued = true;
    data = malloc(sizeof(text) - 1);
    if (data == NULL) {
        ak_witness_conn_close(conn);
        return;
    }
    memcpy(data, text, sizeof(text) - 1);
    send_plain(conn, data, sizeof(text) - 1);
}

/* Plain bytes of the client. All count as taken. */
static size_t take(void *ctx, const uint8_t *data, size_t n)
{
    struct ak_witness_conn *conn = ctx;
    enum ak_witness_step step;
    size_t used;

    if (conn->closing)
        return n;
    if (conn->answering || conn->last) {
        conn->last = true; /* more than one request at once */
        return n;
    }
    if (!ak_witness_parser_begun(conn->parser))
        conn->deadline = uv_now(&conn->listener->server->loop) + REQUEST_MS;
    step = ak_witness_parser_feed(conn->parser, data, n, &used);
    if (step == AK_WITNESS_MORE) {
        continue_if_asked(conn);
        return n;
    }
    conn->answering = true;
    conn->deadline = 0;
    (void)uv_read_stop((uv_stream_t *)&conn->tcp);
    if (used < n || step == AK_WITNESS_REFUSED)
        conn->last = true;
    if (step == AK_WITNESS_REFUSED)
        say(conn, ak_witness_parser_request(conn->parser)->status,
            ak_witness_parser_request(conn->parser)->why);
    else if (!ak_witness_limit_take(conn->client, uv_hrtime())) {
        conn->listener->server->refused++;
        say(conn, 429, "this address asks too often");
    } else
        ak_witness_route(conn);
    return n;
}

static void take_cipher(struct ak_witness_conn *conn, const uint8_t *data, size_t n)
{
    struct ak_tls_input input = {
        .cipher = data,
        .n = n,
        .now = (int64_t)(ak_clock_wall() / NS_PER_S),
        .scratch = conn->listener->server->plain,
        .scratch_bytes = sizeof(conn->listener->server->plain),
        .on_plain = take,
        .ctx = conn,
    };
    struct ak_error err = {0};
    enum ak_code rc = ak_tls_feed(conn->tls, &input, &err);

    flush_tls(conn);
    if (rc == AK_OK || conn->closing)
        return;
    ak_log(AK_LOG_INFO, "a client of %s: %s", conn->listener->url->at.text, err.text);
    if (conn->writing == 0)
        ak_witness_conn_close(conn);
    conn->last = true; /* after the alert */
}

static void on_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
    struct ak_witness_conn *conn = handle->data;

    (void)want;
    *buf = uv_buf_init(conn->listener->server->buffer, AK_WITNESS_READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct ak_witness_conn *conn = stream->data;

    if (n < 0)
        ak_witness_conn_close(conn);
    else if (conn->draining)
        return;
    else if (n > 0 && conn->tls != NULL)
        take_cipher(conn, (const uint8_t *)buf->base, (size_t)n);
    else if (n > 0)
        (void)take(conn, (const uint8_t *)buf->base, (size_t)n);
}

static void read_on(struct ak_witness_conn *conn)
{
    uint64_t now = uv_now(&conn->listener->server->loop);

    conn->replied = false;
    conn->deadline =
        now + (ak_witness_parser_begun(conn->parser) || conn->listener->server->stopping
                   ? REQUEST_MS
                   : IDLE_MS);
    if (uv_is_active((const uv_handle_t *)&conn->tcp) == 0 &&
        uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read) != 0)
        ak_witness_conn_close(conn);
}

/* ---- the beginning */

static bool set_up(struct ak_witness_conn *conn)
{
    struct ak_witness_server *server = conn->listener->server;
    struct sockaddr_storage peer;
    int len = sizeof(peer);
    struct ak_error err = {0};

    memset(&peer, 0, sizeof(peer));
    if (uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&peer, &len) != 0)
        return false;
    conn->client =
        server->conn_count > AK_WITNESS_CONNECTIONS_MAX || server->stopping
            ? NULL
            : ak_witness_limit_enter(&server->limit, (struct sockaddr *)&peer, uv_hrtime());
    if (conn->client == NULL) {
        server->refused++;
        return false;
    }
    if (ak_witness_parser_new(&conn->parser, &err) != AK_OK)
        return false;
    if (conn->listener->tls != NULL &&
        ak_tls_session_new(conn->listener->tls, &conn->tls, &err) != AK_OK)
        return false;
    (void)uv_tcp_nodelay(&conn->tcp, 1);
    return true;
}

void ak_witness_conn_accept(struct ak_witness_listener *listener)
{
    struct ak_witness_server *server = listener->server;
    struct ak_witness_conn *conn = calloc(1, sizeof(*conn));

    if (conn == NULL)
        return; /* libuv keeps it until there is memory */
    conn->listener = listener;
    (void)uv_tcp_init(&server->loop, &conn->tcp);
    conn->tcp.data = conn;
    conn->next = server->conns;
    if (server->conns != NULL)
        server->conns->prev = conn;
    server->conns = conn;
    server->conn_count++;
    if (uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)&conn->tcp) != 0 || !set_up(conn)) {
        ak_witness_conn_close(conn);
        return;
    }
    conn->deadline = uv_now(&server->loop) + REQUEST_MS;
    if (uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read) != 0)
        ak_witness_conn_close(conn);
}

void ak_witness_conns_tick(struct ak_witness_server *server)
{
    uint64_t now = uv_now(&server->loop);

    for (struct ak_witness_conn *conn = server->conns; conn != NULL; conn = conn->next) {
        if (conn->deadline != 0 && now >= conn->deadline)
            ak_witness_conn_close(conn);
    }
}

void ak_witness_conns_stop(struct ak_witness_server *server)
{
    for (struct ak_witness_conn *conn = server->conns; conn != NULL; conn = conn->next) {
        if (!conn->answering && conn->writing == 0)
            ak_witness_conn_close(conn);
        conn->last = true;
    }
}
