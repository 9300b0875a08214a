/* export_match.c - a selection by patterns: every entry of the time and the sources is looked at.
 */
#include "export_ask.h"

#include <stdlib.h>
#include <string.h>

struct matching {
    struct ak_export_ask *ask;
    struct ak_export_log *log;
    struct ak_export_plan *plan;
    struct ak_matcher_scan **scan; /* one for each pattern */
};

static bool source_wanted(const struct ak_export_ask *ask, uint32_t source)
{
    size_t low = 0;
    size_t high = ask->ordinal_count;

    if (ask->range.source_text_count == 0)
        return true;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ask->ordinals[middle] < source)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ask->ordinal_count && ask->ordinals[low] == source;
}

static enum ak_code look(struct matching *m, uint64_t index, struct ak_error *err)
{
    struct ak_log_tree_entry entry;
    struct ak_match match = {0};
    enum ak_code rc = ak_log_tree_entry(m->log->tree, index, &entry, err);

    ak_export_progress(m->log);
    if (rc != AK_OK || !ak_kind_received(entry.entry.kind) || entry.state != AK_STATE_PRESENT ||
        !source_wanted(m->ask, entry.entry.source))
        return rc;
    for (size_t i = 0; rc == AK_OK && !match.found && i < m->ask->matcher_count; i++)
        rc = ak_matcher_record(m->scan[i], entry.payload, entry.len, &match, err);
    if (rc == AK_OK && match.found)
        rc = ak_export_plan_add(m->plan, index, index, AK_EXPORT_ASKED, err);
    return rc;
}

static enum ak_code look_at_windows(struct matching *m, struct ak_error *err)
{
    struct ak_export_window whole = {0, m->log->checkpoint.size};
    struct ak_export_windows windows = {.window = &whole, .count = 1};
    bool timed = m->ask->range.to > 0;
    enum ak_code rc = AK_OK;

    if (timed)
        rc = ak_export_windows_find(&windows, m->log, m->ask->range.from, m->ask->range.to, err);
    for (size_t r = 0; rc == AK_OK && r < windows.count; r++) {
        for (uint64_t i = windows.window[r].begin; rc == AK_OK && i < windows.window[r].end; i++)
            rc = look(m, i, err);
    }
    if (timed)
        ak_export_windows_free(&windows);
    return rc;
}

enum ak_code ak_export_plan_match(struct ak_export_ask *ask, struct ak_export_log *log,
                                  struct ak_export_plan *plan, struct ak_error *err)
{
    struct matching m = {.ask = ask, .log = log, .plan = plan};
    enum ak_code rc = AK_OK;

    m.scan = calloc(ask->matcher_count + 1, sizeof(struct ak_matcher_scan *));
    if (m.scan == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for patterns");
    for (size_t i = 0; rc == AK_OK && i < ask->matcher_count; i++)
        rc = ak_matcher_scan_new(&m.scan[i], ask->matcher[i], err);
    if (rc == AK_OK)
        rc = look_at_windows(&m, err);
    for (size_t i = 0; i < ask->matcher_count; i++)
        ak_matcher_scan_free(m.scan[i]);
    free((void *)m.scan);
    return rc;
}
