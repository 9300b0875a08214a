/* entry_show.h - one entry of a log as a line for eyes, and as members of a JSON object: the same
 * way for cat and search. */
#ifndef AK_ENTRY_SHOW_H
#define AK_ENTRY_SHOW_H

#include "jsonout.h"
#include "source_table.h"

#include <akashi/log_reader.h>

#include <stdint.h>
#include <stdio.h>

/* "present", "erased" and so on. */
const char *ak_entry_show_state(uint8_t state);

/* Index, time, source, kind and, if it is known, whether the entry is proven, each with a blank
 * behind it; the payload is to follow. `mark` stands behind the kind. */
void ak_entry_show_head(FILE *file, const struct ak_source_table *table,
                        const struct ak_log_entry *entry, const char *mark);

/* The same and the payload: the members index to message of docs/akashi-verify.1.scd. */
void ak_entry_show_json(struct ak_json_out *out, const struct ak_source_table *table,
                        const struct ak_log_entry *entry);

#endif
