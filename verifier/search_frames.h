/* search_frames.h - the digest over the frames of a file, gathered while its blocks are looked
 * through: `frames` of docs/format.md 6.7, as a manifest (10.2) names it.
 *
 * The happy path: each frame before the FOOTER gets a place, in the order of the file
 * (ak_search_frames_place); its digest is put there when it is known, in any order
 * (ak_search_frames_put); at the end the digest over all of them is asked for. Those in front that
 * are known are worked off at once, so memory does not grow with the file. One thread. */
#ifndef AK_SEARCH_FRAMES_H
#define AK_SEARCH_FRAMES_H

#include <akashi/sha256.h>

#include <stdbool.h>
#include <stdint.h>

/* Places whose digests may be outstanding: three frames (COLUMNS, DATA, NOTE) for each of some
 * thousand blocks, which is more than all threads have under way. */
#define AK_SEARCH_FRAMES_MAX 4096u

struct ak_search_frames {
    struct ak_sha256_ctx ctx;
    uint64_t begin; /* places before it are worked off */
    uint64_t end;   /* and those before this one are given out */
    bool broken;
    struct ak_hash digest[AK_SEARCH_FRAMES_MAX]; /* by place, modulo */
    bool known[AK_SEARCH_FRAMES_MAX];
};

void ak_search_frames_begin(struct ak_search_frames *frames);

/* The next place. Where there is no room the answer will be "no". */
uint64_t ak_search_frames_place(struct ak_search_frames *frames);

/* Says the digest of the frame in a place; once for each. */
void ak_search_frames_put(struct ak_search_frames *frames, uint64_t place,
                          const struct ak_hash *digest);

/* A frame has no digest, or no place: the answer is "no", whatever comes. */
void ak_search_frames_break(struct ak_search_frames *frames);

/* Whether the digest over all frames is this one. */
bool ak_search_frames_are(struct ak_search_frames *frames, const struct ak_hash *wanted);

#endif
