/* pattern_line.h - what the text of an expression says of its matches in a text of many lines.
 *
 * Both are read off the expression conservatively: where its words are not known here, nothing is
 * said, and that is always right. */
#ifndef AK_PATTERN_LINE_H
#define AK_PATTERN_LINE_H

#include <stdbool.h>
#include <stddef.h>

/* Whether no match of `pattern` holds a line feed, and whether there is one in a line hangs on that
 * line alone. So a place in a line of many is a match of that line by itself. False also where that
 * is not known. The pattern is one that the regex library takes, with `.` for all but line feeds
 * and ^ and $ for ends of lines. */
bool ak_pattern_in_line(const char *pattern);

/* Length of the front of `pattern` that matches in the same texts as all of it, though it may end
 * its matches earlier: without a last `+` ("[0-9]+"), and without a last `.*`. */
size_t ak_pattern_front(const char *pattern);

#endif
