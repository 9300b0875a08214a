/* config.h - the configuration in force: from a YAML file or from options of the command line.
 *
 * Happy path: ak_config_load reads the file (at most 1 MiB), notes where everything stands, lets
 * libcyaml fill in the schema, turns texts into values, and checks that they make sense together.
 * What comes out is complete: every option that was not given has its default.
 *
 * Failure modes: every fault is AK_EUSAGE (or the code of what could not be read) with one line
 * "FILE:LINE:COLUMN: what is wrong; what to do". Nothing is ever taken in half. A configuration is
 * read-only once loaded; a reload makes a new one.
 *
 * All durations are nanoseconds, all sizes bytes. dist/akashi.conf.example explains each option. */
#ifndef AK_CONFIG_H
#define AK_CONFIG_H

#include "cidr.h"
#include "log.h"
#include "url.h"

#include <akashi/error.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define AK_CONFIG_FILE_BYTES_MAX                                                                   \
    1048576u /* thousands of listeners; more is not a configuration                                \
              */
#define AK_CONFIG_LOGS_MAX      1024u
#define AK_CONFIG_LISTENERS_MAX 1024u
#define AK_CONFIG_LIST_MAX                                                                         \
    4096u /* entries of one list (allow, route, expected, ...); some                               \
             are compared with all before them */
#define AK_CONFIG_ANCHORS_MAX                                                                      \
    64u /* sources of anchors of one log; each may be an entry an interval */
#define AK_CONFIG_STAMPS_MAX     16u  /* authorities of one log; each costs a request an interval */
#define AK_CONFIG_NAME_BYTES_MAX 63u  /* of a log: [a-z0-9-]{1,63} */
#define AK_CONFIG_PEER_BYTES_MAX 253u /* of a certificate name: the longest dNSName */

/* A sender as the operator names it: by certificate name or by address. */
struct ak_config_peer {
    char *certificate;      /* name in a verified certificate, or NULL */
    struct ak_cidr address; /* where certificate is NULL */
};

/* A source that should be heard of. */
struct ak_config_expected {
    struct ak_config_peer peer; /* one address here, no range */
    uint64_t silence;           /* ns without a record until a silence event; 0: never */
};

/* What entries commit to (docs/format.md 3.4). */
enum ak_config_commitment {
    AK_COMMITMENT_WHOLE, /* the whole record: form 1 */
    AK_COMMITMENT_PARTS  /* each part of it: form 2 */
};

/* What happens while too few witnesses answer. */
enum ak_config_witness {
    AK_WITNESS_OPEN,  /* the log goes on, with an event */
    AK_WITNESS_CLOSED /* it takes nothing in until they answer */
};

struct ak_config_log {
    char name[AK_CONFIG_NAME_BYTES_MAX + 1];
    uint64_t share;   /* bytes on disk this log may take; 0: no limit but the disk */
    uint64_t silence; /* ns; sources seen once, and `expected` without one of its own; 0: never */
    uint64_t record_max;                  /* bytes of a record; what is longer becomes a fragment */
    uint64_t seal_size;                   /* bytes of an open segment's file */
    uint64_t seal_age;                    /* ns since the open segment was begun */
    uint64_t state_interval;              /* ns between state entries */
    uint64_t commit_interval;             /* ns a record for which nobody waits may wait, at most */
    uint64_t commit_interval_min;         /* ns between two commits, at least; 0: none */
    enum ak_config_commitment commitment; /* of blocks from now on */
    uint64_t epoch;                       /* ns that one epoch's key signs; 0: until ordered */
    char *log_key;                        /* where `init` takes the log key from; NULL: made */
    uint64_t epochs;                      /* epoch keys that `init` makes; later without meaning */
    uint64_t witness_interval;            /* ns between two questions to a witness */
    enum ak_config_witness witness_required;
    char *policy;             /* file with the witnesses to ask (C2SP tlog-policy), or NULL */
    char *witness_ca;         /* PEM file of the authorities of witnesses; NULL: the system's */
    uint64_t anchor_interval; /* ns between two looks at one source of anchors */
    char **anchor;            /* URLs and absolute paths: checkpoints of other logs, beacons */
    size_t anchor_count;
    uint64_t stamp_interval; /* ns between two time stamps of one authority */
    char **stamp;            /* URLs of time-stamping authorities */
    size_t stamp_count;
    char *stamp_ca; /* PEM file: certificates that their answers must lead to; there if they are */
    char *stamp_policy; /* object identifier asked for, or NULL */
    struct ak_config_expected *expected;
    size_t expected_count;
    struct ak_config_peer *relays; /* senders that forward for others */
    size_t relay_count;
};

/* One rule: this sender's records go into that log. The first that fits decides. */
struct ak_config_route {
    struct ak_config_peer peer;
    size_t log; /* index into ak_config.logs */
};

enum ak_config_authentication {
    AK_AUTHENTICATION_MUTUAL, /* no client without a certificate we accept */
    AK_AUTHENTICATION_NONE    /* clients are known by address only */
};

enum ak_config_expired {
    AK_EXPIRED_REFUSE,           /* the sender keeps its records */
    AK_EXPIRED_ACCEPT_AND_RECORD /* accepted, with an event */
};

struct ak_config_tls {
    char *certificate;            /* PEM file, chain in it */
    char *key;                    /* PEM file */
    char *ca;                     /* PEM file of the authorities of clients, or NULL */
    char *crl;                    /* PEM file of revoked certificates, or NULL */
    char **names;                 /* accepted names of clients; none: all that `ca` vouches for */
    size_t name_count;            /* each is exact or has `*` as its whole left-most label */
    struct ak_hash *fingerprints; /* SHA-256 of accepted client certificates (DER) */
    size_t fingerprint_count;     /* a certificate listed here needs no `ca` */
    enum ak_config_authentication authentication;
    enum ak_config_expired expired;
};

struct ak_config_limits {
    uint64_t connections;                 /* open at once; streams */
    uint64_t connections_per_address;     /* streams */
    uint64_t connections_per_certificate; /* TLS with mutual authentication */
    uint64_t idle_timeout;                /* ns without a byte until we close; 0: never; streams */
    uint64_t frame_timeout;     /* ns from the first byte of a frame to its last; streams */
    uint64_t handshake_timeout; /* ns; TLS */
    uint64_t sources;           /* sources of their own for addresses that can be forged; UDP */
    uint64_t receive_buffer;    /* bytes asked of the kernel; datagrams */
};

#define AK_CONFIG_NO_LOG SIZE_MAX

struct ak_config_listener {
    struct ak_url url;
    size_t log; /* index into ak_config.logs for whom no rule fits, or AK_CONFIG_NO_LOG: refuse */
    struct ak_cidr *allow; /* addresses that may send; none: all */
    size_t allow_count;
    struct ak_config_route *route;
    size_t route_count;
    struct ak_config_tls tls;       /* all NULL where the transport has no TLS */
    struct ak_config_limits limits; /* what the transport does not have is 0 */
};

struct ak_config {
    char *store;   /* directory, absolute */
    char *control; /* Unix socket for orders, absolute */
    enum ak_log_level log_level;
    uint64_t signing_interval;    /* ns between two checkpoints of a log, at most */
    uint64_t batches;             /* batches in the pool, AK_BATCH memory each (about 2.6 MiB) */
    uint64_t partial_frames;      /* bytes of unfinished frames, all connections together */
    uint64_t disk_warn_percent;   /* used part of the disk or of a share that makes disk-low */
    uint64_t disk_warn_free;      /* bytes free below which it is disk-low too; 0: not looked at */
    uint64_t disk_reserve;        /* bytes per log kept for the events of a full disk */
    uint64_t certificate_warning; /* ns before a certificate's end from which we warn */
    struct ak_config_log *logs;
    size_t log_count;
    struct ak_config_listener *listeners;
    size_t listener_count;
};

/* Reads a file. The caller frees *out with ak_config_free; on failure it is NULL. Relative paths
 * in the file are taken from the directory it lies in. */
enum ak_code ak_config_load(const char *path, struct ak_config **out, struct ak_error *err);

/* The same from memory; `name` stands for the file in messages and gives the directory. */
enum ak_code ak_config_parse(const char *name, const void *text, size_t len, struct ak_config **out,
                             struct ak_error *err);

/* What `run` takes without a file. Texts are borrowed for the call. */
struct ak_config_options {
    const char *store;         /* --store, needed */
    const char *log;           /* --log, needed */
    const char *const *listen; /* --listen, at least one */
    size_t listen_count;
    const char *tls_certificate; /* --tls-certificate; for TLS listeners */
    const char *tls_key;         /* --tls-key */
    const char *tls_ca;          /* --tls-ca */
    bool closed;                 /* no listener is wanted: the log is opened for one order */
};
enum ak_code ak_config_from_options(const struct ak_config_options *options, struct ak_config **out,
                                    struct ak_error *err);

/* NULL is allowed. */
void ak_config_free(struct ak_config *config);

/* Every option with its value, as YAML that loads again to the same configuration; a value that is
 * the default is marked. AK_EIO if the stream fails. */
enum ak_code ak_config_show(const struct ak_config *config, FILE *out, struct ak_error *err);

/* SHA-256 over what ak_config_show writes, for the configuration event. */
enum ak_code ak_config_digest(const struct ak_config *config, struct ak_hash *digest,
                              struct ak_error *err);

/* What is allowed but should be known at start ("anyone who can reach it can write into ..."), one
 * call per remark; `text` is borrowed for the call. */
void ak_config_remarks(const struct ak_config *config,
                       void (*on_remark)(void *ctx, const char *text), void *ctx);

/* Index of the log with this name, or AK_CONFIG_NO_LOG. */
size_t ak_config_find_log(const struct ak_config *config, const char *name);

/* True if `peer` may send to the listener by its address. unix:// peers always may. */
bool ak_config_allows(const struct ak_config_listener *listener, const struct sockaddr *peer);

/* Which log a sender feeds: index, or AK_CONFIG_NO_LOG (refuse it). `names` are the names of its
 * verified certificate (`name_count` 0: it has none); `peer` may be NULL. */
size_t ak_config_route(const struct ak_config_listener *listener, const struct sockaddr *peer,
                       const char *const *names, size_t name_count);

/* True if `peer` is the sender described: by name where it is a certificate, else by address. */
bool ak_config_is_peer(const struct ak_config_peer *described, const struct sockaddr *peer,
                       const char *const *names, size_t name_count);

#endif
