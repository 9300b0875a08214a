/* tls_pair.c - moves ciphertext between the two ends until nothing moves any more. */
#include "tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

const char *world_path(const struct world *world, const char *name)
{
    static char path[192];

    (void)snprintf(path, sizeof(path), "%s/%s", world->dir, name);
    return path;
}

static void world_certificates(struct world *world)
{
    const int64_t from = NOW - 100 * DAY;
    const int64_t to = NOW + 100 * DAY;

    pki_make(&world->ca,
             &(struct pki_order){.cn = "Agency CA", .authority = true, .from = from, .to = to});
    pki_make(&world->stranger,
             &(struct pki_order){.cn = "Other CA", .authority = true, .from = from, .to = to});
    pki_make(&world->intermediate, &(struct pki_order){.cn = "Agency Sub CA",
                                                       .authority = true,
                                                       .issuer = &world->ca,
                                                       .from = from,
                                                       .to = to});
    pki_make(&world->server, &(struct pki_order){.cn = "collector",
                                                 .san = "DNS:localhost",
                                                 .issuer = &world->ca,
                                                 .from = from,
                                                 .to = to,
                                                 .rsa_bits = 2048});
    pki_make(&world->client, &(struct pki_order){.cn = "fw1",
                                                 .san = "DNS:fw1.example,IP:10.0.0.7",
                                                 .eku = "clientAuth",
                                                 .issuer = &world->ca,
                                                 .from = from,
                                                 .to = to});
}

void world_open(struct world *world)
{
    const struct pki *chain[1];

    (void)snprintf(world->dir, sizeof(world->dir), "/tmp/akashi-tls-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    world_certificates(world);
    (void)snprintf(world->ca_file, sizeof(world->ca_file), "%s/ca.pem", world->dir);
    (void)snprintf(world->certificate_file, sizeof(world->certificate_file), "%s/server.pem",
                   world->dir);
    (void)snprintf(world->key_file, sizeof(world->key_file), "%s/server.key", world->dir);
    (void)snprintf(world->crl_file, sizeof(world->crl_file), "%s/crl.pem", world->dir);
    chain[0] = &world->ca;
    pki_certificates_write(world->ca_file, chain, 1);
    chain[0] = &world->server;
    pki_certificates_write(world->certificate_file, chain, 1);
    pki_key_write(world->key_file, &world->server, NULL);
}

void world_close(struct world *world)
{
    static const char *const files[] = {"ca.pem",  "server.pem", "server.key",
                                        "crl.pem", "other.pem",  "other.key"};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        (void)unlink(world_path(world, files[i]));
    assert_int_equal(rmdir(world->dir), 0);
    pki_free(&world->ca);
    pki_free(&world->intermediate);
    pki_free(&world->stranger);
    pki_free(&world->server);
    pki_free(&world->client);
}

struct ak_tls_options world_options(const struct world *world)
{
    return (struct ak_tls_options){.place = "listener tls://0.0.0.0:6514",
                                   .certificate_file = world->certificate_file,
                                   .key_file = world->key_file,
                                   .ca_file = world->ca_file,
                                   .now = NOW};
}

struct ak_tls_context *world_context(const struct ak_tls_options *options)
{
    struct ak_tls_context *context;
    struct ak_error err = {.code = AK_OK};

    if (ak_tls_context_new(options, &context, &err) != AK_OK)
        fail_msg("context: %s", err.text);
    return context;
}

static size_t on_plain(void *ctx, const uint8_t *plain, size_t n)
{
    struct pair *pair = ctx;
    size_t take = n < pair->room ? n : pair->room;

    assert_true(n > 0);
    pair->calls++;
    if (ak_tls_peer(pair->server) == NULL)
        pair->early = true;
    if (pair->plain_len + take > pair->plain_cap) {
        pair->plain_cap = 2 * (pair->plain_len + take);
        pair->plain = realloc(pair->plain, pair->plain_cap);
        assert_non_null(pair->plain);
    }
    if (take > 0)
        memcpy(pair->plain + pair->plain_len, plain, take);
    pair->plain_len += take;
    if (pair->room != SIZE_MAX)
        pair->room -= take;
    return take;
}

/* Feeds the front of what is on its way; gives whether anything happened. */
static bool pair_feed(struct pair *pair)
{
    static uint8_t scratch[AK_TLS_PLAIN_BYTES_MAX];
    struct ak_tls_input input = {.now = pair->now,
                                 .scratch = scratch,
                                 .scratch_bytes = sizeof(scratch),
                                 .on_plain = on_plain,
                                 .ctx = pair};
    size_t before = pair->plain_len;
    /* A copy of its own size, so that a sanitizer sees a read behind its end. */
    uint8_t *copy;

    input.n = pair->chunk > 0 && pair->cipher_len > pair->chunk ? pair->chunk : pair->cipher_len;
    if (pair->hold_last_byte && input.n == pair->cipher_len &&
        SSL_get_finished(pair->client, NULL, 0) > 0)
        input.n--;
    copy = malloc(input.n > 0 ? input.n : 1);
    assert_non_null(copy);
    if (input.n > 0)
        memcpy(copy, pair->cipher, input.n);
    input.cipher = copy;
    pair->rc = ak_tls_feed(pair->server, &input, &pair->err);
    free(copy);
    assert_true(input.consumed <= input.n);
    if (pair->cipher_len > input.consumed)
        memmove(pair->cipher, pair->cipher + input.consumed, pair->cipher_len - input.consumed);
    pair->cipher_len -= input.consumed;
    return input.consumed > 0 || pair->plain_len > before;
}

static bool pair_deliver(struct pair *pair)
{
    size_t n;
    uint8_t *out = ak_tls_output(pair->server, &n);

    if (out == NULL)
        return false;
    assert_int_equal(BIO_write(SSL_get_rbio(pair->client), out, (int)n), (int)n);
    free(out);
    return true;
}

static void pair_collect(struct pair *pair)
{
    BIO *bio = SSL_get_wbio(pair->client);
    size_t n = BIO_ctrl_pending(bio);

    if (n == 0)
        return;
    pair->cipher = realloc(pair->cipher, pair->cipher_len + n);
    assert_non_null(pair->cipher);
    assert_int_equal(BIO_read(bio, pair->cipher + pair->cipher_len, (int)n), (int)n);
    pair->cipher_len += n;
}

void pair_pump(struct pair *pair)
{
    bool moved;

    do {
        moved = false;
        if (!SSL_is_init_finished(pair->client))
            (void)SSL_do_handshake(pair->client);
        pair_collect(pair);
        if (pair->rc == AK_OK && (pair->cipher_len > 0 || ak_tls_is_held(pair->server)))
            moved = pair_feed(pair);
        moved = pair_deliver(pair) || moved;
    } while (moved);
}

static void sender_identify(SSL *client, const struct sender *sender)
{
    if (sender->identity == NULL)
        return;
    assert_int_equal(SSL_use_certificate(client, sender->identity->certificate), 1);
    assert_int_equal(SSL_use_PrivateKey(client, sender->identity->key), 1);
    if (sender->chain != NULL)
        assert_int_equal(SSL_add1_chain_cert(client, sender->chain->certificate), 1);
}

void pair_prepare(struct pair *pair, struct ak_tls_context *context, const struct sender *sender)
{
    struct ak_error err;

    memset(pair, 0, sizeof(*pair));
    pair->now = NOW;
    pair->room = SIZE_MAX;
    pair->chunk = sender->chunk;
    assert_int_equal(ak_tls_session_new(context, &pair->server, &err), AK_OK);
    pair->client_ctx = SSL_CTX_new(TLS_client_method());
    assert_non_null(pair->client_ctx);
    /* A sender may be as weak as it likes: it is us who refuse. */
    SSL_CTX_set_security_level(pair->client_ctx, 0);
    if (sender->version != 0) {
        SSL_CTX_set_min_proto_version(pair->client_ctx, sender->version);
        SSL_CTX_set_max_proto_version(pair->client_ctx, sender->version);
    }
    if (sender->ciphers != NULL)
        assert_int_equal(SSL_CTX_set_cipher_list(pair->client_ctx, sender->ciphers), 1);
    pair->client = SSL_new(pair->client_ctx);
    assert_non_null(pair->client);
    SSL_set_bio(pair->client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(pair->client);
    sender_identify(pair->client, sender);
    if (sender->resume != NULL)
        assert_int_equal(SSL_set_session(pair->client, sender->resume), 1);
}

void pair_open(struct pair *pair, struct ak_tls_context *context, const struct sender *sender)
{
    pair_prepare(pair, context, sender);
    pair_pump(pair);
}

void pair_close(struct pair *pair)
{
    assert_false(pair->early);
    ak_tls_session_free(pair->server);
    SSL_free(pair->client);
    SSL_CTX_free(pair->client_ctx);
    free(pair->plain);
    free(pair->cipher);
    memset(pair, 0, sizeof(*pair));
}

void pair_send(struct pair *pair, const void *data, size_t n)
{
    size_t done = 0;

    assert_int_equal(SSL_write_ex(pair->client, data, n, &done), 1);
    assert_int_equal(done, n);
}

void pair_feed_raw(struct pair *pair, const void *data, size_t n)
{
    pair->cipher = realloc(pair->cipher, pair->cipher_len + n);
    assert_non_null(pair->cipher);
    memcpy(pair->cipher + pair->cipher_len, data, n);
    pair->cipher_len += n;
    while (pair->rc == AK_OK && pair->cipher_len > 0)
        (void)pair_feed(pair);
}

size_t pair_receive(struct pair *pair, void *out, size_t n)
{
    size_t have = 0;
    size_t got;

    while (have < n && SSL_read_ex(pair->client, (char *)out + have, n - have, &got) == 1)
        have += got;
    return have;
}
