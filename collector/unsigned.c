/* unsigned.c - a log that cannot be signed goes on receiving: in itself, or in a successor.
 *
 *   1. Its keys are there and the store is not older than they are: it is signed as ever.
 *
 *   2. The log key or seed is not there (lost, a token unplugged, a file that others read), but
 *      what it signed last is known and is all here: the log goes on without signing. When the key
 *      is back the next start signs all of it.
 *
 *   3. Entries with these indices may exist elsewhere (the keys have signed more than is here, or
 *      are gone with all that they knew), or its keys are ended: the log must not grow. A successor
 *      that waits takes the records in (successor.h), and every start goes on in it until the
 *      operator gives `succeed`.
 *
 *   4. The disk is at fault, or the log so damaged that not even a root of it can be computed: it
 *      is not opened. */
#include "log.h"
#include "runlog.h"
#include "server.h"
#include "successor_process.h"

#include <stdio.h>
#include <string.h>

/* Codes of a log that cannot be signed; others are of the disk, of memory, of the caller. */
static bool cannot_be_signed(enum ak_code rc)
{
    return rc == AK_EKEY || rc == AK_EINTEGRITY || rc == AK_ENOTFOUND;
}

/* Where the keys are gone, or signed more than is here, there is one way on. */
static void tell_way_on(const struct ak_server *server, const struct ak_runlog_opening *opening,
                        enum ak_code rc, struct ak_error *err)
{
    bool revoked = ak_keys_are_revoked(server->store.keys_fd, opening->origin);
    struct ak_error told = *err;

    if (!cannot_be_signed(rc) || opening->origin[0] == '\0')
        return;
    (void)ak_fail(err, told.code, "%s; %sgo on with: akashi-collector succeed --store %s --log %s",
                  told.text, revoked ? "" : "if no good copy is left, ", server->config->store,
                  opening->options->name);
    err->sys_errno = told.sys_errno;
}

static enum ak_code open_successor(struct ak_server *server, struct ak_runlog_opening *opening,
                                   const char *cause, struct ak_runlog **out, struct ak_error *err)
{
    const char *name = opening->options->name;
    struct ak_error why = {0};
    enum ak_code rc;

    opening->cause = cause[0] != '\0' ? cause : "its successor waits";
    opening->succeeds = true;
    rc = ak_runlog_open_as(server, opening, out, &why);
    opening->origin[0] = '\0'; /* the way on is another one */
    if (rc == AK_OK || !cannot_be_signed(rc)) {
        *err = why;
        return rc;
    }
    return ak_fail(
        err, rc,
        "its successor %s" AK_STORE_NEXT ", which waits, cannot be opened: %s. Bring its "
        "directory in keys/ back; if that is lost, give its line in `names` another name "
        "and start: a new successor is opened",
        name, why.text);
}

/* Makes the successor and opens it; where that fails, the log stays closed for `why`. */
static enum ak_code succeed(struct ak_server *server, struct ak_runlog_opening *opening,
                            const struct ak_error *why, struct ak_runlog **out,
                            struct ak_error *err)
{
    const struct ak_successor_options options = {.store = &server->store,
                                                 .path = server->config->store,
                                                 .log = opening->options->name,
                                                 .cause = why->text,
                                                 .source = opening->options->source};
    struct ak_error failed = {0};
    enum ak_code rc = ak_successor_spawn(&options, &failed);

    if (rc == AK_OK)
        return open_successor(server, opening, why->text, out, err);
    return ak_fail(err, why->code, "%s; a successor that receives could not be made: %s", why->text,
                   failed.text);
}

/* The log was not opened to be signed, for `why`. */
static enum ak_code go_on(struct ak_server *server, struct ak_runlog_opening *opening,
                          struct ak_error *why, struct ak_runlog **out, struct ak_error *err)
{
    bool revoked = ak_keys_are_revoked(server->store.keys_fd, opening->origin);
    struct ak_error second = {0};
    enum ak_code rc = why->code;

    if (opening->at_keys && !revoked) {
        opening->cause = why->text;
        rc = ak_runlog_open_as(server, opening, out, &second);
        if (rc == AK_OK)
            return rc;
        /* What lies beside the keys says more than that the key is not there. */
        if (!opening->at_keys || !cannot_be_signed(rc))
            *why = second;
    }
    if (cannot_be_signed(rc) && server->manner == AK_UNSIGNED_SUCCEEDED)
        return succeed(server, opening, why, out, err);
    *err = *why;
    return rc;
}

enum ak_code ak_runlog_open(struct ak_server *server, const struct ak_runlog_options *options,
                            const struct ak_hash *configuration, struct ak_runlog **out,
                            struct ak_error *err)
{
    struct ak_runlog_opening opening = {.options = options, .configuration = configuration};
    struct ak_error why = {0};
    struct ak_error told = {0};
    struct ak_successor_mark mark;
    char id[AK_LOG_ID_CHARS + 1];
    enum ak_code rc = ak_successor_find(&server->store, options->name, id, &mark, NULL);

    if (rc == AK_OK && server->manner == AK_UNSIGNED_REFUSED)
        rc = ak_fail(&told, AK_EKEY,
                     "its successor waits: %s; go on with: akashi-collector succeed --store %s "
                     "--log %s",
                     mark.cause, server->config->store, options->name);
    else if (rc == AK_OK)
        rc = open_successor(server, &opening, mark.cause, out, &told);
    else
        rc = ak_runlog_open_as(server, &opening, out, &why);
    if (rc != AK_OK && why.code != AK_OK) {
        told = why;
        if (server->manner != AK_UNSIGNED_REFUSED && opening.origin[0] != '\0' &&
            (cannot_be_signed(rc) || (rc == AK_EIO && opening.at_keys)))
            rc = go_on(server, &opening, &why, out, &told);
    }
    if (rc == AK_OK)
        return AK_OK;
    tell_way_on(server, &opening, rc, &told);
    if (err != NULL)
        *err = told;
    ak_wrap(err, "log %s", options->name);
    return rc;
}
