/* audit.c - from an order to the events `audit` and `audit-opened`.
 *
 * The state entry that makes the head of the auditor's draw follows at once, so that nobody waits
 * a minute for it: the collector cannot know the nonce then, nor could the auditor know the head.
 * Failure modes: an order that is not understood, and a log without room. */
#include "audit.h"

#include <akashi/base64.h>
#include <akashi/format.h>
#include <akashi/sample.h>
#include <akashi/tree.h>

#include <text.h>

#include <string.h>

static enum ak_code take_hex(const json_t *order, const char *name, uint8_t *out, size_t n,
                             struct ak_error *err)
{
    const char *text = json_string_value(json_object_get(order, name));

    if (text == NULL || ak_hex_decode(out, n, text, strlen(text), NULL) != AK_OK)
        return ak_fail(err, AK_EUSAGE, "%s: write the SHA-256 in %zu lower-case hexadecimal digits",
                       name, 2 * n);
    return AK_OK;
}

static enum ak_code take_number(const json_t *order, const char *name, uint64_t *value,
                                struct ak_error *err)
{
    const char *text = json_string_value(json_object_get(order, name));

    if (text == NULL ||
        !ak_text_decimal((struct ak_text){text, strlen(text)}, AK_TREE_SIZE_MAX, value))
        return ak_fail(err, AK_EUSAGE, "%s: write a whole number", name);
    return AK_OK;
}

static enum ak_code add_range(const json_t *order, struct ak_payload *p, struct ak_error *err)
{
    uint64_t first;
    uint64_t end;
    enum ak_code rc = take_number(order, "first", &first, err);

    if (rc == AK_OK)
        rc = take_number(order, "end", &end, err);
    if (rc == AK_OK && first >= end)
        rc = ak_fail(err, AK_EUSAGE, "the range holds no entry");
    if (rc != AK_OK)
        return rc;
    ak_payload_dec(p, "first", first);
    ak_payload_dec(p, "end", end);
    return AK_OK;
}

static enum ak_code commitment(const json_t *order, struct ak_payload *p, struct ak_error *err)
{
    uint8_t hash[AK_HASH_BYTES];
    enum ak_code rc = take_hex(order, "commitment", hash, sizeof(hash), err);

    if (rc != AK_OK)
        return rc;
    ak_payload_event(p, "audit", "operator");
    ak_payload_bytes(p, "commitment", hash, sizeof(hash));
    if (json_object_get(order, "first") != NULL || json_object_get(order, "end") != NULL)
        rc = add_range(order, p, err);
    if (rc == AK_OK && json_object_get(order, "population") != NULL) {
        rc = take_hex(order, "population", hash, sizeof(hash), err);
        ak_payload_bytes(p, "population", hash, sizeof(hash));
    }
    return rc;
}

static enum ak_code opening(const json_t *order, struct ak_payload *p, struct ak_error *err)
{
    const char *text = json_string_value(json_object_get(order, "nonce"));
    size_t chars = text == NULL ? 0 : strlen(text);
    uint8_t nonce[AK_SAMPLE_NONCE_BYTES_MAX];
    struct ak_hash hash;

    if (chars / 2 < AK_SAMPLE_NONCE_BYTES_MIN || chars / 2 > AK_SAMPLE_NONCE_BYTES_MAX ||
        ak_hex_decode(nonce, chars / 2, text, chars, NULL) != AK_OK)
        return ak_fail(err, AK_EUSAGE,
                       "nonce: write %u to %u bytes in lower-case hexadecimal, as they were hashed",
                       AK_SAMPLE_NONCE_BYTES_MIN, AK_SAMPLE_NONCE_BYTES_MAX);
    ak_sample_commitment(nonce, chars / 2, &hash);
    ak_payload_event(p, "audit-opened", "operator");
    ak_payload_bytes(p, "commitment", hash.b, AK_HASH_BYTES);
    ak_payload_string(p, "nonce", text);
    return AK_OK;
}

enum ak_code ak_audit_take(struct ak_runlog *log, const json_t *order, struct ak_audited *audited,
                           struct ak_error *err)
{
    bool opens = json_object_get(order, "nonce") != NULL;
    struct ak_payload p = {0};
    uint64_t states;
    enum ak_code rc = opens ? opening(order, &p, err) : commitment(order, &p, err);

    if (rc == AK_OK && (log->full || log->pending_head != NULL || !ak_runlog_ready(log)))
        rc = ak_fail(err, AK_EBUSY,
                     "log %s has no room for the entry now (its disk is full or busy): give the "
                     "order again when it goes on",
                     log->options.name);
    if (rc != AK_OK) {
        json_decref(p.object);
        return rc;
    }
    ak_runlog_own(log, AK_KIND_EVENT, &p);
    audited->entry = log->next_index - 1;
    audited->head = 0;
    if (opens)
        return AK_OK;
    states = ak_sources_at(log->sources, AK_KIND_STATE)->at.next_seq;
    ak_runlog_state(log);
    if (ak_sources_at(log->sources, AK_KIND_STATE)->at.next_seq != states)
        audited->head = log->next_index; /* else it comes within a minute */
    return AK_OK;
}
