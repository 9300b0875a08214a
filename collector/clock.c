/* clock.c - wall clock, monotonic clock and what the kernel says of their quality. */
#include "clock.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S      1000000000u
#define BOOT_ID_BYTES 36 /* a UUID in text */

static _Atomic uint64_t fixed_wall;

static uint64_t clock_read(clockid_t id)
{
    struct timespec ts;

    (void)clock_gettime(id, &ts); /* cannot fail for the clocks used here */
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t ak_clock_wall(void)
{
    uint64_t fixed = atomic_load_explicit(&fixed_wall, memory_order_relaxed);
    uint64_t now = fixed != 0 ? fixed : clock_read(CLOCK_REALTIME);

    return now - now % 1000;
}

uint64_t ak_clock_boottime(void)
{
    return clock_read(CLOCK_BOOTTIME);
}

const char *ak_clock_boot_id(void)
{
    static char id[BOOT_ID_BYTES + 1];
    int fd;

    if (id[0] != '\0')
        return id;
    fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, id, BOOT_ID_BYTES) != BOOT_ID_BYTES)
        (void)snprintf(id, sizeof(id), "unknown");
    if (fd >= 0)
        (void)close(fd);
    return id;
}

void ak_clock_sync(struct ak_clock_sync *sync)
{
    struct timex t;
    int state;

    memset(&t, 0, sizeof(t));
    state = adjtimex(&t);
    sync->synchronized = state != -1 && state != TIME_ERROR && (t.status & STA_UNSYNC) == 0;
    sync->max_error_us = t.maxerror > 0 ? (uint64_t)t.maxerror : 0;
    sync->offset_ns = (t.status & STA_NANO) != 0 ? t.offset : t.offset * 1000;
}

void ak_clock_text(uint64_t ns, char *out, unsigned cap)
{
    time_t seconds = (time_t)(ns / NS_PER_S);
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL || strftime(out, cap, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        (void)snprintf(out, cap, "?");
}

void ak_clock_set(uint64_t ns)
{
    atomic_store(&fixed_wall, ns);
}
