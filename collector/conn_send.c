/* conn_send.c - what a connection has to say, gathered during a turn of the loop and sent at its
 * end. */
#include "conn_private.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LINGER_NS       (2 * AK_NS_PER_S) /* until the peer has read our last words */
#define OUT_BYTES_MAX   1048576u          /* answers that the peer does not read */
#define OUT_BYTES_HELD  65536u            /* unread answers that hold a sender back */
#define OUT_BYTES_FIRST 512u

void ak_conn_will_talk(struct ak_conn *conn)
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
            ak_conn_close_now(conn);
            return false;
        }
        conn->out = grown;
        conn->out_cap = cap;
    }
    memcpy(conn->out + conn->out_len, data, len);
    conn->out_len += len;
    return true;
}

bool ak_conn_unread(struct ak_conn *conn)
{
    conn->unread = conn->out_len > OUT_BYTES_HELD;
    return conn->unread;
}

void ak_conn_collect_tls(struct ak_conn *conn)
{
    uint8_t *cipher;
    size_t n;

    if (conn->tls == NULL)
        return;
    cipher = ak_tls_output(conn->tls, &n);
    if (n > 0 && append_out(conn, cipher, n))
        ak_conn_will_talk(conn);
    free(cipher);
}

void ak_conn_say(struct ak_conn *conn, const void *data, size_t len)
{
    struct ak_error err = {0};

    if (conn->closing)
        return;
    if (conn->tls == NULL) {
        if (append_out(conn, data, len))
            ak_conn_will_talk(conn);
        return;
    }
    if (ak_tls_write(conn->tls, data, len, &err) != AK_OK) {
        ak_log(AK_LOG_WARNING, "listener %s: %s: closed: %s", conn->stream->intake.url,
               conn->address, err.text);
        ak_conn_close_now(conn);
        return;
    }
    ak_conn_will_talk(conn);
}

static void on_written(uv_write_t *write, int status)
{
    struct ak_conn *conn = write->data;

    free(conn->writing);
    conn->writing = NULL;
    if (conn->closing)
        return;
    if (status < 0) {
        ak_conn_close_now(conn);
        return;
    }
    ak_conn_will_talk(conn);
}

/* Discards what still comes: closing with unread bytes would make the kernel throw away what the
 * peer has not read yet. */
static void on_discard(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    if (n < 0)
        ak_conn_close_now(handle->data);
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
        ak_conn_close_now(conn);
        return;
    }
    (void)shutdown(fd, SHUT_WR);
    conn->close_at = conn->server->boot + LINGER_NS;
    if (uv_read_start((uv_stream_t *)&conn->tcp, on_discard_alloc, on_discard) != 0)
        ak_conn_close_now(conn);
}

void ak_conn_say_goodbye(struct ak_conn *conn)
{
    conn->said_all = conn->stopping = true;
    if (conn->tls != NULL)
        ak_tls_close(conn->tls);
    ak_conn_will_talk(conn);
}

static void talk(struct ak_conn *conn)
{
    uv_buf_t buf;
    int n;

    if (conn->retry && !conn->reader.waiting)
        ak_conn_resume(conn);
    if (conn->stopping && !conn->closing)
        ak_conn_settle(conn);
    if (conn->protocol->speak != NULL && !conn->closing && !conn->said_all)
        conn->protocol->speak(conn);
    ak_conn_collect_tls(conn);
    if (conn->closing || conn->writing != NULL)
        return;
    if (conn->out_len > 0) {
        buf = uv_buf_init((char *)conn->out, (unsigned)conn->out_len);
        n = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
        if (n < 0 && n != UV_EAGAIN) {
            ak_conn_close_now(conn);
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
                ak_conn_close_now(conn);
            return;
        }
        free(conn->out);
        conn->out = NULL;
        conn->out_len = conn->out_cap = 0;
    }
    if (conn->unread) { /* all is written: what was held back goes on */
        conn->unread = false;
        ak_conn_will_talk(conn);
    }
    if (conn->protocol->finished != NULL && conn->protocol->finished(conn) && !conn->said_all)
        ak_conn_say_goodbye(conn);
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
                ak_conn_resume(conn);
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
