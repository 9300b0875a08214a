/* tls.c - the connection itself: what is offered, bytes through it, back-pressure, its end, what is
 * not TLS, memory, and the files a listener is made from. */
#include "tls_pair.h"

#include <openssl/crypto.h>

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PLACE "listener tls://0.0.0.0:6514"

static struct world world;
static struct ak_tls_context *context; /* world_options */

/* Bytes that OpenSSL holds at the moment. */
static size_t openssl_bytes;

static void *counting_malloc(size_t n, const char *file, int line)
{
    void *p = malloc(n);

    (void)file;
    (void)line;
    openssl_bytes += p != NULL ? malloc_usable_size(p) : 0;
    return p;
}

static void counting_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    openssl_bytes -= p != NULL ? malloc_usable_size(p) : 0;
    free(p);
}

static void *counting_realloc(void *p, size_t n, const char *file, int line)
{
    size_t before = p != NULL ? malloc_usable_size(p) : 0;
    void *q = realloc(p, n);

    (void)file;
    (void)line;
    if (q != NULL || n == 0)
        openssl_bytes += (q != NULL ? malloc_usable_size(q) : 0) - before;
    return q;
}

static void fill(uint8_t *out, size_t n)
{
    uint32_t x = 1;

    for (size_t i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        out[i] = (uint8_t)(x >> 24);
    }
}

/* TLS 1.3 where the sender can, else 1.2 with the suite that RFC 9662 makes mandatory. */
static void offers_what_rfc_9662_asks(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, context, &(struct sender){.identity = &world.client});
    assert_int_equal(pair.rc, AK_OK);
    assert_string_equal(SSL_get_version(pair.client), "TLSv1.3");
    pair_close(&pair);
    pair_open(&pair, context,
              &(struct sender){.identity = &world.client, .version = TLS1_2_VERSION});
    assert_int_equal(pair.rc, AK_OK);
    assert_string_equal(SSL_CIPHER_standard_name(SSL_get_current_cipher(pair.client)),
                        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    pair_close(&pair);
}

static void refuses_old_versions(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, context,
              &(struct sender){.identity = &world.client,
                               .version = TLS1_1_VERSION,
                               .ciphers = "ALL:@SECLEVEL=0"});
    assert_int_equal(pair.rc, AK_EUNSUPPORTED);
    assert_string_equal(pair.err.text,
                        "the sender offers no TLS 1.2 or newer: refused, it keeps its records. "
                        "Update it, or put a relay beside it that speaks TLS 1.2");
    pair_close(&pair);
}

/* No CBC, and nothing without forward secrecy: TLS_RSA_WITH_AES_128_CBC_SHA was RFC 5425's. */
static void refuses_weak_ciphers(void **state)
{
    static const char *const weak[] = {"AES128-SHA", "AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256",
                                       "ECDHE-RSA-AES256-SHA", "DHE-RSA-AES128-GCM-SHA256"};

    (void)state;
    for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
        struct pair pair;

        pair_open(&pair, context,
                  &(struct sender){
                      .identity = &world.client, .version = TLS1_2_VERSION, .ciphers = weak[i]});
        assert_int_equal(pair.rc, AK_EUNSUPPORTED);
        assert_string_equal(pair.err.text,
                            "the sender offers no cipher that is accepted: refused, it keeps its "
                            "records. Allow it TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 (RFC 9662)");
        pair_close(&pair);
    }
}

/* A session that was good once must not skip the check the next time. */
static void never_resumes(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        SSL_SESSION *session;
        struct pair pair;
        uint8_t byte;

        pair_open(&pair, context,
                  &(struct sender){.identity = &world.client, .version = versions[i]});
        assert_int_equal(pair.rc, AK_OK);
        assert_int_equal(pair_receive(&pair, &byte, 1), 0); /* would read a ticket if one came */
        session = SSL_get1_session(pair.client);
        assert_non_null(session);
        assert_false(SSL_SESSION_has_ticket(session));
        assert_false(SSL_SESSION_is_resumable(session));
        pair_close(&pair);
        /* Shown again as far as a client can, without a certificate: refused like anybody. */
        pair_open(&pair, context, &(struct sender){.version = versions[i], .resume = session});
        assert_int_equal(pair.rc, AK_EKEY);
        assert_non_null(strstr(pair.err.text, "no client certificate: refused"));
        assert_false(SSL_session_reused(pair.client));
        pair_close(&pair);
        SSL_SESSION_free(session);
    }
}

static void refuses_renegotiation(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, context,
              &(struct sender){.identity = &world.client, .version = TLS1_2_VERSION});
    assert_int_equal(pair.rc, AK_OK);
    assert_int_equal(SSL_renegotiate(pair.client), 1);
    (void)SSL_do_handshake(pair.client);
    pair_pump(&pair);
    assert_int_not_equal(SSL_do_handshake(pair.client), 1);
    assert_int_equal(SSL_total_renegotiations(pair.client), 1); /* asked for, and no more */
    assert_int_equal(pair.plain_len, 0);
    pair_close(&pair);
}

/* Bytes come out as they went in, whatever the pieces: all at once, byte by byte, odd ones. */
static void carries_bytes_in_any_pieces(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static const size_t chunks[] = {0, 1, 2, 5, 1000, 17000};
    size_t n = 100000;
    uint8_t *data = malloc(n);

    (void)state;
    assert_non_null(data);
    fill(data, n);
    for (size_t i = 0; i < 12; i++) {
        struct pair pair;

        pair_open(&pair, context,
                  &(struct sender){.identity = &world.client,
                                   .version = versions[i / 6],
                                   .chunk = chunks[i % 6]});
        assert_int_equal(pair.rc, AK_OK);
        pair_send(&pair, data, 1);
        pair_send(&pair, data + 1, n - 1);
        pair_pump(&pair);
        assert_int_equal(pair.rc, AK_OK);
        assert_int_equal(pair.plain_len, n);
        assert_memory_equal(pair.plain, data, n);
        pair_close(&pair);
    }
    free(data);
}

static void answers(void **state)
{
    static uint8_t answer[100000];
    static uint8_t got[sizeof(answer)];
    struct ak_error err;
    struct pair pair;
    size_t n;

    (void)state;
    fill(answer, sizeof(answer));
    pair_open(&pair, context, &(struct sender){.identity = &world.client});
    assert_int_equal(ak_tls_write(pair.server, answer, sizeof(answer), &err), AK_OK);
    pair_pump(&pair);
    assert_int_equal(pair_receive(&pair, got, sizeof(got)), sizeof(got));
    assert_memory_equal(got, answer, sizeof(got));
    assert_null(ak_tls_output(pair.server, &n));
    assert_int_equal(n, 0);
    pair_close(&pair);
}

/* A sender that never reads answers costs a bounded buffer, not more; the session lives on. */
static void bounds_answers(void **state)
{
    static uint8_t answer[1000];
    struct ak_error err;
    struct pair pair;
    unsigned written = 0;
    size_t n;
    uint8_t *out;

    (void)state;
    pair_open(&pair, context, &(struct sender){.identity = &world.client});
    while (written < 1000 && ak_tls_write(pair.server, answer, sizeof(answer), &err) == AK_OK)
        written++;
    assert_in_range(written, 240, 262);
    assert_int_equal(ak_tls_write(pair.server, answer, sizeof(answer), &err), AK_ELIMIT);
    assert_non_null(strstr(err.text, "the sender does not read our answers ("));
    out = ak_tls_output(pair.server, &n);
    assert_in_range(n, 1, AK_TLS_OUTPUT_BYTES_MAX);
    free(out);
    assert_int_equal(ak_tls_write(pair.server, answer, sizeof(answer), &err), AK_OK);
    pair_close(&pair);
}

/* The consumer is full in the middle of a record: nothing is lost, doubled or decrypted ahead. */
static void holds_back_within_a_record(void **state)
{
    static uint8_t data[60000];
    struct pair pair;
    size_t behind;

    (void)state;
    fill(data, sizeof(data));
    pair_open(&pair, context, &(struct sender){.identity = &world.client});
    pair.room = 20000; /* one record and 3,616 bytes */
    pair_send(&pair, data, sizeof(data));
    pair_pump(&pair);
    assert_int_equal(pair.plain_len, 20000);
    assert_true(ak_tls_is_held(pair.server));
    assert_in_range(pair.cipher_len, 60000 - 2 * 16384, 60000 - 2 * 16384 + 200);
    behind = pair.cipher_len;
    pair_pump(&pair); /* still no room: nothing moves */
    assert_int_equal(pair.plain_len, 20000);
    assert_int_equal(pair.cipher_len, behind);
    while (pair.plain_len < sizeof(data)) {
        size_t before = pair.plain_len;

        pair.room = 7;
        pair_pump(&pair);
        assert_int_equal(pair.plain_len,
                         before + (sizeof(data) - before < 7 ? sizeof(data) - before : 7));
    }
    assert_memory_equal(pair.plain, data, sizeof(data));
    assert_false(ak_tls_is_held(pair.server));
    assert_int_equal(pair.cipher_len, 0);
    pair_close(&pair);
}

/* close_notify with plaintext in front that was not taken: not yet the end. */
static void ends_after_what_is_held(void **state)
{
    struct pair pair;
    struct ak_error err;

    (void)state;
    pair_open(&pair, context, &(struct sender){.identity = &world.client});
    pair.room = 3;
    pair_send(&pair, "records", 7);
    (void)SSL_shutdown(pair.client);
    pair_pump(&pair);
    assert_false(ak_tls_ended_cleanly(pair.server));
    assert_int_equal(ak_tls_eof(pair.server, &err), AK_EMALFORMED);
    pair.room = SIZE_MAX;
    pair_pump(&pair);
    assert_int_equal(pair.plain_len, 7);
    assert_true(ak_tls_ended_cleanly(pair.server));
    assert_int_equal(ak_tls_eof(pair.server, &err), AK_OK);
    /* What comes behind close_notify is no part of the connection. */
    pair_feed_raw(&pair, "garbage", 7);
    assert_int_equal(pair.rc, AK_OK);
    assert_int_equal(pair.plain_len, 7);
    pair_close(&pair);
}

/* A connection cut on the way is known as such, wherever it is cut. */
static void knows_truncation(void **state)
{
    struct ak_tls_session *untouched;
    struct ak_error err;
    struct pair pair;

    (void)state;
    pair_open(&pair, context, &(struct sender){.identity = &world.client});
    pair_send(&pair, "<13>whole\n", 10);
    pair_pump(&pair);
    assert_int_equal(pair.plain_len, 10);
    assert_false(ak_tls_ended_cleanly(pair.server));
    assert_int_equal(ak_tls_eof(pair.server, &err), AK_EMALFORMED);
    assert_string_equal(err.text,
                        "the connection ended without close_notify: somebody between may have cut "
                        "it, so a last record that is not whole is kept as a fragment");
    pair_close(&pair);
    assert_int_equal(ak_tls_session_new(context, &untouched, &err), AK_OK);
    assert_int_equal(ak_tls_eof(untouched, &err), AK_EMALFORMED);
    assert_string_equal(err.text, "the connection ended before its first byte");
    ak_tls_session_free(untouched);
}

/* Nobody is authorised before the last byte of the handshake, and a sender that shows a good
 * certificate but never proves to have its key stays nobody. */
static void tells_nothing_before_the_handshake_ends(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;

        /* The last byte of the sender's last flight is kept back. */
        pair_prepare(&pair, context,
                     &(struct sender){.identity = &world.client, .version = versions[i]});
        pair.hold_last_byte = true;
        pair_pump(&pair);
        assert_int_equal(pair.rc, AK_OK);
        assert_int_equal(pair.cipher_len, 1);
        assert_null(ak_tls_peer(pair.server));
        assert_int_equal(ak_tls_names(pair.server, &(const char *const *){NULL}), 0);
        assert_int_equal(ak_tls_eof(pair.server, NULL), AK_EMALFORMED);
        pair.hold_last_byte = false;
        pair_pump(&pair);
        assert_non_null(ak_tls_peer(pair.server));
        pair_close(&pair);
    }
}

static void closes_once(void **state)
{
    struct ak_error err;
    struct pair pair;
    uint8_t byte;

    (void)state;
    pair_open(&pair, context, &(struct sender){.identity = &world.client});
    ak_tls_close(pair.server);
    ak_tls_close(pair.server);
    assert_int_equal(ak_tls_write(pair.server, "x", 1, &err), AK_EUSAGE);
    pair_pump(&pair);
    assert_int_equal(pair_receive(&pair, &byte, 1), 0);
    assert_int_equal(SSL_get_shutdown(pair.client) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    pair_close(&pair);
}

/* Who speaks something else is told what, and what to do; the first byte is enough. */
static void names_what_is_not_tls(void **state)
{
#define PLAIN(what)                                                                                \
    "this looks like plain " what " on a TLS listener; nothing was taken in. Turn on TLS in the "  \
    "sender, or send to a listener without TLS"
    static const struct {
        const char *sent, *text;
    } cases[] = {
        {"<34>1 2003-10-11T22:14:15.003Z host app - - - x\n", PLAIN("syslog")},
        {"<", PLAIN("syslog")},
        {"83 <34>1 2003-10-11T22:14:15.003Z", PLAIN("syslog")},
        {"1 open 85 relp_version=0\n", PLAIN("RELP")},
        {"1", PLAIN("syslog or RELP")},
        {"POST / HTTP/1.1\r\n", PLAIN("HTTP")},
        {"GET / HTTP/1.1\r\n", PLAIN("HTTP")},
        {"\x1b]0;x\x07gibberish", "this is not TLS (its first bytes are "
                                  "1b5d303b7807676962626572697368); nothing was taken in. Find "
                                  "out what sends it, or narrow the listener with allow"},
    };
#undef PLAIN

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pair pair;
        size_t n;

        pair_prepare(&pair, context, &(struct sender){.chunk = 0});
        pair_feed_raw(&pair, cases[i].sent, strlen(cases[i].sent));
        assert_int_equal(pair.rc, AK_EMALFORMED);
        assert_string_equal(pair.err.text, cases[i].text);
        assert_null(ak_tls_output(pair.server, &n));
        pair_close(&pair);
    }
}

/* Noise behind a first byte that could be TLS: an answer, never a crash, never a byte through. */
static void survives_gibberish(void **state)
{
    static const uint8_t hello[] = {0x16, 3, 1, 1, 0x20, 1, 0, 1, 0x1c, 3, 3};
    uint8_t noise[300];

    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        struct pair pair;

        fill(noise, sizeof(noise));
        for (size_t j = 0; j < sizeof(noise); j++)
            noise[j] = (uint8_t)(noise[j] * (i + 1) + i);
        noise[0] = 0x16;
        if (i % 2 == 0)
            memcpy(noise, hello, sizeof(hello));
        pair_prepare(&pair, context, &(struct sender){.chunk = i % 3});
        pair_feed_raw(&pair, noise, sizeof(noise));
        assert_int_not_equal(pair.rc, AK_OK);
        assert_true(strlen(pair.err.text) > 20);
        assert_int_equal(pair.plain_len, 0);
        pair_close(&pair);
    }
}

/* One changed bit within a record ends the connection; records before it were given out. */
static void ends_at_a_broken_record(void **state)
{
    uint8_t record[128];
    struct pair pair;
    int n;

    (void)state;
    pair_open(&pair, context, &(struct sender){.identity = &world.client});
    pair_send(&pair, "first", 5);
    pair_pump(&pair);
    pair_send(&pair, "second", 6);
    n = BIO_read(SSL_get_wbio(pair.client), record, sizeof(record));
    assert_in_range(n, 20, 100);
    record[n - 1] ^= 1;
    pair_feed_raw(&pair, record, (size_t)n);
    assert_int_equal(pair.rc, AK_EMALFORMED);
    assert_string_equal(pair.err.text,
                        "the TLS connection is broken (decryption failed or bad record mac); what "
                        "came before it was taken in, what came with it was not");
    assert_int_equal(pair.plain_len, 5);
    assert_null(ak_tls_peer(pair.server));
    pair_close(&pair);
}

/* A sender that does not trust us says so, and the operator learns which certificate it was. */
static void explains_alerts(void **state)
{
    struct pair pair;
    char text[AK_ERROR_TEXT_BYTES];

    (void)state;
    pair_prepare(&pair, context, &(struct sender){.identity = &world.client});
    SSL_set_verify(pair.client, SSL_VERIFY_PEER, NULL); /* and it knows no authority at all */
    pair_pump(&pair);
    assert_int_equal(pair.rc, AK_EKEY);
    (void)snprintf(
        text, sizeof(text),
        "the sender does not accept our certificate %s (alert: unknown CA); it keeps its "
        "records. Give the sender the authority that issued it, or renew it",
        world.certificate_file);
    assert_string_equal(pair.err.text, text);
    pair_close(&pair);
}

/* Key updates that ask for an answer are cheap to send; unread answers must stay bounded. */
static void bounds_key_updates(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, context,
              &(struct sender){.identity = &world.client, .version = TLS1_3_VERSION});
    for (unsigned i = 0; i < 20000 && pair.rc == AK_OK; i++) {
        uint8_t record[256];
        int n;

        assert_int_equal(SSL_key_update(pair.client, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(pair.client), 1);
        n = BIO_read(SSL_get_wbio(pair.client), record, sizeof(record));
        assert_in_range(n, 1, 200);
        pair_feed_raw(&pair, record, (size_t)n);
    }
    if (pair.rc == AK_OK) {
        size_t n;

        free(ak_tls_output(pair.server, &n));
        assert_in_range(n, 0, AK_TLS_OUTPUT_BYTES_MAX);
    } else {
        assert_int_equal(pair.rc, AK_ELIMIT);
    }
    pair_close(&pair);
}

/* New contexts are for new connections; a session keeps its own alive. */
static void sessions_keep_their_context(void **state)
{
    struct ak_tls_options options = world_options(&world);
    struct ak_tls_context *gone = world_context(&options);
    struct pair pair;

    (void)state;
    assert_int_equal(ak_tls_context_not_after(gone), NOW + 100 * DAY);
    assert_string_equal(ak_tls_context_name(gone), "localhost");
    pair_open(&pair, gone, &(struct sender){.identity = &world.client});
    ak_tls_context_unref(gone);
    pair_send(&pair, "still here", 10);
    pair_pump(&pair);
    assert_int_equal(pair.plain_len, 10);
    pair_close(&pair);
}

/* What an idle connection with a verified sender costs, everything OpenSSL holds for it. */
static void idles_in_little_memory(void **state)
{
    enum { SESSIONS = 16 };
    struct pair pairs[SESSIONS];
    size_t before, with, each;

    (void)state;
    for (unsigned i = 0; i < SESSIONS; i++) {
        pair_open(&pairs[i], context, &(struct sender){.identity = &world.client});
        pair_send(&pairs[i], "x", 1);
        pair_pump(&pairs[i]);
        assert_int_equal(pairs[i].plain_len, 1);
        SSL_free(pairs[i].client);
        SSL_CTX_free(pairs[i].client_ctx);
        pairs[i].client = NULL;
        pairs[i].client_ctx = NULL;
    }
    with = openssl_bytes;
    for (unsigned i = 0; i < SESSIONS; i++)
        pair_close(&pairs[i]);
    before = openssl_bytes;
    each = (with - before) / SESSIONS + sizeof(struct ak_tls_peer);
    print_message("an idle session holds %zu bytes\n", each);
    assert_in_range(each, 1000, AK_TLS_SESSION_BYTES);
}

static void on_remark(void *ctx, const char *text)
{
    (void)snprintf(ctx, AK_ERROR_TEXT_BYTES, "%s", text);
}

static void expect_no_context(const struct ak_tls_options *options, enum ak_code code,
                              const char *part)
{
    struct ak_tls_context *none = context;
    struct ak_error err = {.code = AK_OK};

    assert_int_equal(ak_tls_context_new(options, &none, &err), code);
    assert_null(none);
    assert_memory_equal(err.text, PLACE, strlen(PLACE));
    if (strstr(err.text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, err.text);
}

/* Files that are missing, empty, of the wrong kind or not a pair: named, with what to do. */
static void names_bad_files(void **state)
{
    const struct ak_tls_options good = world_options(&world);
    const char *other = world_path(&world, "other.pem");
    struct ak_tls_options options = good;
    struct pki_order weak = {.cn = "weak", .from = NOW - DAY, .to = NOW + DAY, .rsa_bits = 1024};
    const struct pki *chain[1];
    struct pki pki;
    FILE *file;

    (void)state;
    options.certificate_file = "/nonexistent/server.pem";
    expect_no_context(
        &options, AK_ENOTFOUND,
        "cannot read the certificate file /nonexistent/server.pem (it must exist, and "
        "the collector's user must be able to read it): No such file or directory");
    options.certificate_file = "/";
    expect_no_context(&options, AK_EUSAGE, "is no regular file");
    options = good;
    options.certificate_file = world.key_file;
    expect_no_context(&options, AK_EMALFORMED, "holds no CERTIFICATE in PEM form");
    options = good;
    options.key_file = world.certificate_file;
    expect_no_context(&options, AK_EKEY, "holds no private key in PEM form, or an encrypted one");
    options = good;
    options.crl_file = world.ca_file;
    expect_no_context(&options, AK_EMALFORMED, "holds no X509 CRL in PEM form");
    options = good;
    pki_key_write(other, &world.client, NULL);
    options.key_file = other;
    expect_no_context(&options, AK_EKEY, "does not belong to the first certificate in");
    pki_key_write(other, &world.server, "secret");
    expect_no_context(&options, AK_EKEY, "or an encrypted one");
    file = fopen(other, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    options = good;
    options.ca_file = other;
    expect_no_context(&options, AK_EMALFORMED, "has 0 bytes; a PEM file has 1 to");
    pki_make(&pki, &weak);
    chain[0] = &pki;
    pki_certificates_write(other, chain, 1);
    options = good;
    options.certificate_file = other;
    expect_no_context(&options, AK_EKEY, "issue it with P-256, or RSA of 2048 bits or more");
    pki_free(&pki);
}

/* A file that breaks off within an object is not taken in half. */
static void refuses_half_files(void **state)
{
    struct ak_tls_options options = world_options(&world);
    const char *other = world_path(&world, "other.pem");
    const struct pki *chain[2] = {&world.ca, &world.stranger};
    struct stat st;

    (void)state;
    pki_certificates_write(other, chain, 2);
    assert_int_equal(stat(other, &st), 0);
    assert_int_equal(truncate(other, st.st_size - 60), 0);
    options.ca_file = other;
    expect_no_context(&options, AK_EMALFORMED, "is damaged behind object 1");
}

/* Settings that contradict each other are not guessed at. */
static void refuses_contradictions(void **state)
{
    static const char *const wide[] = {"fw1.example", "*.com"};
    const struct ak_tls_options good = world_options(&world);
    struct ak_tls_options options = good;

    (void)state;
    options.ca_file = NULL;
    expect_no_context(&options, AK_EUSAGE, "could not know any sender");
    options = good;
    options.server_only = true;
    expect_no_context(&options, AK_EUSAGE, "asks senders for no certificate");
    options = good;
    options.key_file = NULL;
    expect_no_context(&options, AK_EUSAGE, "needs a certificate and a key");
    options = good;
    options.names = wide;
    options.name_count = 2;
    expect_no_context(&options, AK_EUSAGE, "names: \"*.com\": * stands for one whole name");
    options = good;
    options.ca_file = NULL;
    options.fingerprints = &(struct ak_hash){.b = {1}};
    options.fingerprint_count = 1;
    options.names = wide;
    options.name_count = 1;
    expect_no_context(&options, AK_EUSAGE, "names means nothing without ca");
}

/* Allowed, but the operator should know. */
static void remarks(void **state)
{
    struct ak_tls_options options = world_options(&world);
    char text[AK_ERROR_TEXT_BYTES] = "";
    char wanted[AK_ERROR_TEXT_BYTES];

    (void)state;
    options.on_remark = on_remark;
    options.remark_ctx = text;
    ak_tls_context_unref(world_context(&options));
    assert_string_equal(text, "");
    assert_int_equal(chmod(world.key_file, 0644), 0);
    ak_tls_context_unref(world_context(&options));
    (void)snprintf(wanted, sizeof(wanted),
                   "key %s can be reached by others (mode 0644): whoever reads it can pose as this "
                   "collector. chmod 600 it",
                   world.key_file);
    assert_string_equal(text, wanted);
    assert_int_equal(chmod(world.key_file, 0640), 0);
    options.now = NOW + 101 * DAY;
    ak_tls_context_unref(world_context(&options));
    assert_non_null(strstr(text, "has expired: senders that check it will not connect"));
    options = world_options(&world);
    options.on_remark = on_remark;
    options.remark_ctx = text;
    options.ca_file = NULL;
    options.server_only = true;
    ak_tls_context_unref(world_context(&options));
    assert_string_equal(text, PLACE " asks senders for no certificate: records are encrypted on "
                                    "their way, but senders are known by address only");
    options = world_options(&world);
    options.on_remark = on_remark;
    options.remark_ctx = text;
    options.crl_file = world.crl_file;
    pki_crl_write(world.crl_file, &world.ca, NULL, NOW - 2 * DAY, NOW - DAY);
    ak_tls_context_unref(world_context(&options));
    assert_non_null(strstr(text, "is past its time: senders of its authority are refused until"));
}

static int open_world(void **state)
{
    struct ak_tls_options options;

    (void)state;
    world_open(&world);
    options = world_options(&world);
    context = world_context(&options);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    ak_tls_context_unref(context);
    world_close(&world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offers_what_rfc_9662_asks),
        cmocka_unit_test(refuses_old_versions),
        cmocka_unit_test(refuses_weak_ciphers),
        cmocka_unit_test(never_resumes),
        cmocka_unit_test(refuses_renegotiation),
        cmocka_unit_test(carries_bytes_in_any_pieces),
        cmocka_unit_test(answers),
        cmocka_unit_test(bounds_answers),
        cmocka_unit_test(holds_back_within_a_record),
        cmocka_unit_test(ends_after_what_is_held),
        cmocka_unit_test(knows_truncation),
        cmocka_unit_test(tells_nothing_before_the_handshake_ends),
        cmocka_unit_test(closes_once),
        cmocka_unit_test(names_what_is_not_tls),
        cmocka_unit_test(survives_gibberish),
        cmocka_unit_test(ends_at_a_broken_record),
        cmocka_unit_test(explains_alerts),
        cmocka_unit_test(bounds_key_updates),
        cmocka_unit_test(sessions_keep_their_context),
        cmocka_unit_test(idles_in_little_memory),
        cmocka_unit_test(names_bad_files),
        cmocka_unit_test(refuses_half_files),
        cmocka_unit_test(refuses_contradictions),
        cmocka_unit_test(remarks),
    };

    /* Before OpenSSL allocates anything, or the count would be wrong. */
    if (CRYPTO_set_mem_functions(counting_malloc, counting_realloc, counting_free) != 1)
        return 1;
    return cmocka_run_group_tests(tests, open_world, close_world);
}
