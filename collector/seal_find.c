/* seal_find.c - what a start finds to do: open segments to seal, sealed ones without a manifest.
 *
 * The open file is the durable sign that something is left: it goes only when the manifest of the
 * sealed one is in the log. The newest sealed segments may lack one without an open file: an
 * orderly stop seals and removes, and the next process writes the manifest, if it lives so long. */
#include "seal_private.h"

#include "store_list.h"

#include <json.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Length of the open file of the same segment, or 0. */
static uint64_t open_length(int log_dir_fd, uint64_t first)
{
    char name[AK_FILE_NAME_BYTES];
    struct stat st;

    (void)snprintf(name, sizeof(name), "%020" PRIu64 ".open.zst", first);
    return fstatat(log_dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)st.st_size : 0;
}

enum ak_code ak_seal_describe(const struct ak_seal_log *log, struct ak_seal_memory *memory,
                              const struct ak_segment_file *file, struct ak_sealed *sealed,
                              struct ak_error *err)
{
    struct ak_positions positions;
    struct ak_footer footer;
    struct ak_frame frame;
    uint64_t bytes;
    int fd;
    enum ak_code rc = ak_list_open_file(log->log_dir_fd, file->name, &fd, &bytes, err);

    if (rc != AK_OK)
        return rc;
    memset(sealed, 0, sizeof(*sealed));
    rc = ak_positions_init(&positions, err);
    if (rc == AK_OK)
        rc = ak_segment_head_read(fd, log->origin, &memory->head, err);
    if (rc == AK_OK)
        rc = ak_segment_footer_frame(fd, file->footer_at, &frame, err);
    if (rc == AK_OK)
        rc = ak_footer_check(&footer, fd, &frame, NULL, NULL, NULL, NULL, err);
    if (rc == AK_OK)
        rc = ak_range_root(&footer.range, &sealed->root, err);
    if (rc == AK_OK)
        rc = ak_segment_positions(fd, file->footer_at, &positions, err);
    if (rc == AK_OK)
        rc = ak_list_sha512(fd, bytes, sealed->sha512, err);
    (void)close(fd);
    if (rc == AK_OK) {
        sealed->first = file->first;
        sealed->end = file->end;
        sealed->generation = file->generation;
        (void)snprintf(sealed->file, sizeof(sealed->file), "%s", file->name);
        sealed->bytes = bytes;
        sealed->open_bytes = open_length(log->log_dir_fd, file->first);
        sealed->header = memory->head.digest;
        sealed->frames = footer.frames;
        ak_positions_root(&positions, &sealed->positions);
    } else {
        ak_wrap(err, "%s", file->name);
    }
    ak_positions_free(&positions);
    return rc;
}

/* Whether this payload is the manifest of a file. */
static bool speaks_of(const struct ak_payload *payload, const char *name)
{
    const char *file;
    json_t *object;
    bool yes;

    if (payload->p == NULL || ak_json_parse(payload->p, payload->len, &object, NULL) != AK_OK)
        return false;
    yes = ak_json_string(object, "file", &file, NULL) == AK_OK && strcmp(file, name) == 0;
    json_decref(object);
    return yes;
}

/* Whether a manifest of `name` is in the block whose COLUMNS are in memory. */
static bool in_block(struct ak_seal_memory *memory, int fd, uint64_t data_at, const char *name)
{
    struct ak_block_reader *reader = &memory->reader;
    bool any = false;

    for (uint32_t i = 0; i < reader->columns->run_count; i++)
        any = any || reader->columns->run[i].kind == AK_KIND_MANIFEST;
    if (!any || ak_block_reader_data(reader, fd, data_at, NULL) != AK_OK)
        return false;
    for (uint32_t i = 0; i < reader->columns->count; i++) {
        if (reader->block->entry[i].kind == AK_KIND_MANIFEST &&
            speaks_of(&reader->block->payload[i], name))
            return true;
    }
    return false;
}

/* Whether a segment holds a manifest of `name`. */
static bool in_file(const struct ak_seal_log *log, struct ak_seal_memory *memory,
                    const struct ak_segment_file *file, const char *name)
{
    struct ak_frame_walk walk;
    struct ak_frame frame;
    bool found = false;
    int fd;

    if (ak_segment_file_open(log->log_dir_fd, file->name, &fd, NULL) != AK_OK)
        return false;
    if (ak_frame_walk_begin(&walk, fd, NULL) == AK_OK) {
        while (!found && ak_frame_next(&walk, &frame, NULL) == AK_OK &&
               frame.type != AK_FRAME_END && frame.type != AK_FRAME_TORN) {
            if (frame.type == AK_FRAME_COLUMNS &&
                ak_block_reader_columns(&memory->reader, fd, &frame, NULL) == AK_OK)
                found = in_block(memory, fd, frame.offset + frame.bytes, name);
        }
    }
    (void)close(fd);
    return found;
}

bool ak_seal_told(const struct ak_seal_log *log, struct ak_seal_memory *memory,
                  const struct ak_segment_files *files, size_t me, uint64_t size)
{
    for (size_t i = me + 1; i < files->count && files->file[i].first < size; i++) {
        if (in_file(log, memory, &files->file[i], files->file[me].name))
            return true;
    }
    return false;
}

/* A sealed segment of which no manifest speaks. */
static enum ak_code tell_sealed(const struct ak_seal_log *log, struct ak_seal_memory *memory,
                                const struct ak_segment_file *file, ak_seal_find_fn on_found,
                                void *ctx, struct ak_error *err)
{
    struct ak_sealed sealed;
    enum ak_code rc = ak_seal_describe(log, memory, file, &sealed, err);

    if (rc == AK_OK)
        on_found(ctx, file->first, file->end, &sealed);
    return rc;
}

/* From where on sealed segments without an open file may lack their manifest: processes that ended
 * before they came to it left them, one behind the other. */
static size_t untold_from(const struct ak_seal_log *log, struct ak_seal_memory *memory,
                          const struct ak_segment_files *files, uint64_t size)
{
    size_t from = files->count;

    for (size_t i = files->count; i > 0; i--) {
        const struct ak_segment_file *file = &files->file[i - 1];
        if (!file->sealed || file->twin || file->generation > 0 || file->first >= size)
            continue; /* a later generation is told of by the order behind it (erase.c) */
        if (ak_seal_told(log, memory, files, i - 1, size))
            break;
        from = i - 1;
    }
    return from;
}

static enum ak_code remove_open(const struct ak_seal_log *log, uint64_t first, uint64_t *removed,
                                struct ak_error *err)
{
    uint64_t bytes = open_length(log->log_dir_fd, first);
    enum ak_code rc = ak_seal_remove(log, first, err);

    if (rc == AK_OK)
        *removed += bytes;
    return rc;
}

enum ak_code ak_seal_find(const struct ak_seal_log *log, struct ak_seal_memory *memory,
                          uint64_t size, ak_seal_find_fn on_found, void *ctx, uint64_t *removed,
                          struct ak_error *err)
{
    struct ak_segment_files files;
    size_t from;
    enum ak_code rc = ak_segment_files_list(log->log_dir_fd, &files, err);

    *removed = 0;
    if (rc != AK_OK)
        return rc;
    from = untold_from(log, memory, &files, size);
    for (size_t i = 0; i < files.count && files.file[i].first < size && rc == AK_OK; i++) {
        const struct ak_segment_file *file = &files.file[i];
        rc = ak_seal_may_go_on(memory, err);
        if (rc != AK_OK)
            break;
        if (!file->sealed)
            on_found(ctx, file->first, file->end != 0 && file->end < size ? file->end : size, NULL);
        else if (file->twin && ak_seal_told(log, memory, &files, i, size))
            rc = remove_open(log, file->first, removed, err);
        else if (file->generation == 0 && (file->twin || i >= from))
            rc = tell_sealed(log, memory, file, on_found, ctx, err);
    }
    ak_segment_files_free(&files);
    return rc;
}
