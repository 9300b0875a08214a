/* cmd_export.c - export: from a store to a bundle.
 *
 * Happy path: the log is opened, the plan made, the files written into a directory beside the
 * place, and what was written is judged as whoever gets it will; only then it gets its name.
 *
 * Failure modes: where the hashes that a quick reader takes do not lead to the signed root, a
 * careful one tries once more; what does not come out then is told, and nothing is left. */
#include "commands.h"

#include "bundle_show.h"
#include "claim_show.h"
#include "export.h"
#include "export_ask.h"
#include "export_place.h"
#include "export_redact.h"
#include "progress.h"
#include "self.h"
#include "show.h"
#include "when.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct export
{
    const struct ak_options *options;
    const char *path;
    const char *log;
    const char *out;
    struct ak_trust trust;
    struct ak_signing_key *sign; /* NULL: the custody record is not signed */
    struct ak_bundle_about about;
    struct ak_export_ask ask;
    struct ak_export_redact redact;
    bool jsonl; /* copies that are wanted too */
    bool csv;
    bool provenance;
    char program[64];
    char vkey[AK_VKEY_TEXT_BYTES_MAX];
    bool stamped; /* a stamped checkpoint is tried, and the newest is still left to try */
    bool placed;  /* the bundle has its name */
    struct ak_progress progress;
    struct ak_claim claim; /* why nothing could be made, or what is wrong with what was */
    struct ak_bundle_result result;
};

/* ---- What was typed ---- */

/* Members of bundle.json that must be typed, and those that may. */
static const struct {
    enum ak_bundle_text text;
    enum ak_option option;
} statements[] = {
    {AK_BUNDLE_TEXT_CASE, AK_OPTION_CASE},
    {AK_BUNDLE_TEXT_EXHIBIT, AK_OPTION_EXHIBIT},
    {AK_BUNDLE_TEXT_BY, AK_OPTION_BY},
    {AK_BUNDLE_TEXT_REASON, AK_OPTION_REASON},
    {AK_BUNDLE_TEXT_SEVERITY, AK_OPTION_SEVERITY},
    {AK_BUNDLE_TEXT_TLP, AK_OPTION_TLP},
    {AK_BUNDLE_TEXT_ON_BEHALF_OF, AK_OPTION_ON_BEHALF_OF},
    {AK_BUNDLE_TEXT_MANDATE, AK_OPTION_MANDATE},
};

static enum ak_code check_tlp(const char *tlp, struct ak_error *err)
{
    static const char *const colours[] = {"RED", "AMBER+STRICT", "AMBER", "GREEN", "CLEAR"};

    for (size_t i = 0; tlp != NULL && i < sizeof(colours) / sizeof(colours[0]); i++) {
        if (strcmp(colours[i], tlp) == 0)
            return AK_OK;
    }
    return tlp == NULL ? AK_OK
                       : ak_fail(err, AK_EUSAGE,
                                 "--tlp %s: write RED, AMBER+STRICT, AMBER, GREEN or CLEAR", tlp);
}

static enum ak_code parse_statements(struct export *e, struct ak_error *err)
{
    const char *severity = ak_options_value(e->options, AK_OPTION_SEVERITY);

    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        const char *value = ak_options_value(e->options, statements[i].option);
        if ((value == NULL && statements[i].text < AK_BUNDLE_TEXT_SEVERITY) ||
            (value != NULL && value[0] == '\0'))
            return ak_fail(err, AK_EUSAGE,
                           "what is handed over names its case, its exhibit, who does it and why: "
                           "--%s is missing; for example: %s",
                           ak_bundle_text_name(statements[i].text), e->options->command->example);
        if (value != NULL && !ak_json_out_is_utf8(value, strlen(value)))
            return ak_fail(err, AK_EUSAGE, "--%s is not UTF-8",
                           ak_bundle_text_name(statements[i].text));
        e->about.text[statements[i].text] = value;
    }
    if (severity != NULL && (strchr(severity, ':') == NULL || severity[0] == ':'))
        return ak_fail(err, AK_EUSAGE, "--severity %s: write SCHEME:LEVEL, as cvss:7.5", severity);
    return check_tlp(e->about.text[AK_BUNDLE_TEXT_TLP], err);
}

static enum ak_code parse_copies(struct export *e, struct ak_error *err)
{
    for (size_t i = 0; i < e->options->count[AK_OPTION_ALSO]; i++) {
        const char *word = e->options->value[AK_OPTION_ALSO][i];
        if (strcmp(word, "timesketch") == 0)
            e->jsonl = true;
        else if (strcmp(word, "csv") == 0)
            e->csv = true;
        else if (strcmp(word, "case") == 0)
            e->provenance = true;
        else
            return ak_fail(err, AK_EUSAGE, "--also %s: write timesketch, csv or case", word);
    }
    return AK_OK;
}

static enum ak_code parse(struct export *e, struct ak_error *err)
{
    enum ak_code rc;

    e->path = e->options->words[0];
    e->out = ak_options_value(e->options, AK_OPTION_OUTPUT);
    e->log = ak_options_value(e->options, AK_OPTION_LOG);
    if (e->options->count[AK_OPTION_LOG] > 1)
        return ak_fail(err, AK_EUSAGE, "a bundle is of one log: give --log once");
    if (e->out == NULL)
        return ak_fail(err, AK_EUSAGE, "export wants -o BUNDLE; for example: %s",
                       e->options->command->example);
    rc = ak_export_ask_parse(&e->ask, e->options, ak_when_now(), err);
    if (rc == AK_OK)
        rc = parse_statements(e, err);
    if (rc == AK_OK)
        rc = parse_copies(e, err);
    if (rc == AK_OK)
        rc = ak_export_redact_parse(&e->redact, e->options, err);
    e->about.redaction = e->redact.stated;
    e->about.redaction_count = e->redact.count;
    (void)snprintf(e->program, sizeof(e->program), "akashi-verify %s", AKASHI_VERSION);
    e->about.text[AK_BUNDLE_TEXT_PROGRAM] = e->program;
    e->about.text[AK_BUNDLE_TEXT_PROGRAM_SHA256] = ak_self_digest();
    e->about.made = ak_when_now() / AK_WHEN_SECOND * AK_WHEN_SECOND;
    return rc;
}

/* ---- Making ---- */

/* As whoever gets it will. */
static enum ak_code judge(struct export *e, struct ak_export_log *log,
                          const struct ak_export_place *place, struct ak_error *err)
{
    struct ak_bundle_input input = {.path = place->dir,
                                    .keys = &log->key,
                                    .key_count = 1,
                                    .authorities = e->trust.authorities,
                                    .authority_count = e->trust.authority_count,
                                    .progress_ctx = &e->progress,
                                    .on_progress = ak_progress_show};
    enum ak_code rc;

    ak_bundle_result_free(&e->result);
    rc = ak_bundle_judge(&input, &e->result, err);
    for (unsigned i = 0; rc == AK_OK && i < AK_BUNDLE_CLAIMS; i++) {
        const struct ak_bundle_claim *claim = &e->result.claim[i];
        if (claim->made && claim->claim.verdict > e->claim.verdict)
            e->claim = claim->claim;
    }
    return rc;
}

static enum ak_code write_bundle(struct export *e, struct ak_export_log *log,
                                 const struct ak_export_plan *pieces,
                                 const struct ak_export_states *states, struct ak_error *err)
{
    struct ak_export_write write = {.log = log,
                                    .plan = pieces,
                                    .states = states,
                                    .about = &e->about,
                                    .policy = e->trust.policy_text,
                                    .policy_len = e->trust.policy_len,
                                    .ctx = &e->redact,
                                    .redact = ak_export_redact_entry,
                                    .hide = ak_export_redact_hide,
                                    .jsonl = e->jsonl,
                                    .csv = e->csv,
                                    .provenance = e->provenance};
    struct ak_export_place place = {.dir_fd = -1};
    enum ak_code rc =
        ak_export_place_begin(&place, e->out, ak_options_has(e->options, AK_OPTION_FORCE), err);

    write.dir_fd = place.dir_fd;
    if (rc == AK_OK)
        rc = ak_export_write(&write, err);
    if (rc == AK_OK)
        rc = ak_export_redact_met(&e->redact, err);
    if (rc == AK_OK)
        rc = ak_export_custody(place.dir, place.dir_fd, &e->about, e->sign, err);
    if (rc == AK_OK)
        rc = judge(e, log, &place, err);
    /* What its own claims do not carry yet (open at the right) may be handed over, and says so; but
     * not where a later checkpoint may carry them. */
    if (rc == AK_OK && e->result.claim[AK_BUNDLE_AUTHENTIC].claim.verdict == AK_VALID &&
        e->claim.verdict <= (e->stamped ? AK_VALID : AK_INCOMPLETE)) {
        rc = ak_export_place_end(&place, e->about.made, err);
        e->placed = rc == AK_OK;
    }
    ak_export_place_free(&place);
    return rc;
}

/* What could not be read is the claim's, but for what kept this from being done at all. */
static enum ak_code judge_error(struct export *e, enum ak_code rc, const struct ak_error *err)
{
    switch (rc) {
    case AK_EINTEGRITY:
        ak_claim_fail(&e->claim, AK_FINDING_ALTERED, "", "%s", err->text);
        return AK_OK;
    case AK_EMALFORMED:
        ak_claim_fail(&e->claim, AK_FINDING_MALFORMED, "", "%s", err->text);
        return AK_OK;
    case AK_EUNSUPPORTED:
        ak_claim_fail(&e->claim, AK_FINDING_UNSUPPORTED, "", "%s", err->text);
        return AK_OK;
    default:
        return rc;
    }
}

/* The checkpoint: with `early` for its time stamps the smallest that will do. */
static void choose(struct export *e, struct ak_export_log *log, bool early)
{
    uint64_t least;
    bool states;

    e->stamped = early && ak_export_ask_least(&e->ask, log, &least, &states) &&
                 ak_export_stamps_choose(log, least, states, e->ask.range.to, e->trust.policy);
    ak_export_stamps_add(log);
}

static enum ak_code make_once(struct export *e, enum ak_log_tree_manner manner, bool early,
                              struct ak_error *err)
{
    struct ak_export_plan pieces = {0};
    struct ak_export_states states = {0};
    struct ak_export_log log = {0};
    struct ak_log_tree *tree;
    enum ak_code rc = ak_log_tree_open(&tree, e->path, e->log, manner, err);

    if (rc != AK_OK)
        return rc;
    memset(&e->claim, 0, sizeof(e->claim));
    e->stamped = false;
    ak_progress_begin(&e->progress, !ak_options_has(e->options, AK_OPTION_QUIET));
    rc = ak_export_log_open(&log, tree, e->trust.keys, e->trust.key_count, e->trust.policy,
                            &e->claim, err);
    if (rc == AK_OK && !e->claim.told) {
        e->about.text[AK_BUNDLE_TEXT_ORIGIN] = log.key.name;
        (void)ak_vkey_format(e->vkey, sizeof(e->vkey), &log.key);
        e->about.text[AK_BUNDLE_TEXT_LOG_KEY] = e->vkey;
        log.progress_ctx = &e->progress;
        log.on_progress = ak_progress_show;
        choose(e, &log, early);
        rc = ak_export_ask_plan(&e->ask, &log, &pieces, &states, &e->claim, err);
        e->about.asked = e->ask.range;
        if (rc == AK_OK && !e->claim.told)
            rc = write_bundle(e, &log, &pieces, &states, err);
        rc = judge_error(e, rc, err);
    }
    e->about.text[AK_BUNDLE_TEXT_ORIGIN] = NULL;
    ak_progress_end(&e->progress);
    ak_export_states_free(&states);
    ak_export_plan_free(&pieces);
    ak_export_log_close(&log);
    ak_log_tree_close(tree);
    return rc;
}

/* By a stamped checkpoint if that carries all that is claimed, else by the newest. */
static enum ak_code make(struct export *e, enum ak_log_tree_manner manner, struct ak_error *err)
{
    enum ak_code rc = make_once(e, manner, true, err);

    return e->stamped && !e->placed ? make_once(e, manner, false, err) : rc;
}

/* As in prove: a careful look helps where what is derived is wrong, or a file went away because it
 * was sealed meanwhile. */
static enum ak_code make_somehow(struct export *e, struct ak_error *err)
{
    enum ak_code rc = make(e, AK_LOG_TREE_QUICK, err);

    if (rc == AK_ENOTFOUND || rc == AK_EMALFORMED || rc == AK_EIO ||
        (rc == AK_OK && e->claim.told && e->claim.verdict == AK_INVALID))
        rc = make(e, AK_LOG_TREE_CAREFUL, err);
    return rc;
}

/* ---- Telling ---- */

static bool made(const struct export *e)
{
    return e->result.has_checkpoint && e->claim.verdict <= AK_INCOMPLETE &&
           e->result.claim[AK_BUNDLE_AUTHENTIC].claim.verdict == AK_VALID;
}

static void print(const struct export *e)
{
    struct ak_bundle_show show = {.file = stdout,
                                  .colour = isatty(STDOUT_FILENO) == 1,
                                  .quiet = ak_options_has(e->options, AK_OPTION_QUIET),
                                  .path = e->out};

    if (made(e)) {
        ak_bundle_show(&show, &e->result);
        return;
    }
    if (!show.quiet) {
        ak_claim_show_program(stdout);
        ak_claim_show_finding(stdout, &e->claim, show.colour);
    }
    ak_show_verdict(stdout, e->claim.verdict, show.colour);
    fputs(" nothing was handed over\n", stdout);
}

static void print_json(const struct export *e, const struct ak_error *error)
{
    struct ak_bundle_show show = {.file = stdout, .path = e->out};
    struct ak_json_out out;

    if (error != NULL || made(e)) {
        ak_bundle_show_json(&show, &e->result, error);
        return;
    }
    ak_json_out_init(&out, stdout);
    ak_claim_json_begin(&out, &e->claim, NULL);
    ak_claim_json_end(&out);
}

enum ak_code ak_cmd_export(const struct ak_options *options, int *status, struct ak_error *err)
{
    struct ak_check_options unused;
    struct export e = {.options = options};
    enum ak_code rc = parse(&e, err);

    if (rc == AK_OK)
        rc = ak_cmd_prepare(options, &e.trust, &unused, err);
    if (rc == AK_OK && ak_options_has(options, AK_OPTION_SIGN))
        rc = ak_signing_key_load(&e.sign, ak_options_value(options, AK_OPTION_SIGN), err);
    if (rc == AK_OK)
        rc = make_somehow(&e, err);
    if (ak_options_has(options, AK_OPTION_JSON))
        print_json(&e, rc == AK_OK ? NULL : err);
    else if (rc == AK_OK)
        print(&e);
    *status = ak_verdict_exit(e.claim.verdict);
    ak_bundle_result_free(&e.result);
    ak_signing_key_free(e.sign);
    ak_export_ask_free(&e.ask);
    ak_export_redact_free(&e.redact);
    ak_trust_free(&e.trust);
    return rc;
}
