/* conn.h - one connection of a sender, from the bytes of a read to records handed over, and from
 * what became durable back to its answers. Loop thread only.
 *
 * What differs between the transports is in a table (struct ak_protocol): framing and answers. */
#ifndef AK_CONN_H
#define AK_CONN_H

#include "frame.h"
#include "intake.h"
#include "stream.h"

#include <uv.h>

struct ak_conn;

/* Framing and acknowledgement of one protocol. */
struct ak_protocol {
    enum ak_code (*begin)(struct ak_conn *conn, struct ak_error *err);
    void (*free)(struct ak_conn *conn); /* NULL state is allowed */

    /* The next frame of what is held and of `len` bytes; see ak_frame_syslog_next. */
    void (*next)(struct ak_conn *conn, const uint8_t *data, size_t len, size_t *used,
                 struct ak_frame *frame);

    /* The connection ended: what is left, until AK_FRAME_NONE. */
    void (*end)(struct ak_conn *conn, struct ak_frame *frame);

    /* Bytes of an unfinished frame are held. */
    bool (*in_frame)(const struct ak_conn *conn);

    /* The sender has been quiet for a second; true if a frame may be had now. NULL: means
     * nothing. */
    bool (*quiet)(struct ak_conn *conn);

    /* What follows is NULL where nobody waits for an answer.
     * Judges a frame: true if it is a record. It may turn it into an error. */
    bool (*judge)(struct ak_conn *conn, struct ak_frame *frame);
    bool (*window_full)(const struct ak_conn *conn); /* no more records before some are durable */
    void (*durable)(struct ak_conn *conn, uint32_t count); /* so many more are */
    uint64_t (*waiting)(const struct ak_conn *conn);       /* records not acknowledged */
    void (*farewell)(struct ak_conn *conn);                /* we end it */
    void (*speak)(struct ak_conn *conn); /* hands the answers that are due to ak_conn_say */
    bool (*finished)(const struct ak_conn *conn); /* both sides said good-bye */
};

extern const struct ak_protocol ak_protocol_syslog;
extern const struct ak_protocol ak_protocol_relp;

struct ak_conn {
    uv_tcp_t tcp;
    struct ak_server *server;
    struct ak_stream *stream;
    struct ak_conn *next, *prev; /* all of the server */
    const struct ak_protocol *protocol;
    void *state; /* of the protocol */

    struct sockaddr_storage peer;
    char address[AK_ADDRESS_TEXT_BYTES];
    struct ak_tls_session *tls; /* or NULL */
    struct ak_runlog *log;      /* NULL until it is known who sends */
    uint32_t ordinal;           /* 0 until its first record */

    struct ak_acker acker;
    struct ak_reader reader;
    uint64_t outstanding; /* records in batches that will call acker */

    uint8_t *held; /* input that found no room, from held_at on */
    size_t held_len, held_at;

    uint8_t *out; /* what is to be sent: plain, or ciphertext */
    size_t out_len, out_cap;
    uv_write_t write;
    uint8_t *writing; /* what the kernel did not take at once */
    struct ak_conn *next_talker;
    bool talks;

    uint64_t opened; /* boot times */
    uint64_t last_byte;
    uint64_t frame_since; /* 0: no unfinished frame */
    uint64_t next_recheck;
    uint64_t close_at;        /* 0, or when the peer's end is not waited for any longer */
    uint64_t close_at_commit; /* 0, or when the commit is not waited for any longer */

    bool reading;
    bool retry;    /* input waits for acknowledgements or memory: tried again in talk and tick */
    bool unread;   /* ... because the peer does not read what it is answered */
    bool ended;    /* nothing more comes in, or nothing more is read */
    bool notified; /* TLS: the peer said the end; it may still read */
    bool counted;  /* the event of records without acknowledgement is written */
    bool stopping; /* we end it */
    bool told;     /* the events of its end are written */
    bool said_all; /* nothing more will be sent than what is in `out` */
    bool closing;  /* uv_close was called */
    bool closed;   /* ... and its callback has run */
    bool faulty;   /* framing is lost: what follows is not taken */
    char reason[AK_REASON_TEXT_BYTES]; /* why, for the event */
};

/* A connection of this listener that waits to be accepted. It is in the server's list; nothing is
 * read yet. */
enum ak_code ak_conn_new(struct ak_stream *stream, struct ak_conn **out, struct ak_error *err);

/* Finds its log by address (no TLS). Gives why it is refused, or NULL. */
const char *ak_conn_route(struct ak_conn *conn);

/* Begins to read. */
void ak_conn_start(struct ak_conn *conn);

/* Refused: closed without a word. */
void ak_conn_drop(struct ak_conn *conn);

/* We end it: what was received is taken, acknowledgements go out. */
void ak_conn_stop(struct ak_conn *conn);

/* For protocols: appends to what is to be sent in this turn. */
void ak_conn_say(struct ak_conn *conn, const void *data, size_t len);

/* The event that a certificate is about to end. `end` in seconds since 1970. */
void ak_conn_tell_expiring(struct ak_runlog *log, const char *side, const char *name, int64_t end,
                           const char *listener);

/* Once a second: begins to look at deadlines and certificates of all connections. */
void ak_conns_tick(struct ak_server *server);

/* Goes on with it: the next few connections. False when all were looked at. */
bool ak_conns_look(struct ak_server *server);

/* Everything that connections have to say in this turn is sent. */
void ak_conns_talk(struct ak_server *server);

/* Whether one is not closed yet. */
bool ak_conns_open(const struct ak_server *server);

/* Ends all connections that are left, without waiting for anything. */
void ak_conns_abort(struct ak_server *server);

#endif
