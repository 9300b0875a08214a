/* segment_data.h - the DATA frame as one Zstandard frame (format.md 6.4); for segment_block.c. */
#ifndef AK_SEGMENT_DATA_H
#define AK_SEGMENT_DATA_H

#include <akashi/error.h>

#include <stddef.h>
#include <stdint.h>
#include <zstd.h>

/* A decoder for one thread whose window is bounded as 6.4 says, or NULL. */
ZSTD_DCtx *ak_data_decoder_new(void);

/* Whether the header of the frame is as 6.4 says and the frame ends exactly where the bytes do
 * (R14). AK_EMALFORMED. */
enum ak_code ak_data_check(const uint8_t *data, size_t len, uint32_t text_bytes,
                           struct ak_error *err);

/* Decompresses the whole frame, checksum included (R15): AK_EINTEGRITY if the checksum does not
 * come out, AK_EMALFORMED if anything else does not, AK_ENOMEM. */
enum ak_code ak_data_decode(ZSTD_DCtx *decoder, uint8_t *text, uint32_t text_bytes,
                            const uint8_t *data, size_t len, struct ak_error *err);

/* Fills `text_bytes` of text with what can be had of a frame that did not decompress, the checksum
 * not looked at: what its Zstandard blocks give up to the first broken one, of that what it gave
 * before its fault, and behind it whatever the decoder left there, or zeros. */
void ak_data_salvage(ZSTD_DCtx *decoder, uint8_t *text, uint32_t text_bytes, const uint8_t *data,
                     size_t len);

#endif
