# SPDX-License-Identifier: BSD-2-Clause
# A site that received reports are about: example.com with a key, an SPF record of two hosts, one of which is its own, and a DNS
# that says so. In a directory of its own. To be sourced by bash behind tap.sh.

# inbox_site: makes it in $dir, the working directory from then on
inbox_site() {
	build=$COUNTERSIGN_BUILD
	dir=$(mktemp -d) || exit 99
	dns=
	trap 'kill $dns 2>/dev/null; rm -rf "$dir"' EXIT
	cd "$dir" || exit 99
	cat >zone <<'Z'
example.com 60 TXT "v=spf1 ip4:192.0.2.25 ip4:198.51.100.7 -all"
part._domainkey.example.com 60 TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
gone._domainkey.example.com 60 TXT "v=DKIM1; p="
Z
	"$build/t/bin/dnsd" --port-file port zone 2>dnsd.log &
	dns=$!
	eventually test -s port
	cat >conf <<-C
		listen = [ "local:$dir/a.sock" ];
		authserv_id = "mx.example.com";
		store: { url = "sqlite:$dir/ledger.db"; };
		dns: { servers = [ "127.0.0.1@$(cat port)" ]; timeout = "2s"; };
		sign: { keys = "$dir/keys"; };
		inbox: { own_hosts = [ "192.0.2.25" ]; };
	C
	mkdir keys
	cs key gen --selector s1 example.com >/dev/null 2>&1
	cs store migrate >/dev/null 2>&1
}
cs() { "$build/admin/countersign" -c conf "$@"; }
