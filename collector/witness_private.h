/* witness_private.h - what witness_server.c, witness_conn.c and witness_answer.c share. Loop thread
 * only, but for what a job says. */
#ifndef AK_WITNESS_PRIVATE_H
#define AK_WITNESS_PRIVATE_H

#include "tls.h"
#include "witness_http.h"
#include "witness_judge.h"
#include "witness_limit.h"
#include "witness_server.h"

#include <uv.h>

/* Connections at a time: each has up to 150 KiB of buffers while a request comes in. */
#define AK_WITNESS_CONNECTIONS_MAX 512u

/* Requests that wait to be judged, also of clients that have left: each has up to 100 KiB. */
#define AK_WITNESS_JOBS_MAX 512u

/* Bytes read at once. */
#define AK_WITNESS_READ_BYTES 16384u

struct ak_witness_server;

struct ak_witness_listener {
    uv_tcp_t tcp;
    struct ak_witness_server *server;
    const struct ak_witness_url *url;
    struct ak_tls_context *tls;
    bool open;
};

/* One request that a log must judge: from the loop to the pool and back. */
struct ak_witness_job {
    uv_work_t work;
    struct ak_witness_job *next; /* waits for the same log */
    struct ak_witness_server *server;
    struct ak_witness_log *log;
    struct ak_witness_conn *conn; /* NULL when it is gone */
    uint64_t now;
    uint8_t *body; /* owned */
    size_t body_len;
    struct ak_witness_request request; /* borrows from body */
    struct ak_witness_answer answer;
};

struct ak_witness_conn {
    struct ak_witness_conn *next;
    struct ak_witness_conn *prev;
    uv_tcp_t tcp;
    uv_shutdown_t shutdown;
    struct ak_witness_listener *listener;
    struct ak_witness_client *client;
    struct ak_tls_session *tls;
    struct ak_witness_parser *parser;
    struct ak_witness_job *job; /* being judged, or NULL */
    uint64_t deadline;          /* loop time, ms; 0: none */
    unsigned writing;           /* writes that the kernel has not taken yet */
    bool last;                  /* the connection ends when the answer is written */
    bool answering;             /* a request is complete and not answered yet: nothing is read */
    bool replied;               /* an answer is being written */
    bool continued;             /* "100 Continue" was sent */
    bool draining;              /* the answer is written: what still comes is thrown away */
    bool closing;
};

struct ak_witness_server {
    uv_loop_t loop;
    uv_timer_t tick;
    uv_signal_t term;
    uv_signal_t interrupt;
    struct ak_witness *w;
    const struct ak_witness_options *options;
    struct ak_witness_listener listener[AK_WITNESS_LISTENERS_MAX];
    struct ak_witness_conn *conns;
    unsigned conn_count;
    unsigned jobs;
    bool stopping;
    uint64_t answered;
    uint64_t cosigned;
    uint64_t refused; /* connections and requests for a limit */
    struct ak_witness_limit limit;
    char buffer[AK_WITNESS_READ_BYTES];
    uint8_t plain[AK_TLS_PLAIN_BYTES_MAX];
};

/* A listener has a connection. */
void ak_witness_conn_accept(struct ak_witness_listener *listener);

/* Ends all that are idle, and lets the others finish. */
void ak_witness_conns_stop(struct ak_witness_server *server);

/* Once a second: deadlines. */
void ak_witness_conns_tick(struct ak_witness_server *server);

/* Answers with a body; `head_only` for HEAD. Reading goes on, or the connection ends. */
void ak_witness_conn_answer(struct ak_witness_conn *conn, unsigned status, const char *type,
                            const char *body, size_t len);

/* Ends a connection at once. */
void ak_witness_conn_close(struct ak_witness_conn *conn);

/* A request is complete: answers it, or hands it to the log's queue. */
void ak_witness_route(struct ak_witness_conn *conn);

/* The end has come if nothing is left: called whenever something goes. */
void ak_witness_maybe_end(struct ak_witness_server *server);

/* Says what is known of forks, in the manner of a start. */
void ak_witness_tell_forks(const struct ak_witness *w);

#endif
