/* claim.h - one claim and how it was judged: what a proof, or two checkpoints, show. */
#ifndef AKASHI_CLAIM_H
#define AKASHI_CLAIM_H

#include <akashi/finding.h>

#include <stdbool.h>

struct ak_claim {
    enum ak_verdict verdict;
    bool told;                        /* the rest holds: why it is not VALID */
    bool coded;                       /* `code` and `rule` hold */
    enum ak_finding_code code;        /* its verdict is `verdict` */
    const char *rule;                 /* "R11" and so on, or "" */
    char text[AK_FINDING_TEXT_BYTES]; /* a sentence or two, one line; may hold bytes of the
                                         evidence: escape before showing */
};

/* Notes what is wrong with the claim. The first of the worst is kept, as of findings. */
void ak_claim_fail(struct ak_claim *claim, enum ak_finding_code code, const char *rule,
                   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The same for what cannot be judged with what was given, though nothing is wrong with it: NOT
 * CHECKABLE. `fmt` says what to give. */
void ak_claim_open(struct ak_claim *claim, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
