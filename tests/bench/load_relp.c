/* load_relp.c - RELP: many records not yet acknowledged on many connections, or one at a time.
 *
 * A record's latency runs from the system call that sent it to the read that brought its
 * acknowledgement. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define TXNR_MAX      999999999u
#define HEADER_ROOM   32u
#define IN_BYTES      65536u
#define OUT_BYTES_MAX 262144u /* of one system call; a longer record has more */
#define EVENTS        64
#define WAIT_MS       120000
#define RAW_BYTES     4096u

struct relp {
    int fd;
    uint64_t next, end; /* records of this connection */
    uint64_t acked;     /* how many */
    uint64_t sent;
    uint64_t *sent_ns; /* by number of the record, modulo window */
    uint8_t *out;
    size_t out_len, out_at, out_cap;
    char in[IN_BYTES];
    size_t in_len;
    bool watching; /* for room to write */
};

static void say(struct relp *r, const char *text)
{
    size_t len = strlen(text);

    if (write(r->fd, text, len) != (ssize_t)len)
        load_die("write");
}

/* Blocking: opens the session. */
static void open_session(struct relp *r)
{
    static const char offers[] = "relp_version=0\nrelp_software=akashi_load,1\ncommands=syslog";
    char text[160];
    size_t len = 0;

    (void)snprintf(text, sizeof(text), "1 open %zu %s\n", sizeof(offers) - 1, offers);
    say(r, text);
    /* The answer ends in LF and has some inside: its length is in its header. */
    for (;;) {
        unsigned txnr, body;
        int at = 0;
        ssize_t n = read(r->fd, r->in + len, sizeof(r->in) - 1 - len);
        if (n <= 0)
            load_die("no answer to open");
        len += (size_t)n;
        r->in[len] = '\0';
        if (sscanf(r->in, "%u rsp %u %n", &txnr, &body, &at) == 2 && at > 0 &&
            len >= (size_t)at + body + 1)
            break;
    }
    if (strstr(r->in, " 200 ") == NULL)
        load_die("open was refused: %s", r->in);
}

static void start(const struct load *load, struct relp *r, unsigned i)
{
    uint64_t each = load->records / load->connections;

    r->fd = load_connect(load, SOCK_STREAM);
    r->next = each * i;
    r->end = i + 1 == load->connections ? load->records : r->next + each;
    r->sent_ns = calloc(load->window, sizeof(*r->sent_ns));
    r->out_cap = OUT_BYTES_MAX + 1048576;
    r->out = malloc(r->out_cap);
    if (r->sent_ns == NULL || r->out == NULL)
        load_die("no memory");
    open_session(r);
}

static size_t put_number(uint8_t *out, uint64_t value)
{
    uint8_t text[20];
    size_t n = 0;

    do {
        text[n++] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < n; i++)
        out[i] = text[n - 1 - i];
    return n;
}

/* The open had number 1. */
static uint64_t txnr_of(uint64_t record)
{
    return record % (TXNR_MAX - 2) + 2;
}

/* Fills `out` as far as the window and the room allow. */
static void compose(const struct load *load, struct relp *r)
{
    uint64_t now = load_now_ns();

    while (r->next < r->end && r->sent - r->acked < load->window && r->out_len < OUT_BYTES_MAX) {
        size_t len;
        const uint8_t *line = load_line(load, r->next++, &len);
        uint8_t *at = r->out + r->out_len;

        if (r->out_len + len + HEADER_ROOM > r->out_cap)
            load_die("a record of %zu bytes", len);
        r->sent_ns[r->sent % load->window] = now;
        at += put_number(at, txnr_of(r->sent++));
        for (const char *c = " syslog "; *c != '\0'; c++)
            *at++ = (uint8_t)*c;
        at += put_number(at, len);
        *at++ = ' ';
        memcpy(at, line, len);
        at[len] = '\n';
        r->out_len = (size_t)(at + len + 1 - r->out);
    }
}

/* Sends what is composed; false if the kernel took only a part. */
static bool flush(struct relp *r)
{
    ssize_t n;

    if (r->out_len == 0)
        return true;
    n = write(r->fd, r->out + r->out_at, r->out_len - r->out_at);
    if (n < 0 && errno != EAGAIN)
        load_die("write");
    if (n > 0)
        r->out_at += (size_t)n;
    if (r->out_at < r->out_len)
        return false;
    r->out_len = r->out_at = 0;
    return true;
}

/* One answer at `text`; its length, or 0 if it is not whole. */
static size_t answer(const struct load *load, struct relp *r, const char *text, size_t n,
                     uint64_t now, struct result *result)
{
    size_t at = 0;
    size_t body = 0;
    uint64_t txnr = 0;

    for (; at < n && text[at] >= '0' && text[at] <= '9'; at++)
        txnr = txnr * 10 + (uint64_t)(text[at] - '0');
    if (n - at < 6)
        return 0;
    if (memcmp(text + at, " rsp ", 5) != 0)
        load_die("not an answer: %.40s", text);
    for (at += 5; at < n && text[at] >= '0' && text[at] <= '9'; at++)
        body = body * 10 + (size_t)(text[at] - '0');
    if (n - at < body + 2)
        return 0;
    if (memcmp(text + at, " 200", 4) != 0)
        result->failed++;
    if (txnr != txnr_of(r->acked))
        load_die("answer to %llu, not to %llu", (unsigned long long)txnr,
                 (unsigned long long)txnr_of(r->acked));
    load_latency_add(&result->latency, now - r->sent_ns[r->acked % load->window]);
    r->acked++;
    return at + body + 2;
}

static void take_answers(const struct load *load, struct relp *r, struct result *result)
{
    ssize_t n = read(r->fd, r->in + r->in_len, sizeof(r->in) - r->in_len);
    uint64_t now = load_now_ns();
    size_t at = 0;
    size_t used;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        load_die("the server ended the connection");
    r->in_len += (size_t)n;
    while ((used = answer(load, r, r->in + at, r->in_len - at, now, result)) > 0)
        at += used;
    memmove(r->in, r->in + at, r->in_len - at);
    r->in_len -= at;
}

static void watch(int epoll, struct relp *r, bool room, int how)
{
    struct epoll_event event = {.events = EPOLLIN | (room ? EPOLLOUT : 0u), .data.ptr = r};

    if (how == EPOLL_CTL_MOD && room == r->watching)
        return;
    r->watching = room;
    if (epoll_ctl(epoll, how, r->fd, &event) != 0)
        load_die("epoll_ctl");
}

static void go_on(const struct load *load, int epoll, struct relp *r)
{
    if (!flush(r)) {
        watch(epoll, r, true, EPOLL_CTL_MOD);
        return;
    }
    compose(load, r);
    watch(epoll, r, !flush(r), EPOLL_CTL_MOD);
}

static void finish(struct relp *r)
{
    char text[HEADER_ROOM];
    struct pollfd p = {.fd = r->fd, .events = POLLIN};

    (void)snprintf(text, sizeof(text), "%llu close 0\n", (unsigned long long)txnr_of(r->sent));
    say(r, text);
    (void)poll(&p, 1, 5000); /* the answer; what it is means nothing here */
    (void)close(r->fd);
    free(r->out);
    free(r->sent_ns);
}

void load_relp(const struct load *load, struct result *result)
{
    struct relp *relp = calloc(load->connections, sizeof(*relp));
    struct epoll_event event[EVENTS];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    unsigned open = load->connections;

    if (relp == NULL || epoll < 0)
        load_die("no memory");
    for (unsigned i = 0; i < load->connections; i++) {
        start(load, &relp[i], i);
        (void)fcntl(relp[i].fd, F_SETFL, O_NONBLOCK);
        watch(epoll, &relp[i], false, EPOLL_CTL_ADD);
    }
    result->begin = load_now();
    for (unsigned i = 0; i < load->connections; i++)
        go_on(load, epoll, &relp[i]);
    while (open > 0) {
        int n = epoll_wait(epoll, event, EVENTS, WAIT_MS);
        if (n <= 0)
            load_die("no answer");
        for (int i = 0; i < n; i++) {
            struct relp *r = event[i].data.ptr;
            bool before = r->next < r->end || r->acked < r->sent;
            if ((event[i].events & EPOLLIN) != 0)
                take_answers(load, r, result);
            go_on(load, epoll, r);
            if (before && r->next == r->end && r->acked == r->sent)
                open--;
        }
    }
    result->end = load_now();
    for (unsigned i = 0; i < load->connections; i++) {
        result->sent += relp[i].acked;
        finish(&relp[i]);
    }
    (void)close(epoll);
    free(relp);
}

/* A write of 4 KiB and its sync on a file that grows, as a log does. */
static uint64_t raw_sync(int fd)
{
    static const uint8_t block[RAW_BYTES];
    uint64_t begin = load_now_ns();

    if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block) || fdatasync(fd) != 0)
        load_die("raw sync");
    return load_now_ns() - begin;
}

void load_ping(const struct load *load, struct result *result)
{
    struct relp *relp = calloc(1, sizeof(*relp));
    struct load one = *load;
    int fd = -1;

    if (relp == NULL)
        load_die("no memory");
    one.window = 1;
    one.connections = 1;
    if (load->sync_path != NULL) {
        fd = open(load->sync_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd < 0 || fsync(fd) != 0)
            load_die("%s", load->sync_path);
    }
    start(&one, relp, 0);
    result->begin = load_now();
    while (relp->next < relp->end) {
        compose(&one, relp);
        if (!flush(relp))
            load_die("write");
        while (relp->acked < relp->sent)
            take_answers(&one, relp, result);
        load_sleep_ns(load->pause_us * 1000ull);
        if (fd >= 0) {
            load_latency_add(&result->raw, raw_sync(fd));
            load_sleep_ns(load->pause_us * 1000ull);
        }
    }
    result->end = load_now();
    result->sent = relp->acked;
    finish(relp);
    free(relp);
    if (fd >= 0)
        (void)close(fd);
}
