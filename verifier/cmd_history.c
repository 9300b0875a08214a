/* cmd_history.c - whether two checkpoints tell one history.
 *
 * Happy path: both are read, compared, with a store by what its hashes lead to, and the result is
 * said with all that signed. A fork is kept, if asked for, as a file that proves itself; given that
 * file alone, the command judges it. */
#include "commands.h"

#include "claim_show.h"
#include "output.h"
#include "show.h"

#include <akashi/base64.h>
#include <akashi/format.h>
#include <akashi/history.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct compared {
    const struct ak_options *options;
    struct ak_trust trust;
    char *old_note; /* or the proof of a fork */
    size_t old_len;
    char *new_note;
    size_t new_len;
    char *epoch_note;
    size_t epoch_note_len;
    struct ak_history history;
    struct ak_quorum quorum[2]; /* of the old and the new one */
    bool kept;                  /* the proof was written */
};

static struct ak_history_trust trust_of(const struct compared *c)
{
    return (struct ak_history_trust){c->trust.keys, c->trust.key_count, c->epoch_note,
                                     c->epoch_note_len};
}

static enum ak_code read_all(struct compared *c, struct ak_error *err)
{
    const struct ak_options *o = c->options;
    const char *epoch = ak_options_value(o, AK_OPTION_EPOCH);
    size_t max = o->word_count == 1 ? AK_FORK_BYTES_MAX : AK_NOTE_BYTES_MAX;
    enum ak_code rc = ak_trust_read_file(o->words[0], max, &c->old_note, &c->old_len, err);

    if (rc == AK_OK && o->word_count == 2)
        rc = ak_trust_read_file(o->words[1], AK_NOTE_BYTES_MAX, &c->new_note, &c->new_len, err);
    if (rc == AK_OK && epoch != NULL)
        rc = ak_trust_read_file(epoch, AK_EPOCH_NOTE_BYTES_MAX, &c->epoch_note, &c->epoch_note_len,
                                err);
    return rc;
}

static enum ak_code compare(struct compared *c, enum ak_log_tree_manner manner,
                            struct ak_error *err)
{
    struct ak_history_trust trust = trust_of(c);
    const char *store = ak_options_value(c->options, AK_OPTION_STORE);
    struct ak_log_tree *tree = NULL;
    enum ak_code rc = AK_OK;

    ak_history_free(&c->history);
    if (store != NULL)
        rc = ak_log_tree_open(&tree, store, ak_options_value(c->options, AK_OPTION_LOG), manner,
                              err);
    if (rc == AK_OK)
        rc = ak_history_compare(&c->history, c->old_note, c->old_len, c->new_note, c->new_len,
                                &trust, tree, err);
    ak_log_tree_close(tree);
    return rc;
}

/* What is derived in a store may be wrong where what is signed is right. */
static enum ak_code compare_somehow(struct compared *c, struct ak_error *err)
{
    enum ak_code rc = compare(c, AK_LOG_TREE_QUICK, err);
    bool again = rc == AK_OK ? c->history.claim.told && !c->history.forked
                             : rc == AK_ENOTFOUND || rc == AK_EMALFORMED || rc == AK_EIO;

    if (!again || ak_options_value(c->options, AK_OPTION_STORE) == NULL)
        return rc;
    return compare(c, AK_LOG_TREE_CAREFUL, err);
}

/* What the policy demands of both sides: one history that no witness has seen is none to rely on.
 */
static void judge_quorums(struct compared *c)
{
    struct ak_history *h = &c->history;

    for (int i = AK_HISTORY_OLD; c->trust.policy != NULL && i <= AK_HISTORY_NEW; i++) {
        if (h->side[i].log_line == AK_LINE_VALID)
            ak_policy_claim(c->trust.policy, h->side[i].note, h->side[i].len, &h->claim,
                            &c->quorum[i]);
    }
}

/* A kept proof: it must be one, and then it says FORKED. */
static void judge_kept(struct compared *c)
{
    struct ak_history *h = &c->history;
    struct ak_history_trust trust = trust_of(c);
    struct ak_error why = {0};

    if (ak_fork_parse(&h->fork, c->old_note, c->old_len, &why) != AK_OK) {
        ak_claim_fail(&h->claim, AK_FINDING_MALFORMED, "", "%s", why.text);
        return;
    }
    ak_fork_judge(&h->fork, &trust, &h->claim, &h->key, &h->key_given);
    h->forked = h->claim.told && h->claim.code == AK_FINDING_FORKED;
    h->side[AK_HISTORY_OLD] = h->fork.smaller;
    h->side[AK_HISTORY_NEW] = h->fork.larger;
    h->smaller = AK_HISTORY_OLD;
    h->larger = AK_HISTORY_NEW;
}

static enum ak_code keep_fork(struct compared *c, struct ak_error *err)
{
    const char *path = ak_options_value(c->options, AK_OPTION_OUTPUT);
    char *text;
    size_t len;
    FILE *file;
    enum ak_code rc;

    if (path == NULL || !c->history.forked)
        return AK_OK;
    text = malloc(AK_FORK_BYTES_MAX + 1);
    if (text == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a proof");
    rc = ak_fork_format(text, AK_FORK_BYTES_MAX + 1, &len, &c->history.fork, err);
    if (rc == AK_OK)
        rc = ak_output_open(path, ak_options_has(c->options, AK_OPTION_FORCE), &file, err);
    if (rc == AK_OK) {
        (void)fwrite(text, 1, len, file);
        rc = ak_output_close(file, path, err);
    }
    c->kept = rc == AK_OK;
    free(text);
    return rc;
}

static const char *line_word(enum ak_line line)
{
    static const char *const words[] = {
        [AK_LINE_NONE] = "none",
        [AK_LINE_UNCHECKED] = "not checked",
        [AK_LINE_VALID] = "valid",
        [AK_LINE_NONSTRICT] = "not valid, though only the key's holder can have made it",
        [AK_LINE_INVALID] = "not valid"};

    return words[line];
}

static const char *side_word(const struct compared *c, int i)
{
    if (c->options->word_count == 1)
        return i == AK_HISTORY_OLD ? "first" : "second";
    return i == AK_HISTORY_OLD ? "old" : i == AK_HISTORY_NEW ? "new" : "store";
}

static void print_side(const struct compared *c, int i)
{
    const struct ak_history_side *side = &c->history.side[i];
    char number[AK_SHOW_NUMBER_BYTES];
    char root[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];

    if (side->checkpoint.origin[0] == '\0')
        return;
    (void)ak_base64_encode(root, sizeof(root), side->checkpoint.root.b, AK_HASH_BYTES);
    ak_claim_show_label(stdout, side_word(c, i));
    printf("%s entr%s, root %s\n", ak_show_count(number, side->checkpoint.size),
           side->checkpoint.size == 1 ? "y" : "ies", root);
    if (!c->history.key_given)
        return;
    ak_claim_show_label(stdout, "");
    printf("line of the log's key: %s", line_word(side->log_line));
    if (side->epoch_line != AK_LINE_NONE)
        printf("; of the key of epoch %" PRIu32 ": %s", side->epoch, line_word(side->epoch_line));
    fputc('\n', stdout);
    if (i != AK_HISTORY_STORE)
        ak_claim_show_quorum(stdout, &c->quorum[i]);
}

static void print_consistency(const struct ak_history *h)
{
    char text[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];

    if (!h->proven)
        return;
    if (h->consistency_count == 0) {
        printf("One size, one root: they say the same.\n");
        return;
    }
    printf("Consistency proof from %" PRIu64 " to %" PRIu64 ", out of the store (RFC 9162):\n",
           h->side[AK_HISTORY_OLD].checkpoint.size < h->side[AK_HISTORY_NEW].checkpoint.size
               ? h->side[AK_HISTORY_OLD].checkpoint.size
               : h->side[AK_HISTORY_NEW].checkpoint.size,
           h->side[AK_HISTORY_OLD].checkpoint.size < h->side[AK_HISTORY_NEW].checkpoint.size
               ? h->side[AK_HISTORY_NEW].checkpoint.size
               : h->side[AK_HISTORY_OLD].checkpoint.size);
    for (unsigned i = 0; i < h->consistency_count; i++) {
        (void)ak_base64_encode(text, sizeof(text), h->consistency[i].b, AK_HASH_BYTES);
        printf("  %s\n", text);
    }
}

static void print_advice(const struct compared *c)
{
    const struct ak_history *h = &c->history;
    const char *path = ak_options_value(c->options, AK_OPTION_OUTPUT);

    if (h->proven &&
        h->side[AK_HISTORY_OLD].checkpoint.size > h->side[AK_HISTORY_NEW].checkpoint.size)
        printf("The one called old is the larger: it was signed later.\n");
    if (h->claim.verdict == AK_VALID &&
        (h->side[0].epoch_line != AK_LINE_VALID || h->side[1].epoch_line != AK_LINE_VALID))
        ak_show_wrapped(stdout,
                        "Lines of epochs' keys were not all checked: the log's key alone stands "
                        "for this. With --store, or a start note (--epoch FILE), they are.",
                        0, 0);
    if (c->kept) {
        fputs("Both checkpoints and what shows the contradiction were kept in ", stdout);
        ak_show_text(stdout, path);
        fputs("; akashi-verify history FILE --key VKEY judges it.\n", stdout);
    } else if (h->forked && c->options->word_count == 2) {
        printf("Keep this: -o FILE writes both checkpoints with what shows the contradiction.\n");
    }
}

static void print_result(const struct compared *c)
{
    const struct ak_history *h = &c->history;
    const char *origin = h->side[AK_HISTORY_OLD].checkpoint.origin;
    bool colour = isatty(STDOUT_FILENO) == 1;
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];

    if (!ak_options_has(c->options, AK_OPTION_QUIET)) {
        ak_claim_show_program(stdout);
        fputs("log ", stdout);
        ak_show_text(stdout, origin[0] != '\0' ? origin : "not known");
        fputc('\n', stdout);
        ak_claim_show_exercise(stdout, origin);
        for (int i = AK_HISTORY_OLD; i <= AK_HISTORY_STORE; i++)
            print_side(c, i);
        ak_claim_show_finding(stdout, &h->claim, colour);
        print_consistency(h);
        print_advice(c);
    }
    ak_show_verdict(stdout, h->claim.verdict, colour);
    if (h->forked)
        printf(" FORKED: sizes %" PRIu64 " and %" PRIu64, h->fork.smaller.checkpoint.size,
               h->fork.larger.checkpoint.size);
    else
        fputs(h->claim.verdict == AK_VALID ? " one history" : " not shown to be one history",
              stdout);
    if (h->key_given)
        printf(", log %s, key %s", h->key.name, ak_trust_fingerprint(&h->key, fingerprint));
    fputs(ak_claim_is_exercise(origin) ? ", EXERCISE / 訓練\n" : "\n", stdout);
}

static void put_side(struct ak_json_out *out, const char *name, const struct ak_history_side *side,
                     const struct ak_quorum *quorum)
{
    char root[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];

    if (side->checkpoint.origin[0] == '\0')
        return;
    (void)ak_base64_encode(root, sizeof(root), side->checkpoint.root.b, AK_HASH_BYTES);
    ak_json_out_open(out, name, '{');
    ak_json_out_uint(out, "size", side->checkpoint.size);
    ak_json_out_string(out, "root", root);
    ak_json_out_string(out, "log_line", line_word(side->log_line));
    ak_json_out_string(out, "epoch_line", line_word(side->epoch_line));
    if (side->epoch_line != AK_LINE_NONE)
        ak_json_out_uint(out, "epoch", side->epoch);
    if (quorum != NULL)
        ak_claim_json_quorum(out, quorum);
    ak_json_out_close(out, '}');
}

static void put_result(const struct compared *c, const struct ak_error *err)
{
    const struct ak_history *h = &c->history;
    const char *origin = h->side[AK_HISTORY_OLD].checkpoint.origin;
    const char *path = ak_options_value(c->options, AK_OPTION_OUTPUT);
    struct ak_json_out out;

    ak_json_out_init(&out, stdout);
    ak_claim_json_begin(&out, &h->claim, err);
    (void)ak_json_out_text(&out, "origin", origin, strlen(origin));
    ak_json_out_bool(&out, "exercise", ak_claim_is_exercise(origin));
    for (int i = AK_HISTORY_OLD; i <= AK_HISTORY_STORE; i++)
        put_side(&out, side_word(c, i), &h->side[i], i == AK_HISTORY_STORE ? NULL : &c->quorum[i]);
    ak_json_out_bool(&out, "forked", h->forked);
    if (h->forked && c->options->word_count == 2) {
        ak_json_out_string(&out, "smaller", side_word(c, (int)h->smaller));
        ak_json_out_string(&out, "larger", side_word(c, (int)h->larger));
    }
    ak_json_out_bool(&out, "proven", h->proven);
    ak_json_out_open(&out, "consistency", '[');
    for (unsigned i = 0; i < h->consistency_count; i++)
        ak_json_out_base64(&out, NULL, h->consistency[i].b, AK_HASH_BYTES);
    ak_json_out_close(&out, ']');
    if (c->kept && path != NULL)
        (void)ak_json_out_text(&out, "proof", path, strlen(path));
    ak_claim_json_end(&out);
}

enum ak_code ak_cmd_history(const struct ak_options *options, int *status, struct ak_error *err)
{
    struct compared *c = calloc(1, sizeof(*c));
    struct ak_check_options unused;
    enum ak_code rc;

    if (c == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to compare");
    c->options = options;
    rc = options->count[AK_OPTION_LOG] > 1
             ? ak_fail(err, AK_EUSAGE, "history speaks of one log: give --log once")
             : ak_cmd_prepare(options, &c->trust, &unused, err);
    if (rc == AK_OK)
        rc = read_all(c, err);
    if (rc == AK_OK && options->word_count == 2)
        rc = compare_somehow(c, err);
    else if (rc == AK_OK)
        judge_kept(c);
    if (rc == AK_OK && options->word_count == 2) {
        judge_quorums(c);
        rc = keep_fork(c, err);
    }
    if (ak_options_has(options, AK_OPTION_JSON))
        put_result(c, rc == AK_OK ? NULL : err);
    else if (rc == AK_OK)
        print_result(c);
    *status = ak_verdict_exit(c->history.claim.verdict);
    ak_history_free(&c->history);
    ak_trust_free(&c->trust);
    free(c->old_note);
    free(c->new_note);
    free(c->epoch_note);
    free(c);
    return rc;
}
