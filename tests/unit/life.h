/* life.h - the processes of one log, one after the other, without a loop: each begins with recovery
 * as the collector does, writes, and ends in order or just stops. For the tests of recovery and
 * sealing. */
#ifndef LIFE_H
#define LIFE_H

#include <akashi/check.h>

#include <batch.h>
#include <disk.h>
#include <keys.h>
#include <recover.h>
#include <seal.h>
#include <segment_writer.h>
#include <store.h>

#include <stdbool.h>
#include <stdint.h>

#define LIFE_PATH_BYTES 256u

struct life {
    struct ak_store store;
    int dir_fd; /* the log's directory */
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    char id[AK_LOG_ID_CHARS + 1];
    struct ak_keys *keys;
    struct ak_recovered recovered;
    struct ak_positions positions; /* as of next_index */
    struct ak_writer *writer;
    struct ak_batch *batch; /* fills */
    struct ak_prepare_scratch *scratch;
    uint64_t next_index;
    uint64_t key_group;
    uint8_t key[32];
    bool new_segment;
    struct ak_range more; /* durable and not yet signed */
    char note[AK_NOTE_BYTES_MAX];
    size_t note_len; /* newest checkpoint; 0: none */
    bool note_waits; /* it is not in the segment yet */
    struct ak_commit_result result;
    uint32_t sources_told;  /* the next one that recovery must tell of */
    unsigned sources_known; /* of those that recovery told of, with their declaration */
};

/* An empty directory for one test; life_away removes it with all that is in it. On memory where
 * there is such a file system: a sync costs nothing there. */
void life_home(char path[LIFE_PATH_BYTES]);
void life_away(const char *path);

/* Copies a directory of directories of files. */
void life_copy(const char *from, const char *to);

/* Makes store PATH/store with a log. */
void life_make(const char *path);

/* A process begins: recovery, and the entries of a start, which wait in the first batch. What
 * fails leaves nothing to free. */
enum ak_code life_begin(struct life *life, const char *path, struct ak_error *err);
void life_free(struct life *life);

/* Ends in order: stop entry, commit, checkpoint in the segment, keys' state. */
void life_end(struct life *life);

uint32_t life_source(struct life *life); /* declares one */
void life_add(struct life *life, uint8_t kind, uint32_t source, const void *data, size_t len);
void life_records(struct life *life, uint32_t source, unsigned n, size_t longest);
void life_event(struct life *life, const char *event, const char *side);
void life_manifest(struct life *life, const struct ak_sealed *sealed);
void life_torn(struct life *life, const struct ak_torn *torn);
void life_state(struct life *life);
void life_roll(struct life *life); /* the next commit begins a segment */

/* What is in the batch becomes durable, with the waiting note in front. */
void life_commit(struct life *life);
enum ak_code life_try_commit(struct life *life, struct ak_error *err);

void life_sign(struct life *life);    /* the note waits for the next commit or life_note */
void life_note(struct life *life);    /* writes the waiting note alone */
void life_publish(struct life *life); /* keys' state and `checkpoint` */

struct ak_seal_log life_seal_log(const struct life *life);

/* Keys whose orders every judgement below accepts; none at the beginning. */
extern const struct ak_vkey *life_authorities;
extern size_t life_authority_count;

/* Verdict of akashi-verify about the store; fails the test, with what was found, if it is none of
 * the allowed ones (a bit each: 1u << AK_VALID ...), or if a remark is made that is not among
 * `remarks` (a bit for each code). */
enum ak_verdict life_check(const char *path, unsigned allowed, uint64_t remarks);

/* The same, with a checkpoint that somebody kept: it must be VALID. */
void life_check_kept(const char *path, const void *note, size_t len);

/* The same about one of the log's files alone; whatever it remarks. */
enum ak_verdict life_check_file(const char *path, const char *file, unsigned allowed);

#define LIFE_ONLY_VALID  (1u << AK_VALID)
#define LIFE_NOT_INVALID (1u << AK_VALID | 1u << AK_INCOMPLETE)
#define LIFE_NO_MANIFEST (1u << AK_FINDING_NO_MANIFEST)
#define LIFE_TWIN        (1u << AK_FINDING_DUPLICATE_FILE)
#define LIFE_ERASED      (UINT64_C(1) << AK_FINDING_ERASED)
#define LIFE_IN_FLIGHT   (1u << AK_FINDING_TAIL_IN_FLIGHT)

#endif
