/* bundle_about.h - bundle.json: what the maker of a bundle states (docs/format.md 14.3). */
#ifndef AK_BUNDLE_ABOUT_H
#define AK_BUNDLE_ABOUT_H

#include <akashi/bundle.h>

#define AK_BUNDLE_VERSION 1

/* Reads it. AK_EMALFORMED, AK_EUNSUPPORTED for another version, AK_ENOMEM. ak_bundle_about_free
 * frees in any case. */
enum ak_code ak_bundle_about_read(struct ak_bundle_about *about, const void *data, size_t len,
                                  struct ak_error *err);
void ak_bundle_about_free(struct ak_bundle_about *about);

/* Writes it; of `about` all members but `json` count. `*data` is malloc'ed. AK_ELIMIT if it is too
 * long; AK_EUSAGE for a text that is not UTF-8. */
enum ak_code ak_bundle_about_write(const struct ak_bundle_about *about, char **data, size_t *len,
                                   struct ak_error *err);

#endif
