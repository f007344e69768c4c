#!/usr/bin/env python3
"""unpacked.py [--deflate] FILE-OR-DIRECTORY...: on standard output what can be unpacked of any bytes of them, for a search of
what is said to be gone: each frame of zstd (the text store of the index), wherever it begins, whole or as far as it goes; with
--deflate also whatever inflates to something (Xapian's records and lists of terms), tried at every byte of a page
that is not all zeros. As a module: frames(data), streams(data)."""
import os
import re
import subprocess
import sys
import zlib

FRAME = b"\x28\xb5\x2f\xfd"
PAGE, STREAM_MAX, OUT_MAX = 4096, 1 << 13, 1 << 18


def frames(data):
    """What each frame of zstd gives."""
    for m in re.finditer(re.escape(FRAME), data):
        yield subprocess.run(["zstd", "-dcq"], input=data[m.start():m.start() + (8 << 20)], capture_output=True).stdout


def streams(data):
    """What each deflate stream gives, of those that begin in a page that is not all zeros."""
    for page in range(0, len(data), PAGE):
        if not data[page:page + PAGE].strip(b"\0"):
            continue
        for at in range(page, min(page + PAGE, len(data))):
            if data[at] & 6 in (2, 4):  # a block that is packed
                try:
                    out = zlib.decompressobj(-15).decompress(data[at:at + STREAM_MAX], OUT_MAX)
                except zlib.error:
                    continue
                if len(out) > 8:
                    yield out


def files(names):
    for name in names:
        if not os.path.isdir(name):
            yield name
        for directory, _, inside in os.walk(name):
            yield from (os.path.join(directory, f) for f in inside)


def main():
    names = sys.argv[1:]
    ways = [frames]
    if names[:1] == ["--deflate"]:
        ways, names = [frames, streams], names[1:]
    for name in files(names):
        with open(name, "rb") as f:
            data = f.read()
        for way in ways:
            for out in way(data):
                sys.stdout.buffer.write(out + b"\n")


if __name__ == "__main__":
    main()
