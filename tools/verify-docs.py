#!/usr/bin/python3
"""What the documentation says of the code is true: the process table, the rooms, the RFCs, every link, the pinned
decisions and the commands.

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


def check_cases():
    """A page that cites a pinned decision as `file: name` cites one that exists."""
    pinned = {}
    for path in sorted((ROOT / 'tests/snapshots/policy').glob('*.txt')):
        pinned[path.stem] = set(re.findall(r'^== (.+)$', path.read_text(), re.M))
    for page in sorted((ROOT / 'docs').glob('*.md')):
        for name, case in re.findall(rf'`({"|".join(pinned)}): ([^`]+)`', page.read_text()):
            if case not in pinned[name]:
                yield f'{page.name}: there is no pinned case "{case}" in tests/snapshots/policy/{name}.txt'


def check_findings():
    """Every token of the lint stands in the table for administrators, and none that is no more."""
    section = (ROOT / 'docs/connectors.md').read_text().split('## What is doubtful: lint')[1].split('\n## ')[0]
    documented = set(re.findall(r'`([a-z-]+)`', ''.join(
        line for line in section.splitlines() if re.match(r'\| (error|warning|note) ', line))))
    known = set(re.findall(r'X\(LINT_\w+, "([a-z-]+)"', (ROOT / 'src/core/policy/lint_inside.h').read_text()))
    for token in sorted(documented ^ known):
        yield f'docs/connectors.md: lint token {token} ' + (
            'is missing' if token in known else 'is none of src/core/policy/lint_inside.h')


def check_commands():
    """Examples of commands use verbs, options and properties that the manual pages know."""
    verbs = re.findall(r'^\.It Cm (.+)$', (ROOT / 'docs/man/sealpost.1').read_text(), re.M)
    verbs = {' '.join(w for w in verb.replace('\\', '').split() if w != 'Ar' and re.fullmatch('[a-z-]+', w)) for verb in verbs}
    options = set(re.findall(r'^\.It Fl Fl ([a-z\\-]+)', (ROOT / 'docs/man/sealpost.1').read_text(), re.M))
    options = {o.replace('\\', '') for o in options}
    properties = set(re.findall(r'^\.It Cm (\S+)$', (ROOT / 'docs/man/sealpost-config.5').read_text(), re.M))
    known = options | {p.replace('\\', '').replace('_', '-') for p in properties}
    for page in sorted((ROOT / 'docs').glob('*.md')):
        for line in re.findall(r'^sealpost (.+)$', page.read_text(), re.M):
            words = line.split()
            if not any(' '.join(words[:n]) in verbs for n in (1, 2, 3)):
                yield f'{page.name}: "sealpost {" ".join(words[:2])}" is no verb of sealpost(1)'
            for option in re.findall(r'(?<!\S)--([a-z.-]+)', line):
                if option not in known:
                    yield f'{page.name}: --{option} is neither in sealpost(1) nor in sealpost-config(5)'


def main():
    architecture = (ROOT / 'docs/architecture.md').read_text()
    problems = [*check_processes(architecture), *check_rooms(architecture), *check_links(), *check_adrs(), *check_rfcs(),
                *check_cases(), *check_findings(), *check_commands()]
    print('\n'.join(problems) if problems else 'documents: true to the code')
    return 1 if problems else 0


sys.exit(main())
