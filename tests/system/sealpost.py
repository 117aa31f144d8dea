"""A Sealpost under test: its directory, its node file, its processes."""
import email
import itertools
import json
import os
import pathlib
import signal
import smtplib
import socket
import ssl
import subprocess

import yaml

from waiting import wait_for

BINARY = os.environ.get('SEALPOST') or str(pathlib.Path(__file__).resolve().parents[2] / 'build' / 'src' / 'sealpost')
# How a report of a sanitizer reads in the log of a process.
SANITIZER_MARKS = ('AddressSanitizer', 'LeakSanitizer', 'runtime error:')


# Ports to listen on, below those that the system gives to outgoing connections.  Runs side by side have their own.
PORTS_OF_A_RUN = 2000
PORTS = itertools.count(os.getpid() * 37)


def free_port(host='127.0.0.1'):
    """One that nobody listens on, and that this run has not given out for long."""
    first = 20000 + PORTS_OF_A_RUN * int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0').removeprefix('gw'))
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    for _ in range(PORTS_OF_A_RUN):
        port = first + next(PORTS) % PORTS_OF_A_RUN
        with socket.socket(family) as s:
            try:
                s.bind((host, port))
            except OSError:
                continue
            return port
    raise RuntimeError(f'no port of {first} to {first + PORTS_OF_A_RUN - 1} is free')


class Sealpost:
    """One instance on loopback.  Every path below DIRECTORY; the SMTP port is chosen free."""

    def __init__(self, directory, hostname='mx.sealpost.example', certificates=(), node=None, binary=BINARY,
                 prefix=()):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.hostname = hostname
        self.binary = binary
        self.prefix = list(prefix)  # e.g. ['ip', 'netns', 'exec', name]
        self.port = free_port()
        self.mail = self.directory / 'mail'
        self.mail.mkdir(exist_ok=True)
        self.log = self.directory / 'log'
        self.process = None
        self.supervisor = None
        self.node = {
            'hostname': hostname,
            'data': str(self.directory / 'data'),
            'run': str(self.directory / 'run'),
            'listeners': [{'name': 'mx', 'address': f'127.0.0.1:{self.port}', 'tls': 'starttls'}],
            'certificates': [{'name': name, 'chain': str(c.chain), 'key': str(c.key)} for name, c in certificates],
            'maildirs': [str(self.mail)],
            'users': dict.fromkeys(('keys', 'receive', 'spool', 'deliver', 'lookup', 'admin', 'web'), 'keep'),
            'dns': {'servers': ['127.0.0.1@1'], 'trust_anchor': 'none'},
            'processes': {'receive': 1, 'deliver': 1},
        }
        merge(self.node, node or {})

    # -- life ----------------------------------------------------------------------------------------

    def write_node(self):
        """Never half of it: a server that finds no listeners and no directory would take those of the system."""
        path = self.directory / 'node.yaml'
        whole = path.with_suffix('.new')
        whole.write_text(yaml.safe_dump(self.node, sort_keys=False))
        whole.replace(path)
        return path

    def start(self, wait=True, environment=None):
        path = self.write_node()
        self.process = subprocess.Popen(
            [*self.prefix, self.binary, 'serve', '--node', str(path)], stdin=subprocess.DEVNULL,
            stdout=open(self.log, 'ab'), stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})})
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=60):
        def ready():
            if self.process.poll() is not None:
                raise RuntimeError(f'sealpost ended with {self.process.returncode}: {self.log_text()[-3000:]}')
            status = self.json('status')
            self.supervisor = status['pid']  # behind a prefix such as faketime it is not our child
            takes_mail = all(p['stats']['intake_open'] for p in status['processes'] if p['role'] == 'receive')
            return takes_mail and all(p['state'] == 'working' for p in status['processes'])
        wait_for(ready, f'{self.hostname} to answer', timeout, 0.1)

    def stop(self, timeout=40):
        """SIGTERM, and wait for the end; the exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            os.kill(self.supervisor or self.process.pid, signal.SIGTERM)
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process = self.supervisor = None
        self.check_sanitizers()
        return code

    def kill(self):
        """kill -9 the supervisor: its children must follow."""
        pids = [p['pid'] for p in self.processes()]
        self.process.kill()
        self.process.wait()
        self.process = None
        wait_for(lambda: not any(alive(pid) for pid in pids), 'all processes to end')

    def close(self):
        if self.process is not None:
            self.stop()

    def check_sanitizers(self):
        text = self.log_text()
        for mark in SANITIZER_MARKS:
            assert mark not in text, text[text.index(mark) - 200:][:6000]

    def log_text(self):
        return self.log.read_text(errors='replace') if self.log.exists() else ''

    # -- the command line ------------------------------------------------------------------------------

    def cli(self, *arguments, check=True, input=None):
        done = subprocess.run(
            [*self.prefix, self.binary, *map(str, arguments), '--socket', str(self.directory / 'run' / 'admin.sock')],
            capture_output=True, text=True, input=input, timeout=300)
        if check and done.returncode != 0:
            raise AssertionError(f'sealpost {" ".join(map(str, arguments))} ended with {done.returncode}:\n'
                                 f'{done.stdout}{done.stderr}')
        return done

    def json(self, *arguments):
        return json.loads(self.cli(*arguments, '--json').stdout)

    def apply(self, config):
        path = self.directory / 'config.yaml'
        path.write_text(config if isinstance(config, str) else
                        yaml.safe_dump(json.loads(json.dumps(config)), sort_keys=False))  # the same twice is no alias
        return self.cli('apply', path, '--yes')

    def processes(self):
        """[{role, index, pid, ...}] of the children."""
        return self.json('status')['processes']

    def pid_of(self, role, index=0):
        return next(p['pid'] for p in self.processes() if p['role'] == role and p['index'] == index)

    # -- mail ----------------------------------------------------------------------------------------------

    def smtp(self, tls=True, certificate=None, port=None, timeout=30):
        """A smtplib client, after STARTTLS when TLS; certificate: what the client presents."""
        client = smtplib.SMTP('127.0.0.1', port or self.port, 'client.example', timeout=timeout)
        client.ehlo()
        if tls:
            client.starttls(context=client_context(certificate))
            client.ehlo()
        return client

    def send(self, sender, recipients, text=None, **how):
        recipients = [recipients] if isinstance(recipients, str) else recipients
        with self.smtp(**how) as client:
            return client.sendmail(sender, recipients, text or message(sender, recipients[0]))

    def maildir(self, local):
        """Messages delivered to a Maildir, oldest first, parsed."""
        new = self.mail / local / 'new'
        files = sorted(new.iterdir(), key=lambda p: p.stat().st_mtime_ns) if new.exists() else []
        return [email.message_from_bytes(p.read_bytes()) for p in files]

    def wait_mail(self, local, count=1, timeout=30):
        return wait_for(lambda: len(m := self.maildir(local)) >= count and m, f'{count} messages for {local}', timeout)


def client_context(certificate=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate.chain, certificate.key)
    return context


def message(sender, recipient, subject='A test', body='Hello.\r\n', message_id=None):
    message_id = message_id or f'<{os.urandom(8).hex()}@test.example>'
    return (f'From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {subject}\r\nMessage-ID: {message_id}\r\n'
            f'Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n\r\n{body}')


def merge(into, changes):
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0] != 'Z'
    except FileNotFoundError:
        return False
