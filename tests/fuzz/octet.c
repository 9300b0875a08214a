/* octet.c - syslog over a stream of hostile bytes: every byte is accounted for, and how reads cut
 * the stream changes nothing.
 *
 * The first byte of an input chooses framing and record limit, the second one how to cut. */
#include "../unit/frames.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *wrong)
{
    if (wrong == NULL)
        return;
    (void)fprintf(stderr, "octet: %s\n", wrong);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t limits[] = {1, 4, 16, 100, 1000, 262144};
    struct frames_setup setup = {.relp = false};
    struct frames whole;
    struct frames parts;

    if (size < 2)
        return 0;
    setup.framing = (enum ak_framing)(data[0] % 3);
    setup.limit = limits[data[0] / 3 % 6];
    frames_divide(&setup, data + 2, size - 2, &(struct frames_cuts){0}, &whole);
    check(frames_account(&setup, &whole, data + 2, size - 2));

    frames_divide(&setup, data + 2, size - 2, &(struct frames_cuts){.every = 1}, &parts);
    check(frames_differ(&whole, &parts));
    frames_free(&parts);
    frames_divide(&setup, data + 2, size - 2,
                  &(struct frames_cuts){0, (size_t)data[1] + 1, (uint32_t)data[1] + 1, true},
                  &parts);
    check(frames_differ(&whole, &parts));
    frames_free(&parts);
    frames_free(&whole);
    return 0;
}
