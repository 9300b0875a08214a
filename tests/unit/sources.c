/* sources.c - identities get one ordinal for the log's life, also across a restart. */
#include "payload.h"
#include "sources.h"

#include <akashi/tree.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct ak_identity forgeable(uint32_t address)
{
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    struct ak_identity identity;

    memset(&identity, 0, sizeof(identity));
    ak_identity_listener("udp://127.0.0.1:514", identity.listener);
    ak_identity_address(&identity, AK_IDENTITY_FORGEABLE, (const struct sockaddr *)&peer);
    return identity;
}

/* Ten thousand peers: each found again under its own ordinal, in order of declaration. */
static void many_peers(void **state)
{
    struct ak_sources *sources = ak_sources_new();
    struct ak_error err = {0};
    struct ak_identity identity;
    uint32_t ordinal;

    (void)state;
    for (uint32_t i = 0; i < 10000; i++) {
        identity = forgeable(0x0a000000 + i);
        assert_int_equal(ak_sources_find(sources, &identity), 0);
        assert_int_equal(ak_sources_add(sources, &identity, "peer", &ordinal, &err), AK_OK);
        assert_int_equal(ordinal, 256 + i);
    }
    for (uint32_t i = 0; i < 10000; i++) {
        identity = forgeable(0x0a000000 + i);
        assert_int_equal(ak_sources_find(sources, &identity), 256 + i);
    }
    assert_int_equal(ak_sources_count(sources), 10256);
    ak_sources_free(sources);
}

/* A declaration read back from the log gives the identity that the loop will ask for. */
static void loads_declaration(void **state)
{
    struct ak_sources *sources = ak_sources_new();
    struct ak_identity identity = forgeable(0xc0000207);
    struct ak_error err = {0};
    struct ak_payload p;
    char *data;
    size_t len;

    (void)state;
    ak_payload_begin(&p, "source");
    ak_payload_string(&p, "transport", "udp");
    ak_payload_string(&p, "listener", "udp://127.0.0.1:514");
    ak_payload_string(&p, "identity", "forgeable");
    ak_payload_string(&p, "address", "192.0.2.7");
    ak_payload_bool(&p, "relay", false);
    assert_int_equal(ak_payload_end(&p, &data, &len, &err), AK_OK);
    assert_int_equal(ak_sources_load(sources, data, len, &err), AK_OK);
    assert_int_equal(ak_sources_find(sources, &identity), 256);
    assert_string_equal(ak_sources_at(sources, 256)->label, "192.0.2.7");
    assert_int_equal(ak_sources_load(sources, data, len - 1, &err), AK_EMALFORMED);
    free(data);
    ak_sources_free(sources);
}

/* The positions root is the RFC 6962 root over the 26-byte leaves of format.md 10.4. */
static void positions_root(void **state)
{
    struct ak_sources *sources = ak_sources_new();
    struct ak_hash root, hash, expected;
    struct ak_range range;

    (void)state;
    ak_sources_at(sources, 4)->at = (struct ak_position){1, 0, 1000, 0};
    ak_range_init(&range, 0);
    for (unsigned i = 0; i < 256; i++) {
        uint8_t leaf[26] = {0, 0, 0, (uint8_t)i};
        if (i == 4) {
            leaf[9] = 1;     /* next_seq 1 */
            leaf[24] = 0x03; /* received 1000 */
            leaf[25] = 0xe8;
        }
        ak_hash_leaf(&hash, leaf, sizeof(leaf));
        ak_range_append(&range, &hash);
    }
    assert_int_equal(ak_range_root(&range, &expected, NULL), AK_OK);
    ak_sources_positions_root(sources, &root);
    assert_memory_equal(root.b, expected.b, 32);
    ak_sources_free(sources);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_peers),
        cmocka_unit_test(loads_declaration),
        cmocka_unit_test(positions_root),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
