/* folder.h - a folder of its own for a fuzz target that works on files: on memory, where there is
 * such a file system, since a sync costs nothing there. Included once, by the target. */
#ifndef AK_FUZZ_FOLDER_H
#define AK_FUZZ_FOLDER_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char fuzz_folder[64]; /* its path */

static void fuzz_folder_clear(void)
{
    char command[128];

    (void)snprintf(command, sizeof(command), "rm -rf %s", fuzz_folder);
    if (system(command) != 0) /* NOLINT(cert-env33-c): a folder of our own making */
        (void)fprintf(stderr, "%s: left behind\n", fuzz_folder);
}

/* Makes the folder, which is cleared away when the process ends, and opens it; -1 if that fails. */
static int fuzz_folder_make(void)
{
    (void)snprintf(fuzz_folder, sizeof(fuzz_folder), "%s/akashi-fuzz-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(fuzz_folder) == NULL)
        return -1;
    (void)atexit(fuzz_folder_clear);
    return open(fuzz_folder, O_RDONLY | O_DIRECTORY);
}

#endif
