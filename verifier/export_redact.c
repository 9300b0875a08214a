/* export_redact.c - rules by index or by pattern, each with its reason. */
#include "export_redact.h"

#include "bundle_ask.h"

#include <stdlib.h>
#include <string.h>

static enum ak_code parse_rule(struct ak_export_redact *redact, size_t i, const char *text,
                               struct ak_error *err)
{
    struct ak_export_redact_rule *rule = &redact->rule[i];
    struct ak_wanted wanted = {0};
    enum ak_code rc;

    redact->stated[i].what = text;
    if (strncmp(text, "index:", strlen("index:")) == 0 &&
        ak_bundle_ask_index(text + strlen("index:"), &rule->first, &rule->last))
        return AK_OK;
    if (strncmp(text, "match:", strlen("match:")) != 0)
        return ak_fail(err, AK_EUSAGE,
                       "--redact %s: write index:A-B, both ends in, or match:EXPRESSION", text);
    rule->pattern = true;
    redact->stated[i].what = "match";
    wanted.pattern = text + strlen("match:");
    rc = ak_matcher_compile(&rule->matcher, &wanted, err);
    return rc == AK_OK ? ak_matcher_scan_new(&rule->scan, rule->matcher, err) : rc;
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
    }
    free(redact->rule);
    free(redact->stated);
    memset(redact, 0, sizeof(*redact));
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
        if (rule->pattern)
            rc = ak_matcher_record(rule->scan, entry->payload, entry->len, &match, err);
        else
            match.found = entry->index >= rule->first && entry->index <= rule->last;
        if (rc != AK_OK)
            return rc;
        if (match.found) {
            *redaction = (int)i;
            return AK_OK;
        }
    }
    return AK_OK;
}
