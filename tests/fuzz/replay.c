/* replay.c - runs a fuzz target over every file of a corpus folder, as an ordinary test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *folder, const char *name)
{
    char path[4096];
    FILE *file;
    uint8_t *data;
    long size;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        return -1;
    size = ftell(file);
    rewind(file);
    data = malloc((size_t)size + 1); /* exact size for the target, so ASan sees any overrun */
    if (data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size)
        abort();
    (void)fclose(file);
    data = realloc(data, size > 0 ? (size_t)size : 1);
    (void)LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    struct dirent *entry;
    unsigned count = 0;
    DIR *dir;

    if (argc != 2 || (dir = opendir(argv[1])) == NULL) {
        (void)fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 2;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (replay_file(argv[1], entry->d_name) != 0)
            return 1;
        count++;
    }
    (void)closedir(dir);
    (void)printf("%u inputs replayed\n", count);
    return count > 0 ? 0 : 1;
}
