/* claim_show.c - verdicts of single claims for people and programs. */
#include "claim_show.h"

#include "pick.h"
#include "self.h"
#include "show.h"
#include "when.h"

#include <inttypes.h>
#include <string.h>

void ak_claim_show_program(FILE *file)
{
    fprintf(file, "akashi-verify %s, SHA-256 of the program %s\n\n", AKASHI_VERSION,
            ak_self_digest());
}

void ak_claim_show_label(FILE *file, const char *label)
{
    fprintf(file, "  %-12s", label);
}

bool ak_claim_is_exercise(const char *origin)
{
    return strncmp(origin, "exercise.", 9) == 0;
}

void ak_claim_show_exercise(FILE *file, const char *origin)
{
    if (!ak_claim_is_exercise(origin))
        return;
    ak_claim_show_label(file, "EXERCISE");
    fputs("EXERCISE / 訓練: what this log holds was made for training\n", file);
}

void ak_claim_show_finding(FILE *file, const struct ak_claim *claim, bool colour)
{
    const struct ak_finding_info *info;

    if (!claim->told)
        return;
    ak_show_verdict(file, claim->verdict, colour);
    if (!claim->coded) {
        fputc('\n', file);
        ak_show_wrapped_text(file, claim->text, 4);
        return;
    }
    info = ak_finding_info(claim->code);
    fprintf(file, " %s", info->name);
    if (claim->rule[0] != '\0')
        fprintf(file, " (%s)", claim->rule);
    fputc('\n', file);
    ak_show_wrapped_text(file, claim->text, 4);
    fputs("    Means: ", file);
    ak_show_wrapped(file, info->meaning, 6, 11);
    fputs("    Next:  ", file);
    ak_show_wrapped(file, info->remedy, 6, 11);
}

void ak_claim_show_entry(FILE *file, uint64_t index, const struct ak_entry *entry)
{
    char time[AK_WHEN_TEXT_BYTES];

    ak_claim_show_label(file, "entry");
    fprintf(file, "%" PRIu64 "\n", index);
    ak_claim_show_label(file, "kind");
    fprintf(file, "%s%s\n", ak_pick_kind(entry->kind),
            entry->kind == AK_KIND_FRAGMENT ? ": bytes received that are not a whole record" : "");
    ak_claim_show_label(file, "received");
    fprintf(file, "%s, as the collector's clock said; it had fallen back %u time%s before\n",
            ak_when_format(time, entry->received), entry->clock_run,
            ak_show_plural(entry->clock_run));
    ak_claim_show_label(file, "source");
    if (ak_kind_received(entry->kind))
        fprintf(file, "number %" PRIu32 ", of which this is entry %" PRIu64 ", counted from 0\n",
                entry->source, entry->source_seq);
    else
        fprintf(file,
                "the collector itself; of its entries of this kind this is number %" PRIu64
                ", counted from 0\n",
                entry->source_seq);
}

void ak_claim_json_begin(struct ak_json_out *out, const struct ak_claim *claim,
                         const struct ak_error *error)
{
    enum ak_verdict verdict = error != NULL ? AK_NOT_CHECKABLE : claim->verdict;

    ak_json_out_open(out, NULL, '{');
    ak_self_json_program(out);
    ak_json_out_string(out, "verdict", ak_verdict_name(verdict));
    ak_json_out_uint(out, "exit_status", (uint64_t)ak_verdict_exit(verdict));
    if (error != NULL)
        (void)ak_json_out_text(out, "error", error->text, strlen(error->text));
    if (error != NULL || !claim->told)
        return;
    ak_json_out_open(out, "finding", '{');
    if (claim->coded) {
        ak_json_out_string(out, "code", ak_finding_info(claim->code)->name);
        ak_json_out_string(out, "rule", claim->rule);
    }
    (void)ak_json_out_text(out, "text", claim->text, strlen(claim->text));
    ak_json_out_close(out, '}');
}

void ak_claim_json_end(struct ak_json_out *out)
{
    ak_json_out_close(out, '}');
    fputc('\n', out->file);
}

void ak_claim_json_entry(struct ak_json_out *out, uint64_t index, const struct ak_entry *entry)
{
    char time[AK_WHEN_TEXT_BYTES];

    ak_json_out_uint(out, "index", index);
    ak_json_out_string(out, "kind", ak_pick_kind(entry->kind));
    ak_json_out_uint(out, "kind_number", entry->kind);
    ak_json_out_string(out, "received", ak_when_format(time, entry->received));
    ak_json_out_uint(out, "received_ns", entry->received);
    ak_json_out_uint(out, "clock_run", entry->clock_run);
    ak_json_out_uint(out, "source", entry->source);
    ak_json_out_uint(out, "source_seq", entry->source_seq);
}

void ak_claim_show_quorum(FILE *file, const struct ak_quorum *quorum)
{
    char time[AK_WHEN_TEXT_BYTES];

    if (!quorum->demanded)
        return;
    ak_claim_show_label(file, "witnesses");
    fprintf(file, "%u cosigned", quorum->cosigned);
    if (quorum->unchecked > 0)
        fprintf(file, ", %u with keys that are not checked here", quorum->unchecked);
    if (quorum->met)
        fprintf(file, ": existed by %s, by their clocks",
                ak_when_format_seconds(time, quorum->existed_by));
    fputc('\n', file);
}

void ak_claim_json_quorum(struct ak_json_out *out, const struct ak_quorum *quorum)
{
    char time[AK_WHEN_TEXT_BYTES];

    if (!quorum->demanded)
        return;
    ak_json_out_open(out, "quorum", '{');
    ak_json_out_bool(out, "met", quorum->met);
    ak_json_out_uint(out, "cosigned", quorum->cosigned);
    ak_json_out_uint(out, "unchecked", quorum->unchecked);
    if (quorum->met) {
        ak_json_out_string(out, "existed_by", ak_when_format_seconds(time, quorum->existed_by));
        ak_json_out_uint(out, "existed_by_s", quorum->existed_by);
    }
    ak_json_out_close(out, '}');
}

/* Why stamps that are there say nothing. */
static void show_not_counted(FILE *file, const struct ak_stamps_judged *stamps, const char *where)
{
    const char *some = stamps->there == 1 ? " is" : "s are";

    if (stamps->alone)
        fprintf(file,
                "    %u time stamp%s %s, not judged: the note that they are over is not there.\n",
                stamps->there, some, where);
    else if (!stamps->judged)
        fprintf(file,
                "    %u time stamp%s %s, not judged: give the authority's certificates, "
                "--tsa-ca.\n",
                stamps->there, some, where);
    if (stamps->untrusted > 0) {
        fprintf(file, "    %u of %u time stamps do not count. Of the first: ", stamps->untrusted,
                stamps->there);
        ak_show_text(file, stamps->distrust);
        fputs(".\n", file);
    }
}

void ak_claim_show_stamps(FILE *file, const struct ak_stamps_judged *stamps, const char *what,
                          const char *where)
{
    char time[AK_WHEN_TEXT_BYTES];

    if (stamps->there == 0)
        return;
    if (stamps->counted > 0) {
        fputs("    By the clock of a time-stamping authority (", file);
        ak_show_text(file, stamps->existed.authority);
        fprintf(file, ") %s existed by %s.\n", what,
                ak_when_format(time, stamps->existed.time * AK_WHEN_SECOND));
    }
    show_not_counted(file, stamps, where);
}

void ak_claim_json_stamps(struct ak_json_out *out, const struct ak_stamps_judged *stamps)
{
    const char *by = stamps->existed.authority;

    if (stamps->there == 0)
        return;
    ak_json_out_uint(out, "stamps", stamps->there);
    ak_json_out_uint(out, "stamps_counted", stamps->counted);
    if (stamps->counted == 0)
        return;
    (void)ak_json_out_text(out, "stamped_by", by, strlen(by));
    ak_json_out_uint(out, "stamped_existed_by_s", stamps->existed.time);
}
