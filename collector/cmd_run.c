/* cmd_run.c - runs the collector from a configuration file, or for one log from options. */
#include "cmdline.h"
#include "config.h"
#include "server.h"

#include <malloc.h>

/* Below the parts of a batch, above all that is allocated often. */
#define BLOCK_BYTES (512 << 10)

static enum ak_code from_options(const struct ak_cmdline *line, struct ak_config **config,
                                 struct ak_error *err)
{
    const struct ak_config_options options = {
        .store = line->value[AK_FLAG_STORE],
        .log = line->value[AK_FLAG_LOG],
        .listen = line->listen,
        .listen_count = line->listen_count,
        .tls_certificate = line->value[AK_FLAG_TLS_CERTIFICATE],
        .tls_key = line->value[AK_FLAG_TLS_KEY],
        .tls_ca = line->value[AK_FLAG_TLS_CA],
    };

    return ak_config_from_options(&options, config, err);
}

/* Memory of batches that are over the pool's bound goes back to the system when they are freed:
 * with many logs each has one at the start. By itself the C library raises this bound as it goes,
 * and keeps 2.4 MiB of each log for good. */
static void give_memory_back(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, BLOCK_BYTES);
#endif
}

enum ak_code ak_cmd_run(const struct ak_cmdline *line, struct ak_error *err)
{
    const char *path = line->value[AK_FLAG_CONFIG];
    struct ak_config *config;
    enum ak_code rc;

    for (unsigned flag = 0; flag < AK_FLAG_COUNT; flag++) {
        if (path != NULL && flag != AK_FLAG_CONFIG && line->value[flag] != NULL)
            return ak_fail(err, AK_EUSAGE,
                           "with --config everything stands in the file; leave the other options "
                           "out, or --config");
    }
    if (path == NULL && line->value[AK_FLAG_STORE] == NULL && line->listen_count == 0)
        return ak_fail(err, AK_EUSAGE,
                       "run wants --config FILE, or --store DIR --log NAME "
                       "--listen URL");
    give_memory_back();
    rc = path != NULL ? ak_config_load(path, &config, err) : from_options(line, &config, err);
    return rc == AK_OK ? ak_server_run(config, path, err) : rc;
}
