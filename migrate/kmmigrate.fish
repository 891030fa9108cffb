# Fish completion for kmmigrate.  Commands and options come from the program's own --help, so none can be missing;
# values are here.  tests/program/test_help.py tries it.

# "NAME<tab>DESCRIPTION" a line.
function __kmmigrate_commands
    command kmmigrate --help 2>/dev/null | string replace -rf '^  (?!kmmigrate)([a-z]+) +[A-Z].*?  +(.*)$' '$1\t$2'
    printf '%s\t%s\n' help 'help on a command' --help 'the commands' --version 'the version'
end

function __kmmigrate_command
    set -l words (commandline -opc)
    test (count $words) -ge 2; and echo $words[2]
end

function __kmmigrate_options
    command kmmigrate (__kmmigrate_command) --help 2>/dev/null |
        string replace -rf '^  (--?[a-z][a-z-]*)( \S+)?  +(.*)$' '$1\t$3'
end

# The store on the command line: the first word behind the command that is a file.
function __kmmigrate_store
    for word in (commandline -opc)[3..-1]
        test -e "$word"; and echo $word; and return
    end
end

function __kmmigrate_tables
    set -l store (__kmmigrate_store)
    test -n "$store"; or return
    timeout 5 kmmigrate info --quiet $store 2>/dev/null |
        string replace -rf '^(\S.*?) +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+$' '$1'
end

function __kmmigrate_entries
    set -l store (__kmmigrate_store)
    test -n "$store"; or return
    timeout 5 kmmigrate list --quiet --json $store 2>/dev/null | string replace -rf '^.*?"entry": ?([0-9]+),.*$' '$1'
end

# What explain knows by name: its help ends with that.
function __kmmigrate_known
    timeout 5 kmmigrate explain --help 2>/dev/null | sed -n '/^It knows/,$p' | grep -oE 'KM-[A-Z0-9-]+|\b[0-9]+\b'
end

# What may stand behind an option; fails when that takes no value.
function __kmmigrate_values -a option
    set -l words (commandline -opc)
    switch $option
        case --color
            printf '%s\n' auto always never
        case --superseded --doubtful
            printf '%s\n' keep drop
        case --mode
            printf '%s\n' V1 V1V3 V3
        case --to
            if test "$words[2]" = migrate
                printf '%s\n' V3 V1V3
            else
                __fish_complete_path (commandline -ct)
            end
        case --profile --issuing-ca --schema-from -o --logs --html
            __fish_complete_path (commandline -ct)
        case --table
            __kmmigrate_tables
        case --keep --drop
            __kmmigrate_entries
        case --trust
            for entry in (__kmmigrate_entries)
                printf '%s\n' $entry=yes $entry=no
            end
        case --at --plan --issuing-ca-is --reference --not-a-reference --not-a-list --max-unpacked --drop-index
        case '*'
            return 1
    end
    return 0 # also when there was nothing to offer
end

function __kmmigrate_complete
    set -l words (commandline -opc)
    if test (count $words) -eq 1; or test (count $words) -eq 2 -a "$words[2]" = help
        __kmmigrate_commands
        return
    end
    set -l before (string match -r '^--[a-z-]+(?==)' -- (commandline -ct))
    if test -n "$before"
        printf '%s\n' $before=(__kmmigrate_values $before)
        return
    end
    __kmmigrate_values $words[-1]; and return
    if string match -q -- '-*' (commandline -ct)
        __kmmigrate_options
        return
    end
    if test "$words[2]" = show -a -n "$(__kmmigrate_store)"
        __kmmigrate_entries
        return
    end
    if test "$words[2]" = explain
        __kmmigrate_known
        return
    end
    __fish_complete_path (commandline -ct)
end

complete -c kmmigrate -f -k -a '(__kmmigrate_complete)'
