"""An installation with two organisations, full of what its API tells of: alpha, and zeta, whose names are marked."""
import gzip
import http.client
import inspect
import itertools
import json
import re
import os
import socket
import ssl
import subprocess
import sys
import types

import pytest

from contract import Contract
from oddpeer import OddPeer
from sealpost import Sealpost, free_port, message
from setups import local_domain, organisation, outbound_partner
from waiting import wait_for

ANN, BOB = 4711, 4712  # alpha's and zeta's administrators: user numbers that nobody has
STRANGER = 4713

# Everything that is zeta's alone carries the mark, and a letter of its own behind it.
MARK = 'zeta'
ZETA = types.SimpleNamespace(
    organisation='zeta-o', domain='zeta-d.example', connector='zeta-c', own='zeta-w', stuck='zeta-q', rule='zeta-r',
    recipient='zeta-m@zeta-d.example', certificate='zeta-k', partner='zeta-p.example', host='mx.zeta-p.example',
    stuck_domain='zeta-q.example', sender='zeta-s@x.example', subject='zeta-t', message_id='<zeta-i@x.example>')
ALPHA = types.SimpleNamespace(
    organisation='alpha', domain='alpha.example', connector='away', own='own', stuck='stuck', rule='rule',
    recipient='r@alpha.example', certificate='house', partner='far.example', host='mx.far.example',
    stuck_domain='stuck.example', sender='s@x.example', subject='plain', message_id='<plain@x.example>')


def content_of(answer):
    """All of it; of events, which have no end, the first one."""
    if 'event-stream' not in (answer.getheader('Content-Type') or ''):
        whole = answer.read()
        return (gzip.decompress(whole) if answer.getheader('Content-Encoding') == 'gzip' else whole).decode()
    text = b''
    while b'data:' not in text or not text.endswith(b'\n\n'):
        line = answer.readline()
        if not line:
            break
        text += line
    return text.decode()


# As somebody else: the kernel tells who asks, so a process of its own does.
ASK = inspect.getsource(content_of) + '''
import gzip, http.client, json, socket, sys
class Api(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(sys.argv[1])
answers = []
for method, path, body, headers in json.load(sys.stdin):
    api = Api('sealpost')
    api.request(method, path, body, headers)
    answer = api.getresponse()
    answers.append([answer.status, dict(answer.getheaders()), content_of(answer)])
    api.close()
json.dump(answers, sys.stdout)
'''


class Answer:
    def __init__(self, status, headers, text):
        self.status = status
        self.headers = {k.lower(): v for k, v in headers.items()}
        self.text = text

    @property
    def kind(self):
        return self.headers.get('content-type', '')

    @property
    def etag(self):
        return self.headers.get('etag')

    @property
    def told(self):
        """Headers, whatever their letters."""
        return {k.title().replace('Etag', 'ETag'): v for k, v in self.headers.items()}

    def json(self):
        return json.loads(self.text)

    def __repr__(self):
        return f'{self.status} {self.kind}: {self.text[:600]}'


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('sealpost', timeout=60)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def prepared(method, path, body=None, headers=None):
    headers = {'Accept-Encoding': 'gzip', **(headers or {})}
    if body is not None and not isinstance(body, (str, bytes)):
        body = json.dumps(body)
    if body is not None:
        headers.setdefault('Content-Type', 'application/json')
    return method.upper(), path, body, headers


class World:
    def __init__(self, directory, authority, foreign):
        self.authority, self.foreign = authority, foreign
        self.port = free_port()
        self.house = Sealpost(directory / 'house', 'mx.house.example', node={
            'queue': {'retry': ['1h']}, 'admin': {'listen': f'127.0.0.1:{self.port}', 'certificate': ALPHA.certificate},
            'publish': {'listen': f'127.0.0.1:{free_port()}'}})
        self.peers = []
        self.numbers = itertools.count(1)
        # Made once: the system's roots are many, and reading them takes longer than a request.
        self.context = ssl.create_default_context(cafile=authority.certificate)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        self.asked = {}  # what the tests ask with, made once

    def socket(self):
        return self.house.directory / 'run' / 'admin.sock'

    # -- asking ---------------------------------------------------------------------------------------------

    def ask(self, method, path, body=None, headers=None):
        """By root, who manages the installation."""
        api = Unix(self.socket())
        try:
            api.request(*prepared(method, path, body, headers))
            answer = api.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), content_of(answer))
        finally:
            api.close()

    def web(self, method, path, body=None, headers=None):
        """By somebody in the network, over HTTPS."""
        api = http.client.HTTPSConnection('127.0.0.1', self.port, timeout=60, context=self.context)
        try:
            api.request(*prepared(method, path, body, headers))
            answer = api.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), content_of(answer))
        finally:
            api.close()

    def token(self, role, *organisations):
        """Headers of a program that has such a token."""
        if '/v1/tokens' not in self.contract.document['paths']:
            pytest.skip('this server has no tokens')
        answer = self.ask('POST', '/v1/tokens', {'label': f'test-{next(self.numbers)}', 'role': role,
                                                 'organisations': organisations})
        assert answer.status == 201, answer
        return {'Authorization': f'Bearer {answer.json()["token"]}'}

    def user(self, role='reader'):
        """Somebody who may log in: {user, password}."""
        who = {'user': f'user-{next(self.numbers)}', 'password': 'correct horse battery'}
        if '/v1/users' not in self.contract.document['paths']:
            pytest.skip('this server has no users')
        answer = self.ask('POST', '/v1/users', {'name': who['user'], 'password': who['password'], 'role': role})
        assert answer.status == 201, answer
        return who

    def log_in(self, **who):
        """Headers of a session."""
        answer = self.web('POST', '/v1/session', who or self.user())
        assert answer.status == 200, answer
        return {'Cookie': answer.headers['set-cookie'].split(';')[0], 'X-Sealpost-CSRF': answer.json()['csrf']}

    def ask_as(self, uid, *requests):
        """Answers to [(method, path, body, headers)], asked by the user of that number."""
        done = subprocess.run([sys.executable, '-c', ASK, str(self.socket())],
                              input=json.dumps([prepared(*r) for r in requests]), capture_output=True, text=True,
                              timeout=300, user=uid, group=uid, extra_groups=[])
        assert done.returncode == 0, done.stderr
        return [Answer(*a) for a in json.loads(done.stdout)]

    # -- making it --------------------------------------------------------------------------------------------

    def bring(self, name, host, file):
        certificate = self.authority.issue(host, file=file)
        self.house.cli('cert', 'import', name, certificate.chain, certificate.key, '--node', self.node_file,
                       '--trust', self.authority.certificate)

    def start(self):
        self.node_file = self.house.write_node()
        for who in ALPHA, ZETA:
            self.bring(who.certificate, f'mx.{who.domain}', f'api-{who.certificate}-1')
        self.house.start()
        for folder in [self.house.directory, *self.house.directory.parents[:-2]]:
            os.chmod(folder, os.stat(folder).st_mode | 0o011)
        self.peers = [OddPeer(self.authority.issue(who.host, file=f'api-{who.host}-1')) for who in (ALPHA, ZETA)]
        self.house.apply(self.config())
        self.contract = Contract(self.ask('GET', '/v1/openapi.json').json())
        self.fill()
        return self

    def config(self):
        both = (ALPHA, ANN, self.peers[0]), (ZETA, BOB, self.peers[1])
        return {
            'organisations': [organisation(w.organisation, w.certificate, administrators=[str(uid)],
                                           certificates=[w.certificate] if w is ZETA else []) for w, uid, _ in both],
            'domains': [local_domain(w.domain, w.organisation, self.house) for w, _, _ in both],
            'connectors': [c for w, _, peer in both for c in (
                {'name': w.own, 'organisation': w.organisation, 'type': 'on-premises', 'trust': self.authority.pem,
                 'inbound': {'certificate_name': f'mail.{w.domain}'}},
                {**outbound_partner(w.organisation, w.connector, w.partner, [f'127.0.0.1:{peer.port}'], 'encrypt',
                                    trust=self.authority.pem),
                 'inbound': {'sender_domains': [w.partner], 'require_tls': True}},
                outbound_partner(w.organisation, w.stuck, w.stuck_domain, ['127.0.0.1:9']))],
            'recipients': [{'address': w.recipient} for w, _, _ in both],
            'rules': [{'name': w.rule, 'organisation': w.organisation, 'senders': [f'rule-{w.sender}'], 'action': 'hold'}
                      for w, _, _ in both]}

    def deliver(self, who, peer, certificate):
        before = len(peer.messages)
        sender, recipient = f'joe@{who.domain}', f'ann@{who.partner}'
        self.house.send(sender, recipient, message(sender, recipient, who.subject), certificate=certificate)
        wait_for(lambda: len(peer.messages) > before, f'a message for {who.partner} to be delivered', 60)

    def fill(self):
        """Mail in, mail out, mail that waits, refusals; chains, and alarms of those that changed."""
        house = self.house
        for who, peer in zip((ALPHA, ZETA), self.peers):
            own = self.authority.issue(f'mail.{who.domain}', file=f'api-mail-{who.domain}')
            house.send(who.sender, f'u@{who.domain}', message(who.sender, f'u@{who.domain}', who.subject,
                                                              message_id=who.message_id))
            self.deliver(who, peer, own)
            peer.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            other = self.foreign.issue(who.host, file=f'api-{who.host}-2')
            peer.context.load_cert_chain(other.chain, other.key)
            peer.drop()
            self.deliver(who, peer, own)
            sender = f'joe@{who.domain}'
            house.send(sender, f'bob@{who.stuck_domain}', message(sender, f'bob@{who.stuck_domain}', who.subject),
                       certificate=own)
        house.send('both@x.example', [f'u@{ALPHA.domain}', f'{MARK}-u@{ZETA.domain}'])
        wait_for(lambda: len(q := house.json('queue', 'list')) == 2 and all(r['attempts'] for m in q
                                                                             for r in m['recipients']),
                 'both messages to be tried', 60)
        wait_for(lambda: len(house.json('chain', 'list')) >= 4, 'the chains', 60)
        wait_for(lambda: len(house.json('alarms', 'list')['items']) >= 2, 'the alarms', 60)
        house.wait_mail('u', 3, 60)
        self.look()

    def look(self):
        """What ids things have got."""
        house = self.house
        for who in ALPHA, ZETA:
            who.queued = house.json('queue', 'list', '--domain', who.stuck_domain)[0]['id']
            who.traced = wait_for(lambda: house.json('trace', '--from', who.sender)[0]['id'], 'the trace')
            who.chain = house.json('chain', 'list', '--connector', f'{who.organisation}/{who.connector}')[0]['id']
            who.audited = self.audited(who)
            who.alarm = next(a['id'] for a in house.json('alarms', 'list', '--all')['items']
                             if a['organisation'] == who.organisation)

    # -- for single routes -----------------------------------------------------------------------------------

    def asset(self):
        """A file of the admin center; where it was built without, there is none."""
        found = re.search(r'/assets/([^"\']+)', self.ask('GET', '/').text)
        return {'path': {'name': found[1]}} if found else {'path': {'name': 'none'}, 'status': 404}

    def versions(self):
        """A certificate with a next version, which may be dropped."""
        name = f'spare-{next(self.numbers)}'
        for _ in range(2):
            self.bring(name, f'{name}.example', f'api-{name}-{next(self.numbers)}')
        return name

    def audited(self, who):
        """The entry of a change of one's own; a server without an audit log has none."""
        if '/v1/audit' not in self.contract.document['paths']:
            return 1
        assert self.ask('PATCH', f'/v1/organisations/{who.organisation}', {'comment': who.subject}).status == 200
        return next(e['id'] for e in self.ask('GET', '/v1/audit?limit=100').json()['items']
                    if e['organisation'] == who.organisation)

    def close(self):
        for peer in self.peers:
            peer.close()
        self.house.close()
