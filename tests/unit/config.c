/* config.c - the configuration: what is refused, in which words, and what comes out of what is
 * good. */
#include "config.h"
#include "config_schema.h"
#include "units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EXAMPLE AKASHI_SOURCE "/collector/dist/akashi.conf.example"

#define LOGS "logs:\n  - name: a\n"
#define HEAD "store: /s\n" LOGS
#define TLS  "listeners:\n  - url: tls://127.0.0.1:514\n"
#define UDP  "listeners:\n  - url: udp://127.0.0.1:514\n"

static struct ak_config *good(const char *text)
{
    struct ak_error err = {0};
    struct ak_config *config;

    if (ak_config_parse("/etc/akashi.conf", text, strlen(text), &config, &err) != AK_OK)
        fail_msg("%s", err.text);
    return config;
}

static void bad(const char *text, const char *want)
{
    struct ak_error err = {0};
    struct ak_config *config = NULL;

    assert_int_equal(ak_config_parse("c", text, strlen(text), &config, &err), AK_EUSAGE);
    assert_null(config);
    assert_string_equal(err.text, want);
}

/* Every fault has its line and column, and says what to write instead. */
static void faults(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
#include "config_faults.h"
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        bad(cases[i].text, cases[i].want);
}

/* A file that is not there is no wrong configuration; the name stands in front. */
static void no_file(void **state)
{
    struct ak_error err = {0};
    struct ak_config *config;

    (void)state;
    assert_int_equal(ak_config_load("/nowhere/akashi.conf", &config, &err), AK_ENOTFOUND);
    assert_null(config);
    assert_string_equal(
        err.text,
        "/nowhere/akashi.conf: the configuration cannot be opened: No such file or directory");
}

/* Sizes and durations come out in bytes and nanoseconds; paths begin at the file's directory. */
static void values(void **state)
{
    struct ak_config *config =
        good("store: s\nbatches: 8\npartial_frames: 64M\nsigning_interval: 20ms\n"
             "logs:\n  - name: a\n    share: 2G\n    silence: 0\n  - name: b\n"
             "listeners:\n  - url: tcp://10.0.0.1:514\n    log: b\n    allow: [10.0.0.0/8]\n"
             "    limits:\n      frame_timeout: 5s\n");

    (void)state;
    assert_string_equal(config->store, "/etc/s");
    assert_string_equal(config->control, "/etc/s/control");
    assert_int_equal(config->batches, 8);
    assert_int_equal(config->partial_frames, 64 << 20);
    assert_int_equal(config->signing_interval, 20 * AK_NS_PER_MS);
    assert_int_equal(config->logs[0].share, INT64_C(2) << 30);
    assert_int_equal(config->logs[0].silence, 0);
    assert_int_equal(config->logs[1].silence, 24 * 3600 * AK_NS_PER_S);
    assert_int_equal(config->listeners[0].log, 1);
    assert_int_equal(config->listeners[0].limits.frame_timeout, 5 * AK_NS_PER_S);
    assert_int_equal(config->listeners[0].allow_count, 1);
    ak_config_free(config);
}

static char *shown(const struct ak_config *config)
{
    struct ak_error err = {0};
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);

    assert_non_null(file);
    assert_int_equal(ak_config_show(config, file, &err), AK_OK);
    assert_int_equal(fclose(file), 0);
    return text;
}

static struct ak_config *example(void)
{
    struct ak_error err = {0};
    struct ak_config *config;

    if (ak_config_load(EXAMPLE, &config, &err) != AK_OK)
        fail_msg("%s", err.text);
    return config;
}

/* What --show prints loads again to the same configuration: its text, and so its digest, is the
 * same. */
static void round_trip(void **state)
{
    struct ak_config *first = example();
    char *text = shown(first);
    struct ak_config *second = good(text);
    char *again = shown(second);
    struct ak_error err = {0};
    struct ak_hash a;
    struct ak_hash b;

    (void)state;
    assert_string_equal(text, again);
    assert_int_equal(ak_config_digest(first, &a, &err), AK_OK);
    assert_int_equal(ak_config_digest(second, &b, &err), AK_OK);
    assert_memory_equal(&a, &b, sizeof(a));
    second->batches++;
    assert_int_equal(ak_config_digest(second, &b, &err), AK_OK);
    assert_memory_not_equal(&a, &b, sizeof(a));
    free(text);
    free(again);
    ak_config_free(first);
    ak_config_free(second);
}

static void defaults_in(const struct ak_option_table *table, const void *base,
                        const struct ak_url *url)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct ak_option *option = &table->option[i];

        if (url != NULL && !ak_option_applies(option, url->transport))
            continue;
        if (ak_option_get(option, base) != ak_option_fallback(option))
            fail_msg("the example shows %s with another value than its default, %s", option->key,
                     option->fallback);
    }
}

/* "a.b" of a mark: the keys on the way to it. */
static void path_of(const struct ak_marks *marks, size_t i, char *out, size_t cap)
{
    const char *keys[AK_MARKS_DEPTH_MAX];
    size_t depth = 0;

    for (; i != 0; i = marks->mark[i].parent) {
        if (marks->mark[i].key[0] != '\0')
            keys[depth++] = marks->mark[i].key;
    }
    out[0] = '\0';
    while (depth-- > 0) {
        size_t used = strlen(out);

        (void)snprintf(out + used, cap - used, "%s%s", used == 0 ? "" : ".", keys[depth]);
    }
}

static void on_key(void *ctx, const char *path)
{
    const struct ak_marks *marks = ctx;
    char has[512];

    for (size_t i = 0; i < marks->count; i++) {
        path_of(marks, i, has, sizeof(has));
        if (marks->mark[i].key[0] != '\0' && strcmp(has, path) == 0)
            return;
    }
    fail_msg("the example does not show %s", path);
}

/* The example has every option there is, and each that has a default with that default. */
static void example_is_whole(void **state)
{
    static char text[65536];
    struct ak_error err = {0};
    struct ak_config *config = example();
    struct ak_marks marks;
    FILE *file = fopen(EXAMPLE, "r");
    size_t len;

    (void)state;
    assert_non_null(file);
    len = fread(text, 1, sizeof(text), file);
    assert_true(len < sizeof(text));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(ak_marks_read(EXAMPLE, text, len, &marks, &err), AK_OK);
    ak_schema_each(on_key, &marks);
    ak_marks_free(&marks);
    defaults_in(&ak_options_config, config, NULL);
    for (size_t i = 0; i < config->log_count; i++)
        defaults_in(&ak_options_log, &config->logs[i], NULL);
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct ak_config_listener *listener = &config->listeners[i];

        defaults_in(&ak_options_limits, &listener->limits, &listener->url);
        defaults_in(&ak_options_tls, &listener->tls, &listener->url);
    }
    ak_config_free(config);
}

/* Every option stands in the manual of the file, with its default where it has one. */
static void on_manual(void *ctx, const char *path)
{
    const char *last = strrchr(path, '.') == NULL ? path : strrchr(path, '.') + 1;
    const char *manual = ctx;
    char want[128];

    (void)snprintf(want, sizeof(want), "*%s*", last);
    if (strstr(manual, want) == NULL)
        fail_msg("akashi.conf.5.scd does not explain %s", path);
}

static void defaults_told(const char *manual, const struct ak_option_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        char want[160];

        (void)snprintf(want, sizeof(want), "\n*%s*: %s", table->option[i].key,
                       table->option[i].fallback);
        if (strstr(manual, want) == NULL)
            fail_msg("akashi.conf.5.scd has no line \"%s\"", want + 1);
    }
}

static void manual_is_whole(void **state)
{
    static char text[65536];
    FILE *file = fopen(AKASHI_SOURCE "/docs/akashi.conf.5.scd", "r");
    size_t len;

    (void)state;
    assert_non_null(file);
    len = fread(text, 1, sizeof(text) - 1, file);
    assert_true(len < sizeof(text) - 1);
    assert_int_equal(fclose(file), 0);
    /* scdoc wants the underscore of a word escaped. */
    for (char *p = strchr(text, '\\'); p != NULL; p = strchr(p, '\\'))
        memmove(p, p + 1, strlen(p));
    ak_schema_each(on_manual, text);
    defaults_told(text, &ak_options_config);
    defaults_told(text, &ak_options_log);
    defaults_told(text, &ak_options_limits);
    defaults_told(text, &ak_options_tls);
}

static void option_bad(const struct ak_config_options *options, const char *want)
{
    struct ak_error err = {0};
    struct ak_config *config;

    assert_int_equal(ak_config_from_options(options, &config, &err), AK_EUSAGE);
    assert_null(config);
    assert_string_equal(err.text, want);
}

/* Options of the command line make the same configuration as a file, and are refused in words
 * that name the option. */
static void options(void **state)
{
    const char *const listen[] = {"tcp://127.0.0.1:0", "tls://127.0.0.1:0"};
    const char *const wrong[] = {"tpc://127.0.0.1:0"};
    struct ak_config_options o = {.log = "a", .listen = listen, .listen_count = 1};
    struct ak_error err = {0};
    struct ak_config *config;

    (void)state;
    option_bad(&o, "--store DIR is missing: the directory that `akashi-collector init` made");
    o.store = "/s";
    assert_int_equal(ak_config_from_options(&o, &config, &err), AK_OK);
    assert_string_equal(config->store, "/s");
    assert_string_equal(config->control, "/s/control");
    assert_int_equal(config->listeners[0].log, 0);
    ak_config_free(config);
    o.tls_key = "k";
    option_bad(&o, "--tls-certificate, --tls-key and --tls-ca mean nothing without a tls:// or "
                   "relp+tls:// listener");
    o.listen_count = 2;
    option_bad(&o, "--listen tls://127.0.0.1:0 needs --tls-certificate FILE, --tls-key FILE and "
                   "--tls-ca FILE (the authority of the senders' certificates)");
    o.listen = wrong;
    o.listen_count = 1;
    assert_int_equal(ak_config_from_options(&o, &config, &err), AK_EUSAGE);
    assert_non_null(strstr(err.text, "--listen: "));
    assert_non_null(strstr(err.text, "did you mean tcp://?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults),           cmocka_unit_test(no_file),
        cmocka_unit_test(values),           cmocka_unit_test(round_trip),
        cmocka_unit_test(example_is_whole), cmocka_unit_test(manual_is_whole),
        cmocka_unit_test(options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
