/* check_succession.c - a log that goes on from another one: what it says of that, whether an
 * authority confirms it, and whether the old log, if it is here, says the same (docs/format.md
 * 10.7, R51 to R54).
 *
 * The event is kept while the log is read. That it is proven, and which orders count, is known at
 * the end; the old log is another one of the same run and is compared when all were judged. */
#include "check_private.h"

#include <akashi/log_tree.h>
#include <akashi/order.h>
#include <akashi/succession.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static char *copy(const struct ak_payload *payload)
{
    char *text = malloc(payload->len + 1u);

    if (text == NULL)
        return NULL;
    memcpy(text, payload->p, payload->len);
    text[payload->len] = '\0';
    return text;
}

/* A further one: whether it speaks of the same log is judged when entry 1 is known to be proven. */
static enum ak_code keep_more(struct ak_check_log *log, uint64_t index,
                              const struct ak_payload *payload, struct ak_error *err)
{
    struct ak_check_told *more = log->succession_more;

    for (unsigned i = 0; i < log->succession_count; i++) {
        if (more[i].index == index) /* of a file that does not count */
            return AK_OK;
    }
    if (log->succession_count + 1 == AK_SUCCESSIONS_MAX)
        return ak_fail(err, AK_EMALFORMED, "more than %u successions in one log",
                       AK_SUCCESSIONS_MAX);
    more = realloc(more, (log->succession_count + 1u) * sizeof(*more));
    if (more == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a succession");
    log->succession_more = more;
    more += log->succession_count;
    *more = (struct ak_check_told){.index = index, .payload = copy(payload), .len = payload->len};
    if (more->payload == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a succession");
    log->succession_count++;
    return AK_OK;
}

enum ak_code ak_check_keep_succession(struct ak_check_state *state, uint64_t index,
                                      const struct ak_payload *payload, struct ak_error *err)
{
    struct ak_check_log *log = state->log;

    if (index != AK_SUCCESSION_INDEX)
        return keep_more(log, index, payload, err);
    if (log->succession != NULL) /* of a file that does not count: compared elsewhere */
        return AK_OK;
    log->succession = copy(payload);
    if (log->succession == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a succession");
    log->succession_len = payload->len;
    return AK_OK;
}

void ak_check_succession_free(struct ak_check_log *log)
{
    for (unsigned i = 0; i < log->succession_count; i++)
        free(log->succession_more[i].payload);
    free(log->succession_more);
    free(log->succession);
    log->succession_more = NULL;
    log->succession_count = 0;
    log->succession = NULL;
}

static struct ak_succession *read_payload(const char *payload, size_t len, void **object)
{
    struct ak_succession *s = malloc(sizeof(*s));

    *object = NULL;
    if (s != NULL && ak_succession_read(s, object, payload, len, NULL) == AK_OK)
        return s;
    free(s);
    return NULL;
}

static struct ak_succession *read_more(const struct ak_check_told *more, void **object)
{
    return read_payload(more->payload, more->len, object);
}

/* Reads what was kept, `known` by all of it; NULL if there is none. */
static struct ak_succession *read_kept(const struct ak_check_log *log, void **object)
{
    struct ak_succession *s = NULL;

    *object = NULL;
    if (log->succession != NULL)
        s = read_payload(log->succession, log->succession_len, object);
    for (unsigned i = 0; s != NULL && i < log->succession_count; i++) {
        void *other;
        struct ak_succession *more = read_more(&log->succession_more[i], &other);
        if (more != NULL && more->known > s->known)
            s->known = more->known;
        free(more);
        ak_succession_done(other);
    }
    return s;
}

/* Whether a further one, proven, speaks of what entry 1 does (R51). */
static bool goes_with(const struct ak_check_log *log, const struct ak_check_told *told)
{
    void *first_object = NULL;
    void *more_object = NULL;
    struct ak_succession *first =
        log->succession == NULL ? NULL
                                : read_payload(log->succession, log->succession_len, &first_object);
    struct ak_succession *more = read_more(told, &more_object);
    bool same = first != NULL && more != NULL && ak_succession_same(first, more);

    free(first);
    free(more);
    ak_succession_done(first_object);
    ak_succession_done(more_object);
    return same;
}

void ak_check_succession_settle(struct ak_check_state *state)
{
    struct ak_check_log *log = state->log;
    bool first = ak_check_proven(log, AK_SUCCESSION_INDEX);
    unsigned kept = 0;

    for (unsigned i = 0; i < log->succession_count; i++) {
        struct ak_check_told *told = &log->succession_more[i];
        bool counts = first && ak_check_proven(log, told->index);
        bool good = counts && goes_with(log, told);
        struct ak_finding finding;
        if (counts && !good) {
            finding = ak_finding_make(AK_FINDING_MALFORMED, "R51",
                                      "a further succession speaks of another log, or of more or "
                                      "less of it, than entry 1 does.");
            ak_finding_range(&finding, told->index, told->index + 1);
            ak_check_report(state, &finding);
        }
        if (good)
            log->succession_more[kept++] = *told;
        else
            free(told->payload);
    }
    log->succession_count = kept;
}

void ak_check_succession_order(struct ak_check_state *state, const struct ak_order *order)
{
    void *object;
    struct ak_succession *s = read_kept(state->log, &object);

    if (s != NULL && order->action == AK_ORDER_SUCCEED && strcmp(order->from, s->origin) == 0 &&
        order->size == s->size && order->lost == ak_succession_lost(s))
        state->succession_confirmed = true;
    free(s);
    ak_succession_done(object);
}

static struct ak_finding say(enum ak_finding_code code, const struct ak_succession *s,
                             const char *more)
{
    uint64_t lost = ak_succession_lost(s);

    if (lost == 0)
        return ak_finding_make(code, "R54",
                               "this log goes on from %s, which was closed with %" PRIu64
                               " entries; nothing is known to be lost between them.%s",
                               s->origin, s->size, more);
    return ak_finding_make(code, "R54",
                           "this log goes on from %s, which was closed with %" PRIu64
                           " entries, but was signed up to %" PRIu64 ": its entries %" PRIu64
                           " to %" PRIu64 " are lost.%s",
                           s->origin, s->size, s->known, s->size, s->known - 1, more);
}

void ak_check_succession_close(struct ak_check_state *state)
{
    struct ak_check_log *log = state->log;
    struct ak_succession *s = NULL;
    struct ak_finding finding;
    void *object = NULL;

    if (log->succession == NULL)
        return;
    if (ak_check_proven(log, AK_SUCCESSION_INDEX))
        s = read_kept(log, &object);
    if (s == NULL) { /* nobody has signed it: it says nothing */
        state->succession_unsigned = true;
        ak_check_succession_free(log);
        return;
    }
    finding = state->succession_confirmed
                  ? say(AK_FINDING_SUCCESSION, s, " An authority that you accept confirms it.")
                  : say(AK_FINDING_SUCCESSION_UNCONFIRMED, s,
                        " Only the operator says so: no order of an authority that you accept "
                        "confirms it.");
    ak_finding_range(&finding, AK_SUCCESSION_INDEX, AK_SUCCESSION_INDEX + 1);
    ak_check_report(state, &finding);
    free(s);
    ak_succession_done(object);
}

/* ---- against the old log */

struct comparing {
    const struct ak_check_options *options;
    struct ak_check_log *log; /* the successor */
    const struct ak_succession *s;
    const struct ak_check_log *old; /* NULL: it is not here */
    const struct ak_vkey *key;      /* of the old log, from outside; NULL: none was given */
};

static void report(const struct comparing *c, struct ak_finding *finding)
{
    struct ak_check_state state = {.options = c->options, .log = c->log};

    ak_finding_range(finding, AK_SUCCESSION_INDEX, AK_SUCCESSION_INDEX + 1);
    ak_check_report(&state, finding);
}

static bool root_at(const struct ak_check_log *old, uint64_t size, enum ak_log_tree_manner manner,
                    struct ak_hash *root)
{
    struct ak_log_tree *tree = NULL;
    struct ak_range range;
    bool good = ak_log_tree_open(&tree, old->path, NULL, manner, NULL) == AK_OK &&
                ak_log_tree_range(tree, 0, size, &range, NULL) == AK_OK &&
                ak_range_root(&range, root, NULL) == AK_OK;

    ak_log_tree_close(tree);
    return good;
}

/* A size and its root, against the old log's entries where all of them are proven. */
static void compare_root(const struct comparing *c, uint64_t size, const struct ak_hash *root)
{
    struct ak_finding finding;
    struct ak_hash here;

    if (c->old == NULL || c->old->first != 0 || size > c->old->proven_prefix)
        return;
    if (root_at(c->old, size, AK_LOG_TREE_QUICK, &here) && ak_hash_equal(&here, root))
        return;
    if (!root_at(c->old, size, AK_LOG_TREE_CAREFUL, &here) || ak_hash_equal(&here, root))
        return;
    finding = ak_finding_make(
        AK_FINDING_SUCCESSION_FALSE, "R53",
        "it names a root of size %" PRIu64 " that is not the root of the old log's entries.", size);
    report(c, &finding);
}

/* The old log is signed behind everything that the successor knew of. */
static void compare_size(const struct comparing *c, uint64_t size, const char *where)
{
    struct ak_finding finding;

    if (size <= c->s->known)
        return;
    finding = ak_finding_make(AK_FINDING_SUCCESSION_FALSE, "R53",
                              "it knows of %" PRIu64
                              " entries of the old log, but %s is signed for %" PRIu64
                              ": more is lost than it says, or the old log was written on.",
                              c->s->known, where, size);
    report(c, &finding);
}

static void compare_key(const struct comparing *c)
{
    struct ak_finding finding;

    if (memcmp(c->key->key, c->s->key.key, sizeof(c->key->key)) == 0)
        return;
    finding = ak_finding_make(AK_FINDING_SUCCESSION_FALSE, "R53",
                              "it names another key of the old log than the one that you gave.");
    report(c, &finding);
}

static void compare_notes(const struct comparing *c, const struct ak_succession *s)
{
    struct ak_log_checkpoint checkpoint;
    struct ak_finding finding;

    for (unsigned i = 0; i < s->note_count; i++) {
        const struct ak_succession_note *note = &s->note[i];
        if (ak_log_checkpoint_verify(c->key, NULL, note->text, note->len, &checkpoint, NULL) !=
            AK_OK) {
            finding = ak_finding_make(AK_FINDING_SUCCESSION_FALSE, "R53",
                                      "its checkpoint of size %" PRIu64
                                      " is not signed by the old log's key.",
                                      note->checkpoint.size);
            report(c, &finding);
            continue;
        }
        compare_root(c, note->checkpoint.size, &note->checkpoint.root);
    }
}

static void compare_signed(const struct comparing *c, const struct ak_succession *s)
{
    if (s->has_signed)
        compare_root(c, s->signed_size, &s->signed_root);
}

static void compare_kept(const struct comparing *c)
{
    struct ak_log_checkpoint checkpoint;

    for (size_t i = 0; i < c->options->kept_count; i++) {
        const struct ak_check_kept *kept = &c->options->kept[i];
        if (ak_log_checkpoint_verify(c->key, NULL, kept->note, kept->len, &checkpoint, NULL) ==
            AK_OK)
            compare_size(c, checkpoint.checkpoint.size, "the checkpoint that you kept");
    }
}

/* Entries that the successor calls lost, and that are here. */
static void tell_found(const struct comparing *c)
{
    struct ak_finding finding;

    if (c->old->checkpoint_size <= c->s->size || c->old->checkpoint_size > c->s->known)
        return;
    finding = ak_finding_make(AK_FINDING_SUCCESSION, "R53",
                              "of what it calls lost, entries %" PRIu64 " to %" PRIu64
                              " are here, in %s.",
                              c->s->size, c->old->checkpoint_size - 1, c->old->path);
    report(c, &finding);
}

static void compare(struct comparing *c, const struct ak_check *check)
{
    for (size_t i = 0; i < check->count && c->old == NULL; i++) {
        const struct ak_check_log *log = &check->logs[i];
        if (log->kind == AK_CHECK_LOG && log->key_given && strcmp(log->origin, c->s->origin) == 0)
            c->old = log;
    }
    for (size_t i = 0; i < c->options->key_count && c->key == NULL; i++) {
        if (strcmp(c->options->keys[i].name, c->s->origin) == 0)
            c->key = &c->options->keys[i];
    }
    if (c->key != NULL) {
        compare_key(c);
        compare_notes(c, c->s);
        compare_kept(c);
    }
    compare_root(c, c->s->size, &c->s->root);
    compare_signed(c, c->s);
    for (unsigned i = 0; i < c->log->succession_count; i++) {
        void *object;
        struct ak_succession *more = read_more(&c->log->succession_more[i], &object);
        if (more != NULL && c->key != NULL)
            compare_notes(c, more);
        if (more != NULL)
            compare_signed(c, more);
        free(more);
        ak_succession_done(object);
    }
    if (c->old != NULL && c->old->has_checkpoint) {
        compare_size(c, c->old->checkpoint_size, "the old log itself");
        tell_found(c);
    }
}

void ak_check_successions(struct ak_check *check, const struct ak_check_options *options)
{
    for (size_t i = 0; i < check->count; i++) {
        struct ak_check_log *log = &check->logs[i];
        void *object;
        struct ak_succession *s = read_kept(log, &object);
        struct comparing c = {.options = options, .log = log, .s = s};
        if (s != NULL)
            compare(&c, check);
        if (log->verdict > check->verdict)
            check->verdict = log->verdict;
        free(s);
        ak_succession_done(object);
    }
}
