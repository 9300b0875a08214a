/* progress.h - how far a check is, on a terminal only, and only when it takes over a second. */
#ifndef AK_PROGRESS_H
#define AK_PROGRESS_H

#include <akashi/check.h>

#include <stdbool.h>
#include <stdint.h>

struct ak_progress {
    bool on;         /* standard error is a terminal and nobody asked for quiet */
    bool shown;      /* a line stands there and must be wiped */
    uint64_t begin;  /* ns, steady */
    uint64_t latest; /* when it was last drawn */
};

void ak_progress_begin(struct ak_progress *progress, bool wanted);

/* For ak_check_options.on_progress; `ctx` is the struct ak_progress. */
void ak_progress_show(void *ctx, const struct ak_check_progress *at);

/* Wipes the line. */
void ak_progress_end(struct ak_progress *progress);

#endif
