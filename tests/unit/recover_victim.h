/* recover_victim.h - a log with a newest segment that suffers, for the tests of what a start makes
 * of it (recover.c, recover_damage.c). */
#ifndef RECOVER_VICTIM_H
#define RECOVER_VICTIM_H

#include "life.h"

#include <akashi/format.h>
#include <segments.h>

#define VICTIM_STEPS_MAX  64u
#define VICTIM_FRAMES_MAX 256u

/* The end of a MARK or NOTE in the newest segment, as it was written. */
struct victim_step {
    uint64_t bytes;
    struct ak_range range; /* of a MARK: what is durable then */
    bool note;
    uint64_t size; /* of a NOTE: what it speaks of */
};

/* A log whose newest segment is to suffer. */
struct victim {
    char path[LIFE_PATH_BYTES];
    char dir[2 * LIFE_PATH_BYTES];  /* the log's directory */
    char file[3 * LIFE_PATH_BYTES]; /* the newest segment */
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    uint64_t first;
    struct ak_range begin; /* [0, first) */
    unsigned char *data;
    uint64_t bytes;
    struct victim_step step[VICTIM_STEPS_MAX];
    unsigned steps;
    struct ak_frame frame[VICTIM_FRAMES_MAX];
    unsigned frames;
    uint64_t state; /* size that the keys remember */
    int keys_fd;
    int dir_fd;
};

extern struct victim victim;

/* Fails the test with what an error says. */
void victim_check(enum ak_code rc, const struct ak_error *err);

/* Puts these bytes in the place of the newest segment. */
void victim_put_file(const void *data, size_t len);

/* Reads it into victim.data, and its frames. */
void victim_read_file(void);

/* Seals the segment of these entries, and removes the open one. */
void victim_seal(struct life *life, uint64_t first, uint64_t end, struct ak_sealed *sealed);

/* Segment 0 of init, one of a first process, and the newest one, with what comes in the life of a
 * log; its last two commits are not signed. */
void victim_make(bool sealed);

/* Removes it with all that is in it. */
void victim_away(void);

/* Removes the files that a recovery put aside. */
void victim_remove_torn(void);

/* Whether two ranges have the same bounds and nodes. */
bool victim_range_equal(const struct ak_range *a, const struct ak_range *b);

/* The last step that ends at or before byte `bytes`, of MARKs only or of both; NULL: none. */
const struct victim_step *victim_last_step(uint64_t bytes, bool notes);

/* One recovery of the directory as it is; what comes of it. Memory of `out` is freed. */
enum ak_code victim_recover(struct ak_recovered *out, struct ak_range *whole, struct ak_error *err);

/* The log goes on as a collector would, and is judged before and after. */
void victim_go_on(unsigned before, unsigned after, unsigned remarks);

#endif
