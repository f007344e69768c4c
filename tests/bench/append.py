#!/usr/bin/env python3
"""append.py FILE DIR: appends each file of DIR to FILE with an fdatasync each; the median in milliseconds."""
import os
import statistics
import sys
import time

out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
took = []
for name in sorted(os.listdir(sys.argv[2])):
    with open(os.path.join(sys.argv[2], name), "rb") as f:
        data = f.read()
    began = time.perf_counter()
    os.write(out, data)
    os.fdatasync(out)
    took.append((time.perf_counter() - began) * 1000)
print(f"{statistics.median(took):.3f}")
