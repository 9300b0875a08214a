/* control.c - the socket for orders, served by a loop in this thread and used by plain sockets. */
#include "audit.h"
#include "control.h"
#include "epochs.h"
#include "orders.h"
#include "server.h"
#include "status.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define TURNS_MAX 200 /* of 10 ms each: what shall happen happens in a few */

/* The status is another module's; here it only has to come through, also where it is long. */
static size_t filler;

json_t *ak_status_json(const struct ak_server *server)
{
    json_t *object = json_pack("{s:s}", "store", server->config->store);
    char *text = calloc(1, filler + 1);

    memset(text, 'x', filler);
    (void)json_object_set_new(object, "filler", json_string(text));
    free(text);
    return object;
}

/* So are logs; an order only has to reach the right one. */
enum ak_code ak_audit_take(struct ak_runlog *log, const json_t *order, struct ak_audited *audited,
                           struct ak_error *err)
{
    if (json_object_get(order, "commitment") == NULL)
        return ak_fail(err, AK_EUSAGE, "log %s: no commitment", log->options.name);
    audited->entry = 41;
    audited->head = 43;
    return AK_OK;
}

void ak_epoch_want(struct ak_runlog *log)
{
    log->epoch.wanted = true;
}

json_t *ak_orders_take(struct ak_runlog *log, const json_t *order)
{
    return json_pack("{s:s, s:o?}", "taken by", log->options.name, "note",
                     json_incref(json_object_get(order, "note")));
}

json_t *ak_orders_state(const struct ak_runlog *log, const json_t *order)
{
    return json_pack("{s:s, s:o?}", "asked of", log->options.name, "entry",
                     json_incref(json_object_get(order, "entry")));
}

void ak_server_look(struct ak_server *unused)
{
    (void)unused;
}

static struct ak_config config;
static struct ak_server *server;
static char dir[] = "/tmp/akashi-control-XXXXXX";
static char path[64];

static int set_up(void **state)
{
    (void)state;
    memcpy(dir, "/tmp/akashi-control-XXXXXX", sizeof(dir));
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/control", dir);
    config.control = path;
    config.store = dir;
    filler = 0;
    server = calloc(1, sizeof(*server));
    server->config = &config;
    return uv_loop_init(&server->loop);
}

/* Closing leaves no handle, no memory and no file. */
static int tear_down(void **state)
{
    struct stat st;
    int rc;

    (void)state;
    ak_control_close(server->control);
    (void)uv_run(&server->loop, UV_RUN_DEFAULT);
    rc = uv_loop_close(&server->loop);
    free(server);
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        rc = -1;
    (void)unlink(path);
    return rc != 0 ? rc : rmdir(dir);
}

static void opened(void)
{
    struct ak_error err = {0};

    if (ak_control_open(server, &err) != AK_OK)
        fail_msg("%s", err.text);
}

static int client(void)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    memcpy(addr.sun_path, path, strlen(path) + 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Turns the loop until `lines` lines have come, or the connection ended; gives the bytes. */
static size_t heard(int fd, char *out, size_t cap, unsigned lines, bool *ended)
{
    size_t len = 0;

    *ended = false;
    for (int turn = 0; turn < TURNS_MAX && lines > 0 && !*ended; turn++) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t n;

        (void)uv_run(&server->loop, UV_RUN_NOWAIT);
        if (poll(&wait, 1, 10) <= 0)
            continue;
        n = recv(fd, out + len, cap - len - 1, 0);
        if (n <= 0)
            *ended = n == 0 || errno == ECONNRESET;
        for (ssize_t i = 0; i < n && lines > 0; i++)
            lines -= out[len + (size_t)i] == '\n';
        len += n > 0 ? (size_t)n : 0;
    }
    out[len] = '\0';
    return len;
}

/* An order is answered by one line, orders sent together by as many; the file is for its owner. */
static void answers(void **state)
{
    char text[1024];
    char want[256];
    struct stat st;
    bool ended;
    int fd;

    (void)state;
    opened();
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    fd = client();
    say(fd, "{\"order\":\"status\"}\n{\"order\":\"sta");
    (void)heard(fd, text, sizeof(text), 1, &ended);
    (void)snprintf(want, sizeof(want), "{\"store\":\"%s\",\"filler\":\"\"}\n", dir);
    assert_string_equal(text, want);
    say(fd, "tus\"}\n{\"order\":\"satus\"}\nstatus\n");
    (void)heard(fd, text, sizeof(text), 3, &ended);
    assert_false(ended);
    assert_non_null(strstr(text, want));
    assert_non_null(strstr(text,
                           "{\"error\":\"there is no such order; did you mean status?\","
                           "\"orders\":[\"status\",\"audit\",\"rotate\",\"carry-out\",\"declare\","
                           "\"carried-out\"]}\n"));
    assert_non_null(strstr(text, "{\"error\":\"an order is one line: "
                                 "{\\\"order\\\":\\\"status\\\"}\"}\n"));
    (void)close(fd);
}

/* An audit reaches the log that is named; what is wrong with it is answered. */
static void order_of_audit(void **state)
{
    static struct ak_runlog log = {.options = {.name = "a"}};
    char text[1024];
    bool ended;
    int fd;

    (void)state;
    server->logs = &log;
    opened();
    fd = client();
    say(fd, "{\"order\":\"audit\",\"log\":\"a\",\"commitment\":\"00\"}\n"
            "{\"order\":\"audit\",\"log\":\"b\",\"commitment\":\"00\"}\n"
            "{\"order\":\"audit\",\"log\":\"a\"}\n");
    (void)heard(fd, text, sizeof(text), 3, &ended);
    assert_string_equal(text, "{\"entry\":41,\"head\":43}\n"
                              "{\"error\":\"the collector has no log of that name\"}\n"
                              "{\"error\":\"log a: no commitment\"}\n");
    (void)close(fd);
    server->logs = NULL;
}

/* So does the order for another epoch; the answer is the one that runs. */
static void order_of_rotation(void **state)
{
    static struct ak_runlog log = {.options = {.name = "a"}, .epoch = {.number = 7}};
    char text[1024];
    bool ended;
    int fd;

    (void)state;
    server->logs = &log;
    opened();
    fd = client();
    say(fd, "{\"order\":\"rotate\",\"log\":\"b\"}\n");
    (void)heard(fd, text, sizeof(text), 1, &ended);
    assert_false(log.epoch.wanted);
    say(fd, "{\"order\":\"rotate\",\"log\":\"a\"}\n");
    (void)heard(fd, text, sizeof(text), 1, &ended);
    assert_string_equal(text, "{\"epoch\":7}\n");
    assert_true(log.epoch.wanted);
    (void)close(fd);
    server->logs = NULL;
}

/* An order of authorities reaches the log that is named, also a long one. */
static void order_of_authorities(void **state)
{
    static struct ak_runlog log = {.options = {.name = "a"}};
    static char note[65536];
    static char text[sizeof(note) + 1024];
    bool ended;
    int fd;

    (void)state;
    server->logs = &log;
    opened();
    fd = client();
    memset(note, 'n', sizeof(note) - 1);
    say(fd, "{\"order\":\"carry-out\",\"log\":\"a\",\"note\":\"");
    say(fd, note);
    say(fd, "\"}\n{\"order\":\"carried-out\",\"log\":\"a\",\"entry\":7}\n"
            "{\"order\":\"declare\",\"log\":\"b\"}\n");
    (void)heard(fd, text, sizeof(text), 3, &ended);
    assert_non_null(strstr(text, "{\"taken by\":\"a\",\"note\":\"nnn"));
    assert_non_null(strstr(text, "n\"}\n{\"asked of\":\"a\",\"entry\":7}\n"
                                 "{\"error\":\"the collector has no log of that name\"}\n"));
    (void)close(fd);
    server->logs = NULL;
}

/* A long answer comes whole, over many writes. */
static void long_answer(void **state)
{
    static char text[4u << 20];
    size_t len;
    bool ended;
    int fd;

    (void)state;
    filler = 3u << 20;
    opened();
    fd = client();
    say(fd, "{\"order\":\"status\"}\n");
    len = heard(fd, text, sizeof(text), 1, &ended);
    assert_true(len > filler);
    assert_int_equal(text[len - 1], '\n');
    (void)close(fd);
}

/* A line without an end is not collected for ever. */
static void too_long(void **state)
{
    char line[AK_CONTROL_LINE_BYTES_MAX + 1];
    char text[64];
    bool ended;
    int fd;

    (void)state;
    opened();
    memset(line, '{', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    fd = client();
    say(fd, line);
    assert_int_equal(heard(fd, text, sizeof(text), 1, &ended), 0);
    assert_true(ended);
    (void)close(fd);
}

/* The ninth client is hung up on; the eight go on, and when one leaves there is room again. */
static void too_many(void **state)
{
    char text[256];
    bool ended;
    int fd[9];

    (void)state;
    opened();
    for (int i = 0; i < 9; i++) {
        fd[i] = client();
        (void)uv_run(&server->loop, UV_RUN_NOWAIT);
    }
    (void)heard(fd[8], text, sizeof(text), 1, &ended);
    assert_true(ended);
    say(fd[0], "{\"order\":\"status\"}\n");
    assert_true(heard(fd[0], text, sizeof(text), 1, &ended) > 0);
    (void)close(fd[0]);
    (void)close(fd[8]);
    for (int i = 0; i < 5; i++)
        (void)uv_run(&server->loop, UV_RUN_NOWAIT);
    fd[0] = client();
    say(fd[0], "{\"order\":\"status\"}\n");
    assert_true(heard(fd[0], text, sizeof(text), 1, &ended) > 0);
    for (int i = 0; i < 8; i++)
        (void)close(fd[i]);
}

/* What a killed collector left behind is replaced; what is served, or is no socket, is not. */
static void stale(void **state)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct ak_error err = {0};
    char want[256];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FILE *file;

    (void)state;
    memcpy(addr.sun_path, path, strlen(path) + 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(ak_control_open(server, &err), AK_EBUSY);
    (void)snprintf(want, sizeof(want),
                   "control socket %s: another process serves it; stop that one, or set `control` "
                   "to another path",
                   path);
    assert_string_equal(err.text, want);
    (void)close(fd);
    (void)unlink(path);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(ak_control_open(server, &err), AK_EEXIST);
    (void)unlink(path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    (void)close(fd);
    opened();
}

/* A directory that is not there is named, with what to do. */
static void no_directory(void **state)
{
    static char nowhere[] = "/nowhere/control";
    struct ak_error err = {0};

    (void)state;
    config.control = nowhere;
    assert_int_equal(ak_control_open(server, &err), AK_EIO);
    assert_null(server->control);
    assert_non_null(strstr(err.text, "control socket /nowhere/control: "));
    assert_non_null(strstr(err.text, "its directory must be there and writable for this user"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(order_of_audit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(order_of_rotation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(order_of_authorities, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stale, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_directory, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
