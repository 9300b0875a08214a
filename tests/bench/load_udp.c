/* load_udp.c - datagrams at a given rate, 64 at most with one system call.
 *
 * When the generator itself is too slow for the rate it ends after a little longer than it should
 * have needed; the rate that is printed is the true one. */
#include "load.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BATCH    64u
#define SLICE_NS 250000u /* how long it sleeps when it is early */
#define LATE     1.25    /* of the time that the rate asks for */

void load_udp(const struct load *load, struct result *result)
{
    struct mmsghdr message[BATCH];
    struct iovec iov[BATCH];
    int fd = load_connect(load, SOCK_DGRAM);
    uint64_t begin = load_now_ns();
    uint64_t sent = 0;

    memset(message, 0, sizeof(message));
    result->begin = load_now();
    while (sent < load->records &&
           (load->rate <= 0 ||
            (double)(load_now_ns() - begin) / 1e9 * load->rate < LATE * (double)load->records)) {
        uint64_t due = load->records;
        unsigned n;
        int took;

        if (load->rate > 0)
            due = (uint64_t)(load->rate * (double)(load_now_ns() - begin) / 1e9);
        if (due <= sent) {
            load_sleep_ns(SLICE_NS);
            continue;
        }
        if (due > load->records)
            due = load->records;
        n = due - sent < BATCH ? (unsigned)(due - sent) : BATCH;
        for (unsigned i = 0; i < n; i++) {
            size_t len;
            iov[i].iov_base = (void *)(uintptr_t)load_line(load, sent + i, &len);
            iov[i].iov_len = len;
            message[i].msg_hdr.msg_iov = &iov[i];
            message[i].msg_hdr.msg_iovlen = 1;
            result->bytes += len;
        }
        took = sendmmsg(fd, message, n, 0);
        if (took < 0 && errno != EINTR && errno != ENOBUFS)
            load_die("sendmmsg");
        for (unsigned i = took > 0 ? (unsigned)took : 0; i < n; i++)
            result->bytes -= iov[i].iov_len;
        sent += took > 0 ? (uint64_t)took : 0;
    }
    result->end = load_now();
    result->sent = sent;
    (void)close(fd);
}
