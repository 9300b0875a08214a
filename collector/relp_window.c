/* relp_window.c - order of a RELP session, and its answers (relp_window.h).
 *
 * Happy path: take, durable, output. Answers are not stored: numbers say which are due, and they
 * are written when the caller has a buffer for them. */
#include "relp_window.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char text_txnr[] =
    "a RELP transaction has not the number that must come next: one is missing, or came twice; the "
    "connection was closed, and the sender sends again what was not acknowledged";
static const char text_state[] =
    "a RELP command came where it makes no sense (a record before open, a second open, or anything "
    "behind close); the connection was closed; look at the sender's RELP library";
static const char text_command[] =
    "a RELP command came that was not offered (we offer syslog); the connection was closed, its "
    "data was not taken as a record; let the sender use syslog";
static const char text_version[] =
    "a RELP session was opened without a usable relp_version; it was refused before any record; "
    "look at the sender's RELP library";

static uint32_t txnr_after(uint32_t txnr)
{
    return txnr == AK_RELP_TXNR_MAX ? 1 : txnr + 1;
}

void ak_relp_window_init(struct ak_relp_window *w)
{
    memset(w, 0, sizeof(*w));
    w->state = AK_RELP_FRESH;
    w->next = 1;
}

static enum ak_relp_verdict window_fail(struct ak_relp_window *w, struct ak_frame *frame,
                                        const char *reason, const char *text)
{
    w->state = AK_RELP_FAILED;
    frame->reason = reason;
    frame->text = text;
    return AK_RELP_ERROR;
}

/* The value of an offer up to its first comma, as a number; false if it is none. */
static bool offer_number(const uint8_t *value, size_t len, uint32_t *out)
{
    size_t digits = ak_frame_number(value, len, out);

    return digits >= 1 && digits <= 9 && (digits == len || value[digits] == ',');
}

/* Looks for relp_version among the offers: lines NAME=VALUE, the first of which may be empty (some
 * clients begin each offer with LF, as the ABNF has it). Others are not looked at. */
static bool offers_version(const uint8_t *data, size_t len, uint32_t *version)
{
    static const char name[] = "relp_version=";
    const size_t name_len = sizeof(name) - 1;
    size_t at = 0;

    while (at < len) {
        const uint8_t *lf = memchr(data + at, '\n', len - at);
        size_t line = (lf != NULL ? (size_t)(lf - data) : len) - at;

        if (line >= name_len && memcmp(data + at, name, name_len) == 0)
            return offer_number(data + at + name_len, line - name_len, version);
        at += line + 1;
    }
    return false;
}

static enum ak_relp_verdict take_open(struct ak_relp_window *w, struct ak_frame *frame)
{
    uint32_t version = 0;

    if (w->state != AK_RELP_FRESH)
        return window_fail(w, frame, "relp-state", text_state);
    w->open_txnr = frame->txnr;
    if (frame->received > AK_RELP_OFFERS_MAX || frame->received > frame->len ||
        !offers_version(frame->data, frame->len, &version)) {
        w->refuse_open = true;
        return window_fail(w, frame, "relp-version", text_version);
    }
    w->version = version < AK_RELP_VERSION ? version : AK_RELP_VERSION;
    w->state = AK_RELP_OPEN;
    return AK_RELP_NOTHING;
}

static enum ak_relp_verdict take_command(struct ak_relp_window *w, struct ak_frame *frame)
{
    if (frame->command == AK_FRAME_OPEN)
        return take_open(w, frame);
    if (frame->command == AK_FRAME_FOREIGN)
        return window_fail(w, frame, "relp-command", text_command);
    if (w->state != AK_RELP_OPEN)
        return window_fail(w, frame, "relp-state", text_state);
    if (frame->command == AK_FRAME_CLOSE) {
        w->state = AK_RELP_CLOSING;
        w->close_txnr = frame->txnr;
        return AK_RELP_NOTHING;
    }
    assert(!ak_relp_window_full(w));
    if (w->waiting + w->durable == 0)
        w->oldest = frame->txnr;
    w->waiting++;
    return AK_RELP_RECORD;
}

enum ak_relp_verdict ak_relp_window_take(struct ak_relp_window *w, struct ak_frame *frame)
{
    assert(frame->kind == AK_FRAME_RECORD || frame->kind == AK_FRAME_CUT);
    if (w->state != AK_RELP_FRESH && w->state != AK_RELP_OPEN)
        return window_fail(w, frame, "relp-state", text_state);
    if (frame->txnr == 0 && frame->command == AK_FRAME_FOREIGN)
        return AK_RELP_NOTHING; /* a hint, which nobody answers */
    if (frame->txnr != w->next)
        return window_fail(w, frame, "relp-txnr", text_txnr);
    w->next = txnr_after(w->next);
    return take_command(w, frame);
}

bool ak_relp_window_full(const struct ak_relp_window *w)
{
    return w->waiting + w->durable >= AK_RELP_WINDOW_MAX;
}

void ak_relp_window_durable(struct ak_relp_window *w, uint32_t count)
{
    assert(count <= w->waiting);
    w->waiting -= count;
    w->durable += count;
}

uint32_t ak_relp_window_waiting(const struct ak_relp_window *w)
{
    return w->waiting;
}

/* True if `close` has nothing in front of it any more. */
static bool close_due(const struct ak_relp_window *w)
{
    return w->state == AK_RELP_CLOSING && w->waiting == 0;
}

void ak_relp_window_shut(struct ak_relp_window *w)
{
    if (w->state == AK_RELP_CLOSED || w->state == AK_RELP_FAILED)
        return;
    if (close_due(w))
        return; /* the answer to close has the hint behind it as well */
    w->state = AK_RELP_CLOSED;
    w->hint_due = true;
}

/* The answer to open. Returns its bytes, as all write_... do. */
static size_t write_open(struct ak_relp_window *w, char *out, size_t cap)
{
    char data[AK_RELP_ANSWER_MAX];
    int len;
    int n;

    if (w->refuse_open)
        len = snprintf(data, sizeof(data), "500 relp_version is missing or not a number");
    else
        len =
            snprintf(data, sizeof(data),
                     "200 OK\nrelp_version=%u\nrelp_software=akashi\ncommands=syslog", w->version);
    n = snprintf(out, cap, "%u rsp %d %s\n", w->open_txnr, len, data);
    assert(n > 0 && (size_t)n < cap);
    w->open_txnr = 0;
    return (size_t)n;
}

/* "TXNR rsp 6 200 OK\n", by hand: there may be thousands of them per read. */
static size_t write_ack(struct ak_relp_window *w, char *out)
{
    static const char rest[] = " rsp 6 200 OK\n";
    char digits[10];
    size_t n = 0;
    size_t at = 0;

    for (uint32_t txnr = w->oldest; txnr > 0; txnr /= 10)
        digits[n++] = (char)('0' + txnr % 10);
    while (n > 0)
        out[at++] = digits[--n];
    memcpy(out + at, rest, sizeof(rest) - 1);
    w->oldest = txnr_after(w->oldest);
    w->durable--;
    return at + sizeof(rest) - 1;
}

static size_t write_close(struct ak_relp_window *w, char *out, size_t cap)
{
    int n = snprintf(out, cap, "%u rsp 0\n", w->close_txnr);

    assert(n > 0 && (size_t)n < cap);
    w->close_txnr = 0;
    w->hint_due = true;
    w->state = AK_RELP_CLOSED;
    return (size_t)n;
}

static size_t write_hint(struct ak_relp_window *w, char *out)
{
    static const char hint[] = "0 serverclose 0\n";

    w->hint_due = false;
    memcpy(out, hint, sizeof(hint) - 1);
    return sizeof(hint) - 1;
}

/* One answer into AK_RELP_ANSWER_MAX bytes; 0 if none is due. */
static size_t write_one(struct ak_relp_window *w, char *out)
{
    if (w->open_txnr != 0)
        return write_open(w, out, AK_RELP_ANSWER_MAX);
    if (w->durable > 0)
        return write_ack(w, out);
    if (close_due(w))
        return write_close(w, out, AK_RELP_ANSWER_MAX);
    if (w->hint_due)
        return write_hint(w, out);
    return 0;
}

size_t ak_relp_window_output(struct ak_relp_window *w, uint8_t *out, size_t cap)
{
    size_t used = 0;

    assert(cap >= AK_RELP_ANSWER_MAX);
    while (cap - used >= AK_RELP_ANSWER_MAX) {
        size_t n = write_one(w, (char *)out + used);

        if (n == 0)
            break;
        used += n;
    }
    return used;
}

bool ak_relp_window_finished(const struct ak_relp_window *w)
{
    bool due = w->open_txnr != 0 || w->durable > 0 || w->hint_due;

    return (w->state == AK_RELP_CLOSED || w->state == AK_RELP_FAILED) && !due;
}
