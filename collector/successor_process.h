/* successor_process.h - makes a successor while the collector starts: in a process of its own, so
 * that no secret key is ever in the memory of the one that reads from the network. */
#ifndef AK_SUCCESSOR_PROCESS_H
#define AK_SUCCESSOR_PROCESS_H

#include "successor.h"

#include <akashi/error.h>

/* The word in argv[1] of such a process. No command for people. */
#define AK_SUCCESSOR_PROCESS_WORD  "successor-process"
#define AK_SUCCESSOR_PROCESS_WORDS 6 /* program, word, store, log, cause, source or "" */

/* ak_successor_make in a new process, which is waited for (a second); of the options the first five
 * count. */
enum ak_code ak_successor_spawn(const struct ak_successor_options *options, struct ak_error *err);

/* That process: `argv` has AK_SUCCESSOR_PROCESS_WORDS words. Gives its exit status; what is wrong
 * goes to standard output, which the other one reads. */
int ak_successor_process_run(char **argv);

#endif
