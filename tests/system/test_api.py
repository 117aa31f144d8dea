"""Every route of the API as its document tells it: answers, refusals, limits, edits at the same time, and who may."""
import base64
import copy
import hmac
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import struct
import subprocess
import time
import urllib.parse

import pytest

from contract import cursor_at, quoted
from waiting import wait_for
from world import ALPHA, ANN, MARK, STRANGER, ZETA, Answer, World

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root can become somebody else')

TOOLS = pathlib.Path(__file__).resolve().parents[1] / 'api'


@pytest.fixture(scope='module')
def world(tmp_path_factory, authority, foreign_authority):
    world = World(tmp_path_factory.mktemp('api'), authority, foreign_authority)
    try:
        yield world.start()
    finally:
        world.close()


# ---- the document --------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which('node') or not (TOOLS / 'node_modules').is_dir(),
                    reason='the validator is not there: npm ci in tests/api/')
def test_the_document_is_one(world, tmp_path):
    """By a validator that others have written."""
    path = tmp_path / 'openapi.json'
    path.write_text(json.dumps(world.contract.document))
    done = subprocess.run(['node', TOOLS / 'validate.mjs', path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == 'valid: OpenAPI 3.1'
    broken = copy.deepcopy(world.contract.document)
    broken['paths']['/v1/queue']['get']['parameters'][0]['in'] = 'nowhere'
    path.write_text(json.dumps(broken))
    done = subprocess.run(['node', TOOLS / 'validate.mjs', path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, 'it finds what is wrong'


def test_the_document_and_the_table_of_routes_agree(world):
    routes = {(r['method'].lower(), r['path']) for r in world.ask('GET', '/v1?limit=1000').json()['items']}
    told = {(method, path) for method, path, _ in world.contract.operations()}
    actions = {('post', f'/v1/queue/{a}') for a in ('hold', 'release', 'retry', 'delete', 'return')}
    assert told == routes - {('post', '/v1/queue/{action}')} | actions
    for method, path, operation in world.contract.operations():
        assert operation['summary'] and operation['x-sealpost-access'], path
        assert all(p.get('description') or p.get('$ref') or p['in'] == 'query' for p in operation['parameters']), path


def test_the_events_are_described(world):
    """Each event of a stream is one of the document, with the members that stand there; docs/api.md tells the same."""
    operation = operation_of(world, 'get /v1/events')
    told = operation['x-sealpost-events']
    rows = [f'| `{event}` | `{name}` | {member["description"]} |' for event, schema in told.items()
            for name, member in world.contract.deref(schema)['properties'].items()]
    page = (pathlib.Path(__file__).resolve().parents[2] / 'docs' / 'api.md').read_text()
    assert [line for line in page.splitlines() if re.match(r'\| `(%s)` \|' % '|'.join(told), line)] == rows, '\n'.join(rows)
    assert all(world.contract.deref(schema)['description'] in page.replace('\n', ' ') for schema in told.values())
    limited = world.token('reader', ALPHA.organisation)
    for headers in None, limited:
        event, data = world.ask('GET', '/v1/events', None, headers).text.strip().split('\n')[-2:]
        schema = told[event.removeprefix('event: ')]
        value = json.loads(data.removeprefix('data: '))
        assert not world.contract.errors(schema, value), (headers, data)
        assert value.keys() == world.contract.deref(schema)['properties'].keys(), 'no more than is told'


def test_the_document_from_the_command_line(world):
    assert json.loads(world.house.cli('api', '--openapi').stdout) == world.contract.document
    shown = world.house.cli('api', 'GET', f'/v1/organisations/{ALPHA.organisation}').stdout
    assert json.loads(shown)['name'] == ALPHA.organisation
    text = world.house.cli('api', 'GET', f'/v1/partner-kit?organisation={ALPHA.organisation}&format=text').stdout
    assert 'mx.house.example' in text
    done = world.house.cli('api', 'PATCH', f'/v1/organisations/{ALPHA.organisation}?dry_run=1', '--body=-',
                           input='{"comment": "from a script"}')
    assert json.loads(done.stdout)['changes'][0]['fields'][0]['after'] == 'from a script'
    for words, said in [(('GET', '/v1/nothing'), '/v1'), (('GET', '/v1/queue?colour=red'), 'colour'),
                        (('PATCH', '/v1/organisations/x', '--body=-'), 'JSON')]:
        done = world.house.cli('api', *words, input='{', check=False)
        assert done.returncode == 1 and said in done.stderr, done
    for words in ('FETCH', '/v1'), ('GET', 'v1'), ('GET',):
        assert world.house.cli('api', *words, check=False).returncode == 2


# ---- how each route is asked -----------------------------------------------------------------------------


def spare(world, kind, **more):
    """An object that may be changed and removed; its name."""
    name = f'spare-{next(world.numbers)}'
    bodies = {'organisations': {'name': name}, 'domains': {'name': f'{name}.example', 'organisation': 'alpha'},
              'recipients': {'address': f'{name}@alpha.example'},
              'connectors': {'name': name, 'organisation': 'alpha', 'type': 'on-premises',
                             'inbound': {'addresses': ['192.0.2.1']}},
              'rules': {'name': name, 'organisation': 'alpha', 'action': 'hold', 'senders': ['nobody@x.example']}}
    body = {**bodies[kind], **more}
    answer = world.ask('POST', f'/v1/{kind}', body)
    assert answer.status == 200, answer
    return body


def key_of(body):
    return body.get('address') or body['name']


def objects(kind, key, of, changes):
    """The six routes of a kind of object.  KEY: the segments of one, by its body; OF: alpha's one."""
    one = '/v1/' + kind + ('/{organisation}/{name}' if len(of) == 2 else '/{key}')

    def added(world):
        body = spare(world, kind)
        world.ask('DELETE', quoted(one, **key(body)))
        return body
    return {
        f'get /v1/{kind}': lambda w: dict(query={'organisation': 'alpha', 'limit': 5}),
        f'post /v1/{kind}': lambda w: dict(body=added(w)),
        f'get {one}': lambda w: dict(path=of),
        f'put {one}': lambda w: (lambda b: dict(path=key(b), body={**b, **changes}))(spare(w, kind)),
        f'patch {one}': lambda w: dict(path=key(spare(w, kind)), body=changes),
        f'delete {one}': lambda w: dict(path=key(spare(w, kind))),
    }


def by_key(body):
    return {'key': key_of(body)}


def by_names(body):
    return {'organisation': body['organisation'], 'name': body['name']}


def waiting(world):
    """A message in the queue, for actions that end it."""
    recipient = f'bob-{next(world.numbers)}@{ALPHA.stuck_domain}'
    certificate = world.authority.issue(f'mail.{ALPHA.domain}', file=f'api-waiting-{next(world.numbers)}')
    world.house.send(f'joe@{ALPHA.domain}', recipient, certificate=certificate)
    return dict(body={'filter': {'recipient': recipient}})


AWAY = {'organisation': ALPHA.organisation, 'name': ALPHA.connector}
COMMENT = {'comment': 'changed'}

# Of every operation in the document: what it is asked with to succeed.  What is missing here fails a test.
ASKED = {
    'get /': lambda w: {},
    'get /assets/{name}': lambda w: w.asset(),
    'get /v1': lambda w: {},
    'get /v1/openapi.json': lambda w: {},
    'get /v1/session': lambda w: {},
    'post /v1/session': lambda w: dict(body=w.user(), web=True),
    'delete /v1/session': lambda w: dict(headers=w.log_in(), web=True),
    'post /v1/session/password': lambda w: own_account(w, lambda who: {'old': who['password'],
                                                                       'new': 'another horse battery'}),
    'post /v1/session/totp': lambda w: own_account(w, lambda who: {}),
    'put /v1/session/totp': lambda w: with_totp(w, False),
    'delete /v1/session/totp': lambda w: with_totp(w, True),
    'post /v1/setup': lambda w: dict(body={'token': link(w), 'password': 'correct horse battery'}, web=True),
    'post /v1/setup/check': lambda w: dict(body={'token': link(w)}, web=True),
    'post /v1/setup-link': lambda w: dict(status=409),  # there are users
    'get /v1/users': lambda w: dict(query={'limit': 5}),
    'post /v1/users': lambda w: dict(body={'name': f'user-{next(w.numbers)}', 'role': 'reader'}),
    'get /v1/users/{name}': lambda w: dict(path={'name': w.user()['user']}),
    'patch /v1/users/{name}': lambda w: dict(path={'name': w.user()['user']}, body={'role': 'auditor'}),
    'delete /v1/users/{name}': lambda w: dict(path={'name': w.user()['user']}),
    'post /v1/users/{name}/link': lambda w: dict(path={'name': w.user()['user']}),
    'get /v1/tokens': lambda w: dict(query={'limit': 5}),
    'post /v1/tokens': lambda w: dict(body={'label': 'test', 'role': 'reader', 'expires': '2099-01-01T00:00:00Z'}),
    'get /v1/tokens/{id}': lambda w: dict(path={'id': token_id(w)}),
    'delete /v1/tokens/{id}': lambda w: dict(path={'id': token_id(w)}),
    'get /v1/audit': lambda w: dict(query={'limit': 5, 'since': '2020-01-01T00:00:00Z'}),
    'get /v1/audit/verify': lambda w: {},
    'get /v1/audit/{id}': lambda w: dict(path={'id': w.ask('GET', '/v1/audit?limit=1').json()['items'][0]['id']}),
    'get /v1/reports': lambda w: {},
    'get /v1/reports/{name}': lambda w: dict(path={'name': 'volume'}, query={'step': 'day'}),
    'get /v1/trace/{id}/evidence': lambda w: dict(path={'id': ALPHA.traced}),
    'get /v1/events': lambda w: {},
    'get /metrics': lambda w: {},
    'get /healthz': lambda w: {},
    'get /readyz': lambda w: {},
    'get /v1/status': lambda w: {},
    'post /v1/reload': lambda w: {},
    'get /v1/backups': lambda w: backup(w) and {},
    'post /v1/backups': lambda w: dict(body={'trace': True}),
    'get /v1/backups/{name}': lambda w: dict(path=backup(w)),
    'delete /v1/backups/{name}': lambda w: dict(path=backup(w)),
    'get /v1/config': lambda w: {},
    'put /v1/config': lambda w: dict(query={'dry_run': '1'}, body=w.ask('GET', '/v1/config').json()),
    'post /v1/changes': lambda w: dict(body={'changes': [
        {'kind': 'organisation', 'op': 'patch', 'key': spare(w, 'organisations')['name'], 'object': COMMENT}]}),
    **objects('organisations', by_key, {'key': ALPHA.organisation}, COMMENT),
    **objects('domains', by_key, {'key': ALPHA.domain}, COMMENT),
    **objects('connectors', by_names, AWAY, COMMENT),
    **objects('recipients', by_key, {'key': ALPHA.recipient}, COMMENT),
    **objects('rules', by_names, {'organisation': ALPHA.organisation, 'name': ALPHA.rule}, COMMENT),
    'post /v1/connectors/{organisation}/{name}/test': lambda w: dict(path=AWAY, body={'to': f'ann@{ALPHA.partner}'}),
    'get /v1/connectors/{organisation}/{name}/test': lambda w: dict(path=AWAY, query={'limit': 5}),
    'get /v1/connector-tests': lambda w: dict(query={'limit': 5}),
    'get /v1/connectors/{organisation}/{name}/readiness': lambda w: dict(path=AWAY, query={'days': 7}),
    'post /v1/explain': lambda w: dict(body={'from': f'joe@{ALPHA.domain}', 'to': [f'ann@{ALPHA.partner}'],
                                             'ip': '192.0.2.1'}),
    'get /v1/lint': lambda w: {},
    'get /v1/partner-kit': lambda w: dict(query={'organisation': ALPHA.organisation,
                                                 'connector': f'{ALPHA.organisation}/{ALPHA.connector}',
                                                 'address': '192.0.2.1', 'format': 'json'}),
    'post /v1/partner-kit/import': lambda w: dict(body={
        'kit': w.ask('GET', f'/v1/partner-kit?organisation={ALPHA.organisation}').json(),
        'organisation': ALPHA.organisation, 'name': 'imported'}),
    'get /v1/queue': lambda w: dict(query={'domain': ALPHA.stuck_domain, 'state': 'waiting', 'limit': 10}),
    'get /v1/queue/summary': lambda w: {},
    'get /v1/queue/{id}': lambda w: dict(path={'id': ALPHA.queued}),
    'post /v1/queue/hold': waiting,
    'post /v1/queue/release': waiting,
    'post /v1/queue/retry': waiting,
    'post /v1/queue/delete': waiting,
    'post /v1/queue/return': waiting,
    'get /v1/trace': lambda w: dict(query={'address': ALPHA.sender, 'since': '2020-01-01T00:00:00Z', 'limit': 10,
                                           'outcome': 'delivered'}),
    'get /v1/trace/{id}': lambda w: dict(path={'id': ALPHA.traced}),
    'get /v1/alarms': lambda w: dict(query={'all': '1'}),
    'post /v1/alarms/{id}/acknowledge': lambda w: dict(path={'id': ALPHA.alarm}),
    'post /v1/alerts/test': lambda w: {},
    'get /v1/protection': lambda w: dict(query={'domain': ALPHA.partner}),
    'delete /v1/protection/{domain}': lambda w: dict(path=watched(w)),
    'get /v1/hosts': lambda w: {},
    'delete /v1/hosts/{host}': lambda w: dict(path={'host': 'mx.nowhere.example:25'}, status=404),
    'post /v1/checks/endpoints': lambda w: dict(body={'own': True, 'hosts': [f'127.0.0.1:{w.peers[0].port}']}),
    'get /v1/checks/roots': lambda w: dict(query={'require': 'Test Root'}),
    'get /v1/tls': lambda w: {},
    'get /v1/certificates': lambda w: {},
    'post /v1/certificates/explain': lambda w: dict(body={'name': f'mx.{ALPHA.domain}'}),
    'get /v1/certificates/{name}/acceptance': lambda w: dict(path={'name': ALPHA.certificate}),
    'get /v1/certificates/{name}/plan': lambda w: dict(path={'name': ALPHA.certificate}),
    'post /v1/certificates/{name}/rollover': lambda w: dict(path={'name': w.versions()}, body={'action': 'drop'}),
    'get /v1/certificates/requests': lambda w: requested(w) and {},
    'post /v1/certificates/{name}/request': lambda w: dict(path={'name': f'asked-{next(w.numbers)}'},
                                                           body={'names': ['asked.example'], 'organisation': 'House'}),
    'delete /v1/certificates/{name}/request': lambda w: dict(path={'name': requested(w)['name']}),
    'post /v1/certificates/{name}/chain': lambda w: signed(w),
    'post /v1/certificates/{name}/self-signed': lambda w: dict(path={'name': f'trial-{next(w.numbers)}'}, body={'days': 30}),
    'get /v1/certificates/sheet': lambda w: dict(query={'name': ALPHA.certificate, 'format': 'json'}),
    'get /v1/chains': lambda w: dict(query={'organisation': ALPHA.organisation, 'pem': '1', 'limit': 10}),
    'get /v1/chains/{id}': lambda w: dict(path={'id': ALPHA.chain}),
    'post /v1/chains/{id}/accept': lambda w: dict(path={'id': ALPHA.chain}),
    'get /v1/acme-challenges': lambda w: {},
    'post /v1/acme-challenges': lambda w: dict(body={'token': 'abc', 'answer': 'abc.def'}),
    'delete /v1/acme-challenges/{token}': lambda w: dict(path=challenge(w)),
}


def backup(world):
    """One that has ended: there is one at a time."""
    def begin():
        answer = world.ask('POST', '/v1/backups', {})
        return answer.status < 300 and answer.json()['name']
    name = wait_for(begin, 'a backup to begin', 60)
    wait_for(lambda: world.ask('GET', f'/v1/backups/{name}').json()['state'] != 'runs', 'the backup to end', 60)
    return {'name': name}


def watched(world):
    """A domain whose mail was seen."""
    domain = f'watched-{next(world.numbers)}.example'
    world.house.send(f'a@{domain}', f'u@{ALPHA.domain}')
    wait_for(lambda: world.ask('GET', f'/v1/protection?domain={domain}').json()['items'], 'its mail to be seen', 60)
    return {'domain': domain}


def link(world):
    """The word of a link by which a user sets a password."""
    answer = world.ask('POST', f'/v1/users/{world.user()["user"]}/link')
    assert answer.status == 200, answer
    return answer.json()['url'].rsplit('/', 1)[1]


def token_id(world):
    answer = world.ask('POST', '/v1/tokens', {'label': 'to be removed', 'role': 'reader'})
    return answer.json()['id']


def own_account(world, body):
    """Something that who is logged in does with her own account."""
    who = world.user()
    return dict(headers=world.log_in(**who), body=body(who), web=True)


def code_of(secret, ago=0):
    """RFC 6238."""
    key = base64.b32decode(secret + '=' * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack('>Q', int(time.time()) // 30 - ago), 'sha1')
    at = digest[-1] & 15
    return f'{(struct.unpack(">I", digest[at:at + 4])[0] & 0x7fffffff) % 1000000:06d}'


def with_totp(world, is_on):
    who = world.user()
    headers = world.log_in(**who)
    secret = world.web('POST', '/v1/session/totp', {}, headers).json()['secret']
    if not is_on:
        return dict(headers=headers, body={'code': code_of(secret)}, web=True)
    answer = world.web('PUT', '/v1/session/totp', {'code': code_of(secret)}, headers)
    assert answer.status == 200, answer
    return dict(headers=headers, body={'password': who['password']}, web=True)


def challenge(world):
    token = f'token{next(world.numbers)}'
    assert world.ask('POST', '/v1/acme-challenges', {'token': token, 'answer': f'{token}.x'}).status == 201
    return {'token': token}


def requested(world):
    """An open request for a certificate."""
    name = f'asked-{next(world.numbers)}'

    def begin():  # one change of certificates at a time
        answer = world.ask('POST', f'/v1/certificates/{name}/request', {'names': [f'{name}.example']})
        return answer.status != 503 and answer
    answer = wait_for(begin, 'a request to be made', 60)
    assert answer.status == 201, answer
    return answer.json()


def signed(world):
    """What an authority has made of an open request."""
    request = requested(world)
    directory = world.house.directory
    csr, out = directory / f'{request["name"]}.csr', directory / f'{request["name"]}.pem'
    csr.write_text(request['request'])
    world.authority._sign(csr, out, 'leaf')
    return dict(path={'name': request['name']},
                body={'chain': out.read_text(), 'trust': world.authority.certificate.read_text()})


def with_query(path, query):
    return path + ('?' + urllib.parse.urlencode(query) if query else '')


def request_of(method, path, asked):
    return (method, with_query(quoted(path, **asked.get('path', {})), asked.get('query')), asked.get('body'),
            asked.get('headers'))


def put(world, asked, method, url, body=None, headers=None):
    """As the table says: over the socket by root, or over HTTPS."""
    ask = world.web if asked.get('web') else world.ask
    return ask(method, url, body, {**(asked.get('headers') or {}), **(headers or {})})


def all_operations():
    """Names of the operations that the table knows; that it knows all is a test of its own."""
    return sorted(ASKED)


def operation_of(world, name):
    method, path = name.split(' ')
    return world.contract.document['paths'][path][method]


def test_every_route_is_asked(world):
    told = {f'{method} {path}' for method, path, _ in world.contract.operations()}
    assert told == set(ASKED), 'say in ASKED how a new route is asked'


@pytest.mark.parametrize('name', all_operations())
def test_answers_are_what_the_document_says(world, name):
    method, path = name.split(' ')
    operation = operation_of(world, name)
    asked = ASKED[name](world)
    request = request_of(method, path, asked)
    answer = put(world, asked, *request)
    wanted = asked.get('status') or next(int(s) for s in operation['responses'] if s < '300')
    assert answer.status == wanted, (request, answer)
    world.contract.check(method, request[1], answer.status, answer.kind, answer.text, answer.told)
    assert answer.headers['x-content-type-options'] == 'nosniff' and 'cache-control' in answer.headers, answer.headers


# ---- what is malformed -----------------------------------------------------------------------------------


def refused(world, answer, statuses, field, request):
    assert answer.status in statuses, (request, answer)
    assert answer.kind == 'application/problem+json', (request, answer)
    problem = answer.json()
    errors = world.contract.errors({'$ref': '#/components/schemas/problem'}, problem)
    assert not errors and problem['status'] == answer.status, (request, answer, errors)
    if field is not None:
        named = [e['field'] for e in problem['errors']]
        assert any(n == field or n.startswith((f'{field}.', f'{field}[')) for n in named), (request, answer)


# One value of each kind: what a schema refuses is sent.
ODD = [{'odd': 1}, [{'odd': 1}], 5.5, True, 'odd', 123456789012, 'x' * 70000]


def unfit(world, schema):
    """A value that the schema does not take; None where it takes all."""
    return next((v for v in ODD if world.contract.errors(schema, v)), None)


def bad_bodies(world, operation, body):
    """[(field, body)]: each member of the request with a value that it cannot have, and one that there is not."""
    schema = world.contract.deref(operation['requestBody']['content']['application/json']['schema'])
    for name, member in schema['properties'].items():
        odd = unfit(world, member)
        if odd is not None:
            yield name, {**(body or {}), name: odd}
    yield 'colour', {**(body or {}), 'colour': 'red'}


@pytest.mark.parametrize('name', all_operations())
def test_malformed_bodies_are_refused(world, name):
    method, path = name.split(' ')
    operation = operation_of(world, name)
    if 'requestBody' not in operation:
        if method not in ('get', 'head') and path.startswith('/v1'):
            request = request_of(method, path, {**still(world, name), 'body': {'colour': 'red'}})
            refused(world, put(world, still(world, name), *request), {422}, 'colour', request)
        return
    asked = still(world, name)
    url = request_of(method, path, asked)[1]
    for text in '{"cut": ', '[]', '{"a": 1, "a": 2}', b'\xff\xfe':
        refused(world, put(world, asked, method, url, text), {400}, None, (url, text))
    for field, body in bad_bodies(world, operation, asked.get('body')):
        refused(world, put(world, asked, method, url, body), {400, 422}, field, (method, url, body))


def still(world, name):
    """As in ASKED, for what is refused anyway: made once."""
    if name not in world.asked:
        world.asked[name] = ASKED[name](world)
    return world.asked[name]


# No cursor of any listing: too short, without its check, of another one, with more behind it.
GARBAGE = ['garbage', '12345678', '', 'contoso/fabrikam', '0' * 8 + '1', cursor_at('/v1/elsewhere', '1'),
           cursor_at('/v1/queue', '1') + '0']


def bad_queries(operation):
    for parameter in operation['parameters']:
        if parameter.get('in') != 'query':
            continue
        name, schema = parameter['name'], parameter['schema']
        schema = schema.get('items', schema)
        if schema.get('type') == 'integer':
            yield name, ['-1', 'many', '', str(schema.get('maximum', 0) + 1), '9' * 30]
        elif schema.get('type') == 'boolean':
            yield name, ['perhaps']
        elif 'enum' in schema or '$ref' in schema or schema.get('format') == 'date-time':
            yield name, ['odd']
        elif 'maxLength' in schema:
            yield name, ['x' * (schema['maxLength'] + 1), '\udcff',
                         *(GARBAGE if name == 'cursor' else [])]


@pytest.mark.parametrize('name', [n for n in all_operations() if n.split(' ')[1].startswith('/v1')])
def test_odd_queries_are_refused(world, name):
    method, path = name.split(' ')
    operation = operation_of(world, name)
    asked = still(world, name)
    url = quoted(path, **asked.get('path', {}))
    body = asked.get('body')
    refused(world, put(world, asked, method, f'{url}?colour=red', body), {400}, 'colour', url)
    for key, values in bad_queries(operation):
        for value in values:
            said = f'{url}?{key}={urllib.parse.quote(value, errors="surrogateescape")}'
            refused(world, world.ask(method, said, body), {400}, key, said)
        if key != 'require':
            refused(world, world.ask(method, f'{url}?{key}=1&{key}=1', body), {400}, key, url)


def sent(world, head, body=b'', by_web=False):
    """The answer to a request of which the server need not take all: what it will not have stays here."""
    if by_web:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = context.wrap_socket(socket.create_connection(('127.0.0.1', world.port), 60))
    else:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(60)
        connection.connect(str(world.socket()))
    with connection:
        connection.sendall(head)
        try:
            connection.sendall(body)
        except OSError:
            pass  # it has answered already, and closed
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())


def head_of(method, url, **headers):
    lines = [f'{method.upper()} {url} HTTP/1.1', 'Host: mx.house.example', 'Content-Type: application/json',
             *(f'{k.replace("_", "-")}: {v}' for k, v in headers.items())]
    return '\r\n'.join(lines).encode() + b'\r\n\r\n'


def with_a_body():
    return [n for n in all_operations() if n.split(' ')[0] != 'get']


@pytest.mark.parametrize('name', with_a_body())
def test_bodies_have_a_limit(world, name):
    """Whatever changes or asks: told beforehand, told piece by piece, and over the network from who is not known."""
    method, path = name.split(' ')
    url = quoted(path, **still(world, name).get('path', {}))
    size = 3 * 1024 * 1024 + 1
    for request in [(head_of(method, url, Content_Length=size), b'y' * size),
                    (head_of(method, url, Content_Length=size),),
                    (head_of(method, url, Transfer_Encoding='chunked'), b'%x\r\n' % size + b'y' * size + b'\r\n0\r\n\r\n'),
                    (head_of(method, url, Transfer_Encoding='chunked'), b'10000\r\n' + b'y' * 0x10000 + b'\r\n' +
                     (b'10000\r\n' + b'y' * 0x10000 + b'\r\n') * 50 + b'0\r\n\r\n')]:
        refused(world, sent(world, *request), {413}, None, (name, request[0]))
    size = 1024 * 1024 + 1
    refused(world, sent(world, head_of(method, url, Content_Length=size), b'y' * size, by_web=True), {413}, None, name)
    assert world.ask('GET', '/v1/session').status == 200


@pytest.mark.parametrize('name', all_operations())
def test_paths_queries_and_headers_have_a_limit(world, name):
    method, path = name.split(' ')
    url = quoted(path, **still(world, name).get('path', {}))
    for by_web in False, True:
        for long in f'{url}/{"x" * 20000}', f'{url}?x={"x" * 20000}', f'{url}?{"x" * 20000}':
            refused(world, sent(world, head_of(method, long), by_web=by_web), {400}, None, (name, long[:80]))
        refused(world, sent(world, head_of(method, url, X_Odd='x' * 20000), by_web=by_web), {400}, None, name)
    if path.startswith('/v1'):
        # What fits into the head may be too long all the same; the parts of a path have their own limits.
        answer = sent(world, head_of(method, f'{url}?colour={"x" * 9000}'))
        refused(world, answer, {400}, 'colour', name)
    for segment in set(re.findall(r'{(.*?)}', path)) if '{' in path else ():
        long = quoted(path, **{**still(world, name).get('path', {}), segment: 'x' * 5000})
        answer = sent(world, head_of(method, long, Content_Length=2), b'{}')
        refused(world, answer, {400, 404, 409, 422}, None, (name, segment))


@pytest.mark.parametrize('by_web', [False, True], ids=['socket', 'https'])
def test_what_is_no_http_is_told_in_json(world, by_web):
    for request, status in [(b'nonsense\r\n\r\n', 400), (b'GET /v1/status HTTP/1.1\r\nno colon\r\n\r\n', 400),
                            (head_of('POST', '/v1/explain', Content_Length='many'), 400),
                            (head_of('POST', '/v1/explain', Content_Length='-1'), 400),
                            (head_of('OPTIONS', '/v1/status'), 405), (head_of('TRACE', '/v1/status'), 405)]:
        refused(world, sent(world, request, by_web=by_web), {status}, None, request)
    assert world.ask('GET', '/v1/session').status == 200


# ---- pages -------------------------------------------------------------------------------------------------


def listings():
    return sorted(n for n in ASKED if n.startswith('get ') and n not in WITHOUT_PAGES)


# Of these there is one answer.  That no other route has none is a test of its own.
WITHOUT_PAGES = {n for n in ASKED if n.startswith('get ')} - {f'get /v1{path}' for path in (
    '', '/acme-challenges', '/alarms', '/audit', '/backups', '/certificates', '/certificates/requests',
    '/certificates/{name}/acceptance', '/chains',
    '/checks/roots', '/connector-tests', '/connectors', '/connectors/{organisation}/{name}/test', '/domains', '/hosts', '/lint',
    '/organisations', '/protection', '/queue', '/recipients', '/reports', '/rules', '/tokens', '/trace', '/users')}


def test_every_listing_has_pages(world):
    """Whatever answers items takes cursor and limit, and says what comes next; nothing else does."""
    for method, path, operation in world.contract.operations():
        content = operation['responses'].get('200', {}).get('content', {})
        schema = world.contract.deref(content.get('application/json', {}).get('schema', {}))
        takes = {p['name'] for p in operation['parameters'] if p.get('in') == 'query'} & {'cursor', 'limit'}
        is_listing = method == 'get' and 'items' in schema.get('properties', {})
        assert takes == ({'cursor', 'limit'} if is_listing else set()), (method, path)
        assert f'{method} {path}' in listings() or not is_listing, path
        if is_listing:
            assert {'items', 'next'} <= set(schema['required']), path
            limit = next(p for p in operation['parameters'] if p.get('name') == 'limit')['schema']
            assert limit['minimum'] == 1 and limit['maximum'] == 1000, path


def pages_of(world, url, limit, between=lambda: None):
    """Every page, from the first one to the last."""
    pages, cursor = [], None
    while cursor is not None or not pages:
        more = {'limit': limit, **({'cursor': cursor} if cursor else {})}
        answer = world.ask('GET', url + ('&' if '?' in url else '?') + urllib.parse.urlencode(more))
        assert answer.status == 200, (url, more, answer)
        page = answer.json()
        assert len(page['items']) <= limit and (page['next'] is None or page['next'] != cursor), (url, more, answer)
        pages.append(page)
        cursor = page['next']
        between()
    return pages


NAMES = ('id', 'method', 'path', 'organisation', 'kind', 'name', 'version', 'store', 'address', 'domain', 'network',
         'direction', 'host', 'token', 'subject', 'severity', 'partner', 'sha256', 'text')


def identity(item):
    """What tells it from others and does not change while it is there."""
    return tuple((n, str(item[n])) for n in NAMES if item.get(n) is not None and not (n == 'text' and 'id' in item))


def names_of(pages):
    return [identity(item) for page in pages for item in page['items']]


def walked(world, url, limit):
    """(pages, the whole) of a listing that has stood still meanwhile."""
    for _ in range(20):
        before, pages = names_of(pages_of(world, url, 1000)), pages_of(world, url, limit)
        if names_of(pages_of(world, url, 1000)) == before:
            return pages, before
    raise AssertionError(f'{url} does not stand still')


def two_of(world, name):
    """Some listings are short in this world: there are to be two items at least."""
    inbound = {'direction': 'inbound', 'from': 'a@b.example', 'to': f'u@{ALPHA.domain}', 'ip': '192.0.2.1'}
    tests = {'get /v1/connectors/{organisation}/{name}/test': [(AWAY, inbound), (AWAY, inbound)],
             'get /v1/connector-tests': [(AWAY, inbound), (AWAY | {'name': ALPHA.stuck}, {})]}
    for place, body in tests.get(name, []):
        world.ask('POST', quoted('/v1/connectors/{organisation}/{name}/test', **place), body)
    adders = {'get /v1/acme-challenges': challenge, 'get /v1/tokens': token_id, 'get /v1/users': lambda w: w.user(),
              'get /v1/protection': watched, 'get /v1/certificates/requests': requested}
    for _ in range(2):
        adders.get(name, lambda w: None)(world)


@pytest.mark.parametrize('name', listings())
def test_pages_are_the_listing(world, name):
    """One by one, in threes, and as few as can be: the same items in the same order, each once."""
    two_of(world, name)
    asked = dict(ASKED[name](world))
    if name != 'get /v1/queue':  # the others as they are, with nothing left out
        asked.pop('query', None)
    if name == 'get /v1/checks/roots':
        asked['query'] = {'require': 'Test Root'}
    if name == 'get /v1/queue':
        asked['query'] = {}
    url = request_of('GET', name.split(' ')[1], asked)[1]
    whole = pages_of(world, url, 1000)
    assert len([p for p in whole if p['items']]) <= 1, 'all fit on one page here'
    items = names_of(whole)
    assert len(set(items)) == len(items), 'names tell items apart'
    # Hosts that failed and what partners accepted may be none; there is one copy for a backup at a time.
    assert len(items) >= 2 or name in ('get /v1/hosts', 'get /v1/certificates/{name}/acceptance', 'get /v1/backups'), (name, whole)
    for limit in 1, 3:
        pages, items = walked(world, url, limit)
        assert names_of(pages) == items, (name, limit)
        assert all(len(p['items']) == limit for p in pages[:-2]), 'pages are full'
    plain = world.ask('GET', url).json()
    assert [identity(item) for item in plain['items']] == items[:100] and bool(plain['next']) == (len(items) > 100)
    rest = {k: v for k, v in plain.items() if k not in ('items', 'next')}
    assert all({k: v for k, v in p.items() if k not in ('items', 'next')}.keys() == rest.keys() for p in pages)


@pytest.mark.parametrize('kind', ['organisations', 'domains', 'recipients', 'connectors', 'rules', 'users', 'tokens',
                                  'acme-challenges'])
def test_pages_while_objects_are_added(world, kind):
    """Whatever comes between two pages, what was there from the beginning is told once, in its order."""
    adders = {'users': lambda: world.user(), 'tokens': lambda: token_id(world), 'acme-challenges': lambda: challenge(world)}
    add = adders.get(kind, lambda: spare(world, kind))
    left = iter(range(8))
    for _ in range(3):
        add()
    before = names_of(pages_of(world, f'/v1/{kind}', 1000))
    pages = pages_of(world, f'/v1/{kind}', 1, lambda: next(left, None) is not None and add())
    told = names_of(pages)
    assert [n for n in told if n in before] == before and len(set(told)) == len(told)
    assert len(names_of(pages_of(world, f'/v1/{kind}', 1000))) == len(before) + min(8, len(pages))


def test_a_page_behind_what_is_gone(world):
    gone = spare(world, 'recipients')
    spare(world, 'recipients')
    pages = pages_of(world, '/v1/recipients', 1000)
    at = [r['address'] for r in pages[0]['items']].index(gone['address'])
    cursor = world.ask('GET', f'/v1/recipients?limit={at + 1}').json()['next']
    url = '/v1/recipients?' + urllib.parse.urlencode({'cursor': cursor})
    assert world.ask('GET', url).status == 200
    assert world.ask('DELETE', f'/v1/recipients/{gone["address"]}').status == 200
    refused(world, world.ask('GET', url), {409}, 'cursor', url)


@pytest.mark.parametrize('name', listings())
def test_a_cursor_of_our_own_making_tells_nothing(world, name):
    """Its check can be computed: the server holds all the same, whatever stands behind it."""
    path = name.split(' ')[1]
    url = quoted(path, **ASKED[name](world).get('path', {}))
    for plain in ('x', '- x', '99999999999999999999 x', '-1', '0', '{}', '[true,1,2,3,4]', '[]', '1  ', 'x' * 2000, 'ä',
                  '9223372036854775807', '1 ', ' '):
        said = url + '?' + urllib.parse.urlencode({'cursor': cursor_at(path, plain)})
        answer = world.ask('GET', said)
        if answer.status != 200:
            refused(world, answer, {400, 409}, 'cursor', said)


# ---- edits at the same time --------------------------------------------------------------------------------

# Of what these change there is no version that somebody else could have changed meanwhile.
WITHOUT_VERSION = {'delete /v1/session', 'put /v1/session/totp', 'delete /v1/session/totp',
                   'delete /v1/hosts/{host}', 'delete /v1/protection/{domain}', 'delete /v1/acme-challenges/{token}',
                   'delete /v1/backups/{name}', 'delete /v1/certificates/{name}/request'}


def has_if_match(operation):
    return any(p.get('$ref') == '#/components/parameters/if-match' for p in operation['parameters'])


def changing():
    return [n for n in all_operations() if n.split(' ')[0] in ('put', 'patch', 'delete') and n not in WITHOUT_VERSION]


@pytest.mark.parametrize('name', changing())
def test_who_has_seen_an_older_state_changes_nothing(world, name):
    method, path = name.split(' ')
    assert has_if_match(operation_of(world, name))
    method, url, body, _ = request_of(method, path, ASKED[name](world))
    before = world.house.cli('export').stdout
    answer = world.ask(method, url, body, {'If-Match': '"1"'})
    refused(world, answer, {412}, None, url)
    assert answer.json()['code'] == 'changed', answer
    assert world.house.cli('export').stdout == before
    shown = world.ask('GET', url.split('?')[0])
    assert shown.status == 200 and shown.etag, shown
    answer = world.ask(method, url, body, {'If-Match': shown.etag})
    assert answer.status in (200, 201, 204), answer
    if 'dry_run' not in url:
        refused(world, world.ask(method, url, body, {'If-Match': shown.etag}), {412, 404}, None, url)


def without_if_match(world):
    return [(m, p, o) for m, p, o in world.contract.operations()
            if m != 'get' and o['x-sealpost-access'] in ('changes', 'own') and not has_if_match(o)]


def test_what_has_no_version_is_never_the_same(world):
    """Who says If-Match relies on it, also where there is nothing to compare: nothing is done."""
    operations = without_if_match(world)
    assert len(operations) > 10
    before = world.house.cli('export').stdout
    for method, path, _ in operations:
        asked = still(world, f'{method} {path}')
        request = request_of(method, path, asked)[:3]
        answer = put(world, asked, *request, {'If-Match': '"1"'})
        refused(world, answer, {412}, None, request)
        assert answer.json()['code'] == 'changed', answer
    assert world.house.cli('export').stdout == before


def test_a_new_user_is_no_other_state(world):
    """If-Match with POST: there is nothing yet that it could match."""
    answer = world.ask('POST', '/v1/users', {'name': 'if-match', 'role': 'reader'}, {'If-Match': '"1"'})
    refused(world, answer, {412}, None, 'users')
    assert world.ask('GET', '/v1/users/if-match').status == 404


# ---- who may -------------------------------------------------------------------------------------------------


def of_organisations(operation):
    return operation['x-sealpost-who'] != 'installation'


def test_an_organisations_administrator_asks_nothing_of_the_installation(world):
    requests = [request_of(m, p, still(world, f'{m} {p}')) for m, p, o in world.contract.operations()
                if not of_organisations(o)]
    assert len(requests) > 20
    for request, answer in zip(requests, world.ask_as(ANN, *requests)):
        refused(world, answer, {403}, None, request)


def test_strangers_get_nothing_but_what_is_open(world):
    asked = [(o, request_of(m, p, still(world, f'{m} {p}'))[:3]) for m, p, o in world.contract.operations()]
    for (operation, request), answer in zip(asked, world.ask_as(STRANGER, *[r for _, r in asked])):
        if operation['x-sealpost-access'] != 'open':
            refused(world, answer, {401, 403}, None, request)


def test_roles(world):
    """What readers, auditors and administrators of an organisation may, route by route, is what the document says."""
    tokens = {role: world.token(role, *which) for role, which in (
        ('reader', ()), ('auditor', ()), ('organisation-admin', (ALPHA.organisation,)))}
    for method, path, operation in world.contract.operations():
        access, roles = operation['x-sealpost-access'], operation['x-sealpost-roles']
        if access in ('open', 'own'):
            continue
        for role, headers in tokens.items():
            asked = still(world, f'{method} {path}')
            if role not in roles:
                answer = world.ask(*request_of(method, path, asked)[:3], headers)
                refused(world, answer, {403}, None, (role, method, path))
            elif access in ('reads', 'asks'):
                answer = world.ask(*request_of(method, path, asked)[:3], headers)
                assert answer.status not in (401, 403), (role, method, path, answer)


def test_without_a_token_nothing_is_told(world):
    """Over the network, without a token, with one that is none, and with one that was removed."""
    removed = world.token('installation-admin')
    assert world.web('GET', '/v1/status', None, removed).status == 200
    assert world.ask('DELETE', f'/v1/tokens/{removed["Authorization"].split("_")[1]}').status == 200
    for method, path, operation in world.contract.operations():
        if operation['x-sealpost-access'] == 'open':
            continue
        request = request_of(method, path, still(world, f'{method} {path}'))[:3]
        for headers in {}, {'Authorization': 'Bearer sp_nobody_nothing'}, {'Authorization': 'Basic eDp5'}, removed, \
                {'Cookie': '__Host-sealpost=nothing'}:
            refused(world, world.web(*request, headers), {401}, None, (request, headers))


def test_a_session_needs_its_word_for_changes(world):
    """A cookie alone changes nothing: another page could have sent it."""
    headers = world.log_in(**world.user('installation-admin'))
    for method, path, operation in world.contract.operations():
        if method == 'get' or operation['x-sealpost-access'] == 'open':
            continue
        request = request_of(method, path, still(world, f'{method} {path}'))[:3]
        for wrong in {'Cookie': headers['Cookie']}, {**headers, 'X-Sealpost-CSRF': 'another'}, \
                {**headers, 'Origin': 'https://elsewhere.example'}:
            refused(world, world.web(*request, wrong), {403}, None, (request, wrong))


# Zeta's own in the place of alpha's, by the words of the path.
def theirs(path):
    kind = path.split('/')[2]
    keys = {'organisations': ZETA.organisation, 'domains': ZETA.domain, 'recipients': ZETA.recipient}
    ids = {'queue': ZETA.queued, 'trace': ZETA.traced, 'alarms': ZETA.alarm, 'chains': ZETA.chain,
           'audit': ZETA.audited}
    names = {'rules': ZETA.rule, 'certificates': ZETA.certificate}
    return {'key': keys.get(kind), 'id': ids.get(kind), 'organisation': ZETA.organisation,
            'name': names.get(kind, ZETA.connector)}


NOBODYS = {'key': 'nobody.example', 'id': '', 'organisation': 'nobody', 'name': 'nothing'}


def clean(text, *asked):
    """Without what was asked: an answer may say it again."""
    for word in sorted((str(a) for a in asked if a), key=len, reverse=True):
        text = text.replace(word, '').replace(urllib.parse.quote(word, safe=''), '')
    return text


def assert_no_mark(answer, request, *asked):
    for text in answer.text, json.dumps(answer.headers):
        left = clean(text.lower(), *asked)
        assert MARK not in left, (request, left[max(0, left.index(MARK) - 200):][:500])


def test_what_is_anothers_is_not_there(world):
    """Neither to be seen nor to be changed, and no answer tells whether it is there."""
    asked = []
    for method, path, operation in world.contract.operations():
        if '{' in path and path.startswith('/v1') and of_organisations(operation):
            own = still(world, f'{method} {path}')
            place = {k: v for k, v in theirs(path).items() if '{' + k + '}' in path}
            asked.append((place, request_of(method, path, {**own, 'path': place})))
    assert len(asked) > 15
    before = world.house.cli('export').stdout
    queue = world.house.json('queue', 'list', '--domain', ZETA.stuck_domain)
    for (place, request), answer in zip(asked, world.ask_as(ANN, *[r for _, r in asked])):
        if 'acceptance' in request[1]:
            assert answer.status in (200, 403, 404), (request, answer)  # how often hers were accepted: of zeta's none
        else:
            refused(world, answer, {403, 404}, None, request)
        assert_no_mark(answer, request, *place.values())
    assert world.house.cli('export').stdout == before
    assert world.house.json('queue', 'list', '--domain', ZETA.stuck_domain) == queue


# ---- nothing of others, by whatever question ---------------------------------------------------------------------


def words_for(name):
    """Zeta's things that a parameter of this name could be about."""
    return {'organisation': [ZETA.organisation], 'domain': [ZETA.domain, ZETA.partner, ZETA.stuck_domain],
            'connector': [f'{ZETA.organisation}/{ZETA.connector}', ZETA.connector, f'{ZETA.organisation}/{ZETA.stuck}'],
            'id': [ZETA.queued, ZETA.traced], 'address': [f'u@{ZETA.domain}', ZETA.sender, f'ann@{ZETA.partner}'],
            'sender': [ZETA.sender, f'joe@{ZETA.domain}'], 'recipient': [f'u@{ZETA.domain}', f'bob@{ZETA.stuck_domain}'],
            'message_id': [ZETA.message_id], 'route': [f'connector:{ZETA.organisation}/{ZETA.stuck}'],
            'name': [ZETA.certificate], 'cursor': [ZETA.queued, ZETA.recipient, f'{ZETA.organisation}/{ZETA.connector}',
                                                  ZETA.organisation, ZETA.domain, str(ZETA.chain), ZETA.traced],
            'require': [ZETA.host], 'host': [ZETA.host], 'subject': [ZETA.subject], 'object': [ZETA.organisation],
            'actor': ['root']}.get(name, [])


def values_for(path, parameter):
    """What a parameter of a query is asked with: zeta's names, and each word that it knows."""
    schema = parameter['schema']
    if parameter['name'] in ('limit', 'days'):
        return ['1', '50']
    if schema.get('type') == 'boolean':
        return ['1']
    if parameter['name'] == 'cursor':
        return [cursor_at(path, p) for w in words_for('cursor') for p in (w, f'- {w}', f'1 {w}')]
    return words_for(parameter['name']) + [v for v in schema.get('enum', []) if v]


def questions(world):
    """Every GET of what organisations may ask, plain and with each parameter; every question with a body."""
    for method, path, operation in world.contract.operations():
        if not of_organisations(operation) or operation['x-sealpost-access'] not in ('reads', 'asks', 'audits', 'open'):
            continue
        own = still(world, f'{method} {path}')
        url = quoted(path, **own.get('path', {}))
        yield [], (method, url, own.get('body'))
        for parameter in operation['parameters']:
            for value in values_for(path, parameter) if parameter.get('in') == 'query' else []:
                yield [value], (method, with_query(url, {parameter['name']: value}), own.get('body'))
    yield from bodies()


def bodies():
    """Questions about mail between alpha and zeta."""
    senders = [f'joe@{ALPHA.domain}', f'joe@{ZETA.domain}', ZETA.sender, f'ann@{ZETA.partner}']
    recipients = [f'u@{ALPHA.domain}', ZETA.recipient, f'u@{ZETA.domain}', f'ann@{ZETA.partner}',
                  f'bob@{ZETA.stuck_domain}', f'ann@{ALPHA.partner}']
    for sender in senders:
        for recipient in recipients:
            facts = {'from': sender, 'to': recipient, 'ip': '127.0.0.1'}
            yield [sender, recipient], ('post', '/v1/explain', facts)
            yield [sender, recipient], ('post', quoted('/v1/connectors/{organisation}/{name}/test', **AWAY),
                                        {**facts, 'direction': 'inbound'})
    for recipient in recipients[1:5]:
        yield [recipient], ('post', quoted('/v1/connectors/{organisation}/{name}/test', **AWAY), {'to': recipient})


def as_ann(world, requests):
    return world.ask_as(ANN, *requests)


def with_a_token(role):
    def ask(world, requests):
        headers = world.token(role, ALPHA.organisation)
        return [world.ask(*request, headers) for request in requests]
    return ask


@pytest.mark.parametrize('ask', [as_ann, with_a_token('reader'), with_a_token('auditor'),
                                 with_a_token('organisation-admin')],
                         ids=['administrator', 'reader', 'auditor', 'organisation-admin'])
def test_a_reader_of_one_gets_nothing_of_another(world, ask):
    asked = list(questions(world))
    assert len(asked) > 100
    answers = ask(world, [request for _, request in asked])
    for (words, request), answer in zip(asked, answers):
        assert answer.status < 500, (request, answer)
        # Each part of a name that was asked may be said again, but nothing more; also by the history of what was tried.
        if request[0] == 'get' and request[1].startswith(quoted('/v1/connectors/{organisation}/{name}/test', **AWAY)):
            words = [word for asked_of, _ in bodies() for word in asked_of]
        parts = [p for w in words for p in (w, *w.replace('@', '/').replace(':', '/').split('/'))]
        assert_no_mark(answer, request, *parts)
    # What is hers is there: the walk has seen something.
    said = {request[1]: answer.text for (words, request), answer in zip(asked, answers) if not words}
    for path, part in {'/v1/connectors': ALPHA.connector, '/v1/recipients': ALPHA.recipient, '/v1/chains': ALPHA.host,
                       '/v1/queue': ALPHA.stuck_domain, '/v1/trace': ALPHA.sender, '/v1/alarms': 'certificate',
                       '/v1/rules': ALPHA.rule, '/v1/domains': ALPHA.domain, '/v1/queue/summary': ALPHA.stuck}.items():
        assert part in said[path], (path, said[path][:500])
    # And by root's own eyes zeta's are where they were looked for.
    for path in ('/v1/connectors', '/v1/chains', '/v1/queue', '/v1/trace', '/v1/alarms', '/v1/rules', '/v1/domains',
                 '/v1/certificates', '/v1/lint'):
        assert MARK in world.ask('GET', path).text, path


def test_all_successful_answers_of_the_walk_fit(world):
    for _, (method, url, body) in questions(world):
        answer = world.ask(method, url, body)
        if answer.status < 300:
            world.contract.check(method, url, answer.status, answer.kind, answer.text)
