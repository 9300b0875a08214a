/* frame_relp.c - the header of a RELP frame, its data and its trailer (frame_relp.h).
 *
 * Happy path: one look at the header says how long the frame is; nothing is looked at again before
 * it is there. Failure modes: any byte that cannot be in its place loses the framing. */
#include "frame_relp.h"

#include <string.h>

#define COMMAND_LETTERS_MAX 32u
#define NUMBER_DIGITS_MAX   9u

static const char text_tls[] = "this looks like TLS on a plain listener; use relp+tls://";
static const char text_http[] =
    "this looks like HTTP on a RELP listener: nothing was taken as a record; let the sender use "
    "RELP, or send it elsewhere";
static const char text_syslog[] =
    "this looks like syslog on a RELP listener: nothing was taken as a record; use tcp:// (tls:// "
    "with TLS) here, or omrelp in the sender";
static const char text_header[] =
    "this is not the header of a RELP frame: what follows cannot be divided into records; the "
    "sender sends what was not acknowledged again";
static const char text_trailer[] =
    "there is no LF behind the data of a RELP frame, so its length is wrong: what follows cannot "
    "be divided into records; the sender sends what was not acknowledged again";
static const char text_long[] =
    "a RELP frame of more than 16 MiB is announced: it is not taken, and the sender will send it "
    "again and again; set a maximum message size there";

struct header {
    uint32_t txnr;
    uint32_t len; /* DATALEN */
    enum ak_frame_command command;
    size_t bytes; /* up to the data, or up to LF if there is none */
};

enum scan { SCAN_MORE, SCAN_DONE, SCAN_BAD };

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static enum ak_frame_command command_of(const uint8_t *name, size_t len)
{
    static const struct {
        const char *name;
        enum ak_frame_command command;
    } known[] = {{"syslog", AK_FRAME_SYSLOG}, {"open", AK_FRAME_OPEN}, {"close", AK_FRAME_CLOSE}};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strlen(known[i].name) == len && memcmp(known[i].name, name, len) == 0)
            return known[i].command;
    }
    return AK_FRAME_FOREIGN;
}

/* A number from `*at` on and the byte behind it, which stays. */
static enum scan scan_number(const uint8_t *data, size_t n, size_t *at, uint32_t *value)
{
    size_t digits = ak_frame_number(data + *at, n - *at, value);

    if (digits > NUMBER_DIGITS_MAX)
        return SCAN_BAD;
    *at += digits;
    if (*at == n)
        return SCAN_MORE;
    return digits > 0 ? SCAN_DONE : SCAN_BAD;
}

static enum scan scan_command(const uint8_t *data, size_t n, size_t *at, struct header *header)
{
    size_t first = *at;

    while (*at < n && is_letter(data[*at])) {
        if (*at - first == COMMAND_LETTERS_MAX)
            return SCAN_BAD;
        (*at)++;
    }
    if (*at == n)
        return SCAN_MORE;
    if (*at == first || data[*at] != ' ')
        return SCAN_BAD;
    header->command = command_of(data + first, *at - first);
    return SCAN_DONE;
}

/* `*at` is where the bytes end, or the byte that is wrong. */
static enum scan scan_header(const uint8_t *data, size_t n, size_t *at, struct header *header)
{
    enum scan scan;

    *at = 0;
    scan = scan_number(data, n, at, &header->txnr);
    if (scan != SCAN_DONE)
        return scan;
    if (data[*at] != ' ')
        return SCAN_BAD;
    (*at)++;
    scan = scan_command(data, n, at, header);
    if (scan != SCAN_DONE)
        return scan;
    (*at)++;
    scan = scan_number(data, n, at, &header->len);
    if (scan != SCAN_DONE)
        return scan;
    if (data[*at] != (header->len > 0 ? ' ' : '\n'))
        return SCAN_BAD;
    header->bytes = header->len > 0 ? *at + 1 : *at;
    return SCAN_DONE;
}

/* What stands where a header must be; `bad` is the byte that fits no header. */
static void step_no_header(const struct ak_frame_relp *r, const uint8_t *data, size_t bad,
                           struct ak_step *step)
{
    if (r->begun)
        ak_step_fail(step, "relp-header", text_header);
    else if (data[0] == 0x16) /* RFC 8446 5.1 */
        ak_step_fail(step, "tls", text_tls);
    else if (data[bad] == '<') /* at once, or behind an octet count */
        ak_step_fail(step, "syslog", text_syslog);
    else if (bad == 0 && data[0] >= 'A' && data[0] <= 'Z')
        ak_step_fail(step, "http", text_http);
    else
        ak_step_fail(step, "relp-header", text_header);
}

/* The header is there, the frame is not. */
static void step_part(struct ak_frame_relp *r, const uint8_t *data, size_t n,
                      const struct header *header, struct ak_step *step)
{
    const size_t limit = r->framer.limit;
    size_t have = n - header->bytes;

    if (header->len > limit && have >= limit) {
        r->begun = true;
        ak_step_fail(step, "relp-trailer", text_trailer); /* what it is if no LF follows */
        step->kind = AK_STEP_LONG;
        step->header = header->bytes;
        step->total = header->len;
        step->until = '\n';
        return;
    }
    ak_step_more(step, data, n,
                 header->bytes + (header->len > limit ? limit : (size_t)header->len + 1), -1);
    if (have > 0) {
        step->frame.data = data + header->bytes;
        step->frame.len = have < header->len ? have : header->len;
        step->frame.received = step->frame.len;
    }
}

static void on_step(struct ak_framer *framer, const uint8_t *data, size_t n, bool last,
                    struct ak_step *step)
{
    struct ak_frame_relp *r = (struct ak_frame_relp *)(void *)framer; /* its first member */
    struct header header = {.command = AK_FRAME_FOREIGN};
    size_t at;
    enum scan scan = scan_header(data, n, &at, &header);

    (void)last; /* there is nothing to guess in RELP */
    step->frame.command = header.command;
    step->frame.txnr = header.txnr;
    if (scan == SCAN_MORE) {
        ak_step_more(step, data, n, n + 1, -1);
        return;
    }
    if (scan == SCAN_BAD) {
        step_no_header(r, data, at, step);
        return;
    }
    if (header.len > AK_FRAME_RECEIVED_MAX) {
        ak_step_fail(step, "too-long", text_long);
        return;
    }
    if (n - header.bytes <= header.len) {
        step_part(r, data, n, &header, step);
        return;
    }
    if (data[header.bytes + header.len] != '\n') {
        ak_step_fail(step, "relp-trailer", text_trailer);
        return;
    }
    r->begun = true;
    ak_step_frame(step, data + header.bytes, header.len, r->framer.limit,
                  header.bytes + header.len + 1);
}

void ak_frame_relp_init(struct ak_frame_relp *r, size_t limit, struct ak_frame_budget *budget)
{
    ak_framer_init(&r->framer, on_step, limit, budget);
    r->begun = false;
}

void ak_frame_relp_limit(struct ak_frame_relp *r, size_t limit)
{
    ak_framer_limit(&r->framer, limit);
}

void ak_frame_relp_free(struct ak_frame_relp *r)
{
    ak_framer_free(&r->framer);
}

void ak_frame_relp_next(struct ak_frame_relp *r, const uint8_t *in, size_t len, size_t *used,
                        struct ak_frame *out)
{
    ak_framer_next(&r->framer, in, len, used, out);
}

void ak_frame_relp_end(struct ak_frame_relp *r, struct ak_frame *out)
{
    ak_framer_end(&r->framer, out);
}

bool ak_frame_relp_in_frame(const struct ak_frame_relp *r)
{
    return ak_framer_in_frame(&r->framer);
}
