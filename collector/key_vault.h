/* key_vault.h - what the signer process does with a request (key_wire.h): the keys of its logs, by
 * slot. Knows neither socket nor sandbox. */
#ifndef AK_KEY_VAULT_H
#define AK_KEY_VAULT_H

#include "key_wire.h"
#include "keys.h"

#include <stddef.h>

struct ak_key_vault; /* one thread */

/* One request and its answer, as they are received and sent. */
struct ak_key_exchange {
    struct ak_key_request request;
    struct ak_key_answer answer;
    unsigned char in[AK_NOTE_BYTES_MAX + 1]; /* of the request; one more: what is too long shows */
    unsigned char out[AK_KEY_BODY_BYTES_MAX];
    size_t out_len;
};

/* Without keys; `keys_dir_fd` (borrowed) is where a LOAD looks for them. AK_ENOMEM. */
enum ak_code ak_key_vault_new(int keys_dir_fd, struct ak_key_vault **out, struct ak_error *err);
void ak_key_vault_free(struct ak_key_vault *vault);

/* Where a request is put and its answer taken from. */
struct ak_key_exchange *ak_key_vault_exchange(struct ak_key_vault *vault);

/* Obeys or refuses the packet in `request` and `in` (`len` bytes in all, anybody's), and fills in
 * `answer`, `out` and `out_len`. */
void ak_key_vault_answer(struct ak_key_vault *vault, size_t len);

#endif
