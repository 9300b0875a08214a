/* signer.c - one thread, one mutex, one slot a log.
 *
 * The happy path: ak_signer_post merges into the slot's `wanted` range and ak_signer_wake wakes the
 * thread; it takes the range, signs without the mutex, puts the note into the slot, and uv_async
 * brings it to the loop. Failure modes: ak_keys_sign refuses (the slot stops, the loop is told
 * once); the checkpoint file cannot be written (tried again with the next note). */
#include "signer.h"

#include "clock.h"
#include "disk.h"
#include "log.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S        1000000000ull
#define CHECKPOINT_MODE 0644     /* it is meant to be handed out */
#define PUBLISH_NS      NS_PER_S /* a checkpoint file at most once a second */

struct slot {
    struct ak_signer_client client;
    struct ak_range wanted; /* posted and not yet taken; under the mutex */
    bool posted;            /* under the mutex */
    bool stopped;           /* refused: nothing is signed any more; thread only */
    bool told;              /* on_refused was called; loop only */
    uint64_t next;          /* boot time before which it is not signed again; thread only */
    uint64_t publish_at;    /* likewise for the file */
    char *published;        /* newest note not yet in the file; thread only */
    size_t published_len;
    struct ak_range signed_more; /* from the size published last; thread only */
    char *out; /* newest one in the file, on its way to the loop; under the mutex */
    size_t out_len;
    struct ak_range out_more;
    char *note; /* answer on its way to the loop; under the mutex */
    size_t note_len;
    uint64_t note_size;
    bool refused; /* answer on its way; under the mutex */
    struct ak_error err;
    bool end_wanted;   /* the epoch is to end; under the mutex */
    bool begin_wanted; /* the next one begins; under the mutex */
    bool ended;        /* answer on its way; under the mutex */
    bool begun;        /* likewise */
    char *start;       /* start note, or NULL: `end_err` says why not */
    size_t start_len;
    uint64_t start_index;
    struct ak_error end_err;
};

struct ak_signer {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake; /* on CLOCK_MONOTONIC */
    uv_async_t async;
    struct ak_key_channel *keys;
    uv_poll_t ended; /* the process that has the keys went away */
    uint64_t interval_ns;
    bool posted; /* since the thread was woken last; loop only */
    bool closing;
    int count;
    struct slot *slots[AK_SIGNER_LOGS_MAX];
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

static void answer(struct ak_signer *signer, struct slot *slot, char *note, size_t len,
                   uint64_t size)
{
    pthread_mutex_lock(&signer->mutex);
    free(slot->note); /* the loop never saw it: a newer one covers it */
    slot->note = note;
    slot->note_len = len;
    slot->note_size = size;
    pthread_mutex_unlock(&signer->mutex);
    uv_async_send(&signer->async);
}

static void refuse(struct ak_signer *signer, struct slot *slot, const struct ak_error *err)
{
    slot->stopped = true;
    pthread_mutex_lock(&signer->mutex);
    slot->refused = true;
    slot->err = *err;
    pthread_mutex_unlock(&signer->mutex);
    uv_async_send(&signer->async);
}

/* It is in the file: the loop may show it to others. */
static void tell_published(struct ak_signer *signer, struct slot *slot)
{
    pthread_mutex_lock(&signer->mutex);
    free(slot->out); /* the loop never saw it: a newer one covers it */
    slot->out = slot->published;
    slot->out_len = slot->published_len;
    (void)ak_range_merge(&slot->out_more, &slot->signed_more, NULL); /* it goes on from there */
    pthread_mutex_unlock(&signer->mutex);
    slot->published = NULL;
    ak_range_init(&slot->signed_more, slot->signed_more.end);
    uv_async_send(&signer->async);
}

/* What was signed becomes durable beside the key before anybody outside can see it. */
static void publish(struct ak_signer *signer, struct slot *slot, uint64_t now)
{
    struct ak_error err = {0};

    if (ak_keys_save(slot->client.keys, &err) != AK_OK ||
        ak_disk_put(slot->client.tmp_fd, slot->client.tmp_name, slot->client.log_dir_fd,
                    "checkpoint", CHECKPOINT_MODE, slot->published, slot->published_len,
                    &err) != AK_OK) {
        ak_log(AK_LOG_WARNING, "checkpoint not published, tried again with the next one: %s",
               err.text);
        free(slot->published);
        slot->published = NULL;
    } else {
        tell_published(signer, slot);
    }
    slot->publish_at = now + PUBLISH_NS;
}

static void sign(struct ak_signer *signer, struct slot *slot, const struct ak_range *more,
                 uint64_t now)
{
    struct ak_error err = {0};
    char *note = malloc(AK_NOTE_BYTES_MAX);
    size_t len = 0;

    if (note == NULL)
        (void)ak_fail(&err, AK_ENOMEM, "signer: no memory for a checkpoint");
    if (note == NULL ||
        ak_keys_sign(slot->client.keys, more, note, AK_NOTE_BYTES_MAX, &len, &err) != AK_OK) {
        free(note);
        refuse(signer, slot, &err);
        return;
    }
    free(slot->published);
    slot->published = malloc(len);
    slot->published_len = len;
    (void)ak_range_merge(&slot->signed_more, more, NULL); /* it goes on from there */
    if (slot->published != NULL)
        memcpy(slot->published, note, len);
    answer(signer, slot, note, len, more->end);
    slot->next = now + signer->interval_ns;
}

/* All that was posted is signed: the running key's last word. */
static void end_epoch(struct ak_signer *signer, struct slot *slot)
{
    struct ak_error err = {0};
    const char *note = NULL;
    char *copy = NULL;
    uint64_t index = 0;
    size_t len = 0;

    if (ak_keys_end_epoch(slot->client.keys, &err) == AK_OK)
        note = ak_keys_ending(slot->client.keys, &len, &index);
    if (note != NULL) {
        copy = malloc(len);
        if (copy != NULL)
            memcpy(copy, note, len);
        else
            (void)ak_fail(&err, AK_ENOMEM, "signer: no memory for a start note");
    }
    pthread_mutex_lock(&signer->mutex);
    slot->ended = true;
    slot->start = copy;
    slot->start_len = len;
    slot->start_index = index;
    slot->end_err = err;
    pthread_mutex_unlock(&signer->mutex);
    uv_async_send(&signer->async);
}

static void begin_epoch(struct ak_signer *signer, struct slot *slot)
{
    struct ak_error err = {0};

    if (ak_keys_begin_epoch(slot->client.keys, &err) != AK_OK) {
        refuse(signer, slot, &err);
        return;
    }
    pthread_mutex_lock(&signer->mutex);
    slot->begun = true;
    pthread_mutex_unlock(&signer->mutex);
    uv_async_send(&signer->async);
}

/* Does what is due; gives the boot time at which something else will be, or UINT64_MAX. */
static uint64_t turn(struct ak_signer *signer, bool closing)
{
    uint64_t soonest = UINT64_MAX;
    int count;

    pthread_mutex_lock(&signer->mutex);
    count = signer->count;
    pthread_mutex_unlock(&signer->mutex);
    for (int i = 0; i < count; i++) {
        struct slot *slot = signer->slots[i];
        uint64_t now = ak_clock_boottime();
        struct ak_range more;
        bool begin, end, take;

        pthread_mutex_lock(&signer->mutex);
        begin = slot->begin_wanted;
        end = slot->end_wanted;
        slot->begin_wanted = slot->end_wanted = false;
        take = slot->posted && !slot->stopped && (closing || end || slot->next <= now);
        if (slot->posted && !slot->stopped && !take && slot->next < soonest)
            soonest = slot->next;
        if (take) {
            more = slot->wanted;
            ak_range_init(&slot->wanted, more.end);
            slot->posted = false;
        }
        pthread_mutex_unlock(&signer->mutex);
        if (begin && !slot->stopped)
            begin_epoch(signer, slot);
        if (take && !slot->stopped)
            sign(signer, slot, &more, now);
        if (slot->published != NULL && (closing || end || slot->publish_at <= now))
            publish(signer, slot, now);
        else if (slot->published != NULL && slot->publish_at < soonest)
            soonest = slot->publish_at;
        if (end)
            end_epoch(signer, slot);
    }
    return soonest;
}

/* The time at which something that was posted may be signed, or `soonest` if that is before. What
 * was posted since the turn counts too: nobody wakes the thread for it again. */
static uint64_t next_time(const struct ak_signer *signer, uint64_t soonest)
{
    for (int i = 0; i < signer->count; i++) {
        const struct slot *slot = signer->slots[i];
        if (slot->posted && !slot->stopped && slot->next < soonest)
            soonest = slot->next;
        if (slot->begin_wanted || slot->end_wanted)
            soonest = 0;
    }
    return soonest;
}

static void wait_until(struct ak_signer *signer, uint64_t when)
{
    uint64_t now = ak_clock_boottime();
    struct timespec until;

    if (when == UINT64_MAX) {
        pthread_cond_wait(&signer->wake, &signer->mutex);
        return;
    }
    if (when <= now)
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)((when - now) / NS_PER_S);
    until.tv_nsec += (long)((when - now) % NS_PER_S);
    if (until.tv_nsec >= (long)NS_PER_S) {
        until.tv_sec++;
        until.tv_nsec -= (long)NS_PER_S;
    }
    (void)pthread_cond_timedwait(&signer->wake, &signer->mutex, &until);
}

static void *signer_main(void *arg)
{
    struct ak_signer *signer = arg;
    bool closing = false;

    while (!closing) {
        uint64_t soonest;

        pthread_mutex_lock(&signer->mutex);
        closing = signer->closing;
        pthread_mutex_unlock(&signer->mutex);
        soonest = turn(signer, closing);
        pthread_mutex_lock(&signer->mutex);
        if (!closing && !signer->closing)
            wait_until(signer, next_time(signer, soonest));
        pthread_mutex_unlock(&signer->mutex);
    }
    return NULL;
}

static void tell_refused(struct slot *slot, const struct ak_error *err)
{
    if (!slot->told)
        slot->client.on_refused(slot->client.ctx, err);
    slot->told = true;
}

/* Also where no log has anything to sign. */
static void on_process_ended(uv_poll_t *poll, int status, int events)
{
    struct ak_signer *signer = poll->data;
    struct ak_error err = {0};

    (void)status;
    (void)events;
    if (ak_key_channel_ended(signer->keys, &err) == AK_OK)
        return;
    (void)uv_poll_stop(poll);
    for (int i = 0; i < signer->count; i++)
        tell_refused(signer->slots[i], &err);
}

static void on_async(uv_async_t *async)
{
    struct ak_signer *signer = async->data;

    for (int i = 0; i < signer->count; i++) {
        struct slot *slot = signer->slots[i];
        struct ak_error err;
        char *note;
        size_t len;
        uint64_t size;
        bool refused, ended, begun;
        struct ak_error end_err;
        char *start;
        size_t start_len;
        uint64_t start_index;
        char *out;
        size_t out_len;
        struct ak_range out_more;

        pthread_mutex_lock(&signer->mutex);
        note = slot->note;
        len = slot->note_len;
        size = slot->note_size;
        out = slot->out;
        out_len = slot->out_len;
        slot->out = NULL;
        if (out != NULL) {
            out_more = slot->out_more;
            ak_range_init(&slot->out_more, out_more.end);
        }
        refused = slot->refused;
        ended = slot->ended;
        slot->ended = false;
        begun = slot->begun;
        slot->begun = false;
        start = slot->start;
        slot->start = NULL;
        start_len = slot->start_len;
        start_index = slot->start_index;
        end_err = slot->end_err;
        err = slot->err;
        slot->note = NULL;
        slot->refused = false;
        pthread_mutex_unlock(&signer->mutex);
        if (note != NULL)
            slot->client.on_note(slot->client.ctx, note, len, size);
        if (refused)
            tell_refused(slot, &err);
        if (out != NULL && slot->client.on_published != NULL)
            slot->client.on_published(slot->client.ctx, out, out_len, &out_more);
        free(out);
        if (ended)
            slot->client.on_ended(slot->client.ctx, start, start_len, start_index, &end_err);
        if (begun)
            slot->client.on_begun(slot->client.ctx);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct ak_signer *signer = handle->data;
    void (*on_closed)(void *) = signer->on_closed;
    void *ctx = signer->closed_ctx;

    for (int i = 0; i < signer->count; i++) {
        free(signer->slots[i]->note);
        free(signer->slots[i]->published);
        free(signer->slots[i]->out);
        free(signer->slots[i]->start);
        ak_keys_free(signer->slots[i]->client.keys);
        free(signer->slots[i]);
    }
    pthread_cond_destroy(&signer->wake);
    pthread_mutex_destroy(&signer->mutex);
    free(signer);
    if (on_closed != NULL)
        on_closed(ctx);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct ak_signer *signer = handle->data;

    uv_close((uv_handle_t *)&signer->async, on_handle_closed);
}

/* Both handles, closed together later. */
static int watch(uv_loop_t *loop, struct ak_signer *signer)
{
    int rc = uv_poll_init(loop, &signer->ended, ak_key_channel_fd(signer->keys));

    signer->async.data = signer->ended.data = signer;
    if (rc != 0)
        return rc;
    rc = uv_async_init(loop, &signer->async, on_async);
    return rc == 0 ? uv_poll_start(&signer->ended, UV_DISCONNECT, on_process_ended) : rc;
}

enum ak_code ak_signer_new(uv_loop_t *loop, struct ak_key_channel *keys, uint64_t interval_ns,
                           struct ak_signer **out, struct ak_error *err)
{
    struct ak_signer *signer = calloc(1, sizeof(*signer));
    pthread_condattr_t attr;
    int rc;

    if (signer == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the signer");
    signer->interval_ns = interval_ns;
    signer->keys = keys;
    pthread_mutex_init(&signer->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&signer->wake, &attr);
    pthread_condattr_destroy(&attr);
    rc = watch(loop, signer);
    if (rc != 0)
        return ak_fail(err, AK_EIO, "start the signer: %s", uv_strerror(rc)); /* the loop has it */
    rc = pthread_create(&signer->thread, NULL, signer_main, signer);
    if (rc != 0) {
        uv_close((uv_handle_t *)&signer->ended, on_poll_closed);
        return ak_fail_errno(err, rc, "start the signer's thread");
    }
    *out = signer;
    return AK_OK;
}

enum ak_code ak_signer_add(struct ak_signer *signer, const struct ak_signer_client *client,
                           int *slot, struct ak_error *err)
{
    struct slot *added = calloc(1, sizeof(*added));

    if (added == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the signer");
    added->client = *client;
    ak_range_init(&added->wanted, ak_keys_signed(client->keys)->end);
    added->signed_more = added->out_more = added->wanted;
    pthread_mutex_lock(&signer->mutex);
    if (signer->count == AK_SIGNER_LOGS_MAX) {
        pthread_mutex_unlock(&signer->mutex);
        free(added);
        return ak_fail(err, AK_ELIMIT, "one collector keeps at most %d logs", AK_SIGNER_LOGS_MAX);
    }
    *slot = signer->count;
    signer->slots[signer->count++] = added;
    pthread_mutex_unlock(&signer->mutex);
    return AK_OK;
}

void ak_signer_post(struct ak_signer *signer, int slot, const struct ak_range *more)
{
    struct slot *s;

    if (slot == AK_SIGNER_NONE)
        return;
    s = signer->slots[slot];
    pthread_mutex_lock(&signer->mutex);
    if (ak_range_merge(&s->wanted, more, NULL) == AK_OK)
        s->posted = s->wanted.end > s->wanted.begin;
    pthread_mutex_unlock(&signer->mutex);
    signer->posted = true;
}

/* Without the mutex, or it would be waited for as soon as it is woken: what was posted is seen
 * before the thread sleeps again. */
void ak_signer_wake(struct ak_signer *signer)
{
    if (signer->posted)
        pthread_cond_signal(&signer->wake);
    signer->posted = false;
}

static void want(struct ak_signer *signer, int slot, bool end)
{
    struct slot *s;

    if (slot == AK_SIGNER_NONE)
        return;
    s = signer->slots[slot];
    pthread_mutex_lock(&signer->mutex);
    if (end)
        s->end_wanted = true;
    else
        s->begin_wanted = true;
    pthread_cond_signal(&signer->wake);
    pthread_mutex_unlock(&signer->mutex);
}

void ak_signer_end_epoch(struct ak_signer *signer, int slot)
{
    want(signer, slot, true);
}

void ak_signer_begin_epoch(struct ak_signer *signer, int slot)
{
    want(signer, slot, false);
}

void ak_signer_close(struct ak_signer *signer, void (*on_closed)(void *ctx), void *ctx)
{
    signer->on_closed = on_closed;
    signer->closed_ctx = ctx;
    pthread_mutex_lock(&signer->mutex);
    signer->closing = true;
    pthread_cond_signal(&signer->wake);
    pthread_mutex_unlock(&signer->mutex);
    (void)pthread_join(signer->thread, NULL);
    uv_close((uv_handle_t *)&signer->ended, on_poll_closed);
}
