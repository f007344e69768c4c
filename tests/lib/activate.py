#!/usr/bin/env python3
"""activate.py NAME=ADDRESS... -- PROGRAM ARGS: binds and listens, then becomes the program with the sockets as
systemd hands them over (sd_listen_fds(3)). ADDRESS: HOST:PORT or unix:PATH. FDS=n in the environment says
another LISTEN_FDS than there are, PID=n another LISTEN_PID."""
import os
import socket
import sys

split = sys.argv.index("--")
names, sockets = [], []
for word in sys.argv[1:split]:
    name, address = word.split("=", 1)
    if address.startswith("unix:"):
        s = socket.socket(socket.AF_UNIX)
        s.bind(address[5:])
    else:
        host, port = address.rsplit(":", 1)
        s = socket.socket(socket.AF_INET6 if host.startswith("[") else socket.AF_INET)
        if host == "[::]":
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.bind((host.strip("[]"), int(port)))
    s.listen(128)
    names.append(name)
    sockets.append(s)
high = [os.dup(s.fileno()) for s in sockets]
high = [os.dup2(fd, 100 + i) for i, fd in enumerate(high)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i, inheritable=True)
    os.close(fd)
os.environ.update(LISTEN_FDS=os.environ.pop("FDS", str(len(high))), LISTEN_FDNAMES=":".join(names),
                  LISTEN_PID=os.environ.pop("PID", str(os.getpid())))
os.execv(sys.argv[split + 1], sys.argv[split + 1:])
