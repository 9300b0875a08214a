/* pick.h - the logs that a path of cat, info and sources means. */
#ifndef AK_PICK_H
#define AK_PICK_H

#include "jsonout.h"
#include "options.h"
#include "source_table.h"

#include <akashi/error.h>
#include <akashi/log_reader.h>

#include <stdio.h>

/* Lists them by the command's one word and --log. AK_ENOTFOUND if there is none. Free with
 * ak_log_places_free. */
enum ak_code ak_pick_logs(const struct ak_options *options, struct ak_log_places *places,
                          struct ak_error *err);

/* The same, but there must be exactly one: AK_EUSAGE names those that are there. */
enum ak_code ak_pick_log(const struct ak_options *options, struct ak_log_places *places,
                         struct ak_error *err);

/* What --source means in a log whose declarations are in `table`: ordinals, malloc'ed; NULL if it
 * was not given. AK_ENOTFOUND if one of them means nothing. */
enum ak_code ak_pick_sources(const struct ak_options *options, const struct ak_source_table *table,
                             uint32_t **ordinals, size_t *count, struct ak_error *err);

/* Whether the origin says that the log belongs to an exercise. */
bool ak_pick_is_exercise(const struct ak_log_place *place);

/* "log PATH", name, origin, and EXERCISE where it is one. */
void ak_pick_print(FILE *file, const struct ak_log_place *place);

/* The members path, name, origin, id and exercise. */
void ak_pick_json(struct ak_json_out *out, const struct ak_log_place *place);

/* "record", "event" and so on; "other" for kinds that are not known. */
const char *ak_pick_kind(uint8_t kind);

#endif
