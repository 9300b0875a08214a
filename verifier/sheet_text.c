/* sheet_text.c - a sheet for a terminal or a printer: one page, English, then Japanese. */
#include "sheet.h"

#include "claim_show.h"
#include "show.h"

#include <akashi/escape.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_COLUMNS 18

/* In the order of the page. */
static const enum ak_sentence order[] = {AK_SAYS_RESULT,  AK_SAYS_AUDITS, AK_SAYS_PREVIOUS,
                                         AK_SAYS_ASSUMES, AK_SAYS_CANNOT, AK_SAYS_SIGN,
                                         AK_SAYS_NOT};

static void print_fact(void *ctx, const char *english, const char *japanese, const char *value)
{
    FILE *file = ctx;

    (void)japanese;
    fprintf(file, "  %-*s", LABEL_COLUMNS, english);
    ak_show_text(file, value);
    fputc('\n', file);
}

static void print_row(void *ctx, uint64_t number, const char *code, const char *text)
{
    FILE *file = ctx;

    fprintf(file, "  %" PRIu64 "  %s", number, code);
    if (text[0] != '\0') {
        fputs(": ", file);
        ak_show_text(file, text);
    }
    fputc('\n', file);
}

/* Japanese has no blanks to break a line at: one sentence a line. */
static void print_japanese(FILE *file, const char *text)
{
    static const char stop[] = "。";
    const char *end;

    while ((end = strstr(text, stop)) != NULL) {
        end += strlen(stop);
        if (strncmp(end, "」", strlen("」")) == 0)
            end += strlen("」");
        ak_show_data(file, text, (size_t)(end - text));
        fputc('\n', file);
        text = end;
    }
    if (*text != '\0') {
        ak_show_text(file, text);
        fputc('\n', file);
    }
}

static void say(FILE *file, const struct ak_sheet *sheet, enum ak_sentence sentence,
                enum ak_language language)
{
    char *text = ak_sheet_sentence(sheet, sentence, language);

    if (text == NULL)
        fputs("(no memory)\n", file);
    else if (language == AK_JAPANESE)
        print_japanese(file, text);
    else if (text[0] != '\0')
        ak_show_wrapped_text(file, text, 0);
    free(text);
}

static void page(FILE *file, const struct ak_sheet *s, bool colour)
{
    uint64_t left;

    say(file, s, AK_SAYS_FIRST, AK_ENGLISH);
    say(file, s, AK_SAYS_FIRST, AK_JAPANESE);
    fputc('\n', file);
    ak_claim_show_program(file);
    ak_claim_show_exercise(file, s->anchor->checkpoint.origin);
    ak_sheet_facts(s, print_fact, file);
    fputc('\n', file);
    ak_show_verdict(file, s->claim.verdict, colour);
    fputc('\n', file);
    say(file, s, AK_SAYS_VERDICT, AK_ENGLISH);
    say(file, s, AK_SAYS_VERDICT, AK_JAPANESE);
    if (ak_sheet_claim_apart(s)) {
        fputs("  ", file);
        ak_show_text(file, s->claim.coded ? ak_finding_info(s->claim.code)->name : "");
        fputc('\n', file);
        ak_show_wrapped_text(file, s->claim.text, 4);
    }
    left = ak_sheet_bad_rows(s, print_row, file);
    if (left > 0)
        fprintf(file, "  and %" PRIu64 " more; --json has all\n", left);
    for (unsigned language = AK_ENGLISH; language <= AK_JAPANESE; language++) {
        fputc('\n', file);
        for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
            say(file, s, order[i], (enum ak_language)language);
    }
    fputs("\nDate, name, signature / 日付・氏名・署名: ____________________________________\n\n",
          file);
}

void ak_sheet_text(FILE *file, const struct ak_sheet *s, bool quiet, bool colour)
{
    const struct ak_sheet_result *r = s->lines != NULL || s->has_findings ? &s->held : &s->proven;
    char percent[AK_SHEET_PERCENT_BYTES];
    char a[AK_SHOW_NUMBER_BYTES];
    char b[AK_SHOW_NUMBER_BYTES];

    if (!quiet)
        page(file, s, colour);
    ak_show_verdict(file, s->verdict, colour);
    fprintf(file, " %s of %s sampled, %s", ak_show_count(a, r->examined),
            ak_show_count(b, r->population), r->deviations == 0 ? "none" : "");
    if (r->deviations > 0)
        fputs(ak_show_count(a, r->deviations), file);
    fprintf(file, " deviating, at most %s %%%s, %s, log %s%s\n",
            ak_sheet_percent(percent, r->bound, r->population),
            r->supported ? "" : ", which does not support the rate asked",
            s->independence == AK_INDEPENDENT ? "independent" : "not independent",
            s->anchor->checkpoint.origin,
            ak_claim_is_exercise(s->anchor->checkpoint.origin) ? ", EXERCISE / 訓練" : "");
}
