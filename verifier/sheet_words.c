/* sheet_words.c - the sentences of a sheet, made from its numbers, in English and Japanese.
 *
 * Both languages say the same; where a sentence is fixed, it is that of the first page of every
 * report. */
#include "sheet.h"

#include "report_words.h"
#include "show.h"
#include "when.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Room for all the numbers of one sentence. */
struct numbers {
    char count[8][AK_SHOW_NUMBER_BYTES];
    unsigned used;
};

static const char *n(struct numbers *numbers, uint64_t value)
{
    unsigned at = numbers->used++ % 8;

    return ak_show_count(numbers->count[at], value);
}

const char *ak_sheet_percent(char *out, uint64_t part, uint64_t whole)
{
    /* in 1/10,000 of a percent, rounded up, so that a bound is never said smaller than it is */
    uint64_t parts =
        whole == 0 ? 0 : (uint64_t)(((unsigned __int128)part * 1000000u + whole - 1) / whole);

    return ak_sheet_parts(out, (uint32_t)(parts > 1000000 ? 1000000 : parts), 1000000);
}

const char *ak_sheet_parts(char *out, uint32_t parts, uint32_t unit)
{
    unsigned digits = 0;
    uint32_t rest;
    size_t len;

    for (uint32_t u = unit / 100; u > 1; u /= 10)
        digits++;
    rest = parts % (unit / 100);
    (void)snprintf(out, AK_SHEET_PERCENT_BYTES, "%" PRIu32 ".%0*" PRIu32, parts / (unit / 100),
                   (int)digits, rest);
    len = strlen(out);
    while (out[len - 1] == '0')
        out[--len] = '\0';
    if (out[len - 1] == '.')
        out[len - 1] = '\0';
    return out;
}

/* ---- Independent or not ---- */

static void say_independent(FILE *f, const struct ak_sheet *s, bool ja)
{
    char time[AK_WHEN_TEXT_BYTES];
    struct numbers c = {0};

    (void)ak_when_format(time, s->commit->received);
    if (ja)
        fprintf(f,
                "独立: 監査人は乱数の約束値を記録 %s(%s)としてログに入れました。その後に %s "
                "件時点の先頭(head)が定まり、乱数はそれより後に開示されました。"
                "どちらの側も単独では標本を選べませんでした。",
                n(&c, s->commit->audit), time, n(&c, s->commit->size));
    else
        fprintf(f,
                "INDEPENDENT: the auditor committed to the nonce in entry %s of the log (%s); then "
                "the head of %s entries was written, and the nonce was opened after that. Neither "
                "side alone could choose the sample.",
                n(&c, s->commit->audit), time, n(&c, s->commit->size));
}

static const struct {
    const char *english;
    const char *japanese;
} reasons[] = {
    [AK_INDEPENDENCE_DRAWN_HERE] =
        {"NOT INDEPENDENT: the nonce was drawn by this program on this machine. Whoever ran it "
         "could have drawn again until the sample suited.",
         "独立ではない: 乱数はこの機械でこのプログラムが選びました。"
         "実行した者は望む標本が出るまで引き直すことができました。"},
    [AK_INDEPENDENCE_NONE] =
        {"NOT INDEPENDENT: the nonce was not committed in the log before the head was written. "
         "Whoever chose it could have chosen the sample.",
         "独立ではない: 乱数の約束値が先頭(head)より前にログに入っていません。"
         "乱数を選んだ者は標本を選ぶことができました。"},
    [AK_INDEPENDENCE_BEACON] =
        {"NOT INDEPENDENT as far as this program can see: a public beacon's value was mixed in, "
         "but whether it was published after the head was fixed must be shown by other means. If "
         "it was not, the auditor could have chosen the sample.",
         "このプログラムの知る限り独立ではない: 公開ビーコンの値が混ぜられていますが、"
         "それが先頭(head)の確定後に公表されたことは別の方法で示す必要があります。"
         "そうでなければ監査人は標本を選ぶことができました。"},
    [AK_INDEPENDENCE_RANGE] =
        {"NOT INDEPENDENT: the nonce was committed in the log, but the population (range, times "
         "or source) was not. Whoever chose it could have known the draw.",
         "独立ではない: 乱数の約束値はログに入っていますが、母集団(範囲、時刻または送信元)"
         "は約束されていません。母集団を選んだ者は抽選の結果を知ることができました。"},
    [AK_INDEPENDENCE_FILE] =
        {"NOT INDEPENDENT: the nonce was committed in the log, but the file of lines was not. "
         "Whoever holds it could have arranged it when the draw was known.",
         "独立ではない: 乱数の約束値はログに入っていますが、行のファイルは約束されていません。"
         "ファイルを持つ者は抽選の結果を知ってから並べ替えることができました。"},
    [AK_INDEPENDENCE_OPENED] =
        {"NOT INDEPENDENT: the nonce was opened in the log before the head was written. The "
         "collector could have written a head that suits.",
         "独立ではない: 乱数は先頭(head)が定まる前にログで開示されました。"
         "収集装置は望む先頭を書くことができました。"},
    [AK_INDEPENDENCE_HEAD] =
        {"NOT INDEPENDENT: it is not proven that the head was written after the nonce was "
         "committed. Whoever chose the nonce could have chosen the sample.",
         "独立ではない: 先頭(head)が乱数の約束より後に定まったことが証明されていません。"
         "乱数を選んだ者は標本を選ぶことができました。"},
};

static void say_first(FILE *f, const struct ak_sheet *s, bool ja)
{
    if (s->independence == AK_INDEPENDENT)
        say_independent(f, s, ja);
    else
        fputs(ja ? reasons[s->independence].japanese : reasons[s->independence].english, f);
}

/* ---- The fixed sentences ---- */

static void say_verdict(FILE *f, const struct ak_sheet *s, bool ja)
{
    struct numbers c = {0};
    uint64_t shown = s->lines == NULL ? s->rows->valid : s->lines->drawn - s->lines->not_held;

    switch (s->claim.verdict) {
    case AK_VALID:
        fprintf(f,
                ja ? "示した %s 件は、収集装置が署名した時点から 1 バイトも変わっていません。"
                   : "All %s records shown are, byte for byte, what the collector signed.",
                n(&c, shown));
        break;
    case AK_INCOMPLETE:
        fputs(ja ? "示した記録に変更はありませんが、あるべき部分が欠けています(下記)。"
                 : "What is shown is unchanged, but parts that should be there are missing "
                   "(below).",
              f);
        break;
    case AK_INVALID:
        fputs(ja ? "署名時と異なる箇所があります(下記)。"
                   "誰が、故意か否かは、この検査では分かりません。"
                 : "Something differs from what was signed (below). Who did it, and whether by "
                   "intent, this check cannot say.",
              f);
        break;
    case AK_NOT_CHECKABLE:
        fputs(ja ? "検証できませんでした(下記)。記録の正否については何も述べません。"
                 : "This could not be checked (below). Nothing is said about the records.",
              f);
        break;
    }
}

/* ---- Numbers ---- */

static void say_bound(FILE *f, const struct ak_sheet *s, const struct ak_sheet_result *r, bool ja)
{
    char percent[AK_SHEET_PERCENT_BYTES];
    char confidence[AK_SHEET_PERCENT_BYTES];
    char rate[AK_SHEET_PERCENT_BYTES];
    struct numbers c = {0};

    (void)ak_sheet_percent(percent, r->bound, r->population);
    (void)ak_sheet_parts(confidence, s->confidence, AK_SAMPLE_CONFIDENCE_UNIT);
    (void)ak_sheet_parts(rate, s->rate, AK_SAMPLE_RATE_UNIT);
    if (r->examined == r->population)
        fprintf(f,
                ja ? "母集団の全件を調べたので、逸脱は %s 件です。"
                   : " All of the population was examined: exactly %s deviate.",
                n(&c, r->deviations));
    else if (ja)
        fprintf(f,
                "信頼度 %s %% で、母集団 %s 件以下のうち逸脱は多くとも %s 件(%s "
                "%%)です。許容率 %s %% 未満であることは%s。",
                confidence, n(&c, r->population), n(&c, r->bound), percent, rate,
                r->supported ? "裏付けられました" : "裏付けられません");
    else
        fprintf(f,
                " With %s %% confidence at most %s of a population of at most %s deviate (%s %%): "
                "that fewer than the tolerable %s %% do is %s.",
                confidence, n(&c, r->bound), n(&c, r->population), percent, rate,
                r->supported ? "supported" : "NOT supported");
}

static void say_lines(FILE *f, const struct ak_sheet *s, bool ja)
{
    const struct ak_sheet_lines *l = s->lines;
    struct numbers c = {0};

    fprintf(f,
            ja ? "ファイルの %s 行から %s 行を抽出: 同一のまま保持 %s、見出しのみ異なり保持 %s、"
                 "保持なし %s。"
               : "Of %s lines of the file %s were drawn: %s are held unchanged, %s with another "
                 "header or line end, %s are not held by proven records.",
            n(&c, l->count), n(&c, l->drawn), n(&c, l->unchanged), n(&c, l->other_header),
            n(&c, l->not_held));
    say_bound(f, s, &s->held, ja);
}

static void say_records(FILE *f, const struct ak_sheet *s, bool ja)
{
    const struct ak_sample_rows *r = s->rows;
    struct numbers c = {0};

    fprintf(f,
            ja ? "抽出した %s 件の記録のうち、証明済み %s、内容なし %s、不在 %s、証明不能 %s。"
               : "Of %s records drawn, %s are proven and shown, %s are proven without their "
                 "payload, %s are not there, %s are not what was signed.",
            n(&c, r->records), n(&c, r->valid), n(&c, r->absent), n(&c, r->missing),
            n(&c, r->failed));
    if (!s->has_findings) {
        say_bound(f, s, &s->proven, ja);
        fputs(ja ? "内容の判定はまだ行われていません。" : " Their contents were not judged yet.",
              f);
        return;
    }
    fprintf(f,
            ja ? "監査人は %s 件を判定し、%s 件を逸脱としました。"
               : " The auditor judged %s of them and found %s to deviate.",
            n(&c, s->judged), n(&c, s->deviations));
    if (s->judged < r->valid)
        fprintf(f,
                ja ? "%s 件は未判定のため逸脱として数えます。"
                   : " %s are without a judgement and count as deviations.",
                n(&c, r->valid - s->judged));
    say_bound(f, s, &s->held, ja);
}

static void say_result(FILE *f, const struct ak_sheet *s, bool ja)
{
    if (s->lines != NULL)
        say_lines(f, s, ja);
    else
        say_records(f, s, ja);
}

/* ---- What else was committed ---- */

static uint64_t opened(const struct ak_sheet *s)
{
    uint64_t count = 0;

    for (size_t i = 0; i < s->scan->count; i++) {
        const struct ak_sample_audit *audit = &s->scan->audit[i];
        bool here = s->commit != NULL &&
                    ak_hash_equal(&audit->event.commitment, &s->commit->event.commitment);
        count += here || audit->opened_at != UINT64_MAX;
    }
    return count;
}

static void say_audits(FILE *f, const struct ak_sheet *s, bool ja)
{
    struct numbers c = {0};
    uint64_t all;
    uint64_t closed;

    if (s->scan == NULL)
        return;
    all = s->scan->count + s->scan->left_off;
    closed = all - opened(s);
    if (ja)
        fprintf(f,
                "このログには監査の約束値が %s 件あり、うち %s 件が開示され%s、%s "
                "件は開示されていません。",
                n(&c, all), n(&c, all - closed), s->commit != NULL ? "(今回を含む)" : "",
                n(&c, closed));
    else
        fprintf(f, "The log holds %s commitment%s to audits: %s opened%s, %s not opened.",
                n(&c, all), ak_show_plural(all), n(&c, all - closed),
                s->commit != NULL ? " (this one counted)" : "", n(&c, closed));
    if (closed > 0)
        fputs(ja ? "開示されていない約束値は、結果が伏せられた抽選かもしれません。"
                 : " One that was not opened may be a draw whose outcome was dropped: ask for it.",
              f);
    if (s->scan->hidden > 0)
        fprintf(f,
                ja ? "読めなかった事象が %s 件あります。"
                   : " %s events of the log could not be read and may be more.",
                n(&c, s->scan->hidden));
}

static void say_previous(FILE *f, const struct ak_sheet *s, bool ja)
{
    const struct ak_sheet_previous *p = s->previous;
    const struct ak_sheet_result *now = s->has_findings || s->lines != NULL ? &s->held : &s->proven;
    char time[AK_WHEN_TEXT_BYTES];
    char was[AK_SHEET_PERCENT_BYTES];
    char is[AK_SHEET_PERCENT_BYTES];
    struct numbers c = {0};

    if (p == NULL)
        return;
    (void)ak_when_format(time, p->made);
    (void)ak_sheet_percent(was, p->result.bound, p->result.population);
    (void)ak_sheet_percent(is, now->bound, now->population);
    if (ja)
        fprintf(f, "前回(%s、%s 件時点): 調査 %s 件、逸脱 %s 件、上限 %s %%。", time,
                n(&c, p->head_size), n(&c, p->result.examined), n(&c, p->result.deviations), was);
    else
        fprintf(f,
                "The sheet before (%s, head of %s entries): %s examined, %s deviating, upper bound "
                "%s %%.",
                time, n(&c, p->head_size), n(&c, p->result.examined), n(&c, p->result.deviations),
                was);
    if (!p->independent)
        fputs(ja ? "前回の標本は独立ではありませんでした。" : " It was not independent.", f);
    fprintf(f,
            ja ? "今回: 調査 %s 件、逸脱 %s 件、上限 %s %%。"
               : " Now: %s examined, %s deviating, upper bound %s %%.",
            n(&c, now->examined), n(&c, now->deviations), is);
    if (p->checked && !p->one_past)
        fputs(ja ? "前回の先頭(head)はこの署名された先頭につながりません。両方を保管し、"
                   "history で調べてください。"
                 : " ITS HEAD DOES NOT LEAD TO THIS CHECKPOINT: keep both, and compare the "
                   "checkpoints with `history`.",
              f);
    else if (p->checked)
        fputs(ja ? "前回の先頭(head)はこのログの履歴に含まれます。"
                 : " Its head is in the history of this log.",
              f);
    fputs(ja ? "前回の書類には署名がなく、その数字は書かれたとおりに引用しています。"
             : " That sheet is not signed by this program: its numbers are quoted as they stand.",
          f);
}

/* ---- Limits ---- */

static void say_assumes(FILE *f, const struct ak_sheet *s, bool ja)
{
    if (s->lines != NULL)
        fputs(ja ? "前提: ファイルは監査の対象となる行をすべて含む。抽選は単純無作為(非復元)。"
                   "同じ本文で見出しだけが異なる行は保持されているものとする。"
                 : "Assumes: the file holds all lines that the statement is about; the draw is "
                   "simple random without replacement; a line whose message is held under another "
                   "header counts as held.",
              f);
    else
        fputs(ja ? "前提: 母集団は署名された先頭(head)の索引範囲であり、その件数は署名が定める。"
                   "抽選は単純無作為(非復元)で、ログ自身の記録は数えずに引き続ける。"
                   "示せない記録は逸脱として数える。上限は超幾何分布による片側の限界である。"
                 : "Assumes: the population is the range of indices of the signed head, which says "
                   "how many there are; the draw is simple random without replacement, and goes on "
                   "behind entries of the log's own; what cannot be shown counts as a deviation. "
                   "The bound is the one-sided bound of the hypergeometric distribution.",
              f);
    fputs(ja ? "信頼度と許容率は抽選の前に定められた。"
             : " Confidence and tolerable rate were fixed before the draw was known.",
          f);
    if (s->independence == AK_INDEPENDENT)
        fputs(ja ? "監査人は先頭(head)が定まるまで乱数を秘密にしていた。"
                 : " The auditor kept the nonce to himself until the head was written.",
              f);
}

static void say_cannot(FILE *f, const struct ak_sheet *s, bool ja)
{
    char found[AK_SHEET_PERCENT_BYTES];
    const struct ak_sheet_result *r = s->lines != NULL ? &s->held : &s->proven;

    (void)ak_sheet_percent(found, r->examined, r->population);
    if (s->lines != NULL) {
        fprintf(f,
                ja ? "標本調査は割合についてのみ述べます。保持されていない行が 1 行だけの場合、この"
                     "標本がそれを見つける確率は %s %% にすぎません。全行を照合するのは "
                     "akashi-verify compare です。"
                   : "A sample speaks of rates. If a single line were not held, this sample would "
                     "have found it with a probability of %s %% only; every line is looked up by "
                     "akashi-verify compare.",
                found);
        return;
    }
    fprintf(f,
            ja ? "標本調査は割合についてのみ述べます。改ざんが 1 件だけの場合、この標本がそれを"
                 "見つける確率は %s %% にすぎません。全件を検証するのは akashi-verify check です。"
               : "A sample speaks of rates. If a single record were forged, this sample would have "
                 "found it with a probability of %s %% only; every record is checked by "
                 "akashi-verify check.",
            found);
}

static void say_sign(FILE *f, const struct ak_sheet *s, bool ja)
{
    const struct ak_sheet_result *r = s->lines != NULL || s->has_findings ? &s->held : &s->proven;
    char percent[AK_SHEET_PERCENT_BYTES];
    char confidence[AK_SHEET_PERCENT_BYTES];
    struct numbers c = {0};

    (void)ak_sheet_percent(percent, r->bound, r->population);
    (void)ak_sheet_parts(confidence, s->confidence, AK_SAMPLE_CONFIDENCE_UNIT);
    if (ja)
        fprintf(f,
                "「私は、ログ %s の%sから抽出した %s 件を%s、逸脱 %s 件を認めた。"
                "信頼度 %s %% で、逸脱の割合は %s %% 以下である。」",
                s->anchor->checkpoint.origin,
                s->lines != NULL ? "記録と照合する行" : "署名された記録", n(&c, r->examined),
                s->has_findings    ? "調べ"
                : s->lines != NULL ? "照合し"
                                   : "署名と照合し",
                n(&c, r->deviations), confidence, percent);
    else
        fprintf(f,
                "\"Of %s of log %s I examined %s, %s, and found %s to deviate. With %s %% "
                "confidence not more than %s %% deviate.\"",
                s->lines != NULL ? "the lines of the file named above, which should be records"
                                 : "the signed records",
                s->anchor->checkpoint.origin, n(&c, r->examined),
                s->independence == AK_INDEPENDENT
                    ? "drawn so that neither side could choose them"
                    : "drawn in a way that does not exclude a choice (see the first line)",
                n(&c, r->deviations), confidence, percent);
    if (ja && s->independence != AK_INDEPENDENT)
        fputs("(抽出は選択を排除しない方法による。1 行目を参照。)", f);
}

static void say_not(FILE *f, const struct ak_sheet *s, bool ja)
{
    fputs(ja ? ak_words_not_shown.ja : ak_words_not_shown.en, f);
    fputs(ja ? "抽出されなかった個々の記録についても述べません。"
             : " Nothing is said of any single record that was not drawn.",
          f);
    if (s->lines == NULL && !s->has_findings)
        fputs(ja ? "内容が正しいか否かは、監査人の判定(--findings)がないため述べません。"
                 : " Whether the contents are in order is not said, since no judgement was given "
                   "(--findings).",
              f);
}

char *ak_sheet_sentence(const struct ak_sheet *sheet, enum ak_sentence sentence,
                        enum ak_language language)
{
    static void (*const say[])(FILE *, const struct ak_sheet *, bool) = {
        [AK_SAYS_FIRST] = say_first,       [AK_SAYS_VERDICT] = say_verdict,
        [AK_SAYS_RESULT] = say_result,     [AK_SAYS_AUDITS] = say_audits,
        [AK_SAYS_PREVIOUS] = say_previous, [AK_SAYS_ASSUMES] = say_assumes,
        [AK_SAYS_CANNOT] = say_cannot,     [AK_SAYS_SIGN] = say_sign,
        [AK_SAYS_NOT] = say_not,
    };
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);

    if (file == NULL)
        return NULL;
    say[sentence](file, sheet, language == AK_JAPANESE);
    if (fclose(file) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
