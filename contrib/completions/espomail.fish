# fish completion for espomail: the program itself says what can follow.
function __espomail_complete
    set -l lines (espomail completions fish --asked (commandline -cp | string collect) 2>/dev/null)
    switch "$lines[1]"
        case files
            __fish_complete_path (commandline -ct)
        case dirs
            __fish_complete_directories (commandline -ct)
        case words nospace
            printf '%s\n' $lines[2..]
    end
end
complete -c espomail -f -k -a '(__espomail_complete)'
