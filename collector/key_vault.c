/* key_vault.c - the keys of a signer process, and what each request does to them.
 *
 * The happy path: a LOAD puts a log's keys into a free slot, and every other request names slot and
 * origin. A request is hostile until it is checked, for what sends it also reads from the network:
 * sizes, slot, origin and the number of a range's nodes are looked at here, what it asks for by
 * keys_sign.c and keys_rotate.c, which know what was signed last. Failure modes: a refusal is an
 * answer. */
#include "key_vault.h"

#include <stdlib.h>
#include <string.h>

struct ak_key_vault {
    int keys_dir_fd;
    struct ak_keys *keys[AK_KEY_LOGS_MAX]; /* by slot; NULL: free */
    char origin[AK_KEY_LOGS_MAX][AK_LOG_ORIGIN_BYTES_MAX + 1];
    struct ak_range range;
    struct ak_key_exchange x;
};

enum ak_code ak_key_vault_new(int keys_dir_fd, struct ak_key_vault **out, struct ak_error *err)
{
    *out = calloc(1, sizeof(**out));
    if (*out == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the signer process");
    (*out)->keys_dir_fd = keys_dir_fd;
    return AK_OK;
}

void ak_key_vault_free(struct ak_key_vault *v)
{
    if (v == NULL)
        return;
    for (unsigned i = 0; i < AK_KEY_LOGS_MAX; i++)
        ak_keys_free(v->keys[i]);
    free(v);
}

struct ak_key_exchange *ak_key_vault_exchange(struct ak_key_vault *v)
{
    return &v->x;
}

static void append(struct ak_key_vault *v, const void *data, size_t len, uint32_t *told)
{
    memcpy(v->x.out + v->x.out_len, data, len);
    v->x.out_len += len;
    *told = (uint32_t)len;
}

static void append_ending(struct ak_key_vault *v, const struct ak_keys *keys)
{
    uint64_t index = 0;
    size_t len = 0;
    const char *note = ak_keys_ending(keys, &len, &index);

    if (note != NULL)
        append(v, note, len, &v->x.answer.ending_len);
    v->x.answer.ending_index = index;
}

static enum ak_code do_load(struct ak_key_vault *v, struct ak_error *err)
{
    const char *origin = v->x.request.origin;
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
    rc = ak_keys_load(v->keys_dir_fd, origin, &v->keys[slot], err);
    if (rc != AK_OK)
        return rc;
    memcpy(v->origin[slot], origin, sizeof(v->origin[slot]));
    v->x.request.slot = slot;
    note = ak_keys_start_note(v->keys[slot], &len);
    if (note != NULL)
        append(v, note, len, &v->x.answer.start_len);
    append_ending(v, v->keys[slot]);
    return AK_OK;
}

static enum ak_code do_sign(struct ak_key_vault *v, struct ak_keys *keys, struct ak_error *err)
{
    size_t len = 0;
    enum ak_code rc = ak_keys_sign(keys, &v->range, (char *)v->x.out, AK_NOTE_BYTES_MAX, &len, err);

    if (rc != AK_OK)
        return rc;
    v->x.answer.note_len = (uint32_t)len;
    v->x.out_len = len;
    return AK_OK;
}

static enum ak_code do_end(struct ak_key_vault *v, struct ak_keys *keys, struct ak_error *err)
{
    enum ak_code rc = ak_keys_end_epoch(keys, err);

    if (rc == AK_OK)
        append_ending(v, keys);
    return rc;
}

/* What was signed last is on the disk before it goes from memory: loaded again, the keys know it.
 */
static enum ak_code do_forget(struct ak_key_vault *v, struct ak_keys *keys, struct ak_error *err)
{
    enum ak_code rc = ak_keys_save(keys, err);

    if (rc != AK_OK)
        return rc;
    ak_keys_free(keys);
    v->keys[v->x.request.slot] = NULL;
    return AK_OK;
}

static enum ak_code load_range(struct ak_key_vault *v, struct ak_error *err)
{
    const struct ak_key_request *r = &v->x.request;

    if (r->count > AK_RANGE_HASHES_MAX)
        return ak_fail(err, AK_EMALFORMED, "signer: a range of too many nodes");
    return ak_range_load(&v->range, r->begin, r->end, r->hash, r->count, err);
}

/* What is asked of keys that are loaded. */
static enum ak_code do_known(struct ak_key_vault *v, struct ak_error *err)
{
    const struct ak_key_request *r = &v->x.request;
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
        return do_forget(v, keys, err);
    case AK_KEY_RESUME:
        return ak_keys_resume(keys, r->has_note ? v->x.in : NULL, r->note_len, &v->range, err);
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
static void describe(struct ak_key_vault *v)
{
    unsigned slot = v->x.request.slot;
    struct ak_key_answer *a = &v->x.answer;
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

void ak_key_vault_answer(struct ak_key_vault *v, size_t n)
{
    struct ak_error err = {0};
    enum ak_code rc;

    memset(&v->x.answer, 0, sizeof(v->x.answer));
    v->x.out_len = 0;
    if (n < sizeof(v->x.request) || n - sizeof(v->x.request) != v->x.request.note_len ||
        v->x.request.note_len > AK_NOTE_BYTES_MAX ||
        memchr(v->x.request.origin, 0, sizeof(v->x.request.origin)) == NULL) {
        v->x.request.slot = AK_KEY_LOGS_MAX;
        rc = ak_fail(&err, AK_EMALFORMED, "signer: a request that is none");
    } else if (v->x.request.op == AK_KEY_LOAD) {
        v->x.request.slot = AK_KEY_LOGS_MAX;
        rc = do_load(v, &err);
    } else {
        rc = do_known(v, &err);
    }
    describe(v);
    v->x.answer.code = (uint32_t)rc;
    if (rc == AK_OK)
        return;
    v->x.out_len = v->x.answer.note_len = v->x.answer.start_len = v->x.answer.ending_len = 0;
    v->x.answer.sys_errno = err.sys_errno;
    memcpy(v->x.answer.text, err.text, sizeof(err.text));
}
