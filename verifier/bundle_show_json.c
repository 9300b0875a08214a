/* bundle_show_json.c - the judgement of a bundle as one object. */
#include "bundle_show.h"

#include "bundle_words.h"
#include "claim_show.h"
#include "custody_show.h"
#include "jsonout.h"
#include "self.h"
#include "when.h"

#include <string.h>

static void put_text(struct ak_json_out *out, const char *name, const char *text)
{
    if (text != NULL)
        (void)ak_json_out_text(out, name, text, strlen(text));
}

static void put_times(struct ak_json_out *out, uint64_t from, uint64_t to)
{
    char time[AK_WHEN_TEXT_BYTES];

    ak_json_out_string(out, "from", ak_when_format(time, from));
    ak_json_out_uint(out, "from_ns", from);
    ak_json_out_string(out, "to", ak_when_format(time, to));
    ak_json_out_uint(out, "to_ns", to);
}

static void put_range(struct ak_json_out *out, const char *name,
                      const struct ak_bundle_range *range)
{
    static const char *const whats[] = {"index", "time", "match"};

    ak_json_out_open(out, name, '{');
    ak_json_out_string(out, "what", whats[range->what]);
    if (range->what == AK_BUNDLE_INDEX) {
        ak_json_out_uint(out, "first", range->first);
        ak_json_out_uint(out, "last", range->last);
    } else if (range->to > 0) {
        put_times(out, range->from, range->to);
    }
    if (range->source_text_count > 0) {
        ak_json_out_open(out, "source", '[');
        for (size_t i = 0; i < range->source_text_count; i++)
            put_text(out, NULL, range->source_texts[i]);
        ak_json_out_close(out, ']');
    }
    put_text(out, "identity", range->identity);
    ak_json_out_bool(out, "events", range->events);
    if (range->pattern_count > 0) {
        ak_json_out_open(out, "match", '[');
        for (size_t i = 0; i < range->pattern_count; i++)
            put_text(out, NULL, range->patterns[i]);
        ak_json_out_close(out, ']');
    }
    ak_json_out_close(out, '}');
}

static void put_claim(struct ak_json_out *out, const struct ak_bundle_show *show,
                      const struct ak_bundle_result *r, enum ak_bundle_claim_name name)
{
    const struct ak_bundle_claim *claim = &r->claim[name];

    ak_json_out_open(out, NULL, '{');
    ak_json_out_string(out, "claim", ak_bundle_claim_word(name));
    ak_json_out_string(out, "verdict",
                       claim->made ? ak_verdict_name(claim->claim.verdict) : "NOT CLAIMED");
    ak_json_out_bool(out, "required", show->required != NULL && show->required[name]);
    if (ak_bundle_words_premise(r, name)[0] != '\0')
        ak_json_out_string(out, "premise", ak_bundle_words_premise(r, name));
    if (claim->made && claim->claim.told) {
        ak_json_out_open(out, "finding", '{');
        if (claim->claim.coded) {
            ak_json_out_string(out, "code", ak_finding_info(claim->claim.code)->name);
            ak_json_out_string(out, "rule", claim->claim.rule);
        }
        put_text(out, "text", claim->claim.text);
        ak_json_out_close(out, '}');
    }
    ak_json_out_close(out, '}');
}

static void put_statements(struct ak_json_out *out, const struct ak_bundle_about *about)
{
    char time[AK_WHEN_TEXT_BYTES];

    ak_json_out_open(out, "statements", '{');
    for (unsigned i = 0; i < AK_BUNDLE_TEXTS; i++)
        put_text(out, ak_bundle_text_name((enum ak_bundle_text)i), about->text[i]);
    ak_json_out_string(out, "made", ak_when_format(time, about->made));
    put_range(out, "asked", &about->asked);
    ak_json_out_close(out, '}');
}

static void put_counts(struct ak_json_out *out, const struct ak_bundle_result *r)
{
    ak_json_out_uint(out, "entries", r->entries);
    ak_json_out_uint(out, "stretches", r->pieces);
    ak_json_out_uint(out, "records", r->records);
    ak_json_out_uint(out, "fragments", r->fragments);
    ak_json_out_uint(out, "own_entries", r->own);
    ak_json_out_uint(out, "redacted", r->redacted);
    ak_json_out_uint(out, "redacted_in_part", r->in_parts);
    ak_json_out_uint(out, "parts_withheld", r->parts_withheld);
    ak_json_out_uint(out, "removed", r->removed);
    ak_json_out_uint(out, "not_asked", r->not_asked);
    if (r->has_time) {
        ak_json_out_uint(out, "first_index", r->first_index);
        ak_json_out_uint(out, "last_index", r->last_index);
        put_times(out, r->first_time, r->last_time);
    }
}

static void put_stretches(struct ak_json_out *out, const struct ak_bundle_result *r)
{
    ak_json_out_open(out, "redactions", '[');
    for (size_t i = 0; i < r->redaction_count; i++) {
        const struct ak_bundle_stretch *s = &r->redaction[i];
        ak_json_out_open(out, NULL, '{');
        ak_json_out_uint(out, "first", s->first);
        ak_json_out_uint(out, "last", s->last);
        ak_json_out_bool(out, "parts", s->parts);
        if (r->has_about && s->number < r->about.redaction_count)
            put_text(out, "reason", r->about.redaction[s->number].reason);
        ak_json_out_close(out, '}');
    }
    ak_json_out_close(out, ']');
}

static void put_sources(struct ak_json_out *out, const struct ak_bundle_result *r)
{
    ak_json_out_open(out, "sources", '[');
    for (size_t i = 0; i < r->source_count; i++) {
        const struct ak_bundle_source *s = &r->source[i];
        ak_json_out_open(out, NULL, '{');
        ak_json_out_uint(out, "source", s->ordinal);
        put_text(out, "name", s->label);
        ak_json_out_bool(out, "complete", s->complete);
        ak_json_out_bool(out, "relay", s->relay);
        ak_json_out_uint(out, "shown", s->shown);
        ak_json_out_close(out, '}');
    }
    ak_json_out_close(out, ']');
}

static void put_events(struct ak_json_out *out, const struct ak_bundle_result *r)
{
    ak_json_out_uint(out, "event_count", r->events);
    ak_json_out_open(out, "events", '[');
    for (size_t i = 0; i < r->event_count; i++) {
        const struct ak_bundle_event *e = &r->event[i];
        ak_json_out_open(out, NULL, '{');
        ak_json_out_uint(out, "index", e->index);
        ak_json_out_uint(out, "received_ns", e->received);
        put_text(out, "event", e->event);
        put_text(out, "side", e->side);
        if (e->has_count)
            ak_json_out_uint(out, "count", e->count);
        ak_json_out_close(out, '}');
    }
    ak_json_out_close(out, ']');
}

static void put_files(struct ak_json_out *out, const struct ak_bundle_result *r)
{
    static const char *const words[] = {"absent", "proven",  "signed",    "derived",
                                        "stamp",  "written", "statement", "not proven"};

    ak_json_out_open(out, "files", '[');
    for (unsigned i = 0; i < AK_BUNDLE_NAMES; i++) {
        if (r->ledger[i] == AK_BUNDLE_FILE_ABSENT)
            continue;
        ak_json_out_open(out, NULL, '{');
        ak_json_out_string(out, "name", ak_bundle_file_name((enum ak_bundle_name)i));
        ak_json_out_string(out, "standing", words[r->ledger[i]]);
        ak_json_out_close(out, '}');
    }
    ak_json_out_close(out, ']');
}

static void put_readme(struct ak_json_out *out, const struct ak_bundle_result *r)
{
    const char *text = ak_bundle_words_readme(r->readme);

    if (r->readme == AK_BUNDLE_README_NONE)
        return;
    ak_json_out_open(out, "readme", '{');
    ak_json_out_bool(out, "of_this_release", r->readme == AK_BUNDLE_README_EQUAL);
    if (text != NULL) {
        ak_json_out_open(out, "finding", '{');
        ak_json_out_string(out, "code", ak_finding_info(AK_FINDING_README_DIFFERS)->name);
        ak_json_out_string(out, "rule", "14.1");
        put_text(out, "text", text);
        ak_json_out_close(out, '}');
    }
    ak_json_out_close(out, '}');
}

void ak_bundle_show_json(const struct ak_bundle_show *show, const struct ak_bundle_result *r,
                         const struct ak_error *error)
{
    enum ak_verdict verdict = error != NULL ? AK_NOT_CHECKABLE : r->verdict;
    struct ak_json_out out;

    ak_json_out_init(&out, show->file);
    ak_json_out_open(&out, NULL, '{');
    ak_self_json_program(&out);
    ak_json_out_string(&out, "verdict", ak_verdict_name(verdict));
    ak_json_out_uint(&out, "exit_status", (uint64_t)ak_verdict_exit(verdict));
    put_text(&out, "path", show->path);
    if (error != NULL)
        put_text(&out, "error", error->text);
    if (r->has_checkpoint) {
        put_text(&out, "origin", r->checkpoint.origin);
        ak_json_out_bool(&out, "exercise", ak_claim_is_exercise(r->checkpoint.origin));
        ak_json_out_uint(&out, "checkpoint_size", r->checkpoint.size);
        ak_json_out_uint(&out, "epoch", r->epoch);
        ak_json_out_bool(&out, "key_given", r->key_given);
    }
    if (error == NULL) {
        put_counts(&out, r);
        ak_json_out_open(&out, "claims", '[');
        for (unsigned i = 0; i < AK_BUNDLE_CLAIMS; i++)
            put_claim(&out, show, r, (enum ak_bundle_claim_name)i);
        ak_json_out_close(&out, ']');
        if (r->claim[AK_BUNDLE_COMPLETE].made)
            put_range(&out, "judged", &r->judged);
        if (r->quorum.demanded && r->quorum.met)
            ak_json_out_uint(&out, "existed_by", r->quorum.existed_by);
        ak_claim_json_stamps(&out, &r->stamps);
        put_sources(&out, r);
        put_events(&out, r);
        put_stretches(&out, r);
        put_files(&out, r);
        put_readme(&out, r);
        if (r->sums_digest[0] != '\0')
            ak_json_out_string(&out, "sha256sums_sha256", r->sums_digest);
        ak_custody_json(&out, &r->custody);
    }
    if (r->has_about)
        put_statements(&out, &r->about);
    if (show->viewer != NULL) {
        ak_json_out_open(&out, "viewer", '{');
        ak_json_out_bool(&out, "of_this_release", show->viewer->ours);
        ak_json_out_string(&out, "sha256_without_data", show->viewer->digest);
        if (!show->viewer->ours)
            ak_json_out_uint(&out, "first_other_byte", show->viewer->differs);
        ak_json_out_close(&out, '}');
    }
    ak_json_out_close(&out, '}');
    fputc('\n', show->file);
}
