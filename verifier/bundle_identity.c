/* bundle_identity.c - compared whole and byte for byte: a part of a name is another name. */
#include "bundle_identity.h"

#include "json.h"

#include <string.h>

bool ak_bundle_is_identity(const void *payload, size_t len, const char *identity)
{
    static const char *const members[] = {"name", "address", "fingerprint"};
    json_t *object;
    bool is = false;

    if (ak_json_parse(payload, len, &object, NULL) != AK_OK)
        return false;
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const json_t *value = json_object_get(object, members[i]);
        is = is || (json_is_string(value) && json_string_length(value) == strlen(identity) &&
                    memcmp(json_string_value(value), identity, strlen(identity)) == 0);
    }
    json_decref(object);
    return is;
}
