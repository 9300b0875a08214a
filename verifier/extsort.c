/* extsort.c - sorted runs on disk, merged level by level.
 *
 * The happy path is: items fill the memory, are sorted and appended as a run to the file of level
 * 0; RUNS_MAX runs of one level are merged into one of the next, so that the whole is written only
 * a few times; at the end all runs of all levels are read side by side through a heap.
 *
 * Failure modes: no room, no right to write in the directory, an error of the medium. */
#include "extsort.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Runs of one level; with LEVELS_MAX levels more items than there can be indices of a log that fits
 * a disk: 64^6 times the memory. */
#define RUNS_MAX   64u
#define LEVELS_MAX 6u

struct run {
    uint64_t at; /* in the level's file */
    uint64_t end;
};

struct level {
    int fd; /* -1: none yet */
    uint64_t size;
    unsigned count;
    struct run run[RUNS_MAX];
};

/* A run that is being read. */
struct reader {
    int fd;
    uint64_t at;
    uint64_t end;
    uint8_t *buffer;
    size_t cap;
    size_t len;
    size_t used;
};

struct ak_sorter {
    const char *dir;
    size_t item;
    size_t memory;
    uint8_t *buffer; /* items to be sorted; later what is read of runs, in equal shares */
    size_t filled;   /* bytes of items in it */
    uint64_t count;
    struct level level[LEVELS_MAX];
    bool reading;
    size_t next; /* without runs: the item that comes next */
    struct reader reader[RUNS_MAX * LEVELS_MAX];
    unsigned heap[RUNS_MAX * LEVELS_MAX]; /* numbers of readers, the least item first */
    unsigned heap_count;
    bool given; /* the heap's first item was given and is to be passed */
};

enum ak_code ak_sorter_new(struct ak_sorter **out, const char *dir, size_t item_bytes,
                           size_t memory, struct ak_error *err)
{
    struct ak_sorter *s = calloc(1, sizeof(*s));

    assert(item_bytes > 0 && item_bytes <= AK_SORT_ITEM_BYTES_MAX);
    assert(memory >= AK_SORT_MEMORY_MIN);
    *out = s;
    if (s == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to sort");
    s->dir = dir;
    s->item = item_bytes;
    s->memory = memory - memory % item_bytes;
    for (unsigned l = 0; l < LEVELS_MAX; l++)
        s->level[l].fd = -1;
    s->buffer = malloc(s->memory);
    if (s->buffer == NULL) {
        free(s);
        *out = NULL;
        return ak_fail(err, AK_ENOMEM, "no memory to sort");
    }
    return AK_OK;
}

void ak_sorter_free(struct ak_sorter *s)
{
    if (s == NULL)
        return;
    for (unsigned l = 0; l < LEVELS_MAX; l++) {
        if (s->level[l].fd >= 0)
            close(s->level[l].fd);
    }
    free(s->buffer);
    free(s);
}

uint64_t ak_sorter_count(const struct ak_sorter *s)
{
    return s->count;
}

/* A file without a name. */
static enum ak_code open_level(struct ak_sorter *s, struct level *level, struct ak_error *err)
{
    char path[4096];
    size_t len = strlen(s->dir);

    if (level->fd >= 0)
        return AK_OK;
    level->fd = open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (level->fd >= 0)
        return AK_OK;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
        return ak_fail_errno(err, errno, "write in %s", s->dir);
    if (len + sizeof("/akashi-XXXXXX") > sizeof(path)) /* a file system without such files */
        return ak_fail(err, AK_EUSAGE, "the path %s is too long", s->dir);
    memcpy(path, s->dir, len);
    memcpy(path + len, "/akashi-XXXXXX", sizeof("/akashi-XXXXXX"));
    level->fd = mkostemp(path, O_CLOEXEC);
    if (level->fd < 0)
        return ak_fail_errno(err, errno, "write in %s", s->dir);
    (void)unlink(path);
    return AK_OK;
}

static enum ak_code append(struct ak_sorter *s, struct level *level, const uint8_t *data, size_t n,
                           struct ak_error *err)
{
    enum ak_code rc = open_level(s, level, err);

    while (rc == AK_OK && n > 0) {
        ssize_t done = pwrite(level->fd, data, n, (off_t)level->size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return ak_fail_errno(err, done < 0 ? errno : EIO, "write a temporary file in %s",
                                 s->dir);
        data += done;
        n -= (size_t)done;
        level->size += (uint64_t)done;
    }
    return rc;
}

static int compare_items(const void *a, const void *b, void *size)
{
    return memcmp(a, b, *(const size_t *)size);
}

static void sort_buffer(struct ak_sorter *s)
{
    qsort_r(s->buffer, s->filled / s->item, s->item, compare_items, &s->item);
}

/* ---- Reading runs side by side ---- */

static enum ak_code refill(struct reader *r, struct ak_error *err)
{
    size_t want = r->end - r->at < r->cap ? (size_t)(r->end - r->at) : r->cap;

    r->len = 0;
    r->used = 0;
    while (r->len < want) {
        ssize_t got = pread(r->fd, r->buffer + r->len, want - r->len, (off_t)r->at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ak_fail_errno(err, got < 0 ? errno : EIO, "read a temporary file");
        r->len += (size_t)got;
        r->at += (uint64_t)got;
    }
    return AK_OK;
}

static const uint8_t *item_of(const struct ak_sorter *s, unsigned at)
{
    const struct reader *r = &s->reader[s->heap[at]];

    return r->buffer + r->used;
}

static void sift_down(struct ak_sorter *s)
{
    unsigned at = 0;

    for (;;) {
        unsigned least = at;
        for (unsigned child = 2 * at + 1; child <= 2 * at + 2 && child < s->heap_count; child++) {
            if (memcmp(item_of(s, child), item_of(s, least), s->item) < 0)
                least = child;
        }
        if (least == at)
            return;
        unsigned swap = s->heap[at];
        s->heap[at] = s->heap[least];
        s->heap[least] = swap;
        at = least;
    }
}

static void sift_up(struct ak_sorter *s, unsigned at)
{
    while (at > 0 && memcmp(item_of(s, at), item_of(s, (at - 1) / 2), s->item) < 0) {
        unsigned parent = (at - 1) / 2;
        unsigned swap = s->heap[at];
        s->heap[at] = s->heap[parent];
        s->heap[parent] = swap;
        at = parent;
    }
}

/* Begins to read the runs of the levels [from, to); the memory is divided among them. */
static enum ak_code begin_reading(struct ak_sorter *s, unsigned from, unsigned to, size_t memory,
                                  struct ak_error *err)
{
    unsigned runs = 0;
    size_t share;
    enum ak_code rc = AK_OK;

    for (unsigned l = from; l < to; l++)
        runs += s->level[l].count;
    share = runs == 0 ? 0 : memory / runs;
    share -= share % s->item;
    assert(runs == 0 || share >= s->item);
    s->heap_count = 0;
    s->given = false;
    for (unsigned l = from; l < to; l++) {
        for (unsigned i = 0; rc == AK_OK && i < s->level[l].count; i++) {
            struct reader *r = &s->reader[s->heap_count];
            *r = (struct reader){.fd = s->level[l].fd,
                                 .at = s->level[l].run[i].at,
                                 .end = s->level[l].run[i].end,
                                 .buffer = s->buffer + s->heap_count * share,
                                 .cap = share};
            rc = refill(r, err);
            s->heap[s->heap_count] = s->heap_count;
            sift_up(s, s->heap_count++);
        }
    }
    return rc;
}

/* The least item of all runs, or NULL. */
static enum ak_code read_next(struct ak_sorter *s, const uint8_t **item, struct ak_error *err)
{
    struct reader *r;
    enum ak_code rc = AK_OK;

    *item = NULL;
    if (s->given) {
        r = &s->reader[s->heap[0]];
        r->used += s->item;
        if (r->used == r->len && r->at < r->end)
            rc = refill(r, err);
        if (rc != AK_OK)
            return rc;
        if (r->used == r->len)
            s->heap[0] = s->heap[--s->heap_count];
        sift_down(s);
    }
    s->given = s->heap_count > 0;
    if (s->given)
        *item = item_of(s, 0);
    return AK_OK;
}

/* ---- Runs ---- */

static enum ak_code make_room(struct ak_sorter *s, unsigned l, struct ak_error *err);

/* Ends a run of a level, which begins at `at`. */
static void end_run(struct level *level, uint64_t at)
{
    level->run[level->count++] = (struct run){at, level->size};
}

/* Merges all runs of a full level into one of the next. The last part of the memory collects what
 * is written. */
static enum ak_code merge_level(struct ak_sorter *s, unsigned l, struct ak_error *err)
{
    struct level *from = &s->level[l];
    struct level *to = &s->level[l + 1];
    size_t share = s->memory / (RUNS_MAX + 1);
    uint8_t *out = s->buffer + s->memory - share;
    size_t cap = share - share % s->item;
    size_t len = 0;
    uint64_t at;
    const uint8_t *item;
    enum ak_code rc = make_room(s, l + 1, err);

    at = to->size;
    if (rc == AK_OK)
        rc = begin_reading(s, l, l + 1, s->memory - share, err);
    while (rc == AK_OK) {
        rc = read_next(s, &item, err);
        if (rc != AK_OK || item == NULL)
            break;
        if (len == cap) {
            rc = append(s, to, out, len, err);
            len = 0;
        }
        memcpy(out + len, item, s->item);
        len += s->item;
    }
    if (rc == AK_OK)
        rc = append(s, to, out, len, err);
    if (rc != AK_OK)
        return rc;
    end_run(to, at);
    from->count = 0;
    from->size = 0;
    if (ftruncate(from->fd, 0) != 0)
        return ak_fail_errno(err, errno, "empty a temporary file in %s", s->dir);
    return AK_OK;
}

/* Room for one more run of a level. At most LEVELS_MAX deep. */
static enum ak_code make_room(struct ak_sorter *s, unsigned l, struct ak_error *err)
{
    if (s->level[l].count < RUNS_MAX)
        return AK_OK;
    if (l + 1 == LEVELS_MAX)
        return ak_fail(err, AK_ELIMIT, "more items than can be sorted");
    return merge_level(s, l, err);
}

/* Sorts what is in memory and writes it as a run. */
static enum ak_code write_run(struct ak_sorter *s, struct ak_error *err)
{
    struct level *level = &s->level[0];
    uint64_t at = level->size;
    enum ak_code rc;

    sort_buffer(s);
    rc = append(s, level, s->buffer, s->filled, err);
    if (rc != AK_OK)
        return rc;
    end_run(level, at);
    s->filled = 0;
    return make_room(s, 0, err); /* now, while the memory is free */
}

enum ak_code ak_sorter_add(struct ak_sorter *s, const void *item, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    assert(!s->reading);
    if (s->filled == s->memory)
        rc = write_run(s, err);
    if (rc != AK_OK)
        return rc;
    memcpy(s->buffer + s->filled, item, s->item);
    s->filled += s->item;
    s->count++;
    return AK_OK;
}

static bool on_disk(const struct ak_sorter *s)
{
    for (unsigned l = 0; l < LEVELS_MAX; l++) {
        if (s->level[l].count > 0)
            return true;
    }
    return false;
}

enum ak_code ak_sorter_next(struct ak_sorter *s, const uint8_t **item, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    if (!s->reading) {
        s->reading = true;
        if (!on_disk(s))
            sort_buffer(s);
        else if (s->filled > 0)
            rc = write_run(s, err);
        if (rc == AK_OK && on_disk(s))
            rc = begin_reading(s, 0, LEVELS_MAX, s->memory, err);
        if (rc != AK_OK)
            return rc;
    }
    if (on_disk(s))
        return read_next(s, item, err);
    *item = s->next < s->filled ? s->buffer + s->next : NULL;
    s->next += s->next < s->filled ? s->item : 0;
    return AK_OK;
}
