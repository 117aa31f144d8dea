#!/usr/bin/python3
"""Every event of the log stands in docs/logs.md with its levels and fields, and nothing else does.

usage: verify-logs.py [--list] [BUILD]        (--list: what the source says, as rows for the page)
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CALL = re.compile(r'\b(log_event|log_write|runtime_fail)\(')
LEVELS = {'LOG_DEBUG_LEVEL': 'debug', 'LOG_INFO_LEVEL': 'info', 'LOG_WARNING_LEVEL': 'warning', 'LOG_ERROR_LEVEL': 'error'}
# Where these are defined.
DEFINED = {'src/port/log/log.c', 'src/port/log/log.h', 'src/port/runtime/runtime.h'}
# Names that are made when they are written: the text of the argument -> the names it can have.
MADE = {
    ('src/process/supervise/supervise.c', 'events[i]'): ['serve.publishing', 'serve.https', 'serve.metrics'],
    ('src/process/spool/settle.c', 'event'): [f'recipient.{kind}' for kind in (
        'delivered', 'relayed', 'deferred', 'failed', 'returned', 'expired')],
    ('src/port/runtime/peers.c', 'peer->all->handlers->complaint'): sorted(
        name for path in (ROOT / 'src/process').rglob('*.c')
        for name in re.findall(r'\.complaint = "([^"]+)"', path.read_text())),
}


def without_comments(text):
    return re.sub(r'/\*.*?\*/', lambda m: re.sub(r'[^\n]', ' ', m.group()), text, flags=re.S)


def arguments(text, at):
    """The top-level arguments of the call whose parenthesis opens at AT."""
    depth, start, found, quoted = 0, at + 1, [], False
    for i in range(at, len(text)):
        c = text[i]
        if quoted:
            quoted = not (c == '"' and text[i - 1] != '\\')
        elif c == '"':
            quoted = True
        elif c in '([{':
            depth += 1
        elif c in ')]}':
            depth -= 1
            if depth == 0:
                return [*found, text[start:i].strip()]
        elif c == ',' and depth == 1:
            found.append(text[start:i].strip())
            start = i + 1
    raise ValueError('a call that does not end')


def events_of(path, text):
    """(line, name, levels, fields) of each call."""
    name_of = path.relative_to(ROOT).as_posix()
    for match in CALL.finditer(text):
        line = text.count('\n', 0, match.start()) + 1
        given = arguments(text, match.end() - 1)
        if match[1] == 'runtime_fail':
            if 'struct runtime' in given[0]:
                continue  # its definition
            level, event, fields = 'LOG_ERROR_LEVEL', given[1], ['reason']
        else:
            level, event = given[0], given[1]
            fields = re.findall(r'LOG_(?:TEXT|NUMBER)\(\s*"(\w+)"', ' '.join(given[2:]))
        names = re.findall(r'"([^"]+)"', event) or MADE.get((name_of, event))
        levels = {LEVELS[word] for word in re.findall(r'LOG_\w+_LEVEL', level)}
        yield f'{name_of}:{line}', names, levels, fields


def of_source():
    """({name: (levels, fields)}, problems)"""
    found, problems = {}, []
    for path in sorted((ROOT / 'src').rglob('*.c')):
        relative = path.relative_to(ROOT).as_posix()
        if path.name.startswith(('test_', 'testing', 'fuzz_')) or relative in DEFINED:
            continue
        for where, names, levels, fields in events_of(path, without_comments(path.read_text())):
            if not names:
                if relative != 'src/port/runtime/runtime.c':  # runtime_fail() itself
                    problems.append(f'{where}: the name of the event cannot be read here; see MADE in tools/verify-logs.py')
                continue
            for name in names:
                known = found.setdefault(name, (set(), set()))
                known[0].update(levels)
                known[1].update(fields)
    return found, problems


def of_page():
    """({name: (levels, fields)}, fields that are described)"""
    text = (ROOT / 'docs/logs.md').read_text()
    rows = re.findall(r'^\| `([a-z][\w.-]*)` \| ([a-z, ]+) \| ([^|]*) \| ([^|]+) \| ([^|]+) \|$', text, re.M)
    described = set(re.findall(r'^\| `(\w+)` \| [^|]+ \|$', text, re.M))
    return {name: (set(levels.split(', ')), set(re.findall(r'`(\w+)`', fields)))
            for name, levels, fields, _, _ in rows}, described


def main():
    source, problems = of_source()
    if '--list' in sys.argv:
        for name, (levels, fields) in sorted(source.items()):
            shown = ', '.join(f'`{f}`' for f in sorted(fields)) or '-'
            print(f'| `{name}` | {", ".join(sorted(levels))} | {shown} | | |')
        return 0
    page, described = of_page()
    for name in sorted(source.keys() - page.keys()):
        problems.append(f'docs/logs.md: the event {name} is missing')
    for name in sorted(page.keys() - source.keys()):
        problems.append(f'docs/logs.md: there is no event {name}')
    for name in sorted(source.keys() & page.keys()):
        for what, there, here in zip(('levels', 'fields'), source[name], page[name]):
            if there != here:
                problems.append(f'docs/logs.md: {name}: {what} are {", ".join(sorted(there)) or "none"}, '
                                f'the page says {", ".join(sorted(here)) or "none"}')
    used = set().union(*(fields for _, fields in source.values()))
    for name in sorted(used - described):
        problems.append(f'docs/logs.md: the field {name} is not described')
    for name in sorted(described - used):
        problems.append(f'docs/logs.md: there is no field {name}')
    print('\n'.join(problems) if problems else f'logs: {len(source)} events with {len(used)} fields are documented')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
