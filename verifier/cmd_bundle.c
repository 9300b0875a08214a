/* cmd_bundle.c - bundle: what was handed over, judged by itself; also out of a page that carries
 * it, of which every other byte is then compared with the viewer of this release. */
#include "commands.h"

#include "bundle_ask.h"
#include "bundle_show.h"
#include "viewer_bundle.h"
#include "when.h"

#include <stdlib.h>
#include <unistd.h>

/* What the reader brings from outside. */
struct brought {
    struct ak_trust trust;
    struct ak_trust custodians; /* keys of --custody-key */
};

static enum ak_code judge(const struct ak_options *options, const char *path,
                          const struct brought *brought, const bool *required,
                          struct ak_bundle_result *result, struct ak_bundle_range *range,
                          const char ***texts, struct ak_error *err)
{
    struct ak_bundle_input input = {.path = path,
                                    .keys = brought->trust.keys,
                                    .key_count = brought->trust.key_count,
                                    .policy = brought->trust.policy,
                                    .custody_keys = brought->custodians.keys,
                                    .custody_key_count = brought->custodians.key_count};
    bool given;
    enum ak_code rc = ak_bundle_ask_expect(options, ak_when_now(), &given, range, texts, err);

    if (rc != AK_OK)
        return rc;
    input.expect = given ? range : NULL;
    rc = ak_bundle_judge(&input, result, err);
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
    struct brought brought = {0};
    struct ak_viewer_opened page = {.fd = -1};
    struct ak_bundle_range range;
    const char **texts = NULL;
    enum ak_code rc = ak_bundle_ask_required(options, required, err);

    if (rc == AK_OK)
        rc = ak_cmd_prepare(options, &brought.trust, &unused, err);
    if (rc == AK_OK)
        rc = ak_cmd_custody_keys(options, &brought.custodians, err);
    if (rc == AK_OK && ak_viewer_names_page(options->words[0])) {
        rc = ak_viewer_open(&page, options->words[0], err);
        show.viewer = rc == AK_OK ? &page.parts : NULL;
    }
    if (rc == AK_OK)
        rc = judge(options, show.viewer == NULL ? options->words[0] : page.path, &brought, required,
                   &result, &range, &texts, err);
    if (rc == AK_OK && show.viewer != NULL && !page.parts.ours && result.verdict < AK_NOT_CHECKABLE)
        result.verdict = AK_NOT_CHECKABLE;
    show.custody_keys = brought.custodians.key_count > 0;
    show.colour = isatty(STDOUT_FILENO) == 1;
    if (ak_options_has(options, AK_OPTION_JSON))
        ak_bundle_show_json(&show, &result, rc == AK_OK ? NULL : err);
    else if (rc == AK_OK)
        ak_bundle_show(&show, &result);
    *status = ak_verdict_exit(result.verdict);
    ak_bundle_result_free(&result);
    ak_viewer_close(&page);
    free(texts);
    ak_trust_free(&brought.custodians);
    ak_trust_free(&brought.trust);
    return rc;
}
