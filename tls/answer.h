/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A decision as Postfix reads it from smtp_tls_policy_maps (postconf(5)), over the socketmap
 * protocol (socketmap_table(5)).
 *
 * Postfix defers mail for a destination when an answer has one attribute that it does not know, so
 * that there are two maps: "policy" for every version from 3.4, and "policy310", which has the
 * attributes for TLS-RPT and is for 3.10 and later.
 */
#ifndef TLS_ANSWER_H
#define TLS_ANSWER_H

#include "lib/buf.h"
#include "tls/level.h"

enum answer_map { ANSWER_POLICY, ANSWER_POLICY_310, ANSWER_MAPS };
extern const struct name_code answer_map_names[]; /* "policy" "policy310" */

/* The longest answer, with its "OK ". */
enum { ANSWER_MAX = 32768 };

/* "OK dane-only", "OK secure match=mx.example.com servername=hostname", "NOTFOUND ", "TEMP why":
 * at most ANSWER_MAX bytes. */
void answer_write(struct buf *out, const struct level *level, enum answer_map map);

/* ---- the protocol ---- */

enum { SOCKETMAP_REQUEST_MAX = 10000, SOCKETMAP_PREFIX_MAX = 6 /* "10000:" */ };

enum socketmap_state { SOCKETMAP_COMPLETE, SOCKETMAP_MORE, SOCKETMAP_BAD };

struct socketmap_request {
	struct span map, key; /* borrowed from the text */
	size_t length;        /* of the whole request */
};

/* A request at the beginning of TEXT: the netstring of "map SP key". MORE: it is not complete yet;
 * BAD: it cannot become one. */
enum socketmap_state socketmap_parse(struct span text, struct socketmap_request *request);

void socketmap_write(struct buf *out, struct span answer);

#endif
