/* witness_url.c - URLs of a witness. */
#include "witness_url.h"

#include <stdio.h>
#include <string.h>

#define FORM "http://HOST:PORT or https://HOST:PORT, with a /PATH behind it or without"

static bool is_path(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool good = (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z') ||
                    (p[i] >= '0' && p[i] <= '9') || (p[i] != '\0' && strchr("/-._~", p[i]) != NULL);
        if (!good)
            return false;
    }
    return true;
}

enum ak_code ak_witness_url_parse(const char *text, struct ak_witness_url *out,
                                  struct ak_error *err)
{
    char tcp[AK_URL_TEXT_BYTES];
    const char *host;
    size_t host_len;
    size_t path_len;
    enum ak_code rc;

    memset(out, 0, sizeof(*out));
    out->tls = strncmp(text, "https://", 8) == 0;
    if (!out->tls && strncmp(text, "http://", 7) != 0)
        return ak_fail(err, AK_EUSAGE, "--listen %.100s: a witness listens at " FORM, text);
    host = text + (out->tls ? 8 : 7);
    host_len = strcspn(host, "/");
    path_len = strlen(host + host_len);
    while (path_len > 0 && host[host_len + path_len - 1] == '/')
        path_len--;
    if (path_len >= sizeof(out->prefix) || !is_path(host + host_len, path_len))
        return ak_fail(err, AK_EUSAGE,
                       "--listen %.100s: the path has at most %u of the characters A-Z a-z 0-9 / - "
                       ". _ ~",
                       text, AK_WITNESS_PREFIX_BYTES - 1);
    memcpy(out->prefix, host + host_len, path_len);
    if (host_len + sizeof("tcp://") > sizeof(tcp))
        return ak_fail(err, AK_EUSAGE, "--listen %.100s: a witness listens at " FORM, text);
    (void)snprintf(tcp, sizeof(tcp), "tcp://%.*s", (int)host_len, host);
    rc = ak_url_parse(tcp, strlen(tcp), &out->at, err);
    if (rc != AK_OK)
        ak_wrap(err, "--listen %.100s", text);
    return rc;
}
