/* succession.h - what a successor's first event says of the log that it goes on from
 * (docs/format.md 10.7, R51, R52).
 *
 * A log that can no longer be signed is closed as it is; another one takes its place, and its entry
 * 1 tells from which log it goes on, what of that is there, and what is known to be lost. Further
 * events of the same log may add to that what was learnt later (checkpoints, a reason). The one
 * who says so is the operator: only an order of authorities confirms it (R54). */
#ifndef AKASHI_SUCCESSION_H
#define AKASHI_SUCCESSION_H

#include <akashi/checkpoint.h>
#include <akashi/error.h>
#include <akashi/format.h>
#include <akashi/note.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the event stands in its log: behind the start note of epoch 0. */
#define AK_SUCCESSION_INDEX 1u

#define AK_SUCCESSIONS_MAX 16u /* such events of one log: it is the operator who gives each */

/* Checkpoints that one event carries, and the longest of them: with these it stays, escaped, below
 * AK_OWN_PAYLOAD_BYTES_MAX. */
#define AK_SUCCESSION_NOTES_MAX      6u
#define AK_SUCCESSION_NOTE_BYTES_MAX 8192u
#define AK_SUCCESSION_REASON_MAX     1000u

struct ak_succession_note {
    const char *text; /* the whole signed note */
    size_t len;
    struct ak_checkpoint checkpoint;
};

/* About 4 KiB. Texts are borrowed: of one that was read, from the object; of one that is to be
 * made, from the caller. */
struct ak_succession {
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1]; /* of the log that ended */
    struct ak_vkey key;                       /* its log key, as the collector knew it */
    uint64_t size;                            /* entries of it that were there at the end */
    struct ak_hash root;                      /* of that size */
    bool has_signed;      /* what lay beside the keys said what they signed last: */
    uint64_t signed_size; /* size, and */
    struct ak_hash signed_root;
    struct ak_succession_note note[AK_SUCCESSION_NOTES_MAX]; /* sizes rise */
    unsigned note_count;
    const char *reason; /* NUL-terminated; "" if none */
    uint64_t known;     /* filled by reading: the greatest size that any of this names (R52) */
};

/* Entries [size, known) of the old log are lost: how many. */
static inline uint64_t ak_succession_lost(const struct ak_succession *s)
{
    return s->known - s->size;
}

/* Whether a further event speaks of the same: origin, key, size and root. */
bool ak_succession_same(const struct ak_succession *first, const struct ak_succession *more);

/* Reads the payload of an event `succession`: `*object` is a new json_t that `*s` borrows from;
 * give it to ak_succession_done. AK_EMALFORMED for any other payload; AK_ENOMEM. */
enum ak_code ak_succession_read(struct ak_succession *s, void **object, const void *payload,
                                size_t len, struct ak_error *err);
void ak_succession_done(void *object);

/* The payload of the event, malloc'ed, not NUL-terminated; `known` is not looked at. AK_EMALFORMED
 * for what the event cannot say; AK_ENOMEM. */
enum ak_code ak_succession_make(const struct ak_succession *s, char **payload, size_t *len,
                                struct ak_error *err);

#endif
