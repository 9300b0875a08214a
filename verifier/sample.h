/* sample.h - a sample of one log under way: drawn entries with what proves them, where the nonce
 * was committed, and what became of each record. Private to akashi-verify; the arithmetic is in
 * akashi/sample.h. */
#ifndef AK_SAMPLE_H
#define AK_SAMPLE_H

#include <akashi/checkpoint.h>
#include <akashi/claim.h>
#include <akashi/entry.h>
#include <akashi/log_tree.h>
#include <akashi/note.h>
#include <akashi/sample.h>
#include <akashi/tree.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Audits of a log that are kept one by one; what is more is counted. */
#define AK_SAMPLE_AUDITS_MAX 4096u

/* Failures that are kept with their text; a sheet of one page shows fewer. */
#define AK_SAMPLE_CLAIMS_MAX 16u

/* ---- One entry with what proves it (sample_item.c; format.md 16.4) ---- */

enum ak_sample_state {
    AK_SAMPLE_SHOWN,  /* entry, salt and payload */
    AK_SAMPLE_ABSENT, /* the entry alone: payload and salt are not there any more */
    AK_SAMPLE_MISSING /* nothing */
};

/* Everything owned (malloc'ed). */
struct ak_sample_item {
    uint64_t index;
    enum ak_sample_state state;
    unsigned path_count; /* inclusion in the tree of the anchor */
    struct ak_hash path[AK_PROOF_HASHES_MAX];
    char *proof; /* SHOWN: tlog-proof@v1, under a checkpoint of the entry's own epoch */
    size_t proof_len;
    uint8_t *note; /* SHOWN: start note of that epoch */
    size_t note_len;
    uint8_t *payload; /* SHOWN */
    size_t payload_len;
    uint8_t entry[AK_ENTRY_BYTES]; /* ABSENT */
    bool expired;                  /* ABSENT: out of a store: not erased */
    struct ak_claim why;           /* MISSING, ABSENT: why a store could not give it, if that is
                                      known; ERASED: by an accepted order */
};

/* The checkpoint that a sample is of: everything drawn must lead to its root. */
struct ak_sample_anchor {
    struct ak_vkey key; /* of the log, from a trusted place */
    struct ak_checkpoint checkpoint;
    char *note; /* the signed note; owned */
    size_t note_len;
};

struct ak_sample_judged {
    struct ak_claim claim; /* VALID: proven, payload and all */
    bool proven;           /* the entry stands there, whatever is with its payload */
    struct ak_entry entry; /* if proven */
    struct ak_hash leaf;
};

/* Takes one entry out of a log. AK_OK also for one that is not there. */
enum ak_code ak_sample_item_make(struct ak_log_tree *tree, uint64_t index,
                                 const struct ak_sample_anchor *anchor, struct ak_sample_item *item,
                                 struct ak_error *err);
void ak_sample_item_free(struct ak_sample_item *item);

void ak_sample_item_judge(const struct ak_sample_item *item, const struct ak_sample_anchor *anchor,
                          struct ak_sample_judged *judged);

/* Root of the tree whose last leaf is `index`, out of the inclusion proof in a larger one. */
void ak_sample_root_at(uint64_t index, uint64_t size, const struct ak_hash *leaf,
                       const struct ak_hash *path, unsigned count, struct ak_hash *root);

/* Reads a checkpoint and its log key's line; the key is found by its name. The claim says what is
 * wrong. `note` is copied. */
enum ak_code ak_sample_anchor_read(struct ak_sample_anchor *anchor, const void *note, size_t len,
                                   const struct ak_vkey *keys, size_t key_count,
                                   struct ak_claim *claim, struct ak_error *err);

/* The newest checkpoint of a log that its epoch's key has signed too. */
enum ak_code ak_sample_anchor_newest(struct ak_sample_anchor *anchor, struct ak_log_tree *tree,
                                     const struct ak_vkey *keys, size_t key_count,
                                     struct ak_claim *claim, struct ak_error *err);
void ak_sample_anchor_free(struct ak_sample_anchor *anchor);

/* ---- Commitments to nonces in a log (sample_audit.c; format.md 10.3, 16.3) ---- */

/* What an event `audit` or `audit-opened` says. */
struct ak_sample_event {
    bool opened; /* `audit-opened`: the nonce is there */
    struct ak_hash commitment;
    bool has_range;
    uint64_t first;
    uint64_t end;
    bool has_population;
    struct ak_hash population; /* SHA-256 of a file of lines */
};

/* False if the payload is no such event. */
bool ak_sample_event_read(struct ak_sample_event *event, const void *payload, size_t len);

struct ak_sample_audit {
    uint64_t index;
    uint64_t received;
    struct ak_sample_event event;
    uint64_t opened_at; /* index of the event that opened it; UINT64_MAX: none did */
    uint64_t before;    /* index of the last state entry before it; UINT64_MAX: there is none */
    uint64_t state;     /* index of the first state entry behind it; UINT64_MAX: none yet */
};

/* What one pass over a log shows: commitments, and which indices a time means. */
struct ak_sample_scan {
    struct ak_sample_audit *audit;
    size_t count;
    size_t room;
    uint64_t left_off;
    uint64_t entries;  /* read */
    uint64_t hidden;   /* events whose numbers are missing: they could not be read */
    uint64_t from, to; /* asked: `received`, from in, to out */
    uint64_t first;    /* least index in that time; first >= end: none */
    uint64_t end;
    uint64_t next_event; /* number of the next event */
    size_t waiting;      /* audits before this one have their state */
    bool has_state;
    uint64_t last_state; /* index of the newest state entry that was read */
};

enum ak_code ak_sample_scan_log(struct ak_sample_scan *scan, const char *path,
                                struct ak_error *err);
void ak_sample_scan_free(struct ak_sample_scan *scan);

/* The first commitment to this; NULL if there is none. */
const struct ak_sample_audit *ak_sample_scan_find(const struct ak_sample_scan *scan,
                                                  const struct ak_hash *commitment);

/* The three entries that show where the head of a committed draw is: the audit, the first state
 * entry behind it, and the state entry before that (none where it is the log's first). */
struct ak_sample_head {
    struct ak_sample_item audit;
    struct ak_sample_item state;
    bool has_before;
    struct ak_sample_item before;
};

/* What they show. */
struct ak_sample_commit {
    struct ak_claim claim; /* VALID: it holds */
    uint64_t audit;
    uint64_t received; /* of the audit */
    struct ak_sample_event event;
    uint64_t size; /* the head */
    struct ak_hash root;
};

enum ak_code ak_sample_head_make(struct ak_log_tree *tree, const struct ak_sample_anchor *anchor,
                                 const struct ak_sample_audit *audit, struct ak_sample_head *head,
                                 struct ak_error *err);
void ak_sample_head_free(struct ak_sample_head *head);

/* Judges them for a commitment. */
void ak_sample_head_judge(const struct ak_sample_head *head, const struct ak_sample_anchor *anchor,
                          const struct ak_hash *commitment, struct ak_sample_commit *commit);

/* ---- The draw with what became of it (sample_rows.c) ---- */

enum ak_sample_class {
    AK_SAMPLE_RECORD, /* counts: a record or fragment, or what could not be shown to be none */
    AK_SAMPLE_OWN,    /* an entry of the log's own: no record, drawn on */
    AK_SAMPLE_OTHER   /* a record outside of --source, --from or --to: drawn on */
};

enum ak_sample_finding { AK_SAMPLE_UNJUDGED, AK_SAMPLE_GOOD, AK_SAMPLE_DEVIATION };

struct ak_sample_row {
    uint64_t index;
    uint64_t received; /* if proven, as are source and kind */
    char *note;        /* the auditor's; owned; NULL: none */
    uint32_t source;
    uint8_t kind;
    uint8_t class;
    uint8_t state;
    uint8_t verdict; /* of its proof */
    uint8_t code;    /* enum ak_finding_code, unless it is shown and proven */
    uint8_t finding;
    bool proven;
};

/* Whether a record is proven and shown; every other one deviates. */
static inline bool ak_sample_row_shown(const struct ak_sample_row *row)
{
    return row->verdict == AK_VALID && row->state == AK_SAMPLE_SHOWN;
}

/* Which records count. */
struct ak_sample_filter {
    const uint32_t *sources; /* NULL: all */
    size_t source_count;
    uint64_t from; /* `received`, from in, to out */
    uint64_t to;
};

struct ak_sample_rows {
    struct ak_sample_row *row; /* in the order of the draw */
    size_t count;
    size_t room;
    uint64_t records;
    uint64_t own;
    uint64_t other;
    uint64_t valid;   /* records that are proven and shown */
    uint64_t absent;  /* proven, their payloads not there */
    uint64_t erased;  /* of these: taken out by an accepted order */
    uint64_t missing; /* not there at all */
    uint64_t failed;  /* what was given does not prove them */
    bool exhausted;   /* all of the range was drawn */
    struct ak_claim claims[AK_SAMPLE_CLAIMS_MAX];
    uint64_t claim_index[AK_SAMPLE_CLAIMS_MAX];
    size_t claim_count;
};

/* Gives the item of an index; freed by the caller. */
typedef enum ak_code (*ak_sample_item_fn)(void *ctx, uint64_t index, struct ak_sample_item *item,
                                          struct ak_error *err);

/* Is shown each record that counts, in the order of the draw. */
typedef enum ak_code (*ak_sample_row_fn)(void *ctx, const struct ak_sample_row *row,
                                         const struct ak_sample_item *item, struct ak_error *err);

/* Draws until `wanted` records were found or the range is exhausted. `on_row` may be NULL. */
enum ak_code ak_sample_rows_draw(struct ak_sample_rows *rows, const struct ak_hash *seed,
                                 uint64_t first, uint64_t end, uint64_t wanted,
                                 const struct ak_sample_filter *filter,
                                 const struct ak_sample_anchor *anchor, ak_sample_item_fn get,
                                 ak_sample_row_fn on_row, void *ctx, struct ak_error *err);
void ak_sample_rows_free(struct ak_sample_rows *rows);

#endif
