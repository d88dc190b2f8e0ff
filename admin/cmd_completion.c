/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * countersign completion bash | zsh | fish: the script by which a shell completes command lines.
 * The scripts know no command: they hand the words to `countersign __complete`, admin/complete.c.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "lib/jsonout.h"

static const struct script {
	const char *shell;
	const char *text;
} scripts[] = {
    {"bash", "# bash completion for countersign(1); made by: countersign completion bash\n"
	     "_countersign()\n"
	     "{\n"
	     "	local line=${COMP_LINE:0:COMP_POINT} words=() last before='' word\n"
	     "	read -ra words <<<\"$line\"\n"
	     "	[[ $line == *[[:blank:]] ]] && words+=('')\n"
	     "	last=${words[${#words[@]} - 1]}\n"
	     "	# bash takes what follows = as a separate word\n"
	     "	[[ $last == *=* && $COMP_WORDBREAKS == *=* ]] && before=${last%%=*}=\n"
	     "	COMPREPLY=()\n"
	     "	while IFS=$'\\t' read -r word _; do\n"
	     "		case $word in\n"
	     "		:file | :directory)\n"
	     "			compopt -o filenames 2>/dev/null\n"
	     "			local kind=-f\n"
	     "			[ \"$word\" = :directory ] && kind=-d\n"
	     "			while IFS= read -r word; do\n"
	     "				COMPREPLY+=(\"$word\")\n"
	     "			done < <(compgen $kind -- \"${last#\"$before\"}\")\n"
	     "			;;\n"
	     "		*=)\n"
	     "			compopt -o nospace 2>/dev/null\n"
	     "			COMPREPLY+=(\"$word\")\n"
	     "			;;\n"
	     "		*) COMPREPLY+=(\"${word#\"$before\"}\") ;;\n"
	     "		esac\n"
	     "	done < <(\"$1\" __complete -- \"${words[@]:1}\" 2>/dev/null)\n"
	     "}\n"
	     "complete -F _countersign countersign\n"},
    {"zsh", "#compdef countersign\n"
	    "# zsh completion for countersign(1); made by: countersign completion zsh\n"
	    "_countersign() {\n"
	    "	local line word\n"
	    "	local -a plain open\n"
	    "	for line in \"${(@f)$(\"${words[1]}\" __complete -- \"${(@Q)words[2,CURRENT-1]}\" "
	    "\"${(Q)PREFIX}\" 2>/dev/null)}\"; do\n"
	    "		word=${line%%$'\\t'*}\n"
	    "		case $word in\n"
	    "		'') ;;\n"
	    "		:file) compset -P '--*='; _files ;;\n"
	    "		:directory) compset -P '--*='; _files -/ ;;\n"
	    "		*=) open+=(\"${word//:/\\\\:}:${line#*$'\\t'}\") ;;\n"
	    "		*) plain+=(\"${word//:/\\\\:}:${line#*$'\\t'}\") ;;\n"
	    "		esac\n"
	    "	done\n"
	    "	(( $#plain )) && _describe -t words word plain\n"
	    "	(( $#open )) && _describe -t options option open -S ''\n"
	    "}\n"
	    "if [ \"$funcstack[1]\" = _countersign ]; then\n"
	    "	_countersign \"$@\"\n"
	    "else\n"
	    "	compdef _countersign countersign\n"
	    "fi\n"},
    {"fish", "# fish completion for countersign(1); made by: countersign completion fish\n"
	     "function __countersign_complete\n"
	     "	set -l words (commandline -opc)\n"
	     "	set -l last (commandline -ct)\n"
	     "	set -l before (string match -r -- '^--[^=]*=' \"$last\")\n"
	     "	for line in (command $words[1] __complete -- $words[2..-1] \"$last\" 2>/dev/null)\n"
	     "		switch $line\n"
	     "			case ':file' ':directory'\n"
	     "				for path in (__fish_complete_path (string replace -r -- "
	     "'^--[^=]*=' '' \"$last\"))\n"
	     "					printf '%s%s\\n' \"$before\" $path\n"
	     "				end\n"
	     "			case '*'\n"
	     "				printf '%s\\n' $line\n"
	     "		end\n"
	     "	end\n"
	     "end\n"
	     "complete -c countersign -f -a '(__countersign_complete)'\n"},
};

static int print_script(struct admin *admin, const struct script *script)
{
	struct jsonout *out;

	if (!admin->json)
		return fputs(script->text, stdout) == EOF ? ADMIN_IO : ADMIN_DONE;
	out = jsonout_new(admin->arena, "completion");
	jsonout_text(out, "shell", script->shell);
	jsonout_text(out, "script", script->text);
	admin_print_json(admin, out);
	return ADMIN_DONE;
}

static int run_completion(struct admin *admin, int argc, char **argv)
{
	int status = admin_args(admin, argc, argv, 1, 1);

	for (unsigned i = 0; status == 0 && i < sizeof scripts / sizeof scripts[0]; i++) {
		if (strcmp(argv[optind], scripts[i].shell) == 0)
			return print_script(admin, &scripts[i]);
	}
	return status != 0 ? status
			   : admin_usage(admin, "no completion for \"%s\"; use bash, zsh or fish",
					 argv[optind]);
}

const struct admin_verb cmd_completion[] = {{"completion", NULL, "bash|zsh|fish",
					     "Print the completion script for a shell",
					     run_completion, NULL, false},
					    {NULL, NULL, NULL, NULL, NULL, NULL, false}};
