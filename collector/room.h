/* room.h - room on the disk for one log: its share, the warning lines, and the reserve that is
 * kept so that the events of a full disk can still be written. Loop thread only. */
#ifndef AK_ROOM_H
#define AK_ROOM_H

#include "runlog.h"

/* Counts all that lies in the log's directory, when it is opened. */
void ak_room_count(struct ak_runlog *log);

/* Once a second: counts what others put beside the log or took away, when it is time to look. */
void ak_room_look(struct ak_runlog *log);

/* Lays the reserve aside: a file of the configured size in tmp/, of real blocks. A disk too full
 * for it is full. */
void ak_room_begin(struct ak_runlog *log);

/* A write found no room: the reserve is given up for what is under way, and nothing more is
 * accepted. */
void ak_room_exhausted(struct ak_runlog *log);

/* After each commit: a log that used up its share is full at once. */
void ak_room_committed(struct ak_runlog *log);

/* Files that lie beside the segments (what witnesses and time-stamping authorities said) were
 * written or removed: they are of the log's share too. */
void ak_room_beside(struct ak_runlog *log, uint64_t written, uint64_t removed);

/* An orderly stop: if there is no room now, that is told while it can be. */
void ak_room_stop(struct ak_runlog *log);

/* Once a second: warning lines, share, and whether there is room again. */
void ak_room_tick(struct ak_runlog *log);

/* The reserve is given back to the disk. */
void ak_room_end(struct ak_runlog *log);

/* For the status: bytes free on the disk of the log, and bytes its share still allows
 * (UINT64_MAX: no bound). */
void ak_room_left(const struct ak_runlog *log, uint64_t *disk, uint64_t *share);

#endif
