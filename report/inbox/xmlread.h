/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A report in XML as a row of events: lib/codec/markup, with limits, and without a document type.
 */
#ifndef REPORT_INBOX_XMLREAD_H
#define REPORT_INBOX_XMLREAD_H

#include "lib/why.h"
#include "report/inbox/feed.h"

/* Names are local ones, without a namespace's prefix; an element of another namespace than the
 * root's is left out with all in it, unless that is DMARC's. TEXT comes in one or several pieces. A
 * value other than 0 ends the reading. */
struct xmlread_events {
	int (*open)(void *arg, const char *name);
	int (*text)(void *arg, struct span text);
	int (*close)(void *arg);
};

enum xmlread_result {
	XMLREAD_DONE,
	XMLREAD_ENDED,  /* by an event */
	XMLREAD_BROKEN, /* not well-formed; WHY says where first. Events up to there were told */
	XMLREAD_REFUSED /* a document type, too many levels, or FROM failed */
};

/* RECOVER: goes on where an end tag is missing or a character is wrong, to the end; BROKEN then
 * says that something was. An end tag that fits no open element closes the innermost. */
enum xmlread_result xmlread_walk(struct feed *from, bool recover,
				 const struct xmlread_events *events, void *arg, struct why *why);

#endif
