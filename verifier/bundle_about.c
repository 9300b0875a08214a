/* bundle_about.c - bundle.json, read and written in its one encoding.
 *
 * Failure modes: a member that is missing, or has another form, is MALFORMED and names the member.
 * Members that are not known are let through, as in the log's own entries. */
#include "bundle_about.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

static const char *const text_names[AK_BUNDLE_TEXTS] = {
    [AK_BUNDLE_TEXT_ORIGIN] = "origin",
    [AK_BUNDLE_TEXT_LOG_KEY] = "log_key",
    [AK_BUNDLE_TEXT_PROGRAM] = "program",
    [AK_BUNDLE_TEXT_PROGRAM_SHA256] = "program_sha256",
    [AK_BUNDLE_TEXT_CASE] = "case",
    [AK_BUNDLE_TEXT_EXHIBIT] = "exhibit",
    [AK_BUNDLE_TEXT_BY] = "by",
    [AK_BUNDLE_TEXT_REASON] = "reason",
    [AK_BUNDLE_TEXT_SEVERITY] = "severity",
    [AK_BUNDLE_TEXT_TLP] = "tlp",
    [AK_BUNDLE_TEXT_ON_BEHALF_OF] = "on_behalf_of",
    [AK_BUNDLE_TEXT_MANDATE] = "mandate",
};

static const char *const whats[] = {"index", "time", "match"};

const char *ak_bundle_text_name(enum ak_bundle_text text)
{
    return text_names[text];
}

/* A string without NUL in it. */
static enum ak_code take_text(const json_t *value, const char *name, const char **out,
                              struct ak_error *err)
{
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return ak_fail(err, AK_EMALFORMED, "bundle.json: member %s is no text", name);
    *out = json_string_value(value);
    return AK_OK;
}

static enum ak_code read_texts(struct ak_bundle_about *about, const json_t *object,
                               struct ak_error *err)
{
    for (unsigned i = 0; i < AK_BUNDLE_TEXTS; i++) {
        const json_t *value = json_object_get(object, text_names[i]);
        enum ak_code rc;
        if (value == NULL && i >= AK_BUNDLE_TEXT_SEVERITY)
            continue;
        rc = take_text(value, text_names[i], &about->text[i], err);
        if (rc == AK_OK && about->text[i][0] == '\0')
            rc = ak_fail(err, AK_EMALFORMED, "bundle.json: member %s is empty", text_names[i]);
        if (rc != AK_OK)
            return rc;
    }
    return AK_OK;
}

static enum ak_code read_redactions(struct ak_bundle_about *about, const json_t *object,
                                    struct ak_error *err)
{
    const json_t *array = json_object_get(object, "redactions");
    size_t n = json_array_size(array);
    enum ak_code rc = AK_OK;

    if (!json_is_array(array) || n > UINT16_MAX)
        return ak_fail(err, AK_EMALFORMED, "bundle.json: member redactions is not of its form");
    about->redaction = calloc(n + 1, sizeof(*about->redaction));
    if (about->redaction == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a list of redactions");
    for (size_t i = 0; rc == AK_OK && i < n; i++) {
        const json_t *one = json_array_get(array, i);
        rc = take_text(json_object_get(one, "reason"), "reason", &about->redaction[i].reason, err);
        if (rc == AK_OK)
            rc = take_text(json_object_get(one, "what"), "what", &about->redaction[i].what, err);
        about->redaction_count = i + 1;
    }
    return rc;
}

/* An array of texts, which must not be empty if it is there; the list is malloc'ed. */
static enum ak_code read_list(const json_t *asked, const char *name, bool needed,
                              const char *const **out, size_t *count, struct ak_error *err)
{
    const json_t *array = json_object_get(asked, name);
    const char **list;
    enum ak_code rc = AK_OK;
    size_t n = json_array_size(array);

    if (array == NULL && !needed)
        return AK_OK;
    if (!json_is_array(array) || n == 0)
        return ak_fail(err, AK_EMALFORMED, "bundle.json: member %s is not of its form", name);
    list = calloc(n, sizeof(*list));
    if (list == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a list of texts");
    for (size_t i = 0; rc == AK_OK && i < n; i++)
        rc = take_text(json_array_get(array, i), name, &list[i], err);
    *out = list;
    *count = n;
    return rc;
}

static enum ak_code read_sources(struct ak_bundle_range *asked, const json_t *object,
                                 struct ak_error *err)
{
    const json_t *array = json_object_get(object, "sources");
    uint32_t *list;
    size_t n = json_array_size(array);

    if (array == NULL)
        return AK_OK;
    list = calloc(n + 1, sizeof(*list));
    if (list == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a list of sources");
    asked->sources = list;
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(array, i);
        if (!json_is_integer(value) || json_integer_value(value) > UINT32_MAX ||
            (i > 0 && json_integer_value(value) <= (json_int_t)list[i - 1]))
            return ak_fail(err, AK_EMALFORMED, "bundle.json: member sources is not of its form");
        list[i] = (uint32_t)json_integer_value(value);
    }
    asked->source_count = n;
    if (!json_is_array(array) || n == 0)
        return ak_fail(err, AK_EMALFORMED, "bundle.json: member sources is not of its form");
    return read_list(object, "source", true, &asked->source_texts, &asked->source_text_count, err);
}

static enum ak_code read_times(struct ak_bundle_range *asked, const json_t *object,
                               struct ak_error *err)
{
    enum ak_code rc;

    if (asked->what == AK_BUNDLE_MATCH && json_object_get(object, "from") == NULL)
        return AK_OK;
    rc = ak_json_dec(object, "from", &asked->from, err);
    if (rc == AK_OK)
        rc = ak_json_dec(object, "to", &asked->to, err);
    if (rc == AK_OK && asked->from >= asked->to)
        rc = ak_fail(err, AK_EMALFORMED, "from is not before to");
    if (rc != AK_OK)
        ak_wrap(err, "bundle.json");
    return rc;
}

static enum ak_code read_indices(struct ak_bundle_range *asked, const json_t *object,
                                 struct ak_error *err)
{
    enum ak_code rc = ak_json_dec(object, "first", &asked->first, err);

    if (rc == AK_OK)
        rc = ak_json_dec(object, "last", &asked->last, err);
    if (rc == AK_OK && asked->first > asked->last)
        rc = ak_fail(err, AK_EMALFORMED, "first is behind last");
    if (rc != AK_OK)
        ak_wrap(err, "bundle.json");
    return rc;
}

static enum ak_code read_what(struct ak_bundle_range *asked, const json_t *object,
                              struct ak_error *err)
{
    const char *what = NULL;
    enum ak_code rc = take_text(json_object_get(object, "what"), "what", &what, err);

    if (rc != AK_OK)
        return rc;
    for (unsigned i = 0; i < sizeof(whats) / sizeof(whats[0]); i++) {
        if (strcmp(whats[i], what) == 0) {
            asked->what = (enum ak_bundle_what)i;
            return AK_OK;
        }
    }
    return ak_fail(err, AK_EMALFORMED, "bundle.json: asked for what is not known");
}

static enum ak_code read_asked(struct ak_bundle_range *asked, const json_t *object,
                               struct ak_error *err)
{
    const json_t *events = json_object_get(object, "events");
    const json_t *identity = json_object_get(object, "identity");
    enum ak_code rc = read_what(asked, object, err);

    if (rc == AK_OK && asked->what == AK_BUNDLE_INDEX)
        return read_indices(asked, object, err);
    if (rc == AK_OK)
        rc = read_times(asked, object, err);
    if (rc == AK_OK)
        rc = read_sources(asked, object, err);
    if (rc == AK_OK && asked->what == AK_BUNDLE_MATCH)
        return read_list(object, "match", true, &asked->patterns, &asked->pattern_count, err);
    if (rc == AK_OK && identity != NULL)
        rc = take_text(identity, "identity", &asked->identity, err);
    if (rc == AK_OK && ((identity != NULL && asked->source_count > 0) ||
                        (events != NULL && (!json_is_true(events) ||
                                            (identity == NULL && asked->source_count == 0)))))
        rc = ak_fail(err, AK_EMALFORMED, "bundle.json: what was asked contradicts itself");
    asked->events = events != NULL;
    return rc;
}

static enum ak_code read_numbers(struct ak_bundle_about *about, const json_t *object,
                                 struct ak_error *err)
{
    const json_t *version = json_object_get(object, "version");
    const char *type = NULL;
    enum ak_code rc = take_text(json_object_get(object, "type"), "type", &type, err);

    if (rc == AK_OK && strcmp(type, "bundle") != 0)
        rc = ak_fail(err, AK_EMALFORMED, "bundle.json: its type is not bundle");
    if (rc == AK_OK && !json_is_integer(version))
        rc = ak_fail(err, AK_EMALFORMED, "bundle.json: member version is no number");
    if (rc == AK_OK && json_integer_value(version) != AK_BUNDLE_VERSION)
        rc = ak_fail(err, AK_EUNSUPPORTED, "bundles of version %lld are not known",
                     (long long)json_integer_value(version));
    if (rc == AK_OK)
        rc = ak_json_dec(object, "made", &about->made, err);
    if (rc == AK_OK && about->made % 1000000000 != 0)
        rc = ak_fail(err, AK_EMALFORMED, "bundle.json: made is no whole second");
    return rc;
}

enum ak_code ak_bundle_about_read(struct ak_bundle_about *about, const void *data, size_t len,
                                  struct ak_error *err)
{
    json_t *object;
    enum ak_code rc;

    memset(about, 0, sizeof(*about));
    rc = ak_json_parse(data, len, &object, err);
    if (rc != AK_OK) {
        ak_wrap(err, "bundle.json");
        return rc == AK_ELIMIT ? AK_EMALFORMED : rc;
    }
    about->json = object;
    rc = read_numbers(about, object, err);
    if (rc == AK_OK)
        rc = read_texts(about, object, err);
    if (rc == AK_OK)
        rc = read_redactions(about, object, err);
    if (rc == AK_OK)
        rc = read_asked(&about->asked, json_object_get(object, "asked"), err);
    return rc;
}

void ak_bundle_about_free(struct ak_bundle_about *about)
{
    free((void *)(uintptr_t)about->asked.sources);
    free((void *)(uintptr_t)about->asked.source_texts);
    free((void *)(uintptr_t)about->asked.patterns);
    free(about->redaction);
    json_decref(about->json);
    memset(about, 0, sizeof(*about));
}

/* ---- Writing ---- */

/* Takes over `value`; false without memory or for a text that is not UTF-8. */
static bool put(json_t *object, const char *name, json_t *value)
{
    return value != NULL && json_object_set_new(object, name, value) == 0;
}

static json_t *list_of(const char *const *list, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; array != NULL && i < count; i++) {
        if (json_array_append_new(array, json_string(list[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static bool put_sources(json_t *object, const struct ak_bundle_range *asked)
{
    json_t *array = json_array();

    for (size_t i = 0; array != NULL && i < asked->source_count; i++)
        (void)json_array_append_new(array, json_integer(asked->sources[i]));
    return put(object, "sources", array) &&
           put(object, "source", list_of(asked->source_texts, asked->source_text_count));
}

static json_t *asked_object(const struct ak_bundle_range *asked)
{
    json_t *object = json_object();
    bool good = object != NULL && put(object, "what", json_string(whats[asked->what]));

    if (good && asked->what == AK_BUNDLE_INDEX)
        good = put(object, "first", ak_json_from_dec(asked->first)) &&
               put(object, "last", ak_json_from_dec(asked->last));
    else if (good && asked->to > 0)
        good = put(object, "from", ak_json_from_dec(asked->from)) &&
               put(object, "to", ak_json_from_dec(asked->to));
    if (good && asked->source_count > 0)
        good = put_sources(object, asked);
    if (good && asked->identity != NULL)
        good = put(object, "identity", json_string(asked->identity));
    if (good && asked->events)
        good = put(object, "events", json_true());
    if (good && asked->what == AK_BUNDLE_MATCH)
        good = put(object, "match", list_of(asked->patterns, asked->pattern_count));
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *redactions_array(const struct ak_bundle_about *about)
{
    json_t *array = json_array();

    for (size_t i = 0; array != NULL && i < about->redaction_count; i++) {
        json_t *one = json_object();
        bool good = one != NULL && put(one, "reason", json_string(about->redaction[i].reason)) &&
                    put(one, "what", json_string(about->redaction[i].what));
        if (!good || json_array_append(array, one) != 0) {
            json_decref(array);
            array = NULL;
        }
        json_decref(one);
    }
    return array;
}

enum ak_code ak_bundle_about_write(const struct ak_bundle_about *about, char **data, size_t *len,
                                   struct ak_error *err)
{
    json_t *object = json_object();
    bool good = object != NULL && put(object, "type", json_string("bundle")) &&
                put(object, "version", json_integer(AK_BUNDLE_VERSION)) &&
                put(object, "made", ak_json_from_dec(about->made)) &&
                put(object, "asked", asked_object(&about->asked)) &&
                put(object, "redactions", redactions_array(about));
    enum ak_code rc;

    for (unsigned i = 0; good && i < AK_BUNDLE_TEXTS; i++) {
        if (about->text[i] != NULL)
            good = put(object, text_names[i], json_string(about->text[i]));
    }
    if (good)
        rc = ak_json_dump(object, data, len, err);
    else
        rc = ak_fail(err, AK_EUSAGE,
                     "what is to stand in bundle.json is not UTF-8, or there is no memory for it");
    json_decref(object);
    return rc;
}
