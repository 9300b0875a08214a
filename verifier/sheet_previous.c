/* sheet_previous.c - an earlier sheet, for comparison: a file that somebody kept, unsigned, so each
 * number of it is bounded and none of it is believed beyond being quoted. */
#include "sheet.h"

#include "json.h"
#include "trust.h"

#include <akashi/base64.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* A sheet lists AK_SAMPLE_DRAWN_MAX indices at most, each in less than 160 bytes. */
#define SHEET_BYTES_MAX 268435456u

static bool number(const json_t *object, const char *name, uint64_t *value)
{
    const json_t *member = json_object_get(object, name);

    *value = (uint64_t)json_integer_value(member);
    return json_is_integer(member) && json_integer_value(member) >= 0;
}

static bool take_result(const json_t *object, struct ak_sheet_result *r)
{
    return number(object, "population", &r->population) &&
           number(object, "examined", &r->examined) &&
           number(object, "deviations", &r->deviations) && number(object, "bound", &r->bound) &&
           r->bound <= r->population && r->examined <= r->population &&
           r->deviations <= r->examined && json_is_boolean(json_object_get(object, "supported"));
}

static bool take_text(const json_t *object, const char *name, const char **text)
{
    *text = json_string_value(json_object_get(object, name));
    return *text != NULL;
}

static bool take_sheet(struct ak_sheet_previous *p, const json_t *sheet)
{
    const json_t *head = json_object_get(sheet, "head");
    const json_t *judgement = json_object_get(sheet, "judgement");
    const char *text;

    if (!take_text(sheet, "format", &text) || strcmp(text, "akashi/sample-sheet/v1") != 0 ||
        !take_text(sheet, "origin", &text) || strlen(text) > AK_ORIGIN_BYTES_MAX)
        return false;
    memcpy(p->origin, text, strlen(text) + 1);
    if (!take_text(sheet, "direction", &text))
        return false;
    p->lines = strcmp(text, "lines") == 0;
    p->independent = json_is_true(json_object_get(sheet, "independent"));
    p->has_judged = judgement != NULL;
    p->result.supported = json_is_true(json_object_get(
        judgement != NULL ? judgement : json_object_get(sheet, "proofs"), "supported"));
    return number(sheet, "made_ns", &p->made) && number(head, "size", &p->head_size) &&
           ak_json_bytes(head, "root", p->head_root.b, AK_HASH_BYTES, NULL) == AK_OK &&
           take_result(judgement != NULL ? judgement : json_object_get(sheet, "proofs"),
                       &p->result);
}

enum ak_code ak_sheet_previous_parse(struct ak_sheet_previous *previous, const char *data,
                                     size_t len, struct ak_error *err)
{
    json_t *sheet = json_loadb(data, len, JSON_REJECT_DUPLICATES, NULL);
    bool good;

    memset(previous, 0, sizeof(*previous));
    good = sheet != NULL && take_sheet(previous, sheet);
    json_decref(sheet);
    if (!good)
        return ak_fail(err, AK_EUSAGE,
                       "it is no sheet: --previous wants what an earlier `sample --json` wrote");
    return AK_OK;
}

enum ak_code ak_sheet_previous_read(struct ak_sheet_previous *previous, const char *path,
                                    struct ak_error *err)
{
    char *data;
    size_t len;
    enum ak_code rc = ak_trust_read_file(path, SHEET_BYTES_MAX, &data, &len, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_sheet_previous_parse(previous, data, len, err);
    free(data);
    if (rc != AK_OK)
        ak_wrap(err, "%s", path);
    return rc;
}
