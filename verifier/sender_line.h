/* sender_line.h - one sender's counter followed through a log: what is missing, and what only looks
 * so.
 *
 * Numbers rise by one. A number that is missing may still come, since datagrams overtake each
 * other, so a jump is told only when AK_SENDER_WINDOW further numbers of this counter have come. A
 * fall is a restart, or numbers sent once more; a leap further than the window is a loss, or a
 * stray number: what follows decides. As long as that is open, what stood before is kept beside it.
 * Where two readings are possible, the one that accuses less is taken.
 *
 * Memory is bounded: at most 2 * AK_SENDER_OPEN_MAX open jumps of one counter. */
#ifndef AK_SENDER_LINE_H
#define AK_SENDER_LINE_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stdint.h>

/* Numbers of one counter that a late one may be overtaken by, and how far it may be from the
 * greatest. A relay with several threads mixes some hundred. */
#define AK_SENDER_WINDOW 1024u

/* Jumps that are open at a time; of more the oldest is told at once. */
#define AK_SENDER_OPEN_MAX 16u

/* One record that held a number. */
struct ak_sender_seen {
    uint64_t index;
    uint64_t received; /* ns */
    uint64_t number;   /* as counted on over a wrap */
    uint64_t blind;    /* entries of the log before it that could not be looked at */
    uint64_t stamp;    /* as in ak_sender_number */
};

enum ak_sender_jump_kind {
    AK_SENDER_LOST,    /* lost before the collector */
    AK_SENDER_UNCLEAR, /* missing, but entries that could not be looked at lie there, too */
    AK_SENDER_RESTART  /* the counter goes on at a lower number */
};

struct ak_sender_jump {
    enum ak_sender_jump_kind kind;
    uint64_t missing; /* 0 for a restart */
    struct ak_sender_seen before;
    struct ak_sender_seen after;
};

/* Numbers that are missing for now, between two that came. */
struct ak_sender_open {
    struct ak_sender_seen before;
    struct ak_sender_seen after;
    uint64_t since; /* `count` when it was opened */
};

/* Numbers that rise. */
struct ak_sender_run {
    struct ak_sender_seen first;
    struct ak_sender_seen greatest;
    uint64_t count;
    uint64_t late;
    struct ak_sender_open *open; /* room for AK_SENDER_OPEN_MAX; NULL as long as there was none */
    unsigned open_count;
};

struct ak_sender_line {
    uint64_t wrap; /* the greatest number, behind which comes 1; 0: none is known */
    bool shared;   /* several records of one event hold the same number */
    void *ctx;
    /* Told of every jump once, in about the order of the log. AK_OK, or a code that ends it. */
    enum ak_code (*on_jump)(void *ctx, const struct ak_sender_jump *jump, struct ak_error *err);

    struct ak_sender_run now;
    struct ak_sender_run before; /* what was left by a fall or a leap that is not sure yet */
    bool unsure;                 /* `before` is there */

    /* What was found. All numbers are of records, but `lost` and `unclear`, which are missing. */
    uint64_t numbers; /* seen, with all of these: */
    uint64_t late;    /* came after greater ones */
    uint64_t repeated;
    uint64_t stray; /* stood alone, far from the others */
    uint64_t lost;
    uint64_t unclear;
    uint64_t restarts;
    struct ak_sender_seen first; /* seen at all */
    struct ak_sender_seen last;
    uint64_t least; /* numbers, as counted on over a wrap */
    uint64_t most;
};

/* Follows one number; `seen->number` is as written. AK_ENOMEM, or what on_jump gave. */
enum ak_code ak_sender_line_add(struct ak_sender_line *line, const struct ak_sender_seen *seen,
                                struct ak_error *err);

/* Tells what is still open; nothing may be added any more. */
enum ak_code ak_sender_line_finish(struct ak_sender_line *line, struct ak_error *err);

/* A number as the sender wrote it, of one that was counted on over a wrap. */
uint64_t ak_sender_line_written(const struct ak_sender_line *line, uint64_t number);

void ak_sender_line_free(struct ak_sender_line *line);

#endif
