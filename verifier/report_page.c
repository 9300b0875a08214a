/* report_page.c - the page as a whole, and what every page begins with: verdict, what was examined,
 * program, keys. */
#include "report_page.h"

#include "html.h"
#include "report.h"
#include "report_chart.h"
#include "report_tables.h"
#include "report_words.h"
#include "self.h"
#include "show.h"
#include "trust.h"
#include "when.h"

#include <akashi/base64.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *verdict_class(enum ak_verdict verdict)
{
    static const char *const classes[] = {
        [AK_VALID] = "valid",
        [AK_INCOMPLETE] = "incomplete",
        [AK_NOT_CHECKABLE] = "unchecked",
        [AK_INVALID] = "invalid",
    };

    return classes[verdict];
}

/* A shape for each verdict: circle with tick, triangle with !, square with ?, octagon with cross.
 */
static void put_sign(FILE *file, enum ak_verdict verdict)
{
    static const char *const paths[] = {
        [AK_VALID] = "M32 4a28 28 0 1 0 .1 0zM18 33l10 10l18-22",
        [AK_INCOMPLETE] = "M32 6L60 57H4zM32 24v16M32 46v4",
        [AK_NOT_CHECKABLE] = "M7 7h50v50H7zM23 25c0-14 20-13 19 0c0 8-10 7-10 15M32 46v4",
        [AK_INVALID] = "M21 4h22l17 17v22l-17 17h-22l-17-17v-22zM21 21l22 22m0-22l-22 22",
    };

    fprintf(file,
            "<svg viewBox=\"0 0 64 64\" aria-hidden=\"true\"><path fill=\"none\" "
            "stroke=\"currentColor\" stroke-width=\"5\" stroke-linejoin=\"round\" d=\"%s\"/></svg>",
            paths[verdict]);
}

void ak_page_verdict_open(FILE *file, enum ak_verdict verdict)
{
    struct ak_words word = ak_words_verdict(verdict);

    fprintf(file, "<section class=\"verdict %s\" aria-label=\"Verdict\">", verdict_class(verdict));
    put_sign(file, verdict);
    fprintf(file, "<div><p class=\"word\">%s <span lang=\"ja\">%s</span></p>\n", word.en, word.ja);
}

static void put_words(FILE *file, struct ak_words words)
{
    fprintf(file, "<p class=\"sentence\">%s</p>\n<p class=\"sentence\" lang=\"ja\">%s</p>\n",
            words.en, words.ja);
}

/* The line that a check ends in, as text. */
static void put_result(FILE *file, const struct ak_check_log *log)
{
    char *line = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&line, &len);

    if (stream == NULL)
        return;
    ak_report_result(stream, log, false);
    if (fclose(stream) == 0 && len > 0) {
        fputs("<p class=\"result\"><code>", file);
        line[len - 1] = '\0';
        ak_html_plain(file, line);
        fputs("</code></p>\n", file);
    }
    free(line);
}

void ak_page_verdict(FILE *file, const struct ak_check_log *log)
{
    ak_page_verdict_open(file, log->verdict);
    put_words(file, ak_words_sentence_below(log));
    put_result(file, log);
    fputs("</div></section>\n", file);
}

void ak_page_never(FILE *file)
{
    fprintf(file, "<div class=\"never\"><p>%s</p>\n<p lang=\"ja\">%s</p></div>\n",
            ak_words_not_shown.en, ak_words_not_shown.ja);
}

void ak_page_term(FILE *file, const char *en, const char *ja)
{
    fputs("<dt>", file);
    ak_html_both(file, en, ja);
    fputs("</dt><dd>", file);
}

void ak_page_program(FILE *file)
{
    ak_page_term(file, "Program", "検査プログラム");
    fprintf(file, "akashi-verify %s, SHA-256 of its file <code>%s</code></dd>\n", AKASHI_VERSION,
            ak_self_digest());
}

void ak_page_key(FILE *file, const struct ak_check_log *log)
{
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];
    char vkey[AK_VKEY_TEXT_BYTES_MAX];

    ak_page_term(file, "Key, as given", "与えられた鍵");
    if (!log->key_given) {
        fputs("none for this origin</dd>\n", file);
        return;
    }
    (void)ak_vkey_format(vkey, sizeof(vkey), &log->key);
    fprintf(file, "fingerprint <code>%s</code><br><code>",
            ak_trust_fingerprint(&log->key, fingerprint));
    ak_html_text(file, vkey);
    fputs("</code></dd>\n", file);
}

static void put_time_span(FILE *file, uint64_t from, uint64_t until)
{
    ak_html_time(file, from);
    fputs(" to ", file);
    ak_html_time(file, until);
}

static void put_examined(FILE *file, const struct ak_check_log *log)
{
    char a[AK_SHOW_NUMBER_BYTES];
    char b[AK_SHOW_NUMBER_BYTES];
    char c[AK_SHOW_NUMBER_BYTES];

    ak_page_term(file, "Examined", "検査対象");
    ak_html_foreign(file, log->path);
    if (log->kind != AK_CHECK_CHECKPOINT)
        fprintf(file, "<br>every byte of %s segment file%s, %s, %s entr%s",
                ak_show_count(a, log->files), ak_show_plural(log->files),
                ak_show_bytes(b, log->bytes_read), ak_show_count(c, log->entries),
                log->entries == 1 ? "y" : "ies");
    fputs("</dd>\n", file);
    ak_page_term(file, "Log", "記録簿");
    if (log->name[0] != '\0') {
        ak_html_foreign(file, log->name);
        fputs(" <span class=\"soft\">(the operator's word, proves nothing)</span><br>", file);
    }
    ak_html_foreign(file, log->origin[0] != '\0' ? log->origin : "origin not known");
    fputs("</dd>\n", file);
}

static void put_proven(FILE *file, const struct ak_check_log *log)
{
    char a[AK_SHOW_NUMBER_BYTES];
    char b[AK_SHOW_NUMBER_BYTES];
    char c[AK_SHOW_NUMBER_BYTES];

    if (log->kind == AK_CHECK_CHECKPOINT)
        return;
    ak_page_term(file, "Proven", "証明された記録");
    fprintf(file, "%s entr%s, of these %s record%s", ak_show_count(a, log->proven),
            log->proven == 1 ? "y" : "ies", ak_show_count(b, log->records - log->fragments),
            ak_show_plural(log->records - log->fragments));
    if (log->fragments > 0)
        fprintf(file, " and %s fragment%s", ak_show_count(c, log->fragments),
                ak_show_plural(log->fragments));
    if (log->has_time) {
        fputs(", received ", file);
        put_time_span(file, log->first_time, log->last_time);
    }
    fputs("</dd>\n", file);
    if (log->tail_entries > 0 || log->tail_bytes > 0) {
        ak_page_term(file, "Not vouched for", "未署名の末尾");
        fprintf(file, "%s entr%s under no checkpoint, %s behind the last commit</dd>\n",
                ak_show_count(a, log->tail_entries), log->tail_entries == 1 ? "y" : "ies",
                ak_show_bytes(b, log->tail_bytes));
    }
}

static void put_checkpoint(FILE *file, const struct ak_check_log *log)
{
    char number[AK_SHOW_NUMBER_BYTES];
    char root[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];

    ak_page_term(file, "Checkpoint", "チェックポイント");
    if (log->has_checkpoint) {
        (void)ak_base64_encode(root, sizeof(root), log->checkpoint_root.b, AK_HASH_BYTES);
        fprintf(file, "%s entries, root <code>%s</code></dd>\n",
                ak_show_count(number, log->checkpoint_size), root);
    } else {
        fputs("none that is proven</dd>\n", file);
    }
    ak_page_term(file, "Compared with", "以前の控えとの照合");
    fputs(log->kept_used
              ? "a checkpoint kept from before: a cut of what it covers would have been "
                "noticed</dd>\n"
              : "no checkpoint from before: a cut of the newest records could not be noticed. Keep "
                "one with <code>--save-checkpoint</code>, away from the evidence</dd>\n",
          file);
}

/* What was demanded beside the key, and what came of it. */
static void put_demands(const struct ak_report_page *page, const struct ak_check_log *log)
{
    FILE *file = page->file;
    char number[AK_SHOW_NUMBER_BYTES];

    if (page->policy != NULL) {
        ak_page_term(file, "Policy, as given", "与えられた方針");
        ak_html_foreign(file, page->policy);
        fputs("</dd>\n", file);
    }
    if (log->quorum != NULL) {
        ak_page_term(file, "Witnesses", "証人");
        if (log->witnessed_size == 0) {
            fputs("no checkpoint meets the quorum ", file);
        } else {
            fprintf(file, "%s entries existed by ", ak_show_count(number, log->witnessed_size));
            ak_html_time(file, log->existed_by);
            fputs(", by the clocks of the quorum ", file);
        }
        ak_html_foreign(file, log->quorum);
        fputs("</dd>\n", file);
    }
    if (log->bound_count > 0) {
        const struct ak_check_bound *last = &log->bounds[log->bound_count - 1];
        ak_page_term(file, "Time stamps", "タイムスタンプ");
        fprintf(file, "%s entries existed by ", ak_show_count(number, last->size));
        ak_html_time(file, last->existed_by);
        fputs(", by the clock of ", file);
        ak_html_foreign(file, log->stamped_by);
        fputs("</dd>\n", file);
    }
    if (log->renewals_counted > 0) {
        ak_page_term(file, "Renewed", "タイムスタンプの更新");
        fprintf(file, "%s files existed as they are by ",
                ak_show_count(number, log->renewed.files));
        ak_html_time(file, log->renewed.by);
        fputs(", by the clock of ", file);
        ak_html_foreign(file, log->renewed_by);
        fputs("</dd>\n", file);
    }
    if (log->anchor_count > 0) {
        const struct ak_check_anchor *last = &log->anchors[log->anchor_count - 1];
        ak_page_term(file, "Anchors", "他の記録簿による起点");
        fprintf(file, "entries behind %s were logged after ", ak_show_count(number, last->index));
        ak_html_time(file, last->after);
        fputs(", by the clocks of the quorum</dd>\n", file);
    }
    if (page->authority_count == 0)
        return;
    ak_page_term(file, "Authorities, as given", "与えられた命令者の鍵");
    for (size_t i = 0; i < page->authority_count && i < AK_PAGE_AUTHORITIES_MAX; i++) {
        fputs(i == 0 ? "" : "<br>", file);
        ak_html_foreign(file, page->authorities[i].name);
    }
    fputs(page->authority_count > AK_PAGE_AUTHORITIES_MAX ? "<br>and others</dd>\n" : "</dd>\n",
          file);
}

static void put_facts(const struct ak_report_page *page, const struct ak_check_log *log)
{
    FILE *file = page->file;

    ak_html_heading(file, 2, "What was examined, and by what", "検査の対象と手段");
    fputs("<dl class=\"facts\">\n", file);
    put_examined(file, log);
    put_proven(file, log);
    ak_page_key(file, log);
    put_demands(page, log);
    put_checkpoint(file, log);
    ak_page_term(file, "When", "検査日時");
    if (page->now == 0)
        fputs("not known: this machine has no clock</dd>\n", file);
    else {
        ak_html_time(file, page->now);
        fputs(", as this machine's clock said</dd>\n", file);
    }
    ak_page_program(file);
    fputs("</dl>\n", file);
}

/* How it was checked, so that a reader can do the same. */
static void put_method(FILE *file, const struct ak_check_log *log)
{
    ak_html_heading(file, 2, "How it was checked", "検査の方法");
    if (!log->key_given) {
        fputs("<p>It was not: no key of this log was given, and without one nothing can be proven. "
              "Get the key from the operator, not from beside the evidence: <code>--key</code>. "
              "<span lang=\"ja\">鍵が与えられていないため、検査できませんでした。</span></p>\n",
              file);
        return;
    }
    fputs(
        "<ol>\n"
        "<li>The key came from outside of the evidence. Who holds another key can make another "
        "log, but not this one.</li>\n"
        "<li>Every byte of every segment file was read. Each payload was hashed with its salt "
        "(SHA-256) and compared with what its entry commits to.</li>\n"
        "<li>All entries were hashed into one tree; its roots were compared with the signed "
        "checkpoints (Ed25519, two signatures each: of the log and of its running epoch).</li>\n"
        "<li>Numbers of every source were followed for holes and repeats; files were compared "
        "with their manifests.</li>\n</ol>\n"
        "<p "
        "lang=\"ja\">鍵は証拠の外から与えられました。全ファイルの全バイトを読み、記録ごとのハッシュ"
        "(SHA-256)、全記録の木の根、および署名(Ed25519、記録簿の鍵と期間鍵の二つ)を照合し、"
        "送信元ごとの通し番号を確認しました。</p>\n"
        "<p>The same again: <code>akashi-verify check ",
        file);
    ak_html_text(file, log->path);
    fputs(
        " --key VKEY</code>. The format is public (<code>docs/format.md</code>); a second program "
        "can be written from it. This page was written by the program named above and is not "
        "signed: it shows a result and proves nothing by itself.</p>\n",
        file);
}

static void put_exercise(FILE *file, const struct ak_check_log *log)
{
    if (log->exercise)
        fputs("<p class=\"exercise\">EXERCISE / <span lang=\"ja\">訓練</span>: what this log holds "
              "was made for training</p>\n",
              file);
}

static enum ak_code put_log(const struct ak_report_page *page, const struct ak_check_log *log,
                            struct ak_error *err)
{
    struct ak_report_data *data = calloc(1, sizeof(*data));
    FILE *file = page->file;
    enum ak_code rc;

    if (data == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a report");
    rc = ak_report_data_read(data, log->path, log, page->from, page->to, err);
    if (rc != AK_OK)
        goto cleanup;
    put_exercise(file, log);
    ak_page_verdict(file, log);
    ak_page_never(file);
    if (page->period != NULL) {
        ak_page_period(page, log, data);
        goto cleanup;
    }
    put_facts(page, log);
    if (log->kind != AK_CHECK_CHECKPOINT && log->has_time) {
        ak_html_heading(file, 2, "What came, and when", "受信量の推移");
        ak_report_chart(file, data, AK_CHART_ROWS_MAX);
    }
    ak_page_findings(file, log, data);
    ak_page_events(file, data);
    ak_page_orders(file, data);
    ak_page_sources(file, data);
    put_method(file, log);

cleanup:
    ak_report_data_free(data);
    free(data);
    return rc;
}

static void put_summary(FILE *file, const struct ak_check *check)
{
    ak_page_verdict_open(file, check->verdict);
    fprintf(file, "<p class=\"sentence\">The worst of %zu logs:</p>\n<ul>\n", check->count);
    for (size_t i = 0; i < check->count; i++) {
        const struct ak_check_log *log = &check->logs[i];
        struct ak_words word = ak_words_verdict(log->verdict);
        fprintf(file, "<li><a href=\"#log%zu\">", i + 1);
        ak_html_text(file, log->name[0] != '\0' ? log->name : log->path);
        fprintf(file, "</a>: <strong>%s</strong> <span lang=\"ja\">%s</span></li>\n", word.en,
                word.ja);
    }
    fputs("</ul></div></section>\n", file);
}

static void begin(const struct ak_report_page *page, const struct ak_check *check)
{
    const struct ak_check_log *log = check->count == 1 ? &check->logs[0] : NULL;
    char running[300] = "Akashi  ";
    char title[320];
    char root[2 * AK_HASH_BYTES + 1] = "";

    if (log != NULL && log->has_checkpoint)
        (void)ak_hex_encode(root, sizeof(root), log->checkpoint_root.b, AK_HASH_BYTES);
    (void)snprintf(running, sizeof(running), "Akashi  %.120s  %s%s%.16s  program %.16s",
                   log == NULL ? "several logs" : log->origin,
                   page->period == NULL ? "" : page->period, root[0] == '\0' ? "" : " root ", root,
                   ak_self_digest());
    (void)snprintf(title, sizeof(title), "Akashi report. %s", running + strlen("Akashi  "));
    ak_html_begin(page->file, title, running);
    fputs("<header><p class=\"brand\"><span>Akashi <span lang=\"ja\">証</span></span><span>",
          page->file);
    if (page->now != 0)
        ak_html_time(page->file, page->now);
    fputs("</span></p>\n", page->file);
    if (page->period == NULL) {
        ak_html_heading(page->file, 1, "Report on a log", "記録簿検査報告書");
    } else {
        fputs("<h1>Log report, ", page->file);
        ak_html_text(page->file, page->period);
        fputs(" <span lang=\"ja\">月次・期間報告</span></h1>\n", page->file);
    }
    fputs("</header>\n<main>\n", page->file);
}

enum ak_code ak_report_page(const struct ak_report_page *page, const struct ak_check *check,
                            struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    begin(page, check);
    if (check->count != 1)
        put_summary(page->file, check);
    for (size_t i = 0; i < check->count && rc == AK_OK; i++) {
        fprintf(page->file, "<article id=\"log%zu\">\n", i + 1);
        rc = put_log(page, &check->logs[i], err);
        fputs("</article>\n", page->file);
    }
    fputs("</main>\n", page->file);
    ak_html_end(page->file);
    return rc;
}
