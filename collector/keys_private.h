/* keys_private.h - what the files that see secret keys (keys*.c) share, and nobody else. */
#ifndef AK_KEYS_PRIVATE_H
#define AK_KEYS_PRIVATE_H

#include "epoch_list.h"
#include "keys.h"

#include <sodium.h>

#include <assert.h>
#include <stdbool.h>
#include <sys/types.h>

#define AK_SEED_BYTES       32u
#define AK_EPOCH_SEED_BYTES (4u + AK_SEED_BYTES)
#define AK_KEY_PREFIX_BYTES 32u

static_assert(AK_SEED_BYTES == crypto_sign_SEEDBYTES, "RFC 8032 seeds");
static_assert(AK_ED25519_KEY_BYTES == crypto_sign_PUBLICKEYBYTES, "RFC 8032 keys");
static_assert(AK_EPOCH_SEED_BYTES <= AK_KEY_PREFIX_BYTES + AK_SEED_BYTES, "fits what is hashed");

/* All that must never leave this process. */
struct ak_secrets {
    unsigned char log_seed[AK_SEED_BYTES];
    unsigned char log_sk[crypto_sign_SECRETKEYBYTES];
    unsigned char epoch_seed[AK_SEED_BYTES]; /* seed_e of the running epoch */
    unsigned char epoch_sk[crypto_sign_SECRETKEYBYTES];
    unsigned char work[AK_SEED_BYTES];                         /* a seed on its way */
    unsigned char next_seed[AK_SEED_BYTES];                    /* of the epoch that begins */
    unsigned char next_sk[crypto_sign_SECRETKEYBYTES];         /* of the epoch that begins */
    unsigned char hashed[AK_KEY_PREFIX_BYTES + AK_SEED_BYTES]; /* what is hashed on the way */
};

struct ak_keys {
    struct ak_token *token; /* has the log key; NULL: its seed is in `secrets` */
    uint8_t token_pk[AK_ED25519_KEY_BYTES];
    struct ak_secrets *secrets;     /* NULL: they are in the signer process */
    struct ak_key_channel *channel; /* to it, borrowed; NULL: the secrets are here */
    uint32_t slot;                  /* of these keys in it */
    int dir_fd;
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    uint32_t epoch;
    struct ak_epoch_list *list;
    struct ak_vkey log;
    struct ak_vkey running;
    uint64_t epoch_time; /* ns; when epoch.seed was written */
    uint64_t state_size; /* as the state file says */
    struct ak_hash state_root;
    uint64_t state_time;          /* ns; when it was written, or signed last */
    struct ak_range signed_range; /* [0, m) */
    char *start;                  /* start note of the running epoch, or NULL */
    size_t start_len;
    char *ending; /* start note of the next epoch, which ends this one; NULL: it goes on */
    size_t ending_len;
    uint64_t ending_index; /* of the entry that it is meant for */
};

/* Keys without content: `secrets` is NULL, or zeroed if `secret`. Freed with ak_keys_free. */
enum ak_code ak_keys_new(bool secret, struct ak_keys **out, struct ak_error *err);

/* Opens the keys' directory of the log `origin` as keys->dir_fd, and takes in the origin. */
enum ak_code ak_keys_open(struct ak_keys *keys, int keys_dir_fd, const char *origin,
                          struct ak_error *err);

/* Reads into keys that ak_keys_open has opened; its failure is passed up. */
typedef enum ak_code (*ak_keys_load_fn)(struct ak_keys *keys, struct ak_error *err);

/* The keys of the log `origin`, new (ak_keys_new, with `secret` as there), opened and read by
 * `load_parts`. Freed with ak_keys_free; NULL on failure, whose text names the directory. */
enum ak_code ak_keys_load_by(int keys_dir_fd, const char *origin, bool secret,
                             ak_keys_load_fn load_parts, struct ak_keys **out,
                             struct ak_error *err);

/* Reads epoch.pub and compares it with the pin in the origin. */
enum ak_code ak_keys_load_list(struct ak_keys *keys, struct ak_error *err);

/* Reads what was signed last; AK_EKEY if the file is damaged. */
enum ak_code ak_keys_load_state(struct ak_keys *keys, struct ak_error *err);

/* The vkey that lies beside the keys; AK_ENOTFOUND if there is none. */
enum ak_code ak_keys_pinned(int dir_fd, struct ak_vkey *vkey, struct ak_error *err);

/* AK_EKEY if the keys were revoked. */
enum ak_code ak_keys_revoked(const struct ak_keys *keys, struct ak_error *err);

/* seed_{e+1} of seed_e (format.md 5.1); `out` may be `seed`. */
void ak_keys_next_seed(struct ak_secrets *secrets, const unsigned char *seed, unsigned char *out);

/* Key pair of the epoch whose seed is given. */
void ak_keys_epoch_pair(struct ak_secrets *secrets, const unsigned char *seed, uint8_t *pk,
                        unsigned char *sk);

/* The running epoch's pair and vkey, from its seed and the list. */
enum ak_code ak_keys_take_epoch(struct ak_keys *keys, struct ak_error *err);

/* `epoch.seed` of an epoch as it is written; `out` has AK_EPOCH_SEED_BYTES. */
void ak_keys_pack_epoch(unsigned char *out, uint32_t epoch, const unsigned char *seed);

/* What the functions of keys.h do for keys whose secrets are in the signer process: the same words,
 * asked over the channel. They keep what is public here as it is there. */
enum ak_code ak_keys_remote_resume(struct ak_keys *keys, const void *note, size_t note_len,
                                   const struct ak_range *range, struct ak_error *err);
enum ak_code ak_keys_remote_sign(struct ak_keys *keys, const struct ak_range *more, char *out,
                                 size_t cap, size_t *len, struct ak_error *err);
enum ak_code ak_keys_remote_save(struct ak_keys *keys, struct ak_error *err);
enum ak_code ak_keys_remote_end(struct ak_keys *keys, struct ak_error *err);
enum ak_code ak_keys_remote_begin(struct ak_keys *keys, struct ak_error *err);
enum ak_code ak_keys_remote_mend(struct ak_keys *keys, struct ak_error *err);
void ak_keys_remote_forget(struct ak_keys *keys);

/* Takes the log key from where `source` says (keys_source.h). */
enum ak_code ak_keys_source_open(struct ak_keys *keys, const char *source, struct ak_error *err);

/* The line of log.source in the keys' directory `dir_fd`, AK_KEY_SOURCE_BYTES_MAX of room; empty if
 * there is no such file: the key is log.key. */
enum ak_code ak_keys_source_read(int dir_fd, char *source, struct ak_error *err);

/* ak_keys_add_line with the log key, wherever it is. */
enum ak_code ak_keys_add_log_line(const struct ak_keys *keys, char *out, size_t cap,
                                  size_t text_len, size_t *len, struct ak_error *err);

/* Signs the text at the front of `out`, checks the signature and appends its line to what is there.
 */
enum ak_code ak_keys_add_line(const struct ak_vkey *vkey, const unsigned char *sk, char *out,
                              size_t cap, size_t text_len, size_t *len, struct ak_error *err);

#endif
