/* note.c - keys in text form, signed notes, checkpoints and proofs as text. */
#include <akashi/base64.h>
#include <akashi/checkpoint.h>
#include <akashi/note.h>
#include <akashi/proof.h>

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DASH "\xe2\x80\x94"

/* Fixture of the signed-note specification. */
static const char foo_vkey[] =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
static const char foo_note[] =
    "This is an example message.\n\n" DASH
    " example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXm"
    "RKuwHjG1Yu72IneyaQM=\n";

struct key {
    struct ak_vkey vkey;
    uint8_t sk[64];
};

static struct key test_key(const char *name, uint8_t fill)
{
    struct key key;
    uint8_t pk[32];
    uint8_t seed[32];

    memset(seed, fill, sizeof(seed));
    assert_int_equal(crypto_sign_seed_keypair(pk, key.sk, seed), 0);
    assert_int_equal(ak_vkey_make(&key.vkey, name, pk, NULL), AK_OK);
    return key;
}

/* Adds a line of `key` for the `len` bytes of `text` behind what is in `out`. */
static void add_line(char *out, const char *text, size_t len, const struct key *key)
{
    uint8_t sig[64];

    (void)crypto_sign_detached(sig, NULL, (const uint8_t *)text, len, key->sk);
    assert_true(ak_note_line(out + strlen(out), AK_NOTE_LINE_BYTES_MAX, &key->vkey, sig) > 0);
}

static enum ak_code parse_vkey(const char *text)
{
    struct ak_vkey vkey;

    return ak_vkey_parse(&vkey, text, strlen(text), NULL);
}

/* The published key reads, and is written as it was. */
static void vkey_round_trip(void **state)
{
    char text[AK_VKEY_TEXT_BYTES_MAX];
    struct ak_vkey vkey;
    struct ak_vkey made;

    (void)state;
    assert_int_equal(ak_vkey_parse(&vkey, foo_vkey, strlen(foo_vkey), NULL), AK_OK);
    assert_string_equal(vkey.name, "example.com/foo");
    assert_int_equal(vkey.type, AK_VKEY_ED25519);
    assert_true(vkey.id == 0x530d903a);
    assert_int_equal(ak_vkey_format(text, sizeof(text), &vkey), strlen(foo_vkey));
    assert_string_equal(text, foo_vkey);
    assert_int_equal(ak_vkey_make(&made, "example.com/foo", vkey.key, NULL), AK_OK);
    assert_memory_equal(&made, &vkey, sizeof(vkey));
    assert_int_equal(ak_vkey_format(text, strlen(foo_vkey), &vkey), 0);
    assert_int_equal(ak_vkey_format(text, strlen(foo_vkey) + 1, &vkey), strlen(foo_vkey));
}

/* The longest name fits everywhere; one byte more is no name. */
static void longest_name(void **state)
{
    char name[AK_KEY_NAME_BYTES_MAX + 2];
    char text[AK_VKEY_TEXT_BYTES_MAX];
    char line[AK_NOTE_LINE_BYTES_MAX];
    uint8_t sig[64] = {0};
    struct ak_vkey back;
    struct key key;

    (void)state;
    memset(name, 'n', sizeof(name));
    name[AK_KEY_NAME_BYTES_MAX + 1] = '\0';
    key = test_key("k", 1);
    assert_int_equal(ak_vkey_make(&back, name, key.vkey.key, NULL), AK_EUSAGE);
    name[AK_KEY_NAME_BYTES_MAX] = '\0';
    key = test_key(name, 1);
    assert_int_equal(ak_vkey_format(text, sizeof(text), &key.vkey), AK_VKEY_TEXT_BYTES_MAX - 1);
    assert_int_equal(ak_vkey_parse(&back, text, strlen(text), NULL), AK_OK);
    assert_string_equal(back.name, name);
    assert_int_equal(ak_note_line(line, sizeof(line), &key.vkey, sig), sizeof(line) - 1);
    assert_int_equal(ak_note_line(line, sizeof(line) - 1, &key.vkey, sig), 0);
}

static void vkeys_refused(void **state)
{
    static const struct {
        const char *text;
        enum ak_code want;
    } cases[] = {
        {"", AK_EMALFORMED},
        {"example.com/foo", AK_EMALFORMED},
        {"example.com/foo+530d903a", AK_EMALFORMED},
        {"example.com/foo+530d903a+", AK_EMALFORMED},
        {"+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", AK_EMALFORMED},
        {"a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", AK_EMALFORMED},
        {"example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", AK_EMALFORMED},
        {"example.com/foo+30d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", AK_EMALFORMED},
        {"example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", AK_EMALFORMED},
        {"example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", AK_EMALFORMED},
        {"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2l", AK_EMALFORMED},
        {"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U0=", AK_EMALFORMED},
        {"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n", AK_EMALFORMED},
        {" example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", AK_EMALFORMED},
        {"example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", AK_EUNSUPPORTED},
        {"mirror.example.org+3fb148ef+BAAjjch9GyYz0sJsJx7ALhbdAtz2ov0unbzSl1vMp94O",
         AK_EUNSUPPORTED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_int_equal(parse_vkey(cases[i].text), cases[i].want);
}

/* E10: a key of small order, with the right key ID, is refused as a key. */
static void vkey_of_small_order(void **state)
{
    static const uint8_t identity[32] = {1};
    char text[AK_VKEY_TEXT_BYTES_MAX];
    struct ak_sha256_ctx ctx;
    struct ak_vkey vkey = {.name = "x", .type = AK_VKEY_ED25519};
    struct ak_hash hash;

    (void)state;
    memcpy(vkey.key, identity, 32);
    ak_sha256_init(&ctx);
    ak_sha256_update(&ctx, "x\n\x01", 3);
    ak_sha256_update(&ctx, identity, 32);
    ak_sha256_final(&ctx, &hash);
    for (unsigned i = 0; i < 4; i++)
        vkey.id = vkey.id << 8 | hash.b[i];
    assert_true(ak_vkey_format(text, sizeof(text), &vkey) > 0);
    assert_int_equal(parse_vkey(text), AK_EKEY);
    assert_int_equal(ak_vkey_make(&vkey, "x", identity, NULL), AK_EKEY);
}

/* A private key is answered with what is wanted instead, and not repeated in the message. */
static void private_key(void **state)
{
    static const char text[] =
        "PRIVATE+KEY+example.com/foo+530d903a+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    struct ak_vkey vkey;
    struct ak_error err;

    (void)state;
    assert_int_equal(ak_vkey_parse(&vkey, text, strlen(text), &err), AK_EUSAGE);
    assert_string_equal(err.text, "this is a private key; --key wants the vkey that "
                                  "`akashi-collector key show` prints, or `akashi-verify key "
                                  "show` of the private key's file");
}

static void key_names(void **state)
{
    static const char *const good[] = {"a", "example.com/log", "証", "a-b_c:d\"e", "x/epoch/0"};
    static const char *const bad[] = {
        "",
        "a b",
        "a+b",
        "a\nb",
        "a\x01",
        "a\x7f",
        "\xc2\x85",
        "\xc2\xa0x",
        "a\xe3\x80\x80",
        "\xe2\x80\x80",
        "\xe1\x9a\x80",
        "\xe2\x80\xa8",
        "\xe2\x80\xaf",
        "\xe2\x81\x9f",
        "\xff",
        "\xc3",
        "\xed\xa0\x80",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(ak_key_name_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(ak_key_name_valid(bad[i], strlen(bad[i])));
    assert_false(ak_key_name_valid("a\0b", 3));
}

/* The published note verifies under the published key and under no other. */
static void published_note(void **state)
{
    struct key other = test_key("example.com/foo", 9);
    struct ak_vkey keys[2];
    bool verified[2] = {true, true};
    struct ak_note note;

    (void)state;
    assert_int_equal(ak_vkey_parse(&keys[0], foo_vkey, strlen(foo_vkey), NULL), AK_OK);
    assert_int_equal(ak_note_parse(&note, foo_note, strlen(foo_note), NULL), AK_OK);
    assert_int_equal(note.text_len, strlen("This is an example message.\n"));
    assert_int_equal(note.count, 1);
    assert_true(note.sig[0].id == 0x530d903a);
    assert_int_equal(note.sig[0].bytes, 64);
    keys[1] = other.vkey;
    assert_int_equal(ak_note_verify(&note, keys, 2, verified, NULL), AK_OK);
    assert_true(verified[0]);
    assert_false(verified[1]);
    verified[0] = true;
    assert_int_equal(ak_note_verify(&note, &other.vkey, 1, verified, NULL), AK_EKEY);
    assert_false(verified[0]);
    assert_int_equal(ak_note_verify(&note, NULL, 0, NULL, NULL), AK_EKEY);
}

/* Each single bit of a note counts: never does a changed one verify. */
static void note_bits(void **state)
{
    char data[sizeof(foo_note)];
    size_t len = strlen(foo_note);
    struct ak_vkey key;
    struct ak_note note;
    bool verified;

    (void)state;
    assert_int_equal(ak_vkey_parse(&key, foo_vkey, strlen(foo_vkey), NULL), AK_OK);
    memcpy(data, foo_note, sizeof(data));
    for (size_t bit = 0; bit < 8 * len; bit++) {
        data[bit / 8] = (char)(data[bit / 8] ^ (1 << (bit % 8)));
        assert_false(ak_note_parse(&note, data, len, NULL) == AK_OK &&
                     ak_note_verify(&note, &key, 1, &verified, NULL) == AK_OK);
        data[bit / 8] = foo_note[bit / 8];
    }
    for (size_t cut = 0; cut < len; cut++)
        assert_false(ak_note_parse(&note, data, cut, NULL) == AK_OK);
}

static enum ak_code parse_note(const char *data, size_t len)
{
    static struct ak_note note;

    return ak_note_parse(&note, data, len, NULL);
}

#define NOTE(data) parse_note(data, sizeof(data) - 1)

/* Another reader could read each of these in another way, or not at all. */
static void notes_refused(void **state)
{
    (void)state;
    assert_int_equal(NOTE("t\n\n" DASH " k AAAAAAA=\n"), AK_OK);
    assert_int_equal(NOTE("\n\n" DASH " k AAAAAAA=\n"), AK_OK);
    assert_int_equal(NOTE("t\n\n\n" DASH " k AAAAAAA=\n"), AK_OK);
    assert_int_equal(NOTE(""), AK_EMALFORMED);
    assert_int_equal(NOTE("\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\n\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\n" DASH " k AAAAAAA=\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("\n" DASH " k AAAAAAA=\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\n\n" DASH " k AAAAAAA="), AK_EMALFORMED);
    assert_int_equal(NOTE("t\n\n" DASH " k AAAAAAA=\n\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\n\n" DASH " k AAAAAAA=\nx"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\n\n" DASH " k AAAAAAA=\nx\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\n\n" DASH " k AAAAAAA= \n"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\n\n" DASH "  k AAAAAAA=\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\n\n" DASH " k  AAAAAAA=\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\n\n" DASH "k AAAAAAA=\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\n\n- k AAAAAAA=\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\n\n\xe2\x80\x93 k AAAAAAA=\n"), AK_EMALFORMED); /* en dash */
    assert_int_equal(NOTE("t\n\n" DASH " AAAAAAA=\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\n\n" DASH " k+k AAAAAAA=\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\n\n" DASH " k\xc2\xa0k AAAAAAA=\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\n\n" DASH " k AAAAAAB=\n"), AK_EMALFORMED); /* free bits */
    assert_int_equal(NOTE("t\n\n" DASH " k AAAAAA==\n"), AK_EMALFORMED); /* key ID alone */
    assert_int_equal(NOTE("t\n\n" DASH " k \n"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\n\n" DASH " k AAAAAAA\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\r\n\n" DASH " k AAAAAAA=\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\t\n\n" DASH " k AAAAAAA=\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("t\0\n\n" DASH " k AAAAAAA=\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("\xff\n\n" DASH " k AAAAAAA=\n"), AK_EMALFORMED);
    assert_int_equal(NOTE("\xed\xa0\x80\n\n" DASH " k AAAAAAA=\n"), AK_EMALFORMED);
}

/* The text is all before the last empty line, with empty lines of its own. */
static void text_with_empty_lines(void **state)
{
    static const char text[] = "a\n\n" DASH " x AAAAAAA=\n\nb\n";
    struct key key = test_key("k", 1);
    char data[512];
    struct ak_note note;
    bool verified;

    (void)state;
    (void)snprintf(data, sizeof(data), "%s\n", text);
    add_line(data, text, strlen(text), &key);
    assert_int_equal(ak_note_parse(&note, data, strlen(data), NULL), AK_OK);
    assert_int_equal(note.text_len, strlen(text));
    assert_int_equal(note.count, 1);
    assert_int_equal(ak_note_verify(&note, &key.vkey, 1, &verified, NULL), AK_OK);
}

/* D12, D13, E2, E6: lines of unknown keys are ignored, also one that shares the name or the ID; one
 * bad line of a known key spoils the note, whatever else is good; so do two lines of one key. */
static void judging(void **state)
{
    static const char text[] = "text\n";
    struct key log = test_key("log", 1);
    struct key epoch = test_key("log/epoch/0", 2);
    struct key stranger = test_key("log", 3);
    struct key liar = log;
    struct ak_vkey keys[2] = {log.vkey, epoch.vkey};
    struct ak_error err;
    char data[1024];
    struct ak_note note;
    bool verified[2];

    (void)state;
    (void)snprintf(data, sizeof(data), "%s\n", text);
    add_line(data, text, strlen(text), &stranger);
    assert_int_equal(ak_note_parse(&note, data, strlen(data), NULL), AK_OK);
    assert_int_equal(ak_note_verify(&note, keys, 2, verified, NULL), AK_EKEY);
    add_line(data, text, strlen(text), &epoch);
    assert_int_equal(ak_note_parse(&note, data, strlen(data), NULL), AK_OK);
    assert_int_equal(ak_note_verify(&note, keys, 2, verified, NULL), AK_OK);
    assert_false(verified[0]);
    assert_true(verified[1]);
    memcpy(liar.sk, stranger.sk, sizeof(liar.sk)); /* known name and ID, another key's signature */
    add_line(data, text, strlen(text), &liar);
    assert_int_equal(ak_note_parse(&note, data, strlen(data), NULL), AK_OK);
    assert_int_equal(ak_note_verify(&note, keys, 2, verified, &err), AK_ESIGNATURE);
    assert_string_equal(err.text, "the signature of log does not fit the text or the key");
    assert_false(verified[1]);
    (void)snprintf(data, sizeof(data), "%s\n", text);
    add_line(data, text, strlen(text), &log);
    add_line(data, text, strlen(text), &log);
    assert_int_equal(ak_note_parse(&note, data, strlen(data), NULL), AK_OK);
    assert_int_equal(ak_note_verify(&note, keys, 2, verified, NULL), AK_EMALFORMED);
    assert_int_equal(ak_note_verify(&note, &epoch.vkey, 1, verified, NULL), AK_EKEY);
}

/* A known key's line must hold a signature of 64 bytes: a longer one is wrong, not unknown. */
static void other_length(void **state)
{
    struct key key = test_key("k", 1);
    uint8_t bytes[4 + AK_NOTE_SIGNATURE_BYTES_KEPT + 1] = {0};
    char base64[160];
    char data[256];
    struct ak_note note;
    bool verified;

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(key.vkey.id >> (24 - 8 * i));
    for (size_t n = 5; n <= sizeof(bytes); n++) {
        bytes[n - 1] = 7;
        (void)ak_base64_encode(base64, sizeof(base64), bytes, n);
        (void)snprintf(data, sizeof(data), "t\n\n" DASH " k %s\n", base64);
        assert_int_equal(ak_note_parse(&note, data, strlen(data), NULL), AK_OK);
        assert_true(note.sig[0].id == key.vkey.id);
        assert_int_equal(note.sig[0].bytes, n - 4);
        if (n - 4 <= AK_NOTE_SIGNATURE_BYTES_KEPT)
            assert_memory_equal(note.sig[0].signature, bytes + 4, n - 4);
        assert_int_equal(note.sig[0].base64_len, strlen(base64));
        assert_int_equal(ak_note_verify(&note, &key.vkey, 1, &verified, NULL), AK_ESIGNATURE);
    }
}

/* Appends `count` lines of different unknown keys, each with a signature of `bytes` bytes. */
static void add_strangers(char *out, unsigned count, size_t bytes)
{
    static uint8_t sig[8192];
    static char base64[AK_BASE64_CHARS(sizeof(sig)) + 1];

    for (unsigned i = 0; i < count; i++) {
        sig[0] = (uint8_t)i;
        (void)ak_base64_encode(base64, sizeof(base64), sig, 4 + bytes);
        out += strlen(out);
        (void)sprintf(out, DASH " witness.example/%u %s\n", i, base64);
    }
}

/* D14: 16 post-quantum lines and 32 short ones are read; 33 lines and notes past 64 KiB are past a
 * limit. */
static void many_lines(void **state)
{
    static char data[1 << 20];
    static struct ak_note note;

    (void)state;
    (void)snprintf(data, 8, "t\n\n");
    add_strangers(data, 16, 8 + 2420);
    assert_int_equal(ak_note_parse(&note, data, strlen(data), NULL), AK_OK);
    assert_int_equal(note.count, 16);
    (void)snprintf(data, 8, "t\n\n");
    add_strangers(data, AK_NOTE_SIGNATURES_MAX, 64);
    assert_int_equal(ak_note_parse(&note, data, strlen(data), NULL), AK_OK);
    assert_int_equal(note.count, AK_NOTE_SIGNATURES_MAX);
    (void)snprintf(data, 8, "t\n\n");
    add_strangers(data, AK_NOTE_SIGNATURES_MAX + 1, 64);
    assert_int_equal(ak_note_parse(&note, data, strlen(data), NULL), AK_ELIMIT);
    memset(data, 'x', AK_NOTE_BYTES_MAX);
    (void)snprintf(data + AK_NOTE_BYTES_MAX - 20, 64, "\n\n" DASH " k AAAAAAA=\n");
    assert_true(strlen(data) <= AK_NOTE_BYTES_MAX);
    assert_int_equal(ak_note_parse(&note, data, strlen(data), NULL), AK_OK);
    assert_int_equal(ak_note_parse(&note, data, AK_NOTE_BYTES_MAX + 1, NULL), AK_ELIMIT);
}

#define ROOT "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0="

static enum ak_code parse_checkpoint(const char *text, bool extensions)
{
    struct ak_checkpoint cp;

    return ak_checkpoint_parse(&cp, text, strlen(text), extensions, NULL);
}

static void checkpoint_round_trip(void **state)
{
    static const char text[] = "example.com/log\n9223372036854775807\n" ROOT "\n";
    char out[AK_CHECKPOINT_BYTES_MAX];
    struct ak_checkpoint cp;

    (void)state;
    assert_int_equal(ak_checkpoint_parse(&cp, text, strlen(text), false, NULL), AK_OK);
    assert_string_equal(cp.origin, "example.com/log");
    assert_true(cp.size == AK_TREE_SIZE_MAX);
    assert_int_equal(ak_checkpoint_format(out, sizeof(out), &cp), strlen(text));
    assert_string_equal(out, text);
    assert_int_equal(ak_checkpoint_format(out, strlen(text), &cp), 0);
    memset(cp.origin, 'o', AK_ORIGIN_BYTES_MAX);
    assert_int_equal(ak_checkpoint_format(out, sizeof(out), &cp), sizeof(out) - 1);
    assert_int_equal(ak_checkpoint_parse(&cp, out, strlen(out), false, NULL), AK_OK);
}

static void checkpoints_refused(void **state)
{
    char text[512];

    (void)state;
    assert_int_equal(parse_checkpoint("o\n0\n" ROOT "\n", false), AK_OK);
    assert_int_equal(parse_checkpoint("o\n1\n" ROOT "\nx\n", true), AK_OK);
    assert_int_equal(parse_checkpoint("o\n1\n" ROOT "\nx\n", false), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("o\n1\n" ROOT "\n\n", true), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("o\n1\n" ROOT "\nx\n\ny\n", true), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("o\n1\n" ROOT "\nx", true), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("", false), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("o\n1\n" ROOT, false), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("o\n1\n", false), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("\n1\n" ROOT "\n", false), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("o\n01\n" ROOT "\n", false), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("o\n00\n" ROOT "\n", false), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("o\n+1\n" ROOT "\n", false), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("o\n-1\n" ROOT "\n", false), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("o\n 1\n" ROOT "\n", false), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("o\n\n" ROOT "\n", false), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("o\n1\n" ROOT " \n", false), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("o\r\n1\r\n" ROOT "\r\n", false), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("\xff\n1\n" ROOT "\n", false), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("o\n1\n\n", false), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("o\n1\nbjQL\n", false), AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("o\n1\n" ROOT "bjQL\n", false), AK_EMALFORMED);
    assert_int_equal(
        parse_checkpoint("o\n1\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB1=\n", false),
        AK_EMALFORMED);
    assert_int_equal(parse_checkpoint("o\n9223372036854775808\n" ROOT "\n", false), AK_ELIMIT);
    assert_int_equal(parse_checkpoint("o\n18446744073709551616\n" ROOT "\n", false), AK_EMALFORMED);
    memset(text, 'o', 256);
    (void)snprintf(text + 256, sizeof(text) - 256, "\n1\n" ROOT "\n");
    assert_int_equal(parse_checkpoint(text, false), AK_ELIMIT);
    assert_int_equal(parse_checkpoint(text + 1, false), AK_OK);
}

/* F12: a proof of one log under the checkpoint of another leads to another root, and the checkpoint
 * is not signed by the key of the log it is shown for. */
static void proof_of_another_log(void **state)
{
    struct key a = test_key("a.example/log", 1);
    struct key b = test_key("b.example/log", 2);
    struct ak_hash leaf[2][2];
    struct ak_checkpoint cp = {.size = 2};
    struct ak_note note;
    char text[AK_CHECKPOINT_BYTES_MAX];
    char data[1024];
    bool verified;

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        ak_hash_leaf(&leaf[i / 2][i % 2], &(uint8_t){(uint8_t)i}, 1);
    ak_hash_node(&cp.root, &leaf[1][0], &leaf[1][1]);
    (void)snprintf(cp.origin, sizeof(cp.origin), "%s", b.vkey.name);
    (void)ak_checkpoint_format(text, sizeof(text), &cp);
    (void)snprintf(data, sizeof(data), "%s\n", text);
    add_line(data, text, strlen(text), &b);
    assert_int_equal(ak_note_parse(&note, data, strlen(data), NULL), AK_OK);
    assert_int_equal(ak_note_verify(&note, &b.vkey, 1, &verified, NULL), AK_OK);
    assert_int_equal(ak_note_verify(&note, &a.vkey, 1, &verified, NULL), AK_EKEY);
    assert_int_equal(ak_inclusion_verify(0, 2, &leaf[1][0], &leaf[1][1], 1, &cp.root, NULL), AK_OK);
    assert_int_equal(ak_inclusion_verify(0, 2, &leaf[0][0], &leaf[0][1], 1, &cp.root, NULL),
                     AK_EINTEGRITY);
}

static enum ak_code parse_proof(const char *text)
{
    static struct ak_proof proof;

    return ak_proof_parse(&proof, text, strlen(text), NULL);
}

#define HEAD "c2sp.org/tlog-proof@v1\n"

/* What is written reads back the same, with and without extra data and hashes. */
static void proof_round_trip(void **state)
{
    static const char *const texts[] = {
        HEAD "index 0\n\ncheckpoint\n",
        HEAD "index 9223372036854775807\n" ROOT "\n" ROOT "\n\no\n1\n" ROOT "\n\n" DASH
             " k AAAAAAA=\n",
        HEAD "extra AA==\nindex 10\n" ROOT "\n\nx",
    };
    static struct ak_proof proof;
    static char out[AK_PROOF_BYTES_MAX + 1];
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_int_equal(ak_proof_parse(&proof, texts[i], strlen(texts[i]), NULL), AK_OK);
        assert_int_equal(ak_proof_format(out, sizeof(out), &n, &proof, NULL), AK_OK);
        assert_int_equal(n, strlen(texts[i]));
        assert_string_equal(out, texts[i]);
        for (size_t cap = 0; cap <= n; cap++)
            assert_int_equal(ak_proof_format(out, cap, &n, &proof, NULL), AK_ELIMIT);
        n = strlen(texts[i]);
        assert_int_equal(ak_proof_format(out, n + 1, &n, &proof, NULL), AK_OK);
    }
}

/* The largest proof fits into AK_PROOF_BYTES_MAX; what is past a bound is not written or read. */
static void proof_limits(void **state)
{
    static struct ak_proof proof;
    static struct ak_proof back;
    static char out[AK_PROOF_BYTES_MAX + 1];
    static char checkpoint[AK_NOTE_BYTES_MAX + 1];
    size_t n;

    (void)state;
    memset(checkpoint, 'c', sizeof(checkpoint));
    proof.extra_len = AK_PROOF_EXTRA_BYTES_MAX;
    proof.index = AK_TREE_SIZE_MAX;
    proof.count = AK_PROOF_HASHES_MAX;
    proof.checkpoint = checkpoint;
    proof.checkpoint_len = AK_NOTE_BYTES_MAX;
    assert_int_equal(ak_proof_format(out, sizeof(out), &n, &proof, NULL), AK_OK);
    assert_int_equal(ak_proof_parse(&back, out, n, NULL), AK_OK);
    assert_int_equal(back.count, proof.count);
    assert_int_equal(back.extra_len, proof.extra_len);
    proof.count = AK_PROOF_HASHES_MAX + 1;
    assert_int_equal(ak_proof_format(out, sizeof(out), &n, &proof, NULL), AK_EUSAGE);
    proof.count = 0;
    proof.index++;
    assert_int_equal(ak_proof_format(out, sizeof(out), &n, &proof, NULL), AK_EUSAGE);
    proof.index = 0;
    proof.checkpoint_len = AK_NOTE_BYTES_MAX + 1;
    assert_int_equal(ak_proof_format(out, sizeof(out), &n, &proof, NULL), AK_EUSAGE);
    proof.checkpoint_len = 0;
    assert_int_equal(ak_proof_format(out, sizeof(out), &n, &proof, NULL), AK_EUSAGE);
    assert_int_equal(ak_proof_parse(&back, out, AK_PROOF_BYTES_MAX + 1, NULL), AK_ELIMIT);
}

static void proofs_refused(void **state)
{
    static const struct {
        const char *text;
        enum ak_code want;
    } cases[] = {
        {"", AK_EMALFORMED},
        {"c2sp.org/tlog-proof@v1", AK_EMALFORMED},
        {HEAD, AK_EMALFORMED},
        {"c2sp.org/tlog-proof@v2\nindex 0\n\nx", AK_EMALFORMED},
        {"c2sp.org/tlog-proof@v1\r\nindex 0\n\nx", AK_EMALFORMED},
        {HEAD "\nx", AK_EMALFORMED},
        {HEAD "index 0\n\n", AK_EMALFORMED},
        {HEAD "index 0\n", AK_EMALFORMED},
        {HEAD "index 0", AK_EMALFORMED},
        {HEAD "index 007\n\nx", AK_EMALFORMED},
        {HEAD "index  7\n\nx", AK_EMALFORMED},
        {HEAD "index 7 \n\nx", AK_EMALFORMED},
        {HEAD "index -7\n\nx", AK_EMALFORMED},
        {HEAD "index \n\nx", AK_EMALFORMED},
        {HEAD "Index 7\n\nx", AK_EMALFORMED},
        {HEAD "index 9223372036854775808\n\nx", AK_ELIMIT},
        {HEAD "extra \nindex 7\n\nx", AK_EMALFORMED},
        {HEAD "extra A\nindex 7\n\nx", AK_EMALFORMED},
        {HEAD "extra AB==\nindex 7\n\nx", AK_EMALFORMED},
        {HEAD "extra AA==\n", AK_EMALFORMED},
        {HEAD "extra AA==\nextra AA==\nindex 7\n\nx", AK_EMALFORMED},
        {HEAD "index 7\nextra AA==\n\nx", AK_EMALFORMED},
        {HEAD "index 7\nAA==\n\nx", AK_EMALFORMED},
        {HEAD "index 7\n" ROOT ROOT "\n\nx", AK_EMALFORMED},
        {HEAD "index 7\n" ROOT " \n\nx", AK_EMALFORMED},
        {HEAD "index 7\n" ROOT "\nx", AK_EMALFORMED},
        {HEAD "index 7\n" ROOT "\n \nx", AK_EMALFORMED},
    };
    static char many[AK_PROOF_BYTES_MAX];
    size_t used = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_int_equal(parse_proof(cases[i].text), cases[i].want);
    used += (size_t)sprintf(many, HEAD "index 7\n");
    for (unsigned i = 0; i <= AK_PROOF_HASHES_MAX; i++)
        used += (size_t)sprintf(many + used, ROOT "\n");
    (void)sprintf(many + used, "\nx");
    assert_int_equal(parse_proof(many), AK_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vkey_round_trip),
        cmocka_unit_test(longest_name),
        cmocka_unit_test(vkeys_refused),
        cmocka_unit_test(vkey_of_small_order),
        cmocka_unit_test(private_key),
        cmocka_unit_test(key_names),
        cmocka_unit_test(published_note),
        cmocka_unit_test(note_bits),
        cmocka_unit_test(notes_refused),
        cmocka_unit_test(text_with_empty_lines),
        cmocka_unit_test(judging),
        cmocka_unit_test(other_length),
        cmocka_unit_test(many_lines),
        cmocka_unit_test(checkpoint_round_trip),
        cmocka_unit_test(checkpoints_refused),
        cmocka_unit_test(proof_of_another_log),
        cmocka_unit_test(proof_round_trip),
        cmocka_unit_test(proof_limits),
        cmocka_unit_test(proofs_refused),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
