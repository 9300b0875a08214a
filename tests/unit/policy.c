/* policy.c - tlog-policy: what is a policy, whose cosignatures count, and since when a checkpoint
 * existed. */
#include <akashi/base64.h>
#include <akashi/cosignature.h>
#include <akashi/policy.h>
#include <akashi/sha256.h>

#include <inttypes.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DASH "\xe2\x80\x94"

/* A checkpoint that a public mirror cosigned (type 04), for testing. */
static const char mirror_vkey[] =
    "mirror.example.org+3fb148ef+BAAjjch9GyYz0sJsJx7ALhbdAtz2ov0unbzSl1vMp94O";
static const char mirror_note[] =
    "rome2026h1.example.org\n300\ngw31yQrqZZCcEOPrzX+bpy3nJ6QgngTKn8G1m0i62uU=\n\n" DASH
    " mirror.example.org P7FI7wAAAABpVGeAjA1S4pJm6MbcXjX7UUImu4azZtrfcVW2uyr/LXIYlwEJzXC0N0EiZkbq"
    "fLdXt/4gVEEuGmxJjAfXKMCISpsJAg==\n";

static const char text[] = "example.org/log\n42\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";

struct key {
    char vkey[512];
    char name[64];
    uint8_t id[4];
    uint8_t sk[64];
};

/* Key number `fill`, as a vkey of the given type. */
static struct key make_key(const char *name, uint8_t fill, uint8_t type)
{
    struct ak_sha256_ctx ctx;
    struct ak_hash hash;
    uint8_t encoding[33] = {type};
    uint8_t seed[32];
    char base64[64];
    char id[9];
    struct key key;

    memset(seed, fill, sizeof(seed));
    (void)crypto_sign_seed_keypair(encoding + 1, key.sk, seed);
    ak_sha256_init(&ctx);
    ak_sha256_update(&ctx, name, strlen(name));
    ak_sha256_update(&ctx, "\n", 1);
    ak_sha256_update(&ctx, encoding, sizeof(encoding));
    ak_sha256_final(&ctx, &hash);
    memcpy(key.id, hash.b, 4);
    (void)snprintf(key.name, sizeof(key.name), "%s", name);
    (void)ak_base64_encode(base64, sizeof(base64), encoding, sizeof(encoding));
    (void)ak_hex_encode(id, sizeof(id), key.id, 4);
    (void)snprintf(key.vkey, sizeof(key.vkey), "%s+%s+%s", name, id, base64);
    return key;
}

static struct key witness(unsigned i)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "w%u.example.org", i);
    return make_key(name, (uint8_t)(i + 1), 0x04);
}

/* A cosignature line for `body`. */
static void add_line(char *out, const struct key *key, uint64_t time, const char *body)
{
    uint8_t bytes[4 + 8 + 64];
    char message[512];
    char base64[128];

    (void)snprintf(message, sizeof(message), "cosignature/v1\ntime %" PRIu64 "\n%s", time, body);
    memcpy(bytes, key->id, 4);
    for (unsigned i = 0; i < 8; i++)
        bytes[4 + i] = (uint8_t)(time >> (56 - 8 * i));
    (void)crypto_sign_detached(bytes + 12, NULL, (const uint8_t *)message, strlen(message),
                               key->sk);
    (void)ak_base64_encode(base64, sizeof(base64), bytes, sizeof(bytes));
    (void)sprintf(out + strlen(out), DASH " %s %s\n", key->name, base64);
}

static enum ak_code parse(struct ak_policy **policy, const char *file, struct ak_error *err)
{
    return ak_policy_parse(policy, file, strlen(file), err);
}

static struct ak_policy *good(const char *file)
{
    struct ak_error err = {0};
    struct ak_policy *policy;

    if (parse(&policy, file, &err) != AK_OK)
        fail_msg("%s", err.text);
    return policy;
}

/* Replaces @0, @1, ... by the vkeys of witnesses, and @L by that of a log. */
static const char *fill_in(const char *form)
{
    static char out[16384];
    size_t n = 0;

    for (; *form != '\0'; form++) {
        struct key key;
        if (*form != '@') {
            out[n++] = *form;
            continue;
        }
        form++;
        key =
            *form == 'L' ? make_key("example.org/log", 99, 0x01) : witness((unsigned)(*form - '0'));
        n += (size_t)sprintf(out + n, "%s", key.vkey);
    }
    out[n] = '\0';
    return out;
}

static const char spec_example[] = "log @L\n"
                                   "\n"
                                   "witness X1 @0\n"
                                   "witness X2 @1\n"
                                   "witness X3 @2\n"
                                   "group X-witnesses 2 X1 X2 X3\n"
                                   "\n"
                                   "witness Y1 @3\n"
                                   "witness Y2 @4 https://y2.example/\n"
                                   "witness Y3 @5\n"
                                   "group Y-witnesses any Y1 Y2 Y3\n"
                                   "\n"
                                   "group X-and-Y all X-witnesses Y-witnesses\n"
                                   "quorum X-and-Y\n";

/* The example of the specification reads as it is meant. */
static void example(void **state)
{
    struct ak_policy *policy = good(fill_in(spec_example));
    const struct ak_policy_witness *witnesses;
    const struct ak_policy_log *logs;
    struct key log = make_key("example.org/log", 99, 0x01);
    char vkey[AK_VKEY_TEXT_BYTES_MAX];
    size_t n;

    (void)state;
    logs = ak_policy_logs(policy, &n);
    assert_int_equal(n, 1);
    assert_true(logs[0].checkable && logs[0].url == NULL);
    (void)ak_vkey_format(vkey, sizeof(vkey), &logs[0].vkey);
    assert_string_equal(vkey, log.vkey);
    witnesses = ak_policy_witnesses(policy, &n);
    assert_int_equal(n, 6);
    assert_string_equal(witnesses[4].name, "Y2");
    assert_string_equal(witnesses[4].url, "https://y2.example/");
    assert_null(witnesses[5].url);
    (void)ak_vkey_format(vkey, sizeof(vkey), &witnesses[5].vkey);
    assert_string_equal(vkey, witness(5).vkey);
    assert_string_equal(ak_policy_quorum_name(policy), "X-and-Y");
    ak_policy_free(policy);
}

/* What the specification allows, in the forms it allows. */
static void allowed(void **state)
{
    static const char *const files[] = {
        "quorum none\n",
        "\n# comment\n\t # another\n\twitness \t w1  @0   https://w1.example/  \n \n  quorum\tw1\n",
        "witness none-such @0\nquorum none\n",
        "witness all @0\nwitness any @1\ngroup group 2 all any\nquorum group\n",
        "witness 1 @0\ngroup log 1 1\nquorum log\n",
        "witness K\xe2\x84\xaa\x80\xff @0\nquorum K\xe2\x84\xaa\x80\xff\n",
        "quorum none\nwitness w @0\nlog @L\n", /* only names must stand before their use */
        "log @L https://log.example/\xc3\xa9 \nquorum none\n",
        "witness a @0\ngroup g 1 a\ngroup h 1 g\ngroup i all h\nquorum i\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        ak_policy_free(good(fill_in(files[i])));
    ak_policy_free(NULL);
}

/* What it forbids is refused, with the line and what to do. */
static void forbidden(void **state)
{
    static const struct {
        const char *file;
        const char *text;
    } cases[] = {
        {"", "there is no quorum line: `quorum none`"},
        {"witness w @0\n", "there is no quorum line"},
        {"quorum none", "line 1: it is not ended by a line feed"},
        {"quorum none\r\n", "line 1: byte 0x0d: lines end in a line feed alone"},
        {"quorum none\n\x01\n", "line 2: byte 0x01 may not be in a policy"},
        {"# \x7f\nquorum none\n", "line 1: byte 0x7f may not"},
        {"quorum none\nquorum none\n", "line 2: there is a quorum line above"},
        {"quorum\n", "line 1: the name is missing: quorum NAME|none"},
        {"quorum w\nwitness w @0\n", "line 1: there is no witness or group 'w' above"},
        {"quorum none # all\n", "line 1: '#' is too much; the line is: quorum NAME|none"},
        {"quibble w\nquorum none\n", "line 1: a line begins with log, witness, group or quorum"},
        {"witnes w @0\nquorum w\n", "did you mean witness?"},
        {"log\nquorum none\n", "line 1: the key is missing: log VKEY [URL]"},
        {"log garbage\nquorum none\n", "line 1: a vkey has the form"},
        {"log @L u v\nquorum none\n", "line 1: 'v' is too much"},
        {"log @L\nlog @L u\nquorum none\n", "line 2: the public key of this log is that of a log"},
        {"log PRIVATE+KEY+a+00000000+AAAA\nquorum none\n", "line 1: this is a private key"},
        {"witness w\nquorum none\n", "line 1: name or key is missing"},
        {"witness w @L\nquorum w\n", "line 1: a vkey of type 0x01 is not a witness's"},
        {"witness none @0\nquorum none\n", "line 1: 'none' stands for no quorum"},
        {"witness w @0\nwitness w @1\nquorum w\n", "line 2: 'w' is the name of a witness"},
        {"witness v @0\nwitness w @0\nquorum w\n", "line 2: the public key of this witness is that "
                                                   "of v above"},
        {"witness w @0\ngroup w any w\nquorum w\n", "line 2: 'w' is the name"},
        {"witness w @0\ngroup none any w\nquorum none\n", "line 2: 'none' stands"},
        {"witness w @0\ngroup g 1\nquorum w\n", "line 2: the members are missing"},
        {"witness w @0\ngroup g\nquorum w\n", "line 2: name, number or members are missing"},
        {"witness w @0\ngroup g 0 w\nquorum g\n", "line 2: 0 of 1 members cannot be needed"},
        {"witness w @0\ngroup g 2 w\nquorum g\n", "line 2: 2 of 1 members cannot"},
        {"witness w @0\ngroup g 18446744073709551617 w\nquorum g\n", "is not how many"},
        {"witness w @0\ngroup g -1 w\nquorum g\n", "line 2: '-1' is not how many members"},
        {"witness w @0\ngroup g 01 w\nquorum g\n", "line 2: '01' is not how many"},
        {"witness w @0\ngroup g All w\nquorum g\n", "line 2: 'All' is not how many"},
        {"witness w @0\ngroup g any v\nquorum g\n", "line 2: there is no witness or group 'v'"},
        {"group g any w\nwitness w @0\nquorum g\n", "line 1: there is no witness or group 'w'"},
        {"witness w @0\ngroup g any g\nquorum g\n", "line 2: there is no witness or group 'g'"},
        {"witness w @0\ngroup g any none w\nquorum g\n", "none is only for the quorum"},
        {"witness w @0\ngroup g all w w\nquorum g\n", "line 2: 'w' is a member of a group already"},
        {"witness w @0\nwitness v @1\ngroup g any w v\ngroup h any w\nquorum g\n",
         "line 4: 'w' is a member of a group already"},
    };
    struct ak_policy *policy;
    struct ak_error err;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(&err, 0, sizeof(err));
        if (parse(&policy, fill_in(cases[i].file), &err) != AK_EMALFORMED)
            fail_msg("accepted: %s", cases[i].file);
        if (strstr(err.text, cases[i].text) == NULL)
            fail_msg("case %zu says: %s", i, err.text);
        assert_null(policy);
    }
    assert_int_equal(ak_policy_parse(&policy, "quorum none\0\n", 13, &err), AK_EMALFORMED);
}

/* One public key under two names and IDs is still one key; a log and a witness may share one. */
static void duplicate_keys(void **state)
{
    struct key a = make_key("a.example", 7, 0x04);
    struct key b = make_key("b.example", 7, 0x04);
    struct key c = make_key("c.example", 7, 0x01);
    struct key d = make_key("d.example", 7, 0x01);
    struct ak_policy *policy;
    char file[2048];

    (void)state;
    (void)snprintf(file, sizeof(file), "witness a %s\nwitness b %s\nquorum a\n", a.vkey, b.vkey);
    assert_int_equal(parse(&policy, file, NULL), AK_EMALFORMED);
    (void)snprintf(file, sizeof(file), "log %s\nlog %s\nquorum none\n", c.vkey, d.vkey);
    assert_int_equal(parse(&policy, file, NULL), AK_EMALFORMED);
    (void)snprintf(file, sizeof(file), "log %s\nwitness a %s\nquorum a\n", c.vkey, a.vkey);
    ak_policy_free(good(file));
}

/* Keys that are not checked here are in the policy: a witness's counts as silent. */
static void other_types(void **state)
{
    uint8_t encoding[1 + 1312] = {0x06};
    char base64[AK_BASE64_CHARS(sizeof(encoding)) + 1];
    char file[8192];
    struct ak_sha256_ctx ctx;
    struct ak_hash hash;
    struct ak_policy *policy;
    struct ak_quorum quorum;
    struct ak_note note;
    const struct ak_policy_witness *witnesses;
    const struct ak_policy_log *logs;
    char data[1024];
    uint8_t line[80];
    char id[9];
    size_t n;

    (void)state;
    ak_sha256_init(&ctx);
    ak_sha256_update(&ctx, "m\n", 2);
    ak_sha256_update(&ctx, encoding, sizeof(encoding));
    ak_sha256_final(&ctx, &hash);
    (void)ak_hex_encode(id, sizeof(id), hash.b, 4);
    (void)ak_base64_encode(base64, sizeof(base64), encoding, sizeof(encoding));
    (void)snprintf(file, sizeof(file), "log m+%s+%s\nwitness m m+%s+%s\nquorum m\n", id, base64, id,
                   base64);
    policy = good(file);
    logs = ak_policy_logs(policy, &n);
    assert_true(n == 1 && !logs[0].checkable && logs[0].vkey.type == 0x06);
    witnesses = ak_policy_witnesses(policy, &n);
    assert_true(n == 1 && !witnesses[0].checkable);
    memcpy(line, hash.b, 4);
    memset(line + 4, 1, sizeof(line) - 4);
    (void)ak_base64_encode(base64, sizeof(base64), line, sizeof(line));
    (void)snprintf(data, sizeof(data), "%s\n" DASH " m %s\n", text, base64);
    assert_int_equal(ak_note_parse(&note, data, strlen(data), NULL), AK_OK);
    assert_int_equal(ak_policy_judge(policy, &note, &quorum, NULL), AK_OK);
    assert_true(!quorum.met && quorum.cosigned == 0 && quorum.unchecked == 1);
    ak_policy_free(policy);
    file[strlen(file) - strlen("quorum m\n") - 9] = '@'; /* within the key */
    assert_int_equal(parse(&policy, file, NULL), AK_EMALFORMED);
}

/* At the bounds a policy reads, beyond them it does not. */
static void limits(void **state)
{
    static char file[1u << 19];
    struct ak_policy *policy;
    struct ak_error err;
    char name[320];
    size_t n = 0;

    (void)state;
    for (unsigned i = 0; i <= AK_POLICY_LOGS_MAX; i++) {
        /* Of no known type: any bytes are a key. */
        uint8_t encoding[33] = {0x63, (uint8_t)i, (uint8_t)(i >> 8)};
        char base64[64];
        (void)ak_base64_encode(base64, sizeof(base64), encoding, sizeof(encoding));
        n += (size_t)sprintf(file + n, "log l+00000000+%s\n", base64);
        if (i + 2 > AK_POLICY_LOGS_MAX) {
            (void)snprintf(file + n, sizeof(file) - n, "%s", "quorum none\n");
            assert_int_equal(parse(&policy, file, &err),
                             i == AK_POLICY_LOGS_MAX ? AK_ELIMIT : AK_OK);
            ak_policy_free(policy);
        }
    }
    n = 0;
    for (unsigned i = 0; i < AK_POLICY_WITNESSES_MAX; i++) {
        struct key key = make_key("w", (uint8_t)i, 0x04);
        n += (size_t)sprintf(file + n, "witness w%u %s\n", i, key.vkey);
    }
    (void)snprintf(file + n, sizeof(file) - n, "%s", "quorum w255\n");
    ak_policy_free(good(file));
    n += (size_t)sprintf(file + n, "witness x %s\n", mirror_vkey);
    (void)snprintf(file + n, sizeof(file) - n, "%s", "quorum x\n");
    assert_int_equal(parse(&policy, file, &err), AK_ELIMIT);
    assert_non_null(strstr(err.text, "line 257: more than 256 witnesses"));

    n = (size_t)sprintf(file, "%s", fill_in("witness w @0\ngroup g0 1 w\n"));
    for (unsigned i = 1; i < AK_POLICY_GROUPS_MAX; i++)
        n += (size_t)sprintf(file + n, "group g%u 1 g%u\n", i, i - 1);
    (void)snprintf(file + n, sizeof(file) - n, "%s", "quorum g255\n");
    policy = good(file); /* the deepest nesting there can be */
    uint64_t times[1] = {5};
    uint64_t by;
    assert_true(ak_policy_met(policy, times, &by) && by == 5);
    ak_policy_free(policy);
    n += (size_t)sprintf(file + n, "group x 1 g255\n");
    (void)snprintf(file + n, sizeof(file) - n, "%s", "quorum x\n");
    assert_int_equal(parse(&policy, file, &err), AK_ELIMIT);

    memset(name, 'n', sizeof(name));
    name[255] = '\0';
    (void)sprintf(file, "witness %s %s\nquorum %s\n", name, mirror_vkey, name);
    ak_policy_free(good(file));
    name[255] = 'n';
    name[256] = '\0';
    (void)sprintf(file, "witness %s %s\nquorum %s\n", name, mirror_vkey, name);
    assert_int_equal(parse(&policy, file, &err), AK_ELIMIT);
}

/* A cosignature that another program made is valid; changed in any way it is not. */
static void known_cosignature(void **state)
{
    char copy[sizeof(mirror_note)];
    struct ak_vkey vkey;
    struct ak_note note;
    uint64_t time;
    unsigned refused = 0;

    (void)state;
    assert_int_equal(ak_cosigner_parse(&vkey, mirror_vkey, strlen(mirror_vkey), NULL), AK_OK);
    assert_int_equal(ak_note_parse(&note, mirror_note, strlen(mirror_note), NULL), AK_OK);
    assert_int_equal(ak_cosignature_verify(&note, &note.sig[0], &vkey, &time, NULL), AK_OK);
    assert_int_equal(time, 1767139200);
    for (size_t i = 0; i + 1 < sizeof(copy); i++) {
        memcpy(copy, mirror_note, sizeof(copy));
        copy[i] = (char)(copy[i] ^ 1);
        if (ak_note_parse(&note, copy, strlen(copy), NULL) != AK_OK || note.sig[0].id != vkey.id ||
            note.sig[0].name_len != strlen(vkey.name) ||
            memcmp(note.sig[0].name, vkey.name, note.sig[0].name_len) != 0)
            continue;
        assert_int_equal(ak_cosignature_verify(&note, &note.sig[0], &vkey, &time, NULL),
                         AK_ESIGNATURE);
        assert_int_equal(time, 0);
        refused++;
    }
    assert_true(refused > 80);
}

static enum ak_code judge(const struct ak_policy *policy, const char *data,
                          struct ak_quorum *quorum)
{
    struct ak_note note;
    struct ak_error err = {0};

    assert_int_equal(ak_note_parse(&note, data, strlen(data), &err), AK_OK);
    return ak_policy_judge(policy, &note, quorum, &err);
}

/* The quorum of the example, met and not met; "existed by" is the latest time that is needed. */
static void quorums(void **state)
{
    static const struct {
        uint64_t time[6];
        bool met;
        uint64_t by;
    } cases[] = {
        {{0, 0, 0, 0, 0, 0}, false, 0},   {{5, 6, 7, 0, 0, 0}, false, 0},
        {{5, 0, 0, 1, 1, 1}, false, 0},   {{5, 6, 0, 1, 0, 0}, true, 6},
        {{5, 6, 7, 1, 9, 9}, true, 6},    {{5, 9, 7, 8, 0, 0}, true, 8},
        {{5, 9, 7, 0, 20, 30}, true, 20},
    };
    struct ak_policy *policy = good(fill_in(spec_example));
    struct ak_quorum quorum;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct key log = make_key("example.org/log", 99, 0x01);
        unsigned count = 0;
        char data[4096];
        (void)snprintf(data, sizeof(data), "%s\n", text);
        add_line(data, &log, 1, text); /* of a key that is no witness's */
        for (unsigned w = 0; w < 6; w++) {
            struct key key = witness(w);
            if (cases[i].time[w] == 0)
                continue;
            add_line(data, &key, cases[i].time[w], text);
            count++;
        }
        assert_int_equal(judge(policy, data, &quorum), AK_OK);
        assert_true(quorum.demanded);
        assert_int_equal(quorum.met, cases[i].met);
        assert_int_equal(quorum.existed_by, cases[i].by);
        assert_int_equal(quorum.cosigned, count);
    }
    ak_policy_free(policy);
    policy = good("quorum none\n");
    assert_int_equal(judge(policy, mirror_note, &quorum), AK_OK);
    assert_true(quorum.met && !quorum.demanded && quorum.existed_by == 0);
    ak_policy_free(policy);
}

/* A line of a witness that is not valid spoils the note, as does a second one. */
static void bad_lines(void **state)
{
    struct ak_policy *policy =
        good(fill_in("witness a @0\nwitness b @1\ngroup g any a b\nquorum g\n"));
    struct key a = witness(0);
    struct key b = witness(1);
    struct ak_quorum quorum;
    char data[4096];

    (void)state;
    (void)snprintf(data, sizeof(data), "%s\n", text);
    add_line(data, &a, 5, text);
    assert_int_equal(judge(policy, data, &quorum), AK_OK);
    assert_true(quorum.met);
    add_line(data, &b, 5, "another text\n");
    assert_int_equal(judge(policy, data, &quorum), AK_ESIGNATURE);
    assert_false(quorum.met);
    (void)snprintf(data, sizeof(data), "%s\n", text);
    add_line(data, &a, 5, text);
    add_line(data, &a, 6, text);
    assert_int_equal(judge(policy, data, &quorum), AK_EMALFORMED);
    assert_false(quorum.met);
    (void)snprintf(data, sizeof(data), "%s\n", text);
    add_line(data, &a, 0, text);
    assert_int_equal(judge(policy, data, &quorum), AK_ESIGNATURE);
    (void)snprintf(data, sizeof(data), "%s\n", text);
    add_line(data, &a, (uint64_t)1 << 63, text);
    assert_int_equal(judge(policy, data, &quorum), AK_ESIGNATURE);
    (void)snprintf(data, sizeof(data), "%s\n", text);
    add_line(data, &a, INT64_MAX, text);
    assert_int_equal(judge(policy, data, &quorum), AK_OK);
    ak_policy_free(policy);
}

/* The least greatest time over all sets of witnesses, by trying all. */
static uint64_t by_trying(const struct ak_policy *policy, const uint64_t *times, unsigned n)
{
    uint64_t best = 0;

    for (unsigned set = 0; set < 1u << n; set++) {
        uint64_t some[AK_POLICY_WITNESSES_MAX] = {0};
        uint64_t most = 0;
        uint64_t by;
        for (unsigned i = 0; i < n; i++) {
            if (!(set >> i & 1) || times[i] == 0)
                continue;
            some[i] = 1; /* only who is in the set counts */
            most = times[i] > most ? times[i] : most;
        }
        if (ak_policy_met(policy, some, &by) && (best == 0 || most < best))
            best = most;
    }
    return best;
}

/* "Existed by" is that minimum, for trees of groups of all shapes. */
static void minimum(void **state)
{
    uint64_t random = 1;

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        char form[2048];
        size_t n = 0;
        unsigned open[16];
        unsigned open_count = 0;
        unsigned groups = 0;
        struct ak_policy *policy;
        uint64_t times[AK_POLICY_WITNESSES_MAX] = {0};
        uint64_t by;

        for (unsigned i = 0; i < 7; i++) {
            n += (size_t)sprintf(form + n, "witness n%u @%u\n", i, i);
            open[open_count++] = i;
        }
        while (open_count > 1) {
            unsigned take = 2 + (unsigned)((random = random * 6364136223846793005u + 1) >> 33) % 3;
            take = take > open_count ? open_count : take;
            n += (size_t)sprintf(
                form + n, "group n%u %u", 7 + groups,
                1 + (unsigned)((random = random * 6364136223846793005u + 1) >> 33) % take);
            for (unsigned i = 0; i < take; i++) {
                unsigned at =
                    (unsigned)((random = random * 6364136223846793005u + 1) >> 33) % open_count;
                n += (size_t)sprintf(form + n, " n%u", open[at]);
                open[at] = open[--open_count];
            }
            n += (size_t)sprintf(form + n, "\n");
            open[open_count++] = 7 + groups++;
        }
        (void)sprintf(form + n, "quorum n%u\n", open[0]);
        policy = good(fill_in(form));
        for (unsigned i = 0; i < 7; i++)
            times[i] = ((random = random * 6364136223846793005u + 1) >> 33) % 6;
        (void)ak_policy_met(policy, times, &by);
        assert_int_equal(by, by_trying(policy, times, 7));
        ak_policy_free(policy);
    }
}

/* A witness's key is not taken for a log's, and the other way round. */
static void kinds_of_keys(void **state)
{
    struct key w = witness(0);
    struct key l = make_key("example.org/log", 99, 0x01);
    struct ak_error err;
    struct ak_vkey vkey;

    (void)state;
    assert_int_equal(ak_vkey_parse(&vkey, w.vkey, strlen(w.vkey), &err), AK_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "--policy"));
    assert_int_equal(ak_cosigner_parse(&vkey, l.vkey, strlen(l.vkey), &err), AK_EUNSUPPORTED);
    assert_int_equal(ak_cosigner_parse(&vkey, w.vkey, strlen(w.vkey) - 4, &err), AK_EMALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example),           cmocka_unit_test(allowed),
        cmocka_unit_test(forbidden),         cmocka_unit_test(duplicate_keys),
        cmocka_unit_test(other_types),       cmocka_unit_test(limits),
        cmocka_unit_test(known_cosignature), cmocka_unit_test(quorums),
        cmocka_unit_test(bad_lines),         cmocka_unit_test(minimum),
        cmocka_unit_test(kinds_of_keys),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
