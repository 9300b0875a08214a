/* encode_frame.h - beginning and end of a frame; for the encoder's own files. */
#ifndef AK_ENCODE_FRAME_H
#define AK_ENCODE_FRAME_H

#include "encode.h"

/* Begins a frame and gives its place in the sink, for ak_frame_end. */
size_t ak_frame_begin(struct ak_sink *sink, uint32_t magic);
size_t ak_frame_begin_ours(struct ak_sink *sink, uint8_t type);

/* Writes the length of the content. AK_ELIMIT if it is over `max` or did not fit. */
enum ak_code ak_frame_end(struct ak_sink *sink, size_t start, size_t max, const char *name,
                          struct ak_error *err);

#endif
