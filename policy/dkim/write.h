/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing a field that is a tag=value list with a signature at its end (DKIM-Signature,
 * ARC-Message-Signature, ARC-Seal), to be read by every verifier: no line over 78 columns, folds
 * (CRLF HTAB) only between tags, at the colons of h= and inside b=.
 */
#ifndef POLICY_DKIM_WRITE_H
#define POLICY_DKIM_WRITE_H

#include "keys/keyring.h"
#include "lib/arena.h"
#include "lib/buf.h"

struct sigwriter {
	struct buf out; /* the value, with the blank after the colon */
	size_t column;
};

/* For the value of the field FIELD. */
void sigwriter_begin(struct sigwriter *writer, struct arena *arena, const char *field);

/* TEXT on this line, after BLANK, or else on the next. */
void sigwriter_piece(struct sigwriter *writer, const char *blank, struct span text);
void sigwriter_tag(struct sigwriter *writer, const char *name, const char *value);
void sigwriter_number(struct sigwriter *writer, const char *name, int64_t value);
void sigwriter_data(struct sigwriter *writer, const char *name, const void *data, size_t len);

const char *sigwriter_algorithm(const struct signing_key *key); /* "rsa-sha256" */

/* "b=" on a line of its own; then, when what is there has been signed, its value. */
void sigwriter_open(struct sigwriter *writer);
void sigwriter_signature(struct sigwriter *writer, struct span signature);

#endif
