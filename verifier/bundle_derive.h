/* bundle_derive.h - copies of what a bundle holds, for other programs (docs/format.md 14.8): JSON
 * lines for Timesketch, a table for spreadsheets, provenance for CASE/UCO.
 *
 * The same functions make them on export and make them again when a bundle is judged, so that a
 * copy never says what is not proven. */
#ifndef AK_BUNDLE_DERIVE_H
#define AK_BUNDLE_DERIVE_H

#include "bundle_files.h"
#include "source_table.h"

#include <akashi/bundle.h>

#include <stdio.h>

/* A stream into a hash: nothing is kept. `*ctx` must stay until it is closed. NULL without memory.
 */
FILE *ak_bundle_derive_hash(struct ak_sha256_ctx *ctx);

/* The head of records.csv. */
void ak_bundle_derive_csv_head(FILE *file);

/* One received entry whose text is shown, as a line of records.jsonl, of records.csv. `table` has
 * the declarations that were shown before it. */
void ak_bundle_derive_jsonl(FILE *file, const struct ak_bundle_entry *entry,
                            const struct ak_source_table *table);
void ak_bundle_derive_csv(FILE *file, const struct ak_bundle_entry *entry,
                          const struct ak_source_table *table);

/* A file that provenance.jsonld names. */
struct ak_bundle_derive_file {
    bool there;
    uint64_t bytes;
    struct ak_hash digest;
};

/* Whether provenance.jsonld names this one: those that are evidence or statements, no copies. */
bool ak_bundle_derive_names(enum ak_bundle_name name);

/* The whole of provenance.jsonld; `files` by enum ak_bundle_name. */
void ak_bundle_derive_provenance(FILE *file, const struct ak_bundle_about *about,
                                 const struct ak_bundle_derive_file *files);

#endif
