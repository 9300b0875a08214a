/* sheet_json.c - a sheet for programs, and for the next sheet to compare with. */
#include "sheet.h"

#include "claim_show.h"
#include "compare.h"
#include "jsonout.h"
#include "trust.h"
#include "when.h"

#include <akashi/base64.h>

#include <stdlib.h>
#include <string.h>

static void put_text(struct ak_json_out *out, const char *name, const char *text)
{
    (void)ak_json_out_text(out, name, text, strlen(text));
}

static void put_head(struct ak_json_out *out, const char *name, uint64_t size,
                     const struct ak_hash *root)
{
    ak_json_out_open(out, name, '{');
    ak_json_out_uint(out, "size", size);
    ak_json_out_base64(out, "root", root->b, AK_HASH_BYTES);
    ak_json_out_close(out, '}');
}

static void put_result(struct ak_json_out *out, const char *name, const struct ak_sheet_result *r)
{
    char percent[AK_SHEET_PERCENT_BYTES];

    ak_json_out_open(out, name, '{');
    ak_json_out_uint(out, "population", r->population);
    ak_json_out_uint(out, "examined", r->examined);
    ak_json_out_uint(out, "deviations", r->deviations);
    ak_json_out_uint(out, "bound", r->bound);
    ak_json_out_string(out, "bound_percent", ak_sheet_percent(percent, r->bound, r->population));
    ak_json_out_bool(out, "supported", r->supported);
    ak_json_out_close(out, '}');
}

static void put_sentences(struct ak_json_out *out, const struct ak_sheet *s, const char *name,
                          enum ak_language language)
{
    static const char *const names[] = {
        [AK_SAYS_FIRST] = "first",   [AK_SAYS_VERDICT] = "verdict",   [AK_SAYS_RESULT] = "result",
        [AK_SAYS_AUDITS] = "audits", [AK_SAYS_PREVIOUS] = "previous", [AK_SAYS_ASSUMES] = "assumes",
        [AK_SAYS_CANNOT] = "cannot", [AK_SAYS_SIGN] = "sign",         [AK_SAYS_NOT] = "not_said"};

    ak_json_out_open(out, name, '{');
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *text = ak_sheet_sentence(s, (enum ak_sentence)i, language);
        if (text != NULL && text[0] != '\0')
            put_text(out, names[i], text);
        free(text);
    }
    ak_json_out_close(out, '}');
}

static void put_population(struct ak_json_out *out, const struct ak_sheet *s)
{
    ak_json_out_open(out, "population", '{');
    ak_json_out_uint(out, "first", s->first);
    ak_json_out_uint(out, "end", s->end);
    if (s->from != NULL)
        put_text(out, "from", s->from);
    if (s->to != NULL)
        put_text(out, "to", s->to);
    if (s->source_count > 0) {
        ak_json_out_open(out, "sources", '[');
        for (size_t i = 0; i < s->source_count; i++)
            put_text(out, NULL, s->sources[i]);
        ak_json_out_close(out, ']');
    }
    ak_json_out_close(out, '}');
}

static void put_draw(struct ak_json_out *out, const struct ak_sheet *s)
{
    char hex[2 * AK_HASH_BYTES + 1];
    char parts[AK_SHEET_PERCENT_BYTES];

    put_head(out, "checkpoint", s->anchor->checkpoint.size, &s->anchor->checkpoint.root);
    ak_claim_json_quorum(out, &s->quorum);
    put_head(out, "head", s->head_size, &s->head_root);
    put_population(out, s);
    ak_json_out_string(out, "nonce", s->nonce);
    if (s->beacon != NULL)
        ak_json_out_string(out, "beacon", s->beacon);
    (void)ak_hex_encode(hex, sizeof(hex), s->seed.b, AK_HASH_BYTES);
    ak_json_out_string(out, "seed", hex);
    ak_json_out_string(out, "confidence",
                       ak_sheet_parts(parts, s->confidence, AK_SAMPLE_CONFIDENCE_UNIT));
    ak_json_out_string(out, "tolerable", ak_sheet_parts(parts, s->rate, AK_SAMPLE_RATE_UNIT));
    ak_json_out_uint(out, "planned", s->planned);
}

static const char *row_result(const struct ak_sample_row *row)
{
    if (row->class != AK_SAMPLE_RECORD)
        return row->class == AK_SAMPLE_OWN ? "own" : "other";
    if (ak_sample_row_shown(row))
        return "proven";
    if (row->state == AK_SAMPLE_ABSENT && row->proven)
        return "absent";
    return row->verdict == AK_INCOMPLETE ? "missing" : "failed";
}

static void put_row(struct ak_json_out *out, const struct ak_sample_row *row)
{
    char time[AK_WHEN_TEXT_BYTES];

    ak_json_out_open(out, NULL, '{');
    ak_json_out_uint(out, "index", row->index);
    ak_json_out_string(out, "result", row_result(row));
    if (!ak_sample_row_shown(row))
        ak_json_out_string(out, "code", ak_finding_info(row->code)->name);
    if (row->proven) {
        ak_json_out_uint(out, "kind_number", row->kind);
        ak_json_out_string(out, "received", ak_when_format(time, row->received));
        ak_json_out_uint(out, "source", row->source);
    }
    if (row->finding != AK_SAMPLE_UNJUDGED)
        ak_json_out_string(out, "finding", row->finding == AK_SAMPLE_GOOD ? "ok" : "deviation");
    if (row->note != NULL)
        put_text(out, "note", row->note);
    ak_json_out_close(out, '}');
}

static void put_records(struct ak_json_out *out, const struct ak_sheet *s)
{
    const struct ak_sample_rows *r = s->rows;

    ak_json_out_open(out, "counts", '{');
    ak_json_out_uint(out, "records", r->records);
    ak_json_out_uint(out, "own", r->own);
    ak_json_out_uint(out, "other", r->other);
    ak_json_out_uint(out, "proven", r->valid);
    ak_json_out_uint(out, "absent", r->absent);
    ak_json_out_uint(out, "erased", r->erased);
    ak_json_out_uint(out, "missing", r->missing);
    ak_json_out_uint(out, "failed", r->failed);
    ak_json_out_uint(out, "judged", s->judged);
    ak_json_out_uint(out, "deviations", s->deviations);
    ak_json_out_close(out, '}');
    put_result(out, "proofs", &s->proven);
    if (s->has_findings)
        put_result(out, "judgement", &s->held);
    ak_json_out_open(out, "drawn", '[');
    for (size_t i = 0; i < r->count; i++)
        put_row(out, &r->row[i]);
    ak_json_out_close(out, ']');
}

static void put_lines(struct ak_json_out *out, const struct ak_sheet_lines *l)
{
    static const char *const results[] = {[AK_COMPARE_NOT_HELD] = "not-held",
                                          [AK_COMPARE_UNCHANGED] = "unchanged",
                                          [AK_COMPARE_OTHER_HEADER] = "other-header"};
    char hex[2 * AK_HASH_BYTES + 1];

    (void)ak_hex_encode(hex, sizeof(hex), l->digest.b, AK_HASH_BYTES);
    ak_json_out_open(out, "file", '{');
    put_text(out, "name", l->path);
    ak_json_out_string(out, "sha256", hex);
    ak_json_out_uint(out, "lines", l->count);
    ak_json_out_close(out, '}');
    ak_json_out_open(out, "drawn", '[');
    for (uint64_t i = 0; i < l->drawn; i++) {
        ak_json_out_open(out, NULL, '{');
        ak_json_out_uint(out, "line", l->line[i].line);
        ak_json_out_string(out, "result", results[l->line[i].result]);
        if (l->line[i].result != AK_COMPARE_NOT_HELD)
            ak_json_out_uint(out, "index", l->line[i].index);
        ak_json_out_close(out, '}');
    }
    ak_json_out_close(out, ']');
}

static void put_audits(struct ak_json_out *out, const struct ak_sample_scan *scan)
{
    char hex[2 * AK_HASH_BYTES + 1];
    char time[AK_WHEN_TEXT_BYTES];

    ak_json_out_open(out, "audits", '[');
    for (size_t i = 0; i < scan->count; i++) {
        const struct ak_sample_audit *audit = &scan->audit[i];
        (void)ak_hex_encode(hex, sizeof(hex), audit->event.commitment.b, AK_HASH_BYTES);
        ak_json_out_open(out, NULL, '{');
        ak_json_out_uint(out, "index", audit->index);
        ak_json_out_string(out, "received", ak_when_format(time, audit->received));
        ak_json_out_string(out, "commitment", hex);
        if (audit->opened_at != UINT64_MAX)
            ak_json_out_uint(out, "opened_at", audit->opened_at);
        ak_json_out_close(out, '}');
    }
    ak_json_out_close(out, ']');
    ak_json_out_uint(out, "audits_left_off", scan->left_off);
    ak_json_out_uint(out, "events_not_read", scan->hidden);
}

void ak_sheet_json(FILE *file, const struct ak_sheet *s)
{
    static const char *const why[] = {
        [AK_INDEPENDENT] = "committed",           [AK_INDEPENDENCE_DRAWN_HERE] = "drawn-here",
        [AK_INDEPENDENCE_NONE] = "not-committed", [AK_INDEPENDENCE_BEACON] = "beacon",
        [AK_INDEPENDENCE_RANGE] = "range",        [AK_INDEPENDENCE_FILE] = "file",
        [AK_INDEPENDENCE_OPENED] = "opened",      [AK_INDEPENDENCE_HEAD] = "head"};
    struct ak_claim claim = s->claim;
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];
    char time[AK_WHEN_TEXT_BYTES];
    struct ak_json_out out;

    claim.verdict = s->verdict;
    ak_json_out_init(&out, file);
    ak_claim_json_begin(&out, &claim, NULL);
    ak_json_out_string(&out, "format", "akashi/sample-sheet/v1");
    ak_json_out_string(&out, "evidence_verdict", ak_verdict_name(s->claim.verdict));
    put_text(&out, "origin", s->anchor->checkpoint.origin);
    ak_json_out_bool(&out, "exercise", ak_claim_is_exercise(s->anchor->checkpoint.origin));
    ak_json_out_string(&out, "key_fingerprint", ak_trust_fingerprint(&s->anchor->key, fingerprint));
    ak_json_out_string(&out, "made", ak_when_format(time, s->made));
    ak_json_out_uint(&out, "made_ns", s->made);
    ak_json_out_string(&out, "direction", s->lines == NULL ? "records" : "lines");
    ak_json_out_bool(&out, "independent", s->independence == AK_INDEPENDENT);
    ak_json_out_string(&out, "independence", why[s->independence]);
    if (s->commit != NULL)
        ak_json_out_uint(&out, "committed_in", s->commit->audit);
    put_draw(&out, s);
    if (s->lines == NULL) {
        put_records(&out, s);
    } else {
        put_result(&out, "judgement", &s->held);
        put_lines(&out, s->lines);
    }
    if (s->scan != NULL)
        put_audits(&out, s->scan);
    put_sentences(&out, s, "en", AK_ENGLISH);
    put_sentences(&out, s, "ja", AK_JAPANESE);
    ak_claim_json_end(&out);
}
