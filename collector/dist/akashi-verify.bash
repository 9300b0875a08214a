# Completion of akashi-verify for bash.
_akashi_verify()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= options= word
    COMPREPLY=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
        case $word in
        check | store | segment | checkpoint | cat | search | info | sources | prove | proof | history | if-stolen | renew | compare | report | sample | answer | export | bundle | custody | order | explain | selftest | key)
            command=$word && break
            ;;
        esac
    done
    case $command in
    check) options="--key --policy --tsa-ca --authority --checkpoint --save-checkpoint --max-age --until --log --jobs --json --quiet" ;;
    store) options="--key --policy --tsa-ca --authority --checkpoint --save-checkpoint --max-age --until --log --jobs --json --quiet" ;;
    segment) options="--key --policy --tsa-ca --authority --checkpoint --save-checkpoint --max-age --until --log --jobs --json --quiet" ;;
    checkpoint) options="--key --policy --tsa-ca --authority --checkpoint --save-checkpoint --max-age --until --log --jobs --json --quiet" ;;
    cat) options="--key --policy --tsa-ca --authority --log --jobs --from --to --source --index --kind --raw --jsonl --fields --output --force --quiet" ;;
    search) options="--key --policy --authority --log --jobs --from --to --source --index --file --fixed --ignore-case --invert --count --encoding --context --sort --full --fields --tmp --jsonl --json --quiet" ;;
    info) options="--policy --log --json" ;;
    sources) options="--key --policy --authority --log --jobs --counts --all --json --quiet" ;;
    prove) options="--key --policy --log --index --record --epoch --output --force --json --quiet" ;;
    proof) options="--key --policy --tsa-ca --record --entry --epoch --json --quiet" ;;
    history) options="--key --policy --log --epoch --store --output --force --json --quiet" ;;
    if-stolen) options="--key --policy --tsa-ca --authority --checkpoint --log --jobs --at --size --json --quiet" ;;
    renew) options="--key --policy --tsa-ca --authority --checkpoint --log --jobs --request --reply --output --quiet" ;;
    compare) options="--key --policy --authority --log --jobs --source --tmp --json --jsonl --quiet" ;;
    report) options="--key --policy --tsa-ca --authority --checkpoint --log --jobs --from --to --period --viewer --output --force --quiet" ;;
    sample) options="--key --policy --authority --log --checkpoint --seed --beacon --confidence --tolerable --index --from --to --source --requests --answers --head --population --tmp --jobs --worksheet --findings --previous --html --output --force --json --quiet" ;;
    answer) options="--key --policy --log --checkpoint --save-checkpoint --requests --audit --output --force --quiet" ;;
    export) options="--key --policy --authority --log --index --from --to --source --identity --events --match --redact --redact-reason --also --case --exhibit --by --reason --severity --tlp --on-behalf-of --mandate --sign --output --force --json --quiet" ;;
    bundle) options="--key --policy --tsa-ca --authority --expect --require --custody-key --json --quiet" ;;
    custody) options="--by --to --purpose --place --at --changes --answerable --sign --custody-key --json --quiet" ;;
    order) options="--key --authority --index --store --case --reason --sign --output --force" ;;
    explain) options="" ;;
    selftest) options="" ;;
    key) options="--output" ;;
    '') options="--version" ;;
    esac
    case $prev in
    --key | --authority | --policy | --tsa-ca | --checkpoint | --save-checkpoint | --record | --entry | --epoch | --store | --tmp | --request | --reply | --requests | --answers | --head | --worksheet | --findings | --previous | --population | --sign | --custody-key | --output | -o | --file | -f)
        COMPREPLY=($(compgen -f -- "$cur")) && return
        ;;
    --encoding)
        COMPREPLY=($(compgen -W 'auto utf-8 shift_jis euc-jp iso-2022-jp utf-16' -- "$cur"))
        return
        ;;
    --sort)
        COMPREPLY=($(compgen -W 'time index' -- "$cur"))
        return
        ;;
    --kind)
        COMPREPLY=($(compgen -W 'record fragment source manifest event epoch order anchor state all' -- "$cur"))
        return
        ;;
    --tlp)
        COMPREPLY=($(compgen -W 'RED AMBER+STRICT AMBER GREEN CLEAR' -- "$cur"))
        return
        ;;
    --also)
        COMPREPLY=($(compgen -W 'timesketch csv case' -- "$cur"))
        return
        ;;
    --require)
        COMPREPLY=($(compgen -W 'authentic complete redacted time custody' -- "$cur"))
        return
        ;;
    --case | --exhibit | --by | --reason | --severity | --on-behalf-of | --mandate | --expect | --match | --identity | --redact | --redact-reason | --purpose | --place | --at | --changes | --answerable) return ;;
    --max-age | --until | --log | --jobs | --from | --to | --source | --index | --context | --period | --seed | --beacon | --confidence | --tolerable | --audit) return ;;
    esac
    case $command,$cur in
    *,-*) COMPREPLY=($(compgen -W "$options --help" -- "$cur")) ;;
    ,*)
        COMPREPLY=($(compgen -W 'check store segment checkpoint cat search info sources prove proof history if-stolen renew compare report sample answer export bundle custody order explain selftest key' -- "$cur"))
        ;;
    order,*) COMPREPLY=($(compgen -W 'erase hold release succeed authority sign show' -- "$cur") $(compgen -f -- "$cur")) ;;
    key,*) COMPREPLY=($(compgen -W 'show new' -- "$cur") $(compgen -f -- "$cur")) ;;
    selftest,* | explain,*) ;;
    *) COMPREPLY=($(compgen -f -- "$cur")) ;;
    esac
}
complete -o filenames -F _akashi_verify akashi-verify
