/* html.h - writing one self-contained page, in which bytes of the evidence are text and nothing
 * else.
 *
 * Whatever does not come from this program's own sources goes through ak_html_text or ak_html_data:
 * what acts on a terminal or turns the direction of text is escaped as akashi/escape.h says, then
 * what means something in markup becomes a character reference. Pages hold no script, no attribute
 * that runs one, and a Content-Security-Policy that lets nothing in but their own style. */
#ifndef AK_HTML_H
#define AK_HTML_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Text between tags or in a quoted attribute. */
void ak_html_text(FILE *file, const char *text);
void ak_html_data(FILE *file, const void *data, size_t len);

/* What is escaped for a terminal already (a label of source_table.h): markup only. */
void ak_html_plain(FILE *file, const char *text);

/* Bytes of the evidence as text of their own: direction of writing ends with them. */
void ak_html_foreign(FILE *file, const char *text);

/* `en`, and behind it `ja` marked as Japanese; both are ours. */
void ak_html_both(FILE *file, const char *en, const char *ja);

/* Heading of `level` 1 to 6 in both languages. */
void ak_html_heading(FILE *file, unsigned level, const char *en, const char *ja);

/* "2026-11-24 05:17:27 UTC" as a <time>; whole seconds are enough for eyes. */
void ak_html_time(FILE *file, uint64_t ns);

/* 'sha256-...' without the quotes: the source expression of one inline style or script. */
void ak_html_hash_source(FILE *file, const void *data, size_t len);

/* Everything up to and with <body>. `title` is ours or escaped by this; `running` stands at the
 * foot of every printed page, characters other than harmless ASCII become "?". */
void ak_html_begin(FILE *file, const char *title, const char *running);
void ak_html_end(FILE *file);

#endif
