/* page.c - fuzz target for viewer_page.c, which takes pages apart that anybody may have made, and
 * for html.c, which writes any bytes as text. Whatever the bytes are: text holds nothing that a
 * browser would act on, and data that were taken out of a page make that page again if it is said
 * to be of this release. */
#include "html.h"
#include "viewer_page.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_text(const uint8_t *data, size_t size)
{
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);

    if (file == NULL)
        return;
    ak_html_data(file, data, size);
    if (fclose(file) == 0) {
        for (size_t i = 0; i < len; i++) {
            unsigned char c = (unsigned char)text[i];
            if (c < 0x20 || c == 0x7f || c == '<' || c == '>' || c == '"' || c == '\'')
                abort();
        }
    }
    free(text);
}

static void check_again(const uint8_t *data, size_t size, const struct ak_viewer_parts *parts)
{
    char *page = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&page, &len);

    if (file == NULL)
        return;
    ak_viewer_write(file, parts->data, parts->data_len);
    if (fclose(file) == 0 && (len == size && memcmp(page, data, size) == 0) != parts->ours)
        abort();
    free(page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ak_viewer_parts parts;

    check_text(data, size);
    (void)ak_viewer_is_page(data, size);
    if (ak_viewer_take(data, size, &parts, NULL) != AK_OK)
        return 0;
    check_again(data, size, &parts);
    ak_viewer_parts_free(&parts);
    return 0;
}
