/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which page is asked for by the target of an HTTP request (RFC 9112 section 3.2.1), which is
 * hostile. JSON has the same paths.
 *
 *     /                            all domains
 *     /domain/DOMAIN               a domain and those below it
 *     /domain/DOMAIN/source/NAME   one source of mail in its name
 *     /reports                     received reports: domain=, failing=1, page=
 *     /report/ID                   one of them: page=
 *     /messages                    the log of messages: page=, before=, and the keys of its fields
 *
 * since=30d stands for the last 30 days (1d to 400d) wherever there are days; format=json asks for
 * JSON. A parameter comes once, and none but these is taken.
 */
#ifndef REPORT_PAGE_PATH_H
#define REPORT_PAGE_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

enum {
	PATH_TARGET_MAX = 4096,
	PATH_VALUE_MAX = 512,
	PATH_PAGE_MAX = 1000,
	PATH_WANTED_MAX = 15,
	PATH_DAYS = 30
};

enum path_kind {
	PATH_HOME,
	PATH_DOMAIN,
	PATH_SOURCE,
	PATH_REPORTS,
	PATH_REPORT,
	PATH_MESSAGES,
	PATH_KINDS
};

/* Texts live in the arena; they are UTF-8 without control characters. */
struct path_request {
	enum path_kind kind;
	const char *domain; /* valid, in ASCII; NULL: any */
	const char *name;   /* of the source; the report's id */
	const char *root;   /* from here to "/": "", "../" ... */
	unsigned days;
	unsigned page; /* from 1 on */
	bool json, failing;
	int64_t before; /* wall seconds; 0: now */
	struct {
		const char *key, *value;
	} wanted[PATH_WANTED_MAX];
	unsigned wanted_count;
};

/* The keys of the log of messages that may be asked for; ends with NULL. */
extern const char *const path_message_keys[];

/* The HTTP status: 200; 404: there is no such page; 400: the target is faulty. WHY says what. */
unsigned path_parse(struct span target, struct arena *arena, struct path_request *request,
		    struct why *why);

#endif
