/* json.h - the one JSON profile of own entries (docs/format.md section 10).
 *
 * Reading is done by jansson; what makes the profile (canonical bytes, names, numbers, depth) is
 * checked here, by writing the value again and comparing. */
#ifndef AK_JSON_H
#define AK_JSON_H

#include <akashi/error.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define AK_JSON_BYTES_MAX 65536u /* format.md 11: no parser is driven long */
#define AK_JSON_DEPTH_MAX 8u     /* format.md 11: nor deep */

/* Parses one object and refuses whatever is not its canonical encoding (AK_EMALFORMED; AK_ELIMIT
 * over AK_JSON_BYTES_MAX). `*out` is a new reference: json_decref. */
enum ak_code ak_json_parse(const void *data, size_t len, json_t **out, struct ak_error *err);

/* Canonical bytes of an object; `*out` is malloc'ed, not NUL-terminated. AK_EMALFORMED if the value
 * is outside the profile. */
enum ak_code ak_json_dump(const json_t *value, char **out, size_t *len, struct ak_error *err);

/* A member that is a decimal string (`dec` in format.md 10), or AK_EMALFORMED. */
enum ak_code ak_json_dec(const json_t *object, const char *name, uint64_t *value,
                         struct ak_error *err);

/* Element `i` of an array that is a decimal string; false if it is none. */
bool ak_json_dec_at(const json_t *array, size_t i, uint64_t *value);

/* A string member; borrowed from `object`. AK_EMALFORMED if it is absent or no string. */
enum ak_code ak_json_string(const json_t *object, const char *name, const char **value,
                            struct ak_error *err);

/* A base64 member of exactly `n` bytes. */
enum ak_code ak_json_bytes(const json_t *object, const char *name, uint8_t *out, size_t n,
                           struct ak_error *err);

/* New string value of a decimal number. */
json_t *ak_json_from_dec(uint64_t value);

/* New string value: base64 of `n` bytes (at most 4,096); NULL without memory. */
json_t *ak_json_from_bytes(const void *data, size_t n);

#endif
