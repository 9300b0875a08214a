/* intake.h - what every listener does with a peer and its bytes, whatever the transport: which log,
 * which source, records, fragments and their events, refusals. Loop thread only.
 *
 * Happy path: route a peer to its log, get the ordinal of its source, hand over records. Failure
 * modes: a peer that no rule lets in is refused and counted (told by ak_intake_tick); a record over
 * the log's limit becomes a fragment with the event `cut`. */
#ifndef AK_INTAKE_H
#define AK_INTAKE_H

#include "config.h"
#include "runlog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AK_ADDRESS_TEXT_BYTES 64u  /* an IPv6 address with its scope, and NUL */
#define AK_REASON_TEXT_BYTES  400u /* why a peer was refused, as the event shows it */
#define AK_REFUSALS_KEPT      16u  /* distinct ones of one second; more are counted together */
#define AK_OVERFLOW_PAIRS_MAX 512u /* of one `overflow` event: stays below 65,536 bytes */
#define AK_INTAKE_LOGS_MAX    64u  /* logs of one listener that an event about it goes into */

struct ak_refusal {
    char address[AK_ADDRESS_TEXT_BYTES];
    char reason[AK_REASON_TEXT_BYTES];
    uint64_t count;
};

/* Datagrams of peers beyond the cap, whose addresses wait to be told. */
struct ak_overflow {
    struct ak_runlog *log; /* NULL: nothing waits */
    struct ak_payload payload;
    unsigned pairs;
    char last[AK_ADDRESS_TEXT_BYTES]; /* address of the newest pair */
};

/* One listener at run time; embedded in datagram and stream listeners. */
struct ak_intake {
    struct ak_server *server;
    const struct ak_config_listener *config; /* of the configuration in force */
    enum ak_transport transport;
    char url[AK_URL_TEXT_BYTES]; /* as configured: part of identities (format.md 10.1) */
    uint8_t listener_id[16];
    uint64_t declared; /* addresses that can be forged and have a source of their own */
    struct ak_refusal refusals[AK_REFUSALS_KEPT];
    unsigned refusal_count;
    struct ak_overflow overflow;
};

/* Sets up for one listener of the configuration, which is borrowed until ak_intake_reload. */
void ak_intake_init(struct ak_intake *intake, struct ak_server *server,
                    const struct ak_config_listener *config);
void ak_intake_reload(struct ak_intake *intake, const struct ak_config_listener *config);

/* The logs that this listener may feed, the default one first; gives their number. */
unsigned ak_intake_logs(const struct ak_intake *intake, struct ak_runlog *out[AK_INTAKE_LOGS_MAX]);

/* Which log a peer feeds; NULL if no rule lets it in, with `*reason` then. */
struct ak_runlog *ak_intake_route(const struct ak_intake *intake, const struct sockaddr *peer,
                                  const char *const *names, size_t name_count, const char **reason);

/* Peer address without port, as text; "" for a peer on this machine. */
void ak_intake_address(const struct sockaddr *peer, char out[AK_ADDRESS_TEXT_BYTES]);

/* Counts a refusal; told once a second at most. `peer` may be NULL. */
void ak_intake_refuse(struct ak_intake *intake, const struct sockaddr *peer, const char *reason);

/* Once a second, and before the end: events about refusals and overflow. */
void ak_intake_tick(struct ak_intake *intake);

/* Ordinal of a datagram's sender, capped per listener (format.md 10.1 overflow); the record is
 * handed over at once behind it. 0 on failure. */
uint32_t ak_intake_datagram_source(struct ak_intake *intake, struct ak_runlog *log,
                                   const struct sockaddr *peer);

/* Ordinal of a connection's sender. `fingerprint` (32 bytes) and `name` are NULL without a verified
 * certificate; `names` are all names of it. 0 on failure. */
uint32_t ak_intake_stream_source(struct ak_intake *intake, struct ak_runlog *log,
                                 const struct sockaddr *peer, const char *name,
                                 const uint8_t *fingerprint, const char *const *names,
                                 size_t name_count);

/* Takes the bytes of one record. `received` is its length in all, at least `len`: if it is greater,
 * or over the log's limit, what is kept is a fragment with its event `cut`. ak_runlog_ready was
 * asked. `acker` may be NULL. */
void ak_intake_record(struct ak_runlog *log, uint32_t ordinal, const uint8_t *data, size_t len,
                      uint64_t received, struct ak_acker *acker);

#endif
