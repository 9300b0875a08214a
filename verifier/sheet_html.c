/* sheet_html.c - a sheet as one self-contained HTML page, to be printed and signed. */
#include "sheet.h"

#include "claim_show.h"
#include "html.h"
#include "report_page.h"
#include "self.h"

#include <inttypes.h>
#include <stdlib.h>

/* A sentence in one language, as a paragraph or a cell; nothing if there is none. */
static void say_in(FILE *file, const struct ak_sheet *s, enum ak_sentence sentence,
                   enum ak_language language, const char *tag, const char *heading)
{
    char *text = ak_sheet_sentence(s, sentence, language);

    fprintf(file, "<%s%s>", tag, language == AK_JAPANESE ? " lang=\"ja\"" : "");
    if (heading != NULL)
        fprintf(file, "<strong>%s</strong> ", heading);
    ak_html_text(file, text == NULL ? "" : text);
    fprintf(file, "</%s>\n", tag);
    free(text);
}

static void say(FILE *file, const struct ak_sheet *s, enum ak_sentence sentence)
{
    say_in(file, s, sentence, AK_ENGLISH, "p", NULL);
    say_in(file, s, sentence, AK_JAPANESE, "p", NULL);
}

static void put_fact(void *ctx, const char *english, const char *japanese, const char *value)
{
    FILE *file = ctx;

    fputs("<dt>", file);
    ak_html_both(file, english, japanese);
    fputs("</dt><dd>", file);
    ak_html_foreign(file, value);
    fputs("</dd>\n", file);
}

static void put_row(void *ctx, uint64_t number, const char *code, const char *text)
{
    FILE *file = ctx;

    fprintf(file, "%" PRIu64 " <strong>%s</strong> ", number, code);
    ak_html_foreign(file, text);
    fputs("; ", file);
}

static void put_verdict(FILE *file, const struct ak_sheet *s)
{
    uint64_t left;

    ak_page_verdict_open(file, s->claim.verdict);
    say(file, s, AK_SAYS_VERDICT);
    if (ak_sheet_claim_apart(s)) {
        fputs("<p>", file);
        ak_html_foreign(file, s->claim.text);
        fputs("</p>\n", file);
    }
    fputs("<p><small>", file);
    left = ak_sheet_bad_rows(s, put_row, file);
    if (left > 0)
        fprintf(file, "… + %" PRIu64, left);
    fputs("</small></p></div></section>\n", file);
}

void ak_sheet_html(FILE *file, const struct ak_sheet *s)
{
    static const struct {
        enum ak_sentence sentence;
        const char *heading[2];
    } parts[] = {{AK_SAYS_RESULT, {"Result", "結果"}},
                 {AK_SAYS_AUDITS, {"Commitments in the log", "ログ内の約束値"}},
                 {AK_SAYS_PREVIOUS, {"The sheet before", "前回との比較"}},
                 {AK_SAYS_ASSUMES, {"Assumptions", "前提"}},
                 {AK_SAYS_CANNOT, {"What a sample cannot show", "標本で示せないこと"}},
                 {AK_SAYS_SIGN, {"Statement", "署名する文"}},
                 {AK_SAYS_NOT, {"What it does not say", "述べないこと"}}};

    ak_html_begin(file, "Audit by sample / 標本監査", s->anchor->checkpoint.origin);
    say(file, s, AK_SAYS_FIRST);
    ak_html_heading(file, 1, "Audit by sample", "標本監査");
    if (ak_claim_is_exercise(s->anchor->checkpoint.origin))
        fputs("<p><strong>EXERCISE / 訓練</strong></p>\n", file);
    put_verdict(file, s);
    fputs("<dl class=\"facts\">\n", file);
    ak_sheet_facts(s, put_fact, file);
    fputs("</dl>\n<table>\n", file);
    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if ((parts[i].sentence == AK_SAYS_AUDITS && s->scan == NULL) ||
            (parts[i].sentence == AK_SAYS_PREVIOUS && s->previous == NULL))
            continue;
        fputs("<tr>", file);
        say_in(file, s, parts[i].sentence, AK_ENGLISH, "td", parts[i].heading[0]);
        say_in(file, s, parts[i].sentence, AK_JAPANESE, "td", parts[i].heading[1]);
        fputs("</tr>\n", file);
    }
    fputs("</table>\n", file);
    fputs("<p>", file);
    ak_html_both(file, "Date, name, signature", "日付・氏名・署名");
    fputs(" ________________________________________</p>\n<footer><small>", file);
    fprintf(file, "akashi-verify %s, SHA-256 %s</small></footer>\n", AKASHI_VERSION,
            ak_self_digest());
    ak_html_end(file);
}
