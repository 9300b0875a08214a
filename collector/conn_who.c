/* conn_who.c - who sends: the log of a connection, or why it is refused, and the declaration of its
 * source. */
#include "conn_private.h"
#include "log.h"

#include <assert.h>
#include <string.h>

#define WARN_AGAIN_NS (24 * 3600 * AK_NS_PER_S)

const char *ak_conn_route(struct ak_conn *conn)
{
    const char *const *names = NULL;
    const char *reason = NULL;
    size_t n = conn->tls != NULL ? ak_tls_names(conn->tls, &names) : 0;
    struct ak_runlog *log = ak_intake_route(
        &conn->stream->intake, (const struct sockaddr *)&conn->peer, names, n, &reason);

    if (log != NULL && conn->log == NULL)
        conn->log = log;
    else if (log != NULL && log != conn->log)
        reason = "the configuration sends it to another log now: it may connect again";
    return reason;
}

void ak_conn_refuse(struct ak_conn *conn, const char *reason)
{
    ak_intake_refuse(&conn->stream->intake, (const struct sockaddr *)&conn->peer, reason);
    conn->faulty = conn->told = true;
}

static bool too_many_of_certificate(const struct ak_conn *conn, const struct ak_tls_peer *peer)
{
    uint64_t count = 0;

    for (const struct ak_conn *other = conn->server->conns; other != NULL; other = other->next) {
        const struct ak_tls_peer *its =
            other->stream == conn->stream && other->tls != NULL && !other->closing
                ? ak_tls_peer(other->tls)
                : NULL;
        count += its != NULL && its->verified &&
                 memcmp(its->fingerprint, peer->fingerprint, sizeof(peer->fingerprint)) == 0;
    }
    return count > conn->stream->intake.config->limits.connections_per_certificate;
}

bool ak_conn_identify(struct ak_conn *conn)
{
    const struct ak_tls_peer *peer = ak_tls_peer(conn->tls);
    const char *reason = NULL;

    if (conn->log != NULL)
        return true;
    if (conn->faulty)
        return false; /* refused already */
    assert(peer != NULL);
    if (conn->stream->closed)
        reason = "the listener is being closed";
    else if (peer->verified && too_many_of_certificate(conn, peer))
        reason = "its certificate has as many connections as `connections_per_certificate` allows";
    else
        reason = ak_conn_route(conn);
    if (reason != NULL)
        ak_conn_refuse(conn, reason);
    return reason == NULL;
}

/* The certificate of a source that is about to end is told once a day. */
static void look_at_end_of_certificate(struct ak_conn *conn, const struct ak_tls_peer *peer)
{
    struct ak_source *source = ak_sources_at(conn->log->sources, conn->ordinal);
    int64_t left = peer->not_after - ak_conn_now_seconds(conn->server);

    if (left > (int64_t)(conn->server->config->certificate_warning / AK_NS_PER_S) ||
        (source->warned != 0 && conn->server->boot - source->warned < WARN_AGAIN_NS))
        return;
    source->warned = conn->server->boot;
    if (left > 0)
        ak_log(AK_LOG_WARNING,
               "listener %s: the certificate of %s (%s) expires in %lld days; then it is refused "
               "and keeps its records. Renew it there.",
               conn->stream->intake.url, peer->name, conn->address, (long long)(left / 86400));
    ak_conn_tell_expiring(conn->log, "sender", peer->name, peer->not_after,
                          conn->stream->intake.url);
}

bool ak_conn_declare(struct ak_conn *conn)
{
    const struct ak_tls_peer *peer = conn->tls != NULL ? ak_tls_peer(conn->tls) : NULL;
    const char *const *names = NULL;
    size_t n = conn->tls != NULL ? ak_tls_names(conn->tls, &names) : 0;
    bool verified = peer != NULL && peer->verified;

    conn->ordinal = ak_intake_stream_source(
        &conn->stream->intake, conn->log, (const struct sockaddr *)&conn->peer,
        verified ? peer->name : NULL, verified ? peer->fingerprint : NULL, names, n);
    if (conn->ordinal != 0 && verified)
        look_at_end_of_certificate(conn, peer);
    return conn->ordinal != 0;
}
