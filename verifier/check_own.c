/* check_own.c - what docs/format.md 10.1 to 10.6 demand of own payloads, member by member.
 *
 * Members that are not named there are let through; a named one of another type is malformed. */
#include "check_own.h"

#include "json.h"

#include <akashi/format.h>

#include <stdio.h>
#include <string.h>

#define OWN_ARRAY_MAX 4096u /* ranges of an order: more do not fit a payload anyway */

enum member_type { TEXT, DEC, NUMBER, TRUTH, B64_32, B64_64, B64_ANY };

struct member {
    const char *name;
    enum member_type type;
    bool needed;
};

static const char *const transports[] = {"udp",      "tcp",  "tls",    "relp",
                                         "relp+tls", "unix", "import", NULL};
static const char *const identities[] = {"certificate", "address",  "forgeable", "local",
                                         "imported",    "overflow", NULL};
static const char *const sides[] = {"sender", "network", "collector", "operator", "unknown", NULL};
static const char *const actions[] = {"erase", "expire", "hold", "release", "authority", NULL};

static enum ak_code check_member(const json_t *object, const struct member *member,
                                 struct ak_error *err)
{
    const json_t *value = json_object_get(object, member->name);
    uint8_t bytes[AK_SHA512_BYTES];
    uint64_t number;
    enum ak_code rc = AK_OK;

    if (value == NULL)
        return member->needed ? ak_fail(err, AK_EMALFORMED, "member %s is not there", member->name)
                              : AK_OK;
    switch (member->type) {
    case TEXT:
    case B64_ANY:
        rc = json_is_string(value) ? AK_OK : AK_EMALFORMED;
        break;
    case DEC:
        rc = ak_json_dec(object, member->name, &number, NULL);
        break;
    case NUMBER:
        rc = json_is_integer(value) ? AK_OK : AK_EMALFORMED;
        break;
    case TRUTH:
        rc = json_is_boolean(value) ? AK_OK : AK_EMALFORMED;
        break;
    case B64_32:
        rc = ak_json_bytes(object, member->name, bytes, AK_HASH_BYTES, NULL);
        break;
    case B64_64:
        rc = ak_json_bytes(object, member->name, bytes, AK_SHA512_BYTES, NULL);
        break;
    }
    if (rc != AK_OK)
        return ak_fail(err, AK_EMALFORMED, "member %s is not of its form", member->name);
    return AK_OK;
}

static enum ak_code check_members(const json_t *object, const struct member *members,
                                  struct ak_error *err)
{
    for (const struct member *m = members; m->name != NULL; m++) {
        enum ak_code rc = check_member(object, m, err);
        if (rc != AK_OK)
            return rc;
    }
    return AK_OK;
}

static enum ak_code check_word(const json_t *object, const char *name, const char *const *words,
                               struct ak_error *err)
{
    const char *value;
    enum ak_code rc = ak_json_string(object, name, &value, err);

    if (rc != AK_OK)
        return rc;
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], value) == 0)
            return AK_OK;
    }
    return ak_fail(err, AK_EMALFORMED, "member %s has none of its values", name);
}

static void copy_file(struct ak_own *own, const json_t *object)
{
    const char *file;

    if (ak_json_string(object, "file", &file, NULL) == AK_OK)
        (void)snprintf(own->file, sizeof(own->file), "%s", file);
}

static enum ak_code read_source(const json_t *object, struct ak_error *err)
{
    static const struct member members[] = {
        {"listener", TEXT, true},       {"address", TEXT, false}, {"name", TEXT, false},
        {"fingerprint", B64_32, false}, {"relay", TRUTH, true},   {NULL, TEXT, false}};
    enum ak_code rc = check_word(object, "transport", transports, err);
    const char *identity;

    if (rc == AK_OK)
        rc = check_word(object, "identity", identities, err);
    if (rc == AK_OK)
        rc = check_members(object, members, err);
    if (rc != AK_OK)
        return rc;
    rc = ak_json_string(object, "identity", &identity, err);
    if (rc == AK_OK && strcmp(identity, "certificate") == 0 &&
        (json_object_get(object, "name") == NULL || json_object_get(object, "fingerprint") == NULL))
        return ak_fail(err, AK_EMALFORMED, "identity certificate without name and fingerprint");
    return rc;
}

static enum ak_code read_manifest(struct ak_own *own, const json_t *object, struct ak_error *err)
{
    static const struct member members[] = {
        {"first", DEC, true},     {"end", DEC, true},     {"generation", NUMBER, true},
        {"file", TEXT, true},     {"bytes", DEC, true},   {"sha512", B64_64, true},
        {"header", B64_32, true}, {"root", B64_32, true}, {"positions", B64_32, true},
        {"order", DEC, false},    {NULL, TEXT, false}};
    enum ak_code rc = check_members(object, members, err);

    if (rc != AK_OK)
        return rc;
    (void)ak_json_dec(object, "first", &own->first, NULL);
    (void)ak_json_dec(object, "end", &own->end, NULL);
    (void)ak_json_dec(object, "bytes", &own->bytes, NULL);
    own->generation = (uint64_t)json_integer_value(json_object_get(object, "generation"));
    (void)ak_json_bytes(object, "sha512", own->sha512, AK_SHA512_BYTES, NULL);
    (void)ak_json_bytes(object, "header", own->header.b, AK_HASH_BYTES, NULL);
    (void)ak_json_bytes(object, "root", own->root.b, AK_HASH_BYTES, NULL);
    (void)ak_json_bytes(object, "positions", own->positions.b, AK_HASH_BYTES, NULL);
    copy_file(own, object);
    return AK_OK;
}

static enum ak_code read_event(struct ak_own *own, const json_t *object, struct ak_error *err)
{
    static const struct member common[] = {{"event", TEXT, true},     {"source", NUMBER, false},
                                           {"listener", TEXT, false}, {"since", DEC, false},
                                           {"until", DEC, false},     {NULL, TEXT, false}};
    static const struct member recovery[] = {{"file", TEXT, true},
                                             {"good", DEC, true},
                                             {"cut", DEC, true},
                                             {"sha256", B64_32, true},
                                             {NULL, TEXT, false}};
    enum ak_code rc = check_word(object, "side", sides, err);
    const char *event;

    if (rc == AK_OK)
        rc = check_members(object, common, err);
    if (rc == AK_OK)
        rc = ak_json_string(object, "event", &event, err);
    if (rc != AK_OK || strcmp(event, "recovery") != 0)
        return rc;
    /* A process that did not end in order and left nothing torn has nothing to say of a file. */
    if (json_object_get(object, "sha256") == NULL)
        return AK_OK;
    rc = check_members(object, recovery, err);
    if (rc != AK_OK)
        return rc;
    own->recovery = true;
    (void)ak_json_dec(object, "good", &own->good, NULL);
    (void)ak_json_dec(object, "cut", &own->cut, NULL);
    (void)ak_json_bytes(object, "sha256", own->digest.b, AK_HASH_BYTES, NULL);
    copy_file(own, object);
    return AK_OK;
}

static enum ak_code read_state(struct ak_own *own, const json_t *object, struct ak_error *err)
{
    static const struct member members[] = {{"wall", DEC, true},         {"boottime", DEC, true},
                                            {"boot_id", TEXT, true},     {"sources", NUMBER, true},
                                            {"positions", B64_32, true}, {NULL, TEXT, false}};
    static const struct member clock_members[] = {{"synchronized", TRUTH, true},
                                                  {"max_error_us", DEC, true},
                                                  {"offset_ns", TEXT, true},
                                                  {NULL, TEXT, false}};
    const json_t *clock = json_object_get(object, "clock");
    enum ak_code rc = check_members(object, members, err);

    if (rc == AK_OK && !json_is_object(clock))
        rc = ak_fail(err, AK_EMALFORMED, "member clock is no object");
    if (rc == AK_OK)
        rc = check_members(clock, clock_members, err);
    if (rc == AK_OK)
        rc = ak_json_bytes(object, "positions", own->positions.b, AK_HASH_BYTES, err);
    return rc;
}

static enum ak_code read_order(struct ak_own *own, const json_t *object, struct ak_error *err)
{
    static const struct member members[] = {{"reason", TEXT, false},
                                            {"case", TEXT, false},
                                            {"authority_note", TEXT, false},
                                            {NULL, TEXT, false}};
    const json_t *ranges = json_object_get(object, "ranges");
    enum ak_code rc = check_word(object, "action", actions, err);
    const char *action;

    if (rc == AK_OK)
        rc = check_members(object, members, err);
    if (rc != AK_OK)
        return rc;
    if (ranges != NULL && (!json_is_array(ranges) || json_array_size(ranges) > OWN_ARRAY_MAX))
        return ak_fail(err, AK_EMALFORMED, "member ranges is no array of ranges");
    (void)ak_json_string(object, "action", &action, NULL);
    own->removal = strcmp(action, "erase") == 0 || strcmp(action, "expire") == 0;
    return AK_OK;
}

static enum ak_code read_anchor(const json_t *object, struct ak_error *err)
{
    static const struct member members[] = {{"checkpoint", TEXT, false},
                                            {"beacon", TEXT, false},
                                            {"origin", TEXT, false},
                                            {"url", TEXT, false},
                                            {NULL, TEXT, false}};

    return check_members(object, members, err);
}

static enum ak_code read_object(struct ak_own *own, const json_t *object, struct ak_error *err)
{
    static const char *const names[] = {NULL,    "source", "manifest", "event", NULL,
                                        "order", "anchor", NULL,       "state"};
    const char *type;
    enum ak_code rc = ak_json_string(object, "type", &type, err);

    if (rc != AK_OK)
        return rc;
    if (strcmp(type, names[own->kind]) != 0)
        return ak_fail(err, AK_EMALFORMED, "its type is not %s", names[own->kind]);
    switch (own->kind) {
    case AK_KIND_SOURCE:
        return read_source(object, err);
    case AK_KIND_MANIFEST:
        return read_manifest(own, object, err);
    case AK_KIND_EVENT:
        return read_event(own, object, err);
    case AK_KIND_ORDER:
        return read_order(own, object, err);
    case AK_KIND_ANCHOR:
        return read_anchor(object, err);
    default:
        return read_state(own, object, err);
    }
}

enum ak_code ak_own_read(struct ak_own *own, uint8_t kind, const void *payload, size_t len,
                         struct ak_error *err)
{
    json_t *object;
    enum ak_code rc;

    memset(own, 0, sizeof(*own));
    own->kind = kind;
    rc = ak_json_parse(payload, len, &object, err);
    if (rc != AK_OK)
        return rc;
    rc = read_object(own, object, err);
    json_decref(object);
    return rc;
}
