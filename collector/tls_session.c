/* tls_session.c - one connection: ciphertext in, plaintext out, and what is to be sent.
 *
 *   HANDSHAKE -> OPEN -> ENDED; any of them -> FAILED
 *
 * OpenSSL reads from and writes to an end of our own (struct bio calls below): reads take from the
 * caller's buffer, so ciphertext is not copied a second time, writes go into a buffer that grows to
 * a bound. Nothing blocks; an empty source is "try again" and ends ak_tls_feed.
 *
 * Failure modes: a fault of the peer ends the session with one line for the operator; the alert
 * lies in the output. A peer that makes us answer without reading is cut at the bound. */
#include "tls_private.h"

#include <akashi/base64.h>

#include <openssl/err.h>

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_BYTES_FIRST 4096u
#define OUTPUT_BYTES_SLACK 65536u /* above the bound of answers: handshake and alerts */
#define RECORD_OVERHEAD    64u    /* header, nonce, tag and padding of one record; really 29 */
#define PLAIN_SHOWN_BYTES  16u    /* of what was no TLS, in a message */
#define ALERT_REASON_FIRST 1000   /* OpenSSL: reason of alert N is 1000 + N */
#define HANDSHAKE_RECORD   0x16   /* RFC 8446 5.1: the first byte of every TLS connection */

/* the ends */

static int bio_read(BIO *bio, char *out, size_t n, size_t *done)
{
    struct ak_tls_session *session = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (session->cipher_left == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    if (n > session->cipher_left)
        n = session->cipher_left;
    memcpy(out, session->cipher, n);
    session->cipher += n;
    session->cipher_left -= n;
    *done = n;
    return 1;
}

static bool output_reserve(struct ak_tls_session *session, size_t n)
{
    size_t cap = session->out_cap > 0 ? session->out_cap : OUTPUT_BYTES_FIRST;
    uint8_t *out;

    if (n > AK_TLS_OUTPUT_BYTES_MAX + OUTPUT_BYTES_SLACK - session->out_len)
        return false;
    while (cap < session->out_len + n)
        cap *= 2;
    if (cap == session->out_cap)
        return true;
    out = realloc(session->out, cap);
    if (out == NULL)
        return false;
    session->out = out;
    session->out_cap = cap;
    return true;
}

static int bio_write(BIO *bio, const char *data, size_t n, size_t *done)
{
    struct ak_tls_session *session = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (!output_reserve(session, n))
        return 0;
    memcpy(session->out + session->out_len, data, n);
    session->out_len += n;
    *done = n;
    return 1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD *ak_tls_bio_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "akashi");

    if (method == NULL)
        return NULL;
    if (BIO_meth_set_read_ex(method, bio_read) != 1 ||
        BIO_meth_set_write_ex(method, bio_write) != 1 ||
        BIO_meth_set_ctrl(method, bio_control) != 1) {
        BIO_meth_free(method);
        return NULL;
    }
    return method;
}

/* life */

enum ak_code ak_tls_session_new(struct ak_tls_context *context, struct ak_tls_session **out,
                                struct ak_error *err)
{
    struct ak_tls_session *session = calloc(1, sizeof(*session));
    BIO *bio = BIO_new(context->bio);

    *out = NULL;
    if (session != NULL)
        session->ssl = SSL_new(context->ssl);
    if (session == NULL || bio == NULL || session->ssl == NULL) {
        if (session != NULL)
            SSL_free(session->ssl);
        free(session);
        BIO_free(bio);
        ERR_clear_error();
        return ak_fail(err, AK_ENOMEM, "no memory for a TLS connection");
    }
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    SSL_set_bio(session->ssl, bio, bio); /* the session's from here on */
    SSL_set_app_data(session->ssl, session);
    SSL_set_accept_state(session->ssl);
    session->context = ak_tls_context_ref(context);
    *out = session;
    return AK_OK;
}

void ak_tls_session_free(struct ak_tls_session *session)
{
    if (session == NULL)
        return;
    SSL_free(session->ssl);
    ak_tls_name_list_clear(&session->names);
    ak_tls_context_unref(session->context);
    free(session->held);
    free(session->out);
    free(session);
}

/* faults */

/* A line for who speaks something else to this listener. The first bytes are enough, and one must
 * be: a slow sender may have sent no more. */
static enum ak_code refuse_plain(const uint8_t *data, size_t n, struct ak_error *err)
{
    static const char *const methods[] = {"GET ", "POST ", "PUT ", "HEAD ", "OPTIONS ", "PRI * "};
    char shown[PLAIN_SHOWN_BYTES * 2 + 1];
    size_t digits = 0;
    const char *what = NULL;

    while (digits < n && data[digits] >= '0' && data[digits] <= '9')
        digits++;
    if (data[0] == '<' ||
        (digits > 0 && n - digits >= 2 && data[digits] == ' ' && data[digits + 1] == '<'))
        what = "syslog";
    else if (digits > 0 && n - digits >= 5 && memcmp(data + digits, " open", 5) == 0)
        what = "RELP";
    else if (digits > 0)
        what = "syslog or RELP";
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (n >= strlen(methods[i]) && memcmp(data, methods[i], strlen(methods[i])) == 0)
            what = "HTTP";
    }
    if (what != NULL)
        return ak_fail(err, AK_EMALFORMED,
                       "this looks like plain %s on a TLS listener; nothing was taken in. Turn on "
                       "TLS in the sender, or send to a listener without TLS",
                       what);
    /* In hex: whoever shows this line escapes it, and escapes of escapes are hard to read. */
    (void)ak_hex_encode(shown, sizeof(shown), data, n < PLAIN_SHOWN_BYTES ? n : PLAIN_SHOWN_BYTES);
    return ak_fail(err, AK_EMALFORMED,
                   "this is not TLS (its first bytes are %s); nothing was taken in. Find out what "
                   "sends it, or narrow the listener with allow",
                   shown);
}

/* The peer ended the connection with an alert. */
static enum ak_code alert_fault(const struct ak_tls_session *session, int alert,
                                struct ak_error *err)
{
    const char *text = SSL_alert_desc_string_long(alert);

    switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
        return ak_fail(err, AK_EKEY,
                       "the sender does not accept our certificate %.100s (alert: %s); it keeps "
                       "its records. Give the sender the authority that issued it, or renew it",
                       session->context->certificate_file, text);
    default:
        return ak_fail(err, AK_EMALFORMED,
                       "the sender ended the connection with a TLS alert (%s); what it has not "
                       "sent it keeps. Its own log says why",
                       text);
    }
}

static enum ak_code reason_fault(const struct ak_tls_session *session, unsigned long error,
                                 struct ak_error *err)
{
    const char *text = ERR_reason_error_string(error);

    switch (ERR_GET_REASON(error)) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return ak_fail(err, AK_EKEY,
                       "no client certificate: refused, the sender keeps its records. Give the "
                       "sender a certificate, or set authentication=none in %.100s",
                       session->context->place);
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
        return ak_fail(err, AK_EUNSUPPORTED,
                       "the sender offers no TLS 1.2 or newer: refused, it keeps its records. "
                       "Update it, or put a relay beside it that speaks TLS 1.2");
    case SSL_R_NO_SHARED_CIPHER:
        return ak_fail(err, AK_EUNSUPPORTED,
                       "the sender offers no cipher that is accepted: refused, it keeps its "
                       "records. Allow it TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 (RFC 9662)");
    case SSL_R_EXCESSIVE_MESSAGE_SIZE:
        return ak_fail(err, AK_ELIMIT,
                       "a TLS handshake message is too long (certificates of a sender may have "
                       "%u bytes): refused, the sender keeps its records",
                       AK_TLS_CHAIN_BYTES_MAX);
    default:
        return ak_fail(err, AK_EMALFORMED,
                       "%s (%s); what came before it was taken in, what came with it was not",
                       session->state == AK_TLS_HANDSHAKE ? "the TLS handshake failed"
                                                          : "the TLS connection is broken",
                       text != NULL ? text : "no reason given");
    }
}

/* Why OpenSSL gave up; SSL_get_error said `kind`. */
static enum ak_code fault(const struct ak_tls_session *session, int kind, struct ak_error *err)
{
    unsigned long error = ERR_peek_error();
    int reason = ERR_GET_REASON(error);

    if (session->refusal->code != AK_OK) {
        if (err != NULL)
            *err = *session->refusal;
        return session->refusal->code;
    }
    if (session->out_len > AK_TLS_OUTPUT_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT,
                       "the sender does not read our answers (%zu bytes wait): closed",
                       session->out_len);
    if (reason == ERR_R_MALLOC_FAILURE)
        return ak_fail(err, AK_ENOMEM, "no memory for a TLS connection");
    if (kind == SSL_ERROR_ZERO_RETURN)
        return ak_fail(err, AK_EMALFORMED, "the sender gave up within the TLS handshake");
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && reason >= ALERT_REASON_FIRST &&
        reason < ALERT_REASON_FIRST + 256)
        return alert_fault(session, reason - ALERT_REASON_FIRST, err);
    return reason_fault(session, error, err);
}

/* feeding */

/* One step of the handshake. *empty: nothing can be done without more input. */
static enum ak_code handshake_step(struct ak_tls_session *session, bool *empty,
                                   struct ak_error *err)
{
    int rc = SSL_do_handshake(session->ssl);
    int kind = SSL_get_error(session->ssl, rc);

    if (rc == 1) {
        session->state = AK_TLS_OPEN;
        return AK_OK;
    }
    *empty = kind == SSL_ERROR_WANT_READ;
    return *empty ? AK_OK : fault(session, kind, err);
}

static enum ak_code keep(struct ak_tls_session *session, const uint8_t *plain, size_t n,
                         struct ak_error *err)
{
    session->held = malloc(n);
    if (session->held == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a TLS connection");
    memcpy(session->held, plain, n);
    session->held_at = 0;
    session->held_end = n;
    return AK_OK;
}

/* One record's plaintext to the consumer; what it does not take is kept. */
static enum ak_code read_step(struct ak_tls_session *session, struct ak_tls_input *input,
                              bool *empty, struct ak_error *err)
{
    size_t n = 0;
    size_t taken;
    int kind;

    if (SSL_read_ex(session->ssl, input->scratch, input->scratch_bytes, &n) != 1) {
        kind = SSL_get_error(session->ssl, 0);
        *empty = kind == SSL_ERROR_WANT_READ;
        if (kind == SSL_ERROR_ZERO_RETURN) {
            session->state = AK_TLS_ENDED;
            return AK_OK;
        }
        return *empty ? AK_OK : fault(session, kind, err);
    }
    taken = input->on_plain(input->ctx, input->scratch, n);
    assert(taken <= n);
    return taken == n ? AK_OK : keep(session, input->scratch + taken, n - taken, err);
}

/* What an earlier call kept goes first. */
static void held_give(struct ak_tls_session *session, const struct ak_tls_input *input)
{
    size_t taken;

    if (session->held == NULL)
        return;
    taken = input->on_plain(input->ctx, session->held + session->held_at,
                            session->held_end - session->held_at);
    assert(taken <= session->held_end - session->held_at);
    session->held_at += taken;
    if (session->held_at < session->held_end)
        return;
    free(session->held);
    session->held = NULL;
}

static enum ak_code feed(struct ak_tls_session *session, struct ak_tls_input *input,
                         struct ak_error *err)
{
    enum ak_code rc = AK_OK;
    bool empty = false;

    if (!session->begun && input->n > 0) {
        session->begun = true;
        if (input->cipher[0] != HANDSHAKE_RECORD)
            return refuse_plain(input->cipher, input->n, err);
    }
    held_give(session, input);
    while (rc == AK_OK && !empty && session->held == NULL && session->state != AK_TLS_ENDED) {
        /* Errors of an earlier connection in this thread must not be taken for this one's. */
        ERR_clear_error();
        if (session->state == AK_TLS_HANDSHAKE)
            rc = handshake_step(session, &empty, err);
        else
            rc = read_step(session, input, &empty, err);
    }
    return rc;
}

enum ak_code ak_tls_feed(struct ak_tls_session *session, struct ak_tls_input *input,
                         struct ak_error *err)
{
    struct ak_error refusal = {.code = AK_OK};
    enum ak_code rc;

    assert(input->scratch_bytes > 0 && input->on_plain != NULL);
    if (session->state == AK_TLS_FAILED)
        return ak_fail(err, AK_EUSAGE, "this TLS connection has failed before");
    session->cipher = input->cipher;
    session->cipher_left = input->n;
    session->now = input->now;
    session->refusal = &refusal;
    rc = feed(session, input, err);
    if (rc != AK_OK)
        session->state = AK_TLS_FAILED;
    if (session->state == AK_TLS_ENDED && session->held == NULL)
        session->cipher_left = 0;
    input->consumed = input->n - session->cipher_left;
    session->cipher = NULL;
    session->cipher_left = 0;
    session->refusal = NULL;
    ERR_clear_error();
    return rc;
}

bool ak_tls_is_held(const struct ak_tls_session *session)
{
    return session->held != NULL;
}

/* sending */

enum ak_code ak_tls_write(struct ak_tls_session *session, const void *plain, size_t n,
                          struct ak_error *err)
{
    size_t most;
    size_t done = 0;

    assert(session->state != AK_TLS_HANDSHAKE);
    if (session->state == AK_TLS_FAILED || session->closed)
        return ak_fail(err, AK_EUSAGE, "this TLS connection was closed or has failed before");
    if (n == 0)
        return AK_OK;
    if (n > AK_TLS_OUTPUT_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "an answer of %zu bytes is too long", n);
    most = n + (n / AK_TLS_PLAIN_BYTES_MAX + 1) * RECORD_OVERHEAD;
    if (session->out_len + most > AK_TLS_OUTPUT_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "the sender does not read our answers (%zu bytes wait)",
                       session->out_len);
    ERR_clear_error();
    if (SSL_write_ex(session->ssl, plain, n, &done) == 1)
        return AK_OK;
    session->state = AK_TLS_FAILED;
    ERR_clear_error();
    return ak_fail(err, AK_ENOMEM, "no memory for an answer over TLS");
}

uint8_t *ak_tls_output(struct ak_tls_session *session, size_t *n)
{
    uint8_t *out = session->out_len > 0 ? session->out : NULL;

    *n = session->out_len;
    if (out == NULL)
        return NULL;
    session->out = NULL;
    session->out_len = 0;
    session->out_cap = 0;
    return out;
}

void ak_tls_close(struct ak_tls_session *session)
{
    if (session->closed || session->state == AK_TLS_HANDSHAKE || session->state == AK_TLS_FAILED)
        return;
    session->closed = true;
    ERR_clear_error();
    (void)SSL_shutdown(session->ssl);
    ERR_clear_error();
}

/* the end, and the peer */

bool ak_tls_ended_cleanly(const struct ak_tls_session *session)
{
    return session->state == AK_TLS_ENDED && session->held == NULL;
}

enum ak_code ak_tls_eof(const struct ak_tls_session *session, struct ak_error *err)
{
    if (ak_tls_ended_cleanly(session))
        return AK_OK;
    if (!session->begun)
        return ak_fail(err, AK_EMALFORMED, "the connection ended before its first byte");
    if (session->state == AK_TLS_HANDSHAKE)
        return ak_fail(err, AK_EMALFORMED,
                       "the connection ended within the TLS handshake; nothing was taken in");
    return ak_fail(err, AK_EMALFORMED,
                   "the connection ended without close_notify: somebody between may have cut it, "
                   "so a last record that is not whole is kept as a fragment");
}

const struct ak_tls_peer *ak_tls_peer(const struct ak_tls_session *session)
{
    bool known = session->state == AK_TLS_OPEN || session->state == AK_TLS_ENDED;

    return known ? &session->peer : NULL;
}

size_t ak_tls_names(const struct ak_tls_session *session, const char *const **names)
{
    *names = NULL;
    if (ak_tls_peer(session) == NULL)
        return 0;
    *names = (const char *const *)session->names.at;
    return session->names.count;
}

enum ak_code ak_tls_recheck(struct ak_tls_session *session, const struct ak_tls_context *context,
                            int64_t now, struct ak_error *err)
{
    X509 *leaf = SSL_get0_peer_certificate(session->ssl);
    struct ak_tls_name_list names = {.count = 0};
    struct ak_tls_peer peer;
    int x509_error;
    enum ak_code rc;

    assert(ak_tls_peer(session) != NULL);
    if (context->server_only)
        return AK_OK;
    if (leaf == NULL)
        return ak_fail(err, AK_EKEY,
                       "the sender has shown no certificate, which %.100s asks for now: it must "
                       "connect again, with one",
                       context->place);
    rc = ak_tls_peer_judge(context, leaf, SSL_get_peer_cert_chain(session->ssl), now, &peer, &names,
                           &x509_error, err);
    ak_tls_name_list_clear(&names);
    ERR_clear_error();
    if (rc != AK_OK)
        return rc;
    session->peer.expired = peer.expired;
    session->peer.crl_stale = peer.crl_stale;
    return AK_OK;
}
