/* cmd_if_stolen.c - if-stolen: suppose that everything on the collector's machine was copied at
 * some moment; what stays proven in spite of it, by whom, and what does not.
 *
 * The log is checked as by `check`; what others have signed after the moment does not count. */
#include "commands.h"

#include "claim_show.h"
#include "if_stolen.h"
#include "jsonout.h"
#include "self.h"
#include "show.h"
#include "text.h"
#include "when.h"

#include <akashi/tree.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum ak_code read_moment(const struct ak_options *options, struct ak_check_options *how,
                                struct ak_error *err)
{
    const char *at = ak_options_value(options, AK_OPTION_AT);
    const char *size = ak_options_value(options, AK_OPTION_SIZE);
    enum ak_code rc;

    if ((at != NULL) == (size != NULL))
        return ak_fail(err, AK_EUSAGE,
                       "say when everything was copied: --at TIME, or --size N, the number of "
                       "entries that the log had then");
    if (at != NULL) {
        rc = ak_when_parse(at, how->now, &how->copied_at, err);
        if (rc == AK_OK && how->copied_at == 0)
            rc = ak_fail(err, AK_EUSAGE, "no log had a key then");
        if (rc != AK_OK)
            ak_wrap(err, "--at");
        return rc;
    }
    rc = ak_options_number(options, AK_OPTION_SIZE, AK_TREE_SIZE_MAX, &how->copied_size, err);
    if (rc == AK_OK && how->copied_size == 0)
        rc = ak_fail(err, AK_EUSAGE, "--size 0: a log has an entry from its making on");
    return rc;
}

/* ---- in words ---- */

/* Proven entries of [begin, end) as ranges. */
static void print_ranges(const struct ak_check_log *log, uint64_t begin, uint64_t end)
{
    const char *between = "entries ";

    for (size_t i = 0; i < log->range_count; i++) {
        uint64_t a = log->ranges[i].begin > begin ? log->ranges[i].begin : begin;
        uint64_t b = log->ranges[i].end < end ? log->ranges[i].end : end;
        if (a >= b)
            continue;
        printf("%s%" PRIu64 "-%" PRIu64, between, a, b - 1);
        between = ", ";
    }
}

static void print_part(const struct ak_check_log *log, const char *label, uint64_t begin,
                       uint64_t end, uint64_t count, const char *ground, const char *premise)
{
    char number[AK_SHOW_NUMBER_BYTES];

    if (count == 0)
        return;
    ak_claim_show_label(stdout, label);
    print_ranges(log, begin, end);
    printf(" (%s)%s%s\n    ", ak_show_count(number, count), ground[0] == '\0' ? "" : ": ", ground);
    ak_show_wrapped(stdout, premise, 4, 4);
}

static void print_others(const struct ak_check_log *log, const struct ak_if_stolen *s,
                         const struct ak_check_options *how)
{
    const char *premise =
        how->copied_at > 0
            ? "Whoever has the copy cannot change these entries: others had signed for them "
              "before it was made, and a log that differs has no such signature."
            : "Whoever has the copy cannot change these entries, if it was made later than the "
              "time named here: others had signed for them by then.";
    char ground[2 * AK_WHEN_TEXT_BYTES + 64];
    char time[AK_WHEN_TEXT_BYTES];

    if (s->cosigned >= s->stamped) {
        (void)snprintf(ground, sizeof(ground), "cosigned by a quorum of witnesses by %s",
                       ak_when_format_seconds(time, s->cosigned_by));
        print_part(log, "stand", 0, s->cosigned, s->by_others, ground, premise);
    } else {
        (void)snprintf(ground, sizeof(ground), "stamped by %s",
                       ak_when_format_seconds(time, s->stamped_by));
        print_part(log, "stand", 0, s->stamped, s->by_others, ground, premise);
    }
}

static void print_log(const struct ak_check_log *log, const struct ak_if_stolen *s,
                      const struct ak_check_options *how)
{
    uint64_t others = s->cosigned > s->stamped ? s->cosigned : s->stamped;
    uint64_t behind = others > s->erased ? others : s->erased;
    char ground[64] = "";

    printf("\nlog ");
    ak_show_text(stdout, log->origin[0] != '\0' ? log->origin : log->path);
    fputc('\n', stdout);
    ak_claim_show_exercise(stdout, log->origin);
    if (log->verdict >= AK_NOT_CHECKABLE) {
        ak_show_wrapped(stdout,
                        "The log itself is not good, or cannot be judged: see `akashi-verify "
                        "check`. Of what is proven all the same:",
                        0, 0);
    }
    print_others(log, s, how);
    if (log->has_copied)
        (void)snprintf(ground, sizeof(ground), "epochs before %" PRIu32, log->copied_epoch);
    print_part(log, "if erased", others, s->erased, s->by_erasure, ground,
               "Holds if erasure worked: the keys of these epochs were gone from memory and disk, "
               "and no snapshot, backup or cell of an SSD keeps them. And by the log's own word "
               "when its epochs ended: whoever has the copy can write that the epoch of then ended "
               "before. Rely on it up to an epoch that you know from elsewhere.");
    print_part(log, "exposed", behind, UINT64_MAX, s->exposed, "",
               "Whoever has the copy can have made these entries, or others in their place. "
               "Nothing here tells them from the true ones.");
}

static void print_result(const struct ak_check_log *log, const struct ak_if_stolen *s)
{
    char a[AK_SHOW_NUMBER_BYTES];
    char b[AK_SHOW_NUMBER_BYTES];
    char c[AK_SHOW_NUMBER_BYTES];
    char d[AK_SHOW_NUMBER_BYTES];
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];

    ak_show_verdict(stdout, s->verdict, isatty(STDOUT_FILENO) == 1);
    printf(" %s of %s proven entries stand by others, %s if erasure worked, %s do not",
           ak_show_count(a, s->by_others), ak_show_count(b, log->proven),
           ak_show_count(c, s->by_erasure), ak_show_count(d, s->exposed));
    fputs(", log ", stdout);
    ak_show_text(stdout, log->name[0] != '\0' ? log->name : log->path);
    if (log->key_given)
        printf(", key %s", ak_trust_fingerprint(&log->key, fingerprint));
    fputs(ak_claim_is_exercise(log->origin) ? ", EXERCISE / 訓練\n" : "\n", stdout);
}

static void print_moment(const struct ak_check_options *how)
{
    char time[AK_WHEN_TEXT_BYTES];
    char number[AK_SHOW_NUMBER_BYTES];

    ak_claim_show_program(stdout);
    if (how->copied_at > 0)
        printf("Supposed: everything on the collector's machine was copied at %s.\n",
               ak_when_format(time, how->copied_at));
    else
        printf("Supposed: everything on the collector's machine was copied when the log had %s "
               "entr%s.\n",
               ak_show_count(number, how->copied_size), how->copied_size == 1 ? "y" : "ies");
}

/* ---- as JSON ---- */

static void put_time(struct ak_json_out *out, const char *name, uint64_t seconds)
{
    char time[AK_WHEN_TEXT_BYTES];

    ak_json_out_string(out, name, ak_when_format_seconds(time, seconds));
}

static void put_log(struct ak_json_out *out, const struct ak_check_log *log,
                    const struct ak_if_stolen *s)
{
    ak_json_out_open(out, NULL, '{');
    (void)ak_json_out_text(out, "path", log->path, strlen(log->path));
    (void)ak_json_out_text(out, "name", log->name, strlen(log->name));
    (void)ak_json_out_text(out, "origin", log->origin, strlen(log->origin));
    ak_json_out_bool(out, "exercise", ak_claim_is_exercise(log->origin));
    ak_json_out_string(out, "verdict", ak_verdict_name(s->verdict));
    ak_json_out_string(out, "check", ak_verdict_name(log->verdict));
    ak_json_out_uint(out, "proven", log->proven);
    ak_json_out_uint(out, "by_others", s->by_others);
    ak_json_out_uint(out, "by_erasure", s->by_erasure);
    ak_json_out_uint(out, "exposed", s->exposed);
    ak_json_out_uint(out, "cosigned_size", s->cosigned);
    if (s->cosigned > 0)
        put_time(out, "cosigned_by", s->cosigned_by);
    ak_json_out_uint(out, "stamped_size", s->stamped);
    if (s->stamped > 0)
        put_time(out, "stamped_by", s->stamped_by);
    ak_json_out_uint(out, "erased_size", s->erased);
    if (log->has_copied)
        ak_json_out_uint(out, "epoch", log->copied_epoch);
    ak_json_out_close(out, '}');
}

static void put_all(const struct ak_check *check, const struct ak_if_stolen *s,
                    enum ak_verdict verdict, const struct ak_error *error)
{
    struct ak_json_out out;

    ak_json_out_init(&out, stdout);
    ak_json_out_open(&out, NULL, '{');
    ak_self_json_program(&out);
    ak_json_out_string(&out, "verdict", ak_verdict_name(verdict));
    ak_json_out_uint(&out, "exit_status", (uint64_t)ak_verdict_exit(verdict));
    if (error != NULL)
        (void)ak_json_out_text(&out, "error", error->text, strlen(error->text));
    ak_json_out_open(&out, "logs", '[');
    for (size_t i = 0; check != NULL && i < check->count; i++)
        put_log(&out, &check->logs[i], &s[i]);
    ak_json_out_close(&out, ']');
    ak_json_out_close(&out, '}');
    fputc('\n', stdout);
}

static void print_all(const struct ak_options *options, const struct ak_check *check,
                      const struct ak_if_stolen *s, const struct ak_check_options *how)
{
    bool quiet = ak_options_has(options, AK_OPTION_QUIET);

    if (!quiet)
        print_moment(how);
    for (size_t i = 0; i < check->count; i++) {
        if (!quiet)
            print_log(&check->logs[i], &s[i], how);
        print_result(&check->logs[i], &s[i]);
    }
}

enum ak_code ak_cmd_if_stolen(const struct ak_options *options, int *status, struct ak_error *err)
{
    struct ak_trust trust = {0};
    struct ak_check_options how = {0};
    struct ak_check *check = NULL;
    struct ak_if_stolen *s = NULL;
    enum ak_verdict verdict = AK_VALID;
    enum ak_code rc = ak_cmd_prepare(options, &trust, &how, err);

    if (rc == AK_OK)
        rc = read_moment(options, &how, err);
    if (rc == AK_OK)
        rc = ak_cmd_judge(options, options->words, options->word_count, &how, &check, err);
    if (rc == AK_OK) {
        s = calloc(check->count + 1, sizeof(*s));
        if (s == NULL)
            rc = ak_fail(err, AK_ENOMEM, "no memory");
    }
    for (size_t i = 0; rc == AK_OK && i < check->count; i++) {
        ak_if_stolen_judge(&check->logs[i], &how, &s[i]);
        if (s[i].verdict > verdict)
            verdict = s[i].verdict;
    }
    if (rc != AK_OK)
        verdict = AK_NOT_CHECKABLE;
    if (ak_options_has(options, AK_OPTION_JSON))
        put_all(rc == AK_OK ? check : NULL, s, verdict, rc == AK_OK ? NULL : err);
    else if (rc == AK_OK)
        print_all(options, check, s, &how);
    *status = ak_verdict_exit(verdict);
    free(s);
    ak_check_free(check);
    ak_trust_free(&trust);
    return rc;
}
