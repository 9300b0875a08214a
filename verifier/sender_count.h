/* sender_count.h - the counters of all senders of a log, followed in the order of its entries.
 *
 * A counter belongs to a source, a host, and an application or channel. Whether applications of a
 * host share one counter is not written anywhere, so both readings of `meta sequenceId` and of
 * Snare's counter are followed, and the one with fewer faults is given.
 *
 * What is found is what the senders counted, not a verdict. Memory is bounded by
 * AK_SENDER_COUNTERS_MAX and AK_SENDER_JUMPS_MAX, some 150 MB at most. */
#ifndef AK_SENDER_COUNT_H
#define AK_SENDER_COUNT_H

#include "sender_line.h"
#include "sender_number.h"

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counters that are followed: more than the hosts behind the relays of a country's agencies. */
#define AK_SENDER_COUNTERS_MAX 32768u

/* Jumps that are kept, of one counter and of all; the others are counted only. */
#define AK_SENDER_JUMPS_OF_ONE_MAX 1000u
#define AK_SENDER_JUMPS_MAX        200000u

/* Fewest numbers of which a share is judged; see `mixed`. */
#define AK_SENDER_MIXED_MIN 16u

struct ak_sender_counter {
    uint32_t source;
    enum ak_sender_kind kind;
    bool whole_host; /* all applications of the host together */
    char *host;      /* bytes of the evidence, `host_len` of them */
    size_t host_len;
    char *app;
    size_t app_len;
    bool shown;         /* false: the other reading of these numbers has fewer faults */
    bool mixed;         /* more than a quarter late, repeated or stray: not one counter */
    uint32_t elsewhere; /* another source with numbers of the same host and kind in this counter's
                         * range, as when a sender changes its listener; 0: none */
    struct ak_sender_line line;
    struct ak_sender_jump *jump; /* the first ones */
    size_t jump_count;           /* kept */
    size_t jump_room;
    uint64_t jumps; /* of all kinds */
};

struct ak_sender_counts {
    struct ak_sender_counter *counter; /* after finish by source, kind, host, application */
    size_t count;
    size_t room;
    uint64_t not_followed; /* numbers of counters beyond AK_SENDER_COUNTERS_MAX */
    uint64_t blind;        /* entries that could not be looked at */
    size_t jump_count;     /* kept, of all */
    uint32_t *slot;        /* hash table: 1 + place in `counter`, 0: free */
    size_t slots;
    unsigned char key[16]; /* of the hash, so that nobody can choose names that collide */
};

/* Follows the numbers of one record (or fragment). Entries must come in the order of indices.
 * AK_ENOMEM. */
enum ak_code ak_sender_counts_add(struct ak_sender_counts *counts, uint32_t source, uint64_t index,
                                  uint64_t received, const void *record, size_t len,
                                  struct ak_error *err);

/* Says that `entries` (or 1 if that is not known) could not be looked at here. */
void ak_sender_counts_blind(struct ak_sender_counts *counts, uint64_t entries);

/* Closes all counters, sorts them and chooses readings. AK_ENOMEM. */
enum ak_code ak_sender_counts_finish(struct ak_sender_counts *counts, struct ak_error *err);

/* `counts` itself is the caller's; it begins as zeros. */
void ak_sender_counts_free(struct ak_sender_counts *counts);

#endif
