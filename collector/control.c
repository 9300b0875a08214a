/* control.c - the socket for orders.
 *
 * A client is READING (its line is not whole), ANSWERING (its answer is being written; it is not
 * read from meanwhile) or CLOSING. Each may live for CLIENT_MS behind its last order. */
#include "control.h"

#include "audit.h"
#include "epochs.h"
#include "log.h"
#include "orders.h"
#include "server.h"
#include "status.h"

#include <akashi/nearest.h>

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 8     /* people and scripts that ask, not senders */
#define BACKLOG     16    /* connections that wait in the kernel */
#define CLIENT_MS   10000 /* a client that says or takes nothing for so long is gone */

struct client {
    struct ak_control *control;
    struct client *next;
    uv_pipe_t pipe;
    uv_timer_t deadline;
    uv_write_t write;
    unsigned handles; /* that are not closed yet */
    bool closing;
    bool answering;
    size_t used;
    char line[AK_CONTROL_LINE_BYTES_MAX];
    char *answer; /* owned while it is written */
};

struct ak_control {
    struct ak_server *server;
    uv_pipe_t listener;
    struct client *clients;
    unsigned count;
    bool listener_closed;
    bool closing;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

static void maybe_free(struct ak_control *control)
{
    if (control->closing && control->listener_closed && control->clients == NULL)
        free(control);
}

/* Clients */

static void on_client_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;
    struct ak_control *control = client->control;
    struct client **at = &control->clients;

    assert(client->handles > 0);
    if (--client->handles > 0)
        return;
    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    control->count--;
    free(client->answer);
    free(client);
    maybe_free(control);
}

static void client_close(struct client *client)
{
    if (client->closing)
        return;
    client->closing = true;
    uv_close((uv_handle_t *)&client->pipe, on_client_closed);
    uv_close((uv_handle_t *)&client->deadline, on_client_closed);
}

static void on_deadline(uv_timer_t *timer)
{
    client_close(timer->data);
}

static void client_run(struct client *client);

static void on_written(uv_write_t *write, int status)
{
    struct client *client = write->data;

    free(client->answer);
    client->answer = NULL;
    client->answering = false;
    if (status < 0) {
        client_close(client);
        return;
    }
    client_run(client);
}

/* Writes the object as one line; it is used up. */
static void client_answer(struct client *client, json_t *object)
{
    size_t len;
    uv_buf_t buf;
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);

    json_decref(object);
    if (text == NULL) {
        client_close(client); /* no memory: the client sees a connection without an answer */
        return;
    }
    len = strlen(text);
    text[len] = '\n'; /* in place of the NUL: the length is known */
    client->answer = text;
    client->answering = true;
    client->write.data = client;
    buf = uv_buf_init(text, (unsigned)(len + 1));
    if (uv_write(&client->write, (uv_stream_t *)&client->pipe, &buf, 1, on_written) != 0) {
        client->answering = false;
        client_close(client);
    }
}

static json_t *unknown_order(const char *order)
{
    static const char *const orders[] = {"status",    "audit",   "rotate",
                                         "carry-out", "declare", "carried-out"};
    const char *near = ak_nearest(order, strlen(order), orders, 6);
    char text[64] = "there is no such order";

    if (near != NULL)
        (void)snprintf(text, sizeof(text), "there is no such order; did you mean %s?", near);
    return json_pack("{s:s, s:[s, s, s, s, s, s]}", "error", text, "orders", orders[0], orders[1],
                     orders[2], orders[3], orders[4], orders[5]);
}

/* The log that an order names, or NULL. */
static struct ak_runlog *named_log(const struct ak_server *server, const json_t *request)
{
    const char *name = json_string_value(json_object_get(request, "log"));
    struct ak_runlog *log = server->logs;

    while (log != NULL && (name == NULL || strcmp(log->options.name, name) != 0))
        log = log->next;
    return log;
}

static json_t *no_log(void)
{
    return json_pack("{s:s}", "error", "the collector has no log of that name");
}

/* What ends when it is signed would never end. */
static json_t *not_signed(const struct ak_runlog *log)
{
    return json_pack("{s:s+}", "error", "the log is not signed: ", log->cause);
}

/* The running epoch of a log is to end; the answer is its number. */
static json_t *rotate(struct ak_server *server, const json_t *request)
{
    struct ak_runlog *log = named_log(server, request);

    if (log == NULL)
        return no_log();
    if (log->refused)
        return not_signed(log);
    ak_epoch_want(log);
    return json_pack("{s:I}", "epoch", (json_int_t)log->epoch.number);
}

/* Orders of authorities (orders.h). */
static json_t *of_authority(struct ak_server *server, const char *order, const json_t *request)
{
    struct ak_runlog *log = named_log(server, request);

    if (log == NULL)
        return no_log();
    if (log->refused && strcmp(order, "carried-out") != 0)
        return not_signed(log);
    ak_server_look(server);
    return strcmp(order, "carried-out") == 0 ? ak_orders_state(log, request)
                                             : ak_orders_take(log, request);
}

/* An auditor's commitment or opening (audit.h); the answer is where it stands. */
static json_t *audit(struct ak_server *server, const json_t *request)
{
    struct ak_runlog *log = named_log(server, request);
    struct ak_audited audited;
    struct ak_error err = {0};

    if (log == NULL)
        return no_log();
    if (log->refused)
        return not_signed(log);
    ak_server_look(server);
    if (ak_audit_take(log, request, &audited, &err) != AK_OK)
        return json_pack("{s:s}", "error", err.text);
    return json_pack("{s:I, s:I}", "entry", (json_int_t)audited.entry, "head",
                     (json_int_t)audited.head);
}

static json_t *execute(struct ak_server *server, const char *line, size_t len)
{
    json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    const char *order = json_string_value(json_object_get(request, "order"));
    json_t *answer;

    if (order == NULL)
        answer = json_pack("{s:s}", "error", "an order is one line: {\"order\":\"status\"}");
    else if (strcmp(order, "status") == 0)
        answer = ak_status_json(server);
    else if (strcmp(order, "audit") == 0)
        answer = audit(server, request);
    else if (strcmp(order, "rotate") == 0)
        answer = rotate(server, request);
    else if (strcmp(order, "carry-out") == 0 || strcmp(order, "declare") == 0 ||
             strcmp(order, "carried-out") == 0)
        answer = of_authority(server, order, request);
    else
        answer = unknown_order(order);
    json_decref(request);
    return answer;
}

/* Answers the first whole line, if there is one; the rest waits until that is written. */
static void client_run(struct client *client)
{
    char *end = memchr(client->line, '\n', client->used);
    json_t *answer;

    if (client->closing || client->answering)
        return;
    if (end == NULL) {
        if (client->used == sizeof(client->line))
            client_close(client);
        return;
    }
    (void)uv_timer_again(&client->deadline);
    answer = execute(client->control->server, client->line, (size_t)(end - client->line));
    client->used -= (size_t)(end + 1 - client->line);
    memmove(client->line, end + 1, client->used);
    client_answer(client, answer);
}

/* No room (the client talks on instead of taking its answers) ends in UV_ENOBUFS and the close. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct client *client = handle->data;

    (void)suggested;
    *buf =
        uv_buf_init(client->line + client->used, (unsigned)(sizeof(client->line) - client->used));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct client *client = stream->data;

    (void)buf;
    if (n < 0) {
        client_close(client);
        return;
    }
    client->used += (size_t)n;
    client_run(client);
}

/* Root and our own user may give orders, whatever the mode of the socket. */
static bool may_order(const uv_pipe_t *pipe, struct ucred *peer)
{
    socklen_t len = sizeof(*peer);
    uv_os_fd_t fd;

    peer->uid = (uid_t)-1;
    if (uv_fileno((const uv_handle_t *)pipe, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &len) != 0)
        return false;
    return peer->uid == 0 || peer->uid == geteuid();
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct ak_control *control = stream->data;
    struct client *client;
    struct ucred peer;

    if (status < 0)
        return;
    client = calloc(1, sizeof(*client));
    if (client == NULL)
        return; /* it stays in the kernel's queue; the next one brings us here again */
    client->control = control;
    client->pipe.data = client->deadline.data = client;
    (void)uv_pipe_init(&control->server->loop, &client->pipe, 0);
    (void)uv_timer_init(&control->server->loop, &client->deadline);
    client->handles = 2;
    client->next = control->clients;
    control->clients = client;
    control->count++;
    if (uv_accept(stream, (uv_stream_t *)&client->pipe) != 0 || control->count > CLIENTS_MAX) {
        client_close(client);
        return;
    }
    if (!may_order(&client->pipe, &peer)) {
        ak_log(AK_LOG_WARNING,
               "control socket %s: user %ld was refused; orders are for root and the collector's "
               "own user",
               control->path, (long)(int)peer.uid);
        client_close(client);
        return;
    }
    if (uv_timer_start(&client->deadline, on_deadline, CLIENT_MS, CLIENT_MS) != 0 ||
        uv_read_start((uv_stream_t *)&client->pipe, on_alloc, on_read) != 0)
        client_close(client);
}

/* The socket */

/* What a killed collector left is removed; what somebody serves, or is no socket, is not touched.
 */
static enum ak_code make_way(const char *path, struct ak_error *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct stat st;
    int served;
    int fd;

    if (lstat(path, &st) != 0)
        return AK_OK; /* bind says what is wrong, if anything is */
    if (!S_ISSOCK(st.st_mode))
        return ak_fail(err, AK_EEXIST,
                       "control socket %s: there is a file of that name that is no socket; remove "
                       "it, or set `control` to another path",
                       path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ak_fail_errno(err, errno, "control socket %s", path);
    (void)strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
    served =
        connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0 || errno != ECONNREFUSED;
    (void)close(fd);
    if (served)
        return ak_fail(err, AK_EBUSY,
                       "control socket %s: another process serves it; stop that one, or set "
                       "`control` to another path",
                       path);
    if (unlink(path) != 0)
        return ak_fail_errno(err, errno,
                             "control socket %s: cannot remove what is left of an "
                             "earlier run",
                             path);
    return AK_OK;
}

/* Nobody can connect between bind and listen, so the mode is right before anybody can. */
static int serve(struct ak_control *control)
{
    int rc = uv_pipe_bind(&control->listener, control->path);

    if (rc == 0 && chmod(control->path, 0600) != 0)
        rc = uv_translate_sys_error(errno);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&control->listener, BACKLOG, on_connection);
    return rc;
}

enum ak_code ak_control_open(struct ak_server *server, struct ak_error *err)
{
    const char *path = server->config->control;
    struct ak_control *control;
    enum ak_code rc = make_way(path, err);
    int uv;

    if (rc != AK_OK)
        return rc;
    control = calloc(1, sizeof(*control));
    if (control == NULL)
        return ak_fail(err, AK_ENOMEM, "control socket: no memory");
    assert(strlen(path) < sizeof(control->path)); /* config_check.c */
    memcpy(control->path, path, strlen(path) + 1);
    control->server = server;
    control->listener.data = control;
    (void)uv_pipe_init(&server->loop, &control->listener, 0);
    server->control = control;
    uv = serve(control);
    if (uv != 0) {
        rc = ak_fail(err, AK_EIO,
                     "control socket %s: %s; its directory must be there and writable for this "
                     "user, or set `control` to another path",
                     path, uv_strerror(uv));
        server->control = NULL;
        ak_control_close(control);
    }
    return rc;
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct ak_control *control = handle->data;

    control->listener_closed = true;
    maybe_free(control);
}

void ak_control_close(struct ak_control *control)
{
    if (control == NULL)
        return;
    control->closing = true;
    for (struct client *client = control->clients; client != NULL; client = client->next)
        client_close(client);
    uv_close((uv_handle_t *)&control->listener, on_listener_closed); /* removes the file too */
}
