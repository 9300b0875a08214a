/* config_options.c - a configuration for one log from options of the command line: the same raw
 * texts as from a file, so the same values, defaults and checks. */
#include "config_read.h"
#include "config_schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The raw structs hold char *, because libcyaml allocates them; nothing here is written to. */
#define BORROW(text) ((char *)(uintptr_t)(text))

static enum ak_code options_check(const struct ak_config_options *options, struct ak_error *err)
{
    if (options->store == NULL)
        return ak_fail(err, AK_EUSAGE,
                       "--store DIR is missing: the directory that "
                       "`akashi-collector init` made");
    if (options->log == NULL)
        return ak_fail(err, AK_EUSAGE, "--log NAME is missing: which log of the store to write");
    if (options->listen_count == 0 && !options->closed)
        return ak_fail(err, AK_EUSAGE,
                       "--listen URL is missing: where to listen, as in udp://*:514");
    if (options->listen_count > AK_CONFIG_LISTENERS_MAX)
        return ak_fail(err, AK_EUSAGE, "--listen: more than %u listeners", AK_CONFIG_LISTENERS_MAX);
    return AK_OK;
}

/* The TLS files serve every TLS listener; they mean nothing where there is none. */
static enum ak_code tls_give(const struct ak_config_options *options, struct raw_tls *tls,
                             struct raw_listener *listeners, struct ak_error *err)
{
    bool used = false;

    for (size_t i = 0; i < options->listen_count; i++) {
        struct ak_url url;
        enum ak_code rc = ak_url_parse(options->listen[i], strlen(options->listen[i]), &url, err);

        if (rc != AK_OK) {
            ak_wrap(err, "--listen");
            return rc;
        }
        if (!ak_transport_is_tls(url.transport))
            continue;
        if (options->tls_certificate == NULL || options->tls_key == NULL || options->tls_ca == NULL)
            return ak_fail(err, AK_EUSAGE,
                           "--listen %s needs --tls-certificate FILE, --tls-key FILE and --tls-ca "
                           "FILE (the authority of the senders' certificates)",
                           url.text);
        listeners[i].tls = tls;
        used = true;
    }
    if (!used &&
        (options->tls_certificate != NULL || options->tls_key != NULL || options->tls_ca != NULL))
        return ak_fail(err, AK_EUSAGE,
                       "--tls-certificate, --tls-key and --tls-ca mean nothing "
                       "without a tls:// or relp+tls:// listener");
    return AK_OK;
}

enum ak_code ak_config_from_options(const struct ak_config_options *options, struct ak_config **out,
                                    struct ak_error *err)
{
    struct ak_reader reader = {.err = err, .closed = options->closed};
    struct raw_log log = {.name = BORROW(options->log)};
    struct raw_tls tls = {.certificate = BORROW(options->tls_certificate),
                          .key = BORROW(options->tls_key),
                          .ca = BORROW(options->tls_ca)};
    struct raw_config raw = {.store = BORROW(options->store), .logs = &log, .logs_count = 1};
    char *directory = NULL;
    enum ak_code rc = options_check(options, err);

    *out = NULL;
    if (rc != AK_OK)
        return rc;
    raw.listeners = calloc(options->listen_count + 1, sizeof(*raw.listeners));
    directory = getcwd(NULL, 0);
    if (raw.listeners == NULL || directory == NULL) {
        rc = ak_fail_errno(err, errno, "the current directory");
        goto cleanup;
    }
    reader.directory = directory;
    raw.listeners_count = (unsigned)options->listen_count;
    for (size_t i = 0; i < options->listen_count; i++)
        raw.listeners[i].url = BORROW(options->listen[i]);
    rc = tls_give(options, &tls, raw.listeners, err);
    if (rc == AK_OK)
        rc = ak_config_from_raw(&reader, &raw, out);
cleanup:
    free(raw.listeners);
    free(directory);
    return rc;
}
