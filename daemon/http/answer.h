/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the page server answers: a target (report/page/path.h) becomes a page or its JSON.
 */
#ifndef DAEMON_HTTP_ANSWER_H
#define DAEMON_HTTP_ANSWER_H

#include "context/site.h"
#include "daemon/http/http.h"

/* Of one thread; CONF and SITE are borrowed. */
struct answering {
	const struct conf *conf;
	struct site *site;
};

void answer_request(struct answering *answering, const struct http_request *request,
		    struct http_reply *reply);

#endif
