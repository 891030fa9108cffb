#compdef kmmigrate
# Zsh completion for kmmigrate.  Commands and options come from the program's own --help, so none can be missing;
# values are here.  tests/program/test_help.py tries it.

# Adds "NAME:DESCRIPTION" for each line of --help on standard input that a pattern fits to `found`.
_kmmigrate_described() {
    local line
    while IFS= read -r line; do
        [[ $line =~ $1 ]] && found+=("${match[1]}:${match[-1]}")
    done
}

_kmmigrate_store() {
    local word
    for word in "${(@)words[3,CURRENT-1]}"; do
        [[ -e ${(Q)word} ]] && print -r -- "${(Q)word}" && return
    done
    return 1
}

_kmmigrate_tables() {
    local store line
    store=$(_kmmigrate_store) || return
    timeout 5 kmmigrate info --quiet "$store" 2>/dev/null |
        sed -nE 's/^([^ ].*[^ ]) +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+$/\1/p'
}

_kmmigrate_entries() {
    local store
    store=$(_kmmigrate_store) || return
    timeout 5 kmmigrate list --quiet --json "$store" 2>/dev/null | sed -nE 's/^[^:]*"entry": ?([0-9]+),.*/\1/p'
}

# What explain knows by name: its help ends with that.
_kmmigrate_known() {
    timeout 5 kmmigrate explain --help 2>/dev/null | sed -n '/^It knows/,$p' | grep -oE 'KM-[A-Z0-9-]+|\b[0-9]+\b'
}

# What may stand behind an option; fails when that takes no value.
_kmmigrate_values() {
    local -a found
    case $1 in
    --color) compadd -- auto always never ;;
    --superseded | --doubtful) compadd -- keep drop ;;
    --mode) compadd -- V1 V1V3 V3 ;;
    --to) if [[ $words[2] == migrate ]]; then compadd -- V3 V1V3; else _files; fi ;;
    --profile | --issuing-ca | --schema-from | -o | --logs | --html) _files ;;
    --table)
        found=("${(@f)$(_kmmigrate_tables)}")
        compadd -a -- found
        ;;
    --keep | --drop)
        found=("${(@f)$(_kmmigrate_entries)}")
        compadd -a -- found
        ;;
    --trust)
        found=("${(@f)$(_kmmigrate_entries)}")
        compadd -- "${(@)^found}="{yes,no}
        ;;
    --at | --plan | --issuing-ca-is | --reference | --not-a-reference | --not-a-list | --max-unpacked | --drop-index) ;;
    *) return 1 ;;
    esac
    return 0
}

_kmmigrate() {
    local -a found
    if ((CURRENT == 2)) || [[ CURRENT -eq 3 && $words[2] == help ]]; then
        _kmmigrate_described '^  ([a-z]+) +[A-Z].*  +([^ ].*)$' < <(kmmigrate --help 2>/dev/null |
            sed '/^  kmmigrate/d')
        found+=('help:help on a command' '--help:the commands' '--version:the version')
        _describe command found
        return
    fi
    local before=$words[CURRENT-1]
    if [[ $words[CURRENT] == --*=* ]]; then
        before=${words[CURRENT]%%=*}
        compset -P '*='
    fi
    _kmmigrate_values "$before" && return
    if [[ $words[CURRENT] == -* ]]; then
        _kmmigrate_described '^  (--?[a-z][a-z-]*)( [^ ]+)?  +([^ ].*)$' < <(kmmigrate $words[2] --help 2>/dev/null)
        _describe option found
    elif [[ $words[2] == show ]] && _kmmigrate_store >/dev/null; then
        found=("${(@f)$(_kmmigrate_entries)}")
        compadd -a -- found
    elif [[ $words[2] == explain ]]; then
        found=("${(@f)$(_kmmigrate_known)}")
        compadd -a -- found
    else
        _files
    fi
}

_kmmigrate "$@"
