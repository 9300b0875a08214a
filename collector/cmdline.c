/* cmdline.c - parsing and printing by table.
 *
 * Failure modes are mistakes of the user: each message says what is not understood and what would
 * be. Words of the command line are escaped when the message is printed. */
#include "cmdline.h"

#include "show.h"

#include <akashi/nearest.h>

#include <assert.h>
#include <string.h>

/* Column at which the explanation of a flag begins. */
#define HELP_COLUMN 25u

#define COMMANDS_MAX 16u

struct flag_info {
    const char *name;  /* without -- */
    const char *value; /* what follows, NULL: nothing */
    const char *help;
};

static const struct flag_info infos[AK_FLAG_COUNT] = {
    [AK_FLAG_STORE] = {"store", "DIR", "the store: the directory that `init` makes"},
    [AK_FLAG_LOG] = {"log", "NAME",
                     "which log of the store: your own word for it, 1 to 63 of a-z, 0-9 and -"},
    [AK_FLAG_ORIGIN] = {"origin", "ORIGIN",
                        "name of the log for everybody else, as power-a.example/syslog. It stands "
                        "in every proof, is seen by whoever gets one, and can never change. With "
                        "exercise. in front every report says that it is an exercise"},
    [AK_FLAG_EPOCHS] = {"epochs", "N",
                        "how many epoch keys are made, 1 to 1048576; fixed for the log's life. "
                        "Without it 32768"},
    [AK_FLAG_CONFIG] = {"config", "FILE", "the configuration; akashi.conf(5) explains it"},
    [AK_FLAG_LISTEN] = {"listen", "URL",
                        "where to listen: udp://, tcp://, tls://, relp:// or relp+tls:// with "
                        "HOST:PORT, or unix://PATH. Port 0 takes a free one. May be given more "
                        "than once"},
    [AK_FLAG_TLS_CERTIFICATE] = {"tls-certificate", "FILE",
                                 "the collector's certificate with its chain (PEM), for TLS "
                                 "listeners"},
    [AK_FLAG_TLS_KEY] = {"tls-key", "FILE", "its key (PEM)"},
    [AK_FLAG_TLS_CA] = {"tls-ca", "FILE",
                        "the authority of the senders' certificates (PEM); a sender without one "
                        "of its certificates is refused"},
    [AK_FLAG_CONTROL] = {"control", "PATH",
                         "socket of the running collector, where it is not DIR/control"},
    [AK_FLAG_COMMITMENT] = {"commitment", "HEX",
                            "SHA-256 of the auditor's nonce, from him; the nonce stays his secret"},
    [AK_FLAG_OPEN] = {"open", "NONCE",
                      "the nonce itself, in hexadecimal, when the head is written"},
    [AK_FLAG_INDEX] = {"index", "A-B",
                       "the entries that the sample is of, both ends in; all up to the head if not "
                       "given"},
    [AK_FLAG_POPULATION] = {"population", "HEX",
                            "SHA-256 of the agency's file of lines that the sample is of"},
    [AK_FLAG_ORDER] = {"order", "FILE",
                       "the order, signed by authority keys; `akashi-verify order` makes it"},
    [AK_FLAG_KEY] = {"key", "VKEY|FILE",
                     "key of an authority, as `akashi-verify key show` prints it, or a file with "
                     "one a line. Not the collector's own. May be given more than once"},
    [AK_FLAG_QUORUM] = {"quorum", "N", "how many of the keys must sign an order; 2 without it"},
    [AK_FLAG_CHECKPOINT] = {"checkpoint", "FILE",
                            "a checkpoint of the old log that was kept elsewhere: it shows how far "
                            "that log went. May be given up to four times"},
    [AK_FLAG_REASON] = {"reason", "TEXT",
                        "why; it stands in the successor for good. A log that could be signed as "
                        "it is needs one"},
    [AK_FLAG_SHOW] = {"show", NULL, "print every option in force, defaults marked"},
    [AK_FLAG_JSON] = {"json", NULL, "the whole status as one JSON object"},
    [AK_FLAG_RECORDS] = {"records", NULL,
                         "only one number: the records taken in since the collector started"},
    [AK_FLAG_STATE] = {"state", "DIR", "what a witness remembers, with its key; --init makes it"},
    [AK_FLAG_POLICY] = {"policy", "FILE",
                        "a policy (C2SP tlog-policy); its `log` lines say whose checkpoints are "
                        "cosigned"},
    [AK_FLAG_INIT] = {"init", "NAME",
                      "make a new witness of this name, as power-b.example/witness, print its "
                      "vkey, and end"},
    [AK_FLAG_STAMP] = {"stamp", "URL",
                       "the time-stamping authority (RFC 3161) to ask, instead of those that the "
                       "configuration names for the log"},
    [AK_FLAG_STAMP_CA] = {"stamp-ca", "FILE",
                          "its certificates (PEM), from itself: only an answer that leads to them "
                          "is kept"},
    [AK_FLAG_HELP] = {"help", NULL, "show this"},
    [AK_FLAG_VERSION] = {"version", NULL, "version of the program and of its libraries"},
};

static const struct ak_command *find_command(const char *name)
{
    for (const struct ak_command *c = ak_commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

static enum ak_code unknown_command(const char *word, struct ak_error *err)
{
    const char *names[COMMANDS_MAX];
    const char *near;
    size_t n = 0;

    for (const struct ak_command *c = ak_commands; c->name != NULL; c++) {
        assert(n < COMMANDS_MAX);
        names[n++] = c->name;
    }
    near = ak_nearest(word, strlen(word), names, n);
    if (near != NULL)
        return ak_fail(err, AK_EUSAGE, "there is no command '%s'; did you mean '%s'?", word, near);
    return ak_fail(err, AK_EUSAGE, "there is no command '%s'; akashi-collector --help lists all",
                   word);
}

/* Index of the flag of this name, or AK_FLAG_COUNT. */
static unsigned find_flag(const char *name, size_t len)
{
    unsigned i;

    for (i = 0; i < AK_FLAG_COUNT; i++) {
        if (strlen(infos[i].name) == len && memcmp(infos[i].name, name, len) == 0)
            break;
    }
    return i;
}

static uint32_t known_flags(const struct ak_command *command)
{
    uint32_t all = AK_FLAG_BIT(AK_FLAG_HELP) | AK_FLAG_BIT(AK_FLAG_VERSION);

    return command == NULL ? all : all | command->flags;
}

static enum ak_code unknown_flag(const struct ak_command *command, const char *word, size_t len,
                                 struct ak_error *err)
{
    const char *names[AK_FLAG_COUNT];
    const char *near;

    for (unsigned i = 0; i < AK_FLAG_COUNT; i++)
        names[i] = known_flags(command) & AK_FLAG_BIT(i) ? infos[i].name : NULL;
    near = ak_nearest(word, len, names, AK_FLAG_COUNT);
    if (near != NULL)
        return ak_fail(err, AK_EUSAGE, "there is no option --%.*s; did you mean --%s?", (int)len,
                       word, near);
    return ak_fail(err, AK_EUSAGE,
                   "there is no option --%.*s; akashi-collector %s%s--help lists all", (int)len,
                   word, command == NULL ? "" : command->name, command == NULL ? "" : " ");
}

static enum ak_code keep(struct ak_cmdline *line, unsigned flag, const char *value,
                         struct ak_error *err)
{
    if (flag == AK_FLAG_LISTEN) {
        if (line->listen_count == AK_CMDLINE_VALUES_MAX)
            return ak_fail(err, AK_EUSAGE, "--listen: more than %u listeners",
                           AK_CMDLINE_VALUES_MAX);
        line->listen[line->listen_count++] = value;
    } else if (flag == AK_FLAG_KEY) {
        if (line->key_count == AK_CMDLINE_KEYS_MAX)
            return ak_fail(err, AK_EUSAGE, "--key: more than %u keys", AK_CMDLINE_KEYS_MAX);
        line->key[line->key_count++] = value;
    } else if (flag == AK_FLAG_CHECKPOINT) {
        if (line->checkpoint_count == AK_CMDLINE_CHECKPOINTS_MAX)
            return ak_fail(err, AK_EUSAGE, "--checkpoint: more than %u files",
                           AK_CMDLINE_CHECKPOINTS_MAX);
        line->checkpoint[line->checkpoint_count++] = value;
    } else if (line->value[flag] != NULL && infos[flag].value != NULL) {
        return ak_fail(err, AK_EUSAGE, "--%s was given twice", infos[flag].name);
    }
    if (line->value[flag] == NULL)
        line->value[flag] = value;
    return AK_OK;
}

/* One flag; `*i` moves over a value that is a word of its own. */
static enum ak_code take_flag(struct ak_cmdline *line, int argc, char **argv, int *i,
                              struct ak_error *err)
{
    const char *word = argv[*i];
    const char *name = word + 2;
    size_t len;
    const char *value;
    unsigned flag;

    if (strcmp(word, "-h") == 0)
        return keep(line, AK_FLAG_HELP, "", err);
    if (word[1] != '-')
        return ak_fail(err, AK_EUSAGE,
                       "there is no option %s; options are words, as --store; a path that begins "
                       "with - is written ./%s",
                       word, word);
    len = strcspn(name, "=");
    value = name[len] == '=' ? name + len + 1 : NULL;
    flag = find_flag(name, len);
    if (flag == AK_FLAG_COUNT)
        return unknown_flag(line->command, name, len, err);
    if (infos[flag].value == NULL && value != NULL)
        return ak_fail(err, AK_EUSAGE, "--%s takes no value", infos[flag].name);
    if (infos[flag].value != NULL && value == NULL) {
        if (*i + 1 >= argc)
            return ak_fail(err, AK_EUSAGE, "--%s wants %s behind it", infos[flag].name,
                           infos[flag].value);
        value = argv[++*i];
    }
    if (infos[flag].value != NULL && value != NULL && value[0] == '\0')
        return ak_fail(err, AK_EUSAGE, "--%s is empty; it wants %s", infos[flag].name,
                       infos[flag].value);
    return keep(line, flag, value == NULL ? "" : value, err);
}

/* The command is the first word that is no flag, so that it is known when a flag is wrong. */
static const char *first_word(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        unsigned flag;

        if (word[0] != '-' || word[1] == '\0')
            return word;
        if (strcmp(word, "--") == 0)
            return i + 1 < argc ? argv[i + 1] : NULL;
        flag = word[1] == '-' ? find_flag(word + 2, strlen(word + 2)) : AK_FLAG_COUNT;
        if (flag < AK_FLAG_COUNT && infos[flag].value != NULL)
            i++;
    }
    return NULL;
}

static enum ak_code take_word(struct ak_cmdline *line, const char *word, struct ak_error *err)
{
    const struct ak_command *c = line->command;

    if (line->word_count >= c->words_max)
        return ak_fail(err, AK_EUSAGE, "%s takes %s; '%s' is too much", c->name,
                       c->words_max == 0 ? "no words, only options" : c->words, word);
    line->words[line->word_count++] = word;
    return AK_OK;
}

static enum ak_code check_line(const struct ak_cmdline *line, struct ak_error *err)
{
    const struct ak_command *c = line->command;

    if (c == NULL)
        return ak_fail(err, AK_EUSAGE,
                       "say what to do, for example: akashi-collector run --config FILE; "
                       "akashi-collector --help lists all");
    for (unsigned i = 0; i < AK_FLAG_COUNT; i++) {
        if (line->value[i] != NULL && !(known_flags(c) & AK_FLAG_BIT(i)))
            return ak_fail(err, AK_EUSAGE,
                           "%s takes no --%s; akashi-collector %s --help lists what it takes",
                           c->name, infos[i].name, c->name);
    }
    if (line->word_count < c->words_min)
        return ak_fail(err, AK_EUSAGE, "%s wants %s; for example: %s", c->name, c->words,
                       c->example);
    return AK_OK;
}

enum ak_code ak_cmdline_parse(struct ak_cmdline *line, int argc, char **argv, struct ak_error *err)
{
    const char *command = first_word(argc, argv);
    bool ended = false;
    bool seen = false;
    enum ak_code rc = AK_OK;

    memset(line, 0, sizeof(*line));
    if (command != NULL) {
        line->command = find_command(command);
        if (line->command == NULL)
            return unknown_command(command, err);
    }
    for (int i = 1; i < argc && argv[i] != NULL && rc == AK_OK; i++) {
        if (!ended && strcmp(argv[i], "--") == 0)
            ended = true;
        else if (!ended && argv[i][0] == '-' && argv[i][1] != '\0')
            rc = take_flag(line, argc, argv, &i, err);
        else if (!seen)
            seen = true; /* the command itself */
        else
            rc = take_word(line, argv[i], err);
    }
    if (rc != AK_OK || line->value[AK_FLAG_HELP] != NULL || line->value[AK_FLAG_VERSION] != NULL)
        return rc;
    return check_line(line, err);
}

enum ak_code ak_cmdline_need(const struct ak_cmdline *line, uint32_t flags, struct ak_error *err)
{
    for (unsigned i = 0; i < AK_FLAG_COUNT; i++) {
        if (flags & AK_FLAG_BIT(i) && line->value[i] == NULL)
            return ak_fail(err, AK_EUSAGE, "--%s %s is missing: %s; for example: %s", infos[i].name,
                           infos[i].value, infos[i].help, line->command->example);
    }
    return AK_OK;
}

/* Help */

static void print_flag(FILE *file, const struct flag_info *info)
{
    int used = fprintf(file, "  --%s%s%s", info->name, info->value != NULL ? " " : "",
                       info->value != NULL ? info->value : "");
    unsigned at = used < 0 ? 0 : (unsigned)used;

    if (at + 1 > HELP_COLUMN) {
        fputc('\n', file);
        at = 0;
    }
    fprintf(file, "%*s", (int)(HELP_COLUMN - at), "");
    ak_show_wrapped(file, info->help, HELP_COLUMN, HELP_COLUMN);
}

static void help_command(FILE *file, const struct ak_command *c)
{
    fprintf(file, "akashi-collector %s%s%s%s\n\n", c->name, c->words[0] == '\0' ? "" : " ",
            c->words, c->flags == 0 ? "" : " [OPTION...]");
    ak_show_wrapped(file, c->summary, 0, 0);
    if (c->text != NULL) {
        fputc('\n', file);
        ak_show_wrapped(file, c->text, 0, 0);
    }
    fprintf(file, "\nOptions:\n");
    for (unsigned i = 0; i < AK_FLAG_COUNT; i++) {
        if (c->flags & AK_FLAG_BIT(i) || i == AK_FLAG_HELP)
            print_flag(file, &infos[i]);
    }
    fprintf(file, "\nExample:\n  %s\n", c->example);
}

static void help_all(FILE *file)
{
    fprintf(file, "akashi-collector COMMAND ... [OPTION...]\n\n");
    ak_show_wrapped(file,
                    "Takes in logs and keeps them in compressed, hash-chained, signed segments, so "
                    "that akashi-verify can prove that nothing was altered, left out or put in.",
                    0, 0);
    fprintf(file, "\nCommands:\n");
    for (const struct ak_command *c = ak_commands; c->name != NULL; c++) {
        fprintf(file, "  %-14s", c->name);
        ak_show_wrapped(file, c->summary, 16, 16);
    }
    fprintf(file, "\nOptions:\n");
    print_flag(file, &infos[AK_FLAG_HELP]);
    print_flag(file, &infos[AK_FLAG_VERSION]);
    fprintf(file, "\nakashi-collector COMMAND --help explains one.\n\n"
                  "Exit status: 0 done; 1 it failed; 2 wrong usage or configuration.\n");
}

void ak_cmdline_help(FILE *file, const struct ak_command *command)
{
    if (command == NULL)
        help_all(file);
    else
        help_command(file, command);
}
