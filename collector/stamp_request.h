/* stamp_request.h - what is sent to a time-stamping authority (RFC 3161), and whether its answer is
 * the answer to that. Knows neither loop nor files. */
#ifndef AK_STAMP_REQUEST_H
#define AK_STAMP_REQUEST_H

#include <akashi/error.h>
#include <akashi/timestamp.h>

#include <stddef.h>
#include <stdint.h>

/* 128 random bits: an old answer cannot be given again. */
#define AK_STAMP_NONCE_BYTES 16u

/* Draws a nonce whose DER integer has all of its bytes. */
void ak_stamp_nonce(uint8_t nonce[AK_STAMP_NONCE_BYTES]);

/* A request for SHA-256 of `data`, with the nonce, asking for the signer's certificate, and for a
 * policy (dotted decimal) unless NULL. `*der` is malloc'ed. AK_EUSAGE for a policy that is none. */
enum ak_code ak_stamp_request(const void *data, size_t data_len,
                              const uint8_t nonce[AK_STAMP_NONCE_BYTES], const char *policy,
                              unsigned char **der, size_t *len, struct ak_error *err);

/* Whether a reply is one to that request, by an authority of `tsa`. Codes of ak_timestamp_judge;
 * AK_EINTEGRITY also for another nonce or policy. */
enum ak_code ak_stamp_answer(const void *reply, size_t len, const void *data, size_t data_len,
                             const uint8_t nonce[AK_STAMP_NONCE_BYTES], const char *policy,
                             struct ak_tsa *tsa, struct ak_timestamp *stamp, struct ak_error *err);

/* AK_EUSAGE unless `policy` is an object identifier in dotted decimal. */
enum ak_code ak_stamp_policy_check(const char *policy, struct ak_error *err);

#endif
