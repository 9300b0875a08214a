/* erase_block.h - one block without some of its payloads; for erase.c. */
#ifndef AK_ERASE_BLOCK_H
#define AK_ERASE_BLOCK_H

#include "segments.h"

#include <akashi/error.h>
#include <akashi/segment.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory for one block at a time; about 11 MiB. NULL without memory. */
struct ak_erase_block;
struct ak_erase_block *ak_erase_block_new(void);
void ak_erase_block_free(struct ak_erase_block *block);

/* The finished frames: both borrow from the memory. */
struct ak_erase_frames {
    const uint8_t *columns;
    size_t columns_bytes;
    const uint8_t *data;
    size_t data_bytes;
    uint32_t text_bytes;
    struct ak_hash data_digest;
};

/* Makes the block in `reader`, opened, without the payloads of which `gone[position]` is true, and
 * with salts (record keys) instead of the group key wherever `bare[group in the block]` is true.
 * The block that comes out is opened again and compared: its entries have the same hashes. AK_EIO
 * if not: this machine's memory or processor fail. AK_ELIMIT, AK_ENOMEM. */
enum ak_code ak_erase_block_make(struct ak_erase_block *memory,
                                 const struct ak_block_reader *reader, const bool *gone,
                                 const bool *bare, struct ak_erase_frames *frames,
                                 struct ak_error *err);

#endif
