/* positions.h - how far each source of a log has counted, at one size of the log (format.md 6.7,
 * 10.4): from a FOOTER, carried on through the columns of blocks. */
#ifndef AK_POSITIONS_H
#define AK_POSITIONS_H

#include <akashi/error.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <stdint.h>

struct ak_columns;

/* Position of one ordinal (format.md 6.7). */
struct ak_position {
    uint64_t next_seq;
    uint64_t last_index;
    uint64_t last_received;
    uint64_t declared; /* index of its declaration */
};

struct ak_positions {
    struct ak_position *at; /* `count` of them; freed by ak_positions_free */
    uint32_t count;         /* 256 + declared sources */
    uint32_t cap;
    uint64_t size; /* entries that were taken in */
    uint16_t clock_run;
    uint64_t received; /* both of the last entry */
};

/* Positions of the empty log. AK_ENOMEM. */
enum ak_code ak_positions_init(struct ak_positions *positions, struct ak_error *err);
void ak_positions_free(struct ak_positions *positions);

/* Takes in the entries of a block with an index below `limit`; they must go on from `size`. Between
 * ak_positions_skip and here numbers may jump: the block says where they are. AK_ELIMIT for more
 * sources than a log may have. */
enum ak_code ak_positions_take(struct ak_positions *positions, const struct ak_columns *columns,
                               uint64_t limit, struct ak_error *err);

/* Entries up to `size` could not be read. */
void ak_positions_skip(struct ak_positions *positions, uint64_t size);

/* Makes room for `count` ordinals in all; the new ones have counted nothing. */
enum ak_code ak_positions_declare(struct ak_positions *positions, uint32_t count,
                                  struct ak_error *err);

/* Leaf hash of one position (10.4), and the root over all. */
void ak_position_leaf(struct ak_hash *leaf, uint32_t ordinal, const struct ak_position *position);
void ak_positions_root(const struct ak_positions *positions, struct ak_hash *root);

#endif
