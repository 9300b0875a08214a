/* cmd_cat.c - the records of a log, as text for eyes, as the exact bytes, or as JSON lines.
 *
 * Happy path: one log is picked, checked first if a key was given, and read from its first entry to
 * its last; what the filters let through is printed. What cannot be read is told on standard error
 * and makes the exit status 3 (or what the check says), never silently left out. */
#include "commands.h"

#include "entry_show.h"
#include "fields.h"
#include "jsonout.h"
#include "order_list.h"
#include "output.h"
#include "pick.h"
#include "report.h"
#include "show.h"
#include "source_table.h"
#include "text.h"
#include "when.h"

#include <akashi/nearest.h>
#include <akashi/tree.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KINDS 256u

/* Gaps that are told one by one. */
#define GAPS_TOLD_MAX 100u

enum mode { MODE_TEXT, MODE_RAW, MODE_JSONL };

struct cat {
    enum mode mode;
    FILE *out;
    const char *out_name;
    bool quiet;
    bool fields; /* records are shown by their parts */
    bool kinds_given;
    bool kind[KINDS];
    struct ak_log_filter filter;
    uint32_t *selected; /* of --source */
    struct ak_source_table table;
    bool learn; /* declarations are met on the way */
    const struct ak_check_log *judged;
    uint64_t shown;
    uint64_t not_proven;
    uint64_t fragments_left_out;
    uint64_t without_payload;
    uint64_t gaps;
    const char *path;                    /* of the log */
    struct ak_order_list orders;         /* read where a payload is not there */
    const struct ak_listed_order *order; /* that took the entry at hand out, or NULL */
};

static enum ak_code parse_kinds(struct cat *cat, const struct ak_options *options,
                                struct ak_error *err)
{
    const char *names[AK_KIND_STATE + 2] = {"all"};

    for (uint8_t k = 0; k <= AK_KIND_STATE; k++)
        names[k + 1] = ak_pick_kind(k);
    cat->kinds_given = options->count[AK_OPTION_KIND] > 0;
    for (size_t i = 0; i < options->count[AK_OPTION_KIND]; i++) {
        const char *text = options->value[AK_OPTION_KIND][i];
        const char *near = ak_nearest(text, strlen(text), names, AK_KIND_STATE + 2);
        uint64_t number;

        if (strcmp(text, "all") == 0)
            memset(cat->kind, true, sizeof(cat->kind));
        else if (ak_text_decimal((struct ak_text){text, strlen(text)}, KINDS - 1, &number))
            cat->kind[number] = true;
        else if (near != NULL && strcmp(near, text) == 0)
            for (uint8_t k = 0; k <= AK_KIND_STATE; k++)
                cat->kind[k] = cat->kind[k] || strcmp(names[k + 1], text) == 0;
        else
            return ak_fail(err, AK_EUSAGE,
                           "--kind %s: there is no such kind%s%s; write record, fragment, source, "
                           "manifest, event, epoch, order, anchor, state, a number, or all",
                           text, near == NULL ? "" : ", did you mean ", near == NULL ? "" : near);
    }
    return AK_OK;
}

static enum ak_code parse(struct cat *cat, const struct ak_options *options, struct ak_error *err)
{
    enum ak_code rc;

    if (ak_options_has(options, AK_OPTION_RAW) && ak_options_has(options, AK_OPTION_JSONL))
        return ak_fail(err, AK_EUSAGE, "--raw and --jsonl exclude each other");
    if (ak_options_has(options, AK_OPTION_RAW) && ak_options_has(options, AK_OPTION_FIELDS))
        return ak_fail(err, AK_EUSAGE,
                       "--raw gives exact bytes, --fields their parts: give one of them");
    cat->mode = ak_options_has(options, AK_OPTION_RAW)     ? MODE_RAW
                : ak_options_has(options, AK_OPTION_JSONL) ? MODE_JSONL
                                                           : MODE_TEXT;
    cat->quiet = ak_options_has(options, AK_OPTION_QUIET);
    cat->fields = ak_options_has(options, AK_OPTION_FIELDS);
    rc = parse_kinds(cat, options, err);
    if (rc == AK_OK)
        rc = ak_cmd_filter(options, &cat->filter, err);
    return rc;
}

/* Whether an entry that the filter let through is one of those that are shown. */
static bool is_wanted(struct cat *cat, const struct ak_log_entry *entry)
{
    uint8_t kind = entry->entry.kind;

    if (cat->kinds_given)
        return cat->kind[kind];
    if (kind == AK_KIND_FRAGMENT && cat->mode == MODE_RAW) {
        cat->fragments_left_out++;
        return false;
    }
    return ak_kind_received(kind) || cat->filter.sources != NULL;
}

static bool has_fields(const struct cat *cat, const struct ak_log_entry *entry)
{
    return cat->fields && entry->entry.kind == AK_KIND_RECORD && entry->state == AK_STATE_PRESENT;
}

static void print_text(const struct cat *cat, const struct ak_log_entry *entry)
{
    ak_entry_show_head(cat->out, &cat->table, entry, "");
    if (has_fields(cat, entry))
        ak_fields_text(cat->out, entry->payload, entry->len, entry->entry.received);
    else
        ak_show_data(cat->out, entry->payload, entry->len);
    if (cat->order != NULL) {
        fprintf(cat->out, "by the order in entry %" PRIu64 ", case ", cat->order->index);
        ak_show_text(cat->out, cat->order->case_text);
        fputs(": ", cat->out);
        ak_show_text(cat->out, cat->order->reason);
    }
    fputc('\n', cat->out);
}

/* After when it was logged and by when it existed, where outside proof shows that. */
static void put_bounds(const struct cat *cat, struct ak_json_out *out,
                       const struct ak_log_entry *entry)
{
    bool proven = cat->judged != NULL && entry->proof == AK_PROOF_PROVEN;
    uint64_t after = proven ? ak_check_logged_after(cat->judged, entry->index) : 0;
    uint64_t by = proven ? ak_check_existed_by(cat->judged, entry->index) : 0;
    char time[AK_WHEN_TEXT_BYTES];

    if (after != 0) {
        ak_json_out_string(out, "logged_after", ak_when_format_seconds(time, after));
        ak_json_out_uint(out, "logged_after_s", after);
    }
    if (by != 0) {
        ak_json_out_string(out, "existed_by", ak_when_format_seconds(time, by));
        ak_json_out_uint(out, "existed_by_s", by);
    }
}

static void print_jsonl(const struct cat *cat, const struct ak_log_entry *entry)
{
    struct ak_json_out out;

    ak_json_out_init(&out, cat->out);
    ak_json_out_open(&out, NULL, '{');
    ak_entry_show_json(&out, &cat->table, entry);
    put_bounds(cat, &out, entry);
    if (has_fields(cat, entry))
        ak_fields_json(&out, entry->payload, entry->len, entry->entry.received);
    if (cat->order != NULL) {
        ak_json_out_uint(&out, "order", cat->order->index);
        ak_json_out_string(&out, "order_case", cat->order->case_text);
        ak_json_out_string(&out, "order_reason", cat->order->reason);
    }
    ak_json_out_close(&out, '}');
    fputc('\n', cat->out);
}

static void print_raw(const struct cat *cat, const struct ak_log_entry *entry)
{
    if (entry->state != AK_STATE_PRESENT)
        return;
    fwrite(entry->payload, 1, entry->len, cat->out);
    fputc('\n', cat->out);
}

static enum ak_code on_entry(void *ctx, const struct ak_log_entry *entry, struct ak_error *err)
{
    struct cat *cat = ctx;
    enum ak_code rc = cat->learn ? ak_source_table_entry(&cat->table, entry, err) : AK_OK;

    if (rc != AK_OK || !is_wanted(cat, entry))
        return rc;
    cat->shown++;
    cat->not_proven += cat->judged != NULL && entry->proof != AK_PROOF_PROVEN;
    cat->without_payload += entry->state != AK_STATE_PRESENT;
    cat->order = NULL;
    if (entry->state != AK_STATE_PRESENT && cat->mode != MODE_RAW)
        rc = ak_order_list_find(&cat->orders, cat->path, entry->index,
                                entry->state == AK_STATE_EXPIRED, &cat->order, err);
    if (rc != AK_OK)
        return rc;
    if (cat->mode == MODE_RAW)
        print_raw(cat, entry);
    else if (cat->mode == MODE_JSONL)
        print_jsonl(cat, entry);
    else
        print_text(cat, entry);
    if (ferror(cat->out)) /* the disk is full, or nobody reads any more */
        return ak_fail_errno(err, errno, "%s could not be written to its end", cat->out_name);
    return AK_OK;
}

static enum ak_code on_gap(void *ctx, const struct ak_log_gap *gap, struct ak_error *err)
{
    struct cat *cat = ctx;

    (void)err;
    if (cat->gaps++ >= GAPS_TOLD_MAX)
        return AK_OK;
    if (gap->end == UINT64_MAX)
        fprintf(stderr, "not readable: from entry %" PRIu64 " on", gap->begin);
    else
        fprintf(stderr, "not readable: entries %" PRIu64 "-%" PRIu64, gap->begin, gap->end - 1);
    if (gap->file[0] != '\0') {
        fputs(", ", stderr);
        ak_show_text(stderr, gap->file);
        fprintf(stderr, ", byte %" PRIu64, gap->offset);
    }
    fputs(": ", stderr);
    ak_show_text(stderr, gap->text);
    fputc('\n', stderr);
    return AK_OK;
}

static void print_summary(const struct cat *cat)
{
    char a[AK_SHOW_NUMBER_BYTES];

    if (cat->gaps > GAPS_TOLD_MAX)
        fprintf(stderr, "and %s more places that are not readable\n",
                ak_show_count(a, cat->gaps - GAPS_TOLD_MAX));
    if (cat->quiet)
        return;
    if (cat->fragments_left_out > 0)
        fprintf(stderr, "%s fragment%s not shown: --kind fragment shows what is no whole record\n",
                ak_show_count(a, cat->fragments_left_out),
                cat->fragments_left_out == 1 ? " is" : "s are");
    if (cat->without_payload > 0)
        fprintf(stderr, "%s of the entries shown have no payload here\n",
                ak_show_count(a, cat->without_payload));
    if (cat->judged == NULL)
        fputs("not checked: without --key nothing says whether this is what was signed\n", stderr);
    else if (cat->not_proven > 0)
        fprintf(stderr, "%s of the entries shown are NOT PROVEN\n",
                ak_show_count(a, cat->not_proven));
}

static enum ak_code read_log(struct cat *cat, const struct ak_options *options,
                             const struct ak_log_place *place, struct ak_error *err)
{
    struct ak_log_visitor visitor = {.ctx = cat, .on_entry = on_entry, .on_gap = on_gap};
    bool filtered = options->count[AK_OPTION_INDEX] > 0 || options->count[AK_OPTION_FROM] > 0 ||
                    options->count[AK_OPTION_TO] > 0 || options->count[AK_OPTION_SOURCE] > 0;
    enum ak_code rc = AK_OK;

    cat->path = place->path;
    cat->learn = !filtered && cat->mode != MODE_RAW;
    if (filtered && (cat->mode != MODE_RAW || options->count[AK_OPTION_SOURCE] > 0))
        rc = ak_source_table_read(&cat->table, place->path, err);
    if (rc == AK_OK)
        rc = ak_pick_sources(options, &cat->table, &cat->selected, &cat->filter.source_count, err);
    cat->filter.sources = cat->selected;
    if (rc == AK_OK)
        rc = ak_log_read(place->path, &cat->filter, cat->judged, &visitor, err);
    return rc;
}

/* Checks the log first when there is a key. */
static enum ak_code judge(const struct ak_options *options, const struct ak_log_place *place,
                          struct ak_check **check, struct ak_error *err)
{
    struct ak_trust trust = {0};
    struct ak_check_options how;
    const char *path = place->path;
    enum ak_code rc;

    if (!ak_options_has(options, AK_OPTION_KEY) && !ak_options_has(options, AK_OPTION_POLICY))
        return AK_OK;
    rc = ak_cmd_prepare(options, &trust, &how, err);
    how.logs = NULL; /* the path is that log's own */
    how.log_count = 0;
    if (rc == AK_OK)
        rc = ak_cmd_judge(options, &path, 1, &how, check, err);
    ak_trust_free(&trust);
    return rc;
}

static enum ak_code open_output(struct cat *cat, const struct ak_options *options,
                                struct ak_error *err)
{
    const char *path = ak_options_value(options, AK_OPTION_OUTPUT);

    cat->out = stdout;
    cat->out_name = path == NULL ? "standard output" : path;
    if (path == NULL)
        return AK_OK;
    return ak_output_open(path, ak_options_has(options, AK_OPTION_FORCE), &cat->out, err);
}

static enum ak_code cat_place(struct cat *cat, const struct ak_options *options,
                              const struct ak_log_place *place, int *status, struct ak_error *err)
{
    struct ak_check *check = NULL;
    enum ak_code rc = judge(options, place, &check, err);

    if (rc == AK_OK && check != NULL && check->count == 1)
        cat->judged = &check->logs[0];
    if (rc == AK_OK)
        rc = open_output(cat, options, err);
    if (rc == AK_OK) {
        if (ak_pick_is_exercise(place) && !cat->quiet)
            fputs("EXERCISE / 訓練\n", stderr);
        rc = read_log(cat, options, place, err);
        if (cat->out != stdout) {
            enum ak_code closed =
                ak_output_close(cat->out, cat->out_name, rc == AK_OK ? err : NULL);
            rc = rc == AK_OK ? closed : rc;
        }
    }
    if (rc == AK_OK) {
        print_summary(cat);
        *status = cat->gaps > 0 ? ak_verdict_exit(AK_INCOMPLETE) : 0;
        if (cat->judged != NULL) {
            *status = ak_verdict_exit(cat->judged->verdict);
            if (!cat->quiet)
                ak_report_result(stderr, cat->judged, false);
        }
    }
    ak_check_free(check);
    return rc;
}

enum ak_code ak_cmd_cat(const struct ak_options *options, int *status, struct ak_error *err)
{
    struct ak_log_places places = {0};
    struct cat cat = {0};
    enum ak_code rc = parse(&cat, options, err);

    if (rc == AK_OK)
        rc = ak_pick_log(options, &places, err);
    if (rc == AK_OK)
        rc = cat_place(&cat, options, &places.place[0], status, err);
    ak_order_list_free(&cat.orders);
    ak_source_table_free(&cat.table);
    free(cat.selected);
    ak_log_places_free(&places);
    return rc;
}
