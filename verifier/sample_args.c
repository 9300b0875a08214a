/* sample_args.c - reading what a sample shall be, with a message for whatever is not understood. */
#include "sample_args.h"

#include "text.h"
#include "when.h"

#include <akashi/base64.h>

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#define CONFIDENCE_DEFAULT 95000u /* 95 % */
#define RATE_DEFAULT       10000u /* 1 % */
#define NONCE_BYTES        32u    /* of one that is drawn here */

/* A percentage with decimals, in parts of `unit`, between 0 and 100 %, both out. */
static bool read_percent(const char *text, uint32_t unit, uint32_t *parts)
{
    size_t whole = strcspn(text, ".");
    uint64_t value;
    uint32_t step = unit / 100;

    if (whole > 2 || !ak_text_decimal((struct ak_text){text, whole}, 99, &value))
        return false;
    *parts = (uint32_t)value * step;
    if (text[whole] == '.') {
        const char *digit = text + whole + 1;
        if (*digit == '\0')
            return false;
        for (; *digit != '\0'; digit++) {
            step /= 10;
            if (*digit < '0' || *digit > '9' || step == 0)
                return false;
            *parts += (uint32_t)(*digit - '0') * step;
        }
    }
    return *parts > 0;
}

static enum ak_code read_rates(struct ak_sample_args *args, const struct ak_options *options,
                               struct ak_error *err)
{
    const char *confidence = ak_options_value(options, AK_OPTION_CONFIDENCE);
    const char *rate = ak_options_value(options, AK_OPTION_TOLERABLE);
    char number[16] = "";
    size_t len = rate == NULL ? 0 : strlen(rate);

    args->confidence = CONFIDENCE_DEFAULT;
    args->rate = RATE_DEFAULT;
    if (confidence != NULL &&
        (!read_percent(confidence, AK_SAMPLE_CONFIDENCE_UNIT, &args->confidence)))
        return ak_fail(err, AK_EUSAGE,
                       "--confidence %s: write per cent between 0 and 100, with at most 3 "
                       "decimals: 95, 99, 99.9",
                       confidence);
    if (rate == NULL)
        return AK_OK;
    if (len > 1 && len < sizeof(number) && rate[len - 1] == '%')
        memcpy(number, rate, len - 1);
    if (!read_percent(number, AK_SAMPLE_RATE_UNIT, &args->rate))
        return ak_fail(err, AK_EUSAGE,
                       "--tolerable %s: write a rate with its sign, between 0%% and 100%%, with at "
                       "most 4 decimals: 1%%, 0.5%%",
                       rate);
    return AK_OK;
}

bool ak_sample_nonce_read(const char *text, size_t chars, uint8_t *nonce, size_t *len)
{
    *len = chars / 2;
    return *len >= AK_SAMPLE_NONCE_BYTES_MIN && *len <= AK_SAMPLE_NONCE_BYTES_MAX &&
           ak_hex_decode(nonce, *len, text, chars, NULL) == AK_OK;
}

static enum ak_code read_nonce(const char *option, const char *text, uint8_t *nonce, size_t *len,
                               struct ak_error *err)
{
    if (ak_sample_nonce_read(text, strlen(text), nonce, len))
        return AK_OK;
    return ak_fail(err, AK_EUSAGE,
                   "--%s: write %u to %u bytes in lower-case hexadecimal; a good one is made by: "
                   "openssl rand -hex 32",
                   option, AK_SAMPLE_NONCE_BYTES_MIN, AK_SAMPLE_NONCE_BYTES_MAX);
}

static enum ak_code read_nonces(struct ak_sample_args *args, const struct ak_options *options,
                                struct ak_error *err)
{
    const char *seed = ak_options_value(options, AK_OPTION_SEED);
    const char *beacon = ak_options_value(options, AK_OPTION_BEACON);
    enum ak_code rc = AK_OK;

    args->nonce_given = seed != NULL;
    if (seed != NULL) {
        rc = read_nonce("seed", seed, args->nonce, &args->nonce_len, err);
    } else if (sodium_init() < 0) {
        rc = ak_fail(err, AK_EIO, "the system gives no random bytes");
    } else {
        args->nonce_len = NONCE_BYTES;
        randombytes_buf(args->nonce, NONCE_BYTES);
    }
    if (rc == AK_OK && beacon != NULL)
        rc = read_nonce("beacon", beacon, args->beacon, &args->beacon_len, err);
    (void)ak_hex_encode(args->nonce_hex, sizeof(args->nonce_hex), args->nonce, args->nonce_len);
    return rc;
}

static enum ak_code read_index(struct ak_sample_args *args, const char *text, struct ak_error *err)
{
    size_t len = strcspn(text, "-");
    bool one = text[len] == '\0';
    uint64_t last = 0;

    args->has_index = true;
    if (!ak_text_decimal((struct ak_text){text, len}, AK_TREE_SIZE_MAX - 1, &args->first) ||
        (!one && !ak_text_decimal((struct ak_text){text + len + 1, strlen(text + len + 1)},
                                  AK_TREE_SIZE_MAX - 1, &last)) ||
        (!one && args->first > last))
        return ak_fail(err, AK_EUSAGE,
                       "--index %s: write A-B with A not above B, both ends in, or one index",
                       text);
    args->end = (one ? args->first : last) + 1;
    return AK_OK;
}

static enum ak_code read_times(struct ak_sample_args *args, const struct ak_options *options,
                               struct ak_error *err)
{
    const char *from = ak_options_value(options, AK_OPTION_FROM);
    const char *to = ak_options_value(options, AK_OPTION_TO);
    enum ak_code rc = AK_OK;

    args->to = UINT64_MAX;
    if (from != NULL)
        rc = ak_when_parse(from, args->now, &args->from, err);
    if (rc == AK_OK && to != NULL)
        rc = ak_when_parse(to, args->now, &args->to, err);
    if (rc == AK_OK && args->from >= args->to)
        rc = ak_fail(err, AK_EUSAGE, "--from must be before --to");
    return rc;
}

enum ak_code ak_sample_args_read(struct ak_sample_args *args, const struct ak_options *options,
                                 struct ak_error *err)
{
    const char *index = ak_options_value(options, AK_OPTION_INDEX);
    enum ak_code rc;

    memset(args, 0, sizeof(*args));
    args->now = ak_when_now();
    rc = read_rates(args, options, err);
    if (rc == AK_OK)
        rc = read_nonces(args, options, err);
    if (rc == AK_OK)
        rc = read_times(args, options, err);
    if (rc == AK_OK && index != NULL)
        rc = read_index(args, index, err);
    return rc;
}

enum ak_code ak_sample_plan(const struct ak_sample_args *args, uint64_t count, uint64_t *records,
                            struct ak_error *err)
{
    assert(count > 0);
    *records = ak_sample_size(count, ak_sample_tolerated(count, args->rate), args->confidence);
    if (*records > AK_SAMPLE_RECORDS_MAX)
        return ak_fail(err, AK_EUSAGE,
                       "this would be a sample of more than %u records: ask for a higher "
                       "--tolerable or a lower --confidence. `akashi-verify check` looks at every "
                       "record, and is faster than that",
                       AK_SAMPLE_RECORDS_MAX);
    return AK_OK;
}
