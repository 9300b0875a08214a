/* search_show.c - lines for eyes hold log, index, time, source and kind in front of the record, all
 * divided by single blanks; bytes of senders are escaped. */
#include "search_show.h"

#include "entry_show.h"
#include "fields.h"
#include "jsonout.h"
#include "pick.h"
#include "show.h"
#include "trust.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

const char *ak_search_log_name(const struct ak_search_log *log)
{
    if (log->place->name[0] != '\0')
        return log->place->name;
    return log->place->id[0] != '\0' ? log->place->id : log->place->path;
}

/* ---- One entry ---- */

static bool has_fields(const struct ak_search_show *show, const struct ak_log_entry *entry)
{
    return show->fields && entry->entry.kind == AK_KIND_RECORD && entry->state == AK_STATE_PRESENT;
}

static void print_line(const struct ak_search_show *show, const struct ak_search_log *log,
                       const struct ak_log_entry *entry, bool neighbour)
{
    ak_show_text(show->out, ak_search_log_name(log));
    fputc(' ', show->out);
    ak_entry_show_head(show->out, &log->names.table, entry, neighbour ? ":neighbour" : "");
    if (has_fields(show, entry))
        ak_fields_text(show->out, entry->payload, entry->len, entry->entry.received);
    else
        ak_show_data(show->out, entry->payload, entry->len);
    fputc('\n', show->out);
}

static void print_json(const struct ak_search_show *show, const struct ak_search_log *log,
                       const struct ak_log_entry *entry, const struct ak_match *match)
{
    const char *name = ak_search_log_name(log);
    struct ak_json_out out;

    ak_json_out_init(&out, show->out);
    ak_json_out_open(&out, NULL, '{');
    (void)ak_json_out_text(&out, "log", name, strlen(name));
    (void)ak_json_out_text(&out, "origin", log->place->origin, strlen(log->place->origin));
    ak_json_out_bool(&out, "match", match != NULL);
    if (match != NULL && match->found)
        ak_json_out_string(&out, "encoding", ak_charset_name(match->charset));
    if (match != NULL && match->found && show->strings != NULL) {
        const struct ak_pattern_string *string = &show->strings[match->pattern];
        (void)ak_json_out_text(&out, "string", string->p, string->len);
    }
    ak_entry_show_json(&out, &log->names.table, entry);
    if (has_fields(show, entry))
        ak_fields_json(&out, entry->payload, entry->len, entry->entry.received);
    ak_json_out_close(&out, '}');
    fputc('\n', show->out);
}

/* `match` is NULL for a neighbour. */
static enum ak_code print_entry(const struct ak_search_show *show, struct ak_search_log *log,
                                const struct ak_log_entry *entry, const struct ak_match *match,
                                struct ak_error *err)
{
    enum ak_code rc = ak_search_names_learn(&log->names, entry->index, entry->entry.source, err);

    if (rc != AK_OK)
        return rc;
    if (show->mode == AK_SEARCH_JSONL)
        print_json(show, log, entry, match);
    else
        print_line(show, log, entry, match == NULL);
    log->shown = true;
    log->last = entry->index;
    if (ferror(show->out)) /* the disk is full, or nobody reads any more */
        return ak_fail_errno(err, errno, "%s could not be written to its end", show->out_name);
    return AK_OK;
}

/* ---- Entries that are read by themselves ---- */

static enum ak_code print_read(const struct ak_search_show *show, struct ak_search_log *log,
                               uint64_t index, const struct ak_match *match, bool *found,
                               struct ak_error *err)
{
    struct ak_log_tree_entry read;
    struct ak_error why = {0};
    bool proven;
    enum ak_code rc = ak_prover_entry(log->prover, index, &read, &proven, &why);
    struct ak_log_entry entry = {.index = index,
                                 .proof = ak_prover_key(log->prover) == NULL ? AK_PROOF_UNKNOWN
                                          : proven                           ? AK_PROOF_PROVEN
                                                                             : AK_PROOF_NOT};

    *found = rc == AK_OK;
    if (rc == AK_ENOMEM)
        return ak_fail(err, rc, "%s", why.text);
    if (rc != AK_OK)
        return AK_OK;
    /* The name is looked up first: that reads other entries. */
    rc = ak_search_names_learn(&log->names, index, read.entry.source, err);
    if (rc == AK_OK)
        rc = ak_prover_entry(log->prover, index, &read, &proven, err);
    if (rc != AK_OK)
        return rc;
    entry.entry = read.entry;
    entry.state = read.state;
    entry.payload = read.payload;
    entry.len = read.len;
    entry.file = read.file;
    entry.offset = read.offset;
    return print_entry(show, log, &entry, match, err);
}

/* Neighbours [from, to], as far as they can be read. */
static enum ak_code print_neighbours(const struct ak_search_show *show, struct ak_search_log *log,
                                     uint64_t from, uint64_t to, struct ak_error *err)
{
    enum ak_code rc = AK_OK;
    bool found = true;

    for (uint64_t i = from; rc == AK_OK && i <= to && found; i++)
        rc = print_read(show, log, i, NULL, &found, err);
    return rc;
}

/* What stands in front of a hit: the rest of the neighbours of the one before, a line between
 * groups, and its own. */
static enum ak_code print_before(const struct ak_search_show *show, struct ak_search_log *log,
                                 uint64_t index, struct ak_error *err)
{
    uint64_t from = index > show->context ? index - show->context : 0;
    enum ak_code rc = AK_OK;

    if (show->context == 0)
        return AK_OK;
    if (log->shown && log->after >= from) {
        from = log->last + 1;
    } else if (log->shown) {
        rc = ak_search_show_rest(show, log, err);
        if (show->mode == AK_SEARCH_LINES)
            fputs("--\n", show->out);
    }
    if (rc == AK_OK && from < index)
        rc = print_neighbours(show, log, from, index - 1, err);
    return rc;
}

enum ak_code ak_search_show_rest(const struct ak_search_show *show, struct ak_search_log *log,
                                 struct ak_error *err)
{
    if (show->context == 0 || !log->shown || log->after <= log->last)
        return AK_OK;
    return print_neighbours(show, log, log->last + 1, log->after, err);
}

enum ak_code ak_search_show_hit(const struct ak_search_show *show, struct ak_search_log *log,
                                const struct ak_search_hit *hit, struct ak_error *err)
{
    enum ak_code rc = print_before(show, log, hit->entry.index, err);

    if (rc == AK_OK)
        rc = print_entry(show, log, &hit->entry, &hit->match, err);
    log->after = hit->entry.index + show->context;
    return rc;
}

enum ak_code ak_search_show_again(const struct ak_search_show *show, struct ak_search_log *log,
                                  uint64_t index, const struct ak_match *match,
                                  struct ak_error *err)
{
    bool found;

    return print_read(show, log, index, match, &found, err);
}

/* ---- Findings and results ---- */

void ak_search_show_finding(const struct ak_search_log *log, const struct ak_finding *finding)
{
    fprintf(stderr, "%s: log ", ak_finding_info(finding->code)->name);
    ak_show_text(stderr, ak_search_log_name(log));
    if (finding->has_range && finding->end - finding->begin == 1)
        fprintf(stderr, ", entry %" PRIu64, finding->begin);
    else if (finding->has_range)
        fprintf(stderr, ", entries %" PRIu64 "-%" PRIu64, finding->begin, finding->end - 1);
    if (finding->has_offset) {
        fputs(", ", stderr);
        ak_show_text(stderr, finding->file);
        fprintf(stderr, ", byte %" PRIu64, finding->offset);
    }
    fputs(": ", stderr);
    ak_show_text(stderr, finding->text);
    fputc('\n', stderr);
}

enum ak_verdict ak_search_verdict(const struct ak_search_log *log)
{
    enum ak_verdict verdict = log->result.claim.verdict;

    if ((log->failed || ak_prover_key(log->prover) == NULL) && verdict < AK_NOT_CHECKABLE)
        verdict = AK_NOT_CHECKABLE;
    return verdict;
}

static void print_basis(const struct ak_search_log *log)
{
    const struct ak_search_result *r = &log->result;
    char a[AK_SHOW_NUMBER_BYTES];
    char b[AK_SHOW_NUMBER_BYTES];

    if (ak_prover_key(log->prover) == NULL) {
        fputs("not checked: without --key nothing says whether this is what was signed, or all of "
              "it\n",
              stderr);
    } else {
        fprintf(stderr,
                "checked: %s records searched against the signed tree, %s by the digests of their "
                "sealed files, which entries of the log name\n",
                ak_show_count(a, r->by_tree), ak_show_count(b, r->by_file));
        if (r->searched > r->by_tree + r->by_file)
            fprintf(stderr, "NOT PROVEN: %s records searched\n",
                    ak_show_count(a, r->searched - r->by_tree - r->by_file));
    }
    if (r->absent > 0)
        fprintf(stderr, "not searchable: %s record%s without payload, erased or expired\n",
                ak_show_count(a, r->absent), ak_show_plural(r->absent));
    if (r->hits_unproven > 0)
        fprintf(stderr, "%s of the records found are NOT PROVEN\n",
                ak_show_count(a, r->hits_unproven));
}

void ak_search_show_result(const struct ak_search_show *show, const struct ak_search_log *log)
{
    const struct ak_search_result *r = &log->result;
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];
    char a[AK_SHOW_NUMBER_BYTES];
    char b[AK_SHOW_NUMBER_BYTES];

    if (log->failed) {
        fputs("cannot be searched: ", stderr);
        ak_show_text(stderr, log->err.text);
        fputc('\n', stderr);
    } else if (!show->quiet) {
        if (r->findings > AK_SEARCH_FINDINGS_TOLD_MAX)
            fprintf(stderr, "and %s more places like these\n",
                    ak_show_count(a, r->findings - AK_SEARCH_FINDINGS_TOLD_MAX));
        print_basis(log);
    }
    ak_show_verdict(stderr, ak_search_verdict(log), isatty(STDERR_FILENO) == 1);
    fprintf(stderr, " %s of %s record%s found, log ", ak_show_count(a, r->hits),
            ak_show_count(b, r->searched), ak_show_plural(r->searched));
    ak_show_text(stderr, ak_search_log_name(log));
    if (!log->failed && ak_prover_key(log->prover) != NULL)
        fprintf(stderr, ", key %s", ak_trust_fingerprint(ak_prover_key(log->prover), fingerprint));
    else
        fputs(", no key given", stderr);
    fputs(ak_pick_is_exercise(log->place) ? ", EXERCISE / 訓練\n" : "\n", stderr);
}
