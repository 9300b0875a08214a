/* sender_line.c - jumps, falls, late and repeated numbers of one counter.
 *
 *   sure:   numbers rise, at most AK_SENDER_WINDOW at a time; holes stay open for a while.
 *   unsure: a number fell, or leapt further. It begins a run of its own, and the old one is kept:
 *           a number that carries on the old run ends the new one (repeated, or stray); a new run
 *           that lasts, or that begins with 1, is a restart or a loss. */
#include "sender_line.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Sums of what senders claim may be any size. */
static void add_up(uint64_t *sum, uint64_t more)
{
    *sum = more > UINT64_MAX - *sum ? UINT64_MAX : *sum + more;
}

static enum ak_code tell(struct ak_sender_line *line, const struct ak_sender_seen *before,
                         const struct ak_sender_seen *after, bool blind, struct ak_error *err)
{
    struct ak_sender_jump jump = {.before = *before, .after = *after};

    if (after->number <= before->number) {
        jump.kind = AK_SENDER_RESTART;
        line->restarts++;
    } else {
        jump.missing = after->number - before->number - 1;
        jump.kind = blind ? AK_SENDER_UNCLEAR : AK_SENDER_LOST;
        add_up(blind ? &line->unclear : &line->lost, jump.missing);
    }
    return line->on_jump(line->ctx, &jump, err);
}

/* Closes the oldest open jump. Entries that could not be looked at may hold its numbers if they lie
 * anywhere from its beginning to now, as late ones do. */
static enum ak_code close_oldest(struct ak_sender_line *line, struct ak_sender_run *run,
                                 struct ak_error *err)
{
    struct ak_sender_open oldest = run->open[0];

    run->open_count--;
    memmove(run->open, run->open + 1, run->open_count * sizeof(*run->open));
    return tell(line, &oldest.before, &oldest.after, line->last.blind != oldest.before.blind, err);
}

static enum ak_code close_all(struct ak_sender_line *line, struct ak_sender_run *run,
                              struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    while (rc == AK_OK && run->open_count > 0)
        rc = close_oldest(line, run, err);
    return rc;
}

/* Opens a jump behind those that are open at `at`; there is room. */
static void open_at(struct ak_sender_run *run, unsigned at, const struct ak_sender_open *open)
{
    memmove(run->open + at + 1, run->open + at, (run->open_count - at) * sizeof(*run->open));
    run->open[at] = *open;
    run->open_count++;
}

/* The open jump that a number is missing in, or -1. */
static int open_find(const struct ak_sender_run *run, uint64_t number)
{
    for (unsigned i = 0; i < run->open_count; i++) {
        if (number > run->open[i].before.number && number < run->open[i].after.number)
            return (int)i;
    }
    return -1;
}

static void run_begin(struct ak_sender_run *run, const struct ak_sender_seen *seen)
{
    run->first = *seen;
    run->greatest = *seen;
    run->count = 1;
    run->late = 0;
    run->open_count = 0;
}

static bool is_ahead(const struct ak_sender_run *run, uint64_t number)
{
    return number > run->greatest.number && number - run->greatest.number <= AK_SENDER_WINDOW;
}

static bool carries_on(const struct ak_sender_run *run, uint64_t number)
{
    return is_ahead(run, number) || open_find(run, number) >= 0;
}

/* Gives what stood before its place again and drops the run that is not sure. */
static void drop_run(struct ak_sender_line *line)
{
    struct ak_sender_open *room = line->now.open;

    if (line->now.first.number < line->before.first.number)
        line->late += line->now.count; /* overtaken by the first one */
    else if (line->now.first.number <= line->before.greatest.number)
        line->repeated += line->now.count;
    else
        line->stray += line->now.count;
    line->now = line->before;
    line->before.open = room;
    line->before.open_count = 0;
    line->unsure = false;
}

/* The run is what the sender goes on with: what stood before is over. */
static enum ak_code keep_run(struct ak_sender_line *line, struct ak_error *err)
{
    struct ak_sender_seen last = line->before.greatest;
    enum ak_code rc = close_all(line, &line->before, err);

    line->unsure = false;
    line->late += line->before.late;
    if (rc == AK_OK)
        rc = tell(line, &last, &line->now.first, line->now.first.blind != last.blind, err);
    return rc;
}

/* Numbers sent once more lie among those that came, and do not begin with the first one. */
static bool is_repeat(const struct ak_sender_line *line)
{
    return ak_sender_line_written(line, line->now.first.number) > 1 &&
           line->now.first.number >= line->before.first.number &&
           line->now.greatest.number <= line->before.greatest.number;
}

/* A number alone says nothing. */
static bool is_doubtful(const struct ak_sender_line *line)
{
    return line->now.count == 1 || is_repeat(line);
}

/* Makes room for one more open jump. What is told cannot be taken back, so a run that is not sure
 * is taken for sure. */
static enum ak_code make_room(struct ak_sender_line *line, struct ak_error *err)
{
    struct ak_sender_run *run = &line->now;
    enum ak_code rc = AK_OK;

    if (run->open == NULL) {
        run->open = calloc(AK_SENDER_OPEN_MAX, sizeof(*run->open));
        if (run->open == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory to follow a sender's numbers");
    }
    if (run->open_count < AK_SENDER_OPEN_MAX)
        return AK_OK;
    if (line->unsure)
        rc = keep_run(line, err);
    return rc == AK_OK ? close_oldest(line, run, err) : rc;
}

/* The next number, or one behind a hole. */
static enum ak_code run_ahead(struct ak_sender_line *line, const struct ak_sender_seen *seen,
                              struct ak_error *err)
{
    struct ak_sender_run *run = &line->now;
    struct ak_sender_open open = {run->greatest, *seen, run->count};
    enum ak_code rc = AK_OK;

    if (seen->number != run->greatest.number + 1) {
        rc = make_room(line, err);
        if (rc == AK_OK)
            open_at(run, run->open_count, &open);
    }
    run->greatest = *seen;
    return rc;
}

/* A number that was missing in the open jump `at`, which it ends, begins or divides. */
static enum ak_code run_late(struct ak_sender_line *line, unsigned at,
                             const struct ak_sender_seen *seen, struct ak_error *err)
{
    struct ak_sender_run *run = &line->now;
    struct ak_sender_open upper = run->open[at];
    bool below = run->open[at].before.number + 1 != seen->number;
    bool above = seen->number + 1 != upper.after.number;
    unsigned held = run->open_count;
    enum ak_code rc = AK_OK;

    run->late++;
    /* Which of both sides is unclear is not asked: what held for the whole holds for its halves. */
    upper.before = *seen;
    upper.before.blind = run->open[at].before.blind;
    if (below) {
        run->open[at].after = *seen;
    } else if (above) {
        run->open[at] = upper;
    } else {
        run->open_count--;
        memmove(run->open + at, run->open + at + 1, (run->open_count - at) * sizeof(*run->open));
    }
    if (!below || !above)
        return AK_OK;
    rc = make_room(line, err);
    if (rc == AK_OK)
        open_at(run, held < AK_SENDER_OPEN_MAX ? at + 1 : at, &upper);
    return rc;
}

/* A number that carries on the run. */
static enum ak_code run_add(struct ak_sender_line *line, const struct ak_sender_seen *seen,
                            struct ak_error *err)
{
    int at = open_find(&line->now, seen->number);

    line->now.count++;
    return at < 0 ? run_ahead(line, seen, err) : run_late(line, (unsigned)at, seen, err);
}

/* Begins a run that is not sure, and keeps what stood before. */
static void doubt(struct ak_sender_line *line, const struct ak_sender_seen *seen)
{
    struct ak_sender_open *room = line->before.open;

    assert(!line->unsure);
    line->before = line->now;
    line->now.open = room;
    run_begin(&line->now, seen);
    line->unsure = true;
}

static enum ak_code add_unsure(struct ak_sender_line *line, const struct ak_sender_seen *seen,
                               struct ak_error *err)
{
    bool next = seen->number == line->now.greatest.number + 1;
    bool met = line->now.greatest.number == line->before.greatest.number;
    enum ak_code rc = AK_OK;

    if (next && !(met && is_doubtful(line))) {
        rc = run_add(line, seen, err);
    } else if (carries_on(&line->before, seen->number)) {
        drop_run(line);
        return run_add(line, seen, err);
    } else if (carries_on(&line->now, seen->number)) {
        rc = run_add(line, seen, err);
    } else {
        if (is_doubtful(line))
            drop_run(line);
        else
            rc = keep_run(line, err);
        if (rc == AK_OK)
            doubt(line, seen);
        return rc;
    }
    if (rc == AK_OK && line->unsure && line->now.count >= AK_SENDER_WINDOW)
        rc = keep_run(line, err);
    return rc;
}

/* The number counted on over a wrap: of the three that it may mean, the one near the greatest. */
static uint64_t count_on(const struct ak_sender_line *line, uint64_t number)
{
    uint64_t greatest = line->now.greatest.number;
    uint64_t base;

    if (line->wrap == 0 || line->now.count == 0)
        return number;
    base = greatest == 0 ? 0 : (greatest - 1) / line->wrap * line->wrap;
    if (base + number + line->wrap <= greatest + AK_SENDER_WINDOW)
        return base + number + line->wrap;
    if (base >= line->wrap && base + number > greatest + AK_SENDER_WINDOW &&
        base + number - line->wrap + AK_SENDER_WINDOW > greatest)
        return base + number - line->wrap;
    return base + number;
}

uint64_t ak_sender_line_written(const struct ak_sender_line *line, uint64_t number)
{
    return line->wrap == 0 || number == 0 ? number : (number - 1) % line->wrap + 1;
}

/* Another record of an event that came already: the same number, and no later time. */
static bool is_same_event(const struct ak_sender_line *line, const struct ak_sender_seen *seen)
{
    const struct ak_sender_run *run = &line->now;

    return line->shared && seen->number <= run->greatest.number &&
           run->greatest.number - seen->number < AK_SENDER_WINDOW &&
           seen->stamp <= run->greatest.stamp && open_find(run, seen->number) < 0;
}

enum ak_code ak_sender_line_add(struct ak_sender_line *line, const struct ak_sender_seen *written,
                                struct ak_error *err)
{
    struct ak_sender_seen seen = *written;
    enum ak_code rc = AK_OK;

    seen.number = count_on(line, written->number);
    if (line->numbers == 0)
        line->first = seen;
    if (line->numbers == 0 || seen.number < line->least)
        line->least = seen.number;
    if (seen.number > line->most)
        line->most = seen.number;
    line->last = seen;
    line->numbers++;
    if (line->now.count == 0) {
        run_begin(&line->now, &seen);
        return AK_OK;
    }
    if (is_same_event(line, &seen))
        return AK_OK;
    if (line->unsure)
        rc = add_unsure(line, &seen, err);
    else if (carries_on(&line->now, seen.number))
        rc = run_add(line, &seen, err);
    else
        doubt(line, &seen);
    while (rc == AK_OK && !line->unsure && line->now.open_count > 0 &&
           line->now.count - line->now.open[0].since >= AK_SENDER_WINDOW)
        rc = close_oldest(line, &line->now, err);
    return rc;
}

enum ak_code ak_sender_line_finish(struct ak_sender_line *line, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    if (line->unsure) {
        if (is_doubtful(line))
            drop_run(line);
        else
            rc = keep_run(line, err);
    }
    if (rc == AK_OK)
        rc = close_all(line, &line->now, err);
    line->late += line->now.late;
    line->now.late = 0;
    return rc;
}

void ak_sender_line_free(struct ak_sender_line *line)
{
    free(line->now.open);
    free(line->before.open);
    line->now.open = NULL;
    line->before.open = NULL;
}
