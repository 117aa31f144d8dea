#!/usr/bin/python3
"""House rules as a script: banned calls, lengths of functions and files, words of unfinished work."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BANNED = re.compile(r'\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|alloca|rand|srand|system|popen|'
                    r'tmpnam|mktemp|usleep|sleep)\s*\(')
GOTO = re.compile(r'^\s*goto\b')
UNFINISHED = re.compile(r'\b(TODO|FIXME|XXX|HACK)\b')
SLEEP_PY = re.compile(r'\btime\.sleep\(')
PAUSING = {'tests/system/waiting.py'}  # the one place that may pause between two looks
MAX_FUNCTION = 60
MAX_FILE = 600


def tracked(*patterns):
    out = subprocess.run(['git', 'ls-files', '--cached', '--others', '--exclude-standard', *patterns],
                         cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / line for line in sorted(set(out.splitlines())) if (ROOT / line).exists()]


def strip(line):
    line = re.sub(r'"(\\.|[^"\\])*"', '""', line)
    return re.sub(r'/\*.*?\*/|//.*$', '', line)


def check_c(path):
    name = path.relative_to(ROOT).as_posix()
    lines = path.read_text().splitlines()
    is_test = path.name.startswith(('test_', 'fuzz_'))
    if len(lines) > MAX_FILE:
        yield f'{name}: {len(lines)} lines, more than {MAX_FILE}'
    start, in_comment = 0, False
    for number, line in enumerate(lines, 1):
        code = strip(line)
        if in_comment or '/*' in code:
            in_comment = '*/' not in line
            continue
        if match := BANNED.search(code):
            yield f'{name}:{number}: {match.group(1)}() is banned here'
        if GOTO.match(code):
            yield f'{name}:{number}: goto'
        if line == '{':
            start = number
        elif line.startswith('}') and start:
            length = number - start - 1
            if length > MAX_FUNCTION and not is_test and not line.startswith('};'):
                yield f'{name}:{start}: a function of {length} lines, more than {MAX_FUNCTION}'
            start = 0


def main():
    problems = []
    for path in tracked('src/*.c', 'src/*.h', 'bench/*.c', 'bench/*.h'):
        problems += check_c(path)
    for path in tracked('*.c', '*.h', '*.py', '*.sh', '*.md', '*.build', 'Makefile'):
        name = path.relative_to(ROOT).as_posix()
        if name == 'tools/check-habits.py':
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if UNFINISHED.search(line):
                problems.append(f'{name}:{number}: unfinished work: {line.strip()[:80]}')
            if path.suffix == '.py' and SLEEP_PY.search(line) and name not in PAUSING:
                problems.append(f'{name}:{number}: a fixed sleep; wait for a condition instead')
    print('\n'.join(problems) if problems else 'habits: kept')
    return 1 if problems else 0


sys.exit(main())
