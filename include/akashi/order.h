/* order.h - orders that decide what of a log may be erased, and the keys behind them
 * (docs/format.md 10.5, R38 to R41).
 *
 * An order is a signed note by authority keys, which are not the collector's. Who signs makes its
 * text with ak_order_text; who carries it out, or judges, reads it with ak_order_parse. struct
 * ak_authority follows the kind-5 entries of one log in their order and says of each what it is
 * worth.
 *
 * There is no shared state: an object belongs to one thread at a time. */
#ifndef AKASHI_ORDER_H
#define AKASHI_ORDER_H

#include <akashi/error.h>
#include <akashi/format.h>
#include <akashi/note.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds of an order note (format.md 10.5): with them an entry that holds one, escaped, and repeats
 * its members stays below AK_OWN_PAYLOAD_BYTES_MAX. */
#define AK_ORDER_NOTE_BYTES_MAX   32768u
#define AK_ORDER_RANGES_MAX       256u
#define AK_ORDER_KEYS_MAX         16u
#define AK_ORDER_CASE_BYTES_MAX   200u
#define AK_ORDER_REASON_BYTES_MAX 1000u

enum ak_order_action {
    AK_ORDER_ERASE,
    AK_ORDER_EXPIRE,
    AK_ORDER_HOLD,
    AK_ORDER_RELEASE,
    AK_ORDER_AUTHORITY,
    AK_ORDER_SUCCEED
};

#define AK_ORDER_ACTIONS 6u

/* Indices, both ends in. */
struct ak_order_range {
    uint64_t first;
    uint64_t last;
};

/* What an order says. About 9 KiB. `case_text` and `reason` are borrowed and not NUL-terminated. */
struct ak_order {
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    uint64_t number; /* 1 to 2^63 - 1 */
    enum ak_order_action action;
    unsigned range_count; /* 0 if and only if the action is AK_ORDER_AUTHORITY or _SUCCEED */
    struct ak_order_range range[AK_ORDER_RANGES_MAX]; /* rising, neither overlapping nor touching */
    unsigned quorum;                                  /* AUTHORITY: 1 to key_count; else 0 */
    unsigned key_count;
    struct ak_vkey key[AK_ORDER_KEYS_MAX];
    char from[AK_LOG_ORIGIN_BYTES_MAX + 1]; /* SUCCEED: origin of the old log; else "" */
    uint64_t size;                          /* SUCCEED: its entries that are there; else 0 */
    uint64_t lost;                          /* SUCCEED: entries behind them that are lost; else 0 */
    const char *case_text;
    size_t case_len;
    const char *reason;
    size_t reason_len;
};

/* "erase", "expire", "hold", "release", "authority", "succeed". */
const char *ak_order_action_name(enum ak_order_action action);

/* The action of this name; false if there is none. */
bool ak_order_action_find(const char *name, size_t len, enum ak_order_action *action);

/* Puts ranges into the form that an order wants: sorted, and joined where they overlap or touch.
 * Gives how many are left. Each must have first <= last < 2^63. */
unsigned ak_order_ranges_join(struct ak_order_range *range, unsigned count);

/* Writes the text that is signed, and a NUL; `*len` is without that. AK_EUSAGE, with the member
 * that is wrong, for an order that cannot be written; AK_ELIMIT if it does not fit.
 * AK_ORDER_NOTE_BYTES_MAX are enough for every order. */
enum ak_code ak_order_text(const struct ak_order *order, char *out, size_t cap, size_t *len,
                           struct ak_error *err);

/* Reads an order note of exactly `len` bytes: the note into `*note`, its text into `*order`, which
 * both borrow from `data`. No signature is checked. AK_EMALFORMED for what is not in the one form;
 * AK_ELIMIT past a bound. */
enum ak_code ak_order_parse(struct ak_order *order, struct ak_note *note, const void *data,
                            size_t len, struct ak_error *err);

/* ---- Whose orders count ---- */

/* Stretches of held indices that are kept; more is AK_ELIMIT. */
#define AK_AUTHORITY_HOLDS_MAX 65536u

struct ak_authority;

/* `accepted` (keys given from outside; may be none) are copied. NULL without memory. */
struct ak_authority *ak_authority_new(const char *origin, const struct ak_vkey *accepted,
                                      size_t accepted_count);
void ak_authority_free(struct ak_authority *authority);

/* Asks whether a public key is one of the log itself (its log key, an epoch key that is known),
 * which can be no authority under any name. Without it only names are looked at. */
typedef bool (*ak_authority_own_fn)(void *ctx, const uint8_t key[AK_ED25519_KEY_BYTES]);
void ak_authority_own(struct ak_authority *authority, ak_authority_own_fn is_own, void *ctx);

/* What one order is worth. */
struct ak_order_worth {
    bool declares; /* it is the declaration of the authority keys (R38) */
    bool valid;    /* R39 */
    bool accepted; /* R41 */
    bool noted;    /* it has an order note: `order` is filled */
    enum ak_order_action action;
    unsigned signers;       /* keys in force that have signed it */
    unsigned signers_known; /* of these, the accepted ones */
    unsigned quorum;        /* in force; 0: no keys were */
    struct ak_order order;
    struct ak_error why; /* not valid: the text says why not */
};

/* Takes the next order of the log: entry `index` of source 5 with `seq`, its payload as it stands
 * there (one that ak_order_entry_check accepts). Orders are given in the order of their indices,
 * proven ones only; a hole in `seq` makes all behind it not valid. AK_OK, and `*worth` (whose
 * texts borrow from `authority` until the next call); AK_ENOMEM, AK_ELIMIT (holds), AK_EMALFORMED
 * for a payload of another form. */
enum ak_code ak_authority_take(struct ak_authority *authority, uint64_t index, uint64_t seq,
                               const void *payload, size_t len, struct ak_order_worth *worth,
                               struct ak_error *err);

/* What ak_authority_take would say of this order note as entry `index`, without taking it.
 * AK_EMALFORMED or AK_ELIMIT for what is no order note. `worth` borrows from `note`. */
enum ak_code ak_authority_ask(const struct ak_authority *authority, uint64_t index,
                              const void *note, size_t len, struct ak_order_worth *worth,
                              struct ak_error *err);

/* Keys in force now and how many of them must sign; 0 if none are declared. */
unsigned ak_authority_keys(const struct ak_authority *authority, const struct ak_vkey **keys,
                           unsigned *quorum);

/* The number of the newest valid order; 0: none yet. */
uint64_t ak_authority_number(const struct ak_authority *authority);

/* What is held now: disjoint, rising. */
size_t ak_authority_holds(const struct ak_authority *authority, const struct ak_order_range **held);

/* Whether a key can be an authority of the log (R38): AK_EUSAGE, with the reason, if it is the
 * log's own. */
enum ak_code ak_authority_key_check(const struct ak_authority *authority, const struct ak_vkey *key,
                                    struct ak_error *err);

/* ---- The entry ---- */

/* Whether a payload of kind 5 has the form of format.md 10.5: members, and what its note, if it has
 * one, says of them. AK_EMALFORMED. */
enum ak_code ak_order_entry_check(const void *payload, size_t len, struct ak_error *err);

/* The payload of an entry that holds this order note: malloc'ed, not NUL-terminated. Errors as
 * ak_order_parse; AK_ENOMEM. */
enum ak_code ak_order_entry_make(const void *note, size_t note_len, char **payload, size_t *len,
                                 struct ak_error *err);

/* The payload of the entry that declares authority keys. AK_EUSAGE for a quorum out of bounds, or
 * two keys of one name or one public key. */
enum ak_code ak_order_declaration_make(const struct ak_vkey *key, unsigned count, unsigned quorum,
                                       char **payload, size_t *len, struct ak_error *err);

/* Gives the ranges of an order entry, both ends in; of any payload, of which what is not of the
 * form is left out. `*action` tells what it asks for; false if that cannot be read. */
typedef void (*ak_order_range_fn)(void *ctx, uint64_t first, uint64_t last);
bool ak_order_entry_ranges(const void *payload, size_t len, enum ak_order_action *action,
                           ak_order_range_fn on_range, void *ctx);

#endif
