/* report_chart.h - the timeline of a report as an inline SVG: volume per source, and above it what
 * is damaged, when nobody wrote, what was lost, and where the clock fell. */
#ifndef AK_REPORT_CHART_H
#define AK_REPORT_CHART_H

#include "report_data.h"

#include <stdio.h>

/* Sources with a row of their own; all others share one. */
#define AK_CHART_ROWS_MAX 30u

/* Writes a <figure> with rows for at most `most` sources; marks differ by shape and lane, not by
 * colour alone. */
void ak_report_chart(FILE *file, const struct ak_report_data *data, size_t most);

/* The rows of the table of sources from most to least entries; at most `cap`; gives their number.
 * Sources that sent nothing are left out. */
size_t ak_report_largest(const struct ak_report_data *data, size_t *row, size_t cap);

#endif
