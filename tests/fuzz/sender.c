/* sender.c - the numbers that senders count with, from hostile bytes: those found lie in the
 * record, and whatever row of numbers is followed, memory stays bounded, jumps go forward and their
 * sum is what is said to be lost.
 *
 * The first byte of an input: even, the rest is a record; odd, it is a row of numbers, each a step
 * of one byte from the last one, or (0) any number of 8 bytes that follow. */
#include "sender_line.h"
#include "sender_number.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sums {
    uint64_t lost;
    uint64_t unclear;
    uint64_t restarts;
};

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "sender: %s\n", what);
    abort();
}

static void within(struct ak_syslog_part part, const char *begin, const char *end)
{
    must(part.p == NULL || (part.p >= begin && part.p + part.len <= end), "a part lies outside");
}

static void as_record(const uint8_t *data, size_t size)
{
    struct ak_sender_number number[AK_SENDER_NUMBERS_MAX];
    size_t n = ak_sender_numbers(number, data, size);

    must(n <= AK_SENDER_NUMBERS_MAX, "too many numbers");
    for (size_t i = 0; i < n; i++) {
        within(number[i].host, (const char *)data, (const char *)data + size);
        within(number[i].app, (const char *)data, (const char *)data + size);
        must(ak_sender_kind_text(number[i].kind) != NULL, "a kind has no name");
    }
}

static void add_up(uint64_t *sum, uint64_t more)
{
    *sum = more > UINT64_MAX - *sum ? UINT64_MAX : *sum + more;
}

static enum ak_code on_jump(void *ctx, const struct ak_sender_jump *jump, struct ak_error *err)
{
    struct sums *sums = ctx;

    (void)err;
    if (jump->kind == AK_SENDER_RESTART) {
        must(jump->after.number <= jump->before.number, "a restart goes forward");
        sums->restarts++;
    } else {
        must(jump->missing > 0, "nothing is missing in a jump");
        must(jump->after.number - jump->before.number == jump->missing + 1,
             "a jump does not lack what lies between");
        add_up(jump->kind == AK_SENDER_LOST ? &sums->lost : &sums->unclear, jump->missing);
    }
    return AK_OK;
}

static void as_row(uint8_t how, const uint8_t *data, size_t size)
{
    struct sums sums = {0};
    struct ak_sender_line line = {.ctx = &sums, .on_jump = on_jump};
    struct ak_sender_seen seen = {0};
    struct ak_error err = {0};

    line.wrap = (how & 2) != 0 ? AK_SENDER_META_MAX : 0;
    line.shared = (how & 4) != 0;
    for (size_t i = 0; i < size; i++) {
        if (data[i] == 0 && i + 8 < size) {
            memcpy(&seen.number, data + i + 1, sizeof(seen.number));
            i += 8;
        } else {
            seen.number += (uint64_t)(int64_t)(int8_t)data[i];
        }
        if (line.wrap > 0)
            seen.number = seen.number % line.wrap + 1;
        seen.index++;
        seen.blind += (how & 8) != 0 && data[i] % 16 == 7;
        seen.stamp += data[i] % 4;
        must(ak_sender_line_add(&line, &seen, &err) == AK_OK, "a number is refused");
        must(line.now.open_count <= AK_SENDER_OPEN_MAX &&
                 line.before.open_count <= AK_SENDER_OPEN_MAX,
             "too many open jumps");
    }
    must(ak_sender_line_finish(&line, &err) == AK_OK, "the end is refused");
    must(sums.lost == line.lost && sums.unclear == line.unclear && sums.restarts == line.restarts,
         "sums differ from what was told");
    must(line.late + line.repeated + line.stray <= line.numbers, "more numbers than there were");
    ak_sender_line_free(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 2 == 0)
        as_record(data + 1, size - 1);
    else
        as_row((uint8_t)(data[0] >> 1), data + 1, size - 1);
    return 0;
}
