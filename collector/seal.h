/* seal.h - from an open segment to a sealed one (storage-notes 2.3, S1 to S3): every record is
 * checked against the signed root, blocks are made whole and compressed again, footer and seek
 * table are added. The tree is over entries, so no proof changes.
 *
 * The new file appears under its final name whole or not at all, and no name is ever written
 * twice. The open file stays: it is removed (ak_seal_remove) when the manifest that speaks of the
 * sealed one is durable. Any thread, one at a time per log. */
#ifndef AK_SEAL_H
#define AK_SEAL_H

#include "epoch_list.h"
#include "torn.h"

#include <akashi/error.h>
#include <akashi/note.h>
#include <akashi/sha256.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A log whose segments are sealed; everything is borrowed. */
struct ak_seal_log {
    int log_dir_fd;
    int tmp_fd;           /* the store's tmp/ */
    const char *tmp_name; /* name of this log's own in tmp/; ".seal" and ".tail" are added */
    const char *origin;
    struct ak_vkey log_key;
    const struct ak_epoch_list *epochs;
};

/* What a manifest says of a sealed segment (format.md 10.2). */
struct ak_sealed {
    uint64_t first;
    uint64_t end;
    uint32_t generation;
    char file[AK_FILE_NAME_BYTES];
    uint64_t bytes;
    uint64_t open_bytes; /* length of the open file; 0 if there is none any more */
    bool made;           /* now; else it was there before */
    bool ordered;        /* a generation that an order caused: */
    uint64_t order;      /* its index */
    uint64_t old_bytes;  /* and the length of the files that go for it */
    uint8_t sha512[AK_SHA512_BYTES];
    struct ak_hash header;    /* H(HEADER frame) */
    struct ak_hash frames;    /* `frames` of its FOOTER */
    struct ak_hash root;      /* of size end */
    struct ak_hash positions; /* root of the positions at end */
};

struct ak_seal_memory; /* about 20 MiB; reused */
struct ak_seal_memory *ak_seal_memory_new(void);
void ak_seal_memory_free(struct ak_seal_memory *memory);

/* When `*stop` (borrowed) becomes true, what is under way with this memory gives up at the next
 * frame with AK_EBUSY and leaves everything as it was. NULL: never. */
void ak_seal_memory_stop(struct ak_seal_memory *memory, const atomic_bool *stop);

/* Seals the open segment that begins at `first` and holds the entries up to `end`. `copy`: frames
 * are copied as they are, which takes a fifth of the time; small commits then stay small blocks.
 *
 * AK_EINTEGRITY: what it holds is not what was signed, or cannot be read; it is left as it is and
 * `*good` is the byte up to which it came out. AK_ENOTFOUND: the segments before it do not say how
 * far its sources had counted; the text names which. AK_ENOSPC, AK_EIO, AK_ENOMEM: nothing was
 * done, it can be tried again. If the sealed file is there already, that one is described. */
enum ak_code ak_seal(const struct ak_seal_log *log, struct ak_seal_memory *memory, uint64_t first,
                     uint64_t end, bool copy, struct ak_sealed *sealed, uint64_t *good,
                     struct ak_error *err);

/* Takes a file of the log's directory away for good: moved to tmp/, overwritten, removed.
 * AK_ENOTFOUND if there is none of that name. */
enum ak_code ak_seal_wipe(const struct ak_seal_log *log, const char *name, struct ak_error *err);

/* The same for the open file of a sealed segment; it is no fault if there is none. */
enum ak_code ak_seal_remove(const struct ak_seal_log *log, uint64_t first, struct ak_error *err);

/* What a start finds: called for each segment that is open and closed for writing (`sealed` NULL:
 * it waits to be sealed), and for each that is sealed but of which no manifest speaks yet. Open
 * files whose manifest is found are removed on the way; `*removed` becomes the sum of their bytes.
 * `size` is where this process began. */
typedef void (*ak_seal_find_fn)(void *ctx, uint64_t first, uint64_t end,
                                const struct ak_sealed *sealed);
enum ak_code ak_seal_find(const struct ak_seal_log *log, struct ak_seal_memory *memory,
                          uint64_t size, ak_seal_find_fn on_found, void *ctx, uint64_t *removed,
                          struct ak_error *err);

#endif
