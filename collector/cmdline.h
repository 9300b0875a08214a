/* cmdline.h - the command line of akashi-collector: one table of flags, one of commands; parsing,
 * --help and the completion come from them.
 *
 * Flags are taken before and after the command and its words, as --name VALUE or --name=VALUE; "--"
 * ends them. What is not known is answered with the nearest word that is. */
#ifndef AK_CMDLINE_H
#define AK_CMDLINE_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum ak_flag {
    AK_FLAG_STORE,
    AK_FLAG_LOG,
    AK_FLAG_ORIGIN,
    AK_FLAG_EPOCHS,
    AK_FLAG_CONFIG,
    AK_FLAG_LISTEN,
    AK_FLAG_TLS_CERTIFICATE,
    AK_FLAG_TLS_KEY,
    AK_FLAG_TLS_CA,
    AK_FLAG_CONTROL,
    AK_FLAG_COMMITMENT,
    AK_FLAG_OPEN,
    AK_FLAG_INDEX,
    AK_FLAG_POPULATION,
    AK_FLAG_ORDER,
    AK_FLAG_KEY,
    AK_FLAG_QUORUM,
    AK_FLAG_CHECKPOINT,
    AK_FLAG_REASON,
    AK_FLAG_SHOW,
    AK_FLAG_JSON,
    AK_FLAG_RECORDS,
    AK_FLAG_STATE,
    AK_FLAG_POLICY,
    AK_FLAG_INIT,
    AK_FLAG_STAMP,
    AK_FLAG_STAMP_CA,
    AK_FLAG_HELP,
    AK_FLAG_VERSION
};

#define AK_FLAG_COUNT (AK_FLAG_VERSION + 1u)

#define AK_FLAG_BIT(flag) (1u << (flag))

#define AK_CMDLINE_WORDS_MAX 2u /* behind the command; no command takes more */
#define AK_CMDLINE_VALUES_MAX                                                                      \
    1024u /* of one flag that repeats: as many listeners as there can be */

#define AK_CMDLINE_KEYS_MAX 16u /* as many authority keys as a log may have (format.md 10.5) */

#define AK_CMDLINE_CHECKPOINTS_MAX                                                                 \
    4u /* beside ours, an event of a succession has room for these                                 \
        */

struct ak_cmdline;

struct ak_command {
    const char *name;
    const char *words;   /* "FILE"; "" if it takes none */
    const char *summary; /* one line */
    const char *text;    /* what --help says between summary and flags; words of ours */
    const char *example; /* a command line that works */
    uint32_t flags;      /* AK_FLAG_BIT; --help is always there */
    size_t words_min;
    size_t words_max;
    enum ak_code (*run)(const struct ak_cmdline *line, struct ak_error *err);
};

/* Ends with a command without a name. */
extern const struct ak_command ak_commands[];

struct ak_cmdline {
    const struct ak_command *command; /* NULL: none was given */
    const char *words[AK_CMDLINE_WORDS_MAX];
    size_t word_count;
    const char *value[AK_FLAG_COUNT]; /* the first one; "" for flags without; borrowed from argv */
    const char *listen[AK_CMDLINE_VALUES_MAX]; /* all of --listen */
    size_t listen_count;
    const char *key[AK_CMDLINE_KEYS_MAX]; /* all of --key */
    size_t key_count;
    const char *checkpoint[AK_CMDLINE_CHECKPOINTS_MAX]; /* all of --checkpoint */
    size_t checkpoint_count;
};

/* Parses argv[1] to argv[argc - 1] into *line. AK_EUSAGE with a message that names the fault and
 * the remedy. */
enum ak_code ak_cmdline_parse(struct ak_cmdline *line, int argc, char **argv, struct ak_error *err);

/* Help of one command, or, with NULL, of the whole program. */
void ak_cmdline_help(FILE *file, const struct ak_command *command);

/* The flags that a command must have: AK_EUSAGE names the first that is missing. */
enum ak_code ak_cmdline_need(const struct ak_cmdline *line, uint32_t flags, struct ak_error *err);

/* The commands; each is in a file cmd_NAME.c. AK_EUSAGE ends in exit status 2, other codes in 1. */
enum ak_code ak_cmd_init(const struct ak_cmdline *line, struct ak_error *err);
enum ak_code ak_cmd_run(const struct ak_cmdline *line, struct ak_error *err);
enum ak_code ak_cmd_check_config(const struct ak_cmdline *line, struct ak_error *err);
enum ak_code ak_cmd_status(const struct ak_cmdline *line, struct ak_error *err);
enum ak_code ak_cmd_audit(const struct ak_cmdline *line, struct ak_error *err);
enum ak_code ak_cmd_order(const struct ak_cmdline *line, struct ak_error *err);
enum ak_code ak_cmd_witness(const struct ak_cmdline *line, struct ak_error *err);
enum ak_code ak_cmd_succeed(const struct ak_cmdline *line, struct ak_error *err);
enum ak_code ak_cmd_renew(const struct ak_cmdline *line, struct ak_error *err);
enum ak_code ak_cmd_key(const struct ak_cmdline *line, struct ak_error *err);

#endif
