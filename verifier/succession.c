/* succession.c - the event with which a successor begins: reading and writing its members
 * (docs/format.md 10.7).
 *
 * No signature is checked here: whether the checkpoints in it are what they seem is asked by who
 * has the old log's key. */
#include "succession.h"

#include <akashi/epoch.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static enum ak_code wrong(const char *name, struct ak_error *err)
{
    return ak_fail(err, AK_EMALFORMED, "member %s of a succession is not of its form", name);
}

static enum ak_code read_origin(struct ak_succession *s, const json_t *object, struct ak_error *err)
{
    const char *text;
    size_t len;

    if (ak_json_string(object, "origin", &text, NULL) != AK_OK)
        return wrong("origin", err);
    len = json_string_length(json_object_get(object, "origin"));
    if (ak_origin_check(text, len, NULL) != AK_OK)
        return wrong("origin", err);
    memcpy(s->origin, text, len + 1);
    if (ak_json_string(object, "key", &text, NULL) != AK_OK ||
        ak_vkey_parse(&s->key, text, json_string_length(json_object_get(object, "key")), NULL) !=
            AK_OK ||
        strcmp(s->key.name, s->origin) != 0)
        return wrong("key", err);
    return AK_OK;
}

static enum ak_code read_sizes(struct ak_succession *s, const json_t *object, struct ak_error *err)
{
    bool has_size = json_object_get(object, "signed") != NULL;
    bool has_root = json_object_get(object, "signed_root") != NULL;

    if (ak_json_dec(object, "size", &s->size, NULL) != AK_OK || s->size > AK_TREE_SIZE_MAX)
        return wrong("size", err);
    if (ak_json_bytes(object, "root", s->root.b, AK_HASH_BYTES, NULL) != AK_OK)
        return wrong("root", err);
    s->has_signed = has_size;
    if (has_size != has_root)
        return wrong("signed", err);
    if (has_size && (ak_json_dec(object, "signed", &s->signed_size, NULL) != AK_OK ||
                     s->signed_size > AK_TREE_SIZE_MAX))
        return wrong("signed", err);
    if (has_root &&
        ak_json_bytes(object, "signed_root", s->signed_root.b, AK_HASH_BYTES, NULL) != AK_OK)
        return wrong("signed_root", err);
    s->known = has_size && s->signed_size > s->size ? s->signed_size : s->size;
    return AK_OK;
}

static enum ak_code read_note(struct ak_succession *s, const json_t *value, struct ak_error *err)
{
    struct ak_succession_note *at = &s->note[s->note_count];
    struct ak_note note;

    at->text = json_string_value(value);
    at->len = json_string_length(value);
    if (at->text == NULL || at->len > AK_SUCCESSION_NOTE_BYTES_MAX ||
        ak_note_parse(&note, at->text, at->len, NULL) != AK_OK ||
        ak_checkpoint_parse(&at->checkpoint, note.text, note.text_len, false, NULL) != AK_OK ||
        at->checkpoint.size == 0 || strcmp(at->checkpoint.origin, s->origin) != 0 ||
        (s->note_count > 0 && at[-1].checkpoint.size >= at->checkpoint.size))
        return wrong("checkpoints", err);
    s->note_count++;
    if (at->checkpoint.size > s->known)
        s->known = at->checkpoint.size;
    return AK_OK;
}

enum ak_code ak_succession_members(struct ak_succession *s, const json_t *object,
                                   struct ak_error *err)
{
    const json_t *notes = json_object_get(object, "checkpoints");
    const char *side;
    enum ak_code rc;

    memset(s, 0, sizeof(*s));
    s->reason = "";
    rc = read_origin(s, object, err);
    if (rc == AK_OK)
        rc = read_sizes(s, object, err);
    if (rc == AK_OK && (!json_is_array(notes) || json_array_size(notes) > AK_SUCCESSION_NOTES_MAX))
        rc = wrong("checkpoints", err);
    for (size_t i = 0; rc == AK_OK && i < json_array_size(notes); i++)
        rc = read_note(s, json_array_get(notes, i), err);
    if (rc == AK_OK && json_object_get(object, "reason") != NULL &&
        (ak_json_string(object, "reason", &s->reason, NULL) != AK_OK ||
         strlen(s->reason) > AK_SUCCESSION_REASON_MAX))
        rc = wrong("reason", err);
    if (rc == AK_OK &&
        (ak_json_string(object, "side", &side, NULL) != AK_OK || strcmp(side, "operator") != 0))
        rc = wrong("side", err);
    return rc;
}

enum ak_code ak_succession_read(struct ak_succession *s, void **object, const void *payload,
                                size_t len, struct ak_error *err)
{
    const char *event;
    json_t *read = NULL;
    enum ak_code rc = ak_json_parse(payload, len, &read, err);

    *object = NULL;
    if (rc == AK_OK &&
        (ak_json_string(read, "event", &event, NULL) != AK_OK || strcmp(event, "succession") != 0))
        rc = ak_fail(err, AK_EMALFORMED, "it is no event of a succession");
    if (rc == AK_OK)
        rc = ak_succession_members(s, read, err);
    if (rc == AK_OK)
        *object = read;
    else
        json_decref(read);
    return rc;
}

bool ak_succession_same(const struct ak_succession *first, const struct ak_succession *more)
{
    return strcmp(first->origin, more->origin) == 0 && first->size == more->size &&
           ak_hash_equal(&first->root, &more->root) &&
           memcmp(first->key.key, more->key.key, sizeof(first->key.key)) == 0;
}

void ak_succession_done(void *object)
{
    json_decref(object);
}

/* Sets a member that is a new reference. */
static bool set(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0;
}

static json_t *notes_json(const struct ak_succession *s)
{
    json_t *array = json_array();

    for (unsigned i = 0; array != NULL && i < s->note_count; i++) {
        if (json_array_append_new(array, json_stringn(s->note[i].text, s->note[i].len)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

enum ak_code ak_succession_make(const struct ak_succession *s, char **payload, size_t *len,
                                struct ak_error *err)
{
    char vkey[AK_VKEY_TEXT_BYTES_MAX];
    struct ak_succession *again = malloc(sizeof(*again));
    json_t *object =
        json_pack("{s:s, s:s, s:s}", "type", "event", "event", "succession", "side", "operator");
    bool good;
    enum ak_code rc;

    (void)ak_vkey_format(vkey, sizeof(vkey), &s->key);
    good = again != NULL && object != NULL && set(object, "origin", json_string(s->origin)) &&
           set(object, "key", json_string(vkey)) &&
           set(object, "size", ak_json_from_dec(s->size)) &&
           set(object, "root", ak_json_from_bytes(s->root.b, AK_HASH_BYTES)) &&
           set(object, "checkpoints", notes_json(s));
    if (good && s->has_signed)
        good = set(object, "signed", ak_json_from_dec(s->signed_size)) &&
               set(object, "signed_root", ak_json_from_bytes(s->signed_root.b, AK_HASH_BYTES));
    if (good && s->reason != NULL && s->reason[0] != '\0')
        good = set(object, "reason", json_string(s->reason));
    rc = good ? ak_succession_members(again, object, err)
              : ak_fail(err, AK_ENOMEM, "no memory for a succession");
    if (rc == AK_OK)
        rc = ak_json_dump(object, payload, len, err);
    json_decref(object);
    free(again);
    return rc;
}
