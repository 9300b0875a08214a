/* cmd_bundle.c - bundle: what was handed over, judged by itself; also out of a page that carries
 * it, of which every other byte is then compared with the viewer of this release. */
#include "commands.h"

#include "bundle_ask.h"
#include "bundle_show.h"
#include "progress.h"
#include "viewer_bundle.h"
#include "when.h"

#include <stdlib.h>
#include <unistd.h>

static enum ak_code judge(const struct ak_options *options, const char *path,
                          const struct ak_trust *trust, const bool *required,
                          struct ak_bundle_result *result, struct ak_bundle_range *range,
                          const char ***texts, struct ak_error *err)
{
    struct ak_bundle_input input = {.path = path,
                                    .keys = trust->keys,
                                    .key_count = trust->key_count,
                                    .policy = trust->policy,
                                    .tsa = trust->tsa,
                                    .authorities = trust->authorities,
                                    .authority_count = trust->authority_count,
                                    .custody_keys = trust->custodians,
                                    .custody_key_count = trust->custodian_count};
    struct ak_progress progress;
    bool given;
    enum ak_code rc = ak_bundle_ask_expect(options, ak_when_now(), &given, range, texts, err);

    if (rc != AK_OK)
        return rc;
    input.expect = given ? range : NULL;
    ak_progress_begin(&progress, !ak_options_has(options, AK_OPTION_QUIET));
    input.progress_ctx = &progress;
    input.on_progress = ak_progress_show;
    rc = ak_bundle_judge(&input, result, err);
    ak_progress_end(&progress);
    if (rc == AK_OK)
        ak_bundle_ask_apply(required, result);
    return rc;
}

enum ak_code ak_cmd_bundle(const struct ak_options *options, int *status, struct ak_error *err)
{
    bool required[AK_BUNDLE_CLAIMS];
    struct ak_bundle_show show = {.file = stdout,
                                  .quiet = ak_options_has(options, AK_OPTION_QUIET),
                                  .path = options->words[0],
                                  .required = required};
    struct ak_bundle_result result = {0};
    struct ak_check_options unused;
    struct ak_trust trust = {0};
    struct ak_viewer_opened page = {.fd = -1};
    struct ak_bundle_range range;
    const char **texts = NULL;
    enum ak_code rc = ak_bundle_ask_required(options, required, err);

    if (rc == AK_OK)
        rc = ak_cmd_prepare(options, &trust, &unused, err);
    if (rc == AK_OK && ak_viewer_names_page(options->words[0])) {
        rc = ak_viewer_open(&page, options->words[0], err);
        show.viewer = rc == AK_OK ? &page.parts : NULL;
    }
    if (rc == AK_OK)
        rc = judge(options, show.viewer == NULL ? options->words[0] : page.path, &trust, required,
                   &result, &range, &texts, err);
    if (rc == AK_OK && show.viewer != NULL && !page.parts.ours && result.verdict < AK_NOT_CHECKABLE)
        result.verdict = AK_NOT_CHECKABLE;
    show.custody_keys = trust.custodian_count > 0;
    show.colour = isatty(STDOUT_FILENO) == 1;
    if (ak_options_has(options, AK_OPTION_JSON))
        ak_bundle_show_json(&show, &result, rc == AK_OK ? NULL : err);
    else if (rc == AK_OK)
        ak_bundle_show(&show, &result);
    *status = ak_verdict_exit(result.verdict);
    ak_bundle_result_free(&result);
    ak_viewer_close(&page);
    free(texts);
    ak_trust_free(&trust);
    return rc;
}
