/* custody_show.h - custody records of a bundle for people and programs. */
#ifndef AK_CUSTODY_SHOW_H
#define AK_CUSTODY_SHOW_H

#include "jsonout.h"

#include <akashi/custody.h>

#include <stdbool.h>
#include <stdio.h>

/* Each record with who, when, where and why, whose signature it has, and what does not fit; then
 * what no record can show. `keys_given`: the reader brought keys of custodians. */
void ak_custody_show(FILE *file, const struct ak_custody *custody, bool keys_given);

/* The member "custody": an array of records. */
void ak_custody_json(struct ak_json_out *out, const struct ak_custody *custody);

#endif
