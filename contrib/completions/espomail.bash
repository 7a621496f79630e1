# bash completion for espomail: the program itself says what can follow.
_espomail() {
    local program=$1 kind words IFS=$'\n'
    type -P "$program" >/dev/null || program=espomail
    words=($("$program" completions bash --asked "${COMP_LINE:0:COMP_POINT}" "$2" "$COMP_TYPE" 2>/dev/null))
    kind=${words[0]-}
    COMPREPLY=("${words[@]:1}")
    case $kind in
        files) compopt -o default ;;
        dirs) compopt -o dirnames ;;
        nospace) compopt -o nospace ;;
    esac
}
complete -o nosort -F _espomail espomail 2>/dev/null || complete -F _espomail espomail
