/* cmd_order.c - orders of authorities, on the authority's own machine: made, signed by one and then
 * by another, shown (docs/format.md 10.5).
 *
 * No network is needed, and nothing of a store but, for a succession, its first entries. Who
 * carries the order out checks it again, and so does everybody who verifies the log later. */
#include "commands.h"

#include "output.h"
#include "show.h"
#include "text.h"
#include "when.h"

#include <akashi/epoch.h>
#include <akashi/nearest.h>
#include <akashi/log_tree.h>
#include <akashi/order.h>
#include <akashi/signing_key.h>
#include <akashi/succession.h>
#include <akashi/tree.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_US 1000u

/* Everything that one run needs; about 100 KiB. */
struct work {
    struct ak_order order;
    struct ak_note note;
    char text[AK_ORDER_NOTE_BYTES_MAX + 1];
    char out[AK_ORDER_NOTE_BYTES_MAX + 1];
};

static enum ak_code load_key(const struct ak_options *options, struct ak_signing_key **key,
                             struct ak_error *err)
{
    const char *path = ak_options_value(options, AK_OPTION_SIGN);
    enum ak_code rc;

    if (path == NULL)
        return ak_fail(err, AK_EUSAGE,
                       "--sign KEYFILE is missing: the private key of who signs, as `akashi-verify "
                       "key new` makes it");
    rc = ak_signing_key_load(key, path, err);
    if (rc != AK_OK)
        ak_wrap(err, "--sign");
    return rc;
}

static enum ak_code write_out(const struct ak_options *options, const char *data, size_t len,
                              struct ak_error *err)
{
    const char *path = ak_options_value(options, AK_OPTION_OUTPUT);
    FILE *file;
    enum ak_code rc;

    if (path == NULL)
        return ak_fail(err, AK_EUSAGE, "-o FILE is missing: where the signed order is written");
    rc = ak_output_open(path, ak_options_has(options, AK_OPTION_FORCE), &file, err);
    if (rc != AK_OK)
        return rc;
    (void)fwrite(data, 1, len, file);
    return ak_output_close(file, path, err);
}

/* ---- showing ---- */

static void show_line(const char *name, const char *text, size_t len)
{
    printf("%-10s ", name);
    ak_show_data(stdout, text, len);
    printf("\n");
}

static void show_order(const struct ak_order *order)
{
    char a[AK_SHOW_NUMBER_BYTES];
    char b[AK_SHOW_NUMBER_BYTES];
    char vkey[AK_VKEY_TEXT_BYTES_MAX];

    printf("order      to %s, number %" PRIu64 "\n", ak_order_action_name(order->action),
           order->number);
    show_line("log", order->origin, strlen(order->origin));
    for (unsigned i = 0; i < order->range_count; i++)
        printf("entries    %s to %s\n", ak_show_count(a, order->range[i].first),
               ak_show_count(b, order->range[i].last));
    if (order->action == AK_ORDER_SUCCEED) {
        show_line("goes on", order->from, strlen(order->from));
        printf("old log    %s entries are there, %s behind them are lost\n",
               ak_show_count(a, order->size), ak_show_count(b, order->lost));
    }
    if (order->key_count > 0)
        printf("quorum     %u of these keys must sign from then on\n", order->quorum);
    for (unsigned i = 0; i < order->key_count; i++) {
        (void)ak_vkey_format(vkey, sizeof(vkey), &order->key[i]);
        show_line("key", vkey, strlen(vkey));
    }
    show_line("case", order->case_text, order->case_len);
    show_line("reason", order->reason, order->reason_len);
}

/* What a line is worth by the keys that were given. */
static const char *judge_line(const struct ak_note *note, unsigned i, const struct ak_trust *trust,
                              unsigned *good, unsigned *bad)
{
    struct ak_note one = *note;

    one.count = 1;
    one.sig[0] = note->sig[i];
    for (size_t k = 0; k < trust->authority_count; k++) {
        const struct ak_vkey *key = &trust->authorities[k];
        bool verified = false;
        if (strlen(key->name) != note->sig[i].name_len || key->id != note->sig[i].id ||
            memcmp(key->name, note->sig[i].name, note->sig[i].name_len) != 0)
            continue;
        if (ak_note_verify(&one, key, 1, &verified, NULL) == AK_OK && verified) {
            (*good)++;
            return "good";
        }
        (*bad)++;
        return "NOT GOOD: it is not a signature of this text";
    }
    return trust->authority_count == 0 ? "not checked" : "not checked: no such key was given";
}

static int show_signatures(const struct ak_note *note, const struct ak_trust *trust)
{
    enum ak_verdict verdict = AK_VALID;
    unsigned good = 0;
    unsigned bad = 0;

    for (unsigned i = 0; i < note->count; i++) {
        const char *worth = judge_line(note, i, trust, &good, &bad);
        printf("signed by  ");
        ak_show_data(stdout, note->sig[i].name, note->sig[i].name_len);
        printf(" (key ID %08" PRIx32 "): %s\n", note->sig[i].id, worth);
    }
    if (bad > 0)
        verdict = AK_INVALID;
    else if (trust->authority_count == 0)
        verdict = AK_NOT_CHECKABLE;
    else if (good == 0)
        verdict = AK_INCOMPLETE;
    printf("%s order: %u of %u signature%s good by the keys that were given with --authority. How "
           "many must sign, whether its number is new and whether anything of it is held, only the "
           "log says.\n",
           ak_verdict_name(verdict), good, note->count, note->count == 1 ? " is" : "s are");
    return ak_verdict_exit(verdict);
}

static enum ak_code read_order(struct work *w, const char *path, size_t *len, struct ak_error *err)
{
    char *data;
    enum ak_code rc = ak_trust_read_file(path, AK_ORDER_NOTE_BYTES_MAX, &data, len, err);

    if (rc != AK_OK)
        return rc;
    memcpy(w->text, data, *len);
    free(data);
    rc = ak_order_parse(&w->order, &w->note, w->text, *len, err);
    if (rc != AK_OK)
        ak_wrap(err, "%s", path);
    return rc;
}

static enum ak_code show(const struct ak_options *options, struct work *w, int *status,
                         struct ak_error *err)
{
    struct ak_trust trust = {0};
    size_t len;
    enum ak_code rc = AK_OK;

    if (options->word_count != 2)
        return ak_fail(err, AK_EUSAGE,
                       "order show wants one file; for example: akashi-verify order "
                       "show order.note --authority ito.vkey");
    for (size_t i = 0; rc == AK_OK && i < options->count[AK_OPTION_AUTHORITY]; i++)
        rc = ak_trust_add_authority(&trust, options->value[AK_OPTION_AUTHORITY][i], err);
    if (rc == AK_OK)
        rc = read_order(w, options->words[1], &len, err);
    if (rc == AK_OK) {
        show_order(&w->order);
        *status = show_signatures(&w->note, &trust);
    }
    ak_trust_free(&trust);
    return rc;
}

/* ---- signing one that others have signed ---- */

static enum ak_code sign(const struct ak_options *options, struct work *w, struct ak_error *err)
{
    struct ak_signing_key *key = NULL;
    size_t len;
    size_t n;
    enum ak_code rc;

    if (options->word_count != 2)
        return ak_fail(
            err, AK_EUSAGE,
            "order sign wants one file; for example: akashi-verify order sign order.note "
            "--sign sato.key -o order2.note");
    rc = read_order(w, options->words[1], &len, err);
    if (rc == AK_OK)
        rc = load_key(options, &key, err);
    if (rc == AK_OK)
        rc = ak_signing_key_add(key, w->text, len, w->out, sizeof(w->out), &n, err);
    if (rc == AK_OK)
        rc = write_out(options, w->out, n, err);
    if (rc == AK_OK) {
        show_order(&w->order);
        printf("signed     by ");
        ak_show_text(stdout, ak_signing_key_vkey(key)->name);
        printf(", and by %u before\n", w->note.count);
    }
    ak_signing_key_free(key);
    return rc;
}

/* ---- making one ---- */

/* The origin is the name of the log's key. */
static enum ak_code take_origin(const struct ak_options *options, struct ak_order *order,
                                struct ak_error *err)
{
    struct ak_trust trust = {0};
    enum ak_code rc = AK_OK;

    for (size_t i = 0; rc == AK_OK && i < options->count[AK_OPTION_KEY]; i++)
        rc = ak_trust_add_key(&trust, options->value[AK_OPTION_KEY][i], err);
    if (rc == AK_OK &&
        (trust.key_count != 1 ||
         ak_origin_check(trust.keys[0].name, strlen(trust.keys[0].name), NULL) != AK_OK))
        rc = ak_fail(err, AK_EUSAGE,
                     "--key wants the key of the one log that the order is for, as the operator "
                     "gives it out: its name is the log's origin");
    if (rc == AK_OK)
        memcpy(order->origin, trust.keys[0].name, strlen(trust.keys[0].name) + 1);
    ak_trust_free(&trust);
    return rc;
}

/* "17,20-29": indices and ranges, in any order. */
static enum ak_code take_ranges(const struct ak_options *options, struct ak_order *order,
                                struct ak_error *err)
{
    const char *text = ak_options_value(options, AK_OPTION_INDEX);
    const char *at = text;

    while (at != NULL && *at != '\0') {
        struct ak_order_range *range = &order->range[order->range_count];
        size_t len = strcspn(at, ",");
        size_t dash = strcspn(at, "-,");
        struct ak_text last = {dash < len ? at + dash + 1 : at, dash < len ? len - dash - 1 : len};
        if (order->range_count == AK_ORDER_RANGES_MAX)
            return ak_fail(err, AK_EUSAGE, "--index: an order has at most %u ranges",
                           AK_ORDER_RANGES_MAX);
        if (!ak_text_decimal((struct ak_text){at, dash}, AK_TREE_SIZE_MAX, &range->first) ||
            !ak_text_decimal(last, AK_TREE_SIZE_MAX, &range->last) || range->first > range->last)
            return ak_fail(err, AK_EUSAGE,
                           "--index %s: write A-B with A not above B, both ends in, or one index; "
                           "several with commas between",
                           text);
        order->range_count++;
        at += len;
        at += *at == ',';
    }
    if (order->range_count == 0)
        return ak_fail(err, AK_EUSAGE, "--index A-B is missing: which entries the order is about");
    order->range_count = ak_order_ranges_join(order->range, order->range_count);
    return AK_OK;
}

static enum ak_code take_keys(const struct ak_options *options, struct ak_order *order,
                              struct ak_error *err)
{
    struct ak_trust trust = {0};
    uint64_t quorum = 2;
    enum ak_code rc = AK_OK;

    if (options->word_count == 2 &&
        !ak_text_decimal((struct ak_text){options->words[1], strlen(options->words[1])},
                         AK_ORDER_KEYS_MAX, &quorum))
        rc = ak_fail(err, AK_EUSAGE, "order authority %s: how many must sign is a number",
                     options->words[1]);
    for (size_t i = 0; rc == AK_OK && i < options->count[AK_OPTION_AUTHORITY]; i++)
        rc = ak_trust_add_authority(&trust, options->value[AK_OPTION_AUTHORITY][i], err);
    if (rc == AK_OK && trust.authority_count > AK_ORDER_KEYS_MAX)
        rc = ak_fail(err, AK_EUSAGE, "an order names at most %u keys", AK_ORDER_KEYS_MAX);
    if (rc == AK_OK && trust.authority_count > 0) {
        order->key_count = (unsigned)trust.authority_count;
        memcpy(order->key, trust.authorities, trust.authority_count * sizeof(order->key[0]));
    }
    order->quorum = (unsigned)quorum;
    ak_trust_free(&trust);
    return rc;
}

struct more {
    struct ak_succession *first;
    struct ak_succession again; /* room */
};

/* A further event of the same succession: what it adds is lost too. */
static enum ak_code on_event(void *ctx, const struct ak_log_tree_entry *entry, struct ak_error *err)
{
    struct more *more = ctx;
    void *object = NULL;

    (void)err;
    if (entry->state == AK_STATE_PRESENT &&
        ak_succession_read(&more->again, &object, entry->payload, entry->len, NULL) == AK_OK &&
        ak_succession_same(more->first, &more->again) && more->again.known > more->first->known)
        more->first->known = more->again.known;
    ak_succession_done(object);
    return AK_OK;
}

static enum ak_code take_more(struct ak_log_tree *tree, struct ak_succession *first,
                              struct ak_error *err)
{
    struct more *more = malloc(sizeof(*more));
    enum ak_code rc;

    if (more == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory");
    more->first = first;
    rc = ak_log_tree_each(tree, 1u << AK_KIND_EVENT, on_event, more, err);
    free(more);
    return rc;
}

/* What the successor's events say: it is what will be compared with the order. */
static enum ak_code take_succession(const struct ak_options *options, struct ak_order *order,
                                    struct ak_error *err)
{
    struct ak_log_tree_entry entry;
    struct ak_succession *s = malloc(sizeof(*s));
    struct ak_log_tree *tree = NULL;
    void *object = NULL;
    enum ak_code rc = s == NULL ? ak_fail(err, AK_ENOMEM, "no memory")
                      : !ak_options_has(options, AK_OPTION_STORE)
                          ? ak_fail(err, AK_EUSAGE,
                                    "--store DIR is missing: the store, or a copy of it, with the "
                                    "successor's first entries")
                          : ak_log_tree_open(&tree, ak_options_value(options, AK_OPTION_STORE),
                                             ak_origin_id(order->origin), AK_LOG_TREE_QUICK, err);

    if (rc == AK_OK)
        rc = ak_log_tree_entry(tree, AK_SUCCESSION_INDEX, &entry, err);
    if (rc == AK_OK && (entry.entry.kind != AK_KIND_EVENT || entry.state != AK_STATE_PRESENT ||
                        ak_succession_read(s, &object, entry.payload, entry.len, NULL) != AK_OK))
        rc =
            ak_fail(err, AK_EUSAGE,
                    "the log that --key names goes on from no other: its entry 1 is no succession");
    if (rc == AK_OK)
        rc = take_more(tree, s, err);
    if (rc == AK_OK) {
        memcpy(order->from, s->origin, sizeof(order->from));
        order->size = s->size;
        order->lost = ak_succession_lost(s);
    }
    ak_succession_done(object);
    ak_log_tree_close(tree);
    free(s);
    return rc;
}

static enum ak_code take_subject(const struct ak_options *options, struct ak_order *order,
                                 struct ak_error *err)
{
    if (order->action == AK_ORDER_AUTHORITY)
        return take_keys(options, order, err);
    if (order->action == AK_ORDER_SUCCEED)
        return take_succession(options, order, err);
    return take_ranges(options, order, err);
}

static enum ak_code take_words(const struct ak_options *options, struct ak_order *order,
                               struct ak_error *err)
{
    order->case_text = ak_options_value(options, AK_OPTION_CASE);
    order->reason = ak_options_value(options, AK_OPTION_REASON);
    if (order->case_text == NULL || order->reason == NULL)
        return ak_fail(err, AK_EUSAGE,
                       "--case ID and --reason TEXT are missing: they stand in the log for good");
    order->case_len = strlen(order->case_text);
    order->reason_len = strlen(order->reason);
    return AK_OK;
}

static enum ak_code make(const struct ak_options *options, enum ak_order_action action,
                         struct work *w, struct ak_error *err)
{
    struct ak_signing_key *key = NULL;
    size_t len;
    size_t n;
    enum ak_code rc = take_origin(options, &w->order, err);

    w->order.action = action;
    w->order.number = ak_when_now() / NS_PER_US; /* rises without anybody keeping count */
    if (rc == AK_OK && options->word_count > 1 && action != AK_ORDER_AUTHORITY)
        rc = ak_fail(err, AK_EUSAGE, "order %s takes no more words", options->words[0]);
    if (rc == AK_OK)
        rc = take_subject(options, &w->order, err);
    if (rc == AK_OK)
        rc = take_words(options, &w->order, err);
    if (rc == AK_OK)
        rc = ak_order_text(&w->order, w->text, sizeof(w->text), &len, err);
    if (rc == AK_OK)
        rc = load_key(options, &key, err);
    if (rc == AK_OK)
        rc = ak_signing_key_note(key, w->text, len, w->out, sizeof(w->out), &n, err);
    if (rc == AK_OK)
        rc = write_out(options, w->out, n, err);
    if (rc == AK_OK) {
        show_order(&w->order);
        printf("signed     by ");
        ak_show_text(stdout, ak_signing_key_vkey(key)->name);
        printf("\n");
    }
    ak_signing_key_free(key);
    return rc;
}

enum ak_code ak_cmd_order(const struct ak_options *options, int *status, struct ak_error *err)
{
    static const char *const orders[] = {"erase",   "hold", "release", "authority",
                                         "succeed", "sign", "show"};
    const char *word = options->words[0];
    enum ak_order_action action;
    struct work *w = calloc(1, sizeof(*w));
    const char *near;
    enum ak_code rc;

    *status = 0;
    if (w == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory");
    near = ak_nearest(word, strlen(word), orders, sizeof(orders) / sizeof(orders[0]));
    if (strcmp(word, "show") == 0)
        rc = show(options, w, status, err);
    else if (strcmp(word, "sign") == 0)
        rc = sign(options, w, err);
    else if (ak_order_action_find(word, strlen(word), &action) && action != AK_ORDER_EXPIRE)
        rc = make(options, action, w, err);
    else if (near != NULL)
        rc =
            ak_fail(err, AK_EUSAGE, "there is no 'order %s'; did you mean 'order %s'?", word, near);
    else
        rc = ak_fail(
            err, AK_EUSAGE,
            "order wants erase, hold, release, authority, succeed, sign or show; for example: %s",
            options->command->example);
    free(w);
    return rc;
}
