/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libopendkim's verifier, with an adapter for its peculiarities. It is handed only what our own
 * parsers have accepted (policy/dkim/signature.h, policy/dkim/key.h), it never asks DNS, and what
 * it says of a signature is one of a few outcomes.
 */
#ifndef POLICY_DKIM_OPENDKIM_H
#define POLICY_DKIM_OPENDKIM_H

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"
#include "policy/dkim/engine.h"

/* The library's handle: one for the process, shared by all threads. */
struct dkimlib;

struct dkimlib *dkimlib_new(struct why *why);
void dkimlib_free(struct dkimlib *lib); /* NULL is OK; no run may be left */

/* One pass over one message with one or more signatures. Released with its arena. */
struct dkimlib_run;

enum {
	DKIMLIB_SIGNATURES_MAX = 100, /* in one run */
	DKIMLIB_RECORD_MAX = 1024,    /* bytes of a key record's text */
	DKIMLIB_EPOCH = 1000000000    /* a t= or an x= before that is not understood */
};

struct dkimlib_run *dkimlib_run_new(struct dkimlib *lib, struct arena *arena);

/*
 * FIELD: "Name:value", folds as CRLF, no CRLF at the end. In the message's order; the signatures
 * of the run are its DKIM-Signature fields, numbered from 0 as they come.
 */
void dkimlib_field(struct dkimlib_run *run, struct span field);
void dkimlib_end_of_header(struct dkimlib_run *run);
bool dkimlib_sees(const struct dkimlib_run *run, unsigned signatures); /* or is broken */

/* Lines end with CRLF, the last one too; may be split anywhere. */
void dkimlib_body(struct dkimlib_run *run, struct span chunk);

/* The key of signature INDEX, a record's text; a signature without one is not verified. */
void dkimlib_key(struct dkimlib_run *run, unsigned index, const char *record);
void dkimlib_end_of_body(struct dkimlib_run *run);

/* Of a signature with a key; never DKIMENGINE_OPEN. TEXT: what the library calls it (constant). */
enum dkimengine_result dkimlib_result(const struct dkimlib_run *run, unsigned index,
				      const char **text);

#endif
