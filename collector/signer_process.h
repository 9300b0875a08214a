/* signer_process.h - the life of a signer process: the only one that has secret keys while a
 * collector runs (key_channel.h is the other end). */
#ifndef AK_SIGNER_PROCESS_H
#define AK_SIGNER_PROCESS_H

#include <akashi/error.h>

/* Answers requests on AK_KEY_SOCKET_FD for the keys in AK_KEY_DIR_FD until the line is closed, and
 * then ends the process. Comes back only with what kept it from beginning. */
enum ak_code ak_signer_process_run(struct ak_error *err);

#endif
