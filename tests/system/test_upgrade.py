"""Today's server takes over the databases of every schema before, and ends with the very tables that a new one has."""
import pathlib
import re
import sqlite3

import pytest

from waiting import wait_for

SCHEMAS = pathlib.Path(__file__).resolve().parents[1] / 'upgrade'
KEEP = {'trace': {'keep': '3650d'}}


def versions(name):
    return sorted(int(re.fullmatch(rf'{name}-(\d+)\.sql', path.name).group(1)) for path in SCHEMAS.glob(f'{name}-*.sql'))


def put(data, name, version):
    data.mkdir(exist_ok=True)
    database = sqlite3.connect(data / f'{name}.db')
    database.executescript((SCHEMAS / f'{name}-{version}.sql').read_text())
    database.commit()
    database.close()


def tables_of(path):
    database = sqlite3.connect(path)
    found = {(kind, name): re.sub(r'\s+', ' ', sql or '') for kind, name, sql in
             database.execute("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")}
    version = database.execute('PRAGMA user_version').fetchone()[0]
    database.close()
    return version, found


@pytest.fixture(scope='module')
def fresh(tmp_path_factory):
    """The databases of a server that has never had others."""
    from sealpost import Sealpost
    new = Sealpost(tmp_path_factory.mktemp('new') / 'n', node=KEEP)
    new.start()
    assert new.stop() == 0
    return new.directory / 'data'


def test_every_schema_before_is_there(fresh):
    for name in ('queue', 'trace'):
        current, _ = tables_of(fresh / f'{name}.db')
        assert versions(name) == list(range(1, current)), f'tests/upgrade lacks a {name}.db of a schema before {current}'


@pytest.mark.parametrize('queue, trace', [(q, max(1, min(q - 1, versions('trace')[-1]))) for q in versions('queue')]
                         + [(versions('queue')[-1], t) for t in versions('trace')])
def test_taken_over(tmp_path, instances, fresh, queue, trace):
    ours = instances(tmp_path / 'ours', 'mx.contoso.example', node=KEEP)
    put(ours.directory / 'data', 'queue', queue)
    put(ours.directory / 'data', 'trace', trace)
    ours.start()
    assert {c['name'] for c in ours.json('connector', 'list')} == {'office', 'fabrikam'}
    assert [d['name'] for d in ours.json('domain', 'list')] == ['contoso.example']
    waiting = ours.json('queue', 'list')
    assert [r['address'] for m in waiting for r in m['recipients']] == ['x@elsewhere.example']
    found = wait_for(lambda: ours.json('trace', 'bob@fabrikam.example'), 'the trace to answer')
    assert len(found) == 3, found
    assert 'mx.fabrikam.example' in ours.cli('trace', found[0]['id']).stdout
    ours.cli('org', 'add', 'later')
    ours.cli('queue', 'delete', '--all', '--yes')
    assert ours.stop() == 0
    for name in ('queue', 'trace'):
        assert tables_of(ours.directory / 'data' / f'{name}.db') == tables_of(fresh / f'{name}.db'), name


def test_a_newer_schema_is_refused(tmp_path, instances):
    ours = instances(tmp_path / 'ours', node=KEEP).start()
    assert ours.stop() == 0
    database = sqlite3.connect(ours.directory / 'data' / 'queue.db')
    database.execute('PRAGMA user_version = 999')
    database.commit()
    database.close()
    ours.start(wait=False)
    wait_for(lambda: 'written by a newer version (schema 999' in ours.log_text(), 'the reason in the log', 60)
