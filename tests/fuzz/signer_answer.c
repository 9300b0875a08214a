/* signer_answer.c - what a broken signer process answers, as the collector reads it.
 *
 * An input is a list of answers: a length (2 bytes) whose highest bit says that a packet of that
 * many bytes follows; else they are laid over a good answer from the place on that the next 2 bytes
 * name. Whatever comes, keys that were loaded are whole, and what is given out is within its
 * bounds.
 */
#include "folder.h"
#include "key_channel.h"
#include "key_vault.h"

#include <akashi/tree.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define EPOCHS  3u
#define ANSWERS 5u
#define RAW     0x8000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct packet {
    unsigned char data[sizeof(struct ak_key_answer) + AK_KEY_BODY_BYTES_MAX];
    size_t len;
};

static int folder_fd;
static char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
static struct packet good[ANSWERS]; /* to LOAD, RESUME, SIGN, END, BEGIN */

static void check(bool holds)
{
    if (!holds)
        abort();
}

static struct ak_range one_leaf(void)
{
    struct ak_range range;
    struct ak_hash leaf;

    ak_range_init(&range, 0);
    ak_hash_leaf(&leaf, "leaf", 4);
    (void)ak_range_append(&range, &leaf);
    return range;
}

/* Makes the keys of a log, and keeps what their process answers. */
static void begin(void)
{
    static const enum ak_key_op ops[ANSWERS] = {AK_KEY_LOAD, AK_KEY_RESUME, AK_KEY_SIGN, AK_KEY_END,
                                                AK_KEY_BEGIN};
    unsigned char seed[64];
    struct ak_range more = one_leaf();
    struct ak_key_vault *vault;
    struct ak_key_exchange *x;
    struct ak_keys *keys;

    memset(seed, 0x5a, sizeof(seed));
    folder_fd = fuzz_folder_make();
    check(folder_fd >= 0);
    check(ak_keys_make(folder_fd, "fuzz.example/log", EPOCHS, seed, origin, &keys, NULL) == AK_OK);
    ak_keys_free(keys);
    check(ak_key_vault_new(folder_fd, &vault, NULL) == AK_OK);
    x = ak_key_vault_exchange(vault);
    for (unsigned i = 0; i < ANSWERS; i++) {
        memset(&x->request, 0, sizeof(x->request));
        memcpy(x->request.origin, origin, sizeof(origin));
        x->request.op = ops[i];
        if (ops[i] == AK_KEY_SIGN) {
            x->request.end = 1;
            x->request.count = more.count;
            memcpy(x->request.hash, more.hash, more.count * sizeof(more.hash[0]));
        }
        ak_key_vault_answer(vault, sizeof(x->request));
        check(x->answer.code == AK_OK);
        memcpy(good[i].data, &x->answer, sizeof(x->answer));
        memcpy(good[i].data + sizeof(x->answer), x->out, x->out_len);
        good[i].len = sizeof(x->answer) + x->out_len;
    }
    ak_key_vault_free(vault);
}

static bool take(const uint8_t **data, size_t *size, unsigned *value)
{
    if (*size < 2)
        return false;
    *value = (unsigned)(*data)[0] << 8 | (*data)[1];
    *data += 2;
    *size -= 2;
    return true;
}

/* The answers wait at the collector's end before it asks; then the line ends. */
static void answer_all(int fd, const uint8_t *data, size_t size)
{
    static struct packet changed;
    unsigned head, at = 0;

    for (unsigned i = 0; i < ANSWERS && take(&data, &size, &head); i++) {
        size_t n = head & ~RAW;
        changed = good[i];
        if ((head & RAW) == 0 && !take(&data, &size, &at))
            break;
        n = n < size ? n : size;
        if ((head & RAW) != 0) {
            at = 0;
            changed.len = n < sizeof(changed.data) ? n : sizeof(changed.data);
        }
        if (at < changed.len)
            memcpy(changed.data + at, data, n < changed.len - at ? n : changed.len - at);
        if (send(fd, changed.data, changed.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            break;
        data += n;
        size -= n;
    }
    (void)shutdown(fd, SHUT_WR);
}

static void judge(const struct ak_keys *keys)
{
    uint64_t index;
    size_t len = 0;
    const char *note = ak_keys_start_note(keys, &len);

    check(ak_keys_epoch_number(keys) < EPOCHS);
    check(note == NULL || (len > 0 && len <= AK_EPOCH_NOTE_BYTES_MAX));
    note = ak_keys_ending(keys, &len, &index);
    check(note == NULL || (len > 0 && len <= AK_EPOCH_NOTE_BYTES_MAX));
}

/* All that a collector asks. */
static void use(struct ak_keys *keys)
{
    char note[AK_NOTE_BYTES_MAX];
    struct ak_range none, more = one_leaf();
    struct ak_error err = {0};
    size_t len = 0;

    ak_range_init(&none, 0);
    (void)ak_keys_resume(keys, NULL, 0, &none, NULL);
    judge(keys);
    if (ak_keys_sign(keys, &more, note, sizeof(note), &len, &err) == AK_OK)
        check(len <= sizeof(note));
    else
        check(err.text[0] != '\0');
    judge(keys);
    if (ak_keys_end_epoch(keys, NULL) == AK_OK)
        (void)ak_keys_begin_epoch(keys, NULL);
    judge(keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ak_key_channel *channel;
    struct ak_keys *keys = NULL;
    struct ak_error err = {0};
    int pair[2];

    if (good[0].len == 0)
        begin();
    check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    check(ak_key_channel_over(pair[0], &channel, NULL) == AK_OK);
    answer_all(pair[1], data, size);
    if (ak_key_channel_load(channel, folder_fd, origin, &keys, &err) == AK_OK)
        use(keys);
    else
        check(err.text[0] != '\0');
    ak_keys_free(keys);
    ak_key_channel_stop(channel);
    (void)close(pair[1]);
    return 0;
}
