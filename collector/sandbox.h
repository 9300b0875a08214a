/* sandbox.h - what a process that holds secrets gives up for good. */
#ifndef AK_SANDBOX_H
#define AK_SANDBOX_H

#include <akashi/error.h>

#include <stdbool.h>

/* No core file, no memory image and no debugger of the same user (PR_SET_DUMPABLE 0). For commands
 * that hold keys for a moment. Does nothing in a build with a sanitizer, which ends by ptrace. */
enum ak_code ak_sandbox_undumpable(struct ak_error *err);

/* `read_fd`: a directory that is read too, or -1. `foreign`: libraries of others will be loaded,
 * whose files and calls nobody knows: as in a build with a sanitizer.
 *
 * The same in every build, and: no new privileges; files only beneath `dir_fd` (Landlock, where the
 * kernel has it); only the system calls that signing needs, every other one fails with EPERM
 * (seccomp). A build with a sanitizer leaves out the last two but for programs, sockets, debuggers:
 * its own work needs more calls. */
enum ak_code ak_sandbox_enter(int dir_fd, int read_fd, bool foreign, struct ak_error *err);

#endif
