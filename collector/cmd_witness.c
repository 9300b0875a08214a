/* cmd_witness.c - makes a witness, or is one. */
#include "cmdline.h"
#include "log.h"
#include "witness_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum ak_code make(const struct ak_cmdline *line, struct ak_error *err)
{
    char text[AK_VKEY_TEXT_BYTES_MAX];
    struct ak_vkey vkey;
    enum ak_code rc;

    if (line->listen_count > 0 || line->value[AK_FLAG_POLICY] != NULL)
        return ak_fail(err, AK_EUSAGE,
                       "--init makes a witness and ends; --listen and --policy are for running it");
    rc = ak_witness_init(line->value[AK_FLAG_STATE], line->value[AK_FLAG_INIT], &vkey, err);
    if (rc != AK_OK)
        return rc;
    (void)ak_vkey_format(text, sizeof(text), &vkey);
    (void)printf("%s\n", text);
    return AK_OK;
}

static enum ak_code read_policy(const char *path, struct ak_policy **out, struct ak_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char *data = malloc(AK_POLICY_BYTES_MAX + 1);
    size_t len = 0;
    ssize_t n = 1;
    enum ak_code rc = AK_OK;

    if (fd < 0)
        rc = ak_fail_errno(err, errno, "--policy %s", path);
    else if (data == NULL)
        rc = ak_fail(err, AK_ENOMEM, "no memory for the policy");
    while (rc == AK_OK && n != 0 && len <= AK_POLICY_BYTES_MAX) {
        n = read(fd, data + len, AK_POLICY_BYTES_MAX + 1 - len);
        if (n > 0)
            len += (size_t)n;
        else if (n < 0 && errno != EINTR)
            rc = ak_fail_errno(err, errno, "--policy %s", path);
    }
    if (rc == AK_OK) {
        rc = ak_policy_parse(out, data, len, err);
        if (rc != AK_OK)
            ak_wrap(err, "--policy %s", path);
    }
    free(data);
    if (fd >= 0)
        (void)close(fd);
    return rc == AK_EMALFORMED || rc == AK_ELIMIT ? AK_EUSAGE : rc;
}

static enum ak_code take_listen(const struct ak_cmdline *line, struct ak_witness_options *options,
                                struct ak_error *err)
{
    if (line->listen_count > AK_WITNESS_LISTENERS_MAX)
        return ak_fail(err, AK_EUSAGE, "--listen: more than %u listeners",
                       AK_WITNESS_LISTENERS_MAX);
    for (size_t i = 0; i < line->listen_count; i++) {
        enum ak_code rc = ak_witness_url_parse(line->listen[i], &options->listen[i], err);
        if (rc != AK_OK)
            return rc;
    }
    options->listen_count = line->listen_count;
    options->tls_certificate = line->value[AK_FLAG_TLS_CERTIFICATE];
    options->tls_key = line->value[AK_FLAG_TLS_KEY];
    return AK_OK;
}

static enum ak_code run(const struct ak_cmdline *line, struct ak_error *err)
{
    static struct ak_witness_options options; /* 8 KiB that one process needs once */
    struct ak_policy *policy = NULL;
    struct ak_witness w;
    enum ak_code rc =
        ak_cmdline_need(line, AK_FLAG_BIT(AK_FLAG_LISTEN) | AK_FLAG_BIT(AK_FLAG_POLICY), err);

    if (rc == AK_OK)
        rc = take_listen(line, &options, err);
    if (rc == AK_OK)
        rc = read_policy(line->value[AK_FLAG_POLICY], &policy, err);
    if (rc == AK_OK)
        rc = ak_witness_open(&w, line->value[AK_FLAG_STATE], policy, err);
    ak_policy_free(policy);
    if (rc != AK_OK)
        return rc;
    rc = ak_witness_run(&w, &options, err);
    ak_witness_close(&w);
    return rc;
}

enum ak_code ak_cmd_witness(const struct ak_cmdline *line, struct ak_error *err)
{
    enum ak_code rc = ak_cmdline_need(line, AK_FLAG_BIT(AK_FLAG_STATE), err);

    if (rc != AK_OK)
        return rc;
    return line->value[AK_FLAG_INIT] != NULL ? make(line, err) : run(line, err);
}
