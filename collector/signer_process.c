/* signer_process.c - the process that has the secret keys.
 *
 * The happy path: no core, no dump, no system call beyond the few it needs (sandbox.c); then one
 * packet in, one out. A request is hostile until it is checked, for what sends it also reads from
 * the network: sizes, slot, origin and the number of a range's nodes are looked at here, what it
 * asks for by keys_sign.c and keys_rotate.c, which know what was signed last. Failure modes: a
 * refusal is an answer; the end of the line is the end of the process. */
#include "signer_process.h"

#include "key_wire.h"
#include "keys.h"
#include "keys_source.h"
#include "sandbox.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

struct vault {
    struct ak_keys *keys[AK_KEY_LOGS_MAX]; /* by slot; NULL: free */
    char origin[AK_KEY_LOGS_MAX][AK_LOG_ORIGIN_BYTES_MAX + 1];
    struct ak_key_request request;
    struct ak_key_answer answer;
    struct ak_range range;
    unsigned char in[AK_NOTE_BYTES_MAX + 1]; /* one more: what is too long shows */
    unsigned char out[AK_KEY_BODY_BYTES_MAX];
    size_t out_len;
};

static void append(struct vault *v, const void *data, size_t len, uint32_t *told)
{
    memcpy(v->out + v->out_len, data, len);
    v->out_len += len;
    *told = (uint32_t)len;
}

static void append_ending(struct vault *v, const struct ak_keys *keys)
{
    uint64_t index = 0;
    size_t len = 0;
    const char *note = ak_keys_ending(keys, &len, &index);

    if (note != NULL)
        append(v, note, len, &v->answer.ending_len);
    v->answer.ending_index = index;
}

static enum ak_code do_load(struct vault *v, struct ak_error *err)
{
    const char *origin = v->request.origin;
    const char *note;
    unsigned slot = AK_KEY_LOGS_MAX;
    size_t len;
    enum ak_code rc;

    for (unsigned i = AK_KEY_LOGS_MAX; i-- > 0;) {
        if (v->keys[i] == NULL)
            slot = i;
        else if (strcmp(v->origin[i], origin) == 0)
            return ak_fail(err, AK_EBUSY, "signer: the keys of %s are in use", origin);
    }
    if (slot == AK_KEY_LOGS_MAX)
        return ak_fail(err, AK_ELIMIT, "one collector keeps at most %u logs", AK_KEY_LOGS_MAX);
    rc = ak_keys_load(AK_KEY_DIR_FD, origin, &v->keys[slot], err);
    if (rc != AK_OK)
        return rc;
    memcpy(v->origin[slot], origin, sizeof(v->origin[slot]));
    v->request.slot = slot;
    note = ak_keys_start_note(v->keys[slot], &len);
    if (note != NULL)
        append(v, note, len, &v->answer.start_len);
    append_ending(v, v->keys[slot]);
    return AK_OK;
}

static enum ak_code do_sign(struct vault *v, struct ak_keys *keys, struct ak_error *err)
{
    size_t len = 0;
    enum ak_code rc = ak_keys_sign(keys, &v->range, (char *)v->out, AK_NOTE_BYTES_MAX, &len, err);

    if (rc != AK_OK)
        return rc;
    v->answer.note_len = (uint32_t)len;
    v->out_len = len;
    return AK_OK;
}

static enum ak_code do_end(struct vault *v, struct ak_keys *keys, struct ak_error *err)
{
    enum ak_code rc = ak_keys_end_epoch(keys, err);

    if (rc == AK_OK)
        append_ending(v, keys);
    return rc;
}

static enum ak_code load_range(struct vault *v, struct ak_error *err)
{
    const struct ak_key_request *r = &v->request;

    if (r->count > AK_RANGE_HASHES_MAX)
        return ak_fail(err, AK_EMALFORMED, "signer: a range of too many nodes");
    return ak_range_load(&v->range, r->begin, r->end, r->hash, r->count, err);
}

/* What is asked of keys that are loaded. */
static enum ak_code do_known(struct vault *v, struct ak_error *err)
{
    const struct ak_key_request *r = &v->request;
    struct ak_keys *keys = r->slot < AK_KEY_LOGS_MAX ? v->keys[r->slot] : NULL;
    enum ak_code rc = AK_OK;

    if (keys == NULL || strcmp(v->origin[r->slot], r->origin) != 0)
        return ak_fail(
            err, AK_EUSAGE,
            "signer: asked for origin %s, whose keys it does not have: nothing is signed",
            r->origin);
    if (r->op == AK_KEY_RESUME || r->op == AK_KEY_SIGN)
        rc = load_range(v, err);
    if (rc != AK_OK)
        return rc;
    switch (r->op) {
    case AK_KEY_FORGET:
        ak_keys_free(keys);
        v->keys[r->slot] = NULL;
        return AK_OK;
    case AK_KEY_RESUME:
        return ak_keys_resume(keys, r->has_note ? v->in : NULL, r->note_len, &v->range, err);
    case AK_KEY_SIGN:
        return do_sign(v, keys, err);
    case AK_KEY_SAVE:
        return ak_keys_save(keys, err);
    case AK_KEY_END:
        return do_end(v, keys, err);
    case AK_KEY_BEGIN:
        return ak_keys_begin_epoch(keys, err);
    case AK_KEY_MEND:
        return ak_keys_mend(keys, err);
    default:
        return ak_fail(err, AK_EUNSUPPORTED, "signer: a request it does not know");
    }
}

/* How the keys stand after it, refused or not. */
static void describe(struct vault *v)
{
    unsigned slot = v->request.slot;
    struct ak_key_answer *a = &v->answer;
    const struct ak_keys *keys = slot < AK_KEY_LOGS_MAX ? v->keys[slot] : NULL;

    if (keys == NULL)
        return;
    a->slot = slot;
    a->epoch = ak_keys_epoch_number(keys);
    a->epoch_time = ak_keys_epoch_time(keys);
    a->state_size = ak_keys_state(keys, &a->state_root);
    a->state_time = ak_keys_state_time(keys);
    memcpy(a->log_key, ak_keys_log(keys)->key, sizeof(a->log_key));
}

static void handle(struct vault *v, size_t n)
{
    struct ak_error err = {0};
    enum ak_code rc;

    memset(&v->answer, 0, sizeof(v->answer));
    v->out_len = 0;
    if (n < sizeof(v->request) || n - sizeof(v->request) != v->request.note_len ||
        v->request.note_len > AK_NOTE_BYTES_MAX ||
        memchr(v->request.origin, 0, sizeof(v->request.origin)) == NULL) {
        v->request.slot = AK_KEY_LOGS_MAX;
        rc = ak_fail(&err, AK_EMALFORMED, "signer: a request that is none");
    } else if (v->request.op == AK_KEY_LOAD) {
        v->request.slot = AK_KEY_LOGS_MAX;
        rc = do_load(v, &err);
    } else {
        rc = do_known(v, &err);
    }
    describe(v);
    v->answer.code = (uint32_t)rc;
    if (rc == AK_OK)
        return;
    v->out_len = v->answer.note_len = v->answer.start_len = v->answer.ending_len = 0;
    v->answer.sys_errno = err.sys_errno;
    memcpy(v->answer.text, err.text, sizeof(err.text));
}

/* One request and its answer; false at the end of the line. */
static bool serve(struct vault *v)
{
    struct iovec in[2] = {{&v->request, sizeof(v->request)}, {v->in, sizeof(v->in)}};
    struct iovec out[2] = {{&v->answer, sizeof(v->answer)}, {v->out, 0}};
    struct msghdr take = {.msg_iov = in, .msg_iovlen = 2};
    struct msghdr give = {.msg_iov = out, .msg_iovlen = 2};
    ssize_t n;

    memset(&v->request, 0, sizeof(v->request));
    do
        n = recvmsg(AK_KEY_SOCKET_FD, &take, 0);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return false;
    handle(v, (take.msg_flags & MSG_TRUNC) != 0 ? 0 : (size_t)n);
    out[1].iov_len = v->out_len;
    do
        n = sendmsg(AK_KEY_SOCKET_FD, &give, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n >= 0;
}

/* A terminal's ^C and systemd's stop reach every process of the service; the collector's last word
 * is still to be signed. */
static void outlast_signals(void)
{
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE};

    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        (void)signal(numbers[i], SIG_IGN);
}

enum ak_code ak_signer_process_run(struct ak_error *err)
{
    struct vault *vault;
    int type = 0;
    socklen_t len = sizeof(type);
    enum ak_code rc;

    if (getsockopt(AK_KEY_SOCKET_FD, SOL_SOCKET, SO_TYPE, &type, &len) != 0 ||
        type != SOCK_SEQPACKET)
        return ak_fail(err, AK_EUSAGE,
                       "this is no command for people: `akashi-collector run` starts it");
    outlast_signals();
    vault = calloc(1, sizeof(*vault));
    if (vault == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the signer process");
    if (sodium_init() < 0) {
        free(vault);
        return ak_fail(err, AK_EIO, "libsodium found no source of random numbers");
    }
    rc = ak_sandbox_enter(AK_KEY_DIR_FD, ak_keys_credentials(), ak_keys_tokens_in(AK_KEY_DIR_FD),
                          err);
    if (rc != AK_OK) {
        free(vault);
        return rc;
    }
    while (serve(vault))
        ;
    for (unsigned i = 0; i < AK_KEY_LOGS_MAX; i++)
        ak_keys_free(vault->keys[i]);
    free(vault);
    /* Without what a sanitizer does at the end: it would read this process by ptrace. */
    _exit(0);
}
