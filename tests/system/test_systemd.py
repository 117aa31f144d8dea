"""The Debian package under a real systemd: a machine over this one's file system is booted, and the package installed in it."""
import json
import re
import shutil

import pytest

from booted import CannotBoot, Machine
from certs import openssl
from debian import renumbered
from waiting import wait_for

UNIT = 'sealpost.service'
DATA = '/var/lib/sealpost'
DROP_IN = f'/etc/systemd/system/{UNIT}.d'
PASSPHRASE = 'correct horse battery staple'
# Points of `systemd-analyze security`, of 10: what is allowed to the server beyond what it needs makes it more.
EXPOSURE = 3.0
CONFIG = {
    'organisations': [{'name': 'contoso'}],
    'domains': [{'name': 'contoso.example', 'organisation': 'contoso', 'delivery': 'maildir:{local}'},
                # Nobody is there: mail for it waits.
                {'name': 'far.example', 'organisation': 'contoso', 'delivery': 'smtp:127.0.0.1:1'}],
}


@pytest.fixture
def machine(package, tmp_path):
    packages = tmp_path / 'packages'
    packages.mkdir()
    shutil.copy(package, packages / 'sealpost.deb')
    try:
        with Machine(tmp_path, packages) as booted:
            yield booted
    except CannotBoot as problem:
        pytest.skip(f'no systemd can be booted here: {problem}')


def install(machine):
    machine.run('dpkg', '-i', '/packages/sealpost.deb')
    machine.run('sealpost', 'apply', '-', '--yes', input=json.dumps(CONFIG))


def write(machine, path, text, mode='0644'):
    machine.run('install', '-D', '-m', mode, '/dev/stdin', path, input=text)


def send(machine, recipient):
    machine.run('swaks', '--server', '127.0.0.1:25', '--from', 'joe@elsewhere.example', '--to', recipient)


def delivered(machine, local):
    return machine.run('sh', '-c', f'ls {DATA}/maildir/{local}/new', check=False).stdout.split()


def waiting(machine):
    return len(json.loads(machine.run('sealpost', 'queue', 'list', '--json').stdout))


def is_active(machine):
    return machine.show(UNIT, 'ActiveState') == 'active' and machine.show(UNIT, 'SubState') == 'running'


def owners(machine):
    """Who owns the data directory and what is directly below, with modes."""
    return machine.run('sh', '-c', f'stat -c "%n %U %a" {DATA} {DATA}/*').stdout.replace('-shm', '-wal')


def wait_restarted(machine, before, times):
    wait_for(lambda: is_active(machine) and machine.show(UNIT, 'MainPID') != before, 'the service to be there again', timeout=60)
    assert machine.show(UNIT, 'NRestarts') == str(times)


def test_installed_it_runs_and_is_safe(machine):
    machine.run('dpkg', '-i', '/packages/sealpost.deb')

    # dpkg has started it, and systemd has waited for its notice.
    assert is_active(machine), machine.journal(UNIT)
    assert machine.show(UNIT, 'Type') == 'notify' and machine.show(UNIT, 'NRestarts') == '0'
    status = machine.run('systemctl', 'status', UNIT).stdout
    print(status)
    assert 'Status: "Taking and delivering mail"' in status and 'enabled;' in status
    assert machine.run('systemctl', 'is-failed', UNIT, check=False).stdout.strip() == 'active'

    # Nobody else can reach it, and it takes mail for nobody.
    listening = machine.run('ss', '-Hltn').stdout.split('\n')
    assert sorted(line.split()[3] for line in listening if line) == ['127.0.0.1:25', '127.0.0.1:8443']
    refused = machine.run('swaks', '--server', '127.0.0.1:25', '--from', 'a@example.org', '--to', 'b@example.net', check=False)
    assert refused.returncode != 0 and re.search(r'<\*\* +5\d\d', refused.stdout), refused.stdout

    # The journal tells of the link for the first user.
    link = re.search(r'event=admin\.setup_link url=https://127\.0\.0\.1:8443/#/setup/(\w+)', machine.journal(UNIT))
    assert link, machine.journal(UNIT)
    page = machine.run('curl', '-skS', '-X', 'POST', '-H', 'Content-Type: application/json', '--data',
                       json.dumps({'token': link[1], 'user': 'alice', 'password': 'a password that is long'}),
                       'https://127.0.0.1:8443/v1/setup').stdout
    assert json.loads(page)['role'] == 'installation-admin', page

    # It works within what the unit leaves to it.
    assert not re.findall(r'level=error.*', machine.journal(UNIT))


def test_the_unit_confines_it(machine):
    install(machine)
    scored = machine.run('systemd-analyze', 'security', UNIT).stdout
    print(scored)
    score = re.search(r'Overall exposure level for \S+: ([\d.]+)', scored)
    assert float(score[1]) <= EXPOSURE, scored

    main = machine.show(UNIT, 'MainPID')
    processes = machine.run('cat', f'/sys/fs/cgroup/systemd/system.slice/{UNIT}/cgroup.procs', check=False).stdout.split() or \
        machine.run('cat', f'/sys/fs/cgroup/system.slice/{UNIT}/cgroup.procs').stdout.split()
    assert main in processes and len(processes) >= 8, processes
    for pid in processes:
        state = dict(line.split(':\t', 1) for line in machine.run('cat', f'/proc/{pid}/status').stdout.splitlines() if ':\t' in line)
        assert state['NoNewPrivs'] == '1' and state['Seccomp'] == '2', state
        if pid != main:
            assert int(state['CapEff'], 16) == 0, state
    # ProtectSystem= and what else makes the file system small.
    inside = ['nsenter', '-t', main, '-m', '--']
    assert machine.run(*inside, 'touch', '/usr/x', check=False).returncode != 0
    assert machine.run(*inside, 'touch', '/etc/x', check=False).returncode != 0
    assert machine.run(*inside, 'sh', '-c', 'echo 1 >/proc/sys/kernel/core_uses_pid', check=False).returncode != 0
    assert machine.run(*inside, 'ls', '/tmp').stdout == ''
    assert machine.run(*inside, 'ls', '/dev/mem', '/dev/kmsg', check=False).returncode != 0

    # And mail passes through all of that.
    send(machine, 'ann@contoso.example')
    wait_for(lambda: delivered(machine, 'ann'), 'the mail to be delivered')


def test_reloaded_killed_hung_and_booted_again(machine):
    install(machine)
    before, main = owners(machine), machine.show(UNIT, 'MainPID')

    # A reload is over when systemctl is, and changes nobody's files.
    machine.run('sed', '-i', 's/^# hostname:.*/hostname: reloaded.sealpost.example/', '/etc/sealpost/sealpost.yaml')
    machine.run('systemctl', 'reload', UNIT)
    assert 'reloaded.sealpost.example' in machine.run('sealpost', 'status').stdout
    assert machine.show(UNIT, 'MainPID') == main and owners(machine) == before

    # One that is refused fails, and the settings from before stay in force.
    machine.run('sed', '-i', 's/^hostname:.*/hostname: [a, b]/', '/etc/sealpost/sealpost.yaml')
    assert machine.run('systemctl', 'reload', UNIT, check=False).returncode != 0
    assert is_active(machine) and machine.show(UNIT, 'MainPID') == main
    machine.run('sed', '-i', 's/^hostname:.*/hostname: mx.sealpost.example/', '/etc/sealpost/sealpost.yaml')

    send(machine, 'bob@far.example')
    wait_for(lambda: waiting(machine) == 1, 'the mail to wait')

    # The supervisor is killed: systemd starts it again, with the mail.
    machine.run('kill', '-KILL', main)
    wait_restarted(machine, main, 1)
    assert waiting(machine) == 1 and owners(machine) == before

    # It hangs: the watchdog of the unit finds it.
    write(machine, f'{DROP_IN}/watchdog.conf', '[Service]\nWatchdogSec=2s\n')
    assert machine.show(UNIT, 'WatchdogUSec') == '2min'
    machine.run('systemctl', 'daemon-reload')
    machine.run('systemctl', 'restart', UNIT)
    main = machine.show(UNIT, 'MainPID')
    assert machine.show(UNIT, 'WatchdogUSec') == '2s'
    machine.run('kill', '-STOP', main)
    wait_restarted(machine, main, 1)
    assert 'Watchdog timeout' in machine.journal(UNIT)

    machine.reboot()
    wait_for(lambda: is_active(machine), 'the service to be started with the machine')
    assert waiting(machine) == 1 and owners(machine) == before
    send(machine, 'ann@contoso.example')
    wait_for(lambda: delivered(machine, 'ann'), 'the mail to be delivered')


def presented(machine):
    shown = machine.run('sh', '-c', 'openssl s_client -starttls smtp -connect 127.0.0.1:25 </dev/null 2>/dev/null | '
                        'openssl x509 -noout -subject', check=False).stdout
    return shown.strip()


def test_the_passphrase_of_keys_is_a_credential(machine, authority, tmp_path):
    install(machine)
    certificate = authority.issue('mx.sealpost.example', file='systemd')
    sealed = tmp_path / 'sealed.key'
    openssl('pkcs8', '-topk8', '-in', certificate.key, '-v2', 'aes-256-cbc', '-passout', f'pass:{PASSPHRASE}', '-out', sealed)
    write(machine, '/etc/sealpost/mx.pem', certificate.chain.read_text())
    write(machine, '/etc/sealpost/mx.key', sealed.read_text(), '0600')
    machine.run('sh', '-c', 'cat >>/etc/sealpost/sealpost.yaml', input='certificates:\n  - {name: mx, chain: mx.pem, key: mx.key}\n')

    # Without, the key cannot be opened, and a reload says so.
    assert machine.run('systemctl', 'reload', UNIT, check=False).returncode != 0
    assert 'passphrase' in machine.journal(UNIT) and 'mx.sealpost.example' not in presented(machine)

    # Encrypted, in a file that only this machine can read; then in the unit itself; then in a plain file.
    machine.run('sh', '-c', 'systemd-creds encrypt --name=sealpost-passphrase - /etc/sealpost/passphrase.cred', input=PASSPHRASE)
    assert PASSPHRASE not in machine.run('cat', '/etc/sealpost/passphrase.cred').stdout
    written = machine.run('systemd-creds', 'encrypt', '--name=sealpost-passphrase', '--pretty', '-', '-', input=PASSPHRASE).stdout
    write(machine, '/etc/sealpost/passphrase', PASSPHRASE + '\n', '0600')
    for setting in ('LoadCredentialEncrypted=sealpost-passphrase:/etc/sealpost/passphrase.cred', written,
                    'LoadCredential=sealpost-passphrase:/etc/sealpost/passphrase'):
        write(machine, f'{DROP_IN}/credential.conf', f'[Service]\n{setting}\n')
        machine.run('systemctl', 'daemon-reload')
        machine.run('systemctl', 'restart', UNIT)
        assert 'mx.sealpost.example' in presented(machine), setting
        machine.run('systemctl', 'reload', UNIT)
        assert 'mx.sealpost.example' in presented(machine), setting
    assert PASSPHRASE not in machine.journal(UNIT)

    # The command line is given it as the documentation says.
    machine.run('systemd-run', '--quiet', '--pipe', '--wait', '-p',
                'LoadCredentialEncrypted=sealpost-passphrase:/etc/sealpost/passphrase.cred', 'sealpost', 'cert', 'request', 'more',
                '--host=more.sealpost.example')
    assert 'BEGIN ENCRYPTED PRIVATE KEY' in machine.run('cat', f'{DATA}/certificates/more/request/key.pem').stdout


def test_upgraded_removed_purged(machine, package, tmp_path):
    install(machine)
    renumbered(package, tmp_path, '99.0-1').rename(tmp_path / 'packages' / 'later.deb')
    send(machine, 'ann@contoso.example')
    send(machine, 'bob@far.example')
    wait_for(lambda: delivered(machine, 'ann') and waiting(machine) == 1, 'one mail to be delivered, one to wait')
    machine.run('sh', '-c', 'echo "# a line of the administrator" >>/etc/sealpost/sealpost.yaml')
    main, before = machine.show(UNIT, 'MainPID'), owners(machine)

    machine.run('dpkg', '-i', '/packages/later.deb')
    assert is_active(machine) and machine.show(UNIT, 'MainPID') != main, machine.journal(UNIT)
    assert 'a line of the administrator' in machine.run('cat', '/etc/sealpost/sealpost.yaml').stdout
    assert waiting(machine) == 1 and len(delivered(machine, 'ann')) == 1 and owners(machine) == before
    assert 'contoso.example' in machine.run('sealpost', 'domain', 'list').stdout
    assert 'ann@contoso.example' in machine.run('sealpost', 'trace', 'ann@contoso.example', '--json').stdout

    machine.run('dpkg', '-r', 'sealpost')
    assert machine.show(UNIT, 'ActiveState') == 'inactive'
    assert machine.run('pgrep', '-x', 'sealpost', check=False).stdout == ''
    assert machine.run('ss', '-Hltn').stdout == ''
    machine.run('test', '-e', f'{DATA}/queue.db')

    # It comes back to what it left.
    machine.run('dpkg', '-i', '/packages/later.deb')
    assert is_active(machine) and waiting(machine) == 1

    machine.run('dpkg', '-P', 'sealpost')
    assert machine.run('ss', '-Hltn').stdout == ''
    left = machine.run('sh', '-c', 'find / -xdev \\( -path /proc -o -path /sys -o -path /packages -o -path /home -o -path /root \\) -prune '
                       '-o -newer /packages/sealpost.deb -name "*sealpost*" -print', check=False).stdout
    assert left == '', left
    assert machine.run('systemctl', 'list-units', '--all', '--plain', '--no-legend', 'sealpost*').stdout == ''
