/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values of attributes of a logo, as far as lists of words (bimi/profile.h) cannot say what is
 * allowed.
 */
#ifndef BIMI_VALUE_H
#define BIMI_VALUE_H

#include <stdbool.h>

#include "lib/span.h"

/* Whether VALUE refers to something outside of the file: url() of other than "#ID". */
bool value_leaves_file(const char *value);

/* Whether VALUE, a property as CSS reads it, does so or may: an escape, which could spell "url", or
 * another function than those of colours. */
bool value_leaves_file_as_css(const char *value);

bool value_is_name(struct span text);         /* of an element: NCName, as far as it is ASCII */
bool value_is_token_list(struct span text);   /* NMTOKENS */
bool value_is_aspect_ratio(struct span text); /* of preserveAspectRatio */

#endif
