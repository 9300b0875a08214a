/* viewer_files.h - the files of viewer/ as the build put them into the program: what the pages of
 * `report` are made of. A NUL that is not counted stands behind each. */
#ifndef AK_VIEWER_FILES_H
#define AK_VIEWER_FILES_H

#include <stddef.h>

extern const unsigned char ak_viewer_page_css[]; /* the style of all pages */
extern const size_t ak_viewer_page_css_bytes;
extern const unsigned char ak_viewer_html[]; /* the page around a bundle, with @NAMES@ to fill in */
extern const size_t ak_viewer_html_bytes;
extern const unsigned char ak_viewer_script[]; /* all scripts, one behind the other */
extern const size_t ak_viewer_script_bytes;

#endif
