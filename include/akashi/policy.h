/* policy.h - C2SP tlog-policy: which logs are trusted, and which witnesses must have seen them.
 *
 * A policy comes from outside of the evidence, as keys do. It is read whole or refused with the
 * line and what to do; then it judges the cosignatures of a checkpoint. The log's own signature is
 * no part of that: the caller has checked it. */
#ifndef AKASHI_POLICY_H
#define AKASHI_POLICY_H

#include <akashi/claim.h>
#include <akashi/cosignature.h>
#include <akashi/error.h>
#include <akashi/note.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* tlog-policy asks for 32 of each at least. The bounds keep a judgement short: logs are compared
 * each with each for duplicates, and of witnesses no more than AK_NOTE_SIGNATURES_MAX can sign one
 * note anyway. */
#define AK_POLICY_LOGS_MAX      1024u
#define AK_POLICY_WITNESSES_MAX 256u
#define AK_POLICY_GROUPS_MAX    256u

/* A policy file: all of the above with the longest keys (ML-DSA-44: 1,752 characters), and room for
 * names and comments. */
#define AK_POLICY_BYTES_MAX 4194304u

/* Longest name of a witness or group, in bytes: any name of a key can be one. */
#define AK_POLICY_NAME_BYTES_MAX 255u

struct ak_policy;

/* One `log` line. Names and URLs hold any bytes but control characters: escape before showing. */
struct ak_policy_log {
    bool checkable;      /* an Ed25519 key of type 01. Others are in the policy, but nothing is
                            verified by them here */
    struct ak_vkey vkey; /* only name and type if not checkable */
    const char *url;     /* or NULL; borrowed from the policy, as all strings */
};

/* One `witness` line. */
struct ak_policy_witness {
    const char *name;
    bool checkable;      /* of type 04; ML-DSA-44 keys (type 06) are taken, and count as silent */
    struct ak_vkey vkey; /* only name, type and ID if not checkable */
    const char *url;     /* or NULL */
};

/* What the cosignatures of one note amount to. */
struct ak_quorum {
    bool demanded; /* false: `quorum none`; then it is met, and there is no time */
    bool met;
    uint64_t existed_by;   /* if demanded and met: seconds since 1970; the latest time in a set of
                              witnesses that meets the quorum, the earliest such */
    uint64_t signed_after; /* if demanded and met: the earliest time in such a set, the latest such:
                              before it some line that the quorum needs was not there */
    unsigned cosigned;     /* witnesses with a valid line */
    unsigned unchecked;    /* witnesses with a line that is not checked here */
    /* who has cosigned: bit i % 64 of by[i / 64] for witness i */
    uint64_t by[AK_POLICY_WITNESSES_MAX / 64];
};

/* Reads a policy. AK_EMALFORMED with "line N: " and the remedy, AK_ELIMIT for the bounds above,
 * AK_ENOMEM. Nothing is borrowed. */
enum ak_code ak_policy_parse(struct ak_policy **out, const void *data, size_t len,
                             struct ak_error *err);
void ak_policy_free(struct ak_policy *policy);

const struct ak_policy_log *ak_policy_logs(const struct ak_policy *policy, size_t *count);
const struct ak_policy_witness *ak_policy_witnesses(const struct ak_policy *policy, size_t *count);

/* Name of the witness or group that is the quorum, or "none". */
const char *ak_policy_quorum_name(const struct ak_policy *policy);

/* Whether the quorum is met when witness i has cosigned at times[i] (0: it has not). `*existed_by`
 * is as in struct ak_quorum; 0 if not met or not demanded. */
bool ak_policy_met(const struct ak_policy *policy, const uint64_t *times, uint64_t *existed_by);

/* Judges the cosignatures of a note that the log has signed. Lines of others are passed over.
 * AK_ESIGNATURE if a line of one of the policy's witnesses is not valid, AK_EMALFORMED for two
 * lines of one (format.md R7); then nothing is met. AK_ENOMEM. */
enum ak_code ak_policy_judge(const struct ak_policy *policy, const struct ak_note *note,
                             struct ak_quorum *quorum, struct ak_error *err);

/* The same for a claim that rests on one signed checkpoint (the whole note, whose own lines the
 * caller has judged): what is wrong is added to the claim, QUORUM where it is not met (format.md
 * R43). `*quorum` is what was found. */
void ak_policy_claim(const struct ak_policy *policy, const void *note, size_t len,
                     struct ak_claim *claim, struct ak_quorum *quorum);

#endif
