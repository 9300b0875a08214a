/* runlog.h - one log at run time: numbering, filling, commit pipeline, signing, events.
 *
 * Everything here belongs to the loop thread. What runs elsewhere (prepare, commit, sign, seal)
 * gets its input before it starts and is looked at again when its callback runs.
 *
 * The way of a record:
 *   1. a reader (stream_conn.c, datagram.c) asks ak_runlog_ready, then hands over the bytes of one
 *      record with ak_runlog_record: they are copied into the filling batch and have their index.
 *   2. ak_runlog_flush, at the end of each turn of the loop, closes the batch when somebody waits
 *      and nothing is under way, when it is full, or when its interval has passed.
 *   3. prepare and commit run in the pool; batches commit in order.
 *   4. when the commit is durable, ackers are told, batches go back, readers that waited go on,
 *      and the signer is asked.
 * Failure modes: no room (the log is `full`: nothing is acknowledged, the batches are kept and
 * offered again each second); a failed write or sync (new segment, same batches, an event). */
#ifndef AK_RUNLOG_H
#define AK_RUNLOG_H

#include "batch.h"
#include "keys.h"
#include "payload.h"
#include "segment_writer.h"
#include "sources.h"

#include <uv.h>

#define AK_COMMIT_BATCHES_USUAL 7u  /* batches of one commit: bounds one writev and one stall */
#define AK_COMMIT_BATCHES_MAX   64u /* of one that repeats a failed one: as AK_WRITER_BATCHES_MAX */
#define AK_PENDING_OWN_MAX      1024u /* own entries that wait for room; more are counted, not kept */
#define AK_RESERVE_OWN_BYTES    65536u /* room in a batch kept for own entries beside a record */
#define AK_NOTE_ROOM            65536u /* as AK_NOTE_BYTES_MAX */

#define AK_LOG_NAME_BYTES 64u /* [a-z0-9-]{1,63} and NUL */

struct ak_anchors;
struct ak_cosign_client;
struct ak_expected;
struct ak_orders;
struct ak_seal_wait;
struct ak_server;
struct ak_stamps;

/* Somebody who waits for an acknowledgement; embedded in its owner. */
struct ak_acker {
    /* `count` more of its records are on stable storage, in the order they were given. */
    void (*on_durable)(struct ak_acker *acker, uint32_t count);
};

/* Somebody who stopped reading because the log had no room; embedded in its owner. */
struct ak_reader {
    void (*on_room)(struct ak_reader *reader); /* go on reading */
    struct ak_reader *next;
    bool waiting;
};

/* Settings of one log; see the configuration's reference for their meaning. */
struct ak_runlog_options {
    const char *name;
    uint64_t interval_ns;      /* longest wait of a record nobody waits for */
    uint64_t interval_min_ns;  /* shortest time between two commits; 0: none */
    uint64_t state_ns;         /* between two state entries */
    uint64_t segment_bytes;    /* a segment is closed at this size */
    uint64_t segment_age_ns;   /* or at this age */
    uint64_t epoch_ns;         /* an epoch's key signs for so long; 0: until it is ordered */
    uint64_t silence_ns;       /* a source is silent after this; 0: never */
    uint64_t share_bytes;      /* most that the log's directory may hold; 0: no bound */
    uint32_t record_bytes_max; /* longer records are cut */
    uint8_t form;              /* AK_FORM_...: of the blocks that begin from now on */
    const char *source;        /* of a successor's log key (keys_source.h), or NULL; borrowed while
                                  the log is opened */
};

struct ak_pending_own {
    struct ak_pending_own *next;
    uint8_t kind;
    size_t len;
    char data[];
};

struct ak_runlog_stats {
    uint64_t records;
    uint64_t bytes;
    uint64_t fragments;
    uint64_t commits;
    uint64_t acknowledged;
    uint64_t durable; /* entries on stable storage */
    uint64_t signed_size;
    uint64_t udp_dropped;
};

/* Looks at what others put beside a log (room_look.c). */
struct ak_runlog_look {
    uv_work_t work;
    bool busy;         /* the pool looks */
    uint64_t due;      /* boot time of the next look */
    uint64_t renewals; /* their bytes, as they are counted */
    uint64_t found;    /* their bytes, as the pool found them */
};

/* A change of epoch (epochs.c). */
struct ak_runlog_epoch {
    struct ak_epoch_list *list; /* public keys of all epochs */
    uint32_t number;            /* of the running one */
    uint64_t due;               /* boot time at which the running one is to end */
    bool wanted;                /* it is to end now */
    bool gate;                  /* so the log takes nothing */
    bool asked;                 /* the signer ends it */
    bool placed;                /* the start note is an entry, not yet durable */
    bool beginning;             /* it is durable, and the signer erases the old key */
    unsigned char *note;        /* start note that waits or is placed, or NULL */
    size_t note_len;
    uint64_t index; /* of its entry */
    uint64_t start; /* index of the running one's start note: the size of the last checkpoint before
                       it */
};

struct ak_runlog {
    struct ak_server *server;
    struct ak_runlog_options options;
    char name[AK_LOG_NAME_BYTES]; /* options.name points here */
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    char id[AK_LOG_ID_CHARS + 1];
    int dir_fd;
    struct ak_runlog *next;

    /* numbering */
    struct ak_sources *sources;
    uint64_t next_index;
    uint64_t received; /* of the last entry */
    uint16_t clock_run;
    uint64_t claim;
    int64_t wall_offset; /* wall clock minus boot time when last looked at; 0: not yet */

    /* batches: one fills, closed ones wait in order */
    struct ak_batch *filling;
    uint64_t filling_since; /* boot time of its first entry */
    struct ak_batch *closed_head, *closed_tail;
    unsigned held; /* batches of the pool that this log holds */
    struct ak_pending_own *pending_head, *pending_tail;
    unsigned pending_count;
    uint64_t pending_lost;
    struct ak_reader *waiting; /* readers without room */
    uint64_t waiting_since;    /* wall clock; 0: nobody waits */
    bool back_pressure_told;

    /* commit */
    struct ak_writer *writer;
    unsigned char *epoch_note; /* the running epoch's; the writer borrows it */
    bool committing;
    uv_work_t commit_work;
    struct ak_batch *commit_batches[AK_COMMIT_BATCHES_MAX];
    unsigned commit_count;
    char *commit_note; /* note that goes in front; owned by the job while it runs */
    size_t commit_note_len;
    char *commit_checkpoint; /* copy of the newest checkpoint, for a new HEADER; likewise */
    size_t commit_checkpoint_len;
    uint64_t commit_wall;
    struct ak_commit_result commit_result;
    struct ak_error commit_error;
    enum ak_code commit_rc;
    uint64_t last_commit; /* boot time of the last commit's end */
    uint64_t retry_at;    /* boot time before which a failed commit is not tried again */
    bool write_failed;    /* the last commit failed for another reason than room */

    /* segment */
    uint64_t segment_first;
    uint64_t segment_size;   /* bytes, as of the last commit */
    uint64_t segment_text;   /* bytes of its blocks' texts, likewise */
    uint64_t segment_opened; /* boot time */
    bool segment_used;       /* it holds something besides own entries of kinds 2, 3, 4, 8 */
    bool segment_wanted;     /* the next batch begins a new one */
    bool segment_rolling;    /* a batch that begins a new one is on its way */
    bool segment_live;       /* this process has begun one */
    int sealer_slot;
    struct ak_seal_wait *seal_waits; /* manifest.c */
    struct ak_orders *orders;        /* orders.c */
    bool seal_found;                 /* the sealer has looked what earlier processes left */
    uint64_t began;                  /* size at which this process goes on */
    uint64_t key_group;              /* group whose key is kept */
    uint8_t key[32];

    struct ak_runlog_epoch epoch;

    /* signing */
    int signer_slot;
    uint64_t durable; /* size on stable storage */
    uint64_t signed_size;
    uint64_t unsigned_since; /* boot time; 0: all is signed or signing stopped */
    bool unsigned_told;
    bool refused;                    /* nothing is signed until the next start, or longer: */
    bool succeeds;                   /* it is a successor that waits (successor.h) */
    char cause[AK_ERROR_TEXT_BYTES]; /* why nothing is signed; empty: all is well */
    char *note;                      /* newest checkpoint that is not yet in the segment */
    size_t note_len;
    uint64_t note_since; /* boot time */
    char *checkpoint;    /* newest checkpoint known */
    size_t checkpoint_len;

    struct ak_cosign_client *cosign; /* witnesses that are asked; NULL: none */
    struct ak_anchors *anchors;      /* what others have signed and is entered; NULL: none */
    struct ak_stamps *stamps;        /* authorities that time-stamp it; NULL: none */

    /* room (room.c) */
    bool full;
    uint64_t full_since; /* wall clock */
    uint64_t bytes;      /* of the log's directory, reckoned */
    bool reserved;       /* the reserve is laid aside */
    bool low_told;       /* an event `disk-low` stands */
    struct ak_runlog_look look;

    /* expected sources (expect.c) */
    struct ak_expected *expected;
    size_t expected_count;
    uint64_t expected_since; /* wall clock */

    /* times of duties, boot time */
    uint64_t next_state;
    bool stopping;
    bool stopped_entries_written;

    struct ak_runlog_stats stats;
};

/* Opens log `options->name` of the server's store: recovery, keys, the entries of a start. One that
 * cannot be signed is opened all the same where the server says so (unsigned.c), in itself or in
 * its successor. `*out` belongs to the server; freed with ak_runlog_free. */
enum ak_code ak_runlog_open(struct ak_server *server, const struct ak_runlog_options *options,
                            const struct ak_hash *configuration, struct ak_runlog **out,
                            struct ak_error *err);
void ak_runlog_free(struct ak_runlog *log);

/* True if a record of the log's greatest length, its declaration and its events have room now. If
 * not, the caller stops reading and waits with ak_runlog_wait. */
bool ak_runlog_ready(struct ak_runlog *log);
void ak_runlog_wait(struct ak_runlog *log, struct ak_reader *reader);
void ak_runlog_unwait(struct ak_runlog *log, struct ak_reader *reader);

/* What a declaration says beside its identity (format.md 10.1). NULL members are left out. */
struct ak_declaration {
    const char *transport;
    const char *listener;
    const char *identity;
    const char *address;
    const char *name;
    const uint8_t *fingerprint; /* 32 bytes */
    bool relay;
};

/* Ordinal of an identity; declares it if it is new (ak_runlog_ready was asked). 0: no memory or
 * too many sources; told in the log of diagnostics. */
uint32_t ak_runlog_source(struct ak_runlog *log, const struct ak_identity *identity,
                          const struct ak_declaration *declaration);

/* Takes one record (kind AK_KIND_RECORD or AK_KIND_FRAGMENT). ak_runlog_ready was asked. Gives its
 * index. `acker` may be NULL. */
uint64_t ak_runlog_record(struct ak_runlog *log, uint32_t ordinal, uint8_t kind, const void *data,
                          size_t len, struct ak_acker *acker);

/* Takes an own entry; kept for later if there is no room. The payload is used up. */
void ak_runlog_own(struct ak_runlog *log, uint8_t kind, struct ak_payload *payload);

/* The same for a payload that is made. Copied. */
void ak_runlog_own_text(struct ak_runlog *log, uint8_t kind, const char *data, size_t len);

/* Takes the start note that the tree so far demands as its next entry; the log's gate is shut. */
void ak_runlog_start_note(struct ak_runlog *log, const void *note, size_t len);

/* Takes a state entry of now (format.md 10.4). */
void ak_runlog_state(struct ak_runlog *log);

/* End of a turn of the loop: close and commit what is due. */
void ak_runlog_flush(struct ak_runlog *log);

/* After each commit, and once a second: whether the open segment is large or old enough. */
void ak_runlog_look_at_segment(struct ak_runlog *log);

/* Once a second: duties that depend on time (state, silence, clock, age of the segment). */
void ak_runlog_tick(struct ak_runlog *log);

/* The event that tells of bytes which are no committed part of the log (format.md R27). */
void ak_runlog_tell_torn(struct ak_runlog *log, const struct ak_torn *torn);

/* New settings; the name stays. */
void ak_runlog_configure(struct ak_runlog *log, const struct ak_runlog_options *options);

/* How one log is opened (lifetime.c); filled by unsigned.c. */
struct ak_runlog_opening {
    const struct ak_runlog_options *options;
    const struct ak_hash *configuration;
    const char *cause; /* why it is not signed: opened without secret keys. NULL: it is signed */
    bool succeeds;     /* not the log of that name, but its successor that waits */
    bool at_keys;      /* told: it failed at the keys, before the log itself was looked at */
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1]; /* told: of the log; empty: it was not found */
};
enum ak_code ak_runlog_open_as(struct ak_server *server, struct ak_runlog_opening *opening,
                               struct ak_runlog **out, struct ak_error *err);

/* The signer's answers. */
void ak_runlog_on_note(void *log, char *note, size_t len, uint64_t size);
void ak_runlog_on_refused(void *log, const struct ak_error *err);

/* Nothing of the log is signed from now on: event and message say why, and what to do. */
void ak_runlog_not_signed(struct ak_runlog *log, const char *cause);
void ak_runlog_on_published(void *log, const char *note, size_t len, const struct ak_range *more);

/* Begins the end: last entries, commit, note. True when nothing is under way any more. */
void ak_runlog_stop(struct ak_runlog *log, const char *reason);
bool ak_runlog_stopped(const struct ak_runlog *log);

#endif
