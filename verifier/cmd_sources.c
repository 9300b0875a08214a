/* cmd_sources.c - who sent, since when, how much, how long silent, and how that is known. */
#include "commands.h"

#include "jsonout.h"
#include "pick.h"
#include "self.h"
#include "show.h"
#include "source_table.h"
#include "when.h"

#include <inttypes.h>
#include <string.h>

struct listing {
    struct ak_source_table table;
    uint64_t newest; /* time of the newest entry of the log */
    uint64_t gaps;
};

static enum ak_code on_entry(void *ctx, const struct ak_log_entry *entry, struct ak_error *err)
{
    struct listing *listing = ctx;

    if (entry->entry.received > listing->newest)
        listing->newest = entry->entry.received;
    return ak_source_table_entry(&listing->table, entry, err);
}

static enum ak_code on_gap(void *ctx, const struct ak_log_gap *gap, struct ak_error *err)
{
    struct listing *listing = ctx;

    (void)gap;
    (void)err;
    listing->gaps++;
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

static void put_listing(struct ak_json_out *out, const struct ak_log_place *place,
                        const struct listing *listing)
{
    ak_json_out_open(out, NULL, '{');
    ak_pick_json(out, place);
    ak_json_out_open(out, "sources", '[');
    for (size_t i = 0; i < listing->table.count; i++)
        put_row(out, listing, i);
    ak_json_out_close(out, ']');
    ak_json_out_uint(out, "undeclared_entries", listing->table.undeclared);
    ak_json_out_uint(out, "gap_count", listing->gaps);
    ak_json_out_close(out, '}');
}

static enum ak_code show_place(const struct ak_log_place *place, struct ak_json_out *json,
                               struct ak_error *err)
{
    struct ak_log_filter filter = AK_LOG_FILTER_ALL;
    struct listing listing = {0};
    struct ak_log_visitor visitor = {.ctx = &listing, .on_entry = on_entry, .on_gap = on_gap};
    enum ak_code rc = ak_log_read(place->path, &filter, NULL, &visitor, err);

    if (rc == AK_OK && json != NULL)
        put_listing(json, place, &listing);
    else if (rc == AK_OK)
        print_listing(place, &listing);
    ak_source_table_free(&listing.table);
    return rc;
}

enum ak_code ak_cmd_sources(const struct ak_options *options, int *status, struct ak_error *err)
{
    bool json = ak_options_has(options, AK_OPTION_JSON);
    struct ak_log_places places = {0};
    struct ak_json_out out;
    enum ak_code rc = ak_pick_logs(options, &places, err);

    *status = 0;
    if (rc != AK_OK)
        return rc;
    ak_json_out_init(&out, stdout);
    if (json)
        ak_self_json(&out);
    for (size_t i = 0; i < places.count && rc == AK_OK; i++)
        rc = show_place(&places.place[i], json ? &out : NULL, err);
    if (json)
        ak_self_json_end(&out);
    else if (rc == AK_OK)
        printf("Nothing of this is proven: akashi-verify check PATH --key VKEY does that.\n");
    ak_log_places_free(&places);
    return rc;
}
