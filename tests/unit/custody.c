/* custody.c - custody records: their one form, and how they stand in a chain. */
#include <akashi/base64.h>
#include <akashi/custody.h>
#include <akashi/signing_key.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RECORDS 4u

static const struct ak_hash evidence = {{1, 2, 3}};

struct chain {
    char data[RECORDS][AK_CUSTODY_BYTES_MAX + 1];
    char name[RECORDS][8];
    struct ak_custody_file file[RECORDS];
};

static struct ak_custody_record example(unsigned number)
{
    struct ak_custody_record record = {.number = number,
                                       .evidence = evidence,
                                       .has_previous = number > 1,
                                       .at = 1800000000 + 60 * number,
                                       .exhibit = "K-2026-17 / 3",
                                       .by = "K. Sato, 警察庁",
                                       .purpose = "hand-over for analysis",
                                       .changes = "none"};

    return record;
}

static void put(struct chain *chain, unsigned i, const struct ak_custody_record *record,
                const struct ak_signing_key *key)
{
    struct ak_error err = {0};
    size_t n;

    if (ak_custody_format(chain->data[i], sizeof(chain->data[i]), &n, record, &err) != AK_OK)
        fail_msg("%s", err.text);
    if (key != NULL)
        assert_int_equal(ak_signing_key_note(key, chain->data[i], n, chain->data[i],
                                             sizeof(chain->data[i]), &n, NULL),
                         AK_OK);
    (void)snprintf(chain->name[i], sizeof(chain->name[i]), "%04u", i + 1);
    chain->file[i] = (struct ak_custody_file){chain->name[i], chain->data[i], n};
}

/* Four records: each hands over to the next; signed by `key` if there is one. */
static struct chain *make(const struct ak_signing_key *key)
{
    struct chain *chain = calloc(1, sizeof(*chain));

    assert_non_null(chain);
    for (unsigned i = 0; i < RECORDS; i++) {
        struct ak_custody_record record = example(i + 1);
        (void)snprintf(record.by, sizeof(record.by), "holder %u", i);
        (void)snprintf(record.to, sizeof(record.to), "holder %u", i + 1);
        if (i > 0)
            ak_sha256(&record.previous, chain->data[i - 1], chain->file[i - 1].len);
        put(chain, i, &record, key);
    }
    return chain;
}

static void expect(const struct chain *chain, size_t count, const struct ak_vkey *keys, size_t n,
                   enum ak_verdict verdict, enum ak_finding_code code)
{
    struct ak_custody custody;

    assert_int_equal(ak_custody_judge(&custody, chain->file, count, &evidence, keys, n, NULL),
                     AK_OK);
    if (custody.claim.verdict != verdict)
        fail_msg("verdict %d: %s", custody.claim.verdict, custody.claim.text);
    assert_int_equal(custody.claim.told, verdict != AK_VALID);
    if (custody.claim.told)
        assert_int_equal(custody.claim.code, code);
    ak_custody_free(&custody);
}

/* What is written is read as it was, byte for byte, with all lines and with as few as there may be.
 */
static void there_and_back(void **state)
{
    struct ak_custody_record record = example(7);
    struct ak_custody_record again;
    char text[AK_CUSTODY_BYTES_MAX];
    struct ak_note note;
    bool is_signed;
    size_t n;

    (void)state;
    memset(&record.previous, 0xab, sizeof(record.previous));
    assert_int_equal(ak_custody_format(text, sizeof(text), &n, &record, NULL), AK_OK);
    assert_int_equal(ak_custody_parse(&again, &is_signed, &note, text, n, NULL), AK_OK);
    assert_false(is_signed);
    assert_memory_equal(&record, &again, sizeof(record));
    (void)strcpy(record.to, "to");
    (void)strcpy(record.place, "東京");
    (void)strcpy(record.changes, "seal broken");
    (void)strcpy(record.answerable, "x");
    record.at = AK_CUSTODY_TIME_MAX;
    assert_int_equal(ak_custody_format(text, sizeof(text), &n, &record, NULL), AK_OK);
    assert_non_null(strstr(text, "\nat 9999-12-31T23:59:59Z\n"));
    assert_int_equal(ak_custody_parse(&again, &is_signed, &note, text, n, NULL), AK_OK);
    assert_memory_equal(&record, &again, sizeof(record));
}

/* The text is exactly this. */
static void known_text(void **state)
{
    struct ak_custody_record record = example(1);
    char text[AK_CUSTODY_BYTES_MAX];
    size_t n;

    (void)state;
    assert_int_equal(ak_custody_format(text, sizeof(text), &n, &record, NULL), AK_OK);
    assert_string_equal(
        text, "akashi/custody/v1\nnumber 1\n"
              "evidence 0102030000000000000000000000000000000000000000000000000000000000\n"
              "previous none\nat 2027-01-15T08:01:00Z\nexhibit K-2026-17 / 3\nby K. Sato, 警察庁\n"
              "purpose hand-over for analysis\nchanges none\n");
    assert_int_equal(n, strlen(text));
    assert_int_equal(ak_custody_format(text, n, &n, &record, NULL), AK_ELIMIT);
}

/* What cannot stand in a record is not written. */
static void not_written(void **state)
{
    char text[AK_CUSTODY_BYTES_MAX];
    size_t n;

    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        struct ak_custody_record record = example(2);
        if (i == 0)
            record.number = 0;
        if (i == 1)
            record.number = AK_CUSTODY_RECORDS_MAX + 1;
        if (i == 2)
            record.has_previous = false;
        if (i == 3)
            record.by[0] = '\0';
        if (i == 4)
            (void)strcpy(record.purpose, "two\nlines");
        if (i == 5)
            (void)strcpy(record.purpose, " blank");
        if (i == 6)
            (void)strcpy(record.purpose, "blank ");
        if (i == 7)
            (void)strcpy(record.exhibit, "\x1b[31m");
        if (i == 8)
            (void)strcpy(record.place, "\xff");
        if (i == 9)
            (void)strcpy(record.answerable, "for nothing");
        if (i == 10)
            (void)strcpy(record.changes, "something");
        if (i == 11)
            record.at = AK_CUSTODY_TIME_MAX + 1;
        assert_int_equal(ak_custody_format(text, sizeof(text), &n, &record, NULL), AK_EUSAGE);
        assert_int_equal(n, 0);
    }
    assert_true(ak_custody_text_valid("証", 3));
    memset(text, 'a', AK_CUSTODY_TEXT_BYTES_MAX + 1);
    assert_true(ak_custody_text_valid(text, AK_CUSTODY_TEXT_BYTES_MAX));
    assert_false(ak_custody_text_valid(text, AK_CUSTODY_TEXT_BYTES_MAX + 1));
    assert_false(ak_custody_text_valid("a\x7f", 2));
}

/* Every other form is malformed. */
static void malformed(void **state)
{
    static const char *const changes[][2] = {
        {"custody/v1", "custody/v2"},
        {"number 1", "number 01"},
        {"number 1", "number 0"},
        {"number 1", "number 1025"},
        {"number 1", "number 2"},
        {"evidence 01", "evidence 0"},
        {"evidence 01", "evidence 0A"},
        {"previous none", "previous "},
        {"27-01-15T", "27-02-30T"},
        {"27-01-15T", "27-1-15T0"},
        {"T08:01:00Z", "T08:01:60Z"},
        {"T08:01:00Z", "T24:01:00Z"},
        {"T08:01:00Z", "T08:01:00z"},
        {"2027-01", "1969-01"},
        {"by K", "to K"},
        {"by K", "by  K"},
        {"none\n", "none \n"},
        {"changes none\n", ""},
        {"changes none\n", "changes x\n"},
        {"exhibit", "case x\nexhibit"},
        {"\nby", "\n\nby"},
        {"purpose h", "purpose \x01"},
        {"changes none\n", "changes none\nanswerable x\n"},
        {"changes none\n", "changes none\nmore x\n"},
        {"changes none\n", "changes none"},
        {"exhibit K-2026-17 / 3\n", "exhibit K-2026-17 / 3\nexhibit K-2026-17 / 3\n"},
    };
    struct ak_custody_record record = example(1);
    struct ak_custody_record read;
    char text[AK_CUSTODY_BYTES_MAX + 64];
    char changed[AK_CUSTODY_BYTES_MAX + 64];
    struct ak_note note;
    bool is_signed;
    size_t n;

    (void)state;
    assert_int_equal(ak_custody_format(text, AK_CUSTODY_BYTES_MAX, &n, &record, NULL), AK_OK);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        const char *at = strstr(text, changes[i][0]);
        assert_non_null(at);
        (void)snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, changes[i][1],
                       at + strlen(changes[i][0]));
        if (ak_custody_parse(&read, &is_signed, &note, changed, strlen(changed), NULL) !=
            AK_EMALFORMED)
            fail_msg("accepted: %s", changed);
    }
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(ak_custody_parse(&read, &is_signed, &note, text, cut, NULL),
                         AK_EMALFORMED);
    memset(changed, 'a', AK_CUSTODY_BYTES_MAX + 1);
    assert_int_equal(
        ak_custody_parse(&read, &is_signed, &note, changed, AK_CUSTODY_BYTES_MAX + 1, NULL),
        AK_EMALFORMED);
}

/* A chain as it was written is VALID, also without any record, and each item is what was said. */
static void good(void **state)
{
    struct chain *chain = make(NULL);
    struct ak_custody custody;

    (void)state;
    expect(chain, RECORDS, NULL, 0, AK_VALID, 0);
    expect(chain, 0, NULL, 0, AK_VALID, 0);
    assert_int_equal(ak_custody_judge(&custody, chain->file, RECORDS, &evidence, NULL, 0, NULL),
                     AK_OK);
    assert_int_equal(custody.count, RECORDS);
    assert_int_equal(custody.remarks, 0);
    assert_string_equal(custody.item[3].record.to, "holder 4");
    assert_false(custody.item[3].is_signed);
    ak_custody_free(&custody);
    free(chain);
}

/* Taken out, swapped, renamed, changed and foreign records are found; a missing last one is not. */
static void broken(void **state)
{
    struct chain *chain = make(NULL);
    struct chain *other;
    struct ak_custody_file file[RECORDS];
    struct ak_custody_record record;

    (void)state;
    memcpy(file, chain->file, sizeof(file));
    chain->file[1] = file[2];
    chain->file[2] = file[3];
    expect(chain, RECORDS - 1, NULL, 0, AK_INCOMPLETE, AK_FINDING_MISSING);
    chain->file[1].name = "0002"; /* and renamed, to hide it */
    chain->file[2].name = "0003";
    expect(chain, RECORDS - 1, NULL, 0, AK_INVALID, AK_FINDING_ALTERED);
    memcpy(chain->file, file, sizeof(file));
    chain->file[0] = file[1];
    expect(chain, 1, NULL, 0, AK_INCOMPLETE, AK_FINDING_MISSING);
    memcpy(chain->file, file, sizeof(file));
    chain->file[2].name = "0007x";
    expect(chain, RECORDS, NULL, 0, AK_INVALID, AK_FINDING_MALFORMED);
    memcpy(chain->file, file, sizeof(file));
    expect(chain, RECORDS - 1, NULL, 0, AK_VALID, 0); /* said in every report */

    other = make(NULL);
    record = example(2);
    ak_sha256(&record.previous, other->data[0], other->file[0].len);
    put(other, 1, &record, NULL);
    expect(other, RECORDS, NULL, 0, AK_INVALID, AK_FINDING_ALTERED); /* the third names another */
    expect(other, 2, NULL, 0, AK_VALID, 0);
    free(other);

    record = example(1);
    record.evidence.b[31] = 9;
    put(chain, 0, &record, NULL);
    expect(chain, 1, NULL, 0, AK_INVALID, AK_FINDING_ALTERED);
    chain->data[0][0] = 'b';
    expect(chain, RECORDS, NULL, 0, AK_INVALID, AK_FINDING_MALFORMED);
    free(chain);
}

/* With keys every record must be signed by one of them. */
static void signatures(void **state)
{
    struct ak_signing_key *a;
    struct ak_signing_key *b;
    struct ak_vkey keys[2];
    struct ak_custody custody;
    struct ak_custody_record record;
    struct chain *chain;
    char *at;

    (void)state;
    assert_int_equal(ak_signing_key_make(&a, "agency.example/a", NULL), AK_OK);
    assert_int_equal(ak_signing_key_make(&b, "agency.example/b", NULL), AK_OK);
    keys[0] = *ak_signing_key_vkey(a);
    keys[1] = *ak_signing_key_vkey(b);
    chain = make(a);
    expect(chain, RECORDS, NULL, 0, AK_VALID, 0);
    expect(chain, RECORDS, keys, 1, AK_VALID, 0);
    expect(chain, RECORDS, keys, 2, AK_VALID, 0);
    expect(chain, RECORDS, keys + 1, 1, AK_NOT_CHECKABLE, AK_FINDING_UNTRUSTED_KEY);
    expect(chain, 0, keys, 1, AK_VALID, 0);
    assert_int_equal(ak_custody_judge(&custody, chain->file, RECORDS, &evidence, keys, 2, NULL),
                     AK_OK);
    assert_true(custody.item[2].is_signed);
    assert_string_equal(custody.item[2].signer, "agency.example/a");
    assert_int_equal(custody.item[2].lines, 1);
    ak_custody_free(&custody);

    record = example(4); /* another text under the old signature */
    ak_sha256(&record.previous, chain->data[2], chain->file[2].len);
    at = strstr(chain->data[3], "purpose hand");
    at[9] = (char)(at[9] ^ 4); /* another letter */
    expect(chain, RECORDS, NULL, 0, AK_VALID, 0);
    expect(chain, RECORDS, keys, 1, AK_INVALID, AK_FINDING_ALTERED);
    put(chain, 3, &record, NULL); /* not signed at all */
    expect(chain, RECORDS, keys, 1, AK_NOT_CHECKABLE, AK_FINDING_UNTRUSTED_KEY);
    put(chain, 3, &record, b);
    expect(chain, RECORDS, keys, 2, AK_VALID, 0);
    free(chain);
    ak_signing_key_free(a);
    ak_signing_key_free(b);
}

/* Times that fall and hand-overs that do not join are remarks. */
static void remarks(void **state)
{
    struct chain *chain = make(NULL);
    struct ak_custody_record record = example(2);
    struct ak_custody custody;

    (void)state;
    record.at = 5;
    (void)strcpy(record.by, "somebody else");
    ak_sha256(&record.previous, chain->data[0], chain->file[0].len);
    put(chain, 1, &record, NULL);
    expect(chain, 2, NULL, 0, AK_VALID, 0);
    assert_int_equal(ak_custody_judge(&custody, chain->file, 2, &evidence, NULL, 0, NULL), AK_OK);
    assert_int_equal(custody.remarks, 1);
    assert_true(custody.item[1].time_falls && custody.item[1].not_from_him);
    assert_false(custody.item[0].time_falls || custody.item[0].not_from_him);
    ak_custody_free(&custody);
    record = example(3); /* who only looked at it still has it */
    (void)strcpy(record.by, "somebody else");
    ak_sha256(&record.previous, chain->data[1], chain->file[1].len);
    put(chain, 2, &record, NULL);
    assert_int_equal(ak_custody_judge(&custody, chain->file, 3, &evidence, NULL, 0, NULL), AK_OK);
    assert_false(custody.item[2].time_falls || custody.item[2].not_from_him);
    ak_custody_free(&custody);
    free(chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back), cmocka_unit_test(known_text),
        cmocka_unit_test(not_written),    cmocka_unit_test(malformed),
        cmocka_unit_test(good),           cmocka_unit_test(broken),
        cmocka_unit_test(signatures),     cmocka_unit_test(remarks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
