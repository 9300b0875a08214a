/* tls_private.h - what tls_context.c, tls_peer.c and tls_session.c share. They alone know OpenSSL's
 * TLS; nobody else includes this. */
#ifndef AK_TLS_PRIVATE_H
#define AK_TLS_PRIVATE_H

#include "tls.h"
#include "tls_names.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <time.h>

/* Security level of OpenSSL asked of keys and signatures: 112 bits, so RSA from 2048 bits, no SHA-1
 * (CRYPTREC asks the same since 2023). */
#define AK_TLS_SECURITY_LEVEL 2
#define AK_TLS_SECURITY_BITS  112

struct ak_tls_context {
    unsigned references;
    SSL_CTX *ssl;
    BIO_METHOD *bio;   /* of the sessions' ends (tls_session.c) */
    X509_STORE *store; /* authorities and CRLs; NULL without ca_file */
    STACK_OF(X509_CRL) * crls;
    char *place;
    char *certificate_file;
    char *ca_file;
    char *crl_file;
    char **names;
    size_t name_count;
    struct ak_hash *fingerprints;
    size_t fingerprint_count;
    bool server_only;
    bool accept_expired;
    bool accept_stale_crl;
    int64_t not_after;
    int64_t crl_until;
    char name[AK_TLS_NAME_BYTES];
};

struct ak_tls_session {
    struct ak_tls_context *context;
    SSL *ssl;
    enum ak_tls_state {
        AK_TLS_HANDSHAKE, /* no plaintext yet */
        AK_TLS_OPEN,      /* the peer is known */
        AK_TLS_ENDED,     /* close_notify came */
        AK_TLS_FAILED
    } state;
    bool begun;  /* the first byte was seen */
    bool closed; /* our close_notify is in the output */

    const uint8_t *cipher; /* borrowed from ak_tls_feed while it runs */
    size_t cipher_left;
    int64_t now;
    struct ak_error *refusal; /* of the feed that runs: what ak_tls_peer_judge found */
    uint8_t *held;            /* plaintext that was not taken */
    size_t held_at, held_end;
    uint8_t *out; /* ciphertext to be sent */
    size_t out_len, out_cap;

    struct ak_tls_peer peer; /* shown when the handshake is complete */
    struct ak_tls_name_list names;
};

/* Seconds since 1970 of a certificate's time; 0, so long expired, if it is malformed. */
int64_t ak_tls_time(const ASN1_TIME *at);

/* "CN=fw1", or the fingerprint where there is no common name; escaped. `out` has
 * AK_TLS_NAME_BYTES of room. Gives `out`. */
const char *ak_tls_label(const X509 *certificate, char *out);

/* Names of a certificate: dNSNames, else the one common name; then addresses. AK_EKEY with the text
 * of a refusal if they cannot be trusted. The caller clears the list, also on failure. */
enum ak_code ak_tls_names_read(const X509 *certificate, struct ak_tls_name_list *names,
                               struct ak_error *err);

/* Is this certificate (and what was sent with it) accepted? Fills peer and names; `peer` means
 * nothing on failure. *x509_error is OpenSSL's code for the alert. AK_EKEY with the text of the
 * refusal, AK_ENOMEM. */
enum ak_code ak_tls_peer_judge(const struct ak_tls_context *context, X509 *leaf,
                               STACK_OF(X509) * chain, int64_t now, struct ak_tls_peer *peer,
                               struct ak_tls_name_list *names, int *x509_error,
                               struct ak_error *err);

/* For SSL_CTX_set_cert_verify_callback. */
int ak_tls_on_certificate(X509_STORE_CTX *given, void *context);

/* Calls of the sessions' ends, for the method in the context. */
BIO_METHOD *ak_tls_bio_new(void);

#endif
