#!/usr/bin/env python3
"""Runs a program on a terminal of its own, where somebody types.

usage: python3 -I -S terminal.py COLUMNS STEPS PROGRAM ARG...

STEPS is JSON: pairs of what is waited for in the output, and what is typed then. Instead of a text, "signal N" is sent to the
program, "bytes HEX" is typed as it is, "run COMMAND" runs a command of the shell, "echo on" shows what is typed, and with "hang up" the terminal goes. The terminal has 24 rows, or $ROWS.
"""

import fcntl, os, select, struct, sys, termios

# It is started hundreds of times: lists of texts are the same in Python, and to import json takes as long as all the rest.
columns, steps, program = int(sys.argv[1]), eval(sys.argv[2]), sys.argv[3:]
rows = int(os.environ.get("ROWS", 24))
pid, terminal = os.forkpty()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.execvp(program[0], program)
output, seen = b"", 0
while select.select([terminal], [], [], 20)[0]:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    output += data
    while steps and steps[0][0].encode() in output[seen:]:
        expected, typed = steps.pop(0)
        seen = output.index(expected.encode(), seen) + len(expected.encode())
        if typed.startswith("signal "):
            os.kill(pid, int(typed[7:]))
        elif typed.startswith("run "):
            os.system(typed[4:])
        elif typed == "echo on":
            settings = termios.tcgetattr(terminal)
            settings[3] |= termios.ECHO
            termios.tcsetattr(terminal, termios.TCSANOW, settings)
        elif typed == "hang up":
            os.close(terminal)
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        else:
            os.write(terminal, bytes.fromhex(typed[6:]) if typed.startswith("bytes ") else typed.encode())
sys.stdout.write(output.decode(errors="replace").replace("\r\n", "\n"))
for expected, _ in steps:
    print(f"never seen: {expected!r}")
# Who still waits for something to be typed, hears that there is no terminal any more.
os.close(terminal)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
