/* witness_fork.c - keeping contradictions, and making a proof of them. */
#include "witness_fork.h"

#include "disk.h"

#include "history_private.h"

#include <akashi/base64.h>
#include <akashi/history.h>

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID_SHOWN   16u
#define HASH_SHOWN 4u
#define NAME_BYTES 128u
#define SECOND     ".second"

/* ---- the proof of format.md 12.2 */

/* Left and right siblings of the path of a consistency proof are the compact ranges [0, m) and
 * [m, n), as long as every right one is a complete node; then they are as many as [m, n) has. */
static bool split(const struct ak_witness_request *request, uint64_t m, struct ak_fork *fork)
{
    uint64_t n = request->checkpoint.size;
    unsigned level = (unsigned)__builtin_ctzll(m);
    uint64_t index = (m - 1) >> level;
    uint64_t differ = index ^ ((n - 1) >> level);
    unsigned inner = differ == 0 ? 0 : 64 - (unsigned)__builtin_clzll(differ);
    struct ak_hash left[AK_PROOF_HASHES_MAX];
    struct ak_hash right[AK_PROOF_HASHES_MAX];
    unsigned lefts = 0;
    unsigned rights = 0;

    if ((m & (m - 1)) == 0 || request->count == 0)
        return false; /* the node [0, m) is not in the proof */
    left[lefts++] = request->proof[0];
    for (unsigned i = 1; i < request->count; i++) {
        if (i - 1 < inner && (index >> (i - 1) & 1) == 0)
            right[rights++] = request->proof[i];
        else
            left[lefts++] = request->proof[i];
    }
    for (unsigned i = 0; i < lefts / 2; i++) {
        struct ak_hash swap = left[i];
        left[i] = left[lefts - 1 - i];
        left[lefts - 1 - i] = swap;
    }
    return ak_range_load(&fork->before, 0, m, left, lefts, NULL) == AK_OK &&
           ak_range_load(&fork->after, m, n, right, rights, NULL) == AK_OK;
}

/* The proof as text, malloc'ed; NULL if none can be made of what is known. */
static char *make_proof(const struct ak_witness_record *record,
                        const struct ak_witness_request *request, size_t *len)
{
    struct ak_fork *fork = calloc(2, sizeof(*fork));
    char *text = malloc(AK_FORK_BYTES_MAX + 1);
    bool good = fork != NULL && text != NULL;

    if (good) {
        fork->smaller.note = record->note;
        fork->smaller.len = record->note_len;
        fork->larger.note = request->note_text;
        fork->larger.len = request->note_len;
        ak_range_init(&fork->before, 0);
        ak_range_init(&fork->after, 0);
        good = (record->size == request->checkpoint.size || split(request, record->size, fork)) &&
               ak_fork_format(text, AK_FORK_BYTES_MAX + 1, len, fork, NULL) == AK_OK &&
               ak_fork_parse(fork + 1, text, *len, NULL) == AK_OK && ak_fork_contradicts(fork + 1);
    }
    free(fork);
    if (!good) {
        free(text);
        return NULL;
    }
    return text;
}

/* ---- files */

static enum ak_code put(const struct ak_witness *w, const char *stem, const char *suffix,
                        const void *data, size_t len, struct ak_error *err)
{
    char name[NAME_BYTES + 16];

    (void)snprintf(name, sizeof(name), "%s%s", stem, suffix);
    return ak_disk_put(w->tmp_fd, name, w->forks_fd, name, 0600, data, len, err);
}

static void name_stem(const struct ak_witness_log *log, const struct ak_witness_record *record,
                      const struct ak_witness_request *request, bool proven, char *stem)
{
    char digits[2 * HASH_SHOWN + 1];
    struct ak_hash hash;

    ak_sha256(&hash, request->note.text, request->note.text_len);
    (void)ak_hex_encode(digits, sizeof(digits), hash.b, HASH_SHOWN);
    (void)snprintf(stem, NAME_BYTES, "%s-%.*s-%" PRIu64 "-%" PRIu64 "-%s",
                   proven ? "fork" : "suspect", (int)ID_SHOWN, log->id, record->size,
                   request->checkpoint.size, digits);
}

static bool is_there(const struct ak_witness *w, const char *stem)
{
    char name[NAME_BYTES + 16];
    struct stat st;

    (void)snprintf(name, sizeof(name), "%s" SECOND, stem);
    return fstatat(w->forks_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The second one is written last: where it is, all is there. */
enum ak_code ak_witness_fork_keep(const struct ak_witness *w, const struct ak_witness_log *log,
                                  const struct ak_witness_record *record,
                                  const struct ak_witness_request *request, const void *body,
                                  size_t body_len, bool proven, bool *kept, struct ak_error *err)
{
    char stem[NAME_BYTES];
    char *proof = NULL;
    size_t len = 0;
    enum ak_code rc;

    *kept = false;
    if ((proven ? log->forks : log->suspects) >= AK_WITNESS_FORKS_MAX || record->note == NULL)
        return AK_OK;
    name_stem(log, record, request, proven, stem);
    if (is_there(w, stem))
        return AK_OK;
    rc = put(w, stem, ".first", record->note, record->note_len, err);
    if (rc == AK_OK && record->size != request->checkpoint.size)
        rc = put(w, stem, ".request", body, body_len, err);
    if (rc == AK_OK && proven)
        proof = make_proof(record, request, &len);
    if (rc == AK_OK && proof != NULL)
        rc = put(w, stem, ".proof", proof, len, err);
    free(proof);
    if (rc == AK_OK)
        rc = put(w, stem, SECOND, request->note_text, request->note_len, err);
    *kept = rc == AK_OK;
    return rc;
}

/* ---- counting */

static void count_name(struct ak_witness *w, const char *name)
{
    bool fork = strncmp(name, "fork-", 5) == 0;
    const char *id = strchr(name, '-');
    size_t len = strlen(name);

    if (id == NULL || (!fork && strncmp(name, "suspect-", 8) != 0) || len < sizeof(SECOND) ||
        strcmp(name + len - (sizeof(SECOND) - 1), SECOND) != 0)
        return;
    for (size_t i = 0; i < w->log_count; i++) {
        if (strncmp(w->log[i].id, id + 1, ID_SHOWN) != 0)
            continue;
        if (fork)
            w->log[i].forks++;
        else
            w->log[i].suspects++;
    }
}

enum ak_code ak_witness_forks_count(struct ak_witness *w, struct ak_error *err)
{
    int fd = openat(w->forks_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;

    if (dir == NULL) {
        if (fd >= 0)
            (void)close(fd);
        return ak_fail(err, AK_EIO, "forks/ of the state cannot be read");
    }
    while ((e = readdir(dir)) != NULL)
        count_name(w, e->d_name);
    (void)closedir(dir);
    return AK_OK;
}
