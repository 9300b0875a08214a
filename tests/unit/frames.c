/* frames.c - divides a stream in many ways (frames.h). */
#include "frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "frames: %s\n", what);
    abort();
}

union framer {
    struct ak_frame_syslog syslog;
    struct ak_frame_relp relp;
};

static void framer_next(const struct frames_setup *setup, union framer *f, const uint8_t *in,
                        size_t len, size_t *used, struct ak_frame *out)
{
    if (setup->relp)
        ak_frame_relp_next(&f->relp, in, len, used, out);
    else
        ak_frame_syslog_next(&f->syslog, in, len, used, out);
}

static void framer_end(const struct frames_setup *setup, union framer *f, struct ak_frame *out)
{
    if (setup->relp)
        ak_frame_relp_end(&f->relp, out);
    else
        ak_frame_syslog_end(&f->syslog, out);
}

static void frames_add(struct frames *frames, const struct ak_frame *frame, size_t limit)
{
    struct frames_item *item;
    uint8_t *data = malloc(frame->len > 0 ? frame->len : 1);

    frames->item = realloc(frames->item, (frames->count + 1) * sizeof(*frames->item));
    must(frames->item != NULL && data != NULL, "memory");
    must(frame->len <= limit && frame->received >= frame->len, "lengths");
    must((frame->kind == AK_FRAME_ERROR) == (frame->reason != NULL), "reason without error");
    must((frame->reason == NULL) == (frame->text == NULL), "reason without text");
    if (frame->kind == AK_FRAME_RECORD)
        must(frame->received == frame->len, "record not whole");
    if (frame->kind == AK_FRAME_CUT)
        must(frame->len == limit && frame->received > limit, "cut elsewhere");
    if (frame->len > 0)
        memcpy(data, frame->data, frame->len);
    item = &frames->item[frames->count++];
    item->frame = *frame;
    item->frame.data = data;
    item->copy = data;
}

/* One read of exactly `len` bytes, in memory of its own. */
static void feed(const struct frames_setup *setup, union framer *f, const uint8_t *in, size_t len,
                 bool hold_back, struct frames *out)
{
    uint8_t *read = malloc(len > 0 ? len : 1);
    struct ak_frame frame;
    size_t at = 0;
    size_t used;

    must(read != NULL, "memory");
    if (len > 0)
        memcpy(read, in, len);
    for (;;) {
        framer_next(setup, f, read + at, len - at, &used, &frame);
        must(used <= len - at, "used more than there is");
        must(frame.kind != AK_FRAME_NO_ROOM && frame.kind != AK_FRAME_UNFINISHED, "kind of next");
        at += used;
        if (frame.kind == AK_FRAME_NONE)
            break;
        frames_add(out, &frame, setup->limit);
        if (hold_back) {
            uint8_t *again = malloc(len - at > 0 ? len - at : 1);

            must(again != NULL, "memory");
            memcpy(again, read + at, len - at);
            free(read);
            read = again;
            len -= at;
            at = 0;
        }
    }
    must(at == len, "bytes left over");
    free(read);
}

static void finish(const struct frames_setup *setup, union framer *f, struct frames *out)
{
    struct ak_frame frame;

    for (;;) {
        framer_end(setup, f, &frame);
        if (frame.kind == AK_FRAME_NONE)
            return;
        must(frame.kind != AK_FRAME_NO_ROOM, "no room at the end");
        frames_add(out, &frame, setup->limit);
    }
}

static size_t next_cut(const struct frames_cuts *cuts, size_t at, size_t left, uint32_t *state)
{
    size_t n = cuts->every > 0 ? cuts->every : left;

    if (at == 0 && cuts->first > 0)
        n = cuts->first;
    else if (cuts->seed != 0) {
        *state = *state * 1664525u + 1013904223u;
        n = (*state >> 8) % n + 1;
    }
    return n < left ? n : left;
}

void frames_divide(const struct frames_setup *setup, const uint8_t *in, size_t len,
                   const struct frames_cuts *cuts, struct frames *out)
{
    struct ak_frame_budget budget = {.max = 1u << 30};
    uint32_t state = cuts->seed;
    union framer f;

    memset(out, 0, sizeof(*out));
    if (setup->relp)
        ak_frame_relp_init(&f.relp, setup->limit, &budget);
    else
        ak_frame_syslog_init(&f.syslog, setup->framing, setup->limit, &budget);
    for (size_t at = 0; at < len;) {
        size_t n = next_cut(cuts, at, len - at, &state);

        feed(setup, &f, in + at, n, cuts->hold_back, out);
        at += n;
    }
    finish(setup, &f, out);
    if (setup->relp) {
        must(!ak_frame_relp_in_frame(&f.relp) ||
                 out->item[out->count - 1].frame.kind == AK_FRAME_ERROR,
             "in a frame behind the end");
        ak_frame_relp_free(&f.relp);
    } else {
        out->framing = f.syslog.framing;
        out->trailer = f.syslog.trailer;
        must(!ak_frame_syslog_in_frame(&f.syslog) ||
                 out->item[out->count - 1].frame.kind == AK_FRAME_ERROR,
             "in a frame behind the end");
        ak_frame_syslog_free(&f.syslog);
    }
    must(budget.used == 0, "memory is still counted");
}

void frames_free(struct frames *frames)
{
    for (size_t i = 0; i < frames->count; i++)
        free(frames->item[i].copy);
    free(frames->item);
    memset(frames, 0, sizeof(*frames));
}

static const char *item_differs(const struct ak_frame *a, const struct ak_frame *b)
{
    size_t len = a->len < b->len ? a->len : b->len;

    if (a->kind != b->kind)
        return "kind";
    if (memcmp(a->data, b->data, len) != 0)
        return "data";
    if (a->kind == AK_FRAME_ERROR)
        return strcmp(a->reason, b->reason) != 0 ? "reason" : NULL;
    if (a->len != b->len || a->received != b->received)
        return "length";
    return a->command != b->command || a->txnr != b->txnr ? "command" : NULL;
}

const char *frames_differ(const struct frames *a, const struct frames *b)
{
    if (a->count != b->count)
        return "number of frames";
    for (size_t i = 0; i < a->count; i++) {
        const char *what = item_differs(&a->item[i].frame, &b->item[i].frame);

        if (what != NULL)
            return what;
    }
    return NULL;
}

/* Bytes of framing at `in` before a payload of `frame`, read without the code under test; SIZE_MAX
 * if there is none. */
static size_t header_bytes(const struct frames_setup *setup, const struct frames *frames,
                           const struct ak_frame *frame, const uint8_t *in, size_t len)
{
    char text[AK_FRAME_HEADER_MAX] = {0};
    unsigned long count = 0;
    int n = -1;

    if (!setup->relp && frames->framing != AK_FRAMING_COUNTED)
        return 0;
    memcpy(text, in, len < sizeof(text) - 1 ? len : sizeof(text) - 1);
    if (setup->relp)
        (void)sscanf(text, "%*9[0-9] %*32[a-zA-Z] %9lu%n", &count, &n);
    else
        (void)sscanf(text, "%*1[\n]%9lu%n", &count, &n);
    if (n < 0)
        (void)sscanf(text, "%9lu%n", &count, &n);
    if (n < 0)
        return SIZE_MAX;
    if (frame->kind != AK_FRAME_UNFINISHED && count != frame->received)
        return SIZE_MAX;
    return (size_t)n + (setup->relp && count == 0 ? 0 : 1);
}

const char *frames_account(const struct frames_setup *setup, const struct frames *frames,
                           const uint8_t *in, size_t len)
{
    bool trailer = setup->relp || frames->framing != AK_FRAMING_COUNTED;
    size_t at = 0;

    for (size_t i = 0; i < frames->count; i++) {
        const struct ak_frame *frame = &frames->item[i].frame;
        size_t header = 0;

        if (frame->kind == AK_FRAME_RECORD || frame->kind == AK_FRAME_CUT)
            header = header_bytes(setup, frames, frame, in + at, len - at);
        else if (frame->kind == AK_FRAME_UNFINISHED)
            header = len - at - (size_t)frame->received; /* then it must end at the end */
        if (header > len - at || frame->len > len - at - header)
            return "a frame that is not in the stream";
        if (memcmp(in + at + header, frame->data, frame->len) != 0)
            return "a frame with other bytes";
        if (frame->kind == AK_FRAME_ERROR)
            return i + 1 == frames->count ? NULL : "something behind an error";
        at += header + (size_t)frame->received;
        if (trailer && frame->kind != AK_FRAME_UNFINISHED)
            at++;
    }
    if (!trailer && at + 1 == len && in[at] == '\n')
        at++;
    /* A NUL that ended the last line, decided at the end only. */
    return at == len ? NULL : "bytes that are in no frame";
}

static size_t put_byte(char *out, uint8_t c)
{
    if (c >= 0x20 && c < 0x7f) {
        *out = (char)c;
        return 1;
    }
    return (size_t)sprintf(out, "\\x%02x", c);
}

char *frames_text(const struct frames_setup *setup, const struct frames *frames)
{
    static const char commands[] = {'s', 'o', 'c', '?'};
    size_t cap = 1;
    size_t at = 0;
    char *text;

    for (size_t i = 0; i < frames->count; i++)
        cap += 128 + 4 * frames->item[i].frame.len;
    text = calloc(1, cap);
    must(text != NULL, "memory");
    for (size_t i = 0; i < frames->count; i++) {
        const struct ak_frame *frame = &frames->item[i].frame;

        if (frame->kind == AK_FRAME_ERROR) {
            at += (size_t)sprintf(text + at, "E%s ", frame->reason);
            continue;
        }
        text[at++] = frame->kind == AK_FRAME_RECORD ? 'R' : frame->kind == AK_FRAME_CUT ? 'C' : 'U';
        if (frame->received != frame->len)
            at += (size_t)sprintf(text + at, "%llu", (unsigned long long)frame->received);
        if (setup->relp)
            at += (size_t)sprintf(text + at, "[%u%c]", frame->txnr, commands[frame->command]);
        text[at++] = '(';
        for (size_t j = 0; j < frame->len; j++)
            at += put_byte(text + at, frame->data[j]);
        text[at++] = ')';
        text[at++] = ' ';
    }
    return text;
}
