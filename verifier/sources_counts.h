/* sources_counts.h - the counters of senders (sender_count.h) as people and programs read them. */
#ifndef AK_SOURCES_COUNTS_H
#define AK_SOURCES_COUNTS_H

#include "jsonout.h"
#include "sender_count.h"
#include "source_table.h"

#include <stdbool.h>
#include <stdio.h>

/* Jumps of one counter that are listed unless all are asked for. */
#define AK_SOURCES_JUMPS_SHOWN 10u

/* Lists what was followed; `all`: every jump that is kept. */
void ak_sources_counts_print(FILE *file, const struct ak_sender_counts *counts,
                             const struct ak_source_table *table, bool all);

/* The members counters, counters_not_followed and counters_blind_entries into the open object. */
void ak_sources_counts_json(struct ak_json_out *out, const struct ak_sender_counts *counts,
                            bool all);

#endif
