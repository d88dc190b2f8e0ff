/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libopendkim (policy/dkim/opendkim.h) as an engine. What it refuses although RFC 6376 has it:
 * signature fields in forms that the library hashes wrongly or does not read, signed fields with
 * control characters, very long lines, RSA keys over some 6000 bits, a t= before the year 2002.
 */
#ifndef POLICY_DKIM_OPENDKIM_ENGINE_H
#define POLICY_DKIM_OPENDKIM_ENGINE_H

#include "policy/dkim/engine.h"

extern const struct dkimengine dkimlib_engine; /* SHARED: a struct dkimlib */

#endif
