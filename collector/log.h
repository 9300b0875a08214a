/* log.h - diagnostics of the collector: one line on stderr each.
 *
 *   akashi-collector: warning: listener udp://0.0.0.0:514: anyone who can reach it can write ...
 *
 * A line is one write(2), so lines of several threads never mix, and is escaped as
 * akashi/escape.h says, so nothing a sender wrote reaches a terminal raw. */
#ifndef AK_LOG_H
#define AK_LOG_H

#include <akashi/error.h>

#include <stdbool.h>

enum ak_log_level {
    AK_LOG_ERROR,   /* records are not taken in or not safe: act now */
    AK_LOG_WARNING, /* records may be lost soon, or somebody was refused */
    AK_LOG_NOTICE,  /* start, stop, configuration, recovery */
    AK_LOG_INFO,    /* connections, seals */
    AK_LOG_DEBUG    /* for the developer */
};

/* Longest line, line end included; what is longer is cut and ends in "...". Not over PIPE_BUF, so
 * that a line into a pipe stays whole too. */
#define AK_LOG_LINE_BYTES_MAX 4096u

/* Levels above `level` are not written. AK_LOG_INFO at start. Any thread. */
void ak_log_set_level(enum ak_log_level level);
enum ak_log_level ak_log_get_level(void);

/* Where lines go: descriptor 2 at start. For tests. */
void ak_log_set_fd(int fd);

/* "error", "warning", "notice", "info", "debug". */
const char *ak_log_level_name(enum ak_log_level level);

/* Writes one line. Any thread; errno is kept. A write that fails is not reported anywhere: there is
 * no place left to say so. */
void ak_log(enum ak_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same for a fault: writes err->text. */
void ak_log_fault(enum ak_log_level level, const struct ak_error *err);

#endif
