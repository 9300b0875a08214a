/* bundle_readme.h - the text of README.txt, for who makes a bundle and for who judges one
 * (docs/format.md 14.1). */
#ifndef AK_BUNDLE_README_H
#define AK_BUNDLE_README_H

#include <akashi/bundle.h>
#include <akashi/checkpoint.h>

#include <stdbool.h>
#include <stdio.h>

/* What the recipe must open; each opens what those before it do, too. */
enum ak_bundle_recipe {
    AK_BUNDLE_RECIPE_WHOLE,    /* commitments to whole payloads (3.4, form 1) */
    AK_BUNDLE_RECIPE_BY_PARTS, /* an entry of form 2 is shown whole */
    AK_BUNDLE_RECIPE_IN_PARTS  /* one is shown in part */
};

#define AK_BUNDLE_RECIPES (AK_BUNDLE_RECIPE_IN_PARTS + 1u)

/* Adds what an entry of this form, shown in this state (14.5), asks of the recipe. */
void ak_bundle_recipe_add(enum ak_bundle_recipe *opens, uint8_t state, uint8_t form);

/* Writes the text. Of `about` the single texts and `made` count, of `checkpoint` the size; all are
 * borrowed, and what its maker states is escaped. `stamped`: time stamps are there. Errors stay in
 * the stream. */
void ak_bundle_readme_put(FILE *file, const struct ak_bundle_about *about,
                          const struct ak_checkpoint *checkpoint, enum ak_bundle_recipe opens,
                          bool stamped);

#endif
