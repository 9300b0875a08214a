/* tls.h - TLS of the listeners: who the sender is, and the bytes it sent.
 *
 * Knows neither libuv nor sockets nor the clock: ciphertext is handed in, plaintext and ciphertext
 * come out, the time is an argument. RFC 5425, RFC 9662, RFC 8446; docs/operating.md says what is
 * asked of senders.
 *
 * Happy path: one ak_tls_context per listener, made from files; one ak_tls_session per connection.
 * The loop reads into its buffer and calls ak_tls_feed, which decrypts straight from that buffer
 * and hands out plaintext; after each call it takes ak_tls_output and writes it. The peer is known
 * (ak_tls_peer) from the moment the handshake is complete, never before: no plaintext is handed out
 * and nobody is authorised earlier. SIGHUP makes a new context for new connections; sessions keep
 * the one they began with until they are rechecked against the new one.
 *
 * What is offered: TLS 1.2 and 1.3, ECDHE with AEAD only (TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
 * among them), no compression, renegotiation, resumption or early data. Who is let in, with
 * authentication mutual: a certificate whose SHA-256 is listed (then neither `ca` nor names are
 * asked, so it may be self-signed); or one with a valid path to `ca`, for clientAuth if it has
 * an extended key usage, not revoked, with a listed name (any name if none is listed).
 *
 * Failure modes: every refusal is a code and one line for the operator. Bytes of certificates in it
 * are escaped and cut. After a failure the session only gives its last output (the alert) and is
 * freed.
 *
 * All of it belongs to the loop thread. Times are seconds since 1970, UTC: certificates may name
 * years that nanoseconds in 64 bits cannot. */
#ifndef AK_TLS_H
#define AK_TLS_H

#include <akashi/error.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AK_TLS_PLAIN_BYTES_MAX  16384u  /* of one TLS record (RFC 8446 5.1): best size of scratch */
#define AK_TLS_OUTPUT_BYTES_MAX 262144u /* of answers not taken: the peer does not read them */
#define AK_TLS_FILE_BYTES_MAX   8388608u /* of one PEM file: the CRL of a large authority fits */
#define AK_TLS_CHAIN_BYTES_MAX  65536u   /* certificates of a sender; 100 names of 255 bytes fit */
#define AK_TLS_CHAIN_DEPTH_MAX  8        /* authorities between sender and root */
#define AK_TLS_NAMES_MAX        256u     /* names in a sender's certificate; more is refused */
#define AK_TLS_SESSION_BYTES    20480u   /* idle, sender verified; 18.8 KB measured, OpenSSL 3.0 */
#define AK_TLS_NAME_BYTES       256u     /* room for one name, NUL included; RFC 1035: 253 */

/* The settings of one listener. Everything is borrowed for the call of ak_tls_context_new. */
struct ak_tls_options {
    const char *place;            /* where settings are made, for messages: "listener tls://..." */
    const char *certificate_file; /* PEM: our certificate, then its chain */
    const char *key_file;         /* PEM, not encrypted */
    const char *ca_file;          /* PEM: authorities of senders, or NULL */
    const char *crl_file;         /* PEM: revoked certificates; one CRL or more, or NULL */
    const char *const *names;     /* accepted names; "*.example.com" is one label more; an IP
                                     address stands for an address in the certificate */
    size_t name_count;            /* 0: all that `ca_file` vouches for */
    const struct ak_hash *fingerprints; /* SHA-256 of accepted certificates (DER) */
    size_t fingerprint_count;
    bool server_only;      /* authentication none: senders are not asked for a certificate */
    bool accept_expired;   /* an expired certificate is accepted, and ak_tls_peer.expired set */
    bool accept_stale_crl; /* a CRL missing or past its time does not refuse; default: it does */
    int64_t now;           /* for remarks about our own files */
    void (*on_remark)(void *ctx, const char *text); /* allowed, but to be known: a key that others
                                                       can read, server_only; may be NULL */
    void *remark_ctx;
};

struct ak_tls_context; /* one listener's; counted references, not thread safe */
struct ak_tls_session; /* one connection's */

/* Reads the files. The caller has one reference; on failure *out is NULL. AK_EUSAGE for settings
 * that make no sense, AK_ENOTFOUND or AK_EIO for files that cannot be read, AK_EMALFORMED or
 * AK_EKEY for their content, AK_ELIMIT above AK_TLS_FILE_BYTES_MAX; the text names file and remedy.
 */
enum ak_code ak_tls_context_new(const struct ak_tls_options *options, struct ak_tls_context **out,
                                struct ak_error *err);

/* Another reference, or one less: the last one frees. NULL is allowed. ref gives its argument. */
struct ak_tls_context *ak_tls_context_ref(struct ak_tls_context *context);
void ak_tls_context_unref(struct ak_tls_context *context);

/* When our own certificate, or the first of its chain, expires. */
int64_t ak_tls_context_not_after(const struct ak_tls_context *context);

/* Name in our own certificate, escaped; valid as long as the context. */
const char *ak_tls_context_name(const struct ak_tls_context *context);

/* When the first of the CRLs is past its time, so that senders would be refused; INT64_MAX without
 * CRL or where none says. */
int64_t ak_tls_context_crl_until(const struct ak_tls_context *context);

/* A session holds a reference to its context. `*out` is freed with ak_tls_session_free, which sends
 * nothing. AK_ENOMEM. */
enum ak_code ak_tls_session_new(struct ak_tls_context *context, struct ak_tls_session **out,
                                struct ak_error *err);
void ak_tls_session_free(struct ak_tls_session *session);

/* One call of ak_tls_feed. */
struct ak_tls_input {
    const uint8_t *cipher; /* bytes as read from the connection; borrowed for the call */
    size_t n;              /* 0 is allowed: gives what an earlier call left */
    size_t consumed;       /* out: bytes of `cipher` that are done with */
    int64_t now;
    uint8_t *scratch; /* room for plaintext; its content means nothing between calls, so one serves
                         all sessions */
    size_t scratch_bytes; /* at least 1; AK_TLS_PLAIN_BYTES_MAX is best */

    /* Takes plaintext in order, n at least 1. Gives how many bytes it took, from the front; fewer
     * than n means that there is no room. May call ak_tls_write and ak_tls_close, but neither
     * ak_tls_feed nor ak_tls_session_free. */
    size_t (*on_plain)(void *ctx, const uint8_t *plain, size_t n);
    void *ctx;
};

/* Decrypts. Where on_plain takes less than it is given, feeding stops: the session keeps plaintext
 * that was not taken (one TLS record at most), the caller keeps cipher + consumed .. n and feeds it
 * again, followed by newer bytes, when there is room; a call with n = 0 only gives what is kept.
 * While ak_tls_is_held says true nothing more needs to be read from the connection.
 * AK_OK also when the peer has sent close_notify: what follows that is no part of the connection
 * and counts as consumed. Other codes end the session: AK_EKEY where the peer was refused
 * or refuses us, AK_EUNSUPPORTED for its TLS version or ciphers, AK_EMALFORMED for what is not TLS
 * or broken, AK_ELIMIT for bounds, AK_ENOMEM. Plaintext in front
 * of a broken record was handed out before. */
enum ak_code ak_tls_feed(struct ak_tls_session *session, struct ak_tls_input *input,
                         struct ak_error *err);

/* True while plaintext waits in the session because on_plain did not take it. */
bool ak_tls_is_held(const struct ak_tls_session *session);

/* Encrypts all of `n` bytes into the output. Never before the handshake is complete. AK_ELIMIT if
 * the output would exceed AK_TLS_OUTPUT_BYTES_MAX: nothing was written, the session is still good.
 * AK_EUSAGE after ak_tls_close or a failure; AK_ENOMEM. */
enum ak_code ak_tls_write(struct ak_tls_session *session, const void *plain, size_t n,
                          struct ak_error *err);

/* Takes the ciphertext to be sent: handshake, answers, alerts. The caller frees it with free().
 * NULL and *n 0 if there is none. */
uint8_t *ak_tls_output(struct ak_tls_session *session, size_t *n);

/* Puts close_notify into the output, once; nothing before the handshake is complete or after a
 * failure. Reading may go on. */
void ak_tls_close(struct ak_tls_session *session);

/* True if the peer has sent close_notify and all before it was taken: nothing was cut off. */
bool ak_tls_ended_cleanly(const struct ak_tls_session *session);

/* The connection has ended (read gave 0 or a reset). AK_OK if cleanly; AK_EMALFORMED with a text
 * for the log of diagnostics if within the handshake or without close_notify: then what came last
 * may be cut short and must not count as the end of a frame. */
enum ak_code ak_tls_eof(const struct ak_tls_session *session, struct ak_error *err);

/* Who sends. */
struct ak_tls_peer {
    char name[AK_TLS_NAME_BYTES]; /* the name that was accepted, escaped; for a listed fingerprint
                                     or without `names` the first the certificate has; may be "" */
    uint8_t fingerprint[32];      /* SHA-256 of the DER of its own certificate (the leaf) */
    int64_t not_after;            /* of its own certificate */
    bool verified;                /* false with authentication none: all else is zero then */
    bool expired;                 /* accepted though it, or an authority of it, has expired */
    bool crl_stale;               /* accepted though no current CRL spoke about it */
};

/* NULL until the handshake is complete. Valid as long as the session. */
const struct ak_tls_peer *ak_tls_peer(const struct ak_tls_session *session);

/* All names of the accepted certificate, as ak_config_route takes them: dNSNames (else the common
 * name), addresses; only such as are well-formed. Gives their number; 0 until the handshake is
 * complete. Valid as long as the session. */
size_t ak_tls_names(const struct ak_tls_session *session, const char *const **names);

/* Is the peer still acceptable, by the time and by `context` (the listener's newest, after a
 * reload)? AK_OK with `authentication` none. AK_EKEY with the text of a refusal otherwise; the
 * caller closes. ak_tls_peer.expired and .crl_stale are brought up to date. */
enum ak_code ak_tls_recheck(struct ak_tls_session *session, const struct ak_tls_context *context,
                            int64_t now, struct ak_error *err);

#endif
