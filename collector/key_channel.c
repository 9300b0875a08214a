/* key_channel.c - starting the signer process and talking to it.
 *
 * The happy path: socketpair, fork, exec of the own program file; then one packet out and one back
 * for each call. Failure modes: the process is gone (the call fails, and every later one with the
 * same text); an answer of another size than it says (likewise: nothing of it is believed). */
#include "key_channel.h"

#include "clock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S     1000000000ull
#define HELD_WAIT_NS (10 * NS_PER_S) /* for the process of a collector that was killed */
#define HELD_TRY_NS  5000000l
#define OWN_FD_MIN   10 /* above those that the new process finds open */

struct ak_key_channel {
    int fd;
    pid_t pid;
    pthread_mutex_t mutex; /* one call at a time */
    bool dead;             /* under the mutex */
    bool reaped;           /* under the mutex; likewise `status` */
    int status;
};

/* Two signer processes must not have the same keys: the one of a collector that was killed may
 * still be writing. */
static enum ak_code hold_keys(int keys_dir_fd, struct ak_error *err)
{
    const struct timespec wait = {.tv_nsec = HELD_TRY_NS};
    uint64_t until = ak_clock_boottime() + HELD_WAIT_NS;

    while (flock(keys_dir_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return ak_fail_errno(err, errno, "lock the keys' directory");
        if (ak_clock_boottime() >= until)
            return ak_fail(err, AK_EBUSY,
                           "the signer process of a collector that has ended still holds the keys. "
                           "Look for a process akashi-collector " AK_KEY_PROCESS_WORD
                           ", and at the disk that it waits for");
        (void)nanosleep(&wait, NULL);
    }
    return AK_OK;
}

/* In the new process, before its own program is loaded: only what may be called there. */
static _Noreturn void become(int socket_fd, int keys_dir_fd)
{
    char program[] = "akashi-collector";
    char word[] = AK_KEY_PROCESS_WORD;
    char *argv[] = {program, word, NULL};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int line = fcntl(socket_fd, F_DUPFD, OWN_FD_MIN);
    int dir = fcntl(keys_dir_fd, F_DUPFD, OWN_FD_MIN);

    if (null < 0 || line < 0 || dir < 0 || dup2(null, STDIN_FILENO) < 0 ||
        dup2(null, STDOUT_FILENO) < 0 || dup2(line, AK_KEY_SOCKET_FD) < 0 ||
        dup2(dir, AK_KEY_DIR_FD) < 0)
        _exit(127);
    (void)close_range(AK_KEY_DIR_FD + 1, ~0u, 0);
    (void)execv("/proc/self/exe", argv);
    _exit(127);
}

static enum ak_code spawn(struct ak_key_channel *channel, int keys_dir_fd, struct ak_error *err)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return ak_fail_errno(err, errno, "make the line to the signer process");
    channel->pid = fork();
    if (channel->pid == 0)
        become(pair[1], keys_dir_fd);
    (void)close(pair[1]); /* the new process's end */
    channel->fd = pair[0];
    if (channel->pid < 0)
        return ak_fail_errno(err, errno, "start the signer process");
    return AK_OK;
}

enum ak_code ak_key_channel_over(int fd, struct ak_key_channel **out, struct ak_error *err)
{
    struct ak_key_channel *channel = calloc(1, sizeof(*channel));

    *out = channel;
    if (channel == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the signer process");
    channel->fd = fd;
    channel->pid = -1;
    pthread_mutex_init(&channel->mutex, NULL);
    return AK_OK;
}

enum ak_code ak_key_channel_start(int keys_dir_fd, struct ak_key_channel **out,
                                  struct ak_error *err)
{
    struct ak_key_channel *channel;
    enum ak_code rc = ak_key_channel_over(-1, &channel, err);

    *out = NULL;
    if (rc != AK_OK)
        return rc;
    rc = hold_keys(keys_dir_fd, err);
    if (rc == AK_OK)
        rc = spawn(channel, keys_dir_fd, err);
    if (rc != AK_OK) {
        ak_key_channel_stop(channel);
        return rc;
    }
    *out = channel;
    return AK_OK;
}

static void reap(struct ak_key_channel *channel, int options)
{
    pid_t rc;

    if (channel->reaped || channel->pid <= 0)
        return;
    do
        rc = waitpid(channel->pid, &channel->status, options);
    while (rc < 0 && errno == EINTR);
    channel->reaped = rc == channel->pid;
}

void ak_key_channel_stop(struct ak_key_channel *channel)
{
    if (channel == NULL)
        return;
    if (channel->fd >= 0)
        (void)close(channel->fd); /* it ends by this */
    reap(channel, 0);
    pthread_mutex_destroy(&channel->mutex);
    free(channel);
}

int ak_key_channel_fd(const struct ak_key_channel *channel)
{
    return channel->fd;
}

/* The line is closed at the other end: it has ended or does so now. */
static enum ak_code tell_ended(struct ak_key_channel *channel, struct ak_error *err)
{
    const char *then = "Nothing is signed any more; what is received is kept, and signed when the "
                       "collector is started again";

    if (!channel->dead)
        (void)shutdown(channel->fd, SHUT_RDWR); /* whatever it waits for ends */
    channel->dead = true;
    reap(channel, 0);
    if (channel->reaped && WIFSIGNALED(channel->status))
        return ak_fail(err, AK_EIO, "signer: its process was ended by signal %d (%s). %s",
                       WTERMSIG(channel->status), strsignal(WTERMSIG(channel->status)), then);
    if (channel->reaped && WIFEXITED(channel->status) && WEXITSTATUS(channel->status) == 127)
        return ak_fail(err, AK_EIO,
                       "signer: its process could not be started from /proc/self/exe. %s", then);
    return ak_fail(err, AK_EIO, "signer: its process has ended. %s", then);
}

/* It talks nonsense: it is ended, and nothing it said counts. */
static enum ak_code tell_nonsense(struct ak_key_channel *channel, struct ak_error *err)
{
    if (channel->pid > 0)
        (void)kill(channel->pid, SIGKILL);
    channel->dead = true;
    return ak_fail(err, AK_EIO,
                   "signer: its process gave an answer that is none, and was ended. Nothing is "
                   "signed any more; what is received is kept. Look whether memory or processor of "
                   "this machine fail, and start the collector again");
}

static bool sized(const struct ak_key_answer *answer, size_t body)
{
    return (uint64_t)answer->note_len + answer->start_len + answer->ending_len == body &&
           answer->note_len <= AK_NOTE_BYTES_MAX && answer->start_len <= AK_EPOCH_NOTE_BYTES_MAX &&
           answer->ending_len <= AK_EPOCH_NOTE_BYTES_MAX &&
           memchr(answer->text, 0, sizeof(answer->text)) != NULL && answer->code <= AK_EBUSY &&
           (answer->code == AK_OK) == (answer->text[0] == '\0');
}

/* Whether a call that failed is to be made again, now or when the line is ready: the loop watches
 * it too, and makes it one that does not wait. */
static bool again(int fd, short events)
{
    struct pollfd line = {.fd = fd, .events = events};

    if (errno != EAGAIN)
        return errno == EINTR;
    (void)poll(&line, 1, -1);
    return true;
}

static enum ak_code exchange(struct ak_key_channel *channel, const struct ak_key_request *request,
                             const void *body, struct ak_key_answer *answer, unsigned char *in,
                             struct ak_error *err)
{
    /* sendmsg changes nothing of what it sends */
    struct iovec out[2] = {{(void *)(uintptr_t)request, sizeof(*request)},
                           {(void *)(uintptr_t)body, request->note_len}};
    struct iovec back[2] = {{answer, sizeof(*answer)}, {in, AK_KEY_BODY_BYTES_MAX}};
    struct msghdr send = {.msg_iov = out, .msg_iovlen = 2};
    struct msghdr take = {.msg_iov = back, .msg_iovlen = 2};
    ssize_t n;

    do
        n = sendmsg(channel->fd, &send, MSG_NOSIGNAL);
    while (n < 0 && again(channel->fd, POLLOUT));
    if (n < 0)
        return tell_ended(channel, err);
    do
        n = recvmsg(channel->fd, &take, 0);
    while (n < 0 && again(channel->fd, POLLIN));
    if (n <= 0)
        return tell_ended(channel, err);
    if ((size_t)n < sizeof(*answer) || (take.msg_flags & MSG_TRUNC) != 0 ||
        !sized(answer, (size_t)n - sizeof(*answer)))
        return tell_nonsense(channel, err);
    return AK_OK;
}

enum ak_code ak_key_channel_call(struct ak_key_channel *channel,
                                 const struct ak_key_request *request, const void *body,
                                 struct ak_key_answer *answer, unsigned char *in,
                                 struct ak_error *err)
{
    enum ak_code rc;

    assert(request->note_len <= AK_NOTE_BYTES_MAX);
    pthread_mutex_lock(&channel->mutex);
    rc = channel->dead ? tell_ended(channel, err)
                       : exchange(channel, request, body, answer, in, err);
    pthread_mutex_unlock(&channel->mutex);
    if (rc != AK_OK) {
        memset(answer, 0, sizeof(*answer));
        return rc;
    }
    if (answer->code != AK_OK) {
        (void)ak_fail(err, (enum ak_code)answer->code, "%s", answer->text);
        if (err != NULL)
            err->sys_errno = answer->sys_errno;
    }
    return (enum ak_code)answer->code;
}

enum ak_code ak_key_channel_ended(struct ak_key_channel *channel, struct ak_error *err)
{
    char byte;
    ssize_t n;
    enum ak_code rc = AK_OK;

    pthread_mutex_lock(&channel->mutex); /* no call is under way: there is nothing to read */
    n = channel->dead ? 0 : recv(channel->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        rc = tell_ended(channel, err);
    pthread_mutex_unlock(&channel->mutex);
    return rc;
}
