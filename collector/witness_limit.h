/* witness_limit.h - how much one client address may ask of a witness.
 *
 * Anybody may connect, so what an address can take is bounded: connections at a time, and requests
 * by a bucket that fills at a steady rate. IPv6 clients count by their /64, which one client has to
 * itself. The table has a fixed size; where it is full the address that asked for least makes room.
 * Knows no clock: times are arguments, in nanoseconds since any start. */
#ifndef AK_WITNESS_LIMIT_H
#define AK_WITNESS_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* A collector keeps one connection to a witness; one behind a proxy of many agencies some dozens.
 */
#define AK_WITNESS_CONNECTIONS_PER_ADDRESS 32u

/* A log asks once a second at most; this leaves room for 50 logs of one agency, and for starts. */
#define AK_WITNESS_REQUESTS_PER_SECOND 50u
#define AK_WITNESS_REQUESTS_BURST      200u

#define AK_WITNESS_ADDRESSES_MAX 1024u

struct ak_witness_client {
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d; of IPv6 the first 8 bytes */
    unsigned connections;
    uint64_t milli; /* requests left, in thousandths */
    uint64_t at;    /* when that was reckoned; 0: this place is free */
};

struct ak_witness_limit {
    struct ak_witness_client client[AK_WITNESS_ADDRESSES_MAX];
};

/* A connection of this address begins. NULL: it has too many, or the table is full of addresses
 * that have some. */
struct ak_witness_client *ak_witness_limit_enter(struct ak_witness_limit *limit,
                                                 const struct sockaddr *peer, uint64_t now);

/* ... and ends. */
void ak_witness_limit_leave(struct ak_witness_client *client);

/* Whether it may ask once more now; counts it if so. */
bool ak_witness_limit_take(struct ak_witness_client *client, uint64_t now);

#endif
