# SPDX-License-Identifier: BSD-2-Clause
# The world between the sites of contrib/road, in namespaces of its own: routes, the root of DNS, a certification authority,
# and a thief who can take over any address on the way. To be sourced by bash; $ROAD is a directory that all sites see.

ROAD_SITES="north south hub"
declare -A ROAD_NET=([north]=11.1.0 [south]=11.2.0 [hub]=11.3.0)
ROAD_ROOT=11.0.0.53
ROAD_THIEF=11.66.0.66
ROAD_THIEF_MX=11.66.0.67

# ---- certificates ----

world_ca() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=Road CA" \
		-addext basicConstraints=critical,CA:TRUE -keyout "$ROAD/ca.key" -out "$ROAD/ca.pem" 2>"$ROAD/log/openssl"
}

# world_certificate FILE DAYS NAME...: key and certificate in FILE
world_certificate() {
	local file=$1 days=$2 names
	shift 2
	names=$(printf ',DNS:%s' "$@")
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$file.key" -out "$file.csr" \
		2>>"$ROAD/log/openssl" &&
		openssl x509 -req -in "$file.csr" -CA "$ROAD/ca.pem" -CAkey "$ROAD/ca.key" -CAcreateserial -days "$days" \
			-extfile <(echo "subjectAltName=${names#,}") -out "$file.crt" 2>>"$ROAD/log/openssl" &&
		cat "$file.key" "$file.crt" >"$file"
}

world_certificates() {
	world_ca &&
		world_certificate "$ROAD/cert/north.pem" 30 mx.north.example &&
		world_certificate "$ROAD/cert/south.pem" 30 mx1.south.example mx2.south.example mta-sts.south.example &&
		world_certificate "$ROAD/cert/hub.pem" 30 mx.hub.example &&
		world_certificate "$ROAD/cert/expired.pem" -1 mx1.south.example mx2.south.example &&
		world_certificate "$ROAD/cert/thief.pem" 30 mx.thief.example &&
		world_certificate "$ROAD/cert/misissued.pem" 30 mx.north.example
}

# ---- DNS ----

world_nsd() { # name address zone file
	cat >"$ROAD/dns/$1.conf" <<-N
		server:
		  ip-address: $2
		  username: ""
		  chroot: ""
		  zonesdir: "$ROAD/dns"
		  database: ""
		  server-count: 1
		  pidfile: "$ROAD/dns/$1.pid"
		  xfrdfile: "$ROAD/dns/$1.xfrd"
		  zonelistfile: "$ROAD/dns/$1.list"
		  logfile: "$ROAD/log/nsd.$1"
		remote-control:
		  control-enable: no
		zone:
		  name: "$3"
		  zonefile: "$4"
	N
	nsd -c "$ROAD/dns/$1.conf"
}

# The root has the names of those who have no zone of their own here, and all reverse names.
world_root() {
	local site
	cat <<-Z
		\$ORIGIN .
		\$TTL 5
		. IN SOA ns.root. hostmaster.root. 1 3600 600 86400 1
		. IN NS ns.root.
		ns.root. IN A $ROAD_ROOT
		hub.example. IN MX 10 mx.hub.example.
		hub.example. IN TXT "v=spf1 mx -all"
		lists.hub.example. IN MX 10 mx.hub.example.
		lists.hub.example. IN TXT "v=spf1 ip4:${ROAD_NET[hub]}.25 -all"
		mx.hub.example. IN A ${ROAD_NET[hub]}.25
		plain.example. IN MX 10 mx2.south.example.
		mx.thief.example. IN A $ROAD_THIEF_MX
		66.0.66.11.in-addr.arpa. IN PTR thief.example.
		thief.example. IN A $ROAD_THIEF
		25.0.1.11.in-addr.arpa. IN PTR mx.north.example.
		25.0.2.11.in-addr.arpa. IN PTR mx2.south.example.
		25.0.3.11.in-addr.arpa. IN PTR mx.hub.example.
	Z
	for site in north south; do
		echo "$site.example. IN NS ns.$site.example."
		echo "ns.$site.example. IN A ${ROAD_NET[$site]}.53"
	done
	cat "$ROAD"/dns/*.ds "$ROAD/dns/hub.keys"
}

world_dns() {
	local key
	world_root >"$ROAD/dns/root.zone"
	(cd "$ROAD/dns" && key=$(ldns-keygen -k -a ECDSAP256SHA256 .) && cp "$key.key" "$ROAD/anchor" &&
		ldns-signzone -o . -f root.signed root.zone "$key") >"$ROAD/log/sign" 2>&1 || return 1
	chmod 644 "$ROAD/anchor"
	world_nsd root "$ROAD_ROOT" . root.signed
}

# ---- routes ----

world_routes() {
	local ip
	ip link set lo up && echo 1 >/proc/sys/net/ipv4/ip_forward || return 1
	for ip in $ROAD_ROOT $ROAD_THIEF; do ip addr add "$ip/32" dev lo || return 1; done
}

# The first process of a site's machine, as seen from here.
world_find_site() { # site
	local unshare
	unshare=$(pgrep -P "${ROAD_JOBS[$1]}" -x unshare) && pgrep -P "$unshare"
}

at() { # site command...: runs it there
	local site=$1
	shift
	nsenter -t "${ROAD_SITE[$site]}" --all --root --wd "$@"
}

# world_begin_site SITE: its machine, and the wire to it
world_begin_site() {
	local site=$1 net=${ROAD_NET[$1]}
	SITE=$site MACHINE_SHARE=$ROAD MACHINE='' bash "$ROAD_SRC/contrib/road.d/site.sh" >"$ROAD/log/$site" 2>&1 &
	ROAD_JOBS[$site]=$!
	eventually test -e "$ROAD/run/$site.begun" || return 1
	ROAD_SITE[$site]=$(world_find_site "$site") || return 1
	ip link add "w-$site" type veth peer name eth0 netns "${ROAD_SITE[$site]}" &&
		ip addr add "$net.1/24" dev "w-$site" && ip link set "w-$site" up || return 1
	touch "$ROAD/run/$site.wired"
}

# ---- the MTA-STS policy of south ----

# As doc/tls.md says: first the policy, served by the lines for nginx that are printed, then the record. MX hosts must
# answer for it, so that the first of them goes away only then.
world_publish_sts() {
	at south bash "$ROAD_SRC/contrib/road.d/sts.sh" >"$ROAD/log/sts" 2>&1 || return 1
	ip route add unreachable "${ROAD_NET[south]}.24/32"
}

# ---- the thief ----

world_steal() { # address
	ip addr add "$1/32" dev lo
}

world_give_back() { # address
	ip addr del "$1/32" dev lo
}

# world_thief ADDRESS MODE [ARGUMENT]: a mail server of the thief at that address; road_thief.py explains the modes
world_thief() {
	world_steal "$1"
	rm -f "$ROAD/run/thief"
	python3 "$ROAD_SRC/t/tools/road_thief.py" "$ROAD" "$@" 2>>"$ROAD/log/thief" &
	ROAD_THIEF_PID=$!
	eventually test -e "$ROAD/run/thief"
}

world_thief_ends() { # address
	kill "$ROAD_THIEF_PID"
	wait "$ROAD_THIEF_PID" 2>/dev/null
	world_give_back "$1"
}

# world_forge SITE: another name server answers in place of the site's, with an MX of the thief
world_forge() {
	world_steal "${ROAD_NET[$1]}.53"
	cat >"$ROAD/dns/forged.zone" <<-Z
		\$ORIGIN $1.example.
		\$TTL 1
		@ IN SOA ns hostmaster 1 3600 600 86400 1
		@ IN NS ns
		ns IN A ${ROAD_NET[$1]}.53
		@ IN MX 1 mx.thief.example.
	Z
	world_nsd forged "${ROAD_NET[$1]}.53" "$1.example." forged.zone
	eventually test -f "$ROAD/dns/forged.pid"
}

world_forge_ends() { # site
	kill "$(cat "$ROAD/dns/forged.pid")"
	eventually test ! -f "$ROAD/dns/forged.pid"
	world_give_back "${ROAD_NET[$1]}.53"
}
