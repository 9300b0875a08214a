/* witness_http.c - the strict check of a head, and llhttp behind it.
 *
 * Happy path: bytes are kept until the empty line; every line is checked here; then llhttp reads
 * the request line and how long the body is, and takes the body apart. Header lines that matter are
 * read by the check itself, so that there is one reading of each.
 *
 * llhttp 8.1 takes a bare CR as the end of a line and lines that begin with a space as part of the
 * line before (CVE-2023-30589): none of that reaches it. */
#include "witness_http.h"

#include "witness_request.h"

#include <llhttp/llhttp.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Bytes on the wire of a body in chunks: each chunk adds its size, and may add extensions. */
#define RAW_BYTES_MAX (2u * AK_WITNESS_BODY_BYTES_MAX)

#define METHOD_BYTES_MAX 32u

struct ak_witness_parser {
    llhttp_t llhttp;
    llhttp_settings_t settings;
    struct ak_witness_http request;
    char head[AK_WITNESS_HEAD_BYTES_MAX];
    size_t head_len;
    bool head_done;
    bool complete;
    uint8_t *body;
    size_t body_len;
    size_t body_cap;
    size_t raw; /* bytes behind the head */
};

/* What the check has found out about the header lines. */
struct head {
    unsigned lines;
    unsigned hosts;
    unsigned lengths;
    unsigned encodings;
};

static int refuse(struct ak_witness_parser *p, unsigned status, const char *why)
{
    if (p->request.status == 0) {
        p->request.status = status;
        p->request.why = why;
    }
    return -1;
}

static int on_url(llhttp_t *llhttp, const char *at, size_t len)
{
    struct ak_witness_parser *p = llhttp->data;

    if (p->request.path == NULL)
        p->request.path = at;
    p->request.path_len = (size_t)(at + len - p->request.path);
    return 0;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    struct ak_witness_parser *p = llhttp->data;

    if (llhttp->http_major != 1 || llhttp->http_minor > 1)
        return refuse(p, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    if (p->request.path_len == 0 || p->request.path[0] != '/')
        return refuse(p, 400, "the target is not a path");
    p->request.keep_alive = llhttp_should_keep_alive(llhttp) != 0;
    switch (llhttp->method) {
    case HTTP_GET:
        p->request.method = AK_WITNESS_GET;
        break;
    case HTTP_HEAD:
        p->request.method = AK_WITNESS_HEAD;
        break;
    case HTTP_POST:
        p->request.method = AK_WITNESS_POST;
        break;
    default:
        p->request.method = AK_WITNESS_OTHER;
    }
    if (llhttp->content_length > AK_WITNESS_BODY_BYTES_MAX)
        return refuse(p, 413, "the body is longer than any request is");
    return 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t len)
{
    struct ak_witness_parser *p = llhttp->data;

    if (len > AK_WITNESS_BODY_BYTES_MAX - p->body_len)
        return refuse(p, 413, "the body is longer than any request is");
    if (p->body_len + len > p->body_cap) {
        size_t cap = p->body_len + len;
        uint8_t *more;

        cap = cap < 2 * p->body_cap ? 2 * p->body_cap : cap;
        cap = cap > AK_WITNESS_BODY_BYTES_MAX ? AK_WITNESS_BODY_BYTES_MAX : cap;
        more = realloc(p->body, cap);
        if (more == NULL)
            return refuse(p, 503, "no memory for the body");
        p->body = more;
        p->body_cap = cap;
    }
    memcpy(p->body + p->body_len, at, len);
    p->body_len += len;
    return 0;
}

static int on_message_complete(llhttp_t *llhttp)
{
    struct ak_witness_parser *p = llhttp->data;

    p->complete = true;
    return HPE_PAUSED;
}

enum ak_code ak_witness_parser_new(struct ak_witness_parser **out, struct ak_error *err)
{
    struct ak_witness_parser *p = calloc(1, sizeof(*p));

    *out = p;
    if (p == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a connection");
    llhttp_settings_init(&p->settings);
    p->settings.on_url = on_url;
    p->settings.on_headers_complete = on_headers_complete;
    p->settings.on_body = on_body;
    p->settings.on_message_complete = on_message_complete;
    ak_witness_parser_reset(p);
    return AK_OK;
}

void ak_witness_parser_free(struct ak_witness_parser *parser)
{
    if (parser == NULL)
        return;
    free(parser->body);
    free(parser);
}

void ak_witness_parser_reset(struct ak_witness_parser *p)
{
    memset(&p->request, 0, sizeof(p->request));
    llhttp_init(&p->llhttp, HTTP_REQUEST, &p->settings);
    p->llhttp.data = p;
    p->head_len = p->body_len = p->raw = 0;
    p->head_done = p->complete = false;
    free(p->body); /* an idle connection keeps none */
    p->body = NULL;
    p->body_cap = 0;
}

/* ---- the strict check */

/* RFC 9110 5.6.2. */
static bool is_token(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_named(const char *line, size_t name_len, const char *name)
{
    return strlen(name) == name_len && strncasecmp(line, name, name_len) == 0;
}

/* Value without the white space around it. */
static bool value_is(const char *value, size_t len, const char *want)
{
    while (len > 0 && (*value == ' ' || *value == '\t')) {
        value++;
        len--;
    }
    while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        len--;
    return strlen(want) == len && strncasecmp(value, want, len) == 0;
}

static int check_value(struct ak_witness_parser *p, const char *line, size_t name_len, size_t len,
                       struct head *head)
{
    const char *value = line + name_len + 1;
    size_t value_len = len - name_len - 1;

    for (size_t i = 0; i < value_len; i++) {
        unsigned char c = (unsigned char)value[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return refuse(p, 400, "a header line has a control character");
    }
    head->hosts += is_named(line, name_len, "host");
    head->lengths += is_named(line, name_len, "content-length");
    if (is_named(line, name_len, "transfer-encoding")) {
        head->encodings++;
        if (!value_is(value, value_len, "chunked"))
            return refuse(p, 400, "Transfer-Encoding is not chunked");
    }
    if (is_named(line, name_len, "expect")) {
        if (!value_is(value, value_len, "100-continue"))
            return refuse(p, 417, "Expect is not 100-continue");
        p->request.expects_continue = true;
    }
    return 0;
}

/* One header line, without its line end. */
static int check_line(struct ak_witness_parser *p, const char *line, size_t len, struct head *head)
{
    size_t name_len = 0;

    if (++head->lines > AK_WITNESS_HEADERS_MAX)
        return refuse(p, 431, "there are too many header lines");
    while (name_len < len && is_token(line[name_len]))
        name_len++;
    if (name_len == 0 || name_len == len || line[name_len] != ':')
        return refuse(p, 400, "a header line is not NAME: VALUE");
    return check_value(p, line, name_len, len, head);
}

static int check_request_line(struct ak_witness_parser *p, const char *line, size_t len)
{
    size_t n = 0;

    while (n < len && n < METHOD_BYTES_MAX && is_token(line[n]))
        n++;
    if (n == 0 || n == len || line[n] != ' ')
        return refuse(p, 400, "this is not an HTTP request");
    for (size_t i = n; i < len; i++) {
        unsigned char c = (unsigned char)line[i];
        if (c < 0x20 || c >= 0x7f)
            return refuse(p, 400, "the request line has a character that cannot be there");
    }
    return 0;
}

/* All lines of the head: each ends in CR LF, and there is no other CR or LF. */
static int check_head(struct ak_witness_parser *p)
{
    struct head head = {0};
    const char *at = p->head;
    const char *end = p->head + p->head_len - 2; /* the empty line */
    int rc = 0;

    for (bool first = true; at < end && rc == 0; first = false) {
        const char *lf = memchr(at, '\n', (size_t)(p->head + p->head_len - at));
        size_t len = (size_t)(lf - at);

        if (len == 0 || at[len - 1] != '\r' || memchr(at, '\r', len - 1) != NULL ||
            memchr(at, '\0', len) != NULL)
            return refuse(p, 400, "a line of the head does not end in CR LF, or has a NUL or CR");
        len--;
        rc = first ? check_request_line(p, at, len) : check_line(p, at, len, &head);
        at = lf + 1;
    }
    if (rc != 0)
        return rc;
    if (head.hosts != 1)
        return refuse(p, 400, "there is not exactly one Host line");
    if (head.lengths > 1 || head.encodings > 1 || (head.lengths > 0 && head.encodings > 0))
        return refuse(p, 400, "the length of the body is stated twice");
    return 0;
}

/* ---- feeding */

static enum ak_witness_step step_of(struct ak_witness_parser *p, llhttp_errno_t rc)
{
    if (p->request.status != 0)
        return AK_WITNESS_REFUSED;
    if (p->complete) {
        p->request.body = p->body;
        p->request.body_len = p->body_len;
        return AK_WITNESS_COMPLETE;
    }
    if (rc == HPE_OK)
        return AK_WITNESS_MORE;
    (void)refuse(p, 400, "this is not an HTTP request that can be read");
    return AK_WITNESS_REFUSED;
}

static enum ak_witness_step feed_head(struct ak_witness_parser *p)
{
    if (check_head(p) != 0)
        return AK_WITNESS_REFUSED;
    p->head_done = true;
    return step_of(p, llhttp_execute(&p->llhttp, p->head, p->head_len));
}

static enum ak_witness_step feed_body(struct ak_witness_parser *p, const uint8_t *data, size_t n,
                                      size_t *used)
{
    llhttp_errno_t rc;

    *used = n;
    if (n == 0)
        return AK_WITNESS_MORE;
    if (n > RAW_BYTES_MAX - p->raw) {
        (void)refuse(p, 413, "the body is longer than any request is");
        return AK_WITNESS_REFUSED;
    }
    p->raw += n;
    rc = llhttp_execute(&p->llhttp, (const char *)data, n);
    if (p->complete) {
        const char *stopped = llhttp_get_error_pos(&p->llhttp);
        if (stopped != NULL)
            *used = (size_t)(stopped - (const char *)data);
    }
    return step_of(p, rc);
}

enum ak_witness_step ak_witness_parser_feed(struct ak_witness_parser *p, const uint8_t *data,
                                            size_t n, size_t *used)
{
    size_t at = 0;
    size_t more;
    enum ak_witness_step step;

    while (!p->head_done && at < n) {
        if (p->head_len == sizeof(p->head)) {
            (void)refuse(p, 431, "the head is too long");
            *used = at;
            return AK_WITNESS_REFUSED;
        }
        p->head[p->head_len++] = (char)data[at++];
        if (p->head_len < 4 || memcmp(p->head + p->head_len - 4, "\r\n\r\n", 4) != 0)
            continue;
        step = feed_head(p);
        if (step != AK_WITNESS_MORE) {
            *used = at;
            return step;
        }
    }
    if (!p->head_done) {
        *used = n;
        return AK_WITNESS_MORE;
    }
    step = feed_body(p, data + at, n - at, &more);
    *used = at + more;
    return step;
}

const struct ak_witness_http *ak_witness_parser_request(const struct ak_witness_parser *parser)
{
    return &parser->request;
}

bool ak_witness_parser_begun(const struct ak_witness_parser *parser)
{
    return parser->head_len > 0;
}
