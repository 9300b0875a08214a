/* entry.h - the 54 bytes of an entry, of which a leaf of the tree is the hash (format.md 3). */
#ifndef AKASHI_ENTRY_H
#define AKASHI_ENTRY_H

#include <akashi/error.h>
#include <akashi/format.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ak_entry {
    uint8_t form;        /* AK_FORM_WHOLE or AK_FORM_PARTS */
    uint8_t kind;        /* AK_KIND_... or one that is not known */
    uint16_t clock_run;  /* how often the clock fell so far (3.3) */
    uint64_t received;   /* ns since 1970-01-01T00:00:00Z, a multiple of AK_TIME_UNIT */
    uint32_t source;     /* 256 + source_seq of the declaration; for own entries the kind */
    uint64_t source_seq; /* 0, 1, 2, ... within the source; at most AK_SEQ_MAX */
    struct ak_hash commitment;
};

/* Whether entries of this kind were received; all others are the log's own (3.1). */
static inline bool ak_kind_received(uint8_t kind)
{
    return kind == AK_KIND_RECORD || kind == AK_KIND_FRAGMENT;
}

/* Writes the AK_ENTRY_BYTES bytes. `source_seq` must be at most AK_SEQ_MAX. */
void ak_entry_encode(uint8_t *out, const struct ak_entry *entry);

/* Reads exactly `len` bytes. AK_EMALFORMED for another length than AK_ENTRY_BYTES or a time that is
 * no multiple of AK_TIME_UNIT (R4); AK_EUNSUPPORTED for a form that is not known. Whether source
 * and kind fit together is a matter of numbering (R1), not asked here. */
enum ak_code ak_entry_decode(struct ak_entry *entry, const uint8_t *data, size_t len,
                             struct ak_error *err);

#endif
