/* log.c - see log.h. Level and descriptor are atomics, so there is no lock that a signal or a
 * thread could hold on to. */
#include "log.h"

#include <akashi/escape.h>

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static atomic_int threshold = AK_LOG_INFO;
static atomic_int target_fd = STDERR_FILENO;

void ak_log_set_level(enum ak_log_level level)
{
    atomic_store(&threshold, (int)level);
}

enum ak_log_level ak_log_get_level(void)
{
    return (enum ak_log_level)atomic_load(&threshold);
}

void ak_log_set_fd(int fd)
{
    atomic_store(&target_fd, fd);
}

const char *ak_log_level_name(enum ak_log_level level)
{
    static const char *const names[] = {"error", "warning", "notice", "info", "debug"};

    return names[level];
}

/* Builds and writes the line. `whole` is the length of the text before it was cut to its buffer. */
static void line_write(enum ak_log_level level, const char *text, size_t whole)
{
    static const char cut[] = "...";
    char line[AK_LOG_LINE_BYTES_MAX];
    size_t len = strlen(text);
    size_t used =
        (size_t)snprintf(line, sizeof(line), "akashi-collector: %s: ", ak_log_level_name(level));
    /* Room is kept for the mark of a cut, the line end and the NUL of the escape. */
    size_t room = sizeof(line) - used - sizeof(cut) - 1;
    char probe[AK_LOG_LINE_BYTES_MAX * AK_ESCAPE_GROWTH_MAX + 1];
    size_t escaped = ak_escape_terminal(probe, sizeof(probe), text, len);
    ssize_t rc;

    if (whole == len && escaped < room) {
        memcpy(line + used, probe, escaped);
        used += escaped;
    } else {
        used += ak_escape_terminal(line + used, room, text, len);
        memcpy(line + used, cut, sizeof(cut) - 1);
        used += sizeof(cut) - 1;
    }
    line[used++] = '\n';
    do
        rc = write(atomic_load(&target_fd), line, used);
    while (rc < 0 && errno == EINTR);
}

void ak_log(enum ak_log_level level, const char *fmt, ...)
{
    char text[AK_LOG_LINE_BYTES_MAX];
    int saved = errno;
    va_list ap;
    int whole;

    if ((int)level > atomic_load(&threshold))
        return;
    va_start(ap, fmt);
    whole = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (whole >= 0)
        line_write(level, text, (size_t)whole);
    errno = saved;
}

void ak_log_fault(enum ak_log_level level, const struct ak_error *err)
{
    ak_log(level, "%s", err->text);
}
