/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A keyring without its private halves, as text: what the key process tells the others of the keys
 * that it holds.
 *
 *     line  = key / fault
 *     key   = "key" TAB number TAB type TAB bits TAB state TAB since TAB created TAB domain
 *             TAB selector TAB record TAB path LF
 *     fault = "fault" TAB domain TAB selector TAB text LF       an empty field: NULL
 *
 * Numbers are decimal; a control character or a backslash in a field is written as \xNN.
 */
#ifndef KEYS_PUBLICKEYS_H
#define KEYS_PUBLICKEYS_H

#include "keys/keyring.h"
#include "keys/sign.h"
#include "lib/buf.h"

void publickeys_write(const struct keyring *keyring, struct buf *out);

/* The keyring that TEXT is of; its keys sign by SIGNER, which it releases at its end (also on
 * failure), or never (NULL). NULL with a reason: not such a text. */
struct keyring *publickeys_read(struct span text, const struct key_signer *signer, struct why *why);

#endif
