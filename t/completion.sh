#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What bash, zsh and fish propose, each asked as it asks when somebody types: the shell sources the script that
# `countersign completion` prints.
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:-$PWD}
. "$src/t/lib/tap.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/countersign-completion.XXXXXX")
trap 'rm -rf "$work"' EXIT
export LC_ALL=C HOME=$work PATH=$build/admin:$PATH
cd "$work" || exit 99
mkdir keys "a directory"
echo "sign: { keys = \"$work/keys\"; };" >own.conf
cs=$build/admin/countersign
for domain in example.com other.example; do
	"$cs" -q -c own.conf key gen "$domain" --selector "s-$domain" --type ed25519 >made 2>&1 || cat made
done

# ---- proposals, without a shell ----
ask() { # word...: the proposals for the last one, sorted
	"$cs" __complete -- "$@" 2>&1 | cut -f1 | sort | xargs
}
all=$(ask "")
while read -r noun; do
	like "$noun is proposed" " $all " " $noun "
	verbs=$(ask "$noun" "")
	while read -r verb; do
		like "$noun $verb is proposed" " $verbs " " $verb "
		options=" $(ask "$noun" "$verb" "--") "
		for option in $("$cs" help "$noun" "$verb" | grep -oE '^  (-[^ -], |    | *)--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
			[[ $options == *" $option "* || $options == *" $option= "* ]] ||
				fail "$noun $verb $option is proposed"
		done
	done < <("$cs" help "$noun" 2>/dev/null | sed -n "/^Commands:/,/^\$/s/^  $noun \([a-z-]*\).*/\1/p" | grep .)
done < <("$cs" --help | sed -n '/^Options of every/q; s/^  \([a-z][a-z-]*\).*/\1/p' | sort -u)
is "options: those of the command and those of all" "$(ask key gen --t --s)" "--selector= --selectors="
is "an option's values are those of its help" "$(ask key gen --type=)" "--type=both --type=ed25519 --type=rsa2048 --type=rsa3072 --type=rsa4096"
is "in the next word too" "$(ask key gen --type r)" "rsa2048 rsa3072 rsa4096"
is "of a short option" "$(ask verify -c '')" ":file"
is "domains that have keys" "$(ask -c own.conf key show '')" "example.com other.example"
is "their selectors, in a directory named on the line" "$(ask key retire --keys keys other.example '')" "s-other.example"
is "selectors as an option's value" "$(ask -c own.conf key show example.com --selector=)" "--selector=s-example.com"
is "settings" "$(ask config explain dmarc.e)" "dmarc.enforce"
like "sections of settings" " $(ask config explain d) " " dmarc "
is "one word, and no more" "$(ask key gen example.com '')" ""
is "many, where many may be given" "$(ask config explain dmarc.enforce dns.b)" "dns.budget"
is "no options behind --" "$(ask key gen -- --t)" ""
is "words that the usage names" "$(ask completion '')" "bash fish zsh"
is "levels of the log" "$(ask log-level '')" "debug error info warning"
is "commands to be helped with" "$(ask help key gen)" "gen"
is "nothing for what is not a command" "$(ask nonsense '')" ""
is "hidden commands are not proposed" "$(ask __)" ""
for line in "" "-" "--" "--=" "=" "key gen --type" "-c" "--config= "; do # nothing may break it
	read -ra words <<<"$line"
	ok "\"$line\" causes no error" "$cs" __complete -- "${words[@]}" ""
done
is "without words it is wrong" "$("$cs" __complete 2>/dev/null; echo $?)" 64
is "and so is an unknown shell" "$("$cs" completion tcsh 2>/dev/null; echo $?)" 64
is "of options of every command" "$(ask --color=)" "--color=always --color=auto --color=never"

# ---- in bash ----
in_bash() { # line
	bash --norc --noprofile -c '
		eval "$(countersign completion bash)"
		COMP_LINE=$1 COMP_POINT=${#1}
		read -ra COMP_WORDS <<<"$1"
		[[ $1 == *" " ]] && COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_countersign countersign "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
		printf "%s\n" "${COMPREPLY[@]}"' bash "$1" 2>&1 | sort | paste -sd' '
}
is "bash: verbs" "$(in_bash 'countersign key re')" "retire revoke"
is "bash: an option that takes a value" "$(in_bash 'countersign key gen --ty')" "--type="
is "bash: its values, which are words of their own" "$(in_bash 'countersign key gen --type=rsa')" "rsa2048 rsa3072 rsa4096"
is "bash: domains" "$(in_bash 'countersign -c own.conf key show ex')" "example.com"
is "bash: files" "$(in_bash 'countersign verify ow')" "own.conf"
is "bash: a directory with a blank" "$(in_bash 'countersign key gen --keys a')" "a directory"
is "bash: a file behind =" "$(in_bash 'countersign --config=own')" "own.conf"
if command -v script >/dev/null; then # as it is typed: TAB completes, the rest of the line ends in a comment
	typed=$(printf 'PS1=; eval "$(countersign completion bash)"\ncountersign key gen --fo\t#\nexit\n' |
		script -qec 'bash --norc --noprofile -i' /dev/null 2>&1)
	like "bash: TAB" "$typed" 'countersign key gen --format=#'
else
	skip "bash: TAB" "there is no script(1)"
fi

# ---- in zsh, at a terminal of its own ----
in_zsh() { # keys, what to wait for: 0 once the screen shows it
	ZDOTDIR=$work zsh -f -c '
		zmodload zsh/zpty zsh/datetime
		zpty -b term zsh -f -i
		zpty -w term "PS1=; autoload -Uz compinit; compinit -u -D; eval \"\$(countersign completion zsh)\"; stty -echo; show() { zle -I; print -r -- \"<\$BUFFER>\" }; zle -N show; bindkey \"^X\" show; LISTMAX=9999; COLUMNS=200; print rea\"\"dy"
		screen= until=$((EPOCHSECONDS + 10)) sent=
		while (( EPOCHSECONDS < until )); do
			if zpty -r term part; then screen+=$part; else sleep 0.05; fi
			if [[ -z $sent && $screen == *ready* ]]; then
				zpty -n -w term "$1"
				sent=1 screen=
			elif [[ -n $sent && $screen == *$2* ]]; then
				zpty -d term
				exit 0
			fi
		done
		zpty -d term
		print -r -- "$screen"
		exit 1' zsh "$1" "$2"
}
if command -v zsh >/dev/null; then
	ok "zsh: verbs" in_zsh $'countersign key \t' "activate"
	ok "zsh: with what they do" in_zsh $'countersign key \t' "Replace the keys of a domain"
	ok "zsh: an option that takes a value" in_zsh $'countersign key gen --fo\t\cX' "<countersign key gen --format=>"
	ok "zsh: values" in_zsh $'countersign key gen --type=rsa20\t\cX' "<countersign key gen --type=rsa2048 >"
	ok "zsh: domains" in_zsh $'countersign -c own.conf key show exa\t\cX' "<countersign -c own.conf key show example.com >"
	ok "zsh: files behind =" in_zsh $'countersign --config=ow\t\cX' "<countersign --config=own.conf >"
else
	skip "zsh" "there is no zsh"
fi

# ---- in fish ----
in_fish() { # line
	fish --no-config -c 'countersign completion fish | source; complete -C "$argv[1]"' "$1" 2>&1 | cut -f1 | sort | paste -sd' '
}
if command -v fish >/dev/null; then
	is "fish: verbs" "$(in_fish 'countersign key re')" "retire revoke"
	like "fish: with what they do" "$(fish --no-config -c 'countersign completion fish | source; complete -C "countersign key rot"' 2>&1)" \
		'^rotate.Replace the keys'
	is "fish: an option that takes a value" "$(in_fish 'countersign key gen --ty')" "--type="
	is "fish: values" "$(in_fish 'countersign key gen --type=rsa')" "--type=rsa2048 --type=rsa3072 --type=rsa4096"
	is "fish: domains" "$(in_fish 'countersign -c own.conf key show ex')" "example.com"
	is "fish: files behind =" "$(in_fish 'countersign --config=ow')" "--config=own.conf"
else
	skip "fish" "there is no fish"
fi
done_testing
