/* witness_judge.h - what a witness answers to add-checkpoint, and what it does before.
 *
 * ak_witness_judge looks at everything that tlog-witness asks for, puts the new checkpoint on the
 * medium, and only then gives a cosignature out. It is called for one request of a log at a time,
 * in any thread. */
#ifndef AK_WITNESS_JUDGE_H
#define AK_WITNESS_JUDGE_H

#include "witness_request.h"
#include "witness_state.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

/* Room for the longest answer: a cosignature line, or a sentence. */
#define AK_WITNESS_ANSWER_BYTES 640u
static_assert(AK_WITNESS_ANSWER_BYTES > AK_WITNESS_LINE_BYTES_MAX, "a cosignature line fits");

enum ak_witness_contradiction {
    AK_WITNESS_NO_CONTRADICTION,
    AK_WITNESS_FORK,   /* two signed checkpoints that cannot be of one history */
    AK_WITNESS_SUSPECT /* a signed checkpoint whose proof leads to nothing: anybody could send
                          that */
};

struct ak_witness_answer {
    unsigned status; /* of HTTP */
    bool is_size;    /* Content-Type text/x.tlog.size */
    char text[AK_WITNESS_ANSWER_BYTES];
    size_t len;
    struct ak_witness_record base; /* what the log's record is now; owned by the caller; */
    bool changed;                  /* ... it differs from log->record, which it must replace */
    bool stale;                    /* a store failed: set log->stale to this */
    enum ak_witness_contradiction contradiction;
    bool kept;           /* its files are in forks/, and were not before */
    struct ak_error err; /* a failure of this machine, status 500; else code AK_OK */
};

/* `now`: seconds since 1970. Reads log->record and log->stale, changes neither. `body` is the whole
 * request, for the files of a suspect. */
void ak_witness_judge(const struct ak_witness *w, const struct ak_witness_log *log,
                      const struct ak_witness_request *request, const void *body, size_t body_len,
                      uint64_t now, struct ak_witness_answer *answer);

/* An answer of a sentence of ours. */
void ak_witness_say(struct ak_witness_answer *answer, unsigned status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
