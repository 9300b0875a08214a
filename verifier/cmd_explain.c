/* cmd_explain.c - what a reason code says, does not say, and what to do about it. */
#include "commands.h"

#include "show.h"

#include <akashi/finding.h>
#include <akashi/nearest.h>

#include <string.h>
#include <strings.h>

static const char *effect(const struct ak_finding_info *info)
{
    return info->remark ? "remark" : ak_verdict_name(info->verdict);
}

static void list_codes(void)
{
    for (unsigned i = 0; i < AK_FINDING_CODES; i++) {
        const struct ak_finding_info *info = ak_finding_info((enum ak_finding_code)i);
        printf("%-23s%-15s", info->name, effect(info));
        ak_show_wrapped(stdout, info->summary, 35, 35);
    }
}

static void paragraph(const char *head, const char *text)
{
    printf("\n%s\n  ", head);
    ak_show_wrapped(stdout, text, 2, 2);
}

static void explain(const struct ak_finding_info *info)
{
    printf("%s: ", info->name);
    ak_show_wrapped(stdout, info->summary, 0, (unsigned)strlen(info->name) + 2);
    if (info->remark)
        printf("A remark: it does not change the verdict.\n");
    else
        printf("Makes the verdict %s (exit status %d), unless something worse was found.\n",
               ak_verdict_name(info->verdict), ak_verdict_exit(info->verdict));
    paragraph("What it means", info->meaning);
    paragraph("What it does not mean", info->not_meant);
    paragraph("Usual causes", info->causes);
    paragraph("What to do", info->remedy);
}

/* Verdicts are words of reports, too. */
static bool explain_verdict(const char *word)
{
    static const char *const texts[] = {
        [AK_VALID] = "Everything that is shown is, byte for byte, what the collector signed, and "
                     "nothing that was asked for is missing.",
        [AK_INCOMPLETE] = "What is proven is unchanged, but something is missing, unsigned or "
                          "older than was asked for.",
        [AK_NOT_CHECKABLE] = "It could not be judged: no key, a file that cannot be read, or a "
                             "newer format. Nothing is said about the records.",
        [AK_INVALID] = "Something differs from what was signed, or breaks the format. Who did it, "
                       "and whether by intent, no check can say."};

    for (int v = AK_VALID; v <= AK_INVALID; v++) {
        const char *name = ak_verdict_name((enum ak_verdict)v);
        if (strcasecmp(word, name) != 0 &&
            (v != AK_NOT_CHECKABLE || strcasecmp(word, "NOT_CHECKABLE") != 0))
            continue;
        printf("%s is a verdict, exit status %d.\n", name, ak_verdict_exit((enum ak_verdict)v));
        ak_show_wrapped(stdout, texts[v], 0, 0);
        return true;
    }
    return false;
}

static enum ak_code unknown_code(const char *word, struct ak_error *err)
{
    const char *names[AK_FINDING_CODES];
    const char *near;

    for (unsigned i = 0; i < AK_FINDING_CODES; i++)
        names[i] = ak_finding_info((enum ak_finding_code)i)->name;
    near = ak_nearest(word, strlen(word), names, AK_FINDING_CODES);
    if (near == NULL)
        return ak_fail(err, AK_EUSAGE,
                       "there is no code '%s'; akashi-verify explain lists all codes", word);
    return ak_fail(err, AK_EUSAGE, "there is no code '%s'; did you mean %s?", word, near);
}

enum ak_code ak_cmd_explain(const struct ak_options *options, int *status, struct ak_error *err)
{
    *status = 0;
    if (options->word_count == 0) {
        list_codes();
        return AK_OK;
    }
    for (size_t i = 0; i < options->word_count; i++) {
        const struct ak_finding_info *info = ak_finding_find(options->words[i]);
        if (i > 0)
            printf("\n");
        if (info != NULL)
            explain(info);
        else if (!explain_verdict(options->words[i]))
            return unknown_code(options->words[i], err);
    }
    return AK_OK;
}
