"""A certificate's life: versions come, are tried, become current, and go; nobody is cut off, whatever happens."""
import fcntl
import json
import random
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from certs import Authority, openssl, spki_pin
from clock import Clock, available
from setups import organisation, outbound_partner
from waiting import wait_for

HOST = 'mx.ours.example'


@pytest.fixture
def ours(tmp_path, instances):
    """A server whose certificates are all in its data directory."""
    return instances(tmp_path / 'ours', HOST)


def node_file(instance):
    """Written once: a server that starts meanwhile must not find half of it."""
    path = instance.directory / 'node.yaml'
    return path if path.exists() else instance.write_node()


def new(authority, number, **how):
    return authority.issue(HOST, file=f'version-{number}-{random.randrange(1 << 40)}', **how)


def bring(instance, authority, certificate, *more, check=True):
    return instance.cli('cert', 'import', 'mx', certificate.chain, certificate.key, '--node', node_file(instance),
                        '--trust', authority.certificate, *more, check=check)


def rollover(instance, *words, check=True):
    return instance.cli('cert', 'rollover', *words, '--node', node_file(instance), check=check)


def life(instance, name='mx'):
    return json.loads((instance.directory / 'data' / 'certificates' / name / 'life.json').read_text())


def states(instance, name='mx'):
    return {v['id']: v['state'] for v in life(instance, name)['versions']}


def served_states(instance):
    return {c['version']: c['state'] for c in instance.json('cert', 'list') if c['name'] == 'mx'}


def presented(instance):
    """SHA-256 of what the server presents to one who comes."""
    with instance.smtp() as client:
        der = client.sock.getpeercert(binary_form=True)
    return ssl.DER_cert_to_PEM_cert(der)


def shows(instance, certificate):
    return presented(instance).split() == certificate.leaf.read_text().split()


def key_of(instance, version, kind='ecdsa', name='mx'):
    return instance.directory / 'data' / 'certificates' / name / version / f'{kind}.key'


# ---- one whole life -------------------------------------------------------------------------------


def test_from_the_first_to_the_second(ours, authority):
    first, second = new(authority, 1), new(authority, 2)
    bring(ours, authority, first)  # no server runs yet
    ours.start()
    pids = {p['pid'] for p in ours.processes()}
    assert shows(ours, first) and served_states(ours) == {'1': 'current'}
    session = ours.smtp()
    assert 'is next' not in bring(ours, authority, second).stdout
    assert states(ours) == {'1': 'current', '2': 'next'} == served_states(ours)
    assert shows(ours, first)
    assert 'replace' in bring(ours, authority, new(authority, 3), check=False).stderr
    rollover(ours, 'advance', 'mx')
    assert shows(ours, second) and served_states(ours) == {'1': 'deprecated', '2': 'current'}
    rollover(ours, 'back', 'mx')
    assert shows(ours, first)
    rollover(ours, 'advance', 'mx')
    assert key_of(ours, '1').exists()
    rollover(ours, 'retire', 'mx')
    assert states(ours) == {'1': 'retired', '2': 'current'} and served_states(ours) == {'2': 'current'}
    assert not key_of(ours, '1').exists() and key_of(ours, '1').with_suffix('.pem').exists()
    assert session.noop()[0] == 250, 'a session from before all this goes on'
    session.quit()
    assert {p['pid'] for p in ours.processes()} == pids, 'nothing was started anew'
    assert '2' in rollover(ours, 'plan', 'mx').stdout
    assert ours.log_text().count('event=certificate.state') >= 7


def test_two_kinds_side_by_side(ours, authority):
    pairs = [new(authority, 1), new(authority, 1, key='rsa2048')]
    words = [w for p in pairs for w in (p.chain, p.key)]
    node = ('--node', node_file(ours), '--trust', authority.certificate)
    ours.cli('cert', 'import', 'mx', *words, *node)
    ours.start()
    kinds = [c['chain'][0]['key'] for c in ours.json('cert', 'list')]
    assert sorted(k.split()[0] for k in kinds) == ['ECDSA', 'RSA']
    assert len(life(ours)['versions'][0]['sha256']) == 2
    refused = ours.cli('cert', 'import', 'mx', *words[:2], *words[:2], *node, check=False)
    assert refused.returncode == 1 and 'both are ECDSA' in refused.stderr


def test_the_other_kind_comes_later(ours, authority, tmp_path):
    first = new(authority, 1)
    bring(ours, authority, first)
    ours.start()
    refused = bring(ours, authority, new(authority, 2), '--beside', check=False)
    assert refused.returncode == 1 and 'other kind (RSA)' in refused.stderr, 'there is nothing to keep'
    # Keys that are requested never leave: two kinds can only come one after the other.
    node = ('--node', node_file(ours))
    request, answer = tmp_path / 'mx.csr', tmp_path / 'answer.pem'
    request.write_text(ours.cli('cert', 'request', 'mx', f'--host={HOST}', '--key=rsa-2048', *node).stdout)
    authority._sign(request, answer, 'leaf')
    ours.cli('cert', 'import', 'mx', answer, '--beside', *node, '--trust', authority.certificate)
    assert states(ours) == {'1': 'current', '2': 'next'}
    assert key_of(ours, '2', 'rsa').exists() and key_of(ours, '2').read_text() == key_of(ours, '1').read_text()
    assert 'Nothing is known' in rollover(ours, 'plan', 'mx').stdout
    # A next version that is there is kept in part: the ECDSA one is renewed, the RSA one stays.
    rsa = key_of(ours, '2', 'rsa').read_text()
    second = new(authority, 3)
    bring(ours, authority, second, '--beside', '--advance')
    assert states(ours) == {'1': 'deprecated', '2': 'retired', '3': 'current'}
    assert key_of(ours, '3', 'rsa').read_text() == rsa and key_of(ours, '3').read_text().split() == second.key.read_text().split()
    assert shows(ours, second)
    rollover(ours, 'retire', 'mx')
    assert 'no next version' in rollover(ours, 'plan', 'mx').stdout


def test_slips_are_said(ours, authority):
    first = new(authority, 1)
    bring(ours, authority, first)
    ours.start()
    assert 'version 1 (current) already' in bring(ours, authority, first).stderr
    done = rollover(ours, 'advance', 'mx', '--at=2020-01-01T00:00:00Z', check=False)
    assert done.returncode == 2 and 'is over' in done.stderr
    for at in '2020-01-01T00:00:00Z', '1970-01-01T00:00:00Z':
        for action in 'start', 'advance', 'back', 'retire':
            done = ours.cli('api', 'POST', '/v1/certificates/mx/rollover', '--body=-', check=False,
                            input=json.dumps({'action': action, 'at': at, **({'share': 5} if action == 'start' else {})}))
            assert done.returncode == 1 and 'at: ' in done.stderr and 'is over' in done.stderr, (action, at, done)
    assert states(ours) == {'1': 'current', '2': 'next'}, 'a moment that is over is not now'
    assert 'Nothing is counted' in ours.cli('cert', 'acceptance', 'mistyped').stdout
    ours.apply({'organisations': [{'name': 'ours'}], 'connectors': [outbound_partner('ours', 'p', 'p.example')]})
    assert 'neither the connector' in ours.cli('cert', 'explain', '--connector=p', '--to=mx.p.example').stdout


def test_a_missing_issuer_is_named_with_its_place(ours, authority, tmp_path):
    below = Authority(tmp_path / 'below', 'Below', parent=authority, endpoints={'issuer': 'http://ca.example/below.cer'})
    refused = bring(ours, authority, below.issue(HOST, file='cut', leaf_only=True), check=False)
    assert refused.returncode == 1 and 'published at http://ca.example/below.cer' in refused.stderr


def test_a_trial_by_date_and_cancelled(ours, authority):
    bring(ours, authority, new(authority, 1))
    bring(ours, authority, new(authority, 2))
    ours.start()
    ours.apply({'organisations': [organisation('ours')],
                'connectors': [outbound_partner('ours', 'p', 'p.example', certificate='mx')]})
    assert 'share' in rollover(ours, 'start', 'mx', check=False).stderr
    assert 'no connector' in rollover(ours, 'start', 'mx', '--connector=ours/q', check=False).stderr
    rollover(ours, 'start', 'mx', '--connector=p', '--share=5')
    assert life(ours)['plan']['is_trial'] and life(ours)['plan']['connectors'] == ['ours/p']
    rollover(ours, 'cancel', 'mx')
    assert not life(ours)['plan']['is_trial']
    rollover(ours, 'start', 'mx', '--share=5', '--at=+2s')
    rollover(ours, 'advance', 'mx', '--at=+10s')
    wait_for(lambda: life(ours)['plan']['is_trial'], 'the trial')
    assert states(ours) == {'1': 'current', '2': 'next'}
    wait_for(lambda: served_states(ours) == {'1': 'deprecated', '2': 'current'}, 'the second to be current')
    assert 'by=date' in ours.log_text()


def test_without_a_server(ours, authority):
    bring(ours, authority, new(authority, 1))
    bring(ours, authority, new(authority, 2))
    assert 'No server runs' in rollover(ours, 'plan', 'mx').stdout
    rollover(ours, 'advance', 'mx')
    rollover(ours, 'retire', 'mx')
    assert states(ours) == {'1': 'retired', '2': 'current'} and not key_of(ours, '1').exists()
    assert rollover(ours, 'back', 'mx', check=False).returncode == 1


def test_request_and_answer(ours, authority, tmp_path):
    node = ('--node', node_file(ours))
    request = tmp_path / 'mx.csr'
    request.write_text(ours.cli('cert', 'request', 'mx', f'--host={HOST}', '--key=rsa-2048', '--organisation=Ours', *node).stdout)
    assert 'requested already' in ours.cli('cert', 'request', 'mx', *node, check=False).stderr
    answer = tmp_path / 'answer.pem'
    authority._sign(request, answer, 'leaf')
    ours.cli('cert', 'import', 'mx', answer, *node, '--trust', authority.certificate)
    assert key_of(ours, '1', 'rsa').exists()
    assert not (ours.directory / 'data' / 'certificates' / 'mx' / 'request').exists()


# ---- what is refused ------------------------------------------------------------------------------


def test_refused_with_a_reason(ours, authority, tmp_path):
    below = Authority(tmp_path / 'below', 'Below', parent=authority)
    good, other = new(authority, 1), new(authority, 2)
    deep = below.issue(HOST, file='deep')
    old = new(authority, 3, start='20200101000000Z', end='20210101000000Z')
    early = new(authority, 4, start='20400101000000Z', end='20410101000000Z')
    alone = below.issue(HOST, file='alone', leaf_only=True)
    weak = new(authority, 5, key='rsa1024')
    rows = [(good.chain, other.key, 'does not belong'), (old.chain, old.key, 'expired'), (early.chain, early.key, 'not valid yet'),
            (alone.chain, alone.key, 'does not reach a root'), (weak.chain, weak.key, 'shorter than 2048 bits'), (good.key, good.key, 'no certificate')]
    for chain, key, why in rows:
        done = ours.cli('cert', 'import', 'mx', chain, key, '--node', node_file(ours), '--trust', authority.certificate, check=False)
        assert done.returncode == 1 and why in done.stderr, (why, done.stderr)
        assert not (ours.directory / 'data' / 'certificates' / 'mx').exists()
    # The wrong way round is put right.
    mixed = tmp_path / 'mixed.pem'
    mixed.write_text(''.join(reversed([c + '-----END CERTIFICATE-----\n' for c in deep.chain.read_text().split('-----END CERTIFICATE-----\n')[:-1]])))
    ours.cli('cert', 'import', 'mx', mixed, deep.key, '--node', node_file(ours), '--trust', authority.certificate)
    stored = (ours.directory / 'data' / 'certificates' / 'mx' / '1' / 'ecdsa.pem').read_text()
    assert stored.split() == deep.chain.read_text().split()


def test_a_name_that_nobody_uses(ours, authority):
    bring(ours, authority, new(authority, 1))
    ours.node['listeners'][0]['certificates'] = ['mx']
    ours.start()
    spare = authority.issue('spare.example')
    done = ours.cli('cert', 'import', 'spare', spare.chain, spare.key, '--node', node_file(ours), '--trust', authority.certificate)
    assert 'warning: no listener, organisation or connector uses' in done.stderr
    assert 'in use: listener mx' in ours.cli('cert', 'remove', 'mx', '--yes', '--node', node_file(ours), check=False).stderr
    ours.cli('cert', 'remove', 'spare', '--yes', '--node', node_file(ours))
    assert {c['name'] for c in ours.json('cert', 'list')} == {'mx'}
    assert not (ours.directory / 'data' / 'certificates' / 'spare').exists()


def test_what_the_processes_refuse_is_put_back(ours, authority):
    first = new(authority, 1)
    bring(ours, authority, first)
    bring(ours, authority, new(authority, 2))
    ours.start()
    before = life(ours)
    key_of(ours, '2').write_text('damaged')
    done = rollover(ours, 'advance', 'mx', check=False)
    assert done.returncode == 1 and 'keys/0' in done.stderr, done.stderr
    assert life(ours) == before and served_states(ours) == {'1': 'current', '2': 'next'}
    assert shows(ours, first)


def test_one_that_fails_holds_up_no_other(ours, authority):
    """Steps by date: of two that are due the first cannot be taken, and the second is all the same."""
    for name in 'first', 'second':
        for number in 1, 2:
            pair = new(authority, number)
            ours.cli('cert', 'import', name, pair.chain, pair.key, '--node', node_file(ours), '--trust',
                     authority.certificate)
    ours.start()
    for name in 'first', 'second':
        rollover(ours, 'advance', name, '--at=+12s')
    key_of(ours, '2', name='first').write_text('damaged')
    wait_for(lambda: states(ours, 'second') == {'1': 'deprecated', '2': 'current'}, 'the second to advance', 40)
    wait_for(lambda: 'certificate.step_failed' in ours.log_text(), 'the first to fail', 40)
    assert states(ours, 'first') == {'1': 'current', '2': 'next'}


def test_steps_asked_for_at_once_are_taken_one_after_the_other(ours, authority):
    names = 'first', 'second', 'third'
    for name in names:
        for number in 1, 2:
            pair = new(authority, number)
            ours.cli('cert', 'import', name, pair.chain, pair.key, '--node', node_file(ours), '--trust',
                     authority.certificate)
    ours.start()
    with (ours.directory / 'data/certificates/.lock').open() as lock, ThreadPoolExecutor(3) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as an import does
        steps = [pool.submit(rollover, ours, 'advance', name, '--at=+1d') for name in names]
        assert not wait(steps, 2).done
        fcntl.flock(lock, fcntl.LOCK_UN)
        for step in steps:
            assert step.result().returncode == 0
    for name in names:
        assert states(ours, name) == {'1': 'current', '2': 'next'}


def test_an_import_that_the_server_refuses_is_undone(ours, authority):
    bring(ours, authority, new(authority, 1))
    ours.start()
    before = life(ours)
    node = node_file(ours).read_text()
    ours.directory.joinpath('node.yaml').write_text(node + 'nonsense: true\n')
    second = new(authority, 2)
    done = ours.cli('cert', 'import', 'mx', second.chain, second.key, '--data', ours.directory / 'data', '--trust',
                    authority.certificate, check=False)
    assert done.returncode == 1 and 'undone' in done.stderr, done.stderr
    assert life(ours) == before


# ---- partners -------------------------------------------------------------------------------------


def test_partners_who_pinned_are_told_before(ours, authority, foreign_authority):
    first, second = new(authority, 1), new(foreign_authority, 2)
    bring(ours, authority, first)
    ours.start()
    pinned = outbound_partner('ours', 'pinned', 'pinned.example', certificate='mx')
    pinned['expects'] = {'pins': [spki_pin(first)], 'issuer': 'test root'}
    named = outbound_partner('ours', 'named', 'named.example', certificate='mx')
    named['expects'] = {'names': [HOST]}
    ours.apply({'organisations': [organisation('ours')], 'connectors': [pinned, named]})
    ours.cli('cert', 'import', 'mx', second.chain, second.key, '--node', node_file(ours), '--trust', foreign_authority.certificate)
    warnings = {(w['severity'], w['token'], w['subject']) for w in
                json.loads(rollover(ours, 'plan', 'mx', '--json').stdout)['warnings']}
    assert {('error', 'partner-pins', 'connector ours/pinned'), ('error', 'partner-issuer', 'connector ours/pinned'),
            ('warning', 'root-changes', 'certificate mx')} <= warnings
    assert not any('named' in subject for _, _, subject in warnings)
    done = rollover(ours, 'advance', 'mx', check=False)
    assert done.returncode == 1 and 'connector ours/pinned' in done.stderr and 'force' in done.stderr
    assert states(ours) == {'1': 'current', '2': 'next'}
    rollover(ours, 'advance', 'mx', '--force')
    assert shows(ours, second)


# ---- killed at any moment -------------------------------------------------------------------------


class Roller(threading.Thread):
    """Imports, advances and retires, one after the other, whatever comes of it."""

    def __init__(self, instance, authority, certificates):
        super().__init__(daemon=True)
        self.instance, self.authority, self.certificates = instance, authority, certificates
        self.stopping = threading.Event()
        self.turn = threading.Lock()  # while no server runs, steps are taken on disk: not while that is looked at
        self.done = 0

    def run(self):
        turn = 0
        while not self.stopping.is_set():
            certificate = self.certificates[turn % len(self.certificates)]
            steps = [lambda: bring(self.instance, self.authority, certificate, '--replace', check=False),
                     lambda: rollover(self.instance, 'start', 'mx', '--share=50', check=False),
                     lambda: rollover(self.instance, 'advance', 'mx', check=False),
                     lambda: rollover(self.instance, 'back', 'mx', check=False),
                     lambda: rollover(self.instance, 'advance', 'mx', check=False),
                     lambda: rollover(self.instance, 'retire', 'mx', check=False)]
            with self.turn:
                self.done += steps[turn % len(steps)]().returncode == 0
            turn += 1


def check_disk(instance):
    """Exactly one current version; every living one has its key, no retired one, once swept."""
    found = list(states(instance).values())
    assert found.count('current') == 1 and found.count('next') <= 1 and found.count('deprecated') <= 1, found
    for version, state in states(instance).items():
        if state != 'retired':
            public = openssl('pkey', '-in', key_of(instance, version), '-pubout')
            assert public == openssl('x509', '-in', key_of(instance, version).with_suffix('.pem'), '-noout', '-pubkey')


def test_killed_at_any_moment(ours, authority):
    chance = random.Random(11)
    certificates = [new(authority, n) for n in range(6)]
    bring(ours, authority, certificates[0])
    bring(ours, authority, certificates[1])
    ours.start()
    roller = Roller(ours, authority, certificates)
    roller.start()
    try:
        for _ in range(15):
            before = roller.done
            wait_for(lambda: roller.done >= before + 3, 'three more steps', 60)
            threading.Event().wait(chance.random() * 0.2)  # anywhere in a step: the moment is the point
            ours.kill()
            with roller.turn:
                check_disk(ours)
                ours.start()
                text = presented(ours)
            assert any(text.split() == c.leaf.read_text().split() for c in certificates)
    finally:
        roller.stopping.set()
        roller.join(60)
    states_now = states(ours)
    rollover(ours, 'drop', 'mx', check=False)
    for version, state in states(ours).items():
        assert state != 'retired' or not key_of(ours, version).exists(), states_now


# ---- a year ---------------------------------------------------------------------------------------

DAY = 86400


def stamp(moment):
    return time.strftime('%Y%m%d%H%M%SZ', time.gmtime(moment))


def check_valid(instance, clock):
    """What is presented is valid on that day."""
    dates = subprocess.run(['openssl', 'x509', '-noout', '-startdate', '-enddate'], input=presented(instance),
                           capture_output=True, text=True, check=True).stdout
    first, last = (time.strptime(line.split('=')[1], '%b %d %H:%M:%S %Y GMT') for line in dates.splitlines())
    begin, end = (int(subprocess.run(['date', '-u', '-d', time.strftime('%Y-%m-%d %H:%M:%S', t), '+%s'], capture_output=True,
                                     text=True, check=True).stdout) for t in (first, last))
    assert begin <= clock.now() < end, dates


@pytest.mark.skipif(not available(), reason='no compiler for the clock')
def test_a_year_of_renewals(tmp_path, instances, authority):
    """Six certificates of 90 days, one every 60 days: by date, with the server off, with a jump, and forgotten."""
    clock = Clock(tmp_path / 'clock')
    start = int(time.time()) // DAY * DAY + DAY
    clock.set(start + 60)
    ours = instances(tmp_path / 'ours', HOST, prefix=clock.prefix)

    def issue(number, day):
        begin = start + day * DAY
        return new(authority, number, start=stamp(begin), end=stamp(begin + 90 * DAY))

    def on(day, expected, jump=False):
        clock.set(start + day * DAY + 60)
        if not jump:  # whoever is told looks at once; else the change is seen within seconds
            ours.cli('reload')
        wait_for(lambda: served_states(ours) == expected, f'{expected} on day {day}: {states(ours)}', 40)
        check_valid(ours, clock)

    bring(ours, authority, issue(1, 0))
    ours.start()
    on(0, {'1': 'current'})
    for number in range(2, 6):
        day, old, version = 60 * (number - 1), str(number - 1), str(number)
        on(day, {old: 'current'})
        bring(ours, authority, issue(number, day))
        rollover(ours, 'start', 'mx', '--share=10', '--at=+5d')
        rollover(ours, 'advance', 'mx', '--at=+20d')
        rollover(ours, 'retire', 'mx', '--at=+30d')
        if number == 3:  # the machine is off while all of it is due
            ours.stop()
            clock.set(start + (day + 35) * DAY)
            ours.start()
            on(day + 35, {version: 'current'})
            continue
        on(day + 5, {old: 'current', version: 'next'})
        wait_for(lambda: life(ours)['plan']['is_trial'], f'the trial on day {day + 5}')
        on(day + 20, {old: 'deprecated', version: 'current'}, jump=number == 4)
        on(day + 30, {version: 'current'})
        assert not key_of(ours, old).exists()
    # Nobody has set dates: the one that ends gives way to the one that is there.
    on(300, {'5': 'current'})
    bring(ours, authority, issue(6, 300))
    on(329, {'5': 'current', '6': 'next'})
    on(330, {'6': 'current'})
    assert list(states(ours).values()) == ['retired'] * 5 + ['current']
    assert 'event=process.ended' not in ours.log_text().split('event=serve.ended')[-1], 'nothing ended by itself'
