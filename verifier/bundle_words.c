/* bundle_words.c - what each claim says. Every sentence here is ours; what comes from a bundle is
 * escaped. */
#include "bundle_words.h"

#include "claim_show.h"
#include "show.h"
#include "when.h"

#include <inttypes.h>
#include <string.h>

#define INDENT 4u

static void put_list(FILE *file, const char *before, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fputs(i == 0 ? before : ", ", file);
        ak_show_text(file, list[i]);
    }
}

static void put_numbers(FILE *file, const uint32_t *list, size_t count)
{
    for (size_t i = 0; i < count && i < 8; i++)
        fprintf(file, "%s%" PRIu32, i == 0 ? " (" : ", ", list[i]);
    if (count > 0)
        fputs(count > 8 ? ", ...)" : ")", file);
}

void ak_bundle_words_range(FILE *file, const struct ak_bundle_range *range)
{
    char time[AK_WHEN_TEXT_BYTES];

    if (range->what == AK_BUNDLE_INDEX) {
        fprintf(file, "entries %" PRIu64 " to %" PRIu64, range->first, range->last);
        return;
    }
    if (range->what == AK_BUNDLE_MATCH)
        put_list(file, "what fits ", range->patterns, range->pattern_count);
    if (range->to > 0) {
        fprintf(file, "%s%s", range->what == AK_BUNDLE_MATCH ? ", " : "",
                ak_when_format(time, range->from));
        fprintf(file, " to %s (out)", ak_when_format(time, range->to));
    }
    put_list(file, ", source ", range->source_texts, range->source_text_count);
    put_numbers(file, range->sources, range->source_count);
    if (range->identity != NULL)
        put_list(file, ", all sources of ", &range->identity, 1);
    if (range->events)
        fputs(", and what was lost in it", file);
}

const char *ak_bundle_words_premise(const struct ak_bundle_result *r,
                                    enum ak_bundle_claim_name name)
{
    if (name != AK_BUNDLE_COMPLETE)
        return "";
    if (r->judged.what == AK_BUNDLE_INDEX)
        return "Premise: whoever held the log's keys has signed one history only.";
    if (r->judged.identity != NULL)
        return "Premise: one history was signed; time is the collector's clock as it read it; the "
               "collector numbered its entries honestly (only who reads all entries can see "
               "otherwise), and identities are as they were declared. What was lost before the "
               "collector's socket (UDP) is never covered.";
    if (r->judged.source_count > 0 || r->judged.source_text_count > 0)
        return "Premise: one history was signed; time is the collector's clock as it read it; the "
               "collector numbered its entries honestly (only who reads all entries can see "
               "otherwise). Whether the same sender has another source number is not covered. What "
               "was lost before the collector's socket (UDP) is never covered.";
    return "Premise: one history was signed; time is the collector's clock as it read it. What was "
           "lost before the collector's socket (UDP) is never covered.";
}

static void put_wrapped(FILE *file, const char *text)
{
    ak_show_wrapped(file, text, INDENT, INDENT);
}

static void put_complete(FILE *file, const struct ak_bundle_result *r)
{
    if (!r->claim[AK_BUNDLE_COMPLETE].made) {
        put_wrapped(file,
                    "This bundle is a selection by a pattern: what else there is, nobody can say "
                    "from it.");
    } else {
        fputs(r->expected ? "Asked by you: " : "As its maker states what was asked: ", file);
        ak_bundle_words_range(file, &r->judged);
        fputs(".\n    ", file);
        put_wrapped(file, ak_bundle_words_premise(r, AK_BUNDLE_COMPLETE));
    }
    if (r->relay) {
        fputs("    ", file);
        put_wrapped(file, "A source of it is a relay: who sent to the relay, and what the relay "
                          "kept back, is not covered.");
    }
}

static void put_time(FILE *file, const struct ak_bundle_result *r)
{
    bool witnessed = r->quorum.met && r->quorum.demanded;
    char time[AK_WHEN_TEXT_BYTES];
    char number[AK_SHOW_NUMBER_BYTES];

    put_wrapped(file, witnessed
                          ? "Times are the collector's clock as it read it when a record arrived, "
                            "or later under load. Witnesses vouch for the latest that it can be."
                      : r->stamps.counted > 0
                          ? "Times are the collector's clock as it read it when a record arrived, "
                            "or later under load. A time stamp vouches for the latest that it can "
                            "be."
                          : "Times are the collector's clock as it read it when a record arrived, "
                            "or later under load. No witness and no time-stamp vouches for them "
                            "here.");
    ak_claim_show_stamps(file, &r->stamps, "all entries shown", "in it");
    if (witnessed)
        fprintf(file, "    By the witnesses' clocks all entries shown existed by %s.\n",
                ak_when_format(time, r->quorum.existed_by * AK_WHEN_SECOND));
    if (r->has_clock) {
        fprintf(file, "    Its newest state entry shown says that the clock was %ssynchronised, ",
                r->synchronized ? "" : "NOT ");
        fprintf(file, "greatest error %s us.\n", ak_show_count(number, r->max_error_us));
    }
    if (r->clock_steps > 0)
        fprintf(file, "    The clock fell back %s time%s between entries that are shown.\n",
                ak_show_count(number, r->clock_steps), ak_show_plural(r->clock_steps));
}

static void put_parts(FILE *file, const struct ak_bundle_result *r)
{
    char records[AK_SHOW_NUMBER_BYTES];
    char parts[AK_SHOW_NUMBER_BYTES];
    char text[400];

    (void)snprintf(text, sizeof(text),
                   "Of %s record%s %s part%s withheld, a word or an address each: the "
                   "text has one mark \xe2\x96\x88 in its place, whatever its length. What stands "
                   "around the marks is proven, byte for byte and in its place.",
                   ak_show_count(records, r->in_parts), ak_show_plural(r->in_parts),
                   ak_show_count(parts, r->parts_withheld),
                   r->parts_withheld == 1 ? " is" : "s are");
    fputs("    ", file);
    put_wrapped(file, text);
}

void ak_bundle_words_claim(FILE *file, const struct ak_bundle_result *r,
                           enum ak_bundle_claim_name name)
{
    switch (name) {
    case AK_BUNDLE_AUTHENTIC:
        put_wrapped(file, "Each entry shown is the entry of that number in this log as of the "
                          "checkpoint, under its own epoch's key, and each text shown is, byte for "
                          "byte, what it commits to.");
        break;
    case AK_BUNDLE_COMPLETE:
        put_complete(file, r);
        break;
    case AK_BUNDLE_REDACTED:
        put_wrapped(file, r->redacted == 0 && r->in_parts == 0
                              ? "No text was blacked out on export."
                              : "Only these texts were blacked out on export; that an entry stands "
                                "there, when and from whom, is proven; all else is unchanged. The "
                                "reasons are the maker's.");
        if (r->in_parts > 0)
            put_parts(file, r);
        break;
    case AK_BUNDLE_TIMED:
        put_time(file, r);
        break;
    case AK_BUNDLE_CUSTODY:
        put_wrapped(file,
                    "The files are those that SHA256SUMS lists, and the custody records "
                    "follow each other without a hole. What a record says is the statement of "
                    "who wrote it.");
        break;
    }
}

const char *ak_bundle_words_readme(enum ak_bundle_readme_state readme)
{
    switch (readme) {
    case AK_BUNDLE_README_DIFFERS:
        return "README.txt is not the text that this release writes for this bundle: do not type "
               "its recipe. The judgement does not rest on it. Let the release that made the "
               "bundle compare it, or type the recipe of a bundle that you exported yourself.";
    case AK_BUNDLE_README_NOT_COMPARED:
        return "README.txt could not be compared with the text that this release writes, since "
               "bundle.json or checkpoint cannot be read: do not type its recipe.";
    default:
        return NULL;
    }
}

const char *ak_bundle_words_ledger(enum ak_bundle_ledger ledger)
{
    switch (ledger) {
    case AK_BUNDLE_FILE_PROVEN:
        return "every byte follows from the signed root";
    case AK_BUNDLE_FILE_SIGNED:
        return "signed by the log; other signature lines are not judged";
    case AK_BUNDLE_FILE_DERIVED:
        return "made again from what is proven, and equal";
    case AK_BUNDLE_FILE_STAMP:
        return "a time stamp that counts: over stamped, by an authority given";
    case AK_BUNDLE_FILE_WRITTEN:
        return "what this release writes for this bundle; the statements in it are the maker's";
    case AK_BUNDLE_FILE_STATEMENT:
        return "the maker's statement; only compared with SHA256SUMS";
    default:
        return "not proven";
    }
}
