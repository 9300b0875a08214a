/* sample_args.h - what the command line says about a sample. */
#ifndef AK_SAMPLE_ARGS_H
#define AK_SAMPLE_ARGS_H

#include "options.h"
#include "sample.h"
#include "sheet.h"

#include <stdbool.h>
#include <stdint.h>

struct ak_sample_args {
    uint32_t confidence;
    uint32_t rate;
    bool nonce_given; /* else it was drawn here */
    uint8_t nonce[AK_SAMPLE_NONCE_BYTES_MAX];
    size_t nonce_len;
    char nonce_hex[2 * AK_SAMPLE_NONCE_BYTES_MAX + 1];
    uint8_t beacon[AK_SAMPLE_NONCE_BYTES_MAX];
    size_t beacon_len; /* 0: none */
    char beacon_hex[2 * AK_SAMPLE_NONCE_BYTES_MAX + 1];
    bool has_index;
    uint64_t first; /* [first, end) */
    uint64_t end;
    uint64_t now;  /* this machine's clock */
    uint64_t from; /* ns; 0 and UINT64_MAX: all */
    uint64_t to;
};

/* Reads them; what is not given has its default, and a nonce that is not given is drawn. AK_EUSAGE
 * with what is wanted. */
enum ak_code ak_sample_args_read(struct ak_sample_args *args, const struct ak_options *options,
                                 struct ak_error *err);

/* Reads a nonce in hexadecimal. False if it is none. */
bool ak_sample_nonce_read(const char *text, size_t chars, uint8_t *nonce, size_t *len);

/* How many records a population of `count` needs. AK_EUSAGE if these are more than a sample can
 * have. */
enum ak_code ak_sample_plan(const struct ak_sample_args *args, uint64_t count, uint64_t *records,
                            struct ak_error *err);

#endif
