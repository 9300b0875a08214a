/* search_frames.c - digests that come in any order, taken in the order of the frames. */
#include "search_frames.h"

#include <assert.h>
#include <string.h>

void ak_search_frames_begin(struct ak_search_frames *frames)
{
    ak_sha256_init(&frames->ctx);
    frames->begin = 0;
    frames->end = 0;
    frames->broken = false;
}

uint64_t ak_search_frames_place(struct ak_search_frames *frames)
{
    uint64_t place = frames->end;

    if (place - frames->begin == AK_SEARCH_FRAMES_MAX) {
        frames->broken = true;
        return place;
    }
    frames->known[place % AK_SEARCH_FRAMES_MAX] = false;
    frames->end++;
    return place;
}

void ak_search_frames_put(struct ak_search_frames *frames, uint64_t place,
                          const struct ak_hash *digest)
{
    if (frames->broken)
        return;
    assert(place >= frames->begin && place < frames->end);
    frames->digest[place % AK_SEARCH_FRAMES_MAX] = *digest;
    frames->known[place % AK_SEARCH_FRAMES_MAX] = true;
    while (frames->begin < frames->end && frames->known[frames->begin % AK_SEARCH_FRAMES_MAX])
        ak_sha256_update(&frames->ctx, frames->digest[frames->begin++ % AK_SEARCH_FRAMES_MAX].b,
                         AK_HASH_BYTES);
}

void ak_search_frames_break(struct ak_search_frames *frames)
{
    frames->broken = true;
}

bool ak_search_frames_are(struct ak_search_frames *frames, const struct ak_hash *wanted)
{
    struct ak_hash digest;

    if (frames->broken || frames->begin < frames->end)
        return false;
    ak_sha256_final(&frames->ctx, &digest);
    return ak_hash_equal(&digest, wanted);
}
