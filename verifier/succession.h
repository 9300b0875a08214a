/* succession.h - the members of an event `succession`, out of JSON that was parsed already. */
#ifndef AK_SUCCESSION_H
#define AK_SUCCESSION_H

#include "json.h"

#include <akashi/succession.h>

/* R51: every member has its form. `*s` borrows from `object`. AK_EMALFORMED. */
enum ak_code ak_succession_members(struct ak_succession *s, const json_t *object,
                                   struct ak_error *err);

#endif
