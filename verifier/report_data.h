/* report_data.h - what a page shows of a log beside its judgement: how much came, from whom and
 * when; what the log's own entries tell of losses; stretches in which nothing was written.
 *
 * One pass over the log, in bounded memory. Only proven entries count; how many were passed over is
 * counted too. The stretch of time that is shown is chosen by the caller. */
#ifndef AK_REPORT_DATA_H
#define AK_REPORT_DATA_H

#include "source_table.h"

#include <akashi/check.h>
#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Columns of a timeline: as many as a page is wide. */
#define AK_REPORT_BINS 140u

/* Sources with columns of their own, 560 bytes each; what the others sent is one row together. */
#define AK_REPORT_BINNED_MAX 65536u

/* Marks in a timeline, and kinds of events in a table; the rest is counted. */
#define AK_REPORT_MARKS_MAX  4096u
#define AK_REPORT_EVENTS_MAX 64u
#define AK_REPORT_ORDERS_MAX 100u

/* A collector writes a state every 60 s (format.md 10.4): where nothing at all stands for three
 * times as long, nobody wrote this log. */
#define AK_REPORT_QUIET_NS (UINT64_C(180) * 1000000000u)

/* Room for a short text of the evidence; longer ones are cut. */
#define AK_REPORT_TEXT_BYTES 96u

enum ak_report_mark_kind {
    AK_MARK_DAMAGED, /* altered, missing, or not readable */
    AK_MARK_STOPPED, /* nobody wrote, or nothing was accepted */
    AK_MARK_LOST,    /* the log tells of a loss, a cut or a refusal */
    AK_MARK_CLOCK,   /* the clock was set back or jumped */
    AK_MARK_SILENT,  /* a source that was expected to send did not */
    AK_MARK_KINDS
};

struct ak_report_mark {
    enum ak_report_mark_kind kind;
    uint64_t from; /* ns */
    uint64_t until;
    bool has_source;
    uint32_t source;
};

/* All events of one name and side. Texts are the evidence's: escape them. */
struct ak_report_event {
    char event[AK_REPORT_TEXT_BYTES];
    char side[AK_REPORT_TEXT_BYTES];
    uint64_t entries;
    bool has_count;
    uint64_t count; /* sum of their `count` */
    bool has_span;
    uint64_t span; /* sum of their until - since, ns */
    uint64_t first;
    uint64_t last;
};

struct ak_report_order {
    uint64_t index;
    uint64_t received;
    char action[AK_REPORT_TEXT_BYTES];
    char reason[AK_REPORT_TEXT_BYTES];
    char order_case[AK_REPORT_TEXT_BYTES];
    bool signed_outside; /* it carries a note by keys outside the collector; not judged here */
    uint64_t entries;    /* that its ranges name */
};

struct ak_report_data {
    uint64_t from; /* the stretch that is shown, ns: [from, to) */
    uint64_t to;
    struct ak_source_table sources; /* counts of the stretch, declarations of the whole log */
    uint32_t **bins;                /* of the source of the same row; NULL: none came */
    size_t bin_rows;
    uint32_t rest[AK_REPORT_BINS]; /* of sources without columns of their own */
    uint64_t records;              /* proven, of the stretch; fragments with them */
    uint64_t passed_over;          /* entries of the stretch that are not proven */
    uint64_t covered;              /* ns of the stretch for which somebody wrote the log */
    uint64_t quiet;                /* stretches without any entry */
    struct ak_report_event event[AK_REPORT_EVENTS_MAX];
    size_t events;
    uint64_t events_left_off;
    struct ak_report_order order[AK_REPORT_ORDERS_MAX];
    size_t orders;
    uint64_t orders_left_off;
    uint64_t epochs; /* that began in the stretch */
    uint64_t states;
    struct ak_report_mark *mark;
    size_t marks;
    uint64_t marks_left_off;
};

/* Reads the log at `path` that `log` judged. With `from` and `to` 0 the stretch is that of all
 * proven entries. AK_OK, AK_ENOMEM, AK_EIO. ak_report_data_free frees in any case. */
enum ak_code ak_report_data_read(struct ak_report_data *data, const char *path,
                                 const struct ak_check_log *log, uint64_t from, uint64_t to,
                                 struct ak_error *err);
void ak_report_data_free(struct ak_report_data *data);

/* Column of a time within the stretch. */
unsigned ak_report_bin(const struct ak_report_data *data, uint64_t ns);

#endif
