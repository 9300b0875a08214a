/* source_table.h - who the sources of a log are, as its declarations say (format.md 10.1), and what
 * was seen of each, for people's eyes.
 *
 * Bounded: at most AK_DECLARED_MAX sources, of each only short texts are kept. A declaration that
 * cannot be read leaves a source without a name, never without a count. */
#ifndef AK_SOURCE_TABLE_H
#define AK_SOURCE_TABLE_H

#include <akashi/error.h>
#include <akashi/log_reader.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest text of a source that is kept; what is longer is cut, and "..." says so. */
#define AK_SOURCE_TEXT_BYTES_MAX 120u

/* Room for ak_source_label: an escaped text, blanks, an ordinal in brackets. */
#define AK_SOURCE_LABEL_BYTES (4u * AK_SOURCE_TEXT_BYTES_MAX + 40u)

struct ak_source_row {
    bool declared;
    bool relay;
    const char *identity;  /* "certificate" and so on; "" if it is not known; fixed text */
    const char *transport; /* fixed text too */
    char *name;            /* as declared, or NULL; bytes of the evidence: escape */
    char *address;
    char *listener;
    uint64_t declared_at; /* ns */
    uint64_t count;       /* records and fragments seen */
    uint64_t fragments;   /* of these */
    uint64_t bytes;       /* of their payloads */
    uint64_t first_time;
    uint64_t last_time;
    uint64_t last_seq; /* greatest source_seq seen */
};

struct ak_source_table {
    struct ak_source_row *row; /* row[i] is ordinal AK_SOURCE_FIRST + i */
    size_t count;
    size_t room;
    uint64_t undeclared; /* entries of ordinals that no table holds */
};

/* Takes note of any entry: a declaration makes a row, what was received is counted. AK_ENOMEM. */
enum ak_code ak_source_table_entry(struct ak_source_table *table, const struct ak_log_entry *entry,
                                   struct ak_error *err);

/* Reads all declarations of the log at `path` into the table, nothing else. */
enum ak_code ak_source_table_read(struct ak_source_table *table, const char *path,
                                  struct ak_error *err);

void ak_source_table_free(struct ak_source_table *table);

/* The row of an ordinal, or NULL. */
const struct ak_source_row *ak_source_table_row(const struct ak_source_table *table,
                                                uint32_t ordinal);

/* "fw1 (256)", "own entries (3)", "256" into `out` of AK_SOURCE_LABEL_BYTES, escaped; gives `out`.
 * `table` may be NULL. */
const char *ak_source_label(char *out, const struct ak_source_table *table, uint32_t ordinal);

/* The same without the number when there is a name. */
const char *ak_source_name(char *out, const struct ak_source_table *table, uint32_t ordinal);

/* Whether the pattern (* ? and [...]) fits the row's name or address. */
bool ak_source_row_matches(const struct ak_source_row *row, const char *pattern);

/* What `identity` means, for people: "TLS client certificate". */
const char *ak_source_identity_text(const char *identity);

#endif
