/* http.h - questions to other machines over HTTP(S), on the loop: libcurl's multi_socket driven by
 * libuv.
 *
 * What is asked for is asked exactly: http and https only, no redirect, no proxy, nothing from the
 * environment, an answer of bounded size within a bounded time. All of it belongs to the loop's
 * thread and never blocks it; names are looked up in a thread of libcurl's. */
#ifndef AK_HTTP_H
#define AK_HTTP_H

#include <akashi/error.h>

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define AK_HTTP_URL_BYTES_MAX 2048u /* what every server takes; longer is a mistake */

struct ak_http;
struct ak_http_call;

/* Borrowed for the call of ak_http_start alone. */
struct ak_http_request {
    const char *url;
    const char *content_type; /* of the body; NULL with a body: none is stated */
    const void *body;         /* NULL: GET, else POST */
    size_t len;               /* of the body */
    const char *ca_file;      /* PEM: the only authorities trusted; NULL: the system's */
    uint64_t timeout_ms;      /* for the whole exchange; not 0 */
    size_t answer_max;        /* a longer answer is an error */
};

/* Borrowed for the callback. */
struct ak_http_answer {
    const char *error; /* NULL: there is an answer. Else why not, for a person; the rest is empty.
                          May hold bytes of the other side: escape before showing */
    int status;        /* as the server says, also 3xx to 5xx */
    const char *content_type; /* "" if the server states none; parameters are cut off, lower case */
    const void *body;         /* `len` bytes, at most answer_max */
    size_t len;
};

/* May start and cancel other calls, and close. */
typedef void (*ak_http_fn)(void *ctx, const struct ak_http_answer *answer);

/* Ready for calls on `loop`. AK_ENOMEM, AK_EIO. */
enum ak_code ak_http_new(uv_loop_t *loop, struct ak_http **out, struct ak_error *err);

/* Asks. `on_answer` is called exactly once, never from inside this call, unless the call is
 * cancelled. `*call` (or NULL) is for ak_http_cancel and valid until then. AK_EUSAGE for a URL that
 * ak_http_url_check refuses; AK_ENOMEM. */
enum ak_code ak_http_start(struct ak_http *http, const struct ak_http_request *request,
                           ak_http_fn on_answer, void *ctx, struct ak_http_call **call,
                           struct ak_error *err);

/* Ends a call without its answer. Not for a call that is being answered. */
void ak_http_cancel(struct ak_http_call *call);

/* Ends what is under way: each call is answered with an error from inside here, and may not start
 * another. `on_closed` (or NULL) is called when the handles are gone and `http` is freed. */
void ak_http_close(struct ak_http *http, void (*on_closed)(void *ctx), void *ctx);

/* AK_EUSAGE with the reason unless it is http:// or https:// with a host, without user name,
 * password, query or fragment, and not too long. */
enum ak_code ak_http_url_check(const char *url, struct ak_error *err);

#endif
