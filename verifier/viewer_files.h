/* viewer_files.h - the files of viewer/ as the build put them into the program: what the pages of
 * `report` are made of. A NUL that is not counted stands behind each. */
#ifndef AK_VIEWER_FILES_H
#define AK_VIEWER_FILES_H

#include <stddef.h>

extern const unsigned char ak_viewer_page_css[];
extern const size_t ak_viewer_page_css_bytes;

#endif
