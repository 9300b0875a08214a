/* payload.c - own entries' JSON through jansson and the canonical writer. */
#include "payload.h"

#include <akashi/escape.h>
#include <json.h>

#include <string.h>

#define PAYLOAD_TEXT_MAX 4096 /* longest text member; longer texts are cut, never refused */

static void set(struct ak_payload *p, const char *name, json_t *value)
{
    if (value == NULL || json_object_set_new(p->object, name, value) != 0)
        p->failed = true;
}

void ak_payload_begin(struct ak_payload *p, const char *type)
{
    p->object = json_object();
    p->failed = p->object == NULL;
    ak_payload_string(p, "type", type);
}

void ak_payload_event(struct ak_payload *p, const char *event, const char *side)
{
    ak_payload_begin(p, "event");
    ak_payload_string(p, "event", event);
    ak_payload_string(p, "side", side);
}

void ak_payload_string(struct ak_payload *p, const char *name, const char *value)
{
    char escaped[PAYLOAD_TEXT_MAX];
    json_t *text = json_string(value);

    if (text == NULL) {
        (void)ak_escape_terminal(escaped, sizeof(escaped), value, strlen(value));
        text = json_string(escaped);
    }
    set(p, name, text);
}

void ak_payload_dec(struct ak_payload *p, const char *name, uint64_t value)
{
    set(p, name, ak_json_from_dec(value));
}

void ak_payload_number(struct ak_payload *p, const char *name, uint64_t value)
{
    set(p, name, json_integer((json_int_t)value));
}

void ak_payload_bool(struct ak_payload *p, const char *name, bool value)
{
    set(p, name, json_boolean(value));
}

void ak_payload_bytes(struct ak_payload *p, const char *name, const void *data, size_t n)
{
    set(p, name, ak_json_from_bytes(data, n));
}

void ak_payload_inner(struct ak_payload *p, const char *name, struct ak_payload *inner)
{
    inner->object = json_object();
    inner->failed = inner->object == NULL;
    set(p, name, inner->object);
}

void ak_payload_pair(struct ak_payload *p, const char *name, uint64_t value, const char *text)
{
    json_t *array = json_object_get(p->object, name);
    json_t *pair = json_array();

    if (array == NULL) {
        array = json_array();
        set(p, name, array);
    }
    if (pair == NULL || json_array_append_new(pair, ak_json_from_dec(value)) != 0 ||
        json_array_append_new(pair, json_string(text)) != 0) {
        json_decref(pair);
        p->failed = true;
    } else if (json_array_append_new(array, pair) != 0) {
        p->failed = true;
    }
}

enum ak_code ak_payload_end(struct ak_payload *p, char **out, size_t *len, struct ak_error *err)
{
    enum ak_code rc;

    if (p->failed)
        rc = ak_fail(err, AK_ENOMEM, "no memory for an entry of the log itself");
    else
        rc = ak_json_dump(p->object, out, len, err);
    json_decref(p->object);
    p->object = NULL;
    return rc;
}
