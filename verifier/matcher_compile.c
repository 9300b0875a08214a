/* matcher_compile.c - from what is looked for to what looks for it: the expression or the strings
 * in each encoding, and for each of these the library that takes it.
 *
 * Expressions and a few strings go to Hyperscan, which takes all of them in one pass whatever they
 * are; long lists of strings to literals.c, since Hyperscan takes seconds to compile 10^5 of them.
 * What would tell the start of the text from that of a line is refused (matcher.c). */
#include "matcher_private.h"
#include "pattern.h"
#include "pattern_line.h"
#include "pattern_list.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lists of up to so many strings go to Hyperscan: compiled in milliseconds, and faster. */
#define FEW_STRINGS 64u

/* Strings too short for literals.c: more of them than this are no list of indicators. */
#define SHORT_STRINGS_MAX 2048u

#define ESCAPED_BYTES 4u /* \xHH */

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
static enum ak_code add_variant(struct ak_matcher *matcher,
                                const struct ak_matcher_variant *variant, uint32_t *number,
                                struct ak_error *err)
{
    size_t n = matcher->variants;

    if ((n & (n - 1)) == 0) {
        struct ak_matcher_variant *more =
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
static enum ak_code add_expression(struct build *build, char *text,
                                   const struct ak_matcher_variant *variant, struct ak_error *err)
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
                                struct ak_matcher_variant *variant, bool exact,
                                struct ak_error *err)
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
    struct ak_matcher_variant variant = {.charset = charset, .begins = AK_BEGINS_EITHER};
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
    struct ak_matcher_variant variant = {
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

/* Expressions for the first pass, if they can be shorter: of ".*" or ".+" at the end each place of
 * a line would be told. Without them the whole ones serve. */
static void compile_fronts(struct ak_matcher *matcher, const struct build *whole)
{
    struct ak_matcher shorter = {.given = matcher->given};
    struct ak_wanted wanted = *whole->wanted;
    struct build build = {
        .matcher = &shorter, .wanted = &wanted, .encodings = whole->encodings, .flag = whole->flag};
    size_t len = ak_pattern_front(wanted.pattern);
    hs_compile_error_t *why = NULL;
    char *front;

    if (len == strlen(wanted.pattern))
        return;
    front = strndup(wanted.pattern, len);
    wanted.pattern = front;
    if (front != NULL && build_pattern(&build, NULL) == AK_OK &&
        shorter.variants == matcher->variants &&
        hs_compile_multi((const char *const *)build.text, build.flags, build.id, build.count,
                         HS_MODE_BLOCK, NULL, &matcher->fronts, &why) != HS_SUCCESS)
        matcher->fronts = NULL;
    (void)hs_free_compile_error(why);
    build_free(&build);
    free(shorter.variant);
    free(front);
}

/* Whether a place that variant 0 has in a line of plain ASCII is a match. */
static bool stays_in_line(const struct ak_matcher *matcher, const struct ak_wanted *wanted)
{
    return wanted->pattern != NULL && !is_utf16(matcher->variant[0].charset) &&
           matcher->variant[0].begins == AK_BEGINS_SINGLE &&
           (wanted->fixed ? strchr(wanted->pattern, '\n') == NULL
                          : ak_pattern_in_line(wanted->pattern));
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
    if (rc == AK_OK && pattern != NULL && !build->wanted->fixed) {
        compile_fronts(matcher, build);
        compile_beginnings(matcher, build);
    }
    matcher->in_line = stays_in_line(matcher, build->wanted);
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
    (void)hs_free_database(matcher->fronts);
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
