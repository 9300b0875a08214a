/* matcher.c - one pass over many records, then a second look at the few that may match.
 *
 * Expressions and a few strings go to Hyperscan, which takes all of them in one pass whatever they
 * are; long lists of strings to literals.c, since Hyperscan takes seconds to compile 10^5 of them.
 * In the first pass a record's neighbours stand beside it, so an expression may match across them;
 * the second look has the record alone. Every record that matches alone has a place in the first
 * pass: ^ and $ match at each line there, and what would tell the start of the text from that of a
 * line is refused. */
#include "matcher.h"

#include "literals.h"
#include "pattern_list.h"

#include <hs/hs.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lists of up to so many strings go to Hyperscan: compiled in milliseconds, and faster. */
#define FEW_STRINGS 64u

/* Strings too short for literals.c: more of them than this are no list of indicators. */
#define SHORT_STRINGS_MAX 2048u

#define ESCAPED_BYTES 4u /* \xHH */

struct ak_matcher {
    size_t count;
    hs_database_t *expressions; /* NULL: none */
    struct ak_literals *literals;
    char *bytes; /* the list, which `literals` borrows */
};

/* ---- Compiling ---- */

/* Expressions while they are collected. */
struct build {
    char **text;
    unsigned *id;
    unsigned *flags;
    unsigned count;
    unsigned flag;
};

static void build_free(struct build *build)
{
    for (unsigned i = 0; i < build->count; i++)
        free(build->text[i]);
    free(build->text);
    free(build->id);
    free(build->flags);
}

static enum ak_code build_add(struct build *build, char *text, unsigned id, struct ak_error *err)
{
    char **texts = reallocarray(build->text, build->count + 1, sizeof(*texts));
    unsigned *ids = reallocarray(build->id, build->count + 1, sizeof(*ids));
    unsigned *flags = reallocarray(build->flags, build->count + 1, sizeof(*flags));

    build->text = texts != NULL ? texts : build->text;
    build->id = ids != NULL ? ids : build->id;
    build->flags = flags != NULL ? flags : build->flags;
    if (text == NULL || texts == NULL || ids == NULL || flags == NULL) {
        free(text);
        return ak_fail(err, AK_ENOMEM, "no memory for what is looked for");
    }
    build->text[build->count] = text;
    build->id[build->count] = id;
    build->flags[build->count++] = build->flag;
    return AK_OK;
}

/* A string as an expression: every byte escaped but letters and digits. */
static char *escape(const uint8_t *p, size_t len)
{
    char *out = malloc(len * ESCAPED_BYTES + 1);
    size_t used = 0;

    for (size_t i = 0; out != NULL && i < len; i++) {
        bool plain = (p[i] >= '0' && p[i] <= '9') || (p[i] >= 'A' && p[i] <= 'Z') ||
                     (p[i] >= 'a' && p[i] <= 'z');
        if (plain)
            out[used++] = (char)p[i];
        else
            used += (size_t)sprintf(out + used, "\\x%02x", p[i]);
    }
    if (out != NULL)
        out[used] = '\0';
    return out;
}

/* What asks for the start or end of the whole text would see that of a block of records. */
static enum ak_code refuse_anchors(const char *pattern, struct ak_error *err)
{
    for (const char *p = pattern; *p != '\0'; p++) {
        if (*p != '\\' || p[1] == '\0')
            continue;
        p++;
        if (strchr("AZzG", *p) != NULL)
            return ak_fail(err, AK_EUSAGE,
                           "the expression has \\%c at byte %zu: write ^ for the start of a record "
                           "and $ for its end",
                           *p, (size_t)(p - pattern) - 1);
        if (*p == 'Q')
            return ak_fail(err, AK_EUSAGE,
                           "the expression has \\Q at byte %zu: escape single characters, or look "
                           "for a fixed string with -F",
                           (size_t)(p - pattern) - 1);
    }
    return AK_OK;
}

static enum ak_code build_pattern(struct build *build, const struct ak_wanted *wanted,
                                  struct ak_error *err)
{
    size_t len = strlen(wanted->pattern);
    enum ak_code rc = AK_OK;

    if (len > AK_PATTERN_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "what is looked for has more than %u bytes",
                       AK_PATTERN_BYTES_MAX);
    if (wanted->fixed && len == 0)
        return ak_fail(err, AK_EUSAGE, "the string to look for is empty: every record holds it");
    if (!wanted->fixed)
        rc = refuse_anchors(wanted->pattern, err);
    if (rc != AK_OK)
        return rc;
    return build_add(build,
                     wanted->fixed ? escape((const uint8_t *)wanted->pattern, len)
                                   : strdup(wanted->pattern),
                     0, err);
}

static enum ak_code compile(struct ak_matcher *matcher, const struct build *build,
                            struct ak_error *err)
{
    hs_compile_error_t *why = NULL;
    hs_error_t got;
    enum ak_code rc = AK_OK;

    if (build->count == 0)
        return AK_OK;
    got = hs_compile_multi((const char *const *)build->text, build->flags, build->id, build->count,
                           HS_MODE_BLOCK, NULL, &matcher->expressions, &why);
    if (got == HS_COMPILER_ERROR)
        rc = ak_fail(err, AK_EUSAGE, "the expression %s cannot be used: %s", build->text[0],
                     why != NULL ? why->message : "");
    else if (got != HS_SUCCESS)
        rc = ak_fail(err, AK_ENOMEM, "no memory to compile what is looked for");
    hs_free_compile_error(why);
    return rc;
}

/* Strings of a list: short ones and those of a short list are expressions. */
static enum ak_code take_list(struct ak_matcher *matcher, struct build *build,
                              const struct ak_wanted *wanted, struct ak_error *err)
{
    struct ak_pattern_string *string;
    struct ak_literal *literal = NULL;
    size_t n = 0;
    enum ak_code rc;

    matcher->bytes = malloc(wanted->list_len + 1);
    if (matcher->bytes == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a list of strings");
    if (wanted->list_len > 0)
        memcpy(matcher->bytes, wanted->list, wanted->list_len);
    rc = ak_pattern_list_parse(&string, &matcher->count, matcher->bytes, wanted->list_len, err);
    if (rc == AK_OK) {
        literal = calloc(matcher->count, sizeof(*literal));
        if (literal == NULL)
            rc = ak_fail(err, AK_ENOMEM, "no memory for a list of strings");
    }
    for (size_t i = 0; rc == AK_OK && i < matcher->count; i++) {
        if (string[i].len >= AK_LITERAL_BYTES_MIN &&
            (matcher->count > FEW_STRINGS || string[i].len > AK_PATTERN_BYTES_MAX / ESCAPED_BYTES))
            literal[n++] = (struct ak_literal){string[i].p, string[i].len, (uint32_t)i, false};
        else if (build->count == SHORT_STRINGS_MAX)
            rc = ak_fail(err, AK_ELIMIT, "it has more than %u strings of fewer than %u bytes",
                         SHORT_STRINGS_MAX, AK_LITERAL_BYTES_MIN);
        else
            rc = build_add(build, escape(string[i].p, string[i].len), (unsigned)i, err);
    }
    if (rc == AK_OK && n > 0)
        rc = ak_literals_new(&matcher->literals, literal, n, wanted->ignore_case, err);
    free(literal);
    free(string);
    return rc;
}

enum ak_code ak_matcher_compile(struct ak_matcher **out, const struct ak_wanted *wanted,
                                struct ak_error *err)
{
    struct ak_matcher *matcher;
    struct build build = {.flag = HS_FLAG_MULTILINE | HS_FLAG_ALLOWEMPTY |
                                  (wanted->ignore_case ? HS_FLAG_CASELESS : 0)};
    enum ak_code rc;

    *out = NULL;
    if (hs_valid_platform() != HS_SUCCESS)
        return ak_fail(err, AK_EUNSUPPORTED,
                       "looking for text needs a processor with SSSE3 instructions, as all have "
                       "since 2011: use another machine, or akashi-verify cat --raw and grep");
    matcher = calloc(1, sizeof(*matcher));
    if (matcher == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for what is looked for");
    matcher->count = 1;
    rc = wanted->pattern != NULL ? build_pattern(&build, wanted, err)
                                 : take_list(matcher, &build, wanted, err);
    if (rc == AK_OK)
        rc = compile(matcher, &build, err);
    build_free(&build);
    if (rc != AK_OK) {
        ak_matcher_free(matcher);
        return rc;
    }
    *out = matcher;
    return AK_OK;
}

void ak_matcher_free(struct ak_matcher *matcher)
{
    if (matcher == NULL)
        return;
    (void)hs_free_database(matcher->expressions);
    ak_literals_free(matcher->literals);
    free(matcher->bytes);
    free(matcher);
}

const char *ak_matcher_library(void)
{
    return hs_version();
}

size_t ak_matcher_count(const struct ak_matcher *matcher)
{
    return matcher->count;
}

/* ---- Scanning ---- */

enum ak_code ak_matcher_scan_new(struct ak_matcher_scan **out, const struct ak_matcher *matcher,
                                 struct ak_error *err)
{
    struct ak_matcher_scan *scan = calloc(1, sizeof(*scan));
    hs_scratch_t *scratch = NULL;

    *out = NULL;
    if (scan == NULL || (matcher->expressions != NULL &&
                         hs_alloc_scratch(matcher->expressions, &scratch) != HS_SUCCESS)) {
        free(scan);
        return ak_fail(err, AK_ENOMEM, "no memory to look for something");
    }
    scan->matcher = matcher;
    scan->scratch = scratch;
    *out = scan;
    return AK_OK;
}

void ak_matcher_scan_free(struct ak_matcher_scan *scan)
{
    if (scan == NULL)
        return;
    (void)hs_free_scratch(scan->scratch);
    free(scan->at);
    free(scan->folded);
    free(scan);
}

/* Keeps one place of each line, as far as they come in order. */
static bool add_place(struct ak_matcher_scan *scan, uint64_t at)
{
    const uint8_t *end;

    if (scan->count > 0 && at >= scan->line_begin && at <= scan->line_end)
        return true;
    if (scan->count == scan->room) {
        size_t room = scan->room == 0 ? 1024 : scan->room * 2;
        uint32_t *places = reallocarray(scan->at, room, sizeof(*places));
        if (places == NULL) {
            scan->failed = true;
            return false;
        }
        scan->at = places;
        scan->room = room;
    }
    if (scan->count > 0 && at < scan->line_begin)
        scan->sorted = false;
    scan->at[scan->count++] = (uint32_t)at;
    end = at < scan->len ? memchr(scan->text + at, '\n', scan->len - at) : NULL;
    scan->line_begin = at; /* places before it in this line may be kept once more */
    scan->line_end = end == NULL ? scan->len : (uint64_t)(end - scan->text);
    return true;
}

static int on_block_match(unsigned id, unsigned long long from, unsigned long long to,
                          unsigned flags, void *ctx)
{
    (void)id;
    (void)from;
    (void)flags;
    return add_place(ctx, to) ? 0 : 1;
}

static bool on_block_literal(void *ctx, uint32_t id, size_t begin, size_t end)
{
    (void)id;
    (void)begin;
    return add_place(ctx, end);
}

static int by_place(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* The text with small letters, where the list wants it. */
static const uint8_t *fold(struct ak_matcher_scan *scan, const uint8_t *text, size_t len)
{
    if (!ak_literals_fold(scan->matcher->literals))
        return NULL;
    if (len + 1 > scan->folded_room) {
        uint8_t *bigger = realloc(scan->folded, len + 1);
        if (bigger == NULL) {
            scan->failed = true;
            return NULL;
        }
        scan->folded = bigger;
        scan->folded_room = len + 1;
    }
    ak_literals_folded(scan->folded, text, len);
    return scan->folded;
}

/* One pass with everything there is, until a callback ends it. */
static void pass(struct ak_matcher_scan *scan, const uint8_t *text, size_t len,
                 match_event_handler on_match, ak_literals_fn on_literal)
{
    const struct ak_matcher *matcher = scan->matcher;
    const uint8_t *folded;

    assert(len < UINT32_MAX);
    if (matcher->expressions != NULL) {
        hs_error_t got = hs_scan(matcher->expressions, (const char *)text, (unsigned)len, 0,
                                 scan->scratch, on_match, scan);
        assert(got == HS_SUCCESS || got == HS_SCAN_TERMINATED);
        if (got != HS_SUCCESS)
            return;
    }
    if (matcher->literals == NULL)
        return;
    folded = fold(scan, text, len);
    if (!scan->failed)
        ak_literals_scan(matcher->literals, text, folded, len, on_literal, scan);
}

enum ak_code ak_matcher_block(struct ak_matcher_scan *scan, const uint8_t *text, size_t len,
                              struct ak_error *err)
{
    scan->count = 0;
    scan->sorted = true;
    scan->failed = false;
    scan->text = text;
    scan->len = len;
    pass(scan, text, len, on_block_match, on_block_literal);
    if (scan->failed)
        return ak_fail(err, AK_ENOMEM, "no memory for places in a block");
    if (!scan->sorted)
        qsort(scan->at, scan->count, sizeof(scan->at[0]), by_place);
    return AK_OK;
}

static int on_record_match(unsigned id, unsigned long long from, unsigned long long to,
                           unsigned flags, void *ctx)
{
    struct ak_matcher_scan *scan = ctx;

    (void)from;
    (void)to;
    (void)flags;
    scan->match->found = true;
    scan->match->pattern = id;
    return 1;
}

static bool on_record_literal(void *ctx, uint32_t id, size_t begin, size_t end)
{
    struct ak_matcher_scan *scan = ctx;

    (void)begin;
    (void)end;
    scan->match->found = true;
    scan->match->pattern = id;
    return false;
}

enum ak_code ak_matcher_record(struct ak_matcher_scan *scan, const uint8_t *record, size_t len,
                               struct ak_match *match, struct ak_error *err)
{
    static const uint8_t nothing[1] = {0};

    scan->match = match;
    memset(scan->match, 0, sizeof(*scan->match));
    scan->failed = false;
    pass(scan, len > 0 ? record : nothing, len, on_record_match, on_record_literal);
    if (scan->failed)
        return ak_fail(err, AK_ENOMEM, "no memory to look at a record");
    return AK_OK;
}
