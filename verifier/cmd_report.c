/* cmd_report.c - the judgement of a store as one HTML page; a bundle in a page that checks it.
 *
 * Happy path: a store is checked as `check` does, then each log is read once more for what the
 * page shows, and the page is written to a new file. The exit status is that of the verdict. If the
 * page cannot be written whole, the part of it is removed. */
#include "commands.h"

#include "bundle_show.h"
#include "output.h"
#include "report.h"
#include "report_page.h"
#include "viewer_bundle.h"
#include "when.h"

#include <akashi/bundle.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Month behind the one of "2026-10", or year, or day: the first moment that is not in the period.
 */
static enum ak_code parse_period(const char *text, uint64_t *from, uint64_t *to,
                                 struct ak_error *err)
{
    char first[16];
    char next[16];
    unsigned year = 0;
    unsigned month = 0;
    size_t len = strlen(text);
    char end = '\0';

    if (len == 10 && ak_when_parse(text, 0, from, NULL) == AK_OK) {
        *to = *from + UINT64_C(86400) * AK_WHEN_SECOND;
        return AK_OK;
    }
    if (len == 7 && strspn(text, "0123456789-") == 7 &&
        sscanf(text, "%4u-%2u%c", &year, &month, &end) == 2 && month >= 1 && month <= 12) {
        (void)snprintf(first, sizeof(first), "%04u-%02u-01", year, month);
        (void)snprintf(next, sizeof(next), "%04u-%02u-01", month == 12 ? year + 1 : year,
                       month == 12 ? 1 : month + 1);
    } else if (len == 4 && strspn(text, "0123456789") == 4 && sscanf(text, "%4u", &year) == 1) {
        (void)snprintf(first, sizeof(first), "%04u-01-01", year);
        (void)snprintf(next, sizeof(next), "%04u-01-01", year + 1);
    } else {
        first[0] = '\0';
    }
    if (first[0] != '\0' && ak_when_parse(first, 0, from, NULL) == AK_OK &&
        ak_when_parse(next, 0, to, NULL) == AK_OK)
        return AK_OK;
    return ak_fail(err, AK_EUSAGE,
                   "--period %s: write a year, a month or a day, as 2026, 2026-10 or 2026-10-05",
                   text);
}

static enum ak_code parse_stretch(const struct ak_options *options, struct ak_report_page *page,
                                  struct ak_error *err)
{
    const char *from = ak_options_value(options, AK_OPTION_FROM);
    const char *to = ak_options_value(options, AK_OPTION_TO);
    enum ak_code rc = AK_OK;

    page->period = ak_options_value(options, AK_OPTION_PERIOD);
    if (page->period != NULL && (from != NULL || to != NULL))
        return ak_fail(err, AK_EUSAGE,
                       "--period names a stretch of time by itself: leave --from "
                       "and --to out");
    if (page->period != NULL)
        return parse_period(page->period, &page->from, &page->to, err);
    if (from != NULL)
        rc = ak_when_parse(from, page->now, &page->from, err);
    if (rc == AK_OK && to != NULL)
        rc = ak_when_parse(to, page->now, &page->to, err);
    if (rc == AK_OK && to != NULL && page->to <= page->from)
        rc = ak_fail(err, AK_EUSAGE, "--to must be behind --from");
    return rc;
}

static enum ak_code write_page(const struct ak_options *options, struct ak_report_page *page,
                               const struct ak_check *check, struct ak_error *err)
{
    const char *path = ak_options_value(options, AK_OPTION_OUTPUT);
    enum ak_code written;
    enum ak_code rc =
        ak_output_open(path, ak_options_has(options, AK_OPTION_FORCE), &page->file, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_report_page(page, check, err);
    written = ak_output_close(page->file, path, rc == AK_OK ? err : NULL);
    if (rc == AK_OK)
        rc = written;
    if (rc != AK_OK)
        (void)unlink(path);
    return rc;
}

static enum ak_code report_store(const struct ak_options *options, int *status,
                                 struct ak_error *err)
{
    bool colour = isatty(STDOUT_FILENO) == 1;
    struct ak_check_options how = {0};
    struct ak_report_page page = {0};
    struct ak_trust trust = {0};
    struct ak_check *check = NULL;
    enum ak_code rc = ak_cmd_prepare(options, &trust, &how, err);

    page.now = how.now;
    page.policy = ak_options_value(options, AK_OPTION_POLICY);
    page.authorities = how.authorities;
    page.authority_count = how.authority_count;
    if (rc == AK_OK)
        rc = parse_stretch(options, &page, err);
    if (rc == AK_OK)
        rc = ak_cmd_judge(options, options->words, options->word_count, &how, &check, err);
    if (rc == AK_OK)
        rc = write_page(options, &page, check, err);
    if (rc == AK_OK) {
        for (size_t i = 0; i < check->count; i++)
            ak_report_result(stdout, &check->logs[i], colour);
        *status = ak_verdict_exit(check->verdict);
    }
    ak_check_free(check);
    ak_trust_free(&trust);
    return rc;
}

/* The viewer alone, or with the data of a bundle. */
static enum ak_code write_viewer(const struct ak_options *options, const void *data, size_t len,
                                 struct ak_error *err)
{
    const char *path = ak_options_value(options, AK_OPTION_OUTPUT);
    FILE *file;
    enum ak_code rc = ak_output_open(path, ak_options_has(options, AK_OPTION_FORCE), &file, err);

    if (rc != AK_OK)
        return rc;
    ak_viewer_write(file, data, len);
    rc = ak_output_close(file, path, err);
    if (rc != AK_OK)
        (void)unlink(path);
    return rc;
}

/* What a page of a bundle cannot show is not taken in silence. */
static enum ak_code check_bundle_options(const struct ak_options *options, struct ak_error *err)
{
    static const struct {
        enum ak_option option;
        const char *name;
    } others[] = {
        {AK_OPTION_PERIOD, "period"},
        {AK_OPTION_FROM, "from"},
        {AK_OPTION_TO, "to"},
        {AK_OPTION_LOG, "log"},
        {AK_OPTION_CHECKPOINT, "checkpoint"},
    };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (ak_options_has(options, others[i].option))
            return ak_fail(err, AK_EUSAGE, "%s is a bundle, and --%s is for stores",
                           options->words[0], others[i].name);
    }
    return AK_OK;
}

/* The bundle is judged first; what the page says of it the reader's browser finds by itself. */
static enum ak_code write_bundle(const struct ak_options *options,
                                 const struct ak_bundle_result *result, struct ak_error *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    enum ak_code rc;

    if (!result->has_about || !result->has_checkpoint)
        return ak_fail(err, AK_EMALFORMED,
                       "%s is no bundle that a page could carry; akashi-verify bundle %s says why",
                       options->words[0], options->words[0]);
    rc = ak_viewer_pack(options->words[0], result->about.made, &data, &len, err);
    if (rc == AK_OK)
        rc = write_viewer(options, data, len, err);
    free(data);
    return rc;
}

static enum ak_code report_bundle(const struct ak_options *options, int *status,
                                  struct ak_error *err)
{
    struct ak_bundle_show show = {.file = stdout,
                                  .colour = isatty(STDOUT_FILENO) == 1,
                                  .quiet = true,
                                  .path = options->words[0]};
    struct ak_bundle_input input = {.path = options->words[0]};
    struct ak_bundle_result result = {0};
    struct ak_check_options unused;
    struct ak_trust trust = {0};
    enum ak_code rc = check_bundle_options(options, err);

    if (rc == AK_OK)
        rc = ak_cmd_prepare(options, &trust, &unused, err);
    input.keys = trust.keys;
    input.key_count = trust.key_count;
    input.policy = trust.policy;
    if (rc == AK_OK)
        rc = ak_bundle_judge(&input, &result, err);
    if (rc == AK_OK)
        rc = write_bundle(options, &result, err);
    if (rc == AK_OK) {
        ak_bundle_show(&show, &result);
        *status = ak_verdict_exit(result.verdict);
    }
    ak_bundle_result_free(&result);
    ak_trust_free(&trust);
    return rc;
}

static enum ak_code report_viewer(const struct ak_options *options, int *status,
                                  struct ak_error *err)
{
    char digest[2 * AK_HASH_BYTES + 1];
    enum ak_code rc;

    if (options->word_count > 0)
        return ak_fail(err, AK_EUSAGE, "--viewer writes the viewer without data: leave %s out",
                       options->words[0]);
    rc = write_viewer(options, NULL, 0, err);
    if (rc != AK_OK)
        return rc;
    ak_viewer_digest(digest);
    printf("viewer of akashi-verify %s, SHA-256 %s\n", AKASHI_VERSION, digest);
    *status = 0;
    return AK_OK;
}

enum ak_code ak_cmd_report(const struct ak_options *options, int *status, struct ak_error *err)
{
    if (!ak_options_has(options, AK_OPTION_OUTPUT))
        return ak_fail(err, AK_EUSAGE, "say where the page goes: -o FILE.html");
    if (ak_options_has(options, AK_OPTION_VIEWER))
        return report_viewer(options, status, err);
    if (options->word_count == 0)
        return ak_fail(err, AK_EUSAGE, "report wants PATH; for example: %s",
                       options->command->example);
    if (ak_bundle_is_one(options->words[0]))
        return report_bundle(options, status, err);
    return report_store(options, status, err);
}
