/* bundle_stretch.c - lists of stretches of entries that are blacked out or gone. */
#include "bundle_private.h"

#include <stdlib.h>

bool ak_bundle_stretch_add(struct ak_bundle_stretch **list, size_t *count, uint64_t index,
                           uint32_t number, bool parts)
{
    struct ak_bundle_stretch *last = *count == 0 ? NULL : &(*list)[*count - 1];

    if (last != NULL && last->number == number && last->parts == parts && last->last + 1 == index &&
        !last->covered) {
        last->last = index;
        return true;
    }
    if (*count == AK_BUNDLE_LISTED_MAX)
        return false;
    if (*list == NULL)
        *list = calloc(AK_BUNDLE_LISTED_MAX, sizeof(**list));
    if (*list == NULL)
        return false;
    (*list)[*count] =
        (struct ak_bundle_stretch){.first = index, .last = index, .number = number, .parts = parts};
    (*count)++;
    return true;
}
