"""The server on the wire: what no client library would send, sent byte by byte."""
import socket
import ssl

import pytest

from sealpost import client_context, free_port
from setups import local_domain, organisation
from waiting import wait_for


class Wire:
    """A raw connection that reads replies."""

    def __init__(self, port, greet=True, timeout=20):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=timeout)
        self.buffer = b''
        if greet:
            assert self.reply()[0] == '220'

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())
        return self

    def reply(self):
        """(code, text of all lines)"""
        lines = []
        while True:
            while b'\r\n' not in self.buffer:
                more = self.socket.recv(65536)
                if not more:
                    raise EOFError(self.buffer)
                self.buffer += more
            line, self.buffer = self.buffer.split(b'\r\n', 1)
            lines.append(line.decode('utf-8', 'replace'))
            if line[3:4] != b'-':
                return lines[-1][:3], '\n'.join(lines)

    def ask(self, line):
        self.send(line + '\r\n')
        return self.reply()

    def is_closed(self):
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionError:
            return True

    def starttls(self):
        assert self.ask('STARTTLS')[0] == '220'
        self.socket = client_context().wrap_socket(self.socket)
        return self

    def close(self):
        self.socket.close()


@pytest.fixture
def server(tmp_path, instances, authority):
    server = instances(tmp_path / 'server', 'mx.ours.example', [('mx', authority.issue('mx.ours.example', file='smtp'))],
                       node={'limits': {'recipients': 5, 'message': '1M', 'errors': 6, 'idle': '3s', 'connections_per_address': 8}})
    server.tls_port, server.loose_port, server.proxy_port, server.strict_port = (free_port() for _ in range(4))
    server.node['listeners'] += [
        {'name': 'smtps', 'address': f'127.0.0.1:{server.tls_port}', 'tls': 'implicit'},
        {'name': 'loose', 'address': f'127.0.0.1:{server.loose_port}', 'bare_newline': 'normalise'},
        {'name': 'behind', 'address': f'127.0.0.1:{server.proxy_port}', 'proxy': True},
        {'name': 'strict', 'address': f'127.0.0.1:{server.strict_port}', 'require_tls': True},
    ]
    server.start()
    server.apply({'organisations': [organisation('ours')], 'domains': [local_domain('ours.example', 'ours', server)]})
    return server


def begin(wire, recipient='eve@ours.example'):
    assert wire.ask('EHLO client.example')[0] == '250'
    assert wire.ask('MAIL FROM:<a@elsewhere.example>')[0] == '250'
    assert wire.ask(f'RCPT TO:<{recipient}>')[0] == '250'
    return wire


@pytest.mark.sanitized
def test_what_is_offered(server):
    wire = Wire(server.port)
    offered = wire.ask('EHLO client.example')[1]
    for keyword in ('PIPELINING', 'SIZE 1048576', '8BITMIME', 'SMTPUTF8', 'CHUNKING', 'DSN', 'ENHANCEDSTATUSCODES',
                    'LIMITS', 'RCPTMAX=5', 'STARTTLS'):
        assert keyword in offered, offered
    wire.starttls()
    assert 'STARTTLS' not in wire.ask('EHLO client.example')[1]
    assert wire.ask('STARTTLS')[0] == '503' or wire.ask('STARTTLS')[0] == '502'


@pytest.mark.sanitized
def test_nothing_survives_starttls(server):
    wire = Wire(server.port)
    assert begin(wire).ask('STARTTLS')[0] == '503', 'not in the middle of a transaction'
    wire.ask('RSET')
    wire.starttls()
    assert wire.ask('DATA')[0] == '503'
    assert wire.ask('MAIL FROM:<a@elsewhere.example>')[0] == '503', 'EHLO must be said again'


@pytest.mark.sanitized
def test_a_command_injected_behind_starttls_is_not_carried_out(server):
    wire = Wire(server.port)
    wire.ask('EHLO client.example')
    wire.send('STARTTLS\r\nMAIL FROM:<evil@elsewhere.example>\r\n')
    try:
        code, _ = wire.reply()
        if code == '220':
            wire.socket = client_context().wrap_socket(wire.socket)
            assert wire.ask('NOOP')[0] in ('250', '503', '421')
            assert wire.ask('RCPT TO:<eve@ours.example>')[0] == '503'
        else:
            assert code[0] in '45'
    except (EOFError, ssl.SSLError, ConnectionError):
        pass  # closing is the plainest answer


SMUGGLING = [b'\n.\n', b'\n.\r\n', b'\r\n.\n', b'\r.\r', b'\r\n.\r', b'\r.\r\n', b'\n\n.\r\n', b'\r\n\x00.\r\n', b'\r\r\n.\r\r\n']


@pytest.mark.sanitized
@pytest.mark.parametrize('ending', SMUGGLING, ids=lambda e: e.hex())
def test_no_other_ending_smuggles_a_second_message(server, ending):
    wire = begin(Wire(server.port))
    assert wire.ask('DATA')[0] == '354'
    smuggled = b'MAIL FROM:<boss@ours.example>\r\nRCPT TO:<eve@ours.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n'
    wire.send(b'Subject: first\r\n\r\nhello' + ending + smuggled)
    replies = []
    try:
        for _ in range(4):
            replies.append(wire.reply()[0])
    except (EOFError, TimeoutError, ConnectionError, socket.timeout):
        pass
    assert replies.count('250') <= 1 and '354' not in replies, replies
    assert all('smuggled' not in (m['Subject'] or '') for m in server.maildir('eve'))


def test_a_loose_listener_normalises(server):
    wire = begin(Wire(server.loose_port))
    assert wire.ask('DATA')[0] == '354'
    wire.send(b'Subject: bare\n\none\ntwo\n.\nthree\r\n.\r\n')
    assert wire.reply()[0] == '250'
    got = server.wait_mail('eve')[0]
    assert got['Subject'] == 'bare' and 'three' in got.get_payload()


def test_limits_have_replies(server):
    wire = Wire(server.port)
    assert wire.ask('NOOP ' + 'x' * 5000)[0] == '500'
    wire.ask('EHLO client.example')
    assert wire.ask('MAIL FROM:<a@elsewhere.example> SIZE=2000000')[1].startswith('552 5.3.4')
    assert wire.ask('MAIL FROM:<a@elsewhere.example>')[0] == '250'
    codes = [wire.ask(f'RCPT TO:<r{n}@ours.example>')[1][:9] for n in range(6)]
    assert codes[:5] == ['250 2.1.5'] * 5 and codes[5] == '452 4.5.3'
    assert wire.ask('DATA')[0] == '354'
    wire.send((b'y' * 70 + b'\r\n') * 20000 + b'.\r\n')
    assert wire.reply()[1].startswith('552 5.3.4')


def test_too_many_errors_end_the_session(server):
    wire = Wire(server.port)
    codes = []
    try:
        for _ in range(10):
            codes.append(wire.ask('NONSENSE')[0])
    except EOFError:
        pass
    assert codes[-1] == '421' and len(codes) <= 8


def test_idle_ends_with_421(server):
    wire = Wire(server.port)
    assert wire.reply()[0] == '421'


def test_connections_per_address(server):
    wires = [Wire(server.port) for _ in range(8)]
    ninth = Wire(server.port, greet=False)
    assert ninth.reply()[0] == '421'
    for wire in [*wires, ninth]:
        wire.close()
    wait_for(lambda: Wire(server.port).close() is None, 'room again')


def test_bdat(server):
    wire = begin(Wire(server.port))
    body = b'Subject: chunks\r\n\r\n' + b'.dot\r\n' + b'z' * 100000 + b'\r\n'
    at = 0
    for size in (10, 1, 50000):
        wire.send(f'BDAT {size}\r\n').send(body[at:at + size])
        assert wire.reply()[0] == '250'
        at += size
    wire.send(f'BDAT {len(body) - at} LAST\r\n').send(body[at:])
    assert wire.reply()[0] == '250'
    got = server.wait_mail('eve')[0]
    assert got['Subject'] == 'chunks' and got.get_payload().startswith('.dot')


def test_pipelining(server):
    wire = Wire(server.port)
    wire.send('EHLO client.example\r\nMAIL FROM:<a@elsewhere.example>\r\nRCPT TO:<eve@ours.example>\r\nRCPT TO:<x@third.example>\r\nDATA\r\n')
    assert [wire.reply()[0] for _ in range(5)] == ['250', '250', '250', '550', '354']
    wire.send('Subject: x\r\n\r\nx\r\n.\r\nQUIT\r\n')
    assert [wire.reply()[0] for _ in range(2)] == ['250', '221']


def test_implicit_tls(server):
    wire = Wire(server.tls_port, greet=False)
    wire.socket = client_context().wrap_socket(wire.socket)
    assert wire.reply()[0] == '220'
    assert 'STARTTLS' not in wire.ask('EHLO client.example')[1]


def test_a_listener_may_require_tls(server):
    wire = Wire(server.strict_port)
    wire.ask('EHLO client.example')
    assert wire.ask('MAIL FROM:<a@elsewhere.example>')[1].startswith('530 5.7.0')
    wire.starttls()
    begin(wire)


PROXY = b'\r\n\r\n\x00\r\nQUIT\n'


def test_proxy_protocol_states_the_address(server):
    wire = Wire(server.proxy_port, greet=False)
    addresses = socket.inet_aton('192.0.2.55') + socket.inet_aton('192.0.2.1') + (4711).to_bytes(2, 'big') + (25).to_bytes(2, 'big')
    wire.send(PROXY + b'\x21\x11' + len(addresses).to_bytes(2, 'big') + addresses)
    assert wire.reply()[0] == '220'
    begin(wire)
    assert wire.ask('DATA')[0] == '354'
    wire.send('Subject: by proxy\r\n\r\nx\r\n.\r\n')
    assert wire.reply()[0] == '250'
    assert '192.0.2.55' in server.wait_mail('eve')[0]['Received']


def test_without_the_proxy_header_nobody_is_served(server):
    wire = Wire(server.proxy_port, greet=False)
    wire.send('EHLO client.example\r\n')
    assert wire.is_closed()


def test_memory_does_not_grow_with_the_message(server):
    """A hundred megabytes in one BDAT chunk and one endless line, refused by size; the process stays small."""
    pid = server.pid_of('receive')

    def peak_kib():
        return int(next(l for l in open(f'/proc/{pid}/status') if l.startswith('VmHWM')).split()[1])
    before = peak_kib()
    wire = begin(Wire(server.port))
    wire.send('BDAT 100000000 LAST\r\n')
    try:
        for _ in range(1000):
            wire.send(b'x' * 100000)
        wire.reply()
    except (ConnectionError, EOFError):
        pass
    assert peak_kib() - before < 8 * 1024
