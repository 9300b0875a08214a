/* report_chart.c - lanes of marks on top, then a row of columns for each source, then the axis.
 *
 * Marks that would fall on one place are drawn once, so the size of the picture is bounded by its
 * width, whatever the log holds. */
#include "report_chart.h"

#include "html.h"
#include "show.h"
#include "when.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH        1000u
#define PLOT_X       210u
#define COLUMN_WIDTH 5u /* of AK_REPORT_BINS */
#define PLOT_WIDTH   (AK_REPORT_BINS * COLUMN_WIDTH)
#define LANE_HEIGHT  20u
#define ROW_HEIGHT   26u
#define BAR_HEIGHT   20u
#define TOP          6u
#define AXIS_HEIGHT  34u
#define TICKS_MAX    7u

static const struct {
    const char *en;
    const char *ja;
} lanes[] = {
    [AK_MARK_DAMAGED] = {"damaged or missing", "破損・欠落"},
    [AK_MARK_STOPPED] = {"not running, not accepting", "停止"},
    [AK_MARK_LOST] = {"lost, cut or refused", "喪失・切断"},
    [AK_MARK_CLOCK] = {"clock set", "時計変更"},
};

#define LANES 4u

static double x_of(const struct ak_report_data *data, uint64_t ns)
{
    double share = (double)(ns - data->from) / (double)(data->to - data->from);

    return PLOT_X + share * PLOT_WIDTH;
}

static void put_shape(FILE *file, enum ak_report_mark_kind kind, double from, double until,
                      double y)
{
    double x = (from + until) / 2;
    double width = until - from < 3 ? 3 : until - from;

    switch (kind) {
    case AK_MARK_DAMAGED:
        fprintf(file, "<path class=\"damage\" d=\"M%.1f %.1fh%.1fM%.1f %.1fl8 8m0-8l-8 8\"/>\n",
                from, y, width, x - 4, y - 4);
        break;
    case AK_MARK_STOPPED:
        fprintf(file, "<rect class=\"stop\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"12\"/>\n",
                x - width / 2, y - 6, width);
        break;
    case AK_MARK_LOST:
        fprintf(file, "<path class=\"lost\" d=\"M%.1f %.1fl5 5l-5 5l-5-5z\"/>\n", x, y - 5);
        break;
    case AK_MARK_CLOCK:
        fprintf(file, "<path class=\"clock\" d=\"M%.1f %.1fa5 5 0 1 1 .1 0zm0-3v-4h-3\"/>\n", x,
                y + 5);
        break;
    default:
        fprintf(file,
                "<rect class=\"silent\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"18\"/>\n",
                x - width / 2, y - 9, width);
    }
}

/* Marks of one lane, or, with `source`, the silence of one source. */
static size_t put_marks(FILE *file, const struct ak_report_data *data,
                        enum ak_report_mark_kind kind, const uint32_t *source, double y)
{
    double drawn = -1;
    size_t count = 0;

    for (size_t i = 0; i < data->marks; i++) {
        const struct ak_report_mark *mark = &data->mark[i];
        double from;
        double until;
        if (mark->kind != kind ||
            (source != NULL && (!mark->has_source || mark->source != *source)))
            continue;
        count++;
        from = x_of(data, mark->from);
        until = x_of(data, mark->until);
        if (until < drawn + 1 && until >= drawn - 1 && until - from < 1)
            continue; /* it would lie on the one before */
        put_shape(file, kind, from, until, y);
        drawn = until;
    }
    return count;
}

static void put_label(FILE *file, unsigned y, const char *text, bool ours, const char *ja)
{
    fprintf(file, "<svg x=\"0\" y=\"%u\" width=\"%u\" height=\"%u\"><title>", y, PLOT_X - 10,
            LANE_HEIGHT);
    ak_html_plain(file, text);
    fputs("</title><text y=\"14\">", file);
    if (ours)
        fprintf(file, "%s <tspan class=\"soft\" lang=\"ja\">%s</tspan>", text, ja);
    else
        ak_html_plain(file, text);
    fputs("</text></svg>\n", file);
}

static void put_lanes(FILE *file, const struct ak_report_data *data)
{
    for (unsigned lane = 0; lane < LANES; lane++) {
        unsigned y = TOP + lane * LANE_HEIGHT;
        size_t count;
        put_label(file, y, lanes[lane].en, true, lanes[lane].ja);
        fprintf(file, "<path class=\"grid\" d=\"M%u %u.5h%u\"/>\n", PLOT_X, y + LANE_HEIGHT / 2,
                PLOT_WIDTH);
        count = put_marks(file, data, (enum ak_report_mark_kind)lane, NULL, y + LANE_HEIGHT / 2.0);
        fprintf(file, "<text class=\"soft\" x=\"%u\" y=\"%u\" text-anchor=\"end\">", WIDTH - 2,
                y + 14);
        if (count == 0)
            fputs("none</text>\n", file);
        else
            fprintf(file, "%zu</text>\n", count);
    }
}

static void put_bars(FILE *file, const uint32_t *bins, unsigned base)
{
    uint32_t most = 0;

    for (unsigned i = 0; i < AK_REPORT_BINS; i++)
        most = bins[i] > most ? bins[i] : most;
    fputs("<path class=\"bar\" d=\"", file);
    for (unsigned i = 0; i < AK_REPORT_BINS; i++) {
        double height = most == 0 ? 0 : (double)bins[i] / (double)most * BAR_HEIGHT;
        if (bins[i] == 0)
            continue;
        fprintf(file, "M%u %uv-%.1fh%uv%.1fz", PLOT_X + i * COLUMN_WIDTH, base,
                height < 1 ? 1.0 : height, COLUMN_WIDTH - 1, height < 1 ? 1.0 : height);
    }
    fputs("\"/>\n", file);
}

static void put_row(FILE *file, const struct ak_report_data *data, unsigned y, const char *name,
                    const uint32_t *bins, uint64_t count, const uint32_t *source)
{
    char number[AK_SHOW_NUMBER_BYTES];

    put_label(file, y + 4, name, false, "");
    fprintf(file, "<path class=\"grid\" d=\"M%u %u.5h%u\"/>\n", PLOT_X, y + ROW_HEIGHT - 2,
            PLOT_WIDTH);
    if (source != NULL)
        (void)put_marks(file, data, AK_MARK_SILENT, source, y + ROW_HEIGHT / 2.0);
    put_bars(file, bins, y + ROW_HEIGHT - 2);
    fprintf(file, "<text class=\"soft\" x=\"%u\" y=\"%u\" text-anchor=\"end\">%s</text>\n",
            WIDTH - 2, y + 18, ak_show_count(number, count));
}

size_t ak_report_largest(const struct ak_report_data *data, size_t *row, size_t cap)
{
    const struct ak_source_table *table = &data->sources;
    size_t count = 0;

    for (size_t i = 0; i < table->count; i++) {
        size_t at = count;
        if (table->row[i].count == 0)
            continue;
        while (at > 0 && table->row[row[at - 1]].count < table->row[i].count)
            at--;
        if (at == cap)
            continue;
        if (count < cap)
            count++;
        memmove(row + at + 1, row + at, (count - at - 1) * sizeof(*row));
        row[at] = i;
    }
    return count;
}

static void put_sources(FILE *file, const struct ak_report_data *data, unsigned y,
                        const size_t *rows, size_t count)
{
    uint32_t others[AK_REPORT_BINS];
    uint64_t other_count = data->records;
    char label[AK_SOURCE_LABEL_BYTES];

    memcpy(others, data->rest, sizeof(others));
    for (size_t i = 0; i < data->bin_rows; i++) {
        bool own = false;
        for (size_t r = 0; r < count && !own; r++)
            own = rows[r] == i;
        for (unsigned b = 0; !own && data->bins[i] != NULL && b < AK_REPORT_BINS; b++)
            others[b] = others[b] > UINT32_MAX - data->bins[i][b] ? UINT32_MAX
                                                                  : others[b] + data->bins[i][b];
    }
    for (size_t r = 0; r < count; r++) {
        uint32_t source = (uint32_t)(AK_SOURCE_FIRST + rows[r]);
        static const uint32_t none[AK_REPORT_BINS];
        bool binned = rows[r] < data->bin_rows && data->bins[rows[r]] != NULL;
        (void)ak_source_name(label, &data->sources, source);
        put_row(file, data, y, label, binned ? data->bins[rows[r]] : none,
                data->sources.row[rows[r]].count, &source);
        other_count -= data->sources.row[rows[r]].count;
        y += ROW_HEIGHT;
    }
    if (other_count > 0)
        put_row(file, data, y, "all other sources", others, other_count, NULL);
}

/* The smallest step that gives at most TICKS_MAX ticks. */
static uint64_t tick_step(uint64_t stretch)
{
    static const uint64_t seconds[] = {1,     2,     5,      10,     30,     60,     120,
                                       300,   600,   1800,   3600,   7200,   10800,  21600,
                                       43200, 86400, 172800, 432000, 864000, 2592000};
    uint64_t step;

    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        step = seconds[i] * AK_WHEN_SECOND;
        if (stretch / step <= TICKS_MAX)
            return step;
    }
    for (step = UINT64_C(31536000) * AK_WHEN_SECOND; stretch / step > TICKS_MAX; step *= 2)
        continue;
    return step;
}

static void put_axis(FILE *file, const struct ak_report_data *data, unsigned y)
{
    uint64_t step = tick_step(data->to - data->from);
    uint64_t tick = (data->from + step - 1) / step * step;
    char text[AK_WHEN_TEXT_BYTES];

    fprintf(file, "<path class=\"grid\" d=\"M%u %u.5h%u\"/>\n", PLOT_X, y, PLOT_WIDTH);
    for (unsigned i = 0; tick < data->to && i <= TICKS_MAX + 1; i++, tick += step) {
        double x = x_of(data, tick);
        ak_when_format(text, tick);
        fprintf(file, "<path class=\"grid\" d=\"M%.1f %uv-%u\"/>", x, y + 4, y + 4 - TOP);
        fprintf(file,
                "<text class=\"soft\" x=\"%.1f\" y=\"%u\" text-anchor=\"middle\">%.10s</text>", x,
                y + 16, text);
        fprintf(file,
                "<text class=\"soft\" x=\"%.1f\" y=\"%u\" text-anchor=\"middle\">%.8s</text>\n", x,
                y + 29, text + 11);
    }
}

static uint64_t own_entries(const struct ak_report_data *data, const size_t *rows, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += data->sources.row[rows[i]].count;
    return sum;
}

void ak_report_chart(FILE *file, const struct ak_report_data *data, size_t most)
{
    size_t rows[AK_CHART_ROWS_MAX];
    size_t count =
        ak_report_largest(data, rows, most < AK_CHART_ROWS_MAX ? most : AK_CHART_ROWS_MAX);
    unsigned y = TOP + LANES * LANE_HEIGHT + 6;
    unsigned rows_shown = (unsigned)count + (own_entries(data, rows, count) < data->records);
    unsigned height = y + rows_shown * ROW_HEIGHT + 4 + AXIS_HEIGHT;
    char from[AK_WHEN_TEXT_BYTES];
    char to[AK_WHEN_TEXT_BYTES];
    char stretch[AK_WHEN_TEXT_BYTES];

    fprintf(
        file,
        "<figure>\n<svg class=\"chart\" viewBox=\"0 0 %u %u\" role=\"img\" "
        "aria-label=\"Timeline of entries received per source; the tables below say the same\">\n",
        WIDTH, height);
    put_axis(file, data, height - AXIS_HEIGHT);
    put_lanes(file, data);
    put_sources(file, data, y, rows, count);
    fprintf(file,
            "</svg>\n<figcaption>From %s to %s; one column is %s; times are UTC; a row's highest "
            "column is "
            "its own largest, the number is its sum. Cross: damaged or missing. Grey bar: nobody "
            "wrote the log, or "
            "nothing was accepted. Diamond: lost, cut or refused. Clock: it was set back or "
            "jumped. Dashed frame: the source was expected to send and did not.",
            ak_when_format(from, data->from), ak_when_format(to, data->to - 1),
            ak_when_format_stretch(stretch, (data->to - data->from) / AK_REPORT_BINS));
    if (data->marks_left_off > 0)
        fprintf(file, " %" PRIu64 " more marks are not drawn.", data->marks_left_off);
    fputs(
        "<br><span lang=\"ja\">1 列は上記の時間幅の受信件数(行ごとの最大を基準)。×印は破損・欠落、"
        "灰色の帯は収集の停止、ひし形は喪失・切断・拒否、時計印は時計の変更、破線枠は無送信を示しま"
        "す。</span></figcaption>\n</figure>\n",
        file);
}
