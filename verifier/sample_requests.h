/* sample_requests.h - what an auditor who holds a checkpoint asks of the operator (format.md 16.4):
 * a draw, as text. */
#ifndef AK_SAMPLE_REQUESTS_H
#define AK_SAMPLE_REQUESTS_H

#include "sample.h"

#include <akashi/checkpoint.h>
#include <akashi/error.h>

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Nine short lines, an empty one, and a checkpoint. */
#define AK_REQUESTS_BYTES_MAX (AK_NOTE_BYTES_MAX + 2048u)

struct ak_sample_requests {
    char origin[AK_ORIGIN_BYTES_MAX + 1];
    uint64_t size; /* of the head */
    struct ak_hash root;
    uint64_t first;
    uint64_t end;
    uint8_t nonce[AK_SAMPLE_NONCE_BYTES_MAX];
    size_t nonce_len;
    uint8_t beacon[AK_SAMPLE_NONCE_BYTES_MAX];
    size_t beacon_len; /* 0: none */
    uint64_t records;  /* that are wanted */
    const char *note;  /* the auditor's checkpoint, signed; borrowed from the input */
    size_t note_len;
};

/* Reads exactly `len` bytes, which must stay as they are. AK_EMALFORMED for what is not the one
 * encoding of requests, with the line that is wrong. The checkpoint is not looked into. */
enum ak_code ak_sample_requests_parse(struct ak_sample_requests *requests, const char *data,
                                      size_t len, struct ak_error *err);

/* Writes them. */
void ak_sample_requests_write(FILE *file, const struct ak_sample_requests *requests);

/* The seed of their draw. */
void ak_sample_requests_seed(const struct ak_sample_requests *requests, struct ak_hash *seed);

#endif
