/* report_period.c - the page of a period for management: who sent, how much of the time is covered,
 * what was lost and on whose side, orders, keys, and when the log was last checked in full. */
#include "report_page.h"

#include "html.h"
#include "report_chart.h"
#include "report_tables.h"
#include "show.h"
#include "trust.h"
#include "when.h"

#include <inttypes.h>
#include <string.h>

/* Sources with a row of their own: all must fit one page. */
#define ROWS_MAX 6u

/* Sides of losses (format.md 10.3), in the order in which they are shown. */
static const struct {
    const char *side;
    const char *en;
    const char *ja;
} sides[] = {
    {"sender", "sender", "送信側"},         {"network", "network", "通信経路"},
    {"collector", "collector", "収集装置"}, {"operator", "operator", "運用者"},
    {"unknown", "not known", "不明"},
};

/* Events that tell of something lost, and the word for what their `count` counts. */
static const char *const losses[] = {
    "udp-drop",   "gap",           "disk-full",  "cut",
    "unfinished", "framing-error", "refused",    "connection-unacknowledged",
    "overflow",   "write-failure", "corruption",
};

static bool is_loss(const struct ak_report_event *e)
{
    for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
        if (strcmp(losses[i], e->event) == 0)
            return true;
    }
    return false;
}

static void put_coverage(FILE *file, const struct ak_report_data *data)
{
    uint64_t stretch = data->to - data->from;
    char covered[AK_WHEN_TEXT_BYTES];
    char all[AK_WHEN_TEXT_BYTES];

    ak_page_term(file, "Coverage", "稼働の裏付け");
    fprintf(file, "%.1f %%: %s of %s", 100.0 * (double)data->covered / (double)stretch,
            ak_when_format_stretch(covered, data->covered), ak_when_format_stretch(all, stretch));
    if (data->quiet > 0)
        fprintf(file, "; %" PRIu64 " stretch%s with none", data->quiet,
                data->quiet == 1 ? "" : "es");
    fputs("<br><span class=\"soft\">time between proven entries that follow each other within 3 "
          "minutes; a collector that runs writes one every minute at least</span></dd>\n",
          file);
}

static void put_volume(FILE *file, const struct ak_check_log *log,
                       const struct ak_report_data *data)
{
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];
    char a[AK_SHOW_NUMBER_BYTES];
    size_t sent = 0;

    for (size_t i = 0; i < data->sources.count; i++)
        sent += data->sources.row[i].count > 0;
    ak_page_term(file, "Sources that sent", "送信した送信元");
    fprintf(file, "%zu of %zu that were declared so far</dd>\n", sent, data->sources.count);
    ak_page_term(file, "Records received", "受信件数");
    fputs(ak_show_count(a, data->records), file);
    if (data->passed_over > 0)
        fprintf(file, "; <strong>%s more are there and not proven</strong>",
                ak_show_count(a, data->passed_over));
    fputs("</dd>\n", file);
    ak_page_term(file, "Key, as given", "与えられた鍵");
    fprintf(file, "<code>%s</code></dd>\n",
            log->key_given ? ak_trust_fingerprint(&log->key, fingerprint) : "none for this origin");
    ak_page_term(file, "Epochs begun", "期間鍵の交替");
    fprintf(file, "%" PRIu64 "</dd>\n", data->epochs);
}

static void put_loss(FILE *file, const struct ak_report_event *e)
{
    char number[AK_SHOW_NUMBER_BYTES];
    char stretch[AK_WHEN_TEXT_BYTES];

    fputs("<li><bdi>", file);
    ak_html_text(file, e->event);
    fprintf(file, "</bdi>: %s time%s", ak_show_count(number, e->entries),
            ak_show_plural(e->entries));
    if (e->has_count)
        fprintf(file, ", %s in all", ak_show_count(number, e->count));
    if (e->has_span)
        fprintf(file, ", %s", ak_when_format_stretch(stretch, e->span));
    fputs("</li>\n", file);
}

static void put_losses(FILE *file, const struct ak_report_data *data)
{
    bool any = false;

    ak_html_heading(file, 2, "Losses, by side", "喪失(側別)");
    fputs("<dl class=\"facts\">\n", file);
    for (size_t s = 0; s < sizeof(sides) / sizeof(sides[0]); s++) {
        bool open = false;
        for (size_t i = 0; i < data->events; i++) {
            const struct ak_report_event *e = &data->event[i];
            if (!is_loss(e) || strcmp(e->side, sides[s].side) != 0)
                continue;
            if (!open) {
                ak_page_term(file, sides[s].en, sides[s].ja);
                fputs("<ul>\n", file);
            }
            open = any = true;
            put_loss(file, e);
        }
        if (open)
            fputs("</ul></dd>\n", file);
    }
    fputs("</dl>\n", file);
    if (!any)
        fputs("<p>The log tells of none. <span "
              "lang=\"ja\">記録簿に喪失の記述はありません。</span></p>\n",
              file);
}

void ak_page_period(const struct ak_report_page *page, const struct ak_check_log *log,
                    const struct ak_report_data *data)
{
    FILE *file = page->file;

    ak_html_heading(file, 2, "The period", "期間の概要");
    fputs("<dl class=\"facts\">\n", file);
    ak_page_term(file, "Log", "記録簿");
    ak_html_foreign(file, log->origin[0] != '\0' ? log->origin : log->path);
    fputs("</dd>\n", file);
    ak_page_term(file, "From, to", "期間");
    ak_html_time(file, data->from);
    fputs(" to ", file);
    ak_html_time(file, data->to);
    fputs("</dd>\n", file);
    put_coverage(file, data);
    put_volume(file, log, data);
    ak_page_term(file, "Last full check", "直近の全件検査");
    if (page->now != 0)
        ak_html_time(file, page->now);
    fprintf(file, ": %s, of the whole log, by this run</dd>\n", ak_verdict_name(log->verdict));
    ak_page_program(file);
    fputs("</dl>\n", file);
    ak_html_heading(file, 2, "What came, and when", "受信量の推移");
    ak_report_chart(file, data, ROWS_MAX);
    put_losses(file, data);
    ak_page_orders(file, data);
    if (log->finding_count > 0)
        ak_page_findings(file, log, data);
}
