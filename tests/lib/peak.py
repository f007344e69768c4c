#!/usr/bin/env python3
"""peak.py NAME=PID...: samples /proc/PID/status every 10 ms until SIGTERM or all are gone, then prints
"NAME KIB" each: the highest RssAnon + RssShmem, and "NAME-hwm KIB", the kernel's VmHWM (files mapped too)."""
import signal
import sys
import time

peaks, hwm = {}, {}
watched = dict(a.split("=") for a in sys.argv[1:])
running = True


def stop(_signal, _frame):
    global running
    running = False


signal.signal(signal.SIGTERM, stop)
while running and watched:
    for name, pid in list(watched.items()):
        try:
            with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
                fields = dict(line.split(":", 1) for line in f if ":" in line)
            now = sum(int(fields[k].split()[0]) for k in ("RssAnon", "RssShmem"))
            peaks[name] = max(peaks.get(name, 0), now)
            hwm[name] = int(fields["VmHWM"].split()[0])
        except (OSError, KeyError):
            del watched[name]
    time.sleep(0.01)
for name, kib in peaks.items():
    print(name, kib)
    print(name + "-hwm", hwm[name])
