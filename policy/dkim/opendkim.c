/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ways of libopendkim that this file answers (2.11 beta 2 and earlier):
 *   - the last part of the gate is here: memory is handed out zeroed and with room to spare, and
 *     each message begins with a private field;
 *   - without DKIM_LIBFLAGS_BADSIGHANDLES one odd From field ends the verification of everything;
 *   - keys: only dkim_set_key_lookup() keeps it from its own resolver. The record was judged
 *     before, so the callback has nothing to decide;
 *   - clocks: it compares t= and x= with the time of day and a drift, without care for t= below
 *     the drift. Time is judged by the caller; the drift here is so large that it never says no
 *     to a t= or an x= after DKIMLIB_EPOCH;
 *   - dkim_eom() stops at the first good signature, and its value is about that one: each
 *     signature is processed by itself and judged by its own flags;
 *   - DKIM_LIBFLAGS_FIXCRLF hashes folded fields wrongly: lines are put right by the caller.
 */
#include "policy/dkim/opendkim.h"

#include <assert.h>
#include <inttypes.h>
#include <opendkim/dkim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/heap.h"

enum { SPARE_BYTES = 64 };

struct dkimlib {
	DKIM_LIB *handle;
	char private_field[64]; /* "X-<random>: 1" */
};

struct dkimlib_run {
	struct dkimlib *lib;
	struct arena *arena;
	DKIM *dkim;
	DKIM_SIGINFO **signatures;
	unsigned count;
	const char *keys[DKIMLIB_SIGNATURES_MAX];
	bool broken;
};

static void *allocate_closure(void *closure, size_t size)
{
	(void)closure;
	return size > SIZE_MAX - SPARE_BYTES ? NULL : heap_zero(size + SPARE_BYTES);
}

static void release_closure(void *closure, void *block)
{
	(void)closure;
	free(block);
}

/* Hands over the record that dkimlib_key() was given for SIGNATURE. */
static DKIM_CBSTAT lookup_key(DKIM *dkim, DKIM_SIGINFO *signature, unsigned char *buf, size_t size)
{
	const struct dkimlib_run *run = dkim_get_user_context(dkim);

	for (unsigned i = 0; i < run->count; i++) {
		if (run->signatures[i] != signature || run->keys[i] == NULL)
			continue;
		if (strlen(run->keys[i]) >= size)
			break;
		memcpy(buf, run->keys[i], strlen(run->keys[i]) + 1);
		return DKIM_CBSTAT_CONTINUE;
	}
	return DKIM_CBSTAT_NOTFOUND;
}

static bool set_options(DKIM_LIB *handle)
{
	u_int flags = DKIM_LIBFLAGS_BADSIGHANDLES | DKIM_LIBFLAGS_DELAYSIGPROC;
	uint64_t drift = DKIMLIB_EPOCH;
	u_int bits = 1; /* the caller has judged the key */

	return dkim_set_key_lookup(handle, lookup_key) == DKIM_STAT_OK &&
	       dkim_options(handle, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof flags) ==
		   DKIM_STAT_OK &&
	       dkim_options(handle, DKIM_OP_SETOPT, DKIM_OPTS_CLOCKDRIFT, &drift, sizeof drift) ==
		   DKIM_STAT_OK &&
	       dkim_options(handle, DKIM_OP_SETOPT, DKIM_OPTS_MINKEYBITS, &bits, sizeof bits) ==
		   DKIM_STAT_OK;
}

static bool make_private_field(struct dkimlib *lib)
{
	uint64_t name[2];

	if (getrandom(name, sizeof name, 0) != (ssize_t)sizeof name)
		return false;
	snprintf(lib->private_field, sizeof lib->private_field, "X-%016" PRIx64 "%016" PRIx64 ": 1",
		 name[0], name[1]);
	return true;
}

struct dkimlib *dkimlib_new(struct why *why)
{
	struct dkimlib *lib = heap_zero(sizeof *lib);

	lib->handle = dkim_init(allocate_closure, release_closure);
	if (lib->handle != NULL && make_private_field(lib) && set_options(lib->handle))
		return lib;
	why_set(why, "cannot initialize libopendkim");
	dkimlib_free(lib);
	return NULL;
}

void dkimlib_free(struct dkimlib *lib)
{
	if (lib == NULL)
		return;
	if (lib->handle != NULL)
		dkim_close(lib->handle);
	free(lib);
}

static void end_run(void *arg)
{
	struct dkimlib_run *run = arg;

	dkim_free(run->dkim);
}

struct dkimlib_run *dkimlib_run_new(struct dkimlib *lib, struct arena *arena)
{
	static const unsigned char id[] = "";
	struct dkimlib_run *run = arena_make(arena, struct dkimlib_run);
	DKIM_STAT status;

	run->lib = lib;
	run->arena = arena;
	run->dkim = dkim_verify(lib->handle, id, NULL, &status);
	run->broken = run->dkim == NULL;
	if (run->broken)
		return run;
	arena_on_free(arena, end_run, run);
	run->broken = dkim_set_user_context(run->dkim, run) != DKIM_STAT_OK;
	dkimlib_field(run, span_of(lib->private_field));
	return run;
}

/* The library's functions take what they only read without const. */
static u_char *bytes_of(struct span text)
{
	return (u_char *)(uintptr_t)text.p;
}

/* DKIM_STAT_SYNTAX is a name that no h= can list (the library leaves the field out), or a
 * signature that will be refused. */
void dkimlib_field(struct dkimlib_run *run, struct span field)
{
	DKIM_STAT status;

	if (run->broken || span_empty(field))
		return;
	status = dkim_header(run->dkim, bytes_of(field), span_len(field));
	run->broken = status != DKIM_STAT_OK && status != DKIM_STAT_SYNTAX;
}

void dkimlib_end_of_header(struct dkimlib_run *run)
{
	int count = 0;

	if (run->broken)
		return;
	run->broken = dkim_eoh(run->dkim) != DKIM_STAT_OK ||
		      dkim_getsiglist(run->dkim, &run->signatures, &count) != DKIM_STAT_OK ||
		      count < 0 || count > DKIMLIB_SIGNATURES_MAX;
	if (!run->broken)
		run->count = (unsigned)count;
}

bool dkimlib_sees(const struct dkimlib_run *run, unsigned signatures)
{
	return run->broken || run->count == signatures;
}

void dkimlib_body(struct dkimlib_run *run, struct span chunk)
{
	if (!run->broken && !span_empty(chunk))
		run->broken =
		    dkim_body(run->dkim, bytes_of(chunk), span_len(chunk)) != DKIM_STAT_OK;
}

void dkimlib_key(struct dkimlib_run *run, unsigned index, const char *record)
{
	assert(strlen(record) <= DKIMLIB_RECORD_MAX);
	if (index < run->count)
		run->keys[index] = arena_string(run->arena, record);
}

void dkimlib_end_of_body(struct dkimlib_run *run)
{
	_Bool testing = false;

	for (unsigned i = 0; i < run->count; i++)
		if (run->keys[i] == NULL)
			dkim_sig_ignore(run->signatures[i]);
	if (run->broken)
		return;
	(void)dkim_eom(run->dkim, &testing);
	for (unsigned i = 0; i < run->count; i++)
		if (run->keys[i] != NULL)
			(void)dkim_sig_process(run->dkim, run->signatures[i]);
}

enum dkimengine_result dkimlib_result(const struct dkimlib_run *run, unsigned index,
				      const char **text)
{
	DKIM_SIGINFO *signature;
	unsigned flags;
	int error;

	*text = "out of memory";
	if (run->broken || index >= run->count)
		return DKIMENGINE_BROKEN;
	signature = run->signatures[index];
	flags = dkim_sig_getflags(signature);
	error = dkim_sig_geterror(signature);
	*text = dkim_sig_geterrorstr(error);
	if (error == DKIM_SIGERROR_TOOLARGE_L)
		return DKIMENGINE_SHORT_BODY;
	if (error != DKIM_SIGERROR_OK && error != DKIM_SIGERROR_BADSIG)
		return DKIMENGINE_REFUSED;
	if ((flags & DKIM_SIGFLAG_PROCESSED) == 0)
		return DKIMENGINE_REFUSED;
	if ((flags & DKIM_SIGFLAG_PASSED) == 0)
		return DKIMENGINE_BAD_SIGNATURE;
	if (dkim_sig_getbh(signature) != DKIM_SIGBH_MATCH)
		return DKIMENGINE_BAD_BODY;
	return error == DKIM_SIGERROR_OK ? DKIMENGINE_GOOD : DKIMENGINE_REFUSED;
}
