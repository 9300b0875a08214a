/* bundle_ask.c - one word of --expect after the other; what contradicts itself is refused. */
#include "bundle_ask.h"

#include "text.h"
#include "when.h"

#include <akashi/tree.h>

#include <stdlib.h>
#include <string.h>

#define EXPECT_FORMS "index:A-B, from:TIME, to:TIME, source:ID|GLOB, identity:TEXT or events"

bool ak_bundle_ask_index(const char *text, uint64_t *first, uint64_t *last)
{
    const char *dash = strchr(text, '-');
    struct ak_text a = {text, dash == NULL ? strlen(text) : (size_t)(dash - text)};
    struct ak_text b = dash == NULL ? a : (struct ak_text){dash + 1, strlen(dash + 1)};

    return ak_text_decimal(a, AK_TREE_SIZE_MAX - 1, first) &&
           ak_text_decimal(b, AK_TREE_SIZE_MAX - 1, last) && *first <= *last;
}

struct expecting {
    struct ak_bundle_range *range;
    const char **source;
    uint64_t now;
    bool index;
    bool from;
    bool to;
};

static const char *behind(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

static enum ak_code take_word(struct expecting *e, const char *word, struct ak_error *err)
{
    struct ak_bundle_range *range = e->range;
    const char *value;

    if ((value = behind(word, "index:")) != NULL) {
        if (e->index || !ak_bundle_ask_index(value, &range->first, &range->last))
            return ak_fail(err, AK_EUSAGE,
                           "--expect %s: write index:A-B once, A not above B, both ends in", word);
        e->index = true;
        return AK_OK;
    }
    if ((value = behind(word, "from:")) != NULL && !e->from) {
        e->from = true;
        return ak_when_parse(value, e->now, &range->from, err);
    }
    if ((value = behind(word, "to:")) != NULL && !e->to) {
        e->to = true;
        return ak_when_parse(value, e->now, &range->to, err);
    }
    if ((value = behind(word, "source:")) != NULL && value[0] != '\0') {
        e->source[range->source_text_count++] = value;
        return AK_OK;
    }
    if ((value = behind(word, "identity:")) != NULL && value[0] != '\0' &&
        range->identity == NULL) {
        range->identity = value;
        return AK_OK;
    }
    if (strcmp(word, "events") == 0) {
        range->events = true;
        return AK_OK;
    }
    return ak_fail(err, AK_EUSAGE, "--expect %s: write " EXPECT_FORMS ", each once", word);
}

static enum ak_code check_words(const struct expecting *e, struct ak_error *err)
{
    const struct ak_bundle_range *range = e->range;
    bool narrowed = range->source_text_count > 0 || range->identity != NULL;

    if (e->index && (e->from || e->to || narrowed || range->events))
        return ak_fail(err, AK_EUSAGE,
                       "--expect index:A-B stands alone: all entries of it are meant");
    if (!e->index && (!e->from || !e->to || range->from >= range->to))
        return ak_fail(err, AK_EUSAGE,
                       "--expect: write from:TIME and to:TIME, the first before the second");
    if (range->source_text_count > 0 && range->identity != NULL)
        return ak_fail(err, AK_EUSAGE,
                       "--expect: source: means single sources, identity: all of one sender; take "
                       "one");
    if (range->events && !narrowed)
        return ak_fail(err, AK_EUSAGE,
                       "--expect events: without source: or identity: all entries are meant, and "
                       "events are among them");
    return AK_OK;
}

enum ak_code ak_bundle_ask_expect(const struct ak_options *options, uint64_t now, bool *given,
                                  struct ak_bundle_range *range, const char ***texts,
                                  struct ak_error *err)
{
    size_t n = options->count[AK_OPTION_EXPECT];
    struct expecting e = {.range = range, .now = now};
    enum ak_code rc = AK_OK;

    memset(range, 0, sizeof(*range));
    *given = n > 0;
    *texts = NULL;
    if (n == 0)
        return AK_OK;
    e.source = calloc(n, sizeof(*e.source));
    *texts = e.source;
    if (e.source == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for what is expected");
    for (size_t i = 0; rc == AK_OK && i < n; i++)
        rc = take_word(&e, options->value[AK_OPTION_EXPECT][i], err);
    if (rc == AK_OK)
        rc = check_words(&e, err);
    range->what = e.index ? AK_BUNDLE_INDEX : AK_BUNDLE_TIME;
    range->source_texts = range->source_text_count == 0 ? NULL : e.source;
    return rc;
}

enum ak_code ak_bundle_ask_required(const struct ak_options *options,
                                    bool required[AK_BUNDLE_CLAIMS], struct ak_error *err)
{
    memset(required, 0, AK_BUNDLE_CLAIMS * sizeof(*required));
    for (size_t i = 0; i < options->count[AK_OPTION_REQUIRE]; i++) {
        const char *word = options->value[AK_OPTION_REQUIRE][i];
        unsigned name = 0;
        while (name < AK_BUNDLE_CLAIMS &&
               strcmp(ak_bundle_claim_word((enum ak_bundle_claim_name)name), word) != 0)
            name++;
        if (name == AK_BUNDLE_CLAIMS)
            return ak_fail(err, AK_EUSAGE,
                           "--require %s: write authentic, complete, redacted, time or custody",
                           word);
        required[name] = true;
    }
    return AK_OK;
}

void ak_bundle_ask_apply(const bool required[AK_BUNDLE_CLAIMS], struct ak_bundle_result *result)
{
    for (unsigned i = 0; i < AK_BUNDLE_CLAIMS; i++) {
        struct ak_bundle_claim *claim = &result->claim[i];
        if (!required[i] || claim->made)
            continue;
        claim->made = true;
        ak_claim_fail(&claim->claim, AK_FINDING_MISSING, "",
                      "this claim is required, and nothing in the bundle makes it");
        if (claim->claim.verdict > result->verdict)
            result->verdict = claim->claim.verdict;
    }
}
