/* config_schema.c - the tables of config_schema.h as libcyaml's schema and as options; the only
 * file that knows libcyaml.
 *
 * libcyaml decides what fits the schema. Its own words and places are for programmers, so when it
 * refuses, schema_explain walks the same schema beside the marks and says it for an operator; only
 * what that does not know is passed on in libcyaml's words. */
#include "config_schema.h"
#include "units.h"

#include <akashi/nearest.h>

#include <cyaml/cyaml.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_BYTES_MAX 4096u /* the longest path Linux takes */
#define OPTIONAL        (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

static const char *const ak_words_level[] = {"error", "warning", "notice", "info", "debug", NULL};
static const char *const ak_words_authentication[] = {"mutual", "none", NULL};
static const char *const ak_words_commitment[] = {"whole", "parts", NULL};
static const char *const ak_words_witness[] = {"open", "closed", NULL};
static const char *const ak_words_expired[] = {"refuse", "accept_and_record", NULL};

/* Options */

#define ROW(raw_struct, struct_name, key, type, fallback, min, max, zero, words, on)               \
    {#key,                                                                                         \
     AK_OPTION_##type,                                                                             \
     offsetof(struct raw_struct, key),                                                             \
     offsetof(struct struct_name, key),                                                            \
     fallback,                                                                                     \
     min,                                                                                          \
     max,                                                                                          \
     zero,                                                                                         \
     words,                                                                                        \
     on},
#define CONFIG_ROW(...) ROW(raw_config, ak_config, __VA_ARGS__)
#define LOG_ROW(...)    ROW(raw_log, ak_config_log, __VA_ARGS__)
#define LIMIT_ROW(...)  ROW(raw_limits, ak_config_limits, __VA_ARGS__)
#define TLS_ROW(...)    ROW(raw_tls, ak_config_tls, __VA_ARGS__)

static const struct ak_option config_options[] = {CONFIG_OPTIONS(CONFIG_ROW)};
static const struct ak_option log_options[] = {LOG_OPTIONS(LOG_ROW)};
static const struct ak_option limit_options[] = {LIMIT_OPTIONS(LIMIT_ROW)};
static const struct ak_option tls_options[] = {TLS_OPTIONS(TLS_ROW)};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

const struct ak_option_table ak_options_config = {config_options, COUNT_OF(config_options)};
const struct ak_option_table ak_options_log = {log_options, COUNT_OF(log_options)};
const struct ak_option_table ak_options_limits = {limit_options, COUNT_OF(limit_options)};
const struct ak_option_table ak_options_tls = {tls_options, COUNT_OF(tls_options)};

/* Words are kept in enums, numbers in uint64_t. */
_Static_assert(sizeof(enum ak_log_level) == sizeof(unsigned), "words are stored as unsigned");
_Static_assert(sizeof(enum ak_config_authentication) == sizeof(unsigned), "the same");
_Static_assert(sizeof(enum ak_config_expired) == sizeof(unsigned), "the same");
_Static_assert(sizeof(enum ak_config_commitment) == sizeof(unsigned), "the same");
_Static_assert(sizeof(enum ak_config_witness) == sizeof(unsigned), "the same");

bool ak_option_applies(const struct ak_option *option, enum ak_transport transport)
{
    return (option->transports & 1u << transport) != 0;
}

uint64_t ak_option_get(const struct ak_option *option, const void *base)
{
    const char *at = (const char *)base + option->value;
    uint64_t number;
    unsigned word;

    if (option->type == AK_OPTION_WORD) {
        memcpy(&word, at, sizeof(word));
        return word;
    }
    memcpy(&number, at, sizeof(number));
    return number;
}

void ak_option_set(const struct ak_option *option, void *base, uint64_t value)
{
    char *at = (char *)base + option->value;
    unsigned word = (unsigned)value;

    if (option->type == AK_OPTION_WORD)
        memcpy(at, &word, sizeof(word));
    else
        memcpy(at, &value, sizeof(value));
}

const char *ak_option_text(const struct ak_option *option, uint64_t value, char *room)
{
    switch (option->type) {
    case AK_OPTION_WORD:
        return option->words[value];
    case AK_OPTION_SIZE:
        return ak_units_size_text(value, room);
    case AK_OPTION_DURATION:
        return ak_units_duration_text(value, room);
    case AK_OPTION_COUNT:
    default:
        (void)snprintf(room, AK_UNITS_TEXT_BYTES, "%llu", (unsigned long long)value);
        return room;
    }
}

static enum ak_code word_parse(const struct ak_option *option, const char *text, uint64_t *value,
                               struct ak_error *err)
{
    const char *near;
    char known[128] = "";
    size_t count = 0;

    for (; option->words[count] != NULL; count++) {
        size_t used = strlen(known);

        if (strcmp(option->words[count], text) == 0) {
            *value = count;
            return AK_OK;
        }
        (void)snprintf(known + used, sizeof(known) - used, "%s%s", count == 0 ? "" : ", ",
                       option->words[count]);
    }
    near = ak_nearest(text, strlen(text), option->words, count);
    if (near != NULL)
        return ak_fail(err, AK_EUSAGE, "\"%.40s\" is none of %s; did you mean %s?", text, known,
                       near);
    return ak_fail(err, AK_EUSAGE, "\"%.40s\" is none of %s", text, known);
}

enum ak_code ak_option_parse(const struct ak_option *option, const char *text, uint64_t *value,
                             struct ak_error *err)
{
    char least[AK_UNITS_TEXT_BYTES];
    char most[AK_UNITS_TEXT_BYTES];
    size_t len = strlen(text);
    enum ak_code rc = AK_OK;

    if (option->type == AK_OPTION_WORD)
        return word_parse(option, text, value, err);
    if (option->type == AK_OPTION_SIZE)
        rc = ak_units_size(text, len, value, err);
    else if (option->type == AK_OPTION_DURATION)
        rc = ak_units_duration(text, len, value, err);
    else
        rc = ak_units_count(text, len, value, err);
    if (rc != AK_OK)
        return rc;
    if (*value == 0 && option->or_zero)
        return AK_OK;
    if (*value < option->min || *value > option->max)
        return ak_fail(
            err, AK_EUSAGE, "\"%.40s\" is too %s; allowed are %s to %s%s", text,
            *value < option->min ? "small" : "large", ak_option_text(option, option->min, least),
            ak_option_text(option, option->max, most), option->or_zero ? ", and 0 for none" : "");
    return AK_OK;
}

uint64_t ak_option_fallback(const struct ak_option *option)
{
    uint64_t value = 0;
    enum ak_code rc = ak_option_parse(option, option->fallback, &value, NULL);

    assert(rc == AK_OK);
    (void)rc;
    return value;
}

/* Schema */

#define TEXT(raw_struct, key)                                                                      \
    CYAML_FIELD_STRING_PTR(#key, OPTIONAL, struct raw_struct, key, 0, VALUE_BYTES_MAX)
#define LIST(raw_struct, key, entry, most)                                                         \
    CYAML_FIELD_SEQUENCE(#key, OPTIONAL, struct raw_struct, key, &(entry), 0, most)
#define CONFIG_FIELD(key, ...) TEXT(raw_config, key),
#define LOG_FIELD(key, ...)    TEXT(raw_log, key),
#define LIMIT_FIELD(key, ...)  TEXT(raw_limits, key),
#define TLS_FIELD(key, ...)    TEXT(raw_tls, key),

static const cyaml_schema_value_t text_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, VALUE_BYTES_MAX)};

static const cyaml_schema_field_t relay_fields[] = {TEXT(raw_sender, certificate),
                                                    TEXT(raw_sender, address), CYAML_FIELD_END};
static const cyaml_schema_field_t expected_fields[] = {TEXT(raw_sender, certificate),
                                                       TEXT(raw_sender, address),
                                                       TEXT(raw_sender, silence), CYAML_FIELD_END};
static const cyaml_schema_field_t route_fields[] = {TEXT(raw_sender, certificate),
                                                    TEXT(raw_sender, address),
                                                    TEXT(raw_sender, log), CYAML_FIELD_END};

static const cyaml_schema_value_t relay_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_sender, relay_fields)};
static const cyaml_schema_value_t expected_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_sender, expected_fields)};
static const cyaml_schema_value_t route_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_sender, route_fields)};

static const cyaml_schema_field_t log_fields[] = {
    TEXT(raw_log, name),
    LOG_OPTIONS(LOG_FIELD) TEXT(raw_log, log_key),
    TEXT(raw_log, policy),
    TEXT(raw_log, witness_ca),
    LIST(raw_log, stamp, text_value, AK_CONFIG_STAMPS_MAX),
    LIST(raw_log, anchor, text_value, AK_CONFIG_ANCHORS_MAX),
    TEXT(raw_log, stamp_ca),
    TEXT(raw_log, stamp_policy),
    LIST(raw_log, expected, expected_value, AK_CONFIG_LIST_MAX),
    LIST(raw_log, relays, relay_value, AK_CONFIG_LIST_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t log_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_log, log_fields)};

static const cyaml_schema_field_t tls_fields[] = {
    TEXT(raw_tls, certificate),
    TEXT(raw_tls, key),
    TEXT(raw_tls, ca),
    TEXT(raw_tls, crl),
    LIST(raw_tls, names, text_value, AK_CONFIG_LIST_MAX),
    LIST(raw_tls, fingerprints, text_value, AK_CONFIG_LIST_MAX),
    TLS_OPTIONS(TLS_FIELD) CYAML_FIELD_END};
static const cyaml_schema_field_t limit_fields[] = {LIMIT_OPTIONS(LIMIT_FIELD) CYAML_FIELD_END};

static const cyaml_schema_field_t listener_fields[] = {
    TEXT(raw_listener, url),
    TEXT(raw_listener, log),
    LIST(raw_listener, allow, text_value, AK_CONFIG_LIST_MAX),
    LIST(raw_listener, route, route_value, AK_CONFIG_LIST_MAX),
    CYAML_FIELD_MAPPING_PTR("tls", OPTIONAL, struct raw_listener, tls, tls_fields),
    CYAML_FIELD_MAPPING_PTR("limits", OPTIONAL, struct raw_listener, limits, limit_fields),
    CYAML_FIELD_END};
static const cyaml_schema_value_t listener_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_listener, listener_fields)};

static const cyaml_schema_field_t config_fields[] = {
    TEXT(raw_config, store), TEXT(raw_config, control),
    CONFIG_OPTIONS(CONFIG_FIELD) LIST(raw_config, logs, log_value, AK_CONFIG_LOGS_MAX),
    LIST(raw_config, listeners, listener_value, AK_CONFIG_LISTENERS_MAX), CYAML_FIELD_END};
static const cyaml_schema_value_t config_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_config, config_fields)};

/* Explanations */

#define KEYS_MAX AK_MARKS_KEYS_MAX

static enum ak_code unknown_key(const char *place, const char *key,
                                const cyaml_schema_field_t *fields, struct ak_error *err)
{
    const char *keys[KEYS_MAX];
    const char *near;
    char known[AK_ERROR_TEXT_BYTES] = "";
    size_t count = 0;

    for (; fields[count].key != NULL && count < KEYS_MAX; count++) {
        size_t used = strlen(known);

        keys[count] = fields[count].key;
        (void)snprintf(known + used, sizeof(known) - used, "%s%s", count == 0 ? "" : ", ",
                       keys[count]);
    }
    near = ak_nearest(key, strlen(key), keys, count);
    if (near != NULL)
        return ak_fail(err, AK_EUSAGE, "%s: unknown option \"%s\"; did you mean %s?", place, key,
                       near);
    return ak_fail(err, AK_EUSAGE, "%s: unknown option \"%s\"; known here: %s", place, key, known);
}

static enum ak_mark_kind kind_wanted(const cyaml_schema_value_t *schema)
{
    if (schema->type == CYAML_MAPPING)
        return AK_MARK_MAPPING;
    return schema->type == CYAML_SEQUENCE ? AK_MARK_SEQUENCE : AK_MARK_SCALAR;
}

static enum ak_code wrong_kind(const char *place, const struct ak_mark *mark,
                               enum ak_mark_kind wanted, struct ak_error *err)
{
    static const char *const wants[] = {[AK_MARK_SCALAR] = "one value",
                                        [AK_MARK_MAPPING] = "options (key: value), indented below",
                                        [AK_MARK_SEQUENCE] =
                                            "a list, each entry on a line that begins with \"- \""};
    static const char *const has[] = {[AK_MARK_SCALAR] = "one value",
                                      [AK_MARK_MAPPING] = "options (key: value)",
                                      [AK_MARK_SEQUENCE] = "a list"};
    const char *what = mark->key[0] != '\0' ? mark->key : "an entry of this list";

    if (mark->parent == 0 && mark->key[0] == '\0' && mark->position == 0)
        what = "a configuration";
    return ak_fail(err, AK_EUSAGE, "%s: %s wants %s; here is %s", place, what, wants[wanted],
                   has[mark->kind]);
}

/* The schema of a child, or NULL with an error set. */
static const cyaml_schema_value_t *child_schema(const char *name,
                                                const cyaml_schema_value_t *schema,
                                                const struct ak_mark *mark, struct ak_error *err)
{
    char place[AK_ERROR_TEXT_BYTES];

    (void)snprintf(place, sizeof(place), "%.300s:%u:%u", name, mark->key_line, mark->key_column);
    if (schema->type == CYAML_SEQUENCE) {
        if (mark->position < schema->sequence.max)
            return schema->sequence.entry;
        (void)ak_fail(err, AK_EUSAGE, "%s: more than %u entries in this list", place,
                      schema->sequence.max);
        return NULL;
    }
    for (const cyaml_schema_field_t *f = schema->mapping.fields; f->key != NULL; f++) {
        if (strcmp(f->key, mark->key) == 0)
            return &f->value;
    }
    (void)unknown_key(place, mark->key, schema->mapping.fields, err);
    return NULL;
}

/* Finds the first mark that does not fit the schema. AK_OK if all do. */
static enum ak_code schema_explain(const char *name, const struct ak_marks *marks,
                                   struct ak_error *err)
{
    const cyaml_schema_value_t **schema =
        calloc(marks->count, sizeof(const cyaml_schema_value_t *));
    char place[AK_ERROR_TEXT_BYTES];
    enum ak_code rc = AK_OK;

    if (schema == NULL)
        return ak_fail(err, AK_ENOMEM, "%s: no memory", name);
    for (size_t i = 0; i < marks->count && rc == AK_OK; i++) {
        const struct ak_mark *mark = &marks->mark[i];

        schema[i] = i == 0 ? &config_value : child_schema(name, schema[mark->parent], mark, err);
        if (schema[i] == NULL) {
            rc = AK_EUSAGE;
        } else if (kind_wanted(schema[i]) != mark->kind) {
            (void)snprintf(place, sizeof(place), "%.300s:%u:%u", name, mark->line, mark->column);
            rc = wrong_kind(place, mark, kind_wanted(schema[i]), err);
        }
    }
    free(schema);
    return rc;
}

/* Loading */

/* libcyaml's first message and the first place of its backtrace, as one text. */
struct words {
    char text[AK_ERROR_TEXT_BYTES / 2];
    char place[64];
};

__attribute__((format(printf, 3, 0))) static void on_cyaml_log(cyaml_log_t level, void *ctx,
                                                               const char *fmt, va_list args)
{
    struct words *words = ctx;
    char line[sizeof(words->text)];
    const char *at;
    unsigned row;
    unsigned column;

    (void)level;
    (void)vsnprintf(line, sizeof(line), fmt, args);
    line[strcspn(line, "\n")] = '\0';
    at = strstr(line, "(line: ");
    if (words->text[0] == '\0')
        memcpy(words->text, line, sizeof(line));
    else if (words->place[0] == '\0' && at != NULL &&
             sscanf(at, "(line: %u, column: %u)", &row, &column) == 2)
        (void)snprintf(words->place, sizeof(words->place), "%u:%u: ", row, column);
}

static cyaml_config_t cyaml_settings(struct words *words)
{
    return (cyaml_config_t){.log_fn = on_cyaml_log,
                            .log_ctx = words,
                            .mem_fn = cyaml_mem,
                            .log_level = CYAML_LOG_WARNING,
                            .flags = CYAML_CFG_NO_ALIAS};
}

enum ak_code ak_schema_load(const char *name, const void *text, size_t len,
                            const struct ak_marks *marks, struct raw_config **out,
                            struct ak_error *err)
{
    struct words words = {.text = ""};
    cyaml_config_t settings = cyaml_settings(&words);
    cyaml_data_t *data = NULL;
    enum ak_code rc;
    cyaml_err_t failed = cyaml_load_data(text, len, &settings, &config_value, &data, NULL);

    *out = data;
    if (failed == CYAML_OK && data != NULL)
        return AK_OK;
    if (failed == CYAML_ERR_OOM)
        return ak_fail(err, AK_ENOMEM, "%s: no memory", name);
    rc = schema_explain(name, marks, err);
    if (rc != AK_OK)
        return rc;
    return ak_fail(err, AK_EUSAGE, "%.200s:%s %s", name, words.place,
                   words.text[0] == '\0' ? cyaml_strerror(failed) : words.text);
}

void ak_schema_free(struct raw_config *raw)
{
    struct words words;
    cyaml_config_t settings = cyaml_settings(&words);

    if (raw != NULL)
        (void)cyaml_free(&settings, &config_value, raw, 0);
}

/* Listing */

static const cyaml_schema_field_t *fields_below(const cyaml_schema_value_t *schema)
{
    if (schema->type == CYAML_SEQUENCE)
        schema = schema->sequence.entry;
    return schema->type == CYAML_MAPPING ? schema->mapping.fields : NULL;
}

void ak_schema_each(void (*on_key)(void *ctx, const char *path), void *ctx)
{
    const cyaml_schema_field_t *at[AK_MARKS_DEPTH_MAX] = {config_fields};
    char path[AK_MARKS_DEPTH_MAX * (AK_MARKS_KEY_BYTES_MAX + 1)] = "";
    size_t prefix[AK_MARKS_DEPTH_MAX] = {0};
    size_t depth = 0;

    for (;;) {
        const cyaml_schema_field_t *field = at[depth];

        if (field->key == NULL) {
            if (depth-- == 0)
                return;
            at[depth]++;
            continue;
        }
        (void)snprintf(path + prefix[depth], sizeof(path) - prefix[depth], "%s%s",
                       depth == 0 ? "" : ".", field->key);
        on_key(ctx, path);
        if (fields_below(&field->value) == NULL) {
            at[depth]++;
            continue;
        }
        assert(depth + 1 < AK_MARKS_DEPTH_MAX);
        prefix[depth + 1] = strlen(path);
        at[depth + 1] = fields_below(&field->value);
        depth++;
    }
}
