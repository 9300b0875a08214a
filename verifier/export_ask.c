/* export_ask.c - from options to a plan.
 *
 * Failure modes: what contradicts itself is refused before the log is opened; a source that the log
 * does not know is named; a range that goes past the newest checkpoint is TAIL_UNSIGNED. */
#include "export_ask.h"

#include "bundle_ask.h"
#include "bundle_identity.h"
#include "text.h"
#include "when.h"

#include <akashi/segment.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- As it was typed ---- */

static enum ak_code parse_times(struct ak_export_ask *ask, struct ak_error *err)
{
    const char *from = ak_options_value(ask->options, AK_OPTION_FROM);
    const char *to = ak_options_value(ask->options, AK_OPTION_TO);
    enum ak_code rc = AK_OK;

    ask->has_from = from != NULL;
    ask->has_to = to != NULL;
    if (from != NULL)
        rc = ak_when_parse(from, ask->now, &ask->range.from, err);
    if (rc == AK_OK && to != NULL)
        rc = ak_when_parse(to, ask->now, &ask->range.to, err);
    if (rc == AK_OK && to != NULL && ask->range.from >= ask->range.to)
        rc = ak_fail(err, AK_EUSAGE, "--from is not before --to");
    return rc;
}

static enum ak_code compile(struct ak_export_ask *ask, struct ak_error *err)
{
    size_t n = ask->options->count[AK_OPTION_MATCH];
    enum ak_code rc = AK_OK;

    ask->matcher = calloc(n + 1, sizeof(struct ak_matcher *));
    if (ask->matcher == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for patterns");
    for (size_t i = 0; rc == AK_OK && i < n; i++) {
        struct ak_wanted wanted = {.pattern = ask->options->value[AK_OPTION_MATCH][i]};
        rc = ak_matcher_compile(&ask->matcher[i], &wanted, err);
        if (rc == AK_OK)
            ask->matcher_count++;
    }
    ask->range.patterns = ask->options->value[AK_OPTION_MATCH];
    ask->range.pattern_count = n;
    return rc;
}

static enum ak_code check(const struct ak_export_ask *ask, struct ak_error *err)
{
    const struct ak_options *o = ask->options;
    bool index = ak_options_has(o, AK_OPTION_INDEX);
    bool time = ask->has_from || ask->has_to;
    bool narrowed = ak_options_has(o, AK_OPTION_SOURCE) || ak_options_has(o, AK_OPTION_IDENTITY);
    bool match = ak_options_has(o, AK_OPTION_MATCH);

    if (!index && !time && !narrowed && !match)
        return ak_fail(err, AK_EUSAGE,
                       "say what is to be handed over: --index A-B, or --from and --to (and "
                       "--source or --identity), or --match RE; for example: %s",
                       o->command->example);
    if (index && (time || narrowed || match || ak_options_has(o, AK_OPTION_EVENTS)))
        return ak_fail(err, AK_EUSAGE, "--index stands alone: all entries of it are handed over");
    if (ak_options_has(o, AK_OPTION_SOURCE) && ak_options_has(o, AK_OPTION_IDENTITY))
        return ak_fail(err, AK_EUSAGE,
                       "--source means single sources, --identity all of one sender; take one");
    if (ak_options_has(o, AK_OPTION_EVENTS) && (!narrowed || match))
        return ak_fail(err, AK_EUSAGE,
                       "--events goes with --source or --identity; without them all entries of the "
                       "time are handed over, and events are among them");
    if (match && ak_options_has(o, AK_OPTION_IDENTITY))
        return ak_fail(err, AK_EUSAGE,
                       "--match makes a selection, which is never complete for an identity; narrow "
                       "it with --source");
    return AK_OK;
}

enum ak_code ak_export_ask_parse(struct ak_export_ask *ask, const struct ak_options *options,
                                 uint64_t now, struct ak_error *err)
{
    const char *index = ak_options_value(options, AK_OPTION_INDEX);
    struct ak_bundle_range *range = &ask->range;
    enum ak_code rc;

    memset(ask, 0, sizeof(*ask));
    ask->options = options;
    ask->now = now;
    rc = parse_times(ask, err);
    if (rc == AK_OK)
        rc = check(ask, err);
    if (rc == AK_OK)
        rc = compile(ask, err);
    if (rc == AK_OK && index != NULL && !ak_bundle_ask_index(index, &range->first, &range->last))
        rc = ak_fail(err, AK_EUSAGE,
                     "--index %s: write A-B with A not above B, both ends in, or one index", index);
    range->what = index != NULL              ? AK_BUNDLE_INDEX
                  : range->pattern_count > 0 ? AK_BUNDLE_MATCH
                                             : AK_BUNDLE_TIME;
    range->identity = ak_options_value(options, AK_OPTION_IDENTITY);
    range->events = ak_options_has(options, AK_OPTION_EVENTS);
    range->source_text_count = options->count[AK_OPTION_SOURCE];
    if (range->source_text_count > 0)
        range->source_texts = options->value[AK_OPTION_SOURCE];
    return rc;
}

void ak_export_ask_free(struct ak_export_ask *ask)
{
    for (size_t i = 0; i < ask->matcher_count; i++)
        ak_matcher_free(ask->matcher[i]);
    free((void *)ask->matcher);
    free(ask->ordinals);
    memset(ask, 0, sizeof(*ask));
}

/* ---- As the log understands it ---- */

/* What is said of a declaration when it is looked at. */
typedef bool (*wanted_fn)(const struct ak_export_ask *ask, const struct ak_log_tree_entry *entry,
                          const struct ak_source_row *row);

static bool by_pattern(const struct ak_export_ask *ask, const struct ak_log_tree_entry *entry,
                       const struct ak_source_row *row)
{
    (void)entry;
    for (size_t i = 0; i < ask->range.source_text_count; i++) {
        if (ak_source_row_matches(row, ask->range.source_texts[i]))
            return true;
    }
    return false;
}

static bool by_identity(const struct ak_export_ask *ask, const struct ak_log_tree_entry *entry,
                        const struct ak_source_row *row)
{
    (void)row;
    return ak_bundle_is_identity(entry->payload, entry->len, ask->range.identity);
}

static enum ak_code look(struct ak_export_ask *ask, struct ak_export_log *log, uint64_t index,
                         wanted_fn wanted, bool *is, struct ak_error *err)
{
    struct ak_source_table table = {0};
    struct ak_log_tree_entry entry;
    struct ak_log_entry read;
    enum ak_code rc = ak_log_tree_entry(log->tree, index, &entry, err);

    *is = false;
    if (rc != AK_OK)
        return rc;
    if (entry.entry.kind != AK_KIND_SOURCE || entry.payload == NULL)
        return ak_fail(err, AK_EMALFORMED, "entry %" PRIu64 " is no declaration", index);
    read = (struct ak_log_entry){.index = index,
                                 .entry = entry.entry,
                                 .state = entry.state,
                                 .payload = entry.payload,
                                 .len = entry.len};
    read.entry.source_seq = 0; /* one row is enough */
    rc = ak_source_table_entry(&table, &read, err);
    if (rc == AK_OK && table.count == 1)
        *is = wanted(ask, &entry, &table.row[0]);
    ak_source_table_free(&table);
    return rc;
}

static int compare_ordinals(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Sorts, and takes out what stands twice. */
static void settle_ordinals(uint32_t *list, size_t *count)
{
    size_t kept = 0;

    if (*count > 1)
        qsort(list, *count, sizeof(*list), compare_ordinals);
    for (size_t i = 0; i < *count; i++) {
        if (kept == 0 || list[kept - 1] != list[i])
            list[kept++] = list[i];
    }
    *count = kept;
}

static enum ak_code find_declared(struct ak_export_ask *ask, struct ak_export_log *log,
                                  const struct ak_positions *positions, wanted_fn wanted,
                                  size_t *count, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    for (size_t i = AK_SOURCE_FIRST; rc == AK_OK && i < positions->count; i++) {
        bool is;
        rc = look(ask, log, positions->row[i].declared, wanted, &is, err);
        if (is)
            ask->ordinals[(*count)++] = (uint32_t)i;
    }
    return rc;
}

/* Numbers that were typed. */
static enum ak_code take_numbers(struct ak_export_ask *ask, const struct ak_positions *positions,
                                 size_t *count, bool *words, struct ak_error *err)
{
    *words = false;
    for (size_t i = 0; i < ask->range.source_text_count; i++) {
        const char *text = ask->range.source_texts[i];
        uint64_t number;
        if (!ak_text_decimal((struct ak_text){text, strlen(text)}, UINT32_MAX, &number)) {
            *words = true;
            continue;
        }
        if (number >= positions->count)
            return ak_fail(err, AK_ENOTFOUND, "--source %s: this log has no such source", text);
        ask->ordinals[(*count)++] = (uint32_t)number;
    }
    return AK_OK;
}

/* The ordinals that --source or --identity mean in this log. */
static enum ak_code resolve(struct ak_export_ask *ask, struct ak_export_log *log,
                            struct ak_error *err)
{
    struct ak_positions positions = {0};
    bool words = false;
    size_t count = 0;
    enum ak_code rc = ak_log_tree_positions(log->tree, log->checkpoint.size, &positions, err);

    free(ask->ordinals);
    ask->ordinals = NULL;
    if (rc == AK_OK) {
        ask->ordinals =
            calloc(positions.count + ask->range.source_text_count + 4, sizeof(*ask->ordinals));
        rc = ask->ordinals == NULL ? ak_fail(err, AK_ENOMEM, "no memory for a list of sources")
                                   : AK_OK;
    }
    if (rc == AK_OK)
        rc = take_numbers(ask, &positions, &count, &words, err);
    if (rc == AK_OK && (words || ask->range.identity != NULL))
        rc = find_declared(ask, log, &positions, words ? by_pattern : by_identity, &count, err);
    ak_positions_free(&positions);
    settle_ordinals(ask->ordinals, &count);
    ask->ordinal_count = count;
    if (rc == AK_OK && words && count == 0)
        rc = ak_fail(err, AK_ENOTFOUND, "--source %s: no source of this log fits it",
                     ask->range.source_texts[0]);
    ask->range.sources = ask->range.source_text_count > 0 ? ask->ordinals : NULL;
    ask->range.source_count = ask->range.source_text_count > 0 ? count : 0;
    return rc;
}

/* ---- Plans ---- */

/* By halving: times do not fall within a run, and where the clock fell back the judgement of what
 * was made says whether it is enough. */
static bool first_behind(struct ak_export_log *log, uint64_t to, uint64_t *index)
{
    uint64_t low = 0;
    uint64_t high = log->checkpoint.size;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        uint64_t received;
        if (ak_export_received(log, middle, &received, NULL) != AK_OK)
            return false;
        if (received >= to)
            high = middle;
        else
            low = middle + 1;
    }
    *index = low;
    return low < log->checkpoint.size;
}

bool ak_export_ask_least(const struct ak_export_ask *ask, struct ak_export_log *log,
                         uint64_t *least, bool *states)
{
    const struct ak_bundle_range *range = &ask->range;
    uint64_t behind;

    *states =
        range->what == AK_BUNDLE_TIME && (range->source_text_count > 0 || range->identity != NULL);
    if (range->what == AK_BUNDLE_INDEX) {
        *least = range->last + 1;
        return range->last < log->checkpoint.size;
    }
    if (!ask->has_to || !first_behind(log, range->to, &behind))
        return false;
    *least = behind + 1;
    return true;
}

static enum ak_code plan_index(struct ak_export_ask *ask, struct ak_export_log *log,
                               struct ak_export_plan *plan, struct ak_claim *claim,
                               struct ak_error *err)
{
    if (ask->range.last >= log->checkpoint.size) {
        ak_claim_fail(claim, AK_FINDING_TAIL_UNSIGNED, "",
                      "the newest checkpoint covers %" PRIu64 " entries, and the range goes to "
                      "entry %" PRIu64 ": nobody vouches for it yet",
                      log->checkpoint.size, ask->range.last);
        return AK_OK;
    }
    return ak_export_plan_add(plan, ask->range.first, ask->range.last, AK_EXPORT_ASKED, err);
}

/* Without --to the time goes up to the newest entry, which itself is out, so that it can be closed;
 * of single sources, whose next entry may be far away, to the newest state entry. */
static enum ak_code settle_times(struct ak_export_ask *ask, struct ak_export_log *log,
                                 struct ak_error *err)
{
    bool narrowed = ask->range.source_text_count > 0 || ask->range.identity != NULL;
    struct ak_positions positions = {0};
    enum ak_code rc = AK_OK;

    if (!ask->has_to && narrowed) {
        rc = ak_log_tree_positions(log->tree, log->checkpoint.size, &positions, err);
        if (rc == AK_OK)
            ask->range.to = positions.row[AK_KIND_STATE].last_received;
        ak_positions_free(&positions);
    } else if (!ask->has_to) {
        rc = ak_export_received(log, log->checkpoint.size - 1, &ask->range.to, err);
    }
    if (rc == AK_OK && ask->range.from >= ask->range.to)
        rc = ak_fail(err, AK_EUSAGE,
                     "the newest %s under a checkpoint is from before --from: name the end with "
                     "--to",
                     narrowed ? "state entry" : "entry");
    return rc;
}

static enum ak_code plan_narrowed(struct ak_export_ask *ask, struct ak_export_log *log,
                                  const struct ak_export_windows *windows,
                                  struct ak_export_plan *plan, struct ak_export_states *states,
                                  struct ak_error *err)
{
    bool identity = ask->range.identity != NULL;
    size_t count = ask->ordinal_count;
    uint32_t *all = calloc(count + 2, sizeof(*all));
    enum ak_code rc;

    if (all == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a list of sources");
    if (count > 0)
        memcpy(all, ask->ordinals, count * sizeof(*all));
    if (identity)
        all[count++] = AK_KIND_SOURCE;
    if (ask->range.events)
        all[count++] = AK_KIND_EVENT;
    settle_ordinals(all, &count);
    rc = ak_export_plan_ordinals(plan, log, windows, all, count, identity, states, err);
    free(all);
    return rc;
}

static enum ak_code plan_time(struct ak_export_ask *ask, struct ak_export_log *log,
                              struct ak_export_plan *plan, struct ak_export_states *states,
                              struct ak_error *err)
{
    bool narrowed = ask->range.source_text_count > 0 || ask->range.identity != NULL;
    struct ak_export_windows windows = {0};
    enum ak_code rc = settle_times(ask, log, err);

    if (rc == AK_OK)
        rc = ak_export_windows_find(&windows, log, ask->range.from, ask->range.to, err);
    if (rc == AK_OK && narrowed)
        rc = plan_narrowed(ask, log, &windows, plan, states, err);
    else if (rc == AK_OK)
        rc = ak_export_plan_time(plan, log, &windows, err);
    ak_export_windows_free(&windows);
    return rc;
}

static enum ak_code settle_match(struct ak_export_ask *ask, struct ak_export_log *log,
                                 struct ak_export_plan *plan, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    if (ask->has_from || ask->has_to)
        rc = settle_times(ask, log, err);
    return rc == AK_OK ? ak_export_plan_match(ask, log, plan, err) : rc;
}

enum ak_code ak_export_ask_plan(struct ak_export_ask *ask, struct ak_export_log *log,
                                struct ak_export_plan *plan, struct ak_export_states *states,
                                struct ak_claim *claim, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    if (ask->range.source_text_count > 0 || ask->range.identity != NULL)
        rc = resolve(ask, log, err);
    if (rc == AK_OK && ask->range.what == AK_BUNDLE_INDEX)
        rc = plan_index(ask, log, plan, claim, err);
    else if (rc == AK_OK && ask->range.what == AK_BUNDLE_TIME)
        rc = plan_time(ask, log, plan, states, err);
    else if (rc == AK_OK)
        rc = settle_match(ask, log, plan, err);
    if (rc == AK_OK && !claim->told)
        rc = ak_export_plan_sources(plan, log, err);
    if (rc == AK_OK && !claim->told)
        rc = ak_export_plan_orders(plan, log, err);
    if (rc == AK_OK && !claim->told)
        rc = ak_export_plan_epochs(plan, log, err);
    return rc == AK_OK && !claim->told ? ak_export_plan_settle(plan, err) : rc;
}
