/* format.h - the numbers of docs/format.md that reader and writer share. No code. */
#ifndef AKASHI_FORMAT_H
#define AKASHI_FORMAT_H

/* Kinds of entries (3.1). Kinds 0 and 7 were received, all others are the log's own. */
#define AK_KIND_RECORD         0u
#define AK_KIND_SOURCE         1u
#define AK_KIND_MANIFEST       2u
#define AK_KIND_EVENT          3u
#define AK_KIND_EPOCH          4u
#define AK_KIND_ORDER          5u
#define AK_KIND_ANCHOR         6u
#define AK_KIND_FRAGMENT       7u
#define AK_KIND_STATE          8u
#define AK_KIND_CRITICAL_FIRST 128u /* a reader that does not know one may claim little */

/* Entry (3) and numbering (3.2). */
#define AK_ENTRY_BYTES     54u
#define AK_FORM_WHOLE      1u       /* commitment to the whole payload */
#define AK_FORM_PARTS      2u       /* commitment by parts */
#define AK_SOURCE_FIRST    256u     /* ordinal of the first declared source */
#define AK_DECLARED_MAX    1048576u /* 11: the table of positions stays in memory */
#define AK_SEQ_MAX         ((UINT64_C(1) << 48) - 1)
#define AK_TIME_UNIT       1000u /* ns: `received` is a multiple of it (R4) */
#define AK_GROUP_ENTRIES   256u  /* entries of a group (1) */
#define AK_GROUP_LEVEL     8u    /* level of a group's node */
#define AK_SALT_BYTES      16u
#define AK_GROUP_KEY_BYTES 32u

/* Commitment by parts (3.4, form 2). */
#define AK_PART_BYTES_MIN   4u /* only the last part of a payload has fewer */
#define AK_PART_BYTES_MAX   38u
#define AK_RECORD_KEY_BYTES 32u
#define AK_PARTS_MAX        262144u /* of the longest payload, if each has the fewest bytes */

/* First byte of what is hashed (1). */
#define AK_HASH_PAYLOAD  0x02u
#define AK_HASH_PART     0x03u
#define AK_HASH_PARTS    0x04u
#define AK_HASH_SALT     0x05u
#define AK_HASH_KEY      0x06u
#define AK_HASH_PARTSALT 0x07u

/* Frames (6.1). The magics are little-endian in the file, as all of Zstandard's numbers. */
#define AK_FRAME_MAGIC       0x184D2A5Au
#define AK_SEEK_MAGIC        0x184D2A5Eu
#define AK_SEEK_FOOTER_MAGIC 0x8F92EAB1u
#define AK_DATA_MAGIC        0xFD2FB528u
#define AK_FRAME_HEAD_BYTES  8u /* magic and length */
#define AK_FRAME_VERSION     1u

#define AK_FRAME_HEADER  1u
#define AK_FRAME_COLUMNS 2u
#define AK_FRAME_MARK    3u
#define AK_FRAME_NOTE    4u
#define AK_FRAME_FOOTER  5u

/* Longest contents (6.1): bounded before anything is allocated. */
#define AK_HEADER_BYTES_MAX     131072u
#define AK_COLUMNS_BYTES_MAX    2097152u
#define AK_MARK_BYTES_MAX       4096u
#define AK_NOTE_FRAME_BYTES_MAX 65538u
#define AK_FOOTER_BYTES_MAX     1073741824u

/* Limits (11). */
#define AK_BLOCK_TEXT_MAX        1048576u /* bytes of a block's text */
#define AK_BLOCK_ENTRIES_MAX     8192u
#define AK_BLOCK_GROUPS_MAX      (AK_BLOCK_ENTRIES_MAX / AK_GROUP_ENTRIES + 1u)
#define AK_PAYLOAD_BYTES_MAX     1048575u
#define AK_DATA_BYTES_MAX        1114112u
#define AK_DATA_WINDOW_MAX       8388608u /* 6.4 */
#define AK_OWN_PAYLOAD_BYTES_MAX 65536u
#define AK_EPOCH_NOTE_BYTES_MAX  16384u /* 5.2 */
#define AK_SEGMENT_BYTES_MAX     (UINT64_C(1) << 40)
#define AK_LOG_ORIGIN_BYTES_MAX  200u /* 2: names of epoch keys stay below 255 */
#define AK_LOG_ID_CHARS          32u
#define AK_EPOCHS_MAX            1048576u /* 5.1 */

/* States of an entry's payload (6.3.4). */
#define AK_STATE_PRESENT   0u
#define AK_STATE_ERASED    1u
#define AK_STATE_ENCRYPTED 2u
#define AK_STATE_EXPIRED   3u

/* How a block gives the salts of a group (6.3.5). */
#define AK_KEYS_GROUP 0u /* the group key */
#define AK_KEYS_SALTS 1u /* a salt for each present entry */

/* Bit of `kinds` in the footer's list of blocks that stands for all kinds from 15 on (6.7). */
#define AK_KINDS_OTHER_BIT 15u

#endif
