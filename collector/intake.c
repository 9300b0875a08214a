/* intake.c - routing, sources, records and refusals, the same for all transports. */
#include "intake.h"

#include "expect.h"
#include "log.h"
#include "server.h"

#include <akashi/format.h>

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

void ak_intake_init(struct ak_intake *intake, struct ak_server *server,
                    const struct ak_config_listener *config)
{
    memset(intake, 0, sizeof(*intake));
    intake->server = server;
    intake->transport = config->url.transport;
    memcpy(intake->url, config->url.text, sizeof(intake->url));
    ak_identity_listener(intake->url, intake->listener_id);
    for (const struct ak_runlog *log = server->logs; log != NULL; log = log->next) {
        uint32_t count = ak_sources_count(log->sources);
        for (uint32_t i = AK_ORDINALS_OWN; i < count; i++) {
            const struct ak_identity *identity = &ak_sources_at(log->sources, i)->identity;
            intake->declared +=
                identity->kind == AK_IDENTITY_FORGEABLE &&
                memcmp(identity->listener, intake->listener_id, sizeof(intake->listener_id)) == 0;
        }
    }
    ak_intake_reload(intake, config);
}

void ak_intake_reload(struct ak_intake *intake, const struct ak_config_listener *config)
{
    intake->config = config;
}

static unsigned add_log(struct ak_runlog *out[AK_INTAKE_LOGS_MAX], unsigned n,
                        struct ak_runlog *log)
{
    if (log == NULL || n == AK_INTAKE_LOGS_MAX)
        return n;
    for (unsigned i = 0; i < n; i++) {
        if (out[i] == log)
            return n;
    }
    out[n] = log;
    return n + 1;
}

unsigned ak_intake_logs(const struct ak_intake *intake, struct ak_runlog *out[AK_INTAKE_LOGS_MAX])
{
    const struct ak_config_listener *config = intake->config;
    unsigned n = 0;

    if (config->log != AK_CONFIG_NO_LOG)
        n = add_log(out, n, ak_server_log(intake->server, config->log));
    for (size_t i = 0; i < config->route_count; i++)
        n = add_log(out, n, ak_server_log(intake->server, config->route[i].log));
    return n;
}

struct ak_runlog *ak_intake_route(const struct ak_intake *intake, const struct sockaddr *peer,
                                  const char *const *names, size_t name_count, const char **reason)
{
    struct ak_runlog *log;
    size_t i;

    if (!ak_config_allows(intake->config, peer)) {
        *reason = "its address is not in `allow` of the listener";
        return NULL;
    }
    i = ak_config_route(intake->config, peer, names, name_count);
    log = i != AK_CONFIG_NO_LOG ? ak_server_log(intake->server, i) : NULL;
    if (i == AK_CONFIG_NO_LOG)
        *reason = "no `route` of the listener fits it and the listener has no `log`";
    else if (log == NULL)
        *reason = "its log could not be opened: see what the start said";
    return log;
}

void ak_intake_address(const struct sockaddr *peer, char out[AK_ADDRESS_TEXT_BYTES])
{
    const struct sockaddr_in6 *six = (const void *)peer;
    const struct sockaddr_in *four = (const void *)peer;

    out[0] = '\0';
    if (peer == NULL)
        return;
    if (peer->sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &four->sin_addr, out, AK_ADDRESS_TEXT_BYTES);
    else if (peer->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
        (void)inet_ntop(AF_INET, six->sin6_addr.s6_addr + 12, out, AK_ADDRESS_TEXT_BYTES);
    else if (peer->sa_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &six->sin6_addr, out, AK_ADDRESS_TEXT_BYTES);
}

void ak_intake_refuse(struct ak_intake *intake, const struct sockaddr *peer, const char *reason)
{
    char address[AK_ADDRESS_TEXT_BYTES];
    struct ak_refusal *refusal;

    ak_intake_address(peer, address);
    for (unsigned i = 0; i < intake->refusal_count; i++) {
        refusal = &intake->refusals[i];
        if (strcmp(refusal->address, address) == 0 &&
            strncmp(refusal->reason, reason, sizeof(refusal->reason) - 1) == 0) {
            refusal->count++;
            return;
        }
    }
    if (intake->refusal_count == AK_REFUSALS_KEPT) {
        refusal = &intake->refusals[AK_REFUSALS_KEPT - 1];
        (void)snprintf(refusal->address, sizeof(refusal->address), "%s", address);
        (void)snprintf(refusal->reason, sizeof(refusal->reason), "%s",
                       "several peers and reasons; the address is that of the last one");
        refusal->count++;
        return;
    }
    refusal = &intake->refusals[intake->refusal_count++];
    (void)snprintf(refusal->address, sizeof(refusal->address), "%s", address);
    (void)snprintf(refusal->reason, sizeof(refusal->reason), "%s", reason);
    refusal->count = 1;
    ak_log(AK_LOG_WARNING, "listener %s: %s refused: %s", intake->url,
           address[0] != '\0' ? address : "a peer", reason);
}

/* A refused peer has no log: the listener's first one tells of it. */
static void tell_refusals(struct ak_intake *intake)
{
    struct ak_runlog *logs[AK_INTAKE_LOGS_MAX];
    unsigned n = ak_intake_logs(intake, logs);

    for (unsigned i = 0; n > 0 && i < intake->refusal_count; i++) {
        const struct ak_refusal *refusal = &intake->refusals[i];
        struct ak_payload p;
        ak_payload_event(&p, "refused", "sender");
        ak_payload_string(&p, "listener", intake->url);
        ak_payload_string(&p, "address", refusal->address);
        ak_payload_string(&p, "reason", refusal->reason);
        ak_payload_dec(&p, "count", refusal->count);
        ak_runlog_own(logs[0], AK_KIND_EVENT, &p);
    }
    intake->refusal_count = 0;
}

static void tell_overflow(struct ak_intake *intake)
{
    struct ak_overflow *overflow = &intake->overflow;

    if (overflow->log == NULL)
        return;
    ak_runlog_own(overflow->log, AK_KIND_EVENT, &overflow->payload);
    overflow->log = NULL;
}

void ak_intake_tick(struct ak_intake *intake)
{
    tell_refusals(intake);
    tell_overflow(intake);
}

/* The record that comes next in the shared source is of this peer (format.md 10.3 overflow). */
static void note_overflow(struct ak_intake *intake, struct ak_runlog *log, uint32_t ordinal,
                          const char *address)
{
    struct ak_overflow *overflow = &intake->overflow;

    if (overflow->log != log || overflow->pairs == AK_OVERFLOW_PAIRS_MAX)
        tell_overflow(intake);
    if (overflow->log == NULL) {
        overflow->log = log;
        overflow->pairs = 0;
        overflow->last[0] = '\0';
        ak_payload_event(&overflow->payload, "overflow", "sender");
        ak_payload_string(&overflow->payload, "listener", intake->url);
        ak_payload_number(&overflow->payload, "source", ordinal);
    }
    if (strcmp(overflow->last, address) == 0)
        return;
    memcpy(overflow->last, address, sizeof(overflow->last));
    overflow->pairs++;
    ak_payload_pair(&overflow->payload, "peers", ak_sources_at(log->sources, ordinal)->at.next_seq,
                    address);
}

static uint32_t overflow_source(struct ak_intake *intake, struct ak_runlog *log,
                                struct ak_identity *identity, struct ak_declaration *declaration,
                                const char *address)
{
    uint32_t ordinal;

    identity->kind = AK_IDENTITY_OVERFLOW;
    memset(identity->value, 0, sizeof(identity->value));
    declaration->identity = "overflow";
    declaration->address = NULL;
    if (ak_sources_find(log->sources, identity) == 0)
        ak_log(AK_LOG_WARNING,
               "listener %s: more than %llu sender addresses; the others share one source, their "
               "addresses are recorded. If they are real, raise `limits: sources`.",
               intake->url, (unsigned long long)intake->config->limits.sources);
    ordinal = ak_runlog_source(log, identity, declaration);
    if (ordinal != 0)
        note_overflow(intake, log, ordinal, address);
    return ordinal;
}

static bool is_relay(const struct ak_intake *intake, const struct ak_runlog *log,
                     const struct sockaddr *peer, const char *const *names, size_t name_count)
{
    const struct ak_config_log *config = ak_server_log_config(intake->server, log);

    for (size_t i = 0; config != NULL && i < config->relay_count; i++) {
        if (ak_config_is_peer(&config->relays[i], peer, names, name_count))
            return true;
    }
    return false;
}

uint32_t ak_intake_datagram_source(struct ak_intake *intake, struct ak_runlog *log,
                                   const struct sockaddr *peer)
{
    struct ak_identity identity = {0};
    struct ak_declaration declaration = {
        .transport = ak_transport_name(intake->transport),
        .listener = intake->url,
        .identity = "local",
    };
    char address[AK_ADDRESS_TEXT_BYTES];
    uint32_t ordinal;

    memcpy(identity.listener, intake->listener_id, sizeof(identity.listener));
    if (intake->transport == AK_TRANSPORT_UNIX) {
        identity.kind = AK_IDENTITY_LOCAL;
        return ak_runlog_source(log, &identity, &declaration);
    }
    ak_intake_address(peer, address);
    ak_identity_address(&identity, AK_IDENTITY_FORGEABLE, peer);
    ordinal = ak_sources_find(log->sources, &identity);
    if (ordinal == 0 && intake->declared >= intake->config->limits.sources)
        return overflow_source(intake, log, &identity, &declaration, address);
    if (ordinal == 0) {
        declaration.identity = "forgeable";
        declaration.address = address;
        declaration.relay = is_relay(intake, log, peer, NULL, 0);
        ordinal = ak_runlog_source(log, &identity, &declaration);
        intake->declared += ordinal != 0;
    }
    if (ordinal != 0)
        ak_runlog_heard(log, ordinal, peer, NULL, 0);
    return ordinal;
}

uint32_t ak_intake_stream_source(struct ak_intake *intake, struct ak_runlog *log,
                                 const struct sockaddr *peer, const char *name,
                                 const uint8_t *fingerprint, const char *const *names,
                                 size_t name_count)
{
    struct ak_identity identity = {0};
    struct ak_declaration declaration = {
        .transport = ak_transport_name(intake->transport),
        .listener = intake->url,
        .identity = fingerprint != NULL ? "certificate" : "address",
        .name = name,
        .fingerprint = fingerprint,
        .relay = is_relay(intake, log, peer, names, name_count),
    };
    char address[AK_ADDRESS_TEXT_BYTES];
    uint32_t ordinal;

    ak_intake_address(peer, address);
    declaration.address = address;
    memcpy(identity.listener, intake->listener_id, sizeof(identity.listener));
    if (fingerprint != NULL) {
        identity.kind = AK_IDENTITY_CERTIFICATE;
        memcpy(identity.value, fingerprint, sizeof(identity.value));
    } else {
        ak_identity_address(&identity, AK_IDENTITY_ADDRESS, peer);
    }
    ordinal = ak_runlog_source(log, &identity, &declaration);
    if (ordinal != 0)
        ak_runlog_heard(log, ordinal, peer, names, name_count);
    return ordinal;
}

void ak_intake_record(struct ak_runlog *log, uint32_t ordinal, const uint8_t *data, size_t len,
                      uint64_t received, struct ak_acker *acker)
{
    uint32_t limit = log->options.record_bytes_max;
    struct ak_payload p;
    uint64_t index;

    assert(received >= len);
    if (received == len && len <= limit) {
        (void)ak_runlog_record(log, ordinal, AK_KIND_RECORD, data, len, acker);
        return;
    }
    if (len > limit)
        len = limit;
    index = ak_runlog_record(log, ordinal, AK_KIND_FRAGMENT, data, len, acker);
    ak_payload_event(&p, "cut", "sender");
    ak_payload_number(&p, "source", ordinal);
    ak_payload_dec(&p, "index", index);
    ak_payload_dec(&p, "received", received);
    ak_payload_dec(&p, "kept", len);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
}
