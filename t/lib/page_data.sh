# SPDX-License-Identifier: BSD-2-Clause
# A ledger with something in each part of the page, in the current directory. To be sourced by bash after t/lib/tap.sh; sets DNS,
# the process to be killed at the end.

page_settings() {
	cat >zone <<-'Z'
		example.com 60 TXT "v=spf1 ip4:192.0.2.25 ip4:198.51.100.7 -all"
		part._domainkey.example.com 60 TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
		gone._domainkey.example.com 60 TXT "v=DKIM1; p="
	Z
	"$COUNTERSIGN_BUILD/t/bin/dnsd" --port-file port zone 2>dnsd.log &
	dns=$!
	eventually test -s port
	mkdir -p keys
	cat >conf <<-C
		listen = [ "local:$PWD/a.sock" ];
		authserv_id = "mx.example.com";
		store: { url = "sqlite:$PWD/ledger.db"; };
		dns: { servers = [ "127.0.0.1@$(cat port)" ]; timeout = "2s"; };
		sign: { keys = "$PWD/keys"; };
		inbox: { own_hosts = [ "192.0.2.25" ]; };
	C
}

# Findings as the audit keeps them, one of which is hostile.
page_audit() {
	mkdir -p state
	printf '%s\n' "countersign findings 1	$(date +%s)	3" \
		'error	dmarc.none	there is no DMARC record	_dmarc.example.com. 3600 IN TXT "v=DMARC1; p=none"' \
		'warn	tlsrpt.none	<script>alert(1)</script> is not text	' >state/example.com.findings
	echo "at $(date +%s) domains 1 changes 2 errors 1 warnings 4 hints 3" >state/watched
	echo "audit: { state = \"$PWD/state\"; };" >>conf
}

page_fill() {
	local fill="$COUNTERSIGN_BUILD/t/bin/ledgerfill ledger.db" today days
	today=$(date -u +%F)
	"$COUNTERSIGN_BUILD/admin/countersign" -c conf key gen --selector s1 example.com >/dev/null 2>&1
	for days in 0 1 5 12; do
		$fill policies ex.test "$(date -u -d "$days days ago" +%F)" >/dev/null
	done
	$fill asked other.test "$today" 7 mailto:x@example.net >/dev/null
	$fill testing testing.test "$today" >/dev/null
	$fill combinations many.test "$today" >/dev/null
	$fill excused list.test "$today" 20 >/dev/null
	python3 "$COUNTERSIGN_SRC/t/lib/page_reports.py" reports
	"$COUNTERSIGN_BUILD/admin/countersign" -c conf inbox read reports >/dev/null
	sqlite3 ledger.db "INSERT INTO tls_session (day, domain, key, policy, kind, detail, source, sessions) VALUES
		($(date +%s) / 86400, 'remote.example', x'01', '{}', 'successful', '', 'tlsrpt', 12),
		($(date +%s) / 86400, 'remote.example', x'02', '{}', 'failed', '', 'tlsrpt', 3),
		($(date +%s) / 86400 - 2, 'far.example', x'01', '{}', 'successful', '', 'tlsrpt', 7)"
	"$COUNTERSIGN_BUILD/admin/countersign" -c conf inbox decide lists.example forwarder --note 'the <b>club</b>' >/dev/null
}
