/* finding.h - the reason codes of docs/format.md section 13, and what a report says of each.
 *
 * A finding names one thing that was noticed and where. Its code decides the verdict; the verdict
 * of a log is the worst of its findings. Codes are stable: scripts and reports may rely on them. */
#ifndef AKASHI_FINDING_H
#define AKASHI_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of badness; a greater one outweighs all smaller ones. */
enum ak_verdict { AK_VALID = 0, AK_INCOMPLETE, AK_NOT_CHECKABLE, AK_INVALID };

enum ak_finding_code {
    AK_FINDING_ALTERED = 0,
    AK_FINDING_FORKED,
    AK_FINDING_ROLLED_BACK,
    AK_FINDING_MALFORMED,
    AK_FINDING_NUMBERING,
    AK_FINDING_EPOCH,
    AK_FINDING_UNTRUSTED_KEY,
    AK_FINDING_UNSUPPORTED,
    AK_FINDING_LIMIT,
    AK_FINDING_IO_ERROR,
    AK_FINDING_VIEWER_DIFFERS,
    AK_FINDING_SUCCESSION_FALSE,
    AK_FINDING_MISSING,
    AK_FINDING_ERASED_UNAUTHORISED,
    AK_FINDING_TAIL_UNSIGNED,
    AK_FINDING_STALE,
    AK_FINDING_EMPTY,
    AK_FINDING_QUORUM,
    AK_FINDING_SUCCESSION_UNCONFIRMED,
    AK_FINDING_TAIL_IN_FLIGHT, /* this and all behind it are remarks */
    AK_FINDING_FILE_DIFFERS,
    AK_FINDING_NAME_DIFFERS,
    AK_FINDING_UNKNOWN_FILE,
    AK_FINDING_DUPLICATE_FILE,
    AK_FINDING_NO_MANIFEST,
    AK_FINDING_UNKNOWN_SIGNATURE,
    AK_FINDING_UNKNOWN_KIND,
    AK_FINDING_UNKNOWN_FLAG,
    AK_FINDING_CLOCK_STEP,
    AK_FINDING_FUTURE,
    AK_FINDING_EPOCH_NOT_CHECKED,
    AK_FINDING_EXERCISE,
    AK_FINDING_ERASED,
    AK_FINDING_ORDER_NOT_VALID,
    AK_FINDING_NOT_ERASED,
    AK_FINDING_STAMP_NOT_CHECKED,
    AK_FINDING_STAMP_NOT_TRUSTED,
    AK_FINDING_SUCCESSION,
    AK_FINDING_README_DIFFERS
};

#define AK_FINDING_CODES (AK_FINDING_README_DIFFERS + 1u)

/* What `explain` and docs/messages.md say about a code; all fixed texts. */
struct ak_finding_info {
    enum ak_finding_code code;
    enum ak_verdict verdict; /* AK_VALID for remarks */
    bool remark;
    const char *name;      /* "ALTERED" */
    const char *summary;   /* one line */
    const char *meaning;   /* what it says about the records */
    const char *not_meant; /* what must not be read into it */
    const char *causes;    /* usual causes */
    const char *remedy;    /* what to do */
};

/* The table, in the order of the codes. `code` must be one of the enumeration. */
const struct ak_finding_info *ak_finding_info(enum ak_finding_code code);

/* Finds a code by its name, upper or lower case; NULL if there is none. */
const struct ak_finding_info *ak_finding_find(const char *name);

/* "VALID", "INCOMPLETE", "NOT CHECKABLE", "INVALID". */
const char *ak_verdict_name(enum ak_verdict verdict);

/* The exit status that goes with a verdict: 0, 3, 2, 1. */
int ak_verdict_exit(enum ak_verdict verdict);

/* Room in a finding; longer texts are cut at the end, of names the first bytes are kept. */
#define AK_FINDING_TEXT_BYTES  320u
#define AK_FINDING_FILE_BYTES  272u
#define AK_FINDING_SOURCES_MAX 8u

struct ak_finding {
    enum ak_finding_code code;
    const char *rule;                 /* "R14" and so on, or "" */
    char text[AK_FINDING_TEXT_BYTES]; /* a sentence or two, one line; may hold bytes of the
                                         evidence: escape before showing (akashi/escape.h) */
    char file[AK_FINDING_FILE_BYTES]; /* name in the log's directory, or ""; escape it too */
    bool has_offset;
    uint64_t offset; /* in that file */
    bool has_range;
    uint64_t begin; /* indices [begin, end) of entries concerned */
    uint64_t end;
    bool has_time;
    uint64_t
        from; /* `received` of the first and the last of these entries that can still be read, */
    uint64_t until;        /* as they stand there: not proven when the finding is ALTERED */
    unsigned source_count; /* of `sources` */
    uint32_t sources[AK_FINDING_SOURCES_MAX]; /* ordinals concerned */
    bool more_sources;                        /* there are others */
};

#endif
