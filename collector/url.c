/* url.c - URLs of listeners: a table of schemes and strict parts. */
#include "url.h"

#include <akashi/nearest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_BYTES_MAX 100
#define PORT_DIGITS_MAX 5

static const char *const scheme_names[AK_TRANSPORT_COUNT] = {
    [AK_TRANSPORT_UDP] = "udp",   [AK_TRANSPORT_TCP] = "tcp",
    [AK_TRANSPORT_TLS] = "tls",   [AK_TRANSPORT_RELP] = "relp",
    [AK_TRANSPORT_UNIX] = "unix", [AK_TRANSPORT_RELP_TLS] = "relp+tls"};

#define FORMS "udp://, tcp://, tls://, relp://, relp+tls:// with HOST:PORT, or unix://PATH"

/* What is being parsed, for messages. */
struct text {
    const char *p;
    size_t len;
    int shown;
};

const char *ak_transport_name(enum ak_transport transport)
{
    return scheme_names[transport];
}

bool ak_transport_is_tls(enum ak_transport transport)
{
    return transport == AK_TRANSPORT_TLS || transport == AK_TRANSPORT_RELP_TLS;
}

bool ak_transport_is_relp(enum ak_transport transport)
{
    return transport == AK_TRANSPORT_RELP || transport == AK_TRANSPORT_RELP_TLS;
}

bool ak_transport_is_stream(enum ak_transport transport)
{
    return transport != AK_TRANSPORT_UDP && transport != AK_TRANSPORT_UNIX;
}

/* Takes "SCHEME://" off; *rest is what follows. */
static enum ak_code scheme_parse(const struct text *t, enum ak_transport *transport,
                                 const char **rest, struct ak_error *err)
{
    const char *mark = memmem(t->p, t->len, "://", 3);
    const char *near;
    size_t len;

    if (mark == NULL)
        return ak_fail(err, AK_EUSAGE, "\"%.*s\" is not a URL; write " FORMS, t->shown, t->p);
    len = (size_t)(mark - t->p);
    for (size_t i = 0; i < AK_TRANSPORT_COUNT; i++) {
        if (strlen(scheme_names[i]) == len && memcmp(scheme_names[i], t->p, len) == 0) {
            *transport = (enum ak_transport)i;
            *rest = mark + 3;
            return AK_OK;
        }
    }
    near = ak_nearest(t->p, len, scheme_names, AK_TRANSPORT_COUNT);
    if (near != NULL)
        return ak_fail(err, AK_EUSAGE, "\"%.*s\": unknown scheme; did you mean %s://?", t->shown,
                       t->p, near);
    return ak_fail(err, AK_EUSAGE, "\"%.*s\": unknown scheme; write " FORMS, t->shown, t->p);
}

static enum ak_code port_parse(const struct text *t, const char *p, size_t len, uint16_t *port,
                               struct ak_error *err)
{
    unsigned value = 0;
    bool good = len >= 1 && len <= PORT_DIGITS_MAX;

    for (size_t i = 0; good && i < len; i++) {
        good = p[i] >= '0' && p[i] <= '9';
        value = value * 10 + (unsigned)(p[i] - '0');
    }
    if (!good || value > UINT16_MAX)
        return ak_fail(err, AK_EUSAGE,
                       "\"%.*s\": the port is a number from 0 to 65535 (0 takes a "
                       "free one)",
                       t->shown, t->p);
    *port = (uint16_t)value;
    return AK_OK;
}

/* Finds the host (without brackets) and the port in HOST:PORT. */
static enum ak_code host_port_split(const struct text *t, const char *rest, const char **host,
                                    size_t *host_len, bool *bracket, uint16_t *port,
                                    struct ak_error *err)
{
    size_t len = t->len - (size_t)(rest - t->p);
    const char *colon;

    *bracket = len > 0 && rest[0] == '[';
    *host = rest + *bracket;
    if (*bracket) {
        const char *close = memchr(rest, ']', len);

        if (close == NULL)
            return ak_fail(err, AK_EUSAGE, "\"%.*s\": ] is missing behind the IPv6 address",
                           t->shown, t->p);
        *host_len = (size_t)(close - *host);
        colon = close + 1;
    } else {
        colon = memrchr(rest, ':', len);
        *host_len = colon == NULL ? len : (size_t)(colon - rest);
        if (memchr(*host, ':', *host_len) != NULL)
            return ak_fail(err, AK_EUSAGE,
                           "\"%.*s\": an IPv6 address stands in brackets: [2001:db8::1]:514",
                           t->shown, t->p);
    }
    if (colon == NULL || colon >= rest + len || *colon != ':')
        return ak_fail(err, AK_EUSAGE,
                       "\"%.*s\": the port is missing; write HOST:PORT (usual: 514 for udp, 514 or "
                       "601 for tcp, 6514 for tls, 2514 for relp)",
                       t->shown, t->p);
    return port_parse(t, colon + 1, (size_t)(rest + len - colon - 1), port, err);
}

static void set_ipv4(struct ak_url *out, struct in_addr address, uint16_t port)
{
    struct sockaddr_in *sin = (struct sockaddr_in *)(void *)&out->addr;

    sin->sin_family = AF_INET;
    sin->sin_addr = address;
    sin->sin_port = htons(port);
    out->len = sizeof(*sin);
}

static void set_ipv6(struct ak_url *out, const struct in6_addr *address, uint16_t port)
{
    struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)(void *)&out->addr;

    sin6->sin6_family = AF_INET6;
    sin6->sin6_addr = *address;
    sin6->sin6_port = htons(port);
    out->len = sizeof(*sin6);
}

static enum ak_code inet_parse(const struct text *t, const char *rest, struct ak_url *out,
                               struct ak_error *err)
{
    char host[INET6_ADDRSTRLEN] = "";
    const char *host_at = NULL;
    size_t host_len = 0;
    struct in6_addr six;
    struct in_addr four;
    bool bracket = false;
    uint16_t port = 0;
    enum ak_code rc = host_port_split(t, rest, &host_at, &host_len, &bracket, &port, err);

    if (rc != AK_OK)
        return rc;
    if (host_len == 0)
        return ak_fail(err, AK_EUSAGE,
                       "\"%.*s\": the host is missing; write an address, or * for every address",
                       t->shown, t->p);
    if (host_len < sizeof(host))
        memcpy(host, host_at, host_len);
    out->any = !bracket && strcmp(host, "*") == 0;
    if (out->any)
        set_ipv6(out, &in6addr_any, port);
    else if (!bracket && strcmp(host, "localhost") == 0)
        set_ipv4(out, (struct in_addr){htonl(INADDR_LOOPBACK)}, port);
    else if (!bracket && inet_pton(AF_INET, host, &four) == 1)
        set_ipv4(out, four, port);
    else if (bracket && inet_pton(AF_INET6, host, &six) == 1)
        set_ipv6(out, &six, port);
    else
        return ak_fail(err, AK_EUSAGE,
                       "\"%.*s\": the host is an IPv4 address, an IPv6 address in brackets, "
                       "localhost or * (names are not looked up)",
                       t->shown, t->p);
    return AK_OK;
}

static enum ak_code unix_parse(const struct text *t, const char *path, struct ak_url *out,
                               struct ak_error *err)
{
    size_t len = t->len - (size_t)(path - t->p);
    struct sockaddr_un *un = (struct sockaddr_un *)(void *)&out->addr;

    if (len == 0 || path[0] != '/')
        return ak_fail(err, AK_EUSAGE,
                       "\"%.*s\": the path is absolute, so there are three slashes: "
                       "unix:///run/akashi/log",
                       t->shown, t->p);
    if (len >= AK_URL_PATH_BYTES)
        return ak_fail(err, AK_EUSAGE,
                       "\"%.*s\": the path is longer than %zu bytes, more than a "
                       "Unix socket can have",
                       t->shown, t->p, AK_URL_PATH_BYTES - 1);
    memcpy(out->path, path, len);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, len);
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    return AK_OK;
}

enum ak_code ak_url_parse(const char *text, size_t len, struct ak_url *out, struct ak_error *err)
{
    struct text t = {text, len, len > SHOWN_BYTES_MAX ? SHOWN_BYTES_MAX : (int)len};
    const char *rest = NULL;
    enum ak_code rc;

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] == 0x7f)
            return ak_fail(err, AK_EUSAGE,
                           "\"%.*s\": a URL has no spaces and no control characters", t.shown,
                           text);
    }
    rc = scheme_parse(&t, &out->transport, &rest, err);
    if (rc != AK_OK)
        return rc;
    rc = out->transport == AK_TRANSPORT_UNIX ? unix_parse(&t, rest, out, err)
                                             : inet_parse(&t, rest, out, err);
    if (rc != AK_OK)
        return rc;
    (void)ak_url_text(out, ak_url_port(out), out->text);
    return AK_OK;
}

const char *ak_url_text(const struct ak_url *url, uint16_t port, char *out)
{
    char host[INET6_ADDRSTRLEN] = "*";
    const char *scheme = scheme_names[url->transport];

    if (url->transport == AK_TRANSPORT_UNIX) {
        (void)snprintf(out, AK_URL_TEXT_BYTES, "%s://%s", scheme, url->path);
    } else if (url->addr.ss_family == AF_INET) {
        const struct sockaddr_in *sin = (const struct sockaddr_in *)(const void *)&url->addr;

        (void)inet_ntop(AF_INET, &sin->sin_addr, host, sizeof(host));
        (void)snprintf(out, AK_URL_TEXT_BYTES, "%s://%s:%u", scheme, host, port);
    } else if (url->any) {
        (void)snprintf(out, AK_URL_TEXT_BYTES, "%s://*:%u", scheme, port);
    } else {
        const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)(const void *)&url->addr;

        (void)inet_ntop(AF_INET6, &sin6->sin6_addr, host, sizeof(host));
        (void)snprintf(out, AK_URL_TEXT_BYTES, "%s://[%s]:%u", scheme, host, port);
    }
    return out;
}

uint16_t ak_url_port(const struct ak_url *url)
{
    /* The port lies at the same place in both forms of address. */
    if (url->addr.ss_family == AF_UNIX)
        return 0;
    return ntohs(((const struct sockaddr_in *)(const void *)&url->addr)->sin_port);
}

static bool is_wildcard(const struct ak_url *url)
{
    if (url->addr.ss_family == AF_INET)
        return ((const struct sockaddr_in *)(const void *)&url->addr)->sin_addr.s_addr ==
               htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(
        &((const struct sockaddr_in6 *)(const void *)&url->addr)->sin6_addr);
}

static bool same_address(const struct ak_url *a, const struct ak_url *b)
{
    if (a->addr.ss_family == AF_INET)
        return memcmp(&((const struct sockaddr_in *)(const void *)&a->addr)->sin_addr,
                      &((const struct sockaddr_in *)(const void *)&b->addr)->sin_addr, 4) == 0;
    return memcmp(&((const struct sockaddr_in6 *)(const void *)&a->addr)->sin6_addr,
                  &((const struct sockaddr_in6 *)(const void *)&b->addr)->sin6_addr, 16) == 0;
}

bool ak_url_conflict(const struct ak_url *a, const struct ak_url *b)
{
    if ((a->transport == AK_TRANSPORT_UNIX) != (b->transport == AK_TRANSPORT_UNIX))
        return false;
    if (a->transport == AK_TRANSPORT_UNIX)
        return strcmp(a->path, b->path) == 0;
    if (ak_transport_is_stream(a->transport) != ak_transport_is_stream(b->transport))
        return false;
    if (ak_url_port(a) == 0 || ak_url_port(a) != ak_url_port(b))
        return false;
    if (a->any || b->any)
        return true;
    if (a->addr.ss_family != b->addr.ss_family)
        return false;
    return is_wildcard(a) || is_wildcard(b) || same_address(a, b);
}
