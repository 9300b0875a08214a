/* signer.c - what a hostile collector sends to the process of the keys: packets of any bytes, and
 * requests in any order whose parts are right but for some.
 *
 * An input is a list of commands: a byte says which request, the next one what is wrong with it, a
 * third how far it goes; 0 is followed by a length (2 bytes) and a whole packet. Whatever is asked:
 * an answer is one as the collector takes it, holds no secret, and of all that is signed no size is
 * smaller than one before, nor has it another root. */
#include "disk.h"
#include "folder.h"
#include "key_vault.h"

#include <akashi/checkpoint.h>
#include <akashi/tree.h>

#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EPOCHS       3u
#define COMMANDS_MAX 64u
#define FILES_MAX    16u
#define SIGNED_MAX   64u
#define FILE_MAX     4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is wrong with a request. */
enum {
    OTHER_ORIGIN = 1,
    OTHER_SLOT = 2,
    OTHER_BEGIN = 4,
    OTHER_HASH = 8,
    TOO_MANY = 16,
    WITH_NOTE = 32,
    LONG_NOTE = 64,
    CUT = 128
};

struct file {
    char name[32];
    unsigned char *data;
    size_t len;
};

static int folder_fd;
static int log_fd; /* the keys' directory of the log */
static char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
static struct file files[FILES_MAX]; /* as they were made */
static unsigned file_count;
static unsigned char secrets[2 + 2 * EPOCHS][32];
static unsigned secret_count;

static struct ak_range signed_range; /* [0, m), from which requests go on */
static uint64_t newest_size;         /* of all that was signed, with its root */
static struct ak_hash newest_root;
static char note[AK_NOTE_BYTES_MAX];
static size_t note_len;
static uint32_t slot;

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "signer: %s\n", what);
    abort();
}

static void keep_secret(const char *prefix, const unsigned char *seed)
{
    struct ak_sha256_ctx sha;
    struct ak_hash hash;

    memcpy(hash.b, seed, 32);
    if (prefix != NULL) {
        ak_sha256_init(&sha);
        ak_sha256_update(&sha, prefix, strlen(prefix));
        ak_sha256_update(&sha, seed, 32);
        ak_sha256_final(&sha, &hash);
    }
    memcpy(secrets[secret_count++], hash.b, 32);
}

/* The keys of a log, the same in each process. */
static void begin(void)
{
    unsigned char seed[64];
    struct ak_keys *keys;
    const struct dirent *entry;
    DIR *dir;

    memset(seed, 0x5a, 32);
    memset(seed + 32, 0xa5, 32);
    folder_fd = fuzz_folder_make();
    check(folder_fd >= 0, "no folder");
    check(ak_keys_make(folder_fd, "fuzz.example/log", EPOCHS, seed, origin, &keys, NULL) == AK_OK,
          "no keys");
    ak_keys_free(keys);
    log_fd = openat(folder_fd, ak_origin_id(origin), O_RDONLY | O_DIRECTORY);
    keep_secret(NULL, seed);
    for (unsigned e = 0; e < EPOCHS; e++) {
        keep_secret(e == 0 ? NULL : "akashi/epoch-next/v1\n", e == 0 ? seed + 32 : seed);
        memcpy(seed, secrets[secret_count - 1], 32);
        keep_secret("akashi/epoch-key/v1\n", seed);
    }
    dir = fdopendir(dup(log_fd));
    while ((entry = readdir(dir)) != NULL) {
        struct file *f = &files[file_count];
        if (entry->d_name[0] == '.')
            continue;
        check(file_count++ < FILES_MAX, "too many files");
        (void)snprintf(f->name, sizeof(f->name), "%s", entry->d_name);
        check(ak_disk_read(log_fd, f->name, FILE_MAX, &f->data, &f->len, NULL, NULL, NULL) == AK_OK,
              "a file is not read");
    }
    (void)closedir(dir);
}

/* The keys' directory as it was made. */
static void restore(void)
{
    static const char *const others[] = {"epoch.next", "epoch.note", "epoch.new", "epoch.old",
                                         "epoch.tmp",  "state.new",  "revoked"};

    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        (void)unlinkat(log_fd, others[i], 0);
    for (unsigned i = 0; i < file_count; i++) {
        int fd;
        (void)unlinkat(log_fd, files[i].name, 0);
        fd = openat(log_fd, files[i].name, O_WRONLY | O_CREAT | O_EXCL, 0600);
        check(fd >= 0 && write(fd, files[i].data, files[i].len) == (ssize_t)files[i].len,
              "a file is not restored");
        (void)close(fd);
    }
}

static bool leaks(const unsigned char *data, size_t len)
{
    for (unsigned i = 0; i < secret_count; i++) {
        if (memmem(data, len, secrets[i], 32) != NULL)
            return true;
    }
    return false;
}

static void judge_note(const struct ak_key_exchange *x)
{
    const char *text = memmem(x->out, x->answer.note_len, "\n\n", 2);
    struct ak_checkpoint checkpoint;

    check(text != NULL &&
              ak_checkpoint_parse(&checkpoint, (const char *)x->out,
                                  (size_t)(text + 1 - (const char *)x->out), false, NULL) == AK_OK,
          "a note that is none was signed");
    check(checkpoint.size >= newest_size, "a smaller size was signed");
    check(checkpoint.size > newest_size || ak_hash_equal(&newest_root, &checkpoint.root),
          "two roots of one size were signed");
    newest_size = checkpoint.size;
    newest_root = checkpoint.root;
    memcpy(note, x->out, x->answer.note_len);
    note_len = x->answer.note_len;
}

/* What holds of every answer. */
static void judge(struct ak_key_vault *vault, const struct ak_range *more)
{
    const struct ak_key_exchange *x = ak_key_vault_exchange(vault);
    const struct ak_key_answer *a = &x->answer;

    check((size_t)a->note_len + a->start_len + a->ending_len == x->out_len &&
              a->note_len <= AK_NOTE_BYTES_MAX && a->start_len <= AK_EPOCH_NOTE_BYTES_MAX &&
              a->ending_len <= AK_EPOCH_NOTE_BYTES_MAX && a->code <= AK_EBUSY,
          "an answer is none");
    check(memchr(a->text, 0, sizeof(a->text)) != NULL && (a->code == AK_OK) == (a->text[0] == '\0'),
          "a refusal says why, and nothing else does");
    check(!leaks((const unsigned char *)a, sizeof(*a)) && !leaks(x->out, x->out_len),
          "a secret is given out");
    if (a->code != AK_OK)
        return;
    if (x->request.op == AK_KEY_LOAD)
        slot = a->slot;
    if (x->request.op == AK_KEY_SIGN) {
        judge_note(x);
        check(more != NULL && ak_range_merge(&signed_range, more, NULL) == AK_OK,
              "a range was taken that does not go on");
    }
    if (x->request.op == AK_KEY_RESUME && more != NULL)
        signed_range = *more;
}

static bool take(const uint8_t **data, size_t *size, unsigned *value, unsigned n)
{
    if (*size < n)
        return false;
    *value = 0;
    for (unsigned i = 0; i < n; i++)
        *value = *value << 8 | (*data)[i];
    *data += n;
    *size -= n;
    return true;
}

/* Leaves that are numbers, from where the keys stand (SIGN) or from the beginning (RESUME). */
static void put_range(struct ak_key_request *r, struct ak_range *range, uint64_t from, uint64_t end,
                      unsigned wrong)
{
    ak_range_init(range, from);
    for (uint64_t i = from; i < end; i++) {
        struct ak_hash leaf;
        ak_hash_leaf(&leaf, &i, sizeof(i));
        (void)ak_range_append(range, &leaf);
    }
    if ((wrong & OTHER_HASH) != 0 && range->count > 0)
        range->hash[0].b[0] ^= 1;
    r->begin = range->begin + ((wrong & OTHER_BEGIN) != 0);
    r->end = range->end;
    r->count = (wrong & TOO_MANY) != 0 ? UINT32_MAX : range->count;
    memcpy(r->hash, range->hash, range->count * sizeof(range->hash[0]));
}

/* A request that is right but for `wrong`; gives its length. */
static size_t make(struct ak_key_exchange *x, unsigned op, unsigned wrong, unsigned far,
                   struct ak_range *range)
{
    struct ak_key_request *r = &x->request;

    memset(r, 0, sizeof(*r));
    r->op = op;
    r->slot = (wrong & OTHER_SLOT) != 0 ? far * 257u : slot;
    memcpy(r->origin, origin, sizeof(r->origin));
    if ((wrong & OTHER_ORIGIN) != 0)
        r->origin[far % sizeof(r->origin)] ^= 1;
    if (op == AK_KEY_SIGN)
        put_range(r, range, signed_range.end, signed_range.end + far % SIGNED_MAX, wrong);
    else
        put_range(r, range, 0, op == AK_KEY_RESUME ? far : 0, wrong);
    if ((wrong & WITH_NOTE) != 0) {
        r->has_note = 1;
        r->note_len = (uint32_t)note_len + ((wrong & LONG_NOTE) != 0);
        memcpy(x->in, note, note_len);
    }
    return sizeof(*r) + ((wrong & CUT) != 0 ? far : r->note_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ak_key_vault *vault;
    struct ak_key_exchange *x;
    unsigned op, wrong, far;

    if (secret_count == 0)
        begin();
    restore();
    ak_range_init(&signed_range, 0);
    note_len = 0;
    newest_size = 0;
    slot = 0;
    check(ak_key_vault_new(folder_fd, &vault, NULL) == AK_OK, "no vault");
    x = ak_key_vault_exchange(vault);
    for (unsigned i = 0; i < COMMANDS_MAX && take(&data, &size, &op, 1); i++) {
        struct ak_range range;
        size_t len;
        bool known = op != 0;
        if (known) {
            if (!take(&data, &size, &wrong, 1) || !take(&data, &size, &far, 1))
                break;
            len = make(x, op, wrong, far, &range);
        } else {
            if (!take(&data, &size, &far, 2))
                break;
            len = far < size ? far : size;
            if (len > sizeof(x->request) + sizeof(x->in))
                len = 0; /* as the line cuts it */
            memset(&x->request, 0, sizeof(x->request));
            memcpy(&x->request, data, len < sizeof(x->request) ? len : sizeof(x->request));
            if (len > sizeof(x->request))
                memcpy(x->in, data + sizeof(x->request), len - sizeof(x->request));
            data += len;
            size -= len;
            known = x->request.op != AK_KEY_SIGN && x->request.op != AK_KEY_RESUME;
        }
        if (!known) /* its range, which is judged with the answer, is whatever it is */
            known = x->request.count <= AK_RANGE_HASHES_MAX &&
                    ak_range_load(&range, x->request.begin, x->request.end, x->request.hash,
                                  x->request.count, NULL) == AK_OK;
        ak_key_vault_answer(vault, len);
        judge(vault, known ? &range : NULL);
    }
    ak_key_vault_free(vault);
    return 0;
}
