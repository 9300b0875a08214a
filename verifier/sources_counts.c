/* sources_counts.c - senders' counters, shown: first what is sound, then each jump with both
 * neighbours. */
#include "sources_counts.h"

#include "show.h"
#include "when.h"

#include <inttypes.h>

static const char *jump_name(enum ak_sender_jump_kind kind)
{
    return kind == AK_SENDER_LOST ? "lost" : kind == AK_SENDER_UNCLEAR ? "unclear" : "restart";
}

static size_t shown_jumps(const struct ak_sender_counter *c, bool all)
{
    return all || c->jump_count < AK_SOURCES_JUMPS_SHOWN ? c->jump_count : AK_SOURCES_JUMPS_SHOWN;
}

static void print_seen(FILE *file, const struct ak_sender_counter *c,
                       const struct ak_sender_seen *seen)
{
    char number[AK_SHOW_NUMBER_BYTES];
    char index[AK_SHOW_NUMBER_BYTES];
    char time[AK_WHEN_TEXT_BYTES];

    fprintf(file, "%s (entry %s, %s)",
            ak_show_count(number, ak_sender_line_written(&c->line, seen->number)),
            ak_show_count(index, seen->index), ak_when_format(time, seen->received));
}

static void print_jump(FILE *file, const struct ak_sender_counter *c,
                       const struct ak_sender_jump *jump)
{
    char count[AK_SHOW_NUMBER_BYTES];

    if (jump->kind == AK_SENDER_RESTART)
        fputs("      begins anew: after ", file);
    else
        fprintf(file, "      %s %s: between ", ak_show_count(count, jump->missing),
                jump->kind == AK_SENDER_LOST ? "lost before the collector"
                                             : "missing, or among entries that could not be read");
    print_seen(file, c, &jump->before);
    fputs(jump->kind == AK_SENDER_RESTART ? " comes " : " and ", file);
    print_seen(file, c, &jump->after);
    fputc('\n', file);
}

static void print_sum(FILE *file, const char *name, uint64_t n)
{
    char count[AK_SHOW_NUMBER_BYTES];

    if (n > 0)
        fprintf(file, ", %s %s", ak_show_count(count, n), name);
}

static void print_name(FILE *file, const struct ak_sender_counter *c)
{
    fprintf(file, "    %s", ak_sender_kind_text(c->kind));
    if (c->host_len > 0) {
        fputs(" of ", file);
        ak_show_data(file, c->host, c->host_len);
    }
    if (c->whole_host) {
        fputs(", all applications together", file);
    } else if (c->app_len > 0) {
        fputs(", ", file);
        ak_show_data(file, c->app, c->app_len);
    }
}

static void print_counter(FILE *file, const struct ak_sender_counter *c, bool all)
{
    const struct ak_sender_line *line = &c->line;
    size_t shown = shown_jumps(c, all);
    char count[AK_SHOW_NUMBER_BYTES];

    print_name(file, c);
    fprintf(file, ": %s seen, ", ak_show_count(count, line->numbers));
    print_seen(file, c, &line->first);
    fputs(" to ", file);
    print_seen(file, c, &line->last);
    fputs("\n      ", file);
    if (c->mixed)
        fputs("these look like numbers of several counters under one name: nothing is said about "
              "losses",
              file);
    else
        fprintf(file, "%s lost before the collector", ak_show_count(count, line->lost));
    print_sum(file, "missing, or among entries that could not be read",
              c->mixed ? 0 : line->unclear);
    print_sum(file, "late", line->late);
    print_sum(file, "repeated", line->repeated);
    print_sum(file, "alone and far from the others", line->stray);
    print_sum(file, line->restarts == 1 ? "new beginning" : "new beginnings", line->restarts);
    fputc('\n', file);
    if (c->mixed && !all)
        return;
    if (c->elsewhere != 0 && c->jumps > 0)
        fprintf(file,
                "      source %" PRIu32
                " has numbers of that host, too: what is missing here may be "
                "there\n",
                c->elsewhere);
    for (size_t i = 0; i < shown; i++)
        print_jump(file, c, &c->jump[i]);
    if (c->jumps > shown)
        fprintf(file, "      and %s more%s\n", ak_show_count(count, c->jumps - shown),
                all ? ", of which only the number is kept" : "; --all lists them");
}

void ak_sources_counts_print(FILE *file, const struct ak_sender_counts *counts,
                             const struct ak_source_table *table, bool all)
{
    char count[AK_SHOW_NUMBER_BYTES];
    char name[AK_SOURCE_LABEL_BYTES];
    const struct ak_sender_counter *before = NULL;

    fputs("  numbers that senders count with\n", file);
    for (size_t i = 0; i < counts->count; i++) {
        const struct ak_sender_counter *c = &counts->counter[i];
        if (!c->shown)
            continue;
        if (before == NULL || before->source != c->source)
            fprintf(file, "   %s\n", ak_source_label(name, table, c->source));
        print_counter(file, c, all);
        before = c;
    }
    if (before == NULL)
        fputs("   none was found\n", file);
    else
        fputs("  A number that is lost was counted by its sender and is in no record here. Some "
              "count more than they\n  were told to send (docs/fields.md).\n",
              file);
    if (counts->blind > 0)
        fprintf(file,
                "  %s entries could not be looked at, or are not proven: their numbers do "
                "not count\n",
                ak_show_count(count, counts->blind));
    if (counts->not_followed > 0)
        fprintf(file, "  %s numbers were not followed: only the first %s counters are\n",
                ak_show_count(count, counts->not_followed),
                ak_show_count(name, AK_SENDER_COUNTERS_MAX));
}

static void put_seen(struct ak_json_out *out, const char *name, const struct ak_sender_counter *c,
                     const struct ak_sender_seen *seen)
{
    char time[AK_WHEN_TEXT_BYTES];

    ak_json_out_open(out, name, '{');
    ak_json_out_uint(out, "number", ak_sender_line_written(&c->line, seen->number));
    ak_json_out_uint(out, "index", seen->index);
    ak_json_out_string(out, "received", ak_when_format(time, seen->received));
    ak_json_out_close(out, '}');
}

static void put_counter(struct ak_json_out *out, const struct ak_sender_counter *c, bool all)
{
    const struct ak_sender_line *line = &c->line;
    size_t shown = shown_jumps(c, all);

    ak_json_out_open(out, NULL, '{');
    ak_json_out_uint(out, "source", c->source);
    ak_json_out_string(out, "kind", ak_sender_kind_name(c->kind));
    (void)ak_json_out_text(out, "host", c->host, c->host_len);
    if (c->whole_host)
        ak_json_out_null(out, "app");
    else
        (void)ak_json_out_text(out, "app", c->app, c->app_len);
    ak_json_out_uint(out, "seen", line->numbers);
    put_seen(out, "first", c, &line->first);
    put_seen(out, "last", c, &line->last);
    ak_json_out_uint(out, "lost_before_collector", line->lost);
    ak_json_out_uint(out, "unclear", line->unclear);
    ak_json_out_uint(out, "late", line->late);
    ak_json_out_uint(out, "repeated", line->repeated);
    ak_json_out_uint(out, "stray", line->stray);
    ak_json_out_uint(out, "restarts", line->restarts);
    ak_json_out_bool(out, "mixed", c->mixed);
    if (c->elsewhere != 0)
        ak_json_out_uint(out, "also_source", c->elsewhere);
    ak_json_out_uint(out, "jump_count", c->jumps);
    ak_json_out_open(out, "jumps", '[');
    for (size_t i = 0; i < shown; i++) {
        ak_json_out_open(out, NULL, '{');
        ak_json_out_string(out, "kind", jump_name(c->jump[i].kind));
        ak_json_out_uint(out, "missing", c->jump[i].missing);
        put_seen(out, "before", c, &c->jump[i].before);
        put_seen(out, "after", c, &c->jump[i].after);
        ak_json_out_close(out, '}');
    }
    ak_json_out_close(out, ']');
    ak_json_out_close(out, '}');
}

void ak_sources_counts_json(struct ak_json_out *out, const struct ak_sender_counts *counts,
                            bool all)
{
    ak_json_out_open(out, "counters", '[');
    for (size_t i = 0; i < counts->count; i++) {
        if (counts->counter[i].shown)
            put_counter(out, &counts->counter[i], all);
    }
    ak_json_out_close(out, ']');
    ak_json_out_uint(out, "counters_not_followed", counts->not_followed);
    ak_json_out_uint(out, "counters_blind_entries", counts->blind);
}
