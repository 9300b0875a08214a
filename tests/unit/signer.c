/* signer.c - what the signer process answers, over the real line: it signs what continues a log as
 * keys in this process would, and refuses all else, also requests that no collector of ours makes.
 */
#include <akashi/checkpoint.h>
#include <akashi/epoch.h>
#include <akashi/tree.h>

#include <key_channel.h>
#include <keys.h>
#include <signer_process.h>

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define EPOCHS 4u

static char folder[] = "/tmp/akashi-signer-XXXXXX";
static int folder_fd;
static char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
static struct ak_key_channel *channel;
static struct ak_keys *keys;
static struct ak_error error;

/* The range [begin, end) of a tree whose leaves are numbers, from `salt` on. */
static struct ak_range leaves(uint64_t begin, uint64_t end, uint64_t salt)
{
    struct ak_range range;

    ak_range_init(&range, begin);
    for (uint64_t i = begin; i < end; i++) {
        uint64_t number = i + salt;
        struct ak_hash leaf;
        ak_hash_leaf(&leaf, &number, sizeof(number));
        assert_int_equal(ak_range_append(&range, &leaf), AK_OK);
    }
    return range;
}

static enum ak_code sign(uint64_t begin, uint64_t end)
{
    static char note[AK_NOTE_BYTES_MAX];
    struct ak_log_checkpoint judged;
    struct ak_range more = leaves(begin, end, 0);
    size_t len = 0;
    enum ak_code rc = ak_keys_sign(keys, &more, note, sizeof(note), &len, &error);

    if (rc == AK_OK) {
        assert_int_equal(ak_log_checkpoint_verify(ak_keys_log(keys), ak_keys_epoch(keys), note, len,
                                                  &judged, NULL),
                         AK_OK);
        assert_int_equal(judged.checkpoint.size, end);
    }
    return rc;
}

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(
        ak_keys_make(folder_fd, "test.example/signer", EPOCHS, NULL, origin, &keys, NULL), AK_OK);
    ak_keys_free(keys);
    assert_int_equal(ak_key_channel_start(folder_fd, &channel, &error), AK_OK);
    assert_int_equal(ak_key_channel_load(channel, folder_fd, origin, &keys, &error), AK_OK);
    return 0;
}

static int tear_down(void **state)
{
    char command[256];

    (void)state;
    ak_keys_free(keys);
    ak_key_channel_stop(channel);
    (void)close(folder_fd);
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    return 0;
}

/* What goes on from what was signed is signed; a gap, a smaller size and size 0 are refused, and a
 * refusal changes nothing. */
static void continues(void **state)
{
    (void)state;
    assert_int_equal(sign(0, 0), AK_EUSAGE);
    assert_int_equal(sign(0, 5), AK_OK);
    assert_int_equal(sign(5, 5), AK_OK);
    assert_int_equal(sign(6, 9), AK_EINTEGRITY);
    assert_non_null(strstr(error.text, "without the proof that it continues"));
    assert_int_equal(sign(0, 4), AK_EINTEGRITY);
    assert_non_null(strstr(error.text, "asked for size 4, but signed 5"));
    assert_int_equal(sign(0, 9), AK_EINTEGRITY);
    assert_int_equal(sign(5, 9), AK_OK);
    assert_int_equal(ak_keys_signed(keys)->end, 9);
    assert_int_equal(ak_keys_save(keys, NULL), AK_OK);
    assert_int_equal(ak_keys_state(keys, NULL), 9);
}

/* After a start: another tree of the size that was signed is refused, and a smaller one; the state
 * lies beside the keys and not in the process. */
static void resumes(void **state)
{
    struct ak_range other = leaves(0, 9, 1), less = leaves(0, 8, 0), same = leaves(0, 9, 0);

    (void)state;
    ak_keys_free(keys);
    assert_int_equal(ak_key_channel_load(channel, folder_fd, origin, &keys, &error), AK_OK);
    assert_int_equal(ak_keys_state(keys, NULL), 9);
    assert_int_equal(sign(0, 10), AK_EINTEGRITY); /* nothing was shown yet */
    assert_int_equal(ak_keys_resume(keys, NULL, 0, &other, &error), AK_EINTEGRITY);
    assert_int_equal(ak_keys_resume(keys, NULL, 0, &less, &error), AK_EINTEGRITY);
    assert_non_null(strstr(error.text, "older copy"));
    assert_int_equal(ak_keys_resume(keys, "no note", 7, &same, &error), AK_EMALFORMED);
    assert_int_equal(ak_keys_resume(keys, NULL, 0, &same, &error), AK_OK);
    assert_int_equal(sign(9, 12), AK_OK);
}

/* A collector that was taken over wants a second history signed: it lets nothing be saved, and
 * takes the keys back to what was, or has them forgotten and loaded again. */
static void knows_what_it_signed(void **state)
{
    struct ak_range old = leaves(0, 9, 0), other = leaves(0, 12, 1), same = leaves(0, 12, 0);

    (void)state;
    assert_int_equal(ak_keys_state(keys, NULL), 9); /* 12 was signed, and not saved */
    assert_int_equal(ak_keys_resume(keys, NULL, 0, &old, &error), AK_EINTEGRITY);
    assert_non_null(strstr(error.text, "asked for size 9, but signed 12"));
    assert_int_equal(sign(12, 12), AK_OK);
    ak_keys_free(keys);
    assert_int_equal(ak_key_channel_load(channel, folder_fd, origin, &keys, &error), AK_OK);
    assert_int_equal(ak_keys_state(keys, NULL), 12);
    assert_int_equal(ak_keys_resume(keys, NULL, 0, &old, &error), AK_EINTEGRITY);
    assert_int_equal(ak_keys_resume(keys, NULL, 0, &other, &error), AK_EINTEGRITY);
    assert_int_equal(ak_keys_resume(keys, NULL, 0, &same, &error), AK_OK);
}

/* An epoch ends and the next begins in the process; here are its number, key and notes. */
static void rotates(void **state)
{
    struct ak_epoch_note parsed;
    const char *note;
    uint64_t index = 0;
    size_t len = 0;

    (void)state;
    assert_int_equal(ak_keys_begin_epoch(keys, &error), AK_EUSAGE);
    assert_int_equal(ak_keys_end_epoch(keys, &error), AK_OK);
    note = ak_keys_ending(keys, &len, &index);
    assert_non_null(note);
    assert_int_equal(index, 12);
    assert_int_equal(
        ak_epoch_note_verify(&parsed, note, len, ak_keys_log(keys), ak_keys_epoch(keys), NULL),
        AK_OK);
    assert_int_equal(sign(12, 13), AK_EINTEGRITY); /* the key of an epoch that ended */
    assert_int_equal(ak_keys_begin_epoch(keys, &error), AK_OK);
    assert_int_equal(ak_keys_epoch_number(keys), 1);
    assert_int_equal(ak_keys_mend(keys, &error), AK_OK);
    assert_int_equal(sign(12, 13), AK_OK);
}

static enum ak_code ask(const struct ak_key_request *request, const void *body)
{
    static unsigned char in[AK_KEY_BODY_BYTES_MAX];
    struct ak_key_answer answer;

    return ak_key_channel_call(channel, request, body, &answer, in, &error);
}

/* Another origin for a slot, a slot and a request that there are not, ranges that are none, the
 * same log twice: each is refused, and the next request is answered. */
static void refuses_nonsense(void **state)
{
    static struct ak_key_request good, bad;
    struct ak_range more = leaves(13, 14, 0);

    (void)state;
    good = (struct ak_key_request){.op = AK_KEY_SIGN, .begin = 13, .end = 14, .count = more.count};
    memcpy(good.hash, more.hash, sizeof(good.hash));
    (void)snprintf(good.origin, sizeof(good.origin), "%s", origin);
    bad = good;
    bad.origin[0] = 'T';
    assert_int_equal(ask(&bad, NULL), AK_EUSAGE);
    bad = good;
    bad.slot = 1;
    assert_int_equal(ask(&bad, NULL), AK_EUSAGE);
    bad.slot = UINT32_MAX;
    assert_int_equal(ask(&bad, NULL), AK_EUSAGE);
    bad = good;
    bad.op = 99;
    assert_int_equal(ask(&bad, NULL), AK_EUNSUPPORTED);
    bad = good;
    bad.count = UINT32_MAX;
    assert_int_equal(ask(&bad, NULL), AK_EMALFORMED);
    bad = good;
    bad.begin = 20;
    assert_int_equal(ask(&bad, NULL), AK_EMALFORMED);
    bad = good;
    bad.end = UINT64_MAX;
    assert_int_not_equal(ask(&bad, NULL), AK_OK);
    bad = good;
    bad.op = AK_KEY_LOAD;
    assert_int_equal(ask(&bad, NULL), AK_EBUSY);
    memset(bad.origin, 'a', sizeof(bad.origin)); /* no end */
    assert_int_equal(ask(&bad, NULL), AK_EMALFORMED);
    bad = good;
    bad.op = AK_KEY_LOAD;
    (void)snprintf(bad.origin, sizeof(bad.origin), "x/../../../../../../../../etc/passwd/%s",
                   "../../../../../../../../etc/ssl/");
    assert_int_not_equal(ask(&bad, NULL), AK_OK);
    assert_int_equal(ask(&good, NULL), AK_OK);
    assert_int_equal(ask(&good, NULL), AK_EINTEGRITY); /* not twice: it does not go on from there */
}

/* A packet that is too short is answered as none; one that is too long too. */
static void refuses_sizes(void **state)
{
    static unsigned char packet[sizeof(struct ak_key_request) + AK_NOTE_BYTES_MAX + 2];
    static struct ak_key_answer answer;
    const size_t sizes[] = {1, sizeof(struct ak_key_request) - 1, sizeof(struct ak_key_request) + 1,
                            sizeof(packet)};

    (void)state;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int fd = ak_key_channel_fd(channel);
        assert_int_equal(send(fd, packet, sizes[i], 0), sizes[i]);
        assert_int_equal(recv(fd, &answer, sizeof(answer), 0), sizeof(answer));
        assert_int_equal(answer.code, AK_EMALFORMED);
    }
    assert_int_equal(ak_key_channel_ended(channel, NULL), AK_OK);
}

/* When the line breaks every call says so, and none waits. */
static void ends(void **state)
{
    (void)state;
    assert_int_equal(shutdown(ak_key_channel_fd(channel), SHUT_RDWR), 0);
    assert_int_equal(sign(14, 15), AK_EIO);
    assert_non_null(strstr(error.text, "signer: its process has ended"));
    assert_int_equal(ak_keys_mend(keys, &error), AK_EIO);
    assert_int_equal(ak_key_channel_ended(channel, &error), AK_EIO);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(continues),
        cmocka_unit_test(resumes),
        cmocka_unit_test(knows_what_it_signed),
        cmocka_unit_test(rotates),
        cmocka_unit_test(refuses_nonsense),
        cmocka_unit_test(refuses_sizes),
        cmocka_unit_test(ends),
    };

    if (argc == 2 && strcmp(argv[1], AK_KEY_PROCESS_WORD) == 0)
        return ak_signer_process_run(NULL) == AK_OK ? 0 : 1;
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
