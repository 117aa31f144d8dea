"""Several organisations on one installation: what one requires is no matter of the other, mail between them is judged
by the receiver, and who manages one sees and changes nothing of the other."""
import json
import os
import re
import smtplib
import subprocess
import sys
from urllib.parse import quote

import pytest

from contract import cursor_at
from sealpost import message
from setups import local_domain, organisation, outbound_partner
from waiting import wait_for

PARTNER = 'partner.example'
ANN, BOB = 4711, 4712  # user numbers that nobody has

# Everything that only the second organisation has carries this; its domain is known to who writes there.
MARK = 'zeta'


def own_server(owner, domain, trust):
    return {'name': 'own-server', 'organisation': owner, 'type': 'on-premises', 'trust': trust,
            'inbound': {'certificate_name': f'mail.{domain}'}}


def partner_in(owner, sender, **inbound):
    return {'name': 'partner', 'organisation': owner, **({'trust': inbound.pop('trust')} if 'trust' in inbound else {}),
            'inbound': {'sender_domains': [sender], **inbound}}


@pytest.fixture
def house(tmp_path, instances, authority):
    """An installation for alpha and zeta, each with a certificate and a server of its own."""
    names = ('mx.house.example', 'mx.zeta.example')
    house = instances(tmp_path / 'house', names[0], [(n.split('.')[1], authority.issue(n, file=f'house-{n}'))
                                                     for n in names],
                      node={'queue': {'retry': ['1h']}}).start()
    return house


def base(house, authority, *connectors, **more):
    return {'organisations': [organisation('alpha', 'house', administrators=[str(ANN)]),
                              organisation('zeta', 'zeta', certificates=['zeta'], administrators=[str(BOB)])],
            'domains': [local_domain('alpha.example', 'alpha', house), local_domain('other.example', 'zeta', house)],
            'connectors': [own_server('alpha', 'alpha.example', authority.pem),
                           own_server('zeta', 'other.example', authority.pem), *connectors], **more}


def test_one_partner_two_requirements(house, authority):
    """Each organisation's connector of one name for one partner holds for its own recipients, in one transaction too."""
    house.apply(base(house, authority,
                     partner_in('alpha', PARTNER, certificate_name=f'mx.{PARTNER}', restrict_to_certificate=True,
                                trust=authority.pem),
                     partner_in('zeta', PARTNER, require_tls=False),
                     rules=[{'name': 'same', 'organisation': 'alpha', 'senders': ['spam@partner.example'],
                             'action': 'refuse'},
                            {'name': 'same', 'organisation': 'zeta', 'senders': ['other@partner.example'],
                             'action': 'refuse'}]))
    with house.smtp(tls=False) as client:
        refused = client.sendmail(f'a@{PARTNER}', ['u@alpha.example', 'v@other.example'],
                                  message(f'a@{PARTNER}', 'v@other.example'))
    assert set(refused) == {'u@alpha.example'}, refused
    house.wait_mail('v')
    assert house.maildir('u') == []
    certificate = authority.issue(f'mx.{PARTNER}', file='tenants-partner')
    assert house.send(f'a@{PARTNER}', ['u@alpha.example', 'v@other.example'], certificate=certificate) == {}
    house.wait_mail('u')
    # Rules of one name: each refuses for its own.
    with house.smtp(certificate=certificate) as client:
        refused = client.sendmail(f'spam@{PARTNER}', ['u@alpha.example', 'v@other.example'],
                                  message(f'spam@{PARTNER}', 'v@other.example'))
    assert set(refused) == {'u@alpha.example'}, refused


def test_mail_between_organisations(house, authority):
    """The receiver's partner connector judges; a certificate asked for is met by trust, and the hop is recorded."""
    alpha = authority.issue('mail.alpha.example', file='tenants-alpha')
    strict = partner_in('zeta', 'alpha.example', certificate_name='mail.alpha.example', restrict_to_certificate=True,
                        trust=authority.pem)
    house.apply(base(house, authority, strict))
    with house.smtp(certificate=alpha) as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.sendmail('ann@alpha.example', ['v@other.example'], message('ann@alpha.example', 'v@other.example'))
    code, text = refused.value.recipients['v@other.example']
    assert code == 550 and b'5.7.51' in text, (code, text)
    assert house.maildir('v') == []
    strict['inbound']['trusted_organisations'] = ['alpha']
    house.apply(base(house, authority, strict))
    wait_for(lambda: house.send('ann@alpha.example', 'v@other.example', certificate=alpha) == {}, 'trust to be in force')
    house.wait_mail('v')
    item = wait_for(lambda: next((t for t in house.json('trace', '--to', 'v@other.example')
                                  if t['last']['kind'] == 'delivered'), None), 'the delivery in the trace')
    events = {e['kind']: e for e in house.json('trace', item['id'])['events']}
    assert events['handed-over']['organisation'] == 'zeta' and events['handed-over']['connector'] == 'partner', events
    assert events['received']['organisation'] == 'alpha', events
    story = house.cli('trace', item['id']).stdout
    assert 'zeta/partner' in story[story.index("Handed over to the recipient's organisation"):], story


# ---- administrators ----------------------------------------------------------------------------------

ASK = '''
import http.client, json, socket, sys
class Api(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(sys.argv[1])
answers = []
for method, path, body in json.load(sys.stdin):
    api = Api('sealpost')
    api.request(method, path, json.dumps(body) if body is not None else None)
    answer = api.getresponse()
    answers.append([answer.status, answer.read().decode()])
    api.close()
json.dump(answers, sys.stdout)
'''


def open_to_all(instance):
    for folder in [instance.directory, *instance.directory.parents[:-2]]:
        os.chmod(folder, os.stat(folder).st_mode | 0o011)


def ask_as(instance, uid, *requests):
    """[(status, text)] of [(method, path, body)], asked by the user of that number."""
    done = subprocess.run([sys.executable, '-c', ASK, str(instance.directory / 'run' / 'admin.sock')],
                          input=json.dumps(requests), capture_output=True, text=True, timeout=120,
                          user=uid, group=uid, extra_groups=[])
    assert done.returncode == 0, done.stderr
    return [tuple(a) for a in json.loads(done.stdout)]


def cli_as(instance, uid, *arguments, input=None):
    return subprocess.run([instance.binary, *map(str, arguments), '--socket',
                           str(instance.directory / 'run' / 'admin.sock')], input=input, capture_output=True, text=True,
                          timeout=120, user=uid, group=uid, extra_groups=[])


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason='only root can become somebody else')


@pytest.fixture
def busy(house, authority):
    """With objects, queue, refusals and trace of both organisations."""
    open_to_all(house)
    alpha = authority.issue('mail.alpha.example', file='busy-alpha')
    zeta = authority.issue('mail.other.example', file='busy-zeta')
    config = base(
        house, authority,
        outbound_partner('alpha', 'away', 'far.example', ['127.0.0.1:9'], tls='none'),
        outbound_partner('zeta', 'zeta-away', 'zeta-far.example', ['127.0.0.1:9'], tls='none'),
        partner_in('zeta', 'alpha.example', require_tls=True),
        {**partner_in('zeta', 'branch.example', certificate_name='zeta-mail.branch.example',
                      restrict_to_certificate=True), 'name': 'zeta-strict'},
        {'name': 'zeta-gate', 'organisation': 'zeta', 'type': 'on-premises', 'inbound': {'addresses': ['192.0.2.7']}},
        {'name': 'gate', 'organisation': 'alpha', 'type': 'on-premises', 'inbound': {'addresses': ['192.0.2.0/24']}},
        rules=[{'name': 'zeta-rule', 'organisation': 'zeta', 'senders': ['zeta-x@x.example'], 'action': 'hold'},
               {'name': 'rule', 'organisation': 'alpha', 'senders': ['x@x.example'], 'action': 'hold'}],
        recipients=[{'address': 'zeta-r@other.example'}, {'address': 'r@alpha.example'}])
    house.apply(config)
    house.send('stranger@x.example', ['u@alpha.example', 'zeta-u@other.example'])
    house.send('zeta-s@x.example', 'zeta-u@other.example', message('zeta-s@x.example', 'zeta-u@other.example', 'zeta-1'))
    house.send('ann@alpha.example', ['f@far.example', 'w@other.example'], certificate=alpha)
    house.send('ann@alpha.example', 'w@other.example', certificate=alpha)
    house.send('b@other.example', ['zeta-f@zeta-far.example', 'u@alpha.example'],
               message('b@other.example', 'u@alpha.example', 'shared'), certificate=zeta)
    with house.smtp() as client, pytest.raises(smtplib.SMTPRecipientsRefused):
        client.sendmail('zeta-s@x.example', ['elsewhere@y.example'], 'Subject: zeta-2\r\n\r\n')
    with house.smtp(certificate=alpha) as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.sendmail('ann@branch.example', ['w@other.example'], 'Subject: to another\r\n\r\n')
    assert MARK not in str(refused.value).lower()
    house.wait_mail('u', 2)
    house.wait_mail('zeta-u', 2)
    wait_for(lambda: len(queue := house.json('queue', 'list')) == 2 and
             all(r['attempts'] for m in queue for r in m['recipients']), 'both messages to be tried')
    return house


def requests_of(house, routes):
    """Each route with alpha's objects in its path; a segment that has no value here fails."""
    queued = house.json('queue', 'list', '--domain', 'far.example')[0]['id']
    traced = [t for t in house.json('trace') if t['id'] and {'u@alpha.example', 'w@other.example'} & {*t['recipients']}]
    keys = {'organisations': 'alpha', 'domains': 'alpha.example', 'recipients': 'r@alpha.example'}
    bodies = {'/v1/explain': {'from': 'ann@alpha.example', 'to': ['w@other.example', 'f@far.example'],
                              'ip': '192.0.2.7'},
              '/v1/connectors/alpha/away/test': {'to': 'f@far.example'}}
    for route in routes:
        if route['path'] == '/v1/events':
            continue  # has no end; test_api.py listens to it
        kind = route['path'].split('/')[2] if route['path'].count('/') > 1 else ''
        path = route['path']
        for name, value in {'{organisation}': 'alpha', '{name}': 'rule' if kind == 'rules' else 'away',
                            '{action}': 'hold', '{host}': 'mx.x.example:25', '{domain}': 'far.example', '{token}': 'abc',
                            '{key}': keys.get(kind, ''), '{id}': queued if kind == 'queue' else traced[0]['id']}.items():
            path = path.replace(name, value)
        assert '{' not in path and '//' not in path, route
        if path.startswith('/v1/alarms/'):
            path = '/v1/alarms/1/acknowledge'
        body = bodies.get(path, {'filter': {'all': True}} if '/queue/' in path else {})
        if route['method'] not in ('POST', 'GET'):
            path += '?dry_run=1'
        yield route, (route['method'], path, body if route['method'] not in ('GET', 'DELETE') else None)
    for item in traced:
        yield {'who': 'organisation', 'method': 'GET'}, ('GET', f'/v1/trace/{item["id"]}', None)


@needs_root
def test_no_route_tells_of_another_organisation(busy):
    routes = json.loads(ask_as(busy, ANN, ('GET', '/v1?limit=1000', None))[0][1])['items']
    assert all(r['who'] in ('installation', 'organisation', 'anyone') for r in routes), routes
    asked = list(requests_of(busy, routes))
    answers = ask_as(busy, ANN, *(request for _, request in asked))
    for (route, request), (status, text) in zip(asked, answers):
        if route['who'] == 'installation':
            assert status == 403, (request, status, text)
        else:
            assert status != 403, (request, status, text)
        assert MARK not in text.lower(), (request, status, text)
    # What is hers is there.
    said = {request[1]: text for (_, request), (_, text) in zip(asked, answers) if request[0] == 'GET'}
    for path, part in {'/v1/connectors': 'alpha', '/v1/recipients': 'r@alpha.example', '/v1/rules': '"rule"',
                       '/v1/queue': 'f@far.example', '/v1/queue/summary': 'alpha/away', '/v1/trace': 'u@alpha.example',
                       '/v1/lint': 'address-shared', '/v1/domains': 'alpha.example'}.items():
        assert part in said[path], (path, said[path])
    for part in 'stranger@x.example', 'shared', 'for another organisation':
        assert part in ''.join(said.values()), said
    # Hold {all: true} took hold of alpha's mail only.
    states = {r['address']: r['state'] for m in busy.json('queue', 'list') for r in m['recipients']}
    assert states['f@far.example'] == 'held' and states['zeta-f@zeta-far.example'] == 'waiting', states


@needs_root
def behind(listing, plain):
    return f'/v1/{listing}?cursor={quote(cursor_at(f"/v1/{listing}", plain))}'


def test_what_is_anothers_can_neither_be_asked_nor_changed(busy):
    theirs = busy.json('queue', 'list', '--domain', 'zeta-far.example')[0]['id']
    only = busy.json('trace', '--from', 'zeta-s@x.example', '--outcome', 'delivered')[0]['id']
    before = busy.cli('export').stdout
    one = {'kind': 'connector', 'op': 'patch', 'key': 'zeta/partner', 'object': {'comment': 'x'}}
    connector = {'name': 'new', 'organisation': 'zeta', 'outbound': {'recipient_domains': ['x.example']}}
    for method, path, body, statuses in [
            ('GET', '/v1/connectors/zeta/partner', None, {403}), ('GET', '/v1/connectors/nobody/partner', None, {403}),
            ('PATCH', '/v1/connectors/zeta/partner', {'enabled': False}, {403}),
            ('DELETE', '/v1/connectors/zeta/partner', None, {403}), ('POST', '/v1/connectors', connector, {403}),
            ('PUT', '/v1/connectors/alpha/new', connector, {403}), ('DELETE', '/v1/rules/zeta/zeta-rule', None, {403}),
            ('PATCH', '/v1/rules/alpha/rule', {'organisation': 'zeta'}, {403}),
            ('POST', '/v1/recipients', {'address': 'new@other.example'}, {403}),
            ('DELETE', '/v1/recipients/zeta-r@other.example', None, {403}),
            ('GET', '/v1/domains/other.example', None, {404}), ('GET', '/v1/organisations/zeta', None, {404}),
            ('PATCH', '/v1/organisations/alpha', {'reject_direct_send': True}, {403}),
            ('POST', '/v1/domains', {'name': 'more.example', 'organisation': 'alpha'}, {403}),
            ('POST', '/v1/changes', {'changes': [one]}, {403}),
            ('POST', '/v1/changes', {'changes': [{'kind': 'domain', 'op': 'remove', 'key': 'alpha.example'}]}, {403}),
            ('POST', '/v1/connectors/zeta/zeta-away/test', {}, {403}),
            ('GET', '/v1/connectors/zeta/zeta-away/readiness', None, {403}),
            # Neither does a page begin behind what is not hers: its being there would show.
            ('GET', behind('connectors', '- zeta/partner'), None, {409}),
            ('GET', behind('connectors', '1 zeta/partner'), None, {409}),
            ('GET', behind('recipients', '- zeta-r@other.example'), None, {409}),
            ('GET', behind('recipients', '- r@alpha.example'), None, {200}),
            ('GET', f'/v1/queue/{theirs}', None, {404}), ('GET', f'/v1/trace/{only}', None, {404}),
            ('POST', '/v1/queue/delete', {'filter': {'id': theirs}}, {200}),
            ('POST', '/v1/queue/return', {'filter': {'connector': 'zeta/zeta-away'}}, {200})]:
        (status, text), = ask_as(busy, ANN, (method, path, body))
        assert status in statuses, (method, path, status, text)
        if status == 200 and method == 'POST':
            assert json.loads(text) == {'messages': 0, 'recipients': 0}, text
    assert busy.cli('export').stdout == before
    assert busy.json('queue', 'show', theirs)['recipients'][0]['state'] == 'waiting'
    # Strangers still get nothing at all.
    (status, _), = ask_as(busy, 4713, ('GET', '/v1', None))
    assert status == 403


@needs_root
def test_an_administrator_changes_what_is_hers(busy):
    (status, text), = ask_as(busy, ANN, ('PATCH', '/v1/connectors/alpha/away', {'comment': 'mine'}))
    assert status == 200, text
    assert busy.json('connector', 'show', 'alpha/away')['comment'] == 'mine'
    assert 'actor="uid 4711"' in busy.log_text()
    done = cli_as(busy, ANN, 'recipient', 'load', '-', '--replace', input='new@alpha.example\n')
    assert done.returncode == 0 and 'added 1, changed 0, removed 1' in done.stdout, done
    assert {r['address'] for r in busy.json('recipient', 'list')} == {'new@alpha.example', 'zeta-r@other.example'}
    done = cli_as(busy, ANN, 'recipient', 'load', '-', input='new@other.example\n')
    assert done.returncode == 1 and 'line 1' in done.stderr and 'nothing was changed' in done.stderr, done


@needs_root
def test_administrators_by_name(house, authority):
    """Names are looked up outside the sandbox, when the configuration names them."""
    open_to_all(house)
    config = base(house, authority)
    config['organisations'][0]['administrators'] = ['nobody', 'no-such-user-here']
    house.apply(config)
    wait_for(lambda: ask_as(house, 65534, ('GET', '/v1/domains', None))[0][0] == 200, 'the name to be looked up')
    text = ask_as(house, 65534, ('GET', '/v1/domains', None))[0][1]
    assert 'alpha.example' in text and MARK not in text
    assert 'name=no-such-user-here' in house.log_text()
    config['organisations'][0]['administrators'] = []
    house.apply(config)
    assert ask_as(house, 65534, ('GET', '/v1/domains', None))[0][0] == 403


@needs_root
def test_dry_runs_tell_nothing_of_others(busy):
    """What alpha's administrator may try out, with facts that concern zeta as well."""
    facts = {'direction': 'inbound', 'ip': '192.0.2.7', 'tls': True}
    answers = ask_as(busy, ANN, *[('POST', '/v1/connectors/alpha/gate/test', {**facts, 'from': sender, 'to': to})
                                  for sender in ('ann@alpha.example', 'b@other.example', 'joe@branch.example')
                                  for to in ('w@other.example', 'u@alpha.example', 'f@far.example')])
    for status, text in answers:
        steps = [json.loads(line) for line in text.splitlines()]
        assert status == 200 and steps[-1]['step'] == 'summary', text
        assert MARK not in text.lower(), text
    status, text = ask_as(busy, ANN, ('POST', '/v1/connectors/zeta/zeta-gate/test', facts))[0]
    assert status == 403 and 'summary' not in text, text


@needs_root
def test_questions_do_not_feel_for_what_others_have(busy):
    """Which address is zeta's own server's shows in no answer: zeta has 192.0.2.7, and alpha may ask for any."""
    def answers(ip):
        facts = {'ip': ip, 'from': 'b@other.example', 'tls': True}
        asked = [('POST', '/v1/explain', {**facts, 'to': ['f@far.example', 'u@alpha.example', 'w@other.example']})]
        asked += [('POST', '/v1/connectors/alpha/gate/test', {**facts, 'direction': 'inbound', 'to': to})
                  for to in ('f@far.example', 'u@alpha.example', 'w@other.example')]
        texts = []
        for status, text in ask_as(busy, ANN, *asked):
            assert status == 200, text
            texts.append(re.sub(r'"ms":\d+', '', text.replace(ip, 'IP')))
        return texts
    assert answers('192.0.2.7') == answers('192.0.2.8')
    # What becomes of alpha's own mail is told: its server would hear it, too.
    (status, text), = ask_as(busy, ANN, ('POST', '/v1/explain', {'from': 'ann@branch.example', 'to': 'w@other.example',
                                                                 'ip': '192.0.2.9'}))
    assert status == 200 and 'other organisations' in text, text
