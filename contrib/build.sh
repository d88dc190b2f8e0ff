# SPDX-License-Identifier: BSD-2-Clause
# Building in $BUILD (default: build/ in the clone), quietly. To be sourced by bash.

umask 022 # the daemons that the tests start give up root, and read what was made here
unset CDPATH

# One run at a time in a build tree: a second one waits, and says so.
build_alone() {
	mkdir -p "$BUILD" || return 1
	command -v flock >/dev/null || return 0
	exec {build_lock}>"$BUILD/lock" || return 1
	flock -n "$build_lock" && return
	echo "another run is using $BUILD; waiting for it to end" >&2
	flock "$build_lock"
}

# Runs a command that must not keep others waiting when it outlives this script.
build_unlocked() {
	if [ -n "${build_lock:-}" ]; then "$@" {build_lock}>&-; else "$@"; fi
}

# build_tree [configure arguments]: the programs.
build_tree() {
	build_configure "$@" && build_make all
}

# A tree that is configured stays as it is, unless the clone has moved since.
build_configure() {
	mkdir -p "$BUILD" || return 1
	build_quietly build_prepare "$@"
}

build_prepare() {
	build_autogen || return 1
	cd "$BUILD" || return 1
	[ "$(sed -n 's/^abs_top_srcdir = //p' Makefile 2>/dev/null)" -ef "$SRC" ] || "$SRC/configure" -q "$@"
}

# configure is shared by all build trees of a clone.
build_autogen() {
	(
		! command -v flock >/dev/null || flock 9
		if [ ! -x "$SRC/configure" ] || [ "$SRC/configure.ac" -nt "$SRC/configure" ]; then "$SRC/autogen.sh" 9<&-; fi
	) 9<"$SRC/autogen.sh"
}

# build_make TARGET...
build_make() {
	build_quietly make -s -C "$BUILD" -j"$(nproc)" "$@"
}

build_quietly() {
	(build_unlocked "$@") >"$BUILD/build.log" 2>&1 && return 0
	grep -E 'error|warning' "$BUILD/build.log" | head -15 >&2
	tail -5 "$BUILD/build.log" >&2
	echo "the build failed (whole output: $BUILD/build.log)" >&2
	return 1
}

# step NAME COMMAND...: a step that takes a while. Prints its name, then its seconds; when it fails, what it said.
step() {
	local name=$1 start=$SECONDS status
	shift
	printf '%-58s ' "$name"
	"$@" 2>"$BUILD/step.err"
	status=$?
	if [ $status -eq 0 ]; then
		echo "ok  $((SECONDS - start)) s"
	else
		echo "FAILED"
		cat "$BUILD/step.err" >&2
	fi
	return $status
}
