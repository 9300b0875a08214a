/* segment_header.c - HEADER, MARK and NOTE frames (format.md 6.2, 6.5, 6.6). */
#include <akashi/segment.h>

#include "cursor.h"

#include <inttypes.h>
#include <string.h>

#define ENCODING_PLAIN 0u /* payloads and salts as in format.md */

static const struct ak_hash no_hash;

/* Type and version at the front of a content. */
static enum ak_code take_type(struct ak_cursor *c, unsigned type, const char *name,
                              struct ak_error *err)
{
    unsigned is = ak_cursor_u8(c);
    unsigned version = ak_cursor_u8(c);

    if (c->bad || is != type)
        return ak_fail(err, AK_EMALFORMED, "R19: it is no %s frame", name);
    if (version != AK_FRAME_VERSION)
        return ak_fail(err, AK_EUNSUPPORTED, "the %s frame has version %u", name, version);
    return AK_OK;
}

static void take_hash(struct ak_cursor *c, struct ak_hash *hash)
{
    const uint8_t *at = ak_cursor_bytes(c, AK_HASH_BYTES);

    if (at != NULL)
        memcpy(hash->b, at, AK_HASH_BYTES);
}

/* A count of one byte and that many hashes: the compact range [0, size). */
static enum ak_code take_range(struct ak_cursor *c, uint64_t size, struct ak_range *range,
                               struct ak_error *err)
{
    struct ak_hash hash[AK_RANGE_HASHES_MAX];
    unsigned n = ak_cursor_u8(c);

    if (n > AK_RANGE_HASHES_MAX)
        return ak_fail(err, AK_EMALFORMED, "its range has %u hashes", n);
    for (unsigned i = 0; i < n; i++)
        take_hash(c, &hash[i]);
    if (c->bad)
        return ak_fail(err, AK_EMALFORMED, "it ends within its range");
    if (size > AK_TREE_SIZE_MAX)
        return ak_fail(err, AK_EMALFORMED, "its size or first index is not below 2^63");
    return ak_range_load(range, 0, size, hash, n, err);
}

/* Flags and encoding, which say whether this program can read the segment at all. */
static enum ak_code take_flags(struct ak_cursor *c, struct ak_segment_header *header,
                               struct ak_error *err)
{
    uint32_t incompatible;
    unsigned encoding;
    unsigned reserved;

    header->compatible = ak_cursor_u32(c);
    incompatible = ak_cursor_u32(c);
    encoding = ak_cursor_u8(c);
    reserved = ak_cursor_u8(c);
    if (c->bad)
        return ak_fail(err, AK_EMALFORMED, "R20: the HEADER ends within its flags");
    if (incompatible != 0)
        return ak_fail(err, AK_EUNSUPPORTED, "the HEADER has the incompatible flags 0x%" PRIx32,
                       incompatible);
    if (encoding != ENCODING_PLAIN)
        return ak_fail(err, AK_EUNSUPPORTED, "the HEADER has encoding %u", encoding);
    if (reserved != 0)
        return ak_fail(err, AK_EUNSUPPORTED, "the HEADER's reserved byte is %u", reserved);
    return AK_OK;
}

static enum ak_code take_origin(struct ak_cursor *c, struct ak_segment_header *header,
                                struct ak_error *err)
{
    size_t n = ak_cursor_u8(c);
    const uint8_t *at = ak_cursor_bytes(c, n);
    enum ak_code rc;

    if (at == NULL)
        return ak_fail(err, AK_EMALFORMED, "R20: the HEADER ends within its origin");
    rc = ak_origin_check((const char *)at, n, err);
    if (rc != AK_OK)
        return rc;
    memcpy(header->origin, at, n);
    header->origin[n] = '\0';
    return AK_OK;
}

/* What follows from `first` and can be said without any key. */
static enum ak_code check_fields(const struct ak_segment_header *header, struct ak_error *err)
{
    if (header->opened % AK_TIME_UNIT != 0)
        return ak_fail(err, AK_EMALFORMED, "6.2: the HEADER's time is no multiple of 1000 ns");
    if (header->claim == 0)
        return ak_fail(err, AK_EMALFORMED, "6.2: the HEADER's claim is 0");
    if (header->first != 0 && ak_hash_equal(&header->previous, &no_hash))
        return ak_fail(err, AK_EMALFORMED, "6.2: the HEADER names no header before it");
    if ((header->first == 0) != (header->epoch_note_len == 0))
        return ak_fail(err, AK_EMALFORMED, "6.2: the HEADER %s",
                       header->first == 0 ? "of a log's first segment has an epoch note"
                                          : "has no epoch note");
    if (header->epoch_note_len > AK_EPOCH_NOTE_BYTES_MAX)
        return ak_fail(err, AK_EMALFORMED, "5.2: the HEADER's epoch note has %zu bytes",
                       header->epoch_note_len);
    return AK_OK;
}

enum ak_code ak_segment_header_decode(struct ak_segment_header *header, const uint8_t *content,
                                      size_t len, struct ak_error *err)
{
    struct ak_cursor c;
    enum ak_code rc;

    memset(header, 0, sizeof(*header));
    if (len > AK_HEADER_BYTES_MAX)
        return ak_fail(err, AK_EMALFORMED, "R19: a HEADER of %zu bytes", len);
    ak_cursor_init(&c, content, len);
    rc = take_type(&c, AK_FRAME_HEADER, "HEADER", err);
    if (rc == AK_OK)
        rc = take_flags(&c, header, err);
    if (rc != AK_OK)
        return rc;
    header->first = ak_cursor_u64(&c);
    header->opened = ak_cursor_u64(&c);
    header->claim = ak_cursor_u64(&c);
    take_hash(&c, &header->previous);
    rc = take_origin(&c, header, err);
    if (rc == AK_OK)
        rc = take_range(&c, header->first, &header->range, err);
    if (rc != AK_OK) {
        ak_wrap(err, "R20: HEADER");
        return rc;
    }
    header->epoch_note_len = ak_cursor_u32(&c);
    header->epoch_note = ak_cursor_bytes(&c, header->epoch_note_len);
    header->checkpoint_len = ak_cursor_u32(&c);
    header->checkpoint = ak_cursor_bytes(&c, header->checkpoint_len);
    if (!ak_cursor_done(&c))
        return ak_fail(err, AK_EMALFORMED, "R20: the HEADER %s",
                       c.bad ? "ends too early" : "goes on behind its checkpoint");
    return check_fields(header, err);
}

static enum ak_code check_epoch_note(const struct ak_segment_header *header,
                                     struct ak_epoch_note *epoch, struct ak_error *err)
{
    enum ak_code rc =
        ak_epoch_note_parse(epoch, header->epoch_note, header->epoch_note_len, header->origin, err);

    if (rc == AK_OK && epoch->index >= header->first)
        rc = ak_fail(err, AK_EMALFORMED,
                     "the epoch note is of entry %" PRIu64 ", which is not before the segment",
                     epoch->index);
    if (rc != AK_OK)
        ak_wrap(err, "R20: HEADER");
    return rc;
}

static enum ak_code check_checkpoint(const struct ak_segment_header *header,
                                     struct ak_checkpoint *checkpoint, struct ak_error *err)
{
    struct ak_note note;
    struct ak_hash root;
    enum ak_code rc = ak_note_parse(&note, header->checkpoint, header->checkpoint_len, err);

    if (rc == AK_OK)
        rc = ak_checkpoint_parse(checkpoint, note.text, note.text_len, false, err);
    if (rc != AK_OK)
        return rc;
    if (strcmp(checkpoint->origin, header->origin) != 0)
        return ak_fail(err, AK_EMALFORMED, "the checkpoint is of another log");
    if (checkpoint->size == 0 || checkpoint->size > header->first)
        return ak_fail(err, AK_EMALFORMED,
                       "the checkpoint is of size %" PRIu64 ", the segment begins at %" PRIu64,
                       checkpoint->size, header->first);
    if (checkpoint->size < header->first)
        return AK_OK;
    rc = ak_range_root(&header->range, &root, err);
    if (rc == AK_OK && !ak_hash_equal(&root, &checkpoint->root))
        rc = ak_fail(err, AK_EINTEGRITY, "the range does not fold to the checkpoint's root");
    return rc;
}

enum ak_code ak_segment_header_check(const struct ak_segment_header *header,
                                     struct ak_epoch_note *epoch, struct ak_checkpoint *checkpoint,
                                     struct ak_error *err)
{
    struct ak_epoch_note own_epoch;
    struct ak_checkpoint own_checkpoint;
    enum ak_code rc = AK_OK;

    if (epoch == NULL)
        epoch = &own_epoch;
    if (checkpoint == NULL)
        checkpoint = &own_checkpoint;
    memset(epoch, 0, sizeof(*epoch));
    memset(checkpoint, 0, sizeof(*checkpoint));
    if (header->epoch_note_len > 0)
        rc = check_epoch_note(header, epoch, err);
    if (rc == AK_OK && header->checkpoint_len > 0) {
        rc = check_checkpoint(header, checkpoint, err);
        if (rc != AK_OK)
            ak_wrap(err, "R20: HEADER");
    }
    return rc;
}

enum ak_code ak_segment_mark_decode(struct ak_segment_mark *mark, const uint8_t *content,
                                    size_t len, struct ak_error *err)
{
    struct ak_cursor c;
    uint64_t size;
    enum ak_code rc;

    memset(mark, 0, sizeof(*mark));
    ak_cursor_init(&c, content, len);
    rc = take_type(&c, AK_FRAME_MARK, "MARK", err);
    if (rc != AK_OK)
        return rc;
    size = ak_cursor_u64(&c);
    rc = take_range(&c, size, &mark->range, err);
    if (rc != AK_OK) {
        ak_wrap(err, "R22: MARK");
        return rc;
    }
    take_hash(&c, &mark->digest);
    if (!ak_cursor_done(&c))
        return ak_fail(err, AK_EMALFORMED, "R22: the MARK %s",
                       c.bad ? "ends too early" : "goes on behind its digest");
    return AK_OK;
}

enum ak_code ak_segment_note_decode(const uint8_t **note, size_t *note_len, const uint8_t *content,
                                    size_t len, struct ak_error *err)
{
    struct ak_cursor c;
    enum ak_code rc;

    *note = NULL;
    *note_len = 0;
    ak_cursor_init(&c, content, len);
    rc = take_type(&c, AK_FRAME_NOTE, "NOTE", err);
    if (rc != AK_OK)
        return rc;
    *note = c.p;
    *note_len = c.left;
    return AK_OK;
}
