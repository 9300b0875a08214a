/* cmd_report.c - the judgement of a store as one HTML page.
 *
 * Happy path: the store is checked as `check` does, then each log is read once more for what the
 * page shows, and the page is written to a new file. The exit status is that of the verdict. If the
 * page cannot be written whole, the part of it is removed. */
#include "commands.h"

#include "output.h"
#include "report.h"
#include "report_page.h"
#include "show.h"
#include "when.h"

#include <stdio.h>
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

enum ak_code ak_cmd_report(const struct ak_options *options, int *status, struct ak_error *err)
{
    bool colour = isatty(STDOUT_FILENO) == 1;
    struct ak_check_options how = {0};
    struct ak_report_page page = {0};
    struct ak_trust trust = {0};
    struct ak_check *check = NULL;
    enum ak_code rc;

    if (!ak_options_has(options, AK_OPTION_OUTPUT))
        return ak_fail(err, AK_EUSAGE, "say where the page goes: -o FILE.html");
    rc = ak_cmd_prepare(options, &trust, &how, err);
    page.now = how.now;
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
