/* erase.c - carrying out an order to erase: what it names is gone from every byte of the store,
 * with what its salt could be made of; all else is proven as before; and whatever fails on the way,
 * the next start goes on to the same end. */
#include "life.h"

#include <erase.h>
#include <leafhash.h>
#include <segments.h>

#include <akashi/format.h>
#include <akashi/order.h>
#include <akashi/signing_key.h>

#include <dirent.h>
#include <errno.h>
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
#include <zstd.h>

#define SECRET     "<13>host app: the secret word is ALICE-4711"
#define FILE_BYTES (8u << 20)
#define STEPS_MAX  64u
#define DATA_AT    3000 /* in a block of the first segment */

static struct ak_signing_key *people[2];
static struct ak_vkey known[2];
static struct ak_seal_memory *memory;
static char path[LIFE_PATH_BYTES];
static struct life life;
static struct ak_error err;
static uint64_t secret[3];                  /* indices of the records that go */
static uint8_t keys[3][AK_GROUP_KEY_BYTES]; /* group keys of their groups */
static uint64_t number;                     /* of the newest order */

static void check(enum ak_code rc)
{
    if (rc != AK_OK)
        fail_msg("%s: %s", ak_code_name(rc), err.text);
}

static int setup(void **state)
{
    static const char *const names[] = {"auth.example/ito", "auth.example/sato"};

    (void)state;
    memory = ak_seal_memory_new();
    assert_non_null(memory);
    for (unsigned i = 0; i < 2; i++) {
        check(ak_signing_key_make(&people[i], names[i], &err));
        known[i] = *ak_signing_key_vkey(people[i]);
    }
    life_authorities = known;
    life_authority_count = 2;
    number = 0;
    life_home(path);
    life_make(path);
    check(life_begin(&life, path, &err));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ak_disk_fault = NULL;
    life_free(&life);
    life_away(path);
    ak_seal_memory_free(memory);
    for (unsigned i = 0; i < 2; i++)
        ak_signing_key_free(people[i]);
    life_authority_count = 0;
    return 0;
}

/* ---- the log */

static void sign_and_note(void)
{
    life_commit(&life);
    life_sign(&life);
    life_note(&life);
    life_publish(&life);
}

static void add_secret(unsigned i, uint32_t source)
{
    secret[i] = life.next_index;
    life_add(&life, AK_KIND_RECORD, source, SECRET, strlen(SECRET));
    memcpy(keys[i], life.key, sizeof(keys[i])); /* replaced below if the group is another one */
}

/* Seals what is closed, with its manifest; the open file goes. */
static void seal(uint64_t first, uint64_t end)
{
    struct ak_seal_log log = life_seal_log(&life);
    struct ak_sealed sealed;
    uint64_t good;

    check(ak_seal(&log, memory, first, end, true, &sealed, &good, &err));
    life_manifest(&life, &sealed);
    sign_and_note();
    check(ak_seal_remove(&log, first, &err));
}

/* Group keys of the secrets, as the files have them now. */
static void find_keys(void)
{
    struct ak_seal_log log = life_seal_log(&life);
    struct ak_segment_files files;
    struct ak_block_reader reader;

    check(ak_segment_files_list(log.log_dir_fd, &files, &err));
    check(ak_block_reader_init(&reader, &err));
    for (unsigned i = 0; i < 3; i++) {
        for (size_t f = 0; f < files.count; f++) {
            const struct ak_columns *columns = reader.columns;
            int fd;
            if (!files.file[f].sealed || secret[i] < files.file[f].first ||
                secret[i] >= files.file[f].end)
                continue;
            check(ak_segment_file_open(log.log_dir_fd, files.file[f].name, &fd, &err));
            check(ak_block_reader_find(&reader, fd, &files.file[f], secret[i], &err));
            (void)close(fd);
            for (uint32_t g = 0; g < columns->group_count; g++) {
                if ((columns->first + columns->group[g].begin) / AK_GROUP_ENTRIES ==
                    secret[i] / AK_GROUP_ENTRIES) {
                    assert_non_null(columns->group[g].key);
                    memcpy(keys[i], columns->group[g].key, AK_GROUP_KEY_BYTES);
                }
            }
        }
    }
    ak_block_reader_free(&reader);
    ak_segment_files_free(&files);
}

/* Two sealed segments with three secrets: one among others of its block, one in a group that two
 * blocks share, one alone in its block; and a bytes file of an old crash. */
static void make_log(uint8_t form)
{
    uint64_t first = life.next_index - life.batch->count;
    uint32_t a;

    life.batch->form = form;
    a = life_source(&life);
    life_records(&life, a, 40, 60);
    add_secret(0, a);
    life_add(&life, AK_KIND_RECORD, a, "two\nlines\n", 10);
    life_event(&life, "cut", "sender");
    life_records(&life, a, 300, 60);
    life_commit(&life);
    life.batch->form = form;
    life_records(&life, a, 5, 60);
    add_secret(1, a);
    life_commit(&life);
    life.batch->form = form;
    life_records(&life, a, 7, 60);
    sign_and_note();
    life_roll(&life);
    life.batch->form = form;
    life_state(&life);
    life_commit(&life);
    seal(first, life.next_index - 1);
    first = life.next_index - 2; /* the state, and the manifest of the first segment */
    life.batch->form = form;
    add_secret(2, a);
    sign_and_note();
    life.batch->form = form;
    life_records(&life, a, 20, 60);
    sign_and_note();
    life_roll(&life);
    life_state(&life);
    life_commit(&life);
    seal(first, life.next_index - 1);
    find_keys();
}

static struct ak_order order_of(enum ak_order_action action)
{
    struct ak_order order = {.number = ++number,
                             .action = action,
                             .case_text = "7",
                             .case_len = 1,
                             .reason = "court",
                             .reason_len = 5};

    memcpy(order.origin, life.origin, strlen(life.origin) + 1);
    return order;
}

/* Enters an order that both have signed; gives its index. */
static uint64_t enter(const struct ak_order *order)
{
    char text[AK_ORDER_NOTE_BYTES_MAX];
    char one[AK_ORDER_NOTE_BYTES_MAX];
    char *payload;
    size_t len;
    size_t n;

    check(ak_order_text(order, text, sizeof(text), &len, &err));
    check(ak_signing_key_note(people[0], text, len, one, sizeof(one), &n, &err));
    check(ak_signing_key_add(people[1], one, n, text, sizeof(text), &len, &err));
    check(ak_order_entry_make(text, len, &payload, &len, &err));
    life_add(&life, AK_KIND_ORDER, 0, payload, len);
    free(payload);
    sign_and_note();
    return life.next_index - 1;
}

static void declare(void)
{
    char *payload;
    size_t len;

    check(ak_order_declaration_make(known, 2, 2, &payload, &len, &err));
    life_add(&life, AK_KIND_ORDER, 0, payload, len);
    free(payload);
    sign_and_note();
}

static void order_all(struct ak_erase_order *erase)
{
    struct ak_order order = order_of(AK_ORDER_ERASE);

    order.range_count = 3;
    for (unsigned i = 0; i < 3; i++)
        order.range[i] = (struct ak_order_range){secret[i], secret[i]};
    erase->index = enter(&order);
    erase->range_count = 3;
    memcpy(erase->range, order.range, sizeof(erase->range));
}

/* ---- carrying out */

static unsigned torn_told;

static void on_torn(void *ctx, const char *file, const struct ak_hash *sha256)
{
    (void)ctx;
    (void)sha256;
    assert_non_null(strstr(file, ".torn"));
    torn_told++;
}

/* Steps with their manifests, as the collector takes them. Stops at the first failure. */
static enum ak_code carry_out(const struct ak_erase_order *order)
{
    struct ak_seal_log log = life_seal_log(&life);
    ak_disk_fault_fn fault = ak_disk_fault;
    struct ak_sealed sealed;
    uint64_t from = 0;
    bool more = true;

    for (unsigned i = 0; more; i++) {
        enum ak_code rc = ak_erase_step(&log, memory, order, from, life.recovered.range.end,
                                        on_torn, NULL, &sealed, &more, &err);
        if (rc != AK_OK || !more)
            return rc;
        assert_true(i < STEPS_MAX);
        ak_disk_fault = NULL; /* what writes entries has tests of its own */
        life_manifest(&life, &sealed);
        sign_and_note();
        ak_disk_fault = fault;
        rc = ak_erase_old(&log, sealed.first, sealed.generation, &err);
        if (rc != AK_OK)
            return rc;
        from = sealed.end;
    }
    return AK_OK;
}

/* ---- where it could still be */

static bool holds(const uint8_t *data, size_t len, const void *what, size_t n)
{
    return memmem(data, len, what, n) != NULL;
}

/* What these bytes hold of the secrets: their text, plain or compressed, their salts and what those
 * are made of. */
static bool betrays(const uint8_t *data, size_t len)
{
    static uint8_t text[FILE_BYTES];
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    ZSTD_inBuffer in = {data, len, 0};
    ZSTD_outBuffer out = {text, sizeof(text), 0};
    bool found = holds(data, len, "ALICE-4711", 10);

    while (in.pos < in.size && !ZSTD_isError(ZSTD_decompressStream(ctx, &out, &in)))
        ;
    ZSTD_freeDCtx(ctx);
    found = found || holds(text, out.pos, "ALICE-4711", 10);
    for (unsigned i = 0; i < 3; i++) {
        uint8_t salt[AK_GROUP_ENTRIES][AK_SALT_BYTES];
        found = found || holds(data, len, keys[i], AK_GROUP_KEY_BYTES);
        ak_salts(salt, keys[i], 0, AK_GROUP_ENTRIES);
        found = found || holds(data, len, salt[secret[i] % AK_GROUP_ENTRIES], AK_SALT_BYTES);
    }
    return found;
}

/* Files below a directory that hold something of the secrets. */
static unsigned search(int parent, const char *name)
{
    static uint8_t data[FILE_BYTES];
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fdopendir(fd);
    const struct dirent *entry;
    unsigned found = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        struct stat st;
        ssize_t n;
        int file;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        assert_int_equal(fstatat(fd, entry->d_name, &st, 0), 0);
        if (S_ISDIR(st.st_mode)) {
            found += search(fd, entry->d_name);
            continue;
        }
        file = openat(fd, entry->d_name, O_RDONLY | O_CLOEXEC);
        n = read(file, data, sizeof(data));
        assert_true(n >= 0);
        (void)close(file);
        if (betrays(data, (size_t)n)) {
            print_message("%s\n", entry->d_name);
            found++;
        }
    }
    (void)closedir(dir);
    return found;
}

static void assert_gone(void)
{
    assert_int_equal(search(life.store.fd, "."), 0);
    (void)life_check(path, LIFE_ONLY_VALID, LIFE_ERASED);
    life_authority_count = 0;
    (void)life_check(path, 1u << AK_INCOMPLETE, 0);
    life_authority_count = 2;
}

/* ---- the tests */

static void erased(uint8_t form)
{
    struct ak_erase_order order;

    make_log(form);
    declare();
    assert_true(search(life.store.fd, ".") >= 2); /* the search finds what is there */
    (void)life_check(path, LIFE_ONLY_VALID, 0);
    order_all(&order);
    (void)life_check(path, LIFE_ONLY_VALID, UINT64_C(1) << AK_FINDING_NOT_ERASED);
    check(carry_out(&order));
    assert_gone();
    check(carry_out(&order)); /* nothing is left to do */
    assert_gone();
}

/* Three records in two segments go, with salts and group keys; all else stays proven. */
static void erased_whole(void **state)
{
    (void)state;
    erased(AK_FORM_WHOLE);
}

/* The same where commitments are by parts: record keys take the place of salts. */
static void erased_parts(void **state)
{
    (void)state;
    erased(AK_FORM_PARTS);
}

/* Own entries in the range stay, and so does what was erased before. */
static void all_of_a_range(void **state)
{
    struct ak_order order = order_of(AK_ORDER_ERASE);
    struct ak_erase_order erase;
    struct ak_erase_order before;

    (void)state;
    make_log(AK_FORM_WHOLE);
    declare();
    order_all(&before);
    check(carry_out(&before));
    order = order_of(AK_ORDER_ERASE);
    order.range_count = 1;
    order.range[0] = (struct ak_order_range){1, secret[2] + 3};
    erase = (struct ak_erase_order){.index = enter(&order), .range_count = 1};
    erase.range[0] = order.range[0];
    check(carry_out(&erase));
    assert_gone();
}

/* Bytes that were cut at a crash, and caches, go as well. */
static void torn_and_cache(void **state)
{
    struct ak_erase_order order;
    char name[64];
    int fd;
    int cache;

    (void)state;
    make_log(AK_FORM_WHOLE);
    declare();
    order_all(&order);
    fd = openat(life.dir_fd, "00000000000000000001.torn", O_WRONLY | O_CREAT | O_EXCL, 0400);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, SECRET, strlen(SECRET)), (ssize_t)strlen(SECRET));
    (void)close(fd);
    (void)snprintf(name, sizeof(name), "cache/%s", life.id);
    assert_int_equal(mkdirat(life.store.fd, name, 0700), 0);
    cache = openat(life.store.fd, name, O_RDONLY | O_DIRECTORY);
    fd = openat(cache, "words", O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_int_equal(write(fd, SECRET, strlen(SECRET)), (ssize_t)strlen(SECRET));
    (void)close(fd);
    (void)close(cache);
    torn_told = 0;
    check(carry_out(&order));
    assert_int_equal(torn_told, 1);
    assert_int_equal(search(life.store.fd, "."), 0);
    (void)life_check(path, LIFE_ONLY_VALID, LIFE_ERASED);
}

/* The segment that init makes. */
static void seal_first(void)
{
    seal(0, 1);
}

/* A segment that does not lead to its root is left as it is; the others are done. */
static void damaged(bool in_footer)
{
    struct ak_seal_log log;
    struct ak_erase_order order;
    struct ak_sealed sealed;
    bool more;
    char name[AK_FILE_NAME_BYTES];
    struct stat st;
    uint8_t byte;
    off_t at;
    int fd;

    make_log(AK_FORM_WHOLE);
    declare();
    order_all(&order);
    seal_first();
    (void)snprintf(name, sizeof(name), "%020d.0.zst", 1);
    assert_int_equal(fchmodat(life.dir_fd, name, 0600, 0), 0);
    fd = openat(life.dir_fd, name, O_RDWR);
    assert_int_equal(fstat(fd, &st), 0);
    at = in_footer ? st.st_size / 2 : DATA_AT; /* most of a small segment is its FOOTER */
    assert_true(st.st_size > DATA_AT);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 4;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    (void)close(fd);
    log = life_seal_log(&life);
    assert_int_equal(ak_erase_step(&log, memory, &order, 0, 0, on_torn, NULL, &sealed, &more, &err),
                     AK_EINTEGRITY);
    assert_true(in_footer || strstr(err.text, name) != NULL);
    assert_int_equal(faccessat(life.dir_fd, name, F_OK, 0), 0);
    check(ak_erase_step(&log, memory, &order, sealed.end, 0, on_torn, NULL, &sealed, &more, &err));
    assert_true(more);
    assert_int_equal(sealed.generation, 1);
}

static void damaged_data(void **state)
{
    (void)state;
    damaged(false);
}

static void damaged_footer(void **state)
{
    (void)state;
    damaged(true);
}

/* ---- what fails on the way */

static unsigned calls;
static unsigned failing;

static int on_call(enum ak_disk_call call, size_t *bytes)
{
    (void)call;
    (void)bytes;
    return calls++ == failing ? EIO : 0;
}

static void on_erase(void *ctx, const struct ak_erase_order *order)
{
    *(struct ak_erase_order *)ctx = *order;
}

/* The process dies at a call; the next one finds the order in the log and goes on. */
static void restart_and_go_on(uint64_t index)
{
    struct ak_erase_order order = {0};
    struct ak_authority *authority;
    struct ak_seal_log log;

    life_free(&life);
    check(life_begin(&life, path, &err));
    log = life_seal_log(&life);
    sign_and_note();
    check(ak_erase_orders(&log, memory, life.recovered.range.end, 2, &authority, on_erase, &order,
                          &err));
    assert_int_equal(ak_authority_number(authority), number);
    ak_authority_free(authority);
    assert_int_equal(order.index, index);
    check(carry_out(&order));
}

/* Whichever call to the disk is the last one of a process: the store is VALID in between, as far as
 * the order goes, and after the next start it is carried out. */
static void killed_anywhere(void **state)
{
    char first[LIFE_PATH_BYTES];
    struct ak_erase_order order;
    unsigned deaths = 0;
    bool done = false;

    (void)state;
    make_log(AK_FORM_WHOLE);
    declare();
    order_all(&order);
    life_free(&life);
    memcpy(first, path, sizeof(first));
    for (failing = 0; !done; failing++) {
        enum ak_code rc;
        life_home(path);
        assert_int_equal(rmdir(path), 0); /* the name is all that is wanted */
        life_copy(first, path);
        check(life_begin(&life, path, &err));
        sign_and_note();
        calls = 0;
        ak_disk_fault = on_call;
        rc = carry_out(&order);
        ak_disk_fault = NULL;
        done = failing >= calls;
        assert_true(done ? rc == AK_OK : rc == AK_EIO);
        deaths += !done;
        life_authority_count = 2;
        restart_and_go_on(order.index);
        assert_gone();
        life_free(&life);
        life_away(path);
    }
    print_message("%u deaths\n", deaths);
    assert_true(deaths > 20);
    memcpy(path, first, sizeof(first));
    check(life_begin(&life, path, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(erased_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(erased_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(all_of_a_range, setup, teardown),
        cmocka_unit_test_setup_teardown(torn_and_cache, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_data, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_footer, setup, teardown),
        cmocka_unit_test_setup_teardown(killed_anywhere, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
