/* url.h - where a listener listens: udp://, tcp://, tls://, relp://, relp+tls:// HOST:PORT and
 * unix://PATH.
 *
 * HOST is an IPv4 address, an IPv6 address in brackets, `localhost` (127.0.0.1) or `*` (every
 * address of the machine, IPv4 and IPv6). Names are never looked up. Port 0 takes a free one.
 * unix:// is a datagram socket, as /dev/log is (one record per datagram); PATH is absolute. */
#ifndef AK_URL_H
#define AK_URL_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

enum ak_transport {
    AK_TRANSPORT_UDP,      /* RFC 5426 */
    AK_TRANSPORT_TCP,      /* RFC 6587, both framings */
    AK_TRANSPORT_TLS,      /* RFC 5425 */
    AK_TRANSPORT_RELP,     /* RELP */
    AK_TRANSPORT_RELP_TLS, /* RELP, TLS from the first byte */
    AK_TRANSPORT_UNIX      /* Unix datagram socket */
};
#define AK_TRANSPORT_COUNT 6u

#define AK_URL_PATH_BYTES (sizeof(((struct sockaddr_un *)0)->sun_path)) /* NUL included */
#define AK_URL_TEXT_BYTES 128u /* "unix://" and the longest path; NUL included */

struct ak_url {
    enum ak_transport transport;
    char text[AK_URL_TEXT_BYTES]; /* as configured, in its one form: identity of the listener */
    bool any;                     /* HOST was `*`: addr is [::] and the socket takes IPv4 too
                                     (no IPV6_V6ONLY); without IPv6 on the machine bind 0.0.0.0.
                                     Where it is false an IPv6 socket is IPv6 only */
    struct sockaddr_storage addr; /* AF_INET, AF_INET6 or AF_UNIX */
    socklen_t len;                /* of addr */
    char path[AK_URL_PATH_BYTES]; /* unix:// only, else "" */
};

/* AK_EUSAGE with a text that names the right form, for anything else. `text` need not end in
 * NUL. */
enum ak_code ak_url_parse(const char *text, size_t len, struct ak_url *out, struct ak_error *err);

/* The URL with the port it really got (for `listening URL`), in host byte order. Gives `out`, which
 * has AK_URL_TEXT_BYTES of room. For unix:// the same text. */
const char *ak_url_text(const struct ak_url *url, uint16_t port, char *out);

/* Port as configured, host byte order; 0 for unix://. */
uint16_t ak_url_port(const struct ak_url *url);

/* "udp", "tcp", "tls", "relp", "relp+tls", "unix". */
const char *ak_transport_name(enum ak_transport transport);

bool ak_transport_is_tls(enum ak_transport transport);
bool ak_transport_is_relp(enum ak_transport transport);
bool ak_transport_is_stream(enum ak_transport transport); /* TCP below; else datagrams */

/* True if both cannot be bound at the same time: same kind of socket, same port (not 0), and the
 * same address or one of them every address; or the same path. */
bool ak_url_conflict(const struct ak_url *a, const struct ak_url *b);

#endif
