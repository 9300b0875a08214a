/* sample_size.c - the hypergeometric distribution: how large a sample must be, and what it shows
 * (format.md 16.2).
 *
 * The text defines both with exact fractions. Here they are computed with 64 bits of mantissa, and
 * a probability counts as equal to the risk where it differs by less than CLOSE of it; that far the
 * sums below are right for every population and every sample that is allowed. */
#include <akashi/sample.h>

#include <assert.h>
#include <math.h>

#define CLOSE 1e-11L

uint64_t ak_sample_tolerated(uint64_t count, uint32_t rate)
{
    uint64_t n = (uint64_t)((unsigned __int128)count * rate / AK_SAMPLE_RATE_UNIT);

    return n == 0 ? 1 : n;
}

static long double risk_of(uint32_t confidence)
{
    assert(confidence > 0 && confidence < AK_SAMPLE_CONFIDENCE_UNIT);
    return (long double)(AK_SAMPLE_CONFIDENCE_UNIT - confidence) / AK_SAMPLE_CONFIDENCE_UNIT;
}

/* Each record drawn without a deviation leaves one good one less. */
uint64_t ak_sample_size(uint64_t count, uint64_t deviations, uint32_t confidence)
{
    long double risk = risk_of(confidence) * (1 + CLOSE);
    long double none = 1;
    uint64_t n = 0;

    assert(deviations > 0 && deviations <= count);
    while (none > risk && n <= AK_SAMPLE_DRAWN_MAX) {
        none *= (long double)(count - deviations - n) / (long double)(count - n);
        n++;
    }
    return n;
}

/* log P(X = least) where X is what is found of `bad` among `drawn`, and `least` the smallest that
 * X can be. */
static long double log_first(uint64_t count, uint64_t bad, uint64_t drawn, uint64_t *least)
{
    long double sum = 0;
    uint64_t good = count - bad;

    if (drawn <= good) { /* none of the bad ones */
        *least = 0;
        for (uint64_t j = 0; j < drawn; j++)
            sum += log1pl(-(long double)bad / (long double)(count - j));
        return sum;
    }
    *least = drawn - good; /* all of the good ones */
    for (uint64_t j = 0; j < good; j++)
        sum += logl((long double)(drawn - j) / (long double)(count - j));
    return sum;
}

/* P(X <= found). */
static long double at_most(uint64_t count, uint64_t bad, uint64_t drawn, uint64_t found)
{
    uint64_t i;
    long double term = log_first(count, bad, drawn, &i);
    long double sum = 0;

    for (; i <= found && i <= bad && i <= drawn; i++) {
        sum += expl(term);
        if (i < bad && i < drawn)
            term += logl((long double)(bad - i) * (long double)(drawn - i) /
                         ((long double)(i + 1) * (long double)(count - bad - drawn + i + 1)));
    }
    return sum;
}

/* The more deviate the less probable it is to find so few: the greatest number is found by halves.
 */
uint64_t ak_sample_bound(uint64_t count, uint64_t drawn, uint64_t found, uint32_t confidence)
{
    long double risk = risk_of(confidence) * (1 + CLOSE);
    uint64_t low = found;
    uint64_t high = count - (drawn - found); /* those found good are good */

    assert(found <= drawn && drawn <= count && drawn <= AK_SAMPLE_DRAWN_MAX);
    while (low < high) {
        uint64_t middle = high - (high - low) / 2;
        if (at_most(count, middle, drawn, found) > risk)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}
