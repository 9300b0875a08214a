/* http.c - questions over HTTP, asked of a server with canned answers on the same loop. */
#include "http.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 20000u

static uv_loop_t loop;
static uv_tcp_t server;
static char base[64]; /* "http://127.0.0.1:PORT" */
static struct ak_http *http;

struct peer {
    uv_tcp_t tcp;
    uv_write_t write;
    char got[4096];
    size_t len;
};

static char asked[4096]; /* what the server got last */
static const char *canned = "";
static bool server_open;

static void on_peer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_written(uv_write_t *req, int status)
{
    struct peer *peer = req->data;

    (void)status;
    if (!uv_is_closing((uv_handle_t *)&peer->tcp))
        uv_close((uv_handle_t *)&peer->tcp, on_peer_closed);
}

static void on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
    struct peer *peer = handle->data;

    (void)hint;
    *buf = uv_buf_init(peer->got + peer->len, (unsigned)(sizeof(peer->got) - 1 - peer->len));
}

/* True when the head and as much body as it names are there. */
static bool whole(const struct peer *peer)
{
    const char *end = strstr(peer->got, "\r\n\r\n");
    const char *length = strstr(peer->got, "Content-Length: ");

    if (end == NULL)
        return false;
    return length == NULL || strlen(end + 4) >= strtoul(length + 16, NULL, 10);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct peer *peer = stream->data;
    uv_buf_t out = uv_buf_init((char *)(uintptr_t)canned, (unsigned)strlen(canned));

    (void)buf;
    if (n < 0) {
        uv_close((uv_handle_t *)stream, on_peer_closed);
        return;
    }
    peer->len += (size_t)n;
    peer->got[peer->len] = '\0';
    if (!whole(peer))
        return;
    memcpy(asked, peer->got, peer->len + 1);
    if (canned[0] == '\0')
        return; /* says nothing */
    peer->write.data = peer;
    assert_int_equal(uv_write(&peer->write, stream, &out, 1, on_written), 0);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct peer *peer = calloc(1, sizeof(*peer));

    assert_int_equal(status, 0);
    assert_non_null(peer);
    assert_int_equal(uv_tcp_init(&loop, &peer->tcp), 0);
    peer->tcp.data = peer;
    assert_int_equal(uv_accept(stream, (uv_stream_t *)&peer->tcp), 0);
    assert_int_equal(uv_read_start((uv_stream_t *)&peer->tcp, on_alloc, on_read), 0);
}

static void stop_server(void)
{
    if (server_open)
        uv_close((uv_handle_t *)&server, NULL);
    server_open = false;
}

static int setup(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    struct ak_error err = {0};
    int len = sizeof(at);

    (void)state;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(uv_tcp_init(&loop, &server), 0);
    assert_int_equal(uv_tcp_bind(&server, (struct sockaddr *)&at, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&server, 16, on_connection), 0);
    assert_int_equal(uv_tcp_getsockname(&server, (struct sockaddr *)&at, &len), 0);
    server_open = true;
    (void)snprintf(base, sizeof(base), "http://127.0.0.1:%u", ntohs(at.sin_port));
    assert_int_equal(ak_http_new(&loop, &http, &err), AK_OK);
    canned = "";
    asked[0] = '\0';
    return 0;
}

struct result {
    unsigned calls;
    int status;
    char type[128];
    char body[4096];
    size_t len;
    char error[512];
    bool close; /* closes from inside the answer */
    bool closed;
};

static void on_closed(void *ctx)
{
    ((struct result *)ctx)->closed = true;
}

static void on_answer(void *ctx, const struct ak_http_answer *answer)
{
    struct result *r = ctx;

    r->calls++;
    (void)snprintf(r->error, sizeof(r->error), "%s", answer->error == NULL ? "" : answer->error);
    r->status = answer->status;
    (void)snprintf(r->type, sizeof(r->type), "%s", answer->content_type);
    r->len = answer->len;
    if (answer->len > 0)
        memcpy(r->body, answer->body, answer->len);
    if (r->close) {
        ak_http_close(http, on_closed, r);
        http = NULL;
        stop_server();
    }
}

static int teardown(void **state)
{
    (void)state;
    if (http != NULL)
        ak_http_close(http, NULL, NULL);
    http = NULL;
    stop_server();
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0); /* nothing is left over */
    return 0;
}

static void start(struct result *r, const char *path, const char *body, uint64_t timeout_ms,
                  struct ak_http_call **call)
{
    char url[128];
    struct ak_http_request request = {.url = url,
                                      .content_type = "application/x-question",
                                      .body = body,
                                      .len = body == NULL ? 0 : strlen(body),
                                      .timeout_ms = timeout_ms,
                                      .answer_max = 1000};
    struct ak_error err = {0};

    (void)snprintf(url, sizeof(url), "%s%s", base, path);
    assert_int_equal(ak_http_start(http, &request, on_answer, r, call, &err), AK_OK);
    assert_int_equal(r->calls, 0);
}

static void ask(struct result *r, const char *path, const char *body, uint64_t timeout_ms)
{
    start(r, path, body, timeout_ms, NULL);
    while (r->calls == 0)
        (void)uv_run(&loop, UV_RUN_ONCE);
}

static void get_and_post(void **state)
{
    struct result r = {0}, p = {0};

    (void)state;
    canned = "HTTP/1.1 200 OK\r\nContent-Type: Text/X.Tlog.Size; charset=x\r\n"
             "Content-Length: 5\r\n\r\nhello";
    ask(&r, "/a/b", NULL, PATIENCE_MS);
    assert_string_equal(r.error, "");
    assert_int_equal(r.status, 200);
    assert_string_equal(r.type, "text/x.tlog.size");
    assert_int_equal(r.len, 5);
    assert_memory_equal(r.body, "hello", 5);
    assert_memory_equal(asked, "GET /a/b HTTP/1.1\r\n", 19);

    ask(&p, "/add", "old 5\n", PATIENCE_MS);
    assert_int_equal(p.status, 200);
    assert_memory_equal(asked, "POST /add HTTP/1.1\r\n", 20);
    assert_non_null(strstr(asked, "Content-Type: application/x-question\r\n"));
    assert_null(strstr(asked, "Expect"));
    assert_non_null(strstr(asked, "\r\n\r\nold 5\n"));
}

/* A redirect is an answer, and the environment's proxy is not asked. */
static void nothing_else(void **state)
{
    struct result r = {0};

    (void)state;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    canned = "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n";
    ask(&r, "/", NULL, PATIENCE_MS);
    assert_int_equal(unsetenv("http_proxy"), 0);
    assert_string_equal(r.error, "");
    assert_int_equal(r.status, 302);
    assert_string_equal(r.type, "");
    assert_int_equal(r.len, 0);
}

static void hostile(void **state)
{
    static char text[120000];
    struct result r[5] = {{0}};
    size_t at;

    (void)state;
    at = (size_t)snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n");
    memset(text + at, 'x', 1001);
    canned = text;
    ask(&r[0], "/", NULL, PATIENCE_MS); /* one byte more than allowed */
    assert_string_equal(r[0].error, "the answer is longer than anything that was asked for");
    text[at - 6] = '0'; /* 1000 of them are allowed */
    text[at - 5] = '0';
    text[at + 1000] = '\0';
    ask(&r[1], "/", NULL, PATIENCE_MS);
    assert_string_equal(r[1].error, "");
    assert_int_equal(r[1].len, 1000);
    at = (size_t)snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n");
    for (unsigned i = 0; i < 70; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "X-%u: %01000u\r\n", i, i);
    (void)snprintf(text + at, sizeof(text) - at, "Content-Length: 0\r\n\r\n");
    ask(&r[2], "/", NULL, PATIENCE_MS);
    assert_string_equal(r[2].error, "the answer's header is too long");
    canned = "no HTTP at all\n";
    ask(&r[3], "/", NULL, PATIENCE_MS);
    assert_string_not_equal(r[3].error, "");
    canned = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort";
    ask(&r[4], "/", NULL, PATIENCE_MS);
    assert_string_not_equal(r[4].error, "");
}

static void slow_or_gone(void **state)
{
    struct result r = {0}, s = {0}, cancelled = {0};
    struct ak_http_call *call;

    (void)state;
    start(&cancelled, "/", NULL, PATIENCE_MS, &call);
    ask(&r, "/", NULL, 50); /* it says nothing */
    assert_non_null(strstr(r.error, "timed out"));
    ak_http_cancel(call);
    stop_server();
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    ask(&s, "/", NULL, PATIENCE_MS);
    assert_string_not_equal(s.error, "");
    assert_int_equal(cancelled.calls, 0);
}

/* What is under way is answered when it is closed, also from inside an answer. */
static void closing(void **state)
{
    struct result r = {.close = true}, other = {0};

    (void)state;
    start(&other, "/", NULL, PATIENCE_MS, NULL); /* it says nothing yet */
    for (int i = 0; asked[0] == '\0'; i++)
        (void)uv_run(&loop, UV_RUN_ONCE);
    canned = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    ask(&r, "/", NULL, PATIENCE_MS);
    assert_int_equal(r.status, 200);
    assert_int_equal(other.calls, 1);
    assert_string_equal(other.error, "the collector stops");
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(r.closed);
}

static void urls(void **state)
{
    static const char *const good[] = {"http://a", "https://a.example:8443/witness/",
                                       "http://[::1]:80/x"};
    static const char *const bad[] = {"",          "a.example",       "ftp://a/",
                                      "file:///a", "http://u:p@a/",   "http://a/?q",
                                      "http://",   "http://a:99999/", "http://a/#f"};
    struct ak_error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(ak_http_url_check(good[i], &err), AK_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(ak_http_url_check(bad[i], &err), AK_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(get_and_post, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(hostile, setup, teardown),
        cmocka_unit_test_setup_teardown(slow_or_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(closing, setup, teardown),
        cmocka_unit_test(urls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
