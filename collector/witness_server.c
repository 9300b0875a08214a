/* witness_server.c - start and end of a witness.
 *
 * Happy path: listeners are opened and told of, requests answered until a signal; then nobody new
 * is let in, what was begun is judged, stored and answered, and the loop ends when nothing is left.
 */
#include "witness_private.h"

#include "clock.h"
#include "listener.h"
#include "log.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG  256
#define TICK_MS  1000u
#define NS_PER_S 1000000000ull

static void on_connection(uv_stream_t *handle, int status)
{
    struct ak_witness_listener *listener = handle->data;

    if (status < 0)
        ak_log(AK_LOG_ERROR,
               "listener: accepting a connection failed: %s. If files ran out, raise LimitNOFILE.",
               uv_strerror(status));
    else
        ak_witness_conn_accept(listener);
}

static enum ak_code load_tls(struct ak_witness_listener *listener,
                             const struct ak_witness_options *options, struct ak_error *err)
{
    const struct ak_tls_options tls = {
        .place = "--listen https://",
        .certificate_file = options->tls_certificate,
        .key_file = options->tls_key,
        .server_only = true,
        .now = (int64_t)(ak_clock_wall() / NS_PER_S),
    };

    if (!listener->url->tls)
        return AK_OK;
    if (options->tls_certificate == NULL || options->tls_key == NULL)
        return ak_fail(err, AK_EUSAGE,
                       "--listen https:// wants --tls-certificate FILE and --tls-key FILE");
    return ak_tls_context_new(&tls, &listener->tls, err);
}

static void print_listening(const struct ak_witness_url *url, const char *bound)
{
    (void)printf("listening %s%s%s\n", url->tls ? "https" : "http", strstr(bound, "://"),
                 url->prefix);
}

static enum ak_code open_listener(struct ak_witness_listener *listener,
                                  const struct ak_witness_options *options, struct ak_error *err)
{
    char bound[AK_URL_TEXT_BYTES];
    int fd;
    int uv;
    enum ak_code rc = load_tls(listener, options, err);

    if (rc == AK_OK)
        rc = ak_listener_bind(&listener->url->at, &fd, bound, err);
    if (rc != AK_OK)
        return rc;
    (void)uv_tcp_init(&listener->server->loop, &listener->tcp);
    listener->tcp.data = listener;
    listener->open = true;
    uv = uv_tcp_open(&listener->tcp, fd);
    if (uv != 0)
        (void)close(fd);
    else
        uv = uv_listen((uv_stream_t *)&listener->tcp, BACKLOG, on_connection);
    if (uv != 0)
        return ak_fail(err, AK_EIO, "listener %s: %s%s", bound, uv_strerror(uv),
                       uv == UV_EADDRINUSE ? "; another program has it: `ss -lntup` shows which"
                                           : "");
    print_listening(listener->url, bound);
    return AK_OK;
}

static void close_listeners(struct ak_witness_server *server)
{
    for (size_t i = 0; i < server->options->listen_count; i++) {
        struct ak_witness_listener *l = &server->listener[i];
        if (l->open)
            uv_close((uv_handle_t *)&l->tcp, NULL);
        l->open = false;
    }
}

void ak_witness_maybe_end(struct ak_witness_server *server)
{
    if (server->stopping && server->conns == NULL && server->jobs == 0 &&
        !uv_is_closing((const uv_handle_t *)&server->tick))
        uv_close((uv_handle_t *)&server->tick, NULL);
}

static void stop(struct ak_witness_server *server)
{
    if (server->stopping)
        return;
    server->stopping = true;
    close_listeners(server);
    ak_witness_conns_stop(server);
    uv_close((uv_handle_t *)&server->term, NULL);
    uv_close((uv_handle_t *)&server->interrupt, NULL);
    ak_witness_maybe_end(server);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    stop(handle->data);
}

static void on_tick(uv_timer_t *timer)
{
    ak_witness_conns_tick(timer->data);
}

static enum ak_code start(struct ak_witness_server *server, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    (void)uv_timer_init(&server->loop, &server->tick);
    (void)uv_signal_init(&server->loop, &server->term);
    (void)uv_signal_init(&server->loop, &server->interrupt);
    server->tick.data = server->term.data = server->interrupt.data = server;
    (void)uv_timer_start(&server->tick, on_tick, TICK_MS, TICK_MS);
    (void)uv_signal_start(&server->term, on_signal, SIGTERM);
    (void)uv_signal_start(&server->interrupt, on_signal, SIGINT);
    for (size_t i = 0; i < server->options->listen_count && rc == AK_OK; i++) {
        server->listener[i].server = server;
        server->listener[i].url = &server->options->listen[i];
        rc = open_listener(&server->listener[i], server->options, err);
    }
    if (rc == AK_OK) {
        (void)printf("ready\n");
        (void)fflush(stdout);
    }
    return rc;
}

static enum ak_code judge_end(const struct ak_witness *w, struct ak_error *err)
{
    unsigned forks = 0;
    unsigned logs = 0;

    for (size_t i = 0; i < w->log_count; i++) {
        forks += w->log[i].forks;
        logs += w->log[i].forks > 0;
    }
    if (forks == 0)
        return AK_OK;
    return ak_fail(err, AK_EINTEGRITY,
                   "FORK: %u log%s %s signed two histories; forks/ of the state has both sides of "
                   "each, for `akashi-verify history`: operating.md, Being a witness",
                   logs, logs == 1 ? "" : "s", logs == 1 ? "has" : "have");
}

enum ak_code ak_witness_run(struct ak_witness *w, const struct ak_witness_options *options,
                            struct ak_error *err)
{
    struct ak_witness_server *server = calloc(1, sizeof(*server));
    enum ak_code rc;

    if (server == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the witness");
    server->w = w;
    server->options = options;
    if (uv_loop_init(&server->loop) != 0) {
        free(server);
        return ak_fail(err, AK_EIO, "no event loop");
    }
    (void)signal(SIGPIPE, SIG_IGN);
    ak_witness_tell_forks(w);
    rc = start(server, err);
    if (rc != AK_OK)
        stop(server);
    (void)uv_run(&server->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&server->loop);
    for (size_t i = 0; i < options->listen_count; i++)
        ak_tls_context_unref(server->listener[i].tls);
    if (rc == AK_OK)
        ak_log(AK_LOG_NOTICE, "witness ended: %" PRIu64 " answers, %" PRIu64 " cosignatures",
               server->answered, server->cosigned);
    free(server);
    return rc == AK_OK ? judge_end(w, err) : rc;
}
