/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The field by which a sender chooses one of its assertion records: "BIMI-Selector: v=BIMI1; s=sel"
 * (draft-brand-indicators-for-message-identification, "BIMI-Selector Header"). Whether it may be
 * believed, which takes a DKIM signature over it, is the caller's to find out.
 */
#ifndef POLICY_BIMI_SELECTOR_H
#define POLICY_BIMI_SELECTOR_H

#include "lib/arena.h"
#include "lib/span.h"

#define BIMI_SELECTOR_DEFAULT "default"

enum { BIMI_SELECTOR_MAX = 63 }; /* characters that are accepted */

/* VALUE: after the colon, with its folds. In lower case; NULL: it is not valid. */
const char *bimi_selector_parse(struct arena *arena, struct span value);

#endif
