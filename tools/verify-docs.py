#!/usr/bin/python3
"""What the documentation says of the code is true: the process table, the rooms, the RFCs, and every link.

usage: verify-docs.py [BUILD]
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def process_rows():
    """{name: (may, may not)} of port/runtime/table.c."""
    text = (ROOT / 'src/port/runtime/table.c').read_text()
    return {name: (may, may_not) for name, may, may_not in re.findall(
        r'\.name = "([^"]+)".*?\.may = "([^"]+)",\s*\.may_not = "([^"]+)"', text, re.S)}


def check_processes(architecture):
    documented = {name: (may.strip(), may_not.strip()) for name, may, may_not in re.findall(
        r'^\| `(\w+)`[^|]*\| ([^|]+) \| ([^|]+) \|$', architecture.split('## Layers')[0].split('What must happen')[0], re.M)}
    for name, row in process_rows().items():
        if documented.get(name) != row:
            yield f'docs/architecture.md: process {name} reads {documented.get(name)}, the table says {row}'
    for name in documented.keys() - process_rows().keys():
        yield f'docs/architecture.md: there is no process {name}'


def check_rooms(architecture):
    drawing = architecture.split('## Layers')[1].split('```')[1]
    for layer in ('process', 'port', 'core'):
        for room in sorted(p.name for p in (ROOT / 'src' / layer).iterdir() if p.is_dir()):
            if not re.search(rf'\b{room}\b', drawing):
                yield f'docs/architecture.md: src/{layer}/{room} is missing from the drawing of the layers'


def check_links():
    files = subprocess.run(['git', 'ls-files', '*.md'], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in files.split():
        for target in re.findall(r'\]\(([^)#]+)', (ROOT / name).read_text()):
            if '://' not in target and not (ROOT / name).parent.joinpath(target).exists():
                yield f'{name}: the link to {target} leads nowhere'


def check_adrs():
    for path in sorted((ROOT / 'docs/adr').glob('*.md')):
        if not re.match(rf'# {int(path.name[:4])}\. ', path.read_text()):
            yield f'docs/adr/{path.name}: the title does not carry its number'


def check_rfcs():
    files = subprocess.run(['git', 'ls-files', 'src'], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    cited = set()
    for name in files.split():
        if name.endswith(('.c', '.h')):
            cited |= set(re.findall(r'RFC ?(\d{3,5})', (ROOT / name).read_text()))
    listed = set(re.findall(r'^\| (\d+) \|', (ROOT / 'docs/rfc-index.md').read_text(), re.M))
    for number in sorted(cited - listed, key=int):
        yield f'docs/rfc-index.md: RFC {number} is cited in the code and missing here'
    for number in sorted(listed - cited, key=int):
        yield f'docs/rfc-index.md: RFC {number} is cited nowhere in the code'


def main():
    architecture = (ROOT / 'docs/architecture.md').read_text()
    problems = [*check_processes(architecture), *check_rooms(architecture), *check_links(), *check_adrs(), *check_rfcs()]
    print('\n'.join(problems) if problems else 'documents: true to the code')
    return 1 if problems else 0


sys.exit(main())
