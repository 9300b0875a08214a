/* log.c - diagnostics, read back through a pipe. */
#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int ends[2];

static int open_pipe(void **state)
{
    (void)state;
    if (pipe(ends) != 0)
        return -1;
    ak_log_set_fd(ends[1]);
    ak_log_set_level(AK_LOG_INFO);
    return 0;
}

static int close_pipe(void **state)
{
    (void)state;
    ak_log_set_fd(STDERR_FILENO);
    return close(ends[0]) | close(ends[1]);
}

/* What one read gives: one line, as it was one write. */
static const char *line_read(void)
{
    static char line[8192];
    ssize_t got = read(ends[0], line, sizeof(line) - 1);

    assert_true(got >= 0);
    line[got] = '\0';
    return line;
}

/* Level and text stand in one line. */
static void one_line(void **state)
{
    (void)state;
    ak_log(AK_LOG_WARNING, "listener %s: anyone can write", "udp://*:514");
    assert_string_equal(line_read(),
                        "akashi-collector: warning: listener udp://*:514: anyone can write\n");
    ak_log(AK_LOG_ERROR, "%d", 1);
    assert_string_equal(line_read(), "akashi-collector: error: 1\n");
    ak_log(AK_LOG_NOTICE, "n");
    assert_string_equal(line_read(), "akashi-collector: notice: n\n");
    ak_log(AK_LOG_INFO, "i");
    assert_string_equal(line_read(), "akashi-collector: info: i\n");
}

/* What a sender sent cannot begin a line of its own or move the cursor. */
static void escaped(void **state)
{
    struct ak_error err;

    (void)state;
    ak_log(AK_LOG_ERROR, "peer %s", "a\nakashi-collector: error: b\x1b[2J");
    assert_string_equal(line_read(),
                        "akashi-collector: error: peer a\\x0aakashi-collector: error: b\\x1b[2J\n");
    (void)ak_fail(&err, AK_EIO, "tab\there");
    ak_log_fault(AK_LOG_ERROR, &err);
    assert_string_equal(line_read(), "akashi-collector: error: tab\\x09here\n");
}

/* Levels above the threshold write nothing; the threshold can be asked for. */
static void threshold(void **state)
{
    (void)state;
    ak_log(AK_LOG_DEBUG, "not written");
    ak_log_set_level(AK_LOG_DEBUG);
    assert_int_equal(ak_log_get_level(), AK_LOG_DEBUG);
    ak_log(AK_LOG_DEBUG, "written");
    assert_string_equal(line_read(), "akashi-collector: debug: written\n");
    ak_log_set_level(AK_LOG_ERROR);
    ak_log(AK_LOG_WARNING, "not written");
    ak_log(AK_LOG_ERROR, "e");
    assert_string_equal(line_read(), "akashi-collector: error: e\n");
}

/* A text that is too long is cut and says so; the line stays within its bound, whether the text
 * itself or its escaped form was too long. */
static void cut(void **state)
{
    char text[5000];
    const char *line;
    size_t len;

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    ak_log(AK_LOG_ERROR, "%s", text);
    line = line_read();
    len = strlen(line);
    assert_true(len <= AK_LOG_LINE_BYTES_MAX && len > AK_LOG_LINE_BYTES_MAX - 16);
    assert_string_equal(line + len - 5, "x...\n");
    memset(text, '\x01', 2000);
    text[2000] = '\0';
    ak_log(AK_LOG_ERROR, "%s", text);
    line = line_read();
    len = strlen(line);
    assert_true(len <= AK_LOG_LINE_BYTES_MAX && len > AK_LOG_LINE_BYTES_MAX - 16);
    assert_string_equal(line + len - 8, "\\x01...\n");
}

/* errno of the caller is kept, also when nothing can be written. */
static void keeps_errno(void **state)
{
    (void)state;
    ak_log_set_fd(-1);
    errno = ENOSPC;
    ak_log(AK_LOG_ERROR, "lost");
    assert_int_equal(errno, ENOSPC);
    ak_log_set_fd(ends[1]);
}

#define LINES_EACH 200

static void *writer(void *arg)
{
    for (int i = 0; i < LINES_EACH; i++)
        ak_log(AK_LOG_INFO, "%s", (const char *)arg);
    return NULL;
}

/* Lines of several threads never mix. */
static void threads(void **state)
{
    static const char *const texts[] = {"aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"};
    pthread_t thread[2];
    char line[128];
    int seen[2] = {0, 0};
    FILE *in = fdopen(dup(ends[0]), "r");

    (void)state;
    assert_non_null(in);
    for (int t = 0; t < 2; t++)
        assert_int_equal(pthread_create(&thread[t], NULL, writer, (void *)(uintptr_t)texts[t]), 0);
    for (int i = 0; i < 2 * LINES_EACH; i++) {
        int which;

        assert_non_null(fgets(line, sizeof(line), in));
        line[strcspn(line, "\n")] = '\0';
        assert_memory_equal(line, "akashi-collector: info: ", 24);
        which = line[24] == 'b';
        assert_string_equal(line + 24, texts[which]);
        seen[which]++;
    }
    for (int t = 0; t < 2; t++) {
        assert_int_equal(pthread_join(thread[t], NULL), 0);
        assert_int_equal(seen[t], LINES_EACH);
    }
    (void)fclose(in);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_pipe, close_pipe)
    const struct CMUnitTest tests[] = {
        CASE(one_line), CASE(escaped), CASE(threshold), CASE(cut), CASE(keeps_errno), CASE(threads),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
