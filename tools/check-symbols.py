#!/usr/bin/python3
"""A folder exports only its own prefix: core/policy exports policy_*, base/str.c exports str_*.

usage: check-symbols.py BUILD   (a build directory with libsealpost.a)
"""
import pathlib
import re
import subprocess
import sys

SPECIAL = {'mem': ('mem_', 'arena_'), 'report': ('report_', 'receipt_')}
IGNORED = re.compile(r'^(__asan|__odr|__sanitizer)')


def objects(archive):
    text = subprocess.run(['nm', '--defined-only', '--extern-only', str(archive)], check=True,
                          capture_output=True, text=True).stdout
    current = None
    for line in text.splitlines():
        if line.endswith('.o:'):
            current = re.sub(r'^.*/', '', line[:-1])
        elif current and len(line.split()) == 3:
            yield current, line.split()[2]


def prefix_of(member):
    """'core_policy_snapshot.c.o' -> 'policy'; 'base_str.c.o' -> 'str'; 'cli_queue.c.o' -> 'cli'."""
    parts = member.removesuffix('.c.o').removeprefix('meson-generated_').removeprefix('.._').split('_')
    return 'cli' if parts[0] == 'cli' else parts[1]


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else 'build')
    problems = []
    for member, symbol in objects(build / 'src' / 'libsealpost.a'):
        prefix = prefix_of(member)
        allowed = SPECIAL.get(prefix, (prefix + '_',))
        if not IGNORED.match(symbol) and not symbol.startswith(allowed):
            problems.append(f'{member}: exports {symbol}, expected {" or ".join(allowed)}...')
    print('\n'.join(problems) if problems else 'symbols: every folder exports its own prefix only')
    return 1 if problems else 0


sys.exit(main())
