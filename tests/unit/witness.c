/* witness.c - a witness without its sockets: state, judgement, limits, URLs. */
#include "disk.h"
#include "log.h"
#include "witness_judge.h"
#include "witness_limit.h"
#include "witness_url.h"

#include <akashi/base64.h>
#include <akashi/cosignature.h>
#include <akashi/tree.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ORIGIN   "exercise.log.example/00112233445566778899aabbccddeeff"
#define LEAVES   16u
#define BODY_MAX 8192u
#define NOW      1800000000u
#define CALLS    200u /* more calls of the disk than any request makes */

struct fixture {
    char dir[64];
    char state[96];
    unsigned char sk[crypto_sign_SECRETKEYBYTES];
    struct ak_vkey key;
    struct ak_policy *policy;
    struct ak_hash leaf[2][LEAVES]; /* two histories, equal up to leaf 5 */
    struct ak_witness w;
    char body[BODY_MAX];
    struct ak_witness_request request;
    struct ak_witness_answer answer;
};

/* ---- the log */

static enum ak_code node(void *ctx, unsigned level, uint64_t index, struct ak_hash *out,
                         struct ak_error *err)
{
    const struct ak_hash *leaf = ctx;

    (void)err;
    if (level == 0) {
        *out = leaf[index];
        return AK_OK;
    }
    for (unsigned i = 0; i < 2; i++) {
        struct ak_hash half;
        (void)node(ctx, level - 1, 2 * index + i, &half, NULL);
        if (i == 0)
            *out = half;
        else
            ak_hash_node(out, out, &half);
    }
    return AK_OK;
}

static struct ak_hash root_of(const struct ak_hash *leaf, uint64_t size)
{
    struct ak_range range;
    struct ak_hash root;

    ak_range_init(&range, 0);
    for (uint64_t i = 0; i < size; i++)
        assert_int_equal(ak_range_append(&range, &leaf[i]), AK_OK);
    assert_int_equal(ak_range_root(&range, &root, NULL), AK_OK);
    return root;
}

/* The request of a history to go from `old` to `size`; it lies in f->body. */
static void ask(struct fixture *f, unsigned history, uint64_t old, uint64_t size)
{
    struct ak_checkpoint cp = {.size = size, .root = root_of(f->leaf[history], size)};
    struct ak_hash proof[AK_PROOF_HASHES_MAX];
    char base64[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];
    uint8_t sig[AK_ED25519_SIGNATURE_BYTES];
    unsigned count = 0;
    size_t n;
    size_t text;

    if (old > 0 && old < size)
        assert_int_equal(ak_consistency_make(old, size, node, f->leaf[history], proof,
                                             AK_PROOF_HASHES_MAX, &count, NULL),
                         AK_OK);
    (void)snprintf(cp.origin, sizeof(cp.origin), "%s", ORIGIN);
    n = (size_t)snprintf(f->body, BODY_MAX, "old %llu\n", (unsigned long long)old);
    for (unsigned i = 0; i < count; i++) {
        (void)ak_base64_encode(base64, sizeof(base64), proof[i].b, AK_HASH_BYTES);
        n += (size_t)snprintf(f->body + n, BODY_MAX - n, "%s\n", base64);
    }
    f->body[n++] = '\n';
    text = n;
    n += ak_checkpoint_format(f->body + n, BODY_MAX - n, &cp);
    (void)crypto_sign_detached(sig, NULL, (const uint8_t *)f->body + text, n - text, f->sk);
    f->body[n++] = '\n';
    n += ak_note_line(f->body + n, BODY_MAX - n, &f->key, sig);
    assert_int_equal(ak_witness_request_parse(&f->request, f->body, n, NULL), AK_OK);
}

static unsigned judge(struct fixture *f)
{
    struct ak_witness_log *log = ak_witness_find(&f->w, ORIGIN);

    assert_non_null(log);
    ak_witness_judge(&f->w, log, &f->request, f->body, strlen(f->body), NOW, &f->answer);
    log->stale = f->answer.stale;
    if (f->answer.changed) {
        ak_witness_record_free(&log->record);
        log->record = f->answer.base;
        f->answer.base.note = NULL;
    }
    ak_witness_record_free(&f->answer.base);
    return f->answer.status;
}

static void reopen(struct fixture *f)
{
    struct ak_error err = {0};

    ak_witness_close(&f->w);
    if (ak_witness_open(&f->w, f->state, f->policy, &err) != AK_OK)
        fail_msg("%s", err.text);
}

/* ---- fixture */

static int set_up(void **state)
{
    unsigned char pk[AK_ED25519_KEY_BYTES];
    char vkey[AK_VKEY_TEXT_BYTES_MAX];
    char text[AK_VKEY_TEXT_BYTES_MAX + 32];
    struct fixture *f = calloc(1, sizeof(*f));
    struct ak_vkey own;
    struct ak_error err = {0};
    int n;

    assert_non_null(f);
    assert_true(sodium_init() >= 0);
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/akashi-witness-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->state, sizeof(f->state), "%s/state", f->dir);
    assert_int_equal(ak_witness_init(f->state, "w.example/witness", &own, &err), AK_OK);
    (void)crypto_sign_keypair(pk, f->sk);
    assert_int_equal(ak_vkey_make(&f->key, ORIGIN, pk, NULL), AK_OK);
    (void)ak_vkey_format(vkey, sizeof(vkey), &f->key);
    n = snprintf(text, sizeof(text), "log %s\nquorum none\n", vkey);
    assert_int_equal(ak_policy_parse(&f->policy, text, (size_t)n, &err), AK_OK);
    for (unsigned i = 0; i < LEAVES; i++) {
        uint8_t one = (uint8_t)i;
        uint8_t other = (uint8_t)(i < 5 ? i : 100 + i);
        ak_hash_leaf(&f->leaf[0][i], &one, 1);
        ak_hash_leaf(&f->leaf[1][i], &other, 1);
    }
    assert_int_equal(ak_witness_open(&f->w, f->state, f->policy, &err), AK_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];

    ak_disk_fault = NULL;
    ak_witness_close(&f->w);
    ak_policy_free(f->policy);
    (void)snprintf(command, sizeof(command), "rm -rf %s", f->dir);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a fixed command */
    free(f);
    return 0;
}

/* ---- faults */

static unsigned fault_at;    /* the call that fails */
static unsigned fault_count; /* calls until now */
static int fault_forever;    /* all that follow fail too: the process was killed there */

static int fault(enum ak_disk_call call, size_t *bytes)
{
    (void)call;
    (void)bytes;
    fault_count++;
    return fault_count == fault_at || (fault_forever && fault_count > fault_at) ? EIO : 0;
}

static void arm(unsigned at, int forever)
{
    fault_at = at;
    fault_count = 0;
    fault_forever = forever;
    ak_disk_fault = fault;
}

/* Whether the state on the disk is of this size and history. */
static void check_disk(struct fixture *f, uint64_t size, unsigned history)
{
    struct ak_hash root = root_of(f->leaf[history], size);
    const struct ak_witness_log *log;

    reopen(f);
    log = ak_witness_find(&f->w, ORIGIN);
    assert_int_equal(log->record.size, size);
    assert_memory_equal(log->record.root.b, root.b, AK_HASH_BYTES);
}

/* ---- cases */

/* What is cosigned verifies, is on the disk, and goes on. */
static void test_cosigns(void **state)
{
    struct fixture *f = *state;
    struct ak_note note;
    struct ak_witness_log *log = ak_witness_find(&f->w, ORIGIN);
    uint64_t time = 0;
    bool own = false;

    for (uint64_t size = 1; size <= LEAVES; size++) {
        ask(f, 0, size - 1, size);
        assert_int_equal(judge(f), 200);
        ask(f, 0, size, size);
        assert_int_equal(judge(f), 200);
    }
    assert_int_equal(ak_note_parse(&note, log->record.note, log->record.note_len, NULL), AK_OK);
    for (unsigned i = 0; i < note.count; i++)
        own = own || ak_cosignature_verify(&note, &note.sig[i], ak_witness_key_vkey(f->w.key),
                                           &time, NULL) == AK_OK;
    assert_true(own);
    assert_int_equal(time, NOW);
    check_disk(f, LEAVES, 0);
}

/* One disk call fails: nothing leaves, the next request goes on from what the disk has. */
static void test_disk_fails(void **state)
{
    struct fixture *f = *state;
    unsigned at;

    ask(f, 0, 0, 3);
    assert_int_equal(judge(f), 200);
    for (at = 1; at < CALLS; at++) {
        unsigned status;
        ask(f, 0, 3, 7);
        arm(at, 0);
        status = judge(f);
        ak_disk_fault = NULL;
        if (status == 200)
            break;
        assert_int_equal(status, 500);
        assert_true(f->answer.err.code != AK_OK);
        assert_null(memmem(f->answer.text, f->answer.len, "\u2014", 3));
        /* Whatever is there, one of both goes on. */
        ask(f, 0, 3, 8);
        if (judge(f) == 409) {
            ask(f, 0, 7, 8);
            assert_int_equal(judge(f), 200);
        }
        check_disk(f, 8, 0);
        tear_down(state);
        assert_int_equal(set_up(state), 0);
        f = *state;
        ask(f, 0, 0, 3);
        assert_int_equal(judge(f), 200);
    }
    assert_in_range(at, 5, CALLS - 1);
    check_disk(f, 7, 0);
}

/* Killed before any call: a state that opens, and holds all that was given out. */
static void test_killed(void **state)
{
    unsigned at;

    for (at = 1; at < CALLS; at++) {
        struct fixture *f = *state;
        const struct ak_witness_log *log;
        unsigned status;

        ask(f, 0, 0, 3);
        assert_int_equal(judge(f), 200);
        ask(f, 0, 3, 7);
        arm(at, 1);
        status = judge(f);
        ak_disk_fault = NULL;
        reopen(f);
        log = ak_witness_find(&f->w, ORIGIN);
        assert_true(log->record.size == 7 || (log->record.size == 3 && status != 200));
        /* Another history cannot be cosigned on top of what was given out. */
        ask(f, 1, 7, 9);
        assert_int_not_equal(judge(f), 200);
        tear_down(state);
        assert_int_equal(set_up(state), 0);
        if (status == 200)
            break;
    }
    assert_in_range(at, 5, CALLS - 1);
}

/* Contradictions are kept once, with a proof where one can be made. */
static void test_forks(void **state)
{
    struct fixture *f = *state;
    const struct ak_witness_log *log;
    char path[192];

    ask(f, 0, 0, 7);
    assert_int_equal(judge(f), 200);
    ask(f, 1, 7, 7);
    assert_int_equal(judge(f), 422);
    assert_int_equal(f->answer.contradiction, AK_WITNESS_FORK);
    assert_true(f->answer.kept);
    assert_int_equal(judge(f), 422);
    assert_false(f->answer.kept);
    ask(f, 1, 7, 12);
    assert_int_equal(judge(f), 422);
    assert_int_equal(f->answer.contradiction, AK_WITNESS_FORK);
    assert_true(f->answer.kept);
    ask(f, 0, 7, 12);
    f->request.proof[0].b[0] ^= 1;
    assert_int_equal(judge(f), 422);
    assert_int_equal(f->answer.contradiction, AK_WITNESS_SUSPECT);
    f->request.count--;
    assert_int_equal(judge(f), 422);
    assert_int_equal(f->answer.contradiction, AK_WITNESS_NO_CONTRADICTION);
    (void)snprintf(path, sizeof(path), "ls %s/forks/fork-*.proof >/dev/null", f->state);
    assert_int_equal(system(path), 0); /* NOLINT(cert-env33-c): a fixed command */
    reopen(f);
    log = ak_witness_find(&f->w, ORIGIN);
    assert_int_equal(log->forks, 2);
    assert_int_equal(log->suspects, 1);
    assert_int_equal(log->record.size, 7);
}

/* A clock that was set back does not make a later cosignature the earlier one. */
static void test_time_never_falls(void **state)
{
    struct fixture *f = *state;
    struct ak_witness_log *log = ak_witness_find(&f->w, ORIGIN);

    ask(f, 0, 0, 3);
    assert_int_equal(judge(f), 200);
    ask(f, 0, 3, 4);
    ak_witness_judge(&f->w, log, &f->request, f->body, strlen(f->body), NOW - 1000, &f->answer);
    assert_int_equal(f->answer.status, 200);
    assert_int_equal(f->answer.base.time, NOW);
    ak_witness_record_free(&f->answer.base);
}

static void test_limit(void **state)
{
    static struct ak_witness_limit limit;
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct ak_witness_client *client = NULL;
    uint64_t now = 1000000000u;
    unsigned taken = 0;

    (void)state;
    memset(&limit, 0, sizeof(limit));
    four.sin_addr.s_addr = htonl(0xc0000207);
    for (unsigned i = 0; i < AK_WITNESS_CONNECTIONS_PER_ADDRESS; i++)
        assert_non_null(client = ak_witness_limit_enter(&limit, (struct sockaddr *)&four, now));
    assert_null(ak_witness_limit_enter(&limit, (struct sockaddr *)&four, now));
    ak_witness_limit_leave(client);
    assert_ptr_equal(ak_witness_limit_enter(&limit, (struct sockaddr *)&four, now), client);
    while (ak_witness_limit_take(client, now))
        taken++;
    assert_int_equal(taken, AK_WITNESS_REQUESTS_BURST);
    now += 1000000000u;
    for (taken = 0; ak_witness_limit_take(client, now);)
        taken++;
    assert_int_equal(taken, AK_WITNESS_REQUESTS_PER_SECOND);
    /* An IPv6 client is its /64. */
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", &six.sin6_addr), 1);
    client = ak_witness_limit_enter(&limit, (struct sockaddr *)&six, now);
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::2:3:4:5", &six.sin6_addr), 1);
    assert_ptr_equal(ak_witness_limit_enter(&limit, (struct sockaddr *)&six, now), client);
    /* A full table has room for another address as long as one of it has no connection. */
    for (unsigned i = 0; i < 2 * AK_WITNESS_ADDRESSES_MAX; i++) {
        four.sin_addr.s_addr = htonl(0x0a000000 + i);
        client = ak_witness_limit_enter(&limit, (struct sockaddr *)&four, now);
        assert_non_null(client);
        ak_witness_limit_leave(client);
    }
    for (unsigned i = 0; i < AK_WITNESS_ADDRESSES_MAX - 2; i++) {
        four.sin_addr.s_addr = htonl(0x0b000000 + i);
        assert_non_null(ak_witness_limit_enter(&limit, (struct sockaddr *)&four, now));
    }
    four.sin_addr.s_addr = htonl(0x0c000000);
    assert_null(ak_witness_limit_enter(&limit, (struct sockaddr *)&four, now));
}

static void test_url(void **state)
{
    static const char *const bad[] = {"",
                                      "ftp://127.0.0.1:1",
                                      "http://127.0.0.1",
                                      "http://:80",
                                      "http:///a",
                                      "http://name:80",
                                      "http://127.0.0.1:80/a b",
                                      "http://127.0.0.1:80/a?b",
                                      "https://[::1]",
                                      "http://127.0.0.1:70000"};
    struct ak_witness_url url;

    (void)state;
    assert_int_equal(ak_witness_url_parse("http://127.0.0.1:8080", &url, NULL), AK_OK);
    assert_false(url.tls);
    assert_string_equal(url.prefix, "");
    assert_int_equal(ak_witness_url_parse("https://[::1]:443/a/b//", &url, NULL), AK_OK);
    assert_true(url.tls);
    assert_string_equal(url.prefix, "/a/b");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(ak_witness_url_parse(bad[i], &url, NULL), AK_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cosigns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_disk_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_time_never_falls, set_up, tear_down),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_url),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
