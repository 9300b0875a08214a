/* tls_peer.c - who is let in and who is not: every pitfall of TLS client authentication a case,
 * with the line the operator reads. */
#include "fingerprint.h"
#include "tls_names.h"
#include "tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct world world;

#define PLACE "listener tls://0.0.0.0:6514"

/* An order by world.ca for a client that is valid now. */
static struct pki_order client_order(const char *cn, const char *san)
{
    return (struct pki_order){
        .cn = cn, .san = san, .issuer = &world.ca, .from = NOW - 30 * DAY, .to = NOW + 30 * DAY};
}

/* Connects with this identity; the caller looks at pair.rc and closes. */
static void connect_as(struct pair *pair, const struct ak_tls_options *options,
                       const struct pki *identity, const struct pki *chain)
{
    struct ak_tls_context *context = world_context(options);

    pair_open(pair, context, &(struct sender){.identity = identity, .chain = chain});
    ak_tls_context_unref(context);
}

static void expect_refused(const struct ak_tls_options *options, const struct pki *identity,
                           const char *text)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct ak_tls_context *context = world_context(options);

    for (size_t i = 0; i < 2; i++) {
        struct pair pair;

        pair_open(&pair, context, &(struct sender){.identity = identity, .version = versions[i]});
        assert_int_equal(pair.rc, AK_EKEY);
        assert_string_equal(pair.err.text, text);
        assert_null(ak_tls_peer(pair.server));
        assert_int_equal(pair.plain_len, 0);
        /* The sender is told by an alert, so that its own log says so too. */
        (void)SSL_read(pair.client, &(char){0}, 1);
        assert_true((SSL_get_shutdown(pair.client) & SSL_RECEIVED_SHUTDOWN) != 0);
        pair_close(&pair);
    }
    ak_tls_context_unref(context);
}

static void expect_accepted(const struct ak_tls_options *options, const struct pki *identity,
                            const char *name)
{
    struct pair pair;

    connect_as(&pair, options, identity, NULL);
    if (pair.rc != AK_OK)
        fail_msg("refused: %s", pair.err.text);
    assert_non_null(ak_tls_peer(pair.server));
    assert_true(ak_tls_peer(pair.server)->verified);
    assert_string_equal(ak_tls_peer(pair.server)->name, name);
    pair_close(&pair);
}

/* A good certificate gives name, leaf fingerprint and end, and all its names. */
static void accepts_and_names_the_peer(void **state)
{
    struct ak_tls_options options = world_options(&world);
    const struct ak_tls_peer *peer;
    const char *const *names;
    uint8_t fingerprint[32];
    struct pair pair;

    (void)state;
    connect_as(&pair, &options, &world.client, &world.ca);
    assert_int_equal(pair.rc, AK_OK);
    peer = ak_tls_peer(pair.server);
    assert_non_null(peer);
    pki_fingerprint(&world.client, fingerprint);
    assert_memory_equal(peer->fingerprint, fingerprint, 32);
    assert_int_equal(peer->not_after, NOW + 100 * DAY);
    assert_true(peer->verified && !peer->expired && !peer->crl_stale);
    assert_string_equal(peer->name, "fw1.example");
    assert_int_equal(ak_tls_names(pair.server, &names), 2);
    assert_string_equal(names[0], "fw1.example");
    assert_string_equal(names[1], "10.0.0.7");
    pair_close(&pair);
}

/* SSL_VERIFY_PEER alone would let in whoever shows nothing. */
static void refuses_no_certificate(void **state)
{
    struct ak_tls_options options = world_options(&world);

    (void)state;
    expect_refused(&options, NULL,
                   "no client certificate: refused, the sender keeps its records. Give the sender "
                   "a certificate, or set authentication=none in " PLACE);
}

static void refuses_wrong_authority(void **state)
{
    struct ak_tls_options options = world_options(&world);
    struct pki_order order = client_order("fw1", "DNS:fw1.example");
    uint8_t fingerprint[32];
    char shown[AK_FINGERPRINT_TEXT_BYTES];
    char text[AK_ERROR_TEXT_BYTES];
    struct pki identity;

    (void)state;
    order.issuer = &world.stranger;
    pki_make(&identity, &order);
    pki_fingerprint(&identity, fingerprint);
    (void)snprintf(text, sizeof(text),
                   "certificate CN=fw1 was not issued by an authority in %s: refused, the sender "
                   "keeps its records. Issue it there, or add %s to fingerprints in " PLACE,
                   world.ca_file, ak_fingerprint_text(fingerprint, shown));
    expect_refused(&options, &identity, text);
    pki_free(&identity);
}

/* Refused by default; accepted and marked where the operator chose so, then also by fingerprint. */
static void judges_expired(void **state)
{
    struct ak_tls_options options = world_options(&world);
    struct pki_order order = client_order("fw1", NULL);
    struct ak_hash fingerprint;
    struct pki identity;
    struct pair pair;

    (void)state;
    order.to = NOW - 3 * DAY;
    pki_make(&identity, &order);
    pki_fingerprint(&identity, fingerprint.b);
    for (int listed = 0; listed < 2; listed++) {
        options.fingerprints = &fingerprint;
        options.fingerprint_count = (size_t)listed;
        options.accept_expired = false;
        expect_refused(&options, &identity,
                       "certificate CN=fw1 expired 2026-11-20 (3 days ago): refused, the sender "
                       "keeps its records. Renew it there, or set expired=accept_and_record "
                       "in " PLACE);
        options.accept_expired = true;
        connect_as(&pair, &options, &identity, NULL);
        assert_int_equal(pair.rc, AK_OK);
        assert_true(ak_tls_peer(pair.server)->expired);
        assert_int_equal(ak_tls_peer(pair.server)->not_after, NOW - 3 * DAY);
        pair_close(&pair);
    }
    pki_free(&identity);
}

static void refuses_not_yet_valid(void **state)
{
    struct ak_tls_options options = world_options(&world);
    struct pki_order order = client_order("fw1", NULL);
    struct pki identity;

    (void)state;
    order.from = NOW + 3600;
    pki_make(&identity, &order);
    options.accept_expired = true; /* must not help */
    expect_refused(&options, &identity,
                   "certificate CN=fw1 is not valid before 2026-11-23 (in 1 hour): refused, the "
                   "sender keeps its records. Compare the clocks of this machine and of its "
                   "authority, or issue it anew");
    pki_free(&identity);
}

/* rsyslog's x509name-nul-san: "fw1.example" to who reads C strings. */
static void refuses_nul_in_names(void **state)
{
    static const char forged[] = "fw1.example\0.attacker";
    static const char *const wanted[] = {"fw1.example"};
    struct ak_tls_options options = world_options(&world);
    struct pki_order order = client_order("fw1", NULL);
    struct pki identity;

    (void)state;
    options.names = wanted;
    options.name_count = 1;
    order.dns_raw = forged;
    order.dns_raw_len = sizeof(forged) - 1;
    pki_make(&identity, &order);
    expect_refused(&options, &identity,
                   "certificate CN=fw1 has a name with a NUL byte in it, as forged ones do: "
                   "refused, the sender keeps its records. Find out who issued it");
    pki_free(&identity);

    order = client_order(forged, NULL);
    order.cn_len = sizeof(forged) - 1;
    pki_make(&identity, &order);
    expect_refused(&options, &identity,
                   "certificate CN=fw1.example\\x00.attacker has a name with a NUL byte in it, as "
                   "forged ones do: refused, the sender keeps its records. Find out who issued it");
    pki_free(&identity);
}

/* The common name counts only where no dNSName stands. */
static void prefers_alternative_names(void **state)
{
    static const char *const wanted[] = {"fw1.example"};
    struct ak_tls_options options = world_options(&world);
    struct pki_order order = client_order("fw1.example", "DNS:other.example");
    struct pki identity;

    (void)state;
    options.names = wanted;
    options.name_count = 1;
    pki_make(&identity, &order);
    expect_refused(&options, &identity,
                   "certificate CN=fw1.example has no name that is listed (it has other.example): "
                   "refused, the sender keeps its records. Add its name to names in " PLACE
                   ", or issue it anew");
    pki_free(&identity);
    order = client_order("FW1.example", NULL);
    pki_make(&identity, &order);
    expect_accepted(&options, &identity, "FW1.example");
    pki_free(&identity);
    order = client_order("fw1.example", "IP:10.0.0.9");
    pki_make(&identity, &order);
    expect_accepted(&options, &identity, "fw1.example");
    pki_free(&identity);
}

/* An address is matched by an address in the certificate, never by text that looks like one. */
static void matches_addresses_as_addresses(void **state)
{
    static const char *const wanted[] = {"10.0.0.7", "2001:db8::7"};
    static const struct {
        const char *cn, *san, *name; /* name NULL: refused */
    } cases[] = {{"a", "IP:10.0.0.7", "10.0.0.7"},
                 {"a", "IP:2001:db8:0:0:0:0:0:7", "2001:db8::7"},
                 {"10.0.0.7", NULL, NULL},
                 {"a", "DNS:10.0.0.7", NULL},
                 {"a", "DNS:*.0.0.7", NULL},
                 {"a", "IP:10.0.0.8", NULL},
                 {"a", "IP:0:0:0:0:0:ffff:10.0.0.7", NULL}};
    struct ak_tls_options options = world_options(&world);

    (void)state;
    options.names = wanted;
    options.name_count = 2;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pki_order order = client_order(cases[i].cn, cases[i].san);
        struct pki identity;
        struct pair pair;

        pki_make(&identity, &order);
        if (cases[i].name != NULL) {
            expect_accepted(&options, &identity, cases[i].name);
        } else {
            connect_as(&pair, &options, &identity, NULL);
            assert_int_equal(pair.rc, AK_EKEY);
            assert_non_null(strstr(pair.err.text, "has no name that is listed"));
            pair_close(&pair);
        }
        pki_free(&identity);
    }
}

/* Wildcards: whole left-most label, exactly one label, two labels behind it (CVE-2024-47619). */
static void matches_wildcards_narrowly(void **state)
{
    static const char *const bad[] = {"*",      "*.*", "f*.x.y", "*.com", "a.*.example", "*a.b.c",
                                      "**.b.c", "",    "a..b",   ".a.b",  "a.b.",        "*."};
    static const struct {
        const char *pattern, *name;
        bool accepted;
    } pairs[] = {{"*.agency.example", "fw1.agency.example", true},
                 {"*.agency.example", "FW1.Agency.Example", true},
                 {"*.agency.example", "agency.example", false},
                 {"*.agency.example", "a.fw1.agency.example", false},
                 {"*.agency.example", "fw1.agency.example.evil", false},
                 {"*.agency.example", "fw1agency.example", false},
                 {"fw1.agency.example", "*.agency.example", true},
                 {"*.agency.example", "*.agency.example", true},
                 {"a.fw1.agency.example", "*.agency.example", false},
                 {"fw1.example", "fw1.exampl", false},
                 {"fw1.example", "fw1.example", true}};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ak_error err;

        assert_int_equal(ak_tls_pattern_check(bad[i], &err), AK_EUSAGE);
    }
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (ak_tls_name_matches(pairs[i].pattern, pairs[i].name) != pairs[i].accepted)
            fail_msg("%s against %s", pairs[i].pattern, pairs[i].name);
    }
}

/* Wide wildcards in a certificate name nobody, whatever an authority was talked into. */
static void ignores_wide_wildcards(void **state)
{
    static const char *const wanted[] = {"fw1.com", "fw1.example.com"};
    static const char *const wide[] = {"DNS:*",       "DNS:*.com",          "DNS:*.*",
                                       "DNS:*.*.com", "DNS:f*.example.com", "DNS:fw1.*.com"};
    struct ak_tls_options options = world_options(&world);
    struct pki_order order = client_order("x", "DNS:*.example.com");
    struct pki identity;

    (void)state;
    options.names = wanted;
    options.name_count = 2;
    pki_make(&identity, &order);
    expect_accepted(&options, &identity, "*.example.com");
    pki_free(&identity);
    for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
        order = client_order("fw1.com", wide[i]);
        pki_make(&identity, &order);
        expect_refused(&options, &identity,
                       "certificate CN=fw1.com has no name that is listed (it has none): refused, "
                       "the sender keeps its records. Add its name to names in " PLACE
                       ", or issue it anew");
        pki_free(&identity);
    }
}

/* A listed fingerprint alone lets in a self-signed certificate; the one of an authority in the
 * chain lets in nobody. */
static void takes_fingerprint_of_leaf_only(void **state)
{
    struct ak_tls_options options = world_options(&world);
    struct pki_order order = client_order("fw9", NULL);
    struct ak_hash fingerprint;
    struct pki self, below;
    struct pair pair;

    (void)state;
    options.ca_file = NULL;
    options.fingerprints = &fingerprint;
    options.fingerprint_count = 1;
    order.issuer = NULL;
    pki_make(&self, &order);
    pki_fingerprint(&self, fingerprint.b);
    expect_accepted(&options, &self, "fw9");

    order.issuer = &world.intermediate;
    pki_make(&below, &order);
    pki_fingerprint(&world.intermediate, fingerprint.b);
    connect_as(&pair, &options, &below, &world.intermediate);
    assert_int_equal(pair.rc, AK_EKEY);
    assert_non_null(strstr(pair.err.text,
                           "certificate CN=fw9 is not listed: refused, the sender "
                           "keeps its records. If it is the sender's, add sha-256:"));
    pair_close(&pair);
    pki_free(&self);
    pki_free(&below);
}

/* With authorities and fingerprints either is enough; through an intermediate too. */
static void takes_path_or_fingerprint(void **state)
{
    struct ak_tls_options options = world_options(&world);
    struct pki_order order = client_order("fw2.example", NULL);
    struct ak_hash fingerprint;
    struct pki self, below;
    struct pair pair;

    (void)state;
    order.issuer = &world.intermediate;
    pki_make(&below, &order);
    order.issuer = NULL;
    pki_make(&self, &order);
    pki_fingerprint(&self, fingerprint.b);
    options.fingerprints = &fingerprint;
    options.fingerprint_count = 1;
    expect_accepted(&options, &self, "fw2.example");
    connect_as(&pair, &options, &below, &world.intermediate);
    assert_int_equal(pair.rc, AK_OK);
    pki_fingerprint(&below, fingerprint.b);
    assert_memory_equal(ak_tls_peer(pair.server)->fingerprint, fingerprint.b, 32);
    pair_close(&pair);
    connect_as(&pair, &options, &world.client, NULL);
    assert_int_equal(pair.rc, AK_OK);
    pair_close(&pair);
    pki_free(&self);
    pki_free(&below);
}

/* A server's certificate is no client's. */
static void refuses_server_usage(void **state)
{
    struct ak_tls_options options = world_options(&world);
    struct pki_order order = client_order("web", "DNS:web.example");
    struct pki identity;

    (void)state;
    order.eku = "serverAuth";
    pki_make(&identity, &order);
    expect_refused(&options, &identity,
                   "certificate CN=web is not meant for this (its extended key usage or key usage "
                   "does not allow a client): refused, the sender keeps its records. Issue one "
                   "with clientAuth");
    pki_free(&identity);
    order.eku = "serverAuth,clientAuth";
    pki_make(&identity, &order);
    expect_accepted(&options, &identity, "web.example");
    pki_free(&identity);
}

static void refuses_weak_keys(void **state)
{
    static const char text[] =
        "certificate CN=old has a key or signature that is too weak: refused, the sender keeps its "
        "records. Issue it with P-256, or RSA of 2048 bits or more, and SHA-256";
    struct ak_tls_options options = world_options(&world);
    struct pki_order order = client_order("old", NULL);
    struct ak_hash fingerprint;
    struct pki identity;

    (void)state;
    order.rsa_bits = 1024;
    pki_make(&identity, &order);
    expect_refused(&options, &identity, text);
    pki_fingerprint(&identity, fingerprint.b);
    options.fingerprints = &fingerprint;
    options.fingerprint_count = 1;
    expect_refused(&options, &identity, text);
    pki_free(&identity);
}

/* CVE-2018-1000140: many long names before authorisation. Read within bounds, never matched. */
static void bounds_names(void **state)
{
    static const char *const wanted[] = {"fw1.example"};
    struct ak_tls_options options = world_options(&world);
    struct pki_order order = client_order("many", NULL);
    struct pki identity;
    const char *const *names;
    struct pair pair;

    (void)state;
    order.dns_count = 100;
    order.dns_bytes = 255;
    pki_make(&identity, &order);
    connect_as(&pair, &options, &identity, NULL);
    assert_int_equal(pair.rc, AK_OK);
    assert_int_equal(ak_tls_names(pair.server, &names), 0); /* 255 bytes are no name */
    pair_close(&pair);
    pki_free(&identity);

    order.dns_bytes = 253;
    pki_make(&identity, &order);
    connect_as(&pair, &options, &identity, NULL);
    assert_int_equal(ak_tls_names(pair.server, &names), 100);
    assert_int_equal(strlen(names[99]), 253);
    pair_close(&pair);
    options.names = wanted;
    options.name_count = 1;
    connect_as(&pair, &options, &identity, NULL);
    assert_int_equal(pair.rc, AK_EKEY);
    assert_true(strlen(pair.err.text) < sizeof(pair.err.text) - 1);
    pair_close(&pair);
    pki_free(&identity);

    order.dns_count = AK_TLS_NAMES_MAX + 1;
    order.dns_bytes = 20;
    pki_make(&identity, &order);
    expect_refused(
        &options, &identity,
        "certificate CN=many has 257 names, more than 256: refused, the sender keeps its "
        "records. Issue it with fewer");
    pki_free(&identity);

    order.dns_count = 250;
    order.dns_bytes = 300;
    pki_make(&identity, &order);
    connect_as(&pair, &options, &identity, NULL);
    assert_int_equal(pair.rc, AK_ELIMIT);
    assert_non_null(strstr(pair.err.text, "too long"));
    pair_close(&pair);
    pki_free(&identity);
}

/* What a stranger puts into its certificate must not steer the operator's terminal. */
static void escapes_names(void **state)
{
    struct ak_tls_options options = world_options(&world);
    struct pki_order order = client_order("\x1b[2Jfw1\r\nok", NULL);
    struct pki identity;
    struct pair pair;

    (void)state;
    pki_make(&identity, &order);
    expect_accepted(&options, &identity, "");
    pki_free(&identity);
    order.issuer = &world.stranger;
    pki_make(&identity, &order);
    connect_as(&pair, &options, &identity, NULL);
    assert_int_equal(pair.rc, AK_EKEY);
    assert_null(strchr(pair.err.text, 0x1b));
    assert_non_null(strstr(pair.err.text, "CN=\\x1b[2Jfw1\\x0d\\x0aok was not issued"));
    pair_close(&pair);
    pki_free(&identity);
}

/* Revoked is refused, by path and by fingerprint; so is everybody while the CRL is stale or of
 * another authority, unless chosen otherwise. */
static void follows_crl(void **state)
{
    struct ak_tls_options options = world_options(&world);
    struct ak_hash fingerprint;
    struct pair pair;
    char text[AK_ERROR_TEXT_BYTES];

    (void)state;
    options.crl_file = world.crl_file;
    pki_crl_write(world.crl_file, &world.ca, NULL, NOW - DAY, NOW + DAY);
    expect_accepted(&options, &world.client, "fw1.example");

    pki_crl_write(world.crl_file, &world.ca, &world.client, NOW - DAY, NOW + DAY);
    (void)snprintf(
        text, sizeof(text),
        "certificate CN=fw1 was revoked by its authority (%s): refused, the sender keeps "
        "its records. Give the sender a new certificate",
        world.crl_file);
    expect_refused(&options, &world.client, text);
    pki_fingerprint(&world.client, fingerprint.b);
    options.fingerprints = &fingerprint;
    options.fingerprint_count = 1;
    expect_refused(&options, &world.client, text);
    options.fingerprint_count = 0;

    (void)snprintf(text, sizeof(text),
                   "%s has no CRL that speaks now about certificate CN=fw1: refused, the sender "
                   "keeps its records. Put its authority's newest CRL there and reload (SIGHUP)",
                   world.crl_file);
    pki_crl_write(world.crl_file, &world.ca, NULL, NOW - 2 * DAY, NOW - DAY);
    expect_refused(&options, &world.client, text);
    pki_crl_write(world.crl_file, &world.stranger, NULL, NOW - DAY, NOW + DAY);
    expect_refused(&options, &world.client, text);
    options.accept_stale_crl = true;
    connect_as(&pair, &options, &world.client, NULL);
    assert_int_equal(pair.rc, AK_OK);
    assert_true(ak_tls_peer(pair.server)->crl_stale);
    pair_close(&pair);
    /* An old CRL still revokes. */
    pki_crl_write(world.crl_file, &world.ca, &world.client, NOW - 2 * DAY, NOW - DAY);
    connect_as(&pair, &options, &world.client, NULL);
    assert_int_equal(pair.rc, AK_EKEY);
    assert_non_null(strstr(pair.err.text, "was revoked"));
    pair_close(&pair);
}

/* A certificate that expires, or is revoked by a reload, ends a connection that is already open. */
static void rechecks_long_connections(void **state)
{
    struct ak_tls_options options = world_options(&world);
    struct pki_order order = client_order("fw3", "DNS:fw3.example");
    struct ak_tls_context *old = world_context(&options);
    struct ak_tls_context *lenient, *revoking;
    struct pki identity;
    struct pair pair;
    struct ak_error err;

    (void)state;
    pki_make(&identity, &order);
    options.accept_expired = true;
    lenient = world_context(&options);
    options.crl_file = world.crl_file;
    pki_crl_write(world.crl_file, &world.ca, &identity, NOW - DAY, NOW + DAY);
    revoking = world_context(&options);
    assert_int_equal(ak_tls_context_crl_until(revoking), NOW + DAY);
    assert_int_equal(ak_tls_context_crl_until(old), INT64_MAX);

    pair_open(&pair, old, &(struct sender){.identity = &identity});
    assert_int_equal(ak_tls_recheck(pair.server, old, NOW + 29 * DAY, &err), AK_OK);
    assert_int_equal(ak_tls_recheck(pair.server, old, NOW + 31 * DAY, &err), AK_EKEY);
    assert_string_equal(err.text, "certificate CN=fw3 expired 2026-12-23 (1 day ago): refused, the "
                                  "sender keeps its records. Renew it there, or set "
                                  "expired=accept_and_record in " PLACE);
    assert_int_equal(ak_tls_recheck(pair.server, old, NOW + 101 * DAY, &err), AK_EKEY);
    assert_non_null(strstr(err.text, "the sender's authority CN=Agency CA expired 2027-03-03"));
    assert_false(ak_tls_peer(pair.server)->expired);
    assert_int_equal(ak_tls_recheck(pair.server, lenient, NOW + 31 * DAY, &err), AK_OK);
    assert_true(ak_tls_peer(pair.server)->expired);
    assert_int_equal(ak_tls_recheck(pair.server, revoking, NOW, &err), AK_EKEY);
    assert_non_null(strstr(err.text, "certificate CN=fw3 was revoked"));
    pair_close(&pair);
    pki_free(&identity);
    ak_tls_context_unref(old);
    ak_tls_context_unref(lenient);
    ak_tls_context_unref(revoking);
}

/* authentication none: nobody is asked, nobody is verified; a later reload that asks ends it. */
static void server_only_verifies_nobody(void **state)
{
    struct ak_tls_options options = world_options(&world);
    struct ak_tls_context *mutual = world_context(&options);
    struct ak_error err;
    struct pair pair;

    (void)state;
    options.server_only = true;
    options.ca_file = NULL;
    connect_as(&pair, &options, &world.client, NULL);
    assert_int_equal(pair.rc, AK_OK);
    assert_false(ak_tls_peer(pair.server)->verified);
    assert_string_equal(ak_tls_peer(pair.server)->name, "");
    assert_int_equal(ak_tls_recheck(pair.server, mutual, NOW, &err), AK_EKEY);
    assert_string_equal(err.text, "the sender has shown no certificate, which " PLACE
                                  " asks for now: it must connect again, with one");
    pair_close(&pair);
    ak_tls_context_unref(mutual);
}

/* Fingerprints as tools print them; SHA-1 and mixtures are refused with what to write. */
static void reads_fingerprints(void **state)
{
    static const char hex[] = "E12D532B7C6B8A29A2A6C84BB5B4C4E1E12D532B7C6B8A29A2A6C84BB5B4C4E1";
    struct ak_hash hash, again;
    struct ak_error err;
    char text[AK_FINGERPRINT_TEXT_BYTES];
    char changed[AK_FINGERPRINT_TEXT_BYTES + 8];

    (void)state;
    assert_int_equal(ak_fingerprint_parse(hex, 64, &hash, &err), AK_OK);
    (void)ak_fingerprint_text(hash.b, text);
    assert_int_equal(strlen(text), sizeof(text) - 1);
    assert_memory_equal(text, "sha-256:E1:2D:53:", 17);
    assert_int_equal(ak_fingerprint_parse(text, strlen(text), &again, &err), AK_OK);
    assert_memory_equal(&hash, &again, sizeof(hash));
    (void)snprintf(changed, sizeof(changed), "SHA256:%s", text + 8);
    assert_int_equal(ak_fingerprint_parse(changed, strlen(changed), &again, &err), AK_OK);
    assert_memory_equal(&hash, &again, sizeof(hash));
    for (size_t n = 0; n < strlen(text); n++) /* no prefix of a fingerprint is one */
        assert_int_equal(ak_fingerprint_parse(text, n, &again, &err), AK_EUSAGE);
    (void)snprintf(changed, sizeof(changed), "%s:", text);
    assert_int_equal(ak_fingerprint_parse(changed, strlen(changed), &again, &err), AK_EUSAGE);
    (void)snprintf(changed, sizeof(changed), "E1:%.62s", hex + 2);
    assert_int_equal(ak_fingerprint_parse(changed, strlen(changed), &again, &err), AK_EUSAGE);
    assert_int_equal(ak_fingerprint_parse("sha-1:E1:2D", 11, &again, &err), AK_EUSAGE);
    assert_string_equal(err.text, "\"sha-1:E1:2D\" is a SHA-1 fingerprint, which can be forged; "
                                  "write what `openssl x509 -noout -fingerprint -sha256 -in FILE` "
                                  "prints behind the =");
}

static int open_world(void **state)
{
    (void)state;
    world_open(&world);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_and_names_the_peer),
        cmocka_unit_test(refuses_no_certificate),
        cmocka_unit_test(refuses_wrong_authority),
        cmocka_unit_test(judges_expired),
        cmocka_unit_test(refuses_not_yet_valid),
        cmocka_unit_test(refuses_nul_in_names),
        cmocka_unit_test(prefers_alternative_names),
        cmocka_unit_test(matches_addresses_as_addresses),
        cmocka_unit_test(matches_wildcards_narrowly),
        cmocka_unit_test(ignores_wide_wildcards),
        cmocka_unit_test(takes_fingerprint_of_leaf_only),
        cmocka_unit_test(takes_path_or_fingerprint),
        cmocka_unit_test(refuses_server_usage),
        cmocka_unit_test(refuses_weak_keys),
        cmocka_unit_test(bounds_names),
        cmocka_unit_test(escapes_names),
        cmocka_unit_test(follows_crl),
        cmocka_unit_test(rechecks_long_connections),
        cmocka_unit_test(server_only_verifies_nobody),
        cmocka_unit_test(reads_fingerprints),
    };

    return cmocka_run_group_tests(tests, open_world, close_world);
}
