/* epoch_list.h - the public keys of all epochs of one log (format.md 5.1): the list that its origin
 * pins. Never changed, so that any thread may read it; counted, so that nobody need ask who is
 * last.
 */
#ifndef AK_EPOCH_LIST_H
#define AK_EPOCH_LIST_H

#include <akashi/ed25519.h>
#include <akashi/epoch.h>
#include <akashi/error.h>
#include <akashi/format.h>
#include <akashi/note.h>
#include <akashi/sha256.h>

#include <stdint.h>

struct ak_epoch_list;

/* A list of `count` raw keys (1 to AK_EPOCHS_MAX), which it takes over and frees. */
enum ak_code ak_epoch_list_new(uint8_t *keys, uint32_t count, struct ak_epoch_list **out,
                               struct ak_error *err);
struct ak_epoch_list *ak_epoch_list_ref(struct ak_epoch_list *list);
void ak_epoch_list_unref(struct ak_epoch_list *list); /* NULL is allowed */

uint32_t ak_epoch_list_count(const struct ak_epoch_list *list);

/* All keys, one behind the other, as they lie in epoch.pub. Borrowed. */
const uint8_t *ak_epoch_list_keys(const struct ak_epoch_list *list);

/* Log id of the list: the first 16 bytes of its root, in hexadecimal. */
void ak_epoch_list_id(const struct ak_epoch_list *list, char id[AK_LOG_ID_CHARS + 1]);

/* The key of epoch `e`, named `<origin>/epoch/<e>`. AK_EUSAGE if it is not in the list. */
enum ak_code ak_epoch_list_vkey(const struct ak_epoch_list *list, const char *origin, uint32_t e,
                                struct ak_vkey *vkey, struct ak_error *err);

/* Inclusion proof of key `e`; `hash` has room for AK_PROOF_HASHES_MAX. */
enum ak_code ak_epoch_list_proof(const struct ak_epoch_list *list, uint32_t e, struct ak_hash *hash,
                                 unsigned *count, struct ak_error *err);

/* Judges a checkpoint by the log key and by the key of the epoch that its line names. Whether that
 * epoch is in force at its size is not asked: only who holds the keys of this machine could have
 * made it. Codes of ak_log_checkpoint_verify. */
enum ak_code ak_epoch_list_judge(const struct ak_epoch_list *list, const struct ak_vkey *log_key,
                                 const void *note, size_t len, struct ak_log_checkpoint *out,
                                 struct ak_error *err);

#endif
