/* log_tree_open.c - which segments a log has, and the few of them that are open.
 *
 * The happy path reads names, no files: a name says where a segment begins and whether it is
 * sealed, and a HEADER that says otherwise is noticed when the segment is needed. The careful
 * manner reads all HEADERs instead. */
#include "log_tree_private.h"

#include "store_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Names of logs that an error lists. */
#define NAMED_MAX 8u

/* ---- Which segments there are ---- */

static enum ak_code add_segment(struct ak_log_tree *tree, const char *name, uint64_t first,
                                uint32_t rank, struct ak_error *err)
{
    size_t n = tree->segment_count;
    struct ak_tree_segment *s;

    if (n == AK_LIST_FILES_MAX)
        return ak_fail(err, AK_ELIMIT, "a log of more than %u files", AK_LIST_FILES_MAX);
    if ((n & (n - 1)) == 0) {
        s = reallocarray(tree->segment, n == 0 ? 1 : n * 2, sizeof(*s));
        if (s == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for a list of segments");
        tree->segment = s;
    }
    s = &tree->segment[n];
    *s = (struct ak_tree_segment){.name = strdup(name), .first = first, .rank = rank};
    if (s->name == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a list of segments");
    tree->segment_count++;
    return AK_OK;
}

static uint32_t rank_of(const struct ak_list_file *file)
{
    return file->open || file->generation == UINT32_MAX ? 0 : file->generation + 1;
}

/* By names alone: no file is opened. */
static enum ak_code list_names(struct ak_log_tree *tree, struct ak_error *err)
{
    int fd = openat(tree->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    enum ak_code rc = AK_OK;

    if (dir == NULL) {
        rc = ak_fail_errno(err, errno, "list the directory");
        if (fd >= 0)
            close(fd);
        return rc;
    }
    while (rc == AK_OK && (entry = readdir(dir)) != NULL) {
        struct ak_list_file file = {.name = (char *)entry->d_name};
        ak_list_read_name(&file);
        if (file.named)
            rc = add_segment(tree, entry->d_name, file.first, rank_of(&file), err);
    }
    closedir(dir);
    return rc;
}

/* By what the HEADERs say; where one cannot be read, by the name. */
static enum ak_code list_headers(struct ak_log_tree *tree, struct ak_error *err)
{
    struct ak_tree_file *file = malloc(sizeof(*file));
    struct ak_list list = {0};
    enum ak_code rc = file == NULL ? ak_fail(err, AK_ENOMEM, "no memory to read a segment")
                                   : ak_list_log_dir(tree->dir_fd, &list, err);

    for (size_t i = 0; rc == AK_OK && i < list.count; i++) {
        const struct ak_list_file *at = &list.file[i];
        uint64_t bytes;
        int fd;
        if (at->type != AK_LIST_SEGMENT ||
            ak_list_open_file(tree->dir_fd, at->name, &fd, &bytes, NULL) != AK_OK)
            continue;
        if (ak_tree_file_begin(file, fd, bytes, NULL) == AK_OK)
            rc = add_segment(tree, at->name, file->first, rank_of(at), err);
        else if (at->named)
            rc = add_segment(tree, at->name, at->first, rank_of(at), err);
        ak_tree_file_close(file);
    }
    ak_list_free(&list);
    free(file);
    return rc;
}

static int compare_segments(const void *a, const void *b)
{
    const struct ak_tree_segment *x = a;
    const struct ak_tree_segment *y = b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->rank < y->rank ? 1 : x->rank > y->rank ? -1 : 0; /* what counts comes first */
}

/* Sorts them and keeps of each first index the one that counts. */
static void settle(struct ak_log_tree *tree)
{
    size_t kept = 0;

    if (tree->segment_count > 1)
        qsort(tree->segment, tree->segment_count, sizeof(*tree->segment), compare_segments);
    for (size_t i = 0; i < tree->segment_count; i++) {
        if (kept > 0 && tree->segment[kept - 1].first == tree->segment[i].first)
            free(tree->segment[i].name);
        else
            tree->segment[kept++] = tree->segment[i];
    }
    tree->segment_count = kept;
}

/* ---- Opening ---- */

/* The one log of a store that is meant. */
static enum ak_code pick_log(const char *path, int store_fd, const char *log, char *id,
                             struct ak_error *err)
{
    struct ak_list_logs logs = {0};
    char names[AK_ERROR_TEXT_BYTES / 2] = "";
    size_t used = 0;
    size_t count = 0;
    enum ak_code rc = ak_list_store(store_fd, &logs, err);

    for (size_t i = 0; rc == AK_OK && i < logs.count; i++) {
        const struct ak_list_log *at = &logs.log[i];
        if (!at->present || (log != NULL && strcmp(log, at->id) != 0 && strcmp(log, at->name) != 0))
            continue;
        memcpy(id, at->id, AK_LOG_ID_CHARS + 1);
        if (count < NAMED_MAX && used < sizeof(names)) {
            int n = snprintf(names + used, sizeof(names) - used, "%s%s", count == 0 ? "" : ", ",
                             at->name[0] != '\0' ? at->name : at->id);
            used += n > 0 ? (size_t)n : 0;
        }
        count++;
    }
    ak_list_logs_free(&logs);
    if (rc != AK_OK || count == 1)
        return rc;
    if (count == 0 && log != NULL)
        return ak_fail(err, AK_ENOTFOUND, "%s has no log %s", path, log);
    if (count == 0)
        return ak_fail(err, AK_ENOTFOUND, "%s holds no log", path);
    return ak_fail(err, AK_EUSAGE, "%s holds %zu logs; pick one with --log: %s%s", path, count,
                   names, count > NAMED_MAX ? ", ..." : "");
}

/* The directory of one segment file, which is all that there is then. */
static enum ak_code open_single(struct ak_log_tree *tree, const char *path, struct ak_error *err)
{
    struct ak_tree_file *file = malloc(sizeof(*file));
    char *real = realpath(path, NULL);
    char *slash = real == NULL ? NULL : strrchr(real, '/');
    uint64_t bytes;
    enum ak_code rc;
    int fd;

    tree->single = true;
    if (file == NULL || slash == NULL) {
        rc = ak_fail_errno(err, file == NULL ? ENOMEM : errno, "open %s", path);
        goto cleanup;
    }
    *slash = '\0';
    tree->dir_fd = open(real[0] == '\0' ? "/" : real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tree->dir_fd < 0) {
        rc = ak_fail_errno(err, errno, "open the directory of %s", path);
        goto cleanup;
    }
    rc = ak_list_open_file(tree->dir_fd, slash + 1, &fd, &bytes, err);
    if (rc != AK_OK)
        goto cleanup;
    rc = ak_tree_file_begin(file, fd, bytes, err);
    if (rc == AK_OK)
        rc = add_segment(tree, slash + 1, file->first, 0, err);
    ak_tree_file_close(file);

cleanup:
    free(file);
    free(real);
    return rc;
}

static enum ak_code open_path(struct ak_log_tree *tree, const char *path, const char *log,
                              struct ak_error *err)
{
    char id[AK_LOG_ID_CHARS + 1];
    enum ak_path_kind kind;
    enum ak_code rc;
    int fd;

    rc = ak_list_path(path, &kind, &fd, err);
    if (rc != AK_OK)
        return rc;
    if (kind == AK_PATH_LOG) {
        tree->dir_fd = fd;
    } else if (kind == AK_PATH_STORE) {
        rc = pick_log(path, fd, log, id, err);
        if (rc == AK_OK)
            rc = ak_list_open_dir(fd, id, &tree->dir_fd, err);
        close(fd);
    } else {
        close(fd);
        return kind == AK_PATH_SEGMENT
                   ? open_single(tree, path, err)
                   : ak_fail(err, AK_EUSAGE, "%s is a checkpoint: it holds no entries", path);
    }
    if (rc == AK_OK)
        rc = tree->careful ? list_headers(tree, err) : list_names(tree, err);
    return rc;
}

/* The origin, by the first HEADER that can be read. */
static enum ak_code learn_origin(struct ak_log_tree *tree, struct ak_error *err)
{
    struct ak_tree_file *file;
    enum ak_code rc = ak_fail(err, AK_ENOTFOUND, "no segment is here");

    /* The last ones are those that are read anyway, most likely. */
    for (size_t i = tree->segment_count; i > 0 && tree->origin[0] == '\0'; i--)
        rc = ak_tree_file_of(tree, i - 1, &file, err);
    return tree->origin[0] != '\0' ? AK_OK : rc;
}

static enum ak_code allocate(struct ak_log_tree *tree, struct ak_error *err)
{
    tree->columns = ak_columns_new();
    tree->block = ak_block_new();
    tree->columns_bytes = malloc(AK_FRAME_BUFFER_BYTES);
    tree->data_bytes = malloc(AK_DATA_BYTES_MAX);
    if (tree->columns == NULL || tree->block == NULL || tree->columns_bytes == NULL ||
        tree->data_bytes == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read a log");
    return AK_OK;
}

enum ak_code ak_log_tree_open(struct ak_log_tree **out, const char *path, const char *log,
                              enum ak_log_tree_manner manner, struct ak_error *err)
{
    struct ak_log_tree *tree = calloc(1, sizeof(*tree));
    enum ak_code rc;

    *out = NULL;
    if (tree == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read a log");
    tree->careful = manner == AK_LOG_TREE_CAREFUL;
    tree->dir_fd = -1;
    tree->group = UINT64_MAX;
    rc = allocate(tree, err);
    if (rc == AK_OK)
        rc = open_path(tree, path, log, err);
    settle(tree);
    if (rc == AK_OK)
        rc = learn_origin(tree, err);
    if (rc != AK_OK) {
        ak_log_tree_close(tree);
        return rc;
    }
    *out = tree;
    return AK_OK;
}

void ak_log_tree_close(struct ak_log_tree *tree)
{
    if (tree == NULL)
        return;
    for (size_t i = 0; i < AK_TREE_FILES_OPEN; i++) {
        if (tree->slot[i].used)
            ak_tree_file_close(&tree->slot[i].file);
    }
    for (size_t i = 0; i < tree->segment_count; i++)
        free(tree->segment[i].name);
    free(tree->segment);
    ak_columns_free(tree->columns);
    ak_block_free(tree->block);
    free(tree->columns_bytes);
    free(tree->data_bytes);
    if (tree->dir_fd >= 0)
        close(tree->dir_fd);
    free(tree);
}

const char *ak_log_tree_origin(const struct ak_log_tree *tree)
{
    return tree->origin;
}

uint64_t ak_log_tree_first(const struct ak_log_tree *tree)
{
    return tree->segment[0].first;
}

uint64_t ak_log_tree_begin(const struct ak_log_tree *tree, uint64_t index)
{
    size_t i;

    return ak_tree_segment_of(tree, index, &i, NULL) == AK_OK ? tree->segment[i].first : 0;
}

uint64_t ak_log_tree_last(const struct ak_log_tree *tree)
{
    return tree->segment[tree->segment_count - 1].first;
}

/* ---- Files ---- */

/* A free slot, or the one that was used longest ago. */
static struct ak_tree_slot *free_slot(struct ak_log_tree *tree)
{
    struct ak_tree_slot *oldest = &tree->slot[0];

    for (size_t i = 0; i < AK_TREE_FILES_OPEN; i++) {
        if (!tree->slot[i].used)
            return &tree->slot[i];
        if (tree->slot[i].at < oldest->at)
            oldest = &tree->slot[i];
    }
    ak_tree_file_close(&oldest->file);
    oldest->used = false;
    return oldest;
}

/* The file is gone: it was sealed, or written anew, since the directory was listed. */
static bool find_again(struct ak_log_tree *tree, struct ak_tree_segment *segment)
{
    const struct ak_list_file *best = NULL;
    struct ak_list list = {0};
    char *name = NULL;

    if (tree->single || ak_list_log_dir(tree->dir_fd, &list, NULL) != AK_OK)
        return false;
    for (size_t i = 0; i < list.count; i++) {
        const struct ak_list_file *at = &list.file[i];
        if (at->type == AK_LIST_SEGMENT && at->named && at->first == segment->first &&
            (best == NULL || rank_of(at) > rank_of(best)))
            best = at;
    }
    if (best != NULL)
        name = strdup(best->name);
    if (name != NULL) {
        if (tree->block_file == segment->name)
            tree->block_file = NULL; /* the block in memory is read again when it is asked for */
        free(segment->name);
        segment->name = name;
        segment->rank = rank_of(best);
    }
    ak_list_free(&list);
    return name != NULL;
}

enum ak_code ak_tree_file_of(struct ak_log_tree *tree, size_t i, struct ak_tree_file **out,
                             struct ak_error *err)
{
    struct ak_tree_slot *slot;
    uint64_t bytes;
    enum ak_code rc;
    int fd;

    for (size_t s = 0; s < AK_TREE_FILES_OPEN; s++) {
        slot = &tree->slot[s];
        if (slot->used && slot->segment == i) {
            slot->at = ++tree->clock;
            *out = &slot->file;
            return AK_OK;
        }
    }
    rc = ak_list_open_file(tree->dir_fd, tree->segment[i].name, &fd, &bytes, err);
    if (rc == AK_ENOTFOUND && find_again(tree, &tree->segment[i]))
        rc = ak_list_open_file(tree->dir_fd, tree->segment[i].name, &fd, &bytes, err);
    if (rc != AK_OK)
        return rc;
    slot = free_slot(tree);
    rc = ak_tree_file_begin(&slot->file, fd, bytes, err);
    if (rc == AK_EMALFORMED && tree->careful) {
        slot->file.first = tree->segment[i].first;
        rc = AK_OK;
    } else if (rc == AK_OK && slot->file.first != tree->segment[i].first) {
        rc = ak_fail(err, AK_EMALFORMED, "%s begins with entry %" PRIu64, tree->segment[i].name,
                     slot->file.first);
    }
    if (rc != AK_OK) {
        ak_tree_file_close(&slot->file);
        ak_wrap(err, "%s", tree->segment[i].name);
        return rc;
    }
    slot->used = true;
    slot->segment = i;
    slot->at = ++tree->clock;
    if (tree->origin[0] == '\0')
        memcpy(tree->origin, slot->file.origin, sizeof(tree->origin));
    *out = &slot->file;
    return AK_OK;
}

bool ak_tree_is_open(const struct ak_log_tree *tree, size_t i)
{
    for (size_t s = 0; s < AK_TREE_FILES_OPEN; s++) {
        if (tree->slot[s].used && tree->slot[s].segment == i)
            return true;
    }
    return false;
}

size_t ak_tree_first_from(const struct ak_log_tree *tree, uint64_t index)
{
    size_t low = 0;
    size_t high = tree->segment_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tree->segment[middle].first < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum ak_code ak_tree_segment_of(const struct ak_log_tree *tree, uint64_t index, size_t *i,
                                struct ak_error *err)
{
    size_t behind = ak_tree_first_from(tree, index + 1);

    if (behind == 0)
        return ak_fail(err, AK_ENOTFOUND, "no segment here holds entry %" PRIu64, index);
    *i = behind - 1;
    return AK_OK;
}

enum ak_code ak_tree_listed_file(struct ak_log_tree *tree, size_t i, struct ak_tree_file **file,
                                 struct ak_error *err)
{
    enum ak_code rc = ak_tree_file_of(tree, i, file, err);

    if (rc == AK_OK)
        rc = ak_tree_file_list(*file, tree->careful, err);
    return rc;
}
