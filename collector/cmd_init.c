/* cmd_init.c - makes store, log and keys; the vkey is all that goes to stdout, so that it can be
 * sent straight into the file that is handed to whoever verifies. */
#include "cmdline.h"
#include "config.h"
#include "init.h"
#include "sandbox.h"
#include "keys.h"
#include "units.h"

#include <string.h>

#define EPOCHS_MAX 1048576u /* docs/format.md 11 */

static enum ak_code epochs_read(const struct ak_cmdline *line, uint32_t *epochs,
                                struct ak_error *err)
{
    const char *text = line->value[AK_FLAG_EPOCHS];
    uint64_t n = AK_EPOCHS_DEFAULT;
    enum ak_code rc = text == NULL ? AK_OK : ak_units_count(text, strlen(text), &n, err);

    if (rc == AK_OK && (n == 0 || n > EPOCHS_MAX))
        rc = ak_fail(err, AK_EUSAGE, "\"%.40s\": write a number from 1 to %u", text, EPOCHS_MAX);
    if (rc != AK_OK)
        ak_wrap(err, "--epochs");
    *epochs = (uint32_t)n;
    return rc;
}

/* A configuration gives the store and, unless --epochs does, the number of epoch keys. */
static enum ak_code from_config(const struct ak_cmdline *line, struct ak_init_options *options,
                                const struct ak_config *config, struct ak_error *err)
{
    size_t log = ak_config_find_log(config, options->log);

    if (log == AK_CONFIG_NO_LOG)
        return ak_fail(err, AK_EUSAGE,
                       "log %s is not in the configuration; list it under `logs` first",
                       options->log);
    options->store = config->store;
    options->source = config->logs[log].log_key;
    if (line->value[AK_FLAG_EPOCHS] == NULL)
        options->epochs = (uint32_t)config->logs[log].epochs;
    return AK_OK;
}

enum ak_code ak_cmd_init(const struct ak_cmdline *line, struct ak_error *err)
{
    const char *path = line->value[AK_FLAG_CONFIG];
    uint32_t need = AK_FLAG_BIT(AK_FLAG_LOG) | AK_FLAG_BIT(AK_FLAG_ORIGIN);
    struct ak_init_options options = {.store = line->value[AK_FLAG_STORE],
                                      .log = line->value[AK_FLAG_LOG],
                                      .origin = line->value[AK_FLAG_ORIGIN]};
    struct ak_config *config = NULL;
    struct ak_vkey vkey;
    char text[AK_VKEY_TEXT_BYTES_MAX];
    enum ak_code rc =
        ak_cmdline_need(line, need | (path == NULL ? AK_FLAG_BIT(AK_FLAG_STORE) : 0), err);

    if (rc == AK_OK && path != NULL && options.store != NULL)
        rc = ak_fail(err, AK_EUSAGE, "--config and --store both name the store; give one");
    if (rc == AK_OK)
        rc = epochs_read(line, &options.epochs, err);
    if (rc == AK_OK && path != NULL)
        rc = ak_config_load(path, &config, err);
    if (rc == AK_OK && config != NULL)
        rc = from_config(line, &options, config, err);
    if (rc == AK_OK)
        rc = ak_sandbox_undumpable(err);
    if (rc == AK_OK)
        rc = ak_init_log(&options, &vkey, err);
    if (rc == AK_OK && ak_vkey_format(text, sizeof(text), &vkey) > 0)
        (void)printf("%s\n", text);
    if (rc == AK_EEXIST)
        ak_wrap(err, "nothing was made");
    ak_config_free(config);
    return rc;
}
