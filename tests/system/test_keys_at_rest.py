"""Private keys at rest and in memory: encrypted ones, keys in a token, and that nobody but the keys process has any."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from certs import openssl
from waiting import wait_for

MODULE = '/usr/lib/softhsm/libsofthsm2.so'
PASSPHRASE = 'correct horse battery staple'
CONFIG = {
    'organisations': [{'name': 'contoso'}],
    'domains': [{'name': 'contoso.example', 'organisation': 'contoso', 'delivery': 'maildir:{dir}/mail/{local}'}],
}


def config_for(instance):
    return {**CONFIG, 'domains': [{**CONFIG['domains'][0], 'delivery': f'maildir:{instance.mail}/{{local}}'}]}


def sealed(certificate, passphrase=PASSPHRASE):
    """The same certificate, with its key encrypted."""
    path = certificate.key.with_suffix('.sealed')
    openssl('pkcs8', '-topk8', '-in', certificate.key, '-v2', 'aes-256-cbc', '-passout', f'pass:{passphrase}',
            '-out', path)
    return type(certificate)(certificate.chain, path, certificate.leaf)


def secret(path, text):
    path.write_text(text + '\n')
    path.chmod(0o600)
    return path


def fingerprint(pem):
    return openssl('x509', '-in', pem, '-noout', '-fingerprint', '-sha256').strip()


def presented(instance, *arguments):
    """The fingerprint of the certificate that a handshake proves."""
    done = subprocess.run(['openssl', 's_client', '-starttls', 'smtp', '-connect', f'127.0.0.1:{instance.port}',
                           *arguments], input='QUIT\r\n', capture_output=True, text=True, timeout=30)
    assert 'BEGIN CERTIFICATE' in done.stdout, done.stdout + done.stderr
    return subprocess.run(['openssl', 'x509', '-noout', '-fingerprint', '-sha256'], input=done.stdout, text=True,
                          capture_output=True, check=True).stdout.strip()


# ---- encrypted ---------------------------------------------------------------------------------------


@pytest.mark.parametrize('where', ['file', 'credential'])
def test_an_encrypted_key_is_opened_with_the_passphrase(tmp_path, instances, authority, where):
    certificate = authority.issue('mx.sealpost.example', file=f'sealed-{where}')
    server = instances(tmp_path / 'a', certificates=[('mx', sealed(certificate))])
    environment = {}
    if where == 'file':
        server.node['keys'] = {'passphrase': str(secret(tmp_path / 'passphrase', PASSPHRASE))}
    else:
        environment['CREDENTIALS_DIRECTORY'] = str(tmp_path)
        secret(tmp_path / 'sealpost-passphrase', PASSPHRASE)
    server.start(environment=environment)
    assert presented(server) == fingerprint(certificate.leaf)
    assert PASSPHRASE not in server.log_text()


def test_keys_made_with_the_credential_are_sealed_by_it(tmp_path, instances, authority, monkeypatch):
    server = instances(tmp_path / 'a')
    node = server.write_node()
    given = authority.issue('given.sealpost.example', file='given')
    monkeypatch.setenv('CREDENTIALS_DIRECTORY', str(tmp_path))
    secret(tmp_path / 'sealpost-passphrase', PASSPHRASE)
    server.cli('cert', 'request', 'asked', '--host=asked.sealpost.example', '--node', node)
    server.cli('cert', 'self-signed', 'own', '--host=own.sealpost.example', '--node', node)
    server.cli('cert', 'import', 'given', given.chain, given.key, '--force', '--node', node)
    keys = [*server.directory.rglob('certificates/*/1/*.key'), *server.directory.rglob('certificates/*/request/key.pem')]
    assert len(keys) == 3
    for key in keys:
        assert key.read_text().startswith('-----BEGIN ENCRYPTED PRIVATE KEY-----'), key
    server.start(environment={'CREDENTIALS_DIRECTORY': str(tmp_path)})


@pytest.mark.parametrize('text, words', [
    (None, 'its private key is encrypted; name the file with the passphrase as keys.passphrase'),
    ('wrong', 'the passphrase does not open it'),
    ('', 'keys.passphrase: its first line is the passphrase'),
])
def test_what_is_wrong_with_a_passphrase_is_said(tmp_path, instances, authority, text, words):
    server = instances(tmp_path / 'a', certificates=[('mx', sealed(authority.issue('mx.sealpost.example')))])
    if text is not None:
        server.node['keys'] = {'passphrase': str(secret(tmp_path / 'passphrase', text))}
    server.start(wait=False)
    assert server.process.wait(30) != 0
    server.process = None
    assert words in server.log_text()


def test_a_wrong_passphrase_at_a_reload_leaves_all_as_it_was(tmp_path, instances, authority):
    certificate = authority.issue('mx.sealpost.example', file='reload')
    passphrase = secret(tmp_path / 'passphrase', PASSPHRASE)
    server = instances(tmp_path / 'a', certificates=[('mx', sealed(certificate))],
                       node={'keys': {'passphrase': str(passphrase)}}).start()
    secret(passphrase, 'wrong')
    done = server.cli('reload', check=False)
    assert done.returncode != 0 and 'the passphrase does not open it' in done.stdout + done.stderr
    assert presented(server) == fingerprint(certificate.leaf)
    secret(passphrase, PASSPHRASE)
    server.cli('reload')
    assert presented(server) == fingerprint(certificate.leaf)


# ---- in a token -----------------------------------------------------------------------------------------


class Token:
    """SoftHSM, with one token "mail" below DIRECTORY."""

    def __init__(self, directory, pin='1234'):
        self.directory = directory / 'tokens'
        self.directory.mkdir()
        self.pin = pin
        self.pin_file = secret(directory / 'pin', pin)
        self.configuration = directory / 'softhsm2.conf'
        self.configuration.write_text(f'directories.tokendir = {self.directory}\nobjectstore.backend = file\n'
                                      'log.level = ERROR\n')
        self.environment = {'SOFTHSM2_CONF': str(self.configuration)}
        self.run('--init-token', '--free', '--label', 'mail', '--so-pin', '12345678', '--pin', pin)

    def run(self, *arguments):
        done = subprocess.run(['softhsm2-util', *map(str, arguments)], capture_output=True, text=True,
                              env={**os.environ, **self.environment})
        assert done.returncode == 0, done.stdout + done.stderr

    def add(self, label, key, number):
        """The key, in the token from now on, alone."""
        plain = key.with_suffix('.p8')
        openssl('pkcs8', '-topk8', '-nocrypt', '-in', key, '-out', plain)
        self.run('--import', plain, '--token', 'mail', '--label', label, '--id', number, '--pin', self.pin)
        plain.unlink()
        key.unlink()
        return f'pkcs11:token=mail;object={label};type=private'

    def node(self, **more):
        return {'keys': {'pkcs11_module': MODULE, 'pkcs11_pin': str(self.pin_file),
                         'pkcs11_paths': [str(self.directory), str(self.configuration)], **more}}


def with_uri(certificate, uri):
    return type(certificate)(certificate.chain, uri, certificate.leaf)


def test_keys_stay_in_their_token(tmp_path, instances, authority):
    """ECDSA and RSA in a token beside a key in a file; TLS 1.2 and 1.3 with each."""
    token = Token(tmp_path)
    names = {'ec': 'ec.sealpost.example', 'rsa': 'rsa.sealpost.example', 'file': 'file.sealpost.example'}
    issued = {kind: authority.issue(name, key='rsa' if kind == 'rsa' else 'ec', file=f'token-{kind}')
              for kind, name in names.items()}
    certificates = [('file', issued['file'])]
    for number, kind in (('01', 'ec'), ('02', 'rsa')):
        certificates.append((kind, with_uri(issued[kind], token.add(kind, issued[kind].key, number))))
    server = instances(tmp_path / 'a', certificates=certificates, node=token.node())
    server.start(environment=token.environment)
    for kind, name in names.items():
        for version in ('-tls1_2', '-tls1_3'):
            assert presented(server, '-servername', name, version) == fingerprint(issued[kind].leaf), (kind, version)
    stats = next(p for p in server.processes() if p['role'] == 'keys')['stats']
    assert stats['keys'] == 3 and stats['in_token'] == 2 and stats['signatures'] >= 6 and stats['refused'] == 0
    server.apply(config_for(server))
    server.send('joe@elsewhere.example', 'alice@contoso.example')
    assert len(server.wait_mail('alice')) == 1

    # A key that comes into the token while it is in use.
    later = authority.issue('later.sealpost.example', key='rsa', file='token-later')
    server.node['certificates'].append(
        {'name': 'later', 'chain': str(later.chain), 'key': token.add('later', later.key, '03')})
    server.write_node()
    server.cli('reload')
    assert presented(server, '-servername', 'later.sealpost.example') == fingerprint(later.leaf)
    assert presented(server, '-servername', names['rsa']) == fingerprint(issued['rsa'].leaf)
    # A crash of the process, too, finds the token again.
    before = server.pid_of('keys')
    os.kill(before, 9)
    wait_for(lambda: server.pid_of('keys') != before and presented(
        server, '-servername', names['ec']) == fingerprint(issued['ec'].leaf), 'the token to sign again')
    assert token.pin not in re.sub(r'\d{5,}|[:.]\d+|\d+ms', '', ''.join(
        line for line in server.log_text().splitlines() if 'pin' in line.lower()))


@pytest.mark.parametrize('change, words', [
    (lambda t, u, n: (u.replace('token=mail', 'token=male'), n), 'no token of that name is there'),
    (lambda t, u, n: (u.replace('object=mx', 'object=other'), n), 'the token holds no private key of that name'),
    (lambda t, u, n: (u, (secret(t.pin_file, '9999'), n)[1]), 'does not let us in'),
    (lambda t, u, n: (u, {'keys': {k: v for k, v in n['keys'].items() if k != 'pkcs11_pin'}}), 'asks for a PIN'),
    (lambda t, u, n: (u, {'keys': {}}), 'keys.pkcs11_module is not set'),
    (lambda t, u, n: (u, t.node(pkcs11_module='/nonexistent/module.so')), '/nonexistent/module.so'),
    (lambda t, u, n: (u + '?pin-value=1234', n), 'keys.pkcs11_pin'),
])
def test_what_is_wrong_with_a_token_is_said(tmp_path, instances, authority, change, words):
    token = Token(tmp_path)
    certificate = authority.issue('mx.sealpost.example', file=f'wrong-{tmp_path.name}')
    uri, node = change(token, token.add('mx', certificate.key, '01'), token.node())
    server = instances(tmp_path / 'a', certificates=[('mx', with_uri(certificate, uri))], node=node)
    server.start(wait=False, environment=token.environment)
    assert server.process.wait(30) != 0
    server.process = None
    assert words in server.log_text(), server.log_text()[-2000:]


def test_a_key_of_another_certificate_in_the_token_is_refused(tmp_path, instances, authority):
    token = Token(tmp_path)
    mine, other = (authority.issue('mx.sealpost.example', file=f'mixed-{n}') for n in 'ab')
    uri = token.add('mx', other.key, '01')
    server = instances(tmp_path / 'a', certificates=[('mx', with_uri(mine, uri))], node=token.node())
    server.start(wait=False, environment=token.environment)
    assert server.process.wait(30) != 0
    server.process = None
    assert 'the key in the token does not belong to the certificate' in server.log_text()


def test_a_rollover_from_one_key_in_the_token_to_another(tmp_path, instances, authority):
    token = Token(tmp_path)
    server = instances(tmp_path / 'a', node=token.node())
    first, second = (authority.issue('mx.sealpost.example', key=kind, file=f'rollover-{kind}') for kind in ('ec', 'rsa'))

    def bring(certificate, label, number, *more):
        server.cli('cert', 'import', 'mx', certificate.chain, token.add(label, certificate.key, number), '--node',
                   server.write_node(), '--trust', authority.certificate, *more)

    bring(first, 'first', '01')
    server.start(environment=token.environment)
    assert presented(server) == fingerprint(first.leaf)
    bring(second, 'second', '02', '--advance')
    assert presented(server) == fingerprint(second.leaf)
    server.cli('cert', 'rollover', 'back', 'mx', '--node', server.write_node())
    assert presented(server) == fingerprint(first.leaf)


# SoftHSM, but a signature is made only when the file "hold" is gone, and none while there is a file "lost".
SHIM = r"""
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef unsigned long (*sign_function)(unsigned long, unsigned char *, unsigned long, unsigned char *, unsigned long *);
struct list { unsigned char version[2]; void *functions[68]; }; /* PKCS #11 2.40: CK_FUNCTION_LIST */
enum { SIGN = 43, DEVICE_REMOVED = 0x32 };
static struct list list;
static sign_function sign;

static unsigned long shim(unsigned long session, unsigned char *data, unsigned long n, unsigned char *to, unsigned long *to_n)
{
	static const struct timespec moment = {0, 10000000};

	while (access(DIRECTORY "/hold", F_OK) == 0)
		nanosleep(&moment, NULL);
	return access(DIRECTORY "/lost", F_OK) == 0 ? DEVICE_REMOVED : sign(session, data, n, to, to_n);
}

unsigned long C_GetFunctionList(struct list **ret)
{
	unsigned long (*get)(struct list **) = dlsym(dlopen(MODULE, RTLD_NOW), "C_GetFunctionList");
	struct list *real;
	unsigned long result = get(&real);

	list = *real;
	sign = (sign_function)real->functions[SIGN];
	list.functions[SIGN] = (void *)shim;
	*ret = &list;
	return result;
}
"""


def shim_module(directory):
    source, module = directory / 'shim.c', directory / 'shim.so'
    source.write_text(SHIM)
    subprocess.run(['gcc', '-shared', '-fPIC', f'-DDIRECTORY="{directory}"', f'-DMODULE="{MODULE}"', source, '-o', module,
                    '-ldl'], check=True)
    return module


@pytest.fixture
def odd_token(tmp_path, instances, authority):
    """(server, directory of the shim, certificate in the token, certificate in a file)"""
    token = Token(tmp_path)
    directory = tmp_path / 'shim'
    directory.mkdir()
    slow = authority.issue('slow.sealpost.example', file=f'{tmp_path.name}-slow')
    fast = authority.issue('fast.sealpost.example', file=f'{tmp_path.name}-fast')
    node = token.node(pkcs11_module=str(shim_module(directory)))
    node['keys']['pkcs11_paths'].append(str(directory))
    server = instances(tmp_path / 'a', node=node, certificates=[
        ('fast', fast), ('slow', with_uri(slow, token.add('slow', slow.key, '01')))])
    return server.start(environment=token.environment), directory, slow, fast


def test_a_slow_token_holds_nobody_else(odd_token):
    server, directory, slow, fast = odd_token
    (directory / 'hold').touch()
    waiting = [subprocess.Popen(
        ['openssl', 's_client', '-starttls', 'smtp', '-connect', f'127.0.0.1:{server.port}', '-servername',
         'slow.sealpost.example'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(12)]  # more than there are threads
    wait_for(lambda: next(p for p in server.processes() if p['role'] == 'keys')['stats']['signing'] == len(waiting),
             'all of them to wait for the token')
    assert presented(server, '-servername', 'fast.sealpost.example') == fingerprint(fast.leaf)
    assert all(client.poll() is None for client in waiting)
    done = server.cli('reload', check=False)
    assert done.returncode != 0 and 'the token has not answered' in done.stdout + done.stderr
    (directory / 'hold').unlink()
    for client in waiting:
        out, _ = client.communicate('QUIT\r\n', timeout=20)
        assert 'CN = slow.sealpost.example' in out, out


def test_a_lost_token_is_found_again(odd_token):
    """The process starts anew, and what was asked of it is asked again."""
    server, directory, slow, fast = odd_token
    before = server.pid_of('keys')
    (directory / 'lost').touch()
    done = subprocess.run(['openssl', 's_client', '-starttls', 'smtp', '-connect', f'127.0.0.1:{server.port}',
                           '-servername', 'slow.sealpost.example'], input='QUIT\r\n', capture_output=True, text=True)
    assert 'BEGIN CERTIFICATE' not in done.stdout or done.returncode != 0
    wait_for(lambda: 'keys.token_lost' in server.log_text(), 'the loss to be told')
    (directory / 'lost').unlink()
    wait_for(lambda: server.pid_of('keys') != before
             and presented(server, '-servername', 'slow.sealpost.example') == fingerprint(slow.leaf),
             'the token to sign again')
    assert presented(server, '-servername', 'fast.sealpost.example') == fingerprint(fast.leaf)


# ---- in memory ------------------------------------------------------------------------------------------


def numbers(text, field):
    """The bytes behind FIELD: in the output of openssl pkey -text."""
    found = re.search(rf'^{field}:.*\n((?:    [0-9a-f:]+\n)+)', text, re.MULTILINE)
    return bytes.fromhex(re.sub(r'[\s:]', '', found.group(1))).lstrip(b'\0')


def needles(key):
    """What of a private key must be nowhere: each secret number in both byte orders, whole and halved, and the PEM."""
    text = openssl('pkey', '-in', key, '-noout', '-text')
    fields = ['priv'] if 'ASN1 OID' in text else ['privateExponent', 'prime1', 'prime2', 'exponent1', 'exponent2',
                                                  'coefficient']
    found = {}
    for field in fields:
        number = numbers(text, field)
        found[field] = number[:24]
        found[field + ', reversed'] = number[::-1][:24]
        found[field + ', its end'] = number[-24:]
    lines = openssl('pkey', '-in', key).splitlines()
    found['PEM'] = lines[len(lines) // 2].encode()[:40]
    return found


def memory(pid):
    """Every readable byte of a process, map by map."""
    with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as mem:
        for line in maps:
            region, rights = line.split()[:2]
            if 'r' not in rights or '[v' in line:
                continue
            start, end = (int(word, 16) for word in region.split('-'))
            mem.seek(start)
            try:
                yield mem.read(end - start)
            except OSError:
                continue  # a device, or a hole in a file


def held(pid, wanted):
    """Which of the needles the memory holds."""
    found = set()
    for region in memory(pid):
        found |= {name for name, needle in wanted.items() if needle in region}
    return found


def pkcs12(certificate, path, passphrase):
    openssl('pkcs12', '-export', '-inkey', certificate.key, '-in', certificate.chain, '-passout', f'pass:{passphrase}',
            '-out', path)
    return path


@pytest.mark.skipif(os.geteuid() != 0, reason='reads the memory of processes that cannot be traced')
def test_only_the_keys_process_has_keys(tmp_path, instances, authority):
    """Plain, encrypted and imported (PKCS #12) keys, of both kinds, after handshakes, mail and a reload."""
    passphrase = secret(tmp_path / 'passphrase', PASSPHRASE)
    plain = authority.issue('plain.sealpost.example', file='memory-plain')
    rsa = authority.issue('rsa.sealpost.example', key='rsa', file='memory-rsa')
    imported = authority.issue('imported.sealpost.example', file='memory-imported')
    server = instances(tmp_path / 'a', certificates=[('plain', plain), ('rsa', sealed(rsa))],
                       node={'keys': {'passphrase': str(passphrase)}}).start()
    bundle = pkcs12(imported, tmp_path / 'imported.p12', 'bundle')
    server.cli('cert', 'import', 'imported', bundle, '--passphrase-file', secret(tmp_path / 'word', 'bundle'),
               '--node', server.write_node(), '--force')
    at_rest = next((tmp_path / 'a' / 'data' / 'certificates' / 'imported').rglob('ecdsa.key'))
    assert at_rest.read_text().startswith('-----BEGIN ENCRYPTED PRIVATE KEY-----')
    assert at_rest.stat().st_mode & 0o777 == 0o600
    server.apply(config_for(server))
    for name, certificate in (('plain', plain), ('rsa', rsa), ('imported', imported)):
        assert presented(server, '-servername', f'{name}.sealpost.example') == fingerprint(certificate.leaf)
    server.send('joe@elsewhere.example', 'alice@contoso.example')
    server.wait_mail('alice')
    server.cli('reload')

    wanted = {f'{c.key.name}: {field}': needle for c in (plain, rsa, imported) for field, needle in needles(c.key).items()}
    wanted['passphrase'] = PASSPHRASE.encode()
    children = {f"{p['role']}/{p['index']}": p['pid'] for p in server.processes()}
    keys = children.pop('keys/0')
    # The search finds what is there: every private key, in the one process that has them.
    there = held(keys, wanted)
    for certificate in (plain, rsa, imported):
        assert any(name.startswith(certificate.key.name) for name in there), there
    children['supervise'] = server.supervisor
    assert len(children) >= 6
    for name, pid in children.items():
        assert held(pid, wanted) == set(), name
    for path in (tmp_path / 'a').rglob('*'):
        if path.is_file() and 'certificates' not in path.parts:
            content = path.read_bytes()
            assert [n for n, needle in wanted.items() if needle in content] == [], path


def test_a_key_made_at_the_first_start_is_in_one_process_too(tmp_path, instances):
    if os.geteuid() != 0:
        pytest.skip('reads the memory of processes that cannot be traced')
    server = instances(tmp_path / 'a').start()
    key = next(pathlib.Path(server.node['data']).rglob('self*/**/*key*'), None)
    assert key is not None
    wanted = needles(key)
    assert held(server.pid_of('keys'), wanted)
    for pid in [server.supervisor, *(p['pid'] for p in server.processes() if p['role'] != 'keys')]:
        assert held(pid, wanted) == set(), pid
