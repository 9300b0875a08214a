/* bundle.h - a part of a log that was handed over, judged by itself (docs/format.md 14).
 *
 * One pass reads every file of the bundle once: what is shown is hashed, folded with the hashes of
 * what is not to one root, and compared with the signed one. Five claims are judged, each by
 * itself. Nothing in a bundle is believed: keys come from the caller, and what is not proven is
 * given as a statement of whoever made the bundle.
 *
 * Memory is bounded whatever the bundle holds: streams, one payload, what declarations say, and a
 * row for each source of the log, some 60 bytes; 11 MiB for a million records of few sources. */
#ifndef AKASHI_BUNDLE_H
#define AKASHI_BUNDLE_H

#include <akashi/check.h>
#include <akashi/checkpoint.h>
#include <akashi/claim.h>
#include <akashi/custody.h>
#include <akashi/entry.h>
#include <akashi/error.h>
#include <akashi/format.h>
#include <akashi/note.h>
#include <akashi/policy.h>
#include <akashi/stamped.h>
#include <akashi/timestamp.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* States of openings (14.5) beyond those of segments. */
#define AK_STATE_REDACTED  16u /* blacked out on export */
#define AK_STATE_PARTS     17u /* parts of it are (format.md 3.4, form 2) */
#define AK_STATE_NOT_ASKED 18u /* stands there to bound others */

/* Time stamps in one bundle. */
#define AK_BUNDLE_STAMPS AK_STAMPED_REPLIES

/* Ranges, events and sources that a result lists; what is more is counted. */
#define AK_BUNDLE_LISTED_MAX 1000u

/* Members of bundle.json that are single texts. */
enum ak_bundle_text {
    AK_BUNDLE_TEXT_ORIGIN,
    AK_BUNDLE_TEXT_LOG_KEY,
    AK_BUNDLE_TEXT_PROGRAM,
    AK_BUNDLE_TEXT_PROGRAM_SHA256,
    AK_BUNDLE_TEXT_CASE,
    AK_BUNDLE_TEXT_EXHIBIT,
    AK_BUNDLE_TEXT_BY,
    AK_BUNDLE_TEXT_REASON,
    AK_BUNDLE_TEXT_SEVERITY, /* this and what follows may lack */
    AK_BUNDLE_TEXT_TLP,
    AK_BUNDLE_TEXT_ON_BEHALF_OF,
    AK_BUNDLE_TEXT_MANDATE
};

#define AK_BUNDLE_TEXTS 12u

/* The member's name in bundle.json. */
const char *ak_bundle_text_name(enum ak_bundle_text text);

enum ak_bundle_what { AK_BUNDLE_INDEX, AK_BUNDLE_TIME, AK_BUNDLE_MATCH };

/* A range that is asked for, or was. Lists are borrowed or owned as the holder says. */
struct ak_bundle_range {
    enum ak_bundle_what what;
    uint64_t first; /* AK_BUNDLE_INDEX: both ends in */
    uint64_t last;
    uint64_t from; /* AK_BUNDLE_TIME, and AK_BUNDLE_MATCH where to > 0: ns, to is out */
    uint64_t to;
    const uint32_t *sources; /* ordinals; NULL with count 0: all */
    size_t source_count;
    const char *const *source_texts; /* as typed: patterns of names or addresses, or numbers */
    size_t source_text_count;
    const char *identity;        /* NULL: not asked */
    bool events;                 /* "and nothing was lost" */
    const char *const *patterns; /* AK_BUNDLE_MATCH: as typed */
    size_t pattern_count;
};

struct ak_bundle_redaction {
    const char *reason;
    const char *what;
};

/* bundle.json as it was read: statements. */
struct ak_bundle_about {
    void *json;                        /* owns the texts */
    const char *text[AK_BUNDLE_TEXTS]; /* NULL: not there */
    uint64_t made;                     /* ns */
    struct ak_bundle_range asked;
    struct ak_bundle_redaction *redaction;
    size_t redaction_count;
};

/* One entry in passing. Nothing is proven before the whole bundle was judged. Everything borrows
 * until the callback returns. */
struct ak_bundle_entry {
    uint64_t index;
    struct ak_entry entry;
    uint8_t state;          /* AK_STATE_... */
    uint16_t redaction;     /* AK_STATE_REDACTED: which */
    bool payload_proven;    /* the payload is what the entry commits to */
    const uint8_t *payload; /* AK_STATE_PRESENT; of AK_STATE_PARTS its text, with U+2588 in place of
                               each part that is withheld; NULL otherwise */
    size_t len;
    uint32_t withheld; /* AK_STATE_PARTS: parts that are not shown */
};

enum ak_bundle_claim_name {
    AK_BUNDLE_AUTHENTIC,
    AK_BUNDLE_COMPLETE,
    AK_BUNDLE_REDACTED,
    AK_BUNDLE_TIMED,
    AK_BUNDLE_CUSTODY
};

#define AK_BUNDLE_CLAIMS 5u

/* "authentic", "complete", "redacted", "time", "custody". */
const char *ak_bundle_claim_word(enum ak_bundle_claim_name name);

struct ak_bundle_claim {
    bool made; /* false: NOT CLAIMED */
    struct ak_claim claim;
};

/* Stretch of indices, both ends in, with what it is about. */
struct ak_bundle_stretch {
    uint64_t first;
    uint64_t last;
    uint32_t number; /* of a redaction, or a state */
    bool covered;    /* of what was erased: an order that is shown says so, */
    bool accepted;   /* one of authorities that the caller accepts */
    bool parts;      /* of what was blacked out: parts of it were, the rest is shown */
};

/* An event (kind 3) in the judged range. */
struct ak_bundle_event {
    uint64_t index;
    uint64_t received;
    char event[40]; /* bytes of the evidence: escape */
    char side[12];
    bool has_count;
    uint64_t count;
};

/* How the claim stands for one source. */
struct ak_bundle_source {
    uint32_t ordinal;
    bool complete;
    uint64_t shown; /* entries of it in the range */
    bool relay;
    char label[128]; /* as declared, escaped; "" if its declaration is not shown */
};

/* How each file is vouched for. */
enum ak_bundle_ledger {
    AK_BUNDLE_FILE_ABSENT,
    AK_BUNDLE_FILE_PROVEN,    /* every byte follows from the signed root */
    AK_BUNDLE_FILE_SIGNED,    /* the checkpoint: its text is signed, other lines are not judged */
    AK_BUNDLE_FILE_DERIVED,   /* made again from what is proven, and equal */
    AK_BUNDLE_FILE_STAMP,     /* a time stamp that counts */
    AK_BUNDLE_FILE_WRITTEN,   /* README.txt: written again by this release, and equal */
    AK_BUNDLE_FILE_STATEMENT, /* the maker's word; its digest is as SHA256SUMS says */
    AK_BUNDLE_FILE_UNCHECKED  /* nothing is said */
};

/* Whether README.txt, with its recipe to be typed, is the text that this release writes for the
 * bundle. No claim: the evidence does not rest on it, and another release writes another text. */
enum ak_bundle_readme_state {
    AK_BUNDLE_README_NONE,         /* there are no files of a bundle */
    AK_BUNDLE_README_NOT_COMPARED, /* what the text follows from could not be read */
    AK_BUNDLE_README_EQUAL,
    AK_BUNDLE_README_DIFFERS
};

struct ak_bundle_result {
    struct ak_bundle_claim claim[AK_BUNDLE_CLAIMS];
    enum ak_verdict verdict; /* the worst of the claims that were made */

    bool has_about;
    struct ak_bundle_about about;
    bool has_checkpoint;
    struct ak_checkpoint checkpoint;
    bool key_given;
    struct ak_vkey key;
    uint32_t epoch;          /* of the checkpoint, where its line was checked */
    unsigned unknown;        /* signature lines of other keys */
    struct ak_quorum quorum; /* where a policy was given */

    struct ak_stamps_judged stamps; /* time stamps in the bundle (format.md 9.4, R47, R48) */

    bool proven;     /* the entries are: signatures and root came out */
    uint64_t pieces; /* stretches of indices that are shown */
    uint64_t entries;
    uint64_t records;   /* received, payload shown and right */
    uint64_t fragments; /* of these, kind 7 */
    uint64_t own;       /* own entries with payload */
    uint64_t redacted;
    uint64_t in_parts;       /* received, parts of the payload shown and right */
    uint64_t parts_withheld; /* of these */
    uint64_t not_asked;
    uint64_t removed; /* erased or expired */
    uint64_t notes;   /* start notes of epochs */
    bool has_time;    /* of `records` and what was redacted */
    uint64_t first_index;
    uint64_t last_index;
    uint64_t first_time;
    uint64_t last_time;
    uint64_t clock_steps; /* clock_run rises between entries that are shown */
    bool has_clock;       /* the newest state entry that is shown says of the clock: */
    bool synchronized;
    uint64_t max_error_us;

    struct ak_bundle_range judged;   /* of claim 2; borrows from `about` or the caller */
    bool expected;                   /* the caller asked for it */
    bool relay;                      /* a source of what is shown is a relay */
    struct ak_bundle_source *source; /* of claim 2 for sources and identities */
    size_t source_count;
    struct ak_bundle_event *event;
    size_t event_count;
    uint64_t events; /* all */
    struct ak_bundle_stretch *redaction;
    size_t redaction_count;
    uint64_t redactions_left_off;
    enum ak_bundle_ledger ledger[32]; /* by enum ak_bundle_name of bundle_files.h */
    enum ak_bundle_readme_state readme;
    uint64_t custody_files;
    struct ak_custody custody; /* the records, judged: part of claim 5 */
    bool archive;              /* the bundle is one file */
    char sums_digest[65];      /* of SHA256SUMS, hexadecimal: what custody records begin with */
};

struct ak_bundle_input {
    const char *path;
    const struct ak_vkey *keys; /* log keys, from a trusted place */
    size_t key_count;
    const struct ak_policy *policy;    /* NULL: no witness is asked for */
    struct ak_tsa *tsa;                /* NULL: time stamps are not judged, but their form is */
    const struct ak_vkey *authorities; /* keys that orders are accepted by, from a trusted place */
    size_t authority_count;
    const struct ak_vkey *custody_keys; /* of custodians; with any, every record must be signed */
    size_t custody_key_count;
    const struct ak_bundle_range *expect; /* NULL: what the bundle says was asked for */
    void *ctx;
    /* or NULL; a code other than AK_OK ends the judgement with it */
    enum ak_code (*on_entry)(void *ctx, const struct ak_bundle_entry *entry, struct ak_error *err);
    void *progress_ctx;
    void (*on_progress)(void *ctx, const struct ak_check_progress *at); /* or NULL */
};

/* Whether `path` looks like a bundle; nothing is judged. */
bool ak_bundle_is_one(const char *path);

/* Judges a bundle. Whatever is wrong with it is in the claims; codes other than AK_OK say that it
 * could not be judged at all: AK_ENOTFOUND, AK_EIO for its path, AK_ENOMEM, or what the callback
 * gave. ak_bundle_result_free frees in any case. */
enum ak_code ak_bundle_judge(const struct ak_bundle_input *input, struct ak_bundle_result *result,
                             struct ak_error *err);
void ak_bundle_result_free(struct ak_bundle_result *result);

#endif
