/* stamp_request.c - a request says what it must (RFC 3161 2.4.1), and only the answer to it counts.
 */
#include "stamp_request.h"

#include <openssl/ts.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char data[] = "example.org/log\n7\n\n";

/* Version, digest, nonce, policy and the wish for certificates are in it, and nothing else. */
static void is_whole(void **state)
{
    uint8_t nonce[AK_STAMP_NONCE_BYTES];
    unsigned char *der;
    const unsigned char *at;
    size_t len;
    TS_REQ *request;

    (void)state;
    ak_stamp_nonce(nonce);
    assert_int_equal(
        ak_stamp_request(data, strlen(data), nonce, "1.3.6.1.4.1.99999.1", &der, &len, NULL),
        AK_OK);
    at = der;
    request = d2i_TS_REQ(NULL, &at, (long)len);
    assert_non_null(request);
    assert_ptr_equal(at, der + len);
    assert_int_equal(TS_REQ_get_version(request), 1);
    assert_int_not_equal(TS_REQ_get_cert_req(request), 0);
    assert_int_equal(ASN1_STRING_length(TS_REQ_get_nonce(request)), AK_STAMP_NONCE_BYTES);
    assert_memory_equal(ASN1_STRING_get0_data(TS_REQ_get_nonce(request)), nonce, sizeof(nonce));
    assert_int_equal(TS_REQ_get_ext_count(request), 0);
    TS_REQ_free(request);
    free(der);
}

/* What is no object identifier is refused. */
static void policies(void **state)
{
    static const char *const wrong[] = {"", "1", "a.b", "1.2.", "9.9.9", "timeStamping", "1..2"};

    (void)state;
    assert_int_equal(ak_stamp_policy_check("1.3.6.1.4.1.99999.1", NULL), AK_OK);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct ak_error err = {0};
        if (ak_stamp_policy_check(wrong[i], &err) != AK_EUSAGE)
            fail_msg("\"%s\" passes as a policy", wrong[i]);
    }
}

/* Nonces are not drawn twice. */
static void nonces(void **state)
{
    uint8_t a[AK_STAMP_NONCE_BYTES];
    uint8_t b[AK_STAMP_NONCE_BYTES];

    (void)state;
    ak_stamp_nonce(a);
    ak_stamp_nonce(b);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_int_equal(a[0] & 0xc0, 0x40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_whole), cmocka_unit_test(policies),
                                       cmocka_unit_test(nonces)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
