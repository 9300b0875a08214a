/* datagram.h - listeners of which one datagram is one record: udp:// (RFC 5426) and unix://.
 *
 * Nobody waits for an answer, so what is lost is counted: by the kernel where we read too slowly
 * (SO_MEMINFO tells), by us where another log of the same listener must not wait for a full one.
 * Both become the event `udp-drop`. Loop thread only. */
#ifndef AK_DATAGRAM_H
#define AK_DATAGRAM_H

#include "config.h"
#include "intake.h"

struct ak_datagram;

/* Binds the socket of `intake->config->url` and begins to read. `intake` is copied and lives in
 * the listener. `url` has AK_URL_TEXT_BYTES of room: what was bound, with the real port. */
enum ak_code ak_datagram_open(struct ak_server *server, const struct ak_config_listener *config,
                              struct ak_datagram **out, char *url, struct ak_error *err);

/* The listener's intake: for reload, ticks and lists. */
struct ak_intake *ak_datagram_intake(struct ak_datagram *datagram);

/* Once a second: events about drops. */
void ak_datagram_tick(struct ak_datagram *datagram);

/* Settings may have changed: forget what was remembered about peers. */
void ak_datagram_reload(struct ak_datagram *datagram, const struct ak_config_listener *config);

/* Takes what the socket still holds and closes it. The object is freed in the loop, later. */
void ak_datagram_close(struct ak_datagram *datagram);

#endif
