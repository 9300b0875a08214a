/* bundle_ask.h - ranges as people type them: what is to be exported, and what a bundle is expected
 * to be complete for. */
#ifndef AK_BUNDLE_ASK_H
#define AK_BUNDLE_ASK_H

#include "options.h"

#include <akashi/bundle.h>

/* Reads "A-B", both ends in, or one index. False if it is neither. */
bool ak_bundle_ask_index(const char *text, uint64_t *first, uint64_t *last);

/* Reads all --expect. `*given` tells whether there was one. The range borrows from `options` and
 * from `texts`, which is malloc'ed. AK_EUSAGE, AK_ENOMEM. */
enum ak_code ak_bundle_ask_expect(const struct ak_options *options, uint64_t now, bool *given,
                                  struct ak_bundle_range *range, const char ***texts,
                                  struct ak_error *err);

/* Reads --require into an array of AK_BUNDLE_CLAIMS. AK_EUSAGE. */
enum ak_code ak_bundle_ask_required(const struct ak_options *options,
                                    bool required[AK_BUNDLE_CLAIMS], struct ak_error *err);

/* Makes claims that were required and not made INCOMPLETE. */
void ak_bundle_ask_apply(const bool required[AK_BUNDLE_CLAIMS], struct ak_bundle_result *result);

#endif
