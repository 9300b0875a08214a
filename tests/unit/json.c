/* json.c - the JSON profile of own entries: one encoding, and nothing else is taken. */
#include <json.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum ak_code parse(const char *text, size_t len)
{
    struct ak_error err = {0};
    json_t *value = NULL;
    enum ak_code rc = ak_json_parse(text, len, &value, &err);

    assert_true(rc == AK_OK || err.text[0] != '\0');
    if (rc == AK_OK)
        json_decref(value);
    return rc;
}

/* What is in its one encoding is read, and its members are found. */
static void takes_canonical(void **state)
{
    static const char good[] = "{\"a\":\"18446744073709551615\",\"b\":\"AAEC\",\"c\":[true,7,"
                               "\"\\b\\t\\n\\f\\r\\\"\\\\\\u001f\xc3\xa9/\"],\"d\":{}}";
    struct ak_error err = {0};
    uint8_t bytes[3];
    uint64_t number;
    json_t *value;

    (void)state;
    assert_int_equal(ak_json_parse(good, strlen(good), &value, &err), AK_OK);
    assert_int_equal(ak_json_dec(value, "a", &number, &err), AK_OK);
    assert_true(number == UINT64_MAX);
    assert_int_equal(ak_json_bytes(value, "b", bytes, 3, &err), AK_OK);
    assert_int_equal(bytes[2], 2);
    assert_int_equal(ak_json_bytes(value, "b", bytes, 2, &err), AK_EMALFORMED);
    assert_int_equal(ak_json_dec(value, "b", &number, &err), AK_EMALFORMED);
    assert_int_equal(ak_json_dec(value, "nothing", &number, &err), AK_EMALFORMED);
    json_decref(value);
}

/* Eight levels of objects and arrays are read, with a value in the deepest; a ninth is not. */
static void takes_eight_levels(void **state)
{
    static const char eight[] = "{\"a\":[[[[[[[7]]]]]]]}";
    static const char nine[] = "{\"a\":[[[[[[[[]]]]]]]]}";

    (void)state;
    assert_int_equal(parse(eight, strlen(eight)), AK_OK);
    assert_int_equal(parse(nine, strlen(nine)), AK_EMALFORMED);
}

/* Every other way to write the same, and every value outside the profile, is malformed. */
static void refuses_the_rest(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "7",
        "{\"a\": 1}",
        " {}",
        "{}\n",
        "{\"b\":1,\"a\":2}",
        "{\"a\":1,\"a\":1}",
        "{\"a\":1.0}",
        "{\"a\":-1}",
        "{\"a\":9007199254740992}",
        "{\"a\":null}",
        "{\"A\":1}",
        "{\"\":1}",
        "{\"a\":\"\\u001F\"}",
        "{\"a\":\"\\u0041\"}",
        "{\"a\":\"\\/\"}",
        "{\"a\":\"\xff\"}",
        "{\"a\":1",
        "\xef\xbb\xbf{}",
        "{\"a\":[[[[[[[[1]]]]]]]]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(parse(bad[i], strlen(bad[i])), AK_EMALFORMED);
    assert_int_equal(parse("{\"a\":[[[[[[1]]]]]]}", 19), AK_OK);
}

/* Decimal strings: no leading zero, no sign, no overflow. */
static void decimal_strings(void **state)
{
    static const char *const bad[] = {"", "00", "01", "+1", "-1", "1 ", "18446744073709551616"};
    struct ak_error err = {0};
    uint64_t number;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *value = json_pack("{s:s}", "n", bad[i]);
        assert_int_equal(ak_json_dec(value, "n", &number, &err), AK_EMALFORMED);
        json_decref(value);
    }
}

/* A payload over the limit is refused before any parser sees it. */
static void refuses_long(void **state)
{
    char *text = malloc(AK_JSON_BYTES_MAX + 1);

    (void)state;
    assert_non_null(text);
    memset(text, '{', AK_JSON_BYTES_MAX + 1);
    assert_int_equal(parse(text, AK_JSON_BYTES_MAX + 1), AK_ELIMIT);
    assert_int_equal(parse(text, AK_JSON_BYTES_MAX), AK_EMALFORMED);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_canonical),  cmocka_unit_test(takes_eight_levels),
        cmocka_unit_test(refuses_the_rest), cmocka_unit_test(decimal_strings),
        cmocka_unit_test(refuses_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
