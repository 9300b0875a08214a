/* compare.h - lines of somebody's own files against the records of a log, as many as there are of
 * both, in bounded memory.
 *
 * Both sides are counted as often as they occur: a line takes one record. First those whose bytes
 * are equal, in order; then, of what is left, those whose message is equal behind whatever headers
 * relays have put on or taken off (syslog_body.h).
 *
 * What goes to disk are numbers and keyed hashes, made with a key of this run that is nowhere kept:
 * no text, and nothing that somebody could prepare a collision for. */
#ifndef AK_COMPARE_H
#define AK_COMPARE_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory of one list that is sorted; at most 6 exist at a time (what --help says rests on this). */
#define AK_COMPARE_SORT_BYTES (16u * 1024u * 1024u)

enum ak_compare_line {
    AK_COMPARE_NOT_HELD,
    AK_COMPARE_UNCHANGED,   /* a record has these bytes */
    AK_COMPARE_OTHER_HEADER /* a record has this message with another header or line end */
};

enum ak_compare_record {
    AK_COMPARE_ONLY_HERE, /* no line for it */
    AK_COMPARE_AGAIN,     /* the same bytes as a line's that another record holds already */
    AK_COMPARE_LINE_FEEDS /* it holds line feeds, so no line can be equal */
};

struct ak_compare_counts {
    uint64_t lines;
    uint64_t records;
    uint64_t unchanged;
    uint64_t other_header;
    uint64_t not_held;
    uint64_t again;
    uint64_t line_feeds;
    uint64_t first; /* least and greatest index of a record that a line was found for */
    uint64_t last;  /* first > last: there is none */
};

struct ak_compare;

/* `dir` is where what does not fit into memory goes; borrowed. `sort_bytes`: AK_COMPARE_SORT_BYTES,
 * or less in tests. */
enum ak_code ak_compare_new(struct ak_compare **compare, const char *dir, size_t sort_bytes,
                            struct ak_error *err);
void ak_compare_free(struct ak_compare *compare);

/* The next line, without its line end; lines are numbered 0, 1, ... as they are given. `data` NULL:
 * one that is longer than any record. */
enum ak_code ak_compare_add_line(struct ak_compare *compare, const char *data, size_t len,
                                 struct ak_error *err);

/* For few lines: keeps in memory what they look like, so that records which can be none of them are
 * passed over at once, and no list of all records is made. To be called before the first line;
 * `lines` is how many there will be at most. AK_ENOMEM. */
enum ak_code ak_compare_narrow(struct ak_compare *compare, uint64_t lines, struct ak_error *err);

/* One record; indices rise. */
enum ak_code ak_compare_add_record(struct ak_compare *compare, uint64_t index, const void *data,
                                   size_t len, struct ak_error *err);

/* Compares; then the two lists can be read. */
enum ak_code ak_compare_run(struct ak_compare *compare, struct ak_compare_counts *counts,
                            struct ak_error *err);

struct ak_compare_line_result {
    uint64_t line;
    enum ak_compare_line result;
    uint64_t index; /* of the record, unless it is not held */
};

struct ak_compare_record_result {
    uint64_t index;
    enum ak_compare_record result;
    uint64_t line; /* AGAIN: the line whose bytes these are */
};

/* All lines, rising; `*more` is false behind the last one. */
enum ak_code ak_compare_next_line(struct ak_compare *compare, struct ak_compare_line_result *line,
                                  bool *more, struct ak_error *err);

/* Records for which there is no line, rising. */
enum ak_code ak_compare_next_record(struct ak_compare *compare,
                                    struct ak_compare_record_result *record, bool *more,
                                    struct ak_error *err);

#endif
