/* load_stream.c - syslog over TCP and TLS, and any file as it is.
 *
 * Each connection gets a slice of the records. Its bytes, framed and, for TLS, encrypted, are made
 * before the clock starts: encryption costs the sender as much as the receiver, and here only the
 * receiver is measured. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WRITE_BYTES     262144u  /* of one system call */
#define TLS_RECORD_MAX  16384u   /* plain bytes of a TLS record */
#define DRAIN_BYTES     4194304u /* taken out of OpenSSL's memory at once */
#define COUNT_ROOM      12u      /* "MSGLEN " */
#define END_SECONDS_MAX 600

struct stream {
    int fd;
    SSL *ssl;
    BIO *cipher; /* what OpenSSL has encrypted and we have not taken */
    uint8_t *data;
    const uint8_t *bytes; /* data, or right out of the corpus */
    uint64_t len, at, cap;
    uint64_t again; /* how often more `bytes` are sent from the start */
    bool done;
};

static void append(struct stream *s, const void *data, size_t n)
{
    if (n == 0)
        return;
    if (s->data == NULL || s->len + n > s->cap) {
        uint64_t cap = s->cap == 0 ? 1048576 : s->cap;
        uint8_t *more;
        while (cap < s->len + n)
            cap *= 2;
        more = realloc(s->data, cap);
        if (more == NULL)
            load_die("no memory for what is to be sent");
        s->data = more;
        s->cap = cap;
    }
    memcpy(s->data + s->len, data, n);
    s->len += n;
}

SSL_CTX *load_tls_context(const struct load *load)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_use_certificate_chain_file(ctx, load->certificate) != 1 || load->key == NULL ||
        SSL_CTX_use_PrivateKey_file(ctx, load->key, SSL_FILETYPE_PEM) != 1 || load->ca == NULL ||
        SSL_CTX_load_verify_locations(ctx, load->ca, NULL) != 1)
        load_die("TLS: --certificate, --key and --ca must fit together");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    return ctx;
}

SSL *load_tls_connect(SSL_CTX *ctx, int fd)
{
    SSL *ssl = SSL_new(ctx);

    errno = 0;
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
        load_die("TLS handshake");
    return ssl;
}

static void take_cipher(struct stream *s, size_t at_least)
{
    char *data;
    long n = BIO_get_mem_data(s->cipher, &data);

    if ((size_t)n < at_least)
        return;
    append(s, data, (size_t)n);
    (void)BIO_reset(s->cipher);
}

static void encrypt(struct stream *s, const uint8_t *data, size_t n)
{
    if (SSL_write(s->ssl, data, (int)n) != (int)n)
        load_die("SSL_write");
    take_cipher(s, DRAIN_BYTES);
}

/* Records [from, to) of one connection. */
static void make_ready(const struct load *load, struct stream *s, uint64_t from, uint64_t to)
{
    uint8_t *gathered = malloc(TLS_RECORD_MAX + COUNT_ROOM + 1048576);
    size_t have = 0;

    if (gathered == NULL)
        load_die("no memory");
    for (uint64_t i = from; i < to; i++) {
        size_t len;
        const uint8_t *line = load_line(load, i, &len);
        size_t begin = have;

        if (load->framing == FRAMING_OCTET)
            have += (size_t)snprintf((char *)gathered + have, COUNT_ROOM, "%zu ", len);
        memcpy(gathered + have, line, len);
        have += len;
        if (load->framing == FRAMING_LF)
            gathered[have++] = '\n';
        if (s->ssl == NULL) {
            append(s, gathered, have);
            have = 0;
        } else if (load->record_per_message) {
            encrypt(s, gathered + begin, have - begin);
            have = 0;
        } else if (have >= TLS_RECORD_MAX) {
            encrypt(s, gathered, TLS_RECORD_MAX);
            have -= TLS_RECORD_MAX;
            memmove(gathered, gathered + TLS_RECORD_MAX, have);
        }
    }
    if (s->ssl != NULL) {
        if (have > 0)
            encrypt(s, gathered, have);
        (void)SSL_shutdown(s->ssl);
        take_cipher(s, 1);
    }
    free(gathered);
    s->bytes = s->data;
}

/* A slice; without TLS it is made once however often it is sent. */
static void begin_stream(const struct load *load, SSL_CTX *ctx, struct stream *s, unsigned i)
{
    uint64_t each = load->records / load->connections;
    uint64_t from = each * i;
    uint64_t to = i + 1 == load->connections ? load->records : from + each;

    s->fd = load_connect(load, SOCK_STREAM);
    if (load->framing == FRAMING_RAW) {
        s->bytes = load->text;
        s->len = load->text_len;
    } else if (ctx != NULL) {
        s->ssl = load_tls_connect(ctx, s->fd);
        s->cipher = BIO_new(BIO_s_mem());
        if (s->cipher == NULL)
            load_die("no memory");
        SSL_set0_wbio(s->ssl, s->cipher);
        make_ready(load, s, from, to);
    } else if (load->framing == FRAMING_LF && load->connections == 1 &&
               (load->records <= load->lines || load->records % load->lines == 0)) {
        s->bytes = load->text;
        s->len = load->records <= load->lines ? load->line[load->records] : load->line[load->lines];
        s->again = load->records <= load->lines ? 0 : load->records / load->lines - 1;
    } else {
        make_ready(load, s, from, to);
    }
    (void)fcntl(s->fd, F_SETFL, O_NONBLOCK);
}

static void push(struct stream *s, struct result *result)
{
    size_t n = s->len - s->at < WRITE_BYTES ? s->len - s->at : WRITE_BYTES;
    ssize_t wrote = write(s->fd, s->bytes + s->at, n);

    if (wrote < 0 && errno != EAGAIN)
        load_die("write");
    if (wrote <= 0)
        return;
    s->at += (uint64_t)wrote;
    result->bytes += (uint64_t)wrote;
    if (s->at == s->len && s->again > 0) {
        s->again--;
        s->at = 0;
    }
    if (s->at == s->len) {
        (void)shutdown(s->fd, SHUT_WR);
        s->done = true;
    }
}

/* Reads to the end of what the server says, so that nothing is thrown away by a reset. */
static void wait_for_end(struct stream *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLIN};
    char discarded[4096];
    ssize_t n = 1;

    while (n != 0) {
        if (poll(&p, 1, END_SECONDS_MAX * 1000) != 1)
            load_die("the server does not end the connection");
        n = read(s->fd, discarded, sizeof(discarded));
        if (n < 0 && errno != EAGAIN)
            load_die("read");
    }
}

void load_stream(const struct load *load, struct result *result)
{
    struct stream *stream = calloc(load->connections, sizeof(*stream));
    struct pollfd *poll_on = calloc(load->connections, sizeof(*poll_on));
    SSL_CTX *ctx = load->certificate != NULL ? load_tls_context(load) : NULL;
    unsigned open = load->connections;

    if (stream == NULL || poll_on == NULL)
        load_die("no memory");
    for (unsigned i = 0; i < load->connections; i++) {
        begin_stream(load, ctx, &stream[i], i);
        poll_on[i] = (struct pollfd){.fd = stream[i].fd, .events = POLLOUT};
    }
    result->begin = load_now();
    while (open > 0) {
        if (poll(poll_on, load->connections, END_SECONDS_MAX * 1000) <= 0)
            load_die("the server takes nothing");
        for (unsigned i = 0; i < load->connections; i++) {
            if ((poll_on[i].revents & (POLLOUT | POLLERR | POLLHUP)) == 0)
                continue;
            push(&stream[i], result);
            if (stream[i].done) {
                poll_on[i].fd = -1;
                open--;
            }
        }
    }
    result->end = load_now();
    result->sent = load->records;
    for (unsigned i = 0; i < load->connections; i++) {
        wait_for_end(&stream[i]);
        SSL_free(stream[i].ssl);
        (void)close(stream[i].fd);
        free(stream[i].data);
    }
    SSL_CTX_free(ctx);
    free(poll_on);
    free(stream);
}
