/* conn_syslog.c - syslog over TCP and TLS: records without answers. */
#include "conn.h"
#include "frame_syslog.h"
#include "server.h"

#include <stdlib.h>

static enum ak_code begin(struct ak_conn *conn, struct ak_error *err)
{
    struct ak_frame_syslog *frames = malloc(sizeof(*frames));

    if (frames == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a connection");
    /* Framing under TLS is looked at in the same way: many senders break RFC 5425. */
    ak_frame_syslog_init(frames, AK_FRAMING_AUTO, AK_FRAME_LIMIT_BYTES, &conn->server->frames);
    conn->state = frames;
    return AK_OK;
}

static void end_of_life(struct ak_conn *conn)
{
    if (conn->state == NULL)
        return;
    ak_frame_syslog_free(conn->state);
    free(conn->state);
    conn->state = NULL;
}

static void next(struct ak_conn *conn, const uint8_t *data, size_t len, size_t *used,
                 struct ak_frame *frame)
{
    struct ak_frame_syslog *frames = conn->state;

    /* The limit is the log's, which is known only now. */
    if (!frames->begun)
        frames->framer.limit = conn->log->options.record_bytes_max;
    ak_frame_syslog_next(frames, data, len, used, frame);
}

static void end(struct ak_conn *conn, struct ak_frame *frame)
{
    ak_frame_syslog_end(conn->state, frame);
}

static bool in_frame(const struct ak_conn *conn)
{
    return ak_frame_syslog_in_frame(conn->state);
}

static bool quiet(struct ak_conn *conn)
{
    const struct ak_frame_syslog *frames = conn->state;

    if (frames->begun || !ak_frame_syslog_in_frame(conn->state))
        return false;
    ak_frame_syslog_settle(conn->state);
    return true;
}

const struct ak_protocol ak_protocol_syslog = {
    .begin = begin,
    .free = end_of_life,
    .next = next,
    .end = end,
    .in_frame = in_frame,
    .quiet = quiet,
};
