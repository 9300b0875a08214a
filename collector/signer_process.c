/* signer_process.c - the process that has the secret keys.
 *
 * The happy path: no core, no dump, no system call beyond the few it needs (sandbox.c); then one
 * packet in, one out, what it asks for by key_vault.c. Failure modes: the end of the line is the
 * end of the process. */
#include "signer_process.h"

#include "key_vault.h"
#include "keys_source.h"
#include "sandbox.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* One request and its answer; false at the end of the line. */
static bool serve(struct ak_key_vault *vault)
{
    struct ak_key_exchange *v = ak_key_vault_exchange(vault);
    struct iovec in[2] = {{&v->request, sizeof(v->request)}, {v->in, sizeof(v->in)}};
    struct iovec out[2] = {{&v->answer, sizeof(v->answer)}, {v->out, 0}};
    struct msghdr take = {.msg_iov = in, .msg_iovlen = 2};
    struct msghdr give = {.msg_iov = out, .msg_iovlen = 2};
    ssize_t n;

    memset(&v->request, 0, sizeof(v->request));
    do
        n = recvmsg(AK_KEY_SOCKET_FD, &take, 0);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return false;
    ak_key_vault_answer(vault, (take.msg_flags & MSG_TRUNC) != 0 ? 0 : (size_t)n);
    out[1].iov_len = v->out_len;
    do
        n = sendmsg(AK_KEY_SOCKET_FD, &give, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n >= 0;
}

/* A terminal's ^C and systemd's stop reach every process of the service; the collector's last word
 * is still to be signed. */
static void outlast_signals(void)
{
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE};

    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        (void)signal(numbers[i], SIG_IGN);
}

enum ak_code ak_signer_process_run(struct ak_error *err)
{
    struct ak_key_vault *vault;
    int type = 0;
    socklen_t len = sizeof(type);
    enum ak_code rc;

    if (getsockopt(AK_KEY_SOCKET_FD, SOL_SOCKET, SO_TYPE, &type, &len) != 0 ||
        type != SOCK_SEQPACKET)
        return ak_fail(err, AK_EUSAGE,
                       "this is no command for people: `akashi-collector run` starts it");
    outlast_signals();
    if (sodium_init() < 0)
        return ak_fail(err, AK_EIO, "libsodium found no source of random numbers");
    rc = ak_key_vault_new(AK_KEY_DIR_FD, &vault, err);
    if (rc != AK_OK)
        return rc;
    rc = ak_sandbox_enter(AK_KEY_DIR_FD, ak_keys_credentials(), ak_keys_tokens_in(AK_KEY_DIR_FD),
                          err);
    if (rc != AK_OK) {
        ak_key_vault_free(vault);
        return rc;
    }
    while (serve(vault))
        ;
    ak_key_vault_free(vault);
    /* Without what a sanitizer does at the end: it would read this process by ptrace. */
    _exit(0);
}
