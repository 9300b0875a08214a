/* witness_http.h - one HTTP/1.1 request out of hostile bytes.
 *
 * A push parser that knows no socket: bytes go in, one request comes out, or the status with which
 * it is refused. The head is buffered whole and checked strictly (RFC 9112, without what it allows
 * for old senders' sake) before llhttp reads it: what two readers could understand differently is
 * refused. Memory is the head's buffer and a body of at most AK_WITNESS_BODY_BYTES_MAX. */
#ifndef AK_WITNESS_HTTP_H
#define AK_WITNESS_HTTP_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A head: clients send some hundred bytes, proxies add a few KiB. */
#define AK_WITNESS_HEAD_BYTES_MAX 16384u

/* Header lines; more are sent by nobody. */
#define AK_WITNESS_HEADERS_MAX 100u

enum ak_witness_method { AK_WITNESS_GET, AK_WITNESS_HEAD, AK_WITNESS_POST, AK_WITNESS_OTHER };

enum ak_witness_step {
    AK_WITNESS_MORE,     /* wants more bytes */
    AK_WITNESS_COMPLETE, /* a request is there */
    AK_WITNESS_REFUSED   /* answer ak_witness_http.status and close */
};

struct ak_witness_parser; /* one connection's */

struct ak_witness_http {
    enum ak_witness_method method;
    const char *path; /* as sent, begins with '/'; borrowed from the parser until its reset */
    size_t path_len;
    const uint8_t *body; /* borrowed likewise */
    size_t body_len;
    bool keep_alive;
    bool expects_continue; /* from the head's end on: the client waits for "100 Continue" */
    unsigned status;       /* of a refusal: 400, 413, 417, 431 or 505 */
    const char *why;       /* fixed text */
};

/* AK_ENOMEM. Free with ak_witness_parser_free, which takes NULL. */
enum ak_code ak_witness_parser_new(struct ak_witness_parser **out, struct ak_error *err);
void ak_witness_parser_free(struct ak_witness_parser *parser);

/* Ready for the next request of the connection. */
void ak_witness_parser_reset(struct ak_witness_parser *parser);

/* Takes bytes; `*used` becomes how many belong to this request (all, unless it is complete). After
 * COMPLETE or REFUSED nothing more may be fed before a reset. */
enum ak_witness_step ak_witness_parser_feed(struct ak_witness_parser *parser, const uint8_t *data,
                                            size_t n, size_t *used);

/* What was read so far; valid until the reset. */
const struct ak_witness_http *ak_witness_parser_request(const struct ak_witness_parser *parser);

/* Whether any byte of a request has come. */
bool ak_witness_parser_begun(const struct ak_witness_parser *parser);

#endif
