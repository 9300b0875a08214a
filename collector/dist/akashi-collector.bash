# Completion of akashi-collector for bash.
_akashi_collector()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= options= word
    COMPREPLY=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
        case $word in
        init | run | check-config | status | audit | authority | erase | hold | release | succeed | key | renew | witness) command=$word && break ;;
        esac
    done
    case $command in
    init) options="--store --log --origin --epochs --config" ;;
    run) options="--store --log --config --listen --tls-certificate --tls-key --tls-ca" ;;
    check-config) options="--show" ;;
    status) options="--store --config --control --json --records" ;;
    audit) options="--store --log --config --control --commitment --open --index --population" ;;
    authority) options="--store --log --config --control --order --key --quorum" ;;
    erase) options="--store --log --config --control --order" ;;
    hold) options="--store --log --config --control --order" ;;
    release) options="--store --log --config --control --order" ;;
    succeed) options="--store --log --config --control --checkpoint --reason --order" ;;
    key) options="--store --log --config --control" ;;
    renew) options="--store --log --config --stamp --stamp-ca" ;;
    witness) options="--state --listen --policy --init --tls-certificate --tls-key" ;;
    '') options="--version" ;;
    esac
    case $prev in
    --store | --state) COMPREPLY=($(compgen -d -- "$cur")) && return ;;
    --config | --control | --policy | --order | --checkpoint | --key | --stamp-ca | --tls-certificate | --tls-key | --tls-ca)
        COMPREPLY=($(compgen -f -- "$cur")) && return
        ;;
    --listen) [ "$command" = witness ] && COMPREPLY=($(compgen -W 'http:// https://' -- "$cur")) && return
        COMPREPLY=($(compgen -W 'udp:// tcp:// tls:// relp:// relp+tls:// unix://' -- "$cur")) && return ;;
    --log | --origin | --epochs | --commitment | --open | --index | --population | --quorum | --reason | --init | --stamp) return ;;
    esac
    case $command,$cur in
    *,-*) COMPREPLY=($(compgen -W "$options --help" -- "$cur")) ;;
    ,*) COMPREPLY=($(compgen -W 'init run check-config status audit authority erase hold release succeed key renew witness' -- "$cur")) ;;
    key,*) COMPREPLY=($(compgen -W 'show rotate revoke' -- "$cur")) ;;
    check-config,*) COMPREPLY=($(compgen -f -- "$cur")) ;;
    esac
}
complete -o filenames -F _akashi_collector akashi-collector
