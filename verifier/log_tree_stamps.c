/* log_tree_stamps.c - which sizes of a log have time stamps beside it, and the files of one of them
 * (docs/format.md 9.1, 9.4). Names alone are listed; whose the files are and what they say is the
 * caller's question. */
#include "log_tree_private.h"

#include "store_list.h"

#include <string.h>

/* The smallest numbers that come, rising, each once. */
struct smallest {
    enum ak_list_type type;
    uint64_t size; /* AK_LIST_STAMPED: at least; AK_LIST_STAMP: of just this one */
    uint64_t *list;
    size_t count;
    size_t room;
};

static void keep(void *ctx, const struct ak_list_file *file)
{
    struct smallest *s = ctx;
    bool stamped = s->type == AK_LIST_STAMPED;
    uint64_t number = stamped ? file->first : file->generation;
    size_t at = s->count;

    if (file->type != s->type || (stamped ? file->first < s->size : file->first != s->size))
        return;
    while (at > 0 && s->list[at - 1] > number)
        at--;
    if (at == s->room || (at > 0 && s->list[at - 1] == number))
        return;
    if (s->count < s->room)
        s->count++;
    memmove(&s->list[at + 1], &s->list[at], (s->count - at - 1) * sizeof(*s->list));
    s->list[at] = number;
}

size_t ak_log_tree_stamped_sizes(const struct ak_log_tree *tree, uint64_t least, uint64_t *sizes,
                                 size_t room)
{
    struct smallest s = {AK_LIST_STAMPED, least, sizes, 0, room};

    if (!tree->single) /* beside a single segment nothing is looked for */
        (void)ak_list_each_name(tree->dir_fd, keep, &s, NULL);
    return s.count;
}

size_t ak_log_tree_stamps(const struct ak_log_tree *tree, uint64_t size, uint64_t *numbers,
                          size_t room)
{
    struct smallest s = {AK_LIST_STAMP, size, numbers, 0, room};

    if (!tree->single) /* beside a single segment nothing is looked for */
        (void)ak_list_each_name(tree->dir_fd, keep, &s, NULL);
    return s.count;
}

enum ak_code ak_log_tree_beside(const struct ak_log_tree *tree, const char *name, size_t max,
                                char **data, size_t *len, struct ak_error *err)
{
    *data = NULL;
    if (tree->single)
        return ak_fail(err, AK_ENOTFOUND, "beside a single segment nothing is looked for");
    return ak_list_read_file(tree->dir_fd, name, max, data, len, err);
}
