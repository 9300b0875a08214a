/* cidr.c - address ranges, parsed strictly and compared bit by bit. */
#include "cidr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_BYTES_MAX 64

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static unsigned family_bits(unsigned family)
{
    return family == AF_INET ? 32 : 128;
}

static void clear_behind(uint8_t *address, unsigned prefix, unsigned bits)
{
    for (unsigned i = prefix; i < bits; i++)
        address[i / 8] = (uint8_t)(address[i / 8] & ~(0x80u >> (i % 8)));
}

static bool equal_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned rest = bits % 8;

    if (memcmp(a, b, bits / 8) != 0)
        return false;
    return rest == 0 || ((a[bits / 8] ^ b[bits / 8]) & (0xff00u >> rest) & 0xff) == 0;
}

/* Reads "/24" (already known to begin with a slash); false if it is none. */
static bool prefix_parse(const char *text, size_t len, unsigned max, uint8_t *prefix)
{
    unsigned value = 0;

    if (len < 2 || len > 4 || (len > 2 && text[1] == '0'))
        return false;
    for (size_t i = 1; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *prefix = (uint8_t)value;
    return value <= max;
}

static enum ak_code not_a_range(const char *text, size_t len, struct ak_error *err)
{
    return ak_fail(err, AK_EUSAGE,
                   "\"%.*s\" is not an address or range; write 10.1.2.3, 10.0.0.0/8 or "
                   "2001:db8::/32 (names are not looked up)",
                   len > SHOWN_BYTES_MAX ? SHOWN_BYTES_MAX : (int)len, text);
}

enum ak_code ak_cidr_parse(const char *text, size_t len, struct ak_cidr *out, struct ak_error *err)
{
    const char *slash = memchr(text, '/', len);
    size_t host_len = slash == NULL ? len : (size_t)(slash - text);
    char host[INET6_ADDRSTRLEN];
    char meant[AK_CIDR_TEXT_BYTES];
    struct ak_cidr given;

    memset(out, 0, sizeof(*out));
    if (host_len >= sizeof(host) || memchr(text, '\0', len) != NULL)
        return not_a_range(text, len, err);
    memcpy(host, text, host_len);
    host[host_len] = '\0';
    if (inet_pton(AF_INET, host, out->address) == 1)
        out->family = AF_INET;
    else if (inet_pton(AF_INET6, host, out->address) == 1)
        out->family = AF_INET6;
    else
        return not_a_range(text, len, err);
    out->prefix = (uint8_t)family_bits(out->family);
    if (slash != NULL && !prefix_parse(slash, len - host_len, out->prefix, &out->prefix))
        return ak_fail(err, AK_EUSAGE, "\"%.*s\": the prefix behind the slash is 0 to %u",
                       len > SHOWN_BYTES_MAX ? SHOWN_BYTES_MAX : (int)len, text,
                       family_bits(out->family));
    if (out->family == AF_INET6 && out->prefix >= 96 &&
        memcmp(out->address, mapped_prefix, sizeof(mapped_prefix)) == 0)
        return ak_fail(err, AK_EUSAGE, "\"%.*s\": write the IPv4 address itself", (int)len, text);
    given = *out;
    clear_behind(out->address, out->prefix, family_bits(out->family));
    if (memcmp(given.address, out->address, sizeof(given.address)) != 0)
        return ak_fail(err, AK_EUSAGE,
                       "\"%.*s\" has bits set behind its prefix; write %s for the range, or the "
                       "address without /%u",
                       (int)len, text, ak_cidr_text(out, meant), out->prefix);
    return AK_OK;
}

const char *ak_cidr_text(const struct ak_cidr *cidr, char *out)
{
    size_t used;

    if (inet_ntop(cidr->family, cidr->address, out, AK_CIDR_TEXT_BYTES) == NULL)
        out[0] = '\0';
    used = strlen(out);
    if (cidr->prefix < family_bits(cidr->family))
        (void)snprintf(out + used, AK_CIDR_TEXT_BYTES - used, "/%u", cidr->prefix);
    return out;
}

bool ak_cidr_match(const struct ak_cidr *cidr, const struct sockaddr *peer)
{
    uint8_t address[16] = {0};
    unsigned family = peer->sa_family;

    if (family == AF_INET) {
        memcpy(address, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, 4);
    } else if (family == AF_INET6) {
        memcpy(address, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, 16);
        if (memcmp(address, mapped_prefix, sizeof(mapped_prefix)) == 0) {
            memmove(address, address + 12, 4);
            family = AF_INET;
        }
    } else {
        return false;
    }
    return family == cidr->family && equal_bits(address, cidr->address, cidr->prefix);
}

bool ak_cidr_covers(const struct ak_cidr *outer, const struct ak_cidr *inner)
{
    return outer->family == inner->family && outer->prefix <= inner->prefix &&
           equal_bits(outer->address, inner->address, outer->prefix);
}
