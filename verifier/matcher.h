/* matcher.h - which records of a text hold what is looked for: a regular expression, fixed strings,
 * or a list of them.
 *
 * The happy path over a block:
 *
 *     ak_matcher_compile(&matcher, &wanted, err)        once; shared by all threads
 *     ak_matcher_scan_new(&scan, matcher, err)          once a thread
 *     ak_matcher_block(scan, text, len, err)            the text of many records in one pass: where
 *                                                       something may be, scan->at[]
 *     ak_matcher_may(scan, &k, begin, end)              whether a record has a place in it
 *     ak_matcher_place(scan, payload, len, &match)      whether one that may does match
 *
 * A record matches by itself: nothing in front of it or behind it counts, an empty record can
 * match, and in one of several lines ^ and $ match at each line.
 *
 * A pattern is typed in UTF-8, and looked for in other encodings too. Where a record's bytes show
 * what its encoding is, halves of its characters are no match: see japanese.h.
 *
 * The time of a pass grows with the text alone: expressions that would need more (backreferences,
 * looking around) are refused. */
#ifndef AK_MATCHER_H
#define AK_MATCHER_H

#include "japanese.h"

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest expression or fixed string: the regex library's own bound, less what escapes add. */
#define AK_PATTERN_BYTES_MAX 4000u

/* A list of strings: its file, and the strings in it. */
#define AK_PATTERN_LIST_BYTES_MAX  67108864u
#define AK_PATTERN_LIST_LINES_MAX  1000000u
#define AK_PATTERN_LIST_STRING_MAX 65536u

struct ak_wanted {
    const char *pattern; /* NULL: the list */
    bool fixed;          /* `pattern` is a string, not an expression */
    const char *list;    /* fixed strings, one a line (LF or CR LF; empty lines are none) */
    size_t list_len;
    bool ignore_case;   /* of ASCII letters */
    unsigned encodings; /* set of enum ak_charset (bits); 0: all */
};

struct ak_matcher;

/* AK_EUSAGE for an expression that is not one, with its place and why, or an empty list; AK_ELIMIT
 * for what exceeds a bound above; AK_EUNSUPPORTED on a processor without SSSE3 instructions, which
 * the regex library needs; AK_ENOMEM. `wanted` is borrowed for the call. */
enum ak_code ak_matcher_compile(struct ak_matcher **matcher, const struct ak_wanted *wanted,
                                struct ak_error *err);
void ak_matcher_free(struct ak_matcher *matcher);

/* Version of the regex library. */
const char *ak_matcher_library(void);

/* What is not looked for, and where ("not in UTF-16: ..."), one line; "" if there is nothing. */
const char *ak_matcher_note(const struct ak_matcher *matcher);

/* Strings or expressions that are looked for. */
size_t ak_matcher_count(const struct ak_matcher *matcher);

/* One thread's work with a matcher. `at` and `count` are to be read. */
struct ak_matcher_scan {
    const struct ak_matcher *matcher;
    uint32_t *at; /* rising places in the text of the last block; a record that matches has one of
                     them between its first byte and the place behind its last */
    size_t count;
    size_t room;
    bool everywhere;     /* there are so many that `at` is not complete: each record may match */
    bool sure;           /* each place is a match of its line, if that is plain ASCII */
    size_t passed;       /* places that came again in a line that has one */
    uint64_t line_begin; /* the line of the newest place */
    uint64_t line_end;
    bool sorted;
    const uint8_t *text;
    size_t len;
    uint8_t *folded; /* small letters, if the list wants them */
    size_t folded_room;
    struct ak_match *match;
    const uint8_t *record; /* that is looked at by itself */
    size_t record_len;
    struct ak_charset_view view; /* of it, if `looked` */
    bool looked;
    bool again;    /* its matches must be told with their beginnings */
    bool failed;   /* no memory */
    void *scratch; /* the regex library's */
};

struct ak_match {
    bool found;
    uint32_t pattern;        /* number of the string in its list, from 0 */
    enum ak_charset charset; /* in which it was found; ASCII in any counts as UTF-8 */
};

enum ak_code ak_matcher_scan_new(struct ak_matcher_scan **scan, const struct ak_matcher *matcher,
                                 struct ak_error *err);
void ak_matcher_scan_free(struct ak_matcher_scan *scan);

/* Finds the places of a text of less than 4 GiB. AK_ENOMEM. */
enum ak_code ak_matcher_block(struct ak_matcher_scan *scan, const uint8_t *text, size_t len,
                              struct ak_error *err);

/* In place of that, where records of the text may not begin behind a line feed, as what is left of
 * a damaged block: each of them may match, and is looked at by itself. */
void ak_matcher_everywhere(struct ak_matcher_scan *scan);

/* Whether the record in [begin, end) of that text may match; `*k` is 0 for the first record asked
 * for, and records are asked for in order. */
bool ak_matcher_may(const struct ak_matcher_scan *scan, size_t *k, size_t begin, size_t end);

/* Says in `*match` whether a record matches, and what of the list it is that does. AK_ENOMEM. */
enum ak_code ak_matcher_record(struct ak_matcher_scan *scan, const uint8_t *record, size_t len,
                               struct ak_match *match, struct ak_error *err);

/* The same of a record in the text of the last block of which ak_matcher_may said that it may:
 * where its place can be nothing but a match, it is not looked at again. AK_ENOMEM. */
enum ak_code ak_matcher_place(struct ak_matcher_scan *scan, const uint8_t *record, size_t len,
                              struct ak_match *match, struct ak_error *err);

#endif
