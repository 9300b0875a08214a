/* check_report.c - findings, proven ranges and counts of one log; all of them bounded.
 *
 * A finding about a container or a number is held until its entries are judged: if they are
 * altered, that finding says more; if they are proven, it is told with that in its text (R31). */
#include "check_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Texts of errors name the rule too, where they stand alone. */
static void drop_rule(struct ak_finding *finding)
{
    size_t n = strlen(finding->rule);

    if (n == 0 || strncmp(finding->text, finding->rule, n) != 0 ||
        strncmp(finding->text + n, ": ", 2) != 0)
        return;
    memmove(finding->text, finding->text + n + 2, strlen(finding->text + n + 2) + 1);
}

struct ak_finding ak_finding_make(enum ak_finding_code code, const char *rule, const char *fmt, ...)
{
    struct ak_finding finding;
    va_list args;

    memset(&finding, 0, sizeof(finding));
    finding.code = code;
    finding.rule = rule;
    va_start(args, fmt);
    (void)vsnprintf(finding.text, sizeof(finding.text), fmt, args);
    va_end(args);
    drop_rule(&finding);
    return finding;
}

void ak_finding_at(struct ak_finding *finding, const char *file, uint64_t offset)
{
    (void)snprintf(finding->file, sizeof(finding->file), "%s", file);
    finding->has_offset = true;
    finding->offset = offset;
}

void ak_finding_range(struct ak_finding *finding, uint64_t begin, uint64_t end)
{
    finding->has_range = true;
    finding->begin = begin;
    finding->end = end;
}

enum ak_finding_code ak_finding_of_code(enum ak_code code)
{
    switch (code) {
    case AK_EINTEGRITY:
    case AK_ESIGNATURE:
    case AK_EKEY:
        return AK_FINDING_ALTERED;
    case AK_EUNSUPPORTED:
        return AK_FINDING_UNSUPPORTED;
    case AK_ELIMIT:
        return AK_FINDING_LIMIT;
    case AK_EIO:
    case AK_ENOTFOUND:
        return AK_FINDING_IO_ERROR;
    default:
        return AK_FINDING_MALFORMED;
    }
}

enum ak_finding_code ak_finding_of_text(enum ak_code code)
{
    return code == AK_ELIMIT ? AK_FINDING_MALFORMED : ak_finding_of_code(code);
}

void ak_check_unknown_lines(struct ak_check_state *state, const struct ak_finding *place)
{
    struct ak_finding finding = *place;

    if (state->unknown_signatures)
        return;
    state->unknown_signatures = true;
    (void)snprintf(finding.text, sizeof(finding.text), "%s",
                   "checkpoints carry signatures of other keys, this one the first.");
    ak_check_report(state, &finding);
}

void ak_check_fatal(struct ak_check_state *state, const struct ak_error *err)
{
    if (state->fatal)
        return;
    state->fatal = true;
    state->fatal_err = *err;
}

void ak_check_report(struct ak_check_state *state, const struct ak_finding *finding)
{
    struct ak_check_log *log = state->log;
    enum ak_verdict verdict = ak_finding_info(finding->code)->verdict;

    log->code_counts[finding->code]++;
    if (verdict > log->verdict)
        log->verdict = verdict;
    if (state->options->on_finding != NULL)
        state->options->on_finding(state->options->ctx, log, finding);
    if (log->finding_count == AK_CHECK_FINDINGS_MAX) {
        log->findings_left_off++;
        return;
    }
    if ((log->finding_count & (log->finding_count - 1)) == 0) {
        size_t cap = log->finding_count == 0 ? 1 : log->finding_count * 2;
        struct ak_finding *more = reallocarray(log->findings, cap, sizeof(*more));
        if (more == NULL) {
            struct ak_error err = {0};
            (void)ak_fail(&err, AK_ENOMEM, "no memory for findings");
            ak_check_fatal(state, &err);
            return;
        }
        log->findings = more;
    }
    log->findings[log->finding_count++] = *finding;
}

void ak_check_report_file(struct ak_check_state *state, struct ak_finding *finding,
                          const char *name)
{
    (void)snprintf(finding->file, sizeof(finding->file), "%s", name);
    ak_check_report(state, finding);
}

void ak_check_report_at(struct ak_check_state *state, const struct ak_check_item *item,
                        struct ak_finding *finding)
{
    ak_finding_at(finding, item->open->file->name, item->frame.offset);
    ak_check_report(state, finding);
}

void ak_check_forget(struct ak_check_state *state)
{
    struct ak_check_log *log = state->log;

    log->finding_count = 0;
    log->findings_left_off = 0;
    memset(log->code_counts, 0, sizeof(log->code_counts));
    log->verdict = AK_VALID;
    log->range_count = 0;
    log->ranges_left_off = 0;
    log->proven = 0;
    log->proven_prefix = 0;
    log->records = 0;
    log->fragments = 0;
    log->events = 0;
    log->has_time = false;
    log->has_checkpoint = false;
    free(log->checkpoint_note);
    log->checkpoint_note = NULL;
    log->checkpoint_len = 0;
}

static bool is_container(const struct ak_check_held *held)
{
    return held->about >= AK_ABOUT_CONTAINER;
}

static void hold(struct ak_check_state *state, const struct ak_check_held *held)
{
    if (state->held_count < AK_CHECK_HELD_MAX)
        state->held[state->held_count++] = *held;
    else if (is_container(held)) /* it is true in any case */
        ak_check_report(state, &held->finding);
}

void ak_check_hold(struct ak_check_state *state, const struct ak_finding *finding, uint64_t begin,
                   uint64_t end, enum ak_check_about about)
{
    struct ak_check_held held = {.finding = *finding, .about = about, .begin = begin, .end = end};

    if (!is_container(&held) && !finding->has_range)
        ak_finding_range(&held.finding, begin, end);
    hold(state, &held);
}

void ak_check_hold_file(struct ak_check_state *state, const struct ak_check_item *item,
                        struct ak_finding *finding, enum ak_check_about about)
{
    struct ak_check_held held = {.about = about,
                                 .begin = item->open->file->first,
                                 .end = ak_tree_size(state->tree),
                                 .file = item->open->number};

    ak_finding_at(finding, item->open->file->name, item->frame.offset);
    held.finding = *finding;
    hold(state, &held);
}

/* Whether altered entries lie in [begin, end), or, for numbers, anywhere before. */
static bool is_altered(const struct ak_check_state *state, const struct ak_check_held *held)
{
    if (state->altered_more)
        return true;
    if (held->about == AK_ABOUT_FRAMES && state->file[held->file].altered)
        return true;
    for (unsigned i = 0; i < state->altered_count; i++) {
        if (state->altered[i].begin < held->end &&
            (held->about == AK_ABOUT_NUMBERS || state->altered[i].end > held->begin))
            return true;
    }
    return false;
}

/* Whether all of [begin, end) is proven. */
static bool is_proven(const struct ak_check_log *log, uint64_t begin, uint64_t end)
{
    for (size_t i = 0; begin < end && i < log->range_count; i++) {
        if (log->ranges[i].begin <= begin && log->ranges[i].end >= end)
            return true;
    }
    return false;
}

static void tell_held(struct ak_check_state *state, struct ak_check_held *held)
{
    const char *more = "";
    size_t len = strlen(held->finding.text);

    if (held->about >= AK_ABOUT_FILE && state->file[held->file].altered)
        more = " Its entries are judged by themselves, above.";
    else if (is_container(held) && is_proven(state->log, held->begin, held->end))
        more = " No entry is touched by it: all of them are proven.";
    (void)snprintf(held->finding.text + len, sizeof(held->finding.text) - len, "%s", more);
    ak_check_report(state, &held->finding);
}

static void decide_held(struct ak_check_state *state, uint64_t end)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < state->held_count; i++) {
        struct ak_check_held *held = &state->held[i];
        bool altered = is_altered(state, held);
        if (held->end > end)
            state->held[kept++] = *held;
        else if (!altered || (is_container(held) && state->altered_more))
            tell_held(state, held);
    }
    state->held_count = kept;
}

void ak_check_flush(struct ak_check_state *state)
{
    for (unsigned i = 0; i < state->held_count; i++) {
        const struct ak_check_held *held = &state->held[i];
        if ((is_container(held) || held->about == AK_ABOUT_START) && !is_altered(state, held))
            tell_held(state, &state->held[i]);
    }
    state->held_count = 0;
}

static void flush_altered(struct ak_check_state *state)
{
    struct ak_finding *finding = &state->altered_finding;
    uint64_t count = finding->end - finding->begin;

    if (!state->altered_pending)
        return;
    state->altered_pending = false;
    (void)snprintf(finding->text, sizeof(finding->text),
                   "%" PRIu64 " %s not what was signed, or cannot be read any more.", count,
                   count == 1 ? "entry is" : "entries are");
    ak_check_report(state, finding);
}

static void add_altered_range(struct ak_check_state *state, uint64_t begin, uint64_t end)
{
    if (state->altered_count > 0 && state->altered[state->altered_count - 1].end == begin)
        state->altered[state->altered_count - 1].end = end;
    else if (state->altered_count == AK_CHECK_ALTERED_MAX)
        state->altered_more = true;
    else
        state->altered[state->altered_count++] = (struct ak_check_range){begin, end};
}

static void add_source(struct ak_finding *finding, uint32_t source)
{
    for (unsigned i = 0; i < finding->source_count; i++) {
        if (finding->sources[i] == source)
            return;
    }
    if (finding->source_count == AK_FINDING_SOURCES_MAX)
        finding->more_sources = true;
    else
        finding->sources[finding->source_count++] = source;
}

static void add_group(struct ak_finding *finding, const struct ak_tree_group *info)
{
    if (info == NULL)
        return;
    for (unsigned i = 0; i < info->sources; i++)
        add_source(finding, info->source[i]);
    finding->more_sources = finding->more_sources || info->more_sources;
    if (!info->has_time)
        return;
    if (!finding->has_time)
        finding->from = info->from;
    finding->has_time = true;
    finding->until = info->until;
}

static void on_altered(void *ctx, uint64_t begin, uint64_t end, const struct ak_tree_group *info)
{
    struct ak_check_state *state = ctx;
    struct ak_finding *finding = &state->altered_finding;

    add_altered_range(state, begin, end);
    if (info != NULL && info->place.file < state->file_count)
        state->file[info->place.file].altered = true;
    if (state->altered_pending && finding->end != begin)
        flush_altered(state);
    if (!state->altered_pending) {
        *finding = ak_finding_make(AK_FINDING_ALTERED, "R16", "%s", "");
        ak_finding_range(finding, begin, begin);
        if (info != NULL && info->place.file < state->file_count)
            ak_finding_at(finding, state->file[info->place.file].name, info->place.offset);
        state->altered_pending = true;
    }
    finding->end = end;
    add_group(finding, info);
}

static void add_range(struct ak_check_state *state, uint64_t begin, uint64_t end)
{
    struct ak_check_log *log = state->log;

    log->proven += end - begin;
    if (log->first + log->proven_prefix == begin)
        log->proven_prefix += end - begin;
    if (log->range_count > 0 && log->ranges[log->range_count - 1].end == begin) {
        log->ranges[log->range_count - 1].end = end;
        return;
    }
    if (log->range_count == AK_CHECK_RANGES_MAX) {
        log->ranges_left_off++;
        return;
    }
    log->ranges[log->range_count++] = (struct ak_check_range){begin, end};
}

/* R11: a key of a later epoch covers these, and no root that was signed in their own came out. */
static void tell_other_epoch(struct ak_check_state *state, uint64_t begin, uint64_t end)
{
    uint64_t denied = state->start_denied < end ? state->start_denied : end;
    struct ak_finding finding;

    if (ak_check_epochs_empty(state->epochs))
        return; /* told at the end */
    if (begin < denied)
        on_altered(state, begin, denied, NULL);
    finding = ak_finding_make(AK_FINDING_EPOCH, "R11",
                              "no root that was signed in these entries' own epoch covers them.");
    ak_finding_range(&finding, begin, end);
    ak_check_report(state, &finding);
}

static void on_proven(void *ctx, uint64_t begin, uint64_t end, const struct ak_tree_counts *counts)
{
    struct ak_check_state *state = ctx;
    struct ak_check_log *log = state->log;

    uint64_t floor = ak_check_proven_from(state, ak_tree_accepting(state->tree));

    if (begin < floor) { /* what of it lies in earlier epochs is not counted one by one */
        tell_other_epoch(state, begin, floor < end ? floor : end);
        if (floor < end)
            add_range(state, floor, end);
        return;
    }
    add_range(state, begin, end);
    if (counts->entries == 0)
        return;
    log->records += counts->records;
    log->fragments += counts->fragments;
    log->events += counts->events;
    if (!log->has_time)
        log->first_time = counts->from;
    log->has_time = true;
    log->last_time = counts->until;
}

static void on_decided(void *ctx, uint64_t end)
{
    struct ak_check_state *state = ctx;

    flush_altered(state);
    decide_held(state, end);
    if (state->altered_count > 0 && !state->broken) {
        ak_number_break(state->number);
        state->broken = true;
    }
    state->altered_count = 0;
    state->altered_more = false;
}

static const char *who_name(const struct ak_check_state *state, struct ak_tree_place place, int who)
{
    if (who == AK_WHO_KEPT || who == AK_WHO_FILE)
        return place.offset < state->waiting_count ? state->waiting[place.offset].name : "";
    if (who == AK_WHO_BESIDE)
        return place.offset < state->list.count ? state->list.file[place.offset].name : "";
    return place.file < state->file_count ? state->file[place.file].name : "";
}

static void on_forked(void *ctx, uint64_t size, struct ak_tree_place place, int who)
{
    struct ak_check_state *state = ctx;
    struct ak_finding finding;

    if (who == AK_WHO_START) {
        ak_check_denied(state, size, place);
        return;
    }
    finding = ak_finding_make(
        AK_FINDING_FORKED, "R8",
        "the checkpoint of size %" PRIu64 " is validly signed, but another signed root says that "
        "the log is different: the holder of the key has signed two histories.",
        size);

    ak_finding_at(&finding, who_name(state, place, who), place.offset);
    if (who == AK_WHO_KEPT || who == AK_WHO_FILE || who == AK_WHO_BESIDE)
        finding.has_offset = false;
    ak_check_report(state, &finding);
}

static void on_level8(void *ctx, uint64_t group, const struct ak_tree_group *info)
{
    struct ak_check_state *state = ctx;
    struct ak_finding finding = ak_finding_make(
        AK_FINDING_ALTERED, "R17",
        "the recorded hash of a group is not that of its entries. No entry is touched by it: all "
        "of them are proven.");

    ak_finding_range(&finding, group * AK_GROUP_ENTRIES, (group + 1) * AK_GROUP_ENTRIES);
    if (info->place.file < state->file_count)
        ak_finding_at(&finding, state->file[info->place.file].name, info->place.offset);
    ak_check_report(state, &finding);
}

static void on_range(void *ctx, uint64_t size, struct ak_tree_place place, int who)
{
    struct ak_check_state *state = ctx;
    const char *rule = who == AK_WHO_HEADER ? "R20" : who == AK_WHO_MARK ? "R22" : "R23";
    struct ak_finding finding =
        ak_finding_make(AK_FINDING_MALFORMED, rule,
                        "the compact range that a %s states for size %" PRIu64
                        " is not that of the entries. No entry is touched by it.",
                        who == AK_WHO_HEADER ? "HEADER"
                        : who == AK_WHO_MARK ? "MARK"
                                             : "FOOTER",
                        size);

    ak_finding_at(&finding, who_name(state, place, who), place.offset);
    ak_check_report(state, &finding);
}

void ak_check_tree_events(struct ak_check_state *state, struct ak_tree_events *events)
{
    *events = (struct ak_tree_events){.ctx = state,
                                      .on_proven = on_proven,
                                      .on_altered = on_altered,
                                      .on_decided = on_decided,
                                      .on_forked = on_forked,
                                      .on_level8 = on_level8,
                                      .on_range = on_range};
}

void ak_check_on_number_fault(void *ctx, const struct ak_number_fault *fault)
{
    struct ak_check_state *state = ctx;
    struct ak_finding finding =
        ak_finding_make(AK_FINDING_NUMBERING, fault->rule, "%s.", fault->text);

    finding.sources[0] = fault->source;
    finding.source_count = 1;
    ak_finding_range(&finding, fault->index, fault->index + 1);
    ak_check_hold(state, &finding, fault->index, fault->index + 1, AK_ABOUT_NUMBERS);
}
