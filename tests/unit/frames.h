/* frames.h - divides a stream in many ways, for the tests and fuzz targets of the framers: however
 * reads cut it and however often the consumer stops, the same frames must come out. */
#ifndef AK_TEST_FRAMES_H
#define AK_TEST_FRAMES_H

#include "frame_relp.h"
#include "frame_syslog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frames_setup {
    bool relp;
    enum ak_framing framing;
    size_t limit;
};

/* How reads cut the stream. Each read lies in memory of its own, which is freed behind it. */
struct frames_cuts {
    size_t first;   /* bytes of the first read; 0: as the others */
    size_t every;   /* bytes of each further read; 0: all that is left */
    uint32_t seed;  /* not 0: pseudo-random sizes of 1 to `every` instead */
    bool hold_back; /* the consumer stops at each frame; the rest is handed in again elsewhere */
};

struct frames_item {
    struct ak_frame frame; /* its data is `copy` */
    uint8_t *copy;
};

struct frames {
    struct frames_item *item;
    size_t count;
    enum ak_framing framing; /* as decided in the end, and the trailer */
    int trailer;
};

/* Divides `len` bytes, the end of the connection included. Stops the program on any breach of the
 * framer's contract. */
void frames_divide(const struct frames_setup *setup, const uint8_t *in, size_t len,
                   const struct frames_cuts *cuts, struct frames *out);
void frames_free(struct frames *frames);

/* NULL, or how they differ. Of errors the reason counts, and that one shows the beginning of what
 * the other one shows. */
const char *frames_differ(const struct frames *a, const struct frames *b);

/* NULL, or what is wrong: every byte of the stream must be in one of the frames, or be framing. */
const char *frames_account(const struct frames_setup *setup, const struct frames *frames,
                           const uint8_t *in, size_t len);

/* "R(data) C9(da) U(da) Ereason ", bytes beyond ASCII and controls as \xHH; RELP has "NNN" and the
 * command's first letter in front of the bracket. malloc'ed. */
char *frames_text(const struct frames_setup *setup, const struct frames *frames);

#endif
