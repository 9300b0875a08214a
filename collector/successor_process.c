/* successor_process.c - the own program file started anew for one successor: store, tmp and keys as
 * descriptors, the rest as words; the answer is the exit status and a text. */
#include "successor_process.h"

#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWN_FD_MIN      10 /* above those that the new process finds open */
#define NOT_STARTED     127
#define STATUS_CODE_MAX AK_EBUSY

/* Descriptors that the process finds open, behind the standard ones. */
enum { STORE_FD = 3, TMP_FD = 4, KEYS_FD = 5 };

/* In the new process, before its own program is loaded: only what may be called there. */
static _Noreturn void become(const struct ak_store *store, int answer_fd, char **argv)
{
    const int from[] = {answer_fd, store->fd, store->tmp_fd, store->keys_fd};
    const int to[] = {STDOUT_FILENO, STORE_FD, TMP_FD, KEYS_FD};
    int own[4];

    for (unsigned i = 0; i < 4; i++) {
        own[i] = fcntl(from[i], F_DUPFD, OWN_FD_MIN);
        if (own[i] < 0)
            _exit(NOT_STARTED);
    }
    for (unsigned i = 0; i < 4; i++) {
        if (dup2(own[i], to[i]) < 0)
            _exit(NOT_STARTED);
    }
    (void)close_range(KEYS_FD + 1, ~0u, 0);
    (void)execv("/proc/self/exe", argv);
    _exit(NOT_STARTED);
}

/* Reads to the end; the text is cut at what an error holds. */
static void read_answer(int fd, char *text, size_t cap)
{
    char rest[256];
    size_t len = 0;
    ssize_t n;

    do {
        bool room = len + 1 < cap;
        n = read(fd, room ? text + len : rest, room ? cap - 1 - len : sizeof(rest));
        if (n > 0 && room)
            len += (size_t)n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    text[len] = '\0';
}

static enum ak_code judge(int status, const char *text, struct ak_error *err)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : NOT_STARTED;

    if (code == 0)
        return AK_OK;
    if (code <= STATUS_CODE_MAX && text[0] != '\0')
        return ak_fail(err, (enum ak_code)code, "%s", text);
    if (WIFSIGNALED(status))
        return ak_fail(err, AK_EIO, "the process that makes a successor was ended by signal %d",
                       WTERMSIG(status));
    return ak_fail(err, AK_EIO, "the process that makes a successor failed");
}

enum ak_code ak_successor_spawn(const struct ak_successor_options *options, struct ak_error *err)
{
    const char *words[AK_SUCCESSOR_PROCESS_WORDS + 1] = {"akashi-collector",
                                                         AK_SUCCESSOR_PROCESS_WORD,
                                                         options->path,
                                                         options->log,
                                                         options->cause,
                                                         options->source == NULL ? ""
                                                                                 : options->source,
                                                         NULL};
    char *argv[AK_SUCCESSOR_PROCESS_WORDS + 1];
    char text[AK_ERROR_TEXT_BYTES];
    int answer[2];
    int status = 0;
    pid_t pid;

    for (unsigned i = 0; i <= AK_SUCCESSOR_PROCESS_WORDS; i++)
        argv[i] = (char *)(uintptr_t)words[i]; /* execv changes nothing of it */
    if (pipe2(answer, O_CLOEXEC) != 0)
        return ak_fail_errno(err, errno, "make the line to the process that makes a successor");
    pid = fork();
    if (pid == 0)
        become(options->store, answer[1], argv);
    (void)close(answer[1]);
    if (pid < 0) {
        (void)close(answer[0]);
        return ak_fail_errno(err, errno, "start the process that makes a successor");
    }
    read_answer(answer[0], text, sizeof(text));
    (void)close(answer[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return judge(status, text, err);
}

int ak_successor_process_run(char **argv)
{
    const struct ak_store store = {
        .fd = STORE_FD, .tmp_fd = TMP_FD, .keys_fd = KEYS_FD, .lock_fd = -1};
    const struct ak_successor_options options = {.store = &store,
                                                 .path = argv[2],
                                                 .log = argv[3],
                                                 .cause = argv[4],
                                                 .source = argv[5][0] == '\0' ? NULL : argv[5]};
    struct ak_error err = {0};
    struct stat st;
    enum ak_code rc;

    if (fstat(KEYS_FD, &st) != 0 || !S_ISDIR(st.st_mode))
        rc = ak_fail(&err, AK_EUSAGE,
                     "this is no command for people: `akashi-collector run` starts it");
    else
        rc = ak_sandbox_undumpable(&err);
    if (rc == AK_OK)
        rc = ak_successor_make(&options, &err);
    if (rc != AK_OK)
        (void)fputs(err.text, stdout);
    return rc == AK_OK || fflush(stdout) == 0 ? (int)rc : (int)AK_EIO;
}
