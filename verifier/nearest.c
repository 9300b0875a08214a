/* nearest.c - optimal string alignment distance over short words. */
#include <akashi/nearest.h>

#include <string.h>

#define SIDE (AK_NEAREST_WORD_BYTES_MAX + 1)

static unsigned lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Both lengths are at most AK_NEAREST_WORD_BYTES_MAX. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned d[SIDE][SIDE];

    for (size_t i = 0; i <= a_len; i++)
        d[i][0] = (unsigned)i;
    for (size_t j = 0; j <= b_len; j++)
        d[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        for (size_t j = 1; j <= b_len; j++) {
            unsigned cost = lower(a[i - 1]) != lower(b[j - 1]);

            d[i][j] = least(d[i - 1][j] + 1, least(d[i][j - 1] + 1, d[i - 1][j - 1] + cost));
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]))
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[a_len][b_len];
}

const char *ak_nearest(const char *text, size_t len, const char *const *words, size_t count)
{
    const char *best = NULL;
    unsigned best_distance = 0;

    if (len == 0 || len > AK_NEAREST_WORD_BYTES_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t word_len = words[i] == NULL ? SIDE : strlen(words[i]);
        unsigned d;

        if (word_len >= SIDE)
            continue;
        d = distance(text, len, words[i], word_len);
        if (3 * d > (len > word_len ? len : word_len))
            continue;
        if (best == NULL || d < best_distance) {
            best = words[i];
            best_distance = d;
        }
    }
    return best;
}
