/* conn_private.h - what the files of a connection (conn*.c) share. Loop thread only. */
#ifndef AK_CONN_PRIVATE_H
#define AK_CONN_PRIVATE_H

#include "conn.h"
#include "server.h"

#define AK_NS_PER_S 1000000000ull
#define AK_CONN_RECHECK_NS                                                                         \
    (60 * AK_NS_PER_S) /* how long an expired certificate goes on at most                          \
                        */

static inline int64_t ak_conn_now_seconds(const struct ak_server *server)
{
    return (int64_t)(server->wall / AK_NS_PER_S);
}

/* ---- conn.c */

/* Frees a connection that is closed and of which no record waits in a batch. */
void ak_conn_free_when_done(struct ak_conn *conn);

/* Input that found no room is not wanted any more. */
void ak_conn_drop_held(struct ak_conn *conn);

/* Closes at once; what it waits for is given up. */
void ak_conn_close_now(struct ak_conn *conn);

/* Nothing more is taken in: what is left is told, acknowledged, and the connection closed. Called
 * again until all of it is done. */
void ak_conn_settle(struct ak_conn *conn);

/* ---- conn_who.c */

/* The event of a peer that is refused; what it sends is not taken. */
void ak_conn_refuse(struct ak_conn *conn, const char *reason);

/* The handshake is complete: which log? False if the peer is refused. */
bool ak_conn_identify(struct ak_conn *conn);

/* Its source in the log, declared if it is new. False if the log can take no new sender. */
bool ak_conn_declare(struct ak_conn *conn);

/* ---- conn_read.c */

/* A whole record goes to the log. */
void ak_conn_take_record(struct ak_conn *conn, const struct ak_frame *frame);

/* So many records of it are on stable storage. */
void ak_conn_on_durable(struct ak_acker *acker, uint32_t count);

/* Cuts `len` bytes into frames and takes them. Gives how many were used: fewer if the log has no
 * room (then we wait for it) or acknowledgements or memory must come first (retry). */
size_t ak_conn_take(struct ak_conn *conn, const uint8_t *data, size_t len);

/* Input waits: for room in the log, or (retry) for acknowledgements or memory. */
void ak_conn_block(struct ak_conn *conn);

/* What comes is not taken any more. */
bool ak_conn_ending(const struct ak_conn *conn);

/* Behind every input: the clock of an unfinished frame, and the end. */
void ak_conn_after_input(struct ak_conn *conn);

/* Input is left that was received already. */
bool ak_conn_is_held(const struct ak_conn *conn);

/* Reads on, unless it does or nothing comes any more. */
void ak_conn_start_reading(struct ak_conn *conn);

/* What was held goes on, then reading. */
void ak_conn_resume(struct ak_conn *conn);

/* The log has room again. */
void ak_conn_on_room(struct ak_reader *reader);

/* ---- conn_send.c */

/* It has something to say at the end of this turn. */
void ak_conn_will_talk(struct ak_conn *conn);

/* The peer does not read its answers as fast as it sends: no more is taken before it does. Asked
 * before each frame; the connection goes on by itself. */
bool ak_conn_unread(struct ak_conn *conn);

/* What TLS wants to send goes to what is to be sent. */
void ak_conn_collect_tls(struct ak_conn *conn);

/* Nothing more will be said but the end of TLS. */
void ak_conn_say_goodbye(struct ak_conn *conn);

/* ---- conn_tell.c */

/* Framing is lost: what is at hand is kept as a fragment, with the event that says why. The log has
 * room. */
void ak_conn_fault(struct ak_conn *conn, const struct ak_frame *frame);

/* The beginning of a record that will not be finished becomes a fragment, with its event. */
void ak_conn_tell_unfinished(struct ak_conn *conn, const struct ak_frame *frame);

/* The event of records that were not acknowledged: they will come again. Once. */
void ak_conn_tell_unacknowledged(struct ak_conn *conn);

#endif
