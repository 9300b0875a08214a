/* url.c - URLs of listeners and address ranges. */
#include "cidr.h"
#include "url.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct ak_url parsed(const char *text)
{
    struct ak_error err = {0};
    struct ak_url url;

    if (ak_url_parse(text, strlen(text), &url, &err) != AK_OK)
        fail_msg("%s: %s", text, err.text);
    return url;
}

static void bad(const char *text, const char *want)
{
    struct ak_error err = {0};
    struct ak_url url;

    assert_int_equal(ak_url_parse(text, strlen(text), &url, &err), AK_EUSAGE);
    assert_string_equal(err.text, want);
}

/* Every scheme gives its transport, every kind of host its address, and one text. */
static void good_urls(void **state)
{
    static const struct {
        const char *text;
        enum ak_transport transport;
        int family;
        const char *shown;
    } cases[] = {
        {"udp://0.0.0.0:514", AK_TRANSPORT_UDP, AF_INET, "udp://0.0.0.0:514"},
        {"tcp://127.0.0.1:0", AK_TRANSPORT_TCP, AF_INET, "tcp://127.0.0.1:0"},
        {"tls://[::1]:6514", AK_TRANSPORT_TLS, AF_INET6, "tls://[::1]:6514"},
        {"tls://[2001:DB8:0:0::1]:6514", AK_TRANSPORT_TLS, AF_INET6, "tls://[2001:db8::1]:6514"},
        {"relp://localhost:2514", AK_TRANSPORT_RELP, AF_INET, "relp://127.0.0.1:2514"},
        {"relp+tls://*:65535", AK_TRANSPORT_RELP_TLS, AF_INET6, "relp+tls://*:65535"},
        {"udp://*:0514", AK_TRANSPORT_UDP, AF_INET6, "udp://*:514"},
        {"unix:///dev/log", AK_TRANSPORT_UNIX, AF_UNIX, "unix:///dev/log"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ak_url url = parsed(cases[i].text);

        assert_int_equal(url.transport, cases[i].transport);
        assert_int_equal(url.addr.ss_family, cases[i].family);
        assert_string_equal(url.text, cases[i].shown);
        assert_int_equal(url.any, strchr(cases[i].text, '*') != NULL);
    }
}

/* Address and port come out as the kernel wants them; the real port can be put in. */
static void address(void **state)
{
    struct ak_url url = parsed("tcp://192.0.2.1:514");
    const struct sockaddr_in *sin = (const struct sockaddr_in *)(const void *)&url.addr;
    char text[AK_URL_TEXT_BYTES];

    (void)state;
    assert_int_equal(url.len, sizeof(*sin));
    assert_int_equal(sin->sin_addr.s_addr, htonl(0xc0000201));
    assert_int_equal(sin->sin_port, htons(514));
    assert_int_equal(ak_url_port(&url), 514);
    url = parsed("relp+tls://[2001:db8::1]:0");
    assert_int_equal(url.len, sizeof(struct sockaddr_in6));
    assert_string_equal(ak_url_text(&url, 40001, text), "relp+tls://[2001:db8::1]:40001");
    url = parsed("unix:///run/akashi/log");
    assert_string_equal(url.path, "/run/akashi/log");
    assert_string_equal(((const struct sockaddr_un *)(const void *)&url.addr)->sun_path,
                        "/run/akashi/log");
    assert_int_equal(ak_url_port(&url), 0);
    assert_string_equal(ak_url_text(&url, 7, text), "unix:///run/akashi/log");
}

#define FORMS "udp://, tcp://, tls://, relp://, relp+tls:// with HOST:PORT, or unix://PATH"
#define HOSTS                                                                                      \
    "the host is an IPv4 address, an IPv6 address in brackets, localhost or * (names are not "     \
    "looked up)"
#define PORTS "the port is a number from 0 to 65535 (0 takes a free one)"
#define NO_PORT                                                                                    \
    "the port is missing; write HOST:PORT (usual: 514 for udp, 514 or 601 for tcp, 6514 for tls, " \
    "2514 for relp)"

/* Every fault names the URL and the right form. */
static void bad_urls(void **state)
{
    char text[200];
    char want[400];

    (void)state;
    bad("tsl://*:6514", "\"tsl://*:6514\": unknown scheme; did you mean tls://?");
    bad("rlep+tls://*:1", "\"rlep+tls://*:1\": unknown scheme; did you mean relp+tls://?");
    bad("TCP://*:1", "\"TCP://*:1\": unknown scheme; did you mean tcp://?");
    bad("http://*:80", "\"http://*:80\": unknown scheme; write " FORMS);
    bad("*:514", "\"*:514\" is not a URL; write " FORMS);
    bad("", "\"\" is not a URL; write " FORMS);
    bad("udp://*", "\"udp://*\": " NO_PORT);
    bad("udp://[::1]", "\"udp://[::1]\": " NO_PORT);
    bad("udp://[::1]514", "\"udp://[::1]514\": " NO_PORT);
    bad("udp://*:", "\"udp://*:\": " PORTS);
    bad("udp://*:65536", "\"udp://*:65536\": " PORTS);
    bad("udp://*:5x", "\"udp://*:5x\": " PORTS);
    bad("udp://*:-1", "\"udp://*:-1\": " PORTS);
    bad("udp://*:000514", "\"udp://*:000514\": " PORTS);
    bad("udp://:514",
        "\"udp://:514\": the host is missing; write an address, or * for every address");
    bad("udp://::1:514",
        "\"udp://::1:514\": an IPv6 address stands in brackets: [2001:db8::1]:514");
    bad("udp://[::1:514", "\"udp://[::1:514\": ] is missing behind the IPv6 address");
    bad("udp://loghost:514", "\"udp://loghost:514\": " HOSTS);
    bad("udp://[127.0.0.1]:514", "\"udp://[127.0.0.1]:514\": " HOSTS);
    bad("udp://[*]:514", "\"udp://[*]:514\": " HOSTS);
    bad("udp://256.0.0.1:514", "\"udp://256.0.0.1:514\": " HOSTS);
    bad("udp://[fe80::1%eth0]:514", "\"udp://[fe80::1%eth0]:514\": " HOSTS);
    bad("unix://dev/log", "\"unix://dev/log\": the path is absolute, so there are three slashes: "
                          "unix:///run/akashi/log");
    bad("unix://", "\"unix://\": the path is absolute, so there are three slashes: "
                   "unix:///run/akashi/log");
    bad("udp://*: 514", "\"udp://*: 514\": a URL has no spaces and no control characters");
    memset(text, 'a', sizeof(text));
    memcpy(text, "unix:///", 8);
    text[7 + 107] = '\0';
    assert_int_equal(strlen(parsed(text).path), 107);
    text[7 + 107] = 'a';
    text[7 + 108] = '\0';
    (void)snprintf(
        want, sizeof(want),
        "\"%.100s\": the path is longer than 107 bytes, more than a Unix socket can have", text);
    bad(text, want);
}

/* Two listeners that the kernel would not let bind together are told apart from those it would. */
static void conflicts(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        bool conflict;
    } cases[] = {
        {"tcp://10.0.0.1:514", "tcp://10.0.0.1:514", true},
        {"tcp://10.0.0.1:514", "tls://10.0.0.1:514", true},
        {"tcp://10.0.0.1:514", "udp://10.0.0.1:514", false},
        {"tcp://10.0.0.1:514", "tcp://10.0.0.2:514", false},
        {"tcp://10.0.0.1:514", "tcp://0.0.0.0:514", true},
        {"tcp://[::1]:514", "tcp://0.0.0.0:514", false},
        {"tcp://[::1]:514", "tcp://[::]:514", true},
        {"tcp://[::1]:514", "tcp://[::2]:514", false},
        {"tcp://10.0.0.1:514", "relp://*:514", true},
        {"tcp://*:0", "tcp://*:0", false},
        {"unix:///a", "unix:///a", true},
        {"unix:///a", "unix:///b", false},
        {"unix:///a", "udp://*:1", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ak_url a = parsed(cases[i].a);
        struct ak_url b = parsed(cases[i].b);

        assert_int_equal(ak_url_conflict(&a, &b), cases[i].conflict);
        assert_int_equal(ak_url_conflict(&b, &a), cases[i].conflict);
    }
}

static struct ak_cidr range(const char *text)
{
    struct ak_error err = {0};
    struct ak_cidr cidr;

    if (ak_cidr_parse(text, strlen(text), &cidr, &err) != AK_OK)
        fail_msg("%s: %s", text, err.text);
    return cidr;
}

static void bad_range(const char *text, const char *want)
{
    struct ak_error err = {0};
    struct ak_cidr cidr;

    assert_int_equal(ak_cidr_parse(text, strlen(text), &cidr, &err), AK_EUSAGE);
    assert_string_equal(err.text, want);
}

/* Ranges have one text and refuse what only looks like one. */
static void ranges(void **state)
{
    static const char *const good[][2] = {{"10.0.0.0/8", "10.0.0.0/8"},
                                          {"10.1.2.3", "10.1.2.3"},
                                          {"10.1.2.3/32", "10.1.2.3"},
                                          {"0.0.0.0/0", "0.0.0.0/0"},
                                          {"2001:DB8::/33", "2001:db8::/33"},
                                          {"::/0", "::/0"},
                                          {"::1", "::1"}};
    char room[AK_CIDR_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct ak_cidr cidr = range(good[i][0]);

        assert_string_equal(ak_cidr_text(&cidr, room), good[i][1]);
    }
    bad_range("10.1.2.3/8", "\"10.1.2.3/8\" has bits set behind its prefix; write 10.0.0.0/8 for "
                            "the range, or the address without /8");
    bad_range("10.0.0.0/33", "\"10.0.0.0/33\": the prefix behind the slash is 0 to 32");
    bad_range("10.0.0.0/", "\"10.0.0.0/\": the prefix behind the slash is 0 to 32");
    bad_range("10.0.0.0/08", "\"10.0.0.0/08\": the prefix behind the slash is 0 to 32");
    bad_range("::/129", "\"::/129\": the prefix behind the slash is 0 to 128");
    bad_range("::ffff:10.0.0.1", "\"::ffff:10.0.0.1\": write the IPv4 address itself");
    bad_range("loghost", "\"loghost\" is not an address or range; write 10.1.2.3, 10.0.0.0/8 or "
                         "2001:db8::/32 (names are not looked up)");
    bad_range("", "\"\" is not an address or range; write 10.1.2.3, 10.0.0.0/8 or 2001:db8::/32 "
                  "(names are not looked up)");
}

static bool matches(const char *cidr_text, const char *peer_text)
{
    struct ak_cidr cidr = range(cidr_text);
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};

    if (inet_pton(AF_INET, peer_text, &four.sin_addr) == 1)
        return ak_cidr_match(&cidr, (const struct sockaddr *)&four);
    assert_int_equal(inet_pton(AF_INET6, peer_text, &six.sin6_addr), 1);
    return ak_cidr_match(&cidr, (const struct sockaddr *)&six);
}

/* A peer is in a range by its bits; an IPv4 peer on a socket for both is an IPv4 peer. */
static void matching(void **state)
{
    struct sockaddr unix_peer = {.sa_family = AF_UNIX};
    struct ak_cidr all = range("0.0.0.0/0");

    (void)state;
    assert_true(matches("10.0.0.0/9", "10.127.255.255"));
    assert_false(matches("10.0.0.0/9", "10.128.0.0"));
    assert_true(matches("10.1.2.3", "10.1.2.3"));
    assert_false(matches("10.1.2.3", "10.1.2.2"));
    assert_true(matches("10.0.0.0/8", "::ffff:10.9.9.9"));
    assert_false(matches("::/0", "::ffff:10.9.9.9"));
    assert_true(matches("0.0.0.0/0", "1.2.3.4"));
    assert_false(matches("0.0.0.0/0", "2001:db8::1"));
    assert_true(matches("2001:db8::/31", "2001:db9::1"));
    assert_false(matches("2001:db8::/32", "2001:db9::1"));
    assert_false(ak_cidr_match(&all, &unix_peer));
}

/* One range covers another if it is the same or wider. */
static void covering(void **state)
{
    struct ak_cidr wide = range("10.0.0.0/8");
    struct ak_cidr narrow = range("10.1.0.0/16");
    struct ak_cidr other = range("11.0.0.0/8");
    struct ak_cidr six = range("::/0");

    (void)state;
    assert_true(ak_cidr_covers(&wide, &narrow));
    assert_true(ak_cidr_covers(&wide, &wide));
    assert_false(ak_cidr_covers(&narrow, &wide));
    assert_false(ak_cidr_covers(&wide, &other));
    assert_false(ak_cidr_covers(&six, &wide));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_urls), cmocka_unit_test(address), cmocka_unit_test(bad_urls),
        cmocka_unit_test(conflicts), cmocka_unit_test(ranges),  cmocka_unit_test(matching),
        cmocka_unit_test(covering),
    };

    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
