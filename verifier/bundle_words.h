/* bundle_words.h - sentences about bundles that the report, JSON and other pages share. */
#ifndef AK_BUNDLE_WORDS_H
#define AK_BUNDLE_WORDS_H

#include "bundle_files.h"

#include <akashi/bundle.h>

#include <stdio.h>

/* "entries 3 to 9", "2026-... to 2026-..., source fw1". Escaped; no line end. */
void ak_bundle_words_range(FILE *file, const struct ak_bundle_range *range);

/* What a claim says and under which premise, in one paragraph with a line end. */
void ak_bundle_words_claim(FILE *file, const struct ak_bundle_result *result,
                           enum ak_bundle_claim_name name);

/* The premise alone; a fixed text. */
const char *ak_bundle_words_premise(const struct ak_bundle_result *result,
                                    enum ak_bundle_claim_name name);

/* Why the recipe in README.txt must not be typed; a fixed text, NULL where nothing is to be said.
 */
const char *ak_bundle_words_readme(enum ak_bundle_readme_state readme);

/* "every byte follows from the signed root". */
const char *ak_bundle_words_ledger(enum ak_bundle_ledger ledger);

#endif
