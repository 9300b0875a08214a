/* cmd_check_config.c - reads a configuration as `run` would, and says what it thinks of it. */
#include "cmdline.h"
#include "config.h"
#include "cosign_client.h"

#include "show.h"

static void on_remark(void *ctx, const char *text)
{
    (void)ctx;
    fputs("remark: ", stderr);
    ak_show_text(stderr, text);
    fputc('\n', stderr);
}

enum ak_code ak_cmd_check_config(const struct ak_cmdline *line, struct ak_error *err)
{
    struct ak_config *config;
    enum ak_code rc = ak_config_load(line->words[0], &config, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_cosign_check(config, err);
    if (rc != AK_OK) {
        ak_config_free(config);
        return rc;
    }
    ak_config_remarks(config, on_remark, NULL);
    if (line->value[AK_FLAG_SHOW] != NULL) {
        rc = ak_config_show(config, stdout, err);
    } else {
        ak_show_text(stdout, line->words[0]);
        (void)printf(": good: %zu log%s, %zu listener%s\n", config->log_count,
                     config->log_count == 1 ? "" : "s", config->listener_count,
                     config->listener_count == 1 ? "" : "s");
    }
    ak_config_free(config);
    return rc;
}
