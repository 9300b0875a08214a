/* if_stolen.c - see if_stolen.h (format.md R11, R43, R48).
 *
 * Who has a copy of the machine has the key of the epoch of then and can make all later ones, and
 * the log key. He has no earlier epoch's key, if erasure worked; and what others signed or stamped
 * before, he cannot undo. */
#include "if_stolen.h"

/* The largest size that a stamp from before the copy covers. */
static void find_stamp(const struct ak_check_log *log, const struct ak_check_options *options,
                       struct ak_if_stolen *out)
{
    for (size_t i = 0; i < log->bound_count; i++) {
        const struct ak_check_bound *bound = &log->bounds[i];
        if (options->copied_at > 0 && bound->existed_by > options->copied_at / 1000000000u)
            continue;
        if (options->copied_size > 0 && bound->size > options->copied_size)
            continue;
        if (bound->size > out->stamped) {
            out->stamped = bound->size;
            out->stamped_by = bound->existed_by;
        }
    }
}

/* Proven entries of [begin, end). */
static uint64_t count(const struct ak_check_log *log, uint64_t begin, uint64_t end)
{
    uint64_t n = 0;

    for (size_t i = 0; i < log->range_count; i++) {
        uint64_t a = log->ranges[i].begin > begin ? log->ranges[i].begin : begin;
        uint64_t b = log->ranges[i].end < end ? log->ranges[i].end : end;
        n += a < b ? b - a : 0;
    }
    return n;
}

/* What else than a missing quorum makes the log INCOMPLETE. */
static bool complete(const struct ak_check_log *log)
{
    for (unsigned i = 0; i < AK_FINDING_CODES; i++) {
        if (log->code_counts[i] > 0 && i != AK_FINDING_QUORUM &&
            ak_finding_info((enum ak_finding_code)i)->verdict == AK_INCOMPLETE)
            return false;
    }
    return true;
}

void ak_if_stolen_judge(const struct ak_check_log *log, const struct ak_check_options *options,
                        struct ak_if_stolen *out)
{
    uint64_t others;

    *out = (struct ak_if_stolen){.cosigned = log->witnessed_size, .cosigned_by = log->existed_by};
    find_stamp(log, options, out);
    if (log->has_copied)
        out->erased = log->copied_start;
    others = out->cosigned > out->stamped ? out->cosigned : out->stamped;
    out->by_others = count(log, 0, others);
    out->by_erasure = count(log, others, out->erased);
    out->exposed = log->proven - out->by_others - out->by_erasure;
    if (log->verdict >= AK_NOT_CHECKABLE)
        out->verdict = log->verdict;
    else if (complete(log) && out->by_others > 0 && out->by_others == log->proven)
        out->verdict = AK_VALID;
    else
        out->verdict = AK_INCOMPLETE;
}
