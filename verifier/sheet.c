/* sheet.c - what the numbers of a sample come to, and which of them a page names. */
#include "sheet.h"

#include "compare.h"
#include "ordered.h"
#include "show.h"
#include "trust.h"
#include "when.h"

#include <akashi/base64.h>
#include <akashi/format.h>

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void bound(struct ak_sheet_result *r, uint32_t confidence, uint32_t rate)
{
    if (r->examined > r->population)
        r->examined = r->population;
    if (r->deviations > r->examined)
        r->deviations = r->examined;
    r->bound = ak_sample_bound(r->population, r->examined, r->deviations, confidence);
    r->supported = r->examined > 0 && (unsigned __int128)r->bound * AK_SAMPLE_RATE_UNIT <
                                          (unsigned __int128)r->population * rate;
}

/* What was drawn and is no record is known not to be of the population. */
static uint64_t population(const struct ak_sheet *s)
{
    const struct ak_sample_rows *r = s->rows;

    return r->exhausted ? r->records : s->end - s->first - r->own - r->other;
}

static void conclude_records(struct ak_sheet *s)
{
    const struct ak_sample_rows *r = s->rows;
    char text[AK_FINDING_TEXT_BYTES];

    s->proven = (struct ak_sheet_result){.population = population(s),
                                         .examined = r->records,
                                         .deviations = r->absent + r->missing + r->failed};
    s->held = s->proven;
    s->held.deviations += s->deviations + (r->valid - s->judged);
    bound(&s->proven, s->confidence, s->rate);
    bound(&s->held, s->confidence, s->rate);
    for (size_t i = 0; i < r->claim_count; i++) {
        if (r->claims[i].verdict > s->claim.verdict)
            s->claim = r->claims[i];
    }
    if (r->failed > 0 && s->claim.verdict < AK_NOT_CHECKABLE) /* its text was not kept */
        ak_claim_fail(&s->claim, AK_FINDING_ALTERED, "", "%" PRIu64 " records are not as signed",
                      r->failed);
    if (r->records == 0)
        ak_claim_fail(&s->claim, AK_FINDING_EMPTY, "",
                      "no record is in this range: there is nothing to say a rate of");
    if (r->erased > 0 && !s->claim.told) {
        ak_ordered_text_erased(text, r->erased);
        ak_claim_fail(&s->claim, AK_FINDING_ERASED, "R33", "%s", text);
    }
}

static void conclude_lines(struct ak_sheet *s)
{
    const struct ak_sheet_lines *l = s->lines;

    s->held = (struct ak_sheet_result){
        .population = l->count, .examined = l->drawn, .deviations = l->not_held};
    bound(&s->held, s->confidence, s->rate);
    if (l->not_held > 0)
        ak_claim_fail(&s->claim, AK_FINDING_MISSING, "",
                      "%" PRIu64 " of %" PRIu64 " lines drawn are not held by proven records",
                      l->not_held, l->drawn);
    if (l->count == 0)
        ak_claim_fail(&s->claim, AK_FINDING_EMPTY, "", "the file has no lines");
}

void ak_sheet_conclude(struct ak_sheet *s)
{
    bool judged = s->lines != NULL || s->has_findings;

    if (s->lines != NULL)
        conclude_lines(s);
    else
        conclude_records(s);
    s->verdict = s->claim.verdict;
    if (s->verdict == AK_VALID && !(judged ? s->held.supported : s->proven.supported))
        s->verdict = AK_INCOMPLETE;
}

/* ---- Facts ---- */

#define VALUE_BYTES 1024u

struct facts {
    ak_sheet_fact_fn on_fact;
    void *ctx;
};

static void __attribute__((format(printf, 4, 5)))
fact(const struct facts *f, const char *english, const char *japanese, const char *format, ...)
{
    char value[VALUE_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    f->on_fact(f->ctx, english, japanese, value);
}

static void heads(const struct facts *f, const struct ak_sheet *s)
{
    char root[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];
    char time[AK_WHEN_TEXT_BYTES];
    char a[AK_SHOW_NUMBER_BYTES];

    (void)ak_base64_encode(root, sizeof(root), s->anchor->checkpoint.root.b, AK_HASH_BYTES);
    fact(f, "checkpoint", "署名された先頭", "%s entries, root %s",
         ak_show_count(a, s->anchor->checkpoint.size), root);
    (void)ak_base64_encode(root, sizeof(root), s->head_root.b, AK_HASH_BYTES);
    if (s->quorum.demanded)
        fact(f, "witnesses", "証人", "%u cosigned the checkpoint: existed by %s, by their clocks",
             s->quorum.cosigned, ak_when_format_seconds(time, s->quorum.existed_by));
    if (s->head_size != s->anchor->checkpoint.size)
        fact(f, "head of the draw", "抽選の先頭", "%s entries, root %s",
             ak_show_count(a, s->head_size), root);
}

/* As the key, they are the reader's own premise. */
static void authorities_of(const struct facts *f, const struct ak_sheet *s)
{
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];
    char left[AK_SHOW_NUMBER_BYTES];

    for (size_t i = 0; i < s->authority_count && i < AK_SHEET_AUTHORITIES_MAX; i++)
        fact(f, "authority", "命令者の鍵", "%s, %s, as given", s->authorities[i].name,
             ak_trust_fingerprint(&s->authorities[i], fingerprint));
    if (s->authority_count > AK_SHEET_AUTHORITIES_MAX)
        fact(f, "authority", "命令者の鍵", "and %s more",
             ak_show_count(left, s->authority_count - AK_SHEET_AUTHORITIES_MAX));
}

static void picked(const struct facts *f, const struct ak_sheet *s)
{
    char names[VALUE_BYTES / 2] = "";

    if (s->from != NULL || s->to != NULL)
        fact(f, "received", "受信時刻", "from %s to %s", s->from == NULL ? "the first" : s->from,
             s->to == NULL ? "the last" : s->to);
    for (size_t i = 0; i < s->source_count; i++)
        (void)snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
                       i == 0 ? "" : ", ", s->sources[i]);
    if (s->source_count > 0)
        fact(f, "source", "送信元", "%s", names);
}

static void lines_of(const struct facts *f, const struct ak_sheet *s)
{
    char hex[2 * AK_HASH_BYTES + 1];

    if (s->lines == NULL)
        return;
    (void)ak_hex_encode(hex, sizeof(hex), s->lines->digest.b, AK_HASH_BYTES);
    fact(f, "file of lines", "行のファイル", "%s, SHA-256 %s", s->lines->path, hex);
}

static void size_of(const struct facts *f, const struct ak_sheet *s)
{
    char confidence[AK_SHEET_PERCENT_BYTES];
    char rate[AK_SHEET_PERCENT_BYTES];
    char a[AK_SHOW_NUMBER_BYTES];
    char b[AK_SHOW_NUMBER_BYTES];
    char c[AK_SHOW_NUMBER_BYTES];

    fact(f, "plan", "計画", "%s %% confidence, %s %% tolerable: %s to be examined",
         ak_sheet_parts(confidence, s->confidence, AK_SAMPLE_CONFIDENCE_UNIT),
         ak_sheet_parts(rate, s->rate, AK_SAMPLE_RATE_UNIT), ak_show_count(a, s->planned));
    if (s->lines == NULL)
        fact(f, "drawn", "抽出", "%s records; drawn on past %s own entries and %s others",
             ak_show_count(a, s->rows->records), ak_show_count(b, s->rows->own),
             ak_show_count(c, s->rows->other));
}

void ak_sheet_facts(const struct ak_sheet *s, ak_sheet_fact_fn on_fact, void *ctx)
{
    const struct facts f = {on_fact, ctx};
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];
    char time[AK_WHEN_TEXT_BYTES];
    char hex[2 * AK_HASH_BYTES + 1];
    char a[AK_SHOW_NUMBER_BYTES];
    char b[AK_SHOW_NUMBER_BYTES];

    fact(&f, "log", "ログ", "%s", s->anchor->checkpoint.origin);
    fact(&f, "key", "鍵", "%s, as given", ak_trust_fingerprint(&s->anchor->key, fingerprint));
    authorities_of(&f, s);
    if (s->made != 0)
        fact(&f, "made", "作成", "%s, by this machine's clock", ak_when_format(time, s->made));
    heads(&f, s);
    if (s->lines == NULL)
        fact(&f, "population", "母集団", "entries %s to %s, both ends in",
             ak_show_count(a, s->first), ak_show_count(b, s->end - 1));
    picked(&f, s);
    lines_of(&f, s);
    size_of(&f, s);
    (void)ak_hex_encode(hex, sizeof(hex), s->seed.b, AK_HASH_BYTES);
    fact(&f, "nonce", "乱数", "%s", s->nonce);
    if (s->beacon != NULL)
        fact(&f, "beacon", "ビーコン", "%s", s->beacon);
    fact(&f, "seed", "種", "%s", hex);
}

/* ---- Rows ---- */

static const char *claim_text(const struct ak_sample_rows *rows, uint64_t index)
{
    for (size_t i = 0; i < rows->claim_count; i++) {
        if (rows->claim_index[i] == index)
            return rows->claims[i].text;
    }
    return "";
}

/* A page shows the beginning of a note or reason; `out` has ROW_TEXT_BYTES. */
#define ROW_TEXT_BYTES 120u

static const char *beginning(char *out, const char *text)
{
    size_t len = strlen(text);

    if (len < ROW_TEXT_BYTES)
        return text;
    len = ROW_TEXT_BYTES - 4;
    while (len > 0 && ((uint8_t)text[len] & 0xC0) == 0x80) /* within a character */
        len--;
    (void)snprintf(out, ROW_TEXT_BYTES, "%.*s...", (int)len, text);
    return out;
}

static uint64_t bad_records(const struct ak_sheet *s, ak_sheet_row_fn on_row, void *ctx)
{
    char text[ROW_TEXT_BYTES];
    uint64_t count = 0;

    for (size_t i = 0; i < s->rows->count; i++) {
        const struct ak_sample_row *row = &s->rows->row[i];
        bool deviates = row->finding == AK_SAMPLE_DEVIATION;
        if (row->class != AK_SAMPLE_RECORD || (ak_sample_row_shown(row) && !deviates))
            continue;
        if (count++ >= AK_SHEET_ROWS_MAX)
            continue;
        if (row->verdict == AK_VALID && !ak_sample_row_shown(row))
            on_row(ctx, row->index, ak_finding_info(row->code)->name,
                   "its payload was taken out by an order of the authorities");
        else if (!ak_sample_row_shown(row))
            on_row(ctx, row->index, ak_finding_info(row->code)->name,
                   beginning(text, claim_text(s->rows, row->index)));
        else
            on_row(ctx, row->index, "deviation",
                   row->note == NULL ? "" : beginning(text, row->note));
    }
    return count > AK_SHEET_ROWS_MAX ? count - AK_SHEET_ROWS_MAX : 0;
}

bool ak_sheet_claim_apart(const struct ak_sheet *s)
{
    for (size_t i = 0; i < s->rows->claim_count; i++) {
        if (strcmp(s->rows->claims[i].text, s->claim.text) == 0)
            return false;
    }
    return s->claim.told;
}

static uint64_t bad_lines(const struct ak_sheet_lines *lines, ak_sheet_row_fn on_row, void *ctx)
{
    uint64_t count = 0;

    for (uint64_t i = 0; i < lines->drawn; i++) {
        if (lines->line[i].result == AK_COMPARE_NOT_HELD && count++ < AK_SHEET_ROWS_MAX)
            on_row(ctx, lines->line[i].line, "MISSING", "this line is not held");
    }
    return count > AK_SHEET_ROWS_MAX ? count - AK_SHEET_ROWS_MAX : 0;
}

uint64_t ak_sheet_bad_rows(const struct ak_sheet *s, ak_sheet_row_fn on_row, void *ctx)
{
    return s->lines != NULL ? bad_lines(s->lines, on_row, ctx) : bad_records(s, on_row, ctx);
}
