/* bundle_show.c - what a bundle shows, claim by claim, in words. */
#include "bundle_show.h"

#include "bundle_words.h"
#include "claim_show.h"
#include "custody_show.h"
#include "pick.h"
#include "show.h"
#include "trust.h"
#include "when.h"

#include <akashi/note.h>

#include <inttypes.h>
#include <string.h>

/* Stretches, sources and events of each kind that are listed; the rest is counted. */
#define LISTED 20u

static void put_fact(FILE *file, const char *label, const char *text)
{
    ak_claim_show_label(file, label);
    ak_show_text(file, text);
    fputc('\n', file);
}

/* ---- What it is ---- */

static void show_span(FILE *file, const struct ak_bundle_result *r)
{
    char time[AK_WHEN_TEXT_BYTES];

    if (!r->has_time)
        return;
    ak_claim_show_label(file, "received");
    fprintf(file, "%s", ak_when_format(time, r->first_time));
    fprintf(file, " to %s, as the collector's clock said\n", ak_when_format(time, r->last_time));
}

static void show_counts(FILE *file, const struct ak_bundle_result *r)
{
    char number[AK_SHOW_NUMBER_BYTES];

    ak_claim_show_label(file, "shown");
    fprintf(file, "%s entr%s", ak_show_count(number, r->entries), r->entries == 1 ? "y" : "ies");
    fprintf(file, " in %s stretch%s", ak_show_count(number, r->pieces), r->pieces == 1 ? "" : "es");
    fprintf(file, ": %s record%s", ak_show_count(number, r->records), ak_show_plural(r->records));
    if (r->fragments > 0)
        fprintf(file, " (%s of them fragments)", ak_show_count(number, r->fragments));
    fprintf(file, ", %s of the log's own", ak_show_count(number, r->own));
    if (r->redacted > 0)
        fprintf(file, ", %s blacked out", ak_show_count(number, r->redacted));
    if (r->in_parts > 0)
        fprintf(file, ", %s blacked out in part", ak_show_count(number, r->in_parts));
    if (r->removed > 0)
        fprintf(file, ", %s gone from the log", ak_show_count(number, r->removed));
    if (r->not_asked > 0)
        fprintf(file, ", %s without text to bound others", ak_show_count(number, r->not_asked));
    fputc('\n', file);
}

static void show_what(const struct ak_bundle_show *show, const struct ak_bundle_result *r)
{
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];
    char number[AK_SHOW_NUMBER_BYTES];
    FILE *file = show->file;

    fputs("bundle ", file);
    ak_show_text(file, show->path);
    fputc('\n', file);
    if (!r->has_checkpoint)
        return;
    put_fact(file, "log", r->checkpoint.origin);
    ak_claim_show_exercise(file, r->checkpoint.origin);
    ak_claim_show_label(file, "checkpoint");
    fprintf(file, "the log as of %s entries\n", ak_show_count(number, r->checkpoint.size));
    if (r->key_given) {
        ak_claim_show_label(file, "key");
        fprintf(file, "%s, given\n", ak_trust_fingerprint(&r->key, fingerprint));
    } else if (r->has_about) {
        put_fact(file, "key inside", r->about.text[AK_BUNDLE_TEXT_LOG_KEY]);
        ak_claim_show_label(file, "");
        fputs("a hint only: compare it with what the operator of the log gives you\n", file);
    }
    if (r->entries > 0)
        show_counts(file, r);
    show_span(file, r);
}

static void show_statements(FILE *file, const struct ak_bundle_result *r)
{
    static const char *const labels[AK_BUNDLE_TEXTS] = {
        [AK_BUNDLE_TEXT_PROGRAM] = "made with", [AK_BUNDLE_TEXT_CASE] = "case",
        [AK_BUNDLE_TEXT_EXHIBIT] = "exhibit",   [AK_BUNDLE_TEXT_BY] = "by",
        [AK_BUNDLE_TEXT_REASON] = "reason",     [AK_BUNDLE_TEXT_SEVERITY] = "severity",
        [AK_BUNDLE_TEXT_TLP] = "TLP",           [AK_BUNDLE_TEXT_ON_BEHALF_OF] = "on behalf",
        [AK_BUNDLE_TEXT_MANDATE] = "mandate"};
    char time[AK_WHEN_TEXT_BYTES];

    if (!r->has_about)
        return;
    fputs("\nstated by its maker, not proven\n", file);
    for (unsigned i = 0; i < AK_BUNDLE_TEXTS; i++) {
        if (labels[i] != NULL && r->about.text[i] != NULL)
            put_fact(file, labels[i], r->about.text[i]);
    }
    put_fact(file, "made", ak_when_format(time, r->about.made));
    ak_claim_show_label(file, "asked for");
    ak_bundle_words_range(file, &r->about.asked);
    fputc('\n', file);
}

/* ---- Claims ---- */

static void show_sources(FILE *file, const struct ak_bundle_result *r)
{
    char number[AK_SHOW_NUMBER_BYTES];

    for (size_t i = 0; i < r->source_count && i < LISTED; i++) {
        const struct ak_bundle_source *s = &r->source[i];
        fprintf(file, "    source %" PRIu32 "%s%s: %s, %s entries of it in the time%s\n",
                s->ordinal, s->label[0] == '\0' ? "" : " ", s->label,
                s->complete ? "without a hole" : "NOT complete", ak_show_count(number, s->shown),
                s->relay ? "; a relay: what it kept back or who sent to it is not covered" : "");
    }
    if (r->source_count > LISTED)
        fprintf(file, "    and %zu more sources\n", r->source_count - LISTED);
}

static void show_events(FILE *file, const struct ak_bundle_result *r)
{
    char number[AK_SHOW_NUMBER_BYTES];
    char time[AK_WHEN_TEXT_BYTES];

    if (r->events == 0)
        return;
    fprintf(file, "    %s event%s of the log in it:\n", ak_show_count(number, r->events),
            ak_show_plural(r->events));
    for (size_t i = 0; i < r->event_count && i < LISTED; i++) {
        const struct ak_bundle_event *e = &r->event[i];
        fprintf(file, "      entry %" PRIu64 ", %s: ", e->index, ak_when_format(time, e->received));
        ak_show_text(file, e->event);
        fputs(" (side: ", file);
        ak_show_text(file, e->side);
        fputc(')', file);
        if (e->has_count)
            fprintf(file, ", %s lost", ak_show_count(number, e->count));
        fputc('\n', file);
    }
    if (r->events > LISTED)
        fprintf(file, "      and %s more\n", ak_show_count(number, r->events - LISTED));
}

static void show_redactions(FILE *file, const struct ak_bundle_result *r)
{
    char number[AK_SHOW_NUMBER_BYTES];

    for (size_t i = 0; i < r->redaction_count && i < LISTED; i++) {
        const struct ak_bundle_stretch *s = &r->redaction[i];
        fputs(s->parts ? "    parts of " : "    ", file);
        if (s->first == s->last)
            fprintf(file, "entry %" PRIu64, s->first);
        else
            fprintf(file, "entries %" PRIu64 " to %" PRIu64, s->first, s->last);
        if (r->has_about && s->number < r->about.redaction_count) {
            fputs(": ", file);
            ak_show_text(file, r->about.redaction[s->number].reason);
        }
        fputc('\n', file);
    }
    if (r->redaction_count > LISTED || r->redactions_left_off > 0)
        fprintf(file, "    and more; %s entries in all\n",
                ak_show_count(number, r->redacted + r->in_parts));
}

static void show_claim(const struct ak_bundle_show *show, const struct ak_bundle_result *r,
                       enum ak_bundle_claim_name name)
{
    const struct ak_bundle_claim *claim = &r->claim[name];
    FILE *file = show->file;

    fprintf(file, "\nclaim %u, %s: ", (unsigned)name + 1, ak_bundle_claim_word(name));
    if (claim->made)
        ak_show_verdict(file, claim->claim.verdict, show->colour);
    else
        fputs("NOT CLAIMED", file);
    fputc('\n', file);
    fputs("    ", file);
    ak_bundle_words_claim(file, r, name);
    if (claim->made && claim->claim.told)
        ak_claim_show_finding(file, &claim->claim, show->colour);
    if (name == AK_BUNDLE_COMPLETE) {
        show_sources(file, r);
        show_events(file, r);
    }
    if (name == AK_BUNDLE_REDACTED)
        show_redactions(file, r);
    if (name == AK_BUNDLE_CUSTODY && claim->made)
        ak_custody_show(file, &r->custody, show->custody_keys);
}

static void show_files(FILE *file, const struct ak_bundle_result *r)
{
    fputs("\nfiles\n", file);
    for (unsigned i = 0; i < AK_BUNDLE_NAMES; i++) {
        if (r->ledger[i] == AK_BUNDLE_FILE_ABSENT)
            continue;
        fprintf(file, "  %-20s%s\n", ak_bundle_file_name((enum ak_bundle_name)i),
                ak_bundle_words_ledger(r->ledger[i]));
    }
    if (r->custody_files > 0)
        fprintf(file, "  custody/            %" PRIu64 " file%s, not in SHA256SUMS\n",
                r->custody_files, ak_show_plural(r->custody_files));
}

/* What nobody must do who reads README.txt: it is no finding of a claim, and stands by itself. */
static void show_readme(FILE *file, const struct ak_bundle_result *r)
{
    const char *text = ak_bundle_words_readme(r->readme);

    if (text == NULL)
        return;
    fprintf(file, "\nremark %s (14.1)\n    ", ak_finding_info(AK_FINDING_README_DIFFERS)->name);
    ak_show_wrapped(file, text, 4, 4);
}

/* Whether what the page shows when it is opened is this release's viewer. */
static void show_viewer(const struct ak_bundle_show *show)
{
    const struct ak_viewer_parts *viewer = show->viewer;
    FILE *file = show->file;

    if (viewer == NULL)
        return;
    fputs("\nviewer of the page: ", file);
    ak_show_verdict(file, viewer->ours ? AK_VALID : AK_NOT_CHECKABLE, show->colour);
    if (viewer->ours) {
        fprintf(file, "\n    every byte but the data is the viewer of akashi-verify %s\n",
                AKASHI_VERSION);
    } else {
        fprintf(file, " VIEWER_DIFFERS (14.12): the first other byte is byte %zu\n",
                viewer->differs);
        ak_show_wrapped(
            file,
            "    Not every byte but the data is the viewer of this release: do not go by "
            "what the page shows when it is opened. The judgement above is of its data "
            "alone and holds.",
            4, 0);
    }
    ak_claim_show_label(file, "SHA-256");
    fprintf(file, "%s, of the page without its data\n", viewer->digest);
}

/* ---- The last line ---- */

static void show_result(const struct ak_bundle_show *show, const struct ak_bundle_result *r)
{
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];
    char number[AK_SHOW_NUMBER_BYTES];
    FILE *file = show->file;

    ak_show_verdict(file, r->verdict, show->colour);
    if (!r->has_checkpoint) {
        fputs(" no bundle that could be judged\n", file);
        return;
    }
    fputc(' ', file);
    ak_show_records(file, r->records - r->fragments, r->fragments);
    fputs(", ", file);
    if (r->claim[AK_BUNDLE_COMPLETE].made) {
        fputs(r->claim[AK_BUNDLE_COMPLETE].claim.verdict == AK_VALID ? "complete for "
                                                                     : "not complete for ",
              file);
        ak_bundle_words_range(file, &r->judged);
    } else {
        fputs("a selection", file);
    }
    if (r->redacted > 0)
        fprintf(file, ", %s blacked out", ak_show_count(number, r->redacted));
    if (r->in_parts > 0)
        fprintf(file, ", %s in part", ak_show_count(number, r->in_parts));
    fputs(", log ", file);
    ak_show_text(file, r->checkpoint.origin);
    if (r->key_given)
        fprintf(file, ", key %s", ak_trust_fingerprint(&r->key, fingerprint));
    if (ak_bundle_words_readme(r->readme) != NULL)
        fprintf(file, ", %s: do not type the recipe in README.txt",
                ak_finding_info(AK_FINDING_README_DIFFERS)->name);
    fputs(ak_claim_is_exercise(r->checkpoint.origin) ? ", EXERCISE / 訓練\n" : "\n", file);
}

void ak_bundle_show(const struct ak_bundle_show *show, const struct ak_bundle_result *result)
{
    if (!show->quiet) {
        ak_claim_show_program(show->file);
        show_what(show, result);
        show_statements(show->file, result);
        for (unsigned i = 0; i < AK_BUNDLE_CLAIMS; i++)
            show_claim(show, result, (enum ak_bundle_claim_name)i);
        if (result->has_checkpoint)
            show_files(show->file, result);
        show_readme(show->file, result);
        show_viewer(show);
        fputs(
            "\nNot shown: whether what a device reported is true; what it never sent; who sent it "
            "where only\nan address is known.\n\n",
            show->file);
    }
    show_result(show, result);
}
