#!/usr/bin/python3
"""What dashboard and rules read is what the server writes: every metric and label of the table in core/metrics."""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MONITORING = ROOT / 'packaging/monitoring'
# Labels that Prometheus adds.
OF_PROMETHEUS = {'instance', 'job', 'le'}


def table():
    """{name: (type, labels)} of core/metrics/table.h; histograms by the names of their series."""
    text = (ROOT / 'src/core/metrics/table.h').read_text().replace('\\\n', ' ')
    rows = re.findall(r'X\(METRICS_\w+,\s*"(\w+)",\s*(COUNTER|GAUGE|HISTOGRAM),\s*"([\w,]*)"', text)
    names = {}
    for name, kind, labels in rows:
        for suffix in ('_bucket', '_sum', '_count') if kind == 'HISTOGRAM' else ('',):
            names[f'sealpost_{name}{suffix}'] = set(filter(None, labels.split(',')))
    return names


def expressions():
    """(where, expression)"""
    dashboard = json.loads((MONITORING / 'grafana-dashboard.json').read_text())
    for panel in dashboard['panels']:
        for target in panel.get('targets', ()):
            yield f'grafana-dashboard.json: {panel["title"]}', target['expr']
    for variable in dashboard['templating']['list']:
        if 'definition' in variable:
            yield f'grafana-dashboard.json: variable {variable["name"]}', variable['definition']
    for name in ('alerts.yaml', 'alerts.test.yaml'):
        yield name, (MONITORING / name).read_text()


def main():
    names, problems, seen = table(), [], set()
    for where, expression in expressions():
        found = re.findall(r'\b(sealpost_\w+)(?:\{([^}]*)\})?', expression)
        if not found:
            problems.append(f'{where}: reads no metric of ours')
        for name, selector in found:
            seen.add(name)
            if name not in names:
                problems.append(f'{where}: there is no metric {name}')
                continue
            for label in re.findall(r'(\w+)\s*(?:=~|!~|!=|=)', re.sub(r'"[^"]*"', '""', selector)):
                if label not in names[name] | OF_PROMETHEUS:
                    problems.append(f'{where}: {name} has no label {label}')
    print('\n'.join(problems) if problems else f'monitoring: {len(seen)} metrics of {len(names)} are read, all are there')
    return 1 if problems else 0


sys.exit(main())
