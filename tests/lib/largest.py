#!/usr/bin/env python3
"""largest.py FILE COMMAND...: runs it, writes into FILE the KiB of the largest process that it and all
below it were (VmHWM of each, as the kernel tells those who wait for it); its exit status."""
import resource, subprocess, sys

status = subprocess.run(sys.argv[2:]).returncode
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(status)
