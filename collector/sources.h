/* sources.h - who sends into one log: identities, their ordinals and positions.
 *
 * One identity on one listener is one source for the log's life (format.md 10.1). The table is
 * filled at start from the declarations in the log and grows when the loop meets a new peer.
 * Ordinals below 256 are the log's own kinds. */
#ifndef AK_SOURCES_H
#define AK_SOURCES_H

#include <akashi/error.h>
#include <akashi/sha256.h>

#include "positions.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define AK_ORDINALS_OWN 256u
#define AK_SOURCES_MAX  1048576u /* format.md 11: the table stays in memory */

enum ak_identity_kind {
    AK_IDENTITY_CERTIFICATE = 1, /* value: SHA-256 of the certificate */
    AK_IDENTITY_ADDRESS,         /* value: peer address of a connection */
    AK_IDENTITY_FORGEABLE,       /* value: address of a datagram */
    AK_IDENTITY_LOCAL,           /* this machine */
    AK_IDENTITY_OVERFLOW         /* peers beyond a listener's cap */
};

/* Comparable as bytes: always zero it first. */
struct ak_identity {
    uint8_t listener[16]; /* ak_identity_listener of the listener's URL */
    uint8_t kind;
    uint8_t value[32];
};

struct ak_source {
    struct ak_identity identity; /* zero for own kinds */
    struct ak_position at;
    uint64_t silence_ns; /* after how long it counts as silent; 0: never */
    uint64_t warned;     /* boot time at which its certificate's end was told; 0: not yet */
    bool silent;         /* a `silence` event stands */
    char label[96];      /* for messages: name or address; escaped */
};

struct ak_sources; /* one log's table; loop only */

struct ak_sources *ak_sources_new(void);
void ak_sources_free(struct ak_sources *sources);

/* Adds the next ordinal (256, 257, ...). AK_ELIMIT beyond AK_SOURCES_MAX. */
enum ak_code ak_sources_add(struct ak_sources *sources, const struct ak_identity *identity,
                            const char *label, uint32_t *ordinal, struct ak_error *err);

/* Adds the ordinal that a declaration in the log speaks of, from its payload. */
enum ak_code ak_sources_load(struct ak_sources *sources, const void *payload, size_t len,
                             struct ak_error *err);

/* Ordinal of an identity, or 0 if it has none yet. */
uint32_t ak_sources_find(const struct ak_sources *sources, const struct ak_identity *identity);

/* Ordinals there are: 256 + declared sources. */
uint32_t ak_sources_count(const struct ak_sources *sources);

/* The entry of an ordinal below ak_sources_count; valid until the next ak_sources_add. */
struct ak_source *ak_sources_at(struct ak_sources *sources, uint32_t ordinal);

/* Root over all positions (format.md 10.4). */
void ak_sources_positions_root(struct ak_sources *sources, struct ak_hash *root);

/* Digest that stands for a listener in identities. */
void ak_identity_listener(const char *url, uint8_t out[16]);

/* Fills kind and value from a peer's socket address (IPv4 as mapped IPv6). */
void ak_identity_address(struct ak_identity *identity, enum ak_identity_kind kind,
                         const struct sockaddr *peer);

#endif
