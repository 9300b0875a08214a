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
#include "pattern.h"
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

/* Places a line that are worth it: with more, as an expression like "." has, looking at each record
 * alone is faster, which ends with the first match. */
#define PLACES_A_LINE 8u

/* So many more for a start. */
#define PLACES_MORE 4096u

#define ESCAPED_BYTES 4u /* \xHH */

/* A pattern in one encoding. */
struct variant {
    uint32_t pattern;
    uint32_t len; /* of a string; 0: an expression, whose matches begin anywhere */
    enum ak_charset charset;
    enum ak_charset_begin begins;
    uint8_t *bytes; /* of a string that `literals` borrows, or NULL */
};

struct ak_matcher {
    size_t count;
    bool given; /* the user says what the encoding is */
    struct variant *variant;
    size_t variants;
    hs_database_t *expressions; /* NULL: none */
    hs_database_t *beginnings;  /* the same, and it tells where matches begin; NULL: it cannot */
    struct ak_literals *literals;
    char *bytes; /* the list, which `literals` borrows */
    char note[AK_ERROR_TEXT_BYTES];
};

/* ---- Compiling ---- */

/* What is collected before it is compiled. */
struct build {
    struct ak_matcher *matcher;
    const struct ak_wanted *wanted;
    unsigned encodings;
    char **text; /* expressions */
    unsigned *id;
    unsigned *flags;
    unsigned count;
    unsigned flag;
    struct ak_literal *literal; /* strings for literals.c */
    size_t literals;
    size_t literal_room;
};

static void build_free(struct build *build)
{
    for (unsigned i = 0; i < build->count; i++)
        free(build->text[i]);
    free(build->text);
    free(build->id);
    free(build->flags);
    free(build->literal);
}

static enum ak_code no_memory(struct ak_error *err)
{
    return ak_fail(err, AK_ENOMEM, "no memory for what is looked for");
}

/* Adds a variant; its number is given. */
static enum ak_code add_variant(struct ak_matcher *matcher, const struct variant *variant,
                                uint32_t *number, struct ak_error *err)
{
    size_t n = matcher->variants;

    if ((n & (n - 1)) == 0) {
        struct variant *more =
            reallocarray(matcher->variant, n == 0 ? 1 : n * 2, sizeof(*matcher->variant));
        if (more == NULL)
            return no_memory(err);
        matcher->variant = more;
    }
    matcher->variant[n] = *variant;
    matcher->variants++;
    *number = (uint32_t)n;
    return AK_OK;
}

/* Takes `text` over. */
static enum ak_code add_expression(struct build *build, char *text, const struct variant *variant,
                                   struct ak_error *err)
{
    char **texts = reallocarray(build->text, build->count + 1, sizeof(*texts));
    unsigned *ids = reallocarray(build->id, build->count + 1, sizeof(*ids));
    unsigned *flags = reallocarray(build->flags, build->count + 1, sizeof(*flags));
    uint32_t number = 0;
    enum ak_code rc;

    build->text = texts != NULL ? texts : build->text;
    build->id = ids != NULL ? ids : build->id;
    build->flags = flags != NULL ? flags : build->flags;
    if (text == NULL || texts == NULL || ids == NULL || flags == NULL) {
        free(text);
        return no_memory(err);
    }
    rc = add_variant(build->matcher, variant, &number, err);
    if (rc != AK_OK) {
        free(text);
        return rc;
    }
    assert(build->text != NULL && build->id != NULL && build->flags != NULL);
    build->text[build->count] = text;
    build->id[build->count] = number;
    build->flags[build->count++] = build->flag;
    return AK_OK;
}

/* Takes `bytes` over, if they are of their own. */
static enum ak_code add_literal(struct build *build, const uint8_t *bytes, uint8_t *own,
                                struct variant *variant, bool exact, struct ak_error *err)
{
    uint32_t number = 0;
    enum ak_code rc;

    variant->bytes = own;
    if (build->literals == build->literal_room) {
        size_t room = build->literal_room == 0 ? 1024 : build->literal_room * 2;
        struct ak_literal *more = reallocarray(build->literal, room, sizeof(*more));
        if (more == NULL) {
            free(own);
            return no_memory(err);
        }
        build->literal = more;
        build->literal_room = room;
    }
    rc = add_variant(build->matcher, variant, &number, err);
    if (rc != AK_OK) {
        free(own);
        return rc;
    }
    assert(build->literal != NULL);
    build->literal[build->literals++] = (struct ak_literal){bytes, variant->len, number, exact};
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

static bool has(const struct build *build, enum ak_charset charset)
{
    return (build->encodings >> charset & 1) != 0;
}

static bool is_utf16(enum ak_charset charset)
{
    return charset == AK_CHARSET_UTF16LE || charset == AK_CHARSET_UTF16BE;
}

/* Whether a pattern stands in an encoding as it was typed: ASCII does, but for UTF-16; bytes that
 * are no UTF-8 are what they are. */
static bool as_typed(const uint8_t *p, size_t len, enum ak_charset charset)
{
    if (is_utf16(charset))
        return false;
    return charset == AK_CHARSET_UTF8 || !ak_pattern_is_wide(p, len);
}

/* Encodings in which a pattern says nothing new. */
static bool is_same(const struct build *build, const uint8_t *p, size_t len,
                    enum ak_charset charset)
{
    if (!has(build, charset))
        return true;
    if (charset == AK_CHARSET_UTF8)
        return false;
    return !ak_utf8_valid(p, len) || (has(build, AK_CHARSET_UTF8) && as_typed(p, len, charset));
}

/* An encoding cannot say it: told, if it is one of several. */
static enum ak_code left_out(struct build *build, enum ak_charset charset, enum ak_code rc,
                             struct ak_error *why, struct ak_error *err)
{
    if (rc == AK_ENOMEM || rc == AK_EUSAGE || rc == AK_EMALFORMED)
        return ak_fail(err, rc == AK_EMALFORMED ? AK_EUSAGE : rc, "%s", why->text);
    if (build->matcher->given && !is_utf16(charset))
        return ak_fail(err, AK_EUSAGE, "it cannot be looked for in %s: %s",
                       ak_charset_name(charset), why->text);
    if (rc == AK_EUNSUPPORTED)
        (void)snprintf(build->matcher->note, sizeof(build->matcher->note),
                       "not looked for in %s: the expression has %s",
                       is_utf16(charset) ? "UTF-16" : ak_charset_name(charset), why->text);
    return AK_OK;
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

static enum ak_code expression_in(struct build *build, enum ak_charset charset,
                                  struct ak_error *err)
{
    const char *pattern = build->wanted->pattern;
    const uint8_t *p = (const uint8_t *)pattern;
    size_t len = strlen(pattern);
    struct variant variant = {.charset = charset, .begins = AK_BEGINS_EITHER};
    struct ak_error why = {0};
    char *text = NULL;
    enum ak_code rc;

    if (is_same(build, p, len, charset))
        return AK_OK;
    if (!ak_pattern_is_wide(p, len) && !is_utf16(charset)) {
        variant.begins = AK_BEGINS_SINGLE;
        return add_expression(build, strdup(pattern), &variant, err);
    }
    if (!ak_utf8_valid(p, len))
        return add_expression(build, strdup(pattern), &variant, err);
    rc = ak_pattern_expression(&text, pattern, charset, build->wanted->ignore_case, &variant.begins,
                               &why);
    return rc == AK_OK ? add_expression(build, text, &variant, err)
                       : left_out(build, charset, rc, &why, err);
}

/* A string of any bytes in one encoding: for Hyperscan (`few`), or for literals.c. */
static enum ak_code string_in(struct build *build, const struct ak_pattern_string *string,
                              uint32_t number, enum ak_charset charset, bool few,
                              struct ak_error *err)
{
    bool fold = build->wanted->ignore_case;
    bool typed =
        !ak_utf8_valid(string->p, string->len) || as_typed(string->p, string->len, charset);
    bool wide = ak_pattern_is_wide(string->p, string->len);
    struct variant variant = {
        .pattern = number, .len = string->len, .charset = charset, .begins = AK_BEGINS_SINGLE};
    struct ak_pattern_text text = {0};
    struct ak_error why = {0};
    enum ak_code rc = AK_OK;

    if (is_same(build, string->p, string->len, charset))
        return AK_OK;
    if (!typed) {
        rc = ak_pattern_string(&text, string->p, string->len, charset, fold, &why);
        if (rc != AK_OK)
            return left_out(build, charset, rc, &why, err);
        variant.len = (uint32_t)text.len;
        variant.begins = text.begins;
    }
    if (few || variant.len < AK_LITERAL_BYTES_MIN) {
        char *expression = typed ? escape(string->p, string->len) : text.expression;
        if (!typed)
            text.expression = NULL;
        if (build->count >= SHORT_STRINGS_MAX && !few) {
            free(expression);
            rc = ak_fail(err, AK_ELIMIT, "it has more than %u strings of fewer than %u bytes",
                         SHORT_STRINGS_MAX, AK_LITERAL_BYTES_MIN);
        } else {
            rc = add_expression(build, expression, &variant, err);
        }
    } else {
        uint8_t *own = typed ? NULL : text.bytes;
        text.bytes = typed ? text.bytes : NULL;
        rc = add_literal(build, typed ? string->p : own, own, &variant,
                         fold && wide && !typed && charset != AK_CHARSET_EUC_JP, err);
    }
    ak_pattern_text_free(&text);
    return rc;
}

/* In a long list ASCII strings are looked for in UTF-16 only where that is asked for: they would
 * make it three times as long. */
static bool worthwhile(const struct build *build, const struct ak_pattern_string *string,
                       enum ak_charset charset, bool few)
{
    return few || build->matcher->given || !is_utf16(charset) ||
           ak_pattern_is_wide(string->p, string->len);
}

static enum ak_code add_string(struct build *build, const struct ak_pattern_string *string,
                               uint32_t number, bool few, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    few = few && string->len <= AK_PATTERN_BYTES_MAX / ESCAPED_BYTES;
    for (unsigned c = 0; c < AK_CHARSETS && rc == AK_OK; c++) {
        if (worthwhile(build, string, (enum ak_charset)c, few))
            rc = string_in(build, string, number, (enum ak_charset)c, few, err);
    }
    return rc;
}

static enum ak_code build_pattern(struct build *build, struct ak_error *err)
{
    const struct ak_wanted *wanted = build->wanted;
    size_t len = strlen(wanted->pattern);
    struct ak_pattern_string string = {(const uint8_t *)wanted->pattern, (uint32_t)len};
    enum ak_code rc = AK_OK;

    if (len > AK_PATTERN_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "what is looked for has more than %u bytes",
                       AK_PATTERN_BYTES_MAX);
    if (wanted->fixed && len == 0)
        return ak_fail(err, AK_EUSAGE, "the string to look for is empty: every record holds it");
    if (wanted->fixed)
        return add_string(build, &string, 0, true, err);
    rc = refuse_anchors(wanted->pattern, err);
    for (unsigned c = 0; c < AK_CHARSETS && rc == AK_OK; c++)
        rc = expression_in(build, (enum ak_charset)c, err);
    return rc;
}

/* Where beginnings cannot be told, places within characters are not told from others. */
static void compile_beginnings(struct ak_matcher *matcher, const struct build *build)
{
    hs_compile_error_t *why = NULL;

    for (unsigned i = 0; i < build->count; i++)
        build->flags[i] |= HS_FLAG_SOM_LEFTMOST;
    if (hs_compile_multi((const char *const *)build->text, build->flags, build->id, build->count,
                         HS_MODE_BLOCK, NULL, &matcher->beginnings, &why) != HS_SUCCESS)
        matcher->beginnings = NULL;
    (void)hs_free_compile_error(why);
}

static enum ak_code compile(struct ak_matcher *matcher, const struct build *build,
                            struct ak_error *err)
{
    const char *pattern = build->wanted->pattern;
    hs_compile_error_t *why = NULL;
    hs_error_t got;
    enum ak_code rc = AK_OK;

    if (build->count == 0)
        return AK_OK;
    got = hs_compile_multi((const char *const *)build->text, build->flags, build->id, build->count,
                           HS_MODE_BLOCK, NULL, &matcher->expressions, &why);
    if (got == HS_COMPILER_ERROR)
        rc = ak_fail(err, AK_EUSAGE, "the expression %s cannot be used: %s",
                     pattern != NULL ? pattern : build->text[0], why != NULL ? why->message : "");
    else if (got != HS_SUCCESS)
        rc = no_memory(err);
    (void)hs_free_compile_error(why);
    if (rc == AK_OK && pattern != NULL && !build->wanted->fixed)
        compile_beginnings(matcher, build);
    return rc;
}

static enum ak_code take_list(struct build *build, struct ak_error *err)
{
    struct ak_matcher *matcher = build->matcher;
    struct ak_pattern_string *string;
    enum ak_code rc;

    matcher->bytes = malloc(build->wanted->list_len + 1);
    if (matcher->bytes == NULL)
        return no_memory(err);
    if (build->wanted->list_len > 0)
        memcpy(matcher->bytes, build->wanted->list, build->wanted->list_len);
    rc = ak_pattern_list_parse(&string, &matcher->count, matcher->bytes, build->wanted->list_len,
                               err);
    for (size_t i = 0; rc == AK_OK && i < matcher->count; i++)
        rc = add_string(build, &string[i], (uint32_t)i, matcher->count <= FEW_STRINGS, err);
    if (rc == AK_OK && build->literals > 0)
        rc = ak_literals_new(&matcher->literals, build->literal, build->literals,
                             build->wanted->ignore_case, err);
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
    matcher->given = wanted->encodings != 0 && wanted->encodings != AK_CHARSETS_ALL;
    build.matcher = matcher;
    build.wanted = wanted;
    build.encodings = wanted->encodings != 0 ? wanted->encodings : AK_CHARSETS_ALL;
    rc = wanted->pattern != NULL ? build_pattern(&build, err) : take_list(&build, err);
    if (rc == AK_OK && matcher->variants == 0)
        rc =
            ak_fail(err, AK_EUSAGE, "the encoding that was given cannot say what is looked for%s%s",
                    matcher->note[0] != '\0' ? ": " : "", matcher->note);
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
    (void)hs_free_database(matcher->beginnings);
    for (size_t i = 0; i < matcher->variants; i++)
        free(matcher->variant[i].bytes);
    free(matcher->variant);
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

const char *ak_matcher_note(const struct ak_matcher *matcher)
{
    return matcher->note;
}

/* ---- Scanning ---- */

enum ak_code ak_matcher_scan_new(struct ak_matcher_scan **out, const struct ak_matcher *matcher,
                                 struct ak_error *err)
{
    struct ak_matcher_scan *scan = calloc(1, sizeof(*scan));
    hs_scratch_t *scratch = NULL;

    *out = NULL;
    if (scan == NULL ||
        (matcher->expressions != NULL &&
         hs_alloc_scratch(matcher->expressions, &scratch) != HS_SUCCESS) ||
        (matcher->beginnings != NULL &&
         hs_alloc_scratch(matcher->beginnings, &scratch) != HS_SUCCESS)) {
        (void)hs_free_scratch(scratch);
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
    ak_charset_view_free(&scan->view);
    free(scan);
}

/* Keeps one place of each line, as far as they come in order. */
static bool add_place(struct ak_matcher_scan *scan, uint64_t at)
{
    const uint8_t *end;

    if (scan->count > 0 && at >= scan->line_begin && at <= scan->line_end) {
        scan->everywhere = ++scan->passed > PLACES_MORE + scan->count * PLACES_A_LINE;
        return !scan->everywhere;
    }
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
    scan->everywhere = false;
    scan->passed = 0;
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

bool ak_matcher_may(const struct ak_matcher_scan *scan, size_t *k, size_t begin, size_t end)
{
    bool place = scan->everywhere;

    for (; *k < scan->count && scan->at[*k] <= end; ++*k)
        place = place || scan->at[*k] >= begin;
    return place;
}

/* Whether a match stands in the record as characters do; `begin` is not known of an expression that
 * was not asked for beginnings. */
static bool stands(struct ak_matcher_scan *scan, const struct variant *variant, bool has_begin,
                   size_t begin, size_t end)
{
    if (!scan->looked && !ak_charset_look(&scan->view, scan->record, scan->record_len)) {
        scan->failed = true;
        return false;
    }
    scan->looked = true;
    if (!has_begin && !scan->view.plain) {
        scan->again = scan->matcher->beginnings != NULL;
        return !scan->again;
    }
    return ak_charset_stands(&scan->view, variant->charset, variant->begins, scan->matcher->given,
                             begin, end);
}

static bool take_match(struct ak_matcher_scan *scan, uint32_t id, bool has_begin, size_t begin,
                       size_t end)
{
    const struct variant *variant = &scan->matcher->variant[id];

    if (variant->len > 0) {
        begin = end - variant->len;
        has_begin = true;
    }
    if (!stands(scan, variant, has_begin, begin, end))
        return false;
    scan->match->found = true;
    scan->match->pattern = variant->pattern;
    scan->match->charset = variant->charset;
    return true;
}

static int on_record_match(unsigned id, unsigned long long from, unsigned long long to,
                           unsigned flags, void *ctx)
{
    struct ak_matcher_scan *scan = ctx;

    (void)from;
    (void)flags;
    return take_match(scan, id, false, 0, (size_t)to) || scan->failed || scan->again;
}

static int on_record_beginning(unsigned id, unsigned long long from, unsigned long long to,
                               unsigned flags, void *ctx)
{
    struct ak_matcher_scan *scan = ctx;

    (void)flags;
    return take_match(scan, id, true, (size_t)from, (size_t)to) || scan->failed;
}

static bool on_record_literal(void *ctx, uint32_t id, size_t begin, size_t end)
{
    struct ak_matcher_scan *scan = ctx;

    return !take_match(scan, id, true, begin, end) && !scan->failed;
}

enum ak_code ak_matcher_record(struct ak_matcher_scan *scan, const uint8_t *record, size_t len,
                               struct ak_match *match, struct ak_error *err)
{
    static const uint8_t nothing[1] = {0};

    scan->match = match;
    memset(scan->match, 0, sizeof(*scan->match));
    scan->record = len > 0 ? record : nothing;
    scan->record_len = len;
    scan->looked = false;
    scan->again = false;
    scan->failed = false;
    pass(scan, scan->record, len, on_record_match, on_record_literal);
    if (scan->again && !scan->failed) {
        hs_error_t got = hs_scan(scan->matcher->beginnings, (const char *)scan->record,
                                 (unsigned)len, 0, scan->scratch, on_record_beginning, scan);
        assert(got == HS_SUCCESS || got == HS_SCAN_TERMINATED);
        (void)got;
    }
    if (scan->failed)
        return ak_fail(err, AK_ENOMEM, "no memory to look at a record");
    return AK_OK;
}
