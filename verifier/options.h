/* options.h - the command line: one table of options, one of commands; both parsing and --help
 * come from them.
 *
 * Options are taken before and after the command and its words, as --name VALUE or --name=VALUE;
 * "--" ends them. What is not known is answered with the nearest word that is. */
#ifndef AK_OPTIONS_H
#define AK_OPTIONS_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum ak_option {
    AK_OPTION_KEY,
    AK_OPTION_POLICY,
    AK_OPTION_TSA_CA,
    AK_OPTION_AUTHORITY,
    AK_OPTION_CHECKPOINT,
    AK_OPTION_SAVE_CHECKPOINT,
    AK_OPTION_MAX_AGE,
    AK_OPTION_UNTIL,
    AK_OPTION_LOG,
    AK_OPTION_JOBS,
    AK_OPTION_FROM,
    AK_OPTION_TO,
    AK_OPTION_SOURCE,
    AK_OPTION_INDEX,
    AK_OPTION_KIND,
    AK_OPTION_RAW,
    AK_OPTION_JSONL,
    AK_OPTION_FIELDS,
    AK_OPTION_COUNTS,
    AK_OPTION_FILE,
    AK_OPTION_FIXED,
    AK_OPTION_IGNORE_CASE,
    AK_OPTION_INVERT,
    AK_OPTION_COUNT_ONLY,
    AK_OPTION_ENCODING,
    AK_OPTION_CONTEXT,
    AK_OPTION_SORT,
    AK_OPTION_FULL,
    AK_OPTION_ALL,
    AK_OPTION_RECORD,
    AK_OPTION_ENTRY,
    AK_OPTION_EPOCH,
    AK_OPTION_STORE,
    AK_OPTION_TMP,
    AK_OPTION_PERIOD,
    AK_OPTION_VIEWER,
    AK_OPTION_SEED,
    AK_OPTION_BEACON,
    AK_OPTION_CONFIDENCE,
    AK_OPTION_TOLERABLE,
    AK_OPTION_CASE,
    AK_OPTION_EXHIBIT,
    AK_OPTION_BY,
    AK_OPTION_REASON,
    AK_OPTION_SEVERITY,
    AK_OPTION_TLP,
    AK_OPTION_ON_BEHALF_OF,
    AK_OPTION_MANDATE,
    AK_OPTION_MATCH,
    AK_OPTION_IDENTITY,
    AK_OPTION_EVENTS,
    AK_OPTION_REDACT,
    AK_OPTION_REDACT_REASON,
    AK_OPTION_ALSO,
    AK_OPTION_EXPECT,
    AK_OPTION_REQUIRE,
    AK_OPTION_POPULATION,
    AK_OPTION_REQUEST,
    AK_OPTION_REPLY,
    AK_OPTION_REQUESTS,
    AK_OPTION_ANSWERS,
    AK_OPTION_HEAD,
    AK_OPTION_AUDIT,
    AK_OPTION_WORKSHEET,
    AK_OPTION_FINDINGS,
    AK_OPTION_PREVIOUS,
    AK_OPTION_HTML,
    AK_OPTION_PURPOSE,
    AK_OPTION_PLACE,
    AK_OPTION_AT,
    AK_OPTION_SIZE,
    AK_OPTION_CHANGES,
    AK_OPTION_ANSWERABLE,
    AK_OPTION_SIGN,
    AK_OPTION_CUSTODY_KEY,
    AK_OPTION_OUTPUT,
    AK_OPTION_FORCE,
    AK_OPTION_JSON,
    AK_OPTION_QUIET,
    AK_OPTION_HELP,
    AK_OPTION_VERSION
};

#define AK_OPTION_COUNT (AK_OPTION_VERSION + 1u)

/* Set of options as bits. */
typedef unsigned __int128 ak_option_set;
_Static_assert(AK_OPTION_COUNT <= 128, "a set of options is 128 bits");
#define AK_OPTION_BIT(option) ((ak_option_set)1 << (option))

struct ak_options;

struct ak_command {
    const char *name;
    const char *words;     /* "PATH..." */
    const char *summary;   /* one line */
    const char *text;      /* what --help says between summary and options; words of ours */
    const char *example;   /* a command line that works */
    ak_option_set options; /* AK_OPTION_BIT, --help is always there */
    size_t words_min;
    size_t words_max;
    /* `*status` is the exit status when the code is AK_OK. */
    enum ak_code (*run)(const struct ak_options *options, int *status, struct ak_error *err);
};

/* Ends with a command without a name. */
extern const struct ak_command ak_commands[];

struct ak_options {
    const struct ak_command *command; /* NULL: none was given */
    const char **words;               /* borrowed from argv, as are all values */
    size_t word_count;
    const char **value[AK_OPTION_COUNT]; /* in the order given; flags have "" */
    size_t count[AK_OPTION_COUNT];
};

/* Parses argv[1] to argv[argc - 1]. AK_EUSAGE with a message that names the fault and the remedy.
 * ak_options_free frees what is there in any case. */
enum ak_code ak_options_parse(struct ak_options *options, int argc, char **argv,
                              struct ak_error *err);
void ak_options_free(struct ak_options *options);

static inline bool ak_options_has(const struct ak_options *options, enum ak_option option)
{
    return options->count[option] > 0;
}

/* The value of an option that is given once, or NULL. */
static inline const char *ak_options_value(const struct ak_options *options, enum ak_option option)
{
    return options->count[option] > 0 ? options->value[option][0] : NULL;
}

/* Reads a whole number of at most `max`. AK_EUSAGE. */
enum ak_code ak_options_number(const struct ak_options *options, enum ak_option option,
                               uint64_t max, uint64_t *value, struct ak_error *err);

/* Help of one command, or, with NULL, of the whole program. */
void ak_options_help(FILE *file, const struct ak_command *command);

#endif
