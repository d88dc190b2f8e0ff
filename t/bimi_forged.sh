#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Fields that show a logo, written by strangers in over 100 forms (case, blanks, folds, bytes that no name has, several at a
# time): none survives inbound, whatever bimi.mode says, with either engine.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/lone_daemon.sh"
need python3
forms() { python3 "$COUNTERSIGN_SRC/t/tools/bimi_forged.py" "$@"; }
echo 'sender.test 60 TXT "v=spf1 -all"' >"$top/zone"
mkdir "$top/store"
forms steps >"$top/steps"
ok "there are at least 40 forms" test "$(forms count)" -ge 40
start_lone_daemon "sqlite:$top/store/ledger.db"
for engine in native libmilter; do
	for mode in off report on; do
		stop_lone_daemon TERM
		sed -i '/^bimi:/d; /^milter:/d' "$top/conf"
		printf 'bimi: { mode = "%s"; };\nmilter: { engine = "%s"; };\n' "$mode" "$engine" >>"$top/conf"
		if ! run_lone_daemon; then
			skip "$engine, $mode" "$(tail -1 "$top/log")"
			continue
		fi
		"$BUILD/t/bin/milterc" "$top/sock" <"$top/steps" >"$top/answers" 2>&1
		is "bimi.mode = \"$mode\", $engine: none of $(forms count) forms is left" "$(forms check <"$top/answers" | head -5)" ""
	done
done
done_testing
