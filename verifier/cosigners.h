/* cosigners.h - who has cosigned a checkpoint, when by his clock, and whether that is checked
 * (C2SP tlog-cosignature; docs/format.md 4.3, R43). */
#ifndef AK_COSIGNERS_H
#define AK_COSIGNERS_H

#include "jsonout.h"

#include <akashi/note.h>
#include <akashi/policy.h>

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum ak_cosigner_state {
    AK_COSIGNER_VALID,     /* a line of a witness in the policy, and valid */
    AK_COSIGNER_NOT_VALID, /* it claims to be, and is not */
    AK_COSIGNER_NO_POLICY, /* no policy was given: nothing was checked */
    AK_COSIGNER_UNKNOWN,   /* no witness of the policy has this name and key */
    AK_COSIGNER_OTHER_KEY  /* a witness of the policy whose type of key is not checked here */
};

/* One line that is neither the log's nor one of its epochs'. */
struct ak_cosigner {
    const struct ak_note_signature *sig; /* borrowed from the note */
    const char *witness;                 /* his name in the policy, or NULL */
    uint64_t time; /* seconds since 1970, as the line says; 0: it has none that can be read */
    enum ak_cosigner_state state;
};

/* Lists the lines of others in the order of the note; gives how many. `policy` may be NULL. */
size_t ak_cosigners_list(const struct ak_note *note, const struct ak_policy *policy,
                         struct ak_cosigner out[AK_NOTE_SIGNATURES_MAX]);

/* One line each: name in the policy and of the key, time, state. Nothing for what is no note, or
 * has no such line. */
void ak_cosigners_show(FILE *file, const void *note, size_t len, const struct ak_policy *policy);

/* The same as an array "cosignatures" of name, witness, time, time_s, state. */
void ak_cosigners_json(struct ak_json_out *out, const void *note, size_t len,
                       const struct ak_policy *policy);

#endif
