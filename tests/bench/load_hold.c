/* load_hold.c - connections that hold: many that say nothing, or little and slowly. */
#include "load.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE   20u /* bytes that a slow sender says in a second */
#define TICK_MS 10  /* between looks at who is to speak */
#define IDLE_MS 1000

static const char slow_record[] =
    "161 <30>1 2026-01-01T00:00:00Z slow.example s 1 - - "
    "a record of a sender that is in no hurry, some bytes of it each second, "
    "until it is whole and the next one begins";

struct held {
    int fd;
    SSL *ssl;
    size_t at; /* what it says next of the record */
};

static void say_piece(struct held *h)
{
    size_t whole = sizeof(slow_record) - 1;
    size_t n = whole - h->at < PIECE ? whole - h->at : PIECE;
    bool failed = h->ssl != NULL ? SSL_write(h->ssl, slow_record + h->at, (int)n) != (int)n
                                 : write(h->fd, slow_record + h->at, n) != (ssize_t)n;

    if (failed)
        load_die("a slow connection was ended");
    h->at = (h->at + n) % whole;
}

/* Each connection speaks once a second, and they take turns: senders that know nothing of each
 * other do not speak in the same millisecond. */
static void say_slowly(struct held *held, unsigned count, struct pollfd *until)
{
    double begin = load_now();
    uint64_t said = 0;

    while (poll(until, 1, TICK_MS) == 0) {
        uint64_t due = (uint64_t)((load_now() - begin) * count);
        for (; said < due; said++)
            say_piece(&held[said % count]);
    }
}

void load_hold(const struct load *load, struct result *result)
{
    struct held *held = calloc(load->connections, sizeof(*held));
    SSL_CTX *ctx = load->certificate != NULL ? load_tls_context(load) : NULL;
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

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
    if (strcmp(load->mode, "slow") == 0)
        say_slowly(held, load->connections, &p);
    while (poll(&p, 1, IDLE_MS) == 0)
        ;
    for (unsigned i = 0; i < load->connections; i++) {
        SSL_free(held[i].ssl);
        (void)close(held[i].fd);
    }
    result->sent = load->connections;
    SSL_CTX_free(ctx);
    free(held);
}
