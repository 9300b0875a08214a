/* clock.h - the only module that tells the time. Tests replace the clock here. */
#ifndef AK_CLOCK_H
#define AK_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Wall clock, ns since 1970, cut to whole microseconds (format.md 3, R4). */
uint64_t ak_clock_wall(void);

/* Nanoseconds since boot, sleep included; never falls. For deadlines and for telling clock steps.
 */
uint64_t ak_clock_boottime(void);

/* The machine's boot id (36 characters), or "unknown". */
const char *ak_clock_boot_id(void);

/* Synchronisation state of the kernel's clock (adjtimex). */
struct ak_clock_sync {
    bool synchronized;
    uint64_t max_error_us;
    int64_t offset_ns;
};
void ak_clock_sync(struct ak_clock_sync *sync);

/* "2026-11-24T05:17:27Z" of ns since 1970 into 21 bytes or more. */
void ak_clock_text(uint64_t ns, char *out, unsigned cap);

/* Tests: the wall clock shall give `ns` from now on (0: the real one again). */
void ak_clock_set(uint64_t ns);

#endif
