/* bundle_payloads.h - how each entry of a bundle is shown, and its payload: openings, own.txt and
 * records.zst, read side by side (docs/format.md 14.5, 14.6). */
#ifndef AK_BUNDLE_PAYLOADS_H
#define AK_BUNDLE_PAYLOADS_H

#include "bundle_files.h"

#include <akashi/entry.h>
#include <akashi/format.h>

/* What opens a commitment: a salt, or K of form 2. */
#define AK_BUNDLE_KEY_BYTES_MAX 32u

struct ak_bundle_payloads {
    struct ak_bundle_stream openings;
    struct ak_bundle_stream own;
    struct ak_bundle_stream packed;
    struct ZSTD_DCtx_s *decoder;
    bool frame_ended; /* of records.zst */
    uint8_t *plain;   /* decompressed bytes that were not taken yet */
    size_t plain_at;
    size_t plain_have;
    uint8_t *payload; /* of one entry, and its LF */
};

/* Reasons for which parts of one record are withheld, as they are listed. */
#define AK_BUNDLE_REASONS_MAX 8u

/* One entry's opening. */
struct ak_bundle_opening {
    uint8_t state;
    uint16_t redaction;                   /* of AK_STATE_REDACTED */
    uint8_t key[AK_BUNDLE_KEY_BYTES_MAX]; /* salt of form 1, K of form 2 */
    const uint8_t
        *payload; /* of AK_STATE_PRESENT and AK_STATE_PARTS; borrowed until the next call */
    size_t len;
    /* Of AK_STATE_PARTS: */
    uint32_t parts;
    uint32_t withheld;
    struct ak_hash commitment; /* what the parts come to */
    struct ak_error split;     /* its code is AK_OK unless they would be split in another way */
    uint16_t reason[AK_BUNDLE_REASONS_MAX];
    unsigned reason_count;
    bool reasons_left_off;
};

/* AK_ENOMEM, AK_EIO, AK_EMALFORMED. ak_bundle_payloads_close frees in any case. */
enum ak_code ak_bundle_payloads_open(struct ak_bundle_payloads *p,
                                     const struct ak_bundle_files *files, struct ak_error *err);
void ak_bundle_payloads_close(struct ak_bundle_payloads *p);

/* The opening of the next entry. AK_EMALFORMED, AK_EINTEGRITY for a checksum of records.zst that
 * does not come out, AK_EIO. */
enum ak_code ak_bundle_payloads_next(struct ak_bundle_payloads *p, const struct ak_entry *entry,
                                     struct ak_bundle_opening *opening, struct ak_error *err);

/* The next bytes of what records.zst holds. Codes as above. */
enum ak_code ak_bundle_payloads_plain(struct ak_bundle_payloads *p, uint8_t *out, size_t n,
                                      struct ak_error *err);

/* Whether all three files end here. Codes as above. */
enum ak_code ak_bundle_payloads_end(struct ak_bundle_payloads *p, struct ak_error *err);

#endif
