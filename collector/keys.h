/* keys.h - the only module that sees secret keys.
 *
 * A log has the log key (signs every checkpoint) and a list of epoch keys of which only the
 * running epoch's seed is kept (format.md 5.1). They lie in <store>/keys/<log id>/, mode 0600:
 *   log.key     32-byte Ed25519 seed
 *   log.vkey    its public half (nothing secret)
 *   log.source  instead of it: where the log key is (keys_source.h); nothing secret
 *   epoch.seed  u32 epoch, 32-byte seed of that epoch
 *   epoch.pub   the N raw public keys
 *   epoch.note  copy of the running epoch's start note (nothing secret); not of epoch 0
 *   epoch.next  start note that ends the running epoch, until its entry is durable (nothing secret)
 *   revoked     the vkey, after `key revoke`: the secrets are gone (nothing secret)
 *   state       newest signed {u64 size, root}: lies with the key, so that a restored store shows
 *   successor   how far a successor has come (successor_mark.h): until it follows, nothing is
 *               signed
 */
#ifndef AK_KEYS_H
#define AK_KEYS_H

#include "epoch_list.h"

#include <akashi/checkpoint.h>
#include <akashi/error.h>
#include <akashi/format.h>
#include <akashi/note.h>
#include <akashi/sha256.h>
#include <akashi/tree.h>

#include <stdbool.h>
#include <stdint.h>

#define AK_EPOCHS_DEFAULT 32768u /* 3.7 years of one-hour epochs; made in about a second */

struct ak_keys; /* secrets in sodium_malloc memory; one thread at a time */

/* Makes keys for a new log named `name` (the origin without its digest), `epochs` epoch keys, in
 * the directory `keys_dir_fd`/<log id> (made; refused if it exists). Gives the origin
 * ("NAME/32 hex digits", at most AK_LOG_ORIGIN_BYTES_MAX bytes and a NUL) and the loaded keys.
 * `seed` is NULL (random) or 64 bytes for known answers in tests (log seed, seed_0). */
enum ak_code ak_keys_make(int keys_dir_fd, const char *name, uint32_t epochs,
                          const unsigned char *seed, char *origin, struct ak_keys **out,
                          struct ak_error *err);

/* The same; with a `source` (keys_source.h; NULL: none) the log key is taken from there. A `mark`
 * (NULL: none) is the text of the file `successor`, which is there before any secret is. */
enum ak_code ak_keys_make_from(int keys_dir_fd, const char *name, uint32_t epochs,
                               const unsigned char *seed, const char *source, const char *mark,
                               char *origin, struct ak_keys **out, struct ak_error *err);

/* Loads the keys of the log `origin` (id = its last 32 characters). AK_EKEY, with the remedy, if a
 * file is not as it was made, may be read by others, or does not belong to the origin. */
enum ak_code ak_keys_load(int keys_dir_fd, const char *origin, struct ak_keys **out,
                          struct ak_error *err);
void ak_keys_free(struct ak_keys *keys);

/* Loads what is public: list, log.vkey and state, which must be there and fit the origin. Nothing
 * can be signed with these keys; they are good for ak_recover and ak_keys_resume. */
enum ak_code ak_keys_load_public(int keys_dir_fd, const char *origin, struct ak_keys **out,
                                 struct ak_error *err);
bool ak_keys_only_public(const struct ak_keys *keys);

const struct ak_vkey *ak_keys_log(const struct ak_keys *keys);   /* public half of the log key */
const struct ak_vkey *ak_keys_epoch(const struct ak_keys *keys); /* of the running epoch's key */

/* The list of epoch keys; borrowed, ak_epoch_list_ref keeps it. */
struct ak_epoch_list *ak_keys_list(const struct ak_keys *keys);

uint32_t ak_keys_epoch_number(const struct ak_keys *keys); /* of the running epoch */
uint64_t ak_keys_state_time(const struct ak_keys *keys);   /* wall clock, ns: of the last state */
uint64_t ak_keys_epoch_time(const struct ak_keys *keys);   /* wall clock, ns: when it began */

/* The start note of epoch 0 (format.md 5.2), into `out`; AK_NOTE_BYTES_MAX bytes of room. */
enum ak_code ak_keys_epoch_note(struct ak_keys *keys, char *out, size_t cap, size_t *len,
                                struct ak_error *err);

/* Signs the checkpoint of the tree that `more` leads to, with both keys, and checks both signatures
 * before giving it out. `more` is the compact range [m, n), m being the size signed last: the keys
 * hold the range [0, m) themselves and merge, so that nothing can be signed that does not go on
 * from what was signed before (a consistency proof in its strictest form). n = m gives the same
 * note again. Refused, with the messages of docs/messages.md: any other begin, n = 0. */
enum ak_code ak_keys_sign(struct ak_keys *keys, const struct ak_range *more, char *out, size_t cap,
                          size_t *len, struct ak_error *err);

/* At start: what was found in the log, for the keys to go on from. `range` is [0, size); with a
 * note (valid under both keys, of that size) it must fold to the note's root, without one (NULL)
 * it must be what the state file says. AK_ESIGNATURE, AK_EKEY or AK_EMALFORMED for a note that is
 * not valid; AK_EINTEGRITY if roots differ, or if more was signed already, as the state file says
 * or these keys did: then the store is older than the key, and nothing will be signed. */
enum ak_code ak_keys_resume(struct ak_keys *keys, const void *note, size_t note_len,
                            const struct ak_range *range, struct ak_error *err);

/* What the state file said when the keys were loaded, or what was saved last: size and root of
 * the newest signed tree (size 0: none). */
uint64_t ak_keys_state(const struct ak_keys *keys, struct ak_hash *root);

/* Makes what was signed last durable beside the key: before a note leaves the machine, and at
 * most once a second otherwise. */
enum ak_code ak_keys_save(struct ak_keys *keys, struct ak_error *err);

/* A log that is not to be signed yet: what its first signature must go on from, [0, size), is made
 * durable as if it had been signed. Keys just made only. */
enum ak_code ak_keys_expect(struct ak_keys *keys, const struct ak_range *range,
                            struct ak_error *err);

/* "signer: asked for size 100, but signed 140 on 2026-11-22: ...": the one text for a store that is
 * older than its key. Always AK_EINTEGRITY. */
enum ak_code ak_keys_older(const struct ak_keys *keys, uint64_t size, struct ak_error *err);

/* Ends the running epoch: signs the start note of the next one, over the tree that was signed last,
 * and makes it durable beside the key. The running key signs nothing more, but that size again.
 * AK_OK also if it has ended already. AK_ELIMIT: the list of keys is used up, the epoch goes on. */
enum ak_code ak_keys_end_epoch(struct ak_keys *keys, struct ak_error *err);

/* The start note that ends the running epoch and the index of the entry that it must become; NULL
 * if the epoch goes on. Borrowed. */
const char *ak_keys_ending(const struct ak_keys *keys, size_t *len, uint64_t *index);

/* The running epoch's start note, kept beside the keys for the case that its entry is damaged; NULL
 * for epoch 0. Borrowed. */
const char *ak_keys_start_note(const struct ak_keys *keys, size_t *len);

/* That entry is durable: the next epoch's seed takes the place of the old one, which is erased. On
 * failure nothing more can be signed; ak_keys_mend and a new start go on. */
enum ak_code ak_keys_begin_epoch(struct ak_keys *keys, struct ak_error *err);

/* Erases what a change of epoch left that was cut short. At start, by who owns the store. */
enum ak_code ak_keys_mend(struct ak_keys *keys, struct ak_error *err);

/* The public key of a log whose collector may be running, or whose keys were revoked. */
enum ak_code ak_keys_vkey(int keys_dir_fd, const char *origin, struct ak_vkey *vkey,
                          struct ak_error *err);

/* Whether that was done to the keys of this log. */
bool ak_keys_are_revoked(int keys_dir_fd, const char *origin);

/* Ends the keys of a log for good: says so beside them, with the vkey, and erases every secret. By
 * who owns the store, with no signer process running. May be called again after a failure. */
enum ak_code ak_keys_revoke(int keys_dir_fd, const char *origin, const struct ak_vkey *vkey,
                            struct ak_error *err);

/* Erases every secret in the keys' directory `dir_fd`, and nothing else. May be called again. */
enum ak_code ak_keys_erase(int dir_fd, struct ak_error *err);

/* Range [0, m) of what was signed last (end 0: nothing yet). Borrowed. */
const struct ak_range *ak_keys_signed(const struct ak_keys *keys);

#endif
