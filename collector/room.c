/* room.c - what is left for a log, and what is said and done when it runs out.
 *
 * The happy path is: there is room, nothing happens. Then, in order:
 *   1. below a warning line: the event `disk-low`, once until there is clearly more room again.
 *   2. the share is used up but for the reserve, or less than the reserve is free on the disk, or
 *      a write found no room: the log is full. Readers stop, nothing more is acknowledged; what is
 *      in memory is written into the room of the reserve.
 *   3. there is room for the reserve and as much again: reserve laid aside, event `disk-full` with
 *      since and until, readers go on. */
#include "room.h"

#include "disk.h"
#include "log.h"
#include "server.h"

#include <akashi/format.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PERCENT_CALM 2u /* the warning is over this many per cent below its line */

static void reserve_name(const struct ak_runlog *log, char out[AK_LOG_ID_CHARS + 16])
{
    (void)snprintf(out, AK_LOG_ID_CHARS + 16, "%s.reserve", log->id);
}

static uint64_t reserve_bytes(const struct ak_runlog *log)
{
    return log->server->config->disk_reserve;
}

static uint64_t disk_free(const struct ak_runlog *log, uint64_t *total)
{
    struct statvfs fs;

    if (fstatvfs(log->dir_fd, &fs) != 0) {
        *total = 0;
        return UINT64_MAX;
    }
    *total = (uint64_t)fs.f_blocks * fs.f_frsize;
    return (uint64_t)fs.f_bavail * fs.f_frsize;
}

static uint64_t share_left(const struct ak_runlog *log)
{
    if (log->options.share_bytes == 0)
        return UINT64_MAX;
    return log->bytes < log->options.share_bytes ? log->options.share_bytes - log->bytes : 0;
}

void ak_room_left(const struct ak_runlog *log, uint64_t *disk, uint64_t *share)
{
    uint64_t total;

    *disk = disk_free(log, &total);
    *share = share_left(log);
}

static bool lay_aside(struct ak_runlog *log)
{
    char name[AK_LOG_ID_CHARS + 16];
    int fd;
    bool ok;

    if (log->reserved || reserve_bytes(log) == 0)
        return true;
    reserve_name(log, name);
    (void)unlinkat(log->server->store.tmp_fd, name, 0);
    fd = openat(log->server->store.tmp_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    ok = posix_fallocate(fd, 0, (off_t)reserve_bytes(log)) == 0;
    (void)close(fd);
    if (!ok)
        (void)unlinkat(log->server->store.tmp_fd, name, 0);
    log->reserved = ok;
    return ok;
}

void ak_room_end(struct ak_runlog *log)
{
    char name[AK_LOG_ID_CHARS + 16];

    if (!log->reserved)
        return;
    reserve_name(log, name);
    (void)unlinkat(log->server->store.tmp_fd, name, 0);
    log->reserved = false;
}

static void become_full(struct ak_runlog *log, const char *what)
{
    if (log->full)
        return;
    log->full = true;
    log->full_since = log->server->wall;
    ak_log(AK_LOG_ERROR,
           "log %s: %s. No acknowledgements from now on; senders with acknowledgements keep their "
           "records, UDP is being lost (counted). Free room on the disk of the store, or raise the "
           "log's share: it goes on by itself.",
           log->options.name, what);
}

void ak_room_begin(struct ak_runlog *log)
{
    if (!lay_aside(log))
        become_full(log, "disk full");
}

void ak_room_exhausted(struct ak_runlog *log)
{
    ak_room_end(log);
    become_full(log, "disk full");
}

static void tell_low(struct ak_runlog *log, uint64_t bytes, uint64_t share)
{
    struct ak_payload p;

    ak_payload_event(&p, "disk-low", "collector");
    ak_payload_dec(&p, "free", bytes);
    if (share != UINT64_MAX)
        ak_payload_dec(&p, "share", share);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
    if (share != UINT64_MAX)
        ak_log(AK_LOG_WARNING,
               "log %s: %llu bytes are free on the disk, %llu of its share. When they are used up "
               "nothing more is taken in: free room, or raise the share.",
               log->options.name, (unsigned long long)bytes, (unsigned long long)share);
    else
        ak_log(AK_LOG_WARNING,
               "log %s: %llu bytes are free on the disk. When they are used up nothing more is "
               "taken in: free room.",
               log->options.name, (unsigned long long)bytes);
}

static unsigned used_percent(uint64_t left, uint64_t total)
{
    return total == 0 || left >= total ? 0 : (unsigned)((total - left) / (total / 100 + 1));
}

static void look_at_warning(struct ak_runlog *log, uint64_t bytes, uint64_t total, uint64_t share)
{
    const struct ak_config *config = log->server->config;
    unsigned line = (unsigned)config->disk_warn_percent;
    unsigned calm = line > PERCENT_CALM ? line - PERCENT_CALM : 0;
    unsigned used = used_percent(bytes, total);
    unsigned of_share = share != UINT64_MAX ? used_percent(share, log->options.share_bytes) : 0;
    bool low = (line != 0 && (used >= line || of_share >= line)) || bytes < config->disk_warn_free;

    if (low && !log->low_told) {
        log->low_told = true;
        tell_low(log, bytes, share);
    } else if (!low && used < calm + 1 && of_share < calm + 1 &&
               bytes / 8 * 7 >= config->disk_warn_free) {
        log->low_told = false;
    }
}

static void tell_full(struct ak_runlog *log)
{
    struct ak_payload p;

    ak_payload_event(&p, "disk-full", "collector");
    ak_payload_dec(&p, "since", log->full_since);
    ak_payload_dec(&p, "until", log->server->wall);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
}

void ak_room_stop(struct ak_runlog *log)
{
    if (log->full)
        tell_full(log);
}

static void tell_room(struct ak_runlog *log)
{
    log->full = false;
    tell_full(log);
    ak_log(AK_LOG_NOTICE, "log %s: there is room again, acknowledgements go on", log->options.name);
    ak_server_room(log->server);
}

void ak_room_beside(struct ak_runlog *log, uint64_t written, uint64_t removed)
{
    log->bytes += written;
    log->bytes -= removed < log->bytes ? removed : log->bytes;
}

void ak_room_committed(struct ak_runlog *log)
{
    if (share_left(log) <= reserve_bytes(log))
        become_full(log, "its share of the disk is used up");
}

void ak_room_tick(struct ak_runlog *log)
{
    uint64_t reserve = reserve_bytes(log);
    uint64_t total;
    uint64_t bytes = disk_free(log, &total);
    uint64_t share, ignored;

    ak_room_left(log, &ignored, &share);
    look_at_warning(log, bytes, total, share);
    if (!log->full) {
        ak_room_committed(log);
        if (bytes < reserve)
            become_full(log, "disk full");
        return;
    }
    /* Twice the reserve, so that it does not come and go with each record. */
    if (log->closed_head == NULL && share / 2 > reserve && bytes / 2 > reserve && lay_aside(log))
        tell_room(log);
}
