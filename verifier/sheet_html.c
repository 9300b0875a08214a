/* sheet_html.c - a sheet as one self-contained HTML page, to be printed and signed. */
#include "sheet.h"

#include "claim_show.h"
#include "html.h"
#include "report_words.h"
#include "self.h"

#include <inttypes.h>
#include <stdlib.h>

static void say(FILE *file, const struct ak_sheet *s, enum ak_sentence sentence)
{
    static const char *const lang[] = {[AK_ENGLISH] = "en", [AK_JAPANESE] = "ja"};

    for (unsigned language = AK_ENGLISH; language <= AK_JAPANESE; language++) {
        char *text = ak_sheet_sentence(s, sentence, (enum ak_language)language);
        if (text != NULL && text[0] != '\0') {
            fprintf(file, "<p lang=\"%s\">", lang[language]);
            ak_html_text(file, text);
            fputs("</p>\n", file);
        }
        free(text);
    }
}

static void put_fact(void *ctx, const char *english, const char *japanese, const char *value)
{
    FILE *file = ctx;

    fputs("<tr><th scope=\"row\">", file);
    ak_html_both(file, english, japanese);
    fputs("</th><td>", file);
    ak_html_foreign(file, value);
    fputs("</td></tr>\n", file);
}

static void put_row(void *ctx, uint64_t number, const char *code, const char *text)
{
    FILE *file = ctx;

    fprintf(file, "<li>%" PRIu64 " <strong>%s</strong> ", number, code);
    ak_html_foreign(file, text);
    fputs("</li>\n", file);
}

static void put_verdict(FILE *file, const struct ak_sheet *s)
{
    struct ak_words words = ak_words_verdict(s->claim.verdict);
    uint64_t left;

    fputs("<p><strong>", file);
    ak_html_both(file, words.en, words.ja);
    fputs("</strong></p>\n", file);
    say(file, s, AK_SAYS_VERDICT);
    if (s->claim.told) {
        fputs("<p>", file);
        ak_html_foreign(file, s->claim.text);
        fputs("</p>\n", file);
    }
    fputs("<ul>\n", file);
    left = ak_sheet_bad_rows(s, put_row, file);
    if (left > 0)
        fprintf(file, "<li>… %" PRIu64 "</li>\n", left);
    fputs("</ul>\n", file);
}

void ak_sheet_html(FILE *file, const struct ak_sheet *s)
{
    static const struct {
        enum ak_sentence sentence;
        const char *english;
        const char *japanese;
    } parts[] = {{AK_SAYS_RESULT, "Result", "結果"},
                 {AK_SAYS_AUDITS, "Commitments in the log", "ログ内の約束値"},
                 {AK_SAYS_PREVIOUS, "The sheet before", "前回との比較"},
                 {AK_SAYS_ASSUMES, "Assumptions", "前提"},
                 {AK_SAYS_CANNOT, "What a sample cannot show", "標本で示せないこと"},
                 {AK_SAYS_SIGN, "Statement", "署名する文"},
                 {AK_SAYS_NOT, "What it does not say", "述べないこと"}};

    ak_html_begin(file, "Audit by sample / 標本監査", s->anchor->checkpoint.origin);
    say(file, s, AK_SAYS_FIRST);
    ak_html_heading(file, 1, "Audit by sample", "標本監査");
    if (ak_claim_is_exercise(s->anchor->checkpoint.origin))
        fputs("<p><strong>EXERCISE / 訓練</strong></p>\n", file);
    put_verdict(file, s);
    fputs("<table>\n", file);
    ak_sheet_facts(s, put_fact, file);
    fputs("</table>\n", file);
    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if ((parts[i].sentence == AK_SAYS_AUDITS && s->scan == NULL) ||
            (parts[i].sentence == AK_SAYS_PREVIOUS && s->previous == NULL))
            continue;
        ak_html_heading(file, 2, parts[i].english, parts[i].japanese);
        say(file, s, parts[i].sentence);
    }
    fputs("<p>", file);
    ak_html_both(file, "Date, name, signature", "日付・氏名・署名");
    fputs(" ____________________________</p>\n<footer><p>", file);
    fprintf(file, "akashi-verify %s, SHA-256 %s</p></footer>\n", AKASHI_VERSION, ak_self_digest());
    ak_html_end(file);
}
