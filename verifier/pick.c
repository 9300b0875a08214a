/* pick.c - choosing logs and naming them. */
#include "pick.h"

#include "show.h"
#include "text.h"

#include <akashi/format.h>

#include <stdlib.h>
#include <string.h>

/* Names that an error lists. */
#define NAMED_MAX 8u

/* Ordinals that --source may select: all sources of a log, and the log's own. */
#define SELECTED_MAX (AK_DECLARED_MAX + 256u)

enum ak_code ak_pick_logs(const struct ak_options *options, struct ak_log_places *places,
                          struct ak_error *err)
{
    size_t wanted = options->count[AK_OPTION_LOG];
    enum ak_code rc = ak_log_places_list(
        options->words[0], wanted > 0 ? options->value[AK_OPTION_LOG] : NULL, wanted, places, err);

    if (rc == AK_OK && places->count == 0)
        rc = ak_fail(err, AK_ENOTFOUND, "%s holds no log", options->words[0]);
    return rc;
}

enum ak_code ak_pick_log(const struct ak_options *options, struct ak_log_places *places,
                         struct ak_error *err)
{
    char names[AK_ERROR_TEXT_BYTES / 2] = "";
    size_t used = 0;
    enum ak_code rc = ak_pick_logs(options, places, err);

    if (rc != AK_OK || places->count == 1)
        return rc;
    for (size_t i = 0; i < places->count && i < NAMED_MAX && used < sizeof(names); i++) {
        const struct ak_log_place *place = &places->place[i];
        int n = snprintf(names + used, sizeof(names) - used, "%s%s", i == 0 ? "" : ", ",
                         place->name[0] != '\0' ? place->name : place->id);
        used += n > 0 ? (size_t)n : 0;
    }
    rc = ak_fail(err, AK_EUSAGE, "%s holds %zu logs; pick one with --log: %s%s", options->words[0],
                 places->count, names, places->count > NAMED_MAX ? ", ..." : "");
    ak_log_places_free(places);
    return rc;
}

/* Adds what a pattern means; gives whether it was something. */
static bool select_pattern(const struct ak_source_table *table, const char *pattern,
                           uint32_t *selected, size_t *count)
{
    bool any = false;

    for (size_t i = 0; i < table->count && *count < SELECTED_MAX; i++) {
        if (!ak_source_row_matches(&table->row[i], pattern))
            continue;
        selected[(*count)++] = (uint32_t)(AK_SOURCE_FIRST + i);
        any = true;
    }
    return any;
}

enum ak_code ak_pick_sources(const struct ak_options *options, const struct ak_source_table *table,
                             uint32_t **ordinals, size_t *count, struct ak_error *err)
{
    size_t given = options->count[AK_OPTION_SOURCE];
    size_t room = given * (table->count + 1);

    *ordinals = NULL;
    *count = 0;
    if (given == 0)
        return AK_OK;
    *ordinals = reallocarray(NULL, room < SELECTED_MAX ? room : SELECTED_MAX, sizeof(**ordinals));
    if (*ordinals == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the list of sources");
    for (size_t i = 0; i < given; i++) {
        const char *text = options->value[AK_OPTION_SOURCE][i];
        uint64_t ordinal;
        bool any = false;

        if (ak_text_decimal((struct ak_text){text, strlen(text)}, UINT32_MAX, &ordinal)) {
            any = ordinal < AK_SOURCE_FIRST || ordinal - AK_SOURCE_FIRST < table->count;
            if (any && *count < SELECTED_MAX)
                (*ordinals)[(*count)++] = (uint32_t)ordinal;
        } else {
            any = select_pattern(table, text, *ordinals, count);
        }
        if (!any)
            return ak_fail(err, AK_ENOTFOUND,
                           "--source %s: this log has no such source; akashi-verify sources %s "
                           "lists them",
                           text, options->words[0]);
    }
    return AK_OK;
}

bool ak_pick_is_exercise(const struct ak_log_place *place)
{
    return strncmp(place->origin, "exercise.", strlen("exercise.")) == 0;
}

void ak_pick_print(FILE *file, const struct ak_log_place *place)
{
    fputs("log ", file);
    ak_show_text(file, place->path);
    fputc('\n', file);
    if (ak_pick_is_exercise(place))
        fputs("  EXERCISE    EXERCISE / 訓練: what this log holds was made for training\n", file);
    if (place->name[0] != '\0') {
        fputs("  name        ", file);
        ak_show_text(file, place->name);
        fputc('\n', file);
    }
    fputs("  origin      ", file);
    ak_show_text(file, place->origin[0] != '\0' ? place->origin : "not known: no readable header");
    fputc('\n', file);
}

void ak_pick_json(struct ak_json_out *out, const struct ak_log_place *place)
{
    (void)ak_json_out_text(out, "path", place->path, strlen(place->path));
    (void)ak_json_out_text(out, "name", place->name, strlen(place->name));
    (void)ak_json_out_text(out, "origin", place->origin, strlen(place->origin));
    (void)ak_json_out_text(out, "id", place->id, strlen(place->id));
    ak_json_out_bool(out, "exercise", ak_pick_is_exercise(place));
}

const char *ak_pick_kind(uint8_t kind)
{
    static const char *const names[] = {"record", "source", "manifest", "event", "epoch",
                                        "order",  "anchor", "fragment", "state"};

    return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "other";
}
