# shellcheck shell=bash
# Bash completion for kmmigrate: commands, options, files.  tests/program/test_help.py holds it against --help.

_kmmigrate_options() {
    case $1 in
    check) echo --structure --brief --profile --accept-discovered --at --verify-all --reference \
        --not-a-reference --not-a-list --mode --issuing-ca-is --html --force ;;
    repair)
        echo --dry-run -o --in-place --no-backup --remove-leftovers --plan --html --force --profile --accept-discovered --at --superseded \
            --issuing-ca --trust --keep --drop --reference --not-a-reference \
            --not-a-list --mode --issuing-ca-is --show-secrets --recover --logs --until-damage \
            --salvage --doubtful --schema-from --drop-index
        ;;
    migrate)
        echo --to --issuing-ca -o --in-place --no-backup --remove-leftovers --plan --html --force --profile --accept-discovered --at \
            --superseded --trust --keep --drop --reference --not-a-reference \
            --not-a-list --mode --issuing-ca-is --show-secrets
        ;;
    list) echo --tree --profile --accept-discovered ;;
    show | settings) echo --profile --accept-discovered ;;
    export) echo --to --force --profile --accept-discovered ;;
    undo | explain) ;;
    logs) echo --logs ;;
    recover) echo --logs -o --until-damage --plan --force ;;
    diff) echo --profile --show-secrets ;;
    dump) echo --table --profile --show-secrets ;;
    info | profile) echo --table ;;
    compact) echo -o --keep-first --force ;;
    salvage) echo -o --schema-from --doubtful --drop-index --plan --html --force ;;
    *) return ;;
    esac
    echo --json --quiet --color --max-unpacked --help
}

# The store on the command line: the first word behind the command that is a file.
_kmmigrate_store() {
    local word
    for word in "${COMP_WORDS[@]:2:COMP_CWORD-2}"; do
        word=${word//\\/}
        [[ -e $word ]] && printf '%s\n' "$word" && return
    done
    return 1
}

_kmmigrate_tables() {
    local store
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

# The lines of standard input that begin with a word.
_kmmigrate_beginning() {
    local line
    while IFS= read -r line; do
        [[ $line == "$1"* ]] && printf '%s\n' "$line"
    done
}

# What may stand behind an option of a command.
_kmmigrate_values() {
    case $2 in
    --color) compgen -W 'auto always never' -- "$3" ;;
    --superseded | --doubtful) compgen -W 'keep drop' -- "$3" ;;
    --mode) compgen -W 'V1 V1V3 V3' -- "$3" ;;
    --to)
        if [[ $1 == migrate ]]; then
            compgen -W 'V3 V1V3' -- "$3"
        else
            compgen -f -- "$3"
        fi
        ;;
    --profile | --issuing-ca | --schema-from | -o | --logs | --html) compgen -f -- "$3" ;;
    --table) _kmmigrate_tables | _kmmigrate_beginning "$3" ;;
    --keep | --drop) _kmmigrate_entries | _kmmigrate_beginning "$3" ;;
    --trust) _kmmigrate_entries | sed 's/$/=/' | _kmmigrate_beginning "$3" ;;
    esac
}

_kmmigrate() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    COMPREPLY=()
    if ((COMP_CWORD == 1)) || { ((COMP_CWORD == 2)) && [[ $command == help ]]; }; then
        mapfile -t COMPREPLY < <(compgen -W 'check repair migrate logs recover undo list show settings export diff info dump compact
            salvage profile explain help --help --version' -- "$word")
        return
    fi
    # `--color=al` comes as three words, because = divides words, and `--trust 2=y` as four.
    local behind_equals=
    if [[ $word == '=' ]]; then
        word='' behind_equals=1
    elif [[ $before == '=' ]] && ((COMP_CWORD > 3)); then
        before=${COMP_WORDS[COMP_CWORD - 2]} behind_equals=1
    fi
    if [[ $behind_equals && $before != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'yes no' -- "$word")
        return
    fi
    case $before in
    --color | --superseded | --doubtful | --mode | --to | --profile | --issuing-ca | --schema-from | -o | --logs | --html | \
        --table | --keep | --drop | --trust)
        mapfile -t COMPREPLY < <(_kmmigrate_values "$command" "$before" "$word")
        case $before in
        --trust) compopt -o nospace 2>/dev/null ;;
        --table | --keep | --drop) ;;
        *) compopt -o filenames 2>/dev/null ;;
        esac
        ;;
    --at | --plan | --reference | --not-a-reference | --not-a-list | \
        --issuing-ca-is | --max-unpacked | --drop-index) ;;
    *)
        if [[ $word == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$(_kmmigrate_options "$command")" -- "$word")
        elif [[ $command == show ]] && _kmmigrate_store >/dev/null; then
            mapfile -t COMPREPLY < <(_kmmigrate_entries | _kmmigrate_beginning "$word")
        elif [[ $command == explain ]]; then
            mapfile -t COMPREPLY < <(_kmmigrate_known | _kmmigrate_beginning "$word")
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            compopt -o filenames 2>/dev/null
        fi
        ;;
    esac
}

complete -F _kmmigrate kmmigrate
