/* timestamp.h - RFC 3161 time stamps: what an outside authority says of when some bytes existed.
 *
 * A reply (TimeStampResp, DER) is read within bounds and compared with the bytes that it is over;
 * with certificates from outside its signature and its signer's certificate are judged too, at the
 * time that the stamp itself states, and without a network (format.md R48). Revocation is not
 * asked: that needs a network. Everything in a reply is hostile until its signature is good. */
#ifndef AKASHI_TIMESTAMP_H
#define AKASHI_TIMESTAMP_H

#include <akashi/error.h>

#include <stddef.h>
#include <stdint.h>

/* A reply with its signer's certificates has 2 to 8 KiB; those with long chains and post-quantum
 * keys stay below this. */
#define AK_TIMESTAMP_BYTES_MAX 65536u

/* Certificates of authorities in all files together: each is a candidate for each chain. */
#define AK_TSA_CERTIFICATES_MAX 256u

/* A file of certificates, PEM. */
#define AK_TSA_FILE_BYTES_MAX 4194304u

/* Longest name of a signer that is kept, and policy (dotted decimal), each with its NUL. */
#define AK_TSA_NAME_BYTES   256u
#define AK_TSA_POLICY_BYTES 128u

/* RFC 3161: a nonce may be of any length; ours has 16 bytes, longer ones than this never are. */
#define AK_TSA_NONCE_BYTES_MAX 32u

/* Certificates of authorities that are trusted. Used by one thread at a time. */
struct ak_tsa;

/* What a reply states. Texts may hold bytes of the evidence: escape before showing. */
struct ak_timestamp {
    uint64_t time; /* the bytes existed by then: genTime with its accuracy added, rounded up to
                      whole seconds since 1970 */
    char authority[AK_TSA_NAME_BYTES]; /* subject of the certificate that signed, or "" */
    char policy[AK_TSA_POLICY_BYTES];  /* "" if longer */
    uint8_t nonce[AK_TSA_NONCE_BYTES_MAX];
    size_t nonce_len;      /* 0: none, or longer */
    size_t imprint_bytes;  /* of the digest of what it is over: 32, 48 or 64 */
    uint64_t signer_until; /* end of validity of the signer's certificate, seconds since 1970; 0:
                              not known */
};

/* None trusted yet. AK_ENOMEM. */
enum ak_code ak_tsa_new(struct ak_tsa **out, struct ak_error *err);
void ak_tsa_free(struct ak_tsa *tsa);

/* Adds all certificates of a PEM text; at least one. AK_EMALFORMED, AK_ELIMIT, AK_ENOMEM. */
enum ak_code ak_tsa_add(struct ak_tsa *tsa, const void *pem, size_t len, struct ak_error *err);

/* Judges a reply over `data`. `tsa` NULL: its signature is not judged, AK_OK says only that it is
 * of right form and over these bytes. AK_EMALFORMED (no granted reply of RFC 3161, an imprint by
 * another digest than SHA-256, SHA-384 or SHA-512), AK_EINTEGRITY (it is over other bytes),
 * AK_EKEY (the signer is not trusted: no chain to a certificate given that was valid at its time
 * and for time stamps alone, or signed by weak algorithms), AK_ESIGNATURE (the signature is not
 * valid), AK_ENOMEM. `*out` is filled as far as it was read. */
enum ak_code ak_timestamp_judge(const void *reply, size_t len, const void *data, size_t data_len,
                                struct ak_tsa *tsa, struct ak_timestamp *out, struct ak_error *err);

/* A request (TimeStampReq, DER) for a stamp over `data` by SHA-512, with a random nonce, that asks
 * for the signer's certificate. `*der` is malloc'ed. AK_ENOMEM. */
enum ak_code ak_timestamp_request(const void *data, size_t data_len, unsigned char **der,
                                  size_t *len, struct ak_error *err);

/* Whether a reply, judged as good before, answers a request: that is over `data` by SHA-512, and
 * the nonces are the same. AK_EMALFORMED (no request), AK_EINTEGRITY. */
enum ak_code ak_timestamp_answers(const void *der, size_t len, const void *data, size_t data_len,
                                  const struct ak_timestamp *stamp, struct ak_error *err);

#endif
