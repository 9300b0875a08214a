/* report_page.h - the judgement of logs as one HTML page for people who look rather than read.
 *
 * The verdict comes first, in fixed sentences; then what was examined, by which program, under
 * which keys; then when how much came from whom, findings, events, sources, and how it was checked.
 */
#ifndef AK_REPORT_PAGE_H
#define AK_REPORT_PAGE_H

#include "report_data.h"

#include <akashi/check.h>
#include <akashi/error.h>

#include <stdint.h>
#include <stdio.h>

/* Findings, sources and silent sources of one log that a page lists. */
#define AK_PAGE_FINDINGS_MAX 200u
#define AK_PAGE_SOURCES_MAX  500u
#define AK_PAGE_SILENT_MAX   100u

/* Authorities, as given, that are named. */
#define AK_PAGE_AUTHORITIES_MAX 16u

struct ak_report_page {
    FILE *file;
    uint64_t now;  /* 0: no clock */
    uint64_t from; /* stretch to show, ns; 0 and 0: all */
    uint64_t to;
    const char *policy;                /* NULL, or the file of the policy that was given */
    const struct ak_vkey *authorities; /* whose orders were accepted; as given */
    size_t authority_count;
    const char *period; /* NULL, or "2026-10": the page for management */
};

/* Writes the whole page; logs are read again for volumes and events. AK_OK, AK_ENOMEM, AK_EIO. */
enum ak_code ak_report_page(const struct ak_report_page *page, const struct ak_check *check,
                            struct ak_error *err);

/* Parts that the page of a period has too. */
void ak_page_verdict(FILE *file, const struct ak_check_log *log);
/* Sign and word of a verdict; `</div></section>` ends it. */
void ak_page_verdict_open(FILE *file, enum ak_verdict verdict);
void ak_page_never(FILE *file);
void ak_page_term(FILE *file, const char *en, const char *ja); /* <dt>...</dt><dd>, left open */
void ak_page_period(const struct ak_report_page *page, const struct ak_check_log *log,
                    const struct ak_report_data *data);
void ak_page_orders(FILE *file, const struct ak_report_data *data);
void ak_page_key(FILE *file, const struct ak_check_log *log);
void ak_page_program(FILE *file);
void ak_page_source(FILE *file, const struct ak_report_data *data, uint32_t ordinal);

#endif
