/* expect.c - expected sources: who was heard of, and events for who was not. */
#include "expect.h"

#include "log.h"
#include "server.h"

#include <akashi/format.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* The name under which events and messages speak of an expected source. */
static const char *label_of(const struct ak_config_expected *expected, char out[AK_CIDR_TEXT_BYTES])
{
    return expected->peer.certificate != NULL ? expected->peer.certificate
                                              : ak_cidr_text(&expected->peer.address, out);
}

/* Whether a source that the log declared earlier is the expected one. */
static bool is_source(const struct ak_config_expected *expected, const struct ak_source *source)
{
    const struct ak_cidr *address = &expected->peer.address;
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};

    if (expected->peer.certificate != NULL)
        return source->identity.kind == AK_IDENTITY_CERTIFICATE &&
               strcmp(source->label, expected->peer.certificate) == 0;
    if (source->identity.kind != AK_IDENTITY_ADDRESS &&
        source->identity.kind != AK_IDENTITY_FORGEABLE)
        return false;
    memcpy(&six.sin6_addr, source->identity.value, sizeof(six.sin6_addr));
    return ak_cidr_match(address, (const struct sockaddr *)&six);
}

static void heard(struct ak_runlog *log, struct ak_expected *expected, uint32_t ordinal)
{
    struct ak_source *source = ak_sources_at(log->sources, ordinal);
    struct ak_payload p;

    expected->ordinal = ordinal;
    source->silence_ns = expected->config->silence;
    if (!expected->told)
        return;
    expected->told = false;
    ak_payload_event(&p, "resumed", "sender");
    ak_payload_number(&p, "source", ordinal);
    ak_payload_dec(&p, "since", log->expected_since);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
}

void ak_runlog_expect(struct ak_runlog *log, const struct ak_config_log *config)
{
    uint32_t count = ak_sources_count(log->sources);
    struct ak_expected *list =
        config->expected_count > 0 ? calloc(config->expected_count, sizeof(*list)) : NULL;

    ak_runlog_expect_free(log);
    for (uint32_t i = AK_ORDINALS_OWN; i < count; i++)
        ak_sources_at(log->sources, i)->silence_ns = config->silence;
    if (config->expected_count > 0 && list == NULL) {
        ak_log(AK_LOG_ERROR, "log %s: no memory for the list of expected sources",
               log->options.name);
        return;
    }
    log->expected = list;
    log->expected_count = config->expected_count;
    log->expected_since = log->server->wall;
    for (size_t e = 0; e < config->expected_count; e++) {
        list[e].config = &config->expected[e];
        for (uint32_t i = AK_ORDINALS_OWN; i < count; i++) {
            if (is_source(&config->expected[e], ak_sources_at(log->sources, i)))
                heard(log, &list[e], i);
        }
    }
}

void ak_runlog_heard(struct ak_runlog *log, uint32_t ordinal, const struct sockaddr *peer,
                     const char *const *names, size_t name_count)
{
    for (size_t e = 0; e < log->expected_count; e++) {
        struct ak_expected *expected = &log->expected[e];
        if (expected->ordinal != ordinal &&
            ak_config_is_peer(&expected->config->peer, peer, names, name_count))
            heard(log, expected, ordinal);
    }
}

void ak_runlog_expect_tick(struct ak_runlog *log)
{
    for (size_t e = 0; e < log->expected_count; e++) {
        struct ak_expected *expected = &log->expected[e];
        char label[AK_CIDR_TEXT_BYTES];
        struct ak_payload p;
        if (expected->ordinal != 0 || expected->told || expected->config->silence == 0 ||
            log->server->wall < log->expected_since + expected->config->silence)
            continue;
        expected->told = true;
        ak_payload_event(&p, "silence", "sender");
        ak_payload_string(&p, "name", label_of(expected->config, label));
        ak_payload_dec(&p, "since", log->expected_since);
        ak_runlog_own(log, AK_KIND_EVENT, &p);
        ak_log(AK_LOG_WARNING,
               "log %s: %s is expected and has sent nothing. Look whether it sends, and to here.",
               log->options.name, label_of(expected->config, label));
    }
}

void ak_runlog_expect_free(struct ak_runlog *log)
{
    free(log->expected);
    log->expected = NULL;
    log->expected_count = 0;
}
