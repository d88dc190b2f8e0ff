# SPDX-License-Identifier: BSD-2-Clause
# A PostgreSQL server of one's own, for tests: a new cluster below a directory, reached only by a socket
# there. To be sourced after tap.sh. The server refuses root: then it runs as the user nobody.

pg_bin=
for pg_dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin; do
	[ -x "$pg_dir/initdb" ] && pg_bin=$pg_dir
done
[ -n "$pg_bin" ] || { command -v initdb >/dev/null && pg_bin=$(dirname "$(command -v initdb)"); }

pg_as() { # command...: as the user of the server
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$pg_dir" "$@"
	else
		"$@"
	fi
}

# pg_make DIRECTORY: makes a cluster and starts it; skips the test where that is not possible.
pg_make() {
	pg_dir=$1
	[ -n "$pg_bin" ] || skip_all "PostgreSQL is not installed"
	[ "$(id -u)" != 0 ] || { command -v setpriv >/dev/null && id nobody >/dev/null 2>&1; } ||
		skip_all "PostgreSQL does not run as root, and there is no setpriv or no user nobody"
	mkdir "$pg_dir" "$pg_dir/run"
	chmod 0777 "$pg_dir/run"
	[ "$(id -u)" != 0 ] || chown nobody "$pg_dir"
	pg_as "$pg_bin/initdb" -D "$pg_dir/data" -U countersign -A trust -E UTF8 --no-locale -N >"$pg_dir.initdb" 2>&1 ||
		skip_all "initdb does not work here: $(tail -1 "$pg_dir.initdb")"
	cat >>"$pg_dir/data/postgresql.conf" <<-END
		listen_addresses = ''
		unix_socket_directories = '$pg_dir/run'
		port = 5432
		fsync = off
		shared_buffers = 32MB
		max_connections = 40
		max_wal_size = 1GB
		log_statement = 'none'
	END
	pg_start || skip_all "the PostgreSQL server does not start here: $(tail -1 "$pg_dir.log")"
	pg_url="postgresql://countersign@/countersign?host=$pg_dir/run&port=5432"
	pg_as "$pg_bin/createdb" -h "$pg_dir/run" -U countersign countersign
}

pg_start() {
	touch "$pg_dir.log"
	chmod 0666 "$pg_dir.log"
	pg_as "$pg_bin/pg_ctl" -s -w -t 30 -D "$pg_dir/data" -l "$pg_dir.log" start >/dev/null 2>&1 </dev/null
}

pg_stop() { # [MODE]
	[ -f "$pg_dir/data/postmaster.pid" ] || return 0
	pg_as "$pg_bin/pg_ctl" -s -w -t 30 -D "$pg_dir/data" -m "${1:-immediate}" stop >/dev/null 2>&1
}

pg_ask() { # SQL: the answer, unaligned
	"$pg_bin/psql" -XAtq -h "$pg_dir/run" -U countersign -d "${pg_db:-countersign}" -c "$1"
}

pg_fresh() { # an empty database
	pg_ask "SELECT 1" >/dev/null
	pg_db=postgres pg_ask "DROP DATABASE countersign WITH (FORCE)" >/dev/null 2>&1
	pg_db=postgres pg_ask "CREATE DATABASE countersign" >/dev/null
}

# pg_cut_begin DIRECTORY: where t/tools/cutter.c puts its socket and counts; $through_cutter is the URL by way of it.
pg_cut_begin() {
	pg_cut=$1
	through_cutter="postgresql://countersign@/countersign?host=$pg_cut&port=1"
}
# The connection is cut at that packet; with a PID file, the process in it is killed instead. Sets $cutter.
cut_at() { # packet [pid file]
	"$COUNTERSIGN_BUILD/t/bin/cutter" "$pg_cut" 1 "$pg_dir/run/.s.PGSQL.5432" "$@" &
	cutter=$!
	eventually test -S "$pg_cut/.s.PGSQL.1"
}
cut_end() { # packets seen
	kill $cutter
	wait $cutter
	cutter=
	rm -f "$pg_cut/.s.PGSQL.1"
	packets=$(cat "$pg_cut/packets")
}
