/* frame_syslog.c - which framing a connection has, and its records one by one (frame_syslog.h).
 *
 * Happy path: the first frame decides; from then on a step is a number or a memchr.
 *
 * Failure modes: the bytes that no framing explains are an error with its reason. Whatever is
 * guessed, every byte is in a record, in a fragment, in an error, or is framing. */
#include "frame_syslog.h"

#include <assert.h>
#include <string.h>

#define NUMBER_DIGITS_MAX 9u /* of an octet count; ten digits are no number to us */

static const char text_tls[] = "this looks like TLS on a plain listener; use tls://";
static const char text_http[] =
    "this looks like HTTP on a syslog listener: nothing was taken as a record; let the sender use "
    "syslog, or send it elsewhere";
static const char text_relp[] = "this looks like RELP on a syslog listener; use relp://, or "
                                "relp+tls:// with TLS: the sender keeps its records until then";
static const char text_count[] =
    "there is no octet count where one must be (RFC 6587 3.4.1): what follows cannot be divided "
    "into records; set the sender to one framing and look for counts of characters, not bytes";
static const char text_long[] =
    "a record of more than 16 MiB is announced or does not end: what follows cannot be divided "
    "into records; look at the sender's framing";

static struct ak_frame_syslog *of_framer(struct ak_framer *framer)
{
    return (struct ak_frame_syslog *)(void *)framer; /* its first member */
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* --- which framing --- */

enum guess { GUESS_MORE, GUESS_LINES, GUESS_COUNTED, GUESS_RELP };

/* Lines, if the next one begins with a number and a space as the first one did. */
static enum guess guess_next_line(const struct ak_frame_syslog *s, const uint8_t *data, size_t n,
                                  bool last)
{
    uint32_t value;
    size_t digits = ak_frame_number(data, n, &value);

    if (n == 0 && s->settled)
        return GUESS_LINES;
    if (digits == n && digits <= NUMBER_DIGITS_MAX)
        return last ? GUESS_LINES : GUESS_MORE;
    if (digits == 0 || digits > NUMBER_DIGITS_MAX || data[0] == '0')
        return GUESS_COUNTED;
    return data[digits] == ' ' ? GUESS_LINES : GUESS_COUNTED;
}

/* A count and a space stand before `data`, which does not begin with '<'. */
static enum guess guess_unmarked(struct ak_frame_syslog *s, const uint8_t *data, size_t n,
                                 uint32_t count, bool last)
{
    size_t span = n < count - 1 ? n : count - 1;
    const uint8_t *lf;

    if (count > AK_FRAME_RECEIVED_MAX)
        return GUESS_LINES;
    if (span > s->framer.limit)
        span = s->framer.limit;
    lf = span > s->scanned ? memchr(data + s->scanned, '\n', span - s->scanned) : NULL;
    if (lf != NULL) {
        s->scanned = (size_t)(lf - data);
        if (last && n == count)
            return GUESS_COUNTED;
        return guess_next_line(s, lf + 1, n - s->scanned - 1, last);
    }
    s->scanned = span;
    if (count > s->framer.limit && n >= s->framer.limit)
        return GUESS_COUNTED; /* no line of a log is that long */
    if (n < count)
        return last ? GUESS_LINES : GUESS_MORE;
    if (data[count - 1] == '\n')
        return GUESS_COUNTED;
    if (n == count)
        return last || s->settled ? GUESS_COUNTED : GUESS_MORE;
    return is_digit(data[count]) || data[count] == '\n' ? GUESS_COUNTED : GUESS_LINES;
}

static enum guess guess_framing(struct ak_frame_syslog *s, const uint8_t *data, size_t n, bool last)
{
    static const char relp[] = "1 open ";
    const size_t relp_len = sizeof(relp) - 1;
    enum guess undecided = last ? GUESS_LINES : GUESS_MORE;
    uint32_t count;
    size_t digits = ak_frame_number(data, n, &count);

    if (digits == 0 || digits > NUMBER_DIGITS_MAX || data[0] == '0')
        return GUESS_LINES;
    if (digits == n)
        return undecided;
    if (data[digits] != ' ')
        return GUESS_LINES;
    if (n == digits + 1)
        return undecided;
    if (data[digits + 1] == '<')
        return GUESS_COUNTED;
    if (memcmp(data, relp, n < relp_len ? n : relp_len) == 0) {
        if (n >= relp_len)
            return GUESS_RELP;
        if (!last)
            return GUESS_MORE;
    }
    return guess_unmarked(s, data + digits + 1, n - digits - 1, count, last);
}

/* --- lines --- */

/* The request line of HTTP: METHOD SP target SP HTTP/v.v CR (RFC 9112 section 3). */
static bool is_http(const uint8_t *line, size_t len)
{
    static const char version[] = " HTTP/1.1\r";
    const size_t version_len = sizeof(version) - 1;
    const uint8_t *v = line + len - version_len;
    size_t method = 0;

    if (len <= version_len)
        return false;
    while (method < len && line[method] >= 'A' && line[method] <= 'Z')
        method++;
    return method > 0 && line[method] == ' ' && memcmp(v, version, 6) == 0 && is_digit(v[6]) &&
           v[7] == '.' && is_digit(v[8]) && v[9] == '\r';
}

/* Whether the NUL at `at` stands between two records: -1 if more bytes are needed. */
static int nul_divides(const struct ak_frame_syslog *s, const uint8_t *data, size_t at, size_t n,
                       bool last)
{
    if (at + 1 == n)
        return last || s->settled ? 1 : -1;
    if (data[at + 1] != '<')
        return 0;
    if (at + 2 == n)
        return last ? 0 : -1;
    return is_digit(data[at + 2]) ? 1 : 0;
}

/* Decides what ends a line; false if more bytes are needed for it. */
static bool decide_trailer(struct ak_frame_syslog *s, const uint8_t *data, size_t n, bool last)
{
    size_t span = n <= s->framer.limit ? n : s->framer.limit + 1;
    size_t at = s->scanned;

    s->trailer = '\n';
    if (data[0] != '<')
        return true;
    for (; at < span && data[at] != '\n'; at++) {
        int divides = data[at] == 0 ? nul_divides(s, data, at, n, last) : 0;

        if (divides == 0)
            continue;
        s->scanned = at;
        s->trailer = divides > 0 ? 0 : -1;
        return divides > 0;
    }
    s->scanned = at;
    if (at < span || n > s->framer.limit || last)
        return true;
    s->trailer = -1;
    return false;
}

static void step_line_end(struct ak_frame_syslog *s, const uint8_t *data, size_t len,
                          struct ak_step *step)
{
    if (!s->begun && len <= s->framer.limit && is_http(data, len)) {
        ak_step_fail(step, "http", text_http);
        return;
    }
    if (len > AK_FRAME_RECEIVED_MAX) {
        ak_step_fail(step, "too-long", text_long);
        return;
    }
    s->begun = true;
    s->scanned = 0;
    ak_step_frame(step, data, len, s->framer.limit, len + 1);
}

static void step_line(struct ak_frame_syslog *s, const uint8_t *data, size_t n, bool last,
                      struct ak_step *step)
{
    const size_t limit = s->framer.limit;
    const uint8_t *end;

    if (s->trailer < 0 && !decide_trailer(s, data, n, last)) {
        ak_step_more(step, data, n, limit + AK_FRAME_HEADER_MAX, -1);
        return;
    }
    end = n > s->scanned ? memchr(data + s->scanned, s->trailer, n - s->scanned) : NULL;
    if (end != NULL) {
        step_line_end(s, data, (size_t)(end - data), step);
        return;
    }
    if (n <= limit) {
        s->scanned = n;
        ak_step_more(step, data, n, limit + 1, s->trailer);
        return;
    }
    s->begun = true;
    s->scanned = 0;
    ak_step_fail(step, "too-long", text_long); /* what it is if it does not end */
    step->kind = AK_STEP_LONG;
    step->header = 0;
    step->total = AK_FRAME_TOTAL_UNKNOWN;
    step->until = s->trailer;
}

/* --- octet counting --- */

/* `header` bytes stand before the payload, which is incomplete. */
static void step_counted_part(struct ak_frame_syslog *s, const uint8_t *data, size_t n,
                              size_t header, uint32_t count, struct ak_step *step)
{
    const size_t limit = s->framer.limit;
    size_t have = n - header;

    if (count > limit && have >= limit) {
        s->begun = true;
        step->kind = AK_STEP_LONG;
        step->header = header;
        step->total = count;
        step->until = -1;
        return;
    }
    ak_step_more(step, data, n, header + (count < limit ? count : limit), -1);
    if (have > 0) {
        step->frame.data = data + header;
        step->frame.len = have;
        step->frame.received = have;
    }
}

static void step_counted(struct ak_frame_syslog *s, const uint8_t *data, size_t n,
                         struct ak_step *step)
{
    size_t lf = s->begun && data[0] == '\n' ? 1 : 0;
    uint32_t count;
    size_t digits = ak_frame_number(data + lf, n - lf, &count);
    size_t header = lf + digits + 1;

    if (digits <= NUMBER_DIGITS_MAX && lf + digits == n) {
        ak_step_more(step, data, n, n + 1, -1);
        if (digits == 0)
            step->frame.kind = AK_FRAME_NONE; /* a stray LF at the end is nothing */
        return;
    }
    if (digits == 0 || digits > NUMBER_DIGITS_MAX || data[lf + digits] != ' ' ||
        (data[lf] == '0' && digits > 1)) {
        ak_step_fail(step, "octet-count", text_count);
        return;
    }
    if (count > AK_FRAME_RECEIVED_MAX) {
        ak_step_fail(step, "too-long", text_long);
        return;
    }
    if (n - header < count) {
        step_counted_part(s, data, n, header, count, step);
        return;
    }
    s->begun = true;
    ak_step_frame(step, data + header, count, s->framer.limit, header + count);
}

/* --- a step --- */

/* Fills `step` and gives false, or decides. */
static bool decide_framing(struct ak_frame_syslog *s, const uint8_t *data, size_t n, bool last,
                           struct ak_step *step)
{
    switch (guess_framing(s, data, n, last)) {
    case GUESS_MORE:
        ak_step_more(step, data, n, s->framer.limit + AK_FRAME_HEADER_MAX, -1);
        return false;
    case GUESS_RELP:
        ak_step_fail(step, "relp", text_relp);
        return false;
    case GUESS_LINES:
        s->framing = AK_FRAMING_LINES;
        break;
    case GUESS_COUNTED:
        s->framing = AK_FRAMING_COUNTED;
        break;
    }
    s->scanned = 0;
    return true;
}

static void on_step(struct ak_framer *framer, const uint8_t *data, size_t n, bool last,
                    struct ak_step *step)
{
    struct ak_frame_syslog *s = of_framer(framer);

    /* RFC 8446 5.1: handshake record, legacy version 3.x. */
    if (!s->begun && s->framing != AK_FRAMING_COUNTED && data[0] == 0x16) {
        if (n == 1 && !last) {
            ak_step_more(step, data, n, 2, -1);
            return;
        }
        if (n > 1 && data[1] == 0x03) {
            ak_step_fail(step, "tls", text_tls);
            return;
        }
    }
    if (s->framing == AK_FRAMING_AUTO && !decide_framing(s, data, n, last, step))
        return;
    if (s->framing == AK_FRAMING_COUNTED)
        step_counted(s, data, n, step);
    else
        step_line(s, data, n, last, step);
}

void ak_frame_syslog_init(struct ak_frame_syslog *s, enum ak_framing framing, size_t limit,
                          struct ak_frame_budget *budget)
{
    ak_framer_init(&s->framer, on_step, limit, budget);
    s->framing = framing;
    s->trailer = -1;
    s->begun = false;
    s->settled = false;
    s->scanned = 0;
}

void ak_frame_syslog_limit(struct ak_frame_syslog *s, size_t limit)
{
    ak_framer_limit(&s->framer, limit);
}

void ak_frame_syslog_free(struct ak_frame_syslog *s)
{
    ak_framer_free(&s->framer);
}

void ak_frame_syslog_next(struct ak_frame_syslog *s, const uint8_t *in, size_t len, size_t *used,
                          struct ak_frame *out)
{
    ak_framer_next(&s->framer, in, len, used, out);
}

void ak_frame_syslog_end(struct ak_frame_syslog *s, struct ak_frame *out)
{
    ak_framer_end(&s->framer, out);
}

void ak_frame_syslog_settle(struct ak_frame_syslog *s)
{
    s->settled = !s->begun && ak_framer_in_frame(&s->framer);
}

bool ak_frame_syslog_in_frame(const struct ak_frame_syslog *s)
{
    return ak_framer_in_frame(&s->framer);
}
