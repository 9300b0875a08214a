/* cosign.c - fuzz target: the answers of a witness. The first byte chooses which. */
#include "cosign_answer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char note[] = "a.example/log\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n"
                           "\xe2\x80\x94 a.example/log AAAAAUFB\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ak_vkey witness = {.name = "w.example", .type = AK_VKEY_COSIGNATURE, .id = 0x01020304};
    struct ak_cosign_line line;
    struct ak_error err = {0};
    uint64_t number;

    if (size == 0)
        return 0;
    if (data[0] % 2 == 0) {
        if (ak_cosign_size(data + 1, size - 1, &number, &err) == AK_OK)
            assert(number <= INT64_MAX && data[size - 1] == '\n');
    } else if (ak_cosign_answer(note, sizeof(note) - 1, data + 1, size - 1, &witness, &line,
                                &err) == AK_OK) {
        assert(line.time != 0 && line.len < sizeof(line.text));
    }
    return 0;
}
