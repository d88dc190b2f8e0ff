# Building in $BUILD (default: build/ in the clone), quietly. To be sourced by bash.

# build_tree [configure arguments]: the programs.
build_tree() {
	build_configure "$@" && build_make all
}

# A tree that is configured stays as it is.
build_configure() {
	mkdir -p "$BUILD" || return 1
	build_quietly build_prepare "$@"
}

build_prepare() {
	if [ ! -x "$SRC/configure" ] || [ "$SRC/configure.ac" -nt "$SRC/configure" ]; then
		"$SRC/autogen.sh" || return 1
	fi
	cd "$BUILD" || return 1
	[ -f Makefile ] || "$SRC/configure" -q "$@"
}

# build_make TARGET...
build_make() {
	build_quietly make -s -C "$BUILD" -j"$(nproc)" "$@"
}

build_quietly() {
	("$@") >"$BUILD/build.log" 2>&1 && return 0
	grep -E 'error|warning' "$BUILD/build.log" | head -15 >&2
	tail -5 "$BUILD/build.log" >&2
	echo "the build failed (whole output: $BUILD/build.log)" >&2
	return 1
}

# A step that takes a while: its name, then its seconds. Prints nothing else while all is well.
step() {
	local name=$1 start=$SECONDS status
	shift
	printf '%-58s ' "$name"
	"$@"
	status=$?
	if [ $status -eq 0 ]; then echo "ok  $((SECONDS - start)) s"; else echo "FAILED"; fi
	return $status
}
