/* sample.h - samples of a log (format.md 16): how many records, which ones, and what the result
 * allows to say.
 *
 * The draw is a function of public texts, so that anyone can repeat it; sizes and bounds are the
 * hypergeometric distribution's, for finite populations. Nothing here looks at a store. */
#ifndef AKASHI_SAMPLE_H
#define AKASHI_SAMPLE_H

#include <akashi/error.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A nonce that could be guessed commits to nothing; one that is long is no better. */
#define AK_SAMPLE_NONCE_BYTES_MIN 16u
#define AK_SAMPLE_NONCE_BYTES_MAX 64u

/* Indices that one draw gives. A sample of 99.9 % confidence and 0.01 % has 69,000 records; the
 * rest is for what is drawn and is no record. Bounds memory (16 bytes each) and time. */
#define AK_SAMPLE_DRAWN_MAX 1048576u

/* Records of one sample: each has its line in an auditor's papers, and its proof. */
#define AK_SAMPLE_RECORDS_MAX 100000u

/* Parts of a rate: 1 % is 10,000. */
#define AK_SAMPLE_RATE_UNIT 1000000u

/* Parts of a confidence: 95 % is 95,000. */
#define AK_SAMPLE_CONFIDENCE_UNIT 100000u

/* What the draw is a function of; everything borrowed. */
struct ak_sample_text {
    const char *origin;
    uint64_t size; /* of the head */
    struct ak_hash root;
    uint64_t first; /* the population is [first, end) */
    uint64_t end;
    const uint8_t *nonce; /* AK_SAMPLE_NONCE_BYTES_MIN to AK_SAMPLE_NONCE_BYTES_MAX bytes */
    size_t nonce_len;
    const uint8_t *beacon; /* likewise; none: beacon_len 0 */
    size_t beacon_len;
};

/* The seed of the draw. */
void ak_sample_seed(const struct ak_sample_text *text, struct ak_hash *seed);

/* The seed of a draw of lines out of a file of `count` lines with this digest, under the seed of
 * the draw of the whole log. */
void ak_sample_line_seed(const struct ak_hash *seed, uint64_t count, const struct ak_hash *digest,
                         struct ak_hash *out);

/* What a nonce is committed to with: its SHA-256. */
void ak_sample_commitment(const uint8_t *nonce, size_t len, struct ak_hash *out);

struct ak_sample_draw;

/* Draws from [first, end), first < end. AK_ENOMEM. ak_sample_draw_free takes NULL. */
enum ak_code ak_sample_draw_new(struct ak_sample_draw **draw, const struct ak_hash *seed,
                                uint64_t first, uint64_t end, struct ak_error *err);
void ak_sample_draw_free(struct ak_sample_draw *draw);

/* The next index, never one twice; `*more` is false when all were given. AK_ELIMIT past
 * AK_SAMPLE_DRAWN_MAX, AK_ENOMEM. */
enum ak_code ak_sample_draw_next(struct ak_sample_draw *draw, uint64_t *index, bool *more,
                                 struct ak_error *err);

/* Deviations that a population of `count` may have at most to be tolerable, at least 1: the number
 * against which the sample's size is planned. */
uint64_t ak_sample_tolerated(uint64_t count, uint32_t rate);

/* The least number of records in which, if `deviations` of `count` deviate, at least one is found
 * with this confidence. 0 < deviations <= count, 0 < confidence < AK_SAMPLE_CONFIDENCE_UNIT. */
uint64_t ak_sample_size(uint64_t count, uint64_t deviations, uint32_t confidence);

/* The greatest number of deviations among `count` at which it is still more probable than
 * 1 - confidence to find `found` or fewer in `drawn`: with more, so few would hardly be found.
 * found <= drawn <= count, drawn <= AK_SAMPLE_DRAWN_MAX. */
uint64_t ak_sample_bound(uint64_t count, uint64_t drawn, uint64_t found, uint32_t confidence);

#endif
