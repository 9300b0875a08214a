/* cmd_common.c - from the command line to a check. */
#include "commands.h"

#include "progress.h"
#include "text.h"
#include "when.h"

#include <akashi/tree.h>

#include <sched.h>
#include <stdio.h>
#include <string.h>

static enum ak_code add_trust(const struct ak_options *options, struct ak_trust *trust,
                              struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    for (size_t i = 0; rc == AK_OK && i < options->count[AK_OPTION_KEY]; i++)
        rc = ak_trust_add_key(trust, options->value[AK_OPTION_KEY][i], err);
    if (rc == AK_OK && ak_options_has(options, AK_OPTION_POLICY))
        rc = ak_trust_set_policy(trust, ak_options_value(options, AK_OPTION_POLICY), err);
    for (size_t i = 0; rc == AK_OK && i < options->count[AK_OPTION_TSA_CA]; i++)
        rc = ak_trust_add_tsa(trust, options->value[AK_OPTION_TSA_CA][i], err);
    for (size_t i = 0; rc == AK_OK && i < options->count[AK_OPTION_AUTHORITY]; i++)
        rc = ak_trust_add_authority(trust, options->value[AK_OPTION_AUTHORITY][i], err);
    for (size_t i = 0; rc == AK_OK && i < options->count[AK_OPTION_CUSTODY_KEY]; i++)
        rc = ak_trust_add_custodian(trust, options->value[AK_OPTION_CUSTODY_KEY][i], err);
    for (size_t i = 0; rc == AK_OK && i < options->count[AK_OPTION_CHECKPOINT]; i++)
        rc = ak_trust_add_kept(trust, options->value[AK_OPTION_CHECKPOINT][i], NULL, err);
    return rc;
}

/* Processors that this process may use. */
static unsigned processors(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

    return n < 1 ? 1 : n > (int)AK_CHECK_JOBS_MAX ? AK_CHECK_JOBS_MAX : (unsigned)n;
}

enum ak_code ak_cmd_prepare(const struct ak_options *options, struct ak_trust *trust,
                            struct ak_check_options *check, struct ak_error *err)
{
    const char *max_age = ak_options_value(options, AK_OPTION_MAX_AGE);
    const char *until = ak_options_value(options, AK_OPTION_UNTIL);
    uint64_t jobs = processors();
    enum ak_code rc;

    *check = (struct ak_check_options){.now = ak_when_now()};
    rc = add_trust(options, trust, err);
    if (rc == AK_OK && max_age != NULL)
        rc = ak_when_parse_stretch(max_age, &check->max_age, err);
    if (rc == AK_OK && until != NULL)
        rc = ak_when_parse(until, check->now, &check->until, err);
    if (rc == AK_OK && ak_options_has(options, AK_OPTION_JOBS)) {
        rc = ak_options_number(options, AK_OPTION_JOBS, AK_CHECK_JOBS_MAX, &jobs, err);
        if (rc == AK_OK && jobs == 0)
            rc =
                ak_fail(err, AK_EUSAGE, "--jobs 0: write a number from 1 to %u", AK_CHECK_JOBS_MAX);
    }
    if (rc != AK_OK)
        return rc;
    check->jobs = (unsigned)jobs;
    check->keys = trust->keys;
    check->key_count = trust->key_count;
    check->policy = trust->policy;
    check->tsa = trust->tsa;
    check->authorities = trust->authorities;
    check->authority_count = trust->authority_count;
    check->kept = trust->kept;
    check->kept_count = trust->kept_count;
    check->log_count = options->count[AK_OPTION_LOG];
    check->logs = check->log_count > 0 ? options->value[AK_OPTION_LOG] : NULL;
    return AK_OK;
}

enum ak_code ak_cmd_judge(const struct ak_options *options, const char *const *paths, size_t count,
                          struct ak_check_options *check, struct ak_check **out,
                          struct ak_error *err)
{
    struct ak_progress progress;
    enum ak_code rc;

    ak_progress_begin(&progress, !ak_options_has(options, AK_OPTION_QUIET));
    check->ctx = &progress;
    check->on_progress = ak_progress_show;
    rc = ak_check_run(paths, count, check, out, err);
    ak_progress_end(&progress);
    return rc;
}

static enum ak_code parse_index(struct ak_log_filter *filter, const char *text,
                                struct ak_error *err)
{
    const char *dash = strchr(text, '-');
    struct ak_text a = {text, dash == NULL ? strlen(text) : (size_t)(dash - text)};
    struct ak_text b = dash == NULL ? a : (struct ak_text){dash + 1, strlen(dash + 1)};

    if (!ak_text_decimal(a, AK_TREE_SIZE_MAX, &filter->first) ||
        !ak_text_decimal(b, AK_TREE_SIZE_MAX, &filter->last) || filter->first > filter->last)
        return ak_fail(err, AK_EUSAGE,
                       "--index %s: write A-B with A not above B, both ends in, or one index",
                       text);
    return AK_OK;
}

static enum ak_code parse_times(struct ak_log_filter *filter, const struct ak_options *options,
                                struct ak_error *err)
{
    const char *from = ak_options_value(options, AK_OPTION_FROM);
    const char *to = ak_options_value(options, AK_OPTION_TO);
    uint64_t now = ak_when_now();
    char a[AK_WHEN_TEXT_BYTES];
    char b[AK_WHEN_TEXT_BYTES];
    enum ak_code rc = AK_OK;

    if (from != NULL && (rc = ak_when_parse(from, now, &filter->from, err)) != AK_OK)
        ak_wrap(err, "--from");
    else if (to != NULL && (rc = ak_when_parse(to, now, &filter->to, err)) != AK_OK)
        ak_wrap(err, "--to");
    if (rc == AK_OK && filter->from >= filter->to)
        rc = ak_fail(err, AK_EUSAGE, "--from %s is not before --to %s",
                     ak_when_format(a, filter->from), ak_when_format(b, filter->to));
    if (rc == AK_OK && !ak_options_has(options, AK_OPTION_QUIET) && (from != NULL || to != NULL))
        fprintf(stderr, "received from %s to %s\n",
                from == NULL ? "the start" : ak_when_format(a, filter->from),
                to == NULL ? "the end" : ak_when_format(b, filter->to));
    return rc;
}

enum ak_code ak_cmd_filter(const struct ak_options *options, struct ak_log_filter *filter,
                           struct ak_error *err)
{
    const char *index = ak_options_value(options, AK_OPTION_INDEX);
    enum ak_code rc = AK_OK;

    *filter = AK_LOG_FILTER_ALL;
    if (index != NULL)
        rc = parse_index(filter, index, err);
    if (rc == AK_OK)
        rc = parse_times(filter, options, err);
    return rc;
}
