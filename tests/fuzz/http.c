/* http.c - fuzz target: what another machine answers to a question (http.h), as raw bytes over a
 * connection of loopback. The first byte of an input bounds the answer's length; whatever comes,
 * the question is answered once, with an error or with an answer within its bounds. */
#include "http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_MS 2000u
#define URL_BYTES  64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    uv_loop_t loop;
    struct ak_http *http;
    int listen_fd;
    uv_poll_t listener;
    char url[URL_BYTES];
    const uint8_t *data; /* the answer of this run */
    size_t size;
    size_t answer_max;
    unsigned answers;
} f;

/* The other machine's end of a connection. */
struct peer {
    uv_poll_t poll;
    int fd;
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void on_closed(uv_handle_t *handle)
{
    struct peer *peer = handle->data;

    (void)close(peer->fd);
    free(peer);
}

/* The whole question is one packet of loopback; the answer goes out at once, and the end. */
static void on_question(uv_poll_t *poll, int status, int events)
{
    const struct peer *peer = poll->data;
    char question[4096];
    size_t done = 0;

    (void)status;
    (void)events;
    (void)recv(peer->fd, question, sizeof(question), MSG_DONTWAIT);
    while (done < f.size) {
        ssize_t n = send(peer->fd, f.data + done, f.size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0)
            break; /* what the socket does not take at once is cut */
        done += (size_t)n;
    }
    uv_close((uv_handle_t *)poll, on_closed);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct peer *peer = malloc(sizeof(*peer));

    (void)poll;
    (void)status;
    (void)events;
    check(peer != NULL);
    peer->fd = accept4(f.listen_fd, NULL, NULL, SOCK_CLOEXEC);
    check(peer->fd >= 0 && uv_poll_init(&f.loop, &peer->poll, peer->fd) == 0);
    peer->poll.data = peer;
    check(uv_poll_start(&peer->poll, UV_READABLE | UV_DISCONNECT, on_question) == 0);
}

static void on_answer(void *ctx, const struct ak_http_answer *answer)
{
    (void)ctx;
    f.answers++;
    check(answer->len <= f.answer_max);
    check(answer->error == NULL || (answer->error[0] != '\0' && answer->len == 0));
    check(answer->error != NULL ||
          (answer->content_type != NULL && answer->status >= 100 && answer->status <= 999));
}

static void begin(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    check(uv_loop_init(&f.loop) == 0 && ak_http_new(&f.loop, &f.http, NULL) == AK_OK);
    f.listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(bind(f.listen_fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
          listen(f.listen_fd, 16) == 0 &&
          getsockname(f.listen_fd, (struct sockaddr *)&address, &len) == 0);
    (void)snprintf(f.url, sizeof(f.url), "http://127.0.0.1:%u/x", ntohs(address.sin_port));
    check(uv_poll_init(&f.loop, &f.listener, f.listen_fd) == 0 &&
          uv_poll_start(&f.listener, UV_READABLE, on_connection) == 0);
}

static void end(void)
{
    ak_http_close(f.http, NULL, NULL);
    uv_close((uv_handle_t *)&f.listener, NULL);
    (void)uv_run(&f.loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&f.loop);
    (void)close(f.listen_fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ak_http_request request = {.timeout_ms = TIMEOUT_MS};

    if (size == 0)
        return 0;
    if (f.http == NULL) {
        begin();
        (void)atexit(end);
    }
    f.data = data + 1;
    f.size = size - 1;
    f.answers = 0;
    f.answer_max = request.answer_max = (size_t)data[0] * 4;
    request.url = f.url;
    check(ak_http_start(f.http, &request, on_answer, NULL, NULL, NULL) == AK_OK);
    while (f.answers == 0)
        (void)uv_run(&f.loop, UV_RUN_ONCE);
    check(f.answers == 1);
    return 0;
}
