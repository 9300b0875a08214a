/* expect.h - sources that the operator expects to hear of, also those that never sent anything.
 * Loop thread only. */
#ifndef AK_EXPECT_H
#define AK_EXPECT_H

#include "config.h"
#include "runlog.h"

/* One of them, as far as it has been heard of. */
struct ak_expected {
    const struct ak_config_expected *config; /* of the configuration in force */
    uint32_t ordinal;                        /* 0: not heard of yet */
    bool told;                               /* a `silence` event stands for it */
};

/* Takes over what the configuration expects; what the log knows already counts as heard of. Also
 * sets after which time each source counts as silent. */
void ak_runlog_expect(struct ak_runlog *log, const struct ak_config_log *config);

/* A sender has shown who it is: is it one that is expected? Called when its source is looked up,
 * not for each record. */
void ak_runlog_heard(struct ak_runlog *log, uint32_t ordinal, const struct sockaddr *peer,
                     const char *const *names, size_t name_count);

/* Once a second: events `silence` for those that were never heard of. */
void ak_runlog_expect_tick(struct ak_runlog *log);

void ak_runlog_expect_free(struct ak_runlog *log);

#endif
