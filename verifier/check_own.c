/* check_own.c - what docs/format.md 10.1 to 10.6 demand of own payloads, member by member.
 *
 * Members that are not named there are let through; a named one of another type is malformed. */
#include "check_own.h"

#include "json.h"
#include "order_entry.h"
#include "succession.h"

#include <akashi/format.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OFFSET_DIGITS_MAX 20u /* 10.4 */

enum member_type { TEXT, DEC, NUMBER, TRUTH, B64_32, B64_64, OFFSET, PEERS, RANGES };

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

/* A decimal number without leading zeros, `-` before a negative one. */
static bool is_offset(const json_t *value)
{
    const char *s = json_is_string(value) ? json_string_value(value) : "";
    bool negative = *s == '-';
    size_t n;

    s += negative;
    n = strspn(s, "0123456789");
    return n > 0 && n <= OFFSET_DIGITS_MAX && s[n] == '\0' &&
           json_string_length(value) == n + negative && (s[0] != '0' || (n == 1 && !negative));
}

/* [[dec, text], ...] or, for ranges, [[dec, dec], ...] with rising ends. */
static bool is_pairs(const json_t *value, bool ranges)
{
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *pair = json_array_get(value, i);
        uint64_t first;
        uint64_t last;
        if (json_array_size(pair) != 2 || !ak_json_dec_at(pair, 0, &first))
            return false;
        if (ranges ? !ak_json_dec_at(pair, 1, &last) || first > last
                   : !json_is_string(json_array_get(pair, 1)))
            return false;
    }
    return json_is_array(value);
}

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
    case OFFSET:
        rc = is_offset(value) ? AK_OK : AK_EMALFORMED;
        break;
    case PEERS:
    case RANGES:
        rc = is_pairs(value, member->type == RANGES) ? AK_OK : AK_EMALFORMED;
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
        {"first", DEC, true},     {"end", DEC, true},        {"generation", NUMBER, true},
        {"file", TEXT, true},     {"bytes", DEC, true},      {"sha512", B64_64, true},
        {"header", B64_32, true}, {"root", B64_32, true},    {"positions", B64_32, true},
        {"order", DEC, false},    {"frames", B64_32, false}, {NULL, TEXT, false}};
    enum ak_code rc = check_members(object, members, err);
    const char *file;
    char expected[AK_OWN_FILE_BYTES];

    if (rc != AK_OK)
        return rc;
    (void)ak_json_dec(object, "first", &own->first, NULL);
    (void)ak_json_dec(object, "end", &own->end, NULL);
    (void)ak_json_dec(object, "bytes", &own->bytes, NULL);
    own->generation = (uint64_t)json_integer_value(json_object_get(object, "generation"));
    own->ordered = ak_json_dec(object, "order", &own->order, NULL) == AK_OK;
    (void)ak_json_bytes(object, "sha512", own->sha512, AK_SHA512_BYTES, NULL);
    (void)ak_json_bytes(object, "header", own->header.b, AK_HASH_BYTES, NULL);
    own->has_frames = ak_json_bytes(object, "frames", own->frames.b, AK_HASH_BYTES, NULL) == AK_OK;
    (void)ak_json_bytes(object, "root", own->root.b, AK_HASH_BYTES, NULL);
    (void)ak_json_bytes(object, "positions", own->positions.b, AK_HASH_BYTES, NULL);
    copy_file(own, object);
    (void)snprintf(expected, sizeof(expected), "%020" PRIu64 ".%" PRIu64 ".zst", own->first,
                   own->generation);
    if (ak_json_string(object, "file", &file, NULL) != AK_OK || strcmp(file, expected) != 0)
        return ak_fail(err, AK_EMALFORMED, "a manifest's file is not named as it must be");
    if (own->ordered && own->generation == 0)
        return ak_fail(err, AK_EMALFORMED, "a manifest of generation 0 names an order");
    if (own->first > own->end)
        return ak_fail(err, AK_EMALFORMED, "a manifest's first index is behind its end");
    return AK_OK;
}

/* Members of events beyond those of all, by event (10.3). All of them may lack. */
#define EVENT_MEMBERS_MAX 6u

struct event {
    const char *name;
    struct member member[EVENT_MEMBERS_MAX];
};

static const struct event events[] = {
    {"start", {{"version", TEXT, false}, {"claim", DEC, false}, {"pid", NUMBER, false}}},
    {"stop", {{"reason", TEXT, false}}},
    {"recovery",
     {{"file", TEXT, false},
      {"good", DEC, false},
      {"cut", DEC, false},
      {"sha256", B64_32, false},
      {"size", DEC, false}}},
    {"udp-drop", {{"count", DEC, false}}},
    {"cut", {{"index", DEC, false}, {"received", DEC, false}, {"kept", DEC, false}}},
    {"framing-error", {{"index", DEC, false}, {"address", TEXT, false}, {"reason", TEXT, false}}},
    {"unfinished", {{"index", DEC, false}, {"kept", DEC, false}}},
    {"refused", {{"address", TEXT, false}, {"reason", TEXT, false}, {"count", DEC, false}}},
    {"connection-unacknowledged", {{"count", DEC, false}}},
    {"clock-step",
     {{"old", DEC, false},
      {"new", DEC, false},
      {"boottime", DEC, false},
      {"boot_id", TEXT, false}}},
    {"disk-low", {{"free", DEC, false}, {"share", DEC, false}}},
    {"write-failure", {{"file", TEXT, false}, {"reason", TEXT, false}}},
    {"configuration", {{"sha256", B64_32, false}}},
    {"certificate-expiring", {{"name", TEXT, false}}},
    {"silence", {{"name", TEXT, false}}},
    {"overflow", {{"peers", PEERS, false}}},
    {"audit",
     {{"commitment", B64_32, false},
      {"first", DEC, false},
      {"end", DEC, false},
      {"population", B64_32, false}}},
    {"audit-opened", {{"commitment", B64_32, false}, {"nonce", TEXT, false}}},
    {"torn-erased", {{"file", TEXT, false}, {"sha256", B64_32, false}, {"order", DEC, false}}},
    {"corruption", {{"file", TEXT, false}, {"reason", TEXT, false}, {"good", DEC, false}}}};

/* Cut at a character's end. */
static void copy_reason(struct ak_own *own, const json_t *object)
{
    const char *reason = "no reason is given";
    size_t len;

    (void)ak_json_string(object, "reason", &reason, NULL);
    len = strnlen(reason, sizeof(own->reason) - 1);
    while (len > 0 && ((unsigned char)reason[len] & 0xc0u) == 0x80u)
        len--;
    memcpy(own->reason, reason, len);
    own->reason[len] = '\0';
}

static enum ak_code read_succession(struct ak_own *own, const json_t *object, struct ak_error *err)
{
    struct ak_succession *s = malloc(sizeof(*s));
    enum ak_code rc = s != NULL ? ak_succession_members(s, object, err)
                                : ak_fail(err, AK_ENOMEM, "no memory to read a succession");

    own->succession = rc == AK_OK;
    free(s);
    return rc;
}

static enum ak_code read_event(struct ak_own *own, const json_t *object, struct ak_error *err)
{
    static const struct member common[] = {{"event", TEXT, true},     {"source", NUMBER, false},
                                           {"listener", TEXT, false}, {"since", DEC, false},
                                           {"until", DEC, false},     {NULL, TEXT, false}};
    enum ak_code rc = check_word(object, "side", sides, err);
    const char *event;

    if (rc == AK_OK)
        rc = check_members(object, common, err);
    if (rc == AK_OK)
        rc = ak_json_string(object, "event", &event, err);
    for (size_t i = 0; rc == AK_OK && i < sizeof(events) / sizeof(events[0]); i++) {
        if (strcmp(event, events[i].name) == 0)
            rc = check_members(object, events[i].member, err);
    }
    if (rc == AK_OK && strcmp(event, "succession") == 0)
        return read_succession(own, object, err);
    if (rc == AK_OK && strcmp(event, "signing-stopped") == 0) {
        own->stopped = true;
        copy_reason(own, object);
    }
    if (rc != AK_OK || strcmp(event, "recovery") != 0)
        return rc;
    /* A process that did not end in order and left nothing torn has nothing to say of bytes. */
    own->recovery = ak_json_dec(object, "cut", &own->cut, NULL) == AK_OK &&
                    ak_json_bytes(object, "sha256", own->digest.b, AK_HASH_BYTES, NULL) == AK_OK;
    (void)ak_json_dec(object, "good", &own->good, NULL);
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
                                                  {"offset_ns", OFFSET, true},
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

static enum ak_code read_order(const json_t *object, struct ak_error *err)
{
    static const struct member members[] = {
        {"ranges", RANGES, false}, {"reason", TEXT, false},
        {"case", TEXT, false},     {"authority_note", TEXT, false},
        {"from", TEXT, false},     {"size", DEC, false},
        {"lost", DEC, false},      {NULL, TEXT, false}};
    struct ak_order_entry *entry = malloc(sizeof(*entry));
    enum ak_code rc = check_members(object, members, err);

    if (entry == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read an order");
    if (rc == AK_OK)
        rc = ak_order_entry_read(entry, object, err);
    free(entry);
    return rc;
}

static enum ak_code read_anchor(const json_t *object, struct ak_error *err)
{
    static const struct member members[] = {{"checkpoint", TEXT, false},
                                            {"beacon", TEXT, false},
                                            {"origin", TEXT, false},
                                            {"url", TEXT, false},
                                            {NULL, TEXT, false}};
    enum ak_code rc = check_members(object, members, err);

    if (rc == AK_OK && (json_object_get(object, "checkpoint") == NULL) ==
                           (json_object_get(object, "beacon") == NULL))
        rc = ak_fail(err, AK_EMALFORMED, "an anchor has either a checkpoint or a beacon");
    return rc;
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
        return read_order(object, err);
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
