/* payload.h - the JSON payloads of own entries (docs/format.md section 10), built member by member.
 *
 *     struct ak_payload p;
 *     ak_payload_event(&p, "udp-drop", "collector");
 *     ak_payload_dec(&p, "count", 7);
 *     rc = ak_payload_end(&p, &data, &len, err);
 *
 * A failure in between (memory) is remembered and told by ak_payload_end. */
#ifndef AK_PAYLOAD_H
#define AK_PAYLOAD_H

#include <akashi/error.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ak_payload {
    void *object; /* json_t */
    bool failed;
};

/* Begins an object with member `type`. */
void ak_payload_begin(struct ak_payload *p, const char *type);

/* Begins an event: type "event", its name and its side (format.md 10.3). */
void ak_payload_event(struct ak_payload *p, const char *event, const char *side);

/* Adds one member. Text that is not UTF-8 is escaped (\xHH) first, so that nothing is lost. */
void ak_payload_string(struct ak_payload *p, const char *name, const char *value);
void ak_payload_dec(struct ak_payload *p, const char *name, uint64_t value);
void ak_payload_number(struct ak_payload *p, const char *name, uint64_t value); /* < 2^53 */
void ak_payload_bool(struct ak_payload *p, const char *name, bool value);
void ak_payload_bytes(struct ak_payload *p, const char *name, const void *data, size_t n);

/* Begins a member that is an object, filled by the functions above through `inner`. */
void ak_payload_inner(struct ak_payload *p, const char *name, struct ak_payload *inner);

/* Appends the pair [value as dec, text] to a member that is an array of pairs; makes it. */
void ak_payload_pair(struct ak_payload *p, const char *name, uint64_t value, const char *text);

/* Canonical bytes; `*out` is malloc'ed. The payload is used up whatever is returned. */
enum ak_code ak_payload_end(struct ak_payload *p, char **out, size_t *len, struct ak_error *err);

#endif
