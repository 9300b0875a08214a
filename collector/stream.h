/* stream.h - listeners of connections: tcp://, tls://, relp://, relp+tls://. Accepting, limits,
 * TLS contexts and deadlines; what a connection does is in conn.c. Loop thread only. */
#ifndef AK_STREAM_H
#define AK_STREAM_H

#include "config.h"
#include "intake.h"
#include "tls.h"

#include <uv.h>

struct ak_conn;

struct ak_stream {
    struct ak_intake intake;
    struct ak_server *server;
    uv_tcp_t tcp;
    struct ak_tls_context *tls; /* of the transports that have it; of the configuration in force */
    unsigned count;             /* open connections */
    unsigned refs;              /* connections not freed yet, and the listener while it is open */
    uint64_t next_warning;      /* boot time: our own certificate's end is looked at again */
    uint64_t accept_again;      /* boot time; 0: accepting */
    bool waits;                 /* descriptors are used up: a connection waits to be accepted */
    bool closed;
};

/* Opens the socket, loads certificates, and listens. */
enum ak_code ak_stream_open(struct ak_server *server, const struct ak_config_listener *config,
                            struct ak_stream **out, char *url, struct ak_error *err);

/* Takes over new settings and certificates; connections that are allowed no more are ended. On
 * failure (certificates) the old ones stay in force. */
enum ak_code ak_stream_reload(struct ak_stream *stream, const struct ak_config_listener *config,
                              struct ak_error *err);

/* Tries whether the certificates of a configuration can be loaded, before it is put in force. */
enum ak_code ak_stream_check_tls(const struct ak_config *config, struct ak_error *err);

void ak_stream_tick(struct ak_stream *stream);

/* Nobody new is let in; connections give what they have received and end. The object is freed when
 * the last one is gone. */
void ak_stream_close(struct ak_stream *stream);

unsigned ak_stream_connections(const struct ak_stream *stream);

/* A connection is gone (conn.c). */
void ak_stream_unref(struct ak_stream *stream);

#endif
