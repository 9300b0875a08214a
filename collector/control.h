/* control.h - orders to a running collector, through a Unix socket.
 *
 * The socket has mode 0600 and whoever connects is asked of the kernel (SO_PEERCRED): only root and
 * the collector's own user are listened to. An order is one line with a JSON object,
 *     {"order":"status"}
 *     {"order":"audit","log":NAME,"commitment":HEX}   (and others of audit.h)
 *     {"order":"carry-out","log":NAME,"note":TEXT}    (and others of orders.h)
 * and its answer is one line with a JSON object: the status (status.h), {"entry":N,"head":N}, what
 * orders.h says, or {"error":"..."}.
 *
 * Failure modes: a client that is slow, silent, wordy or one too many is hung up on; nothing a
 * client does reaches further than its own connection. Loop thread only. */
#ifndef AK_CONTROL_H
#define AK_CONTROL_H

#include <akashi/error.h>

struct ak_control;
struct ak_server;

#define AK_CONTROL_LINE_BYTES_MAX 131072u /* of an order; an order note of 32 KiB, escaped */

/* Opens the socket at config->control and sets server->control. The server holds the store's lock.
 * A socket file that nobody serves any more is replaced; one that somebody serves is refused
 * (AK_EBUSY), and so is anything that is no socket (AK_EEXIST). */
enum ak_code ak_control_open(struct ak_server *server, struct ak_error *err);

/* Closes the socket and all connections and removes the file. The memory goes in a later turn of
 * the loop. NULL is allowed. */
void ak_control_close(struct ak_control *control);

#endif
