/* part_pattern.c - PCRE2 says where an expression fits and where its groups lie, which the library
 * of search does not.
 *
 * It tries alternatives one after the other, so a bad expression can take long on a bad record:
 * steps are counted, and who wants to hide something is told rather than shown what was not looked
 * at. */
#include "part_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Steps on one record: some seconds at worst. */
#define STEPS_MAX 50000000u

/* Memory for what is tried, in KiB. */
#define HEAP_KIB_MAX 65536u

struct ak_part_pattern {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
};

const char *ak_part_pattern_library(void)
{
    static char version[64];

    if (version[0] == '\0' && pcre2_config(PCRE2_CONFIG_VERSION, NULL) <= (int)sizeof(version))
        (void)pcre2_config(PCRE2_CONFIG_VERSION, version);
    return version;
}

static enum ak_code not_compiled(int number, size_t at, const char *text, struct ak_error *err)
{
    PCRE2_UCHAR why[120];

    if (number == PCRE2_ERROR_NOMEMORY)
        return ak_fail(err, AK_ENOMEM, "no memory for an expression");
    (void)pcre2_get_error_message(number, why, sizeof(why));
    return ak_fail(err, AK_EUSAGE, "%s is no regular expression: %s, at byte %zu", text,
                   (const char *)why, at);
}

enum ak_code ak_part_pattern_compile(struct ak_part_pattern **pattern, const char *text,
                                     struct ak_error *err)
{
    struct ak_part_pattern *p = calloc(1, sizeof(*p));
    enum ak_code rc = AK_OK;
    PCRE2_SIZE at = 0;
    int number = 0;

    *pattern = NULL;
    if (p == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for an expression");
    if (text[0] == '\0' || strlen(text) > AK_PART_PATTERN_BYTES_MAX)
        rc = ak_fail(err, AK_EUSAGE, "an expression has 1 to %u bytes", AK_PART_PATTERN_BYTES_MAX);
    if (rc == AK_OK)
        p->code =
            pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
                          PCRE2_MULTILINE | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP, &number, &at, NULL);
    if (rc == AK_OK && p->code == NULL)
        rc = not_compiled(number, at, text, err);
    if (rc == AK_OK) {
        p->match = pcre2_match_data_create_from_pattern(p->code, NULL);
        p->limits = pcre2_match_context_create(NULL);
        if (p->match == NULL || p->limits == NULL)
            rc = ak_fail(err, AK_ENOMEM, "no memory for an expression");
    }
    if (rc != AK_OK) {
        ak_part_pattern_free(p);
        return rc;
    }
    (void)pcre2_set_match_limit(p->limits, STEPS_MAX);
    (void)pcre2_set_heap_limit(p->limits, HEAP_KIB_MAX);
    *pattern = p;
    return AK_OK;
}

void ak_part_pattern_free(struct ak_part_pattern *pattern)
{
    if (pattern == NULL)
        return;
    pcre2_match_context_free(pattern->limits);
    pcre2_match_data_free(pattern->match);
    pcre2_code_free(pattern->code);
    free(pattern);
}

/* The groups of one match, or all of it. */
static enum ak_code give(const struct ak_part_pattern *pattern, int pairs,
                         ak_part_pattern_fn on_bytes, void *ctx, struct ak_error *err)
{
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(pattern->match);
    enum ak_code rc = AK_OK;
    bool any = false;

    for (int i = 1; rc == AK_OK && i < pairs; i++) {
        if (at[2 * i] == PCRE2_UNSET)
            continue;
        any = true;
        rc = on_bytes(ctx, at[2 * i], at[2 * i + 1], err);
    }
    /* \K can put the beginning of a match behind its end: then there is nothing in it. */
    if (rc == AK_OK && !any && at[0] < at[1])
        rc = on_bytes(ctx, at[0], at[1], err);
    return rc;
}

static enum ak_code not_matched(int number, struct ak_error *err)
{
    PCRE2_UCHAR why[120];

    if (number == PCRE2_ERROR_NOMEMORY)
        return ak_fail(err, AK_ENOMEM, "no memory for an expression");
    (void)pcre2_get_error_message(number, why, sizeof(why));
    return ak_fail(err, AK_ELIMIT,
                   "the expression tries too much here (%s); write it so that fewer alternatives "
                   "fit the same text",
                   (const char *)why);
}

enum ak_code ak_part_pattern_each(struct ak_part_pattern *pattern, const uint8_t *record,
                                  size_t len, ak_part_pattern_fn on_bytes, void *ctx,
                                  struct ak_error *err)
{
    enum ak_code rc = AK_OK;
    size_t from = 0;

    while (rc == AK_OK && from <= len) {
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(pattern->match);
        int pairs = pcre2_match(pattern->code, record != NULL ? record : (PCRE2_SPTR) "", len, from,
                                0, pattern->match, pattern->limits);
        if (pairs == PCRE2_ERROR_NOMATCH)
            return AK_OK;
        if (pairs < 0)
            return not_matched(pairs, err);
        rc = give(pattern, pairs, on_bytes, ctx, err);
        from = at[1] > from ? at[1] : from + 1; /* an empty match moves on all the same */
    }
    return rc;
}
