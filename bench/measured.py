"""`python3 -I -S measured.py COMMAND...`: run it, and print its exit code, wall seconds, CPU seconds and peak KiB.

A process of its own, because Linux counts the memory of whoever started a program among the program's own peak
(exec keeps the high-water mark): that of this small one, some 9 MiB, is the least that can be told. CPU is user and
system time of COMMAND and of all it waited for; the peak is that of the largest of them. Output goes to stderr.
"""

import os
import sys
import time


def main(argv: list[str]) -> None:
    begun = time.monotonic()
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
    _, status, used = os.wait4(pid, 0)
    wall_s = time.monotonic() - begun
    print(os.waitstatus_to_exitcode(status), wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss)


main(sys.argv[1:])
