/* conn_tell.c - the events of a connection: lost framing, a record that was not finished, records
 * that were not acknowledged, a certificate that is about to end. */
#include "conn_private.h"
#include "log.h"

#include <akashi/format.h>

void ak_conn_tell_expiring(struct ak_runlog *log, const char *side, const char *name, int64_t end,
                           const char *listener)
{
    struct ak_payload p;

    ak_payload_event(&p, "certificate-expiring", side);
    ak_payload_string(&p, "name", name);
    ak_payload_dec(&p, "until", end > 0 ? (uint64_t)end * AK_NS_PER_S : 0);
    ak_payload_string(&p, "listener", listener);
    ak_runlog_own(log, AK_KIND_EVENT, &p);
}

void ak_conn_fault(struct ak_conn *conn, const struct ak_frame *frame)
{
    struct ak_payload p;

    conn->faulty = conn->told = true;
    ak_payload_event(&p, "framing-error", "sender");
    if (frame->len > 0 && (conn->ordinal != 0 || ak_conn_declare(conn))) {
        size_t limit = conn->log->options.record_bytes_max;
        size_t len = frame->len < limit ? frame->len : limit;
        uint64_t index =
            ak_runlog_record(conn->log, conn->ordinal, AK_KIND_FRAGMENT, frame->data, len, NULL);
        ak_payload_dec(&p, "index", index);
    }
    if (conn->ordinal != 0)
        ak_payload_number(&p, "source", conn->ordinal);
    ak_payload_string(&p, "listener", conn->stream->intake.url);
    ak_payload_string(&p, "address", conn->address);
    ak_payload_string(&p, "reason", frame->reason);
    ak_payload_string(&p, "text", frame->text);
    ak_runlog_own(conn->log, AK_KIND_EVENT, &p);
    ak_log(AK_LOG_WARNING,
           "listener %s: %s: %s. What came before is kept; the connection is closed.",
           conn->stream->intake.url, conn->address, frame->text);
}

void ak_conn_tell_unfinished(struct ak_conn *conn, const struct ak_frame *frame)
{
    size_t limit = conn->log->options.record_bytes_max;
    size_t kept = frame->len < limit ? frame->len : limit;
    struct ak_payload p;
    uint64_t index;

    if (conn->ordinal == 0 && !ak_conn_declare(conn))
        return;
    index = ak_runlog_record(conn->log, conn->ordinal, AK_KIND_FRAGMENT, frame->data, kept, NULL);

    ak_payload_event(&p, "unfinished", "sender");
    ak_payload_number(&p, "source", conn->ordinal);
    ak_payload_dec(&p, "index", index);
    ak_payload_dec(&p, "kept", kept);
    ak_payload_string(&p, "listener", conn->stream->intake.url);
    if (conn->reason[0] != '\0')
        ak_payload_string(&p, "reason", conn->reason);
    ak_runlog_own(conn->log, AK_KIND_EVENT, &p);
}

void ak_conn_tell_unacknowledged(struct ak_conn *conn)
{
    uint64_t count = conn->protocol->waiting != NULL ? conn->protocol->waiting(conn) : 0;
    struct ak_payload p;

    if (count == 0 || conn->ordinal == 0 || conn->counted)
        return;
    conn->counted = true;
    ak_payload_event(&p, "connection-unacknowledged", "network");
    ak_payload_number(&p, "source", conn->ordinal);
    ak_payload_dec(&p, "count", count);
    ak_payload_string(&p, "listener", conn->stream->intake.url);
    ak_runlog_own(conn->log, AK_KIND_EVENT, &p);
}
