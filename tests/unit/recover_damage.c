/* recover_damage.c - what a start makes of bytes that changed: what is signed is never given up,
 * what is not goes with the commit that it is in, and is told of as what it is. */
#include "recover_victim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- damage ---- */

/* The frame that holds a byte. */
static const struct ak_frame *frame_at(uint64_t at)
{
    const struct ak_frame *found = &victim.frame[0];

    for (unsigned f = 0; f < victim.frames; f++) {
        if (victim.frame[f].offset <= at)
            found = &victim.frame[f];
    }
    return found;
}

/* The newest size that is signed in the file, by NOTEs but the one that ends at byte `but`, or by
 * the keys' state. */
static uint64_t signed_size(uint64_t but)
{
    uint64_t size = victim.state;

    for (unsigned i = 0; i < victim.steps; i++) {
        if (victim.step[i].note && victim.step[i].bytes != but && victim.step[i].size > size)
            size = victim.step[i].size;
    }
    return size;
}

/* The MARK that ends the commit in which a byte lies; NULL behind the last one. */
static const struct victim_step *commit_at(uint64_t at)
{
    for (unsigned i = 0; i < victim.steps; i++) {
        if (!victim.step[i].note && at < victim.step[i].bytes)
            return &victim.step[i];
    }
    return NULL;
}

/* What must come of a changed byte: all commits, if it is in what is signed or behind the last one;
 * else those before it. A NOTE belongs to the commit behind it. */
static const struct ak_range *expected_for(uint64_t at)
{
    const struct ak_frame *frame = frame_at(at);
    const struct victim_step *hit = commit_at(at);
    const struct victim_step *before;

    if (hit == NULL || hit->range.end <= signed_size(frame->offset + frame->bytes))
        return &victim.step[victim.steps - 1].range;
    before = victim_last_step(frame->offset, false);
    return before != NULL ? &before->range : &victim.begin;
}

/* A changed byte in what is signed takes nothing away, wherever it is; in what is not signed yet it
 * takes that commit and those behind it, and where those were durable that is told as damage. */
static void test_changed_byte(void **state)
{
    unsigned damage = 0;
    unsigned unsupported = 0;

    (void)state;
    victim_make(false);
    for (uint64_t at = 0; at < victim.bytes; at++) {
        const struct ak_range *expected = expected_for(at);
        unsigned char was = victim.data[at];
        const struct victim_step *hit = commit_at(at);
        bool unsigned_part = hit != NULL && hit->range.end > signed_size(0);
        struct ak_recovered out;
        struct ak_range whole = {0};
        struct ak_error err = {0};
        enum ak_code rc;
        victim.data[at] ^= (unsigned char)(1u << at % 8);
        victim_put_file(victim.data, victim.bytes);
        rc = victim_recover(&out, &whole, &err);
        victim.data[at] = was;
        if (rc == AK_EUNSUPPORTED && frame_at(at)->type == AK_FRAME_HEADER) {
            unsupported++; /* a later version's: hands off */
            continue;
        }
        if (rc != AK_OK)
            fail_msg("byte %llu of a frame of type %u: %s", (unsigned long long)at,
                     frame_at(at)->type, err.text);
        if (!victim_range_equal(&out.range, expected) || !victim_range_equal(&whole, expected))
            fail_msg("byte %llu (%llu of a frame of type %u): goes on from %llu, not %llu",
                     (unsigned long long)at, (unsigned long long)(at - frame_at(at)->offset),
                     frame_at(at)->type, (unsigned long long)out.range.end,
                     (unsigned long long)expected->end);
        assert_int_equal(out.torn_count, 1);
        damage += out.torn[0].corruption;
        if (unsigned_part && hit != &victim.step[victim.steps - 1] &&
            frame_at(at)->type == AK_FRAME_DATA && !out.torn[0].corruption)
            fail_msg("byte %llu: durable commits behind it are called torn",
                     (unsigned long long)at);
        if (unsigned_part && hit == &victim.step[victim.steps - 1] && out.torn[0].corruption)
            fail_msg("byte %llu: a torn end is called damage", (unsigned long long)at);
        victim_remove_torn();
    }
    assert_true(damage > 0 && unsupported > 0 && unsupported < 8);
    print_message("%llu bytes changed, %u told as damage\n", (unsigned long long)victim.bytes,
                  damage);
    victim_away();
}

/* A frame that says it is of another kind, or a longer or shorter one, hides nothing behind it. */
static void test_frame_lies(void **state)
{
    static const struct {
        unsigned offset;
        unsigned char value;
    } lies[] = {{0, 0x5e}, {4, 2}, {4, 200}, {5, 1}, {5, 7}, {6, 1}, {7, 1}, {8, 0},
                {8, 1},    {8, 2}, {8, 3},   {8, 4}, {8, 5}, {8, 6}, {9, 0}, {9, 2}};
    unsigned tried = 0;

    (void)state;
    victim_make(false);
    for (unsigned f = 1; f < victim.frames; f++) {
        uint64_t at = victim.frame[f].offset;
        for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
            unsigned char was = victim.data[at + lies[i].offset];
            const struct ak_range *expected = expected_for(at);
            struct ak_recovered out;
            struct ak_range whole = {0};
            struct ak_error err = {0};
            if (was == lies[i].value || victim.frame[f].type == AK_FRAME_DATA)
                continue;
            victim.data[at + lies[i].offset] = lies[i].value;
            victim_put_file(victim.data, victim.bytes);
            victim.data[at + lies[i].offset] = was;
            victim_check(victim_recover(&out, &whole, &err), &err);
            if (!victim_range_equal(&out.range, expected) || !victim_range_equal(&whole, expected))
                fail_msg("frame %u of type %u, byte %u is %u: goes on from %llu, not %llu", f,
                         victim.frame[f].type, lies[i].offset, lies[i].value,
                         (unsigned long long)out.range.end, (unsigned long long)expected->end);
            victim_remove_torn();
            tried++;
        }
    }
    assert_true(tried > 200);
    victim_away();
}

/* Zeroed sectors: the same. What a signature covers and nothing else leads to is never given up:
 * then the start is refused, with what to do. */
static void test_zeroed_sector(void **state)
{
    unsigned refused = 0;

    (void)state;
    victim_make(false);
    for (uint64_t at = 0; at + 16 <= victim.bytes; at += 16) {
        uint64_t n = at + 512 <= victim.bytes ? 512 : victim.bytes - at;
        unsigned char *copy = malloc(victim.bytes);
        struct ak_recovered out;
        struct ak_range whole = {0};
        struct ak_error err = {0};
        enum ak_code rc;
        assert_non_null(copy);
        memcpy(copy, victim.data, victim.bytes);
        memset(copy + at, 0, n);
        victim_put_file(copy, victim.bytes);
        free(copy);
        rc = victim_recover(&out, &whole, &err);
        victim_remove_torn();
        if (rc == AK_OK) {
            const struct victim_step *last = &victim.step[victim.steps - 1];
            bool known = victim_range_equal(&out.range, &victim.begin);
            for (unsigned i = 0; i < victim.steps; i++)
                known = known || (!victim.step[i].note &&
                                  victim_range_equal(&out.range, &victim.step[i].range));
            assert_true(known);
            assert_true(victim_range_equal(&whole, &out.range));
            assert_true(out.range.end >= signed_size(0) || out.range.end >= last->range.end ||
                        at < victim_last_step(victim.bytes, true)->bytes);
        } else {
            refused++;
            if (rc != AK_EINTEGRITY)
                fail_msg("sector at %llu: %s", (unsigned long long)at, err.text);
            if (strstr(err.text, "Bring back") == NULL)
                fail_msg("no remedy: %s", err.text);
        }
    }
    print_message("sectors refused: %u\n", refused);
    victim_away();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changed_byte),
        cmocka_unit_test(test_frame_lies),
        cmocka_unit_test(test_zeroed_sector),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
