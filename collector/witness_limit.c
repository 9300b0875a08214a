/* witness_limit.c - the table of client addresses. */
#include "witness_limit.h"

#include <netinet/in.h>
#include <string.h>

#define MILLI     1000u
#define NS_PER_MS 1000000u
#define FULL      ((uint64_t)AK_WITNESS_REQUESTS_BURST * MILLI)

static void address_of(const struct sockaddr *peer, uint8_t address[16])
{
    memset(address, 0, 16);
    if (peer->sa_family == AF_INET) {
        memcpy(address + 12, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, 4);
        address[10] = address[11] = 0xff;
    } else if (peer->sa_family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
        memcpy(address, six, IN6_IS_ADDR_V4MAPPED(six) ? 16 : 8);
    }
}

static void refill(struct ak_witness_client *client, uint64_t now)
{
    uint64_t ms = now > client->at ? (now - client->at) / NS_PER_MS : 0;

    /* A rate of N a second is N thousandths a millisecond. */
    if (ms >= FULL / AK_WITNESS_REQUESTS_PER_SECOND)
        client->milli = FULL;
    else
        client->milli += ms * AK_WITNESS_REQUESTS_PER_SECOND;
    if (client->milli > FULL)
        client->milli = FULL;
    client->at += ms * NS_PER_MS;
}

struct ak_witness_client *ak_witness_limit_enter(struct ak_witness_limit *limit,
                                                 const struct sockaddr *peer, uint64_t now)
{
    struct ak_witness_client *place = NULL;
    uint8_t address[16];

    address_of(peer, address);
    for (unsigned i = 0; i < AK_WITNESS_ADDRESSES_MAX; i++) {
        struct ak_witness_client *c = &limit->client[i];
        if (c->at != 0 && memcmp(c->address, address, sizeof(address)) == 0) {
            if (c->connections >= AK_WITNESS_CONNECTIONS_PER_ADDRESS)
                return NULL;
            c->connections++;
            return c;
        }
        if (c->connections != 0)
            continue;
        if (c->at != 0)
            refill(c, now);
        if (place == NULL || (place->at != 0 && (c->at == 0 || c->milli > place->milli)))
            place = c;
    }
    if (place == NULL)
        return NULL;
    memcpy(place->address, address, sizeof(address));
    place->connections = 1;
    place->milli = FULL;
    place->at = now == 0 ? 1 : now;
    return place;
}

void ak_witness_limit_leave(struct ak_witness_client *client)
{
    client->connections--;
}

bool ak_witness_limit_take(struct ak_witness_client *client, uint64_t now)
{
    refill(client, now);
    if (client->milli < MILLI)
        return false;
    client->milli -= MILLI;
    return true;
}
