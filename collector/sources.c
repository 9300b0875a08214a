/* sources.c - open-addressing table from identity to ordinal, and the positions beside it. */
#include "sources.h"

#include <akashi/tree.h>
#include <json.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_AT_FIRST 1024u /* a power of two */

struct ak_sources {
    unsigned char hash_key[crypto_shorthash_KEYBYTES]; /* peers cannot choose colliding names */
    struct ak_source *list;
    uint32_t count;
    uint32_t cap;
    uint32_t *slots; /* ordinal, 0 = free */
    uint32_t slot_count;
};

struct ak_sources *ak_sources_new(void)
{
    struct ak_sources *sources = calloc(1, sizeof(*sources));

    if (sources == NULL)
        return NULL;
    randombytes_buf(sources->hash_key, sizeof(sources->hash_key));
    sources->cap = 2 * AK_ORDINALS_OWN;
    sources->count = AK_ORDINALS_OWN;
    sources->list = calloc(sources->cap, sizeof(*sources->list));
    sources->slot_count = SLOTS_AT_FIRST;
    sources->slots = calloc(sources->slot_count, sizeof(*sources->slots));
    if (sources->list == NULL || sources->slots == NULL) {
        ak_sources_free(sources);
        return NULL;
    }
    return sources;
}

void ak_sources_free(struct ak_sources *sources)
{
    if (sources == NULL)
        return;
    free(sources->list);
    free(sources->slots);
    free(sources);
}

/* Slot that holds the identity, or the free one where it belongs. */
static uint32_t *slot_of(const struct ak_sources *sources, const struct ak_identity *identity)
{
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t at;

    (void)crypto_shorthash(hash, (const unsigned char *)identity, sizeof(*identity),
                           sources->hash_key);
    memcpy(&at, hash, sizeof(at));
    for (;; at++) {
        uint32_t *slot = &sources->slots[at & (sources->slot_count - 1)];
        if (*slot == 0 || memcmp(&sources->list[*slot].identity, identity, sizeof(*identity)) == 0)
            return slot;
    }
}

static bool grow_slots(struct ak_sources *sources)
{
    uint32_t *old = sources->slots;
    uint32_t *slots = calloc((size_t)sources->slot_count * 2, sizeof(*slots));

    if (slots == NULL)
        return false;
    sources->slots = slots;
    sources->slot_count *= 2;
    for (uint32_t i = AK_ORDINALS_OWN; i < sources->count; i++)
        *slot_of(sources, &sources->list[i].identity) = i;
    free(old);
    return true;
}

static bool grow_list(struct ak_sources *sources)
{
    struct ak_source *list = realloc(sources->list, (size_t)sources->cap * 2 * sizeof(*list));

    if (list == NULL)
        return false;
    memset(list + sources->cap, 0, (size_t)sources->cap * sizeof(*list));
    sources->list = list;
    sources->cap *= 2;
    return true;
}

enum ak_code ak_sources_add(struct ak_sources *sources, const struct ak_identity *identity,
                            const char *label, uint32_t *ordinal, struct ak_error *err)
{
    struct ak_source *source;

    if (sources->count >= AK_ORDINALS_OWN + AK_SOURCES_MAX)
        return ak_fail(err, AK_ELIMIT, "the log has %u sources, no more can be declared",
                       AK_SOURCES_MAX);
    if ((sources->count >= sources->cap && !grow_list(sources)) ||
        (sources->count >= sources->slot_count / 2 && !grow_slots(sources)))
        return ak_fail(err, AK_ENOMEM, "no memory for another source");
    source = &sources->list[sources->count];
    memset(source, 0, sizeof(*source));
    source->identity = *identity;
    (void)snprintf(source->label, sizeof(source->label), "%s", label);
    *slot_of(sources, identity) = sources->count;
    *ordinal = sources->count++;
    return AK_OK;
}

uint32_t ak_sources_find(const struct ak_sources *sources, const struct ak_identity *identity)
{
    return *slot_of(sources, identity);
}

uint32_t ak_sources_count(const struct ak_sources *sources)
{
    return sources->count;
}

struct ak_source *ak_sources_at(struct ak_sources *sources, uint32_t ordinal)
{
    return &sources->list[ordinal];
}

void ak_identity_listener(const char *url, uint8_t out[16])
{
    struct ak_hash digest;

    ak_sha256(&digest, url, strlen(url));
    memcpy(out, digest.b, 16);
}

void ak_identity_address(struct ak_identity *identity, enum ak_identity_kind kind,
                         const struct sockaddr *peer)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    identity->kind = (uint8_t)kind;
    if (peer->sa_family == AF_INET) {
        memcpy(identity->value, mapped, sizeof(mapped));
        memcpy(identity->value + 12, &((const struct sockaddr_in *)(const void *)peer)->sin_addr,
               4);
    } else if (peer->sa_family == AF_INET6) {
        memcpy(identity->value, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, 16);
    }
}

static enum ak_code load_address(struct ak_identity *identity, const char *address,
                                 struct ak_error *err)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};

    if (inet_pton(AF_INET, address, &four.sin_addr) == 1)
        ak_identity_address(identity, identity->kind, (const struct sockaddr *)&four);
    else if (inet_pton(AF_INET6, address, &six.sin6_addr) == 1)
        ak_identity_address(identity, identity->kind, (const struct sockaddr *)&six);
    else
        return ak_fail(err, AK_EMALFORMED, "a declaration's address is none");
    return AK_OK;
}

static enum ak_code load_identity(const json_t *object, struct ak_identity *identity,
                                  const char **label, struct ak_error *err)
{
    static const struct {
        const char *word;
        enum ak_identity_kind kind;
        const char *labelled_by;
    } kinds[] = {
        {"certificate", AK_IDENTITY_CERTIFICATE, "name"},
        {"address", AK_IDENTITY_ADDRESS, "address"},
        {"forgeable", AK_IDENTITY_FORGEABLE, "address"},
        {"local", AK_IDENTITY_LOCAL, "listener"},
        {"overflow", AK_IDENTITY_OVERFLOW, "listener"},
    };
    const char *listener;
    const char *word;

    memset(identity, 0, sizeof(*identity));
    if (ak_json_string(object, "listener", &listener, err) != AK_OK ||
        ak_json_string(object, "identity", &word, err) != AK_OK)
        return AK_EMALFORMED;
    ak_identity_listener(listener, identity->listener);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(word, kinds[i].word) != 0)
            continue;
        identity->kind = (uint8_t)kinds[i].kind;
        if (ak_json_string(object, kinds[i].labelled_by, label, err) != AK_OK)
            return AK_EMALFORMED;
        if (kinds[i].kind == AK_IDENTITY_CERTIFICATE)
            return ak_json_bytes(object, "fingerprint", identity->value, AK_HASH_BYTES, err);
        if (kinds[i].kind == AK_IDENTITY_ADDRESS || kinds[i].kind == AK_IDENTITY_FORGEABLE)
            return load_address(identity, *label, err);
        return AK_OK;
    }
    return ak_fail(err, AK_EMALFORMED, "a declaration's identity `%s` is unknown", word);
}

enum ak_code ak_sources_load(struct ak_sources *sources, const void *payload, size_t len,
                             struct ak_error *err)
{
    struct ak_identity identity;
    const char *label = "";
    json_t *object;
    uint32_t ordinal;
    enum ak_code rc = ak_json_parse(payload, len, &object, err);

    if (rc != AK_OK)
        return rc;
    rc = load_identity(object, &identity, &label, err);
    if (rc == AK_OK)
        rc = ak_sources_add(sources, &identity, label, &ordinal, err);
    json_decref(object);
    return rc;
}

void ak_sources_positions_root(struct ak_sources *sources, struct ak_hash *root)
{
    struct ak_range range;
    struct ak_hash leaf;

    ak_range_init(&range, 0);
    for (uint32_t i = 0; i < sources->count; i++) {
        ak_position_leaf(&leaf, i, &sources->list[i].at);
        (void)ak_range_append(&range, &leaf); /* far from the greatest size */
    }
    (void)ak_range_root(&range, root, NULL); /* begins at 0 */
}
