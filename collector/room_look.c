/* room_look.c - what lies in a log's directory, for its share: all of it at the open, and then
 * again and again what is put there beside the running collector.
 *
 * That is renewals alone: `akashi-collector renew` writes them, and hands that bring what
 * `akashi-verify renew` made elsewhere. All other files are the collector's own, and it counts them
 * as it writes them. A renewal can be a quarter of the stamps that it lists (a line of 160 bytes
 * for each file, against 1.3 kB for a stamped note and a small stamp), so it must not wait for the
 * next start.
 *
 * Whoever puts one there need not know that a collector runs, so it looks. In the pool: 100,000
 * names take about 50 ms. A directory that cannot be listed keeps what was counted before. */
#include "room.h"

#include "server.h"
#include "units.h"

#include "store_list.h"

#include <fcntl.h>
#include <sys/stat.h>

#define LOOK_SECONDS 10u /* 0.5 % of a core where a log has 100,000 files */

struct counting {
    int dir_fd;
    bool only_renewals;
    uint64_t all;
    uint64_t renewals;
};

static void on_name(void *ctx, const struct ak_list_file *file)
{
    struct counting *c = ctx;
    bool renewal = file->type == AK_LIST_RENEWAL || file->type == AK_LIST_RENEWAL_STAMP;
    struct stat st;

    if ((c->only_renewals && !renewal) ||
        fstatat(c->dir_fd, file->name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return;
    c->all += (uint64_t)st.st_size;
    c->renewals += renewal ? (uint64_t)st.st_size : 0;
}

void ak_room_count(struct ak_runlog *log)
{
    struct counting c = {.dir_fd = log->dir_fd};

    (void)ak_list_each_name(log->dir_fd, on_name, &c, NULL);
    log->bytes = c.all;
    log->look.renewals = c.renewals;
    /* Logs that are opened together are not looked at together. */
    log->look.due = log->server->boot + (unsigned char)log->id[0] % LOOK_SECONDS * AK_NS_PER_S;
}

static void look_work(uv_work_t *work)
{
    struct ak_runlog *log = work->data;
    struct counting c = {.dir_fd = log->dir_fd, .only_renewals = true};

    log->look.found = ak_list_each_name(log->dir_fd, on_name, &c, NULL) == AK_OK
                          ? c.renewals
                          : log->look.renewals;
}

static void look_done(uv_work_t *work, int status)
{
    struct ak_runlog *log = work->data;

    (void)status; /* it is never cancelled */
    ak_room_beside(log, log->look.found, log->look.renewals);
    log->look.renewals = log->look.found;
    log->look.busy = false;
}

void ak_room_look(struct ak_runlog *log)
{
    if (log->look.busy || log->server->boot < log->look.due)
        return;
    log->look.busy = true;
    log->look.due = log->server->boot + LOOK_SECONDS * AK_NS_PER_S;
    log->look.work.data = log;
    (void)uv_queue_work(&log->server->loop, &log->look.work, look_work, look_done);
}
