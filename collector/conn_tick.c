/* conn_tick.c - once a second: deadlines of all connections, and whether they may still send. A few
 * in each turn of the loop, so that the others do not wait for thousands of idle ones. */
#include "conn_private.h"
#include "log.h"

#include <stdio.h>

#define QUIET_NS AK_NS_PER_S /* then the first frame does not wait for what follows */
#define LOOK_CONNS                                                                                 \
    128u /* in one turn: a tenth of a millisecond, when none of it is in the cache                 \
          */

/* What was received and waits for memory is taken before the connection is ended; once, so for this
 * the budget does not count. */
static void take_what_waits(struct ak_conn *conn)
{
    struct ak_frame_budget *budget = &conn->server->frames;
    uint64_t max = budget->max;

    if (!conn->retry || !ak_conn_is_held(conn))
        return;
    budget->max = UINT64_MAX;
    ak_conn_resume(conn);
    budget->max = max;
}

static void end_late_frame(struct ak_conn *conn)
{
    take_what_waits(conn);
    if (conn->frame_since == 0 || ak_conn_ending(conn))
        return;
    (void)snprintf(conn->reason, sizeof(conn->reason),
                   "a record was not finished within `frame_timeout`");
    ak_log(AK_LOG_WARNING, "listener %s: %s: %s: closed", conn->stream->intake.url, conn->address,
           conn->reason);
    conn->stopping = true;
    ak_conn_settle(conn);
}

static void look_at_deadlines(struct ak_conn *conn)
{
    const struct ak_config_limits *limits = &conn->stream->intake.config->limits;
    uint64_t boot = conn->server->boot;

    if (conn->tls != NULL && ak_tls_peer(conn->tls) == NULL &&
        boot - conn->opened > limits->handshake_timeout) {
        ak_conn_refuse(conn, "its TLS handshake was not finished within `handshake_timeout`");
        ak_conn_settle(conn);
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

    conn->next_recheck = conn->server->boot + AK_CONN_RECHECK_NS;
    if (conn->log == NULL)
        return;
    if (conn->tls != NULL && ak_tls_recheck(conn->tls, conn->stream->tls,
                                            ak_conn_now_seconds(conn->server), &err) != AK_OK)
        reason = err.text;
    if (reason == NULL)
        reason = ak_conn_route(conn);
    if (reason == NULL)
        return;
    ak_intake_refuse(&conn->stream->intake, (const struct sockaddr *)&conn->peer, reason);
    (void)snprintf(conn->reason, sizeof(conn->reason), "%s", reason);
    conn->stopping = true;
    ak_conn_settle(conn);
}

/* The first record of a stream may wait for what follows it: not for ever. */
static void look_at_quiet(struct ak_conn *conn)
{
    if (conn->protocol->quiet == NULL || conn->log == NULL || conn->retry || conn->reader.waiting ||
        conn->held != NULL || conn->server->boot - conn->last_byte < QUIET_NS ||
        !conn->protocol->quiet(conn))
        return;
    if (ak_runlog_ready(conn->log))
        (void)ak_conn_take(conn, NULL, 0);
    ak_conn_after_input(conn);
}

static void look_at(struct ak_conn *conn)
{
    const struct ak_server *server = conn->server;

    if ((conn->close_at != 0 && server->boot >= conn->close_at) ||
        (conn->close_at_commit != 0 && server->boot >= conn->close_at_commit)) {
        ak_conn_close_now(conn);
        return;
    }
    if (conn->retry && !conn->reader.waiting)
        ak_conn_resume(conn);
    if (conn->closing || conn->stopping || conn->stream->closed)
        return;
    look_at_quiet(conn);
    if (server->boot >= conn->next_recheck)
        recheck(conn);
    if (!conn->stopping && !conn->closing)
        look_at_deadlines(conn);
}

void ak_conns_tick(struct ak_server *server)
{
    if (server->look_next == NULL) /* else the last round goes on */
        server->look_next = server->conns;
}

bool ak_conns_look(struct ak_server *server)
{
    for (unsigned i = 0; i < LOOK_CONNS && server->look_next != NULL; i++) {
        struct ak_conn *conn = server->look_next;
        server->look_next = conn->next;
        if (!conn->closing)
            look_at(conn);
    }
    return server->look_next != NULL;
}
