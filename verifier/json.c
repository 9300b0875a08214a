/* json.c - canonical JSON: parse, write again, compare. */
#include "json.h"

#include <akashi/base64.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_INTEGER_MAX      9007199254740991 /* 2^53 - 1: what every reader holds exactly */
#define JSON_MEMBERS_MAX      4096             /* members of one object; 64 KiB hold fewer */
#define JSON_BYTES_MEMBER_MAX 4096             /* longest base64 member made here */

struct out {
    char *data;
    size_t len;
    size_t cap;
    bool failed; /* no memory, or past AK_JSON_BYTES_MAX */
};

static void put(struct out *o, const char *data, size_t n)
{
    if (o->failed)
        return;
    if (o->len + n > o->cap) {
        size_t cap = o->cap * 2 + n + 256;
        char *grown = o->len + n > AK_JSON_BYTES_MAX ? NULL : realloc(o->data, cap);
        if (grown == NULL) {
            o->failed = true;
            return;
        }
        o->data = grown;
        o->cap = cap;
    }
    memcpy(o->data + o->len, data, n);
    o->len += n;
}

/* RFC 8785 3.2.2.2: the short escapes, \u00xx for other controls, all else as it is. */
static void put_string(struct out *o, const char *s, size_t n)
{
    static const char shorts[] = "btn\0fr"; /* 0x08 to 0x0d; 0x0b has none */
    char text[8];

    put(o, "\"", 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\') {
            text[0] = '\\';
            text[1] = (char)c;
            put(o, text, 2);
        } else if (c >= 0x08 && c <= 0x0d && c != 0x0b) {
            text[0] = '\\';
            text[1] = shorts[c - 0x08];
            put(o, text, 2);
        } else if (c < 0x20) {
            (void)snprintf(text, sizeof(text), "\\u%04x", c);
            put(o, text, 6);
        } else {
            put(o, s + i, 1);
        }
    }
    put(o, "\"", 1);
}

static bool name_ok(const char *name)
{
    size_t n = strlen(name);

    return n > 0 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum ak_code put_value(struct out *o, const json_t *value, unsigned depth,
                              struct ak_error *err);

/* Names are ASCII, so byte order is the UTF-16 order of RFC 8785. */
static enum ak_code put_object(struct out *o, const json_t *value, unsigned depth,
                               struct ak_error *err)
{
    json_t *object = (json_t *)(uintptr_t)value; /* jansson iterates over non-const only */
    size_t count = json_object_size(value);
    size_t i = 0;
    enum ak_code rc = AK_OK;
    const char **names;
    const char *name;
    json_t *member;

    if (count > JSON_MEMBERS_MAX)
        return ak_fail(err, AK_EMALFORMED, "an object has %zu members", count);
    names = calloc(count + 1, sizeof(*names));
    if (names == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for an object");
    json_object_foreach(object, name, member) names[i++] = name;
    qsort(names, count, sizeof(*names), compare_names);
    put(o, "{", 1);
    for (i = 0; i < count && rc == AK_OK; i++) {
        if (!name_ok(names[i])) {
            rc = ak_fail(err, AK_EMALFORMED, "a member's name is not [a-z0-9_]+");
            break;
        }
        if (i > 0)
            put(o, ",", 1);
        put_string(o, names[i], strlen(names[i]));
        put(o, ":", 1);
        rc = put_value(o, json_object_get(value, names[i]), depth + 1, err);
    }
    put(o, "}", 1);
    free(names);
    return rc;
}

static enum ak_code put_array(struct out *o, const json_t *value, unsigned depth,
                              struct ak_error *err)
{
    size_t count = json_array_size(value);
    enum ak_code rc = AK_OK;

    put(o, "[", 1);
    for (size_t i = 0; i < count && rc == AK_OK; i++) {
        if (i > 0)
            put(o, ",", 1);
        rc = put_value(o, json_array_get(value, i), depth + 1, err);
    }
    put(o, "]", 1);
    return rc;
}

/* Bounded recursion: AK_JSON_DEPTH_MAX levels. */
static enum ak_code put_value(struct out *o, const json_t *value, unsigned depth,
                              struct ak_error *err)
{
    char text[32];
    int n;

    if (depth > AK_JSON_DEPTH_MAX && (json_is_object(value) || json_is_array(value)))
        return ak_fail(err, AK_EMALFORMED, "values lie deeper than %u levels", AK_JSON_DEPTH_MAX);
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return put_object(o, value, depth, err);
    case JSON_ARRAY:
        return put_array(o, value, depth, err);
    case JSON_STRING:
        put_string(o, json_string_value(value), json_string_length(value));
        return AK_OK;
    case JSON_INTEGER:
        if (json_integer_value(value) < 0 || json_integer_value(value) > JSON_INTEGER_MAX)
            return ak_fail(err, AK_EMALFORMED, "a number is not from 0 to 2^53 - 1");
        n = snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
        put(o, text, (size_t)n);
        return AK_OK;
    case JSON_TRUE:
        put(o, "true", 4);
        return AK_OK;
    case JSON_FALSE:
        put(o, "false", 5);
        return AK_OK;
    default:
        return ak_fail(err, AK_EMALFORMED, "null and fractions have no place here");
    }
}

enum ak_code ak_json_dump(const json_t *value, char **out, size_t *len, struct ak_error *err)
{
    struct out o = {0};
    enum ak_code rc;

    if (!json_is_object(value))
        return ak_fail(err, AK_EMALFORMED, "not a JSON object");
    rc = put_value(&o, value, 1, err);
    if (rc == AK_OK && (o.failed || o.len > AK_JSON_BYTES_MAX))
        rc = ak_fail(err, AK_ELIMIT, "a JSON payload is over %u bytes", AK_JSON_BYTES_MAX);
    if (rc != AK_OK) {
        free(o.data);
        return rc;
    }
    *out = o.data;
    *len = o.len;
    return AK_OK;
}

enum ak_code ak_json_parse(const void *data, size_t len, json_t **out, struct ak_error *err)
{
    enum ak_code rc;
    json_error_t why;
    json_t *value;
    char *again;
    size_t again_len;

    if (len > AK_JSON_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "a JSON payload is over %u bytes", AK_JSON_BYTES_MAX);
    value = json_loadb(data, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (value == NULL)
        return ak_fail(err, AK_EMALFORMED, "JSON at byte %d: %s", why.position, why.text);
    rc = ak_json_dump(value, &again, &again_len, err);
    if (rc != AK_OK) {
        json_decref(value);
        return rc;
    }
    if (again_len != len || memcmp(again, data, len) != 0)
        rc = ak_fail(err, AK_EMALFORMED, "JSON is not in its one encoding (format.md 10)");
    free(again);
    if (rc != AK_OK)
        json_decref(value);
    else
        *out = value;
    return rc;
}

bool ak_json_dec_at(const json_t *array, size_t i, uint64_t *value)
{
    json_t *object = json_object();
    bool good = object != NULL && json_object_set(object, "x", json_array_get(array, i)) == 0 &&
                ak_json_dec(object, "x", value, NULL) == AK_OK;

    json_decref(object);
    return good;
}

enum ak_code ak_json_string(const json_t *object, const char *name, const char **value,
                            struct ak_error *err)
{
    const json_t *member = json_object_get(object, name);

    if (!json_is_string(member) || strlen(json_string_value(member)) != json_string_length(member))
        return ak_fail(err, AK_EMALFORMED, "member `%s` is not a string", name);
    *value = json_string_value(member);
    return AK_OK;
}

enum ak_code ak_json_dec(const json_t *object, const char *name, uint64_t *value,
                         struct ak_error *err)
{
    const char *s;
    uint64_t v = 0;

    if (ak_json_string(object, name, &s, err) != AK_OK)
        return AK_EMALFORMED;
    if (s[0] == '\0' || (s[0] == '0' && s[1] != '\0'))
        goto bad;
    for (; *s != '\0'; s++) {
        unsigned digit = (unsigned)*s - '0';
        if (digit > 9 || v > (UINT64_MAX - digit) / 10)
            goto bad;
        v = v * 10 + digit;
    }
    *value = v;
    return AK_OK;
bad:
    return ak_fail(err, AK_EMALFORMED, "member `%s` is not a decimal number", name);
}

enum ak_code ak_json_bytes(const json_t *object, const char *name, uint8_t *out, size_t n,
                           struct ak_error *err)
{
    const char *s;
    size_t got;

    if (ak_json_string(object, name, &s, err) != AK_OK)
        return AK_EMALFORMED;
    if (ak_base64_decode(out, n, &got, s, strlen(s), NULL) != AK_OK || got != n)
        return ak_fail(err, AK_EMALFORMED, "member `%s` is not base64 of %zu bytes", name, n);
    return AK_OK;
}

json_t *ak_json_from_dec(uint64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRIu64, value);
    return json_string(text);
}

json_t *ak_json_from_bytes(const void *data, size_t n)
{
    char text[JSON_BYTES_MEMBER_MAX / 3 * 4 + 8];

    if (n > JSON_BYTES_MEMBER_MAX)
        return NULL;
    (void)ak_base64_encode(text, sizeof(text), data, n);
    return json_string(text);
}
