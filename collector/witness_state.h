/* witness_state.h - what a witness remembers: for each log the newest checkpoint that it cosigned.
 *
 *   DIR/lock            held while a witness runs
 *   DIR/keys/witness.key
 *   DIR/keys/<id>.seen  "SIZE ROOT\n" of what was cosigned last; lies with the key
 *   DIR/logs/<id>       the newest cosigned checkpoint: the log's lines, then the witness's
 *   DIR/forks/          what contradicts (witness_fork.h)
 *   DIR/tmp/            files on their way
 *
 * <id> is the SHA-256 of the origin in hexadecimal. Storing puts logs/<id> on the medium first and
 * then keys/<id>.seen; only then may the cosignature leave. So the checkpoint is never behind the
 * mark: where it is, logs/ was brought back from an older copy, and nothing is cosigned. */
#ifndef AK_WITNESS_STATE_H
#define AK_WITNESS_STATE_H

#include "witness_key.h"

#include <akashi/checkpoint.h>
#include <akashi/error.h>
#include <akashi/note.h>
#include <akashi/policy.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AK_WITNESS_ID_CHARS 64u

/* A checkpoint as it is kept: the lines of the log's keys and the witness's always, others of it
 * as far as they have room. Bounds what 1,024 logs take in memory to 16 MiB. */
#define AK_WITNESS_NOTE_BYTES_MAX 16384u

/* Log keys of one origin: one, and another one while keys change. */
#define AK_WITNESS_KEYS_MAX 8u

/* What is known of one log. */
struct ak_witness_record {
    uint64_t size; /* 0 and the empty root: nothing was cosigned yet, or size 0 was */
    struct ak_hash root;
    uint64_t time; /* of the newest cosignature, seconds since 1970; 0: there is none */
    bool marked;   /* the mark beside the key says this size and root */
    char *note;    /* owned, malloc'ed, NUL-terminated; NULL if there is none */
    size_t note_len;
};

struct ak_witness_log {
    char origin[AK_ORIGIN_BYTES_MAX + 1];
    char id[AK_WITNESS_ID_CHARS + 1];
    struct ak_vkey key[AK_WITNESS_KEYS_MAX];
    unsigned key_count;
    struct ak_witness_record record;
    bool stale;        /* a store has failed: the record is read again before the next judgement */
    unsigned forks;    /* kept in forks/ */
    unsigned suspects; /* likewise */
    bool busy;         /* a request is judged or stored in the pool */
    void *waiting;     /* requests for it in the order they came (witness_server.c) */
};

struct ak_witness {
    int dir_fd;
    int lock_fd;
    int keys_fd;
    int logs_fd;
    int forks_fd;
    int tmp_fd;
    struct ak_witness_key *key;
    struct ak_witness_log *log; /* sorted by origin */
    size_t log_count;
};

/* Makes DIR with a new key for a witness of this name; DIR must be empty or not there. Its vkey is
 * in `*vkey`. AK_EEXIST, AK_EUSAGE. */
enum ak_code ak_witness_init(const char *dir, const char *name, struct ak_vkey *vkey,
                             struct ak_error *err);

/* Opens DIR, locks it, and reads all of it for the logs of the policy. AK_EBUSY if another witness
 * has it; AK_EKEY, AK_EMALFORMED or AK_ESIGNATURE with place and remedy for what cannot be trusted.
 * Close with ak_witness_close, which takes what was zeroed. */
enum ak_code ak_witness_open(struct ak_witness *w, const char *dir, const struct ak_policy *policy,
                             struct ak_error *err);
void ak_witness_close(struct ak_witness *w);

/* The log of an origin (NUL-terminated), or of an id; NULL if the policy has none. */
struct ak_witness_log *ak_witness_find(const struct ak_witness *w, const char *origin);
struct ak_witness_log *ak_witness_find_id(const struct ak_witness *w, const char *id, size_t len);

/* Reads the record of a log and judges it. A log without one gives the empty tree. */
enum ak_code ak_witness_load(const struct ak_witness *w, const struct ak_witness_log *log,
                             struct ak_witness_record *record, struct ak_error *err);

/* Puts a record on the medium, in the order described above. On failure the medium has the old or
 * the new one. `was` is the record in its place until now. Any thread, one at a time for a log. */
enum ak_code ak_witness_store(const struct ak_witness *w, const struct ak_witness_log *log,
                              const struct ak_witness_record *was, struct ak_witness_record *record,
                              struct ak_error *err);

void ak_witness_record_free(struct ak_witness_record *record);

/* Whether a note carries a valid line of one of the log's keys, and no invalid one: format.md R7.
 * AK_EKEY: none has signed; AK_ESIGNATURE. `verified` (or NULL) has room for AK_WITNESS_KEYS_MAX.
 */
enum ak_code ak_witness_check_log(const struct ak_witness_log *log, const struct ak_note *note,
                                  bool *verified, struct ak_error *err);

#endif
