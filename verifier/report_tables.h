/* report_tables.h - the tables of a page: findings, events, orders, sources. */
#ifndef AK_REPORT_TABLES_H
#define AK_REPORT_TABLES_H

#include "report_data.h"

#include <akashi/check.h>

#include <stdio.h>

void ak_page_findings(FILE *file, const struct ak_check_log *log,
                      const struct ak_report_data *data);
void ak_page_events(FILE *file, const struct ak_report_data *data);
void ak_page_sources(FILE *file, const struct ak_report_data *data);

#endif
