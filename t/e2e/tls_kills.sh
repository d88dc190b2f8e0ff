#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# usage: t/e2e/tls_kills.sh [--kills N]
# The policy service killed and restarted a few times under delivery, by t/bench/tls_kills: no message is deferred.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root, for Postfix and namespaces of its own"
need nsd unbound ldns-keygen ldns-signzone smtp-source openssl ip unshare python3
lab_alone_possible || skip_all "network, mount and process namespaces of its own are not permitted here"
kills=12
[ "${1:-}" != --kills ] || kills=$2
said=$("$COUNTERSIGN_SRC/t/bench/tls_kills" --kills "$kills" --reloads 1 2>&1)
is "t/bench/tls_kills succeeds" $? 0
echo "# $said"
like "no message was deferred" "$said" "^$kills kills and restarts, 1 reloads: [0-9]{2,} messages sent, 0 deferred"
done_testing
