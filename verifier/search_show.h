/* search_show.h - what a search gives, on paper: hits as lines or JSON, neighbours around them,
 * hits of several logs merged by time, and the result. */
#ifndef AK_SEARCH_SHOW_H
#define AK_SEARCH_SHOW_H

#include "pattern_list.h"
#include "search.h"
#include "search_names.h"

#include <akashi/error.h>
#include <akashi/log_reader.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Findings of one log that are told one by one. */
#define AK_SEARCH_FINDINGS_TOLD_MAX 100u

/* Neighbours on each side that can be asked for: two blocks. */
#define AK_SEARCH_CONTEXT_MAX 16384u

enum ak_search_mode {
    AK_SEARCH_LINES,
    AK_SEARCH_JSONL,
    AK_SEARCH_COUNT, /* one number a log */
    AK_SEARCH_JSON,  /* one report, no hits */
};

/* One log, as long as its hits may be asked for. */
struct ak_search_log {
    const struct ak_log_place *place; /* borrowed */
    struct ak_prover *prover;
    struct ak_search_names names;
    struct ak_search_result result;
    bool failed; /* it could not be searched: `err` */
    struct ak_error err;
    bool shown; /* the last entry that was printed is `last` */
    uint64_t last;
    uint64_t after; /* neighbours up to here are still to be printed */
};

struct ak_search_show {
    FILE *out;
    const char *out_name;
    enum ak_search_mode mode;
    bool fields;
    bool quiet;
    uint64_t context;
    const struct ak_pattern_string *strings; /* of the list, by ak_match.pattern; NULL: none */
};

/* "power-a", or the id where there is no name, or the path. */
const char *ak_search_log_name(const struct ak_search_log *log);

/* Prints a hit, with its neighbours if they are asked for. AK_EIO if it cannot be written. */
enum ak_code ak_search_show_hit(const struct ak_search_show *show, struct ak_search_log *log,
                                const struct ak_search_hit *hit, struct ak_error *err);

/* Prints neighbours that stand behind the last hit of a log. */
enum ak_code ak_search_show_rest(const struct ak_search_show *show, struct ak_search_log *log,
                                 struct ak_error *err);

/* Reads entry `index` again, by itself, and prints it as a hit: for hits that were put in order
 * first. */
enum ak_code ak_search_show_again(const struct ak_search_show *show, struct ak_search_log *log,
                                  uint64_t index, const struct ak_match *match,
                                  struct ak_error *err);

/* One finding, on standard error. */
void ak_search_show_finding(const struct ak_search_log *log, const struct ak_finding *finding);

/* What the answer of a log rests on, and its result line, on standard error. */
void ak_search_show_result(const struct ak_search_show *show, const struct ak_search_log *log);

enum ak_verdict ak_search_verdict(const struct ak_search_log *log);

#endif
