/* report_json.c - the report as one JSON object: for programs, so everything that was kept is in
 * it. Names of members and codes are stable. Times are given twice, as text and in nanoseconds. */
#include "cosigners.h"
#include "jsonout.h"
#include "report.h"
#include "self.h"
#include "trust.h"
#include "when.h"

#include <akashi/base64.h>

#include <string.h>

static void put_time(struct ak_json_out *out, const char *name, const char *name_ns, uint64_t ns)
{
    char text[AK_WHEN_TEXT_BYTES];

    ak_json_out_string(out, name, ak_when_format(text, ns));
    ak_json_out_uint(out, name_ns, ns);
}

static void put_text(struct ak_json_out *out, const char *name, const char *text)
{
    (void)ak_json_out_text(out, name, text, strlen(text));
}

/* Names joined by line feeds, as an array. */
static void put_names(struct ak_json_out *out, const char *name, const char *names)
{
    ak_json_out_open(out, name, '[');
    for (const char *at = names; at != NULL && *at != '\0';) {
        size_t len = strcspn(at, "\n");
        (void)ak_json_out_text(out, NULL, at, len);
        at += len + (at[len] == '\n');
    }
    ak_json_out_close(out, ']');
}

static void put_finding(struct ak_json_out *out, const struct ak_finding *finding)
{
    const struct ak_finding_info *info = ak_finding_info(finding->code);

    ak_json_out_open(out, NULL, '{');
    ak_json_out_string(out, "code", info->name);
    ak_json_out_string(out, "verdict", info->remark ? "remark" : ak_verdict_name(info->verdict));
    ak_json_out_string(out, "rule", finding->rule);
    put_text(out, "text", finding->text);
    put_text(out, "file", finding->file);
    if (finding->has_offset)
        ak_json_out_uint(out, "offset", finding->offset);
    if (finding->has_range) {
        ak_json_out_uint(out, "begin", finding->begin);
        ak_json_out_uint(out, "end", finding->end);
    }
    if (finding->has_time) {
        put_time(out, "from", "from_ns", finding->from);
        put_time(out, "until", "until_ns", finding->until);
    }
    ak_json_out_open(out, "sources", '[');
    for (unsigned i = 0; i < finding->source_count; i++)
        ak_json_out_uint(out, NULL, finding->sources[i]);
    ak_json_out_close(out, ']');
    ak_json_out_bool(out, "more_sources", finding->more_sources);
    ak_json_out_close(out, '}');
}

static void put_findings(struct ak_json_out *out, const struct ak_check_log *log)
{
    ak_json_out_open(out, "findings", '[');
    for (size_t i = 0; i < log->finding_count; i++)
        put_finding(out, &log->findings[i]);
    ak_json_out_close(out, ']');
    ak_json_out_uint(out, "findings_left_off", log->findings_left_off);
    ak_json_out_open(out, "codes", '{');
    for (unsigned code = 0; code < AK_FINDING_CODES; code++) {
        if (log->code_counts[code] > 0)
            ak_json_out_uint(out, ak_finding_info((enum ak_finding_code)code)->name,
                             log->code_counts[code]);
    }
    ak_json_out_close(out, '}');
}

static void put_proven(struct ak_json_out *out, const struct ak_check_log *log)
{
    ak_json_out_open(out, "proven", '[');
    for (size_t i = 0; i < log->range_count; i++) {
        ak_json_out_open(out, NULL, '[');
        ak_json_out_uint(out, NULL, log->ranges[i].begin);
        ak_json_out_uint(out, NULL, log->ranges[i].end);
        ak_json_out_close(out, ']');
    }
    ak_json_out_close(out, ']');
    ak_json_out_uint(out, "proven_left_off", log->ranges_left_off);
    ak_json_out_uint(out, "proven_entries", log->proven);
    ak_json_out_uint(out, "proven_prefix", log->proven_prefix);
}

static void put_identity(struct ak_json_out *out, const struct ak_check_log *log)
{
    static const char *const kinds[] = {"log", "segment", "checkpoint"};
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];
    char vkey[AK_VKEY_TEXT_BYTES_MAX];

    ak_json_out_string(out, "kind", kinds[log->kind]);
    put_text(out, "path", log->path);
    put_text(out, "name", log->name);
    put_text(out, "origin", log->origin);
    put_text(out, "id", log->id);
    ak_json_out_bool(out, "exercise", log->exercise);
    if (log->key_given) {
        (void)ak_vkey_format(vkey, sizeof(vkey), &log->key);
        ak_json_out_string(out, "key", vkey);
        ak_json_out_string(out, "key_fingerprint", ak_trust_fingerprint(&log->key, fingerprint));
    } else {
        ak_json_out_null(out, "key");
    }
}

static void put_counts(struct ak_json_out *out, const struct ak_report *report,
                       const struct ak_check_log *log)
{
    ak_json_out_uint(out, "segments", log->segments);
    ak_json_out_uint(out, "files", log->files);
    ak_json_out_uint(out, "bytes_read", log->bytes_read);
    ak_json_out_uint(out, "first", log->first);
    ak_json_out_uint(out, "size", log->size);
    ak_json_out_uint(out, "entries", log->entries);
    ak_json_out_uint(out, "records", log->records - log->fragments);
    ak_json_out_uint(out, "fragments", log->fragments);
    ak_json_out_uint(out, "events", log->events);
    ak_json_out_uint(out, "sources", log->sources);
    ak_json_out_uint(out, "tail_entries", log->tail_entries);
    ak_json_out_uint(out, "tail_bytes", log->tail_bytes);
    if (!log->has_time)
        return;
    put_time(out, "from", "from_ns", log->first_time);
    put_time(out, "to", "to_ns", log->last_time);
    if (report->now >= log->last_time)
        ak_json_out_uint(out, "age_s", (report->now - log->last_time) / AK_WHEN_SECOND);
}

static void put_checkpoint(struct ak_json_out *out, const struct ak_check_log *log)
{
    char root[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];
    char time[AK_WHEN_TEXT_BYTES];

    ak_json_out_bool(out, "compared_with_kept_checkpoint", log->kept_used);
    if (log->quorum != NULL) {
        put_text(out, "quorum", log->quorum);
        ak_json_out_uint(out, "witnessed_size", log->witnessed_size);
    }
    if (log->witnessed_size > 0) {
        ak_json_out_string(out, "existed_by", ak_when_format_seconds(time, log->existed_by));
        ak_json_out_uint(out, "existed_by_s", log->existed_by);
        put_names(out, "witnessed_by", log->witnessed_by);
    }
    if (log->stamps > 0) {
        ak_json_out_uint(out, "stamps", log->stamps);
        ak_json_out_uint(out, "stamps_counted", log->stamps_counted);
    }
    if (log->bound_count > 0) {
        const struct ak_check_bound *last = &log->bounds[log->bound_count - 1];
        ak_json_out_uint(out, "stamped_size", last->size);
        ak_json_out_string(out, "stamped_existed_by",
                           ak_when_format_seconds(time, last->existed_by));
        ak_json_out_uint(out, "stamped_existed_by_s", last->existed_by);
        put_text(out, "stamped_by", log->stamped_by);
    }
    if (log->renewals > 0) {
        ak_json_out_uint(out, "renewals", log->renewals);
        ak_json_out_uint(out, "renewals_counted", log->renewals_counted);
    }
    if (log->renewals_counted > 0) {
        ak_json_out_uint(out, "renewed_size", log->renewed.size);
        ak_json_out_string(out, "renewed_existed_by",
                           ak_when_format_seconds(time, log->renewed.by));
        ak_json_out_uint(out, "renewed_existed_by_s", log->renewed.by);
        ak_json_out_uint(out, "renewed_files", log->renewed.files);
        ak_json_out_uint(out, "renewed_replaced", log->renewed.replaced);
        ak_json_out_uint(out, "renewed_in_time", log->renewed.in_time);
        ak_json_out_uint(out, "renewed_late", log->renewed.late);
        put_text(out, "renewed_by", log->renewed_by);
    }
    if (log->anchor_count > 0) {
        const struct ak_check_anchor *last = &log->anchors[log->anchor_count - 1];
        ak_json_out_uint(out, "anchored_behind", last->index);
        ak_json_out_string(out, "logged_after", ak_when_format_seconds(time, last->after));
        ak_json_out_uint(out, "logged_after_s", last->after);
    }
    if (!log->has_checkpoint) {
        ak_json_out_null(out, "checkpoint");
        return;
    }
    (void)ak_base64_encode(root, sizeof(root), log->checkpoint_root.b, AK_HASH_BYTES);
    ak_json_out_open(out, "checkpoint", '{');
    ak_json_out_uint(out, "size", log->checkpoint_size);
    ak_json_out_string(out, "root", root);
    ak_json_out_close(out, '}');
}

static void put_log(struct ak_json_out *out, const struct ak_report *report,
                    const struct ak_check_log *log)
{
    ak_json_out_open(out, NULL, '{');
    put_identity(out, log);
    ak_json_out_string(out, "verdict", ak_verdict_name(log->verdict));
    put_counts(out, report, log);
    put_proven(out, log);
    put_findings(out, log);
    put_checkpoint(out, log);
    if (log->kind == AK_CHECK_CHECKPOINT && log->checkpoint_note != NULL)
        ak_cosigners_json(out, log->checkpoint_note, log->checkpoint_len, report->policy);
    ak_json_out_close(out, '}');
}

void ak_report_json(const struct ak_report *report, const struct ak_check *check,
                    const struct ak_error *error)
{
    enum ak_verdict verdict = check == NULL ? AK_NOT_CHECKABLE : check->verdict;
    struct ak_json_out out;

    ak_json_out_init(&out, report->file);
    ak_json_out_open(&out, NULL, '{');
    ak_self_json_program(&out);
    if (report->now != 0)
        put_time(&out, "clock", "clock_ns", report->now);
    ak_json_out_string(&out, "verdict", ak_verdict_name(verdict));
    ak_json_out_uint(&out, "exit_status", (uint64_t)ak_verdict_exit(verdict));
    if (error != NULL)
        put_text(&out, "error", error->text);
    if (report->saved != NULL)
        put_text(&out, "saved_checkpoint", report->saved);
    if (report->not_saved != NULL)
        ak_json_out_string(&out, "checkpoint_not_saved", report->not_saved);
    ak_json_out_open(&out, "logs", '[');
    for (size_t i = 0; check != NULL && i < check->count; i++)
        put_log(&out, report, &check->logs[i]);
    ak_json_out_close(&out, ']');
    ak_json_out_close(&out, '}');
    fputc('\n', report->file);
}
