/* check_tree.c - which entries signed roots prove, over random logs with random damage: nothing
 * that was changed is ever proven, nobody is called a forger, every group that is whole is proven
 * where hashes and ranges are recorded, and what is counted is what is proven. */
#include <check_tree.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ENTRIES_MAX 60000u
#define GROUPS_MAX  (ENTRIES_MAX / AK_GROUP_ENTRIES + 1)
#define LOGS        120u
#define MARKS_MAX   8u

/* How an entry comes to the tree. */
enum state {
    GOOD,
    CHANGED, /* decoded, and not what was signed */
    BROKEN,  /* not decoded, its columns are there */
    LOST     /* nor are they */
};

struct model {
    uint32_t n;
    struct ak_hash leaf[ENTRIES_MAX];
    struct ak_entry entry[ENTRIES_MAX];
    uint8_t state[ENTRIES_MAX];
    struct ak_hash level8[GROUPS_MAX];
    uint8_t proven[ENTRIES_MAX];
    uint8_t altered[ENTRIES_MAX];
    uint64_t decided;
    struct ak_tree_counts counts; /* of all that was told as proven */
    unsigned forked;
};

static struct model model;
static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static void make_log(uint32_t n)
{
    struct ak_range group;

    memset(&model, 0, sizeof(model));
    model.n = n;
    ak_range_init(&group, 0);
    for (uint32_t i = 0; i < n; i++) {
        static const uint8_t kinds[] = {AK_KIND_RECORD,   AK_KIND_RECORD, AK_KIND_RECORD,
                                        AK_KIND_FRAGMENT, AK_KIND_EVENT,  AK_KIND_STATE};
        uint64_t text[2] = {i, seed};
        ak_sha256(&model.leaf[i], text, sizeof(text));
        model.entry[i].kind = kinds[draw(sizeof(kinds))];
        model.entry[i].received = UINT64_C(1000) * (i + 1);
        model.entry[i].source = AK_SOURCE_FIRST + draw(3);
        assert_int_equal(ak_range_append(&group, &model.leaf[i]), AK_OK);
        if (group.end % AK_GROUP_ENTRIES == 0) {
            model.level8[i / AK_GROUP_ENTRIES] = group.hash[0];
            ak_range_init(&group, group.end);
        }
    }
}

static struct ak_range true_range(uint32_t size)
{
    struct ak_range range;

    ak_range_init(&range, 0);
    for (uint32_t g = 0; g < size / AK_GROUP_ENTRIES; g++)
        assert_int_equal(ak_range_append_node(&range, AK_GROUP_LEVEL, &model.level8[g]), AK_OK);
    for (uint32_t i = size / AK_GROUP_ENTRIES * AK_GROUP_ENTRIES; i < size; i++)
        assert_int_equal(ak_range_append(&range, &model.leaf[i]), AK_OK);
    return range;
}

static void on_proven(void *ctx, uint64_t begin, uint64_t end, const struct ak_tree_counts *counts)
{
    (void)ctx;
    for (uint64_t i = begin; i < end; i++) {
        if (model.state[i] != GOOD || model.proven[i] || model.altered[i])
            fail_msg("entry %u of state %u is proven", (unsigned)i, model.state[i]);
        model.proven[i] = 1;
    }
    model.counts.entries += counts->entries;
    model.counts.records += counts->records;
    model.counts.fragments += counts->fragments;
    model.counts.events += counts->events;
    if (counts->entries > 0)
        assert_int_equal(counts->until, model.entry[end - 1].received);
}

static void on_altered(void *ctx, uint64_t begin, uint64_t end, const struct ak_tree_group *info)
{
    (void)ctx;
    (void)info;
    for (uint64_t i = begin; i < end; i++) {
        assert_false(model.proven[i] || model.altered[i]);
        model.altered[i] = 1;
    }
}

static void on_decided(void *ctx, uint64_t end)
{
    (void)ctx;
    assert_true(end >= model.decided && end <= model.n);
    for (uint64_t i = model.decided; i < end; i++)
        assert_true(model.proven[i] || model.altered[i]);
    model.decided = end;
}

static void on_forked(void *ctx, uint64_t size, struct ak_tree_place place, int who)
{
    (void)ctx;
    (void)size;
    (void)place;
    (void)who;
    model.forked++;
}

static void on_level8(void *ctx, uint64_t group, const struct ak_tree_group *info)
{
    (void)ctx;
    (void)info;
    for (uint32_t i = 0; i < AK_GROUP_ENTRIES; i++)
        assert_int_equal(model.state[group * AK_GROUP_ENTRIES + i], GOOD);
}

static void on_range(void *ctx, uint64_t size, struct ak_tree_place place, int who)
{
    (void)ctx;
    (void)place;
    (void)who;
    fail_msg("the true range of size %u is called wrong", (unsigned)size);
}

static const struct ak_tree_events events = {.on_proven = on_proven,
                                             .on_altered = on_altered,
                                             .on_decided = on_decided,
                                             .on_forked = on_forked,
                                             .on_level8 = on_level8,
                                             .on_range = on_range};

/* What a log is like, beside its entries. */
struct plan {
    uint32_t block_max;
    uint32_t note_every;  /* one block in so many has a checkpoint behind it; 0: only the last */
    uint32_t wrong_every; /* one recorded hash in so many is wrong; 0: none */
    bool marks;           /* every block has a MARK with the range behind it */
};

static void add_part(struct ak_tree *tree, uint32_t at, uint32_t count, uint8_t state,
                     const struct plan *plan)
{
    static struct ak_hash changed[AK_GROUP_ENTRIES];
    uint32_t end = at + count;
    struct ak_hash recorded;
    struct ak_tree_part part = {.count = count, .lost = AK_TREE_DAMAGED, .place = {0, at}};
    struct ak_error err = {0};

    if (end % AK_GROUP_ENTRIES == 0 && state != LOST) {
        recorded = model.level8[(end - 1) / AK_GROUP_ENTRIES];
        if (plan->wrong_every > 0 && draw(plan->wrong_every) == 0)
            recorded.b[5] ^= 1;
        part.recorded = &recorded;
    }
    if (state != LOST)
        part.entry = &model.entry[at];
    if (state == GOOD)
        part.leaf = &model.leaf[at];
    if (state == CHANGED) {
        uint32_t which = draw(count);
        memset(model.state + at, GOOD, count);
        model.state[at + which] = CHANGED;
        memcpy(changed, &model.leaf[at], count * sizeof(changed[0]));
        changed[which].b[0] ^= 1;
        part.leaf = changed;
    } else {
        memset(model.state + at, state, count);
    }
    part.suspect = state != GOOD;
    assert_int_equal(ak_tree_add(tree, &part, &err), AK_OK);
}

/* A signed root of the log as it was: never a fork, whatever is here now. */
static void sign(struct ak_tree *tree, uint32_t size)
{
    struct ak_range range = true_range(size);
    struct ak_hash root;

    assert_int_equal(ak_range_root(&range, &root, NULL), AK_OK);
    (void)ak_tree_sign(tree, size, &root, (struct ak_tree_place){0, size}, 0);
}

/* Gives the log to a tree, block by block, each with the state that its first entry has. */
static void run(const struct plan *plan)
{
    struct ak_tree *tree = ak_tree_new(0, &events);
    uint32_t mark[MARKS_MAX] = {0};
    uint32_t marks = 0;
    struct ak_range range;

    assert_non_null(tree);
    for (uint32_t at = 0; at < model.n;) {
        uint32_t end = at + 1 + draw(plan->block_max);
        uint8_t state = model.state[at];
        if (end > model.n)
            end = model.n;
        while (at < end) {
            uint32_t edge = (at / AK_GROUP_ENTRIES + 1) * AK_GROUP_ENTRIES;
            uint32_t next = edge < end ? edge : end;
            add_part(tree, at, next - at, state >= BROKEN ? state : model.state[at], plan);
            at = next;
        }
        if (plan->marks) {
            range = true_range(at);
            ak_tree_mark(tree);
            ak_tree_offer(tree, &range, (struct ak_tree_place){0, at}, 0, true);
        }
        mark[marks++ % MARKS_MAX] = at;
        if (plan->note_every > 0 && draw(plan->note_every) == 0)
            sign(tree, mark[(marks - 1 - draw(marks < MARKS_MAX ? marks : MARKS_MAX)) % MARKS_MAX]);
    }
    sign(tree, model.n);
    for (uint32_t g = 0; g < model.n / AK_GROUP_ENTRIES; g++)
        ak_tree_list(tree, g, &model.level8[g]);
    ak_tree_listed(tree);
    range = true_range(model.n);
    ak_tree_offer(tree, &range, (struct ak_tree_place){0, model.n}, 0, true);
    ak_tree_end(tree);
    ak_tree_free(tree);
}

static bool is_good(uint32_t begin, uint32_t end)
{
    for (uint32_t i = begin; i < end; i++) {
        if (model.state[i] != GOOD)
            return false;
    }
    return true;
}

/* Nobody is accused, all is decided and counted to the last entry. `whole`: every group without
 * damage is proven. */
static void check_result(bool whole)
{
    struct ak_tree_counts counts = {0};

    assert_int_equal(model.forked, 0);
    assert_int_equal(model.decided, model.n);
    for (uint32_t begin = 0; begin < model.n; begin += AK_GROUP_ENTRIES) {
        uint32_t end = begin + AK_GROUP_ENTRIES < model.n ? begin + AK_GROUP_ENTRIES : model.n;
        for (uint32_t i = begin; i < end && whole && is_good(begin, end); i++) {
            if (!model.proven[i])
                fail_msg("entry %u of %u is not proven", i, model.n);
        }
    }
    for (uint32_t i = 0; i < model.n; i++) {
        counts.entries += model.proven[i];
        counts.records += model.proven[i] && ak_kind_received(model.entry[i].kind);
        counts.fragments += model.proven[i] && model.entry[i].kind == AK_KIND_FRAGMENT;
        counts.events += model.proven[i] && model.entry[i].kind == AK_KIND_EVENT;
    }
    assert_int_equal(model.counts.entries, counts.entries);
    assert_int_equal(model.counts.records, counts.records);
    assert_int_equal(model.counts.fragments, counts.fragments);
    assert_int_equal(model.counts.events, counts.events);
}

static struct plan draw_plan(void)
{
    static const uint32_t blocks[] = {1, 7, 300, 1200};

    return (struct plan){
        .block_max = blocks[draw(4)], .note_every = draw(3) * 5, .marks = draw(2) == 0};
}

/* Good logs of all shapes are proven whole and counted to the last entry, also where a checkpoint
 * lies so far back within a group that its leaves left the ring. */
static void test_good(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LOGS / 10; i++) {
        struct plan plan = draw_plan();
        make_log(1 + draw(i % 4 == 0 ? ENTRIES_MAX : 4000));
        if (i % 4 == 0) {
            plan.block_max = 1200;
            plan.note_every = 15;
        }
        run(&plan);
        check_result(true);
    }
}

/* Whether something can be decided before its hash is known: a MARK explains a checkpoint when
 * columns before it are lost, or have a wrong hash, and no FOOTER is there yet. */
static bool is_early(const struct plan *plan)
{
    return plan->marks && (plan->wrong_every > 0 || memchr(model.state, LOST, model.n) != NULL);
}

/* Some stretches are changed, broken or lost. */
static void test_damage(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LOGS; i++) {
        struct plan plan = draw_plan();
        make_log(1 + draw(6000));
        for (uint32_t k = 1 + draw(4); k > 0; k--) {
            uint32_t at = draw(model.n);
            uint32_t count = 1 + draw(draw(2) == 0 ? 3 : 900);
            uint8_t how = (uint8_t)(CHANGED + draw(3));
            memset(model.state + at, how, count < model.n - at ? count : model.n - at);
        }
        run(&plan);
        check_result(!is_early(&plan));
    }
}

/* Recorded hashes that are wrong beside good and bad entries: those of the footer help out. */
static void test_wrong_hashes(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LOGS; i++) {
        struct plan plan = draw_plan();
        uint32_t at;
        plan.wrong_every = 4;
        make_log(1 + draw(6000));
        at = draw(model.n);
        memset(model.state + at, (int)(CHANGED + draw(2)), model.n - at < 40 ? model.n - at : 40);
        run(&plan);
        check_result(!is_early(&plan));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_wrong_hashes),
    };

    seed = 20231114;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
