/* status.h - what a running collector says of itself: one JSON object, and the same for people.
 *
 *   version, pid, since, now          of the process; times are RFC 3339, UTC
 *   store, config                     paths; config is null for options of the command line
 *   batches {made, max, free}         memory of records on their way to the disk
 *   partial_frames {used, max}        memory of unfinished records, bytes
 *   listeners [{url, ...}]            see listener.h
 *   logs [{name, origin, id, durable, signed, records, fragments, bytes, acknowledged, commits,
 *          udp_dropped, disk_bytes, share, full_since, write_failed, back_pressure_since,
 *          unsigned_ms, segment {first, bytes, age_ms}, sources, silent, silent_sources [..]}]
 *
 * `durable` and `signed` are sizes of the log in entries; `records`, `fragments`, `bytes`,
 * `acknowledged`, `commits` and `udp_dropped` count since the start of the process. */
#ifndef AK_STATUS_H
#define AK_STATUS_H

#include <jansson.h>
#include <stdio.h>

struct ak_server;

#define AK_STATUS_SILENT_MAX 100u /* silent sources that are named; all are counted */

/* A new reference, or NULL without memory. Loop thread. */
json_t *ak_status_json(const struct ak_server *server);

#endif
