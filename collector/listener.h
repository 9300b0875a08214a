/* listener.h - all listeners of a process: opened from the configuration, told once a second,
 * brought up to date by a reload, closed at the end. Loop thread only. */
#ifndef AK_LISTENER_H
#define AK_LISTENER_H

#include "config.h"
#include "url.h"

#include <jansson.h>

struct ak_datagram;
struct ak_server;
struct ak_stream;

struct ak_listener {
    struct ak_listener *next;
    char url[AK_URL_TEXT_BYTES];   /* as configured: which one it is, over a reload */
    char bound[AK_URL_TEXT_BYTES]; /* with the port it really has */
    struct ak_datagram *datagram;  /* one of both */
    struct ak_stream *stream;
};

/* Makes and binds the socket of a URL: nonblocking, closed on exec; for streams it does not listen
 * yet. `bound` has AK_URL_TEXT_BYTES of room: the URL with its real port. A unix:// socket that
 * nobody serves any more is replaced. AK_EIO with place and remedy. `*fd` is the caller's. */
enum ak_code ak_listener_bind(const struct ak_url *url, int *fd, char *bound, struct ak_error *err);

/* Opens all listeners of the configuration in force that are not open yet, hands the others their
 * new settings, and closes those that are not in it any more. On failure what is open stays. */
enum ak_code ak_listeners_open(struct ak_server *server, struct ak_error *err);

/* Prints `listening URL` for each on stdout. */
void ak_listeners_print(const struct ak_server *server);

/* Once a second. */
void ak_listeners_tick(struct ak_server *server);

/* The end: nobody new is let in, what was received is taken, connections end. */
void ak_listeners_stop(struct ak_server *server);

/* Status: an array of objects; NULL without memory. */
json_t *ak_listeners_json(const struct ak_server *server);

#endif
