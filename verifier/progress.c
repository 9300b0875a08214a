/* progress.c - one line on standard error, drawn anew a few times a second. */
#include "progress.h"

#include "show.h"
#include "when.h"

#include <string.h>
#include <unistd.h>

#define SHOW_AFTER    AK_WHEN_SECOND       /* shorter work needs no bar */
#define DRAW_INTERVAL (AK_WHEN_SECOND / 5) /* often enough to live, too seldom to cost */
#define BAR_CHARS     24u

void ak_progress_begin(struct ak_progress *progress, bool wanted)
{
    memset(progress, 0, sizeof(*progress));
    progress->on = wanted && isatty(STDERR_FILENO) == 1;
    progress->begin = ak_when_steady();
}

static void draw(const struct ak_check_progress *at, uint64_t elapsed)
{
    char bar[BAR_CHARS + 1];
    char done[AK_SHOW_NUMBER_BYTES];
    char total[AK_SHOW_NUMBER_BYTES];
    char rate[AK_SHOW_NUMBER_BYTES];
    char left[AK_WHEN_TEXT_BYTES];
    double seconds = (double)elapsed / (double)AK_WHEN_SECOND;
    double part = at->bytes_total == 0 ? 0 : (double)at->bytes_done / (double)at->bytes_total;
    double per_second = (double)at->bytes_done / seconds;
    double remaining;

    if (at->bytes_total == 0) { /* nobody knows how much it will be */
        fprintf(stderr, "\r%s entries, %s/s\033[K", ak_show_count(done, at->entries),
                ak_show_count(rate, (uint64_t)((double)at->entries / seconds)));
        fflush(stderr);
        return;
    }
    if (part > 1)
        part = 1;
    remaining = part > 0 ? seconds / part - seconds : 0;
    for (unsigned i = 0; i < BAR_CHARS; i++)
        bar[i] = i < (unsigned)(part * BAR_CHARS) ? '#' : '.';
    bar[BAR_CHARS] = '\0';
    fprintf(stderr, "\r[%s] %3u %%  %s of %s, %s/s, %s left\033[K", bar, (unsigned)(part * 100),
            ak_show_bytes(done, at->bytes_done), ak_show_bytes(total, at->bytes_total),
            ak_show_bytes(rate, (uint64_t)per_second),
            ak_when_format_stretch(left, (uint64_t)(remaining * (double)AK_WHEN_SECOND)));
    fflush(stderr);
}

void ak_progress_show(void *ctx, const struct ak_check_progress *at)
{
    struct ak_progress *progress = ctx;
    uint64_t now;

    if (!progress->on)
        return;
    now = ak_when_steady();
    if (now - progress->begin < SHOW_AFTER || now - progress->latest < DRAW_INTERVAL)
        return;
    progress->latest = now;
    progress->shown = true;
    draw(at, now - progress->begin);
}

void ak_progress_end(struct ak_progress *progress)
{
    if (progress->shown)
        fprintf(stderr, "\r\033[K");
    progress->shown = false;
}
