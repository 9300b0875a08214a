/* config_schema.h - every option of the configuration, once.
 *
 * The tables at the top are expanded three times: into the structs of texts that libcyaml fills
 * (raw_*), into libcyaml's schema, and into struct ak_option rows with which texts become values,
 * defaults are set, values are shown and the example is checked. Private to the configuration's
 * files and their tests. */
#ifndef AK_CONFIG_SCHEMA_H
#define AK_CONFIG_SCHEMA_H

#include "config.h"
#include "config_marks.h"

#include <akashi/error.h>

#include <stddef.h>
#include <stdint.h>

/* cyaml_schema_value_t has the tag cyaml_schema_value; only config_schema.c includes libcyaml. */
struct cyaml_schema_value;

enum ak_option_type { AK_OPTION_SIZE, AK_OPTION_DURATION, AK_OPTION_COUNT, AK_OPTION_WORD };

/* An option whose value is a number (uint64_t) or one of a few words (an enum). */
struct ak_option {
    const char *key;
    enum ak_option_type type;
    size_t raw;               /* offset of its char * in the raw struct */
    size_t value;             /* offset of its value in the configuration's struct */
    const char *fallback;     /* its default, as one would write it */
    uint64_t min, max;        /* of a number */
    uint64_t or_zero;         /* 1: 0 is allowed too and means "none" or "never" */
    const char *const *words; /* of a word, NULL-ended; the position is the value */
    unsigned transports; /* bits 1 << enum ak_transport of listeners that have it; 0: no listener */
};

/* Which listeners have an option. */
#define ON_STREAM   (1u << AK_TRANSPORT_TCP | 1u << AK_TRANSPORT_RELP | ON_TLS)
#define ON_TLS      (1u << AK_TRANSPORT_TLS | 1u << AK_TRANSPORT_RELP_TLS)
#define ON_UDP      (1u << AK_TRANSPORT_UDP)
#define ON_DATAGRAM (ON_UDP | 1u << AK_TRANSPORT_UNIX)

#define BATCHES_MIN 4u    /* below it one log could hold the whole pool: a share is at least 2 */
#define BATCHES_MAX 8192u /* 21 GiB; more is a mistyped number */
#define SEGMENT_MAX (UINT64_C(1) << 40) /* docs/format.md 11 */
#define RECORD_MAX  1048575u            /* the same: a payload, with its LF, fits a block */
#define YEARS_100   (UINT64_C(36500) * 86400 * 1000000000)
#define MINUTE      (UINT64_C(60) * 1000000000)
#define MS          UINT64_C(1000000)

/* X(key, type, default, least, most, zero too, words, listeners that have it) */
#define CONFIG_OPTIONS(X)                                                                          \
    X(log_level, WORD, "info", 0, 0, 0, ak_words_level, 0)                                         \
    X(signing_interval, DURATION, "10ms", MS, 1000 * MS, 0, NULL, 0)                               \
    X(batches, COUNT, "24", BATCHES_MIN, BATCHES_MAX, 0, NULL, 0)                                  \
    X(partial_frames, SIZE, "64M", 1u << 20, UINT64_C(1) << 40, 0, NULL, 0)                        \
    X(disk_warn_percent, COUNT, "80", 1, 100, 0, NULL, 0)                                          \
    X(disk_warn_free, SIZE, "1G", 1, INT64_MAX, 1, NULL, 0)                                        \
    X(disk_reserve, SIZE, "4M", 1u << 20, UINT64_C(1) << 40, 0, NULL, 0)                           \
    X(certificate_warning, DURATION, "30d", 1, YEARS_100, 1, NULL, 0)

#define LOG_OPTIONS(X)                                                                             \
    X(share, SIZE, "0", UINT64_C(64) << 20, INT64_MAX, 1, NULL, 0)                                 \
    X(silence, DURATION, "24h", 1000 * MS, YEARS_100, 1, NULL, 0)                                  \
    X(record_max, SIZE, "256K", 1024, RECORD_MAX, 0, NULL, 0)                                      \
    X(seal_size, SIZE, "256M", 1u << 20, SEGMENT_MAX, 0, NULL, 0)                                  \
    X(seal_age, DURATION, "24h", MINUTE, YEARS_100, 0, NULL, 0)                                    \
    X(state_interval, DURATION, "60s", 1000 * MS, 60 * MINUTE, 0, NULL, 0)                         \
    X(commit_interval, DURATION, "10ms", MS, 10000 * MS, 0, NULL, 0)                               \
    X(commit_interval_min, DURATION, "0", 1, 10000 * MS, 1, NULL, 0)                               \
    X(commitment, WORD, "whole", 0, 0, 0, ak_words_commitment, 0)                                  \
    X(epoch, DURATION, "1h", 1000 * MS, YEARS_100, 1, NULL, 0)                                     \
    X(epochs, COUNT, "32768", 1, 1048576, 0, NULL, 0)                                              \
    X(witness_interval, DURATION, "10s", 1000 * MS, 60 * MINUTE, 0, NULL, 0)                       \
    X(witness_required, WORD, "open", 0, 0, 0, ak_words_witness, 0)                                \
    X(stamp_interval, DURATION, "1h", 10000 * MS, YEARS_100, 0, NULL, 0)                           \
    X(anchor_interval, DURATION, "1h", 10000 * MS, YEARS_100, 0, NULL, 0)

#define LIMIT_OPTIONS(X)                                                                           \
    X(connections, COUNT, "4096", 1, 1000000, 0, NULL, ON_STREAM)                                  \
    X(connections_per_address, COUNT, "256", 1, 1000000, 0, NULL, ON_STREAM)                       \
    X(connections_per_certificate, COUNT, "256", 1, 1000000, 0, NULL, ON_TLS)                      \
    X(idle_timeout, DURATION, "24h", 1000 * MS, YEARS_100, 1, NULL, ON_STREAM)                     \
    X(frame_timeout, DURATION, "60s", 1000 * MS, 60 * MINUTE, 0, NULL, ON_STREAM)                  \
    X(handshake_timeout, DURATION, "10s", 1000 * MS, 10 * MINUTE, 0, NULL, ON_TLS)                 \
    X(sources, COUNT, "65536", 1, 1000000, 0, NULL, ON_UDP)                                        \
    X(receive_buffer, SIZE, "8M", 65536, 1u << 30, 0, NULL, ON_DATAGRAM)

#define TLS_OPTIONS(X)                                                                             \
    X(authentication, WORD, "mutual", 0, 0, 0, ak_words_authentication, ON_TLS)                    \
    X(expired, WORD, "refuse", 0, 0, 0, ak_words_expired, ON_TLS)

#define AK_RAW_MEMBER(key, ...) char *key;

/* Texts as they stand in the file; NULL: not there. Filled and freed by libcyaml. */
struct raw_sender { /* in route, expected, relays */
    char *certificate;
    char *address;
    char *log;     /* route */
    char *silence; /* expected */
};

struct raw_log {
    char *name;
    LOG_OPTIONS(AK_RAW_MEMBER)
    char *log_key;
    char *policy;
    char *witness_ca;
    char **anchor;
    unsigned anchor_count;
    char **stamp;
    unsigned stamp_count;
    char *stamp_ca;
    char *stamp_policy;
    struct raw_sender *expected;
    unsigned expected_count;
    struct raw_sender *relays;
    unsigned relays_count;
};

struct raw_tls {
    char *certificate;
    char *key;
    char *ca;
    char *crl;
    char **names;
    unsigned names_count;
    char **fingerprints;
    unsigned fingerprints_count;
    TLS_OPTIONS(AK_RAW_MEMBER)
};

struct raw_limits {
    LIMIT_OPTIONS(AK_RAW_MEMBER)
};

struct raw_listener {
    char *url;
    char *log;
    char **allow;
    unsigned allow_count;
    struct raw_sender *route;
    unsigned route_count;
    struct raw_tls *tls;
    struct raw_limits *limits;
};

struct raw_config {
    char *store;
    char *control;
    CONFIG_OPTIONS(AK_RAW_MEMBER)
    struct raw_log *logs;
    unsigned logs_count;
    struct raw_listener *listeners;
    unsigned listeners_count;
};

struct ak_option_table {
    const struct ak_option *option;
    size_t count;
};
extern const struct ak_option_table ak_options_config;
extern const struct ak_option_table ak_options_log;
extern const struct ak_option_table ak_options_limits;
extern const struct ak_option_table ak_options_tls;

/* True if listeners of this transport have the option. */
bool ak_option_applies(const struct ak_option *option, enum ak_transport transport);

/* Reads `text` as a value of the option into *value. */
enum ak_code ak_option_parse(const struct ak_option *option, const char *text, uint64_t *value,
                             struct ak_error *err);

/* The value in the struct that `base` points to, and writing it. */
uint64_t ak_option_get(const struct ak_option *option, const void *base);
void ak_option_set(const struct ak_option *option, void *base, uint64_t value);

/* How one would write the value. `room` has AK_UNITS_TEXT_BYTES; the answer may be in it. */
const char *ak_option_text(const struct ak_option *option, uint64_t value, char *room);

/* The default. */
uint64_t ak_option_fallback(const struct ak_option *option);

/* Fills *out from YAML that ak_marks_read took. Freed with ak_schema_free. Errors have their
 * place. */
enum ak_code ak_schema_load(const char *name, const void *text, size_t len,
                            const struct ak_marks *marks, struct raw_config **out,
                            struct ak_error *err);
void ak_schema_free(struct raw_config *raw);

/* Calls `on_key` for every option there is, with its whole name ("listeners.tls.key"). For the
 * test of the example. */
void ak_schema_each(void (*on_key)(void *ctx, const char *path), void *ctx);

#endif
