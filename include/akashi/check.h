/* check.h - the judgement of stores, logs, segments and checkpoints by docs/format.md.
 *
 * ak_check_run reads every byte of every segment of what it is given, proves entries by signed
 * roots, and says what it found. Nothing in the evidence is believed: keys come from the caller.
 *
 * Happy path: for each log the files are listed, their blocks decoded by worker threads, and one
 * thread joins the results in order: numbering, positions, tree, checkpoints. What a signed root
 * covers is proven. On damage the aligned groups of 256 entries are judged one by one, and reading
 * goes on behind it.
 *
 * Failure modes: what is wrong with the evidence is a finding, never a code. A code other than
 * AK_OK means that the check itself could not be done: no memory, no threads, a path that does not
 * exist, an unreadable key. Memory is bounded by named constants whatever the evidence holds. */
#ifndef AKASHI_CHECK_H
#define AKASHI_CHECK_H

#include <akashi/error.h>
#include <akashi/finding.h>
#include <akashi/format.h>
#include <akashi/note.h>
#include <akashi/policy.h>
#include <akashi/sha256.h>
#include <akashi/timestamp.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Findings of one log that are kept with their place; the rest is counted by code. A report that
 * lists more helps nobody, and a hostile store must not fill the memory. */
#define AK_CHECK_FINDINGS_MAX 1000u

/* Proven ranges of one log that are kept; neighbours are joined, the rest is counted. */
#define AK_CHECK_RANGES_MAX 1024u

/* Threads that decode. */
#define AK_CHECK_JOBS_MAX 64u

/* A checkpoint that somebody kept from before, outside of the evidence. */
struct ak_check_kept {
    const void *note; /* the whole signed note; borrowed for the call */
    size_t len;
    const char *name; /* what to call it in findings, e.g. its path; borrowed */
};

enum ak_check_kind {
    AK_CHECK_LOG,       /* a log's directory, alone or in a store */
    AK_CHECK_SEGMENT,   /* one segment alone */
    AK_CHECK_CHECKPOINT /* one signed checkpoint alone */
};

/* Indices [begin, end). */
struct ak_check_range {
    uint64_t begin;
    uint64_t end;
};

/* Entries below `size` existed by this time. */
struct ak_check_bound {
    uint64_t size;
    uint64_t existed_by; /* seconds since 1970 */
};

/* Entries behind `index` were logged after this time. */
struct ak_check_anchor {
    uint64_t index; /* of the anchor's entry */
    uint64_t after; /* seconds since 1970 */
};

/* What the renewal of the largest size that counts shows, and stamps under any that counts. */
struct ak_check_renewed {
    uint64_t size;     /* entries that the log had then */
    uint64_t by;       /* what its list names existed by then; seconds since 1970 */
    uint64_t files;    /* in its list, and here as they were */
    uint64_t replaced; /* in its list, and replaced by a later generation since */
    uint64_t in_time;  /* stamps that count, renewed before their signers' certificates ended */
    uint64_t late;     /* and after */
};

/* Anchors of one log that are kept: an hour apart this is seven years, and a later one is only
 * needed for what is behind it. */
#define AK_CHECK_ANCHORS_MAX 65536u

/* A payload that was kept. */
struct ak_check_told {
    uint64_t index;
    char *payload; /* NUL-terminated behind `len` */
    size_t len;
};

/* What was found out about one log. Owned by the ak_check. Texts and names may hold bytes of the
 * evidence: escape them before showing. */
struct ak_check_log {
    enum ak_check_kind kind;
    char *path; /* of the directory or file that was judged */
    char *name; /* the operator's word for it from the store's `names`, or "" */
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1]; /* "" if not known */
    char id[AK_LOG_ID_CHARS + 1];             /* "" if not known */
    bool exercise;                            /* the origin begins with "exercise." */
    bool key_given;                           /* a key of that origin was given, it is `key` */
    struct ak_vkey key;

    enum ak_verdict verdict; /* the worst of all findings, kept or not */
    struct ak_finding *findings;
    size_t finding_count;
    uint64_t findings_left_off;
    uint64_t code_counts[AK_FINDING_CODES]; /* all findings, also those left off */

    uint64_t segments;   /* files that count */
    uint64_t files;      /* segment files read, also duplicates */
    uint64_t bytes_read; /* of segments */
    uint64_t first;      /* index of the first entry that a segment here holds or would hold */
    uint64_t size;       /* index behind the last committed entry that was found */
    uint64_t entries;    /* decoded */
    uint64_t records;    /* entries of kinds 0 and 7 that are proven */
    uint64_t fragments;  /* of these, kind 7 */
    uint64_t events;     /* kind 3, proven */
    uint64_t sources;    /* declared */
    bool has_time;
    uint64_t first_time; /* `received` of the first and the last proven entry, ns */
    uint64_t last_time;

    struct ak_check_range *ranges; /* proven entries, rising, disjoint, not touching */
    size_t range_count;
    uint64_t ranges_left_off;
    uint64_t proven;        /* entries in all of them, also those left off */
    uint64_t proven_prefix; /* entries from `first` on that are proven without a hole */
    uint64_t tail_entries;  /* committed, not yet under a checkpoint */
    uint64_t tail_bytes;    /* behind the last good MARK */

    bool has_checkpoint; /* the newest checkpoint whose root came out */
    uint64_t checkpoint_size;
    struct ak_hash checkpoint_root;
    char *checkpoint_note; /* the signed note itself: what --save-checkpoint writes */
    size_t checkpoint_len;
    char *quorum;            /* name of the quorum that the policy demands; NULL: none is */
    char *witnessed_by;      /* who has cosigned that, by their names in the policy, joined by line
                                feeds; NULL: nobody */
    uint64_t witnessed_size; /* size of the largest proven checkpoint that meets it; 0: none */
    uint64_t existed_by;     /* when it was met: what it covers existed then; seconds since 1970, by
                                the witnesses' clocks */
    uint64_t stamps;         /* time-stamp replies that lie beside the log */
    uint64_t stamps_counted; /* of these: good, by an authority given, over a root that came out */
    struct ak_check_bound *bounds; /* what they show: sizes and times rise */
    size_t bound_count;
    struct ak_check_anchor *anchors; /* that are proven and count: indices and times rise */
    size_t anchor_count;
    char stamped_by[AK_TSA_NAME_BYTES]; /* who signed the one with the largest size, or "" */
    uint64_t renewals;                  /* lists of renewals that lie beside the log */
    uint64_t renewals_counted;          /* of these: stamped, and what they name is as it was */
    struct ak_check_renewed renewed;
    char renewed_by[AK_TSA_NAME_BYTES]; /* who stamped that one, or "" */
    char *succession; /* payload of the event with which a successor begins, if it is proven; NULL:
                         this log goes on from none (format.md 10.7) */
    size_t succession_len;
    struct ak_check_told *succession_more; /* further ones of this log, proven */
    unsigned succession_count;             /* of them */
    bool has_copied;       /* what was asked by copied_at or copied_size was found: */
    uint32_t copied_epoch; /* the epoch whose key was there at the copy, as the log tells, */
    uint64_t copied_start; /* and the index at which it begins */
    bool kept_used; /* a kept checkpoint of this log was compared: a cut would have been noticed */
};

struct ak_check_progress {
    uint64_t bytes_done;  /* of segments, over all logs */
    uint64_t bytes_total; /* as listed; may fall short while a collector writes */
    uint64_t entries;     /* decoded so far */
};

struct ak_check_options {
    const struct ak_vkey *keys; /* log keys, from a trusted place; each is used for the log that is
                                   named as it is. Borrowed for the call */
    size_t key_count;
    const struct ak_policy *policy; /* which witnesses must have cosigned what proves (R43); NULL:
                                       none. Its logs' keys are the caller's to put into `keys` */
    struct ak_tsa *tsa; /* whose time stamps count (R48), from a trusted place; NULL: nobody's */
    const struct ak_vkey *authorities; /* authority keys that are accepted, from a trusted place
                                          (format.md R41). Borrowed for the call */
    size_t authority_count;
    const struct ak_check_kept *kept; /* checkpoints from before; one that fits no log is a finding
                                         of the whole (ak_check_run fails with AK_EUSAGE) */
    size_t kept_count;
    const char *const *logs; /* names or ids of the logs of stores to look at; NULL: all */
    size_t log_count;
    uint64_t now;       /* the caller's clock, ns since 1970; 0: not known, no FUTURE, no max_age */
    uint64_t max_age;   /* ns; 0: not asked. The newest proven entry must not be older: STALE */
    uint64_t until;     /* ns; 0: not asked. There must be a proven entry at or behind it: STALE */
    uint64_t copied_at; /* ns; 0: not asked. Everything on the machine was copied then: cosignatures
                           behind it do not count, and the epoch of then is looked for */
    uint64_t copied_size; /* the same, when the log had so many entries; 0: not asked */
    unsigned jobs;        /* decoding threads; 0 and 1: none beside the caller's */
    void *ctx;            /* for the callbacks; both run in the caller's thread */
    void (*on_progress)(void *ctx, const struct ak_check_progress *progress); /* or NULL */
    void (*on_finding)(
        void *ctx, const struct ak_check_log *log,
        const struct ak_finding *finding); /* or NULL; as each is made, kept or not */
};

/* The result: one ak_check_log for each log, segment or checkpoint that was looked at. */
struct ak_check {
    struct ak_check_log *logs;
    size_t count;
    enum ak_verdict verdict; /* the worst of all */
};

/* Checks everything in `paths`: stores, log directories, segments, checkpoints, told apart by their
 * content. On AK_OK `*out` must be given to ak_check_free. Codes: AK_ENOTFOUND or AK_EIO for a path
 * that cannot be opened, AK_EMALFORMED for one that is none of these, AK_ENOTFOUND for a name in
 * `logs` that no store has, AK_EUSAGE for a kept checkpoint that belongs to no log that was looked
 * at or is signed by no key given, AK_ENOMEM. */
enum ak_code ak_check_run(const char *const *paths, size_t count,
                          const struct ak_check_options *options, struct ak_check **out,
                          struct ak_error *err);

/* NULL is allowed. */
void ak_check_free(struct ak_check *check);

/* Whether entry `index` was proven; false for indices in ranges that were left off. */
bool ak_check_proven(const struct ak_check_log *log, uint64_t index);

/* By when entry `index` existed, in seconds since 1970: the earliest that stamps or the policy's
 * quorum show. 0: nothing is shown. Whether it is proven is another question. */
uint64_t ak_check_existed_by(const struct ak_check_log *log, uint64_t index);

/* After when entry `index` was logged, in seconds since 1970, as the anchors before it show. 0:
 * nothing is shown. */
uint64_t ak_check_logged_after(const struct ak_check_log *log, uint64_t index);

#endif
