"""Processes come back, settings change under them, and each can do no more than its part."""
import os
import pathlib
import shutil
import signal
import smtplib
import socket
import tempfile

import pytest

from sealpost import alive, free_port
from waiting import wait_for

ROLES = ('keys', 'lookup', 'spool', 'receive', 'deliver', 'admin', 'web')


def config(sealpost):
    return {
        'organisations': [{'name': 'contoso'}],
        'domains': [{'name': 'contoso.example', 'organisation': 'contoso',
                     'delivery': f'maildir:{sealpost.mail}/{{local}}'}],
    }


@pytest.fixture
def ours(tmp_path, instances, authority):
    certificate = authority.issue('mx.contoso.example')
    sealpost = instances(tmp_path / 'ours', 'mx.contoso.example', [('mx', certificate)]).start()
    sealpost.apply(config(sealpost))
    return sealpost


def facts(pid):
    """/proc/PID/status as a dictionary."""
    text = pathlib.Path(f'/proc/{pid}/status').read_text()
    return {key: value.strip() for key, _, value in (line.partition(':') for line in text.splitlines())}


def mail_goes_through(sealpost, local):
    def sent():
        sealpost.send('a@elsewhere.example', f'{local}@contoso.example')
        return True
    wait_for(sent, 'mail to be taken')
    sealpost.wait_mail(local)


@pytest.mark.parametrize('role', ROLES)
def test_a_killed_process_comes_back(ours, role):
    before = wait_for(lambda: ours.pid_of(role), role)
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: ours.pid_of(role) not in (None, before), f'{role} to come back')
    assert next(p['restarts'] for p in ours.processes() if p['role'] == role) == 1
    mail_goes_through(ours, 'after')


def test_sigterm_ends_everything_and_nothing_is_lost(ours):
    pids = [p['pid'] for p in ours.processes()]
    ours.send('a@elsewhere.example', 'kept@contoso.example')
    assert ours.stop() == 0
    assert not any(alive(pid) for pid in pids)
    ours.start()
    ours.wait_mail('kept')


def test_without_the_supervisor_nobody_stays(ours):
    ours.kill()
    with pytest.raises(OSError):
        socket.create_connection(('127.0.0.1', ours.port), 5).close()
    ours.start()
    mail_goes_through(ours, 'again')


@pytest.mark.parametrize('damage, complaint', [
    ('nonsense: true\n', 'nonsense'),
    ('listeners: [\n', 'node.yaml'),
    ('users: {spool: keep, deliver: keep, lookup: keep}\ncertificates: [{name: mx, chain: /nowhere.pem, key: /nowhere.pem}]\n',
     '/nowhere.pem'),
])
def test_a_broken_node_file_is_refused_and_work_goes_on(ours, damage, complaint):
    (ours.directory / 'node.yaml').write_text(damage)
    reload = ours.cli('reload', check=False)
    assert reload.returncode != 0
    assert complaint in reload.stdout + reload.stderr
    ours.process.send_signal(signal.SIGHUP)
    wait_for(lambda: 'reload.failed' in ours.log_text(), 'the refusal in the log')
    mail_goes_through(ours, 'still')
    ours.write_node()
    assert ours.cli('reload').returncode == 0


def presented(port):
    """The certificate a client sees, as DER."""
    import ssl
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with smtplib.SMTP('127.0.0.1', port, 'client.example', timeout=20) as client:
        client.starttls(context=context)
        return client.sock.getpeercert(binary_form=True)


def test_reload_brings_new_certificates_and_listeners(ours, tmp_path, authority):
    before = presented(ours.port)
    renewed = authority.issue('mx.contoso.example', file='renewed')
    other = free_port()
    ours.node['certificates'] = [{'name': 'mx', 'chain': str(renewed.chain), 'key': str(renewed.key)}]
    ours.node['listeners'].append({'name': 'other', 'address': f'127.0.0.1:{other}', 'tls': 'starttls'})
    ours.write_node()
    with ours.smtp() as kept:  # a session from before keeps going
        ours.cli('reload')
        wait_for(lambda: presented(other), 'the new listener')
        assert presented(ours.port) != before
        assert presented(other) == presented(ours.port)
        kept.sendmail('a@elsewhere.example', ['old@contoso.example'], 'Subject: x\r\n\r\nx\r\n')
    ours.wait_mail('old')
    ours.node['listeners'].pop()
    ours.write_node()
    ours.process.send_signal(signal.SIGHUP)

    def is_closed():
        with socket.socket() as s:
            return s.connect_ex(('127.0.0.1', other)) != 0
    wait_for(is_closed, 'the removed listener to be closed')
    mail_goes_through(ours, 'after')


def test_a_taken_port_is_named(ours, tmp_path, instances):
    second = instances(tmp_path / 'second', 'second.example')
    second.node['listeners'] = ours.node['listeners']
    second.start(wait=False)
    assert second.process.wait(30) == 1
    assert f'cannot listen on 127.0.0.1:{ours.port}' in second.log_text()


def test_every_process_is_confined(ours):
    for process in ours.processes():
        status = facts(process['pid'])
        assert status['NoNewPrivs'] == '1', process
        assert status['Seccomp'] == '2', process
        assert int(status['CapEff'], 16) == int(status['CapPrm'], 16) == 0, process


@pytest.mark.skipif(os.geteuid() != 0, reason='needs root: the processes are not even their own user\'s to inspect')
def test_nobody_but_the_spool_holds_its_files(ours):
    mail_goes_through(ours, 'warm')
    for process in ours.processes():
        links = [os.readlink(f'/proc/{process["pid"]}/fd/{fd}') for fd in os.listdir(f'/proc/{process["pid"]}/fd')]
        held = [link for link in links if link.startswith(str(ours.directory / 'data'))]
        if process['role'] == 'spool':
            assert any(link.endswith('queue.db') for link in held)
        else:
            assert held == [], process


@pytest.mark.skipif(os.geteuid() != 0, reason='needs root')
def test_started_as_root_every_role_has_its_own_user(instances, authority, tmp_path):
    top = pathlib.Path(tempfile.mkdtemp(prefix='sealpost-users-'))
    try:
        top.chmod(0o755)
        certificate = authority.issue('mx.contoso.example')
        sealpost = instances(top / 'ours', 'mx.contoso.example', [('mx', certificate)])
        del sealpost.node['users']
        shutil.rmtree(sealpost.mail)  # made anew, for the user who delivers
        sealpost.start()
        sealpost.apply(config(sealpost))
        users = {p['role']: facts(p['pid'])['Uid'].split() for p in sealpost.processes()}
        assert all(len(set(ids)) == 1 for ids in users.values())
        assert len({ids[0] for ids in users.values()}) == len(ROLES)
        assert all(ids[0] != '0' for ids in users.values())
        mail_goes_through(sealpost, 'owned')
        sealpost.stop()
    finally:
        shutil.rmtree(top)


def test_the_service_manager_is_told(tmp_path, instances):
    told = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / 'notify'))
        manager.settimeout(0.1)

        def hears(word):
            def look():
                told.append(manager.recv(4096).decode())
                return any(word in text for text in told)
            return look

        sealpost = instances(tmp_path / 'ours', 'mx.contoso.example')
        sealpost.start(environment={'NOTIFY_SOCKET': str(tmp_path / 'notify'), 'WATCHDOG_USEC': '200000'})
        wait_for(hears('READY=1'), 'READY')
        wait_for(hears('WATCHDOG=1'), 'the watchdog to be fed')
        del told[:]
        sealpost.cli('reload')
        wait_for(hears('RELOADING=1'), 'RELOADING')
        wait_for(hears('READY=1'), 'READY again')
        sealpost.stop()
        wait_for(hears('STOPPING=1'), 'STOPPING')


ACTIVATE = """
import os, socket, sys
s = socket.create_server(('127.0.0.1', int(sys.argv[1])))
os.dup2(s.fileno(), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='mx')
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_a_socket_from_the_service_manager_is_used(tmp_path, instances, authority):
    certificate = authority.issue('mx.contoso.example')
    sealpost = instances(tmp_path / 'ours', 'mx.contoso.example', [('mx', certificate)])
    # Whoever does not take the socket over cannot bind its address a second time.
    sealpost.prefix = ['/usr/bin/python3', '-c', ACTIVATE, str(sealpost.port)]
    sealpost.start(wait=False)
    sealpost.prefix = []
    sealpost.wait_ready()
    sealpost.apply(config(sealpost))
    mail_goes_through(sealpost, 'activated')
    sealpost.cli('reload')
    mail_goes_through(sealpost, 'reloaded')
