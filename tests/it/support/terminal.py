#!/usr/bin/env python3
"""Runs a program on a terminal of its own.

usage: terminal.py ANSWER PROGRAM ARG...      ANSWER is typed at the first question that ends in "[y/N] "
"""

import os, pty, select, sys

answer, program = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(program[0], program)
output, answered = b"", False
while select.select([terminal], [], [], 50)[0]:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    output += data
    if output.endswith(b"[y/N] ") and not answered:
        os.write(terminal, answer.encode() + b"\n")
        answered = True
sys.stdout.write(output.decode().replace("\r\n", "\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
