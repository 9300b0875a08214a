/* cmd_custody.c - custody: who had a bundle, when, where and why.
 *
 * Without --by the records are listed and judged. With it one is added: the bundle is judged first,
 * the record is made, signed if a key is given, put beside the others, and all is judged again.
 * Nothing that is there is changed. */
#include "commands.h"

#include "claim_show.h"
#include "custody_add.h"
#include "custody_show.h"
#include "show.h"
#include "when.h"

#include <akashi/base64.h>
#include <akashi/bundle.h>
#include <akashi/signing_key.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct custody {
    const struct ak_options *options;
    const char *path;
    struct ak_trust trust; /* custodians alone */
    struct ak_bundle_result result;
    unsigned added; /* number of the record that was added, or 0 */
};

/* Options that say what a record says. */
static const enum ak_option only_with_by[] = {
    AK_OPTION_TO,      AK_OPTION_PURPOSE,    AK_OPTION_PLACE, AK_OPTION_AT,
    AK_OPTION_CHANGES, AK_OPTION_ANSWERABLE, AK_OPTION_SIGN};

static const char *value(const struct custody *c, enum ak_option option)
{
    const char *text = ak_options_value(c->options, option);

    return text == NULL ? "" : text;
}

static enum ak_code check_options(const struct custody *c, struct ak_error *err)
{
    bool adds = ak_options_has(c->options, AK_OPTION_BY);

    for (size_t i = 0; !adds && i < sizeof(only_with_by) / sizeof(only_with_by[0]); i++) {
        if (ak_options_has(c->options, only_with_by[i]))
            return ak_fail(err, AK_EUSAGE,
                           "a custody record is added by somebody: --by NAME is missing; for "
                           "example: %s",
                           c->options->command->example);
    }
    if (adds && !ak_options_has(c->options, AK_OPTION_PURPOSE))
        return ak_fail(err, AK_EUSAGE,
                       "a custody record says why: --purpose TEXT is missing; for example: %s",
                       c->options->command->example);
    if (ak_options_has(c->options, AK_OPTION_ANSWERABLE) &&
        !ak_options_has(c->options, AK_OPTION_CHANGES))
        return ak_fail(err, AK_EUSAGE,
                       "--answerable names who answers for --changes: what changed?");
    return AK_OK;
}

static enum ak_code judge(struct custody *c, struct ak_error *err)
{
    struct ak_bundle_input input = {.path = c->path,
                                    .custody_keys = c->trust.custodians,
                                    .custody_key_count = c->trust.custodian_count};
    enum ak_code rc;

    ak_bundle_result_free(&c->result);
    if (!ak_bundle_is_one(c->path) && access(c->path, F_OK) == 0)
        return ak_fail(err, AK_EUSAGE, "%s is no bundle, as `akashi-verify export` makes them",
                       c->path);
    rc = ak_bundle_judge(&input, &c->result, err);
    if (rc == AK_OK && c->result.sums_digest[0] == '\0')
        return ak_fail(err, AK_EMALFORMED, "%s: %s", c->path,
                       c->result.claim[AK_BUNDLE_AUTHENTIC].claim.text);
    return rc;
}

static const struct ak_claim *claim_of(const struct custody *c)
{
    return &c->result.claim[AK_BUNDLE_CUSTODY].claim;
}

/* What is wrong may be taken over, but not in silence. */
static enum ak_code check_state(const struct custody *c, struct ak_error *err)
{
    const struct ak_claim *claim = claim_of(c);

    if (claim->verdict == AK_VALID || ak_options_has(c->options, AK_OPTION_CHANGES) ||
        (claim->coded && claim->code == AK_FINDING_UNTRUSTED_KEY))
        return AK_OK;
    return ak_fail(err, AK_EUSAGE,
                   "nothing was added: %s Whoever takes this over says so: --changes TEXT names "
                   "what is not as it was",
                   claim->text);
}

static enum ak_code set_text(char to[AK_CUSTODY_TEXT_BYTES_MAX + 1], const char *word,
                             const char *text, struct ak_error *err)
{
    size_t len = strlen(text);

    if (len > 0 && !ak_custody_text_valid(text, len))
        return ak_fail(err, AK_EUSAGE,
                       "--%s: write 1 to %u bytes of UTF-8 on one line, without blanks at the ends",
                       word, AK_CUSTODY_TEXT_BYTES_MAX);
    memcpy(to, text, len + 1);
    return AK_OK;
}

/* "CASE / EXHIBIT", as the bundle's maker states them. */
static enum ak_code set_exhibit(const struct custody *c, struct ak_custody_record *record,
                                struct ak_error *err)
{
    const struct ak_bundle_about *about = &c->result.about;
    int n;

    if (!c->result.has_about)
        return ak_fail(err, AK_EMALFORMED, "bundle.json cannot be read, which names the exhibit");
    n = snprintf(record->exhibit, sizeof(record->exhibit), "%s / %s",
                 about->text[AK_BUNDLE_TEXT_CASE], about->text[AK_BUNDLE_TEXT_EXHIBIT]);
    if (n < 0 || (size_t)n >= sizeof(record->exhibit) ||
        !ak_custody_text_valid(record->exhibit, strlen(record->exhibit)))
        return ak_fail(err, AK_EMALFORMED, "case and exhibit in bundle.json do not fit on a line");
    return AK_OK;
}

static enum ak_code set_time(const struct custody *c, struct ak_custody_record *record,
                             struct ak_error *err)
{
    const char *at = ak_options_value(c->options, AK_OPTION_AT);
    uint64_t ns = ak_when_now();
    enum ak_code rc = AK_OK;

    if (at != NULL)
        rc = ak_when_parse(at, ns, &ns, err);
    else if (ns == 0)
        rc = ak_fail(err, AK_EUSAGE, "this machine has no clock: give the time with --at");
    record->at = ns / AK_WHEN_SECOND;
    return rc;
}

static enum ak_code set_texts(const struct custody *c, struct ak_custody_record *record,
                              struct ak_error *err)
{
    bool changed = ak_options_has(c->options, AK_OPTION_CHANGES);
    const char *answerable = value(c, AK_OPTION_ANSWERABLE);
    enum ak_code rc = set_text(record->by, "by", value(c, AK_OPTION_BY), err);

    if (rc == AK_OK)
        rc = set_text(record->to, "to", value(c, AK_OPTION_TO), err);
    if (rc == AK_OK)
        rc = set_text(record->place, "place", value(c, AK_OPTION_PLACE), err);
    if (rc == AK_OK)
        rc = set_text(record->purpose, "purpose", value(c, AK_OPTION_PURPOSE), err);
    if (rc == AK_OK)
        rc = set_text(record->changes, "changes", changed ? value(c, AK_OPTION_CHANGES) : "none",
                      err);
    if (rc == AK_OK && changed)
        rc = set_text(record->answerable, "answerable",
                      answerable[0] != '\0' ? answerable : record->by, err);
    return rc;
}

/* The record, behind those that are there. */
static enum ak_code make(const struct custody *c, struct ak_custody_record *record,
                         struct ak_error *err)
{
    const struct ak_custody *before = &c->result.custody;
    enum ak_code rc;

    memset(record, 0, sizeof(*record));
    record->number = 1;
    if (before->count > 0) {
        const struct ak_custody_item *last = &before->item[before->count - 1];
        if (!last->readable)
            return ak_fail(err, AK_EMALFORMED,
                           "the newest custody record cannot be read: bring back the file as it "
                           "was");
        record->number = last->record.number + 1;
        record->has_previous = true;
        record->previous = last->digest;
    }
    if (ak_hex_decode(record->evidence.b, AK_HASH_BYTES, c->result.sums_digest,
                      strlen(c->result.sums_digest), err) != AK_OK)
        return AK_EMALFORMED;
    rc = set_exhibit(c, record, err);
    if (rc == AK_OK)
        rc = set_time(c, record, err);
    return rc == AK_OK ? set_texts(c, record, err) : rc;
}

/* The file's bytes: the record's text, signed if there is a key. */
static enum ak_code make_file(const struct custody *c, const struct ak_custody_record *record,
                              char *out, size_t cap, size_t *n, struct ak_error *err)
{
    const char *path = ak_options_value(c->options, AK_OPTION_SIGN);
    struct ak_signing_key *key;
    enum ak_code rc = ak_custody_format(out, cap, n, record, err);

    if (rc != AK_OK || path == NULL)
        return rc;
    rc = ak_signing_key_load(&key, path, err);
    if (rc == AK_OK)
        rc = ak_signing_key_note(key, out, *n, out, cap, n, err);
    else
        ak_wrap(err, "--sign");
    ak_signing_key_free(key);
    return rc;
}

static enum ak_code add(struct custody *c, struct ak_error *err)
{
    char data[AK_CUSTODY_BYTES_MAX];
    struct ak_custody_record record;
    size_t n;
    enum ak_code rc = check_state(c, err);

    if (rc == AK_OK)
        rc = make(c, &record, err);
    if (rc == AK_OK)
        rc = make_file(c, &record, data, sizeof(data), &n, err);
    if (rc == AK_OK)
        rc = ak_custody_add(c->path, c->result.archive, record.number, data, n, err);
    if (rc == AK_OK) {
        c->added = record.number;
        rc = judge(c, err);
    }
    return rc;
}

static void print_result(const struct custody *c)
{
    const struct ak_custody *custody = &c->result.custody;
    bool colour = isatty(STDOUT_FILENO) == 1;

    if (!ak_options_has(c->options, AK_OPTION_QUIET)) {
        ak_claim_show_program(stdout);
        fputs("bundle ", stdout);
        ak_show_text(stdout, c->path);
        fputc('\n', stdout);
        ak_claim_show_label(stdout, "evidence");
        printf("SHA-256 of SHA256SUMS %s\n", c->result.sums_digest);
        ak_custody_show(stdout, custody, c->trust.custodian_count > 0);
        ak_claim_show_finding(stdout, claim_of(c), colour);
        if (c->added > 0)
            printf("Record %u was added. Keep its digest: with it a removal can be noticed.\n",
                   c->added);
        ak_show_wrapped(stdout,
                        "Not judged here: whether the records of the log in it are as they were "
                        "signed. `akashi-verify bundle` does that.",
                        0, 0);
    }
    ak_show_verdict(stdout, claim_of(c)->verdict, colour);
    printf(" %zu custody record%s", custody->count, ak_show_plural(custody->count));
    if (custody->remarks > 0)
        printf(", %u with a remark", custody->remarks);
    fputs(", bundle ", stdout);
    ak_show_text(stdout, c->path);
    printf(", evidence %.16s\n", c->result.sums_digest);
}

static void put_result(const struct custody *c, const struct ak_error *err)
{
    struct ak_json_out out;

    ak_json_out_init(&out, stdout);
    ak_claim_json_begin(&out, claim_of(c), err);
    (void)ak_json_out_text(&out, "path", c->path, strlen(c->path));
    if (err == NULL) {
        ak_json_out_string(&out, "evidence", c->result.sums_digest);
        if (c->added > 0)
            ak_json_out_uint(&out, "added", c->added);
        ak_custody_json(&out, &c->result.custody);
    }
    ak_claim_json_end(&out);
}

enum ak_code ak_cmd_custody(const struct ak_options *options, int *status, struct ak_error *err)
{
    struct ak_check_options unused;
    struct custody c = {.options = options, .path = options->words[0]};
    enum ak_code rc = check_options(&c, err);

    if (rc == AK_OK)
        rc = ak_cmd_prepare(options, &c.trust, &unused, err);
    if (rc == AK_OK)
        rc = judge(&c, err);
    if (rc == AK_OK && ak_options_has(options, AK_OPTION_BY))
        rc = add(&c, err);
    if (ak_options_has(options, AK_OPTION_JSON))
        put_result(&c, rc == AK_OK ? NULL : err);
    else if (rc == AK_OK)
        print_result(&c);
    *status = ak_verdict_exit(claim_of(&c)->verdict);
    ak_bundle_result_free(&c.result);
    ak_trust_free(&c.trust);
    return rc;
}
