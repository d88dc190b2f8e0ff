/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * With store.keys, the process that keeps this host's copy of the shared store's signing keys up to
 * date (store/keys/copy.h), and looks for the records of the keys that it claims. It moves sealed
 * keys and cannot open them: the sealing key is another user's.
 */
#ifndef DAEMON_KEYS_COPIER_H
#define DAEMON_KEYS_COPIER_H

#include "daemon/helper.h"

extern const struct helper_kind copier_kind;

#endif
