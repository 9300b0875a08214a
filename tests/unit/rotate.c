/* rotate.c - epochs of keys: what the start note says, what the old key still signs, and what a
 * change that fails at any call of the disk leaves behind. */
#include <akashi/epoch.h>
#include <akashi/tree.h>

#include <disk.h>
#include <keys.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define EPOCHS 4u

static char folder[] = "/tmp/akashi-rotate-XXXXXX";
static int folder_fd;
static char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
static struct ak_keys *keys;
static uint64_t size; /* of the tree that is signed here */
static unsigned calls;
static unsigned fail_at; /* call that fails; 0: none */

static int count_calls(enum ak_disk_call call, size_t *bytes)
{
    (void)call;
    (void)bytes;
    return ++calls == fail_at ? EIO : 0;
}

/* The range [begin, end) of a tree whose leaves are numbers. */
static struct ak_range leaves(uint64_t begin, uint64_t end)
{
    struct ak_range range;

    ak_range_init(&range, begin);
    for (uint64_t i = begin; i < end; i++) {
        struct ak_hash leaf;
        ak_hash_leaf(&leaf, &i, sizeof(i));
        assert_int_equal(ak_range_append(&range, &leaf), AK_OK);
    }
    return range;
}

static enum ak_code sign_to(uint64_t end)
{
    struct ak_range more = leaves(ak_keys_signed(keys)->end, end);
    char note[4096];
    size_t len;
    struct ak_error err = {0};
    enum ak_code rc = ak_keys_sign(keys, &more, note, sizeof(note), &len, &err);
    struct ak_log_checkpoint judged;

    if (rc == AK_OK) {
        assert_int_equal(ak_log_checkpoint_verify(ak_keys_log(keys), ak_keys_epoch(keys), note, len,
                                                  &judged, NULL),
                         AK_OK);
        assert_int_equal(ak_keys_save(keys, NULL), AK_OK);
        size = end;
    }
    return rc;
}

static int set_up(void **state)
{
    unsigned char seed[64];

    (void)state;
    memset(seed, 7, 32);
    memset(seed + 32, 8, 32);
    memset(folder + strlen(folder) - 6, 'X', 6);
    assert_non_null(mkdtemp(folder));
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(
        ak_keys_make(folder_fd, "test.example/rotate", EPOCHS, seed, origin, &keys, NULL), AK_OK);
    size = 0;
    assert_int_equal(sign_to(3), AK_OK);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    ak_disk_fault = NULL;
    ak_keys_free(keys);
    keys = NULL;
    close(folder_fd);
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command); /* NOLINT(cert-env33-c): a folder of our own making */
}

/* A new process: keys from the disk, which go on from what was signed. */
static void load_again(void)
{
    struct ak_range range = leaves(0, size);
    struct ak_error err = {0};

    ak_keys_free(keys);
    keys = NULL;
    if (ak_keys_load(folder_fd, origin, &keys, &err) != AK_OK)
        fail_msg("%s", err.text);
    if (ak_keys_resume(keys, NULL, 0, &range, &err) != AK_OK)
        fail_msg("%s", err.text);
}

/* Whether the seed stands anywhere in the keys' directory. */
static bool on_disk(const unsigned char *seed)
{
    int dir_fd = openat(folder_fd, ak_origin_id(origin), O_RDONLY | O_DIRECTORY);
    DIR *dir = fdopendir(dir_fd);
    const struct dirent *entry;
    bool found = false;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        unsigned char *data;
        size_t len;
        if (entry->d_name[0] == '.' || ak_disk_read(dirfd(dir), entry->d_name, 1u << 20, &data,
                                                    &len, NULL, NULL, NULL) != AK_OK)
            continue;
        found = found || memmem(data, len, seed, 32) != NULL;
        free(data);
    }
    (void)closedir(dir);
    return found;
}

static void read_seed(unsigned char seed[32])
{
    char name[AK_LOG_ID_CHARS + 32];
    unsigned char *data;
    size_t len;

    (void)snprintf(name, sizeof(name), "%s/epoch.seed", ak_origin_id(origin));
    assert_int_equal(ak_disk_read(folder_fd, name, 64, &data, &len, NULL, NULL, NULL), AK_OK);
    assert_int_equal(len, 36);
    memcpy(seed, data + 4, 32);
    free(data);
}

/* The note is that of the next epoch over what was signed, and the old key is bound by it. */
static void the_last_word(void **state)
{
    const struct ak_vkey before = *ak_keys_epoch(keys);
    struct ak_epoch_note note;
    struct ak_range range = leaves(0, 3);
    struct ak_hash root;
    const char *text;
    uint64_t index;
    size_t len;

    (void)state;
    assert_null(ak_keys_ending(keys, &len, &index));
    assert_int_equal(ak_keys_end_epoch(keys, NULL), AK_OK);
    text = ak_keys_ending(keys, &len, &index);
    assert_int_equal(ak_epoch_note_verify(&note, text, len, ak_keys_log(keys), &before, NULL),
                     AK_OK);
    assert_int_equal(ak_range_root(&range, &root, NULL), AK_OK);
    assert_int_equal(note.epoch, 1);
    assert_int_equal(note.index, 3);
    assert_int_equal(index, 3);
    assert_int_equal(note.epochs, EPOCHS);
    assert_true(ak_hash_equal(&note.root, &root));

    assert_int_equal(sign_to(4), AK_EINTEGRITY); /* nothing more */
    assert_int_equal(sign_to(3), AK_OK);         /* but the same */
    assert_int_equal(ak_keys_end_epoch(keys, NULL), AK_OK);
    assert_ptr_equal(ak_keys_ending(keys, &len, &index), text);
}

/* The next key signs, the old seed is gone from the disk, and a new process knows the start note.
 */
static void the_next_key(void **state)
{
    unsigned char old[32];
    size_t len;

    (void)state;
    read_seed(old);
    assert_true(on_disk(old));
    assert_int_equal(ak_keys_begin_epoch(keys, NULL), AK_EUSAGE);
    assert_int_equal(ak_keys_end_epoch(keys, NULL), AK_OK);
    assert_true(on_disk(old));
    assert_int_equal(ak_keys_begin_epoch(keys, NULL), AK_OK);
    assert_false(on_disk(old));
    assert_int_equal(ak_keys_epoch_number(keys), 1);
    assert_int_equal(sign_to(9), AK_OK);
    load_again();
    assert_int_equal(ak_keys_epoch_number(keys), 1);
    assert_non_null(ak_keys_start_note(keys, &len));
    assert_int_equal(sign_to(10), AK_OK);
}

/* The last epoch has no end. */
static void used_up(void **state)
{
    (void)state;
    for (uint32_t e = 1; e < EPOCHS; e++) {
        assert_int_equal(ak_keys_end_epoch(keys, NULL), AK_OK);
        assert_int_equal(ak_keys_begin_epoch(keys, NULL), AK_OK);
        assert_int_equal(sign_to(size + 1), AK_OK);
    }
    assert_int_equal(ak_keys_end_epoch(keys, NULL), AK_ELIMIT);
    assert_int_equal(sign_to(size + 1), AK_OK);
}

/* The change fails at each call in turn; the next process finishes it with the same note, or keeps
 * the old epoch, and no seed is left that should be gone. */
static void every_call_fails(void **state)
{
    for (unsigned n = 1;; n++) {
        unsigned char old[32];
        char first[AK_EPOCH_NOTE_BYTES_MAX];
        size_t first_len = 0, len = 0;
        uint64_t index;
        const char *text;
        bool ended;

        read_seed(old);
        calls = 0;
        fail_at = n;
        ak_disk_fault = count_calls;
        ended = ak_keys_end_epoch(keys, NULL) == AK_OK;
        if (ended) {
            text = ak_keys_ending(keys, &first_len, &index);
            memcpy(first, text, first_len);
            (void)ak_keys_begin_epoch(keys, NULL);
        }
        ak_disk_fault = NULL;
        if (calls < n)
            break; /* it went through */
        load_again();
        assert_int_equal(ak_keys_mend(keys, NULL), AK_OK);
        text = ak_keys_ending(keys, &len, &index);
        if (text != NULL && ended) {
            assert_int_equal(len, first_len);
            assert_memory_equal(text, first, len);
        }
        assert_int_equal(on_disk(old), ak_keys_epoch_number(keys) == 0);
        if (text != NULL) {
            assert_int_equal(ak_keys_begin_epoch(keys, NULL), AK_OK);
            assert_int_equal(ak_keys_epoch_number(keys), 1);
        } else if (ended) {
            assert_int_equal(ak_keys_epoch_number(keys), 1);
        }
        assert_int_equal(sign_to(size + 1), AK_OK);
        assert_int_equal(on_disk(old), ak_keys_epoch_number(keys) == 0);
        (void)tear_down(state);
        (void)set_up(state);
        assert_true(n < 100);
    }
    assert_true(fail_at > 10); /* otherwise the calls were not seen */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_last_word, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_next_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(used_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_call_fails, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
