/* key_channel.h - the collector's end of the line to its signer process, which alone has the secret
 * keys of a running collector.
 *
 * The process is the collector's own program file, started anew, so that it shares neither memory
 * nor the layout of memory with what reads from the network. It ends when the line is closed,
 * also by a collector that died. If it ends by itself nothing is signed any more until the
 * collector is started again; receiving goes on. */
#ifndef AK_KEY_CHANNEL_H
#define AK_KEY_CHANNEL_H

#include "key_wire.h"
#include "keys.h"

#include <stdbool.h>

struct ak_key_channel; /* any thread; calls wait for one another */

/* The word in argv[1] of a signer process. No command for people. */
#define AK_KEY_PROCESS_WORD "signer-process"

/* Starts the process for the keys in `keys_dir_fd` (borrowed). Call before a listener is open and
 * before there is a second thread. AK_EBUSY if the signer process of a collector that ended still
 * holds the keys after 10 s. */
enum ak_code ak_key_channel_start(int keys_dir_fd, struct ak_key_channel **out,
                                  struct ak_error *err);

/* A line over `fd` (taken over unless this fails), a SOCK_SEQPACKET socket at whose other end there
 * is no process of ours: tests answer there. */
enum ak_code ak_key_channel_over(int fd, struct ak_key_channel **out, struct ak_error *err);

/* Closes the line and waits for the process to end: what it was told to write is then written. All
 * keys must have been freed. NULL is allowed. */
void ak_key_channel_stop(struct ak_key_channel *channel);

/* Readable or hung up without a call of ours: the process has ended. For the loop to watch. */
int ak_key_channel_fd(const struct ak_key_channel *channel);

/* Sends a request with its body and takes the answer; `body` of the answer is written to `in`,
 * which has AK_KEY_BODY_BYTES_MAX bytes. A refusal of the process comes as its code and text in
 * `err`; the answer is then filled too. AK_EIO with "signer: ..." if the process is gone or does
 * not answer in order: `answer` is then zeroed, and so is every later call's. */
enum ak_code ak_key_channel_call(struct ak_key_channel *channel,
                                 const struct ak_key_request *request, const void *body,
                                 struct ak_key_answer *answer, unsigned char *in,
                                 struct ak_error *err);

/* Why nothing is signed any more, with how the process ended; AK_OK while it lives. */
enum ak_code ak_key_channel_ended(struct ak_key_channel *channel, struct ak_error *err);

/* ak_keys_load, with the secrets in the process: what comes back holds only what is public. */
enum ak_code ak_key_channel_load(struct ak_key_channel *channel, int keys_dir_fd,
                                 const char *origin, struct ak_keys **out, struct ak_error *err);

#endif
