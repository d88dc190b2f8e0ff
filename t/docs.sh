#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The manuals and the sample of settings say what the programs do.
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:-$PWD}
cs=$build/admin/countersign
man=$build/doc/man
export LC_ALL=C

n=0 failed=0
check() { # name, output that must be empty
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		failed=1
		echo "not ok $n - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}
skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

# The names of long options in a help text.
options() {
	grep -oE '^  (-[^ -], |    | *)--[a-z-]+' | grep -oE -- '--[a-z-]+'
}

# Those of the options read that TEXT, in mdoc, does not explain.
undocumented() {
	local option
	while read -r option; do
		grep -qE "^\.It (.*, )?Fl -${option#--}( |\$)" <<<"$1" || echo "$option"
	done
}

# One part of countersign(1), from its heading to the next.
part() {
	awk -v heading="$1" '/^\.S[sh] / { inside = index($0 " ", heading " ") == 5 } inside' \
		"$man/countersign.1"
}

for page in $(cd "$man" && echo *.[1-8]); do
	if command -v mandoc >/dev/null; then
		check "$page is right mdoc" "$(mandoc -Tlint "$man/$page" 2>&1 |
			grep -vE 'referenced manual not found|outdated mandoc.db')"
	else
		skip "$page is right mdoc" "there is no mandoc"
	fi
	if command -v mandoc >/dev/null; then
		check "$page shows no escape of roff" "$(mandoc -Tutf8 "$man/$page" | sed 's/.\x08//g' | grep -nE '\\?\((dq|aq|en|em)|\\e[^a-z]')"
	else
		skip "$page shows no escape of roff" "there is no mandoc"
	fi
done

check "the sample of settings is what config defaults prints (else: make update-docs)" \
	"$(diff "$build/countersign.conf.sample" <("$cs" config defaults))"
check "the settings in countersign.conf(5) are those of the program (else: make update-docs)" \
	"$(diff <(sed '1,/BEGIN settings/d;/END settings/,$d' "$man/countersign.conf.5") \
		<("$cs" config mdoc))"

check "countersign-metrics(7) has the metrics of the program (else: make update-docs)" \
	"$(diff <(sed '1,/BEGIN metrics/d;/END metrics/,$d' "$man/countersign-metrics.7") <("$build/t/bin/metricsdoc"))"

help=$("$cs" --help)
check "countersign(1) explains the options of every command" \
	"$(sed '1,/^Options of every/d' <<<"$help" | options | undocumented "$(part DESCRIPTION)")"
groups=$(sed -n '/^Options of every/q; s/^\([A-Z].*\):$/\n\1:/p; s/^  \([a-z][a-z-]*\).*/ \1/p' <<<"$help" | awk '!seen[$0]++' | tr -d '\n' | sed 's/\([a-z-]\)\([A-Z]\)/\1\n\2/g')
check "and has them in its groups" "$(diff <(echo "$groups") \
	<(sed -n '/compares this list/,/^\.El/p' "$man/countersign.1" | sed -n 's/^\.It \(.*\)/\1:/p; s/^\.Cm \(.*\)/ \1/p' | tr -d ',\n' |
		tr -s ' ' | sed 's/\([a-z-]\)\([A-Z]\)/\1\n\2/g'; echo))"
while read -r noun verb _; do
	[[ $verb =~ ^[a-z]+$ ]] || verb=
	command="$noun${verb:+ $verb}"
	text=$(part "$command")
	check "countersign(1) has $command" "$([ -n "$text" ] || echo "no .Ss $command")"
	check "and $noun has a page of its own with it" "$(grep -q "^\.Ss $command" "$man/countersign-$noun.1" || echo none)"
	check "and it has an example in its --help, which is right" "$("$cs" help $command | sed -n '/^Examples:/,/^$/s/^  countersign //p' |
		{ n=0; while read -r words; do
			n=$((n + 1))
			[[ $words == $command* ]] || echo "of another command: $words"
			"$cs" $words --help >/dev/null || echo "$words"
		done; [ $n -gt 0 ] || echo none; })"
	check "and its options" "$("$cs" help $command | sed '/^Options of every/,$d' | options |
		undocumented "$text")"
done < <(sed -n '/^Options of every/q; s/^  \([a-z]\)/\1/p' <<<"$help")

if help=$("$build/daemon/countersignd" --help 2>/dev/null); then
	check "countersignd(8) explains every option" \
		"$(options <<<"$help" | undocumented "$(cat "$man/countersignd.8")")"
else
	skip "countersignd(8) explains every option" "countersignd has no --help"
fi

# doc/troubleshooting.md is keyed by lines of the log: "..." stands for what differs in them.
check "every line that doc/troubleshooting.md explains is one of the program's" "$(cd "$src" && perl -0777 -ne '
	if ($ARGV =~ /\.md$/) {
		for my $line (grep { !/^warning: / } /^### `(.*)`$/mg) {
			my @parts = $line =~ /^(\w+)="(.*)"$/ ? split /\.\.\./, $2 : $line =~ /^(\w+)=(.*)$/ ? ("$1=|\"$1\"", "\"$2\"") : split /\.\.\./, $line;
			for my $part (grep { /[a-z]{3}/ } @parts) {
				print "$line: not found: $part\n" unless grep { index($text, $_) >= 0 } split /\|/, $part;
			}
		}
	} else {
		s/"\s*\n\s*"//g;
		$text .= $_;
	}' $(find lib mail dns conf keys store policy report context metrics milter daemon admin -name '*.[ch]') doc/troubleshooting.md)"
check "the tests that doc/conformance.md names are there" "$(sed -n 's/^|.*| *\([^|]*\) |$/\1/p' "$src/doc/conformance.md" |
	grep -oE '[a-z0-9_/]+\.(c|lua|sh)|bench/[a-z]+' | sort -u | while read -r file; do [ -e "$src/t/$file" ] || echo "$file"; done)"
check "the files that guides link to exist" "$(cd "$src" && grep -oHE '\]\([^)#:]+\)' doc/*.md *.md 2>/dev/null |
	sed 's/\](//; s/)$//' | while IFS=: read -r from to; do [ -f "$(dirname "$from")/$to" ] || echo "$from: $to"; done)"

check "t/README has an entry for every script" "$(cd "$src/t" && for script in *.sh e2e/*.sh; do
	grep -qE "^  (.*[ (])?${script//./\\.}[ ):]" README || echo "$script"
done)"
check "README has no line over 100 columns" "$(awk 'length > 100 { print FNR ": " $0 }' "$src/README")"
check "every script that a person runs has --help" "$(cd "$src" && for script in contrib/quickstart contrib/road contrib/test contrib/dkim-check \
	contrib/compile-commands contrib/lint .ci/run t/bare.sh t/host_life.sh t/package.sh t/container.sh t/soak.sh t/endure.sh t/differential.sh t/docs_commands.sh \
	t/fuzz_idle.sh t/bench/run t/bench/rows t/bench/signatures t/bench/store; do
	out=$(timeout 10 "./$script" --help 2>&1) && [ "$(wc -l <<<"$out")" -ge 2 ] || echo "$script"
done)"

# The rules of countersign audit, and the table of doc/audit.md.
check "doc/audit.md has every rule of countersign audit, with its level and its section" "$(diff \
	<("$cs" audit --rules | tail -n +2 | sed -E 's/ {2,}/ | /g; s/ +$//' | LC_ALL=C sort) \
	<(sed -nE 's/^\| `([a-z0-9.-]+)` \| (.*) \|$/\1 | \2/p' "$src/doc/audit.md" | grep -v '^[a-z]*\.\*' | LC_ALL=C sort))"

echo "1..$n"
exit $failed
