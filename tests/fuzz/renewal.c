/* renewal.c - lists of renewals from hostile bytes: what is taken is exactly what would be written
 * of it. */
#include <akashi/renewal.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[AK_RENEWAL_LINE_BYTES_MAX + 1];
    char head[1024];
    char before[AK_RENEWAL_NAME_BYTES] = "";
    struct ak_renewal renewal;
    struct ak_renewal_file file;
    struct ak_error err = {0};
    size_t count = 0;
    size_t offset;
    size_t at = 0;
    size_t n;

    if (ak_renewal_parse(&renewal, (const char *)data, size, &err) != AK_OK) {
        check(err.text[0] != '\0');
        return 0;
    }
    offset = ak_renewal_write_head(head, sizeof(head), renewal.origin, renewal.size);
    check(offset > 0 && offset <= size && memcmp(head, data, offset) == 0);
    while (ak_renewal_next(&renewal, &at, &file)) {
        check(strchr(file.name, '/') == NULL && strcmp(before, file.name) < 0);
        n = ak_renewal_write_line(line, sizeof(line), &file);
        check(n > 0 && n <= size - offset && memcmp(line, data + offset, n) == 0);
        offset += n;
        memcpy(before, file.name, sizeof(before));
        count++;
    }
    check(offset == size && count == renewal.count && count > 0);
    return 0;
}
