/* seal_output.c - writing a sealed file, and what its end must say of it (format.md 6.7, 6.8). */
#include "seal_private.h"

#include "disk.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEALED_MODE      0400     /* never written again */
#define WRITE_OUT_BYTES  1048576u /* so that one sync at the end does not hold up commits */
#define FIRST_ALLOCATION 256u

enum ak_code ak_seal_output_begin(struct ak_seal_output *out, int tmp_fd, const char *name,
                                  struct ak_error *err)
{
    enum ak_code rc;

    memset(out, 0, sizeof(*out));
    ak_sha512_init(&out->sha512);
    ak_sha256_init(&out->frames);
    rc = ak_disk_wipe(tmp_fd, name, NULL); /* of an attempt that did not end */
    (void)rc;
    return ak_disk_create(tmp_fd, name, SEALED_MODE, &out->fd, err);
}

void ak_seal_output_free(struct ak_seal_output *out)
{
    if (out->fd >= 0)
        (void)close(out->fd);
    free(out->seek);
    free(out->block);
    free(out->level8);
    memset(out, 0, sizeof(*out));
    out->fd = -1;
}

/* Makes room for `more` elements of `each` bytes; gives the list, moved if need be, or NULL. */
static void *grow(void *list, uint32_t count, uint32_t *cap, uint32_t more, size_t each)
{
    uint32_t wanted = *cap > 0 ? *cap : FIRST_ALLOCATION;
    void *grown;

    if (count + more <= *cap)
        return list;
    while (wanted < count + more)
        wanted *= 2;
    grown = realloc(list, wanted * each);
    if (grown != NULL)
        *cap = wanted;
    return grown;
}

static enum ak_code put(struct ak_seal_output *out, const void *data, size_t len,
                        struct ak_error *err)
{
    enum ak_code rc = ak_disk_write(out->fd, data, len, err);

    if (rc != AK_OK)
        return rc;
    ak_sha512_update(&out->sha512, data, len);
    out->bytes += len;
    if (out->bytes - out->synced >= WRITE_OUT_BYTES) {
        ak_disk_sync_range(out->fd, out->synced, out->bytes - out->synced);
        out->synced = out->bytes;
    }
    return AK_OK;
}

enum ak_code ak_seal_output_frame(struct ak_seal_output *out, const void *frame, size_t len,
                                  uint32_t text_bytes, const struct ak_hash *digest,
                                  struct ak_error *err)
{
    struct ak_encode_seek *seek =
        grow(out->seek, out->seek_count, &out->seek_cap, 1, sizeof(*out->seek));
    struct ak_hash mine;

    if (seek == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a seek table");
    out->seek = seek;
    out->seek[out->seek_count++] =
        (struct ak_encode_seek){.bytes = (uint32_t)len, .text = text_bytes};
    if (digest == NULL)
        ak_sha256(&mine, frame, len);
    ak_sha256_update(&out->frames, digest != NULL ? digest->b : mine.b, AK_HASH_BYTES);
    return put(out, frame, len, err);
}

enum ak_code ak_seal_output_block(struct ak_seal_output *out, const struct ak_encode_block *block,
                                  const struct ak_hash *level8, uint32_t level8_count,
                                  struct ak_error *err)
{
    struct ak_encode_block *blocks =
        grow(out->block, out->block_count, &out->block_cap, 1, sizeof(*out->block));
    struct ak_hash *hashes;

    if (blocks != NULL)
        out->block = blocks;
    hashes = grow(out->level8, out->level8_count, &out->level8_cap, level8_count + 1,
                  sizeof(*out->level8));
    if (hashes != NULL)
        out->level8 = hashes;
    if (blocks == NULL || hashes == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a footer");
    out->block[out->block_count] = *block;
    out->block[out->block_count++].offset = out->bytes;
    if (level8_count > 0)
        memcpy(out->level8 + out->level8_count, level8, level8_count * sizeof(*level8));
    out->level8_count += level8_count;
    return AK_OK;
}

static enum ak_code put_footer(struct ak_seal_output *out, uint64_t first,
                               const struct ak_positions *positions, const struct ak_range *range,
                               struct ak_error *err)
{
    struct ak_encode_footer footer = {.first = first,
                                      .block = out->block,
                                      .block_count = out->block_count,
                                      .level8 = out->level8,
                                      .level8_count = out->level8_count,
                                      .position = positions->at,
                                      .sources = positions->count - AK_SOURCE_FIRST,
                                      .range = range};
    struct ak_sink sink = {0};
    enum ak_code rc;

    ak_sha256_final(&out->frames, &out->frames_digest);
    footer.frames = out->frames_digest;
    sink.cap = ak_encode_footer_bytes(&footer);
    sink.data = malloc(sink.cap);
    if (sink.data == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a footer");
    rc = ak_encode_footer(&sink, &footer, err);
    if (rc == AK_OK)
        rc = ak_seal_output_frame(out, sink.data, sink.len, 0, &footer.frames, err);
    free(sink.data);
    return rc;
}

static enum ak_code put_seek_table(struct ak_seal_output *out, struct ak_error *err)
{
    struct ak_sink sink = {.cap = AK_FRAME_HEAD_BYTES + 8 * (size_t)out->seek_count + 9};
    enum ak_code rc;

    sink.data = malloc(sink.cap);
    if (sink.data == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a seek table");
    rc = ak_encode_seek_table(&sink, out->seek, out->seek_count, err);
    if (rc == AK_OK)
        rc = put(out, sink.data, sink.len, err);
    free(sink.data);
    return rc;
}

enum ak_code ak_seal_output_end(struct ak_seal_output *out, uint64_t first,
                                const struct ak_positions *positions, const struct ak_range *range,
                                struct ak_error *err)
{
    enum ak_code rc = put_footer(out, first, positions, range, err);

    if (rc == AK_OK)
        rc = put_seek_table(out, err);
    if (rc == AK_OK)
        rc = ak_disk_sync(out->fd, err);
    return rc;
}
