/* config_check.c - what fits the schema and still cannot work, or says one thing twice; and what
 * works but should be known. */
#include "config_read.h"
#include "units.h"

#include <stdio.h>
#include <string.h>

/* Logs */

/* A reply is kept only if it is good, so somebody must say whose are. */
static enum ak_code stamps_check(struct ak_reader *reader, const struct ak_config_log *log)
{
    const char *policy = log->stamp_policy;
    enum ak_code rc = AK_OK;

    ak_reader_enter(reader, "stamp");
    if (log->stamp_count > 0 && log->stamp_ca == NULL)
        rc = ak_reader_fail(reader,
                            "log %s has `stamp` without `stamp_ca`; give a PEM file with the "
                            "certificates of the authorities, as they publish them",
                            log->name);
    for (size_t i = 0; i < log->stamp_count && rc == AK_OK; i++) {
        for (size_t j = 0; j < i && rc == AK_OK; j++) {
            if (strcmp(log->stamp[i], log->stamp[j]) == 0)
                rc = ak_reader_fail(reader, "%.200s stands twice; name each authority once",
                                    log->stamp[i]);
        }
    }
    ak_reader_leave(reader);
    ak_reader_enter(reader, "stamp_policy");
    if (rc == AK_OK && policy != NULL &&
        (policy[0] == '\0' || policy[strspn(policy, "0123456789.")] != '\0' ||
         strchr(policy, '.') == NULL))
        rc = ak_reader_fail(reader,
                            "\"%.80s\" is no object identifier; write it as in "
                            "1.3.6.1.4.1.99999.1, or leave it out",
                            policy);
    ak_reader_leave(reader);
    return rc;
}

static enum ak_code log_check(struct ak_reader *reader, const struct ak_config *config, size_t i)
{
    const struct ak_config_log *log = &config->logs[i];
    char a[AK_UNITS_TEXT_BYTES];
    char b[AK_UNITS_TEXT_BYTES];
    size_t first = ak_config_find_log(config, log->name);
    enum ak_code rc = AK_OK;

    ak_reader_enter_entry(reader, i);
    if (first != i) {
        ak_reader_enter(reader, "name");
        rc = ak_reader_fail(reader, "two logs are named %s; each name stands once", log->name);
    } else if (log->commit_interval_min > log->commit_interval) {
        ak_reader_enter(reader, "commit_interval_min");
        rc = ak_reader_fail(reader,
                            "commit_interval_min (%s) is above commit_interval (%s); lower it",
                            ak_units_duration_text(log->commit_interval_min, a),
                            ak_units_duration_text(log->commit_interval, b));
    } else if (log->share != 0 && log->share < log->seal_size) {
        ak_reader_enter(reader, "share");
        rc = ak_reader_fail(reader,
                            "share (%s) is below seal_size (%s), so the log would be full before "
                            "its first segment is sealed; raise share or lower seal_size",
                            ak_units_size_text(log->share, a),
                            ak_units_size_text(log->seal_size, b));
    }
    if (rc != AK_OK)
        ak_reader_leave(reader);
    if (rc == AK_OK)
        rc = stamps_check(reader, log);
    ak_reader_leave(reader);
    return rc;
}

static bool same_peer(const struct ak_config_peer *a, const struct ak_config_peer *b)
{
    if (a->certificate != NULL || b->certificate != NULL)
        return a->certificate != NULL && b->certificate != NULL &&
               strcmp(a->certificate, b->certificate) == 0;
    return ak_cidr_covers(&a->address, &b->address) && ak_cidr_covers(&b->address, &a->address);
}

static const char *peer_text(const struct ak_config_peer *peer, char *room)
{
    return peer->certificate != NULL ? peer->certificate : ak_cidr_text(&peer->address, room);
}

/* Listeners */

/* A rule that stands behind one that takes all it could fit never decides anything. */
static enum ak_code route_check(struct ak_reader *reader, const struct ak_config *config,
                                const struct ak_config_listener *listener, size_t i)
{
    const struct ak_config_peer *peer = &listener->route[i].peer;
    char a[AK_CIDR_TEXT_BYTES];
    char b[AK_CIDR_TEXT_BYTES];

    if (listener->url.transport == AK_TRANSPORT_UNIX)
        return ak_reader_fail(reader,
                              "senders on %s have neither address nor certificate; choose with "
                              "`log`",
                              listener->url.text);
    if (peer->certificate != NULL && (!ak_transport_is_tls(listener->url.transport) ||
                                      listener->tls.authentication == AK_AUTHENTICATION_NONE))
        return ak_reader_fail(reader,
                              "senders on %s show no certificate, so this rule never fits; choose "
                              "by `address`, or use TLS with authentication: mutual",
                              listener->url.text);
    for (size_t j = 0; j < i; j++) {
        const struct ak_config_peer *earlier = &listener->route[j].peer;
        bool covered = peer->certificate == NULL && earlier->certificate == NULL &&
                       ak_cidr_covers(&earlier->address, &peer->address);

        if (covered || same_peer(earlier, peer))
            return ak_reader_fail(reader,
                                  "%s is taken by the earlier rule for %s (log %s), so this rule "
                                  "never fits; put the narrower one first, or remove one",
                                  peer_text(peer, a), peer_text(earlier, b),
                                  config->logs[listener->route[j].log].name);
    }
    return AK_OK;
}

static enum ak_code routes_check(struct ak_reader *reader, const struct ak_config *config,
                                 const struct ak_config_listener *listener)
{
    enum ak_code rc = AK_OK;

    ak_reader_enter(reader, "route");
    for (size_t i = 0; i < listener->route_count && rc == AK_OK; i++) {
        ak_reader_enter_entry(reader, i);
        rc = route_check(reader, config, listener, i);
        ak_reader_leave(reader);
    }
    ak_reader_leave(reader);
    return rc;
}

static enum ak_code tls_files_check(struct ak_reader *reader,
                                    const struct ak_config_listener *listener)
{
    const struct ak_config_tls *tls = &listener->tls;

    if (tls->certificate == NULL || tls->key == NULL)
        return ak_reader_fail(reader,
                              "listener %s has no %s; a TLS listener needs tls.certificate and "
                              "tls.key (PEM files)",
                              listener->url.text, tls->certificate == NULL ? "certificate" : "key");
    if (tls->authentication == AK_AUTHENTICATION_MUTUAL && tls->ca == NULL &&
        tls->fingerprint_count == 0)
        return ak_reader_fail(reader,
                              "listener %s could not know any sender; give tls.ca (the authority "
                              "of their certificates) or tls.fingerprints, or set authentication: "
                              "none",
                              listener->url.text);
    if (tls->authentication == AK_AUTHENTICATION_NONE &&
        (tls->ca != NULL || tls->crl != NULL || tls->name_count > 0 || tls->fingerprint_count > 0))
        return ak_reader_fail(reader,
                              "with authentication: none no certificate of a sender is looked at, "
                              "so ca, crl, names and fingerprints mean nothing; remove them, or "
                              "set authentication: mutual");
    if (tls->ca == NULL && (tls->crl != NULL || tls->name_count > 0))
        return ak_reader_fail(reader,
                              "%s needs tls.ca: without it certificates are known by fingerprint "
                              "alone",
                              tls->crl != NULL ? "crl" : "names");
    return AK_OK;
}

static enum ak_code tls_check(struct ak_reader *reader, const struct ak_config_listener *listener)
{
    enum ak_code rc;

    if (!ak_transport_is_tls(listener->url.transport))
        return AK_OK;
    ak_reader_enter(reader, "tls");
    rc = tls_files_check(reader, listener);
    ak_reader_leave(reader);
    return rc;
}

static enum ak_code limits_check(struct ak_reader *reader,
                                 const struct ak_config_listener *listener)
{
    const struct ak_config_limits *limits = &listener->limits;
    enum ak_code rc = AK_OK;

    ak_reader_enter(reader, "limits");
    if (limits->idle_timeout != 0 && limits->idle_timeout < limits->frame_timeout)
        rc = ak_reader_fail(reader, "idle_timeout is below frame_timeout, which then never counts; "
                                    "raise it, or set it to 0 (never)");
    ak_reader_leave(reader);
    return rc;
}

static enum ak_code listener_check(struct ak_reader *reader, const struct ak_config *config,
                                   size_t i)
{
    const struct ak_config_listener *listener = &config->listeners[i];
    enum ak_code rc = AK_OK;

    ak_reader_enter_entry(reader, i);
    ak_reader_enter(reader, "url");
    for (size_t j = 0; j < i && rc == AK_OK; j++) {
        if (ak_url_conflict(&config->listeners[j].url, &listener->url))
            rc = ak_reader_fail(reader, "%s and %s cannot both be listened on; change one",
                                config->listeners[j].url.text, listener->url.text);
        else if (strcmp(config->listeners[j].url.text, listener->url.text) == 0)
            rc = ak_reader_fail(reader,
                                "%s stands twice: sources are told apart by it; give the second "
                                "one another address or port",
                                listener->url.text);
    }
    ak_reader_leave(reader);
    if (rc == AK_OK && listener->allow_count > 0 && listener->url.transport == AK_TRANSPORT_UNIX) {
        ak_reader_enter(reader, "allow");
        rc = ak_reader_fail(reader,
                            "senders on %s have no address, so `allow` means nothing; use the "
                            "permissions of the directory",
                            listener->url.text);
        ak_reader_leave(reader);
    }
    if (rc == AK_OK)
        rc = tls_check(reader, listener);
    if (rc == AK_OK)
        rc = routes_check(reader, config, listener);
    if (rc == AK_OK)
        rc = limits_check(reader, listener);
    ak_reader_leave(reader);
    return rc;
}

/* The whole */

static enum ak_code control_check(struct ak_reader *reader, const struct ak_config *config)
{
    enum ak_code rc = AK_OK;

    ak_reader_enter(reader, "control");
    if (strlen(config->control) >= AK_URL_PATH_BYTES)
        rc = ak_reader_fail(reader,
                            "the control socket's path is %zu bytes long, a Unix socket can have "
                            "%zu; set `control` to a shorter one, as in /run/akashi/control",
                            strlen(config->control), AK_URL_PATH_BYTES - 1);
    ak_reader_leave(reader);
    return rc;
}

enum ak_code ak_config_check(struct ak_reader *reader, const struct ak_config *config)
{
    enum ak_code rc = control_check(reader, config);

    if (rc != AK_OK)
        return rc;
    if (config->log_count == 0)
        return ak_reader_fail(reader, "there is no log; list at least one under `logs`");
    if (config->listener_count == 0 && !reader->closed)
        return ak_reader_fail(reader, "there is no listener, so nothing could come in; list at "
                                      "least one under `listeners`");
    ak_reader_enter(reader, "logs");
    for (size_t i = 0; i < config->log_count && rc == AK_OK; i++)
        rc = log_check(reader, config, i);
    ak_reader_leave(reader);
    ak_reader_enter(reader, "listeners");
    for (size_t i = 0; i < config->listener_count && rc == AK_OK; i++)
        rc = listener_check(reader, config, i);
    ak_reader_leave(reader);
    return rc;
}

/* Remarks */

#define REMARK_BYTES_MAX 512u

/* Which logs a listener feeds, for a sentence. */
static const char *fed_text(const struct ak_config *config,
                            const struct ak_config_listener *listener, char room[128])
{
    if (listener->log == AK_CONFIG_NO_LOG)
        return "the logs of its routes";
    (void)snprintf(room, 128, "log %s", config->logs[listener->log].name);
    return room;
}

static bool is_loopback(const struct ak_url *url)
{
    static const uint8_t one[16] = {[15] = 1};
    struct ak_cidr loopback4 = {.address = {127}, .family = AF_INET, .prefix = 8};
    struct ak_cidr loopback6 = {.family = AF_INET6, .prefix = 128};

    memcpy(loopback6.address, one, sizeof(one));
    return ak_cidr_match(&loopback4, (const struct sockaddr *)&url->addr) ||
           ak_cidr_match(&loopback6, (const struct sockaddr *)&url->addr);
}

void ak_config_remarks(const struct ak_config *config,
                       void (*on_remark)(void *ctx, const char *text), void *ctx)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct ak_config_listener *l = &config->listeners[i];
        bool tls = ak_transport_is_tls(l->url.transport);
        bool open = l->allow_count == 0 && l->url.transport != AK_TRANSPORT_UNIX &&
                    !is_loopback(&l->url) && l->log != AK_CONFIG_NO_LOG &&
                    (!tls || l->tls.authentication == AK_AUTHENTICATION_NONE);
        char text[REMARK_BYTES_MAX];
        char fed[128];

        if (open) {
            (void)snprintf(text, sizeof(text),
                           "listener %s: anyone who can reach it can write into %s; senders are "
                           "known by address only. Narrow it with `allow`.",
                           l->url.text, fed_text(config, l, fed));
            on_remark(ctx, text);
        }
        if (tls && l->tls.authentication == AK_AUTHENTICATION_MUTUAL && l->tls.ca != NULL &&
            l->tls.name_count == 0 && l->log != AK_CONFIG_NO_LOG) {
            (void)snprintf(text, sizeof(text),
                           "listener %s: whoever has a certificate of %s can write into %s. Narrow "
                           "it with `names`.",
                           l->url.text, l->tls.ca, fed_text(config, l, fed));
            on_remark(ctx, text);
        }
    }
}
