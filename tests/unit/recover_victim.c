/* recover_victim.c - makes such a log, starts a process on it, and has it go on. */
#include "recover_victim.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct victim victim;

void victim_check(enum ak_code rc, const struct ak_error *err)
{
    if (rc != AK_OK)
        fail_msg("%s: %s", ak_code_name(rc), err->text);
}

/* ---- making ---- */

void victim_put_file(const void *data, size_t len)
{
    int fd;

    (void)unlink(victim.file);
    fd = open(victim.file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), (ssize_t)len);
    (void)close(fd);
}

void victim_read_file(void)
{
    struct ak_frame_walk *walk = malloc(sizeof(*walk));
    struct ak_error err = {0};
    struct stat st;
    int fd = open(victim.file, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_non_null(walk);
    assert_int_equal(fstat(fd, &st), 0);
    victim.bytes = (uint64_t)st.st_size;
    victim.data = malloc(victim.bytes + 1);
    assert_non_null(victim.data);
    assert_int_equal(pread(fd, victim.data, victim.bytes, 0), st.st_size);
    victim_check(ak_frame_walk_begin(walk, fd, &err), &err);
    for (victim.frames = 0; victim.frames < VICTIM_FRAMES_MAX; victim.frames++) {
        victim_check(ak_frame_next(walk, &victim.frame[victim.frames], &err), &err);
        if (victim.frame[victim.frames].type == AK_FRAME_END)
            break;
    }
    assert_true(victim.frames < VICTIM_FRAMES_MAX);
    free(walk);
    (void)close(fd);
}

static void add_step(const struct life *life, bool note)
{
    struct victim_step *step = &victim.step[victim.steps++];

    assert_true(victim.steps <= VICTIM_STEPS_MAX);
    step->note = note;
    (void)ak_writer_segment(life->writer, &step->bytes);
    step->range = life->result.range;
    step->size = ak_keys_signed(life->keys)->end;
}

static void commit(struct life *life)
{
    uint64_t before = 0;
    bool note = life->note_waits && !life->new_segment;

    (void)ak_writer_segment(life->writer, &before);
    life_commit(life);
    if (note) { /* it went in front: where it ends is found among the frames */
        add_step(life, true);
        victim.step[victim.steps - 1].bytes = before;
    }
    add_step(life, false);
}

static void note(struct life *life)
{
    life_sign(life);
    life_note(life);
    add_step(life, true);
}

void victim_seal(struct life *life, uint64_t first, uint64_t end, struct ak_sealed *sealed)
{
    struct ak_seal_memory *memory = ak_seal_memory_new();
    struct ak_seal_log seal_log = life_seal_log(life);
    struct ak_error err = {0};
    uint64_t good;

    assert_non_null(memory);
    victim_check(ak_seal(&seal_log, memory, first, end, false, sealed, &good, &err), &err);
    victim_check(ak_seal_remove(&seal_log, first, &err), &err);
    ak_seal_memory_free(memory);
}

/* A NOTE in front of a commit: its end is that of the NOTE frame there. */
static void find_notes(void)
{
    for (unsigned i = 0; i < victim.steps; i++) {
        for (unsigned f = 0; f < victim.frames; f++) {
            if (victim.step[i].note && victim.frame[f].type == AK_FRAME_NOTE &&
                victim.frame[f].offset == victim.step[i].bytes)
                victim.step[i].bytes += victim.frame[f].bytes;
        }
    }
}

static void open_dirs(void)
{
    char path[2 * LIFE_PATH_BYTES];

    (void)snprintf(path, sizeof(path), "%s/store/keys", victim.path);
    victim.keys_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(victim.keys_fd >= 0);
    victim.dir_fd = open(victim.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(victim.dir_fd >= 0);
}

/* Segment 0 of init, one of a first process, and the newest one, with what comes in the life of a
 * log; its last two commits are not signed. */
void victim_make(bool sealed)
{
    struct ak_sealed first, second;
    struct ak_error err = {0};
    struct life life;
    uint32_t a, b;
    uint64_t end;

    memset(&victim, 0, sizeof(victim));
    life_home(victim.path);
    life_make(victim.path);
    victim_check(life_begin(&life, victim.path, &err), &err);
    (void)snprintf(victim.origin, sizeof(victim.origin), "%s", life.origin);
    (void)snprintf(victim.dir, sizeof(victim.dir), "%s/store/%s", victim.path, life.id);
    a = life_source(&life);
    life_records(&life, a, 20, 60);
    life_commit(&life);
    life_sign(&life);
    life_note(&life);
    life_publish(&life);
    victim.state = ak_keys_signed(life.keys)->end;
    end = life.next_index;
    if (sealed) {
        victim_seal(&life, 0, 1, &first);
        victim_seal(&life, 1, end, &second);
        life_manifest(&life, &first);
        life_manifest(&life, &second);
    }
    life_roll(&life);
    victim.first = end;
    victim.begin = life.result.range;
    (void)snprintf(victim.file, sizeof(victim.file), "%s/%020" PRIu64 ".open.zst", victim.dir, end);
    life_records(&life, a, 3, 40);
    commit(&life);
    life_sign(&life);
    life_records(&life, a, 300, 6);
    commit(&life); /* with the note in front */
    note(&life);
    life_event(&life, "disk-low", "collector");
    commit(&life);
    b = life_source(&life);
    life_records(&life, b, 5, 50);
    life_state(&life);
    commit(&life);
    life_sign(&life);
    life_records(&life, a, 2, 0);
    commit(&life);
    note(&life);
    life_records(&life, b, 9, 80);
    commit(&life);
    life_records(&life, a, 4, 30);
    life_event(&life, "disk-low", "collector");
    commit(&life);
    life_free(&life); /* it just stops */
    victim_read_file();
    find_notes();
    open_dirs();
}

void victim_away(void)
{
    (void)close(victim.keys_fd);
    (void)close(victim.dir_fd);
    free(victim.data);
    life_away(victim.path);
}

/* ---- judging ---- */

void victim_remove_torn(void)
{
    DIR *dir = opendir(victim.dir);
    const struct dirent *entry;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (strstr(entry->d_name, ".torn") != NULL)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    (void)closedir(dir);
}

bool victim_range_equal(const struct ak_range *a, const struct ak_range *b)
{
    return a->begin == b->begin && a->end == b->end && a->count == b->count &&
           memcmp(a->hash, b->hash, a->count * sizeof(a->hash[0])) == 0;
}

/* The last step that ends at or before byte `bytes`, of MARKs only or of both; NULL: none. */
const struct victim_step *victim_last_step(uint64_t bytes, bool notes)
{
    const struct victim_step *found = NULL;

    for (unsigned i = 0; i < victim.steps; i++) {
        if (victim.step[i].bytes <= bytes && (notes || !victim.step[i].note) &&
            (found == NULL || victim.step[i].bytes >= found->bytes))
            found = &victim.step[i];
    }
    return found;
}

/* One recovery of the directory as it is; what comes of it. Memory of `out` is freed. */
enum ak_code victim_recover(struct ak_recovered *out, struct ak_range *whole, struct ak_error *err)
{
    struct ak_keys *keys;
    enum ak_code rc;

    victim_check(ak_keys_load(victim.keys_fd, victim.origin, &keys, err), err);
    rc = ak_recover(victim.dir_fd, victim.origin, keys, NULL, NULL, out, err);
    if (rc == AK_OK) {
        *whole = *ak_keys_signed(keys);
        victim_check(ak_range_merge(whole, &out->more, err), err);
        assert_int_equal(out->positions.size, out->range.end);
    }
    ak_recovered_free(out);
    ak_keys_free(keys);
    return rc;
}

/* The log goes on as a collector would, and is judged before and after. */
void victim_go_on(unsigned before, unsigned after, unsigned remarks)
{
    struct ak_error err = {0};
    struct life life;
    char copy[LIFE_PATH_BYTES];
    char from[LIFE_PATH_BYTES + 8];
    char to[LIFE_PATH_BYTES + 8];

    life_home(copy);
    (void)snprintf(from, sizeof(from), "%s/store", victim.path);
    (void)snprintf(to, sizeof(to), "%s/store", copy);
    life_copy(from, to);
    (void)life_check(copy, before, remarks);
    victim_check(life_begin(&life, copy, &err), &err);
    life_records(&life, life_source(&life), 3, 20);
    life_records(&life, AK_SOURCE_FIRST, 2, 20);
    life_commit(&life);
    (void)life_check(copy, before | after, remarks);
    life_sign(&life);
    life_end(&life);
    (void)life_check(copy, after, remarks);
    victim_check(life_begin(&life, copy, &err), &err); /* and nothing is told a second time */
    assert_int_equal(life.recovered.torn_count, 0);
    life_end(&life);
    (void)life_check(copy, after, remarks);
    life_away(copy);
}
