/* cmd_sources.c - who sent, since when, how much, how long silent, and how that is known; and, with
 * --counts, what the senders' own numbers say about what never came.
 *
 * With a key the log is checked first, and only numbers in proven records count. */
#include "commands.h"

#include "jsonout.h"
#include "pick.h"
#include "report.h"
#include "self.h"
#include "show.h"
#include "source_table.h"
#include "sources_counts.h"
#include "when.h"

#include <inttypes.h>
#include <string.h>

struct listing {
    struct ak_source_table table;
    uint64_t newest; /* time of the newest entry of the log */
    uint64_t gaps;
    uint64_t not_proven;             /* of the entries listed; 0 without a key */
    struct ak_sender_counts *counts; /* NULL: not asked for */
    const struct ak_check_log *judged;
};

/* What the options ask for. */
struct asked {
    const struct ak_options *options;
    bool counts;
    bool all;
    struct ak_json_out *json; /* NULL: text */
};

static enum ak_code count_entry(struct listing *listing, const struct ak_log_entry *entry,
                                struct ak_error *err)
{
    if (listing->counts == NULL || !ak_kind_received(entry->entry.kind))
        return AK_OK;
    if (entry->state != AK_STATE_PRESENT ||
        (listing->judged != NULL && entry->proof != AK_PROOF_PROVEN)) {
        ak_sender_counts_blind(listing->counts, 1);
        return AK_OK;
    }
    return ak_sender_counts_add(listing->counts, entry->entry.source, entry->index,
                                entry->entry.received, entry->payload, entry->len, err);
}

static enum ak_code on_entry(void *ctx, const struct ak_log_entry *entry, struct ak_error *err)
{
    struct listing *listing = ctx;
    enum ak_code rc = ak_source_table_entry(&listing->table, entry, err);

    if (entry->entry.received > listing->newest)
        listing->newest = entry->entry.received;
    listing->not_proven += listing->judged != NULL && ak_kind_received(entry->entry.kind) &&
                           entry->proof != AK_PROOF_PROVEN;
    return rc == AK_OK ? count_entry(listing, entry, err) : rc;
}

static enum ak_code on_gap(void *ctx, const struct ak_log_gap *gap, struct ak_error *err)
{
    struct listing *listing = ctx;

    (void)err;
    listing->gaps++;
    if (listing->counts != NULL)
        ak_sender_counts_blind(listing->counts, gap->end == UINT64_MAX ? 1 : gap->end - gap->begin);
    return AK_OK;
}

static void print_row(const struct listing *listing, size_t i)
{
    const struct ak_source_row *row = &listing->table.row[i];
    char first[AK_WHEN_TEXT_BYTES] = "-";
    char last[AK_WHEN_TEXT_BYTES] = "-";
    char silence[AK_WHEN_TEXT_BYTES] = "-";
    char count[AK_SHOW_NUMBER_BYTES];
    char name[AK_SOURCE_LABEL_BYTES];
    uint32_t ordinal = (uint32_t)(AK_SOURCE_FIRST + i);

    if (row->count > 0) {
        ak_when_format(first, row->first_time);
        ak_when_format(last, row->last_time);
        ak_when_format_stretch(silence, listing->newest - row->last_time);
    }
    printf("  %-8" PRIu32 "%14s  %-28s%-28s%-16s%-12s%s", ordinal, ak_show_count(count, row->count),
           first, last, silence,
           row->declared ? (row->identity[0] != '\0' ? row->identity : "unreadable") : "undeclared",
           ak_source_name(name, &listing->table, ordinal));
    if (row->listener != NULL) {
        fputs(" on ", stdout);
        ak_show_text(stdout, row->listener);
    }
    if (row->relay)
        fputs(", a relay: it forwards for others", stdout);
    if (row->fragments > 0)
        printf(", %s of them fragments", ak_show_count(count, row->fragments));
    fputc('\n', stdout);
}

/* What the words in the column of identities mean, as far as they occurred. */
static void print_legend(const struct ak_source_table *table)
{
    static const char *const words[] = {"certificate", "address",  "forgeable",
                                        "local",       "imported", "overflow"};

    for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
        bool used = false;
        for (size_t i = 0; i < table->count && !used; i++)
            used = strcmp(table->row[i].identity, words[w]) == 0;
        if (used)
            printf("  %-12s= identity known by: %s\n", words[w], ak_source_identity_text(words[w]));
    }
}

static void print_listing(const struct ak_log_place *place, const struct listing *listing)
{
    char count[AK_SHOW_NUMBER_BYTES];

    ak_pick_print(stdout, place);
    printf("  %-8s%14s  %-28s%-28s%-16s%-12s%s\n", "source", "entries", "first", "last",
           "silent for", "identity", "name");
    for (size_t i = 0; i < listing->table.count; i++)
        print_row(listing, i);
    print_legend(&listing->table);
    if (listing->table.undeclared > 0)
        printf("  %s entries of numbers that no source can have\n",
               ak_show_count(count, listing->table.undeclared));
    if (listing->not_proven > 0)
        printf("  %s of these entries are NOT PROVEN\n", ak_show_count(count, listing->not_proven));
    if (listing->gaps > 0)
        printf("  %s place%s of the log could not be read: these counts lack what is there\n",
               ak_show_count(count, listing->gaps), ak_show_plural(listing->gaps));
}

static void put_text(struct ak_json_out *out, const char *name, const char *text)
{
    if (text != NULL)
        (void)ak_json_out_text(out, name, text, strlen(text));
}

static void put_row(struct ak_json_out *out, const struct listing *listing, size_t i)
{
    const struct ak_source_row *row = &listing->table.row[i];
    char text[AK_WHEN_TEXT_BYTES];

    ak_json_out_open(out, NULL, '{');
    ak_json_out_uint(out, "source", AK_SOURCE_FIRST + i);
    ak_json_out_bool(out, "declared", row->declared);
    ak_json_out_string(out, "identity", row->identity);
    ak_json_out_string(out, "transport", row->transport);
    ak_json_out_bool(out, "relay", row->relay);
    put_text(out, "name", row->name);
    put_text(out, "address", row->address);
    put_text(out, "listener", row->listener);
    ak_json_out_uint(out, "entries", row->count);
    ak_json_out_uint(out, "fragments", row->fragments);
    ak_json_out_uint(out, "text_bytes", row->bytes);
    if (row->count > 0) {
        ak_json_out_string(out, "first", ak_when_format(text, row->first_time));
        ak_json_out_string(out, "last", ak_when_format(text, row->last_time));
        ak_json_out_uint(out, "silence_s", (listing->newest - row->last_time) / AK_WHEN_SECOND);
    }
    ak_json_out_close(out, '}');
}

static void put_listing(const struct asked *asked, const struct ak_log_place *place,
                        const struct listing *listing)
{
    struct ak_json_out *out = asked->json;

    ak_json_out_open(out, NULL, '{');
    ak_pick_json(out, place);
    ak_json_out_open(out, "sources", '[');
    for (size_t i = 0; i < listing->table.count; i++)
        put_row(out, listing, i);
    ak_json_out_close(out, ']');
    ak_json_out_uint(out, "undeclared_entries", listing->table.undeclared);
    ak_json_out_uint(out, "gap_count", listing->gaps);
    if (listing->judged != NULL)
        ak_json_out_string(out, "verdict", ak_verdict_name(listing->judged->verdict));
    if (listing->judged != NULL)
        ak_json_out_uint(out, "not_proven_entries", listing->not_proven);
    if (listing->counts != NULL)
        ak_sources_counts_json(out, listing->counts, asked->all);
    ak_json_out_close(out, '}');
}

static bool has_key(const struct ak_options *options)
{
    return ak_options_has(options, AK_OPTION_KEY) || ak_options_has(options, AK_OPTION_POLICY);
}

/* Checks the log first when there is a key. */
static enum ak_code judge(const struct ak_options *options, const struct ak_log_place *place,
                          struct ak_check **check, struct ak_error *err)
{
    struct ak_trust trust = {0};
    struct ak_check_options how;
    const char *path = place->path;
    enum ak_code rc;

    if (!has_key(options))
        return AK_OK;
    rc = ak_cmd_prepare(options, &trust, &how, err);
    how.logs = NULL; /* the path is that log's own */
    how.log_count = 0;
    if (rc == AK_OK)
        rc = ak_cmd_judge(options, &path, 1, &how, check, err);
    ak_trust_free(&trust);
    return rc;
}

/* Lists one log; a verdict that is worse than `*worst` takes its place. */
static enum ak_code show_place(const struct asked *asked, const struct ak_log_place *place,
                               enum ak_verdict *worst, struct ak_error *err)
{
    struct ak_log_filter filter = AK_LOG_FILTER_ALL;
    struct ak_sender_counts counts = {0};
    struct listing listing = {.counts = asked->counts ? &counts : NULL};
    struct ak_log_visitor visitor = {.ctx = &listing, .on_entry = on_entry, .on_gap = on_gap};
    struct ak_check *check = NULL;
    enum ak_code rc = judge(asked->options, place, &check, err);

    if (rc == AK_OK && check != NULL && check->count == 1)
        listing.judged = &check->logs[0];
    if (rc == AK_OK)
        rc = ak_log_read(place->path, &filter, listing.judged, &visitor, err);
    if (rc == AK_OK && asked->counts)
        rc = ak_sender_counts_finish(&counts, err);
    if (rc == AK_OK && asked->json != NULL) {
        put_listing(asked, place, &listing);
    } else if (rc == AK_OK) {
        print_listing(place, &listing);
        if (asked->counts)
            ak_sources_counts_print(stdout, &counts, &listing.table, asked->all);
        if (listing.judged != NULL)
            ak_report_result(stdout, listing.judged, false);
    }
    if (listing.judged != NULL && listing.judged->verdict > *worst)
        *worst = listing.judged->verdict;
    ak_sender_counts_free(&counts);
    ak_source_table_free(&listing.table);
    ak_check_free(check);
    return rc;
}

enum ak_code ak_cmd_sources(const struct ak_options *options, int *status, struct ak_error *err)
{
    bool key = has_key(options);
    struct asked asked = {.options = options,
                          .counts = ak_options_has(options, AK_OPTION_COUNTS),
                          .all = ak_options_has(options, AK_OPTION_ALL)};
    struct ak_log_places places = {0};
    struct ak_json_out out;
    enum ak_verdict worst = AK_VALID;
    enum ak_code rc;

    *status = 0;
    if (asked.all && !asked.counts)
        return ak_fail(err, AK_EUSAGE, "--all lists the jumps of --counts: give that too");
    rc = ak_pick_logs(options, &places, err);
    if (rc != AK_OK)
        return rc;
    ak_json_out_init(&out, stdout);
    if (ak_options_has(options, AK_OPTION_JSON))
        asked.json = &out;
    if (asked.json != NULL)
        ak_self_json(&out);
    for (size_t i = 0; i < places.count && rc == AK_OK; i++)
        rc = show_place(&asked, &places.place[i], &worst, err);
    if (asked.json != NULL)
        ak_self_json_end(&out);
    else if (rc == AK_OK && !key)
        printf("Nothing of this is proven: akashi-verify check PATH --key VKEY does that%s.\n",
               asked.counts ? ", and --key here counts what is proven only" : "");
    if (rc == AK_OK && key)
        *status = ak_verdict_exit(worst);
    ak_log_places_free(&places);
    return rc;
}
