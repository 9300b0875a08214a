/* conn_relp.c - RELP: every record is answered when it is on stable storage, never before. */
#include "conn.h"
#include "frame_relp.h"
#include "relp_window.h"
#include "server.h"

#include <stdlib.h>

#define ANSWERS_BYTES 4096u /* handed over at once; a few hundred answers */

struct session {
    struct ak_frame_relp frames;
    struct ak_relp_window window;
};

static enum ak_code begin(struct ak_conn *conn, struct ak_error *err)
{
    struct session *session = malloc(sizeof(*session));

    if (session == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a connection");
    ak_frame_relp_init(&session->frames, AK_FRAME_LIMIT_BYTES, &conn->server->frames);
    ak_relp_window_init(&session->window);
    conn->state = session;
    return AK_OK;
}

static void end_of_life(struct ak_conn *conn)
{
    struct session *session = conn->state;

    if (session == NULL)
        return;
    ak_frame_relp_free(&session->frames);
    free(session);
    conn->state = NULL;
}

static void next(struct ak_conn *conn, const uint8_t *data, size_t len, size_t *used,
                 struct ak_frame *frame)
{
    struct session *session = conn->state;

    /* The limit is the log's, which is known only now. */
    if (!session->frames.begun)
        session->frames.framer.limit = conn->log->options.record_bytes_max;
    ak_frame_relp_next(&session->frames, data, len, used, frame);
}

static void end(struct ak_conn *conn, struct ak_frame *frame)
{
    struct session *session = conn->state;

    ak_frame_relp_end(&session->frames, frame);
}

static bool in_frame(const struct ak_conn *conn)
{
    const struct session *session = conn->state;

    return ak_frame_relp_in_frame(&session->frames);
}

static void speak(struct ak_conn *conn)
{
    struct session *session = conn->state;
    uint8_t answers[ANSWERS_BYTES];
    size_t n;

    while (!conn->closing &&
           (n = ak_relp_window_output(&session->window, answers, sizeof(answers))) > 0)
        ak_conn_say(conn, answers, n);
}

static bool judge(struct ak_conn *conn, struct ak_frame *frame)
{
    struct session *session = conn->state;
    enum ak_relp_verdict verdict = ak_relp_window_take(&session->window, frame);

    if (verdict == AK_RELP_ERROR)
        frame->kind = AK_FRAME_ERROR;
    if (verdict != AK_RELP_RECORD)
        speak(conn); /* answers to open and close do not wait for a commit */
    return verdict == AK_RELP_RECORD;
}

static bool window_full(const struct ak_conn *conn)
{
    const struct session *session = conn->state;

    return ak_relp_window_full(&session->window);
}

static void durable(struct ak_conn *conn, uint32_t count)
{
    struct session *session = conn->state;

    ak_relp_window_durable(&session->window, count);
}

static uint64_t waiting(const struct ak_conn *conn)
{
    const struct session *session = conn->state;

    return ak_relp_window_waiting(&session->window);
}

static void farewell(struct ak_conn *conn)
{
    struct session *session = conn->state;

    ak_relp_window_shut(&session->window);
}

static bool finished(const struct ak_conn *conn)
{
    const struct session *session = conn->state;

    return ak_relp_window_finished(&session->window);
}

const struct ak_protocol ak_protocol_relp = {
    .begin = begin,
    .free = end_of_life,
    .next = next,
    .end = end,
    .in_frame = in_frame,
    .judge = judge,
    .window_full = window_full,
    .durable = durable,
    .waiting = waiting,
    .farewell = farewell,
    .speak = speak,
    .finished = finished,
};
