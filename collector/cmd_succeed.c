/* cmd_succeed.c - `succeed`: a successor for a log that can be signed no more; with --order, the
 * authorities' word on it. */
#include "cmdline.h"
#include "config.h"
#include "log.h"
#include "succeed.h"

#include "show.h"

#include <inttypes.h>
#include <stdio.h>

static void tell(const struct ak_cmdline *line, const struct ak_succeeded *done)
{
    char a[AK_SHOW_NUMBER_BYTES];
    char b[AK_SHOW_NUMBER_BYTES];

    ak_log(
        AK_LOG_NOTICE,
        "log %s: %s is closed with %s entries, is called %s from now on, and stays as it is; %s "
        "entries behind these are known to be lost. The successor is %s; no order of authorities "
        "confirms it yet. Start the collector",
        line->value[AK_FLAG_LOG], done->old_origin, ak_show_count(a, done->size), done->closed,
        ak_show_count(b, done->lost), done->vkey.name);
}

enum ak_code ak_cmd_succeed(const struct ak_cmdline *line, struct ak_error *err)
{
    const char *path = line->value[AK_FLAG_CONFIG];
    struct ak_succeed_options options = {.store = line->value[AK_FLAG_STORE],
                                         .log = line->value[AK_FLAG_LOG],
                                         .reason = line->value[AK_FLAG_REASON],
                                         .checkpoint = line->checkpoint,
                                         .checkpoint_count = line->checkpoint_count};
    struct ak_config *config = NULL;
    struct ak_succeeded done;
    char text[AK_VKEY_TEXT_BYTES_MAX];
    enum ak_code rc;

    if (line->value[AK_FLAG_ORDER] != NULL) {
        if (options.reason != NULL || options.checkpoint_count > 0)
            return ak_fail(err, AK_EUSAGE,
                           "--reason and --checkpoint belong to the making of a successor, --order "
                           "to one that is there");
        return ak_cmd_order(line, err);
    }
    if (line->value[AK_FLAG_CONTROL] != NULL)
        return ak_fail(err, AK_EUSAGE,
                       "--control belongs to --order: a successor is opened in a store at rest");
    rc = ak_cmdline_need(
        line, AK_FLAG_BIT(AK_FLAG_LOG) | (path == NULL ? AK_FLAG_BIT(AK_FLAG_STORE) : 0), err);
    if (rc == AK_OK && path != NULL && options.store != NULL)
        rc = ak_fail(err, AK_EUSAGE, "--config and --store both name the store; give one");
    if (rc == AK_OK && path != NULL)
        rc = ak_config_load(path, &config, err);
    if (rc == AK_OK && config != NULL)
        options.store = config->store;
    if (rc == AK_OK)
        rc = ak_succeed(&options, &done, err);
    if (rc == AK_OK && ak_vkey_format(text, sizeof(text), &done.vkey) > 0) {
        (void)printf("%s\n", text);
        tell(line, &done);
    }
    ak_config_free(config);
    return rc;
}
