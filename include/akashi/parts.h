/* parts.h - commitment by parts (format.md 3.4, form 2): parts of a payload can be withheld, and
 * the rest is proven all the same.
 *
 * A payload has one split, which its bytes alone decide. Each part is committed to under a salt of
 * its own; the record key K gives all salts of a record, so it is handed out only where the whole
 * record is. A part that is shown goes with its salt, one that is withheld as its commitment c_j.
 * How many parts there are is not hidden, their bytes and lengths are. */
#ifndef AKASHI_PARTS_H
#define AKASHI_PARTS_H

#include <akashi/error.h>
#include <akashi/format.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- The split ---- */

/* Length of the part that begins at `p`, where `len` bytes of the payload are left: 1 to
 * AK_PART_BYTES_MAX, and 0 only for len = 0. */
uint32_t ak_part_length(const uint8_t *p, size_t len);

/* Number of parts of a payload: at least 1, for an empty payload is one empty part; at most
 * AK_PARTS_MAX for len up to AK_PAYLOAD_BYTES_MAX. */
uint32_t ak_parts_count(const uint8_t *payload, size_t len);

/* ---- Keys and salts ---- */

/* Record keys K of `count` entries of one group, from the one with index mod 256 = `begin` on:
 * begin + count is at most 256. `group_key` is G, AK_GROUP_KEY_BYTES. */
void ak_record_keys(uint8_t (*out)[AK_RECORD_KEY_BYTES], const uint8_t *group_key, unsigned begin,
                    unsigned count);

/* Salt of part `j` of the record whose key is `record_key`; `j` is below AK_PARTS_MAX. */
void ak_part_salt(uint8_t salt[AK_SALT_BYTES], const uint8_t *record_key, uint32_t j);

/* c_j of a part of at most AK_PART_BYTES_MAX bytes. */
void ak_part_commitment(struct ak_hash *out, const uint8_t *salt, const uint8_t *part,
                        uint32_t len);

/* ---- Whole records, many at once ---- */

/* Room for one thread, to be reused: about 170 KiB. NULL without memory. */
struct ak_parts_room;
struct ak_parts_room *ak_parts_room_new(void);
void ak_parts_room_free(struct ak_parts_room *room); /* NULL is allowed */

/* Takes one record; its commitment, AK_HASH_BYTES at `out`, is there after ak_parts_finish at the
 * latest. `record_key`, `payload` (at most AK_PAYLOAD_BYTES_MAX bytes) and `out` are borrowed until
 * then, and `out` must not overlap anything that is read. */
void ak_parts_take(struct ak_parts_room *room, const uint8_t *record_key, const uint8_t *payload,
                   size_t len, uint8_t *out);

/* Ends what ak_parts_take began; the room is empty again. */
void ak_parts_finish(struct ak_parts_room *room);

/* The commitment of one payload, without any room. */
void ak_parts_commitment(struct ak_hash *out, const uint8_t *record_key, const uint8_t *payload,
                         size_t len);

/* ---- Records of which parts are withheld ---- */

/* Parts as they are shown, one after the other; visible so that it can lie on a stack. */
struct ak_parts_shown {
    struct ak_sha256_ctx ctx;
    uint32_t count; /* m, as it was stated */
    uint32_t taken;
    uint32_t shown_bytes;
    bool before_shown; /* the part before was shown, and ended with these */
    uint32_t before_len;
    enum ak_code rc; /* the first fault; stays */
};

/* A record of `count` parts. AK_EMALFORMED if no payload has as many. */
enum ak_code ak_parts_shown_begin(struct ak_parts_shown *shown, uint32_t count,
                                  struct ak_error *err);

/* The next part, shown. AK_EMALFORMED if the bytes that are shown would not be split like this: a
 * part that is longer or shorter than the split makes it, or that the part shown before it would
 * have taken in; also for a part too many. */
enum ak_code ak_parts_shown_part(struct ak_parts_shown *shown, const uint8_t *salt,
                                 const uint8_t *part, size_t len, struct ak_error *err);

/* The next part, withheld: only its commitment is known. */
enum ak_code ak_parts_shown_withheld(struct ak_parts_shown *shown,
                                     const uint8_t commitment[AK_HASH_BYTES], struct ak_error *err);

/* The commitment that follows; AK_EMALFORMED if a part is missing. */
enum ak_code ak_parts_shown_end(struct ak_parts_shown *shown, struct ak_hash *out,
                                struct ak_error *err);

#endif
