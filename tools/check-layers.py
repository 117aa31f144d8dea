#!/usr/bin/python3
"""Includes point down only: cli -> process -> port -> core -> base; no process includes another."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RANK = {'base': 0, 'core': 1, 'port': 2, 'process': 3, 'cli': 4}
# What the pure core must never see: descriptors, clocks, loops, logs.
IMPURE = re.compile(r'^(unistd|fcntl|time|sys/(?!types|queue|param)|poll|pthread|signal|sqlite3|event2/|'
                    r'openssl/ssl|openssl/bio|curl/|unbound|netdb)')
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def room_of(path):
    """('core', 'policy') for core/policy/x.c, ('base', '') for base/x.c."""
    parts = path.split('/')
    return parts[0], parts[1] if len(parts) > 2 else ''


def check_file(path):
    relative = path.relative_to(ROOT / 'src').as_posix()
    layer, room = room_of(relative)
    if layer not in RANK:
        return  # src/sealpost.c stands above all
    is_test = path.name.startswith(('test_', 'fuzz_'))
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        kind, target = match.groups()
        where = f'src/{relative}:{number}'
        if kind == '<':
            if layer in ('base', 'core') and not is_test and IMPURE.match(target) \
                    and not (layer == 'base' and target == 'time.h'):
                yield f'{where}: <{target}> does not belong in the pure {layer} layer'
            continue
        to_layer, to_room = room_of(target)
        if to_layer not in RANK:
            yield f'{where}: "{target}" is not written from the root of src/'
        elif RANK[to_layer] > RANK[layer]:
            yield f'{where}: {layer} may not include {to_layer} ("{target}")'
        elif layer == 'process' and to_layer == 'process' and to_room != room:
            yield f'{where}: process {room} may not include process {to_room}'


def main():
    problems = []
    for path in sorted((ROOT / 'src').rglob('*.[ch]')):
        problems += check_file(path)
    print('\n'.join(problems) if problems else 'layers: includes point down only')
    return 1 if problems else 0


sys.exit(main())
