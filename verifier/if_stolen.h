/* if_stolen.h - what of a log stays proven although everything on the collector's machine was
 * copied at some moment: by whom, and under which premise. */
#ifndef AK_IF_STOLEN_H
#define AK_IF_STOLEN_H

#include <akashi/check.h>

/* What stands, by the size up to which each ground reaches (0: it does not), and how many proven
 * entries rest on what. The strongest ground counts: others, then erasure, then none. */
struct ak_if_stolen {
    uint64_t cosigned; /* a quorum of witnesses had signed so many entries before the copy */
    uint64_t cosigned_by;
    uint64_t stamped; /* an authority had stamped signatures over so many before the copy */
    uint64_t stamped_by;
    uint64_t erased;         /* keys of the epochs that cover so many were erased before the copy */
    uint64_t by_others;      /* entries under `cosigned` or `stamped` */
    uint64_t by_erasure;     /* entries behind these, under `erased` */
    uint64_t exposed;        /* the rest of what is proven */
    enum ak_verdict verdict; /* of the whole answer */
};

/* Judges a log that was checked with options->copied_at or copied_size. */
void ak_if_stolen_judge(const struct ak_check_log *log, const struct ak_check_options *options,
                        struct ak_if_stolen *out);

#endif
