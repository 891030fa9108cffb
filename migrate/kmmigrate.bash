# shellcheck shell=bash
# Bash completion for kmmigrate: commands, options, files.  tests/program/test_help.py holds it against --help.

_kmmigrate_options() {
    case $1 in
    check) echo --structure --profile --accept-discovered --at --verify-all --reference \
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
    show) echo --profile --accept-discovered ;;
    export) echo --to --force --profile --accept-discovered ;;
    undo | explain) ;;
    logs) echo --logs ;;
    recover) echo --logs -o --until-damage --plan --force ;;
    diff) echo --profile --show-secrets ;;
    dump) echo --table --profile --show-secrets ;;
    info | profile) echo --table ;;
    compact) echo -o --keep-first --force ;;
    salvage) echo -o --schema-from --doubtful --drop-index --plan --force ;;
    *) return ;;
    esac
    echo --json --quiet --color --max-unpacked --help
}

# What may stand behind an option of a command.
_kmmigrate_values() {
    case $2 in
    --color) compgen -W 'auto always never' -- "$3" ;;
    --superseded | --doubtful) compgen -W 'keep drop' -- "$3" ;;
    --to)
        if [[ $1 == migrate ]]; then
            compgen -W 'V3 V1V3' -- "$3"
        else
            compgen -f -- "$3"
        fi
        ;;
    --profile | --issuing-ca | --schema-from | -o | --logs | --html) compgen -f -- "$3" ;;
    esac
}

_kmmigrate() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W 'check repair migrate logs recover undo list show export diff info dump compact
            salvage profile explain --help --version' -- "$word")
        return
    fi
    # `--color=al` comes as three words, because = divides words.
    if [[ $word == '=' ]]; then
        word=
    elif [[ $before == '=' ]] && ((COMP_CWORD > 3)); then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $before in
    --color | --superseded | --doubtful | --to | --profile | --issuing-ca | --schema-from | -o | --logs | --html)
        mapfile -t COMPREPLY < <(_kmmigrate_values "$command" "$before" "$word")
        compopt -o filenames 2>/dev/null
        ;;
    --table | --at | --plan | --trust | --keep | --drop | --reference | --not-a-reference | --not-a-list | \
        --mode | --issuing-ca-is | \
        --max-unpacked | --drop-index) ;;
    *)
        if [[ $word == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$(_kmmigrate_options "$command")" -- "$word")
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            compopt -o filenames 2>/dev/null
        fi
        ;;
    esac
}

complete -F _kmmigrate kmmigrate
