/* many.c - judges one log's directory again and again, for tests that change it in between.
 *
 *     many DIRECTORY VKEY
 *
 * For each line on standard input the directory is judged once and one line is printed: the
 * verdict, a colon and the codes of all findings. It saves the start of a program for each of some
 * hundred thousand changes. Ends at the end of input with 0, with 2 when the key is none, with 3
 * when a check could not be done for want of memory or threads. */
#include <akashi/check.h>
#include <akashi/finding.h>
#include <akashi/note.h>

#include <stdio.h>
#include <string.h>

static void print_codes(const struct ak_check *check)
{
    for (unsigned code = 0; code < AK_FINDING_CODES; code++) {
        bool seen = false;

        for (size_t i = 0; i < check->count; i++)
            seen = seen || check->logs[i].code_counts[code] > 0;
        if (seen)
            printf(" %s", ak_finding_info((enum ak_finding_code)code)->name);
    }
}

/* A path that cannot be looked at at all is a verdict of its own kind: akashi-verify answers such
 * a question with NOT CHECKABLE. */
static bool judge(const char *path, const struct ak_vkey *key)
{
    const struct ak_check_options options = {.keys = key, .key_count = 1};
    struct ak_error err = {0};
    struct ak_check *check = NULL;
    enum ak_code rc;

    rc = ak_check_run(&path, 1, &options, &check, &err);
    if (rc == AK_ENOMEM)
        return false;
    if (rc != AK_OK) {
        printf("%s:\n", ak_verdict_name(AK_NOT_CHECKABLE));
        return true;
    }
    printf("%s:", ak_verdict_name(check->verdict));
    print_codes(check);
    printf("\n");
    ak_check_free(check);
    return true;
}

int main(int argc, char **argv)
{
    struct ak_error err = {0};
    struct ak_vkey key;
    int c;

    if (argc != 3 || ak_vkey_parse(&key, argv[2], strlen(argv[2]), &err) != AK_OK) {
        fprintf(stderr, "usage: many DIRECTORY VKEY\n");
        return 2;
    }
    while ((c = getchar()) != EOF) {
        if (c != '\n')
            continue;
        if (!judge(argv[1], &key))
            return 3;
        fflush(stdout);
    }
    return 0;
}
