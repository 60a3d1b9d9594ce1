/**
 * What a shell reads to complete `orch`: three small scripts that never change with the commands. Each asks
 * `orch __complete SHELL …` and hands on what comes: lines of `value<TAB>description`, the last one `:files`, `:directories`
 * or `:`. No name is ever evaluated: it goes through variables only.
 */

const bash = `# bash completion for orch
_orch() {
	local program=\${1/#\\~\\//$HOME/} line
	type -P -- "$program" >/dev/null || program=orch
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
			:files) compopt -o default 2>/dev/null ;;
			:directories) compopt -o dirnames 2>/dev/null ;;
			:) ;;
			*) COMPREPLY+=("$line") ;;
		esac
	done < <("$program" __complete bash "\${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
}
complete -F _orch orch
`;

const zsh = `#compdef orch
# zsh completion for orch
_orch() {
	local line value text width=0 directive
	local -a values texts shown
	for line in "\${(@f)$(command orch __complete zsh "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}"; do
		if [[ $line == :* ]]; then
			directive=$line
			continue
		fi
		value=\${line%%$'\\t'*}
		text=\${line#*$'\\t'}
		values+=("$value")
		texts+=("$text")
		(( \${#value} > width )) && width=\${#value}
	done
	case $directive in
		:files) _files; return ;;
		:directories) _files -/; return ;;
	esac
	(( \${#values} )) || return 1
	for (( line = 1; line <= \${#values}; line++ )); do
		if [[ -n $texts[line] ]]; then
			shown+=("\${(r:width:)values[line]}  -- $texts[line]")
		else
			shown+=("$values[line]")
		fi
	done
	compadd -l -d shown -a values
}
if [[ \${funcstack[1]} == _orch ]]; then
	_orch "$@"
else
	compdef _orch orch
fi
`;

const fish = `# fish completion for orch
function __orch_complete
	set -l words (commandline -opc)
	set -l current (commandline -ct)
	set -l answer (command orch __complete fish $words[2..-1] "$current" 2>/dev/null)
	switch "$answer[-1]"
		case ':files'
			__fish_complete_path (string unescape -- $current; or echo $current)
		case ':directories'
			__fish_complete_directories (string unescape -- $current; or echo $current)
		case '*'
			test (count $answer) -gt 1; and printf '%s\\n' $answer[1..-2]
	end
end
complete -c orch -f -a '(__orch_complete)'
`;

export const scripts = { bash, zsh, fish } as const;
export type Shell = keyof typeof scripts;
export const shells = Object.keys(scripts) as readonly Shell[];
