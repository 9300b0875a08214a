/* export_redact.c - rules by index or by pattern, for whole records or for parts of them, each with
 * its reason. */
#include "export_redact.h"

#include "bundle_ask.h"
#include "text.h"

#include <akashi/tree.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Ways to say what is blacked out. What of them stands in bundle.json must not tell what is hidden:
 * no pattern, and no place, from which a length could be read. */
static const struct {
    const char *prefix;
    enum ak_export_redact_kind kind;
    const char *stated; /* NULL: as typed */
} forms[] = {
    {"index:", AK_EXPORT_REDACT_INDEX, NULL},
    {"match:", AK_EXPORT_REDACT_MATCH, "match"},
    {"part:", AK_EXPORT_REDACT_PART, "part"},
    {"bytes:", AK_EXPORT_REDACT_BYTES, "part"},
};

#define FORMS (sizeof(forms) / sizeof(forms[0]))

/* INDEX:A-B. */
static bool parse_bytes(struct ak_export_redact_rule *rule, const char *text)
{
    const char *colon = strchr(text, ':');

    return colon != NULL &&
           ak_text_decimal((struct ak_text){text, (size_t)(colon - text)}, AK_TREE_SIZE_MAX - 1,
                           &rule->index) &&
           ak_bundle_ask_index(colon + 1, &rule->first, &rule->last);
}

static enum ak_code parse_match(struct ak_export_redact_rule *rule, const char *text,
                                struct ak_error *err)
{
    struct ak_wanted wanted = {.pattern = text};
    enum ak_code rc = ak_matcher_compile(&rule->matcher, &wanted, err);

    return rc == AK_OK ? ak_matcher_scan_new(&rule->scan, rule->matcher, err) : rc;
}

static enum ak_code parse_rule(struct ak_export_redact *redact, size_t i, const char *text,
                               struct ak_error *err)
{
    struct ak_export_redact_rule *rule = &redact->rule[i];
    const char *rest = NULL;
    size_t f = 0;

    while (f < FORMS && strncmp(text, forms[f].prefix, strlen(forms[f].prefix)) != 0)
        f++;
    if (f < FORMS) {
        rest = text + strlen(forms[f].prefix);
        rule->kind = forms[f].kind;
        redact->stated[i].what = forms[f].stated != NULL ? forms[f].stated : text;
    }
    if (rest != NULL && rule->kind == AK_EXPORT_REDACT_MATCH)
        return parse_match(rule, rest, err);
    if (rest != NULL && rule->kind == AK_EXPORT_REDACT_PART)
        return ak_part_pattern_compile(&rule->part, rest, err);
    if (rest != NULL &&
        (rule->kind == AK_EXPORT_REDACT_INDEX ? ak_bundle_ask_index(rest, &rule->first, &rule->last)
                                              : parse_bytes(rule, rest)))
        return AK_OK;
    return ak_fail(err, AK_EUSAGE,
                   "--redact %s: write index:A-B or match:RE for whole records; part:RE or "
                   "bytes:INDEX:A-B for parts of them. Both ends are in, bytes count from 0",
                   text);
}

enum ak_code ak_export_redact_parse(struct ak_export_redact *redact,
                                    const struct ak_options *options, struct ak_error *err)
{
    size_t n = options->count[AK_OPTION_REDACT];
    size_t reasons = options->count[AK_OPTION_REDACT_REASON];
    enum ak_code rc = AK_OK;

    memset(redact, 0, sizeof(*redact));
    if (n == 0 && reasons == 0)
        return AK_OK;
    if (n > UINT16_MAX || (reasons != 1 && reasons != n) || n == 0)
        return ak_fail(err, AK_EUSAGE,
                       "what is blacked out has a reason: give --redact-reason once for all "
                       "--redact, or once for each in their order");
    redact->rule = calloc(n, sizeof(*redact->rule));
    redact->stated = calloc(n, sizeof(*redact->stated));
    if (redact->rule == NULL || redact->stated == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for what is blacked out");
    redact->count = n;
    for (size_t i = 0; rc == AK_OK && i < n; i++) {
        redact->stated[i].reason = options->value[AK_OPTION_REDACT_REASON][reasons == 1 ? 0 : i];
        if (redact->stated[i].reason[0] == '\0')
            rc = ak_fail(err, AK_EUSAGE, "--redact-reason is empty");
        if (rc == AK_OK)
            rc = parse_rule(redact, i, options->value[AK_OPTION_REDACT][i], err);
    }
    return rc;
}

void ak_export_redact_free(struct ak_export_redact *redact)
{
    for (size_t i = 0; i < redact->count && redact->rule != NULL; i++) {
        ak_matcher_scan_free(redact->rule[i].scan);
        ak_matcher_free(redact->rule[i].matcher);
        ak_part_pattern_free(redact->rule[i].part);
    }
    free(redact->rule);
    free(redact->stated);
    memset(redact, 0, sizeof(*redact));
}

/* Who hides a whole record hides its bytes too. */
static void note_whole(struct ak_export_redact *redact, uint64_t index)
{
    for (size_t i = 0; i < redact->count; i++)
        redact->rule[i].met = redact->rule[i].met || redact->rule[i].index == index;
}

enum ak_code ak_export_redact_entry(void *ctx, const struct ak_log_tree_entry *entry,
                                    int *redaction, struct ak_error *err)
{
    struct ak_export_redact *redact = ctx;

    *redaction = -1;
    for (size_t i = 0; i < redact->count; i++) {
        struct ak_export_redact_rule *rule = &redact->rule[i];
        struct ak_match match = {.found = false};
        enum ak_code rc = AK_OK;
        if (rule->kind == AK_EXPORT_REDACT_MATCH)
            rc = ak_matcher_record(rule->scan, entry->payload, entry->len, &match, err);
        else if (rule->kind == AK_EXPORT_REDACT_INDEX)
            match.found = entry->index >= rule->first && entry->index <= rule->last;
        if (rc != AK_OK)
            return rc;
        if (match.found) {
            *redaction = (int)i;
            note_whole(redact, entry->index);
            return AK_OK;
        }
    }
    return AK_OK;
}

/* ---- Parts ---- */

struct hiding {
    struct ak_export_hide *hide;
    uint16_t redaction;
};

static enum ak_code on_bytes(void *ctx, size_t begin, size_t end, struct ak_error *err)
{
    const struct hiding *h = ctx;

    return ak_export_hide_add(h->hide, begin, end, h->redaction, err);
}

static enum ak_code hide_bytes(struct ak_export_redact_rule *rule,
                               const struct ak_log_tree_entry *entry, struct hiding *h,
                               struct ak_error *err)
{
    if (entry->index != rule->index || rule->last >= entry->len)
        return AK_OK;
    rule->met = true;
    return on_bytes(h, (size_t)rule->first, (size_t)rule->last + 1, err);
}

enum ak_code ak_export_redact_hide(void *ctx, const struct ak_log_tree_entry *entry,
                                   struct ak_export_hide *hide, struct ak_error *err)
{
    struct ak_export_redact *redact = ctx;
    enum ak_code rc = AK_OK;

    for (size_t i = 0; rc == AK_OK && i < redact->count; i++) {
        struct ak_export_redact_rule *rule = &redact->rule[i];
        struct hiding h = {hide, (uint16_t)i};
        if (rule->kind == AK_EXPORT_REDACT_PART)
            rc = ak_part_pattern_each(rule->part, entry->payload, entry->len, on_bytes, &h, err);
        else if (rule->kind == AK_EXPORT_REDACT_BYTES)
            rc = hide_bytes(rule, entry, &h, err);
    }
    if (rc != AK_OK)
        ak_wrap(err, "--redact, entry %" PRIu64, entry->index);
    return rc;
}

enum ak_code ak_export_redact_met(const struct ak_export_redact *redact, struct ak_error *err)
{
    for (size_t i = 0; i < redact->count; i++) {
        const struct ak_export_redact_rule *rule = &redact->rule[i];
        if (rule->kind == AK_EXPORT_REDACT_BYTES && !rule->met)
            return ak_fail(err, AK_EUSAGE,
                           "--redact bytes:%" PRIu64 ":%" PRIu64 "-%" PRIu64
                           ": no record with that index and these bytes is handed over; "
                           "nothing was written",
                           rule->index, rule->first, rule->last);
    }
    return AK_OK;
}
