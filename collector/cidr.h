/* cidr.h - address ranges: 10.0.0.0/8, 2001:db8::/32, or one address. */
#ifndef AK_CIDR_H
#define AK_CIDR_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Room for ak_cidr_text, NUL included: longest IPv6 address, "/128". */
#define AK_CIDR_TEXT_BYTES 64u

struct ak_cidr {
    uint8_t address[16]; /* IPv4 lies in its first 4 bytes; bits behind `prefix` are 0 */
    uint8_t family;      /* AF_INET or AF_INET6 */
    uint8_t prefix;      /* 0..32 or 0..128 */
};

/* AK_EUSAGE for anything but an address with an optional /prefix, and for bits set behind the
 * prefix (10.1.2.3/8: the text says which range was probably meant). IPv4-mapped IPv6 is refused:
 * write the IPv4 address. `text` need not end in NUL. */
enum ak_code ak_cidr_parse(const char *text, size_t len, struct ak_cidr *out, struct ak_error *err);

/* "10.0.0.0/8"; one address without its prefix. Gives `out`. */
const char *ak_cidr_text(const struct ak_cidr *cidr, char *out);

/* True if the address of `peer` lies in the range. A peer ::ffff:a.b.c.d (an IPv4 sender on a
 * socket for both families) is taken for a.b.c.d. Other families never match. */
bool ak_cidr_match(const struct ak_cidr *cidr, const struct sockaddr *peer);

/* True if every address of `inner` lies in `outer`. */
bool ak_cidr_covers(const struct ak_cidr *outer, const struct ak_cidr *inner);

#endif
