# SPDX-License-Identifier: BSD-2-Clause
# Test Anything Protocol for shell scripts. To be sourced by bash.
. "${BASH_SOURCE[0]%/*}/eventually.sh"

export LC_ALL=C.UTF-8 # as t/lib/watch.sh; text that is not ASCII is printed as bytes in C
export PYTHONDONTWRITEBYTECODE=1 # nothing is written in the source directory

tap_n=0
tap_failed=0

pass() { # name
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1"
}

skip() { # name, why it was not tried
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1 # SKIP $2"
}

fail() { # name
	tap_n=$((tap_n + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_n - $1"
}

ok() { # name, command...: passes when the command succeeds
	local name=$1
	shift
	tap_n=$((tap_n + 1))
	if "$@" >/dev/null 2>&1; then
		echo "ok $tap_n - $name"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_n - $name"
		echo "# failed: $*" | head -c 600
		echo
	fi
}

is() { # name, have, want
	tap_n=$((tap_n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $tap_n - $1"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_n - $1"
		printf 'have: %s\nwant: %s\n' "$2" "$3" | sed 's/^/# /'
	fi
}

like() { # name, text, extended regular expression
	tap_n=$((tap_n + 1))
	if printf '%s\n' "$2" | grep -qE -- "$3"; then
		echo "ok $tap_n - $1"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_n - $1"
		printf 'text: %s\nis not like: %s\n' "$2" "$3" | sed 's/^/# /'
	fi
}

skip_all() { # reason; the exit status is automake's for a test that was not run
	echo "1..0 # SKIP $*"
	exit 77
}

need() { # programs, all of which must be there
	local program
	for program; do
		command -v "$program" >/dev/null || [ -x "/usr/sbin/$program" ] || skip_all "$program is not installed"
	done
}

done_testing() {
	echo "1..$tap_n"
	exit $((tap_failed > 0))
}

# Waits until no UTC midnight comes within so many seconds: what is counted and what is reported have a day.
clear_of_midnight() { # seconds
	local left=$((86400 - $(date -u +%s) % 86400))
	[ "$left" -gt "$1" ] || sleep $((left + 1))
}
