/* ask.h - orders to a running collector from the command line. */
#ifndef AK_ASK_H
#define AK_ASK_H

#include "cmdline.h"
#include "server.h"

#include <akashi/error.h>

#include <jansson.h>

/* Where the collector of --control, --store or --config listens; malloc'ed. AK_EUSAGE unless
 * exactly one of them is given. */
enum ak_code ak_ask_path(const struct ak_cmdline *line, char **path, struct ak_error *err);

/* Gives an order (control.h), one line without its end, and takes the answer: an object, to be
 * given back with json_decref also after a failure. `config` (or NULL) is named in the message that
 * says how to start a collector. AK_ENOTFOUND: nobody runs. */
enum ak_code ak_ask(const char *path, const char *config, const char *order, json_t **answer,
                    struct ak_error *err);

/* A number that the answer to `status` gives of a log; 0 if it gives none. */
uint64_t ak_ask_log_number(const json_t *status, const char *log, const char *member);

/* Nobody runs: opens the log that the command names (ak_server_once), for `once` alone; it is
 * refused if it cannot be signed. `command` is what the store's lock says meanwhile. */
enum ak_code ak_ask_stopped(const struct ak_cmdline *line, const char *command,
                            ak_server_once_fn once, void *ctx, struct ak_error *err);

/* The same, also for a log that cannot be signed. */
enum ak_code ak_ask_stopped_as(const struct ak_cmdline *line, const char *command,
                               enum ak_unsigned manner, ak_server_once_fn once, void *ctx,
                               struct ak_error *err);

#endif
