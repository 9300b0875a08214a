/* relp.c - a RELP session of hostile bytes: every byte is accounted for, how reads cut the stream
 * changes nothing, and each record that was taken is answered once, in order, and nothing else is.
 *
 * The first byte of an input chooses the record limit, the second one how to cut and how many
 * records become durable at a time. */
#include "../unit/frames.h"
#include "relp_window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *wrong)
{
    if (wrong == NULL)
        return;
    (void)fprintf(stderr, "relp: %s\n", wrong);
    abort();
}

/* What the answers must be, worked out from the frames alone. */
struct answers {
    char *want; /* of records only */
    size_t want_len;
    char *got; /* all */
    size_t got_len;
};

static void answers_read(struct ak_relp_window *w, struct answers *a)
{
    size_t n;

    do {
        a->got = realloc(a->got, a->got_len + AK_RELP_ANSWER_MAX + 1);
        if (a->got == NULL)
            abort();
        n = ak_relp_window_output(w, (uint8_t *)a->got + a->got_len, AK_RELP_ANSWER_MAX);
        a->got_len += n;
        a->got[a->got_len] = '\0';
    } while (n > 0);
}

static void answers_expect(struct answers *a, uint32_t txnr)
{
    a->want = realloc(a->want, a->want_len + AK_RELP_ANSWER_MAX);
    if (a->want == NULL)
        abort();
    a->want_len += (size_t)sprintf(a->want + a->want_len, "%u rsp 6 200 OK\n", txnr);
}

/* Takes the answer to open from the front, those of close from the end. */
static void answers_check(const struct answers *a, bool opened, bool closed)
{
    size_t from = 0;
    size_t to = a->got_len;

    if (opened) {
        const char *end = strstr(a->got, "commands=syslog\n");

        if (end == NULL)
            end = strstr(a->got, "not a number\n");
        check(end == NULL ? "open is not answered" : NULL);
        from = (size_t)(strchr(strchr(end, 'n'), '\n') - a->got) + 1;
    }
    if (closed) {
        const char *end = strstr(a->got, " rsp 0\n0 serverclose 0\n");

        check(end == NULL ? "close is not answered" : NULL);
        to = (size_t)(end - a->got);
        while (to > from && a->got[to - 1] != '\n')
            to--;
    }
    check(to - from != a->want_len ? "other answers than records" : NULL);
    if (a->want_len > 0)
        check(memcmp(a->got + from, a->want, a->want_len) != 0 ? "answers out of order" : NULL);
}

static void run_session(const struct frames *frames, uint8_t pace)
{
    struct answers answers = {0};
    struct ak_relp_window w;
    bool opened = false;

    ak_relp_window_init(&w);
    for (size_t i = 0; i < frames->count; i++) {
        struct ak_frame frame = frames->item[i].frame;
        enum ak_relp_verdict verdict;

        if (frame.kind != AK_FRAME_RECORD && frame.kind != AK_FRAME_CUT)
            break;
        verdict = ak_relp_window_take(&w, &frame);
        opened = opened || w.state == AK_RELP_OPEN || w.refuse_open;
        if (verdict == AK_RELP_ERROR)
            break;
        if (verdict == AK_RELP_RECORD)
            answers_expect(&answers, frame.txnr);
        if (i % ((size_t)pace + 1) == 0) {
            ak_relp_window_durable(&w, ak_relp_window_waiting(&w));
            answers_read(&w, &answers);
        }
    }
    ak_relp_window_durable(&w, ak_relp_window_waiting(&w));
    answers_read(&w, &answers);
    /* What comes behind a close that was answered is an error as well. */
    answers_check(&answers, opened,
                  w.state == AK_RELP_CLOSED || strstr(answers.got, " serverclose ") != NULL);
    check(ak_relp_window_waiting(&w) != 0 ? "records wait for ever" : NULL);
    free(answers.want);
    free(answers.got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t limits[] = {1, 16, 100, 262144};
    struct frames_setup setup = {.relp = true};
    struct frames whole;
    struct frames parts;

    if (size < 2)
        return 0;
    setup.limit = limits[data[0] % 4];
    frames_divide(&setup, data + 2, size - 2, &(struct frames_cuts){0}, &whole);
    check(frames_account(&setup, &whole, data + 2, size - 2));

    frames_divide(&setup, data + 2, size - 2, &(struct frames_cuts){.every = 1}, &parts);
    check(frames_differ(&whole, &parts));
    frames_free(&parts);
    frames_divide(&setup, data + 2, size - 2,
                  &(struct frames_cuts){0, (size_t)data[1] + 1, (uint32_t)data[1] + 1, true},
                  &parts);
    check(frames_differ(&whole, &parts));
    frames_free(&parts);
    run_session(&whole, data[1] % 5);
    frames_free(&whole);
    return 0;
}
