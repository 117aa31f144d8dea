"""A certificate's life: versions come, are tried, become current, and go; nobody is cut off, whatever happens."""
import json
import random
import ssl

import pytest

from certs import Authority, spki_pin
from setups import organisation, outbound_partner
from waiting import wait_for

HOST = 'mx.ours.example'


@pytest.fixture
def ours(tmp_path, instances):
    """A server whose certificates are all in its data directory."""
    return instances(tmp_path / 'ours', HOST)


def new(authority, number, **how):
    return authority.issue(HOST, file=f'version-{number}-{random.randrange(1 << 40)}', **how)


def bring(instance, authority, certificate, *more, check=True):
    return instance.cli('cert', 'import', 'mx', certificate.chain, certificate.key, '--node', instance.write_node(),
                        '--trust', authority.certificate, *more, check=check)


def rollover(instance, *words, check=True):
    return instance.cli('cert', 'rollover', *words, '--node', instance.write_node(), check=check)


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
    node = ('--node', ours.write_node(), '--trust', authority.certificate)
    ours.cli('cert', 'import', 'mx', *words, *node)
    ours.start()
    kinds = [c['chain'][0]['key'] for c in ours.json('cert', 'list')]
    assert sorted(k.split()[0] for k in kinds) == ['ECDSA', 'RSA']
    assert len(life(ours)['versions'][0]['sha256']) == 2
    refused = ours.cli('cert', 'import', 'mx', *words[:2], *words[:2], *node, check=False)
    assert refused.returncode == 1 and 'both are ECDSA' in refused.stderr


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
    rollover(ours, 'advance', 'mx', '--at=+4s')
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
    node = ('--node', ours.write_node())
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
        done = ours.cli('cert', 'import', 'mx', chain, key, '--node', ours.write_node(), '--trust', authority.certificate, check=False)
        assert done.returncode == 1 and why in done.stderr, (why, done.stderr)
        assert not (ours.directory / 'data' / 'certificates' / 'mx').exists()
    # The wrong way round is put right.
    mixed = tmp_path / 'mixed.pem'
    mixed.write_text(''.join(reversed([c + '-----END CERTIFICATE-----\n' for c in deep.chain.read_text().split('-----END CERTIFICATE-----\n')[:-1]])))
    ours.cli('cert', 'import', 'mx', mixed, deep.key, '--node', ours.write_node(), '--trust', authority.certificate)
    stored = (ours.directory / 'data' / 'certificates' / 'mx' / '1' / 'ecdsa.pem').read_text()
    assert stored.split() == deep.chain.read_text().split()


def test_a_name_that_nobody_uses(ours, authority):
    bring(ours, authority, new(authority, 1))
    ours.node['listeners'][0]['certificates'] = ['mx']
    ours.start()
    spare = authority.issue('spare.example')
    done = ours.cli('cert', 'import', 'spare', spare.chain, spare.key, '--node', ours.write_node(), '--trust', authority.certificate)
    assert 'warning: no listener, organisation or connector uses' in done.stderr
    assert 'in use: listener mx' in ours.cli('cert', 'remove', 'mx', '--yes', '--node', ours.write_node(), check=False).stderr
    ours.cli('cert', 'remove', 'spare', '--yes', '--node', ours.write_node())
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


def test_an_import_that_the_server_refuses_is_undone(ours, authority):
    bring(ours, authority, new(authority, 1))
    ours.start()
    before = life(ours)
    node = ours.write_node().read_text()
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
    ours.cli('cert', 'import', 'mx', second.chain, second.key, '--node', ours.write_node(), '--trust', foreign_authority.certificate)
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
