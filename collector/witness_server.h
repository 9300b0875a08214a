/* witness_server.h - a witness at run time: listeners, connections, and one request of a log at a
 * time in the thread pool. */
#ifndef AK_WITNESS_SERVER_H
#define AK_WITNESS_SERVER_H

#include "witness_state.h"
#include "witness_url.h"

#define AK_WITNESS_LISTENERS_MAX 16u

struct ak_witness_options {
    struct ak_witness_url listen[AK_WITNESS_LISTENERS_MAX];
    size_t listen_count;
    const char *tls_certificate; /* for https:// */
    const char *tls_key;
};

/* Runs until SIGTERM or SIGINT: prints `listening URL` for each listener and `ready`, answers, and
 * finishes what was begun. AK_EINTEGRITY, with a text that says where to look, if a fork is known
 * at the end; AK_EIO and others if it could not start. */
enum ak_code ak_witness_run(struct ak_witness *w, const struct ak_witness_options *options,
                            struct ak_error *err);

#endif
