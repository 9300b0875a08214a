/* datagram.c - datagrams, up to 64 with one system call, straight into the log.
 *
 * The happy path is:
 *   1. the loop says that the socket is readable; recvmmsg fills the process's datagram scratch.
 *   2. each datagram's peer is looked up in a small table of peers seen lately (log and source).
 *   3. the record is handed over.
 * Possible failure modes are:
 *   - no room in the log: what was received and not handed over is copied aside, reading stops,
 *     and the kernel counts what it drops; if the listener feeds several logs the datagrams of the
 *     full one are dropped and counted instead, so that the others go on.
 *   - a datagram longer than a slot: its first bytes are a fragment, with the event `cut`. */
#include "datagram.h"

#include "listener.h"
#include "log.h"
#include "server.h"

#include <akashi/format.h>

#include <assert.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH_MAX       64u /* datagrams of one system call */
#define TURNS_MAX       16u /* of it before the loop looks at others */
#define PEERS           256u
#define SLOT_STRIDE     (AK_DATAGRAM_SLOT_BYTES + 5 * 64u) /* else all begin in one set of a cache */
#define UNIX_MODE       0666  /* any program of this machine may log, as with /dev/log */
#define DRAIN_TURNS_MAX 4096u /* at the end: what a socket of the greatest buffer may hold */

struct peer {
    struct sockaddr_storage address; /* ss_family 0: free */
    struct ak_runlog *log;
    uint32_t ordinal;
};

/* A datagram that was received and found no room. */
struct kept {
    struct kept *next;
    struct sockaddr_storage address;
    uint64_t received;
    size_t len;
    uint8_t data[];
};

struct ak_datagram {
    struct ak_intake intake;
    struct ak_server *server;
    uv_poll_t poll;
    int fd;
    bool shared; /* it feeds more than one log */
    bool stopped;
    struct ak_reader reader;
    struct ak_runlog *waits_for;
    struct kept *kept_head, *kept_tail;
    uint32_t kernel_drops; /* as the socket said last; wraps */
    uint64_t drops;        /* not told yet */
    uint64_t drops_since;
    struct peer peers[PEERS];
};

/* One for all listeners: its content means nothing between calls. */
struct ak_datagram_scratch {
    struct mmsghdr message[BATCH_MAX];
    struct iovec iov[BATCH_MAX];
    struct sockaddr_storage address[BATCH_MAX];
    uint8_t data[BATCH_MAX][SLOT_STRIDE];
};

static bool give(struct ak_datagram *d, const struct sockaddr_storage *address, const uint8_t *data,
                 size_t len, uint64_t received);

static struct peer *peer_slot(struct ak_datagram *d, const struct sockaddr_storage *address)
{
    const unsigned char *p = (const unsigned char *)address;
    uint32_t hash = 2166136261u;
    size_t n = address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : 8;

    /* The port stays out: senders change it. */
    for (size_t i = 4; i < n; i++)
        hash = (hash ^ p[i]) * 16777619u;
    return &d->peers[hash % PEERS];
}

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct sockaddr_in6 *six_a = (const void *)a, *six_b = (const void *)b;
    const struct sockaddr_in *four_a = (const void *)a, *four_b = (const void *)b;

    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return four_a->sin_addr.s_addr == four_b->sin_addr.s_addr;
    if (a->ss_family == AF_INET6)
        return memcmp(&six_a->sin6_addr, &six_b->sin6_addr, sizeof(six_a->sin6_addr)) == 0;
    return true; /* this machine */
}

static void count_drops(struct ak_datagram *d, uint64_t count)
{
    if (count == 0)
        return;
    if (d->drops == 0)
        d->drops_since = d->server->wall;
    d->drops += count;
}

/* What the kernel dropped, asked for once a read (Linux 4.12): a message with each datagram
 * (SO_RXQ_OVFL) would cost 80 ns each. */
static void ask_for_drops(struct ak_datagram *d)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof(info);

    if (getsockopt(d->fd, SOL_SOCKET, SO_MEMINFO, info, &len) != 0 ||
        len <= SK_MEMINFO_DROPS * sizeof(info[0]))
        return;
    count_drops(d, (uint32_t)(info[SK_MEMINFO_DROPS] - d->kernel_drops));
    d->kernel_drops = info[SK_MEMINFO_DROPS];
}

static void wait_for_room(struct ak_datagram *d, struct ak_runlog *log)
{
    if (d->waits_for != NULL)
        return;
    d->waits_for = log;
    (void)uv_poll_stop(&d->poll);
    ak_runlog_wait(log, &d->reader);
}

static void keep(struct ak_datagram *d, const struct sockaddr_storage *address, const uint8_t *data,
                 size_t len, uint64_t received)
{
    struct kept *kept = malloc(sizeof(*kept) + len);

    if (kept == NULL) {
        count_drops(d, 1);
        return;
    }
    kept->next = NULL;
    kept->address = *address;
    kept->received = received;
    kept->len = len;
    memcpy(kept->data, data, len);
    if (d->kept_tail != NULL)
        d->kept_tail->next = kept;
    else
        d->kept_head = kept;
    d->kept_tail = kept;
}

/* Log and source of a peer; false if it is refused. */
static bool know(struct ak_datagram *d, struct peer *peer, const struct sockaddr_storage *address)
{
    const struct sockaddr *sa = (const struct sockaddr *)address;
    const char *reason;

    peer->address.ss_family = 0;
    peer->log = ak_intake_route(&d->intake, sa, NULL, 0, &reason);
    if (peer->log == NULL) {
        ak_intake_refuse(&d->intake, sa, reason);
        return false;
    }
    peer->address = *address;
    peer->ordinal = 0;
    return true;
}

/* Hands one datagram over. False if its log has no room and reading has stopped: keep it. */
static bool give(struct ak_datagram *d, const struct sockaddr_storage *address, const uint8_t *data,
                 size_t len, uint64_t received)
{
    struct peer *peer = peer_slot(d, address);
    uint32_t ordinal;

    if (peer->address.ss_family == 0 || !same_address(&peer->address, address)) {
        if (!know(d, peer, address))
            return true;
    }
    if (!ak_runlog_ready(peer->log)) {
        if (d->shared) {
            count_drops(d, 1);
            return true;
        }
        wait_for_room(d, peer->log);
        return false;
    }
    ordinal = peer->ordinal;
    if (ordinal == 0) {
        ordinal =
            ak_intake_datagram_source(&d->intake, peer->log, (const struct sockaddr *)address);
        if (ordinal == 0) {
            count_drops(d, 1);
            return true;
        }
        /* The addresses of a shared source are told one by one: it is asked each time. */
        if (ak_sources_at(peer->log->sources, ordinal)->identity.kind != AK_IDENTITY_OVERFLOW)
            peer->ordinal = ordinal;
    }
    ak_intake_record(peer->log, ordinal, data, len, received, NULL);
    return true;
}

/* Reads and hands over once; false when there is nothing more for now. */
static bool turn(struct ak_datagram *d)
{
    struct ak_datagram_scratch *s = d->server->datagrams;
    bool room = true;
    int n;

    for (unsigned i = 0; i < BATCH_MAX; i++) {
        struct msghdr *m = &s->message[i].msg_hdr;
        s->iov[i] = (struct iovec){.iov_base = s->data[i], .iov_len = AK_DATAGRAM_SLOT_BYTES};
        memset(m, 0, sizeof(*m));
        m->msg_name = &s->address[i];
        m->msg_namelen = sizeof(s->address[i]);
        m->msg_iov = &s->iov[i];
        m->msg_iovlen = 1;
    }
    n = recvmmsg(d->fd, s->message, BATCH_MAX, MSG_DONTWAIT | MSG_TRUNC, NULL);
    if (n <= 0) {
        if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED)
            ak_log(AK_LOG_ERROR, "listener %s: reading failed: %s; it is tried again",
                   d->intake.url, strerror(errno));
        return false;
    }
    ak_server_look(d->server);
    ask_for_drops(d);
    for (int i = 0; i < n; i++) {
        size_t received = s->message[i].msg_len;
        size_t len = received < AK_DATAGRAM_SLOT_BYTES ? received : AK_DATAGRAM_SLOT_BYTES;
        if (s->message[i].msg_hdr.msg_namelen == 0)
            s->address[i].ss_family = AF_UNIX; /* a sender without a name of its own */
        if (room)
            room = give(d, &s->address[i], s->data[i], len, received);
        if (!room)
            keep(d, &s->address[i], s->data[i], len, received);
    }
    return room && n == (int)BATCH_MAX;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct ak_datagram *d = poll->data;

    (void)status;
    (void)events;
    for (unsigned i = 0; i < TURNS_MAX && d->waits_for == NULL && turn(d); i++)
        ;
}

static void start(struct ak_datagram *d)
{
    if (!d->stopped)
        (void)uv_poll_start(&d->poll, UV_READABLE, on_readable);
}

static void give_kept(struct ak_datagram *d)
{
    while (d->kept_head != NULL && d->waits_for == NULL) {
        struct kept *kept = d->kept_head;
        if (!give(d, &kept->address, kept->data, kept->len, kept->received))
            return;
        d->kept_head = kept->next;
        if (d->kept_head == NULL)
            d->kept_tail = NULL;
        free(kept);
    }
}

static void on_room(struct ak_reader *reader)
{
    struct ak_datagram *d =
        (struct ak_datagram *)((char *)reader - offsetof(struct ak_datagram, reader));

    d->waits_for = NULL;
    ak_server_look(d->server);
    give_kept(d);
    if (d->waits_for == NULL)
        start(d);
}

void ak_datagram_tick(struct ak_datagram *d)
{
    struct ak_runlog *logs[AK_INTAKE_LOGS_MAX];
    unsigned n;

    ak_intake_tick(&d->intake);
    ask_for_drops(d);
    if (d->drops == 0)
        return;
    n = ak_intake_logs(&d->intake, logs);
    for (unsigned i = 0; i < n; i++) {
        struct ak_payload p;
        ak_payload_event(&p, "udp-drop", "collector");
        ak_payload_string(&p, "listener", d->intake.url);
        ak_payload_dec(&p, "count", d->drops);
        ak_payload_dec(&p, "since", d->drops_since);
        ak_payload_dec(&p, "until", d->server->wall);
        ak_runlog_own(logs[i], AK_KIND_EVENT, &p);
        logs[i]->stats.udp_dropped += d->drops;
    }
    ak_log(AK_LOG_WARNING,
           "listener %s: %llu datagrams were lost before they could be read; the log says so. "
           "Raise `receive_buffer`, or let the sender use RELP or TCP.",
           d->intake.url, (unsigned long long)d->drops);
    d->drops = 0;
}

static void recall(struct ak_datagram *d)
{
    struct ak_runlog *logs[AK_INTAKE_LOGS_MAX];

    d->shared = ak_intake_logs(&d->intake, logs) > 1;
    memset(d->peers, 0, sizeof(d->peers));
}

void ak_datagram_reload(struct ak_datagram *d, const struct ak_config_listener *config)
{
    ak_intake_reload(&d->intake, config);
    recall(d);
}

static void set_options(struct ak_datagram *d)
{
    uint64_t wanted = d->intake.config->limits.receive_buffer;
    int bytes = wanted > INT32_MAX / 2 ? INT32_MAX / 2 : (int)wanted;
    int got = 0;
    socklen_t len = sizeof(got);

    if (bytes <= 0)
        return;
    if (setsockopt(d->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
        (void)setsockopt(d->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    /* The kernel counts its own bookkeeping too and reports the double. */
    if (getsockopt(d->fd, SOL_SOCKET, SO_RCVBUF, &got, &len) == 0 && got / 2 < bytes)
        ak_log(AK_LOG_WARNING,
               "listener %s: the kernel gives a receive buffer of %d bytes, not %d; raise "
               "net.core.rmem_max",
               d->intake.url, got / 2, bytes);
}

enum ak_code ak_datagram_open(struct ak_server *server, const struct ak_config_listener *config,
                              struct ak_datagram **out, char *url, struct ak_error *err)
{
    struct ak_datagram *d = calloc(1, sizeof(*d));
    enum ak_code rc;
    int uv;

    *out = NULL;
    if (d == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for listener %s", config->url.text);
    if (server->datagrams == NULL)
        server->datagrams = calloc(1, sizeof(*server->datagrams));
    d->server = server;
    d->reader.on_room = on_room;
    rc = server->datagrams != NULL ? ak_listener_bind(&config->url, &d->fd, url, err)
                                   : ak_fail(err, AK_ENOMEM, "no memory for datagrams");
    if (rc != AK_OK) {
        free(d);
        return rc;
    }
    ak_intake_init(&d->intake, server, config);
    set_options(d);
    recall(d);
    if (config->url.transport == AK_TRANSPORT_UNIX)
        (void)chmod(config->url.path, UNIX_MODE);
    uv = uv_poll_init(&server->loop, &d->poll, d->fd);
    if (uv != 0) {
        (void)close(d->fd);
        free(d);
        return ak_fail(err, AK_EIO, "listener %s: %s", config->url.text, uv_strerror(uv));
    }
    d->poll.data = d;
    start(d);
    *out = d;
    return AK_OK;
}

struct ak_intake *ak_datagram_intake(struct ak_datagram *d)
{
    return &d->intake;
}

static void on_closed(uv_handle_t *handle)
{
    struct ak_datagram *d = handle->data;

    (void)close(d->fd);
    while (d->kept_head != NULL) {
        struct kept *kept = d->kept_head;
        d->kept_head = kept->next;
        free(kept);
    }
    free(d);
}

void ak_datagram_close(struct ak_datagram *d)
{
    bool more = true;

    d->stopped = true;
    if (d->waits_for != NULL) {
        ak_runlog_unwait(d->waits_for, &d->reader);
        d->waits_for = NULL;
    }
    give_kept(d);
    for (unsigned i = 0; i < DRAIN_TURNS_MAX && more && d->waits_for == NULL; i++)
        more = turn(d);
    for (const struct kept *kept = d->kept_head; kept != NULL; kept = kept->next)
        count_drops(d, 1);
    ak_datagram_tick(d);
    if (d->waits_for != NULL)
        ak_runlog_unwait(d->waits_for, &d->reader);
    (void)uv_poll_stop(&d->poll);
    if (d->intake.config->url.transport == AK_TRANSPORT_UNIX)
        (void)unlink(d->intake.config->url.path);
    uv_close((uv_handle_t *)&d->poll, on_closed);
}

void ak_datagram_scratch_free(struct ak_server *server)
{
    free(server->datagrams);
    server->datagrams = NULL;
}
