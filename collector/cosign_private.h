/* cosign_private.h - the parts of the client of witnesses: cosign_client.c has the log's side
 * (rounds, quorum, files, events), cosign_ask.c one witness's. */
#ifndef AK_COSIGN_PRIVATE_H
#define AK_COSIGN_PRIVATE_H

#include "cosign_answer.h"
#include "cosign_client.h"
#include "cosign_files.h"
#include "http.h"
#include "runlog.h"

#include <akashi/policy.h>

#include <uv.h>

#define AK_COSIGN_TIMEOUT_MS   30000u /* for a whole question; a slow one holds up only itself */
#define AK_COSIGN_RETRY_NS_MAX 60000000000ull /* longest pause after failures */
#define AK_COSIGN_BEHIND       3u             /* failures in a row until it is an event */
#define AK_COSIGN_MISSED       6u             /* intervals without a quorum until it is an event */
#define AK_COSIGN_PATH_BYTES   4352u          /* PATH_MAX, "/", a log's id, NUL */

/* A published checkpoint and what witnesses said of it. */
struct ak_cosign_note {
    unsigned refs;
    uint64_t size;
    char *text;
    size_t len;
    bool dirty;                  /* its file is to be written */
    bool last;                   /* of its epoch */
    struct ak_cosign_note *next; /* of those that are dirty */
    struct ak_cosign_line *line; /* one each witness; time 0: nothing yet */
};

enum ak_cosign_state { AK_COSIGN_IDLE, AK_COSIGN_LEARNING, AK_COSIGN_ASKING };

struct ak_cosign_witness {
    struct ak_cosign_client *client;
    const struct ak_policy_witness *who; /* of the client's policy */
    size_t number;                       /* its place there */
    char *url;                           /* of add-checkpoint */
    enum ak_cosign_state state;
    uint64_t size;   /* of the last checkpoint that it has seen, as far as we know */
    bool cosigned;   /* and it has cosigned that one in this process */
    bool known;      /* left and right are [0, size) and [size, newest published) */
    bool tail_known; /* `tail` goes from what is asked about to the newest published */
    bool learned;    /* since it was last contradicted, the ranges were read from the files */
    struct ak_range left, right, tail;
    struct ak_range next_left;    /* [0, size of what is asked about) */
    struct ak_cosign_note *asked; /* while LEARNING and ASKING */
    struct ak_http_call *call;
    unsigned again;      /* questions of this turn that were answered with another size */
    unsigned failures;   /* in a row */
    bool behind;         /* told by an event */
    bool conflict;       /* likewise */
    uint64_t not_before; /* boot time */
    uint64_t answered;   /* wall clock of its last cosignature; 0: none in this process */
    char error[256];     /* of the last question; "" */
};

struct ak_cosign_client {
    struct ak_runlog *log; /* NULL: ended, and waits for the pool */
    struct ak_policy *policy;
    uint64_t interval_ns;
    bool closed; /* `witness_required: closed` */
    char *ca;
    char *policy_path;
    struct ak_hash policy_digest;
    char path[AK_COSIGN_PATH_BYTES];
    uv_timer_t timer;
    bool timer_closed;
    unsigned jobs; /* in the pool */
    struct ak_cosign_note *newest;
    struct ak_cosign_note *epoch_end; /* the last of an epoch, as long as somebody lacks it */
    struct ak_cosign_note *dirty;
    bool writing;
    struct ak_cosign_files files;
    bool began;           /* the first round was */
    uint64_t met_size;    /* of the newest checkpoint with the quorum */
    uint64_t met_wall;    /* and when that came */
    uint64_t unmet_since; /* boot time since which something published is without it; 0: nothing */
    uint64_t unmet_wall;
    bool missed; /* told by an event */
    size_t count;
    struct ak_cosign_witness witness[];
};

/* A question about `note` (cosign_ask.c). The witness is IDLE. */
void ak_cosign_ask(struct ak_cosign_witness *w, struct ak_cosign_note *note);

/* Ends what is under way over the network. */
void ak_cosign_ask_end(struct ak_cosign_witness *w);

/* Answers of ak_cosign_ask. It has cosigned `note`: its line is there. */
void ak_cosign_on_line(struct ak_cosign_witness *w, struct ak_cosign_note *note);

/* It gave no cosignature: `w->error` says why. Also from inside ak_cosign_ask. */
void ak_cosign_on_failure(struct ak_cosign_witness *w);

/* It has seen another history than ours: `w->error`. */
void ak_cosign_on_conflict(struct ak_cosign_witness *w);

/* A job of the pool is back. True: the client is gone, do nothing. */
bool ak_cosign_job_back(struct ak_cosign_client *client);

struct ak_cosign_note *ak_cosign_note_ref(struct ak_cosign_note *note);
void ak_cosign_note_unref(struct ak_cosign_note *note);

#endif
