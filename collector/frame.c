/* frame.c - the machinery below the framers: what is held, what is skipped, what is handed out.
 *
 * Happy path: a step over the caller's bytes finds a whole frame, which is handed out where it
 * lies. Where it finds the beginning of one, these bytes are held; the next call appends no more
 * than can belong to that frame (so that the frames behind it are found in the caller's bytes
 * again) and steps over what is held.
 *
 * Failure modes: see frame.h. A step can be repeated over the same bytes, so that a call which
 * found no memory is simply made again. */
#include "frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define HOLD_BYTES_MIN 512u /* first allocation: most records are shorter */

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void hold_free(struct ak_frame_hold *hold)
{
    struct ak_frame_budget *budget = hold->budget;

    if (budget != NULL) {
        budget->used -= hold->cap;
        if (budget->beyond == hold)
            budget->beyond = NULL;
        budget->released = budget->wanted;
    }
    free(hold->data);
    hold->data = NULL;
    hold->at = 0;
    hold->len = 0;
    hold->cap = 0;
}

/* Forgets what was handed out by the call before. */
static void hold_tidy(struct ak_frame_hold *hold)
{
    if (hold->at < hold->len)
        return;
    hold->at = 0;
    hold->len = 0;
    if (hold->cap > AK_FRAME_HELD_KEEP_MAX)
        hold_free(hold);
}

static bool budget_allows(const struct ak_frame_hold *hold, size_t cap)
{
    struct ak_frame_budget *budget = hold->budget;

    /* A short record is never kept waiting by the long ones of others. */
    if (budget == NULL || cap <= AK_FRAME_HELD_KEEP_MAX ||
        budget->used + (cap - hold->cap) <= budget->max)
        return true;
    if (budget->beyond == NULL)
        budget->beyond = hold;
    if (budget->beyond == hold)
        return true;
    budget->wanted = true;
    return false;
}

/* Room for `need` bytes: twice what there was, but not above `max` (which `need` is not above). */
static bool hold_grow(struct ak_frame_hold *hold, size_t need, size_t max)
{
    size_t cap = hold->cap < HOLD_BYTES_MIN ? HOLD_BYTES_MIN : hold->cap;
    uint8_t *data;

    while (cap < need)
        cap *= 2;
    cap = min_size(cap, max);
    if (!budget_allows(hold, cap))
        return false;
    data = realloc(hold->data, cap);
    if (data == NULL)
        return false;
    if (hold->budget != NULL)
        hold->budget->used += cap - hold->cap;
    hold->data = data;
    hold->cap = cap;
    return true;
}

/* False: no memory; nothing was appended then. */
static bool hold_append(struct ak_framer *f, const uint8_t *data, size_t n)
{
    struct ak_frame_hold *hold = &f->hold;
    const size_t max = f->limit + AK_FRAME_HEADER_MAX;
    size_t held = hold->len - hold->at;

    assert(held <= max && n <= max - held);
    if (n == 0)
        return true;
    if (hold->at > 0) {
        memmove(hold->data, hold->data + hold->at, held);
        hold->at = 0;
        hold->len = held;
    }
    if (held + n > hold->cap && !hold_grow(hold, held + n, max))
        return false;
    memcpy(hold->data + held, data, n);
    hold->len = held + n;
    return true;
}

void ak_framer_init(struct ak_framer *framer, ak_frame_step_fn *step, size_t limit,
                    struct ak_frame_budget *budget)
{
    assert(limit >= 1 && limit <= AK_FRAME_RECEIVED_MAX);
    memset(framer, 0, sizeof(*framer));
    framer->step = step;
    framer->limit = limit;
    framer->hold.budget = budget;
}

void ak_framer_limit(struct ak_framer *framer, size_t limit)
{
    assert(limit >= 1 && limit <= AK_FRAME_RECEIVED_MAX);
    assert(!ak_framer_in_frame(framer));
    framer->limit = limit;
}

void ak_framer_free(struct ak_framer *framer)
{
    hold_free(&framer->hold);
}

bool ak_framer_in_frame(const struct ak_framer *framer)
{
    return framer->skipping || framer->hold.at < framer->hold.len;
}

void ak_step_fail(struct ak_step *step, const char *reason, const char *text)
{
    step->kind = AK_STEP_ERROR;
    step->frame.reason = reason;
    step->frame.text = text;
}

void ak_step_frame(struct ak_step *step, const uint8_t *payload, size_t len, size_t limit,
                   size_t take)
{
    step->kind = AK_STEP_FRAME;
    step->frame.kind = len > limit ? AK_FRAME_CUT : AK_FRAME_RECORD;
    step->frame.data = payload;
    step->frame.len = min_size(len, limit);
    step->frame.received = len;
    step->take = take;
}

void ak_step_more(struct ak_step *step, const uint8_t *data, size_t n, size_t want, int until)
{
    step->kind = AK_STEP_MORE;
    step->frame.kind = AK_FRAME_UNFINISHED;
    step->frame.data = data;
    step->frame.len = n;
    step->frame.received = n;
    step->want = want;
    step->until = until;
}

size_t ak_frame_number(const uint8_t *data, size_t n, uint32_t *value)
{
    size_t digits = 0;

    *value = 0;
    while (digits < n && data[digits] >= '0' && data[digits] <= '9') {
        if (digits == 9)
            return 10;
        *value = *value * 10 + (uint32_t)(data[digits] - '0');
        digits++;
    }
    return digits;
}

/* The bytes from the start of the frame go into the error, as far as they are at hand. */
static void framer_fail(struct ak_framer *f, const struct ak_step *step, const uint8_t *in,
                        size_t len, size_t *used, struct ak_frame *out)
{
    struct ak_frame_hold *hold = &f->hold;
    size_t held = hold->len - hold->at;
    size_t rest = len - *used;

    *out = step->frame;
    out->kind = AK_FRAME_ERROR;
    out->received = held + rest;
    if (held > 0) {
        /* Without memory it shows less. */
        if (held < f->limit && rest > 0)
            (void)hold_append(f, in + *used, min_size(rest, f->limit - held));
        out->data = hold->data + hold->at;
        out->len = min_size(hold->len - hold->at, f->limit);
    } else {
        out->data = in + *used;
        out->len = min_size(rest, f->limit);
    }
    *used = len;
    f->failed = true;
}

/* Begins to skip: of what is at hand the header and the first `limit` bytes of the payload stay. */
static bool skip_begin(struct ak_framer *f, const struct ak_step *step, const uint8_t *in,
                       size_t len, size_t *used)
{
    struct ak_frame_hold *hold = &f->hold;
    size_t held = hold->len - hold->at;
    size_t n = held > 0 ? held : len;

    assert(n >= step->header + f->limit);
    if (held > 0) {
        hold->len = hold->at + step->header + f->limit;
    } else {
        if (!hold_append(f, in, step->header + f->limit))
            return false;
        *used = len;
    }
    f->skipping = true;
    f->skip = *step;
    f->skip_received = n - step->header;
    return true;
}

static void skip_give(struct ak_framer *f, enum ak_frame_kind kind, struct ak_frame *out)
{
    struct ak_frame_hold *hold = &f->hold;
    size_t header = f->skip.header;

    *out = f->skip.frame;
    out->kind = kind;
    out->data = hold->data + hold->at;
    out->len = f->limit;
    out->received = f->skip_received;
    if (kind == AK_FRAME_ERROR) {
        out->received += header; /* raw, as every error */
        f->failed = true;
    } else {
        out->data += header;
        out->reason = NULL;
        out->text = NULL;
    }
    hold->at = hold->len;
    f->skipping = false;
}

/* The rest of a payload whose length is known, then its trailer if it has one. */
static void skip_counted(struct ak_framer *f, const uint8_t *in, size_t len, size_t *used,
                         struct ak_frame *out)
{
    uint64_t left = f->skip.total - f->skip_received;
    size_t n = len - *used < left ? len - *used : (size_t)left;

    f->skip_received += n;
    *used += n;
    if (f->skip_received < f->skip.total)
        return;
    if (f->skip.until >= 0) {
        if (*used == len)
            return;
        if (in[*used] != f->skip.until) {
            *used = len;
            skip_give(f, AK_FRAME_ERROR, out);
            return;
        }
        (*used)++;
    }
    skip_give(f, AK_FRAME_CUT, out);
}

/* The rest of a payload that ends with its trailer. */
static void skip_line(struct ak_framer *f, const uint8_t *in, size_t len, size_t *used,
                      struct ak_frame *out)
{
    const uint8_t *end;
    size_t n;

    if (*used == len)
        return;
    end = memchr(in + *used, f->skip.until, len - *used);
    n = end != NULL ? (size_t)(end - (in + *used)) : len - *used;
    f->skip_received += n;
    if (f->skip_received > AK_FRAME_RECEIVED_MAX) {
        *used = len;
        skip_give(f, AK_FRAME_ERROR, out);
        return;
    }
    *used += end != NULL ? n + 1 : n;
    if (end != NULL)
        skip_give(f, AK_FRAME_CUT, out);
}

static void skip_on(struct ak_framer *f, const uint8_t *in, size_t len, size_t *used,
                    struct ak_frame *out)
{
    if (f->skip.total == AK_FRAME_TOTAL_UNKNOWN)
        skip_line(f, in, len, used, out);
    else
        skip_counted(f, in, len, used, out);
}

/* Holds what can belong to the frame at hand. False: no memory. */
static bool take_more(struct ak_framer *f, const struct ak_step *step, const uint8_t *in,
                      size_t len, size_t *used)
{
    size_t held = f->hold.len - f->hold.at;
    size_t n = min_size(len - *used, step->want - held);
    const uint8_t *end = step->until >= 0 ? memchr(in + *used, step->until, n) : NULL;

    assert(step->want > held);
    if (end != NULL)
        n = (size_t)(end - (in + *used)) + 1;
    if (!hold_append(f, in + *used, n))
        return false;
    *used += n;
    return true;
}

/* One step over what is at hand; true if there is to be another one. */
static bool framer_step(struct ak_framer *f, const uint8_t *in, size_t len, size_t *used,
                        struct ak_frame *out)
{
    size_t held = f->hold.len - f->hold.at;
    size_t n = held > 0 ? held : len - *used;
    struct ak_step step = {.until = -1};
    const uint8_t *data;

    if (n == 0)
        return false;
    data = held > 0 ? f->hold.data + f->hold.at : in + *used;
    f->step(f, data, n, false, &step);
    switch (step.kind) {
    case AK_STEP_FRAME:
        assert(step.take > 0 && step.take <= n);
        *out = step.frame;
        if (held > 0)
            f->hold.at += step.take;
        else
            *used += step.take;
        return false;
    case AK_STEP_ERROR:
        framer_fail(f, &step, in, len, used, out);
        return false;
    case AK_STEP_LONG:
        if (!skip_begin(f, &step, in, len, used))
            break;
        skip_on(f, in, len, used, out);
        return false;
    case AK_STEP_MORE:
        if (*used == len)
            return false;
        if (!take_more(f, &step, in, len, used))
            break;
        return *used < len || held > 0;
    }
    out->kind = AK_FRAME_NO_ROOM;
    return false;
}

void ak_framer_next(struct ak_framer *framer, const uint8_t *in, size_t len, size_t *used,
                    struct ak_frame *out)
{
    memset(out, 0, sizeof(*out));
    *used = 0;
    if (framer->failed) {
        *used = len;
        return;
    }
    hold_tidy(&framer->hold);
    if (framer->skipping) {
        skip_on(framer, in, len, used, out);
        return;
    }
    while (framer_step(framer, in, len, used, out))
        continue;
}

void ak_framer_end(struct ak_framer *framer, struct ak_frame *out)
{
    struct ak_frame_hold *hold = &framer->hold;
    struct ak_step step = {.until = -1};
    size_t used = 0;

    memset(out, 0, sizeof(*out));
    if (framer->failed)
        return;
    hold_tidy(hold);
    if (hold->at == hold->len)
        return;
    if (!framer->skipping)
        framer->step(framer, hold->data + hold->at, hold->len - hold->at, true, &step);
    if (framer->skipping || step.kind == AK_STEP_LONG) {
        if (!framer->skipping)
            (void)skip_begin(framer, &step, NULL, 0, &used); /* held already: takes no memory */
        skip_give(framer, AK_FRAME_UNFINISHED, out);
    } else if (step.kind == AK_STEP_ERROR) {
        framer_fail(framer, &step, NULL, 0, &used, out);
    } else {
        *out = step.frame;
        out->len = min_size(out->len, framer->limit); /* raw bytes may be more */
        hold->at = step.kind == AK_STEP_FRAME ? hold->at + step.take : hold->len;
    }
}
