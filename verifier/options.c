/* options.c - parsing and printing by table.
 *
 * Failure modes are mistakes of the user: each message says what is not understood and what would
 * be. Words of the command line are escaped when the message is printed. */
#include "options.h"

#include "show.h"
#include "text.h"

#include <akashi/nearest.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Column at which the explanation of an option begins. */
#define HELP_COLUMN 27u

#define COMMANDS_MAX 32u

struct option_info {
    const char *name;  /* without -- */
    const char *value; /* what follows, NULL: nothing */
    const char *help;
    bool repeats;
};

static const struct option_info infos[AK_OPTION_COUNT] = {
    [AK_OPTION_KEY] = {"key", "VKEY|FILE",
                       "key of a log, as `akashi-collector key show` prints it, or a file with one "
                       "a line. Get it from the operator, not from beside the evidence. May be "
                       "given for each log",
                       true},
    [AK_OPTION_POLICY] = {"policy", "FILE",
                          "a trust policy (C2SP tlog-policy) from outside: its log lines are keys "
                          "as --key gives them, and what proves must be cosigned by its quorum of "
                          "witnesses, else INCOMPLETE",
                          false},
    [AK_OPTION_TSA_CA] = {"tsa-ca", "FILE",
                          "certificates (PEM) of time-stamping authorities, from outside of the "
                          "evidence: root, and any between that the stamps lack. Time stamps "
                          "count only by these, at the time that they state. May be given more "
                          "than once",
                          true},
    [AK_OPTION_AUTHORITY] = {"authority", "VKEY|FILE",
                             "key of an authority whose orders to erase you accept, or a file with "
                             "one a line. Get it from the authority. Without it, what was erased "
                             "by order is INCOMPLETE. May be given more than once",
                             true},
    [AK_OPTION_CHECKPOINT] = {"checkpoint", "FILE",
                              "a checkpoint kept from before: shows whether the log was cut back "
                              "or rewritten since. May be given for each log",
                              true},
    [AK_OPTION_SAVE_CHECKPOINT] = {"save-checkpoint", "FILE",
                                   "keep the newest proven checkpoint of the log in FILE, for "
                                   "--checkpoint later. If FILE is there it is compared first, and "
                                   "replaced only by a later state of the same log. Keep it away "
                                   "from the evidence",
                                   false},
    [AK_OPTION_MAX_AGE] = {"max-age", "AGE",
                           "the newest proven entry must not be older than this (90s, 30m, 24h, "
                           "7d, 2w), else INCOMPLETE",
                           false},
    [AK_OPTION_UNTIL] = {"until", "TIME",
                         "there must be a proven entry of this time or later, else INCOMPLETE. "
                         "TIME as for --from of cat",
                         false},
    [AK_OPTION_LOG] = {"log", "NAME",
                       "only this log of a store, by the operator's word for it or its id. May be "
                       "given more than once",
                       true},
    [AK_OPTION_JOBS] = {"jobs", "N",
                        "threads that decode, 1 to 64; one for each processor if not "
                        "given",
                        false},
    [AK_OPTION_FROM] = {"from", "TIME",
                        "received at TIME or later: 2026-11-24T05:17:27Z, with +09:00 for another "
                        "zone than UTC; a date as 2026-11-24 (its first moment); or -90s, -30m, "
                        "-12h, -3d, -2w from now",
                        false},
    [AK_OPTION_TO] = {"to", "TIME", "received before TIME, which itself is out", false},
    [AK_OPTION_SOURCE] = {"source", "ID|GLOB",
                          "only of this source: its number as `sources` lists it, or a pattern "
                          "with * and ? for its name or address. May be given more than once",
                          true},
    [AK_OPTION_INDEX] = {"index", "A-B", "only entries A to B, both ends in; or one index", false},
    [AK_OPTION_KIND] = {"kind", "KIND",
                        "entries of this kind instead of records and fragments: record, fragment, "
                        "source, manifest, event, epoch, order, anchor, state, a number, or all. "
                        "May be given more than once",
                        true},
    [AK_OPTION_RAW] = {"raw", NULL,
                       "the exact bytes of each record and a line feed, nothing else; fragments "
                       "only with --kind",
                       false},
    [AK_OPTION_JSONL] = {"jsonl", NULL, "one JSON object a line for each entry", false},
    [AK_OPTION_FIELDS] = {"fields", NULL,
                          "the parts of each syslog record, computed when it is read: time, host, "
                          "application, severity, structured data, message; with --jsonl as the "
                          "member fields",
                          false},
    [AK_OPTION_FILE] = {"file", "FILE",
                        "look for any of the strings in FILE, one a line, as they stand there; "
                        "also -f. Up to a million, in one pass",
                        false},
    [AK_OPTION_FIXED] = {"fixed", NULL, "PATTERN is a string, not an expression; also -F", false},
    [AK_OPTION_IGNORE_CASE] = {"ignore-case", NULL,
                               "small and capital letters A to Z are the same; also -i", false},
    [AK_OPTION_INVERT] = {"invert", NULL, "records that do not match; also -v", false},
    [AK_OPTION_COUNT_ONLY] = {"count", NULL,
                              "only the number of records found, log by log; also -c", false},
    [AK_OPTION_ENCODING] = {"encoding", "NAME",
                            "the encoding of the records: utf-8, shift_jis, euc-jp, iso-2022-jp, "
                            "utf-16, or auto, which is all of them and is what holds if not given",
                            false},
    [AK_OPTION_CONTEXT] = {"context", "N",
                           "with each record found the N entries of its log before and behind it, "
                           "whoever sent them; marked `:neighbour`",
                           false},
    [AK_OPTION_SORT] = {"sort", "time|index",
                        "records of all logs merged by the time of their reception, instead of log "
                        "by log",
                        false},
    [AK_OPTION_FULL] = {"full", NULL,
                        "check every block against the signed tree, also those of sealed files "
                        "whose digest the log names",
                        false},
    [AK_OPTION_COUNTS] = {"counts", NULL,
                          "follow the numbers that senders count with (RFC 5424 meta sequenceId, "
                          "Cisco, Linux audit, Windows): what is missing was lost before the "
                          "collector, and is listed with both neighbours. With --key only proven "
                          "records count",
                          false},
    [AK_OPTION_ALL] = {"all", NULL, "with --counts: list every jump, not the first ones", false},
    [AK_OPTION_RECORD] = {"record", "FILE",
                          "the record's exact bytes: `prove` writes them there, `proof` reads from "
                          "there what is claimed to be logged",
                          false},
    [AK_OPTION_ENTRY] =
        {"entry", "HEX|FILE",
         "the entry that is claimed to be logged, 54 bytes, or 70 with its salt, in "
         "hexadecimal or as a file",
         false},
    [AK_OPTION_EPOCH] =
        {"epoch", "FILE",
         "the start note of the entry's epoch, which shows by itself that the "
         "origin pins the key that signed; the proof's name and .epoch if not given",
         false},
    [AK_OPTION_STORE] = {"store", "DIR",
                         "a store that holds the log's entries: what it says counts where its "
                         "hashes lead to a signed root",
                         false},
    [AK_OPTION_TMP] = {"tmp", "DIR",
                       "where what does not fit into memory goes: hashes, no text; /tmp if not "
                       "given. Up to 200 bytes for each line and each record",
                       false},
    [AK_OPTION_PERIOD] = {"period", "PERIOD",
                          "the page for management over a year, a month or a day, UTC: 2026, "
                          "2026-10 or 2026-10-05",
                          false},
    [AK_OPTION_SEED] = {"seed", "NONCE",
                        "the auditor's nonce, 16 to 64 bytes in hexadecimal; its SHA-256 stands in "
                        "the log if it was committed. One is drawn here if not given",
                        false},
    [AK_OPTION_BEACON] = {"beacon", "HEX",
                          "a public beacon's value from after the head, mixed into the draw",
                          false},
    [AK_OPTION_CONFIDENCE] = {"confidence", "N",
                              "per cent: how sure the statement shall be; 95 if not given", false},
    [AK_OPTION_TOLERABLE] = {"tolerable", "RATE",
                             "how many may deviate, with its sign; 1% if not given", false},
    [AK_OPTION_CASE] = {"case", "ID", "the case that this is for", false},
    [AK_OPTION_EXHIBIT] = {"exhibit", "NO", "the number of the exhibit in it", false},
    [AK_OPTION_BY] = {"by", "NAME", "who does this: a person", false},
    [AK_OPTION_REASON] = {"reason", "TEXT", "why", false},
    [AK_OPTION_SEVERITY] = {"severity", "SCHEME:LEVEL",
                            "how grave the incident is, by a scheme of yours", false},
    [AK_OPTION_TLP] = {"tlp", "COLOUR",
                       "who may see it by the Traffic Light Protocol: RED, AMBER+STRICT, AMBER, "
                       "GREEN or CLEAR",
                       false},
    [AK_OPTION_ON_BEHALF_OF] = {"on-behalf-of", "ORG", "the organisation for which it is done",
                                false},
    [AK_OPTION_MANDATE] = {"mandate", "TEXT", "what allows it: a warrant, an order, a contract",
                           false},
    [AK_OPTION_MATCH] = {"match", "RE",
                         "records that fit this regular expression: a selection, never complete. "
                         "May be given more than once",
                         true},
    [AK_OPTION_IDENTITY] = {"identity", "TEXT",
                            "of all sources whose declaration has this name, address or "
                            "fingerprint; shows the declarations of all others too, which proves "
                            "that there are no more of it",
                            false},
    [AK_OPTION_EVENTS] = {"events", NULL,
                          "also all events of the time, so that it is proven what was lost", false},
    [AK_OPTION_REDACT] =
        {"redact", "WHAT",
         "black out whole records: index:A-B or match:RE; or parts of records that "
         "were logged by parts: part:RE (its groups, else all of a match) or "
         "bytes:INDEX:A-B. Text and salt stay behind, the entry is shown. May be "
         "given more than once",
         true},
    [AK_OPTION_REDACT_REASON] = {"redact-reason", "TEXT",
                                 "why: once for all, or once for each --redact in their order",
                                 true},
    [AK_OPTION_ALSO] = {"also", "FORMAT",
                        "a copy for other programs: timesketch (JSON lines), csv (no cell is a "
                        "formula), or case (CASE/UCO provenance). May be given more than once",
                        true},
    [AK_OPTION_EXPECT] =
        {"expect", "WHAT",
         "the range that it must be complete for, whatever its maker says: index:A-B; or from:TIME "
         "and to:TIME, with source:ID|GLOB or identity:TEXT, and events for what was lost. One "
         "each time",
         true},
    [AK_OPTION_REQUIRE] = {"require", "CLAIM",
                           "this claim must be made and hold: authentic, complete, redacted, time "
                           "or custody. May be given more than once",
                           true},
    [AK_OPTION_POPULATION] = {"population", "FILE",
                              "draw lines of this file of the agency's own, and look each up in "
                              "the log",
                              false},
    [AK_OPTION_REQUEST] = {"request", "FILE",
                           "the time-stamp request (RFC 3161) for an authority: written, or with "
                           "--reply read",
                           false},
    [AK_OPTION_REPLY] = {"reply", "FILE", "what the authority answered to --request", false},
    [AK_OPTION_REQUESTS] = {"requests", "FILE",
                            "for an auditor who holds a checkpoint: what is asked of the operator",
                            false},
    [AK_OPTION_ANSWERS] = {"answers", "FILE", "what the operator answered to --requests", false},
    [AK_OPTION_HEAD] = {"head", "FILE",
                        "shows that the nonce was committed before the head, as `answer --audit` "
                        "wrote it",
                        false},
    [AK_OPTION_AUDIT] = {"audit", "HEX", "the commitment whose head is to be shown", false},
    [AK_OPTION_WORKSHEET] = {"worksheet", "FILE",
                             "write the drawn records there, to be judged; an existing file is not "
                             "overwritten",
                             false},
    [AK_OPTION_FINDINGS] = {"findings", "FILE",
                            "the worksheet again, filled in: what the auditor found of each",
                            false},
    [AK_OPTION_PREVIOUS] = {"previous", "SHEET",
                            "an earlier sheet, as --json wrote it, to compare with", false},
    [AK_OPTION_HTML] = {"html", NULL, "the sheet as one HTML page", false},
    [AK_OPTION_VIEWER] = {"viewer", NULL,
                          "write the viewer of bundles without any data: it asks for a bundle in "
                          "one file, and is the same for everybody who has this release",
                          false},
    [AK_OPTION_PURPOSE] = {"purpose", "TEXT", "why it is handed over, or looked at", false},
    [AK_OPTION_PLACE] = {"place", "TEXT", "where that is done", false},
    [AK_OPTION_AT] = {"at", "TIME",
                      "when that was done, as for --from of cat; of custody it is now if not given",
                      false},
    [AK_OPTION_SIZE] = {"size", "N", "how many entries the log had then", false},
    [AK_OPTION_CHANGES] = {"changes", "TEXT",
                           "what had to be changed in the evidence, or was found changed", false},
    [AK_OPTION_ANSWERABLE] = {"answerable", "NAME",
                              "who answers for --changes; who is named with --by if not given",
                              false},
    [AK_OPTION_SIGN] = {"sign", "KEYFILE",
                        "sign with this private key, as `akashi-verify key new` makes it", false},
    [AK_OPTION_CUSTODY_KEY] = {"custody-key", "VKEY|FILE",
                               "key of a custodian, or a file with one a line, from outside: every "
                               "custody record must be signed by one of these. May be given more "
                               "than once",
                               true},
    [AK_OPTION_OUTPUT] = {"output", "FILE",
                          "write there; also -o. An existing file is not "
                          "overwritten",
                          false},
    [AK_OPTION_FORCE] = {"force", NULL, "let --output overwrite", false},
    [AK_OPTION_JSON] = {"json", NULL, "the report as one JSON object", false},
    [AK_OPTION_QUIET] = {"quiet", NULL, "only the result, no explanations and no progress", false},
    [AK_OPTION_HELP] = {"help", NULL, "show this", false},
    [AK_OPTION_VERSION] = {"version", NULL,
                           "version, libraries, and the SHA-256 of this program's own file", false},
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
    if (strchr(word, '/') != NULL)
        return ak_fail(err, AK_EUSAGE,
                       "the command comes first; to check this: akashi-verify check %s --key VKEY",
                       word);
    return ak_fail(err, AK_EUSAGE, "there is no command '%s'; akashi-verify --help lists all",
                   word);
}

/* Index of the option of this name, or AK_OPTION_COUNT. */
static unsigned find_option(const char *name, size_t len)
{
    unsigned i;

    for (i = 0; i < AK_OPTION_COUNT; i++) {
        if (strlen(infos[i].name) == len && memcmp(infos[i].name, name, len) == 0)
            break;
    }
    return i;
}

/* The few that have a letter too: as other programs that search and write call them. */
static unsigned find_letter(char letter)
{
    static const struct {
        char letter;
        unsigned option;
    } letters[] = {{'o', AK_OPTION_OUTPUT},      {'h', AK_OPTION_HELP},
                   {'f', AK_OPTION_FILE},        {'F', AK_OPTION_FIXED},
                   {'i', AK_OPTION_IGNORE_CASE}, {'v', AK_OPTION_INVERT},
                   {'c', AK_OPTION_COUNT_ONLY}};

    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
        if (letters[i].letter == letter)
            return letters[i].option;
    }
    return AK_OPTION_COUNT;
}

static enum ak_code unknown_option(const struct ak_options *options, const char *word, size_t len,
                                   struct ak_error *err)
{
    const char *names[AK_OPTION_COUNT];
    const char *near;

    /* The words of the command itself are the likeliest; then those of all. */
    for (unsigned i = 0; i < AK_OPTION_COUNT; i++)
        names[i] = options->command == NULL || options->command->options & AK_OPTION_BIT(i)
                       ? infos[i].name
                       : NULL;
    near = ak_nearest(word, len, names, AK_OPTION_COUNT);
    if (near != NULL)
        return ak_fail(err, AK_EUSAGE, "there is no option --%.*s; did you mean --%s?", (int)len,
                       word, near);
    return ak_fail(err, AK_EUSAGE, "there is no option --%.*s; akashi-verify %s%s--help lists all",
                   (int)len, word, options->command == NULL ? "" : options->command->name,
                   options->command == NULL ? "" : " ");
}

static enum ak_code add(const char ***list, size_t *count, const char *value, struct ak_error *err)
{
    const char **grown = reallocarray(*list, *count + 1, sizeof(*grown));

    if (grown == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the command line");
    *list = grown;
    (*list)[(*count)++] = value;
    return AK_OK;
}

/* One option; `*i` moves over a value that is a word of its own. */
static enum ak_code take_option(struct ak_options *options, int argc, char **argv, int *i,
                                struct ak_error *err)
{
    const char *word = argv[*i];
    const char *name = word + 2;
    size_t len = strcspn(name, "=");
    const char *value = name[len] == '=' ? name + len + 1 : NULL;
    unsigned option;

    if (word[1] != '-') {
        option = find_letter(word[1]);
        value = word[2] != '\0' ? word + 2 : NULL;
        if (option == AK_OPTION_COUNT || (infos[option].value == NULL && value != NULL))
            return ak_fail(err, AK_EUSAGE,
                           "there is no option %s; options are words, as --key; a path that begins "
                           "with - is written ./%s",
                           word, word);
    } else {
        option = find_option(name, len);
        if (option == AK_OPTION_COUNT)
            return unknown_option(options, name, len, err);
    }
    if (infos[option].value == NULL && value != NULL)
        return ak_fail(err, AK_EUSAGE, "--%s takes no value", infos[option].name);
    if (infos[option].value != NULL && value == NULL) {
        if (*i + 1 >= argc)
            return ak_fail(err, AK_EUSAGE, "--%s wants %s behind it", infos[option].name,
                           infos[option].value);
        value = argv[++*i];
    }
    if (options->count[option] > 0 && infos[option].value != NULL && !infos[option].repeats)
        return ak_fail(err, AK_EUSAGE, "--%s was given twice", infos[option].name);
    return add(&options->value[option], &options->count[option], value == NULL ? "" : value, err);
}

/* The command is the first word that is no option, so that it is known when an option is wrong. */
static const char *first_word(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        unsigned option;

        if (word[0] != '-' || word[1] == '\0')
            return word;
        if (strcmp(word, "--") == 0)
            return i + 1 < argc ? argv[i + 1] : NULL;
        option = word[1] == '-'    ? find_option(word + 2, strlen(word + 2))
                 : word[2] == '\0' ? find_letter(word[1])
                                   : AK_OPTION_COUNT;
        if (option < AK_OPTION_COUNT && infos[option].value != NULL)
            i++;
    }
    return NULL;
}

static enum ak_code check_words(const struct ak_options *options, struct ak_error *err)
{
    const struct ak_command *c = options->command;

    for (unsigned i = 0; i < AK_OPTION_COUNT; i++) {
        ak_option_set all = AK_OPTION_BIT(AK_OPTION_HELP) | AK_OPTION_BIT(AK_OPTION_VERSION);
        if (options->count[i] > 0 && !((c->options | all) & AK_OPTION_BIT(i)))
            return ak_fail(err, AK_EUSAGE,
                           "%s takes no --%s; akashi-verify %s --help lists what "
                           "it takes",
                           c->name, infos[i].name, c->name);
    }
    if (options->word_count < c->words_min)
        return ak_fail(err, AK_EUSAGE, "%s wants %s; for example: %s", c->name, c->words,
                       c->example);
    if (options->word_count > c->words_max)
        return ak_fail(err, AK_EUSAGE, "%s takes %s and no more; '%s' is too much", c->name,
                       c->words[0] == '\0' ? "no words" : c->words, options->words[c->words_max]);
    return AK_OK;
}

enum ak_code ak_options_parse(struct ak_options *options, int argc, char **argv,
                              struct ak_error *err)
{
    const char *command = first_word(argc, argv);
    bool ended = false;
    bool seen = false;
    enum ak_code rc = AK_OK;

    memset(options, 0, sizeof(*options));
    if (command != NULL) {
        options->command = find_command(command);
        if (options->command == NULL)
            return unknown_command(command, err);
    }
    for (int i = 1; i < argc && rc == AK_OK; i++) {
        assert(argv[i] != NULL);
        if (!ended && strcmp(argv[i], "--") == 0)
            ended = true;
        else if (!ended && argv[i][0] == '-' && argv[i][1] != '\0')
            rc = take_option(options, argc, argv, &i, err);
        else if (!seen)
            seen = true; /* the command itself */
        else
            rc = add(&options->words, &options->word_count, argv[i], err);
    }
    if (rc != AK_OK || options->count[AK_OPTION_HELP] > 0 || options->count[AK_OPTION_VERSION] > 0)
        return rc;
    if (options->command == NULL)
        return ak_fail(err, AK_EUSAGE,
                       "say what to do, for example: akashi-verify check STORE --key VKEY; "
                       "akashi-verify --help lists all commands");
    return check_words(options, err);
}

void ak_options_free(struct ak_options *options)
{
    for (unsigned i = 0; i < AK_OPTION_COUNT; i++)
        free(options->value[i]);
    free(options->words);
    memset(options, 0, sizeof(*options));
}

enum ak_code ak_options_number(const struct ak_options *options, enum ak_option option,
                               uint64_t max, uint64_t *value, struct ak_error *err)
{
    const char *text = ak_options_value(options, option);

    if (!ak_text_decimal((struct ak_text){text, strlen(text)}, max, value))
        return ak_fail(err, AK_EUSAGE, "--%s %s: write a whole number of at most %llu",
                       infos[option].name, text, (unsigned long long)max);
    return AK_OK;
}

/* Words that one command takes in another sense. */
static const struct {
    const char *command;
    enum ak_option option;
    struct option_info info;
} senses[] = {
    {"custody", AK_OPTION_TO, {"to", "NAME", "who takes it in", false}},
    {"custody", AK_OPTION_BY, {"by", "NAME", "who gives it out, or looks at it", false}},
};

static const struct option_info *sense_of(const struct ak_command *c, unsigned option)
{
    for (size_t i = 0; i < sizeof(senses) / sizeof(senses[0]); i++) {
        if (senses[i].option == option && strcmp(senses[i].command, c->name) == 0)
            return &senses[i].info;
    }
    return &infos[option];
}

static void print_option(FILE *file, const struct option_info *info)
{
    int used = fprintf(file, "  --%s%s%s", info->name, info->value == NULL ? "" : " ",
                       info->value == NULL ? "" : info->value);

    if (used < 0)
        return;
    if ((unsigned)used + 2 > HELP_COLUMN) {
        fputc('\n', file);
        used = 0;
    }
    fprintf(file, "%*s", (int)HELP_COLUMN - used, "");
    ak_show_wrapped(file, info->help, HELP_COLUMN, HELP_COLUMN);
}

static void help_command(FILE *file, const struct ak_command *c)
{
    fprintf(file, "akashi-verify %s%s%s%s\n\n", c->name, c->words[0] == '\0' ? "" : " ", c->words,
            c->options == 0 ? "" : " [OPTION...]");
    ak_show_wrapped(file, c->summary, 0, 0);
    if (c->text[0] != '\0') {
        fputc('\n', file);
        ak_show_wrapped(file, c->text, 0, 0);
    }
    fprintf(file, "\nOptions:\n");
    for (unsigned i = 0; i < AK_OPTION_COUNT; i++) {
        if (c->options & AK_OPTION_BIT(i) || i == AK_OPTION_HELP)
            print_option(file, sense_of(c, i));
    }
    fprintf(file, "\nExample:\n  %s\n", c->example);
}

static void help_all(FILE *file)
{
    fprintf(file, "akashi-verify COMMAND ... [OPTION...]\n\n");
    ak_show_wrapped(file,
                    "Proves offline that nothing in a log was altered, left out or put in, or "
                    "names what is wrong. Reads only; needs no network.",
                    0, 0);
    fprintf(file, "\nCommands:\n");
    for (const struct ak_command *c = ak_commands; c->name != NULL; c++) {
        fprintf(file, "  %-12s", c->name);
        ak_show_wrapped(file, c->summary, 14, 14);
    }
    fprintf(file, "\nOptions:\n");
    print_option(file, &infos[AK_OPTION_HELP]);
    print_option(file, &infos[AK_OPTION_VERSION]);
    fprintf(file, "\nakashi-verify COMMAND --help explains one.\n\n"
                  "Exit status: 0 VALID; 1 INVALID; 2 NOT CHECKABLE, also wrong usage and what "
                  "cannot be read;\n3 INCOMPLETE.\n");
}

void ak_options_help(FILE *file, const struct ak_command *command)
{
    if (command == NULL)
        help_all(file);
    else
        help_command(file, command);
}
