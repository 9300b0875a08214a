/* batch.h - the records of one log on their way from the loop to stable storage.
 *
 * A batch is one block of docs/format.md (6.1): at most AK_BATCH_ENTRIES_MAX entries and
 * AK_BATCH_TEXT_MAX bytes of text. The loop fills it, closes it (indices, sequence numbers and
 * times are known then), the pool prepares it (hashes, columns, compression) in any order, and
 * commits are made from prepared batches in the log's order.
 *
 *   FREE -> FILLING (loop) -> PREPARING (pool) -> READY (loop) -> COMMITTING (pool)
 *        -> RELEASING (loop) -> FREE
 *
 * Only the stage that owns a batch touches it, so there are no locks in it. */
#ifndef AK_BATCH_H
#define AK_BATCH_H

#include <akashi/error.h>
#include <akashi/sha256.h>
#include <akashi/tree.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AK_BATCH_ENTRIES_MAX 8192u
#define AK_BATCH_TEXT_MAX    1048576u /* payloads and one LF behind each: format.md 11 */
#define AK_BATCH_RUNS_MAX    2048u    /* a batch closes when its table of reads is full */
#define AK_BATCH_PAD         64u /* readable bytes before and behind the text, for wide loads */
#define AK_BATCH_GROUPS_MAX  (AK_BATCH_ENTRIES_MAX / 256u + 2u)

enum ak_batch_state {
    AK_BATCH_FREE,
    AK_BATCH_FILLING,
    AK_BATCH_PREPARING,
    AK_BATCH_READY,
    AK_BATCH_COMMITTING,
    AK_BATCH_RELEASING
};

/* Neighbouring entries of one read of one source: equal kind, source, clock_run and received. */
struct ak_run {
    uint64_t received; /* ns, a multiple of 1000 */
    uint64_t seq;      /* source_seq of the first entry; the others follow without hole */
    uint32_t source;   /* ordinal; for own entries the kind */
    uint32_t count;    /* entries, at least 1 */
    uint16_t clock_run;
    uint8_t kind;       /* format.md 3.1 */
    void *ack;          /* who is told when the batch is durable; NULL: nobody waits. Loop only */
    uint64_t ack_first; /* first transaction number to acknowledge; the loop's own meaning */
};

struct ak_batch {
    enum ak_batch_state state;
    struct ak_batch *next; /* in the list of whoever owns it */
    void *log;             /* the log's runtime object; loop only */

    /* Filled by the loop. */
    unsigned char *text_memory; /* AK_BATCH_PAD + AK_BATCH_TEXT_MAX + AK_BATCH_PAD bytes */
    unsigned char *text;        /* text_memory + AK_BATCH_PAD: payload LF payload LF ... */
    uint32_t used;              /* bytes of text, LFs included */
    uint32_t count;             /* entries */
    uint32_t run_count;
    uint32_t off[AK_BATCH_ENTRIES_MAX + 1]; /* start of each payload; off[count] = used */
    struct ak_run run[AK_BATCH_RUNS_MAX];
    bool waited_for; /* somebody waits for an acknowledgement */
    int level;       /* zstd level to use: 1 when a batch waits behind another, else 3 */

    /* Given when the loop closes it. */
    uint64_t first;   /* index of its first entry */
    uint8_t form;     /* AK_FORM_...: how its entries commit to their payloads */
    bool new_segment; /* the commit opens a new segment in front of this batch */
    uint8_t group_key[AK_BATCH_GROUPS_MAX][32]; /* G of each group touched, in order (3.4) */

    /* Made by ak_prepare. */
    unsigned char *frames; /* COLUMNS frame, then DATA frame, ready to be written */
    size_t frames_cap;
    size_t columns_bytes;             /* length of the COLUMNS frame with its frame header */
    size_t data_bytes;                /* length of the DATA frame */
    struct ak_hash data_digest;       /* H(DATA frame) */
    struct ak_sha256_ctx columns_ctx; /* over the COLUMNS frame up to its level-8 hashes, which are
                                         its end */
    struct ak_range range;            /* compact range [first, first + count) */
    struct ak_hash level8[AK_BATCH_GROUPS_MAX]; /* hashes of the groups completed here; the first
                                    one is made by the commit when the group began earlier */
    uint32_t level8_count;
    bool level8_first_open; /* level8[0] must be patched by the commit */
    bool prepared;          /* ak_prepare was run on what is in it */
    enum ak_code rc;        /* how prepare ended */
    struct ak_error err;
};

/* Memory of one batch; NULL when there is none. Owned by the caller. */
struct ak_batch *ak_batch_new(void);

/* Frees a batch in any state; NULL is allowed. */
void ak_batch_free(struct ak_batch *batch);

/* Makes a batch empty and FILLING, for `log`; of form 1, until its owner chooses another. */
void ak_batch_begin(struct ak_batch *batch, void *log);

/* True if a payload of `len` bytes (and a run of its own) still fits. */
bool ak_batch_fits(const struct ak_batch *batch, size_t len);

/* Copies one payload into the batch (the one copy that a record sees) and counts it in a run with
 * the given head; it joins the last run if kind, source, clock_run, received and `ack` are the
 * same and `seq` follows. The caller has asked ak_batch_fits before. `run` gives kind, source,
 * seq, clock_run, received, ack and ack_first of this entry; its count is ignored. */
void ak_batch_add(struct ak_batch *batch, const struct ak_run *run, const void *payload,
                  size_t len);

#endif
