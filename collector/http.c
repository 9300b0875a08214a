/* http.c - libcurl asks which sockets and which timer to watch; libuv watches them.
 *
 * The happy path: ak_http_start adds an easy handle; libcurl calls on_socket and on_timer; uv_poll
 * and uv_timer bring it back with curl_multi_socket_action; collect() takes what is finished and
 * answers. Failure modes: whatever libcurl refuses becomes the text of an answer. */
#include "http.h"

#include <assert.h>
#include <ctype.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES_MAX   65536u /* all header lines of one answer; a server sends some hundred */
#define TYPE_BYTES_MAX     128u   /* a content type; a longer one is none that anybody asks for */
#define CONNECTIONS_KEPT   16l    /* idle ones, for the next question to the same server */
#define STATUS_LEAST       100l   /* libcurl passes on what is no status of HTTP */
#define STATUS_MOST        999l
#define ANSWER_BYTES_LEAST 256u /* first room for an answer */

struct ak_http_call {
    struct ak_http *http;
    struct ak_http_call *next;
    CURL *easy;
    struct curl_slist *headers;
    ak_http_fn on_answer;
    void *ctx;
    char *body; /* of the answer */
    size_t len;
    size_t room;
    size_t answer_max;
    size_t header_bytes;
    const char *refused; /* why our own callback ended it */
    char error[CURL_ERROR_SIZE];
};

struct ak_http {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    struct ak_http_call *calls;
    unsigned handles; /* of libuv that are not closed yet, the timer included */
    bool closing;
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

struct watch {
    uv_poll_t poll;
    struct ak_http *http;
    curl_socket_t socket;
};

static void collect(struct ak_http *http);

/* ---- What libcurl watches ---- */

static void maybe_closed(struct ak_http *http)
{
    void (*on_closed)(void *) = http->on_closed;
    void *ctx = http->closed_ctx;

    if (--http->handles > 0)
        return;
    free(http);
    if (on_closed != NULL)
        on_closed(ctx);
}

static void on_timer_closed(uv_handle_t *handle)
{
    maybe_closed(handle->data);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    struct ak_http *http = watch->http;

    free(watch);
    maybe_closed(http);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    struct ak_http *http = watch->http;
    int flags = 0;
    int running;

    if (status < 0)
        flags = CURL_CSELECT_ERR;
    if ((events & UV_READABLE) != 0)
        flags |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0)
        flags |= CURL_CSELECT_OUT;
    (void)curl_multi_socket_action(http->multi, watch->socket, flags, &running);
    collect(http);
}

static struct watch *watch_new(struct ak_http *http, curl_socket_t socket)
{
    struct watch *watch = calloc(1, sizeof(*watch));

    if (watch == NULL)
        return NULL;
    watch->http = http;
    watch->socket = socket;
    watch->poll.data = watch;
    if (uv_poll_init_socket(http->loop, &watch->poll, socket) != 0) {
        free(watch);
        return NULL;
    }
    http->handles++;
    return watch;
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *ctx, void *socket_ctx)
{
    struct ak_http *http = ctx;
    struct watch *watch = socket_ctx;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            (void)uv_poll_stop(&watch->poll);
            uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
            (void)curl_multi_assign(http->multi, socket, NULL);
        }
        return 0;
    }
    if (watch == NULL) {
        watch = watch_new(http, socket);
        if (watch == NULL)
            return -1; /* libcurl ends the exchange */
        (void)curl_multi_assign(http->multi, socket, watch);
    }
    if (what != CURL_POLL_OUT)
        events |= UV_READABLE;
    if (what != CURL_POLL_IN)
        events |= UV_WRITABLE;
    return uv_poll_start(&watch->poll, events, on_ready) == 0 ? 0 : -1;
}

static void on_timeout(uv_timer_t *timer)
{
    struct ak_http *http = timer->data;
    int running;

    if (http->closing) { /* nothing of libcurl is on the stack here */
        (void)curl_multi_cleanup(http->multi);
        curl_global_cleanup();
        uv_close((uv_handle_t *)timer, on_timer_closed);
        return;
    }
    (void)curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(http);
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    struct ak_http *http = ctx;

    (void)multi;
    if (http->closing)
        return 0;
    if (timeout_ms < 0)
        return uv_timer_stop(&http->timer) == 0 ? 0 : -1;
    return uv_timer_start(&http->timer, on_timeout, (uint64_t)timeout_ms, 0) == 0 ? 0 : -1;
}

/* ---- One call ---- */

static size_t on_body(char *data, size_t one, size_t len, void *ctx)
{
    struct ak_http_call *call = ctx;

    (void)one; /* always 1 */
    if (len > call->answer_max - call->len) {
        call->refused = "the answer is longer than anything that was asked for";
        return 0;
    }
    if (len > call->room - call->len) {
        size_t room = call->room == 0 ? ANSWER_BYTES_LEAST : call->room;
        char *grown;

        while (room < call->len + len)
            room *= 2;
        grown = realloc(call->body, room);
        if (grown == NULL) {
            call->refused = "no memory for the answer";
            return 0;
        }
        call->body = grown;
        call->room = room;
    }
    memcpy(call->body + call->len, data, len);
    call->len += len;
    return len;
}

static size_t on_header(char *data, size_t one, size_t len, void *ctx)
{
    struct ak_http_call *call = ctx;

    (void)one;
    (void)data;
    if (len > HEADER_BYTES_MAX - call->header_bytes) {
        call->refused = "the answer's header is too long";
        return 0;
    }
    call->header_bytes += len;
    return len;
}

static void call_free(struct ak_http_call *call)
{
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    free(call->body);
    free(call);
}

/* Out of the list and out of libcurl's hands. */
static void take_out(struct ak_http_call *call)
{
    struct ak_http_call **at = &call->http->calls;

    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    (void)curl_multi_remove_handle(call->http->multi, call->easy);
}

/* "Text/X.Tlog.Size; charset=utf-8" becomes "text/x.tlog.size". */
static void plain_type(const char *stated, char out[TYPE_BYTES_MAX])
{
    size_t len = stated == NULL ? 0 : strcspn(stated, "; \t");

    if (len >= TYPE_BYTES_MAX)
        len = 0;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)tolower((unsigned char)stated[i]);
    out[len] = '\0';
}

static void finish(struct ak_http_call *call, CURLcode result)
{
    struct ak_http_answer answer = {.content_type = ""};
    char type[TYPE_BYTES_MAX];
    char *stated = NULL;
    long status = 0;

    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (result == CURLE_OK && (status < STATUS_LEAST || status > STATUS_MOST)) {
        answer.error = "its answer is not HTTP";
    } else if (result != CURLE_OK) {
        answer.error = call->refused != NULL    ? call->refused
                       : call->error[0] != '\0' ? call->error
                                                : curl_easy_strerror(result);
    } else {
        (void)curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &stated);
        plain_type(stated, type);
        answer.status = (int)status;
        answer.content_type = type;
        answer.body = call->body;
        answer.len = call->len;
    }
    call->on_answer(call->ctx, &answer);
    call_free(call);
}

static void collect(struct ak_http *http)
{
    const CURLMsg *message;
    int left;

    while (!http->closing && (message = curl_multi_info_read(http->multi, &left)) != NULL) {
        struct ak_http_call *call = NULL;
        CURLcode result = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        take_out(call);
        finish(call, result);
    }
}

static bool set_options(struct ak_http_call *call, const struct ak_http_request *request)
{
    CURL *e = call->easy;
    bool ok = curl_easy_setopt(e, CURLOPT_URL, request->url) == CURLE_OK;

    ok = ok && curl_easy_setopt(e, CURLOPT_PRIVATE, call) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_ERRORBUFFER, call->error) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1l) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1l) == CURLE_OK; /* waits for no look-up */
    ok = ok && curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_DISALLOW_USERNAME_IN_URL, 1l) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0l) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK; /* not the environment's */
    ok = ok && curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_HTTP09_ALLOWED, 0l) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
    ok = ok &&
         curl_easy_setopt(e, CURLOPT_USERAGENT, "akashi-collector/" AKASHI_VERSION) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms) == CURLE_OK;
    ok =
        ok && curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)request->timeout_ms) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_WRITEDATA, call) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_HEADERDATA, call) == CURLE_OK;
    if (request->ca_file != NULL) { /* and no other: not the system's directory beside it */
        ok = ok && curl_easy_setopt(e, CURLOPT_CAINFO, request->ca_file) == CURLE_OK;
        ok = ok && curl_easy_setopt(e, CURLOPT_CAPATH, NULL) == CURLE_OK;
    }
    return ok;
}

static bool add_header(struct ak_http_call *call, const char *line)
{
    struct curl_slist *more = curl_slist_append(call->headers, line);

    if (more != NULL)
        call->headers = more;
    return more != NULL;
}

static bool set_body(struct ak_http_call *call, const struct ak_http_request *request)
{
    char line[TYPE_BYTES_MAX + sizeof("Content-Type: ")] = "Content-Type:"; /* none is stated */

    if (request->body == NULL)
        return true;
    assert(request->content_type == NULL || strlen(request->content_type) < TYPE_BYTES_MAX);
    if (request->content_type != NULL)
        (void)snprintf(line, sizeof(line), "Content-Type: %s", request->content_type);
    /* Without "Expect": no second round trip, and simple servers do not know it. */
    return add_header(call, line) && add_header(call, "Expect:") &&
           curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK &&
           curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->len) ==
               CURLE_OK &&
           curl_easy_setopt(call->easy, CURLOPT_COPYPOSTFIELDS, request->body) == CURLE_OK;
}

enum ak_code ak_http_start(struct ak_http *http, const struct ak_http_request *request,
                           ak_http_fn on_answer, void *ctx, struct ak_http_call **call,
                           struct ak_error *err)
{
    struct ak_http_call *c;
    enum ak_code rc = ak_http_url_check(request->url, err);

    assert(!http->closing && request->timeout_ms > 0);
    if (rc != AK_OK)
        return rc;
    c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a question to another machine");
    c->http = http;
    c->on_answer = on_answer;
    c->ctx = ctx;
    c->answer_max = request->answer_max;
    c->easy = curl_easy_init();
    if (c->easy == NULL || !set_options(c, request) || !set_body(c, request) ||
        curl_multi_add_handle(http->multi, c->easy) != CURLM_OK) {
        call_free(c);
        return ak_fail(err, AK_ENOMEM, "%.200s cannot be asked: no memory", request->url);
    }
    c->next = http->calls;
    http->calls = c;
    if (call != NULL)
        *call = c;
    return AK_OK;
}

void ak_http_cancel(struct ak_http_call *call)
{
    take_out(call);
    call_free(call);
}

/* ---- The whole ---- */

enum ak_code ak_http_new(uv_loop_t *loop, struct ak_http **out, struct ak_error *err)
{
    struct ak_http *http = calloc(1, sizeof(*http));
    int rc;

    if (http == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for questions to other machines");
    http->loop = loop;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(http);
        return ak_fail(err, AK_EIO, "libcurl cannot be used");
    }
    http->multi = curl_multi_init();
    if (http->multi == NULL ||
        curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
        curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http) != CURLM_OK ||
        curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer) != CURLM_OK ||
        curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http) != CURLM_OK ||
        curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT) != CURLM_OK) {
        (void)curl_multi_cleanup(http->multi);
        curl_global_cleanup();
        free(http);
        return ak_fail(err, AK_ENOMEM, "no memory for questions to other machines");
    }
    http->timer.data = http;
    rc = uv_timer_init(loop, &http->timer);
    assert(rc == 0); /* it cannot fail */
    (void)rc;
    http->handles = 1;
    *out = http;
    return AK_OK;
}

void ak_http_close(struct ak_http *http, void (*on_closed)(void *ctx), void *ctx)
{
    assert(!http->closing);
    http->closing = true;
    http->on_closed = on_closed;
    http->closed_ctx = ctx;
    (void)uv_timer_stop(&http->timer);
    for (struct ak_http_call *call; (call = http->calls) != NULL;) {
        http->calls = call->next;
        (void)curl_multi_remove_handle(http->multi, call->easy);
        call->refused = "the collector stops";
        finish(call, CURLE_ABORTED_BY_CALLBACK);
    }
    /* libcurl may be on the stack (an answer closes): a turn of the timer ends it. */
    (void)uv_timer_start(&http->timer, on_timeout, 0, 0);
}

enum ak_code ak_http_url_check(const char *url, struct ak_error *err)
{
    CURLU *parts = curl_url();
    char *scheme = NULL, *host = NULL, *user = NULL, *query = NULL, *fragment = NULL;
    enum ak_code rc = AK_OK;

    if (parts == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a URL");
    if (strlen(url) > AK_HTTP_URL_BYTES_MAX)
        rc = ak_fail(err, AK_EUSAGE, "the URL is longer than %u bytes", AK_HTTP_URL_BYTES_MAX);
    else if (curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
             curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
             curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
             (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
        rc = ak_fail(err, AK_EUSAGE,
                     "%.200s is no URL that can be asked; write it as in https://HOST:PORT/PATH",
                     url);
    else if (curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_OK ||
             curl_url_get(parts, CURLUPART_QUERY, &query, 0) == CURLUE_OK ||
             curl_url_get(parts, CURLUPART_FRAGMENT, &fragment, 0) == CURLUE_OK)
        rc = ak_fail(err, AK_EUSAGE,
                     "%.200s: a URL here has no user name, no query (?) and no fragment (#)", url);
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_free(query);
    curl_free(fragment);
    curl_url_cleanup(parts);
    return rc;
}
