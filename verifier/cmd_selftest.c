/* cmd_selftest.c - a sheet for a case file: this program, on this machine, gives the answers that
 * it must give. */
#include "commands.h"

#include "self.h"
#include "selftest.h"
#include "show.h"
#include "when.h"

#include <stdio.h>
#include <sys/utsname.h>

struct sheet {
    unsigned good;
    unsigned bad;
};

static void tell(void *ctx, const char *what, bool good, const char *detail)
{
    struct sheet *sheet = ctx;

    if (good)
        sheet->good++;
    else
        sheet->bad++;
    printf("  %-6s  %s%s%s\n", good ? "ok" : "FAILED", what, detail[0] == '\0' ? "" : ": ", detail);
}

static void print_head(void)
{
    struct utsname machine;
    char when[AK_WHEN_TEXT_BYTES];

    printf("Self-test of akashi-verify\n\n");
    ak_self_print(stdout);
    if (uname(&machine) == 0) {
        printf("machine: ");
        ak_show_text(stdout, machine.nodename);
        printf(", %s %s %s\n", machine.sysname, machine.release, machine.machine);
    }
    printf("time by this machine's clock: %s\n", ak_when_format(when, ak_when_now()));
}

enum ak_code ak_cmd_selftest(const struct ak_options *options, int *status, struct ak_error *err)
{
    struct sheet sheet = {0};
    enum ak_code rc;

    (void)options;
    print_head();
    printf("\nKnown answers\n");
    ak_selftest_known(tell, &sheet);
    printf("\nA store and %zu forgeries of it that the program carries; behind each the answer\n",
           ak_selftest_case_count);
    rc = ak_selftest_stores(tell, &sheet, err);
    if (rc != AK_OK)
        return rc;
    printf("\nCase ____________________  Examiner ____________________  Date "
           "____________________\n\n");
    if (sheet.bad == 0)
        printf("PASSED all %u checks\n", sheet.good);
    else
        printf("FAILED %u of %u checks: do not rely on this program on this machine\n", sheet.bad,
               sheet.good + sheet.bad);
    *status = sheet.bad == 0 ? 0 : 1;
    return AK_OK;
}
