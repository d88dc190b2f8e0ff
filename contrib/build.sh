# Building in $BUILD (default: build/ in the clone), quietly. To be sourced by bash.

# build_tree [configure arguments]
build_tree() {
	mkdir -p "$BUILD" || return 1
	{
		if [ ! -x "$SRC/configure" ] || [ "$SRC/configure.ac" -nt "$SRC/configure" ]; then
			"$SRC/autogen.sh" || return 1
		fi
		cd "$BUILD" || return 1
		[ -f Makefile ] || "$SRC/configure" -q "$@" || return 1
		make -s -j"$(nproc)" all
	} >"$BUILD/build.log" 2>&1
	local status=$?
	cd "$SRC" || return 1
	[ $status -eq 0 ] || { tail -15 "$BUILD/build.log" >&2; echo "the build failed (whole output: $BUILD/build.log)" >&2; }
	return $status
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
