/* search_names.c - FOOTERs say where a declaration stands; what stands there is proven like any
 * entry. A false hint leads to no declaration of that number, and the source stays without a name.
 */
#include "search_names.h"

#include <akashi/format.h>

#include <string.h>

static enum ak_code list(struct ak_search_names *names, uint64_t index, struct ak_error *err)
{
    uint64_t newest = ak_prover_end(names->prover);
    struct ak_positions positions;
    struct ak_error why = {0};
    enum ak_code rc;

    newest = newest > index ? newest : index + 1;
    if (names->known_to >= newest)
        return AK_OK;
    rc = ak_prover_positions(names->prover, newest, &positions, &why);
    if (rc != AK_OK && newest > index + 1) /* damage on the way, maybe behind it */
        rc = ak_prover_positions(names->prover, index + 1, &positions, &why);
    names->known_to = newest;
    if (rc != AK_OK)
        return rc == AK_ENOMEM ? ak_fail(err, rc, "%s", why.text) : AK_OK;
    ak_positions_free(&names->positions);
    names->positions = positions;
    return AK_OK;
}

/* The declaration of an ordinal into the table. */
static enum ak_code take(struct ak_search_names *names, uint32_t ordinal, bool unproven_too,
                         bool *proven, struct ak_error *err)
{
    struct ak_log_tree_entry entry;
    struct ak_log_entry declared = {0};
    struct ak_error why = {0};
    enum ak_code rc;

    *proven = false;
    if (ordinal >= names->positions.count)
        return AK_OK;
    rc = ak_prover_entry(names->prover, names->positions.row[ordinal].declared, &entry, proven,
                         &why);
    if (rc == AK_ENOMEM)
        return ak_fail(err, rc, "%s", why.text);
    if (rc != AK_OK || entry.entry.kind != AK_KIND_SOURCE ||
        entry.entry.source_seq != ordinal - AK_SOURCE_FIRST) {
        *proven = false;
        return AK_OK;
    }
    if (!*proven && !unproven_too && ak_prover_key(names->prover) != NULL)
        return AK_OK;
    declared.index = entry.index;
    declared.entry = entry.entry;
    declared.state = entry.state;
    declared.payload = entry.payload;
    declared.len = entry.len;
    return ak_source_table_entry(&names->table, &declared, err);
}

enum ak_code ak_search_names_learn(struct ak_search_names *names, uint64_t index, uint32_t ordinal,
                                   struct ak_error *err)
{
    const struct ak_source_row *row = ak_source_table_row(&names->table, ordinal);
    enum ak_code rc;
    bool proven;

    if ((row != NULL && row->declared) || ordinal < AK_SOURCE_FIRST || ordinal == names->unknown)
        return AK_OK;
    rc = ordinal < names->positions.count ? AK_OK : list(names, index, err);
    if (rc == AK_OK)
        rc = take(names, ordinal, false, &proven, err);
    row = ak_source_table_row(&names->table, ordinal);
    if (row == NULL || !row->declared)
        names->unknown = ordinal;
    return rc;
}

enum ak_code ak_search_names_all(struct ak_search_names *names, size_t *unproven,
                                 struct ak_error *err)
{
    enum ak_code rc = list(names, 0, err);

    *unproven = 0;
    for (size_t o = AK_SOURCE_FIRST; rc == AK_OK && o < names->positions.count; o++) {
        bool proven;
        rc = take(names, (uint32_t)o, true, &proven, err);
        *unproven += !proven;
    }
    return rc;
}

void ak_search_names_free(struct ak_search_names *names)
{
    ak_source_table_free(&names->table);
    ak_positions_free(&names->positions);
    memset(names, 0, sizeof(*names));
}
