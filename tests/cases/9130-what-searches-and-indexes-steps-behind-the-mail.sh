#!/usr/bin/env bash
# 9130 - web, lend, indexd, authd and whatever they start, each thread of them, are behind what takes mail: nice 10 and, where
# the kernel has slices, long ones. keep, receive, sign and logd are as the server is, and so is a command's own desk. While there
# is mail, keep has a thread on each CPU that wakes all the time, so that who is due is seen at once; otherwise it rests.
. "$ROOT/tests/lib/server.sh"
vault_new
server_start
own_mails
blast -c 2 -o "$TEST_DIR/acks" "$(address smtp)" "$TEST_DIR/mails" >/dev/null || fail "mail was refused"
fk index --wait >/dev/null || fail "index"
curl -fsS "http://$(address web)/api/v1/search?q=a*" >"$TEST_DIR/answer" || fail "a search"

# class PID: "nice slice-in-ms" of each of its threads, once; the slice is "-" before Linux 6.12.
cat >"$TEST_DIR/class.py" <<'PY'
import ctypes, os, platform, struct, sys
call = {"x86_64": 315, "aarch64": 275}.get(platform.machine())
has_slices = call and tuple(map(int, platform.release().split("-")[0].split(".")[:2])) >= (6, 12)
libc = ctypes.CDLL(None, use_errno=True)
found = set()
for tid in os.listdir(f"/proc/{sys.argv[1]}/task"):
    slice_ms = "-"
    if has_slices:
        attr = ctypes.create_string_buffer(56)
        if libc.syscall(call, int(tid), attr, 56, 0) != 0:
            sys.exit(f"sched_getattr: {os.strerror(ctypes.get_errno())}")
        slice_ms = "long" if struct.unpack_from("=IIQiIQ", attr)[5] == 100_000_000 else "short"
    found.add(f"{os.getpriority(os.PRIO_PROCESS, int(tid))} {slice_ms}")
print("; ".join(sorted(found)))
PY
class() { python3 "$TEST_DIR/class.py" "$1"; }
slice_of() { class $$ | cut -d ' ' -f 2; }

mine=$(nice)
plain="$mine $(slice_of)"
behind="$((mine > 10 ? mine : 10)) $([ "$(slice_of)" = - ] && echo - || echo long)"
for role in keep receive sign logd; do
    # of keep's threads one seals, and is nice by itself
    expect "$plain" "$(class "$(role_pid $role)" | sed "s/; 10 ${plain#* }//; s/10 ${plain#* }; //")" "$role"
done
started=0
for role in web lend indexd authd; do
    for p in $(descendants "$(role_pid $role)"); do
        [ -e "/proc/$p" ] || continue
        expect "$behind" "$(class "$p")" "$role: $(tr '\0' ' ' <"/proc/$p/cmdline")"
        started=$((started + 1))
    done
done
[ $started -gt 4 ] || fail "no process of indexd or authd was looked at"

# beats: how often keep's threads of that name went to sleep.
beats() {
    local t
    for t in "/proc/$(role_pid keep)/task"/*; do
        ! grep -qx beat "$t/comm" || sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' "$t/status"
    done | awk '{n += $1; count++} END {print n + 0, count + 0}'
}
rest() {
    before=$(beats)
    sleep 0.3
    [ "$before" = "$(beats)" ]
}
wait_for 20 rest || fail "the beat goes on without mail: $(beats)"
cpus=$(nproc)
expect $((cpus > 64 ? 64 : cpus)) "${before#* }" "threads that beat, one a CPU"
for _ in 1 2 3; do
    blast -c 2 -o "$TEST_DIR/acks" "$(address smtp)" "$TEST_DIR/mails" >/dev/null || fail "mail was refused"
done
after=$(beats)
[ "${after% *}" -ge $((${before% *} + 20 * ${before#* })) ] || fail "no beat while mail came: $before, then $after"
wait_for 20 rest || fail "the beat goes on after the mail: $(beats)"
server_stop

# Without a server a command waits for its own desk, which has the priority of the command.
"$FUMIKURA" -C "$V" lend & desk=$!
at_exit "kill $desk 2>/dev/null"
desk_is_up() { tr '\0' '\n' <"/proc/$desk/cmdline" | grep -qx lend; }
wait_for 10 desk_is_up || fail "no desk"
sleep 0.3
[ ! -e "/proc/$desk" ] || expect "$plain" "$(class $desk)" "a desk that was started apart"
