/* compare_show.c - the result of a comparison. The lists come out of the sorters one after the
 * other, lines first, with the files read again beside them for their text; so what is counted of
 * records within the range is known, and printed, last. */
#include "compare_show.h"

#include "claim_show.h"
#include "jsonout.h"
#include "report.h"
#include "show.h"
#include "trust.h"
#include "when.h"

#include <inttypes.h>
#include <string.h>

/* One thing that is listed. */
struct item {
    const char *result; /* word for programs */
    const char *path;   /* of the line; NULL: there is none */
    uint64_t in_file;
    uint64_t offset;
    bool has_offset;
    const char *data; /* text of the line, or NULL */
    size_t len;
    bool has_index;
    uint64_t index;
};

typedef void (*item_fn)(struct ak_comparison *c, const struct item *item, void *ctx);

static const char *const line_words[] = {[AK_COMPARE_NOT_HELD] = "not-held",
                                         [AK_COMPARE_UNCHANGED] = "unchanged",
                                         [AK_COMPARE_OTHER_HEADER] = "other-header"};

static const char *const record_words[] = {[AK_COMPARE_ONLY_HERE] = "not-in-files",
                                           [AK_COMPARE_AGAIN] = "held-again",
                                           [AK_COMPARE_LINE_FEEDS] = "line-feeds"};

/* Every line with its result, in the order of the files, which are read once more. */
static enum ak_code each_line(struct ak_comparison *c, item_fn on_item, void *ctx,
                              struct ak_error *err)
{
    struct ak_compare_line_result result;
    struct ak_line line;
    bool more = true;
    bool more_lines = true;
    enum ak_code rc = AK_OK;

    ak_line_files_again(c->files);
    for (;;) {
        struct item item = {.has_offset = true};
        rc = ak_line_files_next(c->files, &line, &more_lines, err);
        if (rc == AK_OK)
            rc = ak_compare_next_line(c->compare, &result, &more, err);
        if (rc != AK_OK || !more || !more_lines)
            break;
        if (result.line != line.number)
            return ak_fail(err, AK_EINTEGRITY, "a temporary file did not keep what was written");
        item.result = line_words[result.result];
        item.path = c->files->file[line.file].path;
        item.in_file = line.in_file;
        item.offset = line.offset;
        item.has_index = result.result != AK_COMPARE_NOT_HELD;
        item.index = result.index;
        if (!item.has_index) {
            item.data = line.data;
            item.len = line.len;
        }
        on_item(c, &item, ctx);
    }
    if (rc == AK_OK && more != more_lines)
        rc = ak_fail(err, AK_EINTEGRITY, "a temporary file did not keep what was written");
    return rc;
}

static bool in_range(const struct ak_comparison *c, uint64_t index)
{
    return index >= c->counts.first && index <= c->counts.last;
}

/* Every record without a line, within the range that the files cover. */
static enum ak_code each_record(struct ak_comparison *c, item_fn on_item, void *ctx,
                                struct ak_error *err)
{
    struct ak_compare_record_result result;
    bool more = true;
    enum ak_code rc = AK_OK;

    for (;;) {
        struct item item = {.has_index = true};
        rc = ak_compare_next_record(c->compare, &result, &more, err);
        if (rc != AK_OK || !more)
            break;
        if (result.result != AK_COMPARE_AGAIN && !in_range(c, result.index))
            continue;
        c->only_here += result.result == AK_COMPARE_ONLY_HERE;
        c->feeds_here += result.result == AK_COMPARE_LINE_FEEDS;
        item.result = record_words[result.result];
        item.index = result.index;
        if (result.result == AK_COMPARE_AGAIN)
            item.path = ak_line_files_find(c->files, result.line, &item.in_file)->path;
        on_item(c, &item, ctx);
    }
    return rc;
}

/* ---- In words ---- */

struct list {
    const char *result;
    const char *heading;
    uint64_t listed;
    uint64_t left_off;
};

static void print_shown(const char *data, size_t len)
{
    ak_show_data(stdout, data, len < AK_COMPARE_SHOWN_BYTES ? len : AK_COMPARE_SHOWN_BYTES);
    if (len > AK_COMPARE_SHOWN_BYTES)
        fputs("...", stdout);
}

static void print_record(struct ak_comparison *c, uint64_t index)
{
    struct ak_log_tree_entry entry;
    char time[AK_WHEN_TEXT_BYTES];
    char name[AK_SOURCE_LABEL_BYTES];

    printf("entry %" PRIu64, index);
    if (c->tree == NULL || ak_log_tree_entry(c->tree, index, &entry, NULL) != AK_OK)
        return;
    printf(", %s, %s: ", ak_when_format(time, entry.entry.received),
           ak_source_label(name, c->sources, entry.entry.source));
    print_shown((const char *)entry.payload, entry.len);
}

static void print_item(struct ak_comparison *c, const struct item *item, void *ctx)
{
    struct list *lists = ctx;

    for (struct list *list = lists; list->result != NULL; list++) {
        if (strcmp(list->result, item->result) != 0)
            continue;
        if (list->listed == AK_COMPARE_LISTED_MAX) {
            list->left_off++;
            return;
        }
        if (list->listed++ == 0)
            printf("%s:\n", list->heading);
        fputs("  ", stdout);
        if (item->path != NULL) {
            ak_show_text(stdout, item->path);
            printf(", line %" PRIu64 ": ", item->in_file);
        }
        if (item->has_index)
            print_record(c, item->index);
        else if (item->data != NULL)
            print_shown(item->data, item->len);
        else
            fputs("longer than any record", stdout);
        fputc('\n', stdout);
    }
}

static void print_left_off(const struct list *lists)
{
    char number[AK_SHOW_NUMBER_BYTES];

    for (const struct list *list = lists; list->result != NULL; list++) {
        if (list->left_off > 0)
            printf("and %s more %s; --jsonl lists all\n", ak_show_count(number, list->left_off),
                   list->result);
    }
}

static void print_count(const char *label, uint64_t n, const char *what)
{
    char number[AK_SHOW_NUMBER_BYTES];

    ak_claim_show_label(stdout, label);
    printf("%s %s\n", ak_show_count(number, n), what);
}

static void print_range(const struct ak_comparison *c)
{
    const struct ak_compare_counts *counts = &c->counts;
    char a[AK_WHEN_TEXT_BYTES];
    char b[AK_WHEN_TEXT_BYTES];

    ak_claim_show_label(stdout, "range");
    if (counts->first > counts->last) {
        fputs("none: no record for any line was found\n", stdout);
        return;
    }
    printf("entries %" PRIu64 "-%" PRIu64, counts->first, counts->last);
    if (c->has_time)
        printf(", received %s to %s", ak_when_format(a, c->from), ak_when_format(b, c->to));
    printf("\n");
    ak_claim_show_label(stdout, "");
    printf("from the first to the last record that the files hold%s\n",
           c->by_source ? ", of the sources given" : ", of all sources");
}

static void print_head(const struct ak_comparison *c)
{
    char number[AK_SHOW_NUMBER_BYTES];
    char many[AK_SHOW_NUMBER_BYTES];

    ak_claim_show_program(stdout);
    fputs("compared with ", stdout);
    ak_show_text(stdout, c->path);
    fputc('\n', stdout);
    ak_claim_show_exercise(stdout, c->log->origin);
    ak_claim_show_label(stdout, "log");
    ak_report_result(stdout, c->log, false);
    ak_claim_show_label(stdout, "files");
    printf("%s line%s in %s file%s\n", ak_show_count(number, c->counts.lines),
           ak_show_plural(c->counts.lines), ak_show_count(many, c->files->count),
           ak_show_plural(c->files->count));
    print_count("unchanged", c->counts.unchanged, "held, byte for byte");
    print_count("header", c->counts.other_header,
                "held with another header or line end; the message is equal");
    print_count("again", c->counts.again, "records hold the bytes of such a line once more");
    print_count("not held", c->counts.not_held, "lines");
    print_range(c);
    if (c->not_proven > 0)
        print_count("not proven", c->not_proven, "records: not counted as held");
    if (c->absent > 0)
        print_count("no payload", c->absent, "records, which nothing can be compared with");
}

static void print_end(struct ak_comparison *c)
{
    const struct ak_vkey *key = &c->log->key;
    char number[AK_SHOW_NUMBER_BYTES];
    char many[AK_SHOW_NUMBER_BYTES];
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];

    ak_show_verdict(stdout, c->claim.verdict, c->colour);
    if (c->counts.not_held == 0)
        printf(" %s line%s, all held", ak_show_count(number, c->counts.lines),
               ak_show_plural(c->counts.lines));
    else
        printf(" %s of %s lines not held", ak_show_count(number, c->counts.not_held),
               ak_show_count(many, c->counts.lines));
    printf(", %s record%s of the range not in the files", ak_show_count(number, c->only_here),
           ak_show_plural(c->only_here));
    printf(", log %s, key %s%s\n", key->name, ak_trust_fingerprint(key, fingerprint),
           c->log->exercise ? ", EXERCISE / 訓練" : "");
}

enum ak_code ak_compare_show_text(struct ak_comparison *c, struct ak_error *err)
{
    struct list lists[] = {{"not-held", "Not held", 0, 0},
                           {"other-header", "Held with another header or line end", 0, 0},
                           {"held-again", "Held once more", 0, 0},
                           {"not-in-files", "Held, and not in the files", 0, 0},
                           {NULL, NULL, 0, 0}};
    struct list none[] = {{NULL, NULL, 0, 0}};
    struct list *shown = c->quiet ? none : lists;
    char number[AK_SHOW_NUMBER_BYTES];
    enum ak_code rc;

    if (!c->quiet)
        print_head(c);
    rc = each_line(c, print_item, shown, err);
    if (rc == AK_OK)
        rc = each_record(c, print_item, shown, err);
    if (rc != AK_OK)
        return rc;
    print_left_off(shown);
    if (!c->quiet) {
        if (c->feeds_here > 0)
            printf("%s record%s of the range hold%s line feeds: no line can be equal, so they are "
                   "not compared\n",
                   ak_show_count(number, c->feeds_here), ak_show_plural(c->feeds_here),
                   c->feeds_here == 1 ? "s" : "");
        ak_claim_show_finding(stdout, &c->claim, c->colour);
        ak_show_wrapped(
            stdout,
            "Only what the check has proven counts as held. That two lines say the same "
            "does not show that one was made from the other; nor who has changed one "
            "that differs.",
            0, 0);
    }
    print_end(c);
    return AK_OK;
}

/* ---- For programs ---- */

static void put_text(struct ak_json_out *out, const char *name, const char *text)
{
    (void)ak_json_out_text(out, name, text, strlen(text));
}

static void put_members(struct ak_json_out *out, const struct item *item)
{
    ak_json_out_string(out, "result", item->result);
    if (item->path != NULL) {
        put_text(out, "file", item->path);
        ak_json_out_uint(out, "line", item->in_file);
        if (item->has_offset)
            ak_json_out_uint(out, "offset", item->offset);
    }
    if (item->has_index)
        ak_json_out_uint(out, "index", item->index);
    if (item->data != NULL && !ak_json_out_text(out, "message", item->data, item->len))
        ak_json_out_base64(out, "message_base64", item->data, item->len);
}

static void put_counts(struct ak_json_out *out, const struct ak_comparison *c)
{
    char time[AK_WHEN_TEXT_BYTES];

    ak_json_out_uint(out, "lines", c->counts.lines);
    ak_json_out_uint(out, "records_compared", c->counts.records);
    ak_json_out_uint(out, "unchanged", c->counts.unchanged);
    ak_json_out_uint(out, "other_header", c->counts.other_header);
    ak_json_out_uint(out, "held_again", c->counts.again);
    ak_json_out_uint(out, "not_held", c->counts.not_held);
    ak_json_out_uint(out, "not_in_files", c->only_here);
    ak_json_out_uint(out, "line_feeds", c->feeds_here);
    ak_json_out_uint(out, "not_proven", c->not_proven);
    ak_json_out_uint(out, "without_payload", c->absent);
    if (c->counts.first > c->counts.last)
        return;
    ak_json_out_open(out, "range", '{');
    ak_json_out_uint(out, "first", c->counts.first);
    ak_json_out_uint(out, "last", c->counts.last);
    if (c->has_time) {
        ak_json_out_string(out, "from", ak_when_format(time, c->from));
        ak_json_out_string(out, "to", ak_when_format(time, c->to));
    }
    ak_json_out_close(out, '}');
}

static void put_log(struct ak_json_out *out, const struct ak_comparison *c)
{
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];

    put_text(out, "path", c->path);
    put_text(out, "origin", c->log->origin);
    ak_json_out_bool(out, "exercise", c->log->exercise);
    ak_json_out_string(out, "log_verdict", ak_verdict_name(c->log->verdict));
    ak_json_out_string(out, "key_fingerprint", ak_trust_fingerprint(&c->log->key, fingerprint));
}

struct json_list {
    struct ak_json_out out;
    uint64_t listed;
    uint64_t left_off;
};

static void put_item(struct ak_comparison *c, const struct item *item, void *ctx)
{
    struct json_list *list = ctx;

    (void)c;
    if (strcmp(item->result, "unchanged") == 0)
        return;
    if (list->listed == AK_COMPARE_JSON_LISTED_MAX) {
        list->left_off++;
        return;
    }
    list->listed++;
    ak_json_out_open(&list->out, NULL, '{');
    put_members(&list->out, item);
    ak_json_out_close(&list->out, '}');
}

enum ak_code ak_compare_show_json(struct ak_comparison *c, struct ak_error *err)
{
    struct json_list list = {.listed = 0};
    enum ak_code rc;

    ak_json_out_init(&list.out, stdout);
    ak_claim_json_begin(&list.out, &c->claim, NULL);
    put_log(&list.out, c);
    ak_json_out_open(&list.out, "lines_to_see", '[');
    rc = each_line(c, put_item, &list, err);
    ak_json_out_close(&list.out, ']');
    ak_json_out_uint(&list.out, "lines_left_off", list.left_off);
    list.listed = 0;
    list.left_off = 0;
    ak_json_out_open(&list.out, "records_to_see", '[');
    if (rc == AK_OK)
        rc = each_record(c, put_item, &list, err);
    ak_json_out_close(&list.out, ']');
    ak_json_out_uint(&list.out, "records_left_off", list.left_off);
    put_counts(&list.out, c);
    if (rc != AK_OK && err != NULL)
        put_text(&list.out, "error", err->text);
    ak_claim_json_end(&list.out);
    return rc;
}

static void put_line(struct ak_comparison *c, const struct item *item, void *ctx)
{
    struct ak_json_out out;

    (void)c;
    (void)ctx;
    ak_json_out_init(&out, stdout);
    ak_json_out_open(&out, NULL, '{');
    put_members(&out, item);
    ak_json_out_close(&out, '}');
    fputc('\n', stdout);
}

enum ak_code ak_compare_show_jsonl(struct ak_comparison *c, struct ak_error *err)
{
    struct ak_json_out out;
    enum ak_code rc = each_line(c, put_line, NULL, err);

    if (rc == AK_OK)
        rc = each_record(c, put_line, NULL, err);
    if (rc != AK_OK)
        return rc;
    ak_json_out_init(&out, stdout);
    ak_claim_json_begin(&out, &c->claim, NULL);
    put_log(&out, c);
    put_counts(&out, c);
    ak_claim_json_end(&out);
    return AK_OK;
}
