/* cmd_search.c - finding records in the logs of several paths.
 *
 * Happy path: what is looked for is compiled, keys are read, the logs are gone through one after
 * the other in the order in which they were named, each by all threads, and hits are printed as
 * they come; with --sort time they are put in order first, as places without text. */
#include "commands.h"

#include "log_quorum.h"
#include "extsort.h"
#include "jsonout.h"
#include "output.h"
#include "pattern_list.h"
#include "pick.h"
#include "progress.h"
#include "report.h"
#include "search_show.h"
#include "self.h"
#include "show.h"
#include "store_list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Logs of one search: paths are typed, and a store has at most AK_LIST_LOGS_MAX. */
#define LOGS_MAX 65536u

/* Logs that are open at a time to be merged; each takes some 6 MiB. */
#define SORT_LOGS_MAX 64u

/* Memory for hits that are put in order; what is more goes to a file without a name in --tmp. */
#define SORT_MEMORY 33554432u

/* A hit that is put in order: received, number of the log, index, what matched, and in what. */
#define ITEM_BYTES (8u + 4u + 8u + 4u + 1u + 1u)

struct search {
    const struct ak_options *options;
    struct ak_search how;
    struct ak_search_show show;
    struct ak_matcher *matcher;
    char *list; /* of -f */
    struct ak_pattern_string *strings;
    struct ak_check_options check; /* keys and jobs */
    struct ak_log_places *places;  /* one list for each path */
    size_t path_count;
    struct ak_search_log *logs;
    size_t log_count;
    size_t at; /* the log that is searched */
    struct ak_sorter *sorter;
    struct ak_progress progress;
    struct ak_check_progress done;
};

/* ---- What is asked for ---- */

static enum ak_code read_list(struct search *s, struct ak_wanted *wanted, struct ak_error *err)
{
    const char *path = ak_options_value(s->options, AK_OPTION_FILE);
    size_t count;
    enum ak_code rc =
        ak_trust_read_file(path, AK_PATTERN_LIST_BYTES_MAX, &s->list, &wanted->list_len, err);

    if (rc != AK_OK)
        return rc;
    wanted->list = s->list;
    rc = ak_pattern_list_parse(&s->strings, &count, s->list, wanted->list_len, err);
    if (rc != AK_OK)
        ak_wrap(err, "-f %s", path);
    s->show.strings = s->strings;
    return rc;
}

static enum ak_code compile(struct search *s, struct ak_error *err)
{
    const struct ak_options *options = s->options;
    bool list = ak_options_has(options, AK_OPTION_FILE);
    struct ak_wanted wanted = {.fixed = ak_options_has(options, AK_OPTION_FIXED),
                               .ignore_case = ak_options_has(options, AK_OPTION_IGNORE_CASE)};
    const char *encoding = ak_options_value(options, AK_OPTION_ENCODING);
    enum ak_code rc = AK_OK;

    if (encoding != NULL && (wanted.encodings = ak_charset_set(encoding)) == 0)
        return ak_fail(err, AK_EUSAGE,
                       "--encoding %s: write utf-8, shift_jis, euc-jp, iso-2022-jp, utf-16 or auto",
                       encoding);

    s->path_count = options->word_count - (list ? 0 : 1);
    if (s->path_count == 0)
        return ak_fail(err, AK_EUSAGE,
                       "search wants a path and what to look for, or -f FILE; for example: %s",
                       options->command->example);
    if (list)
        rc = read_list(s, &wanted, err);
    else
        wanted.pattern = options->words[s->path_count];
    if (rc == AK_OK)
        rc = ak_matcher_compile(&s->matcher, &wanted, err);
    if (rc == AK_OK && !s->show.quiet && ak_matcher_note(s->matcher)[0] != '\0') {
        ak_show_text(stderr, ak_matcher_note(s->matcher));
        fputc('\n', stderr);
    }
    if (rc != AK_OK && s->strings != NULL && rc != AK_EUNSUPPORTED)
        ak_wrap(err, "-f %s", ak_options_value(options, AK_OPTION_FILE));
    return rc;
}

static enum ak_code parse_show(struct search *s, struct ak_error *err)
{
    const struct ak_options *options = s->options;
    unsigned modes = (unsigned)ak_options_has(options, AK_OPTION_JSONL) +
                     ak_options_has(options, AK_OPTION_JSON) +
                     ak_options_has(options, AK_OPTION_COUNT_ONLY);
    const char *sort = ak_options_value(options, AK_OPTION_SORT);
    enum ak_code rc = AK_OK;

    s->show.out = stdout;
    s->show.out_name = "standard output";
    s->show.quiet = ak_options_has(options, AK_OPTION_QUIET);
    s->show.fields = ak_options_has(options, AK_OPTION_FIELDS);
    s->show.mode = ak_options_has(options, AK_OPTION_JSONL)        ? AK_SEARCH_JSONL
                   : ak_options_has(options, AK_OPTION_JSON)       ? AK_SEARCH_JSON
                   : ak_options_has(options, AK_OPTION_COUNT_ONLY) ? AK_SEARCH_COUNT
                                                                   : AK_SEARCH_LINES;
    if (modes > 1)
        return ak_fail(err, AK_EUSAGE, "--json, --jsonl and --count exclude each other");
    if (sort != NULL && strcmp(sort, "time") != 0 && strcmp(sort, "index") != 0)
        return ak_fail(err, AK_EUSAGE, "--sort %s: write time, or index (log by log)", sort);
    if (ak_options_has(options, AK_OPTION_CONTEXT))
        rc = ak_options_number(options, AK_OPTION_CONTEXT, AK_SEARCH_CONTEXT_MAX, &s->show.context,
                               err);
    if (rc == AK_OK && s->show.context > 0 && sort != NULL && strcmp(sort, "time") == 0)
        rc = ak_fail(err, AK_EUSAGE,
                     "--context shows neighbours of a log, --sort time mixes logs: give one of "
                     "them");
    return rc;
}

static bool sorts(const struct search *s)
{
    const char *sort = ak_options_value(s->options, AK_OPTION_SORT);

    return sort != NULL && strcmp(sort, "time") == 0 &&
           (s->show.mode == AK_SEARCH_LINES || s->show.mode == AK_SEARCH_JSONL);
}

/* ---- Logs ---- */

static enum ak_code list_path(struct search *s, size_t i, struct ak_error *err)
{
    size_t wanted = s->options->count[AK_OPTION_LOG];
    struct ak_log_places *places = &s->places[i];
    enum ak_code rc = ak_log_places_list(s->options->words[i],
                                         wanted > 0 ? s->options->value[AK_OPTION_LOG] : NULL,
                                         wanted, places, err);

    if (rc == AK_OK && places->count == 0)
        rc = ak_fail(err, AK_ENOTFOUND, "%s holds no log", s->options->words[i]);
    return rc;
}

static enum ak_code list_logs(struct search *s, struct ak_error *err)
{
    size_t count = 0;
    enum ak_code rc = AK_OK;

    s->places = calloc(s->path_count, sizeof(*s->places));
    if (s->places == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a list of logs");
    for (size_t i = 0; i < s->path_count && rc == AK_OK; i++) {
        rc = list_path(s, i, err);
        count += s->places[i].count;
    }
    if (rc == AK_OK && count > LOGS_MAX)
        rc = ak_fail(err, AK_ELIMIT, "more than %u logs", LOGS_MAX);
    if (rc == AK_OK && sorts(s) && count > SORT_LOGS_MAX)
        rc = ak_fail(err, AK_ELIMIT, "--sort time takes at most %u logs: pick some with --log",
                     SORT_LOGS_MAX);
    if (rc != AK_OK)
        return rc;
    s->logs = calloc(count, sizeof(*s->logs));
    if (s->logs == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a list of logs");
    for (size_t i = 0; i < s->path_count; i++) {
        for (size_t k = 0; k < s->places[i].count; k++)
            s->logs[s->log_count++].place = &s->places[i].place[k];
    }
    return AK_OK;
}

/* ---- Hits ---- */

static void put_be(uint8_t *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

static uint64_t get_be(const uint8_t *p, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | p[i];
    return value;
}

static enum ak_code on_hit(void *ctx, const struct ak_search_hit *hit, struct ak_error *err)
{
    struct search *s = ctx;
    uint8_t item[ITEM_BYTES];

    if (s->show.mode == AK_SEARCH_COUNT || s->show.mode == AK_SEARCH_JSON)
        return AK_OK;
    if (s->sorter == NULL)
        return ak_search_show_hit(&s->show, &s->logs[s->at], hit, err);
    put_be(item, hit->entry.entry.received, 8);
    put_be(item + 8, s->at, 4);
    put_be(item + 12, hit->entry.index, 8);
    put_be(item + 20, hit->match.pattern, 4);
    item[24] = hit->match.found;
    item[25] = (uint8_t)hit->match.charset;
    return ak_sorter_add(s->sorter, item, err);
}

static void on_finding(void *ctx, const struct ak_finding *finding)
{
    struct search *s = ctx;
    struct ak_search_log *log = &s->logs[s->at];
    bool told = ak_finding_info(finding->code)->remark
                    ? !s->show.quiet
                    : log->result.findings <= AK_SEARCH_FINDINGS_TOLD_MAX;

    if (s->show.mode != AK_SEARCH_JSON && told)
        ak_search_show_finding(log, finding);
}

static void on_total(void *ctx, uint64_t bytes)
{
    struct search *s = ctx;

    s->done.bytes_total += bytes;
}

static void on_bytes(void *ctx, uint64_t bytes)
{
    struct search *s = ctx;

    s->done.bytes_done += bytes;
    ak_progress_show(&s->progress, &s->done);
}

/* ---- One log ---- */

/* What --source means here; the declarations that say so must be proven. */
static enum ak_code pick_sources(struct search *s, struct ak_search_log *log, uint32_t **selected,
                                 struct ak_finding *finding, struct ak_error *err)
{
    size_t unproven = 0;
    enum ak_code rc;

    *selected = NULL;
    finding->has_range = false;
    s->how.filter.sources = NULL;
    s->how.filter.source_count = 0;
    if (!ak_options_has(s->options, AK_OPTION_SOURCE))
        return AK_OK;
    rc = ak_search_names_all(&log->names, &unproven, err);
    if (rc == AK_OK)
        rc = ak_pick_sources(s->options, &log->names.table, selected, &s->how.filter.source_count,
                             err);
    s->how.filter.sources = *selected;
    if (rc == AK_OK && unproven > 0 && ak_prover_key(log->prover) != NULL) {
        memset(finding, 0, sizeof(*finding));
        finding->code = AK_FINDING_MISSING;
        finding->rule = "";
        finding->has_range = true; /* it is one */
        (void)snprintf(finding->text, sizeof(finding->text),
                       "%zu declaration%s of sources cannot be proven: --source may have left "
                       "records out",
                       unproven, ak_show_plural(unproven));
    }
    return rc;
}

/* R43: what was searched behind the newest checkpoint with the quorum. */
static enum ak_code judge_quorum(struct search *s, struct ak_search_log *log, struct ak_error *err)
{
    const struct ak_policy *policy = s->check.policy;
    struct ak_finding finding = {.code = AK_FINDING_QUORUM, .rule = "R43"};
    struct ak_log_quorum quorum;
    enum ak_code rc;

    if (policy == NULL || strcmp(ak_policy_quorum_name(policy), "none") == 0 ||
        ak_prover_key(log->prover) == NULL)
        return AK_OK;
    rc = ak_log_quorum_find(log->place->path, &s->check, &quorum, err);
    if (rc != AK_OK || log->result.end <= quorum.size)
        return rc;
    finding.has_range = true;
    finding.begin = quorum.size;
    finding.end = log->result.end;
    (void)snprintf(finding.text, sizeof(finding.text),
                   "no checkpoint that covers them and was found has the quorum %s",
                   ak_policy_quorum_name(policy));
    ak_claim_fail(&log->result.claim, finding.code, finding.rule, "%s", finding.text);
    log->result.findings++;
    on_finding(s, &finding);
    return AK_OK;
}

static enum ak_code search_open_log(struct search *s, struct ak_search_log *log,
                                    struct ak_error *err)
{
    struct ak_finding finding = {0};
    uint32_t *selected = NULL;
    enum ak_code rc = pick_sources(s, log, &selected, &finding, err);

    if (rc == AK_OK)
        rc = ak_search_log(&s->how, log->place->path,
                           ak_prover_key(log->prover) == NULL ? NULL : log->prover, &log->result,
                           err);
    if (rc == AK_OK && finding.has_range) {
        finding.has_range = false;
        ak_claim_fail(&log->result.claim, finding.code, "", "%s", finding.text);
        log->result.findings++;
        on_finding(s, &finding);
    }
    if (rc == AK_OK)
        rc = judge_quorum(s, log, err);
    if (rc == AK_OK && s->sorter == NULL && s->show.mode <= AK_SEARCH_JSONL)
        rc = ak_search_show_rest(&s->show, log, err);
    free(selected);
    return rc;
}

static void close_log(struct ak_search_log *log)
{
    ak_search_names_free(&log->names);
    ak_prover_free(log->prover);
    log->prover = NULL;
}

/* A log that cannot be read at all is one result among others. */
static enum ak_code search_log(struct search *s, struct ak_search_log *log, struct ak_error *err)
{
    enum ak_code rc =
        ak_prover_new(&log->prover, log->place->path, s->check.keys, s->check.key_count, &log->err);

    log->failed = rc != AK_OK;
    log->names.prover = log->prover;
    if (rc == AK_ENOMEM)
        return ak_fail(err, rc, "%s", log->err.text);
    if (log->failed)
        return AK_OK;
    return search_open_log(s, log, err);
}

/* ---- Results ---- */

static void put_finding(struct ak_json_out *out, const struct ak_claim *claim)
{
    if (!claim->told) {
        ak_json_out_null(out, "finding");
        return;
    }
    ak_json_out_open(out, "finding", '{');
    ak_json_out_string(out, "code", ak_finding_info(claim->code)->name);
    (void)ak_json_out_text(out, "text", claim->text, strlen(claim->text));
    ak_json_out_close(out, '}');
}

static void put_log(struct ak_json_out *out, const struct ak_search_log *log, bool key)
{
    const struct ak_search_result *r = &log->result;
    enum ak_verdict verdict = ak_search_verdict(log);

    ak_json_out_open(out, NULL, '{');
    ak_pick_json(out, log->place);
    ak_json_out_string(out, "verdict", ak_verdict_name(verdict));
    ak_json_out_bool(out, "key_given", key);
    ak_json_out_uint(out, "found", r->hits);
    ak_json_out_uint(out, "found_not_proven", r->hits_unproven);
    ak_json_out_uint(out, "searched", r->searched);
    ak_json_out_uint(out, "checked_by_tree", r->by_tree);
    ak_json_out_uint(out, "checked_by_file", r->by_file);
    ak_json_out_uint(out, "not_searchable", r->absent);
    ak_json_out_uint(out, "erased", r->erased);
    ak_json_out_uint(out, "findings", r->findings);
    put_finding(out, &r->claim);
    if (log->failed)
        (void)ak_json_out_text(out, "error", log->err.text, strlen(log->err.text));
    ak_json_out_close(out, '}');
}

static void print_count(const struct ak_search_log *log)
{
    ak_show_text(stdout, ak_search_log_name(log));
    printf(" %" PRIu64 "\n", log->result.hits);
}

static void print_log(const struct search *s, const struct ak_search_log *log,
                      struct ak_json_out *out)
{
    if (s->show.mode == AK_SEARCH_JSON) {
        put_log(out, log, !log->failed && ak_prover_key(log->prover) != NULL);
        return;
    }
    if (s->show.mode == AK_SEARCH_COUNT)
        print_count(log);
    ak_search_show_result(&s->show, log);
}

/* Hits that were put in order, each read again. */
static enum ak_code print_sorted(struct search *s, struct ak_error *err)
{
    const uint8_t *item;
    enum ak_code rc = ak_sorter_next(s->sorter, &item, err);

    while (rc == AK_OK && item != NULL) {
        struct ak_match match = {.found = item[24] != 0,
                                 .pattern = (uint32_t)get_be(item + 20, 4),
                                 .charset = (enum ak_charset)item[25]};
        rc = ak_search_show_again(&s->show, &s->logs[get_be(item + 8, 4)], get_be(item + 12, 8),
                                  &match, err);
        if (rc == AK_OK)
            rc = ak_sorter_next(s->sorter, &item, err);
    }
    return rc;
}

static enum ak_code search_all(struct search *s, int *status, struct ak_error *err)
{
    enum ak_verdict worst = AK_VALID;
    struct ak_json_out out;
    enum ak_code rc = AK_OK;

    ak_json_out_init(&out, stdout);
    if (s->show.mode == AK_SEARCH_JSON)
        ak_self_json(&out);
    for (s->at = 0; s->at < s->log_count && rc == AK_OK; s->at++) {
        struct ak_search_log *log = &s->logs[s->at];
        if (ak_pick_is_exercise(log->place) && !s->show.quiet)
            fputs("EXERCISE / 訓練\n", stderr);
        rc = search_log(s, log, err);
        ak_progress_end(&s->progress);
        if (rc != AK_OK)
            break;
        if (ak_search_verdict(log) > worst)
            worst = ak_search_verdict(log);
        if (s->sorter == NULL) {
            print_log(s, log, &out);
            close_log(log);
        }
    }
    if (rc == AK_OK && s->sorter != NULL)
        rc = print_sorted(s, err);
    for (size_t i = 0; rc == AK_OK && s->sorter != NULL && i < s->log_count; i++)
        print_log(s, &s->logs[i], &out);
    if (s->show.mode == AK_SEARCH_JSON)
        ak_self_json_end(&out);
    *status = ak_verdict_exit(worst);
    return rc;
}

static enum ak_code prepare(struct search *s, struct ak_trust *trust, struct ak_error *err)
{
    const char *tmp = ak_options_value(s->options, AK_OPTION_TMP);
    enum ak_code rc = parse_show(s, err);

    if (rc == AK_OK)
        rc = compile(s, err);
    if (rc == AK_OK)
        rc = ak_cmd_filter(s->options, &s->how.filter, err);
    if (rc == AK_OK)
        rc = ak_cmd_prepare(s->options, trust, &s->check, err);
    if (rc == AK_OK)
        rc = list_logs(s, err);
    if (rc == AK_OK)
        rc = ak_tasks_new(&s->how.tasks, s->check.jobs, err);
    if (rc == AK_OK && sorts(s))
        rc = ak_sorter_new(&s->sorter, tmp == NULL ? "/tmp" : tmp, ITEM_BYTES, SORT_MEMORY, err);
    s->how.matcher = s->matcher;
    s->how.authorities = s->check.authorities;
    s->how.authority_count = s->check.authority_count;
    s->how.invert = ak_options_has(s->options, AK_OPTION_INVERT);
    s->how.full = ak_options_has(s->options, AK_OPTION_FULL);
    s->how.ctx = s;
    s->how.on_hit = on_hit;
    s->how.on_finding = on_finding;
    s->how.on_total = on_total;
    s->how.on_bytes = on_bytes;
    return rc;
}

static void release(struct search *s)
{
    for (size_t i = 0; i < s->log_count; i++)
        close_log(&s->logs[i]);
    for (size_t i = 0; s->places != NULL && i < s->path_count; i++)
        ak_log_places_free(&s->places[i]);
    free(s->logs);
    free(s->places);
    ak_sorter_free(s->sorter);
    ak_tasks_free(s->how.tasks);
    ak_matcher_free(s->matcher);
    free(s->strings);
    free(s->list);
}

enum ak_code ak_cmd_search(const struct ak_options *options, int *status, struct ak_error *err)
{
    struct search s = {.options = options};
    struct ak_trust trust = {0};
    enum ak_code rc = prepare(&s, &trust, err);

    ak_progress_begin(&s.progress, !s.show.quiet && isatty(STDOUT_FILENO) == 0);
    if (rc == AK_OK)
        rc = search_all(&s, status, err);
    ak_progress_end(&s.progress);
    release(&s);
    ak_trust_free(&trust);
    return rc;
}
