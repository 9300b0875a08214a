/* tls_pair.h - both ends of a TLS connection in memory: ours, and OpenSSL's as the sender. */
#ifndef AK_TESTS_TLS_PAIR_H
#define AK_TESTS_TLS_PAIR_H

#include "tls.h"
#include "tls_pki.h"

#include <openssl/ssl.h>

#define NOW INT64_C(1795435200) /* 2026-11-23T12:00:00Z: time is an argument everywhere */
#define DAY INT64_C(86400)

/* Authorities and files that every case can use. */
struct world {
    char dir[64];
    struct pki ca, intermediate, stranger; /* stranger: an authority nobody trusts */
    struct pki server;                     /* RSA, so that RFC 9662's mandatory suite is used */
    struct pki client;                     /* CN=fw1, SAN fw1.example, by ca */
    char ca_file[96], certificate_file[96], key_file[96], crl_file[96];
};
void world_open(struct world *world);
void world_close(struct world *world);

/* A path in the world's directory; one static buffer. */
const char *world_path(const struct world *world, const char *name);

/* Options of a listener with mutual authentication by ca_file. */
struct ak_tls_options world_options(const struct world *world);
struct ak_tls_context *world_context(const struct ak_tls_options *options);

/* How the sender connects. Zeroed: newest TLS, no certificate, all bytes at once. */
struct sender {
    const struct pki *identity; /* its certificate; NULL: none */
    const struct pki *chain;    /* sent behind it; NULL: none */
    int version;                /* TLS1_2_VERSION, ...: this one only; 0: any */
    const char *ciphers;        /* TLS 1.2; NULL: OpenSSL's */
    SSL_SESSION *resume;        /* NULL: none */
    size_t chunk;               /* bytes of one ak_tls_feed; 0: all there are */
};

struct pair {
    struct ak_tls_session *server;
    SSL_CTX *client_ctx;
    SSL *client;
    size_t chunk;
    int64_t now;
    bool hold_last_byte; /* of the sender's flight that ends its side of the handshake */
    size_t room;         /* bytes on_plain still takes */
    uint8_t *plain;
    size_t plain_len, plain_cap;
    unsigned calls;    /* of on_plain */
    bool early;        /* plaintext came while the peer was unknown */
    uint8_t *cipher;   /* on its way to the server */
    size_t cipher_len; /* of cipher */
    enum ak_code rc;   /* of the first ak_tls_feed that failed */
    struct ak_error err;
};

/* Both ends, nothing moved yet. */
void pair_prepare(struct pair *pair, struct ak_tls_context *context, const struct sender *sender);

/* Connects and runs until nothing moves any more. */
void pair_open(struct pair *pair, struct ak_tls_context *context, const struct sender *sender);
void pair_close(struct pair *pair);
void pair_pump(struct pair *pair);

/* The sender sends; the bytes are on their way, not pumped. */
void pair_send(struct pair *pair, const void *data, size_t n);

/* Feeds raw bytes instead of what OpenSSL would send. */
void pair_feed_raw(struct pair *pair, const void *data, size_t n);

/* Bytes the sender reads, all there are; n at most. */
size_t pair_receive(struct pair *pair, void *out, size_t n);

#endif
