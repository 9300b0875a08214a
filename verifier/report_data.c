/* report_data.c - one visitor that counts.
 *
 * Times in events are the collector's words and may be anything: what lies outside of the stretch
 * is cut to it, and what has no sense is left out of the picture, never out of the counts. */
#include "report_data.h"

#include "json.h"

#include <akashi/entry.h>
#include <akashi/format.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pass {
    struct ak_report_data *data;
    bool has_last;
    uint64_t last_index;
    uint64_t last_time;
    uint16_t last_run;
    uint32_t silent_count; /* sources whose silence began and has not ended */
    struct {
        uint32_t source;
        uint64_t since;
    } silent[AK_REPORT_ORDERS_MAX];
};

unsigned ak_report_bin(const struct ak_report_data *data, uint64_t ns)
{
    uint64_t width = (data->to - data->from) / AK_REPORT_BINS + 1;
    uint64_t bin = ns <= data->from ? 0 : (ns - data->from) / width;

    return bin < AK_REPORT_BINS ? (unsigned)bin : AK_REPORT_BINS - 1;
}

static bool inside(const struct ak_report_data *data, uint64_t ns)
{
    return ns >= data->from && ns < data->to;
}

static void add_mark(struct ak_report_data *data, enum ak_report_mark_kind kind, uint64_t from,
                     uint64_t until, const uint32_t *source)
{
    struct ak_report_mark *mark;

    if (until < from || until < data->from || from >= data->to)
        return;
    if (data->marks == AK_REPORT_MARKS_MAX) {
        data->marks_left_off++;
        return;
    }
    mark = &data->mark[data->marks++];
    *mark = (struct ak_report_mark){.kind = kind,
                                    .from = from < data->from ? data->from : from,
                                    .until = until >= data->to ? data->to - 1 : until};
    if (source != NULL) {
        mark->has_source = true;
        mark->source = *source;
    }
}

static void count_up(uint32_t *bin)
{
    if (*bin < UINT32_MAX)
        (*bin)++;
}

static enum ak_code add_volume(struct ak_report_data *data, const struct ak_log_entry *entry,
                               struct ak_error *err)
{
    size_t row = entry->entry.source - AK_SOURCE_FIRST;
    unsigned bin = ak_report_bin(data, entry->entry.received);
    uint32_t **grown;
    size_t rows;

    data->records++;
    if (entry->entry.source < AK_SOURCE_FIRST || row >= AK_REPORT_BINNED_MAX) {
        count_up(&data->rest[bin]);
        return AK_OK;
    }
    if (row >= data->bin_rows) {
        rows = row + 64;
        grown = reallocarray(data->bins, rows, sizeof(*grown));
        if (grown == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for a timeline");
        memset(grown + data->bin_rows, 0, (rows - data->bin_rows) * sizeof(*grown));
        data->bins = grown;
        data->bin_rows = rows;
    }
    if (data->bins[row] == NULL) {
        data->bins[row] = calloc(AK_REPORT_BINS, sizeof(**data->bins));
        if (data->bins[row] == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for a timeline");
    }
    count_up(&data->bins[row][bin]);
    return AK_OK;
}

static void copy_text(char out[AK_REPORT_TEXT_BYTES], const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    size_t len = text == NULL ? 0 : strlen(text);

    if (len >= AK_REPORT_TEXT_BYTES) {
        len = AK_REPORT_TEXT_BYTES - 1;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
    }
    if (len > 0)
        memcpy(out, text, len);
    out[len] = '\0';
}

static struct ak_report_event *find_event(struct ak_report_data *data, const char *event,
                                          const char *side)
{
    struct ak_report_event *e;

    for (size_t i = 0; i < data->events; i++) {
        e = &data->event[i];
        if (strcmp(e->event, event) == 0 && strcmp(e->side, side) == 0)
            return e;
    }
    if (data->events == AK_REPORT_EVENTS_MAX) {
        data->events_left_off++;
        return NULL;
    }
    e = &data->event[data->events++];
    (void)snprintf(e->event, sizeof(e->event), "%s", event);
    (void)snprintf(e->side, sizeof(e->side), "%s", side);
    return e;
}

static uint64_t add_bounded(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* What an event looks like in a timeline; AK_MARK_KINDS: it does not stand there. */
static enum ak_report_mark_kind event_mark(const char *event)
{
    static const struct {
        const char *event;
        enum ak_report_mark_kind kind;
    } marks[] = {
        {"gap", AK_MARK_STOPPED},        {"disk-full", AK_MARK_STOPPED},
        {"write-failure", AK_MARK_LOST}, {"udp-drop", AK_MARK_LOST},
        {"cut", AK_MARK_LOST},           {"framing-error", AK_MARK_LOST},
        {"unfinished", AK_MARK_LOST},    {"refused", AK_MARK_LOST},
        {"overflow", AK_MARK_LOST},      {"connection-unacknowledged", AK_MARK_LOST},
        {"corruption", AK_MARK_DAMAGED}, {"clock-step", AK_MARK_CLOCK},
    };

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (strcmp(marks[i].event, event) == 0)
            return marks[i].kind;
    }
    return AK_MARK_KINDS;
}

/* Silence lasts from its event's `since` to the event that says that the source sends again. */
static void note_silence(struct pass *pass, const char *event, uint32_t source, uint64_t since,
                         uint64_t now)
{
    for (uint32_t i = 0; i < pass->silent_count; i++) {
        if (pass->silent[i].source != source)
            continue;
        if (strcmp(event, "resumed") == 0) {
            add_mark(pass->data, AK_MARK_SILENT, pass->silent[i].since, now, &source);
            pass->silent[i] = pass->silent[--pass->silent_count];
        }
        return;
    }
    if (strcmp(event, "silence") == 0 && pass->silent_count < AK_REPORT_ORDERS_MAX) {
        pass->silent[pass->silent_count].source = source;
        pass->silent[pass->silent_count++].since = since;
    }
}

/* Whether a stretch without entries, which was seen before the event that tells of it, stands there
 * already. */
static bool is_marked(const struct ak_report_data *data, enum ak_report_mark_kind kind,
                      uint64_t from, uint64_t until)
{
    for (size_t i = data->marks; i > 0; i--) {
        const struct ak_report_mark *mark = &data->mark[i - 1];
        if (mark->kind == kind)
            return mark->from <= from && mark->until >= until;
    }
    return false;
}

static void take_event(struct pass *pass, const struct ak_log_entry *entry, const json_t *object)
{
    uint64_t received = entry->entry.received;
    char event[AK_REPORT_TEXT_BYTES];
    char side[AK_REPORT_TEXT_BYTES];
    enum ak_report_mark_kind kind;
    struct ak_report_event *e;
    const json_t *ordinal = json_object_get(object, "source");
    uint64_t since = received;
    uint64_t until = received;
    uint64_t count;
    uint32_t source = 0;

    copy_text(event, object, "event");
    copy_text(side, object, "side");
    (void)ak_json_dec(object, "since", &since, NULL);
    (void)ak_json_dec(object, "until", &until, NULL);
    if (json_is_integer(ordinal) && json_integer_value(ordinal) <= UINT32_MAX)
        source = (uint32_t)json_integer_value(ordinal);
    if (source != 0)
        note_silence(pass, event, source, since, received);
    if (!inside(pass->data, received))
        return;
    kind = event_mark(event);
    if (kind != AK_MARK_KINDS &&
        !(kind == AK_MARK_STOPPED && is_marked(pass->data, kind, since, until)))
        add_mark(pass->data, kind, since, until, source == 0 ? NULL : &source);
    e = find_event(pass->data, event, side);
    if (e == NULL)
        return;
    if (e->entries++ == 0)
        e->first = received;
    e->last = received;
    if (ak_json_dec(object, "count", &count, NULL) == AK_OK) {
        e->has_count = true;
        e->count = add_bounded(e->count, count);
    }
    if (json_object_get(object, "since") != NULL && json_object_get(object, "until") != NULL &&
        until > since) {
        e->has_span = true;
        e->span = add_bounded(e->span, until - since);
    }
}

static uint64_t ranges_entries(const json_t *ranges)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < json_array_size(ranges); i++) {
        const json_t *range = json_array_get(ranges, i);
        const char *a = json_string_value(json_array_get(range, 0));
        const char *b = json_string_value(json_array_get(range, 1));
        uint64_t first = a == NULL ? 1 : strtoull(a, NULL, 10);
        uint64_t last = b == NULL ? 0 : strtoull(b, NULL, 10);
        if (last >= first)
            sum = add_bounded(sum, add_bounded(last - first, 1));
    }
    return sum;
}

static void take_order(struct ak_report_data *data, const struct ak_log_entry *entry,
                       const json_t *object)
{
    struct ak_report_order *order;

    if (!inside(data, entry->entry.received))
        return;
    if (data->orders == AK_REPORT_ORDERS_MAX) {
        data->orders_left_off++;
        return;
    }
    order = &data->order[data->orders++];
    order->index = entry->index;
    order->received = entry->entry.received;
    copy_text(order->action, object, "action");
    copy_text(order->reason, object, "reason");
    copy_text(order->order_case, object, "case");
    order->signed_outside = json_is_string(json_object_get(object, "authority_note"));
    order->entries = ranges_entries(json_object_get(object, "ranges"));
}

static void take_own(struct pass *pass, const struct ak_log_entry *entry)
{
    json_t *object = NULL;
    uint8_t kind = entry->entry.kind;

    if (inside(pass->data, entry->entry.received)) {
        pass->data->epochs += kind == AK_KIND_EPOCH;
        pass->data->states += kind == AK_KIND_STATE;
    }
    if ((kind != AK_KIND_EVENT && kind != AK_KIND_ORDER) || entry->state != AK_STATE_PRESENT ||
        ak_json_parse(entry->payload, entry->len, &object, NULL) != AK_OK)
        return;
    if (kind == AK_KIND_EVENT)
        take_event(pass, entry, object);
    else
        take_order(pass->data, entry, object);
    json_decref(object);
}

/* The time from one entry to the next was covered if none is missing between them, the clock did
 * not fall, and it is not longer than states allow. */
static void take_stretch(struct pass *pass, const struct ak_log_entry *entry)
{
    struct ak_report_data *data = pass->data;
    uint64_t from = pass->last_time;
    uint64_t until = entry->entry.received;
    bool next = pass->has_last && entry->index == pass->last_index + 1;

    if (pass->has_last && entry->entry.clock_run == pass->last_run && until >= from) {
        if (!next)
            add_mark(data, AK_MARK_DAMAGED, from, until, NULL);
        else if (until - from > AK_REPORT_QUIET_NS)
            add_mark(data, AK_MARK_STOPPED, from, until, NULL);
        from = from < data->from ? data->from : from;
        until = until > data->to ? data->to : until;
        if (next && until > from && entry->entry.received - pass->last_time <= AK_REPORT_QUIET_NS)
            data->covered += until - from;
        else if (until > from)
            data->quiet++;
    }
    pass->has_last = true;
    pass->last_index = entry->index;
    pass->last_time = entry->entry.received;
    pass->last_run = entry->entry.clock_run;
}

static enum ak_code on_entry(void *ctx, const struct ak_log_entry *entry, struct ak_error *err)
{
    struct pass *pass = ctx;
    struct ak_report_data *data = pass->data;
    bool in = inside(data, entry->entry.received);
    enum ak_code rc = AK_OK;

    if (entry->proof != AK_PROOF_PROVEN) {
        data->passed_over += in;
        return AK_OK;
    }
    take_stretch(pass, entry);
    if (entry->entry.kind == AK_KIND_SOURCE || (ak_kind_received(entry->entry.kind) && in))
        rc = ak_source_table_entry(&data->sources, entry, err);
    if (rc == AK_OK && ak_kind_received(entry->entry.kind) && in)
        rc = add_volume(data, entry, err);
    else if (rc == AK_OK)
        take_own(pass, entry);
    return rc;
}

static void take_findings(struct ak_report_data *data, const struct ak_check_log *log)
{
    for (size_t i = 0; i < log->finding_count; i++) {
        const struct ak_finding *finding = &log->findings[i];
        if (finding->has_time && !ak_finding_info(finding->code)->remark)
            add_mark(data, AK_MARK_DAMAGED, finding->from, finding->until, NULL);
    }
}

static void choose_stretch(struct ak_report_data *data, const struct ak_check_log *log,
                           uint64_t from, uint64_t to)
{
    uint64_t first = log->first_time < log->last_time ? log->first_time : log->last_time;
    uint64_t last = log->first_time < log->last_time ? log->last_time : log->first_time;

    data->from = from != 0 ? from : log->has_time ? first : 0;
    data->to = to != 0 ? to : log->has_time && last < UINT64_MAX ? last + 1 : data->from + 1;
    if (data->to <= data->from)
        data->to = data->from + 1;
}

enum ak_code ak_report_data_read(struct ak_report_data *data, const char *path,
                                 const struct ak_check_log *log, uint64_t from, uint64_t to,
                                 struct ak_error *err)
{
    struct ak_log_filter filter = AK_LOG_FILTER_ALL;
    struct pass pass = {.data = data};
    struct ak_log_visitor visitor = {.ctx = &pass, .on_entry = on_entry};
    enum ak_code rc;

    memset(data, 0, sizeof(*data));
    choose_stretch(data, log, from, to);
    data->mark = calloc(AK_REPORT_MARKS_MAX, sizeof(*data->mark));
    if (data->mark == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a timeline");
    take_findings(data, log);
    if (log->kind == AK_CHECK_CHECKPOINT)
        return AK_OK;
    rc = ak_log_read(path, &filter, log, &visitor, err);
    for (uint32_t i = 0; i < pass.silent_count; i++)
        add_mark(data, AK_MARK_SILENT, pass.silent[i].since, data->to - 1, &pass.silent[i].source);
    return rc;
}

void ak_report_data_free(struct ak_report_data *data)
{
    for (size_t i = 0; i < data->bin_rows; i++)
        free(data->bins[i]);
    free(data->bins);
    free(data->mark);
    ak_source_table_free(&data->sources);
    memset(data, 0, sizeof(*data));
}
