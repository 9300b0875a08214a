/* life.c - a collector without a loop, and without mercy: what should not fail is asserted. */
#include "life.h"

#include <akashi/format.h>

#include <clock.h>
#include <init.h>
#include <payload.h>
#include <positions.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LOG    "test"
#define ORIGIN "exercise.life"
#define EPOCHS 4u

static void check(enum ak_code rc, const struct ak_error *err)
{
    if (rc != AK_OK)
        fail_msg("%s: %s", ak_code_name(rc), err->text);
}

/* ---- directories ---- */

void life_home(char path[LIFE_PATH_BYTES])
{
    const char *memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

    (void)snprintf(path, LIFE_PATH_BYTES, "%s/akashi-life-XXXXXX", memory);
    assert_non_null(mkdtemp(path));
}

static void remove_in(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const struct dirent *entry;
    DIR *dir;

    if (fd < 0) {
        (void)unlinkat(parent, name, 0);
        return;
    }
    dir = fdopendir(fd);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_in(fd, entry->d_name);
    }
    (void)closedir(dir);
    (void)unlinkat(parent, name, AT_REMOVEDIR);
}

void life_away(const char *path)
{
    remove_in(AT_FDCWD, path);
}

static void copy_file(int from, int to, const char *name)
{
    char data[65536];
    struct stat st;
    ssize_t n;
    int in = openat(from, name, O_RDONLY | O_CLOEXEC);
    int out;

    assert_true(in >= 0);
    assert_int_equal(fstat(in, &st), 0);
    out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st.st_mode & 0777);
    assert_true(out >= 0);
    while ((n = read(in, data, sizeof(data))) > 0)
        assert_int_equal(write(out, data, (size_t)n), n);
    assert_int_equal(n, 0);
    (void)close(in);
    (void)close(out);
}

void life_copy(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct dirent *entry;
    DIR *dir;
    int out;

    assert_int_equal(mkdir(to, 0700), 0);
    out = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dir = fdopendir(in);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        char deeper_from[2 * LIFE_PATH_BYTES], deeper_to[2 * LIFE_PATH_BYTES];
        struct stat st;
        if (entry->d_name[0] == '.')
            continue;
        assert_int_equal(fstatat(in, entry->d_name, &st, AT_SYMLINK_NOFOLLOW), 0);
        if (S_ISREG(st.st_mode))
            copy_file(in, out, entry->d_name);
        if (!S_ISDIR(st.st_mode))
            continue;
        (void)snprintf(deeper_from, sizeof(deeper_from), "%s/%s", from, entry->d_name);
        (void)snprintf(deeper_to, sizeof(deeper_to), "%s/%s", to, entry->d_name);
        life_copy(deeper_from, deeper_to);
    }
    (void)close(out);
    (void)closedir(dir);
}

static void store_path(char out[LIFE_PATH_BYTES + 8], const char *path)
{
    (void)snprintf(out, LIFE_PATH_BYTES + 8, "%s/store", path);
}

/* ---- entries ---- */

void life_make(const char *path)
{
    char store[LIFE_PATH_BYTES + 8];
    const struct ak_init_options options = {
        .store = store, .log = LOG, .origin = ORIGIN, .epochs = EPOCHS};
    struct ak_error err = {0};
    struct ak_vkey vkey;

    store_path(store, path);
    check(ak_init_log(&options, &vkey, &err), &err);
}

/* The time of the entries to come: those of one read have one time. */
static void stamp(struct life *life)
{
    uint64_t now = ak_clock_wall();

    if (now > life->positions.received)
        life->positions.received = now;
}

void life_add(struct life *life, uint8_t kind, uint32_t source, const void *data, size_t len)
{
    bool received = kind == AK_KIND_RECORD || kind == AK_KIND_FRAGMENT;
    uint32_t ordinal = received ? source : kind;
    struct ak_position *at = &life->positions.at[ordinal];
    struct ak_run run = {.received = life->positions.received,
                         .seq = at->next_seq,
                         .source = ordinal,
                         .clock_run = life->positions.clock_run,
                         .kind = kind};

    assert_true(ordinal < life->positions.count);
    assert_true(ak_batch_fits(life->batch, len));
    ak_batch_add(life->batch, &run, data, len);
    at->next_seq++;
    at->last_index = life->next_index++;
    at->last_received = run.received;
    life->positions.size = life->next_index;
}

static void add_own(struct life *life, uint8_t kind, struct ak_payload *payload)
{
    struct ak_error err = {0};
    char *data;
    size_t len;

    check(ak_payload_end(payload, &data, &len, &err), &err);
    stamp(life);
    life_add(life, kind, 0, data, len);
    free(data);
}

uint32_t life_source(struct life *life)
{
    uint32_t ordinal = life->positions.count;
    struct ak_error err = {0};
    struct ak_payload p;
    char address[32];

    (void)snprintf(address, sizeof(address), "10.0.0.%u", ordinal - 255);
    ak_payload_begin(&p, "source");
    ak_payload_string(&p, "transport", "tcp");
    ak_payload_string(&p, "listener", "tcp://0.0.0.0:514");
    ak_payload_string(&p, "identity", "address");
    ak_payload_string(&p, "address", address);
    ak_payload_bool(&p, "relay", false);
    check(ak_positions_declare(&life->positions, ordinal + 1, &err), &err);
    life->positions.at[ordinal].declared = life->next_index;
    add_own(life, AK_KIND_SOURCE, &p);
    return ordinal;
}

void life_records(struct life *life, uint32_t source, unsigned n, size_t longest)
{
    char *data = malloc(longest + 1);

    assert_non_null(data);
    stamp(life);
    for (unsigned i = 0; i < n; i++) {
        size_t len = longest == 0 ? 0 : randombytes_uniform((uint32_t)longest);
        for (size_t j = 0; j < len; j++)
            data[j] = (char)('a' + (life->next_index + j) % 26);
        if (len > 3 && i % 5 == 0)
            data[len / 2] = '\n';
        life_add(life, AK_KIND_RECORD, source, data, len);
    }
    free(data);
}

void life_event(struct life *life, const char *event, const char *side)
{
    struct ak_payload p;

    ak_payload_event(&p, event, side);
    if (strcmp(event, "stop") == 0)
        ak_payload_string(&p, "reason", "signal");
    add_own(life, AK_KIND_EVENT, &p);
}

void life_torn(struct life *life, const struct ak_torn *torn)
{
    struct ak_payload p;

    ak_payload_event(&p, torn->corruption ? "corruption" : "recovery", "collector");
    ak_payload_string(&p, "file", torn->file);
    ak_payload_dec(&p, "good", torn->good);
    if (torn->corruption) {
        ak_payload_string(&p, "reason", torn->reason);
    } else {
        ak_payload_dec(&p, "cut", torn->cut);
        ak_payload_bytes(&p, "sha256", torn->sha256.b, AK_HASH_BYTES);
        ak_payload_dec(&p, "size", torn->size);
    }
    add_own(life, AK_KIND_EVENT, &p);
}

void life_manifest(struct life *life, const struct ak_sealed *sealed)
{
    struct ak_payload p;

    ak_payload_begin(&p, "manifest");
    ak_payload_dec(&p, "first", sealed->first);
    ak_payload_dec(&p, "end", sealed->end);
    ak_payload_number(&p, "generation", sealed->generation);
    ak_payload_string(&p, "file", sealed->file);
    ak_payload_dec(&p, "bytes", sealed->bytes);
    ak_payload_bytes(&p, "sha512", sealed->sha512, sizeof(sealed->sha512));
    ak_payload_bytes(&p, "frames", sealed->frames.b, AK_HASH_BYTES);
    ak_payload_bytes(&p, "header", sealed->header.b, AK_HASH_BYTES);
    ak_payload_bytes(&p, "root", sealed->root.b, AK_HASH_BYTES);
    ak_payload_bytes(&p, "positions", sealed->positions.b, AK_HASH_BYTES);
    if (sealed->ordered)
        ak_payload_dec(&p, "order", sealed->order);
    add_own(life, AK_KIND_MANIFEST, &p);
}

void life_state(struct life *life)
{
    struct ak_payload p, clock;
    struct ak_hash root;

    ak_positions_root(&life->positions, &root);
    ak_payload_begin(&p, "state");
    ak_payload_dec(&p, "wall", ak_clock_wall());
    ak_payload_dec(&p, "boottime", ak_clock_boottime());
    ak_payload_string(&p, "boot_id", ak_clock_boot_id());
    ak_payload_inner(&p, "clock", &clock);
    ak_payload_bool(&clock, "synchronized", true);
    ak_payload_dec(&clock, "max_error_us", 1500);
    ak_payload_string(&clock, "offset_ns", "-1200");
    ak_payload_number(&p, "sources", life->positions.count - AK_SOURCE_FIRST);
    ak_payload_bytes(&p, "positions", root.b, sizeof(root.b));
    add_own(life, AK_KIND_STATE, &p);
}

/* ---- a process ---- */

static void first_entries(struct life *life)
{
    struct ak_payload p;

    ak_payload_event(&p, "start", "collector");
    ak_payload_string(&p, "version", AKASHI_VERSION);
    ak_payload_dec(&p, "claim", life->recovered.claim + 1);
    ak_payload_number(&p, "pid", 4711);
    add_own(life, AK_KIND_EVENT, &p);
    for (unsigned i = 0; i < life->recovered.torn_count; i++)
        life_torn(life, &life->recovered.torn[i]);
    life_state(life);
}

static enum ak_code on_source(void *ctx, uint32_t ordinal, const void *payload, size_t len,
                              struct ak_error *err)
{
    struct life *life = ctx;

    (void)len;
    if (ordinal != life->sources_told)
        return ak_fail(err, AK_EUSAGE, "source %u is told of, not %u", ordinal, life->sources_told);
    life->sources_told++;
    life->sources_known += payload != NULL;
    return AK_OK;
}

static enum ak_code open_log(struct life *life, const char *path, struct ak_error *err)
{
    char store[LIFE_PATH_BYTES + 8];
    enum ak_code rc;

    store_path(store, path);
    rc = ak_store_open(store, "test", NULL, &life->store, err);
    if (rc == AK_OK)
        rc = ak_store_find(life->store.fd, LOG, life->id, err);
    if (rc == AK_OK) { /* without asking `checkpoint`, which tests take away */
        (void)snprintf(life->origin, sizeof(life->origin), "%s/%s", ORIGIN, life->id);
        life->dir_fd =
            openat(life->store.fd, life->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        assert_true(life->dir_fd >= 0);
        rc = ak_keys_load(life->store.keys_fd, life->origin, &life->keys, err);
    }
    return rc;
}

static void begin_batch(struct life *life)
{
    life->batch->state = AK_BATCH_FREE;
    ak_batch_begin(life->batch, NULL);
}

enum ak_code life_begin(struct life *life, const char *path, struct ak_error *err)
{
    struct ak_writer_options options = {0};
    enum ak_code rc;

    memset(life, 0, sizeof(*life));
    life->store = (struct ak_store){-1, -1, -1, -1};
    life->dir_fd = -1;
    life->sources_told = AK_SOURCE_FIRST;
    rc = open_log(life, path, err);
    if (rc == AK_OK)
        rc = ak_recover(life->dir_fd, life->origin, life->keys, on_source, life, &life->recovered,
                        err);
    if (rc != AK_OK) {
        life_free(life);
        return rc;
    }
    assert_int_equal(life->recovered.positions.size, life->recovered.range.end);
    assert_int_equal(life->recovered.positions.count, life->sources_told);
    life->positions = life->recovered.positions; /* moved */
    memset(&life->recovered.positions, 0, sizeof(life->recovered.positions));
    life->next_index = life->recovered.range.end;
    life->more = life->recovered.more;
    life->key_group = UINT64_MAX;
    life->new_segment = true;
    options.log_dir_fd = life->dir_fd;
    options.origin = life->origin;
    options.epoch_note = life->recovered.epoch_note;
    options.epoch_note_len = life->recovered.epoch_note_len;
    options.claim = life->recovered.claim + 1;
    options.previous = life->recovered.previous;
    rc = ak_writer_new(&options, &life->recovered.range, &life->writer, err);
    if (rc == AK_OK) {
        life->batch = ak_batch_new();
        life->scratch = ak_prepare_scratch_new();
        assert_true(life->batch != NULL && life->scratch != NULL);
        begin_batch(life);
        first_entries(life);
    }
    return rc;
}

void life_free(struct life *life)
{
    ak_writer_free(life->writer);
    ak_keys_free(life->keys);
    ak_recovered_free(&life->recovered);
    ak_positions_free(&life->positions);
    ak_prepare_scratch_free(life->scratch);
    ak_batch_free(life->batch);
    if (life->dir_fd >= 0)
        (void)close(life->dir_fd);
    ak_store_close(&life->store);
    memset(life, 0, sizeof(*life));
    life->store = (struct ak_store){-1, -1, -1, -1};
    life->dir_fd = -1;
}

static void close_batch(struct life *life)
{
    struct ak_batch *batch = life->batch;
    uint64_t group;

    batch->first = life->next_index - batch->count;
    batch->new_segment = life->new_segment;
    if (life->new_segment)
        life->key_group = UINT64_MAX;
    life->new_segment = false;
    group = batch->first / AK_GROUP_ENTRIES;
    for (uint64_t g = group; g <= (life->next_index - 1) / AK_GROUP_ENTRIES; g++) {
        if (g != life->key_group)
            randombytes_buf(life->key, sizeof(life->key));
        life->key_group = g;
        memcpy(batch->group_key[g - group], life->key, sizeof(life->key));
    }
    batch->rc = ak_prepare(batch, life->scratch);
    assert_int_equal(batch->rc, AK_OK);
    batch->state = AK_BATCH_READY;
}

enum ak_code life_try_commit(struct life *life, struct ak_error *err)
{
    const void *note = life->note_waits ? life->note : NULL;
    const void *newest = life->note_len > 0 ? life->note : life->recovered.note;
    size_t newest_len = life->note_len > 0 ? life->note_len : life->recovered.note_len;
    enum ak_code rc;

    if (life->batch->state == AK_BATCH_FILLING)
        close_batch(life);
    rc = ak_writer_commit(life->writer, &life->batch, 1, note, note != NULL ? life->note_len : 0,
                          newest, newest_len, ak_clock_wall(), &life->result, err);
    if (rc != AK_OK)
        return rc;
    life->note_waits = false;
    assert_int_equal(ak_range_merge(&life->more, &life->batch->range, NULL), AK_OK);
    begin_batch(life);
    return AK_OK;
}

void life_commit(struct life *life)
{
    struct ak_error err = {0};

    check(life_try_commit(life, &err), &err);
}

void life_sign(struct life *life)
{
    struct ak_error err = {0};

    check(ak_keys_sign(life->keys, &life->more, life->note, sizeof(life->note), &life->note_len,
                       &err),
          &err);
    ak_range_init(&life->more, life->more.end);
    life->note_waits = true;
}

void life_note(struct life *life)
{
    struct ak_error err = {0};

    if (life->note_waits)
        check(ak_writer_note(life->writer, life->note, life->note_len, &err), &err);
    life->note_waits = false;
}

void life_publish(struct life *life)
{
    struct ak_error err = {0};

    check(ak_keys_save(life->keys, &err), &err);
    check(ak_disk_put(life->store.tmp_fd, "checkpoint", life->dir_fd, "checkpoint", 0644,
                      life->note, life->note_len, &err),
          &err);
}

void life_roll(struct life *life)
{
    life->new_segment = true;
}

void life_end(struct life *life)
{
    life_state(life);
    life_event(life, "stop", "operator");
    life_commit(life);
    life_sign(life);
    life_note(life);
    life_publish(life);
    life_free(life);
}

struct ak_seal_log life_seal_log(const struct life *life)
{
    return (struct ak_seal_log){.log_dir_fd = life->dir_fd,
                                .tmp_fd = life->store.tmp_fd,
                                .tmp_name = life->id,
                                .origin = life->origin,
                                .log_key = *ak_keys_log(life->keys),
                                .epochs = ak_keys_list(life->keys)};
}

/* ---- the judge ---- */

const struct ak_vkey *life_authorities;
size_t life_authority_count;

static void read_key(const char *store, struct ak_vkey *key)
{
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    char id[AK_LOG_ID_CHARS + 1];
    struct ak_error err = {0};
    struct ak_keys *keys;
    char path[LIFE_PATH_BYTES + 16];
    int fd = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int keys_fd;

    check(ak_store_find(fd, LOG, id, &err), &err);
    (void)snprintf(origin, sizeof(origin), "%s/%s", ORIGIN, id);
    (void)snprintf(path, sizeof(path), "%s/keys", store);
    keys_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check(ak_keys_load(keys_fd, origin, &keys, &err), &err);
    *key = *ak_keys_log(keys);
    ak_keys_free(keys);
    (void)close(keys_fd);
    (void)close(fd);
}

static void print_findings(const struct ak_check *result)
{
    for (size_t i = 0; i < result->logs[0].finding_count; i++) {
        const struct ak_finding *finding = &result->logs[0].findings[i];
        print_error("%s %s %s byte %llu [%llu, %llu): %s\n", ak_finding_info(finding->code)->name,
                    finding->rule, finding->file, (unsigned long long)finding->offset,
                    (unsigned long long)finding->begin, (unsigned long long)finding->end,
                    finding->text);
    }
}

static enum ak_verdict judge(const char *path, const char *what, const struct ak_check_kept *kept,
                             unsigned allowed, uint64_t remarks)
{
    char store[LIFE_PATH_BYTES + 8];
    const char *paths[] = {what};
    struct ak_check_options options = {0};
    struct ak_check *result;
    struct ak_error err = {0};
    enum ak_verdict verdict;
    struct ak_vkey key;
    bool good;

    store_path(store, path);
    read_key(store, &key);
    options.keys = &key;
    options.key_count = 1;
    options.kept = kept;
    options.kept_count = kept != NULL;
    options.authorities = life_authorities;
    options.authority_count = life_authority_count;
    check(ak_check_run(paths, 1, &options, &result, &err), &err);
    assert_int_equal(result->count, 1);
    verdict = result->verdict;
    good = (allowed >> verdict & 1u) != 0;
    for (unsigned code = 0; code < AK_FINDING_CODES; code++) {
        const struct ak_finding_info *info = ak_finding_info((enum ak_finding_code)code);
        if (info->remark && code != AK_FINDING_EXERCISE && result->logs[0].code_counts[code] > 0 &&
            (remarks >> code & 1) == 0)
            good = false;
    }
    if (!good)
        print_findings(result);
    ak_check_free(result);
    if (!good)
        fail_msg("%s: %s", what, ak_verdict_name(verdict));
    return verdict;
}

enum ak_verdict life_check(const char *path, unsigned allowed, uint64_t remarks)
{
    char store[LIFE_PATH_BYTES + 8];

    store_path(store, path);
    return judge(path, store, NULL, allowed, remarks);
}

void life_check_kept(const char *path, const void *note, size_t len)
{
    const struct ak_check_kept kept = {.note = note, .len = len, .name = "kept"};
    char store[LIFE_PATH_BYTES + 8];

    store_path(store, path);
    (void)judge(path, store, &kept, LIFE_ONLY_VALID, UINT64_MAX);
}

enum ak_verdict life_check_file(const char *path, const char *file, unsigned allowed)
{
    char store[LIFE_PATH_BYTES + 8];
    char id[AK_LOG_ID_CHARS + 1];
    char what[2 * LIFE_PATH_BYTES];
    struct ak_error err = {0};
    int fd;

    store_path(store, path);
    fd = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check(ak_store_find(fd, LOG, id, &err), &err);
    (void)close(fd);
    (void)snprintf(what, sizeof(what), "%s/%s/%s", store, id, file);
    return judge(path, what, NULL, allowed, UINT64_MAX);
}
