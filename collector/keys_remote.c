/* keys_remote.c - the functions of keys.h for keys whose secrets are in the signer process.
 *
 * What is public of them (names, sizes, notes) is kept here as the answers say it; the list of
 * epoch keys is read from the keys' directory, where only the public files are opened. */
#include "key_channel.h"
#include "keys_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One call: what goes out and what comes back. */
struct call {
    struct ak_key_request request;
    struct ak_key_answer answer;
    unsigned char in[AK_KEY_BODY_BYTES_MAX];
};

static struct call *call_new(const struct ak_keys *keys, enum ak_key_op op, struct ak_error *err)
{
    struct call *call = malloc(sizeof(*call));

    if (call == NULL) {
        (void)ak_fail(err, AK_ENOMEM, "signer: no memory to ask its process");
        return NULL;
    }
    memset(&call->request, 0, sizeof(call->request));
    call->request.op = (uint32_t)op;
    call->request.slot = keys->slot;
    memcpy(call->request.origin, keys->origin, sizeof(keys->origin));
    return call;
}

static void put_range(struct call *call, const struct ak_range *range)
{
    call->request.begin = range->begin;
    call->request.end = range->end;
    call->request.count = range->count;
    memcpy(call->request.hash, range->hash, range->count * sizeof(range->hash[0]));
}

/* Takes over how the keys stand now; nothing of an answer with an epoch that the list has not. */
static enum ak_code take_state(struct ak_keys *keys, const struct ak_key_answer *answer,
                               struct ak_error *err)
{
    struct ak_vkey running;
    enum ak_code rc = ak_epoch_list_vkey(keys->list, keys->origin, answer->epoch, &running, err);

    if (rc != AK_OK)
        return rc;
    keys->epoch_time = answer->epoch_time;
    keys->state_size = answer->state_size;
    keys->state_root = answer->state_root;
    keys->state_time = answer->state_time;
    keys->epoch = answer->epoch;
    keys->running = running;
    return AK_OK;
}

static enum ak_code ask(struct ak_keys *keys, struct call *call, const void *body,
                        struct ak_error *err)
{
    enum ak_code rc =
        ak_key_channel_call(keys->channel, &call->request, body, &call->answer, call->in, err);

    return rc == AK_OK ? take_state(keys, &call->answer, err) : rc;
}

/* The same for a request that is only its name. */
static enum ak_code ask_word(struct ak_keys *keys, enum ak_key_op op, struct ak_error *err)
{
    struct call *call = call_new(keys, op, err);
    enum ak_code rc = call != NULL ? ask(keys, call, NULL, err) : AK_ENOMEM;

    free(call);
    return rc;
}

/* A note out of an answer's body; NULL if it has none. */
static enum ak_code take_note(char **note, size_t *len, const unsigned char *at, size_t n,
                              struct ak_error *err)
{
    free(*note);
    *note = NULL;
    *len = n;
    if (n == 0)
        return AK_OK;
    *note = malloc(n);
    if (*note == NULL)
        return ak_fail(err, AK_ENOMEM, "signer: no memory for a start note");
    memcpy(*note, at, n);
    return AK_OK;
}

static enum ak_code load(struct ak_keys *keys, struct ak_error *err)
{
    struct call *call = call_new(keys, AK_KEY_LOAD, err);
    const struct ak_key_answer *answer;
    enum ak_code rc = AK_ENOMEM;

    if (call == NULL)
        return rc;
    answer = &call->answer;
    rc = ak_key_channel_call(keys->channel, &call->request, NULL, &call->answer, call->in, err);
    if (rc != AK_OK) {
        keys->channel = NULL; /* there is nothing to forget */
        free(call);
        return rc;
    }
    keys->slot = answer->slot;
    rc = ak_vkey_make(&keys->log, keys->origin, answer->log_key, err);
    if (rc == AK_OK)
        rc = take_state(keys, answer, err);
    if (rc == AK_OK)
        rc = take_note(&keys->start, &keys->start_len, call->in + answer->note_len,
                       answer->start_len, err);
    if (rc == AK_OK)
        rc = take_note(&keys->ending, &keys->ending_len,
                       call->in + answer->note_len + answer->start_len, answer->ending_len, err);
    keys->ending_index = answer->ending_index;
    free(call);
    return rc;
}

enum ak_code ak_key_channel_load(struct ak_key_channel *channel, int keys_dir_fd,
                                 const char *origin, struct ak_keys **out, struct ak_error *err)
{
    struct ak_keys *keys;
    enum ak_code rc = ak_keys_new(false, &keys, err);

    *out = NULL;
    if (rc != AK_OK)
        return rc;
    rc = ak_keys_open(keys, keys_dir_fd, origin, err);
    if (rc == AK_OK)
        rc = ak_keys_load_list(keys, err);
    if (rc != AK_OK && keys->origin[0] != '\0')
        ak_wrap(err, "keys/%s", keys->origin + strlen(keys->origin) - AK_LOG_ID_CHARS);
    if (rc == AK_OK) {
        keys->channel = channel;
        rc = load(keys, err);
    }
    if (rc != AK_OK) {
        ak_keys_free(keys);
        return rc;
    }
    *out = keys;
    return AK_OK;
}

void ak_keys_remote_forget(struct ak_keys *keys)
{
    (void)ask_word(keys, AK_KEY_FORGET, NULL); /* a process that ended has forgotten too */
}

enum ak_code ak_keys_remote_resume(struct ak_keys *keys, const void *note, size_t note_len,
                                   const struct ak_range *range, struct ak_error *err)
{
    struct call *call;
    enum ak_code rc = AK_ENOMEM;

    if (note_len > AK_NOTE_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "signer: a checkpoint of %zu bytes", note_len);
    call = call_new(keys, AK_KEY_RESUME, err);
    if (call == NULL)
        return rc;
    put_range(call, range);
    call->request.has_note = note != NULL;
    call->request.note_len = note != NULL ? (uint32_t)note_len : 0;
    rc = ask(keys, call, note, err);
    if (rc == AK_OK)
        keys->signed_range = *range;
    free(call);
    return rc;
}

enum ak_code ak_keys_remote_sign(struct ak_keys *keys, const struct ak_range *more, char *out,
                                 size_t cap, size_t *len, struct ak_error *err)
{
    struct call *call = call_new(keys, AK_KEY_SIGN, err);
    enum ak_code rc = AK_ENOMEM;

    if (call == NULL)
        return rc;
    put_range(call, more);
    rc = ask(keys, call, NULL, err);
    if (rc == AK_OK && call->answer.note_len > cap)
        rc = ak_fail(err, AK_ELIMIT, "no room for a note");
    if (rc == AK_OK)
        rc = ak_range_merge(&keys->signed_range, more, err);
    if (rc == AK_OK) {
        *len = call->answer.note_len;
        memcpy(out, call->in, *len);
    }
    free(call);
    return rc;
}

enum ak_code ak_keys_remote_save(struct ak_keys *keys, struct ak_error *err)
{
    return ask_word(keys, AK_KEY_SAVE, err);
}

enum ak_code ak_keys_remote_end(struct ak_keys *keys, struct ak_error *err)
{
    struct call *call = call_new(keys, AK_KEY_END, err);
    enum ak_code rc = AK_ENOMEM;

    if (call == NULL)
        return rc;
    rc = ask(keys, call, NULL, err);
    if (rc == AK_OK)
        rc = take_note(&keys->ending, &keys->ending_len,
                       call->in + call->answer.note_len + call->answer.start_len,
                       call->answer.ending_len, err);
    keys->ending_index = call->answer.ending_index;
    free(call);
    return rc;
}

enum ak_code ak_keys_remote_begin(struct ak_keys *keys, struct ak_error *err)
{
    enum ak_code rc = ask_word(keys, AK_KEY_BEGIN, err);

    if (rc != AK_OK)
        return rc;
    free(keys->start);
    keys->start = keys->ending;
    keys->start_len = keys->ending_len;
    keys->ending = NULL;
    return AK_OK;
}

enum ak_code ak_keys_remote_mend(struct ak_keys *keys, struct ak_error *err)
{
    return ask_word(keys, AK_KEY_MEND, err);
}
