/* report_tables.c - rows are bounded by named constants; what is left out is counted. */
#include "report_tables.h"

#include "html.h"
#include "report_chart.h"
#include "report_page.h"
#include "report_words.h"
#include "show.h"
#include "when.h"

#include <akashi/finding.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A table that a narrow screen or a keyboard can scroll. */
static void open_table(FILE *file, const char *label)
{
    fprintf(file,
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"%s\"><table>\n"
            "<thead><tr>",
            label);
}

static void column(FILE *file, const char *en, const char *ja, bool number)
{
    fputs(number ? "<th scope=\"col\" class=\"number\">" : "<th scope=\"col\">", file);
    ak_html_both(file, en, ja);
    fputs("</th>", file);
}

static void open_body(FILE *file)
{
    fputs("</tr></thead>\n<tbody>\n", file);
}

static void close_table(FILE *file)
{
    fputs("</tbody></table></div>\n", file);
}

static void number_cell(FILE *file, uint64_t n)
{
    char text[AK_SHOW_NUMBER_BYTES];

    fprintf(file, "<td class=\"number\">%s</td>", ak_show_count(text, n));
}

static void time_cell(FILE *file, uint64_t ns)
{
    fputs("<td class=\"when\">", file);
    ak_html_time(file, ns);
    fputs("</td>", file);
}

static void foreign_cell(FILE *file, const char *text)
{
    fputs("<td>", file);
    ak_html_foreign(file, text == NULL ? "" : text);
    fputs("</td>", file);
}

void ak_page_source(FILE *file, const struct ak_report_data *data, uint32_t ordinal)
{
    char label[AK_SOURCE_LABEL_BYTES];

    fputs("<bdi>", file);
    /* Escaped by it for a terminal; here its characters only need to be harmless in markup. */
    (void)ak_source_label(label, &data->sources, ordinal);
    ak_html_plain(file, label);
    fputs("</bdi>", file);
}

static void finding_place(FILE *file, const struct ak_finding *finding,
                          const struct ak_report_data *data)
{
    char number[AK_SHOW_NUMBER_BYTES];

    fputs("<td>", file);
    if (finding->has_range && finding->end == UINT64_MAX)
        fprintf(file, "entries from %" PRIu64 " on<br>", finding->begin);
    else if (finding->has_range && finding->end == finding->begin)
        fprintf(file, "before entry %" PRIu64 "<br>", finding->begin);
    else if (finding->has_range && finding->end - finding->begin == 1)
        fprintf(file, "entry %" PRIu64 "<br>", finding->begin);
    else if (finding->has_range)
        fprintf(file, "entries %" PRIu64 "-%" PRIu64 "<br>", finding->begin, finding->end - 1);
    if (finding->has_time) {
        ak_html_time(file, finding->from);
        fputs(" to ", file);
        ak_html_time(file, finding->until);
        fputs("<br>", file);
    }
    for (unsigned i = 0; i < finding->source_count; i++) {
        ak_page_source(file, data, finding->sources[i]);
        fputs(i + 1 < finding->source_count ? ", "
              : finding->more_sources       ? " and others<br>"
                                            : "<br>",
              file);
    }
    if (finding->file[0] != '\0')
        ak_html_foreign(file, finding->file);
    if (finding->has_offset)
        fprintf(file, ", byte %s", ak_show_count(number, finding->offset));
    fputs("</td>", file);
}

static void put_finding(FILE *file, const struct ak_finding *finding,
                        const struct ak_report_data *data, bool explain)
{
    static const char *const classes[] = {"valid", "incomplete", "unchecked", "invalid"};
    static const char *const shapes[] = {"", "\xe2\x96\xb2", "\xe2\x96\xa1", "\xe2\x9c\x96"};
    const struct ak_finding_info *info = ak_finding_info(finding->code);

    fprintf(file, "<tr><td class=\"%s\"><span class=\"code\">%s %s</span><br>",
            info->remark ? "soft" : classes[info->verdict],
            info->remark ? "\xc2\xb7" : shapes[info->verdict], info->name);
    fprintf(file, "%s%s%s%s</td>", info->remark ? "remark" : ak_verdict_name(info->verdict),
            finding->rule[0] == '\0' ? "" : " (", finding->rule,
            finding->rule[0] == '\0' ? "" : ")");
    finding_place(file, finding, data);
    fputs("<td>", file);
    ak_html_foreign(file, finding->text);
    fprintf(file, "<br><span lang=\"ja\" class=\"soft\">%s</span>",
            ak_words_finding_ja(finding->code));
    if (explain && !info->remark) {
        fputs("<br><strong>Means:</strong> ", file);
        ak_html_text(file, info->meaning);
        fputs("<br><strong>Does not mean:</strong> ", file);
        ak_html_text(file, info->not_meant);
        fputs("<br><strong>Next:</strong> ", file);
        ak_html_text(file, info->remedy);
    }
    fputs("</td></tr>\n", file);
}

void ak_page_findings(FILE *file, const struct ak_check_log *log, const struct ak_report_data *data)
{
    bool explained[AK_FINDING_CODES] = {false};
    uint64_t all = log->findings_left_off + log->finding_count;
    uint64_t shown = 0;

    ak_html_heading(file, 2, "Findings", "所見");
    if (all == 0) {
        fputs("<p>None. <span lang=\"ja\">ありません。</span></p>\n", file);
        return;
    }
    open_table(file, "Findings");
    column(file, "Finding", "所見", false);
    column(file, "Place", "箇所", false);
    column(file, "What", "内容", false);
    open_body(file);
    for (int remarks = 0; remarks < 2; remarks++) {
        for (size_t i = 0; i < log->finding_count && shown < AK_PAGE_FINDINGS_MAX; i++) {
            const struct ak_finding *finding = &log->findings[i];
            if (ak_finding_info(finding->code)->remark != (remarks == 1))
                continue;
            put_finding(file, finding, data, !explained[finding->code]);
            explained[finding->code] = true;
            shown++;
        }
    }
    close_table(file);
    if (all > shown)
        fprintf(file,
                "<p>%" PRIu64 " more; <code>akashi-verify check --json</code> lists up to %u."
                "</p>\n",
                all - shown, AK_CHECK_FINDINGS_MAX);
}

void ak_page_events(FILE *file, const struct ak_report_data *data)
{
    char stretch[AK_WHEN_TEXT_BYTES];

    ak_html_heading(file, 2, "What the log tells of itself", "記録簿自身の事象");
    if (data->events == 0) {
        fputs("<p>No event in this stretch of time. <span lang=\"ja\">ありません。</span></p>\n",
              file);
        return;
    }
    fputs("<p>The collector's own entries, proven as the records are: a loss that it noticed is "
          "evidence too. <span lang=\"ja\">収集装置自身が記した事象です。</span></p>\n",
          file);
    open_table(file, "Events");
    column(file, "Event", "事象", false);
    column(file, "Side", "側", false);
    column(file, "Entries", "件数", true);
    column(file, "Concerns", "数量", true);
    column(file, "Lasted in all", "合計時間", false);
    column(file, "First", "最初", false);
    column(file, "Last", "最後", false);
    open_body(file);
    for (size_t i = 0; i < data->events; i++) {
        const struct ak_report_event *e = &data->event[i];
        fputs("<tr>", file);
        foreign_cell(file, e->event);
        foreign_cell(file, e->side);
        number_cell(file, e->entries);
        if (e->has_count)
            number_cell(file, e->count);
        else
            fputs("<td></td>", file);
        fprintf(file, "<td>%s</td>", e->has_span ? ak_when_format_stretch(stretch, e->span) : "");
        time_cell(file, e->first);
        time_cell(file, e->last);
        fputs("</tr>\n", file);
    }
    close_table(file);
    if (data->events_left_off > 0)
        fprintf(file, "<p>%" PRIu64 " more events of other names.</p>\n", data->events_left_off);
}

void ak_page_orders(FILE *file, const struct ak_report_data *data)
{
    ak_html_heading(file, 2, "Orders", "命令");
    if (data->orders == 0) {
        fputs("<p>None: no order to erase, expire or hold anything. <span "
              "lang=\"ja\">消去・期限・保全の"
              "命令はありません。</span></p>\n",
              file);
        return;
    }
    open_table(file, "Orders");
    column(file, "Entry", "番号", true);
    column(file, "When", "日時", false);
    column(file, "Action", "種別", false);
    column(file, "Entries named", "対象件数", true);
    column(file, "Reason", "理由", false);
    column(file, "Case", "事件番号", false);
    column(file, "Asserted by", "発令者", false);
    open_body(file);
    for (size_t i = 0; i < data->orders; i++) {
        const struct ak_report_order *order = &data->order[i];
        fputs("<tr>", file);
        number_cell(file, order->index);
        time_cell(file, order->received);
        foreign_cell(file, order->action);
        number_cell(file, order->entries);
        foreign_cell(file, order->reason);
        foreign_cell(file, order->order_case);
        fprintf(file, "<td>%s</td></tr>\n",
                order->signed_outside ? "a note of keys outside of the collector"
                                      : "the collector alone");
    }
    close_table(file);
    if (data->orders_left_off > 0)
        fprintf(file, "<p>%" PRIu64 " more orders.</p>\n", data->orders_left_off);
}

static void put_source(FILE *file, const struct ak_report_data *data, size_t i)
{
    const struct ak_source_row *row = &data->sources.row[i];

    fputs("<tr><td>", file);
    ak_page_source(file, data, (uint32_t)(AK_SOURCE_FIRST + i));
    if (row->relay)
        fputs("<br>a relay: it forwards for others <span lang=\"ja\">中継</span>", file);
    fputs("</td><td>", file);
    fputs(row->declared ? (row->identity[0] == '\0' ? "unreadable" : row->identity) : "undeclared",
          file);
    if (row->declared && row->identity[0] != '\0')
        fprintf(file, "<br><span class=\"soft\">%s</span>", ak_source_identity_text(row->identity));
    fputs("</td>", file);
    foreign_cell(file, row->listener);
    number_cell(file, row->count);
    number_cell(file, row->fragments);
    fputs("<td>", file);
    if (row->count > 0) {
        ak_html_time(file, row->first_time);
        fputs("<br>", file);
        ak_html_time(file, row->last_time);
    }
    fputs("</td></tr>\n", file);
}

static void put_silent(FILE *file, const struct ak_report_data *data)
{
    size_t silent = 0;

    for (size_t i = 0; i < data->sources.count; i++)
        silent += data->sources.row[i].count == 0;
    if (silent == 0)
        return;
    fprintf(file, "<p>%zu declared source%s sent nothing in this stretch of time: ", silent,
            ak_show_plural(silent));
    silent = 0;
    for (size_t i = 0; i < data->sources.count; i++) {
        if (data->sources.row[i].count > 0)
            continue;
        if (silent++ == AK_PAGE_SILENT_MAX) {
            fputs(", ...", file);
            break;
        }
        fputs(silent == 1 ? "" : ", ", file);
        ak_page_source(file, data, (uint32_t)(AK_SOURCE_FIRST + i));
    }
    fputs(". <span lang=\"ja\">この期間に何も送信しなかった送信元です。</span></p>\n", file);
}

void ak_page_sources(FILE *file, const struct ak_report_data *data)
{
    size_t *row = calloc(AK_PAGE_SOURCES_MAX, sizeof(*row));
    size_t count = row == NULL ? 0 : ak_report_largest(data, row, AK_PAGE_SOURCES_MAX);

    ak_html_heading(file, 2, "Sources", "送信元");
    open_table(file, "Sources");
    column(file, "Source", "送信元", false);
    column(file, "Identity known by", "識別方法", false);
    column(file, "Listener", "受信口", false);
    column(file, "Entries", "件数", true);
    column(file, "Fragments", "断片", true);
    column(file, "First, last", "最初・最後", false);
    open_body(file);
    for (size_t i = 0; i < count; i++)
        put_source(file, data, row[i]);
    close_table(file);
    if (count == AK_PAGE_SOURCES_MAX)
        fputs("<p>The largest ones; <code>akashi-verify sources</code> lists all.</p>\n", file);
    put_silent(file, data);
    free(row);
}
