/* signing_key.c - private keys of people: their file, and the notes they sign. */
#include <akashi/signing_key.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NAME "agency.example/k.sato"

/* A private key as golang.org/x/mod/sumdb/note writes it; the seed is 32 bytes of 01. */
static const char known_private[] =
    "PRIVATE+KEY+example.com/foo+5fdb64a3+AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n";

static char folder[] = "/tmp/akashi-signing-key-XXXXXX";

static char *path(const char *name)
{
    static char text[128];

    (void)snprintf(text, sizeof(text), "%s/%s", folder, name);
    return text;
}

static void put(const char *name, const char *data, mode_t mode)
{
    int fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, mode);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, strlen(data)), strlen(data));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static struct ak_signing_key *make(const char *name)
{
    struct ak_signing_key *key;

    assert_int_equal(ak_signing_key_make(&key, name, NULL), AK_OK);
    return key;
}

/* What was saved is loaded again, signs the same, and only its owner can read it. */
static void saved_and_loaded(void **state)
{
    struct ak_signing_key *key = make(NAME);
    struct ak_signing_key *again;
    char a[AK_NOTE_BYTES_MAX + 1];
    char b[AK_NOTE_BYTES_MAX + 1];
    struct stat st;
    size_t n;
    size_t m;

    (void)state;
    (void)umask(0);
    assert_int_equal(ak_signing_key_save(key, path("k"), NULL), AK_OK);
    assert_int_equal(stat(path("k"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true(ak_signing_key_is_file(path("k")));
    assert_int_equal(ak_signing_key_load(&again, path("k"), NULL), AK_OK);
    assert_memory_equal(ak_signing_key_vkey(key), ak_signing_key_vkey(again),
                        sizeof(struct ak_vkey));
    assert_int_equal(ak_signing_key_note(key, "a\nb\n", 4, a, sizeof(a), &n, NULL), AK_OK);
    assert_int_equal(ak_signing_key_note(again, "a\nb\n", 4, b, sizeof(b), &m, NULL), AK_OK);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n + 1);
    ak_signing_key_free(key);
    ak_signing_key_free(again);
}

/* A file that is there stays as it is. */
static void never_overwritten(void **state)
{
    struct ak_signing_key *key = make(NAME);
    struct ak_error err;
    char text[8] = {0};
    int fd;

    (void)state;
    put("taken", "keep me", 0600);
    assert_int_equal(ak_signing_key_save(key, path("taken"), &err), AK_EEXIST);
    assert_non_null(strstr(err.text, "never overwritten"));
    fd = open(path("taken"), O_RDONLY);
    assert_int_equal(read(fd, text, 7), 7);
    assert_string_equal(text, "keep me");
    (void)close(fd);
    assert_int_equal(ak_signing_key_save(key, path("no/such"), NULL), AK_ENOTFOUND);
    ak_signing_key_free(key);
}

/* Two keys of one name differ; a name that is none, or a log's, is refused. */
static void names(void **state)
{
    static const char *const bad[] = {
        "",
        "a b",
        "a+b",
        "a\n",
        "power-a/0123456789abcdef0123456789abcdef",
        "power-a/0123456789abcdef0123456789abcdef/epoch/7",
        "x/epoch/0123456789abcdef0123456789abcdef/epoch/7",
    };
    struct ak_signing_key *a = make("証");
    struct ak_signing_key *b = make("証");

    (void)state;
    assert_memory_not_equal(ak_signing_key_vkey(a)->key, ak_signing_key_vkey(b)->key, 32);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ak_signing_key *key;
        assert_int_equal(ak_signing_key_make(&key, bad[i], NULL), AK_EUSAGE);
        assert_null(key);
    }
    ak_signing_key_free(a);
    ak_signing_key_free(b);
    ak_signing_key_free(NULL);
}

/* The file is Go's: a known private key gives the known public one, also without the line end. */
static void known(void **state)
{
    struct ak_signing_key *key;
    char vkey[AK_VKEY_TEXT_BYTES_MAX];

    (void)state;
    put("known", known_private, 0400);
    assert_int_equal(ak_signing_key_load(&key, path("known"), NULL), AK_OK);
    assert_true(ak_vkey_format(vkey, sizeof(vkey), ak_signing_key_vkey(key)) > 0);
    assert_string_equal(vkey,
                        "example.com/foo+5fdb64a3+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c");
    ak_signing_key_free(key);
}

/* Every file that is not one is refused with its reason, and nothing is loaded. */
static void refused(void **state)
{
    static const struct {
        const char *data;
        enum ak_code code;
        const char *text;
    } cases[] = {
        {"", AK_EUSAGE, "this is no private key"},
        {"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n", AK_EUSAGE,
         "not a vkey"},
        {"0123456789abcdef0123456789abcde", AK_EUSAGE, "not a log's key"},
        {"PRIVATE+KEY+", AK_EKEY, "not the line of a private Ed25519 key"},
        {"PRIVATE+KEY+example.com/foo+5fdb64a3+AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n\n",
         AK_EKEY, "not the line"},
        {"PRIVATE+KEY+example.com/foo+5fdb64a3+AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==\n",
         AK_EKEY, "not the line"},
        {"PRIVATE+KEY+example.com/foo+5fdb64a3+BAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n",
         AK_EKEY, "not the line"},
        {"PRIVATE+KEY+example.com/foo+5fdb64a4+AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n",
         AK_EKEY, "the key ID in it is not that"},
        {"PRIVATE+KEY+example.com/fop+5fdb64a3+AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n",
         AK_EKEY, "the key ID in it is not that"},
        {"PRIVATE+KEY+a/0123456789abcdef0123456789abcdef+5fdb64a3+"
         "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n",
         AK_EUSAGE, "is the name of a log's key"},
    };
    struct ak_signing_key *key;
    struct ak_error err;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put("bad", cases[i].data, 0600);
        assert_int_equal(ak_signing_key_load(&key, path("bad"), &err), cases[i].code);
        assert_non_null(strstr(err.text, cases[i].text));
        assert_null(strstr(err.text, "AQEB")); /* a secret is in no message */
        assert_null(key);
    }
    assert_int_equal(ak_signing_key_load(&key, path("nowhere"), NULL), AK_ENOTFOUND);
    assert_int_equal(ak_signing_key_load(&key, folder, NULL), AK_EUSAGE);
    assert_false(ak_signing_key_is_file(path("nowhere")));
    assert_false(ak_signing_key_is_file(folder));
}

/* Who lets others read the file is told so, and nothing is signed. */
static void readable_by_others(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0660, 0644};
    struct ak_signing_key *key;
    struct ak_error err;

    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        put("open", known_private, modes[i]);
        assert_int_equal(ak_signing_key_load(&key, path("open"), &err), AK_EKEY);
        assert_non_null(strstr(err.text, "chmod 0600"));
        assert_null(key);
    }
}

/* Several people sign one note; each line verifies, and nobody signs twice. */
static void signed_by_two(void **state)
{
    struct ak_signing_key *a = make("a.example/a");
    struct ak_signing_key *b = make("a.example/b");
    struct ak_vkey keys[2] = {*ak_signing_key_vkey(a), *ak_signing_key_vkey(b)};
    char out[AK_NOTE_BYTES_MAX + 1];
    struct ak_note note;
    bool verified[2];
    size_t n;

    (void)state;
    assert_int_equal(ak_signing_key_note(a, "order\n\nx\n", 9, out, sizeof(out), &n, NULL), AK_OK);
    assert_int_equal(strlen(out), n);
    assert_int_equal(ak_signing_key_add(b, out, n, out, sizeof(out), &n, NULL), AK_OK);
    assert_int_equal(ak_note_parse(&note, out, n, NULL), AK_OK);
    assert_int_equal(note.text_len, 9);
    assert_int_equal(ak_note_verify(&note, keys, 2, verified, NULL), AK_OK);
    assert_true(verified[0] && verified[1]);
    assert_int_equal(ak_signing_key_add(a, out, n, out, sizeof(out), &n, NULL), AK_EEXIST);
    assert_int_equal(n, 0);
    ak_signing_key_free(a);
    ak_signing_key_free(b);
}

/* What is no text of a note, or does not fit, is not signed. */
static void not_signed(void **state)
{
    struct ak_signing_key *key = make(NAME);
    static char large[AK_NOTE_BYTES_MAX];
    static char out[AK_NOTE_BYTES_MAX + 512];
    size_t n;

    (void)state;
    assert_int_equal(ak_signing_key_note(key, "", 0, out, sizeof(out), &n, NULL), AK_EMALFORMED);
    assert_int_equal(ak_signing_key_note(key, "a", 1, out, sizeof(out), &n, NULL), AK_EMALFORMED);
    assert_int_equal(ak_signing_key_note(key, "a\t\n", 3, out, sizeof(out), &n, NULL),
                     AK_EMALFORMED);
    assert_int_equal(ak_signing_key_note(key, "\xff\n", 2, out, sizeof(out), &n, NULL),
                     AK_EMALFORMED);
    assert_int_equal(ak_signing_key_note(key, "abc\n", 4, out, 40, &n, NULL), AK_ELIMIT);
    assert_int_equal(ak_signing_key_note(key, "abc\n", 4, out, 5, &n, NULL), AK_ELIMIT);
    memset(large, 'a', sizeof(large));
    large[sizeof(large) - 1] = '\n';
    assert_int_equal(ak_signing_key_note(key, large, sizeof(large), out, sizeof(out), &n, NULL),
                     AK_ELIMIT);
    assert_int_equal(ak_signing_key_add(key, "abc\n", 4, out, sizeof(out), &n, NULL),
                     AK_EMALFORMED);
    ak_signing_key_free(key);
}

static int begin(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int end(void **state)
{
    static const char *const names_made[] = {"k", "taken", "known", "bad", "open"};

    (void)state;
    for (size_t i = 0; i < sizeof(names_made) / sizeof(names_made[0]); i++)
        (void)unlink(path(names_made[i]));
    return rmdir(folder); /* nothing else is left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saved_and_loaded),
        cmocka_unit_test(never_overwritten),
        cmocka_unit_test(names),
        cmocka_unit_test(known),
        cmocka_unit_test(refused),
        cmocka_unit_test(readable_by_others),
        cmocka_unit_test(signed_by_two),
        cmocka_unit_test(not_signed),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
