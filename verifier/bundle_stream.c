/* bundle_stream.c - one file of a bundle from its beginning to its end, hashed on the way. */
#include "bundle_files.h"

#include "store_list.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum ak_code ak_bundle_stream_open(struct ak_bundle_stream *s, const struct ak_bundle_files *files,
                                   enum ak_bundle_name name, struct ak_error *err)
{
    const struct ak_bundle_part *part = &files->part[name];

    memset(s, 0, sizeof(*s));
    s->name = ak_bundle_file_name(name);
    s->fd = part->fd;
    s->offset = part->offset;
    s->left = part->bytes;
    ak_sha256_init(&s->sha);
    s->buffer = malloc(AK_BUNDLE_BUFFER_BYTES);
    return s->buffer == NULL ? ak_fail(err, AK_ENOMEM, "no memory to read %s", s->name) : AK_OK;
}

void ak_bundle_stream_close(struct ak_bundle_stream *s)
{
    free(s->buffer);
    s->buffer = NULL;
}

/* Moves what is left to the front and reads on as far as there is room. */
static enum ak_code fill(struct ak_bundle_stream *s, struct ak_error *err)
{
    size_t room;
    ssize_t n;

    memmove(s->buffer, s->buffer + s->at, s->have - s->at);
    s->have -= s->at;
    s->at = 0;
    room = AK_BUNDLE_BUFFER_BYTES - s->have;
    if (room > s->left)
        room = (size_t)s->left;
    if (room == 0)
        return AK_OK;
    n = ak_list_pread(s->fd, s->buffer + s->have, room, s->offset);
    if (n < 0)
        return ak_fail_errno(err, errno, "read %s", s->name);
    if ((size_t)n < room)
        return ak_fail(err, AK_EIO, "%s has become shorter", s->name);
    ak_sha256_update(&s->sha, s->buffer + s->have, room);
    s->have += room;
    s->offset += room;
    s->left -= room;
    return AK_OK;
}

bool ak_bundle_stream_ended(const struct ak_bundle_stream *s)
{
    return s->at == s->have && s->left == 0;
}

enum ak_code ak_bundle_stream_take(struct ak_bundle_stream *s, size_t n, const uint8_t **out,
                                   struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    assert(n <= AK_BUNDLE_BUFFER_BYTES);
    if (s->have - s->at < n)
        rc = fill(s, err);
    if (rc == AK_OK && s->have - s->at < n)
        rc = ak_fail(err, AK_EMALFORMED, "%s ends too early", s->name);
    if (rc != AK_OK)
        return rc;
    *out = s->buffer + s->at;
    s->at += n;
    return AK_OK;
}

enum ak_code ak_bundle_stream_copy(struct ak_bundle_stream *s, void *out, size_t n,
                                   struct ak_error *err)
{
    uint8_t *to = out;
    const uint8_t *from;

    while (n > 0) {
        size_t some = n < AK_BUNDLE_BUFFER_BYTES ? n : AK_BUNDLE_BUFFER_BYTES;
        enum ak_code rc = ak_bundle_stream_take(s, some, &from, err);
        if (rc != AK_OK)
            return rc;
        memcpy(to, from, some);
        to += some;
        n -= some;
    }
    return AK_OK;
}

enum ak_code ak_bundle_stream_line(struct ak_bundle_stream *s, size_t max, struct ak_text *line,
                                   struct ak_error *err)
{
    const uint8_t *end;
    enum ak_code rc = AK_OK;

    assert(max < AK_BUNDLE_BUFFER_BYTES);
    if (s->have - s->at <= max)
        rc = fill(s, err);
    if (rc != AK_OK)
        return rc;
    end = memchr(s->buffer + s->at, '\n', s->have - s->at);
    if (end == NULL || (size_t)(end - s->buffer) - s->at > max)
        return ak_fail(err, AK_EMALFORMED, "%s has a line that is too long or not ended", s->name);
    line->p = (const char *)s->buffer + s->at;
    line->len = (size_t)(end - s->buffer) - s->at;
    s->at += line->len + 1;
    return AK_OK;
}

enum ak_code ak_bundle_stream_some(struct ak_bundle_stream *s, const uint8_t **out, size_t *n,
                                   struct ak_error *err)
{
    enum ak_code rc = s->at == s->have ? fill(s, err) : AK_OK;

    *out = s->buffer + s->at;
    *n = s->have - s->at;
    return rc;
}

void ak_bundle_stream_skip(struct ak_bundle_stream *s, size_t n)
{
    assert(n <= s->have - s->at);
    s->at += n;
}

enum ak_code ak_bundle_stream_digest(struct ak_bundle_stream *s, struct ak_hash *digest,
                                     struct ak_error *err)
{
    struct ak_sha256_ctx sha;
    enum ak_code rc = AK_OK;

    while (rc == AK_OK && s->left > 0) {
        s->at = s->have;
        rc = fill(s, err);
    }
    s->at = s->have;
    sha = s->sha;
    if (rc == AK_OK)
        ak_sha256_final(&sha, digest);
    return rc;
}
