/* load_hold.c - connections that hold: many that say nothing, or little and slowly. */
#include "load.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE 20u /* bytes that a slow sender says in a second */

static const char slow_record[] =
    "161 <30>1 2026-01-01T00:00:00Z slow.example s 1 - - "
    "a record of a sender that is in no hurry, some bytes of it each second, "
    "until it is whole and the next one begins";

struct held {
    int fd;
    SSL *ssl;
};

/* All slow connections are at the same place of the record. */
static size_t say_piece(const struct held *held, unsigned count, size_t at)
{
    size_t whole = sizeof(slow_record) - 1;
    size_t n = whole - at < PIECE ? whole - at : PIECE;

    for (unsigned i = 0; i < count; i++) {
        const struct held *h = &held[i];
        bool failed = h->ssl != NULL ? SSL_write(h->ssl, slow_record + at, (int)n) != (int)n
                                     : write(h->fd, slow_record + at, n) != (ssize_t)n;
        if (failed)
            load_die("a slow connection was ended");
    }
    return (at + n) % whole;
}

void load_hold(const struct load *load, struct result *result)
{
    struct held *held = calloc(load->connections, sizeof(*held));
    SSL_CTX *ctx = load->certificate != NULL ? load_tls_context(load) : NULL;
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    bool slow = strcmp(load->mode, "slow") == 0;
    size_t at = 0;

    if (held == NULL)
        load_die("no memory");
    result->begin = load_now();
    for (unsigned i = 0; i < load->connections; i++) {
        held[i].fd = load_connect(load, SOCK_STREAM);
        if (ctx != NULL)
            held[i].ssl = load_tls_connect(ctx, held[i].fd);
    }
    result->end = load_now();
    (void)printf("ready\n");
    (void)fflush(stdout);
    while (poll(&p, 1, 1000) == 0)
        at = slow ? say_piece(held, load->connections, at) : 0;
    for (unsigned i = 0; i < load->connections; i++) {
        SSL_free(held[i].ssl);
        (void)close(held[i].fd);
    }
    result->sent = load->connections;
    SSL_CTX_free(ctx);
    free(held);
}
