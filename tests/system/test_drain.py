"""The orderly end, the bounded restarts, and what a reload keeps."""
import concurrent.futures
import json
import os
import re
import shutil
import signal
import smtplib
import socket

import pytest

from sealpost import free_port, message
from setups import local_domain, organisation
from waiting import wait_for

ROLES = ('keys', 'lookup', 'spool', 'receive', 'deliver', 'admin', 'web')


@pytest.fixture
def ours(tmp_path, instances, authority):
    certificate = authority.issue('mx.contoso.example')
    sealpost = instances(tmp_path / 'ours', 'mx.contoso.example', [('mx', certificate)],
                         node={'processes': {'receive': 2, 'deliver': 2}}).start()
    sealpost.apply({'organisations': [organisation('contoso')],
                    'domains': [local_domain('contoso.example', 'contoso', sealpost)]})
    return sealpost


def refuses(port):
    with socket.socket() as s:
        return s.connect_ex(('127.0.0.1', port)) != 0


def log_lines(sealpost, event):
    """Lines of a logfmt log about EVENT, as dictionaries."""
    lines = [line for line in sealpost.log_text().splitlines() if f' event={event}' in line]
    return [parse_logfmt(line) for line in lines]


def parse_logfmt(line):
    fields, end = {}, 0
    for m in re.finditer(r'([a-z][a-z0-9_.]*)=(?:"((?:[^"\\]|\\.)*)"|([^\s"=\\]+))(?: |$)', line):
        assert m.start() == end, f'not logfmt at {end}: {line}'
        fields[m[1]] = m[3] if m[3] is not None else m[2].replace('\\"', '"').replace('\\\\', '\\')
        end = m.end()
    assert end == len(line) > 0, f'not logfmt at {end}: {line}'
    return fields


# ---- the end ----------------------------------------------------------------------------------------


def test_a_transaction_under_way_is_finished(ours):
    idle = ours.smtp()
    client = ours.smtp()
    client.mail('a@elsewhere.example')
    client.rcpt('under-way@contoso.example')
    assert client.docmd('DATA')[0] == 354
    client.sock.sendall(b'Subject: half\r\n\r\nThe first half,\r\n')
    ours.process.send_signal(signal.SIGTERM)
    wait_for(lambda: refuses(ours.port), 'new connections to be refused')
    assert ours.process.poll() is None
    client.sock.sendall(b'and the second.\r\n.\r\n')
    code, text = client.getreply()
    assert code == 250, text
    with pytest.raises(smtplib.SMTPServerDisconnected):
        assert client.docmd('NOOP')[0] == 421
        client.docmd('NOOP')
    with pytest.raises(smtplib.SMTPServerDisconnected):
        assert idle.docmd('NOOP')[0] == 421
        idle.docmd('NOOP')
    assert ours.stop(30) == 0
    ours.start()
    assert ours.wait_mail('under-way')[0]['Subject'] == 'half'


def test_an_idle_client_does_not_hold_up_the_end(ours):
    clients = [ours.smtp(tls=i % 2 == 0) for i in range(6)]
    clients[0].send('EHLO cli')  # in the middle of a line
    assert ours.stop(20) == 0
    for client in clients:
        client.close()


def test_a_client_that_stalls_is_cut_off(ours):
    client = ours.smtp(tls=False)
    client.mail('a@elsewhere.example')
    client.rcpt('never@contoso.example')
    client.docmd('DATA')
    assert ours.stop(60) == 0, 'within the limits, whatever the client does'
    client.close()


@pytest.mark.parametrize('turn', range(3))
def test_no_process_is_killed_at_the_end(ours, turn):
    """A process that has closed its channel is on its way out, and ends by itself."""
    for i in range(3):
        ours.send('a@elsewhere.example', f'b{i}@contoso.example')
    assert ours.stop() == 0
    ended = log_lines(ours, 'process.ended')
    assert len(ended) == 9
    assert all(e.get('signal') is None and e['status'] == '0' and e['level'] == 'info' for e in ended), ended
    assert log_lines(ours, 'drain.killed') == []
    stages = [e['stage'] for e in log_lines(ours, 'drain.stage')]
    assert stages == ['receive', 'deliver', 'spool', 'others']


def test_under_load_what_was_acknowledged_is_there_afterwards(ours):
    acknowledged, refused = [], []

    def keep_sending(client_number):
        for turn in range(1000):
            subject = f'{client_number}-{turn}'
            try:
                ours.send('a@elsewhere.example', 'load@contoso.example',
                          message('a@elsewhere.example', 'load@contoso.example', subject=subject), tls=turn % 2 == 0)
            except (OSError, smtplib.SMTPException) as problem:
                refused.append(problem)
                return
            acknowledged.append(subject)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for number in range(4):
            pool.submit(keep_sending, number)
        wait_for(lambda: len(acknowledged) >= 20, 'mail to flow')
        assert ours.stop(60) == 0
    assert len(refused) == 4
    assert log_lines(ours, 'drain.killed') == []
    assert all(e['status'] == '0' for e in log_lines(ours, 'process.ended'))
    ours.start()
    arrived = sorted(m['Subject'] for m in ours.wait_mail('load', len(acknowledged)))
    assert set(acknowledged) <= set(arrived)
    assert len(arrived) == len(set(arrived)), 'an orderly end repeats nothing'


def test_a_second_sigterm_is_in_a_hurry(ours):
    client = ours.smtp(tls=False)
    client.mail('a@elsewhere.example')
    client.rcpt('never@contoso.example')
    client.docmd('DATA')
    ours.process.send_signal(signal.SIGTERM)
    wait_for(lambda: refuses(ours.port), 'the drain to begin')
    ours.process.send_signal(signal.SIGTERM)
    ours.process.wait(10)
    client.close()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_during_a_reload_too(ours, number):
    other = free_port()
    ours.node['listeners'].append({'name': 'other', 'address': f'127.0.0.1:{other}', 'tls': 'starttls'})
    ours.write_node()
    ours.process.send_signal(signal.SIGHUP)
    ours.process.send_signal(number)
    assert ours.process.wait(30) == 0
    assert refuses(other)


# ---- restarts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize('role', ROLES)
def test_the_others_do_not_notice(ours, role):
    before = {(p['role'], p['index']): p['pid'] for p in ours.processes()}
    os.kill(before[role, 0], signal.SIGKILL)
    wait_for(lambda: ours.pid_of(role) not in (None, before[role, 0]), f'{role} to come back')
    after = ours.processes()
    for process in after:
        if (process['role'], process['index']) == (role, 0):
            assert process['restarts'] == 1
        else:
            assert process['restarts'] == 0 and process['pid'] == before[process['role'], process['index']], process
    ours.wait_ready()
    ours.send('a@elsewhere.example', 'after@contoso.example')
    ours.wait_mail('after')
    ended = [e for e in log_lines(ours, 'process.ended')]
    assert [(e['child'], e['signal']) for e in ended] == [(f'{role}/0', 'Killed')]


def test_the_pause_before_a_restart_doubles(ours):
    for turn in range(5):
        pid = wait_for(lambda: ours.pid_of('lookup'), 'lookup')
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: ours.pid_of('lookup') not in (None, pid), 'lookup to come back')

    def moments(event):
        return [stamp(e['time']) for e in log_lines(ours, event) if e.get('child') == 'lookup/0']
    pauses = [start - end for start, end in zip(moments('process.started')[1:], moments('process.ended'))]
    assert len(pauses) == 5
    for turn, pause in enumerate(pauses):
        assert 0.09 * 2 ** turn <= pause <= 0.1 * 2 ** turn + 5, pauses


def stamp(text):
    hours, minutes, seconds = text.rstrip('Z').split('T')[1].split(':')
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def test_mail_that_meets_a_dying_spool_is_not_acknowledged_in_vain(ours):
    client = ours.smtp(tls=False)
    client.mail('a@elsewhere.example')
    client.rcpt('torn@contoso.example')
    client.docmd('DATA')
    client.sock.sendall(b'Subject: torn\r\n\r\nx\r\n')
    os.kill(ours.pid_of('spool'), signal.SIGKILL)
    client.sock.sendall(b'.\r\n')
    code, text = client.getreply()
    assert 400 <= code < 500, (code, text)
    ours.wait_ready()
    ours.send('a@elsewhere.example', 'torn@contoso.example')
    assert len(ours.wait_mail('torn')) == 1


# ---- reload -----------------------------------------------------------------------------------------


@pytest.mark.parametrize('change, complaints', [
    (lambda n, d: n.update(hostname='not a name'), ['node.yaml: line', 'hostname', 'not a name']),
    (lambda n, d: n.update(listners=[]), ['node.yaml: line', 'listners']),
    (lambda n, d: n['listeners'][0].update(address='nonsense'), ['node.yaml: line', 'address', 'nonsense']),
    (lambda n, d: n['listeners'][0].update(tls='perhaps'), ['node.yaml: line', 'tls', 'perhaps', 'starttls']),
    (lambda n, d: n['certificates'][0].update(chain=str(d / 'missing.pem')), ['certificate mx', 'missing.pem']),
    (lambda n, d: n['certificates'][0].update(key=str(d / 'missing.pem')), ['certificate mx', 'missing.pem']),
    (lambda n, d: n['certificates'][0].update(chain=str(d / 'junk.pem')), ['mx', 'certificate']),
    (lambda n, d: n['certificates'][0].update(key=str(d / 'junk.pem')), ['mx', 'key']),
    (lambda n, d: n['certificates'][0].update(key=str(d / 'foreign.pem')), ['mx', 'key']),
    (lambda n, d: n.update(queue={'retry': ['soon']}), ['node.yaml: line', 'retry', 'soon']),
    (lambda n, d: n['listeners'].append({'name': 'two', 'address': f'127.0.0.1:{n["taken"]}'}),
     ['listener two', 'cannot listen on 127.0.0.1:']),
])
def test_a_bad_setting_is_named_and_changes_nothing(ours, authority, tmp_path, change, complaints):
    (tmp_path / 'junk.pem').write_text('-----BEGIN NONSENSE-----\nAAAA\n-----END NONSENSE-----\n')
    shutil.copy(authority.issue('other.example', file='foreign').key, tmp_path / 'foreign.pem')
    good = json.loads(json.dumps(ours.node))
    with socket.create_server(('127.0.0.1', 0)) as taken, ours.smtp() as kept:
        ours.node['taken'] = taken.getsockname()[1]
        change(ours.node, tmp_path)
        del ours.node['taken']
        ours.write_node()
        refused = ours.cli('reload', check=False)
        assert refused.returncode == 1
        for complaint in complaints:
            assert complaint in refused.stderr, (complaint, refused.stderr)
        failed = wait_for(lambda: log_lines(ours, 'reload.failed'), 'a line in the log')[-1]
        assert failed['level'] == 'error' and failed['reason'] in refused.stderr
        assert kept.noop()[0] == 250, 'a session lives on'
        assert ours.json('status')['reload']['ok'] is False
        ours.send('a@elsewhere.example', 'still@contoso.example')
        assert not any(p['restarts'] for p in ours.processes())
    ours.node = good
    ours.write_node()
    assert ours.cli('reload').returncode == 0
    assert ours.json('status')['reload']['ok'] is True


@pytest.mark.parametrize('change, complaints', [
    (lambda n, d: n['certificates'][0].update(chain=str(d / 'junk.pem')), ['mx', 'certificate']),
    (lambda n, d: n['certificates'][0].update(key=str(d / 'junk.pem')), ['mx', 'key']),
    (lambda n, d: n['certificates'][0].update(key=str(d / 'foreign.pem')), ['mx', 'key']),
])
def test_a_bad_certificate_at_the_start_is_named(tmp_path, instances, authority, change, complaints):
    (tmp_path / 'junk.pem').write_text('-----BEGIN NONSENSE-----\nAAAA\n-----END NONSENSE-----\n')
    shutil.copy(authority.issue('other.example', file='foreign').key, tmp_path / 'foreign.pem')
    sealpost = instances(tmp_path / 'ours', 'mx.contoso.example', [('mx', authority.issue('mx.contoso.example'))])
    change(sealpost.node, tmp_path)
    sealpost.start(wait=False)
    assert sealpost.process.wait(30) == 1, 'what can never work is not tried again and again'
    for complaint in complaints:
        assert complaint in sealpost.log_text(), (complaint, sealpost.log_text())


def test_two_on_one_data_directory(ours, tmp_path, instances):
    second = instances(tmp_path / 'second', 'second.example', node={'data': ours.node['data']})
    second.start(wait=False)
    assert second.process.wait(30) == 1
    assert f'{ours.node["data"]}: another sealpost is using this directory' in second.log_text()
    ours.send('a@elsewhere.example', 'still@contoso.example')
    ours.wait_mail('still')


def test_reloads_one_upon_another(ours):
    with ours.smtp() as kept:
        for turn in range(5):
            ours.process.send_signal(signal.SIGHUP)
        wait_for(lambda: log_lines(ours, 'reload.done'), 'a reload')
        wait_for(lambda: ours.cli('reload', check=False).returncode == 0, 'another')
        assert kept.noop()[0] == 250
    assert not any(p['restarts'] for p in ours.processes())


# ---- the log ----------------------------------------------------------------------------------------


def have_some_life(sealpost):
    sealpost.send('a@elsewhere.example', 'b@contoso.example', message('"q"@x.example', 'b', subject='"quoted"'))
    sealpost.wait_mail('b')
    with sealpost.smtp(tls=False) as client:
        client.docmd('NONSENSE "quoted\\ words" = "')
        client.docmd('MAIL FROM:<"odd \\" name"@elsewhere.example>')
        client.rcpt('stranger@nowhere.example')
    os.kill(sealpost.pid_of('lookup'), signal.SIGKILL)
    sealpost.wait_ready()
    sealpost.stop()


@pytest.mark.parametrize('form', ['json', 'logfmt'])
def test_every_line_of_the_log_can_be_parsed(tmp_path, instances, authority, form):
    certificate = authority.issue('mx.contoso.example')
    sealpost = instances(tmp_path / 'ours', 'mx.contoso.example', [('mx', certificate)],
                         node={'log': {'format': form, 'level': 'debug'}}).start()
    sealpost.apply({'organisations': [organisation('contoso')],
                    'domains': [local_domain('contoso.example', 'contoso', sealpost)]})
    have_some_life(sealpost)
    lines = sealpost.log_text().splitlines()
    parsed = [json.loads(line) if form == 'json' else parse_logfmt(line) for line in lines]
    assert len(parsed) > 20
    processes, events = set(), set()
    for line in parsed:
        assert list(line)[:4] == ['time', 'level', 'process', 'event'], line
        assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z', line['time']), line
        assert line['level'] in ('debug', 'info', 'warning', 'error'), line
        processes.add(line['process'])
        events.add(line['event'])
    assert {'supervise', 'receive/0', 'spool/0'} <= processes
    assert {'serve.starting', 'serve.listening', 'serve.ready', 'process.started', 'process.ended', 'drain.begun',
            'serve.ended'} <= events
