"""Who every process is, what it holds, and where the private key is."""
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import tempfile

import pytest

from certs import openssl
from sealpost import BINARY
from setups import local_domain, organisation
from waiting import wait_for

ROLES = ('keys', 'lookup', 'spool', 'receive', 'deliver', 'admin', 'web')
NOBODY = 65534
AS_NOBODY = ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups', '--']

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason='needs root')


@pytest.fixture
def reachable():
    """A directory that every user can pass through."""
    top = pathlib.Path(tempfile.mkdtemp(prefix='sealpost-', dir='/var/tmp'))
    top.chmod(0o755)
    yield top
    shutil.rmtree(top)


def configured(sealpost):
    sealpost.start()
    sealpost.apply({'organisations': [organisation('contoso')],
                    'domains': [local_domain('contoso.example', 'contoso', sealpost)]})
    return sealpost


def facts(pid):
    text = pathlib.Path(f'/proc/{pid}/status').read_text()
    return {key: value.strip() for key, _, value in (line.partition(':') for line in text.splitlines())}


def children(sealpost):
    """{pid: role}"""
    return {p['pid']: p['role'] for p in sealpost.processes()}


@pytest.fixture
def separated(reachable, authority, instances):
    """Started as root with the default users."""
    certificate = authority.issue('mx.contoso.example', key='rsa')
    sealpost = instances(reachable / 'ours', 'mx.contoso.example', [('mx', certificate)])
    del sealpost.node['users']
    shutil.rmtree(sealpost.mail)  # made anew, for the user who delivers
    configured(sealpost)
    sealpost.send('a@elsewhere.example', 'b@contoso.example')
    sealpost.wait_mail('b')
    yield sealpost
    sealpost.close()


def may_read_memory(reader, pid):
    """Can the user READER open the memory of PID?"""
    return subprocess.run([*reader, 'head', '-c', '0', f'/proc/{pid}/mem'], capture_output=True).returncode == 0


@needs_root
def test_every_process_is_somebody_else_and_powerless(separated):
    owners = {}
    for pid, role in children(separated).items():
        status = facts(pid)
        users, groups = set(status['Uid'].split()), set(status['Gid'].split())
        assert len(users) == len(groups) == 1, role
        assert users != {'0'} and groups != {'0'}, role
        assert status['Groups'] == '', role
        owners.setdefault(role, set()).update(users)
        assert status['NoNewPrivs'] == '1' and status['Seccomp'] == '2', role
        for name in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'):
            assert int(status[name], 16) == 0, (role, name)
        # A process that can be dumped has its files in /proc owned by itself.
        assert os.stat(f'/proc/{pid}/mem').st_uid == 0, role
        uid = users.pop()
        itself = ['setpriv', f'--reuid={uid}', f'--regid={uid}', '--clear-groups', '--']
        assert not may_read_memory(itself, pid), role
        assert not may_read_memory(AS_NOBODY, pid), role
    assert set(owners) == set(ROLES)
    assert len(set.union(*owners.values())) == len(ROLES)


def inet_sockets():
    """{inode} of every TCP and UDP socket on the machine."""
    found = set()
    for table in ('tcp', 'tcp6', 'udp', 'udp6'):
        path = pathlib.Path(f'/proc/net/{table}')
        found.update(line.split()[9] for line in path.read_text().splitlines()[1:] if path.exists())
    return found


def descriptors(pid):
    return [os.readlink(f'/proc/{pid}/fd/{fd}') for fd in os.listdir(f'/proc/{pid}/fd')]


@needs_root
def test_nobody_holds_what_is_not_his(separated, authority):
    data = str(separated.directory / 'data')
    with separated.smtp():  # a connection, to see it where it belongs
        for pid, role in children(separated).items():
            held = descriptors(pid)
            inet = [f for f in held if (m := re.match(r'socket:\[(\d+)\]', f)) and m[1] in inet_sockets()]
            files = [f for f in held if f.startswith('/') and not f.startswith(('/dev/null', '/memfd:', '/proc/'))]
            files = [f for f in files if f != str(separated.log)]  # standard output and error
            if role == 'receive':
                assert len(inet) == 2, 'the listener and the connection'
            elif role not in ('deliver', 'lookup'):
                assert inet == [], (role, held)
            if role == 'spool':
                assert files and all(f.startswith(data) for f in files), files
            else:
                assert files == [], (role, files)
    supervise = descriptors(separated.process.pid)
    assert not any('queue.db' in f or 'trace.db' in f for f in supervise)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@needs_root
def test_the_data_directory_is_the_spools(separated):
    data = separated.directory / 'data'
    owners = {role: int(facts(pid)['Uid'].split()[0]) for pid, role in children(separated).items()}
    assert mode(data) == 0o711, 'others pass through it to what is theirs, and see nothing'
    assert data.stat().st_uid == owners['spool']
    for path in data.rglob('*'):
        if path.name == 'lock':
            continue
        assert mode(path) & 0o077 == 0, (path, oct(mode(path)))
        keeper = 'lookup' if path.relative_to(data).parts[0] == 'lookup' else 'spool'
        assert path.stat().st_uid == owners[keeper], path
    assert mode(separated.mail) == 0o700
    for path in separated.mail.rglob('*'):
        assert path.stat().st_uid == owners['deliver'], path
        assert mode(path) & 0o077 == 0, (path, oct(mode(path)))
    for reader in (AS_NOBODY, ['setpriv', f'--reuid={owners["receive"]}', '--clear-groups', '--']):
        for path in ('queue.db', 'trace.db'):
            assert (data / path).exists()
            assert subprocess.run([*reader, 'cat', str(data / path)], capture_output=True).returncode != 0


# ---- the private key --------------------------------------------------------------------------------


def secrets(key):
    """The private part of a key in the shapes it could have in memory, each long enough to be no accident."""
    text = openssl('pkey', '-in', key, '-noout', '-text')
    numbers = [bytes.fromhex(re.sub(r'[\s:]', '', m[1]))
               for m in re.finditer(r'^(?:priv|privateExponent|prime1|prime2):\n((?:\s+[0-9a-f:]+\n)+)', text, re.M)]
    assert numbers
    found = {}
    for i, number in enumerate(numbers):
        number = number.lstrip(b'\0')
        found[f'number {i}'] = number
        found[f'number {i}, words reversed'] = number[::-1]
    for form, arguments in (('PKCS #8', ['pkcs8', '-topk8', '-nocrypt']), ('traditional', ['pkey', '-traditional'])):
        pem = openssl(*arguments, '-in', key)
        lines = [line for line in pem.splitlines() if not line.startswith('-')]
        # A line from the middle: the first ones are the same in every key.
        found[f'{form} PEM'] = lines[len(lines) // 2].encode()
    return found


def search_memory(pid, wanted):
    """Names of those of WANTED that PID has in its memory."""
    found = set()
    with open(f'/proc/{pid}/mem', 'rb', 0) as memory:
        for line in pathlib.Path(f'/proc/{pid}/maps').read_text().splitlines():
            area, access, *_ = line.split()
            begin, end = (int(x, 16) for x in area.split('-'))
            if 'r' not in access or line.endswith(('[vvar]', '[vsyscall]')):
                continue
            try:
                memory.seek(begin)
                content = memory.read(end - begin)
            except (OSError, OverflowError, ValueError):
                continue
            found.update(name for name, secret in wanted.items() if secret in content)
    return found


def handshakes(sealpost, count=3):
    for _ in range(count):
        with sealpost.smtp() as client:
            client.noop()


@needs_root
@pytest.mark.parametrize('kind', ['ec', 'rsa'])
def test_only_keys_ever_had_the_key(tmp_path, authority, instances, kind):
    certificate = authority.issue('mx.contoso.example', key=kind, file=f'secret-{kind}')
    sealpost = configured(instances(tmp_path / 'ours', 'mx.contoso.example', [('mx', certificate)]))
    wanted = secrets(certificate.key)
    handshakes(sealpost)
    sealpost.cli('reload')
    handshakes(sealpost)
    holders = {role: search_memory(pid, wanted) for pid, role in children(sealpost).items()}
    holders['supervise'] = search_memory(sealpost.process.pid, wanted)
    assert holders.pop('keys'), 'where the key is, it must be found: else this test sees nothing'
    assert not any(holders.values()), holders


@needs_root
def test_the_key_made_here_stays_with_keys(tmp_path, instances):
    sealpost = configured(instances(tmp_path / 'ours', 'mx.contoso.example', node={'certificates': []}))
    key = next((sealpost.directory / 'data' / 'certificates' / 'self').glob('*key*'))
    wanted = secrets(key)
    handshakes(sealpost)
    holders = {role: search_memory(pid, wanted) for pid, role in children(sealpost).items()}
    holders['supervise'] = search_memory(sealpost.process.pid, wanted)
    assert holders.pop('keys')
    assert not any(holders.values()), holders


# ---- directories out of reach -----------------------------------------------------------------------


@needs_root
def test_a_data_directory_out_of_reach_is_explained(reachable, authority, instances):
    closed = reachable / 'closed'
    closed.mkdir(mode=0o700)
    certificate = authority.issue('mx.contoso.example')
    sealpost = instances(closed / 'ours', 'mx.contoso.example', [('mx', certificate)])
    del sealpost.node['users']
    sealpost.start(wait=False)
    assert sealpost.process.wait(30) == 1
    text = sealpost.log_text()
    assert 'serve.failed' in text
    assert str(closed) in text and 'spool' in text and 'pass through' in text, text


@needs_root
def test_a_maildir_out_of_reach_is_explained(reachable, authority, instances):
    closed = reachable / 'closed'
    (closed / 'mail').mkdir(parents=True)
    closed.chmod(0o700)
    certificate = authority.issue('mx.contoso.example')
    sealpost = instances(reachable / 'ours', 'mx.contoso.example', [('mx', certificate)],
                         node={'maildirs': [str(closed / 'mail')]})
    del sealpost.node['users']
    sealpost.start(wait=False)
    assert sealpost.process.wait(30) == 1
    text = sealpost.log_text()
    assert str(closed) in text and 'deliver' in text and 'pass through' in text, text


@needs_root
def test_root_that_cannot_change_users_is_told(reachable, authority, instances):
    certificate = authority.issue('mx.contoso.example')
    sealpost = instances(reachable / 'ours', 'mx.contoso.example', [('mx', certificate)],
                         prefix=['setpriv', '--bounding-set=-setuid,-setgid', '--'])
    del sealpost.node['users']
    sealpost.start(wait=False)
    assert sealpost.process.wait(30) == 1
    assert 'setgroups: Operation not permitted' in sealpost.log_text()


# ---- an ordinary user -------------------------------------------------------------------------------


@pytest.fixture
def home(reachable):
    """A home directory of an ordinary user, with the program in it."""
    home = reachable / 'home'
    home.mkdir()
    shutil.copy(BINARY, home / 'sealpost')
    if os.geteuid() == 0:
        os.chown(home, NOBODY, NOBODY)
    return home


def as_ordinary_user():
    return AS_NOBODY if os.geteuid() == 0 else []


def test_an_ordinary_user_runs_it(home, authority, instances):
    certificate = authority.issue('mx.contoso.example')
    for source in (certificate.chain, certificate.key):
        copy = pathlib.Path(shutil.copy(source, home / source.name))
        copy.chmod(0o644)
    certificate = type(certificate)(home / certificate.chain.name, home / certificate.key.name, None)
    sealpost = instances(home / 'ours', 'mx.contoso.example', [('mx', certificate)], binary=str(home / 'sealpost'),
                         prefix=as_ordinary_user())
    del sealpost.node['users']
    if os.geteuid() == 0:
        for path in (sealpost.directory, sealpost.mail):
            os.chown(path, NOBODY, NOBODY)
    configured(sealpost)
    sealpost.send('a@elsewhere.example', 'b@contoso.example')
    sealpost.wait_mail('b')
    for pid, role in children(sealpost).items():
        status = facts(pid)
        assert status['NoNewPrivs'] == '1' and status['Seccomp'] == '2', role
        assert int(status['CapEff'], 16) == 0, role
        if os.geteuid() == 0:
            assert set(status['Uid'].split()) == {str(NOBODY)}, role
            assert not may_read_memory(AS_NOBODY, pid), role
    assert mode(sealpost.directory / 'data') == 0o700


@needs_root
def test_a_key_that_cannot_be_read_is_named(home, authority, instances):
    certificate = authority.issue('mx.contoso.example')
    key = pathlib.Path(shutil.copy(certificate.key, home / 'mx.key.pem'))
    chain = pathlib.Path(shutil.copy(certificate.chain, home / 'mx.chain.pem'))
    key.chmod(0o600)
    sealpost = instances(home / 'ours', 'mx.contoso.example', [('mx', type(certificate)(chain, key, None))],
                         binary=str(home / 'sealpost'), prefix=AS_NOBODY)
    os.chown(sealpost.directory, NOBODY, NOBODY)
    sealpost.start(wait=False)
    assert sealpost.process.wait(30) == 1
    assert f'certificate mx: key: {key}: Permission denied' in sealpost.log_text()


class Bare:
    """`sealpost serve` and nothing else, as an ordinary user in a network of its own."""

    def __init__(self, home, environment):
        self.home, self.environment = home, {'PATH': os.environ['PATH'], 'HOME': str(home), **environment}
        self.log = home / 'log'
        self.inside = []
        command = [str(home / 'sealpost'), 'serve']
        if os.geteuid() == 0:
            command = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', *AS_NOBODY, *command]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=open(self.log, 'wb'),
                                        stderr=subprocess.STDOUT, env=self.environment, cwd='/')

    def run(self, *command, network=False, **named):
        prefix = []
        if os.geteuid() == 0:
            prefix = ['nsenter', '-t', str(self.process.pid), '-n', '--'] if network else AS_NOBODY
        return subprocess.run([*prefix, *command], capture_output=True, text=True, env=self.environment, timeout=30,
                              **named)

    def ready(self):
        assert self.process.poll() is None, self.log.read_text()
        return 'serve.ready' in self.log.read_text()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


@pytest.fixture
def bare(home):
    made = []

    def start(**environment):
        made.append(Bare(home, environment))
        return made[-1]
    yield start
    for one in made:
        one.stop()


@needs_root
def test_without_a_node_file_it_runs_for_an_ordinary_user(home, bare):
    server = bare()
    wait_for(server.ready, 'the server to be ready')
    text = server.log.read_text()
    data = home / '.local/share/sealpost'
    assert f'data={data}' in text and f'run={data}/run' in text and 'address=127.0.0.1:2525' in text
    assert mode(data) == 0o700
    status = server.run(str(home / 'sealpost'), 'status')  # finds the socket by itself
    assert status.returncode == 0, status.stderr
    seen = server.run('openssl', 's_client', '-starttls', 'smtp', '-connect', '127.0.0.1:2525', '-showcerts',
                      network=True, input='QUIT\r\n')
    assert 'BEGIN CERTIFICATE' in seen.stdout, seen.stdout + seen.stderr
    assert 'self-signed' in seen.stdout + seen.stderr
    assert server.stop() == 0


@needs_root
def test_xdg_directories_are_honoured(home, bare):
    run = home / 'runtime'
    run.mkdir()
    os.chown(run, NOBODY, NOBODY)
    server = bare(XDG_DATA_HOME=str(home / 'elsewhere'), XDG_RUNTIME_DIR=str(run))
    wait_for(server.ready, 'the server to be ready')
    wait_for((home / 'elsewhere/sealpost/queue.db').exists, 'the queue to be where it belongs')
    assert (run / 'sealpost/admin.sock').is_socket()
    status = server.run(str(home / 'sealpost'), 'status')
    assert status.returncode == 0, status.stderr


@pytest.mark.parametrize('environment, complaint', [
    ({'HOME': ''}, 'HOME is not set'),
    ({'HOME': '/proc/nowhere'}, '/proc/nowhere'),
])
def test_a_home_that_cannot_be_used_is_named(bare, environment, complaint):
    if os.geteuid() != 0 and 'HOME' not in os.environ:
        pytest.skip('needs a home')
    server = bare(**environment)
    assert server.process.wait(30) == 1
    assert complaint in server.log.read_text()
