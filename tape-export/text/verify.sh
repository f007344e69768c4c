#!/bin/sh
# verify.sh - checks an evidence package or a tape of a mail archive, without the archive and without its programs.
#
#     sh verify.sh --key LOGKEY.pem [--checkpoint NOTE] [--tsa-roots ROOTS.pem] [--message-keys DIR] PACKAGE
#
# It needs a POSIX shell, GNU coreutils, xxd, zstd and openssl. What is to be trusted comes from outside PACKAGE: the key
# and a checkpoint that you were given on another day, the roots of the time stamping authority, and this script itself.
# VERIFY.md beside it says what each check shows, and how to do it by hand. Nothing is written but files in a directory
# of its own under $TMPDIR, which has mail in the clear while it runs. Exit status: 0 all of it holds, 1 something
# does not (a line "FAILED check: file: why" each), 2 it could not be checked. The last line has the counts.
set -euf
LC_ALL=C
export LC_ALL
umask 077
newline='
'
IFS=$newline
batch_size=256              # messages that are checked together: a process costs more than a hash
content_bytes=268435456     # of them, that lie in $TMPDIR at a time
faults=0 messages=0 bare=0 unopened=0 stamps=0 entries=0 segments=0 notes=''
key='' outside='' roots='' keys=''

die() { printf 'verify.sh: %s\n' "$1" >&2; exit 2; }
usage() { die "usage: sh verify.sh --key LOGKEY.pem [--checkpoint NOTE] [--tsa-roots ROOTS.pem] [--message-keys DIR] PACKAGE"; }
fault() { faults=$((faults + 1)); printf 'FAILED %s: %s: %s\n' "$1" "$2" "$3"; } # CHECK PLACE WHY
is_number() { case $1 in '' | *[!0-9]* | 0?* | ???????????????????*) return 1 ;; esac; }
is_hex() { case $1 in *[!0-9a-f]*) return 1 ;; esac; [ ${#1} -eq "$2" ]; }

while [ $# -gt 1 ]; do
    case $1 in
    --key) key=$2 ;;
    --checkpoint) outside=$2 ;;
    --tsa-roots) roots=$2 ;;
    --message-keys) keys=$2 ;;
    *) usage ;;
    esac
    shift 2
done
if [ $# -ne 1 ] || [ -z "$key" ]; then usage; fi
[ -d "$1" ] || die "$1: is no directory"
package=$(realpath -- "$1")
for given in "$key" "$outside" "$roots" "$keys"; do
    [ -n "$given" ] || continue
    [ -r "$given" ] || die "$given: cannot be read"
    case $(realpath -- "$given")/ in
    "$package"/*) die "$given: is in the package itself; what comes with the thing that it is to vouch for vouches for nothing" ;;
    esac
done
for tool in sha256sum sha512sum xxd openssl; do command -v "$tool" >/dev/null || die "$tool is not installed"; done
[ -z "$key" ] || key=$(realpath -- "$key")
[ -z "$outside" ] || outside=$(realpath -- "$outside")
[ -z "$roots" ] || roots=$(realpath -- "$roots")
[ -z "$keys" ] || keys=$(realpath -- "$keys")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 2' INT TERM HUP
cd "$package"

# The key: Ed25519, as openssl prints it; its id is what C2SP signed-note puts before a signature.
der=$(openssl pkey -pubin -in "$key" -outform DER 2>/dev/null | xxd -p -c 256) || der=''
case $der in
302a300506032b6570032100????????????????????????????????????????????????????????????????) public=${der#302a300506032b6570032100} ;;
*) die "$key: is no Ed25519 public key in PEM" ;;
esac

# ---- files: every one is listed and as it was written, and none is there that is not

manifest_names() { # MANIFEST DIGITS: its names, one a line, into $tmp/names; no name leads out of the package
    : >"$tmp/names"
    for line in $(cat -A "$1"); do
        digest=${line%%  *} name=${line#*  }
        name=${name%\$}
        case /$name/ in
        */../* | */./* | *//* | *[!!-~]* | *'\'*) digest=bad ;;
        esac
        if is_hex "$digest" "$2"; then
            printf '%s\n' "$name"
        else
            fault manifest "$1" "a line is not \"digest  name\" with a plain name: $line" >&3
        fi
    done 3>&1 >"$tmp/names"
}
sums_check() { # TOOL MANIFEST CHECK DIRECTORY: what does not hash to what it says, by name
    if (cd "$4" && "$1" --quiet --strict -c "$2") >"$tmp/sums" 2>/dev/null; then return 0; fi
    some=0
    for line in $(cat "$tmp/sums"); do
        case $line in
        *': FAILED open or read') fault missing "${line%: FAILED*}" "is listed and cannot be read" ;;
        *': FAILED') fault "$3" "${line%: FAILED*}" "is not what was written ($1)" ;;
        esac
        some=1
    done
    [ $some -eq 1 ] || fault manifest "$2" "$1 cannot read it"
}
walk() { # "" or DIRECTORY/: every name below
    set +f
    set -- "$1"* "$1".[!.]* "$1"..?*
    set -f
    for at; do
        if [ "$at" = lost+found ]; then continue; fi
        if [ -L "$at" ]; then printf '%s (a link)\n' "$at"
        elif [ -d "$at" ]; then walk "$at/"
        elif [ -f "$at" ]; then printf '%s\n' "$at"
        elif [ -e "$at" ]; then printf '%s (no plain file)\n' "$at"
        fi
    done
}
if [ ! -f tagmanifest-sha256.txt ]; then
    fault layout tagmanifest-sha256.txt "is not there: the package was not finished, or this is none"
fi
: >"$tmp/listed"
for manifest in tagmanifest-sha256.txt manifest-sha256.txt manifest-sha512.txt; do
    if [ ! -f $manifest ]; then continue; fi
    if [ $manifest = manifest-sha512.txt ]; then tool=sha512sum digits=128; else tool=sha256sum digits=64; fi
    manifest_names $manifest $digits
    sort "$tmp/names" >"$tmp/names.$manifest"
    if [ $digits -eq 64 ]; then cat "$tmp/names" >>"$tmp/listed"; fi
    sums_check $tool $manifest digest .
done
for manifest in manifest-sha256.txt manifest-sha512.txt; do
    if [ ! -f $manifest ]; then fault layout $manifest "is not there"; : >"$tmp/names.$manifest"; fi
done
for name in $(comm -3 "$tmp/names.manifest-sha256.txt" "$tmp/names.manifest-sha512.txt"); do
    fault manifest "$name" "is listed in one of the manifests and not in the other"
done
printf 'tagmanifest-sha256.txt\n' >>"$tmp/listed"
walk '' >"$tmp/there"
sort "$tmp/there" >"$tmp/there.sorted"
sort -u "$tmp/listed" >"$tmp/listed.sorted"
for name in $(comm -23 "$tmp/there.sorted" "$tmp/listed.sorted"); do fault extra "$name" "is in no manifest"; done

# ---- checkpoints: three lines that the log's key has signed

hash_node() { printf '01%s%s' "$1" "$2" | xxd -r -p | sha256sum | cut -c 1-64; }
unbase64() { printf '%s\n' "$1" | base64 -d 2>/dev/null | xxd -p -c 256; }
note_read() { # FILE NAME: note_origin, note_size, note_root, note_lines (as cat -A has them); false where it does not hold
    n=0 note_origin='' note_size='' note_root='' note_signed='' note_lines=''
    for line in $(cat -A "$1"); do
        n=$((n + 1))
        note_lines=$note_lines$line$newline
        line=${line%\$}
        case $n in
        1) note_origin=$line ;;
        2) note_size=$line ;;
        3) note_root=$(unbase64 "$line") ;;
        4) if [ -n "$line" ]; then n=100; break; fi ;;
        *)
            case $line in "M-bM-^@M-^T $note_origin "*) ;; *) continue ;; esac
            signature=$(unbase64 "${line##* }")
            id=$({ printf '%s\n' "$note_origin"; printf '01%s' "$public" | xxd -r -p; } | sha256sum | cut -c 1-8)
            if [ ${#signature} -ne 136 ] || [ "${signature%"${signature#????????}"}" != "$id" ]; then continue; fi
            head -n 3 "$1" >"$tmp/body"
            printf '%s' "${signature#????????}" | xxd -r -p >"$tmp/signature"
            if openssl pkeyutl -verify -rawin -pubin -inkey "$key" -in "$tmp/body" -sigfile "$tmp/signature" >/dev/null 2>&1; then
                note_signed=yes
            else
                fault signature "$2" "the signature by your key does not hold"
                return 1
            fi
            ;;
        esac
    done
    if [ $n -lt 5 ] || [ $n -ge 100 ] || ! is_number "$note_size" || ! is_hex "$note_root" 64; then
        fault checkpoint "$2" "is no checkpoint (origin, size, root, an empty line, signatures)"
        return 1
    fi
    if [ -z "$note_signed" ]; then
        if [ -n "$other_log" ]; then return 0; fi
        fault signature "$2" "has no signature by your key: it is another log's, or this is another key"
        return 1
    fi
}
size=0 root='' origin='' lines='' other_log=''
if [ ! -f data/log/checkpoint ]; then
    fault checkpoint data/log/checkpoint "is not there: nothing is signed here"
elif note_read data/log/checkpoint data/log/checkpoint; then
    size=$note_size root=$note_root origin=$note_origin lines=$note_lines
    printf 'signed by your key: the first %s entries of %s\n' "$size" "$origin"
fi
if [ -f data/log/key.pem ] && [ "$(openssl pkey -pubin -in data/log/key.pem -outform DER 2>/dev/null | xxd -p -c 256)" != "$der" ]; then
    fault key data/log/key.pem "is not the key that you gave; the archive's own is the one from outside"
fi
wanted='' # sizes at which the whole ledger's root has to be one that was signed: "SIZE ROOT NAME" a line
if [ -n "$root" ]; then wanted="$size $root data/log/checkpoint$newline"; fi
if [ -n "$outside" ] && note_read "$outside" "$outside"; then
    if [ -n "$origin" ] && [ "$note_origin" != "$origin" ]; then
        fault checkpoint data/log/checkpoint "is of the log $origin, and your checkpoint of $note_origin"
    elif [ -n "$root" ] && [ "$note_size" = "$size" ]; then
        if [ "$note_root" = "$root" ]; then printf 'your checkpoint is the one that is here\n'
        else fault fork data/log/checkpoint "your checkpoint of the same size has another root: two pasts were signed"; fi
    elif [ -d data/ledger ]; then
        wanted="$wanted$note_size $note_root $outside$newline"
    elif [ "$note_size" -gt "$size" ]; then
        fault older data/log/checkpoint "covers $size entries, and yours $note_size: ask for a package under a checkpoint as new as yours"
    else
        notes="${notes}not checked: that your checkpoint over $note_size entries is a part of the one here; the archive shows it (verify --against)$newline"
    fi
fi

# ---- messages: entry, proof and content of each, a batch at a time

contents_check() { # what lies in $tmp/content against want256 and want512
    content_sum=0
    if [ ! -s "$tmp/want256" ]; then return 0; fi
    for kind in 256 512; do
        if (cd "$tmp/content" && sha${kind}sum --quiet -c "$tmp/want$kind") >"$tmp/sums" 2>/dev/null; then continue; fi
        for line in $(cat "$tmp/sums"); do
            fault c$kind "data/messages/${line%%: *}" "$content_fault"
        done
    done
    rm -rf "$tmp/content" "$tmp/want256" "$tmp/want512"
    mkdir "$tmp/content"
    : >"$tmp/want256"
    : >"$tmp/want512"
}
mkdir "$tmp/content" "$tmp/leaf" "$tmp/node"
: >"$tmp/want256"
: >"$tmp/want512"
content_sum=0
content_fault="salt, envelope and message are not what the entry says"

entry_take() { # SEQ LINE: its form, and its leaf
    case $2 in
    "fumikura/1 seq=$1 prev="*" kind="*) ;;
    *) fault entry "data/$folder/$1.entry" "is not the line of entry $1"; return 0 ;;
    esac
    printf '\000%s\n' "$2" >"$tmp/leaf/$1"
    kind=${2#* kind=}
    kind=${kind%% *}
    eval "kind_$1=\$kind"
    case $2 in *' of='*) of=${2#* of=} of=${of%% *} ;; *) of='' ;; esac
    if [ "$folder" = entries ]; then
        if [ "$kind" = dispose ]; then disposed=$disposed$of$newline; fi
        return 0
    fi
    c256=${2#* c256=} c512=${2#* c512=}
    c256=${c256%% *} c512=${c512%% *}
    if is_hex "$c256" 64 && is_hex "$c512" 128; then eval "want_$1=\$c256.\$c512"
    else fault entry "data/$folder/$1.entry" "has no c256 and c512"; fi
}
# FILES... with a header line each, every byte visible: ==> NAME <==$ then lines that end in $ (an empty line before a header)
visible() { tail -v -n +1 -- "$@" | cat -A; }
entries_read() { # SEQ...
    files=''
    for seq; do files=${files}data/$folder/$seq.entry$newline; done
    at='' count=0 blank=0
    for line in $(visible $files) '==> end <==$'; do
        case $line in
        '==> '*' <==$')
            if [ "$line" = '==> end <==$' ]; then between=0; else between=1; fi # empty lines that are not its own
            if [ -n "$at" ] && { [ $count -ne 1 ] || [ $blank -ne $between ]; }; then
                fault entry "data/$folder/$at.entry" "is not one line"
                rm -f "$tmp/leaf/$at"
            fi
            at=${line##*/} count=0 blank=0
            at=${at%%.*}
            ;;
        '$') blank=$((blank + 1)) ;;
        *)
            count=$((count + 1))
            if [ $count -eq 1 ] && [ "$at" != '==> end <==$' ]; then entry_take "$at" "${line%\$}"; fi
            ;;
        esac
    done
}
proof_end() { # of $at: whether what was read of its file is a proof
    if [ -z "$at" ]; then return 0; fi
    if [ "$step" = note ] && [ "$sn" -eq 0 ] && { [ "$left" = "\$$newline" ] || [ -z "$left" ]; }; then
        eval "proof_$at=yes"
    else
        case $step in
        note) why="its checkpoint is not the one of data/log/checkpoint, or its path has not the length for entry $at" ;;
        *) why="$step" ;;
        esac
        fault proof "data/$folder/$at.proof" "$why"
    fi
}
proofs_read() { # SEQ...: paths by level, $tmp/side.K and $tmp/hash.K
    files=''
    for seq; do files=${files}data/$folder/$seq.proof$newline; done
    at='' step='' left='' deepest=0
    for line in $(visible $files) '==> end <==$'; do
        case $line in
        '==> '*' <==$')
            proof_end
            at=${line##*/} step=first
            case $line in *.proof*) at=${at%%.*} ;; *) at='' ;; esac
            continue
            ;;
        esac
        case $step in
        first) if [ "$line" = 'c2sp.org/tlog-proof@v1$' ]; then step=index; else step="does not begin as c2sp.org/tlog-proof@v1"; fi ;;
        index)
            if [ "$line" = "index $at\$" ] && [ "$at" -lt "$size" ]; then step=path fn=$at sn=$((size - 1)) level=0
            else step="is not the proof of entry $at in a log of $size entries"; fi
            ;;
        path)
            if [ "$line" = '$' ]; then step=note left=$lines; continue; fi
            if [ ${#line} -ne 45 ] || [ "$sn" -eq 0 ]; then step="its path is longer than that of entry $at, or is none"; continue; fi
            if [ $((fn & 1)) -eq 1 ] || [ "$fn" -eq "$sn" ]; then # RFC 9162, section 2.1.3.2
                side=L
                while [ $((fn & 1)) -eq 0 ] && [ "$fn" -ne 0 ]; do fn=$((fn >> 1)) sn=$((sn >> 1)); done
            else side=R; fi
            fn=$((fn >> 1)) sn=$((sn >> 1))
            printf '%s %s\n' "$at" $side >>"$tmp/side.$level"
            printf '%s\n' "${line%\$}" >>"$tmp/hash.$level"
            level=$((level + 1))
            if [ $level -gt $deepest ]; then deepest=$level; fi
            ;;
        note)
            case $left in
            "$line$newline"*) left=${left#"$line$newline"} ;;
            '') if [ "$line" = '$' ]; then left="\$$newline"; else left="$line"; fi ;; # the empty line before a header
            *) left="differs" ;;
            esac
            ;;
        esac
    done
}
hashes_of() { # FILE with 130 hex digits a line, each a node: their digests, one a line, on stdout
    rm -rf "$tmp/node"
    mkdir "$tmp/node"
    xxd -r -p "$1" | split -b 65 -a 5 -d - "$tmp/node/"
    set +f
    set -- "$tmp/node/"*
    set -f
    sha256sum "$@" | cut -c 1-64
}
paths_climb() { # from the leaves to the root, a level of all messages at a time
    set +f
    set -- "$tmp/leaf/"*
    set -f
    if [ "$1" = "$tmp/leaf/*" ]; then return 0; fi
    for line in $(sha256sum "$@"); do eval "hash_${line##*/}=${line%% *}"; done
    level=0
    while [ $level -lt $deepest ]; do
        base64 -d "$tmp/hash.$level" 2>/dev/null | xxd -p -c 32 >"$tmp/hex" || :
        paste -d ' ' "$tmp/side.$level" "$tmp/hex" >"$tmp/steps"
        for line in $(cat "$tmp/steps"); do
            seq=${line%% *} other=${line##* }
            eval "own=\${hash_$seq:-}"
            if ! is_hex "$other" 64 || [ -z "$own" ]; then own=$root other=$root; fi # cannot give the root
            case $line in
            *' L '*) printf '01%s%s\n' "$other" "$own" ;;
            *) printf '01%s%s\n' "$own" "$other" ;;
            esac
        done >"$tmp/nodes"
        hashes_of "$tmp/nodes" | paste -d ' ' "$tmp/side.$level" - >"$tmp/steps"
        for line in $(cat "$tmp/steps"); do eval "hash_${line%% *}=${line##* }"; done
        level=$((level + 1))
    done
}
proofs_check() { # SEQ...
    if [ -z "$root" ]; then return 0; fi
    proofs_read "$@"
    paths_climb
    for seq; do
        eval "good=\${proof_$seq:-} own=\${hash_$seq:-}"
        if [ -n "$good" ] && [ -n "$own" ] && [ "$own" != "$root" ]; then
            fault proof "data/$folder/$seq.proof" "entry $seq is not the one in the tree that was signed"
        fi
    done
    rm -f "$tmp"/side.[0-9] "$tmp"/side.[0-9][0-9] "$tmp"/hash.[0-9] "$tmp"/hash.[0-9][0-9]
    level=0
    while [ $level -lt 64 ] && [ -e "$tmp/side.$level" ]; do rm "$tmp/side.$level" "$tmp/hash.$level"; level=$((level + 1)); done
}
is_plain() { [ -f "data/messages/$1.salt" ] && [ -f "data/messages/$1.envelope" ] && [ -f "data/messages/$1.eml" ]; }
lengths_check() { # SEQ...: of all three files, so that nothing goes from the one into the other
    files='' envelopes=''
    for seq; do
        if ! is_plain "$seq" || [ -f "data/messages/$seq.form" ]; then continue; fi
        m=data/messages/$seq
        files=$files$m.salt$newline$m.envelope$newline$m.eml$newline
        envelopes=$envelopes$m.envelope$newline
    done
    if [ -z "$files" ]; then return 0; fi
    for line in $(stat -c '%s %n' $files); do
        seq=${line##*/}
        case $line in
        *.salt) if [ "${line%% *}" -ne 32 ]; then fault salt "${line#* }" "has not 32 bytes"; fi ;;
        *.envelope) envelope=${line%% *} ;;
        *)
            seq=${seq%.eml} bytes=${line%% *}
            eval "bytes_$seq=$bytes"
            while [ ${#envelope} -lt 10 ]; do envelope=0$envelope; done
            while [ ${#bytes} -lt 20 ]; do bytes=0$bytes; done
            eval "first_$seq='fumikura-envelope/1 envelope=$envelope message=$bytes\$'"
            ;;
        esac
    done
    at=''
    for line in $(head -v -n 1 -- $envelopes | cat -A); do
        case $line in
        '==> '*' <==$') at=${line##*/} at=${at%%.*} ;;
        '$') ;;
        *) eval "if [ \"\$line\" = \"\$first_$at\" ]; then first_$at=; fi" ;;
        esac
    done
    for seq; do
        eval "first=\${first_$seq:-}"
        if [ -n "$first" ]; then
            fault envelope "data/messages/$seq.envelope" "its first line does not say how long envelope and message are"
        fi
    done
}
plain_take() { # SEQ: the three files as one content
    cat "data/messages/$1.salt" "data/messages/$1.envelope" "data/messages/$1.eml" >"$tmp/content/$1"
    eval "content_sum=\$((content_sum + bytes_$1))"
}
part_decrypt() { # FILE KEY NUMBER: AES-256-GCM read as CTR; the tag is the last 16 bytes and is not checked: c256 is
    openssl enc -d -aes-256-ctr -K "$2" -iv "$(printf '%024x00000002' "$3")" -in "$1" 2>/dev/null | head -c -16
}
recipe_flush() { # writes what the line before asked for, $form of $bytes: out of its chunks, else the next of the store
    if [ -z "$form" ]; then return 0; fi
    if [ ! -s "$tmp/piece" ]; then
        tail -c +$((taken + 1)) "$tmp/store" | head -c "$bytes" >"$tmp/piece"
        taken=$((taken + bytes))
    fi
    case $form in
    raw) cat "$tmp/piece" ;;
    lf) base64 -w "$width" "$tmp/piece" | head -c -1 ;;
    crlf) base64 -w "$width" "$tmp/piece" | paste -d '\r' - /dev/null | head -c -2 ;;
    esac
    : >"$tmp/piece"
    form=''
}
chunk_read() { # LINE of the recipe, FORM file: into $tmp/piece. The form says which codec a chunk has
    chunk=${1#chunk } chunk_key=${1##* } chunk_codec=''
    chunk=${chunk%% *}
    for said in $(cat "$2"); do
        case $said in "chunk $chunk: "*) chunk_codec=${said#*: } ;; esac
    done
    if ! is_number "$chunk" || ! is_hex "$chunk_key" 64 || [ ! -f "${2%form}chunk.$chunk" ]; then return 1; fi
    if [ "$chunk_codec" = 1 ]; then
        part_decrypt "${2%form}chunk.$chunk" "$chunk_key" 0 | zstd -d -q -c 2>/dev/null >>"$tmp/piece" || return 1
    else part_decrypt "${2%form}chunk.$chunk" "$chunk_key" 0 >>"$tmp/piece"; fi
}
recipe_follow() { # FORM file: the message out of $tmp/recipe, $tmp/store and chunks (data/format-vault.md, codec 2)
    taken=0 form='' bytes=0 first=yes
    : >"$tmp/piece"
    for said_line in $(cat -A "$tmp/recipe"); do
        said_line=${said_line%\$}
        if [ -n "$first" ]; then
            first=''
            if [ "$said_line" != fumikura-recipe/1 ]; then return 1; fi
            continue
        fi
        case $said_line in
        'raw '*) recipe_flush; form=raw bytes=${said_line#raw } ;;
        'base64 '*)
            recipe_flush
            form=${said_line##* } bytes=${said_line#base64 }
            width=${bytes#* } bytes=${bytes%% *}
            width=${width%% *}
            if ! is_number "$width"; then return 1; fi
            ;;
        'chunk '*) if [ -z "$form" ] || ! chunk_read "$said_line" "$1"; then return 1; fi ;;
        *) return 1 ;;
        esac
        if ! is_number "$bytes"; then return 1; fi
    done
    recipe_flush
}
sealed_take() { # SEQ: decrypted by the key that was handed over
    m=data/messages/$1
    if [ -z "$keys" ]; then unopened=$((unopened + 1)); return 0; fi
    if [ ! -f "$keys/$1.key" ]; then fault message-key "$m.form" "there is no $1.key in $keys"; return 0; fi
    message_key=$(cat "$keys/$1.key")
    codec='' parts=''
    for line in $(cat "$m.form"); do
        case $line in 'codec: '*) codec=${line#codec: } ;; 'parts: '*) parts=${line#parts: } ;; esac
    done
    if ! is_hex "$message_key" 64 || ! is_number "$codec" || ! is_number "$parts"; then
        fault message-key "$m.form" "the form or the key is none"
        return 0
    fi
    part=0
    while [ $part -lt "$parts" ]; do
        if [ ! -f "$m.part.$part" ]; then fault missing "$m.part.$part" "is not there"; return 0; fi
        part=$((part + 1))
    done
    part=0
    if [ "$codec" = 2 ]; then parts=$((parts - 1)); fi # the last one is the recipe
    while [ $part -lt "$parts" ]; do
        part_decrypt "$m.part.$part" "$message_key" $part
        part=$((part + 1))
    done >"$tmp/packed"
    case $codec in
    0) mv "$tmp/packed" "$tmp/content/$1" ;;
    1)
        if ! zstd -d -q -c <"$tmp/packed" >"$tmp/content/$1" 2>/dev/null; then
            : >"$tmp/content/$1" # the digests say it
        fi
        ;;
    2)
        part_decrypt "$m.part.$parts" "$message_key" "$parts" >"$tmp/recipe"
        : >"$tmp/store"
        if [ -s "$tmp/packed" ]; then zstd -d -q -c <"$tmp/packed" >"$tmp/store" 2>/dev/null || :; fi
        if ! recipe_follow "$m.form" >"$tmp/content/$1"; then : >"$tmp/content/$1"; fi
        ;;
    *) fault codec "$m.form" "codec $codec is not known to this script"; rm -f "$tmp/packed"; return 0 ;;
    esac
    content_fault="what it decrypts to is not what the entry says: the key, or the ciphertext, is another"
    content_sum=$((content_sum + $(stat -c %s "$tmp/content/$1")))
}
content_take() { # SEQ
    m=data/messages/$1
    eval "want=\${want_$1:-}"
    if [ -f "$m.form" ]; then sealed_take "$1"
    elif is_plain "$1"; then plain_take "$1"
    else fault missing "$m" "salt, envelope or message is not there"; fi
    if [ -n "$want" ] && [ -f "$tmp/content/$1" ]; then
        printf '%s  %s\n' "${want%.*}" "$1" >>"$tmp/want256"
        printf '%s  %s\n' "${want#*.}" "$1" >>"$tmp/want512"
    fi
    if [ $content_sum -gt $content_bytes ]; then contents_check; fi
}
batch_check() { # SEQ...
    rm -rf "$tmp/leaf"
    mkdir "$tmp/leaf"
    entries_read "$@"
    proofs_check "$@"
    if [ "$folder" = messages ]; then
        messages=$((messages + $#))
        lengths_check "$@"
        for seq; do content_take "$seq"; done
        contents_check
    else bare=$((bare + $#)); fi
    for seq; do
        if [ "$folder" = entries ]; then eval "kind=\${kind_$seq:-}"; if [ "$kind" = mail ]; then gone="$gone$seq$newline"; fi; fi
        unset "first_$seq" "bytes_$seq" "kind_$seq" "want_$seq" "proof_$seq" "hash_$seq"
    done
}
folder_check() { # messages or entries
    folder=$1
    set --
    for name in $(cat "$tmp/there"); do
        case $name in "data/$folder/"*) ;; *) continue ;; esac
        seq=${name##*/}
        seq=${seq%%.*}
        if ! is_number "$seq" || [ ! -f "data/$folder/$seq.entry" ]; then fault extra "$name" "belongs to no entry"; continue; fi
        case ${name#"data/$folder/$seq."} in
        entry) ;;
        proof | salt | envelope | eml | auth | form | part.[0-9]* | chunk.[0-9]*) continue ;;
        *) fault extra "$name" "is none of the files of an entry"; continue ;;
        esac
        if [ ! -f "data/$folder/$seq.proof" ]; then fault missing "data/$folder/$seq.proof" "is not there"; continue; fi
        set -- "$@" "$seq"
        if [ $# -ge $batch_size ]; then batch_check "$@"; set --; fi
    done
    if [ $# -gt 0 ]; then batch_check "$@"; fi
}
is_named() { # SEQ: by a dispose entry
    for range in $(printf '%s' "$disposed" | tr ',' '\n'); do
        if [ "$1" -ge "${range%-*}" ] && [ "$1" -le "${range#*-}" ]; then return 0; fi
    done
    return 1
}
disposed='' gone=''
folder_check messages
folder_check entries
for seq in $gone; do
    if is_named "$seq"; then printf 'entry %s: its content was disposed of, and a signed entry says so\n' "$seq"
    else fault disposal "data/entries/$seq.entry" "its content is not here, and no dispose entry says why"; fi
done

# ---- where messages are from, as it was found when they came: the entry has it, sealed for each message by its salt

auth_open() { # SEQ: what the newest entry that is here says of it
    fact=$(grep -l "^part: $1 " $bodies | sed 's|.*/||; s|\.body$||' | sort -n | tail -n 1)
    [ -n "$fact" ] && [ -f "data/messages/$1.salt" ] || return 0
    grep "^part: $1 " "data/auth/$fact.body" | head -n 1 | cut -d ' ' -f 3 | base64 -d >"$tmp/part" 2>/dev/null || :
    part_key=$(openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt "hexkey:$(xxd -p -c 32 "data/messages/$1.salt")" \
        -kdfopt "hexsalt:$(head -c 16 "$tmp/part" | xxd -p)" -kdfopt "info:fumikura-bound/1 seq=$1" HKDF 2>/dev/null | tr -d ':\n') || part_key=''
    tail -c +17 "$tmp/part" >"$tmp/part.sealed"
    part_decrypt "$tmp/part.sealed" "$part_key" 0
}
set +f
set -- data/auth/*.body
set -f
bodies=''
if [ "$1" != 'data/auth/*.body' ]; then
    for body; do
        bodies=$bodies$body$newline fact=${body##*/}
        fact=${fact%.body}
        if [ ! -f "data/entries/$fact.entry" ] || [ ! -f "${body%.body}.salt" ]; then fault missing "$body" "its entry or its salt is not here"; continue; fi
        case $(cat "data/entries/$fact.entry") in *" c256=$(cat "${body%.body}.salt" "$body" | sha256sum | cut -c 1-64) "*) ;;
        *) fault c256 "$body" "salt and body are not what the entry says" ;; esac
    done
fi
set +f
set -- data/messages/*.auth
set -f
if [ "$1" != 'data/messages/*.auth' ]; then
    if openssl kdf -help >/dev/null 2>&1; then
        for found; do
            seq=${found##*/}
            if [ -z "$bodies" ] || ! auth_open "${seq%.auth}" | cmp -s - "$found"; then fault auth "$found" "is not what the entry says of the message"; fi
        done
        printf 'where they are from was found for %s messages (data/messages/N.auth; VERIFY.md, step 9)\n' $#
    else notes="${notes}not opened: data/auth, as this openssl has no \"kdf\" (version 3 has)$newline"; fi
fi

# ---- the whole ledger, where it is here (a tape): one chain, its head, and the root of every checkpoint

tree_root() { # FILE of leaf digests, at least one: their root. An odd one is carried up as it is (RFC 9162, section 2.1.1)
    cp "$1" "$tmp/row"
    while :; do
        n=$(wc -l <"$tmp/row")
        if [ "$n" -eq 1 ]; then cat "$tmp/row"; return 0; fi
        : >"$tmp/odd"
        if [ $((n % 2)) -eq 1 ]; then tail -n 1 "$tmp/row" >"$tmp/odd"; head -n -1 "$tmp/row" >"$tmp/even"; else cp "$tmp/row" "$tmp/even"; fi
        for line in $(paste -d '\0' - - <"$tmp/even"); do printf '01%s\n' "$line"; done >"$tmp/nodes"
        hashes_of "$tmp/nodes" | cat - "$tmp/odd" >"$tmp/row"
    done
}
chunk_lines() { # FILE: chain of its lines from $next and $head on; digests of the leaves into $tmp/leaves
    rm -rf "$tmp/line" "$tmp/leaf"
    mkdir "$tmp/line" "$tmp/leaf"
    split -l 1 -a 5 -d "$1" "$tmp/line/"
    set +f
    set -- "$1" "$tmp/line/"*
    set -f
    chunk=$1
    shift
    sha256sum "$@" | cut -c 1-64 | paste -d ' ' - "$chunk" | cat -A >"$tmp/chained"
    at=10000 # so that names sort as numbers
    for line in $(cat "$tmp/chained"); do
        digest=${line%% *} line=${line#* }
        line=${line%\$}
        case $line in
        "fumikura/1 seq=$next prev=$head kind="*) ;;
        *) fault chain "data/ledger" "entry $next does not hold to the one before: $(printf '%.120s' "$line")" ;;
        esac
        case $line in
        *' kind=seal '*)
            seal=${line#* segment=} sealed=${line#* digest=}
            printf '%s %s\n' "${seal%% *}" "${sealed%% *}" >>"$tmp/seals"
            ;;
        *' kind=anchor '*)
            reply=${line#* reply=} stamp=${line#* stamp=}
            printf '%s  data/time/%s.tsr\n' "${reply%% *}" "${stamp%% *}" >>"$tmp/anchors"
            ;;
        esac
        printf '\000%s\n' "$line" >"$tmp/leaf/$at"
        head=$digest next=$((next + 1)) at=$((at + 1))
    done
    set +f
    set -- "$tmp/leaf/"*
    set -f
    sha256sum "$@" | cut -c 1-64 >"$tmp/leaves"
}
roots_check() { # FIRST: of the checkpoints that end within these leaves; what comes before is in $stack (level:hash, newest first)
    left=''
    for want in $wanted; do
        at=${want%% *} name=${want#* }
        signed=${name%% *} name=${name#* }
        if [ "$at" -le "$1" ] || [ "$at" -gt "$next" ]; then left=$left$want$newline; continue; fi
        head -n $((at - $1)) "$tmp/leaves" >"$tmp/some"
        own=$(tree_root "$tmp/some")
        for node in $stack; do own=$(hash_node "${node#*:}" "$own"); done
        if [ "$own" = "$signed" ]; then printf 'the first %s entries are those of %s\n' "$at" "$name"
        else fault fork data/ledger "the first $at entries are not those that were signed in $name"; fi
    done
    wanted=$left
}
ledger_check() {
    next=0 stack='' head=0000000000000000000000000000000000000000000000000000000000000000
    : >"$tmp/seals"
    : >"$tmp/anchors"
    mkdir "$tmp/chunk"
    set +f
    set -- data/ledger/*.txt
    set -f
    cat "$@" | split -l 1024 -a 7 -d - "$tmp/chunk/"
    set +f
    set -- "$tmp/chunk/"*
    set -f
    for file; do
        first=$next
        chunk_lines "$file"
        roots_check "$first"
        if [ $((next - first)) -eq 1024 ]; then # a perfect subtree; two of a level make one of the next
            level=10 own=$(tree_root "$tmp/leaves")
            for node in $stack; do
                if [ "${node%%:*}" -ne $level ]; then break; fi
                own=$(hash_node "${node#*:}" "$own") level=$((level + 1)) stack=${stack#*"$newline"}
            done
            stack=$level:$own$newline$stack
        fi
        rm -f "$file"
    done
    entries=$next
    for want in $wanted; do
        name=${want#* }
        fault truncated data/ledger "has $next entries, and ${name#* } was signed over ${want%% *}"
    done
    for line in $(cat bag-info.txt 2>/dev/null); do
        case $line in "Fumikura-Head: "*) if [ "$line" != "Fumikura-Head: $head" ]; then fault head bag-info.txt "the ledger ends with another entry"; fi ;; esac
    done
}
seals_check() { # each segment is as its newest seal entry says
    for line in $(cat manifest-sha256.txt); do
        case $line in *'  data/segments/'*) ;; *) continue ;; esac
        number=${line##*/} sealed=''
        number=${number%.sealed}
        while [ "${number#0}" != "$number" ]; do number=${number#0}; done
        for seal in $(cat "$tmp/seals"); do if [ "${seal%% *}" = "$number" ]; then sealed=${seal##* }; fi; done
        if [ "$sealed" != "${line%% *}" ]; then fault seal "${line##*  }" "is not the segment that the ledger sealed"; fi
        segments=$((segments + 1))
    done
}

# ---- time stamps: over a checkpoint of this log, which the one here continues

continues_check() { # FILE NAME: the proof that the tree of note_size, note_root is how ours began (RFC 9162, section 2.1.4.2)
    path='' step=old left=''
    for line in $(cat -A "$1"); do
        case $step in
        old) if [ "$line" = "old $note_size\$" ]; then step=path; else step=bad; fi ;;
        path) if [ "$line" = '$' ]; then step=note; elif [ ${#line} -eq 45 ]; then path=$path$(unbase64 "${line%\$}")$newline; else step=bad; fi ;;
        note) left=$left$line$newline ;;
        esac
    done
    if [ $step != note ] || [ "$left" != "$lines" ]; then fault consistency "$1" "is not the proof from the stamped checkpoint to data/log/checkpoint"; return 0; fi
    fn=$((note_size - 1)) sn=$((size - 1)) good=yes
    while [ $((fn & 1)) -eq 1 ]; do fn=$((fn >> 1)) sn=$((sn >> 1)); done
    if [ $fn -eq 0 ]; then old=$note_root new=$note_root; else old='' new=''; fi
    for other in $path; do
        if ! is_hex "$other" 64 ; then good=''; break; fi
        if [ -z "$new" ]; then old=$other new=$other; continue; fi
        if [ $sn -eq 0 ]; then good=''; break; fi
        if [ $((fn & 1)) -eq 1 ] || [ $fn -eq $sn ]; then
            old=$(hash_node "$other" "$old") new=$(hash_node "$other" "$new")
            while [ $((fn & 1)) -eq 0 ] && [ $fn -ne 0 ]; do fn=$((fn >> 1)) sn=$((sn >> 1)); done
        else new=$(hash_node "$new" "$other"); fi
        fn=$((fn >> 1)) sn=$((sn >> 1))
    done
    if [ -z "$good" ] || [ $sn -ne 0 ] || [ "$old" != "$note_root" ] || [ "$new" != "$root" ]; then
        fault consistency "$1" "the stamped checkpoint is not how the log began that was signed here"
    fi
}
stamp_check() { # NAME without .tsr
    stamps=$((stamps + 1))
    if [ ! -f "$1.checkpoint" ]; then fault missing "$1.checkpoint" "is not there"; return 0; fi
    if [ -d data/ledger ] && [ "$(head -n 1 "$1.checkpoint")" != "$origin" ]; then
        other_log=yes # of before a restore, say: what it is over is here, so its root shows it, and the stamp when
        notes="${notes}not checked: the signature of $1.checkpoint, which is of another log over the same ledger$newline"
    fi
    if ! note_read "$1.checkpoint" "$1.checkpoint"; then other_log=''; return 0; fi
    other_log=''
    if [ -d data/ledger ]; then wanted="$wanted$note_size $note_root $1.checkpoint$newline"
    elif [ -z "$root" ]; then return 0
    elif [ "$note_origin" != "$origin" ]; then fault stamp "$1.checkpoint" "is of another log"; return 0
    elif [ "$note_size" -gt "$size" ]; then fault older data/log/checkpoint "is older than $1.checkpoint"
    elif [ "$note_size" -eq "$size" ]; then
        if [ "$note_root" != "$root" ]; then fault fork "$1.checkpoint" "has another root than data/log/checkpoint of the same size"; fi
    elif [ -f "$1.consistency" ]; then continues_check "$1.consistency"
    else fault missing "$1.consistency" "is not there"; fi
    token_check "$1" "$1.checkpoint" "entries before $note_size were there on"
}
token_check() { # NAME FILE WHAT: it is over FILE
    made=''
    for line in $(openssl ts -reply -in "$1.tsr" -text 2>/dev/null | cat -A); do
        case $line in 'Time stamp: '*) made=${line#Time stamp: } made=${made%\$} ;; esac
    done
    if [ -z "$made" ]; then fault stamp "$1.tsr" "is no time stamp"; return 0; fi
    if [ -z "$roots" ]; then notes="${notes}not checked: who made the time stamp $1.tsr (--tsa-roots)$newline"; return 0; fi
    if openssl ts -verify -data "$2" -in "$1.tsr" -CAfile "$roots" -attime "$(date -d "$made" +%s)" >"$tmp/stamp" 2>&1; then
        printf '%s %s: the time stamp holds\n' "$3" "$made"
    else
        fault stamp "$1.tsr" "openssl ts -verify does not take it: $(tail -n 1 "$tmp/stamp")"
    fi
}
renewal_check() { # NAME without .tsr: the list holds, and the stamp over it
    stamps=$((stamps + 1))
    if [ ! -f "$1.sha512" ]; then fault missing "$1.sha512" "is not there"; return 0; fi
    : >"$tmp/renewal"
    tiles=0
    for line in $(cat "$1.sha512"); do
        case $line in
        *'  ../log/tile/'*) tiles=$((tiles + 1)) ;;
        *'  '*/* | *'  .'* | *'  ') fault renewal "$1.sha512" "lists what is no file of a renewal: $line" ;;
        *'  '*)
            if [ -f "data/time/${line##*  }" ]; then printf '%s\n' "$line" >>"$tmp/renewal"
            else fault missing "data/time/${line##*  }" "is not there, and $1.sha512 lists it"; fi
            ;;
        *) fault renewal "$1.sha512" "a line is not of the form" ;;
        esac
    done
    if [ -s "$tmp/renewal" ]; then sums_check sha512sum "$tmp/renewal" renewal data/time; fi
    if [ $tiles -gt 0 ]; then notes="${notes}not checked: $tiles tiles that $1.sha512 lists; a tape has their lines in data/ledger$newline"; fi
    token_check "$1" "$1.sha512" "what $1.sha512 lists was there on"
}
anchors_check() { # each reply is the one that the ledger has the digest of
    set +f
    set -- data/time/*.tsr
    set -f
    if [ "$1" = 'data/time/*.tsr' ]; then return 0; fi
    sha256sum "$@" | sort >"$tmp/replies"
    sort "$tmp/anchors" >"$tmp/anchors.sorted"
    for line in $(comm -23 "$tmp/replies" "$tmp/anchors.sorted"); do
        if cut -c 67- "$tmp/anchors" | grep -qxF "${line##*  }"; then fault anchor "${line##*  }" "is not the reply that its anchor entry has"
        else notes="${notes}not bound: no entry of the ledger here speaks of ${line##*  }$newline"; fi
    done
}
set +f
set -- data/time/*.tsr
set -f
if [ "$1" != 'data/time/*.tsr' ]; then
    for stamp; do
        case $stamp in
        data/time/renewal-*) renewal_check "${stamp%.tsr}" ;;
        *) stamp_check "${stamp%.tsr}" ;;
        esac
    done
fi
if [ -d data/ledger ]; then ledger_check; seals_check; anchors_check; fi

# ---- what was found

if [ $unopened -gt 0 ]; then notes="${notes}not opened: $unopened sealed messages; their keys are handed over apart (--message-keys)$newline"; fi
if [ -z "$outside" ]; then notes="${notes}not compared: a checkpoint of your own (--checkpoint)$newline"; fi
printf '%s' "$notes"
if [ -f manifest-sha256.txt ]; then
    printf 'the archive has this manifest in its own ledger, if it made this: %s\n' "$(sha256sum manifest-sha256.txt | cut -c 1-64)"
fi
printf '%s messages, %s disposed of or alone, %s time stamps, %s ledger entries, %s segments: %s failed\n' \
    $messages $bare $stamps $entries $segments $faults
if [ $faults -gt 0 ]; then exit 1; fi
