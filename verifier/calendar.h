/* calendar.h - dates of the Gregorian calendar, in UTC. The C library would look at the environment
 * for them. */
#ifndef AK_CALENDAR_H
#define AK_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for "2026-11-24T05:17:27Z" and a NUL. */
#define AK_CALENDAR_TEXT_BYTES 21u

/* The last second of the year 9999. */
#define AK_CALENDAR_SECONDS_MAX UINT64_C(253402300799)

/* Days from 1970-01-01 to a date of a year from 1970 on. */
uint64_t ak_calendar_days(unsigned year, unsigned month, unsigned day);

void ak_calendar_date(uint64_t days, unsigned *year, unsigned *month, unsigned *day);

unsigned ak_calendar_days_of_month(unsigned year, unsigned month);

/* Writes seconds since 1970, at most AK_CALENDAR_SECONDS_MAX, as "2026-11-24T05:17:27Z". */
void ak_calendar_format(char out[AK_CALENDAR_TEXT_BYTES], uint64_t seconds);

/* Reads exactly that form, which need not be ended. */
bool ak_calendar_parse(const char *text, size_t len, uint64_t *seconds);

#endif
